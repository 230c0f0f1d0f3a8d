//! The accounting side calls our address when its books changed: at times nobody hears it, at times it calls again
//! and again, or late; and strangers call it with a token that is none.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::PortalId;
use engine::SharedRng;
use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use store::Store;

use crate::chance::dice::{About, Dice};
use crate::chance::weather::{Often, Weather};
use crate::days::day::secs;
use crate::days::world::told;
use crate::machine::doors::Doors;
use crate::machine::freeze::pause;
use crate::offices::tenant::Tenant;

/// What such a day is like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hinting {
    /// Mean time between two moments at which the accounting side calls, if anything changed.
    pub(crate) every: Duration,
    /// Nothing goes wrong, so that it is judged how soon the feed is read.
    pub(crate) undisturbed: bool,
}

/// A call that was answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hint {
    /// When the answer came.
    pub(crate) at: Timestamp,
    /// With the token that was given out.
    pub(crate) proved: bool,
    pub(crate) status: u16,
}

/// Who calls, and what was answered.
pub(crate) struct Hinter {
    dice: Dice,
    portal: PortalId,
    token: String,
    /// So much had changed when it called last.
    changes: usize,
    answered: Arc<Mutex<Vec<Hint>>>,
}

impl Weather {
    /// Few days have any: they are drawn from a stream of their own, so that all the others stay as they are.
    pub(crate) fn draw_hints(&mut self, seed: u64) {
        let dice = &mut Dice::of(seed, About::Hinting);
        let (is_drawn, undisturbed) = (dice.chance(60), dice.chance(500));
        let every = dice.time(secs(20), secs(90));
        let customs = &self.customs;
        let others = [
            customs.own_books.is_some(),
            customs.restore.is_some(),
            customs.poison.is_some(),
            customs.import.is_some(),
        ];
        let changes = self.accountant.is_some() || customs.clerk.is_some();
        if !is_drawn || !changes || others.contains(&true) {
            return;
        }
        // Whoever works with payments kills processes as well.
        let undisturbed = undisturbed && customs.clerk.is_none() && customs.cashier.is_none();
        self.customs.hints = Some(Hinting { every, undisturbed });
        if undisturbed {
            self.often = Often::default();
            self.integrator = None;
            self.portal_faults = Vec::new();
            self.accounting_faults = Vec::new();
            self.spoils = Vec::new();
            self.operating_limit_ms = None;
            self.customs.belated = false;
        }
    }
}

impl Tenant {
    /// The accounting side is told our address.
    pub(crate) async fn let_in_hints(&mut self, seed: u64, store: &Store) -> Result<(), String> {
        let own_seed = seed.wrapping_add(u64::try_from(self.place).unwrap_or(0) << 40);
        let rng = SharedRng::new(Dice::of(own_seed, About::Hinting).into_rng());
        let token = web::Address::Hints.new_token(store, &self.id, &rng).await;
        let token = token.map_err(told)?.expose_secret().to_owned();
        self.secrets.push(token.clone());
        self.hinter = Some(Hinter {
            dice: Dice::of(own_seed, About::Hints),
            portal: self.id.clone(),
            token,
            changes: 0,
            answered: Arc::default(),
        });
        Ok(())
    }

    /// The accounting side calls, if anything changed.
    pub(crate) fn hint(&mut self, now: Timestamp) {
        let changes = self.accounting_changes();
        let Some(hinter) = &mut self.hinter else {
            return;
        };
        if changes == hinter.changes {
            return;
        }
        hinter.changes = changes;
        let (kind, times, latest, proved) = match hinter.dice.below(100) {
            0..25 => return self.office.tell(now, "hint lost", ""),
            25..45 => ("hint doubled", hinter.dice.between(2, 30), secs(3), true),
            45..65 => ("hint late", 1, secs(600), true),
            65..75 => ("hint forged", 1, secs(3), false),
            _ => ("hint", 1, secs(3), true),
        };
        self.office.tell(now, kind, format!("{times} times"));
        let token = if proved {
            hinter.token.clone()
        } else {
            format!("{}0", hinter.token)
        };
        let path = format!("{}{}?token={token}", web::ACCOUNTING_HINTS, hinter.portal);
        for _time in 0..times {
            let after = hinter.dice.time(Duration::ZERO, latest);
            let (doors, answered) = (self.doors.clone(), Arc::clone(&hinter.answered));
            drop(tokio::spawn(call(
                doors,
                (path.clone(), proved),
                after,
                answered,
            )));
        }
    }
}

impl Hinter {
    /// What was answered so far.
    pub(crate) fn answered(&self) -> Vec<Hint> {
        let answered = self.answered.lock();
        answered.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Nobody calls again where nobody was there.
async fn call(
    doors: Doors,
    (path, proved): (String, bool),
    after: Duration,
    answered: Arc<Mutex<Vec<Hint>>>,
) {
    pause(after).await;
    if let Ok((status, at)) = doors.hint(path).await {
        let mut answered = answered.lock().unwrap_or_else(PoisonError::into_inner);
        answered.push(Hint { at, proved, status });
    }
}
