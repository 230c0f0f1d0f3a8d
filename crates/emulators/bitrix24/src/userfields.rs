//! Custom fields: `crm.deal.userfield.*` and `userfieldconfig.*` over one table.
//!
//! <https://apidocs.bitrix24.com/api-reference/crm/deals/user-defined-fields/index.html>

use std::sync::Arc;

use serde_json::{Value, json};

use crate::call::{Answer, Call, ListParams, Refusal, Reply};
use crate::filter::{Filter, Order, Unknown, page};
use crate::item_methods::origin_of;
use crate::schema::{ENTITY_TYPES, EntityType, Field, Schema};
use crate::state::{Origin, State, Table, int, text};
use crate::value::{Kind, Map, flag_of, int_of, is_empty, members, text_of};

const TYPES: &[&str] = &[
    "string",
    "integer",
    "double",
    "boolean",
    "date",
    "datetime",
    "money",
    "url",
    "enumeration",
    "file",
    "employee",
    "crm",
    "crm_status",
    "address",
    "iblock_element",
    "iblock_section",
    "resourcebooking",
];

fn kind_of(user_type: &str) -> Kind {
    match user_type {
        "integer" => Kind::Int,
        "double" => Kind::Double,
        "boolean" => Kind::CustomFlag,
        "date" => Kind::Date,
        "datetime" => Kind::DateTime,
        "money" => Kind::Money,
        "enumeration" => Kind::Choice,
        "file" => Kind::File,
        "employee" => Kind::User,
        _ => Kind::Text,
    }
}

/// Adds the custom fields of a table to its schema.
pub(crate) fn join(state: &State, table: Table, schema: &mut Arc<Schema>) {
    let Some(entity) = entity_of(table) else {
        return;
    };
    for field in state
        .all(Table::UserField)
        .filter(|field| text(field, "ENTITY_ID") == entity)
    {
        let kind = kind_of(&text(field, "USER_TYPE_ID"));
        let flag = |name: &str| field.get(name).is_some_and(flag_of);
        let items = members(field.get("LIST").unwrap_or(&Value::Null));
        let item = |item: &Value| {
            let part = |name: &str| item.get(name).map(text_of);
            json!({"ID": part("ID"), "VALUE": part("VALUE")})
        };
        Arc::make_mut(schema).push_custom(Field {
            upper: text(field, "FIELD_NAME"),
            camel: String::new(),
            kind,
            read_only: false,
            required: flag("MANDATORY"),
            multiple: flag("MULTIPLE"),
            custom: true,
            title: label(field),
            items: items.into_iter().map(item).collect(),
        });
    }
}

fn entity_of(table: Table) -> Option<&'static str> {
    match table {
        Table::Item(id) => crate::schema::entity_type(id).map(|entity| entity.custom_fields_of),
        Table::Requisite => Some("CRM_REQUISITE"),
        _ => None,
    }
}

/// The label that people see.
pub(crate) fn label(field: &Map) -> String {
    let labels = field.get("EDIT_FORM_LABEL");
    let russian = labels
        .and_then(|labels| labels.get("ru").or_else(|| labels.get("en")))
        .map(text_of);
    russian
        .filter(|label| !label.is_empty())
        .unwrap_or_else(|| text(field, "FIELD_NAME"))
}

/// A list field takes only ids of its own items.
pub(crate) fn check_choice(
    state: &State,
    entity: &EntityType,
    field_name: &str,
    value: &Value,
) -> Result<(), ()> {
    let field = state.all(Table::UserField).find(|field| {
        text(field, "ENTITY_ID") == entity.custom_fields_of
            && text(field, "FIELD_NAME") == field_name
    });
    let known: Vec<i64> = field
        .and_then(|field| field.get("LIST"))
        .map(members)
        .unwrap_or_default()
        .into_iter()
        .filter_map(|item| item.get("ID").and_then(int_of))
        .collect();
    let all_known = members(value)
        .into_iter()
        .filter_map(int_of)
        .all(|id| known.contains(&id));
    if all_known { Ok(()) } else { Err(()) }
}

