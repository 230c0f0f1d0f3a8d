//! What an accountant sees on the product's own pages: she signs in, brings a statement and has it booked, decides by a
//! click and takes it back, closes an invoice without a bank, and looks at the month.

use provodka::pages::{self, Opened};
use serde_json::json;
use tokio::net::TcpListener;

use crate::bank::{self, PAID, begin, document, invoiced, named};
use crate::database::Database;
use crate::driver::Browser;
use crate::office;
use crate::world::World;

const NAME: &str = "Анна";
const PASSWORD: &str = "корова съела план счетов";

/// The pages beside the product, and the code that lets the first person in.
pub(crate) async fn opened(world: &World) -> (Opened, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let product = world.product();
    let pages = pages::open(&product, Some(listener)).await.unwrap();
    let code = pages::first_code(&product).await.unwrap().unwrap();
    (pages.unwrap(), code.text)
}

/// Sets a password with the code, signs out, and signs in with it.
pub(crate) fn sign_in(browser: &mut Browser, address: &str, code: &str) {
    browser.go(&format!("{address}/start"));
    browser.write("[name=code]", code);
    browser.write("[name=name]", NAME);
    browser.write("[name=password]", PASSWORD);
    browser.write("[name=again]", PASSWORD);
    browser.press("Задать пароль и войти");
    browser.until_text("Решать нечего");
    browser.press("Выйти");
    browser.go(&format!("{address}/money"));
    assert_eq!(browser.evaluate("location.pathname"), json!("/sign-in"));
    browser.write("[name=name]", NAME);
    browser.write("[name=password]", PASSWORD);
    browser.press("Войти");
    browser.until_text("Решать нечего");
}

fn is_unpaid(world: &World, deal: i64) -> bool {
    ["", "0.00|RUB"].contains(&world.portal.deal_field(deal, PAID).as_str())
}

