//! What a payment was given for is changed on its page: money goes back to whoever paid, or a letter moves it.

use domain::OrganisationId;
use store::{InvoiceLink, PaymentState};
use testkit::builders::portal;

use crate::support::money::{
    ACCOUNT, BUYER, HOSTILE, US, booking_beside, invoice, office, order_at,
};
use crate::support::office::{Office, PASSWORD};
use crate::support::statement::{book, case_of, order, statement, states};

/// Money that we paid to the buyer.
fn paid_back(number: &str, sum: &str, purpose: &str) -> String {
    format!(
        "СекцияДокумент=Платежное поручение\r\nНомер={number}\r\nДата=11.03.2026\r\nСумма={sum}\r\n\
         ПлательщикСчет={ACCOUNT}\r\nДатаСписано=12.03.2026\r\nПолучательСчет=40702810500000000777\r\n\
         ПолучательИНН={BUYER}\r\nПолучатель1={HOSTILE}\r\nНазначениеПлатежа={purpose}\r\nКонецДокумента\r\n"
    )
}

#[tokio::test]
async fn a_refund_is_asked_about_taken_off_by_one_click_and_taken_back_while_nobody_paid_in_its_place()
 {
    let office = office().await;
    let mut anna = office.enrolled("Анна").await;
    let paid = order(
        "5",
        "300.00",
        "ООО «Ромашка»",
        "Оплата по счету № 118 от 01.03.2026",
    );
    let back = paid_back("9", "100.00", "Возврат");
    book(&mut anna, &statement(&[back, paid])).await;
    let page = anna.get("/money").await.text().replace('\u{a0}', " ");
    assert!(!page.contains("<img"), "{page}");
    for told in [
        "счёт № 118 от 01.03.2026, 100,00 ₽ с оплаченного по счёту",
        "Снять отсюда",
        "Не снимать с оплаченного",
    ] {
        assert!(page.contains(told), "{told}: {page}");
    }
    let (case, seen) = case_of(&office.store, 1).await;
    let fields = [
        ("case", case.as_str()),
        ("seen", seen.as_str()),
        ("choice", "1"),
    ];
    let answer = order_at(&mut anna, "/money/answer", &fields).await;
    assert_eq!(answer.leads_to(), "/money?said=taken-off&payment=1");
    let booked = [(1, PaymentState::Booked, 0), (2, PaymentState::Booked, 0)];
    assert_eq!(states(&office.store).await, booked);
    let page = anna.get("/money/payments/1").await.text();
    assert!(page.contains("снят с оплаченного"), "{page}");
    let story = anna.get("/money/payments/2").await.text();
    assert!(story.contains("возвращено покупателю"), "{story}");
    // Others pay in its place.
    let more = order(
        "6",
        "100.00",
        "ООО «Ромашка»",
        "Оплата по счету № 118 от 01.03.2026",
    );
    book(&mut anna, &statement(&[more])).await;
    let undo = [("because", "ошибка"), ("password", PASSWORD)];
    let answer = order_at(&mut anna, "/money/payments/1/undo", &undo).await;
    assert_eq!(answer.status, 422);
    assert!(
        answer.text().contains("было бы оплачено больше"),
        "{}",
        answer.text()
    );
    let answer = order_at(&mut anna, "/money/payments/3/undo", &undo).await;
    assert_eq!(answer.leads_to(), "/money/payments/3?said=undone");
    let page = anna.get("/money/payments/1").await.text();
    assert!(page.contains("Отменить решение о возврате"), "{page}");
    assert!(!page.contains("Снять со счетов"), "{page}");
    let answer = order_at(&mut anna, "/money/payments/1/undo", &undo).await;
    assert_eq!(answer.leads_to(), "/money/payments/1?said=refund-undone");
    let page = anna.get(answer.leads_to()).await.text();
    assert!(page.contains("Решение о возврате отменено"), "{page}");
    assert!(!page.contains("Платёж снят"), "{page}");
    let asked = states(&office.store).await;
    assert_eq!(asked[0], (1, PaymentState::Asked, -10_000));
    // Left alone it is no payment without an invoice either.
    let (case, seen) = case_of(&office.store, 1).await;
    let fields = [
        ("case", case.as_str()),
        ("seen", seen.as_str()),
        ("choice", "leave"),
    ];
    let answer = order_at(&mut anna, "/money/answer", &fields).await;
    assert_eq!(answer.leads_to(), "/money?said=kept&payment=1");
    let page = anna.get(answer.leads_to()).await.text();
    assert!(page.contains("возврат не снимается"), "{page}");
    let page = anna.get("/money/payments/1").await.text();
    assert!(page.contains("не снят с оплаченного"), "{page}");
}

