//! `provodka setup`: prepares the portal and writes the first policy; asks nothing, says what it did.
//!
//! Repeating it is harmless: fields are reused, the policy is added to, events that are bound stay.

use std::collections::BTreeMap;
use std::io::Write;

use anyhow::Context as _;
use capability::accounting::OwnOrganisation;
use capability::portal::{Finding, Funnel as SeenFunnel};
use connector_bitrix24::{FieldNames, Offline};
use domain::observed::{OurField, OwnCompany};
use domain::{FunnelId, StageId};
use planner::{Funnel, InvoicePolicy, Mode, Organisation, Policy};

use crate::args::SetupArgs;
use crate::connect::Connector;
use crate::fault::Told;
use crate::product::Product;
use crate::{check, policy};

/// Our fields and the names that they get where policy names no others.
pub const FIELDS: [(OurField, &str); 6] = [
    (OurField::Number, "UF_CRM_PROVODKA_NUMBER"),
    (OurField::Date, "UF_CRM_PROVODKA_DATE"),
    (OurField::Status, "UF_CRM_PROVODKA_STATUS"),
    (OurField::Link, "UF_CRM_PROVODKA_LINK"),
    (OurField::Sum, "UF_CRM_PROVODKA_SUM"),
    (OurField::Command, "UF_CRM_PROVODKA_COMMAND"),
];

/// What is wished for beside the defaults.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// Funnels to follow; none: those with an invoice stage.
    pub funnels: Vec<FunnelId>,
    /// Invoice stages; none: those with `INVOICE` in their id.
    pub stages: Vec<StageId>,
    /// Who is told of what needs a hand.
    pub administrator: Option<String>,
    /// Whether invoices are issued at once.
    pub active: bool,
    /// Whether nothing is changed.
    pub dry_run: bool,
}

impl From<SetupArgs> for Wishes {
    fn from(args: SetupArgs) -> Self {
        Self {
            funnels: args.funnel.into_iter().map(FunnelId).collect(),
            stages: args.stage.into_iter().map(StageId::new).collect(),
            administrator: args.administrator,
            active: args.active,
            dry_run: args.dry_run,
        }
    }
}

/// What was done.
#[derive(Clone, Debug)]
pub struct Report {
    /// Nothing was changed.
    pub dry_run: bool,
    /// In order.
    pub findings: Vec<Finding>,
    /// The policy in force, or the one that would be.
    pub policy: String,
    /// Its version; none where nothing was written.
    pub version: Option<i64>,
    /// What is left for a person.
    pub next: Vec<String>,
}

/// Prepares the portal.
///
/// # Errors
/// When a remote does not answer, no stage fits, or no organisation is known on both sides.
pub async fn run(product: &Product, wishes: &Wishes) -> anyhow::Result<Report> {
    let call = product.call();
    let done = prepare(product, &call, wishes).await;
    product.keep(&call, "setup").await?;
    done
}

async fn prepare(
    product: &Product,
    call: &capability::Call<'_>,
    wishes: &Wishes,
) -> anyhow::Result<Report> {
    let portal = product.connector.register().await?;
    let offline = match (product.config.is_app(), wishes.dry_run) {
        (true, false) => product
            .connector
            .learn_offline(call)
            .await
            .map_err(|error| unreachable_portal(&error))?,
        (true, true) | (false, _) => Connector::offline_of(&portal),
    };
    let former = match product.store.policy_current(product.portal()).await? {
        Some(stored) => Some((stored.version, policy::read(&stored)?)),
        None => None,
    };
    let seen = look_around(product, call).await?;
    let mut findings = Vec::new();
    let organisations = matched(&seen, &mut findings);
    if organisations.is_empty() {
        return Err(nobody_sells(&seen).into());
    }
    let wanted = wanted_fields(former.as_ref().map(|(_, policy)| policy));
    let fields = if wishes.dry_run {
        wanted.clone()
    } else {
        product
            .connector
            .bitrix24(FieldNames::default(), offline)?
            .portal()
            .set_up
            .ensure_fields(call, &wanted)
            .await
            .map_err(|error| {
                Told::failure(format!("the fields could not be made: {error}")).hint(
                    "the technical user must be an administrator of the CRM; or name existing fields in the policy",
                )
            })?
    };
    findings.push(holds(
        "Поля сделки",
        fields
            .iter()
            .map(|(_, name)| name.as_str())
            .collect::<Vec<_>>()
            .join(", "),
    ));
    let funnels = followed(&seen.funnels, wishes, &organisations)?;
    for funnel in &funnels {
        findings.push(followed_in_words(funnel, &seen.funnels));
    }
    let policy = Policy {
        start_at: former
            .as_ref()
            .map_or_else(|| product.clock.now(), |(_, policy)| policy.start_at),
        administrator: wishes.administrator.clone().or_else(|| {
            former
                .as_ref()
                .and_then(|(_, policy)| policy.administrator.clone())
        }),
        fields: fields.iter().cloned().collect(),
        invoice: former
            .as_ref()
            .map_or_else(InvoicePolicy::default, |(_, policy)| policy.invoice.clone()),
        organisations,
        funnels,
    };
    let version = former.as_ref().map(|(version, _)| *version);
    let same = former.is_some_and(|(_, former)| former == policy);
    let text = commented(&policy)?;
    let version = if wishes.dry_run || same {
        version.filter(|_| same)
    } else {
        Some(policy::put(product, &text, version.unwrap_or(0), "provodka setup").await?)
    };
    let mut next = next_steps(&policy);
    findings.extend(bound(product, call, offline, wishes.dry_run, &mut next).await?);
    Ok(Report {
        dry_run: wishes.dry_run,
        findings,
        policy: text,
        version,
        next,
    })
}

