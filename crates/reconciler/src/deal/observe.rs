//! Observing: what plans asked for, for all deals of the pass in as few calls as possible.

use std::collections::{BTreeMap, BTreeSet};

use capability::accounting::Found;
use capability::portal::Presence;
use capability::{Call, ConnectorError};
use domain::observed::KnownCounterparty;
use domain::{
    ContractorId, Counterparty, CounterpartyKey, DealId, Inn, Invoice, InvoiceId, InvoiceStatus,
    OrganisationId, Verdict, Who,
};
use engine::{Halted, LeaseContext};
use futures_util::FutureExt as _;
use jiff::Timestamp;
use planner::{Need, Seen};
use store::{Record, Subject};

use super::parts::{Unreadable, in_parts, leave_aside, put_off};
use super::{Looked, earlier, known, numbers, tell};
use crate::{Connected, access, journal, own_invoices};

/// Seconds until the accounting side is asked again after it did not answer.
const ASK_AGAIN: i64 = 60;
/// The same while only a person can mend it.
pub(crate) const WHILE_SHUT: i64 = 300;
/// The reason of that look.
const NO_ANSWER: &str = "the accounting side does not answer";
/// The code of an answer that is not what the remote's contract promises.
const NOT_UNDERSTOOD: &str = "not-understood";

/// Satisfies all needs.
pub(crate) async fn satisfy(
    ctx: &LeaseContext,
    connected: &Connected,
    deals: &mut BTreeMap<DealId, Looked>,
    needs: BTreeMap<DealId, Vec<Need>>,
) -> Result<(), Halted> {
    let portal = ctx.portal();
    let call = ctx.call(&portal);
    let subjects: Vec<Subject> = needs.keys().map(|id| Subject::deal(*id)).collect();
    let mut record = Record::default();
    let observed = observe(ctx, connected, &call, deals, needs, &mut record).await;
    let lines = journal::exchanges(&call, &subjects);
    match observed {
        Ok(unreadable) => {
            record.journal = lines;
            for one in unreadable {
                if let Some(deal) = deals.get_mut(&one.deal) {
                    tracing::warn!(%portal, deal = %one.deal, error = %one.error, "a deal cannot be read");
                    leave_aside(deal, &one, ctx.now(), &mut record);
                }
            }
            tell::note_asked(deals, &record);
            keep(ctx, record).await
        }
        Err(error) => {
            tracing::warn!(%portal, %error, "observing failed");
            Err(journal::halt(ctx, lines, &error).await)
        }
    }
}

/// Satisfies all needs without a word in the journal: for plans that are only shown.
pub(crate) async fn only(
    ctx: &LeaseContext,
    connected: &Connected,
    deals: &mut BTreeMap<DealId, Looked>,
    needs: BTreeMap<DealId, Vec<Need>>,
) -> Result<(), Halted> {
    match each(ctx, connected, deals, needs)
        .await?
        .into_values()
        .next()
    {
        None => Ok(()),
        Some(error) => Err(Halted::Remote {
            reason: error.to_string(),
            again_at: None,
        }),
    }
}

/// The same, and what could not be read of single deals: the others go on.
pub(crate) async fn each(
    ctx: &LeaseContext,
    connected: &Connected,
    deals: &mut BTreeMap<DealId, Looked>,
    needs: BTreeMap<DealId, Vec<Need>>,
) -> Result<BTreeMap<DealId, ConnectorError>, Halted> {
    let portal = ctx.portal();
    let call = ctx.call(&portal);
    // Questions that arise are not asked: nothing is written.
    let mut unasked = Record::default();
    let observed = observe(ctx, connected, &call, deals, needs, &mut unasked).await;
    let unreadable = observed.map_err(|error| Halted::Remote {
        reason: error.to_string(),
        again_at: None,
    })?;
    Ok(unreadable
        .into_iter()
        .map(|one| (one.deal, one.error))
        .collect())
}

async fn keep(ctx: &LeaseContext, record: Record) -> Result<(), Halted> {
    if record.journal.is_empty() && record.cases.is_empty() {
        return Ok(());
    }
    ctx.record(record).await
}

