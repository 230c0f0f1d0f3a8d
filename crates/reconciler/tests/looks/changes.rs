//! What nobody told us: sweeps, the vendor's queue, the accounting side's feed, deletions.

use std::time::Duration;

use capability::portal::{RecordKind, Reserved};
use domain::observed::Record;
use domain::{CompanyId, DealId, InvoiceStatus, Money, RequisiteId, StageId};
use insta::assert_snapshot;
use jiff::SignedDuration;
use reconciler::NotConnected;
use store::{Fault, Lane, Look, Subject};
use testkit::builders::portal;
use testkit::time::{at, paused};

use crate::desk::Desk;
use crate::office::Trouble;

/// A desk with one deal whose invoice is issued and shown, and the feed read up to now.
async fn desk_with_invoice() -> Desk {
    let desk = Desk::open().await;
    desk.office.knows_romashka();
    desk.deal_enters(1).await;
    desk.run(60).await;
    desk.task("feed").await;
    desk.run(1).await;
    desk.office.state().story.clear();
    desk
}

impl Desk {
    /// The accountant does something to the first invoice.
    pub(crate) async fn accountant(&self, act: impl FnOnce(&mut crate::office::Bill)) {
        {
            let mut state = self.office.state();
            act(&mut state.bills[0]);
            let id = state.bills[0].invoice.id.clone();
            state.feed.push(id);
        }
        self.run(120).await;
    }
}

#[test]
fn the_echo_of_our_own_write_is_not_read_whole() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.knows_romashka();
        desk.deal_enters(1).await;
        desk.run(1).await;
        desk.event(1).await;
        desk.run(60).await;
        let (glances, wholes) = (desk.office.calls("glance"), desk.office.calls("read"));
        assert_eq!(wholes, 1);

        desk.office.edit(1, |reading| {
            reading.rows[0].price = domain::Price::parse("90").unwrap();
        });
        desk.event(1).await;
        desk.run(60).await;
        assert!(desk.office.calls("glance") > glances);
        assert_eq!(desk.office.calls("read"), 2);
        assert_eq!(desk.open_cases().await.len(), 1);
    });
}

#[test]
fn whoever_edits_the_deal_before_our_write_is_not_taken_for_an_echo() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.knows_romashka();
        desk.office.slow_down("issue", Duration::from_secs(1));
        desk.deal_enters(1).await;
        let edits = async {
            let clock = &desk.clock;
            let halfway = clock.now() + SignedDuration::from_millis(500);
            clock.sleep_until(halfway).await;
            desk.office.edit(1, |reading| {
                reading.rows[0].price = domain::Price::parse("90").unwrap();
            });
            desk.event(1).await;
        };
        futures_util::future::join(desk.run(60), edits).await;
        assert_eq!(desk.open_cases().await.len(), 1);
    });
}

#[test]
fn what_the_accountant_edits_is_shown_on_the_deal() {
    paused(async {
        let desk = desk_with_invoice().await;
        desk.accountant(|bill| {
            bill.invoice.number = "1/2".to_owned();
            bill.invoice.totals.gross = Money::from_kopecks(10_000);
            bill.invoice.status = InvoiceStatus::PartiallyPaid;
        })
        .await;
        assert_snapshot!(desk.office.story(), @r"
        chat chat12: [URL=/crm/deal/details/1/]Сделка 1[/URL]. Сумма счёта № 1/2 в учёте не та, что по сделке: 100,00 ₽ вместо 122,00 ₽. В сделке показано то, что в учёте.
        deal 1: fields Number=1/2, Sum=100.00, Status=Оплачен частично
        ");
        assert_eq!(desk.known(1).await.invoice_links[0].number, "1/2");
    });
}

#[test]
fn what_the_accountant_edits_before_the_feed_is_first_read_is_shown_as_well() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.knows_romashka();
        desk.deal_enters(1).await;
        desk.run(60).await;
        desk.office.state().story.clear();
        desk.accountant(|bill| bill.invoice.status = InvoiceStatus::PartiallyPaid)
            .await;
        assert_eq!(desk.office.calls("feed"), 0);
        desk.task("feed").await;
        desk.run(120).await;
        assert_snapshot!(desk.office.story(), @"deal 1: fields Status=Оплачен частично");
    });
}

