//! The books of an office without an accounting program: invoices under numbers without a gap, and counterparties.
//!
//! A number is taken in the transaction that records its invoice, and only for a create that is under way: whatever
//! dies or freezes in between, no number is lost, none is given twice, and no invoice appears after its create was
//! given up. What was issued stays; a cancelled invoice keeps its number. An organisation for trying out has a series of
//! its own: a real number and a test's never stand in one. Not here: which lines an invoice has
//! (`planner`), what is given to the accountant (`register`).

use domain::{
    Amounts, ContractorId, Counterparty, DealId, Invoice, InvoiceDraft, InvoiceId, InvoiceStatus,
    Money, OrganisationId, PortalId, Who,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    books::links::read_deal,
    error::StoreError,
    mechanics::{
        effects::EffectState,
        journal::{self, JournalEntry},
        work::{self, Lane, Look},
    },
    sql::statements,
    store::Store,
    subject::{Subject, text_set},
    tx::Tx,
    value::{Row, json_text, params},
};

/// An invoice that is to get a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewBill {
    /// The key of the effect that makes it; its organisation is the draft's seller.
    pub key: String,
    /// For whom.
    pub contractor: ContractorId,
    /// What it says.
    pub draft: InvoiceDraft,
    /// What it comes to.
    pub totals: Amounts,
    /// Whether its organisation is for trying out.
    pub test: bool,
    /// What stands before the number in the series of its year.
    pub prefix: String,
    /// The number is not below this one: smaller ones were given by hand.
    pub first: u32,
}

/// The numbers of an organisation and year.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// Whose.
    pub organisation: OrganisationId,
    /// Of which year.
    pub year: i64,
    /// What stands before them.
    pub prefix: String,
    /// The first: smaller ones were given by hand.
    pub first: u32,
}

/// An invoice of the office.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfficeBill {
    /// Whose.
    pub organisation: OrganisationId,
    /// The year of its series.
    pub year: i64,
    /// Its place in that series; below 1 where its number is from elsewhere.
    pub place: i64,
    /// Its id within the organisation.
    pub id: InvoiceId,
    /// The key of the effect that made it.
    pub key: String,
    /// What it was made from.
    pub revision: String,
    /// The deal it is for.
    pub deal: DealId,
    /// The buyer.
    pub contractor: ContractorId,
    /// As printed.
    pub number: String,
    /// What it comes to.
    pub totals: Amounts,
    /// What it says.
    pub draft: InvoiceDraft,
    /// Whether it was made for trying out.
    pub test: bool,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// Set once a person has cancelled it.
    pub cancelled: Option<Cancelled>,
    /// The export that gave it to the accountant.
    pub issue_given: Option<i64>,
    /// The export that gave its cancellation.
    pub cancel_given: Option<i64>,
}

/// A person's act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancelled {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// Why.
    pub because: String,
}

/// What became of a wish to record an invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// It is in the books, now or since before.
    Bill(Box<OfficeBill>),
    /// Under this key the books hold an invoice made from something else.
    OfAnotherRevision(Box<OfficeBill>),
    /// Nothing was recorded: the create was given up, or its time is over.
    NotUnderWay,
    /// Nothing was recorded: another invoice of this organisation and year bears the number that it was to bear, or it is one
    /// of those that were given by hand before the series began.
    NumberTaken,
    /// Nothing was recorded: the series of its organisation and year has real numbers, and this one is for trying out, or
    /// the other way about.
    OfAnotherKind,
}

/// The columns in the order of [`read_bill`].
macro_rules! bills_where {
    ($rest:literal) => {
        concat!(
            "SELECT organisation_id, year, place, invoice_id, key, revision, deal, contractor_id, number, total, vat,
                    draft, test, recorded_at, cancelled_at, cancelled_by, cancelled_because, issue_given,
                    cancel_given
             FROM office_bill WHERE portal_id = $1 AND ",
            $rest
        )
    };
}
pub(crate) use bills_where;

