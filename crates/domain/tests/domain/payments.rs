//! Which sightings are one payment, and what kind of money it is.

use std::collections::BTreeMap;

use domain::payment::{
    AccountNumber, CountedTwice, Direction, LineId, OtherSide, OwnSide, PaymentKey, PaymentKind,
    PaymentOrder, SeenPayment, Shown, Sightings, SourceId, counted_twice,
};
use domain::purpose::Purpose;
use domain::{Inn, Money, OrganisationId};
use jiff::civil::date;
use proptest::prelude::*;

pub(crate) fn account(text: &str) -> AccountNumber {
    AccountNumber::new(text).unwrap()
}

pub(crate) fn order(number: &str, kopecks: i64, purpose: &str) -> PaymentOrder {
    PaymentOrder {
        own_account: account("40702810200000012345"),
        direction: Direction::In,
        form: Some("Платежное поручение".to_owned()),
        number: number.to_owned(),
        date: date(2026, 2, 2),
        booked: Some(date(2026, 2, 3)),
        amount: Money::from_kopecks(kopecks),
        other: OtherSide {
            name: Some("ООО «Ромашка»".to_owned()),
            inn: Some(Inn::parse("7707083893").unwrap()),
            kpp: None,
            account: Some(account("40702810700000012345")),
            bik: Some("044525187".to_owned()),
        },
        purpose: purpose.to_owned(),
    }
}

fn seen(sources: &[(&str, Vec<PaymentOrder>)]) -> Vec<SeenPayment> {
    let mut sightings = Sightings::default();
    for (source, orders) in sources {
        for (line, order) in orders.iter().enumerate() {
            let (source, line) = (SourceId((*source).to_owned()), LineId(line.to_string()));
            sightings.note(&source, &line, order.clone());
        }
    }
    sightings.payments().collect()
}

#[test]
fn the_same_order_from_feed_and_file_is_one_payment() {
    let in_file = order(
        "77",
        15_000_000,
        "{VO20100}Оплата по счёту № 123 от 01.02.2026",
    );
    let mut in_feed = order("000077", 15_000_000, "оплата по счету №123  от 01.02.2026 ");
    in_feed.form = None;
    in_feed.booked = None;
    in_feed.other.bik = None;
    in_feed.other.name = Some("РОМАШКА ООО".to_owned());
    let payments = seen(&[("feed", vec![in_feed]), ("file", vec![in_file.clone()])]);
    assert_eq!(payments.len(), 1);
    assert_eq!(payments[0].order, in_file, "the source that tells more");
    assert!(!payments[0].days_differ);
}

#[test]
fn equal_orders_are_as_many_as_the_source_with_the_most_shows() {
    let one = order("1", 100, "Оплата");
    let twice = vec![one.clone(), one.clone()];
    for (sources, expected) in [
        (vec![("a", twice.clone())], 2),
        (vec![("a", twice.clone()), ("b", vec![one.clone()])], 2),
        (vec![("a", vec![one.clone()]), ("b", vec![one.clone()])], 1),
        (vec![("a", twice.clone()), ("b", twice.clone())], 2),
        (
            vec![("a", vec![one.clone()]), ("b", twice), ("c", vec![one; 3])],
            3,
        ),
    ] {
        let payments = seen(&sources);
        let ids: Vec<u32> = payments.iter().map(|payment| payment.id.nth).collect();
        assert_eq!(ids, (0..expected).collect::<Vec<u32>>());
    }
}

#[test]
fn a_page_of_a_feed_that_is_read_twice_is_not_two_orders() {
    let mut sightings = Sightings::default();
    for _ in 0..2 {
        let (feed, line) = (SourceId("feed".to_owned()), LineId("order-1".to_owned()));
        sightings.note(&feed, &line, order("1", 100, "Оплата"));
    }
    assert_eq!(sightings.payments().count(), 1);
}

