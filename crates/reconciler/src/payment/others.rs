//! What else a payer's money is asked about: several payments may pay one invoice together.
//!
//! Only of payers who have an open invoice, and whose payment is not for the one that it names: beside nothing there is nothing
//! to be paid together. What is decided in the same
//! pass is followed, so that two payments of one file are seen beside each other.

use std::collections::{BTreeMap, BTreeSet};

use domain::matching::{MOST_OPEN, OpenInvoice, OtherPayment};
use domain::payment::{CountedTwice, PaymentKind};
use domain::{DealId, Inn, OrganisationId, PortalId};
use store::{Store, StoreError, Undecided};

/// Payments that are asked about, by whose account they came to and who paid: the oldest first.
#[derive(Default)]
pub(super) struct Others {
    asked: BTreeMap<(OrganisationId, Inn), Vec<OtherPayment>>,
    buyers: BTreeSet<Inn>,
}

impl Others {
    /// Those of these payers, whose payments may be for these invoices.
    pub(super) async fn beside(
        store: &Store,
        portal: &PortalId,
        payers: &BTreeSet<Inn>,
        invoices: &[(OpenInvoice, DealId)],
    ) -> Result<Others, StoreError> {
        let buyers = invoices
            .iter()
            .filter_map(|(invoice, _)| invoice.buyer.as_ref());
        let buyers = buyers.filter(|buyer| payers.contains(*buyer)).cloned();
        let buyers: BTreeSet<Inn> = buyers.collect();
        let mut others = Others::default();
        if buyers.is_empty() {
            return Ok(others);
        }
        let wanted: Vec<Inn> = buyers.iter().cloned().collect();
        for one in store.money_asked(portal, &wanted).await? {
            let of_payer = others.asked.entry((one.organisation, one.payer));
            of_payer.or_default().push(one.payment);
        }
        others.buyers = buyers;
        Ok(others)
    }

    /// All their numbers.
    pub(super) fn numbers(&self) -> impl Iterator<Item = i64> {
        let asked = self.asked.values().flatten();
        asked.map(|other| other.number)
    }

    /// Leaves out what is counted twice: one of them may be the other.
    pub(super) fn leave_out(&mut self, twice: &BTreeMap<i64, CountedTwice>) {
        for of_payer in self.asked.values_mut() {
            of_payer.retain(|other| !twice.contains_key(&other.number));
        }
    }

    /// Those beside this payment: the newest, as many as may be tried.
    pub(super) fn of(&self, payment: &Undecided) -> Vec<OtherPayment> {
        let of_payer = place(payment).and_then(|place| self.asked.get(&place));
        let others = of_payer.into_iter().flatten();
        let mut others: Vec<OtherPayment> = others
            .filter(|other| other.number != payment.number)
            .cloned()
            .collect();
        others.drain(..others.len().saturating_sub(MOST_OPEN));
        others
    }

    /// What became of a payment in this pass: the next ones see it.
    pub(super) fn decided(&mut self, payment: &Undecided, is_asked: bool) {
        let place = place(payment).filter(|(_, payer)| self.buyers.contains(payer));
        let Some(place) = place.filter(|_| payment.kind == PaymentKind::Incoming) else {
            return;
        };
        let of_payer = self.asked.entry(place).or_default();
        of_payer.retain(|other| other.number != payment.number);
        if is_asked {
            of_payer.push(OtherPayment {
                number: payment.number,
                left: payment.remaining,
            });
        }
    }
}

fn place(payment: &Undecided) -> Option<(OrganisationId, Inn)> {
    let payer = payment.order.other.inn.clone()?;
    Some((payment.organisation.clone(), payer))
}
