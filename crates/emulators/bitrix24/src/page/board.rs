//! The funnel with its deals, and moving them.

use axum::extract::{Path, State as Shared};
use axum::response::Response;
use serde_json::{Value, json};

use super::{number, outcome};
use crate::config::DealSeed;
use crate::directory::stages;
use crate::emulator::Emulator;
use crate::schema::{COMPANY, DEAL};
use crate::server::json_response;
use crate::state::{State, Table, int, text};
use crate::value::{Kind, Map, text_of, typed};

pub(super) async fn board(Shared(emulator): Shared<Emulator>) -> Response {
    let state = emulator.inner.lock();
    let funnels: Vec<Value> = state
        .all(Table::Category)
        .filter(|funnel| int(funnel, "ENTITY_TYPE_ID") == DEAL)
        .map(|funnel| shown_funnel(&state, funnel))
        .collect();
    let deals: Vec<Value> = state
        .all(Table::Item(DEAL))
        .map(|deal| shown_deal(&state, deal))
        .collect();
    let companies: Vec<Value> = state
        .all(Table::Item(COMPANY))
        .filter(|company| text(company, "IS_MY_COMPANY") != "Y")
        .map(|company| json!({"id": int(company, "ID"), "title": text(company, "TITLE")}))
        .collect();
    let body = json!({"version": state.version, "funnels": funnels, "deals": deals, "companies": companies, "notices": notices(&state)});
    drop(state);
    json_response(200, &body)
}

fn shown_funnel(state: &State, funnel: &Map) -> Value {
    let id = int(funnel, "ID");
    let shown = stages(state, DEAL, id).into_iter().map(|stage| {
        json!({"id": text(stage, "STATUS_ID"), "name": text(stage, "NAME"), "color": text(stage, "COLOR"), "semantics": text(stage, "SEMANTICS")})
    });
    json!({"id": id, "name": text(funnel, "NAME"), "stages": shown.collect::<Vec<_>>()})
}

fn shown_deal(state: &State, deal: &Map) -> Value {
    let company = state
        .get(Table::Item(COMPANY), int(deal, "COMPANY_ID"))
        .map(|company| text(company, "TITLE"));
    let responsible = state
        .user(int(deal, "ASSIGNED_BY_ID"))
        .map(|user| format!("{} {}", user.name, user.last_name));
    json!({
        "id": int(deal, "ID"),
        "title": text(deal, "TITLE"),
        "funnel": int(deal, "CATEGORY_ID"),
        "stage": text(deal, "STAGE_ID"),
        "sum": typed(Kind::Double, &state.zone, deal.get("OPPORTUNITY").unwrap_or(&Value::Null)),
        "currency": text(deal, "CURRENCY_ID"),
        "company": company,
        "responsible": responsible,
        "badges": badges(state, deal),
    })
}

/// Filled custom fields, as a short word on the deal's card.
fn badges(state: &State, deal: &Map) -> Vec<Value> {
    let fields = state
        .all(Table::UserField)
        .filter(|field| text(field, "ENTITY_ID") == "CRM_DEAL");
    let mut badges = Vec::new();
    for field in fields {
        let value = deal.get(&text(field, "FIELD_NAME")).unwrap_or(&Value::Null);
        let kind = text(field, "USER_TYPE_ID");
        if !crate::value::is_empty(value) && matches!(kind.as_str(), "string" | "enumeration") {
            badges.push(json!({"label": crate::userfields::label(field), "value": text_of(value)}));
        }
    }
    badges
}

/// The newest notices and messages of everybody.
pub(super) fn notices(state: &State) -> Vec<Value> {
    let name = |user: i64| {
        state
            .user(user)
            .map(|user| format!("{} {}", user.name, user.last_name))
            .unwrap_or_default()
    };
    let notices = state.chat.notices.values().map(|notice| {
        let from = if notice.from == 0 { "Система".to_owned() } else { name(notice.from) };
        (notice.id, json!({"id": notice.id, "to": name(notice.to), "from": from, "text": notice.text, "tag": notice.tag, "at": state.zone.moment(notice.at.as_second())}))
    });
    let messages = state.chat.messages.iter().map(|message| {
        let to = crate::chat::chat_title(&state.chat, &message.dialog);
        let to = message.dialog.parse().map_or(to, name);
        (message.id, json!({"id": message.id, "to": to, "from": name(message.author), "text": message.text, "edited": message.is_edited, "at": state.zone.moment(message.at.as_second())}))
    });
    let mut all: Vec<(i64, Value)> = notices.chain(messages).collect();
    all.sort_by_key(|(id, _)| std::cmp::Reverse(*id));
    all.into_iter().take(30).map(|(_, shown)| shown).collect()
}

pub(super) async fn stage(
    Shared(emulator): Shared<Emulator>,
    Path(id): Path<i64>,
    body: axum::Json<Value>,
) -> Response {
    let stage = body.get("stage").map(text_of).unwrap_or_default();
    outcome(emulator.manager().move_deal(id, &stage))
}

pub(super) async fn new_deal(
    Shared(emulator): Shared<Emulator>,
    body: axum::Json<Value>,
) -> Response {
    let part = |name: &str| body.get(name).map(text_of).unwrap_or_default();
    let deal = DealSeed {
        title: part("title"),
        funnel: number(body.get("funnel")),
        company: part("company"),
        ..DealSeed::default()
    };
    match emulator.manager().create_deal(&deal) {
        Ok(id) => json_response(200, &json!({"ok": true, "id": id})),
        Err(declined) => json_response(400, &json!({"ok": false, "why": declined.0})),
    }
}
