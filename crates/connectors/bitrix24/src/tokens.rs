//! Access to the portal: the webhook's address, or an application's tokens and their renewal.
//!
//! Renewal is single-flight, over all connections of a portal in a process: whoever meets an expired token takes the
//! lock, everybody else waits behind it and finds the new pair. The token server rotates the refresh token with every answer,
//! so the new pair is handed to the [`TokenVault`] before its first use; when another process was
//! faster, its pair is taken instead. Who is refused because of that may be told so before the other has
//! stored what it was given, and looks again before it says that access is lost. Not here: how tokens are
//! sealed (the vault's matter) and what a call looks like (`client.rs`).

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use capability::{Call, ConnectorError};
use domain::{PortalId, Verdict};
use planted::Bug;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::{Mutex, MutexGuard};
use transport::{Allowed, Pause};
use url::Url;

use crate::oauth::{Ask, Way, ask, oauth, pair, sign_in};
use crate::wire::Grant;

/// The code of tokens that lie in the vault and do not open.
pub(crate) const TOKENS_SEALED: &str = "tokens-sealed";

/// The token server's word for a refresh token that it does not take, used up or not.
const NOT_TAKEN: &str = "invalid_grant";

/// A refresh token that was not taken may have been another process' a moment ago, whose answer is on its way or not
/// committed yet: after each of these it is looked for. An answer and a commit take a second or two; who is frozen
/// between them is not waited for.
const LOOKS: [Duration; 3] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
];

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

/// Why the vault gave or took no tokens.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// It could not be read or written now.
    #[error("the tokens could not be read or stored: {0}")]
    Failed(String),
    /// They lie there and do not open: no second try helps, only the right key or other tokens.
    #[error("the stored tokens do not open: {0}")]
    Sealed(String),
}

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
    /// The token server; see [`crate::oauth_host_is_pinned`].
    pub oauth: Url,
    /// The application's code.
    pub client_id: String,
    /// Sent to the token server only.
    pub client_secret: SecretString,
    /// Where the tokens are.
    pub tokens: Arc<dyn TokenVault>,
    /// Shared by all connections of this portal in a process.
    pub turn: RenewalTurn,
}

/// One renewal at a time. A policy that changes makes a new connection while the old one is still at work: each would
/// renew for itself. Clones share it.
#[derive(Clone)]
pub struct RenewalTurn {
    one: Arc<Mutex<()>>,
    pause: Pause,
}

impl RenewalTurn {
    /// A turn of its own. By `pause` whoever is refused waits for what another process may store.
    pub fn new(pause: Pause) -> Self {
        Self {
            one: Arc::default(),
            pause,
        }
    }

    pub(crate) async fn take(&self) -> MutexGuard<'_, ()> {
        self.one.lock().await
    }
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

/// Where newer tokens came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Renewed {
    /// From the token server, just now.
    Given,
    /// Somebody had stored them, nobody knows how long ago: they may have expired as well.
    Found,
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
    /// The refresh token that the server refused: not tried again until another is stored.
    dead: Option<SecretString>,
    /// Answered by the server, refused by the vault: stored before anything else is tried.
    unstored: Option<Unstored>,
}

