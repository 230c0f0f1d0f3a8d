//! Callers without the right token: counted by address and, past a measure, answered 429.
//!
//! The table is bounded: a flood from many addresses cannot fill the memory.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// Wrong tokens that one address may try in a minute.
const TRIES: u32 = 60;
const WINDOW: SignedDuration = SignedDuration::from_secs(60);
/// Addresses that are remembered; with more of them the table starts anew.
const MOST_ADDRESSES: usize = 10_000;

/// Failed tries by address.
#[derive(Debug, Default)]
pub(crate) struct Strangers {
    tries: Mutex<BTreeMap<IpAddr, (Timestamp, u32)>>,
}

impl Strangers {
    /// Whether this address has used up its tries.
    pub(crate) fn is_blocked(&self, client: IpAddr, now: Timestamp) -> bool {
        let tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        tries
            .get(&client)
            .is_some_and(|(since, count)| now.duration_since(*since) < WINDOW && *count >= TRIES)
    }

    /// Counts a failed try.
    pub(crate) fn failed(&self, client: IpAddr, now: Timestamp) {
        let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        if tries.len() >= MOST_ADDRESSES && !tries.contains_key(&client) {
            tries.clear();
        }
        let (since, count) = tries.entry(client).or_insert((now, 0));
        if now.duration_since(*since) >= WINDOW {
            (*since, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
    }
}
