//! Questions that arise while acting: what a remote refused, and what cannot be looked up.

use domain::DealId;
use serde_json::json;
use store::{CaseChange, CaseFacts, Effect, Record, Subject};

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
    open(deal, ACTION_REFUSED, effect, text, record);
}

pub(crate) fn cannot_tell(deal: DealId, effect: &Effect, record: &mut Record) {
    let text = format!(
        "Неизвестно, удалось ли: {}. Проверьте сами: второй раз мы этого не делаем.",
        in_words(&effect.action)
    );
    open(deal, OUTCOME_UNKNOWN, effect, text, record);
}

pub(crate) fn exhausted(deal: DealId, effect: &Effect, record: &mut Record) {
    let text = format!(
        "Не удаётся: {}, попыток {}. Последняя ошибка: {}.",
        in_words(&effect.action),
        effect.attempt,
        effect.error.as_deref().unwrap_or("не названа")
    );
    open(deal, TRIED_TOO_OFTEN, effect, text, record);
}

/// The action's questions answer themselves once it succeeds.
pub(crate) fn withdraw(deal: DealId, action: &str, record: &mut Record) {
    for code in [ACTION_REFUSED, OUTCOME_UNKNOWN, TRIED_TOO_OFTEN] {
        record.cases.push(CaseChange::Withdraw {
            subject: Subject::deal(deal),
            key: format!("{code}/{action}"),
        });
    }
}

fn open(deal: DealId, code: &str, effect: &Effect, text: String, record: &mut Record) {
    record.cases.push(CaseChange::Open(CaseFacts {
        code: code.to_owned(),
        cause: format!(
            "{code}: {}",
            effect.error.as_deref().unwrap_or(&effect.action)
        ),
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
