//! The promise: money that we pay back to a buyer is taken off what he paid, or a person is asked off what; never guessed.
//!
//! It goes back to who paid: only this payer's own money may be meant, and what went back before does not go back again.
//! What a payment has left goes back first, then what it gave to an invoice. On the event's way it is part of
//! [`crate::payments`]; the deal shows it by [`crate::receipts`], which only asks about the stage.

use std::collections::BTreeMap;

use domain::display::{date, money};
use domain::purpose::{NumberKey, Purpose, Reference, ReferenceKind, StatedDate};
use domain::{Inn, InvoiceId, Money, OrganisationId};
use jiff::Timestamp;
use jiff::civil::Date;
use planted::Bug;
use serde::{Deserialize, Serialize};

use crate::payments::{LEAVE, PaymentAnswer, PaymentPlan, PaymentQuestion, PaymentSnapshot};
use crate::{CaseCode, Choice, MoneyPolicy, Refunds, texts};

/// What people do about a credit that the bank takes back by an order of its own.
const BY_BANK: &str = "деньги списал сам банк; если он отозвал ошибочное зачисление, снимите тот платёж со счетов, \
                       а потом выберите здесь «не снимать», там «не относить»";

/// A part of a refund.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundPart {
    /// The payment whose money goes back.
    pub payment: i64,
    /// The invoice that it was given to; none: it is what the payment has left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoice: Option<InvoiceId>,
    /// How much.
    pub amount: Money,
}

/// One of the ways to take a refund off that a person was shown: all of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundOffer(pub Vec<RefundPart>);

/// A payment of somebody whom money may go back to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaidBy {
    /// Its number.
    pub payment: i64,
    /// Whose account it came to.
    pub organisation: OrganisationId,
    /// Who paid.
    pub payer: Inn,
    /// The number of the order.
    pub number: String,
    /// The date of the order.
    pub date: Date,
    /// Somebody decided what it is for, or that it is for nothing.
    pub is_decided: bool,
    /// What of it is given to nothing.
    pub left: Money,
    /// What of it stands for which invoice, less what went back already.
    pub given: Vec<(InvoiceId, Money)>,
}

/// An invoice of a deal that got some of it: number and date.
pub type PaidInvoice = (String, Date);

/// What may go back to the payers of some refunds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refundable {
    /// The newest first.
    pub payments: Vec<PaidBy>,
    /// By their ids; what was given to others does not go back without a person.
    pub invoices: BTreeMap<InvoiceId, PaidInvoice>,
}

impl Refundable {
    /// What is taken off is there for no other refund.
    pub fn take_off(&mut self, parts: &[RefundPart]) {
        for part in parts {
            let mut payments = self.payments.iter_mut();
            let Some(paid) = payments.find(|one| one.payment == part.payment) else {
                continue;
            };
            let sum = match &part.invoice {
                None => Some(&mut paid.left),
                Some(id) => {
                    let mut given = paid.given.iter_mut();
                    given.find(|(one, _)| one == id).map(|(_, sum)| sum)
                }
            };
            if let Some(sum) = sum {
                *sum = sum.checked_sub(part.amount).unwrap_or_default();
            }
        }
    }
}

/// What becomes of a refund.
pub fn plan(
    refund: &PaymentSnapshot<'_>,
    refundable: &Refundable,
    policy: &MoneyPolicy,
    now: Timestamp,
) -> PaymentPlan {
    let signs = refund.purpose.signs;
    let aside = "мы вернули деньги покупателю";
    if policy.refunds == Refunds::List || signs.loan || signs.own_funds || signs.register {
        return PaymentPlan::Aside(aside.to_owned());
    }
    let Some(back) = Back::of(refund, refundable) else {
        return PaymentPlan::Aside(aside.to_owned());
    };
    if let Some(decided) = refund.answer.and_then(|answer| back.obey(answer)) {
        return decided;
    }
    let why = match back.certain(policy) {
        Ok((of, parts)) => {
            return PaymentPlan::TakeOff {
                because: format!("возврат: {} — так в назначении", back.in_words(&of)),
                parts,
                chosen_by: None,
            };
        }
        Err(why) => why,
    };
    if let Some(until) = back.waits(policy, now) {
        let because = "возврат ждёт, пока бухгалтер разнесёт платёж получателя".to_owned();
        return PaymentPlan::Wait {
            until,
            because,
            undecided: back.undecided().collect(),
            offered: Vec::new(),
        };
    }
    if back.is_nobodys() {
        return PaymentPlan::AsideUntilPaid {
            last: back.newest,
            because: "мы вернули деньги тому, чьей оплаты не знаем".to_owned(),
        };
    }
    PaymentPlan::Ask(back.question(why))
}

