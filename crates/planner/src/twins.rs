//! A bill of ours that nobody waits for any more: its creation was given up or sent again, and it stands after all.
//!
//! The accounting side's feed tells of it. Until a person has put that right over there, nothing more is created for the
//! deal, and nothing is ever deleted by us. The same holds for a bill that we have forgotten and that does not fit its deal
//! any more.

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

/// The question about a bill of which our records, restored from a backup, know nothing; `why` it cannot be linked again;
/// `shown`: the number of the invoice that the deal has.
pub fn forgotten(bill: &Invoice, why: &str, shown: Option<&str>) -> String {
    let shown = shown.map(|number| {
        let number = by_strangers(number);
        format!(" В сделке показан другой счёт, № {number}.")
    });
    format!(
        "{} Сам он к сделке не привязан: {why}.{} Новых счетов по сделке программа не выставляет. Приведите сделку к тому, на что \
         выставлен счёт № {}, или удалите его в бухгалтерии: вопрос закроется сам.",
        not_remembered(bill),
        shown.unwrap_or_default(),
        by_strangers(&bill.number),
    )
}

/// The same about one in whose place another was made, which is forgotten as well or linked again; `by` is its number.
pub fn forgotten_and_replaced(bill: &Invoice, by: &str) -> String {
    let (number, by) = (by_strangers(&bill.number), by_strangers(by));
    format!(
        "{} Вместо него выставлен более новый, № {by}. Новых счетов по сделке программа не выставляет. Отмените или удалите в \
         бухгалтерии счёт № {number}: вопрос закроется сам.",
        not_remembered(bill)
    )
}

fn not_remembered(bill: &Invoice) -> String {
    format!(
        "В бухгалтерии стоит счёт № {} от {} на {}, который программа выставила по этой сделке, но не помнит: её база восстановлена \
         из более старой копии.",
        by_strangers(&bill.number),
        date(bill.date),
        money(bill.totals.gross)
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
