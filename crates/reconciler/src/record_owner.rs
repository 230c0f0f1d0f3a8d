//! Requisites and bank details: their events name only themselves, so their owners are asked for, all in one
//! call, and whoever waits for those companies or contacts is looked at again.

use domain::observed::Record as PortalRecord;
use domain::{BankDetailId, RequisiteId};
use engine::{Halted, LeaseContext};
use store::{JournalEntry, Record, Settled, Subject, SubjectKind, Work};

use crate::deal::subject_of;
use crate::{Connected, journal};

pub(crate) async fn look(
    ctx: &LeaseContext,
    connected: &Connected,
    works: Vec<Work>,
) -> Result<(), Halted> {
    let subjects: Vec<Subject> = works.iter().map(|work| work.subject.clone()).collect();
    let mut record = Record::default();
    let owners = owners_of(ctx, connected, &subjects, &mut record.journal).await?;
    ctx.store()
        .wake_waiters(&ctx.portal(), &owners, ctx.now())
        .await?;
    record.settled = works
        .into_iter()
        .map(|work| Settled { work, next: None })
        .collect();
    ctx.record(record).await
}

/// The companies and contacts behind requisites and bank details; other subjects have none.
pub(crate) async fn owners_of(
    ctx: &LeaseContext,
    connected: &Connected,
    subjects: &[Subject],
    lines: &mut Vec<JournalEntry>,
) -> Result<Vec<Subject>, Halted> {
    let asked: Vec<PortalRecord> = subjects.iter().filter_map(portal_record).collect();
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let portal = ctx.portal();
    let call = ctx.call(&portal);
    let owners = ctx
        .reading(|| connected.portal.sweep.owners(&call, &asked))
        .await;
    lines.extend(journal::exchanges(&call, subjects));
    match owners {
        Ok(owners) => Ok(owners
            .iter()
            .filter_map(|found| found.owner.as_ref())
            .map(subject_of)
            .collect()),
        Err(error) => Err(journal::halt(ctx, std::mem::take(lines), &error).await),
    }
}

fn portal_record(subject: &Subject) -> Option<PortalRecord> {
    let id = subject.id.parse().ok()?;
    match subject.kind {
        SubjectKind::Requisite => Some(PortalRecord::Requisite(RequisiteId(id))),
        SubjectKind::BankDetail => Some(PortalRecord::BankDetail(BankDetailId(id))),
        SubjectKind::Portal
        | SubjectKind::Deal
        | SubjectKind::Company
        | SubjectKind::Contact
        | SubjectKind::Invoice
        | SubjectKind::Payment => None,
    }
}
