//! Leaky buckets, pauses and breakers.

use store::*;

use crate::support::*;

async fn take(db: &Db, want: u32, ceiling: u32, now: jiff::Timestamp) -> BudgetGrant {
    db.store
        .budget_take("bitrix24/a/1.2.3.4", want, 50, 120, ceiling, now)
        .await
        .unwrap()
}

conformance! {
    async fn no_more_is_lent_than_the_bucket_holds(db: &Db) {
        let now = at(0);
        assert_eq!(take(db, 30, 50, now).await, BudgetGrant { granted: 30, retry_at: None });
        // A lane with a lower ceiling leaves the rest to those who may fill the bucket.
        assert_eq!(take(db, 30, 40, now).await.granted, 10);
        let none = take(db, 5, 40, now).await;
        assert_eq!(none.granted, 0);
        assert!(none.retry_at.unwrap() > now);
        assert_eq!(take(db, 10, 50, now).await.granted, 10);
        let other = db.store.budget_take("other", 7, 50, 120, 99, now).await.unwrap();
        assert_eq!(other.granted, 7);
    }

    async fn the_bucket_drains_with_time(db: &Db) {
        if db.form == Form::Postgres {
            // There it drains by the server's clock, which a test cannot set.
            return;
        }
        assert_eq!(take(db, 50, 50, at(0)).await.granted, 50);
        let wait = take(db, 1, 50, at(0)).await;
        assert_eq!(wait, BudgetGrant { granted: 0, retry_at: Some(at(0) + jiff::SignedDuration::from_millis(500)) });
        assert_eq!(take(db, 1, 50, wait.retry_at.unwrap()).await.granted, 1);
        assert_eq!(take(db, 100, 50, at(10)).await.granted, 19);
        // A clock that went back drains nothing.
        assert_eq!(take(db, 1, 50, at(-100)).await.granted, 0);
        assert_eq!(take(db, 100, 50, at(10_000)).await.granted, 50);
    }

    async fn over_an_hour_no_second_sees_more_than_the_remote_allows(db: &Db) {
        if db.form == Form::Postgres {
            return;
        }
        let (mut taken, mut moment) = (0, at(0));
        for step in 0..2_000_u32 {
            taken += take(db, 1 + step % 7, 50, moment).await.granted;
            let elapsed = u32::try_from(moment.duration_since(at(0)).as_millis()).unwrap();
            assert!(f64::from(taken) <= 50.0 + 2.0 * f64::from(elapsed) / 1000.0);
            moment += jiff::SignedDuration::from_millis(i64::from(step * 37 % 900));
        }
    }

    async fn room_is_told_and_not_lent(db: &Db) {
        let now = at(0);
        let room = async |ceiling, now, by| {
            let key = "bitrix24/a/1.2.3.4";
            db.store.budget_room(key, ceiling, 120, now, by).await.unwrap()
        };
        assert_eq!(room(40, now, now).await, 40, "a bucket that nobody used");
        assert_eq!(take(db, 45, 50, now).await.granted, 45);
        for _ in 0..2 {
            // On PostgreSQL a moment of the server's passes between two questions.
            assert!((9..=10).contains(&room(50, now, at(2)).await));
            assert_eq!(room(40, now, now).await, 0);
        }
        db.store.budget_hold("bitrix24/a/1.2.3.4", at(60)).await.unwrap();
        assert_eq!(room(50, now, at(59)).await, 0);
    }

    async fn a_hold_stops_everybody_and_a_shorter_one_does_not_end_it(db: &Db) {
        db.store.budget_hold("bitrix24/a/1.2.3.4", at(60)).await.unwrap();
        db.store.budget_hold("bitrix24/a/1.2.3.4", at(30)).await.unwrap();
        assert_eq!(take(db, 1, 50, at(59)).await, BudgetGrant { granted: 0, retry_at: Some(at(60)) });
        assert_eq!(take(db, 1, 50, at(60)).await.granted, 1);
    }

    async fn borrowers_at_once_share_one_bucket(db: &Db) {
        let now = jiff::Timestamp::now();
        let borrowers = (0..20).map(|_| {
            let store = db.store.clone();
            tokio::spawn(async move { store.budget_take("k", 5, 50, 1, 50, now).await.unwrap().granted })
        });
        let mut lent = 0;
        for borrower in borrowers.collect::<Vec<_>>() {
            lent += borrower.await.unwrap();
        }
        assert_eq!(lent, 50);
    }

    async fn methods_rest_and_breakers_are_shared(db: &Db) {
        db.store.portal_put(&a_portal("a")).await.unwrap();
        db.store.method_pause(&portal("a"), "crm.item.list", at(50)).await.unwrap();
        db.store.method_pause(&portal("a"), "crm.deal.list", at(40)).await.unwrap();
        db.store.method_pause(&portal("a"), "crm.deal.list", at(20)).await.unwrap();
        let pauses = db.store.method_pauses(&portal("a"), at(30)).await.unwrap();
        assert_eq!(pauses, [(String::from("crm.item.list"), at(50))]);
        assert_eq!(db.store.breaker_get(&portal("a"), "bitrix24").await.unwrap(), Breaker::default());
        let open = Breaker { failures: 5, open_until: Some(at(90)) };
        db.store.breaker_put(&portal("a"), "bitrix24", &open).await.unwrap();
        assert_eq!(db.store.breaker_get(&portal("a"), "bitrix24").await.unwrap(), open);
    }
}
