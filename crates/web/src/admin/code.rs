//! The one-time code that opens the pages to whoever may read the program's output: it sets a password, once, within a
//! quarter of an hour.
//!
//! There is no account from the start and no password that everybody knows. Who forgot a password asks for a new code on
//! the machine itself.

use domain::PortalId;
use engine::{Clock, SharedRng};
use jiff::{SignedDuration, Timestamp};
use rand::Rng as _;
use sha2::{Digest as _, Sha256};
use store::{Store, StoreError};

/// So long a code is good.
pub const CODE_LIVES: SignedDuration = SignedDuration::from_mins(15);
/// Letters and digits that nobody confuses; five bits each.
const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Eighty bits.
const LENGTH: usize = 16;
/// People read it in groups.
const GROUP: usize = 4;

/// A fresh code. Only its digest is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Code {
    /// To be typed: `7KQ2-M4ZC-9T0V-XW3H`.
    pub text: String,
    /// Until when it is good.
    pub ends_at: Timestamp,
}

/// Makes a code in place of the former.
///
/// # Errors
/// The store's.
pub async fn new_code(
    store: &Store,
    portal: &PortalId,
    clock: &dyn Clock,
    rng: &SharedRng,
) -> Result<Code, StoreError> {
    let text = drawn(rng);
    let ends_at = clock
        .now()
        .saturating_add(CODE_LIVES)
        .unwrap_or(Timestamp::MAX);
    store
        .admin_code_put(portal, &digest(&text), ends_at)
        .await?;
    Ok(Code { text, ends_at })
}

/// What is kept of a code, however it was typed.
pub(super) fn digest(typed: &str) -> String {
    let plain: String = typed
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            c => c,
        })
        .collect();
    hex(&Sha256::digest(plain.as_bytes()))
}

/// Bytes as people copy them.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn drawn(rng: &SharedRng) -> String {
    let mut bytes = [0_u8; LENGTH];
    rng.clone().fill_bytes(&mut bytes);
    let mut text = String::with_capacity(LENGTH + LENGTH / GROUP);
    for (place, byte) in bytes.iter().enumerate() {
        if place > 0 && place % GROUP == 0 {
            text.push('-');
        }
        let letter = LETTERS.get(usize::from(byte % 32)).copied();
        text.push(char::from(letter.unwrap_or(b'0')));
    }
    text
}

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Code")
            .field("ends_at", &self.ends_at)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{digest, drawn};
    use engine::SharedRng;
    use rand::SeedableRng as _;

    #[test]
    fn a_code_is_the_same_however_people_type_it() {
        let rng = SharedRng::new(rand::rngs::StdRng::seed_from_u64(7));
        let code = drawn(&rng);
        assert_eq!(code.len(), 19, "{code}");
        assert_ne!(code, drawn(&rng));
        let typed = format!(" {} ", code.to_lowercase().replace('-', " "));
        assert_eq!(digest(&typed), digest(&code));
        let confused = code.replace('0', "o").replace('1', "l");
        assert_eq!(digest(&confused), digest(&code));
        assert_ne!(digest(&format!("{code}0")), digest(&code));
    }
}
