//! Orders that a person gives: in the deal's field, read once, carried out and taken out of the field again; or by calling
//! our address, which a robot of the portal may do. What was called stands as if it stood in the field, after what does,
//! until it is used up: by what it caused, or by the answer why not.
//!
//! An order that replaces an invoice stays noted with that invoice until the field is empty, so that a field that cannot
//! be emptied replaces nothing a second time.

use domain::observed::{DealGlance, FieldValue, OurField};
use domain::{Order, OrderNumber, Slot, SlotKind};
use jiff::Timestamp;

use crate::asking::merge;
use crate::showing::is_not_kept;
use crate::wanted::{is_followed, is_left_alone};
use crate::{Action, DealSnapshot, IsSaid, OrderAnswer, Plan, Policy, cancelling, texts};

/// An order that is to be obeyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) order: Order,
    /// Its number, unless it stands in the field.
    pub(crate) called: Option<OrderNumber>,
}

/// The order that stands in the field, obeyed or not.
pub(crate) fn in_field(glance: &DealGlance) -> Option<Order> {
    Order::said(glance.fields.command.as_deref().unwrap_or_default())
}

/// The order that is to be obeyed: what stands in the field, then what was called.
pub(crate) fn given(snapshot: &DealSnapshot, glance: &DealGlance) -> Option<Given> {
    let is_open = |order: &Order| !(order.makes_invoice() && is_obeyed(snapshot));
    let in_field = in_field(glance).filter(is_open).map(|order| Given {
        order,
        called: None,
    });
    in_field.or_else(|| {
        let called = snapshot.called?;
        Some(Given {
            order: called.order,
            called: Some(called.number),
        })
    })
}

/// Whether an order stands in the field or was called.
pub(crate) fn is_any(snapshot: &DealSnapshot, glance: &DealGlance) -> bool {
    in_field(glance).is_some() || snapshot.called.is_some()
}

/// Whether a person ordered an invoice where there is none: also one that is there no more is ordered anew.
pub(crate) fn is_ordered(snapshot: &DealSnapshot, glance: &DealGlance) -> bool {
    let called = snapshot.called.map(|called| called.order);
    let mut orders = in_field(glance).into_iter().chain(called);
    orders.any(|order| match order {
        Order::Issue | Order::Reissue | Order::Advance => true,
        Order::Rest | Order::Additional | Order::Cancel | Order::Leave => false,
    })
}

/// Whether an invoice that is issued now is what the order in the field asked for.
pub(crate) fn is_by_field(glance: &DealGlance) -> bool {
    in_field(glance).is_some_and(Order::makes_invoice)
}

/// The called order that an invoice of this kind uses up when it is issued now.
pub(crate) fn used_by_invoice(
    snapshot: &DealSnapshot,
    glance: &DealGlance,
    kind: SlotKind,
) -> Option<OrderNumber> {
    let given = given(snapshot, glance)?;
    let is_it = match given.order {
        Order::Issue | Order::Reissue => true,
        Order::Advance => kind == SlotKind::Advance,
        Order::Rest => kind == SlotKind::Rest,
        Order::Additional => kind == SlotKind::Additional,
        Order::Cancel | Order::Leave => false,
    };
    given.called.filter(|_| is_it)
}

/// Whether an invoice of this slot may be what an order asked for.
pub(crate) fn may_be_for(order: Order, slot: Slot) -> bool {
    match order {
        Order::Issue => slot.kind == SlotKind::Whole,
        Order::Advance => slot.kind == SlotKind::Advance,
        Order::Rest => slot.kind == SlotKind::Rest,
        Order::Additional => slot.kind == SlotKind::Additional,
        // In the place of one before it, or of none.
        Order::Reissue => slot.kind == SlotKind::Whole || slot.generation > 1,
        Order::Cancel | Order::Leave => false,
    }
}

/// Whether the order in the field was carried out already, and the field only has to be emptied.
fn is_obeyed(snapshot: &DealSnapshot) -> bool {
    snapshot.invoices.iter().any(|invoice| invoice.order_open)
}

impl Given {
    /// What an answer to it is about: the order itself where it was called, else what is said of one in the field.
    pub(crate) fn about(self, in_field: String) -> String {
        match self.called {
            Some(number) => format!("order/called/{number}"),
            None => in_field,
        }
    }

