//! Records as the contract writes them.

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Map, Value, json};

use crate::config::{BankAccount, Organization, Settings};
use crate::id::Id;
use crate::records::{
    Bill, ClosingDocument, Contractor, ContractorOfDocument, CreatedBy, Direction, DocumentState,
    Item, Meta, Payment, Product, ProductKind, Reason, RecordState, Signature, UtdStatus,
};
use crate::shelf::Page;
use crate::truth::Change;

pub(crate) fn moment(at: Timestamp) -> String {
    format!("{at:.3}")
}

pub(crate) fn capabilities(settings: &Settings) -> Value {
    let per_minute = match settings.requests_per_minute {
        0 => 60_000,
        limit => limit,
    };
    json!({
        "idempotencyKey": {
            "supported": settings.idempotency_key,
            "retentionHours": settings.idempotency_key.then_some(24),
        },
        "printForm": true,
        "changeFeed": true,
        "payments": true,
        "closingDocuments": true,
        "limits": {"requestsPerMinute": per_minute, "pageSize": 500},
        "timing": {
            "effectWithinSeconds": settings.effect_within_s,
            "listLagSeconds": settings.declared_list_lag_s,
        },
    })
}

pub(crate) fn organization(own: &Organization) -> Value {
    json!({
        "id": own.id,
        "name": own.name,
        "shortName": own.short_name,
        "inn": own.inn,
        "kpp": own.kpp,
        "ogrn": own.ogrn,
        "address": own.address,
        "timeZone": own.time_zone,
        "closedThrough": own.closed_through.map(|day| day.to_string()),
    })
}

pub(crate) fn bank_account(account: &BankAccount) -> Value {
    json!({
        "id": account.id,
        "accountNumber": account.account_number,
        "bank": {
            "name": account.bank_name,
            "bik": account.bik,
            "corrAccount": account.corr_account,
            "city": account.city,
        },
        "currency": "RUB",
        "isMain": account.is_main,
        "closed": account.closed,
    })
}

pub(crate) fn contractor(contractor: &Contractor) -> Value {
    let own = json!({
        "id": contractor.meta.id,
        "name": contractor.name,
        "shortName": contractor.short_name,
        "inn": contractor.inn,
        "kpp": contractor.kpp,
        "ogrn": contractor.ogrn,
        "address": contractor.address,
        "postAddress": contractor.post_address,
        "email": contractor.email,
        "phone": contractor.phone,
        "comment": contractor.comment,
        "status": record_state(contractor.state),
    });
    joined(own, times(&contractor.meta))
}

pub(crate) fn product(product: &Product) -> Value {
    let own = json!({
        "id": product.meta.id,
        "name": product.name,
        "type": product_kind(product.kind),
        "unitName": product.unit_name,
        "unitCode": product.unit_code,
        "article": product.article,
        "price": product.price.map(|price| price.written(2)),
        "ndsRate": product.nds_rate.map(|rate| rate.name()),
        "status": record_state(product.state),
    });
    joined(own, times(&product.meta))
}

pub(crate) fn bill(bill: &Bill, today: Date) -> Value {
    let own = json!({
        "id": bill.meta.id,
        "number": bill.number,
        "date": bill.date.to_string(),
        "paymentDueDate": bill.payment_due_date.map(|day| day.to_string()),
        "status": bill.status(today),
        "withNds": bill.with_nds,
        "sumsWithNds": bill.sums_with_nds,
        "comment": bill.comment,
        "contractorId": bill.contractor_id,
        "contractor": contractor_of_document(&bill.contractor),
        "bankAccountId": bill.bank_account_id,
        "reason": bill.reason.as_ref().map(reason),
        "items": bill.items.iter().map(item).collect::<Vec<_>>(),
        "sumWithoutNds": bill.sum_without_nds.to_string(),
        "sumNds": bill.sum_nds.to_string(),
        "sum": bill.sum.to_string(),
        "paidSum": bill.paid_sum.to_string(),
        "createdBy": created_by(bill.meta.created_by),
    });
    joined(own, times(&bill.meta))
}

/// The bill as the request that would make it again, for a person's edit.
pub(crate) fn bill_as_request(bill: &Bill) -> Value {
    json!({
        "number": bill.number,
        "date": bill.date.to_string(),
        "paymentDueDate": bill.payment_due_date.map(|day| day.to_string()),
        "withNds": bill.with_nds,
        "sumsWithNds": bill.sums_with_nds,
        "comment": bill.comment,
        "contractorId": bill.contractor_id,
        "bankAccountId": bill.bank_account_id,
        "reason": bill.reason.as_ref().map(reason),
        "items": bill.items.iter().map(item_as_request).collect::<Vec<_>>(),
    })
}

pub(crate) fn closing(document: &ClosingDocument) -> Value {
    let mut own = json!({
        "id": document.meta.id,
        "number": document.number,
    });
    if let Some(status) = document.utd_status {
        own = joined(own, json!({"utdStatus": utd_status(status)}));
    }
    let rest = json!({
        "date": document.date.to_string(),
        "status": match document.state {
            DocumentState::Active => "active",
            DocumentState::Cancelled => "cancelled",
            DocumentState::Deleted => "deleted",
        },
        "signatureStatus": signature(document.signature),
        "withNds": document.with_nds,
        "sumsWithNds": document.sums_with_nds,
        "comment": document.comment,
        "contractorId": document.contractor_id,
        "contractor": contractor_of_document(&document.contractor),
        "billId": document.bill_id,
        "reason": document.reason.as_ref().map(reason),
        "items": document.items.iter().map(item).collect::<Vec<_>>(),
        "sumWithoutNds": document.sum_without_nds.to_string(),
        "sumNds": document.sum_nds.to_string(),
        "sum": document.sum.to_string(),
        "createdBy": created_by(document.meta.created_by),
    });
    joined(joined(own, rest), times(&document.meta))
}

