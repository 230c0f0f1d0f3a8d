//! Which bug is planted: on a thread for a while, or in a whole process for good.

use std::cell::Cell;
use std::sync::OnceLock;

use crate::Bug;

thread_local! {
    static NOW: Cell<Option<Bug>> = const { Cell::new(None) };
}

/// In the real program, which has many threads.
static EVERYWHERE: OnceLock<Bug> = OnceLock::new();

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

/// Plants a bug in this process, for as long as it lives; the first one stays.
pub fn plant_everywhere(bug: Bug) {
    EVERYWHERE.get_or_init(|| bug);
}

impl Drop for Planted {
    fn drop(&mut self) {
        NOW.set(self.before);
    }
}

pub(crate) fn holds(bug: Bug) -> bool {
    NOW.get() == Some(bug) || EVERYWHERE.get() == Some(&bug)
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
