//! VAT: what an organisation's regime forbids, what no rate means, and what ended with 2025.

use domain::observed::{ProductRow, RowVat};
use domain::{Price, VatMode, VatRate};
use planner::{Action, Answer, Plan, VatPeriod, VatRegime};

use crate::build::{TestDeal, deal, row};

fn under(regime: VatRegime) -> TestDeal {
    deal().with(|deal| {
        deal.policy.organisations[0].vat = vec![VatPeriod {
            from: "2026-01-01".parse().unwrap(),
            regime,
            wording: (regime == VatRegime::Exempt).then(|| "Без НДС по ст. 145.".to_owned()),
        }];
    })
}

fn with_rate(vat: RowVat) -> ProductRow {
    ProductRow {
        vat, ..row("Стол")
    }
}

fn rate(rate: VatRate) -> ProductRow {
    with_rate(RowVat::Known(rate))
}

/// The rates and the total of the invoice, or what is asked.
fn outcome(deal: &TestDeal) -> String {
    let plan = deal.planned();
    if let Some(case) = plan.cases.first() {
        let faults: Vec<&str> = case
            .faults
            .iter()
            .map(|fault| fault.what.as_str())
            .collect();
        return format!("{}: {}", case.code.as_str(), faults.join("; "));
    }
    let (mode, rates, gross, vat) = issued(&plan);
    format!("{mode} {rates}, {gross} with {vat}")
}

fn issued(plan: &Plan) -> (VatMode, String, String, String) {
    for action in &plan.actions {
        if let Action::IssueInvoice { draft, .. } = action {
            let rates: Vec<&str> = draft.lines.iter().map(|line| line.vat.as_str()).collect();
            let totals = draft.totals().unwrap();
            return (
                draft.mode,
                rates.join("+"),
                totals.gross.to_string(),
                totals.vat.to_string(),
            );
        }
    }
    panic!("nothing is issued: {plan:?}");
}

#[test]
fn a_rate_that_the_regime_forbids_is_a_fault_of_its_row() {
    use VatRate::{Percent5, Percent7, Percent10, Percent22, Without, Zero};
    use VatRegime::{Exempt, General, Usn5, Usn7};
    for (regime, allowed) in [
        (General, [Percent22, Percent10, Zero].as_slice()),
        (Usn5, &[Percent5, Zero]),
        (Usn7, &[Percent7, Zero]),
        (Exempt, &[Without]),
    ] {
        for one in [Percent22, Percent10, Percent7, Percent5, Zero, Without] {
            let deal = under(regime).rows([rate(one)]);
            let asked = !deal.planned().cases.is_empty();
            assert_eq!(asked, !allowed.contains(&one), "{regime:?} {one}");
        }
    }
    assert_eq!(
        outcome(&under(Usn5).rows([rate(Percent22)])),
        "DEAL-DATA-MISSING: строка 1 «Стол»: ставка НДС 22% не подходит организации (УСН с НДС 5%): исправьте \
         ставку в строке"
    );
    assert_eq!(
        outcome(&under(Exempt).rows([rate(Percent22)])),
        "DEAL-DATA-MISSING: строка 1 «Стол»: ставка НДС 22% не подходит организации (без НДС): поставьте в строке \
         «Без НДС»"
    );
    // Nobody said how the organisation stands to VAT: whatever the law has is taken.
    assert_eq!(
        outcome(&deal().rows([rate(Percent5)])),
        "included 5, 122.00 with 5.81"
    );
}

#[test]
fn the_regime_of_the_invoices_day_decides() {
    let changing = |today: &str| {
        let now = today.parse().unwrap();
        let deal = under(VatRegime::Exempt).with(|deal| {
            deal.policy.organisations[0].vat.push(VatPeriod {
                from: "2026-03-12".parse().unwrap(),
                regime: VatRegime::Usn5,
                wording: None,
            });
        });
        let deal = deal.rows([rate(VatRate::Percent5)]).ordered();
        deal.seen_at(now).with(|deal| deal.now = now)
    };
    // Until nine in the evening of the 11th in London it is the 11th in Moscow.
    let before = outcome(&changing("2026-03-11T20:59:59Z"));
    assert!(before.contains("не подходит"), "{before}");
    assert_eq!(
        outcome(&changing("2026-03-11T21:00:00Z")),
        "included 5, 122.00 with 5.81"
    );
}

#[test]
fn who_is_exempt_prints_why() {
    let plan = under(VatRegime::Exempt)
        .rows([rate(VatRate::Without)])
        .planned();
    let wordings: Vec<_> = plan
        .actions
        .iter()
        .filter_map(|action| match action {
            Action::IssueInvoice { seller, .. } => seller.exemption.clone(),
            _ => None,
        })
        .collect();
    assert_eq!(wordings, ["Без НДС по ст. 145."]);
}

