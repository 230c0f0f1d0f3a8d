//! Set-up and check: fields, subscriptions, findings.

use std::sync::{Arc, Mutex};

use connector_bitrix24::{Addressee, Offline};
use domain::Verdict;
use domain::observed::OurField;
use serde_json::{Value, json};

use crate::script::{Memory, Reply, Script, Shut, Stage, answer_of, fixture, portal, status};

#[tokio::test]
async fn only_missing_fields_are_made() {
    let made: &'static Mutex<Vec<(String, String)>> = Box::leak(Box::default());
    let stage = Stage::webhook(portal(move |method, params| match method {
        "crm.deal.userfield.list" => {
            let made = made.lock().unwrap();
            let made = made
                .iter()
                .map(|(name, kind)| json!({"ID": "2", "FIELD_NAME": name, "USER_TYPE_ID": kind}));
            Reply::Result(
                made.chain([
                    json!({"ID": "1", "FIELD_NAME": "UF_CRM_1747309879", "USER_TYPE_ID": "string"}),
                ])
                .collect(),
            )
        }
        "crm.deal.userfield.add" => {
            let field = (
                params["fields[FIELD_NAME]"].clone(),
                params["fields[USER_TYPE_ID]"].clone(),
            );
            made.lock().unwrap().push(field);
            Reply::Result(json!(6997))
        }
        other => panic!("{other}"),
    }));
    let wanted = [
        (OurField::Number, "UF_CRM_1747309879".to_owned()),
        (OurField::Sum, "provodka_sum".to_owned()),
        (OurField::Date, "UF_PROVODKA_DATE".to_owned()),
    ];
    let names = stage
        .portal
        .set_up
        .ensure_fields(&stage.call(), &wanted)
        .await
        .unwrap();
    assert_eq!(names[1], (OurField::Sum, "UF_CRM_PROVODKA_SUM".to_owned()));
    let field = |name: &str, kind: &str| (name.to_owned(), kind.to_owned());
    assert_eq!(
        *made.lock().unwrap(),
        [
            field("UF_CRM_PROVODKA_SUM", "money"),
            field("UF_CRM_PROVODKA_DATE", "date")
        ]
    );
    let before = stage.script.seen().len();
    stage
        .portal
        .set_up
        .ensure_fields(&stage.call(), &wanted)
        .await
        .unwrap();
    assert_eq!(stage.script.seen().len(), before + 1);
}

#[tokio::test]
async fn a_list_of_orders_gets_the_items_that_came_since() {
    let items: &'static Mutex<Vec<String>> = Box::leak(Box::default());
    let known = ["выставить счёт", "перевыставить", "оставить", "позвонить"];
    items.lock().unwrap().extend(known.map(str::to_owned));
    let stage = Stage::webhook(portal(move |method, params| match method {
        "crm.deal.userfield.list" => {
            let items = items.lock().unwrap();
            let list: Value = items
                .iter()
                .map(|item| json!({"ID": "9", "VALUE": item}))
                .collect();
            Reply::Result(json!([
                {"ID": "7", "FIELD_NAME": "UF_CRM_ORDER", "USER_TYPE_ID": "enumeration", "LIST": list},
                {"ID": "8", "FIELD_NAME": "UF_CRM_OTHER", "USER_TYPE_ID": "string"},
            ]))
        }
        "crm.deal.userfield.update" => {
            assert_eq!(params["id"], "7");
            let new = (0..).map_while(|at| params.get(&format!("fields[LIST][{at}][VALUE]")));
            items.lock().unwrap().extend(new.cloned());
            Reply::Result(json!(true))
        }
        other => panic!("{other}"),
    }));
    let wanted = [(OurField::Command, "UF_CRM_ORDER".to_owned())];
    for _time in 0..2 {
        let done = stage
            .portal
            .set_up
            .ensure_fields(&stage.call(), &wanted)
            .await;
        done.unwrap();
    }
    let mut all: Vec<String> = items.lock().unwrap().clone();
    assert_eq!(all.remove(3), "позвонить");
    all.sort_unstable();
    let mut expected = domain::observed::ORDERS.map(str::to_owned);
    expected.sort_unstable();
    assert_eq!(all, expected);
    // Two readings and one change.
    assert_eq!(stage.script.seen().len(), 3);
}

