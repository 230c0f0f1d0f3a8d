//! Our records as plain SQL reads them: the judges' own eyes, which share no statement, no type and no arithmetic with
//! the product.

use std::collections::BTreeMap;

use domain::PortalId;
use jiff::Timestamp;
use rusqlite::types::{Value as Cell, ValueRef};
use rusqlite::{Connection, Row};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use store::Store;
use url::form_urlencoded;

use crate::days::world::told;

/// Reads the database beside the product. Clones read the same.
#[derive(Clone)]
pub(crate) struct Records(Store);

/// An event of a portal: its name, and of which record of its kind, where it says so.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) id: Option<u64>,
}

/// The events of a portal that were read from the inbox.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inbox {
    /// How often each is there.
    pub(crate) events: BTreeMap<Event, u64>,
    /// How many rows were ever taken out.
    lost: i64,
    last: i64,
}

/// A deal, a kind of invoice, and which of that kind.
pub(crate) type Slot = (i64, String, i64);

/// What cannot be read for a while: how it is put back, which row it is, and what it said.
pub(crate) type SealedRow = (&'static str, String, String);

/// The whole database as it was at one moment: each table with its rows.
pub(crate) struct Backup(Vec<(String, Vec<Vec<Cell>>)>);

/// A line of the journal.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) seq: i64,
    pub(crate) at: Timestamp,
    pub(crate) subject: Option<String>,
    pub(crate) kind: String,
    /// Null of an exchange, the longest of all: nobody judges it but by its text.
    pub(crate) body: Value,
    /// The body as it is stored.
    pub(crate) text: String,
    /// What proves it and all before it.
    pub(crate) hash: Vec<u8>,
}

/// The journal of a portal.
#[derive(Clone, Debug)]
pub(crate) struct Journal {
    pub(crate) lines: Vec<Line>,
    /// Why it is not as it was written; none if it is.
    pub(crate) broken: Option<String>,
}

/// An effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) id: i64,
    pub(crate) key: String,
    /// Done once for ever.
    pub(crate) once: bool,
    pub(crate) subject: String,
    pub(crate) action: String,
    pub(crate) request_hash: String,
    pub(crate) state: String,
    pub(crate) attempt: i64,
    pub(crate) sent_at: Option<i64>,
    pub(crate) outcome: Option<String>,
    pub(crate) fence: i64,
}

/// An entry of the ledger, with what its transaction says.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) transaction: i64,
    /// `payment`, `allocation`, `settlement` or `correction`.
    pub(crate) kind: String,
    /// Whose transaction it is; 0: no payment's.
    pub(crate) payment: i64,
    /// The transaction that it takes back.
    pub(crate) undoes: Option<i64>,
    pub(crate) because: String,
    pub(crate) author: String,
    /// `outside`, `payment`, `settled` or `invoice`.
    pub(crate) place: String,
    /// The bill's id, where the place is one.
    pub(crate) bill: Option<String>,
    pub(crate) kopecks: i64,
    /// Whose money it is, where that is another payment.
    pub(crate) other: Option<i64>,
    pub(crate) at: Timestamp,
    /// The day of its transaction.
    pub(crate) dated: String,
    /// How, and by what document, it closes a bill without a payment.
    pub(crate) settled: Option<(String, String)>,
}

/// The ledger of a portal.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) entries: Vec<Entry>,
    /// What is kept as paid of each bill.
    pub(crate) paid: BTreeMap<String, i64>,
}

const EVENTS: &str = "SELECT name, subject, id FROM inbox \
                      WHERE +portal_id = ?1 AND source = 'online' AND id > CAST(?2 AS INTEGER) ORDER BY id";
const LOST_EVENTS: &str = "SELECT count(*) FROM lost_event WHERE portal_id = ?1";
const LINES: &str =
    "SELECT seq, at, subject, kind, body, hash FROM journal WHERE portal_id = ?1 ORDER BY seq";
const LAST_LINE: &str =
    "SELECT seq, hash FROM journal WHERE portal_id = ?1 ORDER BY seq DESC LIMIT 1";
