//! An order to cancel an invoice, and what the accountant makes of it.

use domain::observed::{FieldValue, OurField};
use domain::{InvoiceStatus, UserId};
use insta::assert_snapshot;
use planner::{Action, IsSaid, Mode, OrderAnswer};

use crate::build::{TestDeal, ago, deal};
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
    // Whoever asks again is told that it waits; but an order that could not be taken out is the same one.
    let again = |is_fresh, emptied| {
        let text = "Бухгалтеру передана просьба отменить счёт.";
        let deal = owing(asked.clone(), "cancel-asked/whole/1", text, IsSaid::Yes);
        deal.with(|deal| {
            deal.snapshot.order_answers[0].is_fresh = is_fresh;
            let emptied = (ago(emptied), OurField::Command, FieldValue::Empty);
            deal.snapshot.written.push(emptied);
        })
    };
    let told =
        "Бухгалтера уже просили отменить счёт на всю сумму № 17 от 12.03.2026, он ещё не ответил.";
    assert_eq!(refused(again(true, 30), "отменить"), told);
    assert_eq!(refused(again(false, 90), "отменить"), told);
    assert_eq!(refused(again(true, 90), "отменить"), "");
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
        refused(deal().history(&[("NEW", 600)]), "отменить").contains("счёта в сделке ещё не было")
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
    // Our own write came after the order: whose it is, is not taken from there.
    let written_over = named(Some(9)).with(|deal| {
        let snapshot = &mut deal.snapshot;
        snapshot.our_changes.push(ago(60));
        let seen = snapshot.seen.clone();
        snapshot.see(seen);
    });
    let told = written_over.plan();
    assert!(!told.contains("INVOICE-CANCEL-ORDERED"), "{told}");
    assert!(told.contains("Дайте команду ещё раз"), "{told}");
    let anybody = written_over.with(|deal| deal.policy.invoice.cancel_by.clear());
    assert!(anybody.plan().contains("INVOICE-CANCEL-ORDERED"));
    let before = named(Some(9)).with(|deal| {
        let snapshot = &mut deal.snapshot;
        snapshot.our_changes.push(ago(90));
        let seen = snapshot.seen.clone();
        snapshot.see(seen);
    });
    assert!(before.plan().contains("case INVOICE-CANCEL-ORDERED"));
}

/// An order of a minute ago was answered so, and the answer has come to this.
fn owing(deal: TestDeal, about: &str, text: &str, is_said: IsSaid) -> TestDeal {
    deal.with(|deal| {
        deal.snapshot.last_issued = None;
        deal.snapshot.written.clear();
        deal.snapshot.order_answers.push(OrderAnswer {
            about: about.to_owned(),
            text: text.to_owned(),
            made_at: ago(60),
            is_fresh: true,
            is_said,
        });
    })
}

/// What is said in the timeline, and about what.
fn entries(deal: &TestDeal) -> Vec<(String, String)> {
    let actions = deal.planned().actions.into_iter();
    let entries = actions.filter_map(|action| match action {
        Action::AddTimelineEntry { about, text, .. } => Some((about, text)),
        _ => None,
    });
    entries.collect()
}

const REFUSED: &str = "order/refused/2026-03-12T09:00:00Z";
const TEXT: &str = "Счёт не отменён.";

#[test]
fn an_answer_that_was_lost_while_the_field_was_emptied_is_said_all_the_same() {
    let owes = |deal: TestDeal| owing(deal, REFUSED, TEXT, IsSaid::NotYet);
    let mut owing = owes(deal().settled());
    assert_eq!(owing.snapshot.glance().unwrap().fields.command, None);
    assert_eq!(entries(&owing), [(REFUSED.to_owned(), TEXT.to_owned())]);
    settle(&mut owing);
    let mark = format!("timeline/{REFUSED}");
    assert!(owing.snapshot.done.contains_key(&mark));
    assert!(owing.planned().is_empty(), "{}", owing.plan());
    // Also in a deal that never had an invoice and wants none.
    let without = owes(deal().history(&[("NEW", 600)]));
    assert!(without.plan().contains(TEXT), "{}", without.plan());
    // Not where nothing is done any more.
    let off = owes(deal().settled()).with(|deal| deal.policy.funnels[0].mode = Mode::Off);
    assert!(!off.plan().contains(TEXT), "{}", off.plan());
}

