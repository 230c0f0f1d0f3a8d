//! Invoices that exist already: which of them becomes a deal's, and what follows from it.

use domain::observed::OurField;
use domain::{
    Amounts, CompanyId, ContractorId, DealId, Invoice, InvoiceId, InvoiceStatus, Line, Money,
    OrganisationId, Price, Quantity, Slot, SlotKind, Unit, VatMode, VatRate,
};
use jiff::Timestamp;
use jiff::civil::date;
use planner::adopting::{Candidate, Claim, Judged, judge};
use planner::{Action, Funnel, Mode, Seen};

use crate::build::{ROMASHKA, TestDeal, deal, organisation, row};
use crate::changed::{order, settle};
use crate::receipts::{came_on, receipt};

pub(crate) fn claim() -> Claim {
    Claim {
        deal: DealId(4711),
        organisation: None,
        number: "17".to_owned(),
        date: None,
        total: None,
        bills: SlotKind::Whole,
    }
}

/// What the accountant issued by hand: the deal's lines under other names.
pub(crate) fn by_hand() -> Invoice {
    Invoice {
        id: InvoiceId::new("B-9"),
        seller: OrganisationId::new("org"),
        number: "17".to_owned(),
        date: date(2026, 3, 2),
        due: None,
        status: InvoiceStatus::Issued,
        contractor: ContractorId::new("K-1"),
        counterparty: Some(ROMASHKA.parse().unwrap()),
        mode: VatMode::Included,
        lines: vec![Line {
            name: "Услуги консультационные".to_owned(),
            unit: Unit {
                okei: Some("796".to_owned()),
                name: "шт".to_owned(),
            },
            quantity: Quantity::ONE,
            price: Price::parse("122").unwrap(),
            discount: None,
            vat: VatRate::Percent22,
        }],
        totals: Amounts {
            net: Money::from_kopecks(10_000),
            vat: Money::from_kopecks(2_200),
            gross: Money::from_kopecks(12_200),
        },
        currency: "RUB".to_owned(),
        paid: Money::ZERO,
        marked: false,
        made_as: None,
        changed: None,
    }
}

pub(crate) fn with(change: impl FnOnce(&mut Invoice)) -> Invoice {
    let mut invoice = by_hand();
    change(&mut invoice);
    invoice
}

pub(crate) fn free(invoice: Invoice) -> Candidate {
    Candidate {
        invoice,
        of: None,
        made_for: None,
    }
}

pub(crate) fn adopted_at() -> Timestamp {
    "2026-03-12T09:00:00Z".parse().unwrap()
}

pub(crate) fn said(deal: &TestDeal, claim: &Claim, found: &[Candidate]) -> String {
    match judge(&deal.snapshot, claim, found, &deal.policy, adopted_at()) {
        Judged::Adopt(invoice) => format!("№ {} in {}", invoice.number, invoice.slot),
        Judged::Already => "already".to_owned(),
        Judged::Refused(why) => why.replace('\u{a0}', " "),
    }
}

fn adopted(deal: TestDeal) -> TestDeal {
    adopted_as(deal, by_hand())
}

pub(crate) fn adopted_as(deal: TestDeal, invoice: Invoice) -> TestDeal {
    let (found, now) = ([free(invoice)], adopted_at());
    let judged = judge(&deal.snapshot, &claim(), &found, &deal.policy, now);
    let Judged::Adopt(invoice) = judged else {
        panic!("{judged:?}");
    };
    deal.with(|deal| deal.snapshot.invoices.push(*invoice))
}

#[test]
fn an_invoice_that_says_what_the_deal_says_becomes_its_invoice() {
    let exact = Claim {
        organisation: Some(OrganisationId::new("org")),
        date: Some(date(2026, 3, 2)),
        total: Some(Money::from_kopecks(12_200)),
        ..claim()
    };
    for claim in [claim(), exact] {
        assert_eq!(said(&deal(), &claim, &[free(by_hand())]), "№ 17 in whole/1");
    }
    // The accountant's card often lacks the KPP.
    let without_kpp = with(|one| one.counterparty.as_mut().unwrap().kpp = None);
    assert_eq!(
        said(&deal(), &claim(), &[free(without_kpp)]),
        "№ 17 in whole/1"
    );
    let paid = with(|one| one.status = InvoiceStatus::Paid);
    assert_eq!(said(&deal(), &claim(), &[free(paid)]), "№ 17 in whole/1");
}

