//! What we paid back is taken off advances and invoices of its receiver alone, never below nothing, and released when what
//! it rested on goes.

use domain::payment::{Direction, LineId, OtherSide, PaymentKind, PaymentOrder, SourceId};
use domain::{DealId, Inn, Money, OrganisationId};
use jiff::civil::date;
use serde_json::json;
use store::*;

use crate::money::{
    book, decide, link, listed, order, put, receipts, see, share, try_undo, undo, wait,
};
use crate::random_walk::Chance;
use crate::support::*;

const ANOTHER: &str = "7736050003";

/// The same order of another payer.
pub(crate) fn of_another(order: PaymentOrder) -> PaymentOrder {
    let inn = Some(Inn::parse(ANOTHER).unwrap());
    PaymentOrder {
        other: OtherSide {
            inn,
            ..order.other.clone()
        },
        ..order
    }
}

pub(crate) fn out(order: PaymentOrder) -> PaymentOrder {
    PaymentOrder {
        direction: Direction::Out,
        ..order
    }
}

/// A refund, seen in a statement of its own.
async fn pay_back_as(db: &Db, order: PaymentOrder, organisation: &str) -> i64 {
    let line = SeenLine {
        line: LineId(order.number.clone()),
        order: out(order),
        organisation: OrganisationId::new(organisation),
        kind: PaymentKind::RefundOut,
    };
    let source = SourceId("refunds".to_owned());
    let seen = db
        .store
        .money_see(&portal("a"), &source, &[line], at(1))
        .await
        .unwrap();
    seen.new[0]
}

pub(crate) async fn pay_back(db: &Db, number: &str, kopecks: i64) -> i64 {
    pay_back_as(db, order(number, kopecks), "us").await
}

/// Of what a payment gave to an invoice.
pub(crate) fn of_share(payment: i64, number: &str, kopecks: i64) -> RefundPart {
    let BookedShare { invoice, amount } = share(number, kopecks);
    RefundPart {
        payment,
        invoice: Some(invoice),
        amount,
    }
}

/// Of what a payment has left.
pub(crate) fn of_rest(payment: i64, kopecks: i64) -> RefundPart {
    RefundPart {
        payment,
        invoice: None,
        amount: Money::from_kopecks(kopecks),
    }
}

pub(crate) fn ruled(payment: i64, undone: i64, ruling: Ruling) -> Decision {
    Decision {
        ruling,
        ..book(payment, undone, Vec::new())
    }
}

pub(crate) fn take_off(refund: i64, undone: i64, parts: Vec<RefundPart>) -> Decision {
    let author = "rule".to_owned();
    ruled(refund, undone, Ruling::TakeOff { parts, author })
}

/// What a deal is told and stands: so many kopecks of its invoice, and so many that went back.
pub(crate) async fn told_of(db: &Db, deal: u64) -> Vec<(i64, i64)> {
    let receipts = receipts(db, deal).await.into_iter();
    receipts
        .filter(|one| one.undone.is_none())
        .map(|one| match one.means {
            Means::Refund { returned, .. } => (one.amount.kopecks(), returned.kopecks()),
            Means::Payment { .. } | Means::Settlement(_) => (one.amount.kopecks(), 0),
        })
        .collect()
}

pub(crate) async fn standing(db: &Db, payment: i64) -> (PaymentState, i64) {
    let all = listed(db).await;
    let one = all.iter().find(|one| one.number == payment).unwrap();
    (one.state, one.remaining.kopecks())
}

pub(crate) async fn paid(db: &Db, number: &str) -> i64 {
    let invoice = share(number, 1).invoice;
    let asked = std::slice::from_ref(&invoice);
    let known = db.store.money_balances(&portal("a"), asked).await.unwrap();
    known[&invoice].paid.kopecks()
}

/// What of whose payment may go back: its number, whether it is decided, what is left, and what of its shares.
async fn refundable(db: &Db, inn: &str) -> Vec<(i64, bool, i64, Vec<i64>)> {
    let payers = [Inn::parse(inn).unwrap()];
    let found = db.store.money_refundable(&portal("a"), &payers).await;
    let payments = found.unwrap().payments.into_iter();
    payments
        .map(|one| {
            let given = one.given.iter().map(|(_, sum)| sum.kopecks());
            (
                one.payment,
                one.is_decided,
                one.remaining.kopecks(),
                given.collect(),
            )
        })
        .collect()
}

