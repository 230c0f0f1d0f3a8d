//! The records of an organisation as the service keeps them. They are public for the judges of
//! the demo and of the tests; how they are written on the wire is `replies.rs`.

use jiff::Timestamp;
use jiff::civil::Date;

use crate::amount::{Kopecks, Millionths, NdsRate, Percent};
use crate::id::Id;
use crate::truth::RecordKind;

/// What every record carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    pub id: Id,
    pub created_by: CreatedBy,
    pub created_at: Timestamp,
    pub changed_at: Timestamp,
    pub revision: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreatedBy {
    Api,
    Person,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordState {
    Active,
    Deleted,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contractor {
    pub meta: Meta,
    pub state: RecordState,
    pub name: String,
    pub short_name: Option<String>,
    pub inn: Option<String>,
    pub kpp: Option<String>,
    pub ogrn: Option<String>,
    pub address: Option<String>,
    pub post_address: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub comment: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProductKind {
    Product,
    Service,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    pub meta: Meta,
    pub state: RecordState,
    pub name: String,
    pub kind: ProductKind,
    pub unit_name: String,
    pub unit_code: Option<String>,
    pub article: Option<String>,
    pub price: Option<Millionths>,
    pub nds_rate: Option<NdsRate>,
}

/// What a document is based on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    pub name: String,
    pub number: Option<String>,
    pub date: Option<Date>,
}

/// The contractor as it stood when the document was saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContractorOfDocument {
    pub name: String,
    pub inn: Option<String>,
    pub kpp: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub id: Id,
    pub product_id: Option<Id>,
    /// Only in universal transfer documents.
    pub product_kind: Option<ProductKind>,
    pub product_name: String,
    pub unit_name: String,
    pub unit_code: Option<String>,
    pub quantity: Millionths,
    pub price: Millionths,
    pub(crate) discount_percent: Option<Percent>,
    pub discount_sum: Option<Kopecks>,
    pub nds_rate: NdsRate,
    pub sum_without_nds: Kopecks,
    pub sum_nds: Kopecks,
    pub sum: Kopecks,
}

/// What a person or the API made of a bill; whether it is paid or overdue is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BillState {
    Open,
    Rejected,
    Cancelled,
    Deleted,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bill {
    pub meta: Meta,
    pub state: BillState,
    pub number: String,
    pub date: Date,
    pub payment_due_date: Option<Date>,
    pub with_nds: bool,
    pub sums_with_nds: bool,
    pub comment: Option<String>,
    pub contractor_id: Id,
    pub contractor: ContractorOfDocument,
    pub bank_account_id: Option<Id>,
    pub reason: Option<Reason>,
    pub items: Vec<Item>,
    pub sum_without_nds: Kopecks,
    pub sum_nds: Kopecks,
    pub sum: Kopecks,
    pub paid_sum: Kopecks,
    /// A person said that it is paid, by no payment.
    pub marked_paid: bool,
}

impl Bill {
    /// Neither cancelled nor rejected nor deleted.
    pub fn is_live(&self) -> bool {
        self.state == BillState::Open
    }

    /// The status as the contract spells it.
    pub fn status(&self, today: Date) -> &'static str {
        match self.state {
            BillState::Rejected => "rejected",
            BillState::Cancelled => "cancelled",
            BillState::Deleted => "deleted",
            BillState::Open if self.marked_paid || self.is_paid_by_payments() => "paid",
            BillState::Open if self.payment_due_date.is_some_and(|due| due < today) => "overdue",
            BillState::Open if self.paid_sum.0 > 0 => "partiallyPaid",
            BillState::Open => "notPaid",
        }
    }

    fn is_paid_by_payments(&self) -> bool {
        self.paid_sum >= self.sum && self.paid_sum.0 > 0
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Incoming,
    Outgoing,
}

/// The other side of a payment as the bank wrote it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payer {
    pub name: Option<String>,
    pub inn: Option<String>,
    pub kpp: Option<String>,
    pub account_number: Option<String>,
    pub bik: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allocation {
    pub bill_id: Id,
    pub sum: Kopecks,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    pub meta: Meta,
    pub state: RecordState,
    pub number: Option<String>,
    pub date: Date,
    pub direction: Direction,
    pub sum: Kopecks,
    pub contractor_id: Option<Id>,
    pub payer: Payer,
    pub bank_account_id: Option<Id>,
    pub purpose: String,
    pub allocations: Vec<Allocation>,
}

impl Payment {
    pub fn allocated(&self) -> Kopecks {
        Kopecks(self.allocations.iter().map(|a| a.sum.0).sum())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentKind {
    Act,
    UniversalTransferDocument,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentState {
    Active,
    Cancelled,
    Deleted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signature {
    NotSent,
    Sent,
    Signed,
    Rejected,
    Revoked,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UtdStatus {
    Status1,
    Status2,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosingDocument {
    pub meta: Meta,
    pub kind: DocumentKind,
    /// Only with universal transfer documents.
    pub utd_status: Option<UtdStatus>,
    pub state: DocumentState,
    pub signature: Signature,
    pub number: String,
    pub date: Date,
    pub with_nds: bool,
    pub sums_with_nds: bool,
    pub comment: Option<String>,
    pub contractor_id: Id,
    pub contractor: ContractorOfDocument,
    pub bill_id: Option<Id>,
    pub reason: Option<Reason>,
    pub items: Vec<Item>,
    pub sum_without_nds: Kopecks,
    pub sum_nds: Kopecks,
    pub sum: Kopecks,
}

/// What the shelves need to know of a record.
pub(crate) trait Record: Clone {
    fn meta(&self) -> &Meta;
    fn meta_mut(&mut self) -> &mut Meta;
    fn kind(&self) -> RecordKind;
    fn is_deleted(&self) -> bool;
    /// The year and the number in it, of what is numbered by years.
    fn number_of_year(&self) -> Option<(i16, &str)>;
}

macro_rules! record {
    ($type:ty, |$record:ident| $kind:expr, $deleted:expr, |$numbered:ident| $number:expr) => {
        impl Record for $type {
            fn meta(&self) -> &Meta {
                &self.meta
            }

            fn meta_mut(&mut self) -> &mut Meta {
                &mut self.meta
            }

            fn kind(&self) -> RecordKind {
                let $record = self;
                $kind
            }

            fn is_deleted(&self) -> bool {
                self.state == $deleted
            }

            fn number_of_year(&self) -> Option<(i16, &str)> {
                let $numbered = self;
                $number
            }
        }
    };
}

record!(
    Contractor,
    |_r| RecordKind::Contractor,
    RecordState::Deleted,
    |_r| None
);
record!(
    Product,
    |_r| RecordKind::Product,
    RecordState::Deleted,
    |_r| None
);
record!(Bill, |_r| RecordKind::Bill, BillState::Deleted, |r| Some((
    r.date.year(),
    &r.number
)));
record!(
    Payment,
    |_r| RecordKind::Payment,
    RecordState::Deleted,
    |_r| None
);
record!(
    ClosingDocument,
    |r| match r.kind {
        DocumentKind::Act => RecordKind::Act,
        DocumentKind::UniversalTransferDocument => RecordKind::UniversalTransferDocument,
    },
    DocumentState::Deleted,
    |r| Some((r.date.year(), &r.number))
);