/// What a refund may be of.
#[derive(Clone, Debug, PartialEq, Eq)]
enum RefundOf {
    /// What an invoice got, and what its payments have left.
    Invoice(InvoiceId),
    /// A payment, by its number.
    Payment(i64),
}

/// A refund, and what its receiver paid.
struct Back<'a> {
    refund: &'a PaymentSnapshot<'a>,
    amount: Money,
    /// What he paid, decided or not.
    known: Vec<&'a PaidBy>,
    /// What of it may go back.
    paid: Vec<&'a PaidBy>,
    invoices: &'a BTreeMap<InvoiceId, PaidInvoice>,
    /// The newest payment of his that is known, to whichever of our organisations; 0: none.
    newest: i64,
}

impl<'a> Back<'a> {
    /// None where nobody says who got it, and no document is named that would say it. What the bank wrote itself may be a
    /// credit that it takes back: it goes to the bank, whoever had paid.
    fn of(refund: &'a PaymentSnapshot<'a>, refundable: &'a Refundable) -> Option<Back<'a>> {
        let receiver = refund.order.other.inn.as_ref();
        let is_told = names_any(refund.purpose) || refund.order.is_banks_own();
        if receiver.is_none() && !is_told {
            return None;
        }
        let of_receiver = |one: &&PaidBy| receiver == Some(&one.payer);
        let all = refundable.payments.iter().filter(of_receiver);
        let newest = all.clone().map(|one| one.payment).max();
        let known = all.filter(|one| one.organisation == *refund.organisation);
        let known: Vec<&PaidBy> = known.collect();
        let invoices = &refundable.invoices;
        let may_go_back = |one: &&&PaidBy| {
            let mut given = one.given.iter();
            let is_given = given.any(|(id, sum)| sum.is_positive() && invoices.contains_key(id));
            one.is_decided && (one.left.is_positive() || is_given)
        };
        Some(Back {
            refund,
            amount: Money::ZERO.checked_sub(refund.left)?,
            paid: known.iter().filter(may_go_back).copied().collect(),
            known,
            invoices,
            newest: newest.unwrap_or_default(),
        })
    }

    /// He paid nothing that could go back, and nothing names what it would be of: it is no money of a buyer, as far as we
    /// know by now.
    fn is_nobodys(&self) -> bool {
        let may_be_a_buyers = names_any(self.refund.purpose) || self.is_banks_own();
        self.paid.is_empty() && !self.is_open() && !may_be_a_buyers
    }

    /// A credit that the bank takes back, of somebody else than who gets it: none of his money is offered.
    fn is_banks_own(&self) -> bool {
        self.refund.order.is_banks_own() && self.known.is_empty()
    }

    /// His payments of which nobody said yet what they are for.
    fn undecided(&self) -> impl Iterator<Item = i64> {
        let open = self.known.iter().filter(|one| !one.is_decided);
        open.map(|one| one.payment)
    }

    fn is_open(&self) -> bool {
        self.undecided().next().is_some()
    }

    /// Until when the accountant may still decide what his payment is for.
    fn waits(&self, policy: &MoneyPolicy, now: Timestamp) -> Option<Option<Timestamp>> {
        let is_his = policy.is_accountants() && self.refund.undone == 0;
        if !self.is_open() || !is_his {
            return None;
        }
        let until = self.refund.seen_at.checked_add(policy.wait()).ok()?;
        (now < until).then_some(Some(until))
    }

    /// The one thing that the purpose names, if all of the refund may be taken off it; else why not.
    fn certain(&self, policy: &MoneyPolicy) -> Result<(RefundOf, Vec<RefundPart>), &'static str> {
        if self.refund.undone > 0 {
            return Err("прежнее решение отменено");
        }
        if self.is_banks_own() {
            return Err(BY_BANK);
        }
        // What is not named is a person's to say, however well something fits.
        if planted::is(Bug::RefundGuessed)
            && let Some(best) = self.candidates().into_iter().next()
        {
            return Ok(best);
        }
        let named = named(self.refund.purpose)?;
        let Some(of) = self.find(named) else {
            return Err(if self.is_open() {
                "платёж получателя ещё не разнесён"
            } else {
                "названного документа нет среди оплаченного получателем"
            });
        };
        let parts = self.parts(&of).ok_or("столько не оплачено")?;
        let is_advance = |part: &RefundPart| part.invoice.is_none();
        if policy.is_accountants() && !parts.iter().all(is_advance) {
            return Err("какие счета оплачены, решает бухгалтер");
        }
        Ok((of, parts))
    }

