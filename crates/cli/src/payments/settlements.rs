//! `provodka payments settle`, `settlements`, `unsettle`: invoices that are closed without a bank line.

use desk::invoices::NotNamed;
use desk::policy::NoBooking;
use desk::settlements::{NotSettled, Order, kind_word};
use domain::Money;
use domain::display::{date, money};

use crate::args::{SettleArgs, UnsettleArgs};
use crate::fault::Told;
use crate::product::Product;
use crate::words::harmless;
use crate::zone;

/// So many are listed.
const LISTED: usize = 1_000;

/// Closes an invoice.
pub(super) async fn settle(product: &Product, args: &SettleArgs) -> anyhow::Result<String> {
    let order = Order {
        invoice: args.invoice.clone(),
        amount: amount(args.amount.as_deref())?,
        kind: args.kind.into(),
        document: args.document.clone(),
        dated: args.date,
    };
    let zone = zone::in_force(product).await;
    let settled = product.desk().settle(&order, &args.by, &zone).await;
    let settled = settled.map_err(told)?;
    eprintln!(
        "deal/{} is looked at as soon as `provodka serve` runs",
        settled.deal
    );
    Ok(harmless(&format!(
        "Записано под № {}: счёт {} закрыт без банка на {}, осталось {}.\n",
        settled.number,
        args.invoice,
        money(settled.amount),
        money(settled.open)
    )))
}

/// An amount as people type it.
pub(super) fn amount(text: Option<&str>) -> anyhow::Result<Option<Money>> {
    let Some(text) = text else {
        return Ok(None);
    };
    let amount = Money::parse(text).map_err(|error| {
        Told::mistake(format!("`{text}` is no amount: {error}")).hint("write roubles as 1234.56")
    })?;
    Ok(Some(amount))
}

pub(super) fn not_named(error: NotNamed) -> anyhow::Error {
    let hint = match &error {
        NotNamed::NoInvoice(_) => "name it by the number that the buyer sees",
        NotNamed::Several { .. } => "name the one that is meant as ORGANISATION/ID",
        NotNamed::OfAnother { .. } => {
            "the money came to another organisation; if this one is meant, name it as ORGANISATION/ID"
        }
        NotNamed::Store(_) => return error.into(),
    };
    Told::mistake(error.to_string()).hint(hint).into()
}

pub(super) fn no_booking(error: NoBooking) -> anyhow::Error {
    let hint = match error {
        NoBooking::NoPolicy => "run `provodka setup` first",
        NoBooking::NoMoney => {
            "add the section as in docs/guide/payments.md, and run `provodka policy apply`"
        }
        NoBooking::Stored(_) | NoBooking::Store(_) => return error.into(),
    };
    Told::mistake(error.to_string()).hint(hint).into()
}

fn told(error: NotSettled) -> anyhow::Error {
    let hint = match error {
        NotSettled::NotNamed(error) => return not_named(error),
        NotSettled::NoBooking(error) => return no_booking(error),
        NotSettled::MoreThanOpen { .. } => "name a smaller --amount",
        NotSettled::Already(_) => {
            "name the document of another settlement with its number; `provodka payments settlements` shows this one"
        }
        NotSettled::NoDocument => "write it after --document, with its number and date",
        NotSettled::NotYet(_) => "name the day of the document after --date",
        NotSettled::Store(_) => return error.into(),
    };
    Told::mistake(error.to_string()).hint(hint).into()
}

/// What was closed, the newest first.
pub(super) async fn list(product: &Product) -> anyhow::Result<String> {
    let mut told = String::new();
    for one in product.desk().settlements(LISTED).await? {
        let (number, day) = &one.name;
        told.push_str(&format!(
            "№ {} · {} · {} · счёт № {number} от {} · {}\n    {}, записал(а) {}\n",
            one.number,
            date(one.dated),
            money(one.amount),
            date(*day),
            kind_word(one.settlement.kind),
            one.settlement.document,
            one.settlement.author
        ));
        if let Some(because) = &one.undone {
            told.push_str(&format!("    снято: {because}\n"));
        }
    }
    if told.is_empty() {
        told.push_str("Без банка ничего не закрыто.\n");
    }
    Ok(harmless(&told))
}

/// Takes one back.
pub(super) async fn unsettle(product: &Product, args: &UnsettleArgs) -> anyhow::Result<String> {
    let because = args.because.trim();
    if because.is_empty() {
        let told = Told::mistake("a correction needs its reason");
        return Err(told.hint("write it after --because").into());
    }
    let zone = zone::in_force(product).await;
    let desk = product.desk();
    let undone = desk.unsettle(args.number, (&args.by, because), &zone);
    let deals = undone.await?.ok_or_else(|| {
        Told::mistake(format!(
            "nothing of number {} can be taken back",
            args.number
        ))
        .hint("`provodka payments settlements` shows what can")
    })?;
    for deal in &deals {
        eprintln!("deal/{deal} is looked at as soon as `provodka serve` runs");
    }
    Ok(format!(
        "Закрытие № {} снято исправительной записью.\n",
        args.number
    ))
}
