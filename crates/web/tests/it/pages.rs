//! The pages behind their sign-in, over real HTTP: who gets in, for how long, and what cannot be ordered from elsewhere.

use std::sync::Arc;

use web::GuardConfig;

use crate::support::browser::{Answer, Browser};
use crate::support::office::{Office, PASSWORD, enrol, sign_in};

async fn is_in(browser: &mut Browser) -> bool {
    let answer = browser.get("/account").await;
    assert!(
        answer.status == 200 || answer.leads_to() == "/sign-in",
        "{answer:?}"
    );
    answer.status == 200
}

#[tokio::test]
async fn the_first_who_has_the_code_sets_a_password_and_nobody_after_with_the_same() {
    let office = Office::open().await;
    let mut anna = office.browser();
    assert_eq!(anna.get("/account").await.leads_to(), "/sign-in");
    assert_eq!(
        anna.get("/sign-in").await.leads_to(),
        "/start",
        "nobody has a password yet"
    );
    let code = office.code().await;
    assert_eq!(
        enrol(&mut anna, "0000-0000-0000-0000", "Анна", PASSWORD)
            .await
            .status,
        403
    );
    assert_eq!(enrol(&mut anna, &code, "Анна", "коротко").await.status, 422);
    assert_eq!(enrol(&mut anna, &code, " ", PASSWORD).await.status, 422);
    assert!(!is_in(&mut anna).await);
    // What was wrong of the form took nothing of the code.
    assert_eq!(
        enrol(&mut anna, &code.to_lowercase(), "Анна", PASSWORD)
            .await
            .status,
        303
    );
    assert!(is_in(&mut anna).await);
    let mut other = office.browser();
    assert_eq!(
        enrol(&mut other, &code, "Анна", "совсем другой пароль")
            .await
            .status,
        403
    );
    assert_eq!(
        sign_in(&mut other, "Анна", "совсем другой пароль")
            .await
            .status,
        403
    );
    assert_eq!(sign_in(&mut other, "Анна", PASSWORD).await.status, 303);
}

#[tokio::test]
async fn a_code_is_good_for_a_quarter_of_an_hour() {
    let office = Office::open().await;
    let code = office.code().await;
    office.clock.pass(15 * 60);
    assert_eq!(
        enrol(&mut office.browser(), &code, "Анна", PASSWORD)
            .await
            .status,
        403
    );
    let code = office.code().await;
    office.clock.pass(15 * 60 - 1);
    assert_eq!(
        enrol(&mut office.browser(), &code, "Анна", PASSWORD)
            .await
            .status,
        303
    );
}

#[tokio::test]
async fn whether_an_account_exists_is_told_by_nothing() {
    let office = Office::open().await;
    office.enrolled("Анна").await;
    let mut stranger = office.browser();
    let known = sign_in(&mut stranger, "Анна", "не тот пароль").await;
    let unknown = sign_in(&mut stranger, "Иван", "не тот пароль").await;
    assert_eq!((known.status, unknown.status), (403, 403));
    assert_eq!(known.text(), unknown.text().replace("Иван", "Анна"));
    let rest = |answer: &Answer| {
        (
            answer.status,
            answer.text().contains("Слишком много попыток"),
        )
    };
    let mut answers = Vec::new();
    for name in ["Анна", "Иван"] {
        let mut stranger = office.browser();
        stranger.more.push(("x-nothing".to_owned(), "1".to_owned()));
        for _ in 0..6 {
            answers.push(rest(&sign_in(&mut stranger, name, "не тот пароль").await));
        }
        office.clock.pass(24 * 3_600);
    }
    let (of_known, of_unknown) = answers.split_at(6);
    assert_eq!(of_known.last(), Some(&(429, true)));
    assert_eq!(of_unknown.last(), Some(&(429, true)));
}

