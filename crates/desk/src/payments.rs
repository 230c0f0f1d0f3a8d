//! A person's word on a payment: which invoice it is for, that what was said is taken back, or that a letter of the payer
//! moves it.

use domain::{DealId, Money, OrganisationId};
use jiff::tz::TimeZone;
use planner::Choice;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use store::{
    Balance, Case, CaseState, InvoiceRef, Letter, Moved, PaymentFilter, StoreError, Undone,
    WasUndone,
};

use crate::Desk;
use crate::invoices::NotNamed;
use crate::settlements::closing;

/// Why a case was not answered.
#[derive(Debug, thiserror::Error)]
pub enum NotAnswered {
    /// There is none of this number.
    #[error("there is no case {0}")]
    NoCase(i64),
    /// It has other choices.
    #[error("case {} ({}) has no such choice", case.id, case.facts.code)]
    NoChoice {
        /// The case.
        case: Box<Case>,
        /// What may be answered.
        choices: Vec<Choice>,
    },
    /// It asks something else by now: what was meant is not what would be done.
    #[error("case {0} was asked anew meanwhile")]
    Changed(i64),
    /// Somebody was faster, or it settled itself.
    #[error("case {0} is closed already")]
    Closed(i64),
    /// The bill that was to be closed is paid by now, or is no more: the question goes once its deal is looked at.
    #[error("nothing is open any more of the invoice that case {0} is about")]
    NothingOpen(i64),
    /// Our records.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why nothing was taken back.
#[derive(Debug, thiserror::Error)]
pub enum NotUndone {
    /// A refund, in whose place others paid the invoice since.
    #[error("without refund {payment} invoice `{invoice}` would be overpaid: {open} of it is open")]
    MoreThanOpen {
        /// The refund's number.
        payment: i64,
        /// The number of the invoice.
        invoice: String,
        /// So much is open of it.
        open: Money,
    },
    /// Our records.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a letter was not obeyed.
#[derive(Debug, thiserror::Error)]
pub enum NotMoved {
    /// No one invoice is meant.
    #[error(transparent)]
    NotNamed(#[from] NotNamed),
    /// Something was recorded of it since it was seen.
    #[error("payment {0} was changed meanwhile")]
    Changed(i64),
    /// The last that was recorded of it gave just this.
    #[error("entry {last} gave just this of payment {payment} to invoice `{number}` already")]
    Again {
        /// The payment's number.
        payment: i64,
        /// The invoice that is to have it.
        number: String,
        /// That entry; who saw it may move as much again.
        last: i64,
    },
    /// The invoice has nothing of that payment, or what it had went away.
    #[error("invoice `{number}` has nothing of payment {payment}, or not any more")]
    Nothing {
        /// The payment's number.
        payment: i64,
        /// The invoice that was to lose it.
        number: String,
    },
    /// The invoice has less of that payment.
    #[error("the invoice has {given} of payment {payment}")]
    NotThatMuch {
        /// The payment's number.
        payment: i64,
        /// So much.
        given: Money,
    },
    /// Less is open of the other invoice.
    #[error("the other invoice has {open} open")]
    MoreThanOpen {
        /// So much.
        open: Money,
    },
    /// A credit of many sales: the bank's commission belongs to all of them.
    #[error("payment {0} was split over many sales: no share of it is moved alone")]
    Split(i64),
    /// A refund was taken off what the invoice has of it, and others paid in its place.
    #[error(
        "refund {0} was taken off what the invoice has of it, and others paid the invoice since"
    )]
    Refunded(i64),
    /// Our records.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A payer's letter: money of a payment that is for another invoice than it went to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetterOrder {
    /// The payment's number.
    pub payment: i64,
    /// The number of the invoice that has its money.
    pub from: String,
    /// The number of the one that is to have it.
    pub to: String,
    /// How much; none: all that it has.
    pub amount: Option<Money>,
    /// The last transaction of the payment that was seen; none: nothing was looked at, and the same order once more is refused.
    pub seen: Option<i64>,
    /// The letter, with its number and date.
    pub letter: String,
}

/// What may be answered to a case.
pub fn choices(case: &Case) -> Vec<Choice> {
    let choices = case.facts.facts.get("choices").cloned();
    choices
        .and_then(|choices| serde_json::from_value(choices).ok())
        .unwrap_or_default()
}

/// Whether a case asks what a refund is taken off.
pub fn asks_of_refund(case: &Case) -> bool {
    case.facts.facts.get("refund_of").is_some()
}

/// A case that was answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Answered {
    /// As it is now.
    pub case: Case,
    /// The bank's whole order that was taken back, since the case is about a part of it and gave that.
    pub whole: Option<i64>,
}

