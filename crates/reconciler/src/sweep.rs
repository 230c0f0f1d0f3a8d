//! The sweep: what changed on the portal since we last looked, whether or not an event told of it.
//!
//! All kinds of records are asked in one call. The cursors move in the same commit as the looks that their
//! pages asked for, never before. A sweep reaches back behind the one before, because clocks differ and lists
//! lag; what it shows unchanged a second time is not looked at again, nor is a deal of which it shows that it wants
//! nothing.

use std::collections::{BTreeMap, BTreeSet};

use capability::portal::{Changed, RecordKind, SweepAsk, SweepOf};
use engine::{Halted, LeaseContext};
use jiff::{SignedDuration, Timestamp};
use planner::{Mode, Policy};
use planted::Bug;
use serde::{Deserialize, Serialize};
use store::{Lane, Look, Record, Subject, SubjectKind, Work};

use crate::deal::{at_rest, subject_of};
use crate::{Connected, Reconciler, access, journal, own_invoices, portal_task, record_owner};

const REASON: &str = "sweep";
/// How old a time of change must be to be remembered as seen.
const SETTLED_AFTER: SignedDuration = SignedDuration::from_secs(5);

/// One thread of a sweep, read page by page.
struct Thread {
    name: &'static str,
    ask: SweepAsk,
    followed: String,
    /// What the sweep before saw in the overlap, by record, with its time of change.
    seen_before: BTreeMap<String, Timestamp>,
    seen_now: BTreeMap<String, Timestamp>,
    /// When its first page was asked for, by the portal's clock. Ours may be wrong by an hour, and a sweep that began
    /// an hour too late would never see what changed before.
    asked_at: Option<Timestamp>,
}

/// One sweep from its first page to its last.
struct Sweeping {
    started: Timestamp,
    overlap: SignedDuration,
    /// Deals that it found to have entered their stage. The look that it asked for began after it, so whatever the list
    /// of changes shows of them was seen by that look, or came after it and is in the next sweep.
    entered: BTreeSet<Subject>,
    /// It died before, of a deal perhaps: then none is judged here, and the look at that one finds it out.
    died: bool,
}

/// What is kept of a thread between two sweeps.
#[derive(Default, Serialize, Deserialize)]
struct Cursor {
    /// When the last sweep began, by the portal's clock.
    at: Option<Timestamp>,
    /// What it saw changed shortly before; the next one will see it again.
    seen: BTreeMap<String, Timestamp>,
    /// What was followed, where that decides which records are wanted. Followed otherwise now, the thread begins at
    /// the portal's start again: what entered its stage while the funnel was only watched has no other word of it.
    #[serde(default)]
    followed: String,
}

pub(crate) async fn look(
    reconciler: &Reconciler,
    ctx: &LeaseContext,
    connected: &Connected,
    work: Work,
) -> Result<(), Halted> {
    let started = ctx.now();
    let overlap =
        SignedDuration::try_from(reconciler.settings.sweep_overlap).unwrap_or(SignedDuration::ZERO);
    let mut threads = threads(ctx, connected, overlap).await?;
    if planted::is(Bug::CursorBeforeRows) {
        let cursors = threads.iter().map(|thread| finished(thread, started));
        let record = Record {
            cursors: cursors.collect(),
            ..Record::default()
        };
        ctx.record(record).await?;
    }
    let mut sweeping = Sweeping {
        started,
        overlap,
        entered: BTreeSet::new(),
        died: work.deaths > 0,
    };
    while !threads.is_empty() {
        threads = pages(reconciler, ctx, connected, threads, &mut sweeping).await?;
    }
    access::regained(ctx, portal_task::SWEEP).await?;
    ctx.record(Record {
        settled: vec![portal_task::settled(ctx, work, portal_task::SWEEP, started)],
        ..Record::default()
    })
    .await
}

