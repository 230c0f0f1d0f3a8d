//! What must be known before anybody is reminded of money, or asked about a bill that is only marked as paid, and what waits for
//! it.
//!
//! The rules are `planner::overdue` and `planner::marked`. Deals whose day has come while an account is not known wait in the
//! queue under a reason of their own; a statement that covers more days, however it was imported, wakes just those. The
//! accountant is asked about an account once. Not here: the reminders themselves, which are questions about deals like any other (`deal`).

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::payment::AccountNumber;
use domain::{InvoiceId, InvoiceStatus, OrganisationId};
use engine::{Halted, LeaseContext};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use planner::known_days::{KnownDays, KnownOf};
use planner::payments::Offer;
use planner::{
    CaseCode, DealSnapshot, MoneyPolicy, Organisation, OurInvoice, Policy, UnknownAccount,
};
use serde_json::json;
use store::{
    Case, CaseChange, CaseFacts, CaseFilter, CaseState, InvoiceRef, Record, Settled, Subject, Work,
};

use crate::deal::Deals;
use crate::{Connected, feed, portal_task};

/// An account is not known enough for anybody to be reminded.
const CODE: &str = "ACCOUNT-UNKNOWN";

fn subject() -> Subject {
    Subject::portal(portal_task::OVERDUE)
}

/// The question to the accountant, by its key.
pub(crate) fn question(unknown: UnknownAccount) -> (String, CaseFacts) {
    let UnknownAccount {
        account,
        known,
        text,
    } = unknown;
    let what = match known {
        KnownOf::Never | KnownOf::Through(_) => "behind",
        KnownOf::Since(_) => "before",
    };
    let key = format!("{what}/{}", account.as_str());
    let facts = CaseFacts {
        code: CODE.to_owned(),
        // Each account is told of by itself.
        cause: format!("{CODE}: {key}"),
        key: key.clone(),
        subject: subject(),
        facts: json!({"account": account, "known": known}),
        text,
        waits_for: Vec::new(),
    };
    (key, facts)
}

/// Reads, for a pass with a deal whose term to pay is over or whose bill is only marked as paid, which days are known and which
/// buyers' money is not decided.
pub(crate) async fn know(
    ctx: &LeaseContext,
    connected: &Connected,
    deals: &mut Deals,
) -> Result<(), Halted> {
    let Some(money) = connected.policy.money.as_ref() else {
        return Ok(());
    };
    // A day early in some zone costs a reading, a day late would cost a reminder.
    let today = ctx.now().to_zoned(TimeZone::UTC).date();
    let is_over =
        |one: &OurInvoice| money.overdue.is_some() && one.draft.due.is_some_and(|due| due <= today);
    let is_marked = |deal: &DealSnapshot, one: &OurInvoice| {
        one.status == InvoiceStatus::Paid && deal.paid(one.slot) < one.total
    };
    let awaited = deals.values().flat_map(|deal| {
        let deal = deal.snapshot();
        let live = deal.invoices.iter().filter(|one| one.live);
        live.filter(move |one| is_over(one) || is_marked(deal, one))
    });
    let buyers: BTreeSet<String> = awaited
        .map(|one| one.draft.buyer.key.who.to_string())
        .collect();
    if buyers.is_empty() {
        return Ok(());
    }
    let buyers: Vec<String> = buyers.into_iter().collect();
    let mut known = days(ctx, money, &connected.policy).await?;
    let store = ctx.store();
    let undecided = store.money_undecided_of(&ctx.portal(), &buyers).await?;
    known.undecided = undecided.into_iter().collect();
    known.offered = offered(ctx).await?;
    let waiting = store.money_offered(&ctx.portal()).await?.into_iter();
    known
        .offered
        .extend(waiting.map(|one| (one.organisation, one.invoice)));
    let known = Arc::new(known);
    for deal in deals.values_mut() {
        deal.snapshot_mut().known_days = Arc::clone(&known);
    }
    Ok(())
}

/// Invoices that open questions about payments offer: who pays may be another than the buyer, or bear no INN.
async fn offered(ctx: &LeaseContext) -> Result<BTreeSet<(OrganisationId, InvoiceId)>, Halted> {
    let mut found = BTreeSet::new();
    let mut filter = CaseFilter {
        code: Some(CaseCode::PaymentUndecided.as_str().to_owned()),
        ..CaseFilter::default()
    };
    loop {
        let cases = ctx.store().cases_open(&ctx.portal(), &filter).await?;
        let Some(last) = cases.last() else {
            return Ok(found);
        };
        filter.after = last.id;
        for case in &cases {
            let offers = case.facts.facts.get("offered").cloned().unwrap_or_default();
            let offers: Vec<Offer> = serde_json::from_value(offers).unwrap_or_default();
            let invoices = offers.iter().flat_map(|Offer(shares)| shares);
            let invoices = invoices.filter_map(|(invoice, _)| InvoiceRef::of_open(invoice));
            found.extend(invoices.map(|one| (one.organisation, one.invoice)));
        }
    }
}

