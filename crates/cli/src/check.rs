//! `provodka check`: everything that can be tried before it is needed, each with what to do.
//!
//! Nothing is changed on the remotes, and one failure hides no other.

mod decides;
mod paper;
pub(crate) mod vat;

use std::io::Write;

use capability::portal::{Finding, Funnel as SeenFunnel, OwnInvoices};
use comfy_table::{ContentArrangement, Table};
use connector_bitrix24::{FieldNames, refused};
use desk::pause;
use domain::calendar;
use domain::observed::{OurField, OwnCompany};
use jiff::tz::TimeZone;
use planner::{Mode, Policy, SmartInvoices};
use serde_json::json;
use store::Portal;

use crate::config::Accounting;
use crate::connect::Connector;
use crate::fault::Unwell;
use crate::product::Product;
use crate::setup::companies_of;
use crate::{clock, owner, papers, policy, zone};

/// What was found, by part.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Parts with their findings, in order.
    pub parts: Vec<(&'static str, Vec<Finding>)>,
}

impl Report {
    /// Whether everything holds.
    pub fn is_well(&self) -> bool {
        self.parts
            .iter()
            .all(|(_, findings)| findings.iter().all(|finding| finding.holds))
    }
}

/// Tries everything. `opened`: the product, or why it could not be opened.
pub async fn run(opened: anyhow::Result<Product>) -> Report {
    let product = match opened {
        Ok(product) => product,
        Err(error) => {
            let finding = fails("База данных", format!("{error:#}"), "DATABASE-UNUSABLE");
            return Report {
                parts: vec![("Эта машина", vec![finding])],
            };
        }
    };
    let call = product.call();
    let mut report = Report::default();
    if let Err(error) = product.connector.register().await {
        tracing::warn!(%error, "the portal cannot be registered");
    }
    report.parts.push(("Эта машина", machine(&product).await));
    let (policy, mut rules) = stored_policy(&product).await;
    if let Some(policy) = &policy {
        rules.push(administrator(policy));
        rules.extend(files(&product, policy).await);
    }
    let portal = on_portal(&product, &call, policy.as_ref(), &mut rules).await;
    let accounting = on_accounting(&product, &call, policy.as_ref(), &mut rules).await;
    let now = product.clock.now();
    if let Some(policy) = &policy {
        rules.extend(vat::regimes(policy, now));
    }
    let today = now.to_zoned(TimeZone::UTC).date();
    rules.extend(policy.as_ref().and_then(|policy| days_off(policy, today)));
    report.parts.push(("Битрикс24", portal));
    report.parts.push(("Бухгалтерия", accounting));
    report.parts.push(("Правила", rules));
    if let Err(error) = product.keep(&call, "check").await {
        tracing::warn!(%error, "an exchange is missing from the journal");
    }
    report
}

async fn machine(product: &Product) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.push(
        match product.store.prove_writable(product.clock.now()).await {
            // How it was opened tells the rest: a database that could lose commits is refused.
            Ok(()) => holds("База данных", "пишется, записанное не теряется"),
            Err(error) => fails("База данных", error.to_string(), "DATABASE-UNUSABLE"),
        },
    );
    let now = product.clock.now();
    findings.push(if clock::is_believable(now) {
        holds("Часы", now.to_string())
    } else {
        fails(
            "Часы",
            format!("показывают {now}: настройте синхронизацию времени"),
            "CLOCK-WRONG",
        )
    });
    let config = &product.config;
    findings.push(match (config.events_url(), config.development) {
        (Some(url), _) => holds("Адрес для событий", url.to_string()),
        (None, _) => holds(
            "Адрес для событий",
            "не задан: изменения находит обход, а не событие; задайте server.public_url",
        ),
    });
    let has_token = product
        .connector
        .token_digest(product.portal())
        .await
        .is_ok_and(|digest| digest.is_some());
    findings.push(match (has_token, config.is_app()) {
        (true, _) => holds("Токен событий", "известен"),
        (false, true) => fails(
            "Токен событий",
            "приложение ещё не установлено: при работающем `provodka serve` нажмите «Переустановить» в его настройках на портале",
            "BITRIX24-INSTALL",
        ),
        (false, false) => holds(
            "Токен событий",
            "не задан: события не принимаются, изменения находит обход",
        ),
    });
    findings
}

