//! The section "Money" over real HTTP: statements are shown before they are booked, people decide with one click and take
//! back with their password, and nothing that strangers wrote is obeyed.

use domain::payment::{
    AccountNumber, Direction, LineId, OtherSide, PaymentKind, PaymentOrder, SourceId,
};
use domain::{Money, OrganisationId};
use jiff::civil::date;
use store::{PaymentState, SeenLine, Store};
use testkit::builders::portal;
use testkit::time::at;

use crate::support::money::{ACCOUNT, HOSTILE, US, booking, office, order_at};
use crate::support::office::{Office, PASSWORD};
use crate::support::statement::{book, bring, case_of, order, rested, statement, states};

#[tokio::test]
async fn a_statement_is_shown_first_and_booked_only_when_told() {
    let office = office().await;
    let mut anna = office.enrolled("Анна").await;
    let file = statement(&[
        order(
            "5",
            "1000.00",
            "ООО «Ромашка»",
            "Оплата по счёту № 117 от 01.03.2026, в т.ч. НДС",
        ),
        order("6", "7.00", "ООО «Ромашка»", "Оплата"),
    ]);
    let (place, page) = bring(&mut anna, "kl_to_1c.txt", &file).await;
    assert!(page.contains("Новое в файле: 2 платежа"), "{page}");
    assert!(page.contains("1 007,00"), "{page}");
    assert_eq!(states(&office.store).await, []);
    let known = anna.get("/money/statements").await.text();
    assert!(known.contains("нет выписки за целый день"), "{known}");
    let answer = order_at(&mut anna, &format!("{place}/book"), &[]).await;
    assert_eq!(answer.leads_to(), place);
    let page = rested(&mut anna, &place).await;
    assert!(page.contains("Записано: 2 платежа"), "{page}");
    let booked = [(1, PaymentState::Booked, 0), (2, PaymentState::Asked, 700)];
    assert_eq!(states(&office.store).await, booked);
    let known = anna.get("/money/statements").await.text();
    // It is the 12th: of a day that is not over, more may come.
    assert!(known.contains("известен по 11.03.2026"), "{known}");
    // A second order to book it, and the file once more, add nothing.
    order_at(&mut anna, &format!("{place}/book"), &[]).await;
    let (place, page) = bring(&mut anna, "again.txt", &file).await;
    assert!(page.contains("Нового в файле нет"), "{page}");
    let answer = order_at(&mut anna, &format!("{place}/forget"), &[]).await;
    assert_eq!(answer.leads_to(), "/money/statements?said=forgotten");
    assert_eq!(anna.get(&place).await.status, 404);
    assert_eq!(states(&office.store).await, booked);
}

#[tokio::test]
async fn what_is_no_statement_of_ours_is_refused_in_words_and_what_is_broken_is_named() {
    let office = office().await;
    let mut anna = office.enrolled("Анна").await;
    let (_, page) = bring(&mut anna, "x.txt", b"hello").await;
    assert!(
        page.contains("Это не выписка в формате 1CClientBankExchange"),
        "{page}"
    );
    assert!(!page.contains("/tmp"), "{page}");
    let foreign = String::from_utf8(statement(&[order("5", "1.00", "x", "y")])).unwrap();
    let foreign = foreign.replace(ACCOUNT, "40702810900000099999");
    let (place, page) = bring(&mut anna, "x.txt", foreign.as_bytes()).await;
    assert!(
        page.contains("нет в политике: 40702810900000099999"),
        "{page}"
    );
    order_at(&mut anna, &format!("{place}/book"), &[]).await;
    assert_eq!(states(&office.store).await, []);
    let broken = order("5", "1.00", "x", "y").replace("Сумма=1.00", "Сумма=сто");
    let (_, page) = bring(
        &mut anna,
        "x.txt",
        &statement(&[broken, order("6", "1.00", "x", "y")]),
    )
    .await;
    assert!(page.contains("В файле есть замечания"), "{page}");
    assert!(page.contains("Часть файла не прочитана"), "{page}");
    assert!(page.contains("Новое в файле: 1 платёж"), "{page}");
}

