//! A person gives a payment, or what is left of it, to an invoice of his choice: never more than it has, never more than is
//! open, and taken back like any other booking.

use std::collections::BTreeMap;

use domain::payment::{PaymentKind, SourceId};
use domain::{DealId, Inn, Money};
use jiff::civil::date;
use serde_json::json;
use store::*;

use crate::followed::{follow, told};
use crate::money::{
    book, decide, line, link, listed, order, payment_of, put, question, receipts, see, share, undo,
};
use crate::refunds::{of_share, pay_back, take_off};
use crate::support::*;

pub(crate) fn giving(payment: i64, number: &str, kopecks: Option<i64>) -> Giving {
    Giving {
        payment,
        invoice: share(number, 1).invoice,
        amount: kopecks.map(Money::from_kopecks),
        seen: None,
        because: "выбор: anna".to_owned(),
        of_parts: "по частям".to_owned(),
        by: "anna".to_owned(),
        today: date(2026, 4, 1),
    }
}

async fn give(db: &Db, wanted: &Giving) -> WasGiven {
    let given = db.store.money_give(&portal("a"), wanted, at(4)).await;
    given.unwrap()
}

fn done(kopecks: i64, left: i64, deal: u64) -> WasGiven {
    WasGiven::Done {
        amount: Money::from_kopecks(kopecks),
        left: Money::from_kopecks(left),
        deals: vec![DealId(deal)],
        whole: None,
    }
}

async fn refused(db: &Db, wanted: &Giving) -> GivingRefused {
    match give(db, wanted).await {
        WasGiven::Refused(refused) => refused,
        done @ WasGiven::Done { .. } => panic!("{done:?}"),
    }
}

/// What stands of a deal's money: payment and sum.
async fn paid(db: &Db, deal: u64) -> Vec<(i64, i64)> {
    let receipts = receipts(db, deal).await.into_iter();
    let standing = receipts.filter(|one| one.undone.is_none());
    standing
        .map(|one| (payment_of(&one), one.amount.kopecks()))
        .collect()
}

/// State and rest of each payment.
async fn states(db: &Db) -> Vec<(PaymentState, i64)> {
    let all = listed(db).await.into_iter();
    all.map(|one| (one.state, one.remaining.kopecks()))
        .collect()
}

fn rules(payment: i64, ruling: Ruling) -> Decision {
    Decision {
        ruling,
        ..book(payment, 0, Vec::new())
    }
}

/// Payments and invoices by plain sums, beside the store's.
#[derive(Default)]
struct Sums {
    left: BTreeMap<i64, i64>,
    open: BTreeMap<String, i64>,
    given: BTreeMap<i64, Vec<(String, i64)>>,
}

impl Sums {
    /// What is given, where both bear it.
    fn give(&mut self, payment: i64, invoice: &str, wanted: Option<i64>) -> Option<i64> {
        let left = self.left.get_mut(&payment).unwrap();
        let open = self.open.get_mut(invoice).unwrap();
        let amount = wanted.unwrap_or((*left).min(*open));
        if amount <= 0 || amount > *left || amount > *open {
            return None;
        }
        *left -= amount;
        *open -= amount;
        let given = self.given.entry(payment).or_default();
        given.push((invoice.to_owned(), amount));
        Some(amount)
    }

    /// Whether there was anything to take back.
    fn undo(&mut self, payment: i64) -> bool {
        let given = self.given.remove(&payment).unwrap_or_default();
        for (invoice, amount) in &given {
            *self.left.get_mut(&payment).unwrap() += amount;
            *self.open.get_mut(invoice).unwrap() += amount;
        }
        !given.is_empty()
    }
}

