//! What the portal's administrator sets up: funnels, stages, rates, measures, products, people.

use serde_json::{Value, json};

use crate::call::{Answer, Call, ListParams, Refusal, Reply};
use crate::filter::{Filter, Order, Selection, Unknown, page};
use crate::schema::{DEAL, Field, Spelling, entity_type};
use crate::state::{State, Table, int, text};
use crate::value::{Kind, Map, flag_of, is_empty, members, stringly, text_of, typed};

/// The one funnel of smart invoices.
pub(crate) const INVOICE_FUNNEL: i64 = 3;

/// The directory that holds a funnel's stages.
pub(crate) fn stage_directory(entity_type_id: i64, funnel: i64) -> String {
    match (entity_type_id, funnel) {
        (DEAL, 0) => "DEAL_STAGE".to_owned(),
        (DEAL, funnel) => format!("DEAL_STAGE_{funnel}"),
        (_, funnel) => format!("SMART_INVOICE_STAGE_{funnel}"),
    }
}

pub(crate) fn funnel_exists(state: &State, entity_type_id: i64, funnel: i64) -> bool {
    state.all(Table::Category).any(|category| {
        int(category, "ENTITY_TYPE_ID") == entity_type_id && int(category, "ID") == funnel
    })
}

/// Stages of a funnel in their order.
pub(crate) fn stages(state: &State, entity_type_id: i64, funnel: i64) -> Vec<&Map> {
    let directory = stage_directory(entity_type_id, funnel);
    let mut stages: Vec<&Map> = state
        .all(Table::Status)
        .filter(|status| text(status, "ENTITY_ID") == directory)
        .collect();
    stages.sort_by_key(|stage| int(stage, "SORT"));
    stages
}

fn funnels(call: &Call<'_>) -> Result<Vec<Map>, Refusal> {
    call.state.need_intranet(call.caller.user)?;
    call.need(&["entityTypeId"])?;
    let id = call.int("entityTypeId").unwrap_or(0);
    let entity = entity_type(id).ok_or_else(|| Refusal::not_found("Smart process not found"))?;
    if !entity.has_stages {
        return Err(Refusal::new(
            400,
            "ENTITY_TYPE_NOT_SUPPORTED",
            format!("Entity type {} is not supported", entity.code),
        ));
    }
    let hidden = call
        .state
        .user(call.caller.user)
        .map(|user| user.hidden_funnels.clone())
        .unwrap_or_default();
    let is_seen = |funnel: &&Map| {
        int(funnel, "ENTITY_TYPE_ID") == id && !(id == DEAL && hidden.contains(&int(funnel, "ID")))
    };
    Ok(call
        .state
        .all(Table::Category)
        .filter(is_seen)
        .cloned()
        .collect())
}

fn shown_funnel(funnel: &Map) -> Value {
    let mut shown = json!({
        "id": int(funnel, "ID"),
        "name": text(funnel, "NAME"),
        "sort": int(funnel, "SORT"),
        "entityTypeId": int(funnel, "ENTITY_TYPE_ID"),
        "isDefault": text(funnel, "IS_DEFAULT"),
    });
    if let Value::Object(shown) = &mut shown
        && int(funnel, "ID") != 0
    {
        shown.insert("originId".into(), "".into());
        shown.insert("originatorId".into(), "".into());
    }
    shown
}

pub(crate) fn category_list(call: &mut Call<'_>) -> Answer {
    let funnels = funnels(call)?;
    let total = i64::try_from(funnels.len()).ok();
    let shown: Vec<Value> = funnels.iter().map(shown_funnel).collect();
    Ok(Reply {
        result: json!({"categories": shown}),
        total,
        next: None,
    })
}

pub(crate) fn category_get(call: &mut Call<'_>) -> Answer {
    let id = call.int("id");
    let hidden = call
        .state
        .user(call.caller.user)
        .is_some_and(|user| id.is_some_and(|id| user.hidden_funnels.contains(&id)));
    if hidden {
        return Err(Refusal::new(400, "ACCESS_DENIED", "Access denied"));
    }
    let funnels = funnels(call)?;
    let found = funnels.iter().find(|funnel| Some(int(funnel, "ID")) == id);
    match found {
        Some(funnel) => Ok(json!({"category": shown_funnel(funnel)}).into()),
        None => Err(Refusal::not_found("Element not found")),
    }
}

pub(crate) fn category_fields(call: &mut Call<'_>) -> Answer {
    funnels(call)?;
    let schema = call.state.schema(Table::Category);
    Ok(json!({"fields": schema.describe(Spelling::Camel)}).into())
}

