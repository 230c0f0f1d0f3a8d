//! What is open of each invoice, and who a payment's invoices may be: found by buyer, by his name, by number, by id, by sum where
//! nobody's INN is known, never by walking over all of them.
//!
//! An invoice's balance is written with its link. Not here: what was paid of it (`ledger`).

use std::collections::{BTreeMap, BTreeSet};

use domain::matching::{Alias, ChosenBefore, CountedBefore, OpenInvoice};
use domain::payment::{PaymentKind, PaymentOrder};
use domain::purpose::{NameKey, NumberKey};
use domain::{DealId, Inn, InvoiceId, InvoiceStatus, Money, OrganisationId, PortalId};
use jiff::Timestamp;
use jiff::civil::Date;

use super::{
    InvoiceRef, PaymentState,
    asked::{asked_of_strangers, offered_anew},
    batch::moved,
    names, read_kind, sets_of,
};
use crate::{
    books::{
        cases::{self, Case},
        links::{InvoiceLink, read_deal},
    },
    error::StoreError,
    mechanics::work::{self, Lane, Look},
    sql::statements,
    store::Store,
    subject::{Subject, key_set, text_set},
    tx::Tx,
    value::{Row, Value, json_text, params},
};

/// A payment that is to be decided.
#[derive(Clone, Debug, PartialEq)]
pub struct Undecided {
    /// Its number.
    pub number: i64,
    /// Whose account it came to, or left.
    pub organisation: OrganisationId,
    /// What kind of money it is.
    pub kind: PaymentKind,
    /// What of it is given to nothing.
    pub remaining: Money,
    /// How often what was decided of it was undone.
    pub undone: i64,
    /// Where it stands: new or asked.
    pub state: PaymentState,
    /// When it became known.
    pub seen_at: Timestamp,
    /// An accounting side shows it, where its accountant may give it.
    pub is_followed: bool,
    /// An accounting side tells payments: it may show this one in parts.
    pub has_feed: bool,
    /// The order.
    pub order: PaymentOrder,
    /// Questions about it that are open or answered, oldest first.
    pub cases: Vec<Case>,
}

/// What payments may be for: by buyer, by his name, by number, by sum, by id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Payers, and others whom purposes name.
    pub inns: Vec<Inn>,
    /// For whom it is paid, by their names.
    pub names: Vec<NameKey>,
    /// Numbers that stand in the purposes.
    pub numbers: Vec<NumberKey>,
    /// What payers brought who are known by no INN: invoices of just so much whose buyers have none, the newest.
    pub sums: Vec<Money>,
    /// Invoices that people chose.
    pub invoices: Vec<InvoiceRef>,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Open invoices; the id of each is `organisation/invoice`, as in [`Subject::invoice`].
    pub invoices: Vec<(OpenInvoice, DealId)>,
    /// For whom people took the payers' money before.
    pub chosen_before: BTreeMap<Inn, Vec<ChosenBefore>>,
}

macro_rules! undecided {
    ($rest:literal) => {
        concat!(
            "SELECT p.number, p.organisation_id, p.kind, p.remaining, p.undone, p.state, p.seen_at, f.payment,
                 CASE WHEN EXISTS (SELECT 1 FROM followed_payment x WHERE x.portal_id = $1) THEN 1 ELSE 0 END, p.body
             FROM payment p LEFT JOIN followed_payment f ON f.portal_id = p.portal_id AND f.payment = p.number
             WHERE p.portal_id = $1 AND ",
            $rest
        )
    };
}

