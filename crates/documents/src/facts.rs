//! From domain values to the strings of a paper: how sums, dates, VAT and persons are worded.
//!
//! The wording per VAT regime is the customary one (`Без налога (НДС)`, `В том числе НДС 22 %`); the
//! articles of law stand at [`Exemption`]. The sums are the domain's; they are compared with what
//! the accounting side made of the same lines, and a paper that would say something else is refused.

use domain::{
    AmountError, Amounts, BankDetails, Decimal, Discount, Line, Money, Ogrn, OgrnKind, Party,
    PaymentQr, PaymentQrError, Price, Totals, VatMode, VatRate, display, totals, words,
};
use jiff::civil::Date;
use thiserror::Error;

use crate::exemption::Exemption;
use crate::paper::{
    InvoicePaper, PaperBank, PaperColumns, PaperLine, PaperParty, PaperTotal, Signatory,
};
use crate::picture::Picture;
use crate::spacing::glued;

const NBSP: char = display::NO_BREAK_SPACE;
const DASH: &str = "—";

/// What an invoice says.
#[derive(Clone, Debug)]
pub struct InvoiceFacts<'a> {
    /// The number that the accounting side gave.
    pub number: &'a str,
    /// The date of the invoice.
    pub date: Date,
    /// The last day to pay.
    pub due: Option<Date>,
    /// The last day on which the offer holds.
    pub valid_until: Option<Date>,
    /// Who sells, and how it presents itself.
    pub seller: &'a Seller,
    /// Who buys.
    pub buyer: &'a Party,
    /// The contract: `Договор № 7 от 10.01.2026`.
    pub basis: Option<&'a str>,
    /// How prices relate to VAT.
    pub mode: VatMode,
    /// What is sold.
    pub lines: &'a [Line],
    /// ISO 4217 code; only `RUB` can be printed.
    pub currency: &'a str,
    /// What the accounting side made of the lines, where it told.
    pub issued: Option<Amounts>,
    /// Why the invoice must not be paid any more.
    pub void: Option<Void>,
}

/// One of our own legal entities as it stands on papers.
#[derive(Clone, Debug)]
pub struct Seller {
    /// Who it is.
    pub party: Party,
    /// A telephone number, as it is to be printed.
    pub phone: Option<String>,
    /// The account for payments.
    pub bank: BankDetails,
    /// Who signs as head; a sole trader himself.
    pub head: Signer,
    /// Who signs as chief accountant; not asked for a sole trader, who signs alone.
    pub accountant: Signer,
    /// A picture of the stamp.
    pub stamp: Option<Picture>,
    /// Why lines without VAT have none.
    pub exemption: Option<Exemption>,
    /// The seller's own terms, one paragraph each.
    pub conditions: Vec<String>,
}

/// A person who signs. With an empty name a place is left to fill in by hand.
#[derive(Clone, Debug, Default)]
pub struct Signer {
    /// As whom, if not in the customary words.
    pub role: Option<String>,
    /// Surname and initials.
    pub name: String,
    /// A picture of the signature.
    pub signature: Option<Picture>,
}

/// Why an issued invoice must not be paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Void {
    /// Another one took its place.
    Replaced {
        /// The new one's number.
        number: String,
        /// The new one's date.
        date: Date,
    },
    /// It was taken back.
    Cancelled,
    /// It was made for trying out.
    Sample,
}

/// Why facts make no paper. Lines count from 1.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum PaperError {
    /// There is nothing to sell.
    #[error("the invoice has no lines")]
    NoLines,
    /// Nobody said what VAT a line has; a document must not leave that open.
    #[error("line {line}: VAT is not stated")]
    VatNotStated {
        /// Which line.
        line: usize,
    },
    /// Words and payment code know roubles only.
    #[error("currency `{0}` cannot be printed")]
    Currency(String),
    /// The lines come to no sum.
    #[error("cannot compute the sums")]
    Amounts(#[source] AmountError),
    /// The accounting side and our arithmetic disagree; its figures are the truth, so ours are not
    /// printed.
    #[error(
        "the accounting side has gross `{issued}` and VAT `{issued_vat}`, the lines come to `{computed}` and `{computed_vat}`"
    )]
    Differs {
        /// Gross of the accounting side.
        issued: Money,
        /// VAT of the accounting side.
        issued_vat: Money,
        /// Gross by the lines.
        computed: Money,
        /// VAT by the lines.
        computed_vat: Money,
    },
}

