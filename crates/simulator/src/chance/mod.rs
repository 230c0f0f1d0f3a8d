//! Chance: what a seed draws before its day begins, and the streams that it is drawn from.
//!
//! `weather` is what each day is like, `customs` what only some offices do beside the usual. `rows`, `offices` and
//! `oddities` each deal out one kind of rare day, from a stream of its own, so that all the other days stay as they
//! are.
//!
//! Not here: what comes of it on the day (`people`, `habits`, `troubles`). What is drawn for one habit or one
//! trouble alone stands in its own file.

pub(crate) mod customs;
pub(crate) mod dice;
pub(crate) mod oddities;
pub(crate) mod offices;
pub(crate) mod rows;
pub(crate) mod weather;
