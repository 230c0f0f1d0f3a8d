//! What a contact is called: read where a deal has no company, because such a person may be the buyer.

use domain::DealId;
use serde_json::json;

use crate::reading::example;
use crate::script::{Params, Reply, Stage, portal};

/// The example's deal with contact 9 instead of a company, of which the portal shows these names.
fn of_contact(names: &[&str], has_requisites: bool) -> impl Fn(&str, &Params) -> Reply + use<> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    move |method: &str, params: &Params| {
        let kind = params.get("entityTypeId").map(String::as_str);
        if (method, kind) == ("crm.item.list", Some("3")) {
            let contact = |name: &String| json!({"id": 9, "lastName": name, "name": "Пётр", "secondName": null});
            return Reply::Result(json!({"items": names.iter().map(contact).collect::<Vec<_>>()}));
        }
        let Reply::Result(mut result) = example(method, params) else {
            panic!("{method} has an example");
        };
        let owner = params.get("filter[=ENTITY_TYPE_ID]").map(String::as_str);
        if (method, owner) == ("crm.requisite.list", Some("3")) {
            let one = json!({"ID": "77", "ENTITY_TYPE_ID": "3", "ENTITY_ID": "9", "RQ_INN": "500100732259"});
            result = if has_requisites {
                json!([one])
            } else {
                json!([])
            };
        }
        if (method, kind) == ("crm.item.list", Some("2")) {
            let item = &mut result["items"][0];
            item["companyId"] = json!(null);
            item["contactId"] = json!(9);
        }
        Reply::Result(result)
    }
}

#[tokio::test]
async fn of_a_contact_without_requisites_the_name_tells_whether_it_may_be_read() {
    for (names, has_requisites, told) in [
        (&["Сидоров"][..], false, Some("Сидоров Пётр")),
        (&[], false, None),
        (&["Сидоров"], true, None),
    ] {
        let stage = Stage::without_names(portal(of_contact(names, has_requisites)));
        let call = stage.call();
        let reading = stage.portal.deals.read(&call, &[DealId(351)]);
        let deal = reading.await.unwrap().deals.remove(0);
        assert_eq!(deal.contact_name.as_deref(), told, "{has_requisites}");
    }
}

#[tokio::test]
async fn the_name_of_a_contact_is_read_where_a_deal_has_no_company() {
    let stage = Stage::webhook(portal(of_contact(&["Сидоров"], true)));
    let call = stage.call();
    let reading = stage.portal.deals.read(&call, &[DealId(351)]);
    let deal = reading.await.unwrap().deals.remove(0);
    assert_eq!(deal.contact_name.as_deref(), Some("Сидоров Пётр"));
}
