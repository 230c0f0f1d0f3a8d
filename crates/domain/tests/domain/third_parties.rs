//! Whoever pays for somebody else names him: his open invoices are offered, and nothing is certain by that.

use domain::matching::{Certainty, Doubt, OpenInvoice, OpenInvoices, Reason};
use domain::purpose::{NameKey, Purpose};
use jiff::civil::date;

use crate::matching::{BUYER, day, inn, invoice, proposed, shares};

const PAYER: &str = "7702070139";

/// Two invoices of the buyer, whose name is told as his card has it, and one of the payer.
fn open() -> OpenInvoices {
    let mut open = OpenInvoices::default();
    let of_buyer = |number: &str, day, kopecks| OpenInvoice {
        buyer_name: NameKey::of("Общество с ограниченной ответственностью \"РОМАШКА-Ё\""),
        ..invoice(number, day, BUYER, "one", kopecks)
    };
    open.add(of_buyer("124", date(2026, 2, 5), 50_000));
    open.add(of_buyer("123", day(), 100_000));
    open.add(invoice("300", day(), PAYER, "one", 40_000));
    open
}

/// Each candidate with its reasons.
fn offered(payer: Option<&str>, kopecks: i64, purpose: &str) -> Vec<(String, Vec<Reason>)> {
    let proposal = proposed(&open(), payer, kopecks, purpose);
    assert_eq!(proposal.certain(), None, "{purpose}");
    let candidates = proposal.candidates.into_iter();
    candidates
        .map(|one| {
            assert_ne!(one.certainty, Certainty::Certain);
            (shares(&one.shares), one.reasons)
        })
        .collect()
}

#[test]
fn two_spellings_are_one_name_but_for_legal_form_quotes_capitals_and_letters_that_look_alike() {
    for (one, other, same) in [
        ("ООО «Ромашка»", "ООО Ромашка", true),
        ("ООО «Ромашка»", "ромашка ооо", true),
        ("ООО «Ромашка»", "OOO \"Pомашка\"", true),
        (
            "Общество с ограниченной ответственностью «Ромашка»",
            "ООО РОМАШКА",
            true,
        ),
        (
            "Публичное акционерное общество Зелёнка",
            "ПАО «Зеленка»",
            true,
        ),
        ("Акционерное общество «Луч»", "АО Луч", true),
        (
            "ИП Петров Пётр Петрович",
            "Индивидуальный предприниматель Петров Петр Петрович",
            true,
        ),
        ("ООО «Луч-Сервис»", "ООО Луч Сервис", true),
        ("ФГУП «Маяк»", "Маяк ФГУП", true),
        ("КФХ Иванова", "Иванова, КФХ", true),
        ("ООО «Ромашка»", "АО «Ромашка»", false),
        ("ООО «Ромашка»", "ООО «Ромашка плюс»", false),
        ("ООО «Ромашка»", "Ромашка", false),
    ] {
        let (one, other) = (NameKey::of(one).unwrap(), NameKey::of(other).unwrap());
        assert_eq!(one == other, same, "{one:?} {other:?}");
        assert_eq!(
            NameKey::of(one.as_str()),
            Some(one),
            "what is stored is read as it was"
        );
    }
    for nothing in ["", "ООО", "«»", "Акционерное общество"] {
        assert_eq!(NameKey::of(nothing), None, "{nothing}");
    }
}

#[test]
fn who_pays_for_a_company_that_he_names_is_offered_its_open_invoices() {
    let named = Reason::BuyerNamed;
    let for_letter = "За ООО «Ромашка-Е» по письму № 4 от 10.03.2026";
    // Before what the payer has open himself.
    assert_eq!(
        offered(Some(PAYER), 100_000, for_letter),
        [
            ("123:100000".to_owned(), vec![named.clone(), Reason::Amount]),
            ("124:50000".to_owned(), vec![named.clone()]),
            (
                "300:40000".to_owned(),
                vec![Reason::Payer, Reason::OnlyOpen]
            ),
        ]
    );
    let proposal = proposed(&open(), Some(PAYER), 100_000, for_letter);
    let best = &proposal.candidates[0];
    assert!(best.doubts.contains(&Doubt::ThirdParty), "{best:?}");
    assert_eq!(named.to_string(), "покупатель назван в назначении");
    let buyer = inn(BUYER);
    assert!(
        best.doubts.contains(&Doubt::AnotherBuyer { buyer }),
        "{best:?}"
    );
    // Beside a number it is one reason more.
    let numbered = "Оплата по счету 124 от 05.02.2026 за ООО \"РОМАШКА-Е\"";
    let (first, reasons) = offered(Some(PAYER), 50_000, numbered).swap_remove(0);
    assert_eq!(first, "124:50000");
    assert_eq!(
        reasons,
        [Reason::NumberAndDate, Reason::BuyerNamed, Reason::Amount]
    );
    // Another company, and one of another form, is nobody whom we know.
    for purpose in ["За ООО «Луч» по письму", "За АО «Ромашка-Е» по письму"]
    {
        assert_eq!(
            offered(Some(PAYER), 7, purpose),
            [("300:7".to_owned(), vec![Reason::Payer, Reason::OnlyOpen])]
        );
    }
}

#[test]
fn an_inn_in_the_purpose_says_for_whom_it_is_paid() {
    for purpose in [
        "Оплата за третье лицо, ИНН 7707083893",
        "Оплата за услуги за контрагента (ИНН/КПП 7707083893/770701001)",
    ] {
        let found = offered(Some(PAYER), 50_000, purpose);
        let first = (
            "124:50000".to_owned(),
            vec![Reason::BuyerNamed, Reason::Amount],
        );
        assert_eq!(found[0], first, "{purpose}");
    }
    // The payer's own says nothing new, and what is no INN nothing at all.
    for purpose in ["Оплата за услуги, ИНН 7702070139", "Оплата, ИНН 7707083894"]
    {
        assert_eq!(
            offered(Some(PAYER), 7, purpose),
            [("300:7".to_owned(), vec![Reason::Payer, Reason::OnlyOpen])],
            "{purpose}"
        );
    }
    assert!(Purpose::read("тел 7707083893").inns.is_empty());
}
