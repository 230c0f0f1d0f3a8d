//! The portal's queue of changes: reserved, read and only then emptied.

use connector_bitrix24::Offline;
use domain::observed::Record;
use domain::{BankDetailId, DealId};
use serde_json::json;

use crate::reading::example;
use crate::script::{Memory, Reply, Stage, fixture, portal};

#[tokio::test]
async fn the_offline_queue_is_never_read_destructively() {
    let vault = Memory::holding("token", "r1");
    let script = portal(|method, params| match method {
        "event.offline.list" => Reply::Result(json!([])),
        "event.offline.get" => {
            assert_eq!(params["clear"], "0");
            assert_eq!(params["auth_connector"], "provodka");
            Reply::Result(fixture(method))
        }
        "event.offline.clear" => {
            assert_eq!(
                (
                    params["process_id"].as_str(),
                    params["message_id[3]"].as_str()
                ),
                ("ssa4ec3gyr72", "14")
            );
            Reply::Result(json!(true))
        }
        other => panic!("{other}"),
    });
    let stage = Stage::app(script, vault, Offline::KeptWithoutOurs);
    let queue = stage.portal.offline.clone().unwrap();
    let packet = queue.reserve(&stage.call()).await.unwrap();
    assert_eq!(
        packet.records,
        [
            Record::Deal(DealId(77)),
            Record::BankDetail(BankDetailId(5))
        ]
    );
    assert_eq!(packet.messages, ["11", "12", "13", "14"]);
    queue.clear(&stage.call(), &packet).await.unwrap();
    queue.reserve(&stage.call()).await.unwrap();
    assert_eq!(stage.script.count("event.offline.list"), 1);
}

#[tokio::test]
async fn a_left_packet_that_gives_nothing_does_not_hold_up_the_queue() {
    let script = portal(|method, params| match (method, params.get("process_id")) {
        ("event.offline.list", _) => {
            Reply::Result(json!([{"ID": "1", "PROCESS_ID": "gone", "ERROR": "0"}]))
        }
        ("event.offline.get", Some(_)) => {
            Reply::Result(json!({"process_id": "gone", "events": []}))
        }
        ("event.offline.get", None) => Reply::Result(fixture(method)),
        other => panic!("{other:?}"),
    });
    let stage = Stage::app(script, Memory::holding("token", "r1"), Offline::Kept);
    let packet = stage
        .portal
        .offline
        .clone()
        .unwrap()
        .reserve(&stage.call())
        .await
        .unwrap();
    assert_eq!(packet.process_id, "ssa4ec3gyr72");
}

#[tokio::test]
async fn a_packet_whose_reader_died_is_read_again_by_its_process() {
    let vault = Memory::holding("token", "r1");
    let script = portal(|method, params| match method {
        "event.offline.list" => Reply::Result(
            json!([{"ID": "1", "EVENT_NAME": "ONCRMDEALADD", "EVENT_DATA": false, "MESSAGE_ID": "1", "PROCESS_ID": "dead1", "ERROR": "0"}]),
        ),
        _ => {
            assert_eq!(params["process_id"], "dead1");
            Reply::Result(
                json!({"process_id": "dead1", "events": [{"EVENT_NAME": "onCrmDealAdd", "EVENT_DATA": {"FIELDS": {"ID": "3"}}, "MESSAGE_ID": "1"}]}),
            )
        }
    });
    let stage = Stage::app(script, vault, Offline::Kept);
    let packet = stage
        .portal
        .offline
        .clone()
        .unwrap()
        .reserve(&stage.call())
        .await
        .unwrap();
    assert_eq!(
        (packet.process_id.as_str(), packet.records),
        ("dead1", vec![Record::Deal(DealId(3))])
    );
}

#[test]
fn a_webhook_has_no_offline_queue() {
    let stage = Stage::webhook(portal(example));
    assert!(stage.portal.offline.is_none());
}
