//! What waits for a person about a deal is read and answered on the product's own pages.

use serde_json::json;

use crate::driver::Browser;
use crate::money::{opened, sign_in};
use crate::office;
use crate::world::{World, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_click_on_an_answer_replaces_the_invoice_of_a_changed_deal() {
    let Some(mut browser) = Browser::open() else {
        return;
    };
    let world = World::usual().await;
    let deal = world.invoiced_deal().await;
    let first = world.portal.deal_field(deal, office::NUMBER);
    let manager = world.portal.manager();
    manager.set_lines(deal, &[office::line("Другое", "5000", "2")]);
    manager
        .edit_deal(deal, json!({"TITLE": "Поставка, другая"}))
        .unwrap();
    world.until_case("DEAL-CHANGED-AFTER-INVOICE").await;

    let (pages, code) = opened(&world).await;
    let address = pages.address().to_owned();
    sign_in(&mut browser, &address, &code);
    browser.press("Вопросы");
    browser.until_text("Сделка изменена после счёта");
    let card = format!("/crm/deal/details/{deal}/");
    browser.follow(&format!(
        "document.querySelector(\"h2 a[href$='{card}']\").click()"
    ));
    assert_eq!(browser.evaluate("location.pathname"), json!(card));

    browser.go(&format!("{address}/questions"));
    browser.follow(
        "document.querySelector('input[name=choice][value=reissue]').closest('form').querySelector('button').click()",
    );
    browser.until_text("записан ответ");
    let shown = browser.text();
    assert!(shown.contains("Открытых вопросов нет"), "{shown}");
    let shows_another = || world.portal.deal_field(deal, office::NUMBER) != first;
    until("the number of another invoice", shows_another).await;
    world.until_quiet().await;
    assert_eq!(world.bills_ever(deal), 2);
    browser.assert_quiet();
    pages.stop().await;
}