#[tokio::test]
async fn the_portal_is_marked_as_an_installations_where_nobody_elses_code_stands() {
    for (code, marked, owner) in [
        (json!(null), true, None),
        (json!("UF_CRM_NUMBER"), true, None),
        (json!("provodka/9f3a"), true, Some("9f3a")),
        (json!("1c-exchange"), false, None),
    ] {
        let held: &'static Mutex<Value> = Box::leak(Box::new(Mutex::new(code.clone())));
        let stage = Stage::webhook(portal(move |method, params| match method {
            "crm.deal.userfield.list" => Reply::Result(json!([
                {"ID": "7", "FIELD_NAME": "UF_CRM_NUMBER", "USER_TYPE_ID": "string", "XML_ID": *held.lock().unwrap()},
                {"ID": "8", "FIELD_NAME": "UF_CRM_OTHER", "USER_TYPE_ID": "string", "XML_ID": "provodka/other"},
            ])),
            "crm.deal.userfield.update" => {
                assert_eq!(params["id"], "7");
                *held.lock().unwrap() = json!(params["fields[XML_ID]"]);
                Reply::Result(json!(true))
            }
            other => panic!("{other}"),
        }));
        let (set_up, call) = (&stage.portal.set_up, stage.call());
        let before = set_up.owner(&call, "UF_CRM_NUMBER").await.unwrap();
        assert_eq!(before.as_deref(), owner, "{code}");
        for _time in 0..2 {
            let is_marked = set_up.set_owner(&call, "UF_NUMBER", "51c0").await.unwrap();
            assert_eq!(is_marked, marked, "{code}");
        }
        let after = set_up.owner(&call, "UF_CRM_NUMBER").await.unwrap();
        assert_eq!(after.as_deref(), marked.then_some("51c0"), "{code}");
    }
}

#[tokio::test]
async fn an_application_binds_what_is_offered_and_not_yet_bound() {
    let script = portal(|method, params| match method {
        "event.get" => Reply::Result(
            json!([{"event": "ONCRMDEALADD", "handler": "https://us.example/hook", "auth_type": "0", "offline": 0}]),
        ),
        "events" => Reply::Result(json!([
            "onCrmDealAdd",
            "ONCRMDEALUPDATE",
            "ONAPPINSTALL",
            "ONOFFLINEEVENT"
        ])),
        "event.bind" => {
            if params.get("event_type").is_some() {
                assert_eq!(params["auth_connector"], "provodka");
            } else {
                assert_eq!(params["handler"], "https://us.example/hook");
            }
            Reply::Result(json!(true))
        }
        other => panic!("{other}"),
    });
    let stage = Stage::app(
        script,
        Memory::holding("token", "r1"),
        Offline::KeptWithoutOurs,
    );
    let findings = stage
        .portal
        .set_up
        .bind_events(&stage.call(), "https://us.example/hook")
        .await
        .unwrap();
    assert!(findings.iter().all(|finding| finding.holds));
    let seen = stage.script.seen();
    let bound: Vec<&str> = seen.last().unwrap().body["cmd"]
        .as_object()
        .unwrap()
        .values()
        .map(|command| command.as_str().unwrap())
        .collect();
    // Two online, two offline, the doorbell.
    assert_eq!(bound.len(), 5, "{bound:?}");
    assert!(
        bound
            .iter()
            .any(|command| command.contains("ONOFFLINEEVENT") && command.contains("minTimeout"))
    );
}

#[tokio::test]
async fn through_a_webhook_a_person_is_told_what_to_bind() {
    let stage = Stage::webhook(portal(|method, _| panic!("{method}")));
    let findings = stage
        .portal
        .set_up
        .bind_events(&stage.call(), "https://us.example/hook")
        .await
        .unwrap();
    assert!(!findings[0].holds);
    assert!(
        findings[0].advice.contains("https://us.example/hook")
            && findings[0].advice.contains("ONCRMDEALUPDATE")
    );
}

