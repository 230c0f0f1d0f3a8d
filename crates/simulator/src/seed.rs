//! One seed from beginning to end, and what came of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use documents::{Layout, Renderer};
use jiff::Timestamp;
use planted::Bug;
use sha2::{Digest as _, Sha256};
use store::JournalFilter;

use crate::check::{self, Evidence};
use crate::neighbour;
use crate::world::{Scene, World, told};

/// What came of a seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Which.
    pub seed: u64,
    /// What does not hold; nothing when all is well.
    pub violations: Vec<String>,
    /// What happened, in order; with every request and decision where it was asked for.
    pub story: Vec<(Timestamp, String)>,
    /// How often each kind of thing happened.
    pub counts: BTreeMap<String, u64>,
    /// Of our journal and of both remotes' histories: equal for equal runs. Empty where nothing was told.
    pub hash: String,
    /// The time that passed in the world.
    pub lasted: Duration,
}

/// Runs seeds.
#[derive(Clone)]
pub struct Simulator {
    renderer: Arc<Renderer>,
    #[cfg_attr(
        not(feature = "hunt"),
        expect(dead_code, reason = "only the hunt is built to plant bugs")
    )]
    planted: Option<Bug>,
}

impl Default for Simulator {
    fn default() -> Self {
        Self {
            renderer: Arc::new(Renderer::new(Layout::default())),
            planted: None,
        }
    }
}

impl Simulator {
    /// The same with a bug planted in the product, in a build that can plant.
    pub fn with(&self, bug: Bug) -> Self {
        Self {
            planted: Some(bug),
            ..self.clone()
        }
    }

    /// Runs one seed on this thread and judges it.
    pub fn run(&self, seed: u64) -> Report {
        self.live(seed, false)
    }

    /// The same with its whole story and its hash.
    pub fn tell(&self, seed: u64) -> Report {
        self.live(seed, true)
    }

    fn live(&self, seed: u64, tells: bool) -> Report {
        #[cfg(feature = "hunt")]
        let _planted = planted::plant(self.planted);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build();
        let lived = match runtime {
            Ok(runtime) => runtime.block_on(live(seed, tells, Arc::clone(&self.renderer))),
            Err(error) => Err(error.to_string()),
        };
        lived.unwrap_or_else(|error| Report {
            seed,
            violations: vec![format!("the simulation itself failed: {error}")],
            story: Vec::new(),
            counts: BTreeMap::new(),
            hash: String::new(),
            lasted: Duration::ZERO,
        })
    }
}

async fn live(seed: u64, tells: bool, renderer: Arc<Renderer>) -> Result<Report, String> {
    let mut world = World::begin(seed, Scene::of(seed), renderer).await?;
    world.live().await?;
    let settled = world.settle().await?;
    let late_writes = world.idle_hour().await;
    let seen = world.ground.network.seen().clone();
    let evidence = Evidence {
        weather: &world.weather,
        office: &world.office,
        portal: world.office.portal.truth(),
        accounting: world.office.accounting.truth(),
        seen,
        leaving: world.ground.network.witness.seen(),
        neighbour: (
            world.neighbour.clone(),
            neighbour::belongings(&world.store).await?,
        ),
        given_up: &world.given_up,
        cases: world.open_cases().await?,
        journal: world
            .store
            .journal_verify(&world.portal_id)
            .await
            .map_err(told)?,
        events_accepted: world
            .doors
            .accepted
            .load(std::sync::atomic::Ordering::Relaxed),
        events_kept: world
            .store
            .inbox_count(&world.portal_id)
            .await
            .map_err(told)?,
        settled,
        late_writes,
        start: world.start,
    };
    let violations = check::all(&evidence);
    count_faults(&world, &evidence);
    let hash = if tells {
        add_requests(&world, &evidence);
        hash(&world, &evidence).await?
    } else {
        String::new()
    };
    let lasted = world.now().duration_since(world.start);
    Ok(Report {
        seed,
        violations,
        story: world.story.lines(),
        counts: world.story.counts(),
        hash,
        lasted: Duration::try_from(lasted).unwrap_or_default(),
    })
}

/// What left on the wire, beside what happened.
fn add_requests(world: &World, evidence: &Evidence<'_>) {
    for seen in &evidence.seen {
        let words = format!(
            "  process {} to {:?}: {}: {:?}",
            seen.process, seen.remote, seen.what, seen.told
        );
        world.story.add(seen.at, words);
    }
}

/// The faults that the remotes played on our requests.
fn count_faults(world: &World, evidence: &Evidence<'_>) {
    use emulator_bitrix24::{Told, What};
    for entry in evidence.portal.entries() {
        match &entry.what {
            What::Request {
                answer: Told::Fault { kind },
                ..
            } => {
                let kind = kind.split([' ', '(', '{']).next().unwrap_or_default();
                world.story.count(&format!("portal: {kind}"), 1);
            }
            What::LimitRefused { code, .. } => world.story.count(&format!("portal: {code}"), 1),
            What::EventDropped { .. } => world.story.count("event lost", 1),
            What::TokenIssued { .. } => world.story.count("token issued", 1),
            _ => {}
        }
    }
    for request in &evidence.accounting.requests {
        if let Some(kind) = request.fault {
            let kind = format!("{kind:?}");
            let kind = kind.split([' ', '(', '{']).next().unwrap_or_default();
            world.story.count(&format!("accounting: {kind}"), 1);
        }
    }
    let bills = evidence.accounting.bills().count();
    world
        .story
        .count("bills", u64::try_from(bills).unwrap_or(0));
    world
        .story
        .count("requests", u64::try_from(evidence.seen.len()).unwrap_or(0));
}

async fn hash(world: &World, evidence: &Evidence<'_>) -> Result<String, String> {
    let mut hash = Sha256::new();
    let mut after_seq = 0;
    loop {
        let filter = JournalFilter {
            subject: None,
            since: None,
            after_seq,
            limit: 1_000,
        };
        let lines = world.store.journal_read(&world.portal_id, &filter).await;
        let lines = lines.map_err(told)?;
        let Some(last) = lines.last() else {
            break;
        };
        after_seq = last.seq;
        for line in &lines {
            let entry = &line.entry;
            if entry.kind != "exchange" {
                let about = entry.subject.as_ref().map(ToString::to_string);
                let words: String = entry.body.to_string().chars().take(600).collect();
                let about = about.unwrap_or_default();
                let words = format!("    journal: {about} {}: {words}", entry.kind);
                world.story.add(entry.at, words);
            }
            hash.update(format!(
                "{} {} {:?} {} {}\n",
                line.seq, line.entry.at, line.entry.subject, line.entry.kind, line.entry.body
            ));
        }
    }
    for entry in evidence.portal.entries() {
        hash.update(serde_json::to_string(entry).map_err(told)?);
    }
    for own in evidence.accounting.organizations.values() {
        hash.update(format!("{:?}", own.changes));
    }
    for (at, words) in world.story.lines() {
        hash.update(format!("{at} {words}\n"));
    }
    let bytes = hash.finalize();
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
