//! The portal's statuses and codes to verdicts; pure.
//!
//! The question is always the same: may the request have taken effect? A limit, an expired token or
//! a refusal is answered before the work begins; a 5xx, a broken connection or an answer that is no
//! JSON may come after it. Codes are compared without case, because the portal writes both.

use std::time::Duration;

use capability::{ConnectorError, Remote};
use domain::Verdict;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use transport::TransportError;

/// Whether a request changes anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It may be repeated freely.
    Read,
    /// Without a clear answer it may have happened.
    Write,
}

/// A well-formed refusal: `{"error": …, "error_description": …}` with its HTTP status, 200 inside a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The HTTP status; none for a command of a batch.
    pub(crate) status: Option<u16>,
    /// Lower case; may be empty or a number.
    pub(crate) code: String,
    /// Localised words; not for people in the office.
    pub(crate) description: String,
}

/// What a refusal means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Renew the access token and send the same once more: nothing was executed.
    Expired,
    /// Too many requests of this account.
    Rate,
    /// This method has used up its run time.
    Method,
    /// Blocked by the vendor.
    Blocked,
    /// The batch was longer than the portal takes; the command was not looked at.
    TooLong,
    /// Nothing else: what may be done next.
    Plain(Verdict),
}

/// What a batch that is blocked by the vendor must wait before one probe.
const BLOCKED: Duration = Duration::from_secs(15 * 60);
/// How long a method rests whose reset the portal did not tell.
const METHOD_REST: Duration = Duration::from_secs(10);
/// How long an account rests that was asked too often.
const RATE_REST: Duration = Duration::from_secs(1);
/// A wish of the remote beyond this is not taken literally.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// Codes after which nothing of this connection can work until somebody renews access.
const ACCESS_LOST: [&str; 11] = [
    "invalid_token",
    "no_auth_found",
    "invalid_grant",
    "invalid_client",
    "wrong_client",
    "not_installed",
    "application_not_found",
    "payment_required",
    "portal_deleted",
    "user_access_error",
    "authorization_error",
];

impl Refusal {
    /// What it means for a request of this kind.
    pub(crate) fn meaning(&self, effect: Effect) -> Meaning {
        match self.code.as_str() {
            "expired_token" => return Meaning::Expired,
            "query_limit_exceeded" => return Meaning::Rate,
            "operation_time_limit" => return Meaning::Method,
            "overload_limit" => return Meaning::Blocked,
            "error_batch_length_exceeded" => return Meaning::TooLong,
            "internal_server_error" | "error_unexpected_answer" => {
                return Meaning::Plain(unclear(effect));
            }
            // The plan ended: the code is the one of a missing right, only the sentence differs.
            "access_denied" if self.description.contains("commercial plans") => {
                return Meaning::Plain(Verdict::Reauthorize);
            }
            code if ACCESS_LOST.contains(&code) => {
                return Meaning::Plain(Verdict::Reauthorize);
            }
            _ => {}
        }
        Meaning::Plain(match self.status {
            // Inside a batch every refusal of a method arrives without a status.
            None => Verdict::Reject,
            Some(401) if self.code.starts_with("method_confirm") => Verdict::Reject,
            Some(401) => Verdict::Reauthorize,
            Some(408 | 425) => unclear(effect),
            Some(429) => return Meaning::Rate,
            Some(400..=499) => Verdict::Reject,
            // An error under a status that tells success: understood, but not known.
            Some(200..=299) => defect(effect),
            Some(_) => unclear(effect),
        })
    }

    /// The error for `method`.
    pub(crate) fn error(
        &self,
        effect: Effect,
        method: &str,
        now: Timestamp,
        until: Option<Timestamp>,
    ) -> ConnectorError {
        let (verdict, limit) = match self.meaning(effect) {
            // A second expiry right after a refresh: the portal does not take our tokens.
            Meaning::Expired => (Verdict::Reauthorize, false),
            Meaning::Rate => (retry(until, now, RATE_REST), true),
            Meaning::Method => (retry(until, now, METHOD_REST), true),
            Meaning::Blocked => (
                Verdict::Retry {
                    after: Some(BLOCKED),
                },
                true,
            ),
            Meaning::TooLong => (Verdict::Retry { after: None }, false),
            Meaning::Plain(verdict) => (verdict, false),
        };
        ConnectorError {
            verdict,
            remote: Remote::Bitrix24,
            method: method.to_owned(),
            code: if self.code.is_empty() {
                "no-code".to_owned()
            } else {
                self.code.clone()
            },
            message: scrubbed(&self.description),
            limit,
        }
    }
}

/// No trustworthy answer came.
pub(crate) fn no_answer(effect: Effect, method: &str, error: &TransportError) -> ConnectorError {
    let verdict = if error.surely_not_sent() {
        Verdict::Retry { after: None }
    } else {
        unclear(effect)
    };
    ConnectorError {
        limit: !error.blames_remote(),
        ..failed(verdict, method, error.code(), error.to_string())
    }
}

/// An answer came that proves nothing: HTML, cut JSON, a missing key.
pub(crate) fn unclear_answer(
    effect: Effect,
    method: &str,
    code: &str,
    message: impl Into<String>,
) -> ConnectorError {
    failed(unclear(effect), method, code, message)
}

/// An answer that was understood as success and has another shape than we know.
pub(crate) fn other_shape(
    effect: Effect,
    method: &str,
    message: impl Into<String>,
) -> ConnectorError {
    failed(defect(effect), method, "other-shape", message)
}

