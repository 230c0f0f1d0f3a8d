//! Fills a new portal from its configuration. What is planted here fires no events.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::call::Actor;
use crate::config::{
    CompanySeed, CustomFieldSeed, DealSeed, FunnelSeed, LineSeed, RequisiteSeed, StageSeed,
};
use crate::directory::{CATALOG, INVOICE_FUNNEL, stage_directory};
use crate::items::{aged, origin};
use crate::schema::{COMPANY, CONTACT, DEAL, EntityType, REQUISITE, SMART_INVOICE, entity_type};
use crate::state::{Origin, State, Table, int, text};
use crate::truth::{Truth, Written};
use crate::value::Map;

/// The legal address among the types of addresses.
pub(crate) const LEGAL: i64 = 6;

pub(crate) fn plant(state: &mut State, now: Timestamp) {
    let config = state.config.clone();
    // Outgoing webhooks and robots stay quiet about what was there from the beginning.
    let subscriptions = std::mem::take(&mut state.events.subscriptions);
    let robots = std::mem::take(&mut state.robots);
    let origin = origin(Actor::Person { user: 1 }, now, "seed", Value::Null);
    plant_directories(state);
    for funnel in &config.funnels {
        plant_funnel(state, funnel);
    }
    plant_invoice_funnel(state);
    for field in &config.custom_fields {
        plant_custom_field(state, field, &origin);
    }
    let mut companies = BTreeMap::new();
    for seed in &config.companies {
        if let Some(id) = plant_company(state, seed, &origin) {
            companies.insert(seed.title.clone(), id);
        }
    }
    for seed in &config.contacts {
        let fields = json!({
            "NAME": seed.name, "LAST_NAME": seed.last_name, "COMPANY_ID": companies.get(&seed.company).copied().unwrap_or(0),
            "PHONE": phones(&seed.phone), "EMAIL": phones(&seed.email),
        });
        plant_item(state, CONTACT, fields, &origin);
    }
    for seed in &config.deals {
        for copy in 1..=seed.copies.max(1) {
            plant_deal(state, seed, copy, &companies, &origin);
        }
    }
    state.events.subscriptions = subscriptions;
    state.robots = robots;
    state.truth = Truth::default();
    state.written = Written::default();
}

fn phones(value: &str) -> Value {
    if value.is_empty() {
        json!([])
    } else {
        json!([{"VALUE": value, "VALUE_TYPE": "WORK"}])
    }
}

fn put(state: &mut State, table: Table, record: Value) -> i64 {
    let id = state.next_id(table);
    if let Value::Object(mut record) = record {
        record.insert("ID".into(), id.into());
        state.put(table, id, record);
    }
    id
}

