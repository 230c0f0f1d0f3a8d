//! How many of the due subjects go into one pass.

use store::Lane;

use crate::settings::PassSettings;

/// How many subjects one pass of `lane` takes: what one glance can tell of, and a person's few at once.
pub fn limit(settings: &PassSettings, lane: Lane) -> usize {
    match lane {
        Lane::Click => settings.click_limit,
        Lane::Due => settings.due_limit,
        Lane::Trailing => settings.trailing_limit,
    }
}