#[tokio::test]
async fn a_session_ends_by_idling_by_age_by_signing_out_and_by_another_password() {
    let office = Office::open().await;
    let mut anna = office.enrolled("Анна").await;
    office.clock.pass(29 * 60);
    assert!(is_in(&mut anna).await);
    office.clock.pass(30 * 60);
    assert!(!is_in(&mut anna).await, "half an hour without use");

    let former = anna.cookies.clone();
    assert_eq!(sign_in(&mut anna, "Анна", PASSWORD).await.status, 303);
    assert_ne!(former, anna.cookies, "a session is new on each sign-in");
    for _ in 0..47 {
        office.clock.pass(15 * 60);
        assert!(is_in(&mut anna).await);
    }
    office.clock.pass(15 * 60);
    assert!(!is_in(&mut anna).await, "twelve hours, used or not");

    sign_in(&mut anna, "Анна", PASSWORD).await;
    let (token, former) = (anna.token("/account").await, anna.cookies.clone());
    assert_eq!(
        anna.post("/sign-out", &[("form_token", &token)])
            .await
            .status,
        303
    );
    assert!(anna.cookies.is_empty());
    anna.cookies = former;
    assert!(!is_in(&mut anna).await, "who kept the cookie is out too");

    let mut at_home = office.browser();
    sign_in(&mut at_home, "Анна", PASSWORD).await;
    sign_in(&mut anna, "Анна", PASSWORD).await;
    let token = anna.token("/account").await;
    let change = |password: &'static str| {
        [
            ("form_token", token.clone()),
            ("password", password.to_owned()),
            ("new", "новый пароль".to_owned()),
            ("again", "новый пароль".to_owned()),
        ]
    };
    let wrong = change("не тот пароль");
    let wrong: Vec<(&str, &str)> = wrong
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    assert_eq!(anna.post("/account/password", &wrong).await.status, 422);
    assert!(is_in(&mut at_home).await);
    let right = change(PASSWORD);
    let right: Vec<(&str, &str)> = right
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    assert_eq!(anna.post("/account/password", &right).await.status, 303);
    assert!(is_in(&mut anna).await);
    assert!(!is_in(&mut at_home).await, "all others are closed");
    assert_eq!(sign_in(&mut at_home, "Анна", PASSWORD).await.status, 403);
    assert_eq!(
        sign_in(&mut at_home, "Анна", "новый пароль").await.status,
        303
    );
}

#[tokio::test]
async fn a_person_closes_her_other_windows_and_nobody_elses() {
    let office = Office::open().await;
    let mut anna = office.enrolled("Анна").await;
    let mut ivan = office.enrolled("Иван").await;
    let mut at_home = office.browser();
    sign_in(&mut at_home, "Анна", PASSWORD).await;
    let page = anna.get("/account").await.text();
    let (_, after) = page.split_once("name=\"session\" value=\"").unwrap();
    let session = after.split('"').next().unwrap().to_owned();
    let token = ivan.token("/account").await;
    ivan.post(
        "/account/session",
        &[("form_token", &token), ("session", &session)],
    )
    .await;
    assert!(is_in(&mut at_home).await);
    let token = anna.token("/account").await;
    anna.post(
        "/account/session",
        &[("form_token", &token), ("session", &session)],
    )
    .await;
    assert!(!is_in(&mut at_home).await);
    assert!(is_in(&mut anna).await);
    assert!(is_in(&mut ivan).await);
}

#[tokio::test]
async fn nothing_is_ordered_from_elsewhere() {
    let office = Office::open().await;
    let mut anna = office.enrolled("Анна").await;
    let token = anna.token("/account").await;
    let own = format!("http://{}", office.running.addr());
    let good = [("form_token", token.as_str()), ("session", "x")];
    for (headers, fields, expected) in [
        (&[][..], &good[..], 403),
        (&[("sec-fetch-site", "cross-site")], &good, 403),
        (&[("sec-fetch-site", "same-site")], &good, 403),
        (&[("origin", "http://evil.example")], &good, 403),
        (&[("origin", "null")], &good, 403),
        (
            &[("sec-fetch-site", "same-origin")],
            &[("session", "x")],
            403,
        ),
        (
            &[("sec-fetch-site", "same-origin")],
            &[("form_token", "x"), ("session", "x")],
            403,
        ),
        (
            &[("sec-fetch-site", "same-origin")],
            &[
                ("form_token", token.as_str()),
                ("session", "x"),
                ("role", "x"),
            ],
            400,
        ),
        (
            &[("sec-fetch-site", "same-origin")],
            &[
                ("form_token", token.as_str()),
                ("session", "x"),
                ("session", "y"),
            ],
            400,
        ),
        (&[("sec-fetch-site", "same-origin")], &good, 303),
        (&[("origin", own.as_str())], &good, 303),
    ] {
        let answer = anna.post_from("/account/session", fields, headers).await;
        assert_eq!(answer.status, expected, "{headers:?} {fields:?}");
    }
    // Another's token is no token of hers.
    let mut ivan = office.enrolled("Иван").await;
    let token = ivan.token("/account").await;
    let answer = anna
        .post(
            "/account/session",
            &[("form_token", &token), ("session", "x")],
        )
        .await;
    assert_eq!(answer.status, 403);
}

