//! Plans without acting: what `provodka plan` shows. The same observing and the same planner as a look.

use domain::DealId;
use engine::{Halted, LeaseContext};
use planner::Plan;
use store::{Lane, Subject, Work};

use crate::{Connected, deal};

/// A deal with its plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedDeal {
    /// Which.
    pub id: DealId,
    /// What would be done.
    pub plan: Plan,
}

/// Observes the deals and plans them; writes nothing to any remote.
///
/// # Errors
/// As a look: when the portal cannot be read.
pub async fn plan_deals(
    ctx: &LeaseContext,
    connected: &Connected,
    deals: &[DealId],
) -> Result<Vec<PlannedDeal>, Halted> {
    let now = ctx.now();
    let works = deals
        .iter()
        .map(|id| Work {
            subject: Subject::deal(*id),
            lane: Lane::Click,
            version: 0,
            due_at: now,
            reasons: vec!["person asks for the plan".to_owned()],
            deaths: 0,
        })
        .collect();
    deal::plan_only(ctx, connected, works).await
}
