//! Money of a deal's invoice: fields, entries, the stage, and what is asked.

use domain::ledger::{Settlement, SettlementKind};
use domain::observed::OurField;
use domain::payment::{AccountNumber, Direction, OtherSide, PaymentOrder};
use domain::{FunnelId, InvoiceStatus, Money, OrganisationId, Slot, SlotKind, StageId};
use insta::assert_snapshot;
use jiff::civil::{Date, date};
use planner::receipts::{Means, Receipt};
use planner::{Action, Booking, MoneyPolicy, OwnAccount, PaidStage};

use crate::build::{INVOICE_STAGE, TestDeal, ago, deal};
use crate::marked::marked;

fn money() -> MoneyPolicy {
    MoneyPolicy {
        booking: Some(Booking::Provodka),
        since: None,
        wait_hours: 24,
        refunds: planner::Refunds::default(),
        registers: planner::Registers::default(),
        accounts: vec![OwnAccount {
            number: AccountNumber::new("40702810200000012345").unwrap(),
            organisation: OrganisationId::new("org"),
            inn: None,
        }],
        stages: vec![PaidStage {
            funnel: FunnelId(0),
            to: StageId::new("EXECUTING"),
            from: vec![StageId::new(INVOICE_STAGE)],
            by: planner::MovedBy::default(),
        }],
        overdue: None,
    }
}

/// A deal with a settled invoice of 122 roubles, and the policy that books.
pub(crate) fn invoiced() -> TestDeal {
    deal()
        .with(|it| {
            it.policy.money = Some(money());
            let fields = &mut it.policy.fields;
            fields.insert(OurField::Paid, "UF_PAID".to_owned());
            fields.insert(OurField::PaidOn, "UF_PAID_ON".to_owned());
        })
        .settled()
}

pub(crate) fn receipt(transaction: i64, kopecks: i64) -> Receipt {
    Receipt {
        slot: Slot::first(SlotKind::Whole),
        transaction,
        dated: date(2026, 3, 12),
        amount: Money::from_kopecks(kopecks),
        means: Means::Payment {
            payment: transaction,
            remaining: Money::ZERO,
            order: Box::new(order(kopecks)),
            letter: None,
        },
        undone: None,
    }
}

/// As the bank tells it.
pub(crate) fn came_on(receipt: &mut Receipt, day: Date) {
    receipt.dated = day;
    if let Means::Payment { order, .. } = &mut receipt.means {
        order.booked = Some(day);
    }
}

fn order(kopecks: i64) -> PaymentOrder {
    PaymentOrder {
        own_account: AccountNumber::new("40702810200000012345").unwrap(),
        direction: Direction::In,
        form: None,
        number: "77".to_owned(),
        date: date(2026, 3, 11),
        booked: Some(date(2026, 3, 12)),
        amount: Money::from_kopecks(kopecks),
        other: OtherSide {
            name: Some("ООО «Ромашка»".to_owned()),
            ..OtherSide::default()
        },
        purpose: "Оплата по счёту № 17".to_owned(),
    }
}

pub(crate) fn paid(receipts: impl IntoIterator<Item = Receipt>) -> TestDeal {
    invoiced().with(|it| it.snapshot.receipts = receipts.into_iter().collect())
}

/// Everything that the plan wants is carried out.
pub(crate) fn shown(receipts: impl IntoIterator<Item = Receipt>) -> TestDeal {
    let mut it = paid(receipts);
    let plan = it.planned();
    it.carry_out(plan);
    assert!(it.planned().is_empty(), "{}", it.plan());
    it
}

