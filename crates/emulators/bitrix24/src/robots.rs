//! Robots of the funnel: they move deals on, change fields back, call applications, and post to any address.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use rand::RngExt;
use serde_json::json;

use crate::call::Actor;
use crate::config::{PortalConfig, RobotAction, RobotSeed};
use crate::events::Direct;
use crate::schema::{DEAL, EntityType, entity_type};
use crate::state::{Origin, State, Table, text};
use crate::truth::What;
use crate::value::Map;

#[derive(Debug, Default)]
pub(crate) struct RobotBook {
    rules: Vec<(RobotSeed, u32)>,
    due: BTreeMap<(Timestamp, u64), Job>,
    last: u64,
}

#[derive(Debug, Clone)]
struct Job {
    entity_type_id: i64,
    id: i64,
    then: RobotAction,
}

impl RobotBook {
    pub(crate) fn new(config: &PortalConfig) -> Self {
        RobotBook {
            rules: config
                .robots
                .iter()
                .cloned()
                .map(|rule| (rule, 0))
                .collect(),
            ..RobotBook::default()
        }
    }

    pub(crate) fn add(&mut self, rule: RobotSeed) {
        self.rules.push((rule, 0));
    }

    pub(crate) fn rules(&self) -> impl Iterator<Item = &RobotSeed> {
        self.rules.iter().map(|(rule, _)| rule)
    }

    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.due.keys().next().map(|(at, _)| *at)
    }

    fn start(
        &mut self,
        entity: &EntityType,
        id: i64,
        now: Timestamp,
        is_wanted: impl Fn(&RobotSeed) -> bool,
    ) {
        let mut jobs = Vec::new();
        for (rule, done) in &mut self.rules {
            if is_wanted(rule) && rule.times.is_none_or(|times| *done < times) {
                *done = done.saturating_add(1);
                let wait =
                    SignedDuration::from_millis(i64::try_from(rule.after_ms).unwrap_or(i64::MAX));
                jobs.push((now.checked_add(wait).unwrap_or(now), rule.then.clone()));
            }
        }
        for (at, then) in jobs {
            self.last = self.last.saturating_add(1);
            self.due.insert(
                (at, self.last),
                Job {
                    entity_type_id: entity.id,
                    id,
                    then,
                },
            );
        }
    }
}

/// A record entered a stage.
pub(crate) fn on_stage(state: &mut State, entity: &EntityType, record: &Map, origin: &Origin) {
    if entity.id != DEAL {
        return;
    }
    let stage = text(record, "STAGE_ID");
    let id = crate::state::int(record, "ID");
    state.robots.start(entity, id, origin.at, |rule| {
        rule.on_stage.as_deref() == Some(stage.as_str())
    });
}

/// Fields changed by somebody who is no robot: robots do not answer one another here.
pub(crate) fn on_fields(
    state: &mut State,
    entity: &EntityType,
    before: &Map,
    after: &Map,
    origin: &Origin,
) {
    if entity.id != DEAL || origin.actor == Actor::Robot {
        return;
    }
    let id = crate::state::int(after, "ID");
    let changed = |field: &str| before.get(field) != after.get(field);
    state.robots.start(entity, id, origin.at, |rule| {
        rule.on_field.as_deref().is_some_and(changed)
    });
}

/// A trigger fired: as a stage of that name would.
pub(crate) fn on_trigger(
    state: &mut State,
    entity: &EntityType,
    id: i64,
    code: &str,
    origin: &Origin,
) {
    let name = format!("trigger:{code}");
    state.robots.start(entity, id, origin.at, |rule| {
        rule.on_stage.as_deref() == Some(name.as_str())
    });
}

/// Lets every robot act whose time has come.
pub(crate) fn run_due(state: &mut State, now: Timestamp) {
    loop {
        let next = state
            .robots
            .due
            .first_key_value()
            .map(|(key, _)| *key)
            .filter(|(at, _)| *at <= now);
        let Some(job) = next.and_then(|key| state.robots.due.remove(&key)) else {
            return;
        };
        act(state, &job, now);
    }
}

fn act(state: &mut State, job: &Job, now: Timestamp) {
    let Some(entity) = entity_type(job.entity_type_id) else {
        return;
    };
    let written = match &job.then {
        RobotAction::MoveTo { stage } => {
            json!({"STAGE_ID": stage, "CATEGORY_ID": funnel_of(stage)})
        }
        RobotAction::SetField { field, value } => json!({field.as_str(): value}),
        RobotAction::CallRobot { code, properties } => {
            call_handler(state, job.id, code, properties, now);
            return;
        }
        RobotAction::CallAddress { url } => {
            crate::events::enqueue_document(state, job.id, url.clone(), now);
            return;
        }
    };
    let origin = crate::items::origin(Actor::Robot, now, "robot", written.clone());
    let fields = written.as_object().cloned().unwrap_or_default();
    let current = state.get(Table::Item(entity.id), job.id).cloned();
    let done = crate::items::read_fields(state, entity, &fields, current.as_ref())
        .and_then(|changes| crate::items::update(state, entity, job.id, changes, &origin));
    if let Err(refusal) = done {
        state.truth.add(
            now,
            What::Note {
                text: format!(
                    "robot could not act on deal {}: {}",
                    job.id, refusal.description
                ),
            },
        );
    }
}

/// The funnel that a stage's prefix names.
pub(crate) fn funnel_of(stage: &str) -> i64 {
    stage
        .strip_prefix('C')
        .and_then(|rest| rest.split_once(':'))
        .and_then(|(funnel, _)| funnel.parse().ok())
        .unwrap_or(0)
}

fn call_handler(
    state: &mut State,
    deal: i64,
    code: &str,
    properties: &BTreeMap<String, String>,
    now: Timestamp,
) {
    let Some(robot) = state
        .system
        .robots
        .iter()
        .find(|robot| robot.code == code)
        .cloned()
    else {
        state.truth.add(
            now,
            What::Note {
                text: format!("no application has a robot `{code}`"),
            },
        );
        return;
    };
    let token: String = (0..4)
        .map(|_| format!("{:08x}", state.rng.random_range(0..u32::MAX)))
        .collect();
    let subscription = if robot.use_subscription == "N" {
        "N"
    } else {
        "Y"
    };
    if subscription == "Y" {
        state.system.waiting_robots.push(token.clone());
    }
    let fixed = [
        ("workflow_id", format!("{token}.1")),
        ("code", code.to_owned()),
        ("document_id[0]", "crm".into()),
        ("document_id[1]", "CCrmDocumentDeal".into()),
        ("document_id[2]", format!("DEAL_{deal}")),
        ("document_type[0]", "crm".into()),
        ("document_type[1]", "CCrmDocumentDeal".into()),
        ("document_type[2]", "DEAL".into()),
        ("event_token", token),
        ("use_subscription", subscription.into()),
        ("timeout_duration", "0".into()),
    ];
    let mut pairs: Vec<(String, String)> = fixed
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    pairs.extend(
        properties
            .iter()
            .map(|(name, value)| (format!("properties[{name}]"), value.clone())),
    );
    let user = state
        .auth
        .apps
        .get(robot.app)
        .map_or(1, |app| app.seed.user);
    let direct = Direct {
        event: format!("robot {code}"),
        app: robot.app,
        user,
        handler: robot.handler,
        pairs,
        with_tokens: true,
        with_refresh: false,
    };
    crate::events::enqueue_direct(state, direct, now);
}