#[test]
fn no_rate_at_a_payer_is_a_fault_until_policy_says_what_it_means() {
    let free = || {
        let typed = ProductRow {
            product: None,
            ..rate(VatRate::Without)
        };
        under(VatRegime::General).rows([typed, rate(VatRate::Without)])
    };
    let told = outcome(&free());
    assert_eq!(
        told,
        "DEAL-DATA-MISSING: строка 1 «Стол»: ставка НДС не указана, а организация платит НДС (общий режим НДС): \
         укажите ставку в строке; строка 2 «Стол»: ставка НДС не указана, а организация платит НДС (общий режим \
         НДС): укажите ставку в строке"
    );
    let said = free().with(|deal| {
        let no_rate = &mut deal.policy.invoice.no_rate;
        no_rate.free_rows = Some(VatRate::Percent22);
        no_rate.products = [("501".to_owned(), VatRate::Without)].into();
    });
    assert_eq!(outcome(&said), "included 22+none, 244.00 with 22.00");
    let wrong = free().with(|deal| deal.policy.invoice.no_rate.free_rows = Some(VatRate::Percent5));
    let told = outcome(&wrong);
    assert!(
        told.contains("в правилах (invoice.no_rate) ставка 5%"),
        "{told}"
    );
    // Nor does policy bring back a rate that is over.
    let over = free().with(|deal| deal.policy.invoice.no_rate.free_rows = Some(VatRate::Percent20));
    let told = outcome(&over);
    assert!(
        told.contains(
            "строка 1 «Стол»: в правилах (invoice.no_rate) ставка НДС 20% на 12.03.2026 не действует"
        ),
        "{told}"
    );
}

fn twenty(mode: VatMode) -> TestDeal {
    let twenty = |name: &str, price: &str| ProductRow {
        price: Price::parse(price).unwrap(),
        vat_included: mode == VatMode::Included,
        name: name.to_owned(),
        ..rate(VatRate::Percent20)
    };
    let mut ten = twenty("Книга", "110");
    ten.vat = RowVat::Known(VatRate::Percent10);
    under(VatRegime::General).rows([twenty("Стол", "120"), ten])
}

/// The same deal after an answer to the question that it asks.
fn answered(deal: TestDeal, choice: &str) -> TestDeal {
    let case = deal.planned().cases.remove(0);
    assert!(
        case.choices.iter().any(|known| known.word == choice),
        "{case:?}"
    );
    deal.with(|deal| {
        deal.snapshot.answers.0.push(Answer {
            key: case.key,
            about: case.about,
            choice: choice.to_owned(),
        });
    })
}

