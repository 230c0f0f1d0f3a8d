//! What people do in the portal's own pages: the manager's hands, for tests, the demo and the page.
//!
//! Everything here fires events as a person's click does, and runs robots.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::call::{Actor, Refusal};
use crate::config::{CompanySeed, CustomFieldSeed, DealSeed, LineSeed, RobotSeed, WebhookSeed};
use crate::emulator::Emulator;
use crate::schema::{COMPANY, DEAL, EntityType, entity_type};
use crate::state::{Origin, State, Table, int};
use crate::value::{Map, text_of};

/// The portal did not let a person do this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declined(pub String);

impl std::fmt::Display for Declined {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Declined {}

impl From<Refusal> for Declined {
    fn from(refusal: Refusal) -> Self {
        Declined(refusal.description)
    }
}

/// One person at work.
#[derive(Debug, Clone)]
pub struct Person {
    emulator: Emulator,
    user: i64,
}

impl Emulator {
    /// Acts as this user.
    pub fn person(&self, user: i64) -> Person {
        Person {
            emulator: self.clone(),
            user,
        }
    }

    /// Acts as the first user who is no administrator: the sales manager.
    pub fn manager(&self) -> Person {
        let state = self.inner.lock();
        let user = state
            .config
            .users
            .iter()
            .find(|user| !user.admin && user.active)
            .map_or(1, |user| user.id);
        drop(state);
        self.person(user)
    }

    /// A record as the portal keeps it, by upper-case names; `None` where there is none.
    pub fn record(&self, entity_type_id: i64, id: i64) -> Option<BTreeMap<String, Value>> {
        let state = self.inner.lock();
        let record = state.get(Table::Item(entity_type_id), id)?;
        Some(
            record
                .iter()
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
        )
    }

    /// A deal's field as text; empty where it has none.
    pub fn deal_field(&self, deal: i64, name: &str) -> String {
        let state = self.inner.lock();
        state
            .get(Table::Item(DEAL), deal)
            .and_then(|record| record.get(name))
            .map(text_of)
            .unwrap_or_default()
    }

    /// Ids of all deals, rising.
    pub fn deals(&self) -> Vec<i64> {
        self.inner
            .lock()
            .all(Table::Item(DEAL))
            .map(|deal| int(deal, "ID"))
            .collect()
    }

    /// The company of this title.
    pub fn company_by_title(&self, title: &str) -> Option<i64> {
        crate::seed::company_by_title(&self.inner.lock(), title)
    }

    /// Requisites of a company, rising.
    pub fn requisites_of(&self, company: i64) -> Vec<i64> {
        let state = self.inner.lock();
        let own = state.all(Table::Requisite).filter(|requisite| {
            int(requisite, "ENTITY_TYPE_ID") == COMPANY && int(requisite, "ENTITY_ID") == company
        });
        own.map(|requisite| int(requisite, "ID")).collect()
    }

    /// Bank details of a requisite, rising.
    pub fn bank_details_of(&self, requisite: i64) -> Vec<i64> {
        let state = self.inner.lock();
        let own = state
            .all(Table::BankDetail)
            .filter(|bank| int(bank, "ENTITY_ID") == requisite);
        own.map(|bank| int(bank, "ID")).collect()
    }

    /// The content of the files in a deal's field, by name.
    pub fn files_of_deal(&self, deal: i64, field: &str) -> Vec<(String, bytes::Bytes)> {
        let state = self.inner.lock();
        let ids = crate::files::ids(
            state
                .get(Table::Item(DEAL), deal)
                .and_then(|record| record.get(field)),
        );
        ids.into_iter()
            .filter_map(|id| state.files.get(id))
            .map(|file| (file.name.clone(), file.content.clone()))
            .collect()
    }

    /// Timeline comments of a deal: text and how many files.
    pub fn comments_of_deal(&self, deal: i64) -> Vec<(String, usize)> {
        let state = self.inner.lock();
        let own = state.all(Table::Comment).filter(|comment| {
            comment
                .get("ENTITY_TYPE")
                .is_some_and(|kind| kind == "deal")
                && int(comment, "ENTITY_ID") == deal
        });
        own.map(|comment| {
            (
                crate::state::text(comment, "COMMENT"),
                crate::files::ids(comment.get("FILES")).len(),
            )
        })
        .collect()
    }

