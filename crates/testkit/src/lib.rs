//! What tests of all crates share: time, chance, values, stand-ins for the parts that a test is not about.
//!
//! Not here: the emulators (`crates/emulators`), which have a state of their own.

pub mod builders;
pub mod database;
pub mod gates;
pub mod lookers;
pub mod seed;
pub mod time;
