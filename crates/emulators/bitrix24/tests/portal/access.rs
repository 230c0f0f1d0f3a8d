//! Who may do what: contexts, scopes, rights, tokens, limits, the renamed portal.

use axum::body::Body;
use emulator_bitrix24::{PortalConfig, Reach, WebhookSeed};
use http::Request;
use serde_json::{Value, json};

use crate::hand::Portal;

#[tokio::test(start_paused = true)]
async fn webhook_is_refused_where_an_application_is_needed() {
    let portal = Portal::sample();
    let rows = [
        ("event.bind", 403, "WRONG_AUTH_TYPE"),
        ("event.offline.get", 403, "WRONG_AUTH_TYPE"),
        ("placement.bind", 403, "WRONG_AUTH_TYPE"),
        ("bizproc.robot.add", 403, "ACCESS_DENIED"),
        ("crm.automation.trigger.add", 403, "ACCESS_DENIED"),
        ("app.info", 403, "ACCESS_DENIED"),
        ("crm.nothing", 404, "ERROR_METHOD_NOT_FOUND"),
    ];
    for (method, status, code) in rows {
        assert_eq!(
            portal.refusal(method, json!({})).await,
            (status, code.to_owned()),
            "{method}"
        );
    }
    assert_eq!(
        portal.app("app.info", json!({})).await.1["result"]["INSTALLED"],
        true
    );
}

#[tokio::test(start_paused = true)]
async fn scopes_narrow_a_webhook() {
    let portal = Portal::sample();
    portal.emulator.add_webhook(WebhookSeed {
        user: 6,
        secret: "narrow".into(),
        scopes: vec!["user_basic".into()],
    });
    let call = |method: &'static str| {
        portal.post(
            if method == "profile" {
                "/rest/6/narrow/profile"
            } else {
                "/rest/6/narrow/crm.item.list"
            },
            json!({"entityTypeId": 2}),
        )
    };
    assert_eq!(call("profile").await.0, 200);
    let (status, body) = call("crm.item.list").await;
    assert_eq!(
        (status, &body["error"]),
        (403, &json!("insufficient_scope"))
    );
    let (status, body) = portal.post("/rest/6/wrong/profile", json!({})).await;
    assert_eq!((status, &body["error"]), (401, &json!("NO_AUTH_FOUND")));
}

#[tokio::test(start_paused = true)]
async fn scopes_that_are_taken_away_are_gone_for_webhook_and_application() {
    let portal = Portal::sample();
    let codes = async || {
        let asked = json!({"entityTypeId": 2});
        let hook = portal.hook("crm.item.list", asked.clone()).await.1;
        let app = portal.app("crm.item.list", asked).await.1;
        [hook["error"].clone(), app["error"].clone()]
    };
    assert_eq!(codes().await, [Value::Null, Value::Null]);
    portal.emulator.set_scopes(&["user".to_owned()]);
    let refused = json!("insufficient_scope");
    assert_eq!(codes().await, [refused.clone(), refused]);
    let scopes = ["user", "crm"].map(str::to_owned);
    portal.emulator.set_scopes(&scopes);
    assert_eq!(codes().await, [Value::Null, Value::Null]);
}

#[tokio::test(start_paused = true)]
async fn records_beyond_a_users_rights_do_not_appear() {
    let portal = Portal::sample();
    portal.emulator.add_webhook(WebhookSeed {
        user: 6,
        secret: "manager".into(),
        scopes: vec!["crm".into(), "catalog".into()],
    });
    portal.emulator.configure(|config| {
        for user in config.users.iter_mut().filter(|user| user.id == 6) {
            user.may_read.insert("company".into(), Reach::Own);
            user.hidden_funnels.push(1);
        }
    });
    let call = async |method: &str, params: Value| {
        portal
            .post(&format!("/rest/6/manager/{method}"), params)
            .await
    };
    assert_eq!(
        call("crm.item.list", json!({"entityTypeId": 4})).await.1["total"],
        0
    );
    assert_eq!(call("crm.requisite.list", json!({})).await.1["total"], 0);
    assert_eq!(
        call("crm.item.get", json!({"entityTypeId": 4, "id": 2}))
            .await
            .1["error"],
        "ACCESS_DENIED"
    );
    assert_eq!(
        call("crm.category.list", json!({"entityTypeId": 2}))
            .await
            .1["total"],
        1
    );
    assert_eq!(
        call(
            "crm.deal.userfield.add",
            json!({"fields": {"FIELD_NAME": "X", "USER_TYPE_ID": "string"}})
        )
        .await
        .0,
        403
    );
    assert_eq!(
        call("catalog.vat.list", json!({})).await.1["error"],
        json!(200_040_300_010_i64)
    );
}

