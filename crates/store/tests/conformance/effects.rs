//! Sending once, holding, superseding, and what becomes of effects.

use std::time::Duration;

use serde_json::json;
use store::*;

use crate::support::*;

async fn change(
    db: &Db,
    lease: &Lease,
    id: i64,
    change: EffectChange,
    now: i64,
) -> Result<(), StoreError> {
    db.store
        .record(
            lease,
            Record {
                effects: vec![(id, change)],
                ..Record::default()
            },
            at(now),
        )
        .await
}

async fn only(db: &Db, subject: Subject) -> Effect {
    let known = db.store.known(&portal("a"), &[subject]).await.unwrap();
    assert_eq!(known.effects.len(), 1);
    known.effects[0].clone()
}

async fn held(db: &Db, lease: &Lease, new: NewEffect, now: i64) -> Held {
    match db
        .store
        .effects_send(lease, &[new], 0, at(now))
        .await
        .unwrap()
        .remove(0)
    {
        SendDecision::Held { why, .. } => why,
        SendDecision::Send(effect) => panic!("sent: {effect:?}"),
    }
}

fn back(not_before: Option<i64>, counts: bool) -> EffectChange {
    EffectChange::BackToIntended {
        error: String::from("503"),
        not_before: not_before.map(at),
        counts,
    }
}

fn unknown() -> EffectChange {
    EffectChange::Unknown {
        error: String::from("timeout"),
    }
}

