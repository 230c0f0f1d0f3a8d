//! The journal: what was exchanged and decided, append-only, one hash chain per portal.
//!
//! Lines are appended under the portal's lease, within the record they tell of. Who holds no lease parks a line,
//! and the next record moves it in. Old lines are really removed, from the front and in small portions; the
//! anchor, number and hash of the last removed line, proves the rest. Not here: masking (the caller's).

use domain::PortalId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    error::StoreError,
    sql::statements,
    store::Store,
    subject::Subject,
    tx::Tx,
    value::{Row, Value, params},
};

/// A line to be written. Holds no tokens, and no personal data that is not masked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JournalEntry {
    /// When it happened.
    pub at: Timestamp,
    /// What it is about.
    pub subject: Option<Subject>,
    /// `exchange`, `decision`, `effect`, `case`, `link`, `person` or `upkeep`.
    pub kind: String,
    /// The rest.
    pub body: serde_json::Value,
}

/// A line as it stands in the chain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JournalLine {
    /// Its number, from 1, without gaps.
    pub seq: i64,
    /// What was written.
    pub entry: JournalEntry,
}

/// Which lines to read, oldest first.
#[derive(Clone, Debug, Default)]
pub struct JournalFilter {
    /// Only about this.
    pub subject: Option<Subject>,
    /// Only of this moment or later.
    pub since: Option<Timestamp>,
    /// Only with a greater number: for reading on.
    pub after_seq: i64,
    /// At most so many; 0 means 1000.
    pub limit: usize,
}

/// What the chain of a portal proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JournalProof {
    /// Every line stands as it was written.
    Whole {
        /// Number of the last removed line; 0 if none was removed.
        anchor_seq: i64,
        /// Number of the newest line.
        seq: i64,
    },
    /// This line, or the one that should stand here, was changed, removed or added afterwards.
    Broken {
        /// The first number that does not fit.
        seq: i64,
    },
}

const HASH_BYTES: usize = 32;
const READ_AT_ONCE: i64 = 1000;

statements! {
    CHAIN_ROW =
        "INSERT INTO journal_chain (portal_id, seq, hash, anchor_seq, anchor_hash) VALUES ($1, 0, $2, 0, $2)
         ON CONFLICT (portal_id) DO NOTHING";
    CHAIN =
        "SELECT seq, hash, anchor_seq, anchor_hash FROM journal_chain WHERE portal_id = $1 /*pg FOR UPDATE */";
    CHAIN_SEEN =
        "SELECT seq, hash, anchor_seq, anchor_hash FROM journal_chain WHERE portal_id = $1";
    CHAIN_GROWN = "UPDATE journal_chain SET seq = $2, hash = $3 WHERE portal_id = $1";
    ANCHOR = "UPDATE journal_chain SET anchor_seq = $2, anchor_hash = $3 WHERE portal_id = $1";
    APPEND =
        "INSERT INTO journal (portal_id, seq, at, subject, kind, body, hash)
         VALUES ($1, $2, $3, $4, $5, $6, $7)";
    PARK =
        "INSERT INTO journal_parked (portal_id, at, subject, kind, body) VALUES ($1, $2, $3, $4, $5)";
    PARKED =
        "SELECT id, at, subject, kind, body FROM journal_parked WHERE portal_id = $1 ORDER BY id LIMIT 1000 /*pg FOR UPDATE */";
    UNPARK = "DELETE FROM journal_parked WHERE portal_id = $1 AND id = $2";
    READ =
        "SELECT seq, at, subject, kind, body FROM journal
         WHERE portal_id = $1 AND seq > $2 AND at >= $3 ORDER BY seq LIMIT $4";
    READ_SUBJECT =
        "SELECT seq, at, subject, kind, body FROM journal
         WHERE portal_id = $1 AND subject = $5 AND seq > $2 AND at >= $3 ORDER BY seq LIMIT $4";
    PROOF =
        "SELECT seq, hash, at, subject, kind, body FROM journal
         WHERE portal_id = $1 AND seq > $2 ORDER BY seq LIMIT $3";
    OLDEST = "SELECT seq, at, hash FROM journal WHERE portal_id = $1 ORDER BY seq LIMIT $2";
    REMOVE = "DELETE FROM journal WHERE portal_id = $1 AND seq <= $2";
    PARKED_COUNT = "SELECT count(*) FROM journal_parked WHERE portal_id = $1";
}

