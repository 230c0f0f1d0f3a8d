//! How invoices are made: what a person may say about sums, units, VAT, contract and terms.

use std::collections::BTreeMap;

use domain::{CompanyId, UserId, VatRate};
use serde::{Deserialize, Serialize};

/// How invoices are made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InvoicePolicy {
    /// Whose PDF is put to the deal.
    pub attach: Attach,
    /// The file of our own paper's layout; none: the built-in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layout: Option<String>,
    /// The page of an invoice on the accounting side, with `{organisation}` and `{invoice}` in the places of the
    /// ids; it is shown on the deal. None: the deal shows no link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// If more invoices than this that nobody ordered would begin within a minute, the administrator is asked about the
    /// further ones first. 0: never.
    pub ask_above: u32,
    /// Seconds without an edit until a deal that was changed after its invoice is asked about.
    pub gather_seconds: u32,
    /// Days until the last day to pay, counted from the invoice's date; none: no due date. Where a text names this section
    /// and not these days, there are none: the default is what `setup` writes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_days: Option<u16>,
    /// Which days count.
    pub due_count: DueCount,
    /// A date field of the deal that goes before `due_days` where it is filled: `UF_CRM_…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due_field: Option<String>,
    /// Days on which the offer holds, counted from the invoice's date; none: no such date is printed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_days: Option<u16>,
    /// Which days count for that.
    pub valid_count: DueCount,
    /// A date field of the deal that goes before `valid_days` where it is filled: `UF_CRM_…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_field: Option<String>,
    /// A deal's field that says which of our organisations sells, by its id or title here, or as a company: `UF_CRM_…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seller_field: Option<String>,
    /// What an invoice must have beside what the law and the bank demand.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub demand: Vec<Demand>,
    /// Where the contract stands on the deal; it is printed as the basis.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contract: Option<Contract>,
    /// Which invoices people may have cancelled by an order in the deal.
    pub cancel: Cancel,
    /// Who may order it, by their ids on the portal; empty: whoever may edit the deal.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cancel_by: Vec<UserId>,
    /// Who enters a buyer that the accounting side does not know.
    pub new_buyers: NewBuyers,
    /// What becomes of a buyer without an INN.
    pub without_inn: WithoutInn,
    /// What an invoice of the portal's own is to a deal; none: the manager is asked, where the portal has any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smart_invoices: Option<SmartInvoices>,
    /// What an advance is; none: nobody may order one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advance: Option<Advance>,
    /// The one line of a deal that has an amount and no rows; none: a question.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub without_rows: Option<OwnLine>,
    /// The line for what the CRM's own sum has beyond rows whose prices hold their VAT; none: a question.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery: Option<OwnLine>,
    /// What a row without a rate means at a payer of VAT; what is not named here is a question.
    #[serde(skip_serializing_if = "NoRate::is_silent")]
    pub no_rate: NoRate,
    /// Units that the classifier lacks, by the portal's code or name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub units: BTreeMap<String, OwnUnit>,
    /// Own terms of buyers; they go before `due_days` and `valid_days`, and behind the deal's own dates.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub terms: Vec<Terms>,
}

impl Default for InvoicePolicy {
    fn default() -> Self {
        Self {
            attach: Attach::Provodka,
            layout: None,
            link: None,
            ask_above: 20,
            gather_seconds: 300,
            due_days: Some(5),
            due_count: DueCount::Calendar,
            due_field: None,
            valid_days: None,
            valid_count: DueCount::Calendar,
            valid_field: None,
            seller_field: None,
            demand: Vec::new(),
            contract: None,
            cancel: Cancel::Unpaid,
            cancel_by: Vec::new(),
            new_buyers: NewBuyers::Create,
            without_inn: WithoutInn::Fault,
            smart_invoices: None,
            advance: None,
            without_rows: None,
            delivery: None,
            no_rate: NoRate::default(),
            units: BTreeMap::new(),
            terms: Vec::new(),
        }
    }
}

/// Whose PDF is put to the deal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attach {
    /// Ours.
    Provodka,
    /// The accounting side's print form, where it has one.
    Accounting,
    /// None.
    Nothing,
}

/// Which invoices people may have cancelled by an order in the deal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cancel {
    /// Those of which nothing is paid.
    Unpaid,
    /// None.
    Never,
}

/// Who enters a buyer that the accounting side does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NewBuyers {
    /// We do.
    Create,
    /// The accountant is asked.
    Ask,
}

/// What becomes of a buyer without an INN: a person, or a foreigner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WithoutInn {
    /// The manager is asked for it.
    Fault,
    /// The buyer goes by the id of the portal's contact or company.
    OwnId,
}

/// What becomes of a deal that has an invoice of the portal's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SmartInvoices {
    /// The manager is asked before ours is issued.
    Ask,
    /// Ours bears the number of the only one, if that is for the same sum; else the manager is asked.
    Adopt,
    /// They are not looked at.
    Ignore,
}

/// Which days of a term count. A term that ends on a day off ends with the next working day (GK 193).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DueCount {
    /// All of them.
    Calendar,
    /// Those of the production calendar on which people work.
    Working,
}

/// What an invoice may have to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Demand {
    /// The contract's number.
    Contract,
    /// The buyer's address.
    BuyerAddress,
    /// The buyer's bank account.
    BuyerAccount,
}

/// Where the contract stands on the deal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// The field with its number: `UF_CRM_…`.
    pub number: String,
    /// The field with its date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// What it is called.
    #[serde(default = "contract")]
    pub title: String,
}

