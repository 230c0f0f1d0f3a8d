//! What an accounting side holds: each payment counted once with what statements show, and what its accountant gave taken
//! over, by corrections alone.

use std::collections::{BTreeMap, BTreeSet};

use domain::payment::{AccountNumber, CountedTwice, LineId, PaymentKind, PaymentOrder};
use domain::{DealId, InvoiceId, Money, OrganisationId};
use jiff::civil::date;
use store::*;

use crate::money::{
    book, decide, link, listed, order, payment_of, put, question, receipts, see, share, undo, wait,
};
use crate::support::*;

/// A payment of the accounting side, nothing given of it.
pub(crate) fn told(id: &str, order: PaymentOrder) -> FollowedPayment {
    FollowedPayment {
        line: SeenLine {
            line: LineId(id.to_owned()),
            order,
            organisation: OrganisationId::new("us"),
            kind: PaymentKind::Incoming,
        },
        deleted: false,
        given: Vec::new(),
    }
}

/// The same with what the accountant gave to bills.
pub(crate) fn gave(id: &str, order: PaymentOrder, given: &[(&str, i64)]) -> FollowedPayment {
    let given = given.iter().map(|(number, kopecks)| {
        let bill = InvoiceId::new(format!("id-{number}"));
        (bill, Money::from_kopecks(*kopecks))
    });
    FollowedPayment {
        given: given.collect(),
        ..told(id, order)
    }
}

pub(crate) fn deleted(id: &str, order: PaymentOrder) -> FollowedPayment {
    FollowedPayment {
        deleted: true,
        ..told(id, order)
    }
}

/// The same order in other words.
fn reworded(order: PaymentOrder) -> PaymentOrder {
    PaymentOrder {
        purpose: format!("За кабель, {}", order.purpose),
        ..order
    }
}

pub(crate) fn page(payments: Vec<FollowedPayment>, is_taken_over: bool) -> FollowedPage {
    FollowedPage {
        organisation: OrganisationId::new("us"),
        payments,
        cursor: ("payments/us".to_owned(), "c".to_owned()),
        is_taken_over,
        because: FollowedReasons {
            gave: "разнёс бухгалтер".to_owned(),
            took_back: "изменил бухгалтер".to_owned(),
            by_parts: "отнесён по частям".to_owned(),
            whole: "отнесён целиком".to_owned(),
        },
        today: date(2026, 4, 1),
        cases: Vec::new(),
        journal: Vec::new(),
    }
}

pub(crate) async fn follow(db: &Db, lease: &Lease, payments: Vec<FollowedPayment>) -> Followed {
    db.store
        .money_follow(lease, page(payments, true), at(5))
        .await
        .unwrap()
}

/// Each payment that stands: number, state, what is given to nothing.
pub(crate) async fn standing(db: &Db) -> Vec<(i64, PaymentState, i64)> {
    let all = listed(db).await.into_iter();
    let brought = |one: &ListedPayment| one.state != PaymentState::Aside;
    all.filter(brought)
        .map(|one| (one.number, one.state, one.remaining.kopecks()))
        .collect()
}

/// What stands for a deal: payment and sum.
pub(crate) async fn paid(db: &Db, deal: u64) -> Vec<(i64, i64)> {
    let receipts = receipts(db, deal).await.into_iter();
    let standing = receipts.filter(|one| one.undone.is_none());
    standing
        .map(|one| (payment_of(&one), one.amount.kopecks()))
        .collect()
}

/// Every transaction of every payment comes to nothing, as far as invoices are concerned, with what is left.
pub(crate) async fn sums_close(db: &Db) {
    for one in listed(db).await {
        let story = db
            .store
            .money_story(&portal("a"), one.number)
            .await
            .unwrap();
        let given: i64 = story
            .iter()
            .filter_map(|line| line.share.as_ref())
            .map(|(_, sum)| sum.kopecks())
            .sum();
        let brought = if one.remaining.kopecks() == 0 && given == 0 && one.invoices.is_empty() {
            0
        } else {
            one.order.amount.kopecks()
        };
        assert_eq!(
            one.remaining.kopecks() + given,
            brought,
            "payment {}: {story:?}",
            one.number
        );
    }
}

use PaymentState::{Booked, New};

