//! Pages and code say the same: every error code has its page and every page its code, the README names the
//! commands, links lead somewhere.

use std::collections::BTreeMap;

use super::{Fault, File};

const ERROR_PAGES: &str = "docs/errors/";
/// Where the pages are built in; that they are listed there is not a use.
const EXPLAIN: &str = "crates/desk/src/codes.rs";
/// What a newcomer types: to see it work, and to check a change.
const COMMANDS: &[&str] = &["cargo run -- demo", "cargo xtask check"];

/// Judges the pages against the code.
pub(super) fn judge(files: &[File], names: &[String]) -> Vec<Fault> {
    let mut faults = codes(files, names);
    faults.extend(readme(files));
    for file in files.iter().filter(|file| file.path.ends_with(".md")) {
        faults.extend(links(file, names));
    }
    faults
}

/// Codes are texts of capital words joined by hyphens, such as the name of a kind of case.
fn codes(files: &[File], names: &[String]) -> Vec<Fault> {
    let mut used: BTreeMap<&str, Fault> = BTreeMap::new();
    let mut explained: Vec<&str> = Vec::new();
    let product = |file: &&File| {
        file.path.starts_with("crates/") && !file.path.starts_with("crates/emulators/")
    };
    for file in files.iter().filter(product) {
        for (number, line) in file.shipped_lines() {
            for code in line.split('"').filter(|text| is_code(text)) {
                if file.path == EXPLAIN {
                    explained.push(code);
                    continue;
                }
                let page = format!("{ERROR_PAGES}{code}.md");
                let says = format!("code `{code}` has no page `{page}`");
                used.entry(code)
                    .or_insert_with(|| file.fault_at(number, says));
            }
        }
    }
    let pages: Vec<(&str, &str)> = names
        .iter()
        .filter_map(|name| {
            let code = name.strip_prefix(ERROR_PAGES)?.strip_suffix(".md")?;
            (code != "README").then_some((name.as_str(), code))
        })
        .collect();
    let mut faults: Vec<Fault> = used
        .iter()
        .filter(|(code, _)| !pages.iter().any(|(_, page)| page == *code))
        .map(|(_, fault)| fault.clone())
        .collect();
    for (name, code) in pages {
        if !explained.contains(&code) {
            faults.push(Fault {
                place: name.to_owned(),
                says: format!("`explain {code}` does not know it: list it in {EXPLAIN}"),
            });
        }
        if !used.contains_key(code) {
            faults.push(Fault {
                place: name.to_owned(),
                says: format!("no code `{code}` is used: remove the page, or name the code"),
            });
        }
    }
    faults
}

fn is_code(text: &str) -> bool {
    let mut words = 0_usize;
    for word in text.split('-') {
        let letters = word.starts_with(|c: char| c.is_ascii_uppercase());
        let capital = word
            .chars()
            .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
        if !letters || !capital || word.len() < 2 {
            return false;
        }
        words = words.saturating_add(1);
    }
    words > 1
}

fn readme(files: &[File]) -> Vec<Fault> {
    let Some(readme) = files.iter().find(|file| file.path == "README.md") else {
        return vec![Fault {
            place: "README.md".to_owned(),
            says: "there is none".to_owned(),
        }];
    };
    COMMANDS
        .iter()
        .filter(|command| !readme.text.contains(**command))
        .map(|command| readme.fault(format!("does not name the command `{command}`")))
        .collect()
}

fn links(file: &File, names: &[String]) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut in_code = false;
    for (number, line) in file.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        for target in line
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let path = target.split('#').next().unwrap_or_default();
            if path.is_empty() || path.contains(':') {
                continue;
            }
            let wanted = resolved(&file.path, path);
            let inside = format!("{wanted}/");
            let there = names
                .iter()
                .any(|name| *name == wanted || name.starts_with(&inside));
            if !there && !wanted.is_empty() {
                faults.push(file.fault_at(number, format!("the link to `{target}` leads nowhere")));
            }
        }
    }
    faults
}

/// A path relative to a page, as a path from the root.
fn resolved(page: &str, path: &str) -> String {
    let mut folders: Vec<&str> = page.split('/').collect();
    folders.pop();
    if path.starts_with('/') {
        folders.clear();
    }
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                folders.pop();
            }
            name => folders.push(name),
        }
    }
    folders.join("/")
}

#[cfg(test)]
mod tests {
    use super::super::{Fault, File, file};
    use super::{is_code, judge};

    fn said(files: &[File], more: &[&str]) -> Vec<String> {
        let mut all = files.to_vec();
        all.push(file(
            "README.md",
            "`cargo run -- demo` and `cargo xtask check`",
        ));
        let mut names: Vec<String> = all.iter().map(|file| file.path.clone()).collect();
        names.extend(more.iter().map(|&name| name.to_owned()));
        judge(&all, &names).iter().map(Fault::to_string).collect()
    }

    #[test]
    fn a_code_is_capital_words_joined_by_hyphens() {
        for code in ["DEAL-DELETED", "KEY-SHA256-WRONG"] {
            assert!(is_code(code), "{code}");
        }
        for other in [
            "DEAL",
            "UTF-8",
            "SHA-256",
            "deal-deleted",
            "X-A",
            "A-",
            "-AB",
            "AB--CD",
            "",
        ] {
            assert!(!is_code(other), "{other}");
        }
    }

    #[test]
    fn codes_and_pages_belong_together() {
        let code = |path: &str| file(path, "//! A.\nlet code = \"DEAL-GONE\";\n");
        let shipped = code("crates/planner/src/a.rs");
        let without = said(std::slice::from_ref(&shipped), &[]);
        let place =
            "crates/planner/src/a.rs:2: code `DEAL-GONE` has no page `docs/errors/DEAL-GONE.md`";
        assert_eq!(without, [place]);
        let page = ["docs/errors/DEAL-GONE.md", "docs/errors/README.md"];
        let listed = code("crates/desk/src/codes.rs");
        assert!(said(&[shipped.clone(), listed.clone()], &page).is_empty());
        let unlisted = said(&[shipped], &page);
        assert_eq!(unlisted.len(), 1);
        assert!(unlisted[0].contains("`explain DEAL-GONE` does not know it"));
        for elsewhere in [
            "crates/planner/tests/a.rs",
            "crates/emulators/kontur/src/a.rs",
        ] {
            let said = said(&[code(elsewhere), listed.clone()], &page);
            assert_eq!(said.len(), 1);
            assert!(said[0].contains("no code `DEAL-GONE` is used"), "{said:?}");
        }
    }

    #[test]
    fn the_readme_names_both_commands() {
        let said = |text: Option<&str>| {
            let files: Vec<File> = text
                .map(|text| file("README.md", text))
                .into_iter()
                .collect();
            judge(&files, &["README.md".to_owned()])
        };
        assert_eq!(said(Some("cargo run -- demo")).len(), 1);
        assert_eq!(said(Some("")).len(), 2);
        assert_eq!(said(None).len(), 1);
    }

    #[test]
    fn links_lead_somewhere() {
        let page = |text: &str| file("docs/guide/start.md", text);
        let good = "[a](../errors/X.md#part) [b](https://x.example/y) [c](#here) [d](../errors)\n```\n[e](no)\n```\n";
        assert!(
            said(
                &[page(good), file("docs/errors/README.md", "")],
                &["docs/errors/X.md"]
            )
            .iter()
            .all(|said| !said.contains("link"))
        );
        let said = said(&[page("one\n[a](../errors/Y.md)")], &[]);
        assert_eq!(
            said,
            ["docs/guide/start.md:2: the link to `../errors/Y.md` leads nowhere"]
        );
    }
}
