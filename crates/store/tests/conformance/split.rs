//! A credit of acquiring goes to its sales in one transaction whose sums close, or not at all; and back.

use domain::payment::{Direction, LineId, PaymentKind, PaymentOrder, SourceId};
use domain::{DealId, Money, OrganisationId};
use jiff::civil::date;
use store::*;

use crate::followed::{follow, gave, told};
use crate::money::{book, decide, line, link, listed, order, put, receipts, see, share, undo};
use crate::support::*;

fn split(shares: &[(&str, i64)], commission: i64, other: i64) -> Split {
    Split {
        payment: 1,
        shares: shares
            .iter()
            .map(|(number, sum)| share(number, *sum))
            .collect(),
        commission: Money::from_kopecks(commission),
        other: Money::from_kopecks(other),
        seen: None,
        because: "реестр № 4 от 12.03.2026".to_owned(),
        of_parts: "по частям".to_owned(),
        by: "anna".to_owned(),
        today: date(2026, 4, 1),
    }
}

/// Of one payment to one invoice.
pub(crate) fn of(
    (payment, invoice): (i64, &str),
    amount: i64,
    commission: i64,
    other: i64,
) -> Split {
    Split {
        payment,
        ..split(&[(invoice, amount)], commission, other)
    }
}

async fn order_split(db: &Db, wanted: &Split) -> WasSplit {
    let done = db.store.money_split(&portal("a"), wanted, at(4)).await;
    done.unwrap()
}

/// Refused, and said so before.
async fn refused(db: &Db, wanted: &Split) -> SplitRefused {
    let before = db.store.money_split_preview(&portal("a"), wanted).await;
    match (before.unwrap(), order_split(db, wanted).await) {
        (Some(before), WasSplit::Refused(refused)) if before == refused => refused,
        other => panic!("{other:?}"),
    }
}

async fn done(db: &Db, wanted: &Split) -> Vec<DealId> {
    match order_split(db, wanted).await {
        WasSplit::Done { deals, .. } => deals,
        refused @ WasSplit::Refused(_) => panic!("{refused:?}"),
    }
}

async fn last(db: &Db) -> i64 {
    let last = db.store.money_last(&portal("a"), &[1]).await.unwrap();
    last[&1]
}

async fn paid(db: &Db, deal: u64) -> i64 {
    let receipts = receipts(db, deal).await.into_iter();
    let standing = receipts.filter(|one| one.undone.is_none());
    standing.map(|one| one.amount.kopecks()).sum()
}

fn of_kind(place: usize, kind: PaymentKind, order: PaymentOrder) -> SeenLine {
    SeenLine {
        kind,
        ..line(place, order)
    }
}

async fn seen(db: &Db, source: &str, lines: &[SeenLine]) {
    let source = SourceId(source.to_owned());
    let portal = portal("a");
    let seen = db.store.money_see(&portal, &source, lines, at(1));
    seen.await.unwrap();
}

/// A credit of 970 that our rules set aside, and invoices of 600 and 400.
async fn credit(db: &Db) -> Lease {
    let lease = leased(db, 1).await;
    put(db, &lease, vec![link(7, 1, "1", 600), link(8, 1, "2", 400)]).await;
    seen(
        db,
        "march",
        &[of_kind(0, PaymentKind::Register, order("5", 970))],
    )
    .await;
    let aside = Decision {
        ruling: Ruling::Aside,
        ..book(1, 0, Vec::new())
    };
    assert_eq!(decide(db, &[aside]).await, [Decided::Done]);
    lease
}

