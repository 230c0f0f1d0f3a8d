//! Questions that arise while acting: what a remote refused, and what cannot be looked up.
//!
//! The planner tells of its own questions; of these the administrator is told at the end of a look.

use std::collections::BTreeMap;

use domain::DealId;
use planner::{Action, CaseCode, OpenCase, Plan, Whom};
use serde_json::json;
use store::{CaseChange, CaseFacts, Effect, Record, Subject};

use super::Looked;

/// A remote understood an action and refused it.
pub(crate) const ACTION_REFUSED: &str = "ACTION-REFUSED";
/// Nothing tells whether an action took effect.
pub(crate) const OUTCOME_UNKNOWN: &str = "OUTCOME-UNKNOWN";
/// An action was tried as often as is allowed.
pub(crate) const TRIED_TOO_OFTEN: &str = "TRIED-TOO-OFTEN";

pub(crate) fn refused(deal: DealId, effect: &Effect, error: &str, record: &mut Record) {
    let text = format!(
        "Не удалось: {}. Ответ: {error}. Исправьте причину — попытка повторится при следующем изменении сделки.",
        in_words(&effect.action)
    );
    open(deal, ACTION_REFUSED, error, effect, text, record);
}

pub(crate) fn cannot_tell(deal: DealId, effect: &Effect, record: &mut Record) {
    let text = format!(
        "Неизвестно, удалось ли: {}. Проверьте сами: второй раз мы этого не делаем.",
        in_words(&effect.action)
    );
    open(
        deal,
        OUTCOME_UNKNOWN,
        error_of(effect),
        effect,
        text,
        record,
    );
}

pub(crate) fn exhausted(deal: DealId, effect: &Effect, record: &mut Record) {
    let text = format!(
        "Не удаётся: {}, попыток {}. Последняя ошибка: {}.",
        in_words(&effect.action),
        effect.attempt,
        effect.error.as_deref().unwrap_or("не названа")
    );
    open(
        deal,
        TRIED_TOO_OFTEN,
        error_of(effect),
        effect,
        text,
        record,
    );
}

/// The action's questions answer themselves once it succeeds.
pub(crate) fn withdraw(deal: &mut Looked, action: &str, record: &mut Record) {
    for code in [ACTION_REFUSED, OUTCOME_UNKNOWN, TRIED_TOO_OFTEN] {
        let key = format!("{code}/{action}");
        if deal.snapshot.open_cases.remove(&key).is_some() {
            record.cases.push(CaseChange::Withdraw {
                subject: Subject::deal(deal.id),
                key,
            });
        }
    }
}

/// What a record asks is open from now on.
pub(crate) fn note_asked(deals: &mut BTreeMap<DealId, Looked>, record: &Record) {
    for change in &record.cases {
        let CaseChange::Open(facts) = change else {
            continue;
        };
        let deal = facts.subject.as_deal().and_then(|id| deals.get_mut(&id));
        let Some(deal) = deal else {
            continue;
        };
        let open = deal.snapshot.open_cases.get(&facts.key);
        if open.is_none_or(|open| open.text != facts.text) {
            let text = facts.text.clone();
            let asked = OpenCase { text, told: false };
            deal.snapshot.open_cases.insert(facts.key.clone(), asked);
        }
    }
}

/// The messages about questions that nobody was told of and that are not the planner's.
pub(crate) fn bells(deals: &BTreeMap<DealId, Looked>) -> BTreeMap<DealId, Plan> {
    deals
        .iter()
        .map(|(id, deal)| (*id, untold(deal)))
        .filter(|(_, plan)| !plan.actions.is_empty())
        .collect()
}

/// Those of one deal.
pub(crate) fn untold(deal: &Looked) -> Plan {
    let open = deal.snapshot.open_cases.iter();
    let actions = open
        .filter(|(key, open)| !open.told && !is_planners(key))
        // A message that is refused cannot be told of by another message.
        .filter(|(key, _)| !key.ends_with("/notify"))
        .map(|(key, open)| Action::Notify {
            whom: Whom::Administrator,
            about: key.clone(),
            text: open.text.clone(),
        })
        .collect();
    Plan {
        actions,
        ..Plan::default()
    }
}

fn is_planners(key: &str) -> bool {
    CaseCode::ALL.iter().any(|code| code.as_str() == key)
}

fn error_of(effect: &Effect) -> &str {
    effect.error.as_deref().unwrap_or(&effect.action)
}

fn open(deal: DealId, code: &str, error: &str, effect: &Effect, text: String, record: &mut Record) {
    record.cases.push(CaseChange::Open(CaseFacts {
        code: code.to_owned(),
        cause: format!("{code}: {error}"),
        key: format!("{code}/{}", effect.action),
        subject: Subject::deal(deal),
        facts: json!({"effect": effect.key, "attempt": effect.attempt}),
        text,
        waits_for: vec![Subject::deal(deal)],
    }));
}

fn in_words(action: &str) -> &str {
    match action {
        "create_counterparty" => "создать контрагента в учёте",
        "issue_invoice" => "выставить счёт в учёте",
        "write_fields" => "записать поля сделки",
        "add_timeline_entry" => "добавить запись в ленту сделки",
        "attach_pdf" => "приложить файл счёта",
        "notify" => "послать уведомление",
        other => other,
    }
}
