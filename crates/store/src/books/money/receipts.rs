//! What a deal is told of its money: each sum that was given to one of its invoices or went back to the buyer, and whether
//! that was taken back.
//!
//! On the event's way it is read with the rest of our records at the beginning of a look. Not here: how the deal shows it
//! (`planner::receipts`).

use domain::ledger::Settlement;
use domain::payment::PaymentOrder;
use domain::{DealId, Money, PortalId};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{InvoiceRef, settled};
use crate::{
    books::links::read_deal,
    error::StoreError,
    sql::statements,
    subject::Subject,
    tx::Tx,
    value::{Row, json_text, params},
};

/// Money that was given to an invoice, or what settled it in another way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// Whose.
    pub deal: DealId,
    /// Which invoice got it.
    pub invoice: InvoiceRef,
    /// The transaction that gave it.
    pub transaction: i64,
    /// The day it counts for.
    pub dated: Date,
    /// How much the invoice got; below zero for what a refund was taken off it.
    pub amount: Money,
    /// By what.
    pub means: Means,
    /// The correction that took it back, and why.
    pub undone: Option<(i64, String)>,
}

/// By what an invoice is paid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Means {
    /// A payment.
    Payment {
        /// Its number.
        payment: i64,
        /// What it has left for other invoices.
        remaining: Money,
        /// The order.
        order: Box<PaymentOrder>,
        /// The payer's letter that moved it here from another invoice.
        letter: Option<String>,
    },
    /// No line of a bank.
    Settlement(Settlement),
    /// Money that went back to the buyer: off the invoice, or an advance, of which the invoice lost nothing.
    Refund {
        /// How much.
        returned: Money,
        /// The order.
        order: Box<PaymentOrder>,
    },
}

statements! {
    /// Also advances that went back, for the invoices which the payment stands for. Only a buyer's payment has one. SQLite
    /// reads cross joins as they are written: of its own it would begin with all that the portal's ledger has. A letter is
    /// known by what it took from another invoice of the same payment in the same commit, for the same reason: only an entry of an
    /// invoice names one, and to ask for its place would make SQLite begin with all entries of the portal.
    OF_DEALS =
        "SELECT b.deal, b.organisation_id, b.invoice_id, t.number, t.dated, e.amount, p.number,
                CASE WHEN p.kind = 'incoming' THEN p.remaining ELSE 0 END, p.body,
                s.kind, s.document, t.author, u.number, u.because, e.other_payment, e.amount,
                CASE WHEN EXISTS (
                    SELECT 1 FROM ledger_transaction c CROSS JOIN ledger_entry ce
                    WHERE c.portal_id = t.portal_id AND c.payment = p.number AND c.kind = 'correction'
                        AND c.because = t.because AND c.author = t.author AND c.recorded_at = t.recorded_at
                        AND ce.portal_id = c.portal_id AND ce.transaction_no = c.number
                        AND (ce.organisation_id <> e.organisation_id OR ce.invoice_id <> e.invoice_id)
                ) THEN t.because END,
                e.line
         FROM invoice_balance b CROSS JOIN ledger_entry e CROSS JOIN ledger_transaction t
         LEFT JOIN ledger_settlement s ON s.portal_id = t.portal_id AND s.transaction_no = t.number
         LEFT JOIN payment p ON p.portal_id = t.portal_id AND p.number = t.payment
         LEFT JOIN ledger_entry ue ON ue.portal_id = e.portal_id AND ue.undoes = t.number AND ue.line = e.line
         LEFT JOIN ledger_transaction u ON u.portal_id = ue.portal_id AND u.number = ue.transaction_no
         WHERE b.portal_id = $1 AND b.deal IN numbers($2)
             AND e.portal_id = b.portal_id AND e.organisation_id = b.organisation_id AND e.invoice_id = b.invoice_id
             AND e.place = 'invoice'
             AND t.portal_id = e.portal_id AND t.number = e.transaction_no AND t.kind IN ('allocation', 'settlement')
         UNION ALL
         SELECT DISTINCT b.deal, b.organisation_id, b.invoice_id, t.number, t.dated, e.amount, p.number,
                CAST(0 AS BIGINT), p.body, CAST(NULL AS TEXT), CAST(NULL AS TEXT), t.author, u.number, u.because,
                e.other_payment, CAST(0 AS BIGINT), CAST(NULL AS TEXT), e.line
         FROM invoice_balance b CROSS JOIN ledger_entry g CROSS JOIN ledger_transaction a CROSS JOIN ledger_entry e
         CROSS JOIN ledger_transaction t CROSS JOIN payment p
         LEFT JOIN ledger_entry ue ON ue.portal_id = e.portal_id AND ue.undoes = t.number AND ue.line = e.line
         LEFT JOIN ledger_transaction u ON u.portal_id = ue.portal_id AND u.number = ue.transaction_no
         WHERE b.portal_id = $1 AND b.deal IN numbers($2)
             AND g.portal_id = b.portal_id AND g.organisation_id = b.organisation_id AND g.invoice_id = b.invoice_id
             AND g.place = 'invoice' AND g.amount > 0
             AND a.portal_id = g.portal_id AND a.number = g.transaction_no AND a.kind = 'allocation'
             AND e.portal_id = a.portal_id AND e.other_payment = a.payment AND e.place = 'payment'
             AND t.portal_id = e.portal_id AND t.number = e.transaction_no AND t.kind = 'allocation'
             AND p.portal_id = t.portal_id AND p.number = t.payment
             AND NOT EXISTS (
                 SELECT 1 FROM ledger_entry v WHERE v.portal_id = $1 AND v.undoes = a.number AND v.line = g.line
             )
         ORDER BY 1, 4, 18";
}

