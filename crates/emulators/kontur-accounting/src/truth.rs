//! What really happened, for the judges of the demo and the tests alone: no connector can ask it.

use std::collections::BTreeMap;
use std::sync::Arc;

use emulator_harness::FaultKind;
use jiff::Timestamp;

use crate::id::Id;
use crate::records::{Bill, ClosingDocument, Contractor, Payment, Product};

/// Everything the service holds and all that was asked of it.
#[derive(Clone, Debug, Default)]
pub struct Truth {
    pub organizations: BTreeMap<Id, TruthOfOrganization>,
    /// Every API request, in the order in which it was looked at.
    pub requests: Vec<RequestSeen>,
}

/// The newest version of each record, deleted ones included, in the order of creation.
#[derive(Clone, Debug, Default)]
pub struct TruthOfOrganization {
    pub contractors: Vec<Arc<Contractor>>,
    pub products: Vec<Arc<Product>>,
    pub bills: Vec<Arc<Bill>>,
    pub payments: Vec<Arc<Payment>>,
    pub acts: Vec<Arc<ClosingDocument>>,
    pub universal_transfer_documents: Vec<Arc<ClosingDocument>>,
    /// All versions of each bill, oldest first, in the order of creation.
    pub bill_versions: Vec<Vec<Arc<Bill>>>,
    /// Every change ever made, in order.
    pub changes: Vec<Change>,
}

impl Truth {
    /// All bills of all organisations, deleted ones included.
    pub fn bills(&self) -> impl Iterator<Item = &Arc<Bill>> {
        self.organizations.values().flat_map(|own| own.bills.iter())
    }

    /// Bills that are neither cancelled nor rejected nor deleted and hold `mark` in the comment.
    pub fn live_bills_marked(&self, mark: &str) -> Vec<&Arc<Bill>> {
        let holds_mark = |bill: &Bill| bill.comment.as_deref().is_some_and(|c| c.contains(mark));
        self.bills()
            .filter(|bill| bill.is_live() && holds_mark(bill))
            .collect()
    }

    /// How often an operation of the contract (such as `createBill`) was asked for.
    pub fn asked(&self, operation: &str) -> usize {
        let requests = self.requests.iter();
        requests.filter(|seen| seen.operation == operation).count()
    }
}

/// One request to the API.
#[derive(Clone, Debug)]
pub struct RequestSeen {
    pub at: Timestamp,
    /// `operationId` of the contract.
    pub operation: &'static str,
    pub path: String,
    pub fault: Option<FaultKind>,
    /// What the service itself answered; `None` when the request never reached it.
    pub status: Option<u16>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RecordKind {
    Contractor,
    Product,
    Bill,
    Payment,
    Act,
    UniversalTransferDocument,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    Created,
    Changed,
    Deleted,
}

/// Who made a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Api,
    Person,
}

/// One entry of the change feed, with what the feed does not tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub offset: u64,
    pub kind: RecordKind,
    pub id: Id,
    pub change: ChangeKind,
    pub at: Timestamp,
    pub revision: u64,
    pub who: Who,
}

impl RecordKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Contractor => "contractor",
            Self::Product => "product",
            Self::Bill => "bill",
            Self::Payment => "payment",
            Self::Act => "act",
            Self::UniversalTransferDocument => "universalTransferDocument",
        }
    }
}

impl ChangeKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Changed => "changed",
            Self::Deleted => "deleted",
        }
    }
}
