//! Claims: deals whose invoices exist already, looked for on the accounting side and linked by a person's order.
//!
//! First everything is observed, without a trace; what becomes of it is judged in `planner::adopting`. Bills of ours that our
//! records forgot are claims as well (`forgotten`). No lease is needed for either: a link is recorded while no look has the
//! deal, so that whoever issues an invoice for it does that before or after, never beside.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use capability::Call;
use domain::{Deal, DealId, Invoice, InvoiceId, OrganisationId, PortalId, Slot, SlotKind, Verdict};
use engine::{Halted, LeaseContext};
use jiff::Timestamp;
use planner::adopting::{self, Candidate, Claim, Judged};
use planner::{Need, OurInvoice, invoicing};
use serde_json::json;
use store::{Adopted, Adoption, InvoiceLink, Lane, Subject, Work};

use super::{Looked, known, observe};
use crate::{Connected, feed, journal};

/// Seconds in which a deal that is being looked at is tried again.
const PATIENCE: i64 = 30;
const ASK_AGAIN: Duration = Duration::from_millis(200);

/// A claim and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// What a person said.
    pub claim: Claim,
    /// The deal, where it can be read.
    pub deal: Option<Deal>,
    /// Whether the invoice becomes the deal's.
    pub judged: Judged,
    /// It was refused for what passes by itself: the deal was at work, or our records changed meanwhile.
    pub passes: bool,
}

/// What was observed of the claims so far. Each deal is claimed for once, or for several parts of it.
#[derive(Default)]
pub struct Claims {
    claims: Vec<Claim>,
    deals: BTreeMap<DealId, Looked>,
    found: BTreeMap<(DealId, SlotKind), Result<Vec<Invoice>, String>>,
}

/// In which turn a claim is judged and linked: what becomes of a deal's advance decides what becomes of its rest, and both of
/// what was added.
fn turn(claim: &Claim) -> usize {
    match claim.bills {
        SlotKind::Whole | SlotKind::Advance => 0,
        SlotKind::Rest => 1,
        SlotKind::Additional => 2,
    }
}

const TURNS: usize = 3;

impl Claims {
    /// Reads the deals of these claims, and the invoices with their numbers.
    ///
    /// # Errors
    /// As a look, when a remote cannot be read: nothing was changed, and it may be asked for again.
    pub async fn observe(
        &mut self,
        ctx: &LeaseContext,
        connected: &Connected,
        claims: Vec<Claim>,
    ) -> Result<(), Halted> {
        let works = claims.iter().map(|claim| Work {
            subject: Subject::deal(claim.deal),
            lane: Lane::Click,
            version: 0,
            due_at: ctx.now(),
            reasons: vec![feed::LINKED.to_owned()],
            heard_at: None,
            deaths: 0,
        });
        let mut deals = known::begin(ctx, connected, works.collect()).await?;
        let needs = deals.keys().map(|id| (*id, vec![Need::Whole])).collect();
        let unreadable = observe::each(ctx, connected, &mut deals, needs).await?;
        let portal = ctx.portal();
        let call = ctx.call(&portal);
        for claim in &claims {
            if let Some(error) = unreadable.get(&claim.deal) {
                let why = format!("портал не отдаёт эту сделку: {error}");
                self.found.insert((claim.deal, claim.bills), Err(why));
            } else if let Some(deal) = deals.get(&claim.deal) {
                let found = look_for(ctx, connected, &call, deal, claim).await?;
                self.found.insert((claim.deal, claim.bills), found);
            }
        }
        self.deals.extend(deals);
        self.claims.extend(claims);
        Ok(())
    }

    /// What would become of each claim by our records of this moment.
    ///
    /// # Errors
    /// The store's.
    pub async fn judged(
        &mut self,
        ctx: &LeaseContext,
        connected: &Connected,
    ) -> Result<Vec<Claimed>, Halted> {
        known::refresh(ctx, connected, &mut self.deals).await?;
        let taken = self.taken(ctx).await?;
        let (now, portal) = (ctx.now(), ctx.portal());
        let mut claimed: Vec<(usize, Claimed)> = Vec::new();
        for of_turn in 0..TURNS {
            let mut before: BTreeMap<DealId, Vec<OurInvoice>> = BTreeMap::new();
            for (_, one) in &claimed {
                if let Judged::Adopt(invoice) = &one.judged {
                    let of_deal = before.entry(one.claim.deal).or_default();
                    of_deal.push((**invoice).clone());
                }
            }
            let claims = self.claims.iter().enumerate();
            let judged = claims
                .filter(|(_, claim)| turn(claim) == of_turn)
                .filter_map(|(place, claim)| {
                    let before = before.get(&claim.deal).map(Vec::as_slice);
                    let before = before.unwrap_or_default();
                    let judged = self.judge(&portal, connected, claim, before, &taken, now)?;
                    Some((place, judged))
                });
            claimed.extend(judged.collect::<Vec<_>>());
            refuse_shared(&mut claimed);
        }
        refuse_without_advance(&mut claimed);
        claimed.sort_by_key(|(place, _)| *place);
        Ok(claimed.into_iter().map(|(_, one)| one).collect())
    }

