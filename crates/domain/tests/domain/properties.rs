//! What holds for every value, not only for those in the tables.

use domain::purpose::Purpose;
use domain::words::{in_words, in_words_full};
use domain::{
    Amounts, Bik, CorrespondentAccount, CounterpartyKey, Inn, Kpp, Money, Ogrn, PaymentQr, Price,
    Quantity, SettlementAccount, VatMode, VatRate, display, totals,
};
use proptest::prelude::*;
use proptest::sample::select;

use crate::build::{bank, line};

fn rate() -> impl Strategy<Value = VatRate> {
    select(VatRate::ALL.to_vec())
}

fn mode() -> impl Strategy<Value = VatMode> {
    select(vec![VatMode::Included, VatMode::OnTop])
}

fn count_valid(texts: impl Iterator<Item = String>, valid: impl Fn(&str) -> bool) -> usize {
    texts.filter(|text| valid(text)).count()
}

proptest! {
    #[test]
    fn exactly_one_check_digit_completes_an_inn(head in "[1-9][0-9]{8}") {
        let texts = (0..10).map(|digit| format!("{head}{digit}"));
        prop_assert_eq!(count_valid(texts, |text| Inn::parse(text).is_ok()), 1);
    }

    #[test]
    fn exactly_one_pair_of_check_digits_completes_a_persons_inn(head in "[1-9][0-9]{9}") {
        let texts = (0..100).map(|digits| format!("{head}{digits:02}"));
        prop_assert_eq!(count_valid(texts, |text| Inn::parse(text).is_ok()), 1);
    }

    #[test]
    fn exactly_one_check_digit_completes_an_ogrn(head in "1[0-9]{11}|3[0-9]{13}") {
        let texts = (0..10).map(|digit| format!("{head}{digit}"));
        prop_assert_eq!(count_valid(texts, |text| Ogrn::parse(text).is_ok()), 1);
    }

    #[test]
    fn exactly_one_key_fits_an_account(bik in "04[0-9]{7}", head in "40[0-9]{3}810", tail in "[0-9]{11}") {
        let bik = Bik::parse(&bik).unwrap();
        let texts = (0..10).map(|key| format!("{head}{key}{tail}"));
        prop_assert_eq!(count_valid(texts, |text| SettlementAccount::parse(&bik, text).is_ok()), 1);
    }

    #[test]
    fn what_looks_like_a_purpose_is_read_whatever_it_is(
        words in prop::collection::vec(prop::sample::select(vec![
            "счет", "сч.", "с/ф", "№", "№№", "123", "00012", "А-7/1", "от", "01.02.2026", "31.04", "1 марта", "НДС", "22%", "без",
            "за", "ООО \"", "«Луч»", "\"", "(", ")", ",", ".", "-", "/", "и", "б/н", "руб.", "1 000,00", "договор", "ТОРГ-12", "{VO1}",
        ]), 0..40),
        joint in prop::sample::select(vec!["", " "]),
    ) {
        let text = words.join(joint);
        let read = Purpose::read(&text);
        for number in read.references.iter().filter_map(|reference| reference.number.as_ref()) {
            prop_assert!(text.contains(number.as_str()), "{number} is as it was written");
        }
        if let Some(name) = &read.third_party {
            prop_assert!(text.contains(name.as_str()));
        }
    }

    #[test]
    fn no_text_makes_a_parser_panic(text in any::<String>(), digits in "[0-9 .,eE=-]{0,30}") {
        let bik = Bik::parse("044525225").unwrap();
        for text in [text, digits] {
            let _parsed = (Inn::parse(&text), Kpp::parse(&text), Ogrn::parse(&text), Bik::parse(&text));
            let _parsed = (SettlementAccount::parse(&bik, &text), CorrespondentAccount::parse(&bik, &text));
            let _read = Purpose::read(&text);
            let _parsed = (Money::parse(&text), Price::parse(&text), text.parse::<CounterpartyKey>());
        }
    }

    #[test]
    fn what_is_read_is_printed_back(kopecks in any::<i64>()) {
        let amount = Money::from_kopecks(kopecks);
        prop_assert_eq!(Money::parse(&amount.to_string()), Ok(amount));
        prop_assert_eq!(Money::parse(&display::figures(amount)), Ok(amount));
        prop_assert_eq!(Money::rounded(amount.roubles()), Some(amount));
    }

    #[test]
    fn vat_is_the_nearest_kopeck(mode in mode(), rate in rate(), kopecks in -1_000_000_000_000_i64..1_000_000_000_000) {
        let sum = Money::from_kopecks(kopecks);
        let amounts = Amounts::split(mode, rate, sum).unwrap();
        prop_assert_eq!(amounts.net.checked_add(amounts.vat), Some(amounts.gross));
        let percent = i128::from(rate.percent().unwrap_or(0));
        let whole = if mode == VatMode::Included { 100 + percent } else { 100 };
        let error = i128::from(amounts.vat.kopecks()) * whole - i128::from(kopecks) * percent;
        prop_assert!(2 * error.abs() <= whole, "{error} of {whole}");
        // A half goes away from zero.
        prop_assert!(2 * error.abs() < whole || error.signum() == i128::from(kopecks).signum());
    }

    #[test]
    fn totals_are_the_sums_of_the_lines(
        mode in mode(),
        rows in prop::collection::vec((rate(), 1_u32..100_000, 0_u32..100_000_000), 0..20),
    ) {
        let lines: Vec<_> = rows
            .iter()
            .map(|(rate, quantity, price)| line(*rate, &format!("{quantity}e-3"), &format!("{price}e-2")))
            .collect();
        let totals = totals(mode, &lines).unwrap();
        let sum = |part: fn(&Amounts) -> Money| Money::sum(totals.lines.iter().map(part)).unwrap();
        prop_assert_eq!(totals.lines.len(), lines.len());
        prop_assert_eq!(sum(|amounts| amounts.net), totals.net);
        prop_assert_eq!(sum(|amounts| amounts.vat), totals.vat);
        prop_assert_eq!(sum(|amounts| amounts.gross), totals.gross);
        prop_assert_eq!(totals.net.checked_add(totals.vat), Some(totals.gross));
        let by_rate = Money::sum(totals.by_rate.iter().map(|(_, amounts)| amounts.gross));
        prop_assert_eq!(by_rate, Some(totals.gross));
        for (amounts, (_, quantity, price)) in totals.lines.iter().zip(&rows) {
            let sum = if mode == VatMode::Included { amounts.gross } else { amounts.net };
            let thousandths = u64::from(*quantity) * u64::from(*price);
            prop_assert_eq!(u64::try_from(sum.kopecks()).unwrap(), (thousandths + 500) / 1000);
        }
    }

    #[test]
    fn words_say_the_number(kopecks in 0_i64..i64::MAX) {
        let amount = Money::from_kopecks(kopecks);
        for words in [in_words(amount), in_words_full(amount)] {
            prop_assert_eq!(spoken(&words), kopecks, "{}", words);
            prop_assert!(words.chars().next().unwrap().is_uppercase());
            prop_assert!(!words.contains("  "));
        }
    }

    #[test]
    fn payload_is_taken_apart_again(name in "[А-Яа-я«» |#;]{1,40}", kopecks in 1..i64::MAX, purpose in "[ -~А-я№]{0,160}") {
        prop_assume!(!name.trim().is_empty());
        let qr = PaymentQr {
            name,
            bank: bank(),
            inn: None,
            kpp: None,
            sum: Some(Money::from_kopecks(kopecks)),
            purpose: Some(purpose),
        };
        let Ok(payload) = qr.payload() else { return Ok(()) };
        let separator = payload["ST00012".len()..].chars().next().unwrap();
        let fields: Vec<(&str, &str)> =
            payload.split(separator).skip(1).map(|pair| pair.split_once('=').unwrap()).collect();
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let (name, sum) = (words(&qr.name), kopecks.to_string());
        prop_assert_eq!(fields[0], ("Name", name.as_str()));
        prop_assert_eq!(fields[5], ("Sum", sum.as_str()));
        let purpose = words(qr.purpose.as_deref().unwrap());
        prop_assert_eq!(fields.get(6).map_or("", |(_, value)| value), purpose.as_str());
    }

    #[test]
    fn any_name_can_be_shortened_to_fit(name in "\\PC{1,300}", bank_name in "\\PC{1,100}") {
        prop_assume!(name.chars().any(char::is_alphanumeric) && bank_name.chars().any(char::is_alphanumeric));
        let mut qr = PaymentQr { name: format!("А{name}"), bank: bank(), inn: None, kpp: None, sum: None, purpose: None };
        qr.bank.bank_name = format!("Б{bank_name}");
        let payload = qr.shortened().payload();
        prop_assert!(payload.is_ok() || payload == Err(domain::PaymentQrError::Separator), "{payload:?}");
    }

    #[test]
    fn exact_decimals_survive_their_text(mantissa in any::<i64>(), scale in 0_u32..19) {
        let value = domain::Decimal::new(mantissa, scale);
        prop_assert_eq!(Quantity::parse(&value.to_string()).unwrap().value(), value);
        prop_assert_eq!(Price::new(value).to_string().parse::<Price>().unwrap(), Price::new(value));
    }
}

