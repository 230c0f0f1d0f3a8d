//! Statements as the files that the program of some banks writes: each time in another code page, and at times with
//! an order that lacks its sum. What is read of a file is compared with what the bank carried out.

use connector_bank_statement::{Record, Statement};
use domain::payment::{AccountNumber, Direction, LineId, PaymentOrder, SourceId};
use emulator_bank::{Account, Bank, CodePage, Form, Operation, Party, Way};
use emulator_harness::TokioClock;
use jiff::Timestamp;
use jiff::civil::Date;
use sha2::{Digest as _, Sha256};

use crate::chance::dice::{About, Dice};
use crate::chance::weather::Weather;
use crate::days::world::told;
use crate::offices::office::{SELLER, SELLER_INN};

/// The program of a bank.
pub(crate) struct Files {
    dice: Dice,
}

/// A statement as it was written.
pub(crate) struct File {
    bytes: Vec<u8>,
    pub(crate) page: CodePage,
    /// What can be read of it.
    orders: Vec<PaymentOrder>,
    /// An order lacks its sum.
    pub(crate) is_broken: bool,
}

/// What was read of a statement.
pub(crate) struct Read {
    pub(crate) source: SourceId,
    pub(crate) orders: Vec<(LineId, PaymentOrder)>,
    faults: Vec<String>,
}

/// More than is ever paid back.
const OPENING_KOPECKS: i64 = 1_000_000_000_000;

impl Weather {
    /// Few days have it: they are drawn from a stream of their own, so that all the others stay as they are.
    pub(crate) fn draw_files(&mut self, seed: u64) {
        let dice = &mut Dice::of(seed, About::Files);
        let customs = &self.customs;
        // The program writes one account, and orders of one form.
        let others = [
            customs.clerk.is_some(),
            customs.cashier.is_some(),
            customs.own_money,
        ];
        self.customs.files = dice.chance(150) && self.bank && !others.contains(&true);
    }
}

impl Files {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            dice: Dice::of(seed, About::Filing),
        }
    }

    /// The statement over these orders.
    pub(crate) fn file(
        &mut self,
        orders: &[PaymentOrder],
        may_break: bool,
        now: Timestamp,
    ) -> Option<File> {
        let page = self.dice.pick(&CodePage::ALL)?;
        let breaks = self.dice.chance(250) && may_break;
        let places: Vec<usize> = (0..orders.len()).collect();
        let place = self.dice.pick(&places)?;
        let (bank, account, days) = bank_of(orders, now)?;
        let file = File {
            bytes: bank.statement(&account, days, page)?,
            page,
            orders: orders.to_vec(),
            is_broken: false,
        };
        if !breaks {
            return Some(file);
        }
        let readable = bank.statement(&account, days, CodePage::Utf8)?;
        file.without_sum(place, &String::from_utf8(readable).ok()?)
    }
}

/// A bank that carried out just these, with the account and its days.
fn bank_of(orders: &[PaymentOrder], now: Timestamp) -> Option<(Bank, String, (Date, Date))> {
    let number = orders.first()?.own_account.as_str().to_owned();
    let account = Account {
        number: number.clone(),
        owner: Party {
            name: SELLER.to_owned(),
            inn: SELLER_INN.to_owned(),
            account: String::new(),
        },
        opening_kopecks: OPENING_KOPECKS,
    };
    let bank = Bank::new(vec![account], TokioClock::shared(now));
    let booked: Vec<Date> = orders.iter().filter_map(|order| order.booked).collect();
    let is_told = orders.iter().all(|order| bank.carry_out(operation(order)));
    let days = (*booked.iter().min()?, *booked.iter().max()?);
    is_told.then_some((bank, number, days))
}

fn operation(order: &PaymentOrder) -> Operation {
    let other = &order.other;
    let account = other.account.as_ref().map(AccountNumber::as_str);
    Operation {
        account: order.own_account.as_str().to_owned(),
        way: match order.direction {
            Direction::In => Way::In,
            Direction::Out => Way::Out,
        },
        form: Form::PaymentOrder,
        number: order.number.clone(),
        date: order.date,
        booked: order.booked.unwrap_or(order.date),
        kopecks: order.amount.kopecks(),
        other: Party {
            name: other.name.clone().unwrap_or_default(),
            inn: other
                .inn
                .as_ref()
                .map_or_else(String::new, ToString::to_string),
            account: account.unwrap_or_default().to_owned(),
        },
        purpose: order.purpose.clone(),
    }
}

impl File {
    /// The same, but that one of its orders lacks its sum. `readable` has the same lines.
    fn without_sum(mut self, place: usize, readable: &str) -> Option<Self> {
        let lines = readable.lines().enumerate();
        let mut sums = lines.filter(|(_, line)| line.starts_with("Сумма="));
        let (lost, _) = sums.nth(place)?;
        let lines = self.bytes.split_inclusive(|byte| *byte == b'\n');
        let kept = lines.enumerate().filter(|(nth, _)| *nth != lost);
        let kept: Vec<u8> = kept.flat_map(|(_, line)| line.iter().copied()).collect();
        self.bytes = kept;
        self.orders.remove(place);
        self.is_broken = true;
        Some(self)
    }

    /// What the product reads of it.
    pub(crate) fn read(&self) -> Result<Read, String> {
        let hash = Sha256::digest(&self.bytes);
        let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut read = Read {
            source: SourceId(format!("statement/{hash}")),
            orders: Vec::new(),
            faults: Vec::new(),
        };
        for record in Statement::new(self.bytes.as_slice()) {
            match record.map_err(told)? {
                Record::Order { line, order } => {
                    read.orders.push((LineId(line.to_string()), *order));
                }
                Record::Fault(fault) => read.faults.push(fault.to_string()),
                Record::Days(_) => {}
            }
        }
        Ok(read)
    }

    /// What was read otherwise than it stands there.
    pub(crate) fn misread(&self, read: &Read) -> Option<String> {
        let shall: Vec<String> = self.orders.iter().map(in_words).collect();
        let is: Vec<String> = read.orders.iter().map(|(_, one)| in_words(one)).collect();
        let are_told = read.faults.is_empty() != self.is_broken;
        (shall != is || !are_told).then(|| {
            format!(
                "[I-8] a file in {:?}, broken: {}, holds {shall:#?} and was read as {is:#?}, with {:?}",
                self.page, self.is_broken, read.faults
            )
        })
    }
}

/// An order in words that every code page has. A bank spells names its own way.
fn in_words(order: &PaymentOrder) -> String {
    let other = &order.other;
    let inn = other.inn.as_ref().map(ToString::to_string);
    let account = other.account.as_ref().map(AccountNumber::as_str);
    format!(
        "{:?} on {}: № {} of {}, {:?}, {} kopecks, {inn:?} {account:?}: {}",
        order.direction,
        order.own_account.as_str(),
        order.number,
        order.date,
        order.booked,
        order.amount.kopecks(),
        folded(&order.purpose)
    )
}

/// A text as the poorest of the code pages has it.
pub(crate) fn folded(text: &str) -> String {
    let text = text.replace(['«', '»'], "\"");
    text.replace(['–', '—'], "-")
}
