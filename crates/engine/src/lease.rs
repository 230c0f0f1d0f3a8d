//! Keeping a lease alive: renewed at a third of its life, given up for lost in time.

use domain::PortalId;
use store::{Lease, StoreError};
use tokio::sync::watch;

use crate::clock::later;
use crate::look::Means;

/// Renews the lease shown by `lease` until it is lost, then returns. Dropping it stops the renewing.
///
/// "Lost" is also a lease that could not be renewed while our own clock says that it has run out: others may have
/// taken it, even if the store could not tell us. The time is counted from before the request was made.
pub(crate) async fn keep(means: &Means, lease: &watch::Sender<Lease>) {
    let settings = &means.settings.lease;
    let mut held_until = later(means.clock.now(), settings.ttl);
    loop {
        let next = later(means.clock.now(), settings.ttl / 3).min(held_until);
        means.clock.sleep_until(next).await;
        let asked_at = means.clock.now();
        if asked_at >= held_until {
            return warn_lost(
                &lease.borrow().portal,
                "it ran out before it could be renewed",
            );
        }
        let current = lease.borrow().clone();
        let renewed = tokio::select! {
            biased;
            renewed = means.store.lease_renew(&current, settings.ttl, asked_at) => renewed,
            () = means.clock.sleep_until(held_until) => {
                return warn_lost(&current.portal, "the store did not answer in time");
            }
        };
        match renewed {
            Ok(renewed) => {
                held_until = later(asked_at, settings.ttl);
                lease.send_replace(renewed);
            }
            Err(StoreError::Fenced { .. }) => {
                return warn_lost(&current.portal, "another holds it");
            }
            Err(error) => warn_not_renewed(&current.portal, &error),
        }
    }
}

fn warn_lost(portal: &PortalId, why: &str) {
    tracing::warn!(%portal, why, "lease lost");
}

fn warn_not_renewed(portal: &PortalId, error: &StoreError) {
    tracing::warn!(%portal, error = error as &dyn std::error::Error, "lease not renewed, trying again");
}
