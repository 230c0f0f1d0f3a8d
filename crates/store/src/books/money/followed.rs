//! What an accounting side holds: its payments, each under its lasting id there, and what its accountant gave of them.
//!
//! A page of its list, the cursor behind it and all that follows from it are one transaction under the portal's lease.
//! What was changed over there is no longer shown as it was: a payment that no source shows any more is withdrawn. Not
//! here: how the ledger comes to what the accountant gave (`given`), who decides (`planner::payments`), and the list
//! (`reconciler::followed`).

use std::collections::{BTreeMap, BTreeSet};

use domain::payment::{AccountNumber, Likeness, LineId, PaymentKey, PaymentOrder};
use domain::{InvoiceId, Money, OrganisationId, PortalId};
use jiff::{Timestamp, civil::Date};

use super::{
    given, lock,
    sightings::{Recorded, Recounted, SeenLine, decide_soon, identities, recount},
};
use crate::{
    books::case_changes::CaseChange,
    error::StoreError,
    mechanics::{
        journal::{self, JournalEntry},
        lease::{Lease, check_fence},
        notes, work,
    },
    sql::statements,
    store::Store,
    subject::text_set,
    tx::Tx,
    value::{Row, Value, json_text, params},
};

/// Who books what the accountant gave.
pub const ACCOUNTING: &str = "accounting";

/// A page of an accounting side's payments, with what is committed together with it.
#[derive(Clone, Debug)]
pub struct FollowedPage {
    /// Whose.
    pub organisation: OrganisationId,
    /// The payments, each as it is now and at most once.
    pub payments: Vec<FollowedPayment>,
    /// The name of the cursor, and where to go on.
    pub cursor: (String, String),
    /// What the accountant gave goes into the ledger; else the list is a source like any other.
    pub is_taken_over: bool,
    /// Why the ledger follows.
    pub because: FollowedReasons,
    /// The seller's day: corrections are dated by it.
    pub today: Date,
    /// What becomes of questions.
    pub cases: Vec<CaseChange>,
    /// What was exchanged.
    pub journal: Vec<JournalEntry>,
}

/// Why the ledger follows what the accounting side holds, in Russian.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FollowedReasons {
    /// The accountant gave it.
    pub gave: String,
    /// He took it back, or changed the payment.
    pub took_back: String,
    /// Of the bank's whole order: its parts count.
    pub by_parts: String,
    /// Of a part: a person gave the bank's whole order.
    pub whole: String,
}

/// A payment as the accounting side holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowedPayment {
    /// The order, under its id there.
    pub line: SeenLine,
    /// A person took it out of the books.
    pub deleted: bool,
    /// What the accountant gave of it, each invoice once.
    pub given: Vec<(InvoiceId, Money)>,
}

/// What came of a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Followed {
    /// Payments that are not as they were told before.
    pub changed: usize,
    /// Payments that were not known before, by their numbers.
    pub new: Vec<i64>,
    /// What the accountant gave and our ledger does not bear. Also from pages before.
    pub not_taken: Vec<NotTaken>,
}

/// What our ledger does not bear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotTaken {
    /// The payment's id over there.
    pub line: LineId,
    /// Its number.
    pub payment: i64,
    /// The order.
    pub order: PaymentOrder,
    /// Why.
    pub why: WhyNotTaken,
}

/// Why our ledger does not bear it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhyNotTaken {
    /// Less is open of an invoice.
    #[default]
    LessIsOpen,
    /// The payment has less left: a refund gave it back.
    MoneyWentBack,
    /// It is no money that came.
    NotIncoming,
    /// It is a part of this order, which the bank shows whole and a person gave to invoices.
    PartOf(i64),
    /// It is a part of an order which the bank shows whole, and this other part of it is not borne: the whole one stays as
    /// it was.
    WithPart(i64),
}

statements! {
    KNOWN =
        "SELECT line, body, deleted, given, taken, payment FROM followed_payment
         WHERE portal_id = $1 AND organisation_id = $2 AND line IN keys($3)";
    PUT =
        "INSERT INTO followed_payment (portal_id, organisation_id, line, likeness, body, deleted, given, taken, payment,
             told_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         ON CONFLICT (portal_id, organisation_id, line) DO UPDATE SET
             likeness = excluded.likeness, body = excluded.body, deleted = excluded.deleted, given = excluded.given,
             taken = excluded.taken, payment = excluded.payment, told_at = excluded.told_at,
             took = CASE WHEN excluded.payment IS NULL THEN '{}' ELSE followed_payment.took END";
    IS_PAYMENT =
        "UPDATE followed_payment SET payment = $4 WHERE portal_id = $1 AND organisation_id = $2 AND line = $3";
    WAIT_NO_MORE = "UPDATE payment SET waits_until = 0 WHERE portal_id = $1 AND number = $2 AND state = 'new'";
    LIVE =
        "SELECT line, body FROM followed_payment
         WHERE portal_id = $1 AND organisation_id = $2 AND line IN keys($3) AND deleted = 0";
    LAST_CHANGE = "SELECT max(told_at) FROM followed_payment WHERE portal_id = $1";
}

