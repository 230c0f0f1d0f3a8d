//! The configuration: the shipped file is the code's defaults, and all faults come in one message.

use std::collections::BTreeMap;

use toml::Table;

use super::{Accounting, Config, Environment, Raw, secrets};

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
    assert_eq!(config.portal_origin(), "https://office.bitrix24.ru");
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
    let Accounting::Kontur(kontur) = &config.accounting else {
        panic!("another kind");
    };
    assert_eq!(kontur.api_key.expose_secret(), "the-key");
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

fn office(sections: &str) -> String {
    format!(
        "[bitrix24]\nmember_id = \"a223c6b3710f85df22e9377d6c4f7553\"\n[accounting]\nkind = \"office\"\n{sections}"
    )
}

const NORTH: &str = r#"
[[accounting.organisations]]
id = "north"
name = "ООО «Север»"
inn = "7707083893"
kpp = "770701001"
"#;

#[test]
fn an_office_needs_no_key_and_no_address() {
    let north = format!("{NORTH}prefix = \"{{year}}/\"\nnext = 118\nyear = 2026\n");
    let trader = "[[accounting.organisations]]\nid = \"ip\"\nname = \"ИП\"\ninn = \"123456789047\"";
    let text = office(&format!("{north}{trader}"));
    let config = Config::parse(&text, &webhook()).unwrap_or_else(|faults| panic!("{faults}"));
    let Accounting::Office(organisations) = config.accounting else {
        panic!("another kind");
    };
    assert_eq!(organisations[0].prefix_of(2026), "2026/");
    let first = [2026, 2027].map(|year| organisations[0].first_of(year));
    assert_eq!(first, [118, 1]);
    assert_eq!(
        (&organisations[1].kpp, &organisations[1].go_on),
        (&None, &None)
    );
}

#[test]
fn a_test_organisation_stands_beside_its_real_one_under_a_prefix_that_says_so() {
    let test = |more: &str| {
        let section = NORTH.replace("north", "north-test");
        office(&format!("{NORTH}{section}test = true\n{more}"))
    };
    let config = Config::parse(&test(""), &webhook()).unwrap_or_else(|faults| panic!("{faults}"));
    let Accounting::Office(organisations) = config.accounting else {
        panic!("another kind");
    };
    let prefixes = organisations
        .iter()
        .map(|one| (one.test, one.prefix_of(2026)));
    let prefixes: Vec<(bool, String)> = prefixes.collect();
    assert_eq!(
        prefixes,
        [(false, String::new()), (true, "ТЕСТ-".to_owned())]
    );
    assert!(Config::parse(&test("prefix = \"test/{year}/\""), &webhook()).is_ok());
    let told = refused(&test("prefix = \"СВ-\""), &webhook());
    assert!(
        told.contains("does not say that the numbers are tests"),
        "{told}"
    );
}