impl InvoicePaper {
    /// Words everything that stands on the paper. Pure: the same facts make the same paper.
    pub fn new(facts: &InvoiceFacts<'_>) -> Result<Self, PaperError> {
        let sums = checked_totals(facts)?;
        let columns = columns(facts.mode, &sums);
        let gross = display::money(sums.gross);
        let (qr, without_qr) = payment_code(facts, &sums);
        Ok(Self {
            title: titled(
                "Счёт на оплату",
                facts.number,
                &display::long_date(facts.date),
            ),
            footer: titled("Счёт на оплату", facts.number, &display::date(facts.date)),
            issued_on: facts.date,
            replaced_by: facts.void.as_ref().map(void_sentence),
            seller: party(&facts.seller.party, facts.seller.phone.as_deref()),
            bank: bank(&facts.seller.bank),
            buyer: party(facts.buyer, None),
            basis: facts.basis.and_then(filled).map(|text| glued(&text)),
            due: facts.due.map(display::long_date),
            lines: lines(facts, &sums),
            totals: total_rows(facts.mode, &sums),
            grand: total("Всего к оплате", gross.clone()),
            summary: format!(
                "Всего наименований{NBSP}{}, на{NBSP}сумму{NBSP}{gross}",
                facts.lines.len()
            ),
            words: words::in_words(sums.gross),
            conditions: conditions(facts, &sums),
            signatories: signatories(facts.seller),
            place_for_stamp: !is_sole_trader(facts.seller),
            stamp: facts.seller.stamp.clone(),
            columns,
            qr,
            without_qr,
        })
    }
}

fn checked_totals(facts: &InvoiceFacts<'_>) -> Result<Totals, PaperError> {
    if facts.currency != "RUB" {
        return Err(PaperError::Currency(facts.currency.to_owned()));
    }
    if facts.lines.is_empty() {
        return Err(PaperError::NoLines);
    }
    let unstated = facts
        .lines
        .iter()
        .position(|line| line.vat == VatRate::NotStated);
    if let Some(index) = unstated {
        return Err(PaperError::VatNotStated { line: index + 1 });
    }
    let sums = totals(facts.mode, facts.lines).map_err(PaperError::Amounts)?;
    match facts.issued {
        Some(issued) if issued != sums.amounts() => Err(PaperError::Differs {
            issued: issued.gross,
            issued_vat: issued.vat,
            computed: sums.gross,
            computed_vat: sums.vat,
        }),
        _ => Ok(sums),
    }
}

fn columns(mode: VatMode, sums: &Totals) -> PaperColumns {
    let taxed = sums
        .by_rate
        .iter()
        .any(|(rate, _)| rate.percent().is_some());
    let vat = sums.by_rate.len() > 1;
    let tax_note = match mode {
        VatMode::OnTop if taxed => Some("без НДС".to_owned()),
        VatMode::Included if taxed && vat => Some("с НДС".to_owned()),
        VatMode::OnTop | VatMode::Included => None,
    };
    PaperColumns {
        price: "Цена".to_owned(),
        sum: "Сумма".to_owned(),
        tax_note,
        vat,
    }
}

fn lines(facts: &InvoiceFacts<'_>, sums: &Totals) -> Vec<PaperLine> {
    let pairs = facts.lines.iter().zip(&sums.lines);
    pairs
        .enumerate()
        .map(|(index, (line, amounts))| PaperLine {
            position: (index + 1).to_string(),
            name: line.name.trim().to_owned(),
            note: line.discount.and_then(discount_note),
            quantity: display::number(line.quantity.value()),
            unit: line.unit.name.trim().to_owned(),
            price: price(line.price),
            vat_rate: rate(line.vat).unwrap_or_else(|| format!("без{NBSP}НДС")),
            vat_sum: line
                .vat
                .percent()
                .map_or_else(|| DASH.to_owned(), |_| display::figures(amounts.vat)),
            sum: display::figures(match facts.mode {
                VatMode::Included => amounts.gross,
                VatMode::OnTop => amounts.net,
            }),
        })
        .collect()
}

fn discount_note(discount: Discount) -> Option<String> {
    match discount {
        Discount::Percent(percent) if percent > Decimal::ZERO => {
            Some(format!("Скидка {}{NBSP}%", display::number(percent)))
        }
        Discount::Money(money) if money.is_positive() => {
            Some(format!("Скидка {} с{NBSP}единицы", display::money(money)))
        }
        Discount::Percent(_) | Discount::Money(_) => None,
    }
}

fn total_rows(mode: VatMode, sums: &Totals) -> Vec<PaperTotal> {
    let taxed = sums
        .by_rate
        .iter()
        .any(|(rate, _)| rate.percent().is_some());
    let mut rows = vec![match mode {
        VatMode::OnTop if taxed => total("Итого без НДС", display::figures(sums.net)),
        VatMode::OnTop | VatMode::Included => total("Итого", display::figures(sums.gross)),
    }];
    let several = sums.by_rate.len() > 1;
    rows.extend(
        sums.by_rate
            .iter()
            .map(|(vat_rate, amounts)| match (rate(*vat_rate), mode) {
                (Some(percent), VatMode::Included) => total(
                    &format!("В том числе НДС{NBSP}{percent}"),
                    display::figures(amounts.vat),
                ),
                (Some(percent), VatMode::OnTop) => total(
                    &format!("НДС{NBSP}{percent}"),
                    display::figures(amounts.vat),
                ),
                (None, _) if several => {
                    let base = display::money(amounts.gross);
                    total(
                        &format!("Без налога (НДС), с{NBSP}суммы {base}"),
                        DASH.to_owned(),
                    )
                }
                (None, _) => total("Без налога (НДС)", DASH.to_owned()),
            }),
    );
    rows
}

