//! A payment, or what is left of it, that a person gives to an invoice which he names: no question has to offer it.
//!
//! It is recorded like a candidate that he chooses, and taken back like any other booking ([`Desk::undo`]).

use domain::payment::GivenOtherwise;
use domain::{DealId, Money};
use jiff::tz::TimeZone;
use planner::payments::{GIVEN_BY_PARTS, chosen_by};
use serde_json::json;
use store::{Balance, Giving, GivingRefused, InvoiceRef, ListedPayment, StoreError, WasGiven};

use crate::Desk;
use crate::invoices::NotNamed;
use crate::policy::NoBooking;

/// What a person wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivingOrder {
    /// The payment's number.
    pub payment: i64,
    /// The invoice's number, or `organisation/id` where several have it.
    pub invoice: String,
    /// How much; none: all that the payment has left and the invoice has open.
    pub amount: Option<Money>,
    /// The last transaction of the payment that was seen; none: nothing was looked at, and the same order once more is refused.
    pub seen: Option<i64>,
}

/// What was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// The number of the invoice.
    pub invoice: String,
    /// How much it got.
    pub amount: Money,
    /// What the payment has left.
    pub left: Money,
    /// The deals that are looked at.
    pub deals: Vec<DealId>,
    /// The bank's whole order that was taken back, since this payment is a part of it.
    pub whole: Option<i64>,
}

/// A payment that may be given, as it is known before anybody does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Givable {
    /// What it has left.
    pub left: Money,
    /// The last transaction of the payment, see [`GivingOrder::seen`].
    pub seen: i64,
}

/// What is known of a payment that may be given to an invoice; none of one that may not. `seen`: its last transaction, read
/// before it.
pub fn givable(payment: &ListedPayment, seen: i64) -> Option<Givable> {
    let left = payment.remaining;
    payment.may_be_given().then_some(Givable { left, seen })
}

/// Why nothing was given.
#[derive(Debug, thiserror::Error)]
pub enum NotGiven {
    /// Nothing is booked.
    #[error(transparent)]
    NoBooking(#[from] NoBooking),
    /// No one invoice is meant.
    #[error(transparent)]
    NotNamed(#[from] NotNamed),
    /// What we paid, or none at all.
    #[error("payment {0} is no buyer's: it is given to no invoice")]
    NoPayment(i64),
    /// A person says first that it is a buyer's.
    #[error("payment {0} is set aside for the words of its purpose")]
    SetAside(i64),
    /// A credit of many sales.
    #[error("payment {0} is a credit of many sales: it is split first")]
    Register(i64),
    /// Something was recorded of it since it was seen.
    #[error("payment {0} was changed meanwhile")]
    Changed(i64),
    /// The last that was recorded of it gave just this.
    #[error("entry {last} gave just this of payment {payment} to invoice `{number}` already")]
    Again {
        /// The payment's number.
        payment: i64,
        /// Which invoice.
        number: String,
        /// That entry; who saw it may give as much again.
        last: i64,
    },
    /// An amount of nothing.
    #[error("the amount is not above nothing")]
    NoAmount,
    /// The payment has less left.
    #[error("payment {payment} has {left} left")]
    NotThatMuch {
        /// The payment's number.
        payment: i64,
        /// So much.
        left: Money,
    },
    /// Less is open of the invoice.
    #[error("invoice `{number}` has {open} open")]
    MoreThanOpen {
        /// Which one.
        number: String,
        /// So much.
        open: Money,
    },
    /// It is a part of the bank's whole order, which a person gave.
    #[error("payment {payment} is a part of payment {whole}, which a person gave already")]
    WholeGiven {
        /// The payment's number.
        payment: i64,
        /// That of the whole one: it is taken back first.
        whole: i64,
    },
    /// A part of it is given.
    #[error("payment {payment} is given by its parts already, as payment {part}")]
    PartGiven {
        /// The payment's number.
        payment: i64,
        /// That of the part: it is taken back first.
        part: i64,
    },
    /// Our records.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Desk {
    /// Gives a payment, or what is left of it, to an invoice in the name of `by`. Where it is a part of an order that the bank
    /// shows whole, what a rule gave of that is taken back by corrections of today in `zone`.
    ///
    /// # Errors
    /// Says why nothing was recorded.
    pub async fn give(
        &self,
        order: &GivingOrder,
        by: &str,
        zone: &TimeZone,
    ) -> Result<Given, NotGiven> {
        self.booking_policy().await?;
        let payment = order.payment;
        let invoice = self.named_of(payment, &order.invoice).await?;
        let now = self.clock.now();
        let wanted = Giving {
            payment,
            invoice: invoice.clone(),
            amount: order.amount,
            seen: order.seen,
            because: chosen_by(by),
            of_parts: GIVEN_BY_PARTS.to_owned(),
            by: by.to_owned(),
            today: now.to_zoned(zone.clone()).date(),
        };
        let given = self.store.money_give(&self.portal, &wanted, now).await?;
        let number = self.number_of(&invoice).await?;
        match given {
            WasGiven::Done {
                amount,
                left,
                deals,
                whole,
            } => {
                let note = json!({
                    "given": payment, "invoice": number, "kopecks": amount.kopecks(), "by": by,
                });
                self.note_person(note).await?;
                // At once, so that the question is there.
                self.decide(whole.as_slice()).await?;
                Ok(Given {
                    invoice: number,
                    amount,
                    left,
                    deals,
                    whole,
                })
            }
            WasGiven::Refused(refused) => Err(match refused {
                GivingRefused::NoPayment => NotGiven::NoPayment(payment),
                GivingRefused::SetAside => NotGiven::SetAside(payment),
                GivingRefused::Register => NotGiven::Register(payment),
                GivingRefused::Changed => NotGiven::Changed(payment),
                GivingRefused::Again { last } => NotGiven::Again {
                    payment,
                    number,
                    last,
                },
                GivingRefused::NoAmount => NotGiven::NoAmount,
                GivingRefused::NotThatMuch { left } => NotGiven::NotThatMuch { payment, left },
                GivingRefused::MoreThanOpen { open } => NotGiven::MoreThanOpen { number, open },
                GivingRefused::Otherwise(GivenOtherwise::Whole(whole)) => {
                    NotGiven::WholeGiven { payment, whole }
                }
                GivingRefused::Otherwise(GivenOtherwise::Part(part)) => {
                    NotGiven::PartGiven { payment, part }
                }
            }),
        }
    }

    /// The invoice that is named for a payment: of several with that number one that is open; else one that is paid, so that it
    /// is said.
    async fn named_of(&self, payment: i64, invoice: &str) -> Result<InvoiceRef, NotGiven> {
        let whose = self.organisation_of(payment).await?;
        let whose = whose.ok_or(NotGiven::NoPayment(payment))?;
        let is_open = |one: &Balance| one.open().is_positive();
        let open = self.invoice_of_organisation(&whose, invoice, is_open);
        match open.await {
            Err(NotNamed::NoInvoice(_) | NotNamed::OfAnother { .. }) => {
                let stands = |one: &Balance| one.stands;
                let paid = self.invoice_of_organisation(&whose, invoice, stands);
                Ok(paid.await?)
            }
            named => Ok(named?),
        }
    }
}
