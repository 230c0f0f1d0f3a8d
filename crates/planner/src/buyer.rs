//! Who buys: the requisite that the deal means, judged value by value.
//!
//! The requisite chosen in the deal goes first, then the company's only one, then the contact's only one. One that was
//! chosen and is neither's is left from another buyer: a person says whom the invoice is for.
//! Records that hold only an address are passed over. Who has no INN goes by the portal's record where policy allows,
//! and a contact without any requisites by its name.

use domain::observed::{BankDetail, DealReading, Owner, Record, Requisite};
use domain::{Counterparty, CounterpartyKey, Inn, Kpp, Ogrn, RequisiteId, Who};

use crate::Fault;
use crate::policy::{Demand, InvoicePolicy, WithoutInn};
use crate::texts::{InRussian as _, owner_path};

/// The buyer, or everything that is missing or wrong about it.
pub(crate) fn buyer(
    reading: &DealReading,
    policy: &InvoicePolicy,
) -> Result<Counterparty, Vec<Fault>> {
    match (requisite(reading), person(reading, policy)) {
        (Err(_), Some(person)) => judged(&person, policy),
        (found, _) => judged(found?, policy),
    }
}

/// A contact that has no requisites at all, where policy lets it go by the portal's record: its name is all that an invoice
/// needs, and an address is printed where it has one.
fn person(reading: &DealReading, policy: &InvoicePolicy) -> Option<Requisite> {
    let deal = &reading.glance.deal;
    let contact = deal.contact.filter(|_| deal.company.is_none())?;
    let has_none = reading.requisites.iter().all(|one| one.address_only);
    if policy.without_inn != WithoutInn::OwnId || !has_none {
        return None;
    }
    let mut addresses = reading.requisites.iter().map(|one| &one.address);
    Some(Requisite {
        id: RequisiteId(0),
        owner: Owner::Contact(contact),
        name: reading.contact_name.clone()?,
        full_name: String::new(),
        inn: String::new(),
        kpp: String::new(),
        ogrn: String::new(),
        director: String::new(),
        accountant: String::new(),
        address: addresses.next().cloned().unwrap_or_default(),
        address_only: false,
        banks: Vec::new(),
    })
}

/// The requisite that a person chose in the deal.
fn chosen(reading: &DealReading) -> Option<&Requisite> {
    let chosen = reading.chosen.buyer?;
    let mut usable = reading.requisites.iter().filter(|one| !one.address_only);
    usable.find(|requisite| requisite.id == chosen)
}

/// The company or contact that buys, where the technical user may not read it: the portal's lists come back without it and
/// its requisites, and whether it has any nobody knows.
pub(crate) fn hidden(reading: &DealReading) -> Option<Owner> {
    let deal = &reading.glance.deal;
    let owner = match (deal.company, deal.contact) {
        (Some(company), _) if reading.company_title.is_none() => Owner::Company(company),
        (None, Some(contact)) if reading.contact_name.is_none() => Owner::Contact(contact),
        (Some(_), _) | (None, _) => return None,
    };
    let has_one = reading.requisites.iter().any(|one| one.owner == owner);
    (!has_one && chosen(reading).is_none()).then_some(owner)
}

/// The fault of a buyer that is not seen.
pub(crate) fn unreadable(owner: &Owner) -> Fault {
    let what = match owner {
        Owner::Company(_) => "компания покупателя не видна техническому пользователю",
        Owner::Contact(_) => "контакт покупателя не виден техническому пользователю",
    };
    Fault {
        what: what.to_owned(),
        place: owner_path(owner),
        record: Some(record_of(owner)),
    }
}

fn requisite(reading: &DealReading) -> Result<&Requisite, Vec<Fault>> {
    let usable = || {
        reading
            .requisites
            .iter()
            .filter(|requisite| !requisite.address_only)
    };
    if let Some(found) = chosen(reading) {
        return if is_the_deals(reading, &found.owner) {
            Ok(found)
        } else {
            Err(vec![of_another(reading)])
        };
    }
    if let Some(owner) = hidden(reading) {
        return Err(vec![unreadable(&owner)]);
    }
    let of_company: Vec<&Requisite> = usable()
        .filter(|requisite| matches!(requisite.owner, Owner::Company(_)))
        .collect();
    let candidates = if of_company.is_empty() {
        usable().collect()
    } else {
        of_company
    };
    match candidates.as_slice() {
        [] => Err(vec![nobody(reading)]),
        [first, rest @ ..] => {
            let same = |other: &&&Requisite| {
                other.inn.trim() == first.inn.trim() && other.kpp.trim() == first.kpp.trim()
            };
            if rest.iter().all(|other| same(&other)) {
                Ok(first)
            } else {
                Err(vec![Fault {
                    what: "у покупателя несколько реквизитов: выберите нужный в сделке".to_owned(),
                    place: format!("/crm/deal/details/{}/", reading.glance.deal.id),
                    record: Some(Record::Deal(reading.glance.deal.id)),
                }])
            }
        }
    }
}

