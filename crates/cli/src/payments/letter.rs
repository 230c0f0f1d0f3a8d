//! `provodka payments move`: a payer's letter moves money from one invoice to another.

use desk::payments::{LetterOrder, NotMoved};
use domain::display::money;

use super::giving::once_more;
use super::settlements::{amount, not_named};
use crate::args::MoveArgs;
use crate::fault::Told;
use crate::product::Product;
use crate::words::harmless;
use crate::zone;

/// Moves it; gives what is to be printed.
pub(super) async fn obey(product: &Product, args: &MoveArgs) -> anyhow::Result<String> {
    if args.letter.trim().is_empty() {
        let told = Told::mistake("a correction needs its letter");
        return Err(told.hint("write its number and date after --letter").into());
    }
    let order = LetterOrder {
        payment: args.number,
        from: args.from.clone(),
        to: args.to.clone(),
        amount: amount(args.amount.as_deref())?,
        seen: args.after,
        letter: args.letter.clone(),
    };
    let zone = zone::in_force(product).await;
    let moved = product.desk().obey_letter(&order, &args.by, &zone).await;
    let (amount, deals) = moved.map_err(told)?;
    for deal in &deals {
        eprintln!("deal/{deal} is looked at as soon as `provodka serve` runs");
    }
    Ok(harmless(&format!(
        "Платёж № {}: {} перенесено со счёта {} на счёт {} исправительными записями.\n",
        args.number,
        money(amount),
        args.from,
        args.to
    )))
}

fn told(error: NotMoved) -> anyhow::Error {
    let again;
    let hint = match error {
        NotMoved::NotNamed(error) => return not_named(error),
        NotMoved::Store(error) => return error.into(),
        NotMoved::Changed(_) => "`provodka payments list` shows what became of it",
        NotMoved::Again { last, .. } => {
            again = once_more(last);
            again.as_str()
        }
        NotMoved::Nothing { .. } | NotMoved::NotThatMuch { .. } => {
            "`provodka payments list` shows what is given to invoices"
        }
        NotMoved::MoreThanOpen { .. } => "name a smaller --amount",
        NotMoved::Split(_) => "take it back by `provodka payments undo` and split it anew",
        NotMoved::Refunded(_) => {
            "take back what was paid in the refund's place: `provodka payments list` shows who paid"
        }
    };
    Told::mistake(error.to_string()).hint(hint).into()
}
