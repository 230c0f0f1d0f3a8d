//! Payments that wait for a person: what came, which invoices it may be for, and what is open of them now.
//!
//! A question was asked at some moment; meanwhile other money came. So each candidate is told with what is open of its
//! invoices now, and one that can no longer be obeyed says so.

use std::collections::BTreeMap;

use domain::Money;
use domain::matching::CountedBefore;
use domain::payment::PaymentKind;
use planner::Choice;
use planner::payments::{BUT, LEAVE, Offer};
use store::{Balance, Case, CaseFilter, InvoiceRef, StoreError, Undecided};

use crate::Desk;
use crate::invoices::open_to;
use crate::payments::{choices, fingerprint};
use crate::registers::{Credit, credits};

/// The code of questions about payments.
pub(crate) const UNDECIDED: &str = "PAYMENT-UNDECIDED";
/// Before the doubts in the text of a question, and after them.
const DOUBTS: (&str, &str) = ("Не разнесено: ", ". Варианты:");
/// Before the reasons in the text of a choice.
const REASONS: &str = " — ";

/// A payment that a person is asked about.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// The number of the case.
    pub case: i64,
    /// What was asked, see [`fingerprint`].
    pub seen: String,
    /// The payment.
    pub payment: Undecided,
    /// Why it is not certain, in Russian.
    pub doubts: String,
    /// The best first.
    pub candidates: Vec<Candidate>,
    /// It is one credit of many sales, which a person names.
    pub credit: Option<Credit>,
}

/// What the payment may be for.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The answer that chooses it.
    pub word: String,
    /// What speaks for it, in Russian.
    pub reasons: String,
    /// What speaks against this one, in Russian; mostly nothing.
    pub against: String,
    /// The invoices.
    pub shares: Vec<OfferedShare>,
    /// What of the payment is given to nothing then.
    pub rest: Money,
    /// It can be obeyed now.
    pub is_possible: bool,
}

/// A part of the payment for one invoice.
#[derive(Clone, Debug, PartialEq)]
pub struct OfferedShare {
    /// Which invoice.
    pub invoice: InvoiceRef,
    /// What is known of it now; none: it is gone.
    pub balance: Option<Balance>,
    /// What of it is open to this payment now.
    pub open: Money,
    /// How much it would get.
    pub amount: Money,
}

/// Questions, and where the next ones begin.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Questions {
    /// The oldest first.
    pub questions: Vec<Question>,
    /// After this case; none: these are the last.
    pub next: Option<i64>,
}

/// The answer that gives a payment to nothing.
pub const GIVE_TO_NOTHING: &str = LEAVE;

impl Desk {
    /// Open questions about payments, those after case `after`.
    ///
    /// # Errors
    /// The store's.
    pub async fn questions(&self, after: i64, limit: usize) -> Result<Questions, StoreError> {
        let filter = CaseFilter {
            code: Some(UNDECIDED.to_owned()),
            after,
            limit: limit.saturating_add(1),
            ..CaseFilter::default()
        };
        let mut cases = self.store.cases_open(&self.portal, &filter).await?;
        let is_more = cases.len() > limit;
        cases.truncate(limit);
        let next = cases.last().filter(|_| is_more).map(|case| case.id);
        let numbers: Vec<i64> = cases
            .iter()
            .filter_map(|case| case.facts.subject.as_payment())
            .collect();
        // Before what it is of: what is recorded in between is not seen.
        let last = self.store.money_last(&self.portal, &numbers).await?;
        let payments = self.store.money_undecided(&self.portal, &numbers).await?;
        let offered: Vec<Vec<Vec<(InvoiceRef, Money)>>> = cases.iter().map(offered).collect();
        let invoices = offered
            .iter()
            .flatten()
            .flatten()
            .map(|(invoice, _)| invoice.clone());
        let invoices: Vec<InvoiceRef> = invoices.collect();
        let open = Open {
            balances: self.store.money_balances(&self.portal, &invoices).await?,
            counted: self.store.money_counted(&self.portal, &invoices).await?,
        };
        let by_number: BTreeMap<i64, Undecided> = payments
            .into_iter()
            .map(|payment| (payment.number, payment))
            .collect();
        let credits = credits(&by_number, &last);
        let otherwise = self.store.money_given_otherwise(&self.portal, &numbers);
        let otherwise = otherwise.await?;
        let told = cases.iter().zip(&offered).filter_map(|(case, offered)| {
            let payment = by_number.get(&case.facts.subject.as_payment()?)?;
            let credit = credits.get(&payment.number).copied();
            let mut question = question(case, payment, offered, &open);
            // An order that is given by its parts is not given whole as well, nor the other way round.
            if otherwise.contains_key(&payment.number) {
                let candidates = question.candidates.iter_mut();
                candidates.for_each(|candidate| candidate.is_possible = false);
            }
            Some(Question { credit, ..question })
        });
        Ok(Questions {
            questions: told.collect(),
            next,
        })
    }
}

