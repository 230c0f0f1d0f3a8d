//! Answers of the accounting side to verdicts: what may be done after a call failed.
//!
//! The table of statuses stands in the contract. An answer that is not in the contract's shape (a page of
//! a proxy, a cut body) is judged by what the request does: a read is asked again, a write is looked up.

use std::time::Duration;

use capability::exchange::LimitHit;
use capability::{ConnectorError, Remote};
use domain::Verdict;
use http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use planted::Bug;
use transport::{Answer, TransportError};

use crate::journal::scrub;
use crate::wire::{ErrorResponse, Fault};

/// What a request does; it decides what an unclear answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nature {
    /// Without effect.
    Read,
    /// It may change something.
    Write,
}

/// Who was asked what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    /// The contract's `operationId`.
    pub(crate) operation: &'static str,
    /// What it does.
    pub(crate) nature: Nature,
}

/// A failed call with what the capabilities look at before they pass the error on.
#[derive(Debug)]
pub(crate) struct Failure {
    /// For the engine and for people.
    pub(crate) error: ConnectorError,
    /// In the contract's shape and with its status: the remote has understood and refused.
    pub(crate) refusal: Option<Box<Refusal>>,
}

/// A refusal in the contract's shape.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// The HTTP status.
    pub(crate) status: StatusCode,
    /// The contract's code.
    pub(crate) code: String,
    /// What is in the way, with `contractorExists`.
    pub(crate) existing_id: Option<String>,
}

impl Failure {
    /// The remote says that the object does not exist. A page of a proxy with status 404 does not say that.
    pub(crate) fn is_not_found(&self) -> bool {
        self.refusal.as_ref().is_some_and(|refusal| {
            refusal.status == StatusCode::NOT_FOUND && refusal.code == "notFound"
        })
    }

    /// Passes an error on as it is.
    pub(crate) fn of(error: ConnectorError) -> Self {
        Self {
            error,
            refusal: None,
        }
    }

    /// The limit that the remote answered with at `moment`.
    pub(crate) fn limit(&self, moment: Timestamp) -> Option<LimitHit> {
        let after = match self.error.verdict {
            Verdict::Retry { after } => after,
            _ => None,
        };
        self.error.limit.then(|| LimitHit::Rate {
            retry_at: after.and_then(|after| moment.checked_add(after).ok()),
        })
    }
}

impl From<Failure> for ConnectorError {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

impl Asked {
    /// An error of ours about this request.
    pub(crate) fn error(
        self,
        verdict: Verdict,
        code: impl Into<String>,
        message: impl Into<String>,
    ) -> ConnectorError {
        ConnectorError {
            verdict,
            remote: Remote::KonturAccounting,
            method: self.operation.to_owned(),
            code: code.into(),
            message: message.into(),
            limit: false,
        }
    }

    /// A failure without a refusal.
    pub(crate) fn failure(
        self,
        verdict: Verdict,
        code: impl Into<String>,
        message: impl Into<String>,
    ) -> Failure {
        Failure {
            error: self.error(verdict, code, message),
            refusal: None,
        }
    }

    /// No whole answer came.
    pub(crate) fn unanswered(self, error: &TransportError) -> Failure {
        let verdict = if error.surely_not_sent() {
            Verdict::Retry { after: None }
        } else {
            self.unclear(None)
        };
        let mut failure = self.failure(verdict, error.code(), error.to_string());
        failure.error.limit = !error.blames_remote();
        failure
    }

    /// An answer with a status of success whose content is not what the contract promises.
    pub(crate) fn undecodable(self, why: impl Into<String>) -> Failure {
        self.failure(self.unclear(None), "not-understood", why)
    }

    /// An answer without a status of success.
    pub(crate) fn refused(self, answer: &Answer) -> Failure {
        let after = retry_after(&answer.headers, answer.sent_at);
        let fault = serde_json::from_slice::<ErrorResponse>(&answer.body)
            .ok()
            .map(|body| body.error);
        let status = answer.status;
        let code = fault.as_ref().and_then(|fault| fault.code.clone());
        let mut error = self.error(
            self.verdict(status, code.as_deref(), after),
            code.clone()
                .unwrap_or_else(|| format!("http-{}", status.as_u16())),
            fault
                .as_ref()
                .map_or_else(|| "an answer outside the contract".to_owned(), in_words),
        );
        error.limit = status == StatusCode::TOO_MANY_REQUESTS;
        let refusal = code.map(|code| {
            Box::new(Refusal {
                status,
                code,
                existing_id: fault
                    .and_then(|fault| fault.context)
                    .and_then(|context| context.existing_id),
            })
        });
        Failure { error, refusal }
    }

