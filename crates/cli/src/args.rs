//! What may be typed: the tree of commands and their help.

mod layout;
mod payments;

use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand};
use jiff::civil::Date;

use crate::config::DEFAULT_FILE;
use crate::inspect::Kind;

pub use layout::{LayoutCommand, LayoutTryArgs};
pub use payments::{
    GiveArgs, MoveArgs, PaymentStateArg, PaymentsCommand, ReconcileArgs, SettleArgs, SettlementArg,
    SplitArgs, UndoArgs, UnsettleArgs,
};

/// Carries deals from Bitrix24 into the accounting system and brings the invoices back.
#[derive(Debug, Parser)]
#[command(
    name = "provodka",
    version,
    max_term_width = 100,
    after_help = "\
Begin with:
  provodka emulate bitrix24                 a local portal to try things on
  provodka check                            does everything answer, and may we do what we must
  provodka setup --dry-run                  what would be prepared on the portal
  provodka serve                            work

Data goes to stdout, the rest to stderr.
Exit status: 0 done, 1 failed or found something wrong, 2 a mistake in the command or configuration."
)]
pub struct Cli {
    /// The configuration; secrets come from the environment or from files that it names
    #[arg(long, global = true, value_name = "FILE", env = "PROVODKA_CONFIG", default_value = DEFAULT_FILE)]
    pub config: PathBuf,

    /// The bug that `cargo xtask survive --planted` wants caught
    #[cfg(feature = "plant")]
    #[arg(long, global = true, hide = true)]
    pub planted: Option<planted::Bug>,

    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show the main job on emulators, with pages to open
    Demo(DemoArgs),
    /// Work: hear events, look at deals, issue invoices, until told to stop
    Serve,
    /// Try every credential, right, stage and field, and say what to do about what is wrong
    Check(CheckArgs),
    /// Prepare the portal: fields, first policy, events
    Setup(SetupArgs),
    /// Show what would be done about deals, and why; nothing is written
    Plan(PlanArgs),
    /// Link deals to invoices that exist already: first it only shows, `--apply` links
    Adopt(AdoptArgs),
    /// Read and change the portal's policy
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Our own invoice's layout: a start for another, and a try
    #[command(subcommand)]
    Layout(LayoutCommand),
    /// Stop working on the portal at once; events are still kept
    Pause(PauseArgs),
    /// Go on after `pause`
    Resume,
    /// Tell the story of a deal
    Journal(JournalArgs),
    /// Show what waits for a person
    Cases(CasesArgs),
    /// The office's own register of invoices, where there is no accounting program
    #[command(subcommand)]
    Register(RegisterCommand),
    /// Bank statements: read, counted once, booked
    #[command(subcommand)]
    Statement(StatementCommand),
    /// Payments and what became of them
    #[command(subcommand)]
    Payments(PaymentsCommand),
    /// The pages for people: let somebody in
    #[command(subcommand)]
    Admin(AdminCommand),
    /// Orders by the portal's own robots: the address that they call
    #[command(subcommand)]
    Robot(RobotCommand),
    /// Hints of the accounting side: the address that it calls when something changed there
    #[command(subcommand)]
    Hint(HintCommand),
    /// Answer one value a line on stdin with one JSON object a line on stdout
    #[command(after_help = "\
Examples:
  printf '7707083893\\n' | provodka inspect inn
  provodka inspect statement kl_to_1c.txt          what was read, and what was not")]
    Inspect(InspectArgs),
    /// Serve a local imitation of a remote
    #[command(subcommand)]
    Emulate(EmulateCommand),
    /// Live seeded bad days with the whole product on emulators, and check what must hold
    Simulate(SimulateArgs),
    /// Explain a code: what happened, what is done by itself, what to do
    Explain(ExplainArgs),
}

/// `demo`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  provodka demo             play the manager and the accountant in the browser
  provodka demo --exit      let it play a bad day and a week of money; 0 only if every promise held
  provodka demo --accounting office --exit    the same without any accounting program")]
