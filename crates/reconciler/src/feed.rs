//! The accounting side's change feed: which invoices changed over there, and whose deals they are.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use capability::Call;
use domain::{Invoice, InvoiceId, OrganisationId, PortalId};
use engine::{Halted, LeaseContext};
use store::{InvoiceLink, Lane, Look, Record, Settled, Subject, Work};

use crate::{Connected, Reconciler, access, deal, journal, portal_task, twins};

pub(crate) const CHANGED: &str = "the accounting side changed its invoice";
/// Something of ours is left to be put to the deal.
pub(crate) const FILE: &str = "a file is to be put to it";
/// A person said which invoice is its; see [`crate::deal::Claims`].
pub(crate) const LINKED: &str = "its invoice was linked";
/// The nightly look at linked deals, see [`crate::revisit`].
pub(crate) const NIGHTLY: &str = "nightly look";

/// A day comes on which its invoice is overdue, or somebody is to be told of that or of a mark that nothing explains.
pub(crate) const DUE_DAY: &str = "a day of its term to pay";
/// The same, sooner if our accounts become known.
pub(crate) const WAITS_FOR_ACCOUNTS: &str = "a reminder waits for our accounts";

/// Organisations whose feed this process has read to its end once, together with every bill that it told of. Before that
/// the accounting side may hold bills of ours that our records do not know, because they were restored from a backup.
#[derive(Default)]
pub(crate) struct Fed(Mutex<BTreeSet<(PortalId, OrganisationId)>>);

impl Fed {
    fn note(&self, portal: PortalId, organisation: OrganisationId) {
        let mut fed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        fed.insert((portal, organisation));
    }

    fn has(&self, portal: &PortalId, organisation: &OrganisationId) -> bool {
        let fed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        fed.contains(&(portal.clone(), organisation.clone()))
    }
}

/// Whether the feed of an organisation was read before this process began and has not been since.
pub(crate) async fn is_behind(
    reconciler: &Reconciler,
    ctx: &LeaseContext,
    connected: &Connected,
    organisation: &OrganisationId,
) -> Result<bool, Halted> {
    let portal = ctx.portal();
    if connected.accounting.feed.is_none() || reconciler.fed.has(&portal, organisation) {
        return Ok(false);
    }
    let cursor = ctx.store().cursor_get(&portal, &cursor(organisation)).await;
    Ok(cursor.map_err(Halted::from)?.is_some())
}

fn cursor(organisation: &OrganisationId) -> String {
    format!("feed/{organisation}")
}

/// Whether a look for this reason is no sign that the deal itself was changed.
pub(crate) fn leaves_the_deal(reason: &str) -> bool {
    let ours = [CHANGED, FILE, LINKED, store::MONEY_MOVED];
    ours.contains(&reason) || [DUE_DAY, WAITS_FOR_ACCOUNTS].contains(&reason)
}

/// Whether a look for this reason rests on an event alone; the store words it so.
pub(crate) fn is_hint(reason: &str) -> bool {
    reason.starts_with("event ") || leaves_the_deal(reason)
}

/// Whether a look for this reason asks the accounting side about the deal's invoices. Before somebody is reminded of one it
/// is asked: the accountant may have known of its money for a minute.
pub(crate) fn asks_accounting(reason: &str) -> bool {
    let asks = [CHANGED, NIGHTLY, DUE_DAY, WAITS_FOR_ACCOUNTS];
    asks.contains(&reason) || reason.starts_with("person")
}

pub(crate) async fn look(
    reconciler: &Reconciler,
    ctx: &LeaseContext,
    connected: &Connected,
    work: Work,
) -> Result<(), Halted> {
    let organisations = &connected.policy.organisations;
    let answered = match &connected.accounting.feed {
        Some(feed) if !organisations.is_empty() => {
            read_each(reconciler, ctx, connected, feed.as_ref()).await?
        }
        Some(_) | None => access::knock(ctx, connected).await?,
    };
    if answered {
        access::regained(ctx, portal_task::FEED).await?;
    }
    let again = ctx
        .now()
        .checked_add(reconciler.settings.feed_every)
        .unwrap_or(jiff::Timestamp::MAX);
    ctx.record(Record {
        settled: vec![journal::settled_until(
            work,
            again,
            Lane::Due,
            "change feed",
        )],
        ..Record::default()
    })
    .await
}

/// One organisation after the other: one whose feed cannot be read keeps back no deal of another, and the others are read in
/// their interval. Whether all of them were; an error where none was.
async fn read_each(
    reconciler: &Reconciler,
    ctx: &LeaseContext,
    connected: &Connected,
    feed: &dyn capability::accounting::ChangeFeed,
) -> Result<bool, Halted> {
    let portal = ctx.portal();
    let (mut is_any_read, mut failed) = (false, None);
    for organisation in &connected.policy.organisations {
        let id = &organisation.id;
        match read(ctx, connected, feed, id).await {
            Ok(()) => is_any_read = true,
            Err(halted @ Halted::Remote { .. }) => {
                failed.get_or_insert(halted);
                continue;
            }
            Err(halted) => return Err(halted),
        }
        // A bill that did not let itself be read may be one that we forgot. It stays in the queue until it did.
        if !reconciler.fed.has(&portal, id)
            && !ctx
                .store()
                .work_waits_for(&portal, &twins::unread(id))
                .await?
        {
            reconciler.fed.note(portal.clone(), id.clone());
        }
    }
    match failed {
        Some(halted) if !is_any_read => Err(halted),
        failed => Ok(failed.is_none()),
    }
}

