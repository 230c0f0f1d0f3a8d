//! The promise: money that came is given to the invoice it is for, or a person is asked; never guessed.
//!
//! Read [`plan`] from the top. Which invoices a payment may be for, and with what certainty, is `domain::matching`; here
//! is what follows. Where the accountant decides, it is a proposal until he did. Who records it, what the accountant gave,
//! and that no rule of the ledger is broken meanwhile, is not here (`store`).

use std::collections::{BTreeMap, BTreeSet};

use domain::display::{date, money};
use domain::matching::{
    Candidate, ChosenBefore, Doubt, Gone, GoneInvoice, Incoming, OpenInvoice, OpenInvoices,
    OtherPayment, Share,
};
use domain::payment::{CountedTwice, GivenOtherwise, PaymentKind, PaymentOrder};
use domain::purpose::Purpose;
use domain::{InvoiceId, Money, OrganisationId, matching};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::refunds::{self, RefundOffer, RefundPart, Refundable};
use crate::{CaseCode, Choice, MoneyPolicy, registers, texts};

/// Why money is given, where the accountant gave it.
pub const GIVEN_BY_ACCOUNTANT: &str = "разнёс бухгалтер";
/// Why it is taken back, where he changed it.
pub const CHANGED_BY_ACCOUNTANT: &str = "бухгалтер изменил разнесение или сам платёж";

/// Why a bank's whole order is taken back, where its parts are given.
pub const GIVEN_BY_PARTS: &str = "платёж отнесён по частям, как он внесён в учёте";
/// Why a part is taken back, where it turns out to be one of an order that a person gave whole.
pub const GIVEN_WHOLE: &str = "платёж отнёс человек целиком, как он стоит в банке";

/// The answer that gives a payment to nothing.
pub const LEAVE: &str = "leave";
/// In the text of a choice: between what speaks for it and what against it.
pub const BUT: &str = "; но ";

/// A payment as our records show it.
#[derive(Clone, Copy, Debug)]
pub struct PaymentSnapshot<'a> {
    /// Whose account it came to, or left.
    pub organisation: &'a OrganisationId,
    /// What kind of money it is.
    pub kind: PaymentKind,
    /// What of it is given to nothing.
    pub left: Money,
    /// How often what was decided of it was undone by a person.
    pub undone: i64,
    /// When it became known.
    pub seen_at: Timestamp,
    /// The accounting side shows it, where the accountant may give it.
    pub is_followed: bool,
    /// The order.
    pub order: &'a PaymentOrder,
    /// What its purpose says.
    pub purpose: &'a Purpose,
    /// For whom people took this payer's money before.
    pub chosen_before: &'a [ChosenBefore],
    /// Other payments of this payer to the organisation that are asked about.
    pub others: &'a [OtherPayment],
    /// Its money is counted twice, as the bank's whole order and as its parts on the accounting side.
    pub twice: Option<&'a CountedTwice>,
    /// That money is given already as the other of the two: nobody gives it before that is taken back.
    pub otherwise: Option<GivenOtherwise>,
    /// What a person answered, if no other question is open since.
    pub answer: Option<&'a PaymentAnswer>,
}

/// A person's answer to the question about a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentAnswer {
    /// How often the payment had been undone when it was asked.
    pub undone: i64,
    /// The word of the choice.
    pub choice: String,
    /// What was offered, in the order of the choices.
    pub offered: Vec<Offer>,
    /// The same where it was asked about a refund.
    pub refund_of: Vec<RefundOffer>,
    /// Who answered.
    pub by: String,
}

/// One of the candidates that a person was shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer(pub Vec<(InvoiceId, Money)>);

/// What is to become of a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PaymentPlan {
    /// It is no buyer's payment: said, and given to nothing.
    Aside(String),
    /// A refund to somebody who paid nothing that we know: said, and decided once he pays.
    AsideUntilPaid {
        /// The newest payment of his that is known; 0: none.
        last: i64,
        /// Why, in Russian.
        because: String,
    },
    /// What we paid back is taken off what its receiver paid.
    TakeOff {
        /// All of the refund.
        parts: Vec<RefundPart>,
        /// The person who chose it; none: it is certain.
        chosen_by: Option<String>,
        /// Why, in Russian.
        because: String,
    },
    /// It goes to these invoices.
    Book {
        /// Each with its part.
        shares: Vec<Share>,
        /// The person who chose it; none: it is certain.
        chosen_by: Option<String>,
        /// Why, in Russian.
        because: String,
    },
    /// A person decided that it is given to nothing.
    Leave(String),
    /// A person is asked.
    Ask(PaymentQuestion),
    /// The accountant is to give it.
    Wait {
        /// Until then, or without end.
        until: Option<Timestamp>,
        /// What we propose, in Russian.
        because: String,
        /// Of a refund: its receiver's payments that are not decided. Once one of them is, it waits for nothing.
        undecided: Vec<i64>,
        /// Invoices that it may be for: nobody is reminded of them meanwhile.
        offered: Vec<InvoiceId>,
    },
}

