//! Reminders of what is not paid in time: on their day and no sooner, once, and never of what may be paid.

use std::time::Duration;

use domain::observed::OurField;
use domain::payment::{
    AccountNumber, Direction, LineId, OtherSide, PaymentKind, PaymentOrder, SourceId,
};
use domain::staff::{Department, Employee, Staff};
use domain::{DepartmentId, InvoiceStatus, OrganisationId, UserId};
use engine::clock::later;
use jiff::civil::{Date, date};
use planner::{Booking, MoneyPolicy, Overdue, OwnAccount};
use store::{AccountSpan, SeenLine};
use testkit::builders::portal;
use testkit::time::paused;

use crate::desk::Desk;
use crate::office::Trouble;

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

fn account() -> AccountNumber {
    AccountNumber::new("40702810200000012345").unwrap()
}

/// A desk that has issued invoices of Thursday, 12 March, noon, payable until Friday.
async fn desk(deals: impl IntoIterator<Item = u64>) -> Desk {
    let desk = Desk::open().await;
    desk.set_policy(|policy| {
        policy.invoice.due_days = Some(1);
        let promise = "UF_PROMISE".to_owned();
        policy.fields.insert(OurField::Promise, promise);
        policy.money = Some(MoneyPolicy {
            booking: Some(Booking::Provodka),
            since: None,
            wait_hours: 24,
            refunds: planner::Refunds::default(),
            registers: planner::Registers::default(),
            accounts: vec![OwnAccount {
                number: account(),
                organisation: OrganisationId::new("org"),
                inn: None,
            }],
            stages: Vec::new(),
            overdue: Some(Overdue::default()),
        });
    });
    for id in deals {
        desk.deal_enters(id).await;
    }
    desk.run(60).await;
    desk
}

async fn statement(desk: &Desk, through: Date) {
    let span = AccountSpan {
        account: account(),
        from: date(2026, 3, 1),
        to: through,
    };
    let (portal, now) = (portal(), desk.clock.now());
    let covered = desk.store.money_cover(&portal, &[span], Some(now)).await;
    covered.unwrap();
}

fn told(desk: &Desk) -> usize {
    desk.office.story().matches("bell for").count()
}

#[test]
fn a_deal_is_looked_at_on_its_days_and_on_no_other() {
    paused(async {
        let desk = desk(1..=1).await;
        statement(&desk, date(2026, 12, 31)).await;
        let before = desk.office.calls("glance");
        desk.run(DAY).await;
        assert_eq!(desk.office.calls("glance"), before, "Friday is in time");
        // Overdue on Saturday, told on Monday morning; then on the seventh day, a Friday.
        desk.run(2 * DAY).await;
        assert_eq!(told(&desk), 0);
        assert!(desk.office.story().contains("Status=Просрочен"));
        desk.run(DAY).await;
        assert_eq!(told(&desk), 1);
        assert!(desk.office.story().contains("просрочка 3 дня"));
        desk.run(10 * DAY).await;
        assert_eq!(told(&desk), 2);
        assert!(desk.office.story().contains("просрочка 7 дней"));
        // Saturday, Monday and Friday; open reminders are not looked at hourly.
        desk.assert_at_rest(1).await;
        desk.task("cases").await;
        desk.run(HOUR).await;
        assert_eq!(desk.office.calls("glance"), before + 3);
        assert_eq!(desk.questions().await, ["INVOICE-OVERDUE"]);
    });
}

#[test]
fn of_a_bill_that_the_accountant_called_paid_a_minute_ago_nobody_is_reminded() {
    paused(async {
        let desk = desk(1..=1).await;
        statement(&desk, date(2026, 12, 31)).await;
        desk.run(3 * DAY).await;
        assert!(desk.office.story().contains("Status=Просрочен"));
        // No feed tells of it before the morning of the reminder.
        desk.office.state().bills[0].invoice.status = InvoiceStatus::Paid;
        desk.run(DAY).await;
        assert_eq!(told(&desk), 0, "{}", desk.office.story());
        // He takes it back before he is asked how it was paid.
        desk.office.state().bills[0].invoice.status = InvoiceStatus::Issued;
        desk.run(2 * DAY).await;
        assert_eq!(told(&desk), 1, "{}", desk.office.story());
        assert_eq!(desk.questions().await, ["INVOICE-OVERDUE"]);
    });
}

