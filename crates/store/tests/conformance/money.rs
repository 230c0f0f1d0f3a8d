//! Money: each payment is counted once, given to invoices by the rules of the ledger, and shown to its deal.

use std::collections::BTreeMap;

use domain::ledger::{Ledger, Transaction, TransactionId};
use domain::matching::Share;
use domain::payment::{
    AccountNumber, Direction, LineId, OtherSide, PaymentId, PaymentKind, PaymentOrder, Sightings,
    SourceId,
};
use domain::purpose::NumberKey;
use domain::{DealId, Inn, InvoiceId, Money, OrganisationId, Slot, SlotKind};
use jiff::civil::date;
use serde_json::json;
use store::*;

use crate::support::*;

const BUYER: &str = "7707083893";

pub(crate) fn order(number: &str, kopecks: i64) -> PaymentOrder {
    PaymentOrder {
        own_account: AccountNumber::new("40702810200000012345").unwrap(),
        direction: Direction::In,
        form: None,
        number: number.to_owned(),
        date: date(2026, 3, 11),
        booked: Some(date(2026, 3, 12)),
        amount: Money::from_kopecks(kopecks),
        other: OtherSide {
            inn: Some(Inn::parse(BUYER).unwrap()),
            ..OtherSide::default()
        },
        purpose: format!("Оплата {number}"),
    }
}

pub(crate) fn line(place: usize, order: PaymentOrder) -> SeenLine {
    SeenLine {
        line: LineId(place.to_string()),
        order,
        organisation: OrganisationId::new("us"),
        kind: PaymentKind::Incoming,
    }
}

pub(crate) async fn see(db: &Db, source: &str, orders: &[PaymentOrder]) -> Counted {
    let lines: Vec<SeenLine> = orders
        .iter()
        .cloned()
        .enumerate()
        .map(|(at, one)| line(at, one))
        .collect();
    let source = SourceId(source.to_owned());
    db.store
        .money_see(&portal("a"), &source, &lines, at(1))
        .await
        .unwrap()
}

/// An invoice of a deal, as the look that issued it records it.
pub(crate) fn link(deal: u64, generation: u32, number: &str, total: i64) -> InvoiceLink {
    InvoiceLink {
        deal: DealId(deal),
        slot: Slot {
            kind: SlotKind::Whole,
            generation,
        },
        organisation: OrganisationId::new("us"),
        invoice: InvoiceId::new(format!("id-{number}")),
        contractor: domain::ContractorId::new("c"),
        number: number.to_owned(),
        date: date(2026, 3, 1),
        total: Money::from_kopecks(total),
        revision: "r".to_owned(),
        status: "issued".to_owned(),
        live: true,
        draft: json!({"draft": {"buyer": {"key": {"inn": BUYER}}}}),
        updated_at: at(0),
    }
}

pub(crate) async fn put(db: &Db, lease: &Lease, links: Vec<InvoiceLink>) {
    let record = Record {
        invoice_links: links,
        ..Record::default()
    };
    db.store.record(lease, record, at(2)).await.unwrap();
}

pub(crate) fn share(number: &str, kopecks: i64) -> BookedShare {
    let (organisation, invoice) = (
        OrganisationId::new("us"),
        InvoiceId::new(format!("id-{number}")),
    );
    BookedShare {
        invoice: InvoiceRef {
            organisation,
            invoice,
        },
        amount: Money::from_kopecks(kopecks),
    }
}

/// The accountant is waited for.
pub(crate) fn wait(until: Option<jiff::Timestamp>) -> Ruling {
    Ruling::Wait {
        until,
        offered: Vec::new(),
    }
}

pub(crate) fn book(payment: i64, undone: i64, shares: Vec<BookedShare>) -> Decision {
    let ruling = Ruling::Book {
        shares,
        author: "rule".to_owned(),
        chosen: false,
        by_parts: None,
    };
    Decision {
        payment,
        undone,
        seen: None,
        undecided: Vec::new(),
        ruling,
        because: "номер и дата".to_owned(),
    }
}

