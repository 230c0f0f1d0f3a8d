//! The contract's types exactly as `docs/reference/kontur-accounting.openapi.yaml` spells them.
//!
//! Money, prices and quantities are decimal strings there and stay strings here; enumerations stay
//! strings too, because the reader has to tolerate values that are not listed. Only the fields that we
//! use are read. Nothing is interpreted here: see `translate.rs`.

use serde::{Deserialize, Serialize};

/// `Capabilities`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Capabilities {
    pub(crate) idempotency_key: IdempotencyKey,
    pub(crate) print_form: bool,
    pub(crate) change_feed: bool,
    pub(crate) payments: bool,
    /// The contract wants it; a service that leaves it out is told of and worked with.
    #[serde(default)]
    pub(crate) timing: Option<Timing>,
}

/// `Capabilities.timing`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Timing {
    pub(crate) effect_within_seconds: u64,
    pub(crate) list_lag_seconds: u64,
}

/// `Capabilities.idempotencyKey`.
#[derive(Debug, Deserialize)]
pub(crate) struct IdempotencyKey {
    pub(crate) supported: bool,
}

/// `OrganizationList`.
#[derive(Debug, Deserialize)]
pub(crate) struct OrganizationList {
    pub(crate) organizations: Vec<Organization>,
}

/// `Organization`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Organization {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) short_name: Option<String>,
    pub(crate) inn: Option<String>,
    pub(crate) kpp: Option<String>,
}

/// `BankAccountList`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BankAccountList {
    pub(crate) bank_accounts: Vec<BankAccount>,
}

/// `BankAccount`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BankAccount {
    pub(crate) id: String,
    pub(crate) account_number: String,
    pub(crate) is_main: bool,
    pub(crate) closed: bool,
}

/// `ContractorToSave`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ContractorToSave {
    pub(crate) name: String,
    pub(crate) short_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) inn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kpp: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ogrn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) comment: Option<String>,
}

/// `Contractor`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Contractor {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) short_name: Option<String>,
    pub(crate) inn: Option<String>,
    pub(crate) kpp: Option<String>,
    pub(crate) ogrn: Option<String>,
    pub(crate) address: Option<String>,
    pub(crate) comment: Option<String>,
    pub(crate) status: String,
}

impl Contractor {
    /// Not deleted: a document may be made out to it.
    pub(crate) fn is_active(&self) -> bool {
        self.status == "active"
    }
}

/// `ContractorSearch`.
#[derive(Debug, Serialize)]
pub(crate) struct ContractorSearch<'a> {
    pub(crate) offset: usize,
    pub(crate) limit: usize,
    pub(crate) filter: ContractorFilter<'a>,
}

/// `ContractorSearch.filter`.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct ContractorFilter<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) inn: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<&'a str>,
}

/// `ContractorsFound`. Contractors stay raw: one that cannot be read must not hide who is asked for.
#[derive(Debug, Deserialize)]
pub(crate) struct ContractorsFound {
    pub(crate) contractors: Vec<serde_json::Value>,
}

/// `BillToCreate`; without a number the service gives the next one.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BillToCreate {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) number: Option<String>,
    pub(crate) date: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) payment_due_date: Option<String>,
    pub(crate) with_nds: bool,
    pub(crate) sums_with_nds: bool,
    pub(crate) comment: String,
    pub(crate) contractor_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<Reason>,
    pub(crate) items: Vec<ItemToCreate>,
}

/// `Reason`: what a bill is based on. Its number and date stay in its name, as our side knows only the whole text.
#[derive(Debug, Serialize)]
pub(crate) struct Reason {
    pub(crate) name: String,
}

/// `ItemToCreate`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ItemToCreate {
    pub(crate) product_name: String,
    pub(crate) unit_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unit_code: Option<String>,
    pub(crate) quantity: String,
    pub(crate) price: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) discount_percent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) nds_rate: Option<&'static str>,
}

/// `Bill`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Bill {
    pub(crate) id: String,
    pub(crate) number: String,
    pub(crate) date: String,
    pub(crate) payment_due_date: Option<String>,
    pub(crate) status: String,
    pub(crate) with_nds: bool,
    pub(crate) sums_with_nds: bool,
    pub(crate) comment: Option<String>,
    pub(crate) created_by: Option<String>,
    pub(crate) contractor_id: String,
    pub(crate) contractor: Option<ContractorOfDocument>,
    pub(crate) items: Vec<Item>,
    pub(crate) sum_without_nds: String,
    pub(crate) sum_nds: String,
    pub(crate) sum: String,
    pub(crate) paid_sum: String,
    pub(crate) changed_at: String,
}

/// `ContractorOfDocument`: as it stood when the document was last saved.
#[derive(Debug, Deserialize)]
pub(crate) struct ContractorOfDocument {
    pub(crate) inn: Option<String>,
    pub(crate) kpp: Option<String>,
}

/// `Item`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Item {
    pub(crate) product_name: String,
    pub(crate) unit_name: String,
    pub(crate) unit_code: Option<String>,
    pub(crate) quantity: String,
    pub(crate) price: String,
    pub(crate) discount_percent: Option<String>,
    pub(crate) discount_sum: Option<String>,
    pub(crate) nds_rate: Option<String>,
    pub(crate) sum_without_nds: String,
    pub(crate) sum: String,
}

/// `BillPage`. Bills stay raw: one that somebody else made and that we cannot read must not hide ours.
#[derive(Debug, Deserialize)]
pub(crate) struct BillPage {
    pub(crate) bills: Vec<serde_json::Value>,
    pub(crate) next: Option<Next>,
}

/// `Next`: the parameters of the next page, to be passed on unchanged.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Next {
    pub(crate) changed_since: String,
    pub(crate) after_id: String,
}

/// `PaymentPage`. Payments stay raw: one that cannot be read must not hide the others.
#[derive(Debug, Deserialize)]
pub(crate) struct PaymentPage {
    pub(crate) payments: Vec<serde_json::Value>,
    pub(crate) next: Option<Next>,
}

/// `Payment`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Payment {
    pub(crate) id: String,
    pub(crate) number: Option<String>,
    pub(crate) date: String,
    pub(crate) direction: String,
    pub(crate) sum: String,
    pub(crate) counterparty: OtherSide,
    pub(crate) bank_account_id: Option<String>,
    pub(crate) purpose: String,
    pub(crate) allocations: Vec<Allocation>,
    pub(crate) status: String,
}

/// `Payment.counterparty`: as the bank wrote it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OtherSide {
    pub(crate) name: Option<String>,
    pub(crate) inn: Option<String>,
    pub(crate) kpp: Option<String>,
    pub(crate) account_number: Option<String>,
    pub(crate) bik: Option<String>,
}

/// `Allocation`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Allocation {
    pub(crate) bill_id: String,
    pub(crate) sum: String,
}

/// `ChangePage`. Changes stay raw: one that is no bill's must not stop those that are.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChangePage {
    pub(crate) changes: Vec<serde_json::Value>,
    pub(crate) next_offset: u64,
}

/// `Change` of a bill.
#[derive(Debug, Deserialize)]
pub(crate) struct Change {
    pub(crate) id: String,
}

/// `ErrorResponse`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ErrorResponse {
    pub(crate) error: Fault,
}

/// `Error`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Fault {
    pub(crate) code: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) target: Option<String>,
    pub(crate) details: Option<Vec<Fault>>,
    pub(crate) context: Option<Context>,
}

/// `Error.context`, as far as we use it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Context {
    pub(crate) existing_id: Option<String>,
}