/// A new field, as either method asks for it.
pub(crate) struct NewField<'a> {
    pub(crate) entity: &'a str,
    pub(crate) name: &'a str,
    pub(crate) user_type: &'a str,
    /// By upper-case names.
    pub(crate) rest: Map,
}

pub(crate) fn create(
    state: &mut State,
    new: NewField<'_>,
    origin: &Origin,
) -> Result<i64, Refusal> {
    let core = |text: String| Refusal::new(400, "ERROR_CORE", text);
    if new.name.is_empty() {
        return Err(Refusal::nameless("The 'FIELD_NAME' field is not found."));
    }
    if new.user_type.is_empty() {
        return Err(Refusal::nameless("The 'USER_TYPE_ID' field is not found."));
    }
    if !TYPES.contains(&new.user_type) && !new.user_type.starts_with("rest_") {
        return Err(core("Указан неверный пользовательский тип.<br>".into()));
    }
    if new.name.chars().count() > 50 {
        return Err(core(format!(
            "Field name {} is too long (more than 50 characters).<br>",
            new.name
        )));
    }
    let is_allowed =
        |letter: char| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_';
    if !new.name.chars().all(is_allowed) {
        return Err(core(
            "Field name contains invalid characters. Allowed characters are: A-Z, 0-9 and _.<br>"
                .into(),
        ));
    }
    let exists = state.all(Table::UserField).any(|field| {
        text(field, "ENTITY_ID") == new.entity && text(field, "FIELD_NAME") == new.name
    });
    if exists {
        return Err(Refusal::nameless(format!(
            "Поле {} для объекта {} уже существует.",
            new.name, new.entity
        )));
    }
    let id = state.next_id(Table::UserField);
    let mut field = new.rest;
    let label = field
        .get("LABEL")
        .map(text_of)
        .filter(|label| !label.is_empty());
    for name in ["EDIT_FORM_LABEL", "LIST_COLUMN_LABEL", "LIST_FILTER_LABEL"] {
        let given = field.get(name).filter(|given| !is_empty(given)).cloned();
        let labels = match given.or_else(|| label.clone().map(Value::from)) {
            Some(Value::Object(labels)) => Value::Object(labels),
            Some(single) => json!({"ru": single, "en": single}),
            None => Value::Null,
        };
        field.insert(name.into(), labels);
    }
    field.remove("LABEL");
    let list = items(state, id, field.get("LIST"))?;
    field.insert("LIST".into(), list);
    field.insert("ID".into(), id.into());
    field.insert("ENTITY_ID".into(), new.entity.into());
    field.insert("FIELD_NAME".into(), new.name.into());
    field.insert("USER_TYPE_ID".into(), new.user_type.into());
    for (name, default) in [
        ("XML_ID", Value::Null),
        ("SORT", 100.into()),
        ("MULTIPLE", "N".into()),
        ("MANDATORY", "N".into()),
        ("SHOW_FILTER", "N".into()),
        ("SHOW_IN_LIST", "Y".into()),
        ("EDIT_IN_LIST", "Y".into()),
        ("IS_SEARCHABLE", "N".into()),
        ("SETTINGS", json!({})),
        ("ERROR_MESSAGE", Value::Null),
        ("HELP_MESSAGE", Value::Null),
    ] {
        if field.get(name).is_none_or(is_empty) {
            field.insert(name.into(), default);
        }
    }
    state.put(Table::UserField, id, field.clone());
    state.forget_schemas();
    state.note_write(origin, "user_field", id, None, Some(&field));
    fire(state, &field, "ADD", origin);
    Ok(id)
}

