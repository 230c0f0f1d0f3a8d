//! The fixtures are the contract's own examples: what changes there has to change here.

use std::fs;

use serde_json::Value;

/// Every `value: {…}` of the contract; its examples are written as JSON within YAML.
fn examples(contract: &str) -> Vec<Value> {
    let after = contract.split("value: {").skip(1);
    after
        .filter_map(|rest| {
            let text = format!("{{{rest}");
            let mut values = serde_json::Deserializer::from_str(&text).into_iter::<Value>();
            values.next()?.ok()
        })
        .collect()
}

#[test]
fn every_fixture_is_an_example_of_the_contract() {
    let own = env!("CARGO_MANIFEST_DIR");
    let contract = format!("{own}/../../../docs/reference/kontur-accounting.openapi.yaml");
    let examples = examples(&fs::read_to_string(contract).unwrap());
    assert!(examples.len() > 50, "only {} examples", examples.len());
    for entry in fs::read_dir(format!("{own}/fixtures")).unwrap() {
        let path = entry.unwrap().path();
        let fixture: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        assert!(examples.contains(&fixture), "{}", path.display());
    }
}
