//! What the calls to the portal were for, as the product's own journal tells it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;
use simulator::StillWorld;
use store::JournalFilter;

/// Lines read at one time.
const PORTION: usize = 200;

/// Calls since a moment by what they were for.
///
/// # Errors
/// Where the journal cannot be read.
pub async fn by_purpose(
    world: &StillWorld,
    since: Timestamp,
) -> Result<BTreeMap<&'static str, usize>, String> {
    let mut counts = BTreeMap::new();
    let mut filter = JournalFilter {
        since: Some(since),
        limit: PORTION,
        ..JournalFilter::default()
    };
    loop {
        let lines = world.store().journal_read(world.portal_id(), &filter).await;
        let lines = lines.map_err(|error| error.to_string())?;
        let Some(last) = lines.last() else {
            return Ok(counts);
        };
        filter.after_seq = last.seq;
        for line in lines.iter().filter(|line| line.entry.kind == "exchange") {
            if let Some(purpose) = purpose(&line.entry.body) {
                *counts.entry(purpose).or_insert(0) += 1;
            }
        }
    }
}

/// None: it went to another remote.
fn purpose(exchange: &Value) -> Option<&'static str> {
    let method = exchange.get("method")?.as_str()?;
    if method == "crm.timeline.comment.update" {
        return Some("files");
    }
    if method != "batch" {
        let is_portals = method.starts_with("crm.") || method.starts_with("im.");
        return is_portals.then_some("others");
    }
    let commands = exchange.pointer("/request/cmd")?.as_object()?;
    let of = |command: &Value| -> &'static str {
        let method = command.get("method").and_then(Value::as_str);
        let has = |filter: &str| {
            let found = command.pointer("/params/filter");
            found.is_some_and(|found| found.get(filter).is_some())
        };
        match method.unwrap_or_default() {
            "crm.item.update" | "crm.timeline.comment.add" | "im.notify.system.add" => "writes",
            "crm.item.productrow.list" => "readings",
            "crm.item.list" if has(">=updatedTime") => "sweeps",
            "crm.item.list" => "glances",
            _ => "others",
        }
    };
    let of_all: Vec<&str> = commands.values().map(of).collect();
    let first = ["writes", "sweeps", "readings", "glances"];
    let first = first.into_iter().find(|one| of_all.contains(one));
    Some(first.unwrap_or("others"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::purpose;

    #[test]
    fn a_batch_is_for_the_most_telling_of_its_commands() {
        let update = json!({"method": "crm.item.update"});
        let list = json!({"method": "crm.item.list", "params": {"filter": {"@id": [1]}}});
        let sweep =
            json!({"method": "crm.item.list", "params": {"filter": {">=updatedTime": "x"}}});
        let rows = json!({"method": "crm.item.productrow.list"});
        for (commands, expected) in [
            (json!({"first": list, "c0": update}), "writes"),
            (json!({"c0": list, "c1": rows}), "readings"),
            (json!({"c0": list, "c1": sweep}), "sweeps"),
            (json!({"c0": list}), "glances"),
        ] {
            let exchange = json!({"method": "batch", "request": {"cmd": commands}});
            assert_eq!(purpose(&exchange), Some(expected));
        }
        let bill = json!({"method": "POST /v1/organizations/…/bills"});
        assert_eq!(purpose(&bill), None);
    }
}