/// What both sides have.
struct Seen {
    funnels: Vec<SeenFunnel>,
    companies: Vec<OwnCompany>,
    organisations: Vec<OwnOrganisation>,
}

async fn look_around(product: &Product, call: &capability::Call<'_>) -> anyhow::Result<Seen> {
    let portal = product
        .connector
        .bitrix24(FieldNames::default(), Offline::Absent)?
        .portal();
    let accounting = product.connector.accounting()?;
    let funnels = portal.directory.funnels(call).await;
    let companies = portal.directory.own_companies(call).await;
    let organisations = accounting.probe.organisations(call).await;
    Ok(Seen {
        funnels: funnels.map_err(|error| unreachable_portal(&error.to_string()))?,
        companies: companies.map_err(|error| unreachable_portal(&error.to_string()))?,
        organisations: organisations.map_err(|error| {
            Told::failure(format!("the accounting side cannot be read: {error}"))
                .hint("`provodka check` says what to do")
        })?,
    })
}

fn unreachable_portal(error: &str) -> Told {
    Told::failure(format!("the portal cannot be read: {error}"))
        .hint("`provodka check` says what to do")
}

/// Our companies on the portal with the organisations that have their INN and KPP.
fn matched(seen: &Seen, findings: &mut Vec<Finding>) -> Vec<Organisation> {
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
                    time_zone: "Europe/Moscow".to_owned(),
                });
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