#[test]
fn an_order_that_could_not_be_taken_out_of_the_field_is_answered_once_however_often_the_deal_is_edited()
 {
    let text = entries(&order(deal().settled(), "остаток")).remove(0).1;
    let answered = |is_said, said: &str| {
        let owing = owing(deal().settled(), REFUSED, said, is_said);
        order(owing, "остаток").of(|deal| deal.changed = ago(5))
    };
    // It is the same effect, with what is true by now.
    for said in [TEXT, text.as_str()] {
        let waiting = answered(IsSaid::NotYet, said);
        assert_eq!(entries(&waiting), [(REFUSED.to_owned(), text.clone())]);
    }
    let mut said = answered(IsSaid::Yes, &text);
    let mark = format!("timeline/{REFUSED}");
    said.snapshot.done.insert(mark, None);
    assert!(entries(&said).is_empty(), "{}", said.plan());
    assert!(said.plan().contains("write Command = (empty)"));
    // What was emptied since holds another order, and so does another answer.
    let emptied = answered(IsSaid::Yes, &text).with(|deal| {
        let emptied = (ago(30), OurField::Command, FieldValue::Empty);
        deal.snapshot.written.push(emptied);
    });
    let long_ago = answered(IsSaid::Yes, &text).with(|deal| {
        deal.snapshot.order_answers[0].is_fresh = false;
    });
    for other in [emptied, answered(IsSaid::Yes, TEXT), long_ago] {
        let about = format!("order/refused/{}", ago(5));
        assert_eq!(entries(&other), [(about, text.clone())]);
    }
}

#[test]
fn an_answer_that_is_owed_is_not_said_once_it_is_no_longer_true() {
    let owes = |about: &str| owing(deal().settled(), about, TEXT, IsSaid::NotYet);
    let issued = owes(REFUSED).with(|deal| deal.snapshot.last_issued = Some(ago(30)));
    // The order that was given since is answered, and then the one before it is not.
    let ordered = order(owes(REFUSED), "отменить");
    let about = |deal: &TestDeal| entries(deal).remove(0).0;
    assert_eq!(entries(&ordered).len(), 1);
    assert_eq!(about(&ordered), "cancel-asked/whole/1");
    let answered = owes(REFUSED).with(|deal| {
        let answers = &mut deal.snapshot.order_answers;
        answers.push(OrderAnswer {
            about: "order/left/2026-03-12T09:00:30Z".to_owned(),
            made_at: ago(30),
            is_said: IsSaid::Yes,
            ..answers[0].clone()
        });
    });
    let asked = "cancel-asked/whole/1";
    assert_eq!(about(&owes(asked)), asked);
    let cancelled = owes(asked).invoice(|it| it.status = InvoiceStatus::Cancelled);
    let of_invoice = "order/whole/1/2026-03-12T09:00:00Z";
    assert_eq!(about(&owes(of_invoice)), of_invoice);
    let replaced = owes(of_invoice).invoice(|it| it.live = false);
    let given_up = owing(deal().settled(), REFUSED, TEXT, IsSaid::GivenUp);
    let unsaid = |deal: &TestDeal| planner::answers_given_up(&deal.snapshot).count();
    assert_eq!(unsaid(&given_up), 1);
    for deal in [issued, answered, cancelled, replaced, given_up.clone()] {
        let said = entries(&deal);
        assert!(said.iter().all(|(_, text)| text != TEXT), "{said:?}");
    }
    let issued = given_up.with(|deal| deal.snapshot.last_issued = Some(ago(30)));
    assert_eq!(unsaid(&issued), 0);
}

/// Else the order of whoever gave it too early would go without a word.
#[test]
fn an_order_given_before_there_was_an_invoice_is_answered_after_it_is_issued() {
    let said = "Команда не выполнена: счёта в сделке ещё не было.";
    let owing = owing(deal().settled(), REFUSED, said, IsSaid::NotYet);
    let issued = owing.with(|deal| deal.snapshot.last_issued = Some(ago(30)));
    assert_eq!(entries(&issued), [(REFUSED.to_owned(), said.to_owned())]);
}
