//! What our own records said at the moment at which a request left: who held the portal, and how the effects stood.
//!
//! It reads them by SQL of its own, so that failures ordered for a process do not meet it, and it changes nothing.

use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use domain::PortalId;
use jiff::Timestamp;
use memchr::memmem;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::evidence::records::{Records, Stored};
use crate::machine::asked::{Command, commands};
use crate::machine::network::{Remote, Seen};

/// One request of a process as our records knew it when it left.
#[derive(Clone, Debug)]
pub(crate) struct Leaving {
    pub(crate) at: Timestamp,
    pub(crate) tenant: usize,
    pub(crate) process: u64,
    /// It may change something on the remote.
    pub(crate) writes: bool,
    /// Who held the portal, and under which number; asked only where several could.
    pub(crate) holder: Option<(u64, i64)>,
    /// The creation of a bill or of a contractor.
    pub(crate) creation: Option<Creation>,
    /// What is written to the portal while no effect of it is under way.
    pub(crate) unrecorded: Vec<String>,
}

/// The effect behind a creation.
#[derive(Clone, Debug)]
pub(crate) struct Creation {
    pub(crate) of: String,
    /// State and attempts; none if there is no such effect.
    pub(crate) stored: Option<(String, i64)>,
}

/// Looks at our records beside the product.
pub(crate) struct Witness {
    records: Records,
    /// By tenant.
    portals: Vec<PortalId>,
    /// Whether several processes compete for a portal.
    rivals: bool,
    seen: Mutex<Seeing>,
}

#[derive(Default)]
struct Seeing {
    leaving: Vec<Leaving>,
    /// What our records did not tell.
    unread: Vec<String>,
}

impl Witness {
    pub(crate) fn new(records: Records, portals: Vec<PortalId>, rivals: bool) -> Self {
        Self {
            records,
            portals,
            rivals,
            seen: Mutex::default(),
        }
    }

    /// A request is about to leave.
    pub(crate) fn leaves(&self, seen: &Seen) {
        let Some(portal) = self.portals.get(seen.tenant) else {
            return;
        };
        match self.look(seen, portal) {
            Ok(Some(leaving)) => self.lock().leaving.push(leaving),
            Ok(None) => {}
            Err(error) => self.lock().unread.push(error),
        }
    }

    fn look(&self, seen: &Seen, portal: &PortalId) -> Result<Option<Leaving>, String> {
        let (created, written) = (Created::by(seen), written(seen));
        if !self.rivals && created.is_none() && written.is_empty() {
            return Ok(None);
        }
        let holder = if self.rivals {
            self.records.holder(portal)?
        } else {
            None
        };
        let holder = holder.and_then(|(owner, fence)| {
            let number = owner.strip_prefix("process-")?.parse().ok()?;
            Some((number, fence))
        });
        let effects = match (&created, written.as_slice()) {
            (Some(Created::Bill(key)), _) => self.records.of_key(portal, key)?,
            // Files go one by one, and there are many.
            (None, [one]) if one.deal().is_some() => {
                let subject = format!("deal/{}", one.deal().unwrap_or_default());
                self.records.of_subject(portal, &subject)?
            }
            (None, []) => Vec::new(),
            _ => self.records.under_way(portal)?,
        };
        let unrecorded = written
            .iter()
            .filter(|write| !effects.iter().any(|effect| write.is_of(effect)))
            .map(|write| write.words.clone())
            .collect();
        Ok(Some(Leaving {
            at: seen.at,
            tenant: seen.tenant,
            process: seen.process,
            writes: writes(seen),
            holder,
            creation: created.map(|created| created.among(&effects)),
            unrecorded,
        }))
    }

    /// Everything that left so far for one tenant.
    pub(crate) fn seen(&self, tenant: usize) -> Result<Vec<Leaving>, String> {
        let seen = self.lock();
        if let Some(error) = seen.unread.first() {
            return Err(error.clone());
        }
        let ours = seen.leaving.iter().filter(|one| one.tenant == tenant);
        Ok(ours.cloned().collect())
    }