async fn walk(db: &Db, lease: &Lease, seed: u64) {
    let mut chance = crate::random_walk::Chance(seed * 7_321);
    let mut draw = |bound: u64| usize::try_from(chance.below(bound)).unwrap();
    let mut sums = Sums::default();
    let invoices = ["a", "b"].map(|name| format!("{seed}{name}"));
    for (place, invoice) in (0_u64..).zip(&invoices) {
        let total = 100 * i64::try_from(2 + draw(5)).unwrap();
        let issued = link(100 + 2 * seed + place, 1, invoice, total);
        put(db, lease, vec![issued]).await;
        sums.open.insert(invoice.clone(), total);
    }
    let orders: Vec<_> = (0..3)
        .map(|number| {
            let kopecks = 100 * i64::try_from(1 + draw(6)).unwrap();
            order(&format!("{seed}/{number}"), kopecks)
        })
        .collect();
    let payments = see(db, &format!("walk {seed}"), &orders).await.new;
    for (payment, order) in payments.iter().zip(&orders) {
        sums.left.insert(*payment, order.amount.kopecks());
    }
    for step in 0..24 {
        let told = format!("seed {seed}, step {step}");
        let payment = payments[draw(3)];
        if draw(5) == 0 {
            let undone = undo(db, payment).await.is_some();
            assert_eq!(undone, sums.undo(payment), "{told}");
            continue;
        }
        let invoice = &invoices[draw(2)];
        let wanted = (draw(3) > 0).then(|| 50 * i64::try_from(draw(9)).unwrap());
        let last = db.store.money_last(&portal("a"), &[payment]).await;
        let order = Giving {
            seen: last.unwrap().get(&payment).copied(),
            ..giving(payment, invoice, wanted)
        };
        let given = match give(db, &order).await {
            WasGiven::Done { amount, .. } => Some(amount.kopecks()),
            WasGiven::Refused(_) => None,
        };
        let expected = sums.give(payment, invoice, wanted);
        assert_eq!(given, expected, "{told}: {payment} {invoice} {wanted:?}");
    }
    for one in listed(db).await {
        if let Some(left) = sums.left.get(&one.number) {
            assert_eq!(one.remaining.kopecks(), *left, "seed {seed}");
        }
    }
    for (place, invoice) in (0_u64..).zip(&invoices) {
        let paid = paid(db, 100 + 2 * seed + place).await;
        let paid: i64 = paid.iter().map(|(_, kopecks)| kopecks).sum();
        let given = sums.given.values().flatten();
        let given = given.filter(|(to, _)| to == invoice);
        let given: i64 = given.map(|(_, kopecks)| kopecks).sum();
        assert_eq!(paid, given, "seed {seed}");
    }
}

