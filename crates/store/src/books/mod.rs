//! Business facts, kept for years: settings, links between both sides, questions to people.
//!
//! Not here: the mechanics that carry them out (`mechanics`).

pub mod admin;
pub mod adopted;
pub mod case_changes;
pub mod cases;
pub mod links;
pub mod money;
pub mod office;
pub mod orders;
pub mod policy;
pub mod register;
pub mod retry;
pub mod told;