async fn stored_policy(product: &Product) -> (Option<Policy>, Vec<Finding>) {
    let what = "Правила портала";
    match product.store.policy_current(product.portal()).await {
        Err(error) => (
            None,
            vec![fails(what, error.to_string(), "DATABASE-UNUSABLE")],
        ),
        Ok(None) => (
            None,
            vec![fails(
                what,
                "ещё не записаны: запустите `provodka setup`",
                "POLICY-MISSING",
            )],
        ),
        Ok(Some(stored)) => match policy::read(&stored) {
            Ok(policy) => {
                let finding = holds(what, format!("версия {}", stored.version));
                (Some(policy), vec![finding])
            }
            Err(error) => (
                None,
                vec![fails(
                    what,
                    format!("{:#}", anyhow::Error::new(error)),
                    "POLICY-OUTDATED",
                )],
            ),
        },
    }
}

/// Who hears what no manager can mend.
fn administrator(policy: &Policy) -> Finding {
    let what = "Кому сообщать";
    match (&policy.administrator, &policy.accountant) {
        (Some(dialog), None) => holds(
            what,
            format!("{dialog}: что требует руки администратора или бухгалтера"),
        ),
        (Some(dialog), Some(accountant)) => holds(
            what,
            format!("администратору — {dialog}, бухгалтеру — {accountant}"),
        ),
        (None, _) => fails(
            what,
            "`administrator` не назван, и что требует его руки, не получает никто: `provodka setup \
             --administrator chat12`, чат с техническим пользователем или номер сотрудника",
            "ADMINISTRATOR-MISSING",
        ),
    }
}

/// The layout and the pictures that the policy names.
async fn files(product: &Product, policy: &Policy) -> Option<Finding> {
    let what = "Макет и картинки счёта";
    let named: Vec<String> = policy
        .paper_files()
        .into_iter()
        .map(|file| file.name)
        .collect();
    match papers::load(&product.config, policy).await {
        Ok(_) => (!named.is_empty()).then(|| holds(what, named.join(", "))),
        Err(faults) => Some(fails(what, faults.in_russian(), papers::PAPER_UNUSABLE)),
    }
}

/// How far the production calendar is known, where terms are counted by it.
fn days_off(policy: &Policy, today: jiff::civil::Date) -> Option<Finding> {
    let invoice = &policy.invoice;
    let counts = invoice.due_days.is_some()
        || invoice.valid_days.is_some()
        || !invoice.terms.is_empty()
        || policy
            .money
            .as_ref()
            .is_some_and(|money| money.overdue.is_some());
    let (year, next) = (today.year(), today.year().saturating_add(1));
    let without = "выходными считаются субботы, воскресенья и праздники статьи 112 ТК";
    let known = match (calendar::decree(year), calendar::decree(next)) {
        (Some(decree), Some(_)) => format!("{year} и {next} годы; {year}: {decree}"),
        (Some(decree), None) => {
            format!("{year} год: {decree}; {next} года в программе ещё нет, в нём {without}")
        }
        (None, _) => format!("{year} года в программе нет: {without}; обновите программу"),
    };
    counts.then(|| holds("Производственный календарь", known))
}

