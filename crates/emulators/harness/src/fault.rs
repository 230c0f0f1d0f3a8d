//! Which requests go wrong, and how. Rules are given by hand or on the command line; chance
//! comes from a seed, so that a run can be repeated.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// What goes wrong with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The effect is done; the connection closes without an answer.
    AnswerLost,
    /// The connection closes without an answer; the effect is done `delay` later.
    LateEffect { delay: Duration },
    /// No effect; the connection closes without an answer.
    NotDone,
    /// No effect; a page for people with status 200 instead of an answer.
    HtmlPage,
    /// The effect is done; the answer's body breaks off in the middle.
    CutBody,
    /// The effect is done; the answer comes `delay` later.
    Slow { delay: Duration },
    /// No effect; this status from something in front of the remote.
    Status(u16),
    /// The effect is done; this status instead of the answer.
    StatusAfter(u16),
    /// No effect; the remote's own answer to one who asks too often.
    Limit,
    /// The effect is done; the answer of a batch lacks one of its commands. Other answers are whole.
    MissingPart,
}

/// When a fault happens.
///
/// Written as `KIND[=VALUE][:METHOD][:permille=N][:times=N][:skip=N]`, for instance
/// `answer-lost:crm.item.update:permille=50:times=1` or `late-effect=30s:createBill`.
/// Kinds: `answer-lost`, `late-effect=DURATION`, `not-done`, `html-page`, `cut-body`,
/// `slow=DURATION`, `status=CODE`, `status-after=CODE`, `limit`, `missing-part`. Durations: `500ms`, `30s`, `2m`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultRule {
    pub kind: FaultKind,
    /// Beginning of the remote's method or path, without regard to case; `None`: every request.
    pub method: Option<String>,
    /// How many of a thousand matching requests; 1000 is each of them.
    pub permille: u16,
    /// After how many faults the rule is spent; `None`: never.
    pub times: Option<u32>,
    /// How many matching requests go well before the first fault.
    pub skip: u32,
}

/// Why a written rule is not one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultRuleError {
    UnknownKind(String),
    NeedsValue(&'static str),
    UnexpectedValue(String),
    BadValue(String),
    UnknownOption(String),
    TwoMethods(String),
}

impl FaultRule {
    /// A rule for every request, each time.
    pub fn always(kind: FaultKind) -> Self {
        Self {
            kind,
            method: None,
            permille: 1000,
            times: None,
            skip: 0,
        }
    }

    /// A rule for the next matching request alone.
    pub fn once(kind: FaultKind, method: &str) -> Self {
        Self {
            method: Some(method.to_owned()),
            times: Some(1),
            ..Self::always(kind)
        }
    }

    fn matches(&self, names: &[&str]) -> bool {
        self.method
            .as_deref()
            .is_none_or(|wanted| names.iter().any(|name| begins_with(name, wanted)))
    }
}

/// The rules in force. Clones share them.
#[derive(Clone, Debug)]
pub struct Faults {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug)]
struct Shared {
    rng: ChaCha8Rng,
    rules: Vec<Armed>,
}

#[derive(Debug)]
struct Armed {
    rule: FaultRule,
    seen: u32,
    done: u32,
}

impl Faults {
    /// No rules yet; `seed` decides what `permille` lets happen.
    pub fn new(seed: u64) -> Self {
        let shared = Shared {
            rng: ChaCha8Rng::seed_from_u64(seed),
            rules: Vec::new(),
        };
        Self {
            shared: Arc::new(Mutex::new(shared)),
        }
    }

    /// Adds a rule behind those that are there; the first that fires wins.
    pub fn add(&self, rule: FaultRule) {
        self.lock().rules.push(Armed {
            rule,
            seen: 0,
            done: 0,
        });
    }

    /// Takes all rules away.
    pub fn clear(&self) {
        self.lock().rules.clear();
    }

    /// The rules that may still fire.
    pub fn rules(&self) -> Vec<FaultRule> {
        let shared = self.lock();
        let armed = shared.rules.iter().filter(|armed| !armed.is_spent());
        armed.map(|armed| armed.rule.clone()).collect()
    }

    /// Decides about one request to `method`.
    pub fn draw(&self, method: &str) -> Option<FaultKind> {
        self.draw_any(&[method])
    }