#[test]
fn while_an_account_is_not_known_the_administrator_is_asked_once_and_no_manager() {
    paused(async {
        let desk = desk(1..=2).await;
        statement(&desk, date(2026, 3, 12)).await;
        desk.run(4 * DAY + 22 * HOUR).await;
        // Tuesday: the statement of Friday is missing for longer than a working day.
        for _hour in 0..30 {
            desk.task("feed").await;
            desk.run(HOUR).await;
        }
        assert_eq!(told(&desk), 0, "{}", desk.office.story());
        assert!(!desk.office.story().contains("Просрочен"));
        let chat = desk.office.chat();
        let [asked] = chat.as_slice() else {
            panic!("{chat:?}");
        };
        assert!(asked.contains("известен по 12.03.2026"), "{asked}");
        assert_eq!(desk.questions().await, ["behind/40702810200000012345"]);
        // It is brought: the question is no more, and the managers are reminded at once.
        statement(&desk, date(2026, 3, 31)).await;
        desk.run(60).await;
        assert_eq!(told(&desk), 2, "{}", desk.office.story());
        assert_eq!(desk.questions().await, ["INVOICE-OVERDUE"; 2]);
    });
}

#[test]
fn a_statement_that_is_a_night_behind_is_waited_for_in_silence() {
    paused(async {
        let desk = desk(1..=1).await;
        statement(&desk, date(2026, 3, 14)).await;
        // Monday morning.
        desk.run(4 * DAY).await;
        desk.task("feed").await;
        desk.run(60).await;
        assert_eq!((told(&desk), desk.office.chat().len()), (0, 0));
        statement(&desk, date(2026, 3, 16)).await;
        desk.run(60).await;
        assert_eq!(told(&desk), 1);
    });
}

#[test]
fn whoever_dies_with_a_reminder_under_way_leaves_one() {
    for trouble in [Trouble::HangsDone, Trouble::HangsUndone] {
        paused(async {
            let desk = desk(1..=1).await;
            statement(&desk, date(2026, 12, 31)).await;
            // An hour before Monday's reminder the process is put to sleep; then a click comes before its turn.
            desk.run(3 * DAY + 19 * HOUR).await;
            let morning = later(desk.clock.now(), Duration::from_secs(HOUR));
            desk.clock.sleep_until(morning).await;
            desk.office.order("bell", trouble);
            desk.event(1).await;
            desk.crash_when_hung().await;
            desk.run(HOUR).await;
            // The portal replaces a message by one with its tag: the second try of the first is no second.
            let heard = told(&desk);
            assert_eq!((desk.office.bells().len(), heard <= 2), (1, true));
            desk.event(1).await;
            desk.run(DAY).await;
            assert_eq!(told(&desk), heard, "{}", desk.office.story());
        });
    }
}

#[test]
fn a_death_between_a_reminder_and_the_end_of_its_look_reminds_nobody_twice() {
    paused(async {
        let desk = desk(1..=1).await;
        statement(&desk, date(2026, 12, 31)).await;
        desk.run(3 * DAY + 19 * HOUR).await;
        let morning = later(desk.clock.now(), Duration::from_secs(HOUR));
        desk.clock.sleep_until(morning).await;
        // The same look has a field refused, of which the administrator is told at its end; there it dies.
        desk.office
            .edit(1, |reading| reading.glance.fields.status = None);
        desk.office.order("fields", Trouble::Refused);
        desk.office.order("chat", Trouble::HangsDone);
        desk.event(1).await;
        desk.crash_when_hung().await;
        desk.run(HOUR).await;
        assert_eq!(told(&desk), 1, "{}", desk.office.story());
    });
}

#[test]
fn many_deals_of_a_manager_are_one_list_and_none_is_told_again() {
    paused(async {
        let desk = desk(1..=6).await;
        statement(&desk, date(2026, 12, 31)).await;
        desk.run(4 * DAY).await;
        assert_eq!(told(&desk), 1, "{}", desk.office.story());
        let bells = desk.office.bells();
        let (_, text) = bells.values().next().unwrap();
        for id in 1..=6 {
            assert!(text.contains(&format!("/crm/deal/details/{id}/")), "{text}");
        }
        // Each with its own invoice; what to do is said once.
        assert_eq!(text.matches("не оплачен в срок").count(), 6, "{text}");
        assert_eq!(text.matches("Договоритесь").count(), 1, "{text}");
        for id in 1..=6 {
            desk.event(id).await;
        }
        desk.run(HOUR).await;
        assert_eq!(told(&desk), 1);
    });
}