fn healthy(method: &str, params: &crate::script::Params) -> Reply {
    Reply::Result(match method {
        "scope" => json!(["crm", "im", "user_brief"]),
        "profile" => json!({"ID": "1", "ADMIN": true, "NAME": "Vadim", "LAST_NAME": "Valeev"}),
        "crm.category.list" => fixture(method),
        "crm.item.fields" => {
            json!({"fields": {"UF_CRM_PROVODKA_NUMBER": {"type": "string", "upperName": "UF_CRM_PROVODKA_NUMBER"}}})
        }
        "crm.item.list" if params.contains_key("filter[=categoryId]") => {
            fixture("crm.item.list.deal")
        }
        "crm.item.list" => json!({"items": [{"id": 1}]}),
        "crm.stagehistory.list" => json!({"items": []}),
        "crm.item.update" => {
            // The value that stands there already: the portal saves nothing.
            assert_eq!(params["fields[UF_CRM_PROVODKA_NUMBER]"], "СЧ-17");
            json!({"item": {"id": 351}})
        }
        _ => json!([]),
    })
}

fn failing(findings: &[capability::portal::Finding]) -> Vec<&str> {
    let mut codes: Vec<&str> = findings
        .iter()
        .filter(|finding| !finding.holds)
        .filter_map(|finding| finding.code.as_deref())
        .collect();
    codes.dedup();
    codes
}

#[tokio::test]
async fn check_tries_every_right_and_changes_nothing() {
    let stage = Stage::webhook(portal(healthy));
    let findings = stage.portal.directory.probe(&stage.call()).await;
    // Five of our six fields are missing on this portal, and both that policy names.
    assert_eq!(failing(&findings), ["BITRIX24-FIELD"]);
    for name in ["UF_CRM_SELLER", "UF_CRM_PILOT"] {
        let told = |finding: &&capability::portal::Finding| finding.what.contains(name);
        let finding = findings.iter().find(told);
        assert!(finding.is_some_and(|finding| !finding.holds), "{name}");
    }
    for what in [
        "Доступ к порталу",
        "Право `im`",
        "Технический пользователь",
        "воронки «General»: запись",
        "Чтение реквизитов",
    ] {
        assert!(
            findings
                .iter()
                .any(|finding| finding.what.contains(what) && finding.holds),
            "{what}"
        );
    }
    let shown = format!("{:?}{:?}", findings, stage.gate.exchanges());
    assert!(!shown.contains("Valeev") && !shown.contains("s3cr3t"));
}

#[tokio::test]
async fn an_application_is_asked_for_no_right_that_nothing_uses() {
    let script = portal(|method, params| match method {
        "scope" => Reply::Result(json!(["crm", "im"])),
        "app.info" => Reply::Result(json!({"INSTALLED": true, "PAYMENT_EXPIRED": "N"})),
        "feature.get" => Reply::Result(json!({"value": "Y"})),
        _ => healthy(method, params),
    });
    let stage = Stage::app(script, Memory::holding("token", "r1"), Offline::Absent);
    let findings = stage.portal.directory.probe(&stage.call()).await;
    assert_eq!(failing(&findings), ["BITRIX24-FIELD"], "{findings:#?}");
}

#[tokio::test]
async fn check_says_which_right_is_missing() {
    let stage = Stage::webhook(portal(|method, params| match method {
        "scope" => Reply::Result(json!(["crm"])),
        "profile" => Reply::Result(json!({"ID": "7", "ADMIN": false})),
        "crm.item.list" if params.contains_key("filter[=isMyCompany]") => {
            Reply::Result(json!({"items": []}))
        }
        "crm.requisite.list" => Reply::Error("ACCESS_DENIED"),
        "crm.item.update" => Reply::Error("ACCESS_DENIED"),
        "crm.item.fields" => Reply::Result(json!({"fields": {}})),
        _ => healthy(method, params),
    }));
    let findings = stage.portal.directory.probe(&stage.call()).await;
    for code in [
        "BITRIX24-SCOPE",
        "BITRIX24-ADMIN",
        "BITRIX24-OWN-COMPANY",
        "BITRIX24-RIGHTS",
        "BITRIX24-FIELD",
    ] {
        assert!(
            failing(&findings).contains(&code),
            "{code} in {findings:#?}"
        );
    }
}