/// A question about a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentQuestion {
    /// The page that explains it.
    pub code: CaseCode,
    /// What groups payments with one cause.
    pub cause: String,
    /// In Russian.
    pub text: String,
    /// What a person may answer.
    pub choices: Vec<Choice>,
    /// What the choices stand for.
    pub offered: Vec<Offer>,
    /// The same where a refund is asked about.
    pub refund_of: Vec<RefundOffer>,
    /// Of a refund: its receiver's payments that are not decided. Once one of them is, more may be offered.
    pub undecided: Vec<i64>,
}

/// The invoices that payments of one pass may be for.
#[derive(Clone, Debug, Default)]
pub struct Claims {
    open: OpenInvoices,
    by_id: BTreeMap<InvoiceId, OpenInvoice>,
}

impl Claims {
    /// Adds an invoice.
    pub fn add(&mut self, invoice: OpenInvoice) {
        self.by_id.insert(invoice.id.clone(), invoice.clone());
        self.open.add(invoice);
    }

    /// Adds one that was taken back: what is named and not open is told so.
    pub fn add_gone(&mut self, invoice: GoneInvoice) {
        self.open.add_gone(invoice);
    }

    /// What of an invoice is open to a payment: what the accounting side counted before is not open to what came later.
    fn open_to(&self, payment: &PaymentSnapshot<'_>, invoice: &InvoiceId) -> Option<Money> {
        let invoice = self.by_id.get(invoice)?;
        let counted = invoice.counted_before;
        Some(counted.open_to(invoice.open, came(payment)))
    }

    /// What was given, and came on that day, is no longer open: the next payment sees the rest.
    pub fn book(&mut self, share: &Share, came: Date) {
        self.open.book(share, came);
        if let Some(invoice) = self.by_id.get_mut(&share.invoice) {
            invoice.take(share.amount, came);
        }
    }
}

/// What becomes of a payment.
pub fn plan(
    payment: &PaymentSnapshot<'_>,
    (claims, refundable): (&Claims, &Refundable),
    policy: &MoneyPolicy,
    now: Timestamp,
) -> PaymentPlan {
    if payment.kind == PaymentKind::RefundOut {
        return refunds::plan(payment, refundable, policy, now);
    }
    if payment.kind == PaymentKind::Register {
        return registers::plan(payment, policy, now);
    }
    if let Some(why) = set_aside(payment.kind) {
        return PaymentPlan::Aside(why.to_owned());
    }
    if let Some(decided) = payment
        .answer
        .and_then(|answer| obey(payment, answer, claims))
    {
        return decided;
    }
    let proposal = matching::propose(
        Incoming {
            organisation: payment.organisation,
            payer: payment.order.other.inn.as_ref(),
            amount: payment.left,
            came: came(payment),
            purpose: payment.purpose,
            chosen_before: payment.chosen_before,
            others: payment.others,
        },
        &claims.open,
    );
    if let Some(until) = waits(payment, policy, now) {
        let because = match proposal.candidates.first() {
            Some(best) => format!(
                "ждёт бухгалтера; подходит {}",
                offer_in_words(payment, best, claims)
            ),
            None => "ждёт бухгалтера; подходящего счёта не нашлось".to_owned(),
        };
        return PaymentPlan::Wait {
            until,
            because,
            undecided: Vec::new(),
            offered: offered(&proposal.candidates),
        };
    }
    // What a person took back is not booked again by the rule that booked it.
    let may_be_booked = payment.undone == 0 && payment.twice.is_none();
    match proposal.certain().filter(|_| may_be_booked) {
        Some(certain) => PaymentPlan::Book {
            shares: certain.shares.clone(),
            chosen_by: None,
            because: joined(&certain.reasons),
        },
        None => PaymentPlan::Ask(question(
            payment,
            &proposal.candidates,
            &proposal.doubts,
            claims,
        )),
    }
}

