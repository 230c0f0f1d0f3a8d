//! What is given to the accountant: everything once, whatever dies, and what may have been given before is marked.

use store::*;

use crate::office::{bill_of, draft, issued, record, sent};
use crate::support::*;

async fn begin(db: &Db) -> Option<Export> {
    let begun = db.store.office_export_begin(&portal("a"), at(10)).await;
    begun.unwrap()
}

async fn finish(db: &Db, export: &Export) -> bool {
    let a = portal("a");
    let finished = db.store.office_export_finish(&a, export, at(11)).await;
    finished.unwrap()
}

async fn cancel(db: &Db, bill: &OfficeBill) {
    let cancelled = Cancelled {
        at: at(5),
        by: String::from("anna"),
        because: String::from("ошибка"),
    };
    let (a, store) = (portal("a"), &db.store);
    let done = store.office_cancel(&a, &bill.organisation, &bill.id, &cancelled);
    assert!(done.await.unwrap());
}

/// Numbers, each with a mark: given again, cancelled.
fn told(bills: &[GivenBill]) -> Vec<String> {
    let told = bills.iter().map(|given| {
        let again = if given.again { " again" } else { "" };
        let cancelled = if given.bill.cancelled.is_some() {
            " cancelled"
        } else {
            ""
        };
        format!(
            "{} {}{cancelled}{again}",
            given.bill.organisation, given.bill.number
        )
    });
    told.collect()
}

