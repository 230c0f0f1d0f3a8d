//! Chance that can be repeated: every test that draws does so from a seed, and says which when it fails.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// The stream of `seed`. The same seed gives the same stream on every machine.
pub fn seeded(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// The same stream, shared out as the engine wants it.
pub fn shared(seed: u64) -> engine::SharedRng {
    engine::SharedRng::new(seeded(seed))
}

/// Runs `check` with seeds `0..count`. A seed that fails is printed before the panic goes on.
pub fn for_seeds(count: u64, check: impl Fn(u64)) {
    for seed in 0..count {
        let failing = PrintedOnPanic(seed);
        check(seed);
        drop(failing);
    }
}

struct PrintedOnPanic(u64);

impl Drop for PrintedOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("failing seed: {}", self.0);
        }
    }
}
