//! A plan taken as carried out: what of it is known afterwards.

use domain::observed::KnownCounterparty;
use domain::{ContractorId, InvoiceId, InvoiceStatus, Money};
use jiff::Timestamp;
use planner::{Action, DealSnapshot, Fired, OpenCase, OurInvoice, Plan};

use crate::build::TestDeal;

impl TestDeal {
    /// Takes a plan as carried out, the way the reconciler folds what came of it.
    pub(crate) fn carry_out(&mut self, plan: Plan) {
        let snapshot = &mut self.snapshot;
        for case in plan.cases {
            let text = case.text;
            snapshot.open_cases.insert(
                case.key,
                OpenCase {
                    text,
                    told: false,
                    watched: false,
                    about: case.about,
                    whom: case.whom,
                    heard_by: None,
                    id: Some(1),
                },
            );
        }
        for key in plan.withdrawn {
            snapshot.open_cases.remove(&key);
        }
        for reply in plan.replies {
            snapshot.open_cases.remove(&reply.key);
            snapshot.answers.0.push(planner::Answer {
                key: reply.key,
                about: reply.about,
                choice: reply.choice,
            });
        }
        if let Some(given_up) = plan.given_up {
            let mut invoices = snapshot.invoices.iter_mut();
            let invoice = invoices.find(|one| one.slot == given_up.slot).unwrap();
            (invoice.live, invoice.replaced) = (false, true);
            invoice.order_open = given_up.by_order;
        }
        let done = plan.actions.iter().filter_map(Action::uses_up);
        for number in done.chain(plan.obeyed) {
            snapshot.use_up(number);
        }
        for action in plan.actions {
            fold(snapshot, &action, self.now);
        }
        snapshot.close_orders();
    }
}

fn fold(snapshot: &mut DealSnapshot, action: &Action, now: Timestamp) {
    match action {
        Action::IssueInvoice { .. } => {
            snapshot.last_issued = Some(now);
            snapshot.invoices.extend(issued(action, "17"));
            snapshot.invoices.sort_by_key(|invoice| invoice.slot);
        }
        Action::CreateCounterparty {
            organisation,
            counterparty,
        } => {
            let asked = (organisation.clone(), counterparty.key.who.clone());
            let made = KnownCounterparty {
                id: ContractorId::new("K-new"),
                counterparty: counterparty.clone(),
            };
            snapshot.counterparties.entry(asked).or_default().push(made);
        }
        Action::WriteFields { fields } => {
            let written = fields.iter().map(|(field, to)| (now, *field, to.clone()));
            snapshot.written.extend(written);
            snapshot.show(fields);
        }
        Action::AddTimelineEntry { .. } => {
            snapshot.done.insert(action.mark(), Some("901".to_owned()));
        }
        Action::AttachPdf { .. } => {
            snapshot.done.insert(action.mark(), None);
        }
        Action::MoveStage {
            to,
            changed,
            trigger,
            ..
        } => {
            snapshot.done.insert(action.mark(), None);
            if *trigger {
                let fired = Fired {
                    at: now,
                    since: *changed,
                };
                snapshot.fired.insert(action.mark(), fired);
            } else {
                snapshot.moved_to(to);
            }
        }
        Action::Notify { about, .. } => {
            if let Some(open) = snapshot.open_cases.get_mut(about) {
                open.told = true;
            }
        }
    }
}

/// The invoice that the accounting side makes of an action.
pub(crate) fn issued(action: &Action, number: &str) -> Option<OurInvoice> {
    let Action::IssueInvoice {
        slot,
        contractor,
        draft,
        seller,
        ordered,
        ..
    } = action
    else {
        return None;
    };
    Some(OurInvoice {
        slot: *slot,
        organisation: draft.seller.clone(),
        id: InvoiceId::new("B-17"),
        contractor: contractor.clone(),
        billed: None,
        number: number.to_owned(),
        date: draft.date,
        total: draft.totals().unwrap().gross,
        revision: draft.revision(),
        draft: (**draft).clone(),
        seller: (**seller).clone(),
        status: InvoiceStatus::Issued,
        live: true,
        deleted: false,
        compared: None,
        replaced: false,
        order_open: *ordered,
        adopted: false,
        paid_before: Money::ZERO,
        adopted_on: None,
        paid_there: Money::ZERO,
        paid_since: None,
    })
}