async fn days(
    ctx: &LeaseContext,
    money: &MoneyPolicy,
    policy: &Policy,
) -> Result<KnownDays, Halted> {
    let (portal, store) = (ctx.portal(), ctx.store());
    let mut known = KnownDays::default();
    for span in store.money_covered(&portal).await? {
        known.cover(span.account, span.from, span.to);
    }
    for organisation in &policy.organisations {
        if money.is_known_by_accounting(&organisation.id) {
            let read = store.fact_get(&portal, &read_on(organisation)).await?;
            let day: Option<Date> = read.and_then(|day| day.parse().ok());
            let day = day.map(|day| (organisation.id.clone(), day));
            known.read_on.extend(day);
        }
    }
    Ok(known)
}

/// Under which name it is remembered when an organisation's payments were read to their end last.
fn read_on(organisation: &Organisation) -> String {
    format!("payments-read/{}", organisation.id)
}

/// The accounting side told all payments of an organisation that it has: what came before today is known, where that is
/// what makes it known. Written once a day.
pub(crate) async fn payments_are_read(
    ctx: &LeaseContext,
    money: &MoneyPolicy,
    organisation: &Organisation,
) -> Result<(), Halted> {
    if money.overdue.is_none() || !money.is_known_by_accounting(&organisation.id) {
        return Ok(());
    }
    let today = ctx.now().to_zoned(organisation.zone()).date().to_string();
    let name = read_on(organisation);
    let before = ctx.store().fact_get(&ctx.portal(), &name).await?;
    if before.as_deref() == Some(today.as_str()) {
        return Ok(());
    }
    ctx.record(Record {
        facts: vec![(name, today)],
        ..Record::default()
    })
    .await?;
    wake(ctx).await
}

async fn wake(ctx: &LeaseContext) -> Result<(), Halted> {
    let (lease, now) = (ctx.lease(), ctx.now());
    let store = ctx.store();
    Ok(store
        .work_wake(&lease, feed::WAITS_FOR_ACCOUNTS, now)
        .await?)
}

/// The task: questions about accounts that are known by now are no more, and what waited for them goes on.
pub(crate) async fn look(
    ctx: &LeaseContext,
    connected: &Connected,
    work: Work,
) -> Result<(), Halted> {
    let asked = ctx.known(&[subject()]).await?.cases.into_iter();
    let asked: Vec<Case> = asked.filter(|case| case.state == CaseState::Open).collect();
    let mut answered = Vec::new();
    if !asked.is_empty() {
        let policy = &connected.policy;
        let money = policy.money.as_ref().filter(|one| one.overdue.is_some());
        let known = match money {
            Some(money) => Some((money, days(ctx, money, policy).await?)),
            None => None,
        };
        let is_over = |case: &&Case| {
            known
                .as_ref()
                .is_none_or(|(money, known)| is_answered(case, money, policy, known, ctx.now()))
        };
        answered.extend(
            asked
                .iter()
                .filter(is_over)
                .map(|case| CaseChange::Withdraw {
                    subject: subject(),
                    key: case.facts.key.clone(),
                }),
        );
    }
    if work
        .reasons
        .iter()
        .any(|reason| reason == store::ACCOUNT_KNOWN)
    {
        wake(ctx).await?;
    }
    ctx.record(Record {
        cases: answered,
        settled: vec![Settled { work, next: None }],
        ..Record::default()
    })
    .await
}

fn is_answered(
    case: &Case,
    money: &MoneyPolicy,
    policy: &Policy,
    known: &KnownDays,
    now: Timestamp,
) -> bool {
    let fact = |name: &str| case.facts.facts.get(name).cloned().unwrap_or_default();
    let account: Option<AccountNumber> = serde_json::from_value(fact("account")).ok();
    let asked: Option<KnownOf> = serde_json::from_value(fact("known")).ok();
    let (Some(account), Some(asked)) = (account, asked) else {
        return true;
    };
    let mut ours = money.accounts.iter();
    let Some(ours) = ours.find(|one| one.number == account) else {
        return true;
    };
    let organisation = policy.organisation(&ours.organisation);
    let zone = organisation.map_or(TimeZone::UTC, Organisation::zone);
    known.is_answered(&account, asked, now.to_zoned(zone).date())
}
