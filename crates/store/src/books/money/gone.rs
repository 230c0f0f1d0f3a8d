//! Invoices that were cancelled or deleted, or closed without a bank line, by the numbers that payers still name.
//!
//! It reads and writes nothing. Not here: what is open (`open`).

use domain::matching::{Gone, GoneInvoice};
use domain::purpose::NumberKey;
use domain::{Inn, InvoiceStatus, PortalId};

use crate::{
    error::StoreError,
    sql::statements,
    store::Store,
    subject::text_set,
    value::{Row, params},
};

statements! {
    /// Those that are taken back, and behind them those that are closed.
    ///
    /// Once one is deleted its number is free for another, which may be meant where it is of that day, or its buyer paid
    /// it: money that comes twice is not said to be for what is gone.
    ///
    /// One that is closed comes once for each settlement that stands, the last first: money that comes may be what it stood
    /// for.
    GONE =
        "SELECT b.number, b.date, b.buyer_inn, l.status, CAST(NULL AS BIGINT), 0, b.organisation_id, b.invoice_id
         FROM invoice_balance b CROSS JOIN invoice_link l
         WHERE b.portal_id = $1 AND b.number_key IN keys($2) AND b.stands = 0
             AND l.portal_id = $1 AND l.organisation_id = b.organisation_id AND l.invoice_id = b.invoice_id
             AND l.status IN ('cancelled', 'deleted')
             AND NOT EXISTS (
                 SELECT 1 FROM invoice_balance o
                 WHERE o.portal_id = $1 AND o.number_key = b.number_key AND o.stands = 1
                     AND (o.date = b.date OR o.buyer_inn = b.buyer_inn AND o.paid >= o.total)
             )
         UNION ALL
         SELECT b.number, b.date, b.buyer_inn, '', t.number, 1, b.organisation_id, b.invoice_id
         FROM invoice_balance b CROSS JOIN ledger_entry e CROSS JOIN ledger_transaction t
         WHERE b.portal_id = $1 AND b.number_key IN keys($2) AND b.stands = 1 AND b.paid >= b.total
             AND e.portal_id = $1 AND e.organisation_id = b.organisation_id AND e.invoice_id = b.invoice_id
             AND e.place = 'invoice'
             AND t.portal_id = $1 AND t.number = e.transaction_no AND t.kind = 'settlement'
             AND NOT EXISTS (SELECT 1 FROM ledger_transaction u WHERE u.portal_id = $1 AND u.undoes = t.number)
         ORDER BY 6, 2, 7, 8, 5 DESC";
}

impl Store {
    /// Invoices with these numbers that were cancelled or deleted, the oldest first; none beside another of its number
    /// that may be meant. Behind them those that are paid, for each settlement by which they are.
    pub async fn money_gone(
        &self,
        portal: &PortalId,
        numbers: &[NumberKey],
    ) -> Result<Vec<GoneInvoice>, StoreError> {
        let numbers = text_set(numbers.iter().map(|key| key.as_str().to_owned()));
        self.read((portal.clone(), numbers), |tx, (portal, numbers)| {
            Box::pin(async move {
                let asked = params![portal, numbers.clone()];
                tx.list(&GONE, &asked, read_gone).await
            })
        })
        .await
    }
}

fn read_gone(row: &mut Row) -> Result<GoneInvoice, StoreError> {
    let (number, date) = (row.text()?, row.parsed()?);
    let buyer = Inn::parse(&row.text()?).ok();
    let status = row.text()?;
    let how = match row.int_or_null()? {
        Some(by) => Gone::Closed { by },
        None if status == InvoiceStatus::Cancelled.as_str() => Gone::Cancelled,
        None => Gone::Deleted,
    };
    Ok(GoneInvoice {
        number,
        date,
        buyer,
        how,
    })
}