/// Whether the accountant is to decide, and until when: without end where the accounting side shows the payment, else as
/// long as policy says. What is counted beside the bank's whole order is a question whoever decides.
pub(crate) fn waits(
    payment: &PaymentSnapshot<'_>,
    policy: &MoneyPolicy,
    now: Timestamp,
) -> Option<Option<Timestamp>> {
    if !policy.is_accountants() {
        return None;
    }
    if matches!(payment.twice, Some(CountedTwice::PartOf(_))) {
        return None;
    }
    if payment.is_followed {
        return Some(None);
    }
    let until = payment.seen_at.checked_add(policy.wait()).ok()?;
    (now < until).then_some(Some(until))
}

/// Why money is given, where a person says to which invoice.
pub fn chosen_by(by: &str) -> String {
    format!("выбор: {by}")
}

/// Money that is no buyer's.
fn set_aside(kind: PaymentKind) -> Option<&'static str> {
    match kind {
        PaymentKind::Incoming | PaymentKind::Register | PaymentKind::RefundOut => None,
        PaymentKind::ReturnedToUs => Some("нам вернули наши деньги"),
        PaymentKind::OwnTransfer => Some("перевод между своими счетами"),
        PaymentKind::BankFee => Some("комиссия банка"),
        PaymentKind::Outgoing => Some("наш платёж"),
    }
}

/// What a person said, if it can still be done: what was open then may be paid by now.
fn obey(
    payment: &PaymentSnapshot<'_>,
    answer: &PaymentAnswer,
    claims: &Claims,
) -> Option<PaymentPlan> {
    if answer.undone != payment.undone {
        return None;
    }
    if answer.choice == LEAVE {
        let because = format!("{} решил(а) не относить к счетам", answer.by);
        return Some(PaymentPlan::Leave(because));
    }
    if payment.otherwise.is_some() {
        return None;
    }
    let place = answer.choice.parse::<usize>().ok()?.checked_sub(1)?;
    let Offer(offered) = answer.offered.get(place)?;
    let mut rest = payment.left;
    let mut shares = Vec::new();
    for (invoice, amount) in offered {
        let open = claims.open_to(payment, invoice)?;
        rest = rest.checked_sub(*amount)?;
        if *amount > open || rest.is_negative() {
            return None;
        }
        shares.push(Share {
            invoice: invoice.clone(),
            amount: *amount,
        });
    }
    Some(PaymentPlan::Book {
        shares,
        chosen_by: Some(answer.by.clone()),
        because: chosen_by(&answer.by),
    })
}

fn question(
    payment: &PaymentSnapshot<'_>,
    candidates: &[Candidate],
    doubts: &[Doubt],
    claims: &Claims,
) -> PaymentQuestion {
    let mut choices: Vec<Choice> = (1_usize..)
        .zip(candidates)
        .map(|(place, candidate)| Choice {
            word: place.to_string(),
            text: offer_in_words(payment, candidate, claims),
        })
        .collect();
    choices.push(Choice {
        word: LEAVE.to_owned(),
        text: "не относить к счетам".to_owned(),
    });
    let why = match (payment.otherwise, payment.twice) {
        (Some(otherwise), twice) => otherwise_in_words(otherwise, twice),
        (None, Some(twice)) => twice_in_words(twice),
        (None, None) if payment.undone > 0 => "прежнее решение отменено".to_owned(),
        (None, None) => joined(doubts),
    };
    let text = format!("{}. Не разнесено: {why}. Варианты:", said(payment));
    PaymentQuestion {
        code: CaseCode::PaymentUndecided,
        cause: cause(payment, doubts).to_owned(),
        text: texts::with_choices(&text, &choices),
        choices,
        offered: candidates.iter().map(offer).collect(),
        refund_of: Vec::new(),
        undecided: Vec::new(),
    }
}

