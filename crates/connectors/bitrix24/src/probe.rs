//! What `check` asks of a portal: credential, scopes, user, plan, each right. Nothing is changed: a
//! right to write is tried by writing a field's present value back, which the portal does not save.

use capability::portal::Finding;
use capability::{Call, ConnectorError};
use domain::observed::OurField;
use domain::{VatRate, Verdict};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::client::Client;
use crate::command::Command;
use crate::connection::Connector;
use crate::deals::fields_command;
use crate::error::{Effect, other_shape};
use crate::fields::kinds;
use crate::gather::{items, rows};
use crate::tokens::TOKENS_SEALED;
use crate::translate::decimal;
use crate::wire;

/// Scopes without which something of the product does not work, with what that is.
const SCOPES: [(&str, &str); 2] = [
    ("crm", "сделки, реквизиты и комментарии"),
    ("im", "уведомления ответственному и администратору"),
];

impl Connector {
    /// Everything that can be tried; never fails as a whole.
    pub(crate) async fn findings(&self, call: &Call<'_>) -> Vec<Finding> {
        let is_app = self.client.access.is_app();
        let mut tries = self.readings();
        if is_app {
            tries.push(("app", Command::new("app.info", Value::Null)));
            tries.push(("offline", feature("rest_offline_extended")));
            tries.push(("connector", feature("rest_auth_connector")));
        }
        let commands: Vec<Command> = tries.iter().map(|(_, command)| command.clone()).collect();
        let answers = self.client.batch(call, &commands, Effect::Read).await;
        let mut findings = vec![credential(&answers)];
        if answers.iter().all(Result::is_err) {
            return findings;
        }
        let mut funnels = Vec::new();
        for ((what, _), answer) in tries.iter().zip(answers) {
            if *what == "funnels" {
                funnels = funnels_of(&answer);
            }
            findings.extend(self.finding(what, answer));
        }
        findings.extend(self.each_funnel(call, &funnels).await);
        if !is_app {
            findings.push(webhook_only());
        }
        findings
    }

    fn readings(&self) -> Vec<(&'static str, Command)> {
        let list = |kind: u64, filter: Value| {
            Command::new(
                "crm.item.list",
                json!({"entityTypeId": kind, "filter": filter, "select": ["id"], "start": -1}),
            )
        };
        let plain = |method: &'static str| {
            Command::new(
                method,
                json!({"select": ["ID"], "order": {"ID": "DESC"}, "start": -1}),
            )
        };
        vec![
            ("scope", Command::new("scope", Value::Null)),
            ("user", Command::new("profile", Value::Null)),
            (
                "funnels",
                Command::new("crm.category.list", json!({"entityTypeId": 2})),
            ),
            ("companies", list(4, json!({}))),
            ("contacts", list(3, json!({}))),
            ("own companies", list(4, json!({"=isMyCompany": "Y"}))),
            ("requisites", plain("crm.requisite.list")),
            ("bank details", plain("crm.requisite.bankdetail.list")),
            (
                "history",
                Command::new(
                    "crm.stagehistory.list",
                    json!({"entityTypeId": 2, "order": {"ID": "DESC"}, "select": ["ID"], "start": -1}),
                ),
            ),
            ("vat", Command::new("crm.vat.list", Value::Null)),
            ("fields", fields_command()),
        ]
    }

    fn finding(&self, what: &str, answer: Result<Value, ConnectorError>) -> Vec<Finding> {
        match what {
            "scope" => scopes(answer),
            "user" => vec![user(answer)],
            "app" => vec![installed(answer)],
            "offline" => vec![offline(answer)],
            "fields" => self.our_fields(answer),
            "own companies" => vec![own(answer)],
            "funnels" => vec![readable("Воронки сделок", answer)],
            "companies" => vec![readable("Чтение компаний", answer)],
            "contacts" => vec![readable("Чтение контактов", answer)],
            "requisites" => vec![readable("Чтение реквизитов", answer)],
            "bank details" => vec![readable("Чтение банковских реквизитов", answer)],
            "history" => vec![readable("История стадий", answer)],
            "vat" => vec![vat(answer, self.client.now())],
            _ => Vec::new(),
        }
    }

    fn our_fields(&self, answer: Result<Value, ConnectorError>) -> Vec<Finding> {
        let known = match answer {
            Ok(value) => kinds(&value),
            Err(error) => return vec![refused("Поля сделки", &error)],
        };
        let is_there = |name: &str| known.contains_key(name);
        let ours = self.fields.iter().map(|(field, name)| {
            let what = format!("Поле сделки «{}» ({name})", crate::setup::label(field));
            if is_there(name) {
                holds(what, "поле есть")
            } else {
                fails(
                    what,
                    "поля нет: запустите `provodka setup` или укажите существующее поле в правилах",
                    "BITRIX24-FIELD",
                )
            }
        });
        // A misspelt name would be an empty value on every deal.
        let named = self.fields.named().map(|name| {
            let what = format!("Поле сделки {name}, названное в правилах");
            if is_there(name) {
                holds(what, "поле есть")
            } else {
                fails(
                    what,
                    "поля нет: исправьте имя в правилах, `provodka policy export`",
                    "BITRIX24-FIELD",
                )
            }
        });
        ours.chain(named).collect()
    }

    /// Reading and writing deals, funnel by funnel.
    async fn each_funnel(&self, call: &Call<'_>, funnels: &[(u64, String)]) -> Vec<Finding> {
        let number = self.fields.name(OurField::Number);
        let commands: Vec<Command> = funnels
            .iter()
            .map(|(id, _)| newest_deal(*id, number))
            .collect();
        let answers = self.client.batch(call, &commands, Effect::Read).await;
        let mut findings = Vec::new();
        let mut writes: Vec<(&str, u64, Command)> = Vec::new();
        for ((_, name), answer) in funnels.iter().zip(answers) {
            let what = format!("Сделки воронки «{name}»: чтение");
            match answer.and_then(|value| items::<wire::DealItem>(value).map_err(|shape| other_shape(Effect::Read, "crm.item.list", shape.to_string()))) {
                Err(error) => findings.push(refused(what, &error)),
                Ok(deals) => match (deals.first(), number) {
                    (None, _) => findings.push(holds(what, "доступ есть; сделок пока нет или пользователь их не видит, запись не проверялась")),
                    (Some(_), None) => findings.push(holds(what, "доступ есть; запись не проверялась, поля ещё не созданы")),
                    (Some(deal), Some(number)) => {
                        findings.push(holds(what, "доступ есть"));
                        writes.push((name, deal.id.0, same_value(deal, number)));
                    }
                },
            }
        }
        findings.extend(self.try_writes(call, &writes).await);
        findings
    }

    async fn try_writes(&self, call: &Call<'_>, writes: &[(&str, u64, Command)]) -> Vec<Finding> {
        let commands: Vec<Command> = writes
            .iter()
            .map(|(_, _, command)| command.clone())
            .collect();
        let answers = self.client.batch(call, &commands, Effect::Write).await;
        let written = writes.iter().zip(answers);
        written
            .map(|((name, deal, _), answer)| {
                let what = format!("Сделки воронки «{name}»: запись");
                match answer {
                    Ok(_) => holds(
                        what,
                        format!("значение поля сделки {deal} записано без изменений"),
                    ),
                    Err(error) => refused(what, &error),
                }
            })
            .collect()
    }
}

