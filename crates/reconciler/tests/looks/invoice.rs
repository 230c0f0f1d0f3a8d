//! A deal becomes an invoice, once, from fresh data, and only where we may.

use std::sync::Arc;
use std::time::Duration;

use documents::{Layout, Picture};
use domain::Price;
use domain::observed::{OurField, StageEntry};
use insta::assert_snapshot;
use planner::{Attach, Mode, OwnPaper};
use reconciler::{Asked, NotConnected, Papers, plan_deals};
use store::Lane;
use testkit::time::{at, paused};

use crate::desk::Desk;
use crate::office::Trouble;

#[test]
fn a_deal_in_its_invoice_stage_gets_counterparty_invoice_fields_entry_and_file() {
    paused(async {
        let desk = Desk::open().await;
        desk.deal_enters(1).await;
        desk.run(60).await;
        assert_snapshot!(desk.office.story(), @r"
        books: counterparty K-1 7707083893/770801001
        books: invoice 1 for portal-a/deal/1/invoice/whole/1 to K-1: 122.00
        deal 1: fields Number=1, Date=2026-03-12, Sum=122.00, Status=Выставлен
        deal 1: timeline 901: Выставлен счёт № 1 от 12.03.2026 на сумму 122,00 ₽
        deal 1: file Счёт № 1 от 12.03.2026.pdf to 901: Выставлен счёт № 1 от 12.03.2026 на сумму 122,00 ₽
        ");
        let file = desk.office.timeline()[0].file.clone();
        assert_eq!(file.unwrap().1, b"%PDF of B-1");
        desk.assert_at_rest(1).await;
        let known = desk.known(1).await;
        assert_eq!(known.invoice_links[0].number, "1");
        assert_eq!(known.counterparty_links[0].contractor.as_str(), "K-1");
        assert!(known.cases.is_empty());
    });
}

#[test]
fn number_and_entry_are_there_within_two_seconds_and_the_file_follows() {
    paused(async {
        let desk = Desk::open().await;
        for id in 1..=10 {
            desk.deal_enters(id).await;
        }
        desk.run(60).await;
        let office = &desk.office;
        assert!(
            office.second_of("deal 10: fields") < 2.0,
            "{}",
            office.story()
        );
        assert!(office.second_of("deal 10: timeline") < 2.0);
        // The first file comes after the last number.
        assert!(office.second_of("deal 1: file") > office.second_of("deal 10: fields"));
        // The deals are read, and written, in a handful of calls; beside them each file takes one of its own.
        assert!(office.calls("glance") + office.calls("read") <= 8);
        let written = office.calls("write") - 10;
        assert!(written <= 4, "{written}");
    });
}

#[test]
fn our_own_paper_is_attached_where_policy_wants_it() {
    paused(async {
        let desk = Desk::open().await;
        desk.set_policy(|policy| policy.invoice.attach = Attach::Provodka);
        desk.deal_enters(1).await;
        desk.run(60).await;
        let (name, bytes) = desk.office.timeline()[0].file.clone().unwrap();
        assert_eq!(name, "Счёт № 1 от 12.03.2026.pdf");
        assert!(bytes.starts_with(b"%PDF-"), "{} bytes", bytes.len());
    });
}

/// What is drawn of a deal's invoice with the portal's own layout and pictures.
async fn drawn(named: Option<OwnPaper>) -> Vec<u8> {
    let desk = Desk::open().await;
    let text = "#let paper = json(\"/invoice.json\")\n#paper.title\n#if paper.has_stamp { image(\"/stamp\") }";
    let ring = include_bytes!("../../../documents/tests/samples/ring.png");
    desk.set_papers(Papers {
        layout: Some(Arc::new(Layout::from_text(text))),
        pictures: [(
            "ring.png".to_owned(),
            Picture::new(ring.as_slice()).unwrap(),
        )]
        .into(),
    });
    desk.set_policy(|policy| {
        policy.invoice.attach = Attach::Provodka;
        policy.organisations[0].paper = named;
    });
    desk.deal_enters(1).await;
    desk.run(60).await;
    desk.office.timeline()[0].file.clone().unwrap().1
}

#[test]
fn our_own_paper_has_the_portals_layout_and_the_pictures_that_its_organisation_names() {
    paused(async {
        let bare = drawn(None).await;
        let stamped = drawn(Some(OwnPaper {
            stamp: Some("ring.png".to_owned()),
            ..OwnPaper::default()
        }))
        .await;
        let ring = include_bytes!("../../../documents/tests/samples/ring.png").len();
        // The usual layout draws tables and a code: it is heavier than a line of text.
        assert!(bare.len() < 20_000, "{} bytes", bare.len());
        assert!(
            stamped.len() > bare.len() + ring / 4,
            "{} bytes",
            stamped.len()
        );
    });
}

#[test]
fn a_second_event_and_a_second_look_change_nothing() {
    paused(async {
        let desk = Desk::open().await;
        desk.deal_enters(1).await;
        desk.run(60).await;
        let story = desk.office.story();
        for _again in 0..3 {
            desk.event(1).await;
            desk.run(60).await;
        }
        assert_eq!(desk.office.story(), story);
    });
}

#[test]
fn a_look_that_finds_nothing_to_do_reads_no_more_than_a_glance() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.enter(1);
        desk.office.edit(1, |reading| {
            reading.glance.deal.stage = domain::StageId::new("NEW");
        });
        desk.event(1).await;
        desk.run(60).await;
        assert_eq!(
            (desk.office.calls("glance"), desk.office.calls("read")),
            (1, 0)
        );
        assert_eq!(desk.office.calls("find"), 0);
    });
}

