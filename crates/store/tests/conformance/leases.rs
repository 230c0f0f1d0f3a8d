//! One owner per portal, proved by a fence that only grows.

use std::time::Duration;

use store::*;

use crate::support::*;

conformance! {
    async fn a_held_portal_is_not_taken_twice(db: &Db) {
        let lease = leased(db, 1).await;
        assert_eq!((lease.portal.clone(), lease.fence), (portal("a"), 1));
        assert_eq!(db.store.lease_acquire("owner-2", HOUR, at(1)).await.unwrap(), None);
        let held = db.store.lease_of(&portal("a"), at(1)).await.unwrap().unwrap();
        assert_eq!(held.owner, "owner-1");
    }

    async fn the_portal_that_waits_longest_is_taken_first(db: &Db) {
        for (name, due) in [("a", 30), ("b", 10), ("c", 20), ("idle", 9999)] {
            db.store.portal_put(&a_portal(name)).await.unwrap();
            db.store.look(&portal(name), &[look(deal(1), Lane::Due, at(due))]).await.unwrap();
        }
        let mut taken = Vec::new();
        while let Some(lease) = db.store.lease_acquire("o", HOUR, at(100)).await.unwrap() {
            taken.push(lease.portal.to_string());
        }
        assert_eq!(taken, ["b", "c", "a"]);
    }

    async fn a_paused_portal_and_one_switched_off_are_left_alone(db: &Db) {
        let lease = leased(db, 1).await;
        db.store.lease_release(&lease).await.unwrap();
        set_paused(db, "a", true).await;
        assert_eq!(db.store.lease_acquire("o", HOUR, at(2)).await.unwrap(), None);
        set_paused(db, "a", false).await;
        set_mode(db, "a", Mode::Off).await;
        assert_eq!(db.store.lease_acquire("o", HOUR, at(4)).await.unwrap(), None);
        set_mode(db, "a", Mode::WatchOnly).await;
        assert!(db.store.lease_acquire("o", HOUR, at(6)).await.unwrap().is_some());
    }

    async fn an_expired_lease_is_renewed_only_while_nobody_took_it(db: &Db) {
        leased(db, 1).await;
        let first = db.store.lease_of(&portal("a"), at(1)).await.unwrap().unwrap();
        let expired = db.store.lease_renew(&first, Duration::ZERO, at(2)).await.unwrap();
        let renewed = db.store.lease_renew(&expired, Duration::ZERO, at(3)).await.unwrap();
        assert_eq!(renewed.fence, first.fence);
        let other = db.store.lease_acquire("owner-2", HOUR, at(4)).await.unwrap().unwrap();
        assert_eq!(other.fence, first.fence + 1);
        let lost = db.store.lease_renew(&renewed, HOUR, at(5)).await;
        assert!(matches!(lost, Err(StoreError::Fenced { fence: 1, .. })), "{lost:?}");
    }

    async fn whoever_lost_the_lease_can_write_nothing(db: &Db) {
        let old = leased(db, 1).await;
        let old = db.store.lease_renew(&old, Duration::ZERO, at(1)).await.unwrap();
        let new = db.store.lease_acquire("owner-2", HOUR, at(2)).await.unwrap().unwrap();
        let work = db.store.work_take(&new, Lane::Due, 1, &[], at(2)).await.unwrap();
        let fenced = |done: Result<(), StoreError>| assert!(matches!(done, Err(StoreError::Fenced { .. })), "{done:?}");
        fenced(db.store.effects_send(&old, &[create(1, 1, "r1")], 0, at(3)).await.map(drop));
        let record = Record { facts: vec![(String::from("chat"), String::from("1"))], ..settled(&work[0], None) };
        fenced(db.store.record(&old, record, at(3)).await);
        fenced(db.store.work_take(&old, Lane::Due, 1, &[], at(3)).await.map(drop));
        fenced(db.store.work_died(&old, &work).await);
        fenced(db.store.work_put_back(&old, &work, at(9)).await);
        fenced(db.store.lease_release(&old).await);
        assert_eq!(db.store.fact_get(&portal("a"), "chat").await.unwrap(), None);
        assert_eq!(db.store.known(&portal("a"), &[deal(1)]).await.unwrap(), Known::default());
        assert_eq!(db.store.next_due_of(&portal("a")).await.unwrap(), Some(at(0)));
    }

    async fn an_owner_of_the_same_name_after_a_restart_is_another_owner(db: &Db) {
        let old = leased(db, 1).await;
        let old = db.store.lease_renew(&old, Duration::ZERO, at(1)).await.unwrap();
        let new = db.store.lease_acquire(&old.owner, HOUR, at(2)).await.unwrap().unwrap();
        let lost = db.store.record(&old, Record::default(), at(3)).await;
        assert!(matches!(lost, Err(StoreError::Fenced { .. })));
        db.store.record(&new, Record::default(), at(3)).await.unwrap();
    }

    async fn nothing_is_sent_under_a_lease_whose_time_ran_out(db: &Db) {
        let lease = leased(db, 1).await;
        let lease = db.store.lease_renew(&lease, Duration::ZERO, at(1)).await.unwrap();
        let refused = db.store.effects_send(&lease, &[create(1, 1, "r1")], 0, at(2)).await;
        assert!(matches!(refused, Err(StoreError::Fenced { .. })), "{refused:?}");
        // What was done before may still be recorded: nobody took the portal.
        db.store.record(&lease, Record::default(), at(2)).await.unwrap();
    }

    async fn what_a_dead_owner_had_sent_is_unknown_and_its_looks_died(db: &Db) {
        let lease = leased(db, 1).await;
        let effect = send_one(db, &lease, create(1, 1, "r1"), at(1)).await;
        db.store.work_take(&lease, Lane::Due, 1, &[], at(1)).await.unwrap();
        db.store.lease_renew(&lease, Duration::ZERO, at(2)).await.unwrap();
        let next = db.store.lease_acquire("owner-2", HOUR, at(3)).await.unwrap().unwrap();
        let known = db.store.known(&portal("a"), &[deal(1)]).await.unwrap();
        assert_eq!(known.effects[0].state, EffectState::Unknown);
        assert_eq!(known.effects[0].quiet_until, effect.quiet_until);
        assert_eq!(db.store.work_take(&next, Lane::Due, 1, &[], at(3)).await.unwrap()[0].deaths, 1);
    }

    async fn a_portal_given_back_in_order_counts_no_death(db: &Db) {
        let lease = leased(db, 1).await;
        send_one(db, &lease, create(1, 1, "r1"), at(1)).await;
        db.store.work_take(&lease, Lane::Due, 1, &[], at(1)).await.unwrap();
        db.store.lease_release(&lease).await.unwrap();
        assert_eq!(db.store.lease_of(&portal("a"), at(2)).await.unwrap(), None);
        let next = db.store.lease_acquire("owner-2", HOUR, at(2)).await.unwrap().unwrap();
        assert_eq!(next.fence, 2);
        assert_eq!(db.store.work_take(&next, Lane::Due, 1, &[], at(3)).await.unwrap()[0].deaths, 0);
        // Whoever gave it back had no answer to what it had sent.
        let known = db.store.known(&portal("a"), &[deal(1)]).await.unwrap();
        assert_eq!(known.effects[0].state, EffectState::Unknown);
    }

    async fn of_many_takers_at_once_each_portal_gets_one(db: &Db) {
        for n in 0..12 {
            let name = format!("p{n:02}");
            db.store.portal_put(&a_portal(&name)).await.unwrap();
            db.store.look(&portal(&name), &[look(deal(1), Lane::Due, at(n))]).await.unwrap();
        }
        let stores = [db.store.clone(), if db.form == Form::Inline { db.store.clone() } else { db.another().await }];
        let takers = (0..24).map(|n| {
            let store = stores[n % 2].clone();
            tokio::spawn(async move {
                let mut taken = Vec::new();
                // A taker that finds others at work on the same row comes again, as the engine does.
                for _ in 0..4 {
                    if let Some(lease) = store.lease_acquire(&format!("o{n}"), HOUR, at(100)).await.unwrap() {
                        taken.push(lease.portal);
                    }
                }
                taken
            })
        });
        let mut taken = Vec::new();
        for taker in takers.collect::<Vec<_>>() {
            taken.extend(taker.await.unwrap());
        }
        taken.sort();
        assert_eq!(taken, (0..12).map(|n| portal(&format!("p{n:02}"))).collect::<Vec<_>>());
    }
}
