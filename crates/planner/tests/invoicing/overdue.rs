//! What is not paid in time: the state, whom we remind on which days, and when nobody.

use domain::observed::{FieldValue, OurField};
use domain::payment::AccountNumber;
use domain::{InvoiceStatus, OrganisationId, Slot, SlotKind};
use insta::assert_snapshot;
use jiff::Timestamp;
use jiff::civil::{Date, date};
use planner::known_days::{KnownDays, KnownOf};
use planner::{
    Action, Booking, CaseCode, DueCount, Heard, KnownBy, MoneyPolicy, Overdue, OwnAccount, Plan,
    Quiet, Whom,
};

use crate::build::{TestDeal, deal};
use crate::receipts::receipt;

const ACCOUNT: &str = "40702810200000012345";

fn account() -> AccountNumber {
    AccountNumber::new(ACCOUNT).unwrap()
}

/// Ten in the morning in Moscow.
fn ten(month: i8, day: i8) -> Timestamp {
    format!("2026-{month:02}-{day:02}T07:00:00Z")
        .parse()
        .unwrap()
}

pub(crate) fn known(spans: &[(Date, Date)]) -> KnownDays {
    let mut days = KnownDays::default();
    for (from, to) in spans {
        days.cover(account(), *from, *to);
    }
    days
}

