//! Orders that are called: one a deal that waits, used up with what it caused and never taken for another.

use domain::{DealId, Order, OrderNumber};
use store::*;

use crate::support::*;

async fn call(db: &Db, id: u64, order: Order, seconds: i64) {
    db.store
        .order_call(&portal("a"), DealId(id), order, Lane::Click, at(seconds))
        .await
        .unwrap();
}

/// What waits for the first two deals: deal, number, order.
async fn waiting(db: &Db) -> Vec<(u64, u64, Order)> {
    let known = db.store.known(&portal("a"), &[deal(1), deal(2)]).await;
    let orders = known.unwrap().orders.into_iter();
    orders
        .map(|order| (order.deal.0, order.number.0, order.order))
        .collect()
}

async fn use_up(db: &Db, lease: &Lease, id: u64, number: u64) {
    let record = Record {
        orders: vec![(DealId(id), OrderNumber(number))],
        ..Record::default()
    };
    db.store.record(lease, record, at(9)).await.unwrap();
}

conformance! {
    async fn an_order_waits_with_a_look_and_a_line_of_the_journal(db: &Db) {
        db.store.portal_put(&a_portal("a")).await.unwrap();
        call(db, 1, Order::Issue, 5).await;
        assert_eq!(waiting(db).await, [(1, 1, Order::Issue)]);
        assert_eq!(db.store.next_due_of(&portal("a")).await.unwrap(), Some(at(5)));
        assert_eq!(db.store.journal_parked(&portal("a")).await.unwrap(), 1);
    }

    async fn the_same_order_called_again_while_it_waits_is_one_and_later_another(db: &Db) {
        let lease = leased(db, 1).await;
        call(db, 1, Order::Reissue, 5).await;
        call(db, 1, Order::Reissue, 6).await;
        call(db, 2, Order::Reissue, 6).await;
        assert_eq!(waiting(db).await, [(1, 1, Order::Reissue), (2, 1, Order::Reissue)]);
        use_up(db, &lease, 1, 1).await;
        assert_eq!(waiting(db).await, [(2, 1, Order::Reissue)]);
        call(db, 1, Order::Reissue, 7).await;
        assert_eq!(waiting(db).await, [(1, 2, Order::Reissue), (2, 1, Order::Reissue)]);
    }

    async fn another_order_takes_the_place_of_the_one_that_waits_and_outlives_its_outcome(db: &Db) {
        let lease = leased(db, 1).await;
        call(db, 1, Order::Issue, 5).await;
        call(db, 1, Order::Cancel, 6).await;
        assert_eq!(waiting(db).await, [(1, 2, Order::Cancel)]);
        use_up(db, &lease, 1, 1).await;
        assert_eq!(waiting(db).await, [(1, 2, Order::Cancel)]);
        use_up(db, &lease, 1, 2).await;
        assert_eq!(waiting(db).await, []);
    }

    async fn an_order_in_the_midst_of_a_look_keeps_its_deal_due(db: &Db) {
        let lease = leased(db, 1).await;
        let taken = db.store.work_take(&lease, Lane::Due, 1, &[], at(1)).await.unwrap();
        assert_eq!(taken[0].subject, deal(1));
        call(db, 1, Order::Issue, 2).await;
        db.store.record(&lease, settled(&taken[0], None), at(3)).await.unwrap();
        let again = db.store.work_take(&lease, Lane::Click, 1, &[], at(3)).await.unwrap();
        assert_eq!(again[0].subject, deal(1));
    }

    async fn one_that_cannot_be_kept_leaves_nothing(db: &Db) {
        db.store.portal_put(&a_portal("a")).await.unwrap();
        db.store.faults().fail_nth(1, Fault::DiskFull);
        let a = portal("a");
        let kept = db.store.order_call(&a, DealId(1), Order::Issue, Lane::Click, at(5));
        assert!(kept.await.is_err());
        assert_eq!(waiting(db).await, []);
        assert_eq!(db.store.next_due_of(&portal("a")).await.unwrap(), None);
    }
}
