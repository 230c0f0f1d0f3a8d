//! A bank statement of 100,000 documents read and booked: SQLite on disk, against as many open invoices of 5,000 buyers.
//!
//! It is the import itself, as the command and the pages do it (`desk`), with its progress; its payments are worded in
//! the twelve ways of `matching`. What is booked, asked and put aside is known beforehand, and anything else fails the
//! measurement. Commits and statements of the store are counted, so that a machine that is busy tells something too.
#![allow(
    clippy::disallowed_methods,
    reason = "the time that the machine needs is what is measured"
)]

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use desk::Desk;
use desk::policy::read;
use desk::statement::{Mode, Summary, know};
use domain::{
    ContractorId, DealId, Inn, InvoiceId, Money, OrganisationId, PortalId, Slot, SlotKind,
};
use engine::{Clock as _, SteadyClock};
use planner::Policy;
use serde_json::json;
use store::{InvoiceLink, Lane, Look, Mode as PortalMode, Portal, Ran, Record, Store, Subject};

use crate::machine::{forget_most_memory, memory_mb, most_memory_mb, processor_time};
use crate::matching::{balance, day, inn, number, payment};
use crate::statement::{OWN, Paid, write_orders};

/// Documents of the statement.
pub const DOCUMENTS: usize = 100_000;
/// Invoices of one buyer.
const OF_ONE_BUYER: usize = 20;
/// Invoices that are written in one commit before it is measured.
const PORTION: usize = 5_000;

/// What it took and came to.
#[derive(Clone, Debug)]
pub struct Took {
    /// By the clock: reading it for its hash, then counting, matching and booking.
    pub time: Duration,
    /// Processor time of all threads.
    pub cpu: Duration,
    /// What the store ran.
    pub ran: Ran,
    /// Megabytes before the file is opened, and at the most.
    pub memory_mb: (f64, f64),
    /// Payments given to invoices.
    pub booked: i64,
    /// Payments that people are asked about.
    pub asked: i64,
    /// Payments that are no buyer's.
    pub aside: i64,
    /// How often it was told how far it is.
    pub told: usize,
}

/// Measures in this process and tells it in a line of a table.
///
/// # Errors
/// Where something is booked, asked or told otherwise than it should be.
pub fn one(documents: usize) -> Result<String, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(told)?;
    let folder = tempfile::tempdir().map_err(told)?;
    let took = runtime.block_on(measure(folder.path(), documents, |read| {
        eprintln!("{read} of {documents}");
    }))?;
    let (before, most) = took.memory_mb;
    Ok(format!(
        "| {documents} | {:.2} | {:.2} | {} | {} | {before:.1} | {most:.1} |",
        took.time.as_secs_f64(),
        took.cpu.as_secs_f64(),
        took.ran.commits,
        took.ran.statements,
    ))
}

/// Measures a statement and one of half its size, each in a process of its own: the memory of both tells whether it
/// depends on the size.
///
/// # Errors
/// As [`one`].
pub fn all(progress: impl Fn(&str)) -> Result<String, String> {
    let program = std::env::current_exe().map_err(told)?;
    let mut table =
        "| documents | s | processor s | commits | statements | MB before | most MB |\n\
                     |--:|--:|--:|--:|--:|--:|--:|"
            .to_owned();
    for size in [DOCUMENTS / 2, DOCUMENTS] {
        progress(&format!("{size} documents"));
        let run = Command::new(&program)
            .args(["booking-of", &size.to_string()])
            .stderr(std::process::Stdio::inherit())
            .output()
            .map_err(told)?;
        if !run.status.success() {
            return Err(format!(
                "{size} documents were not booked as they should be"
            ));
        }
        table.push('\n');
        table.push_str(String::from_utf8_lossy(&run.stdout).trim());
    }
    Ok(table)
}

/// Books a statement of so many documents against as many open invoices, in `folder`.
///
/// # Errors
/// As [`one`].
pub async fn measure(
    folder: &Path,
    documents: usize,
    progress: impl Fn(usize) + Send + Sync,
) -> Result<Took, String> {
    let office = Office::open(folder, documents).await?;
    let file = folder.join("kl_to_1c.txt");
    write(&file, documents, &office.buyers).map_err(told)?;
    let own = std::process::id();
    forget_most_memory()?;
    let (before, cpu, ran) = (memory_mb(own)?, processor_time(own)?, office.ran());
    let told_times = std::sync::atomic::AtomicUsize::new(0);
    let began = Instant::now();
    let known = know(&file).map_err(told)?;
    let hear = |summary: &Summary| {
        told_times.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        progress(summary.read);
    };
    let import = office
        .desk
        .import(&office.policy, &file, &known, Mode::Book, &hear);
    let summary = import.await.map_err(told)?;
    let time = began.elapsed();
    let became = |word| summary.became.get(word).map_or(0, |one| one.payments);
    let took = Took {
        time,
        cpu: processor_time(own)?.saturating_sub(cpu),
        ran: office.ran().since(ran),
        memory_mb: (before, most_memory_mb(own)?),
        booked: became("booked"),
        asked: became("asked"),
        aside: became("aside"),
        told: told_times.into_inner(),
    };
    let certain = (0..documents)
        .filter(|place| payment(*place, office.buyers.len(), documents).may_be_booked)
        .count();
    let decided = took.booked + took.asked + took.aside;
    let all = (summary.read, summary.new, decided);
    if all != (documents, documents, count(documents)) || took.booked != count(certain) {
        return Err(format!("{certain} of {documents} are certain: {summary:?}"));
    }
    Ok(took)
}

