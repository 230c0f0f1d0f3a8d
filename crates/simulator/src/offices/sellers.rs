//! Managers who have their deals sold by one or the other of two own companies, by the deal's link to our requisites or by a
//! field of the deal, and change their minds. Policy may name that field or not, have a seller for the funnel, one for each of
//! two between which deals go, or none, know both companies or one; and of two accounts it may name one or leave that to the
//! deal.

use std::time::Duration;

use domain::payment::AccountNumber;
use domain::{CompanyId, OrganisationId};
use emulator_bitrix24::{CompanySeed, RequisiteSeed, texts};
use jiff::Timestamp;
use planner::{Organisation, Policy};
use serde_json::{Value, json};

use crate::chance::dice::{About, Dice};
use crate::chance::weather::Weather;
use crate::days::day::secs;
use crate::offices::office::{
    self, INVOICE, SECOND, SECOND_FUNNEL, SECOND_INN, SECOND_KPP, SELLER, SELLER_FIELD,
};
use crate::people::managers::Office;

const FIRST_ACCOUNT: &str = "40702810438000060473";
static SECOND_ACCOUNTS: [&str; 2] = ["40702810200000012345", "40702810900000012344"];
/// Written where our organisations are named, and none of them.
const NOBODY: &str = "кто освободится";

/// One of our two companies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Own {
    First,
    Second,
}

impl Own {
    fn title(self) -> &'static str {
        match self {
            Self::First => SELLER,
            Self::Second => SECOND,
        }
    }

    /// As the accounting side knows it.
    pub(crate) fn organisation(self, place: usize) -> String {
        match self {
            Self::First => office::organisation(place),
            Self::Second => office::second(place),
        }
    }
}

/// What a deal says of who sells.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Said {
    /// In its link to our requisites: whose, and to which account, if it says so.
    link: Option<(Own, Option<usize>)>,
    /// In its field: one of ours, or somebody else.
    field: Option<Option<Own>>,
}

/// How an office says who sells.
#[derive(Clone, Debug)]
pub(crate) struct Sellers {
    /// Mean time between two acts of its managers.
    pub(crate) every: Duration,
    /// Policy names the deal's field.
    by_field: bool,
    /// Whom policy has sell in which of two funnels.
    of_funnels: [Option<Own>; 2],
    /// Policy knows the first company alone.
    alone: bool,
    accounts: Accounts,
}

/// The accounts of the second company.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Accounts {
    One,
    /// Two, of which policy names the second.
    Named,
    /// Two, and the deal has to say which.
    Unnamed,
}

impl Sellers {
    pub(crate) fn drawn(dice: &mut Dice) -> Self {
        let by_field = dice.chance(650);
        let alone = dice.chance(150);
        let of_funnels = match dice.below(100) {
            0..20 => [Some(Own::First); 2],
            20..35 => [Some(Own::Second); 2],
            35..55 => [Some(Own::First), Some(Own::Second)],
            55..65 => [Some(Own::Second), None],
            _ => [None; 2],
        };
        let accounts = [Accounts::One, Accounts::Named, Accounts::Unnamed];
        Self {
            every: dice.time(secs(15), secs(60)),
            by_field,
            of_funnels: of_funnels.map(|own| own.filter(|_| !alone)),
            alone,
            accounts: dice.pick(&accounts).unwrap_or(Accounts::One),
        }
    }

    /// Whether it is the funnel that decides.
    pub(crate) fn are_apart(&self) -> bool {
        let [first, second] = self.of_funnels;
        first != second
    }

    /// Whether policy knows both companies.
    pub(crate) fn are_both_known(&self) -> bool {
        !self.alone
    }

    fn of_funnel(&self, funnel: i64) -> Option<Own> {
        let [first, second] = self.of_funnels;
        if funnel == SECOND_FUNNEL {
            second
        } else {
            first
        }
    }

    /// Who is to sell by what a deal says that is billed in this funnel; none: nobody can say.
    pub(crate) fn named(&self, said: Said, funnel: i64) -> Option<Own> {
        let own = match (said.link, said.field) {
            (Some((own, _)), _) => Some(own),
            (None, Some(written)) if self.by_field => written,
            (None, _) => self.of_funnel(funnel).or(self.alone.then_some(Own::First)),
        };
        own.filter(|own| *own == Own::First || !self.alone)
    }

