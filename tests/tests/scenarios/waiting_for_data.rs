//! A deal that lacks data waits for it, and for nothing else.

use std::collections::BTreeMap;

use emulator_bitrix24::EventFate;

use crate::office;
use crate::world::{World, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_kpp_is_asked_for_once_and_its_filling_is_seen_without_an_event() {
    let world = World::usual().await;
    let manager = world.portal.manager();
    let seed = office::deal("Без КПП", office::WITHOUT_KPP);
    let deal = manager.create_deal(&seed).unwrap();
    world.drag(deal);
    let asked = || {
        let notices = world.notices_of_manager().into_iter();
        notices
            .filter(|text| text.contains("КПП"))
            .collect::<Vec<_>>()
    };
    until("question about the KPP", || !asked().is_empty()).await;
    world.until_case("DEAL-DATA-MISSING").await;
    assert_eq!(world.bills_ever(deal), 0);
    let company = world.portal.company_by_title(office::WITHOUT_KPP).unwrap();
    let requisite = world.portal.requisites_of(company)[0];
    let lost = EventFate::Lose;
    world
        .portal
        .next_event("ONCRMREQUISITEUPDATE", Some(requisite), lost);
    let filled = BTreeMap::from([("RQ_KPP".to_owned(), "770201001".to_owned())]);
    assert!(manager.edit_requisite(requisite, &filled));
    world.until_complete(deal).await;
    world.assert_one_true_invoice(deal);
    assert_eq!(asked().len(), 1, "{:#?}", asked());
    assert!(asked()[0].contains(&format!("/crm/company/details/{company}/")));
    assert!(
        world.open_cases().await.is_empty(),
        "the question is answered"
    );
}
