//! What sources show, and the payments that follow from it: `docs/decisions/0002-identity-of-a-payment.md`.
//!
//! The arithmetic is [`domain::payment::Sightings`]: for the keys that something new was shown of, all that was ever
//! shown is read, and payments that are not recorded yet are, each with its transaction. So any order and overlap of
//! sources comes to the same, and a source that is read again adds nothing.

use std::collections::BTreeMap;

use domain::payment::{
    Direction, LineId, PaymentKey, PaymentKind, PaymentOrder, SeenPayment, Sightings, SourceId,
};
use domain::{Money, OrganisationId, PortalId};
use jiff::Timestamp;

use super::{direction_text, kind_text, lock, take};
use crate::{
    books::links,
    error::StoreError,
    mechanics::work::{self, Lane, Look},
    sql::statements,
    store::Store,
    subject::{Subject, text_set},
    tx::Tx,
    value::{Value, json_text, params},
};

/// The task that decides what is new: `portal/payments`.
pub const PAYMENTS_TASK: &str = "payments";

/// One line of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenLine {
    /// Its place in the source.
    pub line: LineId,
    /// What it shows.
    pub order: PaymentOrder,
    /// Whose account it is.
    pub organisation: OrganisationId,
    /// What kind of money it is.
    pub kind: PaymentKind,
}

/// What came of some lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Payments that were not known before, by their numbers.
    pub new: Vec<i64>,
    /// Lines whose payment was known.
    pub known: usize,
}

/// The first line that shows a key, and its place among the lines.
struct Shown<'a> {
    place: usize,
    line: &'a SeenLine,
}

/// A payment that is recorded.
struct Recorded {
    number: i64,
    body: String,
    days_differ: bool,
}

statements! {
    /// Nothing where the source shows the same again.
    SHOW =
        "INSERT INTO payment_sighting (portal_id, key, source, line, body) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (portal_id, key, source, line) DO UPDATE SET body = excluded.body
         WHERE payment_sighting.body <> excluded.body";
    SHOWN =
        "SELECT source, line, body FROM payment_sighting WHERE portal_id = $1 AND key IN keys($2)";
    RECORDED =
        "SELECT key, nth, number, body, days_differ FROM payment WHERE portal_id = $1 AND key IN keys($2)";
    RECORD =
        "INSERT INTO payment (portal_id, number, key, nth, organisation_id, direction, kind, amount, remaining,
             payer_inn, days_differ, state, because, undone, body, seen_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'new', '', 0, $12, $13)";
    TOLD_BETTER =
        "UPDATE payment SET body = $3, days_differ = $4, payer_inn = $5 WHERE portal_id = $1 AND number = $2";
}

impl Store {
    /// Takes lines of a source: what is shown of each order is kept, and payments that were not known are recorded
    /// and put into the queue. The same lines again change nothing.
    pub async fn money_see(
        &self,
        portal: &PortalId,
        source: &SourceId,
        lines: &[SeenLine],
        now: Timestamp,
    ) -> Result<Counted, StoreError> {
        let args = (portal.clone(), source.clone(), lines.to_vec(), now);
        let counted = self
            .write(args, |tx, (portal, source, lines, now)| {
                Box::pin(see(tx, portal, source, lines, *now))
            })
            .await?;
        if !counted.new.is_empty() {
            self.ring();
        }
        Ok(counted)
    }

    /// How many payments these lines would add, were they taken now. Nothing is written.
    pub async fn money_preview(
        &self,
        portal: &PortalId,
        source: &SourceId,
        lines: &[SeenLine],
    ) -> Result<usize, StoreError> {
        let args = (portal.clone(), source.clone(), lines.to_vec());
        self.read(args, |tx, (portal, source, lines)| {
            Box::pin(async move {
                let keys = text_set(lines.iter().map(|line| key_of(line).as_str().to_owned()));
                let mut shown = shown(tx, portal, &keys).await?;
                for line in lines {
                    shown.note(source, &line.line, line.order.clone());
                }
                let recorded = recorded(tx, portal, &keys).await?;
                let is_new = |seen: &SeenPayment| !recorded.contains_key(&place_of(seen));
                Ok(shown.payments().filter(is_new).count())
            })
        })
        .await
    }
}

