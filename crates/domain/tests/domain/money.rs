//! Reading and printing money, quantities and prices.

use domain::{Money, MoneyError, NumberError, Price, Quantity};

fn check(input: &str, kopecks: i64) {
    assert_eq!(
        Money::parse(input),
        Ok(Money::from_kopecks(kopecks)),
        "{input}"
    );
}

#[test]
fn money_is_read_as_people_banks_and_json_write_it() {
    for (input, kopecks) in [
        ("1234.56", 123_456),
        ("1234,5", 123_450),
        ("0", 0),
        ("-0", 0),
        ("0.01", 1),
        ("-5", -500),
        ("\u{2212}5,10", -510),
        (" 7.00 ", 700),
        ("1 234 567,89", 123_456_789),
        ("1\u{a0}234\u{a0}567,89", 123_456_789),
        ("1\u{202f}234,00", 123_400),
        ("150000-00", 15_000_000),
        ("150000=", 15_000_000),
        ("700", 70_000),
        ("999.9", 99_990),
        ("1.50000000000000000000000000000000000", 150),
        ("1e3", 100_000),
        ("1.5E+2", 15_000),
        ("12345e-2", 12_345),
        ("007", 700),
        ("92233720368547758.07", i64::MAX),
        ("-92233720368547758.08", i64::MIN),
    ] {
        check(input, kopecks);
    }
}

#[test]
fn what_is_no_money_is_refused_with_its_reason() {
    let number = MoneyError::Number;
    for (input, expected) in [
        ("", number(NumberError::Empty)),
        ("  ", number(NumberError::Empty)),
        ("abc", number(NumberError::Shape)),
        ("1..5", number(NumberError::Shape)),
        ("1.", number(NumberError::Shape)),
        (".5", number(NumberError::Shape)),
        ("--5", number(NumberError::Shape)),
        ("+5", number(NumberError::Shape)),
        ("1,234.56", number(NumberError::Shape)),
        ("12 34", number(NumberError::Shape)),
        ("1234 567", number(NumberError::Shape)),
        ("1  234", number(NumberError::Shape)),
        ("1 234e2", number(NumberError::Shape)),
        ("150000-0", number(NumberError::Shape)),
        ("150000--0", number(NumberError::Shape)),
        ("150000==", number(NumberError::Shape)),
        ("1e", number(NumberError::Shape)),
        ("1e+", number(NumberError::Shape)),
        ("１２", number(NumberError::Shape)),
        ("NaN", number(NumberError::Shape)),
        ("0x10", number(NumberError::Shape)),
        ("1e99", number(NumberError::TooLong)),
        ("1e99999999999", number(NumberError::TooLong)),
        // Written out, they would take gigabytes.
        ("1e2000000000", number(NumberError::TooLong)),
        ("1e-2000000000", number(NumberError::TooLong)),
        ("1.005", MoneyError::FractionOfKopeck),
        ("0.001", MoneyError::FractionOfKopeck),
        ("92233720368547758.08", MoneyError::TooLarge),
        ("999999999999999999999999999", MoneyError::TooLarge),
    ] {
        assert_eq!(Money::parse(input), Err(expected), "{input}");
    }
    let long = "1".repeat(1_000_000);
    assert_eq!(Money::parse(&long), Err(number(NumberError::TooLong)));
}

#[test]
fn money_prints_a_point_and_two_decimals() {
    for (kopecks, expected) in [
        (0, "0.00"),
        (5, "0.05"),
        (-5, "-0.05"),
        (123_456, "1234.56"),
        (i64::MAX, "92233720368547758.07"),
        (i64::MIN, "-92233720368547758.08"),
    ] {
        assert_eq!(Money::from_kopecks(kopecks).to_string(), expected);
    }
}

#[test]
fn money_is_rounded_half_up() {
    for (input, kopecks) in [
        ("0.005", 1),
        ("0.00499999", 0),
        ("0.015", 2),
        ("0.025", 3),
        ("-0.005", -1),
        ("2.675", 268),
        ("33.329999999999998", 3333),
    ] {
        let exact = Price::parse(input).unwrap().value();
        assert_eq!(
            Money::rounded(exact),
            Some(Money::from_kopecks(kopecks)),
            "{input}"
        );
    }
    assert_eq!(Money::rounded(Price::parse("1e20").unwrap().value()), None);
}

#[test]
fn sums_that_do_not_fit_are_no_sums() {
    let (most, kopeck) = (Money::from_kopecks(i64::MAX), Money::from_kopecks(1));
    assert_eq!(most.checked_add(kopeck), None);
    assert_eq!(Money::from_kopecks(i64::MIN).checked_sub(kopeck), None);
    assert_eq!(Money::sum([most, kopeck]), None);
    assert_eq!(Money::sum([kopeck, kopeck]), Some(Money::from_kopecks(2)));
    assert_eq!(Money::sum([]), Some(Money::ZERO));
}

#[test]
fn money_is_an_integer_of_kopecks_in_json() {
    assert_eq!(
        serde_json::to_string(&Money::from_kopecks(1050)).unwrap(),
        "1050"
    );
    assert_eq!(
        serde_json::from_str::<Money>("1050").unwrap(),
        Money::from_kopecks(1050)
    );
    assert!(serde_json::from_str::<Money>("10.5").is_err());
}

#[test]
fn quantities_and_prices_are_text_without_trailing_zeros() {
    assert_eq!(Quantity::parse("3.000").unwrap().to_string(), "3");
    assert_eq!(Price::parse("33,330").unwrap().to_string(), "33.33");
    assert_eq!(Price::parse("1e-3").unwrap().to_string(), "0.001");
    assert_eq!(
        serde_json::to_string(&Quantity::parse("0.50").unwrap()).unwrap(),
        "\"0.5\""
    );
    assert_eq!(
        serde_json::from_str::<Price>("\"1.10\"").unwrap(),
        Price::parse("1.1").unwrap()
    );
    assert!(
        serde_json::from_str::<Price>("1.1").is_err(),
        "a JSON number may have been a float"
    );
    assert_eq!(
        Price::from(Money::from_kopecks(1050)),
        Price::parse("10.5").unwrap()
    );
}
