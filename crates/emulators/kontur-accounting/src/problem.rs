//! A refusal, in Kontur's error shape.

use std::fmt;

use serde_json::{Value, json};

/// A request or act that was refused. Nothing was changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    pub status: u16,
    /// For programs.
    pub code: &'static str,
    /// Russian, for people.
    pub message: String,
    pub target: Option<String>,
    pub details: Vec<Fault>,
    /// What is in the way, by name.
    pub context: Option<Box<Value>>,
    /// Seconds.
    pub retry_after: Option<u64>,
}

/// One fault of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub code: &'static str,
    pub message: String,
    /// Path of the field, such as `items[0].price`.
    pub target: Option<String>,
}

impl Problem {
    pub(crate) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            target: None,
            details: Vec::new(),
            context: None,
            retry_after: None,
        }
    }

    pub(crate) fn invalid(details: Vec<Fault>) -> Self {
        let message = format!("Запрос содержит ошибки: {}", details.len());
        Self {
            details,
            ..Self::new(400, "validationFailed", message)
        }
    }

    pub(crate) fn not_found(what: &str, target: &str) -> Self {
        Self::new(404, "notFound", format!("{what} не найден")).at(target)
    }

    pub(crate) fn at(mut self, target: &str) -> Self {
        self.target = Some(target.to_owned());
        self
    }

    pub(crate) fn with(mut self, context: Value) -> Self {
        self.context = Some(Box::new(context));
        self
    }

    pub(crate) fn after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    pub(crate) fn body(&self, trace_id: &str) -> Value {
        let details = (!self.details.is_empty()).then(|| {
            let faults = self.details.iter();
            let written =
                faults.map(|f| error(f.code, &f.message, f.target.as_deref(), None, None));
            Value::Array(written.collect())
        });
        json!({
            "statusCode": self.status,
            "traceId": trace_id,
            "error": error(self.code, &self.message, self.target.as_deref(), details, self.context.as_deref()),
        })
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.status, self.code, self.message)?;
        for fault in &self.details {
            let target = fault.target.as_deref().unwrap_or_default();
            write!(f, "; {target}: {} ({})", fault.message, fault.code)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problem {}

fn error(
    code: &str,
    message: &str,
    target: Option<&str>,
    details: Option<Value>,
    context: Option<&Value>,
) -> Value {
    json!({
        "code": code,
        "message": message,
        "target": target,
        "details": details,
        "context": context,
        "innerError": null,
    })
}