fn nobody_sells(seen: &Seen) -> Told {
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

fn wanted_fields(former: Option<&Policy>) -> Vec<(OurField, String)> {
    let named = former.map(|policy| &policy.fields);
    FIELDS
        .iter()
        .map(|(field, name)| {
            let named = named.and_then(|named| named.get(field));
            (*field, named.cloned().unwrap_or_else(|| (*name).to_owned()))
        })
        .collect()
}

fn followed(
    funnels: &[SeenFunnel],
    wishes: &Wishes,
    organisations: &[Organisation],
) -> Result<Vec<Funnel>, Told> {
    let known: Vec<String> = funnels
        .iter()
        .flat_map(|funnel| {
            let stages = funnel.stages.iter();
            stages.map(move |stage| format!("{}: {} {}", funnel.id, stage.id, stage.name))
        })
        .collect();
    let hint = format!(
        "name a stage by --stage; there are:\n      {}",
        known.join("\n      ")
    );
    for wish in &wishes.funnels {
        if !funnels.iter().any(|funnel| funnel.id == *wish) {
            let message = format!("the portal has no funnel {wish}");
            return Err(Told::mistake(message).hint(hint));
        }
    }
    let wanted = |stage: &StageId| match wishes.stages.as_slice() {
        [] => stage.as_str().contains("INVOICE"),
        named => named.contains(stage),
    };
    for stage in &wishes.stages {
        let exists = funnels
            .iter()
            .any(|funnel| funnel.stages.iter().any(|seen| seen.id == *stage));
        if !exists {
            return Err(Told::mistake(format!("the portal has no stage `{stage}`")).hint(hint));
        }
    }
    let organisation = match organisations {
        [only] => Some(only.id.clone()),
        _ => None,
    };
    let mode = if wishes.active {
        Mode::Active
    } else {
        Mode::WatchOnly
    };
    let followed: Vec<Funnel> = funnels
        .iter()
        .filter(|funnel| wishes.funnels.is_empty() || wishes.funnels.contains(&funnel.id))
        .map(|funnel| Funnel {
            id: funnel.id,
            mode,
            stages: funnel.stages.iter().map(|stage| stage.id.clone()).collect(),
            invoice_stages: funnel
                .stages
                .iter()
                .map(|stage| stage.id.clone())
                .filter(|stage| wanted(stage))
                .collect(),
            organisation: organisation.clone(),
            settle_seconds: 10,
        })
        .filter(|funnel| !funnel.invoice_stages.is_empty())
        .collect();
    if followed.is_empty() {
        let message = "no stage has `INVOICE` in its id, so the invoice stage must be named";
        return Err(Told::mistake(message).hint(hint));
    }
    Ok(followed)
}

fn followed_in_words(funnel: &Funnel, seen: &[SeenFunnel]) -> Finding {
    let known = seen.iter().find(|one| one.id == funnel.id);
    let name = known.map_or("", |one| one.name.as_str());
    let stages: Vec<String> = funnel
        .invoice_stages
        .iter()
        .map(|id| {
            let stage = known.and_then(|one| one.stages.iter().find(|stage| stage.id == *id));
            format!("«{}» ({id})", stage.map_or("", |stage| stage.name.as_str()))
        })
        .collect();
    let mode = match funnel.mode {
        Mode::Active => "счета выставляются",
        Mode::WatchOnly => "только наблюдение: планы видны, ничего не пишется",
        Mode::Off => "выключена",
    };
    holds(
        format!("Воронка «{name}» ({})", funnel.id),
        format!("счёт нужен на стадии {}; {mode}", stages.join(", ")),
    )
}

fn next_steps(policy: &Policy) -> Vec<String> {
    let mut next = Vec::new();
    if policy.funnels.iter().any(|one| one.mode == Mode::WatchOnly) {
        next.push(
            "посмотрите планы: `provodka plan --deal НОМЕР`; чтобы счета выставлялись, повторите с --active".to_owned(),
        );
    }
    if policy.administrator.is_none() {
        next.push(
            "назовите чат, куда писать о том, что требует руки: `provodka setup --administrator chat12`".to_owned(),
        );
    }
    next
}

/// Binds events, or says what a person binds.
async fn bound(
    product: &Product,
    call: &capability::Call<'_>,
    offline: Offline,
    dry_run: bool,
    next: &mut Vec<String>,
) -> anyhow::Result<Vec<Finding>> {
    let Some(handler) = product.config.events_url() else {
        next.push(
            "задайте server.public_url, чтобы портал мог слать события; без них изменения находит обход".to_owned(),
        );
        return Ok(Vec::new());
    };
    if dry_run {
        next.push(format!("события будут приходить на {handler}"));
        return Ok(Vec::new());
    }
    let set_up = product
        .connector
        .bitrix24(FieldNames::default(), offline)?
        .portal()
        .set_up;
    let findings = set_up
        .bind_events(call, handler.as_str())
        .await
        .map_err(|error| Told::failure(format!("events could not be bound: {error}")))?;
    if product.config.is_app() {
        let (fine, wrong): (Vec<Finding>, Vec<Finding>) =
            findings.into_iter().partition(|finding| finding.holds);
        let count = fine.len();
        let mut told = vec![holds(
            "События",
            format!("{count} подписок, адрес {handler}"),
        )];
        told.extend(wrong);
        return Ok(told);
    }
    if product.config.bitrix24.application_token.is_some() {
        return Ok(vec![holds(
            "События",
            format!("исходящий вебхук, адрес {handler}"),
        )]);
    }
    // What a person binds by hand is a step to come and no fault.
    next.extend(findings.into_iter().map(|finding| finding.advice));
    Ok(Vec::new())
}

/// The policy as a person edits it.
fn commented(policy: &Policy) -> anyhow::Result<String> {
    let text = policy.to_text().context("the policy cannot be written")?;
    let sections: BTreeMap<&str, &str> = BTreeMap::from([
        ("[fields]", "# Поля сделки, в которые пишется счёт."),
        (
            "[invoice]",
            "# Чей файл прикладывать (provodka, accounting, nothing) и срок оплаты в днях.",
        ),
        (
            "[[organisations]]",
            "# Наша организация: id в бухгалтерии и своя компания на портале.",
        ),
        (
            "[[funnels]]",
            "# Воронка: mode = off, watch_only или active; на invoice_stages нужен счёт.",
        ),
    ]);
    let mut commented = String::from(
        "# Правила портала. Сделки, вошедшие в стадию счёта до start_at, не трогаются.\n",
    );
    for line in text.lines() {
        if let Some(comment) = sections.get(line.trim()) {
            commented.push_str(comment);
            commented.push('\n');
        }
        commented.push_str(line);
        commented.push('\n');
    }
    Ok(commented)
}

fn holds(what: impl Into<String>, advice: impl Into<String>) -> Finding {
    Finding {
        what: what.into(),
        holds: true,
        advice: advice.into(),
        code: None,
    }
}

/// Prints what was done.
///
/// # Errors
/// When the output is closed.
pub fn print(report: &Report, out: &mut impl Write) -> anyhow::Result<()> {
    if report.dry_run {
        writeln!(out, "Проба: ничего не изменено.\n")?;
    }
    for finding in &report.findings {
        let mark = if finding.holds { "✓" } else { "✗" };
        writeln!(out, "{mark} {}: {}", finding.what, finding.advice)?;
    }
    match report.version {
        Some(version) => writeln!(out, "✓ Правила: версия {version}, `provodka policy export`")?,
        None => write!(out, "\nПравила были бы такими:\n\n{}", report.policy)?,
    }
    if !report.next.is_empty() {
        writeln!(out, "\nДальше:")?;
        for step in &report.next {
            writeln!(out, "  • {step}")?;
        }
    }
    Ok(())
}