conformance! {
    async fn what_is_given_by_hand_and_taken_back_comes_to_plain_sums(db: &Db) {
        let lease = leased(db, 1).await;
        for seed in 1..=12 {
            walk(db, &lease, seed).await;
        }
    }

    async fn what_is_asked_left_or_advanced_goes_to_the_invoice_that_a_person_names(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 100), link(8, 1, "2", 60), link(9, 1, "3", 500)]).await;
        see(db, "march", &[order("5", 130), order("6", 50), order("7", 20), order("8", 40)]).await;
        let asks = rules(2, Ruling::Ask(Box::new(question(2))));
        let booked = book(1, 0, vec![share("1", 100)]);
        assert_eq!(decide(db, &[booked, asks, rules(3, Ruling::Leave)]).await, [Decided::Done; 3]);
        // An advance, a question, what was left alone, and what nobody looked at.
        assert_eq!(give(db, &giving(1, "2", None)).await, done(30, 0, 8));
        assert_eq!(give(db, &giving(2, "3", Some(20))).await, done(20, 30, 9));
        assert_eq!(give(db, &giving(3, "3", None)).await, done(20, 0, 9));
        assert_eq!(give(db, &giving(4, "2", None)).await, done(30, 10, 8));
        let booked = |left| (PaymentState::Booked, left);
        assert_eq!(states(db).await, [booked(0), booked(30), booked(0), booked(10)]);
        assert_eq!((paid(db, 7).await, paid(db, 8).await), (vec![(1, 100)], vec![(1, 30), (4, 30)]));
        assert_eq!(paid(db, 9).await, [(2, 20), (3, 20)]);
        let open = db.store.cases_open(&portal("a"), &CaseFilter::default()).await.unwrap();
        assert_eq!(open, vec![], "nothing is asked any more");
        let due = db.store.work_take(&lease, Lane::Due, 99, &[], at(9)).await.unwrap();
        for moved in [8, 9] {
            assert!(due.iter().any(|work| work.subject == deal(moved)), "{due:?}");
        }
        // The rest of the same payment to the same invoice is a second share; all of it is taken back.
        assert_eq!(give(db, &giving(2, "3", None)).await, done(30, 0, 9));
        assert_eq!(undo(db, 2).await.unwrap().deals, [DealId(9)]);
        assert_eq!(states(db).await[1], (PaymentState::New, 50));
        assert_eq!(paid(db, 9).await, [(3, 20)]);
        // What people choose is evidence for the payer.
        let payer = Inn::parse("7707083893").unwrap();
        let wanted = Wanted { inns: vec![payer.clone()], ..Wanted::default() };
        let found = db.store.money_open(&portal("a"), &wanted).await.unwrap();
        assert_eq!(found.chosen_before[&payer][0].times, 5);
    }

    async fn no_more_is_given_than_the_payment_has_and_than_the_invoice_has_open(db: &Db) {
        let lease = leased(db, 1).await;
        let cancelled = InvoiceLink { status: "cancelled".to_owned(), ..link(9, 1, "3", 500) };
        put(db, &lease, vec![link(7, 1, "1", 100), link(8, 1, "2", 60), cancelled]).await;
        see(db, "march", &[order("5", 130)]).await;
        let left = |left| GivingRefused::NotThatMuch { left: Money::from_kopecks(left) };
        let open = |open| GivingRefused::MoreThanOpen { open: Money::from_kopecks(open) };
        for (number, kopecks, why) in [
            ("1", Some(131), left(130)),
            ("1", Some(101), open(100)),
            ("1", Some(0), GivingRefused::NoAmount),
            ("1", Some(-5), GivingRefused::NoAmount),
            ("3", None, open(0)),
            ("nobody's", None, open(0)),
        ] {
            assert_eq!(refused(db, &giving(1, number, kopecks)).await, why, "{number} {kopecks:?}");
        }
        assert_eq!(refused(db, &giving(2, "1", None)).await, GivingRefused::NoPayment);
        assert_eq!(states(db).await, [(PaymentState::New, 130)], "nothing is recorded");
        assert_eq!(give(db, &giving(1, "1", None)).await, done(100, 30, 7));
        assert_eq!(refused(db, &giving(1, "1", None)).await, open(0));
        assert_eq!(refused(db, &giving(1, "2", Some(31))).await, left(30));
        assert_eq!(give(db, &giving(1, "2", None)).await, done(30, 0, 8));
        assert_eq!(refused(db, &giving(1, "2", None)).await, left(0));
        // Whoever saw it before sees it anew first.
        undo(db, 1).await.unwrap();
        let last = db.store.money_last(&portal("a"), &[1]).await.unwrap()[&1];
        let seen = |seen| Giving { seen: Some(seen), ..giving(1, "2", None) };
        assert_eq!(refused(db, &seen(last - 1)).await, GivingRefused::Changed);
        assert_eq!(give(db, &seen(last)).await, done(60, 70, 8));
    }

    async fn the_same_order_once_more_gives_nothing_unless_its_entry_was_seen(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 100), link(8, 1, "2", 100)]).await;
        see(db, "march", &[order("5", 130)]).await;
        let last = async || db.store.money_last(&portal("a"), &[1]).await.unwrap()[&1];
        let twenty = giving(1, "1", Some(20));
        assert_eq!(give(db, &twenty).await, done(20, 110, 7));
        let first = last().await;
        for by in ["anna", "boris"] {
            let again = Giving { by: by.to_owned(), ..twenty.clone() };
            assert_eq!(refused(db, &again).await, GivingRefused::Again { last: first });
        }
        assert_eq!(paid(db, 7).await, [(1, 20)], "nothing is recorded");
        // Another amount, another invoice, and after these the same amount are other orders.
        assert_eq!(give(db, &giving(1, "1", Some(10))).await, done(10, 100, 7));
        assert_eq!(give(db, &giving(1, "2", Some(10))).await, done(10, 90, 8));
        assert_eq!(give(db, &twenty).await, done(20, 70, 7));
        let seen = Giving { seen: Some(last().await), ..twenty.clone() };
        assert_eq!(give(db, &seen).await, done(20, 50, 7));
        assert_eq!(refused(db, &seen).await, GivingRefused::Changed);
        // What was taken back is not there any more.
        undo(db, 1).await.unwrap();
        assert_eq!(give(db, &twenty).await, done(20, 110, 7));
    }

    async fn who_gives_a_part_by_hand_takes_back_what_a_rule_gave_of_the_whole_order(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 100)]).await;
        see(db, "march", &[order("5", 100)]).await;
        assert_eq!(decide(db, &[book(1, 0, vec![share("1", 100)])]).await, [Decided::Done]);
        let parts = vec![told("x", order("5", 60)), told("y", order("5", 40))];
        assert_eq!(follow(db, &lease, parts).await.new, [2, 3]);
        let left = GivingRefused::NotThatMuch { left: Money::from_kopecks(60) };
        assert_eq!(refused(db, &giving(2, "1", Some(61))).await, left);
        assert_eq!(paid(db, 7).await, [(1, 100)], "what is refused takes nothing back");
        let given = give(db, &giving(2, "1", None)).await;
        let WasGiven::Done { amount, whole, .. } = given else { panic!("{given:?}") };
        assert_eq!((amount.kopecks(), whole), (60, Some(1)));
        assert_eq!(paid(db, 7).await, [(2, 60)]);
        assert_eq!(states(db).await[0], (PaymentState::New, 100));
        assert_eq!(give(db, &giving(3, "1", None)).await, done(40, 0, 7));
        assert_eq!(paid(db, 7).await, [(2, 60), (3, 40)]);
    }

    async fn what_was_paid_back_of_the_whole_order_makes_no_room_for_a_part(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 100)]).await;
        see(db, "march", &[order("5", 100)]).await;
        assert_eq!(decide(db, &[book(1, 0, vec![share("1", 100)])]).await, [Decided::Done]);
        let refund = pay_back(db, "9", 15).await;
        let paid_back = take_off(refund, 0, vec![of_share(1, "1", 15)]);
        assert_eq!(decide(db, &[paid_back]).await, [Decided::Done]);
        // Another payment took its place.
        see(db, "april", &[order("6", 15)]).await;
        assert_eq!(decide(db, &[book(3, 0, vec![share("1", 15)])]).await, [Decided::Done]);
        let parts = vec![told("x", order("5", 90)), told("y", order("5", 10))];
        assert_eq!(follow(db, &lease, parts).await.new, [4, 5]);
        let open = GivingRefused::MoreThanOpen { open: Money::from_kopecks(85) };
        assert_eq!(refused(db, &giving(4, "1", Some(90))).await, open);
        assert_eq!(crate::refunds::paid(db, "1").await, 100, "what is refused takes nothing back");
        let given = give(db, &giving(4, "1", None)).await;
        let WasGiven::Done { amount, left, whole, .. } = given else { panic!("{given:?}") };
        assert_eq!((amount.kopecks(), left.kopecks(), whole), (85, 5, Some(1)));
        assert_eq!(crate::refunds::paid(db, "1").await, 100);
    }

    async fn what_accounting_counted_before_is_not_given_to_by_money_that_came_later(db: &Db) {
        let lease = leased(db, 1).await;
        let adopted = |(deal, number): (u64, &str), day: &str| {
            let mut adopted = link(deal, 1, number, 100);
            adopted.draft["paid_before"] = json!(60);
            adopted.draft["adopted_on"] = json!(day);
            adopted
        };
        put(db, &lease, vec![adopted((7, "1"), "2026-03-11"), adopted((8, "2"), "2026-03-12")]).await;
        see(db, "march", &[order("5", 100)]).await;
        let open = |open| GivingRefused::MoreThanOpen { open: Money::from_kopecks(open) };
        assert_eq!(refused(db, &giving(1, "1", Some(41))).await, open(40));
        assert_eq!(give(db, &giving(1, "1", None)).await, done(40, 60, 7));
        assert_eq!(refused(db, &giving(1, "1", None)).await, open(0));
        // What came no later may be that very money.
        assert_eq!(give(db, &giving(1, "2", None)).await, done(60, 0, 8));
    }

    async fn what_is_no_one_buyers_money_is_not_given_by_hand(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 600), link(8, 1, "2", 400)]).await;
        let kinds = [PaymentKind::Register, PaymentKind::ReturnedToUs, PaymentKind::OwnTransfer];
        let lines = kinds.into_iter().enumerate().map(|(place, kind)| {
            let order = order(&place.to_string(), 970);
            SeenLine { kind, ..line(place, order) }
        });
        let lines: Vec<SeenLine> = lines.collect();
        let source = SourceId("march".to_owned());
        db.store.money_see(&portal("a"), &source, &lines, at(1)).await.unwrap();
        let aside = [1, 2, 3].map(|payment| rules(payment, Ruling::Aside));
        assert_eq!(decide(db, &aside).await, [Decided::Done; 3]);
        for (payment, why) in [(1, GivingRefused::Register), (2, GivingRefused::SetAside), (3, GivingRefused::NoPayment)] {
            assert_eq!(refused(db, &giving(payment, "1", None)).await, why);
        }
        // Of a credit that is split, what its sales without an invoice brought: one has an invoice by now. The bank is no buyer.
        let split = Split {
            payment: 1, shares: vec![share("1", 600)], commission: Money::from_kopecks(30),
            other: Money::from_kopecks(400), seen: None, because: "реестр № 4".to_owned(),
            of_parts: "по частям".to_owned(), by: "anna".to_owned(), today: date(2026, 4, 1),
        };
        let split = db.store.money_split(&portal("a"), &split, at(4)).await.unwrap();
        assert!(matches!(split, WasSplit::Done { .. }), "{split:?}");
        assert_eq!(give(db, &giving(1, "2", None)).await, done(400, 0, 8));
        let payer = Inn::parse("7707083893").unwrap();
        let wanted = Wanted { inns: vec![payer], ..Wanted::default() };
        let found = db.store.money_open(&portal("a"), &wanted).await.unwrap();
        assert!(found.chosen_before.is_empty(), "{:?}", found.chosen_before);
        assert_eq!(undo(db, 1).await.unwrap().deals, [DealId(7), DealId(8)]);
    }
}
