//! The invoice for payment (счёт на оплату): what is to be issued, and what the accounting side holds.
//!
//! An invoice is no primary document and books nothing; it is unique by own organisation, year and number.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::account::AccountError;
use crate::{
    AmountError, Amounts, Bik, ContractorId, CorrespondentAccount, Counterparty, CounterpartyKey,
    EffectKey, InvoiceId, Line, Money, Ogrn, OrganisationId, Part, Revision, SettlementAccount,
    Totals, VatMode,
};

/// A party of a document as printed: the seller or the buyer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// Who it is.
    pub key: CounterpartyKey,
    /// The name.
    pub name: String,
    /// The state registration number.
    pub ogrn: Option<Ogrn>,
    /// The address in one line.
    pub address: Option<String>,
}

/// Where money is sent to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "UncheckedBankDetails")]
pub struct BankDetails {
    /// The account of the payee; it was checked against `bik`.
    pub account: SettlementAccount,
    /// The bank.
    pub bik: Bik,
    /// The bank's name, as printed.
    pub bank_name: String,
    /// The bank's own account; units of the Bank of Russia have none.
    pub correspondent: Option<CorrespondentAccount>,
}

/// An invoice as it should be issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvoiceDraft {
    /// Which of our own legal entities sells.
    pub seller: OrganisationId,
    /// Who buys.
    pub buyer: Counterparty,
    /// How prices relate to VAT.
    pub mode: VatMode,
    /// What is sold.
    pub lines: Vec<Line>,
    /// ISO 4217 code: `RUB`.
    pub currency: String,
    /// The contract: `Договор № 7 от 10.01.2026`.
    pub basis: Option<String>,
    /// The date of the invoice, in the seller's zone.
    pub date: Date,
    /// The last day to pay.
    pub due: Option<Date>,
    /// The last day on which the offer holds; printed, and not told to the accounting side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Date>,
    /// Of which whole the lines are a part; none: they are the whole. Revisions know the lines alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<Box<Part>>,
    /// The number that it is to bear, because the buyer knows it already; none: the next of its series.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
}

/// Where an invoice stands on the accounting side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvoiceStatus {
    /// Issued, nothing paid.
    Issued,
    /// A part is paid.
    PartiallyPaid,
    /// Paid in full.
    Paid,
    /// Taken back by the accountant.
    Cancelled,
    /// A status that we do not know: pending, neither success nor failure.
    Unknown,
}

/// An invoice as the accounting side holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invoice {
    /// Its id there.
    pub id: InvoiceId,
    /// Which of our own legal entities sells.
    pub seller: OrganisationId,
    /// The number that the accounting side gave; text with its leading zeros.
    pub number: String,
    /// The date of the invoice.
    pub date: Date,
    /// The last day to pay.
    pub due: Option<Date>,
    /// Where it stands.
    pub status: InvoiceStatus,
    /// The buyer there.
    pub contractor: ContractorId,
    /// Who the buyer is, where the accounting side tells it beside the invoice.
    pub counterparty: Option<CounterpartyKey>,
    /// How prices relate to VAT.
    pub mode: VatMode,
    /// The lines, where the accounting side was asked for them.
    pub lines: Vec<Line>,
    /// What the accounting side makes of the lines: the truth, even where ours would differ.
    pub totals: Amounts,
    /// ISO 4217 code: `RUB`.
    pub currency: String,
    /// How much of it is paid.
    pub paid: Money,
    /// It bears a mark of ours: it was made for a deal, which finds it by the mark.
    pub marked: bool,
    /// The key of the creation by which we made it; none where a person did, be it by copying one that bears our mark.
    #[serde(default)]
    pub made_as: Option<EffectKey>,
    /// When it was last changed there.
    pub changed: Option<Timestamp>,
}

impl InvoiceDraft {
    /// The hash of what the invoice depends on; see [`Revision`].
    pub fn revision(&self) -> Revision {
        Revision::of(self)
    }

    /// The invoice for the whole of which this one bills a part; else itself.
    pub fn of_whole(&self) -> InvoiceDraft {
        let mut whole = self.clone();
        if let Some(part) = whole.part.take() {
            (whole.mode, whole.lines) = (part.mode, part.lines);
        }
        whole
    }

    /// What the lines come to.
    pub fn totals(&self) -> Result<Totals, AmountError> {
        crate::totals(self.mode, &self.lines)
    }
}

impl InvoiceStatus {
    /// All of them.
    pub const ALL: [InvoiceStatus; 5] = [
        InvoiceStatus::Issued,
        InvoiceStatus::PartiallyPaid,
        InvoiceStatus::Paid,
        InvoiceStatus::Cancelled,
        InvoiceStatus::Unknown,
    ];

    /// The stable text, as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            InvoiceStatus::Issued => "issued",
            InvoiceStatus::PartiallyPaid => "partially_paid",
            InvoiceStatus::Paid => "paid",
            InvoiceStatus::Cancelled => "cancelled",
            InvoiceStatus::Unknown => "unknown",
        }
    }

    /// As people in the office read it.
    pub const fn label(self) -> &'static str {
        match self {
            InvoiceStatus::Issued => "Выставлен",
            InvoiceStatus::PartiallyPaid => "Оплачен частично",
            InvoiceStatus::Paid => "Оплачен",
            InvoiceStatus::Cancelled => "Отменён",
            InvoiceStatus::Unknown => "Состояние неизвестно",
        }
    }
}

impl From<&Counterparty> for Party {
    fn from(counterparty: &Counterparty) -> Party {
        Party {
            key: counterparty.key.clone(),
            name: counterparty.name.clone(),
            ogrn: counterparty.ogrn.clone(),
            address: counterparty.address.clone(),
        }
    }
}

/// Bank details before the accounts are checked against the BIK.
#[derive(Deserialize)]
struct UncheckedBankDetails {
    account: String,
    bik: Bik,
    bank_name: String,
    correspondent: Option<String>,
}

impl TryFrom<UncheckedBankDetails> for BankDetails {
    type Error = AccountError;

    fn try_from(raw: UncheckedBankDetails) -> Result<Self, Self::Error> {
        let parse = |text: String| CorrespondentAccount::parse(&raw.bik, &text);
        Ok(BankDetails {
            account: SettlementAccount::parse(&raw.bik, &raw.account)?,
            correspondent: raw.correspondent.map(parse).transpose()?,
            bank_name: raw.bank_name,
            bik: raw.bik,
        })
    }
}
