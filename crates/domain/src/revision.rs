//! The revision of an invoice: one hash over everything it depends on, and over nothing else.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::invoice::InvoiceDraft;
use crate::{Discount, Line};

/// SHA-256 in small hexadecimal digits over what an invoice depends on: buyer's INN and KPP, seller, lines,
/// prices, VAT, currency and contract. Names, addresses and dates are not part of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Revision(String);

/// A text that is no revision.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a revision has 64 small hexadecimal digits")]
pub struct RevisionError;

impl Revision {
    /// Reads a revision back from where it was kept.
    pub fn parse(text: &str) -> Result<Revision, RevisionError> {
        let hexadecimal = text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if hexadecimal && text.len() == 64 {
            Ok(Revision(text.to_owned()))
        } else {
            Err(RevisionError)
        }
    }

    /// The 64 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first twelve digits, enough for a person or a mark in a comment.
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or_default()
    }

    pub(crate) fn of(draft: &InvoiceDraft) -> Revision {
        Revision::hashed(&canonical_text(draft))
    }

    /// Of a text that stands for what no invoice could be made of.
    pub fn hashed(text: &str) -> Revision {
        let mut digits = String::with_capacity(64);
        for byte in Sha256::digest(text.as_bytes()) {
            digits.push_str(&format!("{byte:02x}"));
        }
        Revision(digits)
    }
}

crate::validated::validated_text!(Revision, RevisionError);

/// One `name=length:value` a line, so that no value can pass for another field. Numbers are written without
/// trailing zeros. The first line names the version: a change here changes every stored revision.
fn canonical_text(draft: &InvoiceDraft) -> String {
    let mut text = String::from("invoice revision 1\n");
    let key = &draft.buyer.key;
    field(&mut text, "buyer.inn", &key.who.to_string());
    field(
        &mut text,
        "buyer.kpp",
        key.kpp.as_ref().map_or("", |kpp| kpp.as_str()),
    );
    field(&mut text, "seller", draft.seller.as_str());
    field(&mut text, "mode", draft.mode.as_str());
    field(&mut text, "currency", &draft.currency);
    field(
        &mut text,
        "basis",
        draft.basis.as_deref().unwrap_or_default(),
    );
    field(&mut text, "lines", &draft.lines.len().to_string());
    for line in &draft.lines {
        line_fields(&mut text, line);
    }
    text
}

fn line_fields(text: &mut String, line: &Line) {
    let discount = match line.discount {
        None => String::new(),
        Some(Discount::Percent(percent)) => format!("{}%", percent.normalize()),
        Some(Discount::Money(off)) => off.to_string(),
    };
    field(text, "name", &line.name);
    field(text, "okei", line.unit.okei.as_deref().unwrap_or_default());
    field(text, "unit", &line.unit.name);
    field(text, "quantity", &line.quantity.to_string());
    field(text, "price", &line.price.to_string());
    field(text, "discount", &discount);
    field(text, "vat", line.vat.as_str());
}

fn field(text: &mut String, name: &str, value: &str) {
    // Writing to a String cannot fail.
    let _infallible = writeln!(text, "{name}={}:{value}", value.len());
}
