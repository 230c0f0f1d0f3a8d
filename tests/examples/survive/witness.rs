//! Whether everything survived: the emulators' true history, and the rows of the database read by plain SQL.

use std::collections::BTreeMap;

use tokio::sync::Mutex;
use xtask::postgres::Postgres;

use crate::office;
use crate::post::EventOfDeal;
use crate::world::{Records, World};

const EVENTS: &str =
    "SELECT name, subject, count(*) FROM inbox WHERE subject LIKE 'deal/%' GROUP BY name, subject";

const LEASE: &str = "SELECT owner, fence, expires_at FROM lease";

/// Everything about the invoice is on the deal: number, status, entry with its file.
pub(crate) fn is_complete(world: &World, deal: i64) -> bool {
    let portal = &world.remotes.portal;
    let shown = |field| !portal.deal_field(deal, field).is_empty();
    shown(office::NUMBER) && shown(office::STATUS) && entries(world, deal).contains(&1)
}

/// What must hold at any moment: no second invoice, and every event answered with 200 is on disk.
pub(crate) async fn at_any_moment(world: &World) -> Vec<String> {
    let mut violations = Vec::new();
    let bills = bills_ever(world);
    for deal in &world.deals {
        let count = bills.get(deal).copied().unwrap_or(0);
        if count > 1 {
            violations.push(format!("deal {deal} has got {count} invoices"));
        }
    }
    // Asked before the rows: what is acknowledged meanwhile is not missed.
    let acknowledged = world.post.acknowledged();
    let stored = stored(world).await;
    for ((name, subject), count) in acknowledged {
        let event = (name, subject);
        let found = stored.get(&event).copied().unwrap_or(0);
        if found < count {
            let (name, subject) = event;
            violations.push(format!(
                "{name} of {subject} was answered with 200 {count} times and is stored {found} times"
            ));
        }
    }
    violations
}

/// What must hold once nothing is under way: each deal has its one true invoice, seen once.
pub(crate) fn when_drained(world: &World) -> Vec<String> {
    let truth = world.remotes.kontur.truth();
    let mut violations = Vec::new();
    for deal in &world.deals {
        let live = truth.live_bills_marked(&office::mark(*deal));
        let number = world.remotes.portal.deal_field(*deal, office::NUMBER);
        let entries = entries(world, *deal);
        match live.as_slice() {
            [bill] if bill.number == number && entries == [1] => {}
            [bill] => violations.push(format!(
                "deal {deal} shows `{number}` for invoice {}, and entries with so many files: {entries:?}",
                bill.number
            )),
            others => violations.push(format!("deal {deal} has {} live invoices", others.len())),
        }
    }
    violations
}

/// The records as a whole, after the end.
pub(crate) async fn of_records(world: &World) -> Vec<String> {
    let Records::Sqlite(file) = &world.records else {
        return Vec::new();
    };
    let database = rusqlite::Connection::open(file).unwrap();
    let check: String = database
        .pragma_query_value(None, "integrity_check", |row| row.get(0))
        .unwrap();
    if check == "ok" {
        Vec::new()
    } else {
        vec![format!("integrity_check: {check}")]
    }
}

/// How many bills each deal has ever had, deleted ones included.
fn bills_ever(world: &World) -> BTreeMap<i64, usize> {
    let mut count = BTreeMap::new();
    for bill in world.remotes.kontur.truth().bills() {
        let comment = bill.comment.as_deref().unwrap_or_default();
        let deal = comment.split_once("/deal/").and_then(|(_, rest)| {
            let (deal, _) = rest.split_once("/invoice/")?;
            deal.parse::<i64>().ok()
        });
        if let Some(deal) = deal {
            *count.entry(deal).or_default() += 1;
        }
    }
    count
}

/// How many files each timeline entry about an issued invoice has.
fn entries(world: &World, deal: i64) -> Vec<usize> {
    let comments = world.remotes.portal.comments_of_deal(deal).into_iter();
    comments
        .filter(|(text, _)| text.contains("Выставлен счёт"))
        .map(|(_, files)| files)
        .collect()
}

/// Who holds the portal.
pub(crate) struct Lease {
    pub(crate) owner: String,
    pub(crate) fence: i64,
    pub(crate) expires_at: i64,
}

impl Lease {
    pub(crate) fn is_held(&self) -> bool {
        !self.owner.is_empty()
    }
}

/// The lease of the one portal of a world with replicas.
pub(crate) async fn lease(world: &World) -> Lease {
    let Records::Postgres { server, .. } = &world.records else {
        panic!("only replicas compete");
    };
    let rows = asked(server, LEASE).await;
    let row = rows.first().unwrap();
    Lease {
        owner: row.get(0),
        fence: row.get(1),
        expires_at: row.get(2),
    }
}

async fn asked(server: &Mutex<Postgres>, sql: &str) -> Vec<tokio_postgres::Row> {
    let url = server.lock().await.url().to_owned();
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls)
        .await
        .unwrap();
    let connected = tokio::spawn(connection);
    let rows = client.query(sql, &[]).await.unwrap();
    drop(client);
    connected.await.unwrap().unwrap();
    rows
}

async fn stored(world: &World) -> BTreeMap<EventOfDeal, u64> {
    match &world.records {
        Records::Sqlite(file) => {
            let database = rusqlite::Connection::open(file).unwrap();
            let wait = std::time::Duration::from_secs(10);
            database.busy_timeout(wait).unwrap();
            let mut statement = database.prepare(EVENTS).unwrap();
            let rows = statement.query_map((), |row| {
                let count: i64 = row.get(2)?;
                Ok(((row.get(0)?, row.get(1)?), u64::try_from(count).unwrap()))
            });
            rows.unwrap().map(Result::unwrap).collect()
        }
        Records::Postgres { server, .. } => {
            let rows = asked(server, EVENTS).await;
            let count = |row: &tokio_postgres::Row| u64::try_from(row.get::<_, i64>(2)).unwrap();
            rows.iter()
                .map(|row| ((row.get(0), row.get(1)), count(row)))
                .collect()
        }
    }
}