    fn lock(&self) -> MutexGuard<'_, Seeing> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is being created on the accounting side.
pub(crate) enum Created {
    /// The key in its mark.
    Bill(String),
    /// Of an organisation, with this INN, and with this KPP where it has one.
    Contractor {
        organisation: String,
        inn: Option<String>,
        kpp: Option<String>,
    },
}

impl Created {
    pub(crate) fn by(seen: &Seen) -> Option<Self> {
        let path = seen.what.strip_prefix("POST ")?;
        if seen.remote != Remote::Accounting {
            return None;
        }
        let body: Value = serde_json::from_slice(&seen.body).ok()?;
        let text = |name: &str| Some(body.get(name)?.as_str()?.to_owned());
        let mut folders = path.rsplit('/');
        match folders.next()? {
            "bills" => {
                let comment = text("comment")?;
                let (_, mark) = comment.split_once("[provodka:")?;
                let (key, _) = mark.split_once(']')?;
                Some(Self::Bill(key.to_owned()))
            }
            "contractors" => Some(Self::Contractor {
                organisation: folders.next()?.to_owned(),
                inn: text("inn"),
                kpp: text("kpp"),
            }),
            _ => None,
        }
    }

    pub(crate) fn words(&self) -> String {
        match self {
            Self::Bill(key) => format!("bill `{key}`"),
            Self::Contractor { inn, .. } => {
                format!("contractor {}", inn.as_deref().unwrap_or("without an INN"))
            }
        }
    }

    /// A person's order to try it anew.
    pub(crate) fn is_ordered_by(&self, order: &Ordered) -> bool {
        order.effect.as_deref().is_some_and(|key| self.has(key))
    }

    /// Whether this is the key of its effect.
    fn has(&self, key: &str) -> bool {
        match self {
            Self::Bill(own) => key == own,
            Self::Contractor {
                organisation,
                inn,
                kpp,
            } => {
                let inn = inn.as_deref().map(|inn| format!("{inn}/"));
                let whose = format!("/counterparty/{organisation}/{}", inn.unwrap_or_default());
                key.contains(&whose) && kpp.as_deref().is_none_or(|kpp| key.ends_with(kpp))
            }
        }
    }