#[test]
fn what_the_accounting_side_told_before_a_pause_is_asked_about_after_it() {
    paused(async {
        let desk = desk_with_invoice().await;
        desk.connect(Some(NotConnected::Paused));
        let told = Look {
            subject: Subject::deal(DealId(1)),
            lane: Lane::Due,
            due_at: desk.clock.now(),
            reason: "the accounting side changed its invoice".to_owned(),
        };
        desk.store.look(&portal(), &[told]).await.unwrap();
        desk.office.state().bills[0].invoice.status = InvoiceStatus::PartiallyPaid;
        desk.run(180).await;
        desk.connect(None);
        desk.run(120).await;
        assert_snapshot!(desk.office.story(), @"deal 1: fields Status=Оплачен частично");
    });
}

#[test]
fn an_invoice_that_the_accountant_deletes_is_shown_as_deleted_and_not_made_again() {
    paused(async {
        let desk = desk_with_invoice().await;
        desk.accountant(|bill| bill.deleted = true).await;
        assert_snapshot!(desk.office.story(), @r"
        chat chat12: [URL=/crm/deal/details/1/]Сделка 1[/URL]. Счёт № 1 от 12.03.2026 удалён в учёте вручную. Новый счёт сам не выставляется.
        deal 1: fields Status=Удалён в учёте
        ");
        desk.event(1).await;
        desk.run(600).await;
        assert_eq!(desk.office.calls("issue"), 1);
        assert_eq!(desk.questions().await, ["INVOICE-DELETED"]);
    });
}

#[test]
fn a_status_that_nobody_knows_changes_nothing() {
    paused(async {
        let desk = desk_with_invoice().await;
        desk.accountant(|bill| bill.invoice.status = InvoiceStatus::Unknown)
            .await;
        assert_eq!(desk.office.story(), "");
    });
}

#[test]
fn invoices_of_others_in_the_feed_are_nobodys_look() {
    paused(async {
        let desk = desk_with_invoice().await;
        let reads = desk.office.calls("glance");
        let foreign = domain::InvoiceId::new("B-999");
        desk.office.state().feed.push(foreign);
        desk.run(180).await;
        assert_eq!(desk.office.calls("glance"), reads);
    });
}

#[test]
fn a_deleted_deal_is_seen_by_the_nightly_look_and_told_once() {
    paused(async {
        let desk = desk_with_invoice().await;
        desk.office.state().gone.push(DealId(1));
        for _night in 0..3 {
            desk.task("links").await;
            desk.run(600).await;
        }
        assert_snapshot!(desk.office.story(), @"chat chat12: [URL=/crm/deal/details/1/]Сделка 1[/URL]. Сделка удалена, а её счёт № 1 от 12.03.2026 на 122,00 ₽ остался в учёте. Решите, отменить ли его.");
        assert_eq!(desk.questions().await, ["DEAL-DELETED"]);
        assert_eq!(desk.office.bills().len(), 1);
    });
}

#[test]
fn an_event_of_a_deal_that_is_gone_before_the_look_is_nothing() {
    paused(async {
        let desk = Desk::open().await;
        desk.event(1).await;
        desk.run(60).await;
        assert_eq!(desk.office.story(), "");
        assert!(desk.questions().await.is_empty());
        desk.assert_at_rest(1).await;
    });
}

#[test]
fn a_deal_edited_after_its_invoice_is_a_question_and_changed_back_it_is_none() {
    paused(async {
        let desk = desk_with_invoice().await;
        desk.office.edit(1, |reading| {
            reading.rows[0].price = domain::Price::parse("244").unwrap();
        });
        desk.event(1).await;
        desk.run(60).await;
        assert_snapshot!(desk.office.story(), @r"
        bell for 5: [URL=/crm/deal/details/1/]Сделка 1[/URL]. Сделка изменена после счёта № 1. Счёт не перевыставлен. Различия:
        • сумма: в счёте 122,00 ₽, в сделке 244,00 ₽
        • строка 1: была «Консультация» 1 шт по 122, НДС 22%, стала «Консультация» 1 шт по 244, НДС 22%
        Верните сделку к прежнему виду или выберите в поле «Счёт: что сделать»:
        • перевыставить: новый счёт вместо этого (reissue)
        • оставить счёт как есть (leave)
        ");
        assert_eq!(desk.questions().await, ["DEAL-CHANGED-AFTER-INVOICE"]);
        desk.office.edit(1, |reading| {
            reading.rows[0].price = domain::Price::parse("122").unwrap();
        });
        desk.event(1).await;
        desk.run(60).await;
        assert!(desk.questions().await.is_empty());
        assert_eq!(desk.office.bills().len(), 1);
    });
}

#[test]
fn a_lost_event_is_made_up_for_by_the_sweep() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.enter(1);
        let page = vec![(Record::Deal(DealId(1)), None)];
        desk.office
            .state()
            .pages
            .insert(RecordKind::Deal, vec![page]);
        desk.task("sweep").await;
        desk.run(60).await;
        assert_eq!(desk.office.bills().len(), 1);
    });
}

