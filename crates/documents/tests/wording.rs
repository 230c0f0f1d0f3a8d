//! From facts to words: VAT regimes, signatories, the payment code, and what is refused.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may"
)]

mod samples;

use documents::{Exemption, InvoicePaper, PaperError};
use domain::{Money, VatMode, VatRate};
use samples::Sample;

/// Totals, conditions about VAT and headings as one text.
fn wording(sample: &Sample) -> String {
    let paper = sample.paper();
    let totals = paper.totals.iter().chain([&paper.grand]);
    let mut rows: Vec<String> = totals
        .map(|total| format!("{}: {}", total.label, total.sum))
        .collect();
    let about_vat = paper.conditions.iter().filter(|text| text.contains("НДС"));
    rows.extend(about_vat.cloned());
    rows.extend(paper.columns.tax_note.map(|note| format!("цены {note}")));
    rows.join("; ").replace('\u{a0}', " ")
}

fn check(sample: &Sample, expected: &str) {
    assert_eq!(wording(sample), expected);
}

#[test]
fn every_vat_regime_has_its_words() {
    let on_top = |sample: Sample| Sample {
        mode: VatMode::OnTop,
        ..sample
    };
    check(
        &samples::usual(),
        "Итого: 150 000,00; В том числе НДС 22 %: 27 049,19; Всего к оплате: 150 000,00 ₽",
    );
    check(
        &on_top(samples::usual()),
        "Итого без НДС: 150 000,00; НДС 22 %: 33 000,00; Всего к оплате: 183 000,00 ₽; цены без НДС",
    );
    check(
        &samples::one_rate(VatRate::Percent5),
        "Итого: 150 000,00; В том числе НДС 5 %: 7 142,85; Всего к оплате: 150 000,00 ₽",
    );
    check(
        &on_top(samples::one_rate(VatRate::Percent7)),
        "Итого без НДС: 150 000,00; НДС 7 %: 10 500,00; Всего к оплате: 160 500,00 ₽; цены без НДС",
    );
    check(
        &samples::one_rate(VatRate::Percent20),
        "Итого: 150 000,00; В том числе НДС 20 %: 25 000,00; Всего к оплате: 150 000,00 ₽",
    );
    check(
        &samples::one_rate(VatRate::Zero),
        "Итого: 150 000,00; В том числе НДС 0 %: 0,00; Всего к оплате: 150 000,00 ₽",
    );
    check(
        &samples::one_rate(VatRate::Without),
        "Итого: 150 000,00; Без налога (НДС): —; Всего к оплате: 150 000,00 ₽",
    );
    check(
        &on_top(samples::sole_trader()),
        "Итого: 45 000,00; Без налога (НДС): —; Всего к оплате: 45 000,00 ₽; НДС не облагается: \
         применяется упрощённая система налогообложения, п. 1 ст. 145 НК РФ.",
    );
    check(
        &samples::several_rates(),
        "Итого: 192 794,40; В том числе НДС 22 %: 18 032,79; В том числе НДС 10 %: 2 617,64; В том \
         числе НДС 0 %: 0,00; Без налога (НДС), с суммы 20 000,00 ₽: —; Всего к оплате: 192 794,40 ₽; \
         Не облагается НДС: пп. 26 п. 2 ст. 149 НК РФ.; цены с НДС",
    );
    check(
        &samples::several_rates_on_top(),
        "Итого без НДС: 192 794,40; НДС 22 %: 22 000,00; НДС 10 %: 2 879,40; НДС 0 %: 0,00; Без налога \
         (НДС), с суммы 20 000,00 ₽: —; Всего к оплате: 217 673,80 ₽; Не облагается НДС: пп. 26 п. 2 \
         ст. 149 НК РФ.; цены без НДС",
    );
}

#[test]
fn the_reason_for_no_vat_is_named_only_where_there_is_none() {
    let mut sample = samples::usual();
    sample.seller.exemption = Some(Exemption::SimplifiedSystem);
    assert!(!wording(&sample).contains("упрощённая"));
}

#[test]
fn exemptions_name_their_article() {
    let cases = [
        (Exemption::Patent, "п. 11 ст. 346.43 НК РФ"),
        (Exemption::ProfessionalIncome, "ч. 9 ст. 2 Закона № 422-ФЗ"),
        (Exemption::Article145, "освобождение по ст. 145 НК РФ"),
        (Exemption::Words("НДС нет.".to_owned()), "НДС нет."),
    ];
    for (exemption, expected) in cases {
        let sentence = exemption.sentence().replace('\u{a0}', " ");
        assert!(sentence.contains(expected), "{sentence}");
    }
}

