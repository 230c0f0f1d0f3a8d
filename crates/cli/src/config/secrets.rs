//! Secrets: from a variable of the environment, or from a file that the configuration names.
//!
//! Never from the file itself, and never shown. A file's last line break is not part of the secret.

use secrecy::SecretString;

use super::{ConfigFault, Environment};

/// The database's address, which may hold a password.
pub(crate) const DATABASE_URL: &str = "PROVODKA_DATABASE_URL";
/// The incoming webhook's address.
pub(crate) const WEBHOOK_URL: &str = "PROVODKA_BITRIX24_WEBHOOK_URL";
/// The application's secret.
pub(crate) const CLIENT_SECRET: &str = "PROVODKA_BITRIX24_CLIENT_SECRET";
/// What events carry.
pub(crate) const APPLICATION_TOKEN: &str = "PROVODKA_BITRIX24_APPLICATION_TOKEN";
/// The accounting side's key.
pub(crate) const API_KEY: &str = "PROVODKA_ACCOUNTING_API_KEY";
/// Seals tokens.
pub(crate) const MASTER_KEY: &str = "PROVODKA_MASTER_KEY";
/// Opens what was sealed before.
pub(crate) const OLDER_MASTER_KEYS: &str = "PROVODKA_OLDER_MASTER_KEYS";
/// Names the configuration's file.
pub(crate) const CONFIG: &str = "PROVODKA_CONFIG";

pub(super) const ALL: [&str; 8] = [
    CONFIG,
    DATABASE_URL,
    WEBHOOK_URL,
    CLIENT_SECRET,
    APPLICATION_TOKEN,
    API_KEY,
    MASTER_KEY,
    OLDER_MASTER_KEYS,
];
/// Variables of the test suite.
const TEST_PREFIX: &str = "PROVODKA_TEST_";

/// A misspelt variable would leave a secret unset, so it is a fault.
pub(super) fn unknown(environment: &Environment) -> Vec<ConfigFault> {
    environment
        .keys()
        .filter(|name| name.starts_with("PROVODKA_") && !name.starts_with(TEST_PREFIX))
        .filter(|name| !ALL.contains(&name.as_str()))
        .map(|name| {
            let remedy = format!("unset it; known: {}", ALL.join(", "));
            ConfigFault::new(name, "is no variable of ours", remedy)
        })
        .collect()
}

/// A secret from `variable`, or from the file that `key` names as `path`. None where neither is set.
pub(super) fn find(
    environment: &Environment,
    variable: &str,
    key: &str,
    path: &str,
    faults: &mut Vec<ConfigFault>,
) -> Option<SecretString> {
    let given = environment.get(variable).map(|value| value.trim());
    match (given.filter(|value| !value.is_empty()), path.is_empty()) {
        (Some(_), false) => {
            faults.push(ConfigFault::new(
                key,
                format!("is given by `{variable}` as well"),
                "keep one of the two",
            ));
            None
        }
        (Some(value), true) => Some(SecretString::from(value.to_owned())),
        (None, true) => None,
        (None, false) => match std::fs::read_to_string(path) {
            Ok(text) if !text.trim().is_empty() => Some(SecretString::from(text.trim().to_owned())),
            Ok(_) => {
                faults.push(ConfigFault::new(
                    key,
                    format!("`{path}` is empty"),
                    "put the secret into it",
                ));
                None
            }
            Err(error) => {
                faults.push(ConfigFault::new(
                    key,
                    format!("`{path}` cannot be read: {error}"),
                    "mend the path or the file's rights",
                ));
                None
            }
        },
    }
}

/// As [`find`], where the program cannot go on without it.
pub(super) fn need(
    environment: &Environment,
    variable: &str,
    key: &str,
    path: &str,
    faults: &mut Vec<ConfigFault>,
) -> Option<SecretString> {
    let before = faults.len();
    let found = find(environment, variable, key, path, faults);
    if found.is_none() && faults.len() == before {
        faults.push(ConfigFault::new(
            variable,
            "is not set",
            format!("set it in the environment, or name a file that holds it in `{key}`"),
        ));
    }
    found
}
