//! The contract against a portal that can be reached: an emulator, or a test portal of the vendor.
//!
//! Runs when `BITRIX24_TEST_WEBHOOK` holds the address of an incoming webhook of a portal made for
//! tests (it writes to the newest deal), else says that it is skipped. An application is tried when
//! `BITRIX24_TEST_APP` holds an object with `portal_url` (or `listen`), `auth_url`, `member_id`,
//! `client_id`, `client_secret`, `access_token` and `refresh_token`. Plain HTTP only to loopback.

use std::sync::Arc;

use capability::portal::{
    Changed, FieldValue, OfflineQueue, PortalWrite, Presence, RecordKind, SweepAsk, SweepOf,
};
use capability::{Call, Portal, Urgency};
use connector_bitrix24::webhook::{InstallGrant, verify_install};
use connector_bitrix24::{
    App, Bitrix24, Connection, FieldNames, Offline, RenewalTurn, Settings, TokenVault as _, Tokens,
};
use domain::observed::{OurField, Record};
use domain::{DealId, Money, PortalId};
use jiff::Timestamp;
use jiff::civil::date;
use transport::{Allowed, HttpTransport, TimeSource, Transport};

use crate::script::{Memory, Open, at_once};

const FIELDS: [OurField; 6] = [
    OurField::Number,
    OurField::Date,
    OurField::Status,
    OurField::Link,
    OurField::Sum,
    OurField::Command,
];

fn connected(webhook: &str) -> Bitrix24 {
    let url: url::Url = webhook.parse().unwrap();
    let allowed = Allowed::new([url.host_str().unwrap().to_owned()], true);
    let now: TimeSource = Arc::new(Timestamp::now);
    let settings = Settings {
        fields: FieldNames::new(FIELDS.map(|field| (field, name(field)))),
        offline: Offline::Absent,
        allowed: allowed.clone(),
        development_oauth_host: None,
        now: now.clone(),
    };
    let transport = HttpTransport::new(allowed, &[], now).unwrap();
    let connection = Connection::Webhook {
        url: webhook.to_owned().into(),
    };
    Bitrix24::new(connection, Arc::new(transport), settings).unwrap()
}

/// The application and its present tokens.
fn application(told: &str) -> (App, Arc<Memory>, Tokens) {
    let told: serde_json::Value = serde_json::from_str(told).unwrap();
    let text = |key: &str| told[key].as_str().unwrap_or_default().to_owned();
    let address = if text("portal_url").is_empty() {
        text("listen")
    } else {
        text("portal_url")
    };
    let tokens = Tokens {
        access: text("access_token").into(),
        refresh: text("refresh_token").into(),
        client_endpoint: format!("{}/rest/", address.trim_end_matches('/')),
    };
    let vault = Memory::with(tokens.clone());
    let app = App {
        member_id: PortalId::new(text("member_id")),
        oauth: text("auth_url").parse().unwrap(),
        client_id: text("client_id"),
        client_secret: text("client_secret").into(),
        tokens: vault.clone(),
        turn: RenewalTurn::new(at_once()),
    };
    (app, vault, tokens)
}