statements! {
    /// The create that an invoice belongs to. Locked, so that nobody gives it up meanwhile.
    UNDER_WAY =
        "SELECT subject, state, request_hash, not_after FROM effect
         WHERE portal_id = $1 AND key = $2 AND once = 1 /*pg FOR UPDATE */";
    /// The row is locked until the invoice is stored: the next one waits for this number.
    TAKE_NUMBER =
        "INSERT INTO office_series (portal_id, organisation_id, year, next)
         VALUES ($1, $2, $3, CAST($4 AS BIGINT) + 1)
         ON CONFLICT (portal_id, organisation_id, year) DO UPDATE SET next = 1 + CASE
             WHEN office_series.next < CAST($4 AS BIGINT) THEN CAST($4 AS BIGINT) ELSE office_series.next END
         RETURNING next - 1";
    /// A number from elsewhere: the series stands, and whoever else gives numbers in it waits.
    HOLD_SERIES =
        "INSERT INTO office_series (portal_id, organisation_id, year, next) VALUES ($1, $2, $3, $4)
         ON CONFLICT (portal_id, organisation_id, year) DO UPDATE SET next = office_series.next
         RETURNING next";
    /// Numbers from elsewhere have places below the series.
    LOWEST =
        "SELECT COALESCE(min(place), 0) FROM office_bill
         WHERE portal_id = $1 AND organisation_id = $2 AND year = $3";
    IS_TAKEN =
        "SELECT 1 FROM office_bill WHERE portal_id = $1 AND number = $2 AND organisation_id = $3 AND year = $4";
    /// Whether the last invoice of a series was for trying out.
    LAST_IS_TEST =
        "SELECT test FROM office_bill WHERE portal_id = $1 AND organisation_id = $2 AND year = $3
         ORDER BY place DESC LIMIT 1";
    NEXT_NUMBER =
        "SELECT next FROM office_series WHERE portal_id = $1 AND organisation_id = $2 AND year = $3";
    PUT_BILL =
        "INSERT INTO office_bill (portal_id, organisation_id, year, place, invoice_id, key, revision, deal,
             contractor_id, number, total, vat, draft, test, recorded_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
    OF_KEYS = bills_where!("key IN keys($2) ORDER BY organisation_id, year, place");
    OF_IDS = bills_where!("organisation_id = $2 AND invoice_id IN keys($3)");
    OF_NUMBER = bills_where!("number = $2 ORDER BY organisation_id, year");
    ALL = bills_where!("year >= $2 ORDER BY organisation_id, year, place");
    CANCEL =
        "UPDATE office_bill SET cancelled_at = $4, cancelled_by = $5, cancelled_because = $6
         WHERE portal_id = $1 AND organisation_id = $2 AND invoice_id = $3 AND cancelled_at IS NULL
         RETURNING deal";
    PUT_COUNTERPARTY =
        "INSERT INTO office_counterparty (portal_id, organisation_id, inn, kpp, body, recorded_at)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (portal_id, organisation_id, inn, kpp) DO NOTHING";
    COUNTERPARTIES =
        "SELECT body FROM office_counterparty
         WHERE portal_id = $1 AND organisation_id = $2 AND inn IN keys($3) ORDER BY inn, kpp";
}

impl Store {
    /// Gives an invoice the next number of its series and records it, or finds it recorded under its key.
    pub async fn office_record(
        &self,
        portal: &PortalId,
        new: &NewBill,
        now: Timestamp,
    ) -> Result<Recorded, StoreError> {
        let args = (portal.clone(), new.clone(), now);
        self.write(args, |tx, (portal, new, now)| {
            Box::pin(record(tx, portal, new, *now))
        })
        .await
    }

    /// Invoices by the keys of the effects that made them.
    pub async fn office_bills_by_key(
        &self,
        portal: &PortalId,
        keys: &[String],
    ) -> Result<Vec<OfficeBill>, StoreError> {
        let keys = text_set(keys.iter().cloned());
        self.read((portal.clone(), keys), |tx, (portal, keys)| {
            Box::pin(async move {
                tx.list(&OF_KEYS, &params![portal, keys.clone()], read_bill)
                    .await
            })
        })
        .await
    }

    /// Invoices of an organisation by their ids.
    pub async fn office_bills_by_id(
        &self,
        portal: &PortalId,
        organisation: &OrganisationId,
        ids: &[InvoiceId],
    ) -> Result<Vec<OfficeBill>, StoreError> {
        let ids = text_set(ids.iter().map(InvoiceId::to_string));
        let args = (portal.clone(), organisation.clone(), ids);
        self.read(args, |tx, (portal, organisation, ids)| {
            Box::pin(async move {
                let ask = params![portal, organisation, ids.clone()];
                tx.list(&OF_IDS, &ask, read_bill).await
            })
        })
        .await
    }

