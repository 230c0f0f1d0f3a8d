//! One deal's card: fields, lines, buyer, timeline, messages; and what a person edits there.

use std::collections::BTreeMap;

use axum::extract::{Path, State as Shared};
use axum::response::{Redirect, Response};
use serde_json::{Value, json};

use super::outcome;
use crate::config::LineSeed;
use crate::directory::stages;
use crate::emulator::Emulator;
use crate::schema::{COMPANY, CONTACT, DEAL, REQUISITE, SMART_INVOICE};
use crate::server::json_response;
use crate::state::{State, Table, int, text};
use crate::value::{Kind, Map, is_empty, members, text_of, typed};

pub(super) async fn card(Shared(emulator): Shared<Emulator>, Path(id): Path<i64>) -> Response {
    let mut state = emulator.inner.lock();
    let Some(deal) = state.get(Table::Item(DEAL), id).cloned() else {
        return json_response(404, &json!({"ok": false, "why": "Сделки нет"}));
    };
    let fields = fields_of(&mut state, &deal);
    let required = super::portal::required(&mut state);
    let body = json!({
        "version": state.version,
        "id": id,
        "title": text(&deal, "TITLE"),
        "sum": typed(Kind::Double, &state.zone, deal.get("OPPORTUNITY").unwrap_or(&Value::Null)),
        "stage": text(&deal, "STAGE_ID"),
        "stages": stages(&state, DEAL, int(&deal, "CATEGORY_ID")).into_iter().map(|stage| json!({"id": text(stage, "STATUS_ID"), "name": text(stage, "NAME"), "color": text(stage, "COLOR")})).collect::<Vec<_>>(),
        "funnel": int(&deal, "CATEGORY_ID"),
        "funnels": funnels(&state),
        "fields": fields,
        "required": required,
        "sellers": super::portal::sellers(&state, id),
        "robots": super::portal::robots(&state),
        "lines": lines_of(&state, id),
        "delivery": state.deliveries.price_of_deal(id).to_string(),
        "company": party_of(&state, COMPANY, int(&deal, "COMPANY_ID")),
        "contact": party_of(&state, CONTACT, int(&deal, "CONTACT_ID")),
        "companies": state.all(Table::Item(COMPANY)).filter(|company| text(company, "IS_MY_COMPANY") != "Y").map(|company| json!({"id": int(company, "ID"), "title": text(company, "TITLE")})).collect::<Vec<_>>(),
        "measures": state.all(Table::Measure).map(|measure| json!({"code": int(measure, "CODE"), "name": text(measure, "SYMBOL")})).collect::<Vec<_>>(),
        "vat_rates": state.all(Table::Vat).map(|vat| json!({"name": text(vat, "NAME"), "rate": text(vat, "RATE")})).collect::<Vec<_>>(),
        "timeline": timeline_of(&state, id),
        "messages": super::board::notices(&state),
    });
    drop(state);
    json_response(200, &body)
}

/// The funnels with their first stages, where a deal begins that is moved there.
fn funnels(state: &State) -> Vec<Value> {
    let of_deals = state
        .all(Table::Category)
        .filter(|funnel| int(funnel, "ENTITY_TYPE_ID") == DEAL);
    of_deals
        .filter_map(|funnel| {
            let id = int(funnel, "ID");
            let first = stages(state, DEAL, id).into_iter().next()?;
            Some(json!({"id": id, "name": text(funnel, "NAME"), "first": text(first, "STATUS_ID")}))
        })
        .collect()
}

/// A company has no page of its own here: its requisites are mended on the card of its newest deal.
pub(super) async fn of_company(
    Shared(emulator): Shared<Emulator>,
    Path(id): Path<i64>,
) -> Redirect {
    to_newest_deal(&emulator, "COMPANY_ID", id, "#buyer")
}

/// Nor has a contact.
pub(super) async fn of_contact(
    Shared(emulator): Shared<Emulator>,
    Path(id): Path<i64>,
) -> Redirect {
    to_newest_deal(&emulator, "CONTACT_ID", id, "#buyer")
}

/// Nor has a smart invoice, which is seen from its deal.
pub(super) async fn of_smart_invoice(
    Shared(emulator): Shared<Emulator>,
    Path(id): Path<i64>,
) -> Redirect {
    let deal = {
        let state = emulator.inner.lock();
        let invoice = state.get(Table::Item(SMART_INVOICE), id);
        invoice.map(|invoice| int(invoice, "PARENT_ID_2"))
    };
    to_newest_deal(&emulator, "ID", deal.unwrap_or(0), "")
}

