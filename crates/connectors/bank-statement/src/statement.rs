//! The file read from its beginning to its end: one record at a time, nothing kept but the section that is open.

use std::collections::VecDeque;
use std::io::BufRead;

use domain::payment::{AccountNumber, PaymentOrder};
use jiff::civil::Date;
use serde::Serialize;

use crate::balance::{AccountDays, Balances};
use crate::client::Lines;
use crate::code_page::CodePage;
use crate::error::{Fault, FaultKind, ReadError};
use crate::translate;
use crate::wire::{self, Fields};

/// Nobody has as many accounts; the bound is for files that somebody made up. Documents on further ones are named as faults.
pub(crate) const MOST_ACCOUNTS: usize = 1_000;

/// One thing that a file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// Balances of an account over some days.
    Days(AccountDays),
    /// A payment.
    Order {
        /// The line on which its section begins, from 1: with the file it is the line of the payment's sighting.
        line: u64,
        /// The payment.
        order: Box<PaymentOrder>,
    },
    /// Something that is wrong.
    Fault(Fault),
}

/// What the file says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Header {
    /// `1.03`.
    pub version: Option<String>,
    /// The code page that it claims, as it is written there.
    pub claims: Option<String>,
    /// The bank's program.
    pub sender: Option<String>,
    /// The day on which the bank made it.
    pub created: Option<Date>,
    /// The first day.
    pub from: Option<Date>,
    /// The last day.
    pub to: Option<Date>,
    /// Whose documents of these days are all there.
    pub accounts: Vec<AccountNumber>,
}

/// A statement that is being read. It ends with the first [`ReadError`].
pub struct Statement<R> {
    lines: Lines<R>,
    part: u64,
    header: Header,
    own: Vec<AccountNumber>,
    balances: Balances,
    open: Section,
    ready: VecDeque<Record>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Beginning,
    Inside,
    /// `КонецФайла` was read.
    Ended,
    /// Nothing more is there.
    Over,
}

/// The section that is open, with its fields so far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Section {
    kind: SectionKind,
    from_line: u64,
    fields: Fields,
    /// Some of its lines were thrown away: whatever it says, it is not kept.
    overlong: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
enum SectionKind {
    #[default]
    Header,
    Account,
    Document {
        form: String,
    },
}

