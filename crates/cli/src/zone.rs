//! In which zone the program tells people moments: that of the organisation they sell for.

use jiff::tz::TimeZone;
use planner::Policy;

use crate::product::Product;

const MOSCOW: &str = "Europe/Moscow";

/// The zone of the first organisation; Moscow's where there is no policy yet.
pub(crate) fn of(policy: Option<&Policy>) -> TimeZone {
    let organisation = policy.and_then(|policy| policy.organisations.first());
    let name = organisation.map_or(MOSCOW, |organisation| organisation.time_zone.as_str());
    TimeZone::get(name).unwrap_or(TimeZone::UTC)
}

/// The same of the policy in force. One that cannot be read has none: whoever only reads the journal is not refused
/// for it.
pub(crate) async fn in_force(product: &Product) -> TimeZone {
    let stored = product.store.policy_current(product.portal()).await;
    let policy = stored
        .ok()
        .flatten()
        .and_then(|stored| crate::policy::read(&stored).ok());
    of(policy.as_ref())
}

/// The zone's name, to be said once above its moments.
pub(crate) fn named(zone: &TimeZone) -> String {
    match zone.iana_name() {
        Some(MOSCOW) => "время московское".to_owned(),
        Some(name) => format!("время {name}"),
        None => "время UTC".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{named, of};
    use jiff::tz::TimeZone;

    #[test]
    fn moments_are_told_in_moscow_time_where_no_policy_says_otherwise() {
        assert_eq!(named(&of(None)), "время московское");
        let ural = TimeZone::get("Asia/Yekaterinburg").unwrap();
        assert_eq!(named(&ural), "время Asia/Yekaterinburg");
    }
}
