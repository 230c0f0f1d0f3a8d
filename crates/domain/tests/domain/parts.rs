//! Parts of a whole: whatever the lines, advance and rest come to just what the whole comes to.

use domain::part::{advance, rest};
use domain::{
    Amounts, Decimal, Line, Money, PartError, Price, Quantity, Share, VatMode, VatRate, totals,
};
use proptest::prelude::*;
use proptest::sample::select;

use crate::build::{line, rubles};

fn any_line() -> impl Strategy<Value = Line> {
    let rates = VatRate::ALL.into_iter();
    let rates: Vec<VatRate> = rates.filter(|rate| *rate != VatRate::NotStated).collect();
    (select(rates), 1..2_000_i64, 0..4_u32, 1..9_999_999_i64).prop_map(
        |(vat, quantity, scale, kopecks)| Line {
            quantity: Quantity::new(Decimal::new(quantity, scale)),
            price: Price::new(Decimal::new(kopecks, 2)),
            ..line(vat, "1", "1")
        },
    )
}

fn any_whole() -> impl Strategy<Value = (VatMode, Vec<Line>)> {
    let modes = select(vec![VatMode::Included, VatMode::OnTop]);
    (modes, proptest::collection::vec(any_line(), 1..8))
}

fn any_share() -> impl Strategy<Value = Share> {
    prop_oneof![
        (1..10_000_i64).prop_map(|hundredths| Share::Percent(Decimal::new(hundredths, 2))),
        (1..300_000_000_i64).prop_map(|kopecks| Share::Sum(Money::from_kopecks(kopecks))),
    ]
}

/// What the accounting side makes of the lines of both invoices, by line of the whole.
fn by_line(parts: &[Vec<Line>; 2], whole: &[Line]) -> Vec<Amounts> {
    whole
        .iter()
        .map(|of_whole| {
            let lines = parts.iter().flatten();
            let lines: Vec<Line> = lines
                .filter(|part| part.name.ends_with(&of_whole.name))
                .cloned()
                .collect();
            totals(VatMode::Included, &lines).unwrap().amounts()
        })
        .collect()
}

fn numbered(lines: Vec<Line>) -> Vec<Line> {
    let numbered = lines.into_iter().zip(1..);
    numbered
        .map(|(line, number)| Line {
            name: format!("№ {number}."),
            ..line
        })
        .collect()
}

fn of_kopecks() -> impl Strategy<Value = (VatMode, Vec<Line>)> {
    let modes = select(vec![VatMode::Included, VatMode::OnTop]);
    let cheap = |line: Line, kopecks: i64| Line {
        quantity: Quantity::ONE,
        price: Price::new(Decimal::new(kopecks, 2)),
        ..line
    };
    let line = (any_line(), 1..30_i64).prop_map(move |(line, kopecks)| cheap(line, kopecks));
    (modes, proptest::collection::vec(line, 1..5))
}

