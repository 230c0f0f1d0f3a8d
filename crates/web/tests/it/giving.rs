//! A payment, and what is left of it, goes to the invoice that a person names on its page.

use domain::payment::{LineId, PaymentKind, PaymentOrder};
use domain::{Money, OrganisationId};
use jiff::civil::date;
use store::{
    FollowedPage, FollowedPayment, FollowedReasons, PaymentFilter, PaymentState, SeenLine,
};
use testkit::builders::portal;
use testkit::time::at;

use crate::support::money::{HOSTILE, US, office, order_at};
use crate::support::office::{Office, PASSWORD};
use crate::support::statement::{book, case_of, order, statement, states};

const GIVE: &str = "/money/payments/1/give";
const FORM: &str = "action=\"/money/payments/1/give\"";

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

fn form<'a>(invoice: &'a str, amount: &'a str, seen: &'a str) -> [(&'a str, &'a str); 4] {
    [
        ("invoice", invoice),
        ("amount", amount),
        ("seen", seen),
        ("password", PASSWORD),
    ]
}

#[tokio::test]
async fn a_payment_goes_to_the_invoice_that_is_named_and_its_rest_to_another() {
    let office = office().await;
    let mut anna = office.enrolled("Анна").await;
    let paid = order("5", "500.00", "ООО «Ромашка»", "Доплата");
    book(&mut anna, &statement(&[paid])).await;
    let asked = [(1, PaymentState::Asked, 50_000)];
    assert_eq!(states(&office.store).await, asked);
    let questions = anna.get("/money").await.text();
    let link = "href=\"/money/payments/1#give\"";
    assert!(questions.contains(link), "{questions}");
    let page = anna.get("/money/payments/1").await.text();
    let page = page.replace('\u{a0}', " ");
    assert!(
        page.contains(FORM) && page.contains("id=\"give\""),
        "{page}"
    );
    assert!(page.contains("Ни к чему не отнесено 500,00 ₽"), "{page}");
    let first = last(&office).await;
    let first_seen = first.as_str();
    for (invoice, amount, seen, status, why) in [
        ("117", "сто", first_seen, 422, "Сумма не читается"),
        ("117", "0", first_seen, 422, "больше нуля"),
        (
            "117",
            "500,01",
            first_seen,
            422,
            "От платежа осталось 500,00 ₽",
        ),
        (
            "118",
            "300,01",
            first_seen,
            422,
            "По счёту № 118 осталось 300,00 ₽",
        ),
        (HOSTILE, "", first_seen, 422, "Такого счёта нет"),
        // A form that says nothing of what was seen, too.
        ("117", "", "", 422, "Пока вы писали"),
    ] {
        let answer = order_at(&mut anna, GIVE, &form(invoice, amount, seen)).await;
        let text = answer.text().replace('\u{a0}', " ");
        assert_eq!(answer.status, status, "{text}");
        assert!(text.contains(why), "{why}: {text}");
        assert!(!text.contains("<img"), "{text}");
    }
    let mut wrong = form("117", "", first_seen);
    wrong[3].1 = "wrong";
    let answer = order_at(&mut anna, GIVE, &wrong).await;
    assert_eq!(answer.status, 403, "{}", answer.text());
    assert_eq!(open(&office).await, [100_000, 30_000]);

    let part = form("117", "200", first_seen);
    let answer = order_at(&mut anna, GIVE, &part).await;
    let place = "/money/payments/1?said=given";
    assert_eq!(answer.leads_to(), place, "{}", answer.text());
    assert_eq!(open(&office).await, [80_000, 30_000]);
    let page = anna.get(place).await.text().replace('\u{a0}', " ");
    assert!(page.contains("Ни к чему не отнесено 300,00 ₽"), "{page}");
    assert!(page.contains("выбор: Анна"), "{page}");
    // Pressed once more.
    let again = order_at(&mut anna, GIVE, &part).await;
    assert!(again.text().contains("Пока вы писали"), "{}", again.text());
    let seen = last(&office).await;
    let answer = order_at(&mut anna, GIVE, &form("№ 118", "", &seen)).await;
    assert_eq!(answer.leads_to(), place, "{}", answer.text());
    assert_eq!(open(&office).await, [80_000, 0]);
    let page = anna.get(place).await.text();
    assert!(!page.contains(FORM), "nothing is left: {page}");

    let undo = [("because", "ошибка"), ("password", PASSWORD)];
    let answer = order_at(&mut anna, "/money/payments/1/undo", &undo).await;
    assert_eq!(answer.leads_to(), "/money/payments/1?said=undone");
    assert_eq!(open(&office).await, [100_000, 30_000]);
    assert_eq!(states(&office.store).await, asked);
}

/// The accountant entered the first payment in two parts, and gave neither.
async fn told_in_parts(office: &Office, [first, second]: [i64; 2]) {
    let filter = PaymentFilter::default();
    let whole = office.store.money_list(&portal(), &filter).await.unwrap();
    let part = |line: &str, kopecks| FollowedPayment {
        line: SeenLine {
            line: LineId(line.to_owned()),
            order: PaymentOrder {
                amount: Money::from_kopecks(kopecks),
                ..whole[0].order.clone()
            },
            organisation: OrganisationId::new(US),
            kind: PaymentKind::Incoming,
        },
        deleted: false,
        given: Vec::new(),
    };
    let page = FollowedPage {
        organisation: OrganisationId::new(US),
        payments: vec![part("x", first), part("y", second)],
        cursor: ("payments".to_owned(), "c".to_owned()),
        is_taken_over: false,
        because: FollowedReasons::default(),
        today: date(2026, 4, 1),
        cases: Vec::new(),
        journal: Vec::new(),
    };
    let lease = office.store.lease_of(&portal(), at(1)).await;
    let lease = lease.unwrap().unwrap();
    let followed = office.store.money_follow(&lease, page, at(1)).await;
    assert_eq!(followed.unwrap().new, [2, 3]);
}

