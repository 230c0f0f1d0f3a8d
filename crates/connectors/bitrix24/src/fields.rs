//! Our custom fields on a deal: how policy named them and what type each turned out to be.

use std::collections::{BTreeMap, HashMap};

use domain::observed::OurField;
use serde_json::Value;

/// The raw names (`UF_CRM_…`) of our fields; policy names them, `setup` makes or reuses them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldNames {
    ours: BTreeMap<OurField, String>,
    /// The portal's own fields that are read beside them.
    named: Vec<String>,
    /// Whether contacts' names are read as well.
    contacts: bool,
}

impl FieldNames {
    /// Fields that are not named are neither read nor written.
    pub fn new(names: impl IntoIterator<Item = (OurField, String)>) -> Self {
        Self {
            ours: names.into_iter().collect(),
            named: Vec::new(),
            contacts: false,
        }
    }

    /// Fields of the portal's own are read as well; they are never written.
    #[must_use]
    pub fn and_reading(mut self, named: impl IntoIterator<Item = String>) -> Self {
        self.named.extend(named);
        self
    }

    /// The contact's name is read as well, where a deal has no company.
    #[must_use]
    pub fn and_contacts(mut self, wanted: bool) -> Self {
        self.contacts = wanted;
        self
    }

    /// Whether contacts' names are read.
    pub(crate) fn reads_contacts(&self) -> bool {
        self.contacts
    }

    /// The portal's own fields that are read.
    pub(crate) fn named(&self) -> impl Iterator<Item = &str> {
        self.named.iter().map(String::as_str)
    }

    /// The raw name of a field.
    pub fn name(&self, field: OurField) -> Option<&str> {
        self.ours.get(&field).map(String::as_str)
    }

    /// All raw names, ours and the portal's own.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.ours.values().chain(&self.named).map(String::as_str)
    }

    /// All our fields with their raw names.
    pub fn iter(&self) -> impl Iterator<Item = (OurField, &str)> {
        self.ours
            .iter()
            .map(|(field, name)| (*field, name.as_str()))
    }
}

/// What a field takes. A field that policy reuses may be of another type than `setup` would make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FieldKind {
    /// Any text.
    Text,
    /// `2026-03-12`.
    Date,
    /// `1500.50|RUB`.
    Money,
    /// `1500.50`.
    Number,
    /// An id of the list's items; the map tells their words.
    Choice(BTreeMap<u64, String>),
}

/// The kinds of the portal's custom fields, by raw name.
pub(crate) type FieldKinds = HashMap<String, FieldKind>;

/// What `setup` makes for a field, and what is assumed until the portal told.
pub(crate) fn made_as(field: OurField) -> &'static str {
    match field {
        OurField::Date | OurField::PaidOn | OurField::Promise => "date",
        OurField::Sum | OurField::Paid => "money",
        OurField::Link => "url",
        OurField::Command => "enumeration",
        OurField::Number | OurField::Status => "string",
    }
}

/// The kind of a vendor's type.
pub(crate) fn kind_of(user_type: &str) -> FieldKind {
    match user_type {
        "date" | "datetime" => FieldKind::Date,
        "money" => FieldKind::Money,
        "double" | "integer" => FieldKind::Number,
        "enumeration" => FieldKind::Choice(BTreeMap::new()),
        _ => FieldKind::Text,
    }
}

/// Reads `result` of `crm.item.fields`: `{"fields": {"UF_CRM_…": {"type", "upperName", "items"}}}`.
pub(crate) fn kinds(result: &Value) -> FieldKinds {
    let mut kinds = FieldKinds::new();
    let Some(fields) = result.get("fields").and_then(Value::as_object) else {
        return kinds;
    };
    for (key, field) in fields {
        let name = field
            .get("upperName")
            .and_then(Value::as_str)
            .unwrap_or(key);
        let Some(user_type) = field.get("type").and_then(Value::as_str) else {
            continue;
        };
        let kind = match kind_of(user_type) {
            FieldKind::Choice(_) => FieldKind::Choice(choices(field.get("items"))),
            kind => kind,
        };
        for name in [key.as_str(), name] {
            if name.starts_with("UF_") {
                kinds.insert(name.to_owned(), kind.clone());
            }
        }
    }
    kinds
}

fn choices(items: Option<&Value>) -> BTreeMap<u64, String> {
    let items = items.and_then(Value::as_array).into_iter().flatten();
    items
        .filter_map(|item| {
            let id = match item.get("ID")? {
                Value::Number(id) => id.as_u64()?,
                Value::String(id) => id.parse().ok()?,
                _ => return None,
            };
            Some((id, item.get("VALUE")?.as_str()?.to_owned()))
        })
        .collect()
}
