//! Bills and closing documents: reading a request, sums, numbers, cancelling.
//!
//! A person's edit goes the same way: the document is written as a request, the person's fields
//! replace its own, and the whole is read again.

use std::sync::Arc;

use jiff::ToSpan as _;
use jiff::civil::{Date, date};
use serde_json::{Value, json};

use crate::amount::{Kopecks, Sums};
use crate::book::{Book, Stamp};
use crate::catalogue::demand_revision;
use crate::id::Id;
use crate::problem::Problem;
use crate::reader::{Faults, Fields};
use crate::records::{
    Bill, BillState, ClosingDocument, ContractorOfDocument, DocumentKind, DocumentState, Item,
    Meta, Reason, Signature, UtdStatus,
};

/// What bills and closing documents have in common in a request.
struct Common {
    number: Option<String>,
    date: Date,
    with_nds: bool,
    sums_with_nds: bool,
    comment: Option<String>,
    contractor_id: Id,
    contractor: ContractorOfDocument,
    reason: Option<Reason>,
    items: Vec<Item>,
    sums: Sums,
}

impl Book {
    pub(crate) fn create_bill(
        &mut self,
        request: &Value,
        stamp: Stamp,
    ) -> Result<Arc<Bill>, Problem> {
        let (mut bill, number) = self.read_bill(request, stamp)?;
        self.demand_open(bill.date)?;
        bill.number = self.bill_number(number, bill.date, None)?;
        Ok(self.insert(bill, stamp))
    }

    /// A person's edit: the fields of `changes` replace those of the bill.
    pub(crate) fn edit_bill(
        &mut self,
        id: Id,
        changes: &Value,
        stamp: Stamp,
    ) -> Result<Arc<Bill>, Problem> {
        let former = self.bill(id)?;
        demand_bill_state(&former)?;
        self.demand_open(former.date)?;
        let request = merged(crate::replies::bill_as_request(&former), changes);
        let (bill, number) = self.read_bill(&request, stamp)?;
        self.demand_open(bill.date)?;
        let number = self.bill_number(number, bill.date, Some(id))?;
        let edited = Bill {
            meta: former.meta.clone(),
            state: former.state,
            paid_sum: former.paid_sum,
            marked_paid: former.marked_paid,
            number,
            ..bill
        };
        Ok(self.replace(edited, stamp))
    }

    pub(crate) fn bill(&self, id: Id) -> Result<Arc<Bill>, Problem> {
        let found = self.bills.get(id).cloned();
        found.ok_or_else(|| Problem::not_found("Счёт", "billId"))
    }

    pub(crate) fn cancel_bill(
        &mut self,
        id: Id,
        request: &Value,
        stamp: Stamp,
    ) -> Result<Arc<Bill>, Problem> {
        let bill = self.bill(id)?;
        let revision = read_revision(request)?;
        if bill.state == BillState::Cancelled {
            return Ok(bill);
        }
        if bill.state == BillState::Deleted {
            return Err(Problem::new(409, "documentDeleted", "Счёт удалён").at("billId"));
        }
        demand_revision(revision, bill.meta.revision)?;
        self.set_bill_state(id, BillState::Cancelled, stamp)
    }

    /// A person says that a bill is paid without a payment of the books, or takes that back.
    pub(crate) fn mark_bill_paid(
        &mut self,
        id: Id,
        paid: bool,
        stamp: Stamp,
    ) -> Result<Arc<Bill>, Problem> {
        let bill = self.bill(id)?;
        demand_bill_state(&bill)?;
        if bill.marked_paid == paid {
            return Ok(bill);
        }
        let marked = Bill {
            marked_paid: paid,
            ..(*bill).clone()
        };
        Ok(self.replace(marked, stamp))
    }

