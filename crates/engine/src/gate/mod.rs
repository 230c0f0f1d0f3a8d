//! The one door to the remotes: nobody calls past it, neither portal workers nor the web side nor the command line.
//!
//! It stands between the connectors (which ask [`Gate::admit`] before every HTTP request and [`Gate::book`] what
//! came of it) and the store, where the limits of all processes meet: levels of leaky buckets, pauses of methods,
//! breakers. What may be done about a failed call is not decided here but by its verdict.

mod breaker;
mod bucket;
mod methods;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use capability::exchange::LimitHit;
use capability::{Admission, Exchange, Gate, NotAdmitted, Remote, Urgency};
use domain::PortalId;
use jiff::Timestamp;
use store::{Store, StoreError};

use self::breaker::{Door, Passage};
use self::bucket::{Slice, ceiling};
use self::methods::Methods;
use crate::chance::SharedRng;
use crate::clock::{Clock, later, until};
use crate::settings::{Bucket, GateSettings};

/// The [`Gate`] over the store's budgets.
pub struct StoreGate {
    store: Store,
    clock: Arc<dyn Clock>,
    rng: SharedRng,
    settings: GateSettings,
    state: Mutex<State>,
}

/// What this process remembers between two requests.
#[derive(Default)]
struct State {
    accounts: BTreeMap<String, Account>,
    sides: BTreeMap<(PortalId, Remote), Side>,
}

/// One bucket, as this process uses it.
#[derive(Default)]
struct Account {
    slices: BTreeMap<Urgency, Slice>,
    /// Requests wait in line here: one asks the store, the others behind it.
    lines: BTreeMap<Urgency, Arc<tokio::sync::Mutex<()>>>,
    limits_in_a_row: u32,
    held_until: Option<Timestamp>,
}

/// One (portal, remote), as this process knows it.
#[derive(Default)]
struct Side {
    methods: Methods,
    door: Door,
    read_at: Option<Timestamp>,
}

/// Why a request has to wait.
struct Obstacle {
    until: Timestamp,
    reason: String,
    /// Whether it is worth waiting for here; a shut breaker is not: a person hears it at once.
    wait: bool,
}

#[async_trait]
impl Gate for StoreGate {
    async fn admit(&self, ask: &Admission) -> Result<(), NotAdmitted> {
        let patience = self.patience(ask)?;
        loop {
            self.refresh(ask)
                .await
                .map_err(|error| self.store_failed(&error))?;
            match self.closed(ask) {
                Some(obstacle) => self.wait_out(obstacle, patience).await?,
                None if self.takes_its_turn(ask, patience).await? => return Ok(()),
                None => {}
            }
        }
    }

    async fn room(&self, ask: &Admission) -> u32 {
        match self.room_in_time(ask).await {
            Ok(room) => room,
            Err(error) => {
                tracing::warn!(portal = %ask.portal, error = &error as &dyn std::error::Error, "limits not read");
                0
            }
        }
    }

    async fn book(&self, portal: &PortalId, exchange: &Exchange) {
        if let Err(error) = self.book_and_store(portal, exchange).await {
            // What this process remembers holds; others learn it from their own answers.
            tracing::warn!(%portal, error = &error as &dyn std::error::Error, "limits not stored");
        }
    }
}