pub struct DemoArgs {
    /// Play a bad day, print what happened, and end
    #[arg(long)]
    pub exit: bool,
    /// Who gives invoices their numbers
    #[arg(long, value_enum, value_name = "KIND", default_value_t)]
    pub accounting: DemoAccounting,
    /// The first of five ports on 127.0.0.1; 0 takes free ones
    #[arg(long, value_name = "PORT", default_value_t = 8600)]
    pub port: u16,
}

/// Who keeps the books of the demo.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum DemoAccounting {
    /// The emulator of the accounting side
    #[default]
    KonturAccounting,
    /// Nobody: there is no accounting program, we keep them
    Office,
}

/// `check`
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// One JSON object instead of a table
    #[arg(long)]
    pub json: bool,
}

/// `setup`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  provodka setup --dry-run
  provodka setup --funnel 0 --stage PREPAYMENT_INVOICE --administrator chat12
  provodka setup --active")]
pub struct SetupArgs {
    /// The funnel to follow, by its id; may be repeated [default: every funnel with an invoice stage]
    #[arg(long, value_name = "ID")]
    pub funnel: Vec<u64>,
    /// A deal that enters this stage wants an invoice; may be repeated [default: in each funnel the one with INVOICE in its id]
    #[arg(long, value_name = "STAGE")]
    pub stage: Vec<String>,
    /// Who is told of what needs a hand: `chat12`, or a user's id
    #[arg(long, value_name = "DIALOG")]
    pub administrator: Option<String>,
    /// Who is told of what is an accountant's to answer, likewise [default: the administrator]
    #[arg(long, value_name = "DIALOG")]
    pub accountant: Option<String>,
    /// Issue invoices at once; else plans are only made and shown
    #[arg(long)]
    pub active: bool,
    /// How long a deal must stand in the stage first: forgives a wrong drag [default: 10]
    #[arg(long, value_name = "SECONDS")]
    pub settle_seconds: Option<u32>,
    /// Seconds without an edit until a deal changed after its invoice is asked about [default: as the policy has it, 300 at first]
    #[arg(long, value_name = "SECONDS")]
    pub gather_seconds: Option<u32>,
    /// Tell people at any hour; a first policy is quiet from 20:00 to 08:00 otherwise
    #[arg(long)]
    pub at_any_hour: bool,
    /// The page of an invoice on the accounting side, with `{organisation}` and `{invoice}` for the ids; shown on the deal
    #[arg(long, value_name = "URL")]
    pub invoice_link: Option<String>,
    /// By whose clock invoices are dated and evenings are quiet, such as Asia/Yekaterinburg [default: the portal's]
    #[arg(long, value_name = "ZONE")]
    pub time_zone: Option<String>,
    /// Book payments, with the accounts of your companies on the portal
    #[arg(long)]
    pub money: bool,
    /// Take the portal over from another installation that is gone
    #[arg(long)]
    pub take_over: bool,
    /// Change nothing, say what would be done
    #[arg(long)]
    pub dry_run: bool,
}

/// `plan`
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("which").args(["deals", "since"])))]
pub struct PlanArgs {
    /// A deal by its id; may be repeated
    #[arg(long = "deal", value_name = "ID")]
    pub deals: Vec<u64>,
    /// All deals that entered an invoice stage on this day (2026-11-01) or later, as if the work had begun then
    /// [default: since the work began, or of the last 30 days while no funnel is active]
    #[arg(long, value_name = "DAY")]
    pub since: Option<Date>,
    /// JSON instead of text
    #[arg(long)]
    pub json: bool,
    /// Without --deal: also as a workbook with the deals' addresses
    #[arg(long, value_name = "FILE", conflicts_with = "deals")]
    pub xlsx: Option<PathBuf>,
}

/// `adopt`
#[derive(Debug, Args)]
#[command(
    group(ArgGroup::new("claims").required(true).args(["file", "field"])),
    after_help = "\
The file is CSV (UTF-8) whose first line names the columns, in Russian or English:
  сделка;организация;номер;дата;сумма
  4711;ООО «Мы»;17;12.03.2026;13 080,00