    /// Cancels, rejects, deletes or reopens. A bill with payments is neither cancelled nor deleted.
    pub(crate) fn set_bill_state(
        &mut self,
        id: Id,
        state: BillState,
        stamp: Stamp,
    ) -> Result<Arc<Bill>, Problem> {
        let bill = self.bill(id)?;
        self.demand_open(bill.date)?;
        let goes_away = matches!(state, BillState::Cancelled | BillState::Deleted);
        if goes_away && bill.paid_sum.0 > 0 {
            return Err(
                Problem::new(409, "billHasPayments", "К счёту привязаны оплаты")
                    .at("billId")
                    .with(json!({"paidSum": bill.paid_sum.to_string()})),
            );
        }
        if state == BillState::Open {
            // Its number may have been given to another while it was deleted.
            self.bill_number(Some(bill.number.clone()), bill.date, Some(id))?;
        }
        Ok(self.replace(
            Bill {
                state,
                ..(*bill).clone()
            },
            stamp,
        ))
    }

    pub(crate) fn create_closing(
        &mut self,
        kind: DocumentKind,
        request: &Value,
        stamp: Stamp,
    ) -> Result<Arc<ClosingDocument>, Problem> {
        let (mut document, number) = self.read_closing(kind, request, stamp)?;
        self.demand_open(document.date)?;
        document.number = self.closing_number(kind, number, document.date)?;
        Ok(self.insert(document, stamp))
    }

    pub(crate) fn closing_document(
        &self,
        kind: DocumentKind,
        id: Id,
    ) -> Result<Arc<ClosingDocument>, Problem> {
        let found = self.closing(kind).get(id).cloned();
        found.ok_or_else(|| Problem::not_found("Документ", "documentId"))
    }

