//! Looks that no change asks for: open questions and payments that wait hourly, linked deals nightly.

use engine::{Halted, LeaseContext};
use jiff::Timestamp;
use planner::CaseCode;
use store::{CaseFilter, Lane, Look, Record, Subject, Work};

use crate::feed::NIGHTLY;
use crate::{Connected, portal_task, twins};

const PORTION: usize = 500;

/// Open questions are observed again: what answers them may have changed without a word. Payments that waited for the
/// accountant are decided as the policy says by now.
pub(crate) async fn open_cases(
    ctx: &LeaseContext,
    connected: &Connected,
    work: Work,
) -> Result<(), Halted> {
    let started = ctx.now();
    let mut after = 0;
    loop {
        let filter = CaseFilter {
            after,
            limit: PORTION,
            ..CaseFilter::default()
        };
        let cases = ctx
            .store()
            .cases_open(&ctx.portal(), &filter)
            .await
            .map_err(Halted::from)?;
        let Some(last) = cases.last() else {
            if connected.policy.money.is_some() {
                let payments = Subject::portal(portal_task::PAYMENTS);
                ctx.record(Record {
                    looks: vec![look(ctx, payments, "payments that wait")],
                    ..Record::default()
                })
                .await?;
            }
            return settle(ctx, work, portal_task::CASES, started).await;
        };
        after = last.id;
        let looks = cases
            .iter()
            // A reminder has its days.
            .filter(|case| !CaseCode::is_reminder(&case.facts.code))
            .flat_map(|case| {
                [
                    Some(case.facts.subject.clone()),
                    twins::bill_of(&case.facts),
                ]
            })
            .flatten()
            .map(|subject| look(ctx, subject, "open question"))
            .collect();
        ctx.record(Record {
            looks,
            ..Record::default()
        })
        .await?;
    }
}

/// Deals with a live invoice are asked for by id, in portions, so that a deletion is seen.
pub(crate) async fn linked_deals(ctx: &LeaseContext, work: Work) -> Result<(), Halted> {
    let started = ctx.now();
    let mut after = None;
    loop {
        let deals = ctx
            .store()
            .linked_open_deals(&ctx.portal(), after, PORTION)
            .await
            .map_err(Halted::from)?;
        let Some(last) = deals.last() else {
            return settle(ctx, work, portal_task::LINKS, started).await;
        };
        after = Some(*last);
        let looks = deals
            .iter()
            .map(|deal| look(ctx, Subject::deal(*deal), NIGHTLY))
            .collect();
        ctx.record(Record {
            looks,
            ..Record::default()
        })
        .await?;
    }
}

fn look(ctx: &LeaseContext, subject: Subject, reason: &str) -> Look {
    Look {
        subject,
        lane: Lane::Trailing,
        due_at: ctx.now(),
        reason: reason.to_owned(),
    }
}

async fn settle(
    ctx: &LeaseContext,
    work: Work,
    task: &str,
    started: Timestamp,
) -> Result<(), Halted> {
    ctx.record(Record {
        settled: vec![portal_task::settled(ctx, work, task, started)],
        ..Record::default()
    })
    .await
}
