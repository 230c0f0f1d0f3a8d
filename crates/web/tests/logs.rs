//! What the log says of events that prove nothing. Alone in its process: the log is the process's, and the other tests
//! would write into it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may"
)]

#[allow(dead_code, reason = "shared with the other tests, which use all of it")]
#[path = "it/support/mod.rs"]
mod support;

use std::io;
use std::sync::{Arc, Mutex};

use support::{Door, TOKEN, event};
use tracing_subscriber::fmt::MakeWriter;

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn an_event_that_proves_nothing_names_its_portal_and_never_its_token() {
    let log = Log::default();
    tracing_subscriber::fmt()
        .with_writer(log.clone())
        .with_ansi(false)
        .init();
    let door = Door::open().await;
    let _start = log.take();

    let stranger = event(TOKEN).replace("portal-a", "a223c6b3710f85df22e9377d6c4f7553");
    assert_eq!(door.post(&stranger).await, 200);
    let said = log.take();
    assert!(
        said.contains("an event that does not prove itself"),
        "{said}"
    );
    assert!(
        said.contains("member_id=\"a223c6b3710f85df22e9377d6c4f7553\""),
        "{said}"
    );
    assert!(
        said.contains("compare its member_id with bitrix24.member_id"),
        "{said}"
    );
    assert!(!said.contains(TOKEN), "{said}");

    assert_eq!(door.post(&event("wr0ngt0ken")).await, 200);
    let said = log.take();
    assert!(said.contains("member_id=\"portala\""), "{said}");
    assert!(
        said.contains("PROVODKA_BITRIX24_APPLICATION_TOKEN"),
        "{said}"
    );
    assert!(!said.contains("wr0ngt0ken"), "{said}");

    assert_eq!(door.post("nonsense=1").await, 400);
    assert!(log.take().contains("a request that is no event"));
    assert_eq!(door.post(&event(TOKEN)).await, 200);
    assert_eq!(log.take(), "");
}