const HEAD: &str = "SELECT seq, hash, anchor_seq FROM journal_chain WHERE portal_id = ?1";
const EFFECTS: &str = "SELECT id, key, once, subject, action, request_hash, state, attempt, sent_at, outcome, fence \
                       FROM effect WHERE ";
/// Most effects of a day stand as they stood, and are not gone through again at each look.
const TOUCHED: &str =
    "+portal_id = ?1 AND id IN (SELECT id FROM touched_effect WHERE portal_id = ?1)";
const UNTOUCH: &str = "DELETE FROM touched_effect WHERE portal_id = ?1";
const TOUCH_ALL: &str = "INSERT INTO touched_effect SELECT portal_id, id FROM effect";
/// The database itself notes what is written to it, by whomever; what is rolled back takes its note with it.
const FOLLOW: &str = "
    CREATE TEMP TABLE touched_effect (portal_id TEXT NOT NULL, id INTEGER NOT NULL);
    CREATE TEMP TRIGGER effect_comes AFTER INSERT ON main.effect BEGIN
        INSERT INTO touched_effect VALUES (new.portal_id, new.id);
    END;
    CREATE TEMP TRIGGER effect_moves AFTER UPDATE ON main.effect BEGIN
        INSERT INTO touched_effect VALUES (new.portal_id, new.id);
    END;
    CREATE TEMP TABLE lost_event (portal_id TEXT NOT NULL);
    CREATE TEMP TRIGGER event_goes AFTER DELETE ON main.inbox BEGIN
        INSERT INTO lost_event VALUES (old.portal_id);
    END;";
const CASES: &str = "SELECT id, state FROM office_case WHERE portal_id = ?1";
const ASKED: &str =
    "SELECT subject, opened_at FROM office_case WHERE portal_id = ?1 AND code = ?2 ORDER BY id";
const LINKS: &str = "SELECT deal, slot_kind, slot_generation, organisation_id || '/' || invoice_id \
                     FROM invoice_link WHERE portal_id = ?1";
const CREATING: &str = "SELECT CAST(substr(subject, 6) AS INTEGER) FROM effect \
                        WHERE portal_id = ?1 AND action = 'issue_invoice' AND state IN ('sent', 'unknown')";
/// What another version may have recorded of a deal, an invoice or the creation of one: how it is read, made that version's, and
/// put back.
const SEALED: [[&str; 3]; 2] = [
    [
        "SELECT rowid, draft FROM invoice_link WHERE portal_id = ?1 AND deal = CAST(?2 AS INTEGER)",
        "UPDATE invoice_link SET draft = ?2 WHERE rowid = CAST(?1 AS INTEGER)",
        "UPDATE invoice_link SET draft = ?2 WHERE rowid = CAST(?1 AS INTEGER) AND draft = ?3",
    ],
    [
        "SELECT id, request FROM effect WHERE portal_id = ?1 AND subject = 'deal/' || ?2 \
         AND action = 'issue_invoice' AND state IN ('sent', 'unknown')",
        "UPDATE effect SET request = ?2 WHERE id = CAST(?1 AS INTEGER)",
        "UPDATE effect SET request = ?2 WHERE id = CAST(?1 AS INTEGER) AND request = ?3",
    ],
];
/// What another version may have made of a record.
const ANOTHERS: &str = r#"{"of":"another version"}"#;
const POLICY: &str = "SELECT coalesce(max(version), 0) FROM policy WHERE portal_id = ?1";
const LATE_LOOKS: &str =
    "SELECT subject, due_at, reasons FROM work WHERE portal_id = ?1 AND due_at < ?2";
const LATE_EFFECTS: &str = "SELECT key, state, quiet_until FROM effect \
     WHERE portal_id = ?1 AND state IN ('sent', 'unknown') AND quiet_until < ?2 AND NOT EXISTS ( \
         SELECT 1 FROM office_case asked WHERE asked.portal_id = effect.portal_id AND asked.state = 'open' \
             AND asked.subject = effect.subject AND asked.code = 'OUTCOME-UNKNOWN')";