/// Asks whether the plan has a feature.
pub(crate) fn feature(code: &str) -> Command {
    Command::new("feature.get", json!({ "CODE": code }))
}

/// The answers of several [`feature`] commands, in order.
pub(crate) async fn features(
    client: &Client,
    call: &Call<'_>,
    commands: &[Command],
) -> Result<Vec<bool>, ConnectorError> {
    let answers = client.batch(call, commands, Effect::Read).await;
    answers
        .into_iter()
        .map(|answer| {
            let feature = wire::read::<wire::Feature>(answer?, "feature");
            feature
                .map(|feature| feature.value.0)
                .map_err(|shape| other_shape(Effect::Read, "feature.get", shape.to_string()))
        })
        .collect()
}

/// What the portal says of our application.
pub(crate) async fn app_info(
    client: &Client,
    call: &Call<'_>,
) -> Result<wire::AppInfo, ConnectorError> {
    let command = Command::new("app.info", Value::Null);
    read_app(client.call(call, &command, Effect::Read).await?)
}

fn read_app(value: Value) -> Result<wire::AppInfo, ConnectorError> {
    wire::read::<wire::AppInfo>(value, "app")
        .map_err(|shape| other_shape(Effect::Read, "app.info", shape.to_string()))
}

/// A finding that something holds.
pub(crate) fn holds(what: impl Into<String>, advice: impl Into<String>) -> Finding {
    Finding {
        what: what.into(),
        holds: true,
        advice: advice.into(),
        code: None,
    }
}

/// A finding that something does not hold, with what to do.
pub(crate) fn fails(what: impl Into<String>, advice: impl Into<String>, code: &str) -> Finding {
    Finding {
        what: what.into(),
        holds: false,
        advice: advice.into(),
        code: Some(code.to_owned()),
    }
}

/// A finding out of a failed try: what the failure means and what to do.
pub fn refused(what: impl Into<String>, error: &ConnectorError) -> Finding {
    let (advice, code) = advice(error);
    fails(
        what,
        format!("{advice} (ответ портала: `{}`)", error.code),
        code,
    )
}