    /// Decides about one request that has several names, such as an operation and a path.
    pub fn draw_any(&self, names: &[&str]) -> Option<FaultKind> {
        let shared = &mut *self.lock();
        let rng = &mut shared.rng;
        let armed = shared.rules.iter_mut();
        armed
            .filter(|armed| !armed.is_spent() && armed.rule.matches(names))
            .find_map(|armed| armed.fire(rng))
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Armed {
    fn is_spent(&self) -> bool {
        self.rule.times.is_some_and(|times| self.done >= times)
    }

    fn fire(&mut self, rng: &mut ChaCha8Rng) -> Option<FaultKind> {
        self.seen = self.seen.saturating_add(1);
        if self.seen <= self.rule.skip {
            return None;
        }
        // A certain rule takes nothing from the chance of the others.
        if self.rule.permille < 1000 && rng.random_range(0..1000) >= self.rule.permille {
            return None;
        }
        self.done = self.done.saturating_add(1);
        Some(self.rule.kind)
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AnswerLost => f.write_str("answer-lost"),
            Self::LateEffect { delay } => write!(f, "late-effect={}ms", delay.as_millis()),
            Self::NotDone => f.write_str("not-done"),
            Self::HtmlPage => f.write_str("html-page"),
            Self::CutBody => f.write_str("cut-body"),
            Self::Slow { delay } => write!(f, "slow={}ms", delay.as_millis()),
            Self::Status(status) => write!(f, "status={status}"),
            Self::StatusAfter(status) => write!(f, "status-after={status}"),
            Self::Limit => f.write_str("limit"),
            Self::MissingPart => f.write_str("missing-part"),
        }
    }
}

impl fmt::Display for FaultRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        if let Some(method) = &self.method {
            write!(f, ":{method}")?;
        }
        if self.permille < 1000 {
            write!(f, ":permille={}", self.permille)?;
        }
        if let Some(times) = self.times {
            write!(f, ":times={times}")?;
        }
        if self.skip > 0 {
            write!(f, ":skip={}", self.skip)?;
        }
        Ok(())
    }
}

impl FromStr for FaultRule {
    type Err = FaultRuleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split(':');
        let mut rule = Self::always(parse_kind(parts.next().unwrap_or_default())?);
        for part in parts {
            let bad = || FaultRuleError::BadValue(part.to_owned());
            match part.split_once('=') {
                Some(("permille", value)) => {
                    let value = value.parse().map_err(|_| bad())?;
                    rule.permille = Some(value).filter(|n| *n <= 1000).ok_or_else(bad)?;
                }
                Some(("times", value)) => rule.times = Some(value.parse().map_err(|_| bad())?),
                Some(("skip", value)) => rule.skip = value.parse().map_err(|_| bad())?,
                Some(_) => return Err(FaultRuleError::UnknownOption(part.to_owned())),
                None if part.is_empty() => return Err(bad()),
                None if rule.method.is_some() => {
                    return Err(FaultRuleError::TwoMethods(part.to_owned()));
                }
                None => rule.method = Some(part.to_owned()),
            }
        }
        Ok(rule)
    }
}

impl fmt::Display for FaultRuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownKind(kind) => write!(
                f,
                "unknown fault `{kind}`; known are answer-lost, late-effect, not-done, html-page, \
                 cut-body, slow, status, status-after, limit, missing-part"
            ),
            Self::NeedsValue(kind) => write!(f, "fault `{kind}` needs a value, as in `{kind}=…`"),
            Self::UnexpectedValue(part) => write!(f, "fault takes no value: `{part}`"),
            Self::BadValue(part) => write!(f, "value not understood in `{part}`"),
            Self::UnknownOption(part) => {
                write!(
                    f,
                    "unknown option `{part}`; known are permille, times, skip"
                )
            }
            Self::TwoMethods(part) => write!(f, "a second method `{part}` in one rule"),
        }
    }
}

impl std::error::Error for FaultRuleError {}