conformance! {
    async fn a_credit_goes_to_its_sales_with_the_commission_and_back(db: &Db) {
        let lease = credit(db).await;
        // Another organisation has an invoice of that id.
        let theirs = InvoiceLink { organisation: OrganisationId::new("them"), ..link(9, 1, "1", 600) };
        put(db, &lease, vec![theirs]).await;
        let both = split(&[("1", 600), ("2", 400)], 30, 0);
        assert_eq!(db.store.money_split_preview(&portal("a"), &both).await.unwrap(), None);
        assert_eq!((paid(db, 7).await, listed(db).await[0].state), (0, PaymentState::Aside), "it was only asked");
        let before = last(db).await;
        assert_eq!(done(db, &both).await, [DealId(7), DealId(8)]);
        let told = receipts(db, 7).await;
        assert_eq!((told[0].amount.kopecks(), told[0].dated), (600, jiff::civil::date(2026, 3, 12)));
        let all = listed(db).await;
        assert_eq!((all[0].state, all[0].remaining.kopecks(), all[0].invoices.len()), (PaymentState::Booked, 0, 2));
        assert_eq!(all[0].commission(), Some(Money::from_kopecks(30)));
        // Once more it adds nothing.
        assert_eq!(refused(db, &both).await, SplitRefused::Decided);
        // No share of it goes elsewhere alone, and what belongs together is taken back together.
        let letter = Letter {
            payment: 1, from: share("1", 1).invoice, to: share("2", 1).invoice, amount: Some(Money::from_kopecks(1)),
            seen: None,
            because: "письмо № 4".to_owned(), by: "anna".to_owned(), today: jiff::civil::date(2026, 4, 1),
        };
        assert_eq!(db.store.money_move(&portal("a"), &letter, at(4)).await.unwrap(), Moved::Split);
        assert_eq!(undo(db, 1).await.unwrap().deals, [DealId(7), DealId(8)]);
        let all = listed(db).await;
        assert_eq!((all[0].state, all[0].remaining.kopecks(), all[0].invoices.len()), (PaymentState::New, 970, 0));
        assert_eq!((paid(db, 7).await, paid(db, 8).await, all[0].commission()), (0, 0, None));
        assert_eq!(undo(db, 1).await, None);
        // Whoever saw it before sees it anew first.
        let seen = |seen| Split { seen: Some(seen), ..split(&[("1", 600), ("2", 350)], 30, 50) };
        assert_eq!(refused(db, &seen(before)).await, SplitRefused::Changed);
        done(db, &seen(last(db).await)).await;
        assert_eq!(listed(db).await[0].remaining.kopecks(), 50, "sales without an invoice");
        assert_eq!(listed(db).await[0].commission(), Some(Money::from_kopecks(30)));
        let receipt = receipts(db, 8).await.into_iter().find(|one| one.undone.is_none()).unwrap();
        let Means::Payment { remaining, .. } = receipt.means else { panic!() };
        assert!(remaining.is_zero(), "what is left of a register is no buyer's advance");
    }

    async fn what_does_not_close_changes_nothing(db: &Db) {
        credit(db).await;
        let gross = |gross| SplitRefused::NotClosed { net: Money::from_kopecks(970), gross: Money::from_kopecks(gross) };
        let open = |number, open| SplitRefused::MoreThanOpen { invoice: share(number, 1).invoice, open: Money::from_kopecks(open) };
        for (shares, commission, other, expected) in [
            (&[("1", 600), ("2", 400)][..], 29, 0, gross(1_000)),
            (&[("1", 600), ("2", 400)], 31, 0, gross(1_000)),
            (&[("1", 600)], 0, 0, gross(600)),
            (&[("1", 30)], 30, 970, SplitRefused::NothingForInvoices),
            (&[("1", 29)], 30, 971, SplitRefused::NothingForInvoices),
            (&[("1", 601), ("2", 399)], 30, 0, open("1", 600)),
            (&[("9", 1_000)], 30, 0, open("9", 0)),
            (&[], 0, 970, SplitRefused::NoSuchShares),
            (&[("1", 500), ("1", 500)], 30, 0, SplitRefused::NoSuchShares),
            (&[("1", 600), ("2", 400), ("3", 0)], 30, 0, SplitRefused::NoSuchShares),
            (&[("1", 600), ("2", 340)], -30, 0, SplitRefused::NoSuchShares),
            (&[("1", 600), ("2", 400)], 0, -30, SplitRefused::NoSuchShares),
            (&[("1", i64::MAX), ("2", 1)], 30, 0, SplitRefused::NoSuchShares),
        ] {
            assert_eq!(refused(db, &split(shares, commission, other)).await, expected, "{shares:?} {commission} {other}");
        }
        let nobodys = Split { payment: 2, ..split(&[("1", 600)], 0, 0) };
        assert_eq!(refused(db, &nobodys).await, SplitRefused::NoCredit);
        seen(db, "april", &[of_kind(1, PaymentKind::OwnTransfer, order("6", 100))]).await;
        let transfer = Split { payment: 2, ..split(&[("1", 100)], 0, 0) };
        assert_eq!(refused(db, &transfer).await, SplitRefused::NoCredit);
        assert_eq!((receipts(db, 7).await.len(), listed(db).await[0].state), (0, PaymentState::Aside));
        // What a person left is taken back first.
        see(db, "may", &[order("7", 600)]).await;
        let leave = Decision { ruling: Ruling::Leave, ..book(3, 0, Vec::new()) };
        decide(db, &[leave]).await;
        let left = Split { payment: 3, ..split(&[("1", 600)], 0, 0) };
        assert_eq!(refused(db, &left).await, SplitRefused::Decided);
    }

    async fn what_accounting_counted_before_is_no_sale_of_a_credit_that_came_later(db: &Db) {
        let lease = leased(db, 1).await;
        let adopted = |deal, number: &str, day: &str| {
            let mut adopted = link(deal, 1, number, 100);
            adopted.draft["paid_before"] = serde_json::json!(60);
            adopted.draft["adopted_on"] = serde_json::json!(day);
            adopted
        };
        put(db, &lease, vec![adopted(7, "1", "2026-03-11"), adopted(8, "2", "2026-03-12")]).await;
        see(db, "march", &[order("5", 141)]).await;
        let (invoice, open) = (share("1", 1).invoice, Money::from_kopecks(40));
        let too_much = split(&[("1", 41), ("2", 100)], 0, 0);
        assert_eq!(refused(db, &too_much).await, SplitRefused::MoreThanOpen { invoice, open });
        assert_eq!(done(db, &split(&[("1", 40), ("2", 100)], 0, 1)).await, [DealId(7), DealId(8)]);
        assert_eq!((paid(db, 7).await, paid(db, 8).await), (40, 100));
    }

    async fn what_was_taken_for_one_buyers_money_is_no_longer_his(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 600), link(8, 1, "2", 500)]).await;
        see(db, "march", &[order("5", 970)]).await;
        done(db, &split(&[("1", 600), ("2", 350)], 30, 50)).await;
        let credit = &listed(db).await[0];
        assert_eq!((credit.kind, credit.commission()), (PaymentKind::Register, Some(Money::from_kopecks(30))));
        // Nothing of it goes back to him, off an invoice or off what is left.
        let back = PaymentOrder { direction: Direction::Out, ..order("9", 50) };
        seen(db, "refunds", &[SeenLine { line: LineId("9".to_owned()), ..of_kind(0, PaymentKind::RefundOut, back) }]).await;
        let of_share = RefundPart { payment: 1, invoice: Some(share("1", 50).invoice), amount: Money::from_kopecks(50) };
        let of_rest = RefundPart { invoice: None, ..of_share.clone() };
        for part in [of_share, of_rest] {
            let ruling = Ruling::TakeOff { parts: vec![part], author: "rule".to_owned() };
            let refund = Decision { ruling, ..book(2, 0, Vec::new()) };
            assert_eq!(decide(db, &[refund]).await, [Decided::Refused]);
        }
        // What was split by mistake is one buyer's again, and matched like any other.
        undo(db, 1).await.unwrap();
        let credit = async || {
            let credit = listed(db).await.remove(0);
            (credit.kind, credit.state, credit.remaining.kopecks())
        };
        assert_eq!(credit().await, (PaymentKind::Incoming, PaymentState::New, 970));
        assert_eq!(decide(db, &[book(1, 1, vec![share("1", 600)])]).await, [Decided::Done]);
        assert_eq!(credit().await, (PaymentKind::Incoming, PaymentState::Booked, 370));
        undo(db, 1).await.unwrap();
        assert_eq!(credit().await, (PaymentKind::Incoming, PaymentState::New, 970));
    }

    async fn the_accountants_word_makes_what_was_split_by_mistake_one_buyers_again(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 970), link(8, 1, "2", 500)]).await;
        see(db, "march", &[order("5", 970)]).await;
        done(db, &split(&[("1", 500), ("2", 470)], 0, 0)).await;
        let followed = follow(db, &lease, vec![gave("x", order("5", 970), &[("1", 900)])]).await;
        assert_eq!((followed.not_taken, paid(db, 7).await, paid(db, 8).await), (vec![], 900, 0));
        assert_eq!((listed(db).await[0].kind, listed(db).await[0].remaining.kopecks()), (PaymentKind::Incoming, 70));
        // A credit of many sales stays one.
        seen(db, "registers", &[of_kind(0, PaymentKind::Register, order("6", 70))]).await;
        done(db, &of((2, "1"), 70, 0, 0)).await;
        undo(db, 2).await.unwrap();
        assert_eq!(listed(db).await.iter().find(|one| one.number == 2).unwrap().kind, PaymentKind::Register);
    }

    async fn the_accountants_word_takes_a_split_back_whole(db: &Db) {
        let lease = credit(db).await;
        done(db, &split(&[("1", 600), ("2", 400)], 30, 0)).await;
        let his = |given: &[(&str, i64)]| FollowedPayment {
            line: SeenLine { kind: PaymentKind::Register, ..told("x", order("5", 970)).line },
            ..gave("x", order("5", 970), given)
        };
        // He has the payment and says nothing of it, or the same: it stays as it is.
        let nothing: &[(&str, i64)] = &[];
        for given in [nothing, &[("1", 600), ("2", 400)]] {
            let followed = follow(db, &lease, vec![his(given)]).await;
            assert_eq!(followed.not_taken, vec![]);
            assert_eq!((paid(db, 7).await, paid(db, 8).await), (600, 400));
            assert_eq!(listed(db).await[0].commission(), Some(Money::from_kopecks(30)));
        }
        // He gives what came to one of the sales, and leaves the other as it was: its commission is gone with the split.
        let followed = follow(db, &lease, vec![his(&[("1", 570), ("2", 400)])]).await;
        assert_eq!(followed.not_taken, vec![]);
        assert_eq!((paid(db, 7).await, paid(db, 8).await, listed(db).await[0].remaining.kopecks()), (570, 400, 0));
        assert_eq!(listed(db).await[0].commission(), None);
        // With the commission he would give more than came.
        let followed = follow(db, &lease, vec![his(&[("1", 600), ("2", 400)])]).await;
        assert_eq!(followed.not_taken.len(), 1);
    }

    async fn what_two_people_split_at_once_is_split_once(db: &Db) {
        if db.form == Form::Inline {
            return; // Its one connection is not to be written beside.
        }
        credit(db).await;
        let another = db.another().await;
        let (one, two) = (split(&[("1", 600), ("2", 400)], 30, 0), split(&[("1", 600)], 0, 370));
        let (id, now) = (portal("a"), at(4));
        let (one, two) = tokio::join!(db.store.money_split(&id, &one, now), another.money_split(&id, &two, now));
        let done = |one: &WasSplit| matches!(one, WasSplit::Done { .. });
        let (one, two) = (one.unwrap(), two.unwrap());
        assert!(done(&one) != done(&two), "{one:?} {two:?}");
        let late = WasSplit::Refused(SplitRefused::Decided);
        assert!([&one, &two].contains(&&late), "{one:?} {two:?}");
    }
}
