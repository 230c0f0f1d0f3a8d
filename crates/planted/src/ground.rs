//! Which bug is planted on a thread, and for how long.

use std::cell::Cell;

use crate::Bug;

thread_local! {
    static NOW: Cell<Option<Bug>> = const { Cell::new(None) };
}

/// A bug in the ground; dropping this takes it out again.
#[must_use = "the bug is gone as soon as this is dropped"]
pub struct Planted {
    before: Option<Bug>,
}

/// Plants a bug on this thread; none: for so long there is none.
pub fn plant(bug: Option<Bug>) -> Planted {
    Planted {
        before: NOW.replace(bug),
    }
}

impl Drop for Planted {
    fn drop(&mut self) {
        NOW.set(self.before);
    }
}

pub(crate) fn holds(bug: Bug) -> bool {
    NOW.get() == Some(bug)
}

#[cfg(test)]
mod tests {
    use super::plant;
    use crate::{Bug, is};

    #[test]
    fn a_bug_is_there_on_its_thread_and_for_its_time_only() {
        let planted = plant(Some(Bug::NaiveRetry));
        assert!(is(Bug::NaiveRetry) && !is(Bug::EchoLoop));
        let elsewhere = std::thread::spawn(|| is(Bug::NaiveRetry)).join();
        assert!(!elsewhere.unwrap_or(true));
        {
            let _none = plant(None);
            assert!(!is(Bug::NaiveRetry));
        }
        assert!(is(Bug::NaiveRetry));
        drop(planted);
        assert!(!is(Bug::NaiveRetry));
    }
}