/// What was counted of an adopted invoice, and what stands of it that may be the same: what came up to the day of its
/// adoption, or all where nobody wrote that day down; but nothing of which the accountant said that it came on top
/// (`planner::paid_before`). A payment came on the day of credit that is known by now; the ledger has the one that was known
/// when it was given.
macro_rules! counted {
    () => {
        "o.total, o.paid_before, o.adopted_on,
             CASE WHEN o.paid_before = 0 THEN CAST(0 AS BIGINT) ELSE (
                 SELECT CAST(coalesce(sum(e.amount), 0) AS BIGINT)
                 FROM ledger_entry e JOIN ledger_transaction t ON t.portal_id = e.portal_id AND t.number = e.transaction_no
                     LEFT JOIN payment p ON p.portal_id = t.portal_id AND p.number = t.payment
                 WHERE e.portal_id = $1 AND e.organisation_id = o.organisation_id AND e.invoice_id = o.invoice_id
                     AND e.place = 'invoice' AND t.kind IN ('allocation', 'settlement')
                     AND (o.adopted_on = ''
                         OR coalesce(/*pg CAST( */p.body/*pg  AS JSONB) */ ->> 'booked', t.dated) <= o.adopted_on)
                     AND NOT EXISTS (
                         SELECT 1 FROM ledger_entry u WHERE u.portal_id = $1 AND u.undoes = t.number AND u.line = e.line
                     )
                     AND NOT EXISTS (
                         SELECT 1 FROM office_case c
                         WHERE c.portal_id = $1 AND c.subject = 'deal/' || o.deal AND c.code = 'PAYMENT-AT-ADOPTION'
                             AND c.state || '' = 'answered'
                             AND /*pg CAST( */c.facts/*pg  AS JSONB) */ ->> 'about' = 'transaction/' || t.number
                             AND /*pg CAST( */c.answer/*pg  AS JSONB) */ ->> 'choice' = 'new'
                     )
             ) END "
    };
}
pub(super) use counted;

macro_rules! open_invoice {
    () => {
        concat!(
            "SELECT o.organisation_id, o.invoice_id, o.deal, o.slot_kind, o.slot_generation, o.number, o.date, o.buyer_inn,
             o.buyer_name, o.paid, ",
            counted!()
        )
    };
}

macro_rules! open_invoices {
    ($rest:literal) => {
        concat!(
            open_invoice!(),
            "FROM invoice_balance o WHERE o.portal_id = $1 AND ",
            $rest
        )
    };
}

