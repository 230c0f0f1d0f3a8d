//! A payment for an invoice that was cancelled, deleted or closed without a bank is asked about, and the question says so.

use domain::matching::{Gone, GoneInvoice};
use jiff::civil::date;

use crate::matching::{BUYER, inn, invoice, open, proposed, shares};

const OTHER: &str = "7702070139";

#[test]
fn whoever_pays_for_what_was_taken_back_is_told_so() {
    let mut open = open();
    for (number, day, how) in [
        ("118", 3, Gone::Cancelled),
        ("119", 4, Gone::Deleted),
        ("120", 5, Gone::Closed { by: 31 }),
    ] {
        open.add_gone(GoneInvoice {
            number: number.to_owned(),
            date: date(2026, 2, day),
            buyer: Some(inn(BUYER)),
            how,
        });
    }
    for (payer, purpose, expected) in [
        (
            Some(BUYER),
            "Оплата по счету 118 от 03.02.2026",
            "счёт № 118 отменён",
        ),
        (
            Some(BUYER),
            "Оплата по счету 119 от 04.02.2026",
            "счёт № 119 удалён в учёте",
        ),
        (
            Some(BUYER),
            "Оплата по счету 120 от 05.02.2026",
            "счёт № 120 закрыт без выписки (запись № 31): если это те же деньги, снимите её",
        ),
        (Some(BUYER), "Оплата по счету № 0118", "счёт № 0118 отменён"),
        (
            Some(BUYER),
            "Оплата по счету 118 от 3 февраля",
            "счёт № 118 отменён",
        ),
        // Whoever pays.
        (
            Some(OTHER),
            "Оплата по счету 118 от 03.02.2026",
            "счёт № 118 отменён",
        ),
        (
            None,
            "Оплата по счету 118 от 03.02.2026",
            "счёт № 118 отменён",
        ),
        // Another may be meant.
        (
            Some(OTHER),
            "Оплата по счету 118",
            "счёт № 118 назван без даты",
        ),
        (
            Some(BUYER),
            "Оплата по счету 118 от 03.02.2025",
            "неоплаченного счёта № 118 с этой датой у плательщика нет",
        ),
    ] {
        let proposal = proposed(&open, payer, 7, purpose);
        assert_eq!(proposal.certain(), None, "{purpose}");
        let doubts: Vec<String> = proposal.doubts.iter().map(ToString::to_string).collect();
        assert!(
            doubts.contains(&expected.to_owned()),
            "{purpose}: {doubts:?}"
        );
    }
    // Once it is deleted its number is free for another.
    open.add(invoice("119", date(2026, 2, 4), BUYER, "one", 5_000));
    let proposal = proposed(
        &open,
        Some(BUYER),
        5_000,
        "Оплата по счету 119 от 04.02.2026",
    );
    let certain = proposal.certain().expect("the one that is open");
    assert_eq!(shares(&certain.shares), "119:5000");
    let undated = proposed(&open, Some(BUYER), 5_000, "Оплата по счету 119");
    let doubts: Vec<String> = undated.doubts.iter().map(ToString::to_string).collect();
    assert_eq!(doubts, ["счёт № 119 назван без даты"]);
}
