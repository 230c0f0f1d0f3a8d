//! The page «Вопросы» over real HTTP: what waits for a person is read there and answered with one click, by the same code
//! that obeys the command line.

use std::time::Duration;

use domain::DealId;
use serde_json::json;
use store::{
    Case, CaseChange, CaseFacts, CaseFilter, CaseState, JournalFilter, Lane, Lease, Look, Record,
    Subject,
};
use testkit::builders::portal;
use testkit::time::at;

use crate::support::money::{HOSTILE, US, invoice, order_at};
use crate::support::office::Office;

const ANSWER: &str = "/questions/answer";
const RETRY: &str = "/questions/retry";

async fn lease(office: &Office) -> Lease {
    let look = Look {
        subject: Subject::deal(DealId(900)),
        lane: Lane::Due,
        due_at: at(0),
        reason: "test".to_owned(),
    };
    office.store.look(&portal(), &[look]).await.unwrap();
    let hour = Duration::from_secs(3_600);
    let lease = office.store.lease_acquire("test", hour, at(0)).await;
    lease.unwrap().unwrap()
}

async fn ask(office: &Office, lease: &Lease, questions: Vec<CaseFacts>) {
    let record = Record {
        cases: questions.into_iter().map(CaseChange::Open).collect(),
        ..Record::default()
    };
    office.store.record(lease, record, at(0)).await.unwrap();
}

fn question(code: &str, deal: u64, text: &str) -> CaseFacts {
    CaseFacts {
        code: code.to_owned(),
        cause: code.to_owned(),
        key: code.to_owned(),
        subject: Subject::deal(DealId(deal)),
        facts: json!({}),
        text: text.to_owned(),
        waits_for: Vec::new(),
    }
}

fn rate_ended(deal: u64, sum: &str) -> CaseFacts {
    let text = format!(
        "В [URL=/crm/deal/details/{deal}/]сделке[/URL] НДС 20%. Выберите:\n\
         • 22% внутри той же суммы: {sum} (inside)\n• отгружено в 2025 году (shipped-2025)"
    );
    CaseFacts {
        facts: json!({"choices": [
            {"word": "inside", "text": format!("22% внутри той же суммы: {sum}")},
            {"word": "shipped-2025", "text": "отгружено в 2025 году"},
        ]}),
        ..question("VAT-RATE-ENDED", deal, &text)
    }
}

async fn open(office: &Office) -> Vec<Case> {
    let all = CaseFilter::default();
    office.store.cases_open(&portal(), &all).await.unwrap()
}

fn click<'a>(number: &'a str, seen: &'a str, choice: &'a str) -> [(&'a str, &'a str); 5] {
    [
        ("code", "VAT-RATE-ENDED"),
        ("before", ""),
        ("case", number),
        ("seen", seen),
        ("choice", choice),
    ]
}

