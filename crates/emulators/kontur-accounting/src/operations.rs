//! The operations of the contract: where they live and what each does to the books.

use std::sync::Arc;

use axum::routing::MethodFilter;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::book::{Book, Stamp};
use crate::config::Settings;
use crate::id::Id;
use crate::print_form::PrintForm;
use crate::problem::{Fault, Problem};
use crate::records::{BillState, DocumentKind, DocumentState};
use crate::replies;
use crate::shelf::PageWanted;

/// An operation of the contract; `name` is its `operationId`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    pub(crate) verb: Verb,
    pub(crate) path: &'static str,
    pub(crate) action: Action,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    Post,
    Put,
}

/// What an operation does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Action {
    Capabilities,
    Organizations,
    InBook(InBook),
}

/// An operation on one organisation.
pub(crate) type InBook = fn(&mut Book, &Asked<'_>) -> Result<Reply, Problem>;

/// One request as an operation sees it.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) id: Option<&'a str>,
    pub(crate) query: &'a [(String, String)],
    pub(crate) body: &'a Value,
    pub(crate) stamp: Stamp,
    pub(crate) settings: &'a Settings,
}

/// A 2xx answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: ReplyBody,
    /// The id of what was created, for `Location`.
    pub(crate) created: Option<Id>,
    pub(crate) retry_after: Option<u64>,
}

#[derive(Clone, Debug)]
pub(crate) enum ReplyBody {
    Json(Value),
    Pdf {
        file_name: String,
        bytes: Arc<Vec<u8>>,
    },
    Empty,
}

const ORGANIZATION: &str = "/v1/organizations/{organizationId}";

macro_rules! operations {
    ($($name:literal $verb:ident $path:literal => $action:expr;)*) => {
        /// All operations of the contract.
        pub(crate) const OPERATIONS: &[Operation] = &[$(Operation {
            name: $name,
            verb: Verb::$verb,
            path: $path,
            action: $action,
        },)*];
    };
}

use Action::InBook as In;

