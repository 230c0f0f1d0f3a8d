//! Cases, policy and organisations.

use domain::{OrganisationId, UserId};
use serde_json::json;
use store::*;

use crate::support::*;

fn ask(id: u64, missing: &str) -> CaseFacts {
    CaseFacts {
        code: String::from("DEAL-DATA-MISSING"),
        cause: format!("company/12 {missing}"),
        key: String::from("data"),
        subject: deal(id),
        facts: json!({ "missing": [missing] }),
        text: format!("Заполните: {missing}"),
        waits_for: vec![Subject::new(SubjectKind::Company, "12")],
    }
}

async fn apply(db: &Db, lease: &Lease, change: CaseChange, now: i64) {
    db.store
        .record(
            lease,
            Record {
                cases: vec![change],
                ..Record::default()
            },
            at(now),
        )
        .await
        .unwrap();
}

async fn open(db: &Db) -> Vec<Case> {
    db.store
        .cases_open(&portal("a"), &CaseFilter::default())
        .await
        .unwrap()
}

conformance! {
    async fn asking_the_same_again_changes_nothing(db: &Db) {
        let lease = leased(db, 1).await;
        apply(db, &lease, CaseChange::Open(ask(1, "КПП")), 1).await;
        let before = open(db).await;
        apply(db, &lease, CaseChange::Told { id: before[0].id, at: at(2), message: None }, 2).await;
        apply(db, &lease, CaseChange::Open(ask(1, "КПП")), 3).await;
        let after = open(db).await;
        assert_eq!(after.len(), 1);
        assert_eq!((after[0].opened_at, after[0].changed_at, after[0].told_at), (at(1), at(1), Some(at(2))));
        assert_eq!(after[0].facts, ask(1, "КПП"));
    }

    async fn of_a_question_that_is_another_managers_by_now_nobody_was_told(db: &Db) {
        let lease = leased(db, 1).await;
        let of = |user: Option<u64>| {
            let mut facts = ask(1, "КПП");
            if let Some(user) = user {
                facts.facts[store::WHOM] = json!(user);
            }
            facts
        };
        apply(db, &lease, CaseChange::Open(of(None)), 1).await;
        apply(db, &lease, CaseChange::Open(of(Some(5))), 2).await;
        assert_eq!(open(db).await[0].changed_at, at(1), "nobody noted whose it was");
        apply(db, &lease, CaseChange::Open(of(Some(6))), 3).await;
        assert_eq!(open(db).await[0].changed_at, at(3));
        apply(db, &lease, CaseChange::Open(of(Some(6))), 4).await;
        assert_eq!(open(db).await[0].changed_at, at(3));
        // Who heard it knows it, whomever it is for; and nobody knows another text.
        let facts = of(None);
        let told = CaseChange::ToldOf {
            subject: facts.subject.clone(),
            key: facts.key.clone(),
            sent_at: at(4),
            at: at(4),
            within: Some(ToldIn::Bell { user: UserId(6), list: 0 }),
        };
        apply(db, &lease, told, 4).await;
        apply(db, &lease, CaseChange::Open(of(Some(7))), 5).await;
        let handed = open(db).await.remove(0);
        assert_eq!((handed.changed_at, handed.told_to), (at(5), Some(UserId(6))));
        apply(db, &lease, CaseChange::Open(ask(1, "ИНН")), 6).await;
        assert_eq!(open(db).await[0].told_to, None);
    }

    async fn of_a_text_that_an_older_program_changed_nobody_was_told(db: &Db) {
        let lease = leased(db, 1).await;
        for deal in [1, 2] {
            let facts = ask(deal, "КПП");
            let told = CaseChange::ToldOf {
                subject: facts.subject.clone(),
                key: facts.key.clone(),
                sent_at: at(2),
                at: at(2),
                within: Some(ToldIn::Bell { user: UserId(5), list: 0 }),
            };
            apply(db, &lease, CaseChange::Open(facts), 1).await;
            apply(db, &lease, told, 2).await;
        }
        // It left who was told of the former text.
        let first = open(db).await[0].id;
        let changed = format!("UPDATE office_case SET text = 'Другое', changed_at = told_at + 1 WHERE id = {first}");
        db.meddle(&changed).await;
        db.meddle(include_str!("../../migrations/0025_told_of_this_text.sql")).await;
        let told: Vec<_> = open(db).await.iter().map(|case| case.told_to).collect();
        assert_eq!(told, [None, Some(UserId(5))]);
    }

    async fn somebody_is_told_of_a_question_whose_number_nobody_knows(db: &Db) {
        let lease = leased(db, 1).await;
        apply(db, &lease, CaseChange::Open(ask(1, "КПП")), 1).await;
        let facts = ask(1, "КПП");
        let told = |key: &str| CaseChange::ToldOf { subject: facts.subject.clone(), key: key.to_owned(), sent_at: at(1), at: at(2), within: None };
        apply(db, &lease, told("another"), 2).await;
        assert_eq!(open(db).await[0].told_at, None);
        apply(db, &lease, told(&facts.key), 2).await;
        assert_eq!(open(db).await[0].told_at, Some(at(2)));
    }

    async fn of_what_a_question_says_by_now_nobody_was_told_before(db: &Db) {
        let lease = leased(db, 1).await;
        apply(db, &lease, CaseChange::Open(ask(1, "КПП")), 1).await;
        apply(db, &lease, CaseChange::Open(ask(1, "ИНН")), 3).await;
        let facts = ask(1, "ИНН");
        let told = |sent: i64| CaseChange::ToldOf {
            subject: facts.subject.clone(),
            key: facts.key.clone(),
            sent_at: at(sent),
            at: at(5),
            within: None,
        };
        // Sent before a crash, found after it.
        apply(db, &lease, told(2), 5).await;
        assert_eq!(open(db).await[0].told_at, None);
        apply(db, &lease, told(3), 5).await;
        assert_eq!(open(db).await[0].told_at, Some(at(5)));
    }

    async fn what_people_were_told_together_is_the_last_list_of_each(db: &Db) {
        let lease = leased(db, 1).await;
        for deal in 1..=6 {
            apply(db, &lease, CaseChange::Open(ask(deal, "КПП")), 1).await;
        }
        let told = |deal: u64, user: u64, list: u32| CaseChange::ToldOf {
            subject: ask(deal, "КПП").subject,
            key: ask(deal, "КПП").key,
            sent_at: at(2),
            at: at(2),
            within: Some(ToldIn::Bell { user: UserId(user), list }),
        };
        for (deal, user, list) in [(1, 5, 0), (2, 5, 1), (3, 5, 2), (4, 5, 2), (5, 7, 0)] {
            apply(db, &lease, told(deal, user, list), 2).await;
        }
        let together = async || {
            let told = db.store.cases_told(&portal("a"), [ask(1, "КПП").cause]).await.unwrap();
            let of = |one: &Told| (one.subject.as_deal().unwrap().0, one.user.0, one.list);
            told.iter().map(of).collect::<Vec<_>>()
        };
        assert_eq!(together().await, [(1, 5, 0), (3, 5, 2), (4, 5, 2), (5, 7, 0)]);
        // Another text is another question, of which nobody was told.
        let other = CaseFacts { text: "Другое".to_owned(), ..ask(3, "КПП") };
        apply(db, &lease, CaseChange::Open(other), 3).await;
        assert_eq!(together().await, [(1, 5, 0), (4, 5, 2), (5, 7, 0)]);
        assert!(db.store.cases_told(&portal("a"), ["иное".to_owned()]).await.unwrap().is_empty());
    }

    async fn what_somebody_heard_who_is_gone_was_told_to_nobody(db: &Db) {
        let lease = leased(db, 1).await;
        let overdue = CaseFacts { key: "INVOICE-OVERDUE".to_owned(), ..ask(3, "срок") };
        let asked = [ask(1, "КПП"), ask(2, "КПП"), overdue];
        for (facts, user) in asked.into_iter().zip([5, 7, 5]) {
            let told = CaseChange::ToldOf {
                subject: facts.subject.clone(),
                key: facts.key.clone(),
                sent_at: at(2),
                at: at(2),
                within: Some(ToldIn::Bell { user: UserId(user), list: 0 }),
            };
            apply(db, &lease, CaseChange::Open(facts), 1).await;
            apply(db, &lease, told, 2).await;
        }
        let heard = async || db.store.cases_heard_by(&portal("a")).await.unwrap();
        assert_eq!(heard().await, [UserId(5), UserId(7)]);
        apply(db, &lease, CaseChange::Unheard(UserId(5)), 3).await;
        assert_eq!(heard().await, [UserId(7)]);
        let told: Vec<_> = open(db).await.iter().map(|case| case.told_at).collect();
        assert_eq!(told, [None, Some(at(2)), Some(at(2))]);
    }

    async fn what_the_administrator_was_told_is_in_the_last_message_of_the_chat(db: &Db) {
        let lease = leased(db, 1).await;
        for deal in 1..=6 {
            apply(db, &lease, CaseChange::Open(ask(deal, "КПП")), 1).await;
        }
        let told = |deal: u64, dialog: &str, id: &str, when: i64| CaseChange::ToldOf {
            subject: ask(deal, "КПП").subject,
            key: ask(deal, "КПП").key,
            sent_at: at(when),
            at: at(when),
            within: Some(ToldIn::Chat(ChatMessage { dialog: dialog.to_owned(), id: id.to_owned() })),
        };
        let state = async |dialog: &str, at_most: usize| {
            let causes = [ask(1, "КПП").cause];
            let read = db.store.cases_told_administrator(&portal("a"), dialog, causes, at_most).await.unwrap();
            let of = |one: &ToldAdministrator| (one.subject.as_deal().unwrap().0, one.of);
            let message = |one: &CauseMessage| (one.id.clone(), one.at);
            (read.0.iter().map(of).collect::<Vec<_>>(), read.1.iter().map(message).collect::<Vec<_>>())
        };
        assert_eq!(state("chat12", 9).await, (vec![], vec![]));
        for (deal, dialog, id, when) in [(1, "7", "5", 2), (2, "chat12", "8", 3), (3, "chat12", "9", 4), (4, "chat12", "8", 5)] {
            apply(db, &lease, told(deal, dialog, id, when), when).await;
        }
        // A person who was told by a bell is no administrator.
        let bell = CaseChange::ToldOf {
            subject: ask(5, "КПП").subject,
            key: ask(5, "КПП").key,
            sent_at: at(5),
            at: at(5),
            within: Some(ToldIn::Bell { user: UserId(5), list: 0 }),
        };
        apply(db, &lease, bell, 5).await;
        let messages = vec![("9".to_owned(), at(4)), ("8".to_owned(), at(5))];
        assert_eq!(state("chat12", 9).await, (vec![(4, 4), (3, 4), (2, 4), (1, 4)], messages.clone()));
        assert_eq!(state("chat12", 2).await, (vec![(4, 4), (3, 4)], messages));
        assert_eq!(state("7", 1).await.1, [("5".to_owned(), at(2))]);
        // Another text is to be told, in the same message; another cause, in another.
        let other = CaseFacts { text: "Другое".to_owned(), ..ask(4, "КПП") };
        apply(db, &lease, CaseChange::Open(other), 6).await;
        let cause = CaseFacts { cause: "иная".to_owned(), ..ask(3, "КПП") };
        apply(db, &lease, CaseChange::Open(cause), 6).await;
        assert_eq!(state("chat12", 9).await, (vec![(2, 2), (1, 2)], vec![("8".to_owned(), at(5))]));
        // What can be edited no more tells still, but nothing joins it.
        apply(db, &lease, CaseChange::Unedited("8".to_owned()), 7).await;
        assert_eq!(state("chat12", 9).await, (vec![(2, 2), (1, 2)], vec![]));
    }

    async fn other_facts_replace_the_question_in_place(db: &Db) {
        let lease = leased(db, 1).await;
        apply(db, &lease, CaseChange::Open(ask(1, "КПП")), 1).await;
        let other = CaseFacts { waits_for: vec![Subject::new(SubjectKind::Contact, "5")], ..ask(1, "ИНН") };
        apply(db, &lease, CaseChange::Open(other.clone()), 2).await;
        let cases = open(db).await;
        assert_eq!(cases.len(), 1);
        assert_eq!((cases[0].opened_at, cases[0].changed_at), (at(1), at(2)));
        assert_eq!(cases[0].facts, other);
        let company = [Subject::new(SubjectKind::Company, "12")];
        assert_eq!(db.store.wake_waiters(&portal("a"), &company, at(3)).await.unwrap(), 0);
        let contact = [Subject::new(SubjectKind::Contact, "5")];
        assert_eq!(db.store.wake_waiters(&portal("a"), &contact, at(3)).await.unwrap(), 1);
    }

    async fn a_withdrawn_case_may_be_asked_anew(db: &Db) {
        let lease = leased(db, 1).await;
        let withdraw = CaseChange::Withdraw { subject: deal(1), key: String::from("data") };
        apply(db, &lease, withdraw.clone(), 0).await;
        apply(db, &lease, CaseChange::Open(ask(1, "КПП")), 1).await;
        let first = open(db).await[0].id;
        apply(db, &lease, withdraw, 2).await;
        assert!(open(db).await.is_empty());
        let case = db.store.case_get(&portal("a"), first).await.unwrap().unwrap();
        assert_eq!((case.state, case.closed_at), (CaseState::Withdrawn, Some(at(2))));
        apply(db, &lease, CaseChange::Open(ask(1, "КПП")), 3).await;
        assert_ne!(open(db).await[0].id, first);
    }

    async fn an_answer_is_known_and_looked_at_at_once(db: &Db) {
        let lease = leased(db, 1).await;
        apply(db, &lease, CaseChange::Open(ask(5, "КПП")), 1).await;
        let asked = open(db).await[0].clone();
        apply(db, &lease, CaseChange::Open(CaseFacts { facts: json!({ "other": 1 }), ..asked.facts.clone() }), 1).await;
        let answer = json!({ "choose": "inv-1" });
        assert!(!db.store.case_answer(&portal("a"), &asked, &answer, "user/7", at(2)).await.unwrap());
        let asked = open(db).await[0].clone();
        assert!(db.store.case_answer(&portal("a"), &asked, &answer, "user/7", at(2)).await.unwrap());
        assert!(!db.store.case_answer(&portal("a"), &asked, &json!("later"), "user/8", at(3)).await.unwrap());
        let known = db.store.known(&portal("a"), &[deal(5)]).await.unwrap();
        assert_eq!(known.cases[0].answer, Some(answer));
        assert_eq!(known.cases[0].answered_by.as_deref(), Some("user/7"));
        let due = db.store.work_take(&lease, Lane::Click, 5, &[], at(2)).await.unwrap();
        assert_eq!(due[0].subject, deal(5));
        assert!(!db.store.case_answer(&portal("b"), &asked, &json!(1), "x", at(4)).await.unwrap());
    }

    async fn who_remembers_the_answers_that_he_read_reads_only_what_came_since(db: &Db) {
        let lease = leased(db, 1).await;
        let since = async |after: i64| {
            let cases = db.store.cases_since(&portal("a"), &deal(5), after).await.unwrap();
            cases.into_iter().map(|case| (case.id, case.state)).collect::<Vec<_>>()
        };
        // Each answered before the next is asked; another subject's is none of them, nor what was withdrawn.
        apply(db, &lease, CaseChange::Open(ask(6, "КПП")), 1).await;
        let mut answered = Vec::new();
        for _nth in 0..2 {
            apply(db, &lease, CaseChange::Open(ask(5, "КПП")), 1).await;
            let asked = open(db).await.into_iter().find(|case| case.facts.subject == deal(5)).unwrap();
            assert!(db.store.case_answer(&portal("a"), &asked, &json!("later"), "anna", at(2)).await.unwrap());
            answered.push((asked.id, CaseState::Answered));
        }
        apply(db, &lease, CaseChange::Open(ask(5, "КПП")), 3).await;
        apply(db, &lease, CaseChange::Withdraw { subject: deal(5), key: String::from("data") }, 3).await;
        apply(db, &lease, CaseChange::Open(ask(5, "ИНН")), 4).await;
        let last = open(db).await.into_iter().find(|case| case.facts.subject == deal(5)).unwrap();
        let is_open = (last.id, CaseState::Open);
        assert_eq!(since(0).await, [answered[0], answered[1], is_open]);
        assert_eq!(since(answered[1].0).await, [is_open]);
        assert_eq!(since(last.id).await, []);
        assert_eq!(db.store.cases_since(&portal("b"), &deal(5), 0).await.unwrap(), []);
    }

    async fn open_cases_are_listed_by_code_and_cause(db: &Db) {
        let lease = leased(db, 1).await;
        let other = CaseFacts { code: String::from("INVOICE-EDITED"), key: String::from("edited"), ..ask(3, "x") };
        for facts in [ask(1, "КПП"), ask(2, "КПП"), ask(3, "ИНН"), other] {
            apply(db, &lease, CaseChange::Open(facts), 1).await;
        }
        let list = async |filter: CaseFilter| {
            let cases = db.store.cases_open(&portal("a"), &filter).await.unwrap();
            cases.into_iter().map(|case| case.facts.subject.id).collect::<Vec<_>>()
        };
        assert_eq!(list(CaseFilter::default()).await, ["1", "2", "3", "3"]);
        let edited = CaseFilter { code: Some(String::from("INVOICE-EDITED")), ..CaseFilter::default() };
        assert_eq!(list(edited).await, ["3"]);
        let cause = CaseFilter { cause: Some(String::from("company/12 КПП")), limit: 1, ..CaseFilter::default() };
        assert_eq!(list(cause).await, ["1"]);
        let after = CaseFilter { after: open(db).await[1].id, ..CaseFilter::default() };
        assert_eq!(list(after).await, ["3", "3"]);
        let stats = db.store.stats(&portal("a"), at(9)).await.unwrap();
        assert_eq!(stats.open_cases, [(String::from("DEAL-DATA-MISSING"), 3), (String::from("INVOICE-EDITED"), 1)]);
        assert_eq!(db.store.cases_count(&portal("a")).await.unwrap(), stats.open_cases);
        assert!(db.store.cases_count(&portal("b")).await.unwrap().is_empty());
    }

    async fn people_read_open_cases_from_the_newest_on_page_by_page(db: &Db) {
        let lease = leased(db, 1).await;
        let edited = CaseFacts { code: String::from("INVOICE-EDITED"), key: String::from("edited"), ..ask(4, "x") };
        for facts in [ask(1, "КПП"), ask(2, "КПП"), ask(3, "ИНН"), edited, ask(5, "КПП")] {
            apply(db, &lease, CaseChange::Open(facts), 1).await;
        }
        let gone = CaseChange::Withdraw { subject: deal(2), key: String::from("data") };
        apply(db, &lease, gone, 2).await;
        let list = async |page: CasePage| {
            let cases = db.store.cases_newest(&portal("a"), &page).await.unwrap();
            cases.into_iter().map(|case| (case.id, case.facts.subject.id)).collect::<Vec<_>>()
        };
        let all = CasePage { code: None, but: String::from("PAYMENT-UNDECIDED"), before: None, limit: 2 };
        let of = |cases: &[(i64, String)]| cases.iter().map(|(_, deal)| deal.clone()).collect::<Vec<_>>();
        let first = list(all.clone()).await;
        assert_eq!(of(&first), ["5", "4"]);
        let next = list(CasePage { before: Some(first[1].0), ..all.clone() }).await;
        assert_eq!(of(&next), ["3", "1"]);
        assert!(list(CasePage { before: Some(next[1].0), ..all.clone() }).await.is_empty());
        let missing = CasePage { code: Some(String::from("DEAL-DATA-MISSING")), limit: 9, ..all.clone() };
        assert_eq!(of(&list(missing).await), ["5", "3", "1"]);
        let but = CasePage { but: String::from("DEAL-DATA-MISSING"), ..all.clone() };
        assert_eq!(of(&list(but).await), ["4"]);
        assert!(db.store.cases_newest(&portal("b"), &all).await.unwrap().is_empty());
    }

    async fn policies_keep_their_versions_and_nobody_overwrites_anothers(db: &Db) {
        db.store.portal_put(&a_portal("a")).await.unwrap();
        assert_eq!(db.store.policy_current(&portal("a")).await.unwrap(), None);
        let add = async |expected: i64, body: serde_json::Value| {
            db.store.policy_add(&portal("a"), expected, &body, "setup", at(expected)).await.unwrap()
        };
        assert_eq!(add(0, json!({ "стадия": "C1:INVOICE", "b": 1, "a": 2 })).await, Some(1));
        assert_eq!(add(0, json!({})).await, None);
        assert_eq!(add(1, json!({ "v": 2 })).await, Some(2));
        assert_eq!(add(1, json!({})).await, None);
        assert_eq!(db.store.policy_current(&portal("a")).await.unwrap().unwrap().version, 2);
        let first = db.store.policy_get(&portal("a"), 1).await.unwrap().unwrap();
        assert_eq!(first.body.to_string(), r#"{"стадия":"C1:INVOICE","b":1,"a":2}"#);
        assert_eq!(db.store.policy_list(&portal("a")).await.unwrap().len(), 2);
    }

    async fn an_organisation_belongs_to_one_portal(db: &Db) {
        db.store.portal_put(&a_portal("a")).await.unwrap();
        db.store.portal_put(&a_portal("b")).await.unwrap();
        let org = OrganisationId::new("org-1");
        assert_eq!(db.store.organisation_claim(&portal("a"), &org).await.unwrap(), Ok(()));
        assert_eq!(db.store.organisation_claim(&portal("a"), &org).await.unwrap(), Ok(()));
        assert_eq!(db.store.organisation_claim(&portal("b"), &org).await.unwrap(), Err(Taken { by: portal("a") }));
        assert_eq!(db.store.organisations(&portal("a")).await.unwrap(), std::slice::from_ref(&org));
        assert!(!db.store.organisation_release(&portal("b"), &org).await.unwrap());
        assert!(db.store.organisation_release(&portal("a"), &org).await.unwrap());
        assert_eq!(db.store.organisation_claim(&portal("b"), &org).await.unwrap(), Ok(()));
    }
}
