//! What `setup` chooses: which organisation is which company, which funnels and stages are followed.
//!
//! Pure; what the former policy says stays, unless a wish changes it.

use capability::accounting::OwnOrganisation;
use capability::portal::{Finding, Funnel as SeenFunnel};
use domain::observed::OwnCompany;
use domain::{OrganisationId, StageId};
use jiff::Timestamp;
use planner::{Funnel, Mode, Organisation, Policy};

use super::{Seen, Wishes, holds};
use crate::check;
use crate::fault::Told;

/// Our companies on the portal with the organisations that have their INN and KPP.
pub(super) fn matched(
    seen: &Seen,
    former: Option<&Policy>,
    zone: &str,
    findings: &mut Vec<Finding>,
) -> Vec<Organisation> {
    let mut organisations = Vec::new();
    for own in &seen.organisations {
        let companies = companies_of(own, &seen.companies);
        let what = format!("Организация «{}»", own.name);
        match companies.as_slice() {
            [company] => {
                findings.push(holds(
                    what,
                    format!("на портале это «{}» (компания {})", company.title, company.id),
                ));
                organisations.push(Organisation {
                    id: own.id.clone(),
                    title: own.name.clone(),
                    own_company: company.id,
                    account: None,
                    time_zone: zone.to_owned(),
                    test: own.test,
                    vat: Vec::new(),
                    paper: None,
                });
            }
            // What is for trying out need not have a company's INN: a person said whose it is.
            [] if former.is_some_and(|policy| is_test(policy, &own.id)) => {
                findings.push(holds(what, "тестовая, своя компания названа в правилах"));
            }
            [] => findings.push(check::fails(
                what,
                format!(
                    "на портале нет своей компании с ИНН {} и КПП {}: добавьте её в «Реквизиты моей компании» или \
                     исправьте реквизиты, затем повторите настройку",
                    own.inn.as_deref().unwrap_or("—"),
                    own.kpp.as_deref().unwrap_or("—")
                ),
                "ORGANISATION-UNMATCHED",
            )),
            several => findings.push(check::fails(
                what,
                format!(
                    "на портале несколько своих компаний с такими реквизитами ({}): оставьте одну",
                    several
                        .iter()
                        .map(|company| company.id.to_string())
                        .collect::<Vec<_>>()
                        .join(", ")
                ),
                "ORGANISATION-UNMATCHED",
            )),
        }
    }
    organisations
}

fn is_test(policy: &Policy, id: &OrganisationId) -> bool {
    policy
        .organisation(id)
        .is_some_and(|organisation| organisation.test)
}

/// What a person wrote of an organisation stays.
pub(super) fn keep_former(organisations: &mut Vec<Organisation>, former: Option<&Policy>) {
    for before in former.iter().flat_map(|policy| &policy.organisations) {
        match organisations.iter_mut().find(|one| one.id == before.id) {
            Some(one) => {
                one.account.clone_from(&before.account);
                one.time_zone.clone_from(&before.time_zone);
                one.test |= before.test;
                one.vat.clone_from(&before.vat);
                one.paper.clone_from(&before.paper);
            }
            None => organisations.push(before.clone()),
        }
    }
}

/// The companies with an organisation's INN and KPP; one that tells no KPP is found by its INN alone if there
/// is no other.
pub(crate) fn companies_of<'a>(
    own: &OwnOrganisation,
    companies: &'a [OwnCompany],
) -> Vec<&'a OwnCompany> {
    let inn = own.inn.as_deref().unwrap_or_default();
    let kpp = own.kpp.as_deref().unwrap_or_default();
    let having = |fits: &dyn Fn(&str) -> bool| -> Vec<&'a OwnCompany> {
        companies
            .iter()
            .filter(|company| {
                company
                    .requisites
                    .iter()
                    .any(|one| !inn.is_empty() && one.inn.trim() == inn && fits(one.kpp.trim()))
            })
            .collect()
    };
    let exact = having(&|theirs| theirs == kpp);
    if exact.is_empty() && kpp.is_empty() {
        having(&|_| true)
    } else {
        exact
    }
}

pub(super) fn nobody_sells(seen: &Seen) -> Told {
    let theirs: Vec<String> = seen
        .organisations
        .iter()
        .map(|own| {
            format!(
                "{} {}/{}",
                own.name,
                own.inn.as_deref().unwrap_or("—"),
                own.kpp.as_deref().unwrap_or("—")
            )
        })
        .collect();
    let ours: Vec<String> = seen
        .companies
        .iter()
        .flat_map(|company| {
            company
                .requisites
                .iter()
                .map(move |one| format!("{} {}/{}", company.title, one.inn, one.kpp))
        })
        .collect();
    Told::failure(format!(
        "no organisation of the accounting side is an own company of the portal by INN and KPP: accounting has [{}], \
         the portal has [{}]",
        theirs.join("; "),
        ours.join("; ")
    ))
    .hint("`provodka explain ORGANISATION-UNMATCHED`")
}

