//! What a plan is made of: needs, actions, cases, and when to look again.

use domain::observed::{FieldValue, OurField, Record};
use domain::payment::AccountNumber;
use domain::{
    ContractorId, Counterparty, DealId, EffectKey, InvoiceDraft, OrderNumber, OrganisationId,
    PortalId, Slot, StageId, UserId,
};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::Seller;
use crate::known_days::KnownOf;
use crate::marked::ByMark;

/// What a deal needs next. Empty when both sides agree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Must be observed before more can be said; then the plan is made again.
    pub needs: Vec<Need>,
    /// Wanted changes on the remotes.
    pub actions: Vec<Action>,
    /// Questions for a person.
    pub cases: Vec<Case>,
    /// Keys of questions that have answered themselves.
    pub withdrawn: Vec<String>,
    /// An invoice that stands no more by a person's decision: another is to take its place.
    pub given_up: Option<GivenUp>,
    /// What a person answered in the deal to questions that are open.
    pub replies: Vec<Reply>,
    /// The called order that is used up with what is decided here.
    pub obeyed: Option<OrderNumber>,
    /// When to look again without being told.
    pub look_again: Option<(Timestamp, String)>,
    /// When something else is to be told by itself: on a day of its terms, or of a mark that nothing explains. Nothing is
    /// left to be done until then.
    pub next_day: Option<NextDay>,
    /// Accounts of which too little is known to remind anybody.
    pub unknown: Vec<UnknownAccount>,
    /// Why the plan is as it is, in Russian, for `plan` and the journal.
    pub because: Vec<String>,
}

/// A day that changes what a deal shows and who is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextDay {
    /// When: for a term in the morning of its day.
    pub at: Timestamp,
    /// Sooner if days of our accounts become known.
    pub waits_for_accounts: bool,
}

/// A question to the accountant about one of our accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownAccount {
    /// Of which.
    pub account: AccountNumber,
    /// What of it is known: a question about other days is another one.
    pub known: KnownOf,
    /// In Russian: what is missing and what to do.
    pub text: String,
}

/// An invoice that a person had replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GivenUp {
    /// Its place on the deal.
    pub slot: Slot,
    /// By an order that still stands in the deal's field.
    pub by_order: bool,
}

/// A person's answer that was given in the deal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The question's key.
    pub key: String,
    /// What exactly is answered.
    pub about: String,
    /// The word of the choice.
    pub choice: String,
}

/// Something to observe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// The cheap look.
    Glance,
    /// The whole look, fresh.
    Whole,
    /// Whether another deal of ours has the invoice of this number.
    Origin(String),
    /// Whether it ever entered an invoice stage, of whichever funnel that is followed.
    Entered,
    /// Whether it has invoices of the portal's own.
    SmartInvoices,
    /// Which counterparties are this one, by INN or by our own id; whatever their KPP.
    Counterparties(OrganisationId, Box<Counterparty>),
    /// Whether an invoice of this day cannot bear this number, because another does.
    Number(OrganisationId, String, Date),
}

impl Need {
    /// Whether the accounting side is asked.
    pub fn is_of_accounting(&self) -> bool {
        matches!(self, Self::Counterparties(..) | Self::Number(..))
    }
}

