//! `provodka statement import`: bank statements read, counted once and booked, also while the server runs.
//!
//! A file is read twice: first whether it can be read at all, whose accounts it is about and what it is (its hash is the
//! name of the source), then in portions, each counted, matched and booked before the next. Nothing is kept but sums.
//! A death in between loses nothing: the file is imported again, and what was counted adds nothing. Not here: what is
//! booked (`planner::payments`), how it is recorded (`store`); the deals are told by `serve`.

mod file;
mod summary;

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;

use anyhow::Context as _;
use connector_bank_statement::Record;
use domain::payment::{LineId, OwnSide, PaymentOrder, SourceId};
use domain::purpose::Purpose;
use planner::Policy;
use serde_json::json;
use store::{AccountSpan, SeenLine};

use crate::args::{ImportArgs, StatementCommand};
use crate::fault::{Told, Unwell};
use crate::policy;
use crate::product::Product;

use file::Known;
use summary::Summary;

/// Orders that are counted in one commit.
const PORTION: usize = 1_000;

/// Imports the files one after the other; gives what is to be printed, and whether something of them was not read.
///
/// # Errors
/// When a file is no statement, an account is nobody's, or the store fails. Files before it stand.
pub async fn run(product: &Product, command: &StatementCommand) -> anyhow::Result<Report> {
    let StatementCommand::Import(args) = command;
    let policy = booking_policy(product).await?;
    let own = policy.money.as_ref().map(planner::MoneyPolicy::own_side);
    let own = own.unwrap_or_default();
    // Whether all can be read and booked is known before anything of the first is.
    let mut files = Vec::new();
    for path in &args.files {
        let known = file::know(path)?;
        refuse_unknown(path, &known, &own)?;
        files.push((path, known));
    }
    let mut report = Report::default();
    for (path, known) in files {
        report.lost |= known.lost;
        let summary = import(product, &policy, &own, path, known, args).await?;
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
pub(crate) async fn booking_policy(product: &Product) -> anyhow::Result<Policy> {
    let stored = product.store.policy_current(product.portal()).await?;
    let policy = stored.map(|stored| policy::read(&stored)).transpose()?;
    let policy = policy.ok_or_else(|| {
        Told::mistake("the portal has no policy").hint("run `provodka setup` first")
    })?;
    if policy.money.is_none() {
        let told = Told::mistake("payments are not booked: the policy has no section `money`");
        return Err(told
            .hint("add it with your accounts, as in docs/guide/payments.md, and run `provodka policy apply`")
            .into());
    }
    Ok(policy)
}

/// Money on an account that is nobody's would be matched to nobody's invoices.
fn refuse_unknown(path: &Path, known: &Known, own: &OwnSide) -> anyhow::Result<()> {
    let unknown: Vec<&str> = known
        .accounts
        .iter()
        .filter(|account| own.organisation(account).is_none())
        .map(|account| account.as_str())
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let told = format!(
        "`{}` is about accounts that are nobody's: {}",
        path.display(),
        unknown.join(", ")
    );
    Err(Told::mistake(told)
        .hint("name each under `money.accounts` of the policy, with its organisation")
        .into())
}

async fn import(
    product: &Product,
    policy: &Policy,
    own: &OwnSide,
    path: &Path,
    known: Known,
    args: &ImportArgs,
) -> anyhow::Result<Summary> {
    let source = SourceId(format!("statement/{}", known.hash));
    let mut summary = Summary::new(path, args.dry_run, &known);
    let mut statement = file::open(path)?.0;
    let mut portion = Vec::with_capacity(PORTION);
    loop {
        let record = statement.next().transpose();
        let record = record.with_context(|| format!("cannot read `{}`", path.display()))?;
        let is_over = record.is_none();
        if let Some(Record::Order { line, order }) = record {
            portion.push(seen(own, line, *order)?);
        }
        if portion.len() == PORTION || (is_over && !portion.is_empty()) {
            take(product, policy, &source, &portion, &mut summary).await?;
            portion.clear();
            progress(&summary, known.orders);
        }
        if is_over {
            break;
        }
    }
    clear_progress();
    drop(statement);
    if file::know(path)?.hash != known.hash {
        let told = format!("`{}` was changed while it was read", path.display());
        return Err(Told::failure(told).hint("import it again").into());
    }
    if !args.dry_run {
        let spans: Vec<AccountSpan> = known.spans;
        product.store.money_cover(product.portal(), &spans).await?;
        product
            .note_person(
                json!({"statement": known.hash, "orders": known.orders, "new": summary.new}),
            )
            .await?;
    }
    Ok(summary)
}

fn seen(own: &OwnSide, line: u64, order: PaymentOrder) -> anyhow::Result<SeenLine> {
    let organisation = own.organisation(&order.own_account);
    let organisation = organisation.context("an account is nobody's")?.clone();
    let kind = own.kind(&order, &Purpose::read(&order.purpose));
    Ok(SeenLine {
        line: LineId(line.to_string()),
        order,
        organisation,
        kind,
    })
}

/// Counts a portion and books what is new.
async fn take(
    product: &Product,
    policy: &Policy,
    source: &SourceId,
    portion: &[SeenLine],
    summary: &mut Summary,
) -> anyhow::Result<()> {
    let (store, portal) = (&product.store, product.portal());
    summary.read += portion.len();
    if summary.dry_run {
        summary.new += store.money_preview(portal, source, portion).await?;
        return Ok(());
    }
    let counted = store
        .money_see(portal, source, portion, product.clock.now())
        .await?;
    summary.new += counted.new.len();
    if counted.new.is_empty() {
        return Ok(());
    }
    let mut is_more = true;
    while is_more {
        (_, is_more) = reconciler::decide_new(store, portal, policy, product.clock.now()).await?;
    }
    // Whoever decided them: the server may have been faster.
    summary.add(&store.money_sums_of(portal, &counted.new).await?);
    Ok(())
}

/// On a terminal people see how far it is.
fn progress(summary: &Summary, all: usize) {
    let mut terminal = std::io::stderr();
    if terminal.is_terminal() {
        let percent = summary.read.saturating_mul(100) / all.max(1);
        let _shown = write!(terminal, "\r{percent} %  {} of {all}", summary.read);
        let _flushed = terminal.flush();
    }
}

fn clear_progress() {
    let mut terminal = std::io::stderr();
    if terminal.is_terminal() {
        let _shown = write!(terminal, "\r\u{1b}[K");
    }
}
