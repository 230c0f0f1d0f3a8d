//! Who sells and where the money is to go: our legal entity with the bank account that is printed.
//!
//! The deal's own company goes first, then the deal's field that policy names, then the organisation of the funnel whose
//! invoice stage it entered, then the only one. A test organisation stands beside a real one, often with the same own
//! company, and sells where it is named; of two real ones with one own company the deal's field or the funnel names
//! which. The account is likewise the deal's, else that of the policy, else the only one: none is taken because it
//! stands first.

use domain::observed::{BankDetail, ChosenRequisites, DealReading, OwnCompany, Record, Requisite};
use domain::{
    BankDetails, Bik, CompanyId, CorrespondentAccount, CounterpartyKey, Inn, Kpp, Ogrn,
    OrganisationId, Party, SettlementAccount,
};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::buyer::text;
use crate::policy::Organisation;
use crate::terms::named;
use crate::texts::InRussian as _;
use crate::wanted::billed_in;
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

/// Whether the deal names an own company that stands for this organisation: for others too, where which of them sells is
/// not clear.
pub(crate) fn may_be(
    id: &OrganisationId,
    reading: &DealReading,
    own: &[OwnCompany],
    policy: &Policy,
) -> bool {
    let in_field = || company_in(in_field(reading, policy)?);
    let company = chosen(reading, own).or_else(in_field);
    let meant = policy.organisation(id);
    meant.is_some_and(|meant| company == Some(meant.own_company))
}

/// The organisation that sells in this deal.
pub(crate) fn organisation<'a>(
    reading: &DealReading,
    own: &[OwnCompany],
    policy: &'a Policy,
) -> Result<&'a Organisation, Fault> {
    let deal = &reading.glance.deal;
    let of_funnel = billed_in(reading, policy)
        .and_then(|funnel| funnel.organisation.as_ref())
        .and_then(|id| policy.organisation(id));
    if let Some(company) = chosen(reading, own) {
        let said = in_field(reading, policy).and_then(|said| said_in_deal(said, of_funnel, policy));
        return standing_for(company, [said, of_funnel], policy).ok_or_else(|| Fault {
            what: several(company, policy).unwrap_or_else(|| {
                "организация, выбранная в сделке продавцом, не подключена к учёту".to_owned()
            }),
            place: format!("/crm/deal/details/{}/", deal.id),
            record: Some(Record::Deal(deal.id)),
        });
    }
    if let Some(said) = in_field(reading, policy) {
        return said_in_deal(said, of_funnel, policy).ok_or_else(|| Fault {
            what: if titled(said, policy).next().is_some() {
                format!(
                    "«{said}» в поле организации — название нескольких наших: впишите id нужной из правил \
                     (organisations.id)"
                )
            } else {
                let of_company = company_in(said).and_then(|company| several(company, policy));
                of_company.unwrap_or_else(|| {
                    format!("«{said}» в поле организации — ни одна из наших организаций")
                })
            },
            place: format!("/crm/deal/details/{}/", deal.id),
            record: Some(Record::Deal(deal.id)),
        });
    }
    let of_all = || only(policy.organisations.iter());
    of_funnel.or_else(of_all).ok_or_else(|| Fault {
        what: "не ясно, от какой нашей организации выставить счёт: выберите её в сделке".to_owned(),
        place: format!("/crm/deal/details/{}/", deal.id),
        record: Some(Record::Deal(deal.id)),
    })
}

/// The organisation that sells, where the technical user may not read its own company, or that is one no more: the portal's
/// list comes back without it, and whether it has requisites nobody knows.
pub(crate) fn hidden<'a>(
    reading: &DealReading,
    own: &[OwnCompany],
    policy: &'a Policy,
) -> Option<&'a Organisation> {
    let seller = organisation(reading, own, policy).ok()?;
    let mut own = own.iter();
    let is_seen = own.any(|company| company.id == seller.own_company);
    (!is_seen).then_some(seller)
}

