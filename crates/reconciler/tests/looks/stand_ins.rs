//! Who hears a question: the manager, whoever takes the deal over, and who stands in for somebody dismissed.

use domain::staff::{Department, Employee, Staff};
use domain::{DepartmentId, UserId};
use testkit::time::paused;

use crate::desk::Desk;
use crate::office::Trouble;
use crate::questions::without_rows;

/// User 5 answers for every deal.
fn dismissed(desk: &Desk, head: Option<u64>) {
    let employee = |works| Employee {
        works,
        departments: vec![DepartmentId(3)],
    };
    let department = Department {
        parent: None,
        head: head.map(UserId),
    };
    desk.office.state().staff = Some(Staff {
        employees: [(UserId(5), employee(false)), (UserId(7), employee(true))].into(),
        departments: [(DepartmentId(3), department)].into(),
    });
}

#[test]
fn what_a_manager_heard_before_he_was_dismissed_his_head_hears_a_day_later() {
    paused(async {
        let desk = Desk::open().await;
        without_rows(&desk, 1..=1).await;
        let told = || {
            let bells = desk.office.bells();
            bells.values().map(|bell| bell.0).collect::<Vec<_>>()
        };
        assert_eq!(told(), [UserId(5)]);
        // As long as he works there nobody else is told.
        desk.task("links").await;
        desk.task("cases").await;
        desk.run(60).await;
        assert_eq!(told(), [UserId(5)]);
        dismissed(&desk, Some(7));
        desk.task("links").await;
        desk.task("cases").await;
        desk.run(60).await;
        assert!(told().contains(&UserId(7)), "{:?}", told());
        let bells = desk.office.story().matches("bell for").count();
        desk.task("links").await;
        desk.task("cases").await;
        desk.run(3_700).await;
        assert_eq!(desk.office.story().matches("bell for").count(), bells);
    });
}

#[test]
fn a_head_who_heard_in_a_managers_place_hears_nothing_anew_with_the_deal() {
    paused(async {
        let desk = Desk::open().await;
        dismissed(&desk, Some(7));
        without_rows(&desk, 1..=1).await;
        let told = || {
            let bells = desk.office.story();
            let bells = bells.lines().filter(|line| line.contains("bell for"));
            bells.count()
        };
        let give = async |user: u64| {
            desk.office
                .edit(1, |reading| reading.glance.deal.responsible = UserId(user));
            desk.event(1).await;
            desk.run(60).await;
        };
        assert_eq!(told(), 1);
        give(7).await;
        assert_eq!(told(), 1, "{}", desk.office.story());
        // Nor with the nightly tasks, nor in the place of the dismissed manager again.
        desk.task("links").await;
        desk.task("cases").await;
        desk.run(3_700).await;
        give(5).await;
        assert_eq!(told(), 1, "{}", desk.office.story());
        give(8).await;
        assert_eq!(told(), 2, "{}", desk.office.story());
    });
}

#[test]
fn a_manager_who_takes_a_deal_over_hears_what_is_still_asked() {
    paused(async {
        let desk = Desk::open().await;
        without_rows(&desk, 1..=1).await;
        let told = || {
            let bells = desk.office.story();
            let bells = bells.lines().filter(|line| line.contains("bell for"));
            bells.count()
        };
        assert_eq!(told(), 1);
        let give = |user: u64| {
            desk.office
                .edit(1, |reading| reading.glance.deal.responsible = UserId(user));
        };
        give(8);
        desk.event(1).await;
        desk.run(60).await;
        let bells = desk.office.bells();
        assert!(bells.values().any(|bell| bell.0 == UserId(8)), "{bells:?}");
        assert_eq!(told(), 2);
        // It is told him once.
        desk.task("cases").await;
        desk.run(3_700).await;
        assert_eq!(told(), 2);
    });
}

#[test]
fn the_head_of_the_department_hears_in_place_of_a_dismissed_manager_who_is_asked_about_once_an_hour()
 {
    paused(async {
        let desk = Desk::open().await;
        dismissed(&desk, Some(7));
        without_rows(&desk, 1..=1).await;
        let bells = desk.office.bells();
        let [(user, text)] = bells.values().collect::<Vec<_>>()[..] else {
            panic!("{bells:?}");
        };
        assert_eq!(*user, UserId(7));
        assert!(text.contains("уволен"), "{text}");
        without_rows(&desk, 2..=9).await;
        assert_eq!(desk.office.calls("staff"), 1);
        desk.run(3_600).await;
        without_rows(&desk, 10..=10).await;
        assert_eq!(desk.office.calls("staff"), 2);
    });
}

#[test]
fn where_nobody_leads_the_department_the_administrator_hears() {
    paused(async {
        let desk = Desk::open().await;
        dismissed(&desk, None);
        without_rows(&desk, 1..=1).await;
        assert!(desk.office.bells().is_empty());
        assert_eq!(desk.office.chat().len(), 1, "{:?}", desk.office.chat());
        // Without an administrator there is nobody else.
        let desk = Desk::open().await;
        desk.set_policy(|policy| policy.administrator = None);
        dismissed(&desk, None);
        without_rows(&desk, 1..=1).await;
        assert_eq!(desk.office.bells().len(), 1);
    });
}

#[test]
fn where_the_staff_cannot_be_read_the_manager_is_told_as_ever() {
    paused(async {
        let desk = Desk::open().await;
        dismissed(&desk, Some(7));
        desk.office.order("staff", Trouble::Refused);
        without_rows(&desk, 1..=1).await;
        let bells = desk.office.bells();
        assert_eq!(bells.values().next().unwrap().0, UserId(5));
        // A right that is lacking lacks in a minute as well.
        without_rows(&desk, 2..=2).await;
        assert_eq!(desk.office.calls("staff"), 1);
    });
}

#[test]
fn a_portal_that_did_not_answer_is_asked_about_the_staff_again() {
    paused(async {
        let desk = Desk::open().await;
        dismissed(&desk, Some(7));
        for _try in 0..4 {
            desk.office.order("staff", Trouble::Busy);
        }
        without_rows(&desk, 1..=1).await;
        without_rows(&desk, 2..=2).await;
        let told: Vec<UserId> = desk.office.bells().values().map(|bell| bell.0).collect();
        assert_eq!(told, [UserId(5), UserId(7)]);
    });
}