fn to_newest_deal(emulator: &Emulator, field: &str, id: i64, place: &str) -> Redirect {
    let state = emulator.inner.lock();
    let newest = state
        .all(Table::Item(DEAL))
        .filter(|deal| int(deal, field) == id)
        .map(|deal| int(deal, "ID"))
        .max();
    Redirect::to(&newest.map_or_else(
        || "/".to_owned(),
        |deal| format!("/crm/deal/details/{deal}/{place}"),
    ))
}

/// The system fields that a manager sees, then the custom ones.
const SHOWN: &[(&str, &str)] = &[
    ("TITLE", "Название"),
    ("OPPORTUNITY", "Сумма"),
    ("COMMENTS", "Комментарий"),
    ("BEGINDATE", "Начало"),
    ("CLOSEDATE", "Завершение"),
    ("ASSIGNED_BY_ID", "Ответственный"),
    ("IS_RECURRING", "Шаблон повторяющейся сделки"),
];

fn fields_of(state: &mut State, deal: &Map) -> Vec<Value> {
    let schema = state.schema(Table::Item(DEAL));
    let mut shown = Vec::new();
    for (name, label) in SHOWN {
        let Some(field) = schema.field(name) else {
            continue;
        };
        shown.push(shown_field(
            state,
            deal,
            &field.upper,
            field.kind,
            label,
            *name != "ASSIGNED_BY_ID",
            false,
        ));
    }
    for field in schema.fields().iter().filter(|field| field.custom) {
        let editable = field.kind != Kind::File;
        let (name, title) = (&field.upper, &field.title);
        let mut one = shown_field(state, deal, name, field.kind, title, editable, true);
        if let (Kind::Choice, Value::Object(one)) = (field.kind, &mut one) {
            one.insert("items".into(), field.items.clone().into());
        }
        shown.push(one);
    }
    shown
}

fn shown_field(
    state: &State,
    deal: &Map,
    name: &str,
    kind: Kind,
    label: &str,
    editable: bool,
    custom: bool,
) -> Value {
    let value = deal.get(name).unwrap_or(&Value::Null);
    if kind == Kind::File {
        return json!({"name": name, "label": label, "kind": "file", "custom": custom, "editable": false, "files": files(state, value)});
    }
    let text = match kind {
        Kind::User => state
            .user(value.as_i64().unwrap_or(0))
            .map(|user| format!("{} {}", user.name, user.last_name))
            .unwrap_or_default(),
        Kind::DateTime => text_of(&typed(kind, &state.zone, value)),
        // By its number, as it is kept: the words stand beside it.
        Kind::Choice => text_of(value),
        _ if value.is_array() => members(value)
            .into_iter()
            .map(text_of)
            .collect::<Vec<_>>()
            .join(", "),
        _ => text_of(value),
    };
    let kind = match kind {
        Kind::Date => "date",
        Kind::Money => "money",
        Kind::Double => "number",
        Kind::Choice => "list",
        Kind::Flag | Kind::CustomFlag => "flag",
        _ => "text",
    };
    json!({"name": name, "label": label, "kind": kind, "custom": custom, "editable": editable && !value.is_array(), "value": text})
}

fn files(state: &State, value: &Value) -> Vec<Value> {
    let ids = crate::files::ids(Some(value));
    ids.into_iter()
        .filter_map(|id| {
            state
                .files
                .get(id)
                .map(|file| json!({"id": id, "name": file.name, "size": file.content.len()}))
        })
        .collect()
}

fn lines_of(state: &State, deal: i64) -> Vec<Value> {
    let rows = state.rows_of("D", deal);
    rows.into_iter()
        .map(|row| {
            json!({
                "name": text(row, "PRODUCT_NAME"), "price": text(row, "PRICE"), "quantity": text(row, "QUANTITY"), "vat": text(row, "TAX_RATE"),
                "vat_included": text(row, "TAX_INCLUDED") == "Y", "discount": text(row, "DISCOUNT_RATE"), "measure": int(row, "MEASURE_CODE"),
                "unit": text(row, "MEASURE_NAME"), "total": crate::rows::row_total(row),
            })
        })
        .collect()
}