#[tokio::test]
async fn a_file_is_brought_by_who_is_signed_in_whole_and_not_too_large() {
    let office = office().await;
    let file = statement(&[]);
    let mut stranger = office.browser();
    assert_eq!(
        stranger.bring("x", "x.txt", &file).await.leads_to(),
        "/sign-in"
    );
    let mut anna = office.enrolled("Анна").await;
    assert_eq!(anna.bring("x", "x.txt", &file).await.status, 403);
    let token = anna.token("/account").await;
    assert_eq!(anna.bring(&token, "x.txt", b"").await.status, 400);
    let headers = [
        ("sec-fetch-site", "same-origin"),
        ("content-type", "multipart/form-data; boundary=limit"),
    ];
    for body in [
        &b""[..],
        b"--limit--\r\n",
        b"garbage",
        b"--limit\r\ncontent-disposition: form-data; name=\"file\"\r\n\r\nx\r\n--limit--\r\n",
    ] {
        let answer = anna.send("POST", "/money/statements", &headers, body).await;
        assert!(
            matches!(answer.status, 400 | 403),
            "{}: {}",
            answer.status,
            answer.text()
        );
    }
    let plain = [
        ("sec-fetch-site", "same-origin"),
        ("content-type", "text/plain"),
    ];
    assert_eq!(
        anna.send("POST", "/money/statements", &plain, b"x")
            .await
            .status,
        400
    );
    assert_eq!(
        anna.too_large("/money/statements", 300 << 20).await.status,
        413
    );
    // What one brought is nobody else's.
    let (place, _) = bring(&mut anna, "x.txt", &file).await;
    let mut ivan = office.enrolled("Иван").await;
    assert_eq!(ivan.get(&place).await.status, 404);
    assert_eq!(
        order_at(&mut ivan, &format!("{place}/book"), &[])
            .await
            .status,
        404
    );
    order_at(&mut ivan, &format!("{place}/forget"), &[]).await;
    assert_eq!(anna.get(&place).await.status, 200);
}

#[tokio::test]
async fn where_nothing_is_asked_the_page_says_whether_all_that_came_is_given() {
    let office = office().await;
    let mut anna = office.enrolled("Анна").await;
    let page = anna.get("/money").await.text();
    assert!(page.contains("всё, что пришло, разнесено"), "{page}");
    // Recorded, and nobody looked at it yet.
    let own_account = AccountNumber::new(ACCOUNT).unwrap();
    let shown = SeenLine {
        line: LineId("1".to_owned()),
        order: PaymentOrder {
            own_account,
            direction: Direction::In,
            form: None,
            number: "5".to_owned(),
            date: date(2026, 3, 11),
            booked: None,
            amount: Money::from_kopecks(700),
            other: OtherSide::default(),
            purpose: "Оплата".to_owned(),
        },
        organisation: OrganisationId::new(US),
        kind: PaymentKind::Incoming,
    };
    let source = SourceId("march".to_owned());
    let (store, portal) = (&office.store, portal());
    let seen = store.money_see(&portal, &source, &[shown], at(1)).await;
    assert_eq!(seen.unwrap().new, [1]);
    let page = anna.get("/money").await.text();
    let told = "Ещё не разнесено: 1 платёж, ждут бухгалтера или рассмотрения";
    assert!(page.contains(told), "{page}");
}

