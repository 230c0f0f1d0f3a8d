//! The invoice is seen in the deal: fields, then the timeline, then the file.

use domain::observed::{FieldValue, OurField, OurFields};
use domain::{InvoiceStatus, Money};
use insta::assert_snapshot;
use jiff::SignedDuration;
use jiff::civil::date;
use planner::Attach;

use crate::build::{INVOICE_STAGE, TestDeal, ago, deal, noon, text};
use crate::changed::settle;

#[test]
fn fields_and_timeline_come_at_once() {
    assert_snapshot!(deal().issued().plan(), @r"
    write Number = 17, Date = 2026-03-12, Sum = 122.00, Status = Выставлен
    timeline issued/whole/1: Выставлен счёт № 17 от 12.03.2026 на сумму 122,00 ₽
    because: счёт № 17 нужно показать в сделке
    ");
}

#[test]
fn the_file_follows_once_the_timeline_gave_its_entry() {
    let entered = deal().issued().with(|deal| {
        let plan = deal.planned();
        deal.carry_out(plan);
    });
    assert_snapshot!(entered.plan(), @r"
    attach the PDF of whole/1 to entry 901: Выставлен счёт № 17 от 12.03.2026 на сумму 122,00 ₽
    because: счёт № 17 нужно показать в сделке
    ");
}

#[test]
fn an_entry_of_unknown_id_gets_no_file() {
    let unnamed = deal().settled().with(|deal| {
        deal.snapshot.done.clear();
        deal.snapshot
            .done
            .insert("timeline/issued/whole/1".to_owned(), None);
    });
    assert!(unnamed.planned().is_empty(), "{}", unnamed.plan());
}

#[test]
fn an_invoice_deleted_before_its_file_was_attached_gets_none() {
    let deleted = deal().issued().with(|deal| {
        let plan = deal.planned();
        deal.carry_out(plan);
        deal.snapshot.invoices[0].deleted = true;
    });
    let planned = deleted.plan();
    assert!(!planned.contains("attach"), "{planned}");
    assert!(planned.contains("INVOICE-DELETED"), "{planned}");
}

#[test]
fn policy_may_want_no_file() {
    let none = deal().settled().with(|deal| {
        deal.policy.invoice.attach = Attach::Nothing;
        deal.snapshot.done.remove("pdf/whole/1");
    });
    assert!(none.planned().is_empty(), "{}", none.plan());
}

#[test]
fn where_both_sides_agree_nothing_is_done() {
    assert_snapshot!(deal().settled().plan(), @"because: счёт № 17 выставлен и показан в сделке");
}

#[test]
fn only_what_differs_is_written() {
    let differing = deal().settled().read(|reading| {
        reading.glance.fields.number = Some("71".to_owned());
        reading.glance.fields.sum = None;
    });
    assert_snapshot!(differing.plan(), @r"
    write Number = 17, Sum = 122.00
    timeline put-back/whole/1/number: В поле номера счёта стояло «71», записано «17»: это поле заполняет программа.
    because: в поле номера счёта стояло «71»: заменено на наше значение
    ");
    // Noted once, also when a day has passed.
    let mut settled = differing;
    settle(&mut settled);
    settled.snapshot.written.clear();
    let again = settled.read(|reading| reading.glance.fields.number = Some("71".to_owned()));
    assert_snapshot!(again.plan(), @r"
    write Number = 17
    because: в поле номера счёта стояло «71»: заменено на наше значение
    ");
    let emptied = deal()
        .settled()
        .read(|reading| reading.glance.fields.status = Some(String::new()));
    assert_snapshot!(emptied.plan(), @r"
    write Status = Выставлен
    because: счёт № 17 нужно показать в сделке
    ");
}

#[test]
fn what_is_typed_into_a_field_that_changes_by_itself_is_put_back_with_a_note_once() {
    let edited = |change: fn(&mut OurFields)| {
        deal()
            .settled()
            .read(|reading| change(&mut reading.glance.fields))
    };
    let both: fn(&mut OurFields) = |fields| {
        fields.sum = Some(Money::from_kopecks(1));
        fields.status = Some("от руки".to_owned());
    };
    let mut told = edited(both);
    assert_snapshot!(told.plan(), @r"
    write Sum = 122.00, Status = Выставлен
    timeline put-back/whole/1/sum: В поле суммы счёта стояло 0,01 ₽, записано 122,00 ₽: это поле заполняет программа.
    timeline put-back/whole/1/status: В поле состояния счёта стояло «от руки», записано «Выставлен»: это поле заполняет программа.
    because: в поле суммы счёта стояло 0,01 ₽: заменено на наше значение
    because: в поле состояния счёта стояло «от руки»: заменено на наше значение
    ");
    settle(&mut told);
    // Another day, and noted once.
    told.snapshot.written.clear();
    let again = told.read(|reading| both(&mut reading.glance.fields));
    assert_snapshot!(again.plan(), @r"
    write Sum = 122.00, Status = Выставлен
    because: в поле состояния счёта стояло «от руки»: заменено на наше значение
    ");
    // Where our own word of before may stand, nobody is told that he typed it.
    let before = edited(|fields| fields.status = Some("Просрочен".to_owned()))
        .with(|deal| deal.snapshot.written.clear());
    assert_snapshot!(before.plan(), @r"
    write Status = Выставлен
    because: счёт № 17 нужно показать в сделке
    ");
}

#[test]
fn a_field_that_policy_does_not_name_is_not_written() {
    let unnamed = deal().with(|deal| {
        deal.policy.fields.remove(&OurField::Sum);
    });
    let plan = unnamed.issued().plan();
    assert!(
        plan.contains("Number = 17") && !plan.contains("Sum"),
        "{plan}"
    );
}

#[test]
fn what_the_accounting_side_shows_is_what_the_deal_shows() {
    let paid = deal().settled().invoice(|it| {
        it.status = InvoiceStatus::PartiallyPaid;
        it.number = "17/2".to_owned();
        it.date = date(2026, 3, 13);
    });
    assert_snapshot!(paid.plan(), @r"
    write Number = 17/2, Date = 2026-03-13, Status = Оплачен частично
    because: счёт № 17/2 нужно показать в сделке
    ");
}

#[test]
fn an_order_that_was_obeyed_is_taken_out_of_the_command_field() {
    let obeyed = deal()
        .settled()
        .ordered()
        .invoice(|invoice| invoice.order_open = true);
    assert_snapshot!(obeyed.plan(), @r"
    write Command = (empty)
    because: счёт № 17 нужно показать в сделке
    ");
}

#[test]
fn an_order_for_what_stands_already_is_answered_and_taken_out() {
    assert_snapshot!(deal().settled().ordered().plan(), @r"
    timeline order/refused/2026-03-12T08:59:00Z: Счёт не выставлен: уже есть счёт на всю сумму № 17 от 12.03.2026. Заменить его можно командой «перевыставить».
    write Command = (empty)
    because: счёт № 17 нужно показать в сделке
    ");
}

#[test]
fn the_invoice_is_shown_wherever_the_deal_went() {
    let gone_on = deal()
        .issued()
        .history(&[(INVOICE_STAGE, 60), ("WON", 30)])
        .of(|deal| deal.closed = true);
    assert_eq!(gone_on.plan(), deal().issued().plan());
    // A closed deal is not compared any more: the glance is enough.
    assert_eq!(gone_on.glanced().plan(), deal().issued().plan());
    let open = deal().issued().glanced();
    assert_snapshot!(open.plan(), @"need the whole look");
}

#[test]
fn an_echo_of_what_was_compared_is_not_read_whole() {
    let compared = |changed: i64| {
        deal().issued().hinted(ago(5)).invoice(|invoice| {
            invoice.compared = Some(ago(changed));
        })
    };
    let echo = compared(5).glanced();
    assert_eq!(echo.plan(), deal().issued().plan());
    assert_snapshot!(compared(6).glanced().plan(), @"need the whole look");

    // However late it is looked at.
    let mut late = echo.clone();
    late.now = noon() + SignedDuration::from_secs(600);
    assert_eq!(late.plan(), deal().issued().plan());

    // Something that the portal does not date was changed, long after what was.
    late.snapshot.hinted = Some(noon() + SignedDuration::from_secs(56));
    assert_snapshot!(late.plan(), @"need the whole look");

    // Or before we wrote, so that our own write hides it.
    late.snapshot.hinted = Some(ago(5) - SignedDuration::from_secs(6));
    assert_snapshot!(late.plan(), @"need the whole look");

    // The sweep, a person, a waiter: they want it read.
    let mut wanted = echo.clone();
    wanted.snapshot.hinted = None;
    assert_snapshot!(wanted.plan(), @"need the whole look");

    let mut ours = echo;
    ours.snapshot.changed_by_us(ago(1));
    assert_eq!(ours.snapshot.compared(), Some(ago(1)));
    assert_eq!(ours.plan(), deal().issued().plan());
}

fn overwritten(writes: &[i64]) -> TestDeal {
    deal()
        .settled()
        .with(|deal| {
            deal.snapshot.written = writes
                .iter()
                .map(|seconds| (ago(*seconds), OurField::Number, text("17")))
                .collect();
        })
        .read(|reading| reading.glance.fields.number = Some("робот".to_owned()))
}

#[test]
fn a_field_that_is_changed_back_twice_is_a_question_and_no_loop() {
    assert_snapshot!(overwritten(&[600]).plan(), @r"
    write Number = 17
    timeline put-back/whole/1/number: В поле номера счёта стояло «робот», записано «17»: это поле заполняет программа.
    because: в поле номера счёта стояло «робот»: заменено на наше значение
    ");
    assert_snapshot!(overwritten(&[600, 300]).plan(), @r"
    case FIELD-NOT-KEPT
      | Поле UF_NUMBER в сделке снова и снова меняют: робот или обязательное правило. Мы его больше не пишем.
      waits for deal 4711
    tell the administrator of FIELD-NOT-KEPT
    ");
    // A day later it is tried again.
    assert_eq!(
        overwritten(&[86_400, 300]).plan(),
        overwritten(&[600]).plan()
    );
}

#[test]
fn an_order_may_be_given_again_and_again_but_not_as_fast_as_it_is_taken_back() {
    let given = |seconds: &[i64]| {
        let ordered = deal().settled().ordered();
        let obeyed = ordered.invoice(|invoice| invoice.order_open = true);
        obeyed.with(|deal| {
            let taken_back = seconds
                .iter()
                .map(|before| (ago(*before), OurField::Command, FieldValue::Empty));
            deal.snapshot.written = taken_back.collect();
        })
    };
    let obeyed = given(&[]).plan();
    assert_eq!(given(&[3_000, 600, 60, 30, 20, 10]).plan(), obeyed);
    assert_snapshot!(given(&[50, 40, 30, 20, 10]).plan(), @r"
    case FIELD-NOT-KEPT
      | Поле UF_COMMAND в сделке снова и снова меняют: робот или обязательное правило. Мы его больше не пишем.
      waits for deal 4711
    tell the administrator of FIELD-NOT-KEPT
    ");
}

#[test]
fn a_stubborn_field_does_not_hold_up_the_others() {
    let stubborn = overwritten(&[600, 300])
        .read(|reading| reading.glance.fields.sum = Some(Money::from_kopecks(1)));
    let plan = stubborn.planned();
    assert!(plan.actions.iter().any(|action| matches!(
        action,
        planner::Action::WriteFields { fields } if *fields
            == [(OurField::Sum, FieldValue::Money(Money::from_kopecks(12_200)))]
    )));
}

#[test]
fn other_values_written_before_do_not_count() {
    let earlier = overwritten(&[600]).with(|deal| {
        deal.snapshot
            .written
            .push((ago(400), OurField::Number, text("16")));
        deal.snapshot
            .written
            .push((ago(300), OurField::Status, text("17")));
    });
    let written = |deal: &TestDeal| deal.planned().actions.remove(0);
    assert_eq!(written(&earlier), written(&overwritten(&[600])));
}

#[test]
fn a_value_that_we_replaced_ourselves_is_not_somebody_elses_will() {
    // Issued, cancelled, restored and so on: each value is ours, and none was undone by anybody.
    let restored = overwritten(&[600, 300]).with(|deal| {
        let between = (ago(400), OurField::Number, text("16"));
        deal.snapshot.written.insert(1, between);
    });
    assert_eq!(restored.plan(), overwritten(&[300]).plan());
}

#[test]
fn a_field_that_keeps_our_value_again_answers_its_question() {
    let kept = deal().settled().open("FIELD-NOT-KEPT", "робот", true);
    assert_snapshot!(kept.plan(), @r"
    withdraw FIELD-NOT-KEPT
    because: счёт № 17 выставлен и показан в сделке
    ");
}