/// `crm.dealcategory.list`, which leaves the common funnel out.
pub(crate) fn old_funnel_list(call: &mut Call<'_>) -> Answer {
    let hidden = call
        .state
        .user(call.caller.user)
        .map(|user| user.hidden_funnels.clone())
        .unwrap_or_default();
    let funnels = call.state.all(Table::Category).filter(|funnel| {
        let id = int(funnel, "ID");
        int(funnel, "ENTITY_TYPE_ID") == DEAL && id != 0 && !hidden.contains(&id)
    });
    let shown = funnels.map(|funnel| json!({"ID": text(funnel, "ID"), "NAME": text(funnel, "NAME"), "SORT": text(funnel, "SORT"), "IS_LOCKED": "N"}));
    Ok(Reply::list(shown.collect()))
}

pub(crate) fn old_funnel_default(call: &mut Call<'_>) -> Answer {
    let name = call
        .state
        .all(Table::Category)
        .find(|funnel| int(funnel, "ENTITY_TYPE_ID") == DEAL && int(funnel, "ID") == 0);
    Ok(json!({"ID": 0, "NAME": name.map(|funnel| text(funnel, "NAME"))}).into())
}

pub(crate) fn old_funnel_stages(call: &mut Call<'_>) -> Answer {
    let stages = stages(call.state, DEAL, call.id().unwrap_or(0));
    let shown = stages.iter().map(|stage| json!({"NAME": text(stage, "NAME"), "SORT": int(stage, "SORT"), "STATUS_ID": text(stage, "STATUS_ID")}));
    Ok(Value::Array(shown.collect()).into())
}

fn shown_status(call: &Call<'_>, status: &Map, fields: &[Field]) -> Value {
    let mut shown = Map::new();
    for field in fields {
        let value = status.get(&field.upper).unwrap_or(&Value::Null);
        shown.insert(
            field.upper.clone(),
            stringly(field.kind, &call.state.zone, value),
        );
    }
    let semantics = match text(status, "SEMANTICS").as_str() {
        "S" => "success",
        "F" if text(status, "STATUS_ID").ends_with("APOLOGY") => "apology",
        "F" => "failure",
        _ => "process",
    };
    if text(status, "ENTITY_ID").contains("STAGE") {
        shown.insert(
            "EXTRA".into(),
            json!({"SEMANTICS": semantics, "COLOR": status.get("COLOR")}),
        );
    }
    Value::Object(shown)
}

pub(crate) fn status_list(call: &mut Call<'_>) -> Answer {
    let schema = call.state.schema(Table::Status);
    let list = ListParams::of(call.params)?;
    let filter = Filter::parse(list.filter, &schema, &call.state.zone, Unknown::Ignored)?;
    let order = Order::parse(list.order, &schema, Unknown::Ignored)?;
    let call: &Call<'_> = call;
    // The directory is not paged: everything comes at once.
    let all: Vec<&Map> = call
        .state
        .all(Table::Status)
        .filter(|status| filter.matches(status))
        .collect();
    let mut sorted: Vec<Value> = Vec::new();
    let mut from = 0;
    loop {
        let part = page(all.iter().copied(), &filter, &order, &Value::from(from));
        sorted.extend(
            part.records
                .iter()
                .map(|status| shown_status(call, status, schema.fields())),
        );
        match part.next {
            Some(next) => from = next,
            None => return Ok(Reply::list(sorted)),
        }
    }
}

pub(crate) fn status_get(call: &mut Call<'_>) -> Answer {
    let schema = call.state.schema(Table::Status);
    let status = call.id().and_then(|id| call.state.get(Table::Status, id));
    let status = status.ok_or_else(|| Refusal::nameless("Status is not found."))?;
    Ok(shown_status(call, status, schema.fields()).into())
}

pub(crate) fn status_fields(call: &mut Call<'_>) -> Answer {
    let schema = call.state.schema(Table::Status);
    Ok(Value::Object(schema.describe(Spelling::Upper)).into())
}

pub(crate) fn status_entity_items(call: &mut Call<'_>) -> Answer {
    let directory = call.text("entityId");
    if directory.is_empty() {
        return Err(Refusal::new(
            400,
            "The parameter entityId is not defined or invalid.",
            "The directory ID is not specified or is incorrect.",
        ));
    }
    let mut found: Vec<&Map> = call
        .state
        .all(Table::Status)
        .filter(|status| text(status, "ENTITY_ID") == directory)
        .collect();
    found.sort_by_key(|status| int(status, "SORT"));
    let shown = found.iter().map(|status| json!({"NAME": text(status, "NAME"), "SORT": int(status, "SORT"), "STATUS_ID": text(status, "STATUS_ID")}));
    Ok(Value::Array(shown.collect()).into())
}

