//! Plans without acting: what `provodka plan` shows. The same observing and the same planner as a look.

use std::collections::BTreeSet;

use capability::ConnectorError;
use capability::portal::{SweepAsk, SweepOf};
use domain::observed::Record as PortalRecord;
use domain::{Deal, DealId};
use engine::{Halted, LeaseContext};
use jiff::Timestamp;
use planner::Plan;
use store::{Lane, Subject, Work};

use crate::{Connected, deal};

/// A deal with its plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedDeal {
    /// Which.
    pub id: DealId,
    /// The deal itself; none where it is gone or may not be read.
    pub deal: Option<Deal>,
    /// The company that buys, as the portal calls it, where the plan had to know.
    pub buyer: Option<String>,
    /// The number of the invoice that it has.
    pub invoice: Option<String>,
    /// What would be done, up to the invoice: a counterparty that has to be made counts as made.
    pub plan: Plan,
}

/// What of a deal's open questions counts in a plan that is only shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// What was asked before is not asked again: the plan has what is new.
    Before,
    /// As if nobody had been asked yet: the plan has all that a person is to mend.
    Nothing,
}

/// Observes the deals and plans them; writes nothing to any remote.
///
/// # Errors
/// As a look: when the portal cannot be read.
pub async fn plan_deals(
    ctx: &LeaseContext,
    connected: &Connected,
    deals: &[DealId],
    asked: Asked,
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
            heard_at: None,
            deaths: 0,
        })
        .collect();
    deal::plan_only(ctx, connected, works, asked).await
}

/// The deals that entered an invoice stage of a followed funnel at or after a moment, by number.
///
/// # Errors
/// As a look: when the portal cannot be read.
pub async fn deals_entered_since(
    ctx: &LeaseContext,
    connected: &Connected,
    since: Timestamp,
) -> Result<Vec<DealId>, Halted> {
    let stages = connected.policy.invoice_stages();
    if stages.is_empty() {
        // An empty list in a filter of the portal is no filter.
        return Ok(Vec::new());
    }
    let mut ask = SweepAsk {
        of: SweepOf::Entered(stages),
        since,
        after: None,
        pages: 0,
    };
    let portal = ctx.portal();
    let call = ctx.call(&portal);
    let mut deals = BTreeSet::new();
    loop {
        let asks = std::slice::from_ref(&ask);
        let pages = ctx
            .reading(|| connected.portal.sweep.changed(&call, asks))
            .await
            .map_err(|error| unread(&error))?;
        let mut next = None;
        for page in pages {
            deals.extend(page.records.iter().filter_map(|(record, _)| match record {
                PortalRecord::Deal(id) => Some(*id),
                PortalRecord::Company(_)
                | PortalRecord::Contact(_)
                | PortalRecord::Requisite(_)
                | PortalRecord::BankDetail(_) => None,
            }));
            ask.pages = ask.pages.saturating_add(page.pages);
            next = next.or(page.next);
        }
        match next {
            Some(after) => ask.after = Some(after),
            None => return Ok(deals.into_iter().collect()),
        }
    }
}

fn unread(error: &ConnectorError) -> Halted {
    Halted::Remote {
        reason: error.to_string(),
        again_at: None,
    }
}
