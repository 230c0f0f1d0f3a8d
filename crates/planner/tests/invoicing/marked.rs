//! What is asked of a bill that the accounting side calls paid and whose money is not known, and when nothing is.

use std::sync::Arc;

use domain::InvoiceStatus;
use domain::ledger::{Settlement, SettlementKind};
use jiff::civil::{Date, date};
use jiff::{SignedDuration, Timestamp};
use planner::known_days::KnownDays;
use planner::marked::SETTLE;
use planner::receipts::{Means, Receipt};
use planner::{Answer, MoneyPolicy};

use crate::build::{TestDeal, ago};
use crate::overdue::known;
use crate::receipts::{invoiced, receipt, shown};

/// In seconds.
const DAY: i64 = 24 * 3_600;

fn money(deal: &mut TestDeal) -> &mut MoneyPolicy {
    deal.policy.money.as_mut().unwrap()
}

/// The accounting side calls its bill paid since then.
pub(crate) fn marked(deal: TestDeal, since: Timestamp) -> TestDeal {
    deal.invoice(|it| {
        it.status = InvoiceStatus::Paid;
        it.paid_since = Some(since);
    })
}

/// What closes the bill by its mark.
fn by_mark(transaction: i64, kopecks: i64) -> Receipt {
    Receipt {
        means: Means::Settlement(Settlement {
            kind: SettlementKind::MarkedPaid,
            document: "Отметка в учёте об оплате счёта № 17".to_owned(),
            author: "Анна".to_owned(),
        }),
        ..receipt(transaction, kopecks)
    }
}

fn answers(deal: &mut TestDeal, key: &str, about: &str, choice: &str) {
    deal.snapshot.open_cases.remove(key);
    deal.snapshot.answers.0.push(Answer {
        key: key.to_owned(),
        about: about.to_owned(),
        choice: choice.to_owned(),
    });
}

#[test]
fn a_bill_that_is_only_marked_as_paid_is_asked_about_once_nothing_explains_it() {
    let code = "INVOICE-MARKED-PAID";
    let (day, fresh) = (DAY, || marked(invoiced(), ago(60)));
    // Its payment may be on its way for as long as one waits for the accountant.
    let waits = fresh().planned();
    assert_eq!(waits.next_day.unwrap().at, ago(60 - day));
    assert!(waits.cases.is_empty());
    // What is left to be done for the deal does not wait with it.
    assert_eq!(waits.look_again, None);
    let old = || marked(shown([receipt(2, 5_000)]), ago(day));
    let asked = old().planned();
    let text = asked.cases[0].text.replace('\u{a0}', " ");
    for said in [
        "Счёт № 17 от 12.03.2026 отмечен в учёте оплаченным",
        "не хватает 72,00 ₽",
        "`provodka payments settle 17 --kind cash",
        "\n• закрыть отметкой учёта от 11.03.2026 всё, что по счёту ещё открыто (settle)\n",
        "\n• пока не оплачен, пусть остаётся открытым (leave)",
    ] {
        assert!(text.contains(said), "{text}");
    }
    assert_eq!(asked.cases[0].code.as_str(), code);
    let mut told = old();
    told.carry_out(asked);
    assert!(told.planned().is_empty(), "{}", told.plan());
    // Money, also without a bank, or a mark that is taken back answers it.
    let mut paid = told.clone();
    paid.snapshot.receipts.push(receipt(3, 7_200));
    assert_eq!(paid.planned().withdrawn, [code]);
    let taken_back = told.clone().invoice(|it| it.status = InvoiceStatus::Issued);
    assert_eq!(taken_back.planned().withdrawn, [code]);
    // While money of the buyer waits for a decision, that is the question.
    let mut undecided = old();
    let invoice = &undecided.snapshot.invoices[0];
    let of_buyer = (
        invoice.organisation.clone(),
        invoice.draft.buyer.key.who.to_string(),
    );
    let mut known = KnownDays::default();
    known.undecided.insert(of_buyer);
    let known = Arc::new(known);
    undecided.snapshot.known_days = Arc::clone(&known);
    assert!(undecided.planned().is_empty(), "{}", undecided.plan());
    // What was asked before stays, or it would be told once more after each payment.
    let mut asked_before = told.clone();
    asked_before.snapshot.known_days = known;
    assert!(asked_before.planned().is_empty(), "{}", asked_before.plan());
    // It may be decided by the time that this bill would be asked about.
    let waits = marked(undecided, ago(60)).planned();
    assert_eq!(waits.next_day.unwrap().at, ago(60 - day));
    // An answer holds for just this mark.
    let mut left = old();
    let about = told.snapshot.open_cases[code].about.clone();
    answers(&mut left, code, &about, "leave");
    assert!(left.planned().is_empty(), "{}", left.plan());
    money(&mut left).since = Some(ago(2 * day));
    assert_eq!(marked(left, ago(2 * day)).planned().cases.len(), 1);
}

