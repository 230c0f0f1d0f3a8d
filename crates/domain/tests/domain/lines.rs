//! Line and document arithmetic against tables, and the dates of the rates.

use domain::{AmountError, Amounts, Decimal, Discount, Line, VatMode, VatRate, totals};
use jiff::civil::date;

use crate::build::{discounted, line, rubles};

use VatMode::{Included, OnTop};
use VatRate::{NotStated, Percent5, Percent7, Percent10, Percent20, Percent22, Without, Zero};

fn check(mode: VatMode, lines: &[Line], [net, vat, gross]: [&str; 3]) {
    let totals = totals(mode, lines).unwrap();
    let found = [totals.net, totals.vat, totals.gross].map(|amount| amount.to_string());
    assert_eq!(found, [net, vat, gross], "{mode} {lines:?}");
}

#[test]
fn lines_come_to_what_an_accountant_computes() {
    let one = |rate| vec![line(rate, "1", "100.00")];
    for (mode, lines, expected) in [
        (Included, one(Percent22), ["81.97", "18.03", "100.00"]),
        (OnTop, one(Percent22), ["100.00", "22.00", "122.00"]),
        (
            Included,
            vec![line(Percent22, "1", "10.00"); 3],
            ["24.60", "5.40", "30.00"],
        ),
        (
            OnTop,
            vec![line(Percent22, "1", "0.25")],
            ["0.25", "0.06", "0.31"],
        ),
        (Included, one(Percent10), ["90.91", "9.09", "100.00"]),
        (Included, one(Percent5), ["95.24", "4.76", "100.00"]),
        (Included, one(Percent7), ["93.46", "6.54", "100.00"]),
        (Included, one(Percent20), ["83.33", "16.67", "100.00"]),
        (
            OnTop,
            vec![line(Percent22, "3", "0.07"); 2],
            ["0.42", "0.10", "0.52"],
        ),
        (Included, one(Without), ["100.00", "0.00", "100.00"]),
        (Included, one(Zero), ["100.00", "0.00", "100.00"]),
        (OnTop, one(NotStated), ["100.00", "0.00", "100.00"]),
        (
            Included,
            vec![line(Percent22, "3", "33.33")],
            ["81.96", "18.03", "99.99"],
        ),
        (
            Included,
            vec![line(Percent22, "1", "120000")],
            ["98360.66", "21639.34", "120000.00"],
        ),
        (
            Included,
            vec![line(Percent22, "1", "150000")],
            ["122950.82", "27049.18", "150000.00"],
        ),
        (
            OnTop,
            vec![line(Percent20, "1", "0.025")],
            ["0.03", "0.01", "0.04"],
        ),
        (
            Included,
            vec![line(Percent22, "0.333", "10.01")],
            ["2.73", "0.60", "3.33"],
        ),
        (
            Included,
            vec![line(Percent22, "-1", "100")],
            ["-81.97", "-18.03", "-100.00"],
        ),
        (Included, vec![], ["0.00", "0.00", "0.00"]),
    ] {
        check(mode, &lines, expected);
    }
}

#[test]
fn vat_of_the_lines_wins_over_vat_of_the_total() {
    let totals = totals(Included, &vec![line(Percent22, "1", "10.00"); 3]).unwrap();
    let of_total = Amounts::split(Included, Percent22, totals.gross).unwrap();
    assert_eq!((totals.vat, of_total.vat), (rubles("5.40"), rubles("5.41")));
}

#[test]
fn amounts_are_summed_by_rate_from_the_highest() {
    let lines = [
        line(Without, "1", "5"),
        line(Percent10, "1", "110"),
        line(Percent22, "1", "122"),
        line(Percent10, "1", "11"),
        line(Zero, "1", "7"),
    ];
    let by_rate = totals(Included, &lines).unwrap().by_rate;
    let printed: Vec<String> = by_rate
        .iter()
        .map(|(rate, sum)| format!("{rate}: {} + {} = {}", sum.net, sum.vat, sum.gross))
        .collect();
    assert_eq!(
        printed,
        [
            "22: 100.00 + 22.00 = 122.00",
            "10: 110.00 + 11.00 = 121.00",
            "0: 7.00 + 0.00 = 7.00",
            "none: 5.00 + 0.00 = 5.00",
        ]
    );
}