#[tokio::test]
async fn one_click_gives_a_payment_to_the_invoice_and_others_see_what_is_left() {
    let office = office().await;
    let mut anna = office.enrolled("Анна").await;
    let unnamed = |number| order(number, "300.00", "ООО «Ромашка»", "Оплата за товар");
    book(
        &mut anna,
        &statement(&[unnamed("5"), unnamed("6"), unnamed("7")]),
    )
    .await;
    let page = anna.get("/money").await.text();
    assert!(page.contains("Ждут решения"), "{page}");
    assert_eq!(page.matches("class=\"card question\"").count(), 3);
    assert!(page.contains("счёт № 118 от 01.03.2026"), "{page}");
    assert!(page.contains("закроет счёт"), "{page}");
    assert!(!page.contains("уже не помещается"), "{page}");
    // The first choice is the invoice of just this sum.
    let (case, seen) = case_of(&office.store, 1).await;
    // Whoever saw another question did not mean this one.
    let former = "0".repeat(64);
    let answer = order_at(
        &mut anna,
        "/money/answer",
        &[("case", &case), ("seen", &former), ("choice", "1")],
    )
    .await;
    assert_eq!(answer.leads_to(), "/money?said=again");
    assert_eq!(states(&office.store).await[0].1, PaymentState::Asked);
    let answer = order_at(
        &mut anna,
        "/money/answer",
        &[("case", &case), ("seen", &seen), ("choice", "1")],
    )
    .await;
    let place = "/money?said=given&payment=1";
    assert_eq!(answer.leads_to(), place);
    assert_eq!(states(&office.store).await[0], (1, PaymentState::Booked, 0));
    let page = anna.get(place).await.text();
    assert!(page.contains("Записано: платёж отнесён"), "{page}");
    let way_back = "<a href=\"/money/payments/1\">Платёж № 1</a>: там же решение можно снять";
    assert!(page.contains(way_back), "{page}");
    assert!(
        page.contains("уже не помещается"),
        "what is open is told as it is now: {page}"
    );
    // Whoever chooses it all the same is asked anew, and nothing is given twice.
    let (case, seen) = case_of(&office.store, 2).await;
    let answer = order_at(
        &mut anna,
        "/money/answer",
        &[("case", &case), ("seen", &seen), ("choice", "1")],
    )
    .await;
    assert_eq!(answer.leads_to(), "/money?said=again");
    assert_eq!(
        states(&office.store).await[1],
        (2, PaymentState::Asked, 30_000)
    );
    // A question that was answered, and a choice that is none.
    let answer = order_at(
        &mut anna,
        "/money/answer",
        &[("case", &case), ("seen", &seen), ("choice", "1")],
    )
    .await;
    assert_eq!(answer.leads_to(), "/money?said=closed");
    let (case, seen) = case_of(&office.store, 3).await;
    for choice in ["99", "", "x"] {
        let answer = order_at(
            &mut anna,
            "/money/answer",
            &[("case", &case), ("seen", &seen), ("choice", choice)],
        )
        .await;
        assert_eq!(answer.leads_to(), "/money?said=closed", "{choice}");
    }
    let answer = order_at(
        &mut anna,
        "/money/answer",
        &[("case", &case), ("seen", &seen), ("choice", "leave")],
    )
    .await;
    assert_eq!(answer.leads_to(), "/money?said=left&payment=3");
    assert_eq!(
        states(&office.store).await[2],
        (3, PaymentState::Left, 30_000)
    );
}

