//! What is judged at the moment itself: what leaves a process for whom, and how our records move.
//!
//! It reads our records through a handle of its own: nothing here is asked whether something may be done.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use domain::PortalId;
use jiff::Timestamp;
use memchr::memmem;
use serde_json::Value;
use store::{Effect, EffectState, Store, Subject};

use crate::network::Seen;
use crate::office;

/// The judge of moments. Clones are one.
#[derive(Clone)]
pub(crate) struct Watch(Arc<Inner>);

struct Inner {
    store: Store,
    portals: Vec<PortalId>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By tenant: what only its remotes may be sent.
    secrets: Vec<Vec<String>>,
    effects: BTreeMap<i64, Effect>,
    wrong: Vec<String>,
}

impl Watch {
    pub(crate) fn new(store: Store, portals: Vec<PortalId>, secrets: Vec<Vec<String>>) -> Self {
        let state = State {
            secrets,
            ..State::default()
        };
        Self(Arc::new(Inner {
            store,
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
            secrets.iter().filter(move |secret| **secret != canary)
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
            own.extend(tokens);
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
                let secrets = secrets.iter();
                secrets
                    .map(String::as_bytes)
                    .any(|secret| sent.iter().any(|part| holds(part, secret)))
            });
        if let Some((place, _)) = leaked {
            let wrong = format!(
                "[I-15] at {}: a request `{}` of tenant {} carried what belongs to tenant {place}",
                seen.at, seen.what, seen.tenant
            );
            state.wrong.push(wrong);
        }
    }

    /// [I-20] What is done stays done, and numbers only grow.
    pub(crate) async fn observe(&self, tenant: usize, deals: &[i64], now: Timestamp) {
        let Some(portal) = self.0.portals.get(tenant) else {
            return;
        };
        let subjects: Vec<Subject> = deals
            .iter()
            .filter_map(|deal| u64::try_from(*deal).ok())
            .map(|deal| Subject::deal(domain::DealId(deal)))
            .collect();
        let Ok(known) = self.0.store.known(portal, &subjects).await else {
            return;
        };
        let mut state = self.state();
        for effect in known.effects {
            if let Some(before) = state.effects.get(&effect.id)
                && let Some(why) = went_back(before, &effect)
            {
                let wrong = format!("[I-20] at {now}: effect `{}` {why}", effect.key);
                state.wrong.push(wrong);
            }
            state.effects.insert(effect.id, effect);
        }
    }

    /// [I-3] What was answered with 200 is kept.
    pub(crate) async fn events_kept(&self, tenant: usize, accepted: u64, now: Timestamp) {
        let Some(portal) = self.0.portals.get(tenant) else {
            return;
        };
        if let Ok(kept) = self.0.store.inbox_count(portal).await
            && kept < accepted
        {
            self.state().wrong.push(format!(
                "[I-3] at {now}: {accepted} events were answered with 200 and {kept} are on disk"
            ));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn holds(text: &[u8], part: &[u8]) -> bool {
    !part.is_empty() && memmem::find(text, part).is_some()
}

/// How an effect moved that it may not.
fn went_back(before: &Effect, now: &Effect) -> Option<String> {
    let is_final = before.state == EffectState::Done;
    if is_final && now.state != EffectState::Done {
        return Some(format!("was done and is {}", now.state.as_str()));
    }
    if is_final && before.outcome != now.outcome {
        return Some("was done and has another outcome".to_owned());
    }
    if now.fence < before.fence {
        return Some(format!("fell from fence {} to {}", before.fence, now.fence));
    }
    // An attempt that a limit answered is taken back with the effect, which may be superseded before it is seen here.
    let taken_back = matches!(now.state, EffectState::Intended | EffectState::Superseded);
    if now.attempt < before.attempt && !taken_back && now.sent_at == before.sent_at {
        return Some("lost an attempt without being sent again".to_owned());
    }
    None
}
