//! `docs/reference/rules.md` and `config/policy.toml` say what the code does: places, keys and questions are compared.

use std::collections::BTreeSet;
use std::path::Path;

use planner::{CaseCode, Kind, Policy};

const RULES: &str = include_str!("../../../../docs/reference/rules.md");
const BY_HAND: &str = include_str!("../../../../docs/guide/every-rule.md");
const EXAMPLE: &str = include_str!("../../../../config/policy.toml");

/// The cells of the tables' rows.
fn rows() -> Vec<Vec<&'static str>> {
    RULES
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| rule |"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect()
}

fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

#[test]
fn every_rule_stands_where_the_page_says() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    assert!(rows().len() > 30, "{}", rows().len());
    for row in rows() {
        assert_eq!(row.len(), 4, "{row:?}");
        let [file, function] = quoted(row[1])[..] else {
            panic!("no place: {row:?}");
        };
        let code = std::fs::read_to_string(sources.join(file)).unwrap();
        let is_there = ["(", "<"].map(|after| code.contains(&format!("fn {function}{after}")));
        assert!(is_there.contains(&true), "{file} has no `{function}`");
        assert!(!row[3].is_empty(), "no source: {row:?}");
    }
}

#[test]
fn every_rule_can_be_played_by_hand() {
    for row in rows() {
        let place = row[1];
        assert!(
            BY_HAND.contains(&format!("| {place} |")),
            "{place} is not in the guide"
        );
    }
    // And nothing is played that is no rule any more.
    let places: BTreeSet<&str> = rows().into_iter().map(|row| row[1]).collect();
    let played = BY_HAND.lines().filter(|line| line.starts_with("| `"));
    for line in played {
        let place = line.trim_matches('|').split(" | ").next().unwrap().trim();
        assert!(places.contains(place), "{place} is no rule");
    }
}

#[test]
fn every_file_of_rules_is_on_the_page() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    // What holds data and words, and no rule of its own.
    let others = ["lib.rs", "plan.rs", "texts.rs"];
    for file in std::fs::read_dir(sources).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        let is_rules = name.ends_with(".rs") && !others.contains(&name.as_str());
        assert!(!is_rules || RULES.contains(&format!("`{name}`")), "{name}");
    }
}

/// The keys of a table, those of tables inside as `invoice.contract`; tables below are one key.
fn keys(table: &toml::Table, depth: usize, under: &str, found: &mut BTreeSet<String>) {
    for (name, value) in table {
        let key = format!("{under}{name}");
        let inside: Vec<&toml::Table> = match value {
            toml::Value::Table(inside) => vec![inside],
            toml::Value::Array(items) => items.iter().filter_map(toml::Value::as_table).collect(),
            _ => Vec::new(),
        };
        if inside.is_empty() || depth == 0 {
            found.insert(key);
            continue;
        }
        for table in inside {
            keys(table, depth - 1, &format!("{key}."), found);
        }
    }
}

#[test]
fn the_example_names_every_key_and_every_key_has_its_rule() {
    let policy = Policy::parse(EXAMPLE).unwrap_or_else(|error| panic!("{error:?}"));
    let shown: toml::Table = EXAMPLE.parse().unwrap();
    let coded: toml::Table = policy.to_text().unwrap().parse().unwrap();
    let (mut shown_keys, mut coded_keys) = (BTreeSet::new(), BTreeSet::new());
    keys(&shown, 3, "", &mut shown_keys);
    keys(&coded, 3, "", &mut coded_keys);
    assert_eq!(shown_keys, coded_keys);
    let mut rules = BTreeSet::new();
    keys(&coded, 1, "", &mut rules);
    // Names and ids, of which no rule depends.
    for plain in ["organisations.id", "organisations.title", "funnels.id"] {
        rules.remove(plain);
    }
    for key in rules {
        let whole = key.split('.').next().unwrap();
        let named = RULES.contains(&format!("`{key}`")) || RULES.contains(&format!("`{whole}`"));
        assert!(named, "`{key}` has no rule");
    }
    for row in rows() {
        for key in quoted(row[2]) {
            let known = coded_keys
                .iter()
                .any(|known| known == key || known.starts_with(&format!("{key}.")));
            assert!(known, "the policy has no `{key}`");
        }
    }
}

#[test]
fn every_key_of_the_example_has_its_comment_or_stands_in_a_commented_section() {
    let mut commented = false;
    for line in EXAMPLE.lines() {
        match line.chars().next() {
            None => commented = false,
            Some('#') => commented = true,
            Some(_) => assert!(commented, "no comment above `{line}`"),
        }
    }
}

#[test]
fn every_question_has_its_page() {
    let of_plans = CaseCode::ALL.map(CaseCode::as_str);
    for code in of_plans.into_iter().chain(Kind::BESIDE_PLANS) {
        let page = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../docs/errors")
            .join(format!("{code}.md"));
        assert!(page.exists(), "{code}");
        let kind = Kind::try_from(code.to_owned());
        assert_eq!(kind.map(String::from).as_deref(), Ok(code));
    }
    for code in Kind::ACCOUNTANTS {
        assert!(Kind::try_from(code.to_owned()).is_ok(), "{code}");
    }
    let misspelt = Kind::try_from("ACTION-REFUSE".to_owned());
    assert!(misspelt.is_err());
}
