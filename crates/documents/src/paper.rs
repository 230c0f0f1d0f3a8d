//! Everything the layout of an invoice prints, as ready Russian strings.
//!
//! This is the contract between the product and a layout, also one that a customer has changed:
//! the serialised form of [`InvoicePaper`] is the layout's `/invoice.json`. No arithmetic here and
//! none in the layout; `facts.rs` fills it from domain values.

use domain::PaymentQrError;
use jiff::civil::Date;
use serde::{Serialize, Serializer};

use crate::picture::Picture;

/// One invoice, ready to be laid out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InvoicePaper {
    /// The heading, also the title of the PDF: `Счёт на оплату № 123 от 1 февраля 2026 г.`
    pub title: String,
    /// The short form at the foot of a paper of several pages.
    pub footer: String,
    /// The date of the invoice; it becomes the PDF's creation date, so that bytes do not depend on
    /// when they were made.
    #[serde(skip)]
    pub issued_on: Date,
    /// Why this paper must not be paid any more, a full sentence; it is printed above all else.
    pub replaced_by: Option<String>,
    /// Who sells and gets the money.
    pub seller: PaperParty,
    /// Where the money goes.
    pub bank: PaperBank,
    /// Who buys.
    pub buyer: PaperParty,
    /// The contract or order behind the invoice.
    pub basis: Option<String>,
    /// The last day for payment, in words: `15 февраля 2026 г.`
    pub due: Option<String>,
    /// How the columns of the table are named and which of them there are.
    pub columns: PaperColumns,
    /// Goods, works and services.
    pub lines: Vec<PaperLine>,
    /// What stands between the lines and the sum to pay: subtotal, VAT by rate.
    pub totals: Vec<PaperTotal>,
    /// The sum to pay.
    pub grand: PaperTotal,
    /// `Всего наименований 3, на сумму 150 000,00 ₽`
    pub summary: String,
    /// The sum to pay in words.
    pub words: String,
    /// Sentences below the sum: reason for no VAT, validity, the seller's own terms.
    pub conditions: Vec<String>,
    /// Who signs, in order.
    pub signatories: Vec<Signatory>,
    /// Whether `М. П.` is printed where there is no picture of a stamp.
    pub place_for_stamp: bool,
    /// A picture of the seller's stamp.
    #[serde(rename = "has_stamp", serialize_with = "as_presence")]
    pub stamp: Option<Picture>,
    /// The text in the payment QR (GOST R 56042-2014), exactly as it is to be read by a bank's
    /// program.
    #[serde(rename = "has_qr", serialize_with = "as_presence")]
    pub qr: Option<String>,
    /// Why there is no payment QR although the invoice is to be paid; not printed.
    #[serde(skip)]
    pub without_qr: Option<PaymentQrError>,
}

/// A party as it stands on paper.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PaperParty {
    /// The name with its legal form.
    pub name: String,
    /// INN, as digits.
    pub inn: Option<String>,
    /// KPP; a sole trader has none.
    pub kpp: Option<String>,
    /// `ОГРН ` or `ОГРНИП `, with the no-break space that belongs before the number.
    pub ogrn_label: String,
    /// OGRN or OGRNIP, as digits.
    pub ogrn: Option<String>,
    /// The address on one line.
    pub address: Option<String>,
    /// A telephone number as the party writes it.
    pub phone: Option<String>,
}

/// The recipient's bank.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PaperBank {
    /// The bank's name and town.
    pub name: String,
    /// BIK, nine digits.
    pub bik: String,
    /// Correspondent account, twenty digits.
    pub correspondent_account: String,
    /// Settlement account, twenty characters.
    pub settlement_account: String,
}

/// The columns that depend on how VAT stands on the paper.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PaperColumns {
    /// Heading of the price.
    pub price: String,
    /// Heading of the sum.
    pub sum: String,
    /// Whether prices and sums hold VAT, where that has to be said: `без НДС`.
    pub tax_note: Option<String>,
    /// Whether each line shows its own rate and VAT (needed where rates differ).
    pub vat: bool,
}

/// One line of the table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PaperLine {
    /// Position, counted from 1.
    pub position: String,
    /// What is sold.
    pub name: String,
    /// A remark below the name, such as a discount.
    pub note: Option<String>,
    /// Quantity with a decimal comma.
    pub quantity: String,
    /// Unit of measure.
    pub unit: String,
    /// Price of one unit.
    pub price: String,
    /// `22 %` or `без НДС`.
    pub vat_rate: String,
    /// VAT of the line, or a dash.
    pub vat_sum: String,
    /// Sum of the line.
    pub sum: String,
}

/// A label and a sum.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PaperTotal {
    /// What the sum is.
    pub label: String,
    /// The sum, or a dash.
    pub sum: String,
}

/// A person who signs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Signatory {
    /// As whom.
    pub role: String,
    /// Surname and initials; may be empty, to be filled in by hand.
    pub name: String,
    /// A picture of the signature.
    #[serde(rename = "has_signature", serialize_with = "as_presence")]
    pub signature: Option<Picture>,
}

fn as_presence<T, S: Serializer>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bool(value.is_some())
}
