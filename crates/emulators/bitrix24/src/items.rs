//! Deals, contacts, companies and smart invoices: one engine behind `crm.item.*`, the older
//! `crm.deal.*` family, people's clicks and robots.
//!
//! Here a record changes: defaults, stages, sums, history, events. How a call is spelt is in
//! `item_methods`.

use jiff::{SignedDuration, ToSpan};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::call::{Actor, Refusal};
use crate::schema::{COMPANY, DEAL, EntityType, SMART_INVOICE, Schema};
use crate::state::{Origin, State, Table, int, text};
use crate::value::{Kind, Map, canonical, flag_of, int_of, is_empty, members};

/// Reads written fields into canonical ones. Unknown and read-only names are skipped silently.
pub(crate) fn read_fields(
    state: &mut State,
    entity: &EntityType,
    fields: &Map,
    current: Option<&Map>,
) -> Result<Map, Refusal> {
    let schema = state.schema(Table::Item(entity.id));
    let mut read = Map::new();
    for (name, value) in fields {
        if name.eq_ignore_ascii_case("fm") || is_multifield_name(name) {
            let before = read
                .get("FM")
                .or_else(|| current.and_then(|record| record.get("FM")))
                .cloned();
            let merged = crate::multifields::merge(state, before, name, value);
            read.insert("FM".into(), merged);
            continue;
        }
        let Some(field) = schema.field(name) else {
            continue;
        };
        if field.read_only {
            continue;
        }
        let before = current
            .and_then(|record| record.get(&field.upper))
            .unwrap_or(&Value::Null);
        let value = match (field.kind, field.multiple) {
            (Kind::File, multiple) => state
                .files
                .accept(before, value, multiple)
                .ok_or_else(|| not_valid(&field.camel))?,
            (kind, true) => {
                if !is_empty(value) && !value.is_array() && !value.is_object() {
                    let got = if value.is_string() {
                        "string"
                    } else {
                        "integer"
                    };
                    return Err(Refusal::new(
                        400,
                        "100",
                        format!(
                            "Expected iterable value for multiple field, but got {got} instead"
                        ),
                    ));
                }
                let items: Option<Vec<Value>> = members(value)
                    .into_iter()
                    .filter(|item| !is_empty(item))
                    .map(|item| canonical(kind, &state.zone, item))
                    .collect();
                Value::Array(items.ok_or_else(|| not_valid(&field.camel))?)
            }
            (kind, false) => {
                canonical(kind, &state.zone, value).ok_or_else(|| not_valid(&field.camel))?
            }
        };
        if field.kind == Kind::Choice {
            crate::userfields::check_choice(state, entity, &field.upper, &value)
                .map_err(|()| not_valid(&field.camel))?;
        }
        read.insert(field.upper.clone(), value);
    }
    Ok(read)
}

fn is_multifield_name(name: &str) -> bool {
    matches!(name, "PHONE" | "EMAIL" | "WEB" | "IM")
}

fn not_valid(field: &str) -> Refusal {
    Refusal::new(
        400,
        "CRM_FIELD_ERROR_VALUE_NOT_VALID",
        format!("Invalid value for field \"{field}\""),
    )
}

/// Creates a record from canonical fields.
pub(crate) fn add(
    state: &mut State,
    entity: &EntityType,
    fields: Map,
    origin: &Origin,
) -> Result<i64, Refusal> {
    let schema = state.schema(Table::Item(entity.id));
    let mut record = blank(&schema);
    record.extend(fields.clone());
    let id = state.next_id(Table::Item(entity.id));
    record.insert("ID".into(), Value::from(id));
    set_defaults(state, entity, &mut record, origin);
    sync_contacts(&mut record, &fields);
    if entity.has_stages {
        settle_stage(state, entity, &mut record, None)?;
        set_moved(&mut record, origin);
        note_stage(state, entity, &record, 1, origin);
    }
    state.put(Table::Item(entity.id), id, record.clone());
    state.note_write(
        origin,
        &entity.code.to_ascii_lowercase(),
        id,
        None,
        Some(&record),
    );
    fire(state, entity, "ADD", id, origin);
    if entity.has_stages {
        crate::robots::on_stage(state, entity, &record, origin);
    }
    Ok(id)
}

