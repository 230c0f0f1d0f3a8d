//! The office that the scenarios happen in: who sells, who buys, what a deal holds.

use std::collections::BTreeMap;

use emulator_bitrix24::{CompanySeed, DealSeed, LineSeed, PortalConfig, RequisiteSeed, UserSeed};
use provodka::config::RawOrganisation;
use serde_json::json;

/// The stage in which a deal wants an invoice.
pub(crate) const INVOICE: &str = "FINAL_INVOICE";
/// The seller's account.
pub(crate) const ACCOUNT: &str = "40702810900000000001";
pub(crate) const BUYER: &str = "ООО «Ромашка»";
pub(crate) const WITHOUT_KPP: &str = "ООО «Без КПП»";
/// Responsible for every deal.
pub(crate) const MANAGER: i64 = 6;
/// Told of what needs a hand.
pub(crate) const ADMINISTRATOR: i64 = 9;
/// What [`deal`] costs: 96.50 × 120 + 1500, VAT included.
pub(crate) const KOPECKS: i64 = 1_308_000;

/// The fields that `setup` makes.
pub(crate) const NUMBER: &str = "UF_CRM_PROVODKA_NUMBER";
pub(crate) const DATE: &str = "UF_CRM_PROVODKA_DATE";
pub(crate) const STATUS: &str = "UF_CRM_PROVODKA_STATUS";
pub(crate) const SUM: &str = "UF_CRM_PROVODKA_SUM";
pub(crate) const COMMAND: &str = "UF_CRM_PROVODKA_COMMAND";

/// A portal with buyers and without deals.
pub(crate) fn portal() -> PortalConfig {
    let mut portal = PortalConfig::sample();
    portal.deals.clear();
    portal.users.push(UserSeed {
        id: ADMINISTRATOR,
        name: "Дежурный".to_owned(),
        last_name: "администратор".to_owned(),
        admin: true,
        ..UserSeed::default()
    });
    portal
}

/// The seller of the portal as the accounting side knows it.
pub(crate) fn organisation() -> serde_json::Value {
    json!({
        "organizations": [{
            "id": "3d1f6b2a-7c54-4f0e-9a31-5b8e2c7d9f10",
            "name": "Общество с ограниченной ответственностью «Северный ветер»",
            "short_name": "ООО «Северный ветер»",
            "inn": "7707083893",
            "kpp": "770701001",
            "bank_accounts": [{
                "id": "a3c1f0de-52b7-4a61-8d2e-0f6b9c7e4d15",
                "account_number": ACCOUNT,
                "bik": "044525225",
                "is_main": true
            }]
        }],
        // No more than the product waits where a test has shortened that.
        "settings": {"effect_within_s": 3, "declared_list_lag_s": 1}
    })
}

/// The same where we keep its books.
pub(crate) fn own_organisation() -> RawOrganisation {
    RawOrganisation {
        id: "sever".to_owned(),
        name: "ООО «Северный ветер»".to_owned(),
        inn: "7707083893".to_owned(),
        kpp: "770701001".to_owned(),
        prefix: "СВ-".to_owned(),
        ..RawOrganisation::default()
    }
}

/// A deal that stands in the first stage.
pub(crate) fn deal(title: &str, company: &str) -> DealSeed {
    DealSeed {
        title: title.to_owned(),
        stage: "NEW".to_owned(),
        company: company.to_owned(),
        lines: vec![
            line("Кабель ВВГ 3х2,5", "96.50", "120"),
            line("Доставка", "1500", "1"),
        ],
        ..DealSeed::default()
    }
}

pub(crate) fn line(name: &str, price: &str, quantity: &str) -> LineSeed {
    LineSeed {
        name: name.to_owned(),
        price: price.to_owned(),
        quantity: quantity.to_owned(),
        vat: "22".to_owned(),
        ..LineSeed::default()
    }
}

/// What every bill of a deal has in its comment.
pub(crate) fn mark(deal: i64) -> String {
    format!("/deal/{deal}/invoice/")
}

/// The portal's path to a deal's card.
pub(crate) fn path(deal: i64) -> String {
    format!("/crm/deal/details/{deal}/")
}

/// A buyer with an INN whose check digit holds, one for each number.
pub(crate) fn buyer(number: u32) -> CompanySeed {
    let title = format!("ООО «Покупатель {number}»");
    CompanySeed {
        requisites: vec![RequisiteSeed {
            fields: BTreeMap::from([
                ("RQ_INN".to_owned(), inn(number)),
                ("RQ_KPP".to_owned(), "770101001".to_owned()),
                ("RQ_COMPANY_NAME".to_owned(), title.clone()),
            ]),
            ..RequisiteSeed::default()
        }],
        title,
        ..CompanySeed::default()
    }
}

fn inn(number: u32) -> String {
    const WEIGHTS: [u32; 9] = [2, 4, 10, 3, 5, 9, 4, 6, 8];
    let first = format!("7701{number:05}");
    let digits = first.chars().filter_map(|digit| digit.to_digit(10));
    let sum: u32 = digits
        .zip(WEIGHTS)
        .map(|(digit, weight)| digit * weight)
        .sum();
    format!("{first}{}", sum % 11 % 10)
}
