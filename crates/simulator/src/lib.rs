//! A thousand bad days: the real product on a paused clock against the emulators, with seeded people and troubles.
//!
//! One seed is one world in one thread: emulators, one SQLite connection, processes of the product that die and come
//! back, managers, an accountant, an integrator. At its end checks that share nothing with the product's deciding
//! code compare the emulators' true histories with what people wanted. The same seed gives the same world, byte for
//! byte. Not here: real databases, sockets and processes.
//!
//! | module | subject |
//! |---|---|
//! | `weather` | what a seed's day is like |
//! | `office`, `people` | who works, and what they do |
//! | `network`, `freeze` | the way to the remotes |
//! | `witness` | what our records said when a request left |
//! | `neighbour` | another tenant in the same database |
//! | `connect`, `process` | the product put together |
//! | `world`, `day`, `decisions` | one seed from morning to a quiet night |
//! | `check` | what must hold |
//! | `many` | seeds on all cores |
//! | `still` | the same world without chance, for measurements |
//! | `hunt` | how long it takes to find a bug that was planted |

mod check;
mod connect;
mod day;
mod decisions;
mod dice;
mod freeze;
mod hunt;
mod many;
mod neighbour;
mod network;
pub mod office;
mod people;
mod process;
mod seed;
mod still;
mod story;
mod weather;
mod witness;
mod world;

pub use hunt::{Found, Hunt};
pub use process::Numbers;
pub use seed::{Report, Simulator};
pub use still::{Left, Still, StillWorld};
