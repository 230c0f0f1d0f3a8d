//! What the portal sends to us: parsed, and verified against the stored digest of its token.
//!
//! An event is a hint to look at a record again and carries no work. Its hosts and tokens are never
//! used; the one exception is the grant of an install, which [`verify_install`] tries at the pinned
//! token server. The event has no signature: its `application_token` is a bearer secret in the body,
//! so it is compared in constant time on digests of one length. Not here: storing and answering.

use std::fmt;

use domain::observed::Record;
use domain::{BankDetailId, CompanyId, ContactId, DealId, PortalId, RequisiteId};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

pub use crate::connection::verify_install;
use crate::form::Form;
pub use crate::form::{FormRefused, Limits};

/// One receipt of an event.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The event's name in upper case; the portal writes it both ways.
    pub event: String,
    /// The record to look at again; none for events of the application and for what we do not follow.
    pub record: Option<Record>,
    /// The portal that it claims to come from.
    pub member_id: PortalId,
    /// The host that it claims; for messages to people only.
    pub domain: Option<String>,
    /// What proves it; see [`verify`].
    pub application_token: SecretString,
    /// When the queue server sent it; not when the change happened.
    pub ts: Option<Timestamp>,
    /// The grant of `ONAPPINSTALL`.
    pub install: Option<InstallGrant>,
}

/// Tokens that an install event offers. Worth nothing until [`verify_install`] has tried them.
#[derive(Clone, Debug)]
pub struct InstallGrant {
    /// The portal that it claims to be for.
    pub member_id: PortalId,
    /// Tried at the token server.
    pub refresh_token: SecretString,
    /// To be stored as a digest, once the grant is proved.
    pub application_token: SecretString,
}

/// Why a body is no event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventRefused {
    /// No form that may be read.
    #[error("the body is no form")]
    Form(#[from] FormRefused),
    /// Something that every event has is missing.
    #[error("the event has no `{0}`")]
    Missing(&'static str),
    /// A value that cannot be what it should be.
    #[error("the event's `{0}` is malformed")]
    Malformed(&'static str),
}

/// The SHA-256 of an `application_token`: what is stored and compared instead of the token. There is
/// no `==` on it: [`TokenDigest::is_of`] compares.
#[derive(Clone, Copy)]
pub struct TokenDigest([u8; 32]);

impl TokenDigest {
    /// No token has this digest: to be compared with when the portal is not known, so that knowing
    /// it or not takes the same path.
    pub const NONE: Self = Self([0; 32]);

    /// The digest of a token.
    pub fn of(token: &SecretString) -> Self {
        Self(Sha256::digest(token.expose_secret().as_bytes()).into())
    }

    /// As it was stored.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// To be stored.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether it is the digest of this token, found out in the same time for any.
    #[must_use]
    pub fn is_of(&self, token: &SecretString) -> bool {
        Self::of(token).0.ct_eq(&self.0).into()
    }
}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenDigest(…)")
    }
}

/// Reads a body. Nothing of it is believed yet.
///
/// # Errors
/// Says what is wrong, never with a value of the body.
pub fn parse(body: &[u8], limits: Limits) -> Result<Delivery, EventRefused> {
    let form = Form::parse(body, limits)?;
    let auth = |name: &str| form.get(&["auth", name]).filter(|value| !value.is_empty());
    let event = form.get(&["event"]).filter(|event| !event.is_empty());
    let event = event.ok_or(EventRefused::Missing("event"))?.to_uppercase();
    if event.len() > 100
        || !event
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_'))
    {
        return Err(EventRefused::Malformed("event"));
    }
    let member_id = auth("member_id").ok_or(EventRefused::Missing("member_id"))?;
    if member_id.len() > 64 || !member_id.bytes().all(is_of_an_id) {
        return Err(EventRefused::Malformed("member_id"));
    }
    let member_id = PortalId::new(member_id);
    let token = auth("application_token").ok_or(EventRefused::Missing("application_token"))?;
    let application_token = SecretString::from(token.to_owned());
    let number = |name: &str| {
        let id = form.get(&["data", "FIELDS", name])?.parse::<u64>().ok();
        id.filter(is_kept)
    };
    let record = record_of(&event, number);
    let install = match auth("refresh_token") {
        Some(refresh) if event == "ONAPPINSTALL" => Some(InstallGrant {
            member_id: member_id.clone(),
            refresh_token: SecretString::from(refresh.to_owned()),
            application_token: application_token.clone(),
        }),
        _ => None,
    };
    let seconds = form.get(&["ts"]).and_then(|ts| ts.parse::<i64>().ok());
    Ok(Delivery {
        record,
        member_id,
        domain: auth("domain").map(|domain| domain.chars().take(255).collect()),
        application_token,
        ts: seconds.and_then(|seconds| Timestamp::from_second(seconds).ok()),
        install,
        event,
    })
}

/// Whether the delivery carries the token whose digest was stored for its portal.
#[must_use]
pub fn verify(delivery: &Delivery, stored: &TokenDigest) -> bool {
    stored.is_of(&delivery.application_token)
}

fn is_of_an_id(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

/// The record that an event of this name (in upper case) is about; `field` reads an id out of its `FIELDS`.
/// A larger one no database of ours keeps.
pub(crate) fn is_kept(id: &u64) -> bool {
    i64::try_from(*id).is_ok()
}

pub(crate) fn record_of(event: &str, field: impl Fn(&str) -> Option<u64>) -> Option<Record> {
    let id = || field("ID").filter(|id| *id > 0);
    match event {
        "ONCRMDEALADD" | "ONCRMDEALUPDATE" | "ONCRMDEALDELETE" | "ONCRMDEALMOVETOCATEGORY" => {
            id().map(|id| Record::Deal(DealId(id)))
        }
        "ONCRMCOMPANYADD" | "ONCRMCOMPANYUPDATE" | "ONCRMCOMPANYDELETE" => {
            id().map(|id| Record::Company(CompanyId(id)))
        }
        "ONCRMCONTACTADD" | "ONCRMCONTACTUPDATE" | "ONCRMCONTACTDELETE" => {
            id().map(|id| Record::Contact(ContactId(id)))
        }
        "ONCRMREQUISITEADD" | "ONCRMREQUISITEUPDATE" | "ONCRMREQUISITEDELETE" => {
            id().map(|id| Record::Requisite(RequisiteId(id)))
        }
        "ONCRMBANKDETAILADD" | "ONCRMBANKDETAILUPDATE" | "ONCRMBANKDETAILDELETE" => {
            id().map(|id| Record::BankDetail(BankDetailId(id)))
        }
        "ONCRMADDRESSREGISTER" | "ONCRMADDRESSUNREGISTER" => owner_of_address(field),
        _ => None,
    }
}

/// The company or contact behind an address, which the event names as its anchor; else its requisite.
fn owner_of_address(field: impl Fn(&str) -> Option<u64>) -> Option<Record> {
    let anchor = field("ANCHOR_ID").filter(|id| *id > 0);
    match (field("ANCHOR_TYPE_ID"), anchor) {
        (Some(crate::translate::COMPANY), Some(id)) => return Some(Record::Company(CompanyId(id))),
        (Some(crate::translate::CONTACT), Some(id)) => return Some(Record::Contact(ContactId(id))),
        _ => {}
    }
    let of_requisite = field("ENTITY_TYPE_ID") == Some(8);
    field("ENTITY_ID")
        .filter(|_| of_requisite)
        .map(|id| Record::Requisite(RequisiteId(id)))
}
