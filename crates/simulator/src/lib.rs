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
//! | `network`, `freeze` | the way to the remotes, and its witness |
//! | `connect`, `process` | the product put together |
//! | `world`, `day` | one seed from morning to a quiet night |
//! | `check` | what must hold |
//! | `many` | seeds on all cores |
//! | `still` | the same world without chance, for measurements |

mod check;
mod connect;
mod day;
mod dice;
mod freeze;
mod many;
mod network;
pub mod office;
mod people;
mod process;
mod seed;
mod still;
mod story;
mod weather;
mod world;

pub use process::Numbers;
pub use seed::{Report, Simulator};
pub use still::{Left, Still, StillWorld};
