//! A thousand portals on one program, one of which floods: how soon work on another's deal begins.
//!
//! On the machine's clock, with the store on disk: whoever waits here waits for leases, for workers, for the database
//! and for the processor. Portals and accounting sides are imitated in the same process, and take of both as well.
#![allow(
    clippy::disallowed_methods,
    reason = "it measures by the machine's clock"
)]

use std::time::{Duration, Instant};

use emulator_bitrix24::DealSeed;
use jiff::Timestamp;
use simulator::offices::office;
use simulator::{Crowd, Crowded};
use store::Store;

use crate::invoices::Figures;
use crate::machine::{memory_mb, most_memory_mb, percentile, processor_time};

/// How much of it.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Portals.
    pub portals: usize,
    /// Seconds of the flood.
    pub seconds: u64,
    /// Deals of the flooding portal that enter their invoice stage in each second.
    pub flood: usize,
    /// Deals of other portals that do, each of another portal.
    pub others: usize,
}

impl Size {
    /// The goal's.
    pub const GOAL: Self = Self {
        portals: 1_000,
        seconds: 60,
        flood: 100,
        others: 5,
    };
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// From the event's answer to the first request to the portal, over the other portals' deals, sorted.
    pub begins: Vec<Duration>,
    /// From the drag to the number on the deal, sorted.
    pub shown: Vec<Duration>,
    /// Deals of others on which nothing had begun, or that had no number, by the end.
    pub missing: usize,
    /// Deals of the flood, and those of them that had their number by its end.
    pub flood: (usize, usize),
    /// Megabytes before there was anything, with all portals idle, and at the most.
    pub memory_mb: [f64; 3],
    /// Processors that were busy in this process during the flood.
    pub busy: f64,
}

/// One deal of another portal.
struct Waiting {
    tenant: usize,
    deal: i64,
    dragged: Timestamp,
    shown: Option<Duration>,
}

/// Measures.
///
/// # Errors
/// Where the portals cannot be made.
pub fn measure(size: Size, progress: impl Fn(&str)) -> Result<Seen, String> {
    let built = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = built.map_err(|error| error.to_string())?;
    runtime.block_on(run(size, progress))
}

async fn run(size: Size, progress: impl Fn(&str)) -> Result<Seen, String> {
    let own = std::process::id();
    let empty_mb = memory_mb(own)?;
    let folder = crate::events::folder()?;
    let store = Store::open_file(&folder.path().join("tenants.db"));
    let store = store.map_err(|error| error.to_string())?;
    let figures = Figures::GOAL;
    let still = figures.still();
    let made = Crowd::begin(
        &store,
        size.portals,
        still.portal,
        still.accounting_ms,
        still.numbers,
    );
    let tenants = made.await?;
    progress(&format!("{} portals are there", size.portals));
    // The first sweeps of all of them.
    tokio::time::sleep(Duration::from_secs(60)).await;
    let idle_mb = memory_mb(own)?;
    let cpu = processor_time(own)?;
    let (flooded, mut waiting) = flood(&tenants, size, &progress).await?;
    let busy = processor_time(own)?.saturating_sub(cpu).as_secs_f64() / size.seconds as f64;
    let flood_shown = shown_of(tenants.portals().first(), &flooded);
    progress("the flood ends");
    let end = Instant::now() + Duration::from_secs(30);
    while Instant::now() < end && waiting.iter().any(|one| one.shown.is_none()) {
        look(&tenants, &mut waiting);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let seen = Seen {
        begins: begins(&tenants, &waiting),
        shown: sorted(waiting.iter().filter_map(|one| one.shown).collect()),
        missing: waiting.iter().filter(|one| one.shown.is_none()).count(),
        flood: (flooded.len(), flood_shown),
        memory_mb: [empty_mb, idle_mb, most_memory_mb(own)?],
        busy,
    };
    tenants.end().await?;
    Ok(seen)
}

/// The flood, and beside it each second some deals of other portals.
async fn flood(
    tenants: &Crowd,
    size: Size,
    progress: &impl Fn(&str),
) -> Result<(Vec<i64>, Vec<Waiting>), String> {
    let (first, others) = tenants.portals().split_first().ok_or("no portals")?;
    let (mut flooded, mut waiting) = (Vec::new(), Vec::new());
    let start = Instant::now();
    for second in 0..size.seconds {
        for _deal in 0..size.flood {
            flooded.push(drag(first)?);
        }
        for _deal in 0..size.others {
            let place = (waiting.len() * 7_919) % others.len().max(1);
            let tenant = others.get(place).ok_or("no other portal")?;
            waiting.push(Waiting {
                tenant: place + 1,
                dragged: tenants.now(),
                deal: drag(tenant)?,
                shown: None,
            });
        }
        if second % 10 == 0 {
            progress(&format!("second {second} of {}", size.seconds));
        }
        let next = start + Duration::from_secs(second + 1);
        while Instant::now() < next {
            look(tenants, &mut waiting);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    Ok((flooded, waiting))
}

/// A new deal enters the stage in which it wants an invoice.
fn drag(tenant: &Crowded) -> Result<i64, String> {
    let deal = DealSeed {
        title: "Поставка".to_owned(),
        stage: "NEW".to_owned(),
        company: tenant.buyer(),
        lines: vec![office::line("Кабель ВВГ 3х2,5", "96.50", "120")],
        ..DealSeed::default()
    };
    let manager = tenant.portal().manager();
    let made = manager.create_deal(&deal);
    let made = made.map_err(|error| error.to_string())?;
    let moved = manager.move_deal(made, office::INVOICE);
    moved.map_err(|error| error.to_string())?;
    Ok(made)
}

fn look(tenants: &Crowd, waiting: &mut [Waiting]) {
    let now = tenants.now();
    for one in waiting.iter_mut().filter(|one| one.shown.is_none()) {
        let Some(tenant) = tenants.portals().get(one.tenant) else {
            continue;
        };
        let number = tenant.portal().deal_field(one.deal, office::NUMBER);
        if !number.is_empty() {
            one.shown = Some(between(one.dragged, now));
        }
    }
}

fn begins(tenants: &Crowd, waiting: &[Waiting]) -> Vec<Duration> {
    let begin = |one: &Waiting| {
        let tenant = tenants.portals().get(one.tenant)?;
        let accepted = tenant.accepted_after(one.dragged)?;
        Some(between(accepted, tenant.asked_after(accepted)?))
    };
    sorted(waiting.iter().filter_map(begin).collect())
}

fn shown_of(tenant: Option<&Crowded>, deals: &[i64]) -> usize {
    let is_shown = |deal: &&i64| {
        let number = tenant.map(|tenant| tenant.portal().deal_field(**deal, office::NUMBER));
        number.is_some_and(|number| !number.is_empty())
    };
    deals.iter().filter(is_shown).count()
}

fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

fn sorted(mut waits: Vec<Duration>) -> Vec<Duration> {
    waits.sort_unstable();
    waits
}

/// The wait below which so many hundredths lie, in seconds.
pub fn seconds_at(waits: &[Duration], percent: f64) -> f64 {
    percentile(waits, percent).as_secs_f64()
}
