//! Events on their way out: who subscribed, what is due, and how a delivery reads on the wire.
//!
//! At most once, unordered, form-encoded, without an id of their own; a delivery that is not
//! answered with 2xx is lost. <https://apidocs.bitrix24.com/api-reference/events/index.html>

use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp};
use rand::RngExt;
use serde_json::{Value, json};

use crate::auth::authority;
use crate::call::Actor;
use crate::config::PortalConfig;
use crate::offline::OfflineQueue;
use crate::params::flatten;
use crate::state::{Origin, State};
use crate::truth::What;

#[derive(Debug, Clone)]
pub(crate) struct Subscription {
    pub(crate) id: i64,
    /// Upper case.
    pub(crate) event: String,
    /// Empty for an offline one.
    pub(crate) handler: String,
    /// `None`: an outgoing webhook made by hand.
    pub(crate) app: Option<usize>,
    /// Whose tokens go along; 0: those of whoever caused the event.
    pub(crate) auth_type: i64,
    pub(crate) offline: bool,
    pub(crate) connector: Option<String>,
    /// Least seconds between two knocks about the offline queue.
    pub(crate) min_timeout: i64,
    pub(crate) last_knock: Option<i64>,
    /// Of an outgoing webhook.
    pub(crate) token: String,
}

/// What will become of the next matching event, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventFate {
    Lose,
    Double,
    /// Comes so much later.
    Late {
        ms: u64,
    },
}

#[derive(Debug, Clone)]
pub(crate) struct FateRule {
    pub(crate) event: String,
    pub(crate) id: Option<i64>,
    pub(crate) fate: EventFate,
}

/// One POST that is to be made.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub(crate) number: u64,
    pub(crate) event: String,
    pub(crate) handler: String,
    body: Body,
}

#[derive(Debug, Clone)]
enum Body {
    Event {
        subscription: Box<Subscription>,
        data: Value,
        user: Option<i64>,
    },
    /// Pairs known beforehand; `ts` and tokens are added when it is sent.
    Ready {
        app: usize,
        user: i64,
        pairs: Vec<(String, String)>,
        with_refresh: bool,
        with_tokens: bool,
    },
    /// The document that a robot runs on: neither tokens nor anything else that proves the portal.
    Document { deal: i64 },
}

/// How a handler has been answering.
#[derive(Debug, Default, Clone, Copy)]
struct Handler {
    busy: bool,
    not_before: Option<Timestamp>,
}

#[derive(Debug, Default)]
pub(crate) struct EventBook {
    pub(crate) subscriptions: Vec<Subscription>,
    last_subscription: i64,
    due: BTreeMap<(Timestamp, u64), Delivery>,
    last_delivery: u64,
    handlers: HashMap<String, Handler>,
    pub(crate) fates: Vec<FateRule>,
    pub(crate) offline: OfflineQueue,
}

impl EventBook {
    pub(crate) fn new(config: &PortalConfig) -> Self {
        let mut book = EventBook {
            last_subscription: 200,
            ..EventBook::default()
        };
        for hook in &config.outgoing_webhooks {
            for event in &hook.events {
                let token = hook.application_token.clone();
                book.subscribe(Subscription {
                    event: event.to_ascii_uppercase(),
                    handler: hook.url.clone(),
                    token,
                    ..Subscription::blank()
                });
            }
        }
        book
    }

    pub(crate) fn subscribe(&mut self, mut subscription: Subscription) {
        self.last_subscription = self.last_subscription.saturating_add(1);
        subscription.id = self.last_subscription;
        self.subscriptions.push(subscription);
    }

    fn next_number(&mut self) -> u64 {
        self.last_delivery = self.last_delivery.saturating_add(1);
        self.last_delivery
    }