#[test]
fn a_robot_that_moves_the_deal_on_does_not_cost_it_its_invoice() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.enter(1);
        desk.office.edit(1, |reading| {
            let won = domain::StageId::new("WON");
            let at = reading.history[0].at + jiff::SignedDuration::from_millis(900);
            reading.history.push(StageEntry {
                funnel: domain::FunnelId(0),
                stage: won.clone(),
                at,
            });
            reading.glance.deal.stage = won;
        });
        desk.event(1).await;
        desk.run(60).await;
        assert_eq!(desk.office.bills().len(), 1);
    });
}

#[test]
fn fifty_deals_of_one_new_counterparty_create_it_once() {
    paused(async {
        let desk = Desk::open().await;
        for id in 1..=50 {
            desk.deal_enters(id).await;
        }
        desk.run(300).await;
        assert_eq!(desk.office.calls("create"), 1);
        assert_eq!(desk.office.contractors().len(), 1);
        assert_eq!(desk.office.bills().len(), 50);
        // Those that did not create it do not wait for another day.
        let story = desk.office.state().story.clone();
        let last = story
            .iter()
            .rfind(|(_, line)| line.starts_with("books: invoice"));
        assert!(
            last.unwrap().0 < 3.0,
            "the last invoice came in second {}",
            last.unwrap().0
        );
    });
}

#[test]
fn a_counterparty_whose_first_creation_fails_is_created_for_all_that_want_it() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.order("create", Trouble::Busy);
        for id in 1..=5 {
            desk.deal_enters(id).await;
        }
        desk.run(600).await;
        assert_eq!(desk.office.contractors().len(), 1);
        assert_eq!(desk.office.bills().len(), 5);
    });
}

#[test]
fn an_edit_while_the_counterparty_is_looked_for_is_in_the_invoice() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.knows_romashka();
        desk.office.slow_down("find", Duration::from_secs(4));
        desk.deal_enters(1).await;
        let office = std::sync::Arc::clone(&desk.office);
        let editing = tokio::spawn(async move {
            office.clock.sleep_until(at(2)).await;
            office.edit(1, |reading| {
                reading.rows[0].price = Price::parse("244").unwrap()
            });
        });
        desk.run(60).await;
        editing.await.unwrap();
        let bills = desk.office.bills();
        assert_eq!(bills.len(), 1);
        assert_eq!(bills[0].invoice.totals.gross.to_string(), "244.00");
        assert!(desk.questions().await.is_empty());
    });
}

