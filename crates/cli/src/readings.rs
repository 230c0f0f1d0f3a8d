//! One reading for all who asked before it began: by the hundred, events ask our records for the same digest.
//!
//! Nobody is given what was read before he asked, so whatever was stored before an event came is seen by it, and
//! nothing is kept for whoever asks later. Not here: what is read.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// Readings of one value, at most one of them at a time.
pub(crate) struct Readings<T> {
    begun: Mutex<Begun>,
    /// The number of the last that found its value, and the value.
    ended: watch::Sender<Option<(u64, T)>>,
}

#[derive(Default)]
struct Begun {
    count: u64,
    is_under_way: bool,
}

/// A reading that is under way. However it ends, another may begin, and whoever waits is woken.
struct Turn<'r, T> {
    readings: &'r Readings<T>,
    number: u64,
    found: Option<T>,
}

impl<T> Default for Readings<T> {
    fn default() -> Self {
        Self {
            begun: Mutex::default(),
            ended: watch::Sender::new(None),
        }
    }
}

impl<T: Copy> Readings<T> {
    /// The value as `read` finds it now, or as another who asked finds it from now on.
    ///
    /// # Errors
    /// Those of `read`; a failed reading is nobody else's.
    pub(crate) async fn value<E>(&self, read: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let mut ended = self.ended.subscribe();
        let asked = self.begun().count;
        loop {
            let last = *ended.borrow_and_update();
            if let Some((number, value)) = last
                && number > asked
            {
                return Ok(value);
            }
            if let Some(mut turn) = self.begin() {
                let value = read.await?;
                turn.found = Some(value);
                return Ok(value);
            }
            // What tells of it lives as long as these readings.
            let _is_told = ended.changed().await.is_ok();
        }
    }
}

impl<T> Readings<T> {
    fn begun(&self) -> MutexGuard<'_, Begun> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self) -> Option<Turn<'_, T>> {
        let mut begun = self.begun();
        if begun.is_under_way {
            return None;
        }
        begun.is_under_way = true;
        begun.count += 1;
        Some(Turn {
            readings: self,
            number: begun.count,
            found: None,
        })
    }
}

impl<T> Drop for Turn<'_, T> {
    fn drop(&mut self) {
        let (found, number) = (self.found.take(), self.number);
        // Both before anybody is woken: who waits finds either the value or his own turn.
        self.readings.ended.send_modify(|last| {
            if let Some(found) = found {
                *last = Some((number, found));
            }
            self.readings.begun().is_under_way = false;
        });
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::Pin;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::task::Poll;

    use tokio::sync::Semaphore;

    use super::Readings;

    /// Readings of how many began, each of which ends when it is let through.
    struct Counted {
        readings: Readings<u64>,
        begun: AtomicU64,
        gate: Semaphore,
    }

    impl Counted {
        fn new() -> Self {
            Self {
                readings: Readings::default(),
                begun: AtomicU64::new(0),
                gate: Semaphore::new(0),
            }
        }

        async fn ask(&self) -> Result<u64, &'static str> {
            self.readings.value(self.read()).await
        }

        /// The first fails if it is let through by nobody any more.
        async fn read(&self) -> Result<u64, &'static str> {
            let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
            match self.gate.acquire().await {
                Ok(passed) => {
                    passed.forget();
                    Ok(number)
                }
                Err(_) if number > 1 => Ok(number),
                Err(_) => Err("nothing was read"),
            }
        }
    }

    /// Has it go as far as it can.
    async fn waits<T>(mut asking: Pin<&mut impl Future<Output = T>>) {
        poll_fn(|cx| {
            assert!(asking.as_mut().poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
    }

    #[tokio::test]
    async fn all_who_ask_while_one_is_under_way_share_the_next() {
        let counted = Counted::new();
        let open = async { counted.gate.add_permits(2) };
        let (first, other, third, ()) =
            tokio::join!(counted.ask(), counted.ask(), counted.ask(), open);
        assert_eq!((first, other, third), (Ok(1), Ok(2), Ok(2)));
        counted.gate.add_permits(1);
        assert_eq!(counted.ask().await, Ok(3), "nothing is kept for later");
    }

    #[tokio::test]
    async fn a_failed_reading_is_nobody_elses() {
        let counted = Counted::new();
        let open = async { counted.gate.close() };
        let (first, other, ()) = tokio::join!(counted.ask(), counted.ask(), open);
        assert_eq!(first, Err("nothing was read"));
        assert_eq!(other, Ok(2));
    }

    #[tokio::test]
    async fn whoever_waits_reads_himself_if_the_reader_goes_away() {
        let counted = Counted::new();
        let (mut first, mut other) = (Box::pin(counted.ask()), Box::pin(counted.ask()));
        waits(first.as_mut()).await;
        waits(other.as_mut()).await;
        drop(first);
        counted.gate.add_permits(1);
        assert_eq!(other.await, Ok(2));
    }
}