conformance! {
    async fn what_is_sent_is_stored_with_its_deadline_and_quiet_time(db: &Db) {
        let lease = leased(db, 1).await;
        let sent = send_one(db, &lease, create(1, 1, "r1"), at(10)).await;
        assert_eq!((sent.state, sent.attempt, sent.fence), (EffectState::Sent, 1, 1));
        assert_eq!((sent.sent_at, sent.not_after, sent.quiet_until), (Some(at(10)), Some(at(12)), Some(at(102))));
        assert_eq!(only(db, deal(1)).await, sent);
        assert_eq!(db.store.effect_get(&portal("a"), sent.id).await.unwrap(), Some(sent));
    }

    async fn what_is_stored_is_what_went_out_last_and_a_repetition_is_the_same_to_the_letter(db: &Db) {
        let lease = leased(db, 1).await;
        let worded = |word: &str| NewEffect {
            request: json!({"hash": "r1", "word": word}),
            repeatable: true,
            ..create(1, 1, "r1")
        };
        let sent = send_one(db, &lease, worded("first"), at(0)).await;
        change(db, &lease, sent.id, back(None, true), 1).await.unwrap();
        let again = send_one(db, &lease, worded("second"), at(2)).await;
        assert_eq!(again.request["word"], "second");
        assert_eq!(only(db, deal(1)).await, again);
        change(db, &lease, sent.id, unknown(), 3).await.unwrap();
        let repeated = send_one(db, &lease, worded("third"), at(4)).await;
        assert_eq!(repeated.request["word"], "second");
        let kept = Effect { repeats: false, ..repeated };
        assert_eq!(only(db, deal(1)).await, kept);
    }

    async fn nothing_goes_out_a_second_time_before_the_first_is_settled(db: &Db) {
        let lease = leased(db, 1).await;
        let sent = send_one(db, &lease, create(1, 1, "r1"), at(0)).await;
        assert_eq!(held(db, &lease, create(1, 1, "r1"), 1).await, Held::Unsettled);
        assert_eq!(held(db, &lease, create(1, 1, "r2"), 1).await, Held::Unsettled);
        change(db, &lease, sent.id, unknown(), 2).await.unwrap();
        assert_eq!(held(db, &lease, create(1, 1, "r2"), 500).await, Held::Unsettled);
        change(db, &lease, sent.id, EffectChange::Done { outcome: json!({ "id": 7 }) }, 3).await.unwrap();
        assert_eq!(held(db, &lease, create(1, 1, "r1"), 4).await, Held::Done);
        assert_eq!(held(db, &lease, create(1, 1, "r2"), 4).await, Held::Done);
        assert_eq!(only(db, deal(1)).await.outcome, Some(json!({ "id": 7 })));
    }

    async fn what_a_key_makes_the_same_goes_out_again_while_its_fate_is_unknown(db: &Db) {
        let lease = leased(db, 1).await;
        let again = |hash| NewEffect { repeatable: true, ..create(1, 1, hash) };
        let sent = send_one(db, &lease, again("r1"), at(0)).await;
        assert_eq!(held(db, &lease, again("r1"), 1).await, Held::Unsettled, "it is in the air");
        change(db, &lease, sent.id, unknown(), 2).await.unwrap();
        assert_eq!(held(db, &lease, create(1, 1, "r1"), 3).await, Held::Unsettled, "without a key that is honoured");
        assert_eq!(held(db, &lease, again("r2"), 3).await, Held::Unsettled, "another request");
        assert_eq!(held(db, &lease, NewEffect { repeatable: true, ..create(1, 2, "r1") }, 3).await, Held::OtherRevisionUnsettled);
        let repeated = send_one(db, &lease, again("r1"), at(4)).await;
        assert_eq!((repeated.id, repeated.attempt, repeated.quiet_until), (sent.id, 2, Some(at(96))));
        for attempt in 3..=MAX_ATTEMPTS {
            change(db, &lease, sent.id, unknown(), 5).await.unwrap();
            assert_eq!(send_one(db, &lease, again("r1"), at(5)).await.attempt, attempt);
        }
        change(db, &lease, sent.id, unknown(), 6).await.unwrap();
        assert_eq!(held(db, &lease, again("r1"), 7).await, Held::TooManyAttempts);
        let kept = db.store.effect_get(&portal("a"), sent.id).await.unwrap();
        assert_eq!(kept.map(|effect| effect.state), Some(EffectState::Unknown));
    }

    async fn a_repetition_that_had_no_effect_leaves_unknown_what_it_repeated(db: &Db) {
        let lease = leased(db, 1).await;
        let again = || NewEffect { repeatable: true, ..create(1, 1, "r1") };
        let first = send_one(db, &lease, again(), at(0)).await;
        assert!(!first.repeats);
        change(db, &lease, first.id, unknown(), 1).await.unwrap();
        let repetition = send_one(db, &lease, again(), at(2)).await;
        assert!(repetition.repeats);
        let limited = EffectChange::StillUnknown { error: String::from("429"), not_before: at(20), counts: false };
        change(db, &lease, first.id, limited, 3).await.unwrap();
        let kept = only(db, deal(1)).await;
        assert_eq!((kept.state, kept.attempt, kept.quiet_until), (EffectState::Unknown, 1, repetition.quiet_until));
        assert_eq!((kept.not_before, kept.error.as_deref()), (Some(at(20)), Some("429")));
        assert_eq!(held(db, &lease, again(), 19).await, Held::NotBefore, "as the remote asked");
        assert_eq!(send_one(db, &lease, again(), at(20)).await.attempt, 2);
    }

    async fn what_was_done_since_it_was_missed_is_not_done_again(db: &Db) {
        let lease = leased(db, 1).await;
        let wanted = |deal_id, missed_at| NewEffect {
            key: String::from("portal/counterparty/north/7707083893/-"),
            once: false,
            subject: deal(deal_id),
            action: String::from("create_counterparty"),
            missed_at: Some(at(missed_at)),
            ..create(deal_id, 1, "r1")
        };
        let sent = send_one(db, &lease, wanted(1, 0), at(1)).await;
        // Who missed it before and who missed it since wait alike while nobody knows whether it is there.
        assert_eq!(held(db, &lease, wanted(2, 0), 2).await, Held::Unsettled);
        change(db, &lease, sent.id, unknown(), 3).await.unwrap();
        assert_eq!(held(db, &lease, wanted(2, 4), 5).await, Held::Unsettled);
        change(db, &lease, sent.id, EffectChange::Done { outcome: json!({ "id": 7 }) }, 10).await.unwrap();
        for missed_at in [9, 10] {
            let decisions = db.store.effects_send(&lease, &[wanted(2, missed_at)], 0, at(11)).await.unwrap();
            let [SendDecision::Held { effect, why: Held::Done }] = &decisions[..] else { panic!("{decisions:?}") };
            assert_eq!((effect.id, &effect.outcome), (sent.id, &Some(json!({ "id": 7 }))));
        }
        // It is there no more.
        let again = send_one(db, &lease, wanted(2, 11), at(12)).await;
        assert_ne!(again.id, sent.id);
        assert_eq!((again.state, again.attempt, again.outcome), (EffectState::Sent, 1, None));
        assert_eq!(held(db, &lease, wanted(1, 5), 13).await, Held::Unsettled);
        change(db, &lease, again.id, EffectChange::Done { outcome: json!({ "id": 8 }) }, 14).await.unwrap();
        // Of two the last is there.
        let decisions = db.store.effects_send(&lease, &[wanted(1, 5)], 0, at(15)).await.unwrap();
        let [SendDecision::Held { effect, why: Held::Done }] = &decisions[..] else { panic!("{decisions:?}") };
        assert_eq!(effect.id, again.id);
    }

    async fn no_other_slot_goes_out_while_a_create_is_unsettled(db: &Db) {
        let lease = leased(db, 1).await;
        let first = send_one(db, &lease, create(1, 1, "r1"), at(0)).await;
        assert_eq!(held(db, &lease, create(1, 2, "r1"), 1).await, Held::OtherRevisionUnsettled);
        // Another deal and another kind of action are free.
        send_one(db, &lease, create(2, 1, "r1"), at(1)).await;
        let other = NewEffect { action: String::from("make_act"), key: String::from("act/1"), ..create(1, 1, "r1") };
        send_one(db, &lease, other, at(1)).await;
        change(db, &lease, first.id, EffectChange::Done { outcome: json!(1) }, 2).await.unwrap();
        send_one(db, &lease, create(1, 2, "r1"), at(3)).await;
    }

    async fn nothing_goes_out_by_a_former_policy_or_while_the_portal_is_paused(db: &Db) {
        let lease = leased(db, 1).await;
        let send = async |deal: u64, policy: i64| {
            let sent = db.store.effects_send(&lease, &[create(deal, 1, "r1")], policy, at(1)).await;
            match sent {
                Ok(decisions) => matches!(decisions[0], SendDecision::Send(_)),
                Err(StoreError::Overtaken { .. }) => false,
                Err(other) => panic!("{other:?}"),
            }
        };
        assert!(!send(1, 1).await, "there is none");
        assert!(send(1, 0).await);
        db.store.policy_add(&portal("a"), 0, &json!({}), "setup", at(1)).await.unwrap();
        assert!(!send(2, 0).await);
        assert!(send(2, 1).await);
        set_paused(db, "a", true).await;
        assert!(!send(3, 1).await);
        // Nothing is left of what did not go out.
        let known = db.store.known(&portal("a"), &[deal(3)]).await.unwrap();
        assert_eq!(known.effects, []);
        set_paused(db, "a", false).await;
        assert!(send(3, 1).await);
        set_mode(db, "a", Mode::WatchOnly).await;
        assert!(!send(4, 1).await);
    }

    async fn of_two_slots_in_one_batch_the_first_goes_out(db: &Db) {
        let lease = leased(db, 1).await;
        let batch = [create(1, 1, "r1"), create(1, 2, "r1"), create(1, 1, "r1"), create(2, 1, "r1")];
        let decisions = db.store.effects_send(&lease, &batch, 0, at(0)).await.unwrap();
        let sent: Vec<Option<Held>> = decisions.iter().map(|decision| match decision {
            SendDecision::Send(_) => None,
            SendDecision::Held { why, .. } => Some(*why),
        }).collect();
        assert_eq!(sent, [None, Some(Held::OtherRevisionUnsettled), Some(Held::Unsettled), None]);
    }

    async fn before_it_is_sent_another_request_takes_its_place(db: &Db) {
        let lease = leased(db, 1).await;
        let first = send_one(db, &lease, create(1, 1, "r1"), at(0)).await;
        change(db, &lease, first.id, back(Some(50), true), 1).await.unwrap();
        assert_eq!(held(db, &lease, create(1, 1, "r1"), 49).await, Held::NotBefore);
        // The remote's wish to be left alone holds for the new request too.
        assert_eq!(held(db, &lease, create(1, 1, "r2"), 49).await, Held::NotBefore);
        let waiting = only(db, deal(1)).await;
        assert_eq!((waiting.id, waiting.request_hash.as_str(), waiting.attempt), (first.id, "r2", 0));
        let second = send_one(db, &lease, create(1, 1, "r2"), at(50)).await;
        assert_eq!((second.id, second.request, second.attempt), (first.id, json!({ "hash": "r2" }), 1));
    }

    async fn what_was_refused_goes_out_only_as_another_request(db: &Db) {
        let lease = leased(db, 1).await;
        let first = send_one(db, &lease, create(1, 1, "r1"), at(0)).await;
        change(db, &lease, first.id, EffectChange::Refused { error: String::from("no kpp") }, 1).await.unwrap();
        assert_eq!(held(db, &lease, create(1, 1, "r1"), 2).await, Held::Refused);
        assert_eq!(only(db, deal(1)).await.error.as_deref(), Some("no kpp"));
        assert_eq!(send_one(db, &lease, create(1, 1, "r2"), at(3)).await.id, first.id);
    }

    async fn attempts_are_counted_before_they_leave_and_bounded(db: &Db) {
        let lease = leased(db, 1).await;
        for attempt in 1..=MAX_ATTEMPTS {
            let sent = send_one(db, &lease, create(1, 1, "r1"), at(0)).await;
            assert_eq!(sent.attempt, attempt);
            // The answer of a limit does not count.
            change(db, &lease, sent.id, back(None, false), 0).await.unwrap();
            let sent = send_one(db, &lease, create(1, 1, "r1"), at(0)).await;
            assert_eq!(sent.attempt, attempt);
            change(db, &lease, sent.id, back(None, true), 0).await.unwrap();
        }
        assert_eq!(held(db, &lease, create(1, 1, "r1"), 1).await, Held::TooManyAttempts);
        let id = only(db, deal(1)).await.id;
        change(db, &lease, id, EffectChange::Reopened { reason: String::from("Анна: ещё раз") }, 2).await.unwrap();
        assert_eq!(send_one(db, &lease, create(1, 1, "r1"), at(3)).await.attempt, 1);
    }

    async fn absence_counts_only_after_the_quiet_time(db: &Db) {
        let lease = leased(db, 1).await;
        let sent = send_one(db, &lease, create(1, 1, "r1"), at(0)).await;
        change(db, &lease, sent.id, unknown(), 5).await.unwrap();
        change(db, &lease, sent.id, EffectChange::LookedUpAbsent, 91).await.unwrap();
        let effect = only(db, deal(1)).await;
        assert_eq!((effect.absent_looks, effect.first_absent_at), (0, None));
        change(db, &lease, sent.id, EffectChange::LookedUpAbsent, 92).await.unwrap();
        change(db, &lease, sent.id, EffectChange::LookedUpAbsent, 130).await.unwrap();
        let effect = only(db, deal(1)).await;
        assert_eq!((effect.absent_looks, effect.first_absent_at), (2, Some(at(92))));
        change(db, &lease, sent.id, back(None, true), 131).await.unwrap();
        let again = send_one(db, &lease, create(1, 1, "r1"), at(132)).await;
        assert_eq!((again.attempt, again.absent_looks, again.quiet_until), (2, 0, Some(at(224))));
    }

    async fn a_settled_effect_never_moves_but_by_a_person(db: &Db) {
        let lease = leased(db, 1).await;
        let done = send_one(db, &lease, create(1, 1, "r1"), at(0)).await.id;
        change(db, &lease, done, EffectChange::Done { outcome: json!(1) }, 1).await.unwrap();
        let refused = send_one(db, &lease, create(2, 1, "r1"), at(0)).await.id;
        change(db, &lease, refused, EffectChange::Refused { error: String::from("x") }, 1).await.unwrap();
        let moves = [
            EffectChange::Done { outcome: json!(2) },
            unknown(),
            back(None, true),
            EffectChange::LookedUpAbsent,
            EffectChange::Refused { error: String::from("y") },
        ];
        for id in [done, refused] {
            for one in &moves {
                let moved = change(db, &lease, id, one.clone(), 2).await;
                assert!(matches!(moved, Err(StoreError::WrongState { .. })), "{one:?}: {moved:?}");
            }
        }
        let reopened = EffectChange::Reopened { reason: String::from("x") };
        assert!(change(db, &lease, done, reopened.clone(), 3).await.is_err());
        change(db, &lease, refused, reopened, 3).await.unwrap();
    }

    async fn a_create_under_way_cannot_be_dropped(db: &Db) {
        let lease = leased(db, 1).await;
        let id = send_one(db, &lease, create(1, 1, "r1"), at(0)).await.id;
        let drop_it = EffectChange::Superseded { reason: String::from("deal lost") };
        assert!(change(db, &lease, id, drop_it.clone(), 1).await.is_err());
        change(db, &lease, id, unknown(), 1).await.unwrap();
        assert!(change(db, &lease, id, drop_it.clone(), 1).await.is_err());
        change(db, &lease, id, back(None, true), 1).await.unwrap();
        change(db, &lease, id, drop_it, 2).await.unwrap();
        // Wanted again later, it goes out in the same slot.
        assert_eq!(send_one(db, &lease, create(1, 1, "r1"), at(3)).await.id, id);
    }

    async fn a_wrong_change_takes_the_whole_record_with_it(db: &Db) {
        let lease = leased(db, 1).await;
        let id = send_one(db, &lease, create(1, 1, "r1"), at(0)).await.id;
        let record = Record {
            effects: vec![(id, EffectChange::Done { outcome: json!(1) }), (id + 99, unknown())],
            facts: vec![(String::from("chat"), String::from("1"))],
            ..Record::default()
        };
        assert!(matches!(db.store.record(&lease, record, at(1)).await, Err(StoreError::WrongState { .. })));
        assert_eq!(only(db, deal(1)).await.state, EffectState::Sent);
        assert_eq!(db.store.fact_get(&portal("a"), "chat").await.unwrap(), None);
    }

    async fn a_field_write_is_unique_only_while_it_is_not_settled(db: &Db) {
        let lease = leased(db, 1).await;
        let first = send_one(db, &lease, field_write(1, "v1"), at(0)).await;
        assert_eq!(held(db, &lease, field_write(1, "v1"), 1).await, Held::Unsettled);
        change(db, &lease, first.id, EffectChange::Done { outcome: json!(null) }, 2).await.unwrap();
        let second = send_one(db, &lease, field_write(1, "v1"), at(3)).await;
        assert_ne!(second.id, first.id);
        change(db, &lease, second.id, EffectChange::Done { outcome: json!(null) }, 4).await.unwrap();
        assert!(db.store.known(&portal("a"), &[deal(1)]).await.unwrap().effects.is_empty());
        let done = db.store.effects_done_since(&portal("a"), &[deal(1)], at(3)).await.unwrap();
        assert_eq!(done.iter().map(|effect| effect.id).collect::<Vec<_>>(), [second.id]);
        assert_eq!(db.store.effects_trim(&portal("a"), at(9), 1).await.unwrap(), 1);
        assert_eq!(db.store.effects_trim(&portal("a"), at(9), 9).await.unwrap(), 1);
    }

    async fn slots_are_never_trimmed(db: &Db) {
        let lease = leased(db, 1).await;
        let id = send_one(db, &lease, create(1, 1, "r1"), at(0)).await.id;
        change(db, &lease, id, EffectChange::Done { outcome: json!(1) }, 1).await.unwrap();
        assert_eq!(db.store.effects_trim(&portal("a"), at(999), 10).await.unwrap(), 0);
        assert_eq!(held(db, &lease, create(1, 1, "r1"), 1000).await, Held::Done);
    }

    async fn a_first_moment_holds_an_effect(db: &Db) {
        let lease = leased(db, 1).await;
        let later = NewEffect { not_before: Some(at(60)), quiet: Duration::ZERO, ..create(1, 1, "r1") };
        assert_eq!(held(db, &lease, later.clone(), 59).await, Held::NotBefore);
        assert_eq!(send_one(db, &lease, later, at(60)).await.quiet_until, Some(at(62)));
    }

    async fn an_effect_belongs_to_whoever_sent_it_last(db: &Db) {
        let lease = leased(db, 1).await;
        let of = |subject| NewEffect { subject, ..create(1, 1, "r1") };
        let first = send_one(db, &lease, of(deal(1)), at(0)).await;
        change(db, &lease, first.id, back(None, true), 1).await.unwrap();
        let second = send_one(db, &lease, of(deal(2)), at(2)).await;
        assert_eq!((second.id, &second.subject), (first.id, &deal(2)));
        assert_eq!(only(db, deal(2)).await.state, EffectState::Sent);
        let of_first = db.store.known(&portal("a"), &[deal(1)]).await.unwrap().effects;
        assert!(of_first.is_empty(), "{of_first:?}");
    }

    async fn the_same_key_in_another_portal_is_another_effect(db: &Db) {
        let lease = leased(db, 1).await;
        db.store.portal_put(&a_portal("b")).await.unwrap();
        db.store.look(&portal("b"), &[look(deal(1), Lane::Due, at(0))]).await.unwrap();
        let other = db.store.lease_acquire("o", HOUR, at(0)).await.unwrap().unwrap();
        let first = send_one(db, &lease, create(1, 1, "r1"), at(0)).await;
        let second = send_one(db, &other, create(1, 1, "r1"), at(0)).await;
        assert_ne!(first.id, second.id);
        let stolen = change(db, &other, first.id, EffectChange::Done { outcome: json!(1) }, 1).await;
        assert!(matches!(stolen, Err(StoreError::WrongState { .. })));
        assert_eq!(db.store.effect_get(&portal("b"), first.id).await.unwrap(), None);
    }
}