const REQUISITE_LABELS: &[(&str, &str)] = &[
    ("RQ_INN", "ИНН"),
    ("RQ_KPP", "КПП"),
    ("RQ_OGRN", "ОГРН"),
    ("RQ_OGRNIP", "ОГРНИП"),
    ("RQ_COMPANY_NAME", "Краткое название"),
    ("RQ_COMPANY_FULL_NAME", "Полное название"),
    ("RQ_NAME", "ФИО"),
    ("RQ_DIRECTOR", "Директор"),
];
const BANK_LABELS: &[(&str, &str)] = &[
    ("RQ_BANK_NAME", "Банк"),
    ("RQ_BIK", "БИК"),
    ("RQ_ACC_NUM", "Расчётный счёт"),
    ("RQ_COR_ACC_NUM", "Корр. счёт"),
];

fn labelled(record: &Map, labels: &[(&str, &str)]) -> Vec<Value> {
    labels
        .iter()
        .map(|(name, label)| json!({"name": name, "label": label, "value": text(record, name)}))
        .collect()
}

/// A company or contact with its requisites.
fn party_of(state: &State, entity: i64, id: i64) -> Value {
    let Some(party) = state.get(Table::Item(entity), id) else {
        return Value::Null;
    };
    let requisites: Vec<Value> = state
        .all(Table::Requisite)
        .filter(|requisite| int(requisite, "ENTITY_TYPE_ID") == entity && int(requisite, "ENTITY_ID") == id)
        .map(|requisite| {
            let requisite_id = int(requisite, "ID");
            let banks: Vec<Value> = state.all(Table::BankDetail).filter(|bank| int(bank, "ENTITY_ID") == requisite_id).map(|bank| json!({"id": int(bank, "ID"), "fields": labelled(bank, BANK_LABELS)})).collect();
            let address = state.all(Table::Address).find(|address| int(address, "ENTITY_TYPE_ID") == REQUISITE && int(address, "ENTITY_ID") == requisite_id);
            let address = address.map(|address| ["POSTAL_CODE", "CITY", "ADDRESS_1", "ADDRESS_2"].map(|name| text(address, name)).into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", "));
            let relevant = REQUISITE_LABELS.iter().filter(|(name, _)| !(is_empty(requisite.get(*name).unwrap_or(&Value::Null)) && matches!(*name, "RQ_OGRNIP" | "RQ_NAME" | "RQ_DIRECTOR")));
            let fields: Vec<(&str, &str)> = relevant.copied().collect();
            json!({"id": requisite_id, "name": text(requisite, "NAME"), "fields": labelled(requisite, &fields), "banks": banks, "address": address})
        })
        .collect();
    let names = ["TITLE", "NAME", "LAST_NAME"].map(|name| text(party, name));
    let named: Vec<String> = names.into_iter().filter(|name| !name.is_empty()).collect();
    json!({"id": id, "title": named.join(" "), "requisites": requisites})
}

/// Comments, log messages, to-dos and stage moves of a deal, newest first.
fn timeline_of(state: &State, deal: i64) -> Vec<Value> {
    let author = |id: i64| {
        state.user(id).map_or_else(
            || "Робот".to_owned(),
            |user| format!("{} {}", user.name, user.last_name),
        )
    };
    let mut all: Vec<(i64, Value)> = Vec::new();
    for comment in state.all(Table::Comment).filter(|comment| {
        text(comment, "ENTITY_TYPE") == "deal" && int(comment, "ENTITY_ID") == deal
    }) {
        let at = int(comment, "CREATED");
        let files = files(state, comment.get("FILES").unwrap_or(&Value::Null));
        all.push((at, json!({"kind": "comment", "author": author(int(comment, "AUTHOR_ID")), "text": text(comment, "COMMENT"), "files": files, "at": state.zone.moment(at)})));
    }
    for log in state
        .all(Table::LogMessage)
        .filter(|log| int(log, "ENTITY_TYPE_ID") == DEAL && int(log, "ENTITY_ID") == deal)
    {
        let at = int(log, "CREATED");
        all.push((at, json!({"kind": "log", "author": author(int(log, "AUTHOR_ID")), "title": text(log, "TITLE"), "text": text(log, "TEXT"), "at": state.zone.moment(at)})));
    }
    for todo in state
        .all(Table::Todo)
        .filter(|todo| int(todo, "OWNER_TYPE_ID") == DEAL && int(todo, "OWNER_ID") == deal)
    {
        let at = int(todo, "CREATED");
        all.push((at, json!({"kind": "todo", "author": author(int(todo, "RESPONSIBLE_ID")), "title": text(todo, "SUBJECT"), "text": text(todo, "DESCRIPTION"), "at": state.zone.moment(at)})));
    }
    for step in state
        .all(Table::StageHistory)
        .filter(|step| int(step, "ENTITY_TYPE_ID") == DEAL && int(step, "OWNER_ID") == deal)
    {
        let at = int(step, "CREATED_TIME");
        let stage = text(step, "STAGE_ID");
        let name = state
            .all(Table::Status)
            .find(|status| text(status, "STATUS_ID") == stage)
            .map_or(stage.clone(), |status| text(status, "NAME"));
        all.push((
            at,
            json!({"kind": "stage", "first": int(step, "TYPE_ID") == 1, "text": name, "at": state.zone.moment(at)}),
        ));
    }
    for message in crate::chat::of_deal(&state.chat, deal) {
        let at = message.at.as_second();
        all.push((at, json!({"kind": "message", "author": author(message.author), "text": message.text, "at": state.zone.moment(at)})));
    }
    all.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    all.into_iter().map(|(_, shown)| shown).collect()
}

