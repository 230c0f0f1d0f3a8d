//! What our own PDF prints of a seller: whether the requisites of the own company hold it.
//!
//! Where there is no accounting program this paper is the invoice, so it is looked at before the first deal lacks it.

use capability::portal::Finding;
use domain::observed::{BankDetail, OwnCompany, Requisite};
use domain::{Bik, Inn, SettlementAccount};
use planner::Organisation;

use super::{fails, holds};

/// Where a person fills in what is missing, and what happens meanwhile.
const CODE: &str = "BITRIX24-OWN-COMPANY";

/// What of the seller's data is missing or wrong, in one finding.
pub(super) fn printed(organisation: &Organisation, company: &OwnCompany) -> Finding {
    let what = format!("Печать счёта «{}»", organisation.title);
    let Some(requisite) = company.requisites.iter().find(|one| !one.address_only) else {
        return fails(what, "у своей компании нет реквизитов", CODE);
    };
    let mut faults = faults(requisite);
    match organisation.account_of(company) {
        Ok(bank) => faults.extend(bank_fault(bank)),
        Err(what) => faults.push(what),
    }
    if faults.is_empty() {
        holds(what, "название, счёт в банке и подписант есть")
    } else {
        let missing = format!(
            "в реквизитах своей компании {} на портале: {}",
            company.id,
            faults.join("; ")
        );
        fails(what, missing, CODE)
    }
}

fn faults(requisite: &Requisite) -> Vec<String> {
    let mut faults = Vec::new();
    // A sole trader signs by the name itself.
    let signs_alone = Inn::parse(requisite.inn.trim()).is_ok_and(|inn| inn.is_person());
    for (is_needed, text, fault) in [
        (true, &requisite.name, "нет названия"),
        (true, &requisite.address, "нет адреса"),
        (
            !signs_alone,
            &requisite.director,
            "нет руководителя, который подписывает",
        ),
    ] {
        if is_needed && text.trim().is_empty() {
            faults.push(fault.to_owned());
        }
    }
    faults
}

fn bank_fault(bank: &BankDetail) -> Option<String> {
    let bik = match Bik::parse(bank.bik.trim()) {
        Ok(bik) => bik,
        Err(_) => return Some(format!("БИК «{}» не бывает таким", bank.bik.trim())),
    };
    let account = SettlementAccount::parse(&bik, bank.account.trim());
    account
        .is_err()
        .then(|| "расчётный счёт не подходит к БИК".to_owned())
}

/// Whether it is clear where buyers pay to, where the paper is not ours.
pub(super) fn paid_to(organisation: &Organisation, company: &OwnCompany) -> Option<Finding> {
    let unclear = organisation.account_of(company).err()?;
    let what = format!("Куда платить «{}»", organisation.title);
    Some(fails(what, unclear, CODE))
}

#[cfg(test)]
mod tests {
    use domain::observed::Owner;
    use domain::{BankDetailId, CompanyId, RequisiteId};
    use serde_json::json;

    use super::*;

    fn requisite() -> Requisite {
        Requisite {
            id: RequisiteId(1),
            owner: Owner::Company(CompanyId(1)),
            name: "ООО «Север»".to_owned(),
            full_name: String::new(),
            inn: "7707083893".to_owned(),
            kpp: "770701001".to_owned(),
            ogrn: String::new(),
            director: "Иванова А. А.".to_owned(),
            accountant: String::new(),
            address: "Москва".to_owned(),
            address_only: false,
            banks: vec![BankDetail {
                id: BankDetailId(1),
                bank_name: "Банк".to_owned(),
                bik: "044525225".to_owned(),
                account: "40702810200000012345".to_owned(),
                correspondent: String::new(),
            }],
        }
    }

    fn organisation() -> Organisation {
        let text = json!({"id": "north", "title": "Север", "own_company": 1});
        serde_json::from_value(text).unwrap()
    }

    #[test]
    fn what_the_paper_lacks_is_named_at_once() {
        let check = |change: fn(&mut Requisite), told: &[&str]| {
            let mut requisite = requisite();
            change(&mut requisite);
            let company = OwnCompany {
                id: CompanyId(1),
                title: "Север".to_owned(),
                requisites: vec![requisite],
            };
            let finding = printed(&organisation(), &company);
            assert_eq!(finding.holds, told.is_empty(), "{finding:?}");
            for part in told {
                assert!(finding.advice.contains(part), "{part}: {finding:?}");
            }
        };
        check(|_| {}, &[]);
        check(|one| one.name.clear(), &["нет названия"]);
        check(|one| one.address.clear(), &["нет адреса"]);
        check(|one| one.director.clear(), &["нет руководителя"]);
        let trader = |one: &mut Requisite| {
            one.director.clear();
            one.inn = "123456789047".to_owned();
        };
        check(trader, &[]);
        check(|one| one.banks.clear(), &["не указан счёт"]);
        let two = |one: &mut Requisite| {
            let mut other = one.banks[0].clone();
            other.account = "40702810900000012344".to_owned();
            one.banks.push(other);
        };
        check(two, &["несколько счетов"]);
        check(|one| one.banks[0].bik.clear(), &["БИК"]);
        check(|one| one.banks[0].account.push('1'), &["не подходит к БИК"]);
        check(|one| one.address_only = true, &["нет реквизитов"]);
        let much = |one: &mut Requisite| {
            one.banks.clear();
            one.name.clear();
        };
        check(much, &["нет названия", "не указан счёт"]);
    }
}
