//! What would be done about all deals of a time, grouped: what would be issued, what a person has to mend by its cause,
//! and where nothing is to be done by its reason.

use std::collections::BTreeMap;

use domain::{Deal, Money, OrganisationId, display};
use planner::{Action, Policy};
use reconciler::PlannedDeal;
use serde::Serialize;

use super::span::Span;
use crate::words::plain;

/// All of it.
#[derive(Debug, Serialize)]
pub struct Summary {
    #[serde(flatten)]
    span: Span,
    /// Invoices that would be issued, by number of the deal.
    pub(super) to_issue: Vec<ToIssue>,
    /// What people have to mend or decide; most deals first.
    pub(super) questions: Vec<Group>,
    /// Deals that would be left alone, by the reason; most deals first.
    pub(super) left_alone: Vec<Group>,
}

/// An invoice that would be issued.
#[derive(Debug, Serialize)]
pub(super) struct ToIssue {
    pub(super) deal: Named,
    pub(super) buyer: String,
    /// INN and KPP.
    pub(super) buyer_key: String,
    /// The counterparty is not known to the accounting side yet.
    pub(super) new_buyer: bool,
    pub(super) seller: String,
    /// With VAT.
    pub(super) total: Money,
    pub(super) vat: Money,
    pub(super) lines: usize,
}

/// Deals with one cause.
#[derive(Debug, Serialize)]
pub(super) struct Group {
    /// The page that explains it; none where nothing is to be done.
    pub(super) code: Option<&'static str>,
    /// In words of people.
    pub(super) cause: String,
    pub(super) deals: Vec<Named>,
    /// What the portal shows as these deals' sums, added up.
    pub(super) amount: Money,
}

/// A deal as people find it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Named {
    pub(super) id: u64,
    pub(super) title: String,
    pub(super) responsible: Option<u64>,
    pub(super) buyer: Option<String>,
    pub(super) amount: Option<Money>,
    pub(super) address: String,
    /// What is asked about this deal; none where nothing is.
    pub(super) text: Option<String>,
}

impl Summary {
    /// Groups the plans. `origin`: the portal's, for the deals' addresses.
    pub(super) fn of(
        span: Span,
        planned: Vec<PlannedDeal>,
        policy: &Policy,
        origin: &str,
    ) -> Summary {
        let mut to_issue = Vec::new();
        let mut questions = Groups::default();
        let mut left_alone = Groups::default();
        for one in planned {
            let named = Named::of(&one, origin);
            if let Some(issue) = to_be_issued(&one, &named, policy) {
                to_issue.push(issue);
            }
            for case in &one.plan.cases {
                let text = plain(&case.text);
                let named = Named {
                    text: Some(text.clone()),
                    ..named.clone()
                };
                let key = (Some(case.code.as_str()), case.cause.clone());
                questions.add(key, text, named);
            }
            if one.plan.cases.is_empty() && !issues(&one) {
                let reason = reason(&one);
                left_alone.add((None, reason.clone()), reason, named);
            }
        }
        Summary {
            span,
            to_issue,
            questions: questions.ranked(),
            left_alone: left_alone.ranked(),
        }
    }

    fn total(&self) -> Option<Money> {
        Money::sum(self.to_issue.iter().map(|one| one.total))
    }

    /// As text for a terminal.
    pub(super) fn in_words(&self) -> String {
        let total = self.total().map_or_else(|| "—".to_owned(), display::money);
        let mut text = format!(
            "Что было бы сделано по сделкам, вошедшим в стадию счёта {}. Ничего не записано.\n\n\
             Было бы выставлено счетов: {} на {total}\n",
            self.span.in_words(),
            self.to_issue.len(),
        );
        for one in &self.to_issue {
            let is_new = if one.new_buyer {
                ", контрагента нужно создать"
            } else {
                ""
            };
            text.push_str(&format!(
                "  {} — {} от {}: {} ({}{is_new})\n",
                one.deal.in_words(),
                display::money(one.total),
                one.seller,
                one.buyer,
                one.buyer_key,
            ));
        }
        let asked: usize = self.questions.iter().map(|group| group.deals.len()).sum();
        text.push_str(&format!("\nНужен человек: {asked}\n"));
        for group in &self.questions {
            let code = group.code.unwrap_or_default();
            text.push_str(&format!(
                "  [{code}] {} — {}\n",
                group.in_lines(),
                group.counted()
            ));
            text.push_str(&group.listed());
        }
        let alone: usize = self.left_alone.iter().map(|group| group.deals.len()).sum();
        text.push_str(&format!("\nНичего не нужно: {alone}\n"));
        for group in &self.left_alone {
            text.push_str(&format!("  {} — {}\n", group.in_lines(), group.counted()));
            text.push_str(&group.listed());
        }
        text
    }
}

