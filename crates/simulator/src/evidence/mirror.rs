//! The office's own register as an accounting program would show it: each invoice is typed into the emulator of one, which
//! counts its sums anew, so that the same checks judge both.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::{InvoiceId, VatMode, VatRate};
use emulator_kontur_accounting::{
    Bill, BillState, CreatedBy, Id, Kopecks, Truth, TruthOfOrganization,
};
use serde_json::{Value, json};
use store::{ListedPayment, OfficeBill};

use crate::evidence::records::Ledger;
use crate::people::managers::Office;

/// The register in the emulator's words.
pub(crate) struct Mirror {
    pub(crate) truth: Truth,
    /// What each invoice of the register is called there.
    ids: BTreeMap<String, String>,
}

impl Mirror {
    /// What our records say of money, with invoices as they are called there.
    pub(crate) fn rename(&self, payments: &mut [ListedPayment], ledger: &mut Ledger) {
        let of_payments = payments.iter_mut().flat_map(|one| &mut one.invoices);
        for (invoice, _) in of_payments {
            if let Some(id) = self.ids.get(invoice.invoice.as_str()) {
                invoice.invoice = InvoiceId::new(id);
            }
        }
        let called = |id: String| self.ids.get(&id).cloned().unwrap_or(id);
        for entry in &mut ledger.entries {
            entry.bill = entry.bill.take().map(called);
        }
        let paid = std::mem::take(&mut ledger.paid).into_iter();
        ledger.paid = paid.map(|(id, kopecks)| (called(id), kopecks)).collect();
    }
}

/// What the register holds. An invoice that the emulator counts otherwise is an error.
pub(crate) fn mirrored(office: &Office, bills: &[OfficeBill]) -> Result<Mirror, String> {
    let organisations = office.accounting.organizations();
    let first: Id = *organisations.first().ok_or("no organisation")?;
    let mut contractors = BTreeMap::new();
    let mut ids = BTreeMap::new();
    let mut all = BTreeMap::from([(first, TruthOfOrganization::default())]);
    // The register is kept by series; an accounting program shows what was made in the order in which it was.
    let mut bills: Vec<&OfficeBill> = bills.iter().collect();
    bills.sort_by_key(|bill| bill.recorded_at);
    for bill in bills {
        // What is for trying out is the first one's.
        let is_its = |one: &&Id| one.to_string() == bill.organisation.as_str();
        let organisation = organisations.iter().find(is_its).copied().unwrap_or(first);
        let accountant = office.accounting.accountant(organisation);
        let accountant = accountant.ok_or("no accountant")?;
        let buyer = &bill.draft.buyer;
        let known_as = (organisation, buyer.key.clone());
        let contractor = match contractors.get(&known_as) {
            Some(known) => *known,
            None => {
                let request = json!({
                    "name": buyer.name, "inn": buyer.key.who.inn(), "kpp": buyer.key.kpp
                });
                let made = accountant.create_contractor(&request);
                made.map_err(|problem| format!("{problem:?}"))?.meta.id
            }
        };
        contractors.insert(known_as, contractor);
        let typed = accountant.issue_bill(&request(bill, contractor));
        let typed = typed.map_err(|problem| format!("№ {}: {problem:?}", bill.number))?;
        let totals = bill.totals;
        let (sum, vat) = (totals.gross.kopecks(), totals.vat.kopecks());
        if (typed.sum.0, typed.sum_nds.0) != (sum, vat) {
            let (other, with) = (typed.sum.0, typed.sum_nds.0);
            return Err(format!(
                "№ {} is over {sum} kopecks with {vat} of VAT, its lines come to {other} with {with}",
                bill.number
            ));
        }
        ids.insert(bill.id.to_string(), typed.meta.id.to_string());
        let versions = versions(bill, &typed);
        let own = all.entry(organisation).or_default();
        own.bills.extend(versions.last().cloned());
        own.bill_versions.push(versions);
    }
    let truth = Truth {
        organizations: all,
        requests: Vec::new(),
    };
    Ok(Mirror { truth, ids })
}

fn request(bill: &OfficeBill, contractor: Id) -> Value {
    let draft = &bill.draft;
    let items = draft.lines.iter().map(|line| {
        json!({
            "productName": line.name,
            "unitName": line.unit.name,
            "quantity": line.quantity.value().normalize().to_string(),
            "price": line.price.value().normalize().to_string(),
            "unitCode": line.unit.okei,
            "ndsRate": nds_rate(line.vat),
        })
    });
    json!({
        "date": draft.date,
        "withNds": true,
        "sumsWithNds": draft.mode == VatMode::Included,
        "contractorId": contractor,
        "reason": draft.basis.as_ref().map(|basis| json!({"name": basis})),
        "items": items.collect::<Vec<_>>(),
    })
}

fn nds_rate(rate: VatRate) -> &'static str {
    match rate {
        VatRate::Percent22 => "nds22",
        VatRate::Percent20 => "nds20",
        VatRate::Percent10 => "nds10",
        VatRate::Percent7 => "nds7",
        VatRate::Percent5 => "nds5",
        VatRate::Zero => "nds0",
        VatRate::Without | VatRate::NotStated => "withoutNds",
    }
}

/// As it was recorded, and as it was cancelled.
fn versions(bill: &OfficeBill, typed: &Bill) -> Vec<Arc<Bill>> {
    let mut first = typed.clone();
    first.meta.created_by = CreatedBy::Api;
    first.meta.created_at = bill.recorded_at;
    first.meta.changed_at = bill.recorded_at;
    first.number.clone_from(&bill.number);
    first.comment = Some(format!("[provodka:{}]", bill.key));
    first.sum = Kopecks(bill.totals.gross.kopecks());
    let mut all = vec![Arc::new(first.clone())];
    if let Some(cancelled) = &bill.cancelled {
        first.state = BillState::Cancelled;
        first.meta.changed_at = cancelled.at;
        first.meta.revision = first.meta.revision.saturating_add(1);
        all.push(Arc::new(first));
    }
    all
}