#[test]
fn a_task_of_the_portal_is_due_again_an_interval_after_it_began() {
    paused(async {
        for (task, minutes) in [("sweep", 15), ("cases", 60), ("links", 24 * 60)] {
            let desk = Desk::open().await;
            let began = desk.clock.now();
            desk.task(task).await;
            desk.run(60).await;
            let due = desk.store.next_due_of(&portal()).await.unwrap();
            assert_eq!(
                due,
                Some(began + SignedDuration::from_mins(minutes)),
                "{task}"
            );
        }
    });
}

#[test]
fn a_deal_that_a_robot_moved_on_is_found_by_its_entry() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.enter(1);
        desk.office.state().entered = vec![vec![], vec![(Record::Deal(DealId(1)), None)]];
        desk.task("sweep").await;
        desk.run(60).await;
        assert_eq!(desk.office.bills().len(), 1);
    });
}

#[test]
fn what_entered_its_stage_while_the_funnel_was_only_watched_is_looked_at_once_it_is_active() {
    paused(async {
        let desk = Desk::open().await;
        desk.set_policy(|policy| policy.funnels[0].mode = planner::Mode::WatchOnly);
        desk.office.enter(1);
        desk.office.state().entered = vec![vec![(Record::Deal(DealId(1)), Some(at(0)))]];
        desk.run(60).await;
        for _sweep in 0..2 {
            desk.task("sweep").await;
            desk.run(60).await;
        }
        assert_eq!(desk.office.bills().len(), 0);
        desk.set_policy(|policy| policy.funnels[0].mode = planner::Mode::Active);
        desk.task("sweep").await;
        desk.run(60).await;
        assert_eq!(desk.office.bills().len(), 1);
        let glances = desk.office.calls("glance");
        desk.task("sweep").await;
        desk.run(60).await;
        assert_eq!(
            desk.office.calls("glance"),
            glances,
            "and no more than once"
        );
    });
}

#[test]
fn what_entered_its_stage_before_the_funnel_began_is_looked_at_once_it_began_earlier() {
    paused(async {
        let desk = Desk::open().await;
        desk.set_policy(|policy| policy.funnels[0].start_at = Some(at(3_600)));
        desk.office.enter(1);
        desk.office.state().entered = vec![vec![(Record::Deal(DealId(1)), Some(at(0)))]];
        desk.task("sweep").await;
        desk.run(60).await;
        assert_eq!(desk.office.bills().len(), 0);
        desk.set_policy(|policy| policy.funnels[0].start_at = None);
        desk.task("sweep").await;
        desk.run(60).await;
        assert_eq!(desk.office.bills().len(), 1);
    });
}

#[test]
fn a_swept_requisite_wakes_those_who_wait_for_its_company() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.enter(1);
        desk.office.edit(1, |reading| reading.requisites.clear());
        desk.event(1).await;
        desk.run(60).await;
        desk.office.enter(1);
        {
            let mut state = desk.office.state();
            let (requisite, company) = (RequisiteId(22), CompanyId(7));
            let record = Record::Requisite(requisite);
            state.owner_of.insert(record, Record::Company(company));
            state
                .pages
                .insert(RecordKind::Requisite, vec![vec![(record, None)]]);
        }
        desk.task("sweep").await;
        desk.run(60).await;
        assert_eq!(desk.office.bills().len(), 1);
    });
}

