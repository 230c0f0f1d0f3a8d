//! Managers who write into a deal how much of it is billed in advance, per cent or roubles, and some more than it is worth.

use emulator_bitrix24::{CustomFieldSeed, PortalConfig};
use jiff::Timestamp;
use planner::Policy;
use serde_json::json;

use crate::chance::dice::{About, Dice};
use crate::chance::weather::Weather;
use crate::people::managers::Office;

/// Of deals: how much of them is billed in advance.
const PERCENT: &str = "UF_CRM_ADVANCE_PERCENT";
const SUM: &str = "UF_CRM_ADVANCE_SUM";

/// What a deal says of its advance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Share {
    Percent(i64),
    /// In kopecks.
    Sum(i64),
}

impl Share {
    /// Whether so many kopecks are this share of a deal with so many lines, each of which may be rounded.
    pub(crate) fn is(self, billed: i64, whole: i64, lines: i64) -> bool {
        match self {
            Share::Percent(percent) => (100 * billed - percent * whole).abs() <= 100 * lines,
            Share::Sum(sum) => billed == sum,
        }
    }
}

impl Weather {
    /// Some days on which deals are billed by parts have it: they are drawn from a stream of their own, so that all the
    /// others stay as they are.
    pub(crate) fn draw_shares(&mut self, seed: u64) {
        let drawn = Dice::of(seed, About::Shares).chance(400);
        self.customs.shares = drawn && self.parts && self.is_plain();
    }
}

/// The portal has the fields.
pub(crate) fn at_portal(portal: &mut PortalConfig) {
    let field = |name: &str, label: &str| CustomFieldSeed {
        entity: "CRM_DEAL".to_owned(),
        name: name.to_owned(),
        kind: "string".to_owned(),
        label: label.to_owned(),
        multiple: false,
        items: Vec::new(),
    };
    let fields = [field(PERCENT, "Аванс, %"), field(SUM, "Аванс, ₽")];
    portal.custom_fields.extend(fields);
}

/// Policy reads them before it takes everybody's percentage.
pub(crate) fn write(policy: &mut Policy) {
    if let Some(advance) = &mut policy.invoice.advance {
        advance.percent_field = Some(PERCENT.to_owned());
        advance.sum_field = Some(SUM.to_owned());
    }
}

impl Office {
    /// A manager says how much of a deal is billed in advance, as long as no part of it was ordered.
    pub(crate) fn agree_on_share(&mut self, now: Timestamp, deal: i64) {
        let known = self.deals.get(&deal);
        let is_new = known.is_some_and(|known| known.parts.is_empty());
        if !is_new || !self.habits.chance(700) {
            return;
        }
        let of_all = i64::try_from(self.habits.between(1, 99)).unwrap_or(1);
        let kopecks = i64::try_from(self.habits.between(1, 2_000_000)).unwrap_or(1);
        let (share, percent, sum) = if self.habits.chance(400) {
            (Share::Percent(of_all), format!("{of_all} %"), String::new())
        } else {
            let sum = format!("{}.{:02}", kopecks / 100, kopecks % 100);
            // The sum goes before any percentage.
            (Share::Sum(kopecks), of_all.to_string(), sum)
        };
        let fields = json!({PERCENT: percent, SUM: sum});
        let edited = self.portal.manager().edit_deal(deal, fields);
        let words = format!("deal {deal}: {share:?}: {edited:?}");
        self.tell(now, "agreed on an advance", words);
        self.changed(now, deal, |last| last.share = Some(share));
    }
}

#[cfg(test)]
mod tests {
    use super::Share;

    #[test]
    fn a_percentage_is_rounded_in_each_line_and_a_sum_is_not() {
        for (share, billed, lines, expected) in [
            (Share::Percent(30), 3_000, 1, true),
            (Share::Percent(30), 3_001, 1, true),
            (Share::Percent(30), 3_002, 1, false),
            (Share::Percent(30), 3_002, 2, true),
            (Share::Sum(3_000), 3_000, 2, true),
            (Share::Sum(3_000), 3_001, 2, false),
        ] {
            let is = share.is(billed, 10_000, lines);
            assert_eq!(is, expected, "{share:?} {billed} of {lines}");
        }
    }
}
