//! What every emulator of a remote needs and no remote defines: a clock, faults, and a
//! server that can close a connection without an answer.
//!
//! Used by the emulators alone; a connector never sees it. Not here: anything that a
//! particular remote does (its limits, its error shape, its pages).
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        reason = "tests may"
    )
)]

mod answer;
mod clock;
mod fault;
mod play;
mod post;
mod serve;
mod tls;

pub use answer::{BodyCut, ConnectionLost, cut_body, is_lost, lost_answer};
pub use clock::{Clock, SharedClock, TokioClock, wait};
pub use fault::{FaultKind, FaultRule, FaultRuleError, Faults};
pub use play::play;
pub use post::{Posted, post};
pub use serve::{Served, serve};
pub use tls::Tls;
