//! The portal as a whole: what the program, the tests and the simulator hold in their hands.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use emulator_harness::{Faults, SharedClock};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::config::PortalConfig;
use crate::deliver::Deliver;
use crate::events::{Delivery, Direct, EventFate, FateRule, form};
use crate::params::write_form;
use crate::state::State;
use crate::truth::{Truth, What};

/// A local Bitrix24. Clones share one portal.
#[derive(Clone)]
pub struct Emulator {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    state: Mutex<State>,
    pub(crate) clock: SharedClock,
    pub(crate) faults: Faults,
    deliver: Arc<dyn Deliver>,
    wake: Notify,
}

impl std::fmt::Debug for Emulator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Emulator")
    }
}

/// What a caller needs to connect.
#[derive(Debug, Clone, Serialize)]
pub struct Credentials {
    /// The base address.
    pub listen: String,
    /// Of an incoming webhook, with a slash at the end.
    pub webhook_url: String,
    pub client_id: String,
    pub client_secret: String,
    /// The authorisation server's token address.
    pub auth_url: String,
    pub member_id: String,
    pub application_token: String,
    /// Good for an hour.
    pub access_token: String,
    pub refresh_token: String,
    /// Unix seconds.
    pub expires: i64,
    /// Comma-separated.
    pub scope: String,
}

impl Emulator {
    /// `seed` decides every chance: tokens, dropped and doubled events, faults.
    pub fn new(
        config: PortalConfig,
        clock: SharedClock,
        seed: u64,
        deliver: Arc<dyn Deliver>,
    ) -> Self {
        let state = State::new(config, clock.now(), seed);
        let inner = Inner {
            state: Mutex::new(state),
            clock,
            faults: Faults::new(seed),
            deliver,
            wake: Notify::new(),
        };
        Emulator {
            inner: Arc::new(inner),
        }
    }

    /// The address that goes into endpoints and links; else the first request's host is taken.
    pub fn set_base_url(&self, base_url: &str) {
        self.inner.lock().base_url = Some(base_url.trim_end_matches('/').to_owned());
    }

    /// Issues a fresh pair of tokens and names everything else; also sets the base address.
    pub fn credentials(&self, base_url: &str) -> Credentials {
        self.set_base_url(base_url);
        let now = self.inner.clock.now();
        let mut state = self.inner.lock();
        let base = state.base_url();
        let hook = state.config.webhooks.first().cloned();
        let webhook_url = hook
            .map(|hook| format!("{base}/rest/{}/{}/", hook.user, hook.secret))
            .unwrap_or_default();
        let seed = state
            .auth
            .apps
            .first()
            .map(|app| app.seed.clone())
            .unwrap_or_default();
        let pair = crate::auth::issue(&mut state, 0, seed.user, now, "credentials");
        Credentials {
            webhook_url,
            client_id: seed.client_id,
            client_secret: seed.client_secret,
            auth_url: format!("{base}/oauth/token/"),
            member_id: state.config.member_id.clone(),
            application_token: seed.application_token,
            access_token: pair.access,
            refresh_token: pair.refresh,
            expires: pair.expires_at,
            scope: seed.scopes.join(","),
            listen: base,
        }
    }

    /// The REST interface, the authorisation server, downloads and the page.
    pub fn router(&self) -> axum::Router {
        crate::server::router(self.clone())
    }

    pub fn faults(&self) -> &Faults {
        &self.inner.faults
    }

    /// What really happened. Only tests and the demo's judge may ask.
    pub fn truth(&self) -> Truth {
        self.inner.lock().truth.clone()
    }

    /// The moment by the portal's clock.
    pub fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// Decides about the next event of this name (any, where empty) for this record (any, where `None`).
    pub fn next_event(&self, event: &str, id: Option<i64>, fate: EventFate) {
        let rule = FateRule {
            event: event.to_owned(),
            id,
            fate,
        };
        self.inner.lock().events.fates.push(rule);
    }

    /// Events that wait or are under way.
    pub fn events_in_flight(&self) -> usize {
        let state = self.inner.lock();
        state
            .events
            .waiting()
            .saturating_add(state.events.under_way())
    }

    /// All access tokens are dead: the next call hears `expired_token`.
    pub fn expire_access_tokens(&self) {
        self.inner.lock().auth.expire_access();
    }

    /// All refresh tokens are dead too: a refresh hears `invalid_grant`.
    pub fn revoke_refresh_tokens(&self) {
        self.inner.lock().auth.revoke_refresh();
    }

    /// Requests to `old_authority` (`host:port`) are sent on to `new_base_url` with 302.
    pub fn rename_portal(&self, old_authority: &str, new_base_url: &str) {
        let new_base = new_base_url.trim_end_matches('/').to_owned();
        let mut state = self.inner.lock();
        state.base_url = Some(new_base.clone());
        state.moved = Some((old_authority.to_owned(), new_base));
    }

    /// The first application counts as installed, or not; then events stay away.
    pub fn set_installed(&self, installed: bool) {
        self.mark_installed(0, installed);
    }

    fn mark_installed(&self, app: usize, installed: bool) {
        if let Some(app) = self.inner.lock().auth.apps.get_mut(app) {
            app.seed.installed = installed;
        }
    }

    /// Installs the first application: `ONAPPINSTALL` with tokens goes to `handler`.
    pub fn install_application(&self, handler: &str) {
        self.install(0, handler);
    }

