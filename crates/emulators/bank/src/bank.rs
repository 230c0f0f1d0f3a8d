//! The bank itself: accounts and what came and went, in kopecks.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use emulator_harness::SharedClock;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::code_page::CodePage;
use crate::{page, statement};

/// An account that the bank keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its twenty digits.
    pub number: String,
    /// Whose it is.
    pub owner: Party,
    /// What was on it before the first operation.
    pub opening_kopecks: i64,
}

/// One side of an operation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Party {
    /// As the bank prints it.
    pub name: String,
    /// Empty for a person who did not tell it.
    pub inn: String,
    /// The other bank's account; empty: one that is made from the INN.
    pub account: String,
}

/// Which way money went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// To our account.
    In,
    /// From our account.
    Out,
}

/// What a document of the bank is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Somebody's order to pay.
    PaymentOrder,
    /// The bank's own: what it charges, or takes back.
    BankOrder,
}

impl Form {
    /// All of them.
    pub const ALL: [Form; 2] = [Form::PaymentOrder, Form::BankOrder];

    /// The word of the form on the page.
    pub const fn word(self) -> &'static str {
        match self {
            Form::PaymentOrder => "payment_order",
            Form::BankOrder => "bank_order",
        }
    }

    /// As a statement names it.
    pub(crate) const fn printed(self) -> &'static str {
        match self {
            Form::PaymentOrder => "Платежное поручение",
            Form::BankOrder => "Банковский ордер",
        }
    }
}

/// An order that was carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The account of the bank's client.
    pub account: String,
    /// To it, or from it.
    pub way: Way,
    /// Whose order it is.
    pub form: Form,
    /// The order's number.
    pub number: String,
    /// The order's date.
    pub date: Date,
    /// The day on which it was credited or debited.
    pub booked: Date,
    /// How much.
    pub kopecks: i64,
    /// The other side.
    pub other: Party,
    /// What for.
    pub purpose: String,
}

/// An emulated bank. Clones are the same bank.
#[derive(Clone)]
pub struct Bank {
    shared: Arc<Shared>,
}

struct Shared {
    accounts: Vec<Account>,
    operations: Mutex<Vec<Operation>>,
    clock: SharedClock,
    zone: TimeZone,
}

impl Bank {
    /// A bank with these accounts, in Moscow.
    pub fn new(accounts: Vec<Account>, clock: SharedClock) -> Self {
        let zone = TimeZone::get("Europe/Moscow").unwrap_or(TimeZone::UTC);
        Self {
            shared: Arc::new(Shared {
                accounts,
                operations: Mutex::default(),
                clock,
                zone,
            }),
        }
    }

    /// The page.
    pub fn router(&self) -> Router {
        page::router(self.clone())
    }

    /// The accounts.
    pub fn accounts(&self) -> &[Account] {
        &self.shared.accounts
    }

    /// The bank's day.
    pub fn today(&self) -> Date {
        self.shared.zone.to_datetime(self.shared.clock.now()).date()
    }

    /// Carries an order out; false where it is none: another account, nothing to pay, booked before it was written.
    pub fn carry_out(&self, mut operation: Operation) -> bool {
        let known = self.account(&operation.account).is_some();
        if !known || operation.kopecks <= 0 || operation.booked < operation.date {
            return false;
        }
        if operation.other.account.is_empty() {
            operation.other.account = account_of(&operation.other.inn);
        }
        self.operations_mut().push(operation);
        true
    }

    /// All that was carried out, in order.
    pub fn operations(&self) -> Vec<Operation> {
        self.operations_mut().clone()
    }

    /// The statement of an account for these days, as the file that the bank's program writes; none for an account that
    /// the bank does not keep, or for days that end before they begin.
    pub fn statement(
        &self,
        account: &str,
        (from, to): (Date, Date),
        code_page: CodePage,
    ) -> Option<Vec<u8>> {
        let account = self.account(account).filter(|_| from <= to)?;
        let text = statement::text(
            account,
            &self.operations(),
            (from, to),
            self.today(),
            code_page,
        );
        Some(code_page.encode(&text))
    }

    fn account(&self, number: &str) -> Option<&Account> {
        let mut accounts = self.shared.accounts.iter();
        accounts.find(|account| account.number == number)
    }

    fn operations_mut(&self) -> MutexGuard<'_, Vec<Operation>> {
        let operations = self.shared.operations.lock();
        operations.unwrap_or_else(PoisonError::into_inner)
    }
}

/// The account from which a company pays: always the same one.
fn account_of(inn: &str) -> String {
    format!("40702810{inn:0>12}")
}
