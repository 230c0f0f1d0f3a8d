//! A payer's letter moves money from one invoice to another, by corrections, and never above what is open.

use domain::{DealId, Money};
use jiff::civil::date;
use serde_json::json;
use store::*;

use crate::money::{
    book, decide, link, listed, order, payment_of, put, receipts, see, share, undo,
};
use crate::support::*;

fn letter(payment: i64, from: &str, to: &str, kopecks: Option<i64>) -> Letter {
    Letter {
        payment,
        from: share(from, 1).invoice,
        to: share(to, 1).invoice,
        amount: kopecks.map(Money::from_kopecks),
        seen: None,
        because: "письмо № 4 от 01.04.2026".to_owned(),
        by: "anna".to_owned(),
        today: date(2026, 4, 1),
    }
}

async fn obey(db: &Db, letter: &Letter) -> Moved {
    db.store
        .money_move(&portal("a"), letter, at(4))
        .await
        .unwrap()
}

/// What stands of a deal's money: payment and sum.
async fn paid(db: &Db, deal: u64) -> Vec<(i64, i64)> {
    let receipts = receipts(db, deal).await.into_iter();
    let standing = receipts.filter(|one| one.undone.is_none());
    standing
        .map(|one| (payment_of(&one), one.amount.kopecks()))
        .collect()
}

/// The letter that moved it to its invoice.
fn letter_of(receipt: &Receipt) -> Option<String> {
    match &receipt.means {
        Means::Payment { letter, .. } => letter.clone(),
        Means::Settlement(_) | Means::Refund { .. } => None,
    }
}

