//! What hardly any remote or office does: bills land after the accounting side's promise has passed, lines bear a rate that no
//! law has. Few days have either: they are drawn from a stream of their own, so that all the others stay as they are.

use std::time::Duration;

use emulator_harness::{FaultKind, FaultRule};

use crate::chance::dice::{About, Dice};
use crate::chance::weather::{ACCOUNTING_QUIET, Weather};
use crate::days::day::secs;

/// In percent.
pub(crate) const STRANGE_RATE: &str = "13";

/// So long after the promise something lands at the latest.
const LATEST: Duration = secs(300);

impl Weather {
    pub(crate) fn draw_oddities(&mut self, seed: u64) {
        let dice = &mut Dice::of(seed, About::Oddities);
        let (belated, strange) = (dice.chance(40), dice.chance(60));
        let customs = &self.customs;
        let others = [
            customs.restore.is_some(),
            customs.poison.is_some(),
            customs.import.is_some(),
            !customs.is_usual(),
            self.bank,
            self.parts,
            self.old_rates,
        ];
        if others.contains(&true) {
            return;
        }
        // Where the key is honoured, whichever of two creations lands later makes nothing.
        if belated && !self.idempotency_key {
            self.customs.belated = true;
            let delay = dice.time(ACCOUNTING_QUIET + secs(10), ACCOUNTING_QUIET + LATEST);
            let rule = FaultRule {
                permille: u16::try_from(dice.between(50, 300)).unwrap_or(100),
                method: Some("createBill".to_owned()),
                ..FaultRule::always(FaultKind::LateEffect { delay })
            };
            self.accounting_faults.insert(0, rule);
            self.day = self.day.max(secs(900));
        } else if strange {
            self.customs.strange_rates = true;
        }
    }
}
