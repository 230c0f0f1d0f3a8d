//! Who may see whom, read from the manifests; and which crates alone may talk to the network, a database,
//! a layout engine or a terminal.

use toml::{Table, Value};

use super::{Fault, File};

/// A crate of ours and the ones of ours that it may use; `*` ends a prefix.
const LAYERS: &[(&str, &[&str])] = &[
    // Answers `false` in every build but the hunt's.
    ("planted", &[]),
    ("domain", &[]),
    ("planner", &["planted", "domain"]),
    ("store", &["planted", "domain"]),
    ("engine", &["planted", "domain", "store", "capability"]),
    ("capability", &["domain"]),
    ("transport", &[]),
    (
        "connector-*",
        &["planted", "domain", "capability", "transport"],
    ),
    ("documents", &["domain"]),
    (
        "reconciler",
        &[
            "planted",
            "domain",
            "planner",
            "store",
            "engine",
            "capability",
            "documents",
        ],
    ),
    // What people order about money, for the command line and the pages.
    (
        "desk",
        &[
            "domain",
            "planner",
            "store",
            "engine",
            "reconciler",
            "connector-*",
        ],
    ),
    // It shows what is known and takes in what is told; what to do it asks nobody, and what people order it hands on.
    (
        "web",
        &[
            "planted",
            "domain",
            "store",
            "engine",
            "capability",
            "connector-*",
            "desk",
        ],
    ),
    ("emulator-harness", &[]),
    // No type of ours: a misreading that both sides share would pass every test.
    ("emulator-*", &["emulator-harness"]),
    (
        "testkit",
        &[
            "domain",
            "planner",
            "store",
            "engine",
            "capability",
            "transport",
            "reconciler",
            "connector-*",
            "documents",
            "emulator-*",
        ],
    ),
    // The whole product but the program, on the emulators.
    ("simulator", &["*"]),
    ("bench", &["*"]),
    ("provodka", &["*"]),
    ("scenarios", &["*"]),
    ("fuzz", &["*"]),
    ("xtask", &[]),
];

/// What tests of a crate may use beside its own layer.
const FOR_TESTS: &[(&str, &[&str])] = &[
    ("emulator-*", &["emulator-harness"]),
    ("connector-*", &["testkit", "emulator-*"]),
    ("web", &["testkit", "emulator-harness"]),
    ("*", &["testkit"]),
];

/// Crates of others that only some of ours may use, with the reason.
const KEPT: &[(&str, &[&str], &str)] = &[
    (
        "reqwest",
        &["transport"],
        "every request leaves through `transport`",
    ),
    (
        "rusqlite",
        &["store", "simulator"],
        "only `store` speaks SQL, and the simulator's judges read it by their own",
    ),
    ("tokio-postgres", &["store"], "only `store` speaks SQL"),
    ("deadpool-postgres", &["store"], "only `store` speaks SQL"),
    ("typst", &["documents"], "only `documents` lays out pages"),
    (
        "anyhow",
        &["provodka", "xtask", "scenarios"],
        "libraries name what failed; only programs and tests may pile causes up",
    ),
];

/// What reaches out, waits or draws lots: never in the pure crates.
const IMPURE: &[&str] = &[
    "tokio",
    "futures-util",
    "async-trait",
    "hyper",
    "http",
    "axum",
    "tracing",
    "rand",
    "rand_chacha",
    "tempfile",
    "url",
    "rustls",
    "clap",
];
const PURE: &[&str] = &["domain", "planner"];

/// Judges all manifests.
pub(super) fn judge(files: &[File]) -> Vec<Fault> {
    let manifests: Vec<Manifest<'_>> = files.iter().filter_map(Manifest::read).collect();
    let ours: Vec<&str> = manifests
        .iter()
        .map(|manifest| manifest.name.as_str())
        .collect();
    let mut faults = Vec::new();
    for manifest in &manifests {
        let Some(allowed) = row(LAYERS, &manifest.name) else {
            faults.push(manifest.file.fault(format!(
                "crate `{}` has no layer: say in xtask/src/tidy/layers.rs whom it may see",
                manifest.name
            )));
            continue;
        };
        for used in &manifest.uses {
            faults.extend(judge_use(manifest, used, allowed, &ours));
        }
    }
    faults
}

fn judge_use(
    manifest: &Manifest<'_>,
    used: &Use,
    allowed: &[&str],
    ours: &[&str],
) -> Option<Fault> {
    let Manifest { name, file, .. } = manifest;
    let other = used.name.as_str();
    if ours.contains(&other) {
        let by_layer = matches(allowed, other);
        let by_test = used.only_tests && matches(row(FOR_TESTS, name).unwrap_or_default(), other);
        let of_itself = other == name;
        let says = format!(
            "`{name}` may not see `{other}`{}: see \"Rules between crates\"",
            if used.only_tests {
                ", not even in tests"
            } else {
                ""
            }
        );
        return (!by_layer && !by_test && !of_itself).then(|| file.fault(says));
    }
    if used.only_tests {
        return None;
    }
    if PURE.contains(&name.as_str()) && IMPURE.contains(&other) {
        return Some(file.fault(format!(
            "`{name}` is pure and may not use `{other}`: what it brings is passed in"
        )));
    }
    let (_, owners, reason) = KEPT.iter().find(|(kept, ..)| *kept == other)?;
    (!owners.contains(&name.as_str()))
        .then(|| file.fault(format!("`{name}` may not use `{other}`: {reason}")))
}

/// A crate's manifest as far as the rules need it.
struct Manifest<'a> {
    file: &'a File,
    name: String,
    uses: Vec<Use>,
}

