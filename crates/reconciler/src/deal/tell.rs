//! Questions that arise while acting: what a remote refused, and what cannot be looked up.
//!
//! The planner tells of its own questions; of these the administrator is told at the end of a look, and the responsible
//! manager of a stage that his deal may not enter; of a trigger that may not be fired the administrator again.

use std::collections::BTreeMap;

use capability::ConnectorError;
use domain::{DealId, FunnelId};
use engine::set_aside::SUBJECT_SET_ASIDE;
use planner::{Action, CaseCode, MovedBy, OpenCase, Plan, Policy, Whom};
use serde_json::json;
use store::{CaseChange, CaseFacts, Effect, Record, Subject};

use super::{Looked, known, plans};
use crate::Connected;

/// A remote understood an action and refused it.
pub(crate) const ACTION_REFUSED: &str = "ACTION-REFUSED";
/// Nothing tells whether an action took effect.
pub(crate) const OUTCOME_UNKNOWN: &str = "OUTCOME-UNKNOWN";
/// An action was tried as often as is allowed.
pub(crate) const TRIED_TOO_OFTEN: &str = "TRIED-TOO-OFTEN";

/// The portal does not let a deal into the stage of what is paid.
const MOVE_REFUSED: &str = "ACTION-REFUSED/move_stage";

