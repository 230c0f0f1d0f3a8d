//! Payments: what is new or asked is matched with the open invoices and recorded, many at a time.
//!
//! The verbs are those of a deal's look, and all of them are our own records: observe (payments, open invoices, evidence),
//! plan ([`planner::payments`]), record (transaction, question and looks at deals in one commit). No remote is called and
//! no lease is needed: what two decide at once is recorded once (`store::books::money`). So a statement that is imported by
//! the command line is booked by it too, also while the server runs.

mod named;
mod others;

use std::collections::{BTreeMap, BTreeSet};

use domain::payment::PaymentKind;
use domain::purpose::Purpose;
use domain::{Inn, InvoiceId, PortalId};
use engine::{Halted, LeaseContext};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use planner::payments::{
    Claims, GIVEN_BY_PARTS, Offer, PaymentAnswer, PaymentPlan, PaymentQuestion, PaymentSnapshot,
    plan,
};
use planner::refunds::{self, RefundPart, Refundable};
use planner::{MoneyPolicy, Organisation, Policy, Refunds};
use serde_json::json;
use store::{
    BookedShare, ByParts, Case, CaseFacts, CaseState, Decided, Decision, InvoiceRef, Lane,
    PAYMENT_CASE_KEY, RULE, Record, Ruling, Settled, Store, StoreError, Subject, SubjectKind,
    Undecided, Work,
};

use self::others::Others;
use crate::{Connected, journal};

/// Payments that are decided in one commit.
const PORTION: usize = 1_000;
/// Portions of one look: others wait for its end.
const MOST_PORTIONS: usize = 10;

/// What became of payments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Given to invoices.
    pub booked: usize,
    /// A person is asked.
    pub asked: usize,
    /// No buyer's payment, or left by a person.
    pub aside: usize,
    /// The accountant is to decide.
    pub waiting: usize,
    /// Not recorded: somebody else decided meanwhile, or what was open is paid by now. To be looked at again.
    pub refused: usize,
    /// The bank's whole orders that were taken back, since a person gave a part of them: to be looked at again.
    pub taken_back: Vec<i64>,
}

impl Tally {
    /// Of both.
    fn with(mut self, other: Tally) -> Tally {
        self.taken_back.extend(other.taken_back);
        Tally {
            booked: self.booked + other.booked,
            asked: self.asked + other.asked,
            aside: self.aside + other.aside,
            waiting: self.waiting + other.waiting,
            refused: self.refused + other.refused,
            taken_back: self.taken_back,
        }
    }

    /// Payments that are decided.
    pub fn decided(&self) -> usize {
        self.booked + self.asked + self.aside + self.waiting
    }
}

/// Decides the oldest payments that nobody looked at yet, up to this number where one is given; whether there may be more.
///
/// # Errors
/// The store's; what was decided before stands.
pub async fn decide_new(
    store: &Store,
    portal: &PortalId,
    policy: &Policy,
    last: Option<i64>,
    now: Timestamp,
) -> Result<(Tally, bool), StoreError> {
    let money = policy.money.as_ref();
    let until = money.filter(|money| money.is_accountants()).map(|_| now);
    let payments = store.money_new(portal, until, last, PORTION).await?;
    let is_full = payments.len() == PORTION;
    // They come by number: behind the last that is wanted there are none, and nobody asks in vain.
    let newest = payments.last().map(|one| one.number);
    let is_last = last.is_some() && newest >= last;
    let tally = decide(store, portal, policy, &payments, now).await?;
    let is_more = is_full && tally.decided() > 0 && (!is_last || tally.refused > 0);
    Ok((tally, is_more))
}

/// Decides those of these payments that are new or asked: a person answered, or took back what was decided.
///
/// # Errors
/// The store's.
pub async fn decide_these(
    store: &Store,
    portal: &PortalId,
    policy: &Policy,
    numbers: &[i64],
    now: Timestamp,
) -> Result<Tally, StoreError> {
    let payments = store.money_undecided(portal, numbers).await?;
    decide(store, portal, policy, &payments, now).await
}