/// A pair that was given and is not stored yet.
#[derive(Clone)]
struct Unstored {
    /// The version whose refresh token was used up for it.
    version: u64,
    used_up: SecretString,
    tokens: Tokens,
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
    ) -> Result<Renewed, ConnectorError> {
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

    async fn renew(
        &self,
        call: &Call<'_>,
        seen: u64,
        way: &Way<'_>,
    ) -> Result<Renewed, ConnectorError> {
        if planted::is(Bug::RefreshNotSingleFlight) {
            return self.renew_alone(call, way).await;
        }
        // One at a time: whoever waited here finds the new pair.
        let mut held = self.held.lock().await;
        if held
            .pair
            .as_ref()
            .is_some_and(|(version, _)| *version != seen)
        {
            return Ok(Renewed::Found);
        }
        if let Some(unstored) = held.unstored.clone() {
            self.keep(&mut held, unstored).await?;
            return Ok(Renewed::Found);
        }
        let turn = self.app.turn.take().await;
        let (version, tokens) = self.load().await?;
        if version != seen {
            held.pair = Some((version, tokens));
            return Ok(Renewed::Found);
        }
        if held
            .dead
            .as_ref()
            .is_some_and(|dead| is_same(dead, &tokens.refresh))
        {
            return Err(sign_in(NOT_TAKEN, "access must be granted anew"));
        }
        let fresh = match self.ask_twice(call, &tokens, way).await {
            Ok(fresh) => fresh,
            Err(refused) if refused.verdict == Verdict::Reauthorize => {
                // Nobody who brings other tokens has to wait for us.
                drop(turn);
                if let Some(theirs) = self.look_again(&tokens.refresh, &refused).await? {
                    held.pair = Some(theirs);
                    return Ok(Renewed::Found);
                }
                held.dead = Some(tokens.refresh);
                return Err(refused);
            }
            Err(error) => return Err(error),
        };
        self.keep(&mut held, Unstored::of(version, &tokens, fresh))
            .await?;
        Ok(Renewed::Given)
    }

    /// The pair that another process has stored in the place of `used`, which was refused to us.
    async fn look_again(
        &self,
        used: &SecretString,
        refused: &ConnectorError,
    ) -> Result<Option<(u64, Tokens)>, ConnectorError> {
        // What is wrong with the application or its payment is not put right by another process.
        let looks: &[Duration] = if refused.code == NOT_TAKEN {
            &LOOKS
        } else {
            &[]
        };
        let mut looks = looks.iter();
        loop {
            let (version, stored) = self.load().await?;
            // The same under a newer version: somebody only wrote down the portal's new address.
            if !is_same(&stored.refresh, used) {
                return Ok(Some((version, stored)));
            }
            let Some(pause) = looks.next() else {
                return Ok(None);
            };
            (self.app.turn.pause)(*pause).await;
        }
    }

    /// Without a look at who else renews; see [`Bug::RefreshNotSingleFlight`].
    async fn renew_alone(&self, call: &Call<'_>, way: &Way<'_>) -> Result<Renewed, ConnectorError> {
        let (version, tokens) = self.load().await?;
        let fresh = self.ask_twice(call, &tokens, way).await?;
        let mut held = self.held.lock().await;
        self.keep(&mut held, Unstored::of(version, &tokens, fresh))
            .await?;
        Ok(Renewed::Given)
    }

    async fn reload(&self, seen: u64) -> Result<bool, ConnectorError> {
        let mut held = self.held.lock().await;
        let pair = self.load().await?;
        let newer = pair.0 != seen;
        held.pair = Some(pair);
        Ok(newer)
    }

    /// Stores a pair before it is used. What the vault refuses for now is kept to be stored first next time.
    async fn keep(&self, held: &mut Held, mut unstored: Unstored) -> Result<(), ConnectorError> {
        loop {
            let Unstored {
                version, tokens, ..
            } = &unstored;
            match self.app.tokens.replace(*version, tokens.clone()).await {
                Ok(true) => break,
                Ok(false) => {
                    let (newer, theirs) = self.load().await?;
                    // Stored by somebody who only wrote down the portal's new address: that token is used up.
                    if !is_same(&theirs.refresh, &unstored.used_up) {
                        break;
                    }
                    unstored.version = newer;
                }
                Err(error) => {
                    held.unstored = Some(unstored);
                    return Err(vault(&error));
                }
            }
        }
        held.unstored = None;
        held.pair = Some(self.load().await?);
        Ok(())
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

impl Unstored {
    fn of(version: u64, former: &Tokens, tokens: Tokens) -> Self {
        Self {
            version,
            used_up: former.refresh.clone(),
            tokens,
        }
    }
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

fn is_same(one: &SecretString, other: &SecretString) -> bool {
    one.expose_secret() == other.expose_secret()
}

fn endpoint(text: &str) -> Result<Url, ConnectorError> {
    let slashed = if text.ends_with('/') {
        text.to_owned()
    } else {
        format!("{text}/")
    };
    Url::parse(&slashed).map_err(|_| sign_in("bad-address", "the portal's address is wrong"))
}

fn vault(error: &VaultError) -> ConnectorError {
    match error {
        VaultError::Failed(_) => oauth(Verdict::Retry { after: None }, "vault", error.to_string()),
        VaultError::Sealed(_) => sign_in(TOKENS_SEALED, &error.to_string()),
    }
}
