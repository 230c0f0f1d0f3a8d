//! Clients that know nothing of us: fast_bitrix24 and b24pysdk from PyPI, against the portal over real HTTP.
//!
//! Needs `python3` with `venv` and a package index; without them it says so and passes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test with programs of its own"
)]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use emulator_bitrix24::{Emulator, HttpDeliver, PortalConfig};
use emulator_harness::{Tls, TokioClock, serve};
use tokio::net::TcpListener;

const CLIENTS: &[&str] = &["fast_bitrix24==1.8.14", "b24pysdk==1.3.2"];

/// A Python with the clients, or why there is none. One that has these very clients is used again.
fn python() -> Result<PathBuf, String> {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("foreign-clients");
    let (python, installed) = (home.join("bin/python"), home.join("installed"));
    if std::fs::read_to_string(&installed).is_ok_and(|names| names == CLIENTS.join(" ")) {
        return Ok(python);
    }
    let run = |command: &mut Command| match command.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(cause) => Err(cause.to_string()),
    };
    if !python.exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&home))?;
    }
    run(Command::new(&python)
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            // An index that is out of reach is no reason to hold the suite up for minutes.
            "--retries=1",
            "--timeout=10",
        ])
        .args(CLIENTS))?;
    std::fs::write(installed, CLIENTS.join(" ")).map_err(|cause| cause.to_string())?;
    Ok(python)
}

struct Served {
    credentials: serde_json::Value,
    authority: tempfile::NamedTempFile,
    _server: emulator_harness::Served,
}

async fn portal(config: PortalConfig, with_tls: bool) -> Served {
    let clock = TokioClock::shared("2026-06-01T09:00:00Z".parse().unwrap());
    let emulator = Emulator::new(config, clock, 7, Arc::new(HttpDeliver));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let scheme = if with_tls { "https" } else { "http" };
    let base_url = format!("{scheme}://{}", listener.local_addr().unwrap());
    let (tls, pem) = Tls::self_made(&[]);
    let authority = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(authority.path(), pem).unwrap();
    let credentials = serde_json::to_value(emulator.credentials(&base_url)).unwrap();
    let server = serve(listener, emulator.router(), with_tls.then_some(tls)).await;
    Served {
        credentials,
        authority,
        _server: server,
    }
}

/// Runs a script of ours with the portal's credentials as its argument.
async fn run(python: PathBuf, script: &'static str, served: &Served) -> Output {
    let credentials = served.credentials.to_string();
    let authority = served.authority.path().to_owned();
    let command = move || {
        Command::new(python)
            .args(["-c", script, &credentials])
            .env("REQUESTS_CA_BUNDLE", authority)
            .output()
            .unwrap()
    };
    tokio::task::spawn_blocking(command).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn foreign_clients_list_add_update_batch_and_page() {
    let python = match tokio::task::spawn_blocking(python).await.unwrap() {
        Ok(python) => python,
        Err(why) => {
            // Past the harness, which hides what a passing test prints.
            let said = format!("SKIPPED: foreign clients cannot be installed here: {why}\n");
            std::io::stderr().write_all(said.as_bytes()).unwrap();
            return;
        }
    };
    let talk = async |script: &'static str, config: PortalConfig, with_tls: bool| {
        let served = portal(config, with_tls).await;
        run(python.clone(), script, &served).await
    };
    let (lists, vendors) = tokio::join!(
        talk(
            include_str!("foreign/lists_and_writes.py"),
            PortalConfig::sample(),
            false
        ),
        talk(
            include_str!("foreign/vendor_sdk.py"),
            PortalConfig::sample(),
            true
        ),
    );
    // A portal whose tokens live a second: the client refreshes by itself, and has the machine for itself.
    let short_lived = PortalConfig {
        access_token_seconds: 1,
        ..PortalConfig::sample()
    };
    let renewing = talk(
        include_str!("foreign/vendor_sdk_oauth.py"),
        short_lived,
        true,
    )
    .await;
    for output in [lists, vendors, renewing] {
        let (out, err) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        assert!(
            output.status.success() && out.trim().ends_with("done"),
            "{out}\n{err}"
        );
    }
}
