//! One world: the remotes, a database, and one or two processes of the program that work between them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::sync::Mutex;
use xtask::postgres::Postgres;
use xtask::workspace::Workspace;

use crate::disk::SmallDisk;
use crate::office;
use crate::plan::Leg;
use crate::post::Post;
use crate::program::{Called, Program, free_port};
use crate::proxy::Proxy;
use crate::remotes::{EVENT_TOKEN, Remotes};
use crate::witness;

/// A start takes no longer until events can be kept.
pub(crate) const READY_WITHIN: Duration = Duration::from_secs(5);
/// How long a replica holds the portal without renewing its lease.
pub(crate) const LEASE: Duration = Duration::from_millis(1_500);

/// Waits are short, so that a cycle takes seconds; none is shorter than the emulators' own lateness.
const TIMING: &str = "\
sweep_every = \"15s\"
sweep_overlap = \"20s\"
offline_every = \"30s\"
feed_every = \"2s\"
portal_quiet = \"3s\"
accounting_quiet = \"3s\"
write_deadline = \"2s\"
look_up_again = \"500ms\"
absent_looks_apart = \"500ms\"
retry_first = \"300ms\"
look_again_first = \"300ms\"
poll = \"500ms\"
stop_within = \"3s\"
";

/// Everything of one leg.
pub(crate) struct World {
    pub(crate) remotes: Remotes,
    pub(crate) post: Post,
    pub(crate) replicas: Vec<Program>,
    pub(crate) records: Records,
    /// All deals ever moved into the invoice stage.
    pub(crate) deals: Vec<i64>,
    handlers: Vec<String>,
    // Unmounted before its folder is removed.
    disk: Option<SmallDisk>,
    folder: Option<TempDir>,
}

/// Where the program's records lie.
pub(crate) enum Records {
    Sqlite(PathBuf),
    Postgres {
        server: Arc<Mutex<Postgres>>,
        proxy: Arc<Proxy>,
    },
}

impl World {
    pub(crate) async fn begin(leg: Leg, seed: u64, planted: Option<&str>) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("provodka-survive-")
            .tempdir()
            .unwrap();
        let disk = (leg == Leg::SmallDisk).then(|| SmallDisk::mount(&folder.path().join("disk")));
        let (disk, ignores_bound) = match disk {
            Some(Ok(disk)) => (Some(disk), false),
            Some(Err(why)) => {
                eprintln!("no small file system can be mounted ({why}): files are bounded instead");
                (None, true)
            }
            None => (None, false),
        };
        let (records, database) = records(leg, folder.path()).await;
        let count = if leg == Leg::Postgres { 2 } else { 1 };
        let addrs: Vec<_> = (0..count).map(|_| free_port()).collect();
        let handlers: Vec<String> = addrs
            .iter()
            .map(|addr| format!("http://{addr}/webhooks/bitrix24"))
            .collect();
        let post = Post::default();
        let remotes = Remotes::begin(&handlers, post.clone(), seed).await;
        let mut replicas = Vec::new();
        for (place, addr) in addrs.into_iter().enumerate() {
            let config = folder.path().join(format!("replica{place}.toml"));
            let text = format!(
                "development = true\n[database]\nurl = \"{database}\"\n[server]\nlisten = \"{addr}\"\n\
                 [bitrix24]\nmember_id = \"{}\"\n[accounting]\nbase_url = \"{}\"\n\
                 [timing]\nlease = \"{}ms\"\n{TIMING}\
                 [limits]\nbitrix24_burst = 200\nbitrix24_per_minute = 1800\n",
                remotes.credentials.member_id,
                remotes.kontur_url,
                LEASE.as_millis(),
            );
            std::fs::write(&config, text).unwrap();
            let called = Called {
                config,
                secrets: secrets(&remotes),
                // On the small disk where there is one: a log that cannot be written must stop nothing.
                log: match &records {
                    Records::Sqlite(file) => file.with_extension("log"),
                    Records::Postgres { .. } => folder.path().join(format!("replica{place}.log")),
                },
                planted: planted.map(str::to_owned),
                ignores_bound,
            };
            replicas.push(Program::new(called, addr));
        }
        let mut world = Self {
            remotes,
            post,
            replicas,
            records,
            deals: Vec::new(),
            handlers,
            disk,
            folder: Some(folder),
        };
        world.set_up().await;
        world
    }

    /// As an administrator does it: `setup --active`, then `serve`.
    async fn set_up(&mut self) {
        let administrator = office::ADMINISTRATOR.to_string();
        let arguments = [
            "setup",
            "--active",
            "--settle-seconds",
            "0",
            "--at-any-hour",
            "--administrator",
            &administrator,
        ];
        let mut setting_up = self.replicas[0].called().command(&arguments);
        let status = tokio::task::spawn_blocking(move || setting_up.status()).await;
        assert!(status.unwrap().unwrap().success(), "{}", self.evidence());
        // Dozens of deals a minute are no flood here.
        let called = self.replicas[0].called().clone();
        let applied = tokio::task::spawn_blocking(move || ask_about_no_flood(&called)).await;
        assert!(applied.unwrap(), "{}", self.evidence());
        for replica in &mut self.replicas {
            replica.start();
            let ready = replica.until_ready(Instant::now(), READY_WITHIN).await;
            assert!(ready.is_some(), "{}", replica.called().last_words());
        }
        // The portal's history knows whole seconds; what is there when we begin is never touched.
        emulator_harness::wait(Duration::from_millis(1_200)).await;
    }

    /// The addresses that the events go to.
    pub(crate) fn handlers(&self) -> Vec<String> {
        self.handlers.clone()
    }

    /// From now on only `spare` more bytes fit.
    pub(crate) fn take_space(&mut self, spare: u64) {
        if let Some(disk) = &self.disk {
            disk.fill(spare);
            return;
        }
        let Records::Sqlite(file) = &self.records else {
            return;
        };
        let ahead = file.with_extension("db-wal");
        let size = std::fs::metadata(ahead).map_or(0, |about| about.len());
        self.bound_files(Some(size + spare));
    }

    /// All of it fits again.
    pub(crate) fn give_space(&mut self) {
        match &self.disk {
            Some(disk) => disk.free(),
            None => self.bound_files(None),
        }
    }

    fn bound_files(&mut self, bytes: Option<u64>) {
        for replica in &mut self.replicas {
            replica.bound_files(bytes);
        }
    }

    /// What helps to understand a violation; keeps the folder.
    pub(crate) fn evidence(&mut self) -> String {
        let mut told = String::new();
        for replica in &self.replicas {
            let called = replica.called();
            let words = called.last_words();
            writeln!(told, "-- {} ends with:\n{words}", called.log.display()).unwrap();
        }
        if let Some(folder) = self.folder.take() {
            if self.disk.is_some() {
                // The small file system goes away with us.
                let (from, to) = (folder.path().join("disk"), folder.path().join("kept"));
                let copied = Command::new("cp").arg("-a").args([from, to]).status();
                writeln!(told, "-- the small file system is copied: {copied:?}").unwrap();
            }
            writeln!(told, "-- kept: {}", folder.keep().display()).unwrap();
        }
        told
    }

    /// Stops gracefully; what must hold of the records as a whole.
    pub(crate) async fn end(&mut self) -> Vec<String> {
        let mut violations = Vec::new();
        for replica in &mut self.replicas {
            replica.signal("TERM");
        }
        let began = Instant::now();
        while self
            .replicas
            .iter_mut()
            .any(|one| one.ended().is_none() && one.is_running())
        {
            if began.elapsed() > Duration::from_secs(15) {
                violations.push("SIGTERM did not end it within 15 s".to_owned());
                break;
            }
            emulator_harness::wait(Duration::from_millis(20)).await;
        }
        for replica in &mut self.replicas {
            replica.kill();
        }
        let mut verify = self.replicas[0].called().command(&["journal", "--verify"]);
        let verified = tokio::task::spawn_blocking(move || verify.status()).await;
        if !verified.unwrap().unwrap().success() {
            violations.push("`journal --verify` found the journal changed".to_owned());
        }
        violations.extend(witness::of_records(self).await);
        let refused = self.remotes.portal.truth().limit_refusals();
        if refused > 0 {
            violations.push(format!("the portal's limits refused {refused} calls"));
        }
        violations
    }
}

