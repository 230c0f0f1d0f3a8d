//! One seed from beginning to end, and what came of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use documents::{Layout, Renderer};
use domain::{DealId, PortalId};
use jiff::Timestamp;
use planted::Bug;
use sha2::{Digest as _, Sha256};
use store::{CalledOrder, ListedPayment, PaymentFilter, Subject};

use crate::check::{self, Evidence, TWIN};
use crate::days::world::{Scene, World, told};
use crate::evidence::logs::Logs;
use crate::evidence::mirror::mirrored;
use crate::evidence::records::Inbox;
use crate::habits::editors::CHANGED;
use crate::machine::doors::Call;
use crate::offices::neighbour::{self, Belongings};
use crate::offices::office;
use crate::people::adopter::Adopter;
use crate::people::cashier::Cashier;
use crate::troubles::death::{self, POINTS};
use crate::troubles::hints::Hinter;
use crate::troubles::installations::TAKEN;

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
            renderer: Arc::new(Renderer::new(Layout::default()).on_the_spot()),
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
        self.live(seed, Scene::of(seed), false)
    }

    /// The same with its whole story and its hash.
    pub fn tell(&self, seed: u64) -> Report {
        self.live(seed, Scene::of(seed), true)
    }

    /// A seed's short day on which up to so many processes die at one of the [`named_points`].
    pub fn run_at(&self, seed: u64, point: &str, deaths: u64) -> Option<Report> {
        let point = POINTS.iter().find(|known| known.name == point)?;
        Some(self.live(seed, Scene::at_point(*point, deaths), false))
    }

    /// Two weeks of late payers; what of the reminders was wrong.
    ///
    /// # Errors
    /// Where the world could not be lived in.
    pub fn fortnight(&self, seed: u64) -> Result<Vec<String>, String> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build();
        let renderer = Arc::clone(&self.renderer);
        runtime.map_err(told)?.block_on(async move {
            let mut world = World::begin(seed, Scene::of_fortnight(), renderer).await?;
            let wrong = world.fortnight().await?;
            let story = world.story.lines().into_iter();
            let story = story.map(|(at, words)| format!("{at} {words}"));
            Ok(if wrong.is_empty() {
                wrong
            } else {
                wrong.into_iter().chain(story).collect()
            })
        })
    }

    fn live(&self, seed: u64, scene: Scene, tells: bool) -> Report {
        #[cfg(feature = "hunt")]
        let _planted = planted::plant(self.planted);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build();
        let logs = Logs::default();
        let _listening = logs.listen();
        let lived = match runtime {
            Ok(runtime) => {
                runtime.block_on(live(seed, scene, tells, Arc::clone(&self.renderer), &logs))
            }
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

async fn live(
    seed: u64,
    scene: Scene,
    tells: bool,
    renderer: Arc<Renderer>,
    logs: &Logs,
) -> Result<Report, String> {
    let mut world = World::begin(seed, scene, renderer).await?;
    world.live().await?;
    let settled = world.settle().await?;
    let late_writes = world.idle_hour().await;
    world.ask_at_rest().await?;
    world.watch.read_anew()?;
    world.observe()?;
    let mut violations = world.watch.wrong();
    violations.extend(at_rest(settled, late_writes));
    let mut hash = Sha256::new();
    count_spoilt(&world);
    let neighbour = neighbour::belongings(&world.store).await?;
    let secrets = world.watch.credentials();
    violations.extend(check::in_logs(&logs.lines(), &secrets, &inns(&world)));
    world.last_exports().await?;
    for tenant in &mut world.tenants {
        tenant.recall();
        tenant.recall_orders();
    }
    for place in 0..world.tenants.len() {
        let evidence = evidence(&world, place, neighbour.clone(), &secrets).await?;
        violations.extend(check::all(&evidence));
        violations.extend(world.watch.appended_only(place, &evidence.journal));
        count_faults(&world, &evidence);
        if tells {
            add_requests(&world, &evidence);
            add_hash(&world, &evidence, &mut hash)?;
        }
    }
    for (at, words) in world.story.lines() {
        hash.update(format!("{at} {words}\n"));
    }
    let bytes = hash.finalize();
    let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
    let lasted = world.now().duration_since(world.start);
    Ok(Report {
        seed,
        violations,
        story: world.story.lines(),
        counts: world.story.counts(),
        hash: if tells {
            digits.collect()
        } else {
            String::new()
        },
        lasted: Duration::try_from(lasted).unwrap_or_default(),
    })
}

/// What must hold once nobody does anything any more.
fn at_rest(settled: bool, late_writes: usize) -> Vec<String> {
    let mut wrong = Vec::new();
    if !settled {
        wrong.push("[I-4] it never became quiet".to_owned());
    }
    if late_writes > 0 {
        wrong.push(format!(
            "[I-17] {late_writes} writes in an hour in which nobody did anything"
        ));
    }
    wrong
}

/// The numbers of all buyers.
fn inns(world: &World) -> Vec<String> {
    let buyers = world.tenants.iter().flat_map(|tenant| {
        let office = &tenant.office;
        office.buyers.keys().chain(office.branched.keys())
    });
    let varied = world.tenants.iter();
    let varied = varied.flat_map(|tenant| tenant.office.varied.inns());
    let buyers = buyers.map(|number| office::inn(*number));
    buyers.chain(varied).collect()
}

async fn evidence<'a>(
    world: &'a World,
    place: usize,
    neighbour: Belongings,
    secrets: &'a [String],
) -> Result<Evidence<'a>, String> {
    let tenant = world.tenants.get(place).ok_or("no such tenant")?;
    let seen = world.ground.network.seen_for(place);
    let deals = tenant.office.deals.keys();
    let subjects: Vec<Subject> = deals
        .filter_map(|id| u64::try_from(*id).ok())
        .map(|id| Subject::deal(DealId(id)))
        .collect();
    let known = world.store.known(&tenant.id, &subjects).await;
    let calls = tenant.doors.calls();
    let books = world.books(place).await?;
    let figures = world.store.stats(&tenant.id, world.now()).await;
    let mut payments = payments(world, &tenant.id).await?;
    let mut ledger = world.records.ledger(&tenant.id)?;
    let accounting = match &books {
        Some(books) => {
            let mirror = mirrored(&tenant.office, &books.bills)?;
            mirror.rename(&mut payments, &mut ledger);
            mirror.truth
        }
        None => tenant.office.accounting.truth(),
    };
    Ok(Evidence {
        weather: &world.weather,
        place,
        office: &tenant.office,
        portal: tenant.office.portal.truth(),
        accounting,
        seen,
        leaving: world.ground.network.witness.seen(place)?,
        neighbour: (world.neighbour.clone(), neighbour),
        given_up: &tenant.given_up,
        cases: world.open_cases(place).await?,
        known: known.map_err(told)?,
        journal: world.records.journal(&tenant.id)?,
        asked_of_changes: world.records.asked(&tenant.id, CHANGED)?,
        asked_of_twins: world.records.asked(&tenant.id, TWIN)?,
        asked_of_taking: world.records.asked(&tenant.id, TAKEN)?,
        events: world.records.inbox(&tenant.id, Inbox::default())?.events,
        effects: world.records.effects(&tenant.id)?,
        figures: serde_json::to_string(&figures.map_err(told)?).map_err(told)?,
        secrets,
        orders: &tenant.bank.orders,
        payments,
        by_person: &tenant.bank.by_person,
        clerk: &tenant.clerk,
        closer: tenant.closer.as_ref(),
        said: tenant
            .cashier
            .as_ref()
            .map(Cashier::said)
            .unwrap_or_default(),
        ledger,
        start: world.start,
        waiting: waiting(world, &tenant.id, &calls).await?,
        calls,
        hints: tenant
            .hinter
            .as_ref()
            .map(Hinter::answered)
            .unwrap_or_default(),
        jumps: world.host.jumps(),
        forgettings: world.ground.strikes.forgettings(),
        retried: &tenant.retried,
        adopted: tenant
            .adopter
            .as_ref()
            .map(Adopter::taken)
            .unwrap_or_default(),
        register: tenant.register.as_ref().zip(books),
        parked: &tenant.parked,
        watched_until: tenant.watched_until,
        restored: world.restored,
        dry_runs: &tenant.dry_runs,
        sealed: &tenant.sealed,
        intrusions: &tenant.intrusions,
    })
}

