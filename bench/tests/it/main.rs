//! The measurements with smaller figures, and their bounds.
#![allow(clippy::unwrap_used, reason = "tests may")]
#![allow(
    clippy::disallowed_methods,
    reason = "a process of its own is told so by its environment"
)]

use std::process::Command;

mod booking;
mod crowd;
mod feed;
mod invoices;
mod statement;
mod trickle;

/// Set in a process that one test has for itself.
const ALONE: &str = "PROVODKA_TEST_ALONE";

/// Has `measured` run in a process of its own, since it is the process' memory that is looked at: the test called `name`
/// starts this program again for itself alone.
fn alone(name: &str, measured: impl FnOnce()) {
    if std::env::var_os(ALONE).is_some() {
        return measured();
    }
    let program = std::env::current_exe().unwrap();
    let run = Command::new(program)
        .args(["--exact", name])
        .env(ALONE, "1")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&run.stdout);
    assert!(
        run.status.success() && told.contains("1 passed"),
        "{told}\n{}",
        String::from_utf8_lossy(&run.stderr)
    );
}