fn contract() -> String {
    "Договор".to_owned()
}

/// What an advance is: what the deal's fields say, else everybody's percentage.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Advance {
    /// Per cent of the deal's sum with VAT, 1 to 99.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent: Option<u8>,
    /// The deal's field with another percentage: `UF_CRM_…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent_field: Option<String>,
    /// The deal's field with the sum in roubles, VAT within; it goes before any percentage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sum_field: Option<String>,
}

/// A line that policy makes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnLine {
    /// As printed; `{deal}` becomes the deal's name.
    pub name: String,
    /// Its unit, one of the classifier or of `units`.
    pub unit: String,
    /// Its rate; the sum holds it.
    pub vat: VatRate,
}

/// What a row without a rate means at a payer of VAT.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NoRate {
    /// Rows that a person typed, of no product.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub free_rows: Option<VatRate>,
    /// Rows of products, by the portal's ids.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub products: BTreeMap<String, VatRate>,
}

impl NoRate {
    fn is_silent(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a payer may have rows that are without VAT.
    pub(crate) fn lets_go_without(&self) -> bool {
        let mut rates = self.free_rows.iter().chain(self.products.values());
        rates.any(|rate| *rate == VatRate::Without)
    }

    /// What is said of rows of this product.
    pub(crate) fn of(&self, product: Option<u64>) -> Option<VatRate> {
        match product {
            Some(id) => self.products.get(&id.to_string()).copied(),
            None => self.free_rows,
        }
    }
}

/// What the portal's unit is on an invoice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnUnit {
    /// Its code in the classifier; services have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub okei: Option<String>,
    /// As printed.
    pub name: String,
}

/// A buyer's own terms; what they do not say is as everybody's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// The company on the portal.
    pub company: CompanyId,
    /// Its days to pay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_days: Option<u16>,
    /// Which days count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_count: Option<DueCount>,
    /// Days on which an offer to it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_days: Option<u16>,
    /// Which days count for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_count: Option<DueCount>,
}

impl InvoicePolicy {
    /// The portal's own fields of deals that are read for us.
    pub(crate) fn deal_fields(&self) -> impl Iterator<Item = &str> {
        let contract = self.contract.as_ref();
        let advance = self.advance.as_ref();
        [
            advance.and_then(|advance| advance.percent_field.as_deref()),
            advance.and_then(|advance| advance.sum_field.as_deref()),
            self.due_field.as_deref(),
            self.valid_field.as_deref(),
            self.seller_field.as_deref(),
            contract.map(|contract| contract.number.as_str()),
            contract.and_then(|contract| contract.date.as_deref()),
        ]
        .into_iter()
        .flatten()
    }

    pub(crate) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if let Some(link) = &self.link
            && !(link.starts_with("https://") || link.starts_with("http://"))
        {
            faults.push(format!("`invoice.link`: `{link}` is no address of a page"));
        }
        for name in self.deal_fields() {
            if !name.starts_with("UF_") {
                faults.push(format!(
                    "`invoice`: `{name}` is no custom field of deals, its name begins with `UF_`"
                ));
            }
        }
        if self.demand.contains(&Demand::Contract) && self.contract.is_none() {
            faults.push(
                "`invoice.demand` has `contract`, and `invoice.contract` names no field".to_owned(),
            );
        }
        if self.cancel == Cancel::Never && !self.cancel_by.is_empty() {
            faults.push(
                "`invoice.cancel_by` names people, and by `invoice.cancel` nobody may".to_owned(),
            );
        }
        if let Some(advance) = &self.advance {
            if advance
                .percent
                .is_some_and(|percent| !(1..=99).contains(&percent))
            {
                faults.push("`invoice.advance.percent` must be 1 to 99".to_owned());
            }
            if *advance == Advance::default() {
                faults.push("`invoice.advance` says neither a percentage nor a field".to_owned());
            }
        }
        for (key, line) in [
            ("without_rows", &self.without_rows),
            ("delivery", &self.delivery),
        ] {
            let Some(line) = line else { continue };
            if line.name.trim().is_empty() {
                faults.push(format!("`invoice.{key}.name` is empty"));
            }
            if line.vat == VatRate::NotStated {
                faults.push(format!("`invoice.{key}.vat` must be a rate or `none`"));
            }
            if crate::units::named(&line.unit, &self.units).is_none() {
                faults.push(format!(
                    "`invoice.{key}.unit`: `{}` is no unit of the classifier nor of `invoice.units`",
                    line.unit
                ));
            }
        }
        for own in &self.terms {
            if own.due_days.is_none() && own.valid_days.is_none() {
                faults.push(format!(
                    "`invoice.terms` of company {} says neither `due_days` nor `valid_days`",
                    own.company
                ));
            }
        }
        let rates = self.no_rate.free_rows.iter();
        if rates
            .chain(self.no_rate.products.values())
            .any(|rate| *rate == VatRate::NotStated)
        {
            faults
                .push("`invoice.no_rate`: a rate or `none` is needed, not `not_stated`".to_owned());
        }
        for (name, unit) in &self.units {
            let is_wrong = |code: &String| !domain::unit::is_okei(code);
            if let Some(code) = unit.okei.as_ref().filter(|code| is_wrong(code)) {
                faults.push(format!(
                    "`invoice.units.{name}.okei`: no code `{code}` of OKEI is known"
                ));
            }
            if unit.name.trim().is_empty() {
                faults.push(format!("`invoice.units.{name}.name` is empty"));
            }
        }
        faults
    }
}
