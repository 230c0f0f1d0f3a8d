//! The portal's rows to the domain's words and our values to the portal's; pure.
//!
//! Sums and quantities go from the token as written to exact decimals. What a person typed stays
//! text: the planner judges it. Not here: which rows belong together (`gather.rs`).

use std::collections::BTreeMap;

use capability::portal::FieldValue;
use domain::observed::{
    BankDetail, DealGlance, OurField, OurFields, Owner, ProductRow, Requisite, RowVat, StageEntry,
};
use domain::{
    BankDetailId, CompanyId, ContactId, Deal, DealId, Decimal, FunnelId, Money, Price, Quantity,
    RequisiteId, StageId, UserId, VatRate,
};
use jiff::civil::Date;
use serde_json::{Map, Value};

use crate::fields::{FieldKind, FieldKinds, FieldNames, kind_of, made_as};
use crate::wire::{self, OtherShape};

/// Type id of a company as the owner of requisites.
pub(crate) const COMPANY: u64 = 4;
/// Type id of a contact.
pub(crate) const CONTACT: u64 = 3;

/// A deal's row of a list.
pub(crate) fn glance(
    item: wire::DealItem,
    names: &FieldNames,
    kinds: &FieldKinds,
) -> Result<DealGlance, OtherShape> {
    let wrong = OtherShape("deal");
    let amount = item
        .opportunity
        .0
        .as_deref()
        .map_or(Some(Money::ZERO), money);
    let semantics = item.stage_semantic_id.0.as_str();
    let deal = Deal {
        id: DealId(item.id.0),
        title: item.title.0,
        funnel: FunnelId(item.category_id.0),
        stage: StageId::new(item.stage_id.0),
        closed: item.closed.0 || matches!(semantics, "S" | "F"),
        lost: semantics == "F",
        template: item.is_recurring.0,
        amount: amount.ok_or(wrong.clone())?,
        manual_amount: item.is_manual_opportunity.0,
        currency: item.currency_id.0,
        company: item.company_id.0.map(CompanyId),
        contact: item.contact_id.0.map(ContactId),
        // The portal has no such field on deals; the chosen requisites tell it, see `gather.rs`.
        own_company: None,
        responsible: UserId(item.assigned_by_id.0.unwrap_or_default()),
        created: item.created_time.0.ok_or(wrong.clone())?,
        changed: item.updated_time.0.ok_or(wrong)?,
        changed_by: item.updated_by.0.map(UserId),
    };
    Ok(DealGlance {
        fields: our_fields(&item.rest, names, kinds),
        named: named(&item.rest, names, kinds),
        deal,
    })
}

fn our_fields(rest: &Map<String, Value>, names: &FieldNames, kinds: &FieldKinds) -> OurFields {
    let text = |field: OurField| told(rest, names.name(field)?, kinds);
    OurFields {
        number: text(OurField::Number),
        date: text(OurField::Date).and_then(|text| day(&text)),
        status: text(OurField::Status),
        link: text(OurField::Link),
        sum: text(OurField::Sum).and_then(|text| field_money(&text)),
        paid: text(OurField::Paid).and_then(|text| field_money(&text)),
        paid_on: text(OurField::PaidOn).and_then(|text| day(&text)),
        promise: text(OurField::Promise).and_then(|text| day(&text)),
        command: text(OurField::Command),
    }
}

/// What stands in the portal's own fields that policy names.
fn named(
    rest: &Map<String, Value>,
    names: &FieldNames,
    kinds: &FieldKinds,
) -> BTreeMap<String, String> {
    let filled = |name: &str| Some((name.to_owned(), told(rest, name, kinds)?));
    names.named().filter_map(filled).collect()
}

/// A field's value as people see it: of a list the word.
fn told(rest: &Map<String, Value>, name: &str, kinds: &FieldKinds) -> Option<String> {
    let told = plain(rest.get(name)?)?;
    match kinds.get(name) {
        Some(FieldKind::Choice(words)) => words.get(&told.parse().ok()?).cloned(),
        _ => Some(told),
    }
}

/// A value for one of our fields, in the shape that the field's kind takes.
pub(crate) fn field_value(field: OurField, value: &FieldValue, kind: Option<&FieldKind>) -> Value {
    let made = kind_of(made_as(field));
    let kind = kind.unwrap_or(&made);
    match (value, kind) {
        (FieldValue::Empty, _) => "".into(),
        (FieldValue::Text(text), FieldKind::Choice(words)) => words
            .iter()
            .find(|(_, word)| *word == text)
            .map_or_else(|| "".into(), |(id, _)| id.to_string().into()),
        (FieldValue::Text(text), _) => text.as_str().into(),
        (FieldValue::Date(date), FieldKind::Date) => date.to_string().into(),
        (FieldValue::Date(date), _) => date.strftime("%d.%m.%Y").to_string().into(),
        (FieldValue::Money(money), FieldKind::Money) => format!("{money}|RUB").into(),
        (FieldValue::Money(money), _) => money.to_string().into(),
    }
}

