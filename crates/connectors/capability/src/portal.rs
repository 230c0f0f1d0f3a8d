//! The CRM side: what is read of deals and records, what is written back, how changes are found.

use std::sync::Arc;

use async_trait::async_trait;
use domain::observed::{
    DealGlance, DealReading, OurField, OwnCompany, Record, RecordOwner, SmartInvoice,
};
use domain::staff::Staff;
use domain::{DealId, FunnelId, StageId, UserId};
use jiff::Timestamp;
use jiff::tz::Offset;

use crate::{Call, ConnectorError};

pub use domain::observed::FieldValue;

/// A connected portal: every capability the connection really has.
#[derive(Clone)]
pub struct Portal {
    /// Deals and what hangs on them.
    pub deals: Arc<dyn ReadDeals>,
    /// What changed since a moment.
    pub sweep: Arc<dyn SweepRecords>,
    /// Fields, timeline, files, notifications.
    pub write: Arc<dyn WritePortal>,
    /// The vendor's queue of changes; only for an application on a plan that keeps read events.
    pub offline: Option<Arc<dyn OfflineQueue>>,
    /// Funnels, stages, users, rights; for `setup` and `check`.
    pub directory: Arc<dyn ReadDirectory>,
    /// Custom fields and event subscriptions.
    pub set_up: Arc<dyn SetUpPortal>,
}

/// Reads deals, fifty in a command.
#[async_trait]
pub trait ReadDeals: Send + Sync {
    /// The cheap look: stage, sums, our fields, time of change. A deal that is not in the answer is
    /// deleted or hidden; [`ReadDeals::presence`] tells which.
    async fn glance(
        &self,
        call: &Call<'_>,
        ids: &[DealId],
    ) -> Result<Vec<DealGlance>, ConnectorError>;

    /// The whole look: lines, stage history, buyer's and seller's requisites with bank details and addresses.
    async fn read(&self, call: &Call<'_>, ids: &[DealId]) -> Result<Reading, ConnectorError>;

    /// How many of the first of these deals one request can read whole, as far as is known; at least one.
    fn at_once(&self, ids: &[DealId]) -> usize;

    /// Which of these deals ever entered one of these stages, wherever they stand now.
    async fn entered(
        &self,
        call: &Call<'_>,
        ids: &[DealId],
        stages: &[StageId],
    ) -> Result<Vec<DealId>, ConnectorError>;

    /// Invoices of the portal's own that belong to these deals, by id.
    async fn smart_invoices(
        &self,
        call: &Call<'_>,
        ids: &[DealId],
    ) -> Result<Vec<SmartInvoice>, ConnectorError>;

    /// By id, one by one in a batch: a list alone never proves that something is gone.
    async fn presence(
        &self,
        call: &Call<'_>,
        ids: &[DealId],
    ) -> Result<Vec<(DealId, Presence)>, ConnectorError>;

    /// What stands in a field of the portal, by its name there (`UF_CRM_…`): a page of the deals of these funnels
    /// where it is not empty, by id after `after`.
    async fn with_field(
        &self,
        call: &Call<'_>,
        field: &str,
        funnels: &[FunnelId],
        after: Option<DealId>,
    ) -> Result<FieldPage, ConnectorError>;
}

/// Deals with what stands in a field of theirs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldPage {
    /// As text.
    pub values: Vec<(DealId, String)>,
    /// Pass it as `after` for the next page; none when this was the last.
    pub next: Option<DealId>,
}

/// The answer of a whole look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Those that were found.
    pub deals: Vec<DealReading>,
    /// Our own legal entities on the portal, with requisites and bank details.
    pub own_companies: Vec<OwnCompany>,
}

/// Whether a record is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It is there and may be read.
    Visible,
    /// The portal says that it does not exist.
    Gone,
    /// The technical user may not read it.
    Denied,
}

/// Finds changes that no event told.
#[async_trait]
pub trait SweepRecords: Send + Sync {
    /// All questions in one call: a sweep costs one request while little has changed, one page for each question. Of a
    /// question that goes on and on a call brings many pages.
    async fn changed(
        &self,
        call: &Call<'_>,
        asks: &[SweepAsk],
    ) -> Result<Vec<Changed>, ConnectorError>;

    /// Whose a requisite or bank detail is: their events name only themselves.
    async fn owners(
        &self,
        call: &Call<'_>,
        records: &[Record],
    ) -> Result<Vec<RecordOwner>, ConnectorError>;
}

/// One question of a sweep: what changed at or after `since`, by id after `after`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SweepAsk {
    /// Of what.
    pub of: SweepOf,
    /// From when on.
    pub since: Timestamp,
    /// The `next` of the call before.
    pub after: Option<u64>,
    /// Pages of it that the calls before brought: the more there were, the more may come.
    pub pages: usize,
}