#[tokio::test]
async fn a_foreign_name_for_this_machine_opens_nothing() {
    let office = Office::open().await;
    let mut anna = office.enrolled("Анна").await;
    for (host, status) in [
        ("evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("localhost:8081", 200),
        ("127.0.0.1", 200),
    ] {
        host.clone_into(&mut anna.host);
        assert_eq!(anna.get("/account").await.status, status, "{host}");
    }
}

#[tokio::test]
async fn over_tls_the_cookie_is_bound_to_the_host_and_on_this_machine_it_is_not_sent_elsewhere() {
    let office = Office::with(|pages| {
        pages.public_origin = Some("https://pages.example".to_owned());
        pages.guard = Arc::new(GuardConfig {
            trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()],
            ..GuardConfig::default()
        });
    })
    .await;
    let set = |answer: &Answer| answer.header("set-cookie").unwrap_or("").to_owned();
    let mut here = office.browser();
    let code = office.code().await;
    let cookie = set(&enrol(&mut here, &code, "Анна", PASSWORD).await);
    assert!(cookie.starts_with("provodka-local="), "{cookie}");
    assert!(
        cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict; Max-Age=43200"),
        "{cookie}"
    );
    let mut away = office.browser();
    "pages.example".clone_into(&mut away.host);
    away.more
        .push(("x-forwarded-for".to_owned(), "192.0.2.9".to_owned()));
    let answer = sign_in(&mut away, "Анна", PASSWORD).await;
    assert!(answer.header("strict-transport-security").is_some());
    let cookie = set(&answer);
    assert!(cookie.starts_with("__Host-provodka="), "{cookie}");
    assert!(
        cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict; Max-Age=43200; Secure"),
        "{cookie}"
    );
    let page = away.get("/account").await.text();
    assert!(
        page.contains("192.0.2.9"),
        "the address that the proxy names"
    );
    // The one is not taken for the other, and two of one name are not both ours.
    let value = away.cookies["__Host-provodka"].clone();
    away.cookies.clear();
    away.cookies
        .insert("provodka-local".to_owned(), value.clone());
    assert!(!is_in(&mut away).await);
    away.cookies.clear();
    away.more.push((
        "cookie".to_owned(),
        format!("__Host-provodka={value}; __Host-provodka=x"),
    ));
    assert!(!is_in(&mut away).await);
}

#[tokio::test]
async fn every_answer_says_what_a_browser_must_not_do() {
    let office = Office::open().await;
    let mut anna = office.enrolled("Анна").await;
    for path in [
        "/",
        "/start",
        "/sign-in",
        "/account",
        "/style.css",
        "/no-such",
        "/account/password",
    ] {
        let answer = anna.get(path).await;
        let policy = answer.header("content-security-policy").unwrap();
        assert!(
            policy.starts_with("default-src 'none'; style-src 'self'"),
            "{path}: {policy}"
        );
        assert!(
            !policy.contains("unsafe") && !policy.contains("script"),
            "{path}: {policy}"
        );
        for wanted in [
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'self'",
        ] {
            assert!(policy.contains(wanted), "{path}: {policy}");
        }
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("cache-control", "no-store"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{path}");
        }
        assert_eq!(
            answer.header("strict-transport-security"),
            None,
            "{path}: it is not over TLS"
        );
    }
}

#[tokio::test]
async fn what_people_type_is_shown_and_never_obeyed() {
    let office = Office::open().await;
    let hostile = "<img src=x onerror=alert(1)>\"'";
    let mut anna = office.enrolled(hostile).await;
    let page = anna.get("/account").await.text();
    assert!(!page.contains("<img"), "{page}");
    assert!(
        page.contains("&#60;img src=x onerror=alert(1)&#62;&#34;&#39;"),
        "{page}"
    );
    let page = sign_in(&mut office.browser(), hostile, "не тот пароль")
        .await
        .text();
    assert!(!page.contains("<img"), "{page}");
}