async fn observe(
    ctx: &LeaseContext,
    connected: &Connected,
    call: &Call<'_>,
    deals: &mut BTreeMap<DealId, Looked>,
    needs: BTreeMap<DealId, Vec<Need>>,
    record: &mut Record,
) -> Result<Vec<Unreadable>, ConnectorError> {
    let mut unreadable = Vec::new();
    let mut glances = Vec::new();
    let mut wholes = Vec::new();
    let mut origins = Vec::new();
    let mut strangers = Vec::new();
    let mut own = Vec::new();
    let mut numbers = Vec::new();
    let mut buyers: BTreeMap<OrganisationId, Vec<(Inn, DealId)>> = BTreeMap::new();
    let mut ours: BTreeMap<OrganisationId, Vec<(Counterparty, DealId)>> = BTreeMap::new();
    let known = known_buyers(deals);
    for (id, asked) in needs {
        let Some(deal) = deals.get_mut(&id) else {
            continue;
        };
        deal.readings = deal.readings.saturating_add(1);
        for need in asked {
            match need {
                Need::Glance => glances.push(id),
                Need::Whole => wholes.push(id),
                Need::Entered => strangers.push(id),
                Need::Origin(number) => origins.push((number, id)),
                Need::SmartInvoices => own.push(id),
                Need::Number(organisation, number, day) => {
                    numbers.push(((organisation, number, day), id));
                }
                Need::Counterparties(organisation, buyer) => {
                    let who = (organisation, buyer.key.who.clone());
                    deal.sought.insert(who.clone(), ctx.now());
                    if let Some(found) = known.get(&who) {
                        deal.snapshot.counterparties.insert(who, found.clone());
                    } else if let Some(inn) = buyer.key.who.inn() {
                        let asked = buyers.entry(who.0).or_default();
                        asked.push((inn.clone(), id));
                    } else {
                        ours.entry(who.0).or_default().push((*buyer, id));
                    }
                }
            }
        }
    }
    if !glances.is_empty() {
        unreadable.extend(glance(ctx, connected, call, deals, &glances, record).await?);
    }
    if !strangers.is_empty() {
        entered(ctx, connected, call, deals, &strangers).await?;
    }
    // Whoever is read anew is billed by what is true now, its invoices on the portal among it. The deal goes last: nothing
    // stands between it and the bill.
    let knows_own = |id: &DealId| {
        let deal = deals.get(id);
        deal.is_some_and(|deal| deal.snapshot.smart_invoices.is_some())
    };
    own.extend(wholes.iter().copied().filter(knows_own));
    own.sort_unstable();
    own.dedup();
    if !own.is_empty() && !own_invoices::may_be(ctx, connected, call).await {
        have_none(deals, own.drain(..), record);
    }
    if !own.is_empty() {
        unreadable.extend(smart_invoices(ctx, connected, call, deals, &own, record).await?);
    }
    if !wholes.is_empty() {
        unreadable.extend(whole(ctx, connected, call, deals, &wholes, record).await?);
    }
    find_origins(ctx, deals, origins).await;
    // What the accounting side does not answer holds up those who asked it, and nobody else.
    for (organisation, asked) in buyers {
        let inns: BTreeSet<Inn> = asked.iter().map(|(inn, _)| inn.clone()).collect();
        let inns: Vec<Inn> = inns.into_iter().collect();
        let found = find(ctx, connected, call, &organisation, &inns).await;
        for (inn, id) in &asked {
            if let Some(deal) = deals.get_mut(id) {
                let read = found.as_ref().map(|found| found.unread.get(inn));
                match read {
                    Ok(None) => tell::withdraw(deal, tell::FIND_COUNTERPARTY, record),
                    Ok(Some(error)) | Err(error) => {
                        unanswered(deal, tell::FIND_COUNTERPARTY, error, ctx.now(), record);
                    }
                }
            }
        }
        if let Ok(Found { known, unread }) = found {
            let mut asked = asked;
            asked.retain(|(inn, _)| !unread.contains_key(inn));
            adopt_counterparties(deals, &organisation, asked, &known);
        }
    }
    for (organisation, asked) in ours {
        find_ours(ctx, connected, call, deals, &organisation, asked, record).await;
    }
    numbers::ask(ctx, connected, call, deals, numbers, record).await;
    Ok(unreadable)
}

