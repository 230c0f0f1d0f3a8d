//! The service behind the wire: keys, limits, idempotency, the books, and the log that only
//! judges read. Everything here is one step under one lock; no time passes inside.

use std::collections::BTreeMap;

use emulator_harness::FaultKind;
use jiff::{SignedDuration, Timestamp};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use crate::book::{Book, Stamp};
use crate::config::{ApiKey, Config, Settings};
use crate::hints::HintSent;
use crate::id::Id;
use crate::limits::Limiter;
use crate::operations::{Action, Asked, InBook, Operation, Reply};
use crate::problem::{Fault, Problem};
use crate::replies;
use crate::truth::{RequestSeen, Truth, Who};

/// How long an idempotency key is remembered.
const KEY_RETENTION: SignedDuration = SignedDuration::from_hours(24);

/// A request that has arrived whole.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) operation: &'static Operation,
    pub(crate) path: String,
    pub(crate) organization: Option<String>,
    pub(crate) id: Option<String>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) api_key: Option<String>,
    pub(crate) idempotency_key: Option<String>,
    pub(crate) body: Result<Vec<u8>, BodyFault>,
}

/// Why a body was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyFault {
    TooLarge,
    NotJson,
}

/// What the service says to a call.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) trace_id: String,
    pub(crate) outcome: Result<Reply, Problem>,
    /// This is the remembered answer to an earlier request.
    pub(crate) replayed: bool,
}

#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) settings: Settings,
    pub(crate) books: Vec<Book>,
    pub(crate) requests: Vec<RequestSeen>,
    pub(crate) hints: Vec<HintSent>,
    keys: Vec<ApiKey>,
    limiter: Limiter,
    remembered: BTreeMap<(String, String), Remembered>,
    traces: ChaCha8Rng,
}

#[derive(Debug)]
struct Remembered {
    at: Timestamp,
    path: String,
    body: Vec<u8>,
    reply: Reply,
}

impl Service {
    pub(crate) fn new(config: Config, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let organizations = match config.organizations {
            given if given.is_empty() => Config::default().organizations,
            given => given,
        };
        let mut books: Vec<Book> = organizations
            .into_iter()
            .map(|organization| Book::new(organization, rng.next_u64()))
            .collect();
        books.sort_by_key(|book| book.organization.id);
        let mut keys = config.api_keys;
        if keys.is_empty() {
            let key = Id::random(&mut rng).to_string();
            keys.push(ApiKey {
                key,
                organizations: None,
            });
        }
        Self {
            settings: config.settings,
            books,
            requests: Vec::new(),
            hints: Vec::new(),
            keys,
            limiter: Limiter::default(),
            remembered: BTreeMap::new(),
            traces: rng,
        }
    }

    pub(crate) fn first_key(&self) -> String {
        let first = self.keys.first();
        first.map(|key| key.key.clone()).unwrap_or_default()
    }

    pub(crate) fn book(&mut self, id: Id) -> Option<&mut Book> {
        let mut books = self.books.iter_mut();
        books.find(|book| book.organization.id == id)
    }

    /// Notes a request; its answer is filled in when the service has given one.
    pub(crate) fn note(&mut self, call: &Call, fault: Option<FaultKind>, now: Timestamp) -> usize {
        self.requests.push(RequestSeen {
            at: now,
            operation: call.operation.name,
            path: call.path.clone(),
            fault,
            status: None,
        });
        self.requests.len() - 1
    }

    /// The service's answer to a call that reached it.
    pub(crate) fn answer(&mut self, call: &Call, noted: usize, now: Timestamp) -> Answer {
        let trace_id = format!("{:016x}", self.traces.next_u64());
        let (outcome, replayed) = match self.admit(call, now) {
            Ok(Some(remembered)) => (Ok(remembered), true),
            Ok(None) => (self.perform(call, now), false),
            Err(problem) => (Err(problem), false),
        };
        let status = match &outcome {
            Ok(reply) => reply.status,
            Err(problem) => problem.status,
        };
        if let Some(seen) = self.requests.get_mut(noted) {
            seen.status = Some(status);
        }
        if let (Ok(reply), false) = (&outcome, replayed) {
            self.remember(call, reply, now);
        }
        Answer {
            trace_id,
            outcome,
            replayed,
        }
    }

    /// The answer to one who asks too often, when a fault demands it.
    pub(crate) fn limit_answer(&mut self) -> Answer {
        self.refuse(too_many(1))
    }

    pub(crate) fn refuse(&mut self, problem: Problem) -> Answer {
        Answer {
            trace_id: format!("{:016x}", self.traces.next_u64()),
            outcome: Err(problem),
            replayed: false,
        }
    }

    pub(crate) fn truth(&self) -> Truth {
        let own = self
            .books
            .iter()
            .map(|book| (book.organization.id, book.truth()));
        Truth {
            organizations: own.collect(),
            requests: self.requests.clone(),
        }
    }

    /// Key, limit, organisation, tariff, body and idempotency, in this order.
    fn admit(&mut self, call: &Call, now: Timestamp) -> Result<Option<Reply>, Problem> {
        let key = self.known_key(call)?.clone();
        let taken = self
            .limiter
            .take(&key.key, self.settings.requests_per_minute, now);
        taken.map_err(too_many)?;
        if let Action::InBook(_) = call.operation.action {
            self.admit_to_book(call, &key)?;
        }
        match &call.body {
            Err(BodyFault::TooLarge) => {
                let message = "Тело запроса больше 1 МиБ";
                return Err(Problem::new(413, "requestTooLarge", message));
            }
            Err(BodyFault::NotJson) => {
                let message = "Тело запроса должно быть application/json";
                return Err(Problem::new(415, "unsupportedMediaType", message));
            }
            Ok(_) => {}
        }
        self.recall(call, now)
    }