#[test]
fn what_differs_is_said_and_not_linked() {
    let foreign = "7736050003/773601001".parse().unwrap();
    let branch = "7707083893/997750001".parse().unwrap();
    let other_vat = with(|one| one.totals.vat = Money::from_kopecks(2_033));
    let dearer = with(|one| one.totals.gross = Money::from_kopecks(12_201));
    for (invoice, why) in [
        (dearer, "он на 122,01 ₽, сделка на 122,00 ₽"),
        (other_vat, "НДС в нём 20,33 ₽, в сделке 22,00 ₽"),
        (
            with(|one| one.counterparty = Some(foreign)),
            "выставлен 7736050003/773601001, покупатель сделки 7707083893/770801001",
        ),
        (
            with(|one| one.counterparty = Some(branch)),
            "выставлен 7707083893/997750001, покупатель сделки 7707083893/770801001",
        ),
        (
            with(|one| {
                let person = domain::Who::Contact(domain::ContactId(9));
                one.counterparty = Some(domain::CounterpartyKey {
                    who: person,
                    kpp: None,
                });
            }),
            "выставлен без ИНН, контакт 9, покупатель сделки 7707083893/770801001",
        ),
        (
            with(|one| one.counterparty = None),
            "учёт не говорит, кому он выставлен",
        ),
        (
            with(|one| one.status = InvoiceStatus::Cancelled),
            "отменён или удалён в учёте",
        ),
    ] {
        let expected = format!("счёт № 17 от 02.03.2026: {why}");
        assert_eq!(said(&deal(), &claim(), &[free(invoice)]), expected);
    }
    let of_another = Candidate {
        of: Some(DealId(12)),
        ..free(by_hand())
    };
    assert_eq!(
        said(&deal(), &claim(), &[of_another]),
        "счёт № 17 от 02.03.2026: это счёт сделки 12"
    );
    let another_sum = Claim {
        total: Some(Money::from_kopecks(12_000)),
        ..claim()
    };
    assert_eq!(
        said(&deal(), &another_sum, &[free(by_hand())]),
        "счёт № 17 от 02.03.2026: в учёте он на 122,00 ₽, указано 120,00 ₽"
    );
}

#[test]
fn of_several_with_one_number_just_one_must_fit() {
    let last_year = || with(|one| (one.id, one.date) = (InvoiceId::new("B-1"), date(2025, 3, 2)));
    let both = [free(last_year()), free(by_hand())];
    assert_eq!(
        said(&deal(), &claim(), &both),
        "подходят несколько счетов № 17: от 02.03.2025, от 02.03.2026. Укажите дату в файле"
    );
    let dated = Claim {
        date: Some(date(2026, 3, 2)),
        ..claim()
    };
    assert_eq!(said(&deal(), &dated, &both), "№ 17 in whole/1");
    let mut other_sum = last_year();
    other_sum.totals.gross = Money::from_kopecks(1);
    let one_fits = [free(other_sum), free(by_hand())];
    assert_eq!(said(&deal(), &claim(), &one_fits), "№ 17 in whole/1");
    assert_eq!(
        said(&deal(), &claim(), &[]),
        "счёта № 17 в учёте этой организации нет"
    );
    let of_april = Claim {
        date: Some(date(2026, 4, 1)),
        ..claim()
    };
    assert_eq!(
        said(&deal(), &of_april, &both),
        "счёта № 17 от 01.04.2026 в учёте нет, есть от 02.03.2025, от 02.03.2026"
    );
    let elsewhere = with(|one| one.seller = OrganisationId::new("org-2"));
    assert_eq!(
        said(&deal(), &claim(), &[free(elsewhere)]),
        "счёта № 17 в учёте этой организации нет"
    );
}