/// The fault of an own company that is not seen.
pub(crate) fn unreadable(organisation: &Organisation) -> Fault {
    let company = organisation.own_company;
    Fault {
        what: "наша организация не видна техническому пользователю".to_owned(),
        place: format!("/crm/company/details/{company}/"),
        record: Some(Record::Company(company)),
    }
}

/// The organisations that an own company stands for.
fn all_of(company: CompanyId, policy: &Policy) -> impl Iterator<Item = &Organisation> {
    let all = policy.organisations.iter();
    all.filter(move |one| one.own_company == company)
}

/// The organisation that an own company stands for: of several the one that is named, else the only real one. Of two
/// real ones none is taken because it stands first.
fn standing_for<'a>(
    company: CompanyId,
    named: [Option<&'a Organisation>; 2],
    policy: &'a Policy,
) -> Option<&'a Organisation> {
    let mut named = named.into_iter().flatten();
    named
        .find(|one| one.own_company == company)
        .or_else(|| only(all_of(company, policy)))
}

/// What is said where an own company stands for several, of which nobody named one; none: it stands for one, or for
/// none.
fn several(company: CompanyId, policy: &Policy) -> Option<String> {
    let named = |one: &Organisation| format!("«{}» ({})", one.title, one.id);
    let all: Vec<String> = all_of(company, policy).map(named).collect();
    let where_to = if policy.invoice.seller_field.is_some() {
        "впишите id нужной в поле организации"
    } else {
        "пусть администратор назовёт нужную для воронки (funnels.organisation) или поле сделки для неё \
         (invoice.seller_field)"
    };
    (all.len() > 1).then(|| {
        format!(
            "своей компании, выбранной в сделке, в правилах отвечают несколько организаций — {}: {where_to}",
            all.join(", ")
        )
    })
}

/// The only one of organisations, tests not counted; where there are but tests, the only one of them.
fn only<'a>(all: impl Iterator<Item = &'a Organisation>) -> Option<&'a Organisation> {
    let (tests, real): (Vec<_>, Vec<_>) = all.partition(|one| one.test);
    match (real.as_slice(), tests.as_slice()) {
        ([only], _) | ([], [only]) => Some(*only),
        ([] | [_, _, ..], _) => None,
    }
}

/// The organisation that a deal's field means: by its id, its title if no other has it, or its company on the portal (`CO_7`,
/// `7`), for which the funnel's organisation may stand.
fn said_in_deal<'a>(
    said: &str,
    of_funnel: Option<&'a Organisation>,
    policy: &'a Policy,
) -> Option<&'a Organisation> {
    let mut all = policy.organisations.iter();
    let of_company = || standing_for(company_in(said)?, [of_funnel, None], policy);
    all.find(|one| one.id.as_str() == said)
        .or_else(|| only(titled(said, policy)))
        .or_else(of_company)
}

/// The company on the portal that a deal's field names.
fn company_in(said: &str) -> Option<CompanyId> {
    let number = said.strip_prefix("CO_").unwrap_or(said);
    number.parse().ok().map(CompanyId)
}

/// The organisations of this title.
fn titled<'a>(said: &str, policy: &'a Policy) -> impl Iterator<Item = &'a Organisation> {
    let lower = said.to_lowercase();
    let all = policy.organisations.iter();
    all.filter(move |one| one.title.trim().to_lowercase() == lower)
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
    let company = own
        .iter()
        .find(|company| company.id == organisation.own_company)
        .ok_or_else(|| vec![unreadable(organisation)])?;
    let requisites =
        printed_by(organisation, company, &reading.chosen).map_err(|what| vec![fault(what)])?;
    let paid_to = account(organisation, &requisites, &reading.chosen);
    let has_it = |one: &&&Requisite| {
        let paid_to = paid_to.as_ref().ok();
        paid_to.is_some_and(|bank| one.banks.iter().any(|own| own.id == bank.id))
    };
    let Some(requisite) = requisites.iter().find(has_it).or(requisites.first()) else {
        return Err(vec![fault(
            "не заполнены реквизиты нашей организации".to_owned(),
        )]);
    };
    let mut faults = Vec::new();
    let inn = Inn::parse(requisite.inn.trim())
        .map_err(|error| {
            faults.push(fault(format!(
                "ИНН нашей организации: {}",
                error.in_russian()
            )))
        })
        .ok();
    let bank = paid_to
        .and_then(judged)
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

