//! What `check` hears of the accounting side.

use std::sync::Arc;

use capability::portal::Finding;
use connector_kontur_accounting::{Offers, Settings, SettingsError, Waits, connect};
use serde_json::json;
use transport::{InProcess, TransportError};

use crate::stage::{Played, Stage, body, example, fixture, json, now};

async fn probed(offers: Offers, answers: impl IntoIterator<Item = Played>) -> Vec<Finding> {
    let stage = Stage::offering(offers, answers);
    let findings = stage.accounting.probe.probe(&stage.call()).await;
    stage.seen();
    stage.ends();
    findings
}

fn broken(findings: &[Finding]) -> Vec<&str> {
    for finding in findings {
        let code = finding.code.as_deref();
        assert_eq!(code, (!finding.holds).then_some("KONTUR-ACCOUNTING"));
    }
    let broken = findings.iter().filter(|finding| !finding.holds);
    broken.map(|finding| finding.what.as_str()).collect()
}

#[tokio::test]
async fn a_good_connection_has_nothing_to_mend() {
    let findings = probed(
        Offers::default(),
        [
            example(200, "capabilities"),
            example(200, "organizations"),
            example(200, "bank_accounts"),
            example(400, "error_many_faults"),
        ],
    )
    .await;
    assert_eq!(broken(&findings), [""; 0]);
    assert_eq!(findings.len(), 5);
    assert!(findings[4].what.contains("ООО «Северный свет»"));
}

#[tokio::test]
async fn a_dead_key_ends_the_probe_with_what_to_do() {
    let findings = probed(Offers::default(), [example(401, "error_unauthorized")]).await;
    assert_eq!(broken(&findings), ["Адрес и ключ бухгалтерии"]);
    assert!(findings[0].advice.contains("выпустите новый"));
    let silent = Err(TransportError::NotSent("connection refused".to_owned()));
    let findings = probed(Offers::default(), [silent]).await;
    assert!(findings[0].advice.contains("проверьте адрес"));
}

#[tokio::test]
async fn settings_that_promise_more_than_the_service_are_named() {
    let mut offered = fixture("capabilities");
    offered["printForm"] = json!(false);
    offered["changeFeed"] = json!(false);
    offered["payments"] = json!(false);
    let offers = Offers {
        idempotency_key: true,
        ..Offers::default()
    };
    let nobody = json(200, &json!({"organizations": []}));
    let findings = probed(offers, [json(200, &offered), nobody]).await;
    let expected = [
        "Ключ идемпотентности",
        "Печатная форма счёта",
        "Лента изменений",
        "Список организаций",
    ];
    assert_eq!(broken(&findings), expected);
    let payments = findings
        .iter()
        .find(|one| one.what == "Поступления из учёта");
    assert!(
        payments.unwrap().advice.contains("только из выписок"),
        "statements bring them: told, and nothing is red"
    );
}

#[tokio::test]
async fn a_service_that_takes_longer_than_we_wait_is_named_with_what_to_set() {
    // By default 600 s, and 105 s more until an absence is believed; 120 s are read again.
    let cases = [
        (600, 105, None),
        (600, 106, Some("не меньше `601s`")),
        (601, 0, Some("не меньше `601s`")),
        (86_400, 60, Some("не меньше `86400s`")),
        (500, 120, None),
        (500, 121, Some("последние 120 с")),
        (0, 0, None),
    ];
    for (effect, lag, expected) in cases {
        let mut offered = fixture("capabilities");
        offered["timing"] = json!({"effectWithinSeconds": effect, "listLagSeconds": lag});
        let stage = Stage::plays([json(200, &offered)]);
        let probe = &stage.accounting.probe;
        let finding = probe.impatience(&stage.call()).await.unwrap();
        stage.seen();
        stage.ends();
        let advice = finding.map(|finding| finding.advice);
        match (&advice, expected) {
            (None, None) => {}
            (Some(advice), Some(expected)) => assert!(advice.contains(expected), "{advice}"),
            _ => panic!("{effect} s and {lag} s: {advice:?}"),
        }
    }
    let mut offered = fixture("capabilities");
    offered["timing"]["effectWithinSeconds"] = json!(900);
    let findings = probed(
        Offers::default(),
        [
            json(200, &offered),
            example(200, "organizations"),
            example(200, "bank_accounts"),
            example(400, "error_many_faults"),
        ],
    )
    .await;
    assert_eq!(broken(&findings), ["Сроки службы"]);
}