#[tokio::test]
async fn no_letter_is_offered_for_an_invoice_whose_money_went_back() {
    let office = office().await;
    let mut anna = office.enrolled("Анна").await;
    let paid = order(
        "5",
        "300.00",
        "ООО «Ромашка»",
        "Оплата по счету № 118 от 01.03.2026",
    );
    let back = paid_back("9", "300.00", "Возврат по счету № 118 от 01.03.2026");
    book(&mut anna, &statement(&[paid])).await;
    let page = anna.get("/money/payments/1").await.text();
    assert!(page.contains("Перенести по письму"), "{page}");
    book(&mut anna, &statement(&[back])).await;
    let booked = [(1, PaymentState::Booked, 0), (2, PaymentState::Booked, 0)];
    assert_eq!(states(&office.store).await, booked);
    let page = anna.get("/money/payments/1").await.text();
    assert!(page.contains("счёт № 118"), "{page}");
    assert!(!page.contains("Перенести по письму"), "{page}");
}

/// What a form that is opened now would say that it saw of the first payment.
async fn last(office: &Office) -> String {
    let last = office.store.money_last(&portal(), &[1]).await.unwrap();
    last[&1].to_string()
}

#[tokio::test]
async fn a_letter_moves_a_payment_on_its_page() {
    let office = office().await;
    let mut anna = office.enrolled("Анна").await;
    let paid = order(
        "5",
        "300.00",
        HOSTILE,
        "Оплата по счету № 118 от 01.03.2026",
    );
    book(&mut anna, &statement(&[paid])).await;
    let open = async |number: &str| {
        let asked = [number.to_owned()];
        let found = office.store.money_invoices(&portal(), &asked).await;
        found.unwrap()[0].1.open().kopecks()
    };
    let page = anna.get("/money/payments/1").await.text();
    let is_offered = page.contains("Перенести по письму") && page.contains("счёт № 118");
    assert!(is_offered, "{page}");
    let from = format!("{US}/id-118");
    let seen = last(&office).await;
    let form = |to, amount, letter, password| {
        [
            ("seen", seen.as_str()),
            ("from", from.as_str()),
            ("to", to),
            ("amount", amount),
            ("letter", letter),
            ("password", password),
        ]
    };
    for (to, amount, letter, password, status, why) in [
        ("117", "", "письмо № 4", "wrong", 403, "Пароль не подходит"),
        ("117", "", " ", PASSWORD, 422, "Назовите письмо"),
        (
            "117",
            "сто",
            "письмо № 4",
            PASSWORD,
            422,
            "Сумма не читается",
        ),
        (
            "117",
            "-100",
            "письмо № 4",
            PASSWORD,
            422,
            "больше перенести нельзя",
        ),
        (
            "117",
            "0",
            "письмо № 4",
            PASSWORD,
            422,
            "больше перенести нельзя",
        ),
        ("999", "", "письмо № 4", PASSWORD, 422, "Такого счёта нет"),
        (
            "117",
            "300,01",
            "письмо № 4",
            PASSWORD,
            422,
            "больше перенести нельзя",
        ),
    ] {
        let fields = form(to, amount, letter, password);
        let answer = order_at(&mut anna, "/money/payments/1/move", &fields).await;
        let text = answer.text();
        assert_eq!(answer.status, status, "{text}");
        assert!(text.contains(why), "{why}: {text}");
    }
    assert_eq!((open("117").await, open("118").await), (100_000, 0));
    let fields = form("117", "100", HOSTILE, PASSWORD);
    let answer = order_at(&mut anna, "/money/payments/1/move", &fields).await;
    let place = "/money/payments/1?said=moved";
    assert_eq!(answer.leads_to(), place, "{}", answer.text());
    assert_eq!((open("117").await, open("118").await), (90_000, 10_000));
    // Pressed once more.
    let again = order_at(&mut anna, "/money/payments/1/move", &fields).await;
    assert!(again.text().contains("Пока вы писали"), "{}", again.text());
    assert_eq!((open("117").await, open("118").await), (90_000, 10_000));
    let page = anna.get(place).await.text();
    assert!(page.contains("перенесена исправительными"), "{page}");
    assert!(!page.contains("<img"), "{page}");
    assert!(page.contains("счёт № 117"), "{page}");
}

