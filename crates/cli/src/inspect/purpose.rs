//! `inspect purpose`: what the purpose of a payment names.

use domain::purpose::{Purpose, Reference, StatedVat};
use serde::Serialize;

use super::Refusal;

#[derive(Serialize)]
pub(super) struct Answer<'a> {
    input: &'a str,
    refs: Vec<Reference>,
    third_party: Option<String>,
    vat: Vec<StatedVat>,
    #[serde(flatten)]
    refusal: Option<Refusal>,
}

/// Any text is a purpose; only bytes that are no text are refused.
pub(super) fn answer<'a>(input: &'a str, readable: Result<&str, String>) -> Answer<'a> {
    let (purpose, refusal) = match readable {
        Ok(text) => (Purpose::read(text), None),
        Err(reason) => (Purpose::default(), Some(Refusal::new(reason))),
    };
    Answer {
        input,
        refs: purpose.references,
        third_party: purpose.third_party,
        vat: purpose.vat,
        refusal,
    }
}
