//! [I-4] Nobody is told who was known to be dismissed, and what is asked about a deal was told to whoever answers for it by now, or
//! to who stands in: the nearest head who works there, and no other.

use jiff::{SignedDuration, Timestamp};

use super::Evidence;
use super::deals::is_about;
use crate::habits::staff::heads_above;
use crate::machine::asked::{Command, commands};
use crate::machine::network::{Remote, Seen, Told};
use crate::offices::office::{ADMINISTRATOR, MANAGER};
use crate::people::remembered::Deal;

/// What the portal told of its people holds so long, and a message may be so much longer on its way.
const HOLDS: SignedDuration = SignedDuration::from_secs(3_600 + 200);
/// Stands before what was meant for another.
pub(super) const INSTEAD: &str = "Ответственный за сделку уволен";
/// What the manager of a deal is asked.
const MANAGERS: [&str; 4] = [
    "DEAL-DATA-MISSING",
    "DEAL-CHANGED-AFTER-INVOICE",
    "COUNTERPARTY-AMBIGUOUS",
    "VAT-RATE-ENDED",
];

/// A message as it left.
struct Message<'a> {
    seen: &'a Seen,
    /// By a bell; none: in a chat.
    user: Option<i64>,
    text: String,
}

impl Message<'_> {
    fn is_about(&self, deal: i64) -> bool {
        self.text.contains(&format!("/crm/deal/details/{deal}/"))
    }

    fn is_instead(&self) -> bool {
        self.text.contains(INSTEAD)
    }
}

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    if evidence.weather.customs.dismissals.is_none() {
        return;
    }
    let on_portal = evidence
        .seen
        .iter()
        .filter(|seen| seen.remote == Remote::Portal);
    let messages: Vec<Message<'_>> = on_portal.flat_map(messages).collect();
    for message in &messages {
        if let Some(user) = message.user {
            to_who_works(evidence, message, user, wrong);
        }
    }
    for (id, deal) in &evidence.office.deals {
        is_heard(evidence, *id, deal, &messages, wrong);
    }
}

fn messages(seen: &Seen) -> Vec<Message<'_>> {
    let commands = commands(&seen.what, &seen.body);
    let of = |command: &Command| {
        let user = match command.method.as_str() {
            "im.notify.system.add" => Some(command.text(&["USER_ID"])?.parse().ok()?),
            "im.message.add" | "im.message.update" => None,
            _ => return None,
        };
        let text = command.text(&["MESSAGE"])?;
        Some(Message { seen, user, text })
    };
    commands.iter().filter_map(of).collect()
}

/// Whoever hears it works there as far as we could know; and who stands in is the nearest who does.
fn to_who_works(
    evidence: &Evidence<'_>,
    message: &Message<'_>,
    user: i64,
    wrong: &mut Vec<String>,
) {
    let staff = &evidence.office.staff;
    let at = message.seen.at;
    let since = at.checked_sub(HOLDS).unwrap_or(at);
    if !staff.worked(user, since, at) {
        wrong.push(format!(
            "[staff] user {user} was told at {at}, and was dismissed long before"
        ));
    }
    if !message.is_instead() {
        return;
    }
    let of_deals = evidence.office.deals.iter();
    let mut of_deals = of_deals.filter(|(id, _)| message.is_about(**id));
    let stands_in = |deal: &Deal| {
        let mut answered = responsible_since(deal, since).into_iter();
        answered.any(|manager| {
            let heads = heads_above(manager);
            let nearer = heads.iter().take_while(|head| **head != user);
            let mut away = nearer.filter(|head| !staff.was_away(**head, since, at));
            staff.was_away(manager, since, at) && heads.contains(&user) && away.next().is_none()
        })
    };
    if !of_deals.any(|(_, deal)| stands_in(deal)) {
        wrong.push(format!(
            "[staff] user {user} heard at {at} what was for another, and stands in for nobody: {}",
            message.text
        ));
    }
}

/// Who answered for a deal at any moment since then.
fn responsible_since(deal: &Deal, since: Timestamp) -> Vec<i64> {
    let mut answered = Vec::new();
    for (at, user) in deal.responsible.iter().rev() {
        answered.push(*user);
        if *at < since {
            break;
        }
    }
    answered
}

fn is_heard(
    evidence: &Evidence<'_>,
    id: i64,
    deal: &Deal,
    messages: &[Message<'_>],
    wrong: &mut Vec<String>,
) {
    let mut about = evidence.cases.iter().filter(|case| is_about(case, id));
    let Some(case) = about.find(|case| MANAGERS.contains(&case.facts.code.as_str())) else {
        return;
    };
    let last = deal.responsible.last();
    let user = last.map_or(MANAGER, |(_, user)| *user);
    let heard = |message: &&Message<'_>| {
        let of_it = matches!(message.seen.told, Told::Answer(_) | Told::Spoilt(_));
        let to_him = message.user == Some(user);
        let to_another = match message.user {
            Some(other) => heads_above(user).contains(&other) || other == ADMINISTRATOR,
            None => true,
        };
        of_it && message.is_about(id) && (to_him || to_another && message.is_instead())
    };
    if !messages.iter().any(|message| heard(&message)) {
        wrong.push(format!(
            "[staff] deal {id} is user {user}'s, and nobody told him or who stands in: {} since {}",
            case.facts.text, case.changed_at
        ));
    }
}
