//! The bugs: what each is, which file guards against it, and which invariant sees it.

/// A mistake that somebody could make, and that would lose an invoice, double one or deceive a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Bug {
    /// What timed out is sent again at once.
    NaiveRetry,
    /// Not found at the first look counts as never done, although it may still land.
    AbsentAtFirstLook,
    /// The quiet time is known only to the process that sent: the next one does not wait.
    QuietTimeInMemory,
    /// A 5xx on a write counts as "had no effect".
    ServerErrorIsFailure,
    /// An event is answered with 200 before it is on disk.
    AnswerBeforeCommit,
    /// The vendor's queue of changes is emptied by reading it.
    QueueClearedByReading,
    /// A batch that answered without a command's key did that command.
    MissingKeyIsSuccess,
    /// How far was read is stored before what was read.
    CursorBeforeRows,
    /// Whoever once held a portal's lease may write for ever.
    LeaseWithoutFence,
    /// What a crash left behind is as if it had never been sent.
    IntendedResentAfterCrash,
    /// An edited deal is invoiced while the invoice of its former revision is unknown.
    RevisionBesideUnknown,
    /// An invoice that was given up by a person's decision keeps the place of the next one.
    DoneKeyBlocksReissue,
    /// An invoice is made from what was read some time ago.
    StaleSnapshot,
    /// Everybody who meets an expired token renews it.
    RefreshNotSingleFlight,
    /// Fields are written whether or not they already show the value.
    EchoLoop,
    /// A sending is counted when its outcome is known.
    AttemptCountedAfterSend,
    /// One query forgets whose rows it wants.
    TenantFilterMissing,
    /// A portal does one thing at a time.
    ClickBehindBulk,
    /// Equal orders of statements that overlap are added up, instead of the most that one of them shows.
    EqualOrdersByFile,
    /// A payer's letter moves more money to an invoice than is open of it.
    MovedBeyondOpen,
    /// An order to settle an invoice that is given twice settles it twice.
    EachPressSettles,
    /// A refund whose purpose names nothing that its receiver paid is taken off what fits best.
    RefundGuessed,
}

impl Bug {
    /// All of them.
    pub const ALL: [Self; 22] = [
        Self::NaiveRetry,
        Self::AbsentAtFirstLook,
        Self::QuietTimeInMemory,
        Self::ServerErrorIsFailure,
        Self::AnswerBeforeCommit,
        Self::QueueClearedByReading,
        Self::MissingKeyIsSuccess,
        Self::CursorBeforeRows,
        Self::LeaseWithoutFence,
        Self::IntendedResentAfterCrash,
        Self::RevisionBesideUnknown,
        Self::DoneKeyBlocksReissue,
        Self::StaleSnapshot,
        Self::RefreshNotSingleFlight,
        Self::EchoLoop,
        Self::AttemptCountedAfterSend,
        Self::TenantFilterMissing,
        Self::ClickBehindBulk,
        Self::EqualOrdersByFile,
        Self::MovedBeyondOpen,
        Self::EachPressSettles,
        Self::RefundGuessed,
    ];

