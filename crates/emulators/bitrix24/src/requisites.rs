//! Requisites, bank details, addresses and the choice of them on a deal or an invoice.
//!
//! This family answers with strings, and refuses with an empty code and an English sentence.
//! <https://apidocs.bitrix24.com/api-reference/crm/requisites/index.html>

use serde_json::{Value, json};

use crate::call::{Answer, Call, ListParams, Refusal};
use crate::filter::{Filter, Order, Selection, Unknown, page};
use crate::item_methods::origin_of;
use crate::schema::{COMPANY, CONTACT, REQUISITE, Spelling};
use crate::state::{Origin, State, Table, int, text};
use crate::value::{Kind, Map, canonical, is_empty, stringly};

/// What a method of this family is about, by its name.
fn table_of(call: &Call<'_>) -> Table {
    let name = call.method;
    if name.starts_with("crm.requisite.bankdetail.") {
        Table::BankDetail
    } else if name.starts_with("crm.requisite.preset.") {
        Table::Preset
    } else if name.starts_with("crm.requisite.link.") {
        Table::RequisiteLink
    } else if name.starts_with("crm.address.") {
        Table::Address
    } else {
        Table::Requisite
    }
}

fn noun(table: Table) -> &'static str {
    match table {
        Table::BankDetail => "RequisiteBankDetail",
        Table::Preset => "Preset",
        _ => "Requisite",
    }
}

fn entity_name(table: Table) -> &'static str {
    match table {
        Table::BankDetail => "bank_detail",
        Table::Preset => "preset",
        Table::Address => "address",
        Table::RequisiteLink => "requisite_link",
        _ => "requisite",
    }
}

/// Whether the user sees the record's owner.
fn is_visible(state: &State, user: i64, table: Table, record: &Map) -> bool {
    let (entity_type_id, id) = match table {
        Table::Requisite | Table::RequisiteLink => {
            (int(record, "ENTITY_TYPE_ID"), int(record, "ENTITY_ID"))
        }
        Table::BankDetail => match state.get(Table::Requisite, int(record, "ENTITY_ID")) {
            Some(requisite) => (
                int(requisite, "ENTITY_TYPE_ID"),
                int(requisite, "ENTITY_ID"),
            ),
            None => return false,
        },
        Table::Address => (int(record, "ANCHOR_TYPE_ID"), int(record, "ANCHOR_ID")),
        _ => return true,
    };
    state.readable_item(user, entity_type_id, id).is_some()
}

fn visible<'a>(call: &'a Call<'_>, table: Table) -> Result<&'a Map, Refusal> {
    let Some(id) = call.id() else {
        return Err(Refusal::nameless("ID is not defined or invalid."));
    };
    let found = call.state.get(table, id);
    let found = found.ok_or_else(|| {
        Refusal::nameless(format!("The {} with ID '{id}' is not found", noun(table)))
    })?;
    if is_visible(call.state, call.caller.user, table, found) {
        Ok(found)
    } else {
        Err(Refusal::nameless("Access denied."))
    }
}

pub(crate) fn get(call: &mut Call<'_>) -> Answer {
    let table = table_of(call);
    let schema = call.state.schema(table);
    let record = visible(call, table)?;
    let print = |field: &crate::schema::Field| {
        let value = record.get(&field.upper).unwrap_or(&Value::Null);
        // A record that was never changed shows an empty date, not null.
        let shown = if field.upper == "DATE_MODIFY" && value.is_null() {
            "".into()
        } else {
            stringly(field.kind, &call.state.zone, value)
        };
        (field.upper.clone(), shown)
    };
    Ok(Value::Object(schema.fields().iter().map(print).collect()).into())
}

