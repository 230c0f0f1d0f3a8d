//! Who sells in the demo: the company of the sample portal, and where a person plays a sole trader beside it.
//!
//! Each stands in all places: an own company of the portal, books, accounts at the bank, the policy. The trader has two
//! accounts, so that money can go from one to the other, and pays VAT at another rate.

use std::collections::BTreeMap;

use anyhow::Context as _;
use domain::OrganisationId;
use emulator_bank::{Account, Party};
use emulator_bitrix24::{CompanySeed, RequisiteSeed, texts};
use jiff::civil::date;
use planner::{VatPeriod, VatRegime};
use serde_json::{Value, json};

use crate::config::raw::RawOrganisation;
use crate::product::Product;
use crate::{policy, setup};

use super::books::PREFIX;
use super::money::ACCOUNT;

/// The company of the sample portal.
const COMPANY: &str = "ООО «Северный ветер»";
const COMPANY_INN: &str = "7707083893";
const COMPANY_KPP: &str = "770701001";
/// Who sells beside it.
const TRADER: &str = "ИП Белова Анна Сергеевна";
const TRADER_INN: &str = "770123456703";
const TRADER_OGRNIP: &str = "326774600012349";
/// What the trader is in either books. In the accounting program it comes behind the company.
const TRADER_IDS: [&str; 2] = ["7b0e4c51-96d3-4f27-8a40-2f9d6c1e5a73", "belova"];
/// The first is printed on invoices.
const TRADER_ACCOUNTS: [&str; 2] = ["40802810838000012345", "40802810138000012346"];
const BIK: &str = "044525225";
const BANK: &str = "ПАО СБЕРБАНК";
const CORRESPONDENT: &str = "30101810400000000225";

/// Which of them there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sellers {
    /// The company alone.
    One,
    /// The trader as well.
    Two,
}

impl Sellers {
    /// What the sample portal lacks of them.
    pub(super) fn beside_the_sample(self) -> Option<CompanySeed> {
        (self == Self::Two).then(own_company)
    }

    /// The accounting program's books.
    pub(super) fn in_accounting(self) -> Value {
        let mut organizations = vec![json!({
            "id": "3d1f6b2a-7c54-4f0e-9a31-5b8e2c7d9f10",
            "name": "Общество с ограниченной ответственностью «Северный ветер»",
            "short_name": COMPANY,
            "inn": COMPANY_INN,
            "kpp": COMPANY_KPP,
            "bank_accounts": [account("0d3e3c4e-6f0f-4d55-8a43-0c8c2b6f5b11", ACCOUNT, true)]
        })];
        if self == Self::Two {
            let [printed, other] = TRADER_ACCOUNTS;
            organizations.push(json!({
                "id": TRADER_IDS[0],
                "name": "Индивидуальный предприниматель Белова Анна Сергеевна",
                "short_name": TRADER,
                "inn": TRADER_INN,
                "ogrn": TRADER_OGRNIP,
                "bank_accounts": [
                    account("5a9b7d10-3c2e-4b68-9f14-7e6d0c8a2b35", printed, true),
                    account("b84e2f6c-1d70-4a93-8c25-0f3b9e7d6a41", other, false)
                ]
            }));
        }
        json!({
            "organizations": organizations,
            // Waits are short here, and none is shorter than what the service declares.
            "settings": {"effect_within_s": 6, "declared_list_lag_s": 1}
        })
    }

    /// Those of books that the product keeps.
    pub(super) fn in_own_books(self) -> Vec<RawOrganisation> {
        let mut organisations = vec![RawOrganisation {
            id: "sever".to_owned(),
            name: COMPANY.to_owned(),
            inn: COMPANY_INN.to_owned(),
            kpp: COMPANY_KPP.to_owned(),
            prefix: PREFIX.to_owned(),
            ..RawOrganisation::default()
        }];
        if self == Self::Two {
            organisations.push(RawOrganisation {
                id: TRADER_IDS[1].to_owned(),
                name: TRADER.to_owned(),
                inn: TRADER_INN.to_owned(),
                prefix: "ИП-".to_owned(),
                ..RawOrganisation::default()
            });
        }
        organisations
    }

