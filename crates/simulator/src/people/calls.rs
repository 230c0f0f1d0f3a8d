//! Whoever calls orders by our address: other programs of the office, which call twice, several at once, for deals that are
//! not there, and again where they heard nothing; and the portal's own robot.

use std::time::Duration;

use domain::{Order, PortalId};
use emulator_bitrix24::{RobotAction, RobotSeed};
use engine::SharedRng;
use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use store::Store;

use crate::chance::dice::{About, Dice};
use crate::chance::weather::Weather;
use crate::days::world::told;
use crate::habits::parts::Part;
use crate::machine::doors::{Call, Doors};
use crate::machine::freeze::pause;
use crate::offices::tenant::Tenant;
use crate::people::remembered::Deal;

/// Deals from here on are nowhere.
pub(crate) const NOWHERE: i64 = 900_000;
/// Entering it makes the portal's robot call.
const ROBOT_AT: &str = "PREPARATION";
/// How often a program calls that hears nothing.
const TRIES: u8 = 3;

/// What the address is told to order, as its documentation has it.
const WORDS: [(&str, Order); 7] = [
    ("issue", Order::Issue),
    ("reissue", Order::Reissue),
    ("advance", Order::Advance),
    ("rest", Order::Rest),
    ("additional", Order::Additional),
    ("cancel", Order::Cancel),
    ("leave", Order::Leave),
];

/// What a word orders.
pub(crate) fn ordered(word: &str) -> Option<Order> {
    let known = WORDS.iter().find(|(known, _)| *known == word);
    known.map(|(_, order)| *order)
}

/// The word for an order.
pub(crate) fn word_of(order: Order) -> &'static str {
    let known = WORDS.iter().find(|(_, known)| *known == order);
    known.map_or("", |(word, _)| word)
}

/// The programs of an office, and where they call.
pub(crate) struct Caller {
    dice: Dice,
    portal: PortalId,
    token: String,
    /// Orders for parts make no sense to the checks where prices change with the rate.
    by_parts: bool,
}

impl Tenant {
    /// Gives out the address, as `provodka robot new` does, and tells it to a robot.
    pub(crate) async fn let_in_callers(
        &mut self,
        seed: u64,
        store: &Store,
        weather: &Weather,
    ) -> Result<(), String> {
        let own_seed = seed.wrapping_add(u64::try_from(self.place).unwrap_or(0) << 40);
        let rng = SharedRng::new(Dice::of(own_seed.wrapping_add(1 << 56), About::Calls).into_rng());
        let token = web::Address::Orders.new_token(store, &self.id, &rng).await;
        let token = token.map_err(told)?.expose_secret().to_owned();
        let mut caller = Caller {
            dice: Dice::of(own_seed, About::Calls),
            portal: self.id.clone(),
            token: token.clone(),
            by_parts: !weather.old_rates,
        };
        let robot = [Order::Issue, Order::Issue, Order::Reissue, Order::Cancel];
        if let Some(order) = caller.dice.pick(&robot) {
            let path = caller.path(&caller.token, word_of(order));
            self.office.portal.add_robot(RobotSeed {
                on_stage: Some(ROBOT_AT.to_owned()),
                on_field: None,
                after_ms: caller.dice.between(0, 5_000),
                then: RobotAction::CallAddress {
                    url: format!("https://provodka.example{path}"),
                },
                times: None,
            });
        }
        self.doors.may_call(&token);
        self.secrets.push(token);
        self.caller = Some(caller);
        Ok(())
    }