#[tokio::test]
async fn what_was_decided_is_taken_back_with_a_reason_and_the_password_again() {
    let office = office().await;
    let mut anna = office.enrolled("Анна").await;
    let named = order(
        "5",
        "1000.00",
        "ООО «Ромашка»",
        "Оплата по счёту № 117 от 01.03.2026",
    );
    book(&mut anna, &statement(&[named])).await;
    assert_eq!(states(&office.store).await, [(1, PaymentState::Booked, 0)]);
    let undo = "/money/payments/1/undo";
    for (fields, status) in [
        (&[("because", ""), ("password", PASSWORD)][..], 422),
        (&[("because", "письмо"), ("password", "не тот пароль")], 403),
        (&[("because", "письмо")], 403),
    ] {
        assert_eq!(
            order_at(&mut anna, undo, fields).await.status,
            status,
            "{fields:?}"
        );
    }
    assert_eq!(states(&office.store).await, [(1, PaymentState::Booked, 0)]);
    let fields = [("because", "письмо № 4 <b>"), ("password", PASSWORD)];
    let answer = order_at(&mut anna, undo, &fields).await;
    assert_eq!(answer.leads_to(), "/money/payments/1?said=undone");
    assert_eq!(
        states(&office.store).await,
        [(1, PaymentState::Asked, 100_000)]
    );
    let page = anna.get(answer.leads_to()).await.text();
    for told in [
        "снят со счетов",
        "исправлено",
        "письмо № 4 &#60;b&#62;",
        "· Анна ·",
        "−1 000,00",
    ] {
        assert!(page.contains(told), "{told}: {page}");
    }
    let answer = order_at(&mut anna, undo, &[("because", "x"), ("password", PASSWORD)]).await;
    assert_eq!(answer.leads_to(), "/money/payments/1?said=nothing");
    for path in [
        "/money/payments/2",
        "/money/payments/0",
        "/money/payments/-1",
    ] {
        assert_eq!(anna.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn payments_are_found_page_by_page() {
    let office = office().await;
    let mut anna = office.enrolled("Анна").await;
    let orders: Vec<String> = (1..=120)
        .map(|number| order(&number.to_string(), "1.00", "ООО «Ромашка»", "Оплата"))
        .collect();
    book(&mut anna, &statement(&orders)).await;
    let rows = |page: &str| page.matches("class=\"whole\"").count();
    let mut place = "/money/payments?state=asked&inn=7728168971".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = anna.get(&place).await.text();
        seen.push(rows(&page));
        let next = page
            .split("href=\"")
            .find(|link| link.starts_with("/money/payments?") && link.contains("after="));
        let Some(next) = next else { break };
        place = next
            .split('"')
            .next()
            .unwrap()
            .replace("&#38;", "&")
            .replace("&amp;", "&");
        assert!(
            place.contains("state=asked") && place.contains("inn=7728168971"),
            "{place}"
        );
    }
    assert_eq!(seen, [50, 50, 20]);
    let last = anna.get(&place).await.text();
    let last = last.replace("&#38;", "&").replace("&amp;", "&");
    let first = "href=\"/money/payments?state=asked&inn=7728168971\">К началу</a>";
    assert!(last.contains(first), "{last}");
    for (query, expected) in [
        ("?number=17", 1),
        ("?state=booked", 0),
        ("?from=2026-03-13", 0),
        ("?to=2026-03-12&number=18", 1),
        ("?account=40702810900000099999", 0),
        ("?inn=7707083893", 0),
    ] {
        let page = anna.get(&format!("/money/payments{query}")).await.text();
        assert_eq!(rows(&page), expected, "{query}");
    }
    for query in ["?state=x", "?inn=1", "?from=x", "?to=31.12.2026"] {
        let page = anna.get(&format!("/money/payments{query}")).await.text();
        assert!(
            page.contains("role=\"alert\"") && rows(&page) == 50,
            "{query}: {page}"
        );
    }
}

#[tokio::test]
async fn what_strangers_wrote_is_shown_and_never_obeyed() {
    let office = office().await;
    let mut anna = office.enrolled("Анна").await;
    let hostile = order(HOSTILE, "300.00", HOSTILE, HOSTILE);
    let (place, page) = bring(
        &mut anna,
        HOSTILE,
        &statement(std::slice::from_ref(&hostile)),
    )
    .await;
    let mut pages = vec![page];
    order_at(&mut anna, &format!("{place}/book"), &[]).await;
    pages.push(rested(&mut anna, &place).await);
    for path in [
        "/money",
        "/money/payments",
        "/money/payments/1",
        "/money/statements",
    ] {
        pages.push(anna.get(path).await.text());
    }
    let query: String = form_urlencoded::byte_serialize(HOSTILE.as_bytes()).collect();
    for name in ["state", "from", "inn", "number", "account", "after", "said"] {
        pages.push(
            anna.get(&format!("/money/payments?{name}={query}"))
                .await
                .text(),
        );
    }
    for page in &pages {
        assert!(
            !page.contains("<img") && !page.contains('\u{202e}'),
            "{page}"
        );
    }
    let shown = pages
        .iter()
        .filter(|page| page.contains("&#60;img src=x onerror=alert(1)&#62;"));
    assert!(shown.count() >= 5);
}

#[tokio::test]
async fn looking_changes_nothing_and_needs_a_sign_in() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open_inline_file(&folder.path().join("provodka.db")).unwrap();
    let office = booking(Office::on(store, |_| {}).await).await;
    let mut anna = office.enrolled("Анна").await;
    let unnamed = order("5", "300.00", "ООО «Ромашка»", "Оплата за товар");
    book(&mut anna, &statement(&[unnamed])).await;
    let bytes = || {
        let mut files: Vec<_> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|file| file.unwrap().path())
            .collect();
        files.sort();
        files
            .into_iter()
            .map(|file| std::fs::read(file).unwrap())
            .collect::<Vec<_>>()
    };
    let before = bytes();
    let paths = [
        "/",
        "/money",
        "/money?said=given",
        "/money/payments",
        "/money/payments/1",
        "/money/settlements",
        "/money/settlements/1/undo",
        "/money/reconciliation",
        "/money/reconciliation.xlsx",
        "/money/statements",
        "/money/statements/1",
        "/money/statements/99",
        "/money/answer",
        "/money/payments/1/undo",
        "/money/payments/1/give",
        "/money/statements/1/book",
        "/money/statements/1/forget",
        "/questions",
        "/questions?code=VAT-RATE-ENDED&done=1",
        "/questions/answer",
        "/questions/retry",
        "/account",
        "/account/password",
        "/account/session",
        "/sign-out",
        "/sign-in",
        "/start",
    ];
    for path in paths {
        let answer = anna.get(path).await;
        assert!(answer.status < 500, "{path}: {}", answer.status);
    }
    assert!(bytes() == before, "a look changed our records");
    let mut stranger = office.browser();
    for path in paths.into_iter().filter(|path| {
        let behind = ["/money", "/questions", "/account"];
        behind.iter().any(|section| path.starts_with(section))
    }) {
        let answer = stranger.get(path).await;
        assert!(
            answer.leads_to() == "/sign-in" || answer.status == 405,
            "{path}: {answer:?}"
        );
        let answer = stranger.post(path, &[("form_token", "x")]).await;
        assert!(
            answer.leads_to() == "/sign-in" || answer.status == 405,
            "{path}: {answer:?}"
        );
    }
}

