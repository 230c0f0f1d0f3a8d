//! What else a payer's money is asked about is told by payer, the newest of each.

use domain::matching::MOST_OPEN;
use domain::{Inn, OrganisationId};
use store::*;

use crate::money::{book, decide, link, order, put, question, see, share, undo};
use crate::support::*;

conformance! {
    async fn what_is_asked_about_is_told_by_payer_the_newest_of_each(db: &Db) {
        leased(db, 1).await;
        let payer = Inn::parse("7707083893").unwrap();
        let other = Inn::parse("7736050003").unwrap();
        let mut orders: Vec<_> = (1..=16).map(|sum| order(&sum.to_string(), sum)).collect();
        orders[15].other.inn = Some(other.clone());
        see(db, "march", &orders).await;
        // Of the payer: 14 asked about, one that nobody looked at.
        let asks = |payment| Decision { ruling: Ruling::Ask(Box::new(question(payment))), ..book(payment, 0, vec![]) };
        let asked: Vec<Decision> = (1..=14).chain([16]).map(asks).collect();
        assert_eq!(decide(db, &asked).await, vec![Decided::Done; 15]);
        let told = async |payers: &[Inn]| {
            let told = db.store.money_asked(&portal("a"), payers).await.unwrap();
            assert!(told.iter().all(|one| one.organisation == OrganisationId::new("us")));
            let told = told.into_iter();
            told.map(|one| (one.payer, one.payment.number, one.payment.left.kopecks())).collect::<Vec<_>>()
        };
        assert_eq!(told(std::slice::from_ref(&other)).await, [(other.clone(), 16, 16)]);
        let both = [payer.clone(), other.clone()];
        let newest = told(&both[..]).await;
        let of_payer: Vec<i64> = newest.iter().filter(|(one, ..)| *one == payer).map(|(_, number, _)| *number).collect();
        assert_eq!(of_payer, (2..=14).collect::<Vec<i64>>());
        assert_eq!(of_payer.len(), MOST_OPEN + 1);
        assert_eq!(newest.len(), MOST_OPEN + 2);
    }

    async fn what_is_asked_about_is_looked_at_again_when_an_invoice_of_its_payer_is_gone(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(1, 1, "1", 100)]).await;
        see(db, "march", &[order("1", 70)]).await;
        let asks = Decision { ruling: Ruling::Ask(Box::new(question(1))), ..book(1, 0, vec![]) };
        assert_eq!(decide(db, &[asks]).await, [Decided::Done]);
        let looked = async || {
            let due = db.store.work_take(&lease, Lane::Due, 99, &[], at(9)).await.unwrap();
            due.iter().filter_map(|work| work.subject.as_payment()).collect::<Vec<_>>()
        };
        assert_eq!(looked().await, [0_i64; 0]);
        let cancelled = InvoiceLink { status: "cancelled".to_owned(), ..link(1, 1, "1", 100) };
        put(db, &lease, vec![cancelled]).await;
        assert_eq!(looked().await, [1]);
    }

    async fn whoever_is_offered_an_invoice_is_looked_at_again_when_it_is_paid_or_gone(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(1, 1, "1", 100), link(2, 1, "2", 100)]).await;
        let mut strangers = [order("1", 70), order("2", 70)];
        for one in &mut strangers {
            one.other.inn = Some(Inn::parse("7736050003").unwrap());
        }
        let [first, second] = strangers;
        see(db, "march", &[first, second, order("3", 100)]).await;
        let asks = |payment, number| {
            let offered = share(number, 70).invoice;
            let waits_for = vec![Subject::invoice(&offered.organisation, &offered.invoice)];
            let asked = CaseFacts { waits_for, ..question(payment) };
            Decision { ruling: Ruling::Ask(Box::new(asked)), ..book(payment, 0, vec![]) }
        };
        assert_eq!(decide(db, &[asks(1, "1"), asks(2, "2")]).await, [Decided::Done; 2]);
        let looked = async || {
            let due = db.store.work_take(&lease, Lane::Due, 99, &[], at(9)).await.unwrap();
            for work in &due {
                db.store.record(&lease, settled(work, None), at(9)).await.unwrap();
            }
            due.iter().filter_map(|work| work.subject.as_payment()).collect::<Vec<_>>()
        };
        assert_eq!(looked().await, [0_i64; 0]);
        // Other money fills the first one, and leaves it again.
        assert_eq!(decide(db, &[book(3, 0, vec![share("1", 100)])]).await, [Decided::Done]);
        assert_eq!(looked().await, [1]);
        assert!(undo(db, 3).await.is_some());
        assert_eq!(looked().await, [1]);
        let cancelled = InvoiceLink { status: "cancelled".to_owned(), ..link(2, 1, "2", 100) };
        put(db, &lease, vec![cancelled]).await;
        assert_eq!(looked().await, [2]);
        // What is answered waits for nothing.
        let known = db.store.money_undecided(&portal("a"), &[1]).await.unwrap();
        let seen = known[0].cases.last().map(|case| (case.id, case.state));
        let left = Decision { seen, ruling: Ruling::Leave, ..book(1, 0, vec![]) };
        assert_eq!(decide(db, &[left]).await, [Decided::Done]);
        put(db, &lease, vec![link(1, 1, "1", 200)]).await;
        assert_eq!(looked().await, [0_i64; 0]);
    }

    async fn of_many_that_are_asked_about_none_is_forgotten_when_an_invoice_comes(db: &Db) {
        let lease = leased(db, 1).await;
        let many = 1_001_i64;
        // The last payer by his INN has the oldest payment.
        let mut orders: Vec<_> = (1..=many).map(|sum| order(&sum.to_string(), sum)).collect();
        orders[0].other.inn = Some(Inn::parse("7736050003").unwrap());
        see(db, "march", &orders).await;
        let asks = |payment| Decision { ruling: Ruling::Ask(Box::new(question(payment))), ..book(payment, 0, vec![]) };
        let asked: Vec<Decision> = (1..=many).map(asks).collect();
        assert!(decide(db, &asked).await.iter().all(|one| *one == Decided::Done));
        let mut of_last = link(2, 1, "2", 100);
        of_last.draft["draft"]["buyer"]["key"]["inn"] = "7736050003".into();
        put(db, &lease, vec![link(1, 1, "1", 100), of_last]).await;
        let looked = db.store.work_take(&lease, Lane::Due, 2_000, &[], at(9)).await.unwrap();
        let looked: Vec<i64> = looked.iter().filter_map(|work| work.subject.as_payment()).collect();
        assert_eq!(looked.len(), orders.len());
        assert!(looked.contains(&1), "his as well");
    }
}