/// An office with open invoices and a policy that books.
struct Office {
    desk: Desk,
    policy: Policy,
    buyers: Vec<Inn>,
}

impl Office {
    async fn open(folder: &Path, invoices: usize) -> Result<Self, String> {
        let store = Store::open_file(&folder.join("provodka.db")).map_err(told)?;
        let clock = Arc::new(SteadyClock::of_this_machine());
        let (portal, now) = (PortalId::new("measured"), clock.now());
        let row = Portal {
            id: portal.clone(),
            host: "portal.bitrix24.test".to_owned(),
            mode: PortalMode::Active,
            paused: false,
            detail: json!({}),
            created_at: now,
            updated_at: now,
        };
        store.portal_put(&row).await.map_err(told)?;
        let text = include_str!("../../config/policy.toml").replace(SHIPPED_ACCOUNT, OWN);
        let body = json!({"toml": text});
        let added = store.policy_add(&portal, 0, &body, "bench", now);
        added.await.map_err(told)?;
        let stored = store.policy_current(&portal).await.map_err(told)?;
        let policy = read(&stored.ok_or("no policy")?).map_err(told)?;
        let organisation = policy.organisations.first().ok_or("no organisation")?;
        let buyers: Vec<Inn> = (0..invoices.div_ceil(OF_ONE_BUYER)).map(inn).collect();
        let office = Self {
            buyers,
            desk: Desk {
                store,
                portal,
                clock,
                accountant_gives: false,
            },
            policy: policy.clone(),
        };
        office.issue(&organisation.id, invoices).await?;
        Ok(office)
    }

    /// As a deal's look records its invoice.
    async fn issue(&self, organisation: &OrganisationId, invoices: usize) -> Result<(), String> {
        let (store, portal, now) = (&self.desk.store, &self.desk.portal, self.desk.clock.now());
        let look = Look {
            subject: Subject::deal(DealId(1)),
            lane: Lane::Due,
            due_at: now,
            reason: "bench".to_owned(),
        };
        store.look(portal, &[look]).await.map_err(told)?;
        let lease = store.lease_acquire("bench", Duration::from_secs(3_600), now);
        let lease = lease.await.map_err(told)?.ok_or("no lease")?;
        for from in (0..invoices).step_by(PORTION) {
            let portion = from..(from + PORTION).min(invoices);
            let invoice_links = portion.map(|place| self.link(organisation, place, now));
            let record = Record {
                invoice_links: invoice_links.collect(),
                ..Record::default()
            };
            store.record(&lease, record, now).await.map_err(told)?;
        }
        Ok(())
    }

    fn link(
        &self,
        organisation: &OrganisationId,
        place: usize,
        now: jiff::Timestamp,
    ) -> InvoiceLink {
        let buyer = self.buyers.get(place % self.buyers.len());
        InvoiceLink {
            deal: DealId(u64::try_from(place).unwrap_or(0) + 1),
            slot: Slot {
                kind: SlotKind::Whole,
                generation: 1,
            },
            organisation: organisation.clone(),
            invoice: InvoiceId::new(format!("bill-{place}")),
            contractor: ContractorId::new("buyer"),
            number: number(place),
            date: day(place),
            total: balance(place),
            revision: "1".to_owned(),
            status: "issued".to_owned(),
            live: true,
            draft: json!({"draft": {"buyer": {"key": {"inn": buyer.map(Inn::as_str)}}}}),
            updated_at: now,
        }
    }

    fn ran(&self) -> Ran {
        self.desk.store.faults().ran()
    }
}

/// The account that the shipped policy names.
const SHIPPED_ACCOUNT: &str = "40702810900000012345";

/// Writes the statement that pays the invoices.
fn write(file: &Path, documents: usize, buyers: &[Inn]) -> std::io::Result<()> {
    let made = |place: usize| payment(place, buyers.len(), documents);
    let came = (0..documents).map(|place| made(place).amount.kopecks());
    let came = Money::from_kopecks(came.sum());
    let orders = (0..documents).map(|place| {
        let paid = made(place);
        Paid {
            payer: paid.payer,
            inn: buyers
                .get(paid.payer)
                .map(ToString::to_string)
                .unwrap_or_default(),
            amount: paid.amount,
            purpose: paid.purpose,
        }
    });
    write_orders(file, came, orders).map(drop)
}

fn count(of: usize) -> i64 {
    i64::try_from(of).unwrap_or(i64::MAX)
}

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}