async fn refresh(portal: &Portal, token: &str) -> (u16, Value) {
    let credentials = portal.emulator.credentials(crate::hand::BASE);
    portal.get(&format!("/oauth/token/?grant_type=refresh_token&client_id={}&client_secret={}&refresh_token={token}", credentials.client_id, credentials.client_secret)).await
}

#[tokio::test(start_paused = true)]
async fn access_token_dies_after_an_hour_and_a_refresh_kills_the_old_pair() {
    let portal = Portal::sample();
    assert_eq!(portal.app("profile", json!({})).await.0, 200);
    portal.wait(3_600_001).await;
    let (status, body) = portal.app("profile", json!({})).await;
    assert_eq!((status, &body["error"]), (401, &json!("expired_token")));
    let old = portal.refresh.lock().unwrap().clone();
    let (status, pair) = refresh(&portal, &old).await;
    assert_eq!(
        (status, &pair["expires_in"], &pair["client_endpoint"]),
        (200, &json!(3600), &json!("http://portal.test/rest/"))
    );
    assert_eq!(refresh(&portal, &old).await.1["error"], "invalid_grant");
    *portal.access.lock().unwrap() = pair["access_token"].as_str().unwrap().to_owned();
    assert_eq!(portal.app("profile", json!({})).await.0, 200);
    let bearer = Request::get("/rest/profile").header(
        "authorization",
        format!("Bearer {}", pair["access_token"].as_str().unwrap()),
    );
    assert_eq!(
        portal.send(bearer.body(Body::empty()).unwrap()).await.0,
        200
    );
}

#[tokio::test(start_paused = true)]
async fn code_is_good_for_half_a_minute_and_once() {
    let mut config = PortalConfig::sample();
    config.applications[0].redirect_uri = "http://office.test/oauth".into();
    let portal = Portal::new(config);
    let credentials = portal.emulator.credentials(crate::hand::BASE);
    let code = || async {
        let path = format!(
            "/oauth/authorize/?client_id={}&state=abc",
            credentials.client_id
        );
        let response = tower::ServiceExt::oneshot(
            portal.emulator.router(),
            Request::get(path).body(Body::empty()).unwrap(),
        )
        .await
        .unwrap();
        assert_eq!(response.status(), 302);
        let location = response.headers()["location"].to_str().unwrap().to_owned();
        assert!(
            location.contains("state=abc") && location.contains("member_id="),
            "{location}"
        );
        location
            .split("code=")
            .nth(1)
            .unwrap()
            .split('&')
            .next()
            .unwrap()
            .to_owned()
    };
    let exchange = |code: String| {
        let body = format!(
            "grant_type=authorization_code&client_id={}&client_secret={}&code={code}",
            credentials.client_id, credentials.client_secret
        );
        let request = Request::post("/oauth/token/")
            .header("content-type", "application/x-www-form-urlencoded");
        portal.send(request.body(Body::from(body)).unwrap())
    };
    let first = code().await;
    assert_eq!(exchange(first.clone()).await.0, 200);
    assert_eq!(exchange(first).await.1["error"], "invalid_grant");
    let late = code().await;
    portal.wait(30_001).await;
    assert_eq!(exchange(late).await.1["error"], "invalid_grant");
}