conformance! {
    async fn an_order_of_feed_and_statement_is_one_payment(db: &Db) {
        let lease = leased(db, 1).await;
        let one = told("x", order("1", 100));
        assert_eq!(follow(db, &lease, vec![one.clone()]).await.new, [1]);
        assert_eq!(see(db, "march", &[order("1", 100)]).await.new, Vec::<i64>::new());
        assert_eq!(see(db, "april", &[order("2", 200)]).await.new, [2]);
        assert_eq!(follow(db, &lease, vec![told("y", order("2", 200))]).await.new, Vec::<i64>::new());
        // In other words, whichever comes first.
        assert_eq!(follow(db, &lease, vec![told("z", order("3", 300))]).await.new, [3]);
        assert_eq!(see(db, "march", &[reworded(order("3", 300))]).await.new, Vec::<i64>::new());
        assert_eq!(see(db, "april", &[reworded(order("4", 400))]).await.new, [4]);
        assert_eq!(follow(db, &lease, vec![told("w", order("4", 400))]).await.new, Vec::<i64>::new());
        // What one source shows twice is two, and two statements that word it otherwise show two.
        assert_eq!(follow(db, &lease, vec![told("v", order("1", 100))]).await.new, [5]);
        let both = [order("4", 400), reworded(order("4", 400))];
        assert_eq!(see(db, "year", &both).await.new, [6]);
        assert_eq!(see(db, "year", &both).await.new, Vec::<i64>::new());
        assert_eq!(standing(db).await.len(), 6);
    }

    async fn a_page_that_is_read_again_changes_nothing(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 100)]).await;
        assert_eq!(db.store.money_last_followed(&portal("a")).await.unwrap(), None);
        let payments = vec![gave("x", order("1", 100), &[("1", 100)]), told("y", order("2", 5))];
        let first = follow(db, &lease, payments.clone()).await;
        assert_eq!((first.changed, first.new.len(), first.not_taken.len()), (2, 2, 0));
        assert_eq!(db.store.cursor_get(&portal("a"), "payments/us").await.unwrap(), Some("c".to_owned()));
        assert_eq!(db.store.money_last_followed(&portal("a")).await.unwrap(), Some(at(5)));
        let story = db.store.money_story(&portal("a"), 1).await.unwrap();
        assert_eq!(follow(db, &lease, payments).await, Followed::default());
        assert_eq!(db.store.money_story(&portal("a"), 1).await.unwrap(), story);
        let lost = Lease { fence: lease.fence - 1, ..lease };
        let refused = db.store.money_follow(&lost, page(vec![told("z", order("9", 9))], true), at(6)).await;
        assert!(matches!(refused, Err(StoreError::Fenced { .. })), "{refused:?}");
        assert_eq!(listed(db).await.len(), 2);
    }

    async fn what_the_accountant_gives_splits_and_takes_back_is_followed(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 100), link(8, 1, "2", 60)]).await;
        follow(db, &lease, vec![gave("x", order("1", 100), &[("1", 100)])]).await;
        assert_eq!((paid(db, 7).await, standing(db).await), (vec![(1, 100)], vec![(1, Booked, 0)]));
        follow(db, &lease, vec![gave("x", order("1", 100), &[("1", 40), ("2", 60)])]).await;
        assert_eq!((paid(db, 7).await, paid(db, 8).await), (vec![(1, 40)], vec![(1, 60)]));
        assert_eq!(standing(db).await, [(1, Booked, 0)]);
        follow(db, &lease, vec![gave("x", order("1", 100), &[("2", 60)])]).await;
        assert_eq!((paid(db, 7).await, standing(db).await), (vec![], vec![(1, Booked, 40)]));
        follow(db, &lease, vec![told("x", order("1", 100))]).await;
        assert_eq!((paid(db, 8).await, standing(db).await), (vec![], vec![(1, New, 100)]));
        let story = db.store.money_story(&portal("a"), 1).await.unwrap();
        let authors: Vec<(&str, &str)> = story.iter().map(|line| (line.kind.as_str(), line.author.as_str())).collect();
        assert!(authors.iter().all(|(_, author)| *author == ACCOUNTING), "{authors:?}");
        let kinds = |kind| authors.iter().filter(|(known, _)| *known == kind).count();
        assert_eq!((kinds("payment"), kinds("allocation"), kinds("correction")), (1, 3, 3));
        sums_close(db).await;
        let due = db.store.work_take(&lease, Lane::Due, 9, &[], at(9)).await.unwrap();
        assert!(due.iter().any(|work| work.subject == deal(7)) && due.iter().any(|work| work.subject == deal(8)));
        let filter = JournalFilter { subject: Some(Subject::payment(1)), ..JournalFilter::default() };
        let lines = db.store.journal_read(&portal("a"), &filter).await.unwrap();
        let told = |word| lines.iter().filter(|line| line.entry.body.get(word).is_some()).count();
        assert_eq!((told("booked"), told("undone")), (2, 3), "each booking and each correction has its line");
    }

    async fn what_the_accountant_leaves_as_it_was_stays_as_it_was_recorded(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 100), link(8, 1, "2", 60), link(9, 1, "3", 500)]).await;
        follow(db, &lease, vec![gave("p", order("5", 160), &[("1", 100), ("2", 60)])]).await;
        let before = receipts(db, 7).await;
        follow(db, &lease, vec![gave("p", order("5", 160), &[("1", 100), ("3", 60)])]).await;
        assert_eq!(receipts(db, 7).await, before);
        assert_eq!((paid(db, 8).await, paid(db, 9).await), (vec![], vec![(1, 60)]));
        // One share less: the other stays, and so does the payment with it.
        follow(db, &lease, vec![gave("p", order("5", 160), &[("1", 100)])]).await;
        assert_eq!(standing(db).await, [(1, PaymentState::Booked, 60)]);
        assert_eq!((paid(db, 7).await, paid(db, 9).await), (vec![(1, 100)], vec![]));
        follow(db, &lease, vec![gave("p", order("5", 160), &[("1", 100), ("3", 60)])]).await;
        // A payer's letter is a person's word: what it moved stays when the accountant takes his own back. What it left with
        // the old invoice is still his.
        let letter = Letter {
            payment: 1,
            from: share("1", 1).invoice,
            to: share("2", 1).invoice,
            amount: Some(Money::from_kopecks(30)),
            seen: None,
            because: "письмо".to_owned(),
            by: "anna".to_owned(),
            today: date(2026, 4, 1),
        };
        let moved = db.store.money_move(&portal("a"), &letter, at(6)).await.unwrap();
        assert!(matches!(moved, Moved::Done { .. }));
        follow(db, &lease, vec![told("p", order("5", 160))]).await;
        assert_eq!(standing(db).await, [(1, PaymentState::Booked, 130)]);
        assert_eq!((paid(db, 7).await, paid(db, 8).await, paid(db, 9).await), (vec![], vec![(1, 30)], vec![]));
        sums_close(db).await;
    }

    async fn an_edited_sum_withdraws_the_old_payment(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 300)]).await;
        follow(db, &lease, vec![gave("x", order("1", 100), &[("1", 100)])]).await;
        let edited = follow(db, &lease, vec![gave("x", order("1", 120), &[("1", 120)])]).await;
        assert_eq!(edited.new, [2]);
        assert_eq!((paid(db, 7).await, standing(db).await), (vec![(2, 120)], vec![(2, Booked, 0)]));
        assert_eq!(see(db, "march", &[order("1", 120)]).await.new, Vec::<i64>::new());
        let sums = db.store.money_sums(&portal("a")).await.unwrap();
        assert_eq!(sums.iter().map(|sum| sum.amount.kopecks()).sum::<i64>(), 120, "what is withdrawn brought nothing");
        // Other words under the same id are the same payment.
        let reworded = gave("x", reworded(order("1", 120)), &[("1", 120)]);
        assert_eq!(follow(db, &lease, vec![reworded]).await.new, Vec::<i64>::new());
        // The key is free: what is shown again is a payment again.
        assert_eq!(follow(db, &lease, vec![told("y", order("1", 100))]).await.new, [3]);
        sums_close(db).await;
    }

    async fn a_deleted_payment_stays_where_the_bank_shows_it(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 100), link(8, 1, "2", 50)]).await;
        follow(db, &lease, vec![
            gave("x", order("1", 100), &[("1", 100)]),
            gave("y", order("2", 50), &[("2", 50)]),
        ]).await;
        see(db, "march", &[order("1", 100)]).await;
        follow(db, &lease, vec![deleted("x", order("1", 100)), deleted("y", order("2", 50))]).await;
        assert_eq!((paid(db, 7).await, paid(db, 8).await), (vec![], vec![]));
        assert_eq!(standing(db).await, [(1, New, 100)]);
        let undecided = db.store.money_new(&portal("a"), Some(at(6)), None, 9).await.unwrap();
        assert_eq!((undecided.len(), undecided[0].undone, undecided[0].is_followed), (1, 1, false));
        sums_close(db).await;
        // So it is where he edits one down to nothing: it is told as deleted, and brings no payment of nothing.
        follow(db, &lease, vec![gave("z", order("3", 50), &[("2", 50)])]).await;
        assert_eq!(paid(db, 8).await, [(3, 50)]);
        assert_eq!(follow(db, &lease, vec![deleted("z", order("3", 0))]).await.new, Vec::<i64>::new());
        assert_eq!((paid(db, 8).await, standing(db).await), (vec![], vec![(1, New, 100)]));
        sums_close(db).await;
        // It comes back.
        follow(db, &lease, vec![gave("x", order("1", 100), &[("1", 100)])]).await;
        assert_eq!((paid(db, 7).await, standing(db).await), (vec![(1, 100)], vec![(1, Booked, 0)]));
    }

    async fn money_for_bills_that_are_no_deals_is_kept_and_found_later(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 100)]).await;
        follow(db, &lease, vec![gave("x", order("1", 100), &[("1", 30), ("other", 70)])]).await;
        assert_eq!((paid(db, 7).await, standing(db).await), (vec![(1, 30)], vec![(1, Booked, 0)]));
        let elsewhere = [share("other", 1).invoice];
        assert!(db.store.money_balances(&portal("a"), &elsewhere).await.unwrap().is_empty());
        // It turns out to be a deal's: the money is there, and the deal is told.
        put(db, &lease, vec![link(8, 1, "other", 70)]).await;
        assert_eq!(paid(db, 8).await, [(1, 70)]);
        let balance = db.store.money_balances(&portal("a"), &elsewhere).await.unwrap();
        assert_eq!(balance.values().next().unwrap().paid.kopecks(), 70);
        let due = db.store.work_take(&lease, Lane::Due, 9, &[], at(9)).await.unwrap();
        let told = due.iter().find(|work| work.subject == deal(8)).unwrap();
        assert_eq!(told.reasons, [MONEY_MOVED]);
        sums_close(db).await;
    }

    async fn what_an_adopted_bill_was_paid_before_is_taken_whenever_it_comes(db: &Db) {
        let lease = leased(db, 1).await;
        // The accounting side says that a hundred are paid, and seventy of them are known to our ledger.
        follow(db, &lease, vec![gave("x", order("1", 70), &[("other", 70)])]).await;
        let mut link = link(8, 1, "other", 170);
        link.draft["paid_before"] = serde_json::json!(100);
        let adoption = Adoption {
            link,
            replaced: Vec::new(),
            beside: Vec::new(),
            carried_out: None,
            answers: Vec::new(),
            told: serde_json::json!({}),
            reason: String::from("its invoice was linked"),
        };
        let adopted = db.store.invoice_adopt(&portal("a"), &adoption, at(5)).await.unwrap();
        assert_eq!((adopted, paid(db, 8).await), (Adopted::Linked, vec![(1, 70)]));
        let balance = async || {
            let balance = db.store.money_balances(&portal("a"), &[share("other", 1).invoice]).await.unwrap();
            balance.values().next().unwrap().paid.kopecks()
        };
        assert_eq!(balance().await, 70);
        // What it was paid before comes after it, and so does what was left of it.
        let rest = vec![gave("y", order("2", 30), &[("other", 30)]), gave("z", order("3", 70), &[("other", 70)])];
        assert_eq!(follow(db, &lease, rest).await.not_taken, []);
        assert_eq!((paid(db, 8).await, balance().await), (vec![(1, 70), (2, 30), (3, 70)], 170));
        sums_close(db).await;
    }

    async fn what_the_ledger_does_not_bear_waits_until_it_does(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 100), link(8, 1, "2", 100)]).await;
        let two = vec![gave("x", order("1", 100), &[("1", 100)]), gave("y", order("2", 100), &[("2", 100)])];
        follow(db, &lease, two).await;
        // The accountant changes them over, and we hear of one after the other.
        let first = follow(db, &lease, vec![gave("x", order("1", 100), &[("2", 100)])]).await;
        let waits: Vec<(&str, i64)> = first.not_taken.iter().map(|one| (one.line.0.as_str(), one.payment)).collect();
        assert_eq!(waits, [("x", 1)]);
        assert_eq!(paid(db, 7).await, [(1, 100)], "what it had stays meanwhile");
        let second = follow(db, &lease, vec![gave("y", order("2", 100), &[("1", 100)])]).await;
        assert_eq!(second.not_taken, []);
        assert_eq!((paid(db, 7).await, paid(db, 8).await), (vec![(2, 100)], vec![(1, 100)]));
        // An invoice that is gone takes nothing; a payment never gives more than it has.
        put(db, &lease, vec![InvoiceLink { status: "cancelled".to_owned(), ..link(9, 1, "3", 100) }]).await;
        let gone = follow(db, &lease, vec![gave("z", order("3", 100), &[("3", 100)])]).await;
        assert_eq!((gone.not_taken.len(), paid(db, 9).await), (1, vec![]));
        assert_eq!(follow(db, &lease, vec![]).await.not_taken.len(), 1, "told with every page");
        put(db, &lease, vec![link(9, 1, "3", 100)]).await;
        assert_eq!((follow(db, &lease, vec![]).await.not_taken, paid(db, 9).await), (vec![], vec![(3, 100)]));
        sums_close(db).await;
    }

    async fn the_accountants_word_goes_before_the_rules(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 100), link(8, 1, "2", 100)]).await;
        see(db, "march", &[order("1", 100), order("2", 100)]).await;
        decide(db, &[book(1, 0, vec![share("1", 100)])]).await;
        // While we decide, the list is a source like any other.
        let given = vec![gave("x", order("1", 100), &[("2", 100)])];
        db.store.money_follow(&lease, page(given, false), at(5)).await.unwrap();
        assert_eq!((paid(db, 7).await, paid(db, 8).await), (vec![(1, 100)], vec![]));
        // Once he decides, what he gave is taken over, also what was read before.
        assert_eq!(follow(db, &lease, vec![]).await.not_taken, []);
        assert_eq!((paid(db, 7).await, paid(db, 8).await), (vec![], vec![(1, 100)]));
        // A person takes it back: it stays so until he changes it.
        assert!(undo(db, 1).await.is_some());
        follow(db, &lease, vec![gave("x", order("1", 100), &[("2", 100)])]).await;
        assert_eq!(paid(db, 8).await, []);
        follow(db, &lease, vec![gave("x", order("1", 100), &[("2", 90)])]).await;
        assert_eq!(paid(db, 8).await, [(1, 90)]);
        let before = receipts(db, 7).await.len();
        // What the rule gave before him, and he gave as it was, is his to take back; the timeline hears of that alone.
        decide(db, &[book(2, 0, vec![share("1", 100)])]).await;
        follow(db, &lease, vec![gave("y", order("2", 100), &[("1", 100)])]).await;
        assert_eq!((paid(db, 7).await, receipts(db, 7).await.len()), (vec![(2, 100)], before + 1));
        follow(db, &lease, vec![told("y", order("2", 100))]).await;
        assert_eq!((paid(db, 7).await, standing(db).await[1]), (vec![], (2, New, 100)));
        // What he never gave he does not take back.
        decide(db, &[book(2, 1, vec![share("1", 100)])]).await;
        follow(db, &lease, vec![told("y", order("2", 100))]).await;
        assert_eq!(paid(db, 7).await, [(2, 100)]);
        sums_close(db).await;
    }

    async fn an_order_that_the_accountant_split_is_given_by_its_parts_and_not_beside_them(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 200), link(8, 1, "2", 200)]).await;
        see(db, "march", &[order("1", 100), order("2", 100)]).await;
        decide(db, &[book(1, 0, vec![share("1", 100)]), book(2, 0, vec![share("2", 100)])]).await;
        assert_eq!(db.store.money_twice(&portal("a"), &[1, 2]).await.unwrap(), BTreeMap::new());
        let parts = vec![gave("x", order("1", 60), &[("1", 60)]), gave("y", order("1", 40), &[("2", 40)])];
        let counted = follow(db, &lease, parts.clone()).await;
        assert_eq!((counted.new, counted.not_taken), (vec![3, 4], vec![]));
        assert_eq!(paid(db, 7).await, [(3, 60)], "the accountant's word, once");
        assert_eq!(paid(db, 8).await, [(2, 100), (4, 40)], "beside another order");
        assert_eq!(standing(db).await[0], (1, New, 100), "a person says which of them counts");
        let twice = db.store.money_twice(&portal("a"), &[1, 2, 3, 4]).await.unwrap();
        let (whole, sums) = (Money::from_kopecks(100), [60, 40].map(Money::from_kopecks));
        let part = CountedTwice::PartOf(whole);
        assert_eq!(twice, BTreeMap::from([(1, CountedTwice::Whole(sums.to_vec())), (3, part.clone()), (4, part)]));
        let undecided = db.store.money_undecided(&portal("a"), &[1]).await.unwrap();
        assert!(undecided[0].has_feed && !undecided[0].is_followed);
        // The same page again changes nothing.
        let again = follow(db, &lease, parts).await;
        assert_eq!((again.changed, again.not_taken, paid(db, 7).await), (0, vec![], vec![(3, 60)]));
        sums_close(db).await;
    }

    async fn a_deal_is_looked_at_when_the_bank_tells_the_day_of_its_money(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 100), link(8, 1, "2", 100)]).await;
        let told_in = |day, number| PaymentOrder { booked: day, ..order(number, 100) };
        let own = Some(date(2026, 3, 11));
        let given = [gave("x", told_in(None, "1"), &[("1", 100)]), gave("y", told_in(None, "2"), &[("2", 100)])];
        follow(db, &lease, given.to_vec()).await;
        let taken = async || db.store.work_take(&lease, Lane::Due, 9, &[], at(9)).await.unwrap();
        for work in taken().await {
            db.store.record(&lease, settled(&work, None), at(9)).await.unwrap();
        }
        // The day of the order was meant anyway.
        see(db, "march", &[told_in(own, "2"), order("1", 100)]).await;
        let looked: Vec<_> = taken().await.into_iter().map(|work| (work.subject, work.reasons)).collect();
        assert_eq!(looked, [(deal(7), vec![MONEY_MOVED.to_owned()])]);
    }

    async fn the_bank_tells_the_day_of_money_that_the_accountant_words_otherwise(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 100), link(8, 1, "2", 100)]).await;
        let untold = |number| PaymentOrder { booked: None, ..order(number, 100) };
        let entered = |number| gave(number, reworded(untold(number)), &[(number, 100)]);
        follow(db, &lease, vec![entered("1"), entered("2")]).await;
        // Of the second the words are changed once more.
        follow(db, &lease, vec![gave("2", reworded(reworded(untold("2"))), &[("2", 100)])]).await;
        let taken = async || db.store.work_take(&lease, Lane::Due, 9, &[], at(9)).await.unwrap();
        for work in taken().await {
            db.store.record(&lease, settled(&work, None), at(9)).await.unwrap();
        }
        let days = async || {
            let all = listed(db).await.into_iter();
            all.map(|one| one.order.booked).collect::<Vec<_>>()
        };
        assert_eq!(days().await, [None, None]);
        see(db, "march", &[order("1", 100), order("2", 100)]).await;
        let credited = order("1", 100).booked;
        assert_eq!(days().await, [credited, credited]);
        let looked: Vec<Subject> = taken().await.into_iter().map(|work| work.subject).collect();
        assert!(looked.contains(&deal(7)) && looked.contains(&deal(8)), "{looked:?}");
    }

    async fn a_day_of_credit_that_was_told_stays_and_the_bank_goes_before_the_accounting_side(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 100)]).await;
        let on = |booked| PaymentOrder { booked, ..order("1", 100) };
        let (banks, other) = (order("1", 100).booked, Some(date(2026, 3, 14)));
        let day = async || listed(db).await[0].order.booked;
        let looked = async || {
            let taken = db.store.work_take(&lease, Lane::Due, 9, &[], at(9)).await.unwrap();
            for work in &taken {
                db.store.record(&lease, settled(work, None), at(9)).await.unwrap();
            }
            let deals = taken.into_iter().map(|work| work.subject).filter(|one| *one == deal(7));
            deals.count()
        };
        follow(db, &lease, vec![gave("x", on(other), &[("1", 100)])]).await;
        assert_eq!((day().await, looked().await), (other, 1));
        // It tells none any more, as in an older reading.
        follow(db, &lease, vec![gave("x", on(None), &[("1", 100)])]).await;
        assert_eq!((day().await, looked().await), (other, 0));
        see(db, "march", &[on(banks)]).await;
        assert_eq!((day().await, looked().await), (banks, 1));
        // Neither a source that knows no day nor another day of the accounting side changes the bank's.
        see(db, "april", &[on(None)]).await;
        let mut more = on(other);
        more.other.name = Some("ООО «Ромашка»".to_owned());
        follow(db, &lease, vec![gave("x", more, &[("1", 100)])]).await;
        assert_eq!((day().await, looked().await), (banks, 0));
        // Nor an equal order that only a source without days shows beside it.
        see(db, "may", &[on(None), on(None)]).await;
        let days: Vec<_> = listed(db).await.into_iter().map(|one| (one.number, one.order.booked)).collect();
        assert_eq!(days, [(1, banks), (2, None)]);
    }

    async fn what_is_asked_of_a_payment_is_asked_anew_when_its_day_is_told(db: &Db) {
        let lease = leased(db, 1).await;
        follow(db, &lease, vec![told("x", PaymentOrder { booked: None, ..order("1", 100) })]).await;
        let asks = Decision { ruling: Ruling::Ask(Box::new(question(1))), ..book(1, 0, vec![]) };
        assert_eq!(decide(db, &[asks]).await, [Decided::Done]);
        let taken = async || db.store.work_take(&lease, Lane::Due, 9, &[], at(9)).await.unwrap();
        for work in taken().await {
            db.store.record(&lease, settled(&work, None), at(9)).await.unwrap();
        }
        see(db, "march", &[order("1", 100)]).await;
        let looked: Vec<Subject> = taken().await.into_iter().map(|work| work.subject).collect();
        assert_eq!(looked, [Subject::payment(1)]);
    }

    async fn a_payment_is_looked_at_again_when_another_source_tells_who_paid(db: &Db) {
        let lease = leased(db, 1).await;
        let mut nobodys = order("1", 100);
        nobodys.other.inn = None;
        follow(db, &lease, vec![told("x", nobodys), told("y", order("2", 100))]).await;
        let taken = async || db.store.work_take(&lease, Lane::Due, 9, &[], at(9)).await.unwrap();
        for work in taken().await {
            db.store.record(&lease, settled(&work, None), at(9)).await.unwrap();
        }
        assert_eq!(see(db, "march", &[order("1", 100), order("2", 100)]).await.new, Vec::<i64>::new());
        let looked: Vec<Subject> = taken().await.into_iter().map(|work| work.subject).collect();
        assert_eq!(looked, [Subject::payment(1)]);
    }

    async fn an_order_that_the_accountant_entered_otherwise_is_noticed_beside_the_banks(db: &Db) {
        let lease = leased(db, 1).await;
        see(db, "march", &[order("1", 100), order("2", 200)]).await;
        let entered = |number, kopecks| PaymentOrder {
            own_account: AccountNumber::new("40702810900000000009").unwrap(),
            ..order(number, kopecks)
        };
        follow(db, &lease, vec![told("x", entered("001", 100)), told("y", order("2", 200))]).await;
        let twice = db.store.money_twice(&portal("a"), &[1, 2, 3]).await.unwrap();
        let alike = |number: &str| CountedTwice::Alike { number: number.to_owned(), date: date(2026, 3, 11) };
        assert_eq!(twice, BTreeMap::from([(1, alike("001")), (3, alike("1"))]));
        // Of another payer, and of another sum, it is nobody's double; nor what the bank shows, too.
        see(db, "april", &[entered("001", 100)]).await;
        assert_eq!(db.store.money_twice(&portal("a"), &[1, 2, 3]).await.unwrap(), BTreeMap::new());
    }

    async fn parts_of_an_order_that_a_person_gave_are_not_given_beside_it(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 300)]).await;
        see(db, "march", &[order("1", 100)]).await;
        let mut by_person = book(1, 0, vec![share("1", 100)]);
        if let Ruling::Book { author, .. } = &mut by_person.ruling {
            *author = "anna".to_owned();
        }
        decide(db, &[by_person]).await;
        let parts = vec![gave("x", order("1", 60), &[("1", 60)]), gave("y", order("1", 40), &[("1", 40)])];
        let refused = follow(db, &lease, parts).await.not_taken;
        let refused: Vec<_> = refused.iter().map(|one| (one.line.0.as_str(), one.payment, one.why)).collect();
        assert_eq!(refused, [("x", 2, WhyNotTaken::PartOf(1)), ("y", 3, WhyNotTaken::PartOf(1))]);
        assert_eq!(paid(db, 7).await, [(1, 100)]);
        // Once she takes it back they are given.
        assert!(undo(db, 1).await.is_some());
        let settled = follow(db, &lease, vec![]).await;
        assert_eq!((settled.not_taken, paid(db, 7).await), (vec![], vec![(2, 60), (3, 40)]));
        sums_close(db).await;
    }

    async fn an_order_that_the_accountant_gave_and_then_split_follows_its_parts(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 300), link(8, 1, "2", 300)]).await;
        see(db, "march", &[order("1", 100)]).await;
        follow(db, &lease, vec![gave("x", order("1", 100), &[("1", 100)])]).await;
        assert_eq!(paid(db, 7).await, [(1, 100)]);
        // The former record becomes one of the parts.
        let parts = vec![gave("x", order("1", 60), &[("1", 60)]), gave("y", order("1", 40), &[("2", 40)])];
        let counted = follow(db, &lease, parts).await;
        assert_eq!(counted.not_taken, vec![]);
        assert_eq!((paid(db, 7).await, paid(db, 8).await), (vec![(2, 60)], vec![(3, 40)]));
        assert_eq!(standing(db).await[0], (1, New, 100));
        sums_close(db).await;
    }

    async fn a_payment_waits_for_the_accountant_and_no_longer(db: &Db) {
        leased(db, 1).await;
        see(db, "march", &[order("1", 100), order("2", 100)]).await;
        let wait = |payment, until| Decision { ruling: wait(until), ..book(payment, 0, vec![]) };
        let decided = decide(db, &[wait(1, Some(at(50))), wait(2, None)]).await;
        assert_eq!(decided, [Decided::Done, Decided::Done]);
        let new = async |until| {
            let new = db.store.money_new(&portal("a"), until, None, 9).await.unwrap();
            new.iter().map(|one| one.number).collect::<Vec<_>>()
        };
        assert_eq!((new(Some(at(49))).await, new(Some(at(50))).await, new(None).await), (vec![], vec![1], vec![1, 2]));
        let next = async |now| db.store.money_next_waiting(&portal("a"), at(now)).await.unwrap();
        assert_eq!((next(9).await, next(50).await), (Some(at(50)), None));
        // What it may be for is known as long as it waits.
        let offered = async || db.store.money_offered(&portal("a")).await.unwrap();
        assert!(offered().await.is_empty());
        let invoice = share("1", 1).invoice;
        let ruling = Ruling::Wait { until: None, offered: vec![invoice.clone()] };
        let waits = Decision { ruling, ..book(2, 0, vec![]) };
        decide(db, &[waits]).await;
        assert_eq!(offered().await, BTreeSet::from([invoice]));
        decide(db, &[Decision { ruling: Ruling::Leave, ..book(2, 0, vec![]) }]).await;
        assert!(offered().await.is_empty());
    }

    async fn any_order_and_overlap_of_feed_and_statements_comes_to_the_same_ledger(db: &Db) {
        let lease = leased(db, 1).await;
        for seed in 1..=12 {
            walk(db, &lease, seed).await;
        }
    }
}

