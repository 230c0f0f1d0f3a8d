//! Who sells and where the money is to go: our legal entity with the bank account that is printed.
//!
//! The deal's own company goes first, then the deal's field that policy names, then the funnel's organisation, then the
//! only one. A test organisation stands beside a real one, often with the same own company, and sells where it is named.

use domain::observed::{BankDetail, DealReading, OwnCompany, Record, Requisite};
use domain::{
    BankDetails, Bik, CompanyId, CorrespondentAccount, CounterpartyKey, Inn, Kpp, Ogrn, Party,
    SettlementAccount,
};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::buyer::text;
use crate::policy::Organisation;
use crate::terms::named;
use crate::texts::InRussian as _;
use crate::{Fault, Policy};

/// The seller as an invoice prints it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seller {
    /// Who.
    pub party: Party,
    /// Where the money is to go.
    pub bank: BankDetails,
    /// Who signs.
    pub director: Option<String>,
    /// Who signs beside; nobody for a sole trader.
    pub accountant: Option<String>,
    /// Why lines without VAT have none, as it is printed.
    #[serde(default)]
    pub exemption: Option<String>,
}

/// The own company that a person chose in the deal.
fn chosen(reading: &DealReading, own: &[OwnCompany]) -> Option<CompanyId> {
    let of_requisite = reading.chosen.seller.and_then(|chosen| {
        own.iter()
            .find(|company| company.requisites.iter().any(|one| one.id == chosen))
            .map(|company| company.id)
    });
    of_requisite.or(reading.glance.deal.own_company)
}

/// What the deal's field says that policy names.
fn in_field<'a>(reading: &'a DealReading, policy: &Policy) -> Option<&'a str> {
    let field = policy.invoice.seller_field.as_ref()?;
    named(reading, field)
}

/// Whether the deal itself says who sells, whoever that is.
pub(crate) fn is_said(reading: &DealReading, own: &[OwnCompany], policy: &Policy) -> bool {
    chosen(reading, own).is_some() || in_field(reading, policy).is_some()
}

/// The organisation that sells in this deal.
pub(crate) fn organisation<'a>(
    reading: &DealReading,
    own: &[OwnCompany],
    policy: &'a Policy,
) -> Result<&'a Organisation, Fault> {
    let deal = &reading.glance.deal;
    let of_funnel = policy
        .funnel(deal.funnel)
        .and_then(|funnel| funnel.organisation.as_ref())
        .and_then(|id| policy.organisation(id));
    if let Some(company) = chosen(reading, own) {
        let said = in_field(reading, policy).and_then(|said| said_in_deal(said, of_funnel, policy));
        return standing_for(company, [said, of_funnel], policy).ok_or_else(|| Fault {
            what: "организация, выбранная в сделке продавцом, не подключена к учёту".to_owned(),
            place: format!("/crm/deal/details/{}/", deal.id),
            record: Some(Record::Deal(deal.id)),
        });
    }
    if let Some(said) = in_field(reading, policy) {
        return said_in_deal(said, of_funnel, policy).ok_or_else(|| Fault {
            what: format!("«{said}» в поле организации — ни одна из наших организаций"),
            place: format!("/crm/deal/details/{}/", deal.id),
            record: Some(Record::Deal(deal.id)),
        });
    }
    of_funnel.or_else(|| only(policy)).ok_or_else(|| Fault {
        what: "не ясно, от какой нашей организации выставить счёт: выберите её в сделке".to_owned(),
        place: format!("/crm/deal/details/{}/", deal.id),
        record: Some(Record::Deal(deal.id)),
    })
}

/// The organisation that an own company stands for: of a real one and its tests the one that is named, else the real one.
fn standing_for<'a>(
    company: CompanyId,
    named: [Option<&'a Organisation>; 2],
    policy: &'a Policy,
) -> Option<&'a Organisation> {
    let of_it = |one: &&Organisation| one.own_company == company;
    let all = || policy.organisations.iter().filter(of_it);
    named
        .into_iter()
        .flatten()
        .find(of_it)
        .or_else(|| all().find(|one| !one.test))
        .or_else(|| all().next())
}

/// The only organisation, tests not counted; where there are but tests, the only one of them.
fn only(policy: &Policy) -> Option<&Organisation> {
    let mut real = policy.organisations.iter().filter(|one| !one.test);
    match (real.next(), real.next(), policy.organisations.as_slice()) {
        (Some(only), None, _) | (None, _, [only]) => Some(only),
        (Some(_), Some(_), _) | (None, _, _) => None,
    }
}