    /// What its refusal is about.
    pub(crate) fn refusal(self, glance: &DealGlance) -> String {
        self.about(format!("order/refused/{}", glance.deal.changed))
    }
}

/// An answer in the timeline, once; a called order is used up with it.
pub(crate) fn said(snapshot: &DealSnapshot, given: Given, about: &str, text: String) -> Plan {
    let mut plan = Plan::default();
    let before = match given.called {
        Some(_) => None,
        None => made_before(snapshot, about, &text),
    };
    let (about, called) = (before.unwrap_or(about).to_owned(), given.called);
    if snapshot.done.contains_key(&format!("timeline/{about}")) {
        plan.obeyed = called;
    } else {
        plan.actions.push(Action::AddTimelineEntry {
            about,
            text,
            called,
        });
    }
    plan
}

/// What the answer to the order in the field is about, if it was made before the deal was edited: the field was not emptied
/// since, so it is the same order. What may have been said already is that answer only in the same words, and for a while:
/// of a field that was emptied without an answer from the portal we do not know.
fn made_before<'a>(snapshot: &'a DealSnapshot, about: &str, text: &str) -> Option<&'a str> {
    let kind = kind(about)?;
    let emptied = emptied_at(snapshot);
    let is_it = |one: &&OrderAnswer| {
        let stands = match one.is_said {
            IsSaid::Yes => one.is_fresh && one.text == text,
            IsSaid::NotYet => true,
            IsSaid::GivenUp => false,
        };
        let is_since = emptied.is_none_or(|at| one.made_at > at);
        stands && is_since && self::kind(&one.about) == Some(kind)
    };
    let made = snapshot.order_answers.iter().rfind(is_it);
    made.map(|one| one.about.as_str())
}

/// When the field was emptied last.
pub(crate) fn emptied_at(snapshot: &DealSnapshot) -> Option<Timestamp> {
    let emptied = snapshot.written.iter().filter_map(|(at, field, value)| {
        (*field == OurField::Command && *value == FieldValue::Empty).then_some(*at)
    });
    emptied.max()
}

/// What a refusal is about but for the moment, which is that of the deal's last change.
fn kind(about: &str) -> Option<&str> {
    let (kind, _) = about.strip_prefix(ORDER)?.rsplit_once('/')?;
    Some(kind)
}

const ORDER: &str = "order/";

/// Whether a timeline entry about this answers an order.
pub fn is_answer(about: &str) -> bool {
    about.starts_with(ORDER) || about.starts_with(cancelling::ASKED)
}

/// What those answers are about that are given up, though whoever gave the order still waits for them.
pub fn answers_given_up(snapshot: &DealSnapshot) -> impl Iterator<Item = &str> {
    let answers = snapshot.order_answers.iter();
    answers
        .filter(|one| one.is_said == IsSaid::GivenUp && is_still_true(snapshot, one))
        .map(|one| one.about.as_str())
}

/// Whether an answer that comes late is one still: nothing was issued since, unless it only tells that there was no invoice
/// then; no other order was answered, and the invoice that it tells of is what it was.
fn is_still_true(snapshot: &DealSnapshot, answer: &OrderAnswer) -> bool {
    let made_at = answer.made_at;
    let tells_of_then = answer.text == texts::NO_INVOICE_YET;
    let is_issued_since = !tells_of_then && snapshot.last_issued.is_some_and(|at| at > made_at);
    let mut others = snapshot.order_answers.iter();
    let is_answered_since = others.any(|other| other.made_at > made_at);
    let about = &answer.about;
    let mut invoices = snapshot.invoices.iter();
    let invoice = invoices.find(|one| about.starts_with(&format!("{ORDER}{}/", one.slot)));
    let is_replaced = invoice.is_some_and(|one| !one.live);
    !is_issued_since && !is_answered_since && !is_replaced && !cancelling::is_over(snapshot, about)
}