pub(crate) fn twice_in_words(twice: &CountedTwice) -> String {
    match twice {
        CountedTwice::Whole(parts) => format!(
            "в учёте тот же платёж внесён частями ({}), похоже, это те же деньги; если да, не относите",
            in_sums(parts)
        ),
        CountedTwice::PartOf(whole) => format!(
            "в банке это один платёж на {}, в учёте он внесён частями, похоже, это те же деньги; отнесите что-то одно",
            money(*whole)
        ),
        CountedTwice::Alike { number, date: day } => {
            let number = match number.trim() {
                "" => "без номера".to_owned(),
                number => format!("№ {}", texts::by_strangers(number)),
            };
            format!(
                "тот же плательщик и та же сумма есть у другой стороны (банк или учёт): поручение {number} от {}; если это те же деньги, отнесите что-то одно",
                date(*day)
            )
        }
    }
}

/// It names what is to be taken back, and the sums as long as they are known.
pub(crate) fn otherwise_in_words(
    otherwise: GivenOtherwise,
    twice: Option<&CountedTwice>,
) -> String {
    match otherwise {
        GivenOtherwise::Whole(whole) => format!(
            "в банке это часть одного платежа, и его уже отнёс человек: сначала снимите со счетов платёж {whole}"
        ),
        GivenOtherwise::Part(part) => {
            let sums = match twice {
                Some(CountedTwice::Whole(parts)) => format!(" ({})", in_sums(parts)),
                Some(CountedTwice::PartOf(_) | CountedTwice::Alike { .. }) | None => String::new(),
            };
            format!(
                "в учёте тот же платёж внесён частями{sums}, и к счетам отнесены уже они; если это те же деньги, не относите, \
                 а чтобы отнести его целиком, сначала снимите со счетов платёж {part} и другие части"
            )
        }
    }
}

fn in_sums(parts: &[Money]) -> String {
    let parts: Vec<String> = parts.iter().map(|part| money(*part)).collect();
    parts.join(" и ")
}