statements! {
    COUNTED = concat!(
        "SELECT o.organisation_id, o.invoice_id, ",
        counted!(),
        "FROM invoice_balance o WHERE o.portal_id = $1 AND o.organisation_id IN keys($2) AND o.invoice_id IN keys($3)"
    );
    PUT_BALANCE =
        "INSERT INTO invoice_balance (portal_id, organisation_id, invoice_id, deal, slot_kind, slot_generation, number,
             number_key, date, buyer_inn, total, paid, stands, live, paid_before, adopted_on, buyer_name)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, $12, $13, $14, $15, $16)
         ON CONFLICT (portal_id, organisation_id, invoice_id) DO UPDATE SET
             deal = excluded.deal, slot_kind = excluded.slot_kind, slot_generation = excluded.slot_generation,
             number = excluded.number, number_key = excluded.number_key, date = excluded.date,
             buyer_inn = excluded.buyer_inn, total = excluded.total, stands = excluded.stands,
             live = excluded.live, paid_before = excluded.paid_before, adopted_on = excluded.adopted_on,
             buyer_name = excluded.buyer_name";
    /// All of them: of what a limit cuts off, the last payers would never be heard of.
    WAITING_PAYERS =
        "SELECT number FROM payment
         WHERE portal_id = $1 AND state = 'asked' AND payer_inn IN keys($2) ORDER BY payer_inn, number";
    NEW_PAYMENTS = undecided!("p.state = 'new' AND p.waits_until <= $2 AND p.number <= $3 ORDER BY p.number LIMIT $4");
    THESE_PAYMENTS = undecided!("p.number IN numbers($2) AND p.state IN ('new', 'asked') ORDER BY p.number");
    UNDECIDED_BUYERS =
        "SELECT organisation_id, payer_inn FROM payment
         WHERE portal_id = $1 AND state = 'asked' AND kind = 'incoming' AND payer_inn IN keys($2)
         UNION
         SELECT organisation_id, payer_inn FROM payment
         WHERE portal_id = $1 AND state = 'new' AND kind = 'incoming' AND payer_inn IN keys($2)
         ORDER BY 1, 2";
    OFFERED =
        "SELECT offered FROM payment
         WHERE portal_id = $1 AND state = 'new' AND waits_until > 0 AND kind = 'incoming' AND offered <> '[]'";
    NEXT_WAITING =
        "SELECT min(waits_until) FROM payment
         WHERE portal_id = $1 AND state = 'new' AND waits_until > $2 AND waits_until < $3";
    /// Money that the accountant gave before it was known whose invoice it is.
    PAID_BEFORE =
        "SELECT organisation_id, invoice_id FROM invoice_balance
         WHERE portal_id = $1 AND organisation_id IN keys($2) AND invoice_id IN keys($3) AND deal = 0";
    /// By buyer, by his name, by number, also by that of an invoice that another took the place of. A cross join is read by
    /// SQLite as it is written: it would begin with all that is open of the portal.
    OF_BUYERS_NAMES_NUMBERS = concat!(
        open_invoices!("o.stands = 1 AND o.paid < o.total AND o.buyer_inn IN keys($2)"),
        " UNION ALL ",
        open_invoices!("o.stands = 1 AND o.paid < o.total AND o.buyer_name IN keys($3)"),
        " UNION ALL ",
        open_invoice!(),
        "FROM invoice_balance n CROSS JOIN invoice_balance o
         WHERE n.portal_id = $1 AND o.portal_id = $1 AND n.number_key IN keys($4) AND o.deal = n.deal
             AND o.slot_kind = n.slot_kind AND o.stands = 1 AND o.paid < o.total"
    );
    /// Of each organisation and sum the newest: more are of no use to anybody. In the order of the table's own key SQLite would
    /// read all of it.
    OF_SUMS = concat!(
        open_invoice!(),
        "FROM invoice_balance o JOIN (
             SELECT organisation_id, invoice_id,
                 row_number() OVER (PARTITION BY organisation_id || '', total - paid ORDER BY date DESC, invoice_id) AS place
             FROM invoice_balance
             WHERE portal_id = $1 AND stands = 1 AND paid < total AND buyer_inn = '' AND (total - paid) IN numbers($2)
         ) newest ON newest.organisation_id = o.organisation_id AND newest.invoice_id = o.invoice_id
         WHERE o.portal_id = $1 AND newest.place <= 10"
    );
    OF_INVOICES = open_invoices!(
        "o.stands = 1 AND o.paid < o.total AND o.organisation_id IN keys($2) AND o.invoice_id IN keys($3)"
    );
    OF_DEALS =
        "SELECT deal, slot_kind, slot_generation, number, date, live FROM invoice_balance
         WHERE portal_id = $1 AND deal IN numbers($2) ORDER BY deal, slot_generation";
    CHOICES =
        "SELECT payer_inn, buyer_inn, times FROM payer_choice
         WHERE portal_id = $1 AND payer_inn IN keys($2) ORDER BY payer_inn, buyer_inn";
}

impl Store {
    /// Payments that nobody looked at yet, oldest first; also those that wait for the accountant until then at most, or
    /// all of them. None with a number after `last`, where one is given.
    pub async fn money_new(
        &self,
        portal: &PortalId,
        until: Option<Timestamp>,
        last: Option<i64>,
        limit: usize,
    ) -> Result<Vec<Undecided>, StoreError> {
        let args = (portal.clone(), until, last.unwrap_or(i64::MAX), limit);
        self.read(args, |tx, (portal, until, last, limit)| {
            let ask = params![portal, until_value(*until), *last, *limit].to_vec();
            Box::pin(undecided(tx, portal, &NEW_PAYMENTS, ask))
        })
        .await
    }