#[test]
fn what_differs_in_any_part_of_the_key_is_another_payment() {
    let one = order("1", 100, "Оплата по счету 1");
    let changes: [fn(&mut PaymentOrder); 7] = [
        |order| order.number = "2".to_owned(),
        |order| order.date = date(2026, 2, 3),
        |order| order.amount = Money::from_kopecks(101),
        |order| order.direction = Direction::Out,
        |order| order.own_account = account("40702810300000012345"),
        |order| order.other.account = Some(account("40702810800000012345")),
        |order| order.purpose = "Оплата по счету 2".to_owned(),
    ];
    for change in changes {
        let mut other = one.clone();
        change(&mut other);
        assert_ne!(PaymentKey::of(&one), PaymentKey::of(&other), "{other:?}");
        assert_eq!(
            seen(&[("a", vec![one.clone()]), ("b", vec![other])]).len(),
            2
        );
    }
}

#[test]
fn an_order_on_two_days_in_two_statements_is_one_payment_and_a_question() {
    let monday = order("1", 100, "Оплата");
    let mut tuesday = monday.clone();
    tuesday.booked = Some(date(2026, 2, 4));
    let apart = seen(&[
        ("monday", vec![monday.clone()]),
        ("tuesday", vec![tuesday.clone()]),
    ]);
    assert_eq!(apart.len(), 1);
    assert!(apart[0].days_differ);
    let together = seen(&[
        ("monday", vec![monday.clone()]),
        ("tuesday", vec![tuesday.clone()]),
        ("both", vec![monday, tuesday]),
    ]);
    assert_eq!(together.len(), 2);
    assert!(together.iter().all(|payment| !payment.days_differ));
}

#[test]
fn what_one_source_leaves_out_of_an_order_another_tells() {
    let whole = order("5", 100, "Оплата");
    let mut in_bank = whole.clone();
    in_bank.other.inn = None;
    let mut in_feed = whole.clone();
    (in_feed.form, in_feed.booked, in_feed.other.bik) = (None, None, None);
    let (bank, feed) = (
        ("statement/1", vec![in_bank]),
        ("accounting/us", vec![in_feed]),
    );
    for sources in [[bank.clone(), feed.clone()], [feed, bank]] {
        let [seen] = seen(&sources).try_into().unwrap();
        assert_eq!(seen.order, whole);
    }
}

#[test]
fn the_day_of_credit_is_told_of_an_order_that_the_feed_words_otherwise() {
    let in_bank = order("5", 100, "Оплата");
    let with_day = |booked| PaymentOrder {
        booked,
        ..in_bank.clone()
    };
    let (told, tuesday) = (in_bank.booked, Some(date(2026, 2, 4)));
    let in_feed = PaymentOrder {
        booked: None,
        ..order("5", 100, "Оплата, по выписке")
    };
    let days = |bank: &[PaymentOrder], count: usize| {
        let feed = vec![in_feed.clone(); count];
        let all = seen(&[("statement/1", bank.to_vec()), ("accounting/us", feed)]);
        let of_feed = all
            .into_iter()
            .filter(|one| one.order.purpose == in_feed.purpose);
        of_feed.map(|one| one.order.booked).collect::<Vec<_>>()
    };
    assert_eq!(days(&[with_day(told)], 1), [told]);
    assert_eq!(days(&[with_day(told), with_day(told)], 2), [told, told]);
    // One that no statement shows was credited on no day that anybody knows, and two days are nobody's guess.
    assert_eq!(days(&[with_day(told)], 2), [None, None]);
    assert_eq!(days(&[with_day(told), with_day(tuesday)], 1), [None]);
    assert_eq!(days(&[with_day(told), with_day(None)], 1), [None]);
    assert_eq!(days(&[], 1), [None]);
}

#[test]
fn the_bank_says_the_day_of_credit_whatever_the_feed_says_and_one_that_it_told_stays() {
    let in_bank = order("5", 100, "Оплата");
    let on = |booked| PaymentOrder {
        booked,
        ..in_bank.clone()
    };
    let (told, of_feed) = (in_bank.booked, Some(date(2026, 2, 5)));
    let days = |bank: &[PaymentOrder], feed: &[PaymentOrder]| {
        let sources = [
            ("statement/1", bank.to_vec()),
            ("accounting/us", feed.to_vec()),
        ];
        let all = seen(&sources);
        assert!(all.iter().all(|one| !one.days_differ), "no two statements");
        all.into_iter()
            .map(|one| one.order.booked)
            .collect::<Vec<_>>()
    };
    // The feed tells more of the payer, and a day of its own.
    let mut more = on(of_feed);
    more.other.kpp = Some(domain::Kpp::parse("770701001").unwrap());
    assert_eq!(days(&[on(told)], std::slice::from_ref(&more)), [told]);
    assert_eq!(days(&[on(None)], std::slice::from_ref(&more)), [of_feed]);
    assert_eq!(days(&[], &[more]), [of_feed]);
    // A second order that only the feed shows takes no day from the first.
    assert_eq!(days(&[on(told)], &[on(None), on(None)]), [told, None]);
}