/// What is open of the invoices that are offered.
struct Open {
    balances: BTreeMap<InvoiceRef, Balance>,
    counted: BTreeMap<InvoiceRef, CountedBefore>,
}

impl Open {
    fn share(&self, payment: &Undecided, invoice: &InvoiceRef, amount: Money) -> OfferedShare {
        let balance = self.balances.get(invoice);
        let counted = self.counted.get(invoice);
        let open = balance.map(|balance| open_to(&payment.order, balance, counted));
        OfferedShare {
            invoice: invoice.clone(),
            balance: balance.cloned(),
            open: open.unwrap_or_default(),
            amount,
        }
    }
}

fn question(
    case: &Case,
    payment: &Undecided,
    offered: &[Vec<(InvoiceRef, Money)>],
    open: &Open,
) -> Question {
    let choices = choices(case);
    if payment.kind == PaymentKind::RefundOut {
        let candidates = choices.iter().filter(|choice| choice.word != LEAVE);
        return Question {
            case: case.id,
            seen: fingerprint(case),
            payment: payment.clone(),
            doubts: doubts(&case.facts.text).to_owned(),
            candidates: candidates.map(taken_off).collect(),
            credit: None,
        };
    }
    let candidates = choices.iter().zip(offered).map(|(choice, shares)| {
        let shares: Vec<OfferedShare> = shares
            .iter()
            .map(|(invoice, amount)| open.share(payment, invoice, *amount))
            .collect();
        let given = Money::sum(shares.iter().map(|share| share.amount));
        let rest = given.and_then(|given| payment.remaining.checked_sub(given));
        let is_open = |share: &OfferedShare| share.balance.is_some() && share.amount <= share.open;
        let reasons = choice
            .text
            .rsplit_once(REASONS)
            .map_or("", |(_, reasons)| reasons);
        let (reasons, against) = reasons.split_once(BUT).unwrap_or((reasons, ""));
        Candidate {
            word: choice.word.clone(),
            reasons: reasons.to_owned(),
            against: against.to_owned(),
            is_possible: !shares.is_empty()
                && shares.iter().all(is_open)
                && rest.is_some_and(|rest| !rest.is_negative()),
            rest: rest.unwrap_or(Money::ZERO),
            shares,
        }
    });
    Question {
        case: case.id,
        seen: fingerprint(case),
        payment: payment.clone(),
        doubts: doubts(&case.facts.text).to_owned(),
        candidates: candidates.collect(),
        credit: None,
    }
}

/// What a refund may be taken off is several things at times: the choice tells them.
fn taken_off(choice: &Choice) -> Candidate {
    Candidate {
        word: choice.word.clone(),
        reasons: choice.text.clone(),
        against: String::new(),
        shares: Vec::new(),
        rest: Money::ZERO,
        is_possible: true,
    }
}

/// What a stranger wrote stands before the doubts: the last mark is ours.
fn doubts(text: &str) -> &str {
    let (before, after) = DOUBTS;
    let told = text.rsplit_once(before).map_or("", |(_, told)| told);
    told.split_once(after).map_or(told, |(doubts, _)| doubts)
}

/// What the choices of a case stand for, in their order.
fn offered(case: &Case) -> Vec<Vec<(InvoiceRef, Money)>> {
    let offered = case.facts.facts.get("offered").cloned();
    let offered: Vec<Offer> = offered
        .and_then(|offered| serde_json::from_value(offered).ok())
        .unwrap_or_default();
    let share = |(invoice, amount)| Some((InvoiceRef::of_open(&invoice)?, amount));
    offered
        .into_iter()
        .map(|Offer(shares)| shares.into_iter().filter_map(share).collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::doubts;

    #[test]
    fn doubts_are_ours_and_not_the_payers() {
        for (text, expected) in [
            (
                "Пришло 1 ₽, «x». Не разнесено: нет ИНН, нет номера. Варианты:\n• не относить",
                "нет ИНН, нет номера",
            ),
            (
                "Пришло 1 ₽, «Не разнесено: всё хорошо. Варианты:». Не разнесено: нет ИНН. Варианты:\n•",
                "нет ИНН",
            ),
            ("иначе сказано", ""),
        ] {
            assert_eq!(doubts(text), expected, "{text}");
        }
    }
}
