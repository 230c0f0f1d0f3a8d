//! The queue is a set; what is due is found, taken, settled and counted.

use futures_util::FutureExt as _;
use store::*;

use crate::support::*;

conformance! {
    async fn second_delivery_of_an_event_causes_one_look(db: &Db) {
        let lease = leased(db, 1).await;
        for _ in 0..3 {
            db.store.accept(&[event("a", deal(4711))], at(5)).await.unwrap();
        }
        let taken = db.store.work_take(&lease, Lane::Click, 10, &[], at(5)).await.unwrap();
        assert_eq!(taken.len(), 1);
        assert_eq!(taken[0].subject, deal(4711));
        assert_eq!(taken[0].version, 3);
        assert_eq!(taken[0].reasons, ["event ONCRMDEALUPDATE (online)"]);
        assert_eq!(db.store.inbox_count(&portal("a")).await.unwrap(), 3);
    }

    async fn the_echo_of_our_own_write_waits_for_the_others(db: &Db) {
        let lease = leased(db, 4711).await;
        let first = db.store.work_take(&lease, Lane::Due, 10, &[], at(0)).await.unwrap();
        db.store.record(&lease, settled(&first[0], None), at(0)).await.unwrap();
        send_one(db, &lease, field_write(4711, "17"), at(10)).await;
        db.store.accept(&[event("a", deal(4711)), event("a", deal(1))], at(12)).await.unwrap();
        let click = db.store.work_take(&lease, Lane::Click, 10, &[], at(12)).await.unwrap();
        assert_eq!(click.iter().map(|work| &work.subject).collect::<Vec<_>>(), [&deal(1)]);
        assert_eq!(db.store.next_due_of(&portal("a")).await.unwrap(), Some(at(12)));
        assert!(db.store.work_take(&lease, Lane::Due, 10, &[], at(13)).await.unwrap().is_empty());
        assert_eq!(db.store.work_take(&lease, Lane::Due, 10, &[], at(14)).await.unwrap().len(), 1);

        // Long after it, an event is news.
        db.store.accept(&[event("a", deal(4711))], at(16)).await.unwrap();
        assert_eq!(db.store.work_take(&lease, Lane::Click, 10, &[deal(1)], at(16)).await.unwrap().len(), 1);
    }

    async fn an_event_without_a_record_is_kept_and_causes_no_look(db: &Db) {
        let lease = leased(db, 1).await;
        let event = NewEvent { record: None, ..event("a", deal(1)) };
        db.store.accept(&[event], at(0)).await.unwrap();
        assert_eq!(db.store.inbox_count(&portal("a")).await.unwrap(), 1);
        assert!(db.store.work_take(&lease, Lane::Click, 10, &[], at(9)).await.unwrap().is_empty());
    }

    async fn an_event_of_an_unknown_portal_is_refused_with_all_beside_it(db: &Db) {
        leased(db, 1).await;
        let events = [event("a", deal(2)), event("nobody", deal(3))];
        assert!(db.store.accept(&events, at(0)).await.is_err());
        assert_eq!(db.store.inbox_count(&portal("a")).await.unwrap(), 0);
        // Among so many that some of them are stored by one statement.
        for unknown in [0, 7, 8, 16] {
            let whose = |n: u64| if n == unknown { "nobody" } else { "a" };
            let events: Vec<NewEvent> = (0..17).map(|n| event(whose(n), deal(n))).collect();
            assert!(db.store.accept(&events, at(0)).await.is_err());
            assert_eq!(db.store.inbox_count(&portal("a")).await.unwrap(), 0);
        }
    }

    async fn however_many_events_come_each_is_stored_as_it_is(db: &Db) {
        let lease = leased(db, 1).await;
        db.store.portal_put(&a_portal("b")).await.unwrap();
        let whose = |n: i64| if n % 3 == 0 { "b" } else { "a" };
        for count in [1_i64, 7, 8, 9, 16, 19] {
            let events = (0..count).map(|n| {
                let record = (n % 2 == 0).then(|| deal(n.unsigned_abs() + 1));
                NewEvent { record, received_at: at(n), ..event(whose(n), deal(1)) }
            });
            db.store.accept(&events.collect::<Vec<_>>(), at(0)).await.unwrap();
            for n in 0..count {
                let trimmed = db.store.inbox_trim(&portal(whose(n)), at(n + 1), 100).await.unwrap();
                assert_eq!(trimmed, 1, "event {n} of {count}");
            }
        }
        let taken = db.store.work_take(&lease, Lane::Click, 100, &[], at(0)).await.unwrap();
        let mut taken: Vec<Subject> = taken.into_iter().map(|work| work.subject).collect();
        let mut wanted = [3, 5, 9, 11, 15, 17].map(deal);
        taken.sort();
        wanted.sort();
        assert_eq!(taken, wanted);
    }

    async fn sooner_and_more_pressing_win(db: &Db) {
        let lease = leased(db, 1).await;
        for (lane, due) in [(Lane::Trailing, 50), (Lane::Click, 100), (Lane::Due, 70)] {
            db.store.look(&portal("a"), &[look(deal(2), lane, at(due))]).await.unwrap();
        }
        assert!(db.store.work_take(&lease, Lane::Click, 10, &[], at(49)).await.unwrap().is_empty());
        let taken = db.store.work_take(&lease, Lane::Click, 10, &[], at(50)).await.unwrap();
        assert_eq!(taken.iter().map(|work| (work.due_at, work.version)).collect::<Vec<_>>(), [(at(50), 3)]);
    }

    async fn taking_is_oldest_first_within_a_lane_and_leaves_out_what_is_named(db: &Db) {
        let lease = leased(db, 1).await;
        let looks: Vec<Look> = (10..20).map(|id| look(deal(id), Lane::Due, at(30 - i64::try_from(id).unwrap()))).collect();
        db.store.look(&portal("a"), &looks).await.unwrap();
        let taken = db.store.work_take(&lease, Lane::Due, 3, &[deal(19), deal(1)], at(60)).await.unwrap();
        let ids: Vec<_> = taken.iter().map(|work| work.subject.clone()).collect();
        assert_eq!(ids, [deal(18), deal(17), deal(16)]);
        assert!(db.store.work_take(&lease, Lane::Trailing, 3, &[], at(60)).await.unwrap().is_empty());
    }

    async fn a_settled_look_goes_or_moves_to_the_next(db: &Db) {
        let lease = leased(db, 1).await;
        db.store.look(&portal("a"), &[look(deal(2), Lane::Due, at(1))]).await.unwrap();
        let taken = db.store.work_take(&lease, Lane::Due, 10, &[], at(2)).await.unwrap();
        db.store.record(&lease, settled(&taken[0], None), at(2)).await.unwrap();
        db.store.record(&lease, settled(&taken[1], Some((at(60), Lane::Trailing, "file"))), at(2)).await.unwrap();
        assert!(db.store.work_take(&lease, Lane::Due, 10, &[], at(99)).await.unwrap().is_empty());
        assert_eq!(db.store.next_due_of(&portal("a")).await.unwrap(), Some(at(60)));
        let next = db.store.work_take(&lease, Lane::Trailing, 10, &[], at(60)).await.unwrap();
        assert_eq!(next[0].reasons, ["file"]);
    }

    async fn what_changed_while_it_was_looked_at_stays_due(db: &Db) {
        let lease = leased(db, 1).await;
        let taken = db.store.work_take(&lease, Lane::Due, 10, &[], at(2)).await.unwrap();
        db.store.look(&portal("a"), &[look(deal(1), Lane::Click, at(3))]).await.unwrap();
        db.store.record(&lease, settled(&taken[0], None), at(4)).await.unwrap();
        let again = db.store.work_take(&lease, Lane::Click, 10, &[], at(4)).await.unwrap();
        assert_eq!(again.len(), 1);
        // The same with a next look that is later: what came meanwhile is not put off by it.
        db.store.look(&portal("a"), &[look(deal(1), Lane::Click, at(5))]).await.unwrap();
        let put_off = settled(&again[0], Some((at(3600), Lane::Due, "hourly")));
        db.store.record(&lease, put_off, at(6)).await.unwrap();
        assert_eq!(db.store.work_take(&lease, Lane::Click, 10, &[], at(6)).await.unwrap().len(), 1);
    }

    async fn what_came_during_a_look_is_due_for_its_own_reason(db: &Db) {
        let lease = leased(db, 1).await;
        let found = Look { reason: "found by the sweep".to_owned(), ..look(deal(2), Lane::Due, at(1)) };
        db.store.look(&portal("a"), &[found]).await.unwrap();
        let mut taken = db.store.work_take(&lease, Lane::Due, 10, &[deal(1)], at(2)).await.unwrap();
        // The second time it came for the same reason as before.
        for second in [3, 5] {
            db.store.accept(&[event("a", deal(2))], at(second)).await.unwrap();
            db.store.record(&lease, settled(&taken[0], None), at(second + 1)).await.unwrap();
            taken = db.store.work_take(&lease, Lane::Click, 10, &[deal(1)], at(second + 1)).await.unwrap();
            assert_eq!(taken[0].reasons, ["event ONCRMDEALUPDATE (online)"]);
        }
    }

    async fn what_waits_for_a_reason_is_known_until_it_was_looked_at(db: &Db) {
        let lease = leased(db, 1).await;
        let waits = async |reason: &str| db.store.work_waits_for(&portal("a"), reason).await.unwrap();
        for reason in ["cannot be read: org", "another"] {
            let look = Look { reason: reason.to_owned(), ..look(deal(2), Lane::Due, at(600)) };
            db.store.look(&portal("a"), &[look]).await.unwrap();
        }
        assert!(waits("cannot be read: org").await);
        assert!(!waits("cannot be read: org-2").await);
        assert!(!waits("cannot be read").await);
        // Also while somebody looks at it.
        let taken = db.store.work_take(&lease, Lane::Due, 10, &[deal(1)], at(600)).await.unwrap();
        assert!(waits("cannot be read: org").await);
        db.store.record(&lease, settled(&taken[0], None), at(601)).await.unwrap();
        assert!(!waits("cannot be read: org").await);
        assert!(!db.store.work_waits_for(&portal("b"), "another").await.unwrap());
    }

    async fn what_is_in_the_queue_is_known_until_it_was_looked_at(db: &Db) {
        let lease = leased(db, 1).await;
        let among = async |name: &str| db.store.work_among(&portal(name), &[deal(2), deal(3)]).await.unwrap();
        assert!(among("a").await.is_empty());
        db.store.look(&portal("a"), &[look(deal(2), Lane::Due, at(600))]).await.unwrap();
        assert_eq!(among("a").await, [deal(2)]);
        assert!(among("b").await.is_empty());
        // Also while somebody looks at it.
        let taken = db.store.work_take(&lease, Lane::Due, 10, &[deal(1)], at(600)).await.unwrap();
        assert_eq!(among("a").await, [deal(2)]);
        db.store.record(&lease, settled(&taken[0], None), at(601)).await.unwrap();
        assert!(among("a").await.is_empty());
    }

    async fn when_the_last_event_came_is_known_however_late_the_look(db: &Db) {
        let lease = leased(db, 1).await;
        let heard = async |lane, second| {
            let taken = db.store.work_take(&lease, lane, 10, &[deal(1)], at(second)).await.unwrap();
            taken.into_iter().next().unwrap()
        };
        db.store.look(&portal("a"), &[look(deal(2), Lane::Due, at(1))]).await.unwrap();
        assert_eq!(heard(Lane::Due, 2).await.heard_at, None);
        for second in [3, 5] {
            db.store.accept(&[event("a", deal(2))], at(second)).await.unwrap();
        }
        db.store.look(&portal("a"), &[look(deal(2), Lane::Due, at(7))]).await.unwrap();
        let late = heard(Lane::Click, 600).await;
        assert_eq!(late.heard_at, Some(at(5)));
        db.store.record(&lease, settled(&late, Some((at(700), Lane::Due, "file"))), at(601)).await.unwrap();
        assert_eq!(heard(Lane::Due, 700).await.heard_at, None);
    }

    async fn deaths_are_counted_until_a_look_comes_to_its_end(db: &Db) {
        let lease = leased(db, 1).await;
        for died in 0..3 {
            let taken = db.store.work_take(&lease, Lane::Due, 10, &[], at(2)).await.unwrap();
            assert_eq!(taken[0].deaths, died);
            db.store.work_died(&lease, &taken).await.unwrap();
        }
        let taken = db.store.work_take(&lease, Lane::Due, 10, &[], at(2)).await.unwrap();
        db.store.record(&lease, settled(&taken[0], Some((at(5), Lane::Due, "again"))), at(2)).await.unwrap();
        assert_eq!(db.store.work_take(&lease, Lane::Due, 10, &[], at(5)).await.unwrap()[0].deaths, 0);
    }

    async fn a_death_blames_only_what_was_taken(db: &Db) {
        let lease = leased(db, 1).await;
        for id in 1..=20 {
            db.store.look(&portal("a"), &[look(deal(id), Lane::Due, at(0))]).await.unwrap();
        }
        let mut lease = lease;
        let mut sizes = Vec::new();
        for owner in ["second", "third", "fourth"] {
            let taken = db.store.work_take(&lease, Lane::Due, 50, &[], at(1)).await.unwrap();
            sizes.push(taken.len());
            db.store.lease_renew(&lease, std::time::Duration::ZERO, at(2)).await.unwrap();
            lease = db.store.lease_acquire(owner, HOUR, at(3)).await.unwrap().unwrap();
        }
        assert_eq!(sizes, [20, 7, 1], "all, then few suspects, then one");
        let first = db.store.work_take(&lease, Lane::Due, 50, &[], at(4)).await.unwrap();
        assert_eq!((first.len(), first[0].deaths), (1, 3));
        let rest = db.store.work_take(&lease, Lane::Due, 50, &[deal(1)], at(4)).await.unwrap();
        assert_eq!((rest.len(), rest[0].deaths), (1, 2));
    }

    async fn work_that_was_put_back_is_due_later_unless_something_came(db: &Db) {
        let lease = leased(db, 1).await;
        db.store.look(&portal("a"), &[look(deal(2), Lane::Due, at(0))]).await.unwrap();
        let taken = db.store.work_take(&lease, Lane::Due, 10, &[], at(2)).await.unwrap();
        db.store.look(&portal("a"), &[look(deal(2), Lane::Due, at(2))]).await.unwrap();
        db.store.work_put_back(&lease, &taken, at(30)).await.unwrap();
        let due = db.store.work_take(&lease, Lane::Due, 10, &[], at(3)).await.unwrap();
        assert_eq!(due.iter().map(|work| work.subject.clone()).collect::<Vec<_>>(), [deal(2)]);
        assert_eq!(db.store.work_take(&lease, Lane::Due, 10, &[], at(30)).await.unwrap().len(), 2);
    }

    async fn reasons_are_gathered_without_repetition_and_within_bounds(db: &Db) {
        let lease = leased(db, 1).await;
        for n in 0..60 {
            let reason = format!("reason {} with\na line break and some length to it", n % 40);
            let look = Look { reason, ..look(deal(1), Lane::Due, at(0)) };
            db.store.look(&portal("a"), &[look.clone(), look]).await.unwrap();
        }
        let reasons = db.store.work_take(&lease, Lane::Due, 1, &[], at(2)).await.unwrap().remove(0).reasons;
        assert_eq!(reasons[0], "test");
        assert_eq!(reasons[1], "reason 0 with a line break and some length to it");
        let mut single = reasons.clone();
        single.dedup();
        assert_eq!(single, reasons);
        assert!(reasons.join("\n").len() < 900);
    }

    async fn a_record_wakes_those_who_wait_for_it(db: &Db) {
        let lease = leased(db, 1).await;
        let company = Subject::new(SubjectKind::Company, "12");
        let ask = |id: u64| CaseFacts {
            code: String::from("DEAL-DATA-MISSING"),
            cause: String::from("kpp of company/12"),
            key: String::from("kpp"),
            subject: deal(id),
            facts: serde_json::json!({ "missing": ["kpp"] }),
            text: String::from("Укажите КПП"),
            waits_for: vec![company.clone(), Subject::new(SubjectKind::Requisite, "7")],
        };
        let cases = vec![CaseChange::Open(ask(50)), CaseChange::Open(ask(51))];
        db.store.record(&lease, Record { cases, ..Record::default() }, at(0)).await.unwrap();
        db.store.accept(&[event("a", company.clone())], at(1)).await.unwrap();
        let woken = db.store.work_take(&lease, Lane::Click, 10, &[], at(1)).await.unwrap();
        assert_eq!(woken.iter().map(|work| work.subject.clone()).collect::<Vec<_>>(), [deal(50), deal(51)]);
        for work in &woken {
            db.store.record(&lease, settled(work, None), at(1)).await.unwrap();
        }
        // The event of requisites does not say whose they are: they are looked at themselves too.
        let requisite = Subject::new(SubjectKind::Requisite, "8");
        db.store.accept(&[event("a", requisite.clone())], at(2)).await.unwrap();
        let woken = db.store.work_take(&lease, Lane::Click, 10, &[], at(2)).await.unwrap();
        assert_eq!(woken.iter().map(|work| work.subject.clone()).collect::<Vec<_>>(), [requisite]);
        assert_eq!(db.store.wake_waiters(&portal("a"), std::slice::from_ref(&company), at(3)).await.unwrap(), 2);
        let withdraw = CaseChange::Withdraw { subject: deal(50), key: String::from("kpp") };
        db.store.record(&lease, Record { cases: vec![withdraw], ..Record::default() }, at(4)).await.unwrap();
        assert_eq!(db.store.wake_waiters(&portal("a"), &[company], at(5)).await.unwrap(), 1);
    }

    async fn what_waits_for_a_reason_is_woken_by_it_and_nothing_else(db: &Db) {
        let lease = leased(db, 1).await;
        let waits = |id, reason: &str| Look { reason: reason.to_owned(), ..look(deal(id), Lane::Due, at(1_000)) };
        db.store.look(&portal("a"), &[waits(2, "an account"), waits(3, "an account"), waits(4, "a day")]).await.unwrap();
        db.store.work_wake(&lease, "an account", at(5)).await.unwrap();
        let taken = db.store.work_take(&lease, Lane::Due, 10, &[deal(1)], at(5)).await.unwrap();
        assert_eq!(taken.iter().map(|work| &work.subject).collect::<Vec<_>>(), [&deal(2), &deal(3)]);
        // One that is looked at meanwhile is looked at again, unless it waits for something else by then.
        let waiting = Some((at(2_000), Lane::Due, "an account"));
        db.store.record(&lease, settled(&taken[0], waiting), at(6)).await.unwrap();
        db.store.record(&lease, settled(&taken[1], Some((at(2_000), Lane::Due, "a day"))), at(6)).await.unwrap();
        let second = db.store.work_take(&lease, Lane::Due, 10, &[deal(1), deal(3), deal(4)], at(2_000)).await.unwrap();
        db.store.work_wake(&lease, "an account", at(2_001)).await.unwrap();
        db.store.record(&lease, settled(&second[0], None), at(2_002)).await.unwrap();
        let woken = db.store.work_take(&lease, Lane::Due, 10, &[deal(1), deal(3), deal(4)], at(2_002)).await.unwrap();
        assert_eq!(woken.iter().map(|work| &work.subject).collect::<Vec<_>>(), [&deal(2)]);
    }

    async fn one_portal_sees_nothing_of_another(db: &Db) {
        let lease = leased(db, 1).await;
        db.store.portal_put(&a_portal("b")).await.unwrap();
        db.store.look(&portal("b"), &[look(deal(1), Lane::Due, at(0)), look(deal(2), Lane::Due, at(0))]).await.unwrap();
        let taken = db.store.work_take(&lease, Lane::Due, 10, &[], at(1)).await.unwrap();
        assert_eq!(taken.len(), 1);
        db.store.record(&lease, settled(&taken[0], None), at(1)).await.unwrap();
        let other = db.store.lease_acquire("owner-2", HOUR, at(1)).await.unwrap().unwrap();
        assert_eq!(other.portal, portal("b"));
        assert_eq!(db.store.work_take(&other, Lane::Due, 10, &[], at(1)).await.unwrap().len(), 2);
    }

    async fn the_next_due_moment_is_known_over_all_portals(db: &Db) {
        assert_eq!(db.store.next_due(at(0)).await.unwrap(), None);
        for (name, due) in [("a", 50), ("b", 40), ("c", 10), ("d", 20)] {
            db.store.portal_put(&a_portal(name)).await.unwrap();
            db.store.look(&portal(name), &[look(deal(1), Lane::Due, at(due))]).await.unwrap();
        }
        set_paused(db, "c", true).await;
        set_mode(db, "d", Mode::Off).await;
        assert_eq!(db.store.next_due(at(0)).await.unwrap(), Some(at(40)));
        let lease = db.store.lease_acquire("o", HOUR, at(45)).await.unwrap().unwrap();
        assert_eq!(lease.portal, portal("b"));
        // The held one is of interest once its lease ends, so the other comes first.
        assert_eq!(db.store.next_due(at(45)).await.unwrap(), Some(at(50)));
    }

    async fn new_work_wakes_whoever_waits(db: &Db) {
        db.store.portal_put(&a_portal("a")).await.unwrap();
        let mut wakeups = db.store.wakeups();
        db.store.look(&portal("a"), &[look(deal(1), Lane::Due, at(0))]).await.unwrap();
        wakeups.wait().await;
        db.store.accept(&[event("a", deal(1))], at(0)).await.unwrap();
        wakeups.wait().await;
    }

    async fn what_waits_already_wakes_nobody_again(db: &Db) {
        leased(db, 1).await;
        db.store.accept(&[event("a", deal(7))], at(5)).await.unwrap();
        let mut wakeups = db.store.wakeups();
        db.store.accept(&[event("a", deal(7))], at(6)).await.unwrap();
        let is_woken = wakeups.wait().now_or_never().is_some();
        // PostgreSQL does not tell which rows it left as they were.
        assert!(!is_woken || db.form == Form::Postgres);
        // Another reason is no more work.
        let added = NewEvent { name: String::from("ONCRMDEALADD"), ..event("a", deal(7)) };
        db.store.accept(&[added], at(6)).await.unwrap();
        let is_woken = wakeups.wait().now_or_never().is_some();
        assert!(!is_woken || db.form == Form::Postgres);
        db.store.accept(&[event("a", deal(7)), event("a", deal(8))], at(7)).await.unwrap();
        assert!(wakeups.wait().now_or_never().is_some());

        // One that waits for later is news once an event says now.
        db.store.look(&portal("a"), &[look(deal(9), Lane::Due, at(90))]).await.unwrap();
        wakeups.wait().await;
        db.store.accept(&[event("a", deal(9))], at(8)).await.unwrap();
        assert!(wakeups.wait().now_or_never().is_some());
    }

    async fn old_events_are_removed_in_portions(db: &Db) {
        leased(db, 1).await;
        let events: Vec<NewEvent> = (0..10).map(|n| NewEvent { received_at: at(n), ..event("a", deal(1)) }).collect();
        db.store.accept(&events, at(0)).await.unwrap();
        assert_eq!(db.store.inbox_trim(&portal("a"), at(6), 4).await.unwrap(), 4);
        assert_eq!(db.store.inbox_trim(&portal("a"), at(6), 4).await.unwrap(), 2);
        assert_eq!(db.store.inbox_count(&portal("a")).await.unwrap(), 4);
    }

    async fn what_is_put_off_again_and_again_is_still_seen_as_old(db: &Db) {
        let lease = leased(db, 1).await;
        for round in 1..4 {
            let taken = db.store.work_take(&lease, Lane::Due, 10, &[], at(round * 100)).await.unwrap();
            db.store.work_put_back(&lease, &taken, at(round * 100 + 50)).await.unwrap();
        }
        let stats = db.store.stats(&portal("a"), at(301)).await.unwrap();
        assert_eq!(stats.lanes, [LaneStats { lane: Lane::Due, due: 0, later: 1, oldest_due_at: Some(at(0)) }]);
    }

    async fn figures_tell_how_old_the_queue_is(db: &Db) {
        let lease = leased(db, 1).await;
        db.store.look(&portal("a"), &[look(deal(2), Lane::Due, at(50)), look(deal(3), Lane::Click, at(5))]).await.unwrap();
        send_one(db, &lease, create(9, 1, "r1"), at(0)).await;
        let stats = db.store.stats(&portal("a"), at(10)).await.unwrap();
        assert_eq!(stats.lanes, [
            LaneStats { lane: Lane::Click, due: 1, later: 0, oldest_due_at: Some(at(5)) },
            LaneStats { lane: Lane::Due, due: 1, later: 1, oldest_due_at: Some(at(0)) },
        ]);
        assert_eq!((stats.sent_effects, stats.unknown_effects), (1, 0));
    }
}