/// Everything that is swept, each from a while before its last sweep began; the first one begins at the
/// portal's start.
async fn threads(
    ctx: &LeaseContext,
    connected: &Connected,
    overlap: SignedDuration,
) -> Result<Vec<Thread>, Halted> {
    let stages = connected.policy.invoice_stages();
    let mut asked = vec![
        ("sweep/deal", SweepOf::Changed(RecordKind::Deal)),
        ("sweep/company", SweepOf::Changed(RecordKind::Company)),
        ("sweep/contact", SweepOf::Changed(RecordKind::Contact)),
        ("sweep/requisite", SweepOf::Changed(RecordKind::Requisite)),
        (
            "sweep/bank_detail",
            SweepOf::Changed(RecordKind::BankDetail),
        ),
    ];
    if !stages.is_empty() {
        asked.push(("sweep/entered", SweepOf::Entered(stages)));
    }
    if own_invoices::are_swept(ctx, connected).await? {
        asked.push((own_invoices::SWEEP, SweepOf::OwnInvoices));
    }
    let watched = ctx.store().cursor_get(&ctx.portal(), WATCHED).await?;
    let mut threads = Vec::new();
    for (name, of) in asked {
        let cursor = ctx.store().cursor_get(&ctx.portal(), name).await?;
        // A cursor that cannot be read sweeps from the start again.
        let cursor: Cursor = cursor
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default();
        let followed = match &of {
            SweepOf::Entered(_) => since_watched(followed(&connected.policy), watched.as_deref()),
            SweepOf::Changed(_) | SweepOf::OwnInvoices => String::new(),
        };
        let cursor = if cursor.followed == followed {
            cursor
        } else {
            Cursor::default()
        };
        let from = cursor.at.unwrap_or(connected.policy.start_at);
        threads.push(Thread {
            name,
            ask: SweepAsk {
                of,
                since: from.checked_sub(overlap).unwrap_or(from),
                after: None,
                pages: 0,
            },
            followed,
            seen_before: cursor.seen,
            seen_now: BTreeMap::new(),
            asked_at: None,
        });
    }
    Ok(threads)
}

/// Where the last plan that was made and not carried out is noted: a deal of it may have been found by a sweep of an
/// active portal, looked at while it was only watched, and is in no later sweep.
const WATCHED: &str = "sweep/watched";

/// Notes that a plan was made and not carried out.
pub(crate) fn watched(policy: &Policy, now: Timestamp) -> (String, String) {
    (WATCHED.to_owned(), format!("{}@{now}", followed(policy)))
}

/// What is followed now, as long as nothing was only watched that is not now.
fn since_watched(followed: String, watched: Option<&str>) -> String {
    match watched.and_then(|watched| watched.rsplit_once('@')) {
        Some((then, at)) if then != followed => format!("{followed}@{at}"),
        Some(_) | None => followed,
    }
}

/// What makes a deal that entered a stage one of ours: in which funnels, which stages, since when.
fn followed(policy: &Policy) -> String {
    let ours = policy
        .funnels
        .iter()
        .filter(|funnel| funnel.mode != Mode::Off);
    let funnels: Vec<_> = ours
        .clone()
        .map(|funnel| (funnel.id, funnel.mode, &funnel.invoice_stages))
        .collect();
    let starts: Vec<_> = ours
        .filter_map(|funnel| Some((funnel.id, funnel.start_at?)))
        .collect();
    let told = if starts.is_empty() {
        serde_json::to_string(&(policy.start_at, funnels))
    } else {
        serde_json::to_string(&(policy.start_at, funnels, starts))
    };
    told.unwrap_or_default()
}

