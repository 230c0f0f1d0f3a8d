//! A portal that cannot be connected: its policy or its credentials cannot be used. One question for the whole
//! portal, withdrawn by the first look that is connected again.
//!
//! Nobody can be told by way of a portal that was never connected; `provodka cases` shows the question. After
//! that the administrator is told as the portal was connected last. Not here: why it cannot be (the program that
//! connects).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use domain::PortalId;
use engine::{Halted, LeaseContext};
use serde_json::json;
use store::{CaseChange, CaseFacts, Record, Subject, SubjectKind, Work};

use crate::{Connected, Reconciler, access, bells, portal_task};

const KEY: &str = "connection";

/// How each portal was connected last. In memory only: what a restart forgets is told once it is connected.
#[derive(Default)]
pub(crate) struct Last(Mutex<BTreeMap<PortalId, Arc<Connected>>>);

impl Last {
    pub(crate) fn remember(&self, ctx: &LeaseContext, connected: &Arc<Connected>) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.insert(ctx.portal(), Arc::clone(connected));
    }

    fn of(&self, portal: &PortalId) -> Option<Arc<Connected>> {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.get(portal).cloned()
    }
}

/// Asks, tells if somebody can be told, and ends the pass.
pub(crate) async fn halt(
    reconciler: &Reconciler,
    ctx: &LeaseContext,
    due: &[Work],
    code: &str,
    reason: String,
) -> Halted {
    match ask(reconciler, ctx, due, code, &reason).await {
        Err(halted) => halted,
        Ok(()) => Halted::Remote {
            reason,
            again_at: None,
        },
    }
}

/// The portal is connected: the question has answered itself.
pub(crate) async fn withdraw(ctx: &LeaseContext) -> Result<(), Halted> {
    let subject = Subject::portal(portal_task::CONNECTION);
    if !access::is_open(ctx, &subject, KEY).await? {
        return Ok(());
    }
    let key = KEY.to_owned();
    ctx.record(Record {
        cases: vec![CaseChange::Withdraw { subject, key }],
        ..Record::default()
    })
    .await
}

async fn ask(
    reconciler: &Reconciler,
    ctx: &LeaseContext,
    due: &[Work],
    code: &str,
    reason: &str,
) -> Result<(), Halted> {
    ctx.record(Record {
        cases: vec![question(code, reason)],
        ..Record::default()
    })
    .await?;
    let mut kinds = due.iter().map(|work| work.subject.kind);
    if !kinds.any(|kind| kind == SubjectKind::Portal) {
        return Ok(());
    }
    match reconciler.last.of(&ctx.portal()) {
        Some(last) => bells::ring(reconciler, ctx, &last).await,
        None => Ok(()),
    }
}

fn question(code: &str, reason: &str) -> CaseChange {
    CaseChange::Open(CaseFacts {
        code: code.to_owned(),
        cause: code.to_owned(),
        key: KEY.to_owned(),
        subject: Subject::portal(portal_task::CONNECTION),
        facts: json!({"reason": reason}),
        text: format!(
            "Портал нельзя подключить: {reason}. События принимаются; сделки ждут и пойдут дальше сами, \
             когда причину устранят. Подробно: `provodka explain {code}`."
        ),
        waits_for: Vec::new(),
    })
}
