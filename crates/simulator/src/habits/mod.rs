//! Habits: what people do only in some offices, a file for each.
//!
//! A file holds what is drawn of its habit, what the portal and policy have for it, and what is done. `usage` says
//! when it is done; which office has which, `chance` draws.
//!
//! Not here: how an office is organised, whatever people do in it (`offices`); the people of every office
//! (`people`).

pub(crate) mod branches;
pub(crate) mod cancels;
pub(crate) mod contracts;
pub(crate) mod copies;
pub(crate) mod drags;
pub(crate) mod dry_runs;
pub(crate) mod editors;
pub(crate) mod exempt;
pub(crate) mod foreigners;
pub(crate) mod kopecks;
pub(crate) mod odd_rows;
pub(crate) mod own_invoices;
pub(crate) mod parts;
pub(crate) mod requisites;
pub(crate) mod shares;
pub(crate) mod staff;
pub(crate) mod tester;
pub(crate) mod typists;
pub(crate) mod usage;
pub(crate) mod waybills;
