//! Money in words and pictures, as all pages of the section show it.

use std::collections::BTreeMap;

use desk::invoices::NotNamed;
use domain::Money;
use domain::display::{date, money};
use domain::payment::{Direction, PaymentKind, PaymentOrder};
use jiff::civil::Date;
use store::{Balance, InvoiceRef, ListedPayment, PaymentState};

/// What others wrote, without what would turn the text around it or hide: control characters and marks of direction.
pub(in crate::admin) fn plain(text: &str) -> String {
    shown(text.trim())
}

/// The same of a part of a line: the blanks at its ends belong to it.
pub(in crate::admin) fn shown(text: &str) -> String {
    let is_bad = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    text.chars()
        .map(|c| if is_bad(c) { ' ' } else { c })
        .collect()
}

/// Why no order about money is obeyed.
pub(super) const NO_BOOKING: &str = "Деньги не учитываются: в политике нет раздела money.";

/// Why no one invoice is meant.
pub(super) fn not_named(error: &NotNamed) -> String {
    match error {
        NotNamed::NoInvoice(_) => "Такого счёта нет, или он больше не действует.".to_owned(),
        NotNamed::Several { ids, .. } => {
            let ids = plain(&ids.join("; "));
            format!("С этим номером счетов несколько. Назовите один: {ids}.")
        }
        NotNamed::OfAnother { ids, .. } => {
            let ids = plain(&ids.join("; "));
            format!(
                "Счёт с этим номером есть только у другой вашей организации: деньги пришли не ей. Если нужен он, \
                 назовите его полностью: {ids}."
            )
        }
        NotNamed::Store(error) => error.to_string(),
    }
}

/// Why a part of an order is not given that a person gave whole.
pub(super) fn whole_first(whole: i64) -> String {
    format!(
        "Это часть поручения, которое банк показывает целиком: платёж № {whole} уже отнёс человек. Сначала снимите его \
         со счетов."
    )
}

/// Why an order is not given whole of which a part is given.
pub(super) fn part_first(part: i64) -> String {
    format!(
        "Это поручение уже отнесено по частям, как оно внесено в учёте: платёж № {part} и другие. Сначала снимите их со \
         счетов."
    )
}

/// A payment order for people.
pub(super) struct OrderInWords {
    pub(super) day: String,
    /// With its sign.
    pub(super) amount: String,
    pub(super) is_out: bool,
    pub(super) payer: String,
    pub(super) inn: String,
    /// `поручение № 5 от 11.03.2026`
    pub(super) order: String,
    pub(super) purpose: String,
}

impl OrderInWords {
    pub(super) fn of(order: &PaymentOrder) -> Self {
        let is_out = order.direction == Direction::Out;
        let sign = if is_out { "−" } else { "+" };
        let name = order.other.name.as_deref().map(plain);
        let name = name.filter(|name| !name.is_empty());
        Self {
            day: date(booked(order)),
            amount: format!("{sign}{}", money(order.amount)),
            is_out,
            payer: name.unwrap_or_else(|| "Без имени".to_owned()),
            inn: order
                .other
                .inn
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            order: format!(
                "поручение № {} от {}",
                plain(&order.number),
                date(order.date)
            ),
            purpose: plain(&order.purpose),
        }
    }
}

/// The day that counts for a payment.
pub(super) fn booked(order: &PaymentOrder) -> Date {
    order.booked.unwrap_or(order.date)
}

