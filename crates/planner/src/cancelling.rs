//! An order to cancel an invoice: judged by policy and payment, and handed to the accountant, who cancels it.
//!
//! The question stands until the invoice is cancelled over there, or the accountant leaves it.

use domain::InvoiceStatus;
use domain::observed::DealGlance;

use crate::asking::{about_invoice, answered, ask, merge};
use crate::orders::{Given, emptied_at, said};
use crate::policy::Cancel;
use crate::{CaseCode, Choice, DealSnapshot, OrderAnswer, OurInvoice, Plan, Policy, texts};

/// The word for leaving the invoice as it is.
const LEAVE: &str = "leave";

/// What is said of an order that is handed on is about this, and the invoice.
pub(crate) const ASKED: &str = "cancel-asked/";

/// What becomes of the order: it is handed on, or answered why not.
pub(crate) fn ordered(
    snapshot: &DealSnapshot,
    glance: &DealGlance,
    given: Given,
    invoice: &OurInvoice,
    policy: &Policy,
) -> Plan {
    let refused = |why| said(snapshot, given, &given.refusal(glance), why);
    if invoice.is_void() {
        return refused(texts::cancelled_before(invoice));
    }
    if policy.invoice.cancel == Cancel::Never {
        return refused(texts::not_cancelled_by_order(invoice));
    }
    if !may_order(glance, policy) {
        let by = glance.deal.changed_by;
        return refused(texts::not_cancelled_for(
            invoice,
            by,
            &policy.invoice.cancel_by,
        ));
    }
    // What is paid in part or whole, or stands in a state that nobody knows, is the accountant's alone.
    let has_money = snapshot.paid_of(invoice).is_positive();
    if has_money || invoice.status != InvoiceStatus::Issued {
        return refused(texts::not_cancelled_after_payment(invoice));
    }
    if is_left(snapshot, invoice) {
        return refused(texts::not_cancelled_but_left(invoice));
    }
    let (about, text) = if is_ordered_again(snapshot, given, invoice) {
        (given.refusal(glance), texts::cancel_asked_before(invoice))
    } else {
        (asked_about(invoice), texts::cancel_asked(invoice))
    };
    let mut plan = question(snapshot, invoice);
    merge(&mut plan, said(snapshot, given, &about, text));
    plan
}

/// Whether the order in the field is another than the one that was handed on: the field was emptied since, or long enough ago
/// that it must have been.
fn is_ordered_again(snapshot: &DealSnapshot, given: Given, invoice: &OurInvoice) -> bool {
    let about = asked_about(invoice);
    let mut answers = snapshot.order_answers.iter();
    let handed_on = answers.find(|one| one.about == about);
    let is_another = |handed_on: &OrderAnswer| {
        let is_emptied = emptied_at(snapshot).is_some_and(|at| at >= handed_on.made_at);
        is_emptied || !handed_on.is_fresh
    };
    given.called.is_none() && is_asked(snapshot, invoice) && handed_on.is_some_and(is_another)
}

/// Whether the order is by somebody whose it is to give. Who filled the field, or moved the deal so that a robot called, is
/// who changed the deal last; where that was us, [`DealSnapshot::see`] leaves it unknown.
fn may_order(glance: &DealGlance, policy: &Policy) -> bool {
    let people = &policy.invoice.cancel_by;
    let by = glance.deal.changed_by;
    people.is_empty() || by.is_some_and(|by| people.contains(&by))
}

/// The question about what was ordered before, as long as the invoice is there to be cancelled.
pub(crate) fn plan(snapshot: &DealSnapshot) -> Plan {
    let code = CaseCode::CancelOrdered;
    let open = snapshot.open_cases.get(code.as_str());
    // The question may be open before its entry is in the timeline.
    let is_open = |one: &OurInvoice| open.is_some_and(|open| open.text == text(one));
    let mut standing = snapshot.invoices.iter().filter(|one| one.stands());
    let asked =
        standing.find(|one| !is_left(snapshot, one) && (is_asked(snapshot, one) || is_open(one)));
    match asked {
        Some(invoice) => question(snapshot, invoice),
        None => answered(snapshot, Plan::default(), &[code]),
    }
}

/// Whether the accountant was asked to cancel it: then it is no surprise that it is cancelled.
pub(crate) fn is_asked(snapshot: &DealSnapshot, invoice: &OurInvoice) -> bool {
    let mark = format!("timeline/{}", asked_about(invoice));
    snapshot.done.contains_key(&mark)
}

fn asked_about(invoice: &OurInvoice) -> String {
    format!("{ASKED}{}", invoice.slot)
}

/// Whether what is said of an order that is handed on is about one of which nothing is left to be done.
pub(crate) fn is_over(snapshot: &DealSnapshot, about: &str) -> bool {
    let mut invoices = snapshot.invoices.iter();
    let invoice = invoices.find(|one| asked_about(one) == about);
    invoice.is_some_and(|one| !one.stands() || is_left(snapshot, one))
}

fn is_left(snapshot: &DealSnapshot, invoice: &OurInvoice) -> bool {
    let (key, about) = (CaseCode::CancelOrdered.as_str(), invoice.slot.to_string());
    snapshot.answers.to(key, &about) == Some(LEAVE)
}

fn choices() -> Vec<Choice> {
    vec![Choice {
        word: LEAVE.to_owned(),
        text: "не отменять".to_owned(),
    }]
}

fn text(invoice: &OurInvoice) -> String {
    texts::with_choices(&texts::to_be_cancelled(invoice), &choices())
}

fn question(snapshot: &DealSnapshot, invoice: &OurInvoice) -> Plan {
    let code = CaseCode::CancelOrdered;
    let mut asked = about_invoice(snapshot.id, code, invoice, text(invoice));
    asked.case.choices = choices();
    asked.case.about = invoice.slot.to_string();
    ask(snapshot, asked)
}
