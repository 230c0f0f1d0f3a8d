//! A deal dragged to its invoice stage has its invoice.

use std::time::Duration;

use crate::database::postgres;
use crate::download::file_of_entry;
use crate::office;
use crate::world::{Start, World, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dragged_deal_shows_its_invoice_with_the_pdf() {
    a_dragged_deal(World::usual().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dragged_deal_shows_its_invoice_with_the_pdf_on_postgresql() {
    if let Some(database) = postgres().await {
        let start = Start {
            database,
            ..Start::default()
        };
        a_dragged_deal(World::begin(start).await).await;
    }
}

async fn a_dragged_deal(world: World) {
    let deal = world.new_deal();
    let dragged = world.portal.now();
    world.drag(deal);
    until("number on the deal", || world.has_number(deal)).await;
    let took = world.portal.now().duration_since(dragged);
    assert!(
        took <= Duration::from_secs(2).try_into().unwrap(),
        "a person waits two seconds at most, not {took}"
    );
    world.until_complete(deal).await;
    world.assert_one_true_invoice(deal);

    let bill = world.bill(deal);
    assert_eq!(bill.sum.0, office::KOPECKS);
    assert_eq!(bill.items.len(), 2);
    let field = |name: &str| world.portal.deal_field(deal, name);
    assert_eq!(field(office::NUMBER), bill.number);
    assert!(
        field(office::DATE).starts_with(&bill.date.to_string()),
        "{} is not {}",
        field(office::DATE),
        bill.date
    );
    assert_eq!(field(office::STATUS), "Выставлен");
    assert_eq!(field(office::SUM), "13080.00|RUB");
    let entries = world.portal.comments_of_deal(deal);
    let [(text, 1)] = entries.as_slice() else {
        panic!("one entry with one file, not {entries:?}");
    };
    assert!(
        text.starts_with(&format!("Выставлен счёт № {} от ", bill.number)),
        "{text}"
    );
    let pdf = file_of_entry(&world, deal).await;
    assert!(pdf.starts_with(b"%PDF-"), "the file is a PDF");
    assert!(pdf.len() > 10_000, "{} bytes are too few", pdf.len());
    assert!(world.open_cases().await.is_empty());
    assert_eq!(world.notices_of_manager(), Vec::<String>::new());
}
