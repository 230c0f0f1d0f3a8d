//! Refunds of ours while others change what they rest on: the accountant, sources that show a payment no more, and whoever
//! decides in the same moment. Nothing of it may stop what comes after.

use domain::payment::PaymentKind;
use jiff::civil::date;
use serde_json::json;
use store::*;

use crate::followed::{deleted, follow, gave, told};
use crate::money::{book, decide, link, listed, order, put, see, share, undo, wait};
use crate::refunds::{
    of_another, of_rest, of_share, out, paid, pay_back, ruled, standing, take_off, told_of,
};
use crate::support::*;

use Decided::{Done, Refused};
use PaymentState::{Aside, Booked, Left, New};

/// A refund as the accounting side shows it.
fn back(one: FollowedPayment) -> FollowedPayment {
    let line = SeenLine {
        kind: PaymentKind::RefundOut,
        ..one.line
    };
    FollowedPayment { line, ..one }
}

/// A payer's letter: so much of payment 1 goes to the other invoice.
fn letter(from: &str, to: &str, kopecks: i64) -> Letter {
    Letter {
        payment: 1,
        from: share(from, 1).invoice,
        to: share(to, 1).invoice,
        amount: Some(domain::Money::from_kopecks(kopecks)),
        seen: None,
        because: "письмо № 4".to_owned(),
        by: "anna".to_owned(),
        today: date(2026, 4, 1),
    }
}

