//! The records of one organisation: saving them with revision, moment and change feed, and the
//! numbering of documents. What a request may contain is read in `catalogue.rs`,
//! `documents.rs` and `payments.rs`.

use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Unit};
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use crate::config::Organization;
use crate::id::Id;
use crate::problem::Problem;
use crate::records::{
    Bill, ClosingDocument, Contractor, CreatedBy, DocumentKind, Meta, Payment, Product, Record,
};
use crate::shelf::Shelf;
use crate::truth::{Change, ChangeKind, TruthOfOrganization, Who};

/// One organisation.
#[derive(Debug)]
pub(crate) struct Book {
    pub(crate) organization: Organization,
    pub(crate) contractors: Shelf<Contractor>,
    pub(crate) products: Shelf<Product>,
    pub(crate) bills: Shelf<Bill>,
    pub(crate) payments: Shelf<Payment>,
    pub(crate) acts: Shelf<ClosingDocument>,
    pub(crate) transfers: Shelf<ClosingDocument>,
    pub(crate) changes: Vec<Change>,
    zone: TimeZone,
    revision: u64,
    rng: ChaCha8Rng,
}

/// The moment and the maker of a change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp {
    pub(crate) now: Timestamp,
    pub(crate) who: Who,
}

/// A record that has a shelf in the book.
pub(crate) trait Kept: Record {
    fn shelf<'b>(&self, book: &'b mut Book) -> &'b mut Shelf<Self>;
}

impl Book {
    pub(crate) fn new(organization: Organization, seed: u64) -> Self {
        let zone = TimeZone::get(&organization.time_zone).unwrap_or(TimeZone::UTC);
        Self {
            organization,
            contractors: Shelf::default(),
            products: Shelf::default(),
            bills: Shelf::default(),
            payments: Shelf::default(),
            acts: Shelf::default(),
            transfers: Shelf::default(),
            changes: Vec::new(),
            zone,
            revision: 0,
            rng: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    /// The organisation's own calendar day.
    pub(crate) fn today(&self, now: Timestamp) -> Date {
        self.zone.to_datetime(now).date()
    }

    pub(crate) fn fresh_id(&mut self) -> Id {
        Id::random(&mut self.rng)
    }

    /// The first version of a record.
    pub(crate) fn insert<T: Kept>(&mut self, mut record: T, stamp: Stamp) -> Arc<T> {
        let at = to_milliseconds(stamp.now);
        *record.meta_mut() = Meta {
            id: self.fresh_id(),
            created_by: match stamp.who {
                Who::Api => CreatedBy::Api,
                Who::Person => CreatedBy::Person,
            },
            created_at: at,
            changed_at: at,
            revision: self.revision + 1,
        };
        self.store(record, ChangeKind::Created, stamp.who)
    }

    /// The next version of a record; whatever its id and creation were, they stay.
    pub(crate) fn replace<T: Kept>(&mut self, mut record: T, stamp: Stamp) -> Arc<T> {
        let change = match record.is_deleted() {
            true => ChangeKind::Deleted,
            false => ChangeKind::Changed,
        };
        let meta = record.meta_mut();
        meta.changed_at = to_milliseconds(stamp.now);
        meta.revision = self.revision + 1;
        self.store(record, change, stamp.who)
    }

    pub(crate) fn closing(&self, kind: DocumentKind) -> &Shelf<ClosingDocument> {
        match kind {
            DocumentKind::Act => &self.acts,
            DocumentKind::UniversalTransferDocument => &self.transfers,
        }
    }

    /// Refuses a document or payment whose day lies in the closed period.
    pub(crate) fn demand_open(&self, date: Date) -> Result<(), Problem> {
        match self.organization.closed_through {
            Some(through) if date <= through => {
                let shown = through.strftime("%d.%m.%Y");
                let message = format!("Период закрыт по {shown} включительно");
                Err(Problem::new(409, "periodClosed", message)
                    .at("date")
                    .with(json!({"closedThrough": through.to_string()})))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn truth(&self) -> TruthOfOrganization {
        let mut bill_versions: Vec<_> = self.bills.histories().map(<[_]>::to_vec).collect();
        bill_versions.sort_by_key(|versions| versions.first().map(|bill| bill.meta.revision));
        TruthOfOrganization {
            contractors: in_order(&self.contractors),
            products: in_order(&self.products),
            bills: bill_versions
                .iter()
                .filter_map(|versions| versions.last().cloned())
                .collect(),
            payments: in_order(&self.payments),
            acts: in_order(&self.acts),
            universal_transfer_documents: in_order(&self.transfers),
            bill_versions,
            changes: self.changes.clone(),
        }
    }

    fn store<T: Kept>(&mut self, record: T, change: ChangeKind, who: Who) -> Arc<T> {
        self.revision += 1;
        let record = Arc::new(record);
        let offset = u64::try_from(self.changes.len()).unwrap_or(u64::MAX);
        self.changes.push(Change {
            offset,
            kind: record.kind(),
            id: record.meta().id,
            change,
            at: record.meta().changed_at,
            revision: record.meta().revision,
            who,
        });
        record.shelf(self).put(Arc::clone(&record));
        record
    }
}

impl Meta {
    /// For a record that is being read and is not saved yet.
    pub(crate) fn unsaved() -> Self {
        Self {
            id: Id::from_bits(0),
            created_by: CreatedBy::Api,
            created_at: Timestamp::UNIX_EPOCH,
            changed_at: Timestamp::UNIX_EPOCH,
            revision: 0,
        }
    }
}

macro_rules! kept {
    ($type:ty, $shelf:ident) => {
        impl Kept for $type {
            fn shelf<'b>(&self, book: &'b mut Book) -> &'b mut Shelf<Self> {
                &mut book.$shelf
            }
        }
    };
}

kept!(Contractor, contractors);
kept!(Product, products);
kept!(Bill, bills);
kept!(Payment, payments);

impl Kept for ClosingDocument {
    fn shelf<'b>(&self, book: &'b mut Book) -> &'b mut Shelf<Self> {
        match self.kind {
            DocumentKind::Act => &mut book.acts,
            DocumentKind::UniversalTransferDocument => &mut book.transfers,
        }
    }
}

/// The service keeps moments in milliseconds; the rest is cut off.
fn to_milliseconds(moment: Timestamp) -> Timestamp {
    let rounding = jiff::TimestampRound::new()
        .smallest(Unit::Millisecond)
        .mode(jiff::RoundMode::Floor);
    moment.round(rounding).unwrap_or(moment)
}

fn in_order<T: Record>(shelf: &Shelf<T>) -> Vec<Arc<T>> {
    let mut histories: Vec<&[Arc<T>]> = shelf.histories().collect();
    histories.sort_by_key(|versions| versions.first().map(|record| record.meta().revision));
    let newest = histories.into_iter().filter_map(|versions| versions.last());
    newest.cloned().collect()
}
