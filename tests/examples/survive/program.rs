//! One process of the real program: started, killed, frozen, and asked whether it is ready.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How often readiness is asked.
const BETWEEN: Duration = Duration::from_millis(5);

/// How the program is called.
#[derive(Clone)]
pub(crate) struct Called {
    pub(crate) config: PathBuf,
    pub(crate) secrets: BTreeMap<String, String>,
    pub(crate) log: PathBuf,
    /// The bug that is left in it.
    pub(crate) planted: Option<String>,
    /// SIGXFSZ is ignored, so that a write beyond the bound of files is an error like that of a full disk.
    pub(crate) ignores_bound: bool,
}

impl Called {
    /// A command of the program; its words go to the log.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let log = OpenOptions::new().create(true).append(true).open(&self.log);
        let mut command = if self.ignores_bound {
            let mut shell = Command::new("sh");
            shell.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]);
            shell.arg(executable());
            shell
        } else {
            Command::new(executable())
        };
        command
            .arg("--config")
            .arg(&self.config)
            .args(self.planted.iter().flat_map(|bug| ["--planted", bug]))
            .args(arguments)
            .env_clear()
            .envs(&self.secrets)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log.unwrap());
        command
    }

    /// The last words of the log.
    pub(crate) fn last_words(&self) -> String {
        let Ok(mut file) = std::fs::File::open(&self.log) else {
            return String::new();
        };
        let length = file.metadata().map_or(0, |about| about.len());
        drop(file.seek(SeekFrom::Start(length.saturating_sub(4_000))));
        let mut bytes = Vec::new();
        drop(file.read_to_end(&mut bytes));
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// The program lies where this one was built, one folder up from the examples.
fn executable() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let folder = own.parent().and_then(Path::parent).unwrap();
    folder.join("provodka")
}

/// One replica.
pub(crate) struct Program {
    called: Called,
    addr: SocketAddr,
    child: Option<Child>,
    started: Instant,
    /// No file may become longer.
    bound: Option<u64>,
}

impl Program {
    pub(crate) fn new(called: Called, addr: SocketAddr) -> Self {
        Self {
            called,
            addr,
            child: None,
            started: Instant::now(),
            bound: None,
        }
    }

    pub(crate) fn called(&self) -> &Called {
        &self.called
    }

    pub(crate) fn start(&mut self) {
        self.started = Instant::now();
        self.child = Some(self.called.command(&["serve"]).spawn().unwrap());
        self.bound_files(self.bound);
    }

    /// Bounds the length of the files that it writes, also after the next start; none lifts the bound.
    pub(crate) fn bound_files(&mut self, bytes: Option<u64>) {
        if bytes.is_none() && self.bound.is_none() {
            return;
        }
        self.bound = bytes;
        if let Some(child) = &self.child {
            let soft = bytes.map_or_else(|| "unlimited".to_owned(), |bytes| bytes.to_string());
            let bound = Command::new("prlimit")
                .args([
                    "--pid",
                    &child.id().to_string(),
                    &format!("--fsize={soft}:unlimited"),
                ])
                .status();
            assert!(bound.unwrap().success(), "prlimit");
        }
    }

    /// SIGKILL; returns once the process is gone.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        // On a full disk the mark is missing.
        if let Ok(mut log) = OpenOptions::new().append(true).open(&self.called.log) {
            drop(writeln!(log, "-- killed --"));
        }
    }

    /// SIGSTOP or SIGCONT.
    pub(crate) fn signal(&self, name: &str) {
        if let Some(child) = &self.child {
            let id = child.id().to_string();
            let shell = Command::new("sh")
                .args(["-c", "kill -s \"$0\" \"$1\"", name, &id])
                .status();
            assert!(shell.unwrap().success(), "kill -s {name} {id}");
        }
    }

    /// How it ended by itself, if it did; told once.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        let status = self.child.as_mut()?.try_wait().unwrap()?;
        self.child = None;
        Some(status)
    }

    pub(crate) fn is_running(&self) -> bool {
        self.child.is_some()
    }

    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    pub(crate) async fn is_ready(&self) -> bool {
        let asked = tokio::time::timeout(Duration::from_secs(2), ready(self.addr)).await;
        matches!(asked, Ok(Ok(true)))
    }

    /// Waits until it is ready; none if it is not in time, or ended.
    pub(crate) async fn until_ready(
        &mut self,
        since: Instant,
        within: Duration,
    ) -> Option<Duration> {
        while since.elapsed() < within {
            if self.is_ready().await {
                return Some(since.elapsed());
            }
            let ended = self.child.as_mut().map(Child::try_wait);
            if !matches!(ended, Some(Ok(None))) {
                return None;
            }
            emulator_harness::wait(BETWEEN).await;
        }
        None
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

async fn ready(addr: SocketAddr) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect(addr).await?;
    let ask = format!("GET /health/ready HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n");
    stream.write_all(ask.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer.starts_with(b"HTTP/1.1 200"))
}

/// A port that no outgoing connection takes while the program is down: below the system's own range. Each once.
pub(crate) fn free_port() -> SocketAddr {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let offset = std::process::id().wrapping_mul(97) + NEXT.fetch_add(1, Ordering::Relaxed);
        let port = u16::try_from(20_000 + offset % 10_000).unwrap();
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            return listener.local_addr().unwrap();
        }
    }
}
