//! Money that is no buyer's, among the orders of some banks: between two accounts of ours, and what the bank charges.
//! The words of both may name an invoice, and the sum may be what that asks for.

use domain::payment::{AccountNumber, Direction, OtherSide, PaymentOrder};
use domain::{Inn, Money};
use jiff::civil::Date;

use crate::chance::dice::{About, Dice};
use crate::chance::weather::Weather;
use crate::offices::office::{self, SELLER, SELLER_INN};
use crate::people::bank::{Payable, account};

/// How the words of a transfer begin.
pub(crate) const TRANSFER: &str = "Перевод собственных средств";
/// The same of a charge.
pub(crate) const CHARGE: &str = "Комиссия банка за исполнение платежа";

/// Whatever moves such money.
pub(crate) struct OwnMoney {
    dice: Dice,
}

/// What is carried out at once.
pub(crate) struct Carried {
    pub(crate) kind: &'static str,
    pub(crate) orders: Vec<PaymentOrder>,
}

impl Weather {
    /// Few days have it: they are drawn from a stream of their own, so that all the others stay as they are.
    pub(crate) fn draw_own_money(&mut self, seed: u64) {
        let dice = &mut Dice::of(seed, About::OwnMoney);
        // Whoever enters orders by hand knows one account, and whoever gives by hand is asked why.
        let others = self.customs.clerk.is_some() || self.customs.cashier.is_some();
        self.customs.own_money = dice.chance(150) && self.bank && !others;
    }
}

/// Our other account.
pub(crate) fn second_account(place: usize) -> Option<AccountNumber> {
    AccountNumber::new(&format!("407028100000001{place:05}"))
}

impl OwnMoney {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            dice: Dice::of(seed, About::OwnMovements),
        }
    }

    /// Something of the kind, or nothing.
    pub(crate) fn moves(
        &mut self,
        place: usize,
        bills: &[Payable],
        today: Date,
    ) -> Option<Carried> {
        if self.dice.chance(400) {
            return None;
        }
        let bill = self.dice.pick(bills).filter(|_| self.dice.chance(600));
        let of = bill.as_ref().map_or_else(String::new, |bill| {
            let date = domain::display::date(bill.date);
            format!(" по счету № {} от {date}", bill.number)
        });
        let wanted = bill
            .map(|bill| bill.kopecks)
            .filter(|_| self.dice.chance(700));
        let some = i64::try_from(self.dice.between(1, 90_000_000)).unwrap_or(1);
        let order = PaymentOrder {
            own_account: account(place)?,
            direction: Direction::Out,
            form: Some("Платежное поручение".to_owned()),
            number: self.dice.between(1, 9).to_string(),
            date: today,
            booked: Some(today),
            amount: Money::from_kopecks(wanted.filter(|sum| *sum > 0).unwrap_or(some)),
            other: OtherSide {
                name: Some(SELLER.to_owned()),
                inn: Inn::parse(SELLER_INN).ok(),
                kpp: None,
                account: None,
                bik: None,
            },
            purpose: String::new(),
        };
        if self.dice.chance(400) {
            return Some(charged(order, &of));
        }
        let back = self.dice.chance(400);
        let is_told = self.dice.chance(700);
        let second = second_account(place)?;
        Some(transferred(&order, second, &of, (back, is_told)))
    }
}

fn charged(order: PaymentOrder, of: &str) -> Carried {
    let bank = OtherSide {
        name: Some("ПАО «Банк»".to_owned()),
        inn: Inn::parse(&office::inn(90_001)).ok(),
        account: AccountNumber::new("70601810000000000001"),
        ..order.other
    };
    Carried {
        kind: "charged by the bank",
        orders: vec![PaymentOrder {
            form: Some("Банковский ордер".to_owned()),
            other: bank,
            purpose: format!("{CHARGE}{of}"),
            ..order
        }],
    }
}

/// Both accounts show it; some banks name nobody's account on the other side.
fn transferred(
    order: &PaymentOrder,
    second: AccountNumber,
    of: &str,
    (back, is_told): (bool, bool),
) -> Carried {
    let (from, to) = if back {
        (second, order.own_account.clone())
    } else {
        (order.own_account.clone(), second)
    };
    let side = |own: &AccountNumber, other: &AccountNumber, direction| PaymentOrder {
        own_account: own.clone(),
        direction,
        other: OtherSide {
            account: is_told.then(|| other.clone()),
            ..order.other.clone()
        },
        purpose: format!("{TRANSFER}{of}"),
        ..order.clone()
    };
    Carried {
        kind: "own transfer",
        orders: vec![
            side(&from, &to, Direction::Out),
            side(&to, &from, Direction::In),
        ],
    }
}
