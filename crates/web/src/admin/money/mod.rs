//! The section "Money": what waits for a decision, all payments, what people give by hand, credits of many sales,
//! statements, what is closed without a bank, and a month on three sides.
//!
//! What strangers wrote (names, purposes) goes through [`words::plain`] and the templates' escaping, nowhere else.

pub(super) mod giving;
pub(super) mod imports;
pub(super) mod letters;
pub(super) mod payments;
mod proven;
pub(super) mod questions;
pub(super) mod reconciliation;
pub(super) mod registers;
pub(super) mod settlements;
mod typed;
pub(super) mod uploads;
pub(super) mod words;

use axum::http::Uri;

/// A parameter of the address, without what would turn a page around.
pub(super) fn asked(uri: &Uri, name: &str) -> Option<String> {
    let query = uri.query().unwrap_or_default();
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    let found = pairs.find(|(known, _)| known == name);
    let value = found.map(|(_, value)| words::plain(&value));
    value.filter(|value| !value.is_empty())
}

/// The number of a payment in the address, which the page leads to.
fn number(uri: &Uri, name: &str) -> Option<i64> {
    let number = asked(uri, name)?.parse::<i64>().ok();
    number.filter(|number| *number > 0)
}

/// The whole order that was taken back for a part of it, as the end of an address.
fn beside(whole: Option<i64>) -> String {
    whole.map_or_else(String::new, |whole| format!("&whole={whole}"))
}

/// What was done before this page, in words: only what we know how to say.
fn said(uri: &Uri) -> Option<&'static str> {
    Some(match asked(uri, "said")?.as_str() {
        "given" => "Записано: платёж отнесён к счёту. Сделка узнает об этом сама.",
        "taken-off" => "Записано: возврат снят с оплаченного. Сделка узнает об этом сама.",
        "left" => "Записано: платёж оставлен без счёта.",
        "kept" => "Записано: возврат не снимается с оплаченного.",
        "again" => {
            "Пока вы решали, вопрос или остаток по счёту изменился. Посмотрите варианты ещё раз."
        }
        "closed" => "Этот вопрос уже закрыт: кто-то решил раньше.",
        "undone" => "Платёж снят со счетов исправительной записью и снова ждёт решения.",
        "reopened" => "Прежнее решение снято: платёж снова ждёт решения.",
        "refund-undone" => {
            "Решение о возврате отменено: снятое с оплаченного возвращено исправительной записью, возврат снова ждёт решения."
        }
        "moved" => {
            "Записано: оплата перенесена исправительными записями. Сделки узнают об этом сами."
        }
        "split" => {
            "Записано: поступление разнесено по продажам вместе с комиссией. Сделки узнают об этом сами."
        }
        "nothing" => "Снимать нечего: платёж ни к чему не отнесён.",
        "settled" => "Записано: счёт закрыт без банка. Сделка узнает об этом сама.",
        "unsettled" => "Закрытие снято исправительной записью. Сделка узнает об этом сама.",
        "forgotten" => "Файл отброшен, ничего не записано.",
        _ => return None,
    })
}