fn parse_kind(text: &str) -> Result<FaultKind, FaultRuleError> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (text, None),
    };
    let bad = || FaultRuleError::BadValue(text.to_owned());
    let delay = |kind| {
        let value = value.ok_or(FaultRuleError::NeedsValue(kind))?;
        parse_duration(value).ok_or_else(bad)
    };
    let status = |kind| {
        let value = value.ok_or(FaultRuleError::NeedsValue(kind))?;
        let status = value.parse().ok();
        status
            .filter(|status| (100..=599).contains(status))
            .ok_or_else(bad)
    };
    let plain = |kind| match value {
        None => Ok(kind),
        Some(_) => Err(FaultRuleError::UnexpectedValue(text.to_owned())),
    };
    match name {
        "answer-lost" => plain(FaultKind::AnswerLost),
        "late-effect" => delay("late-effect").map(|delay| FaultKind::LateEffect { delay }),
        "not-done" => plain(FaultKind::NotDone),
        "html-page" => plain(FaultKind::HtmlPage),
        "cut-body" => plain(FaultKind::CutBody),
        "slow" => delay("slow").map(|delay| FaultKind::Slow { delay }),
        "status" => status("status").map(FaultKind::Status),
        "status-after" => status("status-after").map(FaultKind::StatusAfter),
        "limit" => plain(FaultKind::Limit),
        "missing-part" => plain(FaultKind::MissingPart),
        _ => Err(FaultRuleError::UnknownKind(name.to_owned())),
    }
}

fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text.strip_prefix(digits)?;
    let number: u64 = digits.parse().ok()?;
    match unit {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => number.checked_mul(60).map(Duration::from_secs),
        _ => None,
    }
}

fn begins_with(name: &str, wanted: &str) -> bool {
    name.as_bytes()
        .get(..wanted.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(wanted.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_rules_are_read_and_written_back() {
        let rows = [
            ("answer-lost", "answer-lost"),
            (
                "answer-lost:crm.item.update:permille=50:times=1",
                "answer-lost:crm.item.update:permille=50:times=1",
            ),
            (
                "late-effect=30s:createBill",
                "late-effect=30000ms:createBill",
            ),
            ("slow=500ms:skip=2", "slow=500ms:skip=2"),
            ("slow=2m", "slow=120000ms"),
            (
                "status=503:/v1/organizations:permille=1000",
                "status=503:/v1/organizations",
            ),
            ("status-after=500", "status-after=500"),
            ("limit:times=3", "limit:times=3"),
            ("missing-part:batch", "missing-part:batch"),
        ];
        for (text, expected) in rows {
            let rule: FaultRule = text.parse().unwrap();
            assert_eq!(rule.to_string(), expected);
            assert_eq!(expected.parse::<FaultRule>().unwrap(), rule);
        }
    }

    #[test]
    fn wrong_rules_say_why() {
        let rows = [
            ("", "unknown fault ``"),
            ("boom", "unknown fault `boom`"),
            ("slow", "needs a value"),
            ("slow=fast", "not understood in `slow=fast`"),
            ("status=9", "not understood"),
            ("limit=3", "takes no value"),
            ("limit:permille=1001", "not understood in `permille=1001`"),
            ("limit:often=1", "unknown option `often=1`"),
            ("limit:a:b", "second method `b`"),
            ("limit:", "not understood"),
        ];
        for (text, expected) in rows {
            let error = text.parse::<FaultRule>().unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn rule_skips_then_fires_and_is_spent() {
        let faults = Faults::new(1);
        faults.add("answer-lost:crm.deal:times=2:skip=1".parse().unwrap());
        let drawn: Vec<bool> = (0..4)
            .map(|_| faults.draw("CRM.Deal.Add").is_some())
            .collect();
        assert_eq!(drawn, [false, true, true, false]);
        assert_eq!(faults.draw("crm.company.add"), None);
        assert!(faults.rules().is_empty());
    }

    #[test]
    fn first_rule_that_fires_wins_and_any_name_matches() {
        let faults = Faults::new(1);
        faults.add(FaultRule::once(FaultKind::NotDone, "createBill"));
        faults.add(FaultRule::always(FaultKind::Limit));
        let names = ["createBill", "/v1/organizations/1/bills"];
        assert_eq!(faults.draw_any(&names), Some(FaultKind::NotDone));
        assert_eq!(faults.draw_any(&names), Some(FaultKind::Limit));
        faults.clear();
        assert_eq!(faults.draw_any(&names), None);
    }

    #[test]
    fn chance_is_near_its_permille_and_repeats_with_its_seed() {
        let run = |seed| -> Vec<bool> {
            let faults = Faults::new(seed);
            faults.add("limit:permille=50".parse().unwrap());
            (0..10_000).map(|_| faults.draw("any").is_some()).collect()
        };
        let fired = run(7).iter().filter(|fired| **fired).count();
        assert!((400..600).contains(&fired), "{fired}");
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
    }
}