#[test]
fn an_order_that_the_accountant_split_is_noticed_beside_the_banks_whole_one() {
    let shown = |kopecks, in_bank| Shown {
        order: order("5", kopecks, "Оплата"),
        in_bank,
        in_accounting: !in_bank,
    };
    let (whole, parts) = (shown(100, true), [shown(60, false), shown(40, false)]);
    let amounts = |sums: &[i64]| sums.iter().map(|one| Money::from_kopecks(*one)).collect();
    let twice = counted_twice(&whole, &parts);
    assert_eq!(twice, Some(CountedTwice::Whole(amounts(&[60, 40]))));
    let rest = [whole.clone(), parts[1].clone()];
    let hundred = Money::from_kopecks(100);
    assert_eq!(
        counted_twice(&parts[0], &rest),
        Some(CountedTwice::PartOf(hundred))
    );
    // Beside a third of the same number that is nobody's part.
    let more = [parts[0].clone(), shown(7, false), parts[1].clone()];
    assert!(counted_twice(&whole, &more).is_some());
    type Change = fn(&mut Shown);
    let changes: [Change; 7] = [
        |part| part.order.amount = Money::from_kopecks(41),
        |part| part.order.number = "6".to_owned(),
        |part| part.order.date = date(2026, 3, 13),
        |part| part.order.direction = Direction::Out,
        |part| part.order.other.account = AccountNumber::new("40702810500000000999"),
        |part| part.order.other = OtherSide::default(),
        // A statement shows the part too: then it is an order of its own.
        |part| part.in_bank = true,
    ];
    for (place, change) in changes.into_iter().enumerate() {
        let mut other = parts[1].clone();
        change(&mut other);
        assert_eq!(
            counted_twice(&whole, &[parts[0].clone(), other]),
            None,
            "{place}"
        );
    }
    // Numbers are compared as people read them; an account that one side does not tell says nothing.
    let mut zeros = parts[1].clone();
    zeros.order.number = "000005".to_owned();
    let mut silent = parts[0].clone();
    silent.order.other.account = None;
    assert!(counted_twice(&whole, &[silent, zeros]).is_some());
    let known_there = Shown {
        in_accounting: true,
        ..whole.clone()
    };
    assert_eq!(counted_twice(&known_there, &parts), None);
    assert_eq!(
        counted_twice(&whole, &[shown(99, false)]),
        None,
        "one is no split"
    );
    assert_eq!(counted_twice(&whole, &[]), None);
}

#[test]
fn an_order_that_the_accountant_entered_otherwise_is_noticed_beside_the_banks() {
    let shown = |in_bank: bool| {
        let mut order = order("5", 100, "Оплата");
        order.other.inn = Some(Inn::parse("7707083893").unwrap());
        let in_accounting = !in_bank;
        Shown {
            order,
            in_bank,
            in_accounting,
        }
    };
    let mut entered = shown(false);
    entered.order.number = String::new();
    entered.order.own_account = AccountNumber::new("40702810500000000999").unwrap();
    entered.order.date = date(2026, 3, 1);
    let bank = shown(true);
    let alike = |other: &Shown| CountedTwice::Alike {
        number: other.order.number.clone(),
        date: other.order.date,
    };
    let others = [entered.clone()];
    assert_eq!(counted_twice(&bank, &others), Some(alike(&entered)));
    let others = [bank.clone()];
    assert_eq!(counted_twice(&entered, &others), Some(alike(&bank)));
    type Change = fn(&mut Shown);
    let changes: [Change; 8] = [
        |one| one.order.number = "6".to_owned(),
        |one| one.order.amount = Money::from_kopecks(101),
        |one| one.order.direction = Direction::Out,
        |one| one.order.other.inn = None,
        |one| one.order.other.inn = Some(Inn::parse("7702070139").unwrap()),
        // What is paid each month is no double.
        |one| one.order.date = date(2026, 3, 2),
        |one| one.in_bank = true,
        |one| (one.in_bank, one.in_accounting) = (true, false),
    ];
    for (place, change) in changes.into_iter().enumerate() {
        let mut other = entered.clone();
        change(&mut other);
        assert_eq!(counted_twice(&bank, &[other]), None, "{place}");
    }
}

