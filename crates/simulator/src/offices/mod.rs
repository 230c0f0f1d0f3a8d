//! Offices: what the portals, books and policies of our tenants are like, and how some are organised beside the
//! usual.
//!
//! `office` is the usual one, `tenant` one of those that share our database, `neighbour` one at rest there. The
//! others are funnels, sellers, regimes of VAT, terms, pages and papers that some offices have, and what an
//! integrator switches in them.
//!
//! Not here: what people do beside the usual where any office would let them (`habits`).

pub(crate) mod links;
pub(crate) mod neighbour;
pub(crate) mod new_year;
pub mod office;
pub(crate) mod printing;
pub(crate) mod production;
pub(crate) mod regimes;
pub(crate) mod reorders;
pub(crate) mod sellers;
pub(crate) mod switches;
pub(crate) mod tenant;
pub(crate) mod terms;
