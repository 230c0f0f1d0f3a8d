//! What people type into the forms about money, read; or what is wrong with it, in words.

use domain::Money;

/// Characters of a reason, or of a paper that proves an order.
const LONGEST: usize = 500;

/// What was recorded of the payment between the page and its form.
pub(super) const CHANGED: &str =
    "Пока вы писали, с платежом что-то сделали: посмотрите историю и решите снова.";

/// An amount as people type it; none where they type nothing.
pub(super) fn amount(text: &str) -> Result<Option<Money>, &'static str> {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    if text.is_empty() {
        return Ok(None);
    }
    let read = Money::parse(&text.replace(',', "."));
    let read = read.map_err(|_| "Сумма не читается: напишите рубли, как 1234.56.")?;
    Ok(Some(read))
}

/// The last transaction of the payment that the page showed. A form that says nothing of what was seen saw nothing that could
/// be there.
pub(super) fn seen(text: &str) -> i64 {
    text.parse().unwrap_or_default()
}

/// Why something is taken back.
pub(super) fn reason(text: &str) -> Result<&str, &'static str> {
    named(text, "Назовите причину: до 500 знаков.")
}

/// A paper that proves an order, or a reason; else what is to be named.
pub(super) fn named<'a>(text: &'a str, what: &'static str) -> Result<&'a str, &'static str> {
    let named = text.trim();
    let is_named = (1..=LONGEST).contains(&named.chars().count());
    if is_named { Ok(named) } else { Err(what) }
}
