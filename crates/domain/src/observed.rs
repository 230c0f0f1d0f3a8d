//! What is observed of a deal and of a counterparty, as a connector hands it over and the planner reads it.
//!
//! Values that a person typed (INN, KPP, account) stay text here: the planner judges them and names
//! each fault with the place to mend it. Values that the remote vouches for are typed. No wire
//! names: those stay in the connectors.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{
    BankDetailId, CompanyId, ContactId, ContractorId, Counterparty, Deal, DealId, FunnelId, Money,
    Order, Price, Quantity, RequisiteId, SmartInvoiceId, StageId, VatRate,
};

/// A cheap look at a deal: enough to tell whether there is anything to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DealGlance {
    /// The deal's own fields.
    pub deal: Deal,
    /// What stands in our custom fields.
    pub fields: OurFields,
    /// What stands in the portal's own fields that policy names, by their names; empty ones are left out.
    #[serde(default)]
    pub named: BTreeMap<String, String>,
}

/// Our custom fields on a deal. All but `Command` and `Promise` are output only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OurField {
    /// The invoice's number.
    Number,
    /// Its date.
    Date,
    /// Its state in words.
    Status,
    /// Where to open it.
    Link,
    /// Its total.
    Sum,
    /// What is paid of it.
    Paid,
    /// The day on which it was paid in full.
    PaidOn,
    /// Input: the day until which the buyer promised to pay.
    Promise,
    /// Input: what the manager wants done.
    Command,
}

/// What a person may order in [`OurField::Command`]: the items of the list that `setup` makes.
pub const ORDERS: [&str; 7] = [
    Order::Issue.in_russian(),
    Order::Reissue.in_russian(),
    Order::Advance.in_russian(),
    Order::Rest.in_russian(),
    Order::Additional.in_russian(),
    Order::Cancel.in_russian(),
    Order::Leave.in_russian(),
];

/// The values of our custom fields as they stand on the deal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OurFields {
    /// [`OurField::Number`].
    pub number: Option<String>,
    /// [`OurField::Date`].
    pub date: Option<Date>,
    /// [`OurField::Status`].
    pub status: Option<String>,
    /// [`OurField::Link`].
    pub link: Option<String>,
    /// [`OurField::Sum`].
    pub sum: Option<Money>,
    /// [`OurField::Paid`].
    #[serde(default)]
    pub paid: Option<Money>,
    /// [`OurField::PaidOn`].
    #[serde(default)]
    pub paid_on: Option<Date>,
    /// [`OurField::Promise`].
    #[serde(default)]
    pub promise: Option<Date>,
    /// [`OurField::Command`].
    pub command: Option<String>,
}

impl OurFields {
    /// Takes a value over as if it had been read.
    pub fn set(&mut self, field: OurField, value: &FieldValue) {
        let text = match value {
            FieldValue::Text(text) => Some(text.clone()),
            FieldValue::Date(_) | FieldValue::Money(_) | FieldValue::Empty => None,
        };
        let day = match value {
            FieldValue::Date(day) => Some(*day),
            FieldValue::Text(_) | FieldValue::Money(_) | FieldValue::Empty => None,
        };
        let amount = match value {
            FieldValue::Money(amount) => Some(*amount),
            FieldValue::Text(_) | FieldValue::Date(_) | FieldValue::Empty => None,
        };
        match field {
            OurField::Number => self.number = text,
            OurField::Status => self.status = text,
            OurField::Link => self.link = text,
            OurField::Command => self.command = text,
            OurField::Date => self.date = day,
            OurField::PaidOn => self.paid_on = day,
            OurField::Promise => self.promise = day,
            OurField::Sum => self.sum = amount,
            OurField::Paid => self.paid = amount,
        }
    }
}

/// An invoice of the portal's own that belongs to a deal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SmartInvoice {
    /// Its id.
    pub id: SmartInvoiceId,
    /// Of which deal.
    pub deal: DealId,
    /// Its number, as people see it.
    pub number: String,
    /// Not in a stage of those that came to nothing.
    pub live: bool,
    /// What it is for, where that is roubles.
    pub amount: Option<Money>,
    /// Which of the own companies sells, where the portal says so.
    #[serde(default)]
    pub seller: Option<CompanyId>,
    /// To which company.
    #[serde(default)]
    pub company: Option<CompanyId>,
    /// To which contact.
    #[serde(default)]
    pub contact: Option<ContactId>,
}

