//! How a paid deal comes to its stage. One that the portal does not let in: its manager is asked, and it is tried again once
//! somebody changed the deal. One that a trigger is to move: what became of it is read back.

use domain::observed::StageEntry;
use domain::payment::Direction;
use domain::{StageId, UserId};
use planner::{MovedBy, Refunds};
use testkit::time::paused;

use crate::desk::Desk;
use crate::office::{INVOICE_STAGE, Trouble};
use crate::refunds::{bill, carried_out, desk};

const QUESTION: &str = "ACTION-REFUSED/move_stage";

/// A deal whose invoice is paid, and whose portal refuses so many moves.
async fn refused(times: usize) -> Desk {
    let desk = desk(Refunds::default()).await;
    for _time in 0..times {
        desk.office.order("stage", Trouble::Refused);
    }
    let (total, named) = bill(&desk);
    carried_out(&desk, Direction::In, total, &format!("Оплата {named}")).await;
    // Our own fields are a change of the deal like any other; its event comes back.
    desk.event(1).await;
    desk.run(60).await;
    desk
}

/// So many requests to move the deal.
fn tries(desk: &Desk) -> usize {
    desk.office.calls("stage")
}

fn stage(desk: &Desk) -> StageId {
    let state = desk.office.state();
    let mut deals = state.deals.values();
    let reading = deals.next().unwrap();
    reading.glance.deal.stage.clone()
}

#[test]
fn a_refused_move_is_the_managers_question_and_is_tried_again_once_the_deal_changed() {
    paused(async {
        let desk = refused(3).await;
        assert_eq!(tries(&desk), 2);
        assert_eq!(desk.questions().await, [QUESTION]);
        let bells = desk.office.bells();
        assert_eq!(bells.len(), 1, "{bells:?}");
        let (user, text) = bells.values().next().unwrap();
        assert_eq!(*user, UserId(5));
        assert!(text.contains("as ordered"), "the portal's words: {text}");
        assert!(text.contains("как только сделка изменится"), "{text}");
        assert_eq!(desk.office.chat(), Vec::<String>::new());
        // While nothing changed it is not asked for again, however often the deal is looked at.
        for _time in 0..3 {
            desk.event(1).await;
            desk.task("cases").await;
            desk.run(3_600).await;
        }
        assert_eq!(tries(&desk), 2);
        // An edit that mends nothing costs one try, and is nothing new to anybody.
        desk.office
            .edit(1, |reading| reading.glance.deal.title = "Другое".to_owned());
        for _time in 0..3 {
            desk.event(1).await;
            desk.run(60).await;
        }
        assert_eq!(tries(&desk), 3);
        assert_eq!(desk.office.calls("bell"), 1);
        assert_eq!(stage(&desk), StageId::new(INVOICE_STAGE));
        // The manager fills in what was named.
        desk.office
            .edit(1, |reading| reading.glance.deal.title = "Третье".to_owned());
        desk.event(1).await;
        desk.run(60).await;
        assert_eq!(stage(&desk), StageId::new("WON"));
        assert_eq!(tries(&desk), 4);
        assert_eq!(desk.questions().await, Vec::<String>::new());
        for effect in desk.known(1).await.effects {
            assert!(effect.state.is_settled(), "{effect:?}");
        }
    });
}

#[test]
fn a_deal_that_its_manager_moves_himself_is_no_question_any_more() {
    paused(async {
        let desk = refused(2).await;
        desk.office.edit(1, |reading| {
            reading.glance.deal.stage = StageId::new("WON");
        });
        desk.event(1).await;
        desk.run(60).await;
        assert_eq!(tries(&desk), 2);
        assert_eq!(desk.questions().await, Vec::<String>::new());
    });
}

