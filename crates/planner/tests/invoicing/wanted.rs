//! Whether a deal wants an invoice at all.

use domain::observed::StageEntry;
use domain::{FunnelId, OrganisationId, StageId};
use insta::assert_snapshot;
use planner::{Action, DealSnapshot, FormerOrder, Funnel, Mode, Need, Seen};

use crate::build::{INVOICE_STAGE, TestDeal, ago, deal, organisation, own_company};
use crate::changed::order;

#[test]
fn what_nobody_looked_at_is_glanced_at_first() {
    let unread = deal().with(|deal| deal.snapshot = DealSnapshot::unread(deal.snapshot.id));
    assert_snapshot!(unread.plan(), @"need the glance");
}

#[test]
fn a_funnel_that_is_off_or_unknown_is_left_alone() {
    let off = deal().with(|deal| deal.policy.funnels[0].mode = Mode::Off);
    assert_snapshot!(off.plan(), @"because: воронка не подключена");
    assert_eq!(off.clone().glanced().plan(), off.plan());
    let unknown = deal().read(|reading| {
        reading.glance.deal.funnel = FunnelId(3);
        reading.history.clear();
    });
    assert_eq!(unknown.plan(), off.plan());
    assert!(!unknown.is_at_work() && !off.is_at_work());
}

/// It goes on to the funnel 3.
fn gone_on(deal: TestDeal) -> TestDeal {
    deal.read(|reading| {
        let stage = StageId::new("C3:NEW");
        reading.history.push(StageEntry {
            funnel: FunnelId(3),
            stage: stage.clone(),
            at: ago(1),
        });
        reading.glance.deal.funnel = FunnelId(3);
        reading.glance.deal.stage = stage;
    })
}

/// Policy names the funnel 3 as well, with an invoice stage of its own.
fn named(mode: Mode, deal: TestDeal) -> TestDeal {
    deal.with(|deal| {
        let other = Funnel {
            id: FunnelId(3),
            mode,
            stages: ["C3:NEW", "C3:INVOICE", "C3:WON"].map(StageId::new).into(),
            invoice_stages: vec![StageId::new("C3:INVOICE")],
            ..deal.policy.funnels[0].clone()
        };
        deal.policy.funnels.push(other);
    })
}

#[test]
fn a_robot_that_moves_the_deal_to_another_funnel_does_not_hide_its_entry() {
    let moved = gone_on(deal());
    assert_eq!(moved.plan(), deal().plan());
    assert!(moved.is_at_work());
    let ours = gone_on(named(Mode::Active, deal()));
    assert_eq!(ours.plan(), deal().plan());
    let fresh = gone_on(deal().history(&[(INVOICE_STAGE, 4)]));
    assert_snapshot!(fresh.plan(), @"look again at 2026-03-12T09:00:06Z: сделка только что перенесена, ждём, не вернут ли её");
    let back = gone_on(deal().history(&[(INVOICE_STAGE, 60), ("NEW", 30)]));
    assert_snapshot!(back.plan(), @"because: воронка не подключена");
    let lost = moved.of(|deal| (deal.lost, deal.closed) = (true, true));
    assert_snapshot!(lost.plan(), @"because: сделка проиграна");
}

/// In the funnel 3 our second organisation sells, in the other one the first.
fn sold_by_two(deal: TestDeal) -> TestDeal {
    named(Mode::Active, deal).with(|deal| {
        deal.policy.organisations.push(organisation("org-2", 2));
        deal.snapshot.own_companies.push(own_company(2));
        for (funnel, id) in deal.policy.funnels.iter_mut().zip(["org", "org-2"]) {
            funnel.organisation = Some(OrganisationId::new(id));
        }
    })
}

