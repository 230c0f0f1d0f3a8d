//! Several payments that together pay one invoice are a suggestion to a person, and never booked for it.

use domain::matching::{
    Candidate, Certainty, Incoming, OtherPayment, Proposal, Reason, payments_covering, propose,
};
use domain::purpose::Purpose;
use domain::{Money, OrganisationId};

use crate::matching::{BUYER, day, inn, invoice, open, shares};

fn beside(others: &[(i64, i64)], kopecks: i64, purpose: &str) -> Proposal {
    let others: Vec<OtherPayment> = others
        .iter()
        .map(|(number, left)| OtherPayment {
            number: *number,
            left: Money::from_kopecks(*left),
        })
        .collect();
    let (purpose, payer) = (Purpose::read(purpose), inn(BUYER));
    let payment = Incoming {
        organisation: &OrganisationId::new("one"),
        payer: Some(&payer),
        amount: Money::from_kopecks(kopecks),
        came: day(),
        purpose: &purpose,
        chosen_before: &[],
        others: &others,
    };
    propose(payment, &open())
}

/// Candidates that other payments speak for, each with those.
fn together(proposal: &Proposal) -> Vec<(String, Vec<i64>, bool)> {
    let with_others = |candidate: &Candidate| {
        let mut reasons = candidate.reasons.iter();
        reasons.find_map(|reason| {
            let Reason::AmountWithOthers { payments, only } = reason else {
                return None;
            };
            Some((payments.clone(), *only))
        })
    };
    let candidates = proposal.candidates.iter();
    candidates
        .filter_map(|candidate| {
            let (payments, only) = with_others(candidate)?;
            Some((shares(&candidate.shares), payments, only))
        })
        .collect()
}

#[test]
fn several_payments_may_pay_one_invoice() {
    let left = [30_000, 20_000, 50_000].map(Money::from_kopecks);
    let covering = |kopecks| payments_covering(Money::from_kopecks(kopecks), &left);
    assert_eq!(covering(70_000), Some((vec![1, 2], true)));
    assert_eq!(covering(50_000), Some((vec![0, 1], false)));
    assert_eq!(covering(10_000), None);
    assert_eq!(
        payments_covering(Money::from_kopecks(1), &[Money::from_kopecks(1); 13]),
        None
    );
}

#[test]
fn an_invoice_that_this_and_other_payments_pay_exactly_is_suggested_first() {
    let proposal = beside(&[(12, 45_000), (15, 15_000)], 40_000, "Доплата");
    assert_eq!(proposal.certain(), None);
    // 1000.00 of 123 are 400.00, 450.00 and 150.00; nothing makes up 124 or 125.
    let expected = [("123:40000".to_owned(), vec![12, 15], true)];
    assert_eq!(together(&proposal), expected);
    let best = &proposal.candidates[0];
    assert_eq!(best.certainty, Certainty::Possible);
    assert_eq!(
        best.reasons[1].to_string(),
        "вместе с платежами № 12 и № 15 сумма равна остатку по счёту"
    );
    // Two that would do are said to be no more than that.
    let either = beside(&[(12, 10_000), (15, 10_000)], 40_000, "Доплата");
    let expected = [("124:40000".to_owned(), vec![12], false)];
    assert_eq!(together(&either), expected);
    let told = either.candidates[0].reasons[1].to_string();
    assert_eq!(
        told,
        "вместе с платежом № 12 сумма равна остатку по счёту (подходят и другие его платежи)"
    );
}

#[test]
fn other_payments_make_nothing_certain_and_take_nothing_from_what_is() {
    let others = [(12, 60_000)];
    let named = "Оплата по счету 123 от 01.02.2026";
    let certain = beside(&others, 40_000, named);
    assert_eq!(shares(&certain.certain().unwrap().shares), "123:40000");
    assert_eq!(together(&certain), []);
    let no_date = beside(&others, 40_000, "Оплата по счету 123");
    assert_eq!(no_date.certain(), None);
    assert_eq!(together(&no_date).len(), 1);
    // Nothing of what is paid by it alone, or is too much already; and nobody looks through hundreds of sums.
    assert_eq!(together(&beside(&others, 100_000, "Оплата")), []);
    assert_eq!(together(&beside(&others, 100_001, "Оплата")), []);
    let many: Vec<(i64, i64)> = (1..=13).map(|number| (number, 60_000)).collect();
    assert_eq!(together(&beside(&many, 40_000, "Доплата")), []);
}

#[test]
fn among_more_open_invoices_than_are_tried_none_is_suggested() {
    let mut open = open();
    for number in 0..10 {
        let number = format!("9{number}");
        open.add(invoice(&number, day(), BUYER, "one", 1_000_000));
    }
    let (purpose, payer) = (Purpose::read("Доплата"), inn(BUYER));
    let others = [OtherPayment {
        number: 12,
        left: Money::from_kopecks(60_000),
    }];
    let payment = Incoming {
        organisation: &OrganisationId::new("one"),
        payer: Some(&payer),
        amount: Money::from_kopecks(40_000),
        came: day(),
        purpose: &purpose,
        chosen_before: &[],
        others: &others,
    };
    assert_eq!(together(&propose(payment, &open)), []);
}