/// One wanted change on one remote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "action")]
pub enum Action {
    /// Make the buyer known to the accounting side.
    CreateCounterparty {
        /// In whose books.
        organisation: OrganisationId,
        /// Who.
        counterparty: Counterparty,
    },
    /// Issue an invoice.
    IssueInvoice {
        /// The place it takes on the deal.
        slot: Slot,
        /// To whom.
        contractor: ContractorId,
        /// What.
        draft: Box<InvoiceDraft>,
        /// Who sells, as it is printed.
        seller: Box<Seller>,
        /// An order stood in the deal's field: this is what it asked for.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        ordered: bool,
        /// The called order that it uses up.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        called: Option<OrderNumber>,
    },
    /// Show the invoice in the deal's fields.
    WriteFields {
        /// Only those that differ.
        fields: Vec<(OurField, FieldValue)>,
    },
    /// Say it in the deal's timeline.
    AddTimelineEntry {
        /// What it is about, unique on the deal: `issued/whole/1`.
        about: String,
        /// In Russian.
        text: String,
        /// The called order that it answers and uses up.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        called: Option<OrderNumber>,
    },
    /// Put the invoice's PDF to its timeline entry.
    AttachPdf {
        /// Whose.
        slot: Slot,
        /// The entry that the timeline gave us.
        entry: String,
        /// The entry's text, which the portal wants again.
        text: String,
        /// The invoice that took its place: the file says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        replaced_by: Option<Slot>,
    },
    /// Move the deal to the stage of what is paid.
    MoveStage {
        /// Where to.
        to: StageId,
        /// The transaction of the ledger that completed the payment.
        about: i64,
        /// When the deal was changed last: refused as it was then, it is tried again once somebody changed it since.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        changed: Option<Timestamp>,
        /// By our trigger, which the portal's automation moves it by; what became of it is read back.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        trigger: bool,
    },
    /// Tell a person that something needs a hand.
    Notify {
        /// Whom.
        whom: Whom,
        /// The case's key: one message per deal and cause; a new text replaces the old.
        about: String,
        /// In Russian.
        text: String,
        /// Other deals that are told of with it, because the same is asked about them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        also: Vec<DealId>,
        /// Questions of another key that are told of with it, because they have the same cause.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        besides: Vec<(DealId, String)>,
        /// The list that the message is; none: it is about this deal, or is told to the administrator.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        list: Option<List>,
        /// The chat message whose text it takes the place of; none: it is a new one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        edits: Option<String>,
    },
}

/// What makes a list one: whoever joins it is told in the same message, which takes the place of the former.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct List {
    /// Who reads it.
    pub user: UserId,
    /// Short for the cause that its deals share.
    pub cause: String,
    /// From one on: a full list is followed by another.
    pub number: u32,
}

/// Who is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whom {
    /// The deal's responsible manager.
    User(UserId),
    /// Who leads that manager's department.
    HeadOf(UserId),
    /// The administrator's chat, or the accountant's where policy names it and the question is his.
    Administrator,
}

/// A question that only a person can answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// The page that explains it.
    pub code: CaseCode,
    /// Unique among the deal's open questions.
    pub key: String,
    /// What groups deals with one cause.
    pub cause: String,
    /// In Russian: what is the matter and what to do, with links into the portal.
    pub text: String,
    /// The faults, one each.
    pub faults: Vec<Fault>,
    /// Records whose change may answer it.
    pub waits_for: Vec<Record>,
    /// What a person may choose; none where only mending answers it.
    pub choices: Vec<Choice>,
    /// What exactly is asked: an answer holds for that and nothing else.
    pub about: String,
    /// What the choice to close a bill by its mark books; none where that is not offered.
    pub by_mark: Option<ByMark>,
    /// The manager whom it is for; none: no manager's.
    pub whom: Option<UserId>,
}

/// One of the answers to a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// What a person says: `inside`.
    pub word: String,
    /// What it means, in Russian.
    pub text: String,
}

/// Something missing or wrong, with the place to mend it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// What is the matter, in Russian: `не указан КПП покупателя`.
    pub what: String,
    /// A path on the portal where it is mended.
    pub place: String,
    /// The record to be changed.
    pub record: Option<Record>,
}

