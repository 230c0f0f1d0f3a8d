//! A person's order to try again: what it reopens, and what no order can send a second time.

use serde_json::{Value, json};
use store::*;

use crate::support::*;

/// A question about an effect of deal 1, or about a reading where there is none.
async fn ask(db: &Db, lease: &Lease, effect: Option<&NewEffect>) -> i64 {
    let facts = CaseFacts {
        code: String::from("ACTION-REFUSED"),
        cause: String::from("ACTION-REFUSED: closed period"),
        key: String::from("ACTION-REFUSED/issue_invoice"),
        subject: deal(1),
        facts: effect.map_or(json!({}), |new| json!({ "effect": new.key, "attempt": 1 })),
        text: String::from("Не удалось: выставить счёт в учёте."),
        waits_for: vec![deal(1)],
    };
    let record = Record {
        cases: vec![CaseChange::Open(facts)],
        ..Record::default()
    };
    db.store.record(lease, record, at(1)).await.unwrap();
    let filter = CaseFilter::default();
    let open = db.store.cases_open(&portal("a"), &filter).await;
    open.unwrap()[0].id
}

async fn change(db: &Db, lease: &Lease, id: i64, change: EffectChange) {
    let record = Record {
        effects: vec![(id, change)],
        ..Record::default()
    };
    db.store.record(lease, record, at(1)).await.unwrap();
}

fn refused() -> EffectChange {
    EffectChange::Refused {
        error: String::from("closed period"),
    }
}

async fn retry(db: &Db, case: i64) -> Retried {
    let seen = seen(db, case).await;
    let retried = db
        .store
        .case_retry(&portal("a"), &seen, "anna", at(5))
        .await;
    retried.unwrap()
}

async fn seen(db: &Db, case: i64) -> Case {
    let seen = db.store.case_get(&portal("a"), case).await;
    seen.unwrap().unwrap()
}

async fn effect(db: &Db, id: i64) -> Effect {
    let effect = db.store.effect_get(&portal("a"), id).await;
    effect.unwrap().unwrap()
}

async fn due_by_click(db: &Db, lease: &Lease) -> Vec<(Subject, Vec<String>)> {
    let due = db.store.work_take(lease, Lane::Click, 5, &[], at(5)).await;
    let due = due.unwrap().into_iter();
    due.map(|work| (work.subject, work.reasons)).collect()
}

