//! What a line is counted in: the portal's unit as the classifier knows it, never "pieces" for want of better.

use std::collections::BTreeMap;

use domain::Unit;
use domain::unit::{is_okei, okei_by_name};

use crate::policy::OwnUnit;

/// The unit of a row; `None`: neither the policy nor the classifier knows it.
pub(crate) fn unit(
    code: Option<&str>,
    name: &str,
    own: &BTreeMap<String, OwnUnit>,
) -> Option<Unit> {
    if let Some(own) = code.and_then(|code| of_code(code, own)) {
        return Some(own);
    }
    match code {
        Some(code) if is_okei(code) => Some(Unit {
            okei: Some(code.to_owned()),
            name: name.to_owned(),
        }),
        Some(_) | None => named(name, own),
    }
}

/// The unit that bears this name.
pub(crate) fn named(name: &str, own: &BTreeMap<String, OwnUnit>) -> Option<Unit> {
    if let Some(own) = own.get(name.trim()) {
        return Some(made(own));
    }
    okei_by_name(name).map(|code| Unit {
        okei: Some(code.to_owned()),
        name: name.trim().to_owned(),
    })
}

/// The portal pads its codes to three digits; a person may have written them as the portal shows them.
fn of_code(code: &str, own: &BTreeMap<String, OwnUnit>) -> Option<Unit> {
    let bare = code.trim_start_matches('0');
    own.get(code).or_else(|| own.get(bare)).map(made)
}

fn made(own: &OwnUnit) -> Unit {
    Unit {
        okei: own.okei.clone(),
        name: own.name.trim().to_owned(),
    }
}