const BUYER: &str = "7707083893";

use Decided::{Done, Refused};
use PaymentState::{Aside, Asked, Booked, Left, New};

conformance! {
    async fn a_refund_is_taken_off_advance_and_invoice_and_no_more_than_they_hold(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 100), link(8, 1, "2", 100)]).await;
        see(db, "march", &[order("5", 130)]).await;
        decide(db, &[book(1, 0, vec![share("1", 100)])]).await;
        let refund = pay_back(db, "9", 50).await;
        for parts in [
            vec![],
            vec![of_share(1, "1", 49)],
            vec![of_rest(1, 31), of_share(1, "1", 19)],
            vec![of_share(1, "1", 101)],
            vec![of_share(1, "2", 50)],
            vec![of_rest(1, -10), of_share(1, "1", 60)],
            vec![of_rest(1, 20), of_rest(1, 11), of_share(1, "1", 19)],
            vec![of_rest(refund, 50)],
            vec![of_rest(99, 50)],
        ] {
            assert_eq!(decide(db, &[take_off(refund, 0, parts.clone())]).await, [Refused], "{parts:?}");
        }
        // A refund is no buyer's payment, and a buyer's payment no refund.
        assert_eq!(decide(db, &[take_off(1, 0, vec![of_share(1, "1", 30)])]).await, [Refused]);
        let parts = vec![of_rest(1, 30), of_share(1, "1", 20)];
        assert_eq!(decide(db, &[take_off(refund, 0, parts)]).await, [Done]);
        assert_eq!((standing(db, refund).await, standing(db, 1).await), ((Booked, 0), (Booked, 0)));
        assert_eq!(paid(db, "1").await, 80);
        assert_eq!(told_of(db, 7).await, [(100, 0), (0, 30), (-20, 20)]);
        let story = db.store.money_story(&portal("a"), 1).await.unwrap();
        let back: Vec<_> = story.iter().filter(|line| line.payment == refund).collect();
        let sums: Vec<_> = back.iter().map(|line| (line.advance.map(Money::kopecks), line.share.as_ref().map(|one| one.1.kopecks()))).collect();
        assert_eq!(sums, [(Some(-30), None), (None, Some(-20))]);
        assert_eq!(refundable(db, BUYER).await, [(1, true, 0, vec![80])]);
        // Taken back, all is as it was, and the refund is to be decided by a person.
        let undone = undo(db, refund).await.unwrap();
        assert_eq!((undone.deals, undone.refunds), (vec![DealId(7)], vec![]));
        assert_eq!((standing(db, refund).await, standing(db, 1).await), ((New, -50), (Booked, 30)));
        assert_eq!((paid(db, "1").await, told_of(db, 7).await), (100, vec![(100, 0)]));
        assert_eq!(undo(db, refund).await, None);
        // Each part is a transaction of its own, which was corrected once.
        let march = (date(2026, 3, 1), date(2026, 3, 31));
        let march = db.store.money_month(&portal("a"), march).await.unwrap();
        let corrected: Vec<_> = march.corrections.iter().map(|one| (one.is_of_share, one.share.as_ref().map(|share| share.1.kopecks()))).collect();
        assert_eq!(corrected, [(true, None), (true, Some(20))]);
    }

    async fn a_payment_that_is_taken_back_releases_what_rests_on_it_and_nothing_else(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 200)]).await;
        // Two payers share an invoice: what the other paid is not what went back.
        see(db, "march", &[order("5", 100), of_another(order("6", 130))]).await;
        decide(db, &[book(1, 0, vec![share("1", 100)]), book(2, 0, vec![share("1", 100)])]).await;
        let (first, second) = (pay_back(db, "9", 40).await, pay_back_as(db, of_another(order("8", 35)), "us").await);
        let taken = [
            take_off(first, 0, vec![of_share(1, "1", 40)]),
            take_off(second, 0, vec![of_rest(2, 30), of_share(2, "1", 5)]),
        ];
        assert_eq!(decide(db, &taken).await, [Done, Done]);
        assert_eq!(paid(db, "1").await, 155);
        assert_eq!(undo(db, 1).await.unwrap().refunds, [first]);
        assert_eq!((standing(db, first).await, standing(db, 1).await), ((New, -40), (New, 100)));
        assert_eq!((standing(db, second).await, standing(db, 2).await, paid(db, "1").await), ((Booked, 0), (Booked, 0), 95));
        let due = db.store.work_take(&lease, Lane::Due, 99, &[], at(9)).await.unwrap();
        assert!(due.iter().any(|work| work.subject == Subject::payment(first)), "it is looked at");
        // What went back of its rest is given back as well.
        assert_eq!(undo(db, 2).await.unwrap().refunds, [second]);
        assert_eq!((standing(db, second).await, standing(db, 2).await, paid(db, "1").await), ((New, -35), (New, 130), 0));
        assert_eq!(told_of(db, 7).await, []);
    }

    async fn a_refund_of_several_payments_is_released_as_far_as_one_of_them_goes(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 100)]).await;
        see(db, "march", &[order("5", 50), order("6", 50), of_another(order("7", 70))]).await;
        decide(db, &[book(1, 0, vec![share("1", 50)]), book(2, 0, vec![share("1", 50)])]).await;
        let refund = pay_back(db, "9", 70).await;
        decide(db, &[take_off(refund, 0, vec![of_share(1, "1", 50), of_share(2, "1", 20)])]).await;
        assert_eq!(decide(db, &[book(3, 0, vec![share("1", 70)])]).await, [Done]);
        assert_eq!(undo(db, 1).await.unwrap().refunds, [refund]);
        assert_eq!((standing(db, refund).await, paid(db, "1").await), ((New, -50), 100), "20 of it rest on another");
        // The rest of it is decided like a refund of so much.
        assert_eq!(decide(db, &[take_off(refund, 1, vec![of_share(2, "1", 31)])]).await, [Refused]);
        assert_eq!(decide(db, &[take_off(refund, 1, vec![of_share(2, "1", 50)])]).await, [Refused]);
        assert_eq!(decide(db, &[ruled(refund, 1, Ruling::Leave)]).await, [Done]);
        assert_eq!(standing(db, refund).await, (Left, -50));
    }

    async fn money_of_another_payer_or_organisation_never_goes_back(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 100)]).await;
        see(db, "march", &[order("5", 50), of_another(order("6", 50))]).await;
        decide(db, &[book(1, 0, vec![share("1", 50)]), book(2, 0, vec![share("1", 50)])]).await;
        let (first, second) = (pay_back(db, "9", 50).await, pay_back(db, "8", 50).await);
        let elsewhere = pay_back_as(db, order("7", 50), "others").await;
        assert_eq!(decide(db, &[take_off(first, 0, vec![of_share(2, "1", 50)])]).await, [Refused]);
        assert_eq!(decide(db, &[take_off(elsewhere, 0, vec![of_share(1, "1", 50)])]).await, [Refused]);
        let both = [first, second].map(|one| take_off(one, 0, vec![of_share(1, "1", 50)]));
        assert_eq!(decide(db, &both).await, [Done, Refused], "within one pass");
        // The invoice still has 50, but they are not his.
        assert_eq!(decide(db, &both[1..]).await, [Refused]);
        assert_eq!(refundable(db, BUYER).await, [(1, true, 0, vec![])]);
        assert_eq!(refundable(db, ANOTHER).await, [(2, true, 0, vec![50])]);
        assert_eq!(paid(db, "1").await, 50);
    }

    async fn only_money_that_is_decided_goes_back(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 100)]).await;
        see(db, "march", &[order("5", 100)]).await;
        let refund = pay_back(db, "9", 100).await;
        let back = take_off(refund, 0, vec![of_rest(1, 100)]);
        assert_eq!(decide(db, std::slice::from_ref(&back)).await, [Refused], "nobody said what it is for");
        // Booked and returned in one pass, it would be given twice.
        let both = [book(1, 0, vec![share("1", 100)]), back.clone()];
        assert_eq!(decide(db, &both).await, [Done, Refused]);
        assert!(undo(db, 1).await.is_some());
        assert_eq!(decide(db, &[ruled(1, 1, Ruling::Leave)]).await, [Done]);
        assert_eq!(decide(db, &[back]).await, [Done]);
        assert_eq!((standing(db, 1).await, standing(db, refund).await), ((Left, 0), (Booked, 0)));
        // Who takes the decision back has all of it again.
        assert_eq!(undo(db, 1).await.unwrap().refunds, [refund]);
        assert_eq!((standing(db, 1).await, standing(db, refund).await), ((New, 100), (New, -100)));
    }

    async fn taking_a_refund_back_never_pays_an_invoice_above_its_total(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 100)]).await;
        see(db, "march", &[order("5", 100), of_another(order("6", 30))]).await;
        decide(db, &[book(1, 0, vec![share("1", 100)])]).await;
        let refund = pay_back(db, "9", 40).await;
        decide(db, &[take_off(refund, 0, vec![of_share(1, "1", 40)])]).await;
        assert_eq!(decide(db, &[book(2, 0, vec![share("1", 30)])]).await, [Done]);
        let open = Money::from_kopecks(10);
        let refused = WasUndone::MoreThanOpen { invoice: share("1", 1).invoice, open };
        assert_eq!(try_undo(db, refund).await, refused);
        assert_eq!((standing(db, refund).await, paid(db, "1").await), ((Booked, 0), 90), "nothing is recorded");
        // A letter that would release it is refused for the same reason.
        let letter = Letter {
            payment: 1, from: share("1", 1).invoice, to: share("2", 1).invoice, amount: Some(Money::from_kopecks(5)),
            seen: None,
            because: "письмо № 4".to_owned(), by: "anna".to_owned(), today: date(2026, 4, 1),
        };
        put(db, &lease, vec![link(8, 1, "2", 100)]).await;
        let moved = db.store.money_move(&portal("a"), &letter, at(4)).await.unwrap();
        assert_eq!(moved, Moved::Refunded { refund });
        assert_eq!((paid(db, "1").await, paid(db, "2").await), (90, 0));
        assert!(undo(db, 2).await.is_some());
        assert!(undo(db, refund).await.is_some());
        assert_eq!(paid(db, "1").await, 100);
    }

    async fn a_letter_releases_the_refund_that_was_taken_off_what_it_moves(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 100), link(8, 1, "2", 100), link(9, 1, "3", 100)]).await;
        see(db, "march", &[order("5", 200)]).await;
        decide(db, &[book(1, 0, vec![share("1", 100), share("2", 60)])]).await;
        let (first, second, third) = (pay_back(db, "9", 40).await, pay_back(db, "8", 25).await, pay_back(db, "7", 10).await);
        let taken = [
            take_off(first, 0, vec![of_share(1, "1", 40)]),
            take_off(second, 0, vec![of_share(1, "2", 25)]),
            take_off(third, 0, vec![of_rest(1, 10)]),
        ];
        assert_eq!(decide(db, &taken).await, [Done, Done, Done]);
        let letter = |kopecks| Letter {
            payment: 1, from: share("1", 1).invoice, to: share("3", 1).invoice, amount: Some(Money::from_kopecks(kopecks)),
            seen: None,
            because: "письмо № 4".to_owned(), by: "anna".to_owned(), today: date(2026, 4, 1),
        };
        let moved = db.store.money_move(&portal("a"), &letter(30), at(4)).await.unwrap();
        let Moved::Done { refunds, .. } = moved else { panic!("{moved:?}") };
        assert_eq!((refunds, standing(db, first).await), (vec![first], (New, -40)));
        assert_eq!((standing(db, second).await, standing(db, third).await), ((Booked, 0), (Booked, 0)), "they rest on what stays");
        assert_eq!((paid(db, "1").await, paid(db, "2").await, paid(db, "3").await), (70, 35, 30));
        assert_eq!(standing(db, 1).await, (Booked, 30));
    }

    async fn a_refund_before_its_payment_is_decided_anew_when_that_comes(db: &Db) {
        leased(db, 1).await;
        let (waiting, aside) = (pay_back(db, "9", 50).await, pay_back(db, "8", 50).await);
        let until = Ruling::AsideUntilPaid { last: 0 };
        assert_eq!(decide(db, &[ruled(waiting, 0, until.clone()), ruled(aside, 0, Ruling::Aside)]).await, [Done, Done]);
        assert_eq!(db.store.money_new(&portal("a"), None, None, 9).await.unwrap(), vec![]);
        // Of somebody else, and of a kind that is no payment of a buyer's.
        see(db, "february", &[of_another(order("4", 50))]).await;
        assert_eq!((standing(db, waiting).await.0, standing(db, aside).await.0), (Aside, Aside));
        let seen = see(db, "march", &[order("5", 50)]).await;
        assert_eq!((standing(db, waiting).await.0, standing(db, aside).await.0), (New, Aside), "what was listed for good stays so");
        let undecided = db.store.money_new(&portal("a"), None, None, 9).await.unwrap();
        assert!(undecided.iter().any(|one| one.number == waiting));
        // Whoever decided before the payment was known does not set it aside any more.
        assert_eq!(decide(db, &[ruled(waiting, 0, until)]).await, [Refused]);
        let last = seen.new[0];
        assert_eq!(decide(db, &[ruled(waiting, 0, Ruling::AsideUntilPaid { last })]).await, [Done]);
        // A buyer's payment never waits so.
        assert_eq!(decide(db, &[ruled(last, 0, Ruling::AsideUntilPaid { last })]).await, [Refused]);
        // Told with its payer only later.
        let mut nameless = order("6", 70);
        nameless.other.inn = None;
        see(db, "april", &[nameless]).await;
        assert_eq!(standing(db, waiting).await.0, Aside);
        see(db, "may", &[order("6", 70)]).await;
        assert_eq!(standing(db, waiting).await.0, New);
    }

    async fn a_refund_that_is_asked_about_is_looked_at_once_its_receivers_money_is_decided(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 100)]).await;
        see(db, "march", &[order("5", 100)]).await;
        let (asked, waiting) = (pay_back(db, "9", 50).await, pay_back(db, "8", 20).await);
        let question = CaseFacts {
            code: "PAYMENT-UNDECIDED".to_owned(), cause: "x".to_owned(), key: PAYMENT_CASE_KEY.to_owned(),
            subject: Subject::payment(asked), facts: json!({}), text: "?".to_owned(), waits_for: Vec::new(),
        };
        let until = Some(at(9_999));
        let both = [ruled(asked, 0, Ruling::Ask(Box::new(question))), ruled(waiting, 0, wait(until))];
        assert_eq!(decide(db, &both).await, [Done, Done]);
        let looks = async || {
            let due = db.store.work_take(&lease, Lane::Due, 99, &[], at(9)).await.unwrap();
            due.iter().filter(|work| work.subject == Subject::payment(asked)).count()
        };
        assert_eq!((looks().await, db.store.money_new(&portal("a"), Some(at(9)), None, 9).await.unwrap().len()), (0, 1));
        assert_eq!(decide(db, &[book(1, 0, vec![share("1", 100)])]).await, [Done]);
        assert_eq!((looks().await, standing(db, asked).await.0), (1, Asked));
        let new: Vec<i64> = db.store.money_new(&portal("a"), Some(at(9)), None, 9).await.unwrap().iter().map(|one| one.number).collect();
        assert_eq!(new, [waiting], "and none waits longer");
    }

    async fn what_an_invoice_cannot_hold_is_recorded_nowhere(db: &Db) {
        if db.form == Form::Inline {
            return; // Its one connection is not to be written beside.
        }
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 100)]).await;
        see(db, "march", &[order("5", 130)]).await;
        decide(db, &[book(1, 0, vec![share("1", 100)])]).await;
        db.meddle("UPDATE invoice_balance SET paid = 60").await;
        let (id, today) = (portal("a"), date(2026, 4, 1));
        let undone = db.store.money_undo(&id, 1, ("anna", "письмо"), today, at(4)).await;
        assert!(matches!(undone, Err(StoreError::NotBorne { what: "invoice", .. })), "{undone:?}");
        assert_eq!((standing(db, 1).await, paid(db, "1").await), ((Booked, 30), 60));
        db.meddle("UPDATE invoice_balance SET paid = 100").await;
        db.meddle("UPDATE payment SET remaining = 10").await;
        let refund = pay_back(db, "9", 10).await;
        decide(db, &[take_off(refund, 0, vec![of_rest(1, 10)])]).await;
        db.meddle("UPDATE payment SET remaining = 125 WHERE number = 1").await;
        let undone = db.store.money_undo(&id, refund, ("anna", "письмо"), today, at(4)).await;
        assert!(matches!(undone, Err(StoreError::NotBorne { what: "payment", .. })), "{undone:?}");
    }

    async fn whatever_is_given_taken_back_and_paid_back_the_sums_close(db: &Db) {
        let lease = leased(db, 1).await;
        for seed in 1..=5 {
            walk(db, &lease, seed).await;
        }
    }
}

