//! The accounting side's payments: page by page with their cursor, at the pace of what comes, and one that is broken keeps
//! no other back.

use capability::accounting::{PaymentPage, ToldPayment, UnreadablePayment};
use domain::payment::{AccountNumber, Direction, LineId, OtherSide, PaymentOrder};
use domain::{Inn, InvoiceId, Money};
use jiff::civil::date;
use jiff::{SignedDuration, Timestamp};
use planner::{Booking, KnownBy, MoneyPolicy, Overdue};
use store::{PaymentFilter, PaymentState};
use testkit::builders::portal;
use testkit::time::{at, paused};

use crate::desk::Desk;
use crate::office::Trouble;

fn told(id: &str, kopecks: i64) -> ToldPayment {
    ToldPayment {
        id: LineId(id.to_owned()),
        order: PaymentOrder {
            own_account: AccountNumber::new("40702810200000012345").unwrap(),
            direction: Direction::In,
            form: None,
            number: id.to_owned(),
            date: date(2026, 3, 11),
            booked: None,
            amount: Money::from_kopecks(kopecks),
            other: OtherSide {
                inn: Some(Inn::parse("7707083893").unwrap()),
                ..OtherSide::default()
            },
            purpose: "Оплата".to_owned(),
        },
        deleted: false,
        allocations: Vec::new(),
    }
}

fn page(payments: Vec<ToldPayment>) -> PaymentPage {
    PaymentPage {
        payments,
        ..PaymentPage::default()
    }
}

fn since() -> Timestamp {
    at(0) - SignedDuration::from_secs(100)
}

/// A desk whose accountant decides.
async fn desk(pages: Vec<PaymentPage>) -> Desk {
    let desk = Desk::open().await;
    desk.set_policy(|policy| {
        policy.money = Some(MoneyPolicy {
            booking: Some(Booking::Accounting),
            since: Some(since()),
            wait_hours: 24,
            refunds: planner::Refunds::default(),
            registers: planner::Registers::default(),
            accounts: Vec::new(),
            stages: Vec::new(),
            overdue: None,
        });
    });
    desk.office.state().payments = pages;
    desk.task("followed").await;
    desk
}

async fn states(desk: &Desk) -> Vec<PaymentState> {
    let all = desk
        .store
        .money_list(&portal(), &PaymentFilter::default())
        .await
        .unwrap();
    all.iter().map(|one| one.state).collect()
}

#[test]
fn pages_are_read_on_from_the_last_that_was_recorded() {
    paused(async {
        let desk = desk(vec![
            page(vec![told("1", 100)]),
            page(vec![told("2", 200)]),
            page(Vec::new()),
        ])
        .await;
        desk.office.order_after(1, "payments", Trouble::Shut);
        desk.run(3).await;
        assert_eq!(states(&desk).await.len(), 1, "the second page did not come");
        desk.task("feed").await;
        desk.task("followed").await;
        desk.run(400).await;
        assert_eq!(states(&desk).await, [PaymentState::New; 2]);
        let asked = desk.office.state().payments_from.clone();
        assert_eq!(asked[0], since().to_string(), "policy says since when");
        assert_eq!(asked[1..4], ["1", "1", "2"]);
        assert!(asked[4..].iter().all(|from| from == "2"), "{asked:?}");
    });
}

#[test]
fn the_list_is_read_as_often_as_something_comes() {
    paused(async {
        let desk = desk(vec![page(vec![told("1", 100)])]).await;
        let mut looks = Vec::new();
        for second in 0..1_000_u64 {
            desk.run(1).await;
            let asked = desk.office.state().payments_from.len();
            if looks.last().is_none_or(|(_, known)| *known < asked) {
                looks.push((second, asked));
            }
        }
        let at: Vec<u64> = looks.iter().map(|(second, _)| *second).collect();
        for pair in at.windows(2) {
            // As long again as nothing came, within the bounds; a look takes its moment.
            let rest = pair[0].clamp(5, 300);
            assert!((rest..=rest + 2).contains(&(pair[1] - pair[0])), "{at:?}");
        }
        assert!(at.len() >= 9, "{at:?}");
        // Something comes: at most five minutes later it is known, and then it is asked often again.
        desk.office.state().payments = vec![page(vec![told("1", 100), told("2", 100)])];
        let asked = desk.office.state().payments_from.len();
        desk.run(301).await;
        assert_eq!(states(&desk).await.len(), 2);
        desk.run(300).await;
        let more = desk.office.state().payments_from.len() - asked;
        assert!(more >= 7, "at rest it would be 2 or 3, and is {more}");
    });
}

#[test]
fn a_hint_has_the_list_read_now_and_soon_again_as_it_may_come_before_the_payment() {
    paused(async {
        let desk = desk(vec![page(Vec::new())]).await;
        desk.run(1_000).await;
        let asked = || desk.office.state().payments_from.len();
        let hint = async || {
            let apart = SignedDuration::from_secs(5);
            let (portal, now) = (portal(), desk.clock.now());
            let hinted = desk.store.accounting_hint(&portal, apart, now);
            hinted.await.unwrap();
        };
        // Where nothing ever came it is at rest.
        let before = asked();
        desk.run(250).await;
        assert!(asked() <= before + 1, "{before}");
        let before = asked();
        hint().await;
        desk.run(1).await;
        assert_eq!(asked(), before + 1, "at once");
        // The list lagged: what the hint was given for shows only now.
        desk.office.state().payments = vec![page(vec![told("1", 100)])];
        desk.run(6).await;
        assert_eq!(states(&desk).await.len(), 1, "soon after the hint");
    });
}