impl Store {
    /// Notes a line without holding the lease. It joins the chain with the next record of the portal.
    pub async fn journal_note(
        &self,
        portal: &PortalId,
        entry: &JournalEntry,
    ) -> Result<(), StoreError> {
        self.write((portal.clone(), entry.clone()), |tx, (portal, entry)| {
            Box::pin(park(tx, portal, entry))
        })
        .await
    }

    /// Lines of a portal, oldest first. Parked lines are not among them yet.
    pub async fn journal_read(
        &self,
        portal: &PortalId,
        filter: &JournalFilter,
    ) -> Result<Vec<JournalLine>, StoreError> {
        self.read((portal.clone(), filter.clone()), |tx, (portal, filter)| {
            Box::pin(async move {
                let limit = if filter.limit == 0 {
                    1000
                } else {
                    filter.limit
                };
                let since = filter.since.unwrap_or(Timestamp::MIN);
                let mut ask = Vec::from(params![portal, filter.after_seq, since, limit]);
                let Some(subject) = &filter.subject else {
                    return tx.list(&READ, &ask, read_line).await;
                };
                ask.push(subject.into());
                tx.list(&READ_SUBJECT, &ask, read_line).await
            })
        })
        .await
    }

    /// Lines that wait for the next record.
    pub async fn journal_parked(&self, portal: &PortalId) -> Result<u64, StoreError> {
        let count = self
            .read(portal.clone(), |tx, portal| {
                Box::pin(async move {
                    tx.first(&PARKED_COUNT, &params![portal], |row| row.int())
                        .await
                })
            })
            .await?;
        Ok(count
            .and_then(|count| u64::try_from(count).ok())
            .unwrap_or(0))
    }

    /// Removes lines from the front of the chain that are older than a moment, at most `limit`. Gives how many.
    pub async fn journal_trim(
        &self,
        portal: &PortalId,
        before: Timestamp,
        limit: usize,
    ) -> Result<u64, StoreError> {
        self.write(
            (portal.clone(), before, limit),
            |tx, (portal, before, limit)| Box::pin(trim(tx, portal, *before, *limit)),
        )
        .await
    }

    /// Reads the whole chain and tells whether every line stands as it was written.
    pub async fn journal_verify(&self, portal: &PortalId) -> Result<JournalProof, StoreError> {
        self.read(portal.clone(), |tx, portal| Box::pin(verify(tx, portal)))
            .await
    }
}

/// Keeps a line aside that joins the chain with the next record of the portal.
pub(crate) async fn park(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    entry: &JournalEntry,
) -> Result<(), StoreError> {
    park_each(tx, portal, std::slice::from_ref(entry)).await
}

/// The same for several lines.
pub(crate) async fn park_each(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    entries: &[JournalEntry],
) -> Result<(), StoreError> {
    let rows: Vec<Vec<Value>> = entries
        .iter()
        .map(|entry| {
            let (subject, body) = (entry.subject.as_ref(), entry.body.to_string());
            Vec::from(params![portal, entry.at, subject, &entry.kind, body])
        })
        .collect();
    tx.execute_each(&PARK, &rows).await.map(drop)
}

/// Appends lines to the portal's chain, after those that were parked.
pub(crate) async fn append(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    entries: &[JournalEntry],
) -> Result<(), StoreError> {
    let parked = tx
        .list(&PARKED, &params![portal], |row| {
            Ok((row.int()?, read_entry(row)?))
        })
        .await?;
    if parked.is_empty() && entries.is_empty() {
        return Ok(());
    }
    tx.execute(&CHAIN_ROW, &params![portal, NO_HASH.as_slice()])
        .await?;
    let Some(mut chain) = tx.first(&CHAIN, &params![portal], read_chain).await? else {
        return Ok(());
    };
    let unpark: Vec<Vec<Value>> = parked
        .iter()
        .map(|(id, _)| Vec::from(params![portal, *id]))
        .collect();
    let mut lines = Vec::with_capacity(parked.len() + entries.len());
    for entry in parked.iter().map(|(_, entry)| entry).chain(entries) {
        chain.seq += 1;
        let body = entry.body.to_string();
        let subject = entry.subject.as_ref().map(Subject::to_string);
        let line = Line {
            seq: chain.seq,
            at: entry.at,
            subject: subject.as_deref(),
            kind: &entry.kind,
            body: &body,
        };
        chain.hash = line.hash(&chain.hash);
        let hash = chain.hash.as_slice();
        lines.push(Vec::from(params![
            portal,
            chain.seq,
            entry.at,
            line.subject,
            line.kind,
            line.body,
            hash
        ]));
    }
    tx.execute_each(&APPEND, &lines).await?;
    tx.execute_each(&UNPARK, &unpark).await?;
    tx.execute(
        &CHAIN_GROWN,
        &params![portal, chain.seq, chain.hash.as_slice()],
    )
    .await
    .map(drop)
}

