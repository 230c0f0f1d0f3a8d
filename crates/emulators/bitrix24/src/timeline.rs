//! What stands in a record's timeline: comments with files, log messages, to-dos.
//!
//! <https://apidocs.bitrix24.com/api-reference/crm/timeline/index.html>

use serde_json::{Value, json};

use crate::call::{Answer, Call, ListParams, Refusal, Reply};
use crate::filter::{Filter, Order, Selection, Unknown, page};
use crate::item_methods::origin_of;
use crate::schema::{EntityType, Field, Spelling, entity_type, entity_type_by_code};
use crate::state::{Origin, State, Table, int, text};
use crate::value::{Kind, Map, canonical, is_empty, members, stringly, text_of, typed};

/// `deal`, `company`, `dynamic_31`.
fn owner_type(word: &str) -> Option<&'static EntityType> {
    entity_type_by_code(word).or_else(|| {
        let id = word
            .to_ascii_lowercase()
            .strip_prefix("dynamic_")?
            .parse()
            .ok()?;
        entity_type(id)
    })
}

fn owner(
    call: &Call<'_>,
    entity: Option<&'static EntityType>,
    id: i64,
) -> Result<&'static EntityType, Refusal> {
    let not_found = || Refusal::new(400, "OWNER_NOT_FOUND", "Owner was not found");
    let entity = entity.ok_or_else(not_found)?;
    let record = call
        .state
        .get(Table::Item(entity.id), id)
        .ok_or_else(not_found)?;
    if call.state.may_read(call.caller.user, entity, record) {
        Ok(entity)
    } else {
        Err(Refusal::new(400, "ACCESS_DENIED", "Access denied"))
    }
}

/// The fields of a comment: only the lower-case `fields` is understood here.
fn written(call: &Call<'_>) -> Result<Map, Refusal> {
    match call.params.get("fields") {
        Some(Value::Object(fields)) => Ok(fields.clone()),
        _ => Err(Refusal::missing("fields")),
    }
}

fn take_files(state: &mut State, fields: &Map) -> Result<Option<Value>, Refusal> {
    let Some(files) = fields.get("FILES") else {
        return Ok(None);
    };
    let mut ids = Vec::new();
    for pair in members(files).into_iter().filter(|pair| !is_empty(pair)) {
        let (name, content) = crate::files::read_pair(pair)
            .ok_or_else(|| Refusal::bad_argument("Invalid file content"))?;
        ids.push(Value::from(state.files.store(&name, content)));
    }
    Ok(Some(Value::Array(ids)))
}

pub(crate) fn comment_add(call: &mut Call<'_>) -> Answer {
    let fields = written(call)?;
    for name in ["ENTITY_ID", "ENTITY_TYPE"] {
        if fields.get(name).is_none_or(is_empty) {
            return Err(Refusal::new(400, "100", format!("Required fields: {name}")));
        }
    }
    let id = int(&fields, "ENTITY_ID");
    let entity = owner(call, owner_type(&text(&fields, "ENTITY_TYPE")), id)?;
    let comment = text(&fields, "COMMENT");
    let files = take_files(call.state, &fields)?.unwrap_or_else(|| json!([]));
    if comment.trim().is_empty() && is_empty(&files) {
        return Err(Refusal::bad_argument("Empty comment"));
    }
    let author = fields
        .get("AUTHOR_ID")
        .and_then(crate::value::int_of)
        .filter(|id| *id > 0)
        .unwrap_or(call.caller.user);
    let origin = origin_of(call);
    Ok(Value::from(put_comment(
        call.state, entity, id, author, &comment, files, &origin,
    ))
    .into())
}

/// Stores a comment and tells of it.
pub(crate) fn put_comment(
    state: &mut State,
    entity: &EntityType,
    owner: i64,
    author: i64,
    comment: &str,
    files: Value,
    origin: &Origin,
) -> i64 {
    let id = state.next_id(Table::Comment);
    let word = if entity.id == crate::schema::SMART_INVOICE {
        format!("dynamic_{}", entity.id)
    } else {
        entity.code.to_ascii_lowercase()
    };
    let record = json!({
        "ID": id, "CREATED": origin.seconds(), "ENTITY_ID": owner, "ENTITY_TYPE": word,
        "AUTHOR_ID": author, "COMMENT": comment, "FILES": files,
    });
    if let Value::Object(record) = record {
        state.put(Table::Comment, id, record.clone());
        state.note_write(origin, "timeline_comment", id, None, Some(&record));
    }
    crate::events::fire(
        state,
        "ONCRMTIMELINECOMMENTADD",
        json!({"ID": id}),
        &format!("COMMENT-{id}"),
        origin,
    );
    id
}

fn comment_by_id(call: &Call<'_>) -> Result<Map, Refusal> {
    let not_found = || Refusal::not_found("Not found.");
    let comment = call
        .id()
        .and_then(|id| call.state.get(Table::Comment, id))
        .ok_or_else(not_found)?;
    owner(
        call,
        owner_type(&text(comment, "ENTITY_TYPE")),
        int(comment, "ENTITY_ID"),
    )?;
    Ok(comment.clone())
}