#[test]
fn a_broken_payment_is_asked_about_once_and_the_others_are_read() {
    paused(async {
        let broken = UnreadablePayment {
            id: LineId("9".to_owned()),
            number: "9 [url=x]".to_owned(),
            date: "soon".to_owned(),
            field: "sum",
            but_for_account: None,
        };
        let both = PaymentPage {
            unreadable: vec![broken],
            ..page(vec![told("1", 100)])
        };
        let desk = desk(vec![both]).await;
        desk.set_policy(|policy| policy.accountant = Some("chat14".to_owned()));
        desk.run(60).await;
        assert_eq!(states(&desk).await.len(), 1);
        let open = desk.open_cases().await;
        assert_eq!(
            (open.len(), open[0].facts.code.as_str()),
            (1, "ACCOUNTING-PAYMENT")
        );
        assert!(
            open[0].facts.text.starts_with("Платёж № 9 (url=x) от soon"),
            "{}",
            open[0].facts.text
        );
        assert_eq!(desk.office.state().chat.len(), 1, "told once");
        let story = desk.office.story();
        assert!(story.contains("chat chat14: Платёж № 9"), "{story}");
        desk.office.state().payments = vec![page(vec![told("9", 100)])];
        desk.run(400).await;
        assert!(desk.open_cases().await.is_empty());
        assert_eq!(states(&desk).await.len(), 2);
    });
}

/// It names none of our several accounts; the main one is another than where it was known.
fn without_account(payment: ToldPayment) -> UnreadablePayment {
    UnreadablePayment {
        id: payment.id.clone(),
        number: payment.order.number.clone(),
        date: payment.order.date.to_string(),
        field: "bankAccountId",
        but_for_account: Some(Box::new(on_main(payment))),
    }
}

fn on_main(mut payment: ToldPayment) -> ToldPayment {
    payment.order.own_account = AccountNumber::new("40702810900000000009").unwrap();
    payment
}

#[test]
fn a_payment_without_our_account_stays_where_it_is_known_until_that_is_named() {
    paused(async {
        let desk = desk(vec![page(vec![told("1", 100)])]).await;
        desk.run(10).await;
        let mut given = told("1", 100);
        given.allocations = vec![(InvoiceId::new("nobody's"), Money::from_kopecks(100))];
        let tell = async |page: PaymentPage| {
            desk.office.state().payments = vec![page];
            desk.run(400).await;
        };
        tell(PaymentPage {
            unreadable: vec![
                without_account(given.clone()),
                without_account(told("2", 200)),
            ],
            ..PaymentPage::default()
        })
        .await;
        assert_eq!(
            states(&desk).await,
            [PaymentState::Booked],
            "what the accountant gives of it is followed"
        );
        assert_eq!(desk.questions().await, ["unreadable/org/2"], "not guessed");
        // It is named: what is on another account than it was known on is another payment, with what was given of it.
        tell(page(vec![on_main(given), told("2", 200)])).await;
        assert!(desk.open_cases().await.is_empty());
        let (gone, new, booked) = (PaymentState::Aside, PaymentState::New, PaymentState::Booked);
        assert_eq!(states(&desk).await, [gone, booked, new]);
    });
}

#[test]
fn while_a_payment_cannot_be_read_the_days_are_not_known() {
    paused(async {
        let broken = UnreadablePayment {
            id: LineId("9".to_owned()),
            number: "9".to_owned(),
            date: "soon".to_owned(),
            field: "sum",
            but_for_account: None,
        };
        let page_with = PaymentPage {
            unreadable: vec![broken],
            ..page(vec![told("1", 100)])
        };
        let desk = desk(Vec::new()).await;
        desk.set_policy(|policy| {
            policy.money.as_mut().unwrap().overdue = Some(Overdue {
                known_by: KnownBy::Accounting,
                ..Overdue::default()
            });
        });
        desk.office.state().payments = vec![page_with, page(vec![told("2", 100)])];
        let read = async || {
            let read = desk.store.fact_get(&portal(), "payments-read/org").await;
            read.unwrap()
        };
        desk.task("followed").await;
        desk.run(400).await;
        assert_eq!(states(&desk).await.len(), 2);
        assert_eq!(read().await, None);
        // It is mended in the accounting program.
        desk.office
            .state()
            .payments
            .push(page(vec![told("9", 100)]));
        desk.run(400).await;
        assert!(desk.open_cases().await.is_empty());
        assert_eq!(read().await.as_deref(), Some("2026-03-12"));
    });
}

#[test]
fn what_the_ledger_does_not_bear_is_asked_about_until_it_does() {
    paused(async {
        let mut payment = told("1", 100);
        // Somebody else's bill is not judged by us; one of ours that is too small is.
        payment.allocations = vec![(InvoiceId::new("nobody's"), Money::from_kopecks(100))];
        let desk = desk(vec![page(vec![payment.clone()])]).await;
        desk.run(10).await;
        assert_eq!(
            (states(&desk).await, desk.questions().await.len()),
            (vec![PaymentState::Booked], 0)
        );
        desk.deal_enters(1).await;
        desk.run(60).await;
        let bill = desk.office.state().bills[0].invoice.clone();
        let too_much = bill.totals.gross.kopecks() + 1;
        let mut large = told("2", too_much);
        large.allocations = vec![(bill.id.clone(), Money::from_kopecks(too_much))];
        desk.office.state().payments = vec![page(vec![payment.clone(), large.clone()])];
        desk.run(400).await;
        assert_eq!(desk.questions().await, ["not-taken/org/2"]);
        large.allocations[0].1 = bill.totals.gross;
        desk.office.state().payments = vec![page(vec![payment, large])];
        desk.run(400).await;
        assert!(desk.open_cases().await.is_empty());
        assert_eq!(states(&desk).await, [PaymentState::Booked; 2]);
    });
}
