//! Batches: order, references, errors by key, the shapes of empty maps.

use serde_json::{Value, json};

use crate::hand::Portal;

#[tokio::test(start_paused = true)]
async fn later_commands_use_earlier_results() {
    let portal = Portal::sample();
    let cmd = json!({
        "made": "crm.item.add?entityTypeId=2&fields[title]=%D0%9E%D0%B4%D0%B8%D0%BD",
        "read": "crm.item.get?entityTypeId=2&id=$result[made][item][id]",
        "list": "crm.deal.list?order[ID]=DESC&select[]=ID&",
        "last": "crm.deal.get?ID=%24result%5Blist%5D%5B0%5D%5BID%5D",
        "rows": "crm.item.productrow.list?filter[%3DownerType]=D&filter[%3DownerId]=1",
    });
    let result = portal.result("batch", json!({"halt": 0, "cmd": cmd})).await;
    assert_eq!(result["result_error"], json!([]));
    assert_eq!(result["result"]["read"]["item"]["title"], "Один");
    assert_eq!(result["result"]["last"]["TITLE"], "Один");
    assert_eq!(result["result_total"], json!({"list": 5, "rows": 2}));
    assert_eq!(result["result_next"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn errors_stand_by_key_and_halt_stops_the_rest() {
    let portal = Portal::sample();
    let cmd = json!({"a": "crm.item.get?entityTypeId=2&id=999", "b": "batch?cmd[x]=profile", "c": "no.such.method", "d": "profile?"});
    let result = portal.result("batch", json!({"halt": 0, "cmd": cmd})).await;
    let codes: Vec<&str> = ["a", "b", "c"]
        .iter()
        .map(|key| result["result_error"][key]["error"].as_str().unwrap())
        .collect();
    assert_eq!(
        codes,
        [
            "NOT_FOUND",
            "ERROR_BATCH_METHOD_NOT_ALLOWED",
            "ERROR_METHOD_NOT_FOUND"
        ]
    );
    assert_eq!(result["result"]["d"]["ID"], "7");
    let halted = portal.result("batch", json!({"halt": 1, "cmd": cmd})).await;
    assert_eq!(halted["result"], json!([]));
    assert_eq!(halted["result_error"].as_object().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn fifty_first_command_is_refused() {
    let portal = Portal::sample();
    let cmd: Vec<Value> = (0..51).map(|_| json!("profile")).collect();
    let result = portal.result("batch", json!({"cmd": cmd})).await;
    assert_eq!(
        result["result"].as_array().unwrap().len(),
        50,
        "keys 0..49 make a list"
    );
    assert_eq!(
        result["result_error"],
        json!({"50": {"error": "ERROR_BATCH_LENGTH_EXCEEDED", "error_description": "Max batch length exceeded"}})
    );
}
