//! Invoices settled without a bank line: cash, an act of netting, a sale by card, a mark of the accounting side. Each is an
//! entry with kind, document, date and author; it closes an invoice like money does, is taken back by a correction like a
//! booking, and reconciliation shows it apart.

use domain::ledger::{Settlement, SettlementKind};
use domain::matching::CountedBefore;
use domain::{DealId, InvoiceId, Money, OrganisationId, PortalId};
use jiff::{Timestamp, civil::Date};
use planted::Bug;
use serde_json::json;

use super::{
    InvoiceRef,
    batch::{Batch, EntryRow, write},
    ledger::{Balance, balances},
    lock, take,
    undo::{Order, read_entries},
};
use crate::{
    books::{
        case_changes::{CaseChange, answer_and_look, is_asked},
        cases::Case,
    },
    error::StoreError,
    mechanics::journal::JournalEntry,
    sql::statements,
    store::Store,
    subject::Subject,
    tx::Tx,
    value::{Row, params},
};

/// What a person says of an invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSettlement {
    /// Which invoice.
    pub invoice: InvoiceRef,
    /// How much of it; none: all that is open.
    pub amount: Option<Money>,
    /// How, by what document, and who says so.
    pub settlement: Settlement,
    /// The day of the document.
    pub dated: Date,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvoiceSettled {
    /// It is recorded.
    Done {
        /// The transaction.
        number: i64,
        /// Whose invoice it is.
        deal: DealId,
        /// How much was settled.
        amount: Money,
        /// What is still open.
        open: Money,
    },
    /// No deal has such an invoice.
    NoInvoice,
    /// The same stands already: the same invoice, kind, document, day and amount.
    Already {
        /// Its transaction.
        number: i64,
    },
    /// Less is open than that.
    MoreThanOpen {
        /// So much.
        open: Money,
    },
}

/// A settlement, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedSettlement {
    /// Its transaction.
    pub number: i64,
    /// The day of the document.
    pub dated: Date,
    /// How, by what document, and who says so.
    pub settlement: Settlement,
    /// For what.
    pub invoice: InvoiceRef,
    /// The number and date of the invoice.
    pub name: (String, Date),
    /// Whose it is.
    pub deal: DealId,
    /// How much.
    pub amount: Money,
    /// It was taken back: why.
    pub undone: Option<String>,
}

statements! {
    PUT_SETTLEMENT =
        "INSERT INTO ledger_settlement (portal_id, transaction_no, kind, document) VALUES ($1, $2, $3, $4)";
    SAME =
        "SELECT t.number FROM ledger_entry e
         JOIN ledger_transaction t ON t.portal_id = e.portal_id AND t.number = e.transaction_no
         JOIN ledger_settlement s ON s.portal_id = t.portal_id AND s.transaction_no = t.number
         WHERE e.portal_id = $1 AND e.organisation_id = $2 AND e.invoice_id = $3 AND e.place = 'invoice'
             AND e.amount = $4 AND t.kind = 'settlement' AND t.dated = $5 AND s.kind = $6 AND s.document = $7
             AND NOT EXISTS (SELECT 1 FROM ledger_transaction u WHERE u.portal_id = $1 AND u.undoes = t.number)
         ORDER BY t.number LIMIT 1";
    SETTLEMENT =
        "SELECT t.payment, t.number, t.author, e.line, e.place, e.organisation_id, e.invoice_id, e.amount,
                e.other_payment
         FROM ledger_transaction t JOIN ledger_entry e ON e.portal_id = t.portal_id AND e.transaction_no = t.number
         WHERE t.portal_id = $1 AND t.number = $2 AND t.kind = 'settlement'
             AND NOT EXISTS (SELECT 1 FROM ledger_transaction u WHERE u.portal_id = $1 AND u.undoes = t.number)
         ORDER BY e.line";
    LIST =
        "SELECT t.number, t.dated, s.kind, s.document, t.author, e.organisation_id, e.invoice_id, b.number, b.date,
                b.deal, e.amount, u.because
         FROM ledger_transaction t
         JOIN ledger_settlement s ON s.portal_id = t.portal_id AND s.transaction_no = t.number
         JOIN ledger_entry e ON e.portal_id = t.portal_id AND e.transaction_no = t.number AND e.place = 'invoice'
         JOIN invoice_balance b ON b.portal_id = e.portal_id AND b.organisation_id = e.organisation_id
             AND b.invoice_id = e.invoice_id
         LEFT JOIN ledger_transaction u ON u.portal_id = t.portal_id AND u.undoes = t.number
         WHERE t.portal_id = $1 AND t.kind = 'settlement' AND t.number < $2
         ORDER BY t.number DESC LIMIT $3";
}