/// A payment with what became of it.
pub(super) struct PaymentInWords {
    pub(super) number: i64,
    pub(super) order: OrderInWords,
    pub(super) state: &'static str,
    /// How the state is coloured.
    pub(super) colour: &'static str,
    pub(super) because: String,
    pub(super) invoices: Vec<(String, String)>,
    /// What is left of a booked one, and what that is.
    pub(super) rest: Option<(&'static str, String)>,
    /// What the bank kept of one that is split over many sales.
    pub(super) commission: Option<String>,
    pub(super) days_differ: bool,
}

impl PaymentInWords {
    pub(super) fn of(payment: &ListedPayment, balances: &BTreeMap<InvoiceRef, Balance>) -> Self {
        let invoices = payment.invoices.iter();
        let is_rest = payment.state == PaymentState::Booked && payment.remaining.is_positive();
        Self {
            number: payment.number,
            order: OrderInWords::of(&payment.order),
            state: state(payment.state, payment.kind),
            colour: colour(payment.state),
            because: plain(&payment.because),
            invoices: invoices
                .map(|(invoice, amount)| {
                    (invoice_name(invoice, balances.get(invoice)), money(*amount))
                })
                .collect(),
            rest: is_rest.then(|| (rest_word(payment.kind), money(payment.remaining))),
            commission: payment.commission().map(money),
            days_differ: payment.days_differ,
        }
    }
}

/// `счёт № 118 от 01.03.2026`
pub(super) fn invoice_name(invoice: &InvoiceRef, balance: Option<&Balance>) -> String {
    match balance {
        Some(balance) => format!(
            "счёт № {} от {}",
            plain(&balance.number),
            date(balance.date)
        ),
        None => format!("счёт {}", plain(invoice.invoice.as_str())),
    }
}

pub(super) fn state(state: PaymentState, kind: PaymentKind) -> &'static str {
    match state {
        PaymentState::New => "не рассмотрен",
        PaymentState::Asked => "ждёт решения",
        PaymentState::Booked if kind == PaymentKind::RefundOut => "снят с оплаченного",
        PaymentState::Booked => "отнесён к счёту",
        PaymentState::Left if kind == PaymentKind::RefundOut => "не снят с оплаченного",
        PaymentState::Left => "оставлен без счёта",
        PaymentState::Aside => match kind {
            PaymentKind::Register => "реестр",
            PaymentKind::ReturnedToUs => "вернули нам",
            PaymentKind::RefundOut => "вернули мы",
            PaymentKind::OwnTransfer => "свой перевод",
            PaymentKind::BankFee => "комиссия",
            PaymentKind::Outgoing => "наш платёж",
            // Nothing else sets a buyer's payment aside.
            PaymentKind::Incoming => "больше нигде не показан",
        },
    }
}

/// What a payment has left is its buyer's, unless it is of many.
fn rest_word(kind: PaymentKind) -> &'static str {
    if kind == PaymentKind::Register {
        "продажи без счёта"
    } else {
        "аванс"
    }
}

fn colour(state: PaymentState) -> &'static str {
    match state {
        PaymentState::New | PaymentState::Aside => "",
        PaymentState::Asked => "warn",
        PaymentState::Booked => "good",
        PaymentState::Left => "bad",
    }
}

/// `1 платёж`, `2 платежа`, `5 платежей`
pub(super) fn plural(count: i64, one: &str, few: &str, many: &str) -> String {
    let (tens, ones) = (count.rem_euclid(100), count.rem_euclid(10));
    let word = match (tens, ones) {
        (11..=14, _) => many,
        (_, 1) => one,
        (_, 2..=4) => few,
        _ => many,
    };
    format!("{count} {word}")
}

/// How much of a whole two parts are, one after the other, in per cent; what is there is never drawn as nothing.
pub(super) fn parts(whole: Money, first: Money, second: Money) -> (i64, i64) {
    let share = |part: Money| {
        let (part, whole) = (
            i128::from(part.kopecks().max(0)),
            i128::from(whole.kopecks().max(1)),
        );
        let percent = i64::try_from(part * 100 / whole).unwrap_or(100);
        percent.clamp(i64::from(part > 0), 100)
    };
    let first = share(first);
    (first, share(second).min(100 - first))
}

#[cfg(test)]
mod tests {
    use super::{parts, plain, plural};
    use domain::Money;

    #[test]
    fn what_strangers_wrote_turns_nothing_around() {
        assert_eq!(plain("ООО \u{202e}«АБВ»\r\n\u{200b}x "), "ООО  «АБВ»   x");
    }

    #[test]
    fn words_follow_their_number() {
        let told = |count| plural(count, "платёж", "платежа", "платежей");
        for (count, expected) in [
            (0, "0 платежей"),
            (1, "1 платёж"),
            (3, "3 платежа"),
            (11, "11 платежей"),
            (14, "14 платежей"),
            (21, "21 платёж"),
            (112, "112 платежей"),
            (1002, "1002 платежа"),
        ] {
            assert_eq!(told(count), expected);
        }
    }

    #[test]
    fn pictures_of_sums_fit_their_frame() {
        let parts = |whole, first, second| {
            let kopecks = Money::from_kopecks;
            parts(kopecks(whole), kopecks(first), kopecks(second))
        };
        assert_eq!(parts(1_000, 250, 500), (25, 50));
        assert_eq!(parts(1_000_000, 1, 1), (1, 1));
        assert_eq!(parts(1_000, 900, 900), (90, 10));
        assert_eq!(parts(0, 5, 5), (100, 0));
        assert_eq!(parts(i64::MAX, i64::MAX, 0), (100, 0));
    }
}