/// Kinds of questions; each has a page in `docs/errors/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum CaseCode {
    /// The deal lacks what an invoice needs.
    #[serde(rename = "DEAL-DATA-MISSING")]
    DealDataMissing,
    /// Several counterparties of the accounting side fit, or only the INN does.
    #[serde(rename = "COUNTERPARTY-AMBIGUOUS")]
    CounterpartyAmbiguous,
    /// The buyer is new to the accounting side, and the accountant is asked.
    #[serde(rename = "COUNTERPARTY-NEW")]
    CounterpartyNew,
    /// The technical user may not read the buyer.
    #[serde(rename = "BUYER-HIDDEN")]
    BuyerHidden,
    /// Nor our own company that sells.
    #[serde(rename = "SELLER-HIDDEN")]
    SellerHidden,
    /// The deal was changed after its invoice.
    #[serde(rename = "DEAL-CHANGED-AFTER-INVOICE")]
    DealChanged,
    /// The accountant changed the invoice.
    #[serde(rename = "INVOICE-EDITED")]
    InvoiceEdited,
    /// The accountant cancelled the invoice.
    #[serde(rename = "INVOICE-CANCELLED")]
    InvoiceCancelled,
    /// The accountant deleted the invoice.
    #[serde(rename = "INVOICE-DELETED")]
    InvoiceDeleted,
    /// A person ordered in the deal that the invoice be cancelled.
    #[serde(rename = "INVOICE-CANCEL-ORDERED")]
    CancelOrdered,
    /// The deal was deleted and its invoice lives.
    #[serde(rename = "DEAL-DELETED")]
    DealDeleted,
    /// The technical user may not read the deal.
    #[serde(rename = "DEAL-HIDDEN")]
    DealHidden,
    /// The portal or a robot puts another value into our field.
    #[serde(rename = "FIELD-NOT-KEPT")]
    FieldNotKept,
    /// A rate of VAT that is over stands in the rows.
    #[serde(rename = "VAT-RATE-ENDED")]
    VatRateEnded,
    /// The deal has an invoice of the portal's own.
    #[serde(rename = "DEAL-SMART-INVOICE")]
    SmartInvoice,
    /// The deal's amount is not that of its rows.
    #[serde(rename = "DEAL-SUM-DIFFERS")]
    SumDiffers,
    /// An open invoice has a rate of VAT that is over by now.
    #[serde(rename = "INVOICE-RATE-ENDED")]
    InvoiceRateEnded,
    /// Which invoice a payment is for is not certain.
    #[serde(rename = "PAYMENT-UNDECIDED")]
    PaymentUndecided,
    /// An invoice that stands no more, or asks for less, has money.
    #[serde(rename = "PAID-INVOICE-GONE")]
    PaidInvoiceGone,
    /// An invoice is not paid in time: the manager is reminded.
    #[serde(rename = "INVOICE-OVERDUE")]
    InvoiceOverdue,
    /// It is not paid for long: the manager's head is told.
    #[serde(rename = "INVOICE-LONG-OVERDUE")]
    InvoiceLongOverdue,
    /// The deal was moved for a payment that was taken back since.
    #[serde(rename = "PAYMENT-TAKEN-BACK")]
    PaymentTakenBack,
    /// Whether a payment of the day on which an invoice was adopted was counted as paid of it then.
    #[serde(rename = "PAYMENT-AT-ADOPTION")]
    PaymentAtAdoption,
    /// The accounting side calls a bill paid, and nobody knows of its money.
    #[serde(rename = "INVOICE-MARKED-PAID")]
    MarkedPaid,
    /// A bill was closed by that mark alone, and it is taken back over there.
    #[serde(rename = "PAID-MARK-GONE")]
    MarkGone,
    /// A deal is lost, and its invoice has money.
    #[serde(rename = "PAYMENT-DEAL-LOST")]
    PaidDealLost,
    /// Our trigger was fired for a paid deal and moved nothing.
    #[serde(rename = "TRIGGER-UNBOUND")]
    TriggerUnbound,
    /// What would be issued, where deals are only watched.
    #[serde(rename = "INVOICE-FORETOLD")]
    InvoiceForetold,
}

impl CaseCode {
    /// All of them.
    pub const ALL: [Self; 28] = [
        Self::DealDataMissing,
        Self::CounterpartyAmbiguous,
        Self::CounterpartyNew,
        Self::BuyerHidden,
        Self::SellerHidden,
        Self::DealChanged,
        Self::InvoiceEdited,
        Self::InvoiceCancelled,
        Self::InvoiceDeleted,
        Self::CancelOrdered,
        Self::DealDeleted,
        Self::DealHidden,
        Self::FieldNotKept,
        Self::VatRateEnded,
        Self::SmartInvoice,
        Self::SumDiffers,
        Self::InvoiceRateEnded,
        Self::PaymentUndecided,
        Self::PaidInvoiceGone,
        Self::InvoiceOverdue,
        Self::InvoiceLongOverdue,
        Self::PaymentTakenBack,
        Self::PaymentAtAdoption,
        Self::MarkedPaid,
        Self::MarkGone,
        Self::PaidDealLost,
        Self::TriggerUnbound,
        Self::InvoiceForetold,
    ];