#[test]
fn a_deal_that_may_have_none_or_has_one_gets_none() {
    let found = [free(by_hand())];
    let moved = || deal().of(|deal| deal.funnel = domain::FunnelId(9));
    let other_funnel = moved().read(|reading| reading.history.clear());
    let switched_off = moved().with(|deal| {
        let off = Funnel {
            id: domain::FunnelId(9),
            mode: Mode::Off,
            ..deal.policy.funnels[0].clone()
        };
        deal.policy.funnels.push(off);
    });
    let template = deal().of(|deal| deal.template = true);
    let has_one = deal().issued().invoice(|one| one.number = "18".to_owned());
    let no_buyer = deal().read(|reading| reading.requisites.clear());
    let own_bank = deal().seller(|own| own.banks.clear());
    for (deal, expected) in [
        (deal().seen(Seen::Gone), "такой сделки на портале нет"),
        (
            deal().seen(Seen::Denied),
            "сделка не видна техническому пользователю",
        ),
        (other_funnel, "воронка сделки не ведётся"),
        (switched_off, "воронка сделки не ведётся"),
        (template, "это шаблон повторяющихся сделок"),
        (has_one, "у сделки уже есть счёт № 18"),
        (no_buyer, "у компании покупателя не заполнены реквизиты"),
        (own_bank, "не указан счёт нашей организации в банке"),
    ] {
        assert_eq!(said(&deal, &claim(), &found), expected);
    }
    let of_another = Claim {
        organisation: Some(OrganisationId::new("org-2")),
        ..claim()
    };
    assert_eq!(
        said(&deal(), &of_another, &found),
        "сделка продаёт от организации «Мы», а счёт — «org-2»"
    );
}

#[test]
fn of_two_organisations_with_one_own_company_the_file_says_whose_invoice_it_is() {
    let two = || {
        let deal = deal().with(|deal| {
            deal.policy.organisations.push(organisation("org-2", 1));
            deal.policy.organisations.push(organisation("org-3", 2));
        });
        deal.of(|deal| deal.own_company = Some(CompanyId(1)))
    };
    let of = |id: &str| Claim {
        organisation: Some(OrganisationId::new(id)),
        ..claim()
    };
    let of_second = with(|one| one.seller = OrganisationId::new("org-2"));
    let found = [free(by_hand()), free(of_second)];
    for id in ["org", "org-2"] {
        assert_eq!(said(&two(), &of(id), &found), "№ 17 in whole/1", "{id}");
    }
    // Without the file nobody says it, and one of another company it is not.
    for claim in [claim(), of("org-3")] {
        let why = said(&two(), &claim, &found);
        assert!(why.contains("отвечают несколько организаций"), "{why}");
    }
}

#[test]
fn a_deal_that_went_on_to_a_funnel_which_policy_does_not_name_gets_its_invoice() {
    let moved = || deal().of(|deal| deal.funnel = domain::FunnelId(9));
    let by_history = said(&moved(), &claim(), &[free(by_hand())]);
    assert_eq!(by_history, "№ 17 in whole/1");
    // Of one that was ordered no history tells, but the mark does.
    let ordered = moved().read(|reading| reading.history.clear());
    let marked = Candidate {
        made_for: Some(Slot::first(SlotKind::Whole)),
        ..free(by_hand())
    };
    assert_eq!(said(&ordered, &claim(), &[marked]), "№ 17 in whole/1");
}