    fn read_bill(
        &mut self,
        request: &Value,
        stamp: Stamp,
    ) -> Result<(Bill, Option<String>), Problem> {
        let faults = Faults::default();
        let read = Fields::of(request, "", &faults).and_then(|fields| {
            let due = |fields: &Fields<'_>, day: Option<Date>| {
                let due = fields.date("paymentDueDate");
                if due.zip(day).is_some_and(|(due, day)| due < day) {
                    let message = "Срок оплаты раньше даты счёта";
                    fields.fault("dueDateBeforeDate", "paymentDueDate", message);
                }
                due
            };
            let (common, payment_due_date) = self.read_common(&fields, stamp, false, due);
            let bank_account_id = self.read_bank_account(&fields);
            fields.finish();
            Some((common?, payment_due_date, bank_account_id))
        });
        faults.settle()?;
        let (common, payment_due_date, bank_account_id) =
            read.ok_or_else(|| Problem::invalid(Vec::new()))?;
        let bill = Bill {
            meta: Meta::unsaved(),
            state: BillState::Open,
            number: String::new(),
            date: common.date,
            payment_due_date,
            with_nds: common.with_nds,
            sums_with_nds: common.sums_with_nds,
            comment: common.comment,
            contractor_id: common.contractor_id,
            contractor: common.contractor,
            bank_account_id,
            reason: common.reason,
            items: common.items,
            sum_without_nds: common.sums.without_nds,
            sum_nds: common.sums.nds,
            sum: common.sums.total,
            paid_sum: Kopecks(0),
            marked_paid: false,
        };
        Ok((bill, common.number))
    }

    fn read_closing(
        &mut self,
        kind: DocumentKind,
        request: &Value,
        stamp: Stamp,
    ) -> Result<(ClosingDocument, Option<String>), Problem> {
        let faults = Faults::default();
        let transfer = kind == DocumentKind::UniversalTransferDocument;
        let read = Fields::of(request, "", &faults).and_then(|fields| {
            let status = |fields: &Fields<'_>, _: Option<Date>| {
                if !transfer {
                    return None;
                }
                fields.need("utdStatus");
                let all = [
                    ("status1", UtdStatus::Status1),
                    ("status2", UtdStatus::Status2),
                ];
                fields.choice("utdStatus", &all)
            };
            let (common, utd_status) = self.read_common(&fields, stamp, transfer, status);
            let bill_id = fields.id("billId");
            if bill_id.is_some_and(|id| self.bills.get(id).is_none()) {
                fields.fault("billNotFound", "billId", "Указанный счёт не найден");
            }
            fields.finish();
            let common = common?;
            if utd_status == Some(UtdStatus::Status1) {
                self.demand_requisites(&fields, common.contractor_id);
            }
            Some((common, utd_status, bill_id))
        });
        faults.settle()?;
        let (common, utd_status, bill_id) = read.ok_or_else(|| Problem::invalid(Vec::new()))?;
        let document = ClosingDocument {
            meta: Meta::unsaved(),
            kind,
            utd_status,
            state: DocumentState::Active,
            signature: Signature::NotSent,
            number: String::new(),
            date: common.date,
            with_nds: common.with_nds,
            sums_with_nds: common.sums_with_nds,
            comment: common.comment,
            contractor_id: common.contractor_id,
            contractor: common.contractor,
            bill_id,
            reason: common.reason,
            items: common.items,
            sum_without_nds: common.sums.without_nds,
            sum_nds: common.sums.nds,
            sum: common.sums.total,
        };
        Ok((document, common.number))
    }

    /// Reads the common fields in the order in which faults are told; `own` reads the fields of
    /// the kind that stand next to the date.
    fn read_common<T>(
        &mut self,
        fields: &Fields<'_>,
        stamp: Stamp,
        transfer: bool,
        own: impl FnOnce(&Fields<'_>, Option<Date>) -> Option<T>,
    ) -> (Option<Common>, Option<T>) {
        let number = fields.text("number", 30);
        if number.as_deref() == Some("") {
            fields.fault("required", "number", "Номер не может быть пустым");
        }
        fields.need("date");
        let date = fields.date("date");
        if date.is_some_and(|date| !self.is_sensible(date, stamp)) {
            fields.fault(
                "outOfRange",
                "date",
                "Дата раньше 2000 года или больше чем на год вперёд",
            );
        }
        let own = own(fields, date);
        let with_nds = fields.flag("withNds");
        let sums_with_nds = fields.flag("sumsWithNds");
        if sums_with_nds && !with_nds {
            let message = "В документе без НДС цена не может включать НДС";
            fields.fault("sumsWithNdsWithoutNds", "sumsWithNds", message);
        }
        let comment = fields.text("comment", 10_000);
        let contractor = self.read_contractor_link(fields);
        let reason = read_reason(fields);
        let (items, sums) = self.read_items(fields, date, with_nds, sums_with_nds, transfer);
        let common = contractor
            .zip(date)
            .map(|((contractor_id, contractor), date)| Common {
                number,
                date,
                with_nds,
                sums_with_nds,
                comment,
                contractor_id,
                contractor,
                reason,
                items,
                sums,
            });
        (common, own)
    }

    fn is_sensible(&self, day: Date, stamp: Stamp) -> bool {
        let today = self.today(stamp.now);
        let latest = today.checked_add(1.year()).unwrap_or(Date::MAX);
        (date(2000, 1, 1)..=latest).contains(&day)
    }

    fn read_contractor_link(&self, fields: &Fields<'_>) -> Option<(Id, ContractorOfDocument)> {
        fields.need("contractorId");
        let id = fields.id("contractorId")?;
        let mut present = self.contractors.present();
        let Some(contractor) = present.find(|contractor| contractor.meta.id == id) else {
            let message = "Указанный контрагент не найден";
            fields.fault("contractorNotFound", "contractorId", message);
            return None;
        };
        let shown = ContractorOfDocument {
            name: contractor.name.clone(),
            inn: contractor.inn.clone(),
            kpp: contractor.kpp.clone(),
        };
        Some((id, shown))
    }

    fn read_bank_account(&self, fields: &Fields<'_>) -> Option<Id> {
        let accounts = &self.organization.bank_accounts;
        let Some(id) = fields.id("bankAccountId") else {
            let main = accounts
                .iter()
                .find(|account| account.is_main && !account.closed);
            return main.map(|account| account.id);
        };
        match accounts.iter().find(|account| account.id == id) {
            None => {
                let message = "Указанный расчётный счёт не найден";
                fields.fault("bankAccountNotFound", "bankAccountId", message);
            }
            Some(account) if account.closed => {
                let message = "Указанный расчётный счёт закрыт";
                fields.fault("bankAccountClosed", "bankAccountId", message);
            }
            Some(_) => {}
        }
        Some(id)
    }

    fn demand_requisites(&self, fields: &Fields<'_>, contractor_id: Id) {
        let Some(contractor) = self.contractors.get(contractor_id) else {
            return;
        };
        let company = contractor.inn.as_deref().is_some_and(|inn| inn.len() == 10);
        let filled = contractor.inn.is_some()
            && contractor
                .address
                .as_deref()
                .is_some_and(|address| !address.is_empty())
            && (!company || contractor.kpp.is_some());
        if !filled {
            let message = "Для УПД со счётом-фактурой нужны ИНН, КПП и адрес контрагента";
            fields.fault("requisitesRequired", "contractorId", message);
        }
    }

    fn bill_number(
        &self,
        wanted: Option<String>,
        date: Date,
        but: Option<Id>,
    ) -> Result<String, Problem> {
        let of_year = |bill: &&Arc<Bill>| bill.date.year() == date.year();
        let Some(number) = wanted else {
            return Ok(self.bills.next_number(date.year()));
        };
        let mut present = self.bills.present().filter(of_year);
        let twin = present.find(|bill| Some(bill.meta.id) != but && bill.number == number);
        match twin {
            None => Ok(number),
            Some(twin) => Err(number_taken("Счёт", &number, date, twin.meta.id)),
        }
    }

    fn closing_number(
        &self,
        kind: DocumentKind,
        wanted: Option<String>,
        date: Date,
    ) -> Result<String, Problem> {
        let of_year = |document: &&Arc<ClosingDocument>| document.date.year() == date.year();
        let shelf = self.closing(kind);
        let Some(number) = wanted else {
            return Ok(shelf.next_number(date.year()));
        };
        let mut present = shelf.present().filter(of_year);
        match present.find(|document| document.number == number) {
            None => Ok(number),
            Some(twin) => Err(number_taken("Документ", &number, date, twin.meta.id)),
        }
    }
}