async fn see(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    source: &SourceId,
    lines: &[SeenLine],
    now: Timestamp,
) -> Result<Counted, StoreError> {
    lock(tx, portal).await?;
    let mut of_key: BTreeMap<PaymentKey, Shown<'_>> = BTreeMap::new();
    let mut rows = Vec::with_capacity(lines.len());
    for (place, line) in lines.iter().enumerate() {
        let key = key_of(line);
        let body = json_text(&line.order);
        rows.push(params![portal, key.as_str(), &source.0, &line.line.0, body].to_vec());
        of_key.entry(key).or_insert(Shown { place, line });
    }
    let keys: Vec<PaymentKey> = lines.iter().map(key_of).collect();
    let touched = tx.execute_each(&SHOW, &rows).await?;
    let news = keys
        .into_iter()
        .zip(touched)
        .filter(|(_, touched)| *touched > 0);
    let keys = text_set(news.map(|(key, _)| key.as_str().to_owned()));
    let all = shown(tx, portal, &keys).await?;
    let known = recorded(tx, portal, &keys).await?;
    let (mut new, mut better) = (Vec::new(), Vec::new());
    for seen in all.payments() {
        match known.get(&place_of(&seen)) {
            None => new.push(seen),
            Some(known) => better.extend(told_better(portal, known, &seen)),
        }
    }
    // People read them in the order of the source.
    let place = |seen: &SeenPayment| of_key.get(&seen.id.key).map(|one| one.place);
    new.sort_by_key(|seen| (place(seen), seen.id.nth));
    tx.execute_each(&TOLD_BETTER, &better).await?;
    let numbers = record(tx, portal, &new, &of_key, now).await?;
    if !numbers.is_empty() {
        links::count_missing(tx, portal).await?;
        let look = Look {
            subject: Subject::portal(PAYMENTS_TASK),
            lane: Lane::Due,
            due_at: now,
            reason: "new payments".to_owned(),
        };
        work::enqueue(tx, portal, &[look]).await?;
    }
    Ok(Counted {
        known: lines.len().saturating_sub(numbers.len()),
        new: numbers,
    })
}

fn key_of(line: &SeenLine) -> PaymentKey {
    PaymentKey::of(&line.order)
}

fn place_of(seen: &SeenPayment) -> (String, i64) {
    (seen.id.key.as_str().to_owned(), i64::from(seen.id.nth))
}

/// All that was ever shown of these keys.
async fn shown(tx: &mut Tx<'_>, portal: &PortalId, keys: &Value) -> Result<Sightings, StoreError> {
    let rows = tx
        .list(&SHOWN, &params![portal, keys.clone()], |row| {
            Ok((SourceId(row.text()?), LineId(row.text()?), row.json()?))
        })
        .await?;
    let mut shown = Sightings::default();
    for (source, line, order) in rows {
        shown.note(&source, &line, order);
    }
    Ok(shown)
}

async fn recorded(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    keys: &Value,
) -> Result<BTreeMap<(String, i64), Recorded>, StoreError> {
    let rows = tx
        .list(&RECORDED, &params![portal, keys.clone()], |row| {
            let place = (row.text()?, row.int()?);
            let recorded = Recorded {
                number: row.int()?,
                body: row.text()?,
                days_differ: row.flag()?,
            };
            Ok((place, recorded))
        })
        .await?;
    Ok(rows.into_iter().collect())
}

/// The row of a payment of which a source tells more, or otherwise, than before. Amount, account and direction are in
/// the key: they never change.
fn told_better(portal: &PortalId, known: &Recorded, seen: &SeenPayment) -> Option<Vec<Value>> {
    let body = json_text(&seen.order);
    let differs = body != known.body || seen.days_differ != known.days_differ;
    differs.then(|| {
        params![
            portal,
            known.number,
            body,
            seen.days_differ,
            payer_of(&seen.order)
        ]
        .to_vec()
    })
}

fn payer_of(order: &PaymentOrder) -> String {
    let inn = order.other.inn.as_ref();
    inn.map(ToString::to_string).unwrap_or_default()
}

/// Records payments, each with the transaction by which its money came.
async fn record(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    new: &[SeenPayment],
    of_key: &BTreeMap<PaymentKey, Shown<'_>>,
    now: Timestamp,
) -> Result<Vec<i64>, StoreError> {
    if new.is_empty() {
        return Ok(Vec::new());
    }
    let first = take(tx, portal, new.len(), new.len()).await?;
    let (mut payments, mut transactions, mut entries) = (Vec::new(), Vec::new(), Vec::new());
    let mut numbers = Vec::with_capacity(new.len());
    for (offset, seen) in (0_i64..).zip(new) {
        let order = &seen.order;
        let (number, transaction) = (first.payment + offset, first.transaction + offset);
        let Some(Shown { line, .. }) = of_key.get(&seen.id.key) else {
            continue;
        };
        let brought = match order.direction {
            Direction::In => order.amount.kopecks(),
            Direction::Out => -order.amount.kopecks(),
        };
        let dated = order.booked.unwrap_or(order.date);
        payments.push(
            params![
                portal,
                number,
                seen.id.key.as_str(),
                seen.id.nth,
                &line.organisation,
                direction_text(order.direction),
                kind_text(line.kind),
                order.amount,
                brought,
                payer_of(order),
                seen.days_differ,
                json_text(order),
                now
            ]
            .to_vec(),
        );
        transactions.push(
            params![
                portal,
                transaction,
                dated.to_string(),
                "payment",
                number,
                None::<i64>,
                "",
                "statement",
                now
            ]
            .to_vec(),
        );
        for (entry, place, amount) in [(0_i64, "outside", -brought), (1, "payment", brought)] {
            entries.push(super::ledger::entry_row(
                portal,
                transaction,
                entry,
                place,
                None,
                Money::from_kopecks(amount),
            ));
        }
        numbers.push(number);
    }
    tx.execute_each(&RECORD, &payments).await?;
    super::ledger::put(tx, &transactions, &entries).await?;
    Ok(numbers)
}