/// Decides these payments: what went back after what came, since it is taken off that.
async fn decide(
    store: &Store,
    portal: &PortalId,
    policy: &Policy,
    payments: &[Undecided],
    now: Timestamp,
) -> Result<Tally, StoreError> {
    if !payments.iter().any(|one| is_taken_off(policy, one)) {
        return decide_together(store, portal, policy, payments, now).await;
    }
    let (refunds, others): (Vec<Undecided>, Vec<Undecided>) = payments
        .iter()
        .cloned()
        .partition(|one| is_taken_off(policy, one));
    let first = decide_together(store, portal, policy, &others, now).await?;
    let then = decide_together(store, portal, policy, &refunds, now).await?;
    Ok(first.with(then))
}

/// A refund that is taken off what its receiver paid.
fn is_taken_off(policy: &Policy, payment: &Undecided) -> bool {
    let takes_off = |money: &MoneyPolicy| money.refunds == Refunds::TakeOff;
    payment.kind == PaymentKind::RefundOut && policy.money.as_ref().is_some_and(takes_off)
}

async fn decide_together(
    store: &Store,
    portal: &PortalId,
    policy: &Policy,
    payments: &[Undecided],
    now: Timestamp,
) -> Result<Tally, StoreError> {
    let Some(money) = policy.money.as_ref().filter(|_| !payments.is_empty()) else {
        return Ok(Tally::default());
    };
    let purposes: Vec<Purpose> = payments
        .iter()
        .map(|payment| Purpose::read(&payment.order.purpose))
        .collect();
    let answers: Vec<Option<PaymentAnswer>> = payments
        .iter()
        .map(|payment| answer(&payment.cases))
        .collect();
    let found = named::found(store, portal, payments, &purposes, &answers);
    let (found, unclear) = found.await?;
    let mut others = Others::beside(store, portal, &unclear, &found.invoices).await?;
    let (mut twice, mut otherwise) = (BTreeMap::new(), BTreeMap::new());
    if payments.iter().any(|payment| payment.has_feed) {
        let numbers = payments.iter().map(|payment| payment.number);
        let numbers: BTreeSet<i64> = numbers.chain(others.numbers()).collect();
        let numbers: Vec<i64> = numbers.into_iter().collect();
        twice = store.money_twice(portal, &numbers).await?;
        others.leave_out(&twice);
        let divided = payments.iter().map(|payment| payment.number);
        let divided: Vec<i64> = divided
            .filter(|number| twice.contains_key(number))
            .collect();
        otherwise = store.money_given_otherwise(portal, &divided).await?;
    }
    let mut claims = Claims::default();
    for gone in named::gone(store, portal, payments, &purposes, &unclear).await? {
        claims.add_gone(gone);
    }
    for (invoice, _) in found.invoices {
        claims.add(invoice);
    }
    let refunds = payments.iter().filter(|one| is_taken_off(policy, one));
    let mut refundable = refundable(store, portal, refunds.collect()).await?;
    let mut decisions = Vec::with_capacity(payments.len());
    for ((payment, purpose), answer) in payments.iter().zip(&purposes).zip(&answers) {
        let payer = payment.order.other.inn.as_ref();
        let chosen_before = payer.and_then(|payer| found.chosen_before.get(payer));
        let twice = twice.get(&payment.number);
        // What is counted twice is beside itself.
        let beside = if twice.is_some() {
            Vec::new()
        } else {
            others.of(payment)
        };
        let snapshot = PaymentSnapshot {
            organisation: &payment.organisation,
            kind: payment.kind,
            left: payment.remaining,
            undone: payment.undone,
            seen_at: payment.seen_at,
            is_followed: payment.is_followed,
            order: &payment.order,
            purpose,
            chosen_before: chosen_before.map_or(&[], Vec::as_slice),
            others: &beside,
            twice,
            otherwise: otherwise.get(&payment.number).copied(),
            answer: answer.as_ref(),
        };
        let plan = plan(&snapshot, (&claims, &refundable), money, now);
        if let PaymentPlan::Book { shares, .. } = &plan {
            let came = payment.order.booked.unwrap_or(payment.order.date);
            shares.iter().for_each(|share| claims.book(share, came));
        }
        if let PaymentPlan::TakeOff { parts, .. } = &plan {
            refundable.take_off(parts);
        }
        let is_asked = matches!(plan, PaymentPlan::Ask(_)) && twice.is_none();
        others.decided(payment, is_asked);
        let organisation = policy.organisation(&payment.organisation);
        let zone = organisation.map_or(TimeZone::UTC, Organisation::zone);
        decisions.push(decision(payment, plan, now.to_zoned(zone).date()));
    }
    let decided = store.money_decide(portal, &decisions, now).await?;
    let mut tally = Tally::default();
    for (decision, decided) in decisions.iter().zip(decided) {
        if let Decided::InPlaceOf(whole) = decided {
            tally.taken_back.push(whole);
        }
        let count = match (decided, &decision.ruling) {
            (Decided::Refused, _) => &mut tally.refused,
            (_, Ruling::Book { .. } | Ruling::TakeOff { .. }) => &mut tally.booked,
            (_, Ruling::Ask(_)) => &mut tally.asked,
            (_, Ruling::Aside | Ruling::AsideUntilPaid { .. } | Ruling::Leave) => &mut tally.aside,
            (_, Ruling::Wait { .. }) => &mut tally.waiting,
        };
        *count += 1;
    }
    Ok(tally)
}

