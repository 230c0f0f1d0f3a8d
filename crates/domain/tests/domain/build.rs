//! Short builders of valid values for the other modules.

use domain::{
    BankDetails, Bik, CorrespondentAccount, Counterparty, CounterpartyKey, Discount, InvoiceDraft,
    Line, Money, OrganisationId, Price, Quantity, SettlementAccount, Unit, VatMode, VatRate,
};
use jiff::civil::date;

pub(crate) fn line(vat: VatRate, quantity: &str, price: &str) -> Line {
    Line {
        name: "Услуга".to_owned(),
        unit: Unit {
            okei: Some("796".to_owned()),
            name: "шт".to_owned(),
        },
        quantity: Quantity::parse(quantity).unwrap(),
        price: Price::parse(price).unwrap(),
        discount: None,
        vat,
    }
}

pub(crate) fn discounted(line: Line, discount: Discount) -> Line {
    Line {
        discount: Some(discount),
        ..line
    }
}

pub(crate) fn rubles(text: &str) -> Money {
    Money::parse(text).unwrap()
}

pub(crate) fn bank() -> BankDetails {
    let bik = Bik::parse("044525225").unwrap();
    BankDetails {
        account: SettlementAccount::parse(&bik, "40702810200000012345").unwrap(),
        correspondent: Some(CorrespondentAccount::parse(&bik, "30101810400000000225").unwrap()),
        bank_name: "ПАО Сбербанк".to_owned(),
        bik,
    }
}

pub(crate) fn draft() -> InvoiceDraft {
    InvoiceDraft {
        seller: OrganisationId::new("org-1"),
        buyer: Counterparty {
            key: "7707083893/770801001".parse::<CounterpartyKey>().unwrap(),
            name: "ООО «Ромашка»".to_owned(),
            full_name: None,
            ogrn: None,
            address: None,
        },
        mode: VatMode::Included,
        lines: vec![
            line(VatRate::Percent22, "2", "100.50"),
            line(VatRate::Without, "1", "10"),
        ],
        currency: "RUB".to_owned(),
        basis: Some("Договор № 7 от 10.01.2026".to_owned()),
        date: date(2026, 2, 1),
        due: Some(date(2026, 2, 6)),
        valid_until: None,
        part: None,
        number: None,
    }
}
