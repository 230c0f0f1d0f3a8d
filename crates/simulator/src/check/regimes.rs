//! A bill states of each line the rate that its deal had, where the seller's regime of the day allows it; where it does not,
//! and where a line of a payer has none, there is no bill. Who is exempt says why.

use emulator_kontur_accounting::Bill;
use serde_json::Value;

use super::bills::{asked_by, ours, read_from};
use super::{Evidence, deal_of, parts, slot_of};
use crate::offices::regimes::{Regime, WORDING};
use crate::people::remembered::Version;

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    let Some(regime) = evidence.weather.customs.regime else {
        return;
    };
    for (deal, known, bill) in ours(evidence) {
        if said_why(evidence, deal, bill) != regime.is_exempt() {
            wrong.push(format!(
                "[vat] bill № {} of deal {deal} is printed with `{WORDING}` or without it, and {regime:?} holds",
                bill.number
            ));
        }
        let Some(from) = read_from(evidence, deal, bill) else {
            continue;
        };
        // Which lines of the deal a part has its bill alone says.
        if parts::part_of(bill).is_some() {
            continue;
        }
        let asked = asked_by(bill, known, from);
        let is_one = asked.iter().any(|version| states(bill, version, regime));
        if !asked.is_empty() && !is_one {
            let stated: Vec<&str> = bill.items.iter().map(|item| item.nds_rate.name()).collect();
            let lines = asked.iter().flat_map(|version| &version.lines);
            let lines: Vec<&str> = lines.map(|line| line.vat.as_str()).collect();
            wrong.push(format!(
                "[vat] bill № {} of deal {deal} states {stated:?}, its lines had {lines:?}, and {regime:?} holds",
                bill.number
            ));
        }
    }
}

/// Whether the regime lets every line be stated.
pub(super) fn is_lawful(evidence: &Evidence<'_>, version: &Version) -> bool {
    let regime = evidence.weather.customs.regime;
    regime.is_none_or(|regime| {
        let mut lines = version.lines.iter();
        lines.all(|line| regime.stated(&line.vat).is_some())
    })
}

fn states(bill: &Bill, version: &Version, regime: Regime) -> bool {
    let pairs = version.lines.iter().zip(&bill.items);
    let mut pairs = pairs.map(|(line, item)| (regime.stated(&line.vat), item.nds_rate.name()));
    pairs.all(|(shall, is)| shall == Some(is))
}

/// Whether the bill's paper was to say why there is no VAT.
fn said_why(evidence: &Evidence<'_>, deal: i64, bill: &Bill) -> bool {
    let slot = bill.comment.as_deref().and_then(slot_of);
    let mut effects = evidence.known.effects.iter();
    let effect =
        effects.rfind(|effect| deal_of(&effect.key) == Some(deal) && slot_of(&effect.key) == slot);
    let said = effect.and_then(|effect| effect.request.pointer("/seller/exemption"));
    said.and_then(Value::as_str) == Some(WORDING)
}
