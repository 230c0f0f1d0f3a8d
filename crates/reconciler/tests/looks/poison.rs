//! A deal of which the portal cannot tell spoils the reading of all that are asked for with it, and holds up none.

use domain::DealId;
use store::Subject;
use testkit::time::paused;

use crate::desk::Desk;

/// Deals that enter their stage together; one of them spoils every reading of this kind.
async fn entered(desk: &Desk, deals: std::ops::RangeInclusive<u64>, poison: (&'static str, u64)) {
    let (kind, id) = poison;
    desk.office.state().poison.push((kind, DealId(id)));
    for id in deals {
        desk.deal_enters(id).await;
    }
}

async fn one_of_twenty(kind: &'static str) {
    let desk = Desk::open().await;
    entered(&desk, 1..=20, (kind, 7)).await;
    desk.run(60).await;
    assert_eq!(desk.office.bills().len(), 19, "{}", desk.office.story());
    let cases = desk.open_cases().await;
    assert_eq!(cases.len(), 1);
    assert_eq!(cases[0].facts.code, "BITRIX24-ANSWER");
    assert_eq!(cases[0].facts.subject, Subject::deal(DealId(7)));
    assert_eq!(desk.office.chat().len(), 1, "{:?}", desk.office.chat());
    assert!(desk.office.calls(kind) < 30, "{}", desk.office.calls(kind));

    // It is asked for again ever later, and told of no more.
    let before = desk.office.calls(kind);
    desk.run(4 * 3_600).await;
    let looks = desk.office.calls(kind) - before;
    assert!((5..=12).contains(&looks), "{looks}");
    assert_eq!(desk.office.chat().len(), 1);

    // Mended, it goes on by itself.
    desk.office.state().poison.clear();
    desk.run(3_700).await;
    assert_eq!(desk.questions().await, Vec::<String>::new());
    assert_eq!(desk.office.bills().len(), 20);
    desk.assert_at_rest(7).await;
}

#[test]
fn a_deal_that_spoils_every_glance_is_a_question_and_the_others_get_their_invoices() {
    paused(one_of_twenty("glance"));
}

#[test]
fn a_deal_that_spoils_every_whole_reading_is_a_question_and_the_others_get_their_invoices() {
    paused(one_of_twenty("read"));
}

#[test]
fn a_deal_alone_is_asked_about_when_it_cannot_be_read_twice() {
    paused(async {
        let desk = Desk::open().await;
        entered(&desk, 1..=1, ("glance", 1)).await;
        desk.run(30).await;
        assert_eq!(desk.questions().await, Vec::<String>::new());
        desk.run(60).await;
        assert_eq!(desk.questions().await, ["BITRIX24-ANSWER/glance"]);
    });
}

#[test]
fn a_portal_that_cannot_tell_of_any_deal_is_not_asked_for_each() {
    paused(async {
        let desk = Desk::open().await;
        for id in 1..=50 {
            desk.office.state().poison.push(("glance", DealId(id)));
            desk.deal_enters(id).await;
        }
        desk.run(30).await;
        assert!(desk.office.calls("glance") < 15);
        assert_eq!(desk.questions().await, Vec::<String>::new());
        // The second time it is a question, and the administrator hears of its cause once.
        desk.run(60).await;
        assert_eq!(desk.questions().await.len(), 50);
        assert_eq!(desk.office.chat().len(), 1, "{:?}", desk.office.chat());
        desk.office.state().poison.clear();
        desk.run(3_700).await;
        assert_eq!(desk.office.bills().len(), 50);
        assert_eq!(desk.questions().await, Vec::<String>::new());
    });
}