#[test]
fn a_robot_that_takes_a_deal_on_changes_nothing_of_who_sells() {
    let sellers = |deal: TestDeal| -> Vec<String> {
        let needs = deal.accounting_not_asked().planned().needs.into_iter();
        let asked = needs.filter_map(|need| {
            if let Need::Counterparties(seller, _) = need {
                Some(seller.to_string())
            } else {
                None
            }
        });
        asked.collect()
    };
    assert_eq!(sellers(gone_on(sold_by_two(deal()))), ["org"]);
    // An invoice of before is that of the one who sells.
    let invoiced = gone_on(sold_by_two(deal().settled())).planned();
    assert!(invoiced.cases.is_empty(), "{:?}", invoiced.cases);
    // Where it stands goes before where it came from.
    let entered = gone_on(sold_by_two(deal())).read(|reading| {
        let stage = StageId::new("C3:INVOICE");
        reading.history.push(StageEntry {
            funnel: FunnelId(3),
            stage: stage.clone(),
            at: ago(1),
        });
        reading.glance.deal.stage = stage;
    });
    let settled = entered.with(|deal| deal.policy.funnels[1].settle_seconds = 0);
    assert_eq!(sellers(settled.clone()), ["org-2"]);
    // What entered there ahead of that funnel's start does not count, to be billed or to be sold.
    let early = settled.clone().with(|deal| {
        deal.policy.funnels[1].start_at = Some(ago(0));
    });
    assert_eq!(sellers(early), ["org"]);
    let none = settled.clone().ordered().with(|deal| {
        for funnel in &mut deal.policy.funnels {
            funnel.start_at = Some(ago(0));
        }
    });
    assert_eq!(sellers(none), ["org-2"]);
    // What entered none, or was taken back, is sold where it stands.
    for history in [&[("NEW", 600)][..], &[(INVOICE_STAGE, 60), ("NEW", 30)]] {
        let ordered = gone_on(sold_by_two(deal().history(history))).ordered();
        assert_eq!(sellers(ordered), ["org-2"], "{history:?}");
    }
}

#[test]
fn only_what_entered_an_invoice_stage_is_read_whole_in_another_funnel() {
    let glanced = gone_on(deal()).glanced();
    assert_snapshot!(glanced.plan(), @"need to know whether it entered an invoice stage");
    let told = |entered| {
        let glanced = glanced.clone();
        glanced.with(|deal| deal.snapshot.entered = Some(entered))
    };
    assert_snapshot!(told(true).plan(), @"need the whole look");
    assert!(told(true).is_at_work());
    assert_snapshot!(told(false).plan(), @"because: воронка не подключена");
    assert!(!told(false).is_at_work());
    // Where several funnels are active it may have come from any of them.
    let early = named(Mode::Active, deal().stage("NEW")).glanced();
    assert_eq!(early.plan(), glanced.plan());
    let early = early.with(|deal| deal.snapshot.entered = Some(false));
    assert_snapshot!(early.plan(), @"because: сделка не дошла до стадии счёта");
}

#[test]
fn what_came_from_our_funnel_before_the_start_waits_for_an_order() {
    let old = gone_on(deal().history(&[(INVOICE_STAGE, 90_000)]));
    assert_snapshot!(old.plan(), @"because: сделка на стадии счёта с 11.03.2026 11:00, это раньше начала работы 11.03.2026 12:00");
    assert_eq!(old.ordered().plan(), deal().plan());
    let stranger = gone_on(deal().history(&[("NEW", 90_000)])).ordered();
    let told = stranger.plan();
    assert!(told.contains("воронка этой сделки не подключена"), "{told}");
    // What entered the stage of the funnel where it stands counts from there.
    let again = named(Mode::Active, deal().history(&[(INVOICE_STAGE, 90_000)])).read(|reading| {
        reading.history.push(StageEntry {
            funnel: FunnelId(3),
            stage: StageId::new("C3:INVOICE"),
            at: ago(60),
        });
        reading.glance.deal.funnel = FunnelId(3);
        reading.glance.deal.stage = StageId::new("C3:INVOICE");
    });
    assert_eq!(again.plan(), deal().plan());
}

#[test]
fn what_policy_says_of_the_funnel_where_the_deal_stands_holds() {
    let off = gone_on(named(Mode::Off, deal()));
    assert_snapshot!(off.plan(), @"because: воронка не подключена");
    let watched = gone_on(named(Mode::WatchOnly, deal()));
    assert_eq!(watched.plan(), deal().plan());
    assert!(!off.is_at_work() && !watched.is_at_work());
    // Nor does a stage of a funnel that is only watched make a deal of an active one ours.
    let entered = StageEntry {
        funnel: FunnelId(3),
        stage: StageId::new("C3:INVOICE"),
        at: ago(60),
    };
    let back = named(Mode::WatchOnly, deal().stage("NEW")).read(|it| it.history = vec![entered]);
    assert_snapshot!(back.plan(), @"because: сделка не дошла до стадии счёта");
}