/// Tells a question from what it was before: the same choice may stand for another invoice.
pub fn fingerprint(case: &Case) -> String {
    let digest = Sha256::digest(case.facts.facts.to_string());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Desk {
    /// Answers a case in the name of `by`, where it is known as whoever answers saw it. One about a payment is obeyed at
    /// once, also where no server runs; so is a word that closes a bill.
    ///
    /// # Errors
    /// When it cannot be answered so.
    pub async fn answer(
        &self,
        number: i64,
        seen: Option<&str>,
        choice: &str,
        by: &str,
    ) -> Result<Answered, NotAnswered> {
        let case = self.store.case_get(&self.portal, number).await?;
        let case = case.ok_or(NotAnswered::NoCase(number))?;
        if case.state == CaseState::Open && seen.is_some_and(|seen| seen != fingerprint(&case)) {
            return Err(NotAnswered::Changed(number));
        }
        let choices = choices(&case);
        if !choices.iter().any(|known| known.word == choice) {
            let case = Box::new(case);
            return Err(NotAnswered::NoChoice { case, choices });
        }
        let body = json!({"choice": choice});
        let is_answered = match closing(&case, choice) {
            Some(closing) => self.settle_by_mark((&case, &body), closing, by).await?,
            None => {
                let now = self.clock.now();
                let answered = self.store.case_answer(&self.portal, &case, &body, by, now);
                answered.await?
            }
        };
        if !is_answered {
            let now = self.store.case_get(&self.portal, number).await?;
            return Err(match now {
                Some(now) if now.state == CaseState::Open => NotAnswered::Changed(number),
                Some(_) | None => NotAnswered::Closed(number),
            });
        }
        let note = json!({"answered": choice, "case": number, "code": case.facts.code, "by": by});
        self.note_person(note).await?;
        let mut taken_back = Vec::new();
        if let Some(payment) = case.facts.subject.as_payment() {
            taken_back = self.decide(&[payment]).await?;
            // At once, so that the question is there.
            self.decide(&taken_back).await?;
        }
        let answered = self.store.case_get(&self.portal, number).await?;
        Ok(Answered {
            case: answered.unwrap_or(case),
            whole: taken_back.first().copied(),
        })
    }

    /// Takes a payment off its invoices in the name of `by`, by corrections of today in `zone`; it is asked about anew.
    /// None: there is nothing to take back. Refunds that had been taken off it are decided anew with it.
    ///
    /// # Errors
    /// Says why nothing was taken back.
    pub async fn undo(
        &self,
        payment: i64,
        (by, because): (&str, &str),
        zone: &TimeZone,
    ) -> Result<Option<Undone>, NotUndone> {
        let now = self.clock.now();
        let today = now.to_zoned(zone.clone()).date();
        let undone = self
            .store
            .money_undo(&self.portal, payment, (by, because), today, now);
        let undone = match undone.await? {
            WasUndone::Done(undone) => undone,
            WasUndone::Nothing => return Ok(None),
            WasUndone::MoreThanOpen { invoice, open } => {
                return Err(NotUndone::MoreThanOpen {
                    payment,
                    invoice: self.number_of(&invoice).await?,
                    open,
                });
            }
        };
        let note = json!({"undone": undone.transactions, "payment": payment, "by": by});
        self.note_person(note).await?;
        // At once, so that the question is there.
        let again: Vec<i64> = undone.refunds.iter().copied().chain([payment]).collect();
        self.decide(&again).await?;
        Ok(Some(undone))
    }

    /// Whose account a payment came to.
    pub(crate) async fn organisation_of(
        &self,
        payment: i64,
    ) -> Result<Option<OrganisationId>, StoreError> {
        if payment <= 0 {
            return Ok(None);
        }
        let filter = PaymentFilter {
            number: Some(payment),
            limit: 1,
            ..PaymentFilter::default()
        };
        let found = self.store.money_list(&self.portal, &filter).await?;
        Ok(found.into_iter().next().map(|one| one.organisation))
    }

    /// The number of an invoice, for people.
    pub(crate) async fn number_of(&self, invoice: &InvoiceRef) -> Result<String, StoreError> {
        let asked = std::slice::from_ref(invoice);
        let mut known = self.store.money_balances(&self.portal, asked).await?;
        let number = known.remove(invoice).map(|balance| balance.number);
        Ok(number.unwrap_or_else(|| invoice.invoice.to_string()))
    }

    /// Obeys a payer's letter in the name of `by`, by corrections of today in `zone`: how much was moved, and the deals
    /// that are looked at.
    ///
    /// # Errors
    /// Says why nothing was moved.
    pub async fn obey_letter(
        &self,
        order: &LetterOrder,
        by: &str,
        zone: &TimeZone,
    ) -> Result<(Money, Vec<DealId>), NotMoved> {
        let now = self.clock.now();
        let stands = |one: &Balance| one.stands;
        let to = match self.organisation_of(order.payment).await? {
            Some(whose) => {
                self.invoice_of_organisation(&whose, &order.to, stands)
                    .await?
            }
            None => self.invoice_named(&order.to, stands).await?,
        };
        let letter = Letter {
            payment: order.payment,
            from: self.invoice_that_gives(&order.from).await?,
            to,
            amount: order.amount,
            seen: order.seen,
            because: order.letter.trim().to_owned(),
            by: by.to_owned(),
            today: now.to_zoned(zone.clone()).date(),
        };
        match self.store.money_move(&self.portal, &letter, now).await? {
            Moved::Done {
                amount,
                deals,
                refunds,
            } => {
                let note = json!({"moved": order.payment, "because": letter.because, "by": by});
                self.note_person(note).await?;
                self.decide(&refunds).await?;
                Ok((amount, deals))
            }
            Moved::NotThatMuch { given } if given.is_zero() => Err(NotMoved::Nothing {
                payment: order.payment,
                number: self.number_of(&letter.from).await?,
            }),
            Moved::NotThatMuch { given } => Err(NotMoved::NotThatMuch {
                payment: order.payment,
                given,
            }),
            Moved::MoreThanOpen { open } => Err(NotMoved::MoreThanOpen { open }),
            Moved::Changed => Err(NotMoved::Changed(order.payment)),
            Moved::Again { last } => Err(NotMoved::Again {
                payment: order.payment,
                number: self.number_of(&letter.to).await?,
                last,
            }),
            Moved::Split => Err(NotMoved::Split(order.payment)),
            Moved::Refunded { refund } => Err(NotMoved::Refunded(refund)),
        }
    }

    /// The one that money is taken from: of several with a number the one that is paid. Where none is, who names it is told
    /// that it has nothing.
    async fn invoice_that_gives(&self, text: &str) -> Result<InvoiceRef, NotNamed> {
        let has_money = |one: &Balance| one.paid.is_positive();
        match self.invoice_named(text, has_money).await {
            Err(NotNamed::NoInvoice(_)) => self.invoice_named(text, |_| true).await,
            named => named,
        }
    }

    /// A policy that does not book leaves them to the server. Gives the bank's whole orders that were taken back for parts
    /// which people gave.
    pub(crate) async fn decide(&self, payments: &[i64]) -> Result<Vec<i64>, StoreError> {
        let Ok(policy) = self.booking_policy().await else {
            return Ok(Vec::new());
        };
        let now = self.clock.now();
        let tally = reconciler::decide_these(&self.store, &self.portal, &policy, payments, now);
        Ok(tally.await?.taken_back)
    }
}
