//! Managers whose buyers have several requisites, or not all that an invoice needs: one is chosen in the deal, or is the only one
//! of its company, or of the contact beside it. What is missing is filled in later, and at times something is taken out again.
//!
//! Who is meant is worked out anew with whatever people do, from what they remember.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use emulator_bitrix24::{CompanySeed, DealSeed, RequisiteSeed, texts};
use jiff::Timestamp;
use planner::Demand;
use serde_json::{Value, json};

use crate::chance::dice::{About, Dice};
use crate::chance::weather::Weather;
use crate::days::day::secs;
use crate::offices::office::{self, INVOICE};
use crate::people::managers::Office;
use crate::people::papers::{
    Between, FIRST, Nobody, Owner, PARTS, Paper, Part, STEP, numbered, of_number, person_inn,
};
use crate::people::remembered::Version;

/// So many owners there are at most.
const MOST: usize = 8;
/// So many requisites one has at most.
const MOST_PAPERS: usize = 3;
/// The deal's field for the contract.
pub(crate) const CONTRACT: &str = "UF_CRM_CONTRACT";

/// What such an office is used to.
#[derive(Clone, Debug)]
pub(crate) struct Requisites {
    /// Mean time between two acts.
    pub(crate) every: Duration,
    /// What its invoices must have beside the usual.
    pub(crate) demand: Vec<Demand>,
}

impl Weather {
    /// Some days have such buyers: they are drawn from a stream of their own, so that all the others stay as they are.
    pub(crate) fn draw_requisites(&mut self, seed: u64) {
        let dice = &mut Dice::of(seed, About::Requisites);
        let every = dice.chance(60).then(|| dice.time(secs(12), secs(50)));
        let demand = [
            (Demand::BuyerAddress, dice.chance(300)),
            (Demand::BuyerAccount, dice.chance(300)),
            (Demand::Contract, dice.chance(300)),
        ];
        let Some(every) = every.filter(|_| self.is_plain()) else {
            return;
        };
        let demand = demand.into_iter().filter(|(_, drawn)| *drawn);
        let demand = demand.map(|(one, _)| one).collect();
        self.customs.requisites = Some(Requisites { every, demand });
    }
}

impl Office {
    /// A manager who sells to such buyers does something.
    pub(crate) fn sell_to_varied(&mut self, now: Timestamp) {
        if self.needs_contract() && self.habits.chance(300) {
            return self.fill_contracts(now);
        }
        let living = self.varied.deals.keys().copied();
        let living: Vec<i64> = living
            .filter(|id| self.deals.get(id).is_some_and(|deal| !deal.deleted))
            .collect();
        let deal = self.habits.pick(&living);
        match (self.habits.below(100), deal) {
            (0..30, _) | (_, None) => self.new_varied_deal(now),
            (30..45, Some(deal)) => self.move_to(now, deal, INVOICE),
            (45..58, Some(deal)) => self.choose_paper(now, deal),
            (58..80, Some(deal)) => self.fill_in(now, deal),
            (80..87, Some(deal)) => self.take_out(now, deal),
            (87..93, Some(deal)) => self.exchange(now, deal),
            (_, Some(_)) => self.another_paper(now),
        }
    }

    fn new_varied_deal(&mut self, now: Timestamp) {
        let (with_company, with_contact) = match self.habits.below(100) {
            0..50 => (true, false),
            50..75 => (false, true),
            _ => (true, true),
        };
        let company = with_company.then(|| self.some_owner(now, true)).flatten();
        let contact = with_contact.then(|| self.some_owner(now, false)).flatten();
        if company.or(contact).is_none() {
            return;
        }
        let id = |number: Option<u32>| {
            let owner = number.and_then(|number| self.varied.owners.get(&number));
            Value::from(owner.map_or(0, |owner| owner.id))
        };
        let stage = if self.habits.chance(600) {
            INVOICE
        } else {
            "NEW"
        };
        let seed = DealSeed {
            stage: stage.to_owned(),
            fields: BTreeMap::from([
                ("COMPANY_ID".to_owned(), id(company)),
                ("CONTACT_ID".to_owned(), id(contact)),
            ]),
            ..DealSeed::default()
        };
        let version = Version {
            at: now,
            lines: self.some_lines(),
            buyer: company.or(contact),
            ..Version::default()
        };
        if let Some(deal) = self.made(seed, version) {
            let between = Between {
                company,
                contact,
                chosen: None,
            };
            self.varied.deals.insert(deal, between);
            let words = format!("deal {deal}: {between:?}");
            self.tell(now, "sold to who has requisites", words);
            self.say_who_is_meant(now);
        }
    }