/// Bookings, letters, refunds and undoings in a random order, also such as have to be refused. After each: no invoice has
/// less than nothing or more than its total, no payment more than it brought, and all that came is somewhere.
async fn walk(db: &Db, lease: &Lease, seed: u64) {
    let mut chance = Chance(seed * 6_271);
    let mut draw = |bound: u64| i64::try_from(chance.below(bound)).unwrap();
    let name = |nth: i64| format!("{seed}-{nth}");
    let links = (0..3_i64).map(|nth| link(1_000 * seed + nth.unsigned_abs(), 1, &name(nth), 300));
    put(db, lease, links.collect()).await;
    let first = i64::try_from(listed(db).await.len()).unwrap() + 1;
    let orders = [
        order(&name(0), 200),
        order(&name(1), 200),
        of_another(order(&name(2), 200)),
    ];
    see(db, &format!("march-{seed}"), &orders).await;
    let mut refunds = Vec::new();
    for nth in 0..3 {
        let refund = order(&format!("back-{}", name(nth)), 90);
        let refund = if nth == 2 { of_another(refund) } else { refund };
        refunds.push(pay_back_as(db, refund, "us").await);
    }
    for _ in 0..80 {
        let payment = first + draw(3);
        let refund = refunds[usize::try_from(draw(3)).unwrap()];
        let (one, other) = (name(draw(3)), name(draw(3)));
        match draw(7) {
            0 | 1 => {
                let shares = vec![share(&one, 40 * (1 + draw(5)))];
                as_it_is(db, book(payment, 0, shares)).await;
            }
            2 | 3 => {
                let advance = draw(91);
                let mut parts = vec![
                    of_rest(payment, advance),
                    of_share(payment, &one, 90 - advance),
                ];
                parts.retain(|part| part.amount.is_positive());
                as_it_is(db, take_off(refund, 0, parts)).await;
            }
            4 => drop(try_undo(db, payment).await),
            5 => drop(try_undo(db, refund).await),
            _ => {
                let letter = Letter {
                    payment,
                    from: share(&one, 1).invoice,
                    to: share(&other, 1).invoice,
                    amount: Some(Money::from_kopecks(1 + draw(120))),
                    seen: None,
                    because: "письмо".to_owned(),
                    by: "anna".to_owned(),
                    today: date(2026, 4, 1),
                };
                let moved = db.store.money_move(&portal("a"), &letter, at(4)).await;
                drop(moved.unwrap());
            }
        }
        closes(db, (first, &refunds), seed).await;
    }
}

