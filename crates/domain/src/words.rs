//! Amounts in words (сумма прописью) for invoices and acts.
//!
//! The first letter is a capital, the words рубль and копейка are never shortened, and both agree with
//! their number. Тысяча and копейка are feminine; an empty group of three digits is skipped.

use crate::Money;

/// The three forms of a Russian noun beside a number: 1 рубль, 2 рубля, 5 рублей.
type Forms = [&'static str; 3];

#[derive(Clone, Copy, PartialEq)]
enum Gender {
    Masculine,
    Feminine,
}

const ROUBLES: Forms = ["рубль", "рубля", "рублей"];
const KOPECKS: Forms = ["копейка", "копейки", "копеек"];

/// The names of the groups of three digits above the first, from the thousands up.
const GROUPS: [(Forms, Gender); 5] = [
    (["тысяча", "тысячи", "тысяч"], Gender::Feminine),
    (["миллион", "миллиона", "миллионов"], Gender::Masculine),
    (["миллиард", "миллиарда", "миллиардов"], Gender::Masculine),
    (["триллион", "триллиона", "триллионов"], Gender::Masculine),
    (
        ["квадриллион", "квадриллиона", "квадриллионов"],
        Gender::Masculine,
    ),
];

const HUNDREDS: [&str; 10] = [
    "",
    "сто",
    "двести",
    "триста",
    "четыреста",
    "пятьсот",
    "шестьсот",
    "семьсот",
    "восемьсот",
    "девятьсот",
];
const TENS: [&str; 10] = [
    "",
    "",
    "двадцать",
    "тридцать",
    "сорок",
    "пятьдесят",
    "шестьдесят",
    "семьдесят",
    "восемьдесят",
    "девяносто",
];
const UNITS: [&str; 20] = [
    "",
    "один",
    "два",
    "три",
    "четыре",
    "пять",
    "шесть",
    "семь",
    "восемь",
    "девять",
    "десять",
    "одиннадцать",
    "двенадцать",
    "тринадцать",
    "четырнадцать",
    "пятнадцать",
    "шестнадцать",
    "семнадцать",
    "восемнадцать",
    "девятнадцать",
];

/// `Сто пятьдесят тысяч рублей 00 копеек`: kopecks in two digits, as invoices print it.
pub fn in_words(amount: Money) -> String {
    let kopecks = amount.kopeck_part();
    let tail = format!("{kopecks:02} {}", form(kopecks, KOPECKS));
    capitalised(&format!("{} {tail}", roubles(amount)))
}

/// `Один рубль двадцать одна копейка`: kopecks in words too.
pub fn in_words_full(amount: Money) -> String {
    let kopecks = amount.kopeck_part();
    let tail = format!(
        "{} {}",
        number(kopecks, Gender::Feminine),
        form(kopecks, KOPECKS)
    );
    capitalised(&format!("{} {tail}", roubles(amount)))
}

/// A whole number of things with its noun: `3 дня`. The forms are those beside 1, 2 and 5.
pub fn counted(count: u64, forms: [&'static str; 3]) -> String {
    format!("{count} {}", form(count, forms))
}

fn roubles(amount: Money) -> String {
    let whole = amount.whole_roubles();
    let sign = if amount.is_negative() {
        "минус "
    } else {
        ""
    };
    format!(
        "{sign}{} {}",
        number(whole, Gender::Masculine),
        form(whole, ROUBLES)
    )
}

fn number(value: u64, gender: Gender) -> String {
    if value == 0 {
        return "ноль".to_owned();
    }
    let mut groups = vec![below_thousand(value % 1000, gender)];
    let mut rest = value / 1000;
    for (forms, gender) in GROUPS {
        let group = rest % 1000;
        if group != 0 {
            groups.push(format!(
                "{} {}",
                below_thousand(group, gender),
                form(group, forms)
            ));
        }
        rest /= 1000;
    }
    groups.retain(|group| !group.is_empty());
    groups.reverse();
    groups.join(" ")
}

fn below_thousand(value: u64, gender: Gender) -> String {
    let below_hundred = value % 100;
    let (tens, units) = if below_hundred < 20 {
        (0, below_hundred)
    } else {
        (below_hundred / 10, below_hundred % 10)
    };
    let unit = match (units, gender) {
        (1, Gender::Feminine) => "одна",
        (2, Gender::Feminine) => "две",
        _ => word(&UNITS, units),
    };
    let words = [word(&HUNDREDS, value / 100), word(&TENS, tens), unit];
    let spoken: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    spoken.join(" ")
}

fn word(words: &[&'static str], index: u64) -> &'static str {
    usize::try_from(index)
        .ok()
        .and_then(|index| words.get(index))
        .copied()
        .unwrap_or_default()
}

fn form(count: u64, [one, few, many]: Forms) -> &'static str {
    match (count % 100, count % 10) {
        (11..=14, _) => many,
        (_, 1) => one,
        (_, 2..=4) => few,
        _ => many,
    }
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map(|first| first.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}