conformance! {
    async fn the_accountants_change_releases_what_rests_on_what_he_takes_back(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 100), link(8, 1, "2", 100)]).await;
        let given = |one, two| gave("x", order("5", 200), &[("1", one), ("2", two)]);
        follow(db, &lease, vec![given(100, 60)]).await;
        let (first, second) = (pay_back(db, "9", 40).await, pay_back(db, "8", 25).await);
        let taken = [take_off(first, 0, vec![of_share(1, "1", 40)]), take_off(second, 0, vec![of_share(1, "2", 25)])];
        assert_eq!(decide(db, &taken).await, [Done, Done]);
        // He gives more to another bill: what the refunds rest on stays.
        let followed = follow(db, &lease, vec![gave("x", order("5", 200), &[("1", 100), ("2", 60), ("elsewhere", 10)])]).await;
        assert_eq!((followed.not_taken, standing(db, first).await.0), (vec![], Booked));
        // He gives less: the refund is to be decided anew.
        let followed = follow(db, &lease, vec![given(90, 60)]).await;
        assert_eq!((followed.not_taken, standing(db, first).await, standing(db, second).await), (vec![], (New, -40), (Booked, 0)));
        assert_eq!((paid(db, "1").await, paid(db, "2").await, standing(db, 1).await), (90, 35, (Booked, 50)));
    }

    async fn what_the_accountant_gives_counts_a_released_refund_as_paid(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 100)]).await;
        follow(db, &lease, vec![gave("x", order("5", 100), &[("1", 100)])]).await;
        let refund = pay_back(db, "9", 40).await;
        assert_eq!(decide(db, &[take_off(refund, 0, vec![of_share(1, "1", 40)])]).await, [Done]);
        see(db, "march", &[of_another(order("6", 40))]).await;
        let another = listed(db).await.len();
        assert_eq!(decide(db, &[book(i64::try_from(another).unwrap(), 0, vec![share("1", 40)])]).await, [Done]);
        let followed = follow(db, &lease, vec![gave("x", order("5", 100), &[("1", 90)])]).await;
        assert_eq!(followed.not_taken.len(), 1, "with the refund released it would be paid by 130");
        assert_eq!((paid(db, "1").await, standing(db, refund).await), (100, (Booked, 0)));
    }

    async fn a_payment_that_no_source_shows_any_more_takes_its_refund_along(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 100)]).await;
        follow(db, &lease, vec![gave("x", order("5", 130), &[("1", 100)])]).await;
        let refund = pay_back(db, "9", 50).await;
        decide(db, &[take_off(refund, 0, vec![of_rest(1, 30), of_share(1, "1", 20)])]).await;
        follow(db, &lease, vec![deleted("x", order("5", 130))]).await;
        assert_eq!((standing(db, refund).await, standing(db, 1).await, paid(db, "1").await), ((New, -50), (Aside, 0), 0));
    }

    async fn a_refund_that_no_source_shows_any_more_never_was(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 100)]).await;
        see(db, "march", &[order("5", 130), of_another(order("6", 20))]).await;
        decide(db, &[book(1, 0, vec![share("1", 100)])]).await;
        let refund = follow(db, &lease, vec![back(told("r", out(order("9", 50))))]).await.new[0];
        decide(db, &[take_off(refund, 0, vec![of_rest(1, 30), of_share(1, "1", 20)])]).await;
        assert_eq!(decide(db, &[book(2, 0, vec![share("1", 20)])]).await, [Done]);
        // Others paid in its place: that is so, and people are asked about it.
        follow(db, &lease, vec![back(deleted("r", out(order("9", 50))))]).await;
        assert_eq!((standing(db, refund).await, standing(db, 1).await, paid(db, "1").await), ((Aside, 0), (Booked, 30), 120));
        let due = db.store.work_take(&lease, Lane::Due, 99, &[], at(9)).await.unwrap();
        assert!(due.iter().any(|work| work.subject == deal(7)));
    }

    async fn a_payment_and_its_refund_may_vanish_together(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 100)]).await;
        let page = vec![gave("x", order("5", 130), &[("1", 100)]), back(told("r", out(order("9", 50))))];
        let new = follow(db, &lease, page).await.new;
        decide(db, &[take_off(new[1], 0, vec![of_rest(new[0], 30), of_share(new[0], "1", 20)])]).await;
        assert_eq!(paid(db, "1").await, 80);
        follow(db, &lease, vec![deleted("x", order("5", 130)), back(deleted("r", out(order("9", 50))))]).await;
        assert_eq!((standing(db, new[0]).await, standing(db, new[1]).await, paid(db, "1").await), ((Aside, 0), (Aside, 0), 0));
        assert_eq!(told_of(db, 7).await, []);
    }

    async fn a_payment_that_is_taken_back_frees_its_refund_also_where_others_paid_in_its_place(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 100)]).await;
        follow(db, &lease, vec![gave("x", order("5", 100), &[("1", 100)])]).await;
        let refund = pay_back(db, "9", 40).await;
        see(db, "march", &[of_another(order("6", 40))]).await;
        assert_eq!(decide(db, &[take_off(refund, 0, vec![of_share(1, "1", 40)])]).await, [Done]);
        assert_eq!(decide(db, &[book(3, 0, vec![share("1", 40)])]).await, [Done]);
        // Between the refund's return and the payment's leaving the invoice would have 140 of 100.
        let followed = follow(db, &lease, vec![deleted("x", order("5", 100))]).await;
        assert_eq!(followed.not_taken, vec![]);
        assert_eq!((standing(db, 1).await, standing(db, refund).await, paid(db, "1").await), ((Aside, 0), (New, -40), 40));
        // The feed goes on.
        assert_eq!(follow(db, &lease, vec![told("y", order("7", 5))]).await.new.len(), 1);
    }

    async fn the_accountant_takes_back_his_own_also_where_others_paid_in_the_refunds_place(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 100), link(8, 1, "2", 90)]).await;
        follow(db, &lease, vec![gave("x", order("5", 100), &[("1", 10), ("2", 90)])]).await;
        // A person moved most of it there, which stays when he takes his own back.
        let moved = db.store.money_move(&portal("a"), &letter("2", "1", 90), at(4)).await.unwrap();
        assert!(matches!(moved, Moved::Done { .. }), "{moved:?}");
        let refund = pay_back(db, "9", 40).await;
        see(db, "march", &[of_another(order("6", 40))]).await;
        assert_eq!(decide(db, &[take_off(refund, 0, vec![of_share(1, "1", 40)])]).await, [Done]);
        assert_eq!(decide(db, &[book(3, 0, vec![share("1", 40)])]).await, [Done]);
        assert_eq!(paid(db, "1").await, 100);
        let followed = follow(db, &lease, vec![told("x", order("5", 100))]).await;
        assert_eq!(followed.not_taken, vec![]);
        // More came than it asks for: that is so, and people are asked about it.
        assert_eq!((standing(db, 1).await, standing(db, refund).await, paid(db, "1").await), ((Booked, 10), (New, -40), 130));
        assert_eq!(follow(db, &lease, vec![told("y", order("7", 5))]).await.new.len(), 1);
    }

    async fn what_the_accountant_gives_of_money_that_went_back_is_refused_for_that(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 200), link(8, 1, "2", 10)]).await;
        follow(db, &lease, vec![gave("x", order("5", 130), &[("1", 100)])]).await;
        let refund = pay_back(db, "9", 30).await;
        assert_eq!(decide(db, &[take_off(refund, 0, vec![of_rest(1, 30)])]).await, [Done]);
        let why = |followed: Followed| {
            let why = followed.not_taken.iter().map(|one| (one.payment, one.why));
            why.collect::<Vec<_>>()
        };
        let given = follow(db, &lease, vec![gave("x", order("5", 130), &[("1", 130)])]).await;
        assert_eq!(why(given), [(1, WhyNotTaken::MoneyWentBack)]);
        // Beside it, what an invoice has not open, and money that went out.
        let outgoing = back(gave("r", out(order("8", 5)), &[("1", 5)]));
        let page = vec![gave("y", order("6", 11), &[("2", 11)]), outgoing];
        let mut given = why(follow(db, &lease, page).await);
        given.sort_by_key(|(payment, _)| *payment);
        let expected = [(1, WhyNotTaken::MoneyWentBack), (3, WhyNotTaken::LessIsOpen), (4, WhyNotTaken::NotIncoming)];
        assert_eq!(given, expected);
        // Once the refund is taken back, there is enough of it.
        assert!(undo(db, refund).await.is_some_and(|undone| undone.is_refund));
        let given = why(follow(db, &lease, vec![]).await);
        assert_eq!(given.iter().find(|(payment, _)| *payment == 1), None);
        assert_eq!((standing(db, 1).await, paid(db, "1").await), ((Booked, 0), 130));
    }

    async fn refunds_of_an_order_that_the_accountant_splits_are_decided_anew_by_its_parts(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 200)]).await;
        see(db, "march", &[order("5", 100), order("6", 90)]).await;
        assert_eq!(decide(db, &[book(1, 0, vec![share("1", 70)]), ruled(2, 0, Ruling::Leave)]).await, [Done, Done]);
        let (first, second) = (pay_back(db, "9", 50).await, pay_back(db, "8", 15).await);
        let taken = [
            take_off(first, 0, vec![of_rest(1, 30), of_share(1, "1", 20)]),
            take_off(second, 0, vec![of_rest(2, 15)]),
        ];
        assert_eq!(decide(db, &taken).await, [Done, Done]);
        assert_eq!((standing(db, 1).await, standing(db, 2).await, paid(db, "1").await), ((Booked, 0), (Left, 75), 50));
        let parts = vec![gave("x", order("5", 60), &[("1", 60)]), gave("y", order("5", 40), &[("1", 10)])];
        let followed = follow(db, &lease, parts).await;
        assert_eq!((followed.new.as_slice(), followed.not_taken), (&[5, 6][..], vec![]));
        // The whole one has all of its money again, which the parts are now; what went back is to be said of them.
        assert_eq!((standing(db, 1).await, standing(db, first).await, paid(db, "1").await), ((New, 100), (New, -50), 70));
        assert_eq!((standing(db, second).await, standing(db, 2).await), ((Booked, 0), (Left, 75)), "another order");
        assert_eq!(decide(db, &[take_off(first, 1, vec![of_rest(6, 30), of_share(5, "1", 20)])]).await, [Done]);
        assert_eq!((standing(db, 6).await, paid(db, "1").await), ((Booked, 0), 50));
        // Also where a person had given the whole one to nothing.
        let parts = vec![gave("z", order("6", 50), &[("1", 50)]), gave("w", order("6", 40), &[("1", 40)])];
        assert_eq!(follow(db, &lease, parts).await.not_taken, vec![]);
        assert_eq!((standing(db, second).await, standing(db, 2).await, paid(db, "1").await), ((New, -15), (Left, 90), 140));
    }

    async fn a_refund_does_not_wait_for_what_was_decided_in_the_same_moment(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 100)]).await;
        see(db, "march", &[order("5", 100), order("6", 5)]).await;
        let (asked, waiting) = (pay_back(db, "9", 50).await, pay_back(db, "8", 20).await);
        let question = CaseFacts {
            code: "PAYMENT-UNDECIDED".to_owned(), cause: "x".to_owned(), key: PAYMENT_CASE_KEY.to_owned(),
            subject: Subject::payment(asked), facts: json!({}), text: "?".to_owned(), waits_for: Vec::new(),
        };
        // Both were planned while payments 1 and 2 were not decided.
        let seen = |one: Decision, undecided: &[i64]| Decision { undecided: undecided.to_vec(), ..one };
        let both = |undecided: &[i64]| [
            seen(ruled(asked, 0, Ruling::Ask(Box::new(question.clone()))), undecided),
            seen(ruled(waiting, 0, wait(Some(at(9_999)))), undecided),
        ];
        assert_eq!(decide(db, &[book(1, 0, vec![share("1", 100)])]).await, [Done]);
        let looks = async || {
            let due = db.store.work_take(&lease, Lane::Due, 99, &[], at(9)).await.unwrap();
            let task = due.into_iter().find(|work| work.subject == Subject::portal(PAYMENTS_TASK));
            if let Some(task) = &task {
                db.store.record(&lease, settled(task, None), at(9)).await.unwrap();
            }
            task.is_some()
        };
        assert!(looks().await, "of the payments that are new");
        assert_eq!((looks().await, decide(db, &both(&[1, 2])).await), (false, vec![Refused, Refused]));
        // They are looked at again, with what is decided by now.
        assert!(looks().await);
        let new = db.store.money_new(&portal("a"), None, None, 9).await.unwrap();
        let new: Vec<i64> = new.iter().map(|one| one.number).collect();
        assert_eq!(new, [2, asked, waiting]);
        assert_eq!(decide(db, &both(&[2])).await, [Done, Done], "the other is not decided yet");
        assert!(!looks().await);
        // What no source shows any more is not waited for either.
        let gone = follow(db, &lease, vec![told("z", order("7", 5))]).await.new;
        let third = pay_back(db, "4", 10).await;
        follow(db, &lease, vec![deleted("z", order("7", 5))]).await;
        let waits = seen(ruled(third, 0, wait(Some(at(9_999)))), &gone);
        assert_eq!(decide(db, &[waits]).await, [Refused]);
    }
}