#[test]
fn a_mark_that_is_chosen_closes_just_its_bill_and_taken_back_is_asked_about_anew() {
    let code = "INVOICE-MARKED-PAID";
    let mut it = marked(shown([receipt(2, 5_000)]), ago(DAY));
    let asked = it.planned();
    let closing = asked.cases[0].by_mark.clone().unwrap();
    let invoice = &it.snapshot.invoices[0];
    assert_eq!(closing.organisation, invoice.organisation);
    assert_eq!(closing.invoice, invoice.id);
    assert_eq!(closing.document, "Отметка в учёте об оплате счёта № 17");
    // As the seller's day was when it was seen.
    assert_eq!(closing.dated, date(2026, 3, 11));
    it.carry_out(asked);
    let about = it.snapshot.open_cases[code].about.clone();
    answers(&mut it, code, &about, SETTLE);
    it.snapshot.receipts.push(by_mark(3, 7_200));
    let closed = it.planned();
    assert!(closed.cases.is_empty(), "{}", it.plan());
    let plan = it.plan();
    let entry = "Счёт № 17 закрыт по отметке в учёте на 72,00 ₽ (Отметка в учёте об оплате счёта № 17, 12.03.2026; \
                 записал(а) Анна): оплачен полностью";
    assert!(plan.contains(entry), "{plan}");
    it.snapshot.receipts[1].undone = Some((9, "поспешили".to_owned()));
    let anew = it.planned();
    assert_eq!(anew.cases.len(), 1, "{}", it.plan());
    assert_eq!(anew.cases[0].key, code);
}

#[test]
fn a_bill_that_was_closed_by_its_mark_is_asked_about_once_the_mark_is_gone() {
    let code = "PAID-MARK-GONE";
    let is_asked = |it: &TestDeal| it.planned().cases.iter().any(|case| case.key == code);
    let mark = format!("whole/1={}", ago(DAY).as_second());
    let closed = || {
        let mut it = marked(shown([by_mark(2, 12_200)]), ago(DAY));
        answers(&mut it, "INVOICE-MARKED-PAID", &mark, SETTLE);
        assert!(!is_asked(&it), "{}", it.plan());
        it
    };
    let unmarked = |it: TestDeal, status| {
        it.invoice(|it| {
            it.status = status;
            it.paid_since = None;
        })
    };
    let gone = || unmarked(closed(), InvoiceStatus::Issued);
    let plan = gone().planned();
    let text = plan.cases[0].text.replace('\u{a0}', " ");
    assert_eq!(plan.cases[0].key, code);
    for said in [
        "Счёт № 17 от 12.03.2026 закрыт по отметке в учёте на 122,00 ₽ (записал(а) Анна), а отметку там сняли",
        "`provodka payments unsettle 2`",
        "\n• оставить закрытым (leave)",
    ] {
        assert!(text.contains(said), "{text}");
    }
    assert!(is_asked(&unmarked(closed(), InvoiceStatus::PartiallyPaid)));
    let mut told = gone();
    told.carry_out(plan);
    assert!(!is_asked(&told), "{}", told.plan());
    // Taken back, or marked once more, it is no question; nor is a bill that is no more.
    let mut undone = told.clone();
    undone.snapshot.receipts[0].undone = Some((9, "не оплачен".to_owned()));
    assert_eq!(undone.planned().withdrawn, [code]);
    assert_eq!(marked(told.clone(), ago(60)).planned().withdrawn, [code]);
    let cancelled = unmarked(told.clone(), InvoiceStatus::Cancelled);
    assert!(cancelled.planned().withdrawn.contains(&code.to_owned()));
    // An answer holds for just that settlement.
    answers(&mut told, code, "transaction/2", "leave");
    assert!(!is_asked(&told), "{}", told.plan());
    told.snapshot.receipts[0].transaction = 5;
    assert!(is_asked(&told), "{}", told.plan());
    // Nobody misses a mark that nobody chose.
    let mut by_hand = gone();
    by_hand.snapshot.answers.0.clear();
    assert!(!is_asked(&by_hand), "{}", by_hand.plan());
}

