//! What sources show, and the payments that follow from it: `docs/decisions/0002-identity-of-a-payment.md`.
//!
//! The arithmetic is [`domain::payment::Sightings`]: for the orders that something new was shown of, and those that are
//! alike, all that is shown is read, and payments that are not recorded yet are, each with its transaction. So any order
//! and overlap of sources comes to the same, and a source that is read again adds nothing. Not here: what the feed of an
//! accounting side holds, and what becomes of a payment that no source shows any more (`followed`).

use std::collections::{BTreeMap, BTreeSet};

use domain::payment::{
    Direction, Likeness, LineId, OwnSide, PaymentKey, PaymentKind, PaymentOrder, SeenPayment,
    Sightings, SourceId, identified,
};
use domain::purpose::Purpose;
use domain::{DealId, Money, OrganisationId, PortalId};
use jiff::{Timestamp, civil::Date};
use planted::Bug;

use super::{
    PaymentState,
    batch::{EntryRow, moved},
    direction_text, kind_text, lock, names, refunds, take,
};
use crate::{
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

/// A payment that is recorded.
pub(super) struct Recorded {
    pub(super) number: i64,
    pub(super) key: String,
    nth: i64,
    body: String,
    /// What `body` says; none of what is recorded just now.
    order: Option<PaymentOrder>,
    days_differ: bool,
    pub(super) likeness: Likeness,
    /// A person is asked about it.
    is_asked: bool,
    /// An accounting side shows it.
    pub(super) is_followed: bool,
}

impl Recorded {
    /// Whether a source tells another payer than was known, or one where none was.
    fn is_paid_by_another(&self, told: &PaymentOrder) -> bool {
        let known = self.order.as_ref();
        known.is_some_and(|known| known.other.inn != told.other.inn)
    }

    /// The order as it is told now. A day of credit that a source told stays, whoever leaves it out since.
    fn with_its_day(&self, told: PaymentOrder) -> PaymentOrder {
        let known = self.order.as_ref();
        let booked = told.booked.or(known.and_then(|known| known.booked));
        PaymentOrder { booked, ..told }
    }

    /// Whether it came on another day, by what a source tells, than deals show.
    fn is_dated_by(&self, told: &PaymentOrder) -> bool {
        let known = self.order.as_ref();
        known.is_some_and(|known| came(known) != came(told))
    }

    /// The order with the day of credit that statements tell in other words.
    fn credited_on(&self, day: Date) -> Option<PaymentOrder> {
        let known = self
            .order
            .as_ref()
            .filter(|known| known.booked != Some(day))?;
        Some(PaymentOrder {
            booked: Some(day),
            ..known.clone()
        })
    }
}

/// The day that counts for it.
fn came(order: &PaymentOrder) -> Date {
    order.booked.unwrap_or(order.date)
}

/// What orders come to, against what was recorded.
#[derive(Default)]
pub(super) struct Recounted {
    /// Payments that were not known, in the order of the source.
    pub(super) new: Vec<i64>,
    /// All of these likenesses, new ones among them.
    pub(super) recorded: Vec<Recorded>,
    /// How many of them no source shows any more.
    pub(super) surplus: BTreeMap<Likeness, usize>,
}

statements! {
    /// Nothing where the source shows the same again.
    SHOW =
        "INSERT INTO payment_sighting (portal_id, key, source, line, likeness, body) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (portal_id, key, source, line) DO UPDATE SET body = excluded.body, likeness = excluded.likeness
         WHERE payment_sighting.body <> excluded.body OR payment_sighting.likeness <> excluded.likeness";
    /// In statements and in feeds of accounting sides, which are told apart by whose they are. Whatever has one of the keys is
    /// alike; only rows from before there were likenesses are found by the key alone.
    SHOWN =
        "SELECT source, line, body, CAST(NULL AS TEXT) FROM payment_sighting
         WHERE portal_id = $1 AND likeness IN keys($3)
         UNION ALL SELECT source, line, body, CAST(NULL AS TEXT) FROM payment_sighting
         WHERE portal_id = $1 AND key IN keys($2) AND likeness = ''
         UNION ALL SELECT '', line, body, organisation_id FROM followed_payment
         WHERE portal_id = $1 AND likeness IN keys($3) AND deleted = 0";
    RECORDED =
        "SELECT p.number, p.key, p.nth, p.body, p.days_differ, p.state, f.payment FROM payment p
         LEFT JOIN followed_payment f ON f.portal_id = p.portal_id AND f.payment = p.number
         WHERE p.portal_id = $1 AND p.likeness IN keys($3)
         UNION ALL SELECT p.number, p.key, p.nth, p.body, p.days_differ, p.state, f.payment FROM payment p
         LEFT JOIN followed_payment f ON f.portal_id = p.portal_id AND f.payment = p.number
         WHERE p.portal_id = $1 AND p.key IN keys($2) AND p.likeness = ''";
    RECORD =
        "INSERT INTO payment (portal_id, number, key, nth, likeness, organisation_id, direction, kind, amount, remaining,
             payer_inn, days_differ, state, because, undone, body, seen_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'new', '', 0, $13, $14)";
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

    /// How many payments these lines would add, were they taken now, each of its source. Nothing is written.
    pub async fn money_preview(
        &self,
        portal: &PortalId,
        lines: &[(SourceId, SeenLine)],
    ) -> Result<usize, StoreError> {
        let args = (portal.clone(), lines.to_vec());
        self.read(args, |tx, (portal, lines)| {
            Box::pin(async move {
                let told = identities(lines.iter().map(|(_, line)| line));
                let likenesses = told.iter().map(|one| one.likeness.clone()).collect();
                let mut shown = shown(tx, portal, &told, &likenesses).await?;
                for (source, line) in lines {
                    shown.note(source, &line.line, line.order.clone());
                }
                let recorded = recorded(tx, portal, &shown, &likenesses).await?;
                let had = counted(&recorded);
                let counts = shown.counts().into_iter();
                let missing = counts.map(|(likeness, count)| {
                    count.saturating_sub(had.get(&likeness).copied().unwrap_or(0))
                });
                Ok(missing.sum())
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
    let told = identities(lines);
    let rows: Vec<Vec<Value>> = told
        .iter()
        .map(|one| {
            let (line, body) = (&one.line.line.0, json_text(&one.line.order));
            params![
                portal,
                one.key.as_str(),
                &source.0,
                line,
                one.likeness.as_str(),
                body
            ]
            .to_vec()
        })
        .collect();
    let touched = tx.execute_each(&SHOW, &rows).await?;
    let news = told.into_iter().zip(touched);
    let news = news.filter_map(|(one, touched)| (touched > 0).then_some(one));
    let news: Vec<Told<'_>> = news.collect();
    let counted = recount(tx, portal, &news, BTreeSet::new(), "statement", now);
    let numbers = counted.await?.new;
    Ok(Counted {
        known: lines.len().saturating_sub(numbers.len()),
        new: numbers,
    })
}

/// Counts what is shown of these lines and of what is alike, and records what is new. `gone`: likenesses of which less
/// is shown than before.
pub(super) async fn recount(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    told: &[Told<'_>],
    gone: BTreeSet<Likeness>,
    author: &str,
    now: Timestamp,
) -> Result<Recounted, StoreError> {
    let mut likenesses = gone;
    likenesses.extend(told.iter().map(|one| one.likeness.clone()));
    if likenesses.is_empty() {
        return Ok(Recounted::default());
    }
    let shown = shown(tx, portal, told, &likenesses).await?;
    let mut recounted = Recounted {
        recorded: recorded(tx, portal, &shown, &likenesses).await?,
        ..Recounted::default()
    };
    let (counts, had) = (shown.counts(), counted(&recounted.recorded));
    let mut missing: BTreeMap<Likeness, usize> = BTreeMap::new();
    for likeness in likenesses {
        let wanted = counts.get(&likeness).copied().unwrap_or(0);
        let had = had.get(&likeness).copied().unwrap_or(0);
        if had > wanted {
            recounted.surplus.insert(likeness, had - wanted);
        } else {
            missing.insert(likeness, wanted - had);
        }
    }
    let known: BTreeMap<(&str, i64), &Recorded> = recounted
        .recorded
        .iter()
        .map(|one| ((one.key.as_str(), one.nth), one))
        .collect();
    let (mut unknown, mut better) = (Vec::new(), Vec::new());
    // Deals show the day of credit, and some showed another; what is open to a payment goes by it, too.
    let mut dated = Vec::new();
    // Whoever is told to have paid: refunds to him may be of this money, and a question may have its answer.
    let (mut payers, mut retold) = (BTreeSet::new(), Vec::new());
    let mut as_worded = BTreeSet::new();
    for mut seen in shown.payments() {
        match known.get(&(seen.id.key.as_str(), i64::from(seen.id.nth))) {
            None => unknown.push(seen),
            Some(known) => {
                as_worded.insert(known.number);
                seen.order = known.with_its_day(seen.order);
                let told = told_better(portal, known, &seen);
                payers.extend(told.as_ref().and_then(|_| came_from(&seen.order)));
                dated.extend(known.is_dated_by(&seen.order).then_some(known.number));
                retold.extend(
                    known
                        .is_paid_by_another(&seen.order)
                        .then_some(known.number),
                );
                better.extend(told);
            }
        }
    }
    // One whose words the accountant changed since is no longer shown in them, and its money came on that day all the same.
    let credited = shown.credited();
    let all = recounted.recorded.iter();
    for one in all.filter(|one| !as_worded.contains(&one.number)) {
        let day = credited.get(&one.likeness);
        if let Some(order) = day.and_then(|day| one.credited_on(*day)) {
            dated.extend(one.is_dated_by(&order).then_some(one.number));
            let (body, payer) = (json_text(&order), payer_of(&order));
            better.push(params![portal, one.number, body, one.days_differ, payer].to_vec());
        }
    }
    tx.execute_each(&TOLD_BETTER, &better).await?;
    let shown_by = refunds::deals_of(tx, portal, &dated).await?;
    let looks: BTreeSet<DealId> = shown_by.into_values().flatten().collect();
    let looks = looks.into_iter().map(|deal| moved(deal, now));
    let asked_anew = retold.into_iter().map(|one| (one, "it is told who paid"));
    let is_asked = |one: &&Recorded| one.is_asked && dated.contains(&one.number);
    let asked = recounted.recorded.iter().filter(is_asked);
    let asked_anew = asked_anew.chain(asked.map(|one| (one.number, "it is told when it came")));
    let looks = looks.chain(asked_anew.map(|(payment, why)| look_at(payment, why, now)));
    work::enqueue(tx, portal, &looks.collect::<Vec<Look>>()).await?;
    let as_read = AsRead::of(told);
    // People read them in the order of the source.
    unknown.sort_by_key(|seen| (as_read.place(seen), seen.id.nth));
    unknown.retain(|seen| {
        let left = missing.entry(seen.likeness.clone()).or_default();
        let is_missing = *left > 0;
        *left = left.saturating_sub(1);
        is_missing
    });
    let new = record(tx, portal, &unknown, &as_read, author, now).await?;
    recounted.new = new.iter().map(|one| one.number).collect();
    recounted.recorded.extend(new);
    if !recounted.new.is_empty() {
        names::complete(tx, portal).await?;
    }
    payers.extend(unknown.iter().filter_map(|seen| came_from(&seen.order)));
    let again = refunds::again(tx, portal, payers).await?;
    if !recounted.new.is_empty() || again > 0 {
        work::enqueue(tx, portal, &[decide_soon(now)]).await?;
    }
    Ok(recounted)
}

/// Who paid us, by INN.
fn came_from(order: &PaymentOrder) -> Option<String> {
    let inn = order.other.inn.as_ref();
    inn.filter(|_| order.direction == Direction::In)
        .map(ToString::to_string)
}

/// What is new is decided by the portal's task.
pub(super) fn decide_soon(now: Timestamp) -> Look {
    Look {
        subject: Subject::portal(PAYMENTS_TASK),
        lane: Lane::Due,
        due_at: now,
        reason: "new payments".to_owned(),
    }
}

/// What was asked of a payment while it was not known that well.
fn look_at(payment: i64, why: &str, now: Timestamp) -> Look {
    Look {
        subject: Subject::payment(payment),
        lane: Lane::Due,
        due_at: now,
        reason: why.to_owned(),
    }
}

/// A line with what makes its order the same as others.
pub(super) struct Told<'a> {
    line: &'a SeenLine,
    key: PaymentKey,
    likeness: Likeness,
}

pub(super) fn identities<'a>(lines: impl IntoIterator<Item = &'a SeenLine>) -> Vec<Told<'a>> {
    let told = lines.into_iter().map(|line| {
        let (key, likeness) = identified(&line.order);
        Told {
            line,
            key,
            likeness,
        }
    });
    told.collect()
}

/// Lines as the source told them: what the sightings do not know of an order.
struct AsRead<'a> {
    by_key: BTreeMap<&'a PaymentKey, (usize, &'a SeenLine)>,
    alike: BTreeMap<&'a Likeness, &'a SeenLine>,
}

impl<'a> AsRead<'a> {
    fn of(told: &'a [Told<'a>]) -> AsRead<'a> {
        let (mut by_key, mut alike) = (BTreeMap::new(), BTreeMap::new());
        for (place, one) in told.iter().enumerate() {
            by_key.entry(&one.key).or_insert((place, one.line));
            alike.entry(&one.likeness).or_insert(one.line);
        }
        AsRead { by_key, alike }
    }

    fn place(&self, seen: &SeenPayment) -> usize {
        let line = self.by_key.get(&seen.id.key);
        line.map_or(usize::MAX, |(place, _)| *place)
    }

    /// Whose account, and what kind of money. An order that another source showed has the same accounts as the line that
    /// is alike; only its words may say something else.
    fn told(&self, seen: &SeenPayment) -> Option<(&'a OrganisationId, PaymentKind)> {
        if let Some((_, line)) = self.by_key.get(&seen.id.key) {
            return Some((&line.organisation, line.kind));
        }
        let line = self.alike.get(&seen.likeness)?;
        let kind = match line.kind {
            PaymentKind::OwnTransfer => PaymentKind::OwnTransfer,
            PaymentKind::Incoming
            | PaymentKind::Register
            | PaymentKind::ReturnedToUs
            | PaymentKind::RefundOut
            | PaymentKind::BankFee
            | PaymentKind::Outgoing => {
                OwnSide::default().kind(&seen.order, &Purpose::read(&seen.order.purpose))
            }
        };
        Some((&line.organisation, kind))
    }
}

