//! `provodka cases`: what waits for a person, and looking again at once.

use std::io::Write;

use serde_json::json;
use store::{Case, CaseFilter, Lane, Look};

use crate::args::{CasesArgs, CasesCommand};
use crate::fault::Told;
use crate::product::Product;
use crate::words::indented;

/// The open cases; after `look N` only that one.
///
/// # Errors
/// When there is no such case, or the store fails.
pub async fn run(product: &Product, args: &CasesArgs) -> anyhow::Result<Vec<Case>> {
    match args.command {
        Some(CasesCommand::Look { number }) => Ok(vec![look(product, number).await?]),
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
    let case = product.store.case_get(product.portal(), number).await?;
    let case = case.ok_or_else(|| {
        Told::mistake(format!("there is no case {number}")).hint("`provodka cases` lists them")
    })?;
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

/// Prints the cases by cause, or as a JSON array.
///
/// # Errors
/// When the output is closed.
pub fn print(cases: &[Case], as_json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    if as_json {
        writeln!(out, "{}", serde_json::to_string(cases)?)?;
        return Ok(());
    }
    if cases.is_empty() {
        writeln!(out, "Открытых вопросов нет.")?;
    }
    for case in cases {
        let facts = &case.facts;
        writeln!(
            out,
            "№ {} · {} · {} · с {}",
            case.id,
            facts.code,
            facts.subject,
            case.opened_at.strftime("%d.%m.%Y %H:%M UTC")
        )?;
        writeln!(out, "    {}", indented(&facts.text, 4))?;
    }
    Ok(())
}
