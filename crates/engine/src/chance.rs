//! Randomness, passed in: one stream that all parts of an engine share.
//!
//! `cli` makes it from the operating system's entropy, a test from its seed. Used for jitter only,
//! never for secrets.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use rand::{Rng, TryRng};

/// A cloneable handle on one random stream.
#[derive(Clone)]
pub struct SharedRng(Arc<Mutex<dyn Rng + Send>>);

impl SharedRng {
    /// Shares `rng` out.
    pub fn new(rng: impl Rng + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(rng)))
    }

    fn with<T>(&self, draw: impl FnOnce(&mut (dyn Rng + Send)) -> T) -> T {
        draw(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl std::fmt::Debug for SharedRng {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("SharedRng")
    }
}

impl TryRng for SharedRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.with(|rng| rng.next_u32()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.with(|rng| rng.next_u64()))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.with(|rng| rng.fill_bytes(bytes));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rand::{Rng as _, SeedableRng as _};
    use rand_chacha::ChaCha8Rng;

    use super::SharedRng;

    #[test]
    fn two_handles_draw_from_one_stream() {
        let mut stream = ChaCha8Rng::seed_from_u64(7);
        let mut one = SharedRng::new(stream.clone());
        let mut other = one.clone();
        assert_eq!(one.next_u64(), stream.next_u64());
        assert_eq!(other.next_u32(), stream.next_u32());
        let (mut drawn, mut expected) = ([0; 5], [0; 5]);
        one.fill_bytes(&mut drawn);
        stream.fill_bytes(&mut expected);
        assert_eq!(drawn, expected);
        assert_eq!(other.next_u64(), stream.next_u64());
    }
}
