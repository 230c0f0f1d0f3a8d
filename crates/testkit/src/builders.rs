//! Values that tests need again and again, with every field set to something usual.

use std::time::Duration;

use domain::PortalId;
use jiff::Timestamp;
use serde_json::json;
use store::{Effect, EffectState, Lane, Look, NewEffect, NewEvent, Subject, SubjectKind};

/// The portal of tests that need only one.
pub fn portal() -> PortalId {
    portal_named("portal-a")
}

/// A portal by its member id.
pub fn portal_named(member_id: &str) -> PortalId {
    PortalId::new(member_id)
}

/// A deal as a subject.
pub fn deal(id: u64) -> Subject {
    Subject {
        kind: SubjectKind::Deal,
        id: id.to_string(),
    }
}

/// A look at `subject` in the ordinary lane.
pub fn look(subject: Subject, due_at: Timestamp) -> Look {
    look_in(Lane::Due, subject, due_at)
}

/// A look at `subject` in `lane`.
pub fn look_in(lane: Lane, subject: Subject, due_at: Timestamp) -> Look {
    Look {
        subject,
        lane,
        due_at,
        reason: "test".to_owned(),
    }
}

/// An online event about `subject`.
pub fn event(subject: Subject, received_at: Timestamp) -> NewEvent {
    NewEvent {
        portal: portal(),
        source: "online".to_owned(),
        name: "ONCRMDEALUPDATE".to_owned(),
        record: Some(subject),
        lane: Lane::Click,
        received_at,
        detail: json!({}),
    }
}

/// The creation of a deal's first invoice: quiet for 90 s, to be sent within 5 s.
pub fn invoice_effect(deal_id: u64) -> NewEffect {
    NewEffect {
        key: format!("deal/{deal_id}/invoice/whole/1"),
        once: true,
        subject: deal(deal_id),
        action: "issue_invoice".to_owned(),
        request: json!({ "deal": deal_id }),
        request_hash: "revision-1".to_owned(),
        repeatable: false,
        quiet: Duration::from_secs(90),
        deadline: Duration::from_secs(5),
        not_before: None,
        missed_at: None,
    }
}

/// An effect of that creation as it stands after `attempt` tries, the last one at `sent_at`.
pub fn sent_effect(state: EffectState, attempt: u32, sent_at: Timestamp) -> Effect {
    let new = invoice_effect(4711);
    Effect {
        id: 1,
        key: new.key,
        once: new.once,
        subject: new.subject,
        action: new.action,
        request: new.request,
        request_hash: new.request_hash,
        state,
        attempt,
        not_before: None,
        sent_at: Some(sent_at),
        quiet_until: Some(engine::clock::later(sent_at, new.quiet)),
        not_after: Some(engine::clock::later(sent_at, new.deadline)),
        absent_looks: 0,
        first_absent_at: None,
        outcome: None,
        error: None,
        fence: 1,
        repeats: false,
        created_at: sent_at,
        updated_at: sent_at,
    }
}
