//! Invoices that were there before us: linked by a person's order, never beside a look or another invoice.

use domain::payment::PaymentOrder;
use domain::{ContractorId, DealId, Inn, InvoiceId, Money, Order, OrganisationId, Slot, SlotKind};
use serde_json::json;
use store::*;

use crate::followed::{follow, gave, told};
use crate::money::{book, decide, link, order, put, receipts, see, share, undo};
use crate::support::*;

fn adoption(id: u64, invoice: &str) -> Adoption {
    Adoption {
        link: InvoiceLink {
            deal: DealId(id),
            slot: Slot::first(SlotKind::Whole),
            organisation: OrganisationId::new("org"),
            invoice: InvoiceId::new(invoice),
            contractor: ContractorId::new("K-1"),
            number: String::from("17"),
            date: "2026-01-20".parse().unwrap(),
            total: Money::from_kopecks(12_200),
            revision: String::from("r"),
            status: String::from("issued"),
            live: true,
            draft: json!({}),
            updated_at: at(0),
        },
        replaced: Vec::new(),
        beside: Vec::new(),
        carried_out: None,
        answers: vec![String::from("data")],
        told: json!({"adopted": "17"}),
        reason: String::from("its invoice was linked"),
    }
}

async fn adopt(db: &Db, id: u64, invoice: &str) -> Adopted {
    let adoption = adoption(id, invoice);
    db.store
        .invoice_adopt(&portal("a"), &adoption, at(5))
        .await
        .unwrap()
}

async fn links(db: &Db, id: u64) -> usize {
    let known = db.store.known(&portal("a"), &[deal(id)]).await.unwrap();
    known.invoice_links.len()
}

