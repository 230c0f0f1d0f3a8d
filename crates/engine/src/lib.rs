//! The durable mechanics: taking portals, running passes, keeping effects honest, staying within limits.
//!
//! On an event's way it stands between the work queue (`store`) and the reconciler, which it calls as a [`Looker`]
//! and which sends and records through [`LeaseContext`]. It knows no business: what a deal needs is the planner's,
//! what a call means is the connectors'.
//!
//! | module | subject |
//! |---|---|
//! | [`run`] | the engine itself, leases, graceful stop |
//! | [`look`] | what a pass gets to work with |
//! | [`outcome`], [`transition`](mod@transition) | the life of an effect |
//! | [`gate`] | the remotes' limits, breakers |
//! | [`clock`], [`chance`], [`backoff`], [`stop`], [`settings`] | what is passed in |
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

pub mod backoff;
pub mod chance;
pub mod clock;
mod ending;
mod failures;
pub mod gate;
pub mod lanes;
mod lease;
pub mod look;
pub mod outcome;
mod passes;
mod portal_worker;
pub mod run;
pub mod set_aside;
pub mod settings;
pub mod stop;
pub mod transition;
pub mod upkeep;
pub mod watch;

pub use chance::SharedRng;
pub use clock::{Clock, SteadyClock, TokioClock};
pub use gate::StoreGate;
pub use look::{Halted, LeaseContext, Looker, Means};
pub use outcome::{Failure, LookUp, Outcome};
pub use run::{Engine, EngineError};
pub use settings::Settings;
pub use stop::{Stop, Stopper};
pub use transition::{Settlement, transition};
pub use watch::Watch;
