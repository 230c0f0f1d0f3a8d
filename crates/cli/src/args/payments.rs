//! What may be typed about payments.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use desk::reconciliation::Month;
use domain::ledger::SettlementKind;
use jiff::civil::Date;

/// `payments …`
#[derive(Debug, Subcommand)]
pub enum PaymentsCommand {
    /// List payments, each with what became of it and why
    List {
        /// Only those that stand so
        #[arg(long, value_enum)]
        state: Option<PaymentStateArg>,
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Take a payment off its invoices, by correcting entries; a person decides it anew
    Undo(UndoArgs),
    /// Give a payment, or what is left of it, to any open invoice by its number
    Give(GiveArgs),
    /// Move money from one invoice to another by a payer's letter, by correcting entries
    Move(MoveArgs),
    /// Give a credit of acquiring or СБП to the invoices of its sales, with the commission that the bank kept
    Split(SplitArgs),
    /// Close an invoice without a bank line: cash, netting, a card, a mark of the accounting side
    Settle(SettleArgs),
    /// List what was closed without a bank line
    Settlements,
    /// Take back what `settle` closed, by a correcting entry
    Unsettle(UnsettleArgs),
    /// Compare a month between bank statements, the accounting side and the CRM, differences first
    Reconcile(ReconcileArgs),
}

/// Where a payment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum PaymentStateArg {
    /// Nobody looked at it yet
    New,
    /// A person is asked
    Asked,
    /// Given to invoices
    Booked,
    /// No buyer's payment
    Aside,
    /// Given to nothing by a person
    Left,
}

impl From<PaymentStateArg> for store::PaymentState {
    fn from(arg: PaymentStateArg) -> store::PaymentState {
        match arg {
            PaymentStateArg::New => store::PaymentState::New,
            PaymentStateArg::Asked => store::PaymentState::Asked,
            PaymentStateArg::Booked => store::PaymentState::Booked,
            PaymentStateArg::Aside => store::PaymentState::Aside,
            PaymentStateArg::Left => store::PaymentState::Left,
        }
    }
}

/// `payments undo`
#[derive(Debug, Args)]
#[command(
    after_help = "Nothing is erased: the entries of the booking stay, and corrections dated today say the opposite.
Example:
  provodka payments undo 17 --because \"письмо № 4 от 12.03.2026\""
)]
pub struct UndoArgs {
    /// The payment's number, from `provodka payments list`
    pub number: i64,
    /// Why, for the ledger, the deal and the journal
    #[arg(long, value_name = "TEXT")]
    pub because: String,
    /// Who decides, for the ledger
    #[arg(
        long,
        value_name = "NAME",
        env = "USER",
        hide_env_values = true,
        default_value = "provodka payments"
    )]
    pub by: String,
}

/// `payments reconcile`
#[derive(Debug, Args)]
#[command(after_help = "\
It shows how everything stands now, and writes nothing. Exit status: 0 if the sides agree, 1 if they differ.
Examples:
  provodka payments reconcile --month 2026-03
  provodka payments reconcile --month 2026-03 --xlsx march.xlsx")]
pub struct ReconcileArgs {
    /// The month, as 2026-03 [default: the present one]
    #[arg(long, value_name = "MONTH")]
    pub month: Option<Month>,
    /// Only this organisation, by its id or title in the policy
    #[arg(long, value_name = "NAME")]
    pub organisation: Option<String>,
    /// One JSON object; amounts in kopecks
    #[arg(long)]
    pub json: bool,
    /// Also as a workbook; never written over another file
    #[arg(long, value_name = "FILE")]
    pub xlsx: Option<PathBuf>,
}

/// `payments give`
#[derive(Debug, Args)]
#[command(after_help = "\
No question has to offer the invoice; an advance that is left of a payment may be given as well.
It is an entry like a choice that was offered: `payments undo` takes it back.
The same amount for the same invoice twice running is refused: it may be the same order again.
Examples:
  provodka payments give 17 118
  provodka payments give 17 118 --amount 500.00")]
pub struct GiveArgs {
    /// The payment's number, from `provodka payments list`
    pub number: i64,
    /// The invoice: its number, or ORGANISATION/ID where several have it
    #[arg(value_name = "INVOICE")]
    pub invoice: String,
    /// How much, in roubles [default: all that is left and fits]
    #[arg(long, value_name = "ROUBLES")]
    pub amount: Option<String>,
    /// The last entry of the payment, as a refusal named it: as much once more
    #[arg(long, value_name = "ENTRY")]
    pub after: Option<i64>,
    /// Who decides, for the ledger
    #[arg(
        long,
        value_name = "NAME",
        env = "USER",
        hide_env_values = true,
        default_value = "provodka payments"
    )]
    pub by: String,
}

/// `payments move`
#[derive(Debug, Args)]
#[command(after_help = "\
Nothing is erased: a correction dated today takes the money from one invoice, and the other gets it.
Example:
  provodka payments move 17 --from 117 --to 118 --letter \"письмо № 4 от 12.03.2026\"")]
