//! The pages of faults, of what must hold and of what the days found, and whether they tell the truth.

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
    tests.iter().for_each(|test| assert_exists(test));
}

fn assert_exists(test: &str) {
    let (file, name) = test.trim_matches('`').split_once("::").unwrap();
    let text = fs::read_to_string(root().join(file)).unwrap();
    assert!(text.contains(&format!("fn {name}(")), "{test}");
}

#[test]
fn whatever_a_day_found_is_kept_as_a_test_of_the_product() {
    let page = root().join("docs/reference/found-by-simulation.md");
    let page = fs::read_to_string(page).unwrap();
    let rows = page.lines().filter(|line| line.contains("| I-"));
    let tests: Vec<&str> = rows
        .map(|row| row.split('|').nth(3).unwrap().trim())
        .collect();
    assert!(tests.len() > 10, "{tests:?}");
    tests.into_iter().for_each(assert_exists);
}

#[test]
fn every_invariant_of_the_model_has_its_judge() {
    let page = root().join("docs/reference/invariants.md");
    let page = fs::read_to_string(page).unwrap();
    for number in 1..=22 {
        let begins = format!("| I-{number} |");
        let row = page.lines().find(|line| line.starts_with(&begins));
        let row = row.unwrap_or_else(|| panic!("I-{number} has no row"));
        let judges: Vec<&str> = row.split('|').nth(4).unwrap().split(';').collect();
        for judge in judges {
            assert_exists(judge.trim());
        }
    }
}

/// Every fault of the reliability model that a way from a deal to its invoice and to its money can meet.
fn model() -> Vec<String> {
    let ids = (1..=44).map(|n| format!("R{n}"));
    let ids = ids.chain((1..=21).map(|n| format!("L{n}")));
    ids.chain((1..=13).map(|n| format!("H{n}"))).collect()
}

#[test]
fn every_fault_of_the_model_has_its_place() {
    let page = fs::read_to_string(root().join("docs/reference/faults.md")).unwrap();
    let has_row = |id: &str| page.contains(&format!("\n| {id} |"));
    let is_explained = |id: &str| page.contains(&format!("\n- **{id}** "));
    let ids = model();
    let missing: Vec<&String> = ids
        .iter()
        .filter(|id| !has_row(id) && !is_explained(id))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    let twice: Vec<&String> = ids
        .iter()
        .filter(|id| has_row(id) && is_explained(id))
        .collect();
    assert!(twice.is_empty(), "{twice:?}");
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