/// Applies canonical fields; `false` where nothing differs, and then nothing happens at all.
pub(crate) fn update(
    state: &mut State,
    entity: &EntityType,
    id: i64,
    changes: Map,
    origin: &Origin,
) -> Result<bool, Refusal> {
    let table = Table::Item(entity.id);
    let Some(before) = state.get(table, id).cloned() else {
        return Err(Refusal::not_found("Element not found"));
    };
    let mut record = before.clone();
    record.extend(changes.clone());
    sync_contacts(&mut record, &changes);
    let mut moved_funnel = false;
    let mut moved_stage = false;
    if entity.has_stages {
        settle_stage(state, entity, &mut record, Some(&before))?;
        moved_funnel = int(&record, "CATEGORY_ID") != int(&before, "CATEGORY_ID");
        moved_stage = text(&record, "STAGE_ID") != text(&before, "STAGE_ID");
    }
    keep_automatic_sum(state, entity, id, &mut record);
    if record == before {
        return Ok(false);
    }
    if moved_stage {
        set_moved(&mut record, origin);
        record.insert("IS_NEW".into(), "N".into());
        if entity.id == SMART_INVOICE {
            record.insert(
                "PREVIOUS_STAGE_ID".into(),
                before.get("STAGE_ID").cloned().unwrap_or(Value::Null),
            );
        }
        let is_final = matches!(text(&record, "STAGE_SEMANTIC_ID").as_str(), "S" | "F");
        let kind = if moved_funnel {
            5
        } else if is_final {
            3
        } else {
            2
        };
        note_stage(state, entity, &record, kind, origin);
    }
    record.insert("DATE_MODIFY".into(), origin.seconds().into());
    record.insert("MODIFY_BY_ID".into(), origin.user().into());
    state.files.drop_replaced(&before, &record);
    state.put(table, id, record.clone());
    state.note_write(
        origin,
        &entity.code.to_ascii_lowercase(),
        id,
        Some(&before),
        Some(&record),
    );
    if moved_funnel && entity.id != SMART_INVOICE {
        let data = json!({"FIELDS": {"ID": id, "CATEGORY_ID": record.get("CATEGORY_ID"), "STAGE_ID": record.get("STAGE_ID")}});
        crate::events::fire(
            state,
            "ONCRMDEALMOVETOCATEGORY",
            data,
            &format!("{}-{id}", entity.code),
            origin,
        );
    } else {
        fire(state, entity, "UPDATE", id, origin);
    }
    if moved_stage {
        crate::robots::on_stage(state, entity, &record, origin);
    }
    crate::robots::on_fields(state, entity, &before, &record, origin);
    Ok(true)
}

pub(crate) fn delete(
    state: &mut State,
    entity: &EntityType,
    id: i64,
    origin: &Origin,
) -> Result<(), Refusal> {
    let Some(record) = state.remove(Table::Item(entity.id), id) else {
        return Err(Refusal::not_found("Element not found"));
    };
    let rows: Vec<i64> = state
        .rows_of(entity.abbreviation, id)
        .into_iter()
        .map(|row| int(row, "ID"))
        .collect();
    for row in rows {
        state.remove(Table::ProductRow, row);
    }
    crate::requisites::forget_owner(state, entity.id, id);
    state.note_write(
        origin,
        &entity.code.to_ascii_lowercase(),
        id,
        Some(&record),
        None,
    );
    fire(state, entity, "DELETE", id, origin);
    Ok(())
}

/// The event names of each type; smart invoices fire the general name and the one of their type.
pub(crate) fn fire(state: &mut State, entity: &EntityType, verb: &str, id: i64, origin: &Origin) {
    let object = format!("{}-{id}", entity.code);
    if entity.id == SMART_INVOICE {
        let data = json!({"FIELDS": {"ID": id, "ENTITY_TYPE_ID": entity.id}});
        crate::events::fire(
            state,
            &format!("ONCRMDYNAMICITEM{verb}"),
            data.clone(),
            &object,
            origin,
        );
        crate::events::fire(
            state,
            &format!("ONCRMDYNAMICITEM{verb}_{}", entity.id),
            data,
            &object,
            origin,
        );
    } else {
        let data = json!({"FIELDS": {"ID": id}});
        crate::events::fire(
            state,
            &format!("ONCRM{}{verb}", entity.code),
            data,
            &object,
            origin,
        );
    }
}

