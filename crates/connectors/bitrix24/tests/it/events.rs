//! Events: the vendor's documented deliveries, and what is refused.

use std::sync::Arc;

use capability::{Call, Urgency};
use connector_bitrix24::Offline;
use connector_bitrix24::webhook::{
    EventRefused, FormRefused, Limits, TokenDigest, parse, verify, verify_install,
};
use domain::observed::Record;
use domain::{BankDetailId, CompanyId, ContactId, DealId, PortalId, RequisiteId, Verdict};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use crate::script::{MEMBER, Memory, Open, Script, app, ok, settings};

/// The vendor's delivery of an event, with these `data`.
fn body(event: &str, data: &str) -> String {
    format!(
        "event={event}&event_handler_id=185{data}&ts=1735374081&auth%5Baccess_token%5D=s6p6eclrvim6&auth%5Bexpires_in%5D=3600\
         &auth%5Bscope%5D=crm&auth%5Bdomain%5D=some-domain.bitrix24.com&auth%5Bserver_endpoint%5D=https%3A%2F%2Foauth.bitrix.info%2Frest%2F\
         &auth%5Bstatus%5D=L&auth%5Bclient_endpoint%5D=http%3A%2F%2F169.254.169.254%2Frest%2F&auth%5Bmember_id%5D={MEMBER}\
         &auth%5Brefresh_token%5D=4s386p3q0tr8&auth%5Bapplication_token%5D=51856fefc120"
    )
}

fn record(event: &str, data: &str) -> Option<Record> {
    parse(body(event, data).as_bytes(), Limits::default())
        .unwrap()
        .record
}

#[test]
fn each_event_names_the_record_to_look_at() {
    for (event, data, expected) in [
        (
            "ONCRMDEALADD",
            "&data[FIELDS][ID]=6641",
            Some(Record::Deal(DealId(6641))),
        ),
        (
            "onCrmDealUpdate",
            "&data[FIELDS][ID]=759",
            Some(Record::Deal(DealId(759))),
        ),
        (
            "ONCRMDEALMOVETOCATEGORY",
            "&data[FIELDS][ID]=6675&data[FIELDS][CATEGORY_ID]=1&data[FIELDS][STAGE_ID]=C1%3ANEW",
            Some(Record::Deal(DealId(6675))),
        ),
        (
            "ONCRMCOMPANYUPDATE",
            "&data[FIELDS][ID]=3",
            Some(Record::Company(CompanyId(3))),
        ),
        (
            "ONCRMCONTACTDELETE",
            "&data[FIELDS][ID]=3",
            Some(Record::Contact(ContactId(3))),
        ),
        (
            "ONCRMREQUISITEUPDATE",
            "&data[FIELDS][ID]=40",
            Some(Record::Requisite(RequisiteId(40))),
        ),
        (
            "onCrmBankDetailUpdate",
            "&data[FIELDS][ID]=357",
            Some(Record::BankDetail(BankDetailId(357))),
        ),
        (
            "onCrmAddressRegister",
            "&data[FIELDS][TYPE_ID]=1&data[FIELDS][ENTITY_TYPE_ID]=8&data[FIELDS][ENTITY_ID]=1&data[FIELDS][ANCHOR_ID]=17192&data[FIELDS][ANCHOR_TYPE_ID]=3",
            Some(Record::Contact(ContactId(17192))),
        ),
        (
            "ONCRMADDRESSREGISTER",
            "&data[FIELDS][ENTITY_TYPE_ID]=8&data[FIELDS][ENTITY_ID]=40",
            Some(Record::Requisite(RequisiteId(40))),
        ),
        ("ONCRMREQUISITEUSERFIELDADD", "&data[FIELDS][ID]=40", None),
        ("ONCRMDEALUPDATE", "&data[FIELDS][ID]=0", None),
        ("ONCRMDEALUPDATE", "&data[FIELDS][ID]=7%20OR%201", None),
        ("ONCRMDEALUPDATE", "&data[FIELDS][ID]=-7", None),
        ("ONOFFLINEEVENT", "", None),
        ("ONSOMETHINGNEW", "&data[FIELDS][ID]=1", None),
    ] {
        assert_eq!(record(event, data), expected, "{event} {data}");
    }
}