#[test]
fn twenty_per_cent_after_2025_is_a_question_with_three_choices() {
    let plan = twenty(VatMode::Included).plan();
    insta::assert_snapshot!(plan, @r"
    case VAT-RATE-ENDED
      | Счёт не выставлен: ставка НДС 20% действовала по 31.12.2025, а стоит в строках: 1. Исправьте ставку в строках сделки, или пусть администратор выберет:
      | • 22% внутри той же суммы, всего 230,00 ₽ (inside)
      | • 22% сверху, всего 232,00 ₽ (on-top)
      | • отгружено в 2025 году, остаётся 20%, всего 230,00 ₽ (shipped-2025)
      - строка 1 «Стол»: ставка НДС 20% на 12.03.2026 не действует (deal 4711, /crm/deal/details/4711/)
      waits for deal 4711, company 7, requisite 21
    tell user 5 of VAT-RATE-ENDED
    ");
}

#[test]
fn each_choice_makes_its_invoice() {
    for (mode, choice, expected) in [
        (
            VatMode::Included,
            "inside",
            "included 22+10, 230.00 with 31.64",
        ),
        (
            VatMode::Included,
            "on-top",
            "included 22+10, 232.00 with 32.00",
        ),
        (
            VatMode::Included,
            "shipped-2025",
            "included 20+10, 230.00 with 30.00",
        ),
        (
            VatMode::OnTop,
            "inside",
            "included 22+10, 265.00 with 36.97",
        ),
        (VatMode::OnTop, "on-top", "on_top 22+10, 267.40 with 37.40"),
        (
            VatMode::OnTop,
            "shipped-2025",
            "on_top 20+10, 265.00 with 35.00",
        ),
    ] {
        let deal = answered(twenty(mode), choice);
        assert_eq!(outcome(&deal), expected, "{mode} {choice}");
        // The same answer is heard when the deal is compared with its invoice.
        let settled = deal.settled();
        assert!(settled.planned().is_empty(), "{}", settled.plan());
    }
}

#[test]
fn an_answer_holds_for_the_lines_it_was_given_for() {
    let other = answered(twenty(VatMode::Included), "inside").rows([ProductRow {
        name: "Стул".to_owned(),
        ..rate(VatRate::Percent20)
    }]);
    let told = outcome(&other);
    assert!(told.starts_with("VAT-RATE-ENDED"), "{told}");
}

#[test]
fn where_more_is_the_matter_it_is_one_message_of_faults() {
    let poorer = twenty(VatMode::Included).buyer(|it| it.kpp.clear());
    assert_eq!(
        outcome(&poorer),
        "DEAL-DATA-MISSING: не указан КПП покупателя; строка 1 «Стол»: ставка НДС 20% на 12.03.2026 не действует"
    );
}

/// Issued on 25 December 2025 with 20 %, and looked at in the new year.
fn over_the_change() -> TestDeal {
    let then = "2025-12-25T09:00:00Z".parse().unwrap();
    let now = "2026-01-12T09:00:00Z".parse().unwrap();
    let issued = deal()
        .rows([rate(VatRate::Percent20)])
        .ordered()
        .seen_at(then)
        .with(|deal| deal.now = then)
        .settled();
    issued.seen_at(now).with(|deal| deal.now = now)
}

#[test]
fn an_open_invoice_over_a_change_of_rate_is_listed_until_it_is_paid_or_left() {
    insta::assert_snapshot!(over_the_change().plan(), @r"
    case INVOICE-RATE-ENDED
      | Счёт № 17 от 25.12.2025 на 122,00 ₽ не оплачен, а ставка НДС 20% больше не действует. Если отгрузка будет по новой ставке, исправьте ставку в строках сделки и напишите «перевыставить» в поле «Счёт: что сделать». Иначе:
      | • оставить счёт как есть (leave)
      waits for deal 4711
    tell the administrator of INVOICE-RATE-ENDED
    ");
    let left = answered(over_the_change(), "leave");
    assert!(left.planned().is_empty(), "{}", left.plan());
    let paid = over_the_change()
        .open("INVOICE-RATE-ENDED", "не оплачен", true)
        .invoice(|it| it.status = domain::InvoiceStatus::Paid);
    assert_eq!(paid.planned().withdrawn, ["INVOICE-RATE-ENDED"]);
    assert!(paid.planned().cases.is_empty(), "{}", paid.plan());
    // Nor what our own records show as paid while the accounting side does not yet.
    let booked = over_the_change().with(|it| {
        it.snapshot.receipts = vec![crate::receipts::receipt(1, 12_200)];
    });
    assert!(
        !booked.plan().contains("INVOICE-RATE-ENDED"),
        "{}",
        booked.plan()
    );
    // What was chosen to keep 20 % after the change is none of these.
    let chosen = answered(twenty(VatMode::Included), "shipped-2025").settled();
    assert!(chosen.planned().is_empty(), "{}", chosen.plan());
}

#[test]
fn an_open_invoice_over_a_change_of_regime_is_listed_as_well() {
    // By the same law, at an organisation that was exempt in 2025.
    let over = |regime, free: &[Option<&str>]| {
        let then = "2025-12-25T09:00:00Z".parse().unwrap();
        let now = "2026-01-12T09:00:00Z".parse().unwrap();
        let exempt = under(VatRegime::Exempt).with(|deal| {
            let periods = &mut deal.policy.organisations[0].vat;
            periods[0].from = "2025-01-01".parse().unwrap();
            periods.push(VatPeriod {
                from: "2026-01-01".parse().unwrap(),
                regime,
                wording: (regime == VatRegime::Exempt).then(|| "Без НДС.".to_owned()),
            });
            let no_rate = &mut deal.policy.invoice.no_rate;
            for product in free {
                match product {
                    Some(id) => drop(no_rate.products.insert((*id).to_owned(), VatRate::Without)),
                    None => no_rate.free_rows = Some(VatRate::Without),
                }
            }
            deal.now = then;
        });
        let issued = exempt.rows([rate(VatRate::Without)]).ordered();
        let issued = issued.seen_at(then).settled();
        issued.seen_at(now).with(|deal| deal.now = now)
    };
    let listed = over(VatRegime::Usn5, &[]).planned();
    let told: Vec<&str> = listed.cases.iter().map(|case| case.code.as_str()).collect();
    assert_eq!(told, ["INVOICE-RATE-ENDED"]);
    let text = &listed.cases[0].text;
    assert!(
        text.contains(
            "«Без НДС» в его строках организации больше не подходит (теперь УСН с НДС 5%)"
        ),
        "{text}"
    );
    // What the policy lets go without VAT is the row's product, and no other.
    for (regime, free) in [
        (VatRegime::Exempt, &[][..]),
        (VatRegime::Usn5, &[Some("501")][..]),
    ] {
        let stands = over(regime, free);
        assert!(stands.planned().cases.is_empty(), "{}", stands.plan());
        // Nor is a part of it, which names the product in its own way.
        let part = stands.invoice(|it| {
            let draft = &mut it.draft;
            draft.part = Some(Box::new(domain::Part {
                mode: draft.mode,
                lines: draft.lines.clone(),
                billed: Vec::new(),
            }));
            draft.lines[0].name.insert_str(0, "Аванс: ");
        });
        assert!(part.planned().cases.is_empty(), "{}", part.plan());
    }
    let another = over(VatRegime::Usn5, &[None, Some("502")]);
    assert_eq!(another.planned().cases, listed.cases);
    let glanced = |mut deal: TestDeal| {
        deal.snapshot.undisturbed = true;
        deal.glanced().planned()
    };
    let unknown = glanced(over(VatRegime::Usn5, &[Some("501")]));
    assert_eq!(unknown.needs, [planner::Need::Whole]);
    assert!(glanced(over(VatRegime::Usn5, &[])).needs.is_empty());
}
