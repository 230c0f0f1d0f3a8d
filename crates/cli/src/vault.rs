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

    use super::Vault;
    use connector_bitrix24::{TokenVault as _, Tokens, VaultError};
    use domain::PortalId;
    use engine::SharedRng;
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;
    use secrecy::SecretString;
    use store::{Mode, Portal, Store};

    use crate::seal::KeyRing;

    fn keys(key: &str) -> Arc<KeyRing> {
        Arc::new(KeyRing::new(&SecretString::from(key), &[]).unwrap())
    }

    #[tokio::test]
    async fn tokens_under_another_key_are_sealed_and_not_unreadable() {
        let portal = PortalId::new("portal-a");
        let store = Store::open_inline().unwrap();
        let row = Portal {
            id: portal.clone(),
            host: "portal.bitrix24.test".to_owned(),
            mode: Mode::Active,
            paused: false,
            detail: serde_json::json!({}),
            created_at: "2026-03-12T09:00:00Z".parse().unwrap(),
            updated_at: "2026-03-12T09:00:00Z".parse().unwrap(),
        };
        store.portal_put(&row).await.unwrap();
        let vault = Vault {
            store,
            keys: keys("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
            portal,
            rng: SharedRng::new(StdRng::seed_from_u64(7)),
        };
        let tokens = Tokens {
            access: "access".to_owned().into(),
            refresh: "refresh".to_owned().into(),
            client_endpoint: "https://portal.bitrix24.test/rest/".to_owned(),
        };
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
}