impl Store {
    /// Settles an invoice without a payment.
    pub async fn money_settle(
        &self,
        portal: &PortalId,
        new: &NewSettlement,
        now: Timestamp,
    ) -> Result<InvoiceSettled, StoreError> {
        let settled = self
            .write(
                (portal.clone(), new.clone(), now),
                |tx, (portal, new, now)| Box::pin(settle(tx, portal, new, *now)),
            )
            .await?;
        self.ring();
        Ok(settled)
    }

    /// Answers a question by a settlement, in the name of its author: both are recorded, or neither. None: it is no longer
    /// asked as it was seen.
    pub async fn case_settle(
        &self,
        portal: &PortalId,
        (seen, answer): (&Case, &serde_json::Value),
        new: &NewSettlement,
        now: Timestamp,
    ) -> Result<Option<InvoiceSettled>, StoreError> {
        let args = (
            portal.clone(),
            (seen.clone(), answer.clone()),
            new.clone(),
            now,
        );
        let settled = self
            .write(args, |tx, (portal, (seen, answer), new, now)| {
                Box::pin(settle_asked(tx, portal, (seen, answer), new, *now))
            })
            .await?;
        self.ring();
        Ok(settled)
    }

    /// Takes a settlement back in the name of `by`, by a correction dated `today`. The deals that are looked at; none:
    /// there is no such settlement, or it is taken back.
    pub async fn money_unsettle(
        &self,
        portal: &PortalId,
        number: i64,
        (by, because): (&str, &str),
        today: Date,
        now: Timestamp,
    ) -> Result<Option<Vec<DealId>>, StoreError> {
        let args = (
            portal.clone(),
            number,
            by.to_owned(),
            because.to_owned(),
            today,
            now,
        );
        let undone = self
            .write(args, |tx, (portal, number, by, because, today, now)| {
                let order = Order {
                    by,
                    because,
                    today: *today,
                    now: *now,
                };
                Box::pin(unsettle(tx, portal, *number, order))
            })
            .await?;
        self.ring();
        Ok(undone)
    }

    /// Settlements from the newest back, before that number.
    pub async fn money_settlements(
        &self,
        portal: &PortalId,
        before: i64,
        limit: usize,
    ) -> Result<Vec<ListedSettlement>, StoreError> {
        self.read(
            (portal.clone(), before, limit),
            |tx, (portal, before, limit)| {
                Box::pin(async move {
                    tx.list(&LIST, &params![portal, *before, *limit], read_listed)
                        .await
                })
            },
        )
        .await
    }
}

/// What is open of an invoice that is to be settled.
struct OpenNow {
    deal: DealId,
    /// By our records alone.
    open: Money,
    counted: CountedBefore,
}

impl OpenNow {
    /// What was counted as paid before is not open.
    fn left(&self) -> Money {
        let left = self.open.kopecks() - self.counted.amount.kopecks();
        Money::from_kopecks(left.max(0))
    }

    /// Once so much of it is settled by what is dated so.
    fn without(&self, amount: Money, dated: Date) -> OpenNow {
        OpenNow {
            deal: self.deal,
            open: Money::from_kopecks(self.open.kopecks() - amount.kopecks()),
            counted: self.counted.without(amount, dated),
        }
    }
}