fn advice(error: &ConnectorError) -> (&'static str, &'static str) {
    match (error.verdict, error.code.as_str()) {
        (_, TOKENS_SEALED) => (
            "сохранённые токены не открываются этим мастер-ключом: верните прежний `PROVODKA_MASTER_KEY` или установите приложение заново",
            "TOKENS-SEALED",
        ),
        (_, "insufficient_scope") => (
            "добавьте право в настройках вебхука или приложения",
            "BITRIX24-SCOPE",
        ),
        (_, "no-tokens") => (
            "портал ещё не прислал токены: при работающем `provodka serve` нажмите «Переустановить» в настройках приложения",
            "BITRIX24-INSTALL",
        ),
        (_, "error_method_not_found") => (
            "метода нет на этом портале: модуль выключен или тариф его не включает",
            "BITRIX24-PLAN",
        ),
        (_, "overload_limit") => (
            "портал заблокирован вендором за нагрузку: обратитесь в поддержку Битрикс24",
            "BITRIX24-BLOCKED",
        ),
        (Verdict::Reject, _) => (
            "дайте техническому пользователю право в настройках CRM: чтение и изменение всех записей",
            "BITRIX24-RIGHTS",
        ),
        (Verdict::Reauthorize, _) => (
            "доступ закрыт: создайте вебхук заново или при работающем `provodka serve` нажмите «Переустановить» в настройках приложения; проверьте, что тариф включает REST",
            "BITRIX24-ACCESS",
        ),
        (Verdict::Retry { .. } | Verdict::Verify, _) if error.limit => (
            "портал ограничил частоту запросов: повторите проверку позже",
            "BITRIX24-LIMIT",
        ),
        (Verdict::Retry { .. } | Verdict::Verify, _) => (
            "портал не ответил: проверьте адрес и сеть и повторите",
            "BITRIX24-UNREACHABLE",
        ),
        (Verdict::Defect, _) => (
            "портал ответил неожиданно: сообщите разработчикам",
            "BITRIX24-ANSWER",
        ),
    }
}

fn credential(answers: &[Result<Value, ConnectorError>]) -> Finding {
    let what = "Доступ к порталу";
    let lost = answers.iter().filter_map(|answer| answer.as_ref().err());
    let lost = lost
        .clone()
        .find(|error| error.verdict == Verdict::Reauthorize)
        .or_else(|| {
            let all = answers.iter().all(Result::is_err);
            lost.clone().next().filter(|_| all)
        });
    match lost {
        Some(error) => refused(what, error),
        None => holds(what, "портал отвечает, доступ действует"),
    }
}

fn scopes(answer: Result<Value, ConnectorError>) -> Vec<Finding> {
    let granted = match answer.and_then(|value| {
        rows::<wire::Text>(value, "scopes")
            .map_err(|shape| other_shape(Effect::Read, "scope", shape.to_string()))
    }) {
        Ok(granted) => granted,
        Err(error) => return vec![refused("Права (scope)", &error)],
    };
    SCOPES
        .iter()
        .map(|(scope, what_for)| {
            let what = format!("Право `{scope}`: {what_for}");
            if granted
                .iter()
                .any(|granted| granted.0.eq_ignore_ascii_case(scope))
            {
                holds(what, "выдано")
            } else {
                fails(
                    what,
                    "не выдано: добавьте его в настройках вебхука или приложения",
                    "BITRIX24-SCOPE",
                )
            }
        })
        .collect()
}

fn user(answer: Result<Value, ConnectorError>) -> Finding {
    let what = "Технический пользователь";
    match answer.and_then(|value| {
        wire::read::<wire::Profile>(value, "profile")
            .map_err(|shape| other_shape(Effect::Read, "profile", shape.to_string()))
    }) {
        Err(error) => refused(what, &error),
        Ok(profile) => match (profile.id.0, profile.admin.0) {
            (Some(id), true) => holds(what, format!("пользователь {id}, администратор")),
            (Some(id), false) => fails(
                what,
                format!(
                    "пользователь {id} не администратор: чужую запись, которой он не видит, нельзя отличить от удалённой, и поля он не создаст; дайте права администратора CRM"
                ),
                "BITRIX24-ADMIN",
            ),
            (None, _) => fails(
                what,
                "пользователь уволен или отключён: создайте доступ от имени действующего",
                "BITRIX24-ACCESS",
            ),
        },
    }
}

fn installed(answer: Result<Value, ConnectorError>) -> Finding {
    let what = "Приложение установлено";
    match answer.and_then(read_app) {
        Err(error) => refused(what, &error),
        Ok(app) if app.payment_expired.0 => fails(
            what,
            "срок оплаты истёк: продлите его в Маркете",
            "BITRIX24-ACCESS",
        ),
        Ok(app) if app.installed.0 => holds(what, "установка завершена"),
        Ok(_) => fails(
            what,
            "установка не завершена, события не приходят: отметьте «Использует только API» и при работающем `provodka serve` нажмите «Переустановить» в настройках приложения",
            "BITRIX24-INSTALL",
        ),
    }
}

