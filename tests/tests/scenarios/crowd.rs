//! Many deals at once: packed into few requests, within the portal's limits.

use crate::office;
use crate::world::{Start, World};

const COMPANIES: u32 = 40;
const DEALS_EACH: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_and_twenty_deals_at_once_get_a_bill_each_in_few_requests() {
    let mut portal = office::portal();
    portal.companies.extend((0..COMPANIES).map(office::buyer));
    let world = World::begin(Start {
        portal,
        usual_limits: true,
        timing: |timing| {
            "1h".clone_into(&mut timing.sweep_every);
            "1h".clone_into(&mut timing.feed_every);
        },
        ..Start::default()
    })
    .await;
    // Such a crowd is no flood here.
    world
        .change_policy(|text| text.replace("ask_above = 20", "ask_above = 0"))
        .await;
    let manager = world.portal.manager();
    let deals: Vec<i64> = (0..COMPANIES)
        .flat_map(|number| {
            let deal = office::deal("Поставка", &office::buyer(number).title);
            let manager = &manager;
            (0..DEALS_EACH).map(move |_| manager.create_deal(&deal).unwrap())
        })
        .collect();
    world.until_quiet().await;
    let before = world.portal.truth().requests();
    let began = world.portal.now();
    for deal in &deals {
        world.drag(*deal);
    }
    // The accounting side lets five requests a second through, and two hundred are needed: the last of them, which
    // may be the first here, takes most of a minute.
    for deal in &deals {
        world.until_numbered(*deal).await;
    }
    let truth = world.portal.truth();
    let requests = truth.requests() - before;
    // How many there are in simulated time is asserted by `bench`, where no machine is slow. Here the accounting side's
    // limit is the slowest of all: a reading or a batch of writes for each second of it is more than it takes.
    let seconds = world.portal.now().duration_since(began).as_secs();
    let most = 60 + usize::try_from(seconds).unwrap();
    assert!(
        requests <= most,
        "{requests} requests in {seconds} s are too many"
    );
    assert_eq!(truth.limit_refusals(), 0);
    for deal in &deals {
        assert_eq!(world.bills_ever(*deal), 1, "bills of deal {deal}");
        let bill = world.bill(*deal);
        assert_eq!(bill.sum.0, office::KOPECKS);
    }
    let truth = world.kontur.truth();
    assert_eq!(truth.bills().count(), deals.len());
    let book = truth.organizations.values().next().unwrap();
    assert_eq!(book.contractors.len(), deals.len() / DEALS_EACH);
}
