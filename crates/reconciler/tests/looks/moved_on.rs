//! Deals that change their funnel: sales end where production begins, with an invoice or before we looked.

use domain::observed::{FieldValue, OurField, StageEntry};
use domain::payment::Direction;
use domain::{DealId, FunnelId, Price, StageId};
use planner::{Funnel, Mode, Plan, Refunds};
use testkit::time::paused;

use crate::desk::Desk;
use crate::office::Trouble;
use crate::refunds::{bill, carried_out, desk};

const PRODUCTION: FunnelId = FunnelId(9);

/// Somebody moves the deal to the funnel of production.
fn goes_on(desk: &Desk, id: u64) {
    let now = desk.clock.now();
    desk.office.edit(id, |reading| {
        let stage = StageId::new("C9:NEW");
        reading.history.push(StageEntry {
            funnel: PRODUCTION,
            stage: stage.clone(),
            at: now,
        });
        reading.glance.deal.funnel = PRODUCTION;
        reading.glance.deal.stage = stage;
    });
}

/// Policy says something of the funnel of production.
fn name_it(desk: &Desk, mode: Mode) {
    desk.set_policy(|policy| {
        let production = Funnel {
            id: PRODUCTION,
            mode,
            stages: vec![StageId::new("C9:NEW")],
            invoice_stages: Vec::new(),
            ..policy.funnels[0].clone()
        };
        policy.funnels.push(production);
    });
}

/// What `provodka plan` would tell of the deal.
async fn planned(desk: &Desk) -> Plan {
    let connected = desk.connected();
    let ctx = desk.context(store::Lane::Click);
    let asked = reconciler::Asked::Before;
    let plans = reconciler::plan_deals(&ctx, &connected, &[DealId(1)], asked).await;
    plans.unwrap().remove(0).plan
}

#[test]
fn an_invoiced_deal_shows_its_money_in_a_funnel_that_policy_does_not_name() {
    paused(async {
        let desk = desk(Refunds::TakeOff).await;
        let (total, named) = bill(&desk);
        goes_on(&desk, 1);
        desk.event(1).await;
        desk.run(60).await;
        carried_out(&desk, Direction::In, total, &format!("Оплата {named}")).await;
        let story = desk.office.story();
        assert!(story.contains("Status=Оплачен"), "{story}");
        assert!(story.contains("Оплата 122,00 ₽ получена"), "{story}");
        assert!(!story.contains("stage"), "{story}");
        assert!(desk.questions().await.is_empty());
        desk.assert_at_rest(1).await;
    });
}

#[test]
fn an_edit_of_an_invoiced_deal_is_noticed_in_a_funnel_that_policy_does_not_name() {
    paused(async {
        let desk = desk(Refunds::TakeOff).await;
        goes_on(&desk, 1);
        desk.office.edit(1, |reading| {
            reading.rows[0].price = Price::parse("150").unwrap();
        });
        desk.event(1).await;
        desk.run(60).await;
        assert_eq!(desk.questions().await, ["DEAL-CHANGED-AFTER-INVOICE"]);
        assert_eq!(desk.office.bells().len(), 1, "the manager");
    });
}

#[test]
fn an_invoiced_deal_in_a_funnel_that_is_off_or_watched_is_not_written() {
    paused(async {
        for mode in [Mode::Off, Mode::WatchOnly] {
            let desk = desk(Refunds::TakeOff).await;
            name_it(&desk, mode);
            let (total, named) = bill(&desk);
            goes_on(&desk, 1);
            let before = desk.office.story();
            carried_out(&desk, Direction::In, total, &format!("Оплата {named}")).await;
            assert_eq!(desk.office.story(), before, "{mode:?}");
            // What would be shown is told of the one and not of the other.
            let plan = planned(&desk).await;
            let is_off = plan.because == [planner::NOT_FOLLOWED];
            assert_eq!(
                (plan.actions.is_empty(), is_off),
                match mode {
                    Mode::Off => (true, true),
                    Mode::WatchOnly | Mode::Active => (false, false),
                }
            );
        }
    });
}