pub(super) async fn fields(
    Shared(emulator): Shared<Emulator>,
    Path(id): Path<i64>,
    body: axum::Json<Value>,
) -> Response {
    outcome(emulator.manager().edit_deal(id, by_hand(body.0)))
}

/// A sum that a person types is his own; emptied, it is that of the lines again.
fn by_hand(mut fields: Value) -> Value {
    let typed = fields.get("OPPORTUNITY").map(text_of);
    if let (Some(sum), Some(fields)) = (typed, fields.as_object_mut()) {
        let is_empty = sum.trim().is_empty();
        let (sum, is_manual) = if is_empty {
            ("0", "N")
        } else {
            (sum.as_str(), "Y")
        };
        fields.insert("OPPORTUNITY".into(), sum.into());
        fields.insert("IS_MANUAL_OPPORTUNITY".into(), is_manual.into());
    }
    fields
}

pub(super) async fn lines(
    Shared(emulator): Shared<Emulator>,
    Path(id): Path<i64>,
    body: axum::Json<Vec<Value>>,
) -> Response {
    let lines: Vec<LineSeed> = body.0.iter().map(line).collect();
    emulator.manager().set_lines(id, &lines);
    json_response(200, &json!({"ok": true}))
}

fn line(value: &Value) -> LineSeed {
    let part = |name: &str, default: &str| {
        value
            .get(name)
            .map(text_of)
            .filter(|text| !text.is_empty())
            .unwrap_or_else(|| default.to_owned())
    };
    LineSeed {
        name: part("name", "Товар"),
        price: part("price", "0"),
        quantity: part("quantity", "1"),
        vat: part("vat", ""),
        vat_included: value
            .get("vat_included")
            .and_then(Value::as_bool)
            .unwrap_or(true),
        discount: part("discount", "0"),
        measure: value
            .get("measure")
            .and_then(crate::value::int_of)
            .unwrap_or(796),
        ..LineSeed::default()
    }
}

/// The cost of the deal's delivery; nothing, and it has none.
pub(super) async fn delivery(
    Shared(emulator): Shared<Emulator>,
    Path(id): Path<i64>,
    body: axum::Json<Value>,
) -> Response {
    let price = body.get("price").map(text_of).unwrap_or_default();
    outcome(
        emulator
            .manager()
            .set_delivery(id, "Доставка курьером", &price),
    )
}

pub(super) async fn comment(
    Shared(emulator): Shared<Emulator>,
    Path(id): Path<i64>,
    body: axum::Json<Value>,
) -> Response {
    let text = body.get("text").map(text_of).unwrap_or_default();
    if text.trim().is_empty() {
        return json_response(400, &json!({"ok": false, "why": "Пустой комментарий"}));
    }
    outcome(emulator.manager().comment(id, &text))
}

pub(super) async fn delete(Shared(emulator): Shared<Emulator>, Path(id): Path<i64>) -> Response {
    outcome(emulator.manager().delete_deal(id))
}

fn texts_of(body: &Value) -> BTreeMap<String, String> {
    body.as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.clone(), text_of(value)))
        .collect()
}

pub(super) async fn requisite(
    Shared(emulator): Shared<Emulator>,
    Path(id): Path<i64>,
    body: axum::Json<Value>,
) -> Response {
    emulator.manager().edit_requisite(id, &texts_of(&body));
    json_response(200, &json!({"ok": true}))
}

pub(super) async fn bank(
    Shared(emulator): Shared<Emulator>,
    Path(id): Path<i64>,
    body: axum::Json<Value>,
) -> Response {
    emulator.manager().edit_bank_detail(id, &texts_of(&body));
    json_response(200, &json!({"ok": true}))
}