#[test]
fn a_sweep_begins_where_the_last_one_began_less_an_overlap() {
    paused(async {
        let desk = Desk::open().await;
        // The first reaches back to the portal's start; both overlap by ten minutes.
        assert_eq!(two_sweeps(&desk).await, [-86_400 - 600, 1 - 600]);
    });
}

#[test]
fn a_sweep_goes_by_the_portals_clock_and_not_by_ours() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.state().portal_clock = Some(at(0) - SignedDuration::from_hours(1));
        assert_eq!(two_sweeps(&desk).await, [-86_400 - 600, -3_600 - 600]);
    });
}

/// Since when each of two sweeps asked, in seconds from the beginning.
async fn two_sweeps(desk: &Desk) -> Vec<i64> {
    desk.run(1).await;
    desk.task("sweep").await;
    desk.run(900).await;
    desk.task("sweep").await;
    desk.run(60).await;
    let state = desk.office.state();
    let seconds = |since: &jiff::Timestamp| since.as_second() - at(0).as_second();
    state.swept_since.iter().map(seconds).collect()
}

#[test]
fn the_cursor_of_a_sweep_moves_with_its_last_page_and_never_before() {
    paused(async {
        let desk = Desk::open().await;
        for id in 1..=2 {
            desk.office.enter(id);
        }
        let pages = [1, 2]
            .map(|id| vec![(Record::Deal(DealId(id)), None)])
            .into();
        desk.office.state().pages.insert(RecordKind::Deal, pages);
        desk.task("sweep").await;
        desk.run(1).await;
        let cursor = || async {
            let read = desk.store.cursor_get(&portal(), "sweep/deal").await;
            read.unwrap()
        };
        let first = cursor().await.expect("a cursor after a whole sweep");
        // The second page of the next sweep cannot be read: its first page's looks stand, the cursor does too.
        desk.run(600).await;
        desk.task("sweep").await;
        let due = desk.due(Lane::Due).await;
        desk.office.order_after(1, "changed", Trouble::Refused);
        assert!(desk.look(Lane::Due, due).await.is_err());
        let looked = desk.due(Lane::Due).await;
        assert!(looked.iter().any(|work| work.subject.id == "1"));
        assert_eq!(cursor().await.unwrap(), first);
    });
}

#[test]
fn looks_of_a_page_and_its_cursor_are_committed_together_or_not_at_all() {
    // The first commits of the look: who waits is woken, then the page is recorded.
    for commit in [1, 2] {
        paused(async {
            let desk = Desk::open().await;
            desk.run(1).await;
            desk.office.enter(1);
            let page = vec![(Record::Deal(DealId(1)), None)];
            desk.office
                .state()
                .pages
                .insert(RecordKind::Deal, vec![page]);
            desk.task("sweep").await;
            let due = desk.due(Lane::Due).await;
            desk.store
                .faults()
                .fail_nth(commit, Fault::DiskFullAtCommit);
            assert!(desk.look(Lane::Due, due).await.is_err());
            let cursor = desk.store.cursor_get(&portal(), "sweep/deal").await;
            assert_eq!(cursor.unwrap(), None);
            let looked = desk.due(Lane::Due).await;
            assert!(looked.iter().all(|work| work.subject.as_deal().is_none()));
            // Later there is space again: nothing was lost.
            desk.run(60).await;
            assert_eq!(desk.office.bills().len(), 1);
        });
    }
}

#[test]
fn what_a_sweep_shows_unchanged_again_is_not_looked_at_again() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.enter(1);
        let swept = |at| {
            desk.office.state().pages.insert(
                RecordKind::Deal,
                vec![vec![(Record::Deal(DealId(1)), Some(at))]],
            )
        };
        swept(at(0));
        desk.run(20).await;
        for _sweep in 0..3 {
            desk.task("sweep").await;
            desk.run(60).await;
        }
        assert_eq!(desk.office.calls("glance"), 2, "the deal, then its file");
        swept(at(100));
        desk.task("sweep").await;
        desk.run(60).await;
        assert_eq!(desk.office.calls("glance"), 3);
    });
}