Organisation, date and sum may be left out; what is said must be so on the accounting side. An
invoice fits if its buyer, its sum and its VAT are those of the deal. A column `вид` with `аванс`
says that it bills a part in advance. Nothing is created anywhere, also while the portal is paused.

Examples:
  provodka adopt old.csv
  provodka adopt --field UF_CRM_OLD_INVOICE
  provodka adopt old.csv --apply"
)]
pub struct AdoptArgs {
    /// Which deal has which invoice
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// A field of the deals that holds the number: `17`, or `№ 17 от 12.03.2026`
    #[arg(long, value_name = "UF_CRM_…")]
    pub field: Option<String>,
    /// Link what fits
    #[arg(long)]
    pub apply: bool,
    /// One JSON object a line instead of text
    #[arg(long)]
    pub json: bool,
    /// Who orders it, for the journal
    #[arg(
        long,
        value_name = "NAME",
        env = "USER",
        hide_env_values = true,
        default_value = "provodka adopt"
    )]
    pub by: String,
}

/// `policy …`
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Print the policy
    Export {
        /// A former version
        #[arg(long, value_name = "N")]
        version: Option<i64>,
    },
    /// Compare a file with the policy in force
    Diff {
        /// The file; `-` is stdin
        file: PathBuf,
    },
    /// Put a file in force
    Apply {
        /// The file; `-` is stdin
        file: PathBuf,
        /// Only if this version is still in force
        #[arg(long, value_name = "N")]
        over: Option<i64>,
    },
    /// List the versions
    History,
}

/// `pause`
#[derive(Debug, Args)]
pub struct PauseArgs {
    /// Why, for the journal
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// `journal`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  provodka journal --deal 4711
  provodka journal --verify")]
pub struct JournalArgs {
    /// The deal
    #[arg(long, value_name = "ID", required_unless_present = "verify")]
    pub deal: Option<u64>,
    /// One JSON object a line instead of text
    #[arg(long)]
    pub json: bool,
    /// Prove that no line was changed, removed or added afterwards
    #[arg(long)]
    pub verify: bool,
}

/// `cases`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  provodka cases --code ACTION-REFUSED
  provodka explain ACTION-REFUSED
  provodka cases retry 17                   the cause is mended: try again what was refused
  provodka cases answer 18 issue            one of the choices that the case names")]
pub struct CasesArgs {
    /// One JSON array instead of text
    #[arg(long)]
    pub json: bool,
    /// Only of this code
    #[arg(long, value_name = "CODE")]
    pub code: Option<String>,
    /// What to do with one
    #[command(subcommand)]
    pub command: Option<CasesCommand>,
}

/// `cases …`
#[derive(Debug, Subcommand)]
pub enum CasesCommand {
    /// Look again at what a case is about
    Look {
        /// The case's number
        number: i64,
    },
    /// Answer a question with one of the choices it names
    #[command(after_help = "\
`provodka cases` prints each open question with its choices.
The answer holds for just what was asked: if the deal is changed afterwards, it is asked anew.")]
    Answer {
        /// The case's number
        number: i64,
        /// The word of the choice
        #[arg(value_name = "CHOICE")]
        choice: String,
        /// Who decides, for the journal
        #[arg(
            long,
            value_name = "NAME",
            env = "USER",
            hide_env_values = true,
            default_value = "provodka cases"
        )]
        by: String,
    },
    /// Try again what was refused or given up; for when its cause is mended
    #[command(after_help = "\
The case is answered, the same action may be sent again, and its deal is looked at at once.
If it is refused again, that is a new case.
What may have happened (OUTCOME-UNKNOWN) is never sent again: an invoice would be there twice.")]
    Retry {
        /// The case's number; several of one cause may be given at once
        #[arg(required = true, value_name = "NUMBER")]
        numbers: Vec<i64>,
        /// Who decides, for the journal
        #[arg(
            long,
            value_name = "NAME",
            env = "USER",
            hide_env_values = true,
            default_value = "provodka cases"
        )]
        by: String,
    },
}

/// `statement …`
#[derive(Debug, Subcommand)]
pub enum StatementCommand {
    /// Import statement files (1CClientBankExchange); the same file again adds nothing
    Import(ImportArgs),
}

