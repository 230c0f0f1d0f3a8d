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
        let plain = self.keys.open(&self.portal, &sealed).map_err(told)?;
        let kept: Kept = serde_json::from_slice(&plain)
            .map_err(|_| VaultError("what was sealed is no pair of tokens".to_owned()))?;
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
        Err(VaultError("others replace them all the time".to_owned()))
    }
}

fn told(error: impl std::fmt::Display) -> VaultError {
    VaultError(error.to_string())
}
