//! `provodka payments`: what came and what became of it, giving it, taking a decision back, and a month on three
//! sides.
//!
//! Not here: answering what is asked (`provodka cases answer`).

mod giving;
mod letter;
pub mod reconcile;
mod register;
mod settlements;

use std::collections::BTreeMap;

use desk::payments::NotUndone;
use domain::display::{date, money};
use domain::payment::{Direction, PaymentKind};
use jiff::civil::Date;
use store::{Balance, InvoiceRef, ListedPayment, PaymentFilter, PaymentState};

use crate::args::{PaymentsCommand, UndoArgs};
use crate::fault::Told;
use crate::product::Product;
use crate::words::harmless;
use crate::zone;

/// Payments that are read at once.
const PORTION: usize = 1_000;

/// Does what was asked; gives what is to be printed.
///
/// # Errors
/// When there is nothing to undo, or the store fails.
pub async fn run(product: &Product, command: &PaymentsCommand) -> anyhow::Result<String> {
    match command {
        PaymentsCommand::List { state, json } => list(product, state.map(Into::into), *json).await,
        PaymentsCommand::Undo(args) => undo(product, args).await,
        PaymentsCommand::Give(args) => giving::give(product, args).await,
        PaymentsCommand::Move(args) => letter::obey(product, args).await,
        PaymentsCommand::Split(args) => register::split(product, args).await,
        PaymentsCommand::Settle(args) => settlements::settle(product, args).await,
        PaymentsCommand::Settlements => settlements::list(product).await,
        PaymentsCommand::Unsettle(args) => settlements::unsettle(product, args).await,
        PaymentsCommand::Reconcile(args) => Ok(reconcile::run(product, args).await?.text),
    }
}

async fn list(
    product: &Product,
    state: Option<PaymentState>,
    as_json: bool,
) -> anyhow::Result<String> {
    let (store, portal) = (&product.store, product.portal());
    let mut told = String::new();
    let mut filter = PaymentFilter {
        state,
        limit: PORTION,
        ..PaymentFilter::default()
    };
    loop {
        let payments = store.money_list(portal, &filter).await?;
        let Some(last) = payments.last() else {
            break;
        };
        filter.after = last.number;
        let given = payments.iter().flat_map(|payment| &payment.invoices);
        let given: Vec<InvoiceRef> = given.map(|(invoice, _)| invoice.clone()).collect();
        let known = store.money_balances(portal, &given).await?;
        for payment in &payments {
            if as_json {
                told.push_str(&serde_json::to_string(payment)?);
                told.push('\n');
            } else {
                told.push_str(&in_words(payment, &known));
            }
        }
    }
    if as_json {
        return Ok(told);
    }
    let sums = store.money_sums(portal).await?;
    let of_state = |sum: &&store::PaymentSum| state.is_none_or(|state| sum.state == state);
    for sum in sums.iter().filter(of_state) {
        told.push_str(&format!(
            "Итого {} ({}): {} на {}, не отнесено {}\n",
            state_word(sum.state, sum.kind),
            kind_word(sum.kind),
            sum.count,
            money(sum.amount),
            money(sum.remaining)
        ));
    }
    if told.is_empty() {
        told.push_str("Платежей нет.\n");
    }
    Ok(told)
}

fn in_words(payment: &ListedPayment, known: &BTreeMap<InvoiceRef, Balance>) -> String {
    let order = &payment.order;
    let sign = match order.direction {
        Direction::In => "+",
        Direction::Out => "-",
    };
    let name = order.other.name.as_deref().unwrap_or("без имени");
    let mut told = format!(
        "№ {} · {} · {sign}{} · {name}, поручение № {} от {} · {}\n    {}\n",
        payment.number,
        date(order.booked.unwrap_or(order.date)),
        money(order.amount),
        order.number,
        date(order.date),
        state_word(payment.state, payment.kind),
        order.purpose.trim()
    );
    if !payment.because.is_empty() {
        told.push_str(&format!("    {}\n", payment.because));
    }
    for (invoice, amount) in &payment.invoices {
        let invoice = named(invoice, known.get(invoice));
        told.push_str(&format!("    {invoice}: {}\n", money(*amount)));
    }
    if payment.state == PaymentState::Booked && payment.remaining.is_positive() {
        // What a payment has left is its buyer's, unless it is of many.
        let rest = if payment.kind == PaymentKind::Register {
            "продажи без счёта"
        } else {
            "аванс"
        };
        told.push_str(&format!("    {rest}: {}\n", money(payment.remaining)));
    }
    if let Some(commission) = payment.commission() {
        told.push_str(&format!(
            "    банк удержал комиссию: {}\n",
            money(commission)
        ));
    }
    if payment.days_differ {
        told.push_str("    выписки показывают разные дни: один платёж или два, решать вам\n");
    }
    harmless(&told)
}

/// As the buyer knows it, with its deal; one that is no deal's by its id.
fn named(invoice: &InvoiceRef, known: Option<&Balance>) -> String {
    match known {
        Some(known) => format!(
            "счёт № {} от {}, сделка {}",
            known.number,
            date(known.date),
            known.deal
        ),
        None => format!("счёт {}/{}", invoice.organisation, invoice.invoice),
    }
}

