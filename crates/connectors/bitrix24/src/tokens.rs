//! Access to the portal: the webhook's address, or an application's tokens and their renewal.
//!
//! Renewal is single-flight: whoever meets an expired token takes the lock, everybody else waits
//! behind it and finds the new pair. The token server rotates the refresh token with every answer,
//! so the new pair is handed to the [`TokenVault`] before its first use; when another process was
//! faster, its pair is taken instead. Not here: how tokens are sealed (the vault's matter) and what
//! a call looks like (`client.rs`).

use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use capability::exchange::{Exchange, LimitHit};
use capability::{Call, ConnectorError, Remote};
use domain::{PortalId, Verdict};
use http::{HeaderMap, HeaderValue, Method, header};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use transport::{Allowed, Answer, Deadlines, Request, TimeSource, Transport, TransportError};
use url::Url;

use crate::error::{retry_after, scrubbed};
use crate::wire::{self, Grant};

/// A pair of tokens with the address that they open.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// Lives an hour.
    pub access: SecretString,
    /// Lives 180 days and dies with its first use.
    pub refresh: SecretString,
    /// `https://portal.bitrix24.ru/rest/`; changes when the portal is renamed.
    pub client_endpoint: String,
}

/// The vault could not be read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the tokens could not be read or stored: {0}")]
pub struct VaultError(pub String);

/// Where an application's tokens are kept, sealed, one pair per portal, with a version that grows.
#[async_trait]
pub trait TokenVault: Send + Sync {
    /// The present pair and its version; none when the portal never gave any.
    async fn load(&self) -> Result<Option<(u64, Tokens)>, VaultError>;

    /// Stores a newer pair if the version is still `expected`. False: somebody else was faster, load again.
    async fn replace(&self, expected: u64, tokens: Tokens) -> Result<bool, VaultError>;
}

/// An application's side of its connection to one portal.
#[derive(Clone)]
pub struct App {
    /// The portal; never its address, which people change.
    pub member_id: PortalId,
    /// The token server; see [`oauth_host_is_pinned`].
    pub oauth: Url,
    /// The application's code.
    pub client_id: String,
    /// Sent to the token server only.
    pub client_secret: SecretString,
    /// Where the tokens are.
    pub tokens: Arc<dyn TokenVault>,
}

/// Whether `client_secret` may go to this address: the vendor's two token servers over TLS, or the
/// one that the configuration names for development.
pub fn oauth_host_is_pinned(oauth: &Url, development_host: Option<&str>) -> bool {
    let host = oauth.host_str().unwrap_or_default();
    let vendors = ["oauth.bitrix24.tech", "oauth.bitrix.info"];
    (oauth.scheme() == "https" && oauth.port().is_none() && vendors.contains(&host))
        || development_host == Some(host)
}

/// What a request needs to be let in.
#[derive(Clone)]
pub(crate) struct Pass {
    /// Ends with a slash; holds the secret of a webhook.
    pub(crate) endpoint: Url,
    /// Goes into the body.
    pub(crate) token: Option<SecretString>,
    version: u64,
}

/// How this connection is let in.
pub(crate) enum Access {
    /// By an address that holds its secret.
    Webhook(RwLock<Url>),
    /// By tokens.
    App(Box<Session>),
}

/// The tokens of one application on one portal, as this process knows them.
pub(crate) struct Session {
    app: App,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    /// What is used now.
    pair: Option<(u64, Tokens)>,
    /// The version whose refresh token the server refused: not tried again until another is stored.
    dead: Option<u64>,
    /// Answered by the server, refused by the vault: stored before anything else is tried.
    unstored: Option<(u64, Tokens)>,
}

/// What renewal needs from the client.
pub(crate) struct Way<'a> {
    pub(crate) transport: &'a dyn Transport,
    pub(crate) allowed: &'a Allowed,
    pub(crate) now: &'a TimeSource,
}

impl Access {
    /// Whether this is an application.
    pub(crate) fn is_app(&self) -> bool {
        matches!(self, Self::App(_))
    }