const ENTRIES: &str = "SELECT t.number, t.kind, t.payment, t.undoes, t.because, t.author, e.place, e.invoice_id, e.amount, \
                       e.other_payment, t.recorded_at, t.dated, s.kind, s.document \
                       FROM ledger_transaction t JOIN ledger_entry e \
                           ON e.portal_id = t.portal_id AND e.transaction_no = t.number \
                       LEFT JOIN ledger_settlement s ON s.portal_id = t.portal_id AND s.transaction_no = t.number \
                       WHERE t.portal_id = ?1 ORDER BY t.number, e.line";
const PAID: &str =
    "SELECT invoice_id, sum(paid) FROM invoice_balance WHERE portal_id = ?1 GROUP BY invoice_id";
const FENCE: &str = "SELECT fence FROM lease WHERE portal_id = ?1";
const FED: &str = "SELECT count(*) FROM sweep_cursor WHERE portal_id = ?1 AND name LIKE 'feed/%'";
const TABLES: &str = "SELECT name FROM sqlite_schema WHERE type = 'table' \
                      AND (name = 'sqlite_sequence' OR name NOT LIKE 'sqlite_%') \
                      ORDER BY name = 'sqlite_sequence', name";
const LEASE: &str = "SELECT owner, fence FROM lease WHERE portal_id = ?1 AND expires_at > 0";

/// Records of whose kind an event names one.
const KINDS: [&str; 5] = [
    "ONCRMDEAL",
    "ONCRMCOMPANY",
    "ONCRMCONTACT",
    "ONCRMREQUISITE",
    "ONCRMBANKDETAIL",
];

impl Ledger {
    /// What invoices got and what was taken back from them, in order.
    pub(crate) fn of_bills(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|one| one.place == "invoice")
    }

    /// The transactions that do not come to nothing, each with what it comes to.
    pub(crate) fn unbalanced(&self) -> BTreeMap<i64, i64> {
        let mut sums: BTreeMap<i64, i64> = BTreeMap::new();
        for one in &self.entries {
            *sums.entry(one.transaction).or_default() += one.kopecks;
        }
        sums.retain(|_, sum| *sum != 0);
        sums
    }
}

impl Stored {
    /// A row of [`EFFECTS`].
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            key: row.get(1)?,
            once: row.get::<_, i64>(2)? == 1,
            subject: row.get(3)?,
            action: row.get(4)?,
            request_hash: row.get(5)?,
            state: row.get(6)?,
            attempt: row.get(7)?,
            sent_at: row.get(8)?,
            outcome: row.get(9)?,
            fence: row.get(10)?,
        })
    }

    /// Whether the row of its id says the same of it: most do, and nothing is copied to find that out.
    fn stands_in(&self, row: &Row<'_>) -> rusqlite::Result<bool> {
        Ok(row.get_ref(6)? == text(Some(&self.state))
            && row.get_ref(7)? == number(Some(self.attempt))
            && row.get_ref(8)? == number(self.sent_at)
            && row.get_ref(10)? == number(Some(self.fence))
            && row.get_ref(5)? == text(Some(&self.request_hash))
            && row.get_ref(9)? == text(self.outcome.as_deref())
            && row.get_ref(2)? == number(Some(i64::from(self.once)))
            && row.get_ref(1)? == text(Some(&self.key))
            && row.get_ref(3)? == text(Some(&self.subject))
            && row.get_ref(4)? == text(Some(&self.action)))
    }

    /// It has left, and nobody knows yet what became of it.
    pub(crate) fn is_under_way(&self) -> bool {
        matches!(self.state.as_str(), "sent" | "unknown")
    }
}

impl Event {
    /// What a delivery tells of; nothing for the life of the application itself, which is no row of the inbox.
    pub(crate) fn told(form: &str) -> Option<Self> {
        let value = |wanted: &str| {
            let mut pairs = form_urlencoded::parse(form.as_bytes());
            pairs.find_map(|(name, value)| (name == wanted).then(|| value.into_owned()))
        };
        let name = value("event")?.to_uppercase();
        let id = value("data[FIELDS][ID]").and_then(|id| id.parse().ok());
        (!name.starts_with("ONAPP")).then(|| Self::of(name, id))
    }

