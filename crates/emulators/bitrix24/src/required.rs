//! Fields that must be filled: those that are mandatory everywhere, and those of a deal that are from a stage on.
//!
//! Both are checked where a record is made, and where its stage changes within one funnel; robots and the older methods,
//! of which the documentation says nothing, go past.
//! <https://apidocs.bitrix24.com/api-reference/crm/universal/crm-item-update.html>

use serde::{Deserialize, Serialize};

use crate::call::Refusal;
use crate::directory::stages;
use crate::emulator::Emulator;
use crate::robots::funnel_of;
use crate::schema::{DEAL, EntityType};
use crate::state::{State, Table, int, text};
use crate::truth::What;
use crate::value::{Kind, Map, is_empty};

/// A field of a deal without which neither this stage is entered nor one behind it, but a lost one.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequiredSeed {
    /// Its upper-case name.
    pub field: String,
    /// As the portal spells it: `WON`, `C1:WON`.
    pub from: String,
}

impl Emulator {
    /// From this stage on no deal goes without the field, as an administrator says in the card's settings; no stage: it
    /// may be empty again.
    pub fn require_field(&self, field: &str, from: Option<&str>) {
        let now = self.now();
        let mut state = self.inner.lock();
        let required = &mut state.config.required_fields;
        required.retain(|one| one.field != field);
        required.extend(from.map(|from| RequiredSeed {
            field: field.to_owned(),
            from: from.to_owned(),
        }));
        let text = format!("{field} is required from {}", from.unwrap_or("nowhere"));
        state.truth.add(now, What::Note { text });
        state.version = state.version.wrapping_add(1);
    }
}

/// A record that is to be made.
pub(crate) fn check_new(
    state: &mut State,
    entity: &EntityType,
    record: &Map,
) -> Result<(), Refusal> {
    if entity.has_stages {
        refuse_empty(state, entity, record)?;
    }
    Ok(())
}

/// A record that is to be changed so.
pub(crate) fn check_change(
    state: &mut State,
    entity: &EntityType,
    before: &Map,
    changes: &Map,
) -> Result<(), Refusal> {
    if !entity.has_stages || !changes.contains_key("STAGE_ID") {
        return Ok(());
    }
    let mut after = before.clone();
    after.extend(changes.clone());
    let is_moved = text(&after, "STAGE_ID") != text(before, "STAGE_ID");
    let is_same_funnel = int(&after, "CATEGORY_ID") == int(before, "CATEGORY_ID");
    if is_moved && is_same_funnel {
        refuse_empty(state, entity, &after)?;
    }
    Ok(())
}

/// The first field that lacks is told, as the vendor's examples do.
fn refuse_empty(state: &mut State, entity: &EntityType, record: &Map) -> Result<(), Refusal> {
    let schema = state.schema(Table::Item(entity.id));
    let from_here = from_here(state, entity, record);
    let mut fields = schema.fields().iter();
    let lacks = fields.find(|field| {
        let is_required = (field.custom && field.required) || from_here.contains(&field.upper);
        let value = record.get(&field.upper);
        let is_nobody = matches!(field.kind, Kind::Link(_) | Kind::User)
            && value.is_some_and(|value| value.as_i64() == Some(0));
        is_required && (is_nobody || value.is_none_or(is_empty))
    });
    match lacks {
        None => Ok(()),
        Some(field) => Err(Refusal::new(
            400,
            "CRM_FIELD_ERROR_REQUIRED",
            format!("Поле \"{}\" обязательно для заполнения", field.title),
        )),
    }
}

/// Fields without which a deal does not stand where this one does. A lost deal needs none of what is required on the way.
fn from_here(state: &State, entity: &EntityType, record: &Map) -> Vec<String> {
    if entity.id != DEAL {
        return Vec::new();
    }
    let funnel = int(record, "CATEGORY_ID");
    let stages = stages(state, entity.id, funnel);
    let place = |wanted: &str| {
        let mut places = stages.iter();
        places.position(|stage| text(stage, "STATUS_ID") == wanted)
    };
    let at = text(record, "STAGE_ID");
    // Who names no stage begins in the first.
    let here = if at.is_empty() { Some(0) } else { place(&at) };
    let is_lost = here
        .and_then(|here| stages.get(here))
        .is_some_and(|stage| text(stage, "SEMANTICS") == "F");
    let is_required = |one: &&RequiredSeed| {
        funnel_of(&one.from) == funnel
            && (one.from == at
                || (!is_lost && place(&one.from).is_some_and(|from| Some(from) <= here)))
    };
    let required = state.config.required_fields.iter();
    let required = required.filter(is_required);
    required.map(|one| one.field.clone()).collect()
}