#[tokio::test]
async fn an_invoice_of_another_organisation_is_named_as_such_and_gets_nothing_by_its_number_alone()
{
    let theirs = InvoiceLink {
        organisation: OrganisationId::new("them"),
        ..invoice(9, "119", 50_000)
    };
    let office = booking_beside(Office::open().await, vec![theirs]).await;
    let mut anna = office.enrolled("Анна").await;
    let named = |number, invoice: &str| {
        let purpose = format!("Оплата по счету № {invoice} от 01.03.2026");
        order(number, "300.00", "ООО «Ромашка»", &purpose)
    };
    let paid = [named("5", "118"), named("6", "119")];
    book(&mut anna, &statement(&paid)).await;
    let page = anna.get("/money").await.text();
    let but = "но</span> счёт выставлен другой нашей организацией";
    assert!(page.contains(but), "{page}");
    let from = format!("{US}/id-118");
    let seen = last(&office).await;
    let form = |to| {
        [
            ("seen", seen.as_str()),
            ("from", from.as_str()),
            ("to", to),
            ("amount", "100"),
            ("letter", "письмо № 4"),
            ("password", PASSWORD),
        ]
    };
    let refused = order_at(&mut anna, "/money/payments/1/move", &form("119")).await;
    let text = refused.text();
    assert_eq!(refused.status, 422, "{text}");
    assert!(text.contains("другой вашей организации"), "{text}");
    assert!(text.contains("them/id-119"), "{text}");
    let moved = order_at(&mut anna, "/money/payments/1/move", &form("them/id-119")).await;
    assert_eq!(moved.leads_to(), "/money/payments/1?said=moved");
    // What is left goes there, too; then the invoice has nothing more to give.
    for is_left in [true, false] {
        let seen = last(&office).await;
        let rest = [
            ("seen", seen.as_str()),
            ("from", "118"),
            ("to", "them/id-119"),
            ("amount", ""),
            ("letter", "письмо № 5"),
            ("password", PASSWORD),
        ];
        let answer = order_at(&mut anna, "/money/payments/1/move", &rest).await;
        if is_left {
            assert_eq!(answer.leads_to(), "/money/payments/1?said=moved");
            continue;
        }
        let text = answer.text();
        assert_eq!(answer.status, 422, "{text}");
        let why = "На счёте № 118 нет денег этого платежа";
        assert!(text.contains(why), "{text}");
    }
}

#[tokio::test]
async fn what_the_words_of_a_payment_set_aside_is_asked_about_on_its_page() {
    let office = office().await;
    let mut anna = office.enrolled("Анна").await;
    let help = order("5", "300.00", "ООО «Ромашка»", "За услуги по возврату НДС");
    let named = order(
        "6",
        "300.00",
        "ООО «Ромашка»",
        "Оплата по счету № 118 от 01.03.2026 за услуги по возврату НДС",
    );
    book(&mut anna, &statement(&[help, named])).await;
    let told = [
        (1, PaymentState::Aside, 30_000),
        (2, PaymentState::Asked, 30_000),
    ];
    assert_eq!(states(&office.store).await, told);
    let page = anna.get("/money/payments/1").await.text();
    assert!(page.contains("Это оплата покупателя"), "{page}");
    let fields = [("because", "услуги"), ("password", PASSWORD)];
    let answer = order_at(&mut anna, "/money/payments/1/undo", &fields).await;
    assert_eq!(answer.leads_to(), "/money/payments/1?said=reopened");
    let (case, seen) = case_of(&office.store, 1).await;
    let answer = order_at(
        &mut anna,
        "/money/answer",
        &[("case", &case), ("seen", &seen), ("choice", "1")],
    )
    .await;
    assert_eq!(answer.leads_to(), "/money?said=given&payment=1");
    assert_eq!(states(&office.store).await[0], (1, PaymentState::Booked, 0));
}