    /// How many timeline comments each deal has that has any, and how many files they have.
    pub fn comments_by_deal(&self) -> BTreeMap<i64, (usize, usize)> {
        let state = self.inner.lock();
        let mut by_deal = BTreeMap::new();
        for comment in state.all(Table::Comment) {
            if comment
                .get("ENTITY_TYPE")
                .is_some_and(|kind| kind == "deal")
            {
                let (comments, files): &mut (usize, usize) =
                    by_deal.entry(int(comment, "ENTITY_ID")).or_default();
                *comments += 1;
                *files += crate::files::ids(comment.get("FILES")).len();
            }
        }
        by_deal
    }

    /// Notices that a user sees, oldest first.
    pub fn notices_of(&self, user: i64) -> Vec<String> {
        self.inner
            .lock()
            .chat
            .notices
            .values()
            .filter(|notice| notice.to == user)
            .map(|notice| notice.text.clone())
            .collect()
    }

    /// Messages of all chats: dialog and text, oldest first.
    pub fn messages(&self) -> Vec<(String, String)> {
        self.inner
            .lock()
            .chat
            .messages
            .iter()
            .map(|message| (message.dialog.clone(), message.text.clone()))
            .collect()
    }

    /// Adds a robot.
    pub fn add_robot(&self, robot: RobotSeed) {
        let mut state = self.inner.lock();
        state.robots.add(robot);
        state.version = state.version.wrapping_add(1);
    }

    /// Adds a custom field by hand.
    pub fn add_custom_field(&self, field: &CustomFieldSeed) {
        let origin = self.origin(Actor::Person { user: 1 }, "custom field");
        let rest = json!({"EDIT_FORM_LABEL": {"ru": field.label}, "MULTIPLE": if field.multiple { "Y" } else { "N" }});
        let rest = rest.as_object().cloned().unwrap_or_default();
        let new = crate::userfields::NewField {
            entity: &field.entity,
            name: &field.name,
            user_type: &field.kind,
            rest,
        };
        // One that is there already stays as it is.
        drop(crate::userfields::create(
            &mut self.inner.lock(),
            new,
            &origin,
        ));
    }

    /// Adds an incoming webhook, or replaces the scopes of one.
    pub fn add_webhook(&self, webhook: WebhookSeed) {
        let mut state = self.inner.lock();
        state
            .config
            .webhooks
            .retain(|known| known.secret != webhook.secret);
        state.config.webhooks.push(webhook);
    }

    /// What every incoming webhook and every application may ask for from now on.
    pub fn set_scopes(&self, scopes: &[String]) {
        self.configure(|config| {
            for hook in &mut config.webhooks {
                hook.scopes = scopes.to_vec();
            }
        });
        for app in &mut self.inner.lock().auth.apps {
            app.seed.scopes = scopes.to_vec();
        }
    }

    /// Changes settings of the running portal: limits, latency, lateness of events, features, rights.
    pub fn configure(&self, change: impl FnOnce(&mut crate::config::PortalConfig)) {
        change(&mut self.inner.lock().config);
        self.inner.wake();
    }

    fn origin(&self, actor: Actor, method: &str) -> Origin {
        crate::items::origin(actor, self.now(), method, Value::Null)
    }
}

impl Person {
    pub(crate) fn act<T>(
        &self,
        what: &str,
        arguments: Value,
        act: impl FnOnce(&mut State, &Origin) -> T,
    ) -> T {
        let mut origin = self
            .emulator
            .origin(Actor::Person { user: self.user }, what);
        origin.arguments = arguments;
        let mut state = self.emulator.inner.lock();
        let done = act(&mut state, &origin);
        drop(state);
        self.emulator.inner.wake();
        done
    }

    /// A new company with its requisites.
    ///
    /// # Errors
    /// Where a field does not fit.
    pub fn create_company(&self, company: &CompanySeed) -> Result<i64, Declined> {
        self.act("create company", Value::Null, |state, origin| {
            crate::seed::plant_company(state, company, origin)
        })
        .ok_or_else(|| Declined("company was not accepted".into()))
    }