/// Reads on in every thread in one call and commits it with its looks; answers the threads that have more.
async fn pages(
    reconciler: &Reconciler,
    ctx: &LeaseContext,
    connected: &Connected,
    threads: Vec<Thread>,
    sweeping: &mut Sweeping,
) -> Result<Vec<Thread>, Halted> {
    let started = sweeping.started;
    let portal = ctx.portal();
    let call = ctx.call(&portal);
    let asks: Vec<SweepAsk> = threads.iter().map(|thread| thread.ask.clone()).collect();
    let answered = ctx
        .reading(|| connected.portal.sweep.changed(&call, &asks))
        .await;
    let mut record = Record {
        journal: journal::exchanges(&call, &[]),
        ..Record::default()
    };
    let answered = match answered {
        Ok(answered) => answered,
        Err(error) => {
            return Err(journal::halt_task(ctx, record.journal, &error, portal_task::SWEEP).await);
        }
    };
    let mut unfinished = Vec::new();
    let (mut entered, mut changed) = (Vec::new(), Vec::new());
    let mut shown = BTreeMap::new();
    for (mut thread, page) in threads.into_iter().zip(answered) {
        let asked_at = *thread
            .asked_at
            .get_or_insert(page.asked_at.unwrap_or(started));
        let found = fresh(&mut thread, &page, asked_at, sweeping.overlap);
        match &thread.ask.of {
            SweepOf::Entered(_) => entered.extend(found),
            SweepOf::Changed(_) | SweepOf::OwnInvoices => changed.extend(found),
        }
        let deals = page.deals.into_iter();
        shown.extend(deals.map(|glance| (Subject::deal(glance.deal.id), glance)));
        thread.ask.pages = thread.ask.pages.saturating_add(page.pages);
        match page.next {
            Some(after) => {
                thread.ask.after = Some(after);
                unfinished.push(thread);
            }
            // With the looks at what it showed, in one commit.
            None => record.cursors.push(finished(&thread, started)),
        }
    }
    for found in [&mut entered, &mut changed] {
        found.sort_unstable();
        found.dedup();
    }
    sweeping.entered.extend(entered.iter().cloned());
    changed.retain(|subject| !sweeping.entered.contains(subject));
    let (mut deals, others): (Vec<Subject>, Vec<Subject>) = changed
        .into_iter()
        .partition(|subject| subject.kind == SubjectKind::Deal);
    shown.retain(|deal, _| !sweeping.died && deals.binary_search(deal).is_ok());
    let at_rest = at_rest(reconciler, ctx, connected, shown, &mut record.journal).await?;
    deals.retain(|deal| !at_rest.contains(deal));
    // What changed beside deals concerns those who wait for it.
    let mut woken = record_owner::owners_of(ctx, connected, &others, &mut record.journal).await?;
    woken.extend(others);
    ctx.store().wake_waiters(&portal, &woken, ctx.now()).await?;
    // After a long outage much has changed that wants nothing: deals that entered an invoice stage go before it.
    record.looks.extend(looks(entered, started));
    record.looks.extend(looks(deals, ctx.now()));
    ctx.record(record).await?;
    Ok(unfinished)
}

fn looks(deals: Vec<Subject>, due_at: Timestamp) -> impl Iterator<Item = Look> {
    deals.into_iter().map(move |subject| Look {
        subject,
        lane: Lane::Due,
        due_at,
        reason: REASON.to_owned(),
    })
}

/// What the sweep before did not show, or showed with another time of change.
fn fresh(
    thread: &mut Thread,
    page: &Changed,
    asked_at: Timestamp,
    overlap: SignedDuration,
) -> Vec<Subject> {
    let mut fresh = Vec::new();
    for (record, at) in &page.records {
        let subject = subject_of(record);
        let name = subject.to_string();
        let known = thread.seen_before.get(&name).copied();
        // A deal may have entered its stages several times, and have several invoices: the last of them is known.
        let is_known = match &thread.ask.of {
            SweepOf::Entered(_) | SweepOf::OwnInvoices => at.is_some() && known >= *at,
            SweepOf::Changed(_) => at.is_some() && known == *at,
        };
        if !is_known {
            fresh.push(subject);
        }
        // The portal tells whole seconds: what changed just now may change again under the same time.
        if let Some(at) = at
            && asked_at.duration_since(*at) >= SETTLED_AFTER
            && asked_at.duration_since(*at) <= overlap.saturating_mul(2)
        {
            let seen = thread.seen_now.entry(name).or_insert(*at);
            *seen = (*seen).max(*at);
        }
    }
    fresh
}

fn finished(thread: &Thread, started: Timestamp) -> (String, String) {
    let cursor = Cursor {
        at: Some(thread.asked_at.unwrap_or(started)),
        seen: thread.seen_now.clone(),
        followed: thread.followed.clone(),
    };
    let text = serde_json::to_string(&cursor).unwrap_or_default();
    (thread.name.to_owned(), text)
}