/// A value of an output field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldValue {
    /// Text.
    Text(String),
    /// A day.
    Date(Date),
    /// Roubles.
    Money(Money),
    /// Nothing; clears the field.
    Empty,
}

/// The whole look at a deal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DealReading {
    /// The cheap look, of the same moment.
    pub glance: DealGlance,
    /// Stages it entered, oldest first.
    pub history: Vec<StageEntry>,
    /// Product rows in the deal's order.
    pub rows: Vec<ProductRow>,
    /// Requisites of the deal's company and of its primary contact, in the portal's order.
    pub requisites: Vec<Requisite>,
    /// What a person chose in the deal.
    pub chosen: ChosenRequisites,
    /// The company's title, for messages to people; none of a company that we may not read.
    pub company_title: Option<String>,
    /// The contact's name, of a deal without a company; where policy wants it, and of a contact without requisites. Then none
    /// says that we may not read it.
    #[serde(default)]
    pub contact_name: Option<String>,
}

/// A stage that a deal entered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageEntry {
    /// In which funnel.
    pub funnel: FunnelId,
    /// Which stage.
    pub stage: StageId,
    /// When.
    pub at: Timestamp,
}

/// A product row of a deal. The portal's derived prices drift by a kopeck, so only these are taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductRow {
    /// The portal's id of the product; none for a row that a person typed freely.
    #[serde(default)]
    pub product: Option<u64>,
    /// As it will stand on the invoice.
    pub name: String,
    /// How much.
    pub quantity: Quantity,
    /// A unit's price after discount; with VAT if `vat_included`, else without.
    pub price: Price,
    /// Whether `price` holds the VAT.
    pub vat_included: bool,
    /// The rate.
    pub vat: RowVat,
    /// OKEI code of the unit.
    pub unit_code: Option<String>,
    /// The unit's name.
    pub unit_name: Option<String>,
}

/// The VAT rate of a product row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RowVat {
    /// A rate that the law knows, or "without VAT".
    Known(VatRate),
    /// A percentage that no law knows.
    Strange(String),
}

/// Requisites as people typed them; an empty text is a missing value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requisite {
    /// The portal's id.
    pub id: RequisiteId,
    /// Whose.
    pub owner: Owner,
    /// Short name of an organisation, or a person's full name.
    pub name: String,
    /// Full name of an organisation.
    pub full_name: String,
    /// INN.
    pub inn: String,
    /// KPP.
    pub kpp: String,
    /// OGRN or OGRNIP.
    pub ogrn: String,
    /// Head of the organisation.
    pub director: String,
    /// Chief accountant.
    pub accountant: String,
    /// Legal address in one line.
    pub address: String,
    /// A record that holds an address and nothing else.
    pub address_only: bool,
    /// Its bank details, in the portal's order.
    pub banks: Vec<BankDetail>,
}

/// Whose a requisite is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Owner {
    /// A company's.
    Company(CompanyId),
    /// A contact's.
    Contact(ContactId),
}

/// A bank account as people typed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BankDetail {
    /// The portal's id.
    pub id: BankDetailId,
    /// The bank's name.
    pub bank_name: String,
    /// BIK.
    pub bik: String,
    /// Settlement account.
    pub account: String,
    /// Correspondent account.
    pub correspondent: String,
}

/// Requisites that a person chose in the deal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChosenRequisites {
    /// The buyer's.
    pub buyer: Option<RequisiteId>,
    /// Ours.
    pub seller: Option<RequisiteId>,
    /// Our account.
    pub seller_bank: Option<BankDetailId>,
}

/// One of our own legal entities on the portal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnCompany {
    /// The portal's id.
    pub id: CompanyId,
    /// Its title.
    pub title: String,
    /// Its requisites.
    pub requisites: Vec<Requisite>,
}

/// A counterparty that the accounting side knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownCounterparty {
    /// Its id there.
    pub id: ContractorId,
    /// What is known of it.
    pub counterparty: Counterparty,
}

/// A record of the portal that a change may concern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "id")]
pub enum Record {
    /// A deal.
    Deal(DealId),
    /// A company.
    Company(CompanyId),
    /// A contact.
    Contact(ContactId),
    /// A requisite.
    Requisite(RequisiteId),
    /// A bank detail.
    BankDetail(BankDetailId),
}

/// Whose a requisite or a bank detail is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordOwner {
    /// The requisite or bank detail.
    pub record: Record,
    /// The company or contact behind it; none when the record is gone.
    pub owner: Option<Record>,
}
