//! Where a row of Russian text must not end.

use domain::display::NO_BREAK_SPACE as NBSP;

/// Words that belong to the next one: they do not end a row.
const HEADS: [&str; 22] = [
    "№",
    "г.",
    "д.",
    "к.",
    "кв.",
    "корп.",
    "литер",
    "нк",
    "обл.",
    "оф.",
    "офис",
    "п.",
    "пл.",
    "пом.",
    "помещ.",
    "пос.",
    "пп.",
    "пр.",
    "с.",
    "ст.",
    "стр.",
    "ул.",
];

/// Keeps `г. Уфа`, `д. 10`, `№ 7`, `п. 1` and `НК РФ` together at the end of a row.
pub(crate) fn glued(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut glued = String::with_capacity(text.len());
    for (index, word) in words.iter().enumerate() {
        glued.push_str(word);
        if index + 1 < words.len() {
            let head = HEADS.contains(&word.to_lowercase().as_str());
            glued.push(if head { NBSP } else { ' ' });
        }
    }
    glued
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abbreviations_stay_with_what_they_shorten() {
        let glued = |text: &str| super::glued(text).replace(NBSP, "_");
        assert_eq!(
            glued("450000, г. Уфа,  ул. Ленина, д. 10, оф. 5"),
            "450000, г._Уфа, ул._Ленина, д._10, оф._5"
        );
        assert_eq!(
            glued("Договор № 7 от 10.01.2026 г."),
            "Договор №_7 от 10.01.2026 г."
        );
        assert_eq!(
            glued("пп. 26 п. 2 ст. 149 НК РФ"),
            "пп._26 п._2 ст._149 НК_РФ"
        );
    }
}
