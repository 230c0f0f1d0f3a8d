//! [I-11] What a deal's timeline tells of money comes to what its bills got: each sum once.

use super::{Evidence, money};

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