    /// The present way in.
    pub(crate) async fn pass(&self) -> Result<Pass, ConnectorError> {
        match self {
            Self::Webhook(url) => Ok(Pass {
                endpoint: url.read().unwrap_or_else(PoisonError::into_inner).clone(),
                token: None,
                version: 0,
            }),
            Self::App(session) => session.pass().await,
        }
    }

    /// Renews what `pass` held, unless somebody already has. A webhook has nothing to renew.
    pub(crate) async fn renew(
        &self,
        call: &Call<'_>,
        pass: &Pass,
        way: &Way<'_>,
    ) -> Result<(), ConnectorError> {
        match self {
            Self::Webhook(_) => Err(sign_in("expired_token", "the webhook is no longer valid")),
            Self::App(session) => session.renew(call, pass.version, way).await,
        }
    }

    /// Whether other tokens than `pass` held were stored meanwhile; they are used from now on.
    pub(crate) async fn reload(&self, pass: &Pass) -> Result<bool, ConnectorError> {
        match self {
            Self::Webhook(_) => Ok(false),
            Self::App(session) => session.reload(pass.version).await,
        }
    }

    /// Remembers the portal's new address after a request there was understood.
    pub(crate) async fn moved(&self, endpoint: &Url) -> Result<(), ConnectorError> {
        match self {
            Self::Webhook(url) => {
                *url.write().unwrap_or_else(PoisonError::into_inner) = endpoint.clone();
                Ok(())
            }
            Self::App(session) => session.moved(endpoint).await,
        }
    }
}

impl Session {
    /// A session that loads its tokens when they are first needed.
    pub(crate) fn new(app: App) -> Self {
        Self {
            app,
            held: Mutex::new(Held::default()),
        }
    }

    async fn pass(&self) -> Result<Pass, ConnectorError> {
        let mut held = self.held.lock().await;
        if held.pair.is_none() {
            held.pair = Some(self.load().await?);
        }
        match &held.pair {
            Some((version, tokens)) => Ok(Pass {
                endpoint: endpoint(&tokens.client_endpoint)?,
                token: Some(tokens.access.clone()),
                version: *version,
            }),
            None => Err(sign_in("no-tokens", "the portal never gave tokens")),
        }
    }

    async fn renew(&self, call: &Call<'_>, seen: u64, way: &Way<'_>) -> Result<(), ConnectorError> {
        let mut held = self.held.lock().await;
        if held
            .pair
            .as_ref()
            .is_some_and(|(version, _)| *version != seen)
        {
            return Ok(());
        }
        if let Some((expected, tokens)) = held.unstored.clone() {
            return self.keep(&mut held, expected, tokens).await;
        }
        let (version, tokens) = self.load().await?;
        if version != seen {
            held.pair = Some((version, tokens));
            return Ok(());
        }
        if held.dead == Some(version) {
            return Err(sign_in("invalid_grant", "access must be granted anew"));
        }
        let fresh = match self.ask_twice(call, &tokens, way).await {
            Ok(fresh) => fresh,
            Err(refused) if refused.verdict == Verdict::Reauthorize => {
                // Another process may have used this very refresh token a moment ago.
                let (newer, theirs) = self.load().await?;
                if newer != version {
                    held.pair = Some((newer, theirs));
                    return Ok(());
                }
                held.dead = Some(version);
                return Err(refused);
            }
            Err(error) => return Err(error),
        };
        self.keep(&mut held, version, fresh).await
    }

    async fn reload(&self, seen: u64) -> Result<bool, ConnectorError> {
        let mut held = self.held.lock().await;
        let pair = self.load().await?;
        let newer = pair.0 != seen;
        held.pair = Some(pair);
        Ok(newer)
    }

    /// Stores a pair before it is used. What the vault refuses for now is kept to be stored first next time.
    async fn keep(
        &self,
        held: &mut Held,
        expected: u64,
        tokens: Tokens,
    ) -> Result<(), ConnectorError> {
        match self.app.tokens.replace(expected, tokens.clone()).await {
            Ok(_ours_or_theirs) => {
                held.unstored = None;
                held.pair = Some(self.load().await?);
                Ok(())
            }
            Err(error) => {
                held.unstored = Some((expected, tokens));
                Err(vault(&error))
            }
        }
    }

