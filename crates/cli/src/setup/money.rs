//! How payments come to be booked: the section `money` with the accounts that the portal shows, and what is left to be said.
//!
//! Pure; what a person wrote there stays.

use capability::portal::{Funnel as SeenFunnel, StageSemantics};
use domain::Inn;
use domain::observed::OwnCompany;
use domain::payment::AccountNumber;
use planner::{Funnel, MoneyPolicy, Organisation, OwnAccount, Policy};

use super::Wishes;

/// What the policy says of money: as before, and where it is wished for with each account of ours that it does not name.
pub(super) fn section(
    former: Option<&Policy>,
    wishes: &Wishes,
    organisations: &[Organisation],
    companies: &[OwnCompany],
) -> Option<MoneyPolicy> {
    let former = former.and_then(|policy| policy.money.clone());
    if !wishes.money {
        return former;
    }
    let mut money = former.unwrap_or_else(|| MoneyPolicy::of(Vec::new()));
    for account in accounts(organisations, companies) {
        if !money
            .accounts
            .iter()
            .any(|one| one.number == account.number)
        {
            money.accounts.push(account);
        }
    }
    Some(money)
}

/// The accounts in roubles of those who sell; what is for trying out has none of its own.
fn accounts(organisations: &[Organisation], companies: &[OwnCompany]) -> Vec<OwnAccount> {
    let mut accounts = Vec::new();
    for organisation in organisations.iter().filter(|one| !one.test) {
        let of_it = companies
            .iter()
            .filter(|one| one.id == organisation.own_company);
        let requisites = of_it.flat_map(|company| &company.requisites);
        for requisite in requisites.filter(|one| !one.address_only) {
            let numbers = requisite.banks.iter().map(|bank| bank.account.trim());
            let numbers = numbers.filter(|number| is_in_roubles(number));
            accounts.extend(
                numbers
                    .filter_map(AccountNumber::new)
                    .map(|number| OwnAccount {
                        number,
                        organisation: organisation.id.clone(),
                        inn: Inn::parse(requisite.inn.trim()).ok(),
                    }),
            );
        }
    }
    accounts
}

/// Twenty digits, of which the sixth to eighth say the currency.
fn is_in_roubles(number: &str) -> bool {
    let is_whole = number.len() == 20 && number.bytes().all(|byte| byte.is_ascii_digit());
    is_whole && number.get(5..8) == Some("810")
}

/// What is left for a person so that payments come to deals; an application has triggers as well.
pub(super) fn next_steps(
    policy: &Policy,
    wishes: &Wishes,
    funnels: &[SeenFunnel],
    companies: &[OwnCompany],
    has_triggers: bool,
) -> Vec<String> {
    let Some(money) = &policy.money else {
        let known = accounts(&policy.organisations, companies);
        let known: Vec<&str> = known.iter().map(|one| one.number.as_str()).collect();
        let named = if known.is_empty() {
            "счетов у своих компаний на портале не видно".to_owned()
        } else {
            format!("со счетами {}", known.join(", "))
        };
        return vec![format!(
            "чтобы оплаты попадали в сделки: `provodka setup --money` запишет раздел `[money]` ({named})"
        )];
    };
    let mut next = Vec::new();
    if !wishes.money {
        return next;
    }
    if money.accounts.is_empty() {
        next.push(
            "в `[money]` нет счетов: заполните банковские реквизиты своих компаний на портале и повторите `provodka setup \
             --money`; не нужны они, только если платежи разносит бухгалтер в учёте"
                .to_owned(),
        );
    }
    let has_stage = |funnel: &&Funnel| money.stages.iter().any(|stage| stage.funnel == funnel.id);
    let without = policy.funnels.iter().filter(|funnel| !has_stage(funnel));
    next.extend(without.filter_map(|funnel| paid_stage(funnel, funnels, has_triggers)));
    next
}

/// Where paid deals of a funnel may go is for a person to say: the stage behind those of the invoice is but the likeliest.
fn paid_stage(funnel: &Funnel, seen: &[SeenFunnel], has_triggers: bool) -> Option<String> {
    let seen = seen.iter().find(|one| one.id == funnel.id)?;
    let is_of_invoice = |id| funnel.invoice_stages.contains(id);
    let last = seen
        .stages
        .iter()
        .rposition(|stage| is_of_invoice(&stage.id))?;
    let mut behind = seen.stages.iter().skip(last.saturating_add(1));
    let to = behind.find(|stage| stage.semantics != StageSemantics::Lost)?;
    let from: Vec<String> = funnel
        .invoice_stages
        .iter()
        .map(|id| format!("\"{id}\""))
        .collect();
    let by_trigger = if has_triggers {
        "; с `by = \"trigger\"` её двигает портал: привяжите к этой стадии триггер «Оплата получена»"
    } else {
        ""
    };
    Some(format!(
        "если оплаченную сделку воронки «{}» надо двигать, скажите куда, например: `[[money.stages]]`, `funnel = {}`, \
         `from = [{}]`, `to = \"{}\"` («{}»){by_trigger}",
        seen.name,
        funnel.id,
        from.join(", "),
        to.id,
        to.name
    ))
}

#[cfg(test)]
mod tests {
    use capability::portal::Stage;
    use domain::observed::{BankDetail, Owner, Requisite};
    use domain::{BankDetailId, RequisiteId, StageId};

