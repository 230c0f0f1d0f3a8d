//! Wire to domain and back; pure.
//!
//! **Discounts.** The contract takes a discount in per cent of a line as it is; money off one unit is taken
//! off the price, which comes to the same amount. On the way back money off a whole line becomes money off
//! one unit where that is exact; where it is not, the line is told as one piece of its whole amount, because
//! the amount is the truth and a rounded unit price is not.
//!
//! **States.** `overdue` says nothing about payment: what is paid does. A bill that was refused, cancelled or
//! deleted is [`InvoiceStatus::Cancelled`]; whether a deleted one may be told at all is the caller's to know.

use std::collections::BTreeMap;

use capability::accounting::{ToldPayment, UnreadablePayment};
use domain::observed::KnownCounterparty;
use domain::payment::{AccountNumber, Direction, LineId, OtherSide, PaymentOrder};
use domain::{
    Amounts, ContractorId, Counterparty, CounterpartyKey, Decimal, Discount, Inn, Invoice,
    InvoiceDraft, InvoiceId, InvoiceStatus, Kpp, Line, Money, Ogrn, OrganisationId, Price,
    Quantity, Unit, VatMode, VatRate, Who,
};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Deserialize as _;

use crate::{mark, wire};

/// What the contract cannot say: nothing is sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Inexpressible {
    #[error("the accounting side takes roubles only, not `{0}`")]
    Currency(String),
    #[error("line {0}: the VAT rate is not stated")]
    Rate(usize),
    #[error("line {line}: `{what}` is negative or has more digits than the accounting side takes")]
    Digits { line: usize, what: &'static str },
}