    /// What the bank keeps for them.
    pub(super) fn at_bank(self) -> Vec<Account> {
        let account = |number: &str, name: &str, inn: &str| Account {
            number: number.to_owned(),
            owner: Party {
                name: name.to_owned(),
                inn: inn.to_owned(),
                account: String::new(),
            },
            opening_kopecks: 10_000_000,
        };
        let mut accounts = vec![account(ACCOUNT, COMPANY, COMPANY_INN)];
        if self == Self::Two {
            let of_trader = TRADER_ACCOUNTS.map(|number| account(number, TRADER, TRADER_INN));
            accounts.extend(of_trader);
        }
        accounts
    }

    /// As `provodka policy apply` would: the company sells in every funnel, and the trader where a deal says so.
    pub(super) async fn settle(self, product: &Product) -> anyhow::Result<()> {
        if self == Self::One {
            return Ok(());
        }
        let stored = product.store.policy_current(product.portal()).await?;
        let stored = stored.context("setup stored no policy")?;
        let mut ours = policy::read(&stored)?;
        let mut organisations = ours.organisations.iter();
        let company = organisations.find(|one| !is_trader(&one.id));
        let company = company.map(|one| one.id.clone());
        for funnel in &mut ours.funnels {
            funnel.organisation.clone_from(&company);
        }
        for organisation in &mut ours.organisations {
            if is_trader(&organisation.id) {
                organisation.vat = vec![VatPeriod {
                    from: date(2026, 1, 1),
                    regime: VatRegime::Usn5,
                    wording: None,
                }];
            }
        }
        let text = setup::commented(&ours)?;
        policy::put(product, &text, stored.version, "demo").await?;
        Ok(())
    }
}