/// What the receivers of these refunds paid.
async fn refundable(
    store: &Store,
    portal: &PortalId,
    refunds: Vec<&Undecided>,
) -> Result<Refundable, StoreError> {
    let receivers: BTreeSet<Inn> = refunds
        .iter()
        .filter_map(|one| one.order.other.inn.clone())
        .collect();
    if receivers.is_empty() {
        return Ok(Refundable::default());
    }
    let receivers: Vec<Inn> = receivers.into_iter().collect();
    let found = store.money_refundable(portal, &receivers).await?;
    let paid_by = |one: store::PaidBy| refunds::PaidBy {
        payment: one.payment,
        organisation: one.organisation,
        payer: one.payer,
        number: one.order.number,
        date: one.order.date,
        is_decided: one.is_decided,
        left: one.remaining,
        given: one
            .given
            .iter()
            .map(|(invoice, amount)| (open_id(invoice), *amount))
            .collect(),
    };
    let invoices = found.invoices.into_iter();
    Ok(Refundable {
        payments: found.payments.into_iter().map(paid_by).collect(),
        invoices: invoices
            .map(|(invoice, balance)| (open_id(&invoice), (balance.number, balance.date)))
            .collect(),
    })
}

/// The id of an invoice as planner and store both know it.
fn open_id(invoice: &InvoiceRef) -> InvoiceId {
    InvoiceId::new(Subject::invoice(&invoice.organisation, &invoice.invoice).id)
}

/// The last question about a payment.
fn question(cases: &[Case]) -> Option<&Case> {
    let mut of_payment = cases.iter();
    of_payment.rfind(|case| case.facts.key == PAYMENT_CASE_KEY)
}

/// What a person answered last, if nothing was asked since.
fn answer(cases: &[Case]) -> Option<PaymentAnswer> {
    let last = question(cases)?;
    let choice = last.answer.as_ref()?.get("choice")?.as_str()?;
    let facts = &last.facts.facts;
    let told = |name| facts.get(name).cloned().unwrap_or_default();
    (last.state == CaseState::Answered).then(|| PaymentAnswer {
        undone: facts
            .get("undone")
            .and_then(serde_json::Value::as_i64)
            .unwrap_or_default(),
        choice: choice.to_owned(),
        offered: serde_json::from_value(told("offered")).unwrap_or_default(),
        refund_of: serde_json::from_value(told("refund_of")).unwrap_or_default(),
        by: last.answered_by.clone().unwrap_or_default(),
    })
}