#[test]
fn a_delivery_tells_its_portal_and_time_and_offers_no_grant() {
    let delivery = parse(
        body("ONCRMDEALADD", "&data[FIELDS][ID]=1").as_bytes(),
        Limits::default(),
    )
    .unwrap();
    assert_eq!(delivery.event, "ONCRMDEALADD");
    assert_eq!(delivery.member_id, PortalId::new(MEMBER));
    assert_eq!(delivery.domain.as_deref(), Some("some-domain.bitrix24.com"));
    assert_eq!(delivery.ts.unwrap().to_string(), "2024-12-28T08:21:21Z");
    assert!(delivery.install.is_none());
    let shown = format!("{delivery:?}");
    for secret in ["51856fefc120", "s6p6eclrvim6", "4s386p3q0tr8"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn only_the_stored_token_proves_a_delivery() {
    let delivery = parse(body("ONCRMDEALADD", "").as_bytes(), Limits::default()).unwrap();
    let digest = |token: &str| TokenDigest::of(&SecretString::from(token.to_owned()));
    assert!(verify(&delivery, &digest("51856fefc120")));
    assert!(verify(
        &delivery,
        &TokenDigest::from_bytes(*digest("51856fefc120").as_bytes())
    ));
    for other in ["51856fefc121", "", "51856fefc12", "51856fefc1200"] {
        assert!(!verify(&delivery, &digest(other)), "{other}");
    }
    assert!(!verify(&delivery, &TokenDigest::NONE));
}

#[test]
fn what_is_no_event_is_refused() {
    let full = body("ONCRMDEALADD", "");
    let without = |part: &str| {
        let kept: Vec<&str> = full
            .split('&')
            .filter(|pair| !pair.contains(part))
            .collect();
        kept.join("&")
    };
    for (body, expected) in [
        (String::new(), EventRefused::Missing("event")),
        (without("event="), EventRefused::Missing("event")),
        (without("member_id"), EventRefused::Missing("member_id")),
        (
            without("application_token"),
            EventRefused::Missing("application_token"),
        ),
        (
            full.replace("ONCRMDEALADD", "ON%0ACRM"),
            EventRefused::Malformed("event"),
        ),
        (
            full.replace(MEMBER, "..%2F..%2Fx"),
            EventRefused::Malformed("member_id"),
        ),
        (
            format!("{full}&auth[application_token]=other"),
            EventRefused::Form(FormRefused::DoubledKey),
        ),
        (
            format!("{full}&auth=1"),
            EventRefused::Form(FormRefused::DoubledKey),
        ),
        (
            "x".repeat(300_000),
            EventRefused::Form(FormRefused::TooLarge),
        ),
    ] {
        assert_eq!(
            parse(body.as_bytes(), Limits::default()).unwrap_err(),
            expected
        );
    }
}

async fn tried(
    member_of_the_answer: &'static str,
) -> (Result<(PortalId, String), Verdict>, Vec<String>) {
    let script = Script::new(move |seen, _| {
        assert!(seen.raw.contains("refresh_token=4s386p3q0tr8"));
        Ok(ok(json!({
            "access_token": "fresh", "refresh_token": "r2", "member_id": member_of_the_answer,
            "client_endpoint": "https://some-domain.bitrix24.com/rest/",
        })))
    });
    let delivery = parse(
        body("ONAPPINSTALL", "&data[VERSION]=1&data[ACTIVE]=Y").as_bytes(),
        Limits::default(),
    )
    .unwrap();
    let grant = delivery.install.unwrap();
    let (member, gate) = (PortalId::new(MEMBER), Open::default());
    let call = Call::new(&member, Urgency::Click, &gate);
    let vault = Memory::holding("none", "none");
    let transport: Arc<Script> = script.clone();
    let proved = verify_install(
        &call,
        app(vault),
        &grant,
        transport,
        &settings(Offline::Absent),
    )
    .await;
    let hosts = script.seen().into_iter().map(|seen| seen.host).collect();
    let proved = proved.map(|(member, tokens)| (member, tokens.access.expose_secret().to_owned()));
    (proved.map_err(|error| error.verdict), hosts)
}

#[tokio::test]
async fn an_install_is_proved_at_the_pinned_server_alone() {
    let (proved, hosts) = tried(MEMBER).await;
    assert_eq!(proved, Ok((PortalId::new(MEMBER), "fresh".to_owned())));
    assert_eq!(hosts, ["oauth.bitrix24.tech"]);
    let (refused, hosts) = tried("somebodyelse").await;
    assert_eq!(refused, Err(Verdict::Reauthorize));
    assert_eq!(hosts, ["oauth.bitrix24.tech"]);
}