#[test]
fn an_organisation_has_two_signatures_and_a_sole_trader_one() {
    let roles = |sample: Sample| {
        let signatories = sample.paper().signatories;
        signatories
            .into_iter()
            .map(|signatory| signatory.role)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        roles(samples::usual()),
        ["Генеральный директор", "Главный бухгалтер"]
    );
    assert_eq!(
        roles(samples::sole_trader()),
        ["Индивидуальный предприниматель"]
    );
    let mut unnamed = samples::usual();
    unnamed.seller.head.role = Some("  ".to_owned());
    assert_eq!(roles(unnamed)[0], "Руководитель");
}

#[test]
fn a_buyer_without_an_inn_is_printed_with_neither_inn_nor_kpp() {
    let mut sample = samples::usual();
    sample.buyer.key = "contact-9".parse().unwrap();
    let paper = sample.paper();
    assert_eq!((paper.buyer.inn, paper.buyer.kpp), (None, None));
    assert!(!paper.buyer.name.is_empty());
}

#[test]
fn the_payment_code_pays_this_invoice() {
    assert_eq!(
        samples::usual().paper().qr.unwrap(),
        "ST00012|Name=ООО «Ромашка и партнёры»|PersonalAcc=40702810200000012345|\
         BankName=ПАО Сбербанк, г. Москва|BIC=044525225|CorrespAcc=30101810400000000225|\
         Sum=15000000|Purpose=Оплата по счету № 123 от 01.02.2026. В т.ч. НДС 22% 27049.19|\
         PayeeINN=0207043410|KPP=020701001"
    );
    let purposes = [
        (
            samples::sole_trader(),
            "Purpose=Оплата по счету № 123 от 01.02.2026. Без НДС|",
        ),
        (
            samples::one_rate(VatRate::Zero),
            "01.02.2026. В т.ч. НДС 0% 0.00|",
        ),
        (samples::several_rates(), "01.02.2026. В т.ч. НДС 20650.43|"),
    ];
    for (sample, expected) in purposes {
        let payload = sample.paper().qr.unwrap();
        assert!(payload.contains(expected), "{payload}");
    }
}

#[test]
fn an_invoice_not_to_be_paid_has_no_code_and_says_so() {
    let replaced = samples::replaced().paper();
    assert_eq!((replaced.qr, replaced.without_qr), (None, None));
    assert_eq!(
        replaced.replaced_by.unwrap().replace('\u{a0}', " "),
        "Счёт заменён. Оплачивайте счёт № 124 от 3 февраля 2026 г."
    );
    assert_eq!(samples::cancelled().paper().qr, None);
}

#[test]
fn a_sum_of_nothing_gives_a_paper_that_tells_why_it_has_no_code() {
    let mut sample = samples::usual();
    sample.lines.truncate(1);
    sample.lines[0].price = Money::default().into();
    let paper = sample.paper();
    assert_eq!(paper.qr, None);
    assert_eq!(paper.without_qr, Some(domain::PaymentQrError::Sum));
}

#[test]
fn figures_that_differ_from_the_accounting_side_are_not_printed() {
    let sample = samples::usual();
    let mut facts = sample.facts();
    let mut issued = facts.issued.unwrap();
    issued.vat = Money::parse("27049.18").unwrap();
    facts.issued = Some(issued);
    let refused = InvoicePaper::new(&facts).unwrap_err();
    assert!(matches!(refused, PaperError::Differs { .. }));
    facts.issued = None;
    assert!(InvoicePaper::new(&facts).is_ok());
}

#[test]
fn what_cannot_be_printed_is_refused_by_name() {
    let sample = samples::usual();
    let mut lines = sample.lines.clone();
    lines[1].vat = VatRate::NotStated;
    let mut facts = sample.facts();
    facts.lines = &lines;
    assert_eq!(
        InvoicePaper::new(&facts),
        Err(PaperError::VatNotStated { line: 2 })
    );
    facts.lines = &[];
    assert_eq!(InvoicePaper::new(&facts), Err(PaperError::NoLines));
    facts.currency = "USD";
    assert_eq!(
        InvoicePaper::new(&facts),
        Err(PaperError::Currency("USD".to_owned()))
    );
}
