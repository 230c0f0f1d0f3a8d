//! What was set aside for its words alone is asked about once a person says that it is a buyer's.

use domain::payment::{PaymentKind, SourceId};
use store::*;

use crate::money::{book, decide, line, order, undo};
use crate::support::*;

conformance! {
    async fn what_its_words_set_aside_is_asked_about_where_a_person_says_so(db: &Db) {
        leased(db, 1).await;
        let kinds = [PaymentKind::ReturnedToUs, PaymentKind::Register, PaymentKind::OwnTransfer];
        let lines = kinds.into_iter().enumerate().map(|(place, kind)| {
            let order = order(&place.to_string(), 100);
            SeenLine { kind, ..line(place, order) }
        });
        let source = SourceId("march".to_owned());
        let lines: Vec<SeenLine> = lines.collect();
        db.store.money_see(&portal("a"), &source, &lines, at(1)).await.unwrap();
        let aside = |payment| Decision { ruling: Ruling::Aside, ..book(payment, 0, Vec::new()) };
        assert_eq!(decide(db, &[aside(1), aside(2), aside(3)]).await, [Decided::Done; 3]);
        assert_eq!(undo(db, 1).await.unwrap().transactions, Vec::<i64>::new());
        let again = db.store.money_undecided(&portal("a"), &[1]).await.unwrap();
        let [again] = again.as_slice() else { panic!("{again:?}") };
        assert_eq!((again.kind, again.undone, again.remaining.kopecks()), (PaymentKind::Incoming, 1, 100));
        // It waits for a decision: there is nothing more to take back.
        assert!(undo(db, 1).await.is_none());
        for payment in [2, 3] {
            assert!(undo(db, payment).await.is_none(), "a credit is split, and accounts are no words");
        }
    }
}