/// What a line is.
enum Meaning<'a> {
    Blank,
    First,
    Last,
    Begins(SectionKind),
    Ends(&'static str),
    Field(&'a str, &'a str),
    Other(&'a str),
}

impl<R: BufRead> Statement<R> {
    /// A statement out of `input`; nothing is read yet.
    pub fn new(input: R) -> Self {
        Self {
            lines: Lines::new(input),
            part: 0,
            header: Header::default(),
            own: Vec::new(),
            balances: Balances::default(),
            open: Section::default(),
            ready: VecDeque::new(),
            state: State::Beginning,
        }
    }

    /// In which statement of the file the last record stands, from 1: people put several behind one another.
    pub fn part(&self) -> u64 {
        self.part
    }

    /// What the part of the last record says of itself; known once a record came.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// How its bytes were read: plain ASCII is all three.
    pub fn code_page(&self) -> Option<CodePage> {
        self.lines.page()
    }

    /// Sums so far.
    pub fn balances(&self) -> &Balances {
        &self.balances
    }

    /// How many lines were read.
    pub fn lines(&self) -> u64 {
        self.lines.count()
    }

    /// Reads lines until there is a record, or nothing more.
    fn advance(&mut self) -> Result<(), ReadError> {
        while self.ready.is_empty() && self.state != State::Over {
            let Some(line) = self.lines.next()? else {
                return self.end();
            };
            let number = line.number;
            for (holds, kind) in [
                (line.cut, FaultKind::LineCut),
                (line.foreign, FaultKind::ForeignLetters),
            ] {
                if holds {
                    self.ready.push_back(fault(number, number, kind));
                }
            }
            // The line is lent by the reader of lines; everything else of `self` changes meanwhile.
            let text = line.text.to_owned();
            self.take(number, meaning(&text))?;
        }
        Ok(())
    }

    fn take(&mut self, line: u64, meaning: Meaning<'_>) -> Result<(), ReadError> {
        match meaning {
            Meaning::Blank => {}
            Meaning::First => {
                self.leave_open(line);
                self.part = self.part.saturating_add(1);
                self.header = Header::default();
                self.state = State::Inside;
            }
            _ if self.state == State::Beginning => return Err(ReadError::NotAStatement),
            Meaning::Last => {
                self.leave_open(line);
                self.state = State::Ended;
            }
            _ if self.state == State::Ended => self.fault(line, line, FaultKind::AfterEnd),
            Meaning::Begins(kind) => {
                self.leave_open(line);
                self.open = Section {
                    kind,
                    from_line: line,
                    ..Section::default()
                };
            }
            Meaning::Ends(word) => self.close(line, word),
            Meaning::Field(key, value) => self.open.overlong |= !self.open.fields.add(key, value),
            Meaning::Other(text) if self.open.fields.ends_in_purpose() => {
                self.open.overlong |= !self.open.fields.go_on(text);
            }
            Meaning::Other(_) => self.fault(line, line, FaultKind::Nonsense),
        }
        Ok(())
    }

    /// The end of a section.
    fn close(&mut self, line: u64, word: &'static str) {
        let section = std::mem::take(&mut self.open);
        match section.kind {
            SectionKind::Account | SectionKind::Document { .. } if section.overlong => {
                self.fault(section.from_line, line, FaultKind::Overlong);
            }
            SectionKind::Account if word == wire::ACCOUNT_END => self.take_days(line, &section),
            SectionKind::Document { ref form } if word == wire::DOCUMENT_END => {
                self.take_document(line, form, &section);
            }
            _ => {
                self.open = section;
                let line_text = word.to_owned();
                self.fault(line, line, FaultKind::Unopened { line: line_text });
            }
        }
    }

    /// Another section begins, or the file ends: the header is done, anything else was not closed.
    fn leave_open(&mut self, line: u64) {
        let section = std::mem::take(&mut self.open);
        let name = match section.kind {
            SectionKind::Header => return self.take_header(&section.fields),
            SectionKind::Account => wire::ACCOUNT.to_owned(),
            SectionKind::Document { form } => format!("{}={form}", wire::DOCUMENT),
        };
        let before = line.saturating_sub(1).max(section.from_line);
        self.fault(
            section.from_line,
            before,
            FaultKind::Unclosed { section: name },
        );
    }

    fn take_header(&mut self, fields: &Fields) {
        if fields.is_empty() {
            return;
        }
        let text = |key| fields.get(key).map(str::to_owned);
        let day = |key| fields.get(key).and_then(translate::date);
        let own = fields.all(wire::OWN_ACCOUNT).filter_map(AccountNumber::new);
        let accounts: Vec<AccountNumber> = own.take(MOST_ACCOUNTS).collect();
        for account in &accounts {
            self.note_own(account.clone());
        }
        self.header = Header {
            version: text("ВерсияФормата"),
            claims: text("Кодировка"),
            sender: text("Отправитель"),
            created: day("ДатаСоздания"),
            from: day("ДатаНачала"),
            to: day("ДатаКонца"),
            accounts,
        };
    }

    fn note_own(&mut self, account: AccountNumber) {
        if self.own.len() < MOST_ACCOUNTS && !self.own.contains(&account) {
            self.own.push(account);
        }
    }

    fn take_days(&mut self, line: u64, section: &Section) {
        let Some(days) = translate::account_days(&section.fields) else {
            let (key, value) = (wire::OWN_ACCOUNT, String::new());
            return self.fault(
                section.from_line,
                line,
                FaultKind::Unreadable { key, value },
            );
        };
        self.note_own(days.account.clone());
        self.balances.add_days(&days);
        if let Some(kind) = days.fault() {
            self.fault(section.from_line, line, kind);
        }
        self.ready.push_back(Record::Days(days));
    }

    fn take_document(&mut self, line: u64, form: &str, section: &Section) {
        let translated = match translate::document(form, &section.fields, &self.own) {
            Ok(translated) => translated,
            Err(kind) => return self.fault(section.from_line, line, kind),
        };
        for kind in translated.left_out {
            self.fault(section.from_line, line, kind);
        }
        for order in translated.orders {
            self.balances.add_order(&order);
            self.ready.push_back(Record::Order {
                line: section.from_line,
                order: Box::new(order),
            });
        }
    }

    /// The last line was read: what is missing, and whether the sums agree.
    fn end(&mut self) -> Result<(), ReadError> {
        let last = self.lines.count();
        match self.state {
            State::Beginning => return Err(ReadError::NotAStatement),
            // Sections begin with such a key: nothing was kept.
            _ if self.lines.is_strange() => return Err(ReadError::LettersUnknown),
            State::Inside => {
                self.leave_open(last.saturating_add(1));
                self.fault(last, last, FaultKind::NoEnd);
            }
            State::Ended | State::Over => {}
        }
        for kind in self.balances.faults() {
            self.fault(1, last, kind);
        }
        self.state = State::Over;
        Ok(())
    }

    fn fault(&mut self, from_line: u64, to_line: u64, kind: FaultKind) {
        self.ready.push_back(fault(from_line, to_line, kind));
    }
}

impl<R: BufRead> Iterator for Statement<R> {
    type Item = Result<Record, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Err(error) = self.advance() {
            self.state = State::Over;
            return Some(Err(error));
        }
        self.ready.pop_front().map(Ok)
    }
}

fn fault(from_line: u64, to_line: u64, kind: FaultKind) -> Record {
    Record::Fault(Fault {
        from_line,
        to_line,
        kind,
    })
}

fn meaning(line: &str) -> Meaning<'_> {
    let trimmed = line.trim();
    match trimmed {
        "" => return Meaning::Blank,
        wire::FIRST_LINE => return Meaning::First,
        wire::LAST_LINE => return Meaning::Last,
        wire::ACCOUNT => return Meaning::Begins(SectionKind::Account),
        wire::ACCOUNT_END => return Meaning::Ends(wire::ACCOUNT_END),
        wire::DOCUMENT_END => return Meaning::Ends(wire::DOCUMENT_END),
        // Of no kind.
        wire::DOCUMENT => {
            return Meaning::Begins(SectionKind::Document {
                form: String::new(),
            });
        }
        _ => {}
    }
    match wire::key_and_value(line) {
        Some((wire::DOCUMENT, form)) => Meaning::Begins(SectionKind::Document {
            form: form.trim().to_owned(),
        }),
        Some((key, value)) => Meaning::Field(key, value),
        None => Meaning::Other(trimmed),
    }
}
