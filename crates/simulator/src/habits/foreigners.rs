//! Managers who sell to persons and foreigners: nobody of them has an INN, several have one name, and some change it.
//!
//! Each is known by the portal's record alone. The accountant enters namesakes by hand, which are nobody of ours.

use std::collections::BTreeMap;

use emulator_bitrix24::{CompanySeed, DealSeed, RequisiteSeed, texts};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::offices::office::{self, INVOICE};
use crate::people::managers::Office;
use crate::people::remembered::Version;

/// Their numbers go on from here: no other buyer has such a one.
const FIRST: u32 = 50_001;
/// Few names for many.
const NAMES: [[&str; 2]; 3] = [
    ["Иван", "Петров"],
    ["Ольга", "Сидорова"],
    ["Anna", "Schmidt"],
];
const MOST: usize = 6;

/// A buyer without an INN, as people know it.
#[derive(Clone, Debug)]
pub(crate) struct Foreigner {
    record: Record,
    /// Under which it ever went.
    pub(crate) names: Vec<[&'static str; 2]>,
}

/// Where the portal has it.
#[derive(Clone, Copy, Debug)]
enum Record {
    Contact(i64),
    Company(i64),
}

impl Office {
    /// A manager who sells to foreigners does something.
    pub(crate) fn sell_to_foreigners(&mut self, now: Timestamp) {
        let deals = self.deals_of_foreigners();
        let deal = self.habits.pick(&deals);
        match (self.habits.below(100), deal) {
            (0..40, _) | (_, None) => self.new_deal_of_foreigner(now),
            (40..65, Some(deal)) => self.move_to(now, deal, INVOICE),
            (65..80, Some(deal)) => self.choose_foreigner(now, deal),
            (80..90, _) => self.rename(now),
            _ => self.enter_namesake(now),
        }
    }

    fn deals_of_foreigners(&self) -> Vec<i64> {
        let deals = self.deals.iter().filter(|(_, deal)| {
            let buyer = deal.versions.last().and_then(|last| last.buyer);
            !deal.deleted && buyer.is_some_and(|buyer| self.foreigners.contains_key(&buyer))
        });
        deals.map(|(id, _)| *id).collect()
    }

    fn some_foreigner(&mut self, now: Timestamp) -> Option<u32> {
        let known: Vec<u32> = self.foreigners.keys().copied().collect();
        if known.len() >= MOST || (!known.is_empty() && self.habits.chance(500)) {
            return self.habits.pick(&known);
        }
        let number = FIRST.saturating_add(u32::try_from(known.len()).unwrap_or(0));
        let name = self.habits.pick(&NAMES)?;
        let record = if self.habits.chance(600) {
            let fields = json!({"NAME": name[0], "LAST_NAME": name[1]});
            let made = self.portal.manager().create_contact(fields).ok()?;
            Record::Contact(made)
        } else {
            let company = CompanySeed {
                title: office::title_in(self.place, number),
                requisites: vec![RequisiteSeed {
                    fields: texts(&[("RQ_COMPANY_NAME", &name.join(" "))]),
                    ..RequisiteSeed::default()
                }],
                ..CompanySeed::default()
            };
            Record::Company(self.portal.manager().create_company(&company).ok()?)
        };
        self.tell(
            now,
            "new foreigner",
            format!("buyer {number}: {record:?}, {name:?}"),
        );
        let names = vec![name];
        self.foreigners.insert(number, Foreigner { record, names });
        Some(number)
    }

    /// What a deal's fields say of its buyer.
    fn as_buyer(&self, number: u32) -> BTreeMap<String, Value> {
        let (company, contact) = match self.foreigners.get(&number).map(|one| one.record) {
            Some(Record::Company(id)) => (id, 0),
            Some(Record::Contact(id)) => (0, id),
            None => (0, 0),
        };
        BTreeMap::from([
            ("COMPANY_ID".to_owned(), company.into()),
            ("CONTACT_ID".to_owned(), contact.into()),
        ])
    }

    fn new_deal_of_foreigner(&mut self, now: Timestamp) {
        let Some(number) = self.some_foreigner(now) else {
            return;
        };
        let lines = self.some_lines();
        let stage = if self.habits.chance(500) {
            INVOICE
        } else {
            "NEW"
        };
        let seed = DealSeed {
            stage: stage.to_owned(),
            fields: self.as_buyer(number),
            ..DealSeed::default()
        };
        let version = Version {
            at: now,
            lines,
            buyer: Some(number),
            ..Version::default()
        };
        self.made(seed, version);
    }

    fn choose_foreigner(&mut self, now: Timestamp, deal: i64) {
        let Some(number) = self.some_foreigner(now) else {
            return;
        };
        let edited = self
            .portal
            .manager()
            .edit_deal(deal, json!(self.as_buyer(number)));
        let words = format!("deal {deal}: buyer {number}: {edited:?}");
        self.tell(now, "chose a foreigner", words);
        self.changed(now, deal, |last| last.buyer = Some(number));
    }

    fn rename(&mut self, now: Timestamp) {
        let known: Vec<u32> = self.foreigners.keys().copied().collect();
        let (Some(number), Some(name)) = (self.habits.pick(&known), self.habits.pick(&NAMES))
        else {
            return;
        };
        let Some(foreigner) = self.foreigners.get_mut(&number) else {
            return;
        };
        let manager = self.portal.manager();
        // Remembered before it is done: whoever reads meanwhile may have either.
        foreigner.names.push(name);
        match foreigner.record {
            Record::Contact(id) => {
                let fields = json!({"NAME": name[0], "LAST_NAME": name[1]});
                drop(manager.edit_contact(id, fields));
            }
            Record::Company(id) => {
                let fields = texts(&[("RQ_COMPANY_NAME", &name.join(" "))]);
                for requisite in self.portal.requisites_of(id) {
                    manager.edit_requisite(requisite, &fields);
                }
            }
        }
        self.tell(now, "renamed", format!("buyer {number}: {name:?}"));
    }

    /// The accountant knows somebody else of that name.
    fn enter_namesake(&mut self, now: Timestamp) {
        let (Some(name), Some(accountant)) = (self.habits.pick(&NAMES), self.person()) else {
            return;
        };
        let request = json!({"name": name.join(" ")});
        let made = accountant.create_contractor(&request);
        self.tell(
            now,
            "entered a namesake",
            format!("{name:?}: {:?}", made.err()),
        );
    }
}