/// The accountant's last word of each payment, told after any of his words before it, between statements in any order:
/// as many payments as the largest source shows, and on the invoices what he gave at last. Each seed has an account of
/// its own.
async fn walk(db: &Db, lease: &Lease, seed: u64) {
    let mut chance = crate::random_walk::Chance(seed * 6_151);
    let mut draw = |bound: usize| usize::try_from(chance.below(bound as u64)).unwrap();
    let own = AccountNumber::new(&format!("4070281020000000{seed:04}")).unwrap();
    let of_bank = |number: usize, words: usize| {
        let order = order(&format!("{number}"), 100);
        let order = PaymentOrder {
            own_account: own.clone(),
            ..order
        };
        if words == 0 { order } else { reworded(order) }
    };
    let bills: Vec<String> = (0..3).map(|bill| format!("{seed}-{bill}")).collect();
    let links = bills
        .iter()
        .zip(0_u64..)
        .map(|(bill, nth)| link(1_000 * seed + nth, 1, bill, 1_000_000));
    put(db, lease, links.collect()).await;
    let mut versions: Vec<Vec<FollowedPayment>> = Vec::new();
    for payment in 0..5 {
        let id = format!("{seed}/{payment}");
        let words = (0..1 + draw(4)).map(|_| {
            let order = of_bank(draw(3), draw(2));
            match draw(6) {
                0 => deleted(&id, order),
                1 => told(&id, order),
                2 => gave(&id, order, &[(&bills[draw(3)], 100)]),
                _ => gave(
                    &id,
                    order,
                    &[
                        (&bills[0], 1 + draw(50) as i64),
                        (&bills[1], 1 + draw(49) as i64),
                    ],
                ),
            }
        });
        versions.push(words.collect());
    }
    let statements: Vec<(String, Vec<PaymentOrder>)> = (0..3)
        .map(|nth| {
            let orders = (0..draw(5)).map(|_| of_bank(draw(3), draw(2)));
            (format!("{seed}/statement/{nth}"), orders.collect())
        })
        .collect();
    let last: Vec<FollowedPayment> = versions
        .iter()
        .filter_map(|words| words.last().cloned())
        .collect();
    let mut left: Vec<usize> = versions.iter().map(Vec::len).collect();
    for _ in 0..20 {
        if draw(3) == 0 {
            let (source, orders) = &statements[draw(3)];
            see(db, source, orders).await;
            continue;
        }
        let payment = draw(5);
        let words = &versions[payment];
        let told = words[words.len() - left[payment].max(1)].clone();
        left[payment] = left[payment].saturating_sub(1);
        follow(db, lease, vec![told]).await;
    }
    for (source, orders) in &statements {
        see(db, source, orders).await;
    }
    assert_eq!(
        follow(db, lease, last.clone()).await.not_taken,
        [],
        "seed {seed}"
    );

    // As many as the largest source shows, whatever the words; of statements each wording counts by itself.
    let mut wanted = 0;
    for number in 0..3 {
        let is = |order: &PaymentOrder| order.number == format!("{number}");
        let in_feed = last
            .iter()
            .filter(|one| !one.deleted && is(&one.line.order))
            .count();
        let most = |words| {
            let wording = of_bank(number, words);
            let counts = statements
                .iter()
                .map(|(_, orders)| orders.iter().filter(|one| **one == wording).count());
            counts.max().unwrap_or(0)
        };
        wanted += in_feed.max(most(0) + most(1));
    }
    let ours = listed(db)
        .await
        .into_iter()
        .filter(|one| one.order.own_account == own);
    let ours: Vec<ListedPayment> = ours
        .filter(|one| one.state != PaymentState::Aside)
        .collect();
    assert_eq!(ours.len(), wanted, "seed {seed}: {ours:#?}");
    let mut given: BTreeMap<InvoiceId, i64> = BTreeMap::new();
    for (invoice, amount) in last
        .iter()
        .flat_map(|one| if one.deleted { &[][..] } else { &one.given })
    {
        *given.entry(invoice.clone()).or_default() += amount.kopecks();
    }
    for (bill, nth) in bills.iter().zip(0_u64..) {
        let paid = paid(db, DealId(1_000 * seed + nth).get()).await;
        let sum: i64 = paid.iter().map(|(_, sum)| sum).sum();
        let wanted = given
            .get(&InvoiceId::new(format!("id-{bill}")))
            .copied()
            .unwrap_or(0);
        assert_eq!(sum, wanted, "seed {seed}, bill {bill}");
    }
    sums_close(db).await;
}
