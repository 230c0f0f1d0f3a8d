//! Product rows: how prices are derived, the new methods and the older pair.
//!
//! Derived prices are rounded to two places step by step, so they drift by a kopeck exactly as in
//! the vendor's samples. <https://apidocs.bitrix24.com/api-reference/crm/universal/product-rows/index.html>

use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Value, json};

use crate::call::{Answer, Call, ListParams, Refusal, Reply};
use crate::filter::{Filter, Order, Unknown, page};
use crate::item_methods::origin_of;
use crate::schema::{EntityType, Spelling, entity_type_by_abbreviation};
use crate::state::{Origin, State, Table, int, text};
use crate::value::{Kind, Map, canonical, decimal_of, is_empty, members, number, text_of, typed};

fn round(amount: Decimal) -> Decimal {
    amount.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
}

fn amount(row: &Map, name: &str) -> Option<Decimal> {
    row.get(name)
        .filter(|value| !value.is_null())
        .and_then(decimal_of)
}

fn set(row: &mut Map, name: &str, amount: Decimal) {
    row.insert(name.into(), amount.normalize().to_string().into());
}

/// Sum and tax of rows, both as decimal text; a delivery comes on top of the sum.
pub(crate) fn totals(rows: &[&Map], delivery: Decimal) -> (String, String) {
    let mut sum = delivery;
    let mut tax = Decimal::ZERO;
    for row in rows {
        let quantity = amount(row, "QUANTITY").unwrap_or_default();
        let gross = round(
            amount(row, "PRICE")
                .unwrap_or_default()
                .saturating_mul(quantity),
        );
        let net = round(
            amount(row, "PRICE_EXCLUSIVE")
                .unwrap_or_default()
                .saturating_mul(quantity),
        );
        sum = sum.saturating_add(gross);
        tax = tax.saturating_add(gross.saturating_sub(net));
    }
    (sum.normalize().to_string(), tax.normalize().to_string())
}

/// Fills in what follows from price, discount and tax. `price` is the final one: after the
/// discount, with tax.
fn derive(row: &mut Map) {
    let hundred = Decimal::ONE_HUNDRED;
    let price = amount(row, "PRICE").unwrap_or_default();
    let rate = amount(row, "TAX_RATE").unwrap_or_default();
    let tax = Decimal::ONE.saturating_add(rate.checked_div(hundred).unwrap_or_default());
    let exclusive = round(price.checked_div(tax).unwrap_or(price));
    let is_absolute = int(row, "DISCOUNT_TYPE_ID") == 1;
    let discount_rate = amount(row, "DISCOUNT_RATE").unwrap_or_default();
    let (netto, discount_rate) = if is_absolute {
        let netto = exclusive.saturating_add(amount(row, "DISCOUNT_SUM").unwrap_or_default());
        let part = amount(row, "DISCOUNT_SUM")
            .unwrap_or_default()
            .checked_div(netto)
            .unwrap_or_default();
        (netto, round(part.saturating_mul(hundred)))
    } else {
        let left =
            Decimal::ONE.saturating_sub(discount_rate.checked_div(hundred).unwrap_or_default());
        match exclusive.checked_div(left) {
            Some(netto) => (round(netto), discount_rate),
            None => (
                amount(row, "DISCOUNT_SUM").unwrap_or_default(),
                discount_rate,
            ),
        }
    };
    set(row, "PRICE_ACCOUNT", price);
    set(row, "PRICE_EXCLUSIVE", exclusive);
    set(row, "PRICE_NETTO", netto);
    set(row, "PRICE_BRUTTO", round(netto.saturating_mul(tax)));
    set(row, "DISCOUNT_RATE", discount_rate);
    set(row, "DISCOUNT_SUM", netto.saturating_sub(exclusive));
}

fn read_row(state: &mut State, fields: &Map, mut row: Map, strict: bool) -> Result<Map, Refusal> {
    let schema = state.schema(Table::ProductRow);
    for (name, value) in fields {
        let Some(field) = schema.field(name).filter(|field| !field.read_only) else {
            if strict {
                return Err(Refusal::bad_argument(format!(
                    "Field '{name}' is unknown or not available for update"
                )));
            }
            continue;
        };
        let value = canonical(field.kind, &state.zone, value).ok_or_else(|| {
            Refusal::new(
                400,
                "CRM_FIELD_ERROR_VALUE_NOT_VALID",
                format!("Invalid value for field \"{}\"", field.camel),
            )
        })?;
        row.insert(field.upper.clone(), value);
    }
    let is_written = |upper: &str| {
        let mut written = fields.keys().filter_map(|name| schema.field(name));
        written.any(|field| field.upper == upper)
    };
    if is_written("MEASURE_CODE") && !is_written("MEASURE_NAME") {
        // A unit that is chosen by its code brings its own name.
        row.remove("MEASURE_NAME");
    }
    complete(state, &mut row);
    Ok(row)
}

