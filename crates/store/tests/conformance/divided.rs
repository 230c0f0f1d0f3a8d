//! An order that the bank shows whole and the accountant split: its money counts once, whichever part comes last, and where
//! one of them is not borne it counts whole.

use std::collections::BTreeMap;

use domain::Money;
use domain::payment::GivenOtherwise;
use jiff::civil::date;
use serde_json::json;
use store::*;

use crate::followed::{deleted, follow, gave, page, paid, standing, sums_close, told};
use crate::money::{book, decide, link, order, put, see, share, undo};
use crate::refunds::{of_rest, pay_back, take_off};
use crate::split::of;
use crate::support::*;

use Decided::{Done, InPlaceOf};
use PaymentState::{Booked, New};

/// What was not taken: the accountant's record, our payment, why.
fn refused(followed: &Followed) -> Vec<(&str, i64, WhyNotTaken)> {
    let refused = followed.not_taken.iter();
    refused
        .map(|one| (one.line.0.as_str(), one.payment, one.why))
        .collect()
}

/// The bank's order of a hundred, given to the first invoice by that author.
async fn whole(db: &Db, by: &str) {
    see(db, "march", &[order("5", 100)]).await;
    let mut given = book(1, 0, vec![share("1", 100)]);
    if let Ruling::Book { author, .. } = &mut given.ruling {
        *author = by.to_owned();
    }
    assert_eq!(decide(db, &[given]).await, [Decided::Done]);
}

/// A person gives all that he has of a payment to an invoice.
fn by_person(payment: i64, invoice: &str, kopecks: i64) -> Decision {
    let mut given = book(payment, 0, vec![share(invoice, kopecks)]);
    if let Ruling::Book {
        author, by_parts, ..
    } = &mut given.ruling
    {
        *author = "anna".to_owned();
        *by_parts = Some(ByParts {
            because: "по частям".to_owned(),
            today: date(2026, 4, 1),
        });
    }
    given
}

/// What the journal says of what was taken back of a payment.
async fn undone(db: &Db, lease: &Lease, payment: i64) -> Vec<serde_json::Value> {
    // With it goes what other commits left behind for the journal.
    let recorded = db.store.record(lease, Record::default(), at(5)).await;
    recorded.unwrap();
    let filter = JournalFilter {
        subject: Some(Subject::payment(payment)),
        ..JournalFilter::default()
    };
    let lines = db.store.journal_read(&portal("a"), &filter).await.unwrap();
    let bodies = lines.into_iter().map(|line| line.entry.body);
    let is_back = |body: &serde_json::Value| body.get("undone").or(body.get("released")).is_some();
    bodies.filter(is_back).collect()
}

/// The reasons of that.
async fn why_undone(db: &Db, lease: &Lease, payment: i64) -> Vec<serde_json::Value> {
    let undone = undone(db, lease, payment).await.into_iter();
    undone.map(|body| body["because"].clone()).collect()
}

