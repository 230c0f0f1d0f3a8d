//! Little noise, pilots, templates and copies.

use domain::observed::{FieldValue, OurField};
use domain::staff::{Department, Employee, Staff};
use domain::{DealId, DepartmentId, PortalId, UserId};
use insta::assert_snapshot;
use planner::flood::Standing;
use planner::notices::{
    Asked, Before, Entry, InChat, Listed, StandIn, listing, listing_for_administrator, lists,
    stand_in, told_instead,
};
use planner::{Action, CaseCode, List, Pilot, Plan, Policy, Quiet, Whom};

use crate::build::{INVOICE_STAGE, TestDeal, deal};

fn asked() -> TestDeal {
    deal().buyer(|it| it.kpp.clear())
}

fn quiet(deal: TestDeal, now: &str) -> TestDeal {
    let now = now.parse().unwrap();
    let deal = deal.seen_at(now).with(|deal| deal.now = now);
    deal.with(|deal| {
        deal.policy.notices.quiet = Some(Quiet {
            from: jiff::civil::time(20, 0, 0, 0),
            until: jiff::civil::time(8, 0, 0, 0),
            time_zone: "Europe/Moscow".to_owned(),
        });
    })
}

fn bells(plan: &Plan) -> usize {
    let is_bell = |action: &&Action| matches!(action, Action::Notify { .. });
    plan.actions.iter().filter(is_bell).count()
}

#[test]
fn at_night_nobody_is_told_and_in_the_morning_it_is_made_up_for() {
    // Moscow is three hours ahead.
    for (now, told, again) in [
        ("2026-03-12T16:59:59Z", 1, None),
        ("2026-03-12T17:00:00Z", 0, Some("2026-03-13T05:00:00Z")),
        ("2026-03-12T23:00:00Z", 0, Some("2026-03-13T05:00:00Z")),
        ("2026-03-13T04:59:59Z", 0, Some("2026-03-13T05:00:00Z")),
        ("2026-03-13T05:00:00Z", 1, None),
    ] {
        let plan = quiet(asked(), now).planned();
        assert_eq!(bells(&plan), told, "{now}");
        assert_eq!(plan.cases.len(), 1, "{now}");
        let looks = plan.look_again.map(|(at, _)| at.to_string());
        assert_eq!(looks.as_deref(), again, "{now}");
    }
    // The question is on record by then, and untold.
    let text = asked().planned().cases[0].text.clone();
    let open = asked().open("DEAL-DATA-MISSING", &text, false);
    assert_eq!(bells(&quiet(open, "2026-03-13T05:00:00Z").planned()), 1);
}

#[test]
fn an_invoice_is_issued_at_night_as_by_day() {
    let plan = quiet(deal(), "2026-03-12T19:00:00Z").planned();
    assert!(
        matches!(plan.actions[..], [Action::IssueInvoice { .. }]),
        "{plan:?}"
    );
    assert_eq!(plan.look_again, None);
}

#[test]
fn who_takes_a_deal_over_is_told_what_is_asked_and_nobody_else_twice() {
    let mut asked = deal().buyer(|it| it.kpp.clear());
    let plan = asked.planned();
    let [case] = plan.cases.as_slice() else {
        panic!("{}", asked.plan());
    };
    assert_eq!(case.whom, Some(UserId(5)));
    asked.carry_out(plan);
    for open in asked.snapshot.open_cases.values_mut() {
        open.told = true;
    }
    assert!(asked.planned().is_empty(), "{}", asked.plan());
    let mut taken_over = asked.of(|deal| deal.responsible = UserId(6));
    let plan = taken_over.planned();
    assert!(
        matches!(
            plan.actions.as_slice(),
            [Action::Notify {
                whom: Whom::User(UserId(6)),
                ..
            }]
        ),
        "{}",
        taken_over.plan()
    );
    taken_over.carry_out(plan);
    for open in taken_over.snapshot.open_cases.values_mut() {
        open.told = true;
        // As an older version noted it.
        open.whom = None;
    }
    assert!(taken_over.planned().is_empty(), "{}", taken_over.plan());
}

#[test]
fn a_kind_of_question_that_is_switched_off_is_listed_and_not_told() {
    let off = asked().with(|deal| deal.policy.notices.off = vec![CaseCode::DealDataMissing.into()]);
    let plan = off.planned();
    assert_eq!((bells(&plan), plan.cases.len()), (0, 1));
    let other = asked().with(|deal| deal.policy.notices.off = vec![CaseCode::DealChanged.into()]);
    assert_eq!(bells(&other.planned()), 1);
}