#[test]
fn a_turn_that_comes_too_late_sends_nothing_and_reads_again() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.knows_romashka();
        desk.turn.wait_once(Duration::from_secs(3));
        desk.deal_enters(1).await;
        desk.run(120).await;
        assert_eq!(*desk.turn.refused.lock().unwrap(), 1);
        assert_eq!(
            (desk.office.calls("issue"), desk.office.bills().len()),
            (1, 1)
        );
    });
}

#[test]
fn many_invoices_go_out_in_their_turn_and_no_deal_is_read_for_nothing() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.knows_romashka();
        desk.turn.one_after_another(Duration::from_millis(200));
        for id in 1..=40 {
            desk.deal_enters(id).await;
        }
        desk.run(30).await;
        assert_eq!(desk.office.bills().len(), 40);
        assert_eq!(*desk.turn.refused.lock().unwrap(), 0);
        // Seven leave while a reading is fresh.
        let reads = desk.office.calls("read");
        assert!(reads <= 8, "{reads} readings for forty invoices");
    });
}

#[test]
fn a_portal_that_answers_slowly_still_gets_its_invoices() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.slow_down("read", Duration::from_secs(3));
        desk.deal_enters(1).await;
        desk.run(60).await;
        assert_eq!(
            desk.office.bills().len(),
            1,
            "{} reads",
            desk.office.calls("read")
        );
    });
}

#[test]
fn lines_changed_while_the_rest_of_the_deal_was_read_are_not_issued() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.knows_romashka();
        let price = Price::parse("244").unwrap();
        desk.office.state().second_request = Some((Duration::from_secs(20), price));
        desk.deal_enters(1).await;
        desk.run(60).await;
        let bills = desk.office.bills();
        assert_eq!(bills.len(), 1);
        assert_eq!(
            bills[0].invoice.totals.gross,
            domain::Money::from_kopecks(24_400)
        );
        assert!(desk.questions().await.is_empty());
    });
}

#[test]
fn a_deal_that_needs_more_reading_does_not_make_the_others_stale() {
    paused(async {
        let desk = Desk::open().await;
        // Deal 1 has all it needs after one read; deal 2's counterparty takes seconds to find.
        desk.office.slow_down("find", Duration::from_secs(4));
        for id in 1..=4 {
            desk.deal_enters(id).await;
        }
        desk.run(120).await;
        assert_eq!(desk.office.bills().len(), 4);
        assert_eq!(*desk.turn.refused.lock().unwrap(), 0);
    });
}

#[test]
fn where_we_only_watch_plans_are_made_and_nothing_is_written() {
    paused(async {
        let desk = Desk::open().await;
        desk.set_policy(|policy| policy.funnels[0].mode = Mode::WatchOnly);
        desk.deal_enters(1).await;
        desk.run(600).await;
        assert_eq!(desk.office.story(), "");
        assert_eq!(desk.office.calls("create") + desk.office.calls("issue"), 0);
        let subject = store::Subject::deal(domain::DealId(1));
        let filter = store::JournalFilter {
            subject: Some(subject),
            ..store::JournalFilter::default()
        };
        let portal = testkit::builders::portal();
        let lines = desk.store.journal_read(&portal, &filter).await.unwrap();
        let decision = lines
            .iter()
            .find(|line| line.entry.kind == "decision")
            .unwrap();
        assert_eq!(decision.entry.body["carried_out"], false);
        assert_eq!(decision.entry.body["actions"][0], "create_counterparty");
        desk.assert_at_rest(1).await;
    });
}

#[test]
fn a_paused_portal_keeps_its_looks_and_works_them_off_when_it_is_resumed() {
    paused(async {
        let desk = Desk::open().await;
        desk.connect(Some(NotConnected::Paused));
        desk.deal_enters(1).await;
        desk.run(600).await;
        assert_eq!(desk.office.story(), "");
        assert_eq!(desk.office.calls("glance"), 0);
        desk.connect(None);
        desk.run(120).await;
        assert_eq!(desk.office.bills().len(), 1);
    });
}

