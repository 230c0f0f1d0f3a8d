//! The measurements with smaller figures, and their bounds.
#![allow(clippy::unwrap_used, reason = "tests may")]

use std::process::Command;

mod booking;
mod crowd;
mod feed;
mod invoices;
mod statement;
mod trickle;

/// Runs an ignored test of this program in a process of its own, since it is the process' memory that is looked at.
fn alone(name: &str) {
    let program = std::env::current_exe().unwrap();
    let run = Command::new(program)
        .args(["--exact", name, "--ignored"])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&run.stdout);
    assert!(
        run.status.success() && told.contains("1 passed"),
        "{told}\n{}",
        String::from_utf8_lossy(&run.stderr)
    );
}