fn pilot(responsible: &[u64], said: Option<&str>) -> TestDeal {
    deal()
        .with(|deal| {
            deal.policy.pilot = Some(Pilot {
                responsible: responsible.iter().map(|id| UserId(*id)).collect(),
                field: said.map(|_| "UF_PILOT".to_owned()),
            });
        })
        .read(|reading| {
            let said = said.map(|said| ("UF_PILOT".to_owned(), said.to_owned()));
            reading.glance.named = said.into_iter().collect();
        })
}

#[test]
fn a_pilot_is_limited_to_managers_and_to_a_yes_and_an_order_passes_it() {
    let is_in = |deal: TestDeal| deal.plan() == crate::build::deal().plan();
    assert!(is_in(pilot(&[5], None)));
    assert!(!is_in(pilot(&[6], None)));
    assert!(is_in(pilot(&[], Some("Y"))));
    assert!(is_in(pilot(&[5], Some("1"))));
    assert!(!is_in(pilot(&[5], Some("N"))));
    assert!(!is_in(pilot(&[6], Some("Y"))));
    assert_snapshot!(pilot(&[6], None).plan(), @"because: сделка вне пилота");
    let ordered = pilot(&[6], None).ordered();
    assert_eq!(ordered.plan(), deal().ordered().plan());
}

#[test]
fn a_template_of_recurring_deals_is_no_deal_even_if_ordered() {
    let template = || deal().of(|deal| deal.template = true);
    assert_snapshot!(template().plan(), @"because: это шаблон регулярной сделки");
    assert_snapshot!(template().ordered().plan(), @"because: это шаблон регулярной сделки");
}

/// A copy in the first stage that shows the invoice of another deal.
fn copy() -> TestDeal {
    deal().history(&[("NEW", 30)]).read(|reading| {
        let fields = &mut reading.glance.fields;
        fields.number = Some("17".to_owned());
        fields.status = Some("Выставлен".to_owned());
    })
}

