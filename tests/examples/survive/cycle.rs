//! One cycle: deals are moved, something bad happens at some moment, everything comes back, the backlog drains.

use std::time::{Duration, Instant};

use emulator_harness::wait;
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use testkit::seed::seeded;
use tokio::task::JoinHandle;

use crate::office;
use crate::plan::Kind;
use crate::post::Post;
use crate::proxy::Moment;
use crate::tally::Outcome;
use crate::witness;
use crate::world::{LEASE, READY_WITHIN, Records, World};

/// The people's and the portal's part lasts so long; the bad thing begins within it.
const SCENE_MS: u64 = 1_000;
/// The backlog of a cycle drains within this.
const DRAINS_WITHIN: Duration = Duration::from_secs(45);
/// A remote that was away is left alone for a minute first.
const DRAINS_AFTER_BREAKER: Duration = Duration::from_secs(240);
const BETWEEN: Duration = Duration::from_millis(40);
/// Events come all the time: by then one of them has met a cut.
const CUT_WITHIN: Duration = Duration::from_secs(15);
/// What restarts a process that ended by itself waits so long, like `RestartSec`.
const RESTARTS_AFTER: Duration = Duration::from_millis(200);

/// Lives a cycle and judges it.
pub(crate) async fn live(world: &mut World, number: usize, kind: Kind, seed: u64) -> Outcome {
    let mut rng = seeded(
        seed.wrapping_mul(1_000_003)
            .wrapping_add(u64::try_from(number).unwrap()),
    );
    let mut outcome = Outcome::default();
    let storm = Storm::over(world, rng.random());
    let people = people(world, &mut rng);
    outcome.deals = people.deals.len();
    world.deals.extend(&people.deals);
    wait(Duration::from_millis(rng.random_range(0..SCENE_MS))).await;
    strike(world, kind, &mut rng, &mut outcome).await;
    people.moving.await.unwrap();
    storm.end().await;
    let drained = drain(world, kind, &mut outcome).await;
    outcome.drained = Some(drained);
    outcome
        .violations
        .extend(witness::at_any_moment(world).await);
    if outcome.violations.is_empty() {
        outcome.violations.extend(witness::when_drained(world));
    }
    outcome
}

/// Deals of this cycle, and the hand that moves them one by one.
struct People {
    deals: Vec<i64>,
    moving: JoinHandle<()>,
}

fn people(world: &World, rng: &mut ChaCha8Rng) -> People {
    let manager = world.remotes.portal.manager();
    let deals: Vec<i64> = (0..rng.random_range(2..=5))
        .map(|_| {
            let deal = office::deal("Поставка", office::BUYER);
            manager.create_deal(&deal).unwrap()
        })
        .collect();
    let pauses: Vec<u64> = deals.iter().map(|_| rng.random_range(0..400)).collect();
    let moved = deals.clone();
    let moving = tokio::spawn(async move {
        for (deal, pause) in moved.into_iter().zip(pauses) {
            wait(Duration::from_millis(pause)).await;
            manager.move_deal(deal, office::INVOICE).unwrap();
        }
    });
    People { deals, moving }
}

/// Events that come once more, some dozens a second, so that a kill meets one half-way.
struct Storm(JoinHandle<()>);

impl Storm {
    fn over(world: &World, seed: u64) -> Self {
        let (post, handlers): (Post, Vec<String>) = (world.post.clone(), world.handlers());
        Self(tokio::spawn(async move {
            let mut rng = seeded(seed);
            loop {
                wait(Duration::from_millis(rng.random_range(5..35))).await;
                let handler = handlers[rng.random_range(0..handlers.len())].clone();
                let (post, chance) = (post.clone(), rng.random());
                drop(tokio::spawn(
                    async move { post.repeat(chance, &handler).await },
                ));
            }
        }))
    }

    async fn end(self) {
        self.0.abort();
        drop(self.0.await);
    }
}