fn complete(state: &State, row: &mut Map) {
    let product = state.get(Table::Product, int(row, "PRODUCT_ID"));
    let product_name = product
        .map(|product| text(product, "NAME"))
        .unwrap_or_default();
    let mut default = |name: &str, value: Value| {
        if row.get(name).is_none_or(is_empty) {
            row.insert(name.to_owned(), value);
        }
    };
    default("PRODUCT_ID", 0.into());
    default("PRODUCT_NAME", product_name.into());
    default("PRICE", "0".into());
    default("QUANTITY", "1".into());
    default("DISCOUNT_TYPE_ID", 2.into());
    default("DISCOUNT_RATE", "0".into());
    default("DISCOUNT_SUM", "0".into());
    default("TAX_RATE", Value::Null);
    default("TAX_INCLUDED", "N".into());
    default("MEASURE_CODE", 796.into());
    default("SORT", 10.into());
    default("CUSTOMIZED", "Y".into());
    default("XML_ID", "".into());
    default("TYPE", 1.into());
    default("STORE_ID", Value::Null);
    let code = int(row, "MEASURE_CODE");
    let measure = state
        .all(Table::Measure)
        .find(|measure| int(measure, "CODE") == code);
    let symbol = measure
        .map(|measure| text(measure, "SYMBOL"))
        .unwrap_or_default();
    if row.get("MEASURE_NAME").is_none_or(is_empty) {
        row.insert("MEASURE_NAME".into(), symbol.into());
    }
    derive(row);
}

fn printed(state: &mut State, row: &Map) -> Value {
    let schema = state.schema(Table::ProductRow);
    let value = |field: &crate::schema::Field| {
        typed(
            field.kind,
            &state.zone,
            row.get(&field.upper).unwrap_or(&Value::Null),
        )
    };
    Value::Object(
        schema
            .fields()
            .iter()
            .map(|field| (field.camel.clone(), value(field)))
            .collect(),
    )
}

fn owner_type(code: &str) -> Result<&'static EntityType, Refusal> {
    match entity_type_by_abbreviation(code) {
        Some(entity) if entity.has_stages => Ok(entity),
        _ => Err(Refusal::new(
            400,
            "ENTITY_TYPE_NOT_SUPPORTED",
            format!("Entity type `{code}` is not supported"),
        )),
    }
}

fn owner_of(
    call: &Call<'_>,
    abbreviation: &str,
    id: i64,
    to_write: bool,
) -> Result<&'static EntityType, Refusal> {
    let entity = owner_type(abbreviation)?;
    let record = call.state.get(Table::Item(entity.id), id);
    let record =
        record.ok_or_else(|| Refusal::new(400, "OWNER_NOT_FOUND", "Owner was not found"))?;
    let user = call.caller.user;
    let allowed = if to_write {
        call.state.may_write(user, entity, record)
    } else {
        call.state.may_read(user, entity, record)
    };
    if allowed {
        Ok(entity)
    } else {
        Err(Refusal::new(400, "ACCESS_DENIED", "Access denied"))
    }
}

pub(crate) fn list(call: &mut Call<'_>) -> Answer {
    let schema = call.state.schema(Table::ProductRow);
    let list = ListParams::of(call.params)?;
    let filter = Filter::parse(list.filter, &schema, &call.state.zone, Unknown::Refused)?;
    let order = Order::parse(list.order, &schema, Unknown::Refused)?;
    if filter.pinned("OWNER_ID").is_none() {
        return Err(Refusal::bad_argument(
            "Invalid filter: fields '=ownerType' and '=ownerId' are required",
        ));
    }
    let user = call.caller.user;
    let state: &State = call.state;
    let visible = state.candidates(Table::ProductRow, &filter).filter(|row| {
        entity_type_by_abbreviation(&text(row, "OWNER_TYPE")).is_some_and(|entity| {
            state
                .readable_item(user, entity.id, int(row, "OWNER_ID"))
                .is_some()
        })
    });
    let page = page(visible, &filter, &order, list.start);
    let (records, total, next) = (
        page.records.into_iter().cloned().collect::<Vec<Map>>(),
        page.total,
        page.next,
    );
    let rows: Vec<Value> = records.iter().map(|row| printed(call.state, row)).collect();
    Ok(Reply {
        result: json!({"productRows": rows}),
        total: Some(total),
        next,
    })
}

