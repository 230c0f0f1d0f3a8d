//! Preparing a portal: our custom fields on deals, and subscriptions to its events.

use async_trait::async_trait;
use capability::portal::{Finding, SetUpPortal};
use capability::{Call, ConnectorError};
use domain::Verdict;
use domain::observed::{ORDERS, OurField};
use serde_json::{Value, json};
use std::collections::BTreeSet;

use crate::command::Command;
use crate::connection::{AUTH_CONNECTOR, Connector, Offline};
use crate::error::{Effect, failed, other_shape};
use crate::fields::made_as;
use crate::gather::rows;
use crate::probe::{fails, holds, refused};
use crate::wire;
use crate::write::PAID_TRIGGER;

/// What we follow. The move between funnels comes to an application only, and fires nothing else.
const EVENTS: [&str; 18] = [
    "ONCRMDEALADD",
    "ONCRMDEALUPDATE",
    "ONCRMDEALDELETE",
    "ONCRMDEALMOVETOCATEGORY",
    "ONCRMCOMPANYADD",
    "ONCRMCOMPANYUPDATE",
    "ONCRMCOMPANYDELETE",
    "ONCRMCONTACTADD",
    "ONCRMCONTACTUPDATE",
    "ONCRMCONTACTDELETE",
    "ONCRMREQUISITEADD",
    "ONCRMREQUISITEUPDATE",
    "ONCRMREQUISITEDELETE",
    "ONCRMBANKDETAILADD",
    "ONCRMBANKDETAILUPDATE",
    "ONCRMBANKDETAILDELETE",
    "ONCRMADDRESSREGISTER",
    "ONCRMADDRESSUNREGISTER",
];
/// The life of the application itself; never in the offline queue.
const APP_EVENTS: [&str; 3] = ["ONAPPINSTALL", "ONAPPUPDATE", "ONAPPUNINSTALL"];
/// What the external code of a field begins with that tells whose the portal is.
const OWNER: &str = "provodka/";
/// Rings when the offline queue has something.
const DOORBELL: &str = "ONOFFLINEEVENT";
/// Seconds between two rings.
const DOORBELL_PAUSE: u64 = 1;

/// As the automation's settings show it, behind the application's name.
const PAID_TRIGGER_NAME: &str = "Оплата получена";

#[async_trait]
impl SetUpPortal for Connector {
    async fn ensure_fields(
        &self,
        call: &Call<'_>,
        wanted: &[(OurField, String)],
    ) -> Result<Vec<(OurField, String)>, ConnectorError> {
        let present = self.present_fields(call).await?;
        let is_there = |present: &[wire::UserField], name: &str| {
            let name = full_name(name);
            present.iter().any(|field| field.is_named(&name))
        };
        let missing: Vec<&(OurField, String)> = wanted
            .iter()
            .filter(|(_, name)| !is_there(&present, name))
            .collect();
        self.complete_orders(call, wanted, &present).await?;
        if !missing.is_empty() {
            let commands: Vec<Command> = missing
                .iter()
                .map(|(field, name)| make(*field, name))
                .collect();
            let answers = self.client.batch(call, &commands, Effect::Write).await;
            // Whether a field was made the list tells, also where the answer was lost.
            let refusal = answers.into_iter().find_map(Result::err);
            let present = self.present_fields(call).await?;
            self.forget_kinds();
            if let Some((_, name)) = wanted.iter().find(|(_, name)| !is_there(&present, name)) {
                let words = format!("the field `{}` was not made", full_name(name));
                return Err(refusal.unwrap_or_else(|| {
                    failed(Verdict::Defect, "crm.deal.userfield.add", "not-made", words)
                }));
            }
        }
        Ok(wanted
            .iter()
            .map(|(field, name)| (*field, full_name(name)))
            .collect())
    }

    async fn owner(&self, call: &Call<'_>, field: &str) -> Result<Option<String>, ConnectorError> {
        let name = full_name(field);
        let present = self.present_fields(call).await?;
        let field = present.iter().find(|field| field.is_named(&name));
        let mark = field.and_then(|field| field.xml_id.0.strip_prefix(OWNER));
        Ok(mark.map(str::to_owned))
    }

    async fn set_owner(
        &self,
        call: &Call<'_>,
        field: &str,
        owner: &str,
    ) -> Result<bool, ConnectorError> {
        let name = full_name(field);
        let mark = format!("{OWNER}{owner}");
        let present = self.present_fields(call).await?;
        let Some(field) = present.iter().find(|field| field.is_named(&name)) else {
            return Ok(false);
        };
        let code = &field.xml_id.0;
        if *code == mark {
            return Ok(true);
        }
        // The field itself is as `ensure_fields` made it, or it was there before and may be known to others by its code.
        let is_free = code.is_empty() || *code == name || code.starts_with(OWNER);
        if !is_free {
            return Ok(false);
        }
        let params = json!({"id": field.id.0, "fields": {"XML_ID": mark}});
        let update = Command::new("crm.deal.userfield.update", params);
        self.client.call(call, &update, Effect::Write).await?;
        // Whether the portal keeps it the list tells.
        Ok(self.owner(call, &name).await?.as_deref() == Some(owner))
    }

