//! From a payment's registration in the accounting program until its deal stands in the stage of what is paid.
//!
//! In simulated time: an office of several days, with busy quarters of an hour, slow hours and nights, whose accountant
//! registers a payment and gives it to its bill in one moment. What binds is how often the list of payments is read, so
//! each wait is held against the interval that was in force when it began. Not here: statements.

use std::collections::BTreeMap;
use std::time::Duration;

use emulator_bitrix24::What as Written;
use emulator_kontur_accounting::{Accountant, Allocation, Bill, Direction, NewPayment, Payer};
use engine::settings::PortalTask;
use jiff::Timestamp;
use planner::MoneyPolicy;
use reconciler::portal_task;
use serde_json::json;
use simulator::offices::office;
use simulator::{Still, StillWorld};

use crate::bulk::{Bulk, Come, What};
use crate::invoices::Figures;
use crate::machine::percentile;

/// The stage of what is paid.
const PAID_STAGE: &str = "EXECUTING";
/// What we may add to the interval, at ninety-five of a hundred payments.
pub const OURS: Duration = Duration::from_secs(2);
/// Longer than any interval.
const REST: Duration = Duration::from_secs(900);
const HOUR: u64 = 3_600;

/// How long somebody pays.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Days.
    pub days: u64,
    /// Payments within an hour of work, about.
    pub an_hour: u64,
}

impl Size {
    /// What is measured.
    pub const GOAL: Self = Self {
        days: 4,
        an_hour: 6,
    };
}

/// One payment's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    /// How long the list had not been read when it was read next: the interval in force.
    pub interval: Duration,
    /// From its registration until that reading.
    pub unread: Duration,
    /// From then until its deal stood in its stage.
    pub ours: Duration,
}

impl Way {
    /// All of it.
    pub fn whole(&self) -> Duration {
        self.unread + self.ours
    }

    /// Whether we added more than we may.
    pub fn is_late(&self) -> bool {
        self.whole() > self.interval + OURS
    }
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Of every payment.
    pub ways: Vec<Way>,
    /// Payments whose deal never came to its stage.
    pub missing: usize,
    /// How often the list was read.
    pub readings: usize,
    /// How long all of it lasted.
    pub lasted: Duration,
}

impl Seen {
    /// Payments that we kept for longer than we may.
    pub fn late(&self) -> usize {
        self.ways.iter().filter(|way| way.is_late()).count()
    }
}

/// Measures.
///
/// # Errors
/// Where the world does not get there.
pub fn measure(size: Size, progress: impl Fn(&str)) -> Result<Seen, String> {
    let moments = moments(size);
    let figures = Figures {
        deals: moments.len(),
        ..Figures::GOAL
    };
    Bulk::live(reading(figures), figures.deals, async move |mut bulk| {
        progress(&format!("{} deals get their invoices", figures.deals));
        bulk.come(Come::AtOnce).await?;
        bulk.until(figures.deals, What::Shown).await?;
        let world = bulk.world();
        let money = by_accountant()?;
        world
            .change_policy(|policy| policy.money = Some(money))
            .await?;
        world.pass(REST).await;
        let began = world.now();
        let accounts = Accounts::of(world)?;
        let mut registered = Vec::with_capacity(moments.len());
        for (place, (deal, after)) in bulk.deals().iter().zip(&moments).enumerate() {
            world
                .pass(after.saturating_sub(since(began, world.now())))
                .await;
            if place % 100 == 0 {
                progress(&format!("{place} of {} payments", moments.len()));
            }
            accounts.register(*deal, place, world.now())?;
            registered.push((*deal, world.now()));
        }
        world.pass(REST).await;
        Ok(seen(world, began, &registered))
    })
}

/// A world with these figures, where the list of payments is read as the program has it read.
fn reading(figures: Figures) -> Still {
    let mut still = figures.still();
    let every = still.numbers.reconciler.payments_idle_every;
    let tasks = &mut still.numbers.engine.upkeep.portal_tasks;
    tasks.push(PortalTask::new(portal_task::FOLLOWED, every));
    still
}

/// The accountant decides, and what is paid moves on.
fn by_accountant() -> Result<MoneyPolicy, String> {
    let stage = json!({"funnel": 0, "to": PAID_STAGE, "from": [office::INVOICE]});
    serde_json::from_value(json!({"booking": "accounting", "stages": [stage]})).map_err(told)
}

/// When payments are registered, since the first midnight: in a working hour now and then, each fourth quarter of an
/// hour one upon the other, at night seldom.
fn moments(size: Size) -> Vec<Duration> {
    let usual = HOUR / size.an_hour.max(1);
    let mut moments = Vec::new();
    let mut at = 0;
    while at < size.days * 24 * HOUR {
        let hour = at / HOUR % 24;
        let is_busy = at / (HOUR / 4) % 4 == 2;
        let gap = match hour {
            9..18 if is_busy => between(moments.len(), 1, usual / 4),
            9..18 => between(moments.len(), usual, 3 * usual),
            _ => between(moments.len(), HOUR, 3 * HOUR),
        };
        at += gap;
        // Not on the second, where the readings may be.
        moments
            .push(Duration::from_secs(at) + Duration::from_millis(between(moments.len(), 0, 999)));
    }
    moments
}