fn blank(schema: &Schema) -> Map {
    let empty = |kind: Kind, multiple: bool| match (kind, multiple) {
        (_, true) => json!([]),
        (Kind::Link(_), _) => Value::from(0),
        (Kind::Flag, _) => Value::from("N"),
        _ => Value::Null,
    };
    schema
        .fields()
        .iter()
        .map(|field| (field.upper.clone(), empty(field.kind, field.multiple)))
        .collect()
}

fn set_defaults(state: &State, entity: &EntityType, record: &mut Map, origin: &Origin) {
    let id = int(record, "ID");
    let mut default = |name: &str, value: Value| {
        if record.get(name).is_some_and(is_empty) {
            record.insert(name.to_owned(), value);
        }
    };
    let now = Value::from(origin.seconds());
    for name in ["DATE_CREATE", "DATE_MODIFY", "LAST_ACTIVITY_TIME"] {
        default(name, now.clone());
    }
    for name in [
        "CREATED_BY_ID",
        "MODIFY_BY_ID",
        "ASSIGNED_BY_ID",
        "LAST_ACTIVITY_BY",
    ] {
        default(name, origin.user().into());
    }
    default("TITLE", Value::from(format!("{} #{id}", entity.title)));
    default("CURRENCY_ID", "RUB".into());
    default("OPPORTUNITY", "0".into());
    default("TAX_VALUE", "0".into());
    let today = origin.at.to_zoned(state.zone.0.clone()).date();
    default("BEGINDATE", today.to_string().into());
    if let Ok(in_a_week) = today.checked_add(7.days()) {
        default("CLOSEDATE", in_a_week.to_string().into());
    }
    default("ACCOUNT_NUMBER", id.to_string().into());
    if entity.id == SMART_INVOICE && int(record, "MYCOMPANY_ID") == 0 {
        let ours = state
            .all(Table::Item(COMPANY))
            .find(|company| flag_of(company.get("IS_MY_COMPANY").unwrap_or(&Value::Null)));
        record.insert(
            "MYCOMPANY_ID".into(),
            ours.map_or(0, |company| int(company, "ID")).into(),
        );
    }
    record.insert("OPENED".into(), "Y".into());
    if entity.has_stages {
        record.insert("IS_NEW".into(), "Y".into());
    }
    crate::multifields::mark_presence(record);
}

/// `contactId` is the first of `contactIds`, whichever of the two was written.
fn sync_contacts(record: &mut Map, written: &Map) {
    for (one, many) in [("CONTACT_ID", "CONTACT_IDS"), ("COMPANY_ID", "COMPANY_IDS")] {
        if !record.contains_key(one) || !record.contains_key(many) {
            continue;
        }
        if let Some(ids) = written.get(many) {
            let first = members(ids).first().and_then(|id| int_of(id)).unwrap_or(0);
            record.insert(one.into(), first.into());
        } else if let Some(id) = written.get(one).and_then(int_of) {
            record.insert(many.into(), if id == 0 { json!([]) } else { json!([id]) });
        }
    }
    if written.contains_key("FM") {
        crate::multifields::mark_presence(record);
    }
}

/// Makes funnel and stage agree, and derives what follows from the stage.
fn settle_stage(
    state: &State,
    entity: &EntityType,
    record: &mut Map,
    before: Option<&Map>,
) -> Result<(), Refusal> {
    let funnel = match before {
        None if entity.id == SMART_INVOICE
            && record.get("CATEGORY_ID").is_some_and(Value::is_null) =>
        {
            crate::directory::INVOICE_FUNNEL
        }
        _ => int(record, "CATEGORY_ID"),
    };
    record.insert("CATEGORY_ID".into(), funnel.into());
    if !crate::directory::funnel_exists(state, entity.id, funnel) {
        return Err(not_valid("categoryId"));
    }
    let stages = crate::directory::stages(state, entity.id, funnel);
    let stage = text(record, "STAGE_ID");
    let funnel_changed = before.is_some_and(|before| int(before, "CATEGORY_ID") != funnel);
    let stage_written =
        before.is_none_or(|before| text(before, "STAGE_ID") != stage) && !stage.is_empty();
    let found = stages
        .iter()
        .find(|found| text(found, "STATUS_ID") == stage);
    let settled = match found {
        Some(found) => Some(found),
        None if !stage_written || funnel_changed => stages.first(),
        None => return Err(not_valid("stageId")),
    };
    let Some(settled) = settled else {
        return Err(not_valid("stageId"));
    };
    let semantics = match text(settled, "SEMANTICS").as_str() {
        "S" => "S",
        "F" => "F",
        _ => "P",
    };
    record.insert(
        "STAGE_ID".into(),
        settled.get("STATUS_ID").cloned().unwrap_or(Value::Null),
    );
    if record.contains_key("STAGE_SEMANTIC_ID") {
        record.insert("STAGE_SEMANTIC_ID".into(), semantics.into());
        record.insert(
            "CLOSED".into(),
            if semantics == "P" { "N" } else { "Y" }.into(),
        );
    }
    Ok(())
}

