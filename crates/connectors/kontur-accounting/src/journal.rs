//! What the journal may keep of our exchanges with the accounting side.
//!
//! Ids, numbers, dates, states, sums, quantities and rates stay; names, addresses, INN, comments and
//! products are masked by kind. The remote's words about a refusal stay, with long numbers (INN of
//! persons, phones, accounts) and mail addresses taken out.

use capability::mask;
use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::client::Ask;

/// Keys whose values are neither secret nor personal.
const OPEN: &[&str] = &[
    "afterId",
    "allocations",
    "at",
    "bankAccountId",
    "billId",
    "change",
    "changeFeed",
    "changedAt",
    "changedSince",
    "closed",
    "closedThrough",
    "closingDocuments",
    "code",
    "contractorId",
    "createdAt",
    "createdBy",
    "currency",
    "date",
    "direction",
    "discountPercent",
    "discountSum",
    "effectWithinSeconds",
    "existingId",
    "id",
    "isMain",
    "limit",
    "listLagSeconds",
    "message",
    "ndsRate",
    "nextOffset",
    "number",
    "offset",
    "pageSize",
    "paidSum",
    "payments",
    "paymentDueDate",
    "price",
    "printForm",
    "quantity",
    "requestsPerMinute",
    "retentionHours",
    "revision",
    "status",
    "statusCode",
    "sum",
    "sumNds",
    "sumWithoutNds",
    "sumsWithNds",
    "supported",
    "target",
    "timeZone",
    "traceId",
    "type",
    "unallocatedSum",
    "unitCode",
    "withNds",
];

/// The request: method, path, query and body; never a header.
pub(crate) fn request(ask: &Ask<'_>, path: &str) -> Value {
    let query: Map<String, Value> = ask
        .query
        .iter()
        .map(|(name, value)| ((*name).to_owned(), Value::from(value.as_str())))
        .collect();
    json!({
        "http": ask.method.as_str(),
        "path": path,
        "query": mask::keep(&Value::Object(query), OPEN),
        "idempotency_key": ask.idempotency_key.is_some(),
        "body": ask.body.as_ref().map_or(Value::Null, |body| mask::keep(body, OPEN)),
    })
}

/// The answer: JSON masked, anything else by its size. Lists of bills go without their lines.
pub(crate) fn response(status: StatusCode, body: &[u8]) -> Value {
    if body.is_empty() {
        return Value::Null;
    }
    match serde_json::from_slice::<Value>(body) {
        Ok(mut value) if status.is_success() => {
            shorten(&mut value);
            mask::keep(&value, OPEN)
        }
        Ok(mut value) => {
            scrub_messages(&mut value);
            mask::keep(&value, OPEN)
        }
        Err(_) => json!({ "bytes": body.len() }),
    }
}

/// Words of a remote without what may be personal: numbers of eleven and more digits and mail addresses.
pub(crate) fn scrub(text: &str) -> String {
    let words = text.split_inclusive(char::is_whitespace);
    let without_mail: String = words
        .map(|word| {
            if word.contains('@') {
                word.chars()
                    .filter(|c| c.is_whitespace())
                    .fold("<mail>".to_owned(), pushed)
            } else {
                word.to_owned()
            }
        })
        .collect();
    let mut clean = String::with_capacity(without_mail.len());
    let mut digits = String::new();
    for c in without_mail.chars().chain(std::iter::once('\n')) {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        clean.push_str(if digits.len() > 10 {
            "<number>"
        } else {
            &digits
        });
        digits.clear();
        clean.push(c);
    }
    clean.pop();
    clean.chars().take(1_000).collect()
}

fn pushed(mut text: String, c: char) -> String {
    text.push(c);
    text
}

fn shorten(answer: &mut Value) {
    let Some(bills) = answer.get_mut("bills").and_then(Value::as_array_mut) else {
        return;
    };
    for bill in bills {
        if let Some(items) = bill.get_mut("items") {
            let count = items.as_array().map_or(0, Vec::len);
            *items = json!({ "limit": count });
        }
    }
}

fn scrub_messages(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                match field {
                    Value::String(text) if key == "message" => *text = scrub(text),
                    _ => scrub_messages(field),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(scrub_messages),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use serde_json::Value;

    use super::{response, scrub};

    #[test]
    fn words_lose_what_may_be_personal() {
        for (said, kept) in [
            (
                "Контрагент с ИНН 7707083893 и КПП 770701001 уже есть",
                "Контрагент с ИНН 7707083893 и КПП 770701001 уже есть",
            ),
            ("ИНН «123456789047» занят", "ИНН «<number>» занят"),
            ("счёт 40702810200000012345", "счёт <number>"),
            (
                "почта anna@kuznecova.example занята\nдругим",
                "почта <mail> занята\nдругим",
            ),
            ("", ""),
        ] {
            assert_eq!(scrub(said), kept);
        }
        assert_eq!(scrub(&"я".repeat(5_000)).chars().count(), 1_000);
    }

    #[test]
    fn a_bill_keeps_its_sums_and_loses_its_names() {
        let page = response(
            StatusCode::OK,
            include_bytes!("../fixtures/bills_page.json"),
        );
        let bill = &page["bills"][0];
        assert_eq!(bill["number"], "1");
        assert_eq!(bill["sum"], "150416.67");
        assert_eq!(bill["comment"], "<text>");
        assert_eq!(bill["contractor"]["inn"], "<text>");
        assert_eq!(bill["items"]["limit"], 2);
    }

    #[test]
    fn a_refusal_keeps_its_words_and_its_trace() {
        let body = include_bytes!("../fixtures/error_many_faults.json");
        let kept = response(StatusCode::BAD_REQUEST, body);
        assert_eq!(kept["traceId"], "6d1f0f7c5c9e4a52");
        assert_eq!(kept["error"]["details"][0]["target"], "date");
        assert_eq!(kept["error"]["message"], "Запрос содержит ошибки: 4");
    }

    #[test]
    fn what_is_no_json_is_known_by_its_size() {
        assert_eq!(response(StatusCode::OK, b"<html>")["bytes"], 6);
        assert_eq!(response(StatusCode::NO_CONTENT, b""), Value::Null);
    }
}