/// What is chosen where nobody chose anything.
const NOTHING: ChosenRequisites = ChosenRequisites {
    buyer: None,
    seller: None,
    seller_bank: None,
};

impl Organisation {
    /// The account that its own company is paid to where a deal chooses nothing.
    ///
    /// # Errors
    /// Why there is no such, in Russian.
    pub fn account_of<'a>(&self, company: &'a OwnCompany) -> Result<&'a BankDetail, String> {
        let requisites = printed_by(self, company, &NOTHING)?;
        account(self, &requisites, &NOTHING)
    }
}

/// The requisites that a seller may be printed by, the first before others: those chosen in the deal, else those with the
/// account that policy names, else all, which must be of one INN and KPP.
fn printed_by<'a>(
    organisation: &Organisation,
    company: &'a OwnCompany,
    chosen: &ChosenRequisites,
) -> Result<Vec<&'a Requisite>, String> {
    let usable = || company.requisites.iter().filter(|one| !one.address_only);
    if let Some(found) = usable().find(|one| Some(one.id) == chosen.seller) {
        return Ok(vec![found]);
    }
    let named: Vec<&Requisite> = usable()
        .filter(|one| one.banks.iter().any(|bank| is_named(organisation, bank)))
        .collect();
    let requisites = if named.is_empty() {
        usable().collect()
    } else {
        named
    };
    let Some(first) = requisites.first() else {
        return Err("не заполнены реквизиты нашей организации".to_owned());
    };
    let is_alike =
        |one: &&Requisite| one.inn.trim() == first.inn.trim() && one.kpp.trim() == first.kpp.trim();
    if requisites.iter().all(is_alike) {
        Ok(requisites)
    } else {
        Err("у нашей организации несколько реквизитов с разными ИНН или КПП: выберите нужные в сделке".to_owned())
    }
}

fn is_named(organisation: &Organisation, bank: &BankDetail) -> bool {
    let named = organisation.account.as_ref();
    named.is_some_and(|named| named.as_str() == bank.account.trim())
}

/// The account that is paid to: chosen in the deal, else named by policy, else the only one in roubles.
fn account<'a>(
    organisation: &Organisation,
    requisites: &[&'a Requisite],
    chosen: &ChosenRequisites,
) -> Result<&'a BankDetail, String> {
    let banks = || requisites.iter().flat_map(|one| &one.banks);
    let of_deal = banks().find(|bank| Some(bank.id) == chosen.seller_bank);
    if let Some(found) = of_deal.or_else(|| banks().find(|bank| is_named(organisation, bank))) {
        return Ok(found);
    }
    // Requisites that the deal chose have accounts of their own.
    let is_chosen = requisites.iter().any(|one| Some(one.id) == chosen.seller);
    if let Some(named) = organisation.account.as_ref().filter(|_| !is_chosen) {
        return Err(format!(
            "счёта {} из правил (organisations.account) нет в реквизитах нашей организации",
            named.masked()
        ));
    }
    let in_roubles: Vec<&BankDetail> = banks().filter(|bank| is_in_roubles(bank)).collect();
    let all = if in_roubles.is_empty() {
        banks().collect()
    } else {
        in_roubles
    };
    let Some(first) = all.first().copied() else {
        return Err("не указан счёт нашей организации в банке".to_owned());
    };
    let is_it = |bank: &&BankDetail| {
        (bank.account.trim(), bank.bik.trim()) == (first.account.trim(), first.bik.trim())
    };
    if all.iter().all(is_it) {
        Ok(first)
    } else {
        Err(
            "у нашей организации несколько счетов в банке: выберите нужный в сделке, или пусть администратор назовёт \
             его в правилах (organisations.account)"
                .to_owned(),
        )
    }
}

/// The sixth to eighth digits of an account say its currency.
fn is_in_roubles(bank: &BankDetail) -> bool {
    bank.account.trim().get(5..8) == Some("810")
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
