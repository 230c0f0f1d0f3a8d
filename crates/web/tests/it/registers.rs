//! A credit of acquiring is counted and split over its sales on the pages, where the sums close.

use store::PaymentState;
use testkit::builders::portal;

use crate::support::browser::Browser;
use crate::support::money::{HOSTILE, office, order_at};
use crate::support::office::{Office, PASSWORD};
use crate::support::statement::{book, order, statement, states};

const SPLIT: &str = "/money/payments/1/split";
const BOTH: &str = "117; 1000,00\r\n№ 118 = 300";
const NAMED: &str = "реестр № 4";

async fn open(office: &Office) -> [i64; 2] {
    let asked = ["117".to_owned(), "118".to_owned()];
    let found = office.store.money_invoices(&portal(), &asked).await;
    let found = found.unwrap();
    ["117", "118"].map(|number| {
        let of_number = found.iter().find(|(_, one)| one.number == number);
        of_number.unwrap().1.open().kopecks()
    })
}

/// What a form that is opened now would say that it saw.
async fn last(office: &Office) -> String {
    let last = office.store.money_last(&portal(), &[1]).await.unwrap();
    last[&1].to_string()
}

fn form<'a>(sales: &'a str, commission: &'a str, seen: &'a str) -> [(&'a str, &'a str); 7] {
    [
        ("sales", sales),
        ("commission", commission),
        ("other", ""),
        ("register", NAMED),
        ("password", PASSWORD),
        ("seen", seen),
        ("step", "record"),
    ]
}

/// The same with another value in a field.
fn with<'a>(
    form: &[(&'a str, &'a str); 7],
    field: &str,
    value: &'a str,
) -> [(&'a str, &'a str); 7] {
    form.map(|(name, typed)| (name, if name == field { value } else { typed }))
}

/// 1 265 ₽ came for sales of 1 300 ₽, and a credit of which the purpose says less.
async fn credits(office: &Office) -> Browser {
    let mut anna = office.enrolled("Анна").await;
    let told = "Зачисление средств по эквайрингу, реестр № 4. Комиссия 35.00. Возврат покупки 0.00";
    let untold = order("6", "10.00", HOSTILE, "Переводы СБП за 11.03.2026");
    let credits = [order("5", "1265.00", HOSTILE, told), untold];
    book(&mut anna, &statement(&credits)).await;
    anna
}

#[tokio::test]
async fn a_register_is_a_question_with_its_sums_and_a_form() {
    let office = office().await;
    let mut anna = credits(&office).await;
    let asked = [
        (1, PaymentState::Asked, 126_500),
        (2, PaymentState::Asked, 1_000),
    ];
    assert_eq!(states(&office.store).await, asked);
    let page = anna.get("/money").await.text().replace('\u{a0}', " ");
    for told in [
        "по сумме не разносится",
        "комиссия банка по назначению 35,00 ₽: покупатели заплатили <strong>1 300,00 ₽",
        "name=\"commission\" value=\"35.00\"",
        "сколько удержал банк, в назначении не сказано",
        "Не относить к счетам",
        "action=\"/money/payments/2/split\"",
    ] {
        assert!(page.contains(told), "{told}: {page}");
    }
    assert!(!page.contains("<img"), "{page}");
}

#[tokio::test]
async fn what_is_typed_is_counted_without_a_password_and_recorded_by_nobody() {
    let office = office().await;
    let mut anna = credits(&office).await;
    let seen = last(&office).await;
    let count = |sales, commission| with(&form(sales, commission, &seen), "step", "count");
    for (sales, commission, status, told) in [
        ("117; 1000", "35", 200, "Ещё не названо продаж на 300,00"),
        (BOTH, "34,99", 200, "Названо лишнее: 0,01"),
        (BOTH, "35", 200, "Сходится: счетам продаж 1 300,00"),
        ("117; 1300", "35", 200, "осталось 1 000,00"),
        ("", "35", 200, "хотя бы одну продажу"),
        ("117", "35", 422, "Строка 1 не читается"),
        ("999; 1300", "35", 422, "Счёта 999 у этой организации нет"),
        ("117; 650\n№117; 650", "35", 422, "назван дважды"),
    ] {
        let fields = with(&count(sales, commission), "password", "");
        let fields = with(&fields, "register", "");
        let answer = order_at(&mut anna, SPLIT, &fields).await;
        let text = answer.text().replace('\u{a0}', " ");
        assert_eq!(answer.status, status, "{text}");
        assert!(text.contains(told), "{told}: {text}");
        let typed = sales.lines().next().unwrap_or_default();
        assert!(text.contains(typed), "it is kept: {text}");
    }
    let answer = order_at(&mut anna, SPLIT, &count(BOTH, "35")).await;
    let text = answer.text().replace('\u{a0}', " ");
    assert!(
        text.contains("из 1 000,00 ₽ сейчас не оплачено 1 000,00 ₽: закроет счёт"),
        "{text}"
    );
    assert_eq!(open(&office).await, [100_000, 30_000]);
}