pub(crate) fn comment_update(call: &mut Call<'_>) -> Answer {
    let before = comment_by_id(call)?;
    let fields = written(call)?;
    let mut record = before.clone();
    if let Some(comment) = fields.get("COMMENT") {
        record.insert("COMMENT".into(), text_of(comment).into());
    }
    if let Some(files) = take_files(call.state, &fields)? {
        record.insert("FILES".into(), files);
    }
    if text(&record, "COMMENT").trim().is_empty() && record.get("FILES").is_none_or(is_empty) {
        return Err(Refusal::bad_argument("Empty comment"));
    }
    let id = int(&record, "ID");
    let origin = origin_of(call);
    call.state.put(Table::Comment, id, record.clone());
    call.state.note_write(
        &origin,
        "timeline_comment",
        id,
        Some(&before),
        Some(&record),
    );
    crate::events::fire(
        call.state,
        "ONCRMTIMELINECOMMENTUPDATE",
        json!({"ID": id}),
        &format!("COMMENT-{id}"),
        &origin,
    );
    Ok(Value::from(id).into())
}

pub(crate) fn comment_delete(call: &mut Call<'_>) -> Answer {
    let before = comment_by_id(call)?;
    let id = int(&before, "ID");
    let origin = origin_of(call);
    call.state.remove(Table::Comment, id);
    call.state
        .note_write(&origin, "timeline_comment", id, Some(&before), None);
    crate::events::fire(
        call.state,
        "ONCRMTIMELINECOMMENTDELETE",
        json!({"ID": id}),
        &format!("COMMENT-{id}"),
        &origin,
    );
    Ok(Value::Null.into())
}

fn shown_comment(state: &State, comment: &Map, fields: &[Field]) -> Value {
    let mut shown = Map::new();
    for field in fields {
        let value = comment.get(&field.upper).unwrap_or(&Value::Null);
        let printed = match field.kind {
            Kind::File => shown_files(state, comment),
            _ => stringly(field.kind, &state.zone, value),
        };
        shown.insert(field.upper.clone(), printed);
    }
    Value::Object(shown)
}

/// By file id, as an object.
fn shown_files(state: &State, comment: &Map) -> Value {
    let author = int(comment, "AUTHOR_ID");
    let author_name = state
        .user(author)
        .map(|user| format!("{} {}", user.name, user.last_name))
        .unwrap_or_default();
    let date = state.zone.moment(int(comment, "CREATED"));
    let mut files = Map::new();
    for id in crate::files::ids(comment.get("FILES")) {
        if let Some(file) = state.files.get(id) {
            let shown =
                crate::files::attachment(&state.base_url(), id, file, &date, author, &author_name);
            files.insert(id.to_string(), shown);
        }
    }
    Value::Object(files)
}

pub(crate) fn comment_get(call: &mut Call<'_>) -> Answer {
    if call.id().is_none() {
        return Err(Refusal::nameless("ID is not defined or invalid."));
    }
    let comment = comment_by_id(call).map_err(|_| Refusal::nameless("Not found."))?;
    let schema = call.state.schema(Table::Comment);
    Ok(shown_comment(call.state, &comment, schema.fields()).into())
}

pub(crate) fn comment_list(call: &mut Call<'_>) -> Answer {
    let schema = call.state.schema(Table::Comment);
    let list = ListParams::of(call.params)?;
    let bare = |name: &str| {
        list.filter
            .get(name)
            .or_else(|| list.filter.get(format!("={name}")))
            .map(text_of)
            .unwrap_or_default()
    };
    let entity = owner_type(&bare("ENTITY_TYPE"));
    let id = bare("ENTITY_ID").parse().unwrap_or(0);
    owner(call, entity, id).map_err(|_| Refusal::nameless("Access denied."))?;
    let filter = Filter::parse(list.filter, &schema, &call.state.zone, Unknown::Ignored)?;
    let order = Order::parse(list.order, &schema, Unknown::Ignored)?;
    let selection = Selection::parse(list.select, &schema, &["ID"], true);
    let state: &State = call.state;
    let page = page(
        state.candidates(Table::Comment, &filter),
        &filter,
        &order,
        list.start,
    );
    let shown: Vec<Value> = page
        .records
        .iter()
        .map(|comment| shown_comment(state, comment, selection.fields()))
        .collect();
    Ok(page.reply(Value::Array(shown)))
}

pub(crate) fn comment_fields(call: &mut Call<'_>) -> Answer {
    let schema = call.state.schema(Table::Comment);
    Ok(Value::Object(schema.describe(Spelling::Upper)).into())
}

fn shown_log(state: &State, log: &Map) -> Value {
    let created = typed(
        Kind::DateTime,
        &state.zone,
        log.get("CREATED").unwrap_or(&Value::Null),
    );
    json!({"id": int(log, "ID"), "created": created, "authorId": int(log, "AUTHOR_ID"), "title": text(log, "TITLE"), "text": text(log, "TEXT"), "iconCode": text(log, "ICON_CODE")})
}

