//! Every planted bug stands at the line that guards against it, and its page says the same as the code.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may")]

use std::fs;
use std::path::{Path, PathBuf};

use planted::Bug;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn every_bug_stands_in_the_file_that_guards_against_it() {
    for bug in Bug::ALL {
        let file = fs::read_to_string(root().join(bug.guard())).unwrap();
        let hook = format!("planted::is(Bug::{bug:?})");
        assert!(file.contains(&hook), "{}: no `{hook}`", bug.guard());
    }
}

#[test]
fn the_page_names_every_bug_with_its_guard_and_its_invariant() {
    let page = fs::read_to_string(root().join("docs/reference/planted-bugs.md")).unwrap();
    let rows: Vec<&str> = page
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    for bug in Bug::ALL {
        let begins = format!("| `{}` |", bug.name());
        let row = rows.iter().find(|row| row.starts_with(&begins));
        let row = row.unwrap_or_else(|| panic!("`{}` has no row", bug.name()));
        for said in [bug.guard(), bug.breaks()] {
            assert!(row.contains(said), "`{said}` is not in: {row}");
        }
    }
    assert_eq!(rows.len(), Bug::ALL.len(), "a row of no bug");
}

#[test]
fn names_are_read_as_they_are_written() {
    for bug in Bug::ALL {
        assert_eq!(bug.name().parse(), Ok(bug));
    }
    assert!("no-bug".parse::<Bug>().is_err());
}

#[cfg(not(feature = "plant"))]
#[test]
fn an_ordinary_build_has_no_bugs() {
    assert!(!Bug::ALL.into_iter().any(planted::is));
}