#[test]
fn a_portal_that_cannot_be_reached_is_looked_at_again() {
    paused(async {
        let desk = Desk::open().await;
        for _time in 0..6 {
            desk.office.order("glance", Trouble::Busy);
        }
        desk.deal_enters(1).await;
        desk.run(120).await;
        assert_eq!(desk.office.bills().len(), 1);
    });
}

#[test]
fn who_lost_the_lease_writes_nothing_more() {
    paused(async {
        let desk = Desk::open().await;
        desk.deal_enters(1).await;
        let due = desk.due(Lane::Click).await;
        let lost = desk.lease();
        desk.clock.sleep_until(at(31)).await;
        desk.hand_over().await;
        let stale = desk.look_under(lost, Lane::Click, due).await;
        assert!(matches!(stale, Err(engine::Halted::LeaseLost)), "{stale:?}");
        assert_eq!(desk.office.story(), "");
    });
}

#[test]
fn a_plan_that_is_only_shown_asks_much_and_writes_nothing() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.enter(1);
        let connected = desk.connected();
        let ctx = desk.context(Lane::Click);
        let ids = [domain::DealId(1), domain::DealId(2)];
        let plans = plan_deals(&ctx, &connected, &ids, Asked::Before)
            .await
            .unwrap();
        let kinds: Vec<Vec<&str>> = plans
            .iter()
            .map(|deal| {
                deal.plan
                    .actions
                    .iter()
                    .map(planner::Action::kind)
                    .collect()
            })
            .collect();
        // With what would follow from its first step.
        let both = vec!["create_counterparty", "issue_invoice"];
        assert_eq!(kinds, [both, vec![]]);
        assert_eq!(desk.office.story(), "");
        assert!(desk.known(1).await.effects.is_empty());
    });
}

#[test]
fn a_robot_that_puts_its_own_value_back_is_asked_about_and_not_fought() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.knows_romashka();
        desk.office.state().robot = Some("робот".to_owned());
        desk.deal_enters(1).await;
        // The robot's change is an event of its own.
        for _event in 0..10 {
            desk.run(60).await;
            desk.event(1).await;
        }
        desk.run(60).await;
        let written = desk.office.story().matches("Number=1").count();
        assert_eq!(written, 2, "{}", desk.office.story());
        assert_eq!(desk.questions().await, ["FIELD-NOT-KEPT"]);
        assert_eq!(desk.office.chat().len(), 1);
        // A day later the field is tried once more, the robot is gone: the question is, too.
        desk.office.state().robot = None;
        desk.run(86_400).await;
        desk.event(1).await;
        desk.run(60).await;
        assert!(desk.questions().await.is_empty());
        let shown = desk.office.state().deals[&domain::DealId(1)]
            .glance
            .fields
            .clone();
        assert_eq!(shown.number.as_deref(), Some("1"));
    });
}

#[test]
fn an_order_in_the_command_field_is_obeyed_once_and_taken_out() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.enter(1);
        desk.office.edit(1, |reading| {
            reading.history.clear();
            reading.glance.deal.stage = domain::StageId::new("NEW");
            let order = domain::observed::FieldValue::Text("Выставить счёт".to_owned());
            reading.glance.fields.set(OurField::Command, &order);
        });
        desk.event(1).await;
        desk.run(60).await;
        assert_eq!(desk.office.bills().len(), 1);
        let shown = desk.office.state().deals[&domain::DealId(1)]
            .glance
            .fields
            .clone();
        assert_eq!(shown.command, None);
    });
}

/// The buyer of a deal has no INN, and policy allows that.
async fn without_inn(desk: &Desk, id: u64) {
    desk.set_policy(|policy| policy.invoice.without_inn = planner::WithoutInn::OwnId);
    desk.office.enter(id);
    desk.office.edit(id, |reading| {
        reading.requisites[0].inn.clear();
        reading.requisites[0].kpp.clear();
    });
    desk.event(id).await;
    desk.run(1_500).await;
}