#[tokio::test]
async fn a_credit_is_split_over_its_sales_where_the_sums_close() {
    let office = office().await;
    let mut anna = credits(&office).await;
    let first_seen = last(&office).await;
    let right = form(BOTH, "35", &first_seen);
    for (fields, status, why) in [
        (with(&right, "password", "wrong"), 403, "Пароль не подходит"),
        (
            with(&right, "commission", "34,99"),
            422,
            "Не сходится: продажи на 1 300,00",
        ),
        (with(&right, "commission", "сто"), 422, "Сумма не читается"),
        (with(&right, "register", " "), 422, "Назовите реестр"),
        (with(&right, "sales", "117"), 422, "Строка 1 не читается"),
        (with(&right, "sales", "117; 1300"), 422, "осталось 1 000,00"),
        // A form that says nothing of what was seen, too.
        (with(&right, "seen", "0"), 422, "Пока вы писали"),
        (with(&right, "seen", ""), 422, "Пока вы писали"),
    ] {
        let answer = order_at(&mut anna, SPLIT, &fields).await;
        let text = answer.text().replace('\u{a0}', " ");
        assert_eq!(answer.status, status, "{text}");
        assert!(text.contains(why), "{why}: {text}");
    }
    assert_eq!(open(&office).await, [100_000, 30_000]);
    let fields = with(&right, "register", HOSTILE);
    let answer = order_at(&mut anna, SPLIT, &fields).await;
    let place = "/money/payments/1?said=split";
    assert_eq!(answer.leads_to(), place, "{}", answer.text());
    assert_eq!(open(&office).await, [0, 0]);
    let page = anna.get(place).await.text().replace('\u{a0}', " ");
    assert!(page.contains("банк удержал комиссию"), "{page}");
    assert!(!page.contains("<img"), "{page}");
    assert!(!page.contains("<textarea"), "{page}");
    let month = anna.get("/money/reconciliation?month=2026-03").await.text();
    let month = month.replace('\u{a0}', " ");
    assert!(month.contains("Комиссия эквайринга и СБП"), "{month}");
    // Pressed once more, and by whoever has the page still open after it was taken back.
    let again = order_at(&mut anna, SPLIT, &right).await;
    assert!(again.text().contains("уже решено"), "{}", again.text());
    let undo = [("because", "ошибка"), ("password", PASSWORD)];
    let answer = order_at(&mut anna, "/money/payments/1/undo", &undo).await;
    assert_eq!(answer.leads_to(), "/money/payments/1?said=undone");
    assert_eq!(open(&office).await, [100_000, 30_000]);
    let stale = order_at(&mut anna, SPLIT, &right).await;
    assert!(stale.text().contains("Пока вы писали"), "{}", stale.text());
    let seen = last(&office).await;
    let answer = order_at(&mut anna, SPLIT, &with(&right, "seen", &seen)).await;
    assert_eq!(answer.leads_to(), place, "{}", answer.text());
}

#[tokio::test]
async fn who_paid_nothing_for_sales_has_no_form_and_other_money_may_be_declared_so() {
    let office = office().await;
    let mut anna = office.enrolled("Анна").await;
    let plain = order("5", "1265.00", "ООО «Площадка»", "Перечисление за март");
    book(&mut anna, &statement(&[plain])).await;
    let page = anna.get("/money/payments/1").await.text();
    assert!(page.contains("<details><summary>Это поступление"), "{page}");
    let seen = last(&office).await;
    let answer = order_at(&mut anna, SPLIT, &form(BOTH, "35", &seen)).await;
    assert_eq!(answer.leads_to(), "/money/payments/1?said=split");
    assert_eq!(open(&office).await, [0, 0]);
    for path in ["/money/payments/2/split", "/money/payments/0/split"] {
        let answer = order_at(&mut anna, path, &form(BOTH, "35", &seen)).await;
        assert_eq!(answer.status, 404, "{path}");
    }
    let mut stranger = office.browser();
    let answer = stranger.post(SPLIT, &form(BOTH, "35", &seen)).await;
    assert!(matches!(answer.status, 303 | 403), "{}", answer.status);
}