    /// Links what fits; `by` is who ordered it. A deal that is being looked at is tried again for a while. What the deals
    /// show of it follows with their next look.
    ///
    /// # Errors
    /// The store's. What was linked before stands, and is told as such the next time.
    pub async fn take(
        &mut self,
        ctx: &LeaseContext,
        connected: &Connected,
        by: &str,
    ) -> Result<Vec<Claimed>, Halted> {
        let mut claimed = self.judged(ctx, connected).await?;
        let mut not_linked: BTreeSet<DealId> = BTreeSet::new();
        for of_turn in 0..TURNS {
            for one in claimed.iter_mut().filter(|one| turn(&one.claim) == of_turn) {
                let Some(adoption) = self.adoption(ctx, connected, one, by) else {
                    continue;
                };
                let until = journal::after(ctx.now(), PATIENCE);
                let why = if not_linked.contains(&one.claim.deal) {
                    Some("счёт, который был перед ним, не привязан: повторите команду")
                } else {
                    self.link(ctx, &adoption, until).await?
                };
                if let Some(why) = why {
                    one.judged = Judged::Refused(why.to_owned());
                    one.passes = true;
                    not_linked.insert(one.claim.deal);
                }
            }
        }
        Ok(claimed)
    }

    /// Why it was not linked, in Russian.
    async fn link(
        &self,
        ctx: &LeaseContext,
        adoption: &Adoption,
        until: Timestamp,
    ) -> Result<Option<&'static str>, Halted> {
        loop {
            let (now, portal) = (ctx.now(), ctx.portal());
            let adopted = ctx.store().invoice_adopt(&portal, adoption, now).await;
            match adopted.map_err(Halted::from)? {
                Adopted::Linked => return Ok(None),
                Adopted::Changed => {
                    return Ok(Some(
                        "счёт или сделка только что связаны иначе: повторите команду",
                    ));
                }
                Adopted::Busy if now >= until => {
                    return Ok(Some("сделка сейчас в работе: повторите команду позже"));
                }
                Adopted::Busy => {
                    let again = engine::clock::later(now, ASK_AGAIN);
                    ctx.clock().sleep_until(again).await;
                }
            }
        }
    }

    fn judge(
        &self,
        portal: &PortalId,
        connected: &Connected,
        claim: &Claim,
        before: &[OurInvoice],
        taken: &BTreeMap<(OrganisationId, InvoiceId), DealId>,
        now: Timestamp,
    ) -> Option<Claimed> {
        let deal = self.deals.get(&claim.deal)?;
        let of = |invoice: &Invoice| taken.get(&(invoice.seller.clone(), invoice.id.clone()));
        let mut snapshot = deal.snapshot.clone();
        for one in before {
            let replaced = |earlier: &&mut OurInvoice| adopting::replaces(one.slot, earlier);
            let replaced = snapshot.invoices.iter_mut().filter(replaced);
            replaced.for_each(|earlier| earlier.live = false);
            snapshot.invoices.push(one.clone());
        }
        let judged = match self.found.get(&(claim.deal, claim.bills))? {
            Err(why) => Judged::Refused(why.clone()),
            Ok(found) => {
                let candidates: Vec<Candidate> = found
                    .iter()
                    .map(|invoice| Candidate {
                        of: of(invoice).copied(),
                        made_for: made_for(invoice, portal, claim.deal),
                        invoice: invoice.clone(),
                    })
                    .collect();
                adopting::judge(&snapshot, claim, &candidates, &connected.policy, now)
            }
        };
        Some(Claimed {
            claim: claim.clone(),
            deal: deal.snapshot.glance().map(|glance| glance.deal.clone()),
            judged,
            passes: false,
        })
    }

    /// Whose the found invoices are by our records.
    async fn taken(
        &self,
        ctx: &LeaseContext,
    ) -> Result<BTreeMap<(OrganisationId, InvoiceId), DealId>, Halted> {
        let mut ids: BTreeMap<OrganisationId, BTreeSet<InvoiceId>> = BTreeMap::new();
        for invoice in self.found.values().flatten().flatten() {
            let of_seller = ids.entry(invoice.seller.clone()).or_default();
            of_seller.insert(invoice.id.clone());
        }
        let mut taken = BTreeMap::new();
        for (organisation, ids) in ids {
            let ids: Vec<InvoiceId> = ids.into_iter().collect();
            let links = ctx
                .store()
                .invoice_links_of_invoice(&ctx.portal(), &organisation, &ids)
                .await
                .map_err(Halted::from)?;
            let owner = |link: InvoiceLink| ((organisation.clone(), link.invoice), link.deal);
            taken.extend(links.into_iter().map(owner));
        }
        Ok(taken)
    }

    fn adoption(
        &self,
        ctx: &LeaseContext,
        connected: &Connected,
        one: &Claimed,
        by: &str,
    ) -> Option<Adoption> {
        let Judged::Adopt(invoice) = &one.judged else {
            return None;
        };
        let deal = self.deals.get(&one.claim.deal)?;
        let (now, portal) = (ctx.now(), ctx.portal());
        let live = deal.snapshot.invoices.iter().filter(|one| one.live);
        let (replaced, beside): (Vec<&OurInvoice>, Vec<&OurInvoice>) =
            live.partition(|one| adopting::replaces(invoice.slot, one));
        let given_up = |one: &&OurInvoice| {
            let given_up = OurInvoice {
                live: false,
                replaced: true,
                ..(*one).clone()
            };
            known::link_of(deal.id, &given_up, now)
        };
        let found = self.found.get(&(one.claim.deal, one.claim.bills))?;
        let mut found = found.iter().flatten();
        let is_marked = found.any(|found| {
            found.id == invoice.id && made_for(found, &portal, one.claim.deal).is_some()
        });
        let carried_out = adopting::carried_out(&deal.snapshot, invoice, &connected.policy);
        let carried_out = carried_out.filter(|_| is_marked);
        // Whatever was asked before there was an invoice is answered by it.
        let moot = invoicing::BEFORE_ISSUE.iter().map(|code| code.as_str());
        let open = moot.filter(|key| deal.snapshot.open_cases.contains_key(*key));
        Some(Adoption {
            link: known::link_of(deal.id, invoice, now),
            replaced: replaced.iter().map(given_up).collect(),
            beside: beside.iter().map(|one| one.slot).collect(),
            carried_out,
            answers: open.map(str::to_owned).collect(),
            told: json!({
                "adopted": invoice.number, "invoice": invoice.id, "organisation": invoice.organisation,
                "slot": invoice.slot.to_string(), "total": invoice.total, "by": by, "carried_out": carried_out,
                "replaced": replaced.iter().map(|one| &one.number).collect::<Vec<_>>(),
            }),
            reason: feed::LINKED.to_owned(),
        })
    }
}