pub(crate) fn list(call: &mut Call<'_>) -> Answer {
    let table = table_of(call);
    let schema = call.state.schema(table);
    let list = ListParams::of(call.params)?;
    let filter = Filter::parse(list.filter, &schema, &call.state.zone, Unknown::Ignored)?;
    let order = Order::parse(list.order, &schema, Unknown::Ignored)?;
    let selection = Selection::parse(list.select, &schema, &[], false);
    let call: &Call<'_> = call;
    let user = call.caller.user;
    let seen = call
        .state
        .candidates(table, &filter)
        .filter(|record| is_visible(call.state, user, table, record));
    let page = page(seen, &filter, &order, list.start);
    let print = |record: &&Map| -> Value {
        let value = |field: &crate::schema::Field| {
            stringly(
                field.kind,
                &call.state.zone,
                record.get(&field.upper).unwrap_or(&Value::Null),
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
    Ok(page.reply(Value::Array(items)))
}

pub(crate) fn fields(call: &mut Call<'_>) -> Answer {
    let schema = call.state.schema(table_of(call));
    Ok(Value::Object(schema.describe(Spelling::Upper)).into())
}

/// Canonical values of what was written; names that do not exist are passed over.
fn read(state: &mut State, table: Table, fields: &Map) -> Map {
    let schema = state.schema(table);
    let mut read = Map::new();
    for (name, value) in fields {
        if let Some(field) = schema.field(name).filter(|field| !field.read_only) {
            let value = if is_empty(value) && field.kind == Kind::Text {
                Value::Null
            } else {
                value.clone()
            };
            read.insert(
                field.upper.clone(),
                canonical(field.kind, &state.zone, &value).unwrap_or(Value::Null),
            );
        }
    }
    read
}

pub(crate) fn add(call: &mut Call<'_>) -> Answer {
    let table = table_of(call);
    let fields = call.fields();
    let record = read(call.state, table, &fields);
    match table {
        Table::Requisite => check_requisite_owner(call, &record)?,
        Table::BankDetail => {
            let requisite = call.state.get(Table::Requisite, int(&record, "ENTITY_ID"));
            let requisite = requisite
                .ok_or_else(|| Refusal::nameless("ENTITY_ID is not defined or invalid."))?;
            if !is_visible(call.state, call.caller.user, Table::Requisite, requisite) {
                return Err(Refusal::nameless("Access denied."));
            }
            if text(&record, "NAME").is_empty() {
                return Err(Refusal::nameless("The 'NAME' field is required."));
            }
        }
        _ => {}
    }
    let origin = origin_of(call);
    Ok(Value::from(insert(call.state, table, record, &origin)).into())
}

fn check_requisite_owner(call: &Call<'_>, record: &Map) -> Result<(), Refusal> {
    let entity_type_id = int(record, "ENTITY_TYPE_ID");
    if !matches!(entity_type_id, COMPANY | CONTACT) {
        return Err(Refusal::nameless(
            "ENTITY_TYPE_ID is not defined or invalid.",
        ));
    }
    let id = int(record, "ENTITY_ID");
    if id <= 0 {
        return Err(Refusal::nameless("ENTITY_ID is not defined or invalid."));
    }
    if call
        .state
        .get(Table::Preset, int(record, "PRESET_ID"))
        .is_none()
    {
        return Err(Refusal::nameless("PRESET_ID is not defined or invalid."));
    }
    if call.state.get(Table::Item(entity_type_id), id).is_none() {
        return Err(Refusal::nameless("Entity not found."));
    }
    match call
        .state
        .readable_item(call.caller.user, entity_type_id, id)
    {
        Some(_) => Ok(()),
        None => Err(Refusal::nameless("Access denied.")),
    }
}

/// Stores a new record of this family and tells of it.
pub(crate) fn insert(state: &mut State, table: Table, fields: Map, origin: &Origin) -> i64 {
    let schema = state.schema(table);
    let mut record: Map = schema
        .fields()
        .iter()
        .map(|field| (field.upper.clone(), Value::Null))
        .collect();
    record.extend(fields);
    let id = state.next_id(table);
    let defaults = [
        ("ID", Value::from(id)),
        ("DATE_CREATE", origin.seconds().into()),
        ("CREATED_BY_ID", origin.user().into()),
    ];
    record.extend(defaults.map(|(name, value)| (name.to_owned(), value)));
    for (name, value) in [
        ("SORT", Value::from(500)),
        ("ACTIVE", "Y".into()),
        ("ADDRESS_ONLY", "N".into()),
        ("COUNTRY_ID", 1.into()),
    ] {
        if record.get(name).is_some_and(Value::is_null) {
            record.insert(name.into(), value);
        }
    }
    state.put(table, id, record.clone());
    state.note_write(origin, entity_name(table), id, None, Some(&record));
    fire(state, table, "ADD", id, origin);
    id
}

fn fire(state: &mut State, table: Table, verb: &str, id: i64, origin: &Origin) {
    let name = match table {
        Table::Requisite => "REQUISITE",
        Table::BankDetail => "BANKDETAIL",
        _ => return,
    };
    crate::events::fire(
        state,
        &format!("ONCRM{name}{verb}"),
        json!({"FIELDS": {"ID": id}}),
        &format!("{name}-{id}"),
        origin,
    );
}

pub(crate) fn update(call: &mut Call<'_>) -> Answer {
    let table = table_of(call);
    let id = int(visible(call, table)?, "ID");
    let fields = call.fields();
    let mut changes = read(call.state, table, &fields);
    for name in ["ENTITY_TYPE_ID", "ENTITY_ID"] {
        changes.remove(name);
    }
    let origin = origin_of(call);
    change(call.state, table, id, changes, &origin);
    Ok(Value::Bool(true).into())
}

/// Changes a record of this family; nothing happens where nothing differs.
pub(crate) fn change(
    state: &mut State,
    table: Table,
    id: i64,
    changes: Map,
    origin: &Origin,
) -> bool {
    let Some(before) = state.get(table, id).cloned() else {
        return false;
    };
    let mut record = before.clone();
    record.extend(changes);
    if record == before {
        return false;
    }
    record.insert("DATE_MODIFY".into(), origin.seconds().into());
    record.insert("MODIFY_BY_ID".into(), origin.user().into());
    state.put(table, id, record.clone());
    state.note_write(origin, entity_name(table), id, Some(&before), Some(&record));
    fire(state, table, "UPDATE", id, origin);
    true
}

pub(crate) fn delete(call: &mut Call<'_>) -> Answer {
    let table = table_of(call);
    let id = int(visible(call, table)?, "ID");
    let origin = origin_of(call);
    remove(call.state, table, id, &origin);
    Ok(Value::Bool(true).into())
}

fn remove(state: &mut State, table: Table, id: i64, origin: &Origin) {
    let record = state.remove(table, id);
    state.note_write(origin, entity_name(table), id, record.as_ref(), None);
    fire(state, table, "DELETE", id, origin);
    if table == Table::Requisite {
        let banks = ids_where(state, Table::BankDetail, |bank| {
            int(bank, "ENTITY_ID") == id
        });
        for bank in banks {
            remove(state, Table::BankDetail, bank, origin);
        }
        let addresses = ids_where(state, Table::Address, |address| {
            int(address, "ENTITY_TYPE_ID") == REQUISITE && int(address, "ENTITY_ID") == id
        });
        for address in addresses {
            state.remove(Table::Address, address);
        }
    }
}

fn ids_where(state: &State, table: Table, wanted: impl Fn(&Map) -> bool) -> Vec<i64> {
    let key = if table == Table::Address {
        "LOC_ADDR_ID"
    } else {
        "ID"
    };
    state
        .all(table)
        .filter(|record| wanted(record))
        .map(|record| int(record, key))
        .collect()
}

/// A deleted owner takes its requisites and choices along, silently.
pub(crate) fn forget_owner(state: &mut State, entity_type_id: i64, id: i64) {
    let owned = |record: &Map| {
        int(record, "ENTITY_TYPE_ID") == entity_type_id && int(record, "ENTITY_ID") == id
    };
    for requisite in ids_where(state, Table::Requisite, owned) {
        state.remove(Table::Requisite, requisite);
        for bank in ids_where(state, Table::BankDetail, |bank| {
            int(bank, "ENTITY_ID") == requisite
        }) {
            state.remove(Table::BankDetail, bank);
        }
    }
    for link in ids_where(state, Table::RequisiteLink, owned) {
        state.remove(Table::RequisiteLink, link);
    }
}

pub(crate) fn countries(_call: &mut Call<'_>) -> Answer {
    Ok(json!([
        {"ID": 1, "CODE": "RU", "TITLE": "Россия"},
        {"ID": 4, "CODE": "BY", "TITLE": "Беларусь"},
        {"ID": 6, "CODE": "KZ", "TITLE": "Казахстан"},
    ])
    .into())
}

/// The fields of a template that people see.
pub(crate) fn preset_fields(call: &mut Call<'_>) -> Answer {
    let preset = call.param("preset");
    let preset = preset.get("ID").or_else(|| preset.get("id"));
    let names: &[&str] = match preset.and_then(crate::value::int_of) {
        Some(2) => &[
            "RQ_NAME",
            "RQ_LAST_NAME",
            "RQ_FIRST_NAME",
            "RQ_SECOND_NAME",
            "RQ_INN",
            "RQ_OGRNIP",
            "RQ_OKPO",
        ],
        Some(3) => &[
            "RQ_LAST_NAME",
            "RQ_FIRST_NAME",
            "RQ_SECOND_NAME",
            "RQ_IDENT_DOC",
            "RQ_INN",
        ],
        _ => &[
            "RQ_INN",
            "RQ_COMPANY_NAME",
            "RQ_COMPANY_FULL_NAME",
            "RQ_OGRN",
            "RQ_KPP",
            "RQ_COMPANY_REG_DATE",
            "RQ_OKPO",
            "RQ_DIRECTOR",
            "RQ_ACCOUNTANT",
        ],
    };
    let rows = names.iter().enumerate().map(|(at, name)| {
        json!({"ID": at.saturating_add(1), "FIELD_NAME": name, "FIELD_TITLE": "", "SORT": at.saturating_add(1).saturating_mul(500), "IN_SHORT_LIST": "N"})
    });
    Ok(Value::Array(rows.collect()).into())
}

struct AddressKey {
    type_id: i64,
    entity_type_id: i64,
    entity_id: i64,
}

fn address_key(fields: &Map) -> Result<AddressKey, Refusal> {
    let need = |name: &str| match int(fields, name) {
        0 => Err(Refusal::nameless(format!(
            "{name} is not defined or invalid."
        ))),
        value => Ok(value),
    };
    Ok(AddressKey {
        type_id: need("TYPE_ID")?,
        entity_type_id: need("ENTITY_TYPE_ID")?,
        entity_id: need("ENTITY_ID")?,
    })
}

fn find_address(state: &State, key: &AddressKey) -> Option<i64> {
    let found = state.all(Table::Address).find(|address| {
        int(address, "TYPE_ID") == key.type_id
            && int(address, "ENTITY_TYPE_ID") == key.entity_type_id
            && int(address, "ENTITY_ID") == key.entity_id
    });
    found.map(|address| int(address, "LOC_ADDR_ID"))
}

/// The address of this type that a requisite has.
pub(crate) fn find_address_of(state: &State, requisite: i64, type_id: i64) -> Option<i64> {
    let key = AddressKey {
        type_id,
        entity_type_id: REQUISITE,
        entity_id: requisite,
    };
    find_address(state, &key)
}

pub(crate) fn address_add(call: &mut Call<'_>) -> Answer {
    let fields = call.fields();
    let key = address_key(&fields)?;
    if find_address(call.state, &key).is_some() {
        return Err(Refusal::nameless("TypeAddress exists."));
    }
    let record = read(call.state, Table::Address, &fields);
    let origin = origin_of(call);
    if put_address(call.state, record, &origin) {
        Ok(Value::Bool(true).into())
    } else {
        Err(Refusal::nameless("Access denied."))
    }
}

/// Stores an address; `false` where its owner does not exist.
pub(crate) fn put_address(state: &mut State, fields: Map, origin: &Origin) -> bool {
    let (entity_type_id, entity_id) = (int(&fields, "ENTITY_TYPE_ID"), int(&fields, "ENTITY_ID"));
    let anchor = match entity_type_id {
        REQUISITE => match state.get(Table::Requisite, entity_id) {
            Some(requisite) => (
                int(requisite, "ENTITY_TYPE_ID"),
                int(requisite, "ENTITY_ID"),
            ),
            None => return false,
        },
        other => (other, entity_id),
    };
    let schema = state.schema(Table::Address);
    let mut record: Map = schema
        .fields()
        .iter()
        .map(|field| (field.upper.clone(), Value::Null))
        .collect();
    record.extend(fields);
    let id = state.next_id(Table::Address);
    for (name, value) in [
        ("LOC_ADDR_ID", id),
        ("ANCHOR_TYPE_ID", anchor.0),
        ("ANCHOR_ID", anchor.1),
    ] {
        record.insert(name.into(), value.into());
    }
    state.put(Table::Address, id, record.clone());
    state.note_write(origin, "address", id, None, Some(&record));
    fire_address(state, "REGISTER", &record, origin);
    true
}

fn fire_address(state: &mut State, verb: &str, record: &Map, origin: &Origin) {
    let names = [
        "TYPE_ID",
        "ENTITY_TYPE_ID",
        "ENTITY_ID",
        "ANCHOR_ID",
        "ANCHOR_TYPE_ID",
    ];
    let fields: Map = names
        .iter()
        .map(|name| {
            (
                (*name).to_owned(),
                record.get(*name).cloned().unwrap_or(Value::Null),
            )
        })
        .collect();
    let object = format!(
        "ADDRESS-{}-{}-{}",
        int(record, "TYPE_ID"),
        int(record, "ENTITY_TYPE_ID"),
        int(record, "ENTITY_ID")
    );
    crate::events::fire(
        state,
        &format!("ONCRMADDRESS{verb}"),
        json!({"FIELDS": fields}),
        &object,
        origin,
    );
}

pub(crate) fn address_update(call: &mut Call<'_>) -> Answer {
    let fields = call.fields();
    let key = address_key(&fields)?;
    let Some(id) = find_address(call.state, &key) else {
        return Err(Refusal::nameless("TypeAddress not found."));
    };
    let changes = read(call.state, Table::Address, &fields);
    let origin = origin_of(call);
    change_address(call.state, id, changes, &origin);
    Ok(Value::Bool(true).into())
}

/// Changes an address by its own id.
pub(crate) fn change_address(state: &mut State, id: i64, changes: Map, origin: &Origin) {
    let Some(before) = state.get(Table::Address, id).cloned() else {
        return;
    };
    let mut record = before.clone();
    record.extend(changes);
    if record != before {
        state.put(Table::Address, id, record.clone());
        state.note_write(origin, "address", id, Some(&before), Some(&record));
        fire_address(state, "REGISTER", &record, origin);
    }
}

pub(crate) fn address_delete(call: &mut Call<'_>) -> Answer {
    let fields = call.fields();
    let key = address_key(&fields)?;
    let Some(id) = find_address(call.state, &key) else {
        return Err(Refusal::nameless("TypeAddress not found."));
    };
    let origin = origin_of(call);
    remove_address(call.state, id, &origin);
    Ok(Value::Bool(true).into())
}

/// Takes an address away by its own id; `false` where there is none.
pub(crate) fn remove_address(state: &mut State, id: i64, origin: &Origin) -> bool {
    let Some(record) = state.remove(Table::Address, id) else {
        return false;
    };
    state.note_write(origin, "address", id, Some(&record), None);
    fire_address(state, "UNREGISTER", &record, origin);
    true
}

pub(crate) fn address_types(_call: &mut Call<'_>) -> Answer {
    Ok(json!([
        {"ID": 1, "NAME": "Фактический адрес"},
        {"ID": 4, "NAME": "Адрес регистрации"},
        {"ID": 6, "NAME": "Юридический адрес"},
        {"ID": 8, "NAME": "Почтовый адрес"},
        {"ID": 9, "NAME": "Адрес бенефициара"},
        {"ID": 11, "NAME": "Адрес доставки"},
    ])
    .into())
}