    /// Deliveries whose time has come and whose handler is free; they count as under way.
    pub(crate) fn take_due(&mut self, now: Timestamp) -> Vec<Delivery> {
        let mut taken = Vec::new();
        let keys: Vec<(Timestamp, u64)> = self
            .due
            .range(..=(now, u64::MAX))
            .map(|(key, _)| *key)
            .collect();
        for key in keys {
            let Some(delivery) = self.due.get(&key) else {
                continue;
            };
            let handler = self.handlers.entry(delivery.handler.clone()).or_default();
            if handler.busy || handler.not_before.is_some_and(|until| until > now) {
                continue;
            }
            handler.busy = true;
            taken.extend(self.due.remove(&key));
        }
        taken
    }

    /// A handler answered after so long: a slow one is called less often.
    pub(crate) fn free(&mut self, handler: &str, now: Timestamp, took: SignedDuration) {
        let state = self.handlers.entry(handler.to_owned()).or_default();
        state.busy = false;
        let gap = if took > SignedDuration::from_secs(1) {
            took
        } else {
            SignedDuration::ZERO
        };
        state.not_before = now.checked_add(gap).ok();
    }

    /// When something may be sent next.
    pub(crate) fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        let ready = |delivery: &Delivery, at: Timestamp| match self.handlers.get(&delivery.handler)
        {
            Some(handler) if handler.busy => None,
            Some(Handler {
                not_before: Some(until),
                ..
            }) => Some(at.max(*until)),
            _ => Some(at),
        };
        // Beyond the first that is later than now, no earlier one can follow.
        let mut soonest: Option<Timestamp> = None;
        for ((at, _), delivery) in &self.due {
            if let Some(at) = ready(delivery, *at) {
                soonest = Some(soonest.map_or(at, |soonest| soonest.min(at)));
            }
            if *at > now && soonest.is_some() {
                break;
            }
        }
        soonest
    }

    /// How many deliveries still wait.
    pub(crate) fn waiting(&self) -> usize {
        self.due.len()
    }

    pub(crate) fn under_way(&self) -> usize {
        self.handlers
            .values()
            .filter(|handler| handler.busy)
            .count()
    }
}

impl Subscription {
    pub(crate) fn blank() -> Self {
        Subscription {
            id: 0,
            event: String::new(),
            handler: String::new(),
            app: None,
            auth_type: 0,
            offline: false,
            connector: None,
            min_timeout: 1,
            last_knock: None,
            token: String::new(),
        }
    }
}

/// Tells everybody who subscribed. `object` names what changed, for the offline queue.
pub(crate) fn fire(state: &mut State, event: &str, data: Value, object: &str, origin: &Origin) {
    let matching: Vec<Subscription> = state
        .events
        .subscriptions
        .iter()
        .filter(|subscription| subscription.event == event)
        .cloned()
        .collect();
    for subscription in matching {
        let is_installed = subscription.app.is_none_or(|app| {
            state
                .auth
                .apps
                .get(app)
                .is_some_and(|app| app.seed.installed)
        });
        if !is_installed {
            continue;
        }
        if subscription.offline {
            crate::offline::enqueue(state, &subscription, &data, object, origin);
        } else if !(subscription.app.is_none() && event == "ONCRMDEALMOVETOCATEGORY") {
            let user = origin
                .actor
                .user()
                .filter(|_| !matches!(origin.actor, Actor::Robot));
            enqueue_event(state, subscription, data.clone(), user, origin.at, 0);
        }
    }
}

