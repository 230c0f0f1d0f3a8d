//! Reading bills: by id, which never lags behind and tells a deleted one, and by number.

use async_trait::async_trait;
use capability::accounting::{FOREIGN, ReadInvoices};
use capability::{Call, ConnectorError};
use domain::{Invoice, InvoiceId, OrganisationId, Verdict};
use futures_util::future::join_all;
use jiff::civil::Date;
use serde_json::Value;

use crate::client::Ask;
use crate::error::{Asked, Failure, Nature};
use crate::{Kontur, mark, translate, wire};

const GET: Asked = Asked {
    operation: "getBill",
    nature: Nature::Read,
};
const LIST: Asked = Asked {
    operation: "listBills",
    nature: Nature::Read,
};
/// A number comes again with each year, and when a bill was deleted: more of one are no list by number.
const MOST_OF_A_NUMBER: usize = 100;
/// Bills that are asked for at one time, where the limits have room for twice as many: thousands of them, one after another,
/// would hold up their pass for minutes, and bills that are to be issued must not wait behind them.
const TOGETHER: usize = 10;

#[async_trait]
impl ReadInvoices for Kontur {
    /// One call each, some under way at one time: the contract has no list by ids. After an answer that holds for all of
    /// them (a limit, a dead key) the rest is not asked and gets the same error.
    async fn read(
        &self,
        call: &Call<'_>,
        organisation: &OrganisationId,
        ids: &[InvoiceId],
    ) -> Vec<Result<Option<Invoice>, ConnectorError>> {
        let mut results = Vec::with_capacity(ids.len());
        let mut holds_for_all: Option<ConnectorError> = None;
        // The first one alone: a key that is dead is not tried ten times.
        let (mut rest, mut together) = (ids, 1);
        while !rest.is_empty() {
            if together > 1 {
                let room = self.client.room(call, GET.operation).await;
                let room = usize::try_from(room).unwrap_or(usize::MAX);
                together = together.min(room / 2).max(1);
            }
            let some;
            (some, rest) = rest.split_at(together.min(rest.len()));
            together = (2 * together).min(TOGETHER);
            if let Some(error) = &holds_for_all {
                results.extend(some.iter().map(|_| Err(error.clone())));
                continue;
            }
            let answers = join_all(some.iter().map(|id| self.one(call, organisation, id))).await;
            let errors = answers.iter().filter_map(|answer| answer.as_ref().err());
            let mut for_all =
                errors.filter(|error| error.limit || error.verdict == Verdict::Reauthorize);
            holds_for_all = for_all.next().cloned();
            results.extend(answers);
        }
        results
    }

    /// Also bills that the accountant made by hand.
    async fn with_number(
        &self,
        call: &Call<'_>,
        organisation: &OrganisationId,
        number: &str,
    ) -> Result<Vec<Invoice>, ConnectorError> {
        let found = self.numbered(call, organisation, number).await?;
        Ok(found.into_iter().map(|(invoice, _)| invoice).collect())
    }

    /// A cancelled bill keeps its number, a deleted one does not.
    async fn is_number_taken(
        &self,
        call: &Call<'_>,
        organisation: &OrganisationId,
        number: &str,
        day: Date,
    ) -> Result<bool, ConnectorError> {
        let found = self.numbered(call, organisation, number).await?;
        let mut found = found.iter();
        Ok(found.any(|(invoice, deleted)| !deleted && invoice.date.year() == day.year()))
    }
}

impl Kontur {
    /// The bills with this number, each with whether it was deleted.
    async fn numbered(
        &self,
        call: &Call<'_>,
        organisation: &OrganisationId,
        number: &str,
    ) -> Result<Vec<(Invoice, bool)>, ConnectorError> {
        let path = ["organizations", organisation.as_str(), "bills"];
        let ask = Ask::get(LIST.operation, &path)
            .query("number", number)
            .query("limit", MOST_OF_A_NUMBER);
        let page: wire::BillPage = self.client.json(call, ask).await?;
        let invoice = |bill: Value| -> Result<(Invoice, bool), Failure> {
            let deleted = translate::is_deleted(&bill);
            let bill: wire::Bill = serde_json::from_value(bill)
                .map_err(|_| LIST.undecodable("a bill is not what the contract promises"))?;
            let invoice = translate::invoice(bill, organisation)
                .map_err(|strange| LIST.undecodable(strange.to_string()))?;
            Ok((invoice, deleted))
        };
        let found: Result<Vec<(Invoice, bool)>, Failure> =
            page.bills.into_iter().map(invoice).collect();
        let found = found?;
        if page.next.is_some() || found.iter().any(|(one, _)| one.number != number) {
            let why = "the list of bills is not one by number";
            return Err(LIST.error(Verdict::Defect, "not-by-number", why));
        }
        Ok(found)
    }

    async fn one(
        &self,
        call: &Call<'_>,
        organisation: &OrganisationId,
        id: &InvoiceId,
    ) -> Result<Option<Invoice>, ConnectorError> {
        let path = ["organizations", organisation.as_str(), "bills", id.as_str()];
        let answer: Result<Value, Failure> =
            self.client.json(call, Ask::get(GET.operation, &path)).await;
        let bill = match answer {
            Ok(bill) if translate::is_deleted(&bill) => return Ok(None),
            Ok(bill) => bill,
            Err(failure) if failure.is_not_found() => return Ok(None),
            Err(failure) => return Err(failure.into()),
        };
        let is_foreign = is_foreign(&bill, id);
        match translated(bill, organisation) {
            Ok(invoice) => Ok(Some(invoice)),
            Err(mut failure) => {
                if is_foreign {
                    failure.error.code = FOREIGN.to_owned();
                }
                Err(failure.into())
            }
        }
    }
}

fn translated(bill: Value, organisation: &OrganisationId) -> Result<Invoice, Failure> {
    let bill: wire::Bill = serde_json::from_value(bill)
        .map_err(|_| GET.undecodable("the bill is not what the contract promises"))?;
    translate::invoice(bill, organisation).map_err(|strange| GET.undecodable(strange.to_string()))
}

/// Whether a bill is surely none of ours, whatever of it cannot be read: a person made it, or its comment can be read and
/// bears no mark. What is not the bill that was asked for tells nothing.
fn is_foreign(bill: &Value, id: &InvoiceId) -> bool {
    let text = |name| bill.get(name).and_then(Value::as_str);
    if text("id") != Some(id.as_str()) {
        return false;
    }
    text("createdBy") == Some("person")
        || match bill.get("comment") {
            None | Some(Value::Null) => true,
            Some(Value::String(comment)) => !mark::is_in(comment),
            Some(_) => false,
        }
}
