//! A company without an accounting program: our numbers, our PDF, and a file for the accountant.

use std::path::Path;

use provodka::args::{BuyerArgs, CancelArgs, ExportArgs, RegisterCommand};
use provodka::{check, register};
use store::OfficeBill;

use crate::database::{Database, postgres};
use crate::download::file_of_entry;
use crate::office;
use crate::world::{Start, World, until};

async fn begin(replicas: usize, database: Database) -> World {
    World::begin(Start {
        portal: office::portal(),
        own_books: true,
        replicas,
        database,
        ..Start::default()
    })
    .await
}

/// All that `setup` cannot know is how the real organisation stands to VAT.
async fn is_well_once_its_regime_is_said(world: &World) {
    let report = check::run(Ok(world.product())).await;
    let findings = report.parts.iter().flat_map(|(_, findings)| findings);
    let wrong: Vec<Option<&str>> = findings
        .filter(|finding| !finding.holds)
        .map(|finding| finding.code.as_deref())
        .collect();
    assert_eq!(wrong, [Some("VAT-REGIME-UNKNOWN")]);
    let (real, vat) = (
        "id = \"sever\"\n",
        "vat = [{ from = \"2026-01-01\", regime = \"general\" }]\n",
    );
    world
        .change_policy(|text| {
            assert!(text.contains(real), "{text}");
            text.replace(real, &format!("{real}{vat}"))
        })
        .await;
    let report = check::run(Ok(world.product())).await;
    assert!(report.is_well(), "{report:#?}");
}

async fn bills(world: &World) -> Vec<OfficeBill> {
    let product = world.product();
    product
        .store
        .office_bills(product.portal(), 0)
        .await
        .unwrap()
}

async fn numbers(world: &World) -> Vec<String> {
    let bills = bills(world).await.into_iter();
    bills.map(|bill| bill.number).collect()
}

async fn told(world: &World, command: RegisterCommand) -> Result<String, String> {
    let told = register::run(&world.product(), &command).await;
    told.map_err(|error| error.to_string())
}

fn cancel(number: &str) -> RegisterCommand {
    RegisterCommand::Cancel(CancelArgs {
        number: number.to_owned(),
        because: "ошибка в количестве".to_owned(),
        organisation: None,
        year: None,
        by: "Анна".to_owned(),
    })
}

