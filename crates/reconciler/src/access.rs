//! A remote that does not let us in, or answers a task of the portal what nobody understands: one question for the
//! whole portal, however many deals wait for it.
//!
//! The question belongs to the portal's own task that asks that remote by itself, the sweep or the change
//! feed: as soon as one of them gets an answer, it is withdrawn. Until then no deal knocks at the accounting
//! side; where no feed is read, its task knocks. Not here: how the administrator is told (`bells`).

use capability::{ConnectorError, Remote};
use domain::Verdict;
use engine::{Halted, LeaseContext};
use serde_json::json;
use store::{CaseChange, CaseFacts, CaseState, Record, Subject};

use crate::{Connected, journal, portal_task};

const KEY: &str = "access";
const ANSWER: &str = "answer";
const BOOKS_UNUSABLE: &str = "DATABASE-UNUSABLE";

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
        Remote::Office => open(
            BOOKS_UNUSABLE,
            portal_task::FEED,
            "Свои книги не открываются. Новые счета не выставляются; \
         когда база ответит, сделки пойдут дальше сами.",
        ),
    }
}

/// Whether the accounting side is known to keep us out.
pub(crate) async fn accounting_is_shut(ctx: &LeaseContext) -> Result<bool, Halted> {
    is_open(ctx, &Subject::portal(portal_task::FEED), KEY).await
}

/// Knocks at the accounting side while it is known to keep us out: nobody else does where no feed is read. True:
/// it answered.
pub(crate) async fn knock(ctx: &LeaseContext, connected: &Connected) -> Result<bool, Halted> {
    if !accounting_is_shut(ctx).await? {
        return Ok(false);
    }
    let portal = ctx.portal();
    let call = ctx.call(&portal);
    let probe = &connected.accounting.probe;
    let answer = ctx.reading(|| probe.organisations(&call)).await;
    let lines = journal::exchanges(&call, &[]);
    match answer {
        // Whoever is told that this is not his to ask was let in.
        Err(error) if error.verdict != Verdict::Reject => {
            Err(journal::halt(ctx, lines, &error).await)
        }
        Ok(_) | Err(_) => {
            let record = Record {
                journal: lines,
                ..Record::default()
            };
            ctx.record(record).await.map(|()| true)
        }
    }
}

/// The portal's task `task` got an answer of its remote: the questions about it have answered themselves.
pub(crate) async fn regained(ctx: &LeaseContext, task: &str) -> Result<(), Halted> {
    let subject = Subject::portal(task);
    let known = ctx.known(std::slice::from_ref(&subject)).await?;
    let open = known.cases.into_iter().filter(|case| {
        case.state == CaseState::Open && [KEY, ANSWER].contains(&case.facts.key.as_str())
    });
    let cases: Vec<CaseChange> = open
        .map(|case| CaseChange::Withdraw {
            subject: subject.clone(),
            key: case.facts.key,
        })
        .collect();
    if cases.is_empty() {
        return Ok(());
    }
    ctx.record(Record {
        cases,
        ..Record::default()
    })
    .await
}

/// The code of a question about an answer of a remote that cannot be used.
pub(crate) fn code_of(remote: Remote) -> &'static str {
    match remote {
        Remote::Bitrix24 | Remote::Bitrix24Oauth => "BITRIX24-ANSWER",
        Remote::KonturAccounting => "KONTUR-ACCOUNTING",
        Remote::Office => BOOKS_UNUSABLE,
    }
}

/// The question about a task of the portal whose remote answers what cannot be used, however often it is asked.
pub(crate) fn misunderstood(error: &ConnectorError, task: &str) -> Option<CaseChange> {
    if !matches!(error.verdict, Verdict::Reject | Verdict::Defect) {
        return None;
    }
    let code = code_of(error.remote);
    let text = match error.remote {
        Remote::Bitrix24 | Remote::Bitrix24Oauth => {
            "Портал отказывает обходу или отвечает непонятно: изменения, о которых не пришло событие, \
             пока не видны. Запрос повторяется сам."
        }
        Remote::KonturAccounting => {
            "Бухгалтерия отказывает в списке изменений или отвечает непонятно: правки бухгалтера \
             пока не видны в сделках. Запрос повторяется сам."
        }
        Remote::Office => {
            "Свои книги не читаются: отмены счетов пока не видны в сделках. Запрос повторяется сам."
        }
    };
    Some(CaseChange::Open(CaseFacts {
        code: code.to_owned(),
        cause: format!("{code}/{task}"),
        key: ANSWER.to_owned(),
        subject: Subject::portal(task),
        facts: json!({"method": error.method, "code": error.code}),
        text: text.to_owned(),
        waits_for: Vec::new(),
    }))
}

/// Whether this question about a task of the portal is open.
pub(crate) async fn is_open(
    ctx: &LeaseContext,
    subject: &Subject,
    key: &str,
) -> Result<bool, Halted> {
    let known = ctx.known(std::slice::from_ref(subject)).await?;
    Ok(known
        .cases
        .iter()
        .any(|case| case.state == CaseState::Open && case.facts.key == key))
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
