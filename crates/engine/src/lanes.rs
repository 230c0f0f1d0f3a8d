//! Which of the due subjects go into one pass. Pure.

use store::{Lane, Work};

use crate::settings::PassSettings;

/// How many subjects one pass of `lane` takes: what fits about a second of budget.
pub fn limit(settings: &PassSettings, lane: Lane) -> usize {
    match lane {
        Lane::Click => settings.click_limit,
        Lane::Due => settings.due_limit,
        Lane::Trailing => settings.trailing_limit,
    }
}

/// The next pass out of `due`, which is ordered, longest due first.
///
/// A subject under suspicion (a look at it died, and it was not necessarily its fault) goes alone, so that another
/// death blames the right one; it goes as soon as it is the first. All others go together.
pub fn next_pass(due: Vec<Work>) -> Vec<Work> {
    if due.first().is_some_and(is_suspect) {
        due.into_iter().take(1).collect()
    } else {
        due.into_iter().filter(|work| !is_suspect(work)).collect()
    }
}

fn is_suspect(work: &Work) -> bool {
    work.deaths > 0
}