/// The organisation that a deal's field means: by its id, its title, or its company on the portal (`CO_7`, `7`), for which
/// the funnel's organisation may stand.
fn said_in_deal<'a>(
    said: &str,
    of_funnel: Option<&'a Organisation>,
    policy: &'a Policy,
) -> Option<&'a Organisation> {
    let lower = said.to_lowercase();
    let company = said.strip_prefix("CO_").unwrap_or(said).parse::<u64>().ok();
    let is_it = |organisation: &&Organisation| {
        organisation.id.as_str() == said || organisation.title.trim().to_lowercase() == lower
    };
    let of_company = || standing_for(CompanyId(company?), [of_funnel, None], policy);
    policy.organisations.iter().find(is_it).or_else(of_company)
}

/// The seller's printed facts, or everything that is missing or wrong about them.
pub(crate) fn seller(
    organisation: &Organisation,
    reading: &DealReading,
    own: &[OwnCompany],
    date: Date,
) -> Result<Seller, Vec<Fault>> {
    let place = format!("/crm/company/details/{}/", organisation.own_company);
    let record = Some(Record::Company(organisation.own_company));
    let fault = |what: String| Fault {
        what,
        place: place.clone(),
        record,
    };
    let requisite = own
        .iter()
        .find(|company| company.id == organisation.own_company)
        .and_then(|company| of_company(company, reading))
        .ok_or_else(|| vec![fault("не заполнены реквизиты нашей организации".to_owned())])?;
    let mut faults = Vec::new();
    let inn = Inn::parse(requisite.inn.trim())
        .map_err(|error| {
            faults.push(fault(format!(
                "ИНН нашей организации: {}",
                error.in_russian()
            )))
        })
        .ok();
    let bank = bank(requisite, reading)
        .map_err(|what| faults.push(fault(what)))
        .ok();
    let name = text(&requisite.name).or_else(|| text(&organisation.title));
    if name.is_none() {
        faults.push(fault("не указано название нашей организации".to_owned()));
    }
    match (inn, bank, name) {
        (Some(inn), Some(bank), Some(name)) => {
            let sole_trader = inn.is_person();
            Ok(Seller {
                party: Party {
                    key: CounterpartyKey {
                        kpp: Kpp::parse(requisite.kpp.trim())
                            .ok()
                            .filter(|_| !sole_trader),
                        who: inn.into(),
                    },
                    name,
                    ogrn: Ogrn::parse(requisite.ogrn.trim()).ok(),
                    address: text(&requisite.address),
                },
                bank,
                director: text(&requisite.director),
                accountant: text(&requisite.accountant).filter(|_| !sole_trader),
                exemption: organisation
                    .vat_on(date)
                    .and_then(|period| period.wording.clone()),
            })
        }
        (None, _, _) | (_, None, _) | (_, _, None) => Err(faults),
    }
}

fn of_company<'a>(company: &'a OwnCompany, reading: &DealReading) -> Option<&'a Requisite> {
    let usable = || company.requisites.iter().filter(|one| !one.address_only);
    reading
        .chosen
        .seller
        .and_then(|chosen| usable().find(|one| one.id == chosen))
        .or_else(|| usable().next())
}

fn bank(requisite: &Requisite, reading: &DealReading) -> Result<BankDetails, String> {
    let chosen = reading
        .chosen
        .seller_bank
        .and_then(|chosen| requisite.banks.iter().find(|bank| bank.id == chosen));
    let Some(detail) = chosen.or_else(|| requisite.banks.first()) else {
        return Err("не указан счёт нашей организации в банке".to_owned());
    };
    judged(detail)
}

fn judged(detail: &BankDetail) -> Result<BankDetails, String> {
    let bik = Bik::parse(detail.bik.trim())
        .map_err(|error| format!("БИК нашего банка: {}", error.in_russian()))?;
    let account = SettlementAccount::parse(&bik, detail.account.trim())
        .map_err(|error| format!("расчётный счёт нашей организации: {}", error.in_russian()))?;
    let correspondent = match detail.correspondent.trim() {
        "" => None,
        typed => Some(
            CorrespondentAccount::parse(&bik, typed)
                .map_err(|error| format!("корреспондентский счёт: {}", error.in_russian()))?,
        ),
    };
    Ok(BankDetails {
        account,
        bik,
        bank_name: detail.bank_name.trim().to_owned(),
        correspondent,
    })
}