pub(crate) fn question(payment: i64) -> CaseFacts {
    CaseFacts {
        code: "PAYMENT-UNDECIDED".to_owned(),
        cause: "x".to_owned(),
        key: PAYMENT_CASE_KEY.to_owned(),
        subject: Subject::payment(payment),
        facts: json!({}),
        text: "К какому счёту?".to_owned(),
        waits_for: Vec::new(),
    }
}

pub(crate) async fn decide(db: &Db, decisions: &[Decision]) -> Vec<Decided> {
    db.store
        .money_decide(&portal("a"), decisions, at(3))
        .await
        .unwrap()
}

pub(crate) async fn try_undo(db: &Db, payment: i64) -> WasUndone {
    let today = date(2026, 4, 1);
    db.store
        .money_undo(&portal("a"), payment, ("anna", "письмо"), today, at(4))
        .await
        .unwrap()
}

pub(crate) async fn undo(db: &Db, payment: i64) -> Option<Undone> {
    match try_undo(db, payment).await {
        WasUndone::Done(undone) => Some(undone),
        WasUndone::Nothing => None,
        refused @ WasUndone::MoreThanOpen { .. } => panic!("{refused:?}"),
    }
}

pub(crate) async fn receipts(db: &Db, id: u64) -> Vec<Receipt> {
    db.store
        .known(&portal("a"), &[deal(id)])
        .await
        .unwrap()
        .receipts
}

/// The payment that a sum came with.
pub(crate) fn payment_of(receipt: &Receipt) -> i64 {
    match &receipt.means {
        Means::Payment { payment, .. } => *payment,
        Means::Settlement(_) | Means::Refund { .. } => panic!("no payment: {receipt:?}"),
    }
}

pub(crate) async fn listed(db: &Db) -> Vec<ListedPayment> {
    db.store
        .money_list(&portal("a"), &PaymentFilter::default())
        .await
        .unwrap()
}

/// Open invoices of the buyer, each with what is open.
async fn open_of_buyer(db: &Db) -> Vec<(String, i64)> {
    let wanted = Wanted {
        inns: vec![Inn::parse(BUYER).unwrap()],
        ..Wanted::default()
    };
    let found = db.store.money_open(&portal("a"), &wanted).await.unwrap();
    let open = found.invoices.into_iter();
    open.map(|(one, _)| (one.number, one.open.kopecks()))
        .collect()
}

use Decided::{Done, Refused};