#[tokio::test]
async fn a_service_that_declares_no_times_is_named_and_all_else_is_probed() {
    let mut offered = fixture("capabilities");
    offered.as_object_mut().unwrap().remove("timing");
    let findings = probed(
        Offers::default(),
        [
            json(200, &offered),
            example(200, "organizations"),
            example(200, "bank_accounts"),
            example(400, "error_many_faults"),
        ],
    )
    .await;
    assert_eq!(broken(&findings), ["Сроки службы"]);
    assert_eq!(findings.len(), 5);
    let stage = Stage::plays([json(200, &offered)]);
    let probe = &stage.accounting.probe;
    let finding = probe.impatience(&stage.call()).await.unwrap();
    stage.seen();
    stage.ends();
    let advice = finding.map(|finding| finding.advice).unwrap_or_default();
    assert!(advice.contains("не объявляет"), "{advice}");
}

#[tokio::test]
async fn a_missing_right_and_a_closed_account_are_named_by_organisation() {
    let mut accounts = fixture("bank_accounts");
    accounts["bankAccounts"][0]["closed"] = json!(true);
    let findings = probed(
        Offers::default(),
        [
            example(200, "capabilities_with_key"),
            example(200, "organizations"),
            json(200, &accounts),
            example(403, "error_forbidden"),
        ],
    )
    .await;
    let expected = [
        "ООО «Северный свет»: расчётный счёт",
        "ООО «Северный свет»: право выставлять счета",
    ];
    assert_eq!(broken(&findings), expected);
}

#[tokio::test]
async fn the_right_to_issue_is_tried_without_issuing() {
    let stage = Stage::plays([
        example(200, "capabilities"),
        example(200, "organizations"),
        example(200, "bank_accounts"),
        example(400, "error_many_faults"),
    ]);
    stage.accounting.probe.probe(&stage.call()).await;
    assert_eq!(body(&stage.seen()[3]), json!({}));
}

#[tokio::test]
async fn organisations_are_read_to_the_last_page() {
    let one = fixture("organizations")["organizations"][0].clone();
    let full = json!({"organizations": vec![one.clone(); 100]});
    let rest = json!({"organizations": [one]});
    let stage = Stage::plays([json(200, &full), json(200, &rest)]);
    let own = stage
        .accounting
        .probe
        .organisations(&stage.call())
        .await
        .unwrap();
    assert_eq!(own.len(), 101);
    assert_eq!(own[0].name, "ООО «Северный свет»");
    assert_eq!(own[0].inn.as_deref(), Some("7805124561"));
    assert!(stage.seen()[1].url.as_str().contains("offset=100"));
}

#[test]
fn what_is_not_offered_is_absent() {
    let offers = Offers {
        idempotency_key: false,
        print_form: false,
        change_feed: false,
        payments: false,
    };
    let accounting = Stage::offering(offers, []).accounting;
    assert!(accounting.print.is_none());
    assert!(accounting.feed.is_none());
    assert!(accounting.payments.is_none());
}

#[test]
fn settings_that_cannot_work_are_refused_at_once() {
    let network = Arc::new(InProcess::new([].into(), Arc::new(now)));
    let refused = |base: &str, key: &str| {
        let settings = Settings {
            base: base.parse().unwrap(),
            key: key.to_owned().into(),
            account: "main".to_owned(),
            offers: Offers::default(),
            waits: Waits::default(),
        };
        connect(settings, network.clone(), Arc::new(now)).err()
    };
    assert_eq!(
        refused("https://a.example", "a\nb"),
        Some(SettingsError::Key)
    );
    assert_eq!(refused("https://a.example", ""), Some(SettingsError::Key));
    let base = SettingsError::Base("mailto".to_owned());
    assert_eq!(refused("mailto:a@b.example", "key"), Some(base));
    assert_eq!(refused("https://a.example", "key"), None);
}
