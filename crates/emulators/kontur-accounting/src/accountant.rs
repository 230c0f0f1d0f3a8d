//! What people do in the accounting program, beside the API: the acts that make the two sides
//! differ. Used by tests, the demo and the page.

use std::sync::Arc;

use jiff::civil::Date;
use serde_json::Value;

use crate::amount::Kopecks;
use crate::book::{Book, Stamp};
use crate::catalogue::demand_present;
use crate::emulator::Emulator;
use crate::id::Id;
use crate::problem::Problem;
use crate::records::{
    Allocation, Bill, BillState, ClosingDocument, Contractor, Direction, DocumentKind,
    DocumentState, Meta, Payer, Payment, RecordState, Signature,
};

/// A person who works in the accounting program of one organisation.
///
/// Requests and changes are JSON in the spelling of the contract's `BillToCreate` and
/// `ContractorToSave`; they are refused for the same reasons as the API's.
#[derive(Clone, Debug)]
pub struct Accountant {
    emulator: Emulator,
    organization: Id,
}

/// A payment as the bank statement brings it.
#[derive(Clone, Debug)]
pub struct NewPayment {
    pub number: Option<String>,
    pub date: Date,
    pub direction: Direction,
    pub sum: Kopecks,
    pub payer: Payer,
    /// Which account of the organisation it came to or left; none: the main one, or the one where it stands.
    pub bank_account: Option<Id>,
    pub purpose: String,
}

impl Accountant {
    pub(crate) fn new(emulator: Emulator, organization: Id) -> Self {
        Self {
            emulator,
            organization,
        }
    }

    /// Issues a bill by hand.
    pub fn issue_bill(&self, request: &Value) -> Result<Arc<Bill>, Problem> {
        self.act(|book, stamp| book.create_bill(request, stamp))
    }

    /// Edits a bill: the given fields replace its own (`items` as a whole).
    pub fn edit_bill(&self, id: Id, changes: &Value) -> Result<Arc<Bill>, Problem> {
        self.act(|book, stamp| book.edit_bill(id, changes, stamp))
    }

    pub fn cancel_bill(&self, id: Id) -> Result<Arc<Bill>, Problem> {
        self.act(|book, stamp| book.set_bill_state(id, BillState::Cancelled, stamp))
    }

    /// Notes that the contractor refused the bill.
    pub fn reject_bill(&self, id: Id) -> Result<Arc<Bill>, Problem> {
        self.act(|book, stamp| book.set_bill_state(id, BillState::Rejected, stamp))
    }

    /// Marks a bill as paid by no payment, or takes the mark back.
    pub fn mark_bill_paid(&self, id: Id, paid: bool) -> Result<Arc<Bill>, Problem> {
        self.act(|book, stamp| book.mark_bill_paid(id, paid, stamp))
    }

    pub fn delete_bill(&self, id: Id) -> Result<Arc<Bill>, Problem> {
        self.act(|book, stamp| book.set_bill_state(id, BillState::Deleted, stamp))
    }

    /// Brings a cancelled, rejected or deleted bill back.
    pub fn restore_bill(&self, id: Id) -> Result<Arc<Bill>, Problem> {
        self.act(|book, stamp| book.set_bill_state(id, BillState::Open, stamp))
    }

    pub fn create_contractor(&self, request: &Value) -> Result<Arc<Contractor>, Problem> {
        self.act(|book, stamp| book.create_contractor(request, stamp))
    }

    /// Replaces a contractor's details as a whole.
    pub fn update_contractor(&self, id: Id, request: &Value) -> Result<Arc<Contractor>, Problem> {
        self.act(|book, stamp| book.update_contractor(id, request, stamp))
    }

    pub fn delete_contractor(&self, id: Id) -> Result<Arc<Contractor>, Problem> {
        self.act(|book, stamp| {
            let contractor = book.contractor(id)?;
            demand_present(contractor.state, "Контрагент удалён")?;
            let state = RecordState::Deleted;
            Ok(book.replace(
                Contractor {
                    state,
                    ..(*contractor).clone()
                },
                stamp,
            ))
        })
    }