fn plant_directories(state: &mut State) {
    let config = state.config.clone();
    for (at, vat) in config.vat_rates.iter().enumerate() {
        put(
            state,
            Table::Vat,
            json!({"NAME": vat.name, "RATE": vat.rate, "ACTIVE": "Y", "SORT": at.saturating_add(1).saturating_mul(100), "EXCLUDE_VAT": if vat.rate.is_none() { "Y" } else { "N" }}),
        );
    }
    for measure in &config.measures {
        let is_default = if measure.code == 796 { "Y" } else { "N" };
        put(
            state,
            Table::Measure,
            json!({"CODE": measure.code, "MEASURE_TITLE": measure.title, "SYMBOL": measure.symbol, "SYMBOL_INTL": measure.symbol, "IS_DEFAULT": is_default}),
        );
    }
    put(
        state,
        Table::Currency,
        json!({"CURRENCY": "RUB", "AMOUNT_CNT": 1, "AMOUNT": "1", "SORT": 100, "BASE": "Y", "FULL_NAME": "Российский рубль", "LID": "ru"}),
    );
    let presets = [
        ("Организация", "#CRM_REQUISITE_PRESET_DEF_RU_COMPANY#"),
        ("ИП", "#CRM_REQUISITE_PRESET_DEF_RU_INDIVIDUAL#"),
        ("Физ. лицо", "#CRM_REQUISITE_PRESET_DEF_RU_PERSON#"),
        ("Организация (доп.)", ""),
    ];
    for (at, (name, xml_id)) in presets.into_iter().enumerate() {
        let sort = at.saturating_add(50).saturating_mul(10);
        put(
            state,
            Table::Preset,
            json!({"ENTITY_TYPE_ID": REQUISITE, "COUNTRY_ID": 1, "NAME": name, "XML_ID": xml_id, "ACTIVE": "Y", "SORT": sort, "DATE_CREATE": null, "DATE_MODIFY": null, "CREATED_BY_ID": 1, "MODIFY_BY_ID": null}),
        );
    }
    state.start_ids_at(Table::Product, 9600);
    for product in &config.products {
        put(
            state,
            Table::Product,
            json!({"IBLOCK_ID": CATALOG, "NAME": product.name, "ACTIVE": "Y", "MEASURE": 5, "VAT_ID": 1, "VAT_INCLUDED": "Y", "TYPE": 1, "SORT": 500, "PRICE": product.price}),
        );
    }
    for (status, name) in [
        ("CALL", "Звонок"),
        ("EMAIL", "Электронная почта"),
        ("WEB", "Веб-сайт"),
        ("ADVERTISING", "Реклама"),
    ] {
        put(
            state,
            Table::Status,
            json!({"ENTITY_ID": "SOURCE", "STATUS_ID": status, "NAME": name, "SORT": 10, "SYSTEM": "Y"}),
        );
    }
    for (status, name) in [
        ("SALE", "Продажа"),
        ("COMPLEX", "Комплексная продажа"),
        ("GOODS", "Продажа товара"),
        ("SERVICES", "Услуги"),
        ("SERVICE", "Сервисное обслуживание"),
    ] {
        put(
            state,
            Table::Status,
            json!({"ENTITY_ID": "DEAL_TYPE", "STATUS_ID": status, "NAME": name, "SORT": 10, "SYSTEM": "Y"}),
        );
    }
}

fn usual_stages() -> Vec<StageSeed> {
    [
        ("NEW", "Новая", "P", "#39A8EF"),
        ("PREPARATION", "Подготовка документов", "P", "#2FC6F6"),
        ("PREPAYMENT_INVOICE", "Счёт на предоплату", "P", "#55D0E0"),
        ("EXECUTING", "В работе", "P", "#47E4C2"),
        ("FINAL_INVOICE", "Финальный счёт", "P", "#FFA900"),
        ("WON", "Сделка успешна", "S", "#7BD500"),
        ("LOSE", "Сделка провалена", "F", "#FF5752"),
        ("APOLOGY", "Анализ причины провала", "F", "#FF5752"),
    ]
    .map(|(id, name, semantics, color)| StageSeed {
        id: id.into(),
        name: name.into(),
        semantics: semantics.into(),
        color: color.into(),
    })
    .to_vec()
}

fn plant_funnel(state: &mut State, funnel: &FunnelSeed) {
    let stages = if funnel.stages.is_empty() {
        usual_stages()
    } else {
        funnel.stages.clone()
    };
    let prefix = if funnel.id == 0 {
        String::new()
    } else {
        format!("C{}:", funnel.id)
    };
    plant_category(state, DEAL, funnel.id, &funnel.name, funnel.id == 0);
    plant_stages(state, DEAL, funnel.id, &prefix, &stages);
}

fn plant_category(state: &mut State, entity_type_id: i64, id: i64, name: &str, is_default: bool) {
    let record = json!({"ID": id, "NAME": name, "SORT": if is_default { 300 } else { 200 }, "ENTITY_TYPE_ID": entity_type_id, "IS_DEFAULT": if is_default { "Y" } else { "N" }});
    if let Value::Object(record) = record {
        // Funnels of different types may share an id, so the table's key holds both.
        state.put(
            Table::Category,
            entity_type_id.saturating_mul(1_000_000).saturating_add(id),
            record,
        );
    }
}