    /// When the next of the payments that wait for the accountant is to be decided without him.
    pub async fn money_next_waiting(
        &self,
        portal: &PortalId,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        self.read((portal.clone(), now), |tx, (portal, now)| {
            Box::pin(async move {
                let ask = params![portal, *now, until_value(None)];
                Ok(tx
                    .first(&NEXT_WAITING, &ask, Row::moment_or_null)
                    .await?
                    .flatten())
            })
        })
        .await
    }

    /// Those of these payments that are to be decided.
    pub async fn money_undecided(
        &self,
        portal: &PortalId,
        numbers: &[i64],
    ) -> Result<Vec<Undecided>, StoreError> {
        self.read(
            (portal.clone(), numbers.to_vec()),
            |tx, (portal, numbers)| {
                Box::pin(undecided(
                    tx,
                    portal,
                    &THESE_PAYMENTS,
                    params![portal, json_text(numbers)].to_vec(),
                ))
            },
        )
        .await
    }

    /// Which of these buyers, by INN, have a payment that is not decided, and to whom it came.
    pub async fn money_undecided_of(
        &self,
        portal: &PortalId,
        buyers: &[String],
    ) -> Result<Vec<(OrganisationId, String)>, StoreError> {
        let buyers = text_set(buyers.iter().cloned());
        self.read((portal.clone(), buyers), |tx, (portal, buyers)| {
            Box::pin(async move {
                let ask = params![portal, buyers.clone()];
                tx.list(&UNDECIDED_BUYERS, &ask, |row| {
                    Ok((row.parsed()?, row.text()?))
                })
                .await
            })
        })
        .await
    }

    /// Invoices that payments may be for which wait for the accountant.
    pub async fn money_offered(
        &self,
        portal: &PortalId,
    ) -> Result<BTreeSet<InvoiceRef>, StoreError> {
        self.read(portal.clone(), |tx, portal| {
            Box::pin(async move {
                let read = |row: &mut Row| row.json::<Vec<InvoiceId>>();
                let offered = tx.list(&OFFERED, &params![portal], read).await?;
                let offered = offered.iter().flatten();
                Ok(offered.filter_map(InvoiceRef::of_open).collect())
            })
        })
        .await
    }

    /// What was counted as paid of each of these invoices before it was a deal's, and no money of ours shows yet.
    pub async fn money_counted(
        &self,
        portal: &PortalId,
        invoices: &[InvoiceRef],
    ) -> Result<BTreeMap<InvoiceRef, CountedBefore>, StoreError> {
        let args = (portal.clone(), invoices.to_vec());
        self.read(args, |tx, (portal, invoices)| {
            Box::pin(counted_before(tx, portal, invoices.iter()))
        })
        .await
    }

    /// The open invoices that payments may be for, all in one go.
    pub async fn money_open(
        &self,
        portal: &PortalId,
        wanted: &Wanted,
    ) -> Result<Found, StoreError> {
        self.read((portal.clone(), wanted.clone()), |tx, (portal, wanted)| {
            Box::pin(find(tx, portal, wanted))
        })
        .await
    }
}

