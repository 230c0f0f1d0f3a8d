//! The verdict: what the emulators' true history says of every promise. Of the product only its books are asked, where
//! there are no others.

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{ContentArrangement, Table};
use emulator_bitrix24::{Actor, What};

use crate::args::DemoAccounting;

use super::books::{Bill, PREFIX};
use super::story::{Cast, LINK, NUMBER, Scene, notices};
use super::world::World;

/// One promise.
pub(super) struct Verdict {
    pub(super) what: String,
    pub(super) wanted: String,
    pub(super) seen: String,
    pub(super) holds: bool,
}

/// Judges every deal and the day as a whole.
pub(super) async fn judge(world: &World, cast: &Cast) -> anyhow::Result<Vec<Verdict>> {
    let bills = world.books.all().await?;
    let mut verdicts: Vec<Verdict> = cast
        .deals
        .iter()
        .map(|(scene, id)| one_true_invoice(world, &bills, *scene, *id))
        .collect();
    verdicts.push(old_deals(world, &bills, cast));
    verdicts.push(nothing_else(&bills, cast));
    if world.books.accounting() == DemoAccounting::Office {
        verdicts.push(no_gap(&bills));
    }
    verdicts.push(told_once(world));
    verdicts.push(limits(world));
    Ok(verdicts)
}

/// The promises as a table.
pub(super) fn table(verdicts: &[Verdict]) -> String {
    let mut table = Table::new();
    table
        .load_style(UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(["Что случилось", "Чего ждали", "Что вышло", ""]);
    for verdict in verdicts {
        let sign = if verdict.holds { "✓" } else { "✗" };
        table.add_row([
            verdict.what.as_str(),
            verdict.wanted.as_str(),
            verdict.seen.as_str(),
            sign,
        ]);
    }
    table.to_string()
}

/// Exactly one live bill with the right sum; its number on the deal; one entry in the timeline, with one file.
fn one_true_invoice(world: &World, bills: &[Bill], scene: Scene, id: i64) -> Verdict {
    let ever: Vec<&Bill> = bills.iter().filter(|bill| bill.deal == Some(id)).collect();
    let live: Vec<&Bill> = ever.iter().filter(|bill| bill.live).copied().collect();
    let number = world.portal.deal_field(id, NUMBER);
    let entries: Vec<usize> = world
        .portal
        .comments_of_deal(id)
        .into_iter()
        .filter(|(text, _)| text.contains("Выставлен счёт"))
        .map(|(_, files)| files)
        .collect();
    // 96.50 × 120 + 1500, VAT included.
    let right_sum = live.iter().all(|bill| bill.kopecks == 1_308_000);
    let right_number = live.iter().all(|bill| bill.number == number);
    let link = world.portal.deal_field(id, LINK);
    let right_link = match world.books.accounting() {
        DemoAccounting::KonturAccounting => live.iter().all(|bill| link.ends_with(&bill.id)),
        // There is no page of it anywhere: our PDF is the invoice.
        DemoAccounting::Office => link.is_empty(),
    };
    Verdict {
        what: format!("Сделка {id}: {}", scene.happens(world.books.accounting())),
        wanted: match world.books.accounting() {
            DemoAccounting::KonturAccounting => {
                "один счёт на 13 080,00 ₽, номер и ссылка в сделке, одна запись с PDF"
            }
            DemoAccounting::Office => "один счёт на 13 080,00 ₽, номер в сделке, одна запись с PDF",
        }
        .to_owned(),
        seen: format!(
            "счетов {}, № {number}, записей {}, файлов {}",
            live.len(),
            entries.len(),
            entries.iter().sum::<usize>()
        ),
        holds: live.len() == 1
            && ever.len() == 1
            && right_sum
            && right_number
            && right_link
            && !number.is_empty()
            && entries == [1],
    }
}

/// What stood in the stage before the start is not touched: no bill, and no write of ours.
fn old_deals(world: &World, bills: &[Bill], cast: &Cast) -> Verdict {
    let of_old = |bill: &&Bill| bill.deal.is_some_and(|deal| cast.old.contains(&deal));
    let invoiced = bills.iter().filter(of_old).count();
    let truth = world.portal.truth();
    let touched = cast
        .old
        .iter()
        .flat_map(|id| truth.writes_to("deal", *id))
        .filter(|entry| matches!(&entry.what, What::Write { actor, .. } if is_ours(actor)))
        .count();
    Verdict {
        what: format!(
            "{} давних сделок стоят в стадии счёта, три из них правят",
            cast.old.len()
        ),
        wanted: "не тронуты".to_owned(),
        seen: format!("счетов {invoiced}, наших записей {touched}"),
        holds: invoiced == 0 && touched == 0 && cast.old.len() == 30,
    }
}

fn is_ours(actor: &Actor) -> bool {
    matches!(actor, Actor::Webhook { .. } | Actor::Application { .. })
}

/// No bill that no deal of the story asked for.
fn nothing_else(bills: &[Bill], cast: &Cast) -> Verdict {
    let all = bills.len();
    Verdict {
        what: "За весь день".to_owned(),
        wanted: format!("счетов в учёте {}", cast.deals.len()),
        seen: format!("счетов в учёте {all}"),
        holds: all == cast.deals.len(),
    }
}

/// Nothing that failed on the way took a number with it.
fn no_gap(bills: &[Bill]) -> Verdict {
    let numbers: Vec<&str> = bills.iter().map(|bill| bill.number.as_str()).collect();
    let wanted: Vec<String> = (1..=bills.len())
        .map(|place| format!("{PREFIX}{place}"))
        .collect();
    let ends = |numbers: &[&str]| match numbers {
        [] => "нет".to_owned(),
        [first, .., last] => format!("{first} … {last}"),
        [only] => (*only).to_owned(),
    };
    Verdict {
        what: "Номера счетов".to_owned(),
        wanted: "подряд, без пропусков и повторов".to_owned(),
        seen: ends(&numbers),
        holds: numbers == wanted,
    }
}

/// A person is told of a matter once.
fn told_once(world: &World) -> Verdict {
    let texts = notices(world);
    let about = |word: &str| texts.iter().filter(|text| text.contains(word)).count();
    let (kpp, changed) = (about("КПП"), about("изменена после счёта"));
    Verdict {
        what: "Вопросы менеджеру".to_owned(),
        wanted: "один про КПП, один про изменённую сделку".to_owned(),
        seen: format!(
            "про КПП {kpp}, про изменённую сделку {changed}, всего {}",
            texts.len()
        ),
        holds: kpp == 1 && changed == 1 && texts.len() == 2,
    }
}

fn limits(world: &World) -> Verdict {
    let truth = world.portal.truth();
    let refused = truth.limit_refusals();
    Verdict {
        what: format!("Запросов к порталу {}", truth.requests()),
        wanted: "ни одного отказа по лимиту".to_owned(),
        seen: format!("отказов {refused}"),
        holds: refused == 0,
    }
}