    /// As people write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NaiveRetry => "naive-retry",
            Self::AbsentAtFirstLook => "absent-at-first-look",
            Self::QuietTimeInMemory => "quiet-time-in-memory",
            Self::ServerErrorIsFailure => "server-error-is-failure",
            Self::AnswerBeforeCommit => "answer-before-commit",
            Self::QueueClearedByReading => "queue-cleared-by-reading",
            Self::MissingKeyIsSuccess => "missing-key-is-success",
            Self::CursorBeforeRows => "cursor-before-rows",
            Self::LeaseWithoutFence => "lease-without-fence",
            Self::IntendedResentAfterCrash => "intended-resent-after-crash",
            Self::RevisionBesideUnknown => "revision-beside-unknown",
            Self::DoneKeyBlocksReissue => "done-key-blocks-reissue",
            Self::StaleSnapshot => "stale-snapshot",
            Self::RefreshNotSingleFlight => "refresh-not-single-flight",
            Self::EchoLoop => "echo-loop",
            Self::AttemptCountedAfterSend => "attempt-counted-after-send",
            Self::TenantFilterMissing => "tenant-filter-missing",
            Self::ClickBehindBulk => "click-behind-bulk",
            Self::EqualOrdersByFile => "equal-orders-by-file",
            Self::MovedBeyondOpen => "moved-beyond-open",
            Self::EachPressSettles => "each-press-settles",
            Self::RefundGuessed => "refund-guessed",
        }
    }

    /// The file whose line guards against it.
    pub const fn guard(self) -> &'static str {
        match self {
            Self::NaiveRetry | Self::AbsentAtFirstLook => "crates/engine/src/transition.rs",
            Self::QuietTimeInMemory => "crates/engine/src/look.rs",
            Self::ServerErrorIsFailure => "crates/connectors/kontur-accounting/src/error.rs",
            Self::AnswerBeforeCommit => "crates/web/src/webhooks.rs",
            Self::QueueClearedByReading => "crates/connectors/bitrix24/src/offline.rs",
            Self::MissingKeyIsSuccess => "crates/connectors/bitrix24/src/write.rs",
            Self::CursorBeforeRows => "crates/reconciler/src/sweep.rs",
            Self::LeaseWithoutFence => "crates/store/src/mechanics/lease.rs",
            Self::IntendedResentAfterCrash => "crates/store/src/mechanics/effect_changes.rs",
            Self::RevisionBesideUnknown | Self::AttemptCountedAfterSend => {
                "crates/store/src/mechanics/effects.rs"
            }
            Self::DoneKeyBlocksReissue => "crates/planner/src/snapshot.rs",
            Self::StaleSnapshot | Self::EchoLoop => "crates/planner/src/invoicing.rs",
            Self::RefreshNotSingleFlight => "crates/connectors/bitrix24/src/tokens.rs",
            Self::TenantFilterMissing => "crates/store/src/books/cases.rs",
            Self::ClickBehindBulk => "crates/engine/src/passes.rs",
            Self::EqualOrdersByFile => "crates/store/src/books/money/sightings.rs",
            Self::MovedBeyondOpen => "crates/store/src/books/money/moved.rs",
            Self::EachPressSettles => "crates/store/src/books/money/settled.rs",
            Self::RefundGuessed => "crates/planner/src/refunds.rs",
        }
    }

    /// The invariant of the reliability model that it breaks.
    pub const fn breaks(self) -> &'static str {
        match self {
            Self::NaiveRetry
            | Self::AbsentAtFirstLook
            | Self::QuietTimeInMemory
            | Self::ServerErrorIsFailure
            | Self::IntendedResentAfterCrash
            | Self::RevisionBesideUnknown => "I-2",
            Self::AnswerBeforeCommit => "I-3",
            Self::QueueClearedByReading => "R31",
            Self::MissingKeyIsSuccess => "I-21",
            Self::CursorBeforeRows | Self::DoneKeyBlocksReissue => "I-4",
            Self::StaleSnapshot => "I-5",
            Self::MovedBeyondOpen | Self::EachPressSettles | Self::RefundGuessed => "I-7",
            Self::EqualOrdersByFile => "I-8",
            Self::AttemptCountedAfterSend => "I-12",
            Self::RefreshNotSingleFlight => "I-14",
            Self::TenantFilterMissing => "I-15",
            Self::EchoLoop => "I-17",
            Self::ClickBehindBulk => "I-18",
            Self::LeaseWithoutFence => "I-19",
        }
    }
}

impl std::str::FromStr for Bug {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let named = Self::ALL.into_iter().find(|bug| bug.name() == name);
        named.ok_or_else(|| format!("no planted bug is called `{name}`"))
    }
}