    fn known_key(&self, call: &Call) -> Result<&ApiKey, Problem> {
        let mut keys = self.keys.iter();
        let known = keys.find(|known| Some(&known.key) == call.api_key.as_ref());
        known.ok_or_else(|| {
            let message = "Ключ API не указан, неизвестен или отозван";
            Problem::new(401, "unauthorized", message)
        })
    }

    fn admit_to_book(&mut self, call: &Call, key: &ApiKey) -> Result<(), Problem> {
        let id = call.organization.as_deref().and_then(|id| id.parse().ok());
        let opened = id.filter(|id| key.opens(*id));
        let Some(book) = opened.and_then(|id| self.book(id)) else {
            let message = "Нет доступа к организации";
            return Err(Problem::new(403, "forbidden", message).at("organizationId"));
        };
        if !book.organization.tariff_paid {
            let message = "Текущий тариф не позволяет выполнить запрашиваемое действие";
            return Err(Problem::new(402, "paymentRequired", message));
        }
        Ok(())
    }

    fn perform(&mut self, call: &Call, now: Timestamp) -> Result<Reply, Problem> {
        let body = parse_body(call)?;
        let settings = self.settings.clone();
        let asked = Asked {
            id: call.id.as_deref(),
            query: &call.query,
            body: &body,
            stamp: Stamp { now, who: Who::Api },
            settings: &settings,
        };
        match call.operation.action {
            Action::Capabilities => Ok(Reply::json(replies::capabilities(&settings))),
            Action::Organizations => self.organizations(call, &asked),
            Action::InBook(perform) => self.perform_in_book(call, perform, &asked),
        }
    }

    fn perform_in_book(
        &mut self,
        call: &Call,
        perform: InBook,
        asked: &Asked<'_>,
    ) -> Result<Reply, Problem> {
        let id = call.organization.as_deref().and_then(|id| id.parse().ok());
        let book = id.and_then(|id| self.book(id));
        let book = book.ok_or_else(|| Problem::not_found("Объект", "organizationId"))?;
        perform(book, asked)
    }

    fn organizations(&self, call: &Call, asked: &Asked<'_>) -> Result<Reply, Problem> {
        let offset = asked.number("offset", (0, u64::MAX), 0)?;
        let limit = asked.number("limit", (1, 100), 100)?;
        let key = self.known_key(call)?;
        let own = self.books.iter().map(|book| &book.organization);
        let page: Vec<Value> = own
            .filter(|organization| key.opens(organization.id))
            .skip(usize::try_from(offset).unwrap_or(usize::MAX))
            .take(usize::try_from(limit).unwrap_or(usize::MAX))
            .map(replies::organization)
            .collect();
        Ok(Reply::json(json!({"organizations": page})))
    }

    fn recall(&self, call: &Call, now: Timestamp) -> Result<Option<Reply>, Problem> {
        let Some(name) = self.key_name(call)? else {
            return Ok(None);
        };
        let fresh = |known: &&Remembered| now.duration_since(known.at) < KEY_RETENTION;
        let Some(known) = self.remembered.get(&name).filter(fresh) else {
            return Ok(None);
        };
        if known.path != call.path || Ok(&known.body) != call.body.as_ref() {
            let message = "С этим ключом идемпотентности уже был другой запрос";
            return Err(Problem::new(409, "idempotencyKeyReused", message).at("Idempotency-Key"));
        }
        Ok(Some(known.reply.clone()))
    }

    fn remember(&mut self, call: &Call, reply: &Reply, now: Timestamp) {
        let (Ok(Some(name)), Ok(body)) = (self.key_name(call), &call.body) else {
            return;
        };
        let remembered = Remembered {
            at: now,
            path: call.path.clone(),
            body: body.clone(),
            reply: reply.clone(),
        };
        self.remembered.insert(name, remembered);
    }

    /// What an honoured idempotency key is remembered under; `None` where it means nothing.
    fn key_name(&self, call: &Call) -> Result<Option<(String, String)>, Problem> {
        if !self.settings.idempotency_key || !call.operation.takes_key() {
            return Ok(None);
        }
        let (Some(api_key), Some(key)) = (&call.api_key, &call.idempotency_key) else {
            return Ok(None);
        };
        let well_formed =
            (1..=255).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
        if !well_formed {
            return Err(Problem::invalid(vec![Fault {
                code: "outOfRange",
                message: "Нужно от 1 до 255 видимых знаков ASCII".to_owned(),
                target: Some("Idempotency-Key".to_owned()),
            }]));
        }
        Ok(Some((api_key.clone(), key.clone())))
    }
}

impl ApiKey {
    fn opens(&self, organization: Id) -> bool {
        let named = self.organizations.as_ref();
        named.is_none_or(|named| named.contains(&organization))
    }
}

fn parse_body(call: &Call) -> Result<Value, Problem> {
    let bytes = match &call.body {
        Ok(bytes) if !bytes.is_empty() => bytes,
        _ => return Ok(Value::Null),
    };
    serde_json::from_slice(bytes).map_err(|_| {
        Problem::invalid(vec![Fault {
            code: "wrongType",
            message: "Тело запроса не разобрать как JSON".to_owned(),
            target: None,
        }])
    })
}

fn too_many(seconds: u64) -> Problem {
    let message = "Слишком много запросов, повторите позже";
    Problem::new(429, "tooManyRequests", message).after(seconds)
}
