//! The body of an event, as the web side reads it before it believes anything.

use connector_bitrix24::webhook::{Limits, TokenDigest, parse, verify};

pub(crate) fn run(input: &[u8]) {
    let Ok(delivery) = parse(input, Limits::default()) else {
        return;
    };
    let proved = verify(&delivery, &TokenDigest::of(&delivery.application_token));
    assert!(proved, "a token is not its own");
    assert!(
        !verify(&delivery, &TokenDigest::NONE),
        "a stranger proves itself"
    );
}