#[tokio::test]
async fn one_click_answers_a_question_and_the_page_says_what_was_decided() {
    let office = Office::open().await;
    let mut anna = office.enrolled("Анна").await;
    let page = anna.get("/questions").await.text();
    assert!(page.contains("Открытых вопросов нет."), "{page}");
    let lease = lease(&office).await;
    ask(&office, &lease, vec![rate_ended(4711, "1220 ₽")]).await;
    let page = anna.get("/questions").await.text();
    let to_deal = "href=\"https://portal.bitrix24.test/crm/deal/details/4711/\"";
    let title = format!("<a {to_deal}>Сделка 4711</a>: ставка НДС больше не действует");
    let text = format!("<p>В <a {to_deal}>сделке</a> НДС 20%. Выберите:</p>");
    for told in [
        title.as_str(),
        text.as_str(),
        "22% внутри той же суммы: 1220 ₽</span>",
        "отгружено в 2025 году</span>",
        "<summary>Что сделать</summary>",
        "<code>shipped-2025</code>",
        "здесь кнопки выше",
    ] {
        assert!(page.contains(told), "{told}: {page}");
    }
    assert!(!page.contains("(inside)"), "told once: {page}");
    assert!(!page.contains(RETRY), "{page}");

    let asked = open(&office).await.remove(0);
    let number = asked.id.to_string();
    let seen = desk::payments::fingerprint(&asked);
    // What was seen is no longer what would be done.
    ask(&office, &lease, vec![rate_ended(4711, "2440 ₽")]).await;
    let again = "/questions?code=VAT-RATE-ENDED&said=again";
    let answer = order_at(&mut anna, ANSWER, &click(&number, &seen, "inside")).await;
    assert_eq!(answer.leads_to(), again);
    let page = anna.get(again).await.text();
    assert!(page.contains("вопрос изменился"), "{page}");
    let asked = open(&office).await.remove(0);
    let seen = desk::payments::fingerprint(&asked);
    let answer = order_at(&mut anna, ANSWER, &click(&number, &seen, "on-top")).await;
    assert_eq!(answer.leads_to(), again);
    let closed = "/questions?code=VAT-RATE-ENDED&said=closed";
    for unknown in ["99", "0", "-1", "x"] {
        let answer = order_at(&mut anna, ANSWER, &click(unknown, &seen, "inside")).await;
        assert_eq!(answer.leads_to(), closed, "{unknown}");
    }
    let without_token = anna.post(ANSWER, &click(&number, &seen, "inside")).await;
    assert_eq!(without_token.status, 403);
    let mut strange = click(&number, &seen, "inside").to_vec();
    strange.push(("more", "1"));
    assert_eq!(order_at(&mut anna, ANSWER, &strange).await.status, 400);
    let still = open(&office).await;
    assert_eq!(still, std::slice::from_ref(&asked), "nothing was answered");

    let answer = order_at(&mut anna, ANSWER, &click(&number, &seen, "inside")).await;
    let done = format!("/questions?code=VAT-RATE-ENDED&done={number}");
    assert_eq!(answer.leads_to(), done, "{}", answer.text());
    let page = anna.get(&done).await.text();
    let told = "(Сделка 4711): записан ответ «22% внутри той же суммы: 2440 ₽», Анна.";
    assert!(page.contains(told), "{page}");
    assert!(page.contains("открытых вопросов больше нет"), "{page}");
    let answered = office.store.case_get(&portal(), asked.id).await;
    let answered = answered.unwrap().unwrap();
    assert_eq!(answered.state, CaseState::Answered);
    assert_eq!(answered.answer, Some(json!({"choice": "inside"})));
    assert_eq!(answered.answered_by.as_deref(), Some("Анна"));
    let due = office
        .store
        .work_take(&lease, Lane::Click, 5, &[], at(0))
        .await;
    let due = due.unwrap();
    assert_eq!(due[0].subject, Subject::deal(DealId(4711)));
    // Lines that people cause become part of the journal with the next commit of the one who works.
    ask(&office, &lease, Vec::new()).await;
    let filter = JournalFilter::default();
    let lines = office.store.journal_read(&portal(), &filter).await.unwrap();
    let person = lines.iter().find(|line| line.entry.kind == "person");
    let body = &person.expect("a line of the journal").entry.body;
    assert_eq!(
        (&body["answered"], &body["by"]),
        (&json!("inside"), &json!("Анна"))
    );

    let answer = order_at(&mut anna, ANSWER, &click(&number, &seen, "shipped-2025")).await;
    assert_eq!(answer.leads_to(), closed, "once");
}

#[tokio::test]
async fn what_was_refused_is_tried_again_by_one_click_and_nothing_else_is() {
    let office = Office::open().await;
    let mut anna = office.enrolled("Анна").await;
    let lease = lease(&office).await;
    let refused = question("ACTION-REFUSED", 1, "Не удалось: перевести сделку.");
    let unknown = question("OUTCOME-UNKNOWN", 2, "Неизвестно, удалось ли.");
    ask(
        &office,
        &lease,
        vec![refused, unknown, rate_ended(3, "5 ₽")],
    )
    .await;
    let page = anna.get("/questions").await.text();
    assert_eq!(
        page.matches("action=\"/questions/retry\"").count(),
        1,
        "{page}"
    );
    let asked = open(&office).await;
    let ids: Vec<String> = asked.iter().map(|case| case.id.to_string()).collect();
    let seen: Vec<String> = asked.iter().map(desk::payments::fingerprint).collect();
    let [refused, unknown, rate] = [0, 1, 2].map(|index: usize| ids[index].clone());
    for (number, seen, place) in [
        (
            unknown.as_str(),
            seen[1].as_str(),
            "/questions?said=unknown",
        ),
        (rate.as_str(), seen[2].as_str(), "/questions?said=nothing"),
        ("99", seen[0].as_str(), "/questions?said=closed"),
        // What was seen is not what would be tried.
        (refused.as_str(), seen[2].as_str(), "/questions?said=again"),
        (refused.as_str(), "", "/questions?said=again"),
    ] {
        let fields = [
            ("code", ""),
            ("before", ""),
            ("case", number),
            ("seen", seen),
        ];
        let answer = order_at(&mut anna, RETRY, &fields).await;
        assert_eq!(answer.leads_to(), place);
        assert_eq!(anna.get(place).await.status, 200);
    }
    assert_eq!(open(&office).await.len(), 3);

    // Another action of the same deal was refused since.
    let mut anew = question("ACTION-REFUSED", 1, "Не удалось: перевести сделку.");
    anew.facts = json!({"effect": "another"});
    ask(&office, &lease, vec![anew]).await;
    let fields = [
        ("code", ""),
        ("before", ""),
        ("case", refused.as_str()),
        ("seen", seen[0].as_str()),
    ];
    let answer = order_at(&mut anna, RETRY, &fields).await;
    assert_eq!(answer.leads_to(), "/questions?said=again");
    assert_eq!(open(&office).await.len(), 3, "nothing was ordered");
    let seen = desk::payments::fingerprint(&open(&office).await[0]);
    let page = anna.get("/questions").await.text();
    assert!(
        page.contains(&format!("name=\"seen\" value=\"{seen}\"")),
        "{page}"
    );
    let fields = [
        ("code", ""),
        ("before", ""),
        ("case", refused.as_str()),
        ("seen", seen.as_str()),
    ];
    let answer = order_at(&mut anna, RETRY, &fields).await;
    let done = format!("/questions?done={refused}");
    assert_eq!(answer.leads_to(), done);
    let page = anna.get(&done).await.text();
    assert!(page.contains("записан ответ «повторить», Анна."), "{page}");
    let due = office
        .store
        .work_take(&lease, Lane::Click, 5, &[], at(0))
        .await;
    assert_eq!(due.unwrap()[0].subject, Subject::deal(DealId(1)));
    let answer = order_at(&mut anna, RETRY, &fields).await;
    assert_eq!(answer.leads_to(), "/questions?said=closed", "once");
}