/// An invoice of Thursday, 12 March for 122 roubles, payable until Tuesday, 17 March, and all money known.
fn unpaid() -> TestDeal {
    let invoiced = deal()
        .with(|it| {
            it.policy.invoice.due_days = Some(5);
            it.policy.money = Some(MoneyPolicy {
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
            let promise = "UF_PROMISE".to_owned();
            it.policy.fields.insert(OurField::Promise, promise);
        })
        .settled();
    invoiced
        .with(|it| it.snapshot.known_days = known(&[(date(2026, 3, 1), date(2026, 12, 31))]).into())
}

fn rules(deal: &mut TestDeal) -> &mut Overdue {
    let money = deal.policy.money.as_mut().unwrap();
    money.overdue.as_mut().unwrap()
}

impl TestDeal {
    /// Looked at then, not for a change of the deal.
    fn at(mut self, now: Timestamp) -> Self {
        self.now = now;
        self.snapshot.undisturbed = true;
        self.glanced()
    }

    /// Whatever is wanted by then is carried out.
    fn lived(self, now: Timestamp) -> Self {
        let mut it = self.at(now);
        for _round in 0..4 {
            let plan = it.planned();
            it.carry_out(plan);
        }
        assert!(it.planned().is_empty(), "{}", it.plan());
        it
    }

    fn promised(mut self, day: Option<Date>) -> Self {
        let value = day.map_or(FieldValue::Empty, FieldValue::Date);
        self.snapshot.show(&[(OurField::Promise, value)]);
        self
    }
}

fn bells(plan: &Plan) -> Vec<(&Whom, &str)> {
    let told = plan.actions.iter().filter_map(|action| match action {
        Action::Notify { whom, about, .. } => Some((whom, about.as_str())),
        _ => None,
    });
    told.collect()
}

fn next(deal: &TestDeal) -> Option<String> {
    deal.planned().next_day.map(|day| day.at.to_string())
}

#[test]
fn on_the_last_day_nothing_is_said_and_on_the_next_the_manager_is_reminded() {
    let last = unpaid().at(ten(3, 17));
    assert!(last.planned().is_empty(), "{}", last.plan());
    assert_eq!(next(&last).as_deref(), Some("2026-03-18T05:00:00Z"));
    let over = unpaid().at(ten(3, 18));
    assert_snapshot!(over.plan(), @r"
    case INVOICE-OVERDUE
      | Счёт № 17 от 12.03.2026 на 122,00 ₽ (ООО «Ромашка») не оплачен в срок до 17.03.2026: просрочка 1 день, осталось 122,00 ₽.
      | Договоритесь о дне оплаты и впишите его в поле сделки «Обещали оплатить до»: до него не напоминаем.
      waits for deal 4711
    write Status = Просрочен
    tell user 5 of INVOICE-OVERDUE
    ");
}

#[test]
fn a_sample_is_never_overdue() {
    let sample = unpaid().with(|it| it.policy.organisations[0].test = true);
    let over = sample.at(ten(3, 18));
    assert!(over.planned().is_empty(), "{}", over.plan());
    assert_eq!(next(&over), None);
}

#[test]
fn each_day_of_the_policy_is_told_once_and_paying_ends_it() {
    let mut it = unpaid();
    let mut told = Vec::new();
    for day in 16..=31 {
        it = it.at(ten(3, day));
        let plan = it.planned();
        told.extend(bells(&plan).iter().map(|_| day));
        it = it.lived(ten(3, day));
        // Looked at twice a day, nothing more is wanted.
        assert!(it.planned().is_empty());
    }
    // The third day is a Friday, the seventh a Tuesday.
    assert_eq!(told, [18, 20, 24]);
    let mut paid = it.clone();
    paid.snapshot.receipts.push(receipt(2, 12_200));
    let plan = paid.planned();
    assert_eq!(plan.withdrawn, ["INVOICE-OVERDUE"]);
    assert!(bells(&plan).is_empty());
    assert!(paid.plan().contains("Status = Оплачен"), "{}", paid.plan());
    assert_eq!(next(&paid), None);
    let mut partly = unpaid().at(ten(3, 18));
    partly.snapshot.receipts.push(receipt(2, 5_000));
    let plan = partly.plan();
    assert!(plan.contains("осталось 72,00 ₽."), "{plan}");
}

#[test]
fn what_was_paid_and_is_open_again_is_no_news_for_the_day_that_was_told() {
    let heard = |about: &str, at: Timestamp| {
        unpaid().with(|it| {
            it.snapshot.heard_before = vec![Heard {
                key: "INVOICE-OVERDUE".to_owned(),
                about: about.to_owned(),
                at,
            }];
        })
    };
    // Days 3 and 7 are told on the 20th and the 24th.
    let third = ten(3, 20);
    assert_eq!(
        bells(&heard("whole/1=1", third).at(third).planned()).len(),
        1
    );
    let told = heard("whole/1=3", third).at(third).planned();
    assert_eq!((bells(&told), told.cases.len()), (Vec::new(), 0));
    assert_eq!(
        bells(&heard("whole/1=3", third).at(ten(3, 24)).planned()).len(),
        1
    );
    // Another invoice is another.
    assert_eq!(
        bells(&heard("whole/2=7", third).at(third).planned()).len(),
        1
    );
    // Told when its last day to pay was an earlier one.
    let earlier = heard("whole/1=3", ten(3, 19)).at(third).planned();
    assert_eq!(bells(&earlier).len(), 1);
}

#[test]
fn a_part_that_comes_between_two_days_reminds_nobody() {
    let mut it = unpaid().lived(ten(3, 18));
    it.snapshot.receipts.push(receipt(2, 5_000));
    assert!(bells(&it.planned()).is_empty(), "{}", it.plan());
}

#[test]
fn working_days_are_counted_where_policy_says_so_and_days_off_are_quiet() {
    let working = unpaid().with(|it| rules(it).count = DueCount::Working);
    let third = working.lived(ten(3, 18)).lived(ten(3, 20)).at(ten(3, 20));
    assert_eq!(next(&third).as_deref(), Some("2026-03-26T05:00:00Z"));
    assert!(unpaid().at(ten(3, 18)).plan().contains("просрочка 1 день"));
    // Payable until Friday: overdue on Saturday, told on Monday as the third day.
    let friday = || unpaid().invoice(|it| it.draft.due = Some(date(2026, 3, 13)));
    let saturday = friday().at(ten(3, 14));
    assert!(
        saturday.plan().contains("Status = Просрочен"),
        "{}",
        saturday.plan()
    );
    assert!(bells(&saturday.planned()).is_empty());
    assert_eq!(next(&saturday).as_deref(), Some("2026-03-16T05:00:00Z"));
    let monday = friday().lived(ten(3, 14)).at(ten(3, 16));
    assert!(
        monday.plan().contains("просрочка 3 дня"),
        "{}",
        monday.plan()
    );
    assert_eq!(
        bells(&monday.lived(ten(3, 16)).at(ten(3, 17)).planned()).len(),
        0
    );
    let in_working_days = friday().with(|it| rules(it).count = DueCount::Working);
    assert!(!in_working_days.at(ten(3, 14)).plan().contains("Просрочен"));
}

#[test]
fn the_head_is_told_once_after_so_many_days() {
    let mut it = unpaid().with(|it| rules(it).head_after = Some(5));
    let (mut told, mut texts) = (Vec::new(), Vec::new());
    for day in 17..=31 {
        it = it.at(ten(3, day));
        let plan = it.planned();
        texts.extend(to_head(&plan));
        let heads = bells(&plan)
            .into_iter()
            .filter(|(whom, _)| matches!(whom, Whom::HeadOf(_)));
        told.extend(heads.map(|(_, about)| (day, about.to_owned())));
        it = it.lived(ten(3, day));
    }
    // The fifth day is a Sunday.
    assert_eq!(told, [(23, "INVOICE-LONG-OVERDUE".to_owned())]);
    let reminded = "Ответственному за сделку об этом напоминали";
    assert!(
        matches!(&texts[..], [text] if text.contains(reminded)),
        "{texts:#?}"
    );
    // Only where he was.
    let silent: [fn(&mut TestDeal); 2] = [
        |it| rules(it).remind = Vec::new(),
        |it| it.policy.notices.off = vec![CaseCode::InvoiceOverdue.into()],
    ];
    for change in silent {
        let it = unpaid()
            .with(|it| rules(it).head_after = Some(5))
            .with(change);
        let it = it.lived(ten(3, 18)).at(ten(3, 23));
        let text = to_head(&it.planned()).unwrap();
        assert!(
            text.contains("не оплачен в срок") && !text.contains(reminded),
            "{text}"
        );
    }
}

fn to_head(plan: &Plan) -> Option<String> {
    let mut cases = plan.cases.iter();
    let case = cases.find(|case| case.code == CaseCode::InvoiceLongOverdue)?;
    Some(case.text.clone())
}

#[test]
fn nobody_is_reminded_of_what_may_be_paid() {
    let today = ten(3, 18);
    for (what, spans, asked) in [
        (
            "through the day before",
            &[(date(2026, 3, 1), date(2026, 3, 17))][..],
            None,
        ),
        (
            "behind since last night",
            &[(date(2026, 3, 1), date(2026, 3, 16))],
            Some(false),
        ),
        (
            "behind for days",
            &[(date(2026, 3, 1), date(2026, 3, 13))],
            Some(true),
        ),
        ("never", &[], Some(true)),
        (
            "begun on the invoice's day",
            &[(date(2026, 3, 12), date(2026, 3, 17))],
            None,
        ),
        (
            "begun after the invoice",
            &[(date(2026, 3, 13), date(2026, 3, 18))],
            Some(true),
        ),
        // Two days off are no gap, a Monday is one.
        (
            "no weekend",
            &[
                (date(2026, 3, 1), date(2026, 3, 13)),
                (date(2026, 3, 16), date(2026, 3, 17)),
            ],
            None,
        ),
        (
            "no Monday",
            &[
                (date(2026, 3, 1), date(2026, 3, 15)),
                (date(2026, 3, 17), date(2026, 3, 17)),
            ],
            Some(true),
        ),
    ] {
        let it = unpaid()
            .with(|it| it.snapshot.known_days = known(spans).into())
            .at(today);
        let plan = it.planned();
        assert_eq!(bells(&plan).is_empty(), asked.is_some(), "{what}");
        assert_eq!(plan.cases.is_empty(), asked.is_some(), "{what}");
        assert_eq!(!plan.unknown.is_empty(), asked == Some(true), "{what}");
        let day = plan.next_day.unwrap();
        assert_eq!(day.waits_for_accounts, asked.is_some(), "{what}");
        assert_eq!(
            day.at,
            if asked.is_some() {
                ten(3, 19) - jiff::SignedDuration::from_hours(2)
            } else {
                ten(3, 20) - jiff::SignedDuration::from_hours(2)
            },
            "{what}"
        );
    }
    let known_late = unpaid()
        .with(|it| it.snapshot.known_days = known(&[(date(2026, 3, 1), date(2026, 3, 16))]).into());
    assert!(!known_late.at(today).plan().contains("Просрочен"));
}

#[test]
fn the_accounting_side_makes_days_known_where_policy_says_so_or_names_no_account() {
    let by_accounting = || {
        unpaid().with(|it| {
            rules(it).known_by = KnownBy::Accounting;
            it.snapshot.known_days = KnownDays::default().into();
        })
    };
    let nameless = by_accounting().with(|it| {
        rules(it).known_by = KnownBy::Statements;
        it.policy.money.as_mut().unwrap().accounts.clear();
    });
    for it in [by_accounting(), nameless] {
        for (read_on, told) in [
            (None, 0),
            (Some(date(2026, 3, 17)), 0),
            (Some(date(2026, 3, 18)), 1),
        ] {
            let it = it.clone().with(|it| {
                let mut days = KnownDays::default();
                days.read_on
                    .extend(read_on.map(|day| (OrganisationId::new("org"), day)));
                it.snapshot.known_days = days.into();
            });
            assert_eq!(
                bells(&it.at(ten(3, 18)).planned()).len(),
                told,
                "{read_on:?}"
            );
        }
    }
}

#[test]
fn money_of_the_buyer_that_waits_for_a_decision_reminds_nobody() {
    let it = unpaid().with(|it| {
        let mut days = known(&[(date(2026, 3, 1), date(2026, 3, 31))]);
        days.undecided
            .insert((OrganisationId::new("org"), "7707083893".to_owned()));
        it.snapshot.known_days = days.into();
    });
    let it = it.at(ten(3, 18));
    assert!(bells(&it.planned()).is_empty(), "{}", it.plan());
    assert!(it.plan().contains("Status = Просрочен"), "{}", it.plan());
    assert_eq!(next(&it).as_deref(), Some("2026-03-19T05:00:00Z"));
}

#[test]
fn money_of_another_that_may_be_for_the_invoice_reminds_nobody() {
    let offered = |invoice: &str| {
        unpaid().with(|it| {
            let mut days = known(&[(date(2026, 3, 1), date(2026, 3, 31))]);
            let of = if invoice.is_empty() {
                it.snapshot.invoices[0].id.clone()
            } else {
                domain::InvoiceId::new(invoice)
            };
            days.offered.insert((OrganisationId::new("org"), of));
            it.snapshot.known_days = days.into();
        })
    };
    let it = offered("").at(ten(3, 18));
    assert!(bells(&it.planned()).is_empty(), "{}", it.plan());
    assert_eq!(next(&it).as_deref(), Some("2026-03-19T05:00:00Z"));
    let it = offered("another").at(ten(3, 18));
    assert_eq!(bells(&it.planned()).len(), 1, "{}", it.plan());
}

#[test]
fn a_promise_silences_until_its_day_is_over_and_then_is_reminded_of_once() {
    let it = unpaid().lived(ten(3, 18)).promised(Some(date(2026, 3, 26)));
    let third = it.at(ten(3, 20));
    assert!(bells(&third.planned()).is_empty(), "{}", third.plan());
    assert_eq!(next(&third).as_deref(), Some("2026-03-27T05:00:00Z"));
    let on_the_day = third.at(ten(3, 26));
    assert!(bells(&on_the_day.planned()).is_empty());
    let broken = on_the_day.at(ten(3, 27));
    assert!(
        broken.plan().contains("Обещали оплатить до 26.03.2026"),
        "{}",
        broken.plan()
    );
    assert_eq!(bells(&broken.planned()).len(), 1);
    let told = broken.lived(ten(3, 27));
    for day in [28, 30, 31] {
        assert!(
            bells(&told.clone().at(ten(3, day)).planned()).is_empty(),
            "{day}"
        );
    }
    // Taken out again, or one that was over before the last day to pay: as if there were none.
    assert!(bells(&told.promised(None).planned()).is_empty());
    let early = unpaid().promised(Some(date(2026, 3, 16))).at(ten(3, 18));
    assert_eq!(bells(&early.planned()).len(), 1);
    assert!(
        !early.plan().contains("Обещали оплатить до 16"),
        "{}",
        early.plan()
    );
}

#[test]
fn at_night_nobody_is_told_and_what_is_switched_off_is_listed_all_the_same() {
    let quiet = |it: &mut TestDeal| {
        it.policy.notices.quiet = Some(Quiet {
            from: jiff::civil::time(20, 0, 0, 0),
            until: jiff::civil::time(8, 0, 0, 0),
            time_zone: "Asia/Novosibirsk".to_owned(),
        });
    };
    // Seven in the evening of Moscow is night on the portal.
    let it = unpaid()
        .with(quiet)
        .at("2026-03-18T16:00:00Z".parse().unwrap());
    assert!(bells(&it.planned()).is_empty());
    let again = it.planned().look_again.unwrap().0;
    assert_eq!(again.to_string(), "2026-03-19T01:00:00Z");
    let mut untold = it.clone();
    let plan = untold.planned();
    untold.carry_out(plan);
    // Eight there is four here: nobody of the seller's is reminded of yet.
    let early = untold.at(again);
    assert!(bells(&early.planned()).is_empty());
    assert_eq!(next(&early).as_deref(), Some("2026-03-19T05:00:00Z"));
    let morning = early.at("2026-03-19T05:00:00Z".parse().unwrap());
    assert_eq!(bells(&morning.planned()).len(), 1);
    assert!(
        morning.plan().contains("просрочка 2 дня"),
        "{}",
        morning.plan()
    );
    let off = unpaid().with(|it| it.policy.notices.off = vec![CaseCode::InvoiceOverdue.into()]);
    let plan = off.at(ten(3, 18)).planned();
    assert_eq!((bells(&plan).len(), plan.cases.len()), (0, 1));
}

#[test]
fn of_what_is_not_waited_for_nobody_is_reminded() {
    for (what, it) in [
        (
            "cancelled",
            unpaid().invoice(|it| it.status = InvoiceStatus::Cancelled),
        ),
        ("deleted", unpaid().invoice(|it| it.deleted = true)),
        (
            "paid over there",
            unpaid().invoice(|it| it.status = InvoiceStatus::Paid),
        ),
        (
            "unknown",
            unpaid().invoice(|it| it.status = InvoiceStatus::Unknown),
        ),
        ("without a term", unpaid().invoice(|it| it.draft.due = None)),
        (
            "without the section",
            unpaid().with(|it| it.policy.money.as_mut().unwrap().overdue = None),
        ),
        (
            "lost",
            unpaid().of(|deal| (deal.closed, deal.lost) = (true, true)),
        ),
    ] {
        let plan = it.clone().at(ten(3, 20)).planned();
        let reminders = bells(&plan)
            .into_iter()
            .filter(|(_, about)| about.contains("OVERDUE"));
        assert_eq!(reminders.count(), 0, "{what}");
        assert_eq!(plan.next_day, None, "{what}");
        // A question that was open is no more.
        let open = it.open("INVOICE-OVERDUE", "просрочен", true).at(ten(3, 20));
        assert_eq!(open.planned().withdrawn, ["INVOICE-OVERDUE"], "{what}");
    }
    let won = unpaid().of(|deal| deal.closed = true).at(ten(3, 18));
    assert_eq!(
        bells(&won.planned()).len(),
        1,
        "the money of a deal that is won is waited for"
    );
}

#[test]
fn two_invoices_of_a_deal_are_one_reminder() {
    let it = unpaid().with(|it| {
        it.snapshot.invoices[0].slot = Slot::first(SlotKind::Advance);
        let mut rest = it.snapshot.invoices[0].clone();
        rest.slot = Slot::first(SlotKind::Rest);
        rest.number = "18".to_owned();
        rest.draft.due = Some(date(2026, 3, 19));
        it.snapshot.invoices.push(rest);
    });
    let it = it.lived(ten(3, 18));
    assert_eq!(next(&it).as_deref(), Some("2026-03-20T05:00:00Z"));
    let both = it.at(ten(3, 20));
    assert_eq!(bells(&both.planned()).len(), 1);
    let plan = both.plan();
    assert!(plan.contains("№ 17") && plan.contains("№ 18"), "{plan}");
}

#[test]
fn a_year_whose_decree_is_not_here_is_said() {
    let it = unpaid().invoice(|it| it.draft.due = Some(date(2027, 1, 12)));
    let it = it
        .with(|it| it.snapshot.known_days = known(&[(date(2026, 3, 1), date(2027, 2, 1))]).into());
    let plan = it.at("2027-01-13T07:00:00Z".parse().unwrap()).plan();
    assert!(
        plan.contains("календаря на 2027 год в программе нет"),
        "{plan}"
    );
}

#[test]
fn a_question_about_an_account_is_answered_by_days_that_it_asked_for() {
    let today = date(2026, 3, 18);
    for (spans, asked, answered) in [
        (&[][..], KnownOf::Never, false),
        (
            &[(date(2026, 3, 1), date(2026, 3, 10))],
            KnownOf::Never,
            true,
        ),
        (
            &[(date(2026, 3, 1), date(2026, 3, 12))],
            KnownOf::Through(date(2026, 3, 10)),
            false,
        ),
        (
            &[(date(2026, 3, 1), date(2026, 3, 17))],
            KnownOf::Through(date(2026, 3, 10)),
            true,
        ),
        (
            &[(date(2026, 3, 5), date(2026, 3, 18))],
            KnownOf::Since(date(2026, 3, 5)),
            false,
        ),
        (
            &[(date(2026, 3, 1), date(2026, 3, 18))],
            KnownOf::Since(date(2026, 3, 5)),
            true,
        ),
    ] {
        let is_answered = known(spans).is_answered(&account(), asked, today);
        assert_eq!(is_answered, answered, "{spans:?} {asked:?}");
    }
}

#[test]
fn days_that_cannot_be_are_refused() {
    for (change, fault) in [
        (
            (|it: &mut Overdue| it.remind = vec![3, 1]) as fn(&mut Overdue),
            "remind",
        ),
        (|it| it.remind = vec![0], "remind"),
        (|it| it.remind = vec![2, 2], "remind"),
        (|it| it.head_after = Some(0), "head_after"),
    ] {
        let mut it = unpaid();
        change(rules(&mut it));
        let text = it.policy.to_text().unwrap();
        let error = planner::Policy::parse(&text).unwrap_err().to_string();
        assert!(error.contains(fault), "{error}");
    }
    let mut never = unpaid();
    rules(&mut never).remind.clear();
    assert!(planner::Policy::parse(&never.policy.to_text().unwrap()).is_ok());
    assert!(bells(&never.at(ten(3, 20)).planned()).is_empty());
}