    fn of(name: String, id: Option<u64>) -> Self {
        let names_one = KINDS.iter().any(|kind| name.starts_with(kind));
        Self {
            id: id.filter(|_| names_one),
            name,
        }
    }
}

impl Backup {
    /// The tables that are not as in another copy.
    pub(crate) fn differs_in(&self, other: &Self) -> Vec<String> {
        let pairs = self.0.iter().zip(&other.0);
        let differing = pairs.filter(|(one, other)| one != other);
        differing.map(|((table, _), _)| table.clone()).collect()
    }
}

impl Records {
    /// The records of a store in memory, beside whoever else works on them.
    pub(crate) fn of(store: &Store) -> Self {
        Self(store.clone())
    }

    /// From now on it is noted which effects are written and which events go, so that [`Records::changed_effects`] and
    /// [`Records::inbox`] need not read all of them each time.
    pub(crate) fn follow(&self) -> Result<(), String> {
        self.run(FOLLOW)?;
        self.touch_all()
    }

    /// The next look at what has changed goes through every effect, whatever was noted.
    pub(crate) fn touch_all(&self) -> Result<(), String> {
        self.run(TOUCH_ALL)
    }

    fn run(&self, sql: &str) -> Result<(), String> {
        let run = self.0.plain(|connection| connection.execute_batch(sql));
        run.ok_or("the records are elsewhere")?.map_err(told)
    }