/// A payment as it was told before.
struct Known {
    order: PaymentOrder,
    deleted: bool,
    given: String,
    taken: bool,
    payment: Option<i64>,
}

/// A payment that is not as it was told before.
struct News<'a> {
    told: &'a FollowedPayment,
    likeness: Likeness,
    /// Which payment it still is.
    payment: Option<i64>,
    /// Which payment it was, and under what likeness.
    left: Option<(Option<i64>, Likeness)>,
    taken: bool,
}

impl Store {
    /// Takes a page of what an accounting side holds. The same page again changes nothing.
    pub async fn money_follow(
        &self,
        lease: &Lease,
        page: FollowedPage,
        now: Timestamp,
    ) -> Result<Followed, StoreError> {
        let followed = self
            .write((lease.clone(), page, now), |tx, (lease, page, now)| {
                Box::pin(follow(tx, lease, page, *now))
            })
            .await?;
        if followed.changed > 0 {
            self.ring();
        }
        Ok(followed)
    }

    /// On which accounts of ours these payments of an accounting side are known that it holds.
    pub async fn money_followed_accounts(
        &self,
        portal: &PortalId,
        organisation: &OrganisationId,
        lines: &[LineId],
    ) -> Result<BTreeMap<LineId, AccountNumber>, StoreError> {
        let lines = text_set(lines.iter().map(|line| line.0.clone()));
        let args = (portal.clone(), organisation.clone(), lines);
        self.read(args, |tx, (portal, organisation, lines)| {
            Box::pin(async move {
                let ask = params![portal, organisation, lines.clone()];
                let found = tx.list(&LIVE, &ask, |row| {
                    let (line, order) = (LineId(row.text()?), row.json::<PaymentOrder>()?);
                    Ok((line, order.own_account))
                });
                Ok(found.await?.into_iter().collect())
            })
        })
        .await
    }

    /// When an accounting side last told something new of its payments.
    pub async fn money_last_followed(
        &self,
        portal: &PortalId,
    ) -> Result<Option<Timestamp>, StoreError> {
        self.read(portal.clone(), |tx, portal| {
            Box::pin(async move {
                let last = tx
                    .first(&LAST_CHANGE, &params![portal], Row::moment_or_null)
                    .await?;
                Ok(last.flatten())
            })
        })
        .await
    }
}

async fn follow(
    tx: &mut Tx<'_>,
    lease: &Lease,
    page: &FollowedPage,
    now: Timestamp,
) -> Result<Followed, StoreError> {
    check_fence(tx, lease).await?;
    let portal = &lease.portal;
    lock(tx, portal).await?;
    let known = known(tx, portal, page).await?;
    let news: Vec<News<'_>> = page
        .payments
        .iter()
        .filter_map(|told| News::of(told, known.get(&told.line.line)))
        .collect();
    put(tx, portal, page, &news, now).await?;

    let live = news.iter().filter(|one| !one.told.deleted);
    let lines = identities(live.map(|one| &one.told.line));
    let left = news.iter().filter_map(|one| one.left.as_ref());
    let gone = left.clone().map(|(_, likeness)| likeness.clone());
    let left: BTreeSet<i64> = left.clone().filter_map(|(payment, _)| *payment).collect();
    let counted = recount(tx, portal, &lines, gone.collect(), ACCOUNTING, now).await?;
    let withdrawn = surplus(&counted, &left);
    link(tx, portal, page, &news, &counted.recorded, &withdrawn).await?;
    let rows: Vec<Vec<Value>> = left
        .iter()
        .map(|one| params![portal, *one].to_vec())
        .collect();
    tx.execute_each(&WAIT_NO_MORE, &rows).await?;
    if !left.is_empty() {
        work::enqueue(tx, portal, &[decide_soon(now)]).await?;
    }

    let changed = given::Changed {
        new: &counted.new,
        withdrawn: &withdrawn,
        left: &left,
    };
    let not_taken = given::settle(tx, portal, page, changed, now).await?;
    notes::put_cursors(tx, portal, std::slice::from_ref(&page.cursor)).await?;
    journal::append(tx, portal, &page.journal).await?;
    Ok(Followed {
        changed: news.len(),
        new: counted.new,
        not_taken,
    })
}