#[tokio::test]
async fn a_reachable_application_keeps_the_contract() {
    let Ok(told) = std::env::var("BITRIX24_TEST_APP") else {
        eprintln!("skipped: BITRIX24_TEST_APP is not set");
        return;
    };
    let (app, vault, tokens) = application(&told);
    let allowed = Allowed::new(
        [tokens
            .client_endpoint
            .parse::<url::Url>()
            .unwrap()
            .host_str()
            .unwrap()
            .to_owned()],
        true,
    );
    let now: TimeSource = Arc::new(Timestamp::now);
    let transport: Arc<dyn Transport> =
        Arc::new(HttpTransport::new(allowed.clone(), &[], now.clone()).unwrap());
    let mut settings = Settings {
        fields: FieldNames::new(FIELDS.map(|field| (field, name(field)))),
        offline: Offline::Absent,
        allowed,
        development_oauth_host: app.oauth.host_str().map(str::to_owned),
        now,
    };
    let gate = Open::default();
    let member = app.member_id.clone();
    let call = Call::new(&member, Urgency::Due, &gate);

    let grant = InstallGrant {
        member_id: member.clone(),
        refresh_token: tokens.refresh.clone(),
        application_token: "unused".to_owned().into(),
    };
    let (proved, fresh) = verify_install(&call, app.clone(), &grant, transport.clone(), &settings)
        .await
        .unwrap();
    assert_eq!(proved, member);
    assert!(vault.replace(1, fresh).await.unwrap());

    let connection = Connection::App(app);
    let first = Bitrix24::new(connection.clone(), transport.clone(), settings.clone()).unwrap();
    settings.offline = first.offline(&call).await.unwrap();
    let portal = Bitrix24::new(connection, transport, settings.clone())
        .unwrap()
        .portal();
    let bound = portal
        .set_up
        .bind_events(&call, "https://provodka.example/hook")
        .await
        .unwrap();
    assert!(bound.iter().all(|finding| finding.holds), "{bound:#?}");
    let changed = swept(&call, &portal, SweepOf::Changed(RecordKind::Deal), None).await;
    if let (Some(queue), Some((Record::Deal(deal), _))) = (&portal.offline, changed.records.first())
    {
        changes_of_others_are_queued(&call, queue.as_ref(), &first.portal(), *deal).await;
    }
    for finding in portal.directory.probe(&call).await {
        eprintln!(
            "{} {}: {}",
            if finding.holds { "+" } else { "-" },
            finding.what,
            finding.advice
        );
    }
}

/// Whose connection does not name itself counts as somebody else.
async fn changes_of_others_are_queued(
    call: &Call<'_>,
    queue: &dyn OfflineQueue,
    other: &Portal,
    deal: DealId,
) {
    let wanted = FIELDS.map(|field| (field, name(field)));
    other.set_up.ensure_fields(call, &wanted).await.unwrap();
    let text = Timestamp::now().to_string();
    let fields = vec![(OurField::Status, FieldValue::Text(text))];
    let set = PortalWrite::SetFields {
        deal,
        fields,
        compared: None,
    };
    let written = other.write.write(call, &[set]).await;
    assert!(written[0].is_ok(), "{written:?}");
    let packet = queue.reserve(call).await.unwrap();
    assert!(packet.records.contains(&Record::Deal(deal)), "{packet:?}");
    queue.clear(call, &packet).await.unwrap();
    assert!(queue.reserve(call).await.unwrap().messages.is_empty());
}

fn name(field: OurField) -> String {
    format!("UF_CRM_PVTEST_{field:?}").to_uppercase()
}