/// What a sweep asks about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SweepOf {
    /// Records that were changed or made.
    Changed(RecordKind),
    /// Deals that entered one of these stages; robots move deals on before we look.
    Entered(Vec<StageId>),
    /// Deals whose invoice of the portal's own was changed or made: the deal itself does not change by it. None where the
    /// portal hides those invoices.
    OwnInvoices,
}

/// What a sweep covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordKind {
    /// Deals.
    Deal,
    /// Companies.
    Company,
    /// Contacts.
    Contact,
    /// Requisites of companies and contacts.
    Requisite,
    /// Bank details of requisites.
    BankDetail,
}

/// What one call brought for one question of a sweep.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// Changed records with their time of change as the portal tells it.
    pub records: Vec<(Record, Option<Timestamp>)>,
    /// Changed deals as a glance would show them, as far as their rows can be read so.
    pub deals: Vec<DealGlance>,
    /// Pass it as `after` for the next pages; none when these were the last.
    pub next: Option<u64>,
    /// Pages of the portal that these are.
    pub pages: usize,
    /// The portal's own time when it was asked, where it tells: what it keeps of changes goes by that clock.
    pub asked_at: Option<Timestamp>,
}

/// One wanted change on the portal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortalWrite {
    /// Output fields of a deal. Idempotent by nature: it sets, it does not add.
    SetFields {
        /// Whose.
        deal: DealId,
        /// Which fields to what.
        fields: Vec<(OurField, FieldValue)>,
        /// The deal's time of change as it was last compared, for [`Written::changed`].
        compared: Option<Timestamp>,
    },
    /// The stage of a deal. Idempotent by nature, as long as nobody moves the deal on meanwhile.
    MoveStage {
        /// Whose.
        deal: DealId,
        /// Where to.
        stage: StageId,
    },
    /// Fires the trigger that says that a deal is paid: the portal's automation moves it, if it is bound to a stage. Whether it
    /// was is not answered. Only where [`SetUpPortal::register_trigger`] could make it.
    FirePaidTrigger {
        /// Whose.
        deal: DealId,
    },
    /// One entry in a deal's timeline. `mark` stands in its text, so that it can be looked up.
    AddTimelineEntry {
        /// Whose.
        deal: DealId,
        /// In Russian, with BB codes of the portal where useful.
        text: String,
        /// Unique and short; printed at the entry's end.
        mark: String,
    },
    /// Puts a file to an entry that [`PortalWrite::AddTimelineEntry`] made, in place of the entry's files. Idempotent by nature.
    AttachFile {
        /// Whose.
        deal: DealId,
        /// The entry.
        entry: String,
        /// The entry's text with its mark, which the portal wants again.
        text: String,
        /// With extension.
        name: String,
        /// The file.
        bytes: Vec<u8>,
    },
    /// A bell for one user. The same `tag` replaces the former bell.
    Notify {
        /// Who.
        user: UserId,
        /// One per deal and cause.
        tag: String,
        /// In Russian.
        text: String,
    },
    /// A message to a chat. `mark` stands in its text.
    PostToChat {
        /// The portal's dialog id: `chat12`, or a user's id.
        dialog: String,
        /// In Russian.
        text: String,
        /// Unique and short.
        mark: String,
    },
    /// Another text for a message of ours. Idempotent by nature; the portal allows it for some days only.
    EditInChat {
        /// The dialog that it stands in.
        dialog: String,
        /// The id that [`PortalWrite::PostToChat`] left behind.
        message: String,
        /// In Russian.
        text: String,
    },
}

/// What a write left behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// The new record's id, where the write made one.
    pub id: Option<String>,
    /// The deal's time of change after its fields were set, if it was still the compared one right before:
    /// whatever event tells of this change is an echo.
    pub changed: Option<Timestamp>,
    /// The same whoever had changed it before.
    pub written_at: Option<Timestamp>,
}

/// Writes, packed.
#[async_trait]
pub trait WritePortal: Send + Sync {
    /// Carries the writes out in as few calls as the portal allows (batches of fifty across deals; a
    /// file alone). One result per write, in the same order; a result that the answer does not show
    /// is an error with `Verdict::Verify`, never a success.
    async fn write(
        &self,
        call: &Call<'_>,
        writes: &[PortalWrite],
    ) -> Vec<Result<Written, ConnectorError>>;

    /// How many of the first of these writes share one request, as far as is known; at least one.
    fn at_once(&self, writes: &[PortalWrite]) -> usize;

    /// Looks for what a write of unknown outcome left behind. `Ok(None)`: it is not there now.
    /// Writes that are idempotent by nature answer `Ok(None)`: send them again.
    async fn look_up(
        &self,
        call: &Call<'_>,
        writes: &[PortalWrite],
    ) -> Vec<Result<Option<Written>, ConnectorError>>;
}