#[tokio::test]
async fn check_of_a_dead_webhook_is_one_finding() {
    let script = Script::new(|_, _| {
        Ok(status(
            401,
            json!({"error": "NO_AUTH_FOUND", "error_description": "Wrong authorization data"}),
        ))
    });
    let stage = Stage::webhook(script);
    let findings = stage.portal.directory.probe(&stage.call()).await;
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].code.as_deref(), Some("BITRIX24-ACCESS"));
}

#[tokio::test]
async fn check_with_tokens_that_do_not_open_blames_neither_the_network_nor_rights() {
    let script = Script::new(|_, _| panic!("nothing can be sent"));
    let stage = Stage::app(script, Arc::new(Shut), Offline::Absent);
    let findings = stage.portal.directory.probe(&stage.call()).await;
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].code.as_deref(), Some("TOKENS-SEALED"));
    assert!(findings[0].advice.contains("PROVODKA_MASTER_KEY"));
    let error = stage.portal.directory.funnels(&stage.call()).await;
    let error = error.unwrap_err();
    assert_eq!(error.verdict, Verdict::Reauthorize);
    let finding = connector_bitrix24::refused("Воронки", &error);
    assert_eq!(finding.code, findings[0].code);
    assert_eq!(finding.advice, findings[0].advice);
}

#[tokio::test]
async fn the_plan_decides_about_the_offline_queue() {
    for (kept, without_ours, expected) in [
        ("N", "N", Offline::Absent),
        ("Y", "N", Offline::Kept),
        ("Y", "Y", Offline::KeptWithoutOurs),
    ] {
        let script = portal(move |_, params| {
            let value: Value = if params["CODE"] == "rest_offline_extended" {
                kept.into()
            } else {
                without_ours.into()
            };
            Reply::Result(json!({ "value": value }))
        });
        let stage = Stage::app(script, Memory::holding("token", "r1"), Offline::Absent);
        assert_eq!(stage.bitrix.offline(&stage.call()).await, Ok(expected));
    }
}

#[tokio::test]
async fn whether_the_application_is_installed_the_portal_says() {
    for (installed, refused, expected) in [
        ("Y", None, Ok(true)),
        ("N", None, Ok(false)),
        ("Y", Some((401, "NO_AUTH_FOUND")), Ok(false)),
        ("Y", Some((503, "INTERNAL_SERVER_ERROR")), Err(())),
    ] {
        let script = Script::new(move |seen, _| {
            if let Some((refused, code)) = refused {
                return Ok(status(refused, json!({ "error": code })));
            }
            Ok(answer_of(seen, &|_: &str, _: &_| {
                Reply::Result(json!({ "INSTALLED": installed }))
            }))
        });
        let stage = Stage::app(script, Memory::holding("token", "r1"), Offline::Absent);
        let answer = stage.bitrix.is_installed(&stage.call()).await;
        assert_eq!(answer.map_err(drop), expected);
    }
    let script = portal(|_, _| Reply::Error("ACCESS_DENIED"));
    let stage = Stage::webhook(script.clone());
    assert_eq!(stage.bitrix.is_installed(&stage.call()).await, Ok(true));
    assert!(script.seen().is_empty());
}

