//! A day of payments in the accounting program: each deal is in its stage two seconds after the list is read.

use std::time::Duration;

use bench::feed::{OURS, Size, measure};
use bench::machine::percentile;

#[test]
fn a_payment_is_in_the_crm_two_seconds_after_the_interval_in_force() {
    let size = Size {
        days: 1,
        an_hour: 4,
    };
    let seen = measure(size, |_| {}).unwrap();
    assert!(seen.ways.len() > 40 && seen.missing == 0, "{seen:#?}");
    let mut ours: Vec<Duration> = seen.ways.iter().map(|way| way.ours).collect();
    ours.sort_unstable();
    assert!(percentile(&ours, 95.0) < OURS, "{ours:?}");
    let late = seen.late();
    assert!(
        late * 20 <= seen.ways.len(),
        "{late} late: {:#?}",
        seen.ways
    );
    // It adapts: as often as every five seconds while something comes, and every five minutes at most when nothing does.
    let intervals: Vec<Duration> = seen.ways.iter().map(|way| way.interval).collect();
    let most = intervals.iter().max().unwrap();
    let least = intervals.iter().min().unwrap();
    assert!(*least < Duration::from_secs(30), "{least:?}");
    assert!(
        *most > Duration::from_secs(290) && *most < Duration::from_secs(310),
        "{most:?}"
    );
    assert!(seen.readings < 2_500, "{} readings in a day", seen.readings);
}
