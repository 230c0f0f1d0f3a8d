//! After the issue: the deal changed, the accountant acted, the deal went.

use domain::observed::RowVat;
use domain::{InvoiceStatus, Money, Price, Quantity, VatRate};
use insta::assert_snapshot;
use planner::{Action, Seen};

use crate::build::{TestDeal, contact_requisite, deal, row};

#[test]
fn a_deal_changed_after_its_invoice_is_told_line_by_line_and_not_reissued() {
    let changed = deal().settled().rows([
        {
            let mut dearer = row("Консультация");
            dearer.price = Price::parse("150").unwrap();
            dearer.quantity = Quantity::parse("2").unwrap();
            dearer
        },
        row("Выезд"),
    ]);
    assert_snapshot!(changed.plan(), @r"
    case DEAL-CHANGED-AFTER-INVOICE
      | Сделка изменена после счёта № 17. Счёт не перевыставлен. Различия:
      | • сумма: в счёте 122,00 ₽, в сделке 422,00 ₽
      | • строка 1: была «Консультация» 1 шт по 122, НДС 22%, стала «Консультация» 2 шт по 150, НДС 22%
      | • строка 2 добавлена: «Выезд» 1 шт по 122, НДС 22%
      | Верните сделку к прежнему виду или выберите в поле «Счёт: что сделать»:
      | • перевыставить: новый счёт вместо этого (reissue)
      | • оставить счёт как есть (leave)
      waits for deal 4711
    tell user 5 of DEAL-CHANGED-AFTER-INVOICE
    ");
    let text = changed.planned().cases[0].text.clone();
    let told = changed.open("DEAL-CHANGED-AFTER-INVOICE", &text, true);
    assert!(told.planned().is_empty(), "{}", told.plan());
}

#[test]
fn a_question_about_hundreds_of_rows_is_whole_and_its_message_is_not() {
    let rows = |name: &str| {
        let rows = (1..=300).map(|place| row(&format!("{name} {place}")));
        rows.collect::<Vec<_>>()
    };
    let changed = deal().rows(rows("Стол")).settled().rows(rows("Стул"));
    let plan = changed.planned();
    let question = &plan.cases[0].text;
    assert!(question.contains("«Стул 300»"), "{question}");
    let message = plan.actions.iter().find_map(|action| match action {
        Action::Notify { text, .. } => Some(text),
        _ => None,
    });
    let message = message.unwrap();
    assert!(message.chars().count() < 12_200, "{message}");
    assert!(message.contains("«Стул 1»") && message.contains("… и ещё строк: "));
    assert!(
        message.ends_with("• оставить счёт как есть (leave)"),
        "{message}"
    );
}

#[test]
fn each_kind_of_change_is_named() {
    let text = |changed: TestDeal| {
        let plan = changed.planned();
        let text = plan.cases.first().map(|case| case.text.clone());
        text.unwrap_or_else(|| changed.plan())
            .replace('\u{a0}', " ")
    };
    let settled = || deal().settled();
    assert_snapshot!(text(settled().rows([row("Иное")])), @r"
    Сделка изменена после счёта № 17. Счёт не перевыставлен. Различия:
    • строка 1: была «Консультация» 1 шт по 122, НДС 22%, стала «Иное» 1 шт по 122, НДС 22%
    Верните сделку к прежнему виду или выберите в поле «Счёт: что сделать»:
    • перевыставить: новый счёт вместо этого (reissue)
    • оставить счёт как есть (leave)
    ");
    assert_snapshot!(
        text(settled().with(|it| *it = deal().rows([row("Консультация"), row("Выезд")]).settled())
            .rows([row("Консультация")])),
        @r"
    Сделка изменена после счёта № 17. Счёт не перевыставлен. Различия:
    • сумма: в счёте 244,00 ₽, в сделке 122,00 ₽
    • строка 2 убрана: «Выезд» 1 шт по 122, НДС 22%
    Верните сделку к прежнему виду или выберите в поле «Счёт: что сделать»:
    • перевыставить: новый счёт вместо этого (reissue)
    • оставить счёт как есть (leave)
    "
    );
    assert_snapshot!(
        text(settled().row(|it| it.vat = RowVat::Known(VatRate::Without))),
        @r"
    Сделка изменена после счёта № 17. Счёт не перевыставлен. Различия:
    • строка 1: была «Консультация» 1 шт по 122, НДС 22%, стала «Консультация» 1 шт по 122, Без НДС
    Верните сделку к прежнему виду или выберите в поле «Счёт: что сделать»:
    • перевыставить: новый счёт вместо этого (reissue)
    • оставить счёт как есть (leave)
    "
    );
    assert_snapshot!(text(settled().row(|it| it.vat_included = false)), @r"
    Сделка изменена после счёта № 17. Счёт не перевыставлен. Различия:
    • сумма: в счёте 122,00 ₽, в сделке 148,84 ₽
    Верните сделку к прежнему виду или выберите в поле «Счёт: что сделать»:
    • перевыставить: новый счёт вместо этого (reissue)
    • оставить счёт как есть (leave)
    ");
    assert_snapshot!(
        text(settled().buyer(|it| *it = contact_requisite(21))),
        @r"
    Сделка изменена после счёта № 17. Счёт не перевыставлен. Различия:
    • ИНН/КПП покупателя: в счёте 7707083893/770801001, в сделке 500100732259
    Верните сделку к прежнему виду или выберите в поле «Счёт: что сделать»:
    • перевыставить: новый счёт вместо этого (reissue)
    • оставить счёт как есть (leave)
    "
    );
}

#[test]
fn names_addresses_stages_and_people_are_no_change_of_the_invoice() {
    let moved = deal()
        .settled()
        .buyer(|it| {
            it.name = "Ромашка Плюс".to_owned();
            it.address = "Тверь".to_owned();
        })
        .stage("EXECUTING")
        .of(|deal| {
            deal.title = "Другое имя".to_owned();
            deal.responsible = domain::UserId(6);
        })
        .account(|it| it.bank_name = "Сбер".to_owned());
    assert!(moved.planned().is_empty(), "{}", moved.plan());
}

#[test]
fn a_day_later_the_same_deal_is_still_the_same_invoice() {
    let moment = "2026-03-14T09:00:00Z".parse().unwrap();
    let later = deal()
        .settled()
        .seen_at(moment)
        .with(|deal| deal.now = moment);
    assert!(later.planned().is_empty(), "{}", later.plan());
}

#[test]
fn a_deal_that_was_changed_back_takes_its_question_back() {
    let back = deal()
        .settled()
        .open("DEAL-CHANGED-AFTER-INVOICE", "строка 1", true);
    assert_snapshot!(back.plan(), @r"
    withdraw DEAL-CHANGED-AFTER-INVOICE
    because: счёт № 17 выставлен и показан в сделке
    ");
}

#[test]
fn a_deal_that_lost_its_data_after_the_invoice_is_left_alone() {
    let poorer = deal().settled().buyer(|it| it.kpp.clear());
    assert!(poorer.planned().is_empty(), "{}", poorer.plan());
}

#[test]
fn an_invoice_that_the_accountant_edited_is_shown_and_told() {
    let edited = deal()
        .settled()
        .invoice(|it| it.total = Money::from_kopecks(10_000));
    assert_snapshot!(edited.plan(), @r"
    case INVOICE-EDITED
      | Сумма счёта № 17 в учёте не та, что по сделке: 100,00 ₽ вместо 122,00 ₽. В сделке показано то, что в учёте.
      waits for deal 4711
    tell the administrator of INVOICE-EDITED
    write Sum = 100.00
    ");
}

#[test]
fn an_invoice_that_is_billed_to_another_buyer_is_told() {
    let billed = |key: &str| {
        let key = key.parse().unwrap();
        deal().settled().invoice(|it| it.billed = Some(key))
    };
    assert_snapshot!(billed("7736050003/770701001").plan(), @r"
    case INVOICE-EDITED
      | Покупатель счёта № 17 в учёте не тот, что в сделке: 7736050003/770701001 вместо 7707083893/770801001. Проверьте карточку контрагента и счёт в учёте; до этого не отдавайте счёт покупателю.
      waits for deal 4711
    tell the administrator of INVOICE-EDITED
    ");
    let both = billed("7736050003/770701001").invoice(|it| it.total = Money::from_kopecks(10_000));
    assert_snapshot!(both.plan(), @r"
    case INVOICE-EDITED
      | Покупатель счёта № 17 в учёте не тот, что в сделке: 7736050003/770701001 вместо 7707083893/770801001. Проверьте карточку контрагента и счёт в учёте; до этого не отдавайте счёт покупателю. Сумма счёта № 17 в учёте не та, что по сделке: 100,00 ₽ вместо 122,00 ₽. В сделке показано то, что в учёте.
      waits for deal 4711
    tell the administrator of INVOICE-EDITED
    write Sum = 100.00
    ");
    assert_snapshot!(billed("7707083893/997950001").plan(), @r"
    case INVOICE-EDITED
      | Покупатель счёта № 17 в учёте не тот, что в сделке: 7707083893/997950001 вместо 7707083893/770801001. Проверьте карточку контрагента и счёт в учёте; до этого не отдавайте счёт покупателю.
      waits for deal 4711
    tell the administrator of INVOICE-EDITED
    ");
    // A card without a KPP is the same payer's.
    for same in ["7707083893/770801001", "7707083893"] {
        assert!(billed(same).planned().is_empty(), "{}", billed(same).plan());
    }
    let mended = billed("7707083893/770801001").open("INVOICE-EDITED", "было", true);
    assert_eq!(mended.planned().withdrawn, ["INVOICE-EDITED"]);
}

#[test]
fn an_invoice_that_the_accountant_cancelled_is_shown_and_told() {
    let cancelled = deal()
        .settled()
        .invoice(|it| it.status = InvoiceStatus::Cancelled);
    assert_snapshot!(cancelled.plan(), @r"
    case INVOICE-CANCELLED
      | Счёт № 17 отменён в учёте. Новый счёт сам не выставляется.
      waits for deal 4711
    tell the administrator of INVOICE-CANCELLED
    write Status = Отменён
    ");
}

#[test]
fn an_invoice_that_the_accountant_deleted_is_shown_told_and_not_recreated() {
    let deleted = deal().settled().invoice(|it| it.deleted = true);
    assert_snapshot!(deleted.plan(), @r"
    case INVOICE-DELETED
      | Счёт № 17 от 12.03.2026 удалён в учёте вручную. Новый счёт сам не выставляется.
      waits for deal 4711
    tell the administrator of INVOICE-DELETED
    write Status = Удалён в учёте
    ");
}

#[test]
fn what_the_accountant_took_back_is_no_question_any_more() {
    for code in ["INVOICE-EDITED", "INVOICE-CANCELLED", "INVOICE-DELETED"] {
        let back = deal().settled().open(code, "было", true);
        assert_eq!(back.planned().withdrawn, [code]);
    }
    // One gives way to the other.
    let worse =
        deal()
            .settled()
            .invoice(|it| it.deleted = true)
            .open("INVOICE-EDITED", "было", true);
    assert_eq!(worse.planned().withdrawn, ["INVOICE-EDITED"]);
}

#[test]
fn a_deleted_deal_leaves_its_invoice_to_a_person() {
    let orphan = deal().settled().seen(Seen::Gone);
    assert_snapshot!(orphan.plan(), @r"
    case DEAL-DELETED
      | Сделка удалена, а её счёт № 17 от 12.03.2026 на 122,00 ₽ остался в учёте. Решите, отменить ли его.
      waits for deal 4711
    tell the administrator of DEAL-DELETED
    ");
    let text = orphan.planned().cases[0].text.clone();
    let told = orphan.open("DEAL-DELETED", &text, true);
    assert!(told.planned().is_empty(), "{}", told.plan());
    // The accountant cancelled or deleted it, or put it back.
    let cancelled = told
        .clone()
        .invoice(|it| it.status = InvoiceStatus::Cancelled);
    let mut deleted = told.invoice(|it| it.deleted = true);
    assert_eq!(cancelled.planned().withdrawn, ["DEAL-DELETED"]);
    assert_eq!(deleted.planned().withdrawn, ["DEAL-DELETED"]);
    deleted.carry_out(deleted.planned());
    assert!(deleted.planned().is_empty(), "{}", deleted.plan());
    let back = deleted.invoice(|it| it.deleted = false);
    assert_eq!(back.planned().cases.len(), 1);
}

#[test]
fn what_only_the_deal_could_answer_is_withdrawn_once_it_is_deleted_also_beside_its_invoice() {
    let moot = [
        "DEAL-CHANGED-AFTER-INVOICE",
        "DEAL-HIDDEN",
        "FIELD-NOT-KEPT",
        "INVOICE-EDITED",
        "INVOICE-OVERDUE",
        "PAYMENT-TAKEN-BACK",
    ];
    // The bill is somebody's matter all the same.
    let stays = ["ACTION-REFUSED/read_invoice", "INVOICE-TWIN/B-2"];
    let asked = moot.into_iter().chain(stays);
    let asked = asked.fold(deal().settled(), |deal, key| deal.open(key, "было", true));
    assert_eq!(asked.seen(Seen::Gone).planned().withdrawn, moot);
}

#[test]
fn a_deal_that_cannot_be_seen_is_a_question_of_rights() {
    let hidden = deal().seen(Seen::Denied);
    assert_snapshot!(hidden.plan(), @r"
    case DEAL-HIDDEN
      | Сделка 4711 не видна техническому пользователю: дайте ему право читать и менять все сделки.
      waits for deal 4711
    tell the administrator of DEAL-HIDDEN
    ");
    assert_eq!(deal().settled().seen(Seen::Denied).plan(), hidden.plan());
}

#[test]
fn a_deal_that_is_seen_again_answers_the_question_where_it_was() {
    for code in ["DEAL-HIDDEN", "DEAL-DELETED"] {
        let seen = deal().settled().open(code, "было", true);
        assert_eq!(seen.planned().withdrawn, [code], "with an invoice");
        let wanted = deal().open(code, "было", true);
        assert_eq!(wanted.planned().withdrawn, [code], "before the invoice");
        let unwanted = deal().history(&[("NEW", 600)]).open(code, "было", true);
        assert_eq!(unwanted.planned().withdrawn, [code], "not wanted");
    }
}

#[test]
fn deals_that_need_the_same_mending_share_a_cause() {
    let cause = |deal: TestDeal| deal.planned().cases[0].cause.clone();
    let one = deal().buyer(|it| it.kpp.clear());
    let other = deal()
        .buyer(|it| it.kpp.clear())
        .of(|deal| deal.title = "Другая".to_owned());
    assert_eq!(cause(one), cause(other));
}
