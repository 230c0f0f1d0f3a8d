//! After days without us: everything that changed is found by the sweep, and what wants an invoice gets one.
//!
//! No event is left of those days. How long it takes is compared with what the portal's two limits leave: requests,
//! fifty at once and two a second, and run time of each method.

use std::collections::BTreeMap;
use std::time::Duration;

use emulator_bitrix24::DealSeed;
use simulator::StillWorld;
use simulator::offices::office;
use store::Lane;

use crate::bulk::{Bulk, What, buyer_of, new_deal, with_file, without_events};
use crate::calls::by_purpose;
use crate::invoices::Figures;
use crate::machine::{memory_mb, processor_time};

/// How much changed.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Deals that were changed or made.
    pub changed: usize,
    /// Of these, deals that entered the stage in which they want an invoice.
    pub wanted: usize,
    /// For how long we were away, in hours.
    pub hours: u64,
}

impl Size {
    /// The goal's.
    pub const GOAL: Self = Self {
        changed: 50_000,
        wanted: 5_000,
        hours: 72,
    };
}

/// Calls without which it cannot be done, by what they are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Floor {
    /// Fifty pages of fifty changed deals: they show of each whether it wants anything.
    pub sweep: usize,
    /// Lines, history and the rest of those that want an invoice, as full as pages can be.
    pub readings: usize,
    /// Full batches of writes.
    pub writes: usize,
}

/// Rows of a page, commands of a batch, requests that the bucket takes at once.
const FIFTY: usize = 50;
/// Run time of a method in ten minutes.
const METHOD_MS: u64 = 480_000;
const LINES: usize = 3;
/// Stages that a deal was in.
const STAGES: usize = 2;

impl Size {
    /// The least number of calls.
    pub fn floor(self) -> Floor {
        let pages = |rows: usize| rows.div_ceil(FIFTY);
        let whole =
            2 * pages(self.wanted) + pages(LINES * self.wanted) + pages(STAGES * self.wanted);
        Floor {
            sweep: (pages(self.changed) + pages(self.wanted)).div_ceil(FIFTY),
            readings: whole.div_ceil(FIFTY),
            writes: (2 * self.wanted).div_ceil(FIFTY - 1),
        }
    }

    /// No way of doing it that keeps to the limits takes less, if answers took no time.
    pub fn least(self, figures: Figures) -> Duration {
        by_bucket(self.floor().calls()).max(self.by_method_time(figures))
    }

    /// The same until each invoice has its file.
    pub fn least_with_files(self, figures: Figures) -> Duration {
        by_bucket(self.floor().calls() + self.wanted).max(self.by_method_time(figures))
    }

    /// What one method takes beyond its window comes as the window moves on.
    fn by_method_time(self, figures: Figures) -> Duration {
        let count = |of: usize| u64::try_from(of).unwrap_or(u64::MAX);
        let lists = self.changed.div_ceil(FIFTY);
        let methods = [
            count(lists) * figures.read_ms,
            count(self.wanted) * figures.write_ms,
        ];
        let most = methods.into_iter().max().unwrap_or(0);
        Duration::from_millis(most.saturating_sub(METHOD_MS) * 600_000 / METHOD_MS)
    }
}

impl Floor {
    /// All of them.
    pub fn calls(self) -> usize {
        self.sweep + self.readings + self.writes
    }
}

fn by_bucket(calls: usize) -> Duration {
    let waiting = calls.saturating_sub(FIFTY);
    Duration::from_millis(500) * u32::try_from(waiting).unwrap_or(u32::MAX)
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// From the start of the program until the last wanted deal showed number, status and entry.
    pub shown: Duration,
    /// Until nothing was due any more but files.
    pub looked_at: Duration,
    /// Until the last file.
    pub files: Duration,
    /// Calls to the portal until nothing was due any more, files among them.
    pub calls: usize,
    /// What these calls were for.
    pub purposes: BTreeMap<&'static str, usize>,
    /// Files that had come by then.
    pub files_meanwhile: usize,
    /// Bills too many, and bills too few.
    pub astray: (usize, usize),
    /// Refusals because of a limit.
    pub limit_answers: usize,
    /// Megabytes of this process, remotes and database among them: before the start, when all was shown, when nothing
    /// was due any more, and in the end.
    pub memory_mb: [f64; 4],
    /// Seconds of processor time until nothing was due any more, remotes among them.
    pub cpu: Duration,
}

/// How often somebody looks whether all is done.
const GLANCE: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(6 * 3_600);