fn read_reason(fields: &Fields<'_>) -> Option<Reason> {
    let reason = fields.object("reason")?;
    let read = Reason {
        name: reason.required_text("name", 1000),
        number: reason.text("number", 100),
        date: reason.date("date"),
    };
    reason.finish();
    Some(read)
}

fn read_revision(request: &Value) -> Result<Option<u64>, Problem> {
    if request.is_null() {
        return Ok(None);
    }
    let faults = Faults::default();
    let revision = Fields::of(request, "", &faults).and_then(|fields| {
        let revision = fields.integer("revision");
        fields.finish();
        revision
    });
    faults.settle()?;
    Ok(revision)
}

fn demand_bill_state(bill: &Bill) -> Result<(), Problem> {
    match bill.state {
        BillState::Open | BillState::Rejected => Ok(()),
        BillState::Cancelled => Err(Problem::new(409, "documentCancelled", "Счёт аннулирован")),
        BillState::Deleted => Err(Problem::new(409, "documentDeleted", "Счёт удалён")),
    }
}

fn number_taken(what: &str, number: &str, date: Date, id: Id) -> Problem {
    let message = format!("{what} № {number} за {} год уже есть", date.year());
    Problem::new(409, "numberTaken", message)
        .at("number")
        .with(json!({"existingId": id}))
}

/// `request` with the fields of `changes` in the place of its own.
fn merged(mut request: Value, changes: &Value) -> Value {
    if let (Some(fields), Some(changes)) = (request.as_object_mut(), changes.as_object()) {
        for (name, value) in changes {
            fields.insert(name.clone(), value.clone());
        }
    }
    request
}
