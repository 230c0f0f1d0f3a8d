//! Troubles: what befalls a day, in the remotes, in our processes and at our door.
//!
//! Outages, spoilt answers, deaths at named points and what strikes a process; a deal that spoils whatever reads
//! it, a backup put back, an application removed, another installation, records of another version, rights that hide
//! companies; many deals at once; strangers and the accounting side that call our address.
//!
//! Not here: how a trouble gets at a request or a process (`machine`); what people do wrong (`people`, `habits`).

pub(crate) mod crowd;
pub(crate) mod death;
pub(crate) mod hidden;
pub(crate) mod hints;
pub(crate) mod import;
pub(crate) mod installations;
pub(crate) mod poison;
pub(crate) mod removals;
pub(crate) mod restore;
pub(crate) mod seals;
pub(crate) mod spoil;
pub(crate) mod strangers;
pub(crate) mod strikes;
pub(crate) mod trouble;
