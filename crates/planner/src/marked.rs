//! The promise: a bill that the accounting side calls paid, and of whose money nobody knows, is nobody's oversight.
//!
//! A mark is no money: what a deal shows goes by the ledger. Its payment comes from the bank or the accounting side's list, for
//! the most part within the hours that a payment waits for the accountant; how else it was paid he says by a settlement. Not
//! here: what the deal shows meanwhile (`receipts`), that nobody is reminded of it (`overdue`).

use domain::display::{date, money};
use domain::{InvoiceStatus, Money};
use jiff::Timestamp;

use crate::asking::{answered, ask, case};
use crate::showing::is_test;
use crate::texts::{by_strangers, with_choices};
use crate::{CaseCode, Choice, DealSnapshot, MoneyPolicy, NextDay, OurInvoice, Plan, Policy, Whom};

/// The mark is wrong, or its money comes later.
const LEAVE: &str = "leave";

/// Asks the accountant how a bill was paid that is only marked so, once for each mark. Money, a settlement or a mark that is
/// taken back answers it.
pub(crate) fn asked(
    snapshot: &DealSnapshot,
    policy: &Policy,
    rules: &MoneyPolicy,
    now: Timestamp,
) -> Plan {
    let code = CaseCode::MarkedPaid;
    let marked = snapshot.invoices.iter();
    let marked = marked.filter_map(|one| Some((one, unknown_of(snapshot, one, policy)?)));
    let marked: Vec<(&OurInvoice, Money)> = marked
        .filter(|(one, _)| snapshot.answers.to(code.as_str(), &about(one)) != Some(LEAVE))
        .collect();
    let due = |one: &OurInvoice| one.paid_since?.checked_add(rules.wait()).ok();
    // Money of the buyer that waits for a decision is the question until then. Who was asked before is not asked anew.
    let open = snapshot.open_cases.get(code.as_str());
    let is_open = |one: &OurInvoice| open.is_some_and(|open| open.about == about(one));
    let is_asked = |(one, _): &&(&OurInvoice, Money)| {
        let is_due = due(one).is_none_or(|due| due <= now);
        is_due && (is_open(one) || !snapshot.known_days.is_undecided(one))
    };
    let Some((invoice, unknown)) = marked.iter().find(is_asked) else {
        let mut plan = answered(snapshot, Plan::default(), &[code]);
        // Nothing is left to be done until then: files and questions do not wait for it.
        let coming = marked.iter().filter_map(|(one, _)| due(one));
        let next = coming.filter(|at| *at > now).min();
        plan.next_day = next.map(|at| NextDay {
            at,
            waits_for_accounts: false,
        });
        return plan;
    };
    let choices = vec![Choice {
        word: LEAVE.to_owned(),
        text: "пока не оплачен, пусть остаётся открытым".to_owned(),
    }];
    let number = by_strangers(&invoice.number);
    let question = format!(
        "Счёт № {number} от {} отмечен в учёте оплаченным, а по каким деньгам, не видно: не хватает {}. Сделка показывает только \
         то, что видно. Если платили через банк, загрузите выписку или внесите платёж в учёт: вопрос снимется, как только деньги \
         будут отнесены к счёту. Если наличными, картой или взаимозачётом, закройте счёт на странице «Без банка» или командой \
         `provodka payments settle {number} --kind cash --document \"…\" --date ДАТА` (вид: cash, card, netting или marked-paid). \
         Иначе:",
        date(invoice.date),
        money(*unknown)
    );
    let text = with_choices(&question, &choices);
    let mut asked = case(snapshot.id, code, text, Whom::Administrator);
    asked.case.choices = choices;
    asked.case.about = about(invoice);
    ask(snapshot, asked)
}

/// What of a bill that is marked as paid no money of ours explains, if anything.
fn unknown_of(snapshot: &DealSnapshot, invoice: &OurInvoice, policy: &Policy) -> Option<Money> {
    let is_marked = invoice.stands() && invoice.status == InvoiceStatus::Paid;
    // Nobody is to pay a sample.
    if !is_marked || is_test(invoice, policy) {
        return None;
    }
    // What went back to the buyer was known before it went.
    let came = snapshot.receipts_of(invoice.slot);
    let came = came.filter(|one| !one.is_refund());
    let unknown = invoice
        .total
        .checked_sub(snapshot.paid_with(invoice, came))?;
    unknown.is_positive().then_some(unknown)
}

/// This mark: an answer to it says nothing of a later one.
fn about(invoice: &OurInvoice) -> String {
    let since = invoice.paid_since.map(|at| format!("={}", at.as_second()));
    format!("{}{}", invoice.slot, since.unwrap_or_default())
}