pub(crate) fn get(call: &mut Call<'_>) -> Answer {
    call.need(&["id"])?;
    let row = existing(call, false)?.0;
    Ok(json!({"productRow": printed(call.state, &row)}).into())
}

fn existing(call: &Call<'_>, to_write: bool) -> Result<(Map, &'static EntityType), Refusal> {
    let row = call
        .id()
        .and_then(|id| call.state.get(Table::ProductRow, id))
        .cloned();
    let row = row.ok_or_else(|| Refusal::not_found("Item not found"))?;
    let entity = owner_of(
        call,
        &text(&row, "OWNER_TYPE"),
        int(&row, "OWNER_ID"),
        to_write,
    )?;
    Ok((row, entity))
}

pub(crate) fn add(call: &mut Call<'_>) -> Answer {
    call.need(&["fields"])?;
    let fields = call.fields();
    for name in ["ownerType", "ownerId"] {
        if fields.get(name).is_none_or(is_empty) {
            return Err(Refusal::new(400, "100", format!("Required fields: {name}")));
        }
    }
    let owner_id = fields
        .get("ownerId")
        .and_then(crate::value::int_of)
        .unwrap_or(0);
    let entity = owner_of(call, &text(&fields, "ownerType"), owner_id, true)?;
    let row = read_row(call.state, &fields, Map::new(), false)?;
    let origin = origin_of(call);
    let row = store(call.state, entity, owner_id, row, &origin);
    crate::items::rows_changed(call.state, entity, owner_id, &origin);
    Ok(json!({"productRow": printed(call.state, &row)}).into())
}

fn store(
    state: &mut State,
    entity: &EntityType,
    owner_id: i64,
    mut row: Map,
    origin: &Origin,
) -> Map {
    let id = state.next_id(Table::ProductRow);
    row.insert("ID".into(), id.into());
    row.insert("OWNER_ID".into(), owner_id.into());
    row.insert("OWNER_TYPE".into(), entity.abbreviation.into());
    state.put(Table::ProductRow, id, row.clone());
    state.note_write(origin, "product_row", id, None, Some(&row));
    row
}

pub(crate) fn update(call: &mut Call<'_>) -> Answer {
    call.need(&["id", "fields"])?;
    let (row, entity) = existing(call, true)?;
    let mut fields = call.fields();
    fields.retain(|name, _| !matches!(name.as_str(), "ownerId" | "ownerType"));
    let after = read_row(call.state, &fields, row.clone(), true)?;
    let id = int(&row, "ID");
    if after != row {
        let origin = origin_of(call);
        call.state.put(Table::ProductRow, id, after.clone());
        call.state
            .note_write(&origin, "product_row", id, Some(&row), Some(&after));
        crate::items::rows_changed(call.state, entity, int(&row, "OWNER_ID"), &origin);
    }
    Ok(json!({"productRow": printed(call.state, &after)}).into())
}

pub(crate) fn delete(call: &mut Call<'_>) -> Answer {
    call.need(&["id"])?;
    let (row, entity) = existing(call, true)?;
    let origin = origin_of(call);
    call.state.remove(Table::ProductRow, int(&row, "ID"));
    call.state
        .note_write(&origin, "product_row", int(&row, "ID"), Some(&row), None);
    crate::items::rows_changed(call.state, entity, int(&row, "OWNER_ID"), &origin);
    Ok(Value::Null.into())
}

pub(crate) fn set_all(call: &mut Call<'_>) -> Answer {
    call.need(&["ownerType", "ownerId", "productRows"])?;
    let owner_id = call.int("ownerId").unwrap_or(0);
    let entity = owner_of(call, &call.text("ownerType"), owner_id, true)?;
    let wanted: Vec<Map> = members(call.param("productRows"))
        .into_iter()
        .filter_map(|row| row.as_object().cloned())
        .collect();
    let rows = replace(call.state, entity, owner_id, &wanted, &origin_of(call))?;
    let rows: Vec<Value> = rows.iter().map(|row| printed(call.state, row)).collect();
    Ok(json!({"productRows": rows}).into())
}