#[test]
fn a_part_is_shown_and_the_deal_stays() {
    assert_snapshot!(paid([receipt(2, 5_000)]).plan(), @r"
    write Status = Оплачен частично, Paid = 50.00
    timeline receipt/2/whole/1: Оплата 50,00 ₽ получена 12.03.2026. Плательщик: ООО «Ромашка», поручение № 77 от 11.03.2026, «Оплата по счёту № 17». Счёт № 17: осталось 72,00 ₽
    because: счёт № 17 нужно показать в сделке
    ");
}

#[test]
fn what_the_accounting_side_alone_calls_paid_is_not_shown_as_paid() {
    let called = |status| {
        let called = invoiced().with(|it| it.snapshot.invoices[0].status = status);
        called.planned().actions
    };
    let is_write = |action: &Action| !matches!(action, Action::Notify { .. });
    let mut issued = called(InvoiceStatus::Issued);
    issued.retain(is_write);
    for status in [InvoiceStatus::Paid, InvoiceStatus::PartiallyPaid] {
        let mut called = called(status);
        called.retain(is_write);
        assert_eq!(called, issued);
    }
    // Nor more of it than came.
    let part = marked(paid([receipt(2, 5_000)]), ago(60));
    let plan = part.plan();
    assert!(plan.contains("Status = Оплачен частично"), "{plan}");
    assert!(!plan.contains("move to"), "{plan}");
}

#[test]
fn what_completes_the_payment_moves_the_deal_once() {
    assert_snapshot!(paid([receipt(2, 5_000), receipt(3, 7_200)]).plan(), @r"
    write Status = Оплачен, Paid = 122.00, PaidOn = 2026-03-12
    timeline receipt/2/whole/1: Оплата 50,00 ₽ получена 12.03.2026. Плательщик: ООО «Ромашка», поручение № 77 от 11.03.2026, «Оплата по счёту № 17». Счёт № 17: осталось 72,00 ₽
    timeline receipt/3/whole/1: Оплата 72,00 ₽ получена 12.03.2026. Плательщик: ООО «Ромашка», поручение № 77 от 11.03.2026, «Оплата по счёту № 17». Счёт № 17: оплачен полностью
    move to EXECUTING for transaction 3
    because: счёт № 17 нужно показать в сделке
    ");
    let moved = shown([receipt(2, 12_200)]);
    let back = moved.stage(INVOICE_STAGE);
    assert!(back.planned().is_empty(), "{}", back.plan());
}

#[test]
fn a_move_is_another_request_of_the_same_mark_once_the_deal_was_changed() {
    let moves = |it: &TestDeal| {
        let mut actions = it.planned().actions.into_iter();
        let is_move = |one: &Action| matches!(one, Action::MoveStage { .. });
        actions.find(is_move).unwrap()
    };
    let asked = paid([receipt(2, 12_200)]);
    assert_eq!(moves(&asked), moves(&asked));
    let edited = paid([receipt(2, 12_200)]).of(|deal| deal.changed = ago(1));
    assert_ne!(moves(&asked), moves(&edited));
    assert_eq!(moves(&asked).mark(), moves(&edited).mark());
}

#[test]
fn a_payment_that_is_taken_back_and_given_again_moves_the_deal_no_second_time() {
    let again = |payment: i64| {
        let mut it = shown([receipt(2, 12_200)]);
        it.snapshot.receipts[0].undone = Some((9, "письмо № 4".to_owned()));
        let mut given = receipt(11, 12_200);
        if let Means::Payment { payment: of, .. } = &mut given.means {
            *of = payment;
        }
        it.snapshot.receipts.push(given);
        it.stage(INVOICE_STAGE).plan()
    };
    let (same, another) = (again(2), again(3));
    assert!(same.contains("timeline receipt/11"), "{same}");
    assert!(!same.contains("move to"), "{same}");
    assert!(
        another.contains("move to EXECUTING for transaction 11"),
        "{another}"
    );
}

#[test]
fn a_share_that_is_given_again_as_it_was_moves_the_deal_no_second_time() {
    let mut it = shown([receipt(2, 5_000), receipt(3, 7_200)]);
    it.snapshot.receipts[0].undone = Some((9, "бухгалтер".to_owned()));
    let mut again = receipt(11, 5_000);
    if let Means::Payment { payment, .. } = &mut again.means {
        *payment = 2;
    }
    it.snapshot.receipts.push(again);
    let plan = it.stage(INVOICE_STAGE).plan();
    assert!(plan.contains("timeline receipt/11"), "{plan}");
    assert!(!plan.contains("move to"), "no money came: {plan}");
}

#[test]
fn the_day_of_payment_is_the_last_day_of_credit_in_whichever_order_it_was_learned() {
    let mut first = receipt(2, 5_000);
    came_on(&mut first, date(2026, 3, 14));
    let plan = paid([first, receipt(3, 7_200)]).plan();
    assert!(plan.contains("PaidOn = 2026-03-14"), "{plan}");
    // It was given before the bank told when it came.
    let mut early = receipt(2, 12_200);
    early.dated = date(2026, 3, 11);
    let plan = paid([early]).plan();
    assert!(plan.contains("PaidOn = 2026-03-12"), "{plan}");
    assert!(plan.contains("получена 12.03.2026"), "{plan}");
    // Or told another day since.
    let mut moved = receipt(2, 12_200);
    moved.dated = date(2026, 3, 13);
    let plan = paid([moved]).plan();
    assert!(plan.contains("PaidOn = 2026-03-12"), "{plan}");
}

#[test]
fn a_deal_that_is_beyond_won_or_lost_is_not_moved() {
    for stage in ["NEW", "PREPARATION", "EXECUTING", "WON"] {
        let plan = paid([receipt(2, 12_200)]).stage(stage).plan();
        assert!(!plan.contains("move to"), "{stage}: {plan}");
    }
    let closed = paid([receipt(2, 12_200)]).of(|deal| (deal.closed, deal.lost) = (true, true));
    assert!(!closed.plan().contains("move to"), "{}", closed.plan());
    let cancelled = paid([receipt(2, 12_200)])
        .with(|it| it.snapshot.invoices[0].status = InvoiceStatus::Cancelled);
    assert!(
        !cancelled.plan().contains("move to"),
        "{}",
        cancelled.plan()
    );
}

#[test]
fn a_payers_letter_is_named_where_the_money_came_to() {
    let mut moved = receipt(2, 5_000);
    if let Means::Payment { letter, .. } = &mut moved.means {
        *letter = Some("письмо № 4 от 12.03.2026".to_owned());
    }
    assert_snapshot!(paid([moved]).plan(), @r"
    write Status = Оплачен частично, Paid = 50.00
    timeline receipt/2/whole/1: Оплата 50,00 ₽ получена 12.03.2026. Перенесена с другого счёта: письмо № 4 от 12.03.2026. Плательщик: ООО «Ромашка», поручение № 77 от 11.03.2026, «Оплата по счёту № 17». Счёт № 17: осталось 72,00 ₽
    because: счёт № 17 нужно показать в сделке
    ");
}

#[test]
fn what_is_left_of_the_payment_is_said() {
    let mut over = receipt(2, 12_200);
    over.means = Means::Payment {
        payment: 2,
        remaining: Money::from_kopecks(800),
        order: Box::new(order(13_000)),
        letter: None,
    };
    assert_snapshot!(paid([over]).plan(), @r"
    write Status = Переплачен, Paid = 122.00, PaidOn = 2026-03-12
    timeline receipt/2/whole/1: Оплата 122,00 ₽ получена 12.03.2026. Плательщик: ООО «Ромашка», поручение № 77 от 11.03.2026, «Оплата по счёту № 17». Счёт № 17: оплачен полностью. От платежа осталось 8,00 ₽: это аванс покупателя
    move to EXECUTING for transaction 2
    because: счёт № 17 нужно показать в сделке
    ");
}

#[test]
fn what_is_settled_without_a_bank_line_closes_the_invoice_like_money() {
    let mut settled = receipt(2, 12_200);
    settled.means = Means::Settlement(Settlement {
        kind: SettlementKind::Netting,
        document: "Акт зачёта № 4 от 12.03.2026".to_owned(),
        author: "Анна".to_owned(),
    });
    assert_snapshot!(paid([settled]).plan(), @r"
    write Status = Оплачен, Paid = 122.00, PaidOn = 2026-03-12
    timeline receipt/2/whole/1: Счёт № 17 закрыт взаимозачётом на 122,00 ₽ (Акт зачёта № 4 от 12.03.2026, 12.03.2026; записал(а) Анна): оплачен полностью
    move to EXECUTING for transaction 2
    because: счёт № 17 нужно показать в сделке
    ");
}

#[test]
fn a_settlement_that_is_taken_back_is_called_what_it_was() {
    let mut settled = receipt(2, 12_200);
    settled.means = Means::Settlement(Settlement {
        kind: SettlementKind::Cash,
        document: "ПКО № 5".to_owned(),
        author: "Анна".to_owned(),
    });
    let mut it = shown([settled]);
    it.snapshot.receipts[0].undone = Some((9, "касса не сошлась".to_owned()));
    let plan = it.plan();
    let told = "Закрытие счёта № 17 наличными на 122,00 ₽ (ПКО № 5, 12.03.2026) снято: касса не сошлась. Оплачено 0,00 ₽ из 122,00 ₽";
    assert!(plan.contains(told), "{plan}");
}

#[test]
fn a_sum_that_is_taken_back_has_an_entry_of_its_own() {
    let mut it = shown([receipt(2, 12_200)]);
    it.snapshot.receipts[0].undone = Some((9, "письмо № 4".to_owned()));
    assert_snapshot!(it.plan(), @r"
    case PAYMENT-TAKEN-BACK
      | Оплата, после которой сделка перешла на стадию оплаченных, снята: письмо № 4. Если без денег дальше нельзя, верните сделку на прежнюю стадию: программа сама этого не делает. Тогда вопрос снимется, и снимется, когда деньги придут снова. Иначе:
      | • оставить сделку, где она есть (leave)
      waits for deal 4711
    write Status = Выставлен, Paid = 0.00, PaidOn = (empty)
    timeline receipt-undone/9/whole/1: Оплата 122,00 ₽ от 12.03.2026 снята со счёта № 17: письмо № 4. Оплачено 0,00 ₽ из 122,00 ₽. Стадию сделки проверьте сами
    tell user 5 of PAYMENT-TAKEN-BACK
    ");
    // One that was taken back before it was shown never was.
    let mut never = receipt(2, 12_200);
    never.undone = Some((9, "письмо № 4".to_owned()));
    assert!(!paid([never]).plan().contains("timeline"));
}

#[test]
fn a_deal_that_was_moved_for_money_that_is_taken_back_is_asked_about_until_somebody_decides() {
    let taken_back = || {
        let mut it = shown([receipt(2, 12_200)]);
        it.snapshot.receipts[0].undone = Some((9, "письмо № 4".to_owned()));
        let plan = it.planned();
        it.carry_out(plan);
        assert!(it.planned().is_empty(), "{}", it.plan());
        it
    };
    let code = "PAYMENT-TAKEN-BACK";
    assert!(taken_back().snapshot.open_cases.contains_key(code));
    // Moved back, or money again.
    let back = taken_back().stage(INVOICE_STAGE);
    assert_eq!(back.planned().withdrawn, [code]);
    assert!(back.planned().cases.is_empty());
    let mut again = taken_back();
    again.snapshot.receipts.push(receipt(11, 12_200));
    assert_eq!(again.planned().withdrawn, [code]);
    // Further on it is asked about all the same, and a lost deal is not.
    let won = taken_back().stage("WON").of(|deal| deal.closed = true);
    assert!(won.planned().withdrawn.is_empty(), "{}", won.plan());
    let lost = taken_back().of(|deal| (deal.closed, deal.lost) = (true, true));
    assert_eq!(lost.planned().withdrawn, [code]);
    // An answer holds for just this correction.
    let mut left = taken_back();
    left.snapshot.open_cases.remove(code);
    left.snapshot.answers.0.push(planner::Answer {
        key: code.to_owned(),
        about: "correction/9".to_owned(),
        choice: "leave".to_owned(),
    });
    assert!(left.planned().is_empty(), "{}", left.plan());
    let mut second = receipt(11, 12_200);
    second.undone = Some((12, "ещё раз".to_owned()));
    left.snapshot.receipts.push(second);
    assert!(
        left.plan().contains("case PAYMENT-TAKEN-BACK"),
        "{}",
        left.plan()
    );
    // A sum that was taken back before the deal was moved is not what it was moved for.
    let mut older = receipt(1, 5_000);
    older.undone = Some((1, "ошибка".to_owned()));
    let mut moved = shown([older, receipt(2, 12_200)]);
    moved.snapshot.invoices[0].total = Money::from_kopecks(20_000);
    assert!(!moved.plan().contains(code), "{}", moved.plan());
    // Who was never moved is not asked about.
    let mut never = shown([receipt(2, 5_000)]);
    never.snapshot.receipts[0].undone = Some((9, "письмо № 4".to_owned()));
    assert!(!never.plan().contains(code), "{}", never.plan());
}

#[test]
fn money_of_an_invoice_that_stands_no_more_is_asked_about() {
    let mut it = shown([receipt(2, 12_200)]);
    it.snapshot.invoices[0].deleted = true;
    assert_snapshot!(it.plan(), @r"
    case INVOICE-DELETED
      | Счёт № 17 от 12.03.2026 удалён в учёте вручную. Новый счёт сам не выставляется.
      waits for deal 4711
    case PAID-INVOICE-GONE
      | По счёту № 17 от 12.03.2026 получено 122,00 ₽, а счёт больше не действует. Снимите оплату командой `provodka payments undo` и отнесите к другому счёту или верните деньги.
      waits for deal 4711
    tell the administrator of INVOICE-DELETED
    write Status = Удалён в учёте, PaidOn = (empty)
    tell the administrator of PAID-INVOICE-GONE
    ");
    let mut it = shown([receipt(2, 12_200)]);
    it.snapshot.invoices[0].total = Money::from_kopecks(10_000);
    assert!(it.plan().contains("PAID-INVOICE-GONE"), "{}", it.plan());
    // What closed it without a payment is taken back in its own way.
    let mut settled = receipt(31, 12_200);
    settled.means = Means::Settlement(Settlement {
        kind: SettlementKind::Netting,
        document: "акт 5".to_owned(),
        author: "Анна".to_owned(),
    });
    let mut it = shown([settled]);
    it.snapshot.invoices[0].total = Money::from_kopecks(10_000);
    let plan = it.plan();
    assert!(plan.contains("`provodka payments unsettle 31`"), "{plan}");
    assert!(!plan.contains("payments undo"), "{plan}");
}

#[test]
fn a_paid_invoice_is_not_replaced() {
    let it = paid([receipt(2, 100)]).read(|reading| {
        reading.glance.fields.command = Some("перевыставить".to_owned());
    });
    let plan = it.plan();
    assert!(plan.contains("по нему уже есть оплата"), "{plan}");
    assert!(it.planned().given_up.is_none());
    let cancelling = paid([receipt(2, 100)]).read(|reading| {
        reading.glance.fields.command = Some("отменить счёт".to_owned());
    });
    let plan = cancelling.plan();
    assert!(!plan.contains("case CANCEL-ORDERED"), "{plan}");
}

#[test]
fn without_the_section_nothing_is_shown() {
    let it = paid([receipt(2, 12_200)]).with(|it| it.policy.money = None);
    assert!(!it.plan().contains("timeline receipt"), "{}", it.plan());
}

#[test]
fn one_payment_for_two_invoices_of_a_deal_is_told_of_both_and_an_advance_alone_completes_nothing() {
    let advanced = invoiced().with(|it| {
        it.snapshot.invoices[0].slot = Slot::first(SlotKind::Advance);
        let mut paid = receipt(2, 12_200);
        paid.slot = Slot::first(SlotKind::Advance);
        it.snapshot.receipts.push(paid);
    });
    let plan = advanced.plan();
    assert!(plan.contains("timeline receipt/2/advance/1"), "{plan}");
    assert!(
        !plan.contains("EXECUTING"),
        "the rest is not billed: {plan}"
    );
    assert!(!plan.contains("PaidOn = 2026"), "{plan}");
    let both = advanced.with(|it| {
        let mut rest = it.snapshot.invoices[0].clone();
        rest.slot = Slot::first(SlotKind::Rest);
        it.snapshot.invoices.push(rest);
        let mut paid = receipt(2, 12_200);
        paid.slot = Slot::first(SlotKind::Rest);
        it.snapshot.receipts.push(paid);
    });
    let plan = both.plan();
    assert!(plan.contains("timeline receipt/2/advance/1"), "{plan}");
    assert!(plan.contains("timeline receipt/2/rest/1"), "{plan}");
    assert!(plan.contains("EXECUTING"), "{plan}");
}

#[test]
fn what_a_payer_writes_becomes_no_link_of_ours() {
    let mut bad = receipt(2, 5_000);
    let mut bad_order = order(5_000);
    bad_order.purpose = "[URL=https://evil.example]Счёт\n№ 17[/URL]".to_owned();
    bad.means = Means::Payment {
        payment: 2,
        remaining: Money::ZERO,
        order: Box::new(bad_order),
        letter: None,
    };
    let plan = invoiced().with(|it| it.snapshot.receipts.push(bad)).plan();
    assert!(
        plan.contains("«(URL=https://evil.example)Счёт № 17(/URL)»"),
        "{plan}"
    );
}

/// A refund by that transaction: off the invoice, or of an advance.
fn refund(transaction: i64, kopecks: i64, is_advance: bool) -> Receipt {
    let order = PaymentOrder {
        direction: Direction::Out,
        number: "9".to_owned(),
        purpose: "Возврат по счёту № 17".to_owned(),
        ..order(kopecks)
    };
    Receipt {
        amount: Money::from_kopecks(if is_advance { 0 } else { -kopecks }),
        means: Means::Refund {
            returned: Money::from_kopecks(kopecks),
            order: Box::new(order),
        },
        ..receipt(transaction, kopecks)
    }
}

#[test]
fn what_went_back_is_taken_off_told_and_the_stage_is_only_asked_about() {
    let moved = shown([receipt(2, 12_200)]).stage("EXECUTING");
    let refunded = moved.with(|it| it.snapshot.receipts.push(refund(5, 2_200, false)));
    assert_snapshot!(refunded.plan(), @r"
    case PAYMENT-TAKEN-BACK
      | Оплата, после которой сделка перешла на стадию оплаченных, возвращена покупателю: 22,00 ₽, поручение № 9 от 11.03.2026. Если без денег дальше нельзя, верните сделку на прежнюю стадию: программа сама этого не делает. Тогда вопрос снимется, и снимется, когда деньги придут снова. Иначе:
      | • оставить сделку, где она есть (leave)
      waits for deal 4711
    write Status = Оплачен частично, Paid = 100.00, PaidOn = (empty)
    timeline receipt/5/whole/1: Возврат 22,00 ₽ покупателю 12.03.2026. Получатель: ООО «Ромашка», поручение № 9 от 11.03.2026, «Возврат по счёту № 17». Счёт № 17: оплачено 100,00 ₽ из 122,00 ₽. Стадию сделки проверьте сами
    tell user 5 of PAYMENT-TAKEN-BACK
    ");
    // The accounting side's mark was explained by what came.
    let mut only_marked = marked(refunded.clone(), ago(24 * 3_600));
    let plan = only_marked.planned();
    let asked: Vec<&str> = plan.cases.iter().map(|case| case.code.as_str()).collect();
    assert_eq!(asked, ["PAYMENT-TAKEN-BACK"]);
    only_marked.carry_out(plan);
    assert!(only_marked.planned().is_empty(), "{}", only_marked.plan());
    // A refund that is off again is told, and paid again is paid.
    let mut again = refunded;
    let plan = again.planned();
    again.carry_out(plan);
    let again = again.with(|it| {
        it.snapshot.receipts[1].undone = Some((6, "ошибка".to_owned()));
    });
    assert_snapshot!(again.plan(), @r"
    write Status = Оплачен, Paid = 122.00, PaidOn = 2026-03-12
    timeline receipt-undone/6/whole/1: Возврат 22,00 ₽ от 12.03.2026 больше не вычитается из оплаченного по счёту № 17: ошибка. Оплачено 122,00 ₽ из 122,00 ₽
    withdraw PAYMENT-TAKEN-BACK
    because: счёт № 17 нужно показать в сделке
    ");
}

#[test]
fn an_advance_that_went_back_is_told_and_moves_nothing() {
    let over = shown([receipt(2, 12_200)]).stage("EXECUTING");
    let over = over.with(|it| it.snapshot.receipts.push(refund(5, 3_000, true)));
    assert_snapshot!(over.plan(), @r"
    timeline receipt/5/whole/1: Возврат 30,00 ₽ из аванса покупателю 12.03.2026. Получатель: ООО «Ромашка», поручение № 9 от 11.03.2026, «Возврат по счёту № 17». Счёт № 17: оплачено 122,00 ₽ из 122,00 ₽
    because: счёт № 17 нужно показать в сделке
    ");
    let mut told = over;
    let plan = told.planned();
    told.carry_out(plan);
    // An advance again, it was never taken off the invoice.
    let undone = told.clone().with(|it| {
        it.snapshot.receipts[1].undone = Some((6, "ошибка".to_owned()));
    });
    assert_snapshot!(undone.plan(), @r"
    timeline receipt-undone/6/whole/1: Возврат 30,00 ₽ от 12.03.2026 больше не вычитается из аванса: ошибка. Счёт № 17: оплачено 122,00 ₽ из 122,00 ₽
    because: счёт № 17 нужно показать в сделке
    ");
    // Nor is it what a deal is moved for once more.
    let back = told.stage(INVOICE_STAGE);
    assert!(back.planned().is_empty(), "{}", back.plan());
}

#[test]
fn both_parts_of_a_refund_are_told() {
    let over = shown([receipt(2, 12_200)]).stage("EXECUTING");
    let over = over.with(|it| {
        it.snapshot.receipts.push(refund(5, 3_000, true));
        it.snapshot.receipts.push(refund(6, 2_200, false));
    });
    let plan = over.plan();
    assert!(plan.contains("Возврат 30,00 ₽ из аванса"), "{plan}");
    assert!(plan.contains("Возврат 22,00 ₽ покупателю"), "{plan}");
}