    use super::*;

    const MAIN: &str = "40702810900000012345";
    const OTHER: &str = "40702810200000054321";

    fn company(policy: &Policy) -> OwnCompany {
        let id = policy.organisations[0].own_company;
        let numbers = [MAIN, OTHER, "40702840900000012345", "4070281"];
        let bank = |(place, number): (u64, &&str)| BankDetail {
            id: BankDetailId(place),
            bank_name: String::new(),
            bik: String::new(),
            account: (*number).to_owned(),
            correspondent: String::new(),
        };
        OwnCompany {
            id,
            title: String::new(),
            requisites: vec![Requisite {
                id: RequisiteId(1),
                owner: Owner::Company(id),
                name: String::new(),
                full_name: String::new(),
                inn: "7707083893".to_owned(),
                kpp: String::new(),
                ogrn: String::new(),
                director: String::new(),
                accountant: String::new(),
                address: String::new(),
                address_only: false,
                banks: (1..).zip(&numbers).map(bank).collect(),
            }],
        }
    }

    fn seen(funnel: &Funnel) -> SeenFunnel {
        let stage = |id: &StageId| Stage {
            id: id.clone(),
            name: format!("Стадия {id}"),
            semantics: StageSemantics::Process,
        };
        SeenFunnel {
            id: funnel.id,
            name: "Продажи".to_owned(),
            stages: funnel.stages.iter().map(stage).collect(),
        }
    }

    /// Nothing is said of money, in one funnel whose invoice stage stands first.
    fn policy() -> Policy {
        let text = include_str!("../../../../config/policy.toml");
        let mut policy = Policy::parse(text).unwrap();
        policy.money = None;
        policy.funnels.truncate(1);
        let funnel = &mut policy.funnels[0];
        funnel.stages = ["INVOICE", "WORK", "WON"].map(StageId::new).to_vec();
        funnel.invoice_stages = vec![StageId::new("INVOICE")];
        policy
    }

    #[test]
    fn the_accounts_that_the_portal_shows_are_written_where_it_is_wished() {
        let mut policy = policy();
        let companies = [company(&policy)];
        let wished = |money| Wishes {
            money,
            ..Wishes::default()
        };
        let written = |policy: &Policy, money| {
            section(
                Some(policy),
                &wished(money),
                &policy.organisations,
                &companies,
            )
        };
        assert_eq!(written(&policy, false), None);
        let money = written(&policy, true).unwrap();
        let numbers: Vec<&str> = money
            .accounts
            .iter()
            .map(|one| one.number.as_str())
            .collect();
        assert_eq!(numbers, [MAIN, OTHER]);
        for account in &money.accounts {
            assert_eq!(account.organisation, policy.organisations[0].id);
            assert_eq!(account.inn, Inn::parse("7707083893").ok());
        }
        // What a person wrote stays, and is not written twice.
        policy.money = Some(MoneyPolicy {
            wait_hours: 48,
            ..MoneyPolicy::of(vec![OwnAccount {
                inn: None,
                ..money.accounts[1].clone()
            }])
        });
        assert_eq!(written(&policy, false), policy.money);
        let again = written(&policy, true).unwrap();
        let told: Vec<(&str, bool)> = again
            .accounts
            .iter()
            .map(|one| (one.number.as_str(), one.inn.is_some()))
            .collect();
        assert_eq!(
            (again.wait_hours, told),
            (48, vec![(OTHER, false), (MAIN, true)])
        );
        policy.money = Some(again);
        let text = policy.to_text().unwrap();
        assert_eq!(Policy::parse(&text).unwrap(), policy, "it is a policy");
    }

    #[test]
    fn whoever_sets_up_hears_what_is_left_for_payments() {
        let mut policy = policy();
        let companies = [company(&policy)];
        let funnels = [seen(&policy.funnels[0])];
        let told = |policy: &Policy, money, companies: &[OwnCompany], has_triggers| {
            let wishes = Wishes {
                money,
                ..Wishes::default()
            };
            next_steps(policy, &wishes, &funnels, companies, has_triggers).join("\n")
        };
        let steps = |policy: &Policy, money, companies: &[OwnCompany]| {
            told(policy, money, companies, false)
        };
        let of_application =
            |policy: &Policy, companies: &[OwnCompany]| told(policy, true, companies, true);
        let told = steps(&policy, false, &companies);
        assert!(
            told.contains("setup --money") && told.contains(MAIN),
            "{told}"
        );
        let told = steps(&policy, false, &[]);
        assert!(
            told.contains("счетов у своих компаний на портале не видно"),
            "{told}"
        );
        policy.money = Some(MoneyPolicy::of(Vec::new()));
        let told = steps(&policy, true, &companies);
        assert!(told.contains("в `[money]` нет счетов"), "{told}");
        let example = "`funnel = 0`, `from = [\"INVOICE\"]`, `to = \"WORK\"` («Стадия WORK»)";
        assert!(
            told.contains(example) && !told.contains("trigger"),
            "{told}"
        );
        let told = of_application(&policy, &companies);
        assert!(told.contains("`by = \"trigger\"`"), "{told}");
        assert_eq!(steps(&policy, false, &companies), "", "it was said before");
    }
}
