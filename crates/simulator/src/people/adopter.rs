//! Whoever takes over what was invoiced before we came: bills by hand are claimed for their deals while the service runs, in
//! a dry run or at once, twice at one time, and for deals that they are not of. What came of each claim is kept for the
//! checks.

use std::sync::{Arc, Mutex, PoisonError};

use domain::{DealId, PortalId, SlotKind};
use emulator_kontur_accounting::Bill;
use engine::{LeaseContext, Means};
use planner::adopting::{Claim, Judged};
use reconciler::{Claimed, Claims, Connections as _};
use store::{Lane, Lease};
use tokio::sync::watch;

use crate::chance::dice::{About, Dice};
use crate::days::world::{World, told};
use crate::machine::connect::Connectors;
use crate::machine::process::Process;

/// Whoever claims.
pub(crate) struct Adopter {
    dice: Dice,
    taken: Arc<Mutex<Vec<Taken>>>,
}

/// What came of a claim.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    pub(crate) deal: i64,
    /// The bill that fits it by our word.
    pub(crate) bill: Option<String>,
    /// It was to be linked.
    pub(crate) applied: bool,
}

impl Adopter {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            dice: Dice::of(seed, About::Adoption),
            taken: Arc::default(),
        }
    }

    /// What came of all claims so far.
    pub(crate) fn taken(&self) -> Vec<Taken> {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.clone()
    }
}

impl World {
    /// A deal gets a bill by hand, or bills are claimed.
    pub(crate) async fn adopt(&mut self) -> Result<(), String> {
        let (place, now) = (self.some_tenant(), self.now());
        let Some(tenant) = self.tenants.get_mut(place) else {
            return Ok(());
        };
        let Some(adopter) = &mut tenant.adopter else {
            return Ok(());
        };
        let office = &mut tenant.office;
        if office.by_hand.is_empty() || adopter.dice.chance(400) {
            if let Some(deal) = office.quiet_deal(now) {
                office.bill_by_hand(now, deal);
            }
            return Ok(());
        }
        let truth = office.accounting.truth();
        let dice = &mut adopter.dice;
        let mut claims: Vec<Claim> = Vec::new();
        for _claim in 0..dice.between(1, 4) {
            let Some((deal, id)) = dice.pick(&office.by_hand) else {
                continue;
            };
            let deals: Vec<i64> = office.deals.keys().copied().collect();
            let deal = if dice.chance(150) {
                dice.pick(&deals).unwrap_or(deal)
            } else {
                deal
            };
            let bill = truth.bills().find(|bill| bill.meta.id == id);
            if let Some(claim) = bill.and_then(|bill| claim(dice, deal, bill))
                && claims.iter().all(|other| other.deal != claim.deal)
            {
                claims.push(claim);
            }
        }
        let apply = dice.chance(750);
        let times = if dice.chance(300) { 2 } else { 1 };
        let words = format!("{} claims, applied: {apply}, {times} at once", claims.len());
        office.tell(now, "adopted", words);
        let (portal, taken) = (tenant.id.clone(), Arc::clone(&adopter.taken));
        for _time in 0..times {
            self.started = self.started.saturating_add(1);
            let Some(store) = self.store.opened_again() else {
                continue;
            };
            let (connectors, means) = Process::beside(&self.ground, self.started, store);
            let (claims, portal, taken) = (claims.clone(), portal.clone(), Arc::clone(&taken));
            drop(tokio::spawn(async move {
                // A remote that does not answer ends the command; whoever gave the order gives it again.
                let Ok(claimed) = claimed(&connectors, means, portal, claims, apply).await else {
                    return;
                };
                let mut taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
                taken.extend(claimed.iter().map(|one| came_of(one, apply)));
            }));
        }
        Ok(())
    }
}

fn claim(dice: &mut Dice, deal: i64, bill: &Bill) -> Option<Claim> {
    let number = if dice.chance(80) {
        format!("{}-нет", bill.number)
    } else {
        bill.number.clone()
    };
    Some(Claim {
        deal: DealId(u64::try_from(deal).ok()?),
        organisation: None,
        number,
        date: dice.chance(500).then_some(bill.date),
        total: None,
        bills: SlotKind::Whole,
    })
}

/// As `provodka adopt` does it.
async fn claimed(
    connectors: &Connectors,
    means: Means,
    portal: PortalId,
    claims: Vec<Claim>,
    apply: bool,
) -> Result<Vec<Claimed>, String> {
    let connected = connectors.of(&portal).await;
    let connected = connected.map_err(|why| format!("{why:?}"))?;
    let nobodys = Lease {
        portal,
        owner: "adopt".to_owned(),
        fence: 0,
        expires_at: means.clock.now(),
    };
    let (_keeper, shown) = watch::channel(nobodys);
    let ctx = LeaseContext::new(means, Lane::Click, shown);
    let mut all = Claims::default();
    all.observe(&ctx, &connected, claims).await.map_err(told)?;
    let claimed = if apply {
        all.take(&ctx, &connected, "integrator").await
    } else {
        all.judged(&ctx, &connected).await
    };
    claimed.map_err(told)
}

fn came_of(one: &Claimed, applied: bool) -> Taken {
    let bill = match &one.judged {
        Judged::Adopt(invoice) => Some(invoice.id.as_str().to_owned()),
        Judged::Already | Judged::Refused(_) => None,
    };
    Taken {
        deal: i64::try_from(one.claim.deal.get()).unwrap_or(i64::MAX),
        bill,
        applied,
    }
}
