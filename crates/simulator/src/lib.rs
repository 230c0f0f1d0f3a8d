//! A thousand bad days: the real product on a paused clock against the emulators, with seeded people and troubles.
//!
//! One seed is one world in one thread: emulators, one SQLite connection, processes of the product that die and come
//! back, managers, an accountant, an integrator. At its end checks that share nothing with the product's deciding
//! code compare the emulators' true histories with what people wanted. The same seed gives the same world, byte for
//! byte. Not here: real databases, sockets and processes.
//!
//! | folder | subject |
//! |---|---|
//! | `chance` | what a seed draws before its day begins |
//! | `offices` | portals, books and policies: the usual ones, and how some are organised |
//! | `people` | who works, what they do, and what they know |
//! | `habits` | what people do in some offices |
//! | `troubles` | what befalls a day |
//! | `machine` | the product put together, its machine, and the ways to the remotes and to us |
//! | `days` | one seed from morning to a quiet night; many of them, and worlds for measurements |
//! | `evidence` | what our records and logs say, read without the product |
//! | `check` | what must hold |

mod chance;
mod check;
mod days;
mod evidence;
mod habits;
mod machine;
pub mod offices;
mod people;
mod troubles;

pub use days::hunt::{Found, Hunt};
pub use days::seed::{Report, Simulator, named_faults, named_points};
pub use days::still::{Left, Still, StillWorld};
pub use days::tenants::{Crowd, Crowded};
pub use machine::process::Numbers;
