//! Reading a request's JSON field by field, collecting every fault with its path.

use std::cell::RefCell;

use jiff::civil::Date;
use serde_json::{Map, Value};

use crate::amount::{Kopecks, Millionths, Percent};
use crate::id::Id;
use crate::problem::{Fault, Problem};

/// The faults of one request.
#[derive(Debug, Default)]
pub(crate) struct Faults(RefCell<Vec<Fault>>);

impl Faults {
    pub(crate) fn add(&self, code: &'static str, target: &str, message: impl Into<String>) {
        self.0.borrow_mut().push(Fault {
            code,
            message: message.into(),
            target: (!target.is_empty()).then(|| target.to_owned()),
        });
    }

    /// A refusal that names all of them, if there are any.
    pub(crate) fn settle(self) -> Result<(), Problem> {
        let faults = self.0.into_inner();
        if faults.is_empty() {
            return Ok(());
        }
        Err(Problem::invalid(faults))
    }
}

/// The fields of one object of the request. A `null` is an absent field.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    map: &'a Map<String, Value>,
    path: String,
    faults: &'a Faults,
    known: RefCell<Vec<&'static str>>,
}

impl<'a> Fields<'a> {
    pub(crate) fn of(value: &'a Value, path: &str, faults: &'a Faults) -> Option<Self> {
        let Some(map) = value.as_object() else {
            faults.add("wrongType", path, "Нужен объект JSON");
            return None;
        };
        Some(Self {
            map,
            path: path.to_owned(),
            faults,
            known: RefCell::default(),
        })
    }

    pub(crate) fn fault(&self, code: &'static str, name: &str, message: impl Into<String>) {
        self.faults.add(code, &self.path_of(name), message);
    }

    pub(crate) fn path_of(&self, name: &str) -> String {
        match self.path.as_str() {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        }
    }

    pub(crate) fn value(&self, name: &'static str) -> Option<&'a Value> {
        self.known.borrow_mut().push(name);
        self.map.get(name).filter(|value| !value.is_null())
    }

    /// Says so when a needed field is absent; a fault in its value was said already.
    pub(crate) fn need(&self, name: &'static str) {
        if self.value(name).is_none() {
            self.fault("required", name, "Обязательное поле не заполнено");
        }
    }

    pub(crate) fn text(&self, name: &'static str, max: usize) -> Option<String> {
        let Some(text) = self.value(name)?.as_str() else {
            self.fault("wrongType", name, "Нужна строка");
            return None;
        };
        if text.chars().count() > max {
            self.fault("tooLong", name, format!("Не больше {max} знаков"));
            return None;
        }
        Some(text.to_owned())
    }

    pub(crate) fn required_text(&self, name: &'static str, max: usize) -> String {
        self.need(name);
        let text = self.text(name, max).unwrap_or_default();
        if text.is_empty() && self.value(name).is_some_and(|value| value == "") {
            self.fault("required", name, "Обязательное поле не заполнено");
        }
        text
    }

    pub(crate) fn flag(&self, name: &'static str) -> bool {
        let Some(value) = self.value(name) else {
            return false;
        };
        value.as_bool().unwrap_or_else(|| {
            self.fault("wrongType", name, "Нужно true или false");
            false
        })
    }

    pub(crate) fn integer(&self, name: &'static str) -> Option<u64> {
        let value = self.value(name)?;
        if value.as_u64().is_none() {
            self.fault("wrongType", name, "Нужно целое неотрицательное число");
        }
        value.as_u64()
    }

    pub(crate) fn id(&self, name: &'static str) -> Option<Id> {
        let text = self.text(name, 100)?;
        text.parse().ok().or_else(|| {
            self.fault("wrongType", name, format!("Нужен UUID, а не «{text}»"));
            None
        })
    }

    pub(crate) fn date(&self, name: &'static str) -> Option<Date> {
        let text = self.text(name, 100)?;
        let date = text
            .parse()
            .ok()
            .filter(|date: &Date| date.to_string() == text);
        if date.is_none() {
            self.fault("invalidDate", name, format!("Нет такой даты: «{text}»"));
        }
        date
    }

    pub(crate) fn quantity(&self, name: &'static str) -> Option<Millionths> {
        let example = "Нужна строка с десятичным числом, например «3» или «0.125»";
        self.decimal(name, Millionths::parse, example)
    }

    pub(crate) fn money(&self, name: &'static str) -> Option<Kopecks> {
        let example = "Нужна строка с суммой, например «1234.56»";
        self.decimal(name, Kopecks::parse, example)
    }

    pub(crate) fn percent(&self, name: &'static str) -> Option<Percent> {
        let example = "Нужна строка с процентом от 0 до 100, например «12.5»";
        self.decimal(name, Percent::parse, example)
    }

    pub(crate) fn choice<T: Copy>(&self, name: &'static str, all: &[(&str, T)]) -> Option<T> {
        let text = self.text(name, 100)?;
        let found = all.iter().find(|(spelling, _)| *spelling == text);
        if found.is_none() {
            let known: Vec<&str> = all.iter().map(|(spelling, _)| *spelling).collect();
            let message = format!("Неизвестное значение «{text}», можно: {}", known.join(", "));
            self.fault("outOfRange", name, message);
        }
        found.map(|(_, value)| *value)
    }

    pub(crate) fn object(&self, name: &'static str) -> Option<Fields<'a>> {
        let value = self.value(name)?;
        Fields::of(value, &self.path_of(name), self.faults)
    }

    /// The objects of a list, each with its path.
    pub(crate) fn objects(&self, name: &'static str, max: usize) -> Vec<Fields<'a>> {
        let Some(value) = self.value(name) else {
            return Vec::new();
        };
        let Some(list) = value.as_array() else {
            self.fault("wrongType", name, "Нужен список");
            return Vec::new();
        };
        if list.len() > max {
            self.fault("tooMany", name, format!("Не больше {max} элементов"));
            return Vec::new();
        }
        let path = self.path_of(name);
        let items = list.iter().enumerate();
        items
            .filter_map(|(at, item)| Fields::of(item, &format!("{path}[{at}]"), self.faults))
            .collect()
    }

    /// Refuses the fields that nobody asked for.
    pub(crate) fn finish(&self) {
        let known = self.known.borrow();
        for name in self.map.keys() {
            if !known.contains(&name.as_str()) {
                self.fault("unknownField", name, format!("Неизвестное поле «{name}»"));
            }
        }
    }

    fn decimal<T>(
        &self,
        name: &'static str,
        parse: impl Fn(&str) -> Option<T>,
        example: &str,
    ) -> Option<T> {
        let value = self.value(name)?;
        let parsed = value.as_str().and_then(parse);
        if parsed.is_none() {
            self.fault("decimalStringExpected", name, example);
        }
        parsed
    }
}
