//! Events and robots: what is told, to whom, when, and what gets lost.

use std::time::Duration;

use emulator_bitrix24::{ApplicationSeed, EventFate, PortalConfig, RobotAction, RobotSeed, What};
use serde_json::json;

use crate::hand::Portal;

#[tokio::test(start_paused = true)]
async fn event_is_a_form_with_ids_alone_and_the_tokens_of_whoever_caused_it() {
    let portal = Portal::sample();
    portal.bind(&["onCrmDealUpdate"]).await;
    portal
        .emulator
        .manager()
        .move_deal(1, "FINAL_INVOICE")
        .unwrap();
    portal.wait(1_000).await;
    let events = portal.handlers.taken();
    assert_eq!(events.len(), 1);
    let event = &events[0];
    assert_eq!(
        (
            &event["event"],
            &event["data[FIELDS][ID]"],
            &event["auth[user_id]"]
        ),
        (&json!("ONCRMDEALUPDATE"), &json!("1"), &json!("6"))
    );
    assert_eq!(
        event["auth[application_token]"],
        "51856fefc120afa4b628cc82d3935cce"
    );
    assert_eq!(event["ts"], "1780304400");
    assert_eq!(event.get("auth[refresh_token]"), None);
    assert_eq!(
        event
            .as_object()
            .unwrap()
            .keys()
            .filter(|name| name.starts_with("data"))
            .count(),
        1,
        "no field values"
    );
    // The token in it works.
    let token = event["auth[access_token]"].as_str().unwrap().to_owned();
    assert_eq!(
        portal.post("/rest/profile", json!({"auth": token})).await.1["result"]["ID"],
        "6"
    );
}

#[tokio::test(start_paused = true)]
async fn each_change_tells_its_own_event_and_no_change_tells_none() {
    let portal = Portal::sample();
    portal
        .bind(&[
            "ONCRMDEALADD",
            "ONCRMDEALUPDATE",
            "ONCRMDEALDELETE",
            "ONCRMDEALMOVETOCATEGORY",
            "ONCRMREQUISITEUPDATE",
            "ONCRMDYNAMICITEMADD",
            "ONCRMTIMELINECOMMENTADD",
        ])
        .await;
    let update = |fields: serde_json::Value| {
        portal.result(
            "crm.item.update",
            json!({"entityTypeId": 2, "id": 1, "fields": fields}),
        )
    };
    update(json!({"title": "Поставка кабеля"})).await;
    portal
        .result(
            "crm.requisite.update",
            json!({"id": 2, "fields": {"RQ_INN": "7728168971"}}),
        )
        .await;
    portal.wait(1_000).await;
    assert_eq!(portal.handlers.names(), [""; 0], "nothing differed");
    update(json!({"title": "Иначе"})).await;
    update(json!({"categoryId": 1, "stageId": "C1:NEW"})).await;
    portal
        .result(
            "crm.requisite.update",
            json!({"id": 2, "fields": {"RQ_KPP": "772801002"}}),
        )
        .await;
    portal
        .result(
            "crm.item.add",
            json!({"entityTypeId": 31, "fields": {"parentId2": 1}}),
        )
        .await;
    portal
        .result(
            "crm.timeline.comment.add",
            json!({"fields": {"ENTITY_ID": 1, "ENTITY_TYPE": "deal", "COMMENT": "ok"}}),
        )
        .await;
    portal
        .result("crm.item.delete", json!({"entityTypeId": 2, "id": 1}))
        .await;
    portal.wait(5_000).await;
    assert_eq!(
        portal.handlers.names(),
        [
            "ONCRMDEALUPDATE",
            "ONCRMDEALMOVETOCATEGORY",
            "ONCRMREQUISITEUPDATE",
            "ONCRMDYNAMICITEMADD",
            "ONCRMTIMELINECOMMENTADD",
            "ONCRMDEALDELETE"
        ]
    );
    let moved = &portal.handlers.taken()[1];
    assert_eq!(
        (
            &moved["data[FIELDS][CATEGORY_ID]"],
            &moved["data[FIELDS][STAGE_ID]"]
        ),
        (&json!("1"), &json!("C1:NEW"))
    );
    let comment = &portal.handlers.taken()[4];
    assert_eq!(comment["data[ID]"], "1");
}

