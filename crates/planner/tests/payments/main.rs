//! The promise of `planner::payments`: what is certain is booked, the rest is asked, nothing is guessed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may"
)]

mod doubts;
mod registers;

use domain::matching::{ChosenBefore, CountedBefore, OpenInvoice, OtherPayment, Share};
use domain::payment::{
    AccountNumber, CountedTwice, Direction, GivenOtherwise, OtherSide, PaymentKind, PaymentOrder,
};
use domain::purpose::Purpose;
use domain::{Inn, InvoiceId, Money, OrganisationId};
use jiff::civil::date;
use jiff::{SignedDuration, Timestamp};
use planner::payments::{Claims, LEAVE, Offer, PaymentAnswer, PaymentPlan, PaymentSnapshot, plan};
use planner::refunds::{PaidBy, RefundOffer, RefundPart, Refundable};
use planner::{Booking, MoneyPolicy, Refunds, Registers};

const BUYER: &str = "7707083893";
const SEEN_AT: Timestamp = Timestamp::UNIX_EPOCH;

struct Payment {
    order: PaymentOrder,
    kind: PaymentKind,
    undone: i64,
    is_followed: bool,
    twice: Option<CountedTwice>,
    otherwise: Option<GivenOtherwise>,
    answer: Option<PaymentAnswer>,
    chosen_before: Vec<ChosenBefore>,
    others: Vec<OtherPayment>,
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
        twice: None,
        otherwise: None,
        answer: None,
        chosen_before: Vec::new(),
        others: Vec::new(),
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
            refund_of: Vec::new(),
            by: "Анна".to_owned(),
        });
        self
    }

    fn plan(&self, claims: &Claims) -> PaymentPlan {
        self.plan_by(Booking::Provodka, claims, SEEN_AT)
    }

    fn plan_by(&self, booking: Booking, claims: &Claims, now: Timestamp) -> PaymentPlan {
        self.plan_with(&policy(booking), (claims, &Refundable::default()), now)
    }

    fn plan_with(
        &self,
        policy: &MoneyPolicy,
        known: (&Claims, &Refundable),
        now: Timestamp,
    ) -> PaymentPlan {
        let purpose = Purpose::read(&self.order.purpose);
        let organisation = OrganisationId::new("us");
        plan(
            &PaymentSnapshot {
                organisation: &organisation,
                kind: self.kind,
                left: match self.order.direction {
                    Direction::In => self.order.amount,
                    Direction::Out => Money::from_kopecks(-self.order.amount.kopecks()),
                },
                undone: self.undone,
                seen_at: SEEN_AT,
                is_followed: self.is_followed,
                order: &self.order,
                purpose: &purpose,
                chosen_before: &self.chosen_before,
                others: &self.others,
                twice: self.twice.as_ref(),
                otherwise: self.otherwise,
                answer: self.answer.as_ref(),
            },
            known,
            policy,
            now,
        )
    }
}

fn policy(booking: Booking) -> MoneyPolicy {
    MoneyPolicy {
        booking: Some(booking),
        since: None,
        wait_hours: 24,
        refunds: Refunds::default(),
        registers: Registers::Ask,
        accounts: Vec::new(),
        stages: Vec::new(),
        overdue: None,
    }
}