    fn among(&self, effects: &[Stored]) -> Creation {
        // Of people without an INN several may be under way: one of them is it.
        let found = effects.iter().filter(|effect| self.has(&effect.key));
        let found = found.max_by_key(|effect| effect.is_under_way());
        Creation {
            stored: found.map(|effect| (effect.state.clone(), effect.attempt)),
            of: self.words(),
        }
    }
}

/// Methods of the portal that change something, as far as we call them.
const WRITES: [&str; 7] = [
    "crm.item.update",
    "crm.automation.trigger.execute",
    "crm.timeline.comment.add",
    "crm.timeline.comment.update",
    "im.notify.system.add",
    "im.message.add",
    "im.message.update",
];

/// How each of them is looked for, which is worked out once: every batch is gone through.
static NAMED: LazyLock<[memmem::Finder<'static>; WRITES.len()]> =
    LazyLock::new(|| WRITES.map(memmem::Finder::new));

/// Whether a request may change something on its remote.
pub(crate) fn writes(seen: &Seen) -> bool {
    match seen.remote {
        // A search is a POST as well, and changes nothing.
        Remote::Accounting => seen.what.starts_with("POST ") && !seen.what.ends_with("/search"),
        Remote::Portal if seen.what == "batch" => {
            NAMED.iter().any(|method| method.find(&seen.body).is_some())
        }
        Remote::Portal => WRITES.contains(&seen.what.as_str()),
    }
}

/// A write to the portal, and how the effect is known that must be under way for it.
pub(crate) struct Write {
    action: &'static str,
    known_by: KnownBy,
    pub(crate) words: String,
}

/// A person's order to try anew what was refused or given up.
#[derive(Clone, Debug)]
pub(crate) struct Ordered {
    pub(crate) at: Timestamp,
    pub(crate) subject: String,
    /// The key of the effect, where the question is about one.
    pub(crate) effect: Option<String>,
}

enum KnownBy {
    Deal(i64),
    /// The tag of a bell is the key itself.
    Key(String),
    /// A message in a chat ends in a mark of its effect and its own text.
    Mark {
        mark: String,
        text: String,
    },
}

impl Write {
    pub(crate) fn by(command: &Command) -> Option<Self> {
        let action = match command.method.as_str() {
            "crm.item.update" if command.text(&["fields", "stageId"]).is_some() => "move_stage",
            // Where the office's own automation moves the deal.
            "crm.automation.trigger.execute" => "move_stage",
            "crm.item.update" => "write_fields",
            "crm.timeline.comment.add" => "add_timeline_entry",
            "crm.timeline.comment.update" => "attach_pdf",
            "im.notify.system.add" | "im.message.add" => "notify",
            _ => return None,
        };
        let known_by = match command.method.as_str() {
            "im.notify.system.add" => KnownBy::Key(command.text(&["TAG"])?),
            "im.message.add" => {
                let message = command.text(&["MESSAGE"])?;
                let mark = message.split_whitespace().next_back()?.to_owned();
                let text = message.strip_suffix(&mark)?.trim_end().to_owned();
                KnownBy::Mark { mark, text }
            }
            _ => KnownBy::Deal(command.deal_written()?),
        };
        let words = match &known_by {
            KnownBy::Deal(deal) => format!("`{action}` of deal {deal}"),
            KnownBy::Key(word) | KnownBy::Mark { mark: word, .. } => format!("message `{word}`"),
        };
        Some(Self {
            action,
            known_by,
            words,
        })
    }

    fn deal(&self) -> Option<i64> {
        match &self.known_by {
            KnownBy::Deal(deal) => Some(*deal),
            KnownBy::Key(_) | KnownBy::Mark { .. } => None,
        }
    }

    /// A person's order to try it anew.
    pub(crate) fn is_ordered_by(&self, order: &Ordered) -> bool {
        match (&self.known_by, order.effect.as_deref()) {
            (KnownBy::Deal(deal), _) => order.subject == format!("deal/{deal}"),
            (KnownBy::Key(own), Some(key)) => own == key,
            (KnownBy::Mark { mark, text }, Some(key)) => mark_of(key, text) == *mark,
            (KnownBy::Key(_) | KnownBy::Mark { .. }, None) => false,
        }
    }

    /// Whose portal was taken over meanwhile finds its effect unknown already.
    fn is_of(&self, effect: &Stored) -> bool {
        let is_its = match &self.known_by {
            KnownBy::Deal(deal) => effect.subject == format!("deal/{deal}"),
            KnownBy::Key(key) => effect.key == *key,
            // A message about one question bears its name, any other the beginning of a digest.
            KnownBy::Mark { mark, text } => {
                effect.request_hash == *mark || mark_of(&effect.key, text) == *mark
            }
        };
        is_its && effect.action == self.action && effect.is_under_way()
    }
}

fn mark_of(key: &str, text: &str) -> String {
    let digest = Sha256::digest(format!("{key}/{text}").as_bytes());
    let bytes = digest.iter().take(5).map(|byte| format!("{byte:02x}"));
    format!("pv-{}", bytes.collect::<String>())
}

/// What a request writes to the portal.
fn written(seen: &Seen) -> Vec<Write> {
    if seen.remote != Remote::Portal || !writes(seen) {
        return Vec::new();
    }
    let commands = commands(&seen.what, &seen.body);
    commands.iter().filter_map(Write::by).collect()
}
