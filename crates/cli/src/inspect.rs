//! `provodka inspect KIND`: what the pure rules say of one value a line.
//!
//! Each line of the input is one value, a blank line too; each answer is one JSON object on one line, in the
//! same order. A value that is wrong is an answer, never a failure: only reading and writing can fail.
//!
//! No rule lives here; they are all in `domain`. What the answers look like is the promise of this module.

use std::io::{self, BufRead, Write};

use clap::ValueEnum;
use domain::words::{in_words, in_words_full};
use domain::{
    Bik, CorrespondentAccount, Inn, InnKind, KeptAt, Kpp, Money, Ogrn, OgrnKind, SettlementAccount,
};
use serde::Serialize;

use crate::args::InspectArgs;
use crate::fault::Told;

mod purpose;
mod requisites;
mod statement;
mod tax;
#[cfg(test)]
mod tests;

/// What each line of the input is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// An INN; the answer's kind is `organisation` (10 digits) or `person` (12)
    Inn,
    /// A KPP; its kind is always `organisation`, since nobody else has one
    Kpp,
    /// An OGRN (kind `organisation`) or OGRNIP (kind `entrepreneur`)
    Ogrn,
    /// A BIK, a blank and an account; its kind is `settlement`, `correspondent` or `rkc`
    Account,
    /// An amount in roubles such as `1234567.89`, to be said in words
    Words,
    /// JSON `{"mode":"included|on_top","lines":[{"quantity":"3","price":"33.33","vat":"22"}]}`; `vat` is 22,
    /// 20, 10, 7, 5, 0, `none` or `not_stated`; a line may have `discount_percent` or `discount_money` (off
    /// each unit)
    Vat,
    /// JSON `{"name","account","bank_name","bik","correspondent","sum","purpose","inn","kpp"}`, `sum` in
    /// roubles, or the names of GOST R 56042-2014, `Sum` in kopecks; the answer's `payload` is the text of the
    /// payment QR code
    Qr,
    /// The purpose of a payment; `refs` are the documents that it names (`invoice`, `contract`, `act`, `upd`,
    /// `invoice_vat`, `waybill`, `order`, `letter`, `payment`), `third_party` for whom it is paid, `vat` what it says of VAT
    Purpose,
    /// Bank statements in the format of 1C (1CClientBankExchange), shown for people; nothing is booked
    Statement,
}

/// Longer lines are read to their end and answered as wrong, so that no input can fill the memory.
const MAX_LINE_BYTES: usize = 16 * 1024 * 1024;

/// Does what the command line says.
///
/// # Errors
/// Where reading or writing fails, where files are given to a kind that takes none, and where a statement is not read whole.
pub(crate) fn answer(args: &InspectArgs, mut output: impl Write) -> anyhow::Result<()> {
    match args.kind {
        Kind::Statement => statement::run(&args.files, args.json, &mut output),
        _ if !args.files.is_empty() => Err(Told::mistake("only `inspect statement` takes files")
            .hint("give the values on standard input, one a line")
            .into()),
        kind => Ok(run(kind, io::stdin().lock(), output)?),
    }
}

/// Reads values from `input` line by line and writes an answer for each to `output`.
pub(crate) fn run(kind: Kind, mut input: impl BufRead, mut output: impl Write) -> io::Result<()> {
    let mut bytes = Vec::new();
    while let Some(end) = read_line(&mut input, &mut bytes)? {
        write_answer(kind, &bytes, end, &mut output)?;
        output.write_all(b"\n")?;
    }
    output.flush()
}

/// The answer for an identifier or an account.
#[derive(Serialize)]
struct Checked<'a> {
    input: &'a str,
    valid: bool,
    kind: Option<&'static str>,
    reason: Option<String>,
}

/// The answer for an amount.
#[derive(Serialize)]
struct Spoken<'a> {
    input: &'a str,
    words: Option<String>,
    words_full: Option<String>,
    display: Option<String>,
    #[serde(flatten)]
    refusal: Option<Refusal>,
}

/// What stands beside the empty answer to a value that is wrong.
#[derive(Serialize)]
struct Refusal {
    valid: bool,
    reason: String,
}

impl Refusal {
    fn new(reason: impl ToString) -> Refusal {
        Refusal {
            valid: false,
            reason: reason.to_string(),
        }
    }
}