    /// The account that whoever sells is paid to; none: nobody can say.
    pub(crate) fn account(&self, own: Own, said: Said) -> Option<&'static str> {
        let of_deal = said.link.and_then(|(_, account)| account);
        let place = match (own, of_deal, self.accounts) {
            (Own::First, _, _) => return Some(FIRST_ACCOUNT),
            (Own::Second, Some(place), _) => place,
            (Own::Second, None, Accounts::One) => 0,
            (Own::Second, None, Accounts::Named) => 1,
            (Own::Second, None, Accounts::Unnamed) => return None,
        };
        SECOND_ACCOUNTS.get(place).copied()
    }

    fn accounts(&self) -> &'static [&'static str] {
        match self.accounts {
            Accounts::One => SECOND_ACCOUNTS.get(..1).unwrap_or_default(),
            Accounts::Named | Accounts::Unnamed => &SECOND_ACCOUNTS,
        }
    }

    /// The second company on the portal.
    pub(crate) fn second_company(&self) -> CompanySeed {
        let account = |number: &&str| {
            texts(&[
                ("NAME", "Расчётный счёт"),
                ("RQ_BANK_NAME", "ПАО СБЕРБАНК"),
                ("RQ_BIK", "044525225"),
                ("RQ_ACC_NUM", *number),
                ("RQ_COR_ACC_NUM", "30101810400000000225"),
            ])
        };
        CompanySeed {
            title: SECOND.to_owned(),
            is_my_company: true,
            requisites: vec![RequisiteSeed {
                fields: texts(&[
                    ("RQ_INN", SECOND_INN),
                    ("RQ_KPP", SECOND_KPP),
                    ("RQ_COMPANY_NAME", SECOND),
                    ("RQ_DIRECTOR", "Белова Анна Сергеевна"),
                ]),
                banks: self.accounts().iter().map(account).collect(),
                ..RequisiteSeed::default()
            }],
            ..CompanySeed::default()
        }
    }

    /// The same in the books.
    pub(crate) fn second_books(place: usize) -> Value {
        json!({
            "id": office::second(place),
            "name": "Общество с ограниченной ответственностью «Южный ветер»",
            "short_name": SECOND,
            "inn": SECOND_INN,
            "kpp": SECOND_KPP,
            "bank_accounts": []
        })
    }

    /// What policy says of it.
    pub(crate) fn rule(&self, policy: &mut Policy, office: &Office) -> Option<()> {
        let second = office.portal.company_by_title(SECOND)?;
        let first = policy.organisations.first()?;
        let second = Organisation {
            id: OrganisationId::new(office::second(office.place)),
            title: SECOND.to_owned(),
            own_company: CompanyId(u64::try_from(second).ok()?),
            account: SECOND_ACCOUNTS
                .get(1)
                .filter(|_| self.accounts == Accounts::Named)
                .and_then(|number| AccountNumber::new(number)),
            ..first.clone()
        };
        if !self.alone {
            policy.organisations.push(second);
        }
        for funnel in &mut policy.funnels {
            let id = i64::try_from(funnel.id.0).unwrap_or_default();
            let own = self.of_funnel(id);
            let own = own.map(|own| own.organisation(office.place));
            funnel.organisation = own.map(OrganisationId::new);
        }
        policy.invoice.seller_field = self.by_field.then(|| SELLER_FIELD.to_owned());
        Some(())
    }
}

impl Weather {
    /// Buyers of some such offices pay, at times to the other company: they are drawn from a stream of their own, so
    /// that all the others stay as they are.
    pub(crate) fn draw_strays(&mut self, seed: u64) {
        let dice = &mut Dice::of(seed, About::Strays);
        let customs = &self.customs;
        let sellers = customs.sellers.as_ref();
        let are_known = sellers.is_some_and(Sellers::are_both_known);
        // The register has one company's buyers, and money is shown where something is done.
        let others = customs.own_books.is_some() || customs.production.is_some();
        self.customs.strays = dice.chance(800) && are_known && !others;
        self.bank |= self.customs.strays;
    }
}

impl Office {
    /// A manager who says who sells does something.
    pub(crate) fn say_who_sells(&mut self, now: Timestamp, sellers: &Sellers) {
        let deal = self.some_living();
        match (self.habits.below(100), deal) {
            (0..45, _) | (_, None) => {
                let Some(deal) = self.quiet_deal(now) else {
                    return;
                };
                if self.habits.chance(700) {
                    self.say_seller(now, deal, sellers);
                }
                if self.habits.chance(800) {
                    self.move_to(now, deal, INVOICE);
                }
            }
            (45..60, Some(deal)) => self.move_to(now, deal, INVOICE),
            (_, Some(deal)) => self.say_seller(now, deal, sellers),
        }
    }