/// None: no deal has such an invoice.
async fn open_now(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    invoice: &InvoiceRef,
) -> Result<Option<OpenNow>, StoreError> {
    let known = balances(tx, portal, [invoice].into_iter()).await?;
    let open = |one: &Balance| {
        Some(OpenNow {
            deal: one.deal?,
            open: one.open,
            counted: one.counted,
        })
    };
    Ok(known.get(invoice).and_then(open))
}

async fn settle(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    new: &NewSettlement,
    now: Timestamp,
) -> Result<InvoiceSettled, StoreError> {
    lock(tx, portal).await?;
    let Some(open) = open_now(tx, portal, &new.invoice).await? else {
        return Ok(InvoiceSettled::NoInvoice);
    };
    let amount = new.amount.unwrap_or(open.left());
    if let Some(number) = same(tx, portal, new, amount).await?
        && !planted::is(Bug::EachPressSettles)
    {
        return Ok(InvoiceSettled::Already { number });
    }
    book(tx, portal, new, &open, now).await
}

/// The question is answered once, so nothing else tells a second press. None: it is not asked so any more.
async fn settle_asked(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    (seen, answer): (&Case, &serde_json::Value),
    new: &NewSettlement,
    now: Timestamp,
) -> Result<Option<InvoiceSettled>, StoreError> {
    lock(tx, portal).await?;
    // Invoice before question, as a look records them: in another order the two wait for one another.
    let open = open_now(tx, portal, &new.invoice).await?;
    if !is_asked(tx, portal, seen).await? {
        return Ok(None);
    }
    let Some(open) = open else {
        return Ok(Some(InvoiceSettled::NoInvoice));
    };
    let settled = book(tx, portal, new, &open, now).await?;
    if matches!(settled, InvoiceSettled::Done { .. }) {
        let change = CaseChange::Answer {
            id: seen.id,
            answer: answer.clone(),
            by: new.settlement.author.clone(),
        };
        answer_and_look(tx, portal, seen.id, &change, None, now).await?;
    }
    Ok(Some(settled))
}

/// Records it where so much is open.
async fn book(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    new: &NewSettlement,
    open: &OpenNow,
    now: Timestamp,
) -> Result<InvoiceSettled, StoreError> {
    // Only what is dated before what was counted may be that very money.
    let most = open.counted.open_to(open.open, new.dated);
    let amount = new.amount.unwrap_or(open.left());
    if amount > most || !amount.is_positive() {
        let open = new.amount.map_or(open.left(), |_| most);
        return Ok(InvoiceSettled::MoreThanOpen { open });
    }
    let number = take(tx, portal, 0, 1).await?.transaction;
    let Settlement {
        kind,
        document,
        author,
    } = &new.settlement;
    let mut batch = Batch::default();
    batch.transactions.push(
        params![
            portal,
            number,
            new.dated.to_string(),
            "settlement",
            NO_PAYMENT,
            None::<i64>,
            document,
            author,
            now
        ]
        .to_vec(),
    );
    let leaves = Money::from_kopecks(-amount.kopecks());
    batch.entries = vec![
        EntryRow::new(number, 0, "settled", leaves).of(portal),
        EntryRow {
            invoice: Some(&new.invoice),
            ..EntryRow::new(number, 1, "invoice", amount)
        }
        .of(portal),
    ];
    batch.pay(&new.invoice, amount);
    batch.deals.insert(open.deal);
    let noted = json!({
        "settled": number, "kopecks": amount.kopecks(), "kind": kind, "document": document, "by": author,
    });
    batch.journal.push(noted_of(&new.invoice, noted, now));
    write(tx, portal, batch, now).await?;
    tx.execute(
        &PUT_SETTLEMENT,
        &params![portal, number, kind_text(*kind), document],
    )
    .await?;
    Ok(InvoiceSettled::Done {
        number,
        deal: open.deal,
        amount,
        open: open.without(amount, new.dated).left(),
    })
}