/// The balances of invoices that are linked now; what is paid of them stays, also what was before it was known whose
/// they are. A part that was paid of an adopted one stays open: its payment may still come, or is known already, and is
/// given to it but once. Payments of the buyer that are asked about are looked at again: they may be for an invoice that came,
/// and are offered one that is gone; so are those of others that are offered one of these. Where the buyer has no INN, those
/// whose payer has none either, by number or sum.
pub(crate) async fn count(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    links: &[InvoiceLink],
) -> Result<(), StoreError> {
    let mut rows = Vec::new();
    let mut buyers = Vec::new();
    let mut of_strangers = Vec::new();
    for link in links {
        let buyer = link.draft.pointer("/draft/buyer/key/inn");
        let buyer = buyer.and_then(|inn| Inn::parse(inn.as_str()?).ok());
        let taken_back = [InvoiceStatus::Cancelled.as_str(), "deleted"];
        // One that was paid in full before it was the deal's: there is nothing to be paid of it any more.
        let paid_before = link.paid_before();
        let is_settled = paid_before.is_positive() && paid_before >= link.total;
        let stands = link.live && !is_settled && !taken_back.contains(&link.status.as_str());
        rows.push(
            params![
                portal,
                &link.organisation,
                &link.invoice,
                link.deal,
                link.slot.kind.as_str(),
                link.slot.generation,
                &link.number,
                NumberKey::of(&link.number).as_str(),
                link.date.to_string(),
                buyer.as_ref().map(ToString::to_string).unwrap_or_default(),
                link.total,
                stands,
                link.live,
                paid_before,
                link.adopted_on().unwrap_or_default(),
                names::of_buyer(&link.draft)
            ]
            .to_vec(),
        );
        match buyer {
            Some(inn) => buyers.push(inn.to_string()),
            None => of_strangers.push((NumberKey::of(&link.number), link.total)),
        }
    }
    // In the order in which bookings lock them.
    rows.sort_by(|one: &Vec<Value>, other| one.get(1..3).cmp(&other.get(1..3)));
    let organisations = text_set(links.iter().map(|link| link.organisation.to_string()));
    let invoices = text_set(links.iter().map(|link| link.invoice.to_string()));
    let paid_before = tx
        .list(
            &PAID_BEFORE,
            &params![portal, organisations, invoices],
            read_ref,
        )
        .await?;
    tx.execute_each(&PUT_BALANCE, &rows).await?;
    let mut looks: Vec<Look> = links
        .iter()
        .filter(|link| {
            let mut paid = paid_before.iter();
            paid.any(|one| one.organisation == link.organisation && one.invoice == link.invoice)
        })
        .map(|link| moved(link.deal, link.updated_at))
        .collect();
    let mut waiting = Vec::new();
    if !buyers.is_empty() {
        let ask = params![portal, text_set(buyers)];
        waiting = tx.list(&WAITING_PAYERS, &ask, Row::int).await?;
    }
    if !of_strangers.is_empty() {
        waiting.extend(asked_of_strangers(tx, portal, &of_strangers).await?);
    }
    if let Some(last) = links.iter().map(|link| link.updated_at).max() {
        let changed = links.iter().map(|link| InvoiceRef {
            organisation: link.organisation.clone(),
            invoice: link.invoice.clone(),
        });
        looks.extend(offered_anew(tx, portal, changed, last).await?);
    }
    let waiting = waiting.into_iter().zip(links.iter().cycle());
    looks.extend(waiting.map(|(number, link)| Look {
        subject: Subject::payment(number),
        lane: Lane::Due,
        due_at: link.updated_at,
        reason: "an invoice of its payer changed".to_owned(),
    }));
    work::enqueue(tx, portal, &looks).await
}

async fn undecided(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    sql: &'static crate::sql::Sql,
    ask: Vec<Value>,
) -> Result<Vec<Undecided>, StoreError> {
    let mut payments = tx.list(sql, &ask, read_undecided).await?;
    // A payment that nobody looked at has no question yet, unless what was decided of it is undone.
    let asked: Vec<Subject> = payments
        .iter()
        .filter(|one| one.state == PaymentState::Asked || one.undone > 0)
        .map(|one| Subject::payment(one.number))
        .collect();
    if asked.is_empty() {
        return Ok(payments);
    }
    let cases = cases::of_subjects(tx, portal, &key_set(&asked)).await?;
    let mut by_subject: BTreeMap<Subject, Vec<Case>> = BTreeMap::new();
    for case in cases {
        let subject = case.facts.subject.clone();
        by_subject.entry(subject).or_default().push(case);
    }
    for payment in &mut payments {
        let cases = by_subject.remove(&Subject::payment(payment.number));
        payment.cases = cases.unwrap_or_default();
    }
    Ok(payments)
}

fn read_undecided(row: &mut Row) -> Result<Undecided, StoreError> {
    Ok(Undecided {
        number: row.int()?,
        organisation: row.parsed()?,
        kind: read_kind(row)?,
        remaining: Money::from_kopecks(row.int()?),
        undone: row.int()?,
        state: row.parsed()?,
        seen_at: row.moment()?,
        is_followed: row.int_or_null()?.is_some(),
        has_feed: row.flag()?,
        order: row.json()?,
        cases: Vec::new(),
    })
}