pub(crate) fn status_entity_types(call: &mut Call<'_>) -> Answer {
    let mut shown = vec![
        json!({"ID": "SOURCE", "NAME": "Источники"}),
        json!({"ID": "DEAL_TYPE", "NAME": "Тип сделки"}),
    ];
    for funnel in call.state.all(Table::Category) {
        let entity_type_id = int(funnel, "ENTITY_TYPE_ID");
        let directory = stage_directory(entity_type_id, int(funnel, "ID"));
        shown.push(json!({"ID": directory, "NAME": format!("Стадии: {}", text(funnel, "NAME")), "ENTITY_TYPE_ID": entity_type_id, "CATEGORY_ID": int(funnel, "ID")}));
    }
    Ok(Value::Array(shown).into())
}

/// How a directory's list is worded: `catalog.*` in camel case under a wrapper, or older.
struct Listing {
    table: Table,
    wrapper: Option<&'static str>,
}

fn listing(call: &mut Call<'_>, how: &Listing) -> Answer {
    let schema = call.state.schema(how.table);
    let list = ListParams::of(call.params)?;
    let unknown = if how.wrapper.is_some() {
        Unknown::Refused
    } else {
        Unknown::Ignored
    };
    let filter = Filter::parse(list.filter, &schema, &call.state.zone, unknown)?;
    let order = Order::parse(list.order, &schema, unknown)?;
    let selection = Selection::parse(list.select, &schema, &[], true);
    let state: &State = call.state;
    let page = page(
        state.candidates(how.table, &filter),
        &filter,
        &order,
        list.start,
    );
    let print = |record: &&Map| -> Value {
        let field = |field: &Field| {
            let value = record.get(&field.upper).unwrap_or(&Value::Null);
            match how.wrapper {
                Some(_) => (field.camel.clone(), typed(field.kind, &state.zone, value)),
                None => (
                    field.upper.clone(),
                    stringly(field.kind, &state.zone, value),
                ),
            }
        };
        Value::Object(selection.fields().iter().map(field).collect())
    };
    let items: Vec<Value> = page.records.iter().map(print).collect();
    let result = match how.wrapper {
        Some(wrapper) => json!({wrapper: items}),
        None => Value::Array(items),
    };
    Ok(page.reply(result))
}

const NO_ACCESS_TO_CATALOG: i64 = 200_040_300_010;

fn need_catalog(call: &Call<'_>) -> Result<(), Refusal> {
    if call.is_admin() {
        Ok(())
    } else {
        Err(Refusal::numbered(NO_ACCESS_TO_CATALOG, "Access Denied"))
    }
}

pub(crate) fn catalog_vat_list(call: &mut Call<'_>) -> Answer {
    need_catalog(call)?;
    listing(
        call,
        &Listing {
            table: Table::Vat,
            wrapper: Some("vats"),
        },
    )
}

pub(crate) fn old_vat_list(call: &mut Call<'_>) -> Answer {
    listing(
        call,
        &Listing {
            table: Table::Vat,
            wrapper: None,
        },
    )
}

pub(crate) fn catalog_measure_list(call: &mut Call<'_>) -> Answer {
    need_catalog(call)?;
    listing(
        call,
        &Listing {
            table: Table::Measure,
            wrapper: Some("measures"),
        },
    )
}

pub(crate) fn old_measure_list(call: &mut Call<'_>) -> Answer {
    listing(
        call,
        &Listing {
            table: Table::Measure,
            wrapper: None,
        },
    )
}

pub(crate) fn product_list(call: &mut Call<'_>) -> Answer {
    let list = ListParams::of(call.params)?;
    let selected = list.selected();
    if !["id", "iblockId"]
        .iter()
        .all(|name| selected.iter().any(|chosen| chosen == name))
    {
        return Err(Refusal::numbered(0, "Required select fields: id, iblockId"));
    }
    let has_iblock = list.filter.as_object().is_some_and(|filter| {
        filter
            .keys()
            .any(|name| name.trim_start_matches('=') == "iblockId")
    });
    if !has_iblock {
        return Err(Refusal::numbered(0, "Required filter fields: iblockId"));
    }
    listing(
        call,
        &Listing {
            table: Table::Product,
            wrapper: Some("products"),
        },
    )
}

pub(crate) fn catalog_list(_call: &mut Call<'_>) -> Answer {
    let catalog = json!({"iblockId": CATALOG, "iblockTypeId": "CRM_PRODUCT_CATALOG", "id": CATALOG, "lid": "s1", "name": "Товарный каталог CRM", "productIblockId": null, "skuPropertyId": null, "subscription": "N", "vatId": 1});
    Ok(Reply {
        result: json!({"catalogs": [catalog]}),
        total: Some(1),
        next: None,
    })
}

/// The information block of the CRM catalogue.
pub(crate) const CATALOG: i64 = 23;