/// A product row.
pub(crate) fn row(row: wire::ProductRow) -> Result<ProductRow, OtherShape> {
    let wrong = || OtherShape("product row");
    let vat = match &row.tax_rate.0 {
        None => RowVat::Known(VatRate::Without),
        Some(token) => decimal(token)
            .and_then(VatRate::of_percent)
            .map_or_else(|| RowVat::Strange(token.clone()), RowVat::Known),
    };
    let vat_included = row.tax_included.0;
    // `price` holds the tax whatever the row says; a row whose tax comes on top was typed without it.
    let price = if vat_included {
        row.price.0
    } else {
        row.price_exclusive.0.or(row.price.0)
    };
    Ok(ProductRow {
        product: row.product_id.0,
        name: row.product_name.0,
        quantity: row
            .quantity
            .0
            .as_deref()
            .and_then(|token| Quantity::parse(token).ok())
            .ok_or_else(wrong)?,
        price: price
            .as_deref()
            .and_then(|token| Price::parse(token).ok())
            .ok_or_else(wrong)?,
        vat_included,
        vat,
        unit_code: filled(row.measure_code.0).map(|code| okei(&code)),
        unit_name: filled(row.measure_name.0),
    })
}

/// The portal keeps OKEI codes as numbers; the classifier writes them with three digits (ОК 015-94: `006` metre).
fn okei(code: &str) -> String {
    format!("{code:0>3}")
}

/// A stage that a deal entered.
pub(crate) fn stage_entry(entry: wire::StageEntry) -> Result<StageEntry, OtherShape> {
    Ok(StageEntry {
        funnel: FunnelId(entry.category_id.0.unwrap_or_default()),
        stage: StageId::new(entry.stage_id.0),
        at: entry.created_time.0.ok_or(OtherShape("stage history"))?,
    })
}

/// A requisite without its banks and address; none for an owner that we do not know.
pub(crate) fn requisite(row: wire::Requisite) -> Option<Requisite> {
    let entity = row.entity_id.0?;
    let person = join(
        [
            &row.rq_last_name.0,
            &row.rq_first_name.0,
            &row.rq_second_name.0,
        ],
        " ",
    );
    Some(Requisite {
        id: RequisiteId(row.id.0?),
        owner: match row.entity_type_id.0? {
            COMPANY => Owner::Company(CompanyId(entity)),
            CONTACT => Owner::Contact(ContactId(entity)),
            _ => return None,
        },
        name: first([row.rq_company_name.0, row.rq_name.0, person]),
        full_name: row.rq_company_full_name.0,
        inn: row.rq_inn.0,
        kpp: row.rq_kpp.0,
        ogrn: first([row.rq_ogrn.0, row.rq_ogrnip.0, String::new()]),
        director: first([row.rq_director.0, row.rq_ceo_name.0, String::new()]),
        accountant: row.rq_accountant.0,
        address: String::new(),
        address_only: row.address_only.0,
        banks: Vec::new(),
    })
}

/// A bank detail.
pub(crate) fn bank(row: wire::BankDetail) -> BankDetail {
    BankDetail {
        id: BankDetailId(row.id.0),
        bank_name: row.rq_bank_name.0,
        bik: row.rq_bik.0,
        account: row.rq_acc_num.0,
        correspondent: row.rq_cor_acc_num.0,
    }
}

/// The legal address in one line, else that of registration, else the actual one.
pub(crate) fn address(rows: &[wire::Address]) -> String {
    const LEGAL_REGISTRATION_ACTUAL: [u64; 3] = [6, 4, 1];
    let best = LEGAL_REGISTRATION_ACTUAL
        .iter()
        .find_map(|wanted| rows.iter().find(|row| row.type_id.0 == *wanted));
    best.map(address_line).unwrap_or_default()
}

fn address_line(row: &wire::Address) -> String {
    let country = match row.country.0.trim().to_lowercase().as_str() {
        "россия" | "российская федерация" | "рф" => "",
        _ => &row.country.0,
    };
    let parts = [
        country,
        &row.postal_code.0,
        &row.province.0,
        &row.region.0,
        &row.city.0,
        &row.street.0,
        &row.flat.0,
    ];
    let mut line: Vec<&str> = Vec::new();
    for part in parts.map(str::trim) {
        if !part.is_empty() && !line.contains(&part) {
            line.push(part);
        }
    }
    line.join(", ")
}

/// `SORT` as the portal orders by it.
pub(crate) fn sort_key(token: &wire::Token) -> u64 {
    token
        .0
        .as_deref()
        .and_then(|token| token.parse().ok())
        .unwrap_or(u64::MAX)
}

pub(crate) fn money(token: &str) -> Option<Money> {
    Money::rounded(decimal(token)?)
}

pub(crate) fn decimal(token: &str) -> Option<Decimal> {
    Quantity::parse(token).ok().map(Quantity::value)
}

/// `1500.50|RUB` of a money field, `1500.5` of a number, `1 500,50` of a text. Another currency is no sum of ours.
fn field_money(text: &str) -> Option<Money> {
    let (amount, currency) = text.split_once('|').unwrap_or((text, "RUB"));
    matches!(currency, "RUB" | "RUR" | "").then(|| money(amount))?
}

/// The day that stands in front of a moment of the portal's own zone, or a Russian date of a text field.
fn day(text: &str) -> Option<Date> {
    let head: String = text.chars().take(10).collect();
    head.parse()
        .ok()
        .or_else(|| Date::strptime("%d.%m.%Y", &head).ok())
}

/// The one value of a field; the first of a multiple one.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => filled(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        // Of any kind of field, `false` is also how an empty one is told.
        Value::Bool(true) => Some("Y".to_owned()),
        Value::Array(items) => plain(items.first()?),
        _ => None,
    }
}

fn filled(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

fn first(texts: [String; 3]) -> String {
    texts
        .into_iter()
        .find(|text| !text.trim().is_empty())
        .unwrap_or_default()
}

fn join(parts: [&String; 3], with: &str) -> String {
    let filled: Vec<&str> = parts
        .iter()
        .map(|part| part.trim())
        .filter(|part| !part.is_empty())
        .collect();
    filled.join(with)
}