impl<'a> News<'a> {
    fn of(told: &'a FollowedPayment, known: Option<&Known>) -> Option<News<'a>> {
        let likeness = Likeness::of(&told.line.order);
        let given = told.given_text();
        let is_same = known.is_some_and(|known| {
            known.order == told.line.order && known.deleted == told.deleted && known.given == given
        });
        if is_same {
            return None;
        }
        let live = known.filter(|known| !known.deleted);
        let stays = live.filter(|known| !told.deleted && Likeness::of(&known.order) == likeness);
        let taken = match stays {
            Some(known) if known.given == given => known.taken,
            Some(_) => false,
            None => told.deleted || told.given.is_empty(),
        };
        Some(News {
            told,
            likeness,
            payment: stays.and_then(|known| known.payment),
            left: live
                .filter(|_| stays.is_none())
                .map(|known| (known.payment, Likeness::of(&known.order))),
            taken,
        })
    }
}

impl FollowedPayment {
    fn given_text(&self) -> String {
        let given: BTreeMap<String, i64> = self
            .given
            .iter()
            .map(|(invoice, amount)| (invoice.to_string(), amount.kopecks()))
            .collect();
        json_text(&given)
    }
}

async fn known(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    page: &FollowedPage,
) -> Result<BTreeMap<LineId, Known>, StoreError> {
    let lines = text_set(page.payments.iter().map(|told| told.line.line.0.clone()));
    let rows = tx
        .list(&KNOWN, &params![portal, &page.organisation, lines], |row| {
            let line = LineId(row.text()?);
            let known = Known {
                order: row.json()?,
                deleted: row.flag()?,
                given: row.text()?,
                taken: row.flag()?,
                payment: row.int_or_null()?,
            };
            Ok((line, known))
        })
        .await?;
    Ok(rows.into_iter().collect())
}

async fn put(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    page: &FollowedPage,
    news: &[News<'_>],
    now: Timestamp,
) -> Result<(), StoreError> {
    let rows: Vec<Vec<Value>> = news
        .iter()
        .map(|one| {
            let line = &one.told.line;
            params![
                portal,
                &page.organisation,
                &line.line.0,
                one.likeness.as_str(),
                json_text(&line.order),
                one.told.deleted,
                one.told.given_text(),
                one.taken,
                one.payment,
                now
            ]
            .to_vec()
        })
        .collect();
    tx.execute_each(&PUT, &rows).await.map(drop)
}

/// Payments that no source shows any more; of those that are alike the ones that were left.
fn surplus(counted: &Recounted, left: &BTreeSet<i64>) -> BTreeSet<i64> {
    let mut withdrawn = BTreeSet::new();
    for (likeness, count) in &counted.surplus {
        let alike = counted.recorded.iter();
        let alike = alike.filter(|one| one.likeness == *likeness && !one.is_followed);
        let mut numbers: Vec<i64> = alike.map(|one| one.number).collect();
        numbers.sort_by_key(|number| (!left.contains(number), std::cmp::Reverse(*number)));
        withdrawn.extend(numbers.into_iter().take(*count));
    }
    withdrawn
}

/// Which payments they are: of those that nobody else is, one of the same words, else one that is alike.
async fn link(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    page: &FollowedPage,
    news: &[News<'_>],
    recorded: &[Recorded],
    withdrawn: &BTreeSet<i64>,
) -> Result<(), StoreError> {
    let free = recorded.iter();
    let mut free: Vec<&Recorded> = free
        .filter(|one| !one.is_followed && !withdrawn.contains(&one.number))
        .collect();
    free.sort_by_key(|one| one.number);
    let mut unlinked: Vec<&News<'_>> = news
        .iter()
        .filter(|one| one.payment.is_none() && !one.told.deleted)
        .collect();
    let mut rows = Vec::with_capacity(unlinked.len());
    for same_words in [true, false] {
        unlinked.retain(|one| {
            let key = PaymentKey::of(&one.told.line.order);
            let fits = |free: &&Recorded| {
                free.likeness == one.likeness && (!same_words || free.key == key.as_str())
            };
            let Some(place) = free.iter().position(fits) else {
                return true;
            };
            let number = free.remove(place).number;
            let line = &one.told.line.line.0;
            rows.push(params![portal, &page.organisation, line, number].to_vec());
            false
        });
    }
    tx.execute_each(&IS_PAYMENT, &rows).await.map(drop)
}