async fn on_portal(
    product: &Product,
    call: &capability::Call<'_>,
    policy: Option<&Policy>,
    rules: &mut Vec<Finding>,
) -> Vec<Finding> {
    let what = "Доступ к порталу";
    let known = match product.store.portal_get(product.portal()).await {
        Ok(known) => known,
        Err(error) => return vec![fails(what, error.to_string(), "DATABASE-UNUSABLE")],
    };
    let offline = known
        .as_ref()
        .map(Connector::offline_of)
        .unwrap_or_default();
    let fields = policy.map(|policy| {
        FieldNames::new(policy.fields.clone())
            .and_reading(policy.deal_fields())
            .and_contacts(policy.names_contacts())
    });
    let bitrix24 = match product
        .connector
        .bitrix24(fields.unwrap_or_default(), offline)
    {
        Ok(bitrix24) => bitrix24.portal(),
        Err(error) => return vec![fails(what, error.to_string(), "CONFIG-REFUSED")],
    };
    let mut findings = bitrix24.directory.probe(call).await;
    if let Some(portal) = known.filter(|portal| portal.paused) {
        findings.insert(0, paused(&portal, &zone::of(policy)));
    }
    if let Some(policy) = policy {
        let number = policy.fields.get(&OurField::Number);
        let number = number.map_or("", String::as_str);
        findings.extend(owner::finding(product, call, &*bitrix24.set_up, number).await);
        match bitrix24.directory.funnels(call).await {
            Ok(funnels) => rules.extend(against_funnels(policy, &funnels)),
            Err(error) => rules.push(refused("Воронки", &error)),
        }
        match bitrix24.directory.own_companies(call).await {
            Ok(companies) => rules.extend(against_companies(policy, &companies)),
            Err(error) => rules.push(refused("Свои компании", &error)),
        }
        match bitrix24.directory.own_invoices(call).await {
            Ok(seen) => rules.extend(own_invoices(policy, &seen)),
            Err(error) => rules.push(refused("Смарт-счета", &error)),
        }
    }
    findings
}

/// What becomes of the portal's own invoices, where there are any: a buyer would get two.
pub(crate) fn own_invoices(policy: &Policy, seen: &OwnInvoices) -> Option<Finding> {
    let what = "Смарт-счета";
    let told = match (policy.invoice.smart_invoices, seen) {
        (_, OwnInvoices::None) | (Some(SmartInvoices::Ignore), OwnInvoices::Hidden(_)) => {
            return None;
        }
        (_, OwnInvoices::Hidden(error)) => {
            return Some(fails(
                what,
                format!(
                    "портал их не показывает ({error}), и о сделке с таким счётом не спросят: дайте пользователю право читать \
                     счета или скажите в правилах `invoice.smart_invoices = \"ignore\"`"
                ),
                "BITRIX24-RIGHTS",
            ));
        }
        (None | Some(SmartInvoices::Ask), OwnInvoices::Some) => {
            "на портале есть: о сделке с таким счётом спросим, прежде чем выставить наш"
        }
        (Some(SmartInvoices::Adopt), OwnInvoices::Some) => {
            "на портале есть: наш счёт берёт номер такого, если он один и на ту же сумму"
        }
        (Some(SmartInvoices::Ignore), OwnInvoices::Some) => {
            "на портале есть, по правилам на них не смотрим: у сделки может стать два счёта"
        }
    };
    Some(holds(what, told))
}

/// All else may hold, and nothing is done: a paused portal is not well.
fn paused(portal: &Portal, zone: &TimeZone) -> Finding {
    let since = pause::since(portal).map_or_else(String::new, |at| {
        let at = at.to_zoned(zone.clone());
        format!(" с {}", at.strftime("%d.%m.%Y %H:%M"))
    });
    let advice = if pause::is_removed(portal) {
        format!(
            "на паузе{since}: приложение снято с портала; установите его снова, и портал пойдёт дальше сам"
        )
    } else {
        format!(
            "на паузе{since}: ничего не пишется, события сохраняются; `provodka resume` пускает дальше"
        )
    };
    fails("Пауза", advice, "PORTAL-PAUSED")
}