/// Replaces all rows of an owner; the new ones get fresh ids.
pub(crate) fn replace(
    state: &mut State,
    entity: &EntityType,
    owner_id: i64,
    wanted: &[Map],
    origin: &Origin,
) -> Result<Vec<Map>, Refusal> {
    let mut read = Vec::with_capacity(wanted.len());
    for fields in wanted {
        read.push(read_row(state, fields, Map::new(), false)?);
    }
    let old: Vec<i64> = state
        .rows_of(entity.abbreviation, owner_id)
        .into_iter()
        .map(|row| int(row, "ID"))
        .collect();
    for id in old {
        if let Some(row) = state.remove(Table::ProductRow, id) {
            state.note_write(origin, "product_row", id, Some(&row), None);
        }
    }
    let rows = read
        .into_iter()
        .map(|row| store(state, entity, owner_id, row, origin))
        .collect();
    crate::items::rows_changed(state, entity, owner_id, origin);
    Ok(rows)
}

pub(crate) fn fields(call: &mut Call<'_>) -> Answer {
    let schema = call.state.schema(Table::ProductRow);
    Ok(json!({"fields": schema.describe(Spelling::Camel)}).into())
}

/// `crm.deal.productrows.get`.
pub(crate) fn old_get(call: &mut Call<'_>) -> Answer {
    let Some(id) = call.id() else {
        return Err(Refusal::nameless(
            "The parameter id is invalid or not defined.",
        ));
    };
    let entity = owner_of(call, "D", id, false).map_err(|_| Refusal::nameless("Not found"))?;
    let schema = call.state.schema(Table::ProductRow);
    let rows = call.state.rows_of(entity.abbreviation, id);
    let print = |row: &&Map| -> Value {
        let mut printed = Map::new();
        for field in schema.fields() {
            let value = row.get(&field.upper).unwrap_or(&Value::Null);
            let value = match field.upper.as_str() {
                "ID" | "OWNER_ID" => text_of(value).into(),
                "PRICE_ACCOUNT" => crate::value::stringly(Kind::Double, &call.state.zone, value),
                _ => typed(field.kind, &call.state.zone, value),
            };
            printed.insert(field.upper.clone(), value);
        }
        Value::Object(printed)
    };
    Ok(Value::Array(rows.iter().map(print).collect()).into())
}

/// `crm.deal.productrows.set`.
pub(crate) fn old_set(call: &mut Call<'_>) -> Answer {
    let Some(id) = call.id() else {
        return Err(Refusal::nameless(
            "The parameter id is invalid or not defined.",
        ));
    };
    let entity = owner_of(call, "D", id, true).map_err(|_| Refusal::nameless("Not found"))?;
    let wanted: Vec<Map> = members(call.param("rows"))
        .into_iter()
        .filter_map(|row| row.as_object().cloned())
        .collect();
    replace(call.state, entity, id, &wanted, &origin_of(call))?;
    Ok(Value::Bool(true).into())
}

/// The sum of one row, for the page.
pub(crate) fn row_total(row: &Map) -> Value {
    let quantity = amount(row, "QUANTITY").unwrap_or_default();
    number(round(
        amount(row, "PRICE")
            .unwrap_or_default()
            .saturating_mul(quantity),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_prices_drift_as_in_the_vendors_samples() {
        // price, discount %, vat %: exclusive, netto, brutto, discount sum
        let samples = [
            (
                "80000",
                "20",
                "20",
                "66666.67",
                "83333.34",
                "100000.01",
                "16666.67",
            ),
            (
                "90000", "10", "10", "81818.18", "90909.09", "100000", "9090.91",
            ),
            ("5550", "0", "", "5550", "5550", "5550", "0"),
        ];
        for (price, discount, vat, exclusive, netto, brutto, sum) in samples {
            let mut row = Map::new();
            row.insert("PRICE".into(), price.into());
            row.insert("DISCOUNT_TYPE_ID".into(), 2.into());
            row.insert("DISCOUNT_RATE".into(), discount.into());
            row.insert(
                "TAX_RATE".into(),
                if vat.is_empty() {
                    Value::Null
                } else {
                    vat.into()
                },
            );
            derive(&mut row);
            let got = [
                "PRICE_EXCLUSIVE",
                "PRICE_NETTO",
                "PRICE_BRUTTO",
                "DISCOUNT_SUM",
            ]
            .map(|name| text(&row, name));
            assert_eq!(
                got,
                [exclusive, netto, brutto, sum].map(str::to_owned),
                "{price} -{discount}% vat {vat}"
            );
        }
    }
}
