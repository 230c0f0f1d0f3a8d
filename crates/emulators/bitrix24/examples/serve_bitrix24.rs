//! Serves the sample portal alone: `serve_bitrix24 [ADDR] [--tls FILE]`, to try a client by hand.
#![allow(clippy::print_stdout, reason = "prints what to connect to")]

use std::sync::Arc;

use emulator_bitrix24::{Emulator, HttpDeliver, PortalConfig};
use emulator_harness::{Tls, TokioClock};

#[tokio::main]
#[expect(
    clippy::disallowed_methods,
    reason = "a program by itself: here the clock begins"
)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let address = arguments
        .first()
        .cloned()
        .unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let authority_file = arguments
        .iter()
        .position(|argument| argument == "--tls")
        .and_then(|at| arguments.get(at + 1));
    let clock = TokioClock::shared(jiff::Timestamp::now());
    let emulator = Emulator::new(PortalConfig::sample(), clock, 1, Arc::new(HttpDeliver));
    let background = emulator.run_background();
    let listener = tokio::net::TcpListener::bind(&address).await?;
    let (tls, scheme) = match authority_file {
        Some(file) => {
            let (tls, authority) = Tls::self_made(&[]);
            std::fs::write(file, authority)?;
            (Some(tls), "https")
        }
        None => (None, "http"),
    };
    let base_url = format!("{scheme}://{}", listener.local_addr()?);
    println!(
        "{}",
        serde_json::to_string(&emulator.credentials(&base_url))?
    );
    let served = emulator_harness::serve(listener, emulator.router(), tls).await;
    background.await?;
    served.shutdown().await;
    Ok(())
}
