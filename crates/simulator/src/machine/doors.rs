//! The product's doors: events of the portals come in by them, and so do orders that are called. What was called, and what
//! the caller was told, is kept for the checks.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use domain::Order;
use emulator_bitrix24::{Deliver, Delivered};
use engine::{Clock as _, TokioClock};
use jiff::Timestamp;

use crate::evidence::records::Event;
use crate::machine::freeze::Freezer;
use crate::machine::process::Process;
use crate::people::calls::ordered;

/// An order as somebody called it.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) at: Timestamp,
    /// As the form or the address names it.
    pub(crate) deal: i64,
    /// None: the word orders nothing.
    pub(crate) order: Option<Order>,
    /// Its token is the one that was given out.
    pub(crate) proved: bool,
    /// The status that we answered; none: nothing was answered yet, or nobody was there.
    pub(crate) told: Option<u16>,
    pub(crate) told_at: Option<Timestamp>,
}

impl Call {
    /// Surely on disk.
    pub(crate) fn is_kept(&self) -> bool {
        self.told == Some(200)
    }

    /// Whether it may be on disk: also where its answer was lost, or its commit has an outcome that nobody knows.
    pub(crate) fn may_be_kept(&self) -> bool {
        let may_be = self
            .told
            .is_none_or(|status| status == 200 || status >= 500);
        self.proved && self.order.is_some() && may_be
    }
}

/// So many of the last events are kept.
const HEARD: usize = 32;

/// The doors, as the portals' events and the callers find them. Clones lead to the same processes.
#[derive(Clone)]
pub(crate) struct Doors {
    clock: TokioClock,
    open: Arc<Mutex<Vec<(Router, Freezer)>>>,
    turn: Arc<AtomicU64>,
    /// How often each event of one tenant was answered with 200.
    accepted: Arc<Mutex<BTreeMap<Event, u64>>>,
    /// The events that came last, as they came.
    heard: Arc<Mutex<VecDeque<String>>>,
    /// The token by which orders of one tenant prove themselves; empty: nobody may call.
    token: Arc<Mutex<String>>,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Doors {
    pub(crate) fn new(clock: TokioClock) -> Self {
        Self {
            clock,
            open: Arc::default(),
            turn: Arc::default(),
            accepted: Arc::default(),
            heard: Arc::default(),
            token: Arc::default(),
            calls: Arc::default(),
        }
    }

    /// The same doors for another tenant.
    pub(crate) fn for_another(&self) -> Self {
        Self {
            accepted: Arc::default(),
            heard: Arc::default(),
            token: Arc::default(),
            calls: Arc::default(),
            ..self.clone()
        }
    }

    pub(crate) fn set(&self, doors: Vec<(Router, Freezer)>) {
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = doors;
    }

    /// From now on whoever has this token may call orders.
    pub(crate) fn may_call(&self, token: &str) {
        token.clone_into(&mut self.token.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Everything that was called so far.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.called().clone()
    }

    /// How often each event was answered with 200 so far.
    pub(crate) fn accepted(&self) -> MutexGuard<'_, BTreeMap<Event, u64>> {
        self.accepted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was answered before is owed no more: it was lost with the database.
    pub(crate) fn forget(&self) {
        let mut accepted = self.accepted.lock().unwrap_or_else(PoisonError::into_inner);
        accepted.clear();
    }

    /// The events that came last.
    pub(crate) fn heard(&self) -> Vec<String> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.iter().cloned().collect()
    }

    /// An event comes in by the door that is next now; what was answered.
    pub(crate) fn deliver(&self, form: String) -> impl Future<Output = Delivered> + Send + use<> {
        let (door, event) = (self.next(), Event::told(&form));
        let accepted = Arc::clone(&self.accepted);
        if event.is_some() {
            let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
            heard.push_back(form.clone());
            let over = heard.len().saturating_sub(HEARD);
            heard.drain(..over);
        }
        async move {
            let (routes, freezer) = door.ok_or_else(|| "nobody is there".to_owned())?;
            let status = Process::hear(routes, freezer, web::BITRIX24_EVENTS, form).await?;
            if let (200, Some(event)) = (status, event) {
                let mut accepted = accepted.lock().unwrap_or_else(PoisonError::into_inner);
                let count = accepted.entry(event).or_default();
                *count = count.saturating_add(1);
            }
            Ok(status)
        }
    }

    /// Something comes in that no portal sent: whatever is answered, nothing is owed to it.
    pub(crate) async fn knock(self, form: String) {
        if let Some((routes, freezer)) = self.next() {
            let heard = Process::hear(routes, freezer, web::BITRIX24_EVENTS, form).await;
            let _answered = heard.is_ok();
        }
    }

    /// The accounting side calls at a path of ours; what was answered, and when.
    pub(crate) async fn hint(self, path: String) -> Result<(u16, Timestamp), String> {
        let (routes, freezer) = self.next().ok_or_else(|| "nobody is there".to_owned())?;
        let status = Process::hear(routes, freezer, &path, String::new()).await?;
        Ok((status, self.clock.now()))
    }

    fn called(&self) -> MutexGuard<'_, Vec<Call>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self) -> Option<(Router, Freezer)> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let count = u64::try_from(open.len()).unwrap_or(1).max(1);
        open.get(usize::try_from(turn % count).unwrap_or(0))
            .cloned()
    }

    /// An order is called at a path of ours; what was answered.
    pub(crate) async fn call(self, path: String, form: String) -> Result<u16, String> {
        let place = {
            let token = self.token.lock().unwrap_or_else(PoisonError::into_inner);
            let call = read(&path, &form, &token, self.clock.now());
            let mut calls = self.called();
            calls.push(call);
            calls.len().saturating_sub(1)
        };
        let (routes, freezer) = self.next().ok_or_else(|| "nobody is there".to_owned())?;
        let status = Process::hear(routes, freezer, &path, form).await?;
        if let Some(call) = self.called().get_mut(place) {
            call.told = Some(status);
            call.told_at = Some(self.clock.now());
        }
        Ok(status)
    }
}

/// A call as its caller means it.
fn read(path: &str, form: &str, token: &str, at: Timestamp) -> Call {
    let query = path.split_once('?').map_or("", |(_, query)| query);
    let value = |pairs: &str, name: &str| {
        let mut pairs = pairs.split('&').filter_map(|pair| pair.split_once('='));
        let found = pairs.find(|(key, _)| *key == name);
        found.map(|(_, value)| value.to_owned())
    };
    let document = value(form, "document_id%5B2%5D").or_else(|| value(form, "document_id[2]"));
    let deal = value(query, "deal").or_else(|| Some(document?.strip_prefix("DEAL_")?.to_owned()));
    Call {
        at,
        deal: deal.and_then(|deal| deal.parse().ok()).unwrap_or(0),
        order: value(query, "order").and_then(|word| ordered(&word)),
        proved: !token.is_empty() && value(query, "token").as_deref() == Some(token),
        told: None,
        told_at: None,
    }
}

impl Deliver for Doors {
    fn post(&self, url: String, form: String) -> Pin<Box<dyn Future<Output = Delivered> + Send>> {
        if let Some((_, order)) = url.split_once(web::BITRIX24_ORDERS) {
            let path = format!("{}{order}", web::BITRIX24_ORDERS);
            return Box::pin(self.clone().call(path, form));
        }
        Box::pin(self.deliver(form))
    }
}
