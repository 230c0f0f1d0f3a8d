//! What of the office's books was given to the accountant, export by export.
//!
//! An export is begun before its file is written and finished after: a crash between the two loses no line, because
//! the next export takes up the one that was not finished, and marks what may have been given before. Not here: the
//! file (`cli`). Invoices for trying out are never given.

use domain::PortalId;
use jiff::Timestamp;

use crate::{
    books::office::{OfficeBill, bills_where, read_bill},
    error::StoreError,
    sql::statements,
    store::Store,
    tx::Tx,
    value::{Row, params},
};

/// One giving of what was new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// From 1.
    pub number: i64,
    /// When it was begun.
    pub begun_at: Timestamp,
    /// Which try this is: another process may have taken it up since.
    pub attempt: i64,
    /// When its file was surely written.
    pub finished_at: Option<Timestamp>,
    /// What it gives, in the order of the register.
    pub bills: Vec<GivenBill>,
}

/// An invoice in an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenBill {
    /// As it is now.
    pub bill: OfficeBill,
    /// Somebody may have it from the same export already.
    pub again: bool,
}

statements! {
    /// Two exports of a portal at once: the second waits here, and then finds the first not finished.
    ONE_AT_A_TIME = "SELECT portal_id FROM portal WHERE portal_id = $1 /*pg FOR NO KEY UPDATE */";
    UNFINISHED =
        "SELECT number, begun_at, attempt, finished_at FROM office_export
         WHERE portal_id = $1 AND finished_at IS NULL";
    EXPORT =
        "SELECT number, begun_at, attempt, finished_at FROM office_export WHERE portal_id = $1 AND number = $2";
    BEGIN_EXPORT =
        "INSERT INTO office_export (portal_id, number, begun_at, attempt)
         SELECT $1, COALESCE(max(number), 0) + 1, $2, 1 FROM office_export WHERE portal_id = $1
         RETURNING number, begun_at, attempt, finished_at";
    TAKE_UP =
        "UPDATE office_export SET attempt = attempt + 1 WHERE portal_id = $1 AND finished_at IS NULL
         RETURNING number, begun_at, attempt, finished_at";
    GIVE_ISSUES =
        "UPDATE office_bill SET issue_given = $2 WHERE portal_id = $1 AND issue_given IS NULL AND test = 0";
    GIVE_CANCELS =
        "UPDATE office_bill SET cancel_given = $2
         WHERE portal_id = $1 AND cancelled_at IS NOT NULL AND cancel_given IS NULL AND test = 0";
    /// Not if another process has taken it up, with what was new since: its file is still to come.
    FINISH =
        "UPDATE office_export SET finished_at = $4
         WHERE portal_id = $1 AND number = $2 AND attempt = $3 AND finished_at IS NULL";
    IN_EXPORT = bills_where!("(issue_given = $2 OR cancel_given = $2) ORDER BY organisation_id, year, place");
    NEW_ISSUES = bills_where!("issue_given IS NULL AND test = 0 ORDER BY organisation_id, year, place");
    NEW_CANCELS = bills_where!(
        "cancelled_at IS NOT NULL AND cancel_given IS NULL AND issue_given IS NOT NULL
         ORDER BY organisation_id, year, place"
    );
}

impl Store {
    /// Begins an export of everything that was not given yet, or takes up the one that was not finished, with what is
    /// new since. `None`: there is nothing to give.
    pub async fn office_export_begin(
        &self,
        portal: &PortalId,
        now: Timestamp,
    ) -> Result<Option<Export>, StoreError> {
        self.write((portal.clone(), now), |tx, (portal, now)| {
            Box::pin(begin(tx, portal, *now))
        })
        .await
    }

    /// The file of an export is written and safe. False: another process has taken the export up meanwhile, and it
    /// stays unfinished until that one's file is.
    pub async fn office_export_finish(
        &self,
        portal: &PortalId,
        export: &Export,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let args = (portal.clone(), export.number, export.attempt, now);
        self.write(args, |tx, (portal, number, attempt, now)| {
            Box::pin(async move {
                let values = params![portal, *number, *attempt, *now];
                Ok(tx.execute(&FINISH, &values).await? == 1)
            })
        })
        .await
    }

