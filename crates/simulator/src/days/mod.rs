//! Days: one seed from morning to a quiet night, and whatever else is lived, one or many.
//!
//! `seed` begins and ends one, in a `world`; `day` has what happens when, `evening` lets it come to rest, and
//! `story` tells it. `many` lives seeds on all cores, `hunt` looks for the one that finds a planted bug. Beside the
//! seeds' days: a `fortnight` of late payers; the `still` world without chance and the `tenants` of one program,
//! both for measurements.
//!
//! Not here: what happens (`people`, `habits`, `troubles`), and whether it was right (`check`).

pub(crate) mod day;
pub(crate) mod evening;
pub(crate) mod fortnight;
pub(crate) mod hunt;
pub(crate) mod many;
pub(crate) mod seed;
pub(crate) mod still;
pub(crate) mod story;
pub(crate) mod tenants;
pub(crate) mod world;
