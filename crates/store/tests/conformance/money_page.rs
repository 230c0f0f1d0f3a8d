//! Payments as a page shows them: by the bank's day from the newest back, found by what people know, page after page
//! without a gap or a double.

use domain::payment::{AccountNumber, LineId, PaymentKind, PaymentOrder, SourceId};
use domain::{DealId, Inn, InvoiceId, Money, OrganisationId, Slot, SlotKind};
use jiff::civil::{Date, date};
use serde_json::json;
use store::*;

use crate::money::{line, order};
use crate::support::*;

const OTHER: &str = "7728168971";

async fn see(db: &Db, of: &str, orders: Vec<PaymentOrder>) {
    let lines: Vec<SeenLine> = orders
        .into_iter()
        .enumerate()
        .map(|(place, order)| SeenLine {
            line: LineId(place.to_string()),
            order,
            organisation: OrganisationId::new("us"),
            kind: PaymentKind::Incoming,
        })
        .collect();
    let source = SourceId("statement/x".to_owned());
    let of = portal(of);
    db.store
        .money_see(&of, &source, &lines, at(1))
        .await
        .unwrap();
}

fn on(day: Date, order: PaymentOrder) -> PaymentOrder {
    PaymentOrder {
        booked: Some(day),
        ..order
    }
}

/// Eight payments: number, day, payer and account differ.
async fn fill(db: &Db) {
    for name in ["a", "b"] {
        db.store.portal_put(&a_portal(name)).await.unwrap();
    }
    let mut orders = Vec::new();
    for (number, day) in [
        ("1", 10),
        ("2", 12),
        ("3", 11),
        ("4", 12),
        ("5", 12),
        ("6", 9),
    ] {
        orders.push(on(date(2026, 3, day), order(number, 100)));
    }
    let mut of_other = on(date(2026, 3, 13), order("2", 700));
    of_other.other.inn = Some(Inn::parse(OTHER).unwrap());
    orders.push(of_other);
    // Not told when it was booked: the order's own day counts.
    let mut elsewhere = order("8", 800);
    elsewhere.own_account = AccountNumber::new("40702810900000000009").unwrap();
    elsewhere.booked = None;
    elsewhere.date = date(2026, 3, 14);
    orders.push(elsewhere);
    see(db, "a", orders).await;
    see(db, "b", vec![order("99", 9_900)]).await;
}

async fn found(db: &Db, filter: PageFilter) -> Vec<String> {
    let filter = PageFilter {
        limit: 100,
        ..filter
    };
    let page = db.store.money_page(&portal("a"), &filter).await.unwrap();
    assert_eq!(page.next, None);
    page.payments
        .into_iter()
        .map(|one| one.order.number)
        .collect()
}