#[test]
fn accounts_are_masked_in_debug_output() {
    let shown = format!("{:?}", order("1", 100, ""));
    assert!(shown.contains("…2345"), "{shown}");
    assert!(!shown.contains("40702810"), "{shown}");
    assert_eq!(AccountNumber::new(" 0 "), None);
    assert_eq!(AccountNumber::new(""), None);
}

/// A purpose, what else is special about the order, and what it is.
type Row<'a> = (&'a str, &'a dyn Fn(&mut PaymentOrder), PaymentKind);

#[test]
fn movements_are_told_from_revenue() {
    let own = OwnSide {
        accounts: BTreeMap::from([
            (account("40702810200000012345"), OrganisationId::new("one")),
            (account("40702810300000000001"), OrganisationId::new("one")),
            (account("40702810300000000002"), OrganisationId::new("two")),
        ]),
        organisations: BTreeMap::from([
            (
                Inn::parse("1234567894").unwrap(),
                OrganisationId::new("one"),
            ),
            (
                Inn::parse("0207043410").unwrap(),
                OrganisationId::new("two"),
            ),
        ]),
    };
    let from_own =
        |order: &mut PaymentOrder| order.other.account = Some(account("40702810300000000001"));
    let from_group =
        |order: &mut PaymentOrder| order.other.account = Some(account("40702810300000000002"));
    let own_inn =
        |order: &mut PaymentOrder| order.other.inn = Some(Inn::parse("1234567894").unwrap());
    let out = |order: &mut PaymentOrder| order.direction = Direction::Out;
    let bank_order = |order: &mut PaymentOrder| {
        order.direction = Direction::Out;
        order.form = Some("Банковский ордер".to_owned());
    };
    let as_it_is = |_: &mut PaymentOrder| {};
    let table: [Row; 14] = [
        (
            "Оплата по счету 1 от 01.02.2026",
            &as_it_is,
            PaymentKind::Incoming,
        ),
        (
            "Возврат ошибочно перечисленных средств по договору 7",
            &as_it_is,
            PaymentKind::ReturnedToUs,
        ),
        (
            "Оплата по счету № 117 от 01.03.2026 за услуги по возврату НДС",
            &as_it_is,
            PaymentKind::Incoming,
        ),
        (
            "Возмещение коммунальных расходов по счёту № 117 от 01.03.2026",
            &as_it_is,
            PaymentKind::Incoming,
        ),
        (
            "Возмещение по операциям с картами за 20.05.2026, комиссия 120.50",
            &as_it_is,
            PaymentKind::Register,
        ),
        (
            "Возврат по счету 1 от 01.02.2026",
            &out,
            PaymentKind::RefundOut,
        ),
        (
            "Перевод собственных средств",
            &from_own,
            PaymentKind::OwnTransfer,
        ),
        ("Пополнение", &own_inn, PaymentKind::OwnTransfer),
        (
            "Оплата по счету 1 от 01.02.2026",
            &from_group,
            PaymentKind::Incoming,
        ),
        (
            "Зачисление по эквайрингу, комиссия 100.00",
            &as_it_is,
            PaymentKind::Register,
        ),
        (
            "Переводы СБП за 02.02.2026",
            &as_it_is,
            PaymentKind::Register,
        ),
        (
            "Комиссия за ведение счета",
            &bank_order,
            PaymentKind::BankFee,
        ),
        ("Комиссия агенту по договору 5", &out, PaymentKind::Outgoing),
        ("Оплата поставщику", &out, PaymentKind::Outgoing),
    ];
    for (purpose, change, expected) in table {
        let mut order = order("1", 100, purpose);
        change(&mut order);
        assert_eq!(
            own.kind(&order, &Purpose::read(purpose)),
            expected,
            "{purpose}"
        );
    }
}