#[test]
fn an_order_in_the_field_of_a_deal_for_which_nothing_is_done_is_answered_once() {
    let off = gone_on(named(Mode::Off, deal()));
    let invoiced = gone_on(named(Mode::Off, deal().settled()));
    let unnamed =
        gone_on(deal().history(&[("NEW", 600)])).with(|deal| deal.snapshot.entered = Some(false));
    for (deal, is_whole) in [&off, &invoiced, &unnamed]
        .into_iter()
        .flat_map(|deal| [(deal, true), (deal, false)])
    {
        let seen = |deal: TestDeal| if is_whole { deal } else { deal.glanced() };
        let silent = seen(deal.clone());
        assert!(!silent.is_at_work());
        let mut ordered = seen(order(deal.clone(), "аванс"));
        assert!(ordered.is_at_work());
        let plan = ordered.planned();
        let answers = plan.actions.iter().filter(|action| {
            matches!(action, Action::AddTimelineEntry { text, .. } if text.contains("не подключена к программе"))
        });
        assert_eq!((answers.count(), plan.actions.len()), (1, 2), "{plan:?}");
        ordered.carry_out(plan);
        // The field is empty, and nothing else is wanted there.
        assert!(!ordered.is_at_work());
        assert_eq!(ordered.plan(), silent.plan());
    }
    // Of a deal that may have come from one of ours that is asked first; while we only watch nothing is written.
    let unknown = order(unnamed, "аванс").glanced();
    let unknown = unknown.with(|deal| deal.snapshot.entered = None);
    assert_snapshot!(unknown.plan(), @"need to know whether it entered an invoice stage");
    let watching = order(off, "аванс");
    let watching = watching.with(|deal| deal.policy.funnels[0].mode = Mode::WatchOnly);
    assert!(!watching.is_at_work());
}

#[test]
fn a_deal_with_an_invoice_is_at_work_in_a_funnel_that_policy_does_not_name() {
    let invoiced = gone_on(deal().settled());
    assert!(invoiced.planned().is_empty(), "{}", invoiced.plan());
    assert!(invoiced.is_at_work() && invoiced.clone().glanced().is_at_work());
    for mode in [Mode::Off, Mode::WatchOnly] {
        assert!(!gone_on(named(mode, deal().settled())).is_at_work());
    }
    let paused = invoiced.with(|deal| deal.policy.funnels[0].mode = Mode::WatchOnly);
    assert!(!paused.is_at_work());
}

#[test]
fn a_funnel_that_is_only_watched_is_planned_like_any_other() {
    let watched = deal().with(|deal| deal.policy.funnels[0].mode = Mode::WatchOnly);
    assert_eq!(watched.plan(), deal().plan());
}

#[test]
fn a_funnel_without_an_invoice_stage_wants_none() {
    let none = deal().with(|deal| deal.policy.funnels[0].invoice_stages.clear());
    assert_snapshot!(none.plan(), @"because: в воронке не названа стадия счёта");
}

#[test]
fn before_the_invoice_stage_a_glance_is_enough() {
    assert_snapshot!(deal().stage("PREPARATION").glanced().plan(), @"because: сделка не дошла до стадии счёта");
}

#[test]
fn at_or_after_the_invoice_stage_only_the_history_tells() {
    assert_snapshot!(deal().glanced().plan(), @"need the whole look");
    assert_snapshot!(deal().stage("EXECUTING").glanced().plan(), @"need the whole look");
    assert_snapshot!(deal().stage("A-STAGE-ADDED-LATER").glanced().plan(), @"need the whole look");
}

#[test]
fn a_lost_deal_wants_none() {
    let lost = deal()
        .history(&[("NEW", 600), (INVOICE_STAGE, 60), ("LOSE", 30)])
        .of(|deal| (deal.lost, deal.closed) = (true, true));
    assert_snapshot!(lost.plan(), @"because: сделка проиграна");
}

#[test]
fn what_entered_before_the_start_enters_again_when_it_is_brought_back_from_a_later_stage() {
    let old = || deal().history(&[(INVOICE_STAGE, 90_000)]);
    for since in [
        &[("EXECUTING", 88_000), (INVOICE_STAGE, 60)][..],
        &[("EXECUTING", 600), (INVOICE_STAGE, 60), ("EXECUTING", 30)],
    ] {
        let entries = [&[("NEW", 95_000), (INVOICE_STAGE, 90_000)][..], since].concat();
        let again = deal().history(&entries);
        assert_eq!(again.plan(), deal().plan(), "{since:?}");
    }
    let from_another_funnel = old().read(|reading| {
        let here = reading.glance.deal.funnel;
        for (funnel, stage, seconds) in [(FunnelId(3), "C3:NEW", 600), (here, INVOICE_STAGE, 60)] {
            reading.history.push(StageEntry {
                funnel,
                stage: StageId::new(stage),
                at: ago(seconds),
            });
        }
    });
    assert_eq!(from_another_funnel.plan(), deal().plan());
    // Brought back before the start, or only seen there once more.
    let before = [
        (INVOICE_STAGE, 95_000),
        ("EXECUTING", 93_000),
        (INVOICE_STAGE, 90_000),
    ];
    assert_eq!(deal().history(&before).plan(), old().plan());
    let twice = [(INVOICE_STAGE, 90_000), (INVOICE_STAGE, 60)];
    assert_eq!(deal().history(&twice).plan(), old().plan());
}

