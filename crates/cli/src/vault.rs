//! Where an application's tokens live: sealed, in the store, one pair per portal.

use std::sync::Arc;

use async_trait::async_trait;
use connector_bitrix24::{TokenVault, Tokens, VaultError};
use domain::PortalId;
use engine::SharedRng;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use store::Store;

use crate::seal::KeyRing;

/// The tokens of one portal.
#[derive(Clone)]
pub struct Vault {
    /// Our records.
    pub store: Store,
    /// Seals and opens.
    pub keys: Arc<KeyRing>,
    /// Whose tokens.
    pub portal: PortalId,
    /// For nonces.
    pub rng: SharedRng,
}

/// What is sealed.
#[derive(Serialize, Deserialize)]
struct Kept {
    access: String,
    refresh: String,
    client_endpoint: String,
}

#[async_trait]
impl TokenVault for Vault {
    async fn load(&self) -> Result<Option<(u64, Tokens)>, VaultError> {
        let Some((version, sealed)) = self.store.secrets_get(&self.portal).await.map_err(told)?
        else {
            return Ok(None);
        };
        let plain = self.keys.open(&self.portal, &sealed);
        let plain = plain.map_err(|error| VaultError::Sealed(error.to_string()))?;
        let kept: Kept = serde_json::from_slice(&plain)
            .map_err(|_| VaultError::Sealed("what was sealed is no pair of tokens".to_owned()))?;
        let tokens = Tokens {
            access: SecretString::from(kept.access),
            refresh: SecretString::from(kept.refresh),
            client_endpoint: kept.client_endpoint,
        };
        Ok(Some((u64::try_from(version).map_err(told)?, tokens)))
    }

    async fn replace(&self, expected: u64, tokens: Tokens) -> Result<bool, VaultError> {
        let kept = Kept {
            access: tokens.access.expose_secret().to_owned(),
            refresh: tokens.refresh.expose_secret().to_owned(),
            client_endpoint: tokens.client_endpoint,
        };
        let plain = serde_json::to_vec(&kept).map_err(told)?;
        let sealed = self
            .keys
            .seal(&mut self.rng.clone(), &self.portal, &plain)
            .map_err(told)?;
        let expected = i64::try_from(expected).map_err(told)?;
        self.store
            .secrets_replace(&self.portal, expected, &sealed)
            .await
            .map_err(told)
    }
}

impl Vault {
    /// Stores a pair that just proved itself, whatever stood there before.
    ///
    /// # Errors
    /// When the store or the key fails, or others keep replacing it meanwhile.
    pub async fn adopt(&self, tokens: &Tokens) -> Result<(), VaultError> {
        for _try in 0..5 {
            let stored = self.store.secrets_get(&self.portal).await.map_err(told)?;
            let version = stored.map_or(0, |(version, _)| version);
            let expected = u64::try_from(version).map_err(told)?;
            if self.replace(expected, tokens.clone()).await? {
                return Ok(());
            }
        }
        Err(VaultError::Failed(
            "others replace them all the time".to_owned(),
        ))
    }
}