#[tokio::test]
async fn a_month_is_shown_on_three_sides_and_given_as_a_workbook() {
    let office = office().await;
    let mut anna = office.enrolled("Анна").await;
    let file = statement(&[
        order(
            "5",
            "1000.00",
            HOSTILE,
            "Оплата по счёту № 117 от 01.03.2026",
        ),
        order("6", "7.00", "ООО «Ромашка»", "Оплата"),
    ]);
    book(&mut anna, &file).await;
    let page = anna.get("/money/reconciliation?month=2026-03").await;
    let page = page.text();
    assert!(page.contains("Сверка: март 2026"), "{page}");
    assert!(page.contains("Как всё стоит на "), "{page}");
    assert!(
        page.contains("Пришло от покупателей</th><td>1 007,00</td><td>—</td><td>1 007,00</td>"),
        "{page}"
    );
    // No deal of this office was looked at: none shows what it was given.
    assert!(
        page.contains("не показан в сделке") && page.contains("Ещё не отнесено"),
        "{page}"
    );
    assert!(page.contains("01.03.2026 – 10.03.2026"), "{page}");
    assert!(
        page.contains("/money/payments/1") && !page.contains("<img"),
        "{page}"
    );
    let workbook = anna.get("/money/reconciliation.xlsx?month=2026-03").await;
    assert_eq!(workbook.status, 200);
    assert!(workbook.bytes.starts_with(b"PK"));
    let name = workbook.header("content-disposition").unwrap();
    assert_eq!(name, "attachment; filename=\"reconciliation-2026-03.xlsx\"");
    let empty = anna.get("/money/reconciliation?month=2025-03").await.text();
    assert!(
        empty.contains("Сверка: март 2025") && empty.contains("за эти дни банк не сверен"),
        "{empty}"
    );
    let strange = anna.get("/money/reconciliation?month=%3Cb%3E").await.text();
    assert!(
        strange.contains("Такого месяца нет") && !strange.contains("<b>"),
        "{strange}"
    );
}