    /// What the next export would give; nothing is changed. Its number is that of the unfinished one, or none yet.
    pub async fn office_export_preview(
        &self,
        portal: &PortalId,
    ) -> Result<(Option<i64>, Vec<GivenBill>), StoreError> {
        self.read(portal.clone(), |tx, portal| {
            Box::pin(async move {
                let open = tx.first(&UNFINISHED, &params![portal], read_export).await?;
                let mut bills = match &open {
                    Some(open) => in_export(tx, portal, open.number, true).await?,
                    None => Vec::new(),
                };
                bills.extend(new(tx, portal).await?);
                in_order(&mut bills);
                Ok((open.map(|open| open.number), bills))
            })
        })
        .await
    }

    /// What an export gave, as it is now. `None`: there was none of this number.
    pub async fn office_export(
        &self,
        portal: &PortalId,
        number: i64,
    ) -> Result<Option<Export>, StoreError> {
        self.read((portal.clone(), number), |tx, (portal, number)| {
            Box::pin(async move {
                let ask = params![portal, *number];
                let Some(mut export) = tx.first(&EXPORT, &ask, read_export).await? else {
                    return Ok(None);
                };
                export.bills = in_export(tx, portal, *number, true).await?;
                Ok(Some(export))
            })
        })
        .await
    }
}

async fn begin(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    now: Timestamp,
) -> Result<Option<Export>, StoreError> {
    tx.query(&ONE_AT_A_TIME, &params![portal]).await?;
    let (mut export, before) = match tx.first(&TAKE_UP, &params![portal], read_export).await? {
        Some(open) => {
            let before = in_export(tx, portal, open.number, true).await?;
            (open, before)
        }
        None if new(tx, portal).await?.is_empty() => return Ok(None),
        None => {
            let values = params![portal, now];
            let begun = tx.first(&BEGIN_EXPORT, &values, read_export).await?;
            let begun = begun.ok_or_else(|| StoreError::Missing {
                portal: portal.clone(),
                what: "export",
                key: String::from("the one just begun"),
            })?;
            (begun, Vec::new())
        }
    };
    let values = params![portal, export.number];
    tx.execute(&GIVE_ISSUES, &values).await?;
    tx.execute(&GIVE_CANCELS, &values).await?;
    export.bills = in_export(tx, portal, export.number, false).await?;
    for given in &mut export.bills {
        given.again = before.iter().any(|one| {
            one.bill.organisation == given.bill.organisation && one.bill.id == given.bill.id
        });
    }
    Ok(Some(export))
}

/// What no export gave yet: invoices, and cancellations of those that were given before.
async fn new(tx: &mut Tx<'_>, portal: &PortalId) -> Result<Vec<GivenBill>, StoreError> {
    let mut bills = tx.list(&NEW_ISSUES, &params![portal], read_bill).await?;
    bills.extend(tx.list(&NEW_CANCELS, &params![portal], read_bill).await?);
    let bills = bills
        .into_iter()
        .map(|bill| GivenBill { bill, again: false });
    Ok(bills.collect())
}

async fn in_export(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    number: i64,
    again: bool,
) -> Result<Vec<GivenBill>, StoreError> {
    let values = params![portal, number];
    let bills = tx.list(&IN_EXPORT, &values, read_bill).await?.into_iter();
    Ok(bills.map(|bill| GivenBill { bill, again }).collect())
}

/// The order of the register; an invoice that was given and is cancelled since stands once.
fn in_order(bills: &mut Vec<GivenBill>) {
    let place = |one: &GivenBill| {
        let bill = &one.bill;
        (bill.organisation.clone(), bill.year, bill.place)
    };
    bills.sort_by_key(|one| (place(one), !one.again));
    bills.dedup_by_key(|one| place(one));
}

fn read_export(row: &mut Row) -> Result<Export, StoreError> {
    Ok(Export {
        number: row.int()?,
        begun_at: row.moment()?,
        attempt: row.int()?,
        finished_at: row.moment_or_null()?,
        bills: Vec::new(),
    })
}
