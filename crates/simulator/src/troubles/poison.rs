//! One deal spoils whatever reads it: the portal cannot print it, or our process does not survive its answer. Everything else
//! is as on a calm day, so that it shows whether the others go on.

use std::time::Duration;

use bytes::Bytes;
use emulator_bitrix24::{Entry, EventSettings};
use engine::clock::{earlier, later};
use jiff::Timestamp;
use serde_json::Value;

use crate::chance::dice::{About, Dice};
use crate::chance::weather::{Often, Weather};
use crate::check;
use crate::days::day::{Calendar, Happening, secs};
use crate::days::world::World;
use crate::machine::asked::commands;
use crate::machine::network::Remote;
use crate::offices::office::INVOICE;
use crate::people::managers::Office;
use crate::people::remembered::Deal;

/// What reading the deal does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// What the portal tells of it cannot be understood, and so neither can all that it tells beside it.
    Unreadable,
    /// The process dies of the answer.
    Deadly,
}

/// When on a day a deal becomes such a one, counted from the day's beginning.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Poisoning {
    pub(crate) how: How,
    pub(crate) after: Duration,
}

/// The deal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Poison {
    how: How,
    tenant: usize,
    deal: i64,
    since: Timestamp,
}

/// How a process ends that reads a deadly deal.
pub(crate) const DIED: &str = "died of a deal";
/// So often it may kill of itself: until it is set aside, and at the end of each pause.
const OF_ITSELF: u64 = 12;
/// A word about it may come as an event, by the portal's queue and by a sweep.
const WAYS: u64 = 3;

/// So long after the last word about it a deal may be unserved while a process dies again and again…
const AMONG_DEATHS: Duration = secs(900);
/// …and so long while one deal cannot be read.
const AMONG_ERRORS: Duration = secs(300);

impl Weather {
    /// Few days have one: they are drawn from a stream of their own, so that all the others stay as they are.
    pub(crate) fn draw_poison(&mut self, seed: u64) {
        let dice = &mut Dice::of(seed, About::Poison);
        if !dice.chance(12) || self.customs.restore.is_some() || !self.customs.is_usual() {
            return;
        }
        let how = dice.pick(&[How::Unreadable, How::Deadly]);
        self.customs.poison = Some(Poisoning {
            how: how.unwrap_or(How::Unreadable),
            after: dice.time(secs(100), secs(300)),
        });
        self.day = self.day.max(secs(2_000));
        self.deals = dice.between(6, 14);
        self.managers = dice.time(secs(20), secs(60));
        self.portal_faults = Vec::new();
        self.accounting_faults = Vec::new();
        self.spoils = Vec::new();
        self.often = Often::default();
        self.events = EventSettings::default();
        self.skew = (0, 0);
        self.list_lag_ms = 0;
        self.token_seconds = 3_600;
        self.operating_limit_ms = None;
        self.field_robot = None;
        self.accountant = None;
        self.integrator = None;
        self.ask_above = 0;
        self.bank = false;
        self.parts = false;
    }
}

impl Poison {
    /// Whether a request asks for the deal itself.
    pub(crate) fn is_asked(&self, tenant: usize, remote: Remote, what: &str, body: &[u8]) -> bool {
        let is_there = self.tenant == tenant && remote == Remote::Portal;
        is_there
            && commands(what, body).iter().any(|command| {
                let of_deals = command.text(&["entityTypeId"]).as_deref() == Some("2");
                of_deals && command.method.starts_with("crm.item.") && command.reads(self.deal)
            })
    }

    pub(crate) fn is_deadly(&self) -> bool {
        self.how == How::Deadly
    }

    /// The answer with something in the place of a moment that is none.
    pub(crate) fn spoil(&self, answer: http::Response<Bytes>) -> http::Response<Bytes> {
        let (head, body) = answer.into_parts();
        let spoilt = serde_json::from_slice::<Value>(&body)
            .ok()
            .map(|mut whole| {
                self.spoil_within(&mut whole);
                Bytes::from(whole.to_string())
            });
        http::Response::from_parts(head, spoilt.unwrap_or(body))
    }