/// What an answer promises and does not hold: the contract's name of the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("field `{0}` is not what the contract promises")]
pub(crate) struct Strange(pub(crate) &'static str);

/// Digits after the point that the contract takes in quantities and prices, and in per cents.
const DECIMALS: u32 = 6;
const PERCENT_DECIMALS: u32 = 4;
/// Digits before the point.
const WHOLE_DIGITS: usize = 11;

/// The bill to create for a draft, with our mark of `key`.
pub(crate) fn bill_to_create(
    draft: &InvoiceDraft,
    contractor: &ContractorId,
    key: &str,
) -> Result<wire::BillToCreate, Inexpressible> {
    if draft.currency != "RUB" {
        return Err(Inexpressible::Currency(draft.currency.clone()));
    }
    let with_nds = draft.lines.iter().any(|line| line.vat != VatRate::Without);
    let items = draft
        .lines
        .iter()
        .enumerate()
        .map(|(index, line)| item_to_create(line, index.saturating_add(1), with_nds))
        .collect::<Result<_, _>>()?;
    Ok(wire::BillToCreate {
        number: draft.number.clone(),
        date: draft.date.to_string(),
        payment_due_date: draft.due.map(|due| due.to_string()),
        with_nds,
        sums_with_nds: with_nds && draft.mode == VatMode::Included,
        comment: mark::append("", key),
        contractor_id: contractor.as_str().to_owned(),
        reason: draft
            .basis
            .clone()
            .filter(|basis| !basis.trim().is_empty())
            .map(|name| wire::Reason { name }),
        items,
    })
}

/// The contractor to create. Who has no INN bears our own id in its comment.
pub(crate) fn contractor_to_save(counterparty: &Counterparty) -> wire::ContractorToSave {
    let CounterpartyKey { who, kpp } = &counterparty.key;
    wire::ContractorToSave {
        name: full_name(counterparty).to_owned(),
        short_name: counterparty.name.clone(),
        inn: who.inn().map(|inn| inn.as_str().to_owned()),
        kpp: kpp
            .as_ref()
            .filter(|_| !who.is_person())
            .map(|kpp| kpp.as_str().to_owned()),
        ogrn: counterparty
            .ogrn
            .as_ref()
            .map(|ogrn| ogrn.as_str().to_owned()),
        address: counterparty.address.clone(),
        comment: match who {
            Who::Inn(_) => None,
            Who::Contact(_) | Who::Company(_) => {
                Some(mark::append("", &own_mark(&counterparty.key)))
            }
        },
    }
}

/// The name that a contractor is created with.
pub(crate) fn full_name(counterparty: &Counterparty) -> &str {
    let full_name = counterparty.full_name.as_deref();
    let full_name = full_name.filter(|name| !name.is_empty());
    full_name.unwrap_or(&counterparty.name)
}

/// What a contractor without an INN is known by.
pub(crate) fn own_mark(key: &CounterpartyKey) -> String {
    format!("buyer/{key}")
}

/// A contractor with a good INN; others are nobody whom a deal could name.
///
/// A KPP or OGRN that does not hold is left out: the INN then proposes, and a person decides.
pub(crate) fn counterparty(contractor: wire::Contractor) -> Option<KnownCounterparty> {
    let inn = Inn::parse(contractor.inn.as_deref()?).ok()?;
    let kpp = contractor.kpp.and_then(|kpp| Kpp::parse(&kpp).ok());
    Some(KnownCounterparty {
        id: ContractorId::new(contractor.id),
        counterparty: Counterparty {
            key: CounterpartyKey {
                who: inn.into(),
                kpp,
            },
            name: contractor
                .short_name
                .unwrap_or_else(|| contractor.name.clone()),
            full_name: Some(contractor.name),
            ogrn: contractor.ogrn.and_then(|ogrn| Ogrn::parse(&ogrn).ok()),
            address: contractor.address,
        },
    })
}

/// A bill as the domain knows it.
pub(crate) fn invoice(bill: wire::Bill, seller: &OrganisationId) -> Result<Invoice, Strange> {
    let paid = money(&bill.paid_sum, "paidSum")?;
    let lines = bill
        .items
        .iter()
        .map(|item| line(item, &bill))
        .collect::<Result<_, _>>()?;
    Ok(Invoice {
        seller: seller.clone(),
        date: day(&bill.date, "date")?,
        due: bill
            .payment_due_date
            .as_deref()
            .map(|due| day(due, "paymentDueDate"))
            .transpose()?,
        status: status(&bill.status, paid),
        contractor: ContractorId::new(bill.contractor_id),
        counterparty: bill.contractor.and_then(key),
        mode: mode(bill.with_nds, bill.sums_with_nds),
        lines,
        totals: Amounts {
            net: money(&bill.sum_without_nds, "sumWithoutNds")?,
            vat: money(&bill.sum_nds, "sumNds")?,
            gross: money(&bill.sum, "sum")?,
        },
        currency: "RUB".to_owned(),
        paid,
        marked: bill.comment.as_deref().is_some_and(mark::is_in),
        made_as: mark::made_as(bill.created_by.as_deref(), bill.comment.as_deref()),
        changed: Some(moment(&bill.changed_at)?),
        id: InvoiceId::new(bill.id),
        number: bill.number,
    })
}

/// Whether a person has deleted the bill, whatever else of it can be read; it stays readable for a year.
pub(crate) fn is_deleted(bill: &serde_json::Value) -> bool {
    bill.get("status").and_then(serde_json::Value::as_str) == Some("deleted")
}

/// A payment as the domain knows it; `accounts` are our own, the main one first.
///
/// A payment that a person entered may name no account of ours: then it is the only one. Of several none is guessed: on
/// another account it would be another payment than the bank's. What cannot be read of the other side is left out, as the
/// bank may have left it out.
pub(crate) fn payment(
    raw: &serde_json::Value,
    accounts: &[wire::BankAccount],
) -> Result<ToldPayment, Strange> {
    let main = accounts.first();
    on(raw, |payment| match &payment.bank_account_id {
        Some(id) => accounts.iter().find(|account| &account.id == id),
        // What was deleted is known by its id alone.
        None => main.filter(|_| accounts.len() == 1 || is_gone(payment)),
    })
}

/// Deleted, or edited down to nothing: no money came either way.
fn is_gone(payment: &wire::Payment) -> bool {
    let sum = money(&payment.sum, "sum");
    payment.status == "deleted" || sum.is_ok_and(Money::is_zero)
}

/// A payment on an account of ours.
fn on<'a>(
    raw: &serde_json::Value,
    account: impl FnOnce(&wire::Payment) -> Option<&'a wire::BankAccount>,
) -> Result<ToldPayment, Strange> {
    let payment = wire::Payment::deserialize(raw).map_err(|_| Strange("payment"))?;
    let (account, deleted) = (account(&payment), is_gone(&payment));
    let amount = money(&payment.sum, "sum")?;
    if amount.is_negative() {
        return Err(Strange("sum"));
    }
    let allocations = if deleted {
        BTreeMap::new()
    } else {
        given(payment.allocations, amount)?
    };
    let account = account.and_then(|account| AccountNumber::new(&account.account_number));
    let other = payment.counterparty;
    Ok(ToldPayment {
        id: LineId(payment.id),
        order: PaymentOrder {
            own_account: account.ok_or(Strange("bankAccountId"))?,
            direction: match payment.direction.as_str() {
                "incoming" => Direction::In,
                "outgoing" => Direction::Out,
                _ => return Err(Strange("direction")),
            },
            form: None,
            number: payment.number.unwrap_or_default(),
            date: day(&payment.date, "date")?,
            booked: None,
            amount,
            other: OtherSide {
                name: other.name.filter(|name| !name.trim().is_empty()),
                inn: other.inn.and_then(|inn| Inn::parse(&inn).ok()),
                kpp: other.kpp.and_then(|kpp| Kpp::parse(&kpp).ok()),
                account: other
                    .account_number
                    .and_then(|number| AccountNumber::new(&number)),
                bik: other.bik.filter(|bik| !bik.trim().is_empty()),
            },
            purpose: payment.purpose,
        },
        deleted,
        allocations: allocations.into_iter().collect(),
    })
}