fn write_answer(kind: Kind, bytes: &[u8], end: LineEnd, output: &mut impl Write) -> io::Result<()> {
    let shown = String::from_utf8_lossy(bytes);
    // What cannot even be read as a line of text gets the same shape of answer as any wrong value.
    let readable = match end {
        LineEnd::Cut => Err(format!("longer than {MAX_LINE_BYTES} bytes")),
        LineEnd::Whole => std::str::from_utf8(bytes).map_err(|_| "not UTF-8 text".to_owned()),
    };
    match kind {
        Kind::Vat => write_json(output, &tax::answer(readable)),
        Kind::Qr => write_json(output, &requisites::answer(readable)),
        Kind::Purpose => write_json(output, &purpose::answer(&shown, readable)),
        Kind::Statement => Err(io::Error::other(
            "a statement is read whole, not line by line",
        )),
        Kind::Words => write_json(output, &spoken(&shown, readable)),
        Kind::Inn => write_json(output, &checked(&shown, readable.and_then(inn))),
        Kind::Kpp => write_json(output, &checked(&shown, readable.and_then(kpp))),
        Kind::Ogrn => write_json(output, &checked(&shown, readable.and_then(ogrn))),
        Kind::Account => write_json(output, &checked(&shown, readable.and_then(account))),
    }
}

fn checked<'a>(input: &'a str, verdict: Result<&'static str, String>) -> Checked<'a> {
    let valid = verdict.is_ok();
    let (kind, reason) = match verdict {
        Ok(kind) => (Some(kind), None),
        Err(reason) => (None, Some(reason)),
    };
    Checked {
        input,
        valid,
        kind,
        reason,
    }
}

fn inn(text: &str) -> Result<&'static str, String> {
    let inn = Inn::parse(text).map_err(|error| error.to_string())?;
    Ok(match inn.kind() {
        InnKind::Organisation => "organisation",
        InnKind::Person => "person",
    })
}

fn kpp(text: &str) -> Result<&'static str, String> {
    Kpp::parse(text)
        .map(|_| "organisation")
        .map_err(|error| error.to_string())
}

fn ogrn(text: &str) -> Result<&'static str, String> {
    let ogrn = Ogrn::parse(text).map_err(|error| error.to_string())?;
    Ok(match ogrn.kind() {
        OgrnKind::Organisation => "organisation",
        OgrnKind::Entrepreneur => "entrepreneur",
    })
}

fn account(text: &str) -> Result<&'static str, String> {
    let mut parts = text.split_whitespace();
    let (Some(bik), Some(account), None) = (parts.next(), parts.next(), parts.next()) else {
        return Err("a BIK, a blank and an account expected".to_owned());
    };
    let bik = Bik::parse(bik).map_err(|error| format!("BIK: {error}"))?;
    if CorrespondentAccount::looks_like(&bik, account) {
        let read = CorrespondentAccount::parse(&bik, account);
        return read
            .map(|_| "correspondent")
            .map_err(|error| format!("account: {error}"));
    }
    let account =
        SettlementAccount::parse(&bik, account).map_err(|error| format!("account: {error}"))?;
    Ok(match account.kept_at() {
        KeptAt::BankOfRussia => "rkc",
        KeptAt::CreditInstitution | KeptAt::Treasury => "settlement",
    })
}

fn spoken<'a>(input: &'a str, readable: Result<&str, String>) -> Spoken<'a> {
    let amount = readable.and_then(|text| Money::parse(text).map_err(|error| error.to_string()));
    let said = amount.as_ref().ok().copied();
    Spoken {
        input,
        words: said.map(in_words),
        words_full: said.map(in_words_full),
        display: said.map(domain::display::figures),
        refusal: amount.err().map(Refusal::new),
    }
}

fn write_json(output: &mut impl Write, answer: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(output, answer).map_err(io::Error::from)
}

/// How a line was read.
#[derive(Clone, Copy)]
enum LineEnd {
    Whole,
    Cut,
}

/// Reads the next line without its end into `line`, at most [`MAX_LINE_BYTES`] of it; `None` after the last.
fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Option<LineEnd>> {
    line.clear();
    let mut end = None;
    loop {
        let buffer = match input.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            filled => filled?,
        };
        if buffer.is_empty() {
            break;
        }
        let newline = buffer.iter().position(|byte| *byte == b'\n');
        let (part, _) = buffer.split_at(newline.unwrap_or(buffer.len()));
        let (kept, dropped) = part.split_at(part.len().min(MAX_LINE_BYTES - line.len()));
        line.extend_from_slice(kept);
        end = match end {
            Some(LineEnd::Cut) => end,
            _ if dropped.is_empty() => Some(LineEnd::Whole),
            _ => Some(LineEnd::Cut),
        };
        let used = part.len() + usize::from(newline.is_some());
        input.consume(used);
        if newline.is_some() {
            break;
        }
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(end)
}