conformance! {
    async fn an_invoice_that_was_there_before_is_paid_by_what_came_since(db: &Db) {
        let lease = leased(db, 1).await;
        let adopted = |number: &str, status: &str, paid_before: i64| {
            let mut link = link(1, 1, number, 12_200);
            link.status = status.to_owned();
            link.draft["adopted"] = json!(true);
            if paid_before > 0 {
                link.draft["paid_before"] = json!(paid_before);
            }
            link
        };
        see(db, "feed", &[order("17", 12_200)]).await;
        let wanted = Wanted { inns: vec![Inn::parse(BUYER).unwrap()], ..Wanted::default() };
        // Paid in full when it was adopted: nobody pays it again.
        put(db, &lease, vec![adopted("16", "paid", 12_200)]).await;
        let found = db.store.money_open(&portal("a"), &wanted).await.unwrap();
        assert_eq!(found.invoices, []);
        // Adopted as issued; the accountant's mark comes before the payment is decided.
        put(db, &lease, vec![adopted("17", "issued", 0)]).await;
        put(db, &lease, vec![adopted("17", "paid", 0)]).await;
        let found = db.store.money_open(&portal("a"), &wanted).await.unwrap();
        assert_eq!(found.invoices.len(), 1);
        let decided = decide(db, &[book(1, 0, vec![share("17", 12_200)])]).await;
        assert_eq!(decided, [Done]);
    }

    async fn a_payment_that_an_adopted_bill_was_partly_paid_by_counts_once(db: &Db) {
        let lease = leased(db, 1).await;
        see(db, "march", &[order("17", 5_000)]).await;
        let asked = Decision { ruling: Ruling::Ask(Box::new(question(1))), ..book(1, 0, vec![]) };
        assert_eq!(decide(db, &[asked]).await, [Done]);
        // The accounting side counts that very payment.
        let mut partly = link(1, 1, "17", 12_200);
        partly.draft["adopted"] = json!(true);
        partly.draft["paid_before"] = json!(5_000);
        put(db, &lease, vec![partly.clone()]).await;
        let counted = async || {
            let wanted = Wanted { inns: vec![Inn::parse(BUYER).unwrap()], ..Wanted::default() };
            let found = db.store.money_open(&portal("a"), &wanted).await.unwrap();
            found.invoices[0].0.counted_before.amount.kopecks()
        };
        assert_eq!(counted().await, 5_000);
        let seen = db.store.money_undecided(&portal("a"), &[1]).await.unwrap();
        let last = seen[0].cases.last().unwrap();
        let seen = Some((last.id, last.state));
        let booked = Decision { seen, ..book(1, 0, vec![share("17", 5_000)]) };
        assert_eq!(decide(db, &[booked]).await, [Done]);
        put(db, &lease, vec![partly]).await;
        assert_eq!(counted().await, 0, "its payment is known");
        assert_eq!(open_of_buyer(db).await, [("17".to_owned(), 7_200)]);
        see(db, "april", &[order("18", 7_200)]).await;
        assert_eq!(decide(db, &[book(2, 0, vec![share("17", 7_200)])]).await, [Done]);
        assert_eq!(open_of_buyer(db).await, []);
    }

    async fn a_source_that_is_read_twice_adds_nothing(db: &Db) {
        let lease = leased(db, 1).await;
        let orders = [order("1", 100), order("1", 100), order("2", 300)];
        assert_eq!(see(db, "march", &orders).await, Counted { new: vec![1, 2, 3], known: 0 });
        assert_eq!(see(db, "march", &orders).await, Counted { new: vec![], known: 3 });
        // Another source of overlapping days: the largest count of one source is how many there are.
        assert_eq!(see(db, "april", &orders[1..]).await.new, Vec::<i64>::new());
        let more = [order("1", 100), order("1", 100), order("1", 100)];
        assert_eq!(see(db, "year", &more).await, Counted { new: vec![4], known: 2 });
        assert_eq!(listed(db).await.len(), 4);
        let due = db.store.work_take(&lease, Lane::Due, 9, &[], at(9)).await.unwrap();
        assert!(due.iter().any(|work| work.subject == Subject::portal(PAYMENTS_TASK)));
        assert_eq!(db.store.money_new(&portal("b"), None, None, 9).await.unwrap(), vec![]);
    }

    async fn a_preview_counts_what_would_be_new_and_writes_nothing(db: &Db) {
        leased(db, 1).await;
        see(db, "march", &[order("1", 100)]).await;
        let lines = [line(0, order("1", 100)), line(1, order("1", 100)), line(2, order("2", 5))];
        let of = |source: &str| lines.clone().map(|line| (SourceId(source.to_owned()), line));
        let preview = async |lines: &[_]| db.store.money_preview(&portal("a"), lines).await.unwrap();
        assert_eq!((preview(&of("april")).await, preview(&of("april")).await), (2, 2));
        // What two sources show is counted once.
        assert_eq!(preview(&[of("april"), of("may")].concat()).await, 2);
        assert_eq!(listed(db).await.len(), 1);
    }

    async fn a_booking_closes_the_invoice_and_is_told_to_its_deal(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "СВ-1", 1_000)]).await;
        see(db, "march", &[order("1", 400), order("2", 600)]).await;
        assert_eq!(open_of_buyer(db).await, [("СВ-1".to_owned(), 1_000)]);
        let decisions = [book(1, 0, vec![share("СВ-1", 400)]), book(2, 0, vec![share("СВ-1", 600)])];
        assert_eq!(decide(db, &decisions).await, [Done, Done]);
        assert_eq!(open_of_buyer(db).await, []);
        let told = receipts(db, 7).await;
        let sums: Vec<(i64, i64)> = told.iter().map(|one| (payment_of(one), one.amount.kopecks())).collect();
        assert_eq!(sums, [(1, 400), (2, 600)]);
        assert_eq!((told[0].dated, told[0].undone.clone()), (date(2026, 3, 12), None));
        let due = db.store.work_take(&lease, Lane::Due, 9, &[], at(9)).await.unwrap();
        let look = due.iter().find(|work| work.subject == deal(7)).unwrap();
        assert_eq!(look.reasons, [MONEY_MOVED]);
        // What is decided is decided once.
        assert_eq!(decide(db, &decisions).await, [Refused, Refused]);
        assert_eq!(receipts(db, 7).await.len(), 2);
    }

    async fn never_more_than_the_payment_and_never_more_than_the_invoice(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 1_000), link(8, 1, "2", 500), link(9, 1, "3", 900)]).await;
        put(db, &lease, vec![InvoiceLink { status: "cancelled".to_owned(), ..link(9, 1, "3", 900) }]).await;
        see(db, "march", &[order("1", 800), order("2", 800), order("3", 10)]).await;
        for shares in [
            vec![share("1", 801)],
            vec![share("2", 501)],
            vec![share("1", 300), share("2", 501)],
            vec![share("2", 300), share("2", 300)],
            vec![share("1", 500), share("1", 400)],
            vec![share("1", 0)],
            vec![share("1", -5)],
            vec![share("3", 100)],
            vec![share("nobody's", 100)],
            vec![],
        ] {
            assert_eq!(decide(db, &[book(1, 0, shares.clone())]).await, [Refused], "{shares:?}");
        }
        assert_eq!(decide(db, &[book(1, 1, vec![share("1", 1)])]).await, [Refused], "seen before it was undone");
        // Within one transaction the second sees what the first took.
        let both = [book(1, 0, vec![share("1", 800)]), book(2, 0, vec![share("1", 201)])];
        assert_eq!(decide(db, &both).await, [Done, Refused]);
        assert_eq!(decide(db, &[book(2, 0, vec![share("1", 200), share("2", 500)])]).await, [Done]);
        assert_eq!(open_of_buyer(db).await, []);
        let remaining: Vec<i64> = listed(db).await.iter().map(|one| one.remaining.kopecks()).collect();
        assert_eq!(remaining, [0, 100, 10]);
    }

    async fn what_is_no_buyers_payment_is_given_to_nothing(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 1_000)]).await;
        let mut paid_back = order("9", 100);
        paid_back.direction = Direction::Out;
        let mut out = line(0, paid_back);
        out.kind = PaymentKind::RefundOut;
        let mut own = line(1, order("8", 50));
        own.kind = PaymentKind::OwnTransfer;
        let source = SourceId("march".to_owned());
        db.store.money_see(&portal("a"), &source, &[out, own], at(1)).await.unwrap();
        for payment in [1, 2] {
            assert_eq!(decide(db, &[book(payment, 0, vec![share("1", 10)])]).await, [Refused]);
        }
        let aside = Decision { ruling: Ruling::Aside, ..book(1, 0, vec![]) };
        assert_eq!(decide(db, &[aside]).await, [Done]);
        let sums = db.store.money_sums(&portal("a")).await.unwrap();
        let sums: Vec<_> = sums.iter().map(|sum| (sum.state, sum.remaining.kopecks())).collect();
        assert_eq!(sums, [(PaymentState::New, 50), (PaymentState::Aside, -100)]);
    }

    async fn what_is_undone_is_undone_once_and_asked_again(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 1_000)]).await;
        see(db, "march", &[order("1", 1_000)]).await;
        assert_eq!(undo(db, 1).await, None, "nothing is booked");
        decide(db, &[book(1, 0, vec![share("1", 1_000)])]).await;
        assert_eq!(undo(db, 2).await, None, "no such payment");
        let undone = undo(db, 1).await.unwrap();
        assert_eq!((undone.transactions, undone.deals), (vec![2], vec![DealId(7)]));
        assert_eq!(undo(db, 1).await, None, "undone once");
        assert_eq!(open_of_buyer(db).await, [("1".to_owned(), 1_000)]);
        assert_eq!(receipts(db, 7).await[0].undone, Some((3, "письмо".to_owned())));
        let again = db.store.money_new(&portal("a"), None, None, 9).await.unwrap();
        assert_eq!((again[0].undone, again[0].remaining.kopecks()), (1, 1_000));
        assert_eq!(decide(db, &[book(1, 0, vec![share("1", 1_000)])]).await, [Refused]);
        assert_eq!(decide(db, &[book(1, 1, vec![share("1", 1_000)])]).await, [Done]);
        let told: Vec<bool> = receipts(db, 7).await.iter().map(|one| one.undone.is_some()).collect();
        assert_eq!(told, [true, false]);
    }

    async fn a_question_is_asked_with_its_decision_and_withdrawn_with_the_next(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 1_000)]).await;
        see(db, "march", &[order("1", 100)]).await;
        let ask = Decision { ruling: Ruling::Ask(Box::new(question(1))), ..book(1, 0, vec![]) };
        assert_eq!(decide(db, std::slice::from_ref(&ask)).await, [Done]);
        assert_eq!(decide(db, std::slice::from_ref(&ask)).await, [Refused], "somebody asked before");
        let open = db.store.cases_open(&portal("a"), &CaseFilter::default()).await.unwrap();
        assert_eq!(open.len(), 1);
        assert_eq!(db.store.money_new(&portal("a"), None, None, 9).await.unwrap(), vec![]);
        let undecided = db.store.money_undecided(&portal("a"), &[1, 2]).await.unwrap();
        assert_eq!((undecided.len(), undecided[0].cases.len()), (1, 1));
        // A new invoice of its payer looks at it again.
        put(db, &lease, vec![link(8, 1, "2", 100)]).await;
        let due = db.store.work_take(&lease, Lane::Due, 9, &[], at(9)).await.unwrap();
        assert!(due.iter().any(|work| work.subject == Subject::payment(1)));
        let open = Some((undecided[0].cases[0].id, CaseState::Open));
        let again = Decision { seen: open, ..ask };
        assert_eq!(decide(db, &[again]).await, [Done], "asked again is asked once");
        let booked = Decision { seen: open, ..book(1, 0, vec![share("2", 100)]) };
        assert_eq!(decide(db, &[booked]).await, [Done]);
        let open = db.store.cases_open(&portal("a"), &CaseFilter::default()).await.unwrap();
        assert_eq!(open, vec![]);
    }

    async fn who_answers_meanwhile_is_not_overruled(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 1_000)]).await;
        see(db, "march", &[order("1", 100)]).await;
        let question = Decision { ruling: Ruling::Ask(Box::new(question(1))), ..book(1, 0, vec![]) };
        assert_eq!(decide(db, std::slice::from_ref(&question)).await, [Done]);
        let asked = db.store.cases_open(&portal("a"), &CaseFilter::default()).await.unwrap()[0].clone();
        let id = asked.id;
        // Both were planned while the question was open.
        let seen = Some((id, CaseState::Open));
        let asks_again = Decision { seen, ..question.clone() };
        let books = Decision { seen, ..book(1, 0, vec![share("1", 100)]) };
        assert!(db.store.case_answer(&portal("a"), &asked, &json!({"choice": "leave"}), "anna", at(3)).await.unwrap());
        assert_eq!(decide(db, &[asks_again, books]).await, [Refused, Refused]);
        let open = db.store.cases_open(&portal("a"), &CaseFilter::default()).await.unwrap();
        assert_eq!(open, vec![], "the answer stands");
        let leaves = Decision { seen: Some((id, CaseState::Answered)), ruling: Ruling::Leave, ..question };
        assert_eq!(decide(db, &[leaves]).await, [Done]);
    }

    async fn people_leave_a_payment_and_take_that_back(db: &Db) {
        leased(db, 1).await;
        see(db, "march", &[order("1", 100)]).await;
        let leave = Decision { ruling: Ruling::Leave, ..book(1, 0, vec![]) };
        assert_eq!(decide(db, &[leave]).await, [Done]);
        assert_eq!(listed(db).await[0].state, PaymentState::Left);
        assert_eq!(undo(db, 1).await, Some(Undone::default()));
        assert_eq!(listed(db).await[0].state, PaymentState::New);
    }

    async fn a_choice_of_people_is_evidence_for_the_payer(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 1_000)]).await;
        see(db, "march", &[order("1", 100), order("2", 100), order("3", 100)]).await;
        let chosen = |payment| {
            let shares = vec![share("1", 100)];
            let ruling = Ruling::Book { shares, author: "anna".to_owned(), chosen: true, by_parts: None };
            Decision { ruling, ..book(payment, 0, vec![]) }
        };
        decide(db, &[chosen(1), chosen(2), book(3, 0, vec![share("1", 100)])]).await;
        let payer = Inn::parse(BUYER).unwrap();
        let wanted = Wanted { inns: vec![payer.clone()], ..Wanted::default() };
        let found = db.store.money_open(&portal("a"), &wanted).await.unwrap();
        assert_eq!(found.chosen_before[&payer][0].times, 2);
        assert!(db.store.money_open(&portal("b"), &wanted).await.unwrap() == Found::default());
    }

    async fn an_invoice_is_found_by_the_number_of_the_one_it_replaced(db: &Db) {
        let lease = leased(db, 1).await;
        let replaced = InvoiceLink { live: false, ..link(7, 1, "СВ-1", 1_000) };
        // One that the accountant took back was replaced by nothing: its number means no other.
        let taken_back = InvoiceLink { status: "cancelled".to_owned(), ..link(8, 1, "СВ-4", 5) };
        put(db, &lease, vec![replaced, link(7, 2, "СВ-2", 1_200), taken_back, link(8, 2, "СВ-5", 5)]).await;
        let of_taken_back = Wanted { numbers: vec![NumberKey::of("СВ-4")], ..Wanted::default() };
        let found = db.store.money_open(&portal("a"), &of_taken_back).await.unwrap().invoices;
        assert!(found.iter().all(|(one, _)| one.aliases.is_empty()), "{found:?}");
        let wanted = Wanted { numbers: vec![NumberKey::of("св-1")], ..Wanted::default() };
        let found = db.store.money_open(&portal("a"), &wanted).await.unwrap().invoices;
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].0.number.as_str(), found[0].0.aliases[0].number.as_str()), ("СВ-2", "СВ-1"));
        assert_eq!(InvoiceRef::of_open(&found[0].0.id), Some(share("СВ-2", 1).invoice));
    }

    async fn an_invoice_from_before_there_were_balances_gets_one(db: &Db) {
        if db.form == Form::Inline {
            return; // Its one connection is not to be written beside.
        }
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 1_000)]).await;
        db.meddle("DELETE FROM invoice_balance; UPDATE invoice_link SET counted = 0").await;
        assert_eq!(open_of_buyer(db).await, []);
        see(db, "march", &[order("1", 100)]).await;
        assert_eq!(open_of_buyer(db).await, [("1".to_owned(), 1_000)]);
    }

    async fn an_edit_below_what_is_paid_keeps_the_money(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 1_000)]).await;
        see(db, "march", &[order("1", 800), order("2", 1)]).await;
        decide(db, &[book(1, 0, vec![share("1", 800)])]).await;
        put(db, &lease, vec![link(7, 1, "1", 500)]).await;
        assert_eq!(receipts(db, 7).await[0].amount.kopecks(), 800);
        assert_eq!(decide(db, &[book(2, 0, vec![share("1", 1)])]).await, [Refused]);
        put(db, &lease, vec![link(7, 1, "1", 801)]).await;
        assert_eq!(decide(db, &[book(2, 0, vec![share("1", 1)])]).await, [Done]);
    }

    async fn days_that_touch_are_known_without_a_gap(db: &Db) {
        db.store.portal_put(&a_portal("a")).await.unwrap();
        let span = |from: i8, to: i8| AccountSpan {
            account: AccountNumber::new("40702810200000012345").unwrap(),
            from: date(2026, 3, from),
            to: date(2026, 3, to),
        };
        db.store.money_cover(&portal("a"), &[span(1, 5), span(6, 9), span(3, 4), span(12, 13), span(1, 5)], None).await.unwrap();
        assert_eq!(db.store.money_covered(&portal("a")).await.unwrap(), [span(1, 9), span(12, 13)]);
        // What waits for them is looked at, if anything may.
        assert_eq!(db.store.next_due_of(&portal("a")).await.unwrap(), None);
        db.store.money_cover(&portal("a"), &[span(10, 11)], Some(at(7))).await.unwrap();
        assert_eq!(db.store.next_due_of(&portal("a")).await.unwrap(), Some(at(7)));
    }

    async fn two_who_book_at_once_never_give_the_same_kopeck_twice(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 1_000)]).await;
        let orders: Vec<PaymentOrder> = (0..20).map(|number| order(&format!("{number}"), 100)).collect();
        see(db, "march", &orders).await;
        let other = if db.form == Form::Inline { db.store.clone() } else { db.another().await };
        let portal = portal("a");
        let (mut ours, mut theirs) = (0, 0);
        for payment in 1..=20 {
            let decisions = [book(payment, 0, vec![share("1", 100)])];
            let (one, two) = tokio::join!(
                db.store.money_decide(&portal, &decisions, at(3)),
                other.money_decide(&portal, &decisions, at(3)),
            );
            ours += usize::from(one.unwrap() == [Done]);
            theirs += usize::from(two.unwrap() == [Done]);
        }
        assert_eq!(ours + theirs, 10);
        assert_eq!(receipts(db, 7).await.len(), 10);
    }

    async fn any_order_and_overlap_of_sources_comes_to_the_same_ledger(db: &Db) {
        let lease = leased(db, 1).await;
        for seed in 1..=12 {
            walk(db, &lease, seed).await;
        }
    }
}