    /// What was meant by a deal before may be another now.
    fn say_who_is_meant(&mut self, now: Timestamp) {
        let deals: Vec<i64> = self.varied.deals.keys().copied().collect();
        for deal in deals {
            let buyer = self.varied.buyer(deal);
            let last = self.deals.get(&deal).and_then(|deal| deal.versions.last());
            if last.is_some_and(|last| last.buyer != buyer) {
                self.changed(now, deal, |last| last.buyer = buyer);
            }
        }
    }

    fn some_owner(&mut self, now: Timestamp, is_company: bool) -> Option<u32> {
        let owners = self.varied.owners.iter();
        let known: Vec<u32> = owners
            .filter(|(_, owner)| owner.is_company == is_company)
            .map(|(number, _)| *number)
            .collect();
        let count = self.varied.owners.len();
        if !known.is_empty() && (count >= MOST || self.habits.chance(400)) {
            return self.habits.pick(&known);
        }
        let count = u32::try_from(count).unwrap_or(0);
        let number = FIRST.saturating_add(count.saturating_mul(STEP));
        let manager = self.portal.manager();
        let id = if is_company {
            let seed = CompanySeed {
                title: format!("ООО «Контора {number} {}»", office::canary(self.place)),
                ..CompanySeed::default()
            };
            manager.create_company(&seed)
        } else {
            manager
                .create_contact(json!({"NAME": "Ольга", "LAST_NAME": format!("Котова {number}")}))
        };
        let owner = Owner {
            is_company,
            id: id.ok()?,
            papers: Vec::new(),
        };
        self.tell(
            now,
            "new owner of requisites",
            format!("buyer {number}: {owner:?}"),
        );
        self.varied.owners.insert(number, owner);
        // One has but an address, one has an address beside the true one, and one has nothing.
        let kinds: &[bool] = match self.habits.below(100) {
            0..45 => &[false],
            45..60 => &[false, false],
            60..75 => &[true, false],
            75..85 => &[false, true],
            85..95 => &[true],
            _ => &[],
        };
        for address_only in kinds {
            self.new_paper(now, number, *address_only);
        }
        Some(number)
    }

    fn new_paper(&mut self, now: Timestamp, number: u32, address_only: bool) {
        let Some(owner) = self.varied.owners.get(&number) else {
            return;
        };
        let (is_company, id) = (owner.is_company, owner.id);
        let own = numbered(number, owner.papers.len());
        let first = owner.papers.first().filter(|first| !first.address_only);
        // The same once more, as it is entered by whoever did not see the first.
        let twin = first.cloned().filter(|_| self.habits.chance(200));
        let is_trader = self.habits.chance(if is_company { 100 } else { 700 });
        let (inn, kpp) = match twin {
            Some(twin) => (twin.inn, twin.kpp),
            None if is_trader => (person_inn(own), None),
            None => (office::inn(own), Some(office::KPP.to_owned())),
        };
        let name = format!("Покупатель {own} {}", office::canary(self.place));
        let (mut fields, mut parts) = (BTreeMap::new(), BTreeMap::new());
        let mut addresses = BTreeMap::new();
        let mut banks = Vec::new();
        for part in PARTS {
            let is_said = match part {
                _ if address_only => part == Part::Address,
                Part::Kpp if kpp.is_none() => false,
                Part::Name | Part::Inn | Part::Kpp => !self.habits.chance(120),
                Part::Address | Part::Account => self.habits.chance(500),
            };
            parts.insert(part, vec![(now, is_said)]);
            match part {
                _ if !is_said => {}
                Part::Name => fields.extend(texts(&[("RQ_COMPANY_NAME", &name)])),
                Part::Inn => fields.extend(texts(&[("RQ_INN", &inn)])),
                Part::Kpp => fields.extend(texts(&[("RQ_KPP", office::KPP)])),
                Part::Address => {
                    addresses.insert("6".to_owned(), city());
                }
                Part::Account => banks.push(account()),
            }
        }
        if address_only {
            fields.insert("ADDRESS_ONLY".to_owned(), "Y".to_owned());
        }
        let seed = RequisiteSeed {
            fields,
            addresses,
            ..RequisiteSeed::default()
        };
        let manager = self.portal.manager();
        let paper = if is_company {
            manager.add_requisite(id, &seed)
        } else {
            manager.add_requisite_of_contact(id, &seed)
        };
        let bank = banks
            .first()
            .map(|bank| manager.add_bank_detail(paper, bank));
        let paper = Paper {
            id: paper,
            bank,
            address_only,
            name,
            inn,
            kpp,
            parts,
        };
        self.tell(now, "new requisite", format!("{own}: {paper:?}"));
        if let Some(owner) = self.varied.owners.get_mut(&number) {
            owner.papers.push(paper);
        }
    }

