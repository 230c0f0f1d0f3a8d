//! Why an invoice is proposed, and why a match is not certain: in the words of the people who decide.

use std::fmt;

use super::Gone;
use crate::Inn;

/// What speaks for a candidate.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The purpose names its number and its date.
    NumberAndDate,
    /// The purpose names its number and no date, or no year.
    Number,
    /// The number stands in the purpose, though not as an invoice's.
    NumberInText,
    /// The payer is the buyer.
    Payer,
    /// The purpose names the buyer, by name or INN, and the payer is somebody else.
    BuyerNamed,
    /// The amount is what is open.
    Amount,
    /// The amount is what is open of all of them together.
    AmountTogether,
    /// With other payments of the payer the amount is what is open.
    AmountWithOthers {
        /// The numbers of the others.
        payments: Vec<i64>,
        /// No others of his would do as well.
        only: bool,
    },
    /// The buyer has no other open invoice.
    OnlyOpen,
    /// People took this payer's money for this buyer before.
    ChosenBefore {
        /// How often.
        times: u32,
    },
}

/// What speaks against booking without a person.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Doubt {
    /// The source does not tell the payer's INN.
    NoInn,
    /// The purpose names no invoice.
    NoInvoiceNamed,
    /// An invoice is named without a number.
    NoNumber,
    /// An invoice is named by number alone.
    NoDate {
        /// The number.
        number: String,
    },
    /// This buyer has no open invoice of that number and date.
    NotOpen {
        /// The number.
        number: String,
    },
    /// The invoice was taken back, or closed without a bank line.
    Gone {
        /// Its number.
        number: String,
        /// How.
        how: Gone,
    },
    /// Two open invoices have that number and date.
    NotOne {
        /// The number.
        number: String,
    },
    /// The invoice is another buyer's: perhaps a company of the same group.
    AnotherBuyer {
        /// The buyer.
        buyer: Inn,
    },
    /// The buyer of the invoice has no INN: nothing tells that the payer is he.
    BuyerWithoutInn,
    /// The invoice is of another legal entity of ours than the account.
    AnotherOrganisation,
    /// The purpose names a document beside that money may be for.
    SecondReference,
    /// It says that money comes back.
    Refund,
    /// It says for whom else it is paid.
    ThirdParty,
    /// It says that this is no sale: own funds, a loan, a register of cards.
    NoSale,
    /// It speaks of a document that is no invoice: a claim, a ruling, a receipt.
    OtherDocument,
    /// A number that could not be understood is that of another open invoice of this buyer.
    NumberOfAnother {
        /// The number.
        number: String,
    },
    /// More came than is open.
    MoreThanOpen,
    /// Several invoices are named, and the amount is not what is open of them.
    SumDiffers,
    /// Other open invoices come to the same sum.
    SecondCover,
    /// More invoices are open than can be tried for a second sum.
    TooManyOpen,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::NumberAndDate => f.write_str("в назначении номер и дата этого счёта"),
            Reason::Number => f.write_str("в назначении номер этого счёта, даты нет"),
            Reason::NumberInText => f.write_str("номер счёта встречается в назначении"),
            Reason::Payer => f.write_str("ИНН плательщика и покупателя совпадают"),
            Reason::BuyerNamed => f.write_str("покупатель назван в назначении"),
            Reason::Amount => f.write_str("сумма равна остатку по счёту"),
            Reason::AmountTogether => f.write_str("сумма равна остатку по этим счетам вместе"),
            Reason::AmountWithOthers { payments, only } => {
                let numbers: Vec<String> = payments
                    .iter()
                    .map(|number| format!("№ {number}"))
                    .collect();
                let word = if numbers.len() == 1 {
                    "платежом"
                } else {
                    "платежами"
                };
                let others = if *only {
                    ""
                } else {
                    " (подходят и другие его платежи)"
                };
                write!(
                    f,
                    "вместе с {word} {} сумма равна остатку по счёту{others}",
                    numbers.join(" и ")
                )
            }
            Reason::OnlyOpen => f.write_str("других неоплаченных счетов у покупателя нет"),
            Reason::ChosenBefore { times } => {
                write!(
                    f,
                    "деньги этого плательщика уже относили на этого покупателя, раз: {times}"
                )
            }
        }
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Doubt::NoInn => f.write_str("ИНН плательщика неизвестен"),
            Doubt::NoInvoiceNamed => f.write_str("в назначении не назван счёт"),
            Doubt::NoNumber => f.write_str("счёт назван без номера"),
            Doubt::NoDate { number } => write!(f, "счёт № {number} назван без даты"),
            Doubt::NotOpen { number } => {
                write!(
                    f,
                    "неоплаченного счёта № {number} с этой датой у плательщика нет"
                )
            }
            Doubt::Gone { number, how } => match how {
                Gone::Cancelled => write!(f, "счёт № {number} отменён"),
                Gone::Deleted => write!(f, "счёт № {number} удалён в учёте"),
                Gone::Closed { by } => write!(
                    f,
                    "счёт № {number} закрыт без выписки (запись № {by}): если это те же деньги, снимите её"
                ),
            },
            Doubt::NotOne { number } => {
                write!(f, "счетов № {number} с этой датой у плательщика несколько")
            }
            Doubt::AnotherBuyer { buyer } => {
                write!(
                    f,
                    "счёт выставлен другому покупателю, ИНН {}",
                    buyer.masked()
                )
            }
            Doubt::BuyerWithoutInn => {
                f.write_str("у покупателя по счёту нет ИНН: сверьте, кто платит")
            }
            Doubt::AnotherOrganisation => {
                f.write_str("счёт выставлен другой нашей организацией, деньги пришли не на её счёт")
            }
            Doubt::SecondReference => f.write_str("кроме счёта назван ещё один документ"),
            Doubt::Refund => f.write_str("в назначении речь о возврате"),
            Doubt::ThirdParty => f.write_str("оплата за третье лицо: нужно письмо"),
            Doubt::NoSale => f.write_str("это не оплата продажи: свои средства, заём или реестр"),
            Doubt::OtherDocument => f.write_str("в назначении документ другого рода"),
            Doubt::NumberOfAnother { number } => {
                write!(
                    f,
                    "в назначении есть и номер другого неоплаченного счёта: {number}"
                )
            }
            Doubt::MoreThanOpen => f.write_str("пришло больше, чем осталось по счёту"),
            Doubt::SumDiffers => f.write_str("сумма не равна остатку по названным счетам"),
            Doubt::SecondCover => f.write_str("ту же сумму дают и другие неоплаченные счета"),
            Doubt::TooManyOpen => {
                f.write_str("неоплаченных счетов слишком много, чтобы исключить другое сочетание")
            }
        }
    }
}
