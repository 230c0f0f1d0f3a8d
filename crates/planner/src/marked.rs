//! The promise: a bill that the accounting side calls paid, and of whose money nobody knows, is nobody's oversight.
//!
//! A mark is no money: what a deal shows goes by the ledger. Its payment comes from the bank or the accounting side's list, for
//! the most part within the hours that a payment waits for the accountant; how else it was paid he says by a settlement, or he
//! lets the mark alone close it. Nobody is asked while the payment may just be on its way: where the seller's statements end
//! before the mark, until one covers its day. Not here: what the deal shows meanwhile (`receipts`), that nobody is reminded of
//! it (`overdue`), who books what is chosen (`desk`).

use domain::display::{date, money};
use domain::ledger::{Settlement, SettlementKind};
use domain::{InvoiceId, InvoiceStatus, Money, OrganisationId};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::asking::{about_invoice, answered, ask, case};
use crate::known_days::KnownOf;
use crate::overdue::zone;
use crate::receipts::{Means, Receipt};
use crate::showing::is_test;
use crate::texts::{by_strangers, with_choices};
use crate::{CaseCode, Choice, DealSnapshot, MoneyPolicy, NextDay, OurInvoice, Plan, Policy, Whom};

/// The answer that closes a bill by its mark alone.
pub const SETTLE: &str = "settle";

/// The mark is wrong, or its money comes later; a bill that is closed by its mark stays so without it.
const LEAVE: &str = "leave";

/// Nobody is asked sooner, or it would be before the payments were read that came with the mark.
const LEAST_WAIT: SignedDuration = SignedDuration::from_mins(10);

/// What is booked where a person lets the mark close a bill: all that is open of it by then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByMark {
    /// Who sold.
    pub organisation: OrganisationId,
    /// The bill.
    pub invoice: InvoiceId,
    /// What proves it, in Russian.
    pub document: String,
    /// The seller's day on which the mark was seen.
    pub dated: Date,
}

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

    /// What closes it.
    fn closing(&self, policy: &Policy) -> ByMark {
        ByMark {
            organisation: self.invoice.organisation.clone(),
            invoice: self.invoice.id.clone(),
            document: format!("Отметка в учёте об оплате счёта № {}", self.invoice.number),
            dated: self.day(policy),
        }
    }

    /// The seller's day of the mark.
    fn day(&self, policy: &Policy) -> Date {
        self.since.to_zoned(zone(policy, self.invoice)).date()
    }

    /// Whether the statements of an account of the seller end before the day of the mark. Where none was ever brought, none is
    /// waited for.
    fn is_behind(&self, snapshot: &DealSnapshot, policy: &Policy, rules: &MoneyPolicy) -> bool {
        let seller = &self.invoice.organisation;
        let day = self.day(policy);
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
    let closing = asked.closing(policy);
    let choices = vec![
        Choice {
            word: SETTLE.to_owned(),
            text: format!(
                "закрыть отметкой учёта от {} всё, что по счёту ещё открыто",
                date(closing.dated)
            ),
        },
        Choice {
            word: LEAVE.to_owned(),
            text: "пока не оплачен, пусть остаётся открытым".to_owned(),
        },
    ];
    let number = by_strangers(&invoice.number);
    let question = format!(
        "Счёт № {number} от {} отмечен в учёте оплаченным, а по каким деньгам, не видно: не хватает {}. Сделка показывает только \
         то, что видно. Если платили через банк, загрузите выписку или внесите платёж в учёт: вопрос снимется, как только деньги \
         будут отнесены к счёту. Если наличными, картой или взаимозачётом, закройте счёт на странице «Без банка» или командой \
         `provodka payments settle {number} --kind cash --document \"…\" --date ДАТА` (вид: cash, card или netting). Если известна \
         только отметка или счёт не оплачен:",
        date(invoice.date),
        money(asked.unknown)
    );
    let text = with_choices(&question, &choices);
    let mut asked = case(snapshot.id, code, text, Whom::Administrator);
    asked.case.choices = choices;
    asked.case.about = about;
    asked.case.by_mark = Some(closing);
    ask(snapshot, asked)
}

/// Asks the accountant about a bill that was closed by its mark, once for each time, where the mark is taken back over there.
/// Another mark answers it, and so does the settlement that is taken back.
pub(crate) fn mark_gone(snapshot: &DealSnapshot) -> Plan {
    let code = CaseCode::MarkGone;
    let of_invoices = snapshot.invoices.iter();
    let mut closed = of_invoices.flat_map(|one| closed_by_mark(snapshot, one));
    let asked = closed
        .find(|(_, receipt, _)| snapshot.answers.to(code.as_str(), &about(receipt)) != Some(LEAVE));
    let Some((invoice, receipt, settlement)) = asked else {
        return answered(snapshot, Plan::default(), &[code]);
    };
    let choices = vec![Choice {
        word: LEAVE.to_owned(),
        text: "оставить закрытым".to_owned(),
    }];
    let question = format!(
        "Счёт № {} от {} закрыт по отметке в учёте на {} (записал(а) {}), а отметку там сняли. Если он не оплачен или деньги за него \
         ещё придут, снимите закрытие командой `provodka payments unsettle {}` или на странице «Без банка»: вопрос снимется. Иначе:",
        by_strangers(&invoice.number),
        date(invoice.date),
        money(receipt.amount),
        by_strangers(&settlement.author),
        receipt.transaction
    );
    let text = with_choices(&question, &choices);
    let mut asked = about_invoice(snapshot.id, code, invoice, text);
    asked.case.choices = choices;
    asked.case.about = about(receipt);
    ask(snapshot, asked)
}

/// One settlement: what was said of it does not hold for a later one.
fn about(receipt: &Receipt) -> String {
    format!("transaction/{}", receipt.transaction)
}

/// What closed a bill by its mark alone, where it has none any more. Only a mark that was seen and chosen can be missed: who
/// settles by a mark that we never saw knows more than we do.
fn closed_by_mark<'a>(
    snapshot: &'a DealSnapshot,
    invoice: &'a OurInvoice,
) -> impl Iterator<Item = (&'a OurInvoice, &'a Receipt, &'a Settlement)> {
    let is_marked = match invoice.status {
        InvoiceStatus::Issued | InvoiceStatus::PartiallyPaid => false,
        InvoiceStatus::Paid | InvoiceStatus::Cancelled | InvoiceStatus::Unknown => true,
    };
    let of_invoice = format!("{}=", invoice.slot);
    let mut answers = snapshot.answers.0.iter();
    let was_chosen = answers.any(|one| {
        one.key == CaseCode::MarkedPaid.as_str()
            && one.choice == SETTLE
            && one.about.starts_with(&of_invoice)
    });
    let is_missed = invoice.stands() && !is_marked && was_chosen;
    let receipts = snapshot.receipts_of(invoice.slot);
    let settled = receipts.filter_map(move |receipt| match &receipt.means {
        Means::Settlement(settlement) if settlement.kind == SettlementKind::MarkedPaid => {
            Some((invoice, receipt, settlement))
        }
        Means::Payment { .. } | Means::Settlement(_) | Means::Refund { .. } => None,
    });
    settled.filter(move |_| is_missed)
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