/// What an accountant gave of a payment to each bill.
fn given(
    allocations: Vec<wire::Allocation>,
    amount: Money,
) -> Result<BTreeMap<InvoiceId, Money>, Strange> {
    let mut by_bill: BTreeMap<InvoiceId, Money> = BTreeMap::new();
    for allocation in allocations {
        let sum = positive(&allocation.sum, "allocations[].sum")?;
        let given = by_bill
            .entry(InvoiceId::new(allocation.bill_id))
            .or_default();
        *given = given.checked_add(sum).ok_or(Strange("allocations[].sum"))?;
    }
    let given = Money::sum(by_bill.values().copied());
    if given.is_none_or(|given| given > amount) {
        return Err(Strange("allocations"));
    }
    Ok(by_bill)
}

/// What a person needs to find a payment that cannot be read, and what it is if it lacks our account alone.
pub(crate) fn unreadable(
    raw: &serde_json::Value,
    Strange(field): Strange,
    accounts: &[wire::BankAccount],
) -> UnreadablePayment {
    let names_none = |payment: &wire::Payment| payment.bank_account_id.is_none();
    let on_main = on(raw, |payment| {
        accounts.first().filter(|_| names_none(payment))
    });
    let text = |name| {
        let text = raw.get(name).and_then(serde_json::Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    UnreadablePayment {
        id: LineId(text("id")),
        number: text("number"),
        date: text("date"),
        field,
        but_for_account: on_main.ok().map(Box::new),
    }
}

/// When a payment was changed last, where that can be read.
pub(crate) fn changed_at(raw: &serde_json::Value) -> Option<Timestamp> {
    raw.get("changedAt")?.as_str()?.parse().ok()
}

/// What the draft comes to here and what the accounting side made of it, where the two differ.
pub(crate) fn difference(draft: &InvoiceDraft, invoice: &Invoice) -> Option<(Amounts, Amounts)> {
    let ours = draft.totals().ok()?.amounts();
    (ours != invoice.totals).then_some((ours, invoice.totals))
}

fn item_to_create(
    line: &Line,
    number: usize,
    with_nds: bool,
) -> Result<wire::ItemToCreate, Inexpressible> {
    let digits = |what| Inexpressible::Digits { line: number, what };
    let mut price = line.price.value();
    let mut discount_percent = None;
    match line.discount {
        None => {}
        Some(Discount::Percent(percent)) => {
            let text = plain(percent, PERCENT_DECIMALS).ok_or(digits("discount"))?;
            discount_percent = Some(text).filter(|_| !percent.is_zero());
        }
        Some(Discount::Money(off)) => {
            price = price.checked_sub(off.roubles()).ok_or(digits("price"))?;
        }
    }
    let rate = rate_name(line.vat).ok_or(Inexpressible::Rate(number))?;
    Ok(wire::ItemToCreate {
        product_name: line.name.clone(),
        unit_name: line.unit.name.clone(),
        unit_code: line.unit.okei.clone(),
        quantity: plain(line.quantity.value(), DECIMALS).ok_or(digits("quantity"))?,
        price: plain(price, DECIMALS).ok_or(digits("price"))?,
        discount_percent,
        nds_rate: with_nds.then_some(rate),
    })
}

/// A number as the contract spells it, exact or not at all.
fn plain(value: Decimal, decimals: u32) -> Option<String> {
    let value = value.normalize();
    let text = value.to_string();
    let whole = text.split('.').next().map_or(0, str::len);
    let fits = value >= Decimal::ZERO && value.scale() <= decimals && whole <= WHOLE_DIGITS;
    fits.then_some(text)
}

fn rate_name(rate: VatRate) -> Option<&'static str> {
    match rate {
        VatRate::Percent22 => Some("nds22"),
        VatRate::Percent20 => Some("nds20"),
        VatRate::Percent10 => Some("nds10"),
        VatRate::Percent7 => Some("nds7"),
        VatRate::Percent5 => Some("nds5"),
        VatRate::Zero => Some("nds0"),
        VatRate::Without => Some("withoutNds"),
        VatRate::NotStated => None,
    }
}

/// A rate that we do not know (the contract allows new ones, and `nds18` of old papers) is not stated for us.
fn rate(name: Option<&str>, with_nds: bool) -> VatRate {
    let known = VatRate::ALL
        .into_iter()
        .find(|rate| name.is_some() && rate_name(*rate) == name);
    match known {
        Some(rate) => rate,
        None if name.is_none() && !with_nds => VatRate::Without,
        None => VatRate::NotStated,
    }
}

/// Without VAT both modes come to the same; "included" is what the price then is.
fn mode(with_nds: bool, sums_with_nds: bool) -> VatMode {
    if with_nds && !sums_with_nds {
        VatMode::OnTop
    } else {
        VatMode::Included
    }
}

fn status(name: &str, paid: Money) -> InvoiceStatus {
    match name {
        "notPaid" => InvoiceStatus::Issued,
        "partiallyPaid" => InvoiceStatus::PartiallyPaid,
        "paid" => InvoiceStatus::Paid,
        "overdue" if paid.is_positive() => InvoiceStatus::PartiallyPaid,
        "overdue" => InvoiceStatus::Issued,
        "cancelled" | "rejected" | "deleted" => InvoiceStatus::Cancelled,
        _ => InvoiceStatus::Unknown,
    }
}

fn key(contractor: wire::ContractorOfDocument) -> Option<CounterpartyKey> {
    Some(CounterpartyKey {
        who: Inn::parse(contractor.inn.as_deref()?).ok()?.into(),
        kpp: contractor.kpp.and_then(|kpp| Kpp::parse(&kpp).ok()),
    })
}

fn line(item: &wire::Item, bill: &wire::Bill) -> Result<Line, Strange> {
    let mut quantity = Quantity::parse(&item.quantity).map_err(|_| Strange("quantity"))?;
    let mut price = Price::parse(&item.price).map_err(|_| Strange("price"))?;
    let mut discount = None;
    if let Some(percent) = &item.discount_percent {
        let percent = Quantity::parse(percent).map_err(|_| Strange("discountPercent"))?;
        discount = Some(Discount::Percent(percent.value())).filter(|_| !percent.is_zero());
    } else if let Some(off) = &item.discount_sum {
        let off = money(off, "discountSum")?;
        match off_each(off, quantity) {
            Some(each) if each.is_zero() => {}
            Some(each) => discount = Some(Discount::Money(each)),
            None => {
                let on_top = mode(bill.with_nds, bill.sums_with_nds) == VatMode::OnTop;
                let amount = if on_top {
                    money(&item.sum_without_nds, "sumWithoutNds")?
                } else {
                    money(&item.sum, "sum")?
                };
                (quantity, price) = (Quantity::ONE, Price::from(amount));
            }
        }
    }
    Ok(Line {
        name: item.product_name.clone(),
        unit: Unit {
            okei: item.unit_code.clone(),
            name: item.unit_name.clone(),
        },
        quantity,
        price,
        discount,
        vat: rate(item.nds_rate.as_deref(), bill.with_nds),
    })
}

/// Money off a whole line as money off one unit, if it is whole kopecks.
fn off_each(off: Money, quantity: Quantity) -> Option<Money> {
    let each = off.roubles().checked_div(quantity.value())?;
    let each = Money::from_roubles(each).ok()?;
    let back = each.roubles().checked_mul(quantity.value())?;
    (back == off.roubles()).then_some(each)
}

fn positive(text: &str, field: &'static str) -> Result<Money, Strange> {
    let money = money(text, field)?;
    money.is_positive().then_some(money).ok_or(Strange(field))
}

fn money(text: &str, field: &'static str) -> Result<Money, Strange> {
    Money::parse(text).map_err(|_| Strange(field))
}

fn day(text: &str, field: &'static str) -> Result<Date, Strange> {
    text.parse().map_err(|_| Strange(field))
}

fn moment(text: &str) -> Result<Timestamp, Strange> {
    text.parse().map_err(|_| Strange("changedAt"))
}

#[cfg(test)]
mod tests;