/// Buyers without an INN: by our link as long as it holds, else by our own id over there.
async fn find_ours(
    ctx: &LeaseContext,
    connected: &Connected,
    call: &Call<'_>,
    deals: &mut BTreeMap<DealId, Looked>,
    organisation: &OrganisationId,
    asked: Vec<(Counterparty, DealId)>,
    record: &mut Record,
) {
    let keys: Vec<CounterpartyKey> = asked.iter().map(|(one, _)| one.key.clone()).collect();
    let links = ctx
        .store()
        .counterparty_links(&ctx.portal(), organisation, &keys)
        .await
        .unwrap_or_default();
    for (buyer, id) in asked {
        let link = links.iter().find(|link| link.key == buyer.key);
        let link = link.map(|link| &link.contractor);
        let found = ours_of(ctx, connected, call, organisation, &buyer, link).await;
        let Some(deal) = deals.get_mut(&id) else {
            continue;
        };
        match found {
            Ok(found) => {
                tell::withdraw(deal, tell::FIND_COUNTERPARTY, record);
                let who = (organisation.clone(), buyer.key.who);
                deal.snapshot.counterparties.insert(who, found);
            }
            Err(error) => unanswered(deal, tell::FIND_COUNTERPARTY, &error, ctx.now(), record),
        }
    }
}

/// The one that our link names, if the accounting side still has it as ours; else whoever bears our own id.
async fn ours_of(
    ctx: &LeaseContext,
    connected: &Connected,
    call: &Call<'_>,
    organisation: &OrganisationId,
    buyer: &Counterparty,
    link: Option<&ContractorId>,
) -> Result<Vec<KnownCounterparty>, ConnectorError> {
    let counterparties = &connected.accounting.counterparties;
    if let Some(id) = link {
        let is_ours = ctx.reading(|| counterparties.is_still_ours(call, organisation, buyer, id));
        if is_ours.await? {
            return Ok(vec![KnownCounterparty {
                id: id.clone(),
                counterparty: buyer.clone(),
            }]);
        }
    }
    ctx.reading(|| counterparties.find_ours(call, organisation, std::slice::from_ref(buyer)))
        .await
}

async fn glance(
    ctx: &LeaseContext,
    connected: &Connected,
    call: &Call<'_>,
    deals: &mut BTreeMap<DealId, Looked>,
    ids: &[DealId],
    record: &mut Record,
) -> Result<Vec<Unreadable>, ConnectorError> {
    let seen = in_parts(tell::GLANCE, ids, move |ids| {
        let seen = async move {
            ctx.reading(|| connected.portal.deals.glance(call, &ids))
                .await
        };
        seen.boxed()
    })
    .await?;
    let mut missing = seen.asked(ids);
    for glance in seen.read.into_iter().flatten() {
        missing.remove(&glance.deal.id);
        if let Some(deal) = deals.get_mut(&glance.deal.id) {
            tell::withdraw_unreadable(deal, &[tell::GLANCE], record);
            deal.snapshot.see(Seen::Glance(Box::new(glance)));
        }
    }
    let mut unreadable = seen.unreadable;
    unreadable.extend(absent(ctx, connected, call, deals, missing).await?);
    invoices_of_revisited(ctx, connected, call, deals, ids, record).await;
    Ok(unreadable)
}

