//! The promise: what a deleted deal left in the books is nobody's oversight, and nothing is asked that only the deal could
//! answer.
//!
//! Whether its invoice is cancelled a person decides, over there. What is asked of its money goes on as long as the ledger
//! gives reason for it (`receipts`). Not here: an order that was called for it (`orders`).

use jiff::Timestamp;

use crate::asking::{about_invoice, answered, ask, merge};
use crate::{CaseCode, DealSnapshot, OurInvoice, Plan, Policy, cancelling, receipts, texts, twins};

/// What is answered in the books, or by what a person says: each of these is judged anew though the deal is no more.
const IN_THE_BOOKS: [CaseCode; 7] = [
    CaseCode::DealDeleted,
    CaseCode::CancelOrdered,
    CaseCode::PaidInvoiceGone,
    CaseCode::PaymentAtAdoption,
    CaseCode::MarkedPaid,
    CaseCode::MarkGone,
    CaseCode::PaidDealLost,
];

/// What is asked about a deal that is no more: what becomes of its invoice, and of the money.
pub(crate) fn plan(snapshot: &DealSnapshot, policy: &Policy, now: Timestamp) -> Plan {
    let left = left_behind(snapshot);
    let mut plan = match left {
        Some(invoice) => {
            let (code, text) = (CaseCode::DealDeleted, texts::deal_deleted(invoice));
            ask(snapshot, about_invoice(snapshot.id, code, invoice, text))
        }
        None if snapshot.invoices.is_empty() => Plan::nothing("сделка удалена, счёта не было"),
        None => Plan::nothing("сделка удалена, её счёт в учёте не действует"),
    };
    if left.is_none() {
        plan = answered(snapshot, plan, &[CaseCode::DealDeleted]);
    }
    let has_invoice = left.is_some() || snapshot.live_invoice().is_some();
    let open = snapshot.open_cases.keys();
    plan.withdrawn
        .extend(open.filter(|key| is_moot(key, has_invoice)).cloned());
    merge(&mut plan, cancelling::plan(snapshot));
    merge(&mut plan, receipts::in_the_books(snapshot, policy, now));
    plan
}

/// The invoice to decide about: the last that is to be paid, else one that was to be replaced and that the accountant has not
/// cancelled yet.
fn left_behind(snapshot: &DealSnapshot) -> Option<&OurInvoice> {
    let standing = snapshot.live_invoice().filter(|one| one.stands());
    let mut invoices = snapshot.invoices.iter();
    standing.or_else(|| invoices.rfind(|one| !one.is_void()))
}

/// Whether a question goes with its deal. Beside an invoice, what failed may be about that: such questions answer themselves.
fn is_moot(key: &str, has_invoice: bool) -> bool {
    let is_one_of = |codes: &[CaseCode]| codes.iter().any(|code| code.as_str() == key);
    let is_of_deal = if has_invoice {
        is_one_of(&CaseCode::ALL)
    } else {
        // A bill that stands in the books is somebody's matter all the same.
        !twins::is_about(key)
    };
    is_of_deal && !is_one_of(&IN_THE_BOOKS)
}
