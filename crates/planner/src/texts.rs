//! What the planner says to people, in Russian.

use domain::observed::Owner;
use domain::{AccountError, AmountError, BikError, InnError, InvoiceStatus, KppError, display};

use crate::{Fault, OurInvoice};

/// The portal's path to a company's or contact's card.
pub(crate) fn owner_path(owner: &Owner) -> String {
    match owner {
        Owner::Company(id) => format!("/crm/company/details/{id}/"),
        Owner::Contact(id) => format!("/crm/contact/details/{id}/"),
    }
}

/// The state of an invoice as the deal's field shows it.
pub fn status_label(status: InvoiceStatus) -> &'static str {
    status.label()
}

pub(crate) const DELETED_LABEL: &str = "Удалён в учёте";

/// The timeline entry of an issued invoice.
pub(crate) fn issued(invoice: &OurInvoice) -> String {
    format!(
        "Выставлен счёт № {} от {} на сумму {}",
        invoice.number,
        display::date(invoice.date),
        display::money(invoice.total)
    )
}

/// What is missing, one line each, with a link to where it is mended.
pub(crate) fn missing(faults: &[Fault]) -> String {
    let lines: Vec<String> = faults
        .iter()
        .map(|fault| format!("• {} — [URL={}]исправить[/URL]", fault.what, fault.place))
        .collect();
    format!(
        "Счёт не выставлен. Что нужно сделать:\n{}\nПосле исправления счёт будет выставлен сам.",
        lines.join("\n")
    )
}

pub(crate) fn changed(invoice: &OurInvoice, differences: &[String]) -> String {
    format!(
        "Сделка изменена после счёта № {}. Счёт не перевыставлен. Различия:\n• {}",
        invoice.number,
        differences.join("\n• ")
    )
}

pub(crate) fn edited(invoice: &OurInvoice) -> String {
    format!(
        "Бухгалтер изменил счёт № {}: был на {}, стал на {}. В сделке показано то, что в учёте.",
        invoice.number,
        display::money(invoice.issued_total()),
        display::money(invoice.total)
    )
}

pub(crate) fn cancelled(invoice: &OurInvoice) -> String {
    format!(
        "Счёт № {} отменён в учёте. Новый счёт сам не выставляется.",
        invoice.number
    )
}

pub(crate) fn deleted(invoice: &OurInvoice) -> String {
    format!(
        "Счёт № {} от {} удалён в учёте вручную. Новый счёт сам не выставляется.",
        invoice.number,
        display::date(invoice.date)
    )
}

pub(crate) fn deal_deleted(invoice: &OurInvoice) -> String {
    format!(
        "Сделка удалена, а её счёт № {} от {} на {} остался в учёте. Решите, отменить ли его.",
        invoice.number,
        display::date(invoice.date),
        display::money(invoice.total)
    )
}

/// Why a value is refused.
pub(crate) trait InRussian {
    /// The reason, to follow a colon.
    fn in_russian(&self) -> String;
}

impl InRussian for InnError {
    fn in_russian(&self) -> String {
        match self {
            Self::Empty => "не указан".to_owned(),
            Self::NotDigit { position } => format!("знак {position} — не цифра"),
            Self::Length { found } => format!("нужно 10 или 12 цифр, указано {found}"),
            Self::AllZero => "одни нули".to_owned(),
            Self::CheckDigit { .. } => {
                "контрольная цифра не сходится, проверьте опечатку".to_owned()
            }
        }
    }
}

impl InRussian for KppError {
    fn in_russian(&self) -> String {
        match self {
            Self::Empty => "не указан".to_owned(),
            Self::Length { found } => format!("нужно 9 знаков, указано {found}"),
            Self::Character { position } => format!("знак {position} здесь недопустим"),
            Self::AllZero => "одни нули".to_owned(),
        }
    }
}

impl InRussian for BikError {
    fn in_russian(&self) -> String {
        match self {
            Self::Empty => "не указан".to_owned(),
            Self::NotDigit { position } => format!("знак {position} — не цифра"),
            Self::Length { found } => format!("нужно 9 цифр, указано {found}"),
            Self::AllZero => "одни нули".to_owned(),
        }
    }
}

impl InRussian for AccountError {
    fn in_russian(&self) -> String {
        match self {
            Self::Empty => "не указан".to_owned(),
            Self::Length { found } => format!("нужно 20 знаков, указано {found}"),
            Self::Character { position } => format!("знак {position} здесь недопустим"),
            Self::AllZero => "одни нули".to_owned(),
            Self::Correspondent => "указан корреспондентский счёт банка".to_owned(),
            Self::NotCorrespondent => "начинается не с 30101".to_owned(),
            Self::Tail => "последние три цифры не те, что у БИК".to_owned(),
            Self::Key => "ключ не сходится: ошибка в счёте или в БИК".to_owned(),
        }
    }
}

impl InRussian for AmountError {
    fn in_russian(&self) -> String {
        match self {
            Self::TooPrecise { line } => {
                format!("строка {line}: слишком много знаков в количестве или цене")
            }
            Self::TooLarge { line } => format!("строка {line}: сумма слишком велика"),
            Self::Discount { line } => {
                format!("строка {line}: скидка меньше нуля или больше цены")
            }
            Self::TotalTooLarge => "сумма строк слишком велика".to_owned(),
        }
    }
}
