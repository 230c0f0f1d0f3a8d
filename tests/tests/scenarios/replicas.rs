//! Two processes of the product share one PostgreSQL and nothing else.

use provodka::check;

use crate::database::postgres;
use crate::world::{Start, World};

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_that_renew_the_portals_tokens_at_once_both_stay_let_in() {
    let Some(database) = postgres().await else {
        return;
    };
    let world = World::begin(Start {
        as_application: true,
        replicas: 2,
        database,
        ..Start::default()
    })
    .await;
    let products = world.products();
    for _ in 0..3 {
        world.portal.expire_access_tokens();
        // The token server refuses one of them, before the other has stored its pair or after.
        let reports = tokio::join!(
            check::run(Ok(products[0].clone())),
            check::run(Ok(products[1].clone())),
        );
        for report in [reports.0, reports.1] {
            let mut findings = report.parts.iter().flat_map(|(_, findings)| findings);
            let lost = findings.find(|one| one.code.as_deref() == Some("BITRIX24-ACCESS"));
            assert!(lost.is_none(), "{lost:#?}");
        }
    }
    let told = world.told_to_administrator();
    assert!(
        !told.iter().any(|text| text.contains("не пускает")),
        "{told:#?}"
    );
    let deal = world.invoiced_deal().await;
    world.assert_one_true_invoice(deal);
}
