//! What a request to the portal asks for, read anew from its bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// The portal's number for the kind of deals.
const DEAL: i64 = 2;
/// The same for its own invoices.
const OWN_INVOICE: i64 = 31;

/// One method within a request, alone or in a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) method: String,
    params: Params,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Params {
    Json(Value),
    Query(String),
}

/// The commands of a request whose address ends in `what`.
pub(crate) fn commands(what: &str, body: &[u8]) -> Vec<Command> {
    let keyed = keyed_commands(what, body).into_iter();
    keyed.map(|(_, command)| command).collect()
}

/// The same, each with its key within a batch.
pub(crate) fn keyed_commands(what: &str, body: &[u8]) -> Vec<(Option<String>, Command)> {
    let Ok(whole) = serde_json::from_slice::<Value>(body) else {
        return Vec::new();
    };
    if what != "batch" {
        let command = Command {
            method: what.to_owned(),
            params: Params::Json(whole),
        };
        return vec![(None, command)];
    }
    let commands = whole.get("cmd").and_then(Value::as_object);
    let lines = commands.into_iter().flatten();
    let keyed = lines.filter_map(|(key, line)| {
        let line = line.as_str()?;
        let (method, query) = line.split_once('?').unwrap_or((line, ""));
        let command = Command {
            method: method.to_owned(),
            params: Params::Query(query.to_owned()),
        };
        Some((Some(key.clone()), command))
    });
    keyed.collect()
}

impl Command {
    /// The deal that a write changes or tells of.
    pub(crate) fn deal_written(&self) -> Option<i64> {
        match self.method.as_str() {
            "crm.item.update" => self.number(&["id"]),
            "crm.timeline.comment.add" => self.number(&["fields", "ENTITY_ID"]),
            "crm.timeline.comment.update" => self.number(&["ownerId"]),
            "crm.automation.trigger.execute" => self.number(&["OWNER_ID"]),
            _ => None,
        }
    }

    /// Whether the command reads this deal or its lines: whatever else has the same number is none of them.
    pub(crate) fn reads(&self, deal: i64) -> bool {
        let of_deals = self.number(&["entityTypeId"]) == Some(DEAL);
        match self.method.as_str() {
            "crm.item.get" => of_deals && self.number(&["id"]) == Some(deal),
            "crm.item.list" => of_deals && self.is_filtered_by(&["id", "=id", "@id"], deal),
            "crm.item.productrow.list" => {
                self.text(&["filter", "=ownerType"]).as_deref() == Some("D")
                    && self.is_filtered_by(&["ownerId", "=ownerId", "@ownerId"], deal)
            }
            _ => false,
        }
    }

    /// Whether one of these filters names the number, alone or among others.
    fn is_filtered_by(&self, filters: &[&str], number: i64) -> bool {
        let number = number.to_string();
        match &self.params {
            Params::Query(query) => {
                let mut pairs = url::form_urlencoded::parse(query.as_bytes());
                pairs.any(|(name, value)| {
                    let filter = name.strip_prefix("filter[");
                    let filter = filter.and_then(|rest| rest.split_once(']'));
                    filter.is_some_and(|(filter, _)| filters.contains(&filter)) && value == number
                })
            }
            Params::Json(value) => filters.iter().any(|filter| {
                let named = value.get("filter").and_then(|all| all.get(filter));
                named.is_some_and(|named| holds(named, &number))
            }),
        }
    }

    /// Whether the command asks for anything of this number, be it what it may.
    pub(crate) fn names(&self, deal: i64) -> bool {
        let is_read = self.method.ends_with(".list") || self.method.ends_with(".get");
        let number = deal.to_string();
        is_read
            && match &self.params {
                Params::Query(query) => query
                    .split('&')
                    .filter_map(|pair| pair.split_once('='))
                    .any(|(_, value)| value == number),
                Params::Json(value) => holds(value, &number),
            }
    }

    /// Whether the command is about invoices of the portal's own.
    fn is_of_own_invoices(&self) -> bool {
        self.number(&["entityTypeId"]) == Some(OWN_INVOICE)
    }

    /// Whether the command reads what invoices of the portal's own this deal has.
    pub(crate) fn reads_own_invoices(&self, deal: i64) -> bool {
        let number = deal.to_string();
        let names_it = match &self.params {
            Params::Query(query) => url::form_urlencoded::parse(query.as_bytes())
                .any(|(name, value)| name.starts_with("filter[@parentId2]") && value == number),
            Params::Json(value) => {
                let deals = value.pointer("/filter/@parentId2");
                deals.is_some_and(|deals| holds(deals, &number))
            }
        };
        self.is_of_own_invoices() && names_it
    }

    /// The file that is hung at a timeline entry: its name and its bytes.
    pub(crate) fn file(&self) -> Option<(String, Vec<u8>)> {
        let part = |place: &str| match &self.params {
            Params::Json(value) => {
                let found = value.pointer(&format!("/fields/FILES/0/{place}"))?;
                found.as_str().map(str::to_owned)
            }
            Params::Query(_) => self.text(&["fields", "FILES", "0", place]),
        };
        let bytes = STANDARD.decode(part("1")?).ok()?;
        Some((part("0")?, bytes))
    }

    /// The text of a parameter.
    pub(crate) fn text(&self, path: &[&str]) -> Option<String> {
        match &self.params {
            Params::Json(value) => {
                let found = path.iter().try_fold(value, |value, part| value.get(part))?;
                let text = found.as_str().map(str::to_owned);
                text.or_else(|| Some(found.as_i64()?.to_string()))
            }
            Params::Query(query) => {
                let (first, rest) = path.split_first()?;
                let inner = rest.iter().map(|part| format!("[{part}]"));
                let name = format!("{first}{}", inner.collect::<String>());
                let mut pairs = url::form_urlencoded::parse(query.as_bytes());
                pairs.find_map(|(key, value)| (key == name).then(|| value.into_owned()))
            }
        }
    }