/// Makes the database; gives it with the address that the program gets.
async fn records(leg: Leg, folder: &Path) -> (Records, String) {
    if leg != Leg::Postgres {
        let folder = if leg == Leg::SmallDisk {
            folder.join("disk")
        } else {
            folder.to_owned()
        };
        let file = folder.join("provodka.db");
        let url = format!("sqlite:{}", file.display());
        return (Records::Sqlite(file), url);
    }
    let started = tokio::task::spawn_blocking(|| Postgres::start(&Workspace::find()?)).await;
    let server = started.unwrap().unwrap_or_else(|error| panic!("{error:#}"));
    let address = server.url().rsplit('@').next().unwrap();
    let (addr, name) = address.split_once('/').unwrap();
    let proxy = Arc::new(Proxy::before(addr.parse().unwrap()).await);
    let url = format!("postgres://provodka@{}/{name}", proxy.addr());
    let server = Arc::new(Mutex::new(server));
    (Records::Postgres { server, proxy }, url)
}

fn secrets(remotes: &Remotes) -> BTreeMap<String, String> {
    let key = remotes.kontur.credentials(&remotes.kontur_url).api_key;
    [
        ("PROVODKA_ACCOUNTING_API_KEY", key),
        (
            "PROVODKA_BITRIX24_WEBHOOK_URL",
            remotes.credentials.webhook_url.clone(),
        ),
        (
            "PROVODKA_BITRIX24_APPLICATION_TOKEN",
            EVENT_TOKEN.to_owned(),
        ),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

/// Puts a policy in force that holds no invoices, however many come; whether that was done.
fn ask_about_no_flood(called: &Called) -> bool {
    let mut exporting = called.command(&["policy", "export"]);
    let exported = exporting.stdout(Stdio::piped()).output().unwrap();
    let text = String::from_utf8(exported.stdout).unwrap();
    let file = called.config.with_file_name("policy.toml");
    std::fs::write(&file, text.replace("ask_above = 20", "ask_above = 0")).unwrap();
    let file = file.to_str().unwrap();
    let applied = called.command(&["policy", "apply", file]).status();
    exported.status.success() && applied.unwrap().success()
}