    /// Those that are looked at on days of their own.
    pub const REMINDERS: [Self; 2] = [Self::InvoiceOverdue, Self::InvoiceLongOverdue];

    /// Whether a question of this key is one of those.
    pub fn is_reminder(key: &str) -> bool {
        Self::REMINDERS.iter().any(|code| code.as_str() == key)
    }

    /// The stable text; the name of its page.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DealDataMissing => "DEAL-DATA-MISSING",
            Self::CounterpartyAmbiguous => "COUNTERPARTY-AMBIGUOUS",
            Self::CounterpartyNew => "COUNTERPARTY-NEW",
            Self::BuyerHidden => "BUYER-HIDDEN",
            Self::SellerHidden => "SELLER-HIDDEN",
            Self::DealChanged => "DEAL-CHANGED-AFTER-INVOICE",
            Self::InvoiceEdited => "INVOICE-EDITED",
            Self::InvoiceCancelled => "INVOICE-CANCELLED",
            Self::InvoiceDeleted => "INVOICE-DELETED",
            Self::CancelOrdered => "INVOICE-CANCEL-ORDERED",
            Self::DealDeleted => "DEAL-DELETED",
            Self::DealHidden => "DEAL-HIDDEN",
            Self::FieldNotKept => "FIELD-NOT-KEPT",
            Self::VatRateEnded => "VAT-RATE-ENDED",
            Self::SmartInvoice => "DEAL-SMART-INVOICE",
            Self::SumDiffers => "DEAL-SUM-DIFFERS",
            Self::InvoiceRateEnded => "INVOICE-RATE-ENDED",
            Self::PaymentUndecided => "PAYMENT-UNDECIDED",
            Self::PaidInvoiceGone => "PAID-INVOICE-GONE",
            Self::InvoiceOverdue => "INVOICE-OVERDUE",
            Self::InvoiceLongOverdue => "INVOICE-LONG-OVERDUE",
            Self::PaymentTakenBack => "PAYMENT-TAKEN-BACK",
            Self::PaymentAtAdoption => "PAYMENT-AT-ADOPTION",
            Self::MarkedPaid => "INVOICE-MARKED-PAID",
            Self::MarkGone => "PAID-MARK-GONE",
            Self::PaidDealLost => "PAYMENT-DEAL-LOST",
            Self::TriggerUnbound => "TRIGGER-UNBOUND",
            Self::InvoiceForetold => "INVOICE-FORETOLD",
        }
    }
}

impl Plan {
    /// Both sides agree and nobody is asked anything new.
    pub fn is_empty(&self) -> bool {
        self.needs.is_empty()
            && self.actions.is_empty()
            && self.cases.is_empty()
            && self.withdrawn.is_empty()
            && self.given_up.is_none()
            && self.replies.is_empty()
            && self.obeyed.is_none()
    }

    /// A person's decision changes what is known: nothing else is done before the next plan.
    pub(crate) fn is_decided(&self) -> bool {
        self.given_up.is_some() || !self.replies.is_empty() || self.obeyed.is_some()
    }

    pub(crate) fn nothing(because: impl Into<String>) -> Self {
        Self {
            because: vec![because.into()],
            ..Self::default()
        }
    }

    pub(crate) fn need(need: Need) -> Self {
        Self {
            needs: vec![need],
            ..Self::default()
        }
    }

    pub(crate) fn act(action: Action, because: impl Into<String>) -> Self {
        Self {
            actions: vec![action],
            because: vec![because.into()],
            ..Self::default()
        }
    }

    pub(crate) fn later(at: Timestamp, because: impl Into<String>) -> Self {
        let because = because.into();
        Self {
            look_again: Some((at, because.clone())),
            because: vec![because],
            ..Self::default()
        }
    }
}