fn set_moved(record: &mut Map, origin: &Origin) {
    record.insert("MOVED_TIME".into(), origin.seconds().into());
    record.insert("MOVED_BY_ID".into(), origin.user().into());
}

fn note_stage(state: &mut State, entity: &EntityType, record: &Map, kind: i64, origin: &Origin) {
    let id = state.next_id(Table::StageHistory);
    let line = json!({
        "ID": id,
        "TYPE_ID": kind,
        "OWNER_ID": record.get("ID"),
        "CREATED_TIME": origin.seconds(),
        "CATEGORY_ID": record.get("CATEGORY_ID"),
        "STAGE_SEMANTIC_ID": record.get("STAGE_SEMANTIC_ID").cloned().unwrap_or_else(|| "P".into()),
        "STAGE_ID": record.get("STAGE_ID"),
        "ENTITY_TYPE_ID": entity.id,
    });
    if let Value::Object(line) = line {
        state.put(Table::StageHistory, id, line);
    }
}

/// While the sum is automatic and there are rows, nobody else sets it.
fn keep_automatic_sum(state: &State, entity: &EntityType, id: i64, record: &mut Map) {
    let is_manual = record.get("IS_MANUAL_OPPORTUNITY").is_some_and(flag_of);
    let rows = state.rows_of(entity.abbreviation, id);
    if is_manual || rows.is_empty() || !record.contains_key("OPPORTUNITY") {
        return;
    }
    let delivery = if entity.id == DEAL && state.config.automatic_sum_has_delivery {
        state.deliveries.price_of_deal(id)
    } else {
        Decimal::ZERO
    };
    let (sum, tax) = crate::rows::totals(&rows, delivery);
    record.insert("OPPORTUNITY".into(), sum.into());
    record.insert("TAX_VALUE".into(), tax.into());
}

/// After rows changed: the sum follows, and the owner's update is told where something changed.
pub(crate) fn rows_changed(state: &mut State, entity: &EntityType, id: i64, origin: &Origin) {
    let Some(before) = state.get(Table::Item(entity.id), id).cloned() else {
        return;
    };
    let mut record = before.clone();
    keep_automatic_sum(state, entity, id, &mut record);
    let no_rows_left = state.rows_of(entity.abbreviation, id).is_empty();
    if no_rows_left && !record.get("IS_MANUAL_OPPORTUNITY").is_some_and(flag_of) {
        record.insert("OPPORTUNITY".into(), "0".into());
        record.insert("TAX_VALUE".into(), "0".into());
    }
    let sum_changed = record != before;
    if !sum_changed && !state.config.row_edit_always_fires {
        return;
    }
    record.insert("DATE_MODIFY".into(), origin.seconds().into());
    record.insert("MODIFY_BY_ID".into(), origin.user().into());
    state.put(Table::Item(entity.id), id, record.clone());
    state.note_write(
        origin,
        &entity.code.to_ascii_lowercase(),
        id,
        Some(&before),
        Some(&record),
    );
    fire(state, entity, "UPDATE", id, origin);
}

/// For the seed: a record that was made so long ago.
pub(crate) fn aged(origin: &Origin, hours: i64) -> Origin {
    let at = origin
        .at
        .checked_sub(SignedDuration::from_hours(hours))
        .unwrap_or(origin.at);
    Origin {
        at,
        ..origin.clone()
    }
}

/// An origin for what the portal does on its own.
pub(crate) fn origin(actor: Actor, at: jiff::Timestamp, method: &str, arguments: Value) -> Origin {
    Origin {
        actor,
        at,
        method: method.to_owned(),
        arguments,
        connector: None,
    }
}