pub(crate) fn log_add(call: &mut Call<'_>) -> Answer {
    let fields = call.fields();
    for name in ["entityTypeId", "entityId", "title", "text", "iconCode"] {
        if fields.get(name).is_none_or(is_empty) {
            return Err(Refusal::new(400, "100", format!("Required fields: {name}")));
        }
    }
    let owner_id = int(&fields, "entityId");
    let entity = owner(call, entity_type(int(&fields, "entityTypeId")), owner_id)?;
    let id = call.state.next_id(Table::LogMessage);
    let record = json!({
        "ID": id, "CREATED": call.seconds(), "AUTHOR_ID": call.caller.user, "TITLE": text(&fields, "title"), "TEXT": text(&fields, "text"),
        "ICON_CODE": text(&fields, "iconCode"), "ENTITY_TYPE_ID": entity.id, "ENTITY_ID": owner_id,
    });
    let Value::Object(record) = record else {
        return Err(Refusal::nameless(""));
    };
    let origin = origin_of(call);
    call.state.put(Table::LogMessage, id, record.clone());
    call.state
        .note_write(&origin, "timeline_log", id, None, Some(&record));
    Ok(json!({"logMessage": shown_log(call.state, &record)}).into())
}

fn log_by_id<'a>(call: &'a Call<'_>) -> Result<&'a Map, Refusal> {
    call.need(&["id"])?;
    let id = call.id().unwrap_or(0);
    call.state
        .get(Table::LogMessage, id)
        .ok_or_else(|| Refusal::not_found(&format!("Timeline logmessage not found for id {id}")))
}

pub(crate) fn log_get(call: &mut Call<'_>) -> Answer {
    Ok(json!({"logMessage": shown_log(call.state, log_by_id(call)?)}).into())
}

pub(crate) fn log_delete(call: &mut Call<'_>) -> Answer {
    let record = log_by_id(call)?.clone();
    let id = int(&record, "ID");
    let origin = origin_of(call);
    call.state.remove(Table::LogMessage, id);
    call.state
        .note_write(&origin, "timeline_log", id, Some(&record), None);
    Ok(Value::Null.into())
}

pub(crate) fn log_list(call: &mut Call<'_>) -> Answer {
    call.need(&["entityTypeId", "entityId"])?;
    let id = call.int("entityId").unwrap_or(0);
    let entity = owner(call, entity_type(call.int("entityTypeId").unwrap_or(0)), id)?;
    let schema = call.state.schema(Table::LogMessage);
    let order = Order::parse(call.param("order"), &schema, Unknown::Ignored)?;
    let state: &State = call.state;
    let of_owner = state
        .all(Table::LogMessage)
        .filter(|log| int(log, "ENTITY_TYPE_ID") == entity.id && int(log, "ENTITY_ID") == id);
    let page = page(of_owner, &Filter::everything(), &order, call.param("start"));
    let shown: Vec<Value> = page
        .records
        .iter()
        .map(|log| shown_log(state, log))
        .collect();
    Ok(page.reply(Value::Array(shown)))
}

pub(crate) fn icon_list(_call: &mut Call<'_>) -> Answer {
    let icons = ["info", "document", "check", "bank-card", "attention", "mail"].map(|code| json!({"code": code, "isSystem": true, "fileUri": format!("/bitrix/js/crm/timeline/images/{code}.svg")}));
    Ok(Reply::from(json!({"icons": icons})))
}

pub(crate) fn todo_add(call: &mut Call<'_>) -> Answer {
    call.need(&["ownerTypeId", "ownerId", "deadline"])?;
    let owner_id = call.int("ownerId").unwrap_or(0);
    let entity = owner(
        call,
        entity_type(call.int("ownerTypeId").unwrap_or(0)),
        owner_id,
    )?;
    let deadline = canonical(Kind::DateTime, &call.state.zone, call.param("deadline"));
    let deadline = deadline
        .filter(|value| !value.is_null())
        .ok_or_else(|| Refusal::new(400, "WRONG_DATETIME_FORMAT", "Wrong date format"))?;
    let id = call.state.next_id(Table::Todo);
    let title = call.text("title");
    let responsible = call
        .int("responsibleId")
        .filter(|id| *id > 0)
        .unwrap_or(call.caller.user);
    let record = json!({
        "ID": id, "OWNER_TYPE_ID": entity.id, "OWNER_ID": owner_id, "DEADLINE": deadline, "CREATED": call.seconds(),
        "SUBJECT": if title.is_empty() { "Дело".to_owned() } else { title }, "DESCRIPTION": call.text("description"),
        "RESPONSIBLE_ID": responsible, "COMPLETED": "N",
    });
    let Value::Object(record) = record else {
        return Err(Refusal::nameless(""));
    };
    let origin = origin_of(call);
    call.state.put(Table::Todo, id, record.clone());
    call.state
        .note_write(&origin, "todo", id, None, Some(&record));
    crate::events::fire(
        call.state,
        "ONCRMACTIVITYADD",
        json!({"FIELDS": {"ID": id}}),
        &format!("ACTIVITY-{id}"),
        &origin,
    );
    Ok(json!({"id": id}).into())
}