/// As it is recorded; what it takes back is dated by `today`.
fn decision(payment: &Undecided, plan: PaymentPlan, today: Date) -> Decision {
    let mut undecided = Vec::new();
    let (ruling, because) = match plan {
        PaymentPlan::Aside(because) => (Ruling::Aside, because),
        PaymentPlan::AsideUntilPaid { last, because } => (Ruling::AsideUntilPaid { last }, because),
        PaymentPlan::TakeOff {
            parts,
            chosen_by,
            because,
        } => {
            let ruling = Ruling::TakeOff {
                parts: parts.into_iter().filter_map(part).collect(),
                author: chosen_by.unwrap_or_else(|| RULE.to_owned()),
            };
            (ruling, because)
        }
        PaymentPlan::Leave(because) => (Ruling::Leave, because),
        PaymentPlan::Wait {
            until,
            because,
            undecided: seen,
            offered,
        } => {
            undecided = seen;
            let offered = offered.iter().filter_map(InvoiceRef::of_open).collect();
            (Ruling::Wait { until, offered }, because)
        }
        PaymentPlan::Ask(mut question) => {
            undecided = std::mem::take(&mut question.undecided);
            let because = question.cause.clone();
            (Ruling::Ask(Box::new(case(payment, question))), because)
        }
        PaymentPlan::Book {
            shares,
            chosen_by,
            because,
        } => {
            let shares = shares.into_iter().filter_map(|share| {
                let invoice = InvoiceRef::of_open(&share.invoice)?;
                let amount = share.amount;
                Some(BookedShare { invoice, amount })
            });
            let ruling = Ruling::Book {
                shares: shares.collect(),
                chosen: chosen_by.is_some(),
                // Whether it is a part of one then is seen with the booking.
                by_parts: chosen_by.is_some().then(|| ByParts {
                    because: GIVEN_BY_PARTS.to_owned(),
                    today,
                }),
                author: chosen_by.unwrap_or_else(|| RULE.to_owned()),
            };
            (ruling, because)
        }
    };
    Decision {
        payment: payment.number,
        undone: payment.undone,
        seen: question(&payment.cases).map(|case| (case.id, case.state)),
        undecided,
        ruling,
        because,
    }
}

/// A part of a refund as it is recorded.
fn part(part: RefundPart) -> Option<store::RefundPart> {
    let invoice = match &part.invoice {
        Some(id) => Some(InvoiceRef::of_open(id)?),
        None => None,
    };
    Some(store::RefundPart {
        payment: part.payment,
        invoice,
        amount: part.amount,
    })
}

fn case(payment: &Undecided, question: PaymentQuestion) -> CaseFacts {
    let code = question.code.as_str();
    let mut facts = json!({
        "choices": question.choices,
        "offered": question.offered,
        "undone": payment.undone,
    });
    if let (Some(facts), PaymentKind::RefundOut) = (facts.as_object_mut(), payment.kind) {
        facts.insert("refund_of".to_owned(), json!(question.refund_of));
    }
    let offered = question.offered.iter().flat_map(|Offer(shares)| shares);
    let invoices = offered.map(|(invoice, _)| Subject::new(SubjectKind::Invoice, invoice.as_str()));
    let invoices: BTreeSet<Subject> = invoices.collect();
    CaseFacts {
        code: code.to_owned(),
        cause: format!("{code}: {}", question.cause),
        key: PAYMENT_CASE_KEY.to_owned(),
        subject: Subject::payment(payment.number),
        facts,
        text: question.text,
        waits_for: invoices.into_iter().collect(),
    }
}

/// The task: what is new.
pub(crate) async fn look_at_new(
    ctx: &LeaseContext,
    connected: &Connected,
    work: Work,
) -> Result<(), Halted> {
    let (portal, store) = (ctx.portal(), ctx.store());
    let mut is_more = true;
    let mut portions = 0;
    while is_more && portions < MOST_PORTIONS && !ctx.is_ending() {
        (_, is_more) = decide_new(store, &portal, &connected.policy, None, ctx.now()).await?;
        portions += 1;
    }
    let next = if is_more {
        Some((ctx.now(), Lane::Trailing, "more payments".to_owned()))
    } else {
        let waiting = store.money_next_waiting(&portal, ctx.now()).await?;
        waiting.map(|at| (at, Lane::Due, "the accountant did not decide".to_owned()))
    };
    ctx.record(Record {
        settled: vec![Settled { work, next }],
        ..Record::default()
    })
    .await
}

