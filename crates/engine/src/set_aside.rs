//! A subject at which every look dies is set aside, so that the others go on, and people are told.

use jiff::Timestamp;
use serde_json::{Value, json};
use store::{CaseChange, CaseFacts, JournalEntry, Record, Subject, SubjectKind, Work};

/// The case's code; `docs/errors/SUBJECT-SET-ASIDE.md` is its page.
pub const SUBJECT_SET_ASIDE: &str = "SUBJECT-SET-ASIDE";

/// The case's key within its subject.
pub const CASE_KEY: &str = "set-aside";

/// Opens the case of `work`.
pub(crate) fn record(work: &Work, now: Timestamp) -> Record {
    let facts = json!({ "deaths": work.deaths, "reasons": work.reasons });
    let case = CaseFacts {
        code: SUBJECT_SET_ASIDE.to_owned(),
        cause: SUBJECT_SET_ASIDE.to_owned(),
        key: CASE_KEY.to_owned(),
        subject: work.subject.clone(),
        facts: facts.clone(),
        text: text(&work.subject),
        waits_for: Vec::new(),
    };
    let line = JournalEntry {
        at: now,
        subject: Some(work.subject.clone()),
        kind: "upkeep".to_owned(),
        body: json!({ "set_aside": facts }),
    };
    Record {
        cases: vec![CaseChange::Open(case)],
        journal: vec![line],
        ..Record::default()
    }
}

/// Whether these are the facts of a subject that was set aside after so many deaths: it has not died since.
pub(crate) fn covers(facts: &CaseFacts, deaths: u32) -> bool {
    let known = facts.facts.get("deaths").and_then(Value::as_u64);
    facts.key == CASE_KEY && known.is_some_and(|known| known >= u64::from(deaths))
}

/// A look at `subject` went well again.
pub(crate) fn withdrawn(subject: Subject) -> CaseChange {
    CaseChange::Withdraw {
        subject,
        key: CASE_KEY.to_owned(),
    }
}

fn text(subject: &Subject) -> String {
    let id = &subject.id;
    let what = match subject.kind {
        SubjectKind::Portal => format!("Задание портала «{id}»"),
        SubjectKind::Deal => format!("Сделка {id}"),
        SubjectKind::Company => format!("Компания {id}"),
        SubjectKind::Contact => format!("Контакт {id}"),
        SubjectKind::Requisite => format!("Реквизиты {id}"),
        SubjectKind::BankDetail => format!("Банковские реквизиты {id}"),
        SubjectKind::Invoice => format!("Счёт {id}"),
        SubjectKind::Payment => format!("Платёж № {id}"),
    };
    format!(
        "{what}: обработка несколько раз прервалась из-за ошибки в программе и отложена, \
         остальная работа идёт. Сообщите администратору."
    )
}