conformance! {
    async fn each_invoice_is_given_once(db: &Db) {
        let lease = leased(db, 1).await;
        assert_eq!(begin(db).await, None, "nothing was issued");
        for (id, seller) in [(1, "us"), (2, "they"), (3, "us")] {
            issued(db, &lease, id, seller).await;
        }
        let (open, preview) = db.store.office_export_preview(&portal("a")).await.unwrap();
        assert_eq!((open, told(&preview)), (None, vec!["they СВ-1".into(), "us СВ-1".into(), "us СВ-2".into()]));
        let first = begin(db).await.unwrap();
        assert_eq!((first.number, first.begun_at, first.finished_at), (1, at(10), None));
        assert_eq!(told(&first.bills), told(&preview), "a preview changes nothing");
        assert!(finish(db, &first).await);
        assert_eq!(begin(db).await, None);
        issued(db, &lease, 4, "us").await;
        let second = begin(db).await.unwrap();
        assert_eq!((second.number, told(&second.bills)), (2, vec!["us СВ-3".into()]));
        assert!(finish(db, &second).await);
        assert!(!finish(db, &second).await, "once");
        let again = db.store.office_export(&portal("a"), 1).await.unwrap().unwrap();
        assert_eq!(again.finished_at, Some(at(11)));
        assert_eq!(told(&again.bills), ["they СВ-1 again", "us СВ-1 again", "us СВ-2 again"]);
        assert_eq!(db.store.office_export(&portal("a"), 3).await.unwrap(), None);
        assert_eq!(db.store.office_export(&portal("b"), 1).await.unwrap(), None);
    }

    async fn an_export_that_died_before_its_end_is_given_again_and_says_so(db: &Db) {
        let lease = leased(db, 1).await;
        issued(db, &lease, 1, "us").await;
        // The process dies after this: whether anybody has its file is not known.
        begin(db).await.unwrap();
        issued(db, &lease, 2, "us").await;
        let (open, preview) = db.store.office_export_preview(&portal("a")).await.unwrap();
        assert_eq!((open, told(&preview)), (Some(1), vec!["us СВ-1 again".into(), "us СВ-2".into()]));
        let taken_up = begin(db).await.unwrap();
        assert_eq!((taken_up.number, told(&taken_up.bills)), (1, told(&preview)));
        assert!(finish(db, &taken_up).await);
        assert_eq!(begin(db).await, None);
    }

    async fn a_failed_beginning_gives_nothing_away(db: &Db) {
        let lease = leased(db, 1).await;
        issued(db, &lease, 1, "us").await;
        for (statement, fault) in [
            ("GIVE_ISSUES", Fault::DiskFull),
            ("GIVE_CANCELS", Fault::DiskFull),
            ("GIVE_CANCELS", Fault::DiskFullAtCommit),
            ("GIVE_CANCELS", Fault::UnknownCommitLost),
        ] {
            db.store.faults().fail_nth_of(statement, 1, fault);
            assert!(db.store.office_export_begin(&portal("a"), at(10)).await.is_err());
        }
        let export = begin(db).await.unwrap();
        assert_eq!((export.number, told(&export.bills)), (1, vec!["us СВ-1".into()]));
    }

    async fn a_cancellation_is_given_once_also_after_its_invoice(db: &Db) {
        let lease = leased(db, 1).await;
        let before = issued(db, &lease, 1, "us").await;
        let after = issued(db, &lease, 2, "us").await;
        cancel(db, &before).await;
        let first = begin(db).await.unwrap();
        assert_eq!(told(&first.bills), ["us СВ-1 cancelled", "us СВ-2"]);
        assert!(finish(db, &first).await);
        assert_eq!(begin(db).await, None, "issued and cancelled were given together");
        cancel(db, &after).await;
        let (_, preview) = db.store.office_export_preview(&portal("a")).await.unwrap();
        assert_eq!(told(&preview), ["us СВ-2 cancelled"]);
        let second = begin(db).await.unwrap();
        assert_eq!(told(&second.bills), ["us СВ-2 cancelled"]);
        let given = &second.bills[0].bill;
        assert_eq!((given.issue_given, given.cancel_given), (Some(1), Some(2)));
        assert!(finish(db, &second).await);
        assert_eq!(begin(db).await, None);
    }

    async fn cancelled_while_its_export_is_open_it_stands_there_once(db: &Db) {
        let lease = leased(db, 1).await;
        let bill = issued(db, &lease, 1, "us").await;
        begin(db).await.unwrap();
        cancel(db, &bill).await;
        let (_, preview) = db.store.office_export_preview(&portal("a")).await.unwrap();
        assert_eq!(told(&preview), ["us СВ-1 cancelled again"]);
        assert_eq!(told(&begin(db).await.unwrap().bills), ["us СВ-1 cancelled again"]);
    }

    async fn whoever_took_an_export_up_finishes_it(db: &Db) {
        let lease = leased(db, 1).await;
        issued(db, &lease, 1, "us").await;
        let slow = begin(db).await.unwrap();
        issued(db, &lease, 2, "us").await;
        begin(db).await.unwrap();
        assert!(!finish(db, &slow).await, "its file lacks the second invoice");
        // The one who took it up dies as well: nothing is lost.
        let last = begin(db).await.unwrap();
        assert_eq!((last.number, told(&last.bills)), (1, vec!["us СВ-1 again".into(), "us СВ-2 again".into()]));
        assert!(finish(db, &last).await);
    }

    async fn two_exports_at_once_are_one(db: &Db) {
        let lease = leased(db, 1).await;
        issued(db, &lease, 1, "us").await;
        let other = db.another().await;
        let a = portal("a");
        let (one, two) = futures_util::future::join(
            db.store.office_export_begin(&a, at(10)),
            other.office_export_begin(&a, at(10)),
        ).await;
        let (one, two) = (one.unwrap().unwrap(), two.unwrap().unwrap());
        assert_eq!((one.number, two.number), (1, 1));
        let again = [&one, &two].iter().filter(|one| one.bills[0].again).count();
        assert_eq!(again, 1, "one of the two files says that the other may have it");
    }

    async fn what_was_made_for_trying_out_is_never_given(db: &Db) {
        let lease = leased(db, 1).await;
        issued(db, &lease, 1, "us").await;
        let draft = draft(2, "us-test", "2026-03-02");
        let effect = sent(db, &lease, 2, &draft, 1).await;
        let test = NewBill { test: true, ..bill_of(&draft, &effect.key) };
        let Recorded::Bill(bill) = record(db, &test, 1).await else { panic!("not recorded") };
        assert!(bill.test);
        cancel(db, &bill).await;
        let (_, preview) = db.store.office_export_preview(&portal("a")).await.unwrap();
        assert_eq!(told(&preview), ["us СВ-1"]);
        let export = begin(db).await.unwrap();
        assert_eq!(told(&export.bills), ["us СВ-1"]);
        assert!(finish(db, &export).await);
        assert_eq!(begin(db).await, None);
        // A real number never follows a test's in its series, and the other way about.
        for (id, seller, test) in [(3, "us", true), (4, "us-test", false)] {
            let draft = crate::office::draft(id, seller, "2026-03-02");
            let effect = sent(db, &lease, id, &draft, 1).await;
            let new = NewBill { test, ..bill_of(&draft, &effect.key) };
            assert_eq!(record(db, &new, 1).await, Recorded::OfAnotherKind);
        }
        assert_eq!(issued(db, &lease, 5, "us").await.number, "СВ-2", "and no number is lost by it");
    }
}
