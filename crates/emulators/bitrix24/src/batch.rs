//! `batch`: up to fifty commands one after another, each able to use the results before it.
//!
//! <https://apidocs.bitrix24.com/settings/how-to-call-rest-api/batch.html>

use axum::body::Body;
use axum::response::Response;
use serde_json::{Value, json};

use crate::call::{Refusal, Reply, param};
use crate::params::{read_query, split_name};
use crate::value::{Map, flag_of, php_map, text_of};

/// One command, still with references in its parameters.
#[derive(Debug, Clone)]
pub(crate) struct Command {
    pub(crate) key: String,
    /// Lower-cased.
    pub(crate) method: String,
    params: Map,
}

/// The commands in order, and whether the first error stops the rest.
pub(crate) fn read(params: &Map) -> (Vec<Command>, bool) {
    let halt = flag_of(param(params, "halt"));
    let commands = match param(params, "cmd") {
        Value::Object(commands) => commands
            .iter()
            .map(|(key, command)| read_command(key.clone(), command))
            .collect(),
        Value::Array(commands) => commands
            .iter()
            .enumerate()
            .map(|(at, command)| read_command(at.to_string(), command))
            .collect(),
        _ => Vec::new(),
    };
    (commands, halt)
}

/// The methods of the commands alone, in order.
pub(crate) fn methods(params: &Map) -> Vec<String> {
    match param(params, "cmd") {
        Value::Object(commands) => commands.values().map(method_of).collect(),
        Value::Array(commands) => commands.iter().map(method_of).collect(),
        _ => Vec::new(),
    }
}

fn method_of(command: &Value) -> String {
    if let Value::Object(parts) = command {
        return plain_method(&text_of(param(parts, "method")));
    }
    let line = text_of(command);
    let method = line.split_once('?').map_or(&*line, |(method, _)| method);
    plain_method(method)
}

fn read_command(key: String, command: &Value) -> Command {
    if let Value::Object(parts) = command {
        let params = match param(parts, "params") {
            Value::Object(params) => params.clone(),
            _ => Map::new(),
        };
        return Command {
            key,
            method: method_of(command),
            params,
        };
    }
    let line = text_of(command);
    let query = line.split_once('?').map_or("", |(_, query)| query);
    Command {
        key,
        method: method_of(command),
        params: read_query(query),
    }
}

/// A method's name without path, suffix and trailing signs.
pub(crate) fn plain_method(name: &str) -> String {
    let name = name
        .trim()
        .trim_matches(['/', '&', '?'])
        .to_ascii_lowercase();
    let name = name.rsplit('/').next().unwrap_or(&name).to_owned();
    name.strip_suffix(".json")
        .or_else(|| name.strip_suffix(".xml"))
        .map(str::to_owned)
        .unwrap_or(name)
}

/// What has been answered so far.
#[derive(Debug, Default)]
pub(crate) struct Results {
    result: Map,
    errors: Map,
    totals: Map,
    nexts: Map,
    times: Map,
}

impl Results {
    /// The command's parameters with references replaced by earlier results.
    pub(crate) fn resolve(&self, command: &Command) -> Map {
        command
            .params
            .iter()
            .map(|(name, value)| (name.clone(), self.resolved(value)))
            .collect()
    }

    fn resolved(&self, value: &Value) -> Value {
        match value {
            Value::String(text) if text.contains("$result[") => self.resolved_text(text),
            Value::Array(items) => items.iter().map(|item| self.resolved(item)).collect(),
            Value::Object(fields) => fields
                .iter()
                .map(|(name, value)| (name.clone(), self.resolved(value)))
                .collect::<Map>()
                .into(),
            other => other.clone(),
        }
    }

    /// A value that is one reference takes the result as it is; within a text, its text.
    fn resolved_text(&self, text: &str) -> Value {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("$result[") {
            let (path, tail) = reference(after);
            let found = self.look_up(&path);
            if before.is_empty() && out.is_empty() && tail.is_empty() {
                return found;
            }
            out.push_str(before);
            out.push_str(&text_of(&found));
            rest = tail;
        }
        out.push_str(rest);
        Value::from(out)
    }

