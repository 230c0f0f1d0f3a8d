//! A plan over living data before the work begins: grouped, openable, and nothing written.

use provodka::args::PlanArgs;

use crate::office;
use crate::world::{Start, World};

fn since_new_year() -> PlanArgs {
    PlanArgs {
        deals: Vec::new(),
        since: Some("2026-01-01".parse().unwrap()),
        json: false,
        xlsx: None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_that_entered_its_stage_is_planned_by_cause_before_the_work_begins() {
    let world = World::begin(Start {
        active: false,
        ..Start::default()
    })
    .await;
    let manager = world.portal.manager();
    let ready = world.new_deal();
    let seed = office::deal("Без КПП", office::WITHOUT_KPP);
    let lacking = [
        manager.create_deal(&seed).unwrap(),
        manager.create_deal(&seed).unwrap(),
    ];
    let untouched = world.new_deal();
    for deal in [ready, lacking[0], lacking[1]] {
        world.drag(deal);
    }
    world.until_quiet().await;

    let book = world.folder.path().join("plan.xlsx");
    let args = PlanArgs {
        xlsx: Some(book.clone()),
        ..since_new_year()
    };
    let plans = provodka::plan::run(&world.product(), &args).await.unwrap();
    let mut words = Vec::new();
    provodka::plan::print(&plans, false, &mut words).unwrap();
    let words = String::from_utf8(words).unwrap();
    assert!(
        words.contains("Было бы выставлено счетов: 1 на "),
        "{words}"
    );
    assert!(words.contains("контрагента нужно создать"), "{words}");
    assert!(words.contains("Нужен человек: 2\n"), "{words}");
    assert!(words.contains("[DEAL-DATA-MISSING]"), "{words}");
    assert!(words.contains(" — 2 на "), "one cause, one group: {words}");
    for deal in [ready, lacking[0], lacking[1]] {
        assert!(words.contains(&format!("Сделка {deal} «")), "{words}");
    }
    assert!(!words.contains(&format!("Сделка {untouched} «")), "{words}");

    let mut json = Vec::new();
    provodka::plan::print(&plans, true, &mut json).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(json["to_issue"][0]["deal"]["id"], ready);
    assert_eq!(json["questions"][0]["deals"].as_array().unwrap().len(), 2);
    let address = json["questions"][0]["deals"][0]["address"]
        .as_str()
        .unwrap();
    assert!(address.ends_with(&format!("/crm/deal/details/{}/", lacking[0])));

    assert!(std::fs::read(&book).unwrap().starts_with(b"PK"));
    let refused = provodka::plan::run(&world.product(), &args).await;
    let refused = refused.err().unwrap().to_string();
    assert!(refused.contains("is there already"), "{refused}");

    assert_eq!(world.our_writes_after_setup(), 0, "nothing is written");
    assert_eq!(world.bills_ever(ready), 0);

    world
        .change_policy(|text| text.replace("watch_only", "active"))
        .await;
    world.until_complete(ready).await;
    world.until_quiet().await;
    let plans = provodka::plan::run(&world.product(), &since_new_year()).await;
    let mut words = Vec::new();
    provodka::plan::print(&plans.unwrap(), false, &mut words).unwrap();
    let words = String::from_utf8(words).unwrap();
    assert!(words.contains("Было бы выставлено счетов: 0 "), "{words}");
    assert!(words.contains("счёт уже выставлен — 1 на "), "{words}");
    // Whoever was asked has not mended it yet.
    assert!(words.contains("Нужен человек: 2\n"), "{words}");
}
