//! Units of measure of the classifier OKEI (ОК 015-94), as far as offices sell by them.
//!
//! Codes are text of three digits. Services have no unit of their own there; `усл. ед` (876) is customary.

/// Code and printed name, by code.
const KNOWN: [(&str, &str); 24] = [
    ("006", "м"),
    ("018", "пог. м"),
    ("055", "м²"),
    ("112", "л"),
    ("113", "м³"),
    ("163", "г"),
    ("166", "кг"),
    ("168", "т"),
    ("355", "мин"),
    ("356", "ч"),
    ("359", "сут"),
    ("362", "мес"),
    ("366", "год"),
    ("383", "руб"),
    ("539", "чел·ч"),
    ("642", "ед"),
    ("728", "пач"),
    ("778", "упак"),
    ("796", "шт"),
    ("839", "компл"),
    ("876", "усл. ед"),
    ("003", "мм"),
    ("004", "см"),
    ("005", "дм"),
];

/// Whether the classifier has this code, as far as we know it.
pub fn is_okei(code: &str) -> bool {
    KNOWN.iter().any(|(known, _)| *known == code)
}

/// The code of a unit by its printed name, whatever its case and closing dot.
pub fn okei_by_name(name: &str) -> Option<&'static str> {
    let plain = |name: &str| name.trim().trim_end_matches('.').to_lowercase();
    let wanted = plain(name);
    KNOWN
        .iter()
        .find(|(_, known)| plain(known) == wanted)
        .map(|(code, _)| *code)
}

#[cfg(test)]
mod tests {
    use super::{KNOWN, is_okei, okei_by_name};

    #[test]
    fn every_unit_is_found_by_its_code_and_by_its_name() {
        for (code, name) in KNOWN {
            assert_eq!(code.len(), 3, "{code}");
            assert!(is_okei(code), "{code}");
            assert_eq!(okei_by_name(name), Some(code), "{name}");
        }
        assert_eq!(okei_by_name(" ШТ. "), Some("796"));
        assert_eq!(okei_by_name("паллета"), None);
        assert!(!is_okei("9001"));
    }
}
