//! The page of faults, and whether it tells the truth.

use std::fs;
use std::path::PathBuf;

use simulator::named_faults;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Cells of one column of the page, split at semicolons.
fn column(place: usize) -> Vec<String> {
    let page = fs::read_to_string(root().join("docs/reference/faults.md")).unwrap();
    let rows = page.lines().filter(|line| {
        line.starts_with("| R") || line.starts_with("| L") || line.starts_with("| H")
    });
    let cells = rows.filter_map(|row| row.split('|').nth(place + 1).map(str::to_owned));
    cells
        .flat_map(|cell| {
            cell.split(';')
                .map(|part| part.trim().to_owned())
                .collect::<Vec<_>>()
        })
        .filter(|part| !part.is_empty())
        .collect()
}

/// What the page says that the simulator plays.
pub(crate) fn played() -> Vec<String> {
    column(2)
}

#[test]
fn every_named_fault_of_the_simulator_stands_on_the_page() {
    let played = played();
    let missing: Vec<String> = named_faults()
        .into_iter()
        .filter(|name| !played.contains(name))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_test_that_the_page_names_exists() {
    let tests = column(3);
    assert!(tests.len() > 20, "{tests:?}");
    for test in tests {
        let (file, name) = test.trim_matches('`').split_once("::").unwrap();
        let text = fs::read_to_string(root().join(file)).unwrap();
        assert!(text.contains(&format!("fn {name}(")), "{test}");
    }
}

#[test]
fn every_fault_is_played_or_tested() {
    let page = fs::read_to_string(root().join("docs/reference/faults.md")).unwrap();
    for row in page.lines().filter(|line| {
        line.starts_with("| R") || line.starts_with("| L") || line.starts_with("| H")
    }) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        assert!(!(cells[3].is_empty() && cells[4].is_empty()), "{row}");
    }
}
