//! Links: which invoice stands in which slot of a deal, and who a counterparty is on the accounting side.
//!
//! They are written with the record of the effect that made them. Not here: what follows from them (`planner`).

use domain::{
    ContractorId, CounterpartyKey, DealId, InvoiceId, Money, OrganisationId, PortalId, Slot,
};
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use crate::{
    books::money,
    error::StoreError,
    sql::statements,
    store::Store,
    subject::{Subject, text_set},
    tx::Tx,
    value::{Row, Value, json_text, params},
};

/// "This slot of this deal is that invoice."
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InvoiceLink {
    /// The deal.
    pub deal: DealId,
    /// Which of its invoices.
    pub slot: Slot,
    /// The seller.
    pub organisation: OrganisationId,
    /// The invoice on the accounting side.
    pub invoice: InvoiceId,
    /// The buyer on the accounting side.
    pub contractor: ContractorId,
    /// Its number, as people know it.
    pub number: String,
    /// Its date.
    pub date: Date,
    /// Its total.
    pub total: Money,
    /// What it was made from.
    pub revision: String,
    /// Its status on the accounting side, when last seen.
    pub status: String,
    /// Whether it stands: neither cancelled nor deleted.
    pub live: bool,
    /// The draft it was made from, to show what changed since.
    pub draft: serde_json::Value,
    /// When this was last written.
    pub updated_at: Timestamp,
}

impl InvoiceLink {
    /// What was paid of it before it was the deal's, as the accounting side knew it then. Our ledger may show the same
    /// money, now or later.
    pub(crate) fn paid_before(&self) -> Money {
        let paid = self.draft.get("paid_before");
        let kopecks = paid.and_then(serde_json::Value::as_i64);
        Money::from_kopecks(kopecks.unwrap_or(0))
    }

    /// The day of that; none where nobody wrote it down.
    pub(crate) fn adopted_on(&self) -> Option<&str> {
        self.draft.get("adopted_on")?.as_str()
    }
}

/// "This INN and KPP, or this record of the portal, is that contractor."
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CounterpartyLink {
    /// In whose books.
    pub organisation: OrganisationId,
    /// Who it is.
    pub key: CounterpartyKey,
    /// Its id there.
    pub contractor: ContractorId,
}

statements! {
    PUT_INVOICE =
        "INSERT INTO invoice_link (portal_id, deal, slot_kind, slot_generation, organisation_id, invoice_id,
             contractor_id, number, date, total, revision, status, live, draft, updated_at, counted)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 1)
         ON CONFLICT (portal_id, deal, slot_kind, slot_generation) DO UPDATE SET
             organisation_id = excluded.organisation_id, invoice_id = excluded.invoice_id,
             contractor_id = excluded.contractor_id, number = excluded.number, date = excluded.date,
             total = excluded.total, revision = excluded.revision, status = excluded.status,
             live = excluded.live, draft = excluded.draft, updated_at = excluded.updated_at,
             counted = 1";
    /// Links from before there were balances.
    NOT_COUNTED =
        "SELECT deal, slot_kind, slot_generation, organisation_id, invoice_id, contractor_id, number, date, total,
                revision, status, live, draft, updated_at
         FROM invoice_link WHERE portal_id = $1 AND counted = 0 AND deal >= 0 ORDER BY deal LIMIT 500";
    OF_DEALS =
        "SELECT deal, slot_kind, slot_generation, organisation_id, invoice_id, contractor_id, number, date, total,
                revision, status, live, draft, updated_at
         FROM invoice_link WHERE portal_id = $1 AND deal IN numbers($2)
         ORDER BY deal, slot_kind, slot_generation";
    OF_INVOICES =
        "SELECT deal, slot_kind, slot_generation, organisation_id, invoice_id, contractor_id, number, date, total,
                revision, status, live, draft, updated_at
         FROM invoice_link WHERE portal_id = $1 AND organisation_id = $2 AND invoice_id IN keys($3)
         ORDER BY +deal, slot_kind, slot_generation";
    OF_NUMBERS =
        "SELECT deal, slot_kind, slot_generation, organisation_id, invoice_id, contractor_id, number, date, total,
                revision, status, live, draft, updated_at
         FROM invoice_link WHERE portal_id = $1 AND number IN keys($2)
         ORDER BY deal, slot_kind, slot_generation";
    LIVE_DEALS =
        "SELECT DISTINCT deal FROM invoice_link WHERE portal_id = $1 AND deal > $2 AND live = 1
         ORDER BY deal LIMIT $3";
    PUT_COUNTERPARTY =
        "INSERT INTO counterparty_link (portal_id, organisation_id, inn, kpp, contractor_id)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (portal_id, organisation_id, inn, kpp) DO UPDATE SET contractor_id = excluded.contractor_id";
    COUNTERPARTIES =
        "SELECT organisation_id, inn, kpp, contractor_id FROM counterparty_link
         WHERE portal_id = $1 AND organisation_id = $2 AND inn IN keys($3) ORDER BY inn, kpp";
    OF_CONTRACTORS =
        "SELECT organisation_id, inn, kpp, contractor_id FROM counterparty_link
         WHERE portal_id = $1 AND (organisation_id, contractor_id) IN (
             SELECT organisation_id, contractor_id FROM invoice_link
             WHERE portal_id = $1 AND deal IN numbers($2))
         ORDER BY organisation_id, inn, kpp";
}