conformance! {
    async fn where_a_part_is_not_borne_the_whole_order_stays_as_it_was(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 100), link(8, 1, "2", 30)]).await;
        whole(db, "rule").await;
        let both = vec![gave("x", order("5", 60), &[("1", 60)]), gave("y", order("5", 40), &[("2", 40)])];
        let followed = follow(db, &lease, both).await;
        let expected = [("x", 2, WhyNotTaken::WithPart(3)), ("y", 3, WhyNotTaken::LessIsOpen)];
        assert_eq!(refused(&followed), expected);
        assert_eq!((paid(db, 7).await, paid(db, 8).await), (vec![(1, 100)], vec![]));
        assert_eq!(standing(db).await, [(1, Booked, 0), (2, New, 60), (3, New, 40)]);
        // Each page tries again, and once the parts are borne they count in its place.
        assert_eq!(refused(&follow(db, &lease, vec![]).await), expected);
        let mended = follow(db, &lease, vec![gave("y", order("5", 40), &[("2", 30)])]).await;
        assert_eq!(mended.not_taken, []);
        assert_eq!((paid(db, 7).await, paid(db, 8).await), (vec![(2, 60)], vec![(3, 30)]));
        assert_eq!(standing(db).await, [(1, New, 100), (2, Booked, 0), (3, Booked, 10)]);
        sums_close(db).await;
    }

    async fn a_refund_off_the_whole_order_stays_with_it_where_a_part_is_not_borne(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 100), link(8, 1, "2", 30)]).await;
        see(db, "march", &[order("5", 100)]).await;
        let left = Decision { ruling: Ruling::Leave, ..book(1, 0, Vec::new()) };
        assert_eq!(decide(db, &[left]).await, [Decided::Done]);
        let refund = pay_back(db, "9", 15).await;
        assert_eq!(decide(db, &[take_off(refund, 0, vec![of_rest(1, 15)])]).await, [Decided::Done]);
        let given = |second| vec![gave("x", order("5", 60), &[("1", 60)]), gave("y", order("5", 40), &[("2", second)])];
        let followed = follow(db, &lease, given(40)).await;
        let why: Vec<_> = followed.not_taken.iter().map(|one| one.why).collect();
        assert_eq!(why, [WhyNotTaken::WithPart(4), WhyNotTaken::LessIsOpen]);
        assert_eq!(standing(db).await[..2], [(1, PaymentState::Left, 85), (2, Booked, 0)]);
        assert_eq!(follow(db, &lease, given(30)).await.not_taken, []);
        assert_eq!(standing(db).await[..2], [(1, PaymentState::Left, 100), (2, New, -15)]);
        assert_eq!(why_undone(db, &lease, refund).await, [json!("отнесён по частям")]);
    }

    async fn no_refund_is_taken_off_an_order_whose_parts_were_told_since_it_was_seen(db: &Db) {
        let lease = leased(db, 1).await;
        see(db, "march", &[order("5", 100), order("6", 100)]).await;
        let left = |payment| Decision { ruling: Ruling::Leave, ..book(payment, 0, Vec::new()) };
        assert_eq!(decide(db, &[left(1), left(2)]).await, [Done, Done]);
        let (first, second) = (pay_back(db, "9", 15).await, pay_back(db, "8", 15).await);
        let seen = [take_off(first, 0, vec![of_rest(1, 15)]), take_off(second, 0, vec![of_rest(2, 15)])];
        // Another process reads the list of the accounting side meanwhile.
        follow(db, &lease, vec![told("x", order("5", 60)), told("y", order("5", 40))]).await;
        assert_eq!(decide(db, &seen).await, [Decided::Refused, Done]);
        let remaining: Vec<_> = standing(db).await.iter().map(|(number, _, left)| (*number, *left)).collect();
        assert_eq!(remaining, [(1, 100), (2, 85), (first, -15), (second, 0), (5, 60), (6, 40)]);
        // Who looks again sees nothing of it either.
        let payer = order("5", 100).other.inn.unwrap();
        let found = db.store.money_refundable(&portal("a"), &[payer]).await.unwrap();
        let of_whole = found.payments.iter().find(|one| one.payment == 1).unwrap();
        assert_eq!((of_whole.remaining, of_whole.is_decided), (Money::ZERO, true));
    }

    async fn a_part_that_is_not_borne_brings_nothing_back_beside_one_that_counts(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 200), link(8, 1, "2", 30)]).await;
        whole(db, "rule").await;
        follow(db, &lease, vec![gave("x", order("5", 60), &[("1", 60)])]).await;
        let followed = follow(db, &lease, vec![gave("y", order("5", 40), &[("2", 40)])]).await;
        assert_eq!(refused(&followed), [("y", 3, WhyNotTaken::LessIsOpen)]);
        assert_eq!((paid(db, 7).await, paid(db, 8).await), (vec![(2, 60)], vec![]));
        sums_close(db).await;
    }

    async fn what_the_accountant_gave_of_the_whole_order_himself_is_not_kept_for_a_part(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 100), link(8, 1, "2", 30)]).await;
        see(db, "march", &[order("5", 100)]).await;
        follow(db, &lease, vec![gave("x", order("5", 100), &[("1", 100)])]).await;
        assert_eq!(paid(db, 7).await, [(1, 100)]);
        // His record of it becomes one of the parts.
        let parts = vec![gave("x", order("5", 60), &[("1", 60)]), gave("y", order("5", 40), &[("2", 40)])];
        assert_eq!(refused(&follow(db, &lease, parts).await), [("y", 3, WhyNotTaken::LessIsOpen)]);
        assert_eq!((paid(db, 7).await, paid(db, 8).await), (vec![(2, 60)], vec![]));
        assert_eq!(standing(db).await, [(1, New, 100), (2, Booked, 0), (3, New, 40)]);
        sums_close(db).await;
    }

    async fn the_last_part_takes_the_whole_order_back_without_a_bill(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 200)]).await;
        whole(db, "rule").await;
        follow(db, &lease, vec![gave("x", order("5", 60), &[("1", 60)])]).await;
        assert_eq!(paid(db, 7).await, [(1, 100), (2, 60)], "nothing tells yet that it is a part");
        let last = follow(db, &lease, vec![told("y", order("5", 40))]).await;
        assert_eq!((last.new.as_slice(), last.not_taken.as_slice()), (&[3][..], &[][..]));
        assert_eq!(paid(db, 7).await, [(2, 60)]);
        assert_eq!(standing(db).await, [(1, New, 100), (2, Booked, 0), (3, New, 40)]);
        // Nobody is to give the whole one once more.
        let twice = db.store.money_twice(&portal("a"), &[1]).await.unwrap();
        let parts = [60, 40].map(Money::from_kopecks).to_vec();
        assert_eq!(twice[&1], domain::payment::CountedTwice::Whole(parts));
        assert_eq!(why_undone(db, &lease, 1).await, [json!("отнесён по частям")]);
        sums_close(db).await;
    }

    async fn so_it_does_where_we_decide(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 200)]).await;
        whole(db, "rule").await;
        let ours = async |payments| {
            let page = page(payments, false);
            db.store.money_follow(&lease, page, at(5)).await.unwrap()
        };
        ours(vec![told("x", order("5", 60))]).await;
        assert_eq!(decide(db, &[book(2, 0, vec![share("1", 60)])]).await, [Decided::Done]);
        ours(vec![told("y", order("5", 40))]).await;
        assert_eq!((paid(db, 7).await, standing(db).await[0]), (vec![(2, 60)], (1, New, 100)));
        // Parts that nobody gave leave the whole one where it is.
        see(db, "april", &[order("6", 100)]).await;
        let sixth = i64::try_from(standing(db).await.len()).unwrap();
        assert_eq!(decide(db, &[book(sixth, 0, vec![share("1", 100)])]).await, [Decided::Done]);
        ours(vec![told("z", order("6", 60)), told("w", order("6", 40))]).await;
        assert_eq!(paid(db, 7).await, [(2, 60), (sixth, 100)]);
        sums_close(db).await;
    }

    async fn a_rule_that_saw_an_order_whole_books_nothing_once_its_parts_are_told(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 100), link(8, 1, "2", 100)]).await;
        see(db, "march", &[order("5", 100), order("6", 100)]).await;
        let seen = [book(1, 0, vec![share("1", 100)]), book(2, 0, vec![share("2", 100)])];
        // Another lane reads the list of the accounting side meanwhile.
        let parts = vec![told("x", order("5", 60)), told("y", order("5", 40))];
        assert_eq!(follow(db, &lease, parts).await.new, [3, 4]);
        assert_eq!(decide(db, &seen).await, [Decided::Refused, Decided::Done]);
        assert_eq!((paid(db, 7).await, paid(db, 8).await), (vec![], vec![(2, 100)]));
        assert_eq!(standing(db).await[..2], [(1, New, 100), (2, Booked, 0)]);
        // Nor is a part booked which was seen before the whole one came; what a person gives is his to say.
        let part = book(3, 0, vec![share("1", 60)]);
        assert_eq!(decide(db, std::slice::from_ref(&part)).await, [Decided::Refused]);
        let shares = vec![share("1", 60)];
        let by_anna = Ruling::Book { shares, author: "anna".to_owned(), chosen: true, by_parts: None };
        assert_eq!(decide(db, &[Decision { ruling: by_anna, ..part }]).await, [Decided::Done]);
        assert_eq!(paid(db, 7).await, [(3, 60)]);
        sums_close(db).await;
    }

    async fn parts_are_found_under_a_number_that_accounting_pads_with_zeros(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 200)]).await;
        whole(db, "rule").await;
        follow(db, &lease, vec![gave("x", order("000005", 60), &[("1", 60)])]).await;
        follow(db, &lease, vec![told("y", order("05", 40))]).await;
        assert_eq!(paid(db, 7).await, [(2, 60)]);
        assert_eq!(standing(db).await, [(1, New, 100), (2, Booked, 0), (3, New, 40)]);
        // Another number is another order.
        see(db, "april", &[order("50", 100)]).await;
        follow(db, &lease, vec![told("z", order("500", 60)), told("w", order("500", 40))]).await;
        assert!(db.store.money_twice(&portal("a"), &[4, 5, 6]).await.unwrap().is_empty());
        sums_close(db).await;
    }

    async fn orders_without_a_number_are_nobodys_parts(db: &Db) {
        let lease = leased(db, 1).await;
        see(db, "march", &[order("", 100)]).await;
        follow(db, &lease, vec![told("x", order("", 60)), told("y", order("", 40))]).await;
        assert!(db.store.money_twice(&portal("a"), &[1, 2, 3]).await.unwrap().is_empty());
    }

    async fn who_gives_a_part_takes_back_what_a_rule_gave_of_the_whole_order(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 300), link(8, 1, "2", 40)]).await;
        see(db, "march", &[order("5", 100), order("6", 100)]).await;
        let whole_ones = [book(1, 0, vec![share("1", 100)]), by_person(2, "1", 100)];
        assert_eq!(decide(db, &whole_ones).await, [Done; 2]);
        let parts = [("x", "5", 60), ("y", "5", 40), ("z", "6", 60), ("w", "6", 40)];
        let parts = parts.map(|(id, number, kopecks)| told(id, order(number, kopecks)));
        assert_eq!(follow(db, &lease, parts.to_vec()).await.new, [3, 4, 5, 6]);
        assert_eq!(paid(db, 7).await, [(1, 100), (2, 100)]);
        // One after the other: for the second nothing is left to take back; what a person gave makes no room.
        let given = [by_person(3, "1", 60), by_person(4, "2", 40), by_person(5, "1", 60)];
        assert_eq!(decide(db, &given).await, [InPlaceOf(1), Done, Decided::Refused]);
        assert_eq!((paid(db, 7).await, paid(db, 8).await), (vec![(2, 100), (3, 60)], vec![(4, 40)]));
        assert_eq!(standing(db).await[..2], [(1, New, 100), (2, Booked, 0)]);
        sums_close(db).await;
    }

    async fn an_order_is_given_whole_or_by_its_parts_whoever_gives_it_and_in_whichever_way(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 500), link(8, 1, "2", 500)]).await;
        see(db, "march", &[order("5", 100)]).await;
        let parts = vec![told("x", order("5", 60)), told("y", order("5", 40))];
        assert_eq!(follow(db, &lease, parts).await.new, [2, 3]);
        let otherwise = async || db.store.money_given_otherwise(&portal("a"), &[1, 2, 3]).await.unwrap();
        let give = async |payment| {
            let wanted = crate::by_hand::giving(payment, "2", None);
            db.store.money_give(&portal("a"), &wanted, at(6)).await.unwrap()
        };
        let split = async |payment, kopecks| {
            let wanted = of((payment, "2"), kopecks, 0, 0);
            db.store.money_split(&portal("a"), &wanted, at(6)).await.unwrap()
        };
        assert_eq!(otherwise().await, BTreeMap::new());
        // Both at once, in one commit: the first counts.
        let both = [by_person(1, "1", 100), by_person(2, "2", 60)];
        assert_eq!(decide(db, &both).await, [Done, Decided::Refused]);
        let whole = GivenOtherwise::Whole(1);
        assert_eq!(otherwise().await, BTreeMap::from([(2, whole), (3, whole)]));
        assert_eq!(give(3).await, WasGiven::Refused(GivingRefused::Otherwise(whole)));
        assert_eq!(split(3, 40).await, WasSplit::Refused(SplitRefused::Otherwise(whole)));
        assert_eq!((paid(db, 7).await, paid(db, 8).await), (vec![(1, 100)], vec![]));
        // The other way round.
        assert!(undo(db, 1).await.is_some());
        assert!(matches!(give(3).await, WasGiven::Done { whole: None, .. }));
        let part = GivenOtherwise::Part(3);
        assert_eq!(otherwise().await, BTreeMap::from([(1, part)]));
        let again = Decision { undone: 1, ..by_person(1, "1", 100) };
        assert_eq!(decide(db, std::slice::from_ref(&again)).await, [Decided::Refused]);
        assert_eq!(give(1).await, WasGiven::Refused(GivingRefused::Otherwise(part)));
        assert_eq!(split(1, 100).await, WasSplit::Refused(SplitRefused::Otherwise(part)));
        assert!(matches!(give(2).await, WasGiven::Done { whole: None, .. }));
        assert_eq!((paid(db, 7).await, paid(db, 8).await), (vec![], vec![(3, 40), (2, 60)]));
        // An order of which nothing stands any more is given as it is wanted.
        assert!(undo(db, 2).await.is_some() && undo(db, 3).await.is_some());
        assert_eq!(decide(db, &[again]).await, [Done]);
        sums_close(db).await;
    }

    async fn what_is_asked_about_an_order_and_its_parts_is_asked_anew_once_one_of_them_is_given(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 500), link(8, 1, "2", 500)]).await;
        see(db, "march", &[order("5", 100), order("6", 100)]).await;
        let parts = vec![told("x", order("5", 60)), told("y", order("5", 40))];
        assert_eq!(follow(db, &lease, parts).await.new, [3, 4]);
        let looked = async || -> Vec<i64> {
            let mut due = Vec::new();
            for lane in Lane::ALL {
                due.extend(db.store.work_take(&lease, lane, 99, &[], at(9)).await.unwrap());
            }
            for work in &due {
                db.store.record(&lease, settled(work, None), at(9)).await.unwrap();
            }
            let otherwise = |work: &&Work| work.reasons.iter().any(|why| why == "its order is given the other way");
            due.iter().filter(otherwise).filter_map(|work| work.subject.as_payment()).collect()
        };
        let give = async |payment| {
            let wanted = crate::by_hand::giving(payment, "2", None);
            let given = db.store.money_give(&portal("a"), &wanted, at(6)).await.unwrap();
            assert!(matches!(given, WasGiven::Done { .. }), "{given:?}");
        };
        assert_eq!(looked().await, [0_i64; 0]);
        // What is no part of anything is nobody else's matter.
        give(2).await;
        assert_eq!(looked().await, [0_i64; 0]);
        // By an answer, by hand, and as a credit of many sales.
        assert_eq!(decide(db, &[by_person(1, "1", 100)]).await, [Done]);
        assert_eq!(looked().await, [3, 4]);
        assert!(undo(db, 1).await.is_some());
        give(3).await;
        assert_eq!(looked().await, [1]);
        let split = db.store.money_split(&portal("a"), &of((4, "1"), 40, 0, 0), at(6)).await.unwrap();
        assert!(matches!(split, WasSplit::Done { .. }), "{split:?}");
        assert_eq!(looked().await, [1]);
    }

    async fn a_part_and_the_room_for_it_are_recorded_together_or_not_at_all(db: &Db) {
        let lease = leased(db, 1).await;
        // The whole order pays all of it: without room the part would not be borne.
        put(db, &lease, vec![link(7, 1, "1", 100)]).await;
        whole(db, "rule").await;
        let parts = vec![told("x", order("5", 60)), told("y", order("5", 40))];
        assert_eq!(follow(db, &lease, parts).await.new, [2, 3]);
        let before = standing(db).await;
        // The whole one is not taken back for a part that is not borne even so, or that was decided since it was seen.
        let too_much = by_person(2, "1", 61);
        let stale = Decision { undone: 1, ..by_person(2, "1", 60) };
        for refused in [too_much, stale] {
            assert_eq!(decide(db, &[refused]).await, [Decided::Refused]);
            assert_eq!((paid(db, 7).await, standing(db).await), (vec![(1, 100)], before.clone()));
        }
        let (faults, mut nth) = (db.store.faults(), 0);
        loop {
            nth += 1;
            faults.fail_nth(nth, Fault::DiskFull);
            let done = db.store.money_decide(&portal("a"), &[by_person(2, "1", 60)], at(4)).await;
            if faults.cancel() {
                assert_eq!(done.unwrap(), [InPlaceOf(1)]);
                break;
            }
            assert!(matches!(done, Err(StoreError::DiskFull(_))), "at {nth}: {done:?}");
            assert_eq!((paid(db, 7).await, standing(db).await), (vec![(1, 100)], before.clone()));
        }
        assert_eq!(paid(db, 7).await, [(2, 60)]);
        assert_eq!(standing(db).await, [(1, New, 100), (2, Booked, 0), (3, New, 40)]);
        let undone = undone(db, &lease, 1).await;
        let undone: Vec<_> = undone.iter().map(|body| (&body["by"], &body["because"])).collect();
        assert_eq!(undone, [(&json!("anna"), &json!("по частям"))]);
        sums_close(db).await;
    }

    async fn who_splits_a_part_takes_back_what_a_rule_gave_of_the_whole_order(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 200)]).await;
        whole(db, "rule").await;
        let parts = vec![told("x", order("5", 60)), told("y", order("5", 40))];
        assert_eq!(follow(db, &lease, parts).await.new, [2, 3]);
        let split = async |amount| {
            let wanted = of((2, "1"), amount, 0, 0);
            db.store.money_split(&portal("a"), &wanted, at(6)).await.unwrap()
        };
        let refused = split(61).await;
        assert!(matches!(refused, WasSplit::Refused(SplitRefused::NotClosed { .. })), "{refused:?}");
        assert_eq!(paid(db, 7).await, [(1, 100)], "what is refused takes nothing back");
        let done = split(60).await;
        assert!(matches!(done, WasSplit::Done { whole: Some(1), .. }), "{done:?}");
        assert_eq!(paid(db, 7).await, [(2, 60)]);
        assert_eq!(standing(db).await, [(1, New, 100), (2, Booked, 0), (3, New, 40)]);
        sums_close(db).await;
    }

    async fn a_part_is_refused_alone_where_what_was_counted_before_is_not_open_to_it(db: &Db) {
        let lease = leased(db, 1).await;
        let mut adopted = link(7, 1, "1", 12_200);
        adopted.draft["paid_before"] = json!(5_000);
        adopted.draft["adopted_on"] = json!("2026-03-11");
        put(db, &lease, vec![adopted, link(8, 1, "2", 100)]).await;
        // All of it came the day after.
        see(db, "march", &[order("5", 10_000), order("6", 100)]).await;
        assert_eq!(decide(db, &[book(1, 0, vec![share("1", 7_200)])]).await, [Done]);
        let parts = vec![told("x", order("5", 7_300)), told("y", order("5", 2_700))];
        assert_eq!(follow(db, &lease, parts).await.new, [3, 4]);
        // The whole order makes room for 72 roubles; the other decision of the same commit stands.
        let both = [by_person(3, "1", 7_201), book(2, 0, vec![share("2", 100)])];
        assert_eq!(decide(db, &both).await, [Decided::Refused, Done]);
        assert_eq!((paid(db, 7).await, paid(db, 8).await), (vec![(1, 7_200)], vec![(2, 100)]));
        assert_eq!(decide(db, &[by_person(3, "1", 7_200)]).await, [InPlaceOf(1)]);
        assert_eq!(paid(db, 7).await, [(3, 7_200)]);
        sums_close(db).await;
    }

    async fn who_splits_a_part_has_the_room_that_the_whole_order_makes(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 100)]).await;
        whole(db, "rule").await;
        let parts = vec![told("x", order("5", 60)), told("y", order("5", 40))];
        assert_eq!(follow(db, &lease, parts).await.new, [2, 3]);
        let split = async |payment, amount| {
            let wanted = of((payment, "1"), amount, 0, 0);
            let before = db.store.money_split_preview(&portal("a"), &wanted).await.unwrap();
            let done = db.store.money_split(&portal("a"), &wanted, at(6)).await.unwrap();
            assert_eq!(before.is_some(), matches!(done, WasSplit::Refused(_)));
            done
        };
        let first = split(2, 60).await;
        assert!(matches!(first, WasSplit::Done { whole: Some(1), .. }), "{first:?}");
        let second = split(3, 40).await;
        assert!(matches!(second, WasSplit::Done { whole: None, .. }), "{second:?}");
        assert_eq!(paid(db, 7).await, [(2, 60), (3, 40)]);
        assert_eq!(standing(db).await, [(1, New, 100), (2, Booked, 0), (3, Booked, 0)]);
        sums_close(db).await;
    }

    async fn a_part_finds_no_room_where_a_person_gave_the_whole_order_and_is_told_which(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 100), link(8, 1, "2", 30)]).await;
        whole(db, "anna").await;
        let parts = vec![told("x", order("5", 60)), told("y", order("5", 40))];
        assert_eq!(follow(db, &lease, parts).await.new, [2, 3]);
        let split = async |wanted: Split| db.store.money_split(&portal("a"), &wanted, at(6)).await.unwrap();
        let given = async |payment, number| {
            let wanted = crate::by_hand::giving(payment, number, None);
            db.store.money_give(&portal("a"), &wanted, at(6)).await.unwrap()
        };
        let whole = GivenOtherwise::Whole(1);
        assert_eq!(split(of((2, "1"), 60, 0, 0)).await, WasSplit::Refused(SplitRefused::Otherwise(whole)));
        assert_eq!(given(2, "1").await, WasGiven::Refused(GivingRefused::Otherwise(whole)));
        // Nor to an invoice that has nothing of it.
        assert_eq!(split(of((3, "2"), 30, 0, 10)).await, WasSplit::Refused(SplitRefused::Otherwise(whole)));
        assert_eq!(paid(db, 7).await, [(1, 100)]);
        assert!(undo(db, 1).await.is_some());
        let done = split(of((2, "1"), 60, 0, 0)).await;
        assert!(matches!(done, WasSplit::Done { whole: None, .. }), "{done:?}");
        assert!(matches!(given(3, "1").await, WasGiven::Done { whole: None, .. }));
        assert_eq!(paid(db, 7).await, [(2, 60), (3, 40)]);
        sums_close(db).await;
    }

    async fn what_a_person_split_as_a_credit_is_not_given_by_its_parts_beside_that(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 600), link(8, 1, "2", 400)]).await;
        see(db, "march", &[order("5", 970)]).await;
        let split = db.store.money_split(&portal("a"), &of((1, "1"), 600, 30, 400), at(4)).await.unwrap();
        assert!(matches!(split, WasSplit::Done { .. }), "{split:?}");
        let sales = vec![gave("x", order("5", 570), &[("1", 570)]), gave("y", order("5", 400), &[("2", 400)])];
        let expected = [("x", 2, WhyNotTaken::PartOf(1)), ("y", 3, WhyNotTaken::PartOf(1))];
        assert_eq!(refused(&follow(db, &lease, sales).await), expected);
        assert_eq!((paid(db, 7).await, paid(db, 8).await), (vec![(1, 600)], vec![]));
        assert!(undo(db, 1).await.is_some());
        assert_eq!(follow(db, &lease, vec![]).await.not_taken, []);
        assert_eq!((paid(db, 7).await, paid(db, 8).await), (vec![(2, 570)], vec![(3, 400)]));
        sums_close(db).await;
    }

    async fn a_part_waits_once_it_is_known_to_be_of_what_a_person_gave(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 200)]).await;
        whole(db, "anna").await;
        follow(db, &lease, vec![gave("x", order("5", 60), &[("1", 60)])]).await;
        assert_eq!(paid(db, 7).await, [(1, 100), (2, 60)]);
        let last = follow(db, &lease, vec![told("y", order("5", 40))]).await;
        assert_eq!(refused(&last), [("x", 2, WhyNotTaken::PartOf(1))]);
        assert_eq!((paid(db, 7).await, standing(db).await[1]), (vec![(1, 100)], (2, New, 60)));
        // Once she takes it back, what the accountant gave is given.
        assert!(undo(db, 1).await.is_some());
        let settled = follow(db, &lease, vec![]).await;
        assert_eq!((settled.not_taken, paid(db, 7).await), (vec![], vec![(2, 60)]));
        sums_close(db).await;
    }

    async fn a_part_that_a_person_gave_before_it_was_known_to_be_one_is_asked_about(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 200)]).await;
        whole(db, "anna").await;
        follow(db, &lease, vec![told("x", order("5", 60))]).await;
        assert_eq!(decide(db, &[by_person(2, "1", 60)]).await, [Done], "nothing tells yet that it is a part");
        let last = follow(db, &lease, vec![told("y", order("5", 40))]).await;
        assert_eq!((paid(db, 7).await, last.not_taken), (vec![(1, 100)], vec![]));
        assert_eq!(standing(db).await, [(1, Booked, 0), (2, New, 60), (3, New, 40)]);
        assert_eq!(why_undone(db, &lease, 2).await, [json!("отнесён целиком")]);
        sums_close(db).await;
    }

    async fn nothing_stays_of_such_a_part_where_the_accountant_gives_it_no_more(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 300)]).await;
        whole(db, "anna").await;
        follow(db, &lease, vec![gave("x", order("5", 60), &[("1", 30)])]).await;
        let rest = crate::by_hand::giving(2, "1", None);
        let given = db.store.money_give(&portal("a"), &rest, at(6)).await.unwrap();
        assert!(matches!(given, WasGiven::Done { .. }), "{given:?}");
        assert_eq!(paid(db, 7).await, [(1, 100), (2, 30), (2, 30)]);
        let last = follow(db, &lease, vec![told("x", order("5", 60)), told("y", order("5", 40))]).await;
        assert_eq!((paid(db, 7).await, last.not_taken), (vec![(1, 100)], vec![]));
        assert_eq!(standing(db).await, [(1, Booked, 0), (2, New, 60), (3, New, 40)]);
        sums_close(db).await;
    }

    async fn parts_are_known_once_the_accountant_takes_the_whole_order_out_beside_them(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 300)]).await;
        whole(db, "anna").await;
        // He has it whole and in parts, by mistake.
        let entered = vec![told("w", order("5", 100)), gave("x", order("5", 60), &[("1", 60)]), told("y", order("5", 40))];
        follow(db, &lease, entered).await;
        assert_eq!(paid(db, 7).await, [(1, 100), (2, 60)]);
        let taken_out = follow(db, &lease, vec![deleted("w", order("5", 100))]).await;
        assert_eq!(refused(&taken_out), [("x", 2, WhyNotTaken::PartOf(1))]);
        assert_eq!(paid(db, 7).await, [(1, 100)]);
        sums_close(db).await;
    }
}
