//! A statement file as the import needs it: its hash, its accounts and days, what of it cannot be read, and its orders in
//! portions, read by a thread of their own.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use connector_bank_statement::{Header, Record, Statement};
use domain::payment::{AccountNumber, LineId, OwnSide, PaymentOrder};
use domain::purpose::Purpose;
use jiff::civil::Date;
use sha2::{Digest as _, Sha256};
use store::{AccountSpan, SeenLine};
use tokio::sync::mpsc;

use super::StatementError;

/// At most so many faults of a file are named one by one.
const MOST_FAULTS: usize = 20;
/// Portions that are read ahead.
const AHEAD: usize = 2;

/// What is known of a file before anything of it is booked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// The name of the source.
    pub hash: String,
    /// Accounts that its payments are on.
    pub accounts: BTreeSet<AccountNumber>,
    /// Days that it covers, by account.
    pub spans: Vec<CoveredDays>,
    /// How many statements stand in it, one behind another.
    pub parts: u64,
    /// How many payments it has.
    pub orders: usize,
    /// What is wrong with it, with the lines.
    pub faults: Vec<String>,
    /// Faults beyond those that are named.
    pub more_faults: usize,
    /// Something of it was not read.
    pub lost: bool,
}

/// Days of an account that a file covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoveredDays {
    /// Which account, and which days.
    pub span: AccountSpan,
    /// The day on which the bank made this part of the file, if it says so.
    pub created: Option<Date>,
}

/// What comes of a file that is read for booking.
pub(super) enum Piece {
    /// Orders, in the file's order.
    Portion(Portion),
    /// All was read.
    End {
        /// Of what was read.
        hash: String,
    },
}

/// Orders of one statement of the file: each is a source by itself, since they may overlap.
pub(super) struct Portion {
    /// Which of them, from 1.
    pub(super) part: u64,
    pub(super) lines: Vec<SeenLine>,
}

/// A file whose bytes are hashed as they are read.
struct Hashed {
    file: File,
    hash: Rc<RefCell<Sha256>>,
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

/// A statement that is being read, with the hash that grows meanwhile.
struct Opened {
    path: PathBuf,
    statement: Statement<BufReader<Hashed>>,
    hash: Rc<RefCell<Sha256>>,
}

impl Opened {
    fn new(path: &Path) -> Result<Self, StatementError> {
        let path = path.to_owned();
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(source) => return Err(StatementError::Open { path, source }),
        };
        let hash = Rc::new(RefCell::new(Sha256::new()));
        let hashed = Hashed {
            file,
            hash: Rc::clone(&hash),
        };
        Ok(Self {
            path,
            statement: Statement::new(BufReader::new(hashed)),
            hash,
        })
    }

    fn next(&mut self) -> Result<Option<Record>, StatementError> {
        let record = self.statement.next().transpose();
        record.map_err(|source| StatementError::Unreadable {
            path: self.path.clone(),
            source,
        })
    }

