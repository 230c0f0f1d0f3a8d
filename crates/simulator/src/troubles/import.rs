//! Many deals are brought in at once, and somebody edits all of them at one moment: events come by the hundred, lists have
//! pages, and their rows move while they are read. The portal takes fewer commands at a time than it should, of the
//! accounting side's bills a page holds three, and our database is locked now and then.

use std::time::Duration;

use bytes::Bytes;
use emulator_harness::{FaultKind, FaultRule};
use http::Uri;
use jiff::Timestamp;
use serde_json::Value;

use crate::chance::dice::{About, Dice};
use crate::chance::weather::Weather;
use crate::days::day::secs;
use crate::days::world::World;
use crate::machine::network::Remote;
use crate::offices::office::INVOICE;

/// When it happens, counted from the day's beginning, and how much of it there is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Import {
    pub(crate) after: Duration,
    pub(crate) storm_after: Duration,
    deals: u64,
    /// Commands that the portal takes at a time.
    pub(crate) batch: usize,
}

/// A page of a list was read, and there is another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turned {
    pub(crate) tenant: usize,
    pub(crate) remote: Remote,
}

/// Rows of a full page of the portal's lists.
const PAGE: usize = 50;
/// So many times on a day somebody moves rows between two pages.
const MOST_MOVES: u64 = 40;
/// Edits of each deal in a storm.
const EDITS: u32 = 4;

impl Weather {
    /// Few days have one: they are drawn from a stream of their own, so that all the others stay as they are.
    pub(crate) fn draw_import(&mut self, seed: u64) {
        let dice = &mut Dice::of(seed, About::Imports);
        let others = self.customs.restore.is_some() || self.customs.poison.is_some();
        if !dice.chance(12) || others || !self.customs.is_usual() {
            return;
        }
        self.customs.import = Some(Import {
            after: dice.time(secs(30), secs(120)),
            storm_after: dice.time(secs(300), secs(900)),
            deals: dice.between(56, 70),
            batch: usize::try_from(dice.between(8, 30)).unwrap_or(20),
        });
        self.day = self.day.max(secs(2_000));
        self.managers = self.managers.max(secs(40));
        self.events.drop_permille = 500;
        self.often.locked = Some(dice.time(secs(20), secs(200)));
        // What is looked up by its mark is looked up in pages.
        self.accounting_faults = vec![FaultRule {
            permille: 150,
            method: Some("createBill".to_owned()),
            ..FaultRule::always(FaultKind::AnswerLost)
        }];
        self.portal_faults = Vec::new();
        self.spoils = Vec::new();
        self.operating_limit_ms = None;
        self.field_robot = None;
        self.ask_above = 0;
        self.bank = false;
        self.parts = false;
    }
}

impl World {
    /// A table of deals is brought in: most of them new, some to be invoiced at once.
    pub(crate) fn import(&mut self, now: Timestamp) {
        let Some(import) = self.weather.customs.import else {
            return;
        };
        if let Some(tenant) = self.tenants.first_mut() {
            let office = &mut tenant.office;
            for place in 0..import.deals {
                let deal = office.quiet_deal(now);
                if let Some(deal) = deal.filter(|_| place % 3 == 0) {
                    office.move_to(now, deal, INVOICE);
                }
            }
            office.tell(now, "imported", format!("{} deals", import.deals));
        }
    }

    /// Somebody edits all deals at once, again and again.
    pub(crate) fn storm(&mut self, now: Timestamp) {
        if let Some(tenant) = self.tenants.first_mut() {
            let office = &mut tenant.office;
            let deals = office.deals.iter().filter(|(_, deal)| !deal.deleted);
            let deals: Vec<i64> = deals.map(|(id, _)| *id).collect();
            office.tell(now, "storm of events", format!("{} deals", deals.len()));
            for _edit in 0..EDITS {
                for deal in &deals {
                    office.edit_title(now, *deal);
                }
            }
        }
    }

    /// Somebody moves the rows of a list of which a page was just read.
    pub(crate) fn rows_move(&mut self, turned: Turned) {
        let now = self.now();
        let times = self.story.counts();
        if times.get(MOVED).is_some_and(|times| *times >= MOST_MOVES) {
            return;
        }
        let Some(tenant) = self.tenants.get_mut(turned.tenant) else {
            return;
        };
        let office = &mut tenant.office;
        office.tell(now, MOVED, format!("of {:?}", turned.remote));
        match turned.remote {
            Remote::Portal => office.move_rows(now),
            Remote::Accounting => office.accountant(now),
        }
    }
}

/// How it is told.
const MOVED: &str = "rows moved between pages";

/// Whether an answer is one page of a list that has more.
pub(crate) fn has_another_page(remote: Remote, answer: &Bytes) -> bool {
    let Ok(answer) = serde_json::from_slice::<Value>(answer) else {
        return false;
    };
    match remote {
        Remote::Portal => holds_full_page(&answer),
        Remote::Accounting => {
            let next = answer.get("next").filter(|_| answer.get("bills").is_some());
            next.is_some_and(|next| !next.is_null())
        }
    }
}

fn holds_full_page(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.len() >= PAGE || items.iter().any(holds_full_page),
        Value::Object(fields) => fields.values().any(holds_full_page),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// The list of bills gives three at a time, whatever is asked for.
pub(crate) fn shorten(remote: Remote, request: &mut http::Request<Bytes>) {
    let uri = request.uri();
    let is_list = remote == Remote::Accounting
        && request.method() == http::Method::GET
        && uri.path().ends_with("/bills");
    let asked = uri.query().filter(|_| is_list).unwrap_or_default();
    if !asked.contains("limit=") || asked.contains("number=") {
        return;
    }
    let pairs = asked.split('&').map(|pair| match pair.split_once('=') {
        Some(("limit", _)) => "limit=3",
        Some(_) | None => pair,
    });
    let query = pairs.collect::<Vec<_>>().join("&");
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = format!("{}?{query}", uri.path()).parse().ok();
    if let Ok(shorter) = Uri::from_parts(parts) {
        *request.uri_mut() = shorter;
    }
}
