//! Observing: what plans asked for, for all deals of the pass in as few calls as possible.

use std::collections::{BTreeMap, BTreeSet};

use capability::portal::Presence;
use capability::{Call, ConnectorError};
use domain::{DealId, Inn, Invoice, InvoiceId, InvoiceStatus, OrganisationId};
use engine::{Halted, LeaseContext};
use jiff::Timestamp;
use planner::{Need, Seen};
use store::{JournalEntry, Record, Subject};

use super::{Looked, known};
use crate::{Connected, journal};

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
    let observed = observe(ctx, connected, &call, deals, needs).await;
    let lines = journal::exchanges(&call, &subjects);
    match observed {
        Ok(()) => keep(ctx, lines).await,
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
    let portal = ctx.portal();
    let call = ctx.call(&portal);
    observe(ctx, connected, &call, deals, needs)
        .await
        .map_err(|error| Halted::Remote {
            reason: error.to_string(),
            again_at: None,
        })
}

async fn keep(ctx: &LeaseContext, journal: Vec<JournalEntry>) -> Result<(), Halted> {
    if journal.is_empty() {
        return Ok(());
    }
    ctx.record(Record {
        journal,
        ..Record::default()
    })
    .await
}

async fn observe(
    ctx: &LeaseContext,
    connected: &Connected,
    call: &Call<'_>,
    deals: &mut BTreeMap<DealId, Looked>,
    needs: BTreeMap<DealId, Vec<Need>>,
) -> Result<(), ConnectorError> {
    let mut glances = Vec::new();
    let mut wholes = Vec::new();
    let mut buyers: BTreeMap<OrganisationId, BTreeSet<Inn>> = BTreeMap::new();
    for (id, asked) in needs {
        for need in asked {
            match need {
                Need::Glance => glances.push(id),
                Need::Whole => wholes.push(id),
                Need::Counterparties(organisation, inn) => {
                    buyers.entry(organisation).or_default().insert(inn);
                }
            }
        }
    }
    if !glances.is_empty() {
        glance(ctx, connected, call, deals, &glances).await?;
    }
    if !wholes.is_empty() {
        whole(ctx, connected, call, deals, &wholes).await?;
    }
    for (organisation, inns) in buyers {
        let inns: Vec<Inn> = inns.into_iter().collect();
        counterparties(ctx, connected, call, deals, organisation, &inns).await?;
    }
    Ok(())
}

async fn glance(
    ctx: &LeaseContext,
    connected: &Connected,
    call: &Call<'_>,
    deals: &mut BTreeMap<DealId, Looked>,
    ids: &[DealId],
) -> Result<(), ConnectorError> {
    let seen = ctx
        .reading(|| connected.portal.deals.glance(call, ids))
        .await?;
    let mut missing: BTreeSet<DealId> = ids.iter().copied().collect();
    for glance in seen {
        missing.remove(&glance.deal.id);
        if let Some(deal) = deals.get_mut(&glance.deal.id) {
            deal.snapshot.seen = Seen::Glance(Box::new(glance));
        }
    }
    absent(ctx, connected, call, deals, missing).await?;
    invoices_of_revisited(ctx, connected, call, deals, ids).await
}

/// A list alone never proves a deletion: those that are not in it are asked for by id.
async fn absent(
    ctx: &LeaseContext,
    connected: &Connected,
    call: &Call<'_>,
    deals: &mut BTreeMap<DealId, Looked>,
    missing: BTreeSet<DealId>,
) -> Result<(), ConnectorError> {
    if missing.is_empty() {
        return Ok(());
    }
    let missing: Vec<DealId> = missing.into_iter().collect();
    let presences = ctx
        .reading(|| connected.portal.deals.presence(call, &missing))
        .await?;
    for (id, presence) in presences {
        if let Some(deal) = deals.get_mut(&id) {
            deal.snapshot.seen = match presence {
                Presence::Gone => Seen::Gone,
                Presence::Denied => Seen::Denied,
                Presence::Visible => Seen::Unread,
            };
        }
    }
    Ok(())
}

async fn whole(
    ctx: &LeaseContext,
    connected: &Connected,
    call: &Call<'_>,
    deals: &mut BTreeMap<DealId, Looked>,
    ids: &[DealId],
) -> Result<(), ConnectorError> {
    let reading = ctx
        .reading(|| connected.portal.deals.read(call, ids))
        .await?;
    // Freshness counts from the answer: a portal that takes seconds to answer would never be fresh else.
    let read_at = ctx.now();
    let mut missing: BTreeSet<DealId> = ids.iter().copied().collect();
    for whole in reading.deals {
        let id = whole.glance.deal.id;
        missing.remove(&id);
        if let Some(deal) = deals.get_mut(&id) {
            deal.snapshot.seen = Seen::Whole(Box::new(whole), read_at);
            deal.snapshot
                .own_companies
                .clone_from(&reading.own_companies);
        }
    }
    absent(ctx, connected, call, deals, missing).await
}

async fn counterparties(
    ctx: &LeaseContext,
    connected: &Connected,
    call: &Call<'_>,
    deals: &mut BTreeMap<DealId, Looked>,
    organisation: OrganisationId,
    inns: &[Inn],
) -> Result<(), ConnectorError> {
    let found = ctx
        .reading(|| {
            let counterparties = &connected.accounting.counterparties;
            counterparties.find(call, &organisation, inns)
        })
        .await?;
    for deal in deals.values_mut() {
        for inn in inns {
            let of_inn = found
                .iter()
                .filter(|one| one.counterparty.key.inn == *inn)
                .cloned()
                .collect();
            deal.snapshot
                .counterparties
                .insert((organisation.clone(), inn.clone()), of_inn);
        }
    }
    Ok(())
}

/// The accounting side is asked about an invoice only when it said that something changed, or when a
/// person or the nightly look wants to know: the portal's events say nothing about it.
async fn invoices_of_revisited(
    ctx: &LeaseContext,
    connected: &Connected,
    call: &Call<'_>,
    deals: &mut BTreeMap<DealId, Looked>,
    ids: &[DealId],
) -> Result<(), ConnectorError> {
    for (organisation, invoices) in revisited(deals, ids) {
        let read = &connected.accounting.read;
        let answers = read.read(call, &organisation, &invoices).await;
        for (id, answer) in invoices.iter().zip(answers) {
            let now = answer?;
            for deal in deals.values_mut() {
                adopt_state(deal, &organisation, id, now.as_ref(), ctx.now());
            }
        }
    }
    Ok(())
}

fn revisited(
    deals: &BTreeMap<DealId, Looked>,
    ids: &[DealId],
) -> BTreeMap<OrganisationId, Vec<InvoiceId>> {
    let mut wanted: BTreeMap<OrganisationId, Vec<InvoiceId>> = BTreeMap::new();
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
                .push(invoice.id.clone());
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
        if seen.status != InvoiceStatus::Unknown {
            ours.status = seen.status;
        }
    }
    if *ours != before {
        deal.links.push(known::link_of(deal.id, ours, now));
    }
}
