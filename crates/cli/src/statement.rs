//! `provodka statement import`: bank statements, several files one after the other, with progress and a summary.
//!
//! Not here: how one is read, counted and booked (`desk::statement`).

mod summary;

use std::io::{IsTerminal as _, Write as _};

use desk::policy::NoBooking;
use desk::statement::{self, Mode, StatementError};
use planner::Policy;

use crate::args::{ImportArgs, StatementCommand};
use crate::fault::{Told, Unwell};
use crate::product::Product;

/// Imports the files one after the other; gives what is to be printed, and whether something of them was not read.
///
/// # Errors
/// When a file is no statement, an account is nobody's, or the store fails. Files before it stand.
pub async fn run(product: &Product, command: &StatementCommand) -> anyhow::Result<Report> {
    let StatementCommand::Import(args) = command;
    let policy = booking_policy(product).await?;
    let own = statement::own_side(&policy);
    // Whether all can be read and booked is known before anything of the first is.
    let mut files = Vec::new();
    for path in &args.files {
        let known = statement::know(path).map_err(told)?;
        statement::refuse_unknown(path, &known, &own).map_err(told)?;
        files.push((path, known));
    }
    let mut report = Report::default();
    for (path, known) in files {
        report.lost |= known.lost;
        let came_to = import(product, &policy, path, &known, args).await?;
        let summary = summary::Summary::new(path, args.dry_run, &known, came_to);
        report.text.push_str(&summary.told(args.json)?);
    }
    if !args.dry_run {
        let covered = product.store.money_covered(product.portal()).await?;
        report.text.push_str(&summary::covered(&covered, args.json));
    }
    Ok(report)
}

/// What an import came to.
#[derive(Debug, Default)]
pub struct Report {
    /// For people, or one JSON object a line.
    pub text: String,
    /// Sections of a file were not read: they are named in the text.
    pub lost: bool,
}

impl Report {
    /// The exit status: whoever runs it by a timer should hear of what was not read.
    ///
    /// # Errors
    /// [`Unwell`] if something was lost.
    pub fn judged(&self) -> anyhow::Result<()> {
        if self.lost {
            return Err(Unwell.into());
        }
        Ok(())
    }
}

/// The policy in force, if it says that we book.
async fn booking_policy(product: &Product) -> anyhow::Result<Policy> {
    let policy = product.desk().booking_policy().await;
    policy.map_err(|error| {
        let hint = match &error {
            NoBooking::NoPolicy => "run `provodka setup` first",
            NoBooking::NoMoney => {
                "add it with your accounts, as in docs/guide/payments.md, and run `provodka policy apply`"
            }
            NoBooking::Stored(_) | NoBooking::Store(_) => return error.into(),
        };
        Told::mistake(error.to_string()).hint(hint).into()
    })
}

/// What may be done about a file that was not imported.
fn told(error: StatementError) -> anyhow::Error {
    let message = error.to_string();
    let told = match &error {
        StatementError::Open { .. } => Told::mistake(message).hint("name the file of the bank"),
        StatementError::Unreadable { .. } => Told::mistake(message)
            .hint("`provodka inspect statement FILE` shows how far it can be read"),
        StatementError::Nobodys { .. } => Told::mistake(message)
            .hint("name each under `money.accounts` of the policy, with its organisation"),
        StatementError::Changed { .. } => Told::failure(message).hint("import it again"),
        StatementError::BrokeOff { .. } | StatementError::Store(_) => return error.into(),
    };
    match error {
        StatementError::Open { source, .. } => anyhow::Error::new(source).context(told),
        StatementError::Unreadable { source, .. } => anyhow::Error::new(source).context(told),
        _ => told.into(),
    }
}

async fn import(
    product: &Product,
    policy: &Policy,
    path: &std::path::Path,
    known: &statement::Known,
    args: &ImportArgs,
) -> anyhow::Result<statement::Summary> {
    let mode = if args.dry_run {
        Mode::Preview
    } else {
        Mode::Book
    };
    let progress = |summary: &statement::Summary| progress(summary.read, known.orders);
    let imported = product
        .desk()
        .import(policy, path, known, mode, &progress)
        .await;
    clear_progress();
    imported.map_err(told)
}

/// On a terminal people see how far it is.
fn progress(read: usize, all: usize) {
    let mut terminal = std::io::stderr();
    if terminal.is_terminal() {
        let _shown = write!(terminal, "\r{}", bar(read, all));
        let _flushed = terminal.flush();
    }
}

/// `[##########----------] 50 %  500 of 1000`
fn bar(read: usize, all: usize) -> String {
    const WIDTH: usize = 20;
    let percent = (read.saturating_mul(100) / all.max(1)).min(100);
    let done = percent * WIDTH / 100;
    let (done, left) = ("#".repeat(done), "-".repeat(WIDTH - done));
    format!("[{done}{left}] {percent} %  {read} of {all}")
}

fn clear_progress() {
    let mut terminal = std::io::stderr();
    if terminal.is_terminal() {
        let _shown = write!(terminal, "\r\u{1b}[K");
    }
}

#[cfg(test)]
mod tests {
    use super::bar;

    #[test]
    fn the_bar_is_as_long_at_any_time() {
        for (read, all, expected) in [
            (0, 1_000, "[--------------------] 0 %  0 of 1000"),
            (500, 1_000, "[##########----------] 50 %  500 of 1000"),
            (7, 7, "[####################] 100 %  7 of 7"),
            // The file grew meanwhile.
            (9, 7, "[####################] 100 %  9 of 7"),
            (0, 0, "[--------------------] 0 %  0 of 0"),
        ] {
            assert_eq!(bar(read, all), expected);
        }
    }
}