impl StoreGate {
    /// A gate over `store`.
    pub fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        rng: SharedRng,
        settings: GateSettings,
    ) -> Self {
        Self {
            store,
            clock,
            rng,
            settings,
            state: Mutex::default(),
        }
    }

    /// Stands in line for the account's requests; true: admitted, and its cost is taken. False: the way was closed
    /// meanwhile. Only for requests is there a line: whoever waits for a method to rest holds nobody up.
    async fn takes_its_turn(
        &self,
        ask: &Admission,
        patience: Timestamp,
    ) -> Result<bool, NotAdmitted> {
        let line = self.line(ask);
        let _turn = tokio::select! {
            biased;
            turn = line.lock() => turn,
            () = self.clock.sleep_until(patience) => return Err(full_line()),
        };
        while self.closed(ask).is_none() {
            match self
                .take_budget(ask)
                .await
                .map_err(|error| self.store_failed(&error))?
            {
                Some(obstacle) => self.wait_out(obstacle, patience).await?,
                None => return self.pass_door(ask).await.map(|()| true),
            }
        }
        Ok(false)
    }

    async fn room_in_time(&self, ask: &Admission) -> Result<u32, StoreError> {
        self.refresh(ask).await?;
        let now = self.clock.now();
        let by = ask.send_by.unwrap_or(now).max(now);
        if self.closed(ask).is_some_and(|way| way.until > by) {
            return Ok(0);
        }
        let (key, bucket) = (self.key(ask), self.bucket(ask));
        let ceiling = ceiling(bucket, &self.settings, ask.urgency);
        let room = self
            .store
            .budget_room(&key, ceiling, bucket.drain_per_minute, now, by)
            .await?;
        let lent = self.slice(&key, ask.urgency, |slice| slice.left(now));
        let before_us = self.waiting(ask);
        Ok(room.saturating_add(lent).saturating_sub(before_us))
    }

    /// How many stand in line with such a request.
    fn waiting(&self, ask: &Admission) -> u32 {
        // The account and we hold the line as well; whoever else does stands in it.
        let holders = Arc::strong_count(&self.line(ask)).saturating_sub(2);
        u32::try_from(holders).unwrap_or(u32::MAX)
    }

    async fn wait_out(&self, obstacle: Obstacle, patience: Timestamp) -> Result<(), NotAdmitted> {
        if !obstacle.wait || obstacle.until > patience {
            return Err(NotAdmitted {
                retry_after: Some(until(self.clock.now(), obstacle.until)),
                reason: obstacle.reason,
            });
        }
        self.clock.sleep_until(obstacle.until).await;
        Ok(())
    }

    /// Reads what other processes have stored of this side, unless that was done a moment ago.
    async fn refresh(&self, ask: &Admission) -> Result<(), StoreError> {
        let now = self.clock.now();
        let fresh = |side: &Side| {
            side.read_at
                .is_some_and(|read_at| now < later(read_at, self.settings.believe))
        };
        if self.state().sides.get(&side_key(ask)).is_some_and(fresh) {
            return Ok(());
        }
        self.read_side(ask, now).await
    }

    async fn read_side(&self, ask: &Admission, now: Timestamp) -> Result<(), StoreError> {
        let pauses = self.store.method_pauses(&ask.portal, now).await?;
        let breaker = self
            .store
            .breaker_get(&ask.portal, ask.remote.as_str())
            .await?;
        let mut state = self.state();
        let side = state.sides.entry(side_key(ask)).or_default();
        for (name, until) in pauses {
            if let Some(method) = method_of(ask.remote, &name) {
                side.methods.stored(method, until);
            }
        }
        side.door.stored(breaker);
        side.read_at = Some(now);
        Ok(())
    }

    /// Looks without taking anything: a method that rests, a shut breaker, an account that was told to slow down.
    fn closed(&self, ask: &Admission) -> Option<Obstacle> {
        let now = self.clock.now();
        let state = self.state();
        let side = state.sides.get(&side_key(ask))?;
        if let Passage::Shut(until) = side.door.passage(&self.settings, now) {
            return Some(Obstacle {
                until,
                reason: out_of_order(ask.remote),
                wait: false,
            });
        }
        if let Some((method, until)) = side.methods.paused(&ask.methods, now) {
            return Some(Obstacle {
                until,
                reason: format!("method `{method}` used up its run time"),
                wait: true,
            });
        }
        let held_until = state
            .accounts
            .get(&self.key(ask))?
            .held_until
            .filter(|until| now < *until)?;
        Some(Obstacle {
            until: held_until,
            reason: "the account was told to slow down".to_owned(),
            wait: true,
        })
    }

    /// Uses one request of the slice, or has a new slice lent.
    async fn take_budget(&self, ask: &Admission) -> Result<Option<Obstacle>, StoreError> {
        let (key, bucket, now) = (self.key(ask), self.bucket(ask), self.clock.now());
        if self.slice(&key, ask.urgency, |slice| slice.take_one(now)) {
            return Ok(None);
        }
        let ceiling = ceiling(bucket, &self.settings, ask.urgency);
        let want = match ask.urgency {
            Urgency::Click => 1,
            // What is lent and not used is lost: for those that stand in line now, and no more.
            Urgency::Due | Urgency::Trailing => {
                self.waiting(ask).clamp(1, self.settings.slice.max(1))
            }
        };
        let grant = self
            .store
            .budget_take(
                &key,
                want,
                bucket.capacity,
                bucket.drain_per_minute,
                ceiling,
                now,
            )
            .await?;
        let mut lent = Slice::lent(grant.granted, now, self.settings.slice_lives);
        // By the clock as it is after the store's answer: what came too late is not used.
        let taken = lent.take_one(self.clock.now());
        self.slice(&key, ask.urgency, |slice| *slice = lent);
        if taken {
            return Ok(None);
        }
        let until = grant.retry_at.unwrap_or(now).max(later(now, LEAST_WAIT));
        let reason = if grant.granted == 0 {
            "the account's requests are used up"
        } else {
            "the store lent a request too late to use it"
        };
        Ok(Some(Obstacle {
            until,
            reason: reason.to_owned(),
            wait: true,
        }))
    }

    /// Last of all: while the breaker is open, one request at a time leaves as a probe, and others see that in the store.
    async fn pass_door(&self, ask: &Admission) -> Result<(), NotAdmitted> {
        if let Passage::Free = self.passage(ask) {
            return Ok(());
        }
        let now = self.clock.now();
        self.read_side(ask, now)
            .await
            .map_err(|error| self.store_failed(&error))?;
        match self.passage(ask) {
            Passage::Free => Ok(()),
            Passage::Shut(reopens) => Err(NotAdmitted {
                retry_after: Some(until(now, reopens)),
                reason: out_of_order(ask.remote),
            }),
            Passage::Probe => self
                .send_probe(ask, now)
                .await
                .map_err(|error| self.store_failed(&error)),
        }
    }

    fn passage(&self, ask: &Admission) -> Passage {
        let now = self.clock.now();
        self.state()
            .sides
            .get(&side_key(ask))
            .map_or(Passage::Free, |side| side.door.passage(&self.settings, now))
    }

    async fn send_probe(&self, ask: &Admission, now: Timestamp) -> Result<(), StoreError> {
        let record = {
            let mut state = self.state();
            let door = &mut state.sides.entry(side_key(ask)).or_default().door;
            door.probe(&self.settings, now);
            door.record
        };
        self.store
            .breaker_put(&ask.portal, ask.remote.as_str(), &record)
            .await
    }

    async fn book_and_store(
        &self,
        portal: &PortalId,
        exchange: &Exchange,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        if let Some((key, until)) = self.slow_down(exchange, now) {
            self.store.budget_hold(&key, until).await?;
        }
        for (method, until) in self.learn_methods(portal, exchange, now) {
            let name = method_name(exchange.remote, &method);
            self.store.method_pause(portal, &name, until).await?;
        }
        if let Some(record) = self.learn_health(portal, exchange, now) {
            self.store
                .breaker_put(portal, exchange.remote.as_str(), &record)
                .await?;
        }
        Ok(())
    }

    /// After "too many requests" everything of the account rests, longer each time; what was lent is forgotten.
    fn slow_down(&self, exchange: &Exchange, now: Timestamp) -> Option<(String, Timestamp)> {
        let key = budget_key(exchange.remote, &exchange.account, &self.settings);
        let mut state = self.state();
        let account = state.accounts.entry(key.clone()).or_default();
        let Some(LimitHit::Rate { retry_at }) = &exchange.limit else {
            if exchange.status.is_some() {
                account.limits_in_a_row = 0;
            }
            return None;
        };
        let own = self
            .settings
            .after_rate_limit
            .delay(account.limits_in_a_row, &mut self.rng.clone());
        let until = later(now, own).max(
            retry_at
                .unwrap_or(now)
                .min(later(now, Duration::from_secs(3600))),
        );
        account.limits_in_a_row = account.limits_in_a_row.saturating_add(1);
        account.slices.clear();
        account.held_until = account.held_until.max(Some(until));
        Some((key, until))
    }

    fn learn_methods(
        &self,
        portal: &PortalId,
        exchange: &Exchange,
        now: Timestamp,
    ) -> Vec<(String, Timestamp)> {
        let mut state = self.state();
        let side = state
            .sides
            .entry((portal.clone(), exchange.remote))
            .or_default();
        side.methods.learn(exchange, &self.settings, now)
    }

    /// The breaker's record, where it changed.
    fn learn_health(
        &self,
        portal: &PortalId,
        exchange: &Exchange,
        now: Timestamp,
    ) -> Option<store::Breaker> {
        let mut state = self.state();
        let door = &mut state
            .sides
            .entry((portal.clone(), exchange.remote))
            .or_default()
            .door;
        let changed = if exchange.limit == Some(LimitHit::Blocked) {
            door.blocked(&self.settings, now);
            true
        } else if exchange.remote_failed {
            door.failed(exchange.at, &self.settings, now, &mut self.rng.clone())
        } else if exchange.status.is_none() {
            // It never left: nothing was learnt of the remote.
            false
        } else {
            door.worked()
        };
        changed.then_some(door.record)
    }

    fn line(&self, ask: &Admission) -> Arc<tokio::sync::Mutex<()>> {
        let mut state = self.state();
        let account = state.accounts.entry(self.key(ask)).or_default();
        Arc::clone(account.lines.entry(ask.urgency).or_default())
    }

    fn slice<T>(&self, key: &str, urgency: Urgency, use_it: impl FnOnce(&mut Slice) -> T) -> T {
        let mut state = self.state();
        let account = state.accounts.entry(key.to_owned()).or_default();
        use_it(account.slices.entry(urgency).or_default())
    }

    /// Until when the request may wait here: as long as its urgency allows, but not past its `send_by`.
    fn patience(&self, ask: &Admission) -> Result<Timestamp, NotAdmitted> {
        let now = self.clock.now();
        let waits = match ask.urgency {
            Urgency::Click => self.settings.click_waits,
            Urgency::Due => self.settings.due_waits,
            Urgency::Trailing => self.settings.trailing_waits,
        };
        match ask.send_by {
            Some(send_by) if send_by < now => Err(NotAdmitted {
                retry_after: None,
                reason: "too late: decided on data that is too old by now".to_owned(),
            }),
            Some(send_by) => Ok(send_by.min(later(now, waits))),
            None => Ok(later(now, waits)),
        }
    }

    fn bucket(&self, ask: &Admission) -> Bucket {
        let usual = match ask.remote {
            Remote::Bitrix24 => self.settings.bitrix24,
            Remote::Bitrix24Oauth => self.settings.bitrix24_oauth,
            // Whoever keeps our own books asks for no turn.
            Remote::KonturAccounting | Remote::Office => self.settings.accounting,
        };
        self.settings
            .accounts
            .get(&ask.account)
            .copied()
            .unwrap_or(usual)
    }

    fn key(&self, ask: &Admission) -> String {
        budget_key(ask.remote, &ask.account, &self.settings)
    }

    fn store_failed(&self, error: &StoreError) -> NotAdmitted {
        NotAdmitted {
            retry_after: Some(STORE_REST),
            reason: format!("the limits cannot be read: {error}"),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The store is not asked again sooner: a grant of nothing without a time must not become a busy loop.
const LEAST_WAIT: Duration = Duration::from_millis(50);

/// When to come again after the store failed.
const STORE_REST: Duration = Duration::from_secs(5);

fn out_of_order(remote: Remote) -> String {
    format!("`{}` is out of order", remote.as_str())
}

fn full_line() -> NotAdmitted {
    NotAdmitted {
        retry_after: Some(LEAST_WAIT),
        reason: "too many requests of the account wait already".to_owned(),
    }
}

fn side_key(ask: &Admission) -> (PortalId, Remote) {
    (ask.portal.clone(), ask.remote)
}

fn budget_key(remote: Remote, account: &str, settings: &GateSettings) -> String {
    format!("{}/{account}/{}", remote.as_str(), settings.source)
}

/// Method pauses of all remotes of a portal lie in one table.
fn method_name(remote: Remote, method: &str) -> String {
    format!("{}/{method}", remote.as_str())
}

fn method_of(remote: Remote, name: &str) -> Option<String> {
    name.strip_prefix(remote.as_str())?
        .strip_prefix('/')
        .map(str::to_owned)
}