#[tokio::test(start_paused = true)]
async fn lost_and_doubled_events_are_known_to_the_truth_alone() {
    let portal = Portal::sample();
    portal.bind(&["ONCRMDEALUPDATE"]).await;
    portal
        .emulator
        .next_event("ONCRMDEALUPDATE", Some(2), EventFate::Lose);
    portal
        .emulator
        .next_event("ONCRMDEALUPDATE", Some(3), EventFate::Double);
    for deal in [1, 2, 3] {
        portal
            .emulator
            .manager()
            .move_deal(deal, "FINAL_INVOICE")
            .unwrap();
    }
    portal.wait(5_000).await;
    let ids: Vec<String> = portal
        .handlers
        .taken()
        .iter()
        .map(|event| event["data[FIELDS][ID]"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids, ["1", "3", "3"]);
    let truth = portal.emulator.truth();
    assert_eq!(
        truth
            .entries()
            .filter(|entry| matches!(entry.what, What::EventDropped { .. }))
            .count(),
        1
    );
    assert_eq!(
        truth
            .entries()
            .filter(|entry| matches!(entry.what, What::EventCreated { .. }))
            .count(),
        3
    );
}

#[tokio::test(start_paused = true)]
async fn handler_that_fails_or_is_slow_has_not_got_the_event_and_hears_no_second_time() {
    let portal = Portal::sample();
    portal.bind(&["ONCRMDEALUPDATE"]).await;
    *portal.handlers.answer.lock().unwrap() = (500, Duration::ZERO);
    portal
        .emulator
        .manager()
        .move_deal(1, "FINAL_INVOICE")
        .unwrap();
    portal.wait(60_000).await;
    *portal.handlers.answer.lock().unwrap() = (200, Duration::from_secs(30));
    portal
        .emulator
        .manager()
        .move_deal(2, "FINAL_INVOICE")
        .unwrap();
    portal.wait(120_000).await;
    let truth = portal.emulator.truth();
    let reasons: Vec<String> = truth
        .entries()
        .filter_map(|entry| {
            if let What::EventDropped { reason, .. } = &entry.what {
                Some(reason.clone())
            } else {
                None
            }
        })
        .collect();
    assert_eq!(reasons, ["answered 500", "no answer in time"]);
    assert_eq!(portal.emulator.events_in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn no_event_leaves_before_the_application_is_installed() {
    let portal = Portal::sample();
    portal.bind(&["ONCRMDEALUPDATE"]).await;
    portal.emulator.set_installed(false);
    portal
        .emulator
        .manager()
        .move_deal(1, "FINAL_INVOICE")
        .unwrap();
    portal.wait(1_000).await;
    assert_eq!(portal.handlers.taken().len(), 0);
    portal
        .emulator
        .install_application("http://office.test/install");
    portal.wait(1_000).await;
    let install = &portal.handlers.taken()[0];
    assert_eq!(
        (&install["event"], &install["data[INSTALLED]"]),
        (&json!("ONAPPINSTALL"), &json!("Y"))
    );
    assert!(install["auth[refresh_token]"].as_str().unwrap().len() > 20);
    portal
        .emulator
        .uninstall_application("http://office.test/install", true);
    portal.wait(1_000).await;
    let removal = &portal.handlers.taken()[1];
    assert_eq!(
        (&removal["data[CLEAN]"], removal.get("auth[access_token]")),
        (&json!("1"), None)
    );
}

#[tokio::test(start_paused = true)]
async fn applications_that_name_a_handler_are_installed_at_the_start() {
    let mut config = PortalConfig::sample();
    config.applications = ["", "http://office.test/install"]
        .map(|handler| ApplicationSeed {
            client_id: format!("local.{}", handler.len()),
            installed: false,
            install_handler: handler.to_owned(),
            ..ApplicationSeed::default()
        })
        .to_vec();
    let portal = Portal::new(config);
    portal.wait(1_000).await;
    let told = portal.handlers.taken();
    assert_eq!(told.len(), 1, "{told:#?}");
    assert_eq!(told[0]["event"], "ONAPPINSTALL");
    let refresh = told[0]["auth[refresh_token]"].as_str().unwrap();
    let grant = format!(
        "grant_type=refresh_token&client_id=local.26&client_secret={}&refresh_token={refresh}",
        ApplicationSeed::default().client_secret
    );
    let asked = http::Request::post("/oauth/token/")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(axum::body::Body::from(grant))
        .unwrap();
    let (status, granted) = portal.send(asked).await;
    assert_eq!(status, 200, "{granted}");
}

#[tokio::test(start_paused = true)]
async fn robot_moves_a_deal_on_and_its_event_bears_no_tokens() {
    let portal = Portal::sample();
    portal.bind(&["ONCRMDEALUPDATE"]).await;
    let then = RobotAction::MoveTo {
        stage: "EXECUTING".into(),
    };
    portal.emulator.add_robot(RobotSeed {
        on_stage: Some("FINAL_INVOICE".into()),
        on_field: None,
        after_ms: 500,
        then,
        times: None,
    });
    portal
        .emulator
        .manager()
        .move_deal(1, "FINAL_INVOICE")
        .unwrap();
    portal.wait(2_000).await;
    assert_eq!(portal.emulator.deal_field(1, "STAGE_ID"), "EXECUTING");
    let events = portal.handlers.taken();
    assert_eq!(events.len(), 2);
    assert_eq!(events[1].get("auth[access_token]"), None);
    assert!(events[1]["auth[application_token]"].is_string());
}

#[tokio::test(start_paused = true)]
async fn robot_changes_our_field_back() {
    let portal = Portal::sample();
    let then = RobotAction::SetField {
        field: "ADDITIONAL_INFO".into(),
        value: json!("по-своему"),
    };
    portal.emulator.add_robot(RobotSeed {
        on_stage: None,
        on_field: Some("ADDITIONAL_INFO".into()),
        after_ms: 100,
        then,
        times: Some(1),
    });
    for expected in ["по-своему", "наше"] {
        portal
            .result(
                "crm.item.update",
                json!({"entityTypeId": 2, "id": 1, "fields": {"additionalInfo": "наше"}}),
            )
            .await;
        portal.wait(1_000).await;
        assert_eq!(portal.emulator.deal_field(1, "ADDITIONAL_INFO"), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn robot_of_an_application_is_called_and_answers_once() {
    let portal = Portal::sample();
    let robot = json!({"CODE": "issue", "HANDLER": "http://office.test/robot", "NAME": "Выставить счёт", "USE_SUBSCRIPTION": "Y"});
    assert_eq!(
        portal.app("bizproc.robot.add", robot.clone()).await.1["result"],
        true
    );
    assert_eq!(
        portal.app("bizproc.robot.add", robot).await.1["error"],
        "ERROR_ACTIVITY_ALREADY_INSTALLED"
    );
    let then = RobotAction::CallRobot {
        code: "issue".into(),
        properties: [("kind".to_owned(), "whole".to_owned())].into(),
    };
    portal.emulator.add_robot(RobotSeed {
        on_stage: Some("FINAL_INVOICE".into()),
        on_field: None,
        after_ms: 0,
        then,
        times: None,
    });
    portal
        .emulator
        .manager()
        .move_deal(1, "FINAL_INVOICE")
        .unwrap();
    portal.wait(1_000).await;
    let call = portal.handlers.taken().remove(0);
    assert_eq!(
        (
            &call["document_id[2]"],
            &call["properties[kind]"],
            &call["use_subscription"]
        ),
        (&json!("DEAL_1"), &json!("whole"), &json!("Y"))
    );
    let answer = json!({"event_token": call["event_token"], "return_values": {}});
    assert_eq!(
        portal.app("bizproc.event.send", answer.clone()).await.1["result"],
        true
    );
    assert_eq!(portal.app("bizproc.event.send", answer).await.0, 403);
}

#[tokio::test(start_paused = true)]
async fn robot_posts_its_document_to_an_address_with_nothing_that_proves_the_portal() {
    let portal = Portal::sample();
    let url = "http://office.test/orders/bitrix24/x?token=t&order=issue".to_owned();
    portal.emulator.add_robot(RobotSeed {
        on_stage: Some("FINAL_INVOICE".into()),
        on_field: None,
        after_ms: 0,
        then: RobotAction::CallAddress { url },
        times: None,
    });
    portal
        .emulator
        .manager()
        .move_deal(1, "FINAL_INVOICE")
        .unwrap();
    portal.wait(1_000).await;
    let posted = portal.handlers.taken().remove(0);
    assert_eq!(posted["document_id[1]"], "CCrmDocumentDeal");
    assert_eq!(posted["document_id[2]"], "DEAL_1");
    assert!(posted["auth[member_id]"].is_string());
    for proof in ["auth[application_token]", "auth[access_token]"] {
        assert_eq!(posted.get(proof), None);
    }
}