    fn another_paper(&mut self, now: Timestamp) {
        let owners = self.varied.owners.iter();
        let few: Vec<u32> = owners
            .filter(|(_, owner)| owner.papers.len() < MOST_PAPERS)
            .map(|(number, _)| *number)
            .collect();
        if let Some(number) = self.habits.pick(&few) {
            self.new_paper(now, number, false);
            self.say_who_is_meant(now);
        }
    }

    /// Whoever chooses saves the deal with it.
    fn choose_paper(&mut self, now: Timestamp, deal: i64) {
        let Some(mut between) = self.varied.deals.get(&deal).copied() else {
            return;
        };
        let mut numbers: Vec<u32> = Vec::new();
        for owner in [between.company, between.contact].into_iter().flatten() {
            let papers = self.varied.owners.get(&owner).map(|owner| &owner.papers);
            let papers = papers.into_iter().flatten().enumerate();
            let usable = papers.filter(|(_, paper)| !paper.address_only);
            numbers.extend(usable.map(|(place, _)| numbered(owner, place)));
        }
        between.chosen = if self.habits.chance(150) {
            None
        } else {
            self.habits.pick(&numbers)
        };
        self.varied.deals.insert(deal, between);
        self.save_choice(now, deal, between);
    }

    fn save_choice(&mut self, now: Timestamp, deal: i64, between: Between) {
        let paper = between.chosen.and_then(|chosen| self.varied.paper(chosen));
        let id = paper.map_or(0, |paper| paper.id);
        let manager = self.portal.manager();
        manager.choose_requisites(deal, (id, 0), (0, 0));
        let title = format!("Поставка по реквизитам {}", now.as_millisecond());
        let edited = manager.edit_deal(deal, json!({"TITLE": title}));
        let words = format!("deal {deal}: {between:?}: {edited:?}");
        self.tell(now, "chose a requisite", words);
        self.say_who_is_meant(now);
    }

    /// Another company buys, and what was chosen of the former stays chosen, or does not.
    fn exchange(&mut self, now: Timestamp, deal: i64) {
        let Some(company) = self.some_owner(now, true) else {
            return;
        };
        let Some(mut between) = self.varied.deals.get(&deal).copied() else {
            return;
        };
        let id = self.varied.owners.get(&company).map_or(0, |owner| owner.id);
        between.company = Some(company);
        let edited = self
            .portal
            .manager()
            .edit_deal(deal, json!({"COMPANY_ID": id}));
        let words = format!("deal {deal}: buyer {company}: {edited:?}");
        self.tell(now, "chose another company", words);
        if between.chosen.is_some() && self.habits.chance(500) {
            between.chosen = None;
            self.varied.deals.insert(deal, between);
            self.save_choice(now, deal, between);
        } else {
            self.varied.deals.insert(deal, between);
            self.say_who_is_meant(now);
        }
    }

    /// Whoever chooses another buyer in the card begins with no requisites of it.
    pub(crate) fn forget_requisite(&mut self, deal: i64) {
        if self.varied.deals.remove(&deal).is_some() {
            let manager = self.portal.manager();
            manager.choose_requisites(deal, (0, 0), (0, 0));
        }
    }

    /// Some requisite of a deal, with what is missing or stands in it.
    fn some_part(&mut self, deal: i64, missing: bool) -> Option<(u32, Part)> {
        let between = self.varied.deals.get(&deal)?;
        let owners: BTreeSet<u32> = [between.company, between.contact]
            .into_iter()
            .flatten()
            .collect();
        let mut parts = Vec::new();
        for owner in owners {
            let papers = self.varied.owners.get(&owner).map(|owner| &owner.papers);
            for (place, paper) in papers.into_iter().flatten().enumerate() {
                let is_wanted = |part: &Part| {
                    let is_there = *part != Part::Kpp || paper.kpp.is_some();
                    is_there && !paper.address_only && paper.has(*part) != missing
                };
                let wanted = PARTS.into_iter().filter(is_wanted);
                parts.extend(wanted.map(|part| (numbered(owner, place), part)));
            }
        }
        self.habits.pick(&parts)
    }

    /// Fills in the contract, what the requisites lack, or the only one.
    fn fill_in(&mut self, now: Timestamp, deal: i64) {
        self.fill_contract(now, deal);
        let meant = self.varied.meant(deal);
        match (meant, self.some_part(deal, true)) {
            (Some(Err(Nobody::Nothing | Nobody::OnlyAddress)), _) => {
                let between = self.varied.deals.get(&deal).copied();
                let owner = between.and_then(|between| between.company.or(between.contact));
                if let Some(owner) = owner {
                    self.new_paper(now, owner, false);
                    self.say_who_is_meant(now);
                }
            }
            (_, Some((number, part))) => self.write_part(now, number, part, true),
            (_, None) => {}
        }
    }