/// The deals whose questions a page shows, in its order.
fn deals(page: &str) -> Vec<u64> {
    let titles = page.split("<h2 id=\"q").skip(1);
    let named = titles.filter_map(|title| title.split_once("Сделка ")?.1.split_once('<'));
    named.map(|(deal, _)| deal.parse().unwrap()).collect()
}

fn next(page: &str) -> Option<String> {
    let links = page
        .split("href=\"")
        .filter_map(|rest| rest.split('"').next());
    let mut links =
        links.filter(|link| link.starts_with("/questions?") && link.contains("before="));
    links.next().map(|link| link.replace("&#38;", "&"))
}

#[tokio::test]
async fn questions_are_read_from_the_newest_on_fifty_at_a_time_and_by_code() {
    let office = Office::open().await;
    let mut anna = office.enrolled("Анна").await;
    let lease = lease(&office).await;
    let mut questions: Vec<CaseFacts> = (1..=60).map(|deal| rate_ended(deal, "5 ₽")).collect();
    questions.push(question("DEAL-DATA-MISSING", 61, "Не указан КПП."));
    // It is asked on another page, with what is open of the invoices.
    let payment = CaseFacts {
        subject: Subject::payment(1),
        ..question("PAYMENT-UNDECIDED", 0, "Пришло 5 ₽.")
    };
    questions.push(payment);
    let mut flood = question("INVOICE-FLOOD", 0, "Слишком много.");
    flood.subject = Subject::portal("flood");
    let choices = json!([{"word": "issue", "text": "выставить все эти счета"}]);
    flood.facts = json!({
        "deals": (1..=53).collect::<Vec<u64>>(), "watched": true, "choices": choices,
    });
    ask(&office, &lease, questions).await;
    let page = anna.get("/questions").await.text();
    let newest: Vec<u64> = (12..=61).rev().collect();
    assert_eq!(deals(&page), newest);
    assert!(
        page.contains("ставка НДС больше не действует: 60</option>"),
        "{page}"
    );
    assert!(!page.contains("Пришло 5 ₽"), "{page}");
    let place = next(&page).unwrap();
    let page = anna.get(&place).await.text();
    let oldest: Vec<u64> = (1..=11).rev().collect();
    assert_eq!(deals(&page), oldest);
    assert_eq!(next(&page), None, "the last page");
    let page = anna.get("/questions?code=deal-data-missing").await.text();
    assert_eq!(deals(&page), [61]);
    assert!(
        page.contains("value=\"DEAL-DATA-MISSING\" selected"),
        "{page}"
    );
    let page = anna.get("/questions?code=VAT-RATE-ENDED").await.text();
    let place = next(&page).unwrap();
    assert!(
        place.starts_with("/questions?code=VAT-RATE-ENDED&before="),
        "{place}"
    );
    assert_eq!(deals(&anna.get(&place).await.text()).len(), 10);

    ask(&office, &lease, vec![flood]).await;
    let page = anna.get("/questions?code=INVOICE-FLOOD").await.text();
    for told in [
        "deal/details/50/\">50</a> и ещё 3",
        "Никому не сообщено",
        "выставить все эти счета (сделок: 53)</span>",
    ] {
        assert!(page.contains(told), "{told}: {page}");
    }
    assert!(!page.contains("deal/details/51/"), "{page}");
}

