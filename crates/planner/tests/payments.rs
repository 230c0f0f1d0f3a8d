//! The promise of `planner::payments`: what is certain is booked, the rest is asked, nothing is guessed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may"
)]

use domain::matching::{ChosenBefore, OpenInvoice, Share};
use domain::payment::{AccountNumber, Direction, OtherSide, PaymentKind, PaymentOrder};
use domain::purpose::Purpose;
use domain::{Inn, InvoiceId, Money, OrganisationId};
use jiff::civil::date;
use jiff::{SignedDuration, Timestamp};
use planner::payments::{Claims, LEAVE, Offer, PaymentAnswer, PaymentPlan, PaymentSnapshot, plan};
use planner::{Booking, MoneyPolicy};

const BUYER: &str = "7707083893";
const SEEN_AT: Timestamp = Timestamp::UNIX_EPOCH;

struct Payment {
    order: PaymentOrder,
    kind: PaymentKind,
    undone: i64,
    is_followed: bool,
    answer: Option<PaymentAnswer>,
    chosen_before: Vec<ChosenBefore>,
}

fn payment(kopecks: i64, purpose: &str) -> Payment {
    Payment {
        order: PaymentOrder {
            own_account: AccountNumber::new("40702810200000012345").unwrap(),
            direction: Direction::In,
            form: None,
            number: "77".to_owned(),
            date: date(2026, 3, 11),
            booked: Some(date(2026, 3, 12)),
            amount: Money::from_kopecks(kopecks),
            other: OtherSide {
                name: Some("ООО «Ромашка»".to_owned()),
                inn: Some(Inn::parse(BUYER).unwrap()),
                ..OtherSide::default()
            },
            purpose: purpose.to_owned(),
        },
        kind: PaymentKind::Incoming,
        undone: 0,
        is_followed: false,
        answer: None,
        chosen_before: Vec::new(),
    }
}

impl Payment {
    fn answered(mut self, choice: &str, offered: &[(&str, i64)]) -> Payment {
        let shares = offered
            .iter()
            .map(|(id, kopecks)| (InvoiceId::new(*id), Money::from_kopecks(*kopecks)));
        self.answer = Some(PaymentAnswer {
            undone: self.undone,
            choice: choice.to_owned(),
            offered: vec![Offer(shares.collect())],
            by: "Анна".to_owned(),
        });
        self
    }

    fn plan(&self, claims: &Claims) -> PaymentPlan {
        self.plan_by(Booking::Provodka, claims, SEEN_AT)
    }

    fn plan_by(&self, booking: Booking, claims: &Claims, now: Timestamp) -> PaymentPlan {
        let purpose = Purpose::read(&self.order.purpose);
        let organisation = OrganisationId::new("us");
        plan(
            &PaymentSnapshot {
                organisation: &organisation,
                kind: self.kind,
                left: self.order.amount,
                undone: self.undone,
                seen_at: SEEN_AT,
                is_followed: self.is_followed,
                order: &self.order,
                purpose: &purpose,
                chosen_before: &self.chosen_before,
                answer: self.answer.as_ref(),
            },
            claims,
            &MoneyPolicy {
                booking,
                since: None,
                wait_hours: 24,
                accounts: Vec::new(),
                stages: Vec::new(),
                overdue: None,
            },
            now,
        )
    }
}

fn claims(invoices: &[(&str, i64)]) -> Claims {
    let mut claims = Claims::default();
    for (number, kopecks) in invoices {
        claims.add(OpenInvoice {
            id: InvoiceId::new(format!("us/{number}")),
            seller: OrganisationId::new("us"),
            buyer: Inn::parse(BUYER).unwrap(),
            number: (*number).to_owned(),
            date: date(2026, 3, 1),
            aliases: Vec::new(),
            open: Money::from_kopecks(*kopecks),
        });
    }
    claims
}

fn booked(plan: &PaymentPlan) -> Vec<(String, i64)> {
    match plan {
        PaymentPlan::Book { shares, .. } => shares
            .iter()
            .map(|share| (share.invoice.to_string(), share.amount.kopecks()))
            .collect(),
        other => panic!("not booked: {other:?}"),
    }
}