/// What happened on one account: orders, some of them equal.
fn truth() -> impl Strategy<Value = Vec<PaymentOrder>> {
    let one = (1..4_u32, 1..3_i64, 0..2_u8, 2..5_i8).prop_map(|(number, kopecks, purpose, day)| {
        let mut order = order(
            &number.to_string(),
            kopecks * 100,
            &format!("Оплата {purpose}"),
        );
        order.booked = Some(date(2026, 2, day));
        order
    });
    prop::collection::vec(one, 0..12)
}

/// A statement shows whole days: all orders of some of them.
fn statement(truth: &[PaymentOrder], days: [bool; 3]) -> Vec<PaymentOrder> {
    let shown = truth.iter().filter(|order| {
        let day = usize::try_from(order.booked.unwrap().day() - 2).unwrap();
        days[day]
    });
    shown.cloned().collect()
}

proptest! {
    #[test]
    fn sources_in_any_order_and_overlap_give_the_same_payments(
        truth in truth(),
        parts in prop::collection::vec(any::<[bool; 3]>(), 0..5),
        shuffle in prop::collection::vec(any::<prop::sample::Index>(), 8),
        reversed in any::<bool>(),
    ) {
        let mut sources: Vec<(String, Vec<PaymentOrder>)> = parts
            .iter()
            .enumerate()
            .map(|(place, days)| (format!("file {place}"), statement(&truth, *days)))
            .collect();
        sources.push(("all".to_owned(), truth.clone()));
        let once: Vec<(&str, Vec<PaymentOrder>)> = sources.iter().map(|(name, orders)| (name.as_str(), orders.clone())).collect();
        let expected = seen(&once);
        prop_assert_eq!(expected.len(), truth.len(), "what the widest source shows, no more and no less");
        // Again: in another order, some of them twice, and each from its end.
        let mut again = once.clone();
        again.extend(shuffle.iter().map(|place| once[place.index(once.len())].clone()));
        for (from, to) in shuffle.iter().zip(shuffle.iter().skip(1)) {
            let length = again.len();
            again.swap(from.index(length), to.index(length));
        }
        if reversed {
            again.iter_mut().for_each(|(_, orders)| orders.reverse());
            again.reverse();
            // A source that is read in another order gives its lines other names; only the counts may matter.
            again.dedup_by(|one, other| one.0 == other.0);
        }
        let found: Vec<_> = seen(&again).into_iter().map(|payment| (payment.id, payment.order)).collect();
        let expected: Vec<_> = expected.into_iter().map(|payment| (payment.id, payment.order)).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn overlapping_statements_lose_nothing_that_one_of_them_shows(
        truth in truth(),
        parts in prop::collection::vec(any::<[bool; 3]>(), 1..5),
    ) {
        let sources: Vec<(String, Vec<PaymentOrder>)> = parts
            .iter()
            .enumerate()
            .map(|(place, days)| (format!("file {place}"), statement(&truth, *days)))
            .collect();
        let named: Vec<(&str, Vec<PaymentOrder>)> = sources.iter().map(|(name, orders)| (name.as_str(), orders.clone())).collect();
        let payments = seen(&named);
        for (_, orders) in &sources {
            prop_assert!(payments.len() >= orders.len());
        }
        prop_assert!(payments.len() <= truth.len(), "nothing is counted twice");
        let fewer = payments.len() < distinct(&sources, &truth);
        prop_assert!(!fewer || payments.iter().any(|payment| payment.days_differ), "a loss is told");
    }
}

/// How many of the true orders stand in any source.
fn distinct(sources: &[(String, Vec<PaymentOrder>)], truth: &[PaymentOrder]) -> usize {
    let shown = truth.iter().filter(|order| {
        let of_day = |other: &&PaymentOrder| other.booked == order.booked;
        sources
            .iter()
            .any(|(_, orders)| orders.iter().any(|other| of_day(&other)))
    });
    shown.count()
}