/// `statement import`
#[derive(Debug, Args)]
#[command(
    after_help = "What is certain is booked, the rest is asked: `provodka cases`. Deals are told as soon as `provodka serve` runs.
Exit status 1: something of a file was not read; it is named.
Examples:
  provodka statement import --dry-run kl_to_1c.txt     what would be new
  provodka statement import *.txt"
)]
pub struct ImportArgs {
    /// The bank's files
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Write nothing, show what would be new
    #[arg(long)]
    pub dry_run: bool,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// `admin …`
#[derive(Debug, Subcommand)]
pub enum AdminCommand {
    /// Make a one-time code by which a person sets a password: the first, another person's, or a forgotten one
    #[command(after_help = "\
The code is good once and for 15 minutes; a new one takes the place of the former. Whoever has it chooses a name and a
password at ADDRESS/start; a name that has a password already gets the new one, and its open windows are closed.
Example:
  provodka admin code")]
    Code,
}

/// `robot …`
#[derive(Debug, Subcommand)]
pub enum RobotCommand {
    /// Make the address of each order; addresses that were given out before do nothing any more
    #[command(after_help = "\
Put an address into the robot «Исходящий вебхук» of a stage: each deal that comes there gets the
order, as if a person had chosen it in the deal's field. Another program names the deal itself: it
adds `&deal=4711` and calls by POST. Whoever has the address can order: treat it as a password.
Example:
  provodka robot new")]
    New,
    /// Let the addresses do nothing any more
    Off,
}

/// `hint …`
#[derive(Debug, Subcommand)]
pub enum HintCommand {
    /// Make the address; one that was given out before does nothing any more
    #[command(after_help = "\
Put the address where the accounting side takes one for its webhook. Each call has its changes and
its payments read at once; nothing of what it says is believed, and one that is lost costs time
only. Whoever has the address can have them read, once in five seconds at most.
Example:
  provodka hint new")]
    New,
    /// Let the address do nothing any more
    Off,
}

/// `register …`
#[derive(Debug, Subcommand)]
pub enum RegisterCommand {
    /// List the invoices with their numbers, cancelled ones as well
    List {
        /// Only those of this year
        #[arg(long, value_name = "YEAR")]
        year: Option<i16>,
        /// One JSON array instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Write a file of what the accountant was not given yet
    Export(ExportArgs),
    /// Cancel an invoice; its number stays, its deal is told
    Cancel(CancelArgs),
    /// Record a buyer under a KPP that the books do not know yet
    Buyer(BuyerArgs),
}

/// `register export`
#[derive(Debug, Args)]
#[command(after_help = "\
Each line is given once. An export that did not come to its end is given again by the next one, each such line marked.
Examples:
  provodka register export --dry-run        what would be given
  provodka register export                  register-1.xlsx in this folder
  provodka register export --out march.csv
  provodka register export --again 1        the first export once more, each line marked")]
pub struct ExportArgs {
    /// How the file is written [default: as the name of FILE says, else xlsx]
    #[arg(long, value_enum)]
    pub format: Option<ExportFormat>,
    /// The file; never written over another [default: register-N.xlsx in this folder]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// A former export once more; changes nothing of what is new
    #[arg(long, value_name = "N")]
    pub again: Option<i64>,
    /// The invoices of test organisations instead, all of them each time; they are in no other export
    #[arg(long, conflicts_with = "again")]
    pub test: bool,
    /// Write nothing, show what would be given
    #[arg(long)]
    pub dry_run: bool,
}

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ExportFormat {
    /// A workbook
    Xlsx,
    /// Text with `;` between columns and a decimal comma
    Csv,
}

/// `register cancel`
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  provodka register cancel СВ-118 --because \"ошибка в количестве\""
)]
pub struct CancelArgs {
    /// The number as printed
    pub number: String,
    /// Why, for the register and the journal
    #[arg(long, value_name = "TEXT")]
    pub because: String,
    /// Whose, where several organisations have the number
    #[arg(long, value_name = "ID")]
    pub organisation: Option<String>,
    /// Of which year, where several have the number
    #[arg(long, value_name = "YEAR")]
    pub year: Option<i16>,
    /// Who decides
    #[arg(
        long,
        value_name = "NAME",
        env = "USER",
        hide_env_values = true,
        default_value = "provodka register"
    )]
    pub by: String,
}

