//! A thousand bad days: the real product on a paused clock against the emulators, with seeded people and troubles.
//!
//! One seed is one world in one thread: emulators, one SQLite connection, processes of the product that die and come
//! back, managers, an accountant, an integrator. At its end checks that share nothing with the product's deciding
//! code compare the emulators' true histories with what people wanted. The same seed gives the same world, byte for
//! byte. Not here: real databases, sockets and processes.
//!
//! | module | subject |
//! |---|---|
//! | `weather`, `customs`, `spoil`, `death`, `strikes` | what a seed's day is like, and how things go wrong |
//! | `office`, `people`, `parts`, `calls`, `accountant`, `register`, `adopter`, `bank`, `clerk`, `cashier`, `presses`, `own_money`, `files`, `tenant` | who works, and what they do |
//! | `strangers`, `hints`, `hidden` | who knocks at our door and is no portal, and what a right hides from us |
//! | `dry_runs`, `reorders`, `seals`, `printing` | who asks what would be done, who puts the stages into another order, another version of the program, and who switches what papers show |
//! | `restore`, `poison`, `import`, `crowd`, `oddities` | what befalls few days: a backup is put back, a deal spoils whatever reads it, many deals come at once and lists move, more come than go without a question, bills come too late |
//! | `usage`, `tester`, `foreigners`, `branches`, `requisites`, `staff`, `exempt`, `cancels`, `typists`, `odd_rows`, `kopecks`, `contracts`, `editors`, `own_invoices`, `drags`, `copies`, `waybills`, `shares` | what people do in some offices |
//! | `rows` | on which days deals are made of what is not plain |
//! | `offices`, `production`, `sellers`, `regimes`, `new_year`, `terms`, `links` | how some offices are organised |
//! | `remembered`, `papers` | what people know of deals, buyers and their requisites |
//! | `neighbour` | a tenant at rest in the same database |
//! | `network`, `asked`, `doors`, `freeze`, `host` | the ways to the remotes and to us, and the machine |
//! | `connect`, `process` | the product put together |
//! | `world`, `day`, `trouble`, `evening`, `administrator` | one seed from morning to a quiet night |
//! | `fortnight` | two weeks of late payers, beside the seeds' days |
//! | `records`, `witness`, `watch`, `logs` | our records as plain SQL reads them, what they said when a request left, how they moved, and what was logged |
//! | `check`, `mirror` | what must hold |
//! | `many` | seeds on all cores |
//! | `still` | the same world without chance, for measurements |
//! | `tenants` | many portals of one program on the machine's clock, for measurements |
//! | `hunt` | how long it takes to find a bug that was planted |

mod accountant;
mod administrator;
mod adopter;
mod asked;
mod bank;
mod branches;
mod calls;
mod cancels;
mod cashier;
mod check;
mod clerk;
mod connect;
mod contracts;
mod copies;
mod crowd;
mod customs;
mod day;
mod death;
mod dice;
mod doors;
mod drags;
mod dry_runs;
mod editors;
mod evening;
mod exempt;
mod files;
mod foreigners;
mod fortnight;
mod freeze;
mod hidden;
mod hints;
mod host;
mod hunt;
mod import;
mod kopecks;
mod links;
mod logs;
mod many;
mod mirror;
mod neighbour;
mod network;
mod new_year;
mod odd_rows;
mod oddities;
pub mod office;
mod offices;
mod own_invoices;
mod own_money;
mod papers;
mod parts;
mod people;
mod poison;
mod presses;
mod printing;
mod process;
mod production;
mod records;
mod regimes;
mod register;
mod remembered;
mod removals;
mod reorders;
mod requisites;
mod restore;
mod rows;
mod seals;
mod seed;
mod sellers;
mod shares;
mod spoil;
mod staff;
mod still;
mod story;
mod strangers;
mod strikes;
mod switches;
mod tenant;
mod tenants;
mod terms;
mod tester;
mod trouble;
mod typists;
mod usage;
mod watch;
mod waybills;
mod weather;
mod witness;
mod world;

pub use hunt::{Found, Hunt};
pub use process::Numbers;
pub use seed::{Report, Simulator, named_faults, named_points};
pub use still::{Left, Still, StillWorld};
pub use tenants::{Crowd, Crowded};
