//! Payments that are asked about: by payer, since several of them may pay one invoice together; those of payers without an
//! INN, which an invoice that is issued now may be for; and those that are offered an invoice.
//!
//! It reads and writes nothing. Not here: what they are for (`domain::matching`).

use domain::matching::{MOST_OPEN, OtherPayment};
use domain::payment::PaymentOrder;
use domain::purpose::{NumberKey, Purpose};
use domain::{Inn, Money, OrganisationId, PortalId};
use jiff::Timestamp;

use super::{InvoiceRef, open::read_inn};
use crate::{
    books::cases::waiters,
    error::StoreError,
    mechanics::work::{Lane, Look},
    sql::statements,
    store::Store,
    subject::{Subject, text_set},
    tx::Tx,
    value::{Row, params},
};

/// A payment that is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedPayment {
    /// Whose account it came to.
    pub organisation: OrganisationId,
    /// Who paid.
    pub payer: Inn,
    /// Which one, and what is given of it to nothing.
    pub payment: OtherPayment,
}

statements! {
    /// Of each payer the newest: sums of more are not tried.
    ASKED =
        "SELECT number, organisation_id, payer_inn, remaining FROM (
             SELECT number, organisation_id, payer_inn, remaining,
                 row_number() OVER (PARTITION BY organisation_id, payer_inn ORDER BY number DESC) AS place
             FROM payment
             WHERE portal_id = $1 AND state = 'asked' AND kind = 'incoming' AND remaining > 0 AND payer_inn IN keys($2)
         ) newest
         WHERE place <= $3 ORDER BY number";
    /// The newest: what came long ago is looked at by the hour like any question.
    WAITING_STRANGERS =
        "SELECT number, remaining, body FROM payment
         WHERE portal_id = $1 AND state = 'asked' AND kind = 'incoming' AND payer_inn = '' ORDER BY number DESC LIMIT 1000";
}

impl Store {
    /// What is asked about of these payers: of each the newest, one more than may be tried beside another.
    pub async fn money_asked(
        &self,
        portal: &PortalId,
        payers: &[Inn],
    ) -> Result<Vec<AskedPayment>, StoreError> {
        let payers = text_set(payers.iter().map(ToString::to_string));
        self.read((portal.clone(), payers), |tx, (portal, payers)| {
            Box::pin(async move {
                let ask = params![portal, payers.clone(), MOST_OPEN.saturating_add(1)];
                tx.list(&ASKED, &ask, |row| {
                    let number = row.int()?;
                    let organisation = row.parsed()?;
                    let payer = read_inn(row)?;
                    let left = Money::from_kopecks(row.int()?);
                    Ok(AskedPayment {
                        organisation,
                        payer,
                        payment: OtherPayment { number, left },
                    })
                })
                .await
            })
        })
        .await
    }
}

/// Payments of payers without an INN whose purpose may name one of these invoices, or that bring just what one asks for.
pub(super) async fn asked_of_strangers(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    invoices: &[(NumberKey, Money)],
) -> Result<Vec<i64>, StoreError> {
    let ask = params![portal];
    let strangers = tx.list(&WAITING_STRANGERS, &ask, read_stranger).await?;
    let strangers = strangers.into_iter();
    let may_pay = strangers.filter_map(|stranger| stranger.may_pay(invoices));
    Ok(may_pay.collect())
}

/// Looks at the payments that are offered one of these invoices, which changed, whoever paid: their questions say something
/// else by now.
pub(super) async fn offered_anew(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    invoices: impl Iterator<Item = InvoiceRef>,
    now: Timestamp,
) -> Result<Vec<Look>, StoreError> {
    let records = invoices.map(|one| Subject::invoice(&one.organisation, &one.invoice));
    let records: Vec<Subject> = records.collect();
    if records.is_empty() {
        return Ok(Vec::new());
    }
    let waiters = waiters(tx, portal, &records).await?.into_iter();
    let payments = waiters.filter(|(subject, _)| subject.as_payment().is_some());
    let looks = payments.map(|(subject, record)| Look {
        subject,
        lane: Lane::Due,
        due_at: now,
        reason: format!("{record} changed"),
    });
    Ok(looks.collect())
}

/// A payment that is asked about, whose payer is known by no INN.
struct Stranger {
    number: i64,
    left: Money,
    order: PaymentOrder,
}

impl Stranger {
    /// The payment, where its purpose may name one of these invoices, or it brings just what one asks for.
    fn may_pay(self, invoices: &[(NumberKey, Money)]) -> Option<i64> {
        let is_sum = invoices.iter().any(|(_, total)| *total == self.left);
        let is_named = || {
            let purpose = Purpose::read(&self.order.purpose);
            let mut named = purpose.numbers();
            named.any(|number| invoices.iter().any(|(own, _)| *own == number))
        };
        (is_sum || is_named()).then_some(self.number)
    }
}

fn read_stranger(row: &mut Row) -> Result<Stranger, StoreError> {
    Ok(Stranger {
        number: row.int()?,
        left: Money::from_kopecks(row.int()?),
        order: row.json()?,
    })
}