#[test]
fn a_mark_whose_payment_is_not_read_is_no_question() {
    let is_silent = |it: &TestDeal| {
        let plan = it.planned();
        plan.cases.is_empty() && plan.next_day.is_none()
    };
    // Payments are read from the start on.
    assert!(!is_silent(&marked(invoiced(), ago(DAY))));
    assert!(is_silent(&marked(invoiced(), ago(DAY + 1))));
    let since = |at| marked(invoiced(), ago(DAY)).with(|it| money(it).since = Some(at));
    assert!(!is_silent(&since(ago(DAY))));
    assert!(is_silent(&since(ago(DAY - 1))));
    // Nobody wrote down when it was marked.
    let unknown = marked(invoiced(), ago(DAY)).invoice(|it| it.paid_since = None);
    assert!(is_silent(&unknown));
}

#[test]
fn where_statements_are_brought_one_of_the_day_of_the_mark_is_waited_for() {
    // One in the morning of 12 March at the seller's.
    let mark = ago(11 * 3_600);
    let brought = |spans: &[(Date, Date)]| {
        let known = known(spans);
        marked(invoiced(), mark).with(|it| {
            money(it).wait_hours = 1;
            it.snapshot.known_days = known.into();
        })
    };
    let eve = [(date(2026, 3, 1), date(2026, 3, 11))];
    let day = [(date(2026, 3, 1), date(2026, 3, 12))];
    let later = [(date(2026, 3, 13), date(2026, 3, 13))];
    let behind = brought(&eve).planned();
    assert!(behind.cases.is_empty());
    let next = behind.next_day.unwrap();
    assert!(next.waits_for_accounts);
    // Nothing waits unseen for longer.
    assert_eq!(next.at, mark + SignedDuration::from_hours(30 * 24));
    let late = |seconds: i64| {
        let mut it = brought(&[(date(2026, 1, 1), date(2026, 1, 30))]);
        money(&mut it).since = Some(ago(31 * DAY));
        marked(it, ago(seconds)).planned().cases.len()
    };
    assert_eq!((late(30 * DAY - 1), late(30 * DAY)), (0, 1));
    // Where none was brought, or none of that day will be, none is waited for.
    for spans in [&day[..], &later, &[]] {
        let asked = brought(spans);
        assert_eq!(asked.planned().cases.len(), 1, "{spans:?}");
    }
    let nameless = brought(&eve).with(|it| money(it).accounts.clear());
    assert_eq!(nameless.planned().cases.len(), 1);
    // What was asked before the first statement stays.
    let mut told = brought(&[]);
    told.carry_out(told.planned());
    told.snapshot.known_days = known(&eve).into();
    assert!(told.planned().is_empty(), "{}", told.plan());
}

#[test]
fn without_a_wait_the_payments_that_came_with_the_mark_are_read_first() {
    let at_once = |at| marked(invoiced(), at).with(|it| money(it).wait_hours = 0);
    let seen = at_once(ago(0)).planned();
    assert!(seen.cases.is_empty());
    let next = seen.next_day.unwrap();
    assert_eq!(next.at, ago(-600));
    assert!(!next.waits_for_accounts);
    assert_eq!(at_once(ago(600)).planned().cases.len(), 1);
}