fn offline(answer: Result<Value, ConnectorError>) -> Finding {
    let what = "Очередь изменений на портале";
    match answer.and_then(|value| {
        wire::read::<wire::Feature>(value, "feature")
            .map_err(|shape| other_shape(Effect::Read, "feature.get", shape.to_string()))
    }) {
        Err(error) => refused(what, &error),
        Ok(feature) if feature.value.0 => holds(
            what,
            "тариф её включает: потерянное событие будет найдено сразу",
        ),
        Ok(_) => holds(
            what,
            "тариф её не включает: потерянное событие найдёт обход (по умолчанию за 15 минут)",
        ),
    }
}

fn own(answer: Result<Value, ConnectorError>) -> Finding {
    let what = "Свои компании (реквизиты продавца)";
    match answer.and_then(|value| {
        items::<wire::BriefItem>(value)
            .map_err(|shape| other_shape(Effect::Read, "crm.item.list", shape.to_string()))
    }) {
        Err(error) => refused(what, &error),
        Ok(companies) if companies.is_empty() => fails(
            what,
            "не найдено ни одной: заведите свою компанию в CRM (Настройки → Реквизиты вашей компании) или дайте пользователю право её видеть",
            "BITRIX24-OWN-COMPANY",
        ),
        Ok(companies) => holds(what, format!("найдено: {}", companies.len())),
    }
}

/// The rates come with a deal's rows, so this list is only advice: what stands in it a manager will choose.
fn vat(answer: Result<Value, ConnectorError>, now: Timestamp) -> Finding {
    let what = "Ставки НДС портала";
    let rates = answer.and_then(|value| {
        rows::<wire::Vat>(value, "VAT rates")
            .map_err(|shape| other_shape(Effect::Read, "crm.vat.list", shape.to_string()))
    });
    let Ok(rates) = rates else {
        return holds(what, "справочник не открыт; ставки берутся из строк сделки");
    };
    // A rate ends with a year, and on the eve of that every zone of the country has the same one.
    let today = now.to_zoned(TimeZone::UTC).date();
    let tokens = rates.iter().filter(|rate| rate.active.0);
    let (mut good, mut doubtful) = (Vec::new(), Vec::new());
    for token in tokens.map(|rate| &rate.rate.0) {
        let known = match token {
            None => Some(VatRate::Without),
            Some(token) => decimal(token).and_then(VatRate::of_percent),
        };
        match known {
            Some(rate) if rate.in_force_on(today) => good.push(rate.label().to_owned()),
            Some(rate) => doubtful.push(rate.label().to_owned()),
            None => doubtful.push(token.clone().unwrap_or_default()),
        }
    }
    let mut advice = format!("действуют: {}", good.join(", "));
    if !doubtful.is_empty() {
        advice.push_str(&format!(
            "; уберите из справочника {}: по сделке с такой ставкой счёт не выставить",
            doubtful.join(", ")
        ));
    }
    holds(what, advice)
}

fn readable(what: &str, answer: Result<Value, ConnectorError>) -> Finding {
    match answer {
        Ok(_) => holds(what, "доступ есть"),
        Err(error) => refused(what, &error),
    }
}

fn webhook_only() -> Finding {
    holds(
        "Подключение вебхуком",
        "без приложения нет очереди изменений: события шлёт исходящий вебхук, потерянные найдёт обход",
    )
}

fn funnels_of(answer: &Result<Value, ConnectorError>) -> Vec<(u64, String)> {
    let value = answer.as_ref().ok().cloned().unwrap_or_default();
    let categories = wire::read::<wire::Categories>(value, "funnels")
        .map(|found| found.categories.0)
        .unwrap_or_default();
    categories
        .into_iter()
        .map(|category| (category.id.0, category.name.0))
        .collect()
}

fn newest_deal(funnel: u64, number: Option<&str>) -> Command {
    let select: Vec<&str> = ["id", "categoryId", "stageId", "createdTime", "updatedTime"]
        .into_iter()
        .chain(number)
        .collect();
    Command::new(
        "crm.item.list",
        json!({
            "entityTypeId": 2, "filter": {"=categoryId": funnel}, "order": {"id": "DESC"}, "select": select,
            "useOriginalUfNames": "Y", "start": -1,
        }),
    )
}

fn same_value(deal: &wire::DealItem, number: &str) -> Command {
    let present = match deal.rest.get(number) {
        Some(Value::Null | Value::Bool(_)) | None => Value::from(""),
        Some(value) => value.clone(),
    };
    Command::new(
        "crm.item.update",
        json!({"entityTypeId": 2, "id": deal.id.0, "fields": {number: present}, "useOriginalUfNames": "Y"}),
    )
}
