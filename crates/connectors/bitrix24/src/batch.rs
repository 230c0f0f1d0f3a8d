//! Many commands in as few requests as fit, each settled by its own key.
//!
//! A batch is no transaction: each command has its own answer, and one without an answer may have
//! been carried out. Only what the portal says it did not execute (an expired token, a batch too
//! long) is sent again here, and alone.

use std::collections::VecDeque;

use capability::{Call, ConnectorError};
use domain::Verdict;
use serde_json::Value;

use crate::answer::{Part, Parts};
use crate::client::Client;
use crate::command::Command;
use crate::error::{Effect, Meaning, unclear_answer};
use crate::load::Load;

type Settled = Result<Value, ConnectorError>;

/// Commands with their results as far as they came.
struct Sheet<'a> {
    commands: &'a [Command],
    effect: Effect,
    results: Vec<Option<Settled>>,
    open: VecDeque<usize>,
    /// Commands a batch may have; smaller once the portal found one too long.
    most: usize,
    renewed: bool,
}

impl Client {
    /// Sends independent commands; one result per command, in their order. A refusal of one does not
    /// stop the rest.
    pub(crate) async fn batch(
        &self,
        call: &Call<'_>,
        commands: &[Command],
        effect: Effect,
    ) -> Vec<Settled> {
        let mut sheet = Sheet {
            commands,
            effect,
            results: vec![None; commands.len()],
            open: (0..commands.len()).collect(),
            most: usize::MAX,
            renewed: false,
        };
        while !sheet.open.is_empty() {
            let chunk = sheet.next_chunk(self);
            let keyed = sheet.keyed(&chunk);
            match self.send(call, &Load::Batch(&keyed), effect).await {
                Err(error) => sheet.unanswered(chunk, &error),
                Ok((whole, pass)) => {
                    let expired = sheet.answered(self, &chunk, &keyed, whole);
                    if expired.is_empty() {
                        continue;
                    }
                    sheet.renewed = true;
                    match self.access.renew(call, &pass, &self.way()).await {
                        Ok(_) => sheet.open.extend(expired),
                        Err(error) => sheet.settle(expired, &error),
                    }
                }
            }
        }
        sheet.into_results()
    }
}

impl<'a> Sheet<'a> {
    fn next_chunk(&mut self, client: &Client) -> Vec<usize> {
        let methods = self
            .open
            .iter()
            .filter_map(|&index| self.commands.get(index));
        let fitting = client
            .pace
            .fit(methods.map(|command| command.method), self.effect);
        let take = fitting.min(self.most).max(1).min(self.open.len());
        self.open.drain(..take).collect()
    }

    /// Keys are words: PHP would turn numbers into a list.
    fn keyed(&self, chunk: &[usize]) -> Vec<(String, &'a Command)> {
        let of = |&index: &usize| Some((format!("c{index}"), self.commands.get(index)?));
        chunk.iter().filter_map(of).collect()
    }

    fn unanswered(&mut self, chunk: Vec<usize>, error: &ConnectorError) {
        self.settle(chunk, error);
        if let Some(error) = held_back(error) {
            let unsent = std::mem::take(&mut self.open);
            self.settle(unsent, &error);
        }
    }

    /// Settles what was answered; tells which commands met an expired token.
    fn answered(
        &mut self,
        client: &Client,
        chunk: &[usize],
        keyed: &[(String, &Command)],
        whole: Value,
    ) -> Vec<usize> {
        let mut parts = Parts::of(whole, self.effect);
        let (mut expired, mut too_long) = (Vec::new(), Vec::new());
        for (&index, (key, command)) in chunk.iter().zip(keyed) {
            let result = match parts.take(key, command.method, self.effect) {
                Ok(value) => Ok(value),
                Err(Part::Unclear(error)) => Err(error),
                Err(Part::Refused(refusal)) => match refusal.meaning(self.effect) {
                    Meaning::Expired if !self.renewed && client.access.is_app() => {
                        expired.push(index);
                        continue;
                    }
                    Meaning::TooLong if chunk.len() > 1 => {
                        too_long.push(index);
                        continue;
                    }
                    _ => Err(refusal.error(
                        self.effect,
                        command.method,
                        client.now(),
                        client.reset_of(command.method),
                    )),
                },
            };
            self.put(index, result);
        }
        if !too_long.is_empty() {
            self.most = (chunk.len() / 2).max(1);
            self.open.extend(too_long);
        }
        expired
    }

    fn settle(&mut self, which: impl IntoIterator<Item = usize>, error: &ConnectorError) {
        for index in which {
            self.put(index, Err(error.clone()));
        }
    }

    fn put(&mut self, index: usize, result: Settled) {
        if let Some(slot) = self.results.get_mut(index) {
            *slot = Some(result);
        }
    }

    fn into_results(self) -> Vec<Settled> {
        let missing = || {
            Err(unclear_answer(
                self.effect,
                "batch",
                "missing-key",
                "no answer for this command",
            ))
        };
        self.results
            .into_iter()
            .map(|result| result.unwrap_or_else(missing))
            .collect()
    }
}

/// What the commands get that were not sent, because the error tells that they would fare alike.
fn held_back(error: &ConnectorError) -> Option<ConnectorError> {
    let mut error = error.clone();
    let unsent = matches!(error.code.as_str(), "not-sent" | "not-admitted");
    match error.verdict {
        Verdict::Reauthorize => Some(error),
        Verdict::Retry { .. } if error.limit || unsent || error.code == "timed-out" => Some(error),
        Verdict::Verify if error.code == "timed-out" => {
            error.verdict = Verdict::Retry { after: None };
            "not-sent".clone_into(&mut error.code);
            "not sent, because the batch before it got no answer".clone_into(&mut error.message);
            Some(error)
        }
        _ => None,
    }
}
