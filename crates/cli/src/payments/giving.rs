//! `provodka payments give`: a payment, or what is left of it, goes to an invoice that is named.

use desk::giving::{GivingOrder, NotGiven};
use domain::display::money;

use super::settlements::{amount, no_booking, not_named};
use crate::args::GiveArgs;
use crate::fault::Told;
use crate::product::Product;
use crate::words::harmless;
use crate::zone;

/// Gives it; gives what is to be printed.
pub(super) async fn give(product: &Product, args: &GiveArgs) -> anyhow::Result<String> {
    let order = GivingOrder {
        payment: args.number,
        invoice: args.invoice.clone(),
        amount: amount(args.amount.as_deref())?,
        seen: args.after,
    };
    let zone = zone::in_force(product).await;
    let given = product.desk().give(&order, &args.by, &zone).await;
    let given = given.map_err(told)?;
    for deal in &given.deals {
        eprintln!("deal/{deal} is looked at as soon as `provodka serve` runs");
    }
    let left = if given.left.is_positive() {
        format!(", осталось {}", money(given.left))
    } else {
        String::new()
    };
    Ok(harmless(&format!(
        "Платёж № {}: {} отнесено к счёту № {}{left}.\n{}",
        args.number,
        money(given.amount),
        given.invoice,
        taken_back(given.whole)
    )))
}

/// How an order is given again that the last entry of the payment is.
pub(super) fn once_more(last: i64) -> String {
    format!("if as much is to go there once more, add `--after {last}`")
}

/// What is to be done before a part of an order is given that a person gave whole.
pub(super) fn whole_first(whole: i64) -> String {
    format!("take the whole one back first: {}", undo(whole))
}

pub(super) fn part_first(part: i64) -> String {
    format!("take its parts back first: {}", undo(part))
}

/// As it can be typed: nothing is taken back without a reason.
fn undo(payment: i64) -> String {
    format!("`provodka payments undo {payment} --because \"…\"`")
}

/// The bank's whole order that was taken back for its part.
pub(super) fn taken_back(whole: Option<i64>) -> String {
    whole.map_or_else(String::new, |whole| {
        format!("Платёж № {whole} снят со счетов: он внесён в учёте по частям.\n")
    })
}

fn told(error: NotGiven) -> anyhow::Error {
    let first;
    let hint = match error {
        NotGiven::NotNamed(error) => return not_named(error),
        NotGiven::NoBooking(error) => return no_booking(error),
        NotGiven::Store(error) => return error.into(),
        NotGiven::NoPayment(_) => "`provodka payments list` shows what came",
        NotGiven::SetAside(_) => "`provodka payments undo` makes it a buyer's first",
        NotGiven::Register(_) => "`provodka payments split` names its sales and the commission",
        NotGiven::Changed(_) => "`provodka payments list` shows what became of it",
        NotGiven::Again { last, .. } => {
            first = once_more(last);
            first.as_str()
        }
        NotGiven::NoAmount => "write roubles above nothing after --amount, or leave it out",
        NotGiven::NotThatMuch { .. } => {
            "`provodka payments list` shows where the rest is; `provodka payments undo` or `move` takes it from there"
        }
        NotGiven::MoreThanOpen { .. } => {
            "name a smaller --amount; `provodka payments list` shows who paid it already"
        }
        NotGiven::WholeGiven { whole, .. } => {
            first = whole_first(whole);
            first.as_str()
        }
        NotGiven::PartGiven { part, .. } => {
            first = part_first(part);
            first.as_str()
        }
    };
    Told::mistake(error.to_string()).hint(hint).into()
}

#[cfg(test)]
mod tests {
    use desk::giving::NotGiven;

    use super::{taken_back, told};

    #[test]
    fn who_gives_the_same_once_more_is_told_how() {
        let again = NotGiven::Again {
            payment: 17,
            number: "118".to_owned(),
            last: 42,
        };
        let (text, status) = crate::fault::told(&told(again));
        assert_eq!(
            text,
            "error: entry 42 gave just this of payment 17 to invoice `118` already\n\
             hint: if as much is to go there once more, add `--after 42`\n"
        );
        assert_eq!(status, 2);
    }

    #[test]
    fn what_a_person_gave_whole_is_named_with_how_it_is_taken_back() {
        let whole = NotGiven::WholeGiven {
            payment: 5,
            whole: 4,
        };
        let (text, status) = crate::fault::told(&told(whole));
        assert_eq!(
            text,
            "error: payment 5 is a part of payment 4, which a person gave already\n\
             hint: take the whole one back first: `provodka payments undo 4 --because \"…\"`\n"
        );
        assert_eq!(status, 2);
        let by_parts = NotGiven::PartGiven {
            payment: 4,
            part: 5,
        };
        let (text, _) = crate::fault::told(&told(by_parts));
        assert_eq!(
            text,
            "error: payment 4 is given by its parts already, as payment 5\n\
             hint: take its parts back first: `provodka payments undo 5 --because \"…\"`\n"
        );
    }

    #[test]
    fn the_whole_order_that_was_taken_back_is_named() {
        assert_eq!(taken_back(None), "");
        assert_eq!(
            taken_back(Some(4)),
            "Платёж № 4 снят со счетов: он внесён в учёте по частям.\n"
        );
    }
}
