//! How an organisation stands to VAT, from a day on, and what managers write into lines: most often what is right for it, and
//! now and then a rate that it may not state, or none.

use domain::VatRate;
use jiff::civil::date;
use planner::{NoRate, VatPeriod, VatRegime};

use crate::chance::dice::Dice;

/// Why an exempt organisation states no VAT, as it is printed.
pub(crate) const WORDING: &str = "НДС не облагается: п. 1 ст. 145 НК РФ.";

/// What managers choose by mistake, in percent; none: without VAT.
const ANY: [&str; 6] = ["22", "10", "7", "5", "0", ""];

/// An organisation's regime on the day, and what else policy says of its rates.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Regime {
    is: VatRegime,
    /// What it was before, and what it will be.
    beside: [Option<VatRegime>; 2],
    /// What a line without a rate means; none: nobody said.
    no_rate: Option<VatRate>,
}

impl Regime {
    pub(crate) fn drawn(dice: &mut Dice) -> Self {
        let all = [
            VatRegime::Usn5,
            VatRegime::Usn7,
            VatRegime::Exempt,
            VatRegime::General,
        ];
        let mut some = || dice.pick(&all).unwrap_or(VatRegime::General);
        let (is, before, after) = (some(), some(), some());
        let beside = [before, after].map(|other| dice.chance(500).then_some(other));
        let no_rate = match dice.below(100) {
            0..55 => None,
            55..85 => main_rate(is),
            _ => Some(VatRate::Without),
        };
        Self {
            is,
            beside,
            no_rate: no_rate.filter(|_| is != VatRegime::Exempt),
        }
    }

    /// As policy has it.
    pub(crate) fn periods(self) -> Vec<VatPeriod> {
        let [before, after] = self.beside;
        let all = [
            (date(2025, 1, 1), before),
            (date(2026, 3, 1), Some(self.is)),
            (date(2026, 4, 1), after),
        ];
        let all = all.into_iter();
        all.filter_map(|(from, regime)| Some((from, regime?)))
            .map(|(from, regime)| VatPeriod {
                from,
                regime,
                wording: (regime == VatRegime::Exempt).then(|| WORDING.to_owned()),
            })
            .collect()
    }

    /// The same of lines without a rate.
    pub(crate) fn no_rate(self) -> NoRate {
        NoRate {
            free_rows: self.no_rate,
            ..NoRate::default()
        }
    }

    fn lawful(self) -> &'static [&'static str] {
        match self.is {
            VatRegime::General => &["22", "10", "0"],
            VatRegime::Usn5 => &["5", "0"],
            VatRegime::Usn7 => &["7", "0"],
            VatRegime::Exempt => &[""],
        }
    }

    pub(crate) fn is_exempt(self) -> bool {
        self.is == VatRegime::Exempt
    }

    /// What a manager chooses for a line.
    pub(crate) fn some_rate(self, dice: &mut Dice) -> &'static str {
        let among: &[&'static str] = if dice.chance(850) {
            self.lawful()
        } else {
            &ANY
        };
        dice.pick(among).unwrap_or_default()
    }

    /// What the bill is to state for a line of so many percent, in the accounting side's words; none: it may state nothing.
    pub(crate) fn stated(self, percent: &str) -> Option<&'static str> {
        let rate = match percent {
            "22" => "nds22",
            "10" => "nds10",
            "7" => "nds7",
            "5" => "nds5",
            "0" => "nds0",
            "" => return self.stated_without_rate(),
            _ => return None,
        };
        self.lawful().contains(&percent).then_some(rate)
    }

    fn stated_without_rate(self) -> Option<&'static str> {
        if self.is_exempt() {
            return Some("withoutNds");
        }
        match self.no_rate? {
            VatRate::Without => Some("withoutNds"),
            VatRate::Percent22 => Some("nds22"),
            VatRate::Percent7 => Some("nds7"),
            VatRate::Percent5 => Some("nds5"),
            _ => None,
        }
    }
}

fn main_rate(regime: VatRegime) -> Option<VatRate> {
    match regime {
        VatRegime::General => Some(VatRate::Percent22),
        VatRegime::Usn5 => Some(VatRate::Percent5),
        VatRegime::Usn7 => Some(VatRate::Percent7),
        VatRegime::Exempt => None,
    }
}
