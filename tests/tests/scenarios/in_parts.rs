//! A deal that is paid in parts, by the words of the list that `setup` has made.

use crate::office;
use crate::world::{World, until};

/// Every bill of a deal, in the order of their numbers: sum and VAT in kopecks.
fn bills(world: &World, deal: i64) -> Vec<(i64, i64)> {
    let mark = office::mark(deal);
    let truth = world.kontur.truth();
    let mut bills: Vec<_> = truth
        .bills()
        .filter(|bill| {
            bill.comment
                .as_deref()
                .is_some_and(|text| text.contains(&mark))
        })
        .map(|bill| (bill.number.clone(), (bill.sum.0, bill.sum_nds.0)))
        .collect();
    bills.sort_unstable();
    bills.into_iter().map(|(_, sums)| sums).collect()
}

async fn obeyed(world: &World, deal: i64, word: &str) {
    world
        .portal
        .manager()
        .choose(deal, office::COMMAND, word)
        .unwrap();
    world.until_shown(deal, office::COMMAND, "").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_advance_and_the_rest_come_to_the_whole_and_a_cancelled_rest_brings_no_other() {
    let world = World::usual().await;
    world
        .change_policy(|text| format!("{text}\n[invoice.advance]\npercent = 33\n"))
        .await;
    let whole = world.invoiced_deal().await;
    let whole = bills(&world, whole)[0];

    let deal = world.new_deal();
    obeyed(&world, deal, "аванс").await;
    world.until_complete(deal).await;
    // The stage makes no invoice of the whole beside it, and neither does an order.
    world.drag(deal);
    obeyed(&world, deal, "выставить счёт").await;
    obeyed(&world, deal, "остаток").await;
    until("two files", || world.entries(deal) == [1, 1]).await;
    let parts = bills(&world, deal);
    assert_eq!(parts.len(), 2, "{parts:?}");
    assert_eq!(parts[0].0, whole.0 * 33 / 100);
    let both = (parts[0].0 + parts[1].0, parts[0].1 + parts[1].1);
    assert_eq!(both, whole, "{parts:?}");
    let said = world.portal.comments_of_deal(deal);
    let refused = |(text, _): &(String, usize)| text.contains("Счёт на всю сумму не выставлен");
    assert!(said.iter().any(refused), "{said:?}");

    obeyed(&world, deal, "отменить").await;
    world.until_case("INVOICE-CANCEL-ORDERED").await;
    let truth = world.kontur.truth();
    let live = truth.live_bills_marked(&office::mark(deal));
    let rest = live.iter().find(|bill| bill.sum.0 == parts[1].0).unwrap();
    let rest = rest.meta.id;
    drop(live);
    drop(truth);
    world.accountant().cancel_bill(rest).unwrap();
    world
        .until_shown(
            deal,
            office::SUM,
            &format!("{}.{:02}|RUB", parts[0].0 / 100, parts[0].0 % 100),
        )
        .await;
    world.until_quiet().await;
    assert_eq!(bills(&world, deal).len(), 2);
    let open = world.open_cases().await;
    assert!(open.is_empty(), "{open:#?}");
}