conformance! {
    async fn a_letter_moves_what_an_invoice_has_and_no_more_than_is_open(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 100), link(8, 1, "2", 60), link(9, 1, "3", 500)]).await;
        see(db, "march", &[order("5", 130)]).await;
        decide(db, &[book(1, 0, vec![share("1", 100), share("2", 20)])]).await;
        let not_that_much = |given| Moved::NotThatMuch { given: Money::from_kopecks(given) };
        assert_eq!(obey(db, &letter(2, "1", "2", None)).await, not_that_much(0));
        assert_eq!(obey(db, &letter(1, "3", "2", None)).await, not_that_much(0));
        assert_eq!(obey(db, &letter(1, "2", "3", Some(21))).await, not_that_much(20));
        assert_eq!(obey(db, &letter(1, "1", "2", Some(0))).await, not_that_much(100));
        let open = Money::from_kopecks(40);
        assert_eq!(obey(db, &letter(1, "1", "2", None)).await, Moved::MoreThanOpen { open });
        // A part, then the rest to another; what the payment has left stays.
        let done = |kopecks, deals: &[u64]| Moved::Done {
            amount: Money::from_kopecks(kopecks),
            deals: deals.iter().map(|deal| DealId(*deal)).collect(),
            refunds: Vec::new(),
        };
        assert_eq!(obey(db, &letter(1, "1", "2", Some(40))).await, done(40, &[7, 8]));
        let of_two = vec![(1, 20), (1, 40)];
        assert_eq!((paid(db, 7).await, paid(db, 8).await), (vec![(1, 60)], of_two.clone()));
        assert_eq!(obey(db, &letter(1, "1", "3", None)).await, done(60, &[7, 9]));
        assert_eq!((paid(db, 7).await, paid(db, 8).await, paid(db, 9).await), (vec![], of_two, vec![(1, 60)]));
        let all = listed(db).await;
        assert_eq!((all[0].state, all[0].remaining.kopecks(), all[0].because.as_str()), (PaymentState::Booked, 10, "письмо № 4 от 01.04.2026"));
        // The month of the payment lists the corrections of the next one.
        let march = (date(2026, 3, 1), date(2026, 3, 31));
        let march = db.store.money_month(&portal("a"), march).await.unwrap();
        let corrected: Vec<i64> = march.corrections.iter().filter_map(|one| one.share.as_ref()).map(|(_, sum)| sum.kopecks()).collect();
        assert_eq!(corrected, [-100, -60]);
        assert!(march.corrections.iter().all(|one| one.because == "письмо № 4 от 01.04.2026"));
        // Everything that stands can still be taken back, each share once.
        let undone = undo(db, 1).await.unwrap();
        assert_eq!(undone.deals, [DealId(8), DealId(9)]);
        assert_eq!(listed(db).await[0].remaining.kopecks(), 130);
        assert_eq!(undo(db, 1).await, None);
    }

    async fn a_letter_that_is_obeyed_once_more_moves_nothing_unless_its_entry_was_seen(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 100), link(8, 1, "2", 100)]).await;
        see(db, "march", &[order("5", 100)]).await;
        decide(db, &[book(1, 0, vec![share("1", 100)])]).await;
        let last = async || db.store.money_last(&portal("a"), &[1]).await.unwrap()[&1];
        let thirty = letter(1, "1", "2", Some(30));
        assert!(matches!(obey(db, &thirty).await, Moved::Done { .. }));
        assert_eq!(obey(db, &thirty).await, Moved::Again { last: last().await });
        assert_eq!((paid(db, 7).await, paid(db, 8).await), (vec![(1, 70)], vec![(1, 30)]));
        let seen = Letter { seen: Some(last().await), ..thirty.clone() };
        assert!(matches!(obey(db, &seen).await, Moved::Done { .. }));
        assert_eq!(obey(db, &seen).await, Moved::Changed);
        assert_eq!((paid(db, 7).await, paid(db, 8).await), (vec![(1, 40)], vec![(1, 30), (1, 30)]));
        // Back again is another order.
        assert!(matches!(obey(db, &letter(1, "2", "1", Some(30))).await, Moved::Done { .. }));
        assert!(matches!(obey(db, &thirty).await, Moved::Done { .. }));
    }

    async fn what_accounting_counted_before_is_not_moved_to_by_money_that_came_later(db: &Db) {
        let lease = leased(db, 1).await;
        let adopted = |deal, number: &str, day: &str| {
            let mut adopted = link(deal, 1, number, 100);
            adopted.draft["paid_before"] = json!(60);
            adopted.draft["adopted_on"] = json!(day);
            adopted
        };
        let links = vec![link(7, 1, "1", 100), adopted(8, "2", "2026-03-11"), adopted(9, "3", "2026-03-12")];
        put(db, &lease, links).await;
        see(db, "march", &[order("5", 100)]).await;
        decide(db, &[book(1, 0, vec![share("1", 100)])]).await;
        let open = Money::from_kopecks(40);
        assert_eq!(obey(db, &letter(1, "1", "2", Some(41))).await, Moved::MoreThanOpen { open });
        assert!(matches!(obey(db, &letter(1, "1", "2", Some(40))).await, Moved::Done { .. }));
        // What came no later may be that very money.
        assert!(matches!(obey(db, &letter(1, "1", "3", None)).await, Moved::Done { .. }));
        assert_eq!(paid(db, 9).await, [(1, 60)]);
    }

    async fn a_letter_leaves_alone_what_the_payment_gave_to_other_deals(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 100), link(8, 1, "2", 60), link(9, 1, "3", 500)]).await;
        see(db, "march", &[order("5", 160)]).await;
        decide(db, &[book(1, 0, vec![share("1", 100), share("2", 60)])]).await;
        let before = receipts(db, 8).await;
        assert!(matches!(obey(db, &letter(1, "1", "3", Some(30))).await, Moved::Done { .. }));
        assert_eq!(receipts(db, 8).await, before);
        // Of what went away the rest is given anew, and what was corrected is told of its own deal alone.
        let told = |all: Vec<Receipt>| all.iter().map(|one| (one.amount.kopecks(), one.undone.is_some())).collect::<Vec<_>>();
        assert_eq!(told(receipts(db, 7).await), [(100, true), (70, false)]);
        assert_eq!(told(receipts(db, 9).await), [(30, false)]);
        // The letter is named where its money came to, not where a part stays.
        let letters = |all: Vec<Receipt>| all.into_iter().map(|one| letter_of(&one)).collect::<Vec<_>>();
        let because = Some("письмо № 4 от 01.04.2026".to_owned());
        assert_eq!((letters(receipts(db, 7).await), letters(receipts(db, 9).await)), (vec![None, None], vec![because]));
        // What stays is of whoever gave it.
        let story = db.store.money_story(&portal("a"), 1).await.unwrap();
        let given = story.iter().filter(|line| line.kind == "allocation").filter_map(|line| {
            let (invoice, sum) = line.share.as_ref()?;
            Some((line.author.as_str(), invoice.invoice.as_str(), sum.kopecks()))
        });
        let given: Vec<_> = given.collect();
        assert_eq!(given[given.len() - 2..], [(given[0].0, "id-1", 70), ("anna", "id-3", 30)]);
        assert_ne!(given[0].0, "anna");
    }
}