fn items(state: &mut State, field: i64, written: Option<&Value>) -> Result<Value, Refusal> {
    let mut items: Vec<Value> = Vec::new();
    let mut codes: Vec<String> = Vec::new();
    for item in written.map(members).unwrap_or_default() {
        let part = |upper: &str, lower: &str| item.get(upper).or_else(|| item.get(lower));
        let id = state.system.next_multifield_id();
        let code = part("XML_ID", "xmlId")
            .map(text_of)
            .filter(|code| !code.is_empty())
            .unwrap_or_else(|| format!("item{field}x{id}"));
        if codes.contains(&code) {
            return Err(Refusal::new(
                400,
                "ERROR_CORE",
                format!("List item with value XML_ID={code} already exists."),
            ));
        }
        codes.push(code.clone());
        let sort = part("SORT", "sort").and_then(int_of).unwrap_or(500);
        let is_default = part("DEF", "def").is_some_and(flag_of);
        items.push(json!({"ID": id, "SORT": sort, "VALUE": part("VALUE", "value").map(text_of), "DEF": if is_default { "Y" } else { "N" }, "XML_ID": code}));
    }
    Ok(Value::Array(items))
}

fn fire(state: &mut State, field: &Map, verb: &str, origin: &Origin) {
    let entity = text(field, "ENTITY_ID");
    let Some(code) = entity.strip_prefix("CRM_").map(str::to_owned) else {
        return;
    };
    let data = json!({"FIELDS": {"ID": field.get("ID"), "ENTITY_ID": entity, "FIELD_NAME": field.get("FIELD_NAME"), "XML_ID": field.get("XML_ID")}});
    crate::events::fire(
        state,
        &format!("ONCRM{code}USERFIELD{verb}"),
        data,
        &format!("UF-{}", int(field, "ID")),
        origin,
    );
}

