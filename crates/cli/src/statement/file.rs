//! A statement file as the import needs it: its hash, its accounts and days, and what of it cannot be read.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use anyhow::Context as _;
use connector_bank_statement::{ReadError, Record, Statement};
use domain::payment::AccountNumber;
use sha2::{Digest as _, Sha256};
use store::AccountSpan;

use crate::fault::Told;

/// At most so many faults of a file are named one by one.
const MOST_FAULTS: usize = 20;

/// What is known of a file before anything of it is booked.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// The name of the source.
    pub(super) hash: String,
    /// Accounts that its payments are on.
    pub(super) accounts: BTreeSet<AccountNumber>,
    /// Days that it covers, by account.
    pub(super) spans: Vec<AccountSpan>,
    /// How many payments it has.
    pub(super) orders: usize,
    /// What is wrong with it, with the lines.
    pub(super) faults: Vec<String>,
    /// Faults beyond those that are named.
    pub(super) more_faults: usize,
    /// Something of it was not read.
    pub(super) lost: bool,
}

/// A file whose bytes are hashed as they are read.
pub(super) struct Hashed {
    file: File,
    hash: std::rc::Rc<std::cell::RefCell<Sha256>>,
}

impl Read for Hashed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        if let Some(bytes) = buffer.get(..read) {
            self.hash.borrow_mut().update(bytes);
        }
        Ok(read)
    }
}

type Opened = (
    Statement<BufReader<Hashed>>,
    std::rc::Rc<std::cell::RefCell<Sha256>>,
);

/// Opens a statement, with the hash that grows while it is read.
pub(super) fn open(path: &Path) -> anyhow::Result<Opened> {
    let file = File::open(path).with_context(|| {
        Told::mistake(format!("cannot open `{}`", path.display())).hint("name the file of the bank")
    })?;
    let hash = std::rc::Rc::new(std::cell::RefCell::new(Sha256::new()));
    let hashed = Hashed {
        file,
        hash: hash.clone(),
    };
    Ok((Statement::new(BufReader::new(hashed)), hash))
}

/// Reads a file from its beginning to its end.
pub(super) fn know(path: &Path) -> anyhow::Result<Known> {
    let (mut statement, hash) = open(path)?;
    let mut known = Known::default();
    for record in statement.by_ref() {
        let record = record.map_err(|error| unreadable(path, error))?;
        match record {
            Record::Order { order, .. } => {
                known.orders += 1;
                known.accounts.insert(order.own_account);
            }
            Record::Days(days) => {
                if let (Some(from), Some(to)) = (days.from, days.to) {
                    let account = days.account;
                    known.spans.push(AccountSpan { account, from, to });
                }
            }
            Record::Fault(fault) => {
                known.lost |= fault.kind.loses();
                if known.faults.len() < MOST_FAULTS {
                    known.faults.push(fault.to_string());
                } else {
                    known.more_faults += 1;
                }
            }
        }
    }
    if known.spans.is_empty()
        && let (Some(from), Some(to)) = (statement.header().from, statement.header().to)
    {
        let accounts = statement.own_accounts().iter().cloned();
        known
            .spans
            .extend(accounts.map(|account| AccountSpan { account, from, to }));
    }
    if known.lost {
        // What was not read may be money: these days are not known.
        known.spans.clear();
    }
    drop(statement);
    let digest = hash.borrow().clone().finalize();
    known.hash = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(known)
}

fn unreadable(path: &Path, error: ReadError) -> anyhow::Error {
    let told = Told::mistake(format!("`{}` cannot be read", path.display()))
        .hint("`provodka inspect statement FILE` shows how far it can be read");
    anyhow::Error::from(error).context(told)
}