/// Whose the accounts of an organisation are and which: its INN and the numbers.
pub(super) fn accounts_of(
    organisation: &OrganisationId,
) -> (&'static str, &'static [&'static str]) {
    if is_trader(organisation) {
        (TRADER_INN, &TRADER_ACCOUNTS)
    } else {
        (COMPANY_INN, &[ACCOUNT])
    }
}

fn is_trader(organisation: &OrganisationId) -> bool {
    TRADER_IDS.contains(&organisation.as_str())
}

fn account(id: &str, number: &str, is_main: bool) -> Value {
    json!({
        "id": id,
        "account_number": number,
        "bik": BIK,
        "bank_name": BANK,
        "corr_account": CORRESPONDENT,
        "is_main": is_main
    })
}

/// The trader as the portal's own company.
fn own_company() -> CompanySeed {
    CompanySeed {
        title: TRADER.to_owned(),
        is_my_company: true,
        requisites: vec![RequisiteSeed {
            name: "Реквизиты ИП".to_owned(),
            preset: 2,
            fields: texts(&[
                ("RQ_INN", TRADER_INN),
                ("RQ_OGRNIP", TRADER_OGRNIP),
                ("RQ_NAME", TRADER),
                ("RQ_LAST_NAME", "Белова"),
                ("RQ_FIRST_NAME", "Анна"),
                ("RQ_SECOND_NAME", "Сергеевна"),
            ]),
            banks: vec![texts(&[
                ("NAME", "Расчётный счёт"),
                ("RQ_BANK_NAME", BANK),
                ("RQ_BIK", BIK),
                ("RQ_ACC_NUM", TRADER_ACCOUNTS[0]),
                ("RQ_COR_ACC_NUM", CORRESPONDENT),
            ])],
            addresses: BTreeMap::from([(
                "6".to_owned(),
                texts(&[
                    ("ADDRESS_1", "ул. Вавилова, 21"),
                    ("CITY", "Москва"),
                    ("POSTAL_CODE", "117312"),
                    ("COUNTRY", "Россия"),
                ]),
            )]),
        }],
        ..CompanySeed::default()
    }
}

#[cfg(test)]
mod tests {
    use domain::{Bik, Inn, Ogrn, SettlementAccount};

    use super::super::books::DemoBooks;
    use super::super::portal::{BUYER, INVOICE, deal, for_a_person, line};
    use super::super::story::{NUMBER, until};
    use super::super::world::World;
    use super::*;
    use crate::args::DemoAccounting;
    use crate::{hint, robot};

    #[test]
    fn whoever_sells_has_numbers_that_are_right() {
        let bik = Bik::parse(BIK).unwrap();
        for account in Sellers::Two.at_bank() {
            SettlementAccount::parse(&bik, &account.number).unwrap();
            Inn::parse(&account.owner.inn).unwrap();
        }
        Ogrn::parse(TRADER_OGRNIP).unwrap();
    }

    #[test]
    fn the_trader_is_the_same_in_all_places() {
        let config = Sellers::Two.in_accounting();
        let config: emulator_kontur_accounting::Config = serde_json::from_value(config).unwrap();
        let inns: Vec<&str> = config
            .organizations
            .iter()
            .map(|one| one.inn.as_str())
            .collect();
        assert_eq!(inns, [COMPANY_INN, TRADER_INN]);
        let own = Sellers::Two.in_own_books();
        let own: Vec<&str> = own.iter().map(|one| one.inn.as_str()).collect();
        assert_eq!(own, inns);
        for id in TRADER_IDS {
            let (inn, numbers) = accounts_of(&OrganisationId::new(id));
            assert_eq!((inn, numbers), (TRADER_INN, TRADER_ACCOUNTS.as_slice()));
        }
        let company = own_company();
        let printed = &company.requisites[0].banks[0]["RQ_ACC_NUM"];
        assert!(TRADER_ACCOUNTS.contains(&printed.as_str()));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_trader_sells_where_a_deal_says_so_and_an_order_has_an_address() {
        for accounting in [DemoAccounting::KonturAccounting, DemoAccounting::Office] {
            let world = World::begin(for_a_person(), Sellers::Two, accounting, 0).await;
            let world = world.unwrap();
            let product = world.product().await.unwrap();
            assert!(!robot::new(&product).await.unwrap().is_empty());
            let hinted = hint::new(&product).await.is_ok();
            let by_others = accounting == DemoAccounting::KonturAccounting;
            assert_eq!(hinted, by_others, "our own books change by our own hand");
            let manager = world.portal.manager();
            let trader = world.portal.company_by_title(TRADER).unwrap();
            let requisite = world.portal.requisites_of(trader)[0];
            let mut numbers = Vec::new();
            for (vat, seller) in [("22", 0), ("5", requisite)] {
                let mut wanted = deal(1, BUYER);
                wanted.lines = vec![line("Настройка", "100", "1", vat)];
                let id = manager.create_deal(&wanted).unwrap();
                manager.choose_requisites(id, (0, 0), (seller, 0));
                manager.move_deal(id, INVOICE).unwrap();
                let shown = async || !world.portal.deal_field(id, NUMBER).is_empty();
                until("the deal's number", shown).await.unwrap();
                numbers.push(world.portal.deal_field(id, NUMBER));
            }
            match &world.books {
                DemoBooks::Kontur { emulator, .. } => {
                    let truth = emulator.truth();
                    let books = &truth.organizations[&TRADER_IDS[0].parse().unwrap()];
                    let bills: Vec<&str> =
                        books.bills.iter().map(|one| one.number.as_str()).collect();
                    assert_eq!(bills, [numbers[1].as_str()]);
                }
                DemoBooks::Office { .. } => {
                    assert!(numbers[0].starts_with(PREFIX), "{numbers:?}");
                    assert!(numbers[1].starts_with("ИП-"), "{numbers:?}");
                }
            }
            world.end().await.unwrap();
        }
    }
}