#[test]
fn a_list_is_told_although_its_first_deal_failed_in_another_write() {
    for trouble in [Trouble::Busy, Trouble::Refused] {
        paused(async {
            let desk = desk([]).await;
            desk.office.enter(1);
            desk.office
                .edit(1, |reading| reading.glance.deal.responsible = UserId(9));
            desk.event(1).await;
            for id in 2..=6 {
                desk.deal_enters(id).await;
            }
            desk.run(60).await;
            statement(&desk, date(2026, 12, 31)).await;
            desk.run(3 * DAY + 19 * HOUR).await;
            let morning = later(desk.clock.now(), Duration::from_secs(HOUR));
            desk.clock.sleep_until(morning).await;
            for id in 1..=6 {
                desk.office.edit(id, |_same| {});
                desk.event(id).await;
            }
            // The message about deal 1 and the field of deal 2 fill a request; the list is to leave with what comes of
            // deal 7, whose invoice takes its time.
            desk.office
                .edit(2, |reading| reading.glance.fields.status = None);
            desk.office.state().writes_at_once = Some(2);
            desk.office.slow_down("issue", Duration::from_secs(1));
            desk.deal_enters(7).await;
            desk.office.order("fields", trouble);
            desk.run(HOUR).await;
            let bells = desk.office.bells();
            let all = |text: &String| (2..=6).all(|id| text.contains(&format!("/details/{id}/")));
            let lists = bells.values().filter(|(_, text)| all(text)).count();
            assert_eq!(lists, 1, "{}", desk.office.story());
            assert_eq!(told(&desk), 2, "of 1 alone, and of the others");
        });
    }
}

#[test]
fn the_head_is_read_of_the_departments_and_the_administrator_hears_where_there_is_none() {
    for (head, user) in [(Some(7), Some(7)), (None, None)] {
        paused(async {
            let desk = desk(1..=1).await;
            desk.set_policy(|policy| {
                let overdue = policy.money.as_mut().unwrap().overdue.as_mut().unwrap();
                (overdue.remind, overdue.head_after) = (Vec::new(), Some(2));
            });
            let employee = || Employee {
                works: true,
                departments: vec![DepartmentId(3)],
            };
            let department = Department {
                parent: None,
                head: head.map(UserId),
            };
            desk.office.state().staff = Some(Staff {
                employees: [(UserId(5), employee()), (UserId(7), employee())].into(),
                departments: [(DepartmentId(3), department)].into(),
            });
            statement(&desk, date(2026, 12, 31)).await;
            desk.event(1).await;
            desk.run(20 * DAY).await;
            let bells = desk.office.bells();
            let heard: Vec<&UserId> = bells.values().map(|(user, _)| user).collect();
            assert_eq!(heard, user.map(UserId).iter().collect::<Vec<_>>());
            assert_eq!(desk.office.chat().len(), usize::from(user.is_none()));
            assert!(!desk.office.story().contains("уволен"));
        });
    }
}

#[test]
fn while_the_portal_does_not_tell_who_leads_nobody_hears_in_place_of_the_head() {
    paused(async {
        let desk = desk(1..=1).await;
        desk.set_policy(|policy| {
            let overdue = policy.money.as_mut().unwrap().overdue.as_mut().unwrap();
            (overdue.remind, overdue.head_after) = (Vec::new(), Some(2));
        });
        let employee = || Employee {
            works: true,
            departments: vec![DepartmentId(3)],
        };
        let department = Department {
            parent: None,
            head: Some(UserId(7)),
        };
        desk.office.state().staff = Some(Staff {
            employees: [(UserId(5), employee()), (UserId(7), employee())].into(),
            departments: [(DepartmentId(3), department)].into(),
        });
        for _try in 0..8 {
            desk.office.order("staff", Trouble::Busy);
        }
        statement(&desk, date(2026, 12, 31)).await;
        desk.event(1).await;
        desk.run(20 * DAY).await;
        assert!(desk.office.calls("staff") > 8, "it is asked again");
        let bells = desk.office.bells();
        let heard: Vec<&UserId> = bells.values().map(|(user, _)| user).collect();
        assert_eq!(heard, [&UserId(7)], "{}", desk.office.story());
    });
}

#[test]
fn where_the_portal_never_tells_who_leads_the_administrator_hears() {
    paused(async {
        let desk = desk(1..=1).await;
        desk.set_policy(|policy| {
            let overdue = policy.money.as_mut().unwrap().overdue.as_mut().unwrap();
            (overdue.remind, overdue.head_after) = (Vec::new(), Some(2));
        });
        for _try in 0..1_000 {
            desk.office.order("staff", Trouble::Busy);
        }
        statement(&desk, date(2026, 12, 31)).await;
        desk.event(1).await;
        desk.run(20 * DAY).await;
        assert!(desk.office.bells().is_empty(), "{}", desk.office.story());
        let chat = desk.office.chat();
        assert_eq!(chat.len(), 1, "once: {chat:?}");
        let story = desk.office.story();
        assert!(story.contains("не сообщает, кто руководитель"), "{story}");
        // For an hour: what the portal does not tell for minutes it may tell soon.
        assert!(
            desk.office.calls("staff") > 30,
            "{}",
            desk.office.calls("staff")
        );
    });
}