#[tokio::test]
async fn a_reachable_portal_keeps_the_contract() {
    let Ok(webhook) = std::env::var("BITRIX24_TEST_WEBHOOK") else {
        eprintln!("skipped: BITRIX24_TEST_WEBHOOK is not set");
        return;
    };
    let portal = connected(&webhook).portal();
    let (member, gate) = (PortalId::new("live"), Open::default());
    let call = Call::new(&member, Urgency::Due, &gate);

    let wanted = FIELDS.map(|field| (field, name(field)));
    assert_eq!(
        portal.set_up.ensure_fields(&call, &wanted).await.unwrap(),
        wanted
    );
    assert!(!portal.directory.funnels(&call).await.unwrap().is_empty());
    portal.directory.own_companies(&call).await.unwrap();

    let (mut after, mut deals) = (None, Vec::new());
    loop {
        let page = swept(&call, &portal, SweepOf::Changed(RecordKind::Deal), after).await;
        deals.extend(
            page.records
                .into_iter()
                .filter_map(|(record, _)| match record {
                    Record::Deal(id) => Some(id),
                    _ => None,
                }),
        );
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    for kind in [
        RecordKind::Company,
        RecordKind::Contact,
        RecordKind::Requisite,
        RecordKind::BankDetail,
    ] {
        swept(&call, &portal, SweepOf::Changed(kind), None).await;
    }
    let newest = *deals.last().expect("the portal needs a deal");
    let glances = portal.deals.glance(&call, &deals).await.unwrap();
    assert_eq!(glances.len(), deals.len());
    let reading = portal.deals.read(&call, &deals).await.unwrap();
    assert_eq!(reading.deals.len(), deals.len());
    let stages: Vec<_> = reading
        .deals
        .iter()
        .map(|deal| deal.glance.deal.stage.clone())
        .collect();
    let entered = SweepOf::Entered(stages[..1].to_vec());
    swept(&call, &portal, entered, None).await;

    let nobody = DealId(999_999_999);
    let presence = portal
        .deals
        .presence(&call, &[newest, nobody])
        .await
        .unwrap();
    assert_eq!(
        presence,
        [(newest, Presence::Visible), (nobody, Presence::Gone)]
    );

    writes_are_seen(
        &portal,
        &call,
        newest,
        glances.last().unwrap().deal.responsible,
    )
    .await;
    let findings = portal.directory.probe(&call).await;
    let failing: Vec<_> = findings.iter().filter(|finding| !finding.holds).collect();
    assert!(failing.is_empty(), "{failing:#?}");
}

async fn writes_are_seen(portal: &Portal, call: &Call<'_>, deal: DealId, user: domain::UserId) {
    let number = format!("T-{}", Timestamp::now().as_millisecond());
    let mark = format!("pv-{number}");
    let entry = PortalWrite::AddTimelineEntry {
        deal,
        text: "Проверка & запись".to_owned(),
        mark: mark.clone(),
    };
    let fields = vec![
        (OurField::Number, FieldValue::Text(number.clone())),
        (OurField::Date, FieldValue::Date(date(2026, 3, 12))),
        (
            OurField::Sum,
            FieldValue::Money(Money::from_kopecks(15_000_050)),
        ),
        (
            OurField::Link,
            FieldValue::Text("https://example.com/?a=1&b=2".to_owned()),
        ),
        (OurField::Status, FieldValue::Empty),
    ];
    let bell = PortalWrite::Notify {
        user,
        tag: "pv-test".to_owned(),
        text: "Проверка".to_owned(),
    };
    let set = PortalWrite::SetFields {
        deal,
        fields,
        compared: None,
    };
    let writes = [set, entry.clone(), bell];
    let written = portal.write.write(call, &writes).await;
    let made = written[1].clone().unwrap().id.unwrap();
    assert!(written.iter().all(Result::is_ok), "{written:?}");

    let found = portal
        .write
        .look_up(call, &[entry])
        .await
        .pop()
        .unwrap()
        .unwrap();
    assert_eq!(found.unwrap().id, Some(made.clone()));
    let file = PortalWrite::AttachFile {
        deal,
        entry: made,
        text: format!("Проверка & запись\n{mark}"),
        name: "проверка.pdf".to_owned(),
        bytes: b"%PDF-1.7".to_vec(),
    };
    portal
        .write
        .write(call, &[file])
        .await
        .pop()
        .unwrap()
        .unwrap();

    let seen = portal
        .deals
        .glance(call, &[deal])
        .await
        .unwrap()
        .pop()
        .unwrap()
        .fields;
    assert_eq!(seen.number, Some(number));
    assert_eq!(seen.date, Some(date(2026, 3, 12)));
    assert_eq!(seen.sum, Some(Money::from_kopecks(15_000_050)));
    assert_eq!(seen.link.as_deref(), Some("https://example.com/?a=1&b=2"));
    assert_eq!(seen.status, None);
}

async fn swept(call: &Call<'_>, portal: &Portal, of: SweepOf, after: Option<u64>) -> Changed {
    let since = Timestamp::UNIX_EPOCH;
    let asks = [SweepAsk {
        of,
        since,
        after,
        pages: 0,
    }];
    let mut pages = portal.sweep.changed(call, &asks).await.unwrap();
    assert_eq!(pages.len(), 1);
    pages.remove(0)
}
