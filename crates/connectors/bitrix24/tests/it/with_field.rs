//! Deals by what stands in a field of theirs.

use std::sync::{Arc, Mutex};

use domain::{DealId, FunnelId};
use serde_json::{Value, json};

use crate::script::{Params, Reply, Stage, list, portal};

#[tokio::test]
async fn deals_with_something_in_a_field_are_told_page_by_page() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&asked);
    let page = move |_: &str, params: &Params| {
        heard.lock().unwrap().push(params.clone());
        let after: u64 = params["filter[>id]"].parse().unwrap();
        let items: Vec<Value> = (after + 1..=52)
            .take(50)
            .map(|id| match id {
                2 => json!({"id": id, "UF_CRM_OLD": ["17", "18"]}),
                3 => json!({"id": id, "UF_CRM_OLD": 17}),
                _ => json!({"id": id, "UF_CRM_OLD": "№ 17"}),
            })
            .collect();
        Reply::Result(json!({"items": items}))
    };
    let stage = Stage::webhook(portal(page));
    let (deals, call) = (&stage.portal.deals, stage.call());
    let (field, funnels) = ("UF_CRM_OLD", [FunnelId(0), FunnelId(4)]);
    let first = deals.with_field(&call, field, &funnels, None);
    let first = first.await.unwrap();
    assert_eq!(first.next, Some(DealId(50)));
    assert_eq!(
        first.values.len(),
        49,
        "a list of values is nobody's number"
    );
    assert_eq!(first.values[0], (DealId(1), "№ 17".to_owned()));
    assert_eq!(first.values[1], (DealId(3), "17".to_owned()));
    let last = deals.with_field(&call, field, &funnels, first.next);
    let last = last.await.unwrap();
    assert_eq!((last.values.len(), last.next), (2, None));
    let params = asked.lock().unwrap().remove(0);
    assert_eq!(list(&params, "filter[@categoryId]"), [0, 4]);
    assert_eq!(params["filter[!=UF_CRM_OLD]"], "");
    let nowhere = deals.with_field(&call, field, &[], None).await;
    assert!(nowhere.unwrap().values.is_empty());
}
