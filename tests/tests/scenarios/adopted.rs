//! Invoices that the accountant made by hand before us become their deals', beside the running server, and no others are
//! made.

use emulator_bitrix24::CustomFieldSeed;
use provodka::args::AdoptArgs;
use serde_json::json;

use crate::office;
use crate::world::{Start, World};

const OLD_NUMBER: &str = "UF_CRM_OLD_INVOICE";

/// The bill that the accountant made for what [`office::deal`] holds, with its number.
fn by_hand(world: &World) -> String {
    let accountant = world.accountant();
    let contractor = accountant.create_contractor(&json!({
        "name": "Ромашка", "inn": "7728168971", "kpp": "772801001",
    }));
    let bill = accountant.issue_bill(&json!({
        "date": "2026-01-20", "withNds": true, "sumsWithNds": true, "number": "Н-17",
        "contractorId": contractor.unwrap().meta.id.to_string(),
        "items": [
            {"productName": "Кабель", "unitName": "шт", "quantity": "120", "price": "96.50", "ndsRate": "nds22"},
            {"productName": "Привезти", "unitName": "шт", "quantity": "1", "price": "1500", "ndsRate": "nds22"},
        ],
    }));
    bill.unwrap().number.clone()
}

async fn adopt(world: &World, args: AdoptArgs) -> (String, bool) {
    let report = provodka::adopt::run(&world.product(), &args).await.unwrap();
    let mut words = Vec::new();
    report.print(args.json, &mut words).unwrap();
    let words = String::from_utf8(words).unwrap();
    (words.replace('\u{a0}', " "), report.judged().is_ok())
}

fn args(apply: bool) -> AdoptArgs {
    AdoptArgs {
        file: None,
        field: Some(OLD_NUMBER.to_owned()),
        apply,
        json: false,
        by: "Мария".to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_numbers_in_a_field_of_old_deals_become_their_invoices() {
    let world = World::usual().await;
    let manager = world.portal.manager();
    world.portal.add_custom_field(&CustomFieldSeed {
        entity: "CRM_DEAL".to_owned(),
        name: OLD_NUMBER.to_owned(),
        kind: "string".to_owned(),
        label: "Старый счёт".to_owned(),
        multiple: false,
        items: Vec::new(),
    });
    let number = by_hand(&world);
    let (old, other, plain) = (world.new_deal(), world.new_deal(), world.new_deal());
    let said = json!({OLD_NUMBER: format!("№ {number} от 20.01.2026")});
    manager.edit_deal(old, said).unwrap();
    manager
        .edit_deal(other, json!({OLD_NUMBER: "404"}))
        .unwrap();
    world.until_quiet().await;
    let writes = world.our_writes_after_setup();

    let (shown, is_well) = adopt(&world, args(false)).await;
    assert_eq!(
        shown,
        format!(
            "Сделка {old} «Поставка»: подходит счёт № Н-17 от 20.01.2026 на 13 080,00 ₽\n\
             Сделка {other} «Поставка»: не привязан — счёта № 404 в учёте этой организации нет\n\
             Итого: будет привязано 1, привязано раньше 0, не подходит 1.\n\
             Ничего не записано; привязывает та же команда с --apply.\n"
        )
    );
    assert!(!is_well, "who calls it by a script hears of the other deal");
    assert!(!shown.contains(&format!("Сделка {plain} ")));
    world.until_quiet().await;
    assert_eq!(
        world.our_writes_after_setup(),
        writes,
        "nothing was written"
    );

    let (linked, _) = adopt(&world, args(true)).await;
    assert!(
        linked.contains(&format!("Сделка {old} «Поставка»: привязан счёт № Н-17")),
        "{linked}"
    );
    world.until_shown(old, office::NUMBER, "Н-17").await;
    world.until_shown(old, office::SUM, "13080.00|RUB").await;
    world.drag(old);
    manager
        .choose(old, office::COMMAND, "выставить счёт")
        .unwrap();
    world.until_quiet().await;
    assert_eq!(world.bills_ever(old), 0, "none of ours beside it");
    let entries = world.portal.comments_of_deal(old);
    assert_eq!(entries.len(), 2, "{entries:?}");
    let told = |said: &str| entries.iter().any(|(text, _)| text.starts_with(said));
    assert!(
        told("К сделке привязан выставленный раньше счёт № Н-17"),
        "{entries:?}"
    );
    assert!(
        told("Счёт не выставлен: уже есть счёт на всю сумму № Н-17"),
        "{entries:?}"
    );
    assert!(world.open_cases().await.is_empty());

    let (again, _) = adopt(&world, args(true)).await;
    assert!(
        again.contains("привязано 0, привязано раньше 1, не подходит 1"),
        "{again}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_claims_is_linked_by_its_sums() {
    let world = World::usual().await;
    by_hand(&world);
    let (old, other) = (world.new_deal(), world.new_deal());
    let path = world.folder.path().join("old.csv");
    let file = |deal: i64, sum: &str| {
        let text = format!("сделка;номер;дата;сумма\r\n{deal};Н-17;20.01.2026;{sum}\r\n");
        std::fs::write(&path, text).unwrap();
        AdoptArgs {
            file: Some(path.clone()),
            field: None,
            json: true,
            ..args(true)
        }
    };
    let (refused, _) = adopt(&world, file(other, "13 080,01")).await;
    assert!(refused.contains("\"result\":\"refused\""), "{refused}");
    assert!(
        refused.contains("в учёте он на 13 080,00 ₽, указано 13 080,01 ₽"),
        "{refused}"
    );
    let (linked, is_well) = adopt(&world, file(old, "13 080,00")).await;
    assert!(
        is_well && linked.contains("\"result\":\"linked\""),
        "{linked}"
    );
    world.until_shown(old, office::NUMBER, "Н-17").await;
    let (taken, _) = adopt(&world, file(other, "13 080,00")).await;
    assert!(taken.contains(&format!("это счёт сделки {old}")), "{taken}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_linked_while_its_funnel_was_watched_is_shown_once_it_is_active() {
    let world = World::begin(Start {
        active: false,
        ..Start::default()
    })
    .await;
    by_hand(&world);
    let deal = world.new_deal();
    let path = world.folder.path().join("old.csv");
    std::fs::write(&path, format!("сделка;номер\r\n{deal};Н-17\r\n")).unwrap();
    let (linked, is_well) = adopt(
        &world,
        AdoptArgs {
            file: Some(path),
            field: None,
            ..args(true)
        },
    )
    .await;
    assert!(is_well, "{linked}");
    world.until_quiet().await;
    assert_eq!(world.our_writes_after_setup(), 0, "nothing is written");
    world
        .change_policy(|text| text.replace("watch_only", "active"))
        .await;
    world.until_shown(deal, office::NUMBER, "Н-17").await;
}
