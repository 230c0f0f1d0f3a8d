//! Fields without which a deal goes no further than a stage: shown on every deal's card, and chosen there.

use axum::extract::State as Shared;
use axum::response::Response;
use serde_json::{Value, json};

use crate::emulator::Emulator;
use crate::schema::DEAL;
use crate::server::json_response;
use crate::state::{State, Table, text};
use crate::value::{Kind, text_of};

/// The custom fields that people fill in, each with the stage that it is required from.
pub(super) fn shown(state: &mut State) -> Vec<Value> {
    let schema = state.schema(Table::Item(DEAL));
    let fields = schema.fields().iter();
    let fields = fields.filter(|field| field.custom && field.kind != Kind::File);
    fields
        .map(|field| {
            let mut required = state.config.required_fields.iter();
            let from = required.find(|one| one.field == field.upper);
            let from = from.map(|one| one.from.as_str()).unwrap_or_default();
            let mut stages = state.all(Table::Status);
            let stage = stages.find(|stage| text(stage, "STATUS_ID") == from);
            let name = stage.map_or_else(|| from.to_owned(), |stage| text(stage, "NAME"));
            json!({"name": field.upper, "label": field.title, "from": from, "stage": name})
        })
        .collect()
}

/// Nothing as the stage, and the field may be empty again.
pub(super) async fn set(Shared(emulator): Shared<Emulator>, body: axum::Json<Value>) -> Response {
    let part = |name: &str| body.get(name).map(text_of).unwrap_or_default();
    let (field, from) = (part("field"), part("from"));
    emulator.require_field(&field, (!from.is_empty()).then_some(from.as_str()));
    json_response(200, &json!({"ok": true}))
}
