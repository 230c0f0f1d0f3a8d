//! A document of the file to a payment order, and the balances of a section.

use domain::payment::{AccountNumber, Direction, OtherSide, PaymentOrder};
use domain::{Inn, Kpp, Money};
use jiff::civil::Date;

use crate::balance::AccountDays;
use crate::error::FaultKind;
use crate::wire::{self, Fields};

/// What became of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Translated {
    /// One order; two for a transfer between two accounts of the file.
    pub(crate) orders: Vec<PaymentOrder>,
    /// Parts that it is kept without.
    pub(crate) left_out: Vec<FaultKind>,
}

/// The keys of one side of a document.
struct Side {
    account: [&'static str; 2],
    booked: &'static str,
    inn: &'static str,
    kpp: &'static str,
    name: &'static str,
    bik: &'static str,
}

const PAYER: Side = Side {
    account: ["ПлательщикСчет", "ПлательщикРасчСчет"],
    booked: "ДатаСписано",
    inn: "ПлательщикИНН",
    kpp: "ПлательщикКПП",
    name: "Плательщик",
    bik: "ПлательщикБИК",
};
const PAYEE: Side = Side {
    account: ["ПолучательСчет", "ПолучательРасчСчет"],
    booked: "ДатаПоступило",
    inn: "ПолучательИНН",
    kpp: "ПолучательКПП",
    name: "Получатель",
    bik: "ПолучательБИК",
};

/// The payment orders of a document. `own` are the accounts of the file: the format has no direction, so whose account it is
/// decides it.
pub(crate) fn document(
    form: &str,
    fields: &Fields,
    own: &[AccountNumber],
) -> Result<Translated, FaultKind> {
    let amount = amount(fields)?;
    let mut left_out = Vec::new();
    let mut orders = Vec::with_capacity(1);
    for direction in directions(fields, own)? {
        let (ours, theirs) = match direction {
            Direction::In => (&PAYEE, &PAYER),
            Direction::Out => (&PAYER, &PAYEE),
        };
        let own_account = account(fields, ours).ok_or(FaultKind::NoOwnAccount)?;
        let told = optional_date(fields, ours.booked, &mut left_out);
        // Some banks name the one day of booking that they know as if the payer's bank had told it.
        let booked = match fields.get(ours.booked) {
            Some(_) => told,
            None => optional_date(fields, theirs.booked, &mut left_out),
        };
        let date = match fields.get("Дата") {
            Some(text) => date(text).ok_or_else(|| unreadable("Дата", text))?,
            // Some orders of a bank have only the day of booking. It tells one order from another, so it is never the other
            // side's: the bank's next file names ours, and the order would count twice.
            None => told.ok_or_else(|| unreadable("Дата", ""))?,
        };
        orders.push(PaymentOrder {
            own_account,
            direction,
            form: Some(form.trim().to_owned()).filter(|form| !form.is_empty()),
            number: fields.get("Номер").unwrap_or_default().to_owned(),
            date,
            booked,
            amount,
            other: other_side(fields, theirs, &mut left_out),
            purpose: purpose(fields),
        });
    }
    left_out.dedup();
    Ok(Translated { orders, left_out })
}

/// The balances of an account's section; `None` where it names no account.
pub(crate) fn account_days(fields: &Fields) -> Option<AccountDays> {
    let money = |key| fields.get(key).and_then(|text| Money::parse(text).ok());
    let day = |key| fields.get(key).and_then(date);
    Some(AccountDays {
        account: AccountNumber::new(fields.get(wire::OWN_ACCOUNT)?)?,
        from: day("ДатаНачала"),
        to: day("ДатаКонца"),
        at_beginning: money("НачальныйОстаток"),
        came: money("ВсегоПоступило"),
        left: money("ВсегоСписано"),
        at_end: money("КонечныйОстаток"),
    })
}

/// `02.02.2026`, also `2.2.26` and `2026-02-02`.
pub(crate) fn date(text: &str) -> Option<Date> {
    let text = text.trim();
    let parts: Vec<&str> = text.split(['.', '-', '/']).collect();
    let [first, second, third] = parts.as_slice() else {
        return None;
    };
    let (year, month, day) = if first.len() == 4 {
        (first, second, third)
    } else {
        (third, second, first)
    };
    let year: i16 = year.parse().ok()?;
    let year = if year < 100 {
        year.checked_add(2000)?
    } else {
        year
    };
    Date::new(year, month.parse().ok()?, day.parse().ok()?).ok()
}

fn amount(fields: &Fields) -> Result<Money, FaultKind> {
    let text = fields.get("Сумма").unwrap_or_default();
    let amount = Money::parse(text)
        .ok()
        .filter(|amount| amount.is_positive());
    amount.ok_or_else(|| unreadable("Сумма", text))
}

/// Which way the money went; both, for a transfer between two accounts of the file that names both days.
fn directions(fields: &Fields, own: &[AccountNumber]) -> Result<Vec<Direction>, FaultKind> {
    let is_own = |side| account(fields, side).is_some_and(|account| own.contains(&account));
    let is_booked = |side: &Side| fields.get(side.booked).is_some();
    match (is_own(&PAYEE), is_own(&PAYER)) {
        (true, false) => Ok(vec![Direction::In]),
        (false, true) => Ok(vec![Direction::Out]),
        (true, true) => Ok(match (is_booked(&PAYEE), is_booked(&PAYER)) {
            (true, false) => vec![Direction::In],
            (false, true) => vec![Direction::Out],
            (true, true) | (false, false) => vec![Direction::Out, Direction::In],
        }),
        // A file that names no account of its own: the day of booking tells on whose side the bank stands.
        (false, false) if own.is_empty() && is_booked(&PAYEE) != is_booked(&PAYER) => {
            Ok(vec![if is_booked(&PAYEE) {
                Direction::In
            } else {
                Direction::Out
            }])
        }
        (false, false) => Err(FaultKind::NoOwnAccount),
    }
}

fn account(fields: &Fields, side: &Side) -> Option<AccountNumber> {
    side.account
        .iter()
        .find_map(|key| fields.get(key).and_then(AccountNumber::new))
}

fn other_side(fields: &Fields, side: &Side, left_out: &mut Vec<FaultKind>) -> OtherSide {
    let name = name(fields, side);
    let (in_name, name) = inn_in_name(&name);
    let stated = fields.get(side.inn).filter(|text| says_something(text));
    let (inn, in_inn) = match stated.map(|text| text.split_once('/').unwrap_or((text, ""))) {
        Some((inn, kpp)) => (Some(inn), Some(kpp)),
        None => (in_name, None),
    };
    let kpp = fields
        .get(side.kpp)
        .filter(|text| says_something(text))
        .or(in_inn.filter(|text| says_something(text)));
    OtherSide {
        name: Some(name.trim().to_owned()).filter(|name| !name.is_empty()),
        inn: kept(inn.map(|text| Inn::parse(text.trim())), side.inn, left_out),
        kpp: kept(kpp.map(|text| Kpp::parse(text.trim())), side.kpp, left_out),
        account: account(fields, side),
        bik: fields.get(side.bik).map(str::to_owned),
    }
}

/// The name in its lines. Behind it some banks go on in the same keys with the account, the bank and its town.
fn name(fields: &Fields, side: &Side) -> String {
    let lines = (1..=6).filter_map(|line| fields.get(&format!("{}{line}", side.name)));
    let lines = lines.take_while(|text| !is_account(text));
    let lines = lines.collect::<Vec<_>>().join(" ");
    if lines.is_empty() {
        fields.get(side.name).unwrap_or_default().to_owned()
    } else {
        lines
    }
}

/// Twenty digits: no name.
fn is_account(text: &str) -> bool {
    text.len() == 20 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `ИНН 7707083893 ООО "Ромашка"`, `7707083893, ООО "Ромашка"` and `7707083893 ООО "Ромашка"` are how some banks write a
/// name.
fn inn_in_name(name: &str) -> (Option<&str>, &str) {
    let text = name.trim_start();
    let behind = text.strip_prefix("ИНН").unwrap_or(text);
    let behind = behind.trim_start_matches([' ', ':']);
    let end = behind.find(|c: char| !c.is_ascii_digit());
    let (inn, rest) = behind.split_at(end.unwrap_or(behind.len()));
    let without_kpp = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '/' || c == ',');
    if Inn::parse(inn).is_ok() {
        (Some(inn), without_kpp)
    } else {
        (None, name)
    }
}

/// The purpose: whole, else of its lines.
fn purpose(fields: &Fields) -> String {
    match fields.get("НазначениеПлатежа") {
        Some(whole) => whole.to_owned(),
        None => fields.numbered("НазначениеПлатежа"),
    }
}

/// A day, or nothing and a word about it.
fn optional_date(
    fields: &Fields,
    key: &'static str,
    left_out: &mut Vec<FaultKind>,
) -> Option<Date> {
    let text = fields.get(key)?;
    let date = date(text);
    if date.is_none() {
        left_out.push(FaultKind::PartUnreadable { key });
    }
    date
}

/// What could be read; of what could not, a word.
fn kept<T, E>(
    read: Option<Result<T, E>>,
    key: &'static str,
    left_out: &mut Vec<FaultKind>,
) -> Option<T> {
    match read? {
        Ok(value) => Some(value),
        Err(_) => {
            left_out.push(FaultKind::PartUnreadable { key });
            None
        }
    }
}

/// Not `0`, `000000000` or a dash: how forms say that there is nothing.
fn says_something(text: &str) -> bool {
    text.bytes()
        .any(|byte| !matches!(byte, b'0' | b'-' | b'/' | b' '))
}

fn unreadable(key: &'static str, value: &str) -> FaultKind {
    const MOST_CHARS: usize = 60;
    FaultKind::Unreadable {
        key,
        value: value.chars().take(MOST_CHARS).collect(),
    }
}
