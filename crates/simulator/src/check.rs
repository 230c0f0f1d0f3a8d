//! What must hold, judged by the emulators' true history, by what people remember and by what left on the wire.
//!
//! Nothing here asks the product's own deciding code: what a deal wanted is worked out anew from what people did.
//! The names in brackets are the invariants of the reliability model.

mod access;
mod bills;
mod deals;
mod echo;
mod owners;
mod reissue;
mod tenants;
mod waiting;
mod wire;

use std::collections::BTreeSet;

use domain::DealId;
use emulator_bitrix24::{Actor, Entry, What};
use emulator_kontur_accounting as kontur;
use jiff::Timestamp;
use serde_json::Value;
use store::{Case, JournalProof};

use crate::neighbour::Belongings;
use crate::network::Seen;
use crate::office::{INVOICE, LOST, STAGES};
use crate::people::Office;
use crate::weather::Weather;
use crate::witness::Leaving;

/// Everything that is known when the day is over.
pub(crate) struct Evidence<'a> {
    pub(crate) weather: &'a Weather,
    pub(crate) office: &'a Office,
    pub(crate) portal: emulator_bitrix24::Truth,
    pub(crate) accounting: kontur::Truth,
    pub(crate) seen: Vec<Seen>,
    /// What our records said when requests left.
    pub(crate) leaving: Vec<Leaving>,
    /// The other tenant, before and after.
    pub(crate) neighbour: (Belongings, Belongings),
    pub(crate) cases: Vec<Case>,
    /// Deals whose deleted invoice a person gave up.
    pub(crate) given_up: &'a BTreeSet<DealId>,
    pub(crate) journal: JournalProof,
    pub(crate) events_accepted: u64,
    pub(crate) events_kept: u64,
    pub(crate) settled: bool,
    /// Writes on the portal in the hour after everything was quiet.
    pub(crate) late_writes: usize,
    pub(crate) start: Timestamp,
}

/// Everything that does not hold.
pub(crate) fn all(evidence: &Evidence<'_>) -> Vec<String> {
    let mut wrong = Vec::new();
    bills::check(evidence, &mut wrong);
    deals::check(evidence, &mut wrong);
    wire::check(evidence, &mut wrong);
    access::check(evidence, &mut wrong);
    echo::check(evidence, &mut wrong);
    owners::check(evidence, &mut wrong);
    reissue::check(evidence, &mut wrong);
    tenants::check(evidence, &mut wrong);
    waiting::check(evidence, &mut wrong);
    if !evidence.settled {
        wrong.push("[I-4] it never became quiet".to_owned());
    }
    if evidence.late_writes > 0 {
        wrong.push(format!(
            "[I-17] {} writes in an hour in which nobody did anything",
            evidence.late_writes
        ));
    }
    if let JournalProof::Broken { .. } = evidence.journal {
        wrong.push(format!("[I-6] the journal: {:?}", evidence.journal));
    }
    if evidence.events_kept < evidence.events_accepted {
        wrong.push(format!(
            "[I-3] {} events were answered with 200 and {} are on disk",
            evidence.events_accepted, evidence.events_kept
        ));
    }
    wrong
}

/// Whether our credentials wrote this.
pub(crate) fn is_our_write(entry: &Entry) -> bool {
    matches!(
        entry.what,
        What::Write {
            actor: Actor::Webhook { .. } | Actor::Application { .. },
            ..
        }
    )
}

/// The deal whose mark a text holds.
fn deal_of(text: &str) -> Option<i64> {
    let (_, rest) = text.split_once("/deal/")?;
    let (id, rest) = rest.split_once('/')?;
    rest.starts_with("invoice/").then(|| id.parse().ok())?
}

/// When a deal entered which stage, in order, by the portal's clock.
fn stages(truth: &emulator_bitrix24::Truth, deal: i64) -> Vec<(Timestamp, String)> {
    let mut stages: Vec<(Timestamp, String)> = Vec::new();
    for entry in truth.writes_to("deal", deal) {
        let What::Write {
            after: Some(after), ..
        } = &entry.what
        else {
            continue;
        };
        let stage = after.get("STAGE_ID").and_then(Value::as_str);
        let stage = stage.unwrap_or_default();
        if stages.last().is_none_or(|(_, last)| last != stage) {
            stages.push((entry.at, stage.to_owned()));
        }
    }
    stages
}

/// Whether a deal with this past wants an invoice: it entered the stage and was not taken back or lost since.
fn is_wanted(stages: &[(Timestamp, String)]) -> bool {
    let position = |stage: &str| STAGES.iter().position(|known| *known == stage);
    let first = position(INVOICE);
    let mut entered = false;
    let mut lost = false;
    for (_, stage) in stages {
        lost = stage == LOST;
        if stage == INVOICE {
            entered = true;
        } else if position(stage) < first {
            entered = false;
        }
    }
    entered && !lost
}
