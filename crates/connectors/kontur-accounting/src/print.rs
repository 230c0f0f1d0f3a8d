//! The accounting side's own print form of a bill.

use async_trait::async_trait;
use capability::accounting::PrintInvoices;
use capability::{Call, ConnectorError};
use domain::{InvoiceId, OrganisationId, Verdict};
use http::StatusCode;
use transport::Answer;

use crate::Kontur;
use crate::client::Ask;
use crate::error::{Asked, Failure, retry_after};

/// A larger file is no bill, and no deal card wants it.
const MOST_BYTES: usize = 10 << 20;
/// Where the end mark of a PDF stands: within its last kilobyte.
const TAIL_BYTES: usize = 1_024;

#[async_trait]
impl PrintInvoices for Kontur {
    async fn print(
        &self,
        call: &Call<'_>,
        organisation: &OrganisationId,
        id: &InvoiceId,
    ) -> Result<Vec<u8>, ConnectorError> {
        let path = [
            "organizations",
            organisation.as_str(),
            "bills",
            id.as_str(),
            "print-form",
        ];
        let ask = Ask::get("getBillPrintForm", &path).accept("application/pdf");
        self.client
            .exchange(call, ask, pdf)
            .await
            .map_err(|failure| {
                let mut error = ConnectorError::from(failure);
                // A tariff without print forms must not hold back everything else.
                if error.code == "paymentRequired" {
                    error.verdict = Verdict::Reject;
                }
                error
            })
    }
}

fn pdf(asked: Asked, answer: &Answer) -> Result<Vec<u8>, Failure> {
    let body = &answer.body;
    if answer.status == StatusCode::NO_CONTENT {
        let after = retry_after(&answer.headers, answer.sent_at);
        let again = Verdict::Retry { after };
        return Err(asked.failure(again, "not-ready", "the print form is not ready yet"));
    }
    if body.len() > MOST_BYTES {
        let why = format!(
            "the print form has {} bytes, more than {MOST_BYTES}",
            body.len()
        );
        return Err(asked.failure(Verdict::Reject, "too-large", why));
    }
    let tail = body
        .get(body.len().saturating_sub(TAIL_BYTES)..)
        .unwrap_or_default();
    let whole = tail.windows(5).any(|window| window == b"%%EOF");
    if !body.starts_with(b"%PDF-") || !whole {
        return Err(asked.undecodable("the print form is no whole PDF"));
    }
    Ok(body.to_vec())
}