#[test]
fn of_a_refused_move_the_administrator_hears_where_the_manager_cannot_be_told() {
    paused(async {
        let desk = desk(Refunds::default()).await;
        for _time in 0..2 {
            desk.office.order("stage", Trouble::Refused);
        }
        desk.office.order("bell", Trouble::Refused);
        let (total, named) = bill(&desk);
        carried_out(&desk, Direction::In, total, &format!("Оплата {named}")).await;
        desk.task("cases").await;
        desk.run(60).await;
        let chat = desk.office.chat();
        assert!(
            chat.iter().any(|text| text.contains("в стадию оплаты")),
            "{chat:?}"
        );
    });
}

/// Paid deals are moved by our trigger.
async fn by_trigger() -> Desk {
    let desk = desk(Refunds::default()).await;
    desk.set_policy(|policy| {
        let money = policy.money.as_mut().unwrap();
        money.stages[0].by = MovedBy::Trigger;
    });
    desk
}

#[test]
fn a_trigger_that_may_not_be_fired_is_the_administrators_question_and_says_what_registers_it() {
    paused(async {
        let desk = by_trigger().await;
        for _time in 0..3 {
            desk.office.order("trigger", Trouble::Refused);
        }
        let (total, named) = bill(&desk);
        carried_out(&desk, Direction::In, total, &format!("Оплата {named}")).await;
        desk.task("cases").await;
        desk.run(60).await;
        assert_eq!(desk.questions().await, [QUESTION]);
        let chat = desk.office.chat();
        let told = |text: &String| {
            text.contains("`provodka setup`") && !text.contains("Заполните в сделке")
        };
        assert!(chat.iter().any(told), "{chat:?}");
        assert!(desk.office.bells().is_empty(), "no manager can mend it");
    });
}

/// A deal whose invoice is paid, where our trigger moves it: to that stage, or nowhere.
async fn fired(bound_to: Option<&str>) -> Desk {
    let desk = by_trigger().await;
    desk.office.state().trigger_bound_to = bound_to.map(StageId::new);
    let (total, named) = bill(&desk);
    carried_out(&desk, Direction::In, total, &format!("Оплата {named}")).await;
    desk.event(1).await;
    desk.run(60).await;
    desk
}

/// A person drags the deal.
async fn drag(desk: &Desk, stage: &str) {
    let at = desk.clock.now();
    desk.office.edit(1, |reading| {
        reading.glance.deal.stage = StageId::new(stage);
        reading.history.push(StageEntry {
            funnel: reading.glance.deal.funnel,
            stage: StageId::new(stage),
            at,
        });
    });
    desk.event(1).await;
    desk.run(60).await;
}

#[test]
fn a_trigger_moves_a_paid_deal_once_and_a_person_may_put_it_back() {
    paused(async {
        let desk = fired(Some("WON")).await;
        assert_eq!(stage(&desk), StageId::new("WON"));
        drag(&desk, INVOICE_STAGE).await;
        desk.run(3_600).await;
        assert_eq!(stage(&desk), StageId::new(INVOICE_STAGE));
        assert_eq!(desk.office.calls("trigger"), 1);
        assert_eq!(tries(&desk), 0);
        assert_eq!(desk.questions().await, Vec::<String>::new());
    });
}

#[test]
fn a_trigger_that_moved_nothing_is_asked_about_until_somebody_moves_the_deal() {
    paused(async {
        let desk = fired(None).await;
        assert_eq!(stage(&desk), StageId::new(INVOICE_STAGE));
        assert_eq!(desk.questions().await, ["TRIGGER-UNBOUND"]);
        for _time in 0..3 {
            desk.event(1).await;
            desk.run(3_600).await;
        }
        assert_eq!(desk.office.calls("trigger"), 1);
        assert_eq!(desk.questions().await, ["TRIGGER-UNBOUND"]);
        drag(&desk, "WON").await;
        assert_eq!(desk.questions().await, Vec::<String>::new());
        assert_eq!(desk.office.calls("trigger"), 1);
        assert_eq!(tries(&desk), 0);
    });
}