/// The slot of the deal for which its mark says that we made it.
fn made_for(invoice: &Invoice, portal: &PortalId, deal: DealId) -> Option<Slot> {
    invoice.made_as.as_ref()?.slot_of_invoice(portal, deal)
}

/// The invoices that bear the claim's number in the seller's books; why there can be none, in Russian.
async fn look_for(
    ctx: &LeaseContext,
    connected: &Connected,
    call: &Call<'_>,
    deal: &Looked,
    claim: &Claim,
) -> Result<Result<Vec<Invoice>, String>, Halted> {
    let seller = match adopting::seller_of(&deal.snapshot, claim, &connected.policy) {
        Ok(seller) => seller,
        Err(why) => return Ok(Err(why)),
    };
    let read = &connected.accounting.read;
    let found = ctx
        .reading(|| read.with_number(call, &seller, &claim.number))
        .await;
    match found {
        Ok(found) => Ok(Ok(found)),
        Err(error) if matches!(error.verdict, Verdict::Reject | Verdict::Defect) => {
            Ok(Err(format!("учёт не отвечает на этот номер: {error}")))
        }
        Err(error) => Err(Halted::Remote {
            reason: error.to_string(),
            again_at: None,
        }),
    }
}

/// The rest that was judged beside an advance of its deal stands or falls with it.
fn refuse_without_advance(claimed: &mut [(usize, Claimed)]) {
    let is_lost = |one: &Claimed| {
        one.claim.bills == SlotKind::Advance && matches!(one.judged, Judged::Refused(_))
    };
    let lost = claimed.iter().filter(|(_, one)| is_lost(one));
    let lost: BTreeSet<DealId> = lost.map(|(_, one)| one.claim.deal).collect();
    for (_, one) in claimed {
        let fits = matches!(one.judged, Judged::Adopt(_));
        if fits && one.claim.bills == SlotKind::Rest && lost.contains(&one.claim.deal) {
            let why = "счёт на аванс этой сделки не подходит: сначала нужен он";
            one.judged = Judged::Refused(why.to_owned());
        }
    }
}

/// One invoice is one deal's: where several claim it, a person has to say whose it is.
fn refuse_shared(claimed: &mut [(usize, Claimed)]) {
    let mut wanted: BTreeMap<(OrganisationId, InvoiceId), Vec<DealId>> = BTreeMap::new();
    for (_, one) in claimed.iter() {
        if let Judged::Adopt(invoice) = &one.judged {
            let key = (invoice.organisation.clone(), invoice.id.clone());
            wanted.entry(key).or_default().push(one.claim.deal);
        }
    }
    for (_, one) in claimed {
        let Judged::Adopt(invoice) = &one.judged else {
            continue;
        };
        let key = (invoice.organisation.clone(), invoice.id.clone());
        let deals = wanted.get(&key).map(Vec::as_slice).unwrap_or_default();
        if deals.len() > 1 {
            let names: Vec<String> = deals.iter().map(ToString::to_string).collect();
            let why = format!(
                "на счёт № {} указывают несколько сделок: {}",
                invoice.number,
                names.join(", ")
            );
            one.judged = Judged::Refused(why);
        }
    }
}