    /// It may have taken effect if it is a write; if it is a read, it is asked again.
    fn unclear(self, after: Option<Duration>) -> Verdict {
        match self.nature {
            Nature::Read => Verdict::Retry { after },
            Nature::Write => Verdict::Verify,
        }
    }

    /// `code` is there only if the body has the contract's shape.
    fn verdict(self, status: StatusCode, code: Option<&str>, after: Option<Duration>) -> Verdict {
        match (status.as_u16(), code) {
            (429, _) => Verdict::Retry { after },
            // Both hold for every call of the key: the key is dead, or the tariff has run out.
            (401, _) | (402, Some(_)) => Verdict::Reauthorize,
            // An earlier request under this key is still at work there, or has taken effect with another content.
            (409, Some("idempotencyKeyInProgress" | "idempotencyKeyReused")) => Verdict::Verify,
            (400 | 403 | 404 | 409 | 413 | 422, Some(_)) => Verdict::Reject,
            // It broke down on the way, before or after it did what was asked: nobody can tell.
            (500..=599, _) if planted::is(Bug::ServerErrorIsFailure) => Verdict::Retry { after },
            (408 | 500..=599, _) => self.unclear(after),
            _ => Verdict::Defect,
        }
    }
}

/// The header `Retry-After` in both its forms, bounded to between a second and an hour.
pub(crate) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let seconds = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse::<u64>().unwrap_or(u64::MAX)
    } else {
        let moment = rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
        u64::try_from(moment.duration_since(now).as_secs()).unwrap_or(0)
    };
    Some(Duration::from_secs(seconds.clamp(1, 3_600)))
}