    fn ask<T>(
        &self,
        sql: &str,
        about: &[&str],
        read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, String> {
        let ask = |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql)?;
            let about = rusqlite::params_from_iter(about);
            let rows = statement.query_map(about, |row| read(row))?;
            rows.collect::<rusqlite::Result<Vec<T>>>()
        };
        let asked = self.0.plain(ask).ok_or("the records are elsewhere")?;
        asked.map_err(told)
    }

    /// Whether a portal's change feed was read ever.
    pub(crate) fn is_fed(&self, portal: &PortalId) -> Result<bool, String> {
        let count = self.ask(FED, &[portal.as_str()], |row| row.get::<_, i64>(0))?;
        Ok(count.first().is_some_and(|count| *count > 0))
    }

    /// Everything, as a backup keeps it.
    pub(crate) fn copy(&self) -> Result<Backup, String> {
        let mut copy = Vec::new();
        for table in self.ask(TABLES, &[], |row| row.get::<_, String>(0))? {
            let columns = self.columns(&table)?;
            let rows = self.ask(&format!("SELECT * FROM \"{table}\""), &[], |row| {
                (0..columns)
                    .map(|place| row.get::<_, Cell>(place))
                    .collect()
            })?;
            copy.push((table, rows));
        }
        Ok(Backup(copy))
    }

    fn columns(&self, table: &str) -> Result<usize, String> {
        let sql = format!("SELECT count(*) FROM pragma_table_info('{table}')");
        let count = self.ask(&sql, &[], |row| row.get::<_, i64>(0))?;
        let count = count.first().copied().unwrap_or(0);
        usize::try_from(count).map_err(told)
    }

    /// What is there goes, and a copy takes its place, while nobody works on it.
    pub(crate) fn put_back(&self, copy: &Backup) -> Result<(), String> {
        let put = |connection: &Connection| {
            connection.execute_batch("BEGIN IMMEDIATE; PRAGMA defer_foreign_keys = ON")?;
            for (table, _) in &copy.0 {
                connection.execute(&format!("DELETE FROM \"{table}\""), ())?;
            }
            for (table, rows) in &copy.0 {
                // The counters of rows, which come last, have counted what was put back before them.
                connection.execute(&format!("DELETE FROM \"{table}\""), ())?;
                for row in rows {
                    let places = vec!["?"; row.len()].join(", ");
                    let sql = format!("INSERT INTO \"{table}\" VALUES ({places})");
                    let mut statement = connection.prepare_cached(&sql)?;
                    statement.execute(rusqlite::params_from_iter(row))?;
                }
            }
            connection.execute_batch("COMMIT")
        };
        let put = self.0.plain(put).ok_or("the records are elsewhere")?;
        put.map_err(told)
    }

    /// The inbox of a portal, as far as it was read before, and what has come since. Rows only come: where one of those that
    /// were read is there no more, all are read anew.
    pub(crate) fn inbox(&self, portal: &PortalId, before: Inbox) -> Result<Inbox, String> {
        let lost = self.ask(LOST_EVENTS, &[portal.as_str()], |row| row.get::<_, i64>(0))?;
        let lost = lost.first().copied().unwrap_or(0);
        let mut inbox = if lost == before.lost {
            before
        } else {
            Inbox {
                lost,
                ..Inbox::default()
            }
        };
        let last = inbox.last.to_string();
        let come = self.ask(EVENTS, &[portal.as_str(), &last], |row| {
            let subject: Option<String> = row.get(1)?;
            let id = subject.and_then(|subject| subject.split_once('/')?.1.parse().ok());
            Ok((Event::of(row.get(0)?, id), row.get(2)?))
        })?;
        for (event, number) in come {
            let count = inbox.events.entry(event).or_default();
            *count = count.saturating_add(1);
            inbox.last = number;
        }
        Ok(inbox)
    }

    /// Every effect of a portal.
    pub(crate) fn effects(&self, portal: &PortalId) -> Result<Vec<Stored>, String> {
        self.which("1 = 1", &[portal.as_str()])
    }

    /// Those that are not as they were read before. They must be followed.
    pub(crate) fn changed_effects(
        &self,
        portal: &PortalId,
        before: &BTreeMap<i64, Stored>,
    ) -> Result<Vec<Stored>, String> {
        let sql = format!("{EFFECTS}{TOUCHED} ORDER BY id");
        let effects = self.ask(&sql, &[portal.as_str()], |row| {
            let id: i64 = row.get(0)?;
            let known = before.get(&id);
            let is_same = known.map(|known| known.stands_in(row)).transpose()?;
            if is_same == Some(true) {
                Ok(None)
            } else {
                Stored::read(row).map(Some)
            }
        })?;
        if !effects.is_empty() {
            self.ask(UNTOUCH, &[portal.as_str()], |_| Ok(()))?;
        }
        Ok(effects.into_iter().flatten().collect())
    }

    /// Which subjects such a question was ever asked about, and when.
    pub(crate) fn asked(
        &self,
        portal: &PortalId,
        code: &str,
    ) -> Result<Vec<(String, Timestamp)>, String> {
        self.ask(ASKED, &[portal.as_str(), code], |row| {
            let at = Timestamp::from_microsecond(row.get(1)?).unwrap_or_default();
            Ok((row.get(0)?, at))
        })
    }

    /// Those whose fate nobody knows yet.
    pub(crate) fn under_way(&self, portal: &PortalId) -> Result<Vec<Stored>, String> {
        self.which("state IN ('sent', 'unknown')", &[portal.as_str()])
    }

    /// Those of one subject.
    pub(crate) fn of_subject(
        &self,
        portal: &PortalId,
        subject: &str,
    ) -> Result<Vec<Stored>, String> {
        self.which("subject = ?2", &[portal.as_str(), subject])
    }

    /// Those with one key, of what is done once for ever.
    pub(crate) fn of_key(&self, portal: &PortalId, key: &str) -> Result<Vec<Stored>, String> {
        self.which("once = 1 AND key = ?2", &[portal.as_str(), key])
    }

    fn which(&self, are: &str, about: &[&str]) -> Result<Vec<Stored>, String> {
        let sql = format!("{EFFECTS}portal_id = ?1 AND {are} ORDER BY id");
        self.ask(&sql, about, Stored::read)
    }

    /// All entries of a portal's ledger, and what is kept beside them.
    pub(crate) fn ledger(&self, portal: &PortalId) -> Result<Ledger, String> {
        let entries = self.ask(ENTRIES, &[portal.as_str()], |row| {
            Ok(Entry {
                transaction: row.get(0)?,
                kind: row.get(1)?,
                payment: row.get(2)?,
                undoes: row.get(3)?,
                because: row.get(4)?,
                author: row.get(5)?,
                place: row.get(6)?,
                bill: row.get(7)?,
                kopecks: row.get(8)?,
                other: row.get(9)?,
                at: Timestamp::from_microsecond(row.get(10)?).unwrap_or_default(),
                dated: row.get(11)?,
                settled: row.get::<_, Option<String>>(12)?.zip(row.get(13)?),
            })
        })?;
        let paid = self.ask(PAID, &[portal.as_str()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
        Ok(Ledger {
            entries,
            paid: paid.into_iter().collect(),
        })
    }

    /// The questions that were ever asked, with their states.
    pub(crate) fn cases(&self, portal: &PortalId) -> Result<BTreeMap<i64, String>, String> {
        let all = self.ask(CASES, &[portal.as_str()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
        Ok(all.into_iter().collect())
    }

    /// Which invoice is in which slot of which deal.
    pub(crate) fn links(&self, portal: &PortalId) -> Result<BTreeMap<Slot, String>, String> {
        let all = self.ask(LINKS, &[portal.as_str()], |row| {
            Ok(((row.get(0)?, row.get(1)?, row.get(2)?), row.get(3)?))
        })?;
        Ok(all.into_iter().collect())
    }

    /// Deals for which an invoice may have been created, and nobody knows yet.
    pub(crate) fn creating(&self, portal: &PortalId) -> Result<Vec<i64>, String> {
        self.ask(CREATING, &[portal.as_str()], |row| row.get(0))
    }

    /// The records of a deal's invoices are another version's from now on.
    pub(crate) fn seal(&self, portal: &PortalId, deal: i64) -> Result<Vec<SealedRow>, String> {
        let deal = deal.to_string();
        let mut rows = Vec::new();
        for [read, seal, unseal] in SEALED {
            let found = self.ask(read, &[portal.as_str(), &deal], |row| {
                let (row, said): (i64, String) = (row.get(0)?, row.get(1)?);
                Ok((unseal, row.to_string(), said))
            })?;
            for (_, row, _) in &found {
                self.change(seal, &[row, ANOTHERS])?;
            }
            rows.extend(found);
        }
        Ok(rows)
    }

    /// They can be read again; false where one of them is not as it was made.
    pub(crate) fn unseal(&self, rows: &[SealedRow]) -> Result<bool, String> {
        let mut stood = true;
        for (unseal, row, said) in rows {
            stood &= self.change(unseal, &[row, said, ANOTHERS])? == 1;
        }
        Ok(stood)
    }

    fn change(&self, sql: &str, about: &[&str]) -> Result<usize, String> {
        let change =
            |connection: &Connection| connection.execute(sql, rusqlite::params_from_iter(about));
        let changed = self.0.plain(change).ok_or("the records are elsewhere")?;
        changed.map_err(told)
    }

    /// The policy's version, and the number under which the portal was held last.
    pub(crate) fn numbers(&self, portal: &PortalId) -> Result<[i64; 2], String> {
        let version = self.ask(POLICY, &[portal.as_str()], |row| row.get(0))?;
        let fence = self.ask(FENCE, &[portal.as_str()], |row| row.get(0))?;
        let first = |numbers: Vec<i64>| numbers.first().copied().unwrap_or(0);
        Ok([first(version), first(fence)])
    }

    /// What was to be looked at or found out before a moment and was not, in words.
    pub(crate) fn late(&self, portal: &PortalId, since: Timestamp) -> Result<Vec<String>, String> {
        let since = since.as_microsecond().to_string();
        let about = [portal.as_str(), &since];
        let moment = |micros: i64| Timestamp::from_microsecond(micros).unwrap_or_default();
        let mut late = self.ask(LATE_LOOKS, &about, |row| {
            let (subject, due): (String, i64) = (row.get(0)?, row.get(1)?);
            let why: String = row.get(2)?;
            let due = moment(due);
            Ok(format!("a look at {subject} was due at {due}: {why}"))
        })?;
        late.extend(self.ask(LATE_EFFECTS, &about, |row| {
            let (key, state, until): (String, String, i64) =
                (row.get(0)?, row.get(1)?, row.get(2)?);
            let until = moment(until);
            Ok(format!(
                "effect `{key}` is {state}, could land until {until}, and nobody is asked"
            ))
        })?);
        Ok(late)
    }

    /// Who holds a portal, and under which number.
    pub(crate) fn holder(&self, portal: &PortalId) -> Result<Option<(String, i64)>, String> {
        let held = self.ask(LEASE, &[portal.as_str()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
        Ok(held.into_iter().next())
    }

    /// The newest line of a portal's journal: its number and its hash.
    pub(crate) fn last_line(&self, portal: &PortalId) -> Result<Option<(i64, Vec<u8>)>, String> {
        let last = self.ask(LAST_LINE, &[portal.as_str()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
        Ok(last.into_iter().next())
    }

    /// The whole journal of a portal, each line proved anew. Nothing is old enough here to be removed.
    pub(crate) fn journal(&self, portal: &PortalId) -> Result<Journal, String> {
        let rows = self.ask(LINES, &[portal.as_str()], |row| {
            Ok((
                row.get::<_, i64>(0)?,
                row.get::<_, i64>(1)?,
                row.get::<_, Option<String>>(2)?,
                row.get::<_, String>(3)?,
                row.get::<_, String>(4)?,
                row.get::<_, Vec<u8>>(5)?,
            ))
        })?;
        let head = self.ask(HEAD, &[portal.as_str()], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get::<_, i64>(2)?))
        })?;
        let mut journal = Journal {
            lines: Vec::with_capacity(rows.len()),
            broken: None,
        };
        let (mut last, mut before) = (0_i64, vec![0_u8; 32]);
        for (seq, at, subject, kind, body, hash) in rows {
            let proof = proof(&before, (seq, at), subject.as_deref(), &kind, &body);
            let is_next = last.checked_add(1) == Some(seq);
            if journal.broken.is_none() && !(is_next && proof == hash) {
                let words =
                    format!("line {seq} does not stand as it was written after line {last}");
                journal.broken = Some(words);
            }
            (last, before) = (seq, hash.clone());
            let parsed = match kind.as_str() {
                "exchange" => Value::Null,
                _ => serde_json::from_str(&body).map_err(told)?,
            };
            journal.lines.push(Line {
                seq,
                at: Timestamp::from_microsecond(at).map_err(told)?,
                subject,
                kind,
                body: parsed,
                text: body,
                hash,
            });
        }
        let is_head = match head.into_iter().next() {
            Some(head) => head == (last, before, 0),
            None => last == 0,
        };
        if journal.broken.is_none() && !is_head {
            journal.broken = Some(format!(
                "it ends at line {last}, and its head says otherwise"
            ));
        }
        Ok(journal)
    }
}

fn text(text: Option<&str>) -> ValueRef<'_> {
    text.map_or(ValueRef::Null, |text| ValueRef::Text(text.as_bytes()))
}

fn number(number: Option<i64>) -> ValueRef<'static> {
    number.map_or(ValueRef::Null, ValueRef::Integer)
}

/// What a line's hash covers: the hash before it, number and moment as eight bytes each, whether it has a subject, and its
/// texts, each after its length.
fn proof(
    before: &[u8],
    (seq, at): (i64, i64),
    subject: Option<&str>,
    kind: &str,
    body: &str,
) -> Vec<u8> {
    let mut bytes = before.to_vec();
    bytes.extend(seq.to_be_bytes());
    bytes.extend(at.to_be_bytes());
    bytes.push(u8::from(subject.is_some()));
    for text in [subject.unwrap_or(""), kind, body] {
        bytes.extend(u64::try_from(text.len()).unwrap_or(0).to_be_bytes());
        bytes.extend(text.as_bytes());
    }
    Sha256::digest(bytes).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_known_by_its_name_and_the_record_of_its_kind() {
        let told = |form: &str| Event::told(form).map(|event| (event.name, event.id));
        let deal = "event=OnCrmDealUpdate&data%5BFIELDS%5D%5BID%5D=7&auth[member_id]=a";
        assert_eq!(told(deal), Some(("ONCRMDEALUPDATE".to_owned(), Some(7))));
        let address = "event=ONCRMADDRESSREGISTER&data[FIELDS][ID]=7";
        assert_eq!(
            told(address),
            Some(("ONCRMADDRESSREGISTER".to_owned(), None))
        );
        assert_eq!(told("event=ONAPPINSTALL"), None);
    }
}
