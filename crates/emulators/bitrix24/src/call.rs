//! One call of a method: who calls, with what, and what may come back.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::state::State;
use crate::value::{Map, is_empty, members, text_of};

/// Who stands behind a change.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case", tag = "by")]
pub enum Actor {
    /// A person in the portal's own pages.
    Person { user: i64 },
    /// A call through an incoming webhook.
    Webhook { user: i64 },
    /// A call with an application's token.
    Application { user: i64, client_id: String },
    /// A robot of the funnel: its events carry no tokens.
    Robot,
}

impl Actor {
    pub(crate) fn user(&self) -> Option<i64> {
        match self {
            Actor::Person { user } | Actor::Webhook { user } | Actor::Application { user, .. } => {
                Some(*user)
            }
            Actor::Robot => None,
        }
    }
}

/// How a call was authorised.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) actor: Actor,
    pub(crate) user: i64,
    /// Index of the application, where its token was used.
    pub(crate) app: Option<usize>,
    pub(crate) scopes: Vec<String>,
    /// What precedes a method in addresses made for this caller: `https://x/rest/1/secret/`.
    pub(crate) endpoint: String,
    /// The token as given, to sign download links with.
    pub(crate) token: Option<String>,
    /// Whom limits of one application or webhook are booked on.
    pub(crate) account: String,
}

impl Caller {
    pub(crate) fn has_scope(&self, scope: &str) -> bool {
        scope.is_empty() || self.scopes.iter().any(|own| own == scope)
    }
}

/// One method call within one lock of the state.
pub(crate) struct Call<'a> {
    pub(crate) state: &'a mut State,
    pub(crate) caller: &'a Caller,
    pub(crate) now: Timestamp,
    /// Lower-cased.
    pub(crate) method: &'a str,
    pub(crate) params: &'a Map,
}

impl Call<'_> {
    /// A parameter; names of parameters are compared without case, as most methods do.
    pub(crate) fn param(&self, name: &str) -> &Value {
        param(self.params, name)
    }

    pub(crate) fn id(&self) -> Option<i64> {
        crate::value::int_of(self.param("id")).filter(|id| *id > 0)
    }

    pub(crate) fn int(&self, name: &str) -> Option<i64> {
        crate::value::int_of(self.param(name))
    }

    pub(crate) fn text(&self, name: &str) -> String {
        text_of(self.param(name))
    }

    pub(crate) fn fields(&self) -> Map {
        match self.param("fields") {
            Value::Object(fields) => fields.clone(),
            _ => Map::new(),
        }
    }

    /// Missing ones answer as the vendor's argument binding does.
    pub(crate) fn need(&self, names: &[&str]) -> Result<(), Refusal> {
        for name in names {
            if self.param(name).is_null() {
                return Err(Refusal::missing(name));
            }
        }
        Ok(())
    }

    pub(crate) fn seconds(&self) -> i64 {
        self.now.as_second()
    }

    /// The channel that a modifying call names to keep its own echo out of an offline queue.
    pub(crate) fn connector(&self) -> Option<String> {
        Some(self.text("auth_connector")).filter(|name| !name.is_empty())
    }

    pub(crate) fn is_admin(&self) -> bool {
        self.state
            .user(self.caller.user)
            .is_some_and(|user| user.admin)
    }

    pub(crate) fn need_admin(&self, description: &str) -> Result<(), Refusal> {
        if self.is_admin() {
            Ok(())
        } else {
            Err(Refusal::denied(description))
        }
    }
}

pub(crate) fn param<'a>(params: &'a Map, name: &str) -> &'a Value {
    params
        .get(name)
        .or_else(|| {
            params
                .iter()
                .find(|(key, _)| key.eq_ignore_ascii_case(name))
                .map(|(_, value)| value)
        })
        .unwrap_or(&Value::Null)
}

/// A successful answer.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) result: Value,
    pub(crate) total: Option<i64>,
    pub(crate) next: Option<i64>,
}

impl From<Value> for Reply {
    fn from(result: Value) -> Self {
        Reply {
            result,
            total: None,
            next: None,
        }
    }
}

impl Reply {
    /// A complete list that knows its size.
    pub(crate) fn list(items: Vec<Value>) -> Self {
        let total = i64::try_from(items.len()).ok();
        Reply {
            result: Value::Array(items),
            total,
            next: None,
        }
    }
}

pub(crate) type Answer = Result<Reply, Refusal>;

/// A string, or a number in some families.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Code {
    Word(String),
    Number(i64),
}

/// A refused call, in the vendor's shape.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: Code,
    pub(crate) description: String,
    pub(crate) argument: Option<String>,
}

impl Refusal {
    pub(crate) fn new(status: u16, code: &str, description: impl Into<String>) -> Self {
        Refusal {
            status,
            code: Code::Word(code.to_owned()),
            description: description.into(),
            argument: None,
        }
    }

    pub(crate) fn bad_argument(description: impl Into<String>) -> Self {
        Refusal::new(400, "INVALID_ARG_VALUE", description)
    }

    /// The empty code of the requisite family and its like.
    pub(crate) fn nameless(description: impl Into<String>) -> Self {
        Refusal::new(400, "", description)
    }

    pub(crate) fn not_found(description: &str) -> Self {
        Refusal::new(400, "NOT_FOUND", description)
    }

    pub(crate) fn denied(description: &str) -> Self {
        Refusal::new(403, "ACCESS_DENIED", description)
    }

    pub(crate) fn missing(name: &str) -> Self {
        Refusal::new(
            400,
            "100",
            format!("Could not find value for parameter {{{name}}}"),
        )
    }

    pub(crate) fn application_only() -> Self {
        Refusal::denied("Access denied! Application context required")
    }

    pub(crate) fn numbered(code: i64, description: &str) -> Self {
        Refusal {
            status: 400,
            code: Code::Number(code),
            description: description.to_owned(),
            argument: None,
        }
    }

    pub(crate) fn code_text(&self) -> String {
        match &self.code {
            Code::Word(word) => word.clone(),
            Code::Number(number) => number.to_string(),
        }
    }

    pub(crate) fn body(&self) -> Value {
        let code = match &self.code {
            Code::Word(word) => Value::from(word.clone()),
            Code::Number(number) => Value::from(*number),
        };
        let mut body = json!({"error": code, "error_description": self.description});
        if let (Value::Object(body), Some(argument)) = (&mut body, &self.argument) {
            body.insert("argument".into(), Value::from(argument.clone()));
        }
        body
    }
}

/// The `filter`, `order`, `select`, `start` of a list call.
pub(crate) struct ListParams<'a> {
    pub(crate) filter: &'a Value,
    pub(crate) order: &'a Value,
    pub(crate) select: &'a Value,
    pub(crate) start: &'a Value,
}

impl<'a> ListParams<'a> {
    pub(crate) fn of(params: &'a Map) -> Result<Self, Refusal> {
        let filter = param(params, "filter");
        let order = param(params, "order");
        for (name, value) in [("filter", filter), ("order", order)] {
            let is_scalar = matches!(
                value,
                Value::String(_) | Value::Number(_) | Value::Bool(true)
            );
            if is_scalar && !is_empty(value) {
                return Err(Refusal::nameless(format!(
                    "Parameter '{name}' must be array."
                )));
            }
        }
        Ok(ListParams {
            filter,
            order,
            select: param(params, "select"),
            start: param(params, "start"),
        })
    }

    pub(crate) fn selected(&self) -> Vec<String> {
        members(self.select).into_iter().map(text_of).collect()
    }
}