async fn strike(world: &mut World, kind: Kind, rng: &mut ChaCha8Rng, outcome: &mut Outcome) {
    match kind {
        Kind::Killed => {
            kill_and_start(world, 0, outcome).await;
            if rng.random_ratio(1, 4) {
                wait(Duration::from_millis(rng.random_range(0..600))).await;
                kill_and_start(world, 0, outcome).await;
            }
        }
        Kind::RemotesAway => {
            world.remotes.go_away();
            wait(Duration::from_millis(rng.random_range(50_000..70_000))).await;
            world.remotes.come_back().await;
            all_ready(world, Instant::now(), "the remotes' return", outcome).await;
            // This cycle lasts until they are no longer left alone, also where its deals were done before they went.
            another_deal(world, outcome);
        }
        Kind::DiskFull => fill_the_disk(world, rng, outcome).await,
        Kind::ReplicaKilled => {
            let place = rng.random_range(0..world.replicas.len());
            world.replicas[place].kill();
            wait(Duration::from_millis(rng.random_range(0..2_500))).await;
            start(world, place, outcome).await;
        }
        Kind::ReplicaFrozen => freeze(world, rng, outcome).await,
        Kind::CommitCut => cut_commits(world, rng, outcome).await,
        Kind::DatabaseRestarted => crash_the_database(world, outcome).await,
    }
}

async fn kill_and_start(world: &mut World, place: usize, outcome: &mut Outcome) {
    world.replicas[place].kill();
    start(world, place, outcome).await;
}

async fn start(world: &mut World, place: usize, outcome: &mut Outcome) {
    let replica = &mut world.replicas[place];
    replica.start();
    let began = replica.started();
    // Asked for longer than allowed, so that a slow start is told from none.
    let ready = replica.until_ready(began, READY_WITHIN * 4).await;
    outcome.became_ready(ready, "a start");
}

/// Fills, looks whether it is told, now and then kills in it, gives the space back, and measures.
async fn fill_the_disk(world: &mut World, rng: &mut ChaCha8Rng, outcome: &mut Outcome) {
    let spare = rng.random_range(0..48) * 4096;
    let killed_in_it = rng.random_ratio(1, 3);
    world.take_space(spare);
    let (began, full_for) = (
        Instant::now(),
        Duration::from_millis(rng.random_range(1_500..3_000)),
    );
    let mut was_red = false;
    let mut was_killed = false;
    while began.elapsed() < full_for || (!was_red && began.elapsed() < DRAINS_WITHIN / 2) {
        if killed_in_it && !was_killed && began.elapsed() > full_for / 2 {
            was_killed = true;
            world.replicas[0].kill();
            world.replicas[0].start();
        }
        was_red |= !world.replicas[0].is_ready().await;
        revive(world, Kind::DiskFull, outcome).await;
        wait(BETWEEN).await;
    }
    if !was_red {
        let told = "the disk is full, and it says that it is ready";
        outcome.violations.push(told.to_owned());
    }
    let freed = Instant::now();
    world.give_space();
    let mut ready = None;
    while ready.is_none() && freed.elapsed() < READY_WITHIN * 4 {
        revive(world, Kind::DiskFull, outcome).await;
        ready = world.replicas[0].is_ready().await.then(|| freed.elapsed());
        wait(Duration::from_millis(5)).await;
    }
    outcome.became_ready(ready, "the space that came back");
}

/// Cuts one to four of the coming COMMITs, of whichever replica.
async fn cut_commits(world: &mut World, rng: &mut ChaCha8Rng, outcome: &mut Outcome) {
    let Records::Postgres { proxy, .. } = &world.records else {
        return;
    };
    let proxy = std::sync::Arc::clone(proxy);
    for _ in 0..rng.random_range(1..=4) {
        let moment = if rng.random() {
            Moment::Before
        } else {
            Moment::After
        };
        proxy.cut(rng.random_range(1..40), moment);
    }
    let began = Instant::now();
    wait(Duration::from_millis(2_000)).await;
    while proxy.made_so_far() == 0 && began.elapsed() < CUT_WITHIN {
        wait(BETWEEN).await;
    }
    outcome.cuts = proxy.made();
    if outcome.cuts == 0 {
        let told = format!("no connection was cut at COMMIT within {CUT_WITHIN:?}");
        outcome.violations.push(told);
    }
    all_ready(world, Instant::now(), "a cut at COMMIT", outcome).await;
}