operations! {
    "getCapabilities" Get "/v1/capabilities" => Action::Capabilities;
    "listOrganizations" Get "/v1/organizations" => Action::Organizations;
    "listBankAccounts" Get "/bank-accounts" => In(bank_accounts);
    "listContractors" Get "/contractors" => In(|book, asked| {
        let page = book.contractors.page(asked.page()?, |_| true);
        Ok(Reply::json(replies::page("contractors", &page, replies::contractor)))
    });
    "createContractor" Post "/contractors" => In(|book, asked| {
        let made = book.create_contractor(asked.body, asked.stamp)?;
        Ok(Reply::created(made.meta.id, replies::contractor(&made)))
    });
    "searchContractors" Post "/contractors/search" => In(|book, asked| {
        let found = book.search_contractors(asked.body)?;
        let written: Vec<Value> = found.iter().map(|c| replies::contractor(c)).collect();
        Ok(Reply::json(json!({"contractors": written})))
    });
    "getContractor" Get "/contractors/{id}" => In(|book, asked| {
        let id = asked.id("Контрагент", "contractorId")?;
        Ok(Reply::json(replies::contractor(&*book.contractor(id)?)))
    });
    "updateContractor" Post "/contractors/{id}/update" => In(|book, asked| {
        let id = asked.id("Контрагент", "contractorId")?;
        let changed = book.update_contractor(id, asked.body, asked.stamp)?;
        Ok(Reply::json(replies::contractor(&changed)))
    });
    "listProducts" Get "/products" => In(|book, asked| {
        let page = book.products.page(asked.page()?, |_| true);
        Ok(Reply::json(replies::page("products", &page, replies::product)))
    });
    "createProduct" Post "/products" => In(|book, asked| {
        let made = book.create_product(asked.body, asked.stamp)?;
        Ok(Reply::created(made.meta.id, replies::product(&made)))
    });
    "searchProducts" Post "/products/search" => In(|book, asked| {
        let found = book.search_products(asked.body)?;
        let written: Vec<Value> = found.iter().map(|p| replies::product(p)).collect();
        Ok(Reply::json(json!({"products": written})))
    });
    "getProduct" Get "/products/{id}" => In(|book, asked| {
        let id = asked.id("Товар", "productId")?;
        Ok(Reply::json(replies::product(&*book.product(id)?)))
    });
    "updateProduct" Post "/products/{id}/update" => In(|book, asked| {
        let id = asked.id("Товар", "productId")?;
        let changed = book.update_product(id, asked.body, asked.stamp)?;
        Ok(Reply::json(replies::product(&changed)))
    });
    "listBills" Get "/bills" => In(list_bills);
    "createBill" Post "/bills" => In(|book, asked| {
        let made = book.create_bill(asked.body, asked.stamp)?;
        let today = book.today(asked.stamp.now);
        Ok(Reply::created(made.meta.id, replies::bill(&made, today)))
    });
    "getBill" Get "/bills/{id}" => In(|book, asked| {
        let bill = book.bill(asked.id("Счёт", "billId")?)?;
        Ok(Reply::json(replies::bill(&bill, book.today(asked.stamp.now))))
    });
    "getBillPrintForm" Get "/bills/{id}/print-form" => In(bill_print_form);
    "cancelBill" Post "/bills/{id}/cancel" => In(|book, asked| {
        let id = asked.id("Счёт", "billId")?;
        let bill = book.cancel_bill(id, asked.body, asked.stamp)?;
        Ok(Reply::json(replies::bill(&bill, book.today(asked.stamp.now))))
    });
    "listPayments" Get "/payments" => In(|book, asked| {
        let page = book.payments.page(asked.page()?, |_| true);
        Ok(Reply::json(replies::page("payments", &page, replies::payment)))
    });
    "getPayment" Get "/payments/{id}" => In(|book, asked| {
        let id = asked.id("Платёж", "paymentId")?;
        Ok(Reply::json(replies::payment(&*book.payment(id)?)))
    });
    "setAllocations" Put "/payments/{id}/allocations" => In(|book, asked| {
        let id = asked.id("Платёж", "paymentId")?;
        let payment = book.set_allocations(id, asked.body, asked.stamp)?;
        Ok(Reply::json(replies::payment(&payment)))
    });
    "listActs" Get "/acts" => In(|book, asked| list_closing(book, asked, DocumentKind::Act, "acts"));
    "createAct" Post "/acts" => In(|book, asked| create_closing(book, asked, DocumentKind::Act));
    "getAct" Get "/acts/{id}" => In(|book, asked| get_closing(book, asked, DocumentKind::Act));
    "getActPrintForm" Get "/acts/{id}/print-form" =>
        In(|book, asked| closing_print_form(book, asked, DocumentKind::Act));
    "listUniversalTransferDocuments" Get "/universal-transfer-documents" =>
        In(|book, asked| list_closing(book, asked, UTD, "universalTransferDocuments"));
    "createUniversalTransferDocument" Post "/universal-transfer-documents" =>
        In(|book, asked| create_closing(book, asked, UTD));
    "getUniversalTransferDocument" Get "/universal-transfer-documents/{id}" =>
        In(|book, asked| get_closing(book, asked, UTD));
    "getUniversalTransferDocumentPrintForm" Get "/universal-transfer-documents/{id}/print-form" =>
        In(|book, asked| closing_print_form(book, asked, UTD));
    "listChanges" Get "/changes" => In(changes);
}

const UTD: DocumentKind = DocumentKind::UniversalTransferDocument;

impl Operation {
    /// The whole path as the router wants it.
    pub(crate) fn route(&self) -> String {
        match self.action {
            Action::InBook(_) => format!("{ORGANIZATION}{}", self.path),
            Action::Capabilities | Action::Organizations => self.path.to_owned(),
        }
    }

