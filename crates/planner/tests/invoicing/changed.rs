//! A deal changed after its invoice, and what a person makes of it: by an answer, or by the field of the deal.

use domain::observed::{FieldValue, OurField};
use domain::{InvoiceStatus, OrganisationId, Price, SlotKind};
use insta::assert_snapshot;
use jiff::SignedDuration;
use planner::{Action, Answer, Attach, Need, Plan};

use crate::build::{TestDeal, ago, deal, noon, organisation, own_company};

fn dearer(deal: TestDeal) -> TestDeal {
    deal.row(|it| it.price = Price::parse("150").unwrap())
}

pub(crate) fn changed() -> TestDeal {
    dearer(deal().settled())
}

pub(crate) fn order(deal: TestDeal, word: &str) -> TestDeal {
    deal.read(|reading| reading.glance.fields.command = Some(word.to_owned()))
}

pub(crate) fn answered(deal: TestDeal, choice: &str) -> TestDeal {
    let case = deal.planned().cases.remove(0);
    assert!(
        case.choices.iter().any(|known| known.word == choice),
        "{case:?}"
    );
    deal.with(|deal| {
        deal.snapshot.answers.0.push(Answer {
            key: case.key,
            about: case.about,
            choice: choice.to_owned(),
        });
    })
}

/// Carries plans out until there is nothing more, and says what was done.
pub(crate) fn settle(deal: &mut TestDeal) -> Vec<String> {
    let mut done = Vec::new();
    for _round in 0..12 {
        let plan = deal.planned();
        if plan.is_empty() {
            return done;
        }
        done.extend(said(&plan));
        deal.carry_out(plan);
        for invoice in &mut deal.snapshot.invoices {
            let kind = SlotKind::ALL
                .iter()
                .position(|kind| *kind == invoice.slot.kind);
            let number = 16 + invoice.slot.generation + 10 * u32::try_from(kind.unwrap()).unwrap();
            invoice.number = number.to_string();
        }
    }
    panic!("no end: {done:#?}");
}

fn said(plan: &Plan) -> Vec<String> {
    let given_up = plan
        .given_up
        .iter()
        .map(|it| format!("give up {}", it.slot));
    let replies = plan
        .replies
        .iter()
        .map(|it| format!("answer {}", it.choice));
    let actions = plan.actions.iter().map(|action| match action {
        Action::WriteFields { fields } => {
            let emptied = fields.contains(&(OurField::Command, FieldValue::Empty));
            format!("fields{}", if emptied { ", the order is out" } else { "" })
        }
        Action::AddTimelineEntry { text, .. } => text.replace('\u{a0}', " "),
        Action::AttachPdf {
            slot,
            replaced_by,
            text,
            ..
        } => {
            // The entry of the old one says so, too.
            let says = text.contains("Заменён счётом");
            assert_eq!(says, replaced_by.is_some(), "{text}");
            format!("file of {slot}, replaced by {replaced_by:?}")
        }
        other => other.mark(),
    });
    given_up.chain(replies).chain(actions).collect()
}

#[test]
fn edits_are_gathered_until_nobody_edits_for_a_while() {
    let edited = |seconds: i64| {
        let deal = changed().of(|deal| deal.changed = ago(seconds));
        deal.with(|deal| deal.policy.invoice.gather_seconds = 300)
    };
    assert_snapshot!(edited(60).plan(), @"look again at 2026-03-12T09:04:00Z: сделку ещё правят: ждём, пока закончат");
    assert_eq!(edited(300).plan(), changed().plan());
    // What is asked already is kept up to date.
    let open = edited(60).open("DEAL-CHANGED-AFTER-INVOICE", "раньше", true);
    assert_eq!(open.planned().cases.len(), 1);
}

