//! What our own records say of the due deals: the beginning of their snapshots.

use std::collections::BTreeMap;

use domain::{CounterpartyKey, DealId, Money, Revision, UserId};
use engine::transition::is_exhausted;
use engine::{Halted, LeaseContext};
use jiff::{SignedDuration, Timestamp, civil::Date};
use planner::receipts::{Means, Receipt};
use planner::{
    Action, Answer, Called, Creating, DealSnapshot, Fired, Heard, IsSaid, OpenCase, OrderAnswer,
    OurInvoice, Repeatable, Seller,
};
use serde::{Deserialize, Serialize};
use store::{Case, CaseState, Effect, EffectState, InvoiceLink, Known, Subject, Work};

use super::{Looked, flood, orders, writes};
use crate::{Connected, journal, overdue};

/// Seconds until an unsettled effect of somebody else's making is worth another look.
pub(crate) const LOOK_UP_AGAIN: i64 = 15;
/// So far back it is known what our fields were set to.
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// For so long an order may stand in the field though it was answered.
const FRESH: SignedDuration = SignedDuration::from_mins(15);

/// What is kept beside a link: enough to compare the deal with its invoice and to print it again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Issued {
    pub(crate) draft: domain::InvoiceDraft,
    pub(crate) seller: Seller,
    /// See [`OurInvoice::compared`].
    #[serde(default)]
    pub(crate) compared: Option<Timestamp>,
    /// See [`OurInvoice::replaced`].
    #[serde(default)]
    pub(crate) replaced: bool,
    /// See [`OurInvoice::order_open`].
    #[serde(default)]
    pub(crate) order_open: bool,
    /// See [`OurInvoice::adopted`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) adopted: bool,
    /// See [`OurInvoice::paid_before`].
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub(crate) paid_before: Money,
    /// See [`OurInvoice::adopted_on`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) adopted_on: Option<Date>,
    /// See [`OurInvoice::paid_there`].
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub(crate) paid_there: Money,
    /// See [`OurInvoice::paid_since`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) paid_since: Option<Timestamp>,
    /// See [`OurInvoice::billed`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) billed: Option<CounterpartyKey>,
}

fn is_nothing(paid: &Money) -> bool {
    *paid == Money::ZERO
}

/// The status of a link whose invoice is no more.
pub(crate) const DELETED: &str = "deleted";

/// Reads our records of all due deals in one go.
pub(crate) async fn begin(
    ctx: &LeaseContext,
    connected: &Connected,
    due: Vec<Work>,
) -> Result<BTreeMap<DealId, Looked>, Halted> {
    let mut deals = BTreeMap::new();
    for work in due {
        // An id that is no number was never a deal of this remote; the look settles it as nothing.
        let id = work.subject.id.parse().unwrap_or(DealId(0));
        let mut snapshot = DealSnapshot::unread(id);
        snapshot.undisturbed = work
            .reasons
            .iter()
            .all(|reason| crate::feed::leaves_the_deal(reason));
        let is_hinted = work
            .reasons
            .iter()
            .all(|reason| crate::feed::is_hint(reason));
        snapshot.hinted = work.heard_at.filter(|_| is_hinted);
        let mut deal = Looked::new(work, id, snapshot);
        deal.finished = id == DealId(0);
        deals.insert(id, deal);
    }
    refresh(ctx, connected, &mut deals).await?;
    Ok(deals)
}

/// Reads our records of all deals of the pass anew; what was observed on the remotes stays.
pub(crate) async fn refresh(
    ctx: &LeaseContext,
    connected: &Connected,
    deals: &mut BTreeMap<DealId, Looked>,
) -> Result<(), Halted> {
    let subjects: Vec<Subject> = deals.keys().map(|id| Subject::deal(*id)).collect();
    let mut known = ctx.known(&subjects).await?;
    let standings = flood::standings(ctx, connected, deals.keys().copied()).await?;
    let day_ago = ctx.now().checked_sub(DAY).unwrap_or(Timestamp::MIN);
    let written = ctx
        .store()
        .effects_done_since(&ctx.portal(), &subjects, day_ago)
        .await
        .map_err(Halted::from)?;
    known.effects.extend(written);
    let mut by_deal = by_deal(&known);
    for (id, deal) in deals.iter_mut() {
        let ours = by_deal.remove(&Subject::deal(*id)).unwrap_or_default();
        deal.snapshot.flood = standings.get(id).copied().unwrap_or_default();
        let is_intended = |effect: &&Effect| effect.state == EffectState::Intended;
        deal.intends = ours.effects.iter().any(is_intended);
        fill(connected, &mut deal.snapshot, &ours, ctx.now());
    }
    overdue::know(ctx, connected, deals).await
}

