//! `provodka cases`: what waits for a person, and a person's answers: a choice, look again, try again.
//!
//! Not here: how a case is told to people (`reconciler`), what an order changes in our records (`store`).

use std::io::Write;

use desk::cases::{NotRetried, deals, is_watched};
use desk::payments::{Answered, NotAnswered, choices};
use desk::settlements::closing;
use jiff::tz::TimeZone;
use planner::Choice;
use serde_json::json;
use store::{Case, CaseFilter, CaseState, Lane, Look};

use crate::args::{CasesArgs, CasesCommand};
use crate::fault::Told;
use crate::product::Product;
use crate::words::indented;
use crate::zone;

/// The open cases; after an answer only those that were answered.
///
/// # Errors
/// When there is no such case, when it cannot be answered so, or when the store fails. What was ordered before a
/// case that fails stands.
pub async fn run(product: &Product, args: &CasesArgs) -> anyhow::Result<Vec<Case>> {
    match &args.command {
        Some(CasesCommand::Look { number }) => Ok(vec![look(product, *number).await?]),
        Some(CasesCommand::Answer { number, choice, by }) => {
            Ok(vec![answer(product, *number, choice, by).await?])
        }
        Some(CasesCommand::Retry { numbers, by }) => {
            let mut answered = Vec::new();
            for number in numbers {
                answered.push(retry(product, *number, by).await?);
            }
            Ok(answered)
        }
        None => {
            let filter = CaseFilter {
                code: args.code.as_deref().map(str::to_uppercase),
                ..CaseFilter::default()
            };
            Ok(product.store.cases_open(product.portal(), &filter).await?)
        }
    }
}

async fn look(product: &Product, number: i64) -> anyhow::Result<Case> {
    let case = case(product, number).await?;
    let look = Look {
        subject: case.facts.subject.clone(),
        lane: Lane::Click,
        due_at: product.clock.now(),
        reason: "person asked to look again".to_owned(),
    };
    product.store.look(product.portal(), &[look]).await?;
    product
        .note_person(json!({"look_again": case.facts.subject, "case": number}))
        .await?;
    eprintln!(
        "{} is looked at again as soon as `provodka serve` runs",
        case.facts.subject
    );
    Ok(case)
}

async fn answer(product: &Product, number: i64, choice: &str, by: &str) -> anyhow::Result<Case> {
    let desk = product.desk();
    let answered = desk.answer(number, None, choice, by).await;
    let Answered { case, whole } = answered.map_err(|error| match error {
        NotAnswered::NoCase(number) => no_case(number),
        NotAnswered::NoChoice { case, choices } => no_choice(&case, &choices, choice),
        NotAnswered::Closed(number) => is_closed(number),
        NotAnswered::Changed(number) => asked_anew(number),
        NotAnswered::NothingOpen(number) => nothing_open(number),
        NotAnswered::Store(error) => error.into(),
    })?;
    let subject = &case.facts.subject;
    match subject.as_payment() {
        Some(payment) => {
            let still = desk.store.money_undecided(&desk.portal, &[payment]).await?;
            let mut last = still.iter().filter_map(|one| one.cases.last());
            if let Some(anew) = last.find(|case| case.state == CaseState::Open) {
                return Err(not_open(anew));
            }
            eprintln!("{subject}: its deals are told as soon as `provodka serve` runs");
        }
        None if closing(&case, choice).is_some() => {
            eprintln!(
                "{subject}: the bill is closed, and the deal shows it as soon as `provodka serve` runs"
            );
        }
        None => eprintln!("{subject}: carried out as soon as `provodka serve` runs"),
    }
    if let Some(whole) = whole {
        eprintln!("payment/{whole}: taken off its invoices, since {subject} is a part of it");
    }
    Ok(case)
}

fn no_choice(case: &Case, choices: &[Choice], choice: &str) -> anyhow::Error {
    let told = format!(
        "case {} ({}) has no choice `{choice}`",
        case.id, case.facts.code
    );
    let words: Vec<&str> = choices.iter().map(|known| known.word.as_str()).collect();
    let hint = if words.is_empty() {
        "it is answered by mending what it names, not by a choice".to_owned()
    } else {
        format!("its choices are: {}", words.join(", "))
    };
    Told::mistake(told).hint(hint).into()
}

