//! The offline queue: one record an object, reserved, cleared, marked.

use serde_json::{Value, json};

use crate::hand::Portal;

async fn bound(connector: Option<&str>) -> Portal {
    let portal = Portal::sample();
    let mut params = json!({"event": "ONCRMDEALUPDATE", "event_type": "offline"});
    if let Some(connector) = connector {
        params["auth_connector"] = connector.into();
    }
    assert_eq!(portal.app("event.bind", params).await.1["result"], true);
    portal
}

async fn edit(portal: &Portal, deal: i64, title: &str) {
    portal
        .emulator
        .manager()
        .edit_deal(deal, json!({"TITLE": title}))
        .unwrap();
}

fn deals(body: &Value) -> Vec<String> {
    body["result"]["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["EVENT_DATA"]["FIELDS"]["ID"].to_string())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn thousand_edits_of_a_deal_are_one_record() {
    let portal = bound(None).await;
    for at in 0..20 {
        edit(&portal, 1, &format!("{at}")).await;
    }
    edit(&portal, 2, "x").await;
    let (_, body) = portal.app("event.offline.get", json!({})).await;
    assert_eq!(deals(&body), ["1", "2"]);
    assert_eq!(body["result"]["process_id"], Value::Null);
    let (_, body) = portal.app("event.offline.get", json!({})).await;
    assert_eq!(deals(&body), [""; 0], "reading clears by default");
}

#[tokio::test(start_paused = true)]
async fn reserved_records_are_hidden_until_cleared_or_marked() {
    let portal = bound(None).await;
    for deal in [1, 2, 3] {
        edit(&portal, deal, "x").await;
    }
    let (_, first) = portal
        .app("event.offline.get", json!({"clear": 0, "limit": 2}))
        .await;
    let (_, second) = portal
        .app("event.offline.get", json!({"clear": 0, "limit": 2}))
        .await;
    assert_eq!(
        (deals(&first).len(), deals(&second).len()),
        (2, 1),
        "disjoint"
    );
    edit(&portal, 1, "again").await;
    assert_eq!(
        deals(&portal.app("event.offline.get", json!({"clear": 0})).await.1),
        ["1"],
        "a change after the reservation is a new record"
    );
    let process = first["result"]["process_id"].clone();
    assert_eq!(
        deals(
            &portal
                .app(
                    "event.offline.get",
                    json!({"clear": 0, "process_id": process})
                )
                .await
                .1
        )
        .len(),
        2,
        "its own process sees it again"
    );
    let message = first["result"]["events"][0]["MESSAGE_ID"].clone();
    portal
        .app(
            "event.offline.error",
            json!({"process_id": process, "message_id": [message]}),
        )
        .await;
    portal
        .app("event.offline.clear", json!({"process_id": process}))
        .await;
    let (_, left) = portal.app("event.offline.list", json!({})).await;
    let marks: Vec<&str> = left["result"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| record["ERROR"].as_str().unwrap())
        .collect();
    assert_eq!(marks.iter().filter(|mark| **mark == "1").count(), 1);
    assert_eq!(
        deals(&portal.app("event.offline.get", json!({"error": 1})).await.1).len(),
        1
    );
}

#[tokio::test(start_paused = true)]
async fn own_channel_hears_nothing_of_its_own_writes() {
    let portal = bound(Some("ours")).await;
    let write = |connector: &str| json!({"entityTypeId": 2, "id": 1, "fields": {"title": format!("by {connector}")}, "auth_connector": connector});
    portal.app("crm.item.update", write("ours")).await;
    assert_eq!(
        deals(
            &portal
                .app("event.offline.get", json!({"auth_connector": "ours"}))
                .await
                .1
        ),
        [""; 0]
    );
    portal.app("crm.item.update", write("theirs")).await;
    assert_eq!(
        deals(&portal.app("event.offline.get", json!({})).await.1),
        [""; 0],
        "without its name the queue shows only what has none"
    );
    assert_eq!(
        deals(
            &portal
                .app("event.offline.get", json!({"auth_connector": "ours"}))
                .await
                .1
        ),
        ["1"]
    );
}

#[tokio::test(start_paused = true)]
async fn bell_rings_at_most_once_in_its_interval() {
    let portal = bound(None).await;
    let bell = json!({"event": "ONOFFLINEEVENT", "handler": "http://office.test/bell", "options": {"minTimeout": 10}});
    assert_eq!(portal.app("event.bind", bell).await.1["result"], true);
    for at in 0..30 {
        edit(&portal, 1, &format!("{at}")).await;
        portal.wait(1_000).await;
    }
    portal.wait(30_000).await;
    let rings = portal.handlers.taken();
    assert!(
        (3..=4).contains(&rings.len()),
        "{} rings in 30 s",
        rings.len()
    );
    assert_eq!(rings[0]["data"], "");
}

#[tokio::test(start_paused = true)]
async fn reservation_needs_the_plan() {
    let portal = bound(None).await;
    assert_eq!(
        portal
            .app("feature.get", json!({"CODE": "rest_offline_extended"}))
            .await
            .1["result"]["value"],
        "Y"
    );
    portal.emulator.configure(|config| {
        config
            .features
            .insert("rest_offline_extended".into(), false);
    });
    assert_eq!(
        portal
            .app("feature.get", json!({"CODE": "rest_offline_extended"}))
            .await
            .1["result"]["value"],
        "N"
    );
    assert_eq!(
        portal.app("event.offline.get", json!({"clear": 0})).await.0,
        403
    );
}
