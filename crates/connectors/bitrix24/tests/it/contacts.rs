//! What a contact is called: read where a deal has no company, because such a person may be the buyer.

use domain::DealId;
use serde_json::json;

use crate::reading::example;
use crate::script::{Params, Reply, Stage, portal};

#[tokio::test]
async fn the_name_of_a_contact_is_read_where_a_deal_has_no_company() {
    let named = |method: &str, params: &Params| {
        let kind = params.get("entityTypeId").map(String::as_str);
        if (method, kind) == ("crm.item.list", Some("3")) {
            let contact =
                json!({"id": 9, "lastName": "Сидоров", "name": "Пётр", "secondName": null});
            return Reply::Result(json!({"items": [contact]}));
        }
        let Reply::Result(mut result) = example(method, params) else {
            panic!("{method} has an example");
        };
        if (method, kind) == ("crm.item.list", Some("2")) {
            let item = &mut result["items"][0];
            item["companyId"] = json!(null);
            item["contactId"] = json!(9);
        }
        Reply::Result(result)
    };
    let stage = Stage::webhook(portal(named));
    let call = stage.call();
    let reading = stage.portal.deals.read(&call, &[DealId(351)]);
    let deal = reading.await.unwrap().deals.remove(0);
    assert_eq!(deal.contact_name.as_deref(), Some("Сидоров Пётр"));
}
