//! What is judged at the moment itself: what leaves a process for whom, and how our records move.
//!
//! It reads our records by SQL of its own: nothing here is asked whether something may be done.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use domain::PortalId;
use jiff::{SignedDuration, Timestamp};
use memchr::memmem;
use serde_json::Value;

use crate::evidence::records::{Event, Inbox, Journal, Records, Slot, Stored};
use crate::evidence::witness::Ordered;
use crate::machine::network::Seen;
use crate::offices::office;

/// So long something may stay beyond its bound.
const LATE: SignedDuration = SignedDuration::from_mins(10);

/// The judge of moments. Clones are one.
#[derive(Clone)]
pub(crate) struct Watch(Arc<Inner>);

struct Inner {
    records: Records,
    portals: Vec<PortalId>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By tenant: what only its remotes may be sent.
    secrets: Vec<Vec<Secret>>,
    effects: BTreeMap<i64, Stored>,
    /// By tenant: when it was looked at last.
    observed: BTreeMap<usize, Timestamp>,
    /// By tenant: how its questions, slots and numbers stood.
    books: BTreeMap<usize, Books>,
    /// By tenant: which events it has.
    inboxes: BTreeMap<usize, Inbox>,
    /// By tenant: the newest lines of its journal that were seen, by number.
    lines: BTreeMap<usize, BTreeMap<i64, Vec<u8>>>,
    wrong: Vec<String>,
}

/// What only one tenant's remotes may be sent. It is looked for in each request, and how is worked out once.
struct Secret {
    text: String,
    finder: memmem::Finder<'static>,
}

/// What only grows.
#[derive(Clone, Debug, Default)]
struct Books {
    cases: BTreeMap<i64, String>,
    links: BTreeMap<Slot, String>,
    numbers: [i64; 2],
}

impl Watch {
    pub(crate) fn new(records: Records, portals: Vec<PortalId>, secrets: Vec<Vec<String>>) -> Self {
        let secrets = secrets.into_iter();
        let state = State {
            secrets: secrets
                .map(|own| own.into_iter().map(Secret::of).collect())
                .collect(),
            ..State::default()
        };
        Self(Arc::new(Inner {
            records,
            portals,
            state: Mutex::new(state),
        }))
    }

    /// What did not hold.
    pub(crate) fn wrong(&self) -> Vec<String> {
        self.state().wrong.clone()
    }

    /// Credentials of all tenants: nobody may read them anywhere.
    pub(crate) fn credentials(&self) -> Vec<String> {
        let state = self.state();
        let all = state.secrets.iter().enumerate();
        all.flat_map(|(place, secrets)| {
            let canary = office::canary(place);
            let texts = secrets.iter().map(|secret| &secret.text);
            texts.filter(move |text| **text != canary)
        })
        .cloned()
        .collect()
    }

    /// The portal's token server may have given new tokens.
    pub(crate) fn answered(&self, tenant: usize, answer: &Bytes) {
        if !answer.starts_with(b"{\"access_token\"") {
            return;
        }
        let Ok(answer) = serde_json::from_slice::<Value>(answer) else {
            return;
        };
        let tokens = ["access_token", "refresh_token"];
        let tokens = tokens
            .iter()
            .filter_map(|name| Some(answer.get(name)?.as_str()?.to_owned()));
        if let Some(own) = self.state().secrets.get_mut(tenant) {
            own.extend(tokens.map(Secret::of));
        }
    }

    /// [I-15] What belongs to one tenant goes to no other's remotes.
    pub(crate) fn leaves(&self, seen: &Seen, request: &http::Request<Bytes>) {
        let mut state = self.state();
        if state.secrets.len() < 2 {
            return;
        }
        let headers = request.headers().values().map(|value| value.as_bytes());
        let sent: Vec<&[u8]> = headers
            .chain([request.body().as_ref(), request.uri().path().as_bytes()])
            .collect();
        let others = state.secrets.iter().enumerate();
        let leaked = others
            .filter(|(place, _)| *place != seen.tenant)
            .find(|(_, secrets)| {
                let mut secrets = secrets.iter();
                secrets.any(|secret| sent.iter().any(|part| secret.stands_in(part)))
            });
        if let Some((place, _)) = leaked {
            let wrong = format!(
                "[I-15] at {}: a request `{}` of tenant {} carried what belongs to tenant {place}",
                seen.at, seen.what, seen.tenant
            );
            state.wrong.push(wrong);
        }
    }

    /// [I-20] What is settled stays so but by a person's word, and numbers only grow; [I-6] the journal only grows.
    pub(crate) fn observe(
        &self,
        tenant: usize,
        retried: &[Ordered],
        now: Timestamp,
    ) -> Result<(), String> {
        let Some(portal) = self.0.portals.get(tenant) else {
            return Ok(());
        };
        let records = &self.0.records;
        let last = records.last_line(portal)?;
        let books = Books {
            cases: records.cases(portal)?,
            links: records.links(portal)?,
            numbers: records.numbers(portal)?,
        };
        let mut state = self.state();
        let effects = records.changed_effects(portal, &state.effects)?;
        let since = state.observed.insert(tenant, now);
        let orders = retried.iter().filter(|order| Some(order.at) >= since);
        let orders: Vec<&str> = orders.filter_map(|order| order.effect.as_deref()).collect();
        for effect in effects {
            if let Some(before) = state.effects.get(&effect.id)
                && let Some(why) = went_back(before, &effect, &orders)
            {
                let wrong = format!("[I-20] at {now}: effect `{}` {why}", effect.key);
                state.wrong.push(wrong);
            }
            state.effects.insert(effect.id, effect);
        }
        let before = state.books.get(&tenant);
        let shrunk = before.and_then(|before| before.shrank_to(&books));
        state.books.insert(tenant, books);
        state
            .wrong
            .extend(shrunk.map(|why| format!("[I-20] at {now}: {why}")));
        state.lines.entry(tenant).or_default().extend(last);
        Ok(())
    }