#[tokio::test]
async fn the_whole_order_that_made_room_for_a_part_is_named_with_the_way_to_it() {
    let office = office().await;
    let mut anna = office.enrolled("Анна").await;
    let purpose = "Оплата по счёту № 117 от 01.03.2026";
    let paid = order("5", "1000.00", "ООО «Ромашка»", purpose);
    book(&mut anna, &statement(&[paid])).await;
    assert_eq!(states(&office.store).await, [(1, PaymentState::Booked, 0)]);
    told_in_parts(&office, [60_000, 40_000]).await;
    let seen = office.store.money_last(&portal(), &[2]).await.unwrap()[&2].to_string();
    let answer = order_at(&mut anna, "/money/payments/2/give", &form("117", "", &seen)).await;
    let place = "/money/payments/2?said=given&whole=1";
    assert_eq!(answer.leads_to(), place, "{}", answer.text());
    let link = "<a href=\"/money/payments/1\">платёж № 1</a> снят со счетов";
    let page = anna.get(place).await.text();
    assert!(page.contains(link), "{page}");
    let wanted = [
        (1, PaymentState::Asked, 100_000),
        (2, PaymentState::Booked, 0),
        (3, PaymentState::New, 40_000),
    ];
    assert_eq!(states(&office.store).await, wanted);
    // Nothing is named that is no number.
    for whole in ["0", "-1", "x", "%3Cimg"] {
        let path = format!("/money/payments/2?said=given&whole={whole}");
        let page = anna.get(&path).await.text();
        assert!(!page.contains("показывает эти деньги целиком"), "{page}");
        assert!(!page.contains("<img"), "{page}");
    }
}

#[tokio::test]
async fn it_is_named_as_well_where_a_click_gives_the_part() {
    let office = office().await;
    let mut anna = office.enrolled("Анна").await;
    let purpose = "Оплата по счёту № 117 от 01.03.2026";
    let paid = order("5", "1000.00", "ООО «Ромашка»", purpose);
    book(&mut anna, &statement(&[paid])).await;
    told_in_parts(&office, [70_000, 30_000]).await;
    // With the next statement all that is new is looked at.
    let next = order("6", "1.00", "ООО «Ромашка»", "Доплата");
    book(&mut anna, &statement(&[next])).await;
    let (case, seen) = case_of(&office.store, 3).await;
    let click = [
        ("case", case.as_str()),
        ("seen", seen.as_str()),
        ("choice", "1"),
    ];
    let answer = order_at(&mut anna, "/money/answer", &click).await;
    let place = "/money?said=given&payment=3&whole=1";
    assert_eq!(answer.leads_to(), place, "{}", answer.text());
    let page = anna.get(place).await.text();
    let link = "<a href=\"/money/payments/1\">платёж № 1</a> снят со счетов";
    assert!(page.contains(link), "{page}");
    assert_eq!(open(&office).await, [100_000, 0]);
    // Nobody gives the whole one beside it, though there is room for all of it.
    let (whole, _) = case_of(&office.store, 1).await;
    let whole = format!("name=\"case\" value=\"{whole}\"");
    let of_whole = page.split("<li").filter(|one| one.contains(&whole));
    let of_whole: Vec<&str> = of_whole.collect();
    assert!(!of_whole.is_empty(), "{page}");
    for candidate in of_whole {
        assert!(candidate.contains("<button disabled"), "{candidate}");
    }
    let states = states(&office.store).await;
    assert_eq!(states[0], (1, PaymentState::Asked, 100_000));
    assert_eq!(states[2], (3, PaymentState::Booked, 0));
}

#[tokio::test]
async fn a_credit_of_many_sales_has_no_such_form_and_nobody_gives_what_is_not_there() {
    let office = office().await;
    let mut anna = office.enrolled("Анна").await;
    let credit = order(
        "5",
        "485.00",
        "Банк",
        "Зачисление по эквайрингу, реестр № 4",
    );
    book(&mut anna, &statement(&[credit])).await;
    let questions = anna.get("/money").await.text();
    assert!(!questions.contains("#give"), "{questions}");
    let page = anna.get("/money/payments/1").await.text();
    assert!(!page.contains(FORM), "{page}");
    let seen = last(&office).await;
    let answer = order_at(&mut anna, GIVE, &form("117", "", &seen)).await;
    assert_eq!(answer.status, 422);
    assert!(
        answer.text().contains("за многие продажи"),
        "{}",
        answer.text()
    );
    for path in ["/money/payments/2/give", "/money/payments/0/give"] {
        let answer = order_at(&mut anna, path, &form("117", "", &seen)).await;
        assert_eq!(answer.status, 404, "{path}");
    }
    let mut stranger = office.browser();
    let answer = stranger.post(GIVE, &form("117", "", &seen)).await;
    assert!(matches!(answer.status, 303 | 403), "{}", answer.status);
    assert_eq!(open(&office).await, [100_000, 30_000]);
}
