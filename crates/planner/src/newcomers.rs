//! A buyer that the accounting side does not know: created by ourselves, or first by the accountant's word.
//!
//! While the accountant is asked, the deal's state says that it waits. The accountant may answer, or enter the buyer by
//! hand: the next look finds it.

use domain::InvoiceDraft;
use domain::observed::{DealReading, FieldValue, OurField};
use jiff::Timestamp;

use crate::asking::{Asked, about_buyer};
use crate::policy::NewBuyers;
use crate::showing::{is_not_kept, shown};
use crate::wanted::is_followed;
use crate::{Action, CaseCode, Choice, DealSnapshot, Plan, Policy, texts};

/// The word for entering the buyer ourselves.
const CREATE: &str = "create";

/// The question that stands before a new buyer is created; none: it is created.
pub(crate) fn question(
    snapshot: &DealSnapshot,
    reading: &DealReading,
    invoice: &InvoiceDraft,
    policy: &Policy,
) -> Option<Asked> {
    let about = format!("{}/{}", invoice.seller, invoice.buyer.key);
    let key = CaseCode::CounterpartyNew.as_str();
    let is_allowed = policy.invoice.new_buyers == NewBuyers::Create
        || snapshot.answers.to(key, &about) == Some(CREATE);
    if is_allowed {
        return None;
    }
    let choices = vec![Choice {
        word: CREATE.to_owned(),
        text: "завести его и выставить счёт".to_owned(),
    }];
    let text = texts::with_choices(&texts::new_buyer(&invoice.buyer), &choices);
    let mut asked = about_buyer(snapshot.id, reading, CaseCode::CounterpartyNew, text);
    asked.case.cause = format!("{key}: {about}");
    asked.case.choices = choices;
    asked.case.about = about;
    Some(asked)
}

/// The deal's state says that it waits for the accountant, and says so no longer than it does.
pub(crate) fn shown_as_waiting(
    snapshot: &DealSnapshot,
    mut plan: Plan,
    policy: &Policy,
    now: Timestamp,
) -> Plan {
    let Some(glance) = snapshot.glance() else {
        return plan;
    };
    let is_ours = policy.fields.contains_key(&OurField::Status) && is_followed(snapshot, policy);
    if !is_ours || !plan.needs.is_empty() || snapshot.live_invoice().is_some() {
        return plan;
    }
    let key = CaseCode::CounterpartyNew.as_str();
    let is_asked = plan.cases.iter().any(|case| case.key == key);
    let is_open = snapshot.open_cases.contains_key(key)
        && !plan.withdrawn.iter().any(|withdrawn| withdrawn == key);
    let waiting = FieldValue::Text(texts::WAITS_FOR_ACCOUNTANT.to_owned());
    let is_shown = shown(glance, OurField::Status) == waiting;
    // What is issued now shows its own state in a moment.
    let goes_on = plan.actions.iter().any(|action| {
        matches!(
            action,
            Action::IssueInvoice { .. } | Action::CreateCounterparty { .. }
        )
    });
    let value = match (is_asked || is_open, is_shown) {
        (true, false) => waiting,
        (false, true) if !goes_on => FieldValue::Empty,
        (true, true) | (false, true | false) => return plan,
    };
    // A copied deal is cleared first: the next plan goes on from there.
    let is_written = plan
        .actions
        .iter()
        .any(|action| matches!(action, Action::WriteFields { .. }));
    if !is_written && !is_not_kept(snapshot, OurField::Status, &value, now) {
        plan.actions.push(Action::WriteFields {
            fields: vec![(OurField::Status, value)],
        });
    }
    plan
}