/// Advance and rest come to just what the whole comes to, line by line, and the advance to just what was asked.
fn add_up(mode: VatMode, lines: Vec<Line>, share: Share) -> Result<(), TestCaseError> {
    let lines = numbered(lines);
    let whole = totals(mode, &lines).unwrap();
    let asked = match share {
        Share::Sum(sum) => sum,
        Share::Percent(percent) => {
            Money::rounded(whole.gross.roubles() * percent / Decimal::ONE_HUNDRED).unwrap()
        }
    };
    let (first, billed) = match advance(mode, &lines, share, "Аванс: ") {
        Ok(parts) => parts,
        Err(error) => {
            let no_part = !asked.is_positive() || asked >= whole.gross;
            // Only where a few kopecks are left of a line there is no way.
            let kopecks = asked < rubles("3") || whole.gross < rubles("20");
            prop_assert!(no_part || kopecks, "{error}: {asked} of {}", whole.gross);
            return Ok(());
        }
    };
    let (second, left) = rest(mode, &lines, &billed, "Остаток: ").unwrap();
    let sum = totals(VatMode::Included, &first).unwrap();
    prop_assert_eq!(sum.gross, asked);
    prop_assert_eq!(by_line(&[first, second], &lines), whole.lines.clone());
    for ((billed, left), of_whole) in billed.iter().zip(&left).zip(&whole.lines) {
        prop_assert_eq!(billed.checked_add(*left), Some(*of_whole));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn advance_and_rest_are_the_whole_line_by_line((mode, lines) in any_whole(), share in any_share()) {
        add_up(mode, lines, share)?;
    }

    /// Where every kopeck shows.
    #[test]
    fn they_are_of_kopecks_as_well((mode, lines) in of_kopecks(), kopecks in 1..60_i64) {
        add_up(mode, lines, Share::Sum(Money::from_kopecks(kopecks)))?;
    }

    #[test]
    fn each_line_bears_its_share_of_an_advance((mode, lines) in any_whole(), percent in 1..99_i64) {
        let whole = totals(mode, &lines).unwrap();
        let share = Share::Percent(Decimal::new(percent, 0));
        if whole.gross > rubles("1000")
            && let Ok((_, billed)) = advance(mode, &lines, share, "")
        {
            prop_assert_eq!(billed.len(), lines.len());
            for (billed, of_whole) in billed.iter().zip(&whole.lines) {
                let due = of_whole.gross.kopecks() * percent / 100;
                let off = (billed.gross.kopecks() - due).abs();
                // A line may be a few kopecks off where VAT is to add up, and what it is off the next one bears.
                prop_assert!(off <= 30, "{billed:?} of {of_whole:?}: {due}");
            }
        }
    }

    #[test]
    fn at_most_one_line_of_a_rest_is_split((mode, lines) in any_whole(), percent in 1..99_i64) {
        let share = Share::Percent(Decimal::new(percent, 0));
        let gross = totals(mode, &lines).unwrap().gross;
        if let Ok((_, billed)) = advance(mode, &lines, share, "") && gross > rubles("1000") {
            let (second, _) = rest(mode, &lines, &billed, "").unwrap();
            // With 20/120 half a kopeck occurs, and a third sum may be needed.
            let most = if lines.iter().any(|line| line.vat == VatRate::Percent20) { 2 } else { 1 };
            prop_assert!(second.len() <= lines.len() + most, "{second:?}");
        }
    }
}

fn rendered(lines: &[Line]) -> Vec<String> {
    lines
        .iter()
        .map(|line| format!("{} {}", line.name, line.price))
        .collect()
}

#[test]
fn an_advance_is_exactly_its_sum_and_a_kopeck_of_vat_is_made_up_for_in_the_rest() {
    let lines = [line(VatRate::Percent22, "1", "1000.03")];
    let share = Share::Sum(rubles("500.03"));
    let (first, billed) = advance(VatMode::Included, &lines, share, "Аванс: ").unwrap();
    assert_eq!(rendered(&first), ["Аванс: Услуга 500.03"]);
    let (second, _) = rest(VatMode::Included, &lines, &billed, "Остаток: ").unwrap();
    assert_eq!(rendered(&second), ["Остаток: Услуга 500"]);
    // VAT of 1000,00 is 180,33; of 280,01 and of 719,99 it comes to a kopeck more.
    let lines = [line(VatRate::Percent22, "1", "1000")];
    let share = Share::Sum(rubles("280.01"));
    let (first, billed) = advance(VatMode::Included, &lines, share, "").unwrap();
    assert_eq!(rendered(&first), ["Услуга 280.01"]);
    let (second, _) = rest(VatMode::Included, &lines, &billed, "").unwrap();
    assert_eq!(rendered(&second), ["Услуга 719.96", "Услуга 0.03"]);
}

#[test]
fn what_no_advance_was_paid_for_stands_in_the_rest_as_it_is() {
    let lines = [
        line(VatRate::Percent22, "3", "100"),
        line(VatRate::Without, "1", "5"),
    ];
    let billed = [Amounts::default(); 2];
    let (second, _) = rest(VatMode::Included, &lines, &billed, "Остаток: ").unwrap();
    assert_eq!(second, lines);
    let (on_top, _) = rest(VatMode::OnTop, &lines, &billed, "Остаток: ").unwrap();
    assert_eq!(
        rendered(&on_top),
        ["Остаток: Услуга 366", "Остаток: Услуга 5"]
    );
}

#[test]
fn nothing_the_whole_and_more_than_a_line_are_no_parts() {
    let lines = [line(VatRate::Percent22, "1", "100")];
    for sum in ["0", "100", "100.01", "-1"] {
        let advance = advance(VatMode::Included, &lines, Share::Sum(rubles(sum)), "");
        assert_eq!(advance, Err(PartError::NotAPart), "{sum}");
    }
    let more = Amounts::split(VatMode::Included, VatRate::Percent22, rubles("100.01")).unwrap();
    let overdrawn = rest(VatMode::Included, &lines, &[more], "");
    assert_eq!(overdrawn, Err(PartError::Overdrawn { line: 1 }));
}