    /// Whether `Idempotency-Key` means something to it.
    pub(crate) fn takes_key(&self) -> bool {
        self.verb == Verb::Post
    }
}

impl Verb {
    pub(crate) fn filter(self) -> MethodFilter {
        match self {
            Self::Get => MethodFilter::GET,
            Self::Post => MethodFilter::POST,
            Self::Put => MethodFilter::PUT,
        }
    }
}

impl Reply {
    pub(crate) fn json(body: Value) -> Self {
        Self {
            status: 200,
            body: ReplyBody::Json(body),
            created: None,
            retry_after: None,
        }
    }

    fn created(id: Id, body: Value) -> Self {
        Self {
            status: 201,
            created: Some(id),
            ..Self::json(body)
        }
    }
}

impl Asked<'_> {
    /// The id of the path; a text that is no id names nothing.
    fn id(&self, what: &str, target: &str) -> Result<Id, Problem> {
        let id = self.id.and_then(|id| id.parse().ok());
        id.ok_or_else(|| Problem::not_found(what, target))
    }

    pub(crate) fn wanted(&self, name: &str) -> Option<&str> {
        let mut query = self.query.iter();
        let found = query.find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn number(
        &self,
        name: &str,
        range: (u64, u64),
        default: u64,
    ) -> Result<u64, Problem> {
        let Some(text) = self.wanted(name) else {
            return Ok(default);
        };
        let number = text.parse().ok();
        let fits = number.filter(|number| (range.0..=range.1).contains(number));
        fits.ok_or_else(|| {
            let message = format!("Нужно целое число от {} до {}", range.0, range.1);
            query_fault("outOfRange", name, message)
        })
    }

    /// Changes later than this moment are not in lists and feed yet.
    fn seen_until(&self) -> Timestamp {
        let lag = i64::try_from(self.settings.list_lag_ms).unwrap_or(i64::MAX);
        let now = self.stamp.now;
        now.checked_sub(SignedDuration::from_millis(lag))
            .unwrap_or(Timestamp::MIN)
    }

    fn page(&self) -> Result<PageWanted, Problem> {
        let since = self.wanted("changedSince").map(|text| {
            let moment = text.parse().ok();
            moment.ok_or_else(|| {
                let message = format!("Нужен момент вида 2026-03-12T09:00:00Z, а не «{text}»");
                query_fault("invalidDate", "changedSince", message)
            })
        });
        let after = self.wanted("afterId").map(|text| {
            let id = text.parse().ok();
            id.ok_or_else(|| query_fault("wrongType", "afterId", "Нужен UUID".to_owned()))
        });
        if after.is_some() && since.is_none() {
            let message = "afterId указывают вместе с changedSince".to_owned();
            return Err(query_fault("required", "changedSince", message));
        }
        let limit = self.number("limit", (1, 500), 100)?;
        Ok(PageWanted {
            since: since.transpose()?,
            after: after.transpose()?,
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
            seen_until: self.seen_until(),
        })
    }
}

fn query_fault(code: &'static str, name: &str, message: String) -> Problem {
    Problem::invalid(vec![Fault {
        code,
        message,
        target: Some(name.to_owned()),
    }])
}

fn bank_accounts(book: &mut Book, _asked: &Asked<'_>) -> Result<Reply, Problem> {
    let mut accounts: Vec<_> = book.organization.bank_accounts.iter().collect();
    accounts.sort_by_key(|account| !account.is_main);
    let written: Vec<Value> = accounts.into_iter().map(replies::bank_account).collect();
    Ok(Reply::json(json!({"bankAccounts": written})))
}