#[tokio::test]
async fn the_check_names_the_rates_that_no_invoice_can_have() {
    let stage = Stage::webhook(portal(|method, _| match method {
        "crm.vat.list" => {
            let rate =
                |rate: Value, active: &str| json!({"ID": "1", "ACTIVE": active, "RATE": rate});
            Reply::Result(json!([
                rate(json!("22.00"), "Y"),
                rate(json!("20.00"), "Y"),
                rate(json!("18.00"), "Y"),
                rate(json!("12.00"), "N"),
                rate(Value::Null, "Y"),
            ]))
        }
        _ => Reply::Error("ACCESS_DENIED"),
    }));
    let findings = stage.portal.directory.probe(&stage.call()).await;
    let rates = findings.iter().find(|finding| finding.what.contains("НДС"));
    assert_eq!(
        rates.unwrap().advice,
        "действуют: 22%, Без НДС; уберите из справочника 20%, 18.00: по сделке с такой ставкой счёт не выставить"
    );
}

#[tokio::test]
async fn a_dialog_is_looked_at_without_writing_to_it() {
    let chat = |role: &str, can_post: &str, send: bool| {
        Reply::Result(json!({
            "id": 12, "role": role, "restrictions": {"send": send}, "permissions": {"can_post": can_post},
        }))
    };
    let stage = Stage::webhook(portal(move |method, params| {
        match (
            method,
            params
                .get("DIALOG_ID")
                .or(params.get("ID"))
                .map(String::as_str),
        ) {
            ("im.dialog.get", Some("chat1")) => chat("member", "member", true),
            ("im.dialog.get", Some("chat2")) => chat("member", "manager", true),
            ("im.dialog.get", Some("chat3")) => chat("owner", "manager", true),
            ("im.dialog.get", Some("chat4")) => chat("owner", "owner", false),
            ("im.dialog.get", Some("sg5")) => {
                Reply::Result(json!({"role": "guest", "permissions": []}))
            }
            ("im.dialog.get", _) => Reply::Error("ACCESS_ERROR"),
            ("im.user.get", Some("6")) => Reply::Result(json!({"id": 6, "active": true})),
            ("im.user.get", Some("8")) => Reply::Result(json!({"id": 8, "active": false})),
            ("im.user.get", Some("9")) => Reply::Error("INSUFFICIENT_SCOPE"),
            ("im.user.get", _) => Reply::Error("USER_NOT_EXISTS"),
            (other, _) => panic!("{other}"),
        }
    }));
    for (dialog, expected) in [
        ("chat1", Addressee::Open),
        ("chat2", Addressee::ReadOnly),
        ("chat3", Addressee::Open),
        ("chat4", Addressee::ReadOnly),
        ("sg5", Addressee::Open),
        ("chat77", Addressee::Closed),
        ("6", Addressee::Open),
        ("8", Addressee::Dismissed),
        ("77", Addressee::NoUser),
        ("0", Addressee::Misspelt),
        ("chat", Addressee::Misspelt),
        ("chat+1", Addressee::Misspelt),
        ("Анна", Addressee::Misspelt),
    ] {
        let seen = stage.bitrix.addressee(&stage.call(), dialog).await;
        assert_eq!(seen, Ok(expected), "{dialog}");
    }
    let unknown = stage.bitrix.addressee(&stage.call(), "9").await;
    assert_eq!(unknown.unwrap_err().code, "insufficient_scope");
}

#[tokio::test]
async fn the_clock_is_the_users_own_and_the_servers() {
    for (zone, time, expected) in [
        (
            "Asia/Omsk",
            "2026-03-12T09:00:00+03:00",
            (Some("Asia/Omsk"), Some(3)),
        ),
        ("", "2026-03-12T11:00:00+05:00", (None, Some(5))),
        ("", "noon", (None, None)),
    ] {
        let stage = Stage::webhook(portal(move |method, _| match method {
            "profile" => Reply::Result(json!({"ID": "1", "ADMIN": true, "TIME_ZONE": zone})),
            "server.time" => Reply::Result(json!(time)),
            other => panic!("{other}"),
        }));
        let clock = stage.portal.directory.clock(&stage.call()).await.unwrap();
        let hours = clock.server.map(|offset| offset.seconds() / 3_600);
        assert_eq!((clock.zone.as_deref(), hours), expected);
    }
}