/// Reads an amount in words back into kopecks, knowing only the dictionary.
fn spoken(words: &str) -> i64 {
    const NUMBERS: &[(&str, i64)] = &[
        ("ноль", 0),
        ("один", 1),
        ("одна", 1),
        ("два", 2),
        ("две", 2),
        ("три", 3),
        ("четыре", 4),
        ("пять", 5),
        ("шесть", 6),
        ("семь", 7),
        ("восемь", 8),
        ("девять", 9),
        ("десять", 10),
        ("одиннадцать", 11),
        ("двенадцать", 12),
        ("тринадцать", 13),
        ("четырнадцать", 14),
        ("пятнадцать", 15),
        ("шестнадцать", 16),
        ("семнадцать", 17),
        ("восемнадцать", 18),
        ("девятнадцать", 19),
        ("двадцать", 20),
        ("тридцать", 30),
        ("сорок", 40),
        ("пятьдесят", 50),
        ("шестьдесят", 60),
        ("семьдесят", 70),
        ("восемьдесят", 80),
        ("девяносто", 90),
        ("сто", 100),
        ("двести", 200),
        ("триста", 300),
        ("четыреста", 400),
        ("пятьсот", 500),
        ("шестьсот", 600),
        ("семьсот", 700),
        ("восемьсот", 800),
        ("девятьсот", 900),
    ];
    const GROUPS: &[(&str, i64)] = &[
        ("тысяч", 1_000),
        ("миллион", 1_000_000),
        ("миллиард", 1_000_000_000),
        ("триллион", 1_000_000_000_000),
        ("квадриллион", 1_000_000_000_000_000),
    ];
    let (mut total, mut group) = (0, 0);
    for word in words.to_lowercase().split(' ') {
        if let Some((_, value)) = NUMBERS.iter().find(|(name, _)| *name == word) {
            group += value;
        } else if let Some((_, value)) = GROUPS.iter().find(|(name, _)| word.starts_with(name)) {
            total += group * value;
            group = 0;
        } else if word.starts_with("рубл") {
            total = (total + group) * 100;
            group = 0;
        } else if !word.starts_with("копе") {
            group += word.parse::<i64>().unwrap();
        }
    }
    total + group
}