pub(crate) fn payment(payment: &Payment) -> Value {
    let allocation =
        |a: &crate::records::Allocation| json!({"billId": a.bill_id, "sum": a.sum.to_string()});
    let left = crate::amount::Kopecks(payment.sum.0 - payment.allocated().0);
    let own = json!({
        "id": payment.meta.id,
        "number": payment.number,
        "date": payment.date.to_string(),
        "direction": match payment.direction {
            Direction::Incoming => "incoming",
            Direction::Outgoing => "outgoing",
        },
        "sum": payment.sum.to_string(),
        "contractorId": payment.contractor_id,
        "counterparty": {
            "name": payment.payer.name,
            "inn": payment.payer.inn,
            "kpp": payment.payer.kpp,
            "accountNumber": payment.payer.account_number,
            "bik": payment.payer.bik,
        },
        "bankAccountId": payment.bank_account_id,
        "purpose": payment.purpose,
        "allocations": payment.allocations.iter().map(allocation).collect::<Vec<_>>(),
        "unallocatedSum": left.to_string(),
        "status": record_state(payment.state),
    });
    joined(own, times(&payment.meta))
}

pub(crate) fn change(change: &Change) -> Value {
    json!({
        "offset": change.offset,
        "type": change.kind.name(),
        "id": change.id,
        "change": change.change.name(),
        "at": moment(change.at),
        "revision": change.revision,
    })
}

/// A page of a list by change under the list's own name.
pub(crate) fn page<T>(name: &str, page: &Page<T>, write: impl Fn(&T) -> Value) -> Value {
    let records: Vec<Value> = page.records.iter().map(|record| write(record)).collect();
    let next = page.next.map(next_page);
    let mut map = Map::new();
    map.insert(name.to_owned(), Value::Array(records));
    map.insert("next".to_owned(), next.unwrap_or(Value::Null));
    Value::Object(map)
}

fn next_page((changed_since, after_id): (Timestamp, Id)) -> Value {
    json!({"changedSince": moment(changed_since), "afterId": after_id})
}

fn item(item: &Item) -> Value {
    let mut own = json!({"id": item.id, "productId": item.product_id});
    if let Some(kind) = item.product_kind {
        own = joined(own, json!({"productType": product_kind(kind)}));
    }
    let rest = json!({
        "productName": item.product_name,
        "unitName": item.unit_name,
        "unitCode": item.unit_code,
        "quantity": item.quantity.written(0),
        "price": item.price.written(2),
        "discountPercent": item.discount_percent.map(|percent| percent.written()),
        "discountSum": item.discount_sum.map(|sum| sum.to_string()),
        "ndsRate": item.nds_rate.name(),
        "sumWithoutNds": item.sum_without_nds.to_string(),
        "sumNds": item.sum_nds.to_string(),
        "sum": item.sum.to_string(),
    });
    joined(own, rest)
}

fn item_as_request(item: &Item) -> Value {
    json!({
        "productId": item.product_id,
        "productName": item.product_name,
        "unitName": item.unit_name,
        "unitCode": item.unit_code,
        "quantity": item.quantity.written(0),
        "price": item.price.written(2),
        "discountPercent": item.discount_percent.map(|percent| percent.written()),
        "discountSum": item.discount_sum.map(|sum| sum.to_string()),
        "ndsRate": item.nds_rate.name(),
    })
}

fn times(meta: &Meta) -> Value {
    json!({
        "createdAt": moment(meta.created_at),
        "changedAt": moment(meta.changed_at),
        "revision": meta.revision,
    })
}

fn contractor_of_document(contractor: &ContractorOfDocument) -> Value {
    json!({"name": contractor.name, "inn": contractor.inn, "kpp": contractor.kpp})
}

fn reason(reason: &Reason) -> Value {
    json!({
        "name": reason.name,
        "number": reason.number,
        "date": reason.date.map(|day| day.to_string()),
    })
}

fn joined(mut first: Value, second: Value) -> Value {
    if let (Some(fields), Value::Object(more)) = (first.as_object_mut(), second) {
        fields.extend(more);
    }
    first
}

fn created_by(who: CreatedBy) -> &'static str {
    match who {
        CreatedBy::Api => "api",
        CreatedBy::Person => "person",
    }
}

fn record_state(state: RecordState) -> &'static str {
    match state {
        RecordState::Active => "active",
        RecordState::Deleted => "deleted",
    }
}

fn product_kind(kind: ProductKind) -> &'static str {
    match kind {
        ProductKind::Product => "product",
        ProductKind::Service => "service",
    }
}

fn utd_status(status: UtdStatus) -> &'static str {
    match status {
        UtdStatus::Status1 => "status1",
        UtdStatus::Status2 => "status2",
    }
}

fn signature(signature: Signature) -> &'static str {
    match signature {
        Signature::NotSent => "notSent",
        Signature::Sent => "sent",
        Signature::Signed => "signed",
        Signature::Rejected => "rejected",
        Signature::Revoked => "revoked",
    }
}
