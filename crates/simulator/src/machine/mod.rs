//! The machine: the product put together as the program does it, its clock, and the ways to the remotes and to us.
//!
//! `process` and `connect` put the product together; `network` is the way out and `doors` the way in, `asked` reads
//! what left; `marks` tells installations apart; `host` is the machine's clock, and `freeze` lets a process stand
//! still.
//!
//! Not here: what goes wrong and when (`troubles`).

pub(crate) mod asked;
pub(crate) mod connect;
pub(crate) mod doors;
pub(crate) mod freeze;
pub(crate) mod host;
pub(crate) mod marks;
pub(crate) mod network;
pub(crate) mod process;
