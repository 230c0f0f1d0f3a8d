//! Another tenant in the same database, at rest: whatever of it turns up on our portal was read without its portal.

use std::time::Duration;

use domain::{DealId, PortalId};
use engine::clock::later;
use jiff::Timestamp;
use serde_json::json;
use store::{
    CaseChange, CaseFacts, CaseFilter, JournalEntry, Lane, Look, Mode, Portal, Record, Settled,
    Store, Subject,
};

use crate::days::world::told;
use crate::evidence::records::Records;

/// Stands in everything that the other tenant owns, and nowhere else.
pub(crate) const CANARY: &str = "ЧУЖОЕ-7f3a";
/// Deals of both tenants have these numbers.
const DEALS: u64 = 40;

fn id() -> PortalId {
    PortalId::new("neighbour")
}

/// What is left of the neighbour at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Belongings {
    /// Its open questions, in their order.
    pub(crate) questions: Vec<String>,
    /// What proves each line of its journal.
    pub(crate) journal: Vec<Vec<u8>>,
}

/// It worked here once and is switched off.
pub(crate) async fn moves_in(store: &Store, start: Timestamp) -> Result<Belongings, String> {
    store
        .portal_put(&row(Mode::Active, start))
        .await
        .map_err(told)?;
    let look = Look {
        subject: Subject::portal("past"),
        lane: Lane::Due,
        due_at: start,
        reason: CANARY.to_owned(),
    };
    store.look(&id(), &[look]).await.map_err(told)?;
    let ttl = Duration::from_secs(30);
    let lease = store.lease_acquire("neighbour", ttl, start).await;
    let lease = lease.map_err(told)?.ok_or("the neighbour has no work")?;
    let taken = store.work_take(&lease, Lane::Due, 50, &[], start).await;
    let record = Record {
        cases: (1..=DEALS).map(question).collect(),
        journal: vec![JournalEntry {
            at: start,
            subject: None,
            kind: "decision".to_owned(),
            body: json!({"because": CANARY}),
        }],
        cursors: vec![("sweep/deal".to_owned(), CANARY.to_owned())],
        facts: vec![("offline".to_owned(), CANARY.to_owned())],
        settled: taken
            .map_err(told)?
            .into_iter()
            .map(|work| Settled { work, next: None })
            .collect(),
        ..Record::default()
    };
    store.record(&lease, record, start).await.map_err(told)?;
    store.lease_release(&lease).await.map_err(told)?;
    let moment = later(start, Duration::ZERO);
    store
        .portal_put(&row(Mode::Off, moment))
        .await
        .map_err(told)?;
    belongings(store).await
}

/// What it owns now.
pub(crate) async fn belongings(store: &Store) -> Result<Belongings, String> {
    let filter = CaseFilter {
        code: None,
        cause: None,
        after: 0,
        limit: 1_000,
    };
    let cases = store.cases_open(&id(), &filter).await.map_err(told)?;
    let journal = Records::of(store).journal(&id())?;
    if let Some(broken) = journal.broken {
        return Err(format!("the journal of the tenant at rest: {broken}"));
    }
    let journal = journal.lines.into_iter().map(|line| line.hash).collect();
    let questions = cases
        .into_iter()
        .map(|case| {
            format!(
                "{} {} {:?} {:?}",
                case.facts.subject, case.facts.text, case.changed_at, case.told_at
            )
        })
        .collect();
    Ok(Belongings { questions, journal })
}

fn row(mode: Mode, at: Timestamp) -> Portal {
    Portal {
        id: id(),
        host: "neighbour.example".to_owned(),
        mode,
        paused: false,
        detail: json!({"note": CANARY}),
        created_at: at,
        updated_at: at,
    }
}

fn question(deal: u64) -> CaseChange {
    let subject = Subject::deal(DealId(deal));
    CaseChange::Open(CaseFacts {
        code: "ACTION-REFUSED".to_owned(),
        cause: CANARY.to_owned(),
        key: "ACTION-REFUSED/add_timeline_entry".to_owned(),
        subject: subject.clone(),
        facts: json!({}),
        text: format!("{CANARY}: вопрос по сделке {deal}"),
        waits_for: vec![subject],
    })
}