const NO_HASH: [u8; HASH_BYTES] = [0; HASH_BYTES];

struct Chain {
    seq: i64,
    hash: Vec<u8>,
    anchor_seq: i64,
    anchor_hash: Vec<u8>,
}

/// What a hash covers: every stored column, each with its length, after the hash of the line before.
struct Line<'a> {
    seq: i64,
    at: Timestamp,
    subject: Option<&'a str>,
    kind: &'a str,
    body: &'a str,
}

impl Line<'_> {
    fn hash(&self, before: &[u8]) -> Vec<u8> {
        let mut hash = Sha256::new();
        hash.update(before);
        hash.update(self.seq.to_be_bytes());
        hash.update(self.at.as_microsecond().to_be_bytes());
        hash.update([u8::from(self.subject.is_some())]);
        for text in [self.subject.unwrap_or_default(), self.kind, self.body] {
            // PostgreSQL cannot keep a NUL in text; JSON bodies escape it, and ours are compared as stored.
            let text = text.replace('\0', "\u{fffd}");
            hash.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(text.as_bytes());
        }
        hash.finalize().to_vec()
    }
}

async fn trim(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    before: Timestamp,
    limit: usize,
) -> Result<u64, StoreError> {
    if tx
        .first(&CHAIN, &params![portal], read_chain)
        .await?
        .is_none()
    {
        return Ok(0);
    }
    let oldest = tx
        .list(&OLDEST, &params![portal, limit], |row| {
            Ok((row.int()?, row.moment()?, row.blob()?))
        })
        .await?;
    // Only from the front: a younger line before an older one keeps it until it is old itself.
    let Some((seq, _, hash)) = oldest
        .into_iter()
        .take_while(|(_, at, _)| *at < before)
        .last()
    else {
        return Ok(0);
    };
    tx.execute(&ANCHOR, &params![portal, seq, hash.as_slice()])
        .await?;
    tx.execute(&REMOVE, &params![portal, seq]).await
}

async fn verify(tx: &mut Tx<'_>, portal: &PortalId) -> Result<JournalProof, StoreError> {
    let Some(chain) = tx.first(&CHAIN_SEEN, &params![portal], read_chain).await? else {
        return Ok(JournalProof::Whole {
            anchor_seq: 0,
            seq: 0,
        });
    };
    let (mut seq, mut hash) = (chain.anchor_seq, chain.anchor_hash);
    loop {
        let read = |row: &mut Row| {
            let (seq, stored) = (row.int()?, row.blob()?);
            let (at, subject) = (row.moment()?, row.text_or_null()?);
            Ok((seq, stored, at, subject, row.text()?, row.text()?))
        };
        let lines = tx
            .list(&PROOF, &params![portal, seq, READ_AT_ONCE], read)
            .await?;
        if lines.is_empty() {
            break;
        }
        for (found, stored, at, subject, kind, body) in lines {
            let line = Line {
                seq: found,
                at,
                subject: subject.as_deref(),
                kind: &kind,
                body: &body,
            };
            hash = line.hash(&hash);
            if found != seq + 1 || hash != stored {
                return Ok(JournalProof::Broken { seq: seq + 1 });
            }
            seq = found;
        }
    }
    if seq == chain.seq && hash == chain.hash {
        Ok(JournalProof::Whole {
            anchor_seq: chain.anchor_seq,
            seq,
        })
    } else {
        Ok(JournalProof::Broken { seq: seq + 1 })
    }
}

fn read_chain(row: &mut Row) -> Result<Chain, StoreError> {
    Ok(Chain {
        seq: row.int()?,
        hash: row.blob()?,
        anchor_seq: row.int()?,
        anchor_hash: row.blob()?,
    })
}

fn read_line(row: &mut Row) -> Result<JournalLine, StoreError> {
    Ok(JournalLine {
        seq: row.int()?,
        entry: read_entry(row)?,
    })
}

fn read_entry(row: &mut Row) -> Result<JournalEntry, StoreError> {
    let at = row.moment()?;
    let subject = match row.text_or_null()? {
        None => None,
        Some(text) => Some(
            text.parse()
                .map_err(|_| row.undecodable(String::from("no subject")))?,
        ),
    };
    Ok(JournalEntry {
        at,
        subject,
        kind: row.text()?,
        body: row.json()?,
    })
}