fn plant_stages(
    state: &mut State,
    entity_type_id: i64,
    funnel: i64,
    prefix: &str,
    stages: &[StageSeed],
) {
    let directory = stage_directory(entity_type_id, funnel);
    for (at, stage) in stages.iter().enumerate() {
        let semantics = if stage.semantics == "P" {
            Value::Null
        } else {
            stage.semantics.clone().into()
        };
        let color = if stage.color.is_empty() {
            "#2FC6F6"
        } else {
            &stage.color
        };
        let sort = at.saturating_add(1).saturating_mul(10);
        let category = if funnel == 0 {
            Value::Null
        } else {
            funnel.into()
        };
        put(
            state,
            Table::Status,
            json!({"ENTITY_ID": directory, "STATUS_ID": format!("{prefix}{}", stage.id), "NAME": stage.name, "NAME_INIT": "", "SORT": sort, "SYSTEM": "N", "CATEGORY_ID": category, "COLOR": color, "SEMANTICS": semantics}),
        );
    }
}

fn plant_invoice_funnel(state: &mut State) {
    plant_category(state, SMART_INVOICE, INVOICE_FUNNEL, "Счета", true);
    let stages = [
        ("N", "Новый", "P", "#39A8EF"),
        ("S", "Отправлен", "P", "#2FC6F6"),
        ("P", "Оплачен", "S", "#7BD500"),
        ("D", "Не оплачен", "F", "#FF5752"),
    ]
    .map(|(id, name, semantics, color)| StageSeed {
        id: id.into(),
        name: name.into(),
        semantics: semantics.into(),
        color: color.into(),
    });
    plant_stages(
        state,
        SMART_INVOICE,
        INVOICE_FUNNEL,
        &format!("DT31_{INVOICE_FUNNEL}:"),
        &stages,
    );
}

fn plant_custom_field(state: &mut State, seed: &CustomFieldSeed, origin: &Origin) {
    let items: Vec<Value> = seed
        .items
        .iter()
        .map(|item| json!({"VALUE": item}))
        .collect();
    let rest = json!({"EDIT_FORM_LABEL": {"ru": seed.label}, "MULTIPLE": if seed.multiple { "Y" } else { "N" }, "LIST": items});
    let rest = rest.as_object().cloned().unwrap_or_default();
    let new = crate::userfields::NewField {
        entity: &seed.entity,
        name: &seed.name,
        user_type: &seed.kind,
        rest,
    };
    // A field named twice is there already.
    drop(crate::userfields::create(state, new, origin));
}

fn plant_item(
    state: &mut State,
    entity_type_id: i64,
    fields: Value,
    origin: &Origin,
) -> Option<i64> {
    let entity = entity_type(entity_type_id)?;
    let fields = fields.as_object().cloned().unwrap_or_default();
    let read = crate::items::read_fields(state, entity, &fields, None).ok()?;
    crate::items::add(state, entity, read, origin).ok()
}

pub(crate) fn plant_company(state: &mut State, seed: &CompanySeed, origin: &Origin) -> Option<i64> {
    let mut fields = json!({
        "TITLE": seed.title, "IS_MY_COMPANY": if seed.is_my_company { "Y" } else { "N" },
        "PHONE": phones(&seed.phone), "EMAIL": phones(&seed.email),
    });
    if let Value::Object(fields) = &mut fields {
        fields.extend(seed.fields.clone());
    }
    let company = plant_item(state, COMPANY, fields, origin)?;
    for requisite in &seed.requisites {
        plant_requisite(state, (COMPANY, company), requisite, origin);
    }
    Some(company)
}

/// A requisite of a company or a contact with its bank details and addresses; its id.
pub(crate) fn plant_requisite(
    state: &mut State,
    (entity_type_id, owner): (i64, i64),
    seed: &RequisiteSeed,
    origin: &Origin,
) -> i64 {
    let mut record = texts_of(&seed.fields);
    record.insert("NAME".into(), seed.name.clone().into());
    record.insert("ENTITY_TYPE_ID".into(), entity_type_id.into());
    record.insert("ENTITY_ID".into(), owner.into());
    record.insert("PRESET_ID".into(), seed.preset.into());
    let id = crate::requisites::insert(state, Table::Requisite, record, origin);
    for bank in &seed.banks {
        plant_bank_detail(state, id, bank, origin);
    }
    for (type_id, address) in &seed.addresses {
        let type_id = type_id.parse().unwrap_or(LEGAL);
        plant_address(state, id, type_id, address, origin);
    }
    id
}

