//! A bank statement is read, counted once and booked, also while the server runs.
//!
//! A file is read twice: first whether it can be read at all, whose accounts it is about and what it is (its hash is the
//! name of the source), then in portions, each counted while the one before it is matched and booked. Nothing else is kept
//! but sums. Where several statements stand in one file, each is a source: they may overlap.
//! A death in between loses nothing: the file is imported again, and what was counted adds nothing. Not here: what is
//! booked (`planner::payments`), how it is recorded (`store`); the deals are told by `serve`.

mod file;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use connector_bank_statement::ReadError;
use domain::Money;
use domain::payment::{AccountNumber, Direction, OwnSide, PaymentKind, SourceId};
use jiff::tz::TimeZone;
use planner::{MoneyPolicy, Organisation, Policy};
use serde::Serialize;
use serde_json::json;
use store::{PaymentState, PaymentSum, SeenLine, StoreError};

use crate::Desk;

pub use file::{CoveredDays, Known, know};
use file::{Piece, Portion, pieces};

/// Orders that are counted in one commit.
const PORTION: usize = 1_000;

/// Why a statement was not imported.
#[derive(Debug, thiserror::Error)]
pub enum StatementError {
    /// The file is not there, or may not be read.
    #[error("cannot open `{}`", path.display())]
    Open {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It is no statement.
    #[error("`{}` cannot be read", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: ReadError,
    },
    /// Money on an account that is nobody's would be matched to nobody's invoices.
    #[error("`{}` is about accounts that are nobody's: {}", path.display(), accounts.join(", "))]
    Nobodys {
        /// Which.
        path: PathBuf,
        /// The accounts.
        accounts: Vec<String>,
    },
    /// Somebody wrote to it meanwhile.
    #[error("`{}` was changed while it was read", path.display())]
    Changed {
        /// Which.
        path: PathBuf,
    },
    /// Reading it ended without an end.
    #[error("reading `{}` broke off", path.display())]
    BrokeOff {
        /// Which.
        path: PathBuf,
    },
    /// Our records.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl StatementError {
    /// Why a file is not taken, for people. Where it lies is nobody's business.
    pub fn in_words(&self) -> String {
        match self {
            Self::Unreadable {
                source: ReadError::LettersLost | ReadError::LettersUnknown | ReadError::Utf16,
                ..
            } => {
                "Файл пересохранили, и буквы в нём потеряны или изменены. Скачайте выписку у банка заново и принесите её, не открывая."
                    .to_owned()
            }
            Self::Unreadable { .. } => {
                "Это не выписка в формате 1CClientBankExchange. Попросите банк выгрузить её «для 1С».".to_owned()
            }
            Self::Nobodys { accounts, .. } => format!(
                "В файле есть счета, которых нет в политике: {}. Назовите их в money.accounts и принесите файл снова.",
                accounts.join(", ")
            ),
            Self::Store(_) => {
                "Записи сейчас недоступны. Что записано, то записано один раз: принесите файл ещё раз позже.".to_owned()
            }
            Self::Open { .. } | Self::Changed { .. } | Self::BrokeOff { .. } => {
                "Файл не удалось прочитать до конца. Принесите его ещё раз.".to_owned()
            }
        }
    }
}

/// Whether it is booked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// What would be new is counted; nothing is recorded.
    Preview,
    /// Counted, matched, booked.
    Book,
}

/// What an import came to, or comes to so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Payments that were read.
    pub read: usize,
    /// Those that were not known.
    pub new: usize,
    /// What came to our accounts, as the file tells it.
    pub came: Money,
    /// What left them.
    pub left: Money,
    /// What became of the new ones, by the word of [`PaymentState`]; nothing in a preview.
    pub became: BTreeMap<&'static str, Became>,
    /// Payments that statements showed before on days that are over in this file, and it does not; nothing in a preview.
    pub not_shown: Vec<i64>,
}

/// Payments of which the same became.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Became {
    /// How many.
    pub payments: i64,
    /// What they brought.
    #[serde(serialize_with = "as_text")]
    pub amount: Money,
    /// What of it is given to nothing.
    #[serde(serialize_with = "as_text")]
    pub remaining: Money,
}

