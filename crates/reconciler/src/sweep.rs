//! The sweep: what changed on the portal since we last looked, whether or not an event told of it.
//!
//! The cursor moves in the same commit as the looks that its page asked for, never before.

use capability::portal::{ChangedPage, RecordKind};
use capability::{Call, ConnectorError};
use domain::StageId;
use domain::observed::Record as PortalRecord;
use engine::{Halted, LeaseContext};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use planner::Mode;
use store::{Lane, Look, Record, Settled, Subject, Work};

use crate::deal::subject_of;
use crate::{Connected, Reconciler, journal};

const KINDS: [(RecordKind, &str); 5] = [
    (RecordKind::Deal, "sweep/deal"),
    (RecordKind::Company, "sweep/company"),
    (RecordKind::Contact, "sweep/contact"),
    (RecordKind::Requisite, "sweep/requisite"),
    (RecordKind::BankDetail, "sweep/bank_detail"),
];
const ENTERED: &str = "sweep/entered";
const REASON: &str = "sweep";

pub(crate) async fn look(
    reconciler: &Reconciler,
    ctx: &LeaseContext,
    connected: &Connected,
    work: Work,
) -> Result<(), Halted> {
    for (kind, cursor) in KINDS {
        pages(reconciler, ctx, connected, cursor, &Asked::Changed(kind)).await?;
    }
    let stages: Vec<StageId> = connected
        .policy
        .funnels
        .iter()
        .filter(|funnel| funnel.mode != Mode::Off)
        .flat_map(|funnel| funnel.invoice_stages.iter().cloned())
        .collect();
    if !stages.is_empty() {
        pages(reconciler, ctx, connected, ENTERED, &Asked::Entered(stages)).await?;
    }
    ctx.record(Record {
        settled: vec![Settled { work, next: None }],
        ..Record::default()
    })
    .await
}

/// What a sweep asks the portal for.
enum Asked {
    Changed(RecordKind),
    Entered(Vec<StageId>),
}

impl Asked {
    fn page<'a>(
        &'a self,
        connected: &'a Connected,
        call: &'a Call<'_>,
        since: Timestamp,
        after: Option<u64>,
    ) -> BoxFuture<'a, Result<ChangedPage, ConnectorError>> {
        let sweep = &connected.portal.sweep;
        match self {
            Self::Changed(kind) => sweep.changed(call, *kind, since, after),
            Self::Entered(stages) => sweep.entered(call, stages, since, after),
        }
    }
}

/// Reads page after page from the cursor on, each committed with its looks.
async fn pages(
    reconciler: &Reconciler,
    ctx: &LeaseContext,
    connected: &Connected,
    cursor: &str,
    asked: &Asked,
) -> Result<(), Halted> {
    let portal = ctx.portal();
    let started = ctx.now();
    let since = since(reconciler, ctx, connected, cursor).await?;
    let mut after = None;
    loop {
        let call = ctx.call(&portal);
        let page = ctx
            .reading(|| asked.page(connected, &call, since, after))
            .await;
        let journal = journal::exchanges(&call, &[]);
        let page = match page {
            Ok(page) => page,
            Err(error) => return Err(journal::halt(ctx, journal, &error).await),
        };
        after = page.next;
        let mut record = Record {
            journal,
            looks: page
                .records
                .iter()
                .filter_map(|(record, _)| deal_look(record, started))
                .collect(),
            ..Record::default()
        };
        if after.is_none() {
            record
                .cursors
                .push((cursor.to_owned(), started.to_string()));
        }
        wake(ctx, &page).await?;
        ctx.record(record).await?;
        if after.is_none() {
            return Ok(());
        }
    }
}

/// From a while before the last sweep began; the first one begins at the portal's start.
async fn since(
    reconciler: &Reconciler,
    ctx: &LeaseContext,
    connected: &Connected,
    cursor: &str,
) -> Result<Timestamp, Halted> {
    let known = ctx
        .store()
        .cursor_get(&ctx.portal(), cursor)
        .await
        .map_err(Halted::from)?;
    let from = known
        .and_then(|text| text.parse().ok())
        .unwrap_or(connected.policy.start_at);
    let overlap = jiff::SignedDuration::try_from(reconciler.settings.sweep_overlap)
        .unwrap_or(jiff::SignedDuration::ZERO);
    Ok(from.checked_sub(overlap).unwrap_or(from))
}

fn deal_look(record: &PortalRecord, due_at: Timestamp) -> Option<Look> {
    matches!(record, PortalRecord::Deal(_)).then(|| Look {
        subject: subject_of(record),
        lane: Lane::Due,
        due_at,
        reason: REASON.to_owned(),
    })
}

/// A changed company or requisite concerns those who wait for it. A requisite's owner is asked for by a look of its own.
async fn wake(ctx: &LeaseContext, page: &ChangedPage) -> Result<(), Halted> {
    let portal = ctx.portal();
    let subjects: Vec<Subject> = page
        .records
        .iter()
        .map(|(record, _)| subject_of(record))
        .collect();
    ctx.store()
        .wake_waiters(&portal, &subjects, ctx.now())
        .await
        .map_err(Halted::from)?;
    let looks: Vec<Look> = page
        .records
        .iter()
        .filter(|(record, _)| {
            matches!(
                record,
                PortalRecord::Requisite(_) | PortalRecord::BankDetail(_)
            )
        })
        .map(|(record, _)| Look {
            subject: subject_of(record),
            lane: Lane::Due,
            due_at: ctx.now(),
            reason: REASON.to_owned(),
        })
        .collect();
    if looks.is_empty() {
        return Ok(());
    }
    ctx.store()
        .look(&portal, &looks)
        .await
        .map_err(Halted::from)
}
