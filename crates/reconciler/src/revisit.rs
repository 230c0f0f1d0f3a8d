//! Looks that no change asks for: open questions and payments that wait hourly, linked deals nightly, and as seldom
//! what would be issued where deals are only watched.

use engine::{Halted, LeaseContext};
use jiff::{SignedDuration, Timestamp};
use planner::CaseCode;
use store::{Case, CaseFilter, Lane, Look, Record, Subject, Work};

use crate::feed::NIGHTLY;
use crate::{Connected, portal_task, twins};

const PORTION: usize = 500;

/// Under which name it is kept when all that would be issued was looked at last, and by which policy.
const FORETOLD: &str = "cases/foretold";
/// A look that began by the former policy may note one after all were looked at by the new one.
const LATELY: SignedDuration = SignedDuration::from_hours(2);

/// Which of what would be issued is looked at again with the open questions. It follows its deal, of whose changes we
/// hear, and the policy: all of it is looked at by each new policy and once a day, or an office that watches for a
/// month would have all its deals read each hour.
struct Foretold {
    is_all: bool,
    /// What changed since then is looked at all the same.
    since: Timestamp,
}

impl Foretold {
    async fn of(ctx: &LeaseContext, connected: &Connected) -> Result<Self, Halted> {
        let last = ctx.store().cursor_get(&ctx.portal(), FORETOLD).await?;
        let last = last.as_deref().and_then(|last| last.split_once('@'));
        let by_this = last.filter(|(version, _)| *version == connected.version.to_string());
        let at = by_this.and_then(|(_, at)| at.parse::<Timestamp>().ok());
        let now = ctx.now();
        let day = SignedDuration::from_hours(24);
        Ok(Self {
            is_all: at.is_none_or(|at| now.duration_since(at).abs() >= day),
            since: now.checked_sub(LATELY).unwrap_or(now),
        })
    }

    fn is_due(&self, case: &Case) -> bool {
        let is_question = case.facts.code != CaseCode::InvoiceForetold.as_str();
        is_question || self.is_all || case.changed_at >= self.since
    }

    /// What is kept once all of it is to be looked at.
    fn kept(&self, connected: &Connected, at: Timestamp) -> Option<(String, String)> {
        let version = connected.version;
        self.is_all
            .then(|| (FORETOLD.to_owned(), format!("{version}@{at}")))
    }
}

/// Open questions are observed again: what answers them may have changed without a word. Payments that waited for the
/// accountant are decided as the policy says by now.
pub(crate) async fn open_cases(
    ctx: &LeaseContext,
    connected: &Connected,
    work: Work,
) -> Result<(), Halted> {
    let started = ctx.now();
    let foretold = Foretold::of(ctx, connected).await?;
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
            return ctx
                .record(Record {
                    settled: vec![portal_task::settled(ctx, work, portal_task::CASES, started)],
                    cursors: foretold.kept(connected, started).into_iter().collect(),
                    ..Record::default()
                })
                .await;
        };
        after = last.id;
        let looks = cases
            .iter()
            // A reminder has its days.
            .filter(|case| !CaseCode::is_reminder(&case.facts.code) && foretold.is_due(case))
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
            return ctx
                .record(Record {
                    settled: vec![portal_task::settled(ctx, work, portal_task::LINKS, started)],
                    ..Record::default()
                })
                .await;
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