/// `register buyer`
#[derive(Debug, Args)]
#[command(after_help = "\
A buyer who moved, or a branch, has the INN of one that is known and another KPP: then its deals ask first (COUNTERPARTY-AMBIGUOUS).
Example:
  provodka register buyer 7707083893/997950001")]
pub struct BuyerArgs {
    /// INN/KPP
    #[arg(value_name = "INN/KPP")]
    pub key: String,
    /// The buyer's name [default: that of the known one with this INN]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// In whose books, where there are several organisations
    #[arg(long, value_name = "ID")]
    pub organisation: Option<String>,
    /// Who decides, for the journal
    #[arg(
        long,
        value_name = "NAME",
        env = "USER",
        hide_env_values = true,
        default_value = "provodka register"
    )]
    pub by: String,
}

/// `inspect`
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// What each line is
    #[arg(value_enum)]
    pub(crate) kind: Kind,
    /// Statements to read in place of standard input; only with `statement`
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// `statement` as JSON, one record a line; every other kind is answered so anyway
    #[arg(long)]
    pub(crate) json: bool,
}

/// `simulate`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  provodka simulate --seeds 2000            exit status 1 if any promise broke
  provodka simulate --seed 17               live one day again and tell its story")]
pub struct SimulateArgs {
    /// Live this one day and tell its story
    #[arg(long, value_name = "N", conflicts_with_all = ["seeds", "from", "threads"])]
    pub seed: Option<u64>,
    /// How many days
    #[arg(long, value_name = "M", default_value_t = 100)]
    pub seeds: u64,
    /// The first of them
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub from: u64,
    /// How many are lived at one time [default: one for each core]
    #[arg(long, value_name = "T")]
    pub threads: Option<usize>,
}

/// `explain`
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The code, such as `DEAL-DATA-MISSING`; without one all are listed
    pub code: Option<String>,
}

/// `emulate …`
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Faults are written KIND[=VALUE][:METHOD][:permille=N][:times=N][:skip=N], for example
  --fault answer-lost:crm.item.update:times=1 --fault slow=3s:permille=50
Kinds: answer-lost, late-effect=TIME, not-done, html-page, cut-body, slow=TIME, status=CODE, status-after=CODE, limit, missing-part.")]
pub enum EmulateCommand {
    /// A Bitrix24 portal: REST, OAuth, events, and a page for playing the manager
    #[command(name = "bitrix24")]
    Bitrix24 {
        #[command(flatten)]
        /// How
        how: EmulateArgs,
        /// The portal's beginning: users, funnels, companies, deals, limits, lateness (TOML); what it does not name is as in the sample [default: a small sample]
        #[arg(long, value_name = "FILE")]
        portal_config: Option<PathBuf>,
    },
    /// The accounting side, with a page for playing the accountant
    #[command(name = "kontur-accounting")]
    KonturAccounting {
        #[command(flatten)]
        /// How
        how: EmulateArgs,
        /// Organisations, keys, behaviour (TOML) [default: the books of the sample portal's seller]
        #[arg(long, value_name = "FILE")]
        accounting_config: Option<PathBuf>,
        /// Honour the idempotency key
        #[arg(long)]
        idempotency_key: bool,
    },
}

/// What both emulators take.
#[derive(Debug, Args)]
pub struct EmulateArgs {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub listen: std::net::SocketAddr,
    /// Something that goes wrong; may be repeated
    #[arg(long = "fault", value_name = "RULE")]
    pub faults: Vec<String>,
    /// Decides every chance
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Print one JSON object with everything that a client needs, then stay silent
    #[arg(long)]
    pub json: bool,
    /// Serve over TLS with a certificate made at start
    #[arg(long)]
    pub tls: bool,
}
