//! What would be issued where deals are only watched.

use planner::{Mode, Plan, Seen, foretold};

use crate::build::{TestDeal, deal, row};

const CODE: &str = "INVOICE-FORETOLD";

fn watched() -> TestDeal {
    deal().with(|it| it.policy.funnels[0].mode = Mode::WatchOnly)
}

fn noted(deal: &TestDeal) -> Plan {
    foretold::noted(&deal.snapshot, deal.planned(), &deal.policy)
}

/// What stands among the questions.
fn told(deal: &TestDeal) -> Option<String> {
    let plan = noted(deal);
    let case = plan.cases.iter().find(|case| case.key == CODE)?;
    Some(case.text.replace('\u{a0}', " "))
}

#[test]
fn it_says_how_much_for_whom_and_by_whom() {
    let first = "Воронка под наблюдением, счёт не выставлен. Был бы выставлен счёт на сумму 122,00 ₽, в том числе НДС \
                 22,00 ₽; строк: 1. Продавец: Мы. Покупатель: ООО «Ромашка» (7707083893/770801001).";
    assert_eq!(told(&watched()).as_deref(), Some(first));
    let two = watched().rows([row("Консультация"), row("Выезд")]);
    let text = told(&two).unwrap();
    assert!(
        text.contains("244,00 ₽") && text.contains("строк: 2"),
        "{text}"
    );
    // Nobody is told.
    assert_eq!(noted(&watched()).actions, deal().planned().actions);
}

#[test]
fn it_is_said_only_where_an_invoice_would_be_issued_and_nobody_may_issue_it() {
    let off = watched().with(|it| it.policy.funnels[0].mode = Mode::Off);
    let lacking = watched().rows([]);
    for other in [
        deal(),
        off,
        lacking,
        watched().history(&[("NEW", 60)]),
        watched().glanced(),
        watched().accounting_not_asked(),
    ] {
        assert_eq!(told(&other), None, "{}", other.plan());
    }
}

#[test]
fn it_is_taken_out_once_it_does_not_hold_and_not_before_that_is_known() {
    let stands = |it: TestDeal| it.open(CODE, "как было", false);
    let withdraws = |it: &TestDeal| noted(it).withdrawn.contains(&CODE.to_owned());
    for gone in [
        stands(deal()),
        stands(watched().rows([])),
        stands(watched().of(|deal| deal.lost = true)),
    ] {
        assert!(withdraws(&gone), "{}", gone.plan());
    }
    for open in [
        stands(watched()),
        stands(watched().accounting_not_asked()),
        stands(watched().glanced()),
    ] {
        assert!(!withdraws(&open), "{}", open.plan());
    }
    let deleted = stands(watched()).seen(Seen::Gone);
    assert_eq!(noted(&deleted).withdrawn, [CODE]);
}