#[tokio::test]
async fn what_strangers_wrote_into_a_question_is_shown_and_never_obeyed() {
    let office = Office::open().await;
    let mut anna = office.enrolled("Анна").await;
    let lease = lease(&office).await;
    let text = format!(
        "Покупатель {HOSTILE} [URL=https://evil.test/]сюда[/URL] [URL=//evil.test/\" x=\"]туда[/URL]"
    );
    let facts = json!({"choices": [{"word": HOSTILE, "text": HOSTILE}]});
    let hostile = CaseFacts {
        facts,
        ..question("DEAL-DATA-MISSING", 1, &text)
    };
    ask(&office, &lease, vec![hostile]).await;
    let query: String = form_urlencoded::byte_serialize(HOSTILE.as_bytes()).collect();
    for path in [
        "/questions".to_owned(),
        format!("/questions?code={query}"),
        format!("/questions?before={query}"),
        format!("/questions?said={query}&done={query}"),
    ] {
        let page = anna.get(&path).await;
        assert_eq!(page.status, 200, "{path}");
        let page = page.text();
        assert!(
            page.contains("&#60;img src=x onerror=alert(1)&#62;"),
            "{page}"
        );
        for bad in ["<img", "href=\"https://evil", "href=\"//evil"] {
            assert!(!page.contains(bad), "{path}: {bad}");
        }
        // The word of a choice goes back as it came: a value, and nothing that is read.
        assert_eq!(page.matches('\u{202e}').count(), 1, "{path}");
    }
}

#[tokio::test]
async fn one_click_closes_a_bill_by_its_mark_once() {
    let office = Office::open().await;
    let mut anna = office.enrolled("Анна").await;
    let lease = lease(&office).await;
    let record = Record {
        invoice_links: vec![invoice(1, "117", 100_000)],
        ..Record::default()
    };
    office.store.record(&lease, record, at(0)).await.unwrap();
    let marked = || CaseFacts {
        facts: json!({
            "choices": [{"word": "settle", "text": "закрыть отметкой учёта"}],
            "by_mark": {
                "organisation": US,
                "invoice": "id-117",
                "document": "Отметка в учёте об оплате счёта № 117",
                "dated": "2026-03-12",
            },
        }),
        ..question("INVOICE-MARKED-PAID", 1, "По каким деньгам?")
    };
    ask(&office, &lease, vec![marked()]).await;
    let asked = open(&office).await.remove(0);
    let (number, seen) = (asked.id.to_string(), desk::payments::fingerprint(&asked));
    let answer = order_at(&mut anna, ANSWER, &click(&number, &seen, "settle")).await;
    let done = format!("/questions?code=VAT-RATE-ENDED&done={number}");
    assert_eq!(answer.leads_to(), done, "{}", answer.text());
    let page = anna.get(&done).await.text();
    let told = "(Сделка 1): записан ответ «закрыть отметкой учёта», Анна.";
    assert!(page.contains(told), "{page}");
    let page = anna.get("/money/settlements").await.text();
    for told in [
        "счёт № 117 от 01.03.2026",
        "<span class=\"chip\">отмечен оплаченным в учёте</span>",
        "12.03.2026 · Отметка в учёте об оплате счёта № 117 · Анна",
        "000,00",
    ] {
        assert!(page.contains(told), "{told}: {page}");
    }
    let answer = order_at(&mut anna, ANSWER, &click(&number, &seen, "settle")).await;
    assert_eq!(
        answer.leads_to(),
        "/questions?code=VAT-RATE-ENDED&said=closed"
    );
    // Asked by a look from before it was closed.
    ask(&office, &lease, vec![marked()]).await;
    let asked = open(&office).await.remove(0);
    let (number, seen) = (asked.id.to_string(), desk::payments::fingerprint(&asked));
    let answer = order_at(&mut anna, ANSWER, &click(&number, &seen, "settle")).await;
    let paid = "/questions?code=VAT-RATE-ENDED&said=paid";
    assert_eq!(answer.leads_to(), paid, "{}", answer.text());
    let page = anna.get(paid).await.text();
    assert!(page.contains("уже нечего закрывать"), "{page}");
    assert_eq!(open(&office).await, [asked], "nothing was answered");
}