#[test]
fn what_is_open_again_is_told_of_on_its_next_day_alone() {
    paused(async {
        let desk = desk(1..=1).await;
        let bill = desk.office.state().bills[0].invoice.clone();
        statement(&desk, date(2026, 12, 31)).await;
        desk.event(1).await;
        // Monday's is for the third day; the next is for the seventh.
        desk.run(6 * DAY).await;
        assert_eq!(told(&desk), 1, "{}", desk.office.story());
        // Paid, and the payment taken back on the same day.
        let new = store::NewSettlement {
            invoice: store::InvoiceRef {
                organisation: OrganisationId::new("org"),
                invoice: bill.id.clone(),
            },
            amount: None,
            settlement: domain::ledger::Settlement {
                kind: domain::ledger::SettlementKind::Cash,
                document: "ПКО № 1".to_owned(),
                author: "anna".to_owned(),
            },
            dated: date(2026, 3, 18),
        };
        let now = desk.clock.now();
        let settled = desk.store.money_settle(&portal(), &new, now).await.unwrap();
        let store::InvoiceSettled::Done { number, .. } = settled else {
            panic!("{settled:?}");
        };
        desk.run(HOUR).await;
        assert!(desk.questions().await.is_empty());
        let (by, today) = (("anna", "ошибка"), date(2026, 3, 18));
        let (id, now) = (portal(), desk.clock.now());
        let undone = desk.store.money_unsettle(&id, number, by, today, now);
        assert!(undone.await.unwrap().is_some());
        desk.run(HOUR).await;
        assert_eq!(told(&desk), 1, "{}", desk.office.story());
        desk.run(30 * DAY).await;
        assert_eq!(told(&desk), 2, "{}", desk.office.story());
    });
}

#[test]
fn money_without_a_payer_that_may_be_for_the_invoice_reminds_nobody_of_it() {
    for (booking, asks) in [
        (Booking::Provodka, &["payment"][..]),
        (Booking::Accounting, &[]),
    ] {
        paused(async {
            let desk = desk(1..=2).await;
            desk.set_policy(|policy| {
                let money = policy.money.as_mut().unwrap();
                (money.booking, money.wait_hours) = (Some(booking), 720);
            });
            let bill = desk.office.state().bills[0].invoice.clone();
            let order = PaymentOrder {
                own_account: account(),
                direction: Direction::In,
                form: None,
                number: "5".to_owned(),
                date: date(2026, 3, 13),
                booked: Some(date(2026, 3, 13)),
                amount: bill.totals.gross,
                other: OtherSide::default(),
                purpose: format!("Оплата по счёту № {} от 12.03.2026", bill.number),
            };
            let line = SeenLine {
                line: LineId("1".to_owned()),
                order,
                organisation: OrganisationId::new("org"),
                kind: PaymentKind::Incoming,
            };
            let (source, now) = (SourceId("statement/1".to_owned()), desk.clock.now());
            let seen = desk.store.money_see(&portal(), &source, &[line], now).await;
            assert_eq!(seen.unwrap().new, [1]);
            statement(&desk, date(2026, 12, 31)).await;
            desk.run(60).await;
            assert_eq!(
                desk.questions().await,
                asks,
                "else the accountant is waited for"
            );
            desk.run(5 * DAY).await;
            assert_eq!(
                told(&desk),
                1,
                "of the other alone: {}",
                desk.office.story()
            );
        });
    }
}

#[test]
fn a_promise_in_the_deal_silences_until_its_day() {
    paused(async {
        let desk = desk(1..=1).await;
        statement(&desk, date(2026, 12, 31)).await;
        desk.office.edit(1, |reading| {
            reading.glance.fields.promise = Some(date(2026, 3, 19));
        });
        desk.event(1).await;
        desk.run(7 * DAY + 12 * HOUR).await;
        assert_eq!(told(&desk), 0, "{}", desk.office.story());
        desk.run(DAY).await;
        assert_eq!(told(&desk), 1);
        assert!(
            desk.office
                .story()
                .contains("Обещали оплатить до 19.03.2026")
        );
    });
}

#[test]
fn without_the_section_nothing_waits_for_a_day() {
    paused(async {
        let desk = desk([]).await;
        desk.set_policy(|policy| policy.money.as_mut().unwrap().overdue = None);
        desk.deal_enters(1).await;
        desk.run(60).await;
        desk.assert_at_rest(1).await;
        desk.run(10 * DAY).await;
        assert_eq!(told(&desk), 0);
    });
}
