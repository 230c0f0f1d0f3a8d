//! What could not be read, and what is odd about what could: with its lines, so that a person finds the place.
//!
//! A fault never stops the reading: whatever else the file holds is kept.

use std::fmt;
use std::io;

use domain::Money;
use domain::payment::AccountNumber;
use jiff::civil::Date;
use serde::Serialize;

/// The file cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The machine refused.
    #[error("the file cannot be read")]
    Io(#[from] io::Error),
    /// The first line is not the format's name.
    #[error(
        "the file does not begin with `1CClientBankExchange`: it is no statement in the format of 1C"
    )]
    NotAStatement,
    /// Two bytes a letter; no bank writes so, editors do.
    #[error("the file is in UTF-16: save it as UTF-8 or windows-1251")]
    Utf16,
    /// A program that saved it did not know its code page.
    #[error("the Russian letters were lost when the file was saved: take it from the bank anew")]
    LettersLost,
    /// Not a key of it makes sense in any of them: koi8-r, or a file that was converted twice.
    #[error(
        "no line begins with a key of the format in windows-1251, IBM 866 or UTF-8: take the file from the bank anew"
    )]
    LettersUnknown,
}

/// Something that is wrong in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The first line that it is about, from 1.
    pub from_line: u64,
    /// The last one.
    pub to_line: u64,
    /// What it is.
    pub kind: FaultKind,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum FaultKind {
    /// A section is not closed: another begins, or the file ends. It is not kept, since its end may be missing.
    Unclosed {
        /// Which section.
        section: String,
    },
    /// The end of a section that was not begun.
    Unopened {
        /// Which end.
        line: String,
    },
    /// A section is longer than any can be. It is not kept.
    Overlong,
    /// A document lacks what a payment needs, or has it in no readable form. It is not kept.
    Unreadable {
        /// The key.
        key: &'static str,
        /// The value as it stands there.
        value: String,
    },
    /// A document is on no account of the file, so that nobody can tell which way the money went. It is not kept.
    NoOwnAccount,
    /// A document was kept without a part that cannot be read.
    PartUnreadable {
        /// The key.
        key: &'static str,
    },
    /// A line that is neither `Key=Value` nor the end of a value. It is not kept.
    Nonsense,
    /// A line was longer than any value; its end is not kept.
    LineCut,
    /// A line is in another code page than the file; its letters may be wrong.
    ForeignLetters,
    /// There is no `КонецФайла`: the file may have been cut.
    NoEnd,
    /// Something stands behind `КонецФайла`.
    AfterEnd,
    /// The balances of an account do not follow from one another.
    BalanceDiffers {
        /// Which account.
        account: AccountNumber,
        /// The first of its days.
        from: Option<Date>,
        /// Balance at the beginning, plus what came, less what left.
        computed: Money,
        /// Balance at the end as the file has it.
        stated: Money,
    },
    /// The documents of an account do not come to what the file says came and left.
    TurnoverDiffers {
        /// Which account.
        account: AccountNumber,
        /// `true` for what came, `false` for what left.
        incoming: bool,
        /// What the documents come to.
        documents: Money,
        /// What the file says.
        stated: Money,
    },
}

impl FaultKind {
    /// Whether something of the file is not in what was read.
    pub fn loses(&self) -> bool {
        match self {
            FaultKind::Unclosed { .. }
            | FaultKind::Overlong
            | FaultKind::Unreadable { .. }
            | FaultKind::NoOwnAccount
            | FaultKind::Nonsense
            | FaultKind::LineCut
            | FaultKind::NoEnd
            | FaultKind::AfterEnd
            | FaultKind::TurnoverDiffers { .. } => true,
            FaultKind::Unopened { .. }
            | FaultKind::PartUnreadable { .. }
            | FaultKind::ForeignLetters
            | FaultKind::BalanceDiffers { .. } => false,
        }
    }
}

/// For the accountant who uploaded the file.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.from_line == self.to_line {
            write!(f, "строка {}: {}", self.from_line, self.kind)
        } else {
            write!(
                f,
                "строки {}–{}: {}",
                self.from_line, self.to_line, self.kind
            )
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FaultKind::Unclosed { section } => write!(
                f,
                "секция «{section}» не закончена и не учтена: возможно, файл обрезан"
            ),
            FaultKind::Overlong => f.write_str("секция слишком длинная и не учтена"),
            FaultKind::Unopened { line } => write!(f, "«{line}» без начала секции"),
            FaultKind::Unreadable { key, value } if value.is_empty() => {
                write!(f, "в документе нет «{key}», документ не учтён")
            }
            FaultKind::Unreadable { key, value } => {
                write!(f, "«{key}» не читается: «{value}», документ не учтён")
            }
            FaultKind::NoOwnAccount => f.write_str(
                "ни счёта плательщика, ни счёта получателя нет среди счетов файла, документ не учтён",
            ),
            FaultKind::PartUnreadable { key } => {
                write!(f, "«{key}» не читается, документ учтён без этого поля")
            }
            FaultKind::Nonsense => f.write_str("не «ключ=значение», строка не учтена"),
            FaultKind::LineCut => f.write_str("строка слишком длинная, её конец не учтён"),
            FaultKind::ForeignLetters => {
                f.write_str("буквы в другой кодировке, чем в файле: текст может быть искажён")
            }
            FaultKind::NoEnd => f.write_str("нет «КонецФайла»: возможно, файл обрезан"),
            FaultKind::AfterEnd => f.write_str("текст после «КонецФайла» не учтён"),
            FaultKind::BalanceDiffers { account, from, computed, stated } => {
                let from = from.map(|from| format!(" с {}", from.strftime("%d.%m.%Y")));
                write!(
                    f,
                    "счёт {}{}: остаток на конец по оборотам {}, в файле {}",
                    account.masked(),
                    from.unwrap_or_default(),
                    domain::display::figures(*computed),
                    domain::display::figures(*stated)
                )
            }
            FaultKind::TurnoverDiffers { account, incoming, documents, stated } => write!(
                f,
                "счёт {}: {} по документам {}, в файле {}",
                account.masked(),
                if *incoming { "поступило" } else { "списано" },
                domain::display::figures(*documents),
                domain::display::figures(*stated)
            ),
        }
    }
}