    /// Takes a part out of a requisite.
    fn take_out(&mut self, now: Timestamp, deal: i64) {
        if let Some((number, part)) = self.some_part(deal, false) {
            self.write_part(now, number, part, false);
        }
    }

    fn write_part(&mut self, now: Timestamp, number: u32, part: Part, says: bool) {
        let Some((owner, place)) = of_number(number) else {
            return;
        };
        let manager = self.portal.manager();
        let owner = self.varied.owners.get_mut(&owner);
        let papers = owner.map(|owner| &mut owner.papers);
        let place = place.saturating_sub(1);
        let Some(paper) = papers.and_then(|papers| papers.get_mut(place)) else {
            return;
        };
        let said = |value: &str| {
            if says {
                value.to_owned()
            } else {
                String::new()
            }
        };
        let id = paper.id;
        let field = |name: &str, value: String| BTreeMap::from([(name.to_owned(), value)]);
        match (part, paper.bank) {
            (Part::Name, _) => {
                let name = said(&paper.name);
                manager.edit_requisite(id, &field("RQ_COMPANY_NAME", name));
            }
            (Part::Inn, _) => {
                manager.edit_requisite(id, &field("RQ_INN", said(&paper.inn)));
            }
            (Part::Kpp, _) => {
                let kpp = said(paper.kpp.as_deref().unwrap_or_default());
                manager.edit_requisite(id, &field("RQ_KPP", kpp));
            }
            (Part::Address, _) if says => manager.set_legal_address(id, &city()),
            (Part::Address, _) => {
                manager.remove_legal_address(id);
            }
            (Part::Account, Some(bank)) => {
                manager.edit_bank_detail(bank, &field("RQ_ACC_NUM", said(ACCOUNT)));
            }
            (Part::Account, None) => paper.bank = Some(manager.add_bank_detail(id, &account())),
        }
        paper.parts.entry(part).or_default().push((now, says));
        let words = format!("{number}: {part:?} stands in it: {says}");
        self.tell(now, "edited a requisite", words);
        self.say_who_is_meant(now);
    }

    /// Whether invoices of this office need a contract.
    pub(crate) fn needs_contract(&self) -> bool {
        self.demand.contains(&Demand::Contract)
    }

    /// Most deals have one from the beginning.
    pub(crate) fn some_contract(&mut self) -> Option<String> {
        let has_one = self.needs_contract() && self.habits.chance(750);
        has_one.then(|| format!("Д-{}", self.deals.len().saturating_add(1)))
    }

    fn fill_contract(&mut self, now: Timestamp, deal: i64) {
        if !self.needs_contract() {
            return;
        }
        let number = format!("К-{deal}");
        if let Some(known) = self.deals.get_mut(&deal)
            && known.contract.is_none()
        {
            known.contract = Some((now, number.clone()));
            let manager = self.portal.manager();
            let edited = manager.edit_deal(deal, json!({CONTRACT: number}));
            self.tell(
                now,
                "filled in a contract",
                format!("deal {deal}: {edited:?}"),
            );
        }
    }

    /// Somebody fills in what deals of any buyer lack.
    pub(crate) fn fill_contracts(&mut self, now: Timestamp) {
        let lacking: Vec<i64> = self
            .deals
            .iter()
            .filter(|(_, deal)| deal.contract.is_none() && !deal.deleted)
            .map(|(id, _)| *id)
            .collect();
        if let Some(deal) = self.habits.pick(&lacking) {
            self.fill_contract(now, deal);
        }
    }
}

const ACCOUNT: &str = "40702810900000012344";

fn account() -> BTreeMap<String, String> {
    texts(&[
        ("NAME", "Счёт"),
        ("RQ_BIK", "044525225"),
        ("RQ_ACC_NUM", ACCOUNT),
    ])
}

fn city() -> BTreeMap<String, String> {
    texts(&[("CITY", "Тверь"), ("ADDRESS_1", "Садовая, 3")])
}

/// What every other buyer of an office with demands has.
pub(crate) fn as_demanded(mut seed: CompanySeed, demand: &[Demand]) -> CompanySeed {
    for requisite in &mut seed.requisites {
        for one in demand {
            match one {
                Demand::BuyerAddress => {
                    requisite.addresses.insert("6".to_owned(), city());
                }
                Demand::BuyerAccount => requisite.banks.push(account()),
                Demand::Contract => {}
            }
        }
    }
    seed
}