/// The settlement that says the same and stands: an order that was given twice.
async fn same(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    new: &NewSettlement,
    amount: Money,
) -> Result<Option<i64>, StoreError> {
    let InvoiceRef {
        organisation,
        invoice,
    } = &new.invoice;
    let ask = params![
        portal,
        organisation,
        invoice,
        amount,
        new.dated.to_string(),
        kind_text(new.settlement.kind),
        &new.settlement.document
    ];
    tx.first(&SAME, &ask, Row::int).await
}

async fn unsettle(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    number: i64,
    order: Order<'_>,
) -> Result<Option<Vec<DealId>>, StoreError> {
    lock(tx, portal).await?;
    let found = read_entries(tx, &SETTLEMENT, &params![portal, number]).await?;
    let Some(settled) = found.into_values().flatten().next() else {
        return Ok(None);
    };
    let invoices = balances(tx, portal, settled.invoices()).await?;
    let next = take(tx, portal, 0, 1).await?.transaction;
    let mut batch = Batch::default();
    batch.correct(portal, next, NO_PAYMENT, &settled, order);
    batch
        .deals
        .extend(invoices.values().filter_map(|invoice| invoice.deal));
    let body = json!({"undone": [number], "by": order.by, "because": order.because});
    let noted = settled
        .invoices()
        .map(|one| noted_of(one, body.clone(), order.now));
    batch.journal.extend(noted);
    let deals = batch.deals.iter().copied().collect();
    write(tx, portal, batch, order.now).await?;
    Ok(Some(deals))
}

/// What a settlement has in the place of a payment.
const NO_PAYMENT: i64 = 0;

fn noted_of(invoice: &InvoiceRef, body: serde_json::Value, now: Timestamp) -> JournalEntry {
    JournalEntry {
        at: now,
        subject: Some(Subject::invoice(&invoice.organisation, &invoice.invoice)),
        kind: "person".to_owned(),
        body,
    }
}

fn read_listed(row: &mut Row) -> Result<ListedSettlement, StoreError> {
    let (number, dated) = (row.int()?, row.parsed()?);
    let settlement = read_settlement(row)?;
    let invoice = InvoiceRef {
        organisation: row.parsed::<OrganisationId>()?,
        invoice: row.parsed::<InvoiceId>()?,
    };
    Ok(ListedSettlement {
        number,
        dated,
        settlement,
        invoice,
        name: (row.text()?, row.parsed()?),
        deal: crate::books::links::read_deal(row)?,
        amount: Money::from_kopecks(row.int()?),
        undone: row.text_or_null()?,
    })
}

/// Kind, document and author.
pub(super) fn read_settlement(row: &mut Row) -> Result<Settlement, StoreError> {
    let settlement = read_settlement_or_none(row)?;
    settlement.ok_or_else(|| row.undecodable(String::from("no settlement")))
}

/// The same where there may be none; an author alone makes none.
pub(super) fn read_settlement_or_none(row: &mut Row) -> Result<Option<Settlement>, StoreError> {
    let (kind, document, author) = (row.text_or_null()?, row.text_or_null()?, row.text()?);
    let Some((text, document)) = kind.zip(document) else {
        return Ok(None);
    };
    let mut kinds = KINDS.into_iter();
    let kind = kinds.find(|kind| kind_text(*kind) == text);
    Ok(Some(Settlement {
        kind: kind.ok_or_else(|| row.undecodable(format!("`{text}` is no settlement")))?,
        document,
        author,
    }))
}

const KINDS: [SettlementKind; 4] = [
    SettlementKind::Cash,
    SettlementKind::Netting,
    SettlementKind::Card,
    SettlementKind::MarkedPaid,
];

const fn kind_text(kind: SettlementKind) -> &'static str {
    match kind {
        SettlementKind::Cash => "cash",
        SettlementKind::Netting => "netting",
        SettlementKind::Card => "card",
        SettlementKind::MarkedPaid => "marked_paid",
    }
}
