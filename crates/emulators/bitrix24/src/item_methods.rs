//! `crm.item.*`, and the older `crm.deal.*`, `crm.company.*`, `crm.contact.*` over the same records.
//!
//! <https://apidocs.bitrix24.com/api-reference/crm/universal/index.html>

use serde_json::{Value, json};

use crate::call::{Answer, Call, ListParams, Refusal, Reply};
use crate::files::Owner;
use crate::filter::{Filter, Order, Selection, Unknown, name_of, page};
use crate::schema::{ENTITY_TYPES, EntityType, Field, Spelling, entity_type, entity_type_by_code};
use crate::state::{Origin, Table, int};
use crate::value::{Kind, Map, flag_of, members, stringly, text_of, typed};

pub(crate) fn origin_of(call: &Call<'_>) -> Origin {
    Origin {
        actor: call.caller.actor.clone(),
        at: call.now,
        method: call.method.to_owned(),
        arguments: Value::Object(
            call.params
                .iter()
                .filter(|(name, _)| *name != "auth")
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
        ),
        connector: call.connector(),
    }
}

fn item_type(call: &Call<'_>) -> Result<&'static EntityType, Refusal> {
    call.state.need_intranet(call.caller.user)?;
    call.need(&["entityTypeId"])?;
    let id = call.int("entityTypeId").unwrap_or(0);
    match entity_type(id) {
        Some(entity) => Ok(entity),
        None if matches!(id, 1 | 5 | 7 | 8) => Err(Refusal::new(
            400,
            "ENTITY_TYPE_NOT_SUPPORTED",
            format!("Entity type `{id}` is not supported"),
        )),
        None => Err(Refusal::not_found("Smart process not found")),
    }
}

/// The type that an older method names in its second word.
pub(crate) fn old_type(call: &Call<'_>) -> Result<&'static EntityType, Refusal> {
    call.state.need_intranet(call.caller.user)?;
    let code = call.method.split('.').nth(1).unwrap_or_default();
    entity_type_by_code(code)
        .ok_or_else(|| Refusal::new(404, "ERROR_METHOD_NOT_FOUND", "Method not found!"))
}

/// How an item is printed for one caller.
struct Printer<'a> {
    call: &'a Call<'a>,
    entity: &'static EntityType,
    original_names: bool,
}

impl Printer<'_> {
    fn print(&self, record: &Map, selection: &Selection) -> Value {
        let mut item = Map::new();
        for field in selection.fields() {
            let name = name_of(field, Spelling::Camel, self.original_names);
            item.insert(name, self.value(record, field));
        }
        if selection.is_everything {
            if record.contains_key("HAS_PHONE") {
                item.extend(crate::multifields::aliases(record));
                item.insert("fm".into(), crate::multifields::as_items(record));
            }
            item.insert("entityTypeId".into(), self.entity.id.into());
        }
        Value::Object(item)
    }

    fn value(&self, record: &Map, field: &Field) -> Value {
        let value = record.get(&field.upper).unwrap_or(&Value::Null);
        if field.kind == Kind::File {
            let owner = Owner {
                entity_type_id: self.entity.id,
                item: int(record, "ID"),
                field: &field.upper,
            };
            let describe = |id: i64| {
                crate::files::described(
                    &self.call.state.base_url(),
                    &self.call.caller.endpoint,
                    self.call.caller.token.as_deref(),
                    &owner,
                    id,
                )
            };
            let files: Vec<Value> = crate::files::ids(Some(value))
                .into_iter()
                .map(describe)
                .collect();
            return match field.multiple {
                true => Value::Array(files),
                false => files.into_iter().next().unwrap_or(Value::Null),
            };
        }
        match (field.multiple, value) {
            (true, Value::Array(items)) => items
                .iter()
                .map(|item| typed(field.kind, &self.call.state.zone, item))
                .collect(),
            (true, _) => json!([]),
            (false, value) => typed(field.kind, &self.call.state.zone, value),
        }
    }
}

fn original_names(call: &Call<'_>) -> bool {
    flag_of(call.param("useOriginalUfNames"))
}

fn one_item(call: &mut Call<'_>, entity: &'static EntityType, id: i64) -> Answer {
    let schema = call.state.schema(Table::Item(entity.id));
    let selection = Selection::parse(&Value::Null, &schema, &["ID"], true);
    let original_names = original_names(call);
    let call: &Call<'_> = call;
    let record = call
        .state
        .get(Table::Item(entity.id), id)
        .ok_or_else(|| Refusal::not_found("Element not found"))?;
    let item = Printer {
        call,
        entity,
        original_names,
    }
    .print(record, &selection);
    Ok(json!({"item": item}).into())
}

