//! What a manager sees on the portal: a deal dragged shows number and file, a question leads to its field.

use std::time::Duration;

use serde_json::json;

use crate::driver::Browser;
use crate::office;
use crate::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deal_dragged_in_the_funnel_shows_number_and_file_within_two_seconds() {
    let Some(mut browser) = Browser::open() else {
        return;
    };
    let world = World::usual().await;
    let deal = world.new_deal();
    browser.go(&format!("{}/", world.portal_url));
    let card = format!("[data-deal='{deal}']");
    let stage = format!("[data-stage='{}']", office::INVOICE);
    browser.until(&format!("document.querySelector(\"{card}\")"));
    let held = browser.hold(&card);
    let dropped = world.portal.now();
    browser.drop_on(&stage, &held);

    browser.go(&format!("{}/crm/deal/details/{deal}/", world.portal_url));
    let number = format!(
        "document.querySelector(\"[data-field='{}']\")",
        office::NUMBER
    );
    browser.until(&format!(
        "{number}?.value && document.querySelector('#timeline .file')"
    ));
    let took = world.portal.now().duration_since(dropped);
    assert!(
        took <= Duration::from_secs(2).try_into().unwrap(),
        "a person waits two seconds at most, not {took}"
    );

    let bill = world.bill(deal);
    assert_eq!(
        browser.evaluate(&format!("{number}.value")),
        json!(bill.number)
    );
    let name = browser.evaluate("document.querySelector('#timeline .file').textContent");
    let begins = format!("Счёт № {} от ", bill.number);
    assert!(name.as_str().unwrap().starts_with(&begins), "{name}");
    let file = "fetch(document.querySelector('#timeline .file').href).then((answer) => answer.text()).then((text) => text.slice(0, 5))";
    assert_eq!(browser.evaluate(file), json!("%PDF-"));
    world.assert_one_true_invoice(deal);
    browser.assert_quiet();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deal_is_moved_to_another_funnel_by_its_tab_and_back_by_its_card() {
    let Some(mut browser) = Browser::open() else {
        return;
    };
    let world = World::usual().await;
    let deal = world.new_deal();
    browser.go(&format!("{}/", world.portal_url));
    let card = format!("[data-deal='{deal}']");
    browser.until(&format!("document.querySelector(\"{card}\")"));
    let held = browser.hold(&card);
    browser.drop_on("#funnels button:last-child", &held);
    world.until_shown(deal, "STAGE_ID", "C1:NEW").await;
    browser.go(&format!("{}/crm/deal/details/{deal}/", world.portal_url));
    let funnel = "document.getElementById('funnel')";
    browser.until(&format!("{funnel}?.value === 'C1:NEW'"));
    browser.evaluate(&format!(
        "Object.assign({funnel}, {{value: 'NEW'}}).dispatchEvent(new Event('change'))"
    ));
    world.until_shown(deal, "STAGE_ID", "NEW").await;
    browser.assert_quiet();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_leads_to_the_field_and_its_answer_brings_the_invoice() {
    let Some(mut browser) = Browser::open() else {
        return;
    };
    let world = World::usual().await;
    let deal = office::deal("Пробная партия", office::WITHOUT_KPP);
    let deal = world.portal.manager().create_deal(&deal).unwrap();
    browser.go(&format!("{}/crm/deal/details/{deal}/", world.portal_url));
    let stage = format!(
        "document.querySelector(\"#steps [data-stage='{}']\")",
        office::INVOICE
    );
    browser.until(&stage);
    browser.evaluate(&format!("{stage}.click()"));
    browser.until("document.querySelector('#messages .note')?.textContent.includes('КПП')");
    let field = "[...document.querySelectorAll('#messages .note a')].at(-1)";
    browser.follow(&format!("{field}.click()"));
    assert_eq!(browser.evaluate("location.hash"), json!("#buyer"));

    let kpp = "document.querySelector(\"#company [data-field='RQ_KPP']\")";
    browser.until(kpp);
    assert_eq!(browser.evaluate(&format!("{kpp}.value")), json!(""));
    browser.evaluate(&format!("{kpp}.focus()"));
    browser.call("Input.insertText", &json!({"text": "770101001"}));
    browser.evaluate(&format!("{kpp}.blur()"));
    let number = format!(
        "document.querySelector(\"[data-field='{}']\")?.value",
        office::NUMBER
    );
    browser.until(&format!(
        "{number} && document.querySelector('#timeline .file')"
    ));
    world.assert_one_true_invoice(deal);
    browser.assert_quiet();
}
