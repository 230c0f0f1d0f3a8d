//! The record: everything that came of a look, committed together or not at all; and what is known before it.
//!
//! The end of an event's way. Outcomes, links, cases, journal lines, cursors and the next looks belong to one
//! moment: a crash leaves all of it or none. Not here: what the parts mean (the file of each).

use domain::{DealId, OrderNumber, PortalId};
use jiff::Timestamp;

use crate::{
    books::{
        case_changes::{self, CaseChange},
        cases::{self, Case, CaseState},
        links::{self, CounterpartyLink, InvoiceLink},
        money::receipts::{self, Receipt},
        orders::{self, CalledOrder},
    },
    error::StoreError,
    mechanics::{
        effect_changes::{self, EffectChange},
        effects::{self, Effect},
        journal::{self, JournalEntry},
        lease::{Lease, check_fence},
        notes,
        work::{self, Look, Settled},
    },
    store::Store,
    subject::{Subject, key_set},
    tx::Tx,
};

/// What is to be stored together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    /// What became of effects, by their number.
    pub effects: Vec<(i64, EffectChange)>,
    /// Links to add or replace, by deal and slot.
    pub invoice_links: Vec<InvoiceLink>,
    /// Links to add or replace, by organisation, INN and KPP.
    pub counterparty_links: Vec<CounterpartyLink>,
    /// What becomes of cases.
    pub cases: Vec<CaseChange>,
    /// Called orders that are used up by what else is stored.
    pub orders: Vec<(DealId, OrderNumber)>,
    /// Lines for the journal, oldest first.
    pub journal: Vec<JournalEntry>,
    /// What else to look at.
    pub looks: Vec<Look>,
    /// Looks that came to their end.
    pub settled: Vec<Settled>,
    /// How far something was read: name and value.
    pub cursors: Vec<(String, String)>,
    /// Small things to remember: name and value.
    pub facts: Vec<(String, String)>,
}

/// Our own records of some subjects.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Known {
    /// All slots ever, and of other effects those not settled or refused; oldest first.
    pub effects: Vec<Effect>,
    /// Invoices of the deals among them.
    pub invoice_links: Vec<InvoiceLink>,
    /// The buyers of those invoices.
    pub counterparty_links: Vec<CounterpartyLink>,
    /// Open and answered cases, oldest first.
    pub cases: Vec<Case>,
    /// Reminders that settled themselves after somebody was told of them, oldest first.
    pub heard: Vec<Case>,
    /// Money that was given to the invoices of the deals among them, oldest first.
    pub receipts: Vec<Receipt>,
    /// Orders that were called for the deals among them and are not used up.
    pub orders: Vec<CalledOrder>,
}

impl Store {
    /// Stores what came of a look, in one transaction under its lease.
    pub async fn record(
        &self,
        lease: &Lease,
        record: Record,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let makes_work = !record.looks.is_empty() || !record.settled.is_empty();
        self.write((lease.clone(), record, now), |tx, (lease, record, now)| {
            Box::pin(store_record(tx, lease, record, *now))
        })
        .await?;
        if makes_work {
            self.ring();
        }
        Ok(())
    }

    /// Our own records of these subjects, from one moment.
    pub async fn known(
        &self,
        portal: &PortalId,
        subjects: &[Subject],
    ) -> Result<Known, StoreError> {
        self.read(
            (portal.clone(), subjects.to_vec()),
            |tx, (portal, subjects)| {
                Box::pin(async move {
                    let keys = key_set(subjects);
                    let effects = effects::of_subjects(tx, portal, &keys).await?;
                    let (invoice_links, counterparty_links) =
                        links::of_deals(tx, portal, subjects).await?;
                    let cases = cases::of_subjects(tx, portal, &keys).await?;
                    let (heard, cases) = cases
                        .into_iter()
                        .partition(|case| case.state == CaseState::Withdrawn);
                    let receipts = receipts::of_deals(tx, portal, subjects).await?;
                    let orders = orders::of_deals(tx, portal, subjects).await?;
                    Ok(Known {
                        effects,
                        invoice_links,
                        counterparty_links,
                        cases,
                        heard,
                        receipts,
                        orders,
                    })
                })
            },
        )
        .await
    }
}

async fn store_record(
    tx: &mut Tx<'_>,
    lease: &Lease,
    record: &Record,
    now: Timestamp,
) -> Result<(), StoreError> {
    check_fence(tx, lease).await?;
    let portal = &lease.portal;
    effect_changes::apply(tx, portal, &record.effects, now).await?;
    links::put_invoices(tx, portal, &record.invoice_links).await?;
    links::put_counterparties(tx, portal, &record.counterparty_links).await?;
    case_changes::apply(tx, portal, &record.cases, now).await?;
    orders::used_up(tx, portal, &record.orders).await?;
    notes::put_cursors(tx, portal, &record.cursors).await?;
    notes::put_facts(tx, portal, &record.facts).await?;
    work::settle(tx, portal, &record.settled).await?;
    work::enqueue(tx, portal, &record.looks).await?;
    // Last, as the row of the chain is the one that two records of a portal wait for.
    journal::append(tx, portal, &record.journal).await
}