/// Where the field was emptied and the answer beside it was lost, nothing in the deal asks for that answer any more: it is
/// said all the same, as long as it is true. An order that was given since is answered instead.
pub(crate) fn owed(snapshot: &DealSnapshot, mut plan: Plan, policy: &Policy) -> Plan {
    // What is decided or made on the accounting side goes first: an answer that waits still would hold it up.
    let is_first = |action: &Action| {
        matches!(
            action,
            Action::IssueInvoice { .. } | Action::CreateCounterparty { .. }
        )
    };
    let is_busy = !plan.needs.is_empty() || plan.is_decided() || plan.actions.iter().any(is_first);
    let is_given = snapshot
        .glance()
        .is_none_or(|glance| is_any(snapshot, glance));
    if is_busy || is_given || !is_followed(snapshot, policy) {
        return plan;
    }
    let answers = snapshot.order_answers.iter();
    for OrderAnswer { about, text, .. } in
        answers.filter(|one| one.is_said == IsSaid::NotYet && is_still_true(snapshot, one))
    {
        if snapshot.done.contains_key(&format!("timeline/{about}")) {
            continue;
        }
        let answer = Action::AddTimelineEntry {
            about: about.clone(),
            text: text.clone(),
            called: None,
        };
        let why = "ответ на команду ещё не записан в ленту сделки";
        merge(&mut plan, Plan::act(answer, why));
    }
    plan
}

/// A deal for which nothing is done: a called order goes with it.
pub(crate) fn in_vain(snapshot: &DealSnapshot, plan: Plan) -> Plan {
    Plan {
        obeyed: snapshot.called.map(|called| called.number),
        ..plan
    }
}

/// The answer to an order that is about an invoice where there is none: said once, and the field emptied.
pub(crate) fn without_invoice(
    snapshot: &DealSnapshot,
    policy: &Policy,
    now: Timestamp,
) -> Option<Plan> {
    let glance = snapshot.glance()?;
    let given = given(snapshot, glance)?;
    let why = match given.order {
        Order::Rest => texts::NO_REST_BEFORE_ADVANCE,
        Order::Additional => texts::NOTHING_TO_ADD_TO,
        Order::Cancel | Order::Leave => texts::NO_INVOICE_YET,
        Order::Issue | Order::Reissue | Order::Advance => return None,
    };
    let may_be_answered = is_followed(snapshot, policy) && !glance.deal.template;
    may_be_answered.then_some(())?;
    refused(snapshot, glance, why, policy, now)
}

/// Whether the only answer to an order in a deal's field is that nothing is done for the deals of its funnel, and may be
/// given: we write nowhere while we only watch.
pub(crate) fn is_unheard(snapshot: &DealSnapshot, policy: &Policy) -> bool {
    let Some(glance) = snapshot.glance().filter(|glance| !glance.deal.template) else {
        return false;
    };
    let in_field = given(snapshot, glance).filter(|given| given.called.is_none());
    in_field.is_some() && policy.is_at_work() && is_left_alone(snapshot, policy)
}

/// The answer to such an order, and nothing else; none where there is no such.
pub(crate) fn unheard(snapshot: &DealSnapshot, policy: &Policy, now: Timestamp) -> Option<Plan> {
    let glance = snapshot.glance()?;
    is_unheard(snapshot, policy).then_some(())?;
    let answer = refused(snapshot, glance, texts::FUNNEL_IS_OFF, policy, now);
    Some(answer.unwrap_or_else(|| Plan::nothing(texts::FUNNEL_IS_OFF)))
}

/// An order is answered by why it cannot be obeyed: said once, and the field emptied. None: there is no order, or a robot
/// gives it again and again.
pub(crate) fn refused(
    snapshot: &DealSnapshot,
    glance: &DealGlance,
    why: &str,
    policy: &Policy,
    now: Timestamp,
) -> Option<Plan> {
    let given = given(snapshot, glance)?;
    let refused = || said(snapshot, given, &given.refusal(glance), why.to_owned());
    if given.called.is_some() {
        return Some(refused());
    }
    let empty = FieldValue::Empty;
    let is_kept = !is_not_kept(snapshot, OurField::Command, &empty, now);
    (is_kept && policy.fields.contains_key(&OurField::Command)).then_some(())?;
    let mut plan = refused();
    let emptied = Plan::act(
        Action::WriteFields {
            fields: vec![(OurField::Command, empty)],
        },
        why,
    );
    merge(&mut plan, emptied);
    Some(plan)
}
