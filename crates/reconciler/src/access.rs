//! Access to a remote that is lost: one question for the whole portal, however many deals wait for it.
//!
//! The question belongs to the portal's own task that asks that remote by itself, the sweep or the change
//! feed: as soon as one of them gets an answer, it is withdrawn. Until then no deal knocks at the accounting
//! side. Not here: how the administrator is told (`bells`).

use capability::{ConnectorError, Remote};
use domain::Verdict;
use engine::{Halted, LeaseContext};
use serde_json::json;
use store::{CaseChange, CaseFacts, CaseState, Record, Subject};

use crate::portal_task;

const KEY: &str = "access";

/// The question, if `error` says that access is lost.
pub(crate) fn lost(error: &ConnectorError) -> Option<CaseChange> {
    (error.verdict == Verdict::Reauthorize).then(|| lost_to(error.remote))
}

/// The question about one remote.
pub(crate) fn lost_to(remote: Remote) -> CaseChange {
    match remote {
        Remote::Bitrix24 | Remote::Bitrix24Oauth => open(
            "BITRIX24-ACCESS",
            portal_task::SWEEP,
            "Битрикс24 не пускает: вебхук удалён, приложение снято или токен отозван. \
         Все сделки ждут и пойдут дальше сами, когда доступ вернётся.",
        ),
        Remote::KonturAccounting => open(
            "KONTUR-ACCOUNTING",
            portal_task::FEED,
            "Бухгалтерия не принимает ключ доступа. Новые счета не выставляются; \
         после замены ключа сделки пойдут дальше сами.",
        ),
    }
}

/// Whether the accounting side is known to keep us out.
pub(crate) async fn accounting_is_shut(ctx: &LeaseContext) -> Result<bool, Halted> {
    is_open(ctx, &Subject::portal(portal_task::FEED)).await
}

/// A task of the portal got its answer: the question about its remote has answered itself.
pub(crate) async fn regained(ctx: &LeaseContext, subject: Subject) -> Result<(), Halted> {
    let asks_a_remote = [portal_task::SWEEP, portal_task::FEED].map(Subject::portal);
    if !asks_a_remote.contains(&subject) || !is_open(ctx, &subject).await? {
        return Ok(());
    }
    ctx.record(Record {
        cases: vec![CaseChange::Withdraw {
            subject,
            key: KEY.to_owned(),
        }],
        ..Record::default()
    })
    .await
}

async fn is_open(ctx: &LeaseContext, subject: &Subject) -> Result<bool, Halted> {
    let known = ctx.known(std::slice::from_ref(subject)).await?;
    Ok(known
        .cases
        .iter()
        .any(|case| case.state == CaseState::Open && case.facts.key == KEY))
}

fn open(code: &str, task: &str, text: &str) -> CaseChange {
    CaseChange::Open(CaseFacts {
        code: code.to_owned(),
        cause: code.to_owned(),
        key: KEY.to_owned(),
        subject: Subject::portal(task),
        facts: json!({}),
        text: text.to_owned(),
        waits_for: Vec::new(),
    })
}