    fn say_seller(&mut self, now: Timestamp, deal: i64, sellers: &Sellers) {
        if self.habits.chance(500) {
            let accounts = sellers.accounts().len();
            let links = [
                None,
                Some((Own::First, None)),
                Some((Own::Second, None)),
                Some((Own::Second, Some(0))),
                Some((Own::Second, Some(accounts.saturating_sub(1)))),
            ];
            let link = self.habits.pick(&links).flatten();
            self.link_seller(now, deal, link);
        } else {
            let written = [
                None,
                Some(None),
                Some(Some(Own::First)),
                Some(Some(Own::Second)),
            ];
            let written = self.habits.pick(&written).flatten();
            self.write_seller(now, deal, written);
        }
    }

    /// Whoever chooses saves the deal with it.
    fn link_seller(&mut self, now: Timestamp, deal: i64, link: Option<(Own, Option<usize>)>) {
        let ids = link.and_then(|(own, account)| {
            let company = self.portal.company_by_title(own.title())?;
            let requisite = *self.portal.requisites_of(company).first()?;
            let banks = self.portal.bank_details_of(requisite);
            let bank = account.and_then(|place| banks.get(place)).copied();
            Some((requisite, bank.unwrap_or(0)))
        });
        let manager = self.portal.manager();
        manager.choose_requisites(deal, (0, 0), ids.unwrap_or((0, 0)));
        let title = format!("Продажа {}", now.as_millisecond());
        let edited = manager.edit_deal(deal, json!({"TITLE": title}));
        let words = format!("deal {deal}: linked {link:?}: {edited:?}");
        self.tell(now, "said who sells", words);
        self.changed(now, deal, |last| last.said.link = link);
    }

    fn write_seller(&mut self, now: Timestamp, deal: i64, written: Option<Option<Own>>) {
        let text = match written {
            None => String::new(),
            Some(None) => NOBODY.to_owned(),
            Some(Some(own)) => self.as_written(own),
        };
        let fields = json!({SELLER_FIELD: text});
        let edited = self.portal.manager().edit_deal(deal, fields);
        let words = format!("deal {deal}: wrote `{text}`: {edited:?}");
        self.tell(now, "said who sells", words);
        self.changed(now, deal, |last| last.said.field = written);
    }

    /// By its name, its id in the books or its company on the portal.
    fn as_written(&mut self, own: Own) -> String {
        let company = self.portal.company_by_title(own.title()).unwrap_or(0);
        match self.habits.below(4) {
            0 => own.organisation(self.place),
            1 => format!("CO_{company}"),
            2 => company.to_string(),
            _ => own.title().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_link_goes_before_the_field_and_the_field_before_the_funnel() {
        let office = |by_field, of_funnel, alone| Sellers {
            every: Duration::ZERO,
            by_field,
            of_funnels: [of_funnel, None],
            alone,
            accounts: Accounts::Unnamed,
        };
        let (first, second) = (Some(Own::First), Some(Own::Second));
        let link = Some((Own::Second, None));
        for (sellers, link, field, expected) in [
            (office(true, first, false), link, Some(first), second),
            (office(true, second, false), None, Some(first), first),
            (office(true, second, false), None, Some(None), None),
            (office(false, second, false), None, Some(first), second),
            (office(true, None, false), None, None, None),
            (office(true, None, true), None, None, first),
            (office(true, None, true), link, None, None),
        ] {
            let said = Said { link, field };
            assert_eq!(sellers.named(said, 0), expected, "{said:?} to {sellers:?}");
        }
    }

    #[test]
    fn of_two_accounts_the_one_that_is_named_is_meant() {
        for (accounts, chosen, expected) in [
            (Accounts::One, None, Some(0)),
            (Accounts::Named, None, Some(1)),
            (Accounts::Named, Some(0), Some(0)),
            (Accounts::Unnamed, Some(1), Some(1)),
            (Accounts::Unnamed, None, None),
        ] {
            let sellers = Sellers {
                every: Duration::ZERO,
                by_field: false,
                of_funnels: [None; 2],
                alone: false,
                accounts,
            };
            let said = Said {
                link: Some((Own::Second, chosen)),
                field: None,
            };
            let expected = expected.and_then(|place: usize| SECOND_ACCOUNTS.get(place).copied());
            assert_eq!(sellers.account(Own::Second, said), expected, "{accounts:?}");
        }
    }
}