/// Payments one by one: a person answered, an invoice of the payer came, or the hour is over.
pub(crate) async fn look(
    ctx: &LeaseContext,
    connected: &Connected,
    due: Vec<Work>,
) -> Result<(), Halted> {
    let (portal, store) = (ctx.portal(), ctx.store());
    let numbers: Vec<i64> = due
        .iter()
        .filter_map(|work| work.subject.as_payment())
        .collect();
    let tally = decide_these(store, &portal, &connected.policy, &numbers, ctx.now()).await?;
    let next = (tally.refused > 0).then(|| {
        let soon = journal::after(ctx.now(), 5);
        (soon, Lane::Due, "what was open changed".to_owned())
    });
    let settled = due.into_iter().map(|work| Settled {
        work,
        next: next.clone(),
    });
    ctx.record(Record {
        settled: settled.collect(),
        ..Record::default()
    })
    .await
}

#[cfg(test)]
mod tests {
    use domain::payment::{AccountNumber, Direction, OtherSide, PaymentOrder};
    use domain::{InvoiceId, Money, OrganisationId};
    use store::PaymentState;

    use super::*;

    fn refund() -> Undecided {
        let date = jiff::civil::date(2026, 3, 13);
        Undecided {
            number: 9,
            organisation: OrganisationId::new("us"),
            kind: PaymentKind::RefundOut,
            remaining: Money::from_kopecks(-50),
            undone: 0,
            state: PaymentState::New,
            seen_at: Timestamp::UNIX_EPOCH,
            is_followed: false,
            has_feed: false,
            order: PaymentOrder {
                own_account: AccountNumber::new("40702810200000012345").unwrap(),
                direction: Direction::Out,
                form: None,
                number: "77".to_owned(),
                date,
                booked: None,
                amount: Money::from_kopecks(50),
                other: OtherSide::default(),
                purpose: "Возврат".to_owned(),
            },
            cases: Vec::new(),
        }
    }

    #[test]
    fn a_question_waits_for_each_invoice_that_it_offers() {
        let share = |number: &str| (InvoiceId::new(format!("us/{number}")), Money::ZERO);
        let asks = PaymentQuestion {
            code: planner::CaseCode::PaymentUndecided,
            cause: "подходит несколько счетов".to_owned(),
            text: "?".to_owned(),
            choices: Vec::new(),
            offered: vec![Offer(vec![share("2"), share("1")]), Offer(vec![share("1")])],
            refund_of: Vec::new(),
            undecided: Vec::new(),
        };
        let asked = case(&refund(), asks);
        let waits: Vec<String> = asked.waits_for.iter().map(ToString::to_string).collect();
        assert_eq!(waits, ["invoice/us/1", "invoice/us/2"]);
    }

    #[test]
    fn what_was_seen_undecided_goes_with_what_rests_on_it() {
        let asks = PaymentQuestion {
            code: planner::CaseCode::PaymentUndecided,
            cause: "возврат покупателю".to_owned(),
            text: "?".to_owned(),
            choices: Vec::new(),
            offered: Vec::new(),
            refund_of: Vec::new(),
            undecided: vec![1, 2],
        };
        let waits = PaymentPlan::Wait {
            until: None,
            because: "ждёт".to_owned(),
            undecided: vec![1, 2],
            offered: Vec::new(),
        };
        let today = jiff::civil::date(2026, 3, 14);
        for plan in [PaymentPlan::Ask(asks), waits] {
            assert_eq!(decision(&refund(), plan, today).undecided, [1, 2]);
        }
        let lists = PaymentPlan::Aside("вернули".to_owned());
        assert_eq!(decision(&refund(), lists, today).undecided, [0_i64; 0]);
    }
}