/// The kind of an action that creates an invoice.
const ISSUE_INVOICE: &str = "issue_invoice";
/// Among a question's particulars: its funnel was only watched.
pub(crate) const WATCHED: &str = "watched";

/// Our records of one deal.
#[derive(Default)]
struct OfDeal<'a> {
    invoice_links: Vec<&'a InvoiceLink>,
    receipts: Vec<&'a store::Receipt>,
    called: Option<Called>,
    cases: Vec<&'a Case>,
    heard: Vec<&'a Case>,
    effects: Vec<&'a Effect>,
}

/// Each record is gone through once, however many deals there are.
fn by_deal(known: &Known) -> BTreeMap<Subject, OfDeal<'_>> {
    let mut deals: BTreeMap<Subject, OfDeal<'_>> = BTreeMap::new();
    for link in &known.invoice_links {
        let ours = deals.entry(Subject::deal(link.deal)).or_default();
        ours.invoice_links.push(link);
    }
    for receipt in &known.receipts {
        let ours = deals.entry(Subject::deal(receipt.deal)).or_default();
        ours.receipts.push(receipt);
    }
    for order in &known.orders {
        let ours = deals.entry(Subject::deal(order.deal)).or_default();
        ours.called.get_or_insert_with(|| orders::called(order));
    }
    for case in &known.cases {
        let ours = deals.entry(case.facts.subject.clone()).or_default();
        ours.cases.push(case);
    }
    for case in &known.heard {
        let ours = deals.entry(case.facts.subject.clone()).or_default();
        ours.heard.push(case);
    }
    for effect in &known.effects {
        let ours = deals.entry(effect.subject.clone()).or_default();
        ours.effects.push(effect);
    }
    deals
}

fn fill(connected: &Connected, snapshot: &mut DealSnapshot, ours: &OfDeal<'_>, now: Timestamp) {
    let links = ours.invoice_links.iter();
    let invoices: Vec<Option<OurInvoice>> = links.map(|link| our_invoice(link)).collect();
    let mut effects = ours.effects.iter();
    snapshot.sealed = invoices.iter().any(Option::is_none) || effects.any(|one| is_sealed(one));
    snapshot.invoices = invoices.into_iter().flatten().collect();
    snapshot.invoices.sort_by_key(|invoice| invoice.slot);
    let receipts = ours.receipts.iter();
    snapshot.receipts = receipts
        .filter_map(|one| receipt(&snapshot.invoices, one))
        .collect();
    snapshot.called = ours.called;
    let open = ours
        .cases
        .iter()
        .filter(|case| case.state == CaseState::Open);
    snapshot.open_cases = open
        .map(|case| {
            let open = OpenCase {
                text: case.facts.text.clone(),
                // Being told of the former text is not being told of this one.
                told: case.told_at.is_some_and(|at| at >= case.changed_at),
                watched: is_watched(case),
                about: about(case).to_owned(),
                whom: whom(case),
                heard_by: case.told_to,
                id: Some(case.id),
            };
            (case.facts.key.clone(), open)
        })
        .collect();
    let heard = ours.heard.iter();
    snapshot.heard_before = heard
        .filter_map(|case| {
            Some(Heard {
                key: case.facts.key.clone(),
                about: about(case).to_owned(),
                at: case.told_at?,
            })
        })
        .collect();
    snapshot.answers.0 = ours.cases.iter().filter_map(|case| answer(case)).collect();
    snapshot.creating = None;
    snapshot.registering.clear();
    snapshot.done.clear();
    snapshot.fired.clear();
    snapshot.our_changes.clear();
    snapshot.order_answers.clear();
    snapshot.last_issued = None;
    snapshot.written.clear();
    for effect in &ours.effects {
        remember(connected, snapshot, effect, now);
    }
}

