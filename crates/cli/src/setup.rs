//! `provodka setup`: prepares the portal and writes the first policy; asks nothing, says what it did.
//!
//! Repeating it is harmless: fields are reused, the policy is added to, events that are bound stay.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use anyhow::Context as _;
use capability::ConnectorError;
use capability::accounting::OwnOrganisation;
use capability::portal::{Finding, Funnel as SeenFunnel, OwnInvoices, PortalClock};
use connector_bitrix24::{FieldNames, Offline};
use domain::observed::{OurField, OwnCompany};
use domain::{FunnelId, StageId};
use planner::{Funnel, InvoicePolicy, Mode, MovedBy, Notices, Organisation, Policy, Quiet};

use crate::args::SetupArgs;
use crate::check;
use crate::connect::Connector;
use crate::fault::Told;
use crate::owner;
use crate::policy;
use crate::product::Product;

mod administrator;
mod choose;
mod money;
#[cfg(test)]
mod tests;
mod zone;

pub(crate) use choose::companies_of;
use choose::{begin, followed, keep_former, matched, nobody_sells, reordered};

/// Our fields and the names that they get where policy names no others.
pub const FIELDS: [(OurField, &str); 9] = [
    (OurField::Number, "UF_CRM_PROVODKA_NUMBER"),
    (OurField::Date, "UF_CRM_PROVODKA_DATE"),
    (OurField::Status, "UF_CRM_PROVODKA_STATUS"),
    (OurField::Link, "UF_CRM_PROVODKA_LINK"),
    (OurField::Sum, "UF_CRM_PROVODKA_SUM"),
    (OurField::Paid, "UF_CRM_PROVODKA_PAID"),
    (OurField::PaidOn, "UF_CRM_PROVODKA_PAID_ON"),
    (OurField::Promise, "UF_CRM_PROVODKA_PROMISE"),
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
    /// Who is told of what is an accountant's to answer; none: as the policy has it, at first the administrator.
    pub accountant: Option<String>,
    /// Whether invoices are issued at once.
    pub active: bool,
    /// How long a deal must stand before its invoice is issued; none: the policy's default.
    pub settle_seconds: Option<u32>,
    /// How long a deal that was changed after its invoice must stand before it is asked about; none: as the policy has it.
    pub gather_seconds: Option<u32>,
    /// Whether people are told at any hour; else a first policy is quiet from eight in the evening to eight in the morning.
    pub at_any_hour: bool,
    /// The page of an invoice on the accounting side; none: as the policy has it.
    pub invoice_link: Option<String>,
    /// By whose clock invoices are dated and evenings are quiet; none: as the policy has it, at first as the portal tells.
    pub time_zone: Option<String>,
    /// Whether payments are booked, with the accounts that the portal shows; else as the policy has it.
    pub money: bool,
    /// Whether the portal is taken over from another installation.
    pub take_over: bool,
    /// Whether nothing is changed.
    pub dry_run: bool,
}