impl Action {
    /// What makes the action one: the end of its effect's key.
    pub fn mark(&self) -> String {
        match self {
            Self::CreateCounterparty {
                organisation,
                counterparty,
            } => format!("counterparty/{organisation}/{}", counterparty.key),
            Self::IssueInvoice { slot, .. } => format!("invoice/{slot}"),
            Self::WriteFields { .. } => "fields".to_owned(),
            Self::AddTimelineEntry { about, .. } => entry_mark(about),
            Self::AttachPdf {
                slot,
                replaced_by: None,
                ..
            } => format!("pdf/{slot}"),
            Self::AttachPdf { slot, .. } => format!("pdf-replaced/{slot}"),
            Self::MoveStage { to, about, .. } => crate::receipts::mark(to, *about),
            Self::Notify {
                about,
                list: Some(list),
                ..
            } => list_mark(about, list),
            Self::Notify {
                edits: Some(message),
                ..
            } => edit_mark(message),
            Self::Notify { about, .. } => format!("bell/{about}"),
        }
    }

    /// The called order that is used up once this is done.
    pub fn uses_up(&self) -> Option<OrderNumber> {
        match self {
            Self::IssueInvoice { called, .. } | Self::AddTimelineEntry { called, .. } => *called,
            Self::CreateCounterparty { .. }
            | Self::WriteFields { .. }
            | Self::AttachPdf { .. }
            | Self::MoveStage { .. }
            | Self::Notify { .. } => None,
        }
    }

    /// The key of its effect. A counterparty's is shared by all deals that want it, a message's that lists several by all that it names.
    pub fn key(&self, portal: &PortalId, deal: DealId) -> EffectKey {
        let deal = deal.to_string();
        match self {
            Self::CreateCounterparty {
                organisation,
                counterparty,
            } => {
                let kpp = counterparty
                    .key
                    .kpp
                    .as_ref()
                    .map_or("-", |kpp| kpp.as_str());
                let who = counterparty.key.who.to_string();
                EffectKey::of(portal, ["counterparty", organisation.as_str(), &who, kpp])
            }
            Self::Notify {
                about,
                list: Some(list),
                ..
            } => EffectKey::of(portal, list_mark(about, list).split('/')),
            Self::Notify {
                edits: Some(message),
                ..
            } => EffectKey::of(portal, edit_mark(message).split('/')),
            Self::IssueInvoice { .. }
            | Self::WriteFields { .. }
            | Self::AddTimelineEntry { .. }
            | Self::AttachPdf { .. }
            | Self::MoveStage { .. }
            | Self::Notify { .. } => of_deal(portal, &deal, &self.mark()),
        }
    }

    /// The key of a timeline entry about that.
    pub(crate) fn entry_key(portal: &PortalId, deal: DealId, about: &str) -> EffectKey {
        of_deal(portal, &deal.to_string(), &entry_mark(about))
    }

    /// Whether it is done at most once for ever; otherwise only while an equal one is not settled.
    pub fn once(&self) -> bool {
        match self {
            Self::IssueInvoice { .. }
            | Self::AddTimelineEntry { .. }
            | Self::AttachPdf { .. }
            | Self::MoveStage { .. } => true,
            // The accountant may have made somebody else of a counterparty since, or deleted it.
            Self::CreateCounterparty { .. } | Self::WriteFields { .. } | Self::Notify { .. } => {
                false
            }
        }
    }

    /// The kind, for effects and the journal.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::CreateCounterparty { .. } => "create_counterparty",
            Self::IssueInvoice { .. } => "issue_invoice",
            Self::WriteFields { .. } => "write_fields",
            Self::AddTimelineEntry { .. } => "add_timeline_entry",
            Self::AttachPdf { .. } => "attach_pdf",
            Self::MoveStage { .. } => "move_stage",
            Self::Notify { .. } => "notify",
        }
    }
}

fn entry_mark(about: &str) -> String {
    format!("timeline/{about}")
}

fn edit_mark(message: &str) -> String {
    format!("message/{message}")
}

fn list_mark(about: &str, list: &List) -> String {
    let List {
        user,
        cause,
        number,
    } = list;
    format!("bells/{user}/{about}/{cause}/{number}")
}

fn of_deal(portal: &PortalId, deal: &str, mark: &str) -> EffectKey {
    EffectKey::of(portal, ["deal", deal].into_iter().chain(mark.split('/')))
}
