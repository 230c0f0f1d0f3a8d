//! What the portal's administrator sets and a manager chooses beside a deal's fields: what is required, who sells, which
//! robots call an address. All of it stands on every deal's card.

use axum::extract::{Path, State as Shared};
use axum::response::Response;
use serde_json::{Value, json};

use super::number;
use crate::config::{RobotAction, RobotSeed};
use crate::emulator::Emulator;
use crate::requisite_links;
use crate::schema::{COMPANY, DEAL};
use crate::server::json_response;
use crate::state::{State, Table, int, text};
use crate::value::{Kind, flag_of, text_of};

/// The custom fields that people fill in, each with the stage that it is required from.
pub(super) fn required(state: &mut State) -> Vec<Value> {
    let schema = state.schema(Table::Item(DEAL));
    let fields = schema.fields().iter();
    let fields = fields.filter(|field| field.custom && field.kind != Kind::File);
    fields
        .map(|field| {
            let mut required = state.config.required_fields.iter();
            let from = required.find(|one| one.field == field.upper);
            let from = from.map(|one| one.from.as_str()).unwrap_or_default();
            let stage = stage_name(state, from);
            json!({"name": field.upper, "label": field.title, "from": from, "stage": stage})
        })
        .collect()
}

fn stage_name(state: &State, id: &str) -> String {
    let mut stages = state.all(Table::Status);
    let stage = stages.find(|stage| text(stage, "STATUS_ID") == id);
    stage.map_or_else(|| id.to_owned(), |stage| text(stage, "NAME"))
}

/// Nothing as the stage, and the field may be empty again.
pub(super) async fn require(
    Shared(emulator): Shared<Emulator>,
    body: axum::Json<Value>,
) -> Response {
    let part = |name: &str| body.get(name).map(text_of).unwrap_or_default();
    let (field, from) = (part("field"), part("from"));
    emulator.require_field(&field, (!from.is_empty()).then_some(from.as_str()));
    json_response(200, &json!({"ok": true}))
}

/// Accounts of the portal's own companies, and which of them the deal is sold with.
pub(super) fn sellers(state: &State, deal: i64) -> Vec<Value> {
    let link = requisite_links::find(state, DEAL, deal);
    let chosen = link.map_or(0, |link| int(link, "MC_BANK_DETAIL_ID"));
    let own = state.all(Table::Item(COMPANY));
    let own = own.filter(|company| company.get("IS_MY_COMPANY").is_some_and(flag_of));
    let mut sellers = Vec::new();
    for company in own {
        let requisites = state.all(Table::Requisite).filter(|requisite| {
            int(requisite, "ENTITY_TYPE_ID") == COMPANY
                && int(requisite, "ENTITY_ID") == int(company, "ID")
        });
        for requisite in requisites {
            let banks = state.all(Table::BankDetail);
            let banks = banks.filter(|bank| int(bank, "ENTITY_ID") == int(requisite, "ID"));
            sellers.extend(banks.map(|bank| {
                let label = format!("{}, {}", text(company, "TITLE"), text(bank, "RQ_ACC_NUM"));
                json!({
                    "requisite": int(requisite, "ID"), "bank": int(bank, "ID"), "label": label,
                    "chosen": int(bank, "ID") == chosen,
                })
            }));
        }
    }
    sellers
}

/// Zeros, and nobody is chosen; the buyer's requisites stay as they are.
pub(super) async fn sell(
    Shared(emulator): Shared<Emulator>,
    Path(id): Path<i64>,
    body: axum::Json<Value>,
) -> Response {
    let buyer = {
        let state = emulator.inner.lock();
        let link = requisite_links::find(&state, DEAL, id);
        link.map_or((0, 0), |link| {
            (int(link, "REQUISITE_ID"), int(link, "BANK_DETAIL_ID"))
        })
    };
    let ours = (number(body.get("requisite")), number(body.get("bank")));
    emulator.manager().choose_requisites(id, buyer, ours);
    json_response(200, &json!({"ok": true}))
}

/// Robots that post the deal to an address, by stage.
pub(super) fn robots(state: &State) -> Vec<Value> {
    let calls = state.robots.rules().filter_map(|rule| match &rule.then {
        RobotAction::CallAddress { url } => Some((rule.on_stage.as_deref()?, url)),
        _ => None,
    });
    calls
        .map(|(stage, url)| json!({"stage": stage_name(state, stage), "url": url}))
        .collect()
}

/// In the stage's designer the robot «Исходящий вебхук» is added.
pub(super) async fn add_robot(
    Shared(emulator): Shared<Emulator>,
    body: axum::Json<Value>,
) -> Response {
    let part = |name: &str| body.get(name).map(text_of).unwrap_or_default();
    let (stage, url) = (part("stage"), part("url").trim().to_owned());
    if stage.is_empty() || !url.starts_with("http") {
        let why = "Нужны стадия и адрес, который начинается с http";
        return json_response(400, &json!({"ok": false, "why": why}));
    }
    emulator.add_robot(RobotSeed {
        on_stage: Some(stage),
        on_field: None,
        after_ms: 0,
        then: RobotAction::CallAddress { url },
        times: None,
    });
    json_response(200, &json!({"ok": true}))
}
