//! Switched faults: what is done and what is told part ways, and the truth knows both.

use std::time::Duration;

use emulator_bitrix24::{Told, What};
use emulator_harness::{FaultKind, FaultRule};
use serde_json::json;

use crate::hand::Portal;

async fn add_under(fault: FaultKind, method: &str) -> (Portal, u16, serde_json::Value) {
    let portal = Portal::sample();
    portal.emulator.faults().add(FaultRule::once(fault, method));
    let cmd = json!({"a": "crm.timeline.comment.add?fields[ENTITY_ID]=1&fields[ENTITY_TYPE]=deal&fields[COMMENT]=x"});
    let (status, body) = portal.hook("batch", json!({"cmd": cmd})).await;
    (portal, status, body)
}

#[tokio::test(start_paused = true)]
async fn each_fault_does_or_omits_the_write() {
    let rows = [
        (FaultKind::AnswerLost, 1),
        (FaultKind::NotDone, 0),
        (FaultKind::HtmlPage, 0),
        (FaultKind::CutBody, 1),
        (FaultKind::Status(502), 0),
        (FaultKind::StatusAfter(500), 1),
        (FaultKind::Limit, 0),
        (FaultKind::MissingPart, 1),
        (
            FaultKind::Slow {
                delay: Duration::from_secs(59),
            },
            1,
        ),
    ];
    for (fault, comments) in rows {
        let (portal, status, body) = add_under(fault, "crm.timeline.comment.add").await;
        assert_eq!(
            portal.emulator.comments_of_deal(1).len(),
            comments,
            "{fault:?}: {status} {body}"
        );
        let told = portal.emulator.truth();
        let is_known = told.entries().any(|entry| {
            matches!(
                &entry.what,
                What::Request {
                    answer: Told::Fault { .. },
                    ..
                }
            )
        });
        assert!(is_known, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn late_effect_lands_after_the_caller_gave_up() {
    let (portal, _, _) = add_under(
        FaultKind::LateEffect {
            delay: Duration::from_secs(40),
        },
        "batch",
    )
    .await;
    assert_eq!(portal.emulator.comments_of_deal(1).len(), 0);
    portal.wait(41_000).await;
    assert_eq!(portal.emulator.comments_of_deal(1).len(), 1);
    let truth = portal.emulator.truth();
    let write = truth.writes_of("timeline_comment").next().unwrap();
    assert_eq!(write.at.as_second(), 1_780_304_440);
}

#[tokio::test(start_paused = true)]
async fn limit_and_gateway_answers_have_the_remotes_shape() {
    let (_, status, body) = add_under(FaultKind::Limit, "batch").await;
    assert_eq!(
        (status, &body["error"]),
        (503, &json!("QUERY_LIMIT_EXCEEDED"))
    );
    let (_, status, body) = add_under(FaultKind::HtmlPage, "batch").await;
    assert_eq!(status, 200);
    assert!(body.as_str().unwrap().starts_with("<!DOCTYPE html>"));
    let (_, _, body) = add_under(FaultKind::CutBody, "batch").await;
    assert!(body.as_str().unwrap().starts_with("broken body"));
}

#[tokio::test(start_paused = true)]
async fn caller_who_hangs_up_does_not_undo_the_write() {
    let portal = Portal::sample();
    portal
        .emulator
        .configure(|config| config.latency.write_ms = 5_000);
    let write = portal.hook(
        "crm.item.update",
        json!({"entityTypeId": 2, "id": 1, "fields": {"title": "Поздно"}}),
    );
    assert!(
        tokio::time::timeout(Duration::from_secs(1), write)
            .await
            .is_err()
    );
    assert_eq!(portal.emulator.deal_field(1, "TITLE"), "Поставка кабеля");
    portal.wait(5_000).await;
    assert_eq!(portal.emulator.deal_field(1, "TITLE"), "Поздно");
}

#[tokio::test]
async fn a_batch_can_be_answered_without_one_of_its_commands() {
    let portal = Portal::sample();
    let rule = FaultRule::once(FaultKind::MissingPart, "batch");
    portal.emulator.faults().add(rule);
    let cmd = json!({
        "a": "crm.timeline.comment.add?fields[ENTITY_ID]=1&fields[ENTITY_TYPE]=deal&fields[COMMENT]=x",
        "b": "crm.timeline.comment.add?fields[ENTITY_ID]=1&fields[ENTITY_TYPE]=deal&fields[COMMENT]=y",
    });
    let (status, body) = portal.hook("batch", json!({"cmd": cmd})).await;
    let answered = body
        .pointer("/result/result")
        .and_then(|map| map.as_object());
    let keys: Vec<&str> = answered.unwrap().keys().map(String::as_str).collect();
    assert_eq!((status, keys), (200, vec!["a"]), "{body}");
    assert_eq!(portal.emulator.comments_of_deal(1).len(), 2);
}
