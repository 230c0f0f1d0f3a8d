//! The configuration's text, and a portal's policy, as an administrator may have written them.

use planner::Policy;
use provodka::config::{Config, Environment};

pub(crate) fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    // What is larger is refused unread.
    if text.len() <= 256 << 10 && names_a_file(text) {
        // What the files of this machine hold is not the input's.
        return;
    }
    let environment: Environment = [
        (
            "PROVODKA_BITRIX24_WEBHOOK_URL",
            "https://portal.bitrix24.ru/rest/1/s3cr3t/",
        ),
        ("PROVODKA_BITRIX24_CLIENT_SECRET", "cl13nt-s3cr3t"),
        ("PROVODKA_ACCOUNTING_API_KEY", "0f2c8a3e"),
        (
            "PROVODKA_MASTER_KEY",
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        ),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect();
    if let Err(faults) = Config::parse(text, &environment) {
        let told = faults.to_string();
        assert!(!told.contains("s3cr3t"), "a secret is told");
    }
    if let Ok(policy) = Policy::parse(text) {
        let again = policy.to_text().unwrap();
        assert_eq!(
            Policy::parse(&again).unwrap(),
            policy,
            "a policy changes by being written"
        );
    }
}

/// Whether a setting that names a file is set.
fn names_a_file(text: &str) -> bool {
    let Ok(table) = text.parse::<toml::Table>() else {
        return false;
    };
    table.values().any(|section| {
        section.as_table().is_some_and(|section| {
            section.iter().any(|(key, value)| {
                let is_file = key.ends_with("_file") || key.ends_with("_files");
                is_file && value.as_str() != Some("")
            })
        })
    })
}