/// Queues one event for one subscription, at the mercy of the configured chances.
pub(crate) fn enqueue_event(
    state: &mut State,
    subscription: Subscription,
    data: Value,
    user: Option<i64>,
    now: Timestamp,
    extra_ms: u64,
) {
    let settings = state.config.events.clone();
    let fate = take_fate(state, &subscription.event, &data);
    let chance = |state: &mut State, permille: u16| {
        permille > 0 && state.rng.random_range(0..1000) < permille
    };
    let lost = fate == Some(EventFate::Lose) || chance(state, settings.drop_permille);
    let doubled = fate == Some(EventFate::Double) || chance(state, settings.double_permille);
    let held_back = chance(state, settings.shuffle_permille);
    let number = state.events.next_number();
    let (event, handler) = (subscription.event.clone(), subscription.handler.clone());
    state.truth.add(
        now,
        What::EventCreated {
            delivery: number,
            event: event.clone(),
            handler: handler.clone(),
            data: data.clone(),
        },
    );
    if lost {
        state.truth.add(
            now,
            What::EventDropped {
                delivery: number,
                event,
                handler,
                reason: "lost on the way".into(),
            },
        );
        return;
    }
    let mut wait = settings.delay_ms.saturating_add(extra_ms);
    if let Some(EventFate::Late { ms }) = fate {
        wait = wait.saturating_add(ms);
    }
    if held_back {
        wait = wait.saturating_add(settings.shuffle_ms);
    }
    let body = Body::Event {
        subscription: Box::new(subscription),
        data,
        user,
    };
    let copies = if doubled { 2 } else { 1 };
    for _ in 0..copies {
        let jitter = if settings.jitter_ms == 0 {
            0
        } else {
            state.rng.random_range(0..=settings.jitter_ms)
        };
        let delivery = Delivery {
            number,
            event: event.clone(),
            handler: handler.clone(),
            body: body.clone(),
        };
        put(state, delivery, now, wait.saturating_add(jitter));
        wait = wait.saturating_add(settings.delay_ms.max(1));
    }
}

fn put(state: &mut State, delivery: Delivery, now: Timestamp, wait_ms: u64) {
    let wait = SignedDuration::from_millis(i64::try_from(wait_ms).unwrap_or(i64::MAX));
    let at = now.checked_add(wait).unwrap_or(now);
    // Two copies share a number, so the place in the queue needs one of its own.
    let place = state.events.next_number();
    state.events.due.insert((at, place), delivery);
}

fn take_fate(state: &mut State, event: &str, data: &Value) -> Option<EventFate> {
    let id = data
        .get("FIELDS")
        .unwrap_or(data)
        .get("ID")
        .and_then(crate::value::int_of);
    let at = state.events.fates.iter().position(|rule| {
        (rule.event.is_empty() || rule.event.eq_ignore_ascii_case(event))
            && (rule.id.is_none() || rule.id == id)
    })?;
    Some(state.events.fates.remove(at).fate)
}

/// A POST to an application that is no event of a record: installation, robots.
pub(crate) struct Direct {
    pub(crate) event: String,
    pub(crate) app: usize,
    pub(crate) user: i64,
    pub(crate) handler: String,
    pub(crate) pairs: Vec<(String, String)>,
    pub(crate) with_tokens: bool,
    pub(crate) with_refresh: bool,
}

pub(crate) fn enqueue_direct(state: &mut State, direct: Direct, now: Timestamp) {
    if direct.handler.is_empty() {
        return;
    }
    let number = state.events.next_number();
    let wait = state.config.events.delay_ms;
    let Direct {
        event,
        app,
        user,
        handler,
        pairs,
        with_tokens,
        with_refresh,
    } = direct;
    let created = What::EventCreated {
        delivery: number,
        event: event.clone(),
        handler: handler.clone(),
        data: json!({}),
    };
    state.truth.add(now, created);
    let body = Body::Ready {
        app,
        user,
        pairs,
        with_refresh,
        with_tokens,
    };
    put(
        state,
        Delivery {
            number,
            event,
            handler,
            body,
        },
        now,
        wait,
    );
}

/// The robot «Исходящий вебхук» posts its document to an address.
pub(crate) fn enqueue_document(state: &mut State, deal: i64, handler: String, now: Timestamp) {
    let number = state.events.next_number();
    let wait = state.config.events.delay_ms;
    let event = "robot webhook".to_owned();
    let created = What::EventCreated {
        delivery: number,
        event: event.clone(),
        handler: handler.clone(),
        data: json!({}),
    };
    state.truth.add(now, created);
    let delivery = Delivery {
        number,
        event,
        handler,
        body: Body::Document { deal },
    };
    put(state, delivery, now, wait);
}