/// What was chosen does not fit what is open by now: the question that says so took its place.
fn not_open(anew: &Case) -> anyhow::Error {
    let number = anew.id;
    Told::mistake(format!(
        "so much is not open any more: case {number} asks anew"
    ))
    .hint(anew.facts.text.clone())
    .into()
}

fn asked_anew(number: i64) -> anyhow::Error {
    Told::mistake(format!("case {number} was asked anew meanwhile"))
        .hint("look at it again: `provodka cases`")
        .into()
}

fn nothing_open(number: i64) -> anyhow::Error {
    let told = format!("nothing is open any more of the invoice that case {number} is about");
    Told::mistake(told)
        .hint(
            "nothing was recorded; the question goes as soon as `provodka serve` looks at its deal",
        )
        .into()
}

fn no_case(number: i64) -> anyhow::Error {
    let told = Told::mistake(format!("there is no case {number}"));
    told.hint("`provodka cases` lists them").into()
}

fn is_closed(number: i64) -> anyhow::Error {
    let told = Told::mistake(format!("case {number} is closed already"));
    told.hint("`provodka cases` lists the open ones").into()
}

async fn retry(product: &Product, number: i64, by: &str) -> anyhow::Result<Case> {
    let retried = product.desk().retry(number, None, by).await;
    let answered = retried.map_err(|error| match error {
        NotRetried::NoCase(number) => no_case(number),
        NotRetried::NothingToTry(case) => nothing_to_try(&case),
        NotRetried::MayHaveHappened(number) => may_have_happened(number),
        NotRetried::Changed(number) => asked_anew(number),
        NotRetried::Closed(number) => is_closed(number),
        NotRetried::Store(error) => error.into(),
    })?;
    let subject = &answered.facts.subject;
    eprintln!("{subject}: tried again as soon as `provodka serve` runs");
    Ok(answered)
}

fn nothing_to_try(case: &Case) -> anyhow::Error {
    let (number, code) = (case.id, &case.facts.code);
    let told = format!("case {number} ({code}) is about no action that was refused or given up");
    let hint = format!(
        "mend what it names; `provodka cases look {number}` looks again, `provodka explain {code}` tells more"
    );
    Told::mistake(told).hint(hint).into()
}

fn may_have_happened(number: i64) -> anyhow::Error {
    let told =
        format!("what case {number} is about may have happened: it is not sent a second time");
    let hint = "see whether it is there; `provodka explain OUTCOME-UNKNOWN` tells how";
    Told::mistake(told).hint(hint).into()
}

async fn case(product: &Product, number: i64) -> anyhow::Result<Case> {
    let case = product.store.case_get(product.portal(), number).await?;
    case.ok_or_else(|| no_case(number))
}

/// Prints the cases by cause, or as a JSON array.
///
/// # Errors
/// When the output is closed.
pub fn print(
    cases: &[Case],
    zone: &TimeZone,
    as_json: bool,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    if as_json {
        writeln!(out, "{}", serde_json::to_string(cases)?)?;
        return Ok(());
    }
    if cases.is_empty() {
        writeln!(out, "Открытых вопросов нет.")?;
    } else {
        writeln!(out, "{}", zone::named(zone))?;
    }
    for case in cases {
        let facts = &case.facts;
        writeln!(
            out,
            "№ {} · {} · {} · с {}",
            case.id,
            facts.code,
            facts.subject,
            case.opened_at
                .to_zoned(zone.clone())
                .strftime("%d.%m.%Y %H:%M")
        )?;
        writeln!(out, "    {}", indented(&facts.text, 4))?;
        if is_watched(case) {
            writeln!(
                out,
                "    Воронка под наблюдением: никому не сообщено. Сообщим, если вопрос останется, когда она станет active."
            )?;
        }
        let deals = deals(case);
        if !deals.is_empty() {
            let ids: Vec<String> = deals.iter().map(ToString::to_string).collect();
            writeln!(out, "    Сделки ({}): {}", ids.len(), ids.join(", "))?;
        }
        for choice in choices(case)
            .iter()
            .filter(|_| case.state == CaseState::Open)
        {
            writeln!(
                out,
                "    ответить: provodka cases answer {} {}",
                case.id, choice.word
            )?;
        }
    }
    Ok(())
}
