//! Managers and a robot who take deals on from the funnel of sales to that of production, before and after the invoice, and
//! some back. Policy says of both funnels that they are at work, or of one that it is watched or off, or nothing at all.

use std::time::Duration;

use domain::FunnelId;
use emulator_bitrix24::{RobotAction, RobotSeed};
use jiff::Timestamp;
use planner::Mode;

use crate::chance::dice::Dice;
use crate::days::day::secs;
use crate::offices::office::{self, INVOICE, SECOND_FUNNEL};
use crate::people::managers::Office;

/// Two funnels between which deals go.
#[derive(Clone, Debug)]
pub(crate) struct Production {
    /// Mean time between two acts of whoever takes them on.
    pub(crate) every: Duration,
    /// A robot takes a deal on so many milliseconds after it came into the invoice stage of sales.
    robot_after_ms: Option<u64>,
    /// What is done in the deals of sales, and of production; none: policy does not name that funnel.
    modes: [Option<Mode>; 2],
}

impl Production {
    pub(crate) fn drawn(dice: &mut Dice) -> Self {
        let modes = match dice.below(100) {
            0..30 => [Some(Mode::Active), Some(Mode::Active)],
            30..50 => [Some(Mode::Active), None],
            50..65 => [Some(Mode::Active), Some(Mode::WatchOnly)],
            65..85 => [Some(Mode::Active), Some(Mode::Off)],
            85..93 => [Some(Mode::Off), Some(Mode::Active)],
            _ => [Some(Mode::WatchOnly), Some(Mode::Active)],
        };
        let after_ms = dice.between(0, 15_000);
        Self {
            every: dice.time(secs(15), secs(60)),
            robot_after_ms: dice.chance(700).then_some(after_ms),
            modes,
        }
    }

    /// Work is done in both funnels.
    pub(crate) fn open(dice: &mut Dice) -> Self {
        Self {
            modes: [Some(Mode::Active); 2],
            ..Self::drawn(dice)
        }
    }

    /// Of these modes, for tests.
    #[cfg(test)]
    pub(crate) fn with(sales: Option<Mode>, production: Option<Mode>) -> Self {
        Self {
            every: Duration::ZERO,
            robot_after_ms: None,
            modes: [sales, production],
        }
    }

    /// What this office has done in a funnel; none where its policy does not name it.
    pub(crate) fn mode_of(&self, funnel: i64) -> Option<Mode> {
        let [sales, production] = self.modes;
        if funnel == SECOND_FUNNEL {
            production
        } else {
            sales
        }
    }

    /// The same while the whole portal is in this mode.
    pub(crate) fn mode_within(&self, funnel: FunnelId, portal: Mode) -> Mode {
        let own = i64::try_from(funnel.0).ok().and_then(|id| self.mode_of(id));
        own.filter(|own| *own != Mode::Active).unwrap_or(portal)
    }

    /// Whether deals that stand in a funnel are looked after there.
    pub(crate) fn works_in(&self, funnel: i64) -> bool {
        matches!(self.mode_of(funnel), None | Some(Mode::Active))
    }

    /// Whether there is a funnel in which nothing is done.
    pub(crate) fn is_closed_somewhere(&self) -> bool {
        !(self.works_in(0) && self.works_in(SECOND_FUNNEL))
    }

    pub(crate) fn robot(&self) -> Option<RobotSeed> {
        let after_ms = self.robot_after_ms?;
        Some(RobotSeed {
            on_stage: Some(INVOICE.to_owned()),
            on_field: None,
            after_ms,
            then: RobotAction::MoveTo {
                stage: office::stage_in(SECOND_FUNNEL, "NEW"),
            },
            times: None,
        })
    }
}

impl Office {
    /// Where a deal stands: a robot may have taken it on.
    pub(crate) fn funnel_of(&self, deal: i64) -> i64 {
        let made_in = self.deals.get(&deal).map_or(0, |known| known.funnel);
        let stands_in = self.portal.deal_field(deal, "CATEGORY_ID");
        stands_in.parse().unwrap_or(made_in)
    }

    /// A manager who takes deals on does something.
    pub(crate) fn take_on(&mut self, now: Timestamp) {
        let deal = self.some_living();
        match (self.habits.below(100), deal) {
            (0..40, _) | (_, None) => self.new_deal_somewhere(now),
            (40..75, Some(deal)) => self.take_to_the_other_funnel(now, deal),
            (75..90, Some(deal)) => self.move_to(now, deal, INVOICE),
            (_, Some(deal)) => self.order_anew(now, deal),
        }
    }

    fn new_deal_somewhere(&mut self, now: Timestamp) {
        if let Some((deal, _, false)) = self.deal_somewhere(now, 700, 300)
            && self.habits.chance(600)
        {
            self.move_to(now, deal, INVOICE);
        }
    }

    /// A deal that lacks nothing, so many times in a thousand in the funnel of sales, and so many straight in the invoice stage:
    /// its funnel, and whether it is.
    pub(crate) fn deal_somewhere(
        &mut self,
        now: Timestamp,
        in_sales: u64,
        straight: u64,
    ) -> Option<(i64, i64, bool)> {
        let (buyer, lines) = (self.some_buyer(now), self.some_lines());
        self.fill_kpp(now, buyer);
        let funnel = if self.habits.chance(in_sales) {
            0
        } else {
            SECOND_FUNNEL
        };
        let straight = self.habits.chance(straight);
        let stage = if straight { INVOICE } else { "NEW" };
        let deal = self.deal_of(now, Some(buyer), lines, (funnel, stage))?;
        Some((deal, funnel, straight))
    }

    fn take_to_the_other_funnel(&mut self, now: Timestamp, deal: i64) {
        let other = if self.funnel_of(deal) == SECOND_FUNNEL {
            0
        } else {
            SECOND_FUNNEL
        };
        let stages = ["NEW", "PREPARATION", "EXECUTING", "EXECUTING", INVOICE];
        let stage = self.habits.pick(&stages).unwrap_or("NEW");
        let stage = office::stage_in(other, stage);
        let moved = self.portal.manager().move_deal(deal, &stage);
        self.tell(
            now,
            "taken on",
            format!("deal {deal} to {stage}: {moved:?}"),
        );
    }
}
