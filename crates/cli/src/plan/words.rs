//! The plan of one deal, in words and as JSON.

use domain::display;
use jiff::tz::TimeZone;
use planner::{Action, Plan, Whom};
use reconciler::PlannedDeal;
use serde_json::{Value, json};

use crate::words::indented;

pub(super) fn json_of(planned: &PlannedDeal) -> Value {
    let Plan {
        needs: _,
        actions,
        cases,
        withdrawn,
        given_up,
        replies,
        // Our own bookkeeping: what the order causes stands in the rest.
        obeyed: _,
        look_again,
        next_day,
        // The accountant is asked about an account once, not with each deal.
        unknown: _,
        because,
    } = &planned.plan;
    let mut told = json!({
        "deal": planned.id,
        "actions": actions,
        "cases": cases,
        "withdrawn": withdrawn,
        "given_up": given_up.map(|given_up| given_up.slot.to_string()),
        "answers": replies.iter().map(|reply| json!({"case": reply.key, "choice": reply.choice})).collect::<Vec<_>>(),
        "look_again": look_again.as_ref().map(|(at, why)| json!({"at": at, "reason": why})),
        "because": because,
    });
    if let (Some(day), Value::Object(told)) = (next_day, &mut told) {
        told.insert("next_day".to_owned(), json!(day.at));
    }
    told
}

pub(super) fn in_words(planned: &PlannedDeal, zone: &TimeZone) -> String {
    let plan = &planned.plan;
    let mut text = format!("Сделка {}\n", planned.id);
    if let Some(given_up) = &plan.given_up {
        text.push_str(&format!("  Счёт {} будет заменён другим.\n", given_up.slot));
    } else if plan.actions.is_empty() {
        text.push_str("  Делать нечего.\n");
    } else {
        text.push_str("  Будет сделано:\n");
        for action in &plan.actions {
            let told = indented(&action_in_words(action), 6);
            text.push_str(&format!("    • {told}\n"));
        }
    }
    for reason in &plan.because {
        text.push_str(&format!("  Почему: {}\n", indented(reason, 10)));
    }
    for case in &plan.cases {
        text.push_str(&format!(
            "  Вопрос [{}]: {}
",
            case.code.as_str(),
            indented(&case.text, 4)
        ));
    }
    if let Some(day) = &plan.next_day {
        let day = display::date(day.at.to_zoned(zone.clone()).date());
        text.push_str(&format!("  Оплату снова смотрим: {day}\n"));
    }
    if let Some((at, why)) = &plan.look_again {
        let at = at.to_zoned(zone.clone());
        let at = at.strftime("%d.%m.%Y %H:%M:%S");
        text.push_str(&format!("  Посмотреть снова: {at} ({why})\n"));
    }
    text
}

fn action_in_words(action: &Action) -> String {
    match action {
        Action::CreateCounterparty { counterparty, .. } => {
            format!(
                "создать контрагента в бухгалтерии: {} ({})",
                counterparty.name,
                display::known_by(&counterparty.key)
            )
        }
        Action::IssueInvoice { draft, .. } => {
            let sum = draft
                .totals()
                .map_or_else(|_| "—".to_owned(), |totals| display::money(totals.gross));
            format!("выставить счёт: {}, {sum}", draft.buyer.name)
        }
        Action::WriteFields { fields } => {
            let names: Vec<&str> = fields
                .iter()
                .map(|(field, _)| field_in_words(*field))
                .collect();
            format!("записать в сделку: {}", names.join(", "))
        }
        Action::AddTimelineEntry { text, .. } => format!("добавить в ленту сделки: {text}"),
        Action::AttachPdf { .. } => "приложить файл счёта".to_owned(),
        Action::MoveStage {
            to, trigger: true, ..
        } => format!("выполнить триггер оплаты, который ведёт в стадию {to}"),
        Action::MoveStage { to, .. } => format!("перевести сделку в стадию {to}"),
        Action::Notify { whom, text, .. } => {
            let whom = match whom {
                Whom::User(id) => format!("пользователю {id}"),
                Whom::HeadOf(id) => format!("руководителю пользователя {id}"),
                Whom::Administrator => "администратору".to_owned(),
            };
            format!("написать {whom}: {text}")
        }
    }
}

fn field_in_words(field: domain::observed::OurField) -> &'static str {
    use domain::observed::OurField;

    match field {
        OurField::Number => "номер счёта",
        OurField::Date => "дата",
        OurField::Status => "состояние",
        OurField::Link => "ссылка",
        OurField::Sum => "сумма",
        OurField::Paid => "оплачено",
        OurField::PaidOn => "дата оплаты",
        OurField::Promise => "обещали оплатить до",
        OurField::Command => "что сделать",
    }
}
