//! Papers to try a layout on: together they have everything that a paper may have, and lack all that it may lack.
//!
//! All parties are made up. The strings are of the kind that `facts.rs` makes.

use jiff::civil::date;

use crate::paper::{
    InvoicePaper, PaperBank, PaperColumns, PaperLine, PaperParty, PaperTotal, Signatory,
};
use crate::picture::Picture;

/// One dot, so that a layout meets a stamp and signatures.
const DOT: &[u8] = include_bytes!("../layouts/dot.png");

impl InvoicePaper {
    /// A usual paper of an organisation: what a person looks at while a layout is made.
    pub fn sample() -> Self {
        Self {
            title: "Счёт на оплату №\u{a0}123 от\u{a0}1 февраля 2026 г.".to_owned(),
            footer: "Счёт на оплату №\u{a0}123 от\u{a0}01.02.2026".to_owned(),
            issued_on: date(2026, 2, 1),
            replaced_by: None,
            seller: PaperParty {
                phone: Some("+7\u{a0}347\u{a0}200-00-00".to_owned()),
                ogrn_label: "ОГРН\u{a0}".to_owned(),
                ogrn: Some("1035459874713".to_owned()),
                ..party(
                    "ООО «Ромашка и партнёры»",
                    ("0207043410", Some("020701001")),
                    "450000, г. Уфа, ул. Ленина, д. 10, офис 205",
                )
            },
            bank: PaperBank {
                name: "ПАО Сбербанк, г. Москва".to_owned(),
                bik: "044525225".to_owned(),
                correspondent_account: "30101810400000000225".to_owned(),
                settlement_account: "40702810200000012345".to_owned(),
            },
            buyer: party(
                "АО «Северный завод металлоконструкций»",
                ("1234567894", Some("770801001")),
                "107140, г. Москва, ул. Краснопрудная, д. 7",
            ),
            basis: Some("Договор поставки №\u{a0}7 от\u{a0}10.01.2026".to_owned()),
            due: Some("15 февраля 2026 г.".to_owned()),
            columns: PaperColumns {
                price: "Цена".to_owned(),
                sum: "Сумма".to_owned(),
                tax_note: Some("с НДС".to_owned()),
                vat: true,
            },
            lines: vec![
                PaperLine {
                    note: Some("Скидка 5\u{a0}%".to_owned()),
                    ..line(1, "Фильтр карманный G4 592×592×600", "22\u{a0}%")
                },
                line(2, "Выезд инженера", "без\u{a0}НДС"),
            ],
            totals: vec![
                total("Итого", "244,00"),
                total("В том числе НДС\u{a0}22\u{a0}%", "22,00"),
                total("Без налога (НДС), с\u{a0}суммы 122,00\u{a0}₽", "—"),
            ],
            grand: total("Всего к оплате", "244,00\u{a0}₽"),
            summary: "Всего наименований\u{a0}2, на\u{a0}сумму\u{a0}244,00\u{a0}₽".to_owned(),
            words: "Двести сорок четыре рубля 00 копеек".to_owned(),
            conditions: vec!["Счёт действителен до 15 февраля 2026 г. включительно.".to_owned()],
            signatories: vec![
                signatory("Руководитель", "Петрова А. В."),
                signatory("Главный бухгалтер", "Константинова М. С."),
            ],
            place_for_stamp: true,
            stamp: None,
            qr: Some(PAYMENT.to_owned()),
            without_qr: None,
        }
    }

    /// Everything that a layout has to bear.
    pub(crate) fn samples() -> Vec<Self> {
        let usual = Self::sample();
        let mut stamped = usual.clone();
        stamped.stamp = dot();
        for signatory in &mut stamped.signatories {
            signatory.signature = dot();
        }
        let sole_trader = Self {
            replaced_by: Some("Счёт отменён поставщиком.".to_owned()),
            seller: PaperParty {
                address: None,
                ..party("ИП Иванов Иван Иванович", ("123456789047", None), "")
            },
            bank: PaperBank {
                correspondent_account: String::new(),
                ..usual.bank.clone()
            },
            // A person without an INN.
            buyer: PaperParty {
                inn: None,
                address: None,
                ..party("Сидоров Пётр", ("", None), "")
            },
            basis: None,
            due: None,
            columns: PaperColumns {
                tax_note: None,
                vat: false,
                ..usual.columns.clone()
            },
            lines: vec![line(1, "Консультация", "без\u{a0}НДС")],
            conditions: Vec::new(),
            signatories: vec![signatory("Индивидуальный предприниматель", "")],
            place_for_stamp: false,
            qr: None,
            ..usual.clone()
        };
        vec![usual, stamped, sole_trader]
    }
}

/// GOST R 56042-2014.
const PAYMENT: &str = "ST00012|Name=ООО «Ромашка и партнёры»|PersonalAcc=40702810200000012345|BankName=ПАО Сбербанк, г. \
                       Москва|BIC=044525225|CorrespAcc=30101810400000000225|Sum=24400";

fn dot() -> Option<Picture> {
    Picture::new(DOT).ok()
}

fn party(name: &str, (inn, kpp): (&str, Option<&str>), address: &str) -> PaperParty {
    PaperParty {
        name: name.to_owned(),
        inn: Some(inn.to_owned()),
        kpp: kpp.map(str::to_owned),
        ogrn_label: String::new(),
        ogrn: None,
        address: Some(address.to_owned()),
        phone: None,
    }
}

fn line(position: usize, name: &str, rate: &str) -> PaperLine {
    PaperLine {
        position: position.to_string(),
        name: name.to_owned(),
        note: None,
        quantity: "1".to_owned(),
        unit: "шт".to_owned(),
        price: "122,00".to_owned(),
        vat_rate: rate.to_owned(),
        vat_sum: "22,00".to_owned(),
        sum: "122,00".to_owned(),
    }
}

fn total(label: &str, sum: &str) -> PaperTotal {
    PaperTotal {
        label: label.to_owned(),
        sum: sum.to_owned(),
    }
}

fn signatory(role: &str, name: &str) -> Signatory {
    Signatory {
        role: role.to_owned(),
        name: name.to_owned(),
        signature: None,
    }
}
