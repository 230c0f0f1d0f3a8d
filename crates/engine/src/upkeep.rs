//! What is done for its own sake: old journal lines, events and settled field writes are removed in small portions, and every portal itself is due
//! often enough.
//!
//! Two engines may do it at one time; nothing is done twice to a worse end. What a look at a portal does (sweeps,
//! hourly cases, nightly links) is the reconciler's.

use std::collections::BTreeMap;
use std::convert::Infallible;

use domain::PortalId;
use jiff::Timestamp;
use store::{Lane, Look, StoreError, Subject};

use crate::clock::{earlier, later};
use crate::look::Means;

/// Works for ever; dropped by the engine's end.
pub(crate) async fn run(means: &Means) -> Infallible {
    let settings = &means.settings.upkeep;
    let mut scheduled = Scheduled::new();
    let mut trim_at = means.clock.now();
    loop {
        let now = means.clock.now();
        if let Err(error) = schedule_portals(means, &mut scheduled, now).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "portals not scheduled"
            );
        }
        if now >= trim_at {
            trim_at = later(now, settings.trim_every);
            if let Err(error) = trim(means).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "old lines not removed"
                );
            }
        }
        means
            .clock
            .sleep_until(later(now, settings.schedule_every).min(trim_at))
            .await;
    }
}

/// When a portal's task was last made sure of, and until when that holds.
type Scheduled = BTreeMap<(PortalId, String), Timestamp>;

/// Makes every portal due for each of its tasks within the task's interval. A row that is due sooner stays as it is,
/// so a restart neither delays nor hastens anything.
async fn schedule_portals(
    means: &Means,
    scheduled: &mut Scheduled,
    now: Timestamp,
) -> Result<(), StoreError> {
    for portal in means.store.portals().await? {
        let mut looks = Vec::new();
        for task in &means.settings.upkeep.portal_tasks {
            let due_at = later(now, task.every);
            let holds_until = scheduled
                .entry((portal.id.clone(), task.name.clone()))
                .or_insert(now);
            if *holds_until <= now {
                *holds_until = due_at;
                let (subject, reason) =
                    (Subject::portal(task.name.as_str()), "interval".to_owned());
                looks.push(Look {
                    subject,
                    lane: Lane::Due,
                    due_at,
                    reason,
                });
            }
        }
        if !looks.is_empty() {
            means.store.look(&portal.id, &looks).await?;
        }
    }
    Ok(())
}

async fn trim(means: &Means) -> Result<(), StoreError> {
    for portal in means.store.portals().await? {
        trim_portal(means, &portal.id).await?;
    }
    Ok(())
}

/// Portion by portion, with a rest between them: events must not wait behind it.
async fn trim_portal(means: &Means, portal: &PortalId) -> Result<(), StoreError> {
    let settings = &means.settings.upkeep;
    let before = earlier(means.clock.now(), settings.journal_kept);
    loop {
        let lines = means
            .store
            .journal_trim(portal, before, settings.trim_portion)
            .await?;
        let events = means
            .store
            .inbox_trim(portal, before, settings.trim_portion)
            .await?;
        // Field writes only: slots are kept for ever.
        let writes = means
            .store
            .effects_trim(portal, before, settings.trim_portion)
            .await?;
        if lines + events + writes == 0 {
            return Ok(());
        }
        means
            .clock
            .sleep_until(later(means.clock.now(), settings.trim_rest))
            .await;
    }
}
