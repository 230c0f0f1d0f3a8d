//! A watched funnel shows what would be done and does nothing.

use provodka::args::PlanArgs;

use crate::world::{Start, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watched_funnel_is_planned_and_not_written_until_it_is_active() {
    let world = World::begin(Start {
        active: false,
        ..Start::default()
    })
    .await;
    let deal = world.new_deal();
    world.drag(deal);
    world.until_quiet().await;
    let told = plan(&world, deal).await;
    assert!(
        told.contains("создать контрагента") && told.contains("выставить счёт"),
        "{told}"
    );
    // The same stands with the deal's questions, for whoever watches day by day.
    world.until_case("INVOICE-FORETOLD").await;
    assert_eq!(world.our_writes_after_setup(), 0, "nothing is written");
    assert!(
        world
            .kontur
            .truth()
            .organizations
            .values()
            .all(|book| book.changes.is_empty())
    );
    assert_eq!(world.notices_of_manager(), Vec::<String>::new());

    world
        .change_policy(|text| text.replace("watch_only", "active"))
        .await;
    world.until_complete(deal).await;
    world.until_quiet().await;
    world.assert_one_true_invoice(deal);
    let mut open = world.open_cases().await.into_iter();
    assert!(open.all(|case| case.facts.code != "INVOICE-FORETOLD"));
    let told = plan(&world, deal).await;
    assert!(told.contains("Делать нечего"), "{told}");
}

/// What `provodka plan --deal N` prints.
async fn plan(world: &World, deal: i64) -> String {
    let id = u64::try_from(deal).unwrap();
    let args = PlanArgs {
        deals: vec![id],
        since: None,
        json: false,
        xlsx: None,
    };
    let plans = provodka::plan::run(&world.product(), &args).await.unwrap();
    let mut printed = Vec::new();
    provodka::plan::print(&plans, false, &mut printed).unwrap();
    String::from_utf8(printed).unwrap()
}