impl Store {
    /// Who these counterparties are in the books of an organisation. A link of the same INN with another KPP is
    /// given too: it proposes and does not decide.
    pub async fn counterparty_links(
        &self,
        portal: &PortalId,
        organisation: &OrganisationId,
        keys: &[CounterpartyKey],
    ) -> Result<Vec<CounterpartyLink>, StoreError> {
        let inns = text_set(keys.iter().map(|key| key.who.to_string()));
        let args = (portal.clone(), organisation.clone(), inns);
        self.read(args, |tx, (portal, organisation, inns)| {
            Box::pin(async move {
                let ask = params![portal, organisation, inns.clone()];
                tx.list(&COUNTERPARTIES, &ask, read_counterparty).await
            })
        })
        .await
    }

    /// Which deals these invoices of an organisation belong to.
    pub async fn invoice_links_of_invoice(
        &self,
        portal: &PortalId,
        organisation: &OrganisationId,
        invoices: &[InvoiceId],
    ) -> Result<Vec<InvoiceLink>, StoreError> {
        let ids = text_set(invoices.iter().map(InvoiceId::to_string));
        let args = (portal.clone(), organisation.clone(), ids);
        self.read(args, |tx, (portal, organisation, ids)| {
            Box::pin(async move {
                let ask = params![portal, organisation, ids.clone()];
                tx.list(&OF_INVOICES, &ask, read_invoice).await
            })
        })
        .await
    }

    /// Invoices of these numbers, whosever deals they belong to.
    pub async fn invoice_links_by_number(
        &self,
        portal: &PortalId,
        numbers: &[String],
    ) -> Result<Vec<InvoiceLink>, StoreError> {
        let numbers = text_set(numbers.iter().cloned());
        self.read((portal.clone(), numbers), |tx, (portal, numbers)| {
            Box::pin(async move {
                let ask = params![portal, numbers.clone()];
                tx.list(&OF_NUMBERS, &ask, read_invoice).await
            })
        })
        .await
    }

    /// Deals with a live invoice, by number after `after`: for the nightly look, as no sweep shows a deletion.
    pub async fn linked_open_deals(
        &self,
        portal: &PortalId,
        after: Option<DealId>,
        limit: usize,
    ) -> Result<Vec<DealId>, StoreError> {
        self.read(
            (portal.clone(), after, limit),
            |tx, (portal, after, limit)| {
                Box::pin(async move {
                    let after = after.map_or(Value::Int(-1), Value::from);
                    tx.list(&LIVE_DEALS, &params![portal, after, *limit], read_deal)
                        .await
                })
            },
        )
        .await
    }
}

