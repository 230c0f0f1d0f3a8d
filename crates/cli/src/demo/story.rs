//! A bad day, scene by scene: each waits for what it needs to see, never for a length of time.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context as _;
use emulator_bitrix24::{EventFate, RobotAction, RobotSeed};
use emulator_harness::{FaultKind, FaultRule};
use serde_json::json;

use crate::args::DemoAccounting;

use super::portal::{BUYER, INVOICE, NEXT, OLD_TITLE, WITHOUT_KPP, buyer, deal, line};
use super::world::World;

/// What happens to a deal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scene {
    Plain,
    NewBuyer,
    EventLost,
    EventDoubled,
    AnswerLost,
    LateEffect,
    PortalAnswerLost,
    KppFilledLater,
    EditedAfter,
    RobotMovesOn,
}

impl Scene {
    pub(super) const ALL: [Self; 10] = [
        Self::Plain,
        Self::NewBuyer,
        Self::EventLost,
        Self::EventDoubled,
        Self::AnswerLost,
        Self::LateEffect,
        Self::PortalAnswerLost,
        Self::KppFilledLater,
        Self::EditedAfter,
        Self::RobotMovesOn,
    ];

    /// In words.
    pub(super) fn happens(self, accounting: DemoAccounting) -> &'static str {
        match self {
            Self::NewBuyer if accounting == DemoAccounting::Office => "покупателя ещё нет в книгах",
            Self::AnswerLost if accounting == DemoAccounting::Office => {
                "счёт записан в книги, ответ базы потерян"
            }
            Self::LateEffect if accounting == DemoAccounting::Office => {
                "связь с базой оборвалась, запись счёта пропала"
            }
            Self::Plain => "перенесена в стадию счёта",
            Self::NewBuyer => "покупателя ещё нет в учёте",
            Self::EventLost => "событие портала потеряно",
            Self::EventDoubled => "событие пришло дважды",
            Self::AnswerLost => "счёт создан, ответ учёта потерян",
            Self::LateEffect => "ответ потерян, счёт появился на три секунды позже",
            Self::PortalAnswerLost => "запись в сделку удалась, ответ портала потерян",
            Self::KppFilledLater => "нет КПП; заполнен позже, событие реквизита потеряно",
            Self::EditedAfter => "сделка изменена после счёта",
            Self::RobotMovesOn => "робот через полсекунды увёл сделку дальше",
        }
    }
}

/// The deals by their scenes, and the old ones.
pub(super) struct Cast {
    pub(super) deals: Vec<(Scene, i64)>,
    pub(super) old: Vec<i64>,
}

/// Plays all scenes.
pub(super) async fn tell(world: &World) -> anyhow::Result<Cast> {
    let old: Vec<i64> = world
        .portal
        .deals()
        .into_iter()
        .filter(|id| world.portal.deal_field(*id, "TITLE").starts_with(OLD_TITLE))
        .collect();
    let mut deals = Vec::new();
    for (number, scene) in (1..).zip(Scene::ALL) {
        deals.push((scene, play(world, number, scene).await?));
    }
    for (scene, id) in &deals {
        let what = format!("{} (сделка {id})", scene.happens(world.books.accounting()));
        until(&what, async || shown(world, *id)).await?;
        until(&what, async || has_file(world, *id)).await?;
    }
    touch_old_deals(world, &old).await?;
    Ok(Cast { deals, old })
}

async fn play(world: &World, number: usize, scene: Scene) -> anyhow::Result<i64> {
    let manager = world.portal.manager();
    let company = match scene {
        Scene::NewBuyer => {
            let company = buyer("ООО «Новый клиент»", "7710140679", "771301001");
            manager.create_company(&company)?;
            company.title
        }
        Scene::KppFilledLater => WITHOUT_KPP.to_owned(),
        _ => BUYER.to_owned(),
    };
    let id = manager.create_deal(&deal(number, &company))?;
    prepare(world, scene, id);
    manager.move_deal(id, INVOICE)?;
    match scene {
        Scene::AnswerLost | Scene::LateEffect => {
            until("create of a bill", async || {
                world.books.has_failed(id).await
            })
            .await?;
        }
        Scene::PortalAnswerLost => until("bill", async || world.books.live(id).await == 1).await?,
        Scene::KppFilledLater => fill_kpp(world, id).await?,
        Scene::EditedAfter => {
            until("first number", async || shown(world, id)).await?;
            manager.set_lines(id, &[line("Кабель ВВГ 3х2,5", "96.50", "240", "22")]);
            manager.edit_deal(id, json!({"COMMENTS": "Клиент попросил больше"}))?;
            until("question about the edited deal", async || {
                notices(world)
                    .iter()
                    .any(|text| text.contains("изменена после счёта"))
            })
            .await?;
        }
        Scene::Plain
        | Scene::NewBuyer
        | Scene::EventLost
        | Scene::EventDoubled
        | Scene::RobotMovesOn => {}
    }
    Ok(id)
}

