//! What one HTTP request carries: a method, or a batch of them.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::command::Command;
use crate::masking;

/// What one HTTP request carries.
pub(crate) enum Load<'a> {
    One(&'a Command),
    Batch(&'a [(String, &'a Command)]),
}

impl<'a> Load<'a> {
    pub(crate) fn method(&self) -> &'a str {
        match self {
            Self::One(command) => command.method,
            Self::Batch(_) => "batch",
        }
    }

    pub(crate) fn methods(&self) -> BTreeSet<&'a str> {
        match self {
            Self::One(command) => BTreeSet::from([command.method]),
            Self::Batch(commands) => commands.iter().map(|(_, command)| command.method).collect(),
        }
    }

    pub(crate) fn body(&self) -> Value {
        match self {
            Self::One(command) if command.params.is_null() => json!({}),
            Self::One(command) => command.params.clone(),
            Self::Batch(commands) => {
                let cmd: Map<String, Value> = commands
                    .iter()
                    .map(|(key, command)| (key.clone(), command.in_batch().into()))
                    .collect();
                json!({ "halt": 0, "cmd": cmd })
            }
        }
    }

    pub(crate) fn masked(&self) -> Value {
        match self {
            Self::One(command) => masking::params(command),
            Self::Batch(commands) => masking::commands(
                commands
                    .iter()
                    .map(|(key, command)| (key.as_str(), *command)),
            ),
        }
    }
}