fn asked(plan: &PaymentPlan) -> String {
    match plan {
        PaymentPlan::Ask(question) => question.text.replace('\u{a0}', " "),
        other => panic!("not asked: {other:?}"),
    }
}

#[test]
fn what_is_certain_is_booked_and_the_next_sees_the_rest() {
    let mut claims = claims(&[("СВ-1", 1_000)]);
    let first = payment(400, "Оплата по счету № СВ-1 от 01.03.2026").plan(&claims);
    assert_eq!(booked(&first), [("us/СВ-1".to_owned(), 400)]);
    claims.book(&Share {
        invoice: InvoiceId::new("us/СВ-1"),
        amount: Money::from_kopecks(400),
    });
    let rest = payment(600, "Оплата по счету № СВ-1 от 01.03.2026").plan(&claims);
    assert_eq!(booked(&rest), [("us/СВ-1".to_owned(), 600)]);
    let more = payment(601, "Оплата по счету № СВ-1 от 01.03.2026").plan(&claims);
    assert!(
        asked(&more).contains("пришло больше, чем осталось по счёту"),
        "{}",
        asked(&more)
    );
}

#[test]
fn what_is_not_certain_is_asked_with_ranked_candidates_and_reasons() {
    let claims = claims(&[("СВ-1", 1_000), ("СВ-2", 150_000)]);
    let plan = payment(150_000, "Оплата за консультацию").plan(&claims);
    insta::assert_snapshot!(asked(&plan), @r"
    Пришло 1 500,00 ₽ 12.03.2026: ООО «Ромашка», ИНН 7707083893, поручение № 77 от 11.03.2026, «Оплата за консультацию». Не разнесено: в назначении не назван счёт. Варианты:
    • счёт № СВ-2 от 01.03.2026, 1 500,00 ₽ из 1 500,00 ₽ — ИНН плательщика и покупателя совпадают, сумма равна остатку по счёту (1)
    • не относить к счетам (leave)
    ");
    let PaymentPlan::Ask(question) = plan else {
        panic!()
    };
    assert_eq!(question.choices.last().unwrap().word, LEAVE);
    assert_eq!(question.offered.len() + 1, question.choices.len());
    let over = payment(200_000, "Оплата по счету № СВ-2 от 01.03.2026").plan(&claims);
    insta::assert_snapshot!(asked(&over), @r"
    Пришло 2 000,00 ₽ 12.03.2026: ООО «Ромашка», ИНН 7707083893, поручение № 77 от 11.03.2026, «Оплата по счету № СВ-2 от 01.03.2026». Не разнесено: пришло больше, чем осталось по счёту. Варианты:
    • счёт № СВ-2 от 01.03.2026, 1 500,00 ₽ из 1 500,00 ₽; 500,00 ₽ останется авансом — в назначении номер и дата этого счёта, ИНН плательщика и покупателя совпадают (1)
    • не относить к счетам (leave)
    ");
}

#[test]
fn money_of_another_kind_is_set_aside() {
    let claims = claims(&[("СВ-1", 1_000)]);
    for kind in [
        PaymentKind::Register,
        PaymentKind::ReturnedToUs,
        PaymentKind::RefundOut,
        PaymentKind::OwnTransfer,
        PaymentKind::BankFee,
        PaymentKind::Outgoing,
    ] {
        let mut other = payment(1_000, "Оплата по счету № СВ-1 от 01.03.2026");
        other.kind = kind;
        assert!(
            matches!(other.plan(&claims), PaymentPlan::Aside(_)),
            "{kind:?}"
        );
    }
}

#[test]
fn an_answer_holds_for_what_was_offered_if_it_is_still_open() {
    let claims = claims(&[("СВ-1", 1_000)]);
    let answered = |choice, offered: &[_]| payment(1_500, "Оплата").answered(choice, offered);
    let taken = answered("1", &[("us/СВ-1", 1_000)]).plan(&claims);
    assert_eq!(booked(&taken), [("us/СВ-1".to_owned(), 1_000)]);
    assert!(matches!(&taken, PaymentPlan::Book { chosen_by: Some(by), .. } if by == "Анна"));
    for (choice, offered) in [
        ("1", [("us/СВ-1", 1_001)].as_slice()),
        ("1", &[("us/СВ-9", 10)]),
        ("1", &[("us/СВ-1", 900), ("us/СВ-1", 900)]),
        ("2", &[("us/СВ-1", 10)]),
        ("0", &[("us/СВ-1", 10)]),
        ("x", &[("us/СВ-1", 10)]),
    ] {
        let plan = answered(choice, offered).plan(&claims);
        assert!(
            matches!(plan, PaymentPlan::Ask(_)),
            "{choice} {offered:?}: {plan:?}"
        );
    }
    let left = answered(LEAVE, &[]).plan(&claims);
    assert!(matches!(left, PaymentPlan::Leave(_)));
}

#[test]
fn what_a_person_took_back_is_asked_and_an_older_answer_is_over() {
    let claims = claims(&[("СВ-1", 1_000)]);
    let mut certain = payment(1_000, "Оплата по счету № СВ-1 от 01.03.2026");
    certain.undone = 1;
    assert!(asked(&certain.plan(&claims)).contains("прежнее решение отменено"));
    let mut answered = payment(1_000, "Оплата").answered("1", &[("us/СВ-1", 1_000)]);
    answered.undone = 1;
    assert!(matches!(answered.plan(&claims), PaymentPlan::Ask(_)));
}

#[test]
fn a_former_choice_is_shown_and_decides_nothing() {
    let claims = claims(&[("СВ-1", 1_000)]);
    let mut third = payment(1_000, "Оплата");
    third.order.other.inn = Some(Inn::parse("7736050003").unwrap());
    third.chosen_before = vec![ChosenBefore {
        buyer: Inn::parse(BUYER).unwrap(),
        times: 3,
    }];
    let text = asked(&third.plan(&claims));
    assert!(
        text.contains("уже относили на этого покупателя, раз: 3"),
        "{text}"
    );
}

#[test]
fn what_is_found_is_a_proposal_while_the_accountant_decides() {
    let claims = claims(&[("17", 100)]);
    let certain = payment(100, "Оплата по счету № 17 от 01.03.2026");
    let hours = |hours| SEEN_AT + SignedDuration::from_hours(hours);
    let by_accountant =
        |payment: &Payment, hour| payment.plan_by(Booking::Accounting, &claims, hours(hour));
    assert_eq!(booked(&certain.plan(&claims)), [("us/17".to_owned(), 100)]);
    let PaymentPlan::Wait { until, because } = by_accountant(&certain, 23) else {
        panic!("it is booked");
    };
    assert_eq!(until, Some(hours(24)));
    assert!(
        because.starts_with("ждёт бухгалтера; подходит счёт № 17"),
        "{because}"
    );
    // Only statements show it, and he said nothing: the rule decides.
    assert_eq!(
        booked(&by_accountant(&certain, 24)),
        [("us/17".to_owned(), 100)]
    );
    let unclear = payment(100, "Оплата");
    assert!(matches!(
        by_accountant(&unclear, 1),
        PaymentPlan::Wait { .. }
    ));
    assert!(matches!(by_accountant(&unclear, 24), PaymentPlan::Ask(_)));
    // What the accounting side shows is his to give, however long it takes; what a person answers is obeyed.
    let followed = Payment {
        is_followed: true,
        ..payment(100, "Оплата по счету № 17 от 01.03.2026")
    };
    assert!(matches!(
        by_accountant(&followed, 100),
        PaymentPlan::Wait { until: None, .. }
    ));
    let answered = followed.answered("1", &[("us/17", 100)]);
    assert_eq!(
        booked(&by_accountant(&answered, 1)),
        [("us/17".to_owned(), 100)]
    );
}