/// What will go wrong with this deal's move.
fn prepare(world: &World, scene: Scene, id: i64) {
    let portal = &world.portal;
    match scene {
        Scene::EventLost => portal.next_event("ONCRMDEALUPDATE", Some(id), EventFate::Lose),
        Scene::EventDoubled => portal.next_event("ONCRMDEALUPDATE", Some(id), EventFate::Double),
        Scene::AnswerLost | Scene::LateEffect => world.books.fail_next(scene),
        Scene::PortalAnswerLost => {
            // The reads before it go well: the fault waits for the batch that writes.
            portal
                .faults()
                .add(FaultRule::once(FaultKind::AnswerLost, "crm.item.update"));
        }
        Scene::RobotMovesOn => portal.add_robot(RobotSeed {
            on_stage: Some(INVOICE.to_owned()),
            on_field: None,
            after_ms: 500,
            then: RobotAction::MoveTo {
                stage: NEXT.to_owned(),
            },
            times: Some(1),
        }),
        Scene::Plain | Scene::NewBuyer | Scene::KppFilledLater | Scene::EditedAfter => {}
    }
}

async fn fill_kpp(world: &World, id: i64) -> anyhow::Result<()> {
    until("question about the KPP", async || {
        notices(world)
            .iter()
            .any(|text| text.contains(&format!("/crm/deal/details/{id}/")) && text.contains("КПП"))
    })
    .await?;
    let portal = &world.portal;
    let company = portal
        .company_by_title(WITHOUT_KPP)
        .context("the company without KPP is gone")?;
    let requisites = portal.requisites_of(company);
    let requisite = requisites.first().context("it has no requisites")?;
    portal.next_event("ONCRMREQUISITEUPDATE", Some(*requisite), EventFate::Lose);
    portal.manager().edit_requisite(
        *requisite,
        &BTreeMap::from([("RQ_KPP".to_owned(), "770201001".to_owned())]),
    );
    Ok(())
}

/// Somebody edits three of them: that is no reason to invoice them.
async fn touch_old_deals(world: &World, old: &[i64]) -> anyhow::Result<()> {
    let requests = world.portal.truth().requests();
    for id in old.iter().take(3) {
        let edit = json!({"COMMENTS": "Позвонить клиенту"});
        world.portal.manager().edit_deal(*id, edit)?;
    }
    until("look at the old deals", async || {
        world.portal.truth().requests() > requests + 1
    })
    .await?;
    until("quiet", async || world.portal.events_in_flight() == 0).await
}

fn shown(world: &World, id: i64) -> bool {
    !world.portal.deal_field(id, NUMBER).is_empty()
}

fn has_file(world: &World, id: i64) -> bool {
    let comments = world.portal.comments_of_deal(id);
    comments.iter().any(|(_, files)| *files > 0)
}

/// Fields that `setup` makes.
pub(super) const LINK: &str = "UF_CRM_PROVODKA_LINK";
pub(super) const NUMBER: &str = "UF_CRM_PROVODKA_NUMBER";

pub(super) fn notices(world: &World) -> Vec<String> {
    let manager = 6;
    world.portal.notices_of(manager)
}

/// Waits for something to be seen.
pub(super) async fn until(what: &str, mut seen: impl AsyncFnMut() -> bool) -> anyhow::Result<()> {
    const PATIENCE: Duration = Duration::from_secs(30);
    let waiting = async {
        while !seen().await {
            emulator_harness::wait(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting)
        .await
        .with_context(|| format!("waited {PATIENCE:?} in vain: {what}"))
}