#[test]
fn a_copied_deal_shows_no_invoice_of_another() {
    assert_snapshot!(copy().plan(), @"need to know whose invoice 17 is");
    let of = |is_of_another| copy().with(|deal| deal.snapshot.is_of_another = Some(is_of_another));
    assert_snapshot!(of(true).plan(), @r"
    write Number = (empty), Status = (empty)
    because: сделка скопирована: в полях счёт № 17 другой сделки, они очищены
    ");
    // What nobody else has may be its own, forgotten by a restore.
    assert_snapshot!(of(false).plan(), @"because: сделка не дошла до стадии счёта");
    // Cleared, it shows nothing any more.
    let mut cleared = of(true);
    let plan = cleared.planned();
    cleared.carry_out(plan);
    assert!(cleared.planned().is_empty(), "{}", cleared.plan());
    // What the other was paid is not its own either.
    let paid = of(true).with(shows_money).read(|reading| {
        reading.glance.fields.paid = Some(domain::Money::from_kopecks(12_200));
        reading.glance.fields.paid_on = Some(jiff::civil::date(2026, 3, 30));
    });
    assert_snapshot!(paid.plan(), @r"
    write Number = (empty), Status = (empty), Paid = (empty), PaidOn = (empty)
    because: сделка скопирована: в полях счёт № 17 другой сделки, они очищены
    ");
}

#[test]
fn a_template_that_was_made_of_an_invoiced_deal_is_left_as_it_is() {
    let template = copy()
        .of(|deal| deal.template = true)
        .with(|deal| deal.snapshot.is_of_another = Some(true));
    assert_snapshot!(template.plan(), @"because: это шаблон регулярной сделки");
    assert_eq!(template.clone().ordered().plan(), template.plan());
    // Whose number it shows is not even asked.
    let unknown = copy().of(|deal| deal.template = true).glanced();
    assert_snapshot!(unknown.plan(), @"because: это шаблон регулярной сделки");
    // What the portal makes of it is cleared.
    let made = copy().with(|deal| deal.snapshot.is_of_another = Some(true));
    assert!(made.plan().starts_with("write Number = (empty)"));
}

fn shows_money(deal: &mut TestDeal) {
    let fields = &mut deal.policy.fields;
    fields.insert(OurField::Paid, "UF_PAID".to_owned());
    fields.insert(OurField::PaidOn, "UF_PAID_ON".to_owned());
}

const CLEARED: &str = "write Number = (empty)\nbecause: сделка скопирована: в полях счёт № 17 другой сделки, они очищены";

#[test]
fn a_copy_is_cleared_before_whatever_it_waits_for() {
    let shows = |deal: TestDeal| {
        deal.read(|reading| reading.glance.fields.number = Some("17".to_owned()))
            .with(|deal| deal.snapshot.is_of_another = Some(true))
    };
    let waits = [
        deal().buyer(|it| it.kpp.clear()),
        deal().history(&[(INVOICE_STAGE, 4)]),
        deal().with(|deal| deal.snapshot.flood = Standing::Held),
        deal().ordered(),
        deal()
            .accounting_knows(&[])
            .with(|deal| deal.policy.invoice.new_buyers = planner::NewBuyers::Ask),
        deal(),
    ];
    for waiting in waits {
        let mut copy = shows(waiting.clone());
        assert_eq!(copy.plan(), CLEARED);
        assert_eq!(copy.clone().glanced().plan(), CLEARED);
        let plan = copy.planned();
        copy.carry_out(plan);
        assert_eq!(copy.plan(), waiting.plan());
    }
    // Whose number it is is looked up beside what is read anyway.
    let unknown = deal()
        .read(|reading| reading.glance.fields.number = Some("17".to_owned()))
        .glanced();
    assert_snapshot!(unknown.plan(), @r"
    need the whole look
    need to know whose invoice 17 is
    ");
}

#[test]
fn a_copy_that_gets_an_invoice_at_once_keeps_no_promise_of_another() {
    let copy = || {
        deal()
            .with(|it| {
                let fields = &mut it.policy.fields;
                fields.insert(OurField::Promise, "UF_PROMISE".to_owned());
            })
            .read(|reading| {
                let fields = &mut reading.glance.fields;
                fields.number = Some("17".to_owned());
                fields.promise = Some(jiff::civil::date(2026, 3, 30));
            })
    };
    assert_snapshot!(copy().plan(), @"need to know whose invoice 17 is");
    let of = |is_of_another| copy().with(|it| it.snapshot.is_of_another = Some(is_of_another));
    let mut another = of(true);
    assert_snapshot!(another.plan(), @r"
    write Number = (empty), Promise = (empty)
    because: сделка скопирована: в полях счёт № 17 другой сделки, они очищены
    ");
    let plan = another.planned();
    another.carry_out(plan);
    assert_eq!(another.plan(), deal().plan());
    // After a restore it may be its own.
    assert_eq!(of(false).plan(), deal().plan());
}

#[test]
fn a_robot_that_fills_a_copy_again_and_again_is_left_to_its_own() {
    let mut stubborn = copy().with(|deal| deal.snapshot.is_of_another = Some(true));
    let mut writes = 0;
    for _round in 0..6 {
        let plan = stubborn.planned();
        writes += plan.actions.len();
        stubborn.carry_out(plan);
        stubborn = stubborn.read(|reading| reading.glance.fields.number = Some("17".to_owned()));
    }
    assert_eq!(writes, 2);
    let last = &stubborn.snapshot.written;
    assert!(
        last.iter().all(|(_, _, value)| *value == FieldValue::Empty),
        "{last:?}"
    );
}

#[test]
fn wrong_values_are_named() {
    let mut policy = deal().policy;
    policy.notices.quiet = Some(Quiet {
        from: jiff::civil::time(8, 0, 0, 0),
        until: jiff::civil::time(8, 0, 0, 0),
        time_zone: "Moscow".to_owned(),
    });
    policy.pilot = Some(Pilot {
        responsible: Vec::new(),
        field: Some("pilot".to_owned()),
    });
    policy.invoice.due_field = Some("closedate".to_owned());
    policy.invoice.demand = vec![planner::Demand::Contract];
    policy.invoice.terms = vec![planner::Terms {
        company: domain::CompanyId(7),
        due_days: None,
        due_count: None,
        valid_days: None,
        valid_count: None,
    }];
    policy.invoice.delivery = Some(planner::OwnLine {
        name: String::new(),
        unit: "паллета".to_owned(),
        vat: domain::VatRate::NotStated,
    });
    policy.organisations[0].vat = vec![
        planner::VatPeriod {
            from: "2026-02-01".parse().unwrap(),
            regime: planner::VatRegime::Exempt,
            wording: None,
        },
        planner::VatPeriod {
            from: "2026-01-01".parse().unwrap(),
            regime: planner::VatRegime::General,
            wording: None,
        },
    ];
    let error = Policy::parse(&policy.to_text().unwrap())
        .unwrap_err()
        .to_string();
    assert_snapshot!(error.replace("; ", "\n"), @r"
    the policy has faults: `invoice`: `closedate` is no custom field of deals, its name begins with `UF_`
    `invoice.demand` has `contract`, and `invoice.contract` names no field
    `invoice.delivery.name` is empty
    `invoice.delivery.vat` must be a rate or `none`
    `invoice.delivery.unit`: `паллета` is no unit of the classifier nor of `invoice.units`
    `invoice.terms` of company 7 says neither `due_days` nor `valid_days`
    `notices.quiet`: no time zone `Moscow`
    `notices.quiet`: `from` and `until` are the same hour
    `pilot.field`: `pilot` is no custom field of deals, its name begins with `UF_`
    organisation `org`: VAT from 2026-02-01 must stand after that from 2026-01-01
    organisation `org`: VAT from 2026-02-01: `wording` is for `exempt`, and `exempt` needs it
    ");
}

#[test]
fn a_dismissed_manager_is_stood_in_for_by_the_nearest_head_who_was_not() {
    let employee = |works, department| Employee {
        works,
        departments: vec![DepartmentId(department)],
    };
    let department = |parent, head| Department {
        parent,
        head: Some(UserId(head)),
    };
    let all = Staff {
        employees: [
            (UserId(5), employee(false, 3)),
            (UserId(6), employee(true, 3)),
            (UserId(7), employee(true, 3)),
            (UserId(9), employee(true, 1)),
        ]
        .into(),
        departments: [
            (DepartmentId(3), department(Some(DepartmentId(1)), 7)),
            (DepartmentId(1), department(None, 9)),
        ]
        .into(),
    };
    let gone = |user| {
        let mut staff = all.clone();
        staff.employees.get_mut(&UserId(user)).unwrap().works = false;
        staff
    };
    let unknown = |user| {
        let mut staff = all.clone();
        staff.employees.remove(&UserId(user));
        staff
    };
    for (user, staff, expected) in [
        (6, all.clone(), StandIn::Themselves),
        (5, all.clone(), StandIn::Head(UserId(7))),
        (5, gone(7), StandIn::Head(UserId(9))),
        // A head of whom the portal tells nothing may be gone.
        (5, unknown(7), StandIn::Head(UserId(9))),
        (9, gone(9), StandIn::Administrator),
        (5, unknown(5), StandIn::Themselves),
        (5, Staff::default(), StandIn::Themselves),
    ] {
        assert_eq!(stand_in(UserId(user), &staff), expected, "{user}");
    }
    let mut bell = deal()
        .rows([])
        .planned()
        .actions
        .into_iter()
        .find(|action| matches!(action, Action::Notify { .. }))
        .unwrap();
    let before = bell.clone();
    told_instead(&mut bell, StandIn::Themselves);
    assert_eq!(bell, before);
    told_instead(&mut bell, StandIn::Head(UserId(7)));
    let Action::Notify { whom, text, .. } = &bell else {
        panic!("{bell:?}");
    };
    assert_eq!(*whom, Whom::User(UserId(7)));
    assert!(text.starts_with("Ответственный за сделку уволен"), "{text}");
}

fn entries(deals: impl IntoIterator<Item = u64>) -> Vec<Entry> {
    let entry = |deal| Entry {
        deal: DealId(deal),
        text: format!("Счёт № {deal} не оплачен.\nДоговоритесь о дне."),
    };
    deals.into_iter().map(entry).collect()
}

#[test]
fn who_joins_a_list_is_told_in_it_and_a_full_one_is_followed_by_another() {
    let apart = |known| Before {
        list: 0,
        next: 1,
        entries: entries(known),
    };
    // Three are told one by one; the fourth makes all of them a list.
    assert_eq!(lists(apart(1..=2), entries(3..=3)), []);
    let fourth = Listed {
        number: 1,
        new: entries(4..=4),
        known: entries(1..=3),
    };
    assert_eq!(lists(apart(1..=3), entries(4..=4)), [fourth]);
    let before = Before {
        list: 1,
        next: 2,
        entries: entries(1..=40),
    };
    let named = |list: &Listed| (list.number, list.new.len(), list.known.len());
    let both = lists(before, entries(41..=120));
    let both: Vec<_> = both.iter().map(named).collect();
    assert_eq!(both, [(1, 10, 40), (2, 50, 0), (3, 20, 0)]);
    // Long texts fill a list sooner.
    let long: Vec<Entry> = entries(1..=6)
        .into_iter()
        .map(|entry| Entry {
            text: "ж".repeat(7_000),
            ..entry
        })
        .collect();
    let nobody = Before {
        next: 1,
        ..Before::default()
    };
    let long = lists(nobody, long);
    assert_eq!(long.len(), 6);
}

#[test]
fn a_list_says_of_each_deal_its_own_and_once_what_all_have_in_common() {
    let bell = |text: &str| Action::Notify {
        whom: Whom::User(UserId(5)),
        about: "INVOICE-OVERDUE".to_owned(),
        text: text.to_owned(),
        also: Vec::new(),
        besides: Vec::new(),
        list: None,
        edits: None,
    };
    let list = || List {
        user: UserId(5),
        cause: "pv-1".to_owned(),
        number: 1,
    };
    let read = |new: Vec<Entry>, known: Vec<Entry>| {
        let mut action = bell(&new[0].text);
        let listed = Listed {
            number: 1,
            new,
            known,
        };
        listing(&mut action, &listed, list());
        let Action::Notify { text, also, .. } = action else {
            panic!("no message");
        };
        (text, also)
    };
    let (text, also) = read(entries(4..=5), entries(1..=1));
    // Whoever was told before is named, and not told anew.
    assert_eq!(also, [DealId(5)]);
    assert_snapshot!(text, @r"
    Счёт № 4 не оплачен.
    [URL=/crm/deal/details/5/]Сделка 5[/URL]. Счёт № 5 не оплачен.
    [URL=/crm/deal/details/1/]Сделка 1[/URL]. Счёт № 1 не оплачен.
    Договоритесь о дне.
    ");
    let same = |deals: &[u64]| {
        let entry = |deal: &u64| Entry {
            deal: DealId(*deal),
            text: "Нет КПП.\nВпишите его.".to_owned(),
        };
        deals.iter().map(entry).collect::<Vec<_>>()
    };
    let (text, _) = read(same(&[4]), same(&[1, 2]));
    assert_snapshot!(text, @r"
    Нет КПП.
    Впишите его.
    То же в сделках: [URL=/crm/deal/details/1/]1[/URL], [URL=/crm/deal/details/2/]2[/URL].
    ");
}

#[test]
fn the_administrators_message_is_edited_and_tells_of_what_it_has_no_room_for() {
    let asked = |deals: std::ops::RangeInclusive<u64>, about: &str| {
        let entries = entries(deals).into_iter();
        let about = about.to_owned();
        let asked = entries.map(move |entry| Asked {
            about: about.clone(),
            entry,
        });
        asked.collect::<Vec<_>>()
    };
    let told = |others: &[Asked], before: &InChat| {
        let mut action = Action::Notify {
            whom: Whom::Administrator,
            about: "A".to_owned(),
            text: "Счёт № 1 не оплачен.\nДоговоритесь о дне.".to_owned(),
            also: Vec::new(),
            besides: Vec::new(),
            list: None,
            edits: None,
        };
        listing_for_administrator(&mut action, others, before);
        action
    };
    let alone = told(&[], &InChat::default());
    let Action::Notify { text, edits, .. } = &alone else {
        panic!("{alone:?}");
    };
    assert_eq!((text.lines().count(), edits), (2, &None));
    let mut before = InChat {
        message: Some("77".to_owned()),
        asked: asked(10..=60, "A"),
        count: 70,
    };
    let mut others = asked(2..=2, "A");
    others.extend(asked(3..=3, "B"));
    let edited = told(&others, &before);
    let portal = PortalId::new("portal");
    let Action::Notify {
        text,
        also,
        besides,
        edits,
        ..
    } = &edited
    else {
        panic!("{edited:?}");
    };
    assert_eq!(edits.as_deref(), Some("77"));
    assert_eq!(
        (also.as_slice(), besides.as_slice()),
        (
            [DealId(2)].as_slice(),
            [(DealId(3), "B".to_owned())].as_slice()
        )
    );
    let named = |id: u64| text.contains(&format!("/details/{id}/"));
    assert!(named(2) && named(3) && named(57) && !named(58), "{text}");
    assert!(text.contains("и ещё 22"), "{text}");
    assert!(
        edited
            .key(&portal, DealId(1))
            .as_str()
            .ends_with("message/77")
    );
    // A new message takes over those that it names.
    before.message = None;
    let Action::Notify { also, besides, .. } = told(&others, &before) else {
        panic!("no message");
    };
    assert_eq!((also.len(), besides.len()), (49, 1));
}