/// How many payments of each likeness are recorded.
fn counted(recorded: &[Recorded]) -> BTreeMap<Likeness, usize> {
    let mut counts = BTreeMap::new();
    for one in recorded {
        *counts.entry(one.likeness.clone()).or_default() += 1;
    }
    counts
}

/// All that is shown of these lines and of what is alike.
async fn shown(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    told: &[Told<'_>],
    likenesses: &BTreeSet<Likeness>,
) -> Result<Sightings, StoreError> {
    let keys = text_set(told.iter().map(|one| one.key.to_string()));
    let alike = text_set(likenesses.iter().map(|one| one.as_str().to_owned()));
    let mut shown = Sightings::default();
    let ask = params![portal, keys, alike];
    let rows = tx.list(&SHOWN, &ask, |row| {
        let (statement, line, order) = (row.text()?, LineId(row.text()?), row.json()?);
        let feed = row.text_or_null()?.map(OrganisationId::new);
        Ok((statement, feed, line, order))
    });
    for (statement, feed, line, order) in rows.await? {
        match feed {
            Some(organisation) => {
                shown.note(&SourceId::accounting(&organisation), &line, order);
            }
            None if planted::is(Bug::EqualOrdersByFile) => {
                let line = LineId(format!("{statement}/{}", line.0));
                shown.note(&SourceId("all".to_owned()), &line, order);
            }
            None => shown.note(&SourceId(statement), &line, order),
        }
    }
    Ok(shown)
}

async fn recorded(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    shown: &Sightings,
    likenesses: &BTreeSet<Likeness>,
) -> Result<Vec<Recorded>, StoreError> {
    let keys = text_set(shown.keys().map(ToString::to_string));
    let alike = text_set(likenesses.iter().map(|one| one.as_str().to_owned()));
    tx.list(&RECORDED, &params![portal, keys, alike], |row| {
        let (number, key, nth, body) = (row.int()?, row.text()?, row.int()?, row.text()?);
        let order: PaymentOrder =
            serde_json::from_str(&body).map_err(|error| row.undecodable(error.to_string()))?;
        Ok(Recorded {
            number,
            key,
            nth,
            likeness: Likeness::of(&order),
            body,
            order: Some(order),
            days_differ: row.flag()?,
            is_asked: row.parsed::<PaymentState>()? == PaymentState::Asked,
            is_followed: row.int_or_null()?.is_some(),
        })
    })
    .await
}

/// The row of a payment of which a source tells more, or otherwise, than before. Amount, account and direction are in
/// the key: they never change.
fn told_better(portal: &PortalId, known: &Recorded, seen: &SeenPayment) -> Option<Vec<Value>> {
    let body = json_text(&seen.order);
    let differs = body != known.body || seen.days_differ != known.days_differ;
    let payer = payer_of(&seen.order);
    differs.then(|| params![portal, known.number, body, seen.days_differ, payer].to_vec())
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
    as_read: &AsRead<'_>,
    author: &str,
    now: Timestamp,
) -> Result<Vec<Recorded>, StoreError> {
    if new.is_empty() {
        return Ok(Vec::new());
    }
    let first = take(tx, portal, new.len(), new.len()).await?;
    let (mut payments, mut transactions, mut entries) = (Vec::new(), Vec::new(), Vec::new());
    let mut recorded = Vec::with_capacity(new.len());
    for (offset, seen) in (0_i64..).zip(new) {
        let order = &seen.order;
        let (number, transaction) = (first.payment + offset, first.transaction + offset);
        let Some((organisation, kind)) = as_read.told(seen) else {
            continue;
        };
        let brought = match order.direction {
            Direction::In => order.amount.kopecks(),
            Direction::Out => -order.amount.kopecks(),
        };
        payments.push(
            params![
                portal,
                number,
                seen.id.key.as_str(),
                seen.id.nth,
                seen.likeness.as_str(),
                organisation,
                direction_text(order.direction),
                kind_text(kind),
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
                came(order).to_string(),
                "payment",
                number,
                None::<i64>,
                "",
                author,
                now
            ]
            .to_vec(),
        );
        for (line, place, amount) in [(0_i64, "outside", -brought), (1, "payment", brought)] {
            let row = EntryRow::new(transaction, line, place, Money::from_kopecks(amount));
            entries.push(row.of(portal));
        }
        recorded.push(Recorded {
            number,
            key: seen.id.key.as_str().to_owned(),
            nth: i64::from(seen.id.nth),
            body: String::new(),
            order: None,
            days_differ: seen.days_differ,
            likeness: seen.likeness.clone(),
            is_asked: false,
            is_followed: false,
        });
    }
    tx.execute_each(&RECORD, &payments).await?;
    super::batch::put(tx, &transactions, &entries).await?;
    Ok(recorded)
}