    /// Invoices with this printed number: several organisations and years may have one.
    pub async fn office_bills_by_number(
        &self,
        portal: &PortalId,
        number: &str,
    ) -> Result<Vec<OfficeBill>, StoreError> {
        self.read(
            (portal.clone(), number.to_owned()),
            |tx, (portal, number)| {
                Box::pin(async move {
                    tx.list(&OF_NUMBER, &params![portal, number.as_str()], read_bill)
                        .await
                })
            },
        )
        .await
    }

    /// Whether an invoice of a series cannot bear this number: another does, or it was given by hand.
    pub async fn office_is_taken(
        &self,
        portal: &PortalId,
        series: &Series,
        number: &str,
    ) -> Result<bool, StoreError> {
        let args = (portal.clone(), series.clone(), number.to_owned());
        self.read(args, |tx, (portal, series, number)| {
            Box::pin(async move {
                let Series {
                    organisation,
                    year,
                    prefix,
                    first,
                } = series;
                let ask = params![portal, number.as_str(), organisation, *year];
                let is_taken = tx.first(&IS_TAKEN, &ask, Row::int).await?.is_some();
                Ok(is_taken || is_given_by_hand(number, prefix, *first))
            })
        })
        .await
    }

    /// The whole register from a year on, in the order of its numbers.
    pub async fn office_bills(
        &self,
        portal: &PortalId,
        from_year: i64,
    ) -> Result<Vec<OfficeBill>, StoreError> {
        self.read((portal.clone(), from_year), |tx, (portal, from_year)| {
            Box::pin(async move { tx.list(&ALL, &params![portal, *from_year], read_bill).await })
        })
        .await
    }

    /// The number that the next invoice of a year would get; `None` where there was none in it yet.
    pub async fn office_next(
        &self,
        portal: &PortalId,
        organisation: &OrganisationId,
        year: i64,
    ) -> Result<Option<i64>, StoreError> {
        let args = (portal.clone(), organisation.clone(), year);
        self.read(args, |tx, (portal, organisation, year)| {
            Box::pin(async move {
                let ask = params![portal, organisation, *year];
                tx.first(&NEXT_NUMBER, &ask, Row::int).await
            })
        })
        .await
    }

    /// Cancels an invoice by a person's word: its number stays, and its deal is looked at. False: it was cancelled
    /// before, or is not there.
    pub async fn office_cancel(
        &self,
        portal: &PortalId,
        organisation: &OrganisationId,
        id: &InvoiceId,
        cancelled: &Cancelled,
    ) -> Result<bool, StoreError> {
        let args = (
            portal.clone(),
            organisation.clone(),
            id.clone(),
            cancelled.clone(),
        );
        let done = self
            .write(args, |tx, (portal, organisation, id, cancelled)| {
                Box::pin(cancel(tx, portal, organisation, id, cancelled))
            })
            .await?;
        if done {
            self.ring();
        }
        Ok(done)
    }

    /// Records a counterparty of an organisation under its INN and KPP; one that is there stays as it is.
    pub async fn office_counterparty_put(
        &self,
        portal: &PortalId,
        organisation: &OrganisationId,
        counterparty: &Counterparty,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let args = (
            portal.clone(),
            organisation.clone(),
            counterparty.clone(),
            now,
        );
        self.write(args, |tx, (portal, organisation, counterparty, now)| {
            Box::pin(async move {
                let kpp = counterparty.key.kpp.as_ref().map(ToString::to_string);
                let values = params![
                    portal,
                    organisation,
                    counterparty.key.who.to_string(),
                    kpp.unwrap_or_default(),
                    json_text(counterparty),
                    *now
                ];
                tx.execute(&PUT_COUNTERPARTY, &values).await.map(drop)
            })
        })
        .await
    }

    /// These counterparties of an organisation, whatever their KPP. The column `inn` has whatever they are known by.
    pub async fn office_counterparties(
        &self,
        portal: &PortalId,
        organisation: &OrganisationId,
        all: &[Who],
    ) -> Result<Vec<Counterparty>, StoreError> {
        let all = text_set(all.iter().map(ToString::to_string));
        let args = (portal.clone(), organisation.clone(), all);
        self.read(args, |tx, (portal, organisation, all)| {
            Box::pin(async move {
                let ask = params![portal, organisation, all.clone()];
                tx.list(&COUNTERPARTIES, &ask, Row::json).await
            })
        })
        .await
    }
}

