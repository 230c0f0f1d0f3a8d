//! The names of rows, parts and columns, as the command line, the page and the workbook show them.

use domain::Money;
use domain::display::figures;

use super::{Columns, Kind, Reconciliation, Section, What};

/// A row of the sums.
pub const fn what_word(what: What) -> &'static str {
    match what {
        What::Came => "Пришло от покупателей",
        What::Given => "из них отнесено к счетам",
        What::Shown => "из них показано в сделках",
        What::Left => "ни к чему не отнесено",
        What::Settled => "Закрыто без банка",
        What::Commission => "Комиссия эквайринга и СБП",
        What::Refunded => "Возвращено покупателям",
        What::TakenOff => "из них снято с оплаченного",
        What::OtherIn => "Прочие поступления",
        What::OtherOut => "Прочие списания",
    }
}

/// A part of the report.
pub const fn section_word(section: Section) -> &'static str {
    match section {
        Section::Differences => "Расхождения",
        Section::Open => "Ещё не отнесено к счетам",
        Section::Settlements => "Закрыто без банка",
        Section::Corrections => "Исправления закрытых месяцев",
        Section::Days => "Дни без выписки",
    }
}

/// What a line is about.
pub const fn kind_word(kind: Kind) -> &'static str {
    match kind {
        Kind::OnlyInBank => "только в банке",
        Kind::OnlyInAccounting => "только в учёте",
        Kind::AmountDiffers => "разные суммы",
        Kind::OrderDiffers => "разные реквизиты",
        Kind::AllocatedOtherwise => "отнесён иначе",
        Kind::NotShown => "не показан в сделке",
        Kind::NotGiven => "не отнесён",
        Kind::Settled => "без банка",
        Kind::Corrected => "исправлено позже",
        Kind::NotCovered => "нет выписки",
    }
}

/// What is said of a month in which no side says otherwise than another: of days without a statement nobody knows.
pub fn agreement_word(report: &Reconciliation) -> &'static str {
    if report.is_covered() {
        "Стороны сходятся."
    } else {
        "Стороны сходятся, но не на все дни есть выписки: за эти дни банк не сверен."
    }
}

/// The amounts as text: what a side does not tell is a dash.
pub fn columns(columns: Columns) -> [String; 3] {
    let told = |amount: Option<Money>| amount.map_or_else(|| "—".to_owned(), figures);
    [columns.bank, columns.accounting, columns.crm].map(told)
}