/// A row of an open invoice, with its slot: aliases are found by it.
struct OpenRow {
    invoice: OpenInvoice,
    deal: DealId,
    slot_kind: String,
    generation: i64,
}

/// An invoice of the same deal, by its slot.
struct Sibling {
    slot_kind: String,
    generation: i64,
    alias: Alias,
    live: bool,
}

async fn find(tx: &mut Tx<'_>, portal: &PortalId, wanted: &Wanted) -> Result<Found, StoreError> {
    let mut found = Found::default();
    let mut buyers: Vec<String> = wanted.inns.iter().map(ToString::to_string).collect();
    if !buyers.is_empty() {
        let ask = params![portal, text_set(buyers.clone())];
        let choices = tx.list(&CHOICES, &ask, |row| {
            Ok((read_inn(row)?, read_inn(row)?, row.count()?))
        });
        for (payer, buyer, times) in choices.await? {
            buyers.push(buyer.to_string());
            let of_payer = found.chosen_before.entry(payer).or_default();
            of_payer.push(ChosenBefore { buyer, times });
        }
    }
    let names = wanted.names.iter().map(|key| key.as_str().to_owned());
    let numbers = wanted.numbers.iter().map(|key| key.as_str().to_owned());
    let sums: Vec<i64> = wanted.sums.iter().map(|sum| sum.kopecks()).collect();
    let mut open: BTreeMap<InvoiceId, OpenRow> = BTreeMap::new();
    let mut asks = Vec::new();
    let sets: [Vec<String>; 3] = [buyers, names.collect(), numbers.collect()];
    if sets.iter().any(|set| !set.is_empty()) {
        let [buyers, names, numbers] = sets.map(text_set);
        let ask = params![portal, buyers, names, numbers].to_vec();
        asks.push((&OF_BUYERS_NAMES_NUMBERS, ask));
    }
    if !wanted.invoices.is_empty() {
        let (organisations, ids) = sets_of(wanted.invoices.iter());
        asks.push((&OF_INVOICES, params![portal, organisations, ids].to_vec()));
    }
    if !sums.is_empty() {
        asks.push((&OF_SUMS, params![portal, json_text(&sums)].to_vec()));
    }
    for (sql, ask) in asks {
        let rows = tx.list(sql, &ask, read_open).await?;
        let rows = rows.into_iter();
        open.extend(rows.map(|row| (row.invoice.id.clone(), row)));
    }
    name_aliases(tx, portal, &mut open).await?;
    found.invoices = open
        .into_values()
        .map(|row| (row.invoice, row.deal))
        .collect();
    Ok(found)
}

/// Numbers of invoices in whose place these stand: payments by the old number still arrive.
async fn name_aliases(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    open: &mut BTreeMap<InvoiceId, OpenRow>,
) -> Result<(), StoreError> {
    let mut deals: Vec<u64> = open
        .values()
        .filter(|row| row.generation > 1)
        .map(|row| row.deal.get())
        .collect();
    if deals.is_empty() {
        return Ok(());
    }
    deals.sort_unstable();
    deals.dedup();
    let replaced = tx
        .list(&OF_DEALS, &params![portal, json_text(&deals)], |row| {
            let (deal, slot_kind, generation) = (read_deal(row)?, row.text()?, row.int()?);
            let alias = Alias {
                number: row.text()?,
                date: row.parsed::<Date>()?,
            };
            let replaced = Sibling {
                slot_kind,
                generation,
                alias,
                live: row.flag()?,
            };
            Ok((deal, replaced))
        })
        .await?;
    let mut by_deal: BTreeMap<DealId, Vec<Sibling>> = BTreeMap::new();
    for (deal, replaced) in replaced {
        by_deal.entry(deal).or_default().push(replaced);
    }
    for row in open.values_mut() {
        let of_deal = by_deal.get(&row.deal).into_iter().flatten();
        let before =
            of_deal.filter(|one| one.slot_kind == row.slot_kind && one.generation < row.generation);
        // What comes before one that stands for itself was replaced by that one.
        let since = before
            .clone()
            .filter(|one| one.live)
            .map(|one| one.generation);
        let since = since.max();
        let replaced = before.filter(|one| !one.live && Some(one.generation) > since);
        let aliases = replaced.map(|one| one.alias.clone());
        row.invoice.aliases.extend(aliases);
    }
    Ok(())
}

