//! What the portal rounds otherwise is no other sum: the lines are billed, and the deal's timeline says so. What is off by more
//! is asked about, and nothing is said of it as if it were rounding.

use super::asked_for::asked_for;
use super::bills::{asks_as, first_of};
use super::{Evidence, parts};

const SAID: &str = "CRM округлила иначе, верны строки";

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    if evidence.weather.customs.kopecks.is_none() {
        return;
    }
    for (id, deal) in &evidence.office.deals {
        // Whoever changed it meanwhile may have it told of another sum.
        let [only] = deal.versions.as_slice() else {
            continue;
        };
        let (Some(bill), Some(asked)) = (first_of(evidence, *id), asked_for(only)) else {
            continue;
        };
        if !asks_as(bill, only) || parts::part_of(bill).is_some() {
            continue;
        }
        let said = format!("счёт № {} ", bill.number);
        let comments = evidence.office.portal.comments_of_deal(*id);
        let mut entries = comments.iter().filter(|(text, _)| text.contains(&said));
        let Some((text, _)) = entries.next() else {
            continue;
        };
        let shall = asked.is_rounded();
        if text.contains(SAID) != shall {
            wrong.push(format!(
                "[sum] deal {id} is over {} kopecks, its lines come to {}, and the entry says: {text}",
                asked.amount, asked.sum
            ));
        }
    }
}