fn told(error: impl std::fmt::Display) -> VaultError {
    VaultError::Failed(error.to_string())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use async_trait::async_trait;
    use axum::http::{HeaderMap, StatusCode};
    use capability::{Admission, Call, ConnectorError, Exchange, Gate, NotAdmitted, Urgency};
    use connector_bitrix24::{
        App, Bitrix24, Connection, FieldNames, Offline, RenewalTurn, Settings, TokenVault as _,
        Tokens, VaultError,
    };
    use domain::PortalId;
    use engine::clock::later;
    use engine::{Clock, SharedRng, TokioClock};
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;
    use secrecy::{ExposeSecret as _, SecretString};
    use serde_json::{Map, Value, json};
    use store::{Mode, Portal, Store};
    use transport::{Allowed, Answer, Request, Transport, TransportError};

    use super::Vault;
    use crate::connect::pause_by;
    use crate::seal::KeyRing;

    const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    fn keys(key: &str) -> Arc<KeyRing> {
        Arc::new(KeyRing::new(&SecretString::from(key), &[]).unwrap())
    }

    /// A vault of a portal that never gave tokens.
    async fn vault() -> Vault {
        let portal = PortalId::new("portal-a");
        let store = Store::open_inline().unwrap();
        let row = Portal {
            id: portal.clone(),
            host: "portal.bitrix24.test".to_owned(),
            mode: Mode::Active,
            paused: false,
            detail: json!({}),
            created_at: "2026-03-12T09:00:00Z".parse().unwrap(),
            updated_at: "2026-03-12T09:00:00Z".parse().unwrap(),
        };
        store.portal_put(&row).await.unwrap();
        Vault {
            store,
            keys: keys(KEY),
            portal,
            rng: SharedRng::new(StdRng::seed_from_u64(7)),
        }
    }

    fn tokens() -> Tokens {
        Tokens {
            access: "access".to_owned().into(),
            refresh: "refresh".to_owned().into(),
            client_endpoint: "https://portal.bitrix24.test/rest/".to_owned(),
        }
    }

    #[tokio::test]
    async fn tokens_under_another_key_are_sealed_and_not_unreadable() {
        let (vault, tokens) = (vault().await, tokens());
        vault.adopt(&tokens).await.unwrap();
        assert!(vault.load().await.unwrap().is_some());
        let other = Vault {
            keys: keys("HwECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
            ..vault
        };
        let error = other.load().await.unwrap_err();
        assert!(
            matches!(&error, VaultError::Sealed(why) if why.contains("master key")),
            "{error}"
        );
        // A new installation does not need the old tokens.
        other.adopt(&tokens).await.unwrap();
        assert!(other.load().await.unwrap().is_some());
    }

    /// A portal that takes `renewed` alone, and a token server that gives it once: whoever asks second is refused at
    /// once, while the answer is still on its way to the first.
    struct SlowAnswer {
        clock: Arc<dyn Clock>,
        way: Duration,
        is_used_up: AtomicBool,
    }

    #[async_trait]
    impl Transport for SlowAnswer {
        async fn send(&self, request: Request) -> Result<Answer, TransportError> {
            let body = serde_json::from_slice::<Value>(&request.body).unwrap_or_default();
            let (status, told) = if !request.url.path().starts_with("/oauth/") {
                answer_of_portal(&body)
            } else if self.is_used_up.swap(true, Ordering::SeqCst) {
                (400, json!({"error": "invalid_grant"}))
            } else {
                let there = later(self.clock.now(), self.way);
                self.clock.sleep_until(there).await;
                (
                    200,
                    json!({
                        "access_token": "renewed", "refresh_token": "next", "member_id": "portal-a",
                        "client_endpoint": "https://portal.bitrix24.test/rest/",
                    }),
                )
            };
            Ok(Answer {
                status: StatusCode::from_u16(status).unwrap(),
                headers: HeaderMap::new(),
                body: told.to_string().into(),
                sent_at: self.clock.now(),
                duration_ms: 1,
            })
        }
    }

    fn answer_of_portal(body: &Value) -> (u16, Value) {
        if body["auth"] != "renewed" {
            return (401, json!({"error": "expired_token"}));
        }
        let commands = body["cmd"].as_object().unwrap();
        let answers: Map<String, Value> = commands
            .keys()
            .map(|key| (key.clone(), json!({"value": "Y"})))
            .collect();
        let result = json!({
            "result": answers, "result_error": [], "result_total": [], "result_next": [], "result_time": [],
        });
        (200, json!({"result": result}))
    }

    struct Open;

    #[async_trait]
    impl Gate for Open {
        async fn admit(&self, _ask: &Admission) -> Result<(), NotAdmitted> {
            Ok(())
        }

        async fn room(&self, _ask: &Admission) -> u32 {
            u32::MAX
        }

        async fn book(&self, _portal: &PortalId, _exchange: &Exchange) {}
    }

    /// What a process with a memory of its own learns of the portal.
    async fn ask(vault: &Vault, server: &Arc<SlowAnswer>) -> Result<Offline, ConnectorError> {
        let app = App {
            member_id: vault.portal.clone(),
            oauth: "https://oauth.bitrix24.tech/".parse().unwrap(),
            client_id: "local.573ad8a0346747".to_owned(),
            client_secret: "secret".to_owned().into(),
            tokens: Arc::new(vault.clone()),
            turn: RenewalTurn::new(pause_by(&server.clock)),
        };
        let clock = Arc::clone(&server.clock);
        let settings = Settings {
            fields: FieldNames::default(),
            offline: Offline::Absent,
            allowed: Allowed::default(),
            development_oauth_host: None,
            now: Arc::new(move || clock.now()),
        };
        let transport = Arc::clone(server);
        let bitrix = Bitrix24::new(Connection::App(app), transport, settings).unwrap();
        let call = Call::new(&vault.portal, Urgency::Due, &Open);
        bitrix.offline(&call).await
    }

    /// Two processes that meet an expired token at one time, where an answer of the token server takes `way`.
    async fn two_processes(way: Duration) -> [Result<Offline, ConnectorError>; 2] {
        let vault = vault().await;
        vault.adopt(&tokens()).await.unwrap();
        let clock = TokioClock::starting_at("2026-03-12T09:00:00Z".parse().unwrap());
        let server = Arc::new(SlowAnswer {
            clock: Arc::new(clock),
            way,
            is_used_up: AtomicBool::new(false),
        });
        let (one, other) = tokio::join!(ask(&vault, &server), ask(&vault, &server));
        let (version, stored) = vault.load().await.unwrap().unwrap();
        assert_eq!((version, stored.access.expose_secret()), (2, "renewed"));
        [one, other]
    }

    #[tokio::test(start_paused = true)]
    async fn two_processes_that_renew_at_once_both_go_on_with_the_pair_that_one_of_them_was_given()
    {
        let both = two_processes(Duration::from_secs(5)).await;
        let lets_in = Ok(Offline::KeptWithoutOurs);
        assert_eq!(both, [lets_in.clone(), lets_in]);
    }

    #[tokio::test(start_paused = true)]
    async fn who_was_refused_long_before_the_other_stored_its_pair_says_that_access_is_lost() {
        let [one, other] = two_processes(Duration::from_secs(20)).await;
        assert_eq!(one, Ok(Offline::KeptWithoutOurs));
        assert_eq!(other.unwrap_err().verdict, domain::Verdict::Reauthorize);
    }
}