#[test]
fn what_entered_the_stage_before_the_start_is_not_touched() {
    let old = deal().history(&[("NEW", 100_000), (INVOICE_STAGE, 90_000)]);
    assert_snapshot!(old.plan(), @"because: сделка на стадии счёта с 11.03.2026 11:00, это раньше начала работы 11.03.2026 12:00");
    let moved_on_since = deal().history(&[(INVOICE_STAGE, 90_000), ("EXECUTING", 60)]);
    assert_eq!(moved_on_since.plan(), old.plan());
}

#[test]
fn a_funnel_that_began_later_leaves_what_entered_before() {
    let begun = |seconds: i64, deal: TestDeal| {
        deal.with(|deal| deal.policy.funnels[0].start_at = Some(ago(seconds)))
    };
    let entered = || deal().history(&[("NEW", 9_000), (INVOICE_STAGE, 7_200)]);
    assert_snapshot!(begun(3_600, entered()).plan(), @"because: сделка на стадии счёта с 12.03.2026 10:00, это раньше начала работы 12.03.2026 11:00");
    assert_eq!(begun(3_600, entered().ordered()).plan(), deal().plan());
    assert_eq!(begun(7_200, entered()).plan(), deal().plan());
    // Nor does it begin before the portal does.
    let old = || deal().history(&[(INVOICE_STAGE, 90_000)]);
    assert_eq!(begun(100_000, old()).plan(), old().plan());
    // Where the history will not come, the deal's age tells.
    let unwritten = || {
        deal().history(&[]).of(|deal| {
            (deal.created, deal.changed) = (ago(7_200), ago(400));
        })
    };
    assert_eq!(unwritten().plan(), deal().plan());
    assert_snapshot!(begun(3_600, unwritten()).plan(), @"because: сделка не входила в стадию счёта");
}

#[test]
fn a_deal_that_was_moved_back_wants_none() {
    let back = deal().history(&[("NEW", 600), (INVOICE_STAGE, 300), ("PREPARATION", 60)]);
    assert_snapshot!(back.plan(), @"because: сделка не дошла до стадии счёта");
    // Its history says so even where its present stage does not tell.
    let unknown_now = back.stage("A-STAGE-ADDED-LATER");
    assert_snapshot!(unknown_now.plan(), @"because: сделка не входила в стадию счёта");
}

#[test]
fn a_stage_that_was_added_since_takes_back_only_a_deal_that_came_from_there() {
    let back = deal().history(&[
        ("NEW", 900),
        ("ADDED", 600),
        (INVOICE_STAGE, 300),
        ("ADDED", 60),
    ]);
    assert_snapshot!(back.plan(), @"because: сделка не входила в стадию счёта");
    let on = deal().history(&[("NEW", 900), (INVOICE_STAGE, 300), ("ADDED", 60)]);
    assert_eq!(on.plan(), deal().plan());
}

#[test]
fn what_a_deal_did_is_judged_by_the_order_of_then() {
    let moved = |seconds| {
        let entries = [("NEW", 900), (INVOICE_STAGE, 600), ("EXECUTING", seconds)];
        deal().history(&entries).with(|deal| {
            let funnel = &mut deal.policy.funnels[0];
            let order = ["NEW", "PREPARATION", "EXECUTING", INVOICE_STAGE, "WON"];
            funnel.former.push(FormerOrder {
                until: ago(300),
                stages: std::mem::replace(&mut funnel.stages, order.map(StageId::new).into()),
            });
        })
    };
    assert_eq!(moved(301).plan(), deal().plan());
    assert_snapshot!(moved(301).glanced().plan(), @"need the whole look");
    assert_snapshot!(moved(300).plan(), @"because: сделка не входила в стадию счёта");
    // A stage that never stood anywhere else needs no history.
    assert_snapshot!(moved(301).stage("PREPARATION").glanced().plan(), @"because: сделка не дошла до стадии счёта");
}