async fn on_accounting(
    product: &Product,
    call: &capability::Call<'_>,
    policy: Option<&Policy>,
    rules: &mut Vec<Finding>,
) -> Vec<Finding> {
    let accounting = match product.connector.accounting() {
        Ok(accounting) => accounting,
        Err(error) => {
            let advice = format!("{:#}", anyhow::Error::new(error));
            return vec![fails("Бухгалтерия", advice, "CONFIG-REFUSED")];
        }
    };
    let mut findings = accounting.probe.probe(call).await;
    for finding in findings.iter_mut().filter(|finding| !finding.holds) {
        finding
            .code
            .get_or_insert_with(|| "KONTUR-ACCOUNTING".to_owned());
    }
    let Some(policy) = policy else {
        return findings;
    };
    rules.extend(
        policy
            .money
            .as_ref()
            .and_then(|money| decides::who(money, accounting.payments.is_some())),
    );
    let money = policy.money.as_ref();
    rules.extend(money.and_then(|money| decides::triggers(money, product.config.is_app())));
    let money = policy
        .money
        .as_ref()
        .filter(|money| money.overdue.is_some());
    let needs_payments = |money: &planner::MoneyPolicy| {
        let mut organisations = policy.organisations.iter();
        organisations.any(|one| money.is_known_by_accounting(&one.id))
    };
    if accounting.payments.is_none() && money.is_some_and(needs_payments) {
        rules.push(fails(
            "Напоминания о просрочке",
            "никто не скажет, что деньги по вчерашний день известны: назовите счета организации в `money.accounts` и \
             загружайте выписки или включите `accounting.payments`",
            "ACCOUNT-UNKNOWN",
        ));
    }
    if let Ok(own) = accounting.probe.organisations(call).await {
        let companies = match product
            .connector
            .bitrix24(FieldNames::default(), connector_bitrix24::Offline::Absent)
        {
            Ok(bitrix24) => bitrix24.portal().directory.own_companies(call).await.ok(),
            Err(_) => None,
        };
        let is_office = matches!(product.config.accounting, Accounting::Office(_));
        for organisation in &policy.organisations {
            let what = format!("Организация «{}»", organisation.title);
            let Some(seen) = own.iter().find(|one| one.id == organisation.id) else {
                rules.push(fails(
                    what,
                    if is_office {
                        "в `accounting.organisations` её нет, и счета от неё не выставляются: верните её или исправьте правила"
                    } else {
                        "ключ бухгалтерии её не открывает: выпустите ключ у нужной организации или исправьте правила"
                    },
                    "ORGANISATION-UNMATCHED",
                ));
                continue;
            };
            let Some(companies) = &companies else {
                continue;
            };
            let company = companies
                .iter()
                .find(|company| company.id == organisation.own_company);
            match company {
                Some(company) if is_office => rules.push(paper::printed(organisation, company)),
                Some(company) => rules.extend(paper::paid_to(organisation, company)),
                None => {}
            }
            let fits = companies_of(seen, companies)
                .iter()
                .any(|company| company.id == organisation.own_company);
            if is_office && seen.test != organisation.test {
                rules.push(fails(
                    what,
                    "тестовая ли она, в `accounting.organisations` и в правилах сказано по-разному (`test`): исправьте \
                     одно из двух",
                    "ORGANISATION-UNMATCHED",
                ));
                continue;
            }
            rules.push(if organisation.test {
                holds(
                    what,
                    "тестовая: её счета помечены как образцы и в выгрузку не входят",
                )
            } else if fits {
                holds(what, "ИНН и КПП совпадают с обеих сторон")
            } else {
                fails(
                    what,
                    format!(
                        "ИНН и КПП в бухгалтерии ({} / {}) не те, что у компании {} на портале",
                        seen.inn.as_deref().unwrap_or("—"),
                        seen.kpp.as_deref().unwrap_or("—"),
                        organisation.own_company
                    ),
                    "ORGANISATION-UNMATCHED",
                )
            });
        }
    }
    findings
}

