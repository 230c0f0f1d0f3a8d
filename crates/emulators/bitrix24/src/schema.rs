//! The fields of every kind of record: both spellings, what they hold, who may write them.
//!
//! One generic engine reads and writes records; this table is what makes a deal differ from a
//! bank detail. Custom fields join the fixed ones at run time.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use crate::fields::*;
use crate::state::Table;
use crate::value::{Kind, Map};

pub(crate) const DEAL: i64 = 2;
pub(crate) const CONTACT: i64 = 3;
pub(crate) const COMPANY: i64 = 4;
pub(crate) const REQUISITE: i64 = 8;
pub(crate) const SMART_INVOICE: i64 = 31;

/// One kind of CRM object behind `crm.item.*`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EntityType {
    pub(crate) id: i64,
    /// `DEAL`, also the middle of event names and old methods.
    pub(crate) code: &'static str,
    /// The owner code of product rows.
    pub(crate) abbreviation: &'static str,
    pub(crate) custom_fields_of: &'static str,
    pub(crate) title: &'static str,
    pub(crate) has_stages: bool,
}

pub(crate) const ENTITY_TYPES: &[EntityType] = &[
    EntityType {
        id: DEAL,
        code: "DEAL",
        abbreviation: "D",
        custom_fields_of: "CRM_DEAL",
        title: "Сделка",
        has_stages: true,
    },
    EntityType {
        id: CONTACT,
        code: "CONTACT",
        abbreviation: "C",
        custom_fields_of: "CRM_CONTACT",
        title: "Контакт",
        has_stages: false,
    },
    EntityType {
        id: COMPANY,
        code: "COMPANY",
        abbreviation: "CO",
        custom_fields_of: "CRM_COMPANY",
        title: "Компания",
        has_stages: false,
    },
    EntityType {
        id: SMART_INVOICE,
        code: "SMART_INVOICE",
        abbreviation: "SI",
        custom_fields_of: "CRM_SMART_INVOICE",
        title: "Счёт",
        has_stages: true,
    },
];

pub(crate) fn entity_type(id: i64) -> Option<&'static EntityType> {
    ENTITY_TYPES.iter().find(|entity| entity.id == id)
}

pub(crate) fn entity_type_by_code(code: &str) -> Option<&'static EntityType> {
    ENTITY_TYPES
        .iter()
        .find(|entity| entity.code.eq_ignore_ascii_case(code))
}

pub(crate) fn entity_type_by_abbreviation(code: &str) -> Option<&'static EntityType> {
    ENTITY_TYPES
        .iter()
        .find(|entity| entity.abbreviation.eq_ignore_ascii_case(code))
}

#[derive(Debug, Clone)]
pub(crate) struct Field {
    /// The key in a record and the name in the older methods.
    pub(crate) upper: String,
    /// The name in `crm.item.*`.
    pub(crate) camel: String,
    pub(crate) kind: Kind,
    pub(crate) read_only: bool,
    pub(crate) required: bool,
    pub(crate) multiple: bool,
    pub(crate) custom: bool,
    pub(crate) title: String,
    /// What a list offers, as a `fields` method tells it.
    pub(crate) items: Vec<Value>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Schema {
    fields: Vec<Field>,
    by_name: HashMap<String, usize>,
}

impl Schema {
    pub(crate) fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// By either spelling.
    pub(crate) fn field(&self, name: &str) -> Option<&Field> {
        self.by_name.get(name).and_then(|at| self.fields.get(*at))
    }

    fn push(&mut self, field: Field) {
        let at = self.fields.len();
        self.by_name.insert(field.upper.clone(), at);
        self.by_name.insert(field.camel.clone(), at);
        self.fields.push(field);
    }

    fn of(table: &[Column]) -> Self {
        let mut schema = Schema::default();
        for (upper, kind, marks) in table {
            schema.push(fixed(upper, *kind, marks));
        }
        schema
    }

    /// Adds a custom field under its `upper` name; the other spelling follows from it.
    pub(crate) fn push_custom(&mut self, field: Field) {
        let mut camel = custom_camel(&field.upper);
        if self.by_name.contains_key(&camel) {
            camel.clone_from(&field.upper);
        }
        self.push(Field {
            camel,
            read_only: false,
            custom: true,
            ..field
        });
    }

