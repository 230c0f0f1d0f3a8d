//! `provodka payments split`: a credit of acquiring or СБП goes to the invoices of its sales.

use anyhow::Context as _;
use desk::registers::{NotSplit, SplitCount, SplitOrder, read_sales};
use domain::Money;
use domain::display::money;

use super::giving::{part_first, taken_back, whole_first};
use super::settlements::{amount, no_booking, not_named};
use crate::args::SplitArgs;
use crate::fault::Told;
use crate::product::Product;
use crate::words::harmless;
use crate::zone;

/// Splits it, or shows what that would do; gives what is to be printed.
pub(super) async fn split(product: &Product, args: &SplitArgs) -> anyhow::Result<String> {
    let order = SplitOrder {
        payment: args.number,
        sales: sales(args)?,
        commission: amount(Some(&args.commission))?.unwrap_or_default(),
        other: amount(Some(&args.other))?.unwrap_or_default(),
        register: args.register.clone(),
        seen: None,
    };
    let desk = product.desk();
    if args.dry_run {
        let count = desk.count_split(&order).await.map_err(told)?;
        return shown(&order, count);
    }
    let zone = zone::in_force(product).await;
    let split = desk.split(&order, &args.by, &zone).await.map_err(told)?;
    for deal in &split.deals {
        eprintln!("deal/{deal} is looked at as soon as `provodka serve` runs");
    }
    let gross = Money::sum(order.sales.iter().map(|(_, amount)| *amount));
    Ok(harmless(&format!(
        "Платёж № {} разнесён по счетам ({}): {}, комиссия {}{}.\n{}",
        args.number,
        order.sales.len(),
        money(gross.unwrap_or_default()),
        money(order.commission),
        without_invoice(order.other),
        taken_back(split.whole)
    )))
}

/// What each invoice would get; an error where it would be refused.
fn shown(order: &SplitOrder, count: SplitCount) -> anyhow::Result<String> {
    if let Some(refused) = count.refused {
        return Err(told(refused));
    }
    let mut lines = String::new();
    for sale in &count.sales {
        let open = sale.balance.open();
        let after = open.checked_sub(sale.amount).unwrap_or_default();
        lines.push_str(&format!(
            "счёт № {} от {}, сделка {}: {} из {}, останется {}\n",
            sale.balance.number,
            domain::display::date(sale.balance.date),
            sale.balance.deal,
            money(sale.amount),
            money(open),
            money(after)
        ));
    }
    lines.push_str(&format!(
        "Сходится: пришло {}, комиссия {}; счетам {}{}. Ничего не записано.\n",
        money(count.net),
        money(order.commission),
        money(count.gross),
        without_invoice(order.other)
    ));
    Ok(harmless(&lines))
}

fn without_invoice(other: Money) -> String {
    if other.is_positive() {
        format!(", без счёта {}", money(other))
    } else {
        String::new()
    }
}

fn sales(args: &SplitArgs) -> anyhow::Result<Vec<(String, Money)>> {
    let mut sales = read_sales(&args.sales.join("\n"))
        .map_err(|error| Told::mistake(error.to_string()).hint("write a sale as 117=1500.00"))?;
    if let Some(file) = &args.file {
        let name = file.display();
        let text = std::fs::read_to_string(file)
            .with_context(|| Told::mistake(format!("cannot read `{name}` as text in UTF-8")))?;
        let text = text.trim_start_matches('\u{feff}');
        let of_file = read_sales(text).map_err(|error| {
            Told::mistake(format!("`{name}`: {error}")).hint("one sale a line: 117;1500.00")
        })?;
        sales.extend(of_file);
    }
    Ok(sales)
}

fn told(error: NotSplit) -> anyhow::Error {
    let first;
    let hint = match error {
        NotSplit::NotNamed(error) => return not_named(error),
        NotSplit::NoBooking(error) => return no_booking(error),
        NotSplit::Store(error) => return error.into(),
        NotSplit::NoRegister => "write it after --register, with its number and date",
        NotSplit::NoCredit(_) => "`provodka payments list` shows what came",
        NotSplit::Decided(_) => "`provodka payments undo` takes that back first",
        NotSplit::NotClosed { .. } => {
            "name every sale, the commission after --commission, and what belongs to sales without an invoice after --other"
        }
        NotSplit::NothingForInvoices(_) => {
            "name after --other what such sales brought, less what the bank kept of them, and the rest of it as --commission"
        }
        NotSplit::Changed(_) => "`provodka payments list` shows what became of it",
        NotSplit::NoSuchSales => "write each sale as --sale 117=1500.00",
        NotSplit::Twice(_) => "add its sales up: --sale 117=1500.00",
        NotSplit::MoreThanOpen { .. } => "`provodka payments list` shows who paid it already",
        NotSplit::WholeGiven { whole, .. } => {
            first = whole_first(whole);
            first.as_str()
        }
        NotSplit::PartGiven { part, .. } => {
            first = part_first(part);
            first.as_str()
        }
    };
    Told::mistake(error.to_string()).hint(hint).into()
}