pub(crate) fn price_list(call: &mut Call<'_>) -> Answer {
    let wanted = call
        .param("filter")
        .get("productId")
        .map(members)
        .unwrap_or_default()
        .into_iter()
        .map(text_of)
        .collect::<Vec<_>>();
    let prices = call
        .state
        .all(Table::Product)
        .filter(|product| wanted.is_empty() || wanted.contains(&text(product, "ID")));
    let shown: Vec<Value> = prices
        .map(|product| {
            let price = typed(Kind::Double, &call.state.zone, product.get("PRICE").unwrap_or(&Value::Null));
            json!({"id": int(product, "ID"), "productId": int(product, "ID"), "price": price, "currency": "RUB", "catalogGroupId": 1})
        })
        .collect();
    let total = i64::try_from(shown.len()).ok();
    Ok(Reply {
        result: json!({"prices": shown}),
        total,
        next: None,
    })
}

pub(crate) fn currency_list(call: &mut Call<'_>) -> Answer {
    let reply = listing(
        call,
        &Listing {
            table: Table::Currency,
            wrapper: None,
        },
    )?;
    // The count is always 0 here.
    Ok(Reply {
        total: Some(0),
        next: None,
        ..reply
    })
}

pub(crate) fn user_list(call: &mut Call<'_>) -> Answer {
    let wanted = |name: &str| -> Vec<String> {
        let filter = call.param("filter");
        let direct = crate::call::param(call.params, name);
        let value = if is_empty(direct) {
            filter
                .as_object()
                .map_or(&Value::Null, |filter| crate::call::param(filter, name))
        } else {
            direct
        };
        members(value)
            .into_iter()
            .map(text_of)
            .filter(|text| !text.is_empty())
            .collect()
    };
    let ids = wanted("ID");
    let emails = wanted("EMAIL");
    let names = wanted("NAME");
    let active = wanted("ACTIVE");
    let found: Vec<Value> = call
        .state
        .config
        .users
        .iter()
        .filter(|user| ids.is_empty() || ids.contains(&user.id.to_string()))
        .filter(|user| emails.is_empty() || emails.contains(&user.email))
        .filter(|user| {
            names.is_empty()
                || names
                    .iter()
                    .any(|name| user.name.contains(name.trim_matches('%')))
        })
        .filter(|user| {
            active
                .first()
                .is_none_or(|active| flag_of(&Value::from(active.clone())) == user.active)
        })
        .map(|user| shown_user(call, user))
        .collect();
    let list = ListParams::of(call.params)?;
    let start = usize::try_from(crate::value::int_of(list.start).unwrap_or(0)).unwrap_or(0);
    let total = found.len();
    let next = start.saturating_add(crate::filter::PAGE);
    let shown: Vec<Value> = found
        .into_iter()
        .skip(start)
        .take(crate::filter::PAGE)
        .collect();
    let as_i64 = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    Ok(Reply {
        result: Value::Array(shown),
        total: Some(as_i64(total)),
        next: (next < total).then(|| as_i64(next)),
    })
}

fn shown_user(call: &Call<'_>, user: &crate::config::UserSeed) -> Value {
    let mut shown = json!({
        "ID": user.id.to_string(),
        "ACTIVE": user.active,
        "NAME": user.name,
        "LAST_NAME": user.last_name,
        "SECOND_NAME": "",
        "LAST_LOGIN": "",
        "DATE_REGISTER": "2023-08-24T03:00:00+03:00",
        "IS_ONLINE": "N",
        "TIME_ZONE": user.time_zone,
        "PERSONAL_GENDER": "",
        "WORK_POSITION": user.position,
        "UF_DEPARTMENT": user.departments,
        "USER_TYPE": if user.extranet { "extranet" } else { "employee" },
    });
    let sees_email = ["user", "user_basic"]
        .iter()
        .any(|scope| call.caller.has_scope(scope));
    if let Value::Object(shown) = &mut shown
        && sees_email
    {
        shown.insert("EMAIL".into(), user.email.clone().into());
    }
    shown
}

pub(crate) fn user_current(call: &mut Call<'_>) -> Answer {
    let user = call
        .state
        .user(call.caller.user)
        .ok_or_else(|| Refusal::denied("Access denied!"))?;
    Ok(shown_user(call, user).into())
}

pub(crate) fn profile(call: &mut Call<'_>) -> Answer {
    let user = call
        .state
        .user(call.caller.user)
        .ok_or_else(|| Refusal::denied("Access denied!"))?;
    Ok(json!({"ID": user.id.to_string(), "ADMIN": user.admin, "NAME": user.name, "LAST_NAME": user.last_name, "PERSONAL_GENDER": "", "TIME_ZONE": user.time_zone}).into())
}
