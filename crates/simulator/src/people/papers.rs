//! Requisites as people know them: what stands in each, whose they are, and which of them a deal means.

use std::collections::BTreeMap;

use jiff::Timestamp;
use planner::Demand;

/// Owners of requisites have numbers from here on, like no other buyer; those that follow each are its requisites.
pub(crate) const FIRST: u32 = 71_000;
pub(crate) const STEP: u32 = 10;
const BEYOND: u32 = 79_000;

/// What stands in a requisite, or does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Name,
    Inn,
    Kpp,
    Address,
    Account,
}

pub(crate) const PARTS: [Part; 5] = [
    Part::Name,
    Part::Inn,
    Part::Kpp,
    Part::Address,
    Part::Account,
];

/// A requisite as people know it.
#[derive(Clone, Debug)]
pub(crate) struct Paper {
    /// On the portal.
    pub(crate) id: i64,
    /// Its bank details on the portal, once it has any.
    pub(crate) bank: Option<i64>,
    pub(crate) address_only: bool,
    pub(crate) name: String,
    pub(crate) inn: String,
    /// Sole traders have none.
    pub(crate) kpp: Option<String>,
    /// Since when each part stands in it, or does not.
    pub(crate) parts: BTreeMap<Part, Vec<(Timestamp, bool)>>,
}

/// A company or a contact of the portal with its requisites.
#[derive(Clone, Debug)]
pub(crate) struct Owner {
    pub(crate) is_company: bool,
    /// On the portal.
    pub(crate) id: i64,
    pub(crate) papers: Vec<Paper>,
}

/// Who buys in a deal, by their numbers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Between {
    pub(crate) company: Option<u32>,
    pub(crate) contact: Option<u32>,
    /// The requisite that somebody chose.
    pub(crate) chosen: Option<u32>,
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Varied {
    pub(crate) owners: BTreeMap<u32, Owner>,
    pub(crate) deals: BTreeMap<i64, Between>,
}

/// Why nobody can be billed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nobody {
    /// Several may be meant.
    Several,
    /// What was chosen is another's.
    OfAnother,
    /// There is but an address.
    OnlyAddress,
    /// There is no requisite.
    Nothing,
}

/// The owner behind a buyer's number, and which of its requisites; 0: nobody can be billed.
pub(crate) fn of_number(number: u32) -> Option<(u32, usize)> {
    let place = number % STEP;
    let owner = number.saturating_sub(place);
    (FIRST..BEYOND)
        .contains(&number)
        .then(|| (owner, usize::try_from(place).unwrap_or(0)))
}

impl Paper {
    /// Whether a part stands in it by now.
    pub(crate) fn has(&self, part: Part) -> bool {
        self.had(part, Timestamp::MAX, Timestamp::MAX)
    }

    /// Whether it stood there at any moment between two.
    pub(crate) fn had(&self, part: Part, from: Timestamp, until: Timestamp) -> bool {
        let states = self.parts.get(&part).map_or(&[][..], Vec::as_slice);
        let before = states.iter().rfind(|(at, _)| *at <= from);
        let mut between = states.iter().filter(|(at, _)| *at > from && *at <= until);
        before.is_some_and(|(_, has)| *has) || between.any(|(_, has)| *has)
    }

    /// What an invoice needs of it.
    pub(crate) fn needed(&self, demand: &[Demand]) -> Vec<Part> {
        let demands = |one| demand.contains(&one);
        let needed = PARTS.into_iter().filter(|part| match part {
            Part::Name | Part::Inn => true,
            Part::Kpp => self.kpp.is_some(),
            Part::Address => demands(Demand::BuyerAddress),
            Part::Account => demands(Demand::BuyerAccount),
        });
        needed.collect()
    }

    fn key(&self) -> (Option<&str>, Option<&str>) {
        let inn = self.has(Part::Inn).then_some(self.inn.as_str());
        let kpp = self.kpp.as_deref().filter(|_| self.has(Part::Kpp));
        (inn, kpp)
    }
}

impl Varied {
    /// The requisite of this number.
    pub(crate) fn paper(&self, number: u32) -> Option<&Paper> {
        let (owner, place) = of_number(number)?;
        self.owners.get(&owner)?.papers.get(place.checked_sub(1)?)
    }

    /// The taxpayers' numbers of all.
    pub(crate) fn inns(&self) -> impl Iterator<Item = String> {
        let papers = self.owners.values().flat_map(|owner| &owner.papers);
        papers.map(|paper| paper.inn.clone())
    }

    /// Which requisite a deal means, by its number, or why none; none for a deal of another buyer.
    pub(crate) fn meant(&self, deal: i64) -> Option<Result<u32, Nobody>> {
        let between = self.deals.get(&deal)?;
        let of_deal = [between.company, between.contact];
        let chosen = between.chosen.filter(|chosen| {
            let paper = self.paper(*chosen);
            paper.is_some_and(|paper| !paper.address_only)
        });
        if let Some(chosen) = chosen {
            let owner = of_number(chosen).map(|(owner, _)| owner);
            let is_the_deals = of_deal.contains(&owner);
            return Some(is_the_deals.then_some(chosen).ok_or(Nobody::OfAnother));
        }
        let of_owner = |owner: &u32| {
            let papers = self.owners.get(owner).map(|owner| owner.papers.iter());
            let usable = papers.into_iter().flatten().enumerate();
            let usable = usable.filter(|(_, paper)| !paper.address_only);
            usable
                .map(|(place, paper)| (numbered(*owner, place), paper))
                .collect::<Vec<_>>()
        };
        let mut of_owners = of_deal.iter().flatten().map(of_owner);
        let usable = of_owners.find(|usable| !usable.is_empty());
        Some(match usable.as_deref() {
            Some([(number, first), rest @ ..]) => {
                let same = rest.iter().all(|(_, paper)| paper.key() == first.key());
                same.then_some(*number).ok_or(Nobody::Several)
            }
            Some([]) | None => {
                let first = of_deal.iter().flatten().next();
                let owner = first.and_then(|owner| self.owners.get(owner));
                let has_one = owner.is_some_and(|one| one.is_company && !one.papers.is_empty());
                Err(if has_one {
                    Nobody::OnlyAddress
                } else {
                    Nobody::Nothing
                })
            }
        })
    }

    /// The same as a buyer's number.
    pub(crate) fn buyer(&self, deal: i64) -> Option<u32> {
        let between = self.deals.get(&deal)?;
        let nobody = between.company.or(between.contact);
        self.meant(deal)?.ok().or(nobody)
    }
}

/// The number of an owner's requisite.
pub(crate) fn numbered(owner: u32, place: usize) -> u32 {
    let place = u32::try_from(place).unwrap_or(0);
    owner.saturating_add(place).saturating_add(1)
}

/// The INN of a sole trader.
pub(crate) fn person_inn(number: u32) -> String {
    const FIRST_OF_TWO: [u32; 10] = [7, 2, 4, 10, 3, 5, 9, 4, 6, 8];
    const SECOND_OF_TWO: [u32; 11] = [3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8];
    let check = |digits: &str, weights: &[u32]| -> u32 {
        let digits = digits.chars().filter_map(|digit| digit.to_digit(10));
        let sum: u32 = digits
            .zip(weights)
            .map(|(digit, weight)| digit.saturating_mul(*weight))
            .sum();
        sum % 11 % 10
    };
    let ten = format!("77010{number:05}");
    let eleven = format!("{ten}{}", check(&ten, &FIRST_OF_TWO));
    format!("{eleven}{}", check(&eleven, &SECOND_OF_TWO))
}
