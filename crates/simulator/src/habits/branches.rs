//! Managers who sell to companies with branches: one INN, a KPP for each, and which of them buys is chosen in the deal.
//!
//! Whoever chooses saves the deal with it. The accountant enters branches by hand; what the books have of an INN says
//! nothing of its other branches.

use emulator_bitrix24::{CompanySeed, DealSeed, RequisiteSeed, texts};
use jiff::Timestamp;
use serde_json::json;

use crate::offices::office::{self, INVOICE};
use crate::people::managers::Office;
use crate::people::remembered::Version;

/// Companies with branches have numbers from here on, like no other buyer; those that follow each are its branches.
const FIRST: u32 = 60_000;
const STEP: u32 = 10;
const BEYOND: u32 = 70_000;
const MOST: usize = 3;

/// A company with branches, as people know it.
#[derive(Clone, Debug)]
pub(crate) struct Branched {
    /// Its requisites on the portal, one for each branch.
    requisites: Vec<i64>,
}

/// The company behind a buyer's number, and which branch of it; 0: nobody said which.
pub(crate) fn of_number(number: u32) -> Option<(u32, u32)> {
    let branch = number % STEP;
    let company = number.saturating_sub(branch);
    (FIRST..BEYOND)
        .contains(&number)
        .then_some((company, branch))
}

/// The KPP of a branch.
pub(crate) fn kpp(branch: u32) -> String {
    format!("77{branch:02}43001")
}

fn title(place: usize, company: u32) -> String {
    format!("ООО «Сеть {company} {}»", office::canary(place))
}

impl Office {
    /// A manager who sells to companies with branches does something.
    pub(crate) fn sell_to_branches(&mut self, now: Timestamp) {
        let deals = self.deals_of_branches();
        let deal = self.habits.pick(&deals);
        match (self.habits.below(100), deal) {
            (0..40, _) | (_, None) => self.new_deal_of_branch(now),
            (40..60, Some((deal, _))) => self.move_to(now, deal, INVOICE),
            (60..80, Some((deal, company))) => self.choose_branch(now, deal, company),
            (_, Some(_)) => self.enter_branch(now),
        }
    }

    /// With the company of each.
    fn deals_of_branches(&self) -> Vec<(i64, u32)> {
        let deals = self.deals.iter().filter(|(_, deal)| !deal.deleted);
        let of_company = deals.filter_map(|(id, deal)| {
            let (company, _) = of_number(deal.versions.last()?.buyer?)?;
            Some((*id, company))
        });
        of_company.collect()
    }

    fn some_branched(&mut self, now: Timestamp) -> Option<u32> {
        let known: Vec<u32> = self.branched.keys().copied().collect();
        if known.len() >= MOST || (!known.is_empty() && self.habits.chance(500)) {
            return self.habits.pick(&known);
        }
        let place = u32::try_from(known.len()).unwrap_or(0);
        let company = FIRST.saturating_add(place.saturating_mul(STEP));
        let branches = if self.habits.chance(500) { 2 } else { 3 };
        let (title, inn) = (title(self.place, company), office::inn(company));
        let requisite = |branch: u32| RequisiteSeed {
            fields: texts(&[
                ("RQ_INN", &inn),
                ("RQ_KPP", &kpp(branch)),
                ("RQ_COMPANY_NAME", &title),
            ]),
            ..RequisiteSeed::default()
        };
        let seed = CompanySeed {
            requisites: (1..=branches).map(requisite).collect(),
            title: title.clone(),
            ..CompanySeed::default()
        };
        let made = self.portal.manager().create_company(&seed).ok()?;
        let requisites = self.portal.requisites_of(made);
        self.tell(
            now,
            "new company with branches",
            format!("buyer {company}: {made}, requisites {requisites:?}"),
        );
        self.branched.insert(company, Branched { requisites });
        Some(company)
    }

    fn new_deal_of_branch(&mut self, now: Timestamp) {
        let Some(company) = self.some_branched(now) else {
            return;
        };
        let seed = DealSeed {
            stage: "NEW".to_owned(),
            company: title(self.place, company),
            ..DealSeed::default()
        };
        let version = Version {
            at: now,
            lines: self.some_lines(),
            buyer: Some(company),
            ..Version::default()
        };
        let Some(deal) = self.made(seed, version) else {
            return;
        };
        if self.habits.chance(800) {
            self.choose_branch(now, deal, company);
        }
        if self.habits.chance(700) {
            self.move_to(now, deal, INVOICE);
        }
    }

    fn choose_branch(&mut self, now: Timestamp, deal: i64, company: u32) {
        let Some(branched) = self.branched.get(&company) else {
            return;
        };
        let requisites = branched.requisites.clone();
        let place = if self.habits.chance(150) {
            None
        } else {
            let places: Vec<usize> = (0..requisites.len()).collect();
            self.habits.pick(&places)
        };
        let requisite = place.and_then(|place| requisites.get(place)).copied();
        let branch = place.map_or(0, |place| place.saturating_add(1));
        let buyer = company.saturating_add(u32::try_from(branch).unwrap_or(0));
        let manager = self.portal.manager();
        manager.choose_requisites(deal, (requisite.unwrap_or(0), 0), (0, 0));
        let title = format!("Поставка филиалу {}", now.as_millisecond());
        let edited = manager.edit_deal(deal, json!({"TITLE": title}));
        let words = format!("deal {deal}: buyer {buyer}: {edited:?}");
        self.tell(now, "chose a branch", words);
        self.changed(now, deal, |last| last.buyer = Some(buyer));
    }

    /// Whoever chooses another company in the card begins with no requisites of it.
    pub(crate) fn forget_branch(&self, deal: i64) {
        let known = self.deals.get(&deal);
        let buyer = known.and_then(|known| known.versions.last()?.buyer);
        if buyer.and_then(of_number).is_some() {
            let manager = self.portal.manager();
            manager.choose_requisites(deal, (0, 0), (0, 0));
        }
    }

    /// The accountant enters a branch that the books do not have.
    fn enter_branch(&mut self, now: Timestamp) {
        let known: Vec<u32> = self.branched.keys().copied().collect();
        let (Some(company), Some(accountant)) = (self.habits.pick(&known), self.person()) else {
            return;
        };
        let branch = if self.habits.chance(500) { 1 } else { 2 };
        let (inn, kpp) = (office::inn(company), kpp(branch));
        let truth = self.accounting.truth();
        let mut contractors = truth
            .organizations
            .values()
            .flat_map(|own| &own.contractors);
        let has_it = contractors.any(|one| {
            let key = (one.inn.as_deref(), one.kpp.as_deref());
            key == (Some(inn.as_str()), Some(kpp.as_str()))
        });
        if has_it {
            return;
        }
        let request = json!({"name": title(self.place, company), "inn": inn, "kpp": kpp});
        let made = accountant.create_contractor(&request);
        self.tell(
            now,
            "entered a branch",
            format!("branch {branch} of {company}: {:?}", made.err()),
        );
    }
}
