//! How each organisation stands to VAT by the policy. Where nobody said, no rate is compared with a regime.

use capability::portal::Finding;
use domain::display::date;
use jiff::Timestamp;
use planner::{Organisation, Policy};

use super::{fails, holds};

/// Where a person says it, and what happens meanwhile.
const CODE: &str = "VAT-REGIME-UNKNOWN";

/// One finding for each organisation whose invoices are paid.
pub(super) fn regimes(policy: &Policy, now: Timestamp) -> Vec<Finding> {
    let sellers = policy.organisations.iter().filter(|one| !one.test);
    let regime = |organisation: &Organisation| {
        let what = format!("НДС «{}»", organisation.title);
        match organisation.vat_at(now) {
            Some(period) => holds(
                what,
                format!("{} с {}", period.regime.label(), date(period.from)),
            ),
            None => fails(
                what,
                "режим не указан: подойдёт любая ставка, и строка без НДС тоже; добавьте `[[organisations.vat]]` в правила",
                CODE,
            ),
        }
    };
    sellers.map(regime).collect()
}

/// Those of which `setup` says that it is left to be said.
pub(crate) fn unknown(policy: &Policy, now: Timestamp) -> impl Iterator<Item = &Organisation> {
    let sellers = policy.organisations.iter().filter(|one| !one.test);
    sellers.filter(move |one| one.vat_at(now).is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_sells_without_a_regime_of_this_day_is_told() {
        let example = include_str!("../../../../config/policy.toml");
        let policy = Policy::parse(example).unwrap();
        let told = |policy: &Policy, now: &str| -> Vec<(bool, String)> {
            let findings = regimes(policy, now.parse().unwrap());
            let told = findings.into_iter().map(|one| (one.holds, one.advice));
            told.collect()
        };
        // The one that is for trying out is not asked about.
        assert_eq!(
            told(&policy, "2026-06-01T09:00:00Z"),
            [(true, "общий режим НДС с 01.01.2026".to_owned())]
        );
        // Midnight in Moscow.
        assert_eq!(
            told(&policy, "2025-12-31T21:00:00Z"),
            [(true, "общий режим НДС с 01.01.2026".to_owned())]
        );
        assert_eq!(
            told(&policy, "2025-12-31T20:59:59Z"),
            [(true, "без НДС с 01.01.2025".to_owned())]
        );
        // What begins later is no answer for today.
        let early = "2024-06-01T09:00:00Z";
        let told = told(&policy, early);
        assert!(
            matches!(told.as_slice(), [(false, advice)] if advice.contains("[[organisations.vat]]")),
            "{told:?}"
        );
        let unknown: Vec<&str> = unknown(&policy, early.parse().unwrap())
            .map(|one| one.title.as_str())
            .collect();
        assert_eq!(unknown, ["ООО «Мы»"]);
    }
}