/// Whether a requisite's owner buys in the deal.
fn is_the_deals(reading: &DealReading, owner: &Owner) -> bool {
    let deal = &reading.glance.deal;
    match owner {
        Owner::Company(company) => deal.company == Some(*company),
        Owner::Contact(contact) => deal.contact == Some(*contact),
    }
}

/// The deal's company was exchanged and the choice stayed, or it is that of a contact beside the primary one.
fn of_another(reading: &DealReading) -> Fault {
    let deal = &reading.glance.deal;
    let what = match (deal.company, deal.contact) {
        (None, None) => "в сделке не указан покупатель, а реквизиты в ней выбраны",
        (Some(_), _) => {
            "в сделке выбраны реквизиты другого покупателя, не её компании: выберите реквизиты заново"
        }
        (None, Some(_)) => {
            "в сделке выбраны реквизиты другого покупателя, не её контакта: выберите реквизиты заново"
        }
    };
    Fault {
        what: what.to_owned(),
        place: format!("/crm/deal/details/{}/", deal.id),
        record: Some(Record::Deal(deal.id)),
    }
}

fn nobody(reading: &DealReading) -> Fault {
    let deal = &reading.glance.deal;
    let has_one = |company| {
        let mut owners = reading.requisites.iter().map(|one| &one.owner);
        owners.any(|owner| *owner == Owner::Company(company))
    };
    let (what, owner) = match (deal.company, deal.contact) {
        // Whoever opens the card sees a requisite there.
        (Some(company), _) if has_one(company) => (
            "у компании покупателя есть только реквизит с адресом: заполните реквизиты для документов",
            Some(Owner::Company(company)),
        ),
        (Some(company), _) => (
            "у компании покупателя не заполнены реквизиты",
            Some(Owner::Company(company)),
        ),
        (None, Some(contact)) => (
            "у контакта покупателя не заполнены реквизиты",
            Some(Owner::Contact(contact)),
        ),
        (None, None) => ("в сделке не указан покупатель", None),
    };
    Fault {
        what: what.to_owned(),
        place: owner.map_or_else(
            || format!("/crm/deal/details/{}/", deal.id),
            |owner| owner_path(&owner),
        ),
        record: Some(owner.map_or(Record::Deal(deal.id), |owner| record_of(&owner))),
    }
}

fn judged(requisite: &Requisite, policy: &InvoicePolicy) -> Result<Counterparty, Vec<Fault>> {
    let mut faults = Vec::new();
    let mut fault = |what: String| {
        faults.push(Fault {
            what,
            place: owner_path(&requisite.owner),
            record: Some(record_of(&requisite.owner)),
        });
    };
    let name = requisite.name.trim();
    if name.is_empty() {
        fault("не указано название покупателя".to_owned());
    }
    let who = match requisite.inn.trim() {
        "" if policy.without_inn == WithoutInn::OwnId => Some(recorded(&requisite.owner)),
        "" => {
            fault("не указан ИНН покупателя".to_owned());
            None
        }
        typed => Inn::parse(typed)
            .map(Who::Inn)
            .map_err(|error| {
                fault(format!(
                    "ИНН покупателя «{typed}» неверен: {}",
                    error.in_russian()
                ))
            })
            .ok(),
    };
    let person = who.as_ref().is_some_and(Who::is_person);
    let kpp = match requisite.kpp.trim() {
        "" if who.is_some() && !person => {
            fault("не указан КПП покупателя".to_owned());
            None
        }
        "" => None,
        _ if person => None,
        typed => Kpp::parse(typed)
            .map_err(|error| {
                fault(format!(
                    "КПП покупателя «{typed}» неверен: {}",
                    error.in_russian()
                ))
            })
            .ok(),
    };
    if policy.demand.contains(&Demand::BuyerAddress) && requisite.address.trim().is_empty() {
        fault("не указан адрес покупателя".to_owned());
    }
    let has_account = |bank: &BankDetail| !bank.account.trim().is_empty();
    if policy.demand.contains(&Demand::BuyerAccount) && !requisite.banks.iter().any(has_account) {
        fault("не указан счёт покупателя в банке".to_owned());
    }
    // An OGRN is not demanded; a wrong one is left out rather than printed.
    let ogrn = Ogrn::parse(requisite.ogrn.trim()).ok();
    match who {
        Some(who) if faults.is_empty() => Ok(Counterparty {
            key: CounterpartyKey { who, kpp },
            name: name.to_owned(),
            full_name: text(&requisite.full_name),
            ogrn,
            address: text(&requisite.address),
        }),
        Some(_) | None => Err(faults),
    }
}

/// A person or a foreigner without an INN: never known by a name, which others may have.
fn recorded(owner: &Owner) -> Who {
    match owner {
        Owner::Company(id) => Who::Company(*id),
        Owner::Contact(id) => Who::Contact(*id),
    }
}

pub(crate) fn record_of(owner: &Owner) -> Record {
    match owner {
        Owner::Company(id) => Record::Company(*id),
        Owner::Contact(id) => Record::Contact(*id),
    }
}

pub(crate) fn text(value: &str) -> Option<String> {
    let value = value.trim();
    (!value.is_empty()).then(|| value.to_owned())
}
