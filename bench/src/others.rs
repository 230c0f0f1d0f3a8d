//! The same deals carried by others' habits, on the same portal: what they read and write of it, and nothing of the
//! accounting side.
//!
//! Both are models of a pattern of calls, written by hand against the imitated portal: no freshness, no effects on
//! disk, no looking up of lost answers, no echoes, no seller's data. Both keep the portal's bucket as well as can be.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use futures_util::StreamExt as _;
use http_body_util::BodyExt as _;
use serde_json::{Map, Value, json};
use simulator::offices::office;
use tower::ServiceExt as _;

use crate::bulk::Bulk;
use crate::invoices::Figures;

/// Whose habits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Habit {
    /// One method a request, one request after another.
    OneByOne,
    /// As the Python library `fast_bitrix24` does it: each method for all ids in batches of fifty, several batches
    /// under way, then the next method.
    BatchesByMethod,
}

/// What it took.
#[derive(Clone, Copy, Debug)]
pub struct Took {
    /// Requests to the portal.
    pub calls: usize,
    /// How long.
    pub time: Duration,
}

/// Batches that the library has under way at one time.
const BATCHES_AT_ONCE: usize = 50;
const BATCH: usize = 50;

/// Carries all deals of the measurement.
///
/// # Errors
/// Where the portal refuses something.
pub fn measure(figures: Figures, habit: Habit) -> Result<Took, String> {
    Bulk::live(figures.still(), figures.deals, async move |bulk| {
        let caller = Caller::of(&bulk);
        let began = bulk.world().now();
        let calls = match habit {
            Habit::OneByOne => caller.one_by_one(&bulk).await?,
            Habit::BatchesByMethod => caller.by_method(&bulk).await?,
        };
        let time = bulk.world().now().duration_since(began);
        Ok(Took {
            calls,
            time: Duration::try_from(time).unwrap_or_default(),
        })
    })
}

struct Caller {
    router: Router,
    path: String,
}

impl Caller {
    fn of(bulk: &Bulk) -> Self {
        let portal = bulk.world().portal();
        let credentials = portal.credentials("https://portal.example");
        let path = credentials
            .webhook_url
            .replace("https://portal.example", "");
        Self {
            router: portal.router(),
            path,
        }
    }

    async fn one_by_one(&self, bulk: &Bulk) -> Result<usize, String> {
        let mut calls = 0;
        for deal in bulk.deals() {
            let item = self.ask(bulk, "crm.deal.get", json!({"id": deal})).await?;
            let company = item.get("COMPANY_ID").cloned().unwrap_or_default();
            let read = [
                ("crm.deal.productrows.get", json!({"id": deal})),
                (
                    "crm.requisite.list",
                    json!({"filter": {"ENTITY_TYPE_ID": 4, "ENTITY_ID": company}}),
                ),
            ];
            let write = [update(*deal), comment(*deal)];
            calls += 1 + read.len() + write.len();
            for (method, params) in read.into_iter().chain(write) {
                self.ask(bulk, method, params).await?;
            }
        }
        Ok(calls)
    }

    async fn by_method(&self, bulk: &Bulk) -> Result<usize, String> {
        let deals = bulk.deals();
        let of_deals = |method: &'static str| {
            let of = move |deal: &i64| (method, json!({"id": deal}));
            deals.iter().map(of).collect::<Vec<_>>()
        };
        let companies = (0..bulk.buyers()).filter_map(|number| {
            let company = bulk.world().portal();
            company.company_by_title(&office::title_of(number))
        });
        let of_company = |company: i64| {
            let filter = json!({"ENTITY_TYPE_ID": 4, "ENTITY_ID": company});
            ("crm.requisite.list", json!({ "filter": filter }))
        };
        let steps = [
            of_deals("crm.deal.get"),
            of_deals("crm.deal.productrows.get"),
            companies.map(of_company).collect(),
            deals.iter().map(|deal| update(*deal)).collect(),
            deals.iter().map(|deal| comment(*deal)).collect(),
        ];
        let mut calls = 0;
        for step in steps {
            let batches = step
                .chunks(BATCH)
                .map(batch)
                .map(|batch| async move { self.ask(bulk, "batch", batch).await });
            let mut batches = futures_util::stream::iter(batches).buffered(BATCHES_AT_ONCE);
            while let Some(answer) = batches.next().await {
                answer?;
                calls += 1;
            }
        }
        Ok(calls)
    }

    /// One request; again after a moment where the portal says that it was one too many.
    async fn ask(&self, bulk: &Bulk, method: &str, params: Value) -> Result<Value, String> {
        loop {
            let request = http::Request::post(format!("{}{method}", self.path))
                .header(http::header::CONTENT_TYPE, "application/json")
                .body(Body::from(params.to_string()))
                .map_err(|error| error.to_string())?;
            let Ok(answer) = self.router.clone().oneshot(request).await;
            let status = answer.status().as_u16();
            let body = answer.into_body().collect().await;
            let body = body.map_err(|error| error.to_string())?.to_bytes();
            match status {
                200 => {
                    let answer: Map<String, Value> =
                        serde_json::from_slice(&body).map_err(|error| error.to_string())?;
                    return Ok(answer.get("result").cloned().unwrap_or_default());
                }
                503 => bulk.world().pass(Duration::from_millis(500)).await,
                status => return Err(format!("{method}: {status}")),
            }
        }
    }
}

fn update(deal: i64) -> (&'static str, Value) {
    let fields = json!({office::NUMBER: "1", office::STATUS: "Выставлен"});
    ("crm.deal.update", json!({"id": deal, "fields": fields}))
}

fn comment(deal: i64) -> (&'static str, Value) {
    let fields = json!({"ENTITY_ID": deal, "ENTITY_TYPE": "deal", "COMMENT": "Выставлен счёт"});
    ("crm.timeline.comment.add", json!({ "fields": fields }))
}

fn batch(commands: &[(&'static str, Value)]) -> Value {
    let commands: Map<String, Value> = commands
        .iter()
        .enumerate()
        .map(|(at, (method, params))| {
            let command = json!({"method": method, "params": params});
            (format!("c{at}"), command)
        })
        .collect();
    json!({"halt": 0, "cmd": commands})
}