/// Which of these deals entered an invoice stage, wherever they stand now: one question for all of them, so that only
/// those are read whole.
async fn entered(
    ctx: &LeaseContext,
    connected: &Connected,
    call: &Call<'_>,
    deals: &mut BTreeMap<DealId, Looked>,
    ids: &[DealId],
) -> Result<(), ConnectorError> {
    let stages = connected.policy.invoice_stages();
    let found = ctx
        .reading(|| connected.portal.deals.entered(call, ids, &stages))
        .await;
    let found = match found {
        Ok(found) => found,
        // The sweep asks the same of all deals, and says what is wrong; no deal of a funnel that is none of ours becomes a
        // question for that. Nor is it known that it came from none of ours: what is ordered for it waits.
        Err(error) if matches!(error.verdict, Verdict::Reject | Verdict::Defect) => {
            tracing::warn!(%error, "stage histories cannot be asked");
            for id in ids {
                if let Some(deal) = deals.get_mut(id) {
                    put_off(deal, ctx.now());
                }
            }
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    for id in ids {
        if let Some(deal) = deals.get_mut(id) {
            deal.snapshot.entered = Some(found.contains(id));
        }
    }
    Ok(())
}

/// Invoices of the portal's own.
async fn smart_invoices(
    ctx: &LeaseContext,
    connected: &Connected,
    call: &Call<'_>,
    deals: &mut BTreeMap<DealId, Looked>,
    ids: &[DealId],
    record: &mut Record,
) -> Result<Vec<Unreadable>, ConnectorError> {
    let seen = in_parts(tell::SMART_INVOICES, ids, move |ids| {
        let seen = async move {
            ctx.reading(|| connected.portal.deals.smart_invoices(call, &ids))
                .await
        };
        seen.boxed()
    })
    .await?;
    have_none(deals, seen.asked(ids), record);
    for invoice in seen.read.into_iter().flatten() {
        let deal = deals.get_mut(&invoice.deal);
        let known = deal.and_then(|deal| deal.snapshot.smart_invoices.as_mut());
        known
            .into_iter()
            .for_each(|known| known.push(invoice.clone()));
    }
    Ok(seen.unreadable)
}

/// None that was told of so far.
fn have_none(
    deals: &mut BTreeMap<DealId, Looked>,
    ids: impl IntoIterator<Item = DealId>,
    record: &mut Record,
) {
    for id in ids {
        if let Some(deal) = deals.get_mut(&id) {
            tell::withdraw_unreadable(deal, &[tell::SMART_INVOICES], record);
            deal.snapshot.smart_invoices = Some(Vec::new());
        }
    }
}

/// A list alone never proves a deletion: those that are not in it are asked for by id.
async fn absent(
    ctx: &LeaseContext,
    connected: &Connected,
    call: &Call<'_>,
    deals: &mut BTreeMap<DealId, Looked>,
    missing: BTreeSet<DealId>,
) -> Result<Vec<Unreadable>, ConnectorError> {
    let missing: Vec<DealId> = missing.into_iter().collect();
    let presences = in_parts(tell::GLANCE, &missing, move |ids| {
        let seen = async move {
            ctx.reading(|| connected.portal.deals.presence(call, &ids))
                .await
        };
        seen.boxed()
    })
    .await?;
    for (id, presence) in presences.read.into_iter().flatten() {
        if let Some(deal) = deals.get_mut(&id) {
            deal.snapshot.seen = match presence {
                Presence::Gone => Seen::Gone,
                Presence::Denied => Seen::Denied,
                Presence::Visible => Seen::Unread,
            };
        }
    }
    Ok(presences.unreadable)
}

async fn whole(
    ctx: &LeaseContext,
    connected: &Connected,
    call: &Call<'_>,
    deals: &mut BTreeMap<DealId, Looked>,
    ids: &[DealId],
    record: &mut Record,
) -> Result<Vec<Unreadable>, ConnectorError> {
    let seen = in_parts(tell::WHOLE, ids, move |ids| {
        let seen = async move {
            let mut began = ctx.now();
            let reading = ctx
                .reading(|| {
                    began = ctx.now();
                    connected.portal.deals.read(call, &ids)
                })
                .await?;
            // Freshness counts from the answer: a portal that takes seconds to answer would never be fresh else.
            // Of several answers the first counts: lines may have changed while the buyer was read.
            let read_at = call.first_answer_since(began).unwrap_or(ctx.now());
            Ok((reading, read_at))
        };
        seen.boxed()
    })
    .await?;
    let mut missing = seen.asked(ids);
    for (reading, read_at) in seen.read {
        for whole in reading.deals {
            let id = whole.glance.deal.id;
            missing.remove(&id);
            if let Some(deal) = deals.get_mut(&id) {
                tell::withdraw_unreadable(deal, &[tell::GLANCE, tell::WHOLE], record);
                deal.snapshot.see(Seen::Whole(Box::new(whole), read_at));
                deal.snapshot
                    .own_companies
                    .clone_from(&reading.own_companies);
            }
        }
    }
    let mut unreadable = seen.unreadable;
    unreadable.extend(absent(ctx, connected, call, deals, missing).await?);
    Ok(unreadable)
}

/// Whose invoices the numbers are that these deals show, by our own records.
async fn find_origins(
    ctx: &LeaseContext,
    deals: &mut BTreeMap<DealId, Looked>,
    origins: Vec<(String, DealId)>,
) {
    if origins.is_empty() {
        return;
    }
    let numbers: Vec<String> = origins.iter().map(|(number, _)| number.clone()).collect();
    let links = ctx
        .store()
        .invoice_links_by_number(&ctx.portal(), &numbers)
        .await;
    // Records that cannot be read tell nothing: the fields stay.
    let links = links.unwrap_or_default();
    for (number, id) in origins {
        let Some(deal) = deals.get_mut(&id) else {
            continue;
        };
        let shown = deal.snapshot.glance().map(|glance| glance.fields.clone());
        let shown = shown.unwrap_or_default();
        // A series begins anew each year and for each organisation: the number alone is nobody's.
        let of_another = |link: &store::InvoiceLink| {
            link.number == number
                && link.deal != id
                && shown.date == Some(link.date)
                && shown.sum.is_none_or(|sum| sum == link.total)
        };
        deal.snapshot.is_of_another = Some(links.iter().any(of_another));
    }
}

async fn find(
    ctx: &LeaseContext,
    connected: &Connected,
    call: &Call<'_>,
    organisation: &OrganisationId,
    inns: &[Inn],
) -> Result<Found, ConnectorError> {
    ctx.reading(|| {
        let counterparties = &connected.accounting.counterparties;
        counterparties.find(call, organisation, inns)
    })
    .await
}

/// What the pass knows of buyers already: other deals asked for them, or had them created.
fn known_buyers(
    deals: &BTreeMap<DealId, Looked>,
) -> BTreeMap<(OrganisationId, Who), Vec<KnownCounterparty>> {
    let all = deals
        .values()
        .flat_map(|deal| &deal.snapshot.counterparties);
    let found = all.filter(|(_, known)| !known.is_empty());
    found
        .map(|(buyer, known)| (buyer.clone(), known.clone()))
        .collect()
}

fn adopt_counterparties(
    deals: &mut BTreeMap<DealId, Looked>,
    organisation: &OrganisationId,
    asked: Vec<(Inn, DealId)>,
    found: &[KnownCounterparty],
) {
    let mut by_inn: BTreeMap<&Inn, Vec<&KnownCounterparty>> = BTreeMap::new();
    for one in found {
        if let Some(inn) = one.counterparty.key.who.inn() {
            by_inn.entry(inn).or_default().push(one);
        }
    }
    for (inn, id) in asked {
        let of_inn = by_inn.get(&inn).into_iter().flatten();
        let of_inn = of_inn.map(|one| (*one).clone()).collect();
        if let Some(deal) = deals.get_mut(&id) {
            let buyer = (organisation.clone(), Who::Inn(inn));
            deal.snapshot.counterparties.insert(buyer, of_inn);
        }
    }
}

/// The deal cannot go on in this look without what was asked. What will not pass by itself is a question.
pub(crate) fn unanswered(
    deal: &mut Looked,
    asked: &str,
    error: &ConnectorError,
    now: Timestamp,
    record: &mut Record,
) {
    let pause = match error.verdict {
        Verdict::Retry { after: Some(pause) } => {
            i64::try_from(pause.as_secs()).unwrap_or(ASK_AGAIN)
        }
        Verdict::Retry { after: None } | Verdict::Verify => {
            // What was no accident of one answer will not pass by itself.
            let mut reasons = deal.work.reasons.iter();
            if error.code == NOT_UNDERSTOOD && reasons.any(|reason| reason == NO_ANSWER) {
                tell::not_read(deal.id, asked, error, record);
            }
            ASK_AGAIN
        }
        Verdict::Reauthorize => {
            record.cases.extend(access::lost(error));
            WHILE_SHUT
        }
        Verdict::Reject | Verdict::Defect => {
            tell::not_read(deal.id, asked, error, record);
            WHILE_SHUT
        }
    };
    wait_for_accounting(deal, journal::after(now, pause.max(ASK_AGAIN)));
}

/// The accounting side is not asked before `at`.
pub(crate) fn wait_for_accounting(deal: &mut Looked, at: Timestamp) {
    deal.again = earlier(deal.again.take(), Some((at, NO_ANSWER.to_owned())));
    deal.finished = true;
}

/// The accounting side is asked about an invoice only when it said that something changed, when a person or the nightly
/// look wants to know, or on a day of its term to pay: the portal's events say nothing about it. What it does not answer is
/// asked again; the deal shows until then what we know.
async fn invoices_of_revisited(
    ctx: &LeaseContext,
    connected: &Connected,
    call: &Call<'_>,
    deals: &mut BTreeMap<DealId, Looked>,
    ids: &[DealId],
    record: &mut Record,
) {
    for (organisation, invoices) in revisited(deals, ids) {
        let read = &connected.accounting.read;
        let asked: Vec<InvoiceId> = invoices.iter().map(|(id, _)| id.clone()).collect();
        let answers = read.read(call, &organisation, &asked).await;
        for ((id, of), answer) in invoices.iter().zip(answers) {
            let Some(deal) = deals.get_mut(of) else {
                continue;
            };
            match answer {
                Ok(now) => {
                    tell::withdraw(deal, tell::READ_INVOICE, record);
                    adopt_state(deal, &organisation, id, now.as_ref(), ctx.now());
                }
                Err(error) => {
                    match error.verdict {
                        Verdict::Reauthorize => record.cases.extend(access::lost(&error)),
                        Verdict::Reject | Verdict::Defect => {
                            tell::not_read(*of, tell::READ_INVOICE, &error, record);
                        }
                        Verdict::Retry { .. } | Verdict::Verify => {}
                    }
                    deal.revisit_at = Some(journal::after(ctx.now(), WHILE_SHUT));
                }
            }
        }
    }
}

fn revisited(
    deals: &BTreeMap<DealId, Looked>,
    ids: &[DealId],
) -> BTreeMap<OrganisationId, Vec<(InvoiceId, DealId)>> {
    let mut wanted: BTreeMap<OrganisationId, Vec<(InvoiceId, DealId)>> = BTreeMap::new();
    let asked = ids.iter().filter_map(|id| deals.get(id)).filter(|deal| {
        deal.work
            .reasons
            .iter()
            .any(|reason| crate::feed::asks_accounting(reason))
    });
    for deal in asked {
        for invoice in deal.snapshot.invoices.iter().filter(|one| one.live) {
            wanted
                .entry(invoice.organisation.clone())
                .or_default()
                .push((invoice.id.clone(), deal.id));
        }
    }
    wanted
}

/// What the accounting side shows is what we know from now on.
fn adopt_state(
    deal: &mut Looked,
    organisation: &OrganisationId,
    id: &InvoiceId,
    seen: Option<&Invoice>,
    now: Timestamp,
) {
    let ours = deal
        .snapshot
        .invoices
        .iter_mut()
        .find(|ours| ours.organisation == *organisation && ours.id == *id);
    let Some(ours) = ours else {
        return;
    };
    let before = ours.clone();
    ours.deleted = seen.is_none();
    if let Some(seen) = seen {
        ours.number.clone_from(&seen.number);
        ours.date = seen.date;
        ours.total = seen.totals.gross;
        ours.contractor.clone_from(&seen.contractor);
        if seen.counterparty.is_some() {
            ours.billed.clone_from(&seen.counterparty);
        }
        if seen.status != InvoiceStatus::Unknown {
            let was_paid = ours.status == InvoiceStatus::Paid;
            ours.status = seen.status;
            let is_paid = ours.status == InvoiceStatus::Paid;
            ours.paid_since = match (was_paid, is_paid) {
                (true, true) => ours.paid_since,
                (false, true) => Some(now),
                (_, false) => None,
            };
        }
        if ours.adopted {
            ours.paid_there = seen.paid;
        }
    }
    if *ours != before {
        deal.links.push(known::link_of(deal.id, ours, now));
    }
}