/// Stops whoever holds the portal, past its lease; the other takes over and serves what comes meanwhile. Then it goes on.
async fn freeze(world: &mut World, rng: &mut ChaCha8Rng, outcome: &mut Outcome) {
    let mut place = rng.random_range(0..world.replicas.len());
    world.replicas[place].signal("STOP");
    let mut before = witness::lease(world).await;
    wait(LEASE / 2).await;
    let after = witness::lease(world).await;
    // The other one holds it, and renews it.
    if before.is_held() && after.owner == before.owner && after.expires_at > before.expires_at {
        world.replicas[place].signal("CONT");
        place = (place + 1) % world.replicas.len();
        world.replicas[place].signal("STOP");
        before = after;
    }
    let deal = another_deal(world, outcome);
    wait(LEASE + Duration::from_millis(rng.random_range(300..2_500))).await;
    let began = Instant::now();
    while !witness::is_complete(world, deal) && began.elapsed() < DRAINS_WITHIN {
        wait(BETWEEN).await;
    }
    if !witness::is_complete(world, deal) {
        let told = format!("while one replica stood still the other did not serve deal {deal}");
        outcome.violations.push(told);
    }
    let now = witness::lease(world).await;
    outcome.takeovers += u64::from(before.is_held() && now.fence > before.fence);
    world.replicas[place].signal("CONT");
    all_ready(world, Instant::now(), "a thaw", outcome).await;
}

/// Moves one more deal.
fn another_deal(world: &mut World, outcome: &mut Outcome) -> i64 {
    let manager = world.remotes.portal.manager();
    let deal = office::deal("Поставка", office::BUYER);
    let deal = manager.create_deal(&deal).unwrap();
    manager.move_deal(deal, office::INVOICE).unwrap();
    world.deals.push(deal);
    outcome.deals += 1;
    deal
}

/// Everybody is ready again in time.
async fn all_ready(world: &mut World, since: Instant, after: &str, outcome: &mut Outcome) {
    for replica in &mut world.replicas {
        let ready = replica.until_ready(since, READY_WITHIN * 4).await;
        outcome.became_ready(ready, after);
    }
}

async fn crash_the_database(world: &mut World, outcome: &mut Outcome) {
    let Records::Postgres { server, .. } = &world.records else {
        return;
    };
    let mut server = std::sync::Arc::clone(server).lock_owned().await;
    let crashed = tokio::task::spawn_blocking(move || server.crash()).await;
    crashed.unwrap().unwrap();
    let began = Instant::now();
    for place in 0..world.replicas.len() {
        revive(world, Kind::DatabaseRestarted, outcome).await;
        let ready = world.replicas[place]
            .until_ready(began, READY_WITHIN * 4)
            .await;
        outcome.became_ready(ready, "the database's return");
    }
}

/// Waits until every deal ever moved has its whole invoice.
async fn drain(world: &mut World, kind: Kind, outcome: &mut Outcome) -> Duration {
    let began = Instant::now();
    let within = match kind {
        Kind::RemotesAway => DRAINS_AFTER_BREAKER,
        _ => DRAINS_WITHIN,
    };
    let mut open = world.deals.clone();
    while began.elapsed() < within {
        open.retain(|deal| !witness::is_complete(world, *deal));
        if open.is_empty() {
            return began.elapsed();
        }
        revive(world, kind, outcome).await;
        wait(BETWEEN).await;
    }
    for deal in open {
        let told = format!("deal {deal} has no whole invoice after {within:?}");
        outcome.violations.push(told);
    }
    within
}

/// What an init system does with a process that ended by itself. Only a full disk may end it.
async fn revive(world: &mut World, kind: Kind, outcome: &mut Outcome) {
    for replica in &mut world.replicas {
        let Some(status) = replica.ended() else {
            continue;
        };
        outcome.ended_by_itself += 1;
        if kind != Kind::DiskFull {
            let told = format!("it ended by itself: {status}");
            outcome.violations.push(told);
        }
        wait(RESTARTS_AFTER).await;
        replica.start();
    }
}
