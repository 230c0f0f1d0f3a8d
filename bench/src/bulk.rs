//! Many deals that want an invoice, and what they show of it.

use std::collections::BTreeMap;
use std::time::Duration;

use emulator_bitrix24::DealSeed;
use jiff::Timestamp;
use simulator::offices::office;
use simulator::{Still, StillWorld};
use store::{Lane, Look, Subject};

/// How the deals come to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Come {
    /// All in the queue at one moment, as a sweep leaves them; their events were lost.
    AtOnce,
    /// By an event each, as a mass edit sends them.
    ByEvents,
}

/// Longer than whatever a process does at its start.
const START: Duration = Duration::from_secs(90);
/// How often somebody looks at the portal.
const GLANCE: Duration = Duration::from_millis(20);
/// What does not come within this does not come.
const PATIENCE: Duration = Duration::from_secs(6 * 3_600);

/// Deals on the way to their invoices.
pub struct Bulk {
    world: StillWorld,
    buyers: u32,
    deals: Vec<i64>,
    /// When they were due.
    began: Timestamp,
}

impl Bulk {
    /// Lives with `deals` deals of the world's buyers, three lines each, none of which is due yet.
    ///
    /// # Errors
    /// Where the world cannot begin, or as `life` says.
    pub fn live<T, F>(still: Still, deals: usize, life: impl FnOnce(Bulk) -> F) -> Result<T, String>
    where
        F: Future<Output = Result<T, String>>,
    {
        let buyers = still.buyers;
        still.live(async move |world| {
            world.pass(START).await;
            let made = without_events(&world, |world| {
                (0..deals)
                    .map(|number| new_deal(world, buyer_of(number, buyers)))
                    .collect::<Result<Vec<i64>, String>>()
            })
            .await?;
            let began = world.now();
            life(Bulk {
                world,
                buyers,
                deals: made,
                began,
            })
            .await
        })
    }

    /// Deals that are in the world already and due from now on.
    pub fn due_now(world: StillWorld, buyers: u32, deals: Vec<i64>) -> Self {
        let began = world.now();
        Self {
            world,
            buyers,
            deals,
            began,
        }
    }

    /// The world around them, to be changed.
    pub fn world_mut(&mut self) -> &mut StillWorld {
        &mut self.world
    }

    /// The world around them.
    pub fn world(&self) -> &StillWorld {
        &self.world
    }

    /// Companies that buy.
    pub fn buyers(&self) -> u32 {
        self.buyers
    }

    /// The deals.
    pub fn deals(&self) -> &[i64] {
        &self.deals
    }

    /// All of them enter the stage in which they want an invoice.
    ///
    /// # Errors
    /// Where the portal or the store does not take it.
    pub async fn come(&mut self, how: Come) -> Result<(), String> {
        let drag = |world: &StillWorld| {
            let manager = world.portal().manager();
            self.deals.iter().try_for_each(|deal| {
                let moved = manager.move_deal(*deal, office::INVOICE);
                moved.map(drop).map_err(|error| error.to_string())
            })
        };
        match how {
            Come::ByEvents => {
                self.began = self.world.now();
                drag(&self.world)
            }
            Come::AtOnce => {
                without_events(&self.world, drag).await?;
                self.began = self.world.now();
                let looks: Vec<Look> = self.deals.iter().map(|deal| self.look(*deal)).collect();
                let asked = self.world.store().look(self.world.portal_id(), &looks);
                asked.await.map_err(|error| error.to_string())
            }
        }
    }

    fn look(&self, deal: i64) -> Look {
        Look {
            subject: Subject::deal(domain_id(deal)),
            lane: Lane::Due,
            due_at: self.began,
            reason: "found by the sweep".to_owned(),
        }
    }

    /// Waits until `so_many` deals have come to what is looked for; how long that took since they were due.
    ///
    /// # Errors
    /// Where it does not come.
    pub async fn until(&self, so_many: usize, what: What) -> Result<Duration, String> {
        let mut without: Vec<i64> = self.deals.clone();
        let may_lack = self.deals.len().saturating_sub(so_many);
        loop {
            // Where one lacks its number no more needs to be looked at: that costs little, and the rest much.
            let lacks = |deal: &i64| !has_number(&self.world, *deal);
            let lacking = without.iter().rev().filter(|deal| lacks(deal));
            if lacking.take(may_lack + 1).count() <= may_lack {
                let comments = self.world.portal().comments_by_deal();
                without.retain(|deal| !what.has_come(&self.world, *deal, &comments));
            }
            let took = self.took();
            if without.len() <= may_lack {
                return Ok(took);
            }
            if took > PATIENCE {
                return Err(format!("{} deals wait for ever", without.len()));
            }
            // Two files a second come, and no more.
            let left = u32::try_from(without.len() - may_lack).unwrap_or(0);
            let wait = if what == What::File { 5 * left } else { 1 };
            self.world.pass(GLANCE * wait).await;
        }
    }