    /// A new deal with its lines; a company is named by its title.
    ///
    /// # Errors
    /// Where stage, funnel or a field is none of the portal's.
    pub fn create_deal(&self, deal: &DealSeed) -> Result<i64, Declined> {
        let done = self.act("create deal", Value::Null, |state, origin| {
            let company = crate::seed::company_by_title(state, &deal.company).unwrap_or(0);
            let mut fields = json!({"TITLE": deal.title, "CATEGORY_ID": deal.funnel, "STAGE_ID": deal.stage, "COMPANY_ID": company, "ASSIGNED_BY_ID": deal.responsible});
            if let Value::Object(fields) = &mut fields {
                fields.extend(deal.fields.clone());
            }
            let fields = fields.as_object().cloned().unwrap_or_default();
            let entity = deal_type()?;
            let read = crate::items::read_fields(state, entity, &fields, None)?;
            crate::required::check_new(state, entity, &read)?;
            let id = crate::items::add(state, entity, read, origin)?;
            crate::seed::put_lines(state, id, &deal.lines, origin);
            Ok::<i64, Refusal>(id)
        });
        done.map_err(Declined::from)
    }

    /// Drags a deal to a stage, of another funnel too.
    ///
    /// # Errors
    /// Where deal or stage does not exist.
    pub fn move_deal(&self, deal: i64, stage: &str) -> Result<bool, Declined> {
        let funnel = crate::robots::funnel_of(stage);
        self.edit(
            DEAL,
            deal,
            "move deal",
            json!({"STAGE_ID": stage, "CATEGORY_ID": funnel}),
        )
    }

    /// Edits fields of a deal by upper-case names; `false` where nothing changed.
    ///
    /// # Errors
    /// Where the deal does not exist or a value does not fit.
    pub fn edit_deal(&self, deal: i64, fields: Value) -> Result<bool, Declined> {
        self.edit(DEAL, deal, "edit deal", fields)
    }

    /// Chooses an item of a list field by its word.
    ///
    /// # Errors
    /// Where the deal or the word does not exist.
    pub fn choose(&self, deal: i64, field: &str, word: &str) -> Result<bool, Declined> {
        let schema = self.emulator.inner.lock().schema(Table::Item(DEAL));
        let items = schema.field(field).map(|field| field.items.as_slice());
        let mut items = items.unwrap_or_default().iter();
        let item = items.find(|item| item.get("VALUE").is_some_and(|value| value == word));
        let id = item.and_then(|item| item.get("ID")).cloned();
        let id = id.ok_or_else(|| Declined(format!("`{field}` offers no `{word}`")))?;
        self.edit_deal(deal, json!({field: id}))
    }

    /// Edits fields of a company.
    ///
    /// # Errors
    /// Where it does not exist or a value does not fit.
    pub fn edit_company(&self, company: i64, fields: Value) -> Result<bool, Declined> {
        self.edit(COMPANY, company, "edit company", fields)
    }

    pub(crate) fn edit(
        &self,
        entity_type_id: i64,
        id: i64,
        what: &str,
        fields: Value,
    ) -> Result<bool, Declined> {
        let done = self.act(what, fields.clone(), |state, origin| {
            let entity = entity_type(entity_type_id)
                .ok_or_else(|| Refusal::not_found("Element not found"))?;
            let current = state
                .get(Table::Item(entity.id), id)
                .cloned()
                .ok_or_else(|| Refusal::not_found("Element not found"))?;
            let fields = fields.as_object().cloned().unwrap_or_default();
            let changes = crate::items::read_fields(state, entity, &fields, Some(&current))?;
            crate::required::check_change(state, entity, &current, &changes)?;
            crate::items::update(state, entity, id, changes, origin)
        });
        done.map_err(Declined::from)
    }

    /// Replaces a deal's product lines.
    pub fn set_lines(&self, deal: i64, lines: &[LineSeed]) {
        let arguments = serde_json::to_value(lines).unwrap_or(Value::Null);
        self.act("edit lines", arguments, |state, origin| {
            crate::seed::put_lines(state, deal, lines, origin)
        });
    }