    /// A program calls something.
    pub(crate) fn call_orders(&mut self, now: Timestamp) {
        let Some(caller) = &mut self.caller else {
            return;
        };
        let living = self.office.deals.iter().filter(|(_, deal)| !deal.deleted);
        let living: Vec<i64> = living.map(|(id, _)| *id).collect();
        let all: Vec<i64> = self.office.deals.keys().copied().collect();
        let dice = &mut caller.dice;
        let deals = match dice.below(100) {
            0..70 => dice.pick(&living).into_iter().collect(),
            70..80 => living,
            80..88 => dice.pick(&all).into_iter().collect(),
            _ => vec![NOWHERE.saturating_add(i64::try_from(dice.below(5)).unwrap_or(0))],
        };
        let order = caller.order();
        let dice = &mut caller.dice;
        let (word, token) = match dice.below(100) {
            0..4 => ("sing", caller.token.clone()),
            4..8 => (word_of(order), format!("{}0", caller.token)),
            _ => (word_of(order), caller.token.clone()),
        };
        let times = if dice.chance(300) {
            dice.between(2, 5)
        } else {
            1
        };
        let path = caller.path(&token, word);
        let adds = order == Order::Additional && caller.dice.chance(600);
        for deal in deals {
            if adds {
                self.office.add_line(now, deal);
            }
            self.office.tell(
                now,
                "called",
                format!("{word} for deal {deal}, {times} at once"),
            );
            for _call in 0..times {
                let dice = &mut caller.dice;
                let lost = dice.chance(150);
                let again = dice.time(Duration::from_secs(1), Duration::from_secs(60));
                let path = format!("{path}&deal={deal}");
                drop(tokio::spawn(call(self.doors.clone(), path, lost, again)));
            }
        }
    }

    /// What people must have wanted by the calls, as if they had said it in the deal.
    pub(crate) fn recall(&mut self) {
        let mut calls = self.doors.calls();
        calls.retain(Call::may_be_kept);
        for (place, call) in calls.iter().enumerate() {
            // The same order that comes again before anybody can have looked is the same one.
            let is_again = |other: &Call| {
                let same = (other.deal, other.order) == (call.deal, call.order);
                same && call.is_kept() && other.is_kept() && other.told_at == call.told_at
            };
            let is_repeated = calls.iter().take(place).any(is_again);
            if let (Some(deal), Some(order), false) = (
                self.office.deals.get_mut(&call.deal),
                call.order,
                is_repeated,
            ) {
                wanted(deal, order, call.at);
            }
        }
    }
}

fn wanted(deal: &mut Deal, order: Order, at: Timestamp) {
    match order {
        Order::Issue => deal.ordered = true,
        Order::Reissue => {
            deal.ordered = true;
            deal.replaced.push(at);
        }
        Order::Advance => deal.parts.push((at, Part::Advance)),
        Order::Rest => deal.parts.push((at, Part::Rest)),
        Order::Additional => deal.parts.push((at, Part::Additional)),
        Order::Cancel => deal.taken_back = true,
        Order::Leave => deal.left.push(at),
    }
    deal.ordered |= !matches!(order, Order::Cancel | Order::Leave);
}

impl Caller {
    fn order(&mut self) -> Order {
        let order = match self.dice.below(100) {
            0..45 => Order::Issue,
            45..57 => Order::Reissue,
            57..66 => Order::Cancel,
            66..72 => Order::Leave,
            72..82 => Order::Advance,
            82..90 => Order::Rest,
            _ => Order::Additional,
        };
        let is_part = matches!(order, Order::Advance | Order::Rest | Order::Additional);
        if is_part && !self.by_parts {
            Order::Issue
        } else {
            order
        }
    }

    fn path(&self, token: &str, word: &str) -> String {
        let (orders, portal) = (web::BITRIX24_ORDERS, &self.portal);
        format!("{orders}{portal}?token={token}&order={word}")
    }
}

/// Calls until it hears that the order was taken, a few times at most.
async fn call(doors: Doors, path: String, lost: bool, again: Duration) {
    for attempt in 0..TRIES {
        let answered = doors.clone().call(path.clone(), String::new()).await;
        let is_heard = !(lost && attempt == 0);
        if is_heard && answered.is_ok_and(|status| status < 500) {
            return;
        }
        pause(again).await;
    }
}