/// The vendor's queue of changes, read without losing.
#[async_trait]
pub trait OfflineQueue: Send + Sync {
    /// Reserves up to fifty changes (`clear=0`). They stay hidden under the process id until cleared.
    async fn reserve(&self, call: &Call<'_>) -> Result<Reserved, ConnectorError>;

    /// Forgets a reserved packet; called only after its changes are committed here.
    async fn clear(&self, call: &Call<'_>, packet: &Reserved) -> Result<(), ConnectorError>;
}

/// A reserved packet of changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reserved {
    /// The portal's name of the packet.
    pub process_id: String,
    /// The portal's ids of its messages.
    pub messages: Vec<String>,
    /// What changed; a change of something we do not follow is left out.
    pub records: Vec<Record>,
}

/// Reads what changes rarely.
#[async_trait]
pub trait ReadDirectory: Send + Sync {
    /// Deal funnels with their stages.
    async fn funnels(&self, call: &Call<'_>) -> Result<Vec<Funnel>, ConnectorError>;

    /// Our own legal entities.
    async fn own_companies(&self, call: &Call<'_>) -> Result<Vec<OwnCompany>, ConnectorError>;

    /// By which clock the portal lives.
    async fn clock(&self, call: &Call<'_>) -> Result<PortalClock, ConnectorError>;

    /// Whether the portal has any invoices of its own.
    async fn own_invoices(&self, call: &Call<'_>) -> Result<OwnInvoices, ConnectorError>;

    /// Whether these people work there; where one does not, or `with_heads`, also who leads the departments above.
    /// Somebody of whom the portal does not tell is left out.
    async fn staff(
        &self,
        call: &Call<'_>,
        users: &[UserId],
        with_heads: bool,
    ) -> Result<Staff, ConnectorError>;

    /// Everything that `check` asks: credential, scopes, plan, user, each right. Never fails as a whole.
    async fn probe(&self, call: &Call<'_>) -> Vec<Finding>;
}

/// By which clock a portal lives, as far as it tells. In the vendor's cloud the server's is that of the data centre.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortalClock {
    /// The technical user's zone, such as `Europe/Moscow`; none: he has none of his own.
    pub zone: Option<String>,
    /// How far the server's clock is before UTC.
    pub server: Option<Offset>,
}

/// Whether a portal has invoices of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnInvoices {
    /// At least one.
    Some,
    /// None at all.
    None,
    /// It refuses to show them, and says why.
    Hidden(String),
}

/// A funnel of deals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Funnel {
    /// The default one is 0.
    pub id: FunnelId,
    /// As people named it.
    pub name: String,
    /// In order.
    pub stages: Vec<Stage>,
}

/// A stage of a funnel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// The portal's id, `C4:PREPAYMENT_INVOICE`.
    pub id: StageId,
    /// As people named it.
    pub name: String,
    /// Still open, won or lost.
    pub semantics: StageSemantics,
}

/// Where a stage stands in a deal's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StageSemantics {
    /// In work.
    Process,
    /// Won.
    Won,
    /// Lost.
    Lost,
}

/// One thing that `check` tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was tried, in Russian.
    pub what: String,
    /// Whether it holds.
    pub holds: bool,
    /// What was seen and what to do, in Russian.
    pub advice: String,
    /// The page in `docs/errors/`, where there is one.
    pub code: Option<String>,
}

/// Prepares a portal.
#[async_trait]
pub trait SetUpPortal: Send + Sync {
    /// Makes the custom fields that are missing, reuses those that exist; answers their names (`UF_CRM_…`).
    async fn ensure_fields(
        &self,
        call: &Call<'_>,
        wanted: &[(OurField, String)],
    ) -> Result<Vec<(OurField, String)>, ConnectorError>;

    /// The installation that the portal is marked with, on its custom field of deals of this name; none where nobody marked it.
    async fn owner(&self, call: &Call<'_>, field: &str) -> Result<Option<String>, ConnectorError>;

    /// Marks the portal as an installation's, on that field. False: the field bears a code of somebody else's, which stays.
    async fn set_owner(
        &self,
        call: &Call<'_>,
        field: &str,
        owner: &str,
    ) -> Result<bool, ConnectorError>;

    /// Subscribes to the events we need, at `handler`; only an application can, a webhook answers what a person must bind by hand.
    async fn bind_events(
        &self,
        call: &Call<'_>,
        handler: &str,
    ) -> Result<Vec<Finding>, ConnectorError>;

    /// Makes the trigger that says that a deal is paid known to the portal's automation, where a person binds it to a stage.
    /// None: only an application has triggers.
    async fn register_trigger(&self, call: &Call<'_>) -> Option<Finding>;
}
