//! A bill of ours that nobody waits for any more: its creation was given up or sent again, and it stands after all.
//!
//! The accounting side's feed tells of it. Until a person has put that right over there, nothing more is created for the
//! deal, and nothing is ever deleted by us.

use domain::display::{date, money};
use domain::{Invoice, InvoiceId};

use crate::{DealSnapshot, by_strangers};

/// The code of the question.
pub const CODE: &str = "INVOICE-TWIN";

/// The question about one such bill.
pub fn key(bill: &InvoiceId) -> String {
    format!("{CODE}/{bill}")
}

/// The question in words; `shown`: the number of the invoice that the deal has.
pub fn question(bill: &Invoice, shown: Option<&str>) -> String {
    let what = format!(
        "В бухгалтерии стоит счёт № {} от {} на {} по этой сделке, которого программа уже не ждала: ответа на его создание не \
         было, и он появился позже обещанного срока.",
        by_strangers(&bill.number),
        date(bill.date),
        money(bill.totals.gross)
    );
    let beside = match shown {
        Some(number) => format!(" В сделке показан другой счёт, № {}.", by_strangers(number)),
        None => " В сделке счёта нет.".to_owned(),
    };
    format!(
        "{what}{beside} Программа ничего не удаляет и новых счетов по сделке не выставляет. Удалите в бухгалтерии счёт № {}: вопрос \
         закроется сам.",
        by_strangers(&bill.number)
    )
}

/// Whether a person has yet to put such a bill right.
pub(crate) fn is_asked(snapshot: &DealSnapshot) -> bool {
    snapshot.open_cases.keys().any(|key| is_about(key))
}

/// Whether a question is about such a bill.
pub fn is_about(key: &str) -> bool {
    key.split('/').next() == Some(CODE)
}