fn with_password(browser: &mut Browser, form: &str, fields: &[(&str, &str)], words: &str) {
    for (field, value) in fields {
        browser.write(&format!("{form} [name={field}]"), value);
    }
    browser.write(&format!("{form} [name=password]"), PASSWORD);
    browser.press(words);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_accountant_books_decides_takes_back_and_closes_on_the_pages() {
    let Some(mut browser) = Browser::open() else {
        return;
    };
    let world = begin(1, Database::Sqlite).await;
    let (certain, certain_bill) = invoiced(&world, 1_000).await;
    let (asked, asked_bill) = invoiced(&world, 2_500).await;
    let (netted, netted_bill) = invoiced(&world, 300).await;
    let (pages, code) = opened(&world).await;
    let address = pages.address().to_owned();
    sign_in(&mut browser, &address, &code);

    // Shown first, booked by a second button.
    let buyer = certain_bill.draft.buyer.key.who.to_string();
    let by_buyer = |number, sum, purpose| document(number, sum, &buyer, purpose);
    let documents = [
        by_buyer(
            "1",
            "1000.00",
            format!("Оплата по счету {}", named(&certain_bill)),
        ),
        by_buyer(
            "2",
            "2500.00",
            format!("Оплата по счету № {}", asked_bill.number),
        ),
    ];
    let file = bank::file(&world, "kl_to_1c.txt", &documents);
    browser.press("Выписки");
    browser.until_text("нет выписки за целый день");
    browser.choose_file("[name=file]", &file);
    browser.press("Показать, что нового");
    browser.until_text("Новое в файле: 2 платежа");
    let shown = browser.text();
    assert!(
        shown.contains("3 500,00") && shown.contains("Ничего ещё не записано"),
        "{shown}"
    );
    assert!(is_unpaid(&world, certain));
    browser.press("Записать");
    browser.until_text("Записано: 2 платежа");
    let shown = browser.text();
    assert!(
        shown.contains("известен по 12.03.2026") || shown.contains("12.03.2026"),
        "{shown}"
    );
    world.until_shown(certain, PAID, "1000.00|RUB").await;
    world.until_shown(certain, "STAGE_ID", "EXECUTING").await;

    // Only the number names the invoice: a person decides, by one click.
    browser.press("К решениям");
    browser.until_text("Ждут решения");
    let shown = browser.text();
    let invoice = format!("счёт {}", named(&asked_bill));
    assert!(
        shown.contains(&invoice) && shown.contains("2 500,00"),
        "{shown}"
    );
    assert_eq!(
        browser.evaluate("document.querySelectorAll('.question').length"),
        json!(1)
    );
    assert!(is_unpaid(&world, asked), "nothing is guessed");
    browser.press("Отнести сюда");
    browser.until_text("Записано: платёж отнесён к счёту");
    assert!(browser.text().contains("Решать нечего"));
    world.until_shown(asked, PAID, "2500.00|RUB").await;
    world.until_shown(asked, "STAGE_ID", "EXECUTING").await;

    // Taken back with a reason and the password; it is asked anew.
    browser.press("Платежи");
    browser.until_text(&invoice);
    browser.follow("document.querySelector('.pays a.whole[href=\"/money/payments/2\"]').click()");
    let because = "письмо № 4 от 12.03.2026";
    let form = "form[action$='/undo']";
    with_password(&mut browser, form, &[("because", because)], "Снять");
    browser.until_text("снят со счетов исправительной записью");
    let shown = browser.text();
    assert!(shown.contains(because) && shown.contains(NAME), "{shown}");
    world.until_shown(asked, PAID, "0.00|RUB").await;
    world.until_case("PAYMENT-UNDECIDED").await;
    browser.press("Решения");
    browser.until_text("Отнести сюда");

    // Closed without a bank, and opened again.
    browser.press("Без банка");
    browser.until_text("Без банка ничего не закрыто");
    let fields = [
        ("invoice", netted_bill.number.as_str()),
        ("document", "Акт зачёта № 4 от 12.03.2026"),
    ];
    with_password(
        &mut browser,
        "form[action='/money/settlements']",
        &fields,
        "Закрыть",
    );
    browser.until_text("Записано: счёт закрыт без банка");
    let shown = browser.text();
    assert!(
        shown.contains("Акт зачёта № 4") && shown.contains("300,00"),
        "{shown}"
    );
    world.until_shown(netted, PAID, "300.00|RUB").await;

    // The month of the statement: what came and what is given of it, on all sides.
    browser.press("Сверка");
    browser.go(&format!("{address}/money/reconciliation?month=2026-03"));
    let shown = browser.text();
    assert!(shown.contains("Сверка: март 2026"), "{shown}");
    let bank = browser.evaluate(
        "[...document.querySelectorAll('.sides tbody tr')].map((row) => row.innerText.replace(/\\s+/g, ' '))",
    );
    let rows: Vec<&str> = bank
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|row| row.as_str())
        .collect();
    assert!(rows.iter().any(|row| row.contains("3 500,00")), "{rows:#?}");

    // On paper: white whatever the screen is, each organisation with its month, and nothing that is there to be pressed.
    let dark = json!([{"name": "prefers-color-scheme", "value": "dark"}]);
    browser.call(
        "Emulation.setEmulatedMedia",
        &json!({"media": "print", "features": dark}),
    );
    let heading = browser.evaluate("document.querySelector('.sheet h2').innerText");
    let heading = heading.as_str().unwrap();
    assert!(heading.ends_with(", март 2026"), "{heading}");
    let printed = browser.text();
    assert!(printed.contains("Сверка: март 2026") && printed.contains("3 500,00"));
    for pressed in ["Решения", "Показать", "Скачать XLSX"] {
        assert!(!printed.contains(pressed), "{printed}");
    }
    let ground = "getComputedStyle(document.querySelector('.sheet')).backgroundColor";
    assert_eq!(browser.evaluate(ground), json!("rgb(255, 255, 255)"));
    let none = json!({"media": "", "features": []});
    browser.call("Emulation.setEmulatedMedia", &none);

    browser.press("Без банка");
    browser.press("Снять");
    let form = "form[action^='/money/settlements/']";
    browser.write(&format!("{form} [name=because]"), "акт отменён");
    browser.write(&format!("{form} [name=password]"), PASSWORD);
    browser.follow(&format!(
        "document.querySelector(\"{form} button\").click()"
    ));
    browser.until_text("Закрытие снято исправительной записью");
    assert!(browser.text().contains("снято: акт отменён"));
    world.until_shown(netted, PAID, "0.00|RUB").await;
    assert_eq!(
        world.portal.deal_field(certain, office::STATUS),
        "Оплачен",
        "what nobody touched stands"
    );
    browser.assert_quiet();
    pages.stop().await;
}