pub(crate) async fn put_invoices(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    links: &[InvoiceLink],
) -> Result<(), StoreError> {
    let rows: Vec<Vec<Value>> = links
        .iter()
        .map(|link| {
            params![
                portal,
                link.deal,
                link.slot.kind.as_str(),
                link.slot.generation,
                &link.organisation,
                &link.invoice,
                &link.contractor,
                &link.number,
                link.date.to_string(),
                link.total,
                &link.revision,
                &link.status,
                link.live,
                &link.draft,
                link.updated_at,
            ]
            .to_vec()
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    tx.execute_each(&PUT_INVOICE, &rows).await?;
    money::open::count(tx, portal, links).await
}

/// Gives links from before there were balances theirs.
pub(crate) async fn count_missing(tx: &mut Tx<'_>, portal: &PortalId) -> Result<(), StoreError> {
    loop {
        let links = tx
            .list(&NOT_COUNTED, &params![portal], read_invoice)
            .await?;
        if links.is_empty() {
            return Ok(());
        }
        put_invoices(tx, portal, &links).await?;
    }
}

pub(crate) async fn put_counterparties(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    links: &[CounterpartyLink],
) -> Result<(), StoreError> {
    let rows: Vec<Vec<Value>> = links
        .iter()
        .map(|link| {
            let kpp = link
                .key
                .kpp
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default();
            params![
                portal,
                &link.organisation,
                link.key.who.to_string(),
                kpp,
                &link.contractor
            ]
            .to_vec()
        })
        .collect();
    tx.execute_each(&PUT_COUNTERPARTY, &rows).await.map(drop)
}

/// Links of these deals, and the counterparties their invoices are for.
pub(crate) async fn of_deals(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    subjects: &[Subject],
) -> Result<(Vec<InvoiceLink>, Vec<CounterpartyLink>), StoreError> {
    let mut deals: Vec<u64> = subjects
        .iter()
        .filter_map(Subject::as_deal)
        .map(DealId::get)
        .collect();
    if deals.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    deals.sort_unstable();
    let ask = params![portal, json_text(&deals)];
    let invoices = tx.list(&OF_DEALS, &ask, read_invoice).await?;
    let counterparties = tx.list(&OF_CONTRACTORS, &ask, read_counterparty).await?;
    Ok((invoices, counterparties))
}

pub(crate) fn read_deal(row: &mut Row) -> Result<DealId, StoreError> {
    let deal = row.int()?;
    u64::try_from(deal)
        .map(DealId)
        .map_err(|_| row.undecodable(format!("`{deal}` is no deal")))
}

fn read_invoice(row: &mut Row) -> Result<InvoiceLink, StoreError> {
    Ok(InvoiceLink {
        deal: read_deal(row)?,
        slot: Slot {
            kind: row.parsed()?,
            generation: row.count()?,
        },
        organisation: row.parsed()?,
        invoice: row.parsed()?,
        contractor: row.parsed()?,
        number: row.text()?,
        date: row.parsed()?,
        total: Money::from_kopecks(row.int()?),
        revision: row.text()?,
        status: row.text()?,
        live: row.flag()?,
        draft: row.json()?,
        updated_at: row.moment()?,
    })
}

fn read_counterparty(row: &mut Row) -> Result<CounterpartyLink, StoreError> {
    let (organisation, who) = (row.parsed()?, row.parsed()?);
    let kpp = match row.text()?.as_str() {
        "" => None,
        text => Some(
            text.parse()
                .map_err(|_| row.undecodable(String::from("no KPP")))?,
        ),
    };
    Ok(CounterpartyLink {
        organisation,
        key: CounterpartyKey { who, kpp },
        contractor: row.parsed()?,
    })
}
