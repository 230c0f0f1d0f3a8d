//! The inbox: one row per event, stored before the remote gets its answer.
//!
//! An event carries no work; it only says what to look at. A deal's event asks for a look at the deal; the event
//! of any other record wakes the deals whose cases wait for it, and asks for a look at the record itself, from
//! which the reconciler finds whose it is. An event right after our own write is most likely its echo: it waits for
//! a moment, so that the echoes of a batch are looked at together. Not here: tokens and hosts of events (`web` drops them).

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use domain::PortalId;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    books::cases::waiters,
    error::StoreError,
    mechanics::work::{Lane, Look, enqueue, hear},
    sql::statements,
    store::Store,
    subject::{Subject, SubjectKind, key_set},
    tx::Tx,
    value::{Value, params},
    writer::{Load, Shared},
};

/// A fact that a remote told us.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewEvent {
    /// Whose.
    pub portal: PortalId,
    /// How it came: `online`, `offline`, `robot`, `button`, `feed`.
    pub source: String,
    /// The remote's name of it.
    pub name: String,
    /// What it is about, if it says so.
    pub record: Option<Subject>,
    /// How pressing the look is.
    pub lane: Lane,
    /// When we received it.
    pub received_at: Timestamp,
    /// What else is worth keeping. No tokens.
    pub detail: serde_json::Value,
}

/// Events of one call.
pub(crate) struct Heard {
    events: Vec<Kept>,
    at: Timestamp,
    /// Whether there is more to be looked at because of them, or of others that were stored with them.
    news: Arc<AtomicBool>,
}

/// An event as it is stored. Whoever brings it makes its row, and the writer only binds it.
struct Kept {
    portal: PortalId,
    row: [Value; 6],
    /// The look at its record.
    look: Option<Look>,
    /// Bytes of what it tells.
    told: usize,
}

impl Kept {
    fn new(event: &NewEvent, now: Timestamp) -> Kept {
        let detail = event.detail.to_string();
        let look = event.record.as_ref().map(|record| Look {
            subject: record.clone(),
            lane: event.lane,
            due_at: now,
            reason: format!("event {} ({})", event.name, event.source),
        });
        Kept {
            portal: event.portal.clone(),
            look,
            told: detail.len(),
            row: params![
                &event.portal,
                &event.source,
                &event.name,
                event.record.as_ref(),
                event.received_at,
                detail
            ],
        }
    }
}

impl Shared for Heard {
    /// Of an event only what it tells has no bound of its own.
    fn load(&self) -> Load {
        Load {
            events: self.events.len(),
            bytes: self.events.iter().map(|event| event.told).sum(),
        }
    }
}

statements! {
    INSERT =
        "INSERT INTO inbox (portal_id, source, name, subject, received_at, detail)
         VALUES ($1, $2, $3, $4, $5, $6)";
    INSERT_EIGHT =
        "INSERT INTO inbox (portal_id, source, name, subject, received_at, detail)
         VALUES ($1, $2, $3, $4, $5, $6),
             ($7, $8, $9, $10, $11, $12),
             ($13, $14, $15, $16, $17, $18),
             ($19, $20, $21, $22, $23, $24),
             ($25, $26, $27, $28, $29, $30),
             ($31, $32, $33, $34, $35, $36),
             ($37, $38, $39, $40, $41, $42),
             ($43, $44, $45, $46, $47, $48)";
    TRIM =
        "DELETE FROM inbox WHERE id IN (
             SELECT id FROM inbox WHERE portal_id = $1 AND received_at < $2
             ORDER BY received_at LIMIT $3)";
    WRITTEN_SINCE =
        "SELECT DISTINCT subject FROM effect
         WHERE portal_id = $1 AND subject IN keys($2) AND once = 0 AND sent_at >= $3";
    COUNT = "SELECT count(*) FROM inbox WHERE portal_id = $1";
}

impl Store {
    /// Stores events and what is to be looked at because of them. Once this returns they survive everything. On SQLite
    /// what waits to be stored is stored together, by portions. Whoever waits for work is woken, unless all of it waits
    /// already: of the thousand events about one deal, and of the echoes of our own writes, one wakes.
    pub async fn accept(&self, events: &[NewEvent], now: Timestamp) -> Result<(), StoreError> {
        let news = Arc::new(AtomicBool::new(false));
        let heard = Heard {
            events: events.iter().map(|event| Kept::new(event, now)).collect(),
            at: now,
            news: Arc::clone(&news),
        };
        self.take_in(heard, |tx, heard| Box::pin(accept(tx, heard)))
            .await?;
        if news.load(Ordering::Relaxed) {
            self.ring();
        }
        Ok(())
    }

    /// Looks again at everything that waits for one of these records. Gives the number of subjects woken.
    pub async fn wake_waiters(
        &self,
        portal: &PortalId,
        records: &[Subject],
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let woken = self
            .write(
                (portal.clone(), records.to_vec(), now),
                |tx, (portal, records, now)| {
                    Box::pin(async move {
                        // A waiter is something a person was asked about: that person may be waiting too.
                        let looks =
                            looks_of_waiters(tx, portal, records, Lane::Click, *now).await?;
                        enqueue(tx, portal, &looks).await?;
                        Ok(looks.len())
                    })
                },
            )
            .await?;
        if woken > 0 {
            self.ring();
        }
        Ok(u64::try_from(woken).unwrap_or(u64::MAX))
    }