impl From<SetupArgs> for Wishes {
    fn from(args: SetupArgs) -> Self {
        Self {
            funnels: args.funnel.into_iter().map(FunnelId).collect(),
            stages: args.stage.into_iter().map(StageId::new).collect(),
            administrator: args.administrator,
            accountant: args.accountant,
            active: args.active,
            settle_seconds: args.settle_seconds,
            gather_seconds: args.gather_seconds,
            at_any_hour: args.at_any_hour,
            invoice_link: args.invoice_link,
            time_zone: args.time_zone,
            money: args.money,
            take_over: args.take_over,
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
    let known = former.as_ref().map(|(_, policy)| policy);
    administrator::named(wishes, known)?;
    let seen = look_around(product, call).await?;
    for dialog in wishes.administrator.iter().chain(&wishes.accountant) {
        administrator::found(product, call, dialog).await?;
    }
    let mut findings = Vec::new();
    let zone = zone::of(wishes.time_zone.as_deref(), &seen.clock)?;
    let mut organisations = matched(&seen, known, &zone.name, &mut findings);
    keep_former(&mut organisations, known);
    if wishes.time_zone.is_some() {
        for organisation in &mut organisations {
            organisation.time_zone.clone_from(&zone.name);
        }
    }
    if organisations.is_empty() {
        return Err(nobody_sells(&seen).into());
    }
    let wanted = wanted_fields(former.as_ref().map(|(_, policy)| policy));
    let set_up = product
        .connector
        .bitrix24(FieldNames::default(), offline)?
        .portal()
        .set_up;
    let number = name_of(&wanted, OurField::Number);
    owner::admit(product, call, &*set_up, number, wishes.take_over).await?;
    let fields = if wishes.dry_run {
        wanted.clone()
    } else {
        set_up
            .ensure_fields(call, &wanted)
            .await
            .map_err(|error| {
                Told::failure(format!("the fields could not be made: {error}")).hint(
                    "the technical user must be an administrator of the CRM; or name existing fields in the policy",
                )
            })?
    };
    findings.extend(seen.impatience.clone());
    if !wishes.dry_run {
        findings.push(owner::claim(product, call, &*set_up, number).await?);
    }
    findings.push(holds(
        "Поля сделки",
        fields
            .iter()
            .map(|(_, name)| name.as_str())
            .collect::<Vec<_>>()
            .join(", "),
    ));
    let former_policy = former.as_ref().map(|(_, policy)| policy);
    let mut funnels = followed(&seen.funnels, wishes, &organisations, former_policy)?;
    let now = next_second(product.clock.now());
    reordered(&mut funnels, former_policy, now);
    let start_at = begin(&mut funnels, former_policy, wishes.active, now);
    for funnel in &funnels {
        findings.push(followed_in_words(funnel, &seen.funnels));
    }
    findings.push(zone.in_words(&organisations));
    let policy = Policy {
        start_at,
        administrator: wishes.administrator.clone().or_else(|| {
            former
                .as_ref()
                .and_then(|(_, policy)| policy.administrator.clone())
        }),
        accountant: wishes
            .accountant
            .clone()
            .or_else(|| former_policy.and_then(|former| former.accountant.clone())),
        fields: fields.iter().cloned().collect(),
        invoice: invoice_policy(former_policy, wishes),
        notices: notices(former_policy, wishes, &zone.name),
        pilot: former_policy.and_then(|former| former.pilot.clone()),
        money: money::section(former_policy, wishes, &organisations, &seen.companies),
        organisations,
        funnels,
    };
    findings.extend(check::own_invoices(&policy, &seen.own_invoices));
    let version = former.as_ref().map(|(version, _)| *version);
    let same = former.is_some_and(|(_, former)| former == policy);
    let text = commented(&policy)?;
    let version = if wishes.dry_run || same {
        version.filter(|_| same)
    } else {
        Some(policy::put(product, &text, version.unwrap_or(0), "provodka setup").await?)
    };
    let mut next = unknown_regimes(&policy, product.clock.now());
    next.extend(next_steps(&policy));
    next.extend(unclear_accounts(&policy, &seen.companies));
    next.extend(money::next_steps(
        &policy,
        wishes,
        &seen.funnels,
        &seen.companies,
        product.config.is_app(),
    ));
    let mut stages = policy.money.iter().flat_map(|money| &money.stages);
    let fires = stages.any(|stage| stage.by == MovedBy::Trigger);
    if (fires || wishes.money) && !wishes.dry_run {
        findings.extend(set_up.register_trigger(call).await);
    }
    findings.extend(bound(product, call, offline, wishes.dry_run, &mut next).await?);
    Ok(Report {
        dry_run: wishes.dry_run,
        findings,
        policy: text,
        version,
        next,
    })
}

fn invoice_policy(former: Option<&Policy>, wishes: &Wishes) -> InvoicePolicy {
    let mut invoice = former.map_or_else(InvoicePolicy::default, |policy| policy.invoice.clone());
    if wishes.invoice_link.is_some() {
        invoice.link.clone_from(&wishes.invoice_link);
    }
    if let Some(seconds) = wishes.gather_seconds {
        invoice.gather_seconds = seconds;
    }
    invoice
}

/// A bell at night is told of in the morning, unless somebody wants it otherwise.
fn notices(former: Option<&Policy>, wishes: &Wishes, zone: &str) -> Notices {
    let Some(former) = former else {
        let quiet = Quiet {
            from: jiff::civil::time(20, 0, 0, 0),
            until: jiff::civil::time(8, 0, 0, 0),
            time_zone: zone.to_owned(),
        };
        return Notices {
            quiet: (!wishes.at_any_hour).then_some(quiet),
            ..Notices::default()
        };
    };
    let mut notices = former.notices.clone();
    if wishes.at_any_hour {
        notices.quiet = None;
    }
    if let (Some(quiet), Some(_)) = (&mut notices.quiet, &wishes.time_zone) {
        quiet.time_zone = zone.to_owned();
    }
    notices
}

/// The portal's stage history knows whole seconds only: what entered a stage in this one was there before us.
fn next_second(now: jiff::Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_second(now.as_second().saturating_add(1)).unwrap_or(now)
}

/// What both sides have.
struct Seen {
    funnels: Vec<SeenFunnel>,
    companies: Vec<OwnCompany>,
    organisations: Vec<OwnOrganisation>,
    own_invoices: OwnInvoices,
    clock: PortalClock,
    impatience: Option<Finding>,
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
    let impatience = accounting.probe.impatience(call).await;
    let own_invoices = portal.directory.own_invoices(call).await;
    let clock = portal.directory.clock(call).await;
    Ok(Seen {
        funnels: funnels.map_err(|error| unreachable_portal(&error.to_string()))?,
        companies: companies.map_err(|error| unreachable_portal(&error.to_string()))?,
        organisations: organisations.map_err(|error| unreachable_books(&error))?,
        impatience: impatience.unwrap_or_else(|error| Some(untold_times(&error))),
        own_invoices: own_invoices.map_err(|error| unreachable_portal(&error.to_string()))?,
        clock: clock.map_err(|error| unreachable_portal(&error.to_string()))?,
    })
}

/// The portal can be prepared without them.
fn untold_times(error: &ConnectorError) -> Finding {
    check::fails(
        "Сроки службы",
        format!(
            "служба их не сообщила ({}: {}); повторите `provodka check`: он сравнит с ними `timing.accounting_quiet`",
            error.code, error.message
        ),
        "KONTUR-ACCOUNTING",
    )
}

fn unreachable_books(error: &ConnectorError) -> Told {
    Told::failure(format!("the accounting side cannot be read: {error}"))
        .hint("`provodka check` says what to do")
}

fn unreachable_portal(error: &str) -> Told {
    Told::failure(format!("the portal cannot be read: {error}"))
        .hint("`provodka check` says what to do")
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

fn name_of(fields: &[(OurField, String)], wanted: OurField) -> &str {
    let mut fields = fields.iter().filter(|(field, _)| *field == wanted);
    fields.next().map_or("", |(_, name)| name.as_str())
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
    let watched = policy.funnels.iter();
    let watched = watched.filter(|one| one.mode == Mode::WatchOnly);
    let others_work = policy.funnels.iter().any(|one| one.mode == Mode::Active);
    // `--active` alone begins every one of them.
    let way = |one: &Funnel| {
        if others_work {
            format!("--active --funnel {}", one.id)
        } else {
            "--active".to_owned()
        }
    };
    let ways: BTreeSet<String> = watched.map(way).collect();
    for way in ways {
        next.push(format!(
            "посмотрите планы: `provodka plan --deal НОМЕР`; чтобы счета выставлялись, повторите с {way}"
        ));
    }
    if policy.administrator.is_none() {
        next.push(
            "назовите чат, куда писать о том, что требует руки: `provodka setup --administrator chat12`".to_owned(),
        );
    }
    next
}

/// Nothing on either side tells how an organisation stands to VAT; without it a wrong rate in a deal is not noticed.
fn unknown_regimes(policy: &Policy, now: jiff::Timestamp) -> Vec<String> {
    let unknown = check::vat::unknown(policy, now);
    let step = |organisation: &Organisation| {
        format!(
            "скажите, как «{}» платит НДС: `provodka policy export > rules.toml`, под этой организацией раздел \
             `[[organisations.vat]]` с `from` и `regime` (general, usn_5, usn_7, exempt), `provodka policy apply \
             rules.toml`; без этого подойдёт любая ставка",
            organisation.title
        )
    };
    unknown.map(step).collect()
}

/// Where buyers pay to has to be clear before the first invoice, else each deal is asked about it.
fn unclear_accounts(policy: &Policy, companies: &[OwnCompany]) -> Vec<String> {
    let organisations = policy.organisations.iter();
    let unclear = organisations.filter_map(|organisation| {
        let of_it = |company: &&OwnCompany| company.id == organisation.own_company;
        let company = companies.iter().find(of_it)?;
        let what = organisation.account_of(company).err()?;
        Some(format!("«{}»: {what}", organisation.title))
    });
    unclear.collect()
}

/// Binds events, or says what a person binds.
pub(crate) async fn bound(
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
    let step = |finding: Finding| format!("{}: {}", finding.what, finding.advice);
    next.extend(findings.into_iter().map(step));
    Ok(Vec::new())
}

/// The policy as a person edits it.
pub(crate) fn commented(policy: &Policy) -> anyhow::Result<String> {
    let text = policy.to_text().context("the policy cannot be written")?;
    let sections: BTreeMap<&str, &str> = BTreeMap::from([
        ("[fields]", "# Поля сделки, в которые пишется счёт."),
        (
            "[invoice]",
            "# Чей файл прикладывать (provodka, accounting, nothing) и срок оплаты в днях.",
        ),
        (
            "[money]",
            "# Оплаты: наши счета и стадии оплаченных сделок.",
        ),
        ("[notices]", "# О чём и когда сообщать людям."),
        (
            "[notices.quiet]",
            "# Тихие часы: ночной вопрос сообщается утром.",
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