#[test]
fn a_deal_that_was_moved_back_and_entered_again_counts_from_the_new_entry() {
    let again = deal().history(&[
        (INVOICE_STAGE, 90_000),
        ("PREPARATION", 300),
        (INVOICE_STAGE, 60),
    ]);
    assert_eq!(again.plan(), deal().plan());
}

#[test]
fn a_robot_that_moves_the_deal_on_does_not_hide_its_entry() {
    let moved = deal().history(&[("NEW", 600), (INVOICE_STAGE, 61), ("EXECUTING", 60)]);
    assert_eq!(moved.plan(), deal().plan());
    let won = deal()
        .history(&[(INVOICE_STAGE, 61), ("WON", 60)])
        .of(|deal| deal.closed = true);
    assert_eq!(won.plan(), deal().plan());
}

#[test]
fn a_deal_that_stepped_over_the_invoice_stage_wants_none() {
    assert_snapshot!(deal().history(&[("NEW", 600), ("EXECUTING", 60)]).plan(), @"because: сделка не входила в стадию счёта");
}

#[test]
fn an_entry_in_another_funnel_does_not_count() {
    let elsewhere = deal().stage("EXECUTING").read(|reading| {
        reading.history = vec![StageEntry {
            funnel: FunnelId(3),
            stage: StageId::new(INVOICE_STAGE),
            at: ago(60),
        }];
    });
    assert_snapshot!(elsewhere.plan(), @"because: сделка не входила в стадию счёта");
}

#[test]
fn a_wrong_drag_has_some_seconds_to_be_taken_back() {
    assert_snapshot!(deal().history(&[(INVOICE_STAGE, 4)]).plan(), @"look again at 2026-03-12T09:00:06Z: сделка только что перенесена, ждём, не вернут ли её");
    assert_eq!(deal().history(&[(INVOICE_STAGE, 10)]).plan(), deal().plan());
    let at_once = deal()
        .with(|deal| deal.policy.funnels[0].settle_seconds = 0)
        .history(&[(INVOICE_STAGE, 0)]);
    assert_eq!(at_once.plan(), deal().plan());
}

#[test]
fn a_history_that_the_portal_has_not_written_yet_is_waited_for() {
    let new_deal = deal().history(&[]).of(|deal| deal.created = ago(1));
    assert_snapshot!(new_deal.plan(), @"look again at 2026-03-12T09:00:30Z: история стадий ещё не записана порталом");
    // A deal of long ago that was dragged into the stage just now.
    let dragged = deal().history(&[]).of(|deal| {
        (deal.created, deal.changed) = (ago(900_000), ago(1));
        deal.stage = StageId::new(INVOICE_STAGE);
    });
    assert_eq!(dragged.plan(), new_deal.plan());
    // One that has stood there for ever has none to come.
    let old = dragged.of(|deal| deal.changed = ago(400));
    assert_snapshot!(old.plan(), @"because: сделка не входила в стадию счёта");
}

#[test]
fn a_persons_order_counts_in_any_stage_and_before_the_start() {
    let early = deal().history(&[("NEW", 90_000)]).ordered();
    assert_eq!(early.plan(), deal().plan());
    assert_snapshot!(early.glanced().plan(), @"need the whole look");
    let old = deal().history(&[(INVOICE_STAGE, 90_000)]).ordered();
    assert_eq!(old.plan(), deal().plan());
    let fresh = deal().history(&[(INVOICE_STAGE, 1)]).ordered();
    assert_eq!(fresh.plan(), deal().plan());
}

#[test]
fn another_word_in_the_command_field_is_no_order() {
    let other = deal().history(&[("NEW", 600)]).read(|reading| {
        reading.glance.fields.command = Some("позвонить".to_owned());
    });
    assert_snapshot!(other.plan(), @"because: сделка не дошла до стадии счёта");
}

#[test]
fn a_deal_that_never_had_an_invoice_may_go() {
    assert_snapshot!(deal().seen(Seen::Gone).plan(), @"because: сделка удалена, счёта не было");
}

#[test]
fn questions_about_an_invoice_that_is_no_longer_wanted_are_withdrawn() {
    let back = deal()
        .history(&[(INVOICE_STAGE, 60), ("NEW", 30)])
        .open("DEAL-DATA-MISSING", "не указан КПП", true)
        .open("COUNTERPARTY-AMBIGUOUS", "их два", true)
        .open("SOMETHING-ELSE", "не наше", true);
    assert_snapshot!(back.plan(), @r"
    withdraw DEAL-DATA-MISSING
    withdraw COUNTERPARTY-AMBIGUOUS
    because: сделка не дошла до стадии счёта
    ");
}