fn as_text<S: serde::Serializer>(amount: &Money, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(amount)
}

/// Our accounts, as the policy names them.
pub fn own_side(policy: &Policy) -> OwnSide {
    let own = policy.money.as_ref().map(MoneyPolicy::own_side);
    own.unwrap_or_default()
}

/// That every account of a file is somebody's.
///
/// # Errors
/// Names those that are not.
pub fn refuse_unknown(path: &Path, known: &Known, own: &OwnSide) -> Result<(), StatementError> {
    let unknown = known
        .accounts
        .iter()
        .filter(|account| own.organisation(account).is_none());
    let accounts: Vec<String> = unknown.map(|account| account.as_str().to_owned()).collect();
    if accounts.is_empty() {
        return Ok(());
    }
    let path = path.to_owned();
    Err(StatementError::Nobodys { path, accounts })
}

impl Desk {
    /// Imports a file that [`know`] read; `told` hears how far it is.
    ///
    /// # Errors
    /// When an account is nobody's, the file changes meanwhile, or the store fails: what was booked before stands.
    pub async fn import(
        &self,
        policy: &Policy,
        path: &Path,
        known: &Known,
        mode: Mode,
        told: &(dyn Fn(&Summary) + Send + Sync),
    ) -> Result<Summary, StatementError> {
        let own = own_side(policy);
        refuse_unknown(path, known, &own)?;
        let began = self.clock.now();
        let today = |account: &AccountNumber| {
            let organisation = own.organisation(account);
            let organisation = organisation.and_then(|id| policy.organisation(id));
            let zone = organisation.map_or(TimeZone::UTC, Organisation::zone);
            began.to_zoned(zone).date()
        };
        let spans = known.spans_over(today);
        let mut import = Import {
            desk: self,
            policy,
            known,
            mode,
            told,
            summary: Summary::default(),
            shown: Vec::new(),
            counted: Vec::new(),
        };
        let read = import.read(path, own).await;
        // Whatever became of the rest of the file.
        let booked = import.book_counted().await;
        let hash = read?;
        booked?;
        let mut summary = import.summary;
        if hash != known.hash {
            return Err(StatementError::Changed {
                path: path.to_owned(),
            });
        }
        if mode == Mode::Book {
            // Reminders wait for it, and bills that are only marked as paid.
            let wake = policy.money.as_ref().map(|_| self.clock.now());
            self.store.money_cover(&self.portal, &spans, wake).await?;
            let parts = 1..=known.parts.max(1);
            let sources: Vec<SourceId> = parts.map(|part| source(&known.hash, part)).collect();
            let not_shown = self.store.money_not_shown(&self.portal, &spans, &sources);
            summary.not_shown = not_shown.await?;
            let note = json!({"statement": known.hash, "orders": known.orders, "new": summary.new});
            self.note_person(note).await?;
        }
        Ok(summary)
    }
}

/// A file on its way.
struct Import<'a> {
    desk: &'a Desk,
    policy: &'a Policy,
    known: &'a Known,
    mode: Mode,
    told: &'a (dyn Fn(&Summary) + Send + Sync),
    summary: Summary,
    /// What is only shown of a file that may show an order twice: it is counted together.
    shown: Vec<(SourceId, SeenLine)>,
    /// New payments of the last portion, which are to be booked.
    counted: Vec<i64>,
}

