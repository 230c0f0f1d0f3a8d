//! Invoices of the portal's own: asked about before the first of ours, unless policy ignores them.

use domain::observed::SmartInvoice;
use domain::{CompanyId, ContactId, DealId, Money, SmartInvoiceId};
use insta::assert_snapshot;
use planner::SmartInvoices;

use crate::build::{TestDeal, deal};
use crate::changed::{answered, settle};

/// By a policy that says nothing of them.
fn asking() -> TestDeal {
    deal().with(|deal| deal.policy.invoice.smart_invoices = None)
}

fn has(deal: TestDeal, found: &[(u64, bool)]) -> TestDeal {
    let found = found.iter().map(|(id, live)| SmartInvoice {
        id: SmartInvoiceId(*id),
        deal: DealId(4711),
        number: format!("{id}-С"),
        live: *live,
        amount: Some(Money::parse("122").unwrap()),
        seller: None,
        company: Some(CompanyId(7)),
        contact: None,
    });
    let found: Vec<SmartInvoice> = found.collect();
    deal.with(|deal| deal.snapshot.smart_invoices = Some(found))
}

#[test]
fn they_are_read_with_the_buyer_and_only_where_policy_asks() {
    assert_snapshot!(asking().accounting_not_asked().plan(), @r"
    need to know the deal's smart invoices
    need the counterparties of org with INN 7707083893
    ");
    assert_snapshot!(asking().plan(), @"need to know the deal's smart invoices");
    assert!(deal().planned().needs.is_empty());
    assert!(asking().glanced().plan().contains("need the whole look"));
}

#[test]
fn a_live_one_is_asked_about_and_each_answer_holds_for_those_there_were() {
    let found = has(asking(), &[(3, false), (5, true)]);
    assert_snapshot!(found.plan(), @r"
    case DEAL-SMART-INVOICE
      | К сделке привязан счёт самого Битрикс24: [URL=/crm/type/31/details/5/]№ 5-С[/URL]. Возможно, он уже у покупателя, поэтому наш счёт не выставлен. Если тот не нужен, удалите его или переведите в «Не оплачен»; иначе выберите:
      | • выставить и наш счёт (issue)
      | • не выставлять: у сделки уже есть счёт (leave)
      waits for deal 4711
    tell user 5 of DEAL-SMART-INVOICE
    ");
    let mut issued = answered(found.clone(), "issue");
    settle(&mut issued);
    assert_eq!(issued.snapshot.invoices.len(), 1);
    // From then on ours is there, and theirs matter no more.
    assert!(has(issued, &[(9, true)]).planned().is_empty());
    let left = answered(found, "leave");
    assert!(left.planned().is_empty(), "{}", left.plan());
    // Whoever orders one all the same is told why there is none.
    let ordered = left.clone().ordered();
    let plan = ordered.plan();
    assert!(
        plan.contains("решено, что у сделки остаётся счёт самого"),
        "{plan}"
    );
    assert!(plan.contains("Command = (empty)"), "{plan}");
    assert!(!plan.contains("issue"), "{plan}");
    // Another one is another question.
    let another = has(left, &[(5, true), (9, true)]).planned();
    assert_eq!(another.cases.len(), 1);
}

#[test]
fn what_a_deal_lacks_is_nobodys_question_where_a_person_left_it_to_its_own() {
    let left = answered(has(asking(), &[(5, true)]), "leave");
    let lacking = left.buyer(|requisite| requisite.kpp.clear());
    assert!(lacking.planned().is_empty(), "{}", lacking.plan());
    let asked = lacking.clone().open("DEAL-DATA-MISSING", "КПП", true);
    assert_eq!(asked.planned().withdrawn, ["DEAL-DATA-MISSING"]);
    // Whoever orders one all the same is told why there is none.
    let plan = lacking.clone().ordered().plan();
    let why = "решено, что у сделки остаётся счёт самого";
    assert!(plan.contains(why) && !plan.contains("КПП"), "{plan}");
    // Whether it still stands is looked at first; where it does not, ours is wanted and lacks something.
    let unread = lacking
        .clone()
        .with(|deal| deal.snapshot.smart_invoices = None);
    assert_eq!(
        unread.plan().trim(),
        "need to know the deal's smart invoices"
    );
    for (deal, why) in [
        (has(lacking.clone(), &[(5, false)]), "it came to nothing"),
        (
            has(lacking.clone(), &[(5, true), (9, true)]),
            "another one came",
        ),
        (
            lacking.with(|deal| deal.policy.invoice.smart_invoices = Some(SmartInvoices::Ignore)),
            "policy ignores them",
        ),
    ] {
        let plan = deal.plan();
        assert!(plan.contains("case DEAL-DATA-MISSING"), "{why}: {plan}");
    }
}

#[test]
fn one_that_came_to_nothing_is_none_and_the_question_about_it_goes() {
    let asked = has(asking(), &[(5, true)]);
    let text = asked.planned().cases.remove(0).text;
    let failed = has(asked.open("DEAL-SMART-INVOICE", &text, true), &[(5, false)]);
    let plan = failed.planned();
    assert_eq!(plan.withdrawn, ["DEAL-SMART-INVOICE"]);
    assert_eq!(plan.actions.len(), 1, "{}", failed.plan());
}

/// Where the accounting side says of the number whether another invoice bears it.
fn numbered(deal: TestDeal, number: &str, taken: bool) -> TestDeal {
    let plan = deal.planned();
    let [planner::Need::Number(seller, asked, day)] = plan.needs.as_slice() else {
        panic!("{}", deal.plan());
    };
    assert_eq!(asked, number);
    let asked = (seller.clone(), asked.clone(), *day);
    deal.with(|deal| {
        deal.snapshot.numbers_taken.insert(asked, taken);
    })
}

#[test]
fn a_number_that_another_invoice_bears_is_asked_about_until_the_smart_invoice_has_another() {
    let adopting =
        deal().with(|deal| deal.policy.invoice.smart_invoices = Some(SmartInvoices::Adopt));
    let found = has(adopting, &[(5, true)]);
    assert_snapshot!(found.plan(), @"need to know whether an invoice of org on 2026-03-12 can bear 5-С");
    let both = found.clone().accounting_not_asked().plan();
    assert!(both.contains("need the counterparties"), "{both}");
    let taken = numbered(found, "5-С", true);
    let text = adopted(&taken);
    assert!(
        text.contains("Номер не взят: он занят другим счётом"),
        "{text}"
    );
    assert_eq!(adopted(&answered(taken.clone(), "issue")), "None");
    assert!(answered(taken.clone(), "leave").planned().is_empty());
    let renumbered = taken.with(|deal| {
        deal.snapshot.smart_invoices.as_mut().unwrap()[0].number = "6-С".to_owned();
    });
    assert_eq!(
        adopted(&numbered(renumbered, "6-С", false)),
        "Some(\"6-С\")"
    );
}

/// The number that ours would bear, or the question.
fn adopted(deal: &TestDeal) -> String {
    let plan = deal.planned();
    match plan.actions.as_slice() {
        [planner::Action::IssueInvoice { draft, .. }] => format!("{:?}", draft.number),
        _ => plan.cases.into_iter().map(|case| case.text).collect(),
    }
}

#[test]
fn where_policy_says_so_ours_bears_the_number_of_the_only_one_for_the_same_sum() {
    let adopting =
        || deal().with(|deal| deal.policy.invoice.smart_invoices = Some(SmartInvoices::Adopt));
    assert_eq!(
        adopted(&numbered(
            has(adopting(), &[(3, false), (5, true)]),
            "5-С",
            false
        )),
        "Some(\"5-С\")"
    );
    assert_eq!(adopted(&has(adopting(), &[(3, false)])), "None");
    assert_eq!(adopting().plan(), "need to know the deal's smart invoices");
    let mut issued = numbered(has(adopting(), &[(5, true)]), "5-С", false);
    settle(&mut issued);
    assert!(issued.planned().is_empty(), "{}", issued.plan());
    let dearer = |deal: &mut TestDeal, amount: Option<&str>| {
        let found = deal.snapshot.smart_invoices.as_mut().unwrap();
        found[0].amount = amount.map(|amount| Money::parse(amount).unwrap());
    };
    let with = |change: fn(&mut SmartInvoice)| {
        has(adopting(), &[(5, true)]).with(|deal| {
            change(&mut deal.snapshot.smart_invoices.as_mut().unwrap()[0]);
        })
    };
    // The contact beside the same company does not matter.
    let beside = with(|one| (one.seller, one.contact) = (Some(CompanyId(1)), Some(ContactId(3))));
    assert_eq!(adopted(&numbered(beside, "5-С", false)), "Some(\"5-С\")");
    for (deal, why) in [
        (has(adopting(), &[(5, true), (9, true)]), "их несколько"),
        (
            with(|one| one.seller = Some(CompanyId(999))),
            "другой нашей организации",
        ),
        (
            with(|one| one.company = Some(CompanyId(13))),
            "другому покупателю",
        ),
        (
            with(|one| (one.company, one.contact) = (None, Some(ContactId(3)))),
            "другому покупателю",
        ),
        (with(|one| one.company = None), "другому покупателю"),
        (
            has(adopting(), &[(5, true)]).with(|deal| dearer(deal, Some("122.01"))),
            "другую сумму",
        ),
        (
            has(adopting(), &[(5, true)]).with(|deal| dearer(deal, None)),
            "другую сумму",
        ),
        (
            has(adopting(), &[(5, true)]).with(|deal| {
                deal.snapshot.smart_invoices.as_mut().unwrap()[0].number = "№ 5; drop".to_owned();
            }),
            "не бывает",
        ),
        (
            has(adopting(), &[(5, true)]).with(|deal| deal.policy.organisations[0].test = true),
            "тестовая",
        ),
    ] {
        let text = adopted(&deal);
        assert!(text.contains(why), "{why}: {text}");
        assert_eq!(
            adopted(&answered(deal, "issue")),
            "None",
            "an own number by a person's word"
        );
    }
}