    /// [I-6] Every line that was ever the newest stands where it stood.
    pub(crate) fn appended_only(&self, tenant: usize, journal: &Journal) -> Vec<String> {
        let state = self.state();
        let seen = state.lines.get(&tenant).into_iter().flatten();
        let stands = |seq: i64, hash: &[u8]| {
            let place = journal.lines.binary_search_by_key(&seq, |line| line.seq);
            let line = place.ok().and_then(|place| journal.lines.get(place));
            line.is_some_and(|line| line.hash == hash)
        };
        seen.filter(|(seq, hash)| !stands(**seq, hash))
            .map(|(seq, _)| format!("[I-6] line {seq} of the journal is not what it was"))
            .collect()
    }

    /// [I-4] Nothing stands between for longer than its bound and ten minutes: no look is due, no effect is of unknown
    /// fate, unless somebody is asked.
    pub(crate) fn nothing_is_late(&self, tenant: usize, host_now: Timestamp) -> Result<(), String> {
        let Some(portal) = self.0.portals.get(tenant) else {
            return Ok(());
        };
        let since = host_now
            .checked_sub(LATE)
            .map_err(|error| error.to_string())?;
        for late in self.0.records.late(portal, since)? {
            let wrong = format!("[I-4] at {host_now}: {late}");
            self.state().wrong.push(wrong);
        }
        Ok(())
    }

    /// Our records are not what they were: from here on they are compared with what they say now.
    pub(crate) fn forget(&self) {
        let mut state = self.state();
        state.effects.clear();
        state.observed.clear();
        state.books.clear();
        state.inboxes.clear();
        state.lines.clear();
    }

    /// The next look at what is kept reads all of it, whatever was read before.
    pub(crate) fn read_anew(&self) -> Result<(), String> {
        self.state().inboxes.clear();
        self.0.records.touch_all()
    }

    /// Something does not hold.
    pub(crate) fn note(&self, wrong: String) {
        self.state().wrong.push(wrong);
    }

    /// [I-3] What was answered with 200 is kept, each event as often as it was answered.
    pub(crate) fn events_kept(
        &self,
        tenant: usize,
        accepted: &BTreeMap<Event, u64>,
        now: Timestamp,
    ) -> Result<(), String> {
        let Some(portal) = self.0.portals.get(tenant) else {
            return Ok(());
        };
        let mut state = self.state();
        let before = state.inboxes.remove(&tenant).unwrap_or_default();
        let inbox = self.0.records.inbox(portal, before)?;
        for (event, times) in accepted {
            let found = inbox.events.get(event).copied().unwrap_or(0);
            if found < *times {
                state.wrong.push(format!(
                    "[I-3] at {now}: {event:?} was answered with 200 {times} times and is on disk {found} times"
                ));
            }
        }
        state.inboxes.insert(tenant, inbox);
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Secret {
    fn of(text: String) -> Self {
        let finder = memmem::Finder::new(text.as_bytes()).into_owned();
        Self { text, finder }
    }

    fn stands_in(&self, sent: &[u8]) -> bool {
        !self.text.is_empty() && self.finder.find(sent).is_some()
    }
}

impl Books {
    /// What is there no more that should be.
    fn shrank_to(&self, now: &Self) -> Option<String> {
        let closed = self.cases.iter().filter(|(_, state)| *state != "open");
        for (id, state) in closed {
            let is = now.cases.get(id);
            if is != Some(state) {
                return Some(format!("question {id} was {state} and is {is:?}"));
            }
        }
        for (slot, invoice) in &self.links {
            let is = now.links.get(slot);
            if is != Some(invoice) {
                return Some(format!("{slot:?} held invoice {invoice} and holds {is:?}"));
            }
        }
        let fell = self
            .numbers
            .iter()
            .zip(&now.numbers)
            .any(|(was, is)| is < was);
        fell.then(|| {
            format!(
                "version and fence fell from {:?} to {:?}",
                self.numbers, now.numbers
            )
        })
    }
}

/// How an effect moved that it may not.
fn went_back(before: &Stored, now: &Stored, ordered: &[&str]) -> Option<String> {
    let is_final = before.state == "done";
    if is_final && now.state != "done" {
        return Some(format!("was done and is {}", now.state));
    }
    if is_final && before.outcome != now.outcome {
        return Some("was done and has another outcome".to_owned());
    }
    // A new plan may ask for something else in its place; the same is asked again by a person alone.
    let is_other = before.request_hash != now.request_hash;
    let is_left = !matches!(now.state.as_str(), "refused" | "superseded");
    if before.state == "refused" && is_left && !is_other && !ordered.contains(&&*now.key) {
        return Some(format!("was refused and is {}", now.state));
    }
    if before.state == "superseded" && !before.once && now.state != "superseded" {
        return Some(format!("was dropped and is {}", now.state));
    }
    if now.fence < before.fence {
        return Some(format!("fell from fence {} to {}", before.fence, now.fence));
    }
    // An attempt that a limit answered is taken back with the effect, which may be superseded before it is seen here.
    let taken_back = matches!(now.state.as_str(), "intended" | "superseded");
    if now.attempt < before.attempt && !taken_back && now.sent_at == before.sent_at {
        return Some("lost an attempt without being sent again".to_owned());
    }
    None
}
