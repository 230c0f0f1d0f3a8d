//! Amounts and rows, units, the contract and the last day to pay.

use domain::observed::ProductRow;
use domain::{CompanyId, Money, Price, Quantity, VatRate};
use insta::assert_snapshot;
use planner::{
    Action, Answer, CaseCode, Contract, Demand, DueCount, OwnLine, OwnUnit, Terms, VatPeriod,
    VatRegime,
};

use crate::build::{TestDeal, deal, organisation, own_company, row};

fn outcome(deal: &TestDeal) -> String {
    let plan = deal.planned();
    if let Some(case) = plan.cases.first() {
        let faults: Vec<&str> = case
            .faults
            .iter()
            .map(|fault| fault.what.as_str())
            .collect();
        let told = format!("{}: {}", case.code.as_str(), faults.join("; "));
        return told.replace('\u{a0}', " ");
    }
    let draft = plan.actions.iter().find_map(|action| match action {
        Action::IssueInvoice { draft, .. } => Some(draft),
        _ => None,
    });
    let Some(draft) = draft else {
        panic!("nothing is issued: {plan:?}");
    };
    let lines: Vec<String> = draft
        .lines
        .iter()
        .map(|line| format!("{} {} {}", line.name, line.unit.name, line.price))
        .collect();
    format!("{}: {}", draft.totals().unwrap().gross, lines.join("; "))
}

fn amount(deal: TestDeal, kopecks: i64) -> TestDeal {
    deal.of(|deal| deal.amount = Money::from_kopecks(kopecks))
}

fn own_line(name: &str) -> OwnLine {
    OwnLine {
        name: name.to_owned(),
        unit: "усл. ед".to_owned(),
        vat: VatRate::Percent22,
    }
}

#[test]
fn an_amount_without_rows_is_one_line_where_policy_says_which() {
    let bare = || amount(deal().rows([]), 50_000);
    assert_snapshot!(outcome(&bare()), @"DEAL-DATA-MISSING: в сделке нет товаров и услуг");
    let said = |deal: TestDeal| {
        deal.with(|deal| deal.policy.invoice.without_rows = Some(own_line("Услуги: {deal}")))
    };
    assert_snapshot!(outcome(&said(bare())), @"500.00: Услуги: Ромашка, весна усл. ед 500");
    // No blank is left where a deal has no name.
    let nameless = said(bare()).of(|deal| deal.title.clear());
    assert_snapshot!(outcome(&nameless), @"500.00: Услуги: усл. ед 500");
    // Nothing is nothing, whatever policy says.
    assert_snapshot!(outcome(&said(amount(bare(), 0))), @"DEAL-DATA-MISSING: в сделке нет товаров и услуг");
    // The regime judges that line like any other.
    let usn = said(bare()).with(|deal| {
        deal.policy.organisations[0].vat = vec![VatPeriod {
            from: "2026-01-01".parse().unwrap(),
            regime: VatRegime::Usn7,
            wording: None,
        }];
    });
    assert!(outcome(&usn).contains("не подходит"), "{}", outcome(&usn));
}

#[test]
fn a_deal_that_is_called_otherwise_asks_for_nothing_else() {
    let own = |deal: TestDeal| {
        deal.with(|deal| {
            deal.policy.invoice.without_rows = Some(own_line("Услуги: {deal}"));
            deal.policy.invoice.delivery = Some(own_line("{deal}, доставка"));
        })
    };
    let renamed = |deal: TestDeal| deal.of(|deal| "Ромашка, осень".clone_into(&mut deal.title));
    for made in [
        own(amount(deal().rows([]), 50_000)),
        own(amount(deal(), 20_000)),
    ] {
        let settled = made.settled();
        let again = renamed(settled);
        assert!(again.planned().is_empty(), "{}", again.plan());
        let dearer = amount(again, 60_000);
        let text = dearer.planned().cases.remove(0).text;
        assert!(text.contains("600,00"), "{text}");
        assert!(text.contains("весна") && !text.contains("осень"), "{text}");
    }
    // A row that was billed is never taken for the line of the policy, whatever may stand for the deal's name.
    for template in ["{deal}", "{deal}, {deal}"] {
        let delivery = |deal: TestDeal| {
            deal.with(|deal| {
                let unit = "шт".to_owned();
                let line = OwnLine {
                    unit,
                    ..own_line(template)
                };
                deal.policy.invoice.delivery = Some(line);
            })
        };
        let of_rows = delivery(deal().rows([row("Стол"), row("Весна, Весна")]).settled());
        let dearer = amount(of_rows, 30_000);
        let text = dearer.planned().cases.remove(0).text;
        let added = template.replace("{deal}", "Ромашка, весна");
        assert!(text.contains(&added), "{text}");
        // The line of the policy keeps its name.
        let settled = delivery(amount(deal(), 20_000)).settled();
        let again = renamed(settled);
        assert!(again.planned().is_empty(), "{template}: {}", again.plan());
    }
    // What was not billed yet goes by the name of today.
    let new = renamed(own(amount(deal().rows([]), 50_000)));
    assert_snapshot!(outcome(&new), @"500.00: Услуги: Ромашка, осень усл. ед 500");
}