conformance! {
    async fn pages_follow_one_another_by_day_and_number(db: &Db) {
        fill(db).await;
        let mut filter = PageFilter { limit: 3, ..PageFilter::default() };
        let mut pages = Vec::new();
        loop {
            let page = db.store.money_page(&portal("a"), &filter).await.unwrap();
            pages.push(page.payments.iter().map(|one| one.order.number.clone()).collect::<Vec<_>>());
            filter.after = page.next;
            if page.next.is_none() {
                break;
            }
        }
        assert_eq!(pages, [vec!["8", "2", "5"], vec!["4", "2", "3"], vec!["1", "6"]]);
    }

    async fn what_statements_showed_of_a_day_and_these_do_not_is_named(db: &Db) {
        db.store.portal_put(&a_portal("a")).await.unwrap();
        let named = |name: &str| SourceId(format!("statement/{name}"));
        let next_day = on(date(2026, 3, 13), order("3", 300));
        let early = [line(1, order("1", 100)), line(2, order("2", 200)), line(3, next_day)];
        let new = db.store.money_see(&portal("a"), &named("early"), &early, at(1)).await.unwrap().new;
        let last = [line(1, order("2", 200))];
        db.store.money_see(&portal("a"), &named("last"), &last, at(2)).await.unwrap();
        let span = AccountSpan {
            account: AccountNumber::new("40702810200000012345").unwrap(),
            from: date(2026, 3, 12),
            to: date(2026, 3, 12),
        };
        let of_others = AccountSpan {
            account: AccountNumber::new("40702810900000000009").unwrap(),
            ..span.clone()
        };
        for (span, sources, expected) in [
            (&span, vec![named("last")], &new[..1]),
            (&span, vec![named("none"), named("last")], &new[..1]),
            (&span, vec![named("none")], &new[..2]),
            (&span, vec![named("early")], &[]),
            (&of_others, vec![named("none")], &[]),
        ] {
            let spans = std::slice::from_ref(span);
            let missing = db.store.money_not_shown(&portal("a"), spans, &sources).await.unwrap();
            assert_eq!(missing, expected, "{sources:?}");
        }
        // Somebody gave it to nothing: that is what was to be done.
        let left = Decision {
            payment: new[0],
            undone: 0,
            seen: None,
            undecided: Vec::new(),
            ruling: Ruling::Leave,
            because: "банк не провёл".to_owned(),
        };
        assert_eq!(db.store.money_decide(&portal("a"), &[left], at(3)).await.unwrap(), [Decided::Done]);
        let missing = db.store.money_not_shown(&portal("a"), &[span], &[named("last")]).await.unwrap();
        assert_eq!(missing, [0_i64; 0]);
    }

    async fn a_payment_is_found_by_what_people_know_of_it(db: &Db) {
        fill(db).await;
        let usual = PageFilter::default;
        let day = |day| Some(date(2026, 3, day));
        for (filter, expected) in [
            (PageFilter { from: day(13), ..usual() }, &["8", "2"][..]),
            (PageFilter { to: day(10), ..usual() }, &["1", "6"]),
            (PageFilter { from: day(12), to: day(12), ..usual() }, &["5", "4", "2"]),
            (PageFilter { from: day(12), to: day(11), ..usual() }, &[]),
            (PageFilter { order: Some("2".to_owned()), ..usual() }, &["2", "2"]),
            (PageFilter { order: Some("2".to_owned()), to: day(12), ..usual() }, &["2"]),
            (PageFilter { order: Some("99".to_owned()), ..usual() }, &[]),
            (PageFilter { payer: Some(Inn::parse(OTHER).unwrap()), ..usual() }, &["2"]),
            (PageFilter { order: Some("1".to_owned()), payer: Some(Inn::parse(OTHER).unwrap()), ..usual() }, &[]),
            (PageFilter { account: AccountNumber::new("40702810900000000009"), ..usual() }, &["8"]),
            (PageFilter { state: Some(PaymentState::Booked), ..usual() }, &[]),
            (PageFilter { state: Some(PaymentState::New), from: day(14), ..usual() }, &["8"]),
        ] {
            assert_eq!(found(db, filter.clone()).await, expected, "{filter:?}");
        }
    }

    async fn balances_and_the_story_of_a_payment_tell_what_was_given_and_taken_back(db: &Db) {
        let lease = leased(db, 1).await;
        let us = OrganisationId::new("us");
        let link = InvoiceLink {
            deal: DealId(1),
            slot: Slot { kind: SlotKind::Whole, generation: 1 },
            organisation: us.clone(),
            invoice: InvoiceId::new("i1"),
            contractor: domain::ContractorId::new("c"),
            number: "17".to_owned(),
            date: date(2026, 3, 1),
            total: Money::from_kopecks(1_000),
            revision: "r".to_owned(),
            status: "issued".to_owned(),
            live: true,
            draft: json!({"draft": {"buyer": {"key": {"inn": "7707083893"}}}}),
            updated_at: at(0),
        };
        let record = Record { invoice_links: vec![link], ..Record::default() };
        db.store.record(&lease, record, at(2)).await.unwrap();
        see(db, "a", vec![order("5", 700)]).await;
        let invoice = InvoiceRef { organisation: us, invoice: InvoiceId::new("i1") };
        let shares = vec![BookedShare { invoice: invoice.clone(), amount: Money::from_kopecks(700) }];
        let ruling = Ruling::Book { shares, author: "rule".to_owned(), chosen: false, by_parts: None };
        let decision = Decision { payment: 1, undone: 0, seen: None, undecided: Vec::new(), ruling, because: "счёт № 17".to_owned() };
        let decided = db.store.money_decide(&portal("a"), &[decision], at(3)).await.unwrap();
        assert_eq!(decided, [Decided::Done]);
        let stranger = InvoiceRef { organisation: OrganisationId::new("them"), invoice: InvoiceId::new("i1") };
        let balances = db.store.money_balances(&portal("a"), &[invoice.clone(), stranger.clone()]).await.unwrap();
        assert_eq!(balances.keys().collect::<Vec<_>>(), [&invoice]);
        let balance = &balances[&invoice];
        assert_eq!((balance.deal, balance.number.as_str()), (DealId(1), "17"));
        assert_eq!((balance.paid, balance.open()), (Money::from_kopecks(700), Money::from_kopecks(300)));
        assert!(db.store.money_balances(&portal("b"), std::slice::from_ref(&invoice)).await.unwrap().is_empty());
        let undone = db.store.money_undo(&portal("a"), 1, ("anna", "письмо № 4"), date(2026, 3, 20), at(4)).await.unwrap();
        assert!(matches!(undone, WasUndone::Done(_)));
        let story = db.store.money_story(&portal("a"), 1).await.unwrap();
        let told: Vec<_> = story
            .iter()
            .map(|line| (line.kind.as_str(), line.author.as_str(), line.because.as_str(), line.share.clone().map(|(_, amount)| amount.kopecks())))
            .collect();
        assert_eq!(told, [
            ("payment", "statement", "", None),
            ("allocation", "rule", "счёт № 17", Some(700)),
            ("correction", "anna", "письмо № 4", Some(-700)),
        ]);
        assert_eq!(story[2].dated, date(2026, 3, 20));
        assert!(db.store.money_story(&portal("b"), 1).await.unwrap().is_empty());
    }
}