pub struct MoveArgs {
    /// The payment's number, from `provodka payments list`
    pub number: i64,
    /// The invoice that has its money: its number, or ORGANISATION/ID where several have it
    #[arg(long, value_name = "INVOICE")]
    pub from: String,
    /// The invoice that is to have it
    #[arg(long, value_name = "INVOICE")]
    pub to: String,
    /// How much, in roubles [default: all that the invoice has of it]
    #[arg(long, value_name = "ROUBLES")]
    pub amount: Option<String>,
    /// The letter, with its number and date
    #[arg(long, value_name = "TEXT")]
    pub letter: String,
    /// The last entry of the payment, as a refusal named it: as much once more
    #[arg(long, value_name = "ENTRY")]
    pub after: Option<i64>,
    /// Who obeys it, for the ledger
    #[arg(
        long,
        value_name = "NAME",
        env = "USER",
        hide_env_values = true,
        default_value = "provodka payments"
    )]
    pub by: String,
}

/// `payments split`
#[derive(Debug, Args)]
#[command(after_help = "\
What the buyers paid has to be what came and the commission, to the kopeck: otherwise nothing is recorded.
It is one entry, which `payments undo` takes back whole; the same command once more is refused while it stands.
Examples:
  provodka payments split 17 --sale 117=1000.00 --sale 118=500.00 --commission 37.50 --register \"реестр № 4 от 12.03.2026\" --dry-run
  provodka payments split 17 --sales register.csv --commission 37.50 --register \"реестр № 4 от 12.03.2026\"")]
pub struct SplitArgs {
    /// The payment's number, from `provodka payments list`
    pub number: i64,
    /// A sale: its invoice (the number, or ORGANISATION/ID where several have it) and what the buyer paid
    #[arg(long = "sale", value_name = "INVOICE=ROUBLES")]
    pub sales: Vec<String>,
    /// A file of sales in UTF-8, one a line: the invoice, `;` and what the buyer paid
    #[arg(long = "sales", value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// What the bank kept, in roubles
    #[arg(long, value_name = "ROUBLES", default_value = "0")]
    pub commission: String,
    /// What the buyers paid of sales without an invoice, in roubles: it stays with the payment
    #[arg(long, value_name = "ROUBLES", default_value = "0")]
    pub other: String,
    /// The register, with its number and date
    #[arg(long, value_name = "TEXT")]
    pub register: String,
    /// Show what each invoice would get and have open, and record nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Who says so, for the ledger
    #[arg(
        long,
        value_name = "NAME",
        env = "USER",
        hide_env_values = true,
        default_value = "provodka payments"
    )]
    pub by: String,
}

/// `payments settle`
#[derive(Debug, Args)]
#[command(after_help = "\
The invoice is closed like one that is paid, and reconciliation shows it apart.
Example:
  provodka payments settle 117 --kind netting --document \"Акт зачёта № 4 от 12.03.2026\" --date 2026-03-12")]
pub struct SettleArgs {
    /// The invoice's number, or ORGANISATION/ID where several have it
    #[arg(value_name = "INVOICE")]
    pub invoice: String,
    /// How it is settled
    #[arg(long, value_enum)]
    pub kind: SettlementArg,
    /// What proves it, with number and date
    #[arg(long, value_name = "TEXT")]
    pub document: String,
    /// How much, in roubles [default: all that is open]
    #[arg(long, value_name = "ROUBLES")]
    pub amount: Option<String>,
    /// The day of the document [default: today]
    #[arg(long, value_name = "DAY")]
    pub date: Option<Date>,
    /// Who says so, for the ledger
    #[arg(
        long,
        value_name = "NAME",
        env = "USER",
        hide_env_values = true,
        default_value = "provodka payments"
    )]
    pub by: String,
}

/// How an invoice is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum SettlementArg {
    /// Cash
    Cash,
    /// An act of netting
    Netting,
    /// A sale by card, whose money comes in a register
    Card,
    /// The accounting side says that it is paid, and no more
    MarkedPaid,
}

impl From<SettlementArg> for SettlementKind {
    fn from(arg: SettlementArg) -> SettlementKind {
        match arg {
            SettlementArg::Cash => SettlementKind::Cash,
            SettlementArg::Netting => SettlementKind::Netting,
            SettlementArg::Card => SettlementKind::Card,
            SettlementArg::MarkedPaid => SettlementKind::MarkedPaid,
        }
    }
}

/// `payments unsettle`
#[derive(Debug, Args)]
pub struct UnsettleArgs {
    /// Its number, from `provodka payments settlements`
    pub number: i64,
    /// Why, for the ledger, the deal and the journal
    #[arg(long, value_name = "TEXT")]
    pub because: String,
    /// Who decides, for the ledger
    #[arg(
        long,
        value_name = "NAME",
        env = "USER",
        hide_env_values = true,
        default_value = "provodka payments"
    )]
    pub by: String,
}