fn against_funnels(policy: &Policy, seen: &[SeenFunnel]) -> Vec<Finding> {
    let followed = policy
        .funnels
        .iter()
        .filter(|funnel| funnel.mode != Mode::Off);
    followed
        .map(|funnel| {
            let Some(known) = seen.iter().find(|one| one.id == funnel.id) else {
                return fails(
                    format!("Воронка {}", funnel.id),
                    "на портале её нет или пользователь её не видит: исправьте правила или дайте право",
                    "POLICY-OUTDATED",
                );
            };
            let what = format!("Воронка «{}» ({})", known.name, funnel.id);
            let now: Vec<_> = known.stages.iter().map(|stage| &stage.id).collect();
            let gone: Vec<&str> = funnel
                .invoice_stages
                .iter()
                .filter(|stage| !now.contains(stage))
                .map(domain::StageId::as_str)
                .collect();
            if !gone.is_empty() {
                let advice = format!(
                    "стадий счёта больше нет: {}; исправьте `invoice_stages` в правилах",
                    gone.join(", ")
                );
                return fails(what, advice, "POLICY-OUTDATED");
            }
            if funnel.stages.iter().collect::<Vec<_>>() != now {
                return fails(
                    what,
                    "порядок стадий на портале другой, чем в правилах: обновите `stages`, повторив `provodka setup`",
                    "POLICY-OUTDATED",
                );
            }
            let mode = match funnel.mode {
                Mode::Active => "счета выставляются",
                Mode::WatchOnly | Mode::Off => "только наблюдение",
            };
            holds(what, mode)
        })
        .collect()
}

fn against_companies(policy: &Policy, seen: &[OwnCompany]) -> Vec<Finding> {
    let missing = policy
        .organisations
        .iter()
        .filter(|organisation| !seen.iter().any(|one| one.id == organisation.own_company));
    missing
        .map(|organisation| {
            fails(
                format!("Своя компания {}", organisation.own_company),
                format!(
                    "на портале её нет или пользователь её не видит, а за неё продаёт «{}»",
                    organisation.title
                ),
                "ORGANISATION-UNMATCHED",
            )
        })
        .collect()
}

pub(crate) fn holds(what: impl Into<String>, advice: impl Into<String>) -> Finding {
    Finding {
        what: what.into(),
        holds: true,
        advice: advice.into(),
        code: None,
    }
}

/// A finding that something does not hold.
pub(crate) fn fails(what: impl Into<String>, advice: impl Into<String>, code: &str) -> Finding {
    Finding {
        what: what.into(),
        holds: false,
        advice: advice.into(),
        code: Some(code.to_owned()),
    }
}

/// Prints the report as a table or as one JSON object.
///
/// # Errors
/// [`Unwell`] when something does not hold; otherwise when the output is closed.
pub fn print(report: &Report, json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    if json {
        writeln!(out, "{}", as_json(report))?;
    } else {
        writeln!(out, "{}", as_table(report))?;
    }
    if report.is_well() {
        Ok(())
    } else {
        Err(Unwell.into())
    }
}

fn as_json(report: &Report) -> serde_json::Value {
    let findings: Vec<serde_json::Value> = report
        .parts
        .iter()
        .flat_map(|(part, findings)| {
            findings.iter().map(move |finding| {
                json!({
                    "part": part,
                    "what": finding.what,
                    "holds": finding.holds,
                    "advice": finding.advice,
                    "code": finding.code.as_deref().map(str::to_uppercase),
                })
            })
        })
        .collect();
    json!({"holds": report.is_well(), "findings": findings})
}

fn as_table(report: &Report) -> Table {
    let mut table = Table::new();
    table
        .load_style(comfy_table::presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(vec!["", "Проверено", "Что видно и что сделать"]);
    for (part, findings) in &report.parts {
        table.add_row(vec![""]);
        table.add_row(vec!["", *part, ""]);
        for finding in findings {
            let mark = if finding.holds { "✓" } else { "✗" };
            let advice = match &finding.code {
                Some(code) => format!("{} [{}]", finding.advice, code.to_uppercase()),
                None => finding.advice.clone(),
            };
            table.add_row(vec![mark.to_owned(), finding.what.clone(), advice]);
        }
    }
    table
}
