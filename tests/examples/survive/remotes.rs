//! Both emulators behind real HTTP, in this process: they survive everything, and can be away for a while.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use emulator_bitrix24::{Credentials, OutgoingWebhookSeed};
use emulator_harness::{Served, TokioClock};
use engine::{Clock as _, SteadyClock};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::office;
use crate::post::Post;

/// What proves the portal's events.
pub(crate) const EVENT_TOKEN: &str = "survivors-application-token-77c1";

/// The portal and the accounting side.
pub(crate) struct Remotes {
    pub(crate) portal: emulator_bitrix24::Emulator,
    pub(crate) credentials: Credentials,
    pub(crate) kontur: emulator_kontur_accounting::Emulator,
    pub(crate) kontur_url: String,
    doors: [SocketAddr; 2],
    served: Vec<Served>,
    background: JoinHandle<()>,
}

impl Remotes {
    /// The portal tells each of `handlers` of each event.
    pub(crate) async fn begin(handlers: &[String], post: Post, seed: u64) -> Self {
        let clock = TokioClock::shared(SteadyClock::of_this_machine().now());
        let mut config = office::portal();
        // Limits are the scenarios' matter; here nothing waits for its turn.
        config.limits.burst = 250;
        config.limits.drain_per_second = 40;
        config.outgoing_webhooks = handlers
            .iter()
            .map(|url| OutgoingWebhookSeed {
                url: url.clone(),
                events: ["ONCRMDEALADD", "ONCRMDEALUPDATE"]
                    .map(str::to_owned)
                    .to_vec(),
                application_token: EVENT_TOKEN.to_owned(),
            })
            .collect();
        let portal =
            emulator_bitrix24::Emulator::new(config, Arc::clone(&clock), seed, Arc::new(post));
        let books = serde_json::from_value(office::organisation()).unwrap();
        let kontur = emulator_kontur_accounting::Emulator::new(books, clock, seed);
        let listeners = [listen(None).await, listen(None).await];
        let doors = listeners.each_ref().map(|one| one.local_addr().unwrap());
        let credentials = portal.credentials(&format!("http://{}", doors[0]));
        let mut remotes = Self {
            background: portal.run_background(),
            portal,
            credentials,
            kontur,
            kontur_url: format!("http://{}", doors[1]),
            doors,
            served: Vec::new(),
        };
        remotes.serve(listeners).await;
        remotes
    }

    /// From one moment to the next nobody answers; what was under way is cut off.
    pub(crate) fn go_away(&mut self) {
        self.served.clear();
    }

    pub(crate) async fn come_back(&mut self) {
        let listeners = [
            listen(Some(self.doors[0])).await,
            listen(Some(self.doors[1])).await,
        ];
        self.serve(listeners).await;
    }

    async fn serve(&mut self, listeners: [TcpListener; 2]) {
        let [portal, kontur] = listeners;
        let portal = emulator_harness::serve(portal, self.portal.router(), None).await;
        let kontur = emulator_harness::serve(kontur, self.kontur.router(), None).await;
        self.served.extend([portal, kontur]);
    }
}

impl Drop for Remotes {
    fn drop(&mut self) {
        self.background.abort();
    }
}

async fn listen(at: Option<SocketAddr>) -> TcpListener {
    let at = at.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    for _ in 0..500 {
        if let Ok(listener) = TcpListener::bind(at).await {
            return listener;
        }
        emulator_harness::wait(Duration::from_millis(20)).await;
    }
    panic!("`{at}` is not to be had");
}