conformance! {
    async fn an_order_answers_the_case_reopens_its_effect_and_makes_its_subject_due(db: &Db) {
        let lease = leased(db, 1).await;
        let sent = send_one(db, &lease, create(1, 1, "r1"), at(0)).await;
        change(db, &lease, sent.id, refused()).await;
        let case = ask(db, &lease, Some(&create(1, 1, "r1"))).await;
        let Retried::Ordered(answered) = retry(db, case).await else { panic!("not ordered") };
        assert_eq!((answered.state, answered.closed_at), (CaseState::Answered, Some(at(5))));
        assert_eq!(answered.answered_by.as_deref(), Some("anna"));
        let due = due_by_click(db, &lease).await;
        assert_eq!(due.len(), 1);
        assert_eq!(due[0].0, deal(1));
        assert!(due[0].1.iter().any(|reason| reason.starts_with("person ")), "{due:?}");
        let again = send_one(db, &lease, create(1, 1, "r1"), at(6)).await;
        assert_eq!((again.id, again.attempt), (sent.id, 1));
        // It is said once, in the story of the deal.
        db.store.record(&lease, Record { journal: vec![], ..Record::default() }, at(7)).await.unwrap();
        let filter = JournalFilter { subject: Some(deal(1)), ..JournalFilter::default() };
        let lines = db.store.journal_read(&portal("a"), &filter).await.unwrap();
        let told: Vec<&Value> = lines.iter().map(|line| &line.entry.body).collect();
        assert_eq!(told.len(), 1);
        assert_eq!((told[0]["retry"].as_str(), told[0]["by"].as_str()), (Some(sent.key.as_str()), Some("anna")));
    }

    async fn what_was_tried_too_often_has_all_its_attempts_again(db: &Db) {
        let lease = leased(db, 1).await;
        let wanted = [create(1, 1, "r1"), field_write(1, "№ 1")];
        for new in wanted {
            let mut id = 0;
            for _attempt in 0..MAX_ATTEMPTS {
                id = send_one(db, &lease, new.clone(), at(0)).await.id;
                let error = String::from("503");
                change(db, &lease, id, EffectChange::BackToIntended { error, not_before: None, counts: true }).await;
            }
            let case = ask(db, &lease, Some(&new)).await;
            assert!(matches!(retry(db, case).await, Retried::Ordered(_)));
            assert_eq!(send_one(db, &lease, new, at(6)).await.attempt, 1);
            change(db, &lease, id, EffectChange::Done { outcome: json!(1) }).await;
        }
    }

    async fn no_order_sends_again_what_may_have_happened(db: &Db) {
        let lease = leased(db, 1).await;
        let new = create(1, 1, "r1");
        let id = send_one(db, &lease, new.clone(), at(0)).await.id;
        let case = ask(db, &lease, Some(&new)).await;
        for state in [EffectState::Sent, EffectState::Unknown] {
            if state == EffectState::Unknown {
                change(db, &lease, id, EffectChange::Unknown { error: String::from("cut") }).await;
            }
            assert_eq!(retry(db, case).await, Retried::MayHaveHappened);
            assert_eq!(effect(db, id).await.state, state);
            let reason = String::from("x");
            let record = Record { effects: vec![(id, EffectChange::Reopened { reason })], ..Record::default() };
            assert!(db.store.record(&lease, record, at(5)).await.is_err());
        }
        assert_eq!(db.store.case_get(&portal("a"), case).await.unwrap().unwrap().state, CaseState::Open);
        assert!(due_by_click(db, &lease).await.is_empty());
    }

    async fn what_is_done_or_about_to_be_sent_stays_as_it_is(db: &Db) {
        let lease = leased(db, 1).await;
        let done = send_one(db, &lease, create(1, 1, "r1"), at(0)).await.id;
        change(db, &lease, done, EffectChange::Done { outcome: json!(1) }).await;
        let limited = send_one(db, &lease, create(1, 2, "r1"), at(0)).await.id;
        let (error, not_before) = (String::from("limit"), Some(at(600)));
        change(db, &lease, limited, EffectChange::BackToIntended { error, not_before, counts: false }).await;
        for new in [create(1, 1, "r1"), create(1, 2, "r1")] {
            let case = ask(db, &lease, Some(&new)).await;
            assert!(matches!(retry(db, case).await, Retried::Ordered(_)));
        }
        assert_eq!(effect(db, done).await.state, EffectState::Done);
        assert_eq!(effect(db, limited).await.not_before, Some(at(600)));
    }

    async fn a_reading_is_tried_again_by_a_look(db: &Db) {
        let lease = leased(db, 1).await;
        let case = ask(db, &lease, None).await;
        assert!(matches!(retry(db, case).await, Retried::Ordered(_)));
        assert_eq!(due_by_click(db, &lease).await.len(), 1);
    }

    async fn an_order_for_what_was_asked_anew_meanwhile_changes_nothing(db: &Db) {
        let lease = leased(db, 1).await;
        let sent = send_one(db, &lease, create(1, 1, "r1"), at(0)).await;
        change(db, &lease, sent.id, refused()).await;
        let case = ask(db, &lease, Some(&create(1, 1, "r1"))).await;
        let former = seen(db, case).await;
        let another = create(1, 2, "r1");
        assert_eq!(ask(db, &lease, Some(&another)).await, case, "the same question");
        let retried = db.store.case_retry(&portal("a"), &former, "anna", at(5)).await;
        assert_eq!(retried.unwrap(), Retried::Changed);
        assert_eq!(seen(db, case).await.state, CaseState::Open);
        assert_eq!(effect(db, sent.id).await.state, EffectState::Refused);
        assert!(due_by_click(db, &lease).await.is_empty());
    }

    async fn an_order_for_a_closed_case_or_another_portals_changes_nothing(db: &Db) {
        let lease = leased(db, 1).await;
        let sent = send_one(db, &lease, create(1, 1, "r1"), at(0)).await;
        change(db, &lease, sent.id, refused()).await;
        let case = ask(db, &lease, Some(&create(1, 1, "r1"))).await;
        db.store.portal_put(&a_portal("b")).await.unwrap();
        let asked = seen(db, case).await;
        assert_eq!(db.store.case_retry(&portal("b"), &asked, "eve", at(5)).await.unwrap(), Retried::NotOpen);
        let withdraw = CaseChange::Withdraw { subject: deal(1), key: String::from("ACTION-REFUSED/issue_invoice") };
        db.store.record(&lease, Record { cases: vec![withdraw], ..Record::default() }, at(2)).await.unwrap();
        for absent in [asked.clone(), Case { id: case + 1, ..asked }] {
            let retried = db.store.case_retry(&portal("a"), &absent, "anna", at(5)).await;
            assert_eq!(retried.unwrap(), Retried::NotOpen);
        }
        assert_eq!(effect(db, sent.id).await.state, EffectState::Refused);
    }
}