    async fn bind_events(
        &self,
        call: &Call<'_>,
        handler: &str,
    ) -> Result<Vec<Finding>, ConnectorError> {
        if !self.client.access.is_app() {
            return Ok(vec![by_hand(handler)]);
        }
        let bound = self.bound(call).await?;
        let offered = self.offered(call).await;
        let is_offered = |event: &str| {
            offered
                .as_ref()
                .is_none_or(|offered| offered.contains(event))
        };
        let mut wishes = Vec::new();
        for event in EVENTS
            .into_iter()
            .chain(APP_EVENTS)
            .filter(|event| is_offered(event))
        {
            wishes.push(Wish::online(event, handler));
        }
        if self.offline != Offline::Absent {
            wishes.extend(
                EVENTS
                    .into_iter()
                    .filter(|event| is_offered(event))
                    .map(Wish::offline),
            );
            wishes.push(Wish::online(DOORBELL, handler));
        }
        let (ready, open): (Vec<Wish>, Vec<Wish>) =
            wishes.into_iter().partition(|wish| wish.is_among(&bound));
        let commands: Vec<Command> = open.iter().map(|wish| wish.command(self.offline)).collect();
        let answers = self.client.batch(call, &commands, Effect::Write).await;
        let mut findings: Vec<Finding> = ready
            .iter()
            .map(|wish| holds(wish.what(), "подписка уже есть"))
            .collect();
        for (wish, answer) in open.iter().zip(answers) {
            findings.push(match answer {
                Ok(Value::Bool(true)) => holds(wish.what(), "подписка создана"),
                Ok(_) => fails(
                    wish.what(),
                    "портал ответил неожиданно; повторите настройку",
                    "BITRIX24-ANSWER",
                ),
                Err(error) => refused(wish.what(), &error),
            });
        }
        findings.extend(not_offered(&EVENTS, &is_offered));
        Ok(findings)
    }

    async fn register_trigger(&self, call: &Call<'_>) -> Option<Finding> {
        if !self.client.access.is_app() {
            return None;
        }
        let what = format!("Триггер «{PAID_TRIGGER_NAME}»");
        let params = json!({"CODE": PAID_TRIGGER, "NAME": PAID_TRIGGER_NAME});
        let add = Command::new("crm.automation.trigger.add", params);
        Some(match self.client.call(call, &add, Effect::Write).await {
            Ok(Value::Bool(true)) => {
                holds(what, "зарегистрирован; к стадии его привязывает человек")
            }
            Ok(_) => fails(
                what,
                "портал ответил неожиданно; повторите настройку",
                "BITRIX24-ANSWER",
            ),
            Err(error) => refused(what, &error),
        })
    }
}

impl Connector {
    async fn present_fields(
        &self,
        call: &Call<'_>,
    ) -> Result<Vec<wire::UserField>, ConnectorError> {
        let list = Command::new("crm.deal.userfield.list", json!({"order": {"ID": "ASC"}}));
        let result = self.client.call(call, &list, Effect::Read).await?;
        rows::<wire::UserField>(result, "custom fields")
            .map_err(|shape| other_shape(Effect::Read, list.method, shape.to_string()))
    }

    /// A list of orders that an earlier version made gets the items that came since; its own stay as they are.
    async fn complete_orders(
        &self,
        call: &Call<'_>,
        wanted: &[(OurField, String)],
        present: &[wire::UserField],
    ) -> Result<(), ConnectorError> {
        let mut wanted = wanted
            .iter()
            .filter(|(field, _)| *field == OurField::Command);
        let orders = wanted.next().map(|(_, name)| full_name(name));
        let orders = orders.and_then(|name| present.iter().find(|field| field.is_named(&name)));
        // A field of another kind has no items, and people write the words into it.
        let Some(field) = orders.filter(|field| !field.list.0.is_empty()) else {
            return Ok(());
        };
        let has = |item: &str| {
            field
                .list
                .0
                .iter()
                .any(|known| known.value.0.trim() == item)
        };
        let new: Vec<Value> = ORDERS
            .into_iter()
            .filter(|item| !has(item))
            .map(|item| json!({"VALUE": item}))
            .collect();
        if new.is_empty() {
            return Ok(());
        }
        let params = json!({"id": field.id.0, "fields": {"LIST": new}});
        let update = Command::new("crm.deal.userfield.update", params);
        self.client.call(call, &update, Effect::Write).await?;
        self.forget_kinds();
        Ok(())
    }

    async fn bound(&self, call: &Call<'_>) -> Result<Vec<wire::BoundEvent>, ConnectorError> {
        let result = self
            .client
            .call(call, &Command::new("event.get", Value::Null), Effect::Read)
            .await?;
        rows(result, "bound events")
            .map_err(|shape| other_shape(Effect::Read, "event.get", shape.to_string()))
    }

