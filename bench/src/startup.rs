//! The real program from its start until it can keep an event, and what it holds when nothing happens.
//!
//! On a folder of its own with the least configuration; its remotes do not exist, as they would not answer a new
//! installation either. Readiness is asked over HTTP each millisecond.
#![allow(
    clippy::disallowed_methods,
    reason = "it measures by the machine's clock"
)]

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::events::MEMBER;
use crate::machine::{memory_mb, most_memory_mb, processor_time};

const BETWEEN: Duration = Duration::from_millis(1);
const PATIENCE: Duration = Duration::from_secs(30);
/// After so long idle memory is read.
const IDLE: Duration = Duration::from_secs(5);

/// One start.
#[derive(Clone, Copy, Debug)]
pub struct Started {
    /// Milliseconds until it was ready.
    pub ready_ms: f64,
    /// Milliseconds of processor time until then.
    pub cpu_ms: f64,
    /// Megabytes after five seconds, where it was waited for.
    pub idle_mb: Option<f64>,
    /// The most megabytes until then.
    pub most_mb: f64,
}

/// The program, where this one was built.
///
/// # Errors
/// Where it was not built.
pub fn program() -> Result<PathBuf, String> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let program = own.parent().ok_or("no folder")?.join("provodka");
    if program.exists() {
        return Ok(program);
    }
    Err("build the program first, with the same profile: `cargo build -p provodka`".to_owned())
}

/// Starts it `times` on a new folder, and as often again on the database that the last one left; idle memory is read
/// in the last start of each.
///
/// # Errors
/// Where it does not become ready.
pub fn measure(times: usize, progress: impl Fn(&str)) -> Result<[Vec<Started>; 2], String> {
    let program = program()?;
    let made = || tempfile::tempdir().map_err(|error| error.to_string());
    let mut new = Vec::new();
    let mut folder = made()?;
    for time in 0..times {
        folder = made()?;
        progress(&format!("new folder, start {} of {times}", time + 1));
        new.push(start(&program, folder.path(), time + 1 == times)?);
    }
    let mut again = Vec::new();
    for time in 0..times {
        progress(&format!("same folder, start {} of {times}", time + 1));
        again.push(start(&program, folder.path(), time + 1 == times)?);
    }
    Ok([new, again])
}

fn start(program: &Path, folder: &Path, waits: bool) -> Result<Started, String> {
    let told = |error: std::io::Error| error.to_string();
    let addr = free_port()?;
    let config = folder.join("provodka.toml");
    let text = format!(
        "[database]\nurl = \"sqlite:{}\"\n[server]\nlisten = \"{addr}\"\n[bitrix24]\nmember_id = \"{MEMBER}\"\n\
         [accounting]\nbase_url = \"https://accounting.invalid/\"\n",
        folder.join("provodka.db").display()
    );
    std::fs::write(&config, text).map_err(told)?;
    let log = std::fs::File::create(folder.join("log")).map_err(told)?;
    let began = Instant::now();
    let child = Command::new(program)
        .arg("--config")
        .arg(&config)
        .arg("serve")
        .env_clear()
        .env(
            "PROVODKA_BITRIX24_WEBHOOK_URL",
            "https://portal.invalid/rest/7/k3v8s1d5m2n7q4x9/",
        )
        .env("PROVODKA_BITRIX24_APPLICATION_TOKEN", crate::events::TOKEN)
        .env("PROVODKA_ACCOUNTING_API_KEY", "key")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .map_err(told)?;
    let child = Ends(child);
    let pid = child.0.id();
    while !is_ready(addr) {
        if began.elapsed() > PATIENCE {
            let said = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
            return Err(format!("it does not become ready: {said}"));
        }
        std::thread::sleep(BETWEEN);
    }
    let (ready, cpu) = (began.elapsed(), processor_time(pid)?);
    let idle_mb = if waits {
        std::thread::sleep(IDLE);
        Some(memory_mb(pid)?)
    } else {
        None
    };
    Ok(Started {
        ready_ms: ready.as_secs_f64() * 1e3,
        cpu_ms: cpu.as_secs_f64() * 1e3,
        idle_mb,
        most_mb: most_memory_mb(pid)?,
    })
}

fn is_ready(addr: SocketAddr) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect(addr)?;
        stream.write_all(b"GET /health/ready HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer)?;
        Ok(answer.ends_with(b" 200"))
    };
    ask().unwrap_or(false)
}

fn free_port() -> Result<SocketAddr, String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let addr = listener.and_then(|listener| listener.local_addr());
    addr.map_err(|error| error.to_string())
}

/// A process that ends with this.
struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        let _killed = self.0.kill().is_ok();
        let _waited = self.0.wait().is_ok();
    }
}