/// As [`Found`] names open invoices.
pub(super) fn open_ids(invoices: &[InvoiceRef]) -> Vec<String> {
    let ids = invoices
        .iter()
        .map(|one| Subject::invoice(&one.organisation, &one.invoice).id);
    ids.collect()
}

/// As the column holds it: none is without end.
pub(super) fn until_value(until: Option<Timestamp>) -> Value {
    until.map_or(Value::Int(i64::MAX), Value::from)
}

fn read_ref(row: &mut Row) -> Result<InvoiceRef, StoreError> {
    Ok(InvoiceRef {
        organisation: row.parsed()?,
        invoice: row.parsed()?,
    })
}

pub(super) fn read_inn(row: &mut Row) -> Result<Inn, StoreError> {
    let text = row.text()?;
    Inn::parse(&text).map_err(|error| row.undecodable(error.to_string()))
}

fn read_open(row: &mut Row) -> Result<OpenRow, StoreError> {
    let (organisation, invoice): (OrganisationId, InvoiceId) = (row.parsed()?, row.parsed()?);
    let (deal, slot_kind, generation) = (read_deal(row)?, row.text()?, row.int()?);
    let (number, date) = (row.text()?, row.parsed::<Date>()?);
    let buyer = Inn::parse(&row.text()?).ok();
    let buyer_name = row.text_or_null()?.as_deref().and_then(NameKey::of);
    let paid = row.int()?;
    let (total, counted_before) = read_counted(row)?;
    let id = Subject::invoice(&organisation, &invoice).id;
    Ok(OpenRow {
        invoice: OpenInvoice {
            id: InvoiceId::new(id),
            seller: organisation,
            buyer,
            buyer_name,
            number,
            date,
            aliases: Vec::new(),
            open: Money::from_kopecks(total - paid),
            counted_before,
        },
        deal,
        slot_kind,
        generation,
    })
}

/// What was counted as paid of each of these invoices before it was a deal's, and no money of ours shows yet.
async fn counted_before(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    invoices: impl Iterator<Item = &InvoiceRef>,
) -> Result<BTreeMap<InvoiceRef, CountedBefore>, StoreError> {
    let (organisations, ids) = sets_of(invoices);
    let ask = params![portal, organisations, ids];
    let counted = tx.list(&COUNTED, &ask, |row| {
        Ok((read_ref(row)?, read_counted(row)?.1))
    });
    Ok(counted.await?.into_iter().collect())
}

/// The total of an invoice, and what was counted of it, as `counted` has it.
pub(super) fn read_counted(row: &mut Row) -> Result<(i64, CountedBefore), StoreError> {
    let (total, paid_before) = (row.int()?, row.int()?);
    let (adopted_on, known) = (row.text()?, row.int()?);
    let counted = CountedBefore {
        amount: Money::from_kopecks((paid_before.min(total) - known).max(0)),
        until: adopted_on.parse().ok(),
    };
    Ok((total, counted))
}

impl InvoiceRef {
    /// By the id that [`Found`] gives to an open invoice.
    pub fn of_open(id: &InvoiceId) -> Option<InvoiceRef> {
        let (organisation, invoice) = id.as_str().split_once('/')?;
        Some(InvoiceRef {
            organisation: OrganisationId::new(organisation),
            invoice: InvoiceId::new(invoice),
        })
    }
}