    /// Events in the inbox of a portal.
    pub async fn inbox_count(&self, portal: &PortalId) -> Result<u64, StoreError> {
        let count = self
            .read(portal.clone(), |tx, portal| {
                Box::pin(async move { tx.first(&COUNT, &params![portal], |row| row.int()).await })
            })
            .await?;
        Ok(count
            .and_then(|count| u64::try_from(count).ok())
            .unwrap_or(0))
    }

    /// Removes events received before a moment, at most `limit` of them. Gives how many went.
    pub async fn inbox_trim(
        &self,
        portal: &PortalId,
        before: Timestamp,
        limit: usize,
    ) -> Result<u64, StoreError> {
        self.write(
            (portal.clone(), before, limit),
            |tx, (portal, before, limit)| {
                Box::pin(async move { tx.execute(&TRIM, &params![portal, *before, *limit]).await })
            },
        )
        .await
    }
}

async fn accept(tx: &mut Tx<'_>, heard: &[Heard]) -> Result<(), StoreError> {
    let events: Vec<(&Kept, Timestamp)> = heard
        .iter()
        .flat_map(|heard| heard.events.iter().map(|event| (event, heard.at)))
        .collect();
    let rows: Vec<&[Value]> = events
        .iter()
        .map(|(event, _)| event.row.as_slice())
        .collect();
    tx.insert_each(&INSERT, &INSERT_EIGHT, &rows).await?;
    // Portals in one order for all transactions, so that two never wait in a ring.
    let mut looks: BTreeMap<&PortalId, Vec<(Look, Timestamp)>> = BTreeMap::new();
    for (event, at) in events {
        let Some(itself) = &event.look else {
            continue;
        };
        let of_portal = looks.entry(&event.portal).or_default();
        if has_waiters(itself.subject.kind) {
            let record = std::slice::from_ref(&itself.subject);
            let woken = looks_of_waiters(tx, &event.portal, record, itself.lane, at).await?;
            of_portal.extend(woken.into_iter().map(|look| (look, at)));
        }
        if is_looked_at(itself.subject.kind) {
            of_portal.push((itself.clone(), at));
        }
    }
    for (portal, mut looks) in looks {
        echoes_wait(tx, portal, &mut looks).await?;
        if hear(tx, portal, &looks).await? {
            for one in heard {
                one.news.store(true, Ordering::Relaxed);
            }
        }
    }
    Ok(())
}

/// Echoes of our own writes come within this.
const ECHO_WITHIN: SignedDuration = SignedDuration::from_secs(5);
/// So long an echo waits for the others of its batch. A person who is as quick as that waits too.
const ECHO_WAITS: SignedDuration = SignedDuration::from_secs(2);

async fn echoes_wait(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    looks: &mut [(Look, Timestamp)],
) -> Result<(), StoreError> {
    let deals = looks.iter().map(|(look, _)| &look.subject);
    let deals: Vec<&Subject> = deals
        .filter(|subject| subject.kind == SubjectKind::Deal)
        .collect();
    let first = looks.iter().map(|(_, at)| *at).min();
    let Some(first) = first.filter(|_| !deals.is_empty()) else {
        return Ok(());
    };
    let since = first.checked_sub(ECHO_WITHIN).unwrap_or(Timestamp::MIN);
    let ask = params![portal, key_set(deals), since];
    let written: Vec<String> = tx.list(&WRITTEN_SINCE, &ask, |row| row.text()).await?;
    if written.is_empty() {
        return Ok(());
    }
    for (look, at) in looks {
        if written.contains(&look.subject.to_string()) {
            look.lane = look.lane.max(Lane::Due);
            look.due_at = at.checked_add(ECHO_WAITS).unwrap_or(*at);
        }
    }
    Ok(())
}

/// Whether questions about deals may wait for records of this kind.
const fn has_waiters(kind: SubjectKind) -> bool {
    match kind {
        SubjectKind::Company
        | SubjectKind::Contact
        | SubjectKind::Requisite
        | SubjectKind::BankDetail => true,
        SubjectKind::Deal | SubjectKind::Portal | SubjectKind::Invoice | SubjectKind::Payment => {
            false
        }
    }
}

/// Whether an event about such a record asks for a look at the record itself. Of requisites and bank details it does
/// not say whose they are: the reconciler finds out and wakes the waiters.
const fn is_looked_at(kind: SubjectKind) -> bool {
    !matches!(kind, SubjectKind::Company | SubjectKind::Contact)
}

async fn looks_of_waiters(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    records: &[Subject],
    lane: Lane,
    now: Timestamp,
) -> Result<Vec<Look>, StoreError> {
    let waiters = waiters(tx, portal, records).await?;
    Ok(waiters
        .into_iter()
        .map(|(subject, record)| Look {
            subject,
            lane,
            due_at: now,
            reason: format!("{record} changed"),
        })
        .collect())
}
