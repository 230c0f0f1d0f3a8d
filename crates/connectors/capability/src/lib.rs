//! What the reconciler may ask of a remote, as small traits; no HTTP, no wire types.
//!
//! On the event's way this stands between the reconciler and the connectors: the reconciler
//! knows only these traits, a connector implements the ones its remote really has. A capability
//! that a connector lacks is absent from its type ([`Accounting`], [`Portal`]); nothing here
//! answers "not implemented" at run time.
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

pub mod accounting;
pub mod call;
pub mod error;
pub mod exchange;
pub mod gate;
pub mod mask;
pub mod portal;

pub use accounting::Accounting;
pub use call::{Call, Urgency};
pub use error::ConnectorError;
pub use exchange::{Exchange, MethodTime, Remote};
pub use gate::{Admission, Gate, NotAdmitted};
pub use portal::Portal;