    fn look_up(&self, path: &str) -> Value {
        let (_, steps) = split_name(&format!("result[{path}"));
        let mut steps = steps.iter();
        let Some(mut here) = steps.next().and_then(|key| self.result.get(key)) else {
            return Value::Null;
        };
        for step in steps {
            let next = match here {
                Value::Object(fields) => fields.get(step),
                Value::Array(items) => step.parse::<usize>().ok().and_then(|at| items.get(at)),
                _ => None,
            };
            match next {
                Some(value) => here = value,
                None => return Value::Null,
            }
        }
        here.clone()
    }

    pub(crate) fn done(&mut self, key: &str, reply: Reply, time: Value) {
        if let Some(total) = reply.total {
            self.totals.insert(key.to_owned(), total.into());
        }
        if let Some(next) = reply.next {
            self.nexts.insert(key.to_owned(), next.into());
        }
        self.result.insert(key.to_owned(), reply.result);
        self.times.insert(key.to_owned(), time);
    }

    pub(crate) fn refused(&mut self, key: &str, refusal: &Refusal) {
        self.errors.insert(key.to_owned(), refusal.body());
    }

    pub(crate) fn into_reply(self) -> Reply {
        json!({
            "result": php_map(self.result),
            "result_error": php_map(self.errors),
            "result_total": php_map(self.totals),
            "result_next": php_map(self.nexts),
            "result_time": php_map(self.times),
        })
        .into()
    }
}

/// The answer of a batch without its last command, as if the portal had broken off there; other answers as they are.
pub(crate) async fn without_a_part(response: Response) -> Response {
    let (head, body) = response.into_parts();
    let Ok(body) = axum::body::to_bytes(body, usize::MAX).await else {
        return Response::from_parts(head, Body::empty());
    };
    let mut whole: Value = serde_json::from_slice(&body).unwrap_or_default();
    let last = match whole.pointer_mut("/result/result") {
        Some(Value::Object(results)) => {
            let last = results.keys().next_back().cloned();
            last.and_then(|key| results.remove(&key))
        }
        _ => None,
    };
    let body = match last {
        Some(_) => Body::from(whole.to_string()),
        None => Body::from(body),
    };
    Response::from_parts(head, body)
}

/// `a][b]tail` after the opening `$result[`: the path with its brackets, and what follows.
fn reference(after: &str) -> (String, &str) {
    let mut path = String::new();
    let mut rest = after;
    while let Some((part, tail)) = rest.split_once(']') {
        path.push_str(part);
        path.push(']');
        match tail.strip_prefix('[') {
            Some(next) => {
                path.push('[');
                rest = next;
            }
            None => return (path, tail),
        }
    }
    (path, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results() -> Results {
        let mut results = Results::default();
        results.done(
            "user",
            json!({"ID": "7", "UF_DEPARTMENT": [3]}).into(),
            Value::Null,
        );
        results.done(
            "list",
            json!({"items": [{"id": 11}, {"id": 12}]}).into(),
            Value::Null,
        );
        results
    }

    fn check(line: &str, name: &str, expected: Value) {
        let command = read_command("next".into(), &Value::from(line));
        assert_eq!(
            results().resolve(&command).get(name),
            Some(&expected),
            "{line}"
        );
    }

    #[test]
    fn references_reach_into_earlier_results() {
        check(
            "department.get?ID=$result[user][UF_DEPARTMENT][0]",
            "ID",
            json!(3),
        );
        check(
            "crm.item.get?id=%24result%5Blist%5D%5Bitems%5D%5B1%5D%5Bid%5D",
            "id",
            json!(12),
        );
        check(
            "crm.item.list?filter[>id]=$result[list][items][0][id]&",
            "filter",
            json!({">id": 11}),
        );
        check(
            "im.message.add?MESSAGE=from $result[user][ID]!",
            "MESSAGE",
            json!("from 7!"),
        );
        check("crm.item.get?id=$result[absent][id]", "id", Value::Null);
    }

    #[test]
    fn commands_are_read_in_every_spelling() {
        for line in [
            "crm.deal.List",
            "crm.deal.list?",
            "crm.deal.list&",
            "/crm.deal.list.json?a=1",
        ] {
            assert_eq!(
                read_command("a".into(), &Value::from(line)).method,
                "crm.deal.list",
                "{line}"
            );
        }
        let command = read_command(
            "a".into(),
            &json!({"method": "user.get", "params": {"ID": 1}}),
        );
        assert_eq!(
            (command.method.as_str(), command.params.get("ID")),
            ("user.get", Some(&json!(1)))
        );
    }
}
