//! Deals that come faster than the portal's limits let them be served, second by second: what is served meanwhile, and
//! that nothing is read in vain.

use std::time::Duration;

use bench::bulk::new_deal;
use bench::calls::by_purpose;
use bench::invoices::Figures;
use simulator::offices::office;

#[test]
fn a_flood_that_comes_second_by_second_is_served_as_fast_as_the_limits_let() {
    let (shown, calls) = Figures::GOAL
        .still()
        .live(async move |world| {
            world.pass(Duration::from_secs(90)).await;
            let began = world.now();
            let mut deals = Vec::new();
            for second in 0..30_u32 {
                for number in 0..100_u32 {
                    let deal = new_deal(&world, (second * 7 + number) % 200)?;
                    let moved = world.portal().manager().move_deal(deal, office::INVOICE);
                    moved.map_err(|error| error.to_string())?;
                    deals.push(deal);
                }
                world.pass(Duration::from_secs(1)).await;
            }
            let is_shown =
                |deal: &&i64| !world.portal().deal_field(**deal, office::NUMBER).is_empty();
            let shown = deals.iter().filter(is_shown).count();
            Ok((shown, by_purpose(&world, began).await?))
        })
        .unwrap();
    // With two events a second of it in the click lane it was a tenth of that.
    assert!(shown > 850, "{shown} of 3,000, by {calls:?}");
}