fn conditions(facts: &InvoiceFacts<'_>, sums: &Totals) -> Vec<String> {
    let without = sums
        .by_rate
        .iter()
        .any(|(rate, _)| *rate == VatRate::Without);
    let exemption = facts.seller.exemption.as_ref().filter(|_| without);
    let validity = facts.valid_until.map(|date| {
        format!(
            "Счёт действителен до {} включительно.",
            display::long_date(date)
        )
    });
    exemption
        .map(Exemption::sentence)
        .into_iter()
        .chain(validity)
        .chain(
            facts
                .seller
                .conditions
                .iter()
                .filter_map(|text| filled(text)),
        )
        .collect()
}

fn signatories(seller: &Seller) -> Vec<Signatory> {
    if is_sole_trader(seller) {
        return vec![signatory(&seller.head, "Индивидуальный предприниматель")];
    }
    vec![
        signatory(&seller.head, "Руководитель"),
        signatory(&seller.accountant, "Главный бухгалтер"),
    ]
}

fn signatory(signer: &Signer, customary: &str) -> Signatory {
    Signatory {
        role: signer
            .role
            .as_deref()
            .and_then(filled)
            .unwrap_or_else(|| customary.to_owned()),
        name: signer.name.trim().to_owned(),
        signature: signer.signature.clone(),
    }
}

/// A person's INN has twelve digits; who sells under it signs alone.
fn is_sole_trader(seller: &Seller) -> bool {
    seller.party.key.who.is_person()
}

fn party(party: &Party, phone: Option<&str>) -> PaperParty {
    let label = |ogrn: &Ogrn| match ogrn.kind() {
        OgrnKind::Organisation => format!("ОГРН{NBSP}"),
        OgrnKind::Entrepreneur => format!("ОГРНИП{NBSP}"),
    };
    PaperParty {
        name: party.name.trim().to_owned(),
        inn: party.key.who.inn().map(ToString::to_string),
        kpp: party.key.kpp.as_ref().map(ToString::to_string),
        ogrn_label: party.ogrn.as_ref().map(label).unwrap_or_default(),
        ogrn: party.ogrn.as_ref().map(ToString::to_string),
        address: party
            .address
            .as_deref()
            .and_then(filled)
            .map(|text| glued(&text)),
        phone: phone.and_then(filled),
    }
}

fn bank(bank: &BankDetails) -> PaperBank {
    PaperBank {
        name: glued(&bank.bank_name),
        bik: bank.bik.to_string(),
        correspondent_account: bank
            .correspondent
            .as_ref()
            .map_or_else(|| DASH.to_owned(), ToString::to_string),
        settlement_account: bank.account.to_string(),
    }
}

/// The code, or why there is none; a paper without a code can still be paid. An invoice that must not
/// be paid has none on purpose.
fn payment_code(
    facts: &InvoiceFacts<'_>,
    sums: &Totals,
) -> (Option<String>, Option<PaymentQrError>) {
    if facts.void.is_some() {
        return (None, None);
    }
    let party = &facts.seller.party;
    let code = PaymentQr {
        name: party.name.clone(),
        bank: facts.seller.bank.clone(),
        inn: party.key.who.inn().cloned(),
        kpp: party.key.kpp.clone(),
        sum: Some(sums.gross),
        purpose: Some(purpose(facts, sums)),
    };
    match code.shortened().payload() {
        Ok(payload) => (Some(payload), None),
        Err(refused) => (None, Some(refused)),
    }
}

/// What the payer's bank writes as purpose. `счету` without `ё`: old bank programs know no `ё`.
fn purpose(facts: &InvoiceFacts<'_>, sums: &Totals) -> String {
    let vat = match sums.by_rate.as_slice() {
        [(VatRate::Without, _)] => "Без НДС".to_owned(),
        [(rate, amounts)] => format!("В т.ч. НДС {} {}", rate.label(), amounts.vat),
        _ => format!("В т.ч. НДС {}", sums.vat),
    };
    let date = display::date(facts.date);
    format!("Оплата по счету № {} от {date}. {vat}", facts.number.trim())
}

fn void_sentence(void: &Void) -> String {
    match void {
        Void::Replaced { number, date } => format!(
            "Счёт заменён. Оплачивайте счёт №{NBSP}{} от{NBSP}{}",
            number.trim(),
            display::long_date(*date)
        ),
        Void::Cancelled => "Счёт отменён поставщиком.".to_owned(),
        Void::Sample => "Образец: счёт выставлен для проверки.".to_owned(),
    }
}

fn titled(what: &str, number: &str, date: &str) -> String {
    format!("{what} №{NBSP}{} от{NBSP}{date}", number.trim())
}

fn total(label: &str, sum: String) -> PaperTotal {
    PaperTotal {
        label: label.to_owned(),
        sum,
    }
}

fn price(price: Price) -> String {
    display::price(price.value())
}

/// `22 %`; nothing where there is no rate.
fn rate(rate: VatRate) -> Option<String> {
    rate.percent().map(|percent| format!("{percent}{NBSP}%"))
}

fn filled(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}