fn state_word(state: PaymentState, kind: PaymentKind) -> &'static str {
    match state {
        PaymentState::Booked if kind == PaymentKind::RefundOut => "снят с оплаченного",
        PaymentState::New => "ещё не рассмотрен",
        PaymentState::Asked => "ждёт решения",
        PaymentState::Booked => "отнесён к счетам",
        // Nothing else sets a buyer's payment aside.
        PaymentState::Aside if kind == PaymentKind::Incoming => "больше нигде не показан",
        PaymentState::Aside => "не оплата счетов",
        PaymentState::Left if kind == PaymentKind::RefundOut => "не снят с оплаченного",
        PaymentState::Left => "оставлен без счёта",
    }
}

fn kind_word(kind: PaymentKind) -> &'static str {
    match kind {
        PaymentKind::Incoming => "поступления",
        PaymentKind::Register => "реестры",
        PaymentKind::ReturnedToUs => "вернули нам",
        PaymentKind::RefundOut => "вернули мы",
        PaymentKind::OwnTransfer => "свои переводы",
        PaymentKind::BankFee => "комиссии",
        PaymentKind::Outgoing => "наши платежи",
    }
}

fn not_undone(error: NotUndone) -> anyhow::Error {
    match error {
        NotUndone::Store(error) => error.into(),
        NotUndone::MoreThanOpen { .. } => Told::mistake(error.to_string())
            .hint("take back what was paid in its place: `provodka payments list` shows who paid")
            .into(),
    }
}

async fn undo(product: &Product, args: &UndoArgs) -> anyhow::Result<String> {
    let because = args.because.trim();
    if because.is_empty() {
        let told = Told::mistake("a correction needs its reason");
        return Err(told
            .hint("write it after --because: the payer's letter with number and date")
            .into());
    }
    let zone = zone::in_force(product).await;
    let today = product.clock.now().to_zoned(zone.clone()).date();
    let desk = product.desk();
    let undone = desk.undo(args.number, (&args.by, because), &zone);
    let undone = undone.await.map_err(not_undone)?;
    let undone = undone.ok_or_else(|| {
        Told::mistake(format!("nothing of payment {} can be undone", args.number))
            .hint("`provodka payments list` shows what is given to invoices")
    })?;
    for deal in &undone.deals {
        eprintln!("deal/{deal} is looked at as soon as `provodka serve` runs");
    }
    if undone.transactions.is_empty() {
        return Ok(format!(
            "Прежнее решение снято: платёж № {} снова ждёт решения; что с ним делать: `provodka cases`.\n",
            args.number
        ));
    }
    Ok(undone_in_words(args.number, undone.is_refund, today))
}

fn undone_in_words(number: i64, is_refund: bool, today: Date) -> String {
    let day = date(today);
    let what = if is_refund {
        format!("Возврат № {number}: снятое с оплаченного возвращено")
    } else {
        format!("Платёж № {number} снят со счетов")
    };
    format!("{what} исправительными записями, дата {day}; что с ним делать: `provodka cases`.\n")
}

#[cfg(test)]
mod tests {
    use domain::payment::PaymentKind;
    use domain::{DealId, InvoiceId, Money, OrganisationId};
    use jiff::civil::date;
    use store::{Balance, InvoiceRef, PaymentState};

    use super::{named, state_word, undone_in_words};

    #[test]
    fn an_invoice_is_named_as_its_buyer_knows_it() {
        let invoice = InvoiceRef {
            organisation: OrganisationId::new("us"),
            invoice: InvoiceId::new("2f6c"),
        };
        let known = Balance {
            deal: DealId(7),
            number: "118".to_owned(),
            date: date(2026, 3, 1),
            total: Money::from_kopecks(100),
            paid: Money::ZERO,
            stands: true,
        };
        let told = named(&invoice, Some(&known));
        assert_eq!(told, "счёт № 118 от 01.03.2026, сделка 7");
        assert_eq!(named(&invoice, None), "счёт us/2f6c");
    }

    #[test]
    fn a_refund_that_is_taken_back_is_called_no_payment() {
        let today = date(2026, 3, 14);
        assert_eq!(
            undone_in_words(17, false, today),
            "Платёж № 17 снят со счетов исправительными записями, дата 14.03.2026; что с ним делать: `provodka cases`.\n"
        );
        assert_eq!(
            undone_in_words(17, true, today),
            "Возврат № 17: снятое с оплаченного возвращено исправительными записями, дата 14.03.2026; \
             что с ним делать: `provodka cases`.\n"
        );
    }

    #[test]
    fn what_a_person_left_alone_is_said_of_a_refund_in_its_own_words() {
        let word = |kind| state_word(PaymentState::Left, kind);
        assert_eq!(word(PaymentKind::Incoming), "оставлен без счёта");
        assert_eq!(word(PaymentKind::RefundOut), "не снят с оплаченного");
    }
}