    /// The time since they were due.
    pub fn took(&self) -> Duration {
        let took = self.world.now().duration_since(self.began);
        Duration::try_from(took).unwrap_or_default()
    }

    /// Calls that reached the portal since they were due.
    pub fn portal_calls(&self) -> usize {
        let left = self.world.left();
        left.iter()
            .filter(|left| left.to_portal && left.at >= self.began)
            .count()
    }

    /// Bills that a deal has beyond its one, and bills that it lacks, over all deals.
    pub fn astray(&self) -> (usize, usize) {
        let truth = self.world.accounting().truth();
        self.deals.iter().fold((0, 0), |(doubled, lacking), deal| {
            let bills = truth.live_bills_marked(&format!("/deal/{deal}/invoice/"));
            let lacks = usize::from(bills.is_empty());
            (doubled + bills.len().saturating_sub(1), lacking + lacks)
        })
    }

    /// Answers by which the portal or the accounting side said that it was too much.
    pub fn limit_answers(&self) -> usize {
        let left = self.world.left();
        left.iter()
            .filter(|left| matches!(left.status, Some(429 | 503)))
            .count()
            + self.world.portal().truth().limit_refusals()
    }
}

/// A deal of a buyer, in the first stage, with three lines.
///
/// # Errors
/// Where the portal does not take it.
pub fn new_deal(world: &StillWorld, buyer: u32) -> Result<i64, String> {
    let deal = DealSeed {
        title: "Поставка".to_owned(),
        stage: "NEW".to_owned(),
        company: office::title_of(buyer),
        lines: vec![
            office::line("Кабель ВВГ 3х2,5", "96.50", "120"),
            office::line("Муфта концевая", "1250", "4"),
            office::line("Доставка", "1500", "1"),
        ],
        ..DealSeed::default()
    };
    let made = world.portal().manager().create_deal(&deal);
    made.map_err(|error| error.to_string())
}

/// What a deal comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Number, status and an entry in the timeline.
    Shown,
    /// The invoice's file in the timeline.
    File,
}

impl What {
    fn has_come(
        self,
        world: &StillWorld,
        deal: i64,
        comments: &BTreeMap<i64, (usize, usize)>,
    ) -> bool {
        let (entries, files) = comments.get(&deal).copied().unwrap_or_default();
        match self {
            Self::Shown => {
                let status = world.portal().deal_field(deal, office::STATUS);
                entries > 0 && has_number(world, deal) && !status.is_empty()
            }
            Self::File => files > 0,
        }
    }
}

fn has_number(world: &StillWorld, deal: i64) -> bool {
    !world.portal().deal_field(deal, office::NUMBER).is_empty()
}

/// How many of these deals have the invoice's file.
pub fn with_file(world: &StillWorld, deals: &[i64]) -> usize {
    let comments = world.portal().comments_by_deal();
    let has_file = |deal: &&i64| What::File.has_come(world, **deal, &comments);
    deals.iter().filter(has_file).count()
}

/// Buyers come in no order, and each about as often as any other.
pub(crate) fn buyer_of(number: usize, buyers: u32) -> u32 {
    let number = u32::try_from(number).unwrap_or(0);
    // Fibonacci hashing.
    (number.wrapping_mul(2_654_435_769) >> 16) % buyers.max(1)
}

fn domain_id(deal: i64) -> domain::DealId {
    domain::DealId(u64::try_from(deal).unwrap_or(0))
}

/// Does something on the portal of which no event tells.
pub(crate) async fn without_events<T>(world: &StillWorld, act: impl FnOnce(&StillWorld) -> T) -> T {
    world
        .portal()
        .configure(|portal| portal.events.drop_permille = 1_000);
    let done = act(world);
    // Longer than an event takes.
    world.pass(Duration::from_secs(1)).await;
    world
        .portal()
        .configure(|portal| portal.events.drop_permille = 0);
    done
}