pub(crate) fn refused(deal: DealId, effect: &Effect, error: &str, record: &mut Record) {
    // What is done once for ever is not tried again as it was; all else is, with each look.
    let fired = matches!(
        known::action_of(effect),
        Some(Action::MoveStage { trigger: true, .. })
    );
    let then = if fired {
        "Сделку переводит триггер «Оплата получена»; скорее всего, он на портале не зарегистрирован. Администратор даёт команду \
         `provodka setup`, привязывает триггер к стадии и даёт команду `provodka cases retry`; сам триггер повторится, когда сделка \
         изменится. Или переведите сделку сами."
    } else if effect.action == MOVE_STAGE {
        "Заполните в сделке то, что назвал портал, или переведите её сами: перевод повторится, как только сделка \
         изменится. Если не хватает права, скажите администратору: он даёт право и команду `provodka cases retry`."
    } else if effect.once {
        "Исправьте причину; потом администратор даёт команду `provodka cases retry`. Без неё повторим, только если \
         правка меняет то, что мы посылаем."
    } else {
        "Исправьте причину. Повторим сами: когда сделка изменится, и раз в час; сразу — по команде \
         `provodka cases retry`."
    };
    let text = format!(
        "Не удалось: {}. Ответ: {error}. {then}",
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
        "Не удаётся: {}, попыток {}. Последняя ошибка: {}. Исправьте причину и дайте команду `provodka cases retry`.",
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

/// The kind of an action that says something in a deal's timeline.
const ADD_TIMELINE_ENTRY: &str = "add_timeline_entry";
/// The kind of an action that issues an invoice.
pub(crate) const ISSUE_INVOICE: &str = "issue_invoice";
/// The kind of an action that moves a deal to another stage.
const MOVE_STAGE: &str = "move_stage";
/// Asking the accounting side for a buyer: no action, and questions about it go by this name.
pub(crate) const FIND_COUNTERPARTY: &str = "find_counterparty";
/// The same of a number that an invoice is to bear.
pub(crate) const FIND_NUMBER: &str = "find_number";
/// Asking it for an invoice.
pub(crate) const READ_INVOICE: &str = "read_invoice";

/// What a remote will not tell, now or later.
pub(crate) fn not_read(deal: DealId, what: &str, error: &ConnectorError, record: &mut Record) {
    let text = format!(
        "Не удалось: {}. Ответ: {error}. Исправьте причину — попытка повторится сама.",
        in_words(what)
    );
    record.cases.push(CaseChange::Open(CaseFacts {
        code: ACTION_REFUSED.to_owned(),
        cause: format!("{ACTION_REFUSED}: {error}"),
        key: format!("{ACTION_REFUSED}/{what}"),
        subject: Subject::deal(deal),
        facts: json!({}),
        text,
        waits_for: vec![Subject::deal(deal)],
    }));
}

/// The deal's stage, sums and our fields.
pub(crate) const GLANCE: &str = "glance";
/// The deal with its lines, buyer and requisites.
pub(crate) const WHOLE: &str = "whole";
/// Its invoices of the portal's own.
pub(crate) const SMART_INVOICES: &str = "smart-invoices";
/// The portal answers a reading of a deal in a way that we do not understand, or refuses it.
const ANSWER: &str = "BITRIX24-ANSWER";

/// The portal cannot tell of one deal.
pub(crate) fn unreadable(deal: DealId, reading: &str, error: &ConnectorError, record: &mut Record) {
    let text = format!(
        "Сделку {deal} не удаётся прочитать. Ответ: {error}. Остальные сделки идут своим чередом; \
         к этой программа возвращается сама, всё реже, но не реже раза в час."
    );
    record.cases.push(CaseChange::Open(CaseFacts {
        code: ANSWER.to_owned(),
        cause: format!("{ANSWER}: {error}"),
        key: format!("{ANSWER}/{reading}"),
        subject: Subject::deal(deal),
        facts: json!({}),
        text,
        waits_for: vec![Subject::deal(deal)],
    }));
}

/// The question about a deal of whose invoices our own records cannot be read.
const SEALED: &str = "SUBJECT-SET-ASIDE/record";

/// Asks about the deals of whose invoices a record cannot be read, and withdraws the question once it can.
pub(crate) fn sealed(deals: &mut BTreeMap<DealId, Looked>) -> Record {
    let mut record = Record::default();
    for (id, deal) in deals.iter_mut() {
        let subject = Subject::deal(*id);
        let is_asked = deal.snapshot.open_cases.contains_key(SEALED);
        match (deal.snapshot.sealed, is_asked) {
            (true, false) => record.cases.push(CaseChange::Open(CaseFacts {
                code: SUBJECT_SET_ASIDE.to_owned(),
                cause: SEALED.to_owned(),
                key: SEALED.to_owned(),
                subject: subject.clone(),
                facts: json!({}),
                text: "Запись о счёте сделки сделана другой версией программы, эта её не читает. Со сделкой ничего не делается, новых \
                       счетов по ней нет: второй был бы хуже. Верните версию, которая её сделала, или более новую."
                    .to_owned(),
                waits_for: vec![subject],
            })),
            (false, true) => {
                deal.snapshot.open_cases.remove(SEALED);
                let key = SEALED.to_owned();
                record.cases.push(CaseChange::Withdraw { subject, key });
            }
            (true, true) | (false, false) => {}
        }
    }
    note_asked(deals, &record);
    record
}

/// These readings of the deal work again.
pub(crate) fn withdraw_unreadable(deal: &mut Looked, readings: &[&str], record: &mut Record) {
    for reading in readings {
        let key = format!("{ANSWER}/{reading}");
        if deal.snapshot.open_cases.remove(&key).is_some() {
            let subject = Subject::deal(deal.id);
            record.cases.push(CaseChange::Withdraw { subject, key });
        }
    }
}

/// Both sides agree: what was refused or given up is wanted no more, and no question either; but an answer to an order is.
pub(crate) fn withdraw_moot(deal: &mut Looked, record: &mut Record) {
    let owes_answer = planner::answers_given_up(&deal.snapshot).next().is_some();
    let moot: Vec<String> = deal
        .snapshot
        .open_cases
        .keys()
        .filter(|key| {
            let code = key.split('/').next().unwrap_or_default();
            let of_action = [ACTION_REFUSED, TRIED_TOO_OFTEN, ANSWER].contains(&code);
            let of_reading = key.ends_with(READ_INVOICE);
            let of_answer = owes_answer && key.ends_with(ADD_TIMELINE_ENTRY);
            of_action && !of_reading && !of_answer
        })
        .cloned()
        .collect();
    for key in moot {
        deal.snapshot.open_cases.remove(&key);
        let subject = Subject::deal(deal.id);
        record.cases.push(CaseChange::Withdraw { subject, key });
    }
}

/// What became of an action is known after all: it did not happen.
pub(crate) fn withdraw_unknown(deal: &mut Looked, action: &str, record: &mut Record) {
    let key = format!("{OUTCOME_UNKNOWN}/{action}");
    if deal.snapshot.open_cases.remove(&key).is_some() {
        let subject = Subject::deal(deal.id);
        record.cases.push(CaseChange::Withdraw { subject, key });
    }
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
            let asked = OpenCase {
                text,
                told: false,
                watched: false,
                about: String::new(),
                whom: None,
                heard_by: None,
                id: None,
            };
            deal.snapshot.open_cases.insert(facts.key.clone(), asked);
        }
    }
}