#[test]
fn a_buyer_without_an_inn_is_entered_once_and_found_by_our_link() {
    paused(async {
        let desk = Desk::open().await;
        without_inn(&desk, 1).await;
        assert_eq!(desk.office.bills().len(), 1);
        assert_eq!(desk.office.contractors().len(), 1);
        without_inn(&desk, 2).await;
        assert_eq!(desk.office.bills().len(), 2);
        assert_eq!(desk.office.contractors().len(), 1);
        // The second time our link was asked about, and nobody searched for.
        assert_eq!(desk.office.calls("find ours"), 1);
        assert_eq!(desk.office.calls("still ours"), 1);
    });
}

#[test]
fn a_buyer_without_an_inn_whom_the_accountant_deleted_is_entered_again() {
    paused(async {
        let desk = Desk::open().await;
        without_inn(&desk, 1).await;
        desk.office.state().contractors.clear();
        without_inn(&desk, 2).await;
        assert_eq!(desk.office.calls("create"), 2);
        assert_eq!(desk.office.contractors().len(), 1);
        assert_eq!(desk.office.bills().len(), 2);
        assert!(desk.questions().await.is_empty());
    });
}

#[test]
fn a_card_that_the_accountant_made_somebody_elses_is_no_later_deals_buyer() {
    paused(async {
        let desk = Desk::open().await;
        desk.deal_enters(1).await;
        desk.run(60).await;
        desk.office.corrects_card(0, "7736050003/770701001");
        desk.deal_enters(2).await;
        desk.run(60).await;
        assert_eq!(desk.office.contractors().len(), 2);
        let billed = |place: usize| desk.office.bills()[place].invoice.contractor.clone();
        assert_eq!((billed(0).as_str(), billed(1).as_str()), ("K-1", "K-2"));
        let known = desk.known(2).await;
        assert_eq!(known.invoice_links[0].contractor.as_str(), "K-2");
        // The third finds the second's.
        desk.deal_enters(3).await;
        desk.run(60).await;
        assert_eq!(desk.office.calls("create"), 2);
        assert!(desk.questions().await.is_empty());
    });
}

#[test]
fn a_counterparty_that_the_accountant_deleted_is_made_again_for_a_later_deal() {
    paused(async {
        let desk = Desk::open().await;
        desk.deal_enters(1).await;
        desk.run(60).await;
        desk.office.state().contractors.clear();
        for id in 2..=4 {
            desk.deal_enters(id).await;
        }
        desk.run(60).await;
        assert_eq!(desk.office.calls("create"), 2);
        assert_eq!(desk.office.bills().len(), 4);
        assert!(desk.questions().await.is_empty());
    });
}

#[test]
fn a_card_that_is_made_somebody_elses_in_that_very_moment_is_asked_about() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.state().card_meanwhile = Some("7736050003/770701001");
        desk.deal_enters(1).await;
        desk.run(60).await;
        let asked = desk.questions().await;
        assert_eq!(asked.len(), 1, "{asked:?}");
        let case = desk.open_cases().await.remove(0).facts;
        assert_eq!(case.code, "INVOICE-EDITED");
        assert!(case.text.contains("7736050003/770701001"), "{}", case.text);
        desk.task("feed").await;
        desk.run(1).await;
        let mended = "7707083893/770801001".parse().unwrap();
        desk.accountant(|bill| bill.invoice.counterparty = Some(mended))
            .await;
        let asked = desk.questions().await;
        assert!(asked.is_empty(), "{asked:?}");
    });
}

#[test]
fn a_buyer_without_an_inn_whose_entering_was_not_answered_is_found_by_our_own_id() {
    for trouble in [Trouble::AnswerLost, Trouble::Lost] {
        paused(async {
            let desk = Desk::open().await;
            desk.office.order("create", trouble);
            without_inn(&desk, 1).await;
            assert_eq!(desk.office.contractors().len(), 1, "{trouble:?}");
            assert_eq!(desk.office.bills().len(), 1, "{trouble:?}");
        });
    }
}