impl OfficeBill {
    /// As an accounting side tells an invoice.
    pub fn invoice(&self) -> Invoice {
        Invoice {
            id: self.id.clone(),
            seller: self.organisation.clone(),
            number: self.number.clone(),
            date: self.draft.date,
            due: self.draft.due,
            status: match self.cancelled {
                Some(_) => InvoiceStatus::Cancelled,
                None => InvoiceStatus::Issued,
            },
            contractor: self.contractor.clone(),
            counterparty: Some(self.draft.buyer.key.clone()),
            mode: self.draft.mode,
            lines: self.draft.lines.clone(),
            totals: self.totals,
            currency: self.draft.currency.clone(),
            paid: Money::ZERO,
            marked: false,
            made_as: None,
            changed: Some(
                self.cancelled
                    .as_ref()
                    .map_or(self.recorded_at, |one| one.at),
            ),
        }
    }
}

async fn record(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    new: &NewBill,
    now: Timestamp,
) -> Result<Recorded, StoreError> {
    let revision = new.draft.revision().as_str().to_owned();
    let ask = params![portal, &new.key];
    let under_way = tx.first(&UNDER_WAY, &ask, read_under_way).await?;
    // Only now: whoever recorded it held the lock until then.
    let keys = text_set([new.key.clone()]);
    let recorded = tx.list(&OF_KEYS, &params![portal, keys], read_bill).await?;
    if let Some(bill) = recorded.into_iter().next() {
        let bill = Box::new(bill);
        return Ok(if bill.revision == revision {
            Recorded::Bill(bill)
        } else {
            Recorded::OfAnotherRevision(bill)
        });
    }
    let Some(create) = under_way.filter(|one| one.makes(&revision, now)) else {
        return Ok(Recorded::NotUnderWay);
    };
    let year = i64::from(new.draft.date.year());
    let organisation = &new.draft.seller;
    let series = params![portal, organisation, year];
    let last = tx.first(&LAST_IS_TEST, &series, Row::flag).await?;
    if last.is_some_and(|test| test != new.test) {
        return Ok(Recorded::OfAnotherKind);
    }
    let Some((place, number)) = numbered(tx, portal, new, year).await? else {
        return Ok(Recorded::NumberTaken);
    };
    let bill = OfficeBill {
        organisation: organisation.clone(),
        year,
        place,
        id: InvoiceId::new(match place {
            1.. => format!("{year}-{place}"),
            _ => format!("{year}-own{place}"),
        }),
        key: new.key.clone(),
        revision,
        deal: create.deal,
        contractor: new.contractor.clone(),
        number,
        totals: new.totals,
        draft: new.draft.clone(),
        test: new.test,
        recorded_at: now,
        cancelled: None,
        issue_given: None,
        cancel_given: None,
    };
    put(tx, portal, &bill).await?;
    Ok(Recorded::Bill(Box::new(bill)))
}

/// The place of an invoice and its number: the next of its series that nobody bears, or the one that it is to bear. `None`:
/// that one is taken.
async fn numbered(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    new: &NewBill,
    year: i64,
) -> Result<Option<(i64, String)>, StoreError> {
    let organisation = &new.draft.seller;
    let missing = || StoreError::Missing {
        portal: portal.clone(),
        what: "series",
        key: format!("{organisation} {year}"),
    };
    let series = params![portal, organisation, year, new.first];
    if let Some(number) = &new.draft.number {
        tx.query(&HOLD_SERIES, &series).await?;
        let ask = params![portal, number, organisation, year];
        let is_taken = tx.first(&IS_TAKEN, &ask, Row::int).await?.is_some();
        if is_taken || is_given_by_hand(number, &new.prefix, new.first) {
            return Ok(None);
        }
        let all = params![portal, organisation, year];
        let lowest = tx
            .first(&LOWEST, &all, Row::int)
            .await?
            .ok_or_else(missing)?;
        return Ok(Some((lowest.min(0) - 1, number.clone())));
    }
    loop {
        let place = tx.first(&TAKE_NUMBER, &series, Row::int).await?;
        let place = place.ok_or_else(missing)?;
        let number = format!("{}{place}", new.prefix);
        let ask = params![portal, &number, organisation, year];
        // One from elsewhere may bear it already.
        if tx.first(&IS_TAKEN, &ask, Row::int).await?.is_none() {
            return Ok(Some((place, number)));
        }
    }
}

