//! Passwords: which are taken, and how they are hashed, off the threads that serve and never more than two at once.
//!
//! A hash costs 19 MiB and a tenth of a second on purpose; without the bound a hundred sign-ins would cost two gigabytes.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use engine::SharedRng;
use rand::Rng as _;
use tokio::sync::Semaphore;

/// Hashes at one time.
const AT_ONCE: usize = 2;
/// Characters of a password.
const LEAST: usize = 8;
const MOST: usize = 128;
const SALT: usize = 16;
/// OWASP's least for argon2id: memory in KiB, passes, lanes.
const COST: (u32, u32, u32) = (19 << 10, 2, 1);

/// What is tried first everywhere, of those that are long enough.
const KNOWN_TO_ALL: [&str; 36] = [
    "12345678",
    "123456789",
    "1234567890",
    "0123456789",
    "0987654321",
    "987654321",
    "87654321",
    "11111111",
    "00000000",
    "12344321",
    "123123123",
    "12341234",
    "1q2w3e4r",
    "1q2w3e4r5t",
    "1qaz2wsx",
    "qwertyui",
    "qwertyuiop",
    "qwerty123",
    "qwerty12345",
    "qazwsxedc",
    "asdfghjkl",
    "zxcvbnm123",
    "password",
    "password1",
    "password123",
    "passw0rd",
    "administrator",
    "admin123",
    "admin1234",
    "iloveyou",
    "provodka",
    "bitrix24",
    "buhgalter",
    "йцукенгш",
    "пароль123",
    "парольпароль",
];

/// The hasher.
pub(super) struct Passwords {
    places: Arc<Semaphore>,
    /// An unknown account costs what a known one does.
    nobodys: String,
    rng: SharedRng,
}

/// A password that is not taken, in words for the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unfit(pub(super) &'static str);

impl Passwords {
    pub(super) fn new(rng: &SharedRng) -> Self {
        Self {
            places: Arc::new(Semaphore::new(AT_ONCE)),
            nobodys: nobodys(),
            rng: rng.clone(),
        }
    }

    /// The hash of a password, with its parameters and salt; none if the machine cannot make one.
    pub(super) async fn hash(&self, password: String) -> Option<String> {
        let salt = salt(&self.rng);
        self.apart(move || hashed(&password, &salt)).await.flatten()
    }

    /// Whether it is the password of that hash; without a hash it costs the same and is not.
    pub(super) async fn is_right(&self, password: String, hash: Option<String>) -> bool {
        let is_known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.nobodys.clone());
        let is_right = self.apart(move || {
            // Nobody has a longer one, and hashing it would be work for nothing.
            let is_possible = password.chars().count() <= MOST;
            let hash = PasswordHash::new(&hash);
            hash.is_ok_and(|hash| hasher().verify_password(password.as_bytes(), &hash).is_ok())
                && is_possible
        });
        is_right.await.unwrap_or_default() && is_known
    }

    async fn apart<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let place = Arc::clone(&self.places).acquire_owned().await.ok()?;
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(place);
            done
        });
        done.await.ok()
    }
}

/// Whether a new password is taken: long enough, and not what everybody tries first.
pub(super) fn judge(password: &str, account: &str) -> Result<(), Unfit> {
    let length = password.chars().count();
    if length < LEAST {
        return Err(Unfit(
            "Пароль короче восьми знаков. Хороший пароль — несколько слов.",
        ));
    }
    if length > MOST {
        return Err(Unfit("Пароль длиннее 128 знаков."));
    }
    let plain = password.to_lowercase();
    if KNOWN_TO_ALL.contains(&plain.as_str()) || plain == account.to_lowercase() {
        return Err(Unfit("Этот пароль пробуют первым. Придумайте другой."));
    }
    Ok(())
}

fn hasher() -> Argon2<'static> {
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn hashed(password: &str, salt: &[u8]) -> Option<String> {
    let hash = hasher().hash_password_with_salt(password.as_bytes(), salt);
    hash.ok().map(|hash| hash.to_string())
}

/// A hash of no password at all, of salt and digest alike nothing but zeros, which costs what every hash costs. To make a
/// true one was most of what the processor did in the first moments of the program.
fn nobodys() -> String {
    let (memory, passes, lanes) = COST;
    let (salt, digest) = ("A".repeat(22), "A".repeat(43));
    format!("$argon2id$v=19$m={memory},t={passes},p={lanes}${salt}${digest}")
}

fn salt(rng: &SharedRng) -> [u8; SALT] {
    let mut salt = [0; SALT];
    rng.clone().fill_bytes(&mut salt);
    salt
}

#[cfg(test)]
mod tests {
    use super::{PasswordHash, Passwords, judge, nobodys};
    use engine::SharedRng;
    use rand::SeedableRng as _;

    #[test]
    fn a_password_is_long_enough_and_not_what_everybody_tries() {
        for (password, taken) in [
            ("коротко", false),
            ("восьмизн", true),
            ("        ", true),
            ("qwerty123", false),
            ("QWERTY123", false),
            ("buhgalter-anna", false),
            ("корова съела план счетов", true),
        ] {
            assert_eq!(
                judge(password, "Buhgalter-Anna").is_ok(),
                taken,
                "{password}"
            );
        }
        assert!(judge(&"я".repeat(128), "anna").is_ok());
        assert!(judge(&"я".repeat(129), "anna").is_err());
    }

    #[tokio::test]
    async fn only_the_password_itself_is_right_and_nobody_has_the_one_of_nobody() {
        let rng = SharedRng::new(rand::rngs::StdRng::seed_from_u64(7));
        let passwords = Passwords::new(&rng);
        let hash = passwords
            .hash("корова съела план".to_owned())
            .await
            .unwrap();
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        let nobodys = nobodys();
        let of = |text: &str| PasswordHash::new(text).map(|hash| hash.params.to_string());
        assert_eq!(of(&nobodys).unwrap(), of(&hash).unwrap());
        assert_eq!(nobodys.len(), hash.len());
        let other = passwords
            .hash("корова съела план".to_owned())
            .await
            .unwrap();
        assert_ne!(hash, other, "each has a salt of its own");
        for (password, hash, right) in [
            ("корова съела план", Some(hash.clone()), true),
            ("корова съела план ", Some(hash.clone()), false),
            ("", Some(hash), false),
            ("nobody has this password", None, false),
            ("корова съела план", Some("no hash".to_owned()), false),
        ] {
            let is_right = passwords.is_right(password.to_owned(), hash).await;
            assert_eq!(is_right, right, "{password}");
        }
    }
}
