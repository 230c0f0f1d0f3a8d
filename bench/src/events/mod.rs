//! Events over HTTP: how many are on disk before they are answered, beside a handler that only answers.
//!
//! Each server is a process of its own, so that its memory and its processor time are its own; the events come from
//! this one over loopback. In the end the server is killed and its database counted.
#![allow(
    clippy::disallowed_methods,
    reason = "it measures by the machine's clock"
)]

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use domain::PortalId;
use store::Store;

use self::load::Heard;
use self::server::Kind;
use crate::machine::{median, most_memory_mb, percentile, processor_time};

pub mod load;
pub mod server;

/// The portal.
pub(crate) const MEMBER: &str = "a223c6b3710f85df22e9377d6c4f7553";
/// What its events prove themselves by.
pub(crate) const TOKEN: &str = "51856fefc120afa4b628cc82d3935cce";

/// How much of it.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Events a second in the open loop.
    pub rate: u64,
    /// Seconds of the open loop.
    pub seconds: u64,
    /// Callers of the closed loop, and connections of the open one.
    pub callers: u64,
    /// Length of one round of the closed loop.
    pub round: Duration,
    /// Rounds, each with the bare handler beside the product.
    pub rounds: usize,
}

impl Size {
    /// The goal's.
    pub const GOAL: Self = Self {
        rate: 3_000,
        seconds: 10,
        callers: 200,
        round: Duration::from_secs(4),
        rounds: 5,
    };
}

/// The open loop against one server.
#[derive(Debug)]
pub struct Open {
    /// What the events were answered.
    pub heard: Heard,
    /// Found on disk after the server was killed.
    pub on_disk: u64,
    /// Microseconds of the server's processor time for each event.
    pub cpu_us: f64,
    /// The most memory of the server.
    pub most_mb: f64,
}

/// The closed loop against one server, medians over its rounds.
#[derive(Clone, Copy, Debug)]
pub struct Closed {
    /// Events a second.
    pub rate: f64,
    /// Of the bare handler's in the same round.
    pub ratio: f64,
    /// Microseconds of the server's processor time for each event.
    pub cpu_us: f64,
    /// The slowest hundredth.
    pub p99_ms: f64,
    /// The most memory of the server over all rounds.
    pub most_mb: f64,
    /// Answers other than 200.
    pub failed: usize,
    /// Answered with 200 and not on disk.
    pub lost: i64,
}

/// The open loop.
///
/// # Errors
/// Where the server does not begin.
pub fn open(kind: Kind, size: Size) -> Result<Open, String> {
    let folder = folder()?;
    let server = Server::start(kind, folder.path())?;
    let before = server.processor_time()?;
    let count = size.rate * size.seconds;
    let heard = runtime()?.block_on(load::open_loop(server.addr, size.rate, count, size.callers));
    let cpu = server.processor_time()?.saturating_sub(before);
    let most_mb = most_memory_mb(server.child.id())?;
    server.kill();
    let on_disk = if kind == Kind::Bare {
        0
    } else {
        on_disk(folder.path())?
    };
    let cpu_us = micros_each(cpu, heard.waits.len());
    Ok(Open {
        heard,
        on_disk,
        cpu_us,
        most_mb,
    })
}