    /// Puts a delivery of this price to a deal in place of the one it has; none where it costs nothing.
    ///
    /// # Errors
    /// Where there is no such deal, or the price is none.
    pub fn set_delivery(&self, deal: i64, service: &str, price: &str) -> Result<(), Declined> {
        let typed = price.replace([' ', '\u{a0}'], "").replace(',', ".");
        let price: Decimal = if typed.is_empty() {
            Decimal::ZERO
        } else {
            let number = typed.parse();
            number.map_err(|_| Declined(format!("«{price}» — не цена")))?
        };
        let arguments = json!({"DELIVERY_NAME": service, "PRICE_DELIVERY": price.to_string()});
        self.act("set delivery", arguments, |state, origin| {
            let entity = deal_type()?;
            crate::deliveries::put(state, entity, deal, service, price, origin)
        })
        .map_err(Declined::from)
    }

    /// Edits a requisite (`RQ_KPP` and so on); `false` where nothing changed.
    pub fn edit_requisite(&self, requisite: i64, fields: &BTreeMap<String, String>) -> bool {
        self.change(Table::Requisite, requisite, fields)
    }

    /// Edits bank details.
    pub fn edit_bank_detail(&self, bank_detail: i64, fields: &BTreeMap<String, String>) -> bool {
        self.change(Table::BankDetail, bank_detail, fields)
    }

    fn change(&self, table: Table, id: i64, fields: &BTreeMap<String, String>) -> bool {
        let schema = self.emulator.inner.lock().schema(table);
        let known = fields
            .iter()
            .filter(|(name, _)| schema.field(name).is_some_and(|field| !field.read_only));
        let changes: Map = known
            .map(|(name, value)| {
                (
                    name.clone(),
                    if value.is_empty() {
                        Value::Null
                    } else {
                        value.clone().into()
                    },
                )
            })
            .collect();
        let arguments = Value::Object(changes.clone());
        self.act("edit requisite", arguments, |state, origin| {
            crate::requisites::change(state, table, id, changes, origin)
        })
    }

    /// Chooses requisites of buyer and seller on a deal: ids, 0 for none.
    pub fn choose_requisites(&self, deal: i64, buyer: (i64, i64), ours: (i64, i64)) {
        let fields = json!({"REQUISITE_ID": buyer.0, "BANK_DETAIL_ID": buyer.1, "MC_REQUISITE_ID": ours.0, "MC_BANK_DETAIL_ID": ours.1});
        let fields = fields.as_object().cloned().unwrap_or_default();
        self.act("choose requisites", Value::Null, |state, origin| {
            crate::requisite_links::put(state, DEAL, deal, &fields, origin)
        });
    }

    /// Writes a comment into a deal's timeline.
    ///
    /// # Errors
    /// Where there is no such deal.
    pub fn comment(&self, deal: i64, text: &str) -> Result<i64, Declined> {
        let user = self.user;
        let done = self.act("comment", json!({"COMMENT": text}), |state, origin| {
            let entity = deal_type()?;
            state
                .get(Table::Item(DEAL), deal)
                .ok_or_else(|| Refusal::not_found("Element not found"))?;
            Ok::<i64, Refusal>(crate::timeline::put_comment(
                state,
                entity,
                deal,
                user,
                text,
                json!([]),
                origin,
            ))
        });
        done.map_err(Declined::from)
    }

    /// Deletes a deal.
    ///
    /// # Errors
    /// Where there is no such deal.
    pub fn delete_deal(&self, deal: i64) -> Result<(), Declined> {
        self.delete(DEAL, deal, "delete deal")
    }

    /// Deletes a company; deals go on naming it.
    ///
    /// # Errors
    /// Where there is no such company.
    pub fn delete_company(&self, company: i64) -> Result<(), Declined> {
        self.delete(COMPANY, company, "delete company")
    }

    fn delete(&self, entity_type_id: i64, id: i64, what: &str) -> Result<(), Declined> {
        let deleted = self.act(what, Value::Null, |state, origin| {
            let entity = entity_type(entity_type_id)
                .ok_or_else(|| Refusal::not_found("Element not found"))?;
            crate::items::delete(state, entity, id, origin)
        });
        deleted.map_err(Declined::from)
    }
}

fn deal_type() -> Result<&'static EntityType, Refusal> {
    entity_type(DEAL).ok_or_else(|| Refusal::not_found("Element not found"))
}