/// Sources that overlap, in a random order and some of them twice, against the reference of `domain`. Each seed has a
/// portal's worth of keys of its own: numbers of orders begin with it.
async fn walk(db: &Db, lease: &Lease, seed: u64) {
    let mut chance = crate::random_walk::Chance(seed * 7_919);
    let mut draw = |bound: usize| usize::try_from(chance.below(bound as u64)).unwrap();
    let numbers: Vec<String> = (0..6).map(|number| format!("{seed}-{number}")).collect();
    let sources: Vec<(String, Vec<PaymentOrder>)> = (0..4)
        .map(|source| {
            let orders = (0..draw(9)).map(|_| {
                let number = draw(numbers.len());
                order(&numbers[number], 100 * (1 + i64::try_from(number).unwrap()))
            });
            (format!("{seed}/{source}"), orders.collect())
        })
        .collect();
    let mut reference = Sightings::default();
    for (source, orders) in &sources {
        for (place, order) in orders.iter().enumerate() {
            let line = LineId(place.to_string());
            reference.note(&SourceId(source.clone()), &line, order.clone());
        }
    }
    let before = listed(db).await.len();
    for _ in 0..3 {
        for _ in 0..4 {
            let (source, orders) = &sources[draw(sources.len())];
            see(db, source, orders).await;
        }
    }
    for (source, orders) in sources.iter().rev() {
        see(db, source, orders).await;
    }
    let ours: Vec<ListedPayment> = listed(db).await.into_iter().skip(before).collect();
    let mut expected: Vec<PaymentOrder> = reference.payments().map(|seen| seen.order).collect();
    let mut found: Vec<PaymentOrder> = ours.iter().map(|one| one.order.clone()).collect();
    expected.sort();
    found.sort();
    assert_eq!(found, expected, "seed {seed}");

    // The same bookings and undoings by the reference and by the store are taken or refused alike.
    let invoice = format!("{seed}");
    put(db, lease, vec![link(100 + seed, 1, &invoice, 700)]).await;
    let mut ledger = Ledger::default();
    ledger.set_total(InvoiceId::new(&invoice), Money::from_kopecks(700));
    let id = |one: &ListedPayment| PaymentId {
        key: domain::payment::PaymentKey::of(&one.order),
        nth: u32::try_from(one.number).unwrap(),
    };
    let mut next = 0;
    let mut fresh = || {
        next += 1;
        TransactionId(next)
    };
    let day = date(2026, 3, 12);
    for one in &ours {
        let (kind, amount) = (PaymentKind::Incoming, one.order.amount);
        let payment = Transaction::payment(fresh(), day, id(one), kind, Direction::In, amount);
        ledger.record(payment.unwrap()).unwrap();
    }
    let mut undone: BTreeMap<i64, i64> = BTreeMap::new();
    for _ in 0..ours.len() * 3 {
        let Some(one) = ours.get(draw(ours.len().max(1))) else {
            break;
        };
        let amount = 100 * (1 + i64::try_from(draw(7)).unwrap());
        let count = undone.entry(one.number).or_default();
        let standing = ledger
            .transactions()
            .filter(|known| known.kind == domain::ledger::TransactionKind::Allocation)
            .find(|known| {
                let of_payment = |entry: &domain::ledger::Entry| {
                    entry.place == domain::ledger::Place::Payment(id(one))
                };
                known.entries.iter().any(of_payment) && !is_undone(&ledger, known.id)
            })
            .cloned();
        match standing {
            Some(standing) => {
                let correction = standing.undone(fresh(), day, None, String::new()).unwrap();
                ledger.record(correction).unwrap();
                assert!(undo(db, one.number).await.is_some(), "seed {seed}");
                *count += 1;
            }
            None if draw(3) == 0 => {
                let kept = 50 * i64::try_from(draw(4)).unwrap();
                let wanted = split_alike(&mut ledger, fresh(), (&id(one), &invoice), amount, kept);
                let other = one.order.amount.kopecks() - (amount - kept);
                let split = crate::split::of((one.number, &invoice), amount, kept, other);
                let was = db.store.money_split(&portal("a"), &split, at(4)).await;
                let done = matches!(was.unwrap(), WasSplit::Done { .. });
                assert_eq!(done, wanted, "seed {seed}, {amount} less {kept}");
            }
            None => {
                let given = Share {
                    invoice: InvoiceId::new(&invoice),
                    amount: Money::from_kopecks(amount),
                };
                let allocation =
                    Transaction::allocation(fresh(), day, &id(one), Direction::In, &[given])
                        .unwrap();
                let wanted = if ledger.record(allocation).is_ok() {
                    Done
                } else {
                    Refused
                };
                let decision = book(one.number, *count, vec![share(&invoice, amount)]);
                assert_eq!(decide(db, &[decision]).await, [wanted], "seed {seed}");
            }
        }
    }
    let paid = receipts(db, 100 + seed).await;
    let paid = paid
        .iter()
        .filter(|one| one.undone.is_none())
        .map(|one| one.amount);
    assert_eq!(
        Money::sum(paid).unwrap(),
        ledger.paid(&InvoiceId::new(&invoice)),
        "seed {seed}"
    );
    for one in listed(db).await.iter().skip(before) {
        assert_eq!(
            one.remaining,
            ledger.left(&id(one)),
            "seed {seed}, payment {}",
            one.number
        );
    }
}

fn is_undone(ledger: &Ledger, of: TransactionId) -> bool {
    ledger.transactions().any(|known| {
        matches!(&known.kind, domain::ledger::TransactionKind::Correction { of: undone, .. } if *undone == of)
    })
}

/// Whether the reference bears that a credit gives so much to an invoice, of which the bank kept a part.
fn split_alike(
    ledger: &mut Ledger,
    fresh: TransactionId,
    (payment, invoice): (&PaymentId, &str),
    amount: i64,
    kept: i64,
) -> bool {
    let sold = Share {
        invoice: InvoiceId::new(invoice),
        amount: Money::from_kopecks(amount),
    };
    let kept = Money::from_kopecks(kept);
    let split = Transaction::split(fresh, date(2026, 3, 12), payment, kept, &[sold]);
    split.is_some_and(|split| ledger.record(split).is_ok())
}
