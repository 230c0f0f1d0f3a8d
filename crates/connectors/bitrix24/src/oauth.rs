//! The vendor's token server: one question, one pair of tokens, secrets in the body only.
//!
//! Its host is pinned, because `client_secret` is sent to it. Not here: who asks, how often, and
//! where the pair is kept (`tokens.rs`).

use capability::exchange::{Exchange, LimitHit};
use capability::{Call, ConnectorError, Remote};
use domain::{PortalId, Verdict};
use http::{HeaderMap, HeaderValue, Method, header};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use transport::{Allowed, Answer, Deadlines, Request, TimeSource, Transport, TransportError};
use url::Url;

use crate::error::{retry_after, scrubbed};
use crate::tokens::{App, Tokens};
use crate::wire::{self, Grant};

/// Whether `client_secret` may go to this address: the vendor's two token servers over TLS, or the
/// one that the configuration names for development.
pub fn oauth_host_is_pinned(oauth: &Url, development_host: Option<&str>) -> bool {
    let host = oauth.host_str().unwrap_or_default();
    let vendors = ["oauth.bitrix24.tech", "oauth.bitrix.info"];
    (oauth.scheme() == "https" && oauth.port().is_none() && vendors.contains(&host))
        || development_host == Some(host)
}

/// What renewal needs from the client.
pub(crate) struct Way<'a> {
    pub(crate) transport: &'a dyn Transport,
    pub(crate) allowed: &'a Allowed,
    pub(crate) now: &'a TimeSource,
}

/// Exchanges a refresh token at the pinned token server: proves that the grant is the vendor's, for
/// this application, and tells whose it is. Used for the grant that an install event carries.
pub(crate) async fn exchange(
    call: &Call<'_>,
    app: &App,
    refresh: &SecretString,
    way: &Way<'_>,
) -> Result<(PortalId, Tokens), ConnectorError> {
    let _turn = app.turn.take().await;
    let grant = ask(call, app, refresh, way)
        .await
        .map_err(Ask::into_error)?;
    let member = PortalId::new(grant.member_id.clone());
    let tokens = pair(grant)?;
    Ok((member, tokens))
}

/// Why no pair came.
pub(crate) enum Ask {
    /// The request may have been carried out.
    Lost(ConnectorError),
    /// It was not, or will never be.
    Failed(ConnectorError),
}

impl Ask {
    pub(crate) fn into_error(self) -> ConnectorError {
        match self {
            Self::Lost(error) | Self::Failed(error) => error,
        }
    }
}

pub(crate) const TOKEN: &str = "oauth.token";

/// One request to the token server. Secrets go in the body, never in the address.
pub(crate) async fn ask(
    call: &Call<'_>,
    app: &App,
    refresh: &SecretString,
    way: &Way<'_>,
) -> Result<Grant, Ask> {
    let host = app.oauth.host_str().unwrap_or_default().to_owned();
    call.admit(Remote::Bitrix24Oauth, &host, &[TOKEN])
        .await
        .map_err(Ask::Failed)?;
    let url = app.oauth.join("/oauth/token/").map_err(|_| {
        Ask::Failed(sign_in(
            "bad-address",
            "the token server's address is wrong",
        ))
    })?;
    let body = form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "refresh_token")
        .append_pair("client_id", &app.client_id)
        .append_pair("client_secret", app.client_secret.expose_secret())
        .append_pair("refresh_token", refresh.expose_secret())
        .finish();
    let mut headers = HeaderMap::new();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/x-www-form-urlencoded"),
    );
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    let at = (way.now)();
    let answer = way
        .transport
        .send(Request {
            method: Method::POST,
            url,
            headers,
            body: body.into(),
            deadlines: Deadlines::READ,
            not_after: None,
        })
        .await;
    let (outcome, limit) = judge(&answer, at);
    let (status, duration_ms) = answer.as_ref().map_or((None, 0), |answer| {
        (Some(answer.status.as_u16()), answer.duration_ms)
    });
    call.done(Exchange {
        at,
        remote: Remote::Bitrix24Oauth,
        account: host,
        method: TOKEN.to_owned(),
        request: json!({"grant_type": "refresh_token"}),
        response: Value::Null,
        status,
        duration_ms,
        times: Vec::new(),
        limit,
        result: match &outcome {
            Ok(_) => "ok".to_owned(),
            Err(Ask::Lost(error) | Ask::Failed(error)) => error.code.clone(),
        },
        remote_failed: matches!(outcome, Err(Ask::Lost(_)))
            || answer.as_ref().is_err_and(TransportError::blames_remote),
    })
    .await;
    outcome
}

fn judge(
    answer: &Result<Answer, TransportError>,
    now: jiff::Timestamp,
) -> (Result<Grant, Ask>, Option<LimitHit>) {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => {
            let failure = oauth(
                Verdict::Retry { after: None },
                error.code(),
                error.to_string(),
            );
            let ask = if error.surely_not_sent() {
                Ask::Failed(failure)
            } else {
                Ask::Lost(failure)
            };
            return (Err(ask), None);
        }
    };
    let status = answer.status.as_u16();
    let body: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let code = body
        .as_ref()
        .and_then(|body| body.get("error"))
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_lowercase();
    if status == 429 || code == "query_limit_exceeded" {
        let header = answer
            .headers
            .get(header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok());
        let retry_at = retry_after(header, now);
        let mut error = oauth(
            Verdict::Retry { after: None },
            "rate",
            "the token server was asked too often".to_owned(),
        );
        error.limit = true;
        return (Err(Ask::Failed(error)), Some(LimitHit::Rate { retry_at }));
    }
    let words = body
        .as_ref()
        .and_then(|body| body.get("error_description"))
        .and_then(Value::as_str);
    let words = scrubbed(words.unwrap_or("the token server refused"));
    let failed = |verdict, code: &str| oauth(verdict, code, words.clone());
    let outcome = match body.and_then(|body| wire::read::<Grant>(body, "Grant").ok()) {
        Some(grant) if answer.status.is_success() => Ok(grant),
        _ if status >= 500 || code.is_empty() => Err(Ask::Lost(failed(
            Verdict::Retry { after: None },
            "no-answer",
        ))),
        _ => Err(Ask::Failed(failed(Verdict::Reauthorize, &code))),
    };
    (outcome, None)
}

pub(crate) fn pair(grant: Grant) -> Result<Tokens, ConnectorError> {
    if grant.access_token.is_empty() || grant.refresh_token.is_empty() {
        return Err(oauth(
            Verdict::Defect,
            "other-shape",
            "the token server gave an empty token".to_owned(),
        ));
    }
    Ok(Tokens {
        access: grant.access_token.into(),
        refresh: grant.refresh_token.into(),
        client_endpoint: grant.client_endpoint,
    })
}

pub(crate) fn sign_in(code: &str, message: &str) -> ConnectorError {
    oauth(Verdict::Reauthorize, code, message.to_owned())
}

pub(crate) fn oauth(verdict: Verdict, code: &str, message: String) -> ConnectorError {
    ConnectorError {
        verdict,
        remote: Remote::Bitrix24Oauth,
        method: TOKEN.to_owned(),
        code: code.to_owned(),
        message,
        limit: false,
    }
}