/// The receipts of these deals, oldest first.
pub(crate) async fn of_deals(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    subjects: &[Subject],
) -> Result<Vec<Receipt>, StoreError> {
    let deals: Vec<u64> = subjects
        .iter()
        .filter_map(Subject::as_deal)
        .map(DealId::get)
        .collect();
    if deals.is_empty() {
        return Ok(Vec::new());
    }
    let ask = params![portal, json_text(&deals)];
    tx.list(&OF_DEALS, &ask, read_receipt).await
}

fn read_receipt(row: &mut Row) -> Result<Receipt, StoreError> {
    let deal = read_deal(row)?;
    let invoice = InvoiceRef {
        organisation: row.parsed()?,
        invoice: row.parsed()?,
    };
    let (transaction, dated) = (row.int()?, row.parsed()?);
    let moved = Money::from_kopecks(row.int()?);
    let (payment, remaining) = (row.int_or_null()?, row.int_or_null()?);
    let order = row.json_or_null()?;
    let settlement = settled::read_settlement_or_none(row)?;
    let of_payment = payment.zip(remaining).zip(order);
    let (undone_by, because) = (row.int_or_null()?, row.text_or_null()?);
    let is_refund = row.int_or_null()?.is_some();
    let amount = Money::from_kopecks(row.int()?);
    let letter = row.text_or_null()?;
    let means = match (of_payment, settlement) {
        (Some((_, order)), _) if is_refund => Means::Refund {
            returned: Money::from_kopecks(-moved.kopecks()),
            order,
        },
        (Some(((payment, remaining), order)), _) => Means::Payment {
            payment,
            remaining: Money::from_kopecks(remaining),
            order,
            letter,
        },
        (None, Some(settlement)) => Means::Settlement(settlement),
        (None, None) => return Err(row.undecodable(String::from("neither payment nor settlement"))),
    };
    Ok(Receipt {
        deal,
        invoice,
        transaction,
        dated,
        amount,
        means,
        undone: undone_by.map(|by| (by, because.unwrap_or_default())),
    })
}
