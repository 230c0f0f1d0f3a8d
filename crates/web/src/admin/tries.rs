//! Failed sign-ins: counted by address and by account, with growing rests between further tries.
//!
//! A try counts before it is judged, so that many at once are no way around the count. A try during a rest is refused
//! unheard and prolongs nothing. A rest ends, and an address that once signed in under an account does not wait for what
//! strangers do to it: nobody can lock the owner out. The table is bounded and kept by this process alone.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// Tries without a rest.
const FREE: u32 = 5;
/// The longest rest of an account, in seconds.
const LONGEST_OF_ACCOUNT: i64 = 60;
/// The longest rest of an address.
const LONGEST_OF_ADDRESS: i64 = 900;
/// What was so long ago is forgotten.
const KEPT: SignedDuration = SignedDuration::from_hours(24);
const MOST_KEPT: usize = 10_000;

/// Tries that are remembered.
#[derive(Debug, Default)]
pub(super) struct Tries(Mutex<BTreeMap<Key, Kept>>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Address(IpAddr),
    Account(String),
    /// An account at an address from which it was signed in.
    Known(String, IpAddr),
}

#[derive(Clone, Copy, Debug)]
struct Kept {
    failed: u32,
    rests_until: Timestamp,
    touched: Timestamp,
}

/// So many seconds nobody is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rest(pub(super) i64);

impl Tries {
    /// Counts a try, unless the address or the account rests.
    pub(super) fn begin(&self, account: &str, address: IpAddr, now: Timestamp) -> Result<(), Rest> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let keys = keys(&kept, account, address);
        let rests = keys.iter().filter_map(|key| kept.get(key));
        let rest = rests.map(|one| seconds_until(one.rests_until, now)).max();
        if let Some(rest) = rest.filter(|rest| *rest > 0) {
            return Err(Rest(rest));
        }
        for key in keys {
            note(&mut kept, key, now);
        }
        Ok(())
    }

    /// The try was right: what went before it is forgotten.
    pub(super) fn succeeded(&self, account: &str, address: IpAddr, now: Timestamp) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let address = network(address);
        kept.remove(&Key::Address(address));
        kept.remove(&Key::Account(account.to_owned()));
        let clean = Kept {
            failed: 0,
            rests_until: now,
            touched: now,
        };
        make_room(&mut kept, now);
        kept.insert(Key::Known(account.to_owned(), address), clean);
    }
}

/// What a try counts against.
fn keys(kept: &BTreeMap<Key, Kept>, account: &str, address: IpAddr) -> [Key; 2] {
    let address = network(address);
    let known = Key::Known(account.to_owned(), address);
    let of_account = if kept.contains_key(&known) {
        known
    } else {
        Key::Account(account.to_owned())
    };
    [Key::Address(address), of_account]
}

fn note(kept: &mut BTreeMap<Key, Kept>, key: Key, now: Timestamp) {
    if !kept.contains_key(&key) {
        make_room(kept, now);
    }
    let longest = match key {
        Key::Address(_) => LONGEST_OF_ADDRESS,
        Key::Account(_) | Key::Known(..) => LONGEST_OF_ACCOUNT,
    };
    let one = kept.entry(key).or_insert(Kept {
        failed: 0,
        rests_until: now,
        touched: now,
    });
    if now.duration_since(one.touched) >= KEPT {
        one.failed = 0;
    }
    one.failed = one.failed.saturating_add(1);
    one.touched = now;
    let rest = match one.failed.checked_sub(FREE) {
        None => 0,
        Some(over) => (1_i64 << over.min(20)).min(longest),
    };
    let rest = SignedDuration::from_secs(rest);
    one.rests_until = now.saturating_add(rest).unwrap_or(now);
}

/// Forgets what is old; then whoever was heard of least lately.
fn make_room(kept: &mut BTreeMap<Key, Kept>, now: Timestamp) {
    if kept.len() < MOST_KEPT {
        return;
    }
    kept.retain(|_, one| now.duration_since(one.touched) < KEPT);
    if kept.len() < MOST_KEPT {
        return;
    }
    let oldest = kept.iter().min_by_key(|(_, one)| one.touched);
    if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
        kept.remove(&oldest);
    }
}

/// Whoever has one address of version 6 has a whole network of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)))
        }
        address => address,
    }
}

/// Whole seconds, so that a rest is never told shorter than it is.
fn seconds_until(moment: Timestamp, now: Timestamp) -> i64 {
    let left = moment.duration_since(now);
    left.as_secs() + i64::from(left.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::{MOST_KEPT, Rest, Tries};
    use jiff::{SignedDuration, Timestamp};
    use std::net::IpAddr;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
    }

    fn from(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn rests_grow_up_to_their_bound_and_end() {
        let tries = Tries::default();
        let (owner, mut now) = (from("192.0.2.1"), 0);
        let mut rests = Vec::new();
        for _ in 0..18 {
            let Err(Rest(rest)) = tries.begin("anna", owner, at(now)) else {
                continue;
            };
            assert_eq!(
                tries.begin("anna", owner, at(now)),
                Err(Rest(rest)),
                "a refused try prolongs nothing"
            );
            rests.push(rest);
            now += rest;
            assert_eq!(tries.begin("anna", owner, at(now)), Ok(()));
        }
        assert_eq!(
            rests,
            [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]
        );
        tries.succeeded("anna", owner, at(now));
        assert_eq!(tries.begin("anna", owner, at(now)), Ok(()));
    }

    #[test]
    fn ten_thousand_tries_from_everywhere_lock_nobody_out() {
        let tries = Tries::default();
        let owner = from("192.0.2.1");
        tries.begin("anna", owner, at(0)).unwrap();
        tries.succeeded("anna", owner, at(0));
        let mut heard = 0;
        for place in 0..10_000_u32 {
            let address = IpAddr::from((place + (10 << 24)).to_be_bytes());
            heard += u32::from(tries.begin("anna", address, at(1)).is_ok());
        }
        assert_eq!(heard, 5, "the account rests wherever they come from");
        assert_eq!(
            tries.begin("anna", owner, at(1)),
            Ok(()),
            "she is known there"
        );
        let elsewhere = from("198.51.100.7");
        assert!(tries.begin("anna", elsewhere, at(1)).is_err());
        assert_eq!(
            tries.begin("anna", elsewhere, at(61)),
            Ok(()),
            "a minute at most"
        );
        assert!(tries.0.lock().unwrap().len() <= MOST_KEPT);
    }

    #[test]
    fn an_address_rests_whatever_accounts_it_tries_and_a_network_of_version_6_is_one() {
        let tries = Tries::default();
        let heard = |one: u16| {
            let address = from(&format!("2001:db8::{one:x}"));
            tries
                .begin(&format!("account-{one}"), address, at(0))
                .is_ok()
        };
        assert_eq!((0..50).filter(|one| heard(*one)).count(), 5);
        assert_eq!(tries.begin("anna", from("2001:db8:0:1::1"), at(0)), Ok(()));
    }

    #[test]
    fn the_table_is_bounded() {
        let tries = Tries::default();
        // Each leaves two lines: the last thousand come to a full table.
        for place in 0..6_000_u32 {
            let address = IpAddr::from(place.to_be_bytes());
            let _heard = tries.begin(&format!("account-{place}"), address, at(i64::from(place)));
        }
        assert_eq!(tries.0.lock().unwrap().len(), MOST_KEPT);
    }
}