#[test]
fn discounts_are_taken_off_before_the_sum_is_rounded() {
    let percent = |text: &str| Discount::Percent(text.parse::<Decimal>().unwrap());
    for (mode, line, expected) in [
        (
            Included,
            discounted(line(Percent22, "3", "33.33"), percent("10")),
            ["73.76", "16.23", "89.99"],
        ),
        (
            OnTop,
            discounted(line(Percent22, "1", "80000"), percent("20")),
            ["64000.00", "14080.00", "78080.00"],
        ),
        (
            Included,
            discounted(line(Without, "7", "0.99"), percent("33.3333")),
            ["4.62", "0.00", "4.62"],
        ),
        (
            Included,
            discounted(line(Percent22, "2", "100"), percent("100")),
            ["0.00", "0.00", "0.00"],
        ),
        (
            Included,
            discounted(line(Percent22, "2", "100"), percent("0")),
            ["163.93", "36.07", "200.00"],
        ),
        (
            OnTop,
            discounted(
                line(Percent10, "4", "12.50"),
                Discount::Money(rubles("2.50")),
            ),
            ["40.00", "4.00", "44.00"],
        ),
        (
            Included,
            discounted(
                line(Percent22, "0.5", "10.015"),
                Discount::Money(rubles("0.01")),
            ),
            ["4.10", "0.90", "5.00"],
        ),
    ] {
        check(mode, &[line], expected);
    }
}

#[test]
fn what_cannot_be_computed_exactly_is_an_error_that_names_the_line() {
    let good = line(Percent22, "1", "100");
    let percent = |text: &str| Discount::Percent(text.parse::<Decimal>().unwrap());
    let of_second = |second: Line| totals(OnTop, &[good.clone(), second]).unwrap_err();
    for (second, expected) in [
        (
            discounted(good.clone(), percent("100.01")),
            AmountError::Discount { line: 2 },
        ),
        (
            discounted(good.clone(), percent("-1")),
            AmountError::Discount { line: 2 },
        ),
        (
            discounted(good.clone(), Discount::Money(rubles("100.01"))),
            AmountError::Discount { line: 2 },
        ),
        (
            discounted(good.clone(), Discount::Money(rubles("-0.01"))),
            AmountError::Discount { line: 2 },
        ),
        (
            line(Zero, "1e10", "1e10"),
            AmountError::TooLarge { line: 2 },
        ),
        (
            line(Zero, "1e20", "1e20"),
            AmountError::TooLarge { line: 2 },
        ),
        (
            line(Percent22, "1", "9e16"),
            AmountError::TooLarge { line: 2 },
        ),
        (
            line(Zero, "0.12345678901234567", "0.1234567890123456789"),
            AmountError::TooPrecise { line: 2 },
        ),
        (
            line(Zero, "1e-20", "1e-20"),
            AmountError::TooPrecise { line: 2 },
        ),
    ] {
        assert_eq!(of_second(second), expected);
    }
    let most = line(Zero, "1", "92233720368547758.07");
    assert_eq!(
        totals(OnTop, &[most, line(Zero, "1", "0.01")]),
        Err(AmountError::TotalTooLarge)
    );
}

#[test]
fn rates_are_in_force_on_their_days_only() {
    for (rate, day, expected) in [
        (Percent22, date(2025, 12, 31), false),
        (Percent22, date(2026, 1, 1), true),
        (Percent20, date(2018, 12, 31), false),
        (Percent20, date(2019, 1, 1), true),
        (Percent20, date(2025, 12, 31), true),
        (Percent20, date(2026, 1, 1), false),
        (Percent7, date(2024, 12, 31), false),
        (Percent5, date(2025, 1, 1), true),
        (Percent10, date(2026, 5, 1), true),
        (Zero, date(2026, 5, 1), true),
        (Without, date(1999, 1, 1), true),
        (NotStated, date(2026, 1, 1), true),
    ] {
        assert_eq!(rate.in_force_on(day), expected, "{rate} on {day}");
    }
}

#[test]
fn no_vat_zero_vat_and_unknown_vat_are_three_things() {
    assert_eq!(Zero.percent(), Some(0));
    assert_eq!(Without.percent(), None);
    assert_eq!(NotStated.percent(), None);
    assert_eq!((Zero.label(), Without.label()), ("0%", "Без НДС"));
    assert_eq!(
        VatRate::of_percent("22.00".parse().unwrap()),
        Some(Percent22)
    );
    assert_eq!(VatRate::of_percent("0".parse().unwrap()), Some(Zero));
    assert_eq!(VatRate::of_percent("18".parse().unwrap()), None);
    for rate in VatRate::ALL {
        assert_eq!(rate.to_string().parse(), Ok(rate));
        assert_eq!(serde_json::to_string(&rate).unwrap(), format!("\"{rate}\""));
    }
    assert_eq!("on_top".parse(), Ok(OnTop));
    assert!("22%".parse::<VatRate>().is_err());
}

#[test]
fn lines_survive_json() {
    let of_percent = Discount::Percent("12.50".parse().unwrap());
    let lines = [
        discounted(line(Percent22, "1.5", "33.330"), of_percent),
        discounted(line(Without, "1", "10"), Discount::Money(rubles("2.50"))),
    ];
    let json = serde_json::to_string(&lines).unwrap();
    assert!(json.contains(r#""discount":{"percent":"12.5"}"#), "{json}");
    assert!(json.contains(r#""discount":{"money":250}"#), "{json}");
    assert_eq!(serde_json::from_str::<Vec<Line>>(&json).unwrap(), lines);
}
