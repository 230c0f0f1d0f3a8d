//! [R27] What proves nothing leaves nothing: no row, no look, no request.

use memchr::memmem;

use super::Evidence;
use crate::machine::asked::commands;
use crate::machine::network::Remote;
use crate::troubles::strangers::NOBODYS;

/// With this begins the number of each of nobody's deals.
const OF_ALL: &[u8] = b"8000";

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    if evidence.weather.customs.strangers.is_none() {
        return;
    }
    let kept = evidence.events.keys();
    let forged = kept.filter(|event| event.id.is_some_and(|id| id >= NOBODYS));
    for event in forged {
        wrong.push(format!("[R27] a forged event is on disk: {event:?}"));
    }
    let nobodys: Vec<i64> = (0..50)
        .filter_map(|n| i64::try_from(NOBODYS.saturating_add(n)).ok())
        .collect();
    for seen in &evidence.seen {
        // The number of any of them stands in a request that asks for it.
        if seen.remote != Remote::Portal || memmem::find(&seen.body, OF_ALL).is_none() {
            continue;
        }
        let asked = commands(&seen.what, &seen.body);
        let of = |deal: &&i64| asked.iter().any(|command| command.names(**deal));
        if let Some(deal) = nobodys.iter().find(of) {
            wrong.push(format!(
                "[R27] at {}: `{}` asked for deal {deal}, of which only a forged event told",
                seen.at, seen.what
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{NOBODYS, OF_ALL};

    #[test]
    fn the_numbers_of_nobodys_deals_begin_alike() {
        for number in NOBODYS..NOBODYS + 50 {
            assert!(
                number.to_string().as_bytes().starts_with(OF_ALL),
                "{number}"
            );
        }
    }
}