    async fn moved(&self, to: &Url) -> Result<(), ConnectorError> {
        let mut held = self.held.lock().await;
        let (version, mut tokens) = self.load().await?;
        to.as_str().clone_into(&mut tokens.client_endpoint);
        // Lost to somebody faster: they either moved as well or hold newer tokens; the next 302 tells.
        let replaced = self.app.tokens.replace(version, tokens).await;
        replaced.map_err(|error| vault(&error))?;
        held.pair = Some(self.load().await?);
        Ok(())
    }

    async fn load(&self) -> Result<(u64, Tokens), ConnectorError> {
        let kept = self
            .app
            .tokens
            .load()
            .await
            .map_err(|error| vault(&error))?;
        kept.ok_or_else(|| sign_in("no-tokens", "the portal never gave tokens"))
    }

    /// The answer of a renewal may be lost; then the old refresh token is tried once more, because
    /// the server may not have used it up.
    async fn ask_twice(
        &self,
        call: &Call<'_>,
        tokens: &Tokens,
        way: &Way<'_>,
    ) -> Result<Tokens, ConnectorError> {
        match ask(call, &self.app, &tokens.refresh, way).await {
            Err(Ask::Lost(_)) => ask(call, &self.app, &tokens.refresh, way).await,
            first => first,
        }
        .map_err(Ask::into_error)
        .and_then(|grant| fresh(&self.app, tokens, grant, way.allowed))
    }
}

/// Exchanges a refresh token at the pinned token server: proves that the grant is the vendor's, for
/// this application, and tells whose it is. Used for the grant that an install event carries.
pub(crate) async fn exchange(
    call: &Call<'_>,
    app: &App,
    refresh: &SecretString,
    way: &Way<'_>,
) -> Result<(PortalId, Tokens), ConnectorError> {
    let grant = ask(call, app, refresh, way)
        .await
        .map_err(Ask::into_error)?;
    let member = PortalId::new(grant.member_id.clone());
    let tokens = pair(grant)?;
    Ok((member, tokens))
}

/// Why no pair came.
enum Ask {
    /// The request may have been carried out.
    Lost(ConnectorError),
    /// It was not, or will never be.
    Failed(ConnectorError),
}

impl Ask {
    fn into_error(self) -> ConnectorError {
        match self {
            Self::Lost(error) | Self::Failed(error) => error,
        }
    }
}

const TOKEN: &str = "oauth.token";

/// One request to the token server. Secrets go in the body, never in the address.
async fn ask(
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
        remote_failed: matches!(outcome, Err(Ask::Lost(_))) || answer.is_err(),
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

/// The new pair, if it is for this very portal.
fn fresh(
    app: &App,
    former: &Tokens,
    grant: Grant,
    allowed: &Allowed,
) -> Result<Tokens, ConnectorError> {
    if grant.member_id != app.member_id.as_str() {
        return Err(sign_in(
            "foreign-grant",
            "the token server answered for another portal",
        ));
    }
    let mut tokens = pair(grant)?;
    if tokens.client_endpoint.is_empty() {
        tokens.client_endpoint.clone_from(&former.client_endpoint);
    }
    // The pinned server vouches for this address.
    if let Some(host) = endpoint(&tokens.client_endpoint)?.host_str() {
        allowed.add(host);
    }
    Ok(tokens)
}

fn pair(grant: Grant) -> Result<Tokens, ConnectorError> {
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

fn endpoint(text: &str) -> Result<Url, ConnectorError> {
    let slashed = if text.ends_with('/') {
        text.to_owned()
    } else {
        format!("{text}/")
    };
    Url::parse(&slashed).map_err(|_| sign_in("bad-address", "the portal's address is wrong"))
}

fn sign_in(code: &str, message: &str) -> ConnectorError {
    oauth(Verdict::Reauthorize, code, message.to_owned())
}

fn vault(error: &VaultError) -> ConnectorError {
    oauth(Verdict::Retry { after: None }, "vault", error.to_string())
}

fn oauth(verdict: Verdict, code: &str, message: String) -> ConnectorError {
    ConnectorError {
        verdict,
        remote: Remote::Bitrix24Oauth,
        method: TOKEN.to_owned(),
        code: code.to_owned(),
        message,
        limit: false,
    }
}
