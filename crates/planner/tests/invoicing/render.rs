//! A plan in words, one thing a line: what a test compares.

use domain::observed::{FieldValue, Record};
use domain::{CounterpartyKey, InvoiceDraft, Who};
use planner::{Action, Case, Need, Plan, Whom};

pub(crate) fn render(plan: &Plan) -> String {
    let mut lines: Vec<String> = plan.needs.iter().map(need).collect();
    for case in &plan.cases {
        lines.extend(asked(case));
    }
    lines.extend(plan.actions.iter().map(|one| action(one, plan)));
    lines.extend(
        plan.given_up
            .iter()
            .map(|it| format!("give up {} (by order: {})", it.slot, it.by_order)),
    );
    lines.extend(
        plan.replies
            .iter()
            .map(|it| format!("answer {} to {}", it.choice, it.key)),
    );
    lines.extend(plan.obeyed.map(|number| format!("use up order {number}")));
    lines.extend(plan.withdrawn.iter().map(|key| format!("withdraw {key}")));
    if let Some((at, why)) = &plan.look_again {
        lines.push(format!("look again at {at}: {why}"));
    }
    for because in &plan.because {
        let said = plan.cases.iter().any(|case| case.text == *because)
            || matches!(&plan.look_again, Some((_, why)) if why == because);
        if !said {
            lines.push(format!("because: {because}"));
        }
    }
    // Where figures may not be broken is tested with `domain::display`.
    lines.join("\n").replace('\u{a0}', " ")
}

fn need(need: &Need) -> String {
    match need {
        Need::Glance => "need the glance".to_owned(),
        Need::Whole => "need the whole look".to_owned(),
        Need::Entered => "need to know whether it entered an invoice stage".to_owned(),
        Need::SmartInvoices => "need to know the deal's smart invoices".to_owned(),
        Need::Origin(number) => format!("need to know whose invoice {number} is"),
        Need::Number(organisation, number, day) => {
            format!("need to know whether an invoice of {organisation} on {day} can bear {number}")
        }
        Need::Counterparties(organisation, buyer) => match &buyer.key.who {
            Who::Inn(inn) => format!(
                "need the counterparties of {organisation} with INN {}",
                inn.as_str()
            ),
            ours => format!("need {ours} among the counterparties of {organisation}"),
        },
    }
}

fn asked(case: &Case) -> Vec<String> {
    let mut lines = vec![format!("case {}", case.key)];
    lines.extend(case.text.lines().map(|line| format!("  | {line}")));
    lines.extend(case.faults.iter().map(|fault| {
        let record = fault.record.map_or("-".to_owned(), |one| record(&one));
        format!("  - {} ({record}, {})", fault.what, fault.place)
    }));
    let waits: Vec<String> = case.waits_for.iter().map(record).collect();
    lines.push(format!("  waits for {}", waits.join(", ")));
    lines
}

fn record(record: &Record) -> String {
    match record {
        Record::Deal(id) => format!("deal {id}"),
        Record::Company(id) => format!("company {id}"),
        Record::Contact(id) => format!("contact {id}"),
        Record::Requisite(id) => format!("requisite {id}"),
        Record::BankDetail(id) => format!("bank detail {id}"),
    }
}

fn action(action: &Action, plan: &Plan) -> String {
    match action {
        Action::CreateCounterparty {
            organisation,
            counterparty,
        } => format!(
            "create counterparty {} {} for {organisation}",
            key(&counterparty.key),
            counterparty.name
        ),
        Action::IssueInvoice {
            slot,
            contractor,
            draft,
            seller,
            ordered: _,
            called: _,
        } => format!(
            "issue {slot} to {contractor}\n{}\n  payable to {} {}",
            draft_lines(draft),
            seller.party.name,
            seller.bank.account
        ),
        Action::WriteFields { fields } => {
            let fields: Vec<String> = fields
                .iter()
                .map(|(field, to)| format!("{field:?} = {}", value(to)))
                .collect();
            format!("write {}", fields.join(", "))
        }
        Action::MoveStage { to, about, .. } => format!("move to {to} for transaction {about}"),
        Action::AddTimelineEntry { about, text, .. } => format!("timeline {about}: {text}"),
        Action::AttachPdf {
            slot,
            entry,
            text,
            replaced_by,
        } => {
            let by = replaced_by.map_or(String::new(), |by| format!(", replaced by {by},"));
            format!("attach the PDF of {slot}{by} to entry {entry}: {text}")
        }
        Action::Notify {
            whom, about, text, ..
        } => {
            let whom = match whom {
                Whom::User(user) => format!("user {user}"),
                Whom::HeadOf(user) => format!("the head of user {user}"),
                Whom::Administrator => "the administrator".to_owned(),
            };
            let known = plan.cases.iter().any(|case| case.text == *text)
                || plan.because.iter().any(|because| because == text);
            let text = if known {
                String::new()
            } else {
                format!(": {text}")
            };
            format!("tell {whom} of {about}{text}")
        }
    }
}

fn draft_lines(draft: &InvoiceDraft) -> String {
    let mut lines = vec![format!(
        "  {} sells to {} {}, {}, due {}, VAT {}",
        draft.seller,
        key(&draft.buyer.key),
        draft.buyer.name,
        draft.date,
        draft.due.map_or("-".to_owned(), |due| due.to_string()),
        draft.mode
    )];
    for line in &draft.lines {
        lines.push(format!(
            "  {}: {} {} at {}, VAT {}",
            line.name, line.quantity, line.unit.name, line.price, line.vat
        ));
    }
    let total = draft.totals().unwrap();
    lines.push(format!("  {} with VAT {}", total.gross, total.vat));
    lines.join("\n")
}

/// Whole, unlike its `Debug`: these are test companies.
fn key(key: &CounterpartyKey) -> String {
    key.to_string()
}

fn value(value: &FieldValue) -> String {
    match value {
        FieldValue::Text(text) => text.clone(),
        FieldValue::Date(date) => date.to_string(),
        FieldValue::Money(money) => money.to_string(),
        FieldValue::Empty => "(empty)".to_owned(),
    }
}