    /// The answer of a `fields` method.
    pub(crate) fn describe(&self, style: Spelling) -> Map {
        let mut all = Map::new();
        for field in &self.fields {
            let name = match style {
                Spelling::Camel => field.camel.clone(),
                Spelling::Upper => field.upper.clone(),
            };
            let mut about = json!({
                "type": field.kind.wire_name(),
                "isRequired": field.required,
                "isReadOnly": field.read_only,
                "isImmutable": false,
                "isMultiple": field.multiple,
                "isDynamic": field.custom,
                "title": field.title,
            });
            if let Value::Object(about) = &mut about {
                if matches!(style, Spelling::Camel) {
                    about.insert("upperName".into(), Value::from(field.upper.clone()));
                }
                if field.custom {
                    for label in ["listLabel", "formLabel", "filterLabel"] {
                        about.insert(label.into(), Value::from(field.title.clone()));
                    }
                }
                if field.custom && field.kind == Kind::Choice {
                    about.insert("items".into(), Value::from(field.items.clone()));
                }
            }
            all.insert(name, about);
        }
        all
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spelling {
    Camel,
    Upper,
}

fn fixed(upper: &str, kind: Kind, marks: &str) -> Field {
    Field {
        camel: fixed_camel(upper),
        title: upper.to_owned(),
        upper: upper.to_owned(),
        kind,
        read_only: marks.contains('r'),
        required: marks.contains('!'),
        multiple: marks.contains('*'),
        custom: false,
        items: Vec::new(),
    }
}

/// The two interfaces name a few system fields differently.
fn fixed_camel(upper: &str) -> String {
    match upper {
        "DATE_CREATE" => "createdTime".to_owned(),
        "DATE_MODIFY" => "updatedTime".to_owned(),
        "CREATED_BY_ID" => "createdBy".to_owned(),
        "MODIFY_BY_ID" => "updatedBy".to_owned(),
        "MOVED_BY_ID" => "movedBy".to_owned(),
        "COMPANY_TYPE" => "typeId".to_owned(),
        _ => camel(upper),
    }
}

pub(crate) fn camel(upper: &str) -> String {
    let mut out = String::with_capacity(upper.len());
    for (at, word) in upper.split('_').enumerate() {
        let mut letters = word.chars();
        if at > 0 {
            out.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        }
        out.extend(letters.map(|letter| letter.to_ascii_lowercase()));
    }
    out
}

/// The vendor's two conversions of custom field names.
///
/// <https://apidocs.bitrix24.com/api-reference/crm/universal/index.html> "Field Naming Conventions".
pub(crate) fn custom_camel(upper: &str) -> String {
    let Some(rest) = upper.strip_prefix("UF_CRM_") else {
        return camel(upper);
    };
    let (number, tail) = match rest.split_once('_') {
        Some((number, tail)) if is_digits(number) => (number, tail),
        _ => ("", rest),
    };
    let letters_only = tail
        .chars()
        .all(|letter| letter.is_ascii_alphabetic() || letter == '_');
    if letters_only {
        let tail = camel(&format!("X_{tail}"));
        return format!("ufCrm{number}{}", tail.strip_prefix('x').unwrap_or(&tail));
    }
    if !number.is_empty() && is_digits(tail) {
        return format!("ufCrm{number}_{tail}");
    }
    format!("ufCrm_{rest}")
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| letter.is_ascii_digit())
}

/// The fixed fields of an item's type.
fn item_schema(entity_type_id: i64) -> Schema {
    let mut schema = match entity_type_id {
        DEAL => Schema::of(DEAL_FIELDS),
        CONTACT => Schema::of(CONTACT_FIELDS),
        COMPANY => Schema::of(COMPANY_FIELDS),
        SMART_INVOICE => Schema::of(INVOICE_FIELDS),
        _ => Schema::default(),
    };
    if entity_type_id == SMART_INVOICE {
        schema.push(Field {
            camel: "parentId2".into(),
            ..fixed("PARENT_ID_2", Kind::Link(DEAL), "")
        });
    }
    schema
}

/// The fixed fields of a table, made once for all portals of the process: a thousand of them have the same.
pub(crate) fn shared_schema(table: Table) -> Arc<Schema> {
    static SHARED: Mutex<BTreeMap<Table, Arc<Schema>>> = Mutex::new(BTreeMap::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    let schema = shared.entry(table);
    Arc::clone(schema.or_insert_with(|| Arc::new(plain_schema(table))))
}

/// The fixed fields of a table.
fn plain_schema(table: Table) -> Schema {
    match table {
        Table::Item(id) => item_schema(id),
        Table::ProductRow => Schema::of(ROW_FIELDS),
        Table::Requisite => {
            let mut schema = Schema::of(REQUISITE_FIELDS);
            for name in REQUISITE_TEXTS {
                schema.push(fixed(name, Kind::Text, ""));
            }
            schema
        }
        Table::BankDetail => {
            let mut schema = Schema::of(BANK_FIELDS);
            for name in BANK_TEXTS {
                schema.push(fixed(name, Kind::Text, ""));
            }
            schema
        }
        Table::Address => Schema::of(ADDRESS_FIELDS),
        Table::RequisiteLink => Schema::of(LINK_FIELDS),
        Table::Preset => Schema::of(PRESET_FIELDS),
        Table::Category => Schema::of(CATEGORY_FIELDS),
        Table::Status => Schema::of(STATUS_FIELDS),
        Table::StageHistory => Schema::of(HISTORY_FIELDS),
        Table::UserField => Schema::of(USER_FIELD_FIELDS),
        Table::Comment => Schema::of(COMMENT_FIELDS),
        Table::LogMessage => Schema::of(LOG_FIELDS),
        Table::Vat => Schema::of(VAT_FIELDS),
        Table::Measure => Schema::of(MEASURE_FIELDS),
        Table::Product => Schema::of(PRODUCT_FIELDS),
        Table::OfflineEvent => Schema::of(OFFLINE_FIELDS),
        Table::Currency => Schema::of(CURRENCY_FIELDS),
        Table::Todo => Schema::of(TODO_FIELDS),
    }
}