#[test]
fn an_order_in_the_field_of_a_deal_in_a_funnel_that_is_off_is_answered_and_taken_out() {
    paused(async {
        let desk = Desk::open().await;
        name_it(&desk, Mode::Off);
        desk.office.enter(1);
        goes_on(&desk, 1);
        desk.office.edit(1, |reading| {
            let order = FieldValue::Text("Выставить счёт".to_owned());
            reading.glance.fields.set(OurField::Command, &order);
        });
        let plan = planned(&desk).await;
        assert!(!plan.actions.is_empty(), "the answer: {plan:?}");
        desk.event(1).await;
        desk.run(60).await;
        let story = desk.office.story();
        let answers = story.matches("не подключена к программе").count();
        assert_eq!((answers, desk.office.bills().len()), (1, 0), "{story}");
        let shown = desk.office.state().deals[&DealId(1)].glance.fields.clone();
        assert_eq!((shown.command, shown.number), (None, None));
        desk.assert_at_rest(1).await;
    });
}

#[test]
fn a_robot_that_moves_the_deal_to_another_funnel_does_not_cost_it_its_invoice() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.enter(1);
        goes_on(&desk, 1);
        desk.event(1).await;
        desk.run(60).await;
        let story = desk.office.story();
        assert_eq!(desk.office.bills().len(), 1, "{story}");
        assert!(story.contains("deal 1: fields Number=1"), "{story}");
        assert!(story.contains("deal 1: file"), "{story}");
        desk.assert_at_rest(1).await;
    });
}

#[test]
fn what_it_lacks_is_asked_and_its_answer_brings_the_invoice() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.enter(1);
        desk.office
            .edit(1, |reading| reading.requisites[0].kpp.clear());
        goes_on(&desk, 1);
        desk.event(1).await;
        desk.run(60).await;
        assert_eq!(desk.questions().await, ["DEAL-DATA-MISSING"]);
        assert_eq!(desk.office.bells().len(), 1, "the manager");
        desk.office.edit(1, |reading| {
            reading.requisites[0].kpp = "770801001".to_owned();
        });
        desk.event(1).await;
        desk.run(60).await;
        assert_eq!(desk.office.bills().len(), 1);
        assert!(desk.questions().await.is_empty());
    });
}

#[test]
fn deals_of_other_funnels_cost_one_question_for_all_of_them() {
    paused(async {
        let desk = Desk::open().await;
        for id in 1..=30 {
            desk.office.enter(id);
            desk.office.edit(id, |reading| reading.history.clear());
            goes_on(&desk, id);
            desk.event(id).await;
        }
        desk.run(60).await;
        assert_eq!(desk.office.calls("entered"), 1);
        assert_eq!(desk.office.calls("read"), 0);
        assert_eq!(desk.office.story(), "");
    });
}

#[test]
fn a_deal_that_a_robot_moved_to_a_funnel_that_is_off_or_watched_has_no_invoice() {
    paused(async {
        for mode in [Mode::Off, Mode::WatchOnly] {
            let desk = Desk::open().await;
            name_it(&desk, mode);
            desk.office.enter(1);
            goes_on(&desk, 1);
            desk.event(1).await;
            desk.run(60).await;
            assert_eq!(desk.office.story(), "", "{mode:?}");
            let would = !planned(&desk).await.actions.is_empty();
            assert_eq!(would, mode == Mode::WatchOnly, "{mode:?}");
        }
    });
}

#[test]
fn histories_that_are_refused_make_no_question_of_deals_of_other_funnels() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.enter(1);
        goes_on(&desk, 1);
        desk.office.order("entered", Trouble::Refused);
        desk.event(1).await;
        desk.run(50).await;
        assert!(desk.questions().await.is_empty());
        assert_eq!(desk.office.story(), "");
        // It is looked at again without another word of it.
        desk.run(60).await;
        assert_eq!(desk.office.bills().len(), 1);
    });
}

#[test]
fn an_order_waits_while_nobody_knows_where_the_deal_came_from() {
    paused(async {
        for trouble in [Trouble::Refused, Trouble::Garbled] {
            let desk = Desk::open().await;
            desk.office.enter(1);
            goes_on(&desk, 1);
            desk.office.edit(1, |reading| {
                let order = FieldValue::Text("Выставить счёт".to_owned());
                reading.glance.fields.set(OurField::Command, &order);
            });
            // A plan that is only shown asks once and says what is not known.
            desk.office.order("entered", trouble);
            let plan = planned(&desk).await;
            assert!(plan.actions.is_empty(), "{plan:?}");
            assert!(plan.because[0].contains("из какой воронки"), "{plan:?}");
            desk.office.order("entered", trouble);
            desk.event(1).await;
            desk.run(50).await;
            assert_eq!(desk.office.story(), "", "neither answered nor taken out");
            desk.run(60).await;
            assert_eq!(desk.office.bills().len(), 1, "{}", desk.office.story());
        }
    });
}