/// The called orders that are not used up.
async fn waiting(
    world: &World,
    portal: &PortalId,
    calls: &[Call],
) -> Result<Vec<CalledOrder>, String> {
    let deals: BTreeSet<u64> = calls
        .iter()
        .filter_map(|call| u64::try_from(call.deal).ok())
        .collect();
    let subjects = deals.into_iter().map(|id| Subject::deal(DealId(id)));
    let subjects: Vec<Subject> = subjects.collect();
    let known = world.store.known(portal, &subjects).await;
    Ok(known.map_err(told)?.orders)
}

pub(crate) async fn payments(
    world: &World,
    portal: &PortalId,
) -> Result<Vec<ListedPayment>, String> {
    let mut all: Vec<ListedPayment> = Vec::new();
    loop {
        let filter = PaymentFilter {
            after: all.last().map_or(0, |payment| payment.number),
            ..PaymentFilter::default()
        };
        let payments = world.store.money_list(portal, &filter).await;
        let payments = payments.map_err(told)?;
        if payments.is_empty() {
            return Ok(all);
        }
        all.extend(payments);
    }
}

/// The points at which a process may die, by name.
pub fn named_points() -> Vec<&'static str> {
    POINTS.iter().map(|point| point.name).collect()
}

/// The names under which points of death and spoilt answers are counted.
pub fn named_faults() -> Vec<String> {
    let points = death::named().map(|point| format!("died: {}", point.name));
    let answers = crate::troubles::spoil::ALL.iter();
    points
        .chain(answers.map(|how| format!("answer: {how:?}")))
        .collect()
}

fn count_spoilt(world: &World) {
    for mark in world.weather.marks() {
        world.story.count(mark, 1);
    }
    for (how, count) in world.ground.network.spoils().counts() {
        world.story.count(&format!("answer: {how:?}"), *count);
    }
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
    for (kind, count) in [
        ("bills", evidence.accounting.bills().count()),
        ("bill beside one by hand", check::doubled(evidence)),
        ("requests", evidence.seen.len()),
    ] {
        let count = u64::try_from(count).unwrap_or(0);
        world.story.count(kind, count);
    }
}

/// Our journal and both remotes' histories; what we decided joins the story.
fn add_hash(world: &World, evidence: &Evidence<'_>, hash: &mut Sha256) -> Result<(), String> {
    for line in &evidence.journal.lines {
        if line.kind != "exchange" {
            let words: String = line.text.chars().take(600).collect();
            let about = line.subject.as_deref().unwrap_or_default();
            let words = format!("    journal: {about} {}: {words}", line.kind);
            world.story.add(line.at, words);
        }
        hash.update(format!(
            "{} {} {:?} {} {}\n",
            line.seq, line.at, line.subject, line.kind, line.text
        ));
    }
    for entry in evidence.portal.entries() {
        hash.update(serde_json::to_string(entry).map_err(told)?);
    }
    for own in evidence.accounting.organizations.values() {
        hash.update(format!("{:?}", own.changes));
    }
    Ok(())
}