/// The remote's words about all faults, each with its place: `items[0].price: …`.
fn in_words(fault: &Fault) -> String {
    let details = fault.details.as_deref().unwrap_or_default();
    let said = fault.message.as_deref().unwrap_or("no words given");
    if details.is_empty() {
        return scrub(said);
    }
    let lines: Vec<String> = details
        .iter()
        .map(|detail| {
            let said = detail.message.as_deref().or(detail.code.as_deref());
            let said = said.unwrap_or("no words given");
            match &detail.target {
                Some(target) => format!("{target}: {said}"),
                None => said.to_owned(),
            }
        })
        .collect();
    scrub(&lines.join("; "))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use domain::Verdict;
    use http::{HeaderMap, HeaderValue, StatusCode, header};
    use jiff::Timestamp;
    use transport::{Answer, TransportError};

    use super::{Asked, Failure, Nature, retry_after};

    const READ: Asked = Asked {
        operation: "getBill",
        nature: Nature::Read,
    };
    const WRITE: Asked = Asked {
        operation: "createBill",
        nature: Nature::Write,
    };
    const AGAIN: Verdict = Verdict::Retry { after: None };

    fn now() -> Timestamp {
        "2026-03-12T09:00:00Z".parse().unwrap()
    }

    fn refused(asked: Asked, status: u16, body: &str) -> Failure {
        asked.refused(&Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: Bytes::copy_from_slice(body.as_bytes()),
            sent_at: now(),
            duration_ms: 5,
        })
    }

    fn in_shape(code: &str) -> String {
        format!(r#"{{"statusCode":0,"error":{{"code":"{code}","message":"нельзя"}}}}"#)
    }

    #[test]
    fn a_refusal_in_the_contracts_shape_has_its_verdict() {
        let table = [
            (400, "validationFailed", Verdict::Reject, Verdict::Reject),
            (
                401,
                "unauthorized",
                Verdict::Reauthorize,
                Verdict::Reauthorize,
            ),
            (
                402,
                "paymentRequired",
                Verdict::Reauthorize,
                Verdict::Reauthorize,
            ),
            (403, "forbidden", Verdict::Reject, Verdict::Reject),
            (404, "notFound", Verdict::Reject, Verdict::Reject),
            (405, "methodNotAllowed", Verdict::Defect, Verdict::Defect),
            (409, "periodClosed", Verdict::Reject, Verdict::Reject),
            (
                409,
                "idempotencyKeyInProgress",
                Verdict::Verify,
                Verdict::Verify,
            ),
            (
                409,
                "idempotencyKeyReused",
                Verdict::Verify,
                Verdict::Verify,
            ),
            (413, "requestTooLarge", Verdict::Reject, Verdict::Reject),
            (
                415,
                "unsupportedMediaType",
                Verdict::Defect,
                Verdict::Defect,
            ),
            (422, "unprocessable", Verdict::Reject, Verdict::Reject),
            (429, "tooManyRequests", AGAIN, AGAIN),
            (500, "internal", AGAIN, Verdict::Verify),
            (503, "unavailable", AGAIN, Verdict::Verify),
        ];
        for (status, code, on_read, on_write) in table {
            let read = refused(READ, status, &in_shape(code)).error;
            let write = refused(WRITE, status, &in_shape(code)).error;
            assert_eq!((read.verdict, read.code.as_str()), (on_read, code));
            assert_eq!((write.verdict, write.limit), (on_write, status == 429));
            assert_eq!(write.message, "нельзя");
        }
    }

    #[test]
    fn a_page_of_a_proxy_is_never_a_refusal() {
        let page = "<html><h1>Forbidden</h1></html>";
        for status in [301, 400, 402, 403, 404, 409, 413] {
            let failure = refused(WRITE, status, page);
            assert_eq!(failure.error.verdict, Verdict::Defect, "{status}");
            assert!(failure.refusal.is_none());
        }
        for status in [408, 500, 502, 504] {
            assert_eq!(refused(WRITE, status, page).error.verdict, Verdict::Verify);
            assert_eq!(refused(READ, status, page).error.verdict, AGAIN);
        }
        assert!(!refused(READ, 404, page).is_not_found());
        assert!(refused(READ, 404, &in_shape("notFound")).is_not_found());
        assert!(!refused(READ, 410, &in_shape("notFound")).is_not_found());
    }

    #[test]
    fn only_what_surely_did_not_leave_may_be_sent_again() {
        let not_sent = TransportError::NotSent("refused".to_owned());
        assert_eq!(WRITE.unanswered(&not_sent).error.verdict, AGAIN);
        for error in [
            TransportError::TimedOut(Duration::from_secs(75)),
            TransportError::Cut("reset".to_owned()),
            TransportError::TooLarge,
        ] {
            assert_eq!(WRITE.unanswered(&error).error.verdict, Verdict::Verify);
            assert_eq!(READ.unanswered(&error).error.verdict, AGAIN);
        }
    }

    #[test]
    fn retry_after_is_read_in_both_forms_and_bounded() {
        let table = [
            ("7", Some(7)),
            ("0", Some(1)),
            ("86400", Some(3_600)),
            ("99999999999999999999999", Some(3_600)),
            ("Thu, 12 Mar 2026 09:00:30 GMT", Some(30)),
            ("Thu, 12 Mar 2026 08:00:00 GMT", Some(1)),
            ("Fri, 12 Mar 2027 09:00:00 GMT", Some(3_600)),
            ("soon", None),
            ("-5", None),
            ("1.5", None),
            ("", None),
        ];
        for (text, seconds) in table {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, HeaderValue::from_str(text).unwrap());
            let expected = seconds.map(Duration::from_secs);
            assert_eq!(retry_after(&headers, now()), expected, "{text}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now()), None);
    }

    #[test]
    fn every_fault_is_told_with_its_place() {
        let body = include_str!("../fixtures/error_many_faults.json");
        let failure = refused(WRITE, 400, body);
        assert_eq!(failure.error.code, "validationFailed");
        assert_eq!(
            failure.error.message,
            "date: Нет такой даты: «2026-02-30»; contractorId: Указанный контрагент не найден; \
             items[0].quantity: Нужна строка с десятичным числом, например «3» или «0.125»; \
             items[1].ndsRate: В счёте с НДС у каждой позиции нужна ставка"
        );
    }

    #[test]
    fn what_is_in_the_way_is_named() {
        let body = include_str!("../fixtures/error_contractor_exists.json");
        let refusal = refused(WRITE, 409, body).refusal.unwrap();
        assert_eq!(refusal.code, "contractorExists");
        assert_eq!(
            refusal.existing_id.as_deref(),
            Some("b79d3808-beef-4ce8-b27a-1192e7366d4e")
        );
    }
}
