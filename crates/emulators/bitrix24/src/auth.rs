//! Who may call: incoming webhooks, applications, their tokens and the authorisation server.
//!
//! <https://apidocs.bitrix24.com/settings/oauth/index.html>

use std::collections::HashMap;

use jiff::Timestamp;
use rand::RngExt;
use serde_json::{Value, json};

use crate::call::{Actor, Caller, Refusal};
use crate::config::{ApplicationSeed, PortalConfig};
use crate::state::State;
use crate::truth::What;
use crate::value::{Map, text_of};

const REFRESH_SECONDS: i64 = 180 * 24 * 3600;
const CODE_SECONDS: i64 = 30;

#[derive(Debug, Clone)]
pub(crate) struct App {
    pub(crate) seed: ApplicationSeed,
}

#[derive(Debug, Clone)]
struct Grant {
    app: usize,
    user: i64,
    expires_at: i64,
}

#[derive(Debug, Default)]
pub(crate) struct AuthBook {
    pub(crate) apps: Vec<App>,
    access: HashMap<String, Grant>,
    refresh: HashMap<String, Grant>,
    codes: HashMap<String, Grant>,
}

impl AuthBook {
    pub(crate) fn new(config: &PortalConfig) -> Self {
        let apps = config
            .applications
            .iter()
            .map(|seed| App { seed: seed.clone() })
            .collect();
        AuthBook {
            apps,
            ..AuthBook::default()
        }
    }

    fn app_by_client(&self, client_id: &str) -> Option<usize> {
        self.apps
            .iter()
            .position(|app| app.seed.client_id == client_id)
    }

    /// Every access token is dead from now on; refresh tokens live.
    pub(crate) fn expire_access(&mut self) {
        for grant in self.access.values_mut() {
            grant.expires_at = i64::MIN;
        }
    }

    /// Every refresh token is dead as well: the application must be authorised anew.
    pub(crate) fn revoke_refresh(&mut self) {
        self.refresh.clear();
    }
}

/// An access token and its refresh token, just issued.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    pub(crate) access: String,
    pub(crate) refresh: String,
    pub(crate) expires_at: i64,
}

fn random(state: &mut State, length: usize) -> String {
    const LETTERS: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let pick = |state: &mut State| {
        let at = state.rng.random_range(0..LETTERS.len());
        char::from(LETTERS.get(at).copied().unwrap_or(b'0'))
    };
    (0..length).map(|_| pick(state)).collect()
}

pub(crate) fn issue(state: &mut State, app: usize, user: i64, now: Timestamp, grant: &str) -> Pair {
    let access = random(state, 70);
    let refresh = random(state, 70);
    let expires_at = now
        .as_second()
        .saturating_add(state.config.access_token_seconds);
    state.auth.access.insert(
        access.clone(),
        Grant {
            app,
            user,
            expires_at,
        },
    );
    let refresh_until = now.as_second().saturating_add(REFRESH_SECONDS);
    state.auth.refresh.insert(
        refresh.clone(),
        Grant {
            app,
            user,
            expires_at: refresh_until,
        },
    );
    let client_id = state
        .auth
        .apps
        .get(app)
        .map(|app| app.seed.client_id.clone())
        .unwrap_or_default();
    state.truth.add(
        now,
        What::TokenIssued {
            client_id,
            grant: grant.to_owned(),
        },
    );
    Pair {
        access,
        refresh,
        expires_at,
    }
}

/// An access token alone, for an event's `auth`.
pub(crate) fn issue_for_event(state: &mut State, app: usize, user: i64, now: Timestamp) -> String {
    let access = random(state, 70);
    let expires_at = now
        .as_second()
        .saturating_add(state.config.access_token_seconds);
    state.auth.access.insert(
        access.clone(),
        Grant {
            app,
            user,
            expires_at,
        },
    );
    access
}

fn unknown_caller() -> Refusal {
    Refusal::new(401, "NO_AUTH_FOUND", "Wrong authorization data")
}

/// An incoming webhook's `/rest/{user}/{secret}/`.
pub(crate) fn webhook(state: &State, user: i64, secret: &str) -> Result<Caller, Refusal> {
    let found = state
        .config
        .webhooks
        .iter()
        .find(|hook| hook.user == user && hook.secret == secret);
    let hook = found.ok_or_else(unknown_caller)?;
    if !state.user(user).is_some_and(|user| user.active) {
        return Err(Refusal::new(
            403,
            "INVALID_CREDENTIALS",
            "Invalid request credentials",
        ));
    }
    Ok(Caller {
        actor: Actor::Webhook { user },
        user,
        app: None,
        scopes: hook.scopes.clone(),
        endpoint: format!("{}/rest/{user}/{secret}/", state.base_url()),
        token: None,
        account: format!("webhook:{user}:{}", fingerprint(secret)),
    })
}