    /// Takes a payment from the bank statement; the contractor is recognised by INN (and KPP,
    /// where the bank names one).
    pub fn add_payment(&self, payment: NewPayment) -> Result<Arc<Payment>, Problem> {
        self.act(|book, stamp| {
            book.demand_open(payment.date)?;
            demand_own(book, payment.bank_account)?;
            let contractor_id = recognised(book, &payment.payer);
            let mut accounts = book.organization.bank_accounts.iter();
            let main = accounts.find(|a| a.is_main).map(|a| a.id);
            let bank_account_id = payment.bank_account.or(main);
            let payment = Payment {
                meta: Meta::unsaved(),
                state: RecordState::Active,
                number: payment.number,
                date: payment.date,
                direction: payment.direction,
                sum: payment.sum,
                contractor_id,
                payer: payment.payer,
                bank_account_id,
                purpose: payment.purpose,
                allocations: Vec::new(),
            };
            Ok(book.insert(payment, stamp))
        })
    }

    /// Allocates a payment to bills, in the place of its former allocation.
    pub fn allocate(
        &self,
        payment: Id,
        allocations: Vec<Allocation>,
    ) -> Result<Arc<Payment>, Problem> {
        self.act(|book, stamp| {
            let payment = book.payment(payment)?;
            demand_present(payment.state, "Платёж удалён")?;
            book.demand_allocated(&Payment {
                allocations: allocations.clone(),
                ..(*payment).clone()
            })?;
            book.allocate(&payment, allocations, stamp)
        })
    }

    /// Writes a payment otherwise; what is allocated of it stays, and must fit.
    pub fn edit_payment(&self, id: Id, changed: NewPayment) -> Result<Arc<Payment>, Problem> {
        self.act(|book, stamp| {
            let payment = book.payment(id)?;
            demand_present(payment.state, "Платёж удалён")?;
            book.demand_open(payment.date)?;
            book.demand_open(changed.date)?;
            demand_own(book, changed.bank_account)?;
            let contractor_id = recognised(book, &changed.payer);
            let payment = Payment {
                number: changed.number,
                date: changed.date,
                direction: changed.direction,
                sum: changed.sum,
                contractor_id,
                payer: changed.payer,
                bank_account_id: changed.bank_account.or(payment.bank_account_id),
                purpose: changed.purpose,
                ..(*payment).clone()
            };
            book.demand_allocated(&payment)?;
            Ok(book.replace(payment, stamp))
        })
    }

    pub fn delete_payment(&self, id: Id) -> Result<(), Problem> {
        self.act(|book, stamp| book.delete_payment(id, stamp))
    }

    /// Notes what became of the other side's signature.
    pub fn set_signature(
        &self,
        kind: DocumentKind,
        id: Id,
        signature: Signature,
    ) -> Result<Arc<ClosingDocument>, Problem> {
        self.change_closing(kind, id, |document| document.signature = signature)
    }

    pub fn set_closing_state(
        &self,
        kind: DocumentKind,
        id: Id,
        state: DocumentState,
    ) -> Result<Arc<ClosingDocument>, Problem> {
        self.change_closing(kind, id, |document| document.state = state)
    }

    /// Closes the books through a day, or opens them.
    pub fn close_period(&self, through: Option<Date>) -> Result<(), Problem> {
        self.act(|book, _| {
            book.organization.closed_through = through;
            Ok(())
        })
    }

    /// Pays the tariff, or lets it run out.
    pub fn set_tariff_paid(&self, paid: bool) -> Result<(), Problem> {
        self.act(|book, _| {
            book.organization.tariff_paid = paid;
            Ok(())
        })
    }

    fn change_closing(
        &self,
        kind: DocumentKind,
        id: Id,
        change: impl FnOnce(&mut ClosingDocument),
    ) -> Result<Arc<ClosingDocument>, Problem> {
        self.act(|book, stamp| {
            let mut document = (*book.closing_document(kind, id)?).clone();
            book.demand_open(document.date)?;
            change(&mut document);
            Ok(book.replace(document, stamp))
        })
    }

    fn act<T>(
        &self,
        act: impl FnOnce(&mut Book, Stamp) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        self.emulator.in_book(self.organization, act)
    }
}

fn demand_own(book: &Book, account: Option<Id>) -> Result<(), Problem> {
    let accounts = &book.organization.bank_accounts;
    if account.is_none_or(|id| accounts.iter().any(|own| own.id == id)) {
        Ok(())
    } else {
        Err(Problem::not_found("Счёт организации", "bankAccountId"))
    }
}

fn recognised(book: &Book, payer: &Payer) -> Option<Id> {
    let inn = payer.inn.as_ref()?;
    let with_inn = book
        .contractors
        .present()
        .filter(|c| c.inn.as_ref() == Some(inn));
    let mut fitting = with_inn.filter(|c| payer.kpp.is_none() || c.kpp == payer.kpp);
    let first = fitting.next()?;
    // Two branches of one company: a person has to say whose money it is.
    fitting.next().is_none().then_some(first.meta.id)
}