    fn hash(&self) -> String {
        let digest = self.hash.borrow().clone().finalize();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Reads a file from its beginning to its end; it may take a second.
///
/// # Errors
/// When it cannot be opened, or is no statement.
pub fn know(path: &Path) -> Result<Known, StatementError> {
    let mut opened = Opened::new(path)?;
    let mut known = Known::default();
    let mut headed = 0;
    while let Some(record) = opened.next()? {
        let (part, header) = (opened.statement.part(), opened.statement.header());
        // A record may come before its part's header is read.
        if headed != part && header.to.is_some() {
            headed = part;
            known.cover_all(header);
        }
        known.learn(record, header);
    }
    known.parts = opened.statement.part();
    if headed != known.parts {
        known.cover_all(opened.statement.header());
    }
    if known.lost {
        // What was not read may be money: these days are not known.
        known.spans.clear();
    }
    known.hash = opened.hash();
    Ok(known)
}

impl Known {
    /// The days that it covers and that were over when the bank made it and when it was brought: of a day that was not,
    /// more may come. Each account has its own today.
    pub(super) fn spans_over(&self, today: impl Fn(&AccountNumber) -> Date) -> Vec<AccountSpan> {
        let over = self
            .spans
            .iter()
            .filter_map(|CoveredDays { span, created }| {
                let today = today(&span.account);
                let taken = created.map_or(today, |created| created.min(today));
                let to = span.to.min(taken.yesterday().ok()?);
                (span.from <= to).then(|| AccountSpan { to, ..span.clone() })
            });
        over.collect()
    }

    /// A file has all documents of its accounts in its days; some banks write balances for those with a movement alone.
    fn cover_all(&mut self, header: &Header) {
        for account in &header.accounts {
            self.cover(account, (header.from, header.to), header.created);
        }
    }

    fn cover(
        &mut self,
        account: &AccountNumber,
        (from, to): (Option<Date>, Option<Date>),
        created: Option<Date>,
    ) {
        let (Some(from), Some(to)) = (from, to) else {
            return;
        };
        let mut same = self.spans.iter_mut().filter(|days| {
            let span = &days.span;
            (&span.account, days.created) == (account, created)
                && span.from <= to
                && from <= span.to
        });
        if let Some(CoveredDays { span, .. }) = same.next() {
            (span.from, span.to) = (span.from.min(from), span.to.max(to));
            return;
        }
        let account = account.clone();
        let span = AccountSpan { account, from, to };
        self.spans.push(CoveredDays { span, created });
    }

    fn learn(&mut self, record: Record, header: &Header) {
        match record {
            Record::Order { order, .. } => {
                self.orders += 1;
                self.accounts.insert(order.own_account);
            }
            Record::Days(days) => {
                let of_days = (days.from.or(header.from), days.to.or(header.to));
                self.cover(&days.account, of_days, header.created);
            }
            Record::Fault(fault) => {
                self.lost |= fault.kind.loses();
                if self.faults.len() < MOST_FAULTS {
                    self.faults.push(fault.to_string());
                } else {
                    self.more_faults += 1;
                }
            }
        }
    }
}

/// The orders of a file, read by a thread of their own and never far ahead of who takes them.
pub(super) fn pieces(
    path: PathBuf,
    own: OwnSide,
    portion: usize,
) -> mpsc::Receiver<Result<Piece, StatementError>> {
    let (give, take) = mpsc::channel(AHEAD);
    tokio::task::spawn_blocking(move || {
        let read = read(&path, &own, portion, &|piece| {
            give.blocking_send(Ok(piece)).is_ok()
        });
        if let Err(error) = read {
            // Nobody may be left to hear it.
            drop(give.blocking_send(Err(error)));
        }
    });
    take
}

/// Ends early where nobody takes them any more.
fn read(
    path: &Path,
    own: &OwnSide,
    portion: usize,
    give: &dyn Fn(Piece) -> bool,
) -> Result<(), StatementError> {
    let mut opened = Opened::new(path)?;
    let (mut part, mut lines) = (1, Vec::with_capacity(portion));
    while let Some(record) = opened.next()? {
        let Record::Order { line, order } = record else {
            continue;
        };
        let is_full = lines.len() == portion || opened.statement.part() != part;
        if is_full && !lines.is_empty() {
            let lines = std::mem::take(&mut lines);
            if !give(Piece::Portion(Portion { part, lines })) {
                return Ok(());
            }
        }
        part = opened.statement.part();
        lines.push(seen(path, own, line, *order)?);
    }
    if !lines.is_empty() && !give(Piece::Portion(Portion { part, lines })) {
        return Ok(());
    }
    let hash = opened.hash();
    give(Piece::End { hash });
    Ok(())
}

fn seen(
    path: &Path,
    own: &OwnSide,
    line: u64,
    order: PaymentOrder,
) -> Result<SeenLine, StatementError> {
    let Some(organisation) = own.organisation(&order.own_account).cloned() else {
        // It was not there when the file was judged.
        return Err(StatementError::Changed {
            path: path.to_owned(),
        });
    };
    let kind = own.kind(&order, &Purpose::read(&order.purpose));
    Ok(SeenLine {
        line: LineId(line.to_string()),
        order,
        organisation,
        kind,
    })
}