/// The series begins after the numbers that were given by hand: whatever would stand before its first is one of those.
fn is_given_by_hand(number: &str, prefix: &str, first: u32) -> bool {
    let place = number.strip_prefix(prefix);
    let place = place.and_then(|place| place.parse::<u32>().ok());
    place.is_some_and(|place| place < first)
}

async fn put(tx: &mut Tx<'_>, portal: &PortalId, bill: &OfficeBill) -> Result<(), StoreError> {
    let values = params![
        portal,
        &bill.organisation,
        bill.year,
        bill.place,
        &bill.id,
        &bill.key,
        &bill.revision,
        bill.deal,
        &bill.contractor,
        &bill.number,
        bill.totals.gross,
        bill.totals.vat,
        json_text(&bill.draft),
        bill.test,
        bill.recorded_at
    ];
    tx.execute(&PUT_BILL, &values).await.map(drop)
}

/// The create that an invoice belongs to, as its effect stands.
struct UnderWay {
    deal: DealId,
    state: EffectState,
    revision: String,
    not_after: Option<Timestamp>,
}

impl UnderWay {
    /// Whether an invoice of this revision may still come of it.
    fn makes(&self, revision: &str, now: Timestamp) -> bool {
        let is_open = matches!(self.state, EffectState::Sent | EffectState::Unknown);
        let is_in_time = self.not_after.is_none_or(|not_after| now <= not_after);
        is_open && is_in_time && self.revision == revision
    }
}

fn read_under_way(row: &mut Row) -> Result<UnderWay, StoreError> {
    let subject: Subject = row.parsed()?;
    let deal = subject.as_deal();
    let deal = deal.ok_or_else(|| row.undecodable(format!("`{subject}` is no deal")))?;
    Ok(UnderWay {
        deal,
        state: row.parsed()?,
        revision: row.text()?,
        not_after: row.moment_or_null()?,
    })
}

async fn cancel(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    organisation: &OrganisationId,
    id: &InvoiceId,
    cancelled: &Cancelled,
) -> Result<bool, StoreError> {
    let Cancelled { at, by, because } = cancelled;
    let values = params![portal, organisation, id, *at, by, because];
    let Some(deal) = tx.first(&CANCEL, &values, read_deal).await? else {
        return Ok(false);
    };
    let entry = JournalEntry {
        at: *at,
        subject: Some(Subject::deal(deal)),
        kind: String::from("person"),
        body: json!({"cancelled": id, "organisation": organisation, "by": by, "because": because}),
    };
    journal::park(tx, portal, &entry).await?;
    let look = Look {
        subject: Subject::invoice(organisation, id),
        lane: Lane::Click,
        due_at: *at,
        reason: String::from("person cancelled the invoice"),
    };
    work::enqueue(tx, portal, &[look]).await?;
    Ok(true)
}

pub(crate) fn read_bill(row: &mut Row) -> Result<OfficeBill, StoreError> {
    let (organisation, year, place) = (row.parsed()?, row.int()?, row.int()?);
    let (id, key, revision) = (row.parsed()?, row.text()?, row.text()?);
    let deal = read_deal(row)?;
    let (contractor, number) = (row.parsed()?, row.text()?);
    let (gross, vat) = (row.int()?, row.int()?);
    let net = gross.checked_sub(vat);
    let totals = Amounts {
        net: Money::from_kopecks(
            net.ok_or_else(|| row.undecodable(String::from("no VAT of this total")))?,
        ),
        vat: Money::from_kopecks(vat),
        gross: Money::from_kopecks(gross),
    };
    let (draft, test, recorded_at) = (row.json()?, row.flag()?, row.moment()?);
    let (at, by, because) = (
        row.moment_or_null()?,
        row.text_or_null()?,
        row.text_or_null()?,
    );
    Ok(OfficeBill {
        organisation,
        year,
        place,
        id,
        key,
        revision,
        deal,
        contractor,
        number,
        totals,
        draft,
        test,
        recorded_at,
        cancelled: at.map(|at| Cancelled {
            at,
            by: by.unwrap_or_default(),
            because: because.unwrap_or_default(),
        }),
        issue_given: row.int_or_null()?,
        cancel_given: row.int_or_null()?,
    })
}