/// A figure that looks like chance and is the same each time.
fn between(place: usize, least: u64, most: u64) -> u64 {
    let mut mixed = u64::try_from(place)
        .unwrap_or(0)
        .wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    least + (mixed ^ (mixed >> 31)) % (most.saturating_sub(least) + 1)
}

/// The accounting program and the bills of its deals.
struct Accounts {
    accountant: Accountant,
    bills: BTreeMap<i64, Bill>,
}

impl Accounts {
    fn of(world: &StillWorld) -> Result<Self, String> {
        let organisations = world.accounting().organizations();
        let organisation = organisations.first().ok_or("no organisation")?;
        let accountant = world.accounting().accountant(*organisation);
        let truth = world.accounting().truth();
        let bills = truth.bills().filter_map(|bill| {
            let mark = bill.comment.as_deref()?;
            let (_, after) = mark.split_once("/deal/")?;
            let (deal, _) = after.split_once('/')?;
            Some((deal.parse().ok()?, Bill::clone(bill)))
        });
        Ok(Self {
            accountant: accountant.ok_or("no accountant")?,
            bills: bills.collect(),
        })
    }

    /// Registers a deal's payment and gives it to its bill.
    fn register(&self, deal: i64, place: usize, now: Timestamp) -> Result<(), String> {
        let bill = self.bills.get(&deal).ok_or("a deal has no bill")?;
        let payment = NewPayment {
            number: Some(place.to_string()),
            date: now.to_zoned(jiff::tz::TimeZone::UTC).date(),
            direction: Direction::Incoming,
            sum: bill.sum,
            payer: Payer {
                inn: bill.contractor.inn.clone(),
                account_number: Some("40702810500000000777".to_owned()),
                ..Payer::default()
            },
            bank_account: None,
            purpose: format!("Оплата по счету № {}", bill.number),
        };
        let payment = self.accountant.add_payment(payment).map_err(told)?;
        let whole = Allocation {
            bill_id: bill.meta.id,
            sum: bill.sum,
        };
        let given = self.accountant.allocate(payment.meta.id, vec![whole]);
        given.map(drop).map_err(told)
    }
}

fn seen(world: &StillWorld, began: Timestamp, registered: &[(i64, Timestamp)]) -> Seen {
    let left = world.left();
    let readings = left
        .iter()
        .filter(|left| !left.to_portal && left.what.contains("/payments"));
    let readings: Vec<Timestamp> = readings.map(|left| left.at).collect();
    let stands = moved(world);
    let (mut ways, mut missing) = (Vec::new(), 0);
    for (deal, at) in registered {
        let next = readings.partition_point(|reading| reading <= at);
        let last = next.checked_sub(1).and_then(|last| readings.get(last));
        match (last, readings.get(next), stands.get(deal)) {
            (Some(last), Some(next), Some(stands)) => ways.push(Way {
                interval: since(*last, *next),
                unread: since(*at, *next),
                ours: since(*next, *stands),
            }),
            _ => missing += 1,
        }
    }
    let counted = readings.iter().filter(|reading| **reading >= began).count();
    Seen {
        ways,
        missing,
        readings: counted,
        lasted: since(began, world.now()),
    }
}

/// When each deal came to the stage of what is paid.
fn moved(world: &StillWorld) -> BTreeMap<i64, Timestamp> {
    let truth = world.portal().truth();
    let mut moved = BTreeMap::new();
    for entry in truth.writes_of("deal") {
        if let Written::Write {
            id,
            after: Some(after),
            ..
        } = &entry.what
            && after.get("STAGE_ID").and_then(|stage| stage.as_str()) == Some(PAID_STAGE)
        {
            moved.entry(*id).or_insert(entry.at);
        }
    }
    moved
}

/// As a table, by the interval in force.
pub fn table(seen: &Seen) -> String {
    let mut told =
        "| interval in force | payments | | p50 s | p95 s | max s |\n|---|--:|---|--:|--:|--:|"
            .to_owned();
    let groups: [(&str, u64, u64); 4] = [
        ("up to 10 s", 0, 10),
        ("up to a minute", 10, 60),
        ("up to five minutes", 60, u64::MAX),
        ("any", 0, u64::MAX),
    ];
    for (words, above, most) in groups {
        let is_in = |way: &&Way| {
            let seconds = way.interval.as_secs_f64();
            (above == 0 || seconds > above as f64) && seconds <= most as f64
        };
        let ways: Vec<&Way> = seen.ways.iter().filter(is_in).collect();
        let row = |name: &str, of: fn(&Way) -> Duration| {
            let mut times: Vec<Duration> = ways.iter().map(|way| of(way)).collect();
            times.sort_unstable();
            let at = |percent| percentile(&times, percent).as_secs_f64();
            format!(
                "\n| {words} | {} | {name} | {:.2} | {:.2} | {:.2} |",
                ways.len(),
                at(50.0),
                at(95.0),
                at(100.0)
            )
        };
        told.push_str(&row("from registration to the stage", Way::whole));
        told.push_str(&row("of it ours", |way| way.ours));
    }
    told.push_str(&format!(
        "\n\nlonger than the interval in force and two seconds: {} of {}; never: {}; {} readings in {:.1} days",
        seen.late(),
        seen.ways.len(),
        seen.missing,
        seen.readings,
        seen.lasted.as_secs_f64() / 86_400.0
    ));
    told
}

fn since(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

fn told(problem: impl std::fmt::Debug) -> String {
    format!("{problem:?}")
}
