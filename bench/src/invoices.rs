//! A thousand deals due at once on one portal: how many calls, how long, and against which bound.

use std::collections::BTreeMap;
use std::time::Duration;

use simulator::Still;

use crate::bulk::{Bulk, Come, What, new_deal};
use crate::calls::by_purpose;
use simulator::office;

/// What the measurement rests on.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    /// Deals due at once.
    pub deals: usize,
    /// Companies that buy.
    pub buyers: u32,
    /// Each request to the portal.
    pub request_ms: u64,
    /// Each reading command within it.
    pub read_ms: u64,
    /// Each writing command within it.
    pub write_ms: u64,
    /// Each request to the accounting side.
    pub accounting_ms: u64,
    /// Requests to the accounting side under way at one time.
    pub accounting_in_flight: usize,
}

impl Figures {
    /// The goal's.
    pub const GOAL: Self = Self {
        deals: 1_000,
        buyers: 200,
        request_ms: 60,
        read_ms: 15,
        write_ms: 60,
        accounting_ms: 80,
        accounting_in_flight: 20,
    };

    /// The same where nothing takes time.
    pub fn at_zero_latency(self) -> Self {
        Self {
            request_ms: 0,
            read_ms: 0,
            write_ms: 0,
            accounting_ms: 0,
            ..self
        }
    }

    /// A world in which these figures hold.
    pub fn still(self) -> Still {
        let mut still = Still::new(self.buyers);
        still.portal.request_ms = self.request_ms;
        still.portal.read_ms = self.read_ms;
        still.portal.write_ms = self.write_ms;
        still.accounting_ms = self.accounting_ms;
        still.numbers.reconciler.accounting_in_flight = self.accounting_in_flight;
        // Its contract names no limit but the requests under way.
        still.numbers.engine.gate.accounting = engine::settings::Bucket {
            capacity: 100_000,
            drain_per_minute: 60_000,
        };
        still
    }

    /// Batches of writes without which it cannot be done: fields and an entry of each deal, and in each batch the
    /// question whether somebody else has changed them.
    pub fn write_batches(self) -> usize {
        (2 * self.deals).div_ceil(BATCH - 1)
    }

    /// No way of doing it with as many batches of writes under way at one time as the product has takes less: a glance,
    /// one full reading, finding and making a buyer, issuing a bill; then the writes, with which all the rest overlaps.
    pub fn bound(self) -> Duration {
        let lists = self.deals.div_ceil(BATCH);
        let glances = lists.div_ceil(BATCH);
        let glance = self.request(glances, lists, 0);
        let reading = self.request(1, BATCH.min(self.deals), 0);
        let first_bill = Duration::from_millis(3 * self.accounting_ms);
        let batches = self.write_batches();
        let in_flight = Still::new(0).numbers.reconciler.portal_in_flight;
        let writing =
            self.request(batches, batches, 2 * self.deals) / count(in_flight.min(batches));
        let by_latency = glance + reading + first_bill + writing;
        // What the bucket does not take at once it takes by twos a second.
        let calls = glances + 1 + batches;
        let by_bucket = Duration::from_millis(500) * count(calls.saturating_sub(BUCKET));
        by_latency.max(by_bucket)
    }

    fn request(self, requests: usize, reads: usize, writes: usize) -> Duration {
        Duration::from_millis(self.request_ms) * count(requests)
            + Duration::from_millis(self.read_ms) * count(reads)
            + Duration::from_millis(self.write_ms) * count(writes)
    }

    /// Files cannot come faster: one request each, what the bucket holds at once and two a second.
    pub fn files_bound(self) -> Duration {
        Duration::from_millis(500) * count(self.deals.saturating_sub(BUCKET))
    }
}

/// Commands of a batch, rows of a page.
const BATCH: usize = 50;
/// Requests that the portal takes at once.
const BUCKET: usize = 50;

fn count(of: usize) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Calls until the last deal showed number, status and entry.
    pub calls: usize,
    /// How long that took.
    pub shown: Duration,
    /// Until a deal showed its number that a person dragged in the middle of it.
    pub click: Option<Duration>,
    /// How long the files took after the last number.
    pub files: Option<Duration>,
    /// Bills too many, and bills too few.
    pub astray: (usize, usize),
    /// Refusals because of a limit.
    pub limit_answers: usize,
    /// What the calls to the portal were for that had been noted when the last deal was shown.
    pub purposes: BTreeMap<&'static str, usize>,
}

/// What is looked at besides.
#[derive(Clone, Copy, Debug, Default)]
pub struct Besides {
    /// A person drags a deal when a third is done.
    pub click: bool,
    /// Waits for the files, too.
    pub files: bool,
}

/// Measures.
///
/// # Errors
/// Where the world does not get there.
pub fn measure(figures: Figures, besides: Besides) -> Result<Seen, String> {
    Bulk::live(figures.still(), figures.deals, async move |mut bulk| {
        let clicked = if besides.click {
            Some(new_deal(bulk.world(), 0)?)
        } else {
            None
        };
        bulk.world().pass(Duration::from_secs(60)).await;
        let began = bulk.world().now();
        bulk.come(Come::AtOnce).await?;
        let click = match clicked {
            Some(deal) => {
                bulk.until(figures.deals / 3, What::Shown).await?;
                Some(drag(&bulk, deal).await?)
            }
            None => None,
        };
        let shown = bulk.until(figures.deals, What::Shown).await?;
        let calls = bulk.portal_calls();
        let purposes = by_purpose(bulk.world(), began).await?;
        let files = if besides.files {
            let all = bulk.until(figures.deals, What::File).await?;
            Some(all.saturating_sub(shown))
        } else {
            None
        };
        Ok(Seen {
            calls,
            shown,
            click,
            files,
            astray: bulk.astray(),
            limit_answers: bulk.limit_answers(),
            purposes,
        })
    })
}

/// A person drags a deal; how long until it shows its number.
async fn drag(bulk: &Bulk, deal: i64) -> Result<Duration, String> {
    let world = bulk.world();
    let moved = world.portal().manager().move_deal(deal, office::INVOICE);
    moved.map_err(|error| error.to_string())?;
    let began = world.now();
    loop {
        let waited = Duration::try_from(world.now().duration_since(began)).unwrap_or_default();
        if !world.portal().deal_field(deal, office::NUMBER).is_empty() {
            return Ok(waited);
        }
        if waited > Duration::from_secs(3_600) {
            return Err("the click is never answered".to_owned());
        }
        world.pass(Duration::from_millis(10)).await;
    }
}