/// The form that is sent now: `ts` is the moment of sending, tokens are fresh.
pub(crate) fn form(
    state: &mut State,
    delivery: &Delivery,
    now: Timestamp,
) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    let mut push = |name: &str, value: String| pairs.push((name.to_owned(), value));
    match &delivery.body {
        Body::Event {
            subscription,
            data,
            user,
        } => {
            push("event", delivery.event.clone());
            push("event_handler_id", subscription.id.to_string());
            match data {
                Value::Object(fields) if fields.is_empty() => push("data", String::new()),
                _ => flatten("data", data, &mut pairs),
            }
            pairs.push(("ts".into(), now.as_second().to_string()));
            let tokens_of = match subscription.auth_type {
                0 => *user,
                own => Some(own),
            };
            let auth = auth_of(
                state,
                subscription.app,
                tokens_of,
                &subscription.token,
                false,
                now,
            );
            pairs.extend(auth);
        }
        Body::Ready {
            app,
            user,
            pairs: known,
            with_refresh,
            with_tokens,
        } => {
            pairs.extend(known.iter().cloned());
            pairs.push(("ts".into(), now.as_second().to_string()));
            pairs.extend(auth_of(
                state,
                Some(*app),
                with_tokens.then_some(*user),
                "",
                *with_refresh,
                now,
            ));
        }
        Body::Document { deal } => {
            push("document_id[0]", "crm".to_owned());
            push("document_id[1]", "CCrmDocumentDeal".to_owned());
            push("document_id[2]", format!("DEAL_{deal}"));
            let base = state.base_url();
            push("auth[domain]", authority(&base));
            push("auth[client_endpoint]", format!("{base}/rest/"));
            push("auth[server_endpoint]", format!("{base}/rest/"));
            push("auth[member_id]", state.config.member_id.clone());
        }
    }
    pairs
}

fn auth_of(
    state: &mut State,
    app: Option<usize>,
    user: Option<i64>,
    webhook_token: &str,
    with_refresh: bool,
    now: Timestamp,
) -> Vec<(String, String)> {
    let base = state.base_url();
    let mut auth: Vec<(&str, String)> = Vec::new();
    let seed = app
        .and_then(|app| state.auth.apps.get(app))
        .map(|app| app.seed.clone());
    if let (Some(app), Some(seed), Some(user)) = (app, &seed, user) {
        if with_refresh {
            let pair = crate::auth::issue(state, app, user, now, "install");
            auth.push(("access_token", pair.access));
            auth.push(("refresh_token", pair.refresh));
        } else {
            auth.push((
                "access_token",
                crate::auth::issue_for_event(state, app, user, now),
            ));
        }
        auth.push((
            "expires",
            now.as_second()
                .saturating_add(state.config.access_token_seconds)
                .to_string(),
        ));
        auth.push(("expires_in", state.config.access_token_seconds.to_string()));
        auth.push(("scope", seed.scopes.join(",")));
        auth.push(("user_id", user.to_string()));
    }
    auth.push(("domain", authority(&base)));
    if let Some(seed) = &seed {
        auth.push(("server_endpoint", format!("{base}/rest/")));
        auth.push(("status", "L".to_owned()));
        auth.push(("client_endpoint", format!("{base}/rest/")));
        auth.push(("member_id", state.config.member_id.clone()));
        auth.push(("application_token", seed.application_token.clone()));
    } else {
        auth.push(("client_endpoint", format!("{base}/rest/")));
        auth.push(("server_endpoint", format!("{base}/rest/")));
        auth.push(("member_id", state.config.member_id.clone()));
        auth.push(("application_token", webhook_token.to_owned()));
    }
    auth.into_iter()
        .map(|(name, value)| (format!("auth[{name}]"), value))
        .collect()
}