/// Bank details of a requisite; their id.
pub(crate) fn plant_bank_detail(
    state: &mut State,
    requisite: i64,
    fields: &BTreeMap<String, String>,
    origin: &Origin,
) -> i64 {
    let mut record = texts_of(fields);
    record.insert("ENTITY_ID".into(), requisite.into());
    crate::requisites::insert(state, Table::BankDetail, record, origin)
}

/// An address of a requisite.
pub(crate) fn plant_address(
    state: &mut State,
    requisite: i64,
    type_id: i64,
    fields: &BTreeMap<String, String>,
    origin: &Origin,
) {
    let mut record = texts_of(fields);
    record.insert("TYPE_ID".into(), type_id.into());
    record.insert("ENTITY_TYPE_ID".into(), REQUISITE.into());
    record.insert("ENTITY_ID".into(), requisite.into());
    crate::requisites::put_address(state, record, origin);
}

pub(crate) fn texts_of(fields: &BTreeMap<String, String>) -> Map {
    let fields = fields.iter();
    fields
        .map(|(name, value)| (name.clone(), Value::from(value.clone())))
        .collect()
}

fn plant_deal(
    state: &mut State,
    seed: &DealSeed,
    copy: u32,
    companies: &BTreeMap<String, i64>,
    origin: &Origin,
) {
    let title = if seed.copies > 1 {
        format!("{} {copy}", seed.title)
    } else {
        seed.title.clone()
    };
    let company = companies.get(&seed.company).copied().unwrap_or(0);
    let origin = aged(origin, seed.age_hours);
    let mut fields = json!({"TITLE": title, "CATEGORY_ID": seed.funnel, "STAGE_ID": seed.stage, "COMPANY_ID": company, "ASSIGNED_BY_ID": seed.responsible});
    if let Value::Object(fields) = &mut fields {
        fields.extend(seed.fields.clone());
    }
    if let Some(id) = plant_item(state, DEAL, fields, &origin) {
        put_lines(state, id, &seed.lines, &origin);
    }
}

/// Sets a deal's rows from plain lines.
pub(crate) fn put_lines(state: &mut State, deal: i64, lines: &[LineSeed], origin: &Origin) {
    let Some(entity) = entity_type(DEAL) else {
        return;
    };
    let rows: Vec<Map> = lines
        .iter()
        .enumerate()
        .map(|(at, line)| as_row(at, line))
        .collect();
    if !rows.is_empty() || !rows_of(state, entity, deal).is_empty() {
        drop(crate::rows::replace(state, entity, deal, &rows, origin));
    }
}

fn rows_of(state: &State, entity: &EntityType, deal: i64) -> Vec<i64> {
    state
        .rows_of(entity.abbreviation, deal)
        .into_iter()
        .map(|row| int(row, "ID"))
        .collect()
}

fn as_row(at: usize, line: &LineSeed) -> Map {
    let row = json!({
        "PRODUCT_NAME": line.name, "PRICE": line.price, "QUANTITY": line.quantity,
        "TAX_RATE": if line.vat.is_empty() { Value::Null } else { line.vat.clone().into() },
        "TAX_INCLUDED": if line.vat_included { "Y" } else { "N" },
        "DISCOUNT_TYPE_ID": 2, "DISCOUNT_RATE": if line.discount.is_empty() { "0" } else { &line.discount },
        "MEASURE_CODE": line.measure, "SORT": at.saturating_add(1).saturating_mul(10),
    });
    let mut row = row.as_object().cloned().unwrap_or_default();
    if !line.discount_sum.is_empty() {
        row.insert("DISCOUNT_TYPE_ID".into(), 1.into());
        row.insert("DISCOUNT_SUM".into(), line.discount_sum.as_str().into());
    }
    if line.product != 0 {
        row.insert("PRODUCT_ID".into(), line.product.into());
    }
    row
}

/// The id of a company by its title.
pub(crate) fn company_by_title(state: &State, title: &str) -> Option<i64> {
    state
        .all(Table::Item(COMPANY))
        .find(|company| text(company, "TITLE") == title)
        .map(|company| int(company, "ID"))
}