fn claims(invoices: &[(&str, i64)]) -> Claims {
    let mut claims = Claims::default();
    for (number, kopecks) in invoices {
        claims.add(OpenInvoice {
            id: InvoiceId::new(format!("us/{number}")),
            seller: OrganisationId::new("us"),
            buyer: Some(Inn::parse(BUYER).unwrap()),
            buyer_name: None,
            number: (*number).to_owned(),
            date: date(2026, 3, 1),
            aliases: Vec::new(),
            open: Money::from_kopecks(*kopecks),
            counted_before: CountedBefore::default(),
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
    let share = Share {
        invoice: InvoiceId::new("us/СВ-1"),
        amount: Money::from_kopecks(400),
    };
    claims.book(&share, date(2026, 3, 11));
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
        PaymentKind::ReturnedToUs,
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
fn an_order_that_is_counted_twice_is_asked_about_however_certain() {
    let claims = claims(&[("СВ-1", 1_000)]);
    let mut whole = payment(1_000, "Оплата по счету № СВ-1 от 01.03.2026");
    let parts = [600, 400].map(Money::from_kopecks).to_vec();
    whole.twice = Some(CountedTwice::Whole(parts));
    let text = asked(&whole.plan(&claims));
    assert!(text.contains("внесён частями (6,00 ₽ и 4,00 ₽)"), "{text}");
    let mut part = payment(600, "Оплата по счету № СВ-1 от 01.03.2026");
    part.twice = Some(CountedTwice::PartOf(Money::from_kopecks(1_000)));
    let text = asked(&part.plan(&claims));
    assert!(text.contains("один платёж на 10,00 ₽"), "{text}");
    // Also where the accountant decides, who may never give it to an invoice.
    part.is_followed = true;
    let plan = part.plan_by(Booking::Accounting, &claims, SEEN_AT);
    assert!(matches!(plan, PaymentPlan::Ask(_)), "{plan:?}");
    // A person's word holds.
    let answered = whole.answered("1", &[("us/СВ-1", 1_000)]).plan(&claims);
    assert_eq!(booked(&answered), [("us/СВ-1".to_owned(), 1_000)]);
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
    let PaymentPlan::Wait {
        until,
        because,
        offered,
        ..
    } = by_accountant(&certain, 23)
    else {
        panic!("it is booked");
    };
    assert_eq!(offered, [InvoiceId::new("us/17")]);
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

/// A refund of ours to the buyer.
fn refund(kopecks: i64, purpose: &str) -> Payment {
    let mut refund = payment(kopecks, purpose);
    refund.kind = PaymentKind::RefundOut;
    refund.order.direction = Direction::Out;
    refund
}

fn kopecks(amount: i64) -> Money {
    Money::from_kopecks(amount)
}

fn paid_by(payment: i64, left: i64, given: &[(&str, i64)]) -> PaidBy {
    PaidBy {
        payment,
        organisation: OrganisationId::new("us"),
        payer: Inn::parse(BUYER).unwrap(),
        number: (40 + payment).to_string(),
        date: date(2026, 3, 5),
        is_decided: true,
        left: kopecks(left),
        given: given
            .iter()
            .map(|(number, sum)| (InvoiceId::new(format!("us/{number}")), kopecks(*sum)))
            .collect(),
    }
}

/// Payment 1 (order 41) gave 100 to СВ-1 and has 30 left; payment 2 (order 42) gave 50 to СВ-2; payment 3 (order 43) of 70
/// was given to nothing.
fn refundable() -> Refundable {
    let invoice = |number: &str| {
        let paid = (number.to_owned(), date(2026, 3, 1));
        (InvoiceId::new(format!("us/{number}")), paid)
    };
    Refundable {
        payments: vec![
            paid_by(3, 70, &[]),
            paid_by(2, 0, &[("СВ-2", 50)]),
            paid_by(1, 30, &[("СВ-1", 100)]),
        ],
        invoices: [invoice("СВ-1"), invoice("СВ-2")].into(),
    }
}

fn back(refund: &Payment, booking: Booking) -> PaymentPlan {
    let known = (&Claims::default(), &refundable());
    refund.plan_with(&policy(booking), known, SEEN_AT)
}

fn in_words(parts: &[RefundPart]) -> Vec<String> {
    let told = parts.iter().map(|part| match &part.invoice {
        Some(id) => format!("payment {} {id} {}", part.payment, part.amount.kopecks()),
        None => format!("payment {} {}", part.payment, part.amount.kopecks()),
    });
    told.collect()
}

/// What it is taken off, if it is.
fn taken_off(plan: &PaymentPlan) -> Option<Vec<String>> {
    match plan {
        PaymentPlan::TakeOff { parts, .. } => Some(in_words(parts)),
        _ => None,
    }
}

#[test]
fn a_refund_that_names_what_it_is_of_is_taken_off_it_advances_first() {
    let words = |told: &[&str]| Some(told.iter().map(ToString::to_string).collect::<Vec<_>>());
    for (sum, purpose, expected) in [
        (
            30,
            "Возврат излишне уплаченного по счёту № СВ-1 от 01.03.2026",
            words(&["payment 1 30"]),
        ),
        (
            80,
            "Возврат по счёту № СВ-1 от 01.03.2026",
            words(&["payment 1 30", "payment 1 us/СВ-1 50"]),
        ),
        (
            130,
            "Возврат по счёту № СВ-1 от 01.03.2026 по договору № 7 от 01.02.2026",
            words(&["payment 1 30", "payment 1 us/СВ-1 100"]),
        ),
        (
            50,
            "Возврат по п/п 42 от 05.03.2026",
            words(&["payment 2 us/СВ-2 50"]),
        ),
        (
            70,
            "Возврат ошибочно перечисленных средств по п/п 43 от 05.03.2026",
            words(&["payment 3 70"]),
        ),
        // More than is paid, another day, no day, two documents, none.
        (131, "Возврат по счёту № СВ-1 от 01.03.2026", None),
        (30, "Возврат по счёту № СВ-1 от 02.03.2026", None),
        (30, "Возврат по счёту № СВ-1", None),
        (
            30,
            "Возврат по счетам № СВ-1 от 01.03.2026, № СВ-2 от 01.03.2026",
            None,
        ),
        (
            30,
            "Возврат по счёту № СВ-1 от 01.03.2026, акт № 4 от 03.03.2026",
            None,
        ),
        (71, "Возврат по п/п 43 от 05.03.2026", None),
        (30, "Возврат денег", None),
    ] {
        let plan = back(&refund(sum, purpose), Booking::Provodka);
        assert_eq!(taken_off(&plan), expected, "{sum} {purpose}: {plan:?}");
        if expected.is_none() {
            assert!(matches!(plan, PaymentPlan::Ask(_)), "{purpose}: {plan:?}");
        }
    }
}

#[test]
fn a_refund_by_an_invoice_of_several_payments_is_taken_off_each_no_more_than_it_gave() {
    let mut known = refundable();
    known.payments.push(paid_by(4, 5, &[("СВ-1", 20)]));
    let plan = |sum: i64| {
        let named = refund(sum, "Возврат по счёту № СВ-1 от 01.03.2026");
        let known = (&Claims::default(), &known);
        taken_off(&named.plan_with(&policy(Booking::Provodka), known, SEEN_AT))
    };
    let expected = [
        "payment 1 30",
        "payment 4 5",
        "payment 1 us/СВ-1 100",
        "payment 4 us/СВ-1 20",
    ];
    assert_eq!(plan(155).unwrap(), expected);
    assert_eq!(plan(156), None);
}

#[test]
fn a_refund_is_asked_about_with_what_its_receiver_paid() {
    let text = asked(&back(&refund(50, "Возврат денег"), Booking::Provodka));
    insta::assert_snapshot!(text, @r"
    Возвращено 0,50 ₽ 12.03.2026: ООО «Ромашка», поручение № 77 от 11.03.2026, «Возврат денег». Не разнесено: в назначении не назван ни счёт, ни платёж. Варианты:
    • счёт № СВ-2 от 01.03.2026, 0,50 ₽ с оплаченного по счёту — сумма равна оплаченной (1)
    • счёт № СВ-1 от 01.03.2026, 0,30 ₽ из аванса и 0,20 ₽ с оплаченного по счёту — оплачено получателем возврата (2)
    • платёж 3, поручение № 43 от 05.03.2026, 0,50 ₽ из аванса — оплачено получателем возврата (3)
    • не снимать с оплаченного (leave)
    ");
    let mut undone = refund(30, "Возврат по счёту № СВ-1 от 01.03.2026");
    undone.undone = 1;
    let PaymentPlan::Ask(question) = back(&undone, Booking::Provodka) else {
        panic!("it is not asked");
    };
    let RefundOffer(first) = &question.refund_of[0];
    assert_eq!(in_words(first), ["payment 1 30"], "named goes first");
}

#[test]
fn what_a_person_says_of_a_refund_holds_for_what_was_shown() {
    let part = |payment, invoice: Option<&str>, amount| RefundPart {
        payment,
        invoice: invoice.map(InvoiceId::new),
        amount: kopecks(amount),
    };
    let mut answered = refund(50, "Возврат денег");
    let offered = [
        vec![part(2, Some("us/СВ-2"), 50)],
        // Meanwhile less of it is left, its invoice lost it, or it is not all of the refund.
        vec![part(1, None, 31), part(2, Some("us/СВ-2"), 19)],
        vec![part(1, Some("us/СВ-2"), 50)],
        vec![part(2, Some("us/СВ-2"), 49)],
        vec![part(9, None, 50)],
    ];
    let answer = |choice: &str| PaymentAnswer {
        undone: 0,
        choice: choice.to_owned(),
        offered: Vec::new(),
        refund_of: offered.iter().cloned().map(RefundOffer).collect(),
        by: "Анна".to_owned(),
    };
    for (choice, expected) in [
        ("1", Some(vec!["payment 2 us/СВ-2 50".to_owned()])),
        ("2", None),
        ("3", None),
        ("4", None),
        ("5", None),
        ("6", None),
    ] {
        answered.answer = Some(answer(choice));
        let plan = back(&answered, Booking::Provodka);
        assert_eq!(taken_off(&plan), expected, "{choice}");
        if expected.is_none() {
            assert!(matches!(plan, PaymentPlan::Ask(_)), "asked anew: {plan:?}");
        }
    }
    answered.answer = Some(answer(LEAVE));
    let left = back(&answered, Booking::Provodka);
    assert!(matches!(left, PaymentPlan::Leave(_)));
    answered.undone = 1;
    let before = back(&answered, Booking::Provodka);
    assert!(matches!(before, PaymentPlan::Ask(_)), "it was undone since");
}

#[test]
fn a_refund_of_no_money_of_a_buyer_is_listed_and_decided_when_he_pays() {
    let unnamed = "Возврат денег";
    let mut to_another = refund(30, unnamed);
    to_another.order.other.inn = Some(Inn::parse("7736050003").unwrap());
    let plan = back(&to_another, Booking::Provodka);
    assert!(
        matches!(plan, PaymentPlan::AsideUntilPaid { last: 0, .. }),
        "{plan:?}"
    );
    // Where a document is named, it is somebody's money: its payment may not be known yet.
    let named = "Возврат по счёту № СВ-1 от 01.03.2026";
    to_another.order.purpose = named.to_owned();
    let text = asked(&back(&to_another, Booking::Provodka));
    assert!(text.contains("нет среди оплаченного"), "{text}");
    let mut to_nobody = refund(30, unnamed);
    to_nobody.order.other.inn = None;
    let plan = back(&to_nobody, Booking::Provodka);
    assert!(matches!(plan, PaymentPlan::Aside(_)), "{plan:?}");
    to_nobody.order.purpose = named.to_owned();
    assert!(matches!(
        back(&to_nobody, Booking::Provodka),
        PaymentPlan::Ask(_)
    ));
    let loan = refund(30, "Возврат займа по договору № 1 от 01.03.2026");
    let plan = back(&loan, Booking::Provodka);
    assert!(matches!(plan, PaymentPlan::Aside(_)), "{plan:?}");
    // Whoever paid, and had all of it back, may pay again. So it is for a bill that is no deal's.
    let mut gone = refundable();
    gone.payments = vec![paid_by(8, 0, &[("elsewhere", 100)]), paid_by(7, 0, &[])];
    let plan = |refund: &Payment, known: &Refundable| {
        let known = (&Claims::default(), known);
        refund.plan_with(&policy(Booking::Provodka), known, SEEN_AT)
    };
    let waits = plan(&refund(30, unnamed), &gone);
    assert!(
        matches!(waits, PaymentPlan::AsideUntilPaid { last: 8, .. }),
        "{waits:?}"
    );
    // What he paid to another of ours is not known here, and is no news either.
    gone.payments[0].organisation = OrganisationId::new("others");
    let waits = plan(&refund(30, unnamed), &gone);
    assert!(
        matches!(waits, PaymentPlan::AsideUntilPaid { last: 8, .. }),
        "{waits:?}"
    );
}

#[test]
fn a_credit_that_the_bank_takes_back_is_asked_about_and_taken_off_nothing_by_itself() {
    let bank = Some(Inn::parse("7736050003").unwrap());
    let of_payment = "Возврат ошибочно зачисленных средств по п/п 43 от 05.03.2026";
    for purpose in ["Сторно ошибочного зачисления", of_payment] {
        for receiver in [bank.clone(), None] {
            let mut reversal = refund(70, purpose);
            reversal.order.form = Some("Банковский ордер".to_owned());
            reversal.order.other.inn = receiver;
            let text = asked(&back(&reversal, Booking::Provodka));
            assert!(text.contains("деньги списал сам банк"), "{text}");
            assert!(text.contains("(leave)") && !text.contains("(1)"), "{text}");
        }
    }
    // Where the order names the payer, it is a refund like any other.
    let mut named = refund(70, of_payment);
    named.order.form = Some("Банковский ордер".to_owned());
    let parts = taken_off(&back(&named, Booking::Provodka));
    assert_eq!(parts.unwrap(), ["payment 3 70"]);
}

#[test]
fn refunds_change_nothing_where_the_policy_only_lists_them() {
    let listing = MoneyPolicy {
        refunds: Refunds::List,
        ..policy(Booking::Provodka)
    };
    let known = (&Claims::default(), &refundable());
    let named = refund(30, "Возврат по счёту № СВ-1 от 01.03.2026");
    let plan = named.plan_with(&listing, known, SEEN_AT);
    assert!(matches!(plan, PaymentPlan::Aside(_)), "{plan:?}");
}

#[test]
fn a_refund_waits_for_what_is_not_decided() {
    let mut known = refundable();
    known.payments[2].is_decided = false;
    let named = refund(30, "Возврат по счёту № СВ-1 от 01.03.2026");
    let plan = |booking, hours| {
        let now = SEEN_AT + SignedDuration::from_hours(hours);
        named.plan_with(&policy(booking), (&Claims::default(), &known), now)
    };
    let text = asked(&plan(Booking::Provodka, 0));
    assert!(text.contains("платёж получателя ещё не разнесён"), "{text}");
    assert!(
        !text.contains("СВ-1 от 01.03.2026, "),
        "not offered: {text}"
    );
    // The accountant has his hours.
    let PaymentPlan::Wait {
        until, undecided, ..
    } = plan(Booking::Accounting, 23)
    else {
        panic!("it does not wait");
    };
    assert_eq!(until, Some(SEEN_AT + SignedDuration::from_hours(24)));
    // Who decides that payment meanwhile makes the plan a former one.
    assert_eq!(undecided, [1]);
    let PaymentPlan::Ask(question) = plan(Booking::Accounting, 24) else {
        panic!("it is not asked");
    };
    assert_eq!(question.undecided, [1]);
}

#[test]
fn where_the_accountant_decides_only_an_advance_goes_back_without_a_person() {
    let named = "Возврат по счёту № СВ-1 от 01.03.2026";
    let advance = back(&refund(30, named), Booking::Accounting);
    assert_eq!(taken_off(&advance), Some(vec!["payment 1 30".to_owned()]));
    let text = asked(&back(&refund(31, named), Booking::Accounting));
    assert!(text.contains("решает бухгалтер"), "{text}");
}

#[test]
fn two_refunds_of_one_pass_never_take_the_same_money() {
    let mut known = refundable();
    let first = refund(100, "Возврат по счёту № СВ-1 от 01.03.2026");
    let plan = |known: &Refundable| {
        let known = (&Claims::default(), known);
        first.plan_with(&policy(Booking::Provodka), known, SEEN_AT)
    };
    let PaymentPlan::TakeOff { parts, .. } = plan(&known) else {
        panic!("it is not taken off");
    };
    known.take_off(&parts);
    assert!(matches!(plan(&known), PaymentPlan::Ask(_)));
}
