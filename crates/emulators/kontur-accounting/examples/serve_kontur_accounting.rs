//! Serves the emulator at a given address (default `127.0.0.1:8090`) with the contract's example
//! organisation, and prints how to reach it.
//!
//! `cargo run -p emulator-kontur-accounting --example serve_kontur_accounting -- 127.0.0.1:8090 [FAULT]...`
#![allow(clippy::print_stdout, reason = "an example talks to the terminal")]
#![allow(
    clippy::disallowed_methods,
    reason = "the clock is read once, here at the edge"
)]

use std::time::{SystemTime, UNIX_EPOCH};

use emulator_harness::{TokioClock, serve};
use emulator_kontur_accounting::{Config, Emulator};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let listen = arguments
        .next()
        .unwrap_or_else(|| "127.0.0.1:8090".to_owned());
    let listener = tokio::net::TcpListener::bind(&listen).await?;

    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let now = jiff::Timestamp::UNIX_EPOCH.checked_add(since_epoch)?;
    let emulator = Emulator::new(Config::default(), TokioClock::shared(now), 1);
    for fault in arguments {
        emulator.faults().add(fault.parse()?);
    }

    let served = serve(listener, emulator.router(), None).await;
    let credentials = emulator.credentials(&format!("http://{}", served.addr()));
    println!("{}", serde_json::to_string(&credentials)?);
    println!("page: {}/", credentials.base_url);
    tokio::signal::ctrl_c().await?;
    served.shutdown().await;
    Ok(())
}
