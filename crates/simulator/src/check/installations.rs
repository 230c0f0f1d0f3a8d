//! [L21] Another installation asks the portal whose it is and nothing else, of the accounting side it asks nothing
//! at all, and it is refused or a person is asked at its desk. The portal stays ours, and nobody is asked at ours;
//! that ours goes on undisturbed is judged with everything else. On all other days nobody marks the portal.
//!
//! Not here: how `provodka setup` refuses (`cli::owner::admit`). Whoever sets up on these days asks whose the portal
//! is and leaves it at that, so that of it only the answer is judged.

use super::{Evidence, is_our_write};
use crate::machine::network::Remote;

/// How it is asked whose the portal is.
const ASKS: &str = "crm.deal.userfield.list";
/// Where the mark stands, in the portal's own history.
const MARKED: &str = "user_field";
/// The former installation's, and ours over it.
const MARKS: usize = 2;

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    let is_taken_over = evidence.weather.customs.installations.is_some();
    let marks = evidence.portal.writes_of(MARKED);
    let marks = marks.filter(|entry| is_our_write(entry)).count();
    let wanted = if is_taken_over { MARKS } else { 0 };
    if marks != wanted {
        wrong.push(format!("[L21] the portal was marked {marks} times"));
    }
    if !is_taken_over {
        return;
    }
    for one in evidence.intrusions {
        let mut sent = evidence.seen.iter();
        let sent = sent.find(|seen| {
            let asks = seen.remote == Remote::Portal && seen.what == ASKS;
            seen.process == one.process && !asks
        });
        if let Some(sent) = sent {
            wrong.push(format!(
                "[L21] process {} of another installation sent `{}` to {:?} at {}",
                one.process, sent.what, sent.remote, sent.at
            ));
        }
        if !one.is_held_back {
            wrong.push(format!(
                "[L21] another installation turned to the portal at {} as process {}, and nobody is told",
                one.at, one.process
            ));
        }
    }
    if let Some((_, at)) = evidence.asked_of_taking.first() {
        wrong.push(format!(
            "[L21] at {at} it was asked at our own desk whose the portal is, and it is ours"
        ));
    }
}
