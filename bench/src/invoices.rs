//! A thousand deals due at once on one portal: how many calls, how long, and against which bound.

use std::collections::BTreeMap;
use std::time::Duration;

use simulator::Still;

use crate::bulk::{Bulk, Come, What, new_deal};
use crate::calls::by_purpose;
use simulator::offices::office;

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

    /// No way of doing it takes less, by these figures and the portal's bucket alone: a glance, one full reading, every
    /// request to the accounting side as soon as there is room, and the writes of the last bill. Nothing here says how
    /// many requests a portal works on at one time, so it may be all of them.
    pub fn floor(self) -> Duration {
        let accounting =
            1 + (self.deals + count_of(self.buyers)).div_ceil(self.accounting_in_flight);
        let bills = Duration::from_millis(self.accounting_ms) * count(accounting);
        let by_latency = self.reading() + bills + self.request(1, 1, 2);
        by_latency.max(self.by_bucket())
    }

    /// No way of doing it with as many batches of writes under way at one time as the product allows itself takes less:
    /// a glance, one full reading, finding and making a buyer, issuing a bill; then the writes, with which all the rest
    /// overlaps.
    pub fn bound(self) -> Duration {
        let first_bill = Duration::from_millis(3 * self.accounting_ms);
        let batches = self.write_batches();
        let in_flight = self.batches_in_flight().min(batches);
        let writing = self.request(batches, batches, 2 * self.deals) / count(in_flight);
        let by_latency = self.reading() + first_bill + writing;
        by_latency.max(self.by_bucket())
    }

    /// Batches of writes that the product has under way at one time: its own choice, no figure of the portal.
    pub fn batches_in_flight(self) -> usize {
        self.still().numbers.reconciler.portal_in_flight
    }

    /// Requests that ordinary work may make at once: of what the bucket holds it leaves a part for clicks, and what drains
    /// while requests pile up on their way is lent to nobody.
    pub fn at_once(self) -> usize {
        let gate = self.still().numbers.engine.gate;
        let lost = gate.path_delay.as_secs() * u64::from(gate.bitrix24.drain_per_minute) / 60;
        let lent = u64::from(gate.bitrix24.capacity).saturating_sub(lost);
        let at_once = lent * (100 - u64::from(gate.click_reserve_percent)) / 100;
        usize::try_from(at_once).unwrap_or(usize::MAX)
    }

    /// How long it takes until so many calls were made, if only that holds them up.
    pub fn left_for_later(self, calls: usize) -> Duration {
        Duration::from_millis(500) * count(calls.saturating_sub(self.at_once()))
    }

    /// A glance at all, and one full reading.
    fn reading(self) -> Duration {
        let lists = self.deals.div_ceil(BATCH);
        let glance = self.request(lists.div_ceil(BATCH), lists, 0);
        glance + self.request(1, BATCH.min(self.deals), 0)
    }

    /// What the bucket does not take at once it takes by twos a second.
    fn by_bucket(self) -> Duration {
        let glances = self.deals.div_ceil(BATCH).div_ceil(BATCH);
        let calls = glances + 1 + self.write_batches();
        Duration::from_millis(500) * count(calls.saturating_sub(BUCKET))
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

fn count_of(buyers: u32) -> usize {
    usize::try_from(buyers).unwrap_or(usize::MAX)
}

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
