//! What was given to the printer is seen in the file that hangs at a deal: the pictures and the layout that were
//! switched on when it was drawn, and no others; and a sole trader signs alone.

use jiff::{SignedDuration, Timestamp};
use memchr::memmem;

use super::Evidence;
use crate::machine::asked::{Command, commands};
use crate::machine::network::Remote;
use crate::offices::printing::{
    ACCOUNTANT_WIDTH, HEAD_WIDTH, OWN_LAYOUT, Printing, SIGNS, STAMP_WIDTH, Switched,
};

/// A file is drawn so long before it leaves, at most.
const DRAWN_BEFORE: SignedDuration = SignedDuration::from_secs(200);

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    let Some(printing) = evidence.weather.customs.printing else {
        return;
    };
    let on_portal = evidence
        .seen
        .iter()
        .filter(|seen| seen.remote == Remote::Portal);
    for seen in on_portal {
        let commands = commands(&seen.what, &seen.body);
        for (name, file) in commands.iter().filter_map(Command::file) {
            let on = on_before(&evidence.office.switched, seen.at);
            let printed = printed(&file);
            if !on.iter().any(|on| shown(*on, printing) == printed) {
                wrong.push(format!(
                    "[paper] `{name}` of {}: printed {printed:?}, switched on was {on:?}, {printing:?}",
                    seen.at
                ));
            }
            let says = |count: usize| holds(&file, &format!("{SIGNS}{count}"));
            let signs = [says(1), says(2)];
            let shall = [printing.sole_trader, !printing.sole_trader];
            if printed.layout && signs != shall {
                wrong.push(format!(
                    "[paper] `{name}` of {}: signed by one or two: {signs:?}, {printing:?}",
                    seen.at
                ));
            }
        }
    }
}

/// What was switched on at any moment at which a file may have been drawn that left then.
fn on_before(states: &[(Timestamp, Switched)], sent: Timestamp) -> Vec<Switched> {
    let since = sent.checked_sub(DRAWN_BEFORE).unwrap_or(sent);
    let before = states.iter().rfind(|(at, _)| *at <= since);
    let before = before.map_or_else(Switched::default, |(_, on)| *on);
    let between = states.iter().filter(|(at, _)| *at > since && *at <= sent);
    let between = between.map(|(_, on)| *on);
    std::iter::once(before).chain(between).collect()
}

/// What a paper is to show.
fn shown(on: Switched, printing: Printing) -> Switched {
    Switched {
        accountant: on.accountant && !printing.sole_trader,
        ..on
    }
}

fn printed(file: &[u8]) -> Switched {
    let has_picture = |width: u32| holds(file, &format!("/Width {width}"));
    Switched {
        stamp: has_picture(STAMP_WIDTH),
        head: has_picture(HEAD_WIDTH),
        accountant: has_picture(ACCOUNTANT_WIDTH),
        layout: holds(file, OWN_LAYOUT),
    }
}

fn holds(file: &[u8], word: &str) -> bool {
    memmem::find(file, word.as_bytes()).is_some()
}

#[cfg(test)]
mod tests {
    use engine::clock::later;

    use super::*;
    use crate::days::day::secs;

    #[test]
    fn a_file_shows_what_was_switched_on_when_it_was_drawn() {
        let at = |second| later(Timestamp::UNIX_EPOCH, secs(second));
        let stamp = Switched {
            stamp: true,
            ..Switched::default()
        };
        let states = [(at(1_000), stamp), (at(2_000), Switched::default())];
        for (sent, expected) in [
            (900, vec![Switched::default()]),
            (1_100, vec![Switched::default(), stamp]),
            (1_300, vec![stamp]),
            (2_100, vec![stamp, Switched::default()]),
            (2_300, vec![Switched::default()]),
        ] {
            assert_eq!(on_before(&states, at(sent)), expected, "{sent}");
        }
    }

    #[test]
    fn what_was_printed_is_read_from_the_file() {
        let file = b"%PDF-1.7 << /Width 101\n>> << /Widths [1]\n>> signs-2, own-layout";
        let expected = Switched {
            stamp: true,
            layout: true,
            ..Switched::default()
        };
        assert_eq!(printed(file), expected);
        assert_eq!(printed(b"%PDF-1.7 << /Width 1 >>"), Switched::default());
    }
}
