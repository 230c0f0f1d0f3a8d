//! The durable mechanics: who is served, what is due, under which lease, what was sent, what was done.
//!
//! They know no business. Not here: links, cases and policy (`books`).

pub mod budget;
pub mod effect_changes;
pub mod effects;
pub mod hints;
pub mod inbox;
pub mod journal;
pub mod lease;
pub mod notes;
pub mod portals;
pub mod pulse;
pub mod stats;
pub mod work;
