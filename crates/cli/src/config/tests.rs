//! The configuration: the shipped file is the code's defaults, and all faults come in one message.

use std::collections::BTreeMap;

use toml::Table;

use super::{Config, Environment, Raw, secrets};

const SHIPPED: &str = include_str!("../../../../config/default.toml");

fn environment(pairs: &[(&str, &str)]) -> Environment {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const SECRET: &str = "k3v8s1d5m2n7q4x9";

fn webhook() -> Environment {
    environment(&[
        (
            secrets::WEBHOOK_URL,
            "https://office.bitrix24.ru/rest/7/k3v8s1d5m2n7q4x9/",
        ),
        (secrets::API_KEY, "the-key"),
    ])
}

const LEAST: &str = r#"
[bitrix24]
member_id = "a223c6b3710f85df22e9377d6c4f7553"
[accounting]
base_url = "https://accounting.example/"
"#;

fn refused(text: &str, environment: &Environment) -> String {
    match Config::parse(text, environment) {
        Ok(_) => panic!("it was taken:\n{text}"),
        Err(faults) => faults.to_string(),
    }
}

#[test]
fn the_shipped_file_holds_every_setting_with_its_default() {
    let shipped: Table = SHIPPED.parse().unwrap();
    let coded = Table::try_from(Raw::default()).unwrap();
    assert_eq!(shipped, coded);
    let (raw, faults) = super::read::raw(SHIPPED);
    assert_eq!((raw, faults), (Raw::default(), Vec::new()));
}

#[test]
fn every_setting_of_the_shipped_file_has_its_comment() {
    let mut former = "";
    for line in SHIPPED.lines() {
        if line.contains(" = ") && !line.starts_with('#') {
            assert!(former.starts_with("# "), "no comment above `{line}`");
        }
        former = line;
    }
}

#[test]
fn the_reference_page_names_every_setting_and_every_variable() {
    let page = include_str!("../../../../docs/reference/configuration.md");
    let coded = Table::try_from(Raw::default()).unwrap();
    for (section, value) in &coded {
        let Some(settings) = value.as_table() else {
            assert!(page.contains(&format!("`{section}`")), "{section}");
            continue;
        };
        for name in settings.keys() {
            assert!(
                page.contains(&format!("`{section}.{name}`")),
                "{section}.{name}"
            );
        }
    }
    for variable in secrets::ALL {
        assert!(page.contains(&format!("`{variable}`")), "{variable}");
    }
}

#[test]
fn little_is_needed() {
    let config = Config::parse(LEAST, &webhook()).unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(config.portal_host(), "office.bitrix24.ru");
    assert!(!config.is_app());
    assert!(config.keys.is_none());
}

#[test]
fn all_faults_come_in_one_message_without_a_secret() {
    let text = format!(
        r#"
wrong = 1
[server]
lisen = "127.0.0.1:8080"
listen = "0.0.0.0:80"
trusted_proxies = ["nowhere"]
[bitrix24]
webhook_url = "https://office.bitrix24.ru/rest/7/{SECRET}/"
source_check = "enforce"
[accounting]
base_url = "http://accounting.example/"
api_key = "{SECRET}"
print_form = "yes"
[timing]
sweep_every = "soon"
portal_quiet = "10s"
[journal]
kept_days = 400
[log]
format = "loud"
"#
    );
    let environment = environment(&[
        (
            secrets::WEBHOOK_URL,
            "http://office.bitrix24.ru/rest/7/k3v8s1d5m2n7q4x9/",
        ),
        ("PROVODKA_ACOUNTING_API_KEY", SECRET),
        ("PROVODKA_TEST_POSTGRES", "postgres://localhost/test"),
        (secrets::MASTER_KEY, "too short"),
    ]);
    let told = refused(&text, &environment);
    assert!(!told.contains(SECRET), "{told}");
    insta::assert_snapshot!(told);
}

#[test]
fn an_application_needs_its_secrets_its_key_and_an_address() {
    let text = r#"
[bitrix24]
kind = "app"
member_id = "a223c6b3710f85df22e9377d6c4f7553"
oauth_url = "https://oauth.evil.example/"
[accounting]
base_url = "https://accounting.example"
"#;
    let environment = environment(&[(secrets::API_KEY, "the-key")]);
    insta::assert_snapshot!(refused(text, &environment));
}

#[test]
fn a_line_that_is_no_toml_is_named_and_not_shown() {
    let text = format!("[accounting]\napi_key = {SECRET}\n");
    let told = refused(&text, &webhook());
    assert!(!told.contains(SECRET), "{told}");
    assert!(told.contains("line 2"), "{told}");
}

#[test]
fn insecure_combinations_are_refused() {
    let rows: BTreeMap<&str, (&str, &str)> = BTreeMap::from([
        (
            "development on an open address",
            (
                "development = true\n[server]\nlisten = \"0.0.0.0:8080\"",
                "`development = true` switches guards off",
            ),
        ),
        (
            "open without TLS",
            ("[server]\nlisten = \"[::]:8080\"", "without TLS"),
        ),
        (
            "half of TLS",
            (
                "[server]\ntls_key_file = \"/nowhere/key.pem\"",
                "counterpart is set",
            ),
        ),
        (
            "loopback without development",
            (
                "[server]\npublic_url = \"http://127.0.0.1:8080\"",
                "for trying out only",
            ),
        ),
        (
            "a public address in clear",
            (
                "[server]\npublic_url = \"http://office.example\"",
                "without TLS",
            ),
        ),
        (
            "nothing to enforce",
            (
                "[server]\nlisten = \"127.0.0.1:1\"\n[log]\nlevel = \"=,=\"",
                "is no filter",
            ),
        ),
    ]);
    for (name, (more, expected)) in rows {
        let text = format!("{more}\n{LEAST}");
        let told = refused(&text, &webhook());
        assert!(told.contains(expected), "{name}: {told}");
    }
}

#[test]
fn a_proxy_in_front_opens_the_address() {
    let text = format!(
        "[server]\nlisten = \"0.0.0.0:8080\"\ntrusted_proxies = [\"10.0.0.0/8\", \"192.0.2.1\"]\n{LEAST}"
    );
    let config = Config::parse(&text, &webhook()).unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(config.server.guard.trusted_proxies.len(), 2);
}

#[test]
fn a_secret_comes_from_a_file_as_well_but_not_from_both() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, "the-key\n").unwrap();
    let text = format!("{LEAST}api_key_file = {:?}\n", file.display().to_string());
    let mut variables = webhook();
    let told = refused(&text, &variables);
    assert!(told.contains("keep one of the two"), "{told}");
    variables.remove(secrets::API_KEY);
    let config = Config::parse(&text, &variables).unwrap_or_else(|faults| panic!("{faults}"));
    use secrecy::ExposeSecret as _;
    assert_eq!(config.accounting.api_key.expose_secret(), "the-key");
}

#[test]
fn a_key_that_was_given_is_ready() {
    let mut variables = webhook();
    variables.insert(secrets::MASTER_KEY.to_owned(), KEY.to_owned());
    let config = Config::parse(LEAST, &variables).unwrap_or_else(|faults| panic!("{faults}"));
    assert!(config.keys.is_some());
}

#[test]
fn what_is_too_large_is_not_read() {
    let large = format!("{LEAST}# {}", "x".repeat(256 << 10));
    let told = refused(&large, &webhook());
    assert!(told.contains("more than 256 KiB"), "{told}");
}