/// The closed loop: in each round all kinds by turns, the bare one first.
///
/// # Errors
/// Where a server does not begin.
pub fn closed(size: Size, progress: impl Fn(&str)) -> Result<Vec<(Kind, Closed)>, String> {
    let folders = Kind::ALL
        .iter()
        .map(|_| folder())
        .collect::<Result<Vec<_>, _>>()?;
    let mut servers = Vec::new();
    for ((_, kind), folder) in Kind::ALL.into_iter().zip(&folders) {
        servers.push((
            kind,
            folder,
            Server::start(kind, folder.path())?,
            Vec::new(),
        ));
    }
    let runtime = runtime()?;
    for round in 0..size.rounds {
        let mut bare = 0.0;
        for (kind, _, server, rounds) in &mut servers {
            let before = server.processor_time()?;
            let heard = runtime.block_on(load::closed_loop(server.addr, size.callers, size.round));
            let cpu = server.processor_time()?.saturating_sub(before);
            let rate = heard.rate();
            if *kind == Kind::Bare {
                bare = rate;
            }
            progress(&format!(
                "round {} of {}, {}: {rate:.0} events/s",
                round + 1,
                size.rounds,
                kind.word()
            ));
            rounds.push(Round {
                rate,
                ratio: rate / bare.max(1.0),
                cpu_us: micros_each(cpu, heard.waits.len()),
                p99_ms: ms(percentile(&heard.waits, 99.0)),
                taken: heard.waits.len(),
                failed: heard.failed,
            });
        }
    }
    let mut seen = Vec::new();
    for (kind, folder, server, rounds) in servers {
        let most_mb = most_memory_mb(server.child.id())?;
        server.kill();
        let taken: usize = rounds.iter().map(|round| round.taken).sum();
        let kept = if kind == Kind::Bare {
            taken as u64
        } else {
            on_disk(folder.path())?
        };
        let middle =
            |value: fn(&Round) -> f64| -> f64 { median(rounds.iter().map(value).collect()) };
        seen.push((
            kind,
            Closed {
                rate: middle(|round| round.rate),
                ratio: middle(|round| round.ratio),
                cpu_us: middle(|round| round.cpu_us),
                p99_ms: middle(|round| round.p99_ms),
                most_mb,
                failed: rounds.iter().map(|round| round.failed).sum(),
                lost: i64::try_from(taken).unwrap_or(i64::MAX)
                    - i64::try_from(kept).unwrap_or(i64::MAX),
            },
        ));
    }
    Ok(seen)
}

struct Round {
    rate: f64,
    ratio: f64,
    cpu_us: f64,
    p99_ms: f64,
    taken: usize,
    failed: usize,
}

/// What of it is on disk, as the next start would find it.
fn on_disk(folder: &Path) -> Result<u64, String> {
    let store = Store::open_file(&server::database(folder)).map_err(|error| error.to_string())?;
    let counting = async move { store.inbox_count(&PortalId::new(MEMBER)).await };
    let counted = runtime()?.block_on(counting);
    counted.map_err(|error| error.to_string())
}

/// Beside the build, on a disk: a folder for temporary files may be memory.
pub(crate) fn folder() -> Result<tempfile::TempDir, String> {
    let beside = std::env::current_exe().map_err(|error| error.to_string())?;
    let beside = beside.parent().ok_or("no folder")?;
    let made = tempfile::Builder::new()
        .prefix("bench-events-")
        .tempdir_in(beside);
    made.map_err(|error| error.to_string())
}

fn runtime() -> Result<tokio::runtime::Runtime, String> {
    let built = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    built.map_err(|error| error.to_string())
}

fn micros_each(time: Duration, count: usize) -> f64 {
    time.as_secs_f64() * 1e6 / (count.max(1) as f64)
}

/// Milliseconds with their parts.
pub fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// A server's process; it ends with this.
struct Server {
    child: Child,
    addr: SocketAddr,
}

impl Server {
    fn start(kind: Kind, folder: &Path) -> Result<Self, String> {
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut child = Command::new(program)
            .args(["events-server", kind.word()])
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| error.to_string())?;
        let out = child.stdout.take().ok_or("no output")?;
        let mut line = String::new();
        let read = BufReader::new(out).read_line(&mut line);
        read.map_err(|error| error.to_string())?;
        let addr = line.trim().parse();
        match addr {
            Ok(addr) => Ok(Self { child, addr }),
            Err(_) => Err(format!("the server said `{}`", line.trim())),
        }
    }

    fn processor_time(&self) -> Result<Duration, String> {
        processor_time(self.child.id())
    }

    /// From one moment to the next, as the kernel kills.
    fn kill(mut self) {
        let _killed = self.child.kill().is_ok();
        let _waited = self.child.wait().is_ok();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _killed = self.child.kill().is_ok();
        let _waited = self.child.wait().is_ok();
    }
}