/// Measures.
///
/// # Errors
/// Where the world does not get there.
pub fn measure(figures: Figures, size: Size, progress: impl Fn(&str)) -> Result<Seen, String> {
    figures.still().live(async move |mut world| {
        // Longer than whatever a process does at its start.
        world.pass(Duration::from_secs(90)).await;
        world.stop();
        progress("the program is stopped");
        let wanted = days(&world, figures, size).await?;
        progress("days later it starts again");
        let own = std::process::id();
        let (before_mb, cpu) = (memory_mb(own)?, processor_time(own)?);
        let began = world.now();
        let mut bulk = Bulk::due_now(world, figures.buyers, wanted);
        bulk.world_mut().start().await;
        let shown = bulk.until(size.wanted, What::Shown).await?;
        let shown_mb = memory_mb(own)?;
        let purposes = by_purpose(bulk.world(), began).await?;
        progress(&format!(
            "all are shown after {:.0} s: {purposes:?}",
            shown.as_secs_f64()
        ));
        let looked_at = until_nothing_is_due(&bulk).await?;
        let looked_at_mb = memory_mb(own)?;
        let cpu = processor_time(own)?.saturating_sub(cpu);
        let calls = bulk.portal_calls();
        let files_meanwhile = with_file(bulk.world(), bulk.deals());
        let purposes = by_purpose(bulk.world(), began).await?;
        progress(&format!(
            "nothing is due after {:.0} s: {purposes:?}",
            looked_at.as_secs_f64()
        ));
        let files = bulk.until(size.wanted, What::File).await?;
        Ok(Seen {
            shown,
            looked_at,
            files,
            calls,
            files_meanwhile,
            purposes,
            astray: bulk.astray(),
            limit_answers: bulk.limit_answers(),
            memory_mb: [before_mb, shown_mb, looked_at_mb, memory_mb(own)?],
            cpu,
        })
    })
}

/// The days without us, hour by hour; the deals that want an invoice at their end.
async fn days(world: &StillWorld, figures: Figures, size: Size) -> Result<Vec<i64>, String> {
    let hours = usize::try_from(size.hours).unwrap_or(1).max(1);
    let one_wants = (size.changed / size.wanted.max(1)).max(1);
    let mut wanted = Vec::new();
    let mut made = 0;
    for hour in 1..=hours {
        let until = size.changed * hour / hours;
        without_events(world, |world| -> Result<(), String> {
            for number in made..until {
                if number % one_wants == 0 && wanted.len() < size.wanted {
                    wanted.push(wanting(world, figures, number)?);
                } else {
                    idle(world)?;
                }
            }
            Ok(())
        })
        .await?;
        made = until;
        world.pass(Duration::from_secs(3_600)).await;
    }
    Ok(wanted)
}

fn wanting(world: &StillWorld, figures: Figures, number: usize) -> Result<i64, String> {
    let deal = new_deal(world, buyer_of(number, figures.buyers))?;
    let moved = world.portal().manager().move_deal(deal, office::INVOICE);
    moved.map_err(|error| error.to_string())?;
    Ok(deal)
}

/// A deal that somebody works on and that wants nothing yet.
fn idle(world: &StillWorld) -> Result<i64, String> {
    let deal = DealSeed {
        title: "Переговоры".to_owned(),
        stage: "NEW".to_owned(),
        ..DealSeed::default()
    };
    let made = world.portal().manager().create_deal(&deal);
    made.map_err(|error| error.to_string())
}

/// Until neither a click nor an ordinary look is due.
async fn until_nothing_is_due(bulk: &Bulk) -> Result<Duration, String> {
    let world = bulk.world();
    loop {
        let stats = world.store().stats(world.portal_id(), world.now()).await;
        let stats = stats.map_err(|error| error.to_string())?;
        let lanes = stats.lanes.iter().filter(|one| one.lane != Lane::Trailing);
        let due: u64 = lanes.map(|one| one.due).sum();
        if due == 0 {
            return Ok(bulk.took());
        }
        if bulk.took() > PATIENCE {
            return Err(format!("{due} looks wait for ever"));
        }
        world.pass(GLANCE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_floor_is_what_the_bucket_leaves_for_full_requests() {
        let floor = Size::GOAL.floor();
        assert_eq!((floor.sweep, floor.readings, floor.writes), (22, 14, 205));
        let least = Size::GOAL.least(Figures::GOAL);
        assert_eq!(least, Duration::from_millis(500) * (241 - 50));
        let slow = Figures {
            write_ms: 120,
            ..Figures::GOAL
        };
        assert_eq!(Size::GOAL.least(slow), Duration::from_secs(150));
    }
}
