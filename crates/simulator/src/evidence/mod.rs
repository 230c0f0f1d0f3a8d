//! Evidence: what is seen of our own side while a day is lived, without asking the product.
//!
//! Our `records` as plain SQL reads them, what they said when a request left (`witness`), how they move from one
//! moment to the next (`watch`), and what was logged; and our register as an accounting program would show it
//! (`mirror`).
//!
//! Not here: what it is judged by once the day is over (`check`).

pub(crate) mod logs;
pub(crate) mod mirror;
pub(crate) mod records;
pub(crate) mod watch;
pub(crate) mod witness;