    /// Installs every application whose settings name a handler of the installation.
    fn install_configured(&self) {
        let state = self.inner.lock();
        let apps = state.auth.apps.iter().enumerate();
        let handlers: Vec<(usize, String)> = apps
            .map(|(app, known)| (app, known.seed.install_handler.clone()))
            .filter(|(_, handler)| !handler.is_empty())
            .collect();
        drop(state);
        for (app, handler) in handlers {
            self.install(app, &handler);
        }
    }

    fn install(&self, app: usize, handler: &str) {
        self.mark_installed(app, true);
        self.tell_application(
            app,
            "ONAPPINSTALL",
            handler,
            &[
                ("VERSION", "1"),
                ("ACTIVE", "Y"),
                ("INSTALLED", "Y"),
                ("LANGUAGE_ID", "ru"),
            ],
            true,
        );
    }

    /// Removes it: `ONAPPUNINSTALL` without tokens; subscriptions, widgets and tokens are gone.
    pub fn uninstall_application(&self, handler: &str, clean: bool) {
        self.set_installed(false);
        {
            let mut state = self.inner.lock();
            state.auth.expire_access();
            state.auth.revoke_refresh();
            state
                .events
                .subscriptions
                .retain(|known| known.app != Some(0));
            state.system.placements.clear();
            state.system.robots.clear();
        }
        self.tell_application(
            0,
            "ONAPPUNINSTALL",
            handler,
            &[
                ("LANGUAGE_ID", "ru"),
                ("CLEAN", if clean { "1" } else { "0" }),
            ],
            false,
        );
    }

    fn tell_application(
        &self,
        app: usize,
        event: &str,
        handler: &str,
        data: &[(&str, &str)],
        with_tokens: bool,
    ) {
        let now = self.inner.clock.now();
        let mut state = self.inner.lock();
        let user = state.auth.apps.get(app).map_or(1, |app| app.seed.user);
        let mut pairs = vec![("event".to_owned(), event.to_owned())];
        pairs.extend(
            data.iter()
                .map(|(name, value)| (format!("data[{name}]"), (*value).to_owned())),
        );
        let direct = Direct {
            event: event.to_owned(),
            app,
            user,
            handler: handler.to_owned(),
            pairs,
            with_tokens,
            with_refresh: with_tokens,
        };
        crate::events::enqueue_direct(&mut state, direct, now);
        drop(state);
        self.inner.wake.notify_one();
    }

    /// Delivers events and runs robots by the clock until aborted. Applications with an `install_handler` are
    /// installed now.
    pub fn run_background(&self) -> JoinHandle<()> {
        self.install_configured();
        let inner = Arc::clone(&self.inner);
        tokio::spawn(async move { inner.work().await })
    }
}

impl Inner {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something may be due earlier than thought.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    async fn work(self: Arc<Self>) {
        loop {
            let now = self.clock.now();
            let (due, next) = {
                let mut state = self.lock();
                crate::robots::run_due(&mut state, now);
                let due = state.events.take_due(now);
                let posts: Vec<(Delivery, String)> = due
                    .into_iter()
                    .map(|delivery| {
                        let pairs = form(&mut state, &delivery, now);
                        (delivery, write_form(&pairs))
                    })
                    .collect();
                let next = [state.events.next_due(now), state.robots.next_due()]
                    .into_iter()
                    .flatten()
                    .min();
                (posts, next)
            };
            for (delivery, body) in due {
                drop(tokio::spawn(Arc::clone(&self).send(delivery, body)));
            }
            let until_next = next.map(|at| wait_until(now, at));
            tokio::select! {
                // Nothing is left to chance: a simulated day must be repeatable.
                biased;
                () = self.wake.notified() => {}
                () = pause(until_next) => {}
            }
        }
    }

    async fn send(self: Arc<Self>, delivery: Delivery, body: String) {
        let limit = Duration::from_millis(self.lock().config.events.handler_timeout_ms);
        let started = self.clock.now();
        let sent =
            tokio::time::timeout(limit, self.deliver.post(delivery.handler.clone(), body)).await;
        let now = self.clock.now();
        let Delivery {
            number,
            event,
            handler,
            ..
        } = delivery;
        let what = match sent {
            Ok(Ok(status)) if (200..300).contains(&status) => What::EventDelivered {
                delivery: number,
                event,
                handler: handler.clone(),
                status,
            },
            Ok(Ok(status)) => What::EventDropped {
                delivery: number,
                event,
                handler: handler.clone(),
                reason: format!("answered {status}"),
            },
            Ok(Err(cause)) => What::EventDropped {
                delivery: number,
                event,
                handler: handler.clone(),
                reason: cause,
            },
            Err(_) => What::EventDropped {
                delivery: number,
                event,
                handler: handler.clone(),
                reason: "no answer in time".into(),
            },
        };
        let mut state = self.lock();
        state.truth.add(now, what);
        state
            .events
            .free(&handler, now, now.duration_since(started));
        drop(state);
        self.wake();
    }
}

/// At least a millisecond, so that a clock of coarser steps is not spun on.
fn wait_until(now: Timestamp, at: Timestamp) -> Duration {
    let wait = at.duration_since(now).max(SignedDuration::from_millis(1));
    Duration::try_from(wait).unwrap_or(Duration::from_millis(1))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the imitated remote lives on tokio's clock, which tests pause"
)]
async fn pause(wait: Option<Duration>) {
    match wait {
        Some(wait) => tokio::time::sleep(wait).await,
        None => std::future::pending().await,
    }
}