/// What many payments have in common, so that people are told of it once.
fn cause(payment: &PaymentSnapshot<'_>, doubts: &[Doubt]) -> &'static str {
    match payment.twice {
        Some(CountedTwice::Whole(_) | CountedTwice::PartOf(_)) => {
            return "в банке один платёж, в учёте его части";
        }
        Some(CountedTwice::Alike { .. }) => {
            return "одни деньги могут быть записаны дважды: банком и учётом";
        }
        None => {}
    }
    if payment.undone > 0 {
        return "прежнее решение отменено";
    }
    match doubts.first() {
        Some(Doubt::NoInn) => "ИНН плательщика неизвестен",
        Some(Doubt::NoInvoiceNamed | Doubt::NoNumber | Doubt::NoDate { .. }) => {
            "счёт не назван или назван не полностью"
        }
        Some(
            Doubt::NotOpen { .. }
            | Doubt::NotOne { .. }
            | Doubt::Gone {
                how: Gone::Closed { .. },
                ..
            },
        ) => "названного счёта нет или он не один",
        Some(Doubt::Gone { .. }) => "названный счёт отменён или удалён",
        Some(Doubt::AnotherBuyer { .. } | Doubt::ThirdParty) => "платит не покупатель",
        Some(Doubt::BuyerWithoutInn) => "у покупателя нет ИНН",
        Some(Doubt::AnotherOrganisation) => "счёт другой нашей организации",
        Some(Doubt::Refund | Doubt::NoSale | Doubt::OtherDocument | Doubt::SecondReference) => {
            "в назначении не только счёт"
        }
        Some(Doubt::MoreThanOpen) => "пришло больше, чем осталось по счёту",
        Some(
            Doubt::NumberOfAnother { .. }
            | Doubt::SumDiffers
            | Doubt::SecondCover
            | Doubt::TooManyOpen,
        )
        | None => "подходит несколько счетов",
    }
}

/// The invoices of all candidates, each once.
fn offered(candidates: &[Candidate]) -> Vec<InvoiceId> {
    let shares = candidates.iter().flat_map(|candidate| &candidate.shares);
    let offered: BTreeSet<InvoiceId> = shares.map(|share| share.invoice.clone()).collect();
    offered.into_iter().collect()
}

fn offer(candidate: &Candidate) -> Offer {
    let shares = candidate.shares.iter();
    Offer(
        shares
            .map(|share| (share.invoice.clone(), share.amount))
            .collect(),
    )
}

/// The money, as people know it from the bank.
pub(crate) fn said(payment: &PaymentSnapshot<'_>) -> String {
    let order = payment.order;
    let payer = order.other.name.as_deref();
    let payer = texts::by_strangers(payer.unwrap_or("неизвестный плательщик"));
    let inn = order.other.inn.as_ref();
    let inn = inn.map_or_else(String::new, |inn| format!(", ИНН {inn}"));
    format!(
        "Пришло {} {}: {payer}{inn}, поручение № {} от {}, «{}»",
        money(payment.left),
        date(order.booked.unwrap_or(order.date)),
        texts::by_strangers(&order.number),
        date(order.date),
        texts::by_strangers(&order.purpose)
    )
}

fn offer_in_words(payment: &PaymentSnapshot<'_>, candidate: &Candidate, claims: &Claims) -> String {
    let invoices: Vec<String> = candidate
        .shares
        .iter()
        .map(|share| match claims.by_id.get(&share.invoice) {
            Some(invoice) => format!(
                "№ {} от {}, {} из {}",
                invoice.number,
                date(invoice.date),
                money(share.amount),
                money(claims.open_to(payment, &share.invoice).unwrap_or_default())
            ),
            None => format!("{}, {}", share.invoice, money(share.amount)),
        })
        .collect();
    let word = if invoices.len() == 1 {
        "счёт"
    } else {
        "счета"
    };
    let given = Money::sum(candidate.shares.iter().map(|share| share.amount));
    let rest = given.and_then(|given| payment.left.checked_sub(given));
    let rest = rest.filter(|rest| rest.is_positive());
    let rest = rest.map_or_else(String::new, |rest| {
        format!("; {} останется авансом", money(rest))
    });
    let against = candidate.doubts.iter().filter(|one| is_of_invoice(one));
    let against = against.map(ToString::to_string);
    let counted = candidate.shares.iter().filter_map(|share| {
        let invoice = claims.by_id.get(&share.invoice)?;
        counted_in_words(payment, share, invoice)
    });
    let against: Vec<String> = against.chain(counted).collect();
    let against = if against.is_empty() {
        String::new()
    } else {
        format!("{BUT}{}", joined(&against))
    };
    format!(
        "{word} {}{rest} — {}{against}",
        invoices.join("; "),
        joined(&candidate.reasons)
    )
}

/// The day that counts for it.
fn came(payment: &PaymentSnapshot<'_>) -> Date {
    payment.order.booked.unwrap_or(payment.order.date)
}

/// More than is open if the accounting side counted other money as paid before the invoice was a deal's: what came on that day
/// may be that money; what came later gets the rest alone.
fn counted_in_words(
    payment: &PaymentSnapshot<'_>,
    share: &Share,
    invoice: &OpenInvoice,
) -> Option<String> {
    let counted = invoice.counted_before;
    let sure = invoice.open.checked_sub(counted.amount)?;
    let is_later = counted.is_before(came(payment));
    let is_less = is_later && share.amount == sure && payment.left > sure;
    (counted.amount.is_positive() && (is_less || share.amount > sure)).then(|| {
        let but = if is_later {
            let open = money(sure);
            format!(", этот платёж пришёл позже: сверх неё открыто только {open}")
        } else {
            ": это могут быть те же деньги".to_owned()
        };
        format!(
            "по счёту № {} учёт до привязки насчитал оплату {}{but}",
            invoice.number,
            money(counted.amount)
        )
    })
}

/// Of this invoice, and not of the whole payment: that is told once.
fn is_of_invoice(doubt: &Doubt) -> bool {
    match doubt {
        Doubt::AnotherBuyer { .. }
        | Doubt::BuyerWithoutInn
        | Doubt::AnotherOrganisation
        | Doubt::SecondCover => true,
        Doubt::NoInn
        | Doubt::NoInvoiceNamed
        | Doubt::NoNumber
        | Doubt::NoDate { .. }
        | Doubt::NotOpen { .. }
        | Doubt::Gone { .. }
        | Doubt::NotOne { .. }
        | Doubt::SecondReference
        | Doubt::Refund
        | Doubt::ThirdParty
        | Doubt::NoSale
        | Doubt::OtherDocument
        | Doubt::NumberOfAnother { .. }
        | Doubt::MoreThanOpen
        | Doubt::SumDiffers
        | Doubt::TooManyOpen => false,
    }
}

fn joined<T: ToString>(parts: &[T]) -> String {
    let parts: Vec<String> = parts.iter().map(ToString::to_string).collect();
    parts.join(", ")
}