pub(crate) fn item_get(call: &mut Call<'_>) -> Answer {
    let entity = item_type(call)?;
    call.need(&["id"])?;
    let id = call.id().unwrap_or(0);
    readable(call, entity, id)?;
    one_item(call, entity, id)
}

fn readable<'a>(call: &'a Call<'_>, entity: &EntityType, id: i64) -> Result<&'a Map, Refusal> {
    let record = call
        .state
        .get(Table::Item(entity.id), id)
        .ok_or_else(|| Refusal::not_found("Element not found"))?;
    if call.state.may_read(call.caller.user, entity, record) {
        Ok(record)
    } else {
        Err(Refusal::new(400, "ACCESS_DENIED", "Access denied"))
    }
}

fn writable<'a>(call: &'a Call<'_>, entity: &EntityType, id: i64) -> Result<&'a Map, Refusal> {
    let record = call
        .state
        .get(Table::Item(entity.id), id)
        .ok_or_else(|| Refusal::not_found("Element not found"))?;
    if call.state.may_write(call.caller.user, entity, record) {
        Ok(record)
    } else {
        Err(Refusal::new(400, "ACCESS_DENIED", "Access denied"))
    }
}

pub(crate) fn item_list(call: &mut Call<'_>) -> Answer {
    let entity = item_type(call)?;
    let table = Table::Item(entity.id);
    let schema = call.state.schema(table);
    let list = ListParams::of(call.params)?;
    let filter = Filter::parse(list.filter, &schema, &call.state.zone, Unknown::Refused)?;
    let order = Order::parse(list.order, &schema, Unknown::Refused)?;
    let selection = Selection::parse(list.select, &schema, &["ID"], true);
    let original_names = original_names(call);
    let call: &Call<'_> = call;
    let user = call.caller.user;
    let visible = call
        .state
        .candidates(table, &filter)
        .filter(|record| call.state.may_read(user, entity, record));
    let page = page(visible, &filter, &order, list.start);
    let printer = Printer {
        call,
        entity,
        original_names,
    };
    let items: Vec<Value> = page
        .records
        .iter()
        .map(|record| printer.print(record, &selection))
        .collect();
    Ok(page.reply(json!({"items": items})))
}

pub(crate) fn item_add(call: &mut Call<'_>) -> Answer {
    let entity = item_type(call)?;
    call.need(&["fields"])?;
    if !call.state.may_add(call.caller.user, entity) {
        return Err(Refusal::new(400, "ACCESS_DENIED", "Access denied"));
    }
    let fields = call.fields();
    let fields = crate::items::read_fields(call.state, entity, &fields, None)?;
    crate::required::check_new(call.state, entity, &fields)?;
    let origin = origin_of(call);
    let id = crate::items::add(call.state, entity, fields, &origin)?;
    one_item(call, entity, id)
}

pub(crate) fn item_update(call: &mut Call<'_>) -> Answer {
    let entity = item_type(call)?;
    call.need(&["id", "fields"])?;
    let id = call.id().unwrap_or(0);
    let current = writable(call, entity, id)?.clone();
    let fields = call.fields();
    let changes = crate::items::read_fields(call.state, entity, &fields, Some(&current))?;
    crate::required::check_change(call.state, entity, &current, &changes)?;
    let origin = origin_of(call);
    crate::items::update(call.state, entity, id, changes, &origin)?;
    one_item(call, entity, id)
}

pub(crate) fn item_delete(call: &mut Call<'_>) -> Answer {
    let entity = item_type(call)?;
    call.need(&["id"])?;
    let id = call.id().unwrap_or(0);
    writable(call, entity, id)?;
    let origin = origin_of(call);
    crate::items::delete(call.state, entity, id, &origin)?;
    Ok(json!([]).into())
}

pub(crate) fn item_fields(call: &mut Call<'_>) -> Answer {
    let entity = item_type(call)?;
    let schema = call.state.schema(Table::Item(entity.id));
    let mut fields = schema.describe(Spelling::Camel);
    if original_names(call) {
        fields = fields
            .into_iter()
            .map(|(name, about)| {
                let is_custom = about.get("isDynamic") == Some(&Value::Bool(true));
                let upper = about.get("upperName").map(text_of).unwrap_or_default();
                (if is_custom { upper } else { name }, about)
            })
            .collect();
    }
    Ok(json!({"fields": fields}).into())
}