impl Import<'_> {
    /// Takes every portion; gives the hash of what was read.
    async fn read(&mut self, path: &Path, own: OwnSide) -> Result<String, StatementError> {
        let mut reading = pieces(path.to_owned(), own, PORTION);
        while let Some(piece) = reading.recv().await {
            match piece? {
                Piece::End { hash } => {
                    let shown = std::mem::take(&mut self.shown);
                    self.preview(&shown).await?;
                    return Ok(hash);
                }
                Piece::Portion(Portion { part, lines }) => {
                    self.summary.count(&lines);
                    let source = source(&self.known.hash, part);
                    match self.mode {
                        Mode::Preview => {
                            let lines = lines.into_iter();
                            self.shown.extend(lines.map(|line| (source.clone(), line)));
                            if self.known.parts == 1 {
                                let shown = std::mem::take(&mut self.shown);
                                self.preview(&shown).await?;
                            }
                        }
                        Mode::Book => self.take(&source, &lines).await?,
                    }
                    (self.told)(&self.summary);
                }
            }
        }
        Err(StatementError::BrokeOff {
            path: path.to_owned(),
        })
    }

    async fn preview(&mut self, shown: &[(SourceId, SeenLine)]) -> Result<(), StatementError> {
        if !shown.is_empty() {
            let Desk { store, portal, .. } = self.desk;
            self.summary.new += store.money_preview(portal, shown).await?;
        }
        Ok(())
    }

    /// Counts a portion, and meanwhile books the one before it.
    async fn take(
        &mut self,
        source: &SourceId,
        portion: &[SeenLine],
    ) -> Result<(), StatementError> {
        let Desk {
            store,
            portal,
            clock,
            ..
        } = self.desk;
        let count = store.money_see(portal, source, portion, clock.now());
        let book = book(self.desk, self.policy, &self.counted);
        let (counted, became) = tokio::try_join!(count, book)?;
        self.summary.new += counted.new.len();
        self.summary.add(&became);
        self.counted = counted.new;
        Ok(())
    }

    async fn book_counted(&mut self) -> Result<(), StatementError> {
        let counted = std::mem::take(&mut self.counted);
        let became = book(self.desk, self.policy, &counted).await?;
        self.summary.add(&became);
        Ok(())
    }
}

/// The name of a statement of a file: the first has the file's own.
fn source(hash: &str, part: u64) -> SourceId {
    SourceId(match part {
        0 | 1 => format!("statement/{hash}"),
        part => format!("statement/{hash}/{part}"),
    })
}

/// Decides these new payments, and older ones that nobody looked at; what became of these.
async fn book(desk: &Desk, policy: &Policy, new: &[i64]) -> Result<Vec<PaymentSum>, StoreError> {
    let Desk {
        store,
        portal,
        clock,
        ..
    } = desk;
    let Some(last) = new.iter().max() else {
        return Ok(Vec::new());
    };
    let mut is_more = true;
    while is_more {
        (_, is_more) =
            reconciler::decide_new(store, portal, policy, Some(*last), clock.now()).await?;
    }
    // Whoever decided them: the server may have been faster.
    store.money_sums_of(portal, new).await
}

impl Summary {
    /// What people are to look at, where statements showed more before.
    pub fn not_shown_in_words(&self) -> Option<String> {
        let numbers = self.not_shown.iter().map(|number| format!("№ {number}"));
        let numbers: Vec<String> = numbers.collect();
        (!numbers.is_empty()).then(|| {
            format!(
                "Прежние выписки показывали за эти дни и другие платежи, в этом файле их нет: {}. Если он полон, банк их не \
                 провёл: снимите их со счетов и не относите.",
                numbers.join(", ")
            )
        })
    }

    fn count(&mut self, portion: &[SeenLine]) {
        self.read += portion.len();
        for line in portion {
            let side = match line.order.direction {
                Direction::In => &mut self.came,
                Direction::Out => &mut self.left,
            };
            *side = side.checked_add(line.order.amount).unwrap_or(*side);
        }
    }

    /// What became of a portion's new payments.
    fn add(&mut self, sums: &[PaymentSum]) {
        for sum in sums {
            // A credit of many sales is asked about as well.
            let is_buyers = matches!(sum.kind, PaymentKind::Incoming | PaymentKind::Register);
            let word = if is_buyers {
                sum.state.as_str()
            } else {
                PaymentState::Aside.as_str()
            };
            let became = self.became.entry(word).or_default();
            became.payments += sum.count;
            became.amount = became.amount.checked_add(sum.amount).unwrap_or_default();
            let remaining = became.remaining.checked_add(sum.remaining);
            became.remaining = remaining.unwrap_or_default();
        }
    }
}
