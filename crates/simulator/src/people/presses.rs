//! What the cashier orders at our desk, and what is said to it. Each press of a button is a program of its own beside the
//! server, as the command line is: it comes a moment later, with others, and may break off.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use desk::Desk;
use desk::giving::{GivingOrder, NotGiven};
use desk::invoices::NotNamed;
use desk::payments::{LetterOrder, NotAnswered, NotMoved, NotUndone};
use desk::policy::NoBooking;
use desk::registers::{NotSplit, SplitOrder};
use desk::settlements::{NotSettled, Order as SettlementOrder};
use domain::Money;
use store::{Fault, Store, StoreError};

use crate::chance::dice::Dice;
use crate::people::bank::zone;

/// What is wanted.
#[derive(Clone, Debug)]
pub(crate) enum Order {
    Give(GivingOrder),
    Settle(SettlementOrder),
    /// A settlement is taken back, by its number.
    Unsettle(i64),
    /// All that is given of a payment is taken back.
    TakeBack(i64),
    Move(LetterOrder),
    Split(SplitOrder),
    Answer {
        case: i64,
        /// The question as it was read.
        seen: String,
        choice: String,
        payment: i64,
    },
}

/// What was said to a press.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is done.
    Obeyed {
        /// Under which number, or what was taken back.
        numbers: Vec<i64>,
        /// How much.
        amount: Option<Money>,
    },
    /// Nothing is done, and why.
    Refused(String),
    /// The program ended before it said anything: it is done or not.
    BrokenOff(String),
}

/// A press, and what came of it.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    /// All presses of one order have its number.
    pub(crate) number: u64,
    pub(crate) order: Order,
    /// The program was to break off.
    pub(crate) doomed: bool,
    pub(crate) outcome: Outcome,
}

/// All that was said, as it came. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sayings(Arc<Mutex<Vec<Said>>>);

impl Sayings {
    pub(crate) fn add(&self, said: Said) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(said);
    }

    pub(crate) fn all(&self) -> Vec<Said> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.clone()
    }
}

/// Under whose name an order is given: one for each, so that what came of it is told apart.
pub(crate) fn name_of(number: u64) -> String {
    format!("кассир {number}")
}

/// What proves an order: one for each as well.
pub(crate) fn letter_of(number: u64) -> String {
    format!("письмо № {number}")
}

impl Order {
    /// As the story calls it.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Give(_) => "desk: gives",
            Self::Settle(_) => "desk: settles",
            Self::Unsettle(_) => "desk: unsettles",
            Self::TakeBack(_) => "desk: takes back",
            Self::Move(_) => "desk: obeys a letter",
            Self::Split(_) => "desk: splits",
            Self::Answer { .. } => "desk: answers",
        }
    }

    /// The payment that it is about.
    pub(crate) const fn payment(&self) -> Option<i64> {
        match self {
            Self::Give(order) => Some(order.payment),
            Self::Move(order) => Some(order.payment),
            Self::Split(order) => Some(order.payment),
            Self::TakeBack(payment) | Self::Answer { payment, .. } => Some(*payment),
            Self::Settle(_) | Self::Unsettle(_) => None,
        }
    }

    /// Presses the button after a while, as the program that it starts.
    pub(crate) async fn press(&self, desk: &Desk, number: u64, after: Duration) -> Outcome {
        crate::machine::freeze::pause(after).await;
        let by = name_of(number);
        let (by, zone) = (by.as_str(), zone());
        match self {
            Self::Give(order) => match desk.give(order, by, &zone).await {
                Ok(given) => obeyed(Vec::new(), Some(given.amount)),
                Err(
                    NotGiven::Store(error)
                    | NotGiven::NotNamed(NotNamed::Store(error))
                    | NotGiven::NoBooking(NoBooking::Store(error)),
                ) => broken_off(&error),
                Err(error) => refused(&error),
            },
            Self::Settle(order) => match desk.settle(order, by, &zone).await {
                Ok(settled) => obeyed(vec![settled.number], Some(settled.amount)),
                Err(
                    NotSettled::Store(error)
                    | NotSettled::NotNamed(NotNamed::Store(error))
                    | NotSettled::NoBooking(NoBooking::Store(error)),
                ) => broken_off(&error),
                Err(error) => refused(&error),
            },
            Self::Unsettle(settled) => {
                match desk.unsettle(*settled, (by, "акт отменён"), &zone).await {
                    Ok(Some(_)) => obeyed(vec![*settled], None),
                    Ok(None) => refused(&"there is nothing to take back"),
                    Err(error) => broken_off(&error),
                }
            }
            Self::TakeBack(payment) => match desk.undo(*payment, (by, "ошибка"), &zone).await
            {
                Ok(Some(undone)) => obeyed(undone.transactions, None),
                Ok(None) => refused(&"there is nothing to take back"),
                Err(NotUndone::Store(error)) => broken_off(&error),
                Err(error) => refused(&error),
            },
            Self::Move(order) => match desk.obey_letter(order, by, &zone).await {
                Ok((amount, _)) => obeyed(Vec::new(), Some(amount)),
                Err(NotMoved::Store(error) | NotMoved::NotNamed(NotNamed::Store(error))) => {
                    broken_off(&error)
                }
                Err(error) => refused(&error),
            },
            Self::Split(order) => match desk.split(order, by, &zone).await {
                Ok(_) => obeyed(Vec::new(), None),
                Err(
                    NotSplit::Store(error)
                    | NotSplit::NotNamed(NotNamed::Store(error))
                    | NotSplit::NoBooking(NoBooking::Store(error)),
                ) => broken_off(&error),
                Err(error) => refused(&error),
            },
            Self::Answer {
                case, seen, choice, ..
            } => answer(desk, (*case, seen.as_str()), choice, by).await,
        }
    }
}

/// A question is answered as it was read.
pub(crate) async fn answer(
    desk: &Desk,
    (case, seen): (i64, &str),
    choice: &str,
    by: &str,
) -> Outcome {
    match desk.answer(case, Some(seen), choice, by).await {
        Ok(_) => obeyed(Vec::new(), None),
        Err(NotAnswered::Store(error)) => broken_off(&error),
        Err(error) => refused(&error),
    }
}

/// How a press breaks off.
const BREAKS: [Fault; 6] = [
    Fault::Io,
    Fault::IoAtCommit,
    Fault::IoAfterCommit,
    Fault::UnknownCommitLost,
    Fault::UnknownCommitStored,
    Fault::Busy,
];

/// Whether the program of a press is to break off, as some do.
pub(crate) fn is_doomed(store: &Store, dice: &mut Dice) -> bool {
    let broken = dice.chance(150);
    let fault = dice.pick(&BREAKS).filter(|_| broken);
    let most = if fault == Some(Fault::Io) { 20 } else { 4 };
    let nth = u32::try_from(dice.between(1, most)).unwrap_or(1);
    if let Some(fault) = fault {
        store.faults().fail_nth(nth, fault);
    }
    fault.is_some()
}

fn obeyed(numbers: Vec<i64>, amount: Option<Money>) -> Outcome {
    Outcome::Obeyed { numbers, amount }
}

fn refused(why: &impl ToString) -> Outcome {
    Outcome::Refused(why.to_string())
}

fn broken_off(error: &StoreError) -> Outcome {
    Outcome::BrokenOff(error.to_string())
}
