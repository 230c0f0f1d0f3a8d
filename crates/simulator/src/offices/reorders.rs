//! An integrator who puts the stages of the funnel into another order during the day, so that some stand on the other side of
//! the invoice stage from then on, and calls `setup` again: what deals did before goes by the order of then.

use std::time::Duration;

use domain::StageId;
use jiff::Timestamp;

use crate::chance::dice::{About, Dice};
use crate::chance::weather::Weather;
use crate::days::day::{Calendar, Happening, secs};
use crate::days::world::World;
use crate::machine::freeze::pause;
use crate::offices::office::{self, INVOICE, LOST, STAGES};
use crate::people::managers::Office;

type Order = [&'static str; 6];

const ORDERS: [Order; 4] = [
    STAGES,
    ["NEW", "EXECUTING", INVOICE, "PREPARATION", "WON", LOST],
    ["NEW", "PREPARATION", "EXECUTING", INVOICE, "WON", LOST],
    ["NEW", INVOICE, "PREPARATION", "EXECUTING", "WON", LOST],
];

/// The portal keeps whole seconds: nobody moves a deal while it is not clear by which order that counts.
const AROUND: Duration = secs(3);

/// The orders that the stages got during the day, each since when.
#[derive(Debug, Default)]
pub(crate) struct Orders(Vec<(Timestamp, Order)>);

impl Orders {
    /// Whether a stage stood before the invoice stage at a moment.
    pub(crate) fn is_before_invoice(&self, stage: &str, at: Timestamp) -> bool {
        let order = self.0.iter().rfind(|(since, _)| *since <= at);
        let order = order.map_or(STAGES, |(_, order)| *order);
        let place = |wanted: &str| order.iter().position(|known| *known == wanted);
        place(stage) < place(INVOICE)
    }
}

impl Weather {
    /// Some days have it: they are drawn from a stream of their own, so that all the others stay as they are.
    pub(crate) fn draw_reorders(&mut self, seed: u64) {
        let dice = &mut Dice::of(seed, About::Reorders);
        let every = dice.chance(100).then(|| dice.time(secs(60), secs(300)));
        let Some(every) = every.filter(|_| self.is_plain()) else {
            return;
        };
        // The portal's moments are compared with ours, and nobody but managers moves deals.
        self.skew.0 = 0;
        self.often.jump = None;
        self.robot_after_ms = None;
        self.bank = false;
        self.customs.reorders = Some(every);
    }
}

impl Office {
    /// Another order since then; it is told.
    fn reorder(&mut self, since: Timestamp) -> Order {
        let last = self.orders.0.last().map_or(STAGES, |(_, order)| *order);
        let others: Vec<Order> = ORDERS.into_iter().filter(|one| *one != last).collect();
        let order = self.habits.pick(&others).unwrap_or(STAGES);
        self.orders.0.push((since, order));
        self.tell(since, "stages reordered", order.join(", "));
        order
    }
}

impl World {
    /// The stages of an office get another order, and its policy learns of it as by `setup`.
    pub(crate) async fn reorder(
        &mut self,
        calendar: &mut Calendar,
        now: Timestamp,
    ) -> Result<(), String> {
        calendar.again(now, self.weather.customs.reorders, Happening::Reorder);
        let place = self.some_tenant();
        pause(AROUND).await;
        let next_second = self.host.now().as_second().saturating_add(1);
        let since = Timestamp::from_second(next_second).map_err(|error| error.to_string())?;
        let Some(tenant) = self.tenants.get_mut(place) else {
            return Ok(());
        };
        let order = tenant.office.reorder(since);
        let portal = tenant.id.clone();
        self.change_policy(&portal, |policy| {
            for funnel in &mut policy.funnels {
                let before = funnel.clone();
                let id = i64::try_from(funnel.id.0).unwrap_or(0);
                let stages = order.map(|stage| StageId::new(office::stage_in(id, stage)));
                funnel.stages = stages.to_vec();
                funnel.keep_former(&before, since);
            }
        })
        .await?;
        pause(AROUND).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use engine::clock::later;

    use super::*;

    #[test]
    fn a_stage_stands_where_it_stood_then() {
        let at = |second| later(Timestamp::UNIX_EPOCH, secs(second));
        let orders = Orders(vec![(at(10), ORDERS[1]), (at(20), ORDERS[2])]);
        for (stage, second, expected) in [
            ("PREPARATION", 9, true),
            ("EXECUTING", 9, false),
            ("PREPARATION", 10, false),
            ("EXECUTING", 19, true),
            ("PREPARATION", 20, true),
            ("EXECUTING", 20, true),
            (INVOICE, 20, false),
        ] {
            let is_before = orders.is_before_invoice(stage, at(second));
            assert_eq!(is_before, expected, "{stage} at {second}");
        }
    }
}
