//! What may be typed about payments.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use desk::reconciliation::Month;

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
