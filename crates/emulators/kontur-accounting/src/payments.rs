//! Payments of the bank statement and their allocation to bills.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use crate::amount::Kopecks;
use crate::book::{Book, Stamp};
use crate::catalogue::{demand_present, demand_revision};
use crate::id::Id;
use crate::problem::{Fault, Problem};
use crate::reader::{Faults, Fields};
use crate::records::{Allocation, Bill, BillState, Direction, Payment, RecordState};

const MAX_ALLOCATIONS: usize = 100;

impl Book {
    pub(crate) fn payment(&self, id: Id) -> Result<Arc<Payment>, Problem> {
        let found = self.payments.get(id).cloned();
        found.ok_or_else(|| Problem::not_found("Платёж", "paymentId"))
    }

    /// The API's way: the request names the whole new list.
    pub(crate) fn set_allocations(
        &mut self,
        id: Id,
        request: &Value,
        stamp: Stamp,
    ) -> Result<Arc<Payment>, Problem> {
        let payment = self.payment(id)?;
        let (allocations, revision) = self.read_allocations(&payment, request)?;
        demand_present(payment.state, "Платёж удалён")?;
        demand_revision(revision, payment.meta.revision)?;
        self.allocate(&payment, allocations, stamp)
    }

    /// Puts the allocation in the place of the former one and tells the bills.
    pub(crate) fn allocate(
        &mut self,
        payment: &Payment,
        allocations: Vec<Allocation>,
        stamp: Stamp,
    ) -> Result<Arc<Payment>, Problem> {
        for allocation in &allocations {
            demand_payable(&*self.bill(allocation.bill_id)?)?;
        }
        if payment.allocations == allocations {
            return self.payment(payment.meta.id);
        }
        let all = payment.allocations.iter().chain(&allocations);
        let touched: BTreeSet<Id> = all.map(|allocation| allocation.bill_id).collect();
        let changed = Payment {
            allocations,
            ..payment.clone()
        };
        let saved = self.replace(changed, stamp);
        self.recount_paid(&touched, stamp);
        Ok(saved)
    }

    /// A person takes a payment out of the books; its bills become unpaid again.
    pub(crate) fn delete_payment(&mut self, id: Id, stamp: Stamp) -> Result<(), Problem> {
        let payment = self.payment(id)?;
        demand_present(payment.state, "Платёж удалён")?;
        self.demand_open(payment.date)?;
        let touched = payment.allocations.iter().map(|a| a.bill_id).collect();
        let deleted = Payment {
            state: RecordState::Deleted,
            allocations: Vec::new(),
            ..(*payment).clone()
        };
        self.replace(deleted, stamp);
        self.recount_paid(&touched, stamp);
        Ok(())
    }

    fn recount_paid(&mut self, bills: &BTreeSet<Id>, stamp: Stamp) {
        for id in bills {
            let paid_sum = self.allocated_to(*id, None);
            let bill = self.bills.get(*id).filter(|bill| bill.paid_sum != paid_sum);
            if let Some(bill) = bill.cloned() {
                let changed = Bill {
                    paid_sum,
                    ..(*bill).clone()
                };
                self.replace(changed, stamp);
            }
        }
    }

    /// What a bill gets from all payments, but for one.
    fn allocated_to(&self, bill: Id, but: Option<Id>) -> Kopecks {
        let payments = self.payments.present().filter(|p| Some(p.meta.id) != but);
        let allocations = payments.flat_map(|payment| payment.allocations.iter());
        let own = allocations.filter(|allocation| allocation.bill_id == bill);
        Kopecks(own.map(|allocation| allocation.sum.0).sum())
    }

    fn read_allocations(
        &self,
        payment: &Payment,
        request: &Value,
    ) -> Result<(Vec<Allocation>, Option<u64>), Problem> {
        let faults = Faults::default();
        let mut allocations = Vec::new();
        let mut revision = None;
        if let Some(fields) = Fields::of(request, "", &faults) {
            revision = fields.integer("revision");
            fields.need("allocations");
            for item in fields.objects("allocations", MAX_ALLOCATIONS) {
                item.need("billId");
                item.need("sum");
                let (bill_id, sum) = (item.id("billId"), item.money("sum"));
                item.finish();
                if sum == Some(Kopecks(0)) {
                    item.fault("outOfRange", "sum", "Сумма должна быть больше нуля");
                }
                if bill_id.is_some_and(|id| self.bills.get(id).is_none()) {
                    item.fault("billNotFound", "billId", "Указанный счёт не найден");
                }
                allocations.extend(
                    bill_id
                        .zip(sum)
                        .map(|(bill_id, sum)| Allocation { bill_id, sum }),
                );
            }
            self.demand_sums(payment, &allocations, |code, message| {
                fields.fault(code, "allocations", message);
            });
            fields.finish();
        }
        faults.settle()?;
        Ok((allocations, revision))
    }

    /// The same for what a person does: the payment as it would be.
    pub(crate) fn demand_allocated(&self, payment: &Payment) -> Result<(), Problem> {
        let mut faults = Vec::new();
        self.demand_sums(payment, &payment.allocations, |code, message| {
            faults.push(Fault {
                code,
                message: message.to_owned(),
                target: Some("allocations".to_owned()),
            });
        });
        if faults.is_empty() {
            Ok(())
        } else {
            Err(Problem::invalid(faults))
        }
    }

    fn demand_sums(
        &self,
        payment: &Payment,
        allocations: &[Allocation],
        mut fault: impl FnMut(&'static str, &'static str),
    ) {
        let mut total = 0_i64;
        let mut by_bill: BTreeMap<Id, i64> = BTreeMap::new();
        for Allocation { bill_id, sum } in allocations {
            total = total.saturating_add(sum.0);
            let own = by_bill.entry(*bill_id).or_default();
            *own = own.saturating_add(sum.0);
        }
        let spendable = match payment.direction {
            Direction::Incoming => payment.sum.0,
            Direction::Outgoing => 0,
        };
        if total > spendable {
            let message = "Распределено больше суммы поступления";
            fault("allocationExceedsPayment", message);
        }
        for (bill_id, sum) in by_bill {
            let others = self.allocated_to(bill_id, Some(payment.meta.id)).0;
            let bill = self.bills.get(bill_id);
            if bill.is_some_and(|bill| others.saturating_add(sum) > bill.sum.0) {
                let message = "Распределено больше суммы счёта";
                fault("allocationExceedsBill", message);
            }
        }
    }
}

fn demand_payable(bill: &Bill) -> Result<(), Problem> {
    match bill.state {
        BillState::Open | BillState::Rejected => Ok(()),
        BillState::Cancelled => {
            Err(Problem::new(409, "documentCancelled", "Счёт аннулирован").at("allocations"))
        }
        BillState::Deleted => {
            Err(Problem::new(409, "documentDeleted", "Счёт удалён").at("allocations"))
        }
    }
}
