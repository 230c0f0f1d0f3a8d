//! Rules of single files: opening words, length, floating point, what was left undone, machine paths, printing;
//! and that every connector folder holds the same files.

use super::{Fault, File};

/// A longer file is asking whether it is two things.
const MOST_LINES: usize = 700;

/// Left undone; spelled in two so that this file does not name itself.
const UNDONE: &[&str] = &[
    concat!("to", "do!("),
    concat!("unimple", "mented!("),
    concat!("#[ig", "nore"),
    concat!("FIX", "ME"),
];

/// Folders of the machines that we happened to work on.
const MACHINE_PATHS: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/tmp", "/t/"),
    concat!("/ro", "ot/"),
];

/// What every connector folder holds, so that knowing one is knowing all.
const OF_A_CONNECTOR: &[&str] = &[
    "README.md",
    "src/client.rs",
    "src/wire.rs",
    "src/translate.rs",
    "src/error.rs",
    "fixtures/",
];
/// Beside the connectors; and the office, whose accounting side is our own books: no remote to spell or to record.
const NO_CONNECTORS: &[&str] = &["capability", "transport", "office"];

/// Judges all files.
pub(super) fn judge(files: &[File], names: &[String]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for file in files {
        if file.is_rust() {
            faults.extend(opening(file));
            faults.extend(length(file));
            faults.extend(floats(file));
            faults.extend(undone(file));
            faults.extend(printing(file));
        }
        faults.extend(machine_paths(file));
    }
    faults.extend(connectors(names));
    faults
}

fn opening(file: &File) -> Option<Fault> {
    let first = file.text.lines().find(|line| !line.trim().is_empty());
    let opens = first.is_some_and(|line| line.starts_with("//!"));
    (!opens).then(|| {
        file.fault(
            "opens without `//!`: say what the module is for, where it stands, what is not here",
        )
    })
}

fn length(file: &File) -> Option<Fault> {
    let lines = file.text.lines().count();
    (lines > MOST_LINES).then(|| {
        file.fault(format!(
            "{lines} lines, more than {MOST_LINES}: is it two things?"
        ))
    })
}

fn floats(file: &File) -> Vec<Fault> {
    let pure = ["crates/domain/", "crates/planner/"];
    if !pure.iter().any(|folder| file.path.starts_with(folder)) {
        return Vec::new();
    }
    file.lines()
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .filter(|(_, line)| words(line).any(|word| matches!(word, "f32" | "f64")))
        .map(|(number, _)| {
            file.fault_at(
                number,
                "floating point in a pure crate: use `Money` or `Decimal`",
            )
        })
        .collect()
}

fn undone(file: &File) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (number, line) in file.lines() {
        for mark in UNDONE.iter().filter(|mark| line.contains(**mark)) {
            faults.push(file.fault_at(
                number,
                format!("`{mark}` is left: do it, or say what holds today"),
            ));
        }
    }
    faults
}

fn printing(file: &File) -> Vec<Fault> {
    // `testkit` tells a failing seed to whoever runs the test.
    let may = ["crates/cli/", "crates/testkit/"];
    if !file.path.starts_with("crates/") || may.iter().any(|folder| file.path.starts_with(folder)) {
        return Vec::new();
    }
    file.shipped_lines()
        .into_iter()
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .filter(|(_, line)| line.contains("println!(") || line.contains("print!("))
        .map(|(number, _)| {
            file.fault_at(
                number,
                "prints: only `cli` may; return a value, or log by `tracing`",
            )
        })
        .collect()
}

fn machine_paths(file: &File) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (number, line) in file.lines() {
        for path in MACHINE_PATHS {
            if begins_within(line, path) {
                let says = format!(
                    "`{path}` is a folder of one machine: write it relative to the project"
                );
                faults.push(file.fault_at(number, says));
            }
        }
    }
    faults
}

/// Whether `path` stands in the line as the beginning of a path, not as its middle.
fn begins_within(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        before.is_none_or(|c| {
            !c.is_alphanumeric() && !matches!(c, '/' | '.' | '-' | '_' | '}' | '>' | '*')
        })
    })
}