#[tokio::test(start_paused = true)]
async fn bucket_of_fifty_drains_two_a_second() {
    let portal = Portal::new(PortalConfig::sample());
    let mut passed = 0;
    while portal.hook("profile", json!({})).await.0 == 200 {
        passed += 1;
    }
    assert_eq!(passed, 50);
    assert_eq!(
        portal.refusal("profile", json!({})).await,
        (503, "QUERY_LIMIT_EXCEEDED".to_owned())
    );
    portal.wait(1_000).await;
    assert_eq!(portal.hook("profile", json!({})).await.0, 200);
    assert_eq!(portal.emulator.truth().limit_refusals(), 2);
}

#[tokio::test(start_paused = true)]
async fn method_that_ran_too_long_rests_and_others_go_on() {
    let mut config = PortalConfig::sample();
    config.latency.read_ms = 20_000;
    config.limits.operating_limit_ms = 50_000;
    let portal = Portal::new(config);
    let list = || portal.hook("crm.item.list", json!({"entityTypeId": 2}));
    let (_, body) = list().await;
    assert_eq!(body["time"]["operating"], 20);
    let reset_at = body["time"]["operating_reset_at"].as_i64().unwrap();
    list().await;
    assert_eq!(
        list().await.1["time"]["operating"],
        60,
        "the call that crosses the limit ends"
    );
    let (status, body) = list().await;
    assert_eq!(
        (status, &body["error"]),
        (429, &json!("OPERATION_TIME_LIMIT"))
    );
    assert_eq!(portal.hook("crm.deal.list", json!({})).await.0, 200);
    let now = portal.emulator.now().as_second();
    portal
        .wait(u64::try_from(reset_at - now).unwrap() * 1000)
        .await;
    assert_eq!(list().await.0, 200);
}

#[tokio::test(start_paused = true)]
async fn renamed_portal_sends_callers_on() {
    let portal = Portal::sample();
    portal
        .emulator
        .rename_portal("portal.test", "http://new.test");
    let request = Request::post("/rest/7/k3v8s1d5m2n7q4x9/profile?a=1")
        .header("host", "portal.test")
        .body(Body::empty())
        .unwrap();
    let response = tower::ServiceExt::oneshot(portal.emulator.router(), request)
        .await
        .unwrap();
    assert_eq!(response.status(), 302);
    assert_eq!(
        response.headers()["location"],
        "http://new.test/rest/7/k3v8s1d5m2n7q4x9/profile?a=1"
    );
    let request = Request::post("/rest/7/k3v8s1d5m2n7q4x9/profile")
        .header("host", "new.test")
        .body(Body::empty())
        .unwrap();
    assert_eq!(portal.send(request).await.0, 200);
}

#[tokio::test(start_paused = true)]
async fn every_spelling_of_an_address_is_understood() {
    let portal = Portal::sample();
    for path in [
        "/rest/7/k3v8s1d5m2n7q4x9/crm.Deal.List.json",
        "/rest/7/k3v8s1d5m2n7q4x9/crm.deal.list/",
        "/rest//7/k3v8s1d5m2n7q4x9//crm.deal.list",
        "/rest/7/k3v8s1d5m2n7q4x9/crm.deal.list?bx24_request_id=1&bx24_sdk_ver=2",
    ] {
        let (status, body) = portal
            .post(path, json!({"SELECT": ["ID"], "FILTER": {"ID": 1}}))
            .await;
        assert_eq!(
            (status, &body["result"]),
            (200, &json!([{"ID": "1"}])),
            "{path}"
        );
    }
    let form = Request::post("/rest/crm.deal.list")
        .header("content-type", "application/x-www-form-urlencoded");
    let body = format!(
        "auth={}&select[]=ID&filter[%3DID]=2",
        portal.access.lock().unwrap()
    );
    assert_eq!(
        portal.send(form.body(Body::from(body)).unwrap()).await.1["result"],
        json!([{"ID": "2"}])
    );
}

#[tokio::test(start_paused = true)]
async fn plan_without_rest_refuses_everything() {
    let portal = Portal::sample();
    portal
        .emulator
        .configure(|config| config.rest_is_off = true);
    assert_eq!(
        portal.refusal("profile", json!({})).await,
        (403, "ACCESS_DENIED".to_owned())
    );
}
