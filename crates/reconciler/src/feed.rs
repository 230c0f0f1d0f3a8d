//! The accounting side's change feed: which invoices changed over there, and whose deals they are.

use domain::{InvoiceId, OrganisationId};
use engine::{Halted, LeaseContext};
use store::{Lane, Look, Record, Settled, Subject, Work};

use crate::{Connected, Reconciler, journal};

const CHANGED: &str = "the accounting side changed its invoice";
/// The nightly look at linked deals, see [`crate::revisit`].
pub(crate) const NIGHTLY: &str = "nightly look";

/// Whether a look for this reason asks the accounting side about the deal's invoices.
pub(crate) fn asks_accounting(reason: &str) -> bool {
    reason == CHANGED || reason == NIGHTLY || reason.starts_with("person")
}

pub(crate) async fn look(
    reconciler: &Reconciler,
    ctx: &LeaseContext,
    connected: &Connected,
    work: Work,
) -> Result<(), Halted> {
    if let Some(feed) = &connected.accounting.feed {
        for organisation in &connected.policy.organisations {
            read(ctx, feed.as_ref(), &organisation.id).await?;
        }
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

async fn read(
    ctx: &LeaseContext,
    feed: &dyn capability::accounting::ChangeFeed,
    organisation: &OrganisationId,
) -> Result<(), Halted> {
    let portal = ctx.portal();
    let cursor = format!("feed/{organisation}");
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
        let lines = journal::exchanges(&call, &[]);
        let changes = match changes {
            Ok(changes) => changes,
            Err(error) => return Err(journal::halt(ctx, lines, &error).await),
        };
        let looks = looks_for(ctx, organisation, &changes.invoices).await?;
        let more = changes.more;
        ctx.record(Record {
            journal: lines,
            looks,
            cursors: vec![(cursor.clone(), changes.next)],
            ..Record::default()
        })
        .await?;
        if !more {
            return Ok(());
        }
    }
}

/// An invoice that is not ours is nobody's look.
async fn looks_for(
    ctx: &LeaseContext,
    organisation: &OrganisationId,
    invoices: &[InvoiceId],
) -> Result<Vec<Look>, Halted> {
    if invoices.is_empty() {
        return Ok(Vec::new());
    }
    let links = ctx
        .store()
        .invoice_links_of_invoice(&ctx.portal(), organisation, invoices)
        .await
        .map_err(Halted::from)?;
    Ok(links
        .iter()
        .map(|link| Look {
            subject: Subject::deal(link.deal),
            lane: Lane::Due,
            due_at: ctx.now(),
            reason: CHANGED.to_owned(),
        })
        .collect())
}

/// A hint that one invoice changed (`organisation/invoice`): its deal is looked at.
pub(crate) async fn look_at_invoice(ctx: &LeaseContext, work: Work) -> Result<(), Halted> {
    let looks = match work.subject.id.split_once('/') {
        Some((organisation, invoice)) => {
            looks_for(
                ctx,
                &OrganisationId::new(organisation),
                &[InvoiceId::new(invoice)],
            )
            .await?
        }
        None => Vec::new(),
    };
    ctx.record(Record {
        looks,
        settled: vec![Settled { work, next: None }],
        ..Record::default()
    })
    .await
}
