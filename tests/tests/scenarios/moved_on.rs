//! Sales end where production begins: a robot moves a deal on from its invoice stage to a funnel of which the policy says
//! nothing, and the deal has its invoice and shows its money all the same.

use emulator_bitrix24::{FunnelSeed, PortalConfig, RobotAction, RobotSeed, StageSeed};

use crate::bank::{PAID, begin_at, document, file, import, invoiced, named};
use crate::database::Database;
use crate::money::{entries, stage};
use crate::office;

/// Where production begins.
const QUEUE: &str = "C2:NEW";

fn portal() -> PortalConfig {
    let mut portal = office::portal();
    let stage = |id: &str, name: &str, semantics: &str| StageSeed {
        id: id.to_owned(),
        name: name.to_owned(),
        semantics: semantics.to_owned(),
        color: String::new(),
    };
    portal.funnels.push(FunnelSeed {
        id: 2,
        name: "Производство".to_owned(),
        stages: vec![
            stage("NEW", "Очередь", "P"),
            stage("WORK", "В цехе", "P"),
            stage("WON", "Отгружено", "S"),
            stage("LOSE", "Отказ", "F"),
        ],
    });
    portal.robots.push(RobotSeed {
        on_stage: Some(office::INVOICE.to_owned()),
        on_field: None,
        after_ms: 0,
        then: RobotAction::MoveTo {
            stage: QUEUE.to_owned(),
        },
        times: None,
    });
    portal
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deal_that_a_robot_moves_on_to_production_has_its_invoice_and_shows_its_money() {
    let world = begin_at(portal(), 1, Database::Sqlite).await;
    let (deal, bill) = invoiced(&world, 1_000).await;
    world.until_shown(deal, "STAGE_ID", QUEUE).await;
    let buyer = bill.draft.buyer.key.who.to_string();
    let purpose = format!("Оплата по счету {}", named(&bill));
    let paid = document("1", "1000.00", &buyer, purpose);
    let path = file(&world, "march.txt", &[paid]);
    import(&world, &path).await.unwrap();
    world.until_shown(deal, PAID, "1000.00|RUB").await;
    world.until_shown(deal, office::STATUS, "Оплачен").await;
    world.until_quiet().await;
    assert_eq!(entries(&world, deal, "Оплата 1 000,00 ₽ получена"), 1);
    assert_eq!(stage(&world, deal), QUEUE, "production moves its deals");
    let open = world.open_cases().await;
    assert!(open.is_empty(), "{open:#?}");
}