    fn find(&self, named: &Reference) -> Option<RefundOf> {
        let key = NumberKey::of(named.number.as_deref()?);
        let is_it = |number: &str, day: Date| {
            NumberKey::of(number) == key && named.date == Some(StatedDate::Day(day))
        };
        let mut found: Vec<RefundOf> = if named.kind == ReferenceKind::Payment {
            let of_number = self.paid.iter().filter(|one| is_it(&one.number, one.date));
            of_number
                .map(|one| RefundOf::Payment(one.payment))
                .collect()
        } else {
            let is_named = |one: &&InvoiceId| {
                let invoice = self.invoices.get(*one);
                invoice.is_some_and(|(number, date)| is_it(number, *date))
            };
            let ids = self.his_invoices().into_iter().filter(is_named);
            ids.cloned().map(RefundOf::Invoice).collect()
        };
        let one = found.pop()?;
        found.is_empty().then_some(one)
    }

    /// Invoices of deals that his money stands for, each once, the newest payment's first.
    fn his_invoices(&self) -> Vec<&'a InvoiceId> {
        let mut ids: Vec<&InvoiceId> = Vec::new();
        let given = self.paid.iter().flat_map(|one| &one.given);
        for (id, sum) in given {
            if sum.is_positive() && self.invoices.contains_key(id) && !ids.contains(&id) {
                ids.push(id);
            }
        }
        ids
    }

    /// The payments that are meant, and the invoice whose money may go back.
    fn sources<'b>(&self, of: &'b RefundOf) -> (Vec<&'a PaidBy>, Option<&'b InvoiceId>)
    where
        'a: 'b,
    {
        match of {
            RefundOf::Invoice(id) => {
                let gave = |one: &&&PaidBy| one.gave(id).is_positive();
                (self.paid.iter().filter(gave).copied().collect(), Some(id))
            }
            RefundOf::Payment(number) => {
                let is_it = |one: &&&PaidBy| one.payment == *number;
                let payments: Vec<&PaidBy> = self.paid.iter().filter(is_it).copied().collect();
                let given = payments.first().map_or(&[][..], |one| one.given.as_slice());
                let only = match given {
                    [(invoice, _)] if self.invoices.contains_key(invoice) => Some(invoice),
                    [_] | [] | [_, ..] => None,
                };
                (payments, only)
            }
        }
    }

    /// How all of the refund is taken off this; none where it is not so much.
    fn parts(&self, of: &RefundOf) -> Option<Vec<RefundPart>> {
        let (payments, invoice) = self.sources(of);
        let advances = payments.iter().map(|one| (one.payment, None, one.left));
        let shares = invoice.into_iter().flat_map(|id| {
            let shares = payments.iter();
            shares.map(|one| (one.payment, Some(id.clone()), one.gave(id)))
        });
        let mut parts = Vec::new();
        let mut rest = self.amount;
        for (payment, invoice, most) in advances.chain(shares) {
            let amount = rest.min(most);
            if amount.is_positive() {
                rest = rest.checked_sub(amount)?;
                parts.push(RefundPart {
                    payment,
                    invoice,
                    amount,
                });
            }
        }
        rest.is_zero().then_some(parts)
    }

    /// What a person said, if it can still be done as it was shown.
    fn obey(&self, answer: &PaymentAnswer) -> Option<PaymentPlan> {
        if answer.undone != self.refund.undone {
            return None;
        }
        if answer.choice == LEAVE {
            let because = format!("{} решил(а) не снимать с оплаченного", answer.by);
            return Some(PaymentPlan::Leave(because));
        }
        let place = answer.choice.parse::<usize>().ok()?.checked_sub(1)?;
        let RefundOffer(parts) = answer.refund_of.get(place)?;
        let sum = Money::sum(parts.iter().map(|part| part.amount))?;
        let fits = parts.iter().all(|part| self.bears(part));
        (sum == self.amount && fits).then(|| PaymentPlan::TakeOff {
            parts: parts.clone(),
            chosen_by: Some(answer.by.clone()),
            because: format!("возврат — выбор: {}", answer.by),
        })
    }

    fn bears(&self, part: &RefundPart) -> bool {
        let mut payments = self.paid.iter();
        let paid = payments.find(|one| one.payment == part.payment);
        paid.is_some_and(|paid| match &part.invoice {
            None => part.amount <= paid.left,
            Some(id) => self.invoices.contains_key(id) && part.amount <= paid.gave(id),
        })
    }

    /// All that may be meant: what is named first, then what comes to the same sum, then the newest.
    fn candidates(&self) -> Vec<(RefundOf, Vec<RefundPart>)> {
        let invoices = self.his_invoices().into_iter().cloned();
        let payments = self.paid.iter().filter(|one| one.left >= self.amount);
        let all = invoices
            .map(RefundOf::Invoice)
            .chain(payments.map(|one| RefundOf::Payment(one.payment)));
        let named = named(self.refund.purpose)
            .ok()
            .and_then(|one| self.find(one));
        let possible = all.filter_map(|of| {
            let parts = self.parts(&of)?;
            Some((of, parts))
        });
        let mut possible: Vec<(RefundOf, Vec<RefundPart>)> = possible.collect();
        possible.sort_by_key(|(of, _)| (named.as_ref() != Some(of), !self.is_whole(of)));
        possible.truncate(domain::matching::MOST_CANDIDATES);
        possible
    }

    /// The refund comes to all that is left of it.
    fn is_whole(&self, of: &RefundOf) -> bool {
        let (payments, invoice) = self.sources(of);
        let sums = payments.iter().map(|one| match (of, invoice) {
            (RefundOf::Invoice(_), Some(id)) => one.gave(id),
            (RefundOf::Payment(_) | RefundOf::Invoice(_), _) => one.left,
        });
        Money::sum(sums) == Some(self.amount)
    }

    fn in_words(&self, of: &RefundOf) -> String {
        match of {
            RefundOf::Invoice(id) => match self.invoices.get(id) {
                Some((number, day)) => format!("счёт № {number} от {}", date(*day)),
                None => format!("счёт {id}"),
            },
            RefundOf::Payment(number) => {
                let payment = self.paid.iter().find(|one| one.payment == *number);
                let order = payment.map_or_else(String::new, |one| {
                    let number = texts::by_strangers(&one.number);
                    format!(", поручение № {number} от {}", date(one.date))
                });
                format!("платёж {number}{order}")
            }
        }
    }

    fn choice(&self, of: &RefundOf, parts: &[RefundPart]) -> String {
        let sum = |is_advance: bool| {
            let meant = parts.iter();
            let meant = meant.filter(|part| part.invoice.is_none() == is_advance);
            Money::sum(meant.map(|part| part.amount)).unwrap_or_default()
        };
        let mut taken = Vec::new();
        if sum(true).is_positive() {
            taken.push(format!("{} из аванса", money(sum(true))));
        }
        if sum(false).is_positive() {
            taken.push(format!("{} с оплаченного по счёту", money(sum(false))));
        }
        let why = if self.is_whole(of) {
            "сумма равна оплаченной"
        } else {
            "оплачено получателем возврата"
        };
        format!("{}, {} — {why}", self.in_words(of), taken.join(" и "))
    }

    fn question(&self, why: &str) -> PaymentQuestion {
        let candidates = self.candidates();
        let mut choices: Vec<Choice> = (1_usize..)
            .zip(&candidates)
            .map(|(place, (of, parts))| Choice {
                word: place.to_string(),
                text: self.choice(of, parts),
            })
            .collect();
        choices.push(Choice {
            word: LEAVE.to_owned(),
            text: "не снимать с оплаченного".to_owned(),
        });
        let order = self.refund.order;
        let receiver = order.other.name.as_deref();
        let text = format!(
            "Возвращено {} {}: {}, поручение № {} от {}, «{}». Не разнесено: {why}. Варианты:",
            money(self.amount),
            date(order.booked.unwrap_or(order.date)),
            texts::by_strangers(receiver.unwrap_or("получатель не назван")),
            texts::by_strangers(&order.number),
            date(order.date),
            texts::by_strangers(&order.purpose)
        );
        PaymentQuestion {
            code: CaseCode::PaymentUndecided,
            cause: "возврат покупателю".to_owned(),
            text: texts::with_choices(&text, &choices),
            choices,
            offered: Vec::new(),
            refund_of: candidates
                .into_iter()
                .map(|(_, parts)| RefundOffer(parts))
                .collect(),
            undecided: self.undecided().collect(),
        }
    }
}