/// The deals that a sweep asks to be looked at, of those that it shows as changed.
async fn asked_about(desk: &Desk, changed: &[u64]) -> Vec<DealId> {
    let deal = |id: &u64| (Record::Deal(DealId(*id)), None);
    let page = changed.iter().map(deal).collect();
    desk.office
        .state()
        .pages
        .insert(RecordKind::Deal, vec![page]);
    desk.task("sweep").await;
    let sweep = desk.due(Lane::Due).await;
    desk.look(Lane::Due, sweep).await.unwrap();
    let due = desk.due(Lane::Due).await.into_iter();
    due.filter_map(|work| work.subject.as_deal()).collect()
}

/// A deal that has not come to its invoice stage yet.
fn early(desk: &Desk, id: u64) {
    desk.office.enter(id);
    desk.office.edit(id, |reading| {
        reading.glance.deal.stage = StageId::new("NEW");
        reading.history.clear();
    });
}

#[test]
fn a_deal_that_wants_nothing_by_what_a_sweep_shows_is_not_looked_at() {
    paused(async {
        let desk = Desk::open().await;
        desk.run(20).await;
        desk.office.enter(1);
        early(&desk, 2);
        assert_eq!(asked_about(&desk, &[1, 2]).await, [DealId(1)]);
        desk.run(60).await;
        assert_eq!(desk.office.bills().len(), 1);
        // What has an invoice is compared with it wherever it stands.
        desk.office.edit(1, |reading| {
            reading.glance.deal.stage = StageId::new("NEW");
        });
        assert_eq!(asked_about(&desk, &[1, 2]).await, [DealId(1)]);
        desk.run(60).await;
        desk.office.enter(2);
        assert!(asked_about(&desk, &[1, 2]).await.contains(&DealId(2)));
    });
}

#[test]
fn a_deal_that_is_in_the_queue_is_looked_at_whatever_a_sweep_shows() {
    paused(async {
        let desk = Desk::open().await;
        desk.run(20).await;
        early(&desk, 1);
        let later = Look {
            subject: Subject::deal(DealId(1)),
            lane: Lane::Due,
            due_at: desk.clock.now() + SignedDuration::from_hours(1),
            reason: "later".to_owned(),
        };
        desk.store.look(&portal(), &[later]).await.unwrap();
        assert_eq!(asked_about(&desk, &[1]).await, [DealId(1)]);
        desk.run(60).await;
        assert!(asked_about(&desk, &[1]).await.is_empty());
    });
}

#[test]
fn a_sweep_that_died_before_leaves_every_deal_to_a_look_of_its_own() {
    paused(async {
        let desk = Desk::open().await;
        desk.run(20).await;
        early(&desk, 1);
        desk.task("sweep").await;
        let sweep = desk.due(Lane::Due).await;
        desk.store.work_died(&desk.lease(), &sweep).await.unwrap();
        assert_eq!(asked_about(&desk, &[1]).await, [DealId(1)]);
        desk.run(60).await;
        assert!(asked_about(&desk, &[1]).await.is_empty());
    });
}

#[test]
fn a_deal_that_entered_its_stage_is_asked_about_once_by_a_sweep() {
    paused(async {
        let desk = Desk::open().await;
        desk.run(20).await;
        desk.office.enter(1);
        let deal = |second| vec![(Record::Deal(DealId(1)), Some(at(second)))];
        let shown = |entered, changed| {
            let mut state = desk.office.state();
            state.entered = entered;
            state.pages.insert(RecordKind::Deal, changed);
        };
        let asked = || async {
            let due = desk.due(Lane::Due).await.into_iter();
            let deals = due.filter(|work| work.subject == Subject::deal(DealId(1)));
            deals.map(|work| work.version).collect::<Vec<_>>()
        };
        shown(vec![deal(10)], vec![vec![], deal(10)]);
        desk.task("sweep").await;
        let sweep = desk.due(Lane::Due).await;
        desk.look(Lane::Due, sweep).await.unwrap();
        assert_eq!(
            asked().await,
            [1],
            "what the list of changes shows is seen by the look that its entry asked for"
        );
        desk.run(60).await;
        assert_eq!(desk.office.bills().len(), 1);
        // What came after that look is in the next sweep.
        let glances = desk.office.calls("glance");
        shown(vec![deal(10)], vec![vec![], deal(30)]);
        desk.task("sweep").await;
        desk.run(60).await;
        assert_eq!(desk.office.calls("glance"), glances + 1);
    });
}