/// An error of ours or of the remote with a verdict already known.
pub(crate) fn failed(
    verdict: Verdict,
    method: &str,
    code: &str,
    message: impl Into<String>,
) -> ConnectorError {
    ConnectorError {
        verdict,
        remote: Remote::Bitrix24,
        method: method.to_owned(),
        code: code.to_owned(),
        message: message.into(),
        limit: false,
    }
}

/// `Retry-After` in both its forms, taken only between a second and an hour from now.
pub(crate) fn retry_after(header: Option<&str>, now: Timestamp) -> Option<Timestamp> {
    let words = header?.trim();
    let at = match words.parse::<u32>() {
        Ok(seconds) => now
            .checked_add(Duration::from_secs(u64::from(seconds)))
            .ok()?,
        Err(_) => rfc2822::DateTimeParser::new().parse_timestamp(words).ok()?,
    };
    let wait = Duration::try_from(at.duration_since(now)).ok()?;
    (wait >= Duration::from_secs(1) && wait <= LONGEST_WAIT).then_some(at)
}

/// Words of the remote, shortened, without what may be a person's number or address.
pub(crate) fn scrubbed(words: &str) -> String {
    let kept: Vec<String> = words
        .split_whitespace()
        .take(40)
        .map(|word| {
            let digits = word.chars().filter(char::is_ascii_digit).count();
            if word.contains('@') || digits > 5 || word.contains("://") {
                "…".to_owned()
            } else {
                word.chars().take(60).collect()
            }
        })
        .collect();
    kept.join(" ")
}

fn unclear(effect: Effect) -> Verdict {
    match effect {
        Effect::Read => Verdict::Retry { after: None },
        Effect::Write => Verdict::Verify,
    }
}

fn defect(effect: Effect) -> Verdict {
    match effect {
        Effect::Read => Verdict::Defect,
        Effect::Write => Verdict::Verify,
    }
}

fn retry(until: Option<Timestamp>, now: Timestamp, least: Duration) -> Verdict {
    let wait = until
        .and_then(|until| Duration::try_from(until.duration_since(now)).ok())
        .unwrap_or(least);
    Verdict::Retry {
        after: Some(wait.clamp(least, LONGEST_WAIT)),
    }
}

#[cfg(test)]
mod tests {
    use super::{Effect, Meaning, Refusal, retry_after, scrubbed};
    use domain::Verdict;
    use jiff::Timestamp;

    fn meaning(status: u16, code: &str, effect: Effect) -> Meaning {
        let status = (status != 0).then_some(status);
        let refusal = Refusal {
            status,
            code: code.to_owned(),
            description: String::new(),
        };
        refusal.meaning(effect)
    }

    #[test]
    fn codes_of_the_vendors_table_have_their_verdicts() {
        use Effect::{Read, Write};
        let plain = Meaning::Plain;
        let again = plain(Verdict::Retry { after: None });
        for (status, code, effect, expected) in [
            (503, "query_limit_exceeded", Write, Meaning::Rate),
            (429, "operation_time_limit", Write, Meaning::Method),
            (503, "overload_limit", Read, Meaning::Blocked),
            (401, "expired_token", Write, Meaning::Expired),
            (0, "expired_token", Write, Meaning::Expired),
            (401, "invalid_token", Write, plain(Verdict::Reauthorize)),
            (401, "no_auth_found", Read, plain(Verdict::Reauthorize)),
            (401, "something_new", Read, plain(Verdict::Reauthorize)),
            (401, "method_confirm_waiting", Write, plain(Verdict::Reject)),
            (500, "portal_deleted", Read, plain(Verdict::Reauthorize)),
            (403, "insufficient_scope", Write, plain(Verdict::Reject)),
            (403, "access_denied", Read, plain(Verdict::Reject)),
            (404, "error_method_not_found", Write, plain(Verdict::Reject)),
            (400, "", Write, plain(Verdict::Reject)),
            (400, "100", Write, plain(Verdict::Reject)),
            (0, "0", Write, plain(Verdict::Reject)),
            (
                405,
                "error_batch_method_not_allowed",
                Write,
                plain(Verdict::Reject),
            ),
            (400, "error_batch_length_exceeded", Write, Meaning::TooLong),
            (500, "internal_server_error", Read, again),
            (500, "internal_server_error", Write, plain(Verdict::Verify)),
            (0, "internal_server_error", Write, plain(Verdict::Verify)),
            (502, "", Write, plain(Verdict::Verify)),
            (200, "something_new", Write, plain(Verdict::Verify)),
            (200, "something_new", Read, plain(Verdict::Defect)),
        ] {
            assert_eq!(meaning(status, code, effect), expected, "{status} {code}");
        }
    }

    #[test]
    fn a_wish_to_wait_is_taken_between_a_second_and_an_hour() {
        let now: Timestamp = "2026-03-01T10:00:00Z".parse().unwrap();
        for absurd in [
            "0",
            "-1",
            "1000000000",
            "soon",
            "Wed, 21 Oct 2015 07:28:00 GMT",
        ] {
            assert_eq!(retry_after(Some(absurd), now), None, "{absurd}");
        }
        let after = retry_after(Some("30"), now).unwrap();
        assert_eq!(after.to_string(), "2026-03-01T10:00:30Z");
    }

    #[test]
    fn words_of_the_remote_lose_numbers_and_addresses() {
        assert_eq!(
            scrubbed("Company 7707083893 of ivan@example.com at https://x.example/?k=1 not found"),
            "Company … of … at … not found"
        );
    }
}