impl PaidBy {
    /// What of it stands for that invoice.
    fn gave(&self, invoice: &InvoiceId) -> Money {
        let mut given = self.given.iter();
        let found = given.find(|(id, _)| id == invoice);
        found.map(|(_, sum)| *sum).unwrap_or_default()
    }
}

fn is_meant(reference: &&Reference) -> bool {
    matches!(
        reference.kind,
        ReferenceKind::Invoice | ReferenceKind::Payment
    )
}

/// Whether the purpose names an invoice or a payment.
fn names_any(purpose: &Purpose) -> bool {
    purpose.references.iter().any(|one| is_meant(&one))
}

/// The one invoice or payment that the purpose names; else why none is meant for certain.
fn named(purpose: &Purpose) -> Result<&Reference, &'static str> {
    let mut meant = purpose.references.iter().filter(is_meant);
    let one = match (meant.next(), meant.next()) {
        (None, _) => return Err("в назначении не назван ни счёт, ни платёж"),
        (Some(_), Some(_)) => return Err("в назначении назван не один документ"),
        (Some(one), None) => one,
    };
    let is_else = |one: &&Reference| !is_meant(one) && one.kind != ReferenceKind::Contract;
    let is_doubtful = purpose.references.iter().any(|one| is_else(&one))
        || purpose.signs.other_document
        || purpose.third_party.is_some();
    if is_doubtful {
        return Err("в назначении не только счёт");
    }
    Ok(one)
}
