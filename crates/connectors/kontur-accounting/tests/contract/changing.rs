//! The change feed.

use capability::accounting::Changes;
use domain::{InvoiceId, Verdict};
use serde_json::{Value, json};

use crate::stage::{BILL, Stage, example, json, organisation, parameters};

async fn changes(stage: &Stage, offset: Option<&str>) -> Result<Changes, Verdict> {
    let feed = stage.accounting.feed.clone().unwrap();
    let answer = feed.changes(&stage.call(), &organisation(), offset).await;
    answer.map_err(|error| error.verdict)
}

fn page(first: u64, count: u64) -> Value {
    let changes: Vec<Value> = (first..first + count)
        .map(|offset| {
            let id = format!("{offset:08}");
            json!({"offset": offset, "type": "bill", "id": id, "change": "changed", "at": "2026-03-12T09:00:00.000Z", "revision": offset})
        })
        .collect();
    json!({"changes": changes, "nextOffset": first + count})
}

#[tokio::test]
async fn bills_that_changed_are_told_once_each() {
    let stage = Stage::plays([example(200, "changes")]);
    let told = changes(&stage, Some("0")).await.unwrap();
    assert_eq!(told.invoices, [InvoiceId::new(BILL)]);
    assert_eq!((told.next.as_str(), told.more), ("3", false));
    assert_eq!(parameters(&stage.seen()[0])[0].1, "0");
    stage.ends();
}

#[tokio::test]
async fn nothing_new_keeps_the_offset() {
    let stage = Stage::plays([example(200, "changes_nothing")]);
    let told = changes(&stage, Some("3")).await.unwrap();
    assert_eq!(
        (told.invoices.len(), told.next.as_str(), told.more),
        (0, "3", false)
    );
}

#[tokio::test]
async fn a_full_page_says_that_more_is_waiting() {
    let stage = Stage::plays([json(200, &page(5, 1_000))]);
    let told = changes(&stage, Some("5")).await.unwrap();
    assert_eq!(
        (told.invoices.len(), told.next.as_str(), told.more),
        (1_000, "1005", true)
    );
}

#[tokio::test]
async fn the_present_end_is_found_without_telling_what_was_before() {
    let stage = Stage::plays([json(200, &page(0, 1_000)), json(200, &page(1_000, 7))]);
    let told = changes(&stage, None).await.unwrap();
    let end = Changes {
        invoices: vec![],
        next: "1007".to_owned(),
        more: false,
    };
    assert_eq!(told, end);
    stage.ends();

    let stage = Stage::plays([json(200, &json!({"changes": [], "nextOffset": 0}))]);
    assert_eq!(changes(&stage, None).await.unwrap().next, "0");
}

#[tokio::test]
async fn what_is_gone_from_the_feed_does_not_stop_it() {
    let stage = Stage::plays([json(200, &page(900, 2))]);
    let told = changes(&stage, Some("5")).await.unwrap();
    assert_eq!((told.invoices.len(), told.next.as_str()), (2, "902"));
}

#[tokio::test]
async fn what_is_no_bills_stops_nothing_and_what_may_be_one_is_not_passed_over() {
    for (change, expected) in [
        (json!({"type": "settings"}), Some(1)),
        (
            json!({"type": "contractor", "id": 7, "offset": "x"}),
            Some(1),
        ),
        (json!({"type": "bill", "id": null}), None),
        (json!({"type": 5, "id": "x"}), None),
        (json!("bill"), None),
    ] {
        let mut some = page(5, 2);
        some["changes"][0] = change.clone();
        let stage = Stage::plays([json(200, &some), json(200, &some)]);
        let told = changes(&stage, Some("5")).await;
        let told = told.ok().map(|told| told.invoices.len());
        assert_eq!(told, expected, "{change}");
        // Where the end alone is looked for, what was before is nobody's matter.
        assert_eq!(changes(&stage, None).await.unwrap().next, "7");
        stage.seen();
        stage.ends();
    }
}

#[tokio::test]
async fn a_feed_that_does_not_go_on_is_a_defect() {
    let mut stuck = page(5, 2);
    stuck["nextOffset"] = json!(5);
    assert_eq!(
        changes(&Stage::plays([json(200, &stuck)]), Some("5")).await,
        Err(Verdict::Defect)
    );
    let back = json!({"changes": [], "nextOffset": 4});
    assert_eq!(
        changes(&Stage::plays([json(200, &back)]), Some("5")).await,
        Err(Verdict::Defect)
    );
    assert_eq!(
        changes(&Stage::plays([]), Some("soon")).await,
        Err(Verdict::Defect)
    );
}

#[tokio::test]
async fn the_same_offset_is_asked_again_after_a_refusal() {
    let stage = Stage::plays([example(500, "error_forbidden")]);
    assert_eq!(
        changes(&stage, Some("3")).await,
        Err(Verdict::Retry { after: None })
    );
}