/// Deals of one group that are listed in a terminal; the rest are counted.
const LISTED: usize = 10;

impl Group {
    /// The cause, with its further lines below its beginning.
    fn in_lines(&self) -> String {
        self.cause.replace('\n', "\n  ")
    }

    fn counted(&self) -> String {
        format!("{} на {}", self.deals.len(), display::money(self.amount))
    }

    fn listed(&self) -> String {
        let mut text = String::new();
        for deal in self.deals.iter().take(LISTED) {
            text.push_str(&format!("    {} {}\n", deal.in_words(), deal.address));
        }
        let more = self.deals.len().saturating_sub(LISTED);
        if more > 0 {
            text.push_str(&format!("    и ещё {more}: все — в `--json` и `--xlsx`\n"));
        }
        text
    }
}

impl Named {
    fn of(planned: &PlannedDeal, origin: &str) -> Named {
        let id = planned.id.get();
        let deal: Option<&Deal> = planned.deal.as_ref();
        Named {
            id,
            title: deal.map(|deal| deal.title.clone()).unwrap_or_default(),
            responsible: deal.map(|deal| deal.responsible.get()),
            buyer: planned.buyer.clone(),
            amount: deal.map(|deal| deal.amount),
            address: format!("{origin}/crm/deal/details/{id}/"),
            text: None,
        }
    }

    fn in_words(&self) -> String {
        if self.title.is_empty() {
            format!("Сделка {}", self.id)
        } else {
            format!("Сделка {} «{}»", self.id, self.title)
        }
    }
}

/// Groups under way: by the page and what groups deals with one cause; each with its words.
#[derive(Default)]
struct Groups(BTreeMap<(Option<&'static str>, String), Group>);

impl Groups {
    fn add(&mut self, key: (Option<&'static str>, String), words: String, deal: Named) {
        let code = key.0;
        let group = self.0.entry(key).or_insert_with(|| Group {
            code,
            cause: words,
            deals: Vec::new(),
            amount: Money::ZERO,
        });
        let amount = deal.amount.unwrap_or(Money::ZERO);
        group.amount = group.amount.checked_add(amount).unwrap_or(group.amount);
        group.deals.push(deal);
    }

    fn ranked(self) -> Vec<Group> {
        let mut groups: Vec<Group> = self.0.into_values().collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.deals.len()));
        groups
    }
}

fn issues(planned: &PlannedDeal) -> bool {
    let mut actions = planned.plan.actions.iter();
    actions.any(|action| matches!(action, Action::IssueInvoice { .. }))
}

fn to_be_issued(planned: &PlannedDeal, deal: &Named, policy: &Policy) -> Option<ToIssue> {
    let actions = &planned.plan.actions;
    let draft = actions.iter().find_map(|action| match action {
        Action::IssueInvoice { draft, .. } => Some(draft),
        _ => None,
    })?;
    let is_made = |action: &Action| matches!(action, Action::CreateCounterparty { .. });
    // A draft that cannot be added up is asked about, and never issued.
    let totals = draft.totals().ok()?;
    Some(ToIssue {
        deal: deal.clone(),
        buyer: draft.buyer.name.clone(),
        buyer_key: display::known_by(&draft.buyer.key),
        new_buyer: actions.iter().any(is_made),
        seller: title_of(policy, &draft.seller),
        total: totals.gross,
        vat: totals.vat,
        lines: draft.lines.len(),
    })
}

fn title_of(policy: &Policy, seller: &OrganisationId) -> String {
    let mut organisations = policy.organisations.iter();
    let own = organisations.find(|organisation| organisation.id == *seller);
    own.map_or_else(|| seller.to_string(), |own| own.title.clone())
}

/// Why nothing is done: in words that are the same for all deals with that reason.
fn reason(planned: &PlannedDeal) -> String {
    if planned.invoice.is_some() {
        return "счёт уже выставлен".to_owned();
    }
    let because = planned.plan.because.first().cloned();
    because.unwrap_or_else(|| "ничего не нужно".to_owned())
}