fn list_bills(book: &mut Book, asked: &Asked<'_>) -> Result<Reply, Problem> {
    let contractor = asked.wanted("contractorId").map(|text| {
        let id: Result<Id, _> = text.parse();
        id.map_err(|_| query_fault("wrongType", "contractorId", "Нужен UUID".to_owned()))
    });
    let contractor = contractor.transpose()?;
    let number = asked.wanted("number");
    let page = book.bills.page(asked.page()?, |bill| {
        contractor.is_none_or(|id| bill.contractor_id == id)
            && number.is_none_or(|number| bill.number == number)
    });
    let today = book.today(asked.stamp.now);
    let written = replies::page("bills", &page, |bill| replies::bill(bill, today));
    Ok(Reply::json(written))
}

fn bill_print_form(book: &mut Book, asked: &Asked<'_>) -> Result<Reply, Problem> {
    let bill = book.bill(asked.id("Счёт", "billId")?)?;
    if bill.state == BillState::Deleted {
        return Err(no_print_form("billId"));
    }
    let form = PrintForm::of_bill(&book.organization, &bill);
    Ok(print_form(form, bill.meta.changed_at, asked))
}

fn list_closing(
    book: &mut Book,
    asked: &Asked<'_>,
    kind: DocumentKind,
    name: &str,
) -> Result<Reply, Problem> {
    let page = book.closing(kind).page(asked.page()?, |_| true);
    Ok(Reply::json(replies::page(name, &page, replies::closing)))
}

fn create_closing(
    book: &mut Book,
    asked: &Asked<'_>,
    kind: DocumentKind,
) -> Result<Reply, Problem> {
    let made = book.create_closing(kind, asked.body, asked.stamp)?;
    Ok(Reply::created(made.meta.id, replies::closing(&made)))
}

fn get_closing(book: &mut Book, asked: &Asked<'_>, kind: DocumentKind) -> Result<Reply, Problem> {
    let id = asked.id("Документ", "documentId")?;
    Ok(Reply::json(replies::closing(
        &*book.closing_document(kind, id)?,
    )))
}

fn closing_print_form(
    book: &mut Book,
    asked: &Asked<'_>,
    kind: DocumentKind,
) -> Result<Reply, Problem> {
    let document = book.closing_document(kind, asked.id("Документ", "documentId")?)?;
    if document.state == DocumentState::Deleted {
        return Err(no_print_form("documentId"));
    }
    let form = PrintForm::of_closing(&book.organization, &document);
    Ok(print_form(form, document.meta.changed_at, asked))
}

fn no_print_form(target: &str) -> Problem {
    let message = "У удалённого документа нет печатной формы";
    Problem::new(409, "printFormUnavailable", message).at(target)
}

fn print_form(form: PrintForm, changed_at: Timestamp, asked: &Asked<'_>) -> Reply {
    let delay = i128::from(asked.settings.print_form_delay_ms);
    let left = delay - asked.stamp.now.duration_since(changed_at).as_millis();
    if left > 0 {
        let seconds = u64::try_from(left).unwrap_or(0).div_ceil(1000);
        return Reply {
            status: 204,
            body: ReplyBody::Empty,
            created: None,
            retry_after: Some(seconds),
        };
    }
    Reply {
        body: ReplyBody::Pdf {
            file_name: form.file_name(),
            bytes: Arc::new(form.render()),
        },
        ..Reply::json(Value::Null)
    }
}

fn changes(book: &mut Book, asked: &Asked<'_>) -> Result<Reply, Problem> {
    let offset = asked.number("offset", (0, u64::MAX), 0)?;
    let limit = asked.number("limit", (1, 1000), 100)?;
    let seen_until = asked.seen_until();
    // The feed is an order: what stands behind an unseen change is unseen as well.
    let seen = book
        .changes
        .iter()
        .take_while(|change| change.at <= seen_until);
    let wanted = seen.skip_while(|change| change.offset < offset);
    let page: Vec<_> = wanted
        .take(usize::try_from(limit).unwrap_or(usize::MAX))
        .collect();
    let next = page.last().map_or(offset, |change| change.offset + 1);
    let written: Vec<Value> = page.into_iter().map(replies::change).collect();
    Ok(Reply::json(json!({"changes": written, "nextOffset": next})))
}