pub(crate) fn old_get(call: &mut Call<'_>) -> Answer {
    let entity = old_type(call)?;
    let Some(id) = call.id() else {
        return Err(Refusal::nameless("ID is not defined or invalid."));
    };
    let schema = call.state.schema(Table::Item(entity.id));
    let call: &Call<'_> = call;
    let record = readable(call, entity, id).map_err(|_| Refusal::nameless("Not found"))?;
    let selection = Selection::parse(&Value::Null, &schema, &["ID"], true);
    let mut printed = old_print(call, entity, record, &selection);
    for type_id in ["PHONE", "EMAIL", "WEB", "IM"] {
        let values = crate::multifields::as_old(record, type_id);
        if !values.is_empty() {
            printed.insert(type_id.into(), Value::Array(values));
        }
    }
    Ok(Value::Object(printed).into())
}

fn old_print(call: &Call<'_>, entity: &EntityType, record: &Map, selection: &Selection) -> Map {
    let zone = &call.state.zone;
    let print = |field: &Field| {
        let value = record.get(&field.upper).unwrap_or(&Value::Null);
        if field.kind == Kind::File {
            let files: Vec<Value> = crate::files::ids(Some(value))
                .into_iter()
                .map(|id| {
                    let query = format!(
                        "auth=&ownerId={}&fieldName={}&dynamic=Y&fileId={id}",
                        int(record, "ID"),
                        field.upper
                    );
                    let path = format!(
                        "/bitrix/components/bitrix/crm.{}.show/show_file.php?{query}",
                        entity.code.to_ascii_lowercase()
                    );
                    json!({"id": id, "showUrl": path, "downloadUrl": path})
                })
                .collect();
            return if field.multiple {
                Value::Array(files)
            } else {
                files.into_iter().next().unwrap_or(Value::Null)
            };
        }
        if field.multiple {
            return members(value)
                .into_iter()
                .map(|item| stringly(field.kind, zone, item))
                .collect();
        }
        stringly(field.kind, zone, value)
    };
    let visible = |field: &&Field| {
        !matches!(
            field.upper.as_str(),
            "CONTACT_IDS" | "COMPANY_IDS" | "OBSERVERS"
        )
    };
    selection
        .fields()
        .iter()
        .filter(visible)
        .map(|field| (field.upper.clone(), print(field)))
        .collect()
}

pub(crate) fn old_list(call: &mut Call<'_>) -> Answer {
    let entity = old_type(call)?;
    let table = Table::Item(entity.id);
    let schema = call.state.schema(table);
    let list = ListParams::of(call.params)?;
    let filter = Filter::parse(list.filter, &schema, &call.state.zone, Unknown::Ignored)?;
    let order = Order::parse(list.order, &schema, Unknown::Ignored)?;
    let selection = Selection::parse(list.select, &schema, &["ID"], false);
    let wanted = list.selected();
    let call: &Call<'_> = call;
    let user = call.caller.user;
    let visible = call
        .state
        .candidates(table, &filter)
        .filter(|record| call.state.may_read(user, entity, record));
    let page = page(visible, &filter, &order, list.start);
    let print = |record: &&Map| {
        let mut printed = old_print(call, entity, record, &selection);
        for type_id in ["PHONE", "EMAIL", "WEB", "IM"] {
            if wanted.iter().any(|name| name == type_id) {
                printed.insert(
                    type_id.into(),
                    Value::Array(crate::multifields::as_old(record, type_id)),
                );
            }
        }
        Value::Object(printed)
    };
    let items: Vec<Value> = page.records.iter().map(print).collect();
    Ok(page.reply(Value::Array(items)))
}

pub(crate) fn old_add(call: &mut Call<'_>) -> Answer {
    let entity = old_type(call)?;
    if !call.state.may_add(call.caller.user, entity) {
        return Err(Refusal::nameless("Access denied."));
    }
    let fields = call.fields();
    let fields = crate::items::read_fields(call.state, entity, &fields, None)?;
    let origin = origin_of(call);
    Ok(Value::from(crate::items::add(call.state, entity, fields, &origin)?).into())
}

pub(crate) fn old_update(call: &mut Call<'_>) -> Answer {
    let entity = old_type(call)?;
    let Some(id) = call.id() else {
        return Err(Refusal::nameless("ID is not defined or invalid."));
    };
    let current =
        writable(call, entity, id).map_err(|refusal| match refusal.code_text().as_str() {
            "NOT_FOUND" => Refusal::nameless("Not found"),
            _ => Refusal::nameless("Access denied."),
        })?;
    let current = current.clone();
    let fields = call.fields();
    let mut changes = crate::items::read_fields(call.state, entity, &fields, Some(&current))?;
    // A stage of another funnel, and the funnel itself, are passed over in silence here.
    changes.remove("CATEGORY_ID");
    if let Some(stage) = changes.get("STAGE_ID").map(text_of)
        && !crate::directory::stages(call.state, entity.id, int(&current, "CATEGORY_ID"))
            .iter()
            .any(|own| crate::state::text(own, "STATUS_ID") == stage)
    {
        changes.remove("STAGE_ID");
    }
    let origin = origin_of(call);
    crate::items::update(call.state, entity, id, changes, &origin)?;
    Ok(Value::Bool(true).into())
}