struct Use {
    name: String,
    only_tests: bool,
}

impl<'a> Manifest<'a> {
    fn read(file: &'a File) -> Option<Self> {
        if !file.path.ends_with("Cargo.toml") {
            return None;
        }
        let table: Table = file.text.parse().ok()?;
        let name = table.get("package")?.get("name")?.as_str()?.to_owned();
        let mut uses = uses_of(&table);
        let targets = table.get("target").and_then(Value::as_table);
        for target in targets.into_iter().flat_map(Table::values) {
            uses.extend(target.as_table().map(uses_of).unwrap_or_default());
        }
        Some(Self { file, name, uses })
    }
}

fn uses_of(table: &Table) -> Vec<Use> {
    let sections = [
        ("dependencies", false),
        ("build-dependencies", false),
        ("dev-dependencies", true),
    ];
    let mut uses = Vec::new();
    for (section, only_tests) in sections {
        let listed = table.get(section).and_then(Value::as_table);
        for (key, value) in listed.into_iter().flatten() {
            let renamed = value.get("package").and_then(Value::as_str);
            uses.push(Use {
                name: renamed.unwrap_or(key).to_owned(),
                only_tests,
            });
        }
    }
    uses
}

fn row<'t>(table: &[(&str, &'t [&'t str])], name: &str) -> Option<&'t [&'t str]> {
    let exact = table.iter().find(|(pattern, _)| *pattern == name);
    let by_prefix = || table.iter().find(|(pattern, _)| fits(pattern, name));
    exact.or_else(by_prefix).map(|(_, row)| *row)
}

fn matches(patterns: &[&str], name: &str) -> bool {
    patterns.iter().any(|pattern| fits(pattern, name))
}

fn fits(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => pattern == name,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{File, file};
    use super::judge;

    const CRATES: [&str; 12] = [
        "domain",
        "planner",
        "store",
        "engine",
        "capability",
        "transport",
        "connector-bitrix24",
        "connector-focus",
        "web",
        "emulator-harness",
        "emulator-bitrix24",
        "testkit",
    ];

    fn manifest(name: &str, rest: &str) -> File {
        let text = format!("[package]\nname = \"{name}\"\n{rest}");
        file(&format!("crates/{name}/Cargo.toml"), &text)
    }

    /// What is said when `name` has these lines in its manifest, among crates without dependencies.
    fn said(name: &str, rest: &str) -> Vec<String> {
        let mut files = vec![manifest(name, rest)];
        let others = CRATES.iter().filter(|other| **other != name);
        files.extend(others.map(|other| manifest(other, "")));
        judge(&files).into_iter().map(|fault| fault.says).collect()
    }

    #[test]
    fn each_layer_sees_those_below_and_no_others() {
        for (name, other, allowed) in [
            ("planner", "domain", true),
            ("planner", "store", false),
            ("domain", "planner", false),
            ("engine", "store", true),
            ("engine", "capability", true),
            ("engine", "planner", false),
            ("connector-bitrix24", "transport", true),
            ("connector-bitrix24", "store", false),
            ("connector-bitrix24", "connector-focus", false),
            ("web", "connector-bitrix24", true),
            ("web", "planner", false),
            ("emulator-bitrix24", "emulator-harness", true),
            ("emulator-bitrix24", "domain", false),
            ("emulator-harness", "emulator-bitrix24", false),
        ] {
            let said = said(name, &format!("[dependencies]\n{other}.workspace = true"));
            assert_eq!(said.is_empty(), allowed, "{name} -> {other}: {said:?}");
        }
    }

    #[test]
    fn tests_may_see_a_little_more_but_emulators_never_ours() {
        for (name, other, allowed) in [
            ("engine", "testkit", true),
            ("connector-bitrix24", "emulator-bitrix24", true),
            ("connector-bitrix24", "store", false),
            ("emulator-bitrix24", "connector-bitrix24", false),
            ("emulator-bitrix24", "testkit", false),
            ("planner", "store", false),
        ] {
            let said = said(
                name,
                &format!("[dev-dependencies]\n{other}.workspace = true"),
            );
            assert_eq!(said.is_empty(), allowed, "{name} -> {other}: {said:?}");
        }
    }

    #[test]
    fn no_way_around_by_target_or_by_another_name() {
        let by_target = "[target.'cfg(unix)'.dependencies]\nstore.workspace = true";
        assert_eq!(said("planner", by_target).len(), 1);
        let renamed = "[dependencies]\nshelf = { package = \"store\", path = \"../store\" }";
        assert_eq!(said("planner", renamed).len(), 1);
        let built = "[build-dependencies]\nstore.workspace = true";
        assert_eq!(said("planner", built).len(), 1);
    }

    #[test]
    fn what_reaches_out_has_one_owner_and_none_in_the_pure_crates() {
        for (name, other, allowed) in [
            ("transport", "reqwest", true),
            ("connector-bitrix24", "reqwest", false),
            ("store", "rusqlite", true),
            ("engine", "tokio-postgres", false),
            ("planner", "tokio", false),
            ("domain", "rand", false),
            ("engine", "tokio", true),
            ("store", "anyhow", false),
        ] {
            let said = said(name, &format!("[dependencies]\n{other} = \"1\""));
            assert_eq!(said.is_empty(), allowed, "{name} -> {other}: {said:?}");
        }
    }

    #[test]
    fn a_crate_without_a_layer_is_named() {
        assert!(said("ledger", "")[0].contains("`ledger` has no layer"));
    }
}
