//! From what the books say to what the engine reads.

use capability::{ConnectorError, Remote};
use domain::Verdict;

use crate::BooksError;

/// An error of one of our operations.
pub(crate) fn error(
    operation: &str,
    verdict: Verdict,
    code: &str,
    message: impl Into<String>,
) -> ConnectorError {
    ConnectorError {
        verdict,
        remote: Remote::Office,
        method: operation.to_owned(),
        code: code.to_owned(),
        message: message.into(),
        limit: false,
    }
}

/// The books themselves failed.
pub(crate) fn failed(operation: &str) -> impl Fn(BooksError) -> ConnectorError {
    move |failed| error(operation, failed.verdict, "books", failed.message)
}
