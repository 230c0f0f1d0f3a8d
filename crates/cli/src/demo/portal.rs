//! The companies, deals and people that the demo begins with.

use std::collections::BTreeMap;

use emulator_bitrix24::{
    CompanySeed, CustomFieldSeed, DealSeed, LineSeed, MeasureSeed, PortalConfig, RequisiteSeed,
    UserSeed,
};

use super::sellers::Sellers;

/// The stage in which a deal wants an invoice.
pub(super) const INVOICE: &str = "FINAL_INVOICE";
/// Where the robot of the story moves a deal on to.
pub(super) const NEXT: &str = "EXECUTING";
/// Deals that stood in the invoice stage before the start.
pub(super) const OLD_DEALS: u32 = 30;
pub(super) const OLD_TITLE: &str = "Давняя сделка";
/// The company whose KPP nobody filled.
pub(super) const WITHOUT_KPP: &str = "ООО «Без КПП»";
pub(super) const BUYER: &str = "ООО «Ромашка»";

/// A portal for trying things out by hand.
pub(super) fn for_a_person() -> PortalConfig {
    let mut portal = PortalConfig::sample();
    portal.users.push(administrator());
    portal.custom_fields.push(waybill());
    portal.measures.push(pallet());
    portal.companies.extend(Sellers::Two.beside_the_sample());
    portal
}

/// What a manager fills in himself: a card can make it required from a stage on.
fn waybill() -> CustomFieldSeed {
    CustomFieldSeed {
        entity: "CRM_DEAL".to_owned(),
        name: "UF_CRM_WAYBILL".to_owned(),
        kind: "string".to_owned(),
        label: "Номер накладной".to_owned(),
        multiple: false,
        items: Vec::new(),
    }
}

/// A unit that the portal's administrator made, and the classifier lacks.
fn pallet() -> MeasureSeed {
    MeasureSeed {
        code: 9001,
        title: "Паллета".to_owned(),
        symbol: "паллета".to_owned(),
    }
}

/// A portal with thirty old deals; the ten deals of the story are made while it is told.
pub(super) fn for_the_story() -> PortalConfig {
    let mut portal = PortalConfig::sample();
    portal.users.push(administrator());
    portal.deals = vec![DealSeed {
        title: OLD_TITLE.to_owned(),
        stage: INVOICE.to_owned(),
        company: BUYER.to_owned(),
        lines: vec![line("Старая поставка", "1000", "1", "22")],
        age_hours: 200,
        copies: OLD_DEALS,
        ..DealSeed::default()
    }];
    portal
}

/// One deal of the story, standing in the first stage.
pub(super) fn deal(number: usize, company: &str) -> DealSeed {
    DealSeed {
        title: format!("Сделка {number}"),
        stage: "NEW".to_owned(),
        company: company.to_owned(),
        lines: vec![
            line("Кабель ВВГ 3х2,5", "96.50", "120", "22"),
            line("Доставка", "1500", "1", "22"),
        ],
        ..DealSeed::default()
    }
}

/// A new buyer with full requisites.
pub(super) fn buyer(title: &str, inn: &str, kpp: &str) -> CompanySeed {
    CompanySeed {
        title: title.to_owned(),
        requisites: vec![RequisiteSeed {
            fields: BTreeMap::from([
                ("RQ_INN".to_owned(), inn.to_owned()),
                ("RQ_KPP".to_owned(), kpp.to_owned()),
                ("RQ_COMPANY_NAME".to_owned(), title.to_owned()),
            ]),
            ..RequisiteSeed::default()
        }],
        ..CompanySeed::default()
    }
}

pub(super) fn line(name: &str, price: &str, quantity: &str, vat: &str) -> LineSeed {
    LineSeed {
        name: name.to_owned(),
        price: price.to_owned(),
        quantity: quantity.to_owned(),
        vat: vat.to_owned(),
        ..LineSeed::default()
    }
}

/// Whom the portal tells what needs a hand.
fn administrator() -> UserSeed {
    UserSeed {
        id: 9,
        name: "Дежурный".to_owned(),
        last_name: "администратор".to_owned(),
        admin: true,
        ..UserSeed::default()
    }
}