#[test]
fn what_was_adopted_is_adopted_once_and_no_other_is_issued() {
    let adopted = adopted(deal());
    assert_eq!(said(&adopted, &claim(), &[free(by_hand())]), "already");
    for deal in [adopted.clone(), adopted.clone().ordered()] {
        let plan = deal.planned();
        let issues = |action: &Action| matches!(action, Action::IssueInvoice { .. });
        assert!(!plan.actions.iter().any(issues), "{}", deal.plan());
        assert!(plan.cases.is_empty(), "{}", deal.plan());
    }
    // The names differ, and nobody is asked about that.
    insta::assert_snapshot!(adopted.plan(), @r"
    write Number = 17, Date = 2026-03-02, Sum = 122.00, Status = Выставлен
    timeline adopted/whole/1: К сделке привязан выставленный раньше счёт № 17 от 02.03.2026 на сумму 122,00 ₽
    because: счёт № 17 нужно показать в сделке
    ");
}

#[test]
fn a_deal_of_which_no_lines_can_be_made_is_compared_with_the_invoice() {
    let unknown_unit = deal().row(|row| {
        (row.unit_code, row.unit_name) = (None, Some("бухта".to_owned()));
    });
    assert_eq!(
        said(&unknown_unit, &claim(), &[free(by_hand())]),
        "№ 17 in whole/1"
    );
    let dearer = unknown_unit.of(|deal| deal.amount = Money::from_kopecks(12_300));
    assert_eq!(
        said(&dearer, &claim(), &[free(by_hand())]),
        "счёт № 17 от 02.03.2026: он на 122,00 ₽, сделка на 123,00 ₽"
    );
}

#[test]
fn a_sum_in_another_currency_and_a_question_are_no_agreement() {
    let dollars = deal().of(|deal| deal.currency = "USD".to_owned());
    let why = said(&dollars, &claim(), &[free(by_hand())]);
    assert!(why.starts_with("счёт № 17 от 02.03.2026: "), "{why}");
}

#[test]
fn an_invoice_that_bears_our_mark_is_another_order_of_ours() {
    let marked = with(|invoice| invoice.marked = true);
    assert_eq!(
        said(&deal(), &claim(), &[free(marked)]),
        "счёт № 17 от 02.03.2026: его выставила Provodka: своя сделка найдёт его по метке сама"
    );
}

#[test]
fn an_edit_after_the_adoption_is_told_like_any_other() {
    let changed = adopted(deal()).rows([row("Консультация"), row("Выезд")]);
    let plan = changed.planned();
    assert_eq!(plan.cases.len(), 1, "{}", changed.plan());
    assert_eq!(plan.cases[0].key, "DEAL-CHANGED-AFTER-INVOICE");
}

#[test]
fn an_advance_is_taken_over_as_one_and_the_rest_is_billed_by_order() {
    let part = |invoice: &mut Invoice| {
        invoice.totals = Amounts {
            net: Money::from_kopecks(3_000),
            vat: Money::from_kopecks(660),
            gross: Money::from_kopecks(3_660),
        };
    };
    let claim = Claim {
        bills: SlotKind::Advance,
        ..claim()
    };
    assert_eq!(
        said(&deal(), &claim, &[free(with(part))]),
        "№ 17 in advance/1"
    );
    let wrong = |invoice: &mut Invoice| {
        part(invoice);
        invoice.totals.vat = Money::from_kopecks(600);
    };
    let told = said(&deal(), &claim, &[free(with(wrong))]);
    assert!(told.contains("НДС в нём 6,00 ₽"), "{told}");
    let whole = said(&deal(), &claim, &[free(by_hand())]);
    assert!(whole.contains("меньше суммы сделки"), "{whole}");
    let judged = judge(
        &deal().snapshot,
        &claim,
        &[free(with(part))],
        &deal().policy,
        adopted_at(),
    );
    let Judged::Adopt(invoice) = judged else {
        panic!("{judged:?}");
    };
    let mut deal = deal().with(|deal| deal.snapshot.invoices.push(*invoice));
    // The rest that was issued by hand as well is the deal's second invoice.
    let rest = |invoice: &mut Invoice| {
        (invoice.id, invoice.number) = (InvoiceId::new("B-10"), "18".to_owned());
        invoice.totals = Amounts {
            net: Money::from_kopecks(7_000),
            vat: Money::from_kopecks(1_540),
            gross: Money::from_kopecks(8_540),
        };
    };
    let of_rest = Claim {
        number: "18".to_owned(),
        bills: SlotKind::Rest,
        ..claim.clone()
    };
    assert_eq!(said(&deal, &of_rest, &[free(with(rest))]), "№ 18 in rest/1");
    let twice = Claim {
        bills: SlotKind::Rest,
        ..claim.clone()
    };
    let told = said(&deal, &twice, &[free(with(part))]);
    assert!(told.contains("это счёт на аванс этой сделки"), "{told}");
    let alone = said(&crate::build::deal(), &of_rest, &[free(with(rest))]);
    assert!(alone.contains("счёта на аванс у сделки нет"), "{alone}");
    let dearer = |invoice: &mut Invoice| {
        rest(invoice);
        invoice.totals.gross = Money::from_kopecks(8_541);
    };
    let told = said(&deal, &of_rest, &[free(with(dearer))]);
    assert!(told.contains("он на 85,41 ₽, сделка на 85,40 ₽"), "{told}");
    let second = Claim {
        bills: SlotKind::Advance,
        ..of_rest
    };
    let told = said(&deal, &second, &[free(with(rest))]);
    assert!(told.contains("уже есть счёт № 17"), "{told}");
    let told = settle(&mut deal);
    assert!(
        told.iter().any(|line| line.contains("на аванс")),
        "{told:?}"
    );
    assert!(deal.planned().is_empty(), "{}", deal.plan());
    let rest = order(deal, "остаток").planned();
    let issued = rest.actions.iter().find_map(|action| match action {
        Action::IssueInvoice { draft, .. } => draft.totals().ok(),
        _ => None,
    });
    assert_eq!(issued.unwrap().gross.kopecks(), 12_200 - 3_660);
}

/// A deal that holds nothing but its amount.
fn without_rows() -> TestDeal {
    deal()
        .rows([])
        .of(|deal| deal.amount = Money::from_kopecks(12_200))
}

#[test]
fn a_deal_without_rows_is_asked_about_once_its_amount_or_its_buyer_changes() {
    let adopted = adopted(without_rows());
    let edited = adopted
        .clone()
        .of(|deal| deal.title = "Другое название".to_owned());
    assert!(edited.planned().cases.is_empty(), "{}", edited.plan());
    let dearer = adopted
        .clone()
        .of(|deal| deal.amount = Money::from_kopecks(12_201));
    assert_eq!(dearer.planned().cases[0].key, "DEAL-CHANGED-AFTER-INVOICE");
    let other = adopted
        .clone()
        .buyer(|buyer| buyer.inn = "7728168971".to_owned());
    assert!(
        other.planned().cases[0].text.contains("7728168971"),
        "{}",
        other.plan()
    );
    let filled = adopted.rows([row("Консультация"), row("Выезд")]);
    assert_eq!(filled.planned().cases[0].key, "DEAL-CHANGED-AFTER-INVOICE");
}

#[test]
fn what_was_paid_before_is_shown_as_paid_and_asks_for_nothing() {
    let money = planner::MoneyPolicy {
        booking: Some(planner::Booking::Accounting),
        since: None,
        wait_hours: 24,
        refunds: planner::Refunds::default(),
        registers: planner::Registers::default(),
        accounts: Vec::new(),
        stages: Vec::new(),
        overdue: None,
    };
    let shown = |then: InvoiceStatus, now: InvoiceStatus| {
        let as_it_was = with(|one| one.status = then);
        let mut deal = adopted_as(deal(), as_it_was).with(|deal| {
            deal.snapshot.invoices[0].status = now;
            deal.policy.money = Some(money.clone());
            deal.policy
                .fields
                .insert(OurField::Paid, "UF_PAID".to_owned());
            deal.policy
                .fields
                .insert(OurField::PaidOn, "UF_PAID_ON".to_owned());
        });
        settle(&mut deal);
        assert!(deal.planned().is_empty(), "{}", deal.plan());
        let fields = deal.snapshot.glance().unwrap().fields.clone();
        (
            fields.status.unwrap(),
            fields.paid.unwrap_or_default().kopecks(),
        )
    };
    let partly = |one: &mut Invoice| {
        one.status = InvoiceStatus::PartiallyPaid;
        one.paid = Money::from_kopecks(5_000);
    };
    let part =
        adopted_as(deal(), with(partly)).with(|deal| deal.policy.money = Some(money.clone()));
    assert!(part.plan().contains("Оплачен частично"), "{}", part.plan());
    let paid = |receipts: &[(i64, i8)]| {
        let mut deal = part.clone().with(|deal| {
            let fields = &mut deal.policy.fields;
            fields.insert(OurField::Paid, "UF_PAID".to_owned());
            for (number, (kopecks, day)) in (1..).zip(receipts) {
                let mut receipt = receipt(number, *kopecks);
                came_on(&mut receipt, date(2026, 3, *day));
                deal.snapshot.receipts.push(receipt);
            }
        });
        let told = settle(&mut deal).concat().replace('\u{a0}', " ");
        let paid = deal.snapshot.glance().unwrap().fields.paid.unwrap();
        (paid.kopecks(), told.contains("оплачен полностью"))
    };
    assert_eq!(paid(&[]), (5_000, false));
    // What came up to the day of adoption is what the accounting side counted; what came since is not.
    assert_eq!(paid(&[(5_000, 10)]), (5_000, false));
    assert_eq!(paid(&[(2_000, 10)]), (5_000, false));
    assert_eq!(paid(&[(6_000, 12)]), (6_000, false));
    assert_eq!(paid(&[(5_000, 10), (7_200, 13)]), (12_200, true));
    assert_eq!(paid(&[(7_200, 13)]), (12_200, true));
    let (issued, paid) = (InvoiceStatus::Issued, InvoiceStatus::Paid);
    assert_eq!(shown(paid, paid), ("Оплачен".to_owned(), 12_200));
    assert_eq!(shown(issued, issued), ("Выставлен".to_owned(), 0));
    // Its payment is known later: by a mark alone nobody paid twice.
    let known_later = |there: i64| {
        let mut deal = adopted_as(deal(), with(|one| one.status = InvoiceStatus::Paid));
        deal.policy.money = Some(money.clone());
        let mut later = receipt(1, 12_200);
        came_on(&mut later, date(2026, 3, 13));
        deal.snapshot.receipts.push(later);
        deal.snapshot.invoices[0].paid_there = Money::from_kopecks(there);
        settle(&mut deal);
        deal.snapshot
            .glance()
            .unwrap()
            .fields
            .status
            .clone()
            .unwrap()
    };
    assert_eq!(
        [known_later(0), known_later(12_200), known_later(15_000)],
        ["Оплачен", "Оплачен", "Переплачен"].map(str::to_owned)
    );
    // What was paid since then has its payment among ours, or it is not ours to count: the word and the sum say the same.
    assert_eq!(shown(issued, paid), ("Выставлен".to_owned(), 0));
}

#[test]
fn what_a_person_gave_up_is_not_taken_back() {
    let given_up = adopted(deal()).with(|deal| {
        let invoice = &mut deal.snapshot.invoices[0];
        (invoice.live, invoice.replaced) = (false, true);
    });
    assert_eq!(
        said(&given_up, &claim(), &[free(by_hand())]),
        "счёт № 17 от 02.03.2026: он был у этой сделки, и от него отказались"
    );
    let other = with(|one| one.id = InvoiceId::new("B-10"));
    let judged = judge(
        &given_up.snapshot,
        &claim(),
        &[free(other)],
        &given_up.policy,
        adopted_at(),
    );
    let Judged::Adopt(invoice) = judged else {
        panic!("{judged:?}");
    };
    let second = Slot::first(SlotKind::Whole).next().unwrap();
    assert_eq!(invoice.slot, second);
}

#[test]
fn a_test_organisations_is_called_a_sample() {
    let sample = adopted(deal()).with(|deal| deal.policy.organisations[0].test = true);
    let plan = sample.plan();
    assert!(
        plan.contains(
            "Образец, не оплачивать: к сделке привязан выставленный раньше тестовый счёт № 17"
        ),
        "{plan}"
    );
}
