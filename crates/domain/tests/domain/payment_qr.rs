//! The payment QR text: the standard's order, limits and separators.

use domain::{Bik, Inn, Money, PaymentQr, PaymentQrError, SettlementAccount};

use crate::build::{bank, rubles};

fn qr() -> PaymentQr {
    PaymentQr {
        name: "ООО «Пример»".to_owned(),
        bank: bank(),
        inn: Some(Inn::parse("1234567894").unwrap()),
        kpp: None,
        sum: Some(rubles("150000")),
        purpose: Some("Оплата по счету № 123 от 01.02.2026. В т.ч. НДС 22% 27049.18".to_owned()),
    }
}

#[test]
fn payload_has_the_required_fields_first_and_the_sum_in_kopecks() {
    assert_eq!(
        qr().payload().unwrap(),
        "ST00012|Name=ООО «Пример»|PersonalAcc=40702810200000012345|BankName=ПАО Сбербанк|BIC=044525225\
         |CorrespAcc=30101810400000000225|Sum=15000000\
         |Purpose=Оплата по счету № 123 от 01.02.2026. В т.ч. НДС 22% 27049.18|PayeeINN=1234567894"
    );
}

#[test]
fn only_required_fields_are_enough() {
    let bare = PaymentQr {
        inn: None,
        sum: None,
        purpose: None,
        ..qr()
    };
    assert_eq!(
        bare.payload().unwrap(),
        "ST00012|Name=ООО «Пример»|PersonalAcc=40702810200000012345|BankName=ПАО Сбербанк|BIC=044525225\
         |CorrespAcc=30101810400000000225"
    );
}

#[test]
fn another_separator_is_taken_if_a_value_holds_the_usual_one() {
    let payload = PaymentQr {
        name: "ООО «А|Б#В»".to_owned(),
        ..qr()
    }
    .payload()
    .unwrap();
    assert!(
        payload.starts_with("ST00012;Name=ООО «А|Б#В»;PersonalAcc="),
        "{payload}"
    );
    let greedy = PaymentQr {
        purpose: Some("|#;:^_~{}!$%&()*+/@".to_owned()),
        ..qr()
    };
    assert_eq!(greedy.payload(), Err(PaymentQrError::Separator));
}

#[test]
fn line_breaks_and_runs_of_blanks_become_one_blank() {
    let payload = PaymentQr {
        name: " ООО\r\n\t«Пример»\u{a0}\0".to_owned(),
        ..qr()
    }
    .payload()
    .unwrap();
    assert!(
        payload.starts_with("ST00012|Name=ООО «Пример»|"),
        "{payload}"
    );
}

#[test]
fn only_the_bank_of_russia_has_no_correspondent_account() {
    let bik = Bik::parse("044525000").unwrap();
    let mut rkc = qr();
    rkc.bank.account = SettlementAccount::parse(&bik, "40501810800002000002").unwrap();
    rkc.bank.bik = bik;
    rkc.bank.correspondent = None;
    assert!(
        rkc.payload()
            .unwrap()
            .contains("|BIC=044525000|CorrespAcc=0|")
    );

    let mut bank_without = qr();
    bank_without.bank.correspondent = None;
    assert_eq!(
        bank_without.payload(),
        Err(PaymentQrError::Empty {
            field: "CorrespAcc"
        })
    );
}

#[test]
fn what_does_not_fit_is_an_error() {
    let with_bank = |name: &str| {
        let mut changed = qr();
        changed.bank.bank_name = name.to_owned();
        changed
    };
    let too_long = |field, found, max| PaymentQrError::TooLong { field, found, max };
    for (qr, expected) in [
        (
            PaymentQr {
                name: " ".to_owned(),
                ..qr()
            },
            PaymentQrError::Empty { field: "Name" },
        ),
        (with_bank(""), PaymentQrError::Empty { field: "BankName" }),
        (
            PaymentQr {
                name: "a".repeat(161),
                ..qr()
            },
            too_long("Name", 161, 160),
        ),
        (with_bank(&"б".repeat(46)), too_long("BankName", 46, 45)),
        (
            PaymentQr {
                purpose: Some("я".repeat(161)),
                ..qr()
            },
            too_long("Purpose", 161, 160),
        ),
        (
            PaymentQr {
                name: "я".repeat(160),
                ..qr()
            },
            PaymentQrError::RequiredTooLong { found: 437 },
        ),
        (
            PaymentQr {
                sum: Some(Money::ZERO),
                ..qr()
            },
            PaymentQrError::Sum,
        ),
        (
            PaymentQr {
                sum: Some(Money::from_kopecks(-1)),
                ..qr()
            },
            PaymentQrError::Sum,
        ),
    ] {
        assert_eq!(qr.payload(), Err(expected));
    }
}

#[test]
fn account_in_another_currency_makes_no_code() {
    let mut dollars = qr();
    let bik = Bik::parse("044525225").unwrap();
    let account = (0..10)
        .find_map(|key| SettlementAccount::parse(&bik, &format!("40702840{key}00000012345")).ok());
    dollars.bank.account = account.unwrap();
    assert_eq!(dollars.payload(), Err(PaymentQrError::NotRoubles));
}

#[test]
fn shortened_fits_and_leaves_what_fits_alone() {
    assert_eq!(qr().shortened(), qr());
    let mut long = PaymentQr {
        name: "Я".repeat(400),
        purpose: Some("ю".repeat(400)),
        ..qr()
    };
    long.bank.bank_name = "Б".repeat(100);
    let short = long.shortened();
    let payload = short.payload().unwrap();
    let required = payload.find("|Sum=").unwrap() - "ST00012|".len();
    assert!((299..=300).contains(&required), "{required}");
    assert_eq!(short.purpose.unwrap().chars().count(), 160);
}