conformance! {
    async fn a_linked_invoice_has_its_journal_line_and_its_deal_is_looked_at(db: &Db) {
        db.store.portal_put(&a_portal("a")).await.unwrap();
        assert_eq!(adopt(db, 1, "B-9").await, Adopted::Linked);
        assert_eq!(links(db, 1).await, 1);
        assert_eq!(db.store.journal_parked(&portal("a")).await.unwrap(), 1);
        assert_eq!(db.store.next_due_of(&portal("a")).await.unwrap(), Some(at(5)));
    }

    async fn what_it_answers_is_a_question_no_more(db: &Db) {
        let lease = leased(db, 2).await;
        let asked = CaseFacts {
            code: String::from("DEAL-DATA-MISSING"), cause: String::from("data"), key: String::from("data"),
            subject: deal(1), facts: json!({}), text: String::from("КПП"), waits_for: Vec::new(),
        };
        let record = Record { cases: vec![CaseChange::Open(asked)], ..Record::default() };
        db.store.record(&lease, record, at(1)).await.unwrap();
        assert_eq!(adopt(db, 1, "B-9").await, Adopted::Linked);
        let open = db.store.cases_open(&portal("a"), &CaseFilter::default()).await.unwrap();
        assert_eq!(open, []);
    }

    async fn a_deal_has_one_and_an_invoice_one_deal(db: &Db) {
        db.store.portal_put(&a_portal("a")).await.unwrap();
        assert_eq!(adopt(db, 1, "B-9").await, Adopted::Linked);
        for (id, invoice) in [(1, "B-10"), (2, "B-9"), (1, "B-9")] {
            assert_eq!(adopt(db, id, invoice).await, Adopted::Changed, "{id} {invoice}");
        }
        assert_eq!((links(db, 1).await, links(db, 2).await), (1, 0));
        assert_eq!(adopt(db, 2, "B-10").await, Adopted::Linked);
    }

    async fn the_rest_is_linked_beside_the_advance_alone(db: &Db) {
        db.store.portal_put(&a_portal("a")).await.unwrap();
        let link = async |id: u64, invoice: &str, kind| {
            let mut adoption = adoption(id, invoice);
            adoption.link.slot = Slot::first(kind);
            db.store.invoice_adopt(&portal("a"), &adoption, at(5)).await.unwrap()
        };
        assert_eq!(link(1, "B-1", SlotKind::Advance).await, Adopted::Linked);
        assert_eq!(link(1, "B-2", SlotKind::Rest).await, Adopted::Linked);
        assert_eq!(link(1, "B-3", SlotKind::Rest).await, Adopted::Changed);
        assert_eq!(link(1, "B-3", SlotKind::Advance).await, Adopted::Changed);
        assert_eq!(link(2, "B-4", SlotKind::Whole).await, Adopted::Linked);
        assert_eq!(link(2, "B-5", SlotKind::Rest).await, Adopted::Changed);
        assert_eq!(link(3, "B-6", SlotKind::Rest).await, Adopted::Changed);
        assert_eq!((links(db, 1).await, links(db, 2).await, links(db, 3).await), (2, 1, 0));
    }

    async fn one_is_linked_in_the_place_of_those_that_were_judged_with_it_and_uses_up_its_order(db: &Db) {
        db.store.portal_put(&a_portal("a")).await.unwrap();
        let portal = portal("a");
        let order = Order::Reissue;
        db.store.order_call(&portal, DealId(1), order, Lane::Click, at(1)).await.unwrap();
        let waiting = async || db.store.known(&portal, &[deal(1)]).await.unwrap().orders;
        let called = waiting().await[0];
        assert_eq!(adopt(db, 1, "B-1").await, Adopted::Linked);
        let mut second = adoption(1, "B-2");
        second.link.slot.generation = 2;
        second.carried_out = Some(called.number);
        // Whoever judged it did not know of the first.
        let adopted = db.store.invoice_adopt(&portal, &second, at(5)).await.unwrap();
        assert_eq!((adopted, waiting().await), (Adopted::Changed, vec![called]));
        let mut first = adoption(1, "B-1").link;
        first.live = false;
        second.replaced = vec![first];
        let adopted = db.store.invoice_adopt(&portal, &second, at(5)).await.unwrap();
        assert_eq!((adopted, waiting().await), (Adopted::Linked, vec![]));
        let known = db.store.known(&portal, &[deal(1)]).await.unwrap().invoice_links;
        let live: Vec<_> = known.iter().map(|link| (link.slot.generation, link.live)).collect();
        assert_eq!(live, [(1, false), (2, true)]);
    }

    async fn what_was_added_is_linked_beside_what_was_billed_and_what_was_taken_back_is_no_obstacle(db: &Db) {
        db.store.portal_put(&a_portal("a")).await.unwrap();
        let link = async |id: u64, invoice: &str, kind, beside: &[Slot]| {
            let mut adoption = adoption(id, invoice);
            adoption.link.slot = Slot::first(kind);
            adoption.beside = beside.to_vec();
            db.store.invoice_adopt(&portal("a"), &adoption, at(5)).await.unwrap()
        };
        assert_eq!(link(1, "B-1", SlotKind::Additional, &[]).await, Adopted::Changed);
        assert_eq!(link(1, "B-2", SlotKind::Whole, &[]).await, Adopted::Linked);
        assert_eq!(link(1, "B-1", SlotKind::Additional, &[]).await, Adopted::Linked);
        // A whole that the accountant took back, and parts after it.
        assert_eq!(link(2, "B-3", SlotKind::Whole, &[]).await, Adopted::Linked);
        assert_eq!(link(2, "B-4", SlotKind::Advance, &[]).await, Adopted::Changed);
        let whole = Slot::first(SlotKind::Whole);
        assert_eq!(link(2, "B-4", SlotKind::Advance, &[whole]).await, Adopted::Linked);
    }

    async fn while_a_look_has_the_deal_nothing_is_linked(db: &Db) {
        let lease = leased(db, 1).await;
        let taken = db.store.work_take(&lease, Lane::Due, 1, &[], at(1)).await.unwrap();
        assert_eq!(taken[0].subject, deal(1));
        assert_eq!(adopt(db, 1, "B-9").await, Adopted::Busy);
        assert_eq!(links(db, 1).await, 0);
        db.store.record(&lease, settled(&taken[0], None), at(2)).await.unwrap();
        assert_eq!(adopt(db, 1, "B-9").await, Adopted::Linked);
    }

    async fn while_a_create_is_on_its_way_nothing_is_linked(db: &Db) {
        let lease = leased(db, 1).await;
        let sent = db.store.effects_send(&lease, &[create(1, 1, "r1")], 0, at(1)).await.unwrap();
        let SendDecision::Send(effect) = &sent[0] else { panic!("{sent:?}") };
        assert_eq!(adopt(db, 1, "B-9").await, Adopted::Busy);
        let refused = EffectChange::Refused { error: String::from("no") };
        let record = Record { effects: vec![(effect.id, refused)], ..Record::default() };
        db.store.record(&lease, record, at(2)).await.unwrap();
        assert_eq!(adopt(db, 1, "B-9").await, Adopted::Linked);
    }

    async fn what_an_adopted_bill_was_paid_before_is_not_what_came_later(db: &Db) {
        let lease = leased(db, 1).await;
        let adopted = |deal: u64, number: &str, day: &str| {
            let mut link = link(deal, 1, number, 12_200);
            link.draft["paid_before"] = json!(5_000);
            link.draft["adopted_on"] = json!(day);
            link
        };
        // Both payments came on the twelfth.
        put(db, &lease, vec![adopted(1, "17", "2026-03-12"), adopted(2, "18", "2026-03-11")]).await;
        see(db, "march", &[order("17", 7_200), order("18", 7_200)]).await;
        let counted = async || {
            let wanted = Wanted { inns: vec![Inn::parse("7707083893").unwrap()], ..Wanted::default() };
            let found = db.store.money_open(&portal("a"), &wanted).await.unwrap().invoices;
            found.iter().map(|(one, _)| (one.counted_before.amount.kopecks(), one.open.kopecks())).collect::<Vec<_>>()
        };
        assert_eq!(counted().await, [(5_000, 12_200), (5_000, 12_200)]);
        let both = [book(1, 0, vec![share("17", 7_200)]), book(2, 0, vec![share("18", 7_200)])];
        assert_eq!(decide(db, &both).await, [Decided::Done, Decided::Done]);
        assert_eq!(counted().await, [(0, 5_000), (5_000, 5_000)]);
        // What is taken back shows nothing any more.
        undo(db, 1).await.unwrap();
        assert_eq!(counted().await, [(5_000, 12_200), (5_000, 5_000)]);
    }

    async fn what_the_accountant_calls_new_was_not_counted_before(db: &Db) {
        let lease = leased(db, 1).await;
        let mut adopted = link(1, 1, "17", 12_200);
        adopted.draft["paid_before"] = json!(5_000);
        adopted.draft["adopted_on"] = json!("2026-03-12");
        put(db, &lease, vec![adopted]).await;
        see(db, "march", &[order("5", 7_200)]).await;
        assert_eq!(decide(db, &[book(1, 0, vec![share("17", 7_200)])]).await, [Decided::Done]);
        let counted = async || {
            let invoices = [share("17", 1).invoice];
            let counted = db.store.money_counted(&portal("a"), &invoices).await.unwrap();
            counted.values().map(|one| one.amount.kopecks()).collect::<Vec<_>>()
        };
        assert_eq!(counted().await, [0], "it may be that very money");
        let given = receipts(db, 1).await[0].transaction;
        let code = String::from("PAYMENT-AT-ADOPTION");
        for (about, choice, left) in [(given, "counted", 0), (given + 1, "new", 0), (given, "new", 5_000)] {
            let asked = CaseFacts {
                code: code.clone(), cause: code.clone(), key: code.clone(), subject: deal(1),
                facts: json!({"about": format!("transaction/{about}")}), text: String::from("Входит?"), waits_for: Vec::new(),
            };
            let record = Record { cases: vec![CaseChange::Open(asked)], ..Record::default() };
            db.store.record(&lease, record, at(3)).await.unwrap();
            let of_code = CaseFilter { code: Some(code.clone()), ..CaseFilter::default() };
            let open = db.store.cases_open(&portal("a"), &of_code).await.unwrap();
            let answer = json!({ "choice": choice });
            let portal = portal("a");
            let answered = db.store.case_answer(&portal, &open[0], &answer, "anna", at(3));
            assert!(answered.await.unwrap());
            assert_eq!(counted().await, [left], "{about} {choice}");
        }
    }

    async fn the_day_of_credit_that_is_told_later_says_what_was_counted_before(db: &Db) {
        let lease = leased(db, 1).await;
        let mut adopted = link(1, 1, "17", 12_200);
        adopted.draft["paid_before"] = json!(5_000);
        adopted.draft["adopted_on"] = json!("2026-03-11");
        put(db, &lease, vec![adopted]).await;
        // The accounting side knows no day of credit, so the order's own stands for it: that of the adoption.
        let untold = |number| PaymentOrder { booked: None, ..order(number, 5_000) };
        follow(db, &lease, vec![gave("x", untold("5"), &[("17", 5_000)]), told("y", untold("6"))]).await;
        let counted = async || {
            let invoices = [share("17", 1).invoice];
            let counted = db.store.money_counted(&portal("a"), &invoices).await.unwrap();
            counted.values().map(|one| one.amount.kopecks()).collect::<Vec<_>>()
        };
        assert_eq!(counted().await, [0], "that very money");
        see(db, "march", &[order("5", 5_000), order("6", 5_000)]).await;
        assert_eq!(counted().await, [5_000], "it came the day after");
        // Of 72 roubles, 50 are counted: a decision that rests on more is looked at again, whoever made it.
        let mut chosen = book(2, 0, vec![share("17", 2_201)]);
        for author in [RULE, "anna"] {
            if let Ruling::Book { author: by, .. } = &mut chosen.ruling {
                *by = author.to_owned();
            }
            assert_eq!(decide(db, std::slice::from_ref(&chosen)).await, [Decided::Refused]);
        }
        let by_halves = vec![share("17", 1_100), share("17", 1_101)];
        assert_eq!(decide(db, &[book(2, 0, by_halves)]).await, [Decided::Refused]);
        assert_eq!(decide(db, &[book(2, 0, vec![share("17", 2_200)])]).await, [Decided::Done]);
    }

    async fn the_accountant_tells_payments_of_a_bill_that_was_paid_in_full_when_it_was_adopted(db: &Db) {
        let lease = leased(db, 1).await;
        let mut paid = InvoiceLink { status: "paid".to_owned(), ..link(1, 1, "17", 100) };
        paid.draft["paid_before"] = json!(100);
        paid.draft["adopted_on"] = json!("2026-03-12");
        put(db, &lease, vec![paid.clone()]).await;
        // Nobody else pays it once more.
        see(db, "march", &[order("5", 100)]).await;
        assert_eq!(decide(db, &[book(1, 0, vec![share("17", 100)])]).await, [Decided::Refused]);
        let given = |id: &str, kopecks| gave(id, order(id, kopecks), &[("17", kopecks)]);
        assert_eq!(follow(db, &lease, vec![given("6", 60)]).await.not_taken, []);
        assert_eq!(follow(db, &lease, vec![given("7", 50)]).await.not_taken.len(), 1, "more than it asks for");
        assert_eq!(follow(db, &lease, vec![given("7", 40)]).await.not_taken, []);
        let known = db.store.money_balances(&portal("a"), &[share("17", 1).invoice]).await.unwrap();
        assert_eq!(known.values().next().unwrap().paid.kopecks(), 100);
        // What was taken back takes nothing from anybody.
        put(db, &lease, vec![InvoiceLink { status: "cancelled".to_owned(), ..paid }]).await;
        follow(db, &lease, vec![told("7", order("7", 40))]).await;
        assert_eq!(follow(db, &lease, vec![given("7", 40)]).await.not_taken.len(), 1);
    }
}