fn export(out: &Path, again: Option<i64>) -> RegisterCommand {
    RegisterCommand::Export(ExportArgs {
        format: None,
        out: Some(out.to_owned()),
        again,
        test: false,
        dry_run: false,
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deal_gets_our_number_and_pdf_and_learns_of_its_cancellation() {
    let world = begin(1, Database::Sqlite).await;
    is_well_once_its_regime_is_said(&world).await;
    let deal = world.invoiced_deal().await;
    assert_eq!(world.portal.deal_field(deal, office::NUMBER), "СВ-1");
    assert_eq!(world.portal.deal_field(deal, office::STATUS), "Выставлен");
    assert_eq!(world.portal.deal_field(deal, office::SUM), "13080.00|RUB");
    let pdf = file_of_entry(&world, deal).await;
    assert!(pdf.starts_with(b"%PDF-") && pdf.len() > 10_000);
    assert_eq!(
        world.kontur.truth().requests.len(),
        0,
        "nobody else is asked"
    );

    let refused = told(&world, cancel("СВ-9")).await.unwrap_err();
    assert!(refused.contains("there is no invoice `СВ-9`"), "{refused}");
    told(&world, cancel("СВ-1")).await.unwrap();
    let twice = told(&world, cancel("СВ-1")).await.unwrap_err();
    assert!(twice.contains("cancelled already"), "{twice}");
    world.until_shown(deal, office::STATUS, "Отменён").await;
    world.until_case("INVOICE-CANCELLED").await;
    let story = world.story(deal).await;
    assert!(story.contains("ошибка в количестве"), "{story}");

    // Another is issued only by order, and under a number of its own.
    world.until_quiet().await;
    assert_eq!(numbers(&world).await, ["СВ-1"]);
    // Chosen from the list that `setup` has made.
    let manager = world.portal.manager();
    manager
        .choose(deal, office::COMMAND, "перевыставить")
        .unwrap();
    world.until_shown(deal, office::NUMBER, "СВ-2").await;
    world.until_quiet().await;
    assert_eq!(numbers(&world).await, ["СВ-1", "СВ-2"]);
    let cancelled: Vec<bool> = bills(&world)
        .await
        .iter()
        .map(|bill| bill.cancelled.is_some())
        .collect();
    assert_eq!(cancelled, [true, false], "a cancelled number stays visible");
    assert!(world.open_cases().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_accountant_is_given_each_line_once() {
    let world = begin(1, Database::Sqlite).await;
    world.invoiced_deal().await;
    let file = |name: &str| world.folder.path().join(name);
    let lines = |name: &str| {
        let text = std::fs::read_to_string(file(name)).unwrap();
        text.trim_end()
            .split("\r\n")
            .skip(1)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    told(&world, export(&file("1.csv"), None)).await.unwrap();
    assert_eq!(lines("1.csv").len(), 2);
    assert!(lines("1.csv").iter().all(|line| line.starts_with("СВ-1;")));

    let nothing = told(&world, export(&file("2.csv"), None)).await.unwrap();
    assert!(
        nothing.contains("Нового нет") && !file("2.csv").exists(),
        "{nothing}"
    );
    told(&world, cancel("СВ-1")).await.unwrap();
    world.invoiced_deal().await;
    let taken = told(&world, export(&file("1.csv"), None))
        .await
        .unwrap_err();
    assert!(taken.contains("is there already"), "{taken}");
    let nowhere = world.folder.path().join("no/such/folder.csv");
    told(&world, export(&nowhere, None)).await.unwrap_err();
    told(&world, export(&file("2.csv"), None)).await.unwrap();
    let second = lines("2.csv");
    assert_eq!(second.len(), 4);
    assert!(
        second[0].contains("Отменён") && second[0].contains("уже был в выгрузке № 1"),
        "{second:?}"
    );
    assert!(
        second[2].starts_with("СВ-2;") && !second[2].contains("Повторно"),
        "{second:?}"
    );

    told(&world, export(&file("again.csv"), Some(1)))
        .await
        .unwrap();
    assert!(
        lines("again.csv")
            .iter()
            .all(|line| line.contains("Повторно: выгрузка № 1"))
    );
    told(&world, export(&file("3.xlsx"), Some(2)))
        .await
        .unwrap();
    assert!(std::fs::read(file("3.xlsx")).unwrap().starts_with(b"PK"));
    let none = told(&world, export(&file("none.csv"), Some(9)))
        .await
        .unwrap_err();
    assert!(none.contains("there was no export 9"), "{none}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_organisation_beside_the_real_one_uses_no_number_of_it() {
    let world = World::begin(Start {
        portal: office::portal(),
        own_books: true,
        test_beside: true,
        ..Start::default()
    })
    .await;
    is_well_once_its_regime_is_said(&world).await;
    let of_funnel = |id: &str| format!("organisation = \"{id}\"");
    let (real, test) = (of_funnel("sever"), of_funnel("sever-test"));
    world
        .change_policy(|text| {
            assert!(text.contains(&real), "{text}");
            text.replace(&real, &test)
        })
        .await;
    let tried = world.new_deal();
    world.drag(tried);
    world.until_shown(tried, office::NUMBER, "ТЕСТ-1").await;
    world.until_quiet().await;
    let entries = world.portal.comments_of_deal(tried);
    let sample = "Образец, не оплачивать: выставлен тестовый счёт № ТЕСТ-1";
    assert!(entries[0].0.starts_with(sample), "{entries:?}");

    world.change_policy(|text| text.replace(&test, &real)).await;
    let sold = world.invoiced_deal().await;
    assert_eq!(world.portal.deal_field(sold, office::NUMBER), "СВ-1");
    let given = |name: &str, test: bool| {
        let path = world.folder.path().join(name);
        let export = RegisterCommand::Export(ExportArgs {
            format: None,
            out: Some(path.clone()),
            again: None,
            test,
            dry_run: false,
        });
        (path, export)
    };
    for (name, is_test, (has, lacks)) in [
        ("real.csv", false, ("СВ-1;", "ТЕСТ-1;")),
        ("test.csv", true, ("ТЕСТ-1;", "СВ-1;")),
    ] {
        let (path, export) = given(name, is_test);
        told(&world, export).await.unwrap();
        let text = std::fs::read_to_string(path).unwrap();
        assert!(
            text.contains(has) && !text.contains(lacks),
            "{name}: {text}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_buyer_under_another_kpp_waits_until_the_accountant_records_it() {
    let world = begin(1, Database::Sqlite).await;
    world.invoiced_deal().await;
    let company = world.portal.company_by_title(office::BUYER).unwrap();
    let requisite = world.portal.requisites_of(company)[0];
    let kpp = [("RQ_KPP".to_owned(), "997950001".to_owned())].into();
    world.portal.manager().edit_requisite(requisite, &kpp);
    let deal = world.new_deal();
    world.drag(deal);
    world.until_case("COUNTERPARTY-AMBIGUOUS").await;
    let key = bills(&world).await[0].draft.buyer.key.who.to_string();
    let buyer = |key: String| {
        RegisterCommand::Buyer(BuyerArgs {
            key,
            name: None,
            organisation: None,
            by: "Анна".to_owned(),
        })
    };
    let lacking = told(&world, buyer(key.clone())).await.unwrap_err();
    assert!(lacking.contains("lacks its KPP"), "{lacking}");
    let recorded = told(&world, buyer(format!("{key}/997950001")))
        .await
        .unwrap();
    assert!(
        recorded.contains("которые ждали контрагента: 1"),
        "{recorded}"
    );
    world.until_complete(deal).await;
    assert_eq!(numbers(&world).await, ["СВ-1", "СВ-2"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_have_no_gap_after_a_death_in_the_middle() {
    a_death_in_the_middle(begin(1, Database::Sqlite).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_of_two_processes_have_no_gap_after_their_death_in_the_middle() {
    if let Some(database) = postgres().await {
        a_death_in_the_middle(begin(2, database).await).await;
    }
}

/// Deals come in while every process dies twice; each deal ends with one invoice, and no number is missing.
async fn a_death_in_the_middle(mut world: World) {
    const DEALS: usize = 24;
    // So many within a minute are no flood here.
    world
        .change_policy(|text| text.replace("ask_above = 20", "ask_above = 0"))
        .await;
    let mut deals = Vec::new();
    for life in 1..=3 {
        while deals.len() < DEALS * life / 3 {
            let deal = world.new_deal();
            world.drag(deal);
            deals.push(deal);
        }
        if life == 3 {
            break;
        }
        // Some of them are issued, some are on their way.
        let shown = deals.len() / 2;
        let some = || deals.iter().filter(|deal| world.has_number(**deal)).count() >= shown;
        until("some of the numbers", some).await;
        world.kill().await;
        world.start_again().await;
    }
    for deal in &deals {
        world.until_complete(*deal).await;
    }
    world.until_quiet().await;
    let bills = bills(&world).await;
    let wanted: Vec<String> = (1..=DEALS).map(|place| format!("СВ-{place}")).collect();
    let numbers: Vec<&str> = bills.iter().map(|bill| bill.number.as_str()).collect();
    assert_eq!(numbers, wanted);
    let mut invoiced: Vec<i64> = bills
        .iter()
        .map(|bill| bill.deal.get().try_into().unwrap())
        .collect();
    invoiced.sort_unstable();
    assert_eq!(invoiced, deals);
    for bill in &bills {
        let deal = bill.deal.get().try_into().unwrap();
        assert_eq!(world.portal.deal_field(deal, office::NUMBER), bill.number);
        assert_eq!(
            world.entries(deal),
            [1],
            "one entry with one file on deal {deal}"
        );
    }
}