#[test]
fn a_typed_amount_that_is_not_that_of_the_rows_is_a_question_with_both() {
    let typed = || amount(deal().of(|deal| deal.manual_amount = true), 12_000);
    assert_snapshot!(typed().plan(), @r"
    case DEAL-SUM-DIFFERS
      | Счёт не выставлен: сумма сделки 120,00 ₽ введена вручную и не равна сумме строк 122,00 ₽. Исправьте сумму или строки сделки, или пусть администратор выберет:
      | • выставить по строкам, на 122,00 ₽ (lines)
      - сумма сделки 120,00 ₽ введена вручную и не равна сумме строк 122,00 ₽ (deal 4711, /crm/deal/details/4711/)
      waits for deal 4711, company 7, requisite 21
    tell user 5 of DEAL-SUM-DIFFERS
    ");
    let case = typed().planned().cases.remove(0);
    let answered = |deal: TestDeal| {
        deal.with(|deal| {
            deal.snapshot.answers.0.push(Answer {
                key: case.key.clone(),
                about: case.about.clone(),
                choice: "lines".to_owned(),
            });
        })
    };
    assert_snapshot!(outcome(&answered(typed())), @"122.00: Консультация шт 122");
    // Another amount is another question.
    let other = answered(amount(typed(), 11_000));
    assert!(
        outcome(&other).starts_with("DEAL-SUM-DIFFERS"),
        "{}",
        outcome(&other)
    );
}

#[test]
fn a_kopeck_a_line_is_rounding_and_is_said() {
    let two = || deal().rows([row("Стол"), row("Стул")]);
    for off in [-2, -1, 1, 2] {
        let rounded = amount(two(), 24_400 + off);
        assert_eq!(
            outcome(&rounded),
            "244.00: Стол шт 122; Стул шт 122",
            "{off}"
        );
        assert!(is_said(rounded), "{off}");
    }
    assert!(!is_said(amount(two(), 24_400)));
    assert_snapshot!(outcome(&amount(two(), 24_397)), @"DEAL-SUM-DIFFERS: сумма сделки 243,97 ₽ меньше суммы строк 244,00 ₽: в строках лишнее или CRM её не пересчитала");
    assert_snapshot!(outcome(&amount(two(), 1)), @"DEAL-SUM-DIFFERS: сумма сделки 0,01 ₽ меньше суммы строк 244,00 ₽: в строках лишнее или CRM её не пересчитала");
    assert_snapshot!(outcome(&amount(two(), 24_403)), @"DEAL-SUM-DIFFERS: сумма сделки 244,03 ₽ больше суммы строк 244,00 ₽: в ней доставка или чего-то нет в строках");
}

/// Whether the timeline says that the CRM rounded otherwise.
fn is_said(deal: TestDeal) -> bool {
    let plan = deal.issued().planned();
    plan.actions.iter().any(|action| {
        matches!(action, Action::AddTimelineEntry { text, .. } if text.contains("CRM округлила иначе"))
    })
}

#[test]
fn where_vat_comes_on_top_a_kopeck_a_line_is_rounding_and_no_more() {
    // A thousand for 0,33 and VAT: the CRM makes 0,40 of 0,4026.
    let small = |kopecks| {
        let many = deal().row(|it| {
            it.vat_included = false;
            it.price = Price::parse("0.33").unwrap();
            it.quantity = Quantity::parse("1000").unwrap();
        });
        amount(many, kopecks)
    };
    for kopecks in [40_259, 40_260, 40_261] {
        assert_eq!(
            outcome(&small(kopecks)),
            "402.60: Консультация шт 0.33",
            "{kopecks}"
        );
        assert_eq!(is_said(small(kopecks)), kopecks != 40_260, "{kopecks}");
    }
    assert_snapshot!(outcome(&small(40_000)), @"DEAL-SUM-DIFFERS: сумма сделки 400,00 ₽ не равна сумме строк 402,60 ₽: НДС сверху CRM округляет в цене каждой единицы, или в ней доставка или лишние строки");
    for kopecks in [40_258, 40_262] {
        let told = outcome(&small(kopecks));
        assert!(told.starts_with("DEAL-SUM-DIFFERS"), "{told}");
    }
}

#[test]
fn what_the_crm_has_beyond_the_rows_is_a_line_where_policy_says_which() {
    let with_delivery = amount(deal(), 17_200)
        .with(|deal| deal.policy.invoice.delivery = Some(own_line("Доставка")));
    assert_snapshot!(outcome(&with_delivery), @"172.00: Консультация шт 122; Доставка усл. ед 50");
    // What the CRM rounds by the unit is none either.
    let on_top = with_delivery
        .clone()
        .with(|deal| {
            let own = deal.policy.invoice.delivery.as_mut().unwrap();
            own.vat = domain::VatRate::Without;
        })
        .read(|reading| reading.rows[0].vat_included = false);
    assert!(
        outcome(&on_top).starts_with("DEAL-SUM-DIFFERS"),
        "{}",
        outcome(&on_top)
    );
    // A typed amount is no delivery.
    let typed = with_delivery.of(|deal| deal.manual_amount = true);
    assert!(
        outcome(&typed).starts_with("DEAL-SUM-DIFFERS"),
        "{}",
        outcome(&typed)
    );
}

#[test]
fn a_unit_is_of_the_classifier_or_of_the_policy() {
    let unit = |code: Option<&str>, name: &str| {
        deal().row(|it| {
            it.unit_code = code.map(str::to_owned);
            it.unit_name = Some(name.to_owned());
        })
    };
    assert_snapshot!(outcome(&unit(Some("356"), "час")), @"122.00: Консультация час 122");
    assert_snapshot!(outcome(&unit(None, "Ч.")), @"122.00: Консультация Ч. 122");
    assert_snapshot!(outcome(&unit(Some("9001"), "паллета")), @"DEAL-DATA-MISSING: строка 1 «Консультация»: единица измерения «паллета» не из классификатора ОКЕИ: выберите другую, или пусть администратор назовёт её в правилах (invoice.units)");
    for key in ["9001", "паллета"] {
        let said = unit(Some("9001"), "паллета").with(|deal| {
            let own = OwnUnit {
                okei: Some("876".to_owned()),
                name: "усл. ед".to_owned(),
            };
            deal.policy.invoice.units = [(key.to_owned(), own)].into();
        });
        assert_eq!(outcome(&said), "122.00: Консультация усл. ед 122", "{key}");
    }
}

fn named(deal: TestDeal, values: &[(&str, &str)]) -> TestDeal {
    deal.read(|reading| {
        let values = values
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        reading.glance.named = values.collect();
    })
}

/// Where fields of the deal name its contract.
fn of_contract() -> TestDeal {
    deal().with(|deal| {
        deal.policy.invoice.contract = Some(Contract {
            number: "UF_NUMBER".to_owned(),
            date: Some("UF_DATE".to_owned()),
            title: "Договор".to_owned(),
        });
    })
}

#[test]
fn the_contract_is_printed_as_the_basis_and_demanded_only_where_policy_does() {
    let basis = |deal: &TestDeal| {
        deal.planned()
            .actions
            .iter()
            .find_map(|action| match action {
                Action::IssueInvoice { draft, .. } => Some(draft.basis.clone()),
                _ => None,
            })
    };
    let whole = named(
        of_contract(),
        &[
            ("UF_NUMBER", "№ 7/К"),
            ("UF_DATE", "2026-01-10T00:00:00+03:00"),
        ],
    );
    assert_eq!(
        basis(&whole),
        Some(Some("Договор № 7/К от 10.01.2026".to_owned()))
    );
    let dateless = named(of_contract(), &[("UF_NUMBER", "7")]);
    assert_eq!(basis(&dateless), Some(Some("Договор № 7".to_owned())));
    assert_eq!(basis(&of_contract()), Some(None));
    let demanded = of_contract().with(|deal| deal.policy.invoice.demand = vec![Demand::Contract]);
    assert_snapshot!(outcome(&demanded), @"DEAL-DATA-MISSING: не указан номер договора");
    // A contract that changes after the invoice is a change of the invoice.
    let changed = named(whole.settled(), &[("UF_NUMBER", "8")]);
    let plan = changed.plan();
    assert!(
        plan.contains("основание: в счёте Договор № 7/К от 10.01.2026, в сделке Договор № 8"),
        "{plan}"
    );
}

#[test]
fn a_contract_that_is_gone_after_the_invoice_is_a_change_also_where_it_is_demanded() {
    let gone = |demand: Vec<Demand>| {
        let issued = named(of_contract(), &[("UF_NUMBER", "7")])
            .with(|deal| deal.policy.invoice.demand = demand)
            .settled();
        assert!(issued.planned().is_empty(), "{}", issued.plan());
        let case = named(issued, &[]).planned().cases.remove(0);
        assert_eq!(case.code, CaseCode::DealChanged);
        let words: Vec<String> = case.choices.iter().map(|it| it.word.clone()).collect();
        (words.join(", "), case.text)
    };
    let difference = "основание: в счёте Договор № 7, в сделке не указано";
    let missing = "не указан номер договора";
    let (words, text) = gone(Vec::new());
    assert_eq!(words, "reissue, leave");
    assert!(
        text.contains(difference) && !text.contains(missing),
        "{text}"
    );
    let (words, text) = gone(vec![Demand::Contract]);
    assert_eq!(words, "leave");
    assert!(
        text.contains(difference) && text.contains(missing),
        "{text}"
    );
}

#[test]
fn address_and_account_of_the_buyer_are_demanded_only_where_policy_does() {
    let bare = deal().buyer(|it| it.address.clear());
    assert!(bare.planned().cases.is_empty(), "{}", bare.plan());
    let demanded = bare.with(|deal| {
        deal.policy.invoice.demand = vec![Demand::BuyerAddress, Demand::BuyerAccount];
    });
    assert_snapshot!(outcome(&demanded), @"DEAL-DATA-MISSING: не указан адрес покупателя; не указан счёт покупателя в банке");
}

#[test]
fn the_last_day_of_the_offer_is_fixed_at_the_issue() {
    let until = |days: Option<u16>, count: DueCount| {
        let deal = deal().with(|deal| {
            deal.policy.invoice.valid_days = days;
            deal.policy.invoice.valid_count = count;
        });
        let actions = deal.planned().actions;
        let issued = actions.into_iter().find_map(|action| match action {
            Action::IssueInvoice { draft, .. } => Some(draft),
            _ => None,
        });
        issued.unwrap().valid_until.map(|day| day.to_string())
    };
    assert_eq!(until(None, DueCount::Calendar), None);
    // Thursday, 12 March 2026: two days later is a Saturday, and the term ends with the Monday.
    let calendar = until(Some(2), DueCount::Calendar);
    assert_eq!(calendar.as_deref(), Some("2026-03-16"));
    let working = until(Some(10), DueCount::Working);
    assert_eq!(working.as_deref(), Some("2026-03-26"));
    let own = |days: Option<u16>| {
        let deal = deal().with(|deal| {
            deal.policy.invoice.valid_days = Some(2);
            deal.policy.invoice.valid_field = Some("UF_VALID".to_owned());
            deal.policy.invoice.terms = vec![Terms {
                company: CompanyId(7),
                due_days: None,
                due_count: None,
                valid_days: days,
                valid_count: Some(DueCount::Working),
            }];
        });
        let due = |deal: &TestDeal| {
            let actions = deal.planned().actions;
            actions.into_iter().find_map(|action| match action {
                Action::IssueInvoice { draft, .. } => {
                    Some([draft.valid_until, draft.due].map(|day| day.unwrap().to_string()))
                }
                _ => None,
            })
        };
        ["", "2026-04-04", "2026-03-11", "скоро"].map(|said| {
            let deal = named(deal.clone(), &[("UF_VALID", said)]);
            let [valid, due] = due(&deal).unwrap();
            assert_eq!(due, "2026-03-17", "as everybody's");
            valid
        })
    };
    // The deal's own day goes before the buyer's term, and that before everybody's. A day that is over, or none, is no term.
    let (mine, everybodys) = ("2026-03-26", "2026-03-16");
    assert_eq!(own(Some(10)), [mine, "2026-04-04", mine, mine]);
    assert_eq!(
        own(None),
        [everybodys, "2026-04-04", everybodys, everybodys]
    );
    // What the policy says later changes nothing.
    let issued = deal()
        .settled()
        .with(|deal| deal.policy.invoice.valid_days = Some(3));
    assert!(issued.planned().is_empty(), "{}", issued.plan());
}

#[test]
fn the_last_day_to_pay_is_the_deals_else_the_buyers_else_everybodys() {
    let due = |deal: &TestDeal| {
        deal.planned()
            .actions
            .iter()
            .find_map(|action| match action {
                Action::IssueInvoice { draft, .. } => draft.due.map(|due| due.to_string()),
                _ => None,
            })
    };
    let by = |days: Option<u16>, count: DueCount| {
        deal().with(|deal| {
            deal.policy.invoice.due_days = days;
            deal.policy.invoice.due_count = count;
        })
    };
    // From Thursday, 12 March 2026.
    assert_eq!(
        due(&by(Some(5), DueCount::Calendar)).as_deref(),
        Some("2026-03-17")
    );
    assert_eq!(
        due(&by(Some(5), DueCount::Working)).as_deref(),
        Some("2026-03-19")
    );
    // Sunday gives way to Monday.
    assert_eq!(
        due(&by(Some(3), DueCount::Calendar)).as_deref(),
        Some("2026-03-16")
    );
    assert_eq!(due(&by(None, DueCount::Calendar)), None);
    let own = |deal: TestDeal| {
        deal.with(|deal| {
            deal.policy.invoice.terms = vec![Terms {
                company: CompanyId(7),
                due_days: Some(10),
                due_count: Some(DueCount::Working),
                valid_days: None,
                valid_count: None,
            }];
        })
    };
    assert_eq!(
        due(&own(by(None, DueCount::Calendar))).as_deref(),
        Some("2026-03-26")
    );
    let dated = |value: &str| {
        let deal = own(deal()).with(|deal| {
            deal.policy.invoice.due_field = Some("UF_UNTIL".to_owned());
        });
        due(&named(deal, &[("UF_UNTIL", value)]))
    };
    assert_eq!(dated("2026-04-04").as_deref(), Some("2026-04-04"));
    // A day that is over, or none, is no term.
    assert_eq!(dated("2026-03-11").as_deref(), Some("2026-03-26"));
    assert_eq!(dated("скоро").as_deref(), Some("2026-03-26"));
}

#[test]
fn the_deals_field_says_who_sells_after_its_own_company_and_before_the_funnel() {
    let two = |said: &str| {
        let deal = deal().with(|deal| {
            deal.policy.organisations.push(planner::Organisation {
                title: "Филиал".to_owned(),
                ..organisation("org-2", 2)
            });
            deal.snapshot.own_companies.push(own_company(2));
            deal.policy.funnels[0].organisation = Some(domain::OrganisationId::new("org"));
            deal.policy.invoice.seller_field = Some("UF_SELLER".to_owned());
        });
        named(deal.accounting_not_asked(), &[("UF_SELLER", said)])
    };
    let sells = |deal: &TestDeal, id: &str| format!("{:?}", deal.planned().needs).contains(id);
    for said in ["org-2", "филиал", "2", "CO_2"] {
        assert!(sells(&two(said), "org-2"), "{said}");
    }
    assert!(!sells(&two(""), "org-2"));
    assert!(!sells(
        &two("org-2").of(|deal| deal.own_company = Some(CompanyId(1))),
        "org-2"
    ));
    // A test organisation of the same company sells where it is named, and else its real twin does.
    let twin = |deal: TestDeal| {
        deal.with(|deal| {
            deal.policy.organisations.insert(
                0,
                planner::Organisation {
                    title: "Проба".to_owned(),
                    test: true,
                    ..organisation("org-test", 1)
                },
            );
        })
    };
    for (deal, seller) in [
        (two(""), "org"),
        (two("1"), "org"),
        (two("org-test"), "org-test"),
        (
            two("проба").of(|deal| deal.own_company = Some(CompanyId(1))),
            "org-test",
        ),
        (
            two("org-2").of(|deal| deal.own_company = Some(CompanyId(1))),
            "org",
        ),
        (
            two("").of(|deal| deal.own_company = Some(CompanyId(1))),
            "org",
        ),
    ] {
        let sells = |id: &str| sells(&twin(deal.clone()), &format!("\"{id}\""));
        assert!(
            sells(seller),
            "{seller}: {:?}",
            twin(deal.clone()).planned().needs
        );
    }
    // A funnel for trying things out: its test organisation stands for the company, not for who is named.
    let tried = |said: &str| {
        twin(two(said)).with(|deal| {
            deal.policy.funnels[0].organisation = Some(domain::OrganisationId::new("org-test"));
        })
    };
    for (said, seller) in [
        ("CO_1", "org-test"),
        ("1", "org-test"),
        ("org", "org"),
        ("CO_2", "org-2"),
    ] {
        let tried = tried(said);
        let is_it = sells(&tried, &format!("\"{seller}\""));
        assert!(is_it, "{said}: {:?}", tried.planned().needs);
    }
    assert_snapshot!(outcome(&two("Вектор")), @"DEAL-DATA-MISSING: «Вектор» в поле организации — ни одна из наших организаций");
    // Of a real one and its test that are called alike the real one is meant, and of two real ones a person says which.
    let alike = |test: bool| {
        two("филиал").with(|deal| {
            let mut other = organisation("org-3", 1);
            (other.title, other.test) = ("Филиал".to_owned(), test);
            deal.policy.organisations.insert(0, other);
        })
    };
    assert!(sells(&alike(true), "org-2"));
    assert_snapshot!(outcome(&alike(false)), @"DEAL-DATA-MISSING: «филиал» в поле организации — название нескольких наших: впишите id нужной из правил (organisations.id)");
}

#[test]
fn of_two_real_organisations_with_one_own_company_a_person_says_which() {
    let two = |by_field: bool, said: &str, linked: bool| {
        let deal = deal().with(|deal| {
            deal.policy.organisations.push(planner::Organisation {
                title: "Филиал".to_owned(),
                ..organisation("org-2", 1)
            });
            deal.policy.invoice.seller_field = by_field.then(|| "UF_SELLER".to_owned());
        });
        let deal = named(deal.accounting_not_asked(), &[("UF_SELLER", said)]);
        deal.of(|deal| deal.own_company = linked.then_some(CompanyId(1)))
    };
    assert_eq!(
        outcome(&two(false, "", true)),
        "DEAL-DATA-MISSING: своей компании, выбранной в сделке, в правилах отвечают несколько организаций — \
         «Мы» (org), «Филиал» (org-2): пусть администратор назовёт нужную для воронки (funnels.organisation) или \
         поле сделки для неё (invoice.seller_field)"
    );
    for (said, linked) in [("", true), ("1", false), ("CO_1", false), ("CO_1", true)] {
        assert_eq!(
            outcome(&two(true, said, linked)),
            "DEAL-DATA-MISSING: своей компании, выбранной в сделке, в правилах отвечают несколько организаций — \
             «Мы» (org), «Филиал» (org-2): впишите id нужной в поле организации",
            "{said}"
        );
    }
    let sells = |deal: &TestDeal, id: &str| {
        let needs = format!("{:?}", deal.planned().needs);
        assert!(needs.contains(&format!("\"{id}\"")), "{id}: {needs}");
    };
    sells(&two(true, "org-2", true), "org-2");
    sells(&two(true, "org", true), "org");
    let of_funnel = |deal: TestDeal| {
        deal.with(|deal| {
            deal.policy.funnels[0].organisation = Some(domain::OrganisationId::new("org-2"));
        })
    };
    sells(&of_funnel(two(false, "", true)), "org-2");
    sells(&of_funnel(two(true, "CO_1", false)), "org-2");
    // A test beside them makes nothing clearer.
    let with_test = two(true, "", true).with(|deal| {
        deal.policy.organisations.push(planner::Organisation {
            test: true,
            ..organisation("org-test", 1)
        });
    });
    assert!(outcome(&with_test).contains("отвечают несколько"));
}

#[test]
fn a_free_row_is_as_good_as_one_of_the_catalogue() {
    let free = deal().rows([ProductRow {
        product: None,
        quantity: Quantity::parse("2").unwrap(),
        price: Price::parse("61").unwrap(),
        ..row("Стул")
    }]);
    assert_snapshot!(outcome(&free), @"122.00: Стул шт 61");
}
