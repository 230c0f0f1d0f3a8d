//! [I-11] What a deal's timeline tells of money comes to what its bills got: each sum once, and of the order that brought it
//! or took it back, by the day of credit.

use std::collections::BTreeMap;

use jiff::civil::Date;
use store::ListedPayment;

use super::{Evidence, money};
use crate::evidence::records::Entry;

/// Not where an entry may be missing, or stand there twice, and somebody is asked about it.
pub(super) fn timeline(
    evidence: &Evidence<'_>,
    id: i64,
    bills: &[String],
    wrong: &mut Vec<String>,
) {
    let stuck = ["OUTCOME-UNKNOWN", "ACTION-REFUSED", "TRIED-TOO-OFTEN"];
    if super::deals::asks(evidence, id, &stuck) {
        return;
    }
    let comments = evidence.office.portal.comments_of_deal(id);
    each_was_given(evidence, (id, bills), &comments, wrong);
    let told: i64 = comments.iter().filter_map(|(text, _)| told_sum(text)).sum();
    let given = money::given(evidence);
    let got = bills.iter().filter_map(|bill| given.get(bill));
    let got: i64 = got.map(|sum| sum.kopecks()).sum();
    if told != got {
        let texts: Vec<&str> = comments.iter().map(|(text, _)| text.as_str()).collect();
        wrong.push(format!(
            "[I-11] deal {id}: the timeline comes to {told} kopecks, its bills got {got}: {texts:#?}"
        ));
    }
}

/// Each entry tells of something in the ledger, and no two of the same share.
fn each_was_given(
    evidence: &Evidence<'_>,
    (id, bills): (i64, &[String]),
    comments: &[(String, usize)],
    wrong: &mut Vec<String>,
) {
    let known = evidence.payments.iter().map(|one| (one.number, one));
    let known: BTreeMap<i64, &ListedPayment> = known.collect();
    let entries = evidence.ledger.entries.iter();
    let mut untold: Vec<&Entry> = entries.filter(|one| one.kind == "allocation").collect();
    for (text, _) in comments {
        let Some(tells) = Tells::of(text) else {
            continue;
        };
        let is_it = |one: &&Entry| {
            let payment = known.get(&one.payment);
            payment.is_some_and(|payment| tells.is_of(one, payment, bills))
        };
        match untold.iter().position(is_it) {
            // An advance that went back is told of each bill that the payment stands for.
            Some(_) if tells.is_of_rest => {}
            Some(place) => {
                untold.swap_remove(place);
            }
            None => wrong.push(format!(
                "[I-11] deal {id}: nothing in the ledger is what the timeline tells: {text}"
            )),
        }
    }
}

/// What an entry tells of an order.
struct Tells<'a> {
    kopecks: i64,
    /// The day of credit.
    day: &'a str,
    number: &'a str,
    dated: &'a str,
    /// It is money that went back, not that came.
    is_back: bool,
    /// And of what its payment had left.
    is_of_rest: bool,
}

impl<'a> Tells<'a> {
    /// None where it is about something else, or about what was taken back.
    fn of(text: &'a str) -> Option<Self> {
        let (is_back, rest) = match text.strip_prefix("Оплата ") {
            Some(rest) => (false, rest),
            None => (true, text.strip_prefix("Возврат ")?),
        };
        let (sum, rest) = rest.split_once('₽')?;
        let of_rest = rest.strip_prefix(" из аванса");
        let rest = of_rest.unwrap_or(rest);
        let rest = rest.strip_prefix(if is_back {
            " покупателю "
        } else {
            " получена "
        })?;
        let (_, order) = rest.split_once(", поручение № ")?;
        let (number, dated) = order.split_once(" от ")?;
        Some(Self {
            kopecks: kopecks(sum)?,
            day: rest.get(..10)?,
            number,
            dated: dated.get(..10)?,
            is_back,
            is_of_rest: of_rest.is_some(),
        })
    }

