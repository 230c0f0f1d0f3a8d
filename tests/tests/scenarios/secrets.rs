//! Secrets stay where they belong: not in the journal, not in what is logged, not in the database.

use std::io::Write;
use std::sync::{Arc, Mutex};

use emulator_harness::{FaultKind, FaultRule};
use store::JournalFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::office;
use crate::world::{EVENT_TOKEN, Start, World};

const WEBHOOK: &str = "canary0webhook0secret";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_in_journal_logs_or_database() {
    let logged = Logged::default();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter("debug")
        .with_writer(logged.clone())
        .finish();
    drop(tracing_subscriber::util::SubscriberInitExt::try_init(
        subscriber,
    ));
    let mut portal = office::portal();
    for webhook in &mut portal.webhooks {
        WEBHOOK.clone_into(&mut webhook.secret);
    }
    let world = World::begin(Start {
        portal,
        ..Start::default()
    })
    .await;
    // Errors are what secrets slip out with.
    for kind in [FaultKind::NotDone, FaultKind::HtmlPage, FaultKind::CutBody] {
        world.portal.faults().add(FaultRule::once(kind, "batch"));
        world
            .kontur
            .faults()
            .add(FaultRule::once(kind, "createBill"));
    }
    let deal = world.new_deal();
    world.drag(deal);
    world.until_complete(deal).await;

    let product = world.product();
    let filter = JournalFilter::default();
    let lines = product.store.journal_read(product.portal(), &filter).await;
    let journal: String = lines
        .unwrap()
        .iter()
        .map(|line| line.entry.body.to_string())
        .collect();
    let database = String::from_utf8_lossy(&world.database_bytes()).into_owned();
    let logs = logged.text();
    assert!(
        journal.contains("createBill"),
        "the journal tells the calls"
    );
    assert!(database.contains("createBill"), "the right files are read");
    assert!(!logs.is_empty(), "something was logged");
    for (place, text) in [("journal", journal), ("database", database), ("logs", logs)] {
        for (name, secret) in [
            ("webhook's secret", WEBHOOK),
            ("events' token", EVENT_TOKEN),
            ("API key", world.api_key()),
        ] {
            assert!(!text.contains(secret), "{name} is in the {place}");
        }
    }
}

/// Everything that this process logs.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<u8>>>);

impl Logged {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Logged {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