fn connectors(names: &[String]) -> Vec<Fault> {
    const FOLDER: &str = "crates/connectors/";
    let mut folders: Vec<&str> = names
        .iter()
        .filter_map(|name| name.strip_prefix(FOLDER)?.split('/').next())
        .filter(|folder| !NO_CONNECTORS.contains(folder))
        .collect();
    folders.dedup();
    let mut faults = Vec::new();
    for folder in folders {
        for wanted in OF_A_CONNECTOR {
            let path = format!("{FOLDER}{folder}/{wanted}");
            // A module may be a folder of the same name.
            let as_folder = path.replace(".rs", "/mod.rs");
            let there = names.iter().any(|name| {
                *name == path
                    || *name == as_folder
                    || (path.ends_with('/') && name.starts_with(&path))
            });
            if !there {
                let place = format!("{FOLDER}{folder}");
                let says = format!("a connector holds `{wanted}`");
                faults.push(Fault { place, says });
            }
        }
    }
    faults
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_alphanumeric() && c != '_')
}

#[cfg(test)]
mod tests {
    use super::super::{Fault, file};
    use super::judge;

    fn said(path: &str, text: &str) -> Vec<String> {
        judge(&[file(path, text)], &[])
            .iter()
            .map(Fault::to_string)
            .collect()
    }

    #[test]
    fn a_module_opens_with_what_it_is_for() {
        assert!(said("crates/a/src/lib.rs", "\n//! What for.\n").is_empty());
        assert!(said("crates/a/src/lib.rs", "use a::b;\n")[0].contains("opens without"));
        assert!(said("crates/a/src/lib.rs", "")[0].contains("opens without"));
        assert!(said("README.md", "# Words").is_empty());
    }

    #[test]
    fn a_file_has_at_most_700_lines() {
        let text = |lines: usize| format!("//! What for.{}", "\n".repeat(lines));
        assert!(said("xtask/src/a.rs", &text(700)).is_empty());
        assert_eq!(said("xtask/src/a.rs", &text(701)).len(), 1);
    }

    #[test]
    fn pure_crates_know_no_floating_point() {
        let text = "//! No f64 here.\n// nor f32\nlet rate: f64 = 0;\nlet half_f64 = 1;\n";
        let said_of = |path| said(path, text);
        let place = "crates/domain/src/a.rs:3: floating point";
        assert!(said_of("crates/domain/src/a.rs")[0].starts_with(place));
        assert_eq!(said_of("crates/planner/src/a.rs").len(), 1);
        assert!(said_of("crates/documents/src/a.rs").is_empty());
    }

    #[test]
    fn nothing_is_left_undone() {
        for left in [
            concat!("to", "do!()"),
            concat!("unimple", "mented!(\"later\")"),
            concat!("#[ig", "nore]"),
            concat!("#[ig", "nore = \"flaky\"]"),
            concat!("// FIX", "ME: later"),
        ] {
            assert_eq!(
                said("tests/src/a.rs", &format!("//! A.\n{left}\n")).len(),
                1,
                "{left}"
            );
        }
    }

    #[test]
    fn only_the_command_line_prints() {
        let text =
            "//! A.\nfn a() { eprintln!(\"x\"); }\n#[cfg(test)]\nmod tests {\nprintln!();\n}\n";
        assert_eq!(said("crates/engine/src/a.rs", text).len(), 1);
        assert!(said("crates/cli/src/a.rs", text).is_empty());
        assert!(said("crates/engine/tests/a.rs", text).is_empty());
        assert!(said("crates/engine/src/a.rs", "//! A.\nwriteln!(f, \"x\");\n").is_empty());
    }

    #[test]
    fn no_machine_is_named() {
        let path = concat!("/wo", "rk/main");
        assert_eq!(said("docs/a.md", &format!("see `{path}`")).len(), 1);
        assert_eq!(
            said("config/a.toml", concat!("dir = \"/ro", "ot/.x\"")).len(),
            1
        );
        assert!(said("docs/a.md", &format!("https://example.org{path}")).is_empty());
        assert!(said("docs/a.md", &format!("{{project}}{path}")).is_empty());
    }

    #[test]
    fn every_connector_holds_the_same_files() {
        let of = |names: &[&str]| {
            let names: Vec<String> = names
                .iter()
                .map(|name| format!("crates/connectors/{name}"))
                .collect();
            let faults = judge(&[], &names);
            faults
                .iter()
                .map(|fault| fault.says.clone())
                .collect::<Vec<_>>()
        };
        let whole = [
            "focus/README.md",
            "focus/fixtures/a.json",
            "focus/src/client/mod.rs",
            "focus/src/error.rs",
            "focus/src/translate.rs",
            "focus/src/wire.rs",
            "transport/src/lib.rs",
        ];
        assert!(of(&whole).is_empty());
        assert_eq!(of(&whole[1..]), ["a connector holds `README.md`"]);
        assert_eq!(of(&["focus/README.md"]).len(), 5);
    }
}