    fn spoil_within(&self, value: &mut Value) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.spoil_within(item)),
            Value::Object(fields) => {
                let is_it = fields.get("id").and_then(Value::as_i64) == Some(self.deal);
                if let Some(created) = fields.get_mut("createdTime").filter(|_| is_it) {
                    *created = "вчера".into();
                }
                let fields = fields.values_mut();
                fields.for_each(|inner| self.spoil_within(inner));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

impl World {
    /// A deal becomes one that nobody can read, and somebody edits it.
    pub(crate) fn poison(&mut self, calendar: &mut Calendar, now: Timestamp) {
        let Some(poisoning) = self.weather.customs.poison else {
            return;
        };
        let tenant = self.tenants.first();
        let deals = tenant.into_iter().flat_map(|tenant| &tenant.office.deals);
        let living: Vec<i64> = deals
            .filter(|(_, deal)| !deal.deleted)
            .map(|(id, _)| *id)
            .collect();
        let Some(deal) = calendar.dice.pick(&living) else {
            calendar.put(later(now, secs(20)), Happening::Poison);
            return;
        };
        self.ground.network.poison_with(Some(Poison {
            how: poisoning.how,
            tenant: 0,
            deal,
            since: now,
        }));
        let kind = match poisoning.how {
            How::Unreadable => "deal that cannot be read",
            How::Deadly => "deal that kills",
        };
        self.story.tell(now, kind, format!("deal {deal}"));
        if let Some(tenant) = self.tenants.get_mut(0) {
            tenant.office.edit_title(now, deal);
        }
    }

    /// [L11] The deal is asked about, and nobody else waits for it; then it is like any other again.
    pub(crate) async fn heal(&mut self) -> Result<(), String> {
        let Some(poison) = self.ground.network.poison_with(None) else {
            return Ok(());
        };
        let bound = if poison.is_deadly() {
            AMONG_DEATHS
        } else {
            AMONG_ERRORS
        };
        let since = earlier(self.now(), bound);
        self.not_too_often(&poison);
        for place in 0..self.tenants.len() {
            let open = self.open_cases(place).await?;
            let Some(tenant) = self.tenants.get(place) else {
                continue;
            };
            for (id, deal) in &tenant.office.deals {
                if deal.deleted || open.iter().any(|case| check::is_about(case, *id)) {
                    continue;
                }
                if place == poison.tenant && *id == poison.deal {
                    if poison.since < since {
                        self.watch.note(format!(
                            "[L11] deal {id} cannot be read since {}, and nobody is asked",
                            poison.since
                        ));
                    }
                } else if waits(&tenant.office, *id, deal, since) {
                    self.watch.note(format!(
                        "[L11] deal {id} waits since {since} or before beside deal {}, which cannot be read",
                        poison.deal
                    ));
                }
            }
        }
        Ok(())
    }
}

impl World {
    /// [L11] Once it is set aside, a deal kills ever more seldom: as often as each word about it may bring it back, and beside
    /// that after pauses that grow.
    fn not_too_often(&self, poison: &Poison) {
        let deaths = self.story.counts().get(DIED).copied().unwrap_or(0);
        let Some(tenant) = self.tenants.get(poison.tenant) else {
            return;
        };
        let portal = tenant.office.portal.truth();
        let writes = portal.writes_to("deal", poison.deal);
        let words = writes.chain(portal.writes_of("requisite"));
        let words = words.filter(|entry| entry.at >= poison.since).count();
        let words = u64::try_from(words).unwrap_or(u64::MAX);
        if deaths > OF_ITSELF.saturating_add(words.saturating_mul(WAYS)) {
            self.watch.note(format!(
                "[L11] deal {} killed {deaths} times, and {words} words about it came",
                poison.deal
            ));
        }
    }
}

/// Whether a deal stands in the invoice stage without a bill, and neither it nor any buyer was touched since a moment.
fn waits(office: &Office, id: i64, deal: &Deal, since: Timestamp) -> bool {
    let (portal, accounting) = (office.portal.truth(), office.accounting.truth());
    let mut bills = accounting.bills();
    let is_billed = bills.any(|bill| bill.comment.as_deref().and_then(check::deal_of) == Some(id));
    let by_people = |entry: &Entry| entry.at >= since && !check::is_our_write(entry);
    let is_touched = portal.writes_to("deal", id).any(&by_people)
        || portal.writes_of("requisite").any(by_people);
    let has_buyer = deal
        .versions
        .last()
        .is_some_and(|last| last.buyer.is_some());
    let stands = office.portal.deal_field(id, "STAGE_ID") == INVOICE;
    stands && has_buyer && !deal.outside && !is_touched && !is_billed
}