pub(crate) fn old_delete(call: &mut Call<'_>) -> Answer {
    let entity = old_type(call)?;
    let Some(id) = call.id() else {
        return Err(Refusal::nameless("ID is not defined or invalid."));
    };
    writable(call, entity, id).map_err(|_| Refusal::nameless("Not found"))?;
    let origin = origin_of(call);
    crate::items::delete(call.state, entity, id, &origin)?;
    Ok(Value::Bool(true).into())
}

pub(crate) fn old_fields(call: &mut Call<'_>) -> Answer {
    let entity = old_type(call)?;
    let schema = call.state.schema(Table::Item(entity.id));
    Ok(Value::Object(schema.describe(Spelling::Upper)).into())
}

/// `crm.deal.contact.items.get` and its like.
pub(crate) fn contact_items_get(call: &mut Call<'_>) -> Answer {
    let entity = old_type(call)?;
    let id = call.id().unwrap_or(0);
    let record = readable(call, entity, id).map_err(|_| Refusal::nameless("Not found"))?;
    let ids = crate::files::ids(record.get("CONTACT_IDS"));
    let items: Vec<Value> = ids
        .iter()
        .enumerate()
        .map(|(at, id)| json!({"CONTACT_ID": id, "SORT": at.saturating_add(1).saturating_mul(10), "ROLE_ID": 0, "IS_PRIMARY": if at == 0 { "Y" } else { "N" }}))
        .collect();
    Ok(Value::Array(items).into())
}

pub(crate) fn find_by_comm(call: &mut Call<'_>) -> Answer {
    let type_id = call.text("type").to_ascii_uppercase();
    if type_id.is_empty() {
        return Err(Refusal::new(
            400,
            "Communication type is not defined",
            "Parameter 'type' is required.",
        ));
    }
    if !matches!(type_id.as_str(), "PHONE" | "EMAIL") {
        let text = format!("Communication type '{type_id}' is not supported in current context");
        return Err(Refusal::new(400, &text, text.clone()));
    }
    let values: Vec<String> = members(call.param("values"))
        .into_iter()
        .map(text_of)
        .take(20)
        .collect();
    if values.is_empty() {
        return Err(Refusal::new(
            400,
            "Communication values is not defined",
            "Parameter 'values' is required.",
        ));
    }
    let wanted = call.text("entity_type").to_ascii_uppercase();
    let mut found = Map::new();
    for entity in ENTITY_TYPES
        .iter()
        .filter(|entity| matches!(entity.code, "COMPANY" | "CONTACT"))
    {
        if wanted.is_empty() || wanted == entity.code {
            let ids = crate::multifields::owners_of(call.state, entity.id, &type_id, &values);
            if !ids.is_empty() {
                found.insert(entity.code.to_owned(), json!(ids));
            }
        }
    }
    Ok(Reply::from(crate::value::php_map(found)))
}

/// `crm.stagehistory.list`.
pub(crate) fn stage_history(call: &mut Call<'_>) -> Answer {
    let entity = item_type(call)?;
    let schema = call.state.schema(Table::StageHistory);
    let list = ListParams::of(call.params)?;
    let filter = Filter::parse(list.filter, &schema, &call.state.zone, Unknown::Refused)?;
    let order = Order::parse(list.order, &schema, Unknown::Refused)?;
    let selection = Selection::parse(list.select, &schema, &[], true);
    let call: &Call<'_> = call;
    let user = call.caller.user;
    let of_this_type = call
        .state
        .candidates(Table::StageHistory, &filter)
        .filter(|line| {
            int(line, "ENTITY_TYPE_ID") == entity.id
                && call
                    .state
                    .readable_item(user, entity.id, int(line, "OWNER_ID"))
                    .is_some()
        });
    let page = page(of_this_type, &filter, &order, list.start);
    let print = |line: &&Map| -> Value {
        let value = |field: &Field| {
            typed(
                field.kind,
                &call.state.zone,
                line.get(&field.upper).unwrap_or(&Value::Null),
            )
        };
        Value::Object(
            selection
                .fields()
                .iter()
                .map(|field| (field.upper.clone(), value(field)))
                .collect(),
        )
    };
    let items: Vec<Value> = page.records.iter().map(print).collect();
    Ok(page.reply(json!({"items": items})))
}