    fn number(&self, path: &[&str]) -> Option<i64> {
        self.text(path)?.parse().ok()
    }
}

fn holds(value: &Value, number: &str) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| holds(item, number)),
        Value::Object(fields) => fields.values().any(|inner| holds(inner, number)),
        Value::Number(found) => found.to_string() == number,
        Value::String(found) => found == number,
        Value::Null | Value::Bool(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_alone_and_in_a_batch() {
        let body = br#"{"halt":0,"cmd":{"a":"crm.item.list?entityTypeId=2&filter%5B%40id%5D%5B0%5D=7","b":"crm.timeline.comment.add?fields%5BENTITY_ID%5D=7&fields%5BCOMMENT%5D=x","c":"crm.item.update?entityTypeId=2&id=8","d":"crm.automation.trigger.execute?CODE=paid&OWNER_TYPE_ID=2&OWNER_ID=9"}}"#;
        let batch = commands("batch", body);
        let written: Vec<_> = batch.iter().map(Command::deal_written).collect();
        assert_eq!(written, [None, Some(7), Some(8), Some(9)]);
        let read: Vec<_> = batch.iter().map(|command| command.reads(7)).collect();
        assert_eq!(read, [true, false, false, false]);
        let own = commands(
            "crm.item.list",
            br#"{"entityTypeId":31,"filter":{"@parentId2":[7,9]}}"#,
        );
        let own = own
            .first()
            .map(|own| [7, 8].map(|deal| own.reads_own_invoices(deal)));
        assert_eq!(own, Some([true, false]));
        let changed = br#"{"halt":0,"cmd":{"a":"crm.item.list?entityTypeId=31&filter%5B%3Eid%5D=7","b":"crm.item.list?entityTypeId=31&filter%5B%40parentId2%5D%5B0%5D=7"}}"#;
        let changed = commands("batch", changed);
        let read: Vec<_> = changed
            .iter()
            .map(|command| command.reads_own_invoices(7))
            .collect();
        assert_eq!(read, [false, true]);
        assert!(batch.iter().all(|command| !command.reads_own_invoices(7)));
        let alone = commands("crm.item.update", br#"{"entityTypeId":2,"id":"9"}"#);
        assert_eq!(alone.first().and_then(Command::deal_written), Some(9));
    }

    #[test]
    fn a_file_is_read_alone_and_in_a_batch() {
        let alone = br#"{"id":"5","fields":{"COMMENT":"x","FILES":[["a.pdf","JVBERg=="]]}}"#;
        let batch = br#"{"cmd":{"a":"crm.timeline.comment.update?id=5&fields%5BFILES%5D%5B0%5D%5B0%5D=a.pdf&fields%5BFILES%5D%5B0%5D%5B1%5D=JVBERg%3D%3D","b":"crm.item.update?id=8"}}"#;
        let one = commands("crm.timeline.comment.update", alone);
        for commands in [one, commands("batch", batch)] {
            let files: Vec<_> = commands.iter().filter_map(Command::file).collect();
            assert_eq!(files, [("a.pdf".to_owned(), b"%PDF".to_vec())]);
        }
    }

    #[test]
    fn only_what_asks_for_a_deal_or_its_lines_reads_it() {
        for (method, params, reads, names) in [
            ("crm.item.get", r#"{"entityTypeId":2,"id":7}"#, true, true),
            ("crm.item.get", r#"{"entityTypeId":2,"id":8}"#, false, false),
            ("crm.item.get", r#"{"entityTypeId":7,"id":8}"#, false, true),
            (
                "crm.item.list",
                r#"{"entityTypeId":2,"filter":{"@id":[5,7]}}"#,
                true,
                true,
            ),
            (
                "crm.item.list",
                r#"{"entityTypeId":2,"filter":{">id":7}}"#,
                false,
                true,
            ),
            (
                "crm.item.list",
                r#"{"entityTypeId":4,"filter":{"@id":[7]}}"#,
                false,
                true,
            ),
            (
                "crm.item.productrow.list",
                r#"{"filter":{"=ownerType":"D","=ownerId":[7],">id":0}}"#,
                true,
                true,
            ),
            (
                "crm.item.productrow.list",
                r#"{"filter":{"=ownerType":"SI","=ownerId":[7],">id":0}}"#,
                false,
                true,
            ),
            (
                "crm.requisite.list",
                r#"{"filter":{"=ENTITY_TYPE_ID":4,"@ENTITY_ID":[7]}}"#,
                false,
                true,
            ),
        ] {
            let asked = commands(method, params.as_bytes());
            let seen = asked.first().map(|one| (one.reads(7), one.names(7)));
            assert_eq!(seen, Some((reads, names)), "{method} {params}");
        }
        let batch = br#"{"cmd":{"a":"crm.item.productrow.list?filter%5B%3DownerType%5D=D&filter%5B%3DownerId%5D%5B1%5D=7","b":"crm.item.list?entityTypeId=2&filter%5B%3Eid%5D=7","c":"crm.item.list?entityTypeId=2&filter%5B%40id%5D%5B3%5D=7"}}"#;
        let batch = commands("batch", batch);
        let read: Vec<_> = batch.iter().map(|command| command.reads(7)).collect();
        assert_eq!(read, [true, false, true]);
    }
}
