//! The vendor's queue of changes: reserved, committed here, and only then cleared there.

use engine::{Halted, LeaseContext};
use store::{Lane, NewEvent, Record, Settled, Work};

use crate::deal::subject_of;
use crate::{Connected, Reconciler, access, journal, portal_task};

pub(crate) async fn look(
    reconciler: &Reconciler,
    ctx: &LeaseContext,
    connected: &Connected,
    work: Work,
) -> Result<(), Halted> {
    let Some(queue) = &connected.portal.offline else {
        return ctx
            .record(Record {
                settled: vec![Settled { work, next: None }],
                ..Record::default()
            })
            .await;
    };
    let portal = ctx.portal();
    loop {
        let call = ctx.call(&portal);
        let packet = match queue.reserve(&call).await {
            Ok(packet) => packet,
            Err(error) => {
                let lines = journal::exchanges(&call, &[]);
                return Err(journal::halt_task(ctx, lines, &error, portal_task::OFFLINE).await);
            }
        };
        if packet.messages.is_empty() {
            break;
        }
        let now = ctx.now();
        let events: Vec<NewEvent> = packet
            .records
            .iter()
            .map(|record| NewEvent {
                portal: portal.clone(),
                source: "offline".to_owned(),
                name: "change".to_owned(),
                record: Some(subject_of(record)),
                received_at: now,
                lane: Lane::Due,
                detail: serde_json::json!({"process_id": packet.process_id}),
            })
            .collect();
        ctx.store()
            .accept(&events, now)
            .await
            .map_err(Halted::from)?;
        let cleared = queue.clear(&call, &packet).await;
        let lines = journal::exchanges(&call, &[]);
        if let Err(error) = cleared {
            // The packet stays reserved over there; its changes are kept here already.
            return Err(journal::halt_task(ctx, lines, &error, portal_task::OFFLINE).await);
        }
        ctx.record(Record {
            journal: lines,
            ..Record::default()
        })
        .await?;
    }
    access::regained(ctx, portal_task::OFFLINE).await?;
    let again = ctx
        .now()
        .checked_add(reconciler.settings.offline_every)
        .unwrap_or(jiff::Timestamp::MAX);
    ctx.record(Record {
        settled: vec![journal::settled_until(
            work,
            again,
            Lane::Due,
            "offline queue",
        )],
        ..Record::default()
    })
    .await
}
