//! An order to cancel an invoice, and what the accountant makes of it.

use domain::{InvoiceStatus, UserId};
use insta::assert_snapshot;
use planner::Mode;

use crate::build::{TestDeal, deal};
use crate::changed::{order, settle};
use crate::slots::{more, ordered, parted, refused};

#[test]
fn an_order_to_cancel_is_handed_to_the_accountant_and_stands_until_it_is_done() {
    let mut asked = order(deal().settled(), "отменить");
    assert_snapshot!(asked.plan(), @r"
    case INVOICE-CANCEL-ORDERED
      | В сделке дана команда «отменить»: счёт на всю сумму № 17 от 12.03.2026 на 122,00 ₽. Отмените его в учёте, и вопрос снимется сам, или выберите:
      | • не отменять (leave)
      waits for deal 4711
    tell the administrator of INVOICE-CANCEL-ORDERED
    timeline cancel-asked/whole/1: Бухгалтеру передана просьба отменить счёт на всю сумму № 17 от 12.03.2026.
    write Command = (empty)
    ");
    settle(&mut asked);
    assert_eq!(asked.snapshot.glance().unwrap().fields.command, None);
    let key = "INVOICE-CANCEL-ORDERED";
    assert!(asked.snapshot.open_cases.contains_key(key));
    assert!(asked.planned().is_empty(), "{}", asked.plan());
    // Over there it is cancelled: no surprise, and no new invoice.
    let mut done = asked
        .clone()
        .invoice(|it| it.status = InvoiceStatus::Cancelled);
    settle(&mut done);
    assert!(done.snapshot.open_cases.is_empty());
    assert_eq!(done.snapshot.invoices.len(), 1);
    let status = &done.snapshot.glance().unwrap().fields.status;
    assert_eq!(status.as_deref(), Some("Отменён"));
    // What is done to the deal afterwards is compared with nothing.
    let edited = more(done.clone());
    assert!(edited.planned().is_empty(), "{}", edited.plan());
    let asked_before = edited.open("DEAL-CHANGED-AFTER-INVOICE", "изменена", true);
    assert_eq!(
        asked_before.planned().withdrawn,
        ["DEAL-CHANGED-AFTER-INVOICE"]
    );
    // A person may order another.
    assert_eq!(
        ordered(done.clone(), "выставить счёт")
            .snapshot
            .invoices
            .len(),
        2
    );
    assert!(refused(done, "отменить").contains("Отменять нечего"));
    // What was cancelled of the parts is asked about no more, and the others were never meant.
    let parts = ordered(ordered(ordered(parted(), "аванс"), "остаток"), "отменить");
    assert!(parts.snapshot.open_cases.contains_key(key));
    let mut gone = parts.invoice(|it| it.status = InvoiceStatus::Cancelled);
    settle(&mut gone);
    assert!(
        gone.snapshot.open_cases.is_empty(),
        "{:?}",
        gone.snapshot.open_cases
    );
    // The question stands also where its entry could not be written.
    let unsaid = asked.clone().with(|deal| {
        deal.snapshot
            .done
            .retain(|mark, _| !mark.contains("cancel-asked"));
    });
    assert!(unsaid.planned().is_empty(), "{}", unsaid.plan());
    // Or the accountant leaves it, and says so to who asks again.
    let case = order(deal().settled(), "отменить")
        .planned()
        .cases
        .remove(0);
    let mut left = asked.with(|deal| {
        deal.snapshot.open_cases.clear();
        deal.snapshot.answers.0.push(planner::Answer {
            key: case.key,
            about: case.about,
            choice: "leave".to_owned(),
        });
    });
    assert!(settle(&mut left).is_empty());
    assert_snapshot!(refused(left, "отменить"), @"Счёт на всю сумму № 17 от 12.03.2026 не отменён: бухгалтер решил его оставить.");
}

#[test]
fn an_order_to_cancel_is_refused_after_a_payment_and_where_policy_says_never() {
    let paid = deal()
        .settled()
        .invoice(|it| it.status = InvoiceStatus::PartiallyPaid);
    assert_snapshot!(refused(paid, "отменить"), @"Счёт на всю сумму № 17 от 12.03.2026 не отменён: по нему есть оплата, или его состояние неизвестно. Договоритесь с бухгалтером.");
    let unknown = deal()
        .settled()
        .invoice(|it| it.status = InvoiceStatus::Unknown);
    assert!(refused(unknown, "отменить").contains("не отменён"));
    let never = deal()
        .settled()
        .with(|deal| deal.policy.invoice.cancel = planner::Cancel::Never);
    assert_snapshot!(refused(never, "отменить"), @"Счёт на всю сумму № 17 от 12.03.2026 не отменён: по правилам портала счета отменяет только бухгалтер. Договоритесь с ним.");
    assert!(
        refused(deal().history(&[("NEW", 600)]), "отменить").contains("счёта в сделке ещё нет")
    );
}

#[test]
fn an_order_to_cancel_is_obeyed_of_those_whom_policy_names_alone() {
    let named = |by: Option<u64>| {
        let deal = deal().settled().with(|deal| {
            deal.policy.invoice.cancel_by = vec![UserId(6), UserId(9)];
        });
        order(deal, "отменить").of(|deal| deal.changed_by = by.map(UserId))
    };
    assert!(
        named(Some(9))
            .plan()
            .contains("case INVOICE-CANCEL-ORDERED")
    );
    let other = named(Some(5)).plan();
    assert!(!other.contains("INVOICE-CANCEL-ORDERED"), "{other}");
    assert!(
        other.contains("могут сотрудники с номерами 6, 9, а сделку последним менял сотрудник 5"),
        "{other}"
    );
    assert!(other.contains("write Command = (empty)"), "{other}");
    assert!(named(None).plan().contains("менял неизвестно кто"));
}

#[test]
fn an_answer_that_was_lost_while_the_field_was_emptied_is_said_all_the_same() {
    let (about, text) = ("order/refused/2026-03-12T09:00:00Z", "Счёт не отменён.");
    let owes = |deal: TestDeal| {
        deal.with(|deal| {
            let owed = &mut deal.snapshot.owed;
            owed.push((about.to_owned(), text.to_owned()));
        })
    };
    let mut owing = owes(deal().settled());
    assert_eq!(owing.snapshot.glance().unwrap().fields.command, None);
    let said = format!("timeline {about}: {text}");
    assert!(owing.plan().contains(&said), "{}", owing.plan());
    settle(&mut owing);
    let mark = format!("timeline/{about}");
    assert!(owing.snapshot.done.contains_key(&mark));
    assert!(owing.planned().is_empty(), "{}", owing.plan());
    // Also in a deal that never had an invoice and wants none.
    let without = owes(deal().history(&[("NEW", 600)]));
    assert!(without.plan().contains(text), "{}", without.plan());
    // Not where nothing is done any more.
    let off = owes(deal().settled()).with(|deal| deal.policy.funnels[0].mode = Mode::Off);
    assert!(!off.plan().contains(text), "{}", off.plan());
}