/// The entity behind `crm.deal.userfield.*`.
fn old_entity(call: &Call<'_>) -> &'static str {
    let code = call.method.split('.').nth(1).unwrap_or_default();
    if code == "requisite" {
        return "CRM_REQUISITE";
    }
    ENTITY_TYPES
        .iter()
        .find(|entity| entity.code.eq_ignore_ascii_case(code))
        .map_or("CRM_DEAL", |entity| entity.custom_fields_of)
}

fn shown(field: &Map, with_all_languages: bool) -> Map {
    let mut shown = Map::new();
    for (name, value) in field {
        let value = match name.as_str() {
            "EDIT_FORM_LABEL" | "LIST_COLUMN_LABEL" | "LIST_FILTER_LABEL"
                if !with_all_languages =>
            {
                value
                    .get("ru")
                    .or_else(|| value.get("en"))
                    .cloned()
                    .unwrap_or(Value::Null)
            }
            "SETTINGS" => value.clone(),
            "LIST" => {
                let items = members(value).into_iter().map(|item| {
                    let part = |name: &str| item.get(name).map(text_of);
                    json!({"ID": part("ID"), "SORT": part("SORT"), "VALUE": part("VALUE"), "DEF": part("DEF"), "XML_ID": part("XML_ID")})
                });
                items.collect()
            }
            _ if value.is_object() || value.is_null() => value.clone(),
            _ => text_of(value).into(),
        };
        shown.insert(name.clone(), value);
    }
    if text(field, "USER_TYPE_ID") != "enumeration" {
        shown.remove("LIST");
    }
    shown
}

pub(crate) fn old_add(call: &mut Call<'_>) -> Answer {
    need_crm_admin(call)?;
    let fields = call.fields();
    let name = text(&fields, "FIELD_NAME");
    let name = if name.is_empty() || name.starts_with("UF_CRM_") {
        name
    } else {
        format!("UF_CRM_{name}")
    };
    let user_type = text(&fields, "USER_TYPE_ID");
    let new = NewField {
        entity: old_entity(call),
        name: &name,
        user_type: &user_type,
        rest: fields,
    };
    let origin = origin_of(call);
    Ok(Value::from(create(call.state, new, &origin)?).into())
}

fn need_crm_admin(call: &Call<'_>) -> Result<(), Refusal> {
    if call.is_admin() {
        Ok(())
    } else {
        Err(Refusal::new(403, "", "Access denied."))
    }
}

fn old_one(call: &Call<'_>) -> Result<Map, Refusal> {
    let Some(id) = call.id() else {
        return Err(Refusal::nameless("ID is not defined or invalid."));
    };
    match call.state.get(Table::UserField, id) {
        None => Err(Refusal::new(
            400,
            "ERROR_NOT_FOUND",
            format!("The entity with ID '{id}' is not found."),
        )),
        Some(field) if text(field, "ENTITY_ID") != old_entity(call) => {
            Err(Refusal::new(403, "", "Access denied."))
        }
        Some(field) => Ok(field.clone()),
    }
}

pub(crate) fn old_get(call: &mut Call<'_>) -> Answer {
    Ok(Value::Object(shown(&old_one(call)?, true)).into())
}

pub(crate) fn old_list(call: &mut Call<'_>) -> Answer {
    let schema = call.state.schema(Table::UserField);
    let list = ListParams::of(call.params)?;
    let filter = Filter::parse(list.filter, &schema, &call.state.zone, Unknown::Ignored)?;
    let order = Order::parse(list.order, &schema, Unknown::Ignored)?;
    let with_language = list.filter.get("LANG").is_some();
    let entity = old_entity(call);
    let of_entity = call
        .state
        .all(Table::UserField)
        .filter(|field| text(field, "ENTITY_ID") == entity);
    // All of an entity's fields come at once.
    let mut fields: Vec<Value> = Vec::new();
    let matching: Vec<&Map> = of_entity.filter(|field| filter.matches(field)).collect();
    for chunk_start in (0..matching.len()).step_by(crate::filter::PAGE) {
        let start = Value::from(i64::try_from(chunk_start).unwrap_or(0));
        let part = page(matching.iter().copied(), &filter, &order, &start);
        fields.extend(part.records.into_iter().map(|field| {
            let mut shown = shown(field, false);
            if !with_language {
                for name in [
                    "EDIT_FORM_LABEL",
                    "LIST_COLUMN_LABEL",
                    "LIST_FILTER_LABEL",
                    "ERROR_MESSAGE",
                    "HELP_MESSAGE",
                ] {
                    shown.remove(name);
                }
            }
            Value::Object(shown)
        }));
    }
    Ok(Reply::list(fields))
}

pub(crate) fn old_update(call: &mut Call<'_>) -> Answer {
    need_crm_admin(call)?;
    let before = old_one(call)?;
    let changes = call.fields();
    let origin = origin_of(call);
    modify(call.state, &before, changes, &origin)?;
    Ok(Value::Bool(true).into())
}

fn modify(
    state: &mut State,
    before: &Map,
    mut changes: Map,
    origin: &Origin,
) -> Result<(), Refusal> {
    let id = int(before, "ID");
    changes.retain(|name, _| {
        !matches!(
            name.as_str(),
            "ID" | "ENTITY_ID" | "FIELD_NAME" | "USER_TYPE_ID" | "MULTIPLE"
        )
    });
    if let Some(written) = changes.get("LIST").cloned() {
        let mut kept: Vec<Value> = members(before.get("LIST").unwrap_or(&Value::Null))
            .into_iter()
            .cloned()
            .collect();
        if let Value::Array(added) = items(state, id, Some(&written))? {
            kept.extend(added);
        }
        changes.insert("LIST".into(), Value::Array(kept));
    }
    let mut field = before.clone();
    field.extend(changes);
    state.put(Table::UserField, id, field.clone());
    state.forget_schemas();
    state.note_write(origin, "user_field", id, Some(before), Some(&field));
    fire(state, &field, "UPDATE", origin);
    Ok(())
}

pub(crate) fn old_delete(call: &mut Call<'_>) -> Answer {
    need_crm_admin(call)?;
    let field = old_one(call)?;
    let origin = origin_of(call);
    erase(call.state, &field, &origin);
    Ok(Value::Bool(true).into())
}

fn erase(state: &mut State, field: &Map, origin: &Origin) {
    let id = int(field, "ID");
    state.remove(Table::UserField, id);
    state.forget_schemas();
    state.note_write(origin, "user_field", id, Some(field), None);
    fire(state, field, "DELETE", origin);
}

fn config_scope(call: &Call<'_>) -> Result<(), Refusal> {
    if call.text("moduleId") != "crm" {
        return Err(Refusal::nameless("No settings for UserFieldAccess"));
    }
    if !call.caller.has_scope("crm") {
        return Err(Refusal::nameless(
            "The current method required more scopes. (crm)",
        ));
    }
    Ok(())
}

fn config_shown(field: &Map) -> Value {
    let mut shown_camel = Map::new();
    for (name, value) in shown(field, true) {
        if name != "LIST" {
            shown_camel.insert(crate::schema::camel(&name), value);
        }
    }
    shown_camel.insert("languageId".into(), json!({"ru": "ru", "en": "en"}));
    if text(field, "USER_TYPE_ID") == "enumeration" {
        let items = members(field.get("LIST").unwrap_or(&Value::Null)).into_iter().map(|item| {
            let part = |name: &str| item.get(name).map(text_of);
            json!({"id": part("ID"), "userFieldId": text(field, "ID"), "value": part("VALUE"), "def": part("DEF"), "sort": part("SORT"), "xmlId": part("XML_ID")})
        });
        shown_camel.insert("enum".into(), items.collect());
    }
    Value::Object(shown_camel)
}

pub(crate) fn config_add(call: &mut Call<'_>) -> Answer {
    config_scope(call)?;
    if !call.is_admin() {
        return Err(Refusal::nameless("Access denied"));
    }
    let given = match call.param("field") {
        Value::Object(field) => field.clone(),
        _ => return Err(Refusal::missing("field")),
    };
    let mut fields = Map::new();
    for (name, value) in &given {
        let upper = upper_of(name);
        fields.insert(
            if upper == "ENUM" {
                "LIST".into()
            } else {
                upper
            },
            value.clone(),
        );
    }
    let entity = text(&fields, "ENTITY_ID");
    let name = text(&fields, "FIELD_NAME");
    let prefix_ok = name.starts_with(&format!("UF_{entity}_"))
        || (ENTITY_TYPES
            .iter()
            .any(|known| known.custom_fields_of == entity)
            && name.starts_with("UF_CRM_"));
    if !name.is_empty() && !prefix_ok {
        return Err(Refusal::nameless("You cannot create custom fields"));
    }
    let user_type = text(&fields, "USER_TYPE_ID");
    let new = NewField {
        entity: &entity,
        name: &name,
        user_type: &user_type,
        rest: fields,
    };
    let origin = origin_of(call);
    let id = create(call.state, new, &origin)?;
    let field = call
        .state
        .get(Table::UserField, id)
        .map_or(Value::Null, config_shown);
    Ok(json!({"field": field}).into())
}

fn upper_of(camel: &str) -> String {
    let mut upper = String::new();
    for letter in camel.chars() {
        if letter.is_ascii_uppercase() {
            upper.push('_');
        }
        upper.push(letter.to_ascii_uppercase());
    }
    upper
}

pub(crate) fn config_list(call: &mut Call<'_>) -> Answer {
    config_scope(call)?;
    let schema = call.state.schema(Table::UserField);
    let list = ListParams::of(call.params)?;
    let filter = Filter::parse(list.filter, &schema, &call.state.zone, Unknown::Ignored)?;
    let order = Order::parse(list.order, &schema, Unknown::Ignored)?;
    let page = page(
        call.state.all(Table::UserField),
        &filter,
        &order,
        list.start,
    );
    let fields: Vec<Value> = page
        .records
        .iter()
        .map(|field| config_shown(field))
        .collect();
    Ok(page.reply(json!({"fields": fields})))
}

pub(crate) fn config_get(call: &mut Call<'_>) -> Answer {
    config_scope(call)?;
    let field = call
        .id()
        .and_then(|id| call.state.get(Table::UserField, id));
    let field = field.ok_or_else(|| {
        Refusal::nameless("You do not have permission to view user field settings")
    })?;
    Ok(json!({"field": config_shown(field)}).into())
}

pub(crate) fn config_delete(call: &mut Call<'_>) -> Answer {
    config_scope(call)?;
    let field = call
        .id()
        .and_then(|id| call.state.get(Table::UserField, id))
        .cloned();
    let field = field
        .filter(|_| call.is_admin())
        .ok_or_else(|| Refusal::nameless("You cannot delete the user field"))?;
    let origin = origin_of(call);
    erase(call.state, &field, &origin);
    Ok(Value::Null.into())
}