async fn read(
    ctx: &LeaseContext,
    connected: &Connected,
    feed: &dyn capability::accounting::ChangeFeed,
    organisation: &OrganisationId,
) -> Result<(), Halted> {
    let portal = ctx.portal();
    let cursor = cursor(organisation);
    loop {
        let offset = ctx
            .store()
            .cursor_get(&portal, &cursor)
            .await
            .map_err(Halted::from)?;
        let call = ctx.call(&portal);
        let changes = ctx
            .reading(|| feed.changes(&call, organisation, offset.as_deref()))
            .await;
        let changes = match changes {
            Ok(changes) => changes,
            Err(error) => {
                let lines = journal::exchanges(&call, &[]);
                return Err(journal::halt_task(ctx, lines, &error, portal_task::FEED).await);
            }
        };
        let mut record = judged(ctx, connected, &call, organisation, &changes.invoices).await?;
        if offset.is_none() {
            // The end is known from now on: what changed before it is told by nobody, so it is looked for.
            record.looks.push(Look {
                subject: Subject::portal(crate::portal_task::LINKS),
                lane: Lane::Due,
                due_at: ctx.now(),
                reason: "the change feed is read from here on".to_owned(),
            });
        }
        record.journal = journal::exchanges(&call, &[]);
        record.cursors = vec![(cursor.clone(), changes.next)];
        let more = changes.more;
        ctx.record(record).await?;
        if !more {
            return Ok(());
        }
    }
}

/// What follows from changed invoices: looks at the deals that they are linked to, and questions about those that we made
/// and do not know. An invoice that is not ours is nobody's look.
async fn judged(
    ctx: &LeaseContext,
    connected: &Connected,
    call: &Call<'_>,
    organisation: &OrganisationId,
    invoices: &[InvoiceId],
) -> Result<Record, Halted> {
    let links = links_of(ctx, organisation, invoices).await?;
    let is_linked = |id: &&InvoiceId| links.iter().any(|link| link.invoice == **id);
    let (_, strangers): (Vec<InvoiceId>, Vec<InvoiceId>) =
        invoices.iter().cloned().partition(|id| is_linked(&id));
    let differing = differing(connected, call, organisation, links).await;
    let mut record = Record {
        looks: looks(ctx, &differing),
        ..Record::default()
    };
    twins::judge(ctx, connected, call, organisation, &strangers, &mut record).await?;
    Ok(record)
}

async fn links_of(
    ctx: &LeaseContext,
    organisation: &OrganisationId,
    invoices: &[InvoiceId],
) -> Result<Vec<InvoiceLink>, Halted> {
    if invoices.is_empty() {
        return Ok(Vec::new());
    }
    let links = ctx
        .store()
        .invoice_links_of_invoice(&ctx.portal(), organisation, invoices)
        .await?;
    Ok(links)
}

/// The feed tells of our own creations as well: only what is not as we recorded it is worth a look at the
/// portal. An invoice that cannot be read is.
async fn differing(
    connected: &Connected,
    call: &Call<'_>,
    organisation: &OrganisationId,
    links: Vec<InvoiceLink>,
) -> Vec<InvoiceLink> {
    let ids: Vec<InvoiceId> = links.iter().map(|link| link.invoice.clone()).collect();
    let now = if ids.is_empty() {
        Vec::new()
    } else {
        connected
            .accounting
            .read
            .read(call, organisation, &ids)
            .await
    };
    links
        .into_iter()
        .zip(now)
        .filter(|(link, now)| !matches!(now, Ok(Some(invoice)) if as_recorded(link, invoice)))
        .map(|(link, _)| link)
        .collect()
}

fn as_recorded(link: &InvoiceLink, invoice: &Invoice) -> bool {
    let ours = deal::our_invoice(link);
    let billed = ours.as_ref().and_then(|ours| ours.billed.as_ref());
    // What is paid of one of ours our own payments tell; of an adopted one the accounting side does.
    let adopted = ours.as_ref().filter(|ours| ours.adopted);
    (invoice.counterparty.is_none() || invoice.counterparty.as_ref() == billed)
        && adopted.is_none_or(|ours| ours.paid_there == invoice.paid)
        && link.number == invoice.number
        && link.date == invoice.date
        && link.total == invoice.totals.gross
        && link.status == invoice.status.as_str()
}

fn looks(ctx: &LeaseContext, links: &[InvoiceLink]) -> Vec<Look> {
    links
        .iter()
        .map(|link| Look {
            subject: Subject::deal(link.deal),
            lane: Lane::Due,
            due_at: ctx.now(),
            reason: CHANGED.to_owned(),
        })
        .collect()
}

/// A hint that one invoice changed (`organisation/invoice`): its deal is looked at.
pub(crate) async fn look_at_invoice(
    ctx: &LeaseContext,
    connected: &Connected,
    work: Work,
) -> Result<(), Halted> {
    let mut record = Record::default();
    if let Some((organisation, invoice)) = work.subject.id.split_once('/') {
        let (organisation, invoice) = (OrganisationId::new(organisation), InvoiceId::new(invoice));
        let invoice = std::slice::from_ref(&invoice);
        let links = links_of(ctx, &organisation, invoice).await?;
        let mut unread = Vec::new();
        if links.is_empty() {
            let portal = ctx.portal();
            let call = ctx.call(&portal);
            unread =
                twins::judge(ctx, connected, &call, &organisation, invoice, &mut record).await?;
            record.journal = journal::exchanges(&call, &[]);
        } else {
            let ids: Vec<&InvoiceId> = invoice.iter().collect();
            twins::withdraw(ctx, &ids, &mut record).await?;
        }
        let is_second = work.reasons.contains(&twins::unread(&organisation));
        let question = twins::about_unread(&work.subject, unread.first(), is_second);
        record.cases.extend(question);
        record.looks.extend(looks(ctx, &links));
    }
    record.settled = vec![Settled { work, next: None }];
    ctx.record(record).await
}
