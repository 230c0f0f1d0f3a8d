//! Who the buyer is on the accounting side.

use domain::CounterpartyKey;
use insta::assert_snapshot;

use crate::build::{ROMASHKA, deal, noon};

#[test]
fn the_accounting_side_is_asked_once_everything_else_is_known() {
    assert_snapshot!(deal().accounting_not_asked().plan(), @"need the counterparties of org with INN 7707083893");
    let poor = deal().accounting_not_asked().buyer(|it| it.kpp.clear());
    assert!(poor.planned().needs.is_empty(), "{}", poor.plan());
}

#[test]
fn an_unknown_counterparty_is_created_before_the_invoice() {
    assert_snapshot!(deal().accounting_knows(&[]).plan(), @r"
    create counterparty 7707083893/770801001 ООО «Ромашка» for org
    because: контрагента нет в учёте, его нужно создать
    ");
}

#[test]
fn a_known_counterparty_is_taken() {
    let known = deal().accounting_knows(&[("K-9", "7707083893/780102001"), ("K-8", ROMASHKA)]);
    assert!(
        known.plan().contains("issue whole/1 to K-8"),
        "{}",
        known.plan()
    );
}

#[test]
fn the_same_inn_under_another_kpp_is_for_a_person_to_judge() {
    let other = deal().accounting_knows(&[("K-9", "7707083893/780102001")]);
    assert_snapshot!(other.plan(), @r"
    case COUNTERPARTY-AMBIGUOUS
      | Счёт не выставлен: контрагента 7707083893/770801001 в учёте нет или он не один. Есть: Ромашка (7707083893/780102001). Проверьте КПП в реквизитах сделки или исправьте карточку в учёте.
      waits for deal 4711, company 7, requisite 21
    tell user 5 of COUNTERPARTY-AMBIGUOUS
    ");
}

#[test]
fn two_of_a_kind_are_for_a_person_to_judge() {
    let two = deal().accounting_knows(&[("K-1", ROMASHKA), ("K-2", ROMASHKA)]);
    assert_snapshot!(two.plan(), @r"
    case COUNTERPARTY-AMBIGUOUS
      | Счёт не выставлен: контрагента 7707083893/770801001 в учёте нет или он не один. Есть: Ромашка (K-1); Ромашка (K-2). Проверьте КПП в реквизитах сделки или исправьте карточку в учёте.
      waits for deal 4711, company 7, requisite 21
    tell user 5 of COUNTERPARTY-AMBIGUOUS
    ");
    let text = two.planned().cases[0].text.clone();
    let told = two.open("COUNTERPARTY-AMBIGUOUS", &text, true);
    assert!(told.planned().is_empty(), "{}", told.plan());
}

#[test]
fn a_counterparty_whose_creation_is_unsettled_is_waited_for() {
    let key = ROMASHKA.parse::<CounterpartyKey>().unwrap();
    let registering = deal().accounting_knows(&[]).with(|deal| {
        deal.snapshot.registering = vec![(key, noon())];
    });
    assert_snapshot!(registering.plan(), @"look again at 2026-03-12T09:00:00Z: исход создания контрагента ещё не известен");
    // Found meanwhile: taken.
    let found = registering.accounting_knows(&[("K-1", ROMASHKA)]);
    assert_eq!(found.plan(), deal().plan());
}

#[test]
fn a_question_about_the_data_gives_way_to_one_about_the_counterparty() {
    let better = deal()
        .accounting_knows(&[("K-9", "7707083893/780102001")])
        .open("DEAL-DATA-MISSING", "не указан КПП", true);
    assert_eq!(better.planned().withdrawn, ["DEAL-DATA-MISSING"]);
}
