//! The promise: a bill that the accounting side calls paid, and of whose money nobody knows, is nobody's oversight.
//!
//! A mark is no money: what a deal shows goes by the ledger. Its payment comes from the bank or the accounting side's list, for
//! the most part within the hours that a payment waits for the accountant; how else it was paid he says by a settlement. Nobody
//! is asked while the payment may just be on its way: where the seller's statements end before the mark, until one covers its
//! day. Not here: what the deal shows meanwhile (`receipts`), that nobody is reminded of it (`overdue`).

use domain::display::{date, money};
use domain::{InvoiceStatus, Money};
use jiff::{SignedDuration, Timestamp};

use crate::asking::{answered, ask, case};
use crate::known_days::KnownOf;
use crate::overdue::zone;
use crate::showing::is_test;
use crate::texts::{by_strangers, with_choices};
use crate::{CaseCode, Choice, DealSnapshot, MoneyPolicy, NextDay, OurInvoice, Plan, Policy, Whom};

/// The mark is wrong, or its money comes later.
const LEAVE: &str = "leave";

/// Nobody is asked sooner, or it would be before the payments were read that came with the mark.
const LEAST_WAIT: SignedDuration = SignedDuration::from_mins(10);

/// A bill that is marked as paid.
struct Marked<'a> {
    invoice: &'a OurInvoice,
    /// How much of it no money of ours explains.
    unknown: Money,
    since: Timestamp,
}

impl Marked<'_> {
    /// This mark: an answer to it says nothing of a later one.
    fn about(&self) -> String {
        format!("{}={}", self.invoice.slot, self.since.as_second())
    }

    /// Whether the statements of an account of the seller end before the day of the mark. Where none was ever brought, none is
    /// waited for.
    fn is_behind(&self, snapshot: &DealSnapshot, policy: &Policy, rules: &MoneyPolicy) -> bool {
        let seller = &self.invoice.organisation;
        let day = self.since.to_zoned(zone(policy, self.invoice)).date();
        let accounts = rules.accounts.iter();
        let mut accounts = accounts.filter(|one| one.organisation == *seller);
        !rules.is_known_by_accounting(seller)
            && accounts.any(|one| {
                let lacks = snapshot.known_days.lacks(&one.number, day, day);
                matches!(lacks, Some(KnownOf::Through(_)))
            })
    }
}

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
    let marked = marked.filter_map(|one| unexplained(snapshot, one, policy, rules));
    let marked: Vec<Marked<'_>> = marked
        .filter(|one| snapshot.answers.to(code.as_str(), &one.about()) != Some(LEAVE))
        .collect();
    // Who was asked before is not asked anew.
    let open = snapshot.open_cases.get(code.as_str());
    let is_open = |one: &Marked<'_>| open.is_some_and(|open| open.about == one.about());
    let is_behind = |one: &Marked<'_>| !is_open(one) && one.is_behind(snapshot, policy, rules);
    let due = |one: &Marked<'_>| {
        let wait = if is_behind(one) {
            MoneyPolicy::longest_wait()
        } else {
            rules.wait().max(LEAST_WAIT)
        };
        one.since.checked_add(wait).unwrap_or(one.since)
    };
    // Money of the buyer that waits for a decision is the question until then.
    let is_asked = |one: &&Marked<'_>| {
        due(one) <= now && (is_open(one) || !snapshot.known_days.is_undecided(one.invoice))
    };
    let Some(asked) = marked.iter().find(is_asked) else {
        let mut plan = answered(snapshot, Plan::default(), &[code]);
        // Nothing is left to be done until then: files and questions do not wait for it.
        let coming = marked.iter().filter(|one| due(one) > now);
        let next = coming.min_by_key(|one| due(one));
        plan.next_day = next.map(|one| NextDay {
            at: due(one),
            waits_for_accounts: is_behind(one),
        });
        return plan;
    };
    let (invoice, about) = (asked.invoice, asked.about());
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
        money(asked.unknown)
    );
    let text = with_choices(&question, &choices);
    let mut asked = case(snapshot.id, code, text, Whom::Administrator);
    asked.case.choices = choices;
    asked.case.about = about;
    ask(snapshot, asked)
}

/// The bill, if it is marked as paid and no money of ours explains all of it.
fn unexplained<'a>(
    snapshot: &DealSnapshot,
    invoice: &'a OurInvoice,
    policy: &Policy,
    rules: &MoneyPolicy,
) -> Option<Marked<'a>> {
    let is_marked = invoice.stands() && invoice.status == InvoiceStatus::Paid;
    // Nobody is to pay a sample.
    if !is_marked || is_test(invoice, policy) {
        return None;
    }
    // The payment of an earlier mark is not read.
    let first = rules.since.unwrap_or(policy.start_at);
    let since = invoice.paid_since.filter(|at| *at >= first)?;
    // What went back to the buyer was known before it went.
    let came = snapshot.receipts_of(invoice.slot);
    let came = came.filter(|one| !one.is_refund());
    let unknown = invoice
        .total
        .checked_sub(snapshot.paid_with(invoice, came))?;
    unknown.is_positive().then_some(Marked {
        invoice,
        unknown,
        since,
    })
}
