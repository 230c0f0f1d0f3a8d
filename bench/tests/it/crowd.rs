//! Many deals at once, packed into few requests: counted in simulated time, so that no machine is too slow for it.

use bench::bulk::{Bulk, Come, What};
use simulator::Still;

const DEALS: usize = 120;
const BUYERS: u32 = 40;

/// The accounting side lets as much through as the product expects of it by default.
fn still() -> Still {
    let mut still = Still::new(BUYERS);
    still.portal.request_ms = 60;
    still.portal.read_ms = 15;
    still.portal.write_ms = 60;
    still.accounting_ms = 80;
    still.accounting_per_minute = 0;
    still
}

#[test]
fn a_hundred_and_twenty_deals_at_once_take_few_requests() {
    Bulk::live(still(), DEALS, async |mut bulk| {
        bulk.come(Come::ByEvents).await?;
        bulk.until(DEALS, What::Shown).await?;
        let calls = bulk.portal_calls();
        assert_eq!(bulk.astray(), (0, 0));
        assert_eq!(bulk.limit_answers(), 0);
        // The accounting side's limit takes forty seconds, and eight bills leave while what was read for them is fresh.
        assert!(calls <= 56, "{calls} calls");
        Ok(())
    })
    .unwrap();
}
