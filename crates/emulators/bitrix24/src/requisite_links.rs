//! Which requisites and bank details a deal or an invoice uses, on both sides.
//!
//! <https://apidocs.bitrix24.com/api-reference/crm/requisites/links/index.html>

use serde_json::{Value, json};

use crate::call::{Answer, Call, Refusal};
use crate::item_methods::origin_of;
use crate::schema::{COMPANY, CONTACT, entity_type};
use crate::state::{Origin, State, Table, int, text};
use crate::value::{Map, flag_of, int_of};

const PARTS: [&str; 4] = [
    "REQUISITE_ID",
    "BANK_DETAIL_ID",
    "MC_REQUISITE_ID",
    "MC_BANK_DETAIL_ID",
];

pub(crate) fn find(state: &State, entity_type_id: i64, id: i64) -> Option<&Map> {
    state
        .all(Table::RequisiteLink)
        .find(|link| int(link, "ENTITY_TYPE_ID") == entity_type_id && int(link, "ENTITY_ID") == id)
}

fn owner(call: &Call<'_>) -> Result<(i64, i64), Refusal> {
    let entity_type_id = call
        .int("entityTypeId")
        .filter(|id| *id > 0)
        .ok_or_else(|| Refusal::nameless("entityTypeId is not defined or invalid."))?;
    let id = call
        .int("entityId")
        .filter(|id| *id > 0)
        .ok_or_else(|| Refusal::nameless("entityId is not defined or invalid."))?;
    Ok((entity_type_id, id))
}

pub(crate) fn get(call: &mut Call<'_>) -> Answer {
    let (entity_type_id, id) = owner(call)?;
    let link =
        find(call.state, entity_type_id, id).ok_or_else(|| Refusal::nameless("Not found"))?;
    if call
        .state
        .readable_item(call.caller.user, entity_type_id, id)
        .is_none()
    {
        return Err(Refusal::nameless("Access denied."));
    }
    let mut answer = Map::new();
    answer.insert("ENTITY_TYPE_ID".into(), entity_type_id.into());
    answer.insert("ENTITY_ID".into(), id.into());
    for part in PARTS {
        answer.insert(part.into(), text(link, part).into());
    }
    Ok(Value::Object(answer).into())
}

pub(crate) fn register(call: &mut Call<'_>) -> Answer {
    let fields = call.fields();
    for name in ["ENTITY_TYPE_ID", "ENTITY_ID"].into_iter().chain(PARTS) {
        let value = fields.get(name).and_then(int_of);
        let is_part = PARTS.contains(&name);
        if value.is_none_or(|value| value < 0 || (value == 0 && !is_part)) {
            return Err(Refusal::nameless(format!(
                "{name} is not defined or invalid."
            )));
        }
    }
    let (entity_type_id, id) = (int(&fields, "ENTITY_TYPE_ID"), int(&fields, "ENTITY_ID"));
    check(call.state, entity_type_id, id, &fields)?;
    let origin = origin_of(call);
    put(call.state, entity_type_id, id, &fields, &origin);
    Ok(Value::Bool(true).into())
}

/// Stores the choice for one object, replacing the former.
pub(crate) fn put(state: &mut State, entity_type_id: i64, id: i64, fields: &Map, origin: &Origin) {
    let before = find(state, entity_type_id, id).cloned();
    let mut record = Map::new();
    record.insert("ENTITY_TYPE_ID".into(), entity_type_id.into());
    record.insert("ENTITY_ID".into(), id.into());
    for part in PARTS {
        record.insert(part.into(), int(fields, part).into());
    }
    let key = before.as_ref().map_or_else(
        || state.next_id(Table::RequisiteLink),
        |link| int(link, "ID"),
    );
    record.insert("ID".into(), key.into());
    state.put(Table::RequisiteLink, key, record.clone());
    state.note_write(origin, "requisite_link", id, before.as_ref(), Some(&record));
}

/// Each id must belong to the buyer or to our own company set in the object.
fn check(state: &State, entity_type_id: i64, id: i64, fields: &Map) -> Result<(), Refusal> {
    let entity = entity_type(entity_type_id).filter(|entity| entity.has_stages);
    let item = entity.and_then(|entity| state.get(Table::Item(entity.id), id));
    let item = item.ok_or_else(|| Refusal::nameless("Entity is not found"))?;
    let requisite_id = int(fields, "REQUISITE_ID");
    if requisite_id > 0 {
        let requisite = state.get(Table::Requisite, requisite_id);
        let requisite = requisite.ok_or_else(|| {
            Refusal::nameless(format!(
                "The Requisite with ID '{requisite_id}' is not found"
            ))
        })?;
        let company = int(item, "COMPANY_ID");
        let contact = int(item, "CONTACT_ID");
        let (kind, owner) = (
            int(requisite, "ENTITY_TYPE_ID"),
            int(requisite, "ENTITY_ID"),
        );
        let belongs =
            (kind == COMPANY && owner == company) || (kind == CONTACT && owner == contact);
        if !belongs {
            let buyer = if company > 0 {
                format!("Company with ID '{company}'")
            } else {
                format!("Contact with ID '{contact}'")
            };
            return Err(Refusal::nameless(format!(
                "The Requisite with ID '{requisite_id}' is not assigned to {buyer}"
            )));
        }
    }
    check_bank(state, int(fields, "BANK_DETAIL_ID"), requisite_id, "")?;
    let ours_id = int(fields, "MC_REQUISITE_ID");
    if ours_id > 0 {
        let ours = state.get(Table::Requisite, ours_id);
        let ours = ours.ok_or_else(|| {
            Refusal::nameless(format!(
                "The Requisite of your company with ID '{ours_id}' is not found"
            ))
        })?;
        let owner = int(ours, "ENTITY_ID");
        let named = int(item, "MYCOMPANY_ID");
        let is_ours = state
            .get(Table::Item(COMPANY), owner)
            .is_some_and(|company| company.get("IS_MY_COMPANY").is_some_and(flag_of));
        if !is_ours || (named > 0 && named != owner) {
            return Err(Refusal::nameless(format!(
                "The Requisite with ID '{ours_id}' is not assigned to your company with ID '{named}'"
            )));
        }
    }
    check_bank(
        state,
        int(fields, "MC_BANK_DETAIL_ID"),
        ours_id,
        " of your company",
    )
}

fn check_bank(state: &State, bank_id: i64, requisite_id: i64, whose: &str) -> Result<(), Refusal> {
    if bank_id == 0 {
        return Ok(());
    }
    match state.get(Table::BankDetail, bank_id) {
        None => Err(Refusal::nameless(format!(
            "The BankDetail{whose} with ID '{bank_id}' is not found"
        ))),
        Some(bank) if int(bank, "ENTITY_ID") != requisite_id => Err(Refusal::nameless(format!(
            "The BankDetail{whose} with ID '{bank_id}' is not assigned to Requisite{whose} with ID '{requisite_id}'"
        ))),
        Some(_) => Ok(()),
    }
}

pub(crate) fn unregister(call: &mut Call<'_>) -> Answer {
    let (entity_type_id, id) = owner(call)?;
    let key = find(call.state, entity_type_id, id).map(|link| int(link, "ID"));
    if let Some(key) = key {
        let origin = origin_of(call);
        let record = call.state.remove(Table::RequisiteLink, key);
        call.state
            .note_write(&origin, "requisite_link", id, record.as_ref(), None);
    }
    Ok(json!(true).into())
}