/// The funnels to follow. What the former policy says stays, unless a wish changes it; its stages are read anew.
pub(super) fn followed(
    funnels: &[SeenFunnel],
    wishes: &Wishes,
    organisations: &[Organisation],
    former: Option<&Policy>,
) -> Result<Vec<Funnel>, Told> {
    known(funnels, wishes)?;
    let mut real = organisations.iter().filter(|one| !one.test);
    let organisation = match (real.next(), real.next(), organisations) {
        (Some(only), None, _) | (None, _, [only]) => Some(only.id.clone()),
        (Some(_), Some(_), _) | (None, _, _) => None,
    };
    let mut followed = Vec::new();
    for seen in funnels {
        let before = former.and_then(|policy| policy.funnels.iter().find(|one| one.id == seen.id));
        let named = wishes.funnels.contains(&seen.id);
        let chosen = named || (wishes.funnels.is_empty() && (before.is_some() || former.is_none()));
        if !chosen && before.is_none() {
            continue;
        }
        let mode = match (chosen && wishes.active, before) {
            (true, _) => Mode::Active,
            (false, Some(before)) => before.mode,
            (false, None) => Mode::WatchOnly,
        };
        let settle_seconds = wishes.settle_seconds.filter(|_| chosen);
        followed.push(Funnel {
            id: seen.id,
            mode,
            start_at: before.and_then(|before| before.start_at),
            stages: seen.stages.iter().map(|stage| stage.id.clone()).collect(),
            former: before.map_or_else(Vec::new, |before| before.former.clone()),
            invoice_stages: if chosen {
                invoice_stages(seen, &wishes.stages, before)
            } else {
                invoice_stages(seen, &[], before)
            },
            organisation: before
                .and_then(|before| before.organisation.clone())
                .or_else(|| organisation.clone()),
            settle_seconds: settle_seconds
                .or_else(|| before.map(|before| before.settle_seconds))
                .unwrap_or(10),
        });
    }
    followed.retain(|funnel| !funnel.invoice_stages.is_empty());
    if followed.is_empty() {
        let message = "no stage has `INVOICE` in its id, so the invoice stage must be named";
        return Err(Told::mistake(message).hint(stages_hint(funnels)));
    }
    Ok(followed)
}

/// Since when deals want invoices. A funnel that becomes active beside others begins then, and theirs goes on; a portal
/// that only watched begins anew: what entered a stage meanwhile was never promised an invoice.
pub(super) fn begin(
    funnels: &mut [Funnel],
    former: Option<&Policy>,
    is_wished: bool,
    now: Timestamp,
) -> Timestamp {
    let Some(former) = former else {
        return now;
    };
    if !former.is_at_work() {
        return if is_wished { now } else { former.start_at };
    }
    for funnel in funnels {
        if funnel.mode == Mode::Active && !former.is_active(funnel.id) {
            funnel.start_at = Some(now);
        }
    }
    former.start_at
}

/// Where a stage stands on the other side of the invoice stage now, what deals did until now goes by the order that was.
pub(super) fn reordered(funnels: &mut [Funnel], former: Option<&Policy>, now: Timestamp) {
    for funnel in funnels {
        let mut before = former.into_iter().flat_map(|policy| &policy.funnels);
        if let Some(before) = before.find(|one| one.id == funnel.id) {
            funnel.keep_former(before, now);
        }
    }
}

/// Wishes name what the portal has.
fn known(funnels: &[SeenFunnel], wishes: &Wishes) -> Result<(), Told> {
    for wish in &wishes.funnels {
        if !funnels.iter().any(|funnel| funnel.id == *wish) {
            let message = format!("the portal has no funnel {wish}");
            return Err(Told::mistake(message).hint(funnels_hint(funnels)));
        }
    }
    for stage in &wishes.stages {
        let exists = funnels
            .iter()
            .any(|funnel| funnel.stages.iter().any(|seen| seen.id == *stage));
        if !exists {
            let message = format!("the portal has no stage `{stage}`");
            return Err(Told::mistake(message).hint(stages_hint(funnels)));
        }
    }
    Ok(())
}

fn funnels_hint(funnels: &[SeenFunnel]) -> String {
    let known: Vec<String> = funnels
        .iter()
        .map(|funnel| format!("{} {}", funnel.id, funnel.name))
        .collect();
    format!(
        "name a funnel by --funnel; the technical user sees:\n      {}",
        known.join("\n      ")
    )
}

fn stages_hint(funnels: &[SeenFunnel]) -> String {
    let known: Vec<String> = funnels
        .iter()
        .flat_map(|funnel| {
            let stages = funnel.stages.iter();
            stages.map(move |stage| format!("{}: {} {}", funnel.id, stage.id, stage.name))
        })
        .collect();
    format!(
        "name a stage by --stage; there are:\n      {}",
        known.join("\n      ")
    )
}

/// The named stages of a funnel, else those it had; else one: that of the invoice in advance, else the first that
/// has `INVOICE` in its id.
fn invoice_stages(funnel: &SeenFunnel, named: &[StageId], before: Option<&Funnel>) -> Vec<StageId> {
    let among = |wanted: &[StageId]| -> Vec<StageId> {
        let ids = funnel.stages.iter().map(|stage| &stage.id);
        ids.filter(|id| wanted.contains(id)).cloned().collect()
    };
    if !among(named).is_empty() || !named.is_empty() && before.is_none() {
        return among(named);
    }
    if let Some(before) = before {
        return among(&before.invoice_stages);
    }
    let having = |word: &str| {
        let mut ids = funnel.stages.iter().map(|stage| &stage.id);
        ids.find(|id| id.as_str().contains(word)).cloned()
    };
    having("PREPAYMENT_INVOICE")
        .or_else(|| having("INVOICE"))
        .into_iter()
        .collect()
}