#[test]
fn a_deal_that_entered_its_stage_twice_is_not_looked_at_by_every_sweep() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.enter(1);
        let entered = |seconds: &[u64]| {
            let entry = |second: &u64| (Record::Deal(DealId(1)), Some(at(*second)));
            desk.office.state().entered = vec![seconds.iter().map(entry).collect()];
        };
        entered(&[0, 5]);
        desk.run(20).await;
        for _sweep in 0..3 {
            desk.task("sweep").await;
            desk.run(60).await;
        }
        assert_eq!(desk.office.calls("glance"), 2, "the deal, then its file");
        entered(&[0, 5, 100]);
        desk.task("sweep").await;
        desk.run(60).await;
        assert_eq!(desk.office.calls("glance"), 3);
    });
}

fn packet(process: &str, records: Vec<Record>) -> Reserved {
    Reserved {
        process_id: process.to_owned(),
        messages: vec![format!("{process}-1")],
        records,
    }
}

#[test]
fn a_packet_of_the_vendors_queue_is_cleared_once_its_changes_are_on_disk() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.enter(1);
        desk.office.state().offline = [
            packet("p1", vec![Record::Deal(DealId(1))]),
            packet("p2", vec![]),
        ]
        .into();
        desk.task("offline").await;
        desk.run(30).await;
        let cleared = desk.office.state().cleared.clone();
        // With each packet: how many events were on disk when it was cleared.
        assert_eq!(cleared, [("p1".to_owned(), 1), ("p2".to_owned(), 1)]);
        assert_eq!(desk.office.bills().len(), 1);
        // It is asked again in its interval.
        desk.run(60).await;
        assert!(desk.office.calls("reserve") >= 4);
    });
}

#[test]
fn a_packet_that_could_not_be_kept_is_not_cleared() {
    paused(async {
        let desk = Desk::open().await;
        desk.run(1).await;
        let packet = packet("p1", vec![Record::Deal(DealId(1))]);
        desk.office.state().offline.push_back(packet);
        desk.task("offline").await;
        let due = desk.due(Lane::Due).await;
        desk.store.faults().fail_nth(1, Fault::DiskFullAtCommit);
        assert!(desk.look(Lane::Due, due).await.is_err());
        assert!(desk.office.state().cleared.is_empty());
    });
}

#[test]
fn a_hint_about_one_invoice_looks_at_its_deal() {
    paused(async {
        let desk = desk_with_invoice().await;
        desk.office.state().bills[0].invoice.status = InvoiceStatus::Paid;
        let (organisation, invoice) = ("org", "B-1");
        let subject = Subject::invoice(
            &domain::OrganisationId::new(organisation),
            &domain::InvoiceId::new(invoice),
        );
        desk.event_about(subject).await;
        desk.run(30).await;
        assert_snapshot!(desk.office.story(), @"deal 1: fields Status=Оплачен");
        // Since when it is called paid is kept, for as long as it is.
        let since = async || {
            let link = desk.known(1).await.invoice_links.remove(0);
            link.draft.get("paid_since").cloned()
        };
        assert!(since().await.is_some());
        desk.accountant(|bill| bill.invoice.status = InvoiceStatus::Issued)
            .await;
        assert_eq!(since().await, None);
    });
}

#[test]
fn open_questions_are_looked_at_again_without_any_event() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.enter(1);
        desk.office.edit(1, |reading| reading.rows.clear());
        desk.event(1).await;
        desk.run(60).await;
        desk.office.enter(1);
        desk.task("cases").await;
        desk.run(SignedDuration::from_mins(5).as_secs().unsigned_abs())
            .await;
        assert_eq!(desk.office.bills().len(), 1);
        assert!(desk.questions().await.is_empty());
    });
}