#[test]
fn another_seller_is_told_by_name() {
    let sold = |title: &str| {
        deal().settled().with(|deal| {
            let mut other = organisation("org-2", 2);
            title.clone_into(&mut other.title);
            deal.policy.organisations.push(other);
            deal.snapshot.own_companies.push(own_company(2));
            deal.policy.funnels[0].organisation = Some(OrganisationId::new("org-2"));
        })
    };
    let asked = |deal: TestDeal| deal.planned().cases.remove(0).text;
    let told = asked(sold("Они"));
    assert!(
        told.contains("продавец: в счёте Мы, в сделке Они"),
        "{told}"
    );
    // Two of one name are told apart all the same.
    let told = asked(sold("Мы"));
    assert!(told.contains("в счёте org, в сделке org-2"), "{told}");
}

#[test]
fn an_answer_to_leave_holds_for_just_this_change() {
    let left = answered(changed(), "leave");
    assert!(left.planned().is_empty(), "{}", left.plan());
    let again = left.row(|it| it.price = Price::parse("151").unwrap());
    assert_eq!(again.planned().cases.len(), 1, "{}", again.plan());
}

#[test]
fn an_answer_to_reissue_makes_another_invoice_and_marks_the_old_one() {
    let mut deal = answered(changed(), "reissue");
    assert_snapshot!(settle(&mut deal).join("\n"), @r"
    give up whole/1
    invoice/whole/2
    fields
    Выставлен счёт № 18 от 12.03.2026 на сумму 150,00 ₽, взамен счёта № 17
    file of whole/1, replaced by Some(Slot { kind: Whole, generation: 2 })
    file of whole/2, replaced by None
    ");
    let invoices = &deal.snapshot.invoices;
    assert_eq!(invoices.len(), 2);
    assert!(!invoices[0].live && invoices[1].live);
    assert_eq!(invoices[0].number, "17");
    // The same answer replaces nothing a second time.
    let other = dearer(deal).row(|it| it.price = Price::parse("160").unwrap());
    assert_eq!(other.planned().given_up, None);
}

#[test]
fn a_print_form_of_the_accounting_side_is_marked_while_there_is_one() {
    let replaced = |attach: Attach| {
        let mut deal = answered(changed(), "reissue");
        deal.policy.invoice.attach = attach;
        let done = settle(&mut deal);
        let is_marked = done.iter().any(|one| one.starts_with("file of whole/1"));
        (deal, is_marked)
    };
    assert!(!replaced(Attach::Nothing).1);
    let (mut deal, is_marked) = replaced(Attach::Accounting);
    assert!(is_marked);
    // Deleted over there before it was marked.
    let marks = deal.snapshot.done.len();
    deal.snapshot
        .done
        .retain(|mark, _| mark != "pdf-replaced/whole/1");
    assert_eq!(deal.snapshot.done.len(), marks - 1);
    assert!(deal.plan().contains("whole/1"), "{}", deal.plan());
    deal.snapshot.invoices[0].deleted = true;
    assert!(deal.planned().is_empty(), "{}", deal.plan());
}

#[test]
fn a_deal_that_is_won_is_compared_no_more_but_for_what_was_asked_before() {
    let won = |deal: TestDeal| deal.of(|deal| deal.closed = true);
    let needs = |deal: TestDeal| won(deal).glanced().planned().needs;
    assert!(needs(changed()).is_empty());
    assert!(needs(answered(changed(), "leave")).is_empty());
    let asked = changed().open("DEAL-CHANGED-AFTER-INVOICE", "изменена", true);
    assert_eq!(needs(asked), [Need::Whole]);
    let decided = || answered(changed(), "reissue");
    assert_eq!(needs(decided()), [Need::Whole]);
    let mut obeyed = won(decided());
    settle(&mut obeyed);
    assert_eq!(obeyed.snapshot.invoices.len(), 2);
    // What was decided of the former invoice is no matter of the one in its place.
    assert!(obeyed.glanced().planned().needs.is_empty());
}

#[test]
fn after_a_payment_there_is_nothing_to_reissue() {
    for status in [InvoiceStatus::PartiallyPaid, InvoiceStatus::Paid] {
        let paid = changed().invoice(|it| it.status = status);
        let words: Vec<String> = paid.planned().cases[0]
            .choices
            .iter()
            .map(|choice| choice.word.clone())
            .collect();
        assert_eq!(words, ["leave"], "{status:?}");
        let mut ordered = order(paid, "перевыставить");
        let done = settle(&mut ordered);
        let refused = done
            .iter()
            .any(|one| one.contains("не перевыставлен: по нему уже есть оплата"));
        assert!(refused, "{done:?}");
        assert_eq!(ordered.snapshot.invoices.len(), 1);
        assert_eq!(ordered.snapshot.glance().unwrap().fields.command, None);
    }
    // The answer came before the payment: the payment wins.
    let late = answered(changed(), "reissue").invoice(|it| it.status = InvoiceStatus::Paid);
    assert_eq!(late.planned().given_up, None);
}

#[test]
fn an_order_to_reissue_what_is_paid_is_answered_each_time_that_somebody_gives_it() {
    let paid = deal()
        .settled()
        .invoice(|it| it.status = InvoiceStatus::Paid);
    let mut paid = paid.with(|deal| deal.snapshot.written.clear());
    settle(&mut paid);
    for minutes in [20, 10] {
        let mut ordered = order(paid, "перевыставить").of(|deal| deal.changed = ago(60 * minutes));
        let done = settle(&mut ordered);
        let refused = done.iter().filter(|one| one.contains("уже есть оплата"));
        assert_eq!(refused.count(), 1, "{done:?}");
        assert_eq!(ordered.snapshot.glance().unwrap().fields.command, None);
        paid = ordered;
    }
}

#[test]
fn an_order_to_reissue_is_obeyed_once_and_taken_out_of_the_field() {
    let mut ordered = order(deal().settled(), "Перевыставить");
    assert_snapshot!(settle(&mut ordered).join("\n"), @r"
    give up whole/1
    invoice/whole/2
    fields, the order is out
    Выставлен счёт № 18 от 12.03.2026 на сумму 122,00 ₽, взамен счёта № 17
    file of whole/1, replaced by Some(Slot { kind: Whole, generation: 2 })
    file of whole/2, replaced by None
    ");
    // Ordered once more, it is obeyed once more.
    let mut again = order(ordered, "перевыставить");
    assert!(settle(&mut again).contains(&"give up whole/2".to_owned()));
    assert_eq!(again.snapshot.invoices.len(), 3);
}

#[test]
fn a_field_that_keeps_the_order_replaces_nothing_a_second_time() {
    let mut stuck = order(deal().settled(), "перевыставить");
    for _round in 0..20 {
        let plan = stuck.planned();
        stuck.carry_out(plan);
        // A robot puts the order back at once; the field was never seen empty.
        stuck.snapshot.invoices[0].order_open = true;
        stuck = order(stuck, "перевыставить");
        stuck.now += SignedDuration::from_hours(5);
        let now = stuck.now;
        stuck = stuck.seen_at(now);
    }
    assert_eq!(stuck.snapshot.invoices.len(), 2);
}

#[test]
fn what_the_accountant_cancelled_or_deleted_is_ordered_anew() {
    let cancelled = deal()
        .settled()
        .invoice(|it| it.status = InvoiceStatus::Cancelled);
    let deleted = deal().settled().invoice(|it| it.deleted = true);
    for gone in [cancelled, deleted] {
        let mut ordered = order(gone, "перевыставить");
        let done = settle(&mut ordered);
        assert_eq!(
            &done[..2],
            ["give up whole/1", "invoice/whole/2"],
            "{done:?}"
        );
    }
}

#[test]
fn an_order_to_leave_answers_the_question() {
    let case = changed().planned().cases.remove(0);
    let mut left = order(changed().open(&case.key, &case.text, true), "оставить");
    assert_snapshot!(settle(&mut left).join("\n"), @r"
    answer leave
    Счёт № 17 оставлен как есть, хотя сделка после него изменена.
    fields, the order is out
    ");
    assert!(left.planned().is_empty(), "{}", left.plan());
    assert_eq!(left.snapshot.invoices.len(), 1);
}

#[test]
fn what_is_to_be_replaced_is_issued_wherever_the_deal_stands() {
    let mut moved = answered(changed(), "reissue").stage("NEW");
    let done = settle(&mut moved);
    assert!(done.contains(&"invoice/whole/2".to_owned()), "{done:?}");
    assert_eq!(moved.now, noon());
}

#[test]
fn an_order_to_reissue_what_is_not_there_issues_just_one() {
    let mut ordered = order(deal(), "перевыставить");
    let done = settle(&mut ordered);
    assert!(done.contains(&"invoice/whole/1".to_owned()), "{done:?}");
    assert_eq!(ordered.snapshot.invoices.len(), 1, "{done:?}");
    // Also where the field is read again before the portal has emptied it.
    for word in ["перевыставить", "выставить счёт"] {
        let mut stuck = order(deal(), word);
        for _round in 0..12 {
            let mut plan = stuck.planned();
            plan.actions
                .retain(|action| !matches!(action, Action::WriteFields { .. }));
            stuck.carry_out(plan);
        }
        assert_eq!(stuck.snapshot.invoices.len(), 1);
    }
}

#[test]
fn an_order_to_issue_means_another_only_where_there_is_none_any_more() {
    let mut deleted = order(
        deal().settled().invoice(|it| it.deleted = true),
        "выставить счёт",
    );
    let done = settle(&mut deleted);
    assert_eq!(
        &done[..2],
        ["give up whole/1", "invoice/whole/2"],
        "{done:?}"
    );
    let mut living = order(deal().settled(), "выставить счёт");
    assert_snapshot!(settle(&mut living).join("\n"), @r"
    Счёт не выставлен: уже есть счёт на всю сумму № 17 от 12.03.2026. Заменить его можно командой «перевыставить».
    fields, the order is out
    ");
}

#[test]
fn an_invoice_is_not_given_up_while_another_could_not_be_made() {
    let nameless = |deal: TestDeal| deal.buyer(|it| it.kpp.clear());
    let mut ordered = order(nameless(changed()), "перевыставить");
    assert_snapshot!(settle(&mut ordered).join("\n"), @r"
    Счёт № 17 не перевыставлен. Что нужно исправить:
    • не указан КПП покупателя
    Потом дайте команду ещё раз.
    fields, the order is out
    bell/DEAL-CHANGED-AFTER-INVOICE
    ");
    assert!(ordered.snapshot.invoices.iter().all(|invoice| invoice.live));
    assert_eq!(ordered.snapshot.invoices.len(), 1);
    let told = nameless(answered(changed(), "reissue"));
    assert_eq!(told.planned().given_up, None);
}

#[test]
fn a_deal_that_is_deleted_before_its_invoice_is_replaced_leaves_a_question() {
    let given_up = deal().settled().invoice(|it| {
        it.live = false;
        it.replaced = true;
    });
    let gone = given_up.seen(planner::Seen::Gone);
    let cases: Vec<_> = gone.planned().cases.into_iter().map(|it| it.code).collect();
    assert_eq!(cases, [planner::CaseCode::DealDeleted]);
}

#[test]
fn an_answer_holds_for_nothing_else_also_where_no_invoice_could_be_made() {
    let free = |deal: TestDeal, name: &str| {
        deal.row(|it| {
            it.price = Price::parse("0").unwrap();
            it.name = name.to_owned();
        })
    };
    let left = || answered(free(deal().settled(), "Подарок"), "leave");
    assert!(left().planned().cases.is_empty(), "{}", left().plan());
    // The same fault in other lines, and in the same lines of another seller.
    assert_eq!(free(left(), "Другой подарок").planned().cases.len(), 1);
    let by_another = left().with(|deal| {
        deal.policy.organisations.push(organisation("org-2", 2));
        deal.snapshot.own_companies.push(own_company(2));
        deal.policy.funnels[0].organisation = Some(OrganisationId::new("org-2"));
    });
    assert_eq!(by_another.planned().cases.len(), 1);
}
