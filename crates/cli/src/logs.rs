//! What the program says of its work: to stderr, for people or as JSON.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use crate::config::Log;

/// Begins to log as configured. A second call changes nothing: the first one holds.
pub fn begin(log: &Log) {
    let filter = EnvFilter::try_new(&log.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // A line that cannot be written is lost. To say so on stderr as well would panic: the disk is full.
        .log_internal_errors(false);
    let begun = if log.json {
        builder.json().flatten_event(true).try_init()
    } else {
        builder
            .with_ansi(std::io::stderr().is_terminal())
            .try_init()
    };
    // Whoever runs us inside another program has begun already.
    drop(begun);
}

/// For commands that print something: only what is wrong.
pub fn begin_quietly() {
    begin(&Log {
        json: false,
        filter: "warn".to_owned(),
    });
}