/// A creation that may have taken effect, and of which we cannot read what was to be created.
fn is_sealed(effect: &Effect) -> bool {
    let may_stand = matches!(effect.state, EffectState::Sent | EffectState::Unknown);
    may_stand && effect.action == ISSUE_INVOICE && action_of(effect).is_none()
}

/// Money that one of these invoices got.
fn receipt(invoices: &[OurInvoice], receipt: &store::Receipt) -> Option<Receipt> {
    let is_it = |invoice: &&OurInvoice| {
        invoice.id == receipt.invoice.invoice
            && invoice.organisation == receipt.invoice.organisation
    };
    Some(Receipt {
        slot: invoices.iter().find(is_it)?.slot,
        transaction: receipt.transaction,
        dated: receipt.dated,
        amount: receipt.amount,
        means: match &receipt.means {
            store::Means::Payment {
                payment,
                remaining,
                order,
                letter,
            } => Means::Payment {
                payment: *payment,
                remaining: *remaining,
                order: order.clone(),
                letter: letter.clone(),
            },
            store::Means::Settlement(settlement) => Means::Settlement(settlement.clone()),
            store::Means::Refund { returned, order } => Means::Refund {
                returned: *returned,
                order: order.clone(),
            },
        },
        undone: receipt.undone.clone(),
    })
}

/// Whether it was found while its funnel was only watched.
fn is_watched(case: &Case) -> bool {
    let watched = case.facts.facts.get(WATCHED);
    watched.and_then(|watched| watched.as_bool()) == Some(true)
}

/// The manager whom a question is for.
fn whom(case: &Case) -> Option<UserId> {
    let whom = case.facts.facts.get(store::WHOM)?;
    whom.as_u64().map(UserId)
}

/// What exactly a question is about.
fn about(case: &Case) -> &str {
    let about = case.facts.facts.get("about");
    about.and_then(|about| about.as_str()).unwrap_or_default()
}

/// What a person chose, for just what was asked.
fn answer(case: &Case) -> Option<Answer> {
    let choice = case.answer.as_ref()?.get("choice")?.as_str()?;
    (case.state == CaseState::Answered).then(|| Answer {
        key: case.facts.key.clone(),
        about: about(case).to_owned(),
        choice: choice.to_owned(),
    })
}

/// What an effect of ours means for the deal.
fn remember(connected: &Connected, snapshot: &mut DealSnapshot, effect: &Effect, now: Timestamp) {
    let Some(action) = action_of(effect) else {
        return;
    };
    let outcome = effect.outcome.as_ref();
    snapshot
        .our_changes
        .extend(outcome.and_then(writes::written_at));
    snapshot
        .order_answers
        .extend(order_answer(&action, effect, now));
    let pending = matches!(effect.state, EffectState::Sent | EffectState::Unknown);
    // Its quiet time may be over while its absence is not proved yet.
    let look_at = effect
        .quiet_until
        .unwrap_or(now)
        .max(journal::after(now, LOOK_UP_AGAIN));
    match (&action, effect.state) {
        (Action::IssueInvoice { slot, draft, .. }, _) if pending => {
            let honours_key = connected.accounting.issue.honours_idempotency_key();
            snapshot.creating = Some(Creating {
                slot: *slot,
                look_at,
                repeatable: honours_key.then(|| Repeatable {
                    revision: draft.revision(),
                    not_before: repeated_at(effect),
                }),
            });
        }
        (Action::CreateCounterparty { counterparty, .. }, _) if pending => {
            snapshot
                .registering
                .push((counterparty.key.clone(), look_at));
        }
        (Action::WriteFields { fields }, EffectState::Done) => {
            for (field, value) in fields {
                snapshot
                    .written
                    .push((effect.updated_at, *field, value.clone()));
            }
        }
        (action, EffectState::Done) if effect.once => {
            if let Action::IssueInvoice { .. } = action {
                snapshot.last_issued = snapshot.last_issued.max(Some(effect.updated_at));
            }
            snapshot.done.insert(action.mark(), outcome_id(effect));
            if let Action::MoveStage {
                changed,
                trigger: true,
                ..
            } = action
            {
                let fired = Fired {
                    at: effect.updated_at,
                    since: *changed,
                };
                snapshot.fired.insert(action.mark(), fired);
            }
        }
        _ => {}
    }
}