/// The messages about questions that nobody was told of and that are not the planner's, of deals that we may write about.
pub(crate) fn bells(
    deals: &BTreeMap<DealId, Looked>,
    connected: &Connected,
) -> BTreeMap<DealId, Plan> {
    deals
        .iter()
        .filter(|(_, deal)| plans::may_write(deal, connected) || went_on(deal, connected))
        .map(|(id, deal)| (*id, untold(deal, &connected.policy)))
        .filter(|(_, plan)| !plan.actions.is_empty())
        .collect()
}

/// It went on to a funnel that is none of ours: what became of its invoice is the administrator's matter all the same.
fn went_on(deal: &Looked, connected: &Connected) -> bool {
    let policy = &connected.policy;
    let is_elsewhere = |funnel| policy.funnels.iter().all(|one| one.id != funnel);
    let glance = deal.snapshot.glance();
    policy.is_at_work() && glance.is_some_and(|glance| is_elsewhere(glance.deal.funnel))
}

/// Those of one deal.
pub(crate) fn untold(deal: &Looked, policy: &Policy) -> Plan {
    let open = deal.snapshot.open_cases.iter();
    let refused_bell = format!("{ACTION_REFUSED}/notify");
    let nobody_hears = deal.snapshot.open_cases.contains_key(&refused_bell);
    let actions = open
        // A manager who cannot be told (dismissed, or never there) is stood in for by the administrator.
        .filter(|(key, open)| !open.told && (!is_planners(key) || nobody_hears))
        // A message that is refused cannot be told of by another message.
        .filter(|(key, _)| !key.ends_with("/notify") && !policy.notices.is_off(key))
        .filter(|(key, _)| *key != CaseCode::InvoiceForetold.as_str())
        .map(|(key, open)| Action::Notify {
            whom: whom(deal, key, nobody_hears, policy),
            about: key.clone(),
            text: open.text.clone(),
            also: Vec::new(),
            besides: Vec::new(),
            list: None,
            edits: None,
        })
        .collect();
    Plan {
        actions,
        ..Plan::default()
    }
}

/// A deal that may not enter a stage is mended in the deal, by its manager; all else is the administrator's matter, a trigger too.
fn whom(deal: &Looked, key: &str, nobody_hears: bool, policy: &Policy) -> Whom {
    let glance = deal.snapshot.glance();
    let fires = |funnel: FunnelId| {
        let mut stages = policy.money.iter().flat_map(|money| &money.stages);
        stages.any(|stage| stage.funnel == funnel && stage.by == MovedBy::Trigger)
    };
    let to_manager = glance
        .filter(|_| key == MOVE_REFUSED && !nobody_hears)
        .filter(|glance| !fires(glance.deal.funnel));
    to_manager.map_or(Whom::Administrator, |glance| {
        Whom::User(glance.deal.responsible)
    })
}

/// Looks at a deal that come to no end.
pub(crate) const UNSETTLED: &str = "look";

/// A deal is looked at again and again, and no look comes to its end.
pub(crate) fn never_settled(deal: &Looked, looks: u32, record: &mut Record) {
    let text = format!(
        "Не удаётся: {}. Сделка просмотрена {looks} раз подряд, и каждый раз портал отвечал \
         противоречиво. Попытки продолжаются. Сообщите администратору.",
        in_words(UNSETTLED)
    );
    record.cases.push(CaseChange::Open(CaseFacts {
        code: TRIED_TOO_OFTEN.to_owned(),
        cause: format!("{TRIED_TOO_OFTEN}: {UNSETTLED}"),
        key: format!("{TRIED_TOO_OFTEN}/{UNSETTLED}"),
        subject: Subject::deal(deal.id),
        facts: json!({}),
        text,
        waits_for: vec![Subject::deal(deal.id)],
    }));
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
        ISSUE_INVOICE => "выставить счёт в учёте",
        "write_fields" => "записать поля сделки",
        "add_timeline_entry" => "добавить запись в ленту сделки",
        MOVE_STAGE => "перевести сделку в стадию оплаты",
        "attach_pdf" => "приложить файл счёта",
        "notify" => "послать уведомление",
        FIND_COUNTERPARTY => "найти контрагента в учёте",
        FIND_NUMBER => "узнать в учёте, свободен ли номер счёта",
        READ_INVOICE => "прочитать счёт в учёте",
        UNSETTLED => "закончить обработку сделки",
        other => other,
    }
}
