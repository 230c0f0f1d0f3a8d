//! What must survive: on SQLite for one machine, on PostgreSQL for many, behind one interface.
//!
//! Two parts: [`mechanics`] (queue, leases, effects, inbox, budgets, journal) and [`books`] (links, cases,
//! policy). One method of [`Store`] is one transaction, and nothing foreign is awaited inside it. Every
//! statement is written once; the layer that makes one text fit both databases is `sql` and `tx`.
//!
//! On the event's way this is the ground under it: the inbox at the start, the record at the end. Not here:
//! what any of it means for the business, and when anything is to be done (`engine`, `reconciler`).

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        reason = "tests may"
    )
)]

pub mod books;
mod error;
mod faults;
mod lite;
pub mod mechanics;
mod migrations;
mod postgres;
#[cfg(test)]
mod prepared;
mod record;
mod sql;
mod store;
mod subject;
mod tx;
mod value;
mod wakeups;
mod writer;

pub use books::{
    admin::{AdminSession, Alive},
    adopted::{Adopted, Adoption},
    case_changes::{CaseChange, WHOM},
    cases::{Case, CaseFacts, CaseFilter, CasePage, CaseState},
    links::{CounterpartyLink, InvoiceLink},
    money::{
        InvoiceRef, PaymentState,
        asked::AskedPayment,
        by_hand::{Giving, GivingRefused, WasGiven},
        days::{ACCOUNT_KNOWN, AccountSpan, OVERDUE_TASK},
        followed::{
            ACCOUNTING, Followed, FollowedPage, FollowedPayment, FollowedReasons, NotTaken,
            WhyNotTaken,
        },
        ledger::{
            BookedShare, ByParts, Decided, Decision, MONEY_MOVED, PAYMENT_CASE_KEY, RULE, Ruling,
        },
        list::{ListedPayment, PaymentFilter, PaymentSum},
        month::{
            MonthCorrection, MonthFacts, MonthPayment, MonthSettlement, MonthShare, NamedInvoice,
        },
        moved::{Letter, Moved},
        open::{Found, Undecided, Wanted},
        page::{Balance, LedgerLine, PageFilter, PaymentPage},
        receipts::{Means, Receipt},
        refunds::{PaidBy, RefundPart, Refundable},
        settled::{InvoiceSettled, ListedSettlement, NewSettlement},
        sightings::{Counted, PAYMENTS_TASK, SeenLine},
        split::{Split, SplitRefused, WasSplit},
        undo::{Undone, WasUndone},
    },
    office::{Cancelled, NewBill, OfficeBill, Recorded, Series},
    orders::CalledOrder,
    policy::{StoredPolicy, Taken},
    register::{Export, GivenBill},
    retry::Retried,
    told::{CauseMessage, ChatMessage, Told, ToldAdministrator, ToldIn},
};
pub use error::StoreError;
pub use faults::{Fault, Faults, Ran};
pub use mechanics::{
    budget::{Breaker, BudgetGrant},
    effect_changes::EffectChange,
    effects::{Effect, EffectState, Held, MAX_ATTEMPTS, NewEffect, SendDecision},
    hints::{FEED_TASK, FOLLOWED_TASK},
    inbox::NewEvent,
    journal::{JournalEntry, JournalFilter, JournalLine, JournalProof},
    lease::Lease,
    portals::{Mode, Portal},
    stats::{LaneStats, Stats},
    work::{Lane, Look, Settled, Work},
};
pub use postgres::PostgresOptions;
pub use record::{Known, Record};
pub use store::Store;
pub use subject::{Subject, SubjectError, SubjectKind};
pub use wakeups::Wakeups;
