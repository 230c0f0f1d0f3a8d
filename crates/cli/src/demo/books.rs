//! Whoever keeps the books of the demo: the emulator's true history, or our own database where there is no other.

use std::time::Duration;

use domain::PortalId;
use emulator_harness::{FaultKind, FaultRule};
use emulator_kontur_accounting::Emulator;
use jiff::civil::Date;
use store::{Fault, Store};

use crate::args::DemoAccounting;
use crate::product::Product;

use super::story::Scene;

/// What stands before the numbers of the office.
pub(super) const PREFIX: &str = "СВ-";

/// The books.
pub(super) enum DemoBooks {
    /// The accounting side's.
    Kontur {
        /// It knows the truth.
        emulator: Emulator,
        /// Its page.
        url: String,
    },
    /// The office's own.
    Office {
        /// Where they lie.
        store: Store,
        /// Whose they are.
        portal: PortalId,
    },
}

/// An invoice as the books have it.
pub(super) struct Bill {
    pub(super) id: String,
    pub(super) number: String,
    pub(super) date: Date,
    pub(super) deal: Option<i64>,
    pub(super) kopecks: i64,
    pub(super) live: bool,
}

impl DemoBooks {
    /// The books that the product keeps itself.
    pub(super) fn of_product(product: &Product) -> Self {
        Self::Office {
            store: product.store.clone(),
            portal: product.portal().clone(),
        }
    }

    pub(super) fn accounting(&self) -> DemoAccounting {
        match self {
            Self::Kontur { .. } => DemoAccounting::KonturAccounting,
            Self::Office { .. } => DemoAccounting::Office,
        }
    }

    /// Every invoice ever, in the order of its number.
    pub(super) async fn all(&self) -> anyhow::Result<Vec<Bill>> {
        match self {
            Self::Kontur { emulator, .. } => Ok(of_emulator(emulator)),
            Self::Office { store, portal } => {
                let bills = store.office_bills(portal, 0).await?.into_iter();
                let bills = bills.map(|bill| Bill {
                    id: bill.id.to_string(),
                    number: bill.number,
                    date: bill.draft.date,
                    deal: i64::try_from(bill.deal.get()).ok(),
                    kopecks: bill.totals.gross.kopecks(),
                    live: bill.cancelled.is_none(),
                });
                Ok(bills.collect())
            }
        }
    }

    /// Live invoices of a deal; books that do not answer now have none.
    pub(super) async fn live(&self, deal: i64) -> usize {
        let bills = self.all().await.unwrap_or_default();
        let of_deal = |bill: &&Bill| bill.live && bill.deal == Some(deal);
        bills.iter().filter(of_deal).count()
    }

    /// The next invoice is recorded and nobody hears of it; or what was answered with silence comes later, which in
    /// our own books is a commit that never was.
    pub(super) fn fail_next(&self, scene: Scene) {
        let is_late = scene == Scene::LateEffect;
        match self {
            Self::Kontur { emulator, .. } => {
                let kind = if is_late {
                    let delay = Duration::from_secs(3);
                    FaultKind::LateEffect { delay }
                } else {
                    FaultKind::AnswerLost
                };
                emulator.faults().add(FaultRule::once(kind, "createBill"));
            }
            Self::Office { store, .. } => {
                let fault = if is_late {
                    Fault::UnknownCommitLost
                } else {
                    Fault::UnknownCommitStored
                };
                store.faults().fail_nth_of("PUT_BILL", 1, fault);
            }
        }
    }

    /// Whether that has happened. Our own books are asked again at once for what was lost, so there the invoice is
    /// waited for as well.
    pub(super) async fn has_failed(&self, deal: i64) -> bool {
        match self {
            Self::Kontur { emulator, .. } => emulator.faults().rules().is_empty(),
            Self::Office { store, .. } => self.live(deal).await == 1 && !store.faults().cancel(),
        }
    }
}

fn of_emulator(emulator: &Emulator) -> Vec<Bill> {
    let truth = emulator.truth();
    let live: Vec<String> = truth
        .live_bills_marked("/invoice/")
        .iter()
        .map(|bill| bill.meta.id.to_string())
        .collect();
    let bills = truth.bills().map(|bill| {
        let id = bill.meta.id.to_string();
        Bill {
            live: live.contains(&id),
            id,
            number: bill.number.clone(),
            date: bill.date,
            deal: deal_of(bill.comment.as_deref().unwrap_or_default()),
            kopecks: bill.sum.0,
        }
    });
    bills.collect()
}

/// The deal that our mark in a comment names.
fn deal_of(comment: &str) -> Option<i64> {
    let (_, rest) = comment.split_once("/deal/")?;
    rest.split_once("/invoice/")?.0.parse().ok()
}