    fn is_of(&self, entry: &Entry, payment: &ListedPayment, bills: &[String]) -> bool {
        let order = &payment.order;
        let is_place = match &entry.bill {
            Some(bill) => !self.is_of_rest && bills.contains(bill),
            None => self.is_of_rest && entry.place == "payment",
        };
        let sum = if self.is_back {
            entry.kopecks.saturating_neg()
        } else {
            entry.kopecks
        };
        // Until the bank told the day of credit, the order's own stood for it.
        let days = [order.booked.unwrap_or(order.date), order.date].map(in_figures);
        is_place
            && entry.other.is_some() == self.is_back
            && sum == self.kopecks
            && order.number.trim() == self.number
            && in_figures(order.date) == self.dated
            && days.iter().any(|day| day == self.day)
    }
}

/// `12.03.2026`
fn in_figures(day: Date) -> String {
    format!("{:02}.{:02}.{:04}", day.day(), day.month(), day.year())
}

/// What an entry says that came; below zero for what went back or was taken back; none where it is about no money.
fn told_sum(text: &str) -> Option<i64> {
    if let Some(rest) = text.strip_prefix("Возврат ") {
        let sum = kopecks(rest.split('₽').next()?)?;
        let is_taken_back = rest.contains(" больше не вычитается из оплаченного");
        let is_of_rest = rest.contains(" из аванса");
        return Some(match (is_taken_back, is_of_rest) {
            (true, _) => sum,
            (false, true) => 0,
            (false, false) => sum.saturating_neg(),
        });
    }
    if let Some(rest) = text.strip_prefix("Закрытие счёта ") {
        let (_, rest) = rest.split_once(" на ")?;
        return kopecks(rest.split_once(" (")?.0).map(i64::saturating_neg);
    }
    if let Some((_, rest)) = text.split_once(" закрыт ") {
        let (_, rest) = rest.split_once(" на ")?;
        return kopecks(rest.split_once(" (")?.0);
    }
    let rest = text.strip_prefix("Оплата ")?;
    let sum = kopecks(rest.split('₽').next()?)?;
    let behind = rest.split_once('₽')?.1;
    if behind.starts_with(" получена ") {
        return Some(sum);
    }
    let is_taken_back = behind.starts_with(" от ") && behind.contains(" снята со счёта ");
    is_taken_back.then(|| sum.saturating_neg())
}

/// `1 234,56 ₽`, and nothing else.
fn kopecks(text: &str) -> Option<i64> {
    let figures = text.trim_end_matches('₽').trim();
    let is_figure = |c: char| c.is_ascii_digit() || c.is_whitespace() || c == ',';
    let digits: String = figures.chars().filter(char::is_ascii_digit).collect();
    let is_sum = figures.chars().all(is_figure);
    is_sum.then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::Tells;

    #[test]
    fn what_came_and_what_went_back_is_read_and_what_was_taken_back_is_not() {
        let told = |text| {
            let tells = Tells::of(text)?;
            Some((
                tells.kopecks,
                tells.day,
                tells.number,
                tells.dated,
                tells.is_back,
                tells.is_of_rest,
            ))
        };
        let came = "Оплата 1\u{a0}500,00\u{a0}₽ получена 12.03.2026. Плательщик: ООО «Ромашка», поручение № 77 от 11.03.2026, \
                    «Оплата по счёту № 5 от 01.03.2026». Счёт № 5: оплачен полностью";
        assert_eq!(
            told(came),
            Some((150_000, "12.03.2026", "77", "11.03.2026", false, false))
        );
        let back = "Возврат 5,00\u{a0}₽ из аванса покупателю 13.03.2026. Получатель: ООО «Ромашка», поручение № 8 от 13.03.2026, \
                    «Возврат». Счёт № 5: оплачено 5,00\u{a0}₽ из 5,00\u{a0}₽";
        assert_eq!(
            told(back),
            Some((500, "13.03.2026", "8", "13.03.2026", true, true))
        );
        for other in [
            "Оплата 5,00\u{a0}₽ от 12.03.2026 снята со счёта № 5: ошибка. Оплачено 0,00\u{a0}₽ из 5,00\u{a0}₽",
            "Возврат 5,00\u{a0}₽ от 13.03.2026 больше не вычитается из аванса: ошибка",
            "Выставлен счёт № 5",
        ] {
            assert_eq!(told(other), None);
        }
    }
}
