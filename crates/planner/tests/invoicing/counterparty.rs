//! Who the buyer is on the accounting side.

use domain::observed::OurField;
use domain::{ContractorId, CounterpartyKey, DealId, OrganisationId, PortalId};
use insta::assert_snapshot;
use planner::{Action, Answer, NewBuyers, WithoutInn};

use crate::build::{ROMASHKA, TestDeal, deal, noon, text};
use crate::changed::settle;

#[test]
fn the_accounting_side_is_asked_once_everything_else_is_known() {
    assert_snapshot!(deal().accounting_not_asked().plan(), @"need the counterparties of org with INN 7707083893");
    let poor = deal().accounting_not_asked().buyer(|it| it.kpp.clear());
    assert!(poor.planned().needs.is_empty(), "{}", poor.plan());
}

#[test]
fn an_unknown_counterparty_is_created_before_the_invoice() {
    assert_snapshot!(deal().accounting_knows(&[]).plan(), @r"
    create counterparty 7707083893/770801001 ООО «Ромашка» for org
    because: контрагента нет в учёте, его нужно создать
    ");
}

#[test]
fn a_known_counterparty_is_taken() {
    let known = deal().accounting_knows(&[("K-9", "7707083893/780102001"), ("K-8", ROMASHKA)]);
    assert!(
        known.plan().contains("issue whole/1 to K-8"),
        "{}",
        known.plan()
    );
}

#[test]
fn the_same_inn_under_another_kpp_is_for_a_person_to_judge() {
    let other = deal().accounting_knows(&[("K-9", "7707083893/780102001")]);
    assert_snapshot!(other.plan(), @r"
    case COUNTERPARTY-AMBIGUOUS
      | Счёт не выставлен: контрагента 7707083893/770801001 в учёте нет или он не один. Есть: Ромашка (7707083893/780102001). Проверьте КПП в реквизитах сделки или исправьте карточку в учёте.
      waits for deal 4711, company 7, requisite 21
    tell user 5 of COUNTERPARTY-AMBIGUOUS
    ");
}

#[test]
fn two_of_a_kind_are_for_a_person_to_judge() {
    let two = deal().accounting_knows(&[("K-1", ROMASHKA), ("K-2", ROMASHKA)]);
    assert_snapshot!(two.plan(), @r"
    case COUNTERPARTY-AMBIGUOUS
      | Счёт не выставлен: контрагента 7707083893/770801001 в учёте нет или он не один. Есть: Ромашка (K-1); Ромашка (K-2). Проверьте КПП в реквизитах сделки или исправьте карточку в учёте.
      waits for deal 4711, company 7, requisite 21
    tell user 5 of COUNTERPARTY-AMBIGUOUS
    ");
    let text = two.planned().cases[0].text.clone();
    let told = two.open("COUNTERPARTY-AMBIGUOUS", &text, true);
    assert!(told.planned().is_empty(), "{}", told.plan());
}

#[test]
fn a_counterparty_whose_creation_is_unsettled_is_waited_for() {
    let key = ROMASHKA.parse::<CounterpartyKey>().unwrap();
    let registering = deal().accounting_knows(&[]).with(|deal| {
        deal.snapshot.registering = vec![(key, noon())];
    });
    assert_snapshot!(registering.plan(), @"look again at 2026-03-12T09:00:00Z: исход создания контрагента ещё не известен");
    // Found meanwhile: taken.
    let found = registering.accounting_knows(&[("K-1", ROMASHKA)]);
    assert_eq!(found.plan(), deal().plan());
}

#[test]
fn a_question_about_the_data_gives_way_to_one_about_the_counterparty() {
    let better = deal()
        .accounting_knows(&[("K-9", "7707083893/780102001")])
        .open("DEAL-DATA-MISSING", "не указан КПП", true);
    assert_eq!(better.planned().withdrawn, ["DEAL-DATA-MISSING"]);
}

/// The accountant is asked about new buyers, and this one is new.
fn asking() -> TestDeal {
    deal()
        .accounting_knows(&[])
        .with(|deal| deal.policy.invoice.new_buyers = NewBuyers::Ask)
}

const WAITS: &str = "Ждёт бухгалтера: новый покупатель";

fn shows(deal: &TestDeal) -> Option<String> {
    deal.snapshot.glance().unwrap().fields.status.clone()
}

#[test]
fn the_accountant_is_asked_about_a_new_buyer_and_the_deal_shows_that_it_waits() {
    let mut waiting = asking();
    assert_snapshot!(waiting.plan(), @r"
    case COUNTERPARTY-NEW
      | Счёт ждёт: покупателя ООО «Ромашка» (7707083893/770801001) в учёте нет. Заведите его в учёте, и счёт будет выставлен сам, или выберите:
      | • завести его и выставить счёт (create)
      waits for deal 4711, company 7, requisite 21
    tell the administrator of COUNTERPARTY-NEW
    write Status = Ждёт бухгалтера: новый покупатель
    ");
    let plan = waiting.planned();
    waiting.carry_out(plan);
    assert_eq!(shows(&waiting).as_deref(), Some(WAITS));
    assert!(waiting.planned().is_empty(), "{}", waiting.plan());
}

#[test]
fn the_accountants_word_or_hand_lets_the_invoice_go() {
    let mut waiting = asking();
    let case = waiting.planned().cases.remove(0);
    let plan = waiting.planned();
    waiting.carry_out(plan);
    let entered = waiting.clone().accounting_knows(&[("K-1", ROMASHKA)]);
    assert!(entered.plan().contains("issue whole/1 to K-1"));
    assert_eq!(entered.planned().withdrawn, ["COUNTERPARTY-NEW"]);
    let answer = |about: &str| Answer {
        key: case.key.clone(),
        about: about.to_owned(),
        choice: "create".to_owned(),
    };
    let other = waiting.clone().with(|deal| {
        deal.snapshot
            .answers
            .0
            .push(answer("org/7728168971/772801001"));
    });
    assert!(other.planned().actions.is_empty(), "{}", other.plan());
    let mut told = waiting.with(|deal| deal.snapshot.answers.0.push(answer(&case.about)));
    for _round in 0..8 {
        let plan = told.planned();
        told.carry_out(plan);
    }
    assert_eq!(told.snapshot.invoices.len(), 1);
    assert_eq!(shows(&told).as_deref(), Some("Выставлен"));
    assert!(told.planned().is_empty(), "{}", told.plan());
}

#[test]
fn a_deal_that_waits_no_more_does_not_say_so() {
    let mut waiting = asking();
    let plan = waiting.planned();
    waiting.carry_out(plan);
    let lost = waiting.clone().of(|deal| deal.lost = true);
    assert_snapshot!(lost.plan(), @r"
    write Status = (empty)
    withdraw COUNTERPARTY-NEW
    because: сделка проиграна
    ");
    let poor = waiting.clone().buyer(|it| it.kpp.clear());
    assert!(poor.planned().actions.iter().any(|action| {
        let Action::WriteFields { fields } = action else {
            return false;
        };
        fields[..] == [(OurField::Status, domain::observed::FieldValue::Empty)]
    }));
    // A state that a person or a robot wrote there is not ours to take out.
    let own = waiting.read(|reading| {
        let fields = &mut reading.glance.fields;
        fields.set(OurField::Status, &text("Позвонить"));
        reading.glance.deal.lost = true;
    });
    assert!(own.planned().actions.is_empty(), "{}", own.plan());
}

fn without_inn(deal: TestDeal) -> TestDeal {
    deal.buyer(|it| {
        it.inn.clear();
        it.kpp.clear();
    })
    .with(|deal| deal.policy.invoice.without_inn = WithoutInn::OwnId)
    .accounting_not_asked()
}

#[test]
fn a_buyer_without_an_inn_goes_by_our_own_id_where_policy_allows() {
    let silent = without_inn(deal()).with(|deal| {
        deal.policy.invoice.without_inn = WithoutInn::Fault;
    });
    assert!(silent.plan().contains("не указан ИНН покупателя"));
    let allowed = without_inn(deal());
    assert_snapshot!(allowed.plan(), @"need company-7 among the counterparties of org");
    // Somebody of the same name is somebody else: nobody was found by our id.
    let new = allowed.clone().with(|deal| {
        let who = "company-7".parse().unwrap();
        let asked = (OrganisationId::new("org"), who);
        deal.snapshot.counterparties.insert(asked, Vec::new());
    });
    let plan = new.planned();
    let [Action::CreateCounterparty { counterparty, .. }] = plan.actions.as_slice() else {
        panic!("{}", new.plan());
    };
    assert_eq!(counterparty.key.to_string(), "company-7");
    let key = plan.actions[0].key(&PortalId::new("p"), DealId(1));
    assert_eq!(key.as_str(), "p/counterparty/org/company-7/-");
    let mut issued = new;
    settle(&mut issued);
    let invoice = &issued.snapshot.invoices[0];
    assert_eq!(invoice.contractor, ContractorId::new("K-new"));
    assert_eq!(invoice.draft.buyer.key.who.inn(), None);
    // A contact without any requisites goes by its name.
    let person = |name: Option<&str>| {
        allowed.clone().read(|reading| {
            reading.requisites.clear();
            reading.glance.deal.company = None;
            reading.glance.deal.contact = Some(domain::ContactId(9));
            reading.contact_name = name.map(str::to_owned);
        })
    };
    assert_eq!(
        person(Some("Сидоров Пётр")).plan(),
        "need contact-9 among the counterparties of org"
    );
    assert!(
        person(Some(""))
            .plan()
            .contains("не указано название покупателя")
    );
    let asked = person(Some("Сидоров [b]Пётр")).with(|deal| {
        deal.policy.invoice.new_buyers = NewBuyers::Ask;
        let asked = (OrganisationId::new("org"), "contact-9".parse().unwrap());
        deal.snapshot.counterparties.insert(asked, Vec::new());
    });
    let text = asked.planned().cases.remove(0).text;
    assert!(
        text.contains(
            "покупателя Сидоров (b)Пётр ([URL=/crm/contact/details/9/]без ИНН, контакт 9[/URL])"
        ),
        "{text}"
    );
    let silent = person(Some("Сидоров Пётр")).with(|deal| {
        deal.policy.invoice.without_inn = WithoutInn::Fault;
    });
    assert!(silent.plan().contains("не заполнены реквизиты"));
    // Another contact is another buyer, also after the invoice.
    let mut bought = asked.with(|deal| deal.policy.invoice.new_buyers = NewBuyers::Create);
    settle(&mut bought);
    assert_eq!(
        bought.snapshot.invoices[0].draft.buyer.key.to_string(),
        "contact-9"
    );
    let other = bought.read(|reading| {
        reading.glance.deal.contact = Some(domain::ContactId(10));
        reading.contact_name = Some("Кто-то".to_owned());
    });
    assert!(
        other.plan().contains("без ИНН, контакт 10"),
        "{}",
        other.plan()
    );
    // A wrong INN is a fault all the same.
    let wrong = without_inn(deal()).buyer(|it| it.inn = "123".to_owned());
    assert!(wrong.plan().contains("неверен"), "{}", wrong.plan());
    // An INN that is filled in later is another buyer.
    let later = issued.buyer(|it| {
        it.inn = "7707083893".to_owned();
        it.kpp = "770801001".to_owned();
    });
    assert!(later.plan().contains("DEAL-CHANGED-AFTER-INVOICE"));
}
