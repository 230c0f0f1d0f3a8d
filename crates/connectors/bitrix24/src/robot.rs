//! Calls of a portal's own robot «Исходящий вебхук»: it posts to any address that an administrator types, with the document
//! it runs on in the body and nothing that proves the portal. The proof is therefore a token of ours in the address.
//!
//! The body is PHP's form: `document_id[0]=crm`, `document_id[1]=CCrmDocumentDeal`, `document_id[2]=DEAL_4711`, and an
//! `auth` of `domain`, `client_endpoint`, `server_endpoint` and `member_id`, of which only the last is read: hosts and tokens
//! of a body are never used. Not here: what the call is worth (`web`).

use domain::{DealId, Order, PortalId};
use secrecy::SecretString;

use crate::form::Form;
use crate::webhook::{self, EventRefused, Limits};

/// What stands behind the `?` of the address. Nothing of it is believed yet.
#[derive(Clone, Debug)]
pub struct Query {
    /// What proves the caller.
    pub token: Option<SecretString>,
    order: Option<String>,
    deal: Option<String>,
}

/// What is ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Called {
    /// For this deal.
    pub deal: DealId,
    /// What is to be done.
    pub order: Order,
}

/// Reads the address.
///
/// # Errors
/// Says what is wrong, never with a value of the address.
pub fn query(text: &str, limits: Limits) -> Result<Query, EventRefused> {
    let form = Form::parse(text.as_bytes(), limits)?;
    let value = |name: &str| form.get(&[name]).map(str::to_owned);
    let token = value("token").filter(|token| !token.is_empty());
    Ok(Query {
        token: token.map(SecretString::from),
        order: value("order"),
        deal: value("deal"),
    })
}

/// Reads what the address and the body order for a deal of `portal`. Both may name the deal, but not two.
///
/// # Errors
/// Says what is wrong, never with a value of the body.
pub fn called(
    portal: &PortalId,
    query: &Query,
    body: &[u8],
    limits: Limits,
) -> Result<Called, EventRefused> {
    let form = Form::parse(body, limits)?;
    let member_id = form.get(&["auth", "member_id"]);
    if member_id.is_some_and(|member_id| member_id != portal.as_str()) {
        return Err(EventRefused::Malformed("auth[member_id]"));
    }
    let order = query.order.as_deref();
    let order = order.ok_or(EventRefused::Missing("order"))?;
    let order = Order::named(order).ok_or(EventRefused::Malformed("order"))?;
    let typed = query.deal.as_deref().map(|text| deal("deal", text));
    let document = form.get(&["document_id", "2"]).map(|text| {
        let number = text.strip_prefix("DEAL_");
        deal("document_id[2]", number.unwrap_or_default())
    });
    let deal = match (typed.transpose()?, document.transpose()?) {
        (Some(typed), Some(document)) if typed != document => {
            return Err(EventRefused::Malformed("deal"));
        }
        (Some(deal), _) | (None, Some(deal)) => deal,
        (None, None) => return Err(EventRefused::Missing("document_id[2]")),
    };
    Ok(Called { deal, order })
}

fn deal(name: &'static str, text: &str) -> Result<DealId, EventRefused> {
    let id = text.parse::<DealId>().ok();
    let is_one = |id: &DealId| id.0 > 0 && webhook::is_kept(&id.0);
    id.filter(is_one).ok_or(EventRefused::Malformed(name))
}

#[cfg(test)]
mod tests {
    use domain::{DealId, Order, PortalId};
    use proptest::prelude::*;

    use super::{Called, called, query};
    use crate::webhook::Limits;

    const BODY: &str = "document_id%5B0%5D=crm&document_id%5B1%5D=CCrmDocumentDeal&document_id%5B2%5D=DEAL_4711\
                        &auth%5Bdomain%5D=portal.bitrix24.ru&auth%5Bclient_endpoint%5D=https%3A%2F%2Fevil.test%2F\
                        &auth%5Bmember_id%5D=portal-a";

    fn read(address: &str, body: &str) -> Result<Called, String> {
        let limits = Limits::default();
        let query = query(address, limits).map_err(|error| error.to_string())?;
        called(&PortalId::new("portal-a"), &query, body.as_bytes(), limits)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_document_of_the_robot_or_the_address_names_the_deal() {
        let ordered = |order| {
            Ok(Called {
                deal: DealId(4711),
                order,
            })
        };
        for (address, body, order) in [
            ("token=x&order=issue", BODY, Order::Issue),
            ("order=%D0%B0%D0%B2%D0%B0%D0%BD%D1%81", BODY, Order::Advance),
            ("order=Перевыставить+счёт", BODY, Order::Reissue),
            ("order=cancel&deal=4711", "", Order::Cancel),
            ("order=leave&deal=4711", BODY, Order::Leave),
        ] {
            assert_eq!(read(address, body), ordered(order), "{address}");
        }
    }

    #[test]
    fn what_is_missing_malformed_or_of_another_portal_is_refused() {
        let lead = BODY.replace("DEAL_", "LEAD_");
        let stranger = BODY.replace("portal-a", "portal-b");
        for (address, body, error) in [
            ("token=x", BODY, "the event has no `order`"),
            ("order=sing", BODY, "the event's `order` is malformed"),
            ("order=issue", "", "the event has no `document_id[2]`"),
            (
                "order=issue",
                lead.as_str(),
                "the event's `document_id[2]` is malformed",
            ),
            (
                "order=issue&deal=4712",
                BODY,
                "the event's `deal` is malformed",
            ),
            ("order=issue&deal=0", "", "the event's `deal` is malformed"),
            ("order=issue&deal=+5", "", "the event's `deal` is malformed"),
            (
                "order=issue&deal=18446744073709551615",
                "",
                "the event's `deal` is malformed",
            ),
            (
                "order=issue",
                stranger.as_str(),
                "the event's `auth[member_id]` is malformed",
            ),
            ("order=issue&order=cancel", BODY, "the body is no form"),
        ] {
            assert_eq!(read(address, body), Err(error.to_owned()), "{address}");
        }
    }

    #[test]
    fn the_token_is_shown_to_nobody() {
        let query = query("token=secret-of-ours&order=issue", Limits::default()).unwrap();
        assert!(query.token.is_some());
        assert!(!format!("{query:?}").contains("secret-of-ours"));
    }

    proptest! {
        #[test]
        fn no_call_makes_it_panic(address in "[a-z\\[\\]=&%+0-9éЯ]{0,80}", body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let limits = Limits::default();
            if let Ok(query) = query(&address, limits) {
                let read = called(&PortalId::new("p"), &query, &body, limits);
                prop_assert!(read.is_err() || address.contains("order="));
            }
        }
    }
}
