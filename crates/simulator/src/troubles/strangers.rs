//! Strangers at our door: events that prove nothing, true ones that come again years later, and many of one at once.

use std::time::Duration;

use jiff::Timestamp;

use crate::chance::dice::{About, Dice};
use crate::chance::weather::Weather;
use crate::days::day::{Calendar, secs};
use crate::days::world::World;
use crate::machine::doors::Doors;
use crate::offices::office;

/// Deals from here on only forged events tell of.
pub(crate) const NOBODYS: u64 = 800_000;

/// What a forged event says.
const FORGED: [&str; 4] = [
    "ONCRMDEALUPDATE",
    "ONCRMDEALADD",
    "ONCRMDEALDELETE",
    "ONAPPUNINSTALL",
];

impl Weather {
    /// Few days have any: they are drawn from a stream of their own, so that all the others stay as they are.
    pub(crate) fn draw_strangers(&mut self, seed: u64) {
        let dice = &mut Dice::of(seed, About::Strangers);
        if dice.chance(50) {
            self.customs.strangers = Some(dice.time(secs(10), secs(90)));
        }
    }
}

impl World {
    /// Somebody sends us what no portal does.
    pub(crate) fn strange(&self, calendar: &mut Calendar, now: Timestamp) {
        let dice = &mut calendar.dice;
        let Some(tenant) = dice.pick(&self.tenants.iter().collect::<Vec<_>>()) else {
            return;
        };
        if dice.chance(500) {
            let form = forged(dice, tenant.place, tenant.id.as_str());
            self.story.tell(now, "event forged", &form);
            drop(tokio::spawn(tenant.doors.clone().knock(form)));
            return;
        }
        let Some(form) = dice.pick(&tenant.doors.heard()) else {
            return;
        };
        let times = if dice.chance(300) {
            dice.between(20, 100)
        } else {
            1
        };
        self.story
            .tell(now, "event replayed", format!("{times} times: {form}"));
        for _time in 0..times {
            let after = dice.time(Duration::ZERO, secs(2));
            drop(tokio::spawn(again(
                tenant.doors.clone(),
                form.clone(),
                after,
            )));
        }
    }
}

async fn again(doors: Doors, form: String, after: Duration) {
    crate::machine::freeze::pause(after).await;
    // Whether anybody was there does not matter to who sends it.
    let _answered = doors.deliver(form).await.is_ok();
}

/// An event that lacks what proves it: the token, or that it is of the portal that it names.
fn forged(dice: &mut Dice, place: usize, member: &str) -> String {
    let event = dice.pick(&FORGED).unwrap_or_default();
    let deal = NOBODYS.saturating_add(dice.below(50));
    let right = office::event_token(place);
    let (member, token) = match dice.below(4) {
        0 => (member, String::new()),
        1 => (member, format!("{right}0")),
        2 => (member, office::event_token(place.saturating_add(1))),
        _ => ("0123456789abcdef0123456789abcdef", right),
    };
    let auth = [
        ("domain", "elsewhere.example"),
        ("client_endpoint", "https://elsewhere.example/rest/"),
        ("server_endpoint", "https://elsewhere.example/rest/"),
        ("member_id", member),
        ("application_token", &token),
    ];
    let auth = auth.map(|(name, value)| format!("&auth[{name}]={value}"));
    format!(
        "event={event}&data[FIELDS][ID]={deal}&ts=1500000000{}",
        auth.concat()
    )
}