#[test]
fn an_office_that_could_give_a_number_twice_or_cannot_sell_is_refused() {
    for (sections, key, says) in [
        ("".to_owned(), "accounting.organisations", "is empty"),
        (
            "organisations = [\"north\"]".to_owned(),
            "accounting.organisations",
            "sections",
        ),
        (
            "organisations = \"north\"".to_owned(),
            "accounting.organisations",
            "sections",
        ),
        (
            format!("{NORTH}{NORTH}"),
            "accounting.organisations[2].id",
            "twice",
        ),
        (
            format!("{NORTH}{}", NORTH.replace("north", "west")),
            "accounting.organisations[2]",
            "has the INN and KPP of `north`",
        ),
        (
            NORTH.replace("north", "север"),
            "organisations[1].id",
            "no short word",
        ),
        (
            NORTH.replace("ООО «Север»", " "),
            "organisations[1].name",
            "is missing",
        ),
        (
            NORTH.replace("7707083893", "7707083894"),
            "organisations[1].inn",
            "no INN",
        ),
        (
            NORTH.replace("770701001", ""),
            "organisations[1].kpp",
            "is missing",
        ),
        (
            NORTH.replace("770701001", "77"),
            "organisations[1].kpp",
            "no KPP",
        ),
        (
            NORTH.replace("7707083893", "123456789047"),
            "organisations[1].kpp",
            "sole trader",
        ),
        (
            format!("{NORTH}prefix = \"СВ-1\""),
            "organisations[1].prefix",
            "ends with a digit",
        ),
        (
            format!("{NORTH}next = 118"),
            "organisations[1].next",
            "belong together",
        ),
        (
            format!("{NORTH}year = 2026"),
            "organisations[1].next",
            "belong together",
        ),
        (
            format!("{NORTH}next = 1\nyear = 26"),
            "organisations[1].year",
            "no year",
        ),
        (
            format!("{NORTH}nex = 1"),
            "organisations[1].nex",
            "did you mean `next`",
        ),
        (
            format!("{NORTH}next = \"1\""),
            "organisations[1].next",
            "a whole number",
        ),
    ] {
        let told = refused(&office(&sections), &webhook());
        assert!(
            told.contains(key) && told.contains(says),
            "{key}: {says}\n{told}"
        );
    }
    let told = refused(&format!("{LEAST}{NORTH}"), &webhook());
    assert!(told.contains("`accounting.kind` is not `office`"), "{told}");
    let told = refused(
        &LEAST.replace("base_url", "kind = \"1c\"\nbase_url"),
        &webhook(),
    );
    assert!(told.contains("`1c` is unknown"), "{told}");
}

#[test]
fn pages_are_served_to_others_only_by_a_name_and_over_tls() {
    let admin = |rest: &str| format!("{rest}\n{LEAST}");
    for (text, told) in [
        (
            "[admin]\nlisten = \"0.0.0.0:8081\"",
            "without TLS or without a name",
        ),
        (
            "[admin]\nlisten = \"0.0.0.0:8081\"\npublic_url = \"https://pages.example\"",
            "without TLS or without a name",
        ),
        (
            "[server]\ntrusted_proxies = [\"10.0.0.0/8\"]\n[admin]\nlisten = \"0.0.0.0:8081\"",
            "without TLS or without a name",
        ),
        (
            "[admin]\npublic_url = \"http://pages.example\"",
            "is not `https://` and a host alone",
        ),
        (
            "[admin]\npublic_url = \"https://pages.example/admin\"",
            "is not `https://` and a host alone",
        ),
        (
            "[admin]\nlisten = \"127.0.0.1:8080\"",
            "is where events are heard",
        ),
        ("[admin]\nlisten = \"8081\"", "is no address with a port"),
    ] {
        let faults = refused(&admin(text), &webhook());
        assert!(
            faults.contains("admin.") && faults.contains(told),
            "{text}: {faults}"
        );
    }
    let text = admin(
        "[server]\ntrusted_proxies = [\"10.0.0.0/8\"]\n[admin]\nlisten = \"0.0.0.0:8081\"\npublic_url = \"https://Pages.example/\"",
    );
    let config = Config::parse(&text, &webhook()).unwrap();
    let origin = config.admin.unwrap().public_origin;
    assert_eq!(origin.as_deref(), Some("https://pages.example"));
    let none = Config::parse(&admin("[admin]\nlisten = \"\""), &webhook()).unwrap();
    assert!(none.admin.is_none());
    let usual = Config::parse(LEAST, &webhook()).unwrap();
    assert!(usual.admin.unwrap().listen.ip().is_loopback());
}

#[test]
fn a_folder_of_statements_is_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let named =
        |path: &std::path::Path| format!("[statements]\nfolder = '{}'\n{LEAST}", path.display());
    let config = Config::parse(&named(folder.path()), &webhook()).unwrap();
    assert_eq!(config.statements.as_deref(), Some(folder.path()));
    let faults = refused(&named(&folder.path().join("no-such")), &webhook());
    assert!(
        faults.contains("statements.folder") && faults.contains("is no folder"),
        "{faults}"
    );
    assert!(
        Config::parse(LEAST, &webhook())
            .unwrap()
            .statements
            .is_none()
    );
}