    /// The events that this portal has; none when it does not tell.
    async fn offered(&self, call: &Call<'_>) -> Option<BTreeSet<String>> {
        let result = self
            .client
            .call(call, &Command::new("events", Value::Null), Effect::Read)
            .await
            .ok()?;
        let names = rows::<wire::Text>(result, "events").ok()?;
        let names: BTreeSet<String> = names
            .into_iter()
            .map(|name| name.0.to_uppercase())
            .collect();
        (!names.is_empty()).then_some(names)
    }
}

/// A field's name for people.
pub(crate) fn label(field: OurField) -> &'static str {
    match field {
        OurField::Number => "Номер счёта",
        OurField::Date => "Дата счёта",
        OurField::Status => "Состояние счёта",
        OurField::Link => "Ссылка на счёт",
        OurField::Sum => "Сумма счёта",
        OurField::Paid => "Оплачено по счёту",
        OurField::PaidOn => "Дата оплаты счёта",
        OurField::Promise => "Обещали оплатить до",
        OurField::Command => "Счёт: что сделать",
    }
}

fn make(field: OurField, name: &str) -> Command {
    let label = label(field);
    let mut made = json!({
        "FIELD_NAME": full_name(name), "USER_TYPE_ID": made_as(field), "LABEL": label,
        "EDIT_FORM_LABEL": {"ru": label}, "LIST_COLUMN_LABEL": {"ru": label}, "LIST_FILTER_LABEL": {"ru": label},
        "XML_ID": full_name(name), "MULTIPLE": "N", "MANDATORY": "N", "SHOW_FILTER": "Y", "SHOW_IN_LIST": "Y",
    });
    if let (OurField::Command, Value::Object(fields)) = (field, &mut made) {
        let items = ORDERS.iter().map(|item| json!({"VALUE": item}));
        fields.insert("LIST".to_owned(), items.collect());
    }
    Command::new("crm.deal.userfield.add", json!({"fields": made}))
}

/// As the portal completes a name.
fn full_name(name: &str) -> String {
    let upper = name.to_uppercase();
    if upper.starts_with("UF_CRM_") {
        return upper;
    }
    format!("UF_CRM_{}", upper.strip_prefix("UF_").unwrap_or(&upper))
}

/// A subscription that we want.
struct Wish {
    event: &'static str,
    /// None for the offline queue.
    handler: Option<String>,
}

impl Wish {
    fn online(event: &'static str, handler: &str) -> Self {
        Self {
            event,
            handler: Some(handler.to_owned()),
        }
    }

    fn offline(event: &'static str) -> Self {
        Self {
            event,
            handler: None,
        }
    }

    fn is_among(&self, bound: &[wire::BoundEvent]) -> bool {
        bound.iter().any(|bound| {
            let place = match &self.handler {
                Some(handler) => !bound.offline.0 && bound.handler.0 == *handler,
                None => bound.offline.0,
            };
            place && bound.event.0.eq_ignore_ascii_case(self.event)
        })
    }

    fn command(&self, offline: Offline) -> Command {
        let mut params = match &self.handler {
            Some(handler) => json!({"event": self.event, "handler": handler}),
            None => json!({"event": self.event, "event_type": "offline"}),
        };
        if let Value::Object(params) = &mut params {
            if self.event == DOORBELL {
                params.insert("options".to_owned(), json!({"minTimeout": DOORBELL_PAUSE}));
            }
            if self.handler.is_none() && offline == Offline::KeptWithoutOurs {
                params.insert("auth_connector".to_owned(), AUTH_CONNECTOR.into());
            }
        }
        Command::new("event.bind", params)
    }

    fn what(&self) -> String {
        match self.handler {
            Some(_) => format!("Событие {}", self.event),
            None => format!("Очередь изменений: {}", self.event),
        }
    }
}

fn not_offered(events: &[&str], is_offered: &impl Fn(&str) -> bool) -> Vec<Finding> {
    let missing = events.iter().filter(|event| !is_offered(event));
    missing
        .map(|event| {
            holds(
                format!("Событие {event}"),
                "портал его не предлагает: такие изменения найдёт обход",
            )
        })
        .collect()
}

/// What a person binds, where only a webhook connects us.
fn by_hand(handler: &str) -> Finding {
    let events: Vec<&str> = EVENTS
        .into_iter()
        .filter(|event| *event != "ONCRMDEALMOVETOCATEGORY")
        .collect();
    fails(
        "Исходящий вебхук",
        format!(
            "создайте его на портале: Разработчикам → Другое → Исходящий вебхук; адрес обработчика {handler}; события: {}; \
             показанный токен впишите в настройки Проводки. Перенос сделки в другую воронку такой вебхук не шлёт: его найдёт обход",
            events.join(", ")
        ),
        "BITRIX24-OUTGOING-WEBHOOK",
    )
}
