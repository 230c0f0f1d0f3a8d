//! [I-1] While a record of its invoices is another version's, a deal is left alone: nothing is created for it, nothing written
//! into it, and the record stays as that version made it.

use jiff::Timestamp;

use super::Evidence;
use super::bills::creations;
use crate::machine::asked::commands;
use crate::machine::network::{Remote, Seen};

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    for one in evidence.sealed {
        let deal = one.deal;
        // Nobody ran at either moment.
        let within = |at: Timestamp| at > one.from && one.until.is_none_or(|until| at < until);
        let created = creations(evidence, deal).find(|seen| within(seen.at));
        let writes = |seen: &&Seen| {
            let commands = commands(&seen.what, &seen.body);
            let mut written = commands.iter().filter_map(|command| command.deal_written());
            seen.remote == Remote::Portal && written.any(|written| written == deal)
        };
        let mut seen = evidence.seen.iter().filter(|seen| within(seen.at));
        if let Some(sent) = created.or_else(|| seen.find(writes)) {
            wrong.push(format!(
                "[I-1] `{}` left for deal {deal} at {}, while a record of it could not be read",
                sent.what, sent.at
            ));
        }
        if one.overwritten {
            wrong.push(format!(
                "[I-1] the record of deal {deal} that another version made was written over"
            ));
        }
    }
}
