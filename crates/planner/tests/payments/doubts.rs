//! What speaks against a choice is said, and keeps what is certain from being booked.

use domain::matching::{CountedBefore, Gone, GoneInvoice, OpenInvoice, OtherPayment};
use domain::payment::{CountedTwice, GivenOtherwise};
use domain::{Inn, InvoiceId, Money, OrganisationId};
use jiff::civil::date;

use planner::payments::{LEAVE, PaymentPlan};

use super::{BUYER, asked, booked, claims, payment};

#[test]
fn money_that_the_other_side_may_show_as_well_is_asked_about_however_certain() {
    let claims = claims(&[("СВ-1", 1_000)]);
    let mut certain = payment(1_000, "Оплата по счету № СВ-1 от 01.03.2026");
    certain.twice = Some(CountedTwice::Alike {
        number: "0".to_owned(),
        date: date(2026, 3, 10),
    });
    let text = asked(&certain.plan(&claims));
    assert!(text.contains("поручение № 0 от 10.03.2026"), "{text}");
}

#[test]
fn an_order_that_is_given_whole_or_in_parts_is_not_given_the_other_way_by_an_answer() {
    let claims = claims(&[("СВ-1", 1_000)]);
    let mut part = payment(600, "Оплата").answered("1", &[("us/СВ-1", 600)]);
    part.twice = Some(CountedTwice::PartOf(Money::from_kopecks(1_000)));
    assert_eq!(booked(&part.plan(&claims)), [("us/СВ-1".to_owned(), 600)]);
    for (otherwise, first) in [
        (
            GivenOtherwise::Whole(3),
            "сначала снимите со счетов платёж 3",
        ),
        (
            GivenOtherwise::Part(4),
            "сначала снимите со счетов платёж 4",
        ),
    ] {
        part.otherwise = Some(otherwise);
        let text = asked(&part.plan(&claims));
        assert!(text.contains(first), "{text}");
    }
    // The whole one is asked about with the sums of its parts.
    let mut whole = payment(1_000, "Оплата").answered("1", &[("us/СВ-1", 1_000)]);
    whole.twice = Some(CountedTwice::Whole(
        [600, 400].map(Money::from_kopecks).to_vec(),
    ));
    whole.otherwise = Some(GivenOtherwise::Part(4));
    let text = asked(&whole.plan(&claims));
    assert!(text.contains("внесён частями (6,00 ₽ и 4,00 ₽)"), "{text}");
    // To give it to nothing is always right.
    let mut left = payment(600, "Оплата").answered(LEAVE, &[]);
    left.otherwise = Some(GivenOtherwise::Whole(3));
    assert!(matches!(left.plan(&claims), PaymentPlan::Leave(_)));
}

#[test]
fn a_choice_says_whose_invoice_it_is_where_it_is_anothers() {
    let mut claims = claims(&[("СВ-1", 1_000)]);
    let mut add = |id: &str, seller: &str, buyer: &str| {
        claims.add(OpenInvoice {
            id: InvoiceId::new(id),
            seller: OrganisationId::new(seller),
            buyer: Some(Inn::parse(buyer).unwrap()),
            buyer_name: None,
            number: "СВ-7".to_owned(),
            date: date(2026, 3, 1),
            aliases: Vec::new(),
            open: Money::from_kopecks(1_000),
            counted_before: CountedBefore::default(),
        });
    };
    add("them/СВ-7", "them", BUYER);
    add("us/СВ-7", "us", "7736050003");
    let text = asked(&payment(1_000, "Оплата по счету № СВ-7").plan(&claims));
    let of = |what: &str| text.lines().filter(|line| line.contains(what)).count();
    assert_eq!(
        of("; но счёт выставлен другой нашей организацией"),
        1,
        "{text}"
    );
    assert_eq!(of("; но счёт выставлен другому покупателю"), 1, "{text}");
    let own = text.lines().find(|line| line.contains("СВ-1 от"));
    assert!(own.is_some_and(|line| !line.contains("; но ")), "{text}");
}

#[test]
fn a_choice_says_what_accounting_counted_of_the_invoice_before() {
    let mut claims = claims(&[]);
    claims.add(OpenInvoice {
        id: InvoiceId::new("us/СВ-1"),
        seller: OrganisationId::new("us"),
        buyer: Some(Inn::parse(BUYER).unwrap()),
        buyer_name: None,
        number: "СВ-1".to_owned(),
        date: date(2026, 3, 1),
        aliases: Vec::new(),
        open: Money::from_kopecks(1_000),
        counted_before: CountedBefore {
            amount: Money::from_kopecks(400),
            until: None,
        },
    });
    let text = asked(&payment(1_000, "Оплата по счету № СВ-1 от 01.03.2026").plan(&claims));
    let but = "; но по счёту № СВ-1 учёт до привязки насчитал оплату 4,00 ₽: это могут быть те же деньги (1)";
    assert!(text.contains(but), "{text}");
    // What is open for certain has nothing against it.
    let text = asked(&payment(600, "Оплата по счету № СВ-1").plan(&claims));
    assert!(!text.contains("учёт до привязки"), "{text}");
}

