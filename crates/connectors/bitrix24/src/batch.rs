//! Many commands in as few requests as fit, each settled by its own key.
//!
//! A batch is no transaction: each command has its own answer, and one without an answer may have
//! been carried out. Only what the portal says it did not execute (an expired token, a batch too
//! long) is sent again here, and alone.

use std::collections::VecDeque;
use std::sync::Arc;

use capability::{Call, ConnectorError};
use domain::Verdict;
use jiff::Timestamp;
use serde_json::Value;

use crate::answer::{Part, Parts};
use crate::client::Client;
use crate::command::Command;
use crate::error::{Effect, Meaning, unclear_answer};
use crate::load::Load;

pub(crate) type Settled = Result<Value, ConnectorError>;

/// Which question goes first in a batch that carries the commands of these numbers; its answer tells how things stood
/// right before them.
pub(crate) type Question<'a> = &'a (dyn Fn(&[usize]) -> Option<Command> + Sync);

/// The key of a batch's question.
const FIRST: &str = "first";

/// Commands with their results as far as they came.
struct Sheet<'a> {
    commands: &'a [Command],
    question: Question<'a>,
    effect: Effect,
    /// The portal's time when it began with the first batch that it answered.
    begun_at: Option<Timestamp>,
    results: Vec<Option<Settled>>,
    /// What the question of the batch that carried a command last brought.
    before: Vec<Option<Arc<Value>>>,
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
        self.batch_at(call, commands, effect).await.1
    }

    /// The same, with the portal's own time at which it began with the first batch that it answered.
    pub(crate) async fn batch_at(
        &self,
        call: &Call<'_>,
        commands: &[Command],
        effect: Effect,
    ) -> (Option<Timestamp>, Vec<Settled>) {
        let sheet = self.sent(call, commands, effect, &|_| None).await;
        let begun_at = sheet.begun_at;
        let results = sheet.into_results().into_iter();
        (begun_at, results.map(|(result, _)| result).collect())
    }

    /// The same with a question at the head of every batch. Each result comes with the answer to the question of its
    /// own batch, where there was one and it was answered.
    pub(crate) async fn batch_asking(
        &self,
        call: &Call<'_>,
        commands: &[Command],
        effect: Effect,
        question: Question<'_>,
    ) -> Vec<(Settled, Option<Arc<Value>>)> {
        let sheet = self.sent(call, commands, effect, question).await;
        sheet.into_results()
    }

    async fn sent<'a>(
        &self,
        call: &Call<'_>,
        commands: &'a [Command],
        effect: Effect,
        question: Question<'a>,
    ) -> Sheet<'a> {
        let mut sheet = Sheet {
            commands,
            question,
            effect,
            begun_at: None,
            results: vec![None; commands.len()],
            before: vec![None; commands.len()],
            open: (0..commands.len()).collect(),
            most: usize::MAX,
            renewed: false,
        };
        while !sheet.open.is_empty() {
            let (first, chunk) = sheet.next_chunk(self);
            let keyed = sheet.keyed(first.as_ref(), &chunk);
            match self.send(call, &Load::Batch(&keyed), effect).await {
                Err(error) => sheet.unanswered(chunk, &error),
                Ok((whole, pass)) => {
                    let expired = sheet.answered(self, first.as_ref(), &chunk, whole);
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
        sheet
    }
}

impl<'a> Sheet<'a> {
    /// What goes into the next batch: its question, where one is to be asked, and as many commands as fit beside it.
    fn next_chunk(&mut self, client: &Client) -> (Option<Command>, Vec<usize>) {
        let count = self.fitting(client, None);
        let Some(first) = self.question_for(count) else {
            return (None, self.open.drain(..count).collect());
        };
        let count = self.fitting(client, Some(first.method));
        let first = self.question_for(count);
        (first, self.open.drain(..count).collect())
    }

    fn fitting(&self, client: &Client, first: Option<&'static str>) -> usize {
        let commands = self.open.iter().filter_map(|&at| self.commands.get(at));
        let methods = first.into_iter().chain(commands.map(|one| one.method));
        let fitting = client.pace.fit(methods, self.effect);
        let beside = fitting.saturating_sub(usize::from(first.is_some()));
        beside.min(self.most).max(1).min(self.open.len())
    }

    fn question_for(&self, count: usize) -> Option<Command> {
        let chunk: Vec<usize> = self.open.iter().take(count).copied().collect();
        (self.question)(&chunk)
    }

    fn keyed<'b>(&self, first: Option<&'b Command>, chunk: &[usize]) -> Vec<(String, &'b Command)>
    where
        'a: 'b,
    {
        let first = first.map(|first| (FIRST.to_owned(), first));
        let of = |&index: &usize| Some((key(index), self.commands.get(index)?));
        first
            .into_iter()
            .chain(chunk.iter().filter_map(of))
            .collect()
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
        first: Option<&Command>,
        chunk: &[usize],
        whole: Value,
    ) -> Vec<usize> {
        let begun_at = whole.get("time").and_then(|time| time.get("date_start"));
        let begun_at = begun_at
            .and_then(Value::as_str)
            .and_then(|at| at.parse().ok());
        self.begun_at = self.begun_at.or(begun_at);
        let mut parts = Parts::of(whole, self.effect);
        let before = first.and_then(|first| parts.take(FIRST, first.method, self.effect).ok());
        let before = before.map(Arc::new);
        let (mut expired, mut too_long) = (Vec::new(), Vec::new());
        for &index in chunk {
            let Some(command) = self.commands.get(index) else {
                continue;
            };
            if let Some(slot) = self.before.get_mut(index) {
                slot.clone_from(&before);
            }
            let result = match parts.take(&key(index), command.method, self.effect) {
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

    fn into_results(self) -> Vec<(Settled, Option<Arc<Value>>)> {
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
            .zip(self.before)
            .collect()
    }
}

/// The key of the command of this number, as long as one request carries all of them. Keys are words: PHP would turn
/// numbers into a list.
pub(crate) fn key(index: usize) -> String {
    format!("c{index}")
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
