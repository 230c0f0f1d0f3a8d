//! Bugs that are planted on purpose, one at a time, to prove that the simulator would find them.
//!
//! A line of the product that guards a promise asks [`is`] whether it is to be left out this once, so that a reader
//! learns there what the line is for. Built as usual that is the constant `false` and nothing of it is left. Two are built
//! with the feature `plant`: the hunt (`cargo xtask hunt`), in which a bug is planted for one thread and one seed, and the
//! program of `cargo xtask survive --planted BUG`, in which it is everywhere.
//! `docs/reference/planted-bugs.md` says which seed finds which. Not here: looking for them (`simulator`).

mod bug;
#[cfg(feature = "plant")]
mod ground;

pub use bug::Bug;
#[cfg(feature = "plant")]
pub use ground::{Planted, plant, plant_everywhere};

/// Whether this build can plant bugs at all.
pub const CAN_PLANT: bool = cfg!(feature = "plant");

/// Whether this bug is planted on this thread now.
#[cfg(feature = "plant")]
#[inline]
pub fn is(bug: Bug) -> bool {
    ground::holds(bug)
}

/// Never: this build has no planted bugs.
#[cfg(not(feature = "plant"))]
#[inline(always)]
pub const fn is(_bug: Bug) -> bool {
    false
}