/// An answer to an order in the field; who called one has the order itself until it is answered.
fn order_answer(action: &Action, effect: &Effect, now: Timestamp) -> Option<OrderAnswer> {
    let Action::AddTimelineEntry {
        about,
        text,
        called: None,
    } = action
    else {
        return None;
    };
    let is_said = match effect.state {
        EffectState::Sent | EffectState::Unknown | EffectState::Done => IsSaid::Yes,
        EffectState::Intended if !is_exhausted(effect) => IsSaid::NotYet,
        EffectState::Intended | EffectState::Refused => IsSaid::GivenUp,
        EffectState::Superseded => return None,
    };
    let age = now.duration_since(effect.created_at);
    planner::is_answer(about).then(|| OrderAnswer {
        about: about.clone(),
        text: text.clone(),
        made_at: effect.created_at,
        is_fresh: age < FRESH,
        is_said,
    })
}

/// The first repetition goes at once: whoever waits should not wait for what cannot do harm. The others go ever later, and
/// never before the accounting side wants to hear of us again.
fn repeated_at(effect: &Effect) -> Timestamp {
    let sent_at = effect.sent_at.unwrap_or(effect.created_at);
    let repeated = effect.attempt.saturating_sub(1);
    let own = journal::after(sent_at, LOOK_UP_AGAIN.saturating_mul(repeated.into()));
    effect.not_before.map_or(own, |asked| asked.max(own))
}

/// The id that a done effect left on its remote.
pub(crate) fn outcome_id(effect: &Effect) -> Option<String> {
    let id = effect.outcome.as_ref()?.get("id")?;
    id.as_str().map(str::to_owned)
}

/// The action an effect was made for.
pub(crate) fn action_of(effect: &Effect) -> Option<Action> {
    Action::deserialize(&effect.request).ok()
}

pub(crate) fn our_invoice(link: &InvoiceLink) -> Option<OurInvoice> {
    let issued = Issued::deserialize(&link.draft).ok()?;
    let status = serde_json::from_value(link.status.clone().into())
        .unwrap_or(domain::InvoiceStatus::Unknown);
    Some(OurInvoice {
        slot: link.slot,
        organisation: link.organisation.clone(),
        id: link.invoice.clone(),
        contractor: link.contractor.clone(),
        billed: issued.billed,
        number: link.number.clone(),
        date: link.date,
        total: link.total,
        revision: Revision::parse(&link.revision).unwrap_or_else(|_| issued.draft.revision()),
        draft: issued.draft,
        seller: issued.seller,
        status,
        live: link.live,
        deleted: link.status == DELETED,
        compared: issued.compared,
        replaced: issued.replaced,
        order_open: issued.order_open,
        adopted: issued.adopted,
        paid_before: issued.paid_before,
        adopted_on: issued.adopted_on,
        paid_there: issued.paid_there,
        paid_since: issued.paid_since,
    })
}

/// The record of an invoice as we last saw it.
pub(crate) fn link_of(deal: DealId, invoice: &OurInvoice, now: Timestamp) -> InvoiceLink {
    let issued = Issued {
        draft: invoice.draft.clone(),
        seller: invoice.seller.clone(),
        compared: invoice.compared,
        replaced: invoice.replaced,
        order_open: invoice.order_open,
        adopted: invoice.adopted,
        paid_before: invoice.paid_before,
        adopted_on: invoice.adopted_on,
        paid_there: invoice.paid_there,
        paid_since: invoice.paid_since,
        billed: invoice.billed.clone(),
    };
    InvoiceLink {
        deal,
        slot: invoice.slot,
        organisation: invoice.organisation.clone(),
        invoice: invoice.id.clone(),
        contractor: invoice.contractor.clone(),
        number: invoice.number.clone(),
        date: invoice.date,
        total: invoice.total,
        revision: invoice.revision.as_str().to_owned(),
        status: if invoice.deleted {
            DELETED.to_owned()
        } else {
            invoice.status.as_str().to_owned()
        },
        live: invoice.live,
        draft: serde_json::to_value(issued).unwrap_or_default(),
        updated_at: now,
    }
}
