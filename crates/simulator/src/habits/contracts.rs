//! Managers who keep the contract in fields of the deal: its number and day are the invoice's basis, another one is another
//! revision. What they change beside it, name and stage, who is responsible and where the buyer sits, is none.

use std::collections::BTreeMap;
use std::time::Duration;

use emulator_bitrix24::{CustomFieldSeed, PortalConfig};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};
use planner::{Demand, Policy};
use serde_json::json;

use crate::chance::dice::Dice;
use crate::days::day::secs;
use crate::offices::office::{self, COLLEAGUE, INVOICE, MANAGER};
use crate::people::managers::Office;

const NUMBER: &str = "UF_CRM_CONTRACT_NUMBER";
const DATE: &str = "UF_CRM_CONTRACT_DATE";
pub(crate) const TITLE: &str = "Договор поставки";

/// An office where the contract is printed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Contracts {
    /// Mean time between two acts with them.
    pub(crate) every: Duration,
    /// No invoice without one.
    pub(crate) demanded: bool,
}

/// What stands in a deal's fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Agreed {
    /// Empty: nobody said.
    pub(crate) number: String,
    pub(crate) date: Option<Date>,
    pub(crate) demanded: bool,
}

impl Contracts {
    pub(crate) fn drawn(dice: &mut Dice) -> Self {
        Self {
            every: dice.time(secs(15), secs(60)),
            demanded: dice.chance(400),
        }
    }

    pub(crate) fn at_portal(portal: &mut PortalConfig) {
        let field = |name: &str, kind: &str, label: &str| CustomFieldSeed {
            entity: "CRM_DEAL".to_owned(),
            name: name.to_owned(),
            kind: kind.to_owned(),
            label: label.to_owned(),
            multiple: false,
            items: Vec::new(),
        };
        portal.custom_fields.extend([
            field(NUMBER, "string", "Номер договора"),
            field(DATE, "date", "Дата договора"),
        ]);
    }

    /// As policy says it.
    pub(crate) fn write(self, policy: &mut Policy) {
        policy.invoice.contract = Some(planner::Contract {
            number: NUMBER.to_owned(),
            date: Some(DATE.to_owned()),
            title: TITLE.to_owned(),
        });
        if self.demanded {
            policy.invoice.demand = vec![Demand::Contract];
        }
    }

    /// What a deal says of which nobody said anything.
    pub(crate) fn silent(self) -> Agreed {
        Agreed {
            demanded: self.demanded,
            ..Agreed::default()
        }
    }
}

impl Office {
    /// A manager who keeps contracts does something.
    pub(crate) fn keep_contracts(&mut self, now: Timestamp) {
        let living = self.deals.iter().filter(|(_, deal)| !deal.deleted);
        let (all, named): (Vec<i64>, Vec<bool>) = living
            .map(|(id, deal)| {
                let last = deal.versions.last();
                let agreed = last.and_then(|last| last.contract.as_ref());
                (*id, agreed.is_some_and(|agreed| !agreed.number.is_empty()))
            })
            .unzip();
        let named = all.iter().zip(named).filter(|(_, named)| *named);
        let named: Vec<i64> = named.map(|(id, _)| *id).collect();
        let (some, named) = (self.habits.pick(&all), self.habits.pick(&named));
        match (self.habits.below(100), some, named) {
            (0..35, _, _) | (_, None, _) => {
                if let Some(deal) = self.quiet_deal(now) {
                    self.agree(now, deal);
                    self.move_to(now, deal, INVOICE);
                }
            }
            (35..50, Some(deal), _) => self.agree(now, deal),
            (50..55, _, Some(deal)) => self.write_contract(now, deal, "", None),
            (55..90, _, Some(deal)) => self.change_beside(now, deal),
            (_, Some(deal), _) => self.move_to(now, deal, INVOICE),
        }
    }

    /// Another contract, or the same with another day.
    fn agree(&mut self, now: Timestamp, deal: i64) {
        let number = match self.habits.below(10) {
            0..7 => format!("{}/26", self.habits.between(1, 40)),
            7 => format!("№ {}-П", self.habits.between(1, 40)),
            8 => format!("  {}  ", self.habits.between(1, 40)),
            _ => format!("{} (рамочный)", self.habits.between(1, 40)),
        };
        let days = i64::try_from(self.habits.below(60)).unwrap_or(0);
        let first = jiff::civil::date(2026, 1, 1);
        let date = self
            .habits
            .chance(700)
            .then(|| first.saturating_add(days.days()));
        self.write_contract(now, deal, &number, date);
    }

    fn write_contract(&mut self, now: Timestamp, deal: i64, number: &str, date: Option<Date>) {
        let fields = json!({
            NUMBER: number,
            DATE: date.map_or_else(String::new, |date| date.to_string()),
        });
        let edited = self.portal.manager().edit_deal(deal, fields);
        let words = format!("deal {deal}: `{number}` of {date:?}: {edited:?}");
        self.tell(now, "wrote a contract", words);
        self.changed(now, deal, |last| {
            let demanded = last.contract.as_ref().is_some_and(|one| one.demanded);
            last.contract = Some(Agreed {
                number: number.to_owned(),
                date,
                demanded,
            });
        });
    }

    /// What is no matter of the invoice.
    fn change_beside(&mut self, now: Timestamp, deal: i64) {
        self.tell(now, "changed beside the contract", format!("deal {deal}"));
        match self.habits.below(4) {
            0 => {
                let title = format!("Поставка по договору {}", self.habits.below(1_000));
                drop(
                    self.portal
                        .manager()
                        .edit_deal(deal, json!({"TITLE": title})),
                );
            }
            1 => {
                let stage = self.habits.pick(&["EXECUTING", INVOICE]);
                self.move_to(now, deal, stage.unwrap_or(INVOICE));
            }
            2 if !self.pilot => {
                let user = self.habits.pick(&[MANAGER, COLLEAGUE]).unwrap_or(MANAGER);
                let fields = json!({"ASSIGNED_BY_ID": user});
                drop(self.portal.manager().edit_deal(deal, fields));
            }
            _ => {
                let buyer = self.deals.get(&deal);
                let buyer = buyer.and_then(|known| known.versions.last()?.buyer);
                let title = buyer.map(|number| office::title_in(self.place, number));
                let company = title.and_then(|title| self.portal.company_by_title(&title));
                let street = format!("ул. Новая, {}", self.habits.between(1, 200));
                let street = BTreeMap::from([("ADDRESS_1".to_owned(), street)]);
                for requisite in company.map_or(Vec::new(), |id| self.portal.requisites_of(id)) {
                    let manager = self.portal.manager();
                    manager.set_legal_address(requisite, &street);
                }
            }
        }
    }
}
