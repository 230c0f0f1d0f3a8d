//! Sealing: rotating tokens lie in the database encrypted, bound to their portal.
//!
//! XChaCha20-Poly1305 under a key from the environment. A sealed text names its key, so that keys can be
//! changed: the newest seals, every key of the ring opens. Key id and portal are authenticated, so that a row
//! moved to another portal does not open. Not here: what is sealed (`vault`), and where it lies (`store`).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use domain::PortalId;
use rand::Rng;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

const FORM: u8 = 1;
const KEY_BYTES: usize = 32;
const KEY_ID_BYTES: usize = 4;
const NONCE_BYTES: usize = 24;

/// Why something could not be sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The key is not 32 bytes in base64.
    #[error("the master key is not 32 bytes in base64")]
    Key,
    /// Sealed under a key that is not in the ring.
    #[error("it was sealed under another master key: add that one to the older keys")]
    UnknownKey,
    /// Cut, changed, or another portal's.
    #[error("what was sealed does not open: it was changed, or belongs to another portal")]
    Broken,
}

/// The keys: one that seals, and all that open.
pub struct KeyRing {
    newest: Key,
    older: Vec<Key>,
}

struct Key {
    id: [u8; KEY_ID_BYTES],
    cipher: XChaCha20Poly1305,
}

impl KeyRing {
    /// A ring of keys, 32 bytes in base64 each.
    ///
    /// # Errors
    /// When a text is no key.
    pub fn new(newest: &SecretString, older: &[SecretString]) -> Result<Self, SealError> {
        Ok(Self {
            newest: Key::read(newest)?,
            older: older.iter().map(Key::read).collect::<Result<_, _>>()?,
        })
    }

    /// Seals a text for one portal. `rng` must be fit for secrets.
    ///
    /// # Errors
    /// When the text is longer than the cipher takes.
    pub fn seal(
        &self,
        rng: &mut dyn Rng,
        portal: &PortalId,
        plain: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE_BYTES];
        rng.fill_bytes(&mut nonce);
        let head = head(&self.newest.id);
        let aad = bound(&head, portal);
        let payload = Payload {
            msg: plain,
            aad: &aad,
        };
        let sealed = self
            .newest
            .cipher
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_too_long| SealError::Broken)?;
        Ok([&head[..], &nonce, &sealed].concat())
    }

    /// Opens what was sealed for this portal under any key of the ring.
    ///
    /// # Errors
    /// Says whether the key is missing or the text is broken.
    pub fn open(&self, portal: &PortalId, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (head, rest) = sealed
            .split_at_checked(1 + KEY_ID_BYTES)
            .ok_or(SealError::Broken)?;
        let (nonce, text) = rest
            .split_at_checked(NONCE_BYTES)
            .ok_or(SealError::Broken)?;
        let [FORM, id @ ..] = head else {
            return Err(SealError::Broken);
        };
        let nonce = XNonce::try_from(nonce).map_err(|_length| SealError::Broken)?;
        let key = std::iter::once(&self.newest)
            .chain(&self.older)
            .find(|key| key.id == id)
            .ok_or(SealError::UnknownKey)?;
        let aad = bound(head, portal);
        key.cipher
            .decrypt(
                &nonce,
                Payload {
                    msg: text,
                    aad: &aad,
                },
            )
            .map_err(|_forged| SealError::Broken)
    }
}

impl Key {
    fn read(text: &SecretString) -> Result<Self, SealError> {
        let bytes = STANDARD
            .decode(text.expose_secret().trim())
            .map_err(|_| SealError::Key)?;
        let key: [u8; KEY_BYTES] = bytes.try_into().map_err(|_| SealError::Key)?;
        let digest = Sha256::new()
            .chain_update(b"provodka key id")
            .chain_update(key)
            .finalize();
        let mut id = [0; KEY_ID_BYTES];
        for (place, byte) in id.iter_mut().zip(digest) {
            *place = byte;
        }
        Ok(Self {
            id,
            cipher: XChaCha20Poly1305::new(&key.into()),
        })
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyRing(1 newest, {} older)", self.older.len())
    }
}

fn head(id: &[u8; KEY_ID_BYTES]) -> [u8; 1 + KEY_ID_BYTES] {
    let [a, b, c, d] = *id;
    [FORM, a, b, c, d]
}

/// What is authenticated beside the text.
fn bound(head: &[u8], portal: &PortalId) -> Vec<u8> {
    [b"provodka secrets", head, portal.as_str().as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::{KeyRing, SealError};
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use domain::PortalId;
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;
    use secrecy::SecretString;

    fn key(byte: u8) -> SecretString {
        SecretString::from(STANDARD.encode([byte; 32]))
    }

    fn ring(newest: u8, older: &[u8]) -> KeyRing {
        let older: Vec<SecretString> = older.iter().map(|byte| key(*byte)).collect();
        KeyRing::new(&key(newest), &older).unwrap()
    }

    fn sealed(ring: &KeyRing) -> Vec<u8> {
        let mut rng = StdRng::seed_from_u64(7);
        ring.seal(&mut rng, &PortalId::new("one"), b"token")
            .unwrap()
    }

    #[test]
    fn what_was_sealed_opens_for_its_portal_only() {
        let ring = ring(1, &[]);
        let text = sealed(&ring);
        assert_eq!(ring.open(&PortalId::new("one"), &text).unwrap(), b"token");
        assert_eq!(
            ring.open(&PortalId::new("other"), &text),
            Err(SealError::Broken)
        );
    }

    #[test]
    fn any_changed_byte_is_found() {
        let ring = ring(1, &[]);
        let text = sealed(&ring);
        for place in 0..text.len() {
            let mut forged = text.clone();
            forged[place] ^= 1;
            assert!(
                ring.open(&PortalId::new("one"), &forged).is_err(),
                "byte {place}"
            );
        }
        for length in 0..text.len() {
            assert!(
                ring.open(&PortalId::new("one"), &text[..length]).is_err(),
                "length {length}"
            );
        }
    }

    #[test]
    fn an_older_key_still_opens_and_a_removed_one_does_not() {
        let text = sealed(&ring(1, &[]));
        let portal = PortalId::new("one");
        assert_eq!(ring(2, &[3, 1]).open(&portal, &text).unwrap(), b"token");
        assert_eq!(
            ring(2, &[3]).open(&portal, &text),
            Err(SealError::UnknownKey)
        );
    }

    #[test]
    fn a_key_is_32_bytes_in_base64() {
        for text in ["", "short", "not base64 at all, is it?", "AAAA"] {
            let made = KeyRing::new(&SecretString::from(text.to_owned()), &[]);
            assert_eq!(made.err(), Some(SealError::Key), "{text}");
        }
    }
}
