//! Two processes of the product share one PostgreSQL and nothing else.

use crate::world::{Start, World, postgres, until};

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
    let mut deals = Vec::new();
    for _ in 0..30 {
        let deal = world.new_deal();
        let heard = world.requests();
        world.drag(deal);
        deals.push(deal);
        if deals.len() % 10 == 0 {
            until("work on the former ten", || world.requests() > heard).await;
        }
    }
    for deal in &deals {
        world.until_complete(*deal).await;
    }
    for deal in &deals {
        world.assert_one_true_invoice(*deal);
    }
    assert_eq!(world.kontur.truth().bills().count(), deals.len());
    assert_eq!(world.portal.truth().limit_refusals(), 0);
}
