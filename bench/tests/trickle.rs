//! Deals that come faster than the portal's limits let them be served, second by second: what is served meanwhile, and
//! that nothing is read in vain.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests may")]

use std::time::Duration;

use bench::bulk::new_deal;
use bench::calls::by_purpose;
use bench::invoices::Figures;
use simulator::office;

#[test]
fn a_flood_that_comes_second_by_second_is_served_as_fast_as_the_limits_let() {
    let shown = Figures::GOAL
        .still()
        .live(async move |world| {
            world.pass(Duration::from_secs(90)).await;
            let began = world.now();
            let mut deals = Vec::new();
            for second in 0..60_u32 {
                for number in 0..100_u32 {
                    let deal = new_deal(&world, (second * 7 + number) % 200)?;
                    let moved = world.portal().manager().move_deal(deal, office::INVOICE);
                    moved.map_err(|error| error.to_string())?;
                    deals.push(deal);
                }
                world.pass(Duration::from_secs(1)).await;
                if second % 5 == 4 {
                    let shown = deals
                        .iter()
                        .filter(|deal| {
                            !world.portal().deal_field(**deal, office::NUMBER).is_empty()
                        })
                        .count();
                    eprintln!("{second} {shown} {:?}", by_purpose(&world, began).await?);
                }
            }
            let is_shown =
                |deal: &&i64| !world.portal().deal_field(**deal, office::NUMBER).is_empty();
            Ok(deals.iter().filter(is_shown).count())
        })
        .unwrap();
    assert!(shown > 1_900, "{shown} of 6,000");
}
