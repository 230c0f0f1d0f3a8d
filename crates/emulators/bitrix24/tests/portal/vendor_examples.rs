//! The vendor's documented examples, as a table: what each request answers, by its kind of value.
//!
//! The values are our own; the shapes are those of <https://apidocs.bitrix24.com>.

use serde_json::{Value, json};

use crate::hand::Portal;

/// A documented shape: `"text"`, `1`, `1.5`, `true`, `null` stand for their kinds, `"*"` for anything.
fn has_shape(got: &Value, shape: &Value) -> bool {
    match (got, shape) {
        (_, Value::String(any)) if any == "*" => true,
        (Value::Object(got), Value::Object(shape)) => shape
            .iter()
            .all(|(name, part)| got.get(name).is_some_and(|got| has_shape(got, part))),
        (Value::Array(got), Value::Array(shape)) => match shape.first() {
            Some(part) => !got.is_empty() && got.iter().all(|got| has_shape(got, part)),
            None => got.is_empty(),
        },
        (Value::String(_), Value::String(_))
        | (Value::Number(_), Value::Number(_))
        | (Value::Null, Value::Null) => true,
        (Value::Bool(got), Value::Bool(shape)) => got == shape,
        _ => false,
    }
}

#[tokio::test(start_paused = true)]
async fn documented_requests_answer_in_the_documented_shape() {
    let portal = Portal::sample();
    portal.result("crm.requisite.bankdetail.add", json!({"fields": {"ENTITY_ID": 2, "COUNTRY_ID": 1, "NAME": "Superbank", "RQ_BIK": "044525225", "RQ_ACC_NUM": "40702810938000060473"}})).await;
    portal.result("crm.requisite.link.register", json!({"fields": {"ENTITY_TYPE_ID": 2, "ENTITY_ID": 1, "REQUISITE_ID": 2, "BANK_DETAIL_ID": 0, "MC_REQUISITE_ID": 1, "MC_BANK_DETAIL_ID": 1}})).await;
    portal.result("crm.timeline.comment.add", json!({"fields": {"ENTITY_ID": 1, "ENTITY_TYPE": "deal", "COMMENT": "New comment was added", "FILES": [["1.gif", "R0lGODlhAQABAIAAAP///wAAACH5BAEAAAAALAAAAAABAAEAAAICRAEAOw=="]]}})).await;
    let rows = vec![
        (
            "crm.item.get",
            json!({"entityTypeId": 2, "id": 1}),
            json!({"item": {"id": 1, "createdTime": "t", "createdBy": 1, "companyId": 1, "contactId": 0, "opened": "Y", "stageSemanticId": "P", "opportunity": 1.5, "isManualOpportunity": "N", "taxValue": 1.5, "comments": null, "begindate": "t", "originId": null, "observers": [], "contactIds": [], "entityTypeId": 2}}),
        ),
        (
            "crm.item.list",
            json!({"entityTypeId": 2, "select": ["id", "title", "opportunity"], "filter": {"0": {"logic": "OR", "0": {"!=title": ""}, "1": {"!=comments": ""}}, "@stageId": ["NEW", "IN_PROCESS"], "@assignedById": [1, 6], ">=opportunity": 5}, "order": {"title": "ASC"}}),
            json!({"items": [{"id": 1, "title": "t", "opportunity": 1}]}),
        ),
        (
            "crm.item.productrow.list",
            json!({"filter": {"=ownerType": "D", "=ownerId": 1, ">price": 5}, "order": {"price": "desc"}}),
            json!({"productRows": [{"id": 1, "ownerId": 1, "ownerType": "D", "price": 1, "priceAccount": 1, "priceExclusive": 1, "priceNetto": 1, "priceBrutto": 1, "quantity": 1, "discountTypeId": 2, "discountRate": 0, "discountSum": 0, "taxRate": 1, "taxIncluded": "Y", "customized": "Y", "measureCode": 796, "measureName": "t", "xmlId": "", "type": 1}]}),
        ),
        (
            "crm.deal.get",
            json!({"ID": 1}),
            json!({"ID": "1", "TITLE": "t", "STAGE_ID": "t", "OPPORTUNITY": "1.00", "TAX_VALUE": "0.00", "COMPANY_ID": "9", "DATE_CREATE": "t", "CLOSED": "N", "CATEGORY_ID": "0", "ORIGIN_ID": null}),
        ),
        (
            "crm.deal.list",
            json!({"SELECT": ["ID", "TITLE"], "FILTER": {"=%TITLE": "%а"}, "ORDER": {"TITLE": "ASC"}}),
            json!([{"ID": "1", "TITLE": "t"}]),
        ),
        (
            "crm.deal.productrows.get",
            json!({"id": 1}),
            json!([{"ID": "5", "OWNER_ID": "5", "OWNER_TYPE": "D", "PRODUCT_ID": 450, "PRICE": 1, "PRICE_ACCOUNT": "899.10", "QUANTITY": 1, "SORT": 10}]),
        ),
        (
            "crm.requisite.get",
            json!({"id": 2}),
            json!({"ID": "27", "ENTITY_TYPE_ID": "4", "ENTITY_ID": "1", "PRESET_ID": "1", "DATE_MODIFY": "", "MODIFY_BY_ID": null, "ACTIVE": "Y", "SORT": "500", "RQ_INN": "t", "RQ_OKPO": null}),
        ),
        (
            "crm.requisite.list",
            json!({"order": {"DATE_CREATE": "ASC"}, "filter": {"PRESET_ID": "1"}, "select": ["ENTITY_TYPE_ID", "ENTITY_ID", "ID", "NAME"]}),
            json!([{"ENTITY_TYPE_ID": "4", "ENTITY_ID": "1", "ID": "1", "NAME": "t"}]),
        ),
        (
            "crm.requisite.bankdetail.get",
            json!({"id": 1}),
            json!({"ID": "357", "ENTITY_ID": "27", "COUNTRY_ID": "1", "DATE_MODIFY": "", "RQ_BIK": "t", "RQ_IBAN": null, "COMMENTS": null}),
        ),
        (
            "crm.requisite.link.get",
            json!({"entityTypeId": 2, "entityId": 1}),
            json!({"ENTITY_TYPE_ID": 2, "ENTITY_ID": 1, "REQUISITE_ID": "2", "BANK_DETAIL_ID": "0", "MC_REQUISITE_ID": "1", "MC_BANK_DETAIL_ID": "1"}),
        ),
        (
            "crm.requisite.link.list",
            json!({"filter": {"@ENTITY_TYPE_ID": [1, 2, 7, 31]}}),
            json!([{"ENTITY_TYPE_ID": "2", "ENTITY_ID": "1", "REQUISITE_ID": "0"}]),
        ),
        (
            "crm.requisite.preset.list",
            json!({"order": {"ID": "ASC"}, "filter": {"COUNTRY_ID": "1"}, "select": ["ID", "NAME"]}),
            json!([{"ID": "1", "NAME": "t"}]),
        ),
        (
            "crm.address.list",
            json!({"order": {"TYPE_ID": "asc"}, "filter": {"ENTITY_TYPE_ID": 8, "ENTITY_ID": 2}}),
            json!([{"TYPE_ID": "1", "ENTITY_TYPE_ID": "8", "ENTITY_ID": "2", "ADDRESS_1": "t", "COUNTRY_CODE": null, "LOC_ADDR_ID": "4", "ANCHOR_TYPE_ID": "4", "ANCHOR_ID": "2"}]),
        ),
        (
            "crm.category.list",
            json!({"entityTypeId": 2}),
            json!({"categories": [{"id": 0, "name": "t", "sort": 1, "entityTypeId": 2, "isDefault": "Y"}]}),
        ),
        (
            "crm.category.get",
            json!({"entityTypeId": 2, "id": 1}),
            json!({"category": {"id": 1, "name": "t", "isDefault": "N", "originId": ""}}),
        ),
        (
            "crm.status.list",
            json!({"order": {"SORT": "ASC"}, "filter": {"ENTITY_ID": "DEAL_STAGE_1"}}),
            json!([{"ID": "1", "ENTITY_ID": "t", "STATUS_ID": "t", "NAME": "t", "SORT": "10", "CATEGORY_ID": "1", "COLOR": "t", "SEMANTICS": "*", "EXTRA": {"SEMANTICS": "process", "COLOR": "t"}}]),
        ),
        (
            "crm.stagehistory.list",
            json!({"entityTypeId": 2, "order": {"ID": "ASC"}, "filter": {"OWNER_ID": 1}, "select": ["ID", "STAGE_ID", "CREATED_TIME"]}),
            json!({"items": [{"ID": 1, "STAGE_ID": "t", "CREATED_TIME": "t"}]}),
        ),
        (
            "crm.currency.list",
            json!({}),
            json!([{"CURRENCY": "RUB", "AMOUNT_CNT": "1", "AMOUNT": "1.00", "BASE": "Y"}]),
        ),
        (
            "crm.vat.list",
            json!({"order": {"ID": "ASC"}, "filter": {"ACTIVE": "Y"}, "select": ["ID", "NAME", "RATE"]}),
            json!([{"ID": "1", "NAME": "t", "RATE": "*"}]),
        ),
        (
            "catalog.vat.list",
            json!({"select": ["id", "name", "rate"], "filter": {">sort": 100}, "order": {"id": "ASC"}}),
            json!({"vats": [{"id": 1, "name": "t", "rate": 0}]}),
        ),
        (
            "catalog.measure.list",
            json!({"select": ["id", "code", "symbolIntl"], "filter": {"<=code": 200}, "order": {"code": "DESC"}}),
            json!({"measures": [{"id": 1, "code": 166, "symbolIntl": "t"}]}),
        ),
        (
            "catalog.product.list",
            json!({"select": ["id", "iblockId", "name"], "filter": {"iblockId": 23}}),
            json!({"products": [{"id": 1, "iblockId": 23, "name": "t"}]}),
        ),
        (
            "crm.timeline.comment.list",
            json!({"filter": {"ENTITY_ID": 1, "ENTITY_TYPE": "deal"}, "select": ["ID", "COMMENT", "FILES"]}),
            json!([{"ID": "1", "COMMENT": "t", "FILES": "*"}]),
        ),
        (
            "crm.timeline.logmessage.add",
            json!({"fields": {"entityTypeId": 2, "entityId": 1, "title": "T", "text": "t", "iconCode": "info"}}),
            json!({"logMessage": {"id": 1, "created": "t", "authorId": 7, "title": "t", "text": "t", "iconCode": "info"}}),
        ),
        (
            "crm.activity.todo.add",
            json!({"ownerTypeId": 2, "ownerId": 1, "deadline": "2026-06-05T10:00:00+03:00", "title": "t"}),
            json!({"id": 1}),
        ),
        (
            "im.notify.system.add",
            json!({"USER_ID": 6, "MESSAGE": "m", "TAG": "T", "CLIENT_ID": "c"}),
            json!(1),
        ),
        (
            "im.chat.add",
            json!({"USERS": [6], "TYPE": "CHAT", "TITLE": "Deal Chat", "ENTITY_TYPE": "CRM", "ENTITY_ID": "DEAL|1"}),
            json!(1),
        ),
        (
            "im.dialog.get",
            json!({"DIALOG_ID": "6"}),
            json!({"id": 1, "name": "t", "owner": 1, "type": "t", "user_counter": 1, "restrictions": {"send": true}, "role": "t", "permissions": {"can_post": "t"}, "dialog_id": "t"}),
        ),
        (
            "im.user.get",
            json!({"ID": 6}),
            json!({"id": 6, "active": true, "name": "t", "first_name": "t", "last_name": "t", "work_position": "t", "extranet": false, "bot": false, "type": "t"}),
        ),
        (
            "user.get",
            json!({"ID": 1}),
            json!([{"ID": "1", "ACTIVE": true, "NAME": "t", "EMAIL": "t", "UF_DEPARTMENT": [1], "USER_TYPE": "employee"}]),
        ),
        (
            "profile",
            json!({}),
            json!({"ID": "7", "ADMIN": true, "NAME": "t"}),
        ),
        ("scope", json!({}), json!(["crm"])),
        (
            "method.get",
            json!({"name": "crm.item.list"}),
            json!({"isExisting": true, "isAvailable": true}),
        ),
        ("server.time", json!({}), json!("t")),
    ];
    for (method, params, shape) in rows {
        let result = portal.result(method, params).await;
        assert!(
            has_shape(&result, &shape),
            "{method}\n  got {result}\n  not {shape}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn documented_refusals_have_the_documented_code() {
    let portal = Portal::sample();
    let rows = vec![
        (
            "crm.item.get",
            json!({"entityTypeId": 2, "id": 99999}),
            "NOT_FOUND",
            "Element not found",
        ),
        (
            "crm.item.get",
            json!({"entityTypeId": 999, "id": 1}),
            "NOT_FOUND",
            "Smart process not found",
        ),
        (
            "crm.item.get",
            json!({"id": 1}),
            "100",
            "Could not find value for parameter {entityTypeId}",
        ),
        (
            "crm.item.list",
            json!({"entityTypeId": 2, "filter": {"FIELD": 1}}),
            "INVALID_ARG_VALUE",
            "Invalid filter: field 'FIELD' is not allowed in filter",
        ),
        (
            "crm.item.update",
            json!({"entityTypeId": 2, "id": 1, "fields": {"observers": "1"}}),
            "100",
            "Expected iterable value for multiple field, but got string instead",
        ),
        (
            "crm.deal.list",
            json!({"filter": "ID"}),
            "",
            "Parameter 'filter' must be array.",
        ),
        (
            "crm.requisite.add",
            json!({"fields": {"ENTITY_ID": 1}}),
            "",
            "ENTITY_TYPE_ID is not defined or invalid.",
        ),
        (
            "crm.requisite.add",
            json!({"fields": {"ENTITY_TYPE_ID": 4, "ENTITY_ID": 1}}),
            "",
            "PRESET_ID is not defined or invalid.",
        ),
        (
            "crm.requisite.get",
            json!({"id": 57}),
            "",
            "The Requisite with ID '57' is not found",
        ),
        (
            "crm.requisite.bankdetail.add",
            json!({"fields": {"NAME": "x"}}),
            "",
            "ENTITY_ID is not defined or invalid.",
        ),
        (
            "crm.requisite.link.get",
            json!({"entityTypeId": 2, "entityId": 4}),
            "",
            "Not found",
        ),
        (
            "crm.requisite.link.register",
            json!({"fields": {"ENTITY_TYPE_ID": 2, "ENTITY_ID": 1, "REQUISITE_ID": 3, "BANK_DETAIL_ID": 0, "MC_REQUISITE_ID": 0, "MC_BANK_DETAIL_ID": 0}}),
            "",
            "The Requisite with ID '3' is not assigned to Company with ID '2'",
        ),
        (
            "crm.address.add",
            json!({"fields": {"TYPE_ID": 6, "ENTITY_TYPE_ID": 8, "ENTITY_ID": 2}}),
            "",
            "TypeAddress exists.",
        ),
        (
            "crm.address.update",
            json!({"fields": {"TYPE_ID": 1, "ENTITY_TYPE_ID": 8, "ENTITY_ID": 2}}),
            "",
            "TypeAddress not found.",
        ),
        (
            "crm.category.list",
            json!({"entityTypeId": 4}),
            "ENTITY_TYPE_NOT_SUPPORTED",
            "Entity type COMPANY is not supported",
        ),
        (
            "crm.timeline.comment.add",
            json!({"fields": {"ENTITY_ID": 1, "ENTITY_TYPE": "deal", "COMMENT": ""}}),
            "INVALID_ARG_VALUE",
            "Empty comment",
        ),
        (
            "crm.timeline.comment.add",
            json!({"FIELDS": {"ENTITY_ID": 1, "ENTITY_TYPE": "deal", "COMMENT": "x"}}),
            "100",
            "Could not find value for parameter {fields}",
        ),
        (
            "crm.deal.userfield.add",
            json!({"fields": {"USER_TYPE_ID": "string"}}),
            "",
            "The 'FIELD_NAME' field is not found.",
        ),
        (
            "crm.deal.userfield.add",
            json!({"fields": {"FIELD_NAME": "нет", "USER_TYPE_ID": "string"}}),
            "ERROR_CORE",
            "Field name contains invalid characters. Allowed characters are: A-Z, 0-9 and _.<br>",
        ),
        (
            "userfieldconfig.add",
            json!({"moduleId": "crm", "field": {"entityId": "CRM_7", "fieldName": "X", "userTypeId": "string"}}),
            "",
            "You cannot create custom fields",
        ),
        (
            "im.notify.system.add",
            json!({"MESSAGE": "m"}),
            "USER_ID_EMPTY",
            "User ID can't be empty",
        ),
        (
            "im.message.add",
            json!({"DIALOG_ID": "6"}),
            "MESSAGE_EMPTY",
            "Message can't be empty",
        ),
        (
            "im.message.update",
            json!({"MESSAGE": "m"}),
            "MESSAGE_ID_ERROR",
            "Message ID can't be empty",
        ),
        (
            "im.message.update",
            json!({"MESSAGE_ID": 34239, "MESSAGE": "m"}),
            "CANT_EDIT_MESSAGE",
            "Time has expired for modification or you don't have access",
        ),
        (
            "crm.item.delivery.get",
            json!({}),
            "100",
            "Could not find value for parameter {id}",
        ),
        (
            "feature.get",
            json!({}),
            "CODE_EMPTY",
            "CODE can't be empty",
        ),
    ];
    for (method, params, code, description) in rows {
        let (status, body) = portal.hook(method, params).await;
        assert!(status >= 400, "{method}: {body}");
        let got = body["error"]
            .as_str()
            .map_or_else(|| body["error"].to_string(), str::to_owned);
        assert_eq!(
            (got.as_str(), body["error_description"].as_str().unwrap()),
            (code, description),
            "{method}"
        );
    }
    let (status, body) = portal
        .app("placement.bind", json!({"HANDLER": "http://x.test"}))
        .await;
    assert_eq!(
        (status, &body["error"], &body["argument"]),
        (200, &json!("ERROR_ARGUMENT"), &json!("PLACEMENT")),
        "an error with status 200"
    );
}

#[tokio::test(start_paused = true)]
async fn a_dialog_is_shown_to_its_members_alone() {
    let portal = Portal::sample();
    let chat = portal
        .result("im.chat.add", json!({"TITLE": "Бухгалтерия", "USERS": [6]}))
        .await;
    let ours = portal
        .result("im.dialog.get", json!({"DIALOG_ID": format!("chat{chat}")}))
        .await;
    assert_eq!(
        (&ours["name"], &ours["role"], &ours["user_counter"]),
        (&json!("Бухгалтерия"), &json!("owner"), &json!(2))
    );
    for (method, params, status, code) in [
        ("im.dialog.get", json!({}), 400, "DIALOG_ID_EMPTY"),
        (
            "im.dialog.get",
            json!({"DIALOG_ID": "chat7777"}),
            403,
            "ACCESS_ERROR",
        ),
        ("im.user.get", json!({"ID": 0}), 400, "ID_EMPTY"),
        ("im.user.get", json!({"ID": 7777}), 400, "USER_NOT_EXISTS"),
    ] {
        assert_eq!(
            portal.refusal(method, params).await,
            (status, code.to_owned()),
            "{method}"
        );
    }
    let me = portal.result("im.user.get", json!({})).await;
    assert_eq!(me["id"], 7);
}
