//! Two processes of the product share one PostgreSQL and nothing else.

use crate::world::{Start, World, postgres};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_on_one_postgresql_invoice_each_deal_once() {
    let Some(database) = postgres().await else {
        return;
    };
    // Both bind the portal's events, so each event comes to each of them.
    let world = World::begin(Start {
        replicas: 2,
        database,
        ..Start::default()
    })
    .await;
    // Such a crowd is no flood here.
    world
        .change_policy(|text| text.replace("ask_above = 20", "ask_above = 0"))
        .await;
    let mut deals = Vec::new();
    for _ten in 0..3 {
        let ten: Vec<_> = (0..10).map(|_| world.new_deal()).collect();
        for deal in &ten {
            world.drag(*deal);
        }
        for deal in &ten {
            world.until_complete(*deal).await;
        }
        deals.extend(ten);
    }
    for deal in &deals {
        world.assert_one_true_invoice(*deal);
    }
    assert_eq!(world.kontur.truth().bills().count(), deals.len());
    assert_eq!(world.portal.truth().limit_refusals(), 0);
}