/// Decides a payment that is to be decided, however often it was undone.
async fn as_it_is(db: &Db, decision: Decision) {
    let asked = [decision.payment];
    let found = db
        .store
        .money_undecided(&portal("a"), &asked)
        .await
        .unwrap();
    if let Some(found) = found.first() {
        let undone = found.undone;
        decide(db, &[Decision { undone, ..decision }]).await;
    }
}

async fn closes(db: &Db, (first, refunds): (i64, &[i64]), seed: u64) {
    let all = listed(db).await;
    let ours: Vec<_> = all
        .iter()
        .filter(|one| (first..first + 3).contains(&one.number) || refunds.contains(&one.number))
        .collect();
    let mut in_invoices = 0;
    for nth in 0..3 {
        let paid = paid(db, &format!("{seed}-{nth}")).await;
        assert!((0..=300).contains(&paid), "seed {seed}: {paid}");
        let deal = 1_000 * seed + nth;
        let shown: i64 = told_of(db, deal).await.iter().map(|(sum, _)| sum).sum();
        assert_eq!(shown, paid, "seed {seed}: the deal shows what is paid");
        in_invoices += paid;
    }
    let (mut given, mut left) = (0, 0);
    for one in ours {
        let brought = match one.order.direction {
            Direction::In => 0..=one.order.amount.kopecks(),
            Direction::Out => -one.order.amount.kopecks()..=0,
        };
        assert!(
            brought.contains(&one.remaining.kopecks()),
            "seed {seed}: {one:?}"
        );
        let to_invoices = one.invoices.iter().map(|(_, sum)| sum.kopecks());
        given += to_invoices.sum::<i64>();
        left += one.remaining.kopecks();
    }
    assert_eq!(
        given, in_invoices,
        "seed {seed}: what payments gave is what invoices got"
    );
    // 600 came and 270 went.
    assert_eq!(given + left, 600 - 270, "seed {seed}");
    for inn in [BUYER, ANOTHER] {
        for (payment, _, left, shares) in refundable(db, inn).await {
            let least = shares.iter().min().copied().unwrap_or_default();
            assert!(left >= 0 && least >= 0, "seed {seed}: payment {payment}");
        }
    }
}