/// The end of a secret, enough to tell accounts apart in the history.
fn fingerprint(secret: &str) -> String {
    let letters: Vec<char> = secret.chars().collect();
    letters.iter().rev().take(3).rev().collect()
}

pub(crate) fn token(state: &State, token: &str, now: Timestamp) -> Result<Caller, Refusal> {
    let grant = state.auth.access.get(token).ok_or_else(unknown_caller)?;
    if grant.expires_at <= now.as_second() {
        return Err(Refusal::new(
            401,
            "expired_token",
            "The access token provided has expired.",
        ));
    }
    let app = state.auth.apps.get(grant.app).ok_or_else(unknown_caller)?;
    if !state.user(grant.user).is_some_and(|user| user.active) {
        return Err(Refusal::new(
            403,
            "INVALID_CREDENTIALS",
            "Invalid request credentials",
        ));
    }
    Ok(Caller {
        actor: Actor::Application {
            user: grant.user,
            client_id: app.seed.client_id.clone(),
        },
        user: grant.user,
        app: Some(grant.app),
        scopes: app.seed.scopes.clone(),
        endpoint: format!("{}/rest/", state.base_url()),
        token: Some(token.to_owned()),
        account: app.seed.client_id.clone(),
    })
}

/// The authorisation server's `/oauth/token/`: status and body.
pub(crate) fn exchange(state: &mut State, params: &Map, now: Timestamp) -> (u16, Value) {
    let text = |name: &str| params.get(name).map(text_of).unwrap_or_default();
    let refused = |status: u16, code: &str, description: &str| {
        (
            status,
            json!({"error": code, "error_description": description}),
        )
    };
    let Some(app) = state.auth.app_by_client(&text("client_id")) else {
        return refused(401, "invalid_client", "Wrong client");
    };
    let is_secret_right = state
        .auth
        .apps
        .get(app)
        .is_some_and(|app| app.seed.client_secret == text("client_secret"));
    if !is_secret_right {
        return refused(401, "invalid_client", "Wrong client");
    }
    let kind = text("grant_type");
    let grant = match kind.as_str() {
        "authorization_code" => state.auth.codes.remove(&text("code")),
        // The old refresh token is dead once it was used.
        "refresh_token" => state.auth.refresh.remove(&text("refresh_token")),
        _ => return refused(400, "invalid_request", "Wrong grant type"),
    };
    let Some(grant) = grant.filter(|grant| grant.app == app && grant.expires_at > now.as_second())
    else {
        return refused(400, "invalid_grant", "Invalid grant");
    };
    let pair = issue(state, app, grant.user, now, &kind);
    (200, pair_body(state, app, grant.user, &pair))
}

pub(crate) fn pair_body(state: &State, app: usize, user: i64, pair: &Pair) -> Value {
    let base = state.base_url();
    let scopes = state
        .auth
        .apps
        .get(app)
        .map(|app| app.seed.scopes.join(","))
        .unwrap_or_default();
    json!({
        "access_token": pair.access,
        "client_endpoint": format!("{base}/rest/"),
        "domain": authority(&base),
        "expires": pair.expires_at,
        "expires_in": state.config.access_token_seconds,
        "member_id": state.config.member_id,
        "refresh_token": pair.refresh,
        "scope": scopes,
        "server_endpoint": format!("{base}/rest/"),
        "status": "L",
        "user_id": user,
    })
}

/// Host and port of a base address.
pub(crate) fn authority(base_url: &str) -> String {
    base_url
        .split("://")
        .nth(1)
        .unwrap_or(base_url)
        .trim_end_matches('/')
        .to_owned()
}

/// `/oauth/authorize/`: where the browser goes on to, or a refusal shown to the person.
pub(crate) fn authorize(
    state: &mut State,
    params: &Map,
    now: Timestamp,
) -> Result<String, &'static str> {
    let text = |name: &str| params.get(name).map(text_of).unwrap_or_default();
    let app = state
        .auth
        .app_by_client(&text("client_id"))
        .ok_or("Приложение не установлено")?;
    let (redirect, user, scopes) = match state.auth.apps.get(app) {
        Some(app) if app.seed.installed => (
            app.seed.redirect_uri.clone(),
            app.seed.user,
            app.seed.scopes.join(","),
        ),
        _ => return Err("Приложение не установлено"),
    };
    let code = random(state, 70);
    state.auth.codes.insert(
        code.clone(),
        Grant {
            app,
            user,
            expires_at: now.as_second().saturating_add(CODE_SECONDS),
        },
    );
    let base = state.base_url();
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in [
        ("code", code.as_str()),
        ("state", &text("state")),
        ("domain", &authority(&base)),
        ("member_id", &state.config.member_id),
        ("scope", &scopes),
        ("server_domain", &authority(&base)),
    ] {
        query.append_pair(name, value);
    }
    let query = query.finish();
    let glue = if redirect.contains('?') { '&' } else { '?' };
    Ok(format!("{redirect}{glue}{query}"))
}
