//! Writes to the portal on their way: some batches are in the air while the pass reads and issues on.
//!
//! What lands is kept until the pass takes it; it is settled there, where the deals are.

use std::collections::BTreeSet;
use std::pin::pin;

use domain::DealId;
use engine::{LeaseContext, Outcome};
use futures_util::future::{BoxFuture, Either, select};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use store::{JournalEntry, Subject};

use super::act::Sent;
use super::writes::{self, Cargo};
use crate::{Connected, Reconciler, journal};

/// What came of one batch.
pub(crate) struct Landed {
    pub(crate) outcomes: Vec<(Sent, Outcome)>,
    pub(crate) journal: Vec<JournalEntry>,
}

/// The batches of a pass that are on their way.
#[derive(Default)]
pub(crate) struct Flights<'a> {
    in_air: FuturesUnordered<BoxFuture<'a, Landed>>,
    landed: Vec<Landed>,
}

impl<'a> Flights<'a> {
    /// Lets a batch go: one request, or as many as the connector needs after all.
    pub(crate) fn start(
        &mut self,
        reconciler: &'a Reconciler,
        ctx: &'a LeaseContext,
        connected: &'a Connected,
        cargo: Vec<Cargo>,
    ) {
        let flight = async move {
            let deals: BTreeSet<DealId> = cargo.iter().map(|one| one.sent.deal).collect();
            let subjects: Vec<Subject> = deals.into_iter().map(Subject::deal).collect();
            let portal = ctx.portal();
            let last_moments = cargo.iter().filter_map(|one| one.sent.effect.not_after);
            let call = match last_moments.min() {
                Some(not_after) => ctx.call(&portal).not_after(not_after),
                None => ctx.call(&portal),
            };
            let outcomes = writes::carry(reconciler, connected, &call, cargo).await;
            Landed {
                outcomes,
                journal: journal::exchanges(&call, &subjects),
            }
        };
        self.in_air.push(flight.boxed());
    }

    /// Batches that are on their way.
    pub(crate) fn count(&self) -> usize {
        self.in_air.len()
    }

    /// Does a step while they fly.
    pub(crate) async fn meanwhile<T>(&mut self, step: impl Future<Output = T>) -> T {
        let mut step = pin!(step);
        while !self.in_air.is_empty() {
            match select(step.as_mut(), self.in_air.next()).await {
                Either::Left((done, _)) => return done,
                Either::Right((landed, _)) => self.landed.extend(landed),
            }
        }
        step.await
    }

    /// Waits for the next to land.
    pub(crate) async fn next(&mut self) {
        let landed = self.in_air.next().await;
        self.landed.extend(landed);
    }

    /// What landed since this was asked last.
    pub(crate) fn take_landed(&mut self) -> Vec<Landed> {
        std::mem::take(&mut self.landed)
    }
}
