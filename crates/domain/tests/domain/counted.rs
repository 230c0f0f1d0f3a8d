//! What an accounting side counted of an invoice before it was a deal's: money that comes may be that very money, or come on top.

use domain::Money;
use domain::matching::{CountedBefore, Doubt, OpenInvoice, OpenInvoices};

use crate::matching::{BUYER, day, invoice, proposed, proposed_on, shares};

#[test]
fn what_may_be_the_money_that_was_counted_before_is_no_second_payment() {
    let mut open = OpenInvoices::default();
    let counted = |number: &str, before| OpenInvoice {
        counted_before: CountedBefore {
            amount: Money::from_kopecks(before),
            until: Some(day()),
        },
        ..invoice(number, day(), BUYER, "one", 100_000)
    };
    open.add(counted("123", 40_000));
    let one = "Оплата по счету 123 от 01.02.2026";
    let whole = proposed(&open, Some(BUYER), 100_000, one);
    assert_eq!(
        (whole.certain(), whole.doubts.as_slice()),
        (None, [Doubt::MoreThanOpen].as_slice())
    );
    assert_eq!(
        shares(&whole.candidates[0].shares),
        "123:100000",
        "a person may say so"
    );
    let rest = proposed(&open, Some(BUYER), 60_000, one);
    let rest = rest.certain().unwrap().shares.clone();
    assert_eq!(shares(&rest), "123:60000");
    // It may be what was counted: then the rest is as open as it was.
    let mut since = open.clone();
    open.book(&rest[0], day());
    let more = proposed(&open, Some(BUYER), 40_000, one);
    assert_eq!(shares(&more.certain().unwrap().shares), "123:40000");
    // What came later is not, and nothing is open any more.
    since.book(&rest[0], day().tomorrow().unwrap());
    let more = proposed(&since, Some(BUYER), 40_000, one);
    assert_eq!(
        (more.certain(), more.doubts.as_slice()),
        (None, [Doubt::MoreThanOpen].as_slice())
    );
    open.add(counted("124", 10_000));
    let both = "Оплата по счетам 123 от 01.02.2026, 124 от 01.02.2026";
    let both = proposed(&open, Some(BUYER), 140_000, both);
    assert_eq!(
        (both.certain(), both.doubts.as_slice()),
        (None, [Doubt::MoreThanOpen].as_slice())
    );
}

#[test]
fn what_was_counted_before_is_not_offered_to_money_that_came_later() {
    let mut open = OpenInvoices::default();
    for (number, before) in [("123", 40_000), ("124", 100_000)] {
        open.add(OpenInvoice {
            counted_before: CountedBefore {
                amount: Money::from_kopecks(before),
                until: Some(day()),
            },
            ..invoice(number, day(), BUYER, "one", 100_000)
        });
    }
    open.add(invoice("125", day(), BUYER, "one", 25_000));
    let offered = |came, kopecks, purpose| {
        let proposal = proposed_on(came, &open, Some(BUYER), kopecks, purpose);
        let offered = proposal.candidates.iter();
        offered.map(|one| shares(&one.shares)).collect::<Vec<_>>()
    };
    let later = day().tomorrow().unwrap();
    let one = "Оплата по счету 123 от 01.02.2026";
    assert_eq!(offered(later, 100_000, one), ["123:60000"]);
    assert_eq!(
        offered(day(), 100_000, one),
        ["123:100000", "124:100000"],
        "it may be what was counted"
    );
    assert_eq!(offered(later, 85_000, "Оплата"), ["123:60000 + 125:25000"]);
    // All of the invoice that is named was counted.
    let other = "Оплата по счету 124 от 01.02.2026";
    assert_eq!(offered(later, 100_000, other), ["123:60000", "125:25000"]);
}
