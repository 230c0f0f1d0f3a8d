//! Requisites and bank details: their events name only themselves, so their owner is asked for, and
//! whoever waits for that company or contact is looked at again.

use domain::observed::Record as PortalRecord;
use domain::{BankDetailId, RequisiteId};
use engine::{Halted, LeaseContext};
use store::{Record, Settled, Subject, SubjectKind, Work};

use crate::deal::subject_of;
use crate::{Connected, journal};

pub(crate) async fn look(
    ctx: &LeaseContext,
    connected: &Connected,
    work: Work,
) -> Result<(), Halted> {
    let portal = ctx.portal();
    let mut record = Record::default();
    if let Some(asked) = portal_record(&work.subject) {
        let call = ctx.call(&portal);
        let asked = [asked];
        let owners = ctx
            .reading(|| connected.portal.sweep.owners(&call, &asked))
            .await;
        record.journal = journal::exchanges(&call, std::slice::from_ref(&work.subject));
        match owners {
            Ok(owners) => {
                let owners: Vec<Subject> = owners
                    .iter()
                    .filter_map(|found| found.owner.as_ref())
                    .map(subject_of)
                    .collect();
                ctx.store()
                    .wake_waiters(&portal, &owners, ctx.now())
                    .await
                    .map_err(Halted::from)?;
            }
            Err(error) => return Err(journal::halt(ctx, record.journal, &error).await),
        }
    }
    record.settled.push(Settled { work, next: None });
    ctx.record(record).await
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
        | SubjectKind::Invoice => None,
    }
}