#[test]
fn money_that_came_after_accounting_counted_is_not_said_to_be_the_same() {
    let told = |until| {
        let mut claims = claims(&[]);
        claims.add(OpenInvoice {
            id: InvoiceId::new("us/СВ-1"),
            seller: OrganisationId::new("us"),
            buyer: Some(Inn::parse(BUYER).unwrap()),
            buyer_name: None,
            number: "СВ-1".to_owned(),
            date: date(2026, 3, 1),
            aliases: Vec::new(),
            open: Money::from_kopecks(1_000),
            counted_before: CountedBefore {
                amount: Money::from_kopecks(400),
                until: Some(until),
            },
        });
        asked(&payment(1_000, "Оплата по счету № СВ-1 от 01.03.2026").plan(&claims))
    };
    let later =
        "насчитал оплату 4,00 ₽, этот платёж пришёл позже: сверх неё открыто только 6,00 ₽ (1)";
    let text = told(date(2026, 3, 11));
    assert!(text.contains(later), "{text}");
    let given = "счёт № СВ-1 от 01.03.2026, 6,00 ₽ из 6,00 ₽; 4,00 ₽ останется авансом";
    assert!(text.contains(given), "{text}");
    let text = told(date(2026, 3, 12));
    assert!(text.contains("это могут быть те же деньги (1)"), "{text}");
    assert!(
        text.contains("№ СВ-1 от 01.03.2026, 10,00 ₽ из 10,00 ₽ —"),
        "{text}"
    );
}

#[test]
fn an_answer_gives_no_more_than_is_open_without_what_accounting_counted_before() {
    let answered = |until| {
        let mut claims = claims(&[]);
        claims.add(OpenInvoice {
            id: InvoiceId::new("us/СВ-1"),
            seller: OrganisationId::new("us"),
            buyer: Some(Inn::parse(BUYER).unwrap()),
            buyer_name: None,
            number: "СВ-1".to_owned(),
            date: date(2026, 3, 1),
            aliases: Vec::new(),
            open: Money::from_kopecks(1_000),
            counted_before: CountedBefore {
                amount: Money::from_kopecks(400),
                until: Some(until),
            },
        });
        let answered = payment(1_000, "Оплата").answered("1", &[("us/СВ-1", 1_000)]);
        answered.plan(&claims)
    };
    // What came on that day may be the money that was counted.
    assert_eq!(
        booked(&answered(date(2026, 3, 12))),
        [("us/СВ-1".to_owned(), 1_000)]
    );
    // The bank told a later day since: it is asked anew, with what is open.
    let text = asked(&answered(date(2026, 3, 11)));
    assert!(text.contains("6,00 ₽ из 6,00 ₽"), "{text}");
}

#[test]
fn a_part_that_names_nothing_may_be_given_to_any_open_invoice_of_its_payer() {
    let claims = claims(&[("СВ-1", 1_000), ("СВ-2", 2_000)]);
    let text = asked(&payment(300, "Доплата").plan(&claims));
    for offered in [
        "счёт № СВ-1 от 01.03.2026, 3,00 ₽ из 10,00 ₽ — ИНН плательщика и покупателя совпадают (1)",
        "счёт № СВ-2 от 01.03.2026, 3,00 ₽ из 20,00 ₽ — ИНН плательщика и покупателя совпадают (2)",
    ] {
        assert!(text.contains(offered), "{text}");
    }
}

#[test]
fn money_of_a_payer_without_an_inn_is_asked_about_with_the_invoice_that_it_names() {
    let mut claims = claims(&[("СВ-1", 1_000)]);
    claims.add(OpenInvoice {
        id: InvoiceId::new("us/СВ-9"),
        seller: OrganisationId::new("us"),
        buyer: None,
        buyer_name: None,
        number: "СВ-9".to_owned(),
        date: date(2026, 3, 1),
        aliases: Vec::new(),
        open: Money::from_kopecks(1_000),
        counted_before: CountedBefore::default(),
    });
    let offered = "счёт № СВ-9 от 01.03.2026, 10,00 ₽ из 10,00 ₽ — в назначении номер и дата этого счёта, сумма равна \
                   остатку по счёту";
    let mut person = payment(1_000, "Оплата по счету № СВ-9 от 01.03.2026");
    let text = asked(&person.plan(&claims));
    let but = "; но у покупателя по счёту нет ИНН: сверьте, кто платит (1)";
    assert!(text.contains(&format!("{offered}{but}")), "{text}");
    person.order.other.inn = None;
    let text = asked(&person.plan(&claims));
    assert!(
        text.contains("Не разнесено: ИНН плательщика неизвестен"),
        "{text}"
    );
    assert!(text.contains(&format!("{offered} (1)")), "{text}");
}

#[test]
fn a_payment_for_an_invoice_that_was_taken_back_says_so() {
    let mut claims = claims(&[("СВ-1", 1_000)]);
    claims.add_gone(GoneInvoice {
        number: "СВ-9".to_owned(),
        date: date(2026, 3, 1),
        buyer: Some(Inn::parse(BUYER).unwrap()),
        how: Gone::Deleted,
    });
    let plan = payment(300, "Оплата по счету № СВ-9 от 01.03.2026").plan(&claims);
    let text = asked(&plan);
    assert!(
        text.contains("Не разнесено: счёт № СВ-9 удалён в учёте. Варианты"),
        "{text}"
    );
    let PaymentPlan::Ask(question) = &plan else {
        panic!("not asked: {plan:?}");
    };
    assert_eq!(question.cause, "названный счёт отменён или удалён");
}

#[test]
fn what_pays_an_invoice_together_with_another_payment_is_asked_about_with_that() {
    let claims = claims(&[("СВ-1", 1_000), ("СВ-2", 2_000)]);
    let mut second = payment(300, "Доплата");
    second.others = vec![OtherPayment {
        number: 12,
        left: Money::from_kopecks(700),
    }];
    let text = asked(&second.plan(&claims));
    let offered = "счёт № СВ-1 от 01.03.2026, 3,00 ₽ из 10,00 ₽ — ИНН плательщика и покупателя совпадают, вместе с платежом \
                   № 12 сумма равна остатку по счёту (1)";
    assert!(text.contains(offered), "{text}");
}
