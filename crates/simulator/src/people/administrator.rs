//! The administrator: answers questions that offer choices, and orders anew what the accountant deleted.
//!
//! An answer is one choice of those that the question names. What was decided is kept for the checks.

use std::collections::BTreeSet;

use domain::DealId;
use planner::Choice;
use planner::marked::SETTLE;
use serde_json::{Value, json};
use store::{Case, CaseFacts};

use crate::chance::dice::{About, Dice};
use crate::days::world::{World, told};
use crate::habits::editors::CHANGED;
use crate::habits::parts::Part;

const DELETED: &str = "INVOICE-DELETED";
const FLOOD: &str = "INVOICE-FLOOD";
const OWN_INVOICE: &str = "DEAL-SMART-INVOICE";
const NEW_BUYER: &str = "COUNTERPARTY-NEW";
const RATE_ENDED: &str = "VAT-RATE-ENDED";
const INVOICE_RATE_ENDED: &str = "INVOICE-RATE-ENDED";
const SUM_DIFFERS: &str = "DEAL-SUM-DIFFERS";
pub(crate) const MARKED_PAID: &str = "INVOICE-MARKED-PAID";
pub(crate) const MARK_GONE: &str = "PAID-MARK-GONE";
const PAID_DEAL_LOST: &str = "PAYMENT-DEAL-LOST";

impl World {
    /// Answers some of the open questions.
    pub(crate) async fn administer(&mut self, dice: &mut Dice) -> Result<(), String> {
        let place = self.some_tenant();
        for case in self.open_cases(place).await? {
            // While too many wait the office stands still: whoever is asked about them does not put it off.
            if case.facts.code == FLOOD || dice.chance(500) {
                self.choose(place, &case, dice).await?;
            }
        }
        Ok(())
    }

    /// Answers a question by one of its choices, if it offers any and is open still.
    pub(crate) async fn choose(
        &mut self,
        place: usize,
        case: &Case,
        dice: &mut Dice,
    ) -> Result<bool, String> {
        let Some(choice) = dice.pick(&choices(&case.facts)) else {
            return Ok(false);
        };
        if !self.take_answer(place, case, &choice.word).await? {
            return Ok(false);
        }
        let now = self.now();
        let Some(tenant) = self.tenants.get_mut(place) else {
            return Ok(false);
        };
        let (code, subject) = (&case.facts.code, &case.facts.subject);
        let words = format!("{code} {subject}: {}", choice.word);
        tenant.office.tell(now, "answered", words);
        tenant.bank.by_person.extend(subject.as_payment());
        let about = case.facts.facts.get("about").and_then(Value::as_str);
        if let Some(buyer) = about.filter(|_| code == NEW_BUYER) {
            tenant.office.let_in.push((now, buyer.to_owned()));
        }
        for id in deals_of(&case.facts) {
            let is_paid = tenant.office.paid.contains(&id);
            let Some(deal) = tenant.office.deals.get_mut(&id) else {
                continue;
            };
            match (code.as_str(), choice.word.as_str()) {
                (CHANGED, "reissue") if !is_paid => deal.replaced.push(now),
                (CHANGED, "additional") => deal.parts.push((now, Part::Additional)),
                (CHANGED, "leave") => deal.left.push(now),
                (FLOOD, "leave") => deal.left_out = Some(now),
                (FLOOD, "issue") => deal.let_go = Some(now),
                (RATE_ENDED, word) => deal.rates_said.push((now, word.to_owned())),
                (INVOICE_RATE_ENDED, "leave") => deal.rate_left = true,
                (MARKED_PAID, "leave") => deal.marks_left.extend(about.map(str::to_owned)),
                (MARK_GONE, "leave") => deal.closing_left.extend(about.and_then(transaction)),
                (PAID_DEAL_LOST, "leave") => deal.lost_left.extend(about.and_then(transaction)),
                (OWN_INVOICE, word) => deal.beside_own.push((now, word == "issue")),
                (SUM_DIFFERS, "lines") => {
                    let sums = about.and_then(sums);
                    deal.by_lines
                        .extend(sums.map(|(typed, lines)| (now, typed, lines)));
                }
                _ => {}
            }
        }
        Ok(true)
    }

    /// Whether an answer was taken: at the desk, where somebody sits there.
    async fn take_answer(&mut self, place: usize, case: &Case, word: &str) -> Result<bool, String> {
        if self.weather.customs.edits.is_some() && case.facts.subject.as_deal().is_some() {
            self.know_paid(place).await?;
            let offered = choices(&case.facts).into_iter();
            let offered: Vec<String> = offered.map(|choice| choice.word).collect();
            self.answer_in_vain(place, case, &offered).await?;
            return self.answer_at_desk(place, case, word).await;
        }
        let Some(tenant) = self.tenants.get(place) else {
            return Ok(false);
        };
        let (answer, now) = (json!({"choice": word}), self.host.now());
        let answered = self
            .store
            .case_answer(&tenant.id, case, &answer, "administrator", now);
        answered.await.map_err(told)
    }

    /// Orders another invoice where one was deleted, for each deal once; true if there was anything.
    pub(crate) async fn order_deleted_anew(&mut self) -> Result<bool, String> {
        if !Dice::of(self.seed, About::Decisions).chance(700) {
            return Ok(false);
        }
        let now = self.now();
        let mut decided = false;
        for place in 0..self.tenants.len() {
            let asked: BTreeSet<DealId> = self
                .open_cases(place)
                .await?
                .into_iter()
                .filter(|case| case.facts.code == DELETED)
                .filter_map(|case| case.facts.subject.as_deal())
                .collect();
            let Some(tenant) = self.tenants.get_mut(place) else {
                continue;
            };
            for deal in asked {
                if tenant.given_up.insert(deal) {
                    let id = i64::try_from(deal.get()).unwrap_or(i64::MAX);
                    tenant.office.order_anew(now, id);
                    decided = true;
                }
            }
        }
        Ok(decided)
    }
}

/// The deal's sum and that of its lines, in kopecks, as a question names them.
fn sums(about: &str) -> Option<(i64, i64)> {
    let kopecks = |sum: &str| sum.replace('.', "").parse().ok();
    let (typed, lines) = about.split_once(" / ")?;
    Some((kopecks(typed)?, kopecks(lines)?))
}

/// The transaction that a question is about.
pub(crate) fn transaction(about: &str) -> Option<i64> {
    about.strip_prefix("transaction/")?.parse().ok()
}

/// Those that he takes: what closes a bill without a bank is the cashier's to say, or the closer's.
fn choices(facts: &CaseFacts) -> Vec<Choice> {
    let choices = facts.facts.get("choices").cloned();
    let choices = choices.and_then(|choices| serde_json::from_value(choices).ok());
    let mut choices: Vec<Choice> = choices.unwrap_or_default();
    choices.retain(|choice| choice.word != SETTLE);
    choices
}

/// The deals that a question is about.
fn deals_of(facts: &CaseFacts) -> Vec<i64> {
    let own = facts.subject.as_deal().map(DealId::get);
    let listed = facts.facts.get("deals").and_then(Value::as_array);
    let listed = listed.into_iter().flatten().filter_map(Value::as_u64);
    let all = own.into_iter().chain(listed);
    all.filter_map(|id| i64::try_from(id).ok()).collect()
}
