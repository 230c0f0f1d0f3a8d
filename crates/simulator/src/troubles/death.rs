//! The named points at which a process may die, each between two things that should happen together.
//!
//! At a point of the store its connection breaks before or after a commit; at a point of a request the process is
//! gone before the first byte, while the remote works, or when the answer is there.

use store::Fault;

use crate::machine::network::Remote;

/// Where within a request a process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Death {
    /// The request never leaves.
    Before,
    /// The remote works on it; nobody waits.
    During,
    /// The remote has answered; nobody hears of it.
    After,
}

/// A death at one of a process's next requests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Doom {
    /// Only requests like this count; none: every request.
    pub(crate) at: Option<Asked>,
    /// How many of them go well before.
    pub(crate) skipped: u64,
    pub(crate) death: Death,
    pub(crate) point: &'static str,
}

/// A kind of request: to this remote, with this in its path or body; the accounting side's by method and end of path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) remote: Remote,
    pub(crate) holds: &'static str,
}

/// A failure of the store after which the process ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// Within a transaction in which this runs; none: in any.
    pub(crate) statement: Option<&'static str>,
    pub(crate) fault: Fault,
}

/// How a point is reached.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reached {
    Request(Asked, Death),
    Store(&'static str, Fault),
}

/// One named point.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point {
    pub(crate) name: &'static str,
    pub(crate) reached: Reached,
}

const fn at(name: &'static str, remote: Remote, holds: &'static str, death: Death) -> Point {
    Point {
        name,
        reached: Reached::Request(Asked { remote, holds }, death),
    }
}

const fn stored(name: &'static str, statement: &'static str, fault: Fault) -> Point {
    Point {
        name,
        reached: Reached::Store(statement, fault),
    }
}

/// All of them, in the order of an event's way.
pub(crate) const POINTS: [Point; 26] = [
    stored("event taken, not committed", "INSERT", Fault::IoAtCommit),
    stored(
        "event committed, not answered",
        "INSERT",
        Fault::IoAfterCommit,
    ),
    stored(
        "portal taken, nothing done",
        "TAKE_LEASE",
        Fault::IoAfterCommit,
    ),
    stored("work taken, nothing done", "TAKE", Fault::IoAfterCommit),
    stored("before an effect is stored", "SEND", Fault::IoAtCommit),
    stored("after an effect is stored", "SEND", Fault::IoAfterCommit),
    at(
        "before a bill is sent",
        Remote::Accounting,
        "POST /bills",
        Death::Before,
    ),
    at(
        "while a bill is created",
        Remote::Accounting,
        "POST /bills",
        Death::During,
    ),
    at(
        "after a bill was answered",
        Remote::Accounting,
        "POST /bills",
        Death::After,
    ),
    at(
        "while a contractor is created",
        Remote::Accounting,
        "POST /contractors",
        Death::During,
    ),
    at(
        "after a contractor was answered",
        Remote::Accounting,
        "POST /contractors",
        Death::After,
    ),
    at(
        "before fields are sent",
        Remote::Portal,
        "crm.item.update",
        Death::Before,
    ),
    at(
        "while fields are written",
        Remote::Portal,
        "crm.item.update",
        Death::During,
    ),
    at(
        "after fields were answered",
        Remote::Portal,
        "crm.item.update",
        Death::After,
    ),
    at(
        "while an entry is made",
        Remote::Portal,
        "crm.timeline.comment.add",
        Death::During,
    ),
    at(
        "after an entry was answered",
        Remote::Portal,
        "crm.timeline.comment.add",
        Death::After,
    ),
    stored("before an outcome is recorded", "DONE", Fault::IoAtCommit),
    stored("after an outcome is recorded", "DONE", Fault::IoAfterCommit),
    at(
        "after the offline queue was read",
        Remote::Portal,
        "event.offline.get",
        Death::After,
    ),
    at(
        "before the offline queue is cleared",
        Remote::Portal,
        "event.offline.clear",
        Death::Before,
    ),
    at(
        "while the offline queue is cleared",
        Remote::Portal,
        "event.offline.clear",
        Death::During,
    ),
    stored("before a cursor is kept", "CURSOR_PUT", Fault::IoAtCommit),
    stored("after a cursor is kept", "CURSOR_PUT", Fault::IoAfterCommit),
    RENEWING,
    BEFORE_RENEWED,
    AFTER_RENEWED,
];

const RENEWING: Point = at(
    "while tokens are renewed",
    Remote::Portal,
    "oauth/token",
    Death::During,
);
const BEFORE_RENEWED: Point = stored(
    "before renewed tokens are stored",
    "SECRETS_REPLACE",
    Fault::IoAtCommit,
);
const AFTER_RENEWED: Point = stored(
    "after renewed tokens are stored",
    "SECRETS_REPLACE",
    Fault::IoAfterCommit,
);

/// Those around a renewal of tokens: hardly anybody comes by before the tokens die.
pub(crate) const OF_TOKENS: [Point; 3] = [RENEWING, BEFORE_RENEWED, AFTER_RENEWED];

/// All points that have names.
pub(crate) fn named() -> impl Iterator<Item = &'static Point> {
    POINTS.iter().chain(&OF_MONEY).chain(&OF_DECISIONS)
}

const BEFORE_TAKEN: Point = stored("before payments are taken", "IS_PAYMENT", Fault::IoAtCommit);
const AFTER_TAKEN: Point = stored(
    "after payments are taken",
    "IS_PAYMENT",
    Fault::IoAfterCommit,
);

/// Those around a page of the accounting side's payments, on days that have any.
pub(crate) const OF_MONEY: [Point; 5] = [
    at(
        "before payments are asked for",
        Remote::Accounting,
        "GET /payments",
        Death::Before,
    ),
    at(
        "while payments are asked for",
        Remote::Accounting,
        "GET /payments",
        Death::During,
    ),
    at(
        "after payments were answered",
        Remote::Accounting,
        "GET /payments",
        Death::After,
    ),
    BEFORE_TAKEN,
    AFTER_TAKEN,
];

/// Those of them around what is new on the page: most pages bring nothing.
pub(crate) const OF_TAKING: [Point; 2] = [BEFORE_TAKEN, AFTER_TAKEN];

/// Those around what is decided of payments, on days on which somebody works with them.
pub(crate) const OF_DECISIONS: [Point; 2] = [
    stored("before money is decided", "DECIDE", Fault::IoAtCommit),
    stored("after money is decided", "DECIDE", Fault::IoAfterCommit),
];
