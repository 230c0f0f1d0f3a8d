//! Tokens: renewed once however many wait, stored before use, and the portal's new address.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use capability::portal::{FieldValue, PortalWrite};
use connector_bitrix24::{Bitrix24, ConfigError, Connection, Offline};
use domain::observed::OurField;
use domain::{DealId, Verdict};
use serde_json::{Value, json};
use transport::{Answer, TransportError};

use crate::script::{
    MEMBER, Memory, Reply, Script, Seen, Stage, answer_of, app, app_waiting, ok, raw, settings,
    status,
};

fn grant(access: &str, refresh: &str) -> Answer {
    ok(json!({
        "access_token": access, "refresh_token": refresh, "expires_in": 3600, "domain": "oauth.bitrix24.tech",
        "client_endpoint": "https://portal.bitrix24.test/rest/", "member_id": MEMBER, "scope": "crm,im", "status": "L", "user_id": 67,
    }))
}

fn expired() -> Answer {
    status(
        401,
        json!({"error": "expired_token", "error_description": "The access token provided has expired."}),
    )
}

fn lists(seen: &Seen) -> Answer {
    answer_of(seen, &|_: &str, _: &_| Reply::Result(json!({"items": []})))
}

/// A portal that takes `new` alone, and a token server that gives it for `r1`.
fn renewing() -> Arc<Script> {
    Script::new(|seen, _| {
        Ok(match seen.method.as_str() {
            "token" if seen.raw.contains("refresh_token=r1") => grant("new", "r2"),
            "token" => status(400, json!({"error": "invalid_grant"})),
            _ if seen.body["auth"] == "new" => lists(seen),
            _ => expired(),
        })
    })
}

#[tokio::test]
async fn two_connections_of_one_portal_renew_once() {
    // As after a change of the policy: the old connection is still at work beside the new one.
    let (script, app) = (renewing(), app(Memory::holding("old", "r1")));
    let connect = || {
        let connection = Connection::App(app.clone());
        Stage::connect(script.clone(), connection, Offline::Absent)
    };
    let (one, other) = (connect(), connect());
    let (deal, calls) = ([DealId(1)], (one.call(), other.call()));
    let answers = tokio::join!(
        one.portal.deals.glance(&calls.0, &deal),
        other.portal.deals.glance(&calls.1, &deal),
    );
    assert_eq!(answers, (Ok(Vec::new()), Ok(Vec::new())));
    assert_eq!(script.count("token"), 1);
}

#[tokio::test]
async fn many_calls_with_an_expired_token_cause_one_renewal() {
    let vault = Memory::holding("old", "r1");
    let stage = Arc::new(Stage::app(renewing(), vault.clone(), Offline::Absent));
    let mut waiting = Vec::new();
    for deal in 0..20 {
        let stage = stage.clone();
        waiting.push(tokio::spawn(async move {
            stage
                .portal
                .deals
                .glance(&stage.call(), &[DealId(deal)])
                .await
        }));
    }
    for call in waiting {
        assert_eq!(call.await.unwrap(), Ok(Vec::new()));
    }
    assert_eq!(stage.script.count("token"), 1);
    assert_eq!(*vault.stored.lock().unwrap(), ["new"]);
    let renewal = stage
        .script
        .seen()
        .into_iter()
        .find(|seen| seen.method == "token")
        .unwrap();
    assert_eq!(
        (renewal.host.as_str(), renewal.http.as_str()),
        ("oauth.bitrix24.tech", "POST")
    );
    let shown = format!("{:?}", stage.gate.exchanges());
    for secret in ["cl13nt-s3cr3t", "r2", "\"old\"", "\"new\""] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

#[tokio::test]
async fn a_pair_that_could_not_be_stored_is_not_used_and_is_stored_first_next_time() {
    let vault = Memory::holding("old", "r1");
    *vault.failures.lock().unwrap() = 1;
    let stage = Stage::app(renewing(), vault.clone(), Offline::Absent);
    let error = stage
        .portal
        .deals
        .glance(&stage.call(), &[DealId(1)])
        .await
        .unwrap_err();
    assert_eq!(error.verdict, Verdict::Retry { after: None });
    assert!(
        !stage
            .script
            .seen()
            .iter()
            .any(|seen| seen.body["auth"] == "new")
    );
    stage
        .portal
        .deals
        .glance(&stage.call(), &[DealId(1)])
        .await
        .unwrap();
    assert_eq!(stage.script.count("token"), 1);
    assert_eq!(*vault.stored.lock().unwrap(), ["new"]);
}

#[tokio::test]
async fn a_lost_answer_of_a_renewal_is_asked_for_once_more_with_the_same_token() {
    let vault = Memory::holding("old", "r1");
    let script = Script::new(|seen, number| match (seen.method.as_str(), number) {
        ("token", 1) => Err(TransportError::Cut("closed".to_owned())),
        ("token", _) => Ok(grant("new", "r2")),
        _ if seen.body["auth"] == "new" => Ok(lists(seen)),
        _ => Ok(expired()),
    });
    let stage = Stage::app(script, vault, Offline::Absent);
    stage
        .portal
        .deals
        .glance(&stage.call(), &[DealId(1)])
        .await
        .unwrap();
    assert_eq!(stage.script.count("token"), 2);
}

#[tokio::test]
async fn a_dead_refresh_token_is_not_tried_again_until_other_tokens_are_stored() {
    let vault = Memory::holding("old", "dead");
    let stage = Stage::app(renewing(), vault.clone(), Offline::Absent);
    for _ in 0..3 {
        let error = stage
            .portal
            .deals
            .glance(&stage.call(), &[DealId(1)])
            .await
            .unwrap_err();
        assert_eq!(error.verdict, Verdict::Reauthorize);
    }
    assert_eq!(stage.script.count("token"), 1);
    vault.put(7, "new", "r2");
    stage
        .portal
        .deals
        .glance(&stage.call(), &[DealId(1)])
        .await
        .unwrap();
    assert_eq!(stage.script.count("token"), 1);
}

#[tokio::test]
async fn tokens_of_a_faster_process_are_taken() {
    let vault = Memory::holding("old", "used-up");
    let theirs = vault.clone();
    let script = Script::new(move |seen, _| {
        Ok(match seen.method.as_str() {
            // Another replica used the refresh token a moment before us.
            "token" => {
                theirs.put(2, "new", "r2");
                status(400, json!({"error": "invalid_grant"}))
            }
            _ if seen.body["auth"] == "new" => lists(seen),
            _ => expired(),
        })
    });
    let stage = Stage::app(script, vault, Offline::Absent);
    stage
        .portal
        .deals
        .glance(&stage.call(), &[DealId(1)])
        .await
        .unwrap();
}

/// A portal's connection that meets a used-up token. `meanwhile` is what happens during its pauses, by their number.
async fn refused(
    vault: &Arc<Memory>,
    code: &'static str,
    meanwhile: impl Fn(usize) + Send + Sync + 'static,
) -> (Result<(), Verdict>, Vec<Duration>, usize) {
    let script = Script::new(move |seen, _| {
        Ok(match seen.method.as_str() {
            "token" => status(400, json!({"error": code})),
            _ if seen.body["auth"] == "new" => lists(seen),
            _ => expired(),
        })
    });
    let pauses = Arc::new(Mutex::new(Vec::new()));
    let kept = pauses.clone();
    let app = app_waiting(
        vault.clone(),
        Arc::new(move |time| {
            let mut pauses = kept.lock().unwrap();
            pauses.push(time);
            meanwhile(pauses.len());
            Box::pin(async {})
        }),
    );
    let stage = Stage::connect(script, Connection::App(app), Offline::Absent);
    let deal = [DealId(1)];
    let answer = stage.portal.deals.glance(&stage.call(), &deal).await;
    let pauses = pauses.lock().unwrap().clone();
    let answer = answer.map(drop).map_err(|error| error.verdict);
    (answer, pauses, stage.script.count("token"))
}

#[tokio::test]
async fn a_refused_token_is_no_end_before_another_process_had_time_to_store_its_pair() {
    let vault = Memory::holding("old", "used-up");
    let theirs = vault.clone();
    // The other has its answer already, and commits it a moment after we were refused.
    let (answer, pauses, asked) = refused(&vault, "invalid_grant", move |pause| {
        if pause == 2 {
            theirs.put(2, "new", "r2");
        }
    })
    .await;
    assert_eq!(answer, Ok(()));
    assert_eq!((pauses.len(), asked), (2, 1));
}

#[tokio::test]
async fn access_is_lost_once_nobody_has_stored_another_pair_for_seven_seconds() {
    let vault = Memory::holding("old", "dead");
    let theirs = vault.clone();
    // That another process follows the portal to its new address brings no other token.
    let (answer, pauses, asked) = refused(&vault, "invalid_grant", move |pause| {
        if pause == 1 {
            theirs.put(2, "old", "dead");
        }
    })
    .await;
    assert_eq!(answer, Err(Verdict::Reauthorize));
    assert_eq!(pauses.iter().sum::<Duration>(), Duration::from_secs(7));
    assert_eq!(asked, 1);
}

#[tokio::test]
async fn what_no_other_process_can_put_right_is_not_waited_for() {
    for code in ["PAYMENT_REQUIRED", "invalid_client"] {
        let vault = Memory::holding("old", "r1");
        let (answer, pauses, _) = refused(&vault, code, |_| {}).await;
        assert_eq!(answer, Err(Verdict::Reauthorize), "{code}");
        assert!(pauses.is_empty(), "{code}: {pauses:?}");
    }
}

#[tokio::test]
async fn a_fresh_pair_goes_before_the_former_one_that_was_stored_anew_with_the_portals_new_address()
{
    let vault = Memory::holding("old", "r1");
    let theirs = vault.clone();
    let script = Script::new(move |seen, _| {
        Ok(match seen.method.as_str() {
            // Meanwhile another process followed the portal to its new address and wrote that down.
            "token" => {
                theirs.put(2, "old", "r1");
                grant("new", "r2")
            }
            _ if seen.body["auth"] == "new" => lists(seen),
            _ => expired(),
        })
    });
    let stage = Stage::app(script, vault.clone(), Offline::Absent);
    stage
        .portal
        .deals
        .glance(&stage.call(), &[DealId(1)])
        .await
        .unwrap();
    assert_eq!(*vault.stored.lock().unwrap(), ["new"]);
    assert_eq!(stage.script.count("token"), 1);
}

#[tokio::test]
async fn tokens_of_another_process_that_have_expired_as_well_are_renewed() {
    let vault = Memory::holding("old", "r0");
    let stage = Stage::app(renewing(), vault.clone(), Offline::Absent);
    let glance = async || {
        let call = stage.call();
        stage.portal.deals.glance(&call, &[DealId(1)]).await
    };
    // We hold `old`; the other renewed it an hour ago and has been silent since.
    assert!(glance().await.is_err());
    vault.put(2, "theirs", "r1");
    glance().await.unwrap();
    assert_eq!(*vault.stored.lock().unwrap(), ["new"]);
    assert_eq!(stage.script.count("token"), 2, "r0 once, r1 once");
}

#[tokio::test]
async fn a_grant_for_another_portal_is_not_taken() {
    let vault = Memory::holding("old", "r1");
    let script = Script::new(|seen, _| {
        Ok(match seen.method.as_str() {
            "token" => {
                ok(json!({"access_token": "x", "refresh_token": "y", "member_id": "somebodyelse"}))
            }
            _ => expired(),
        })
    });
    let stage = Stage::app(script, vault.clone(), Offline::Absent);
    let error = stage
        .portal
        .deals
        .glance(&stage.call(), &[DealId(1)])
        .await
        .unwrap_err();
    assert_eq!(error.verdict, Verdict::Reauthorize);
    assert!(vault.stored.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_token_that_expires_inside_a_batch_repeats_only_what_met_it() {
    let vault = Memory::holding("old", "r1");
    let script = Script::new(|seen, _| {
        if seen.method == "token" {
            return Ok(grant("new", "r2"));
        }
        let new = seen.body["auth"] == "new";
        Ok(answer_of(
            seen,
            &move |_: &str, params: &crate::script::Params| {
                let id: u64 = params["id"].parse().unwrap();
                if new || id <= 20 {
                    Reply::Result(json!({"item": {"id": id}}))
                } else {
                    Reply::Error("expired_token")
                }
            },
        ))
    });
    let stage = Stage::app(script, vault, Offline::Absent);
    let set = |id| PortalWrite::SetFields {
        deal: DealId(id),
        fields: vec![(OurField::Status, FieldValue::Text("Выставлен".to_owned()))],
        compared: None,
    };
    let writes: Vec<PortalWrite> = (1..=50).map(set).collect();
    assert!(
        stage
            .portal
            .write
            .write(&stage.call(), &writes)
            .await
            .iter()
            .all(Result::is_ok)
    );
    let batches: Vec<Value> = stage
        .script
        .seen()
        .into_iter()
        .filter(|seen| seen.method == "batch")
        .map(|seen| seen.body)
        .collect();
    assert_eq!(batches.len(), 2);
    let keys: Vec<&String> = batches[1]["cmd"].as_object().unwrap().keys().collect();
    assert_eq!(keys.len(), 30);
    assert!(keys.contains(&&"c20".to_owned()) && !keys.contains(&&"c19".to_owned()));
}

fn redirect(to: &str) -> Answer {
    let mut answer = raw(302, "text/html", String::new());
    answer.headers.insert("location", to.parse().unwrap());
    answer
}

#[tokio::test]
async fn a_renamed_portal_is_posted_to_again_and_its_address_kept() {
    let vault = Memory::holding("token", "r1");
    let script = Script::new(|seen, _| {
        Ok(match seen.host.as_str() {
            "portal.bitrix24.test" => redirect("https://renamed.bitrix24.test/rest/batch"),
            _ => lists(seen),
        })
    });
    let stage = Stage::app(script, vault.clone(), Offline::Absent);
    stage
        .portal
        .deals
        .glance(&stage.call(), &[DealId(1)])
        .await
        .unwrap();
    stage
        .portal
        .deals
        .glance(&stage.call(), &[DealId(1)])
        .await
        .unwrap();
    let seen = stage.script.seen();
    let hosts: Vec<&str> = seen.iter().map(|seen| seen.host.as_str()).collect();
    assert_eq!(
        hosts,
        [
            "portal.bitrix24.test",
            "renamed.bitrix24.test",
            "renamed.bitrix24.test"
        ]
    );
    assert_eq!(seen[0].body, seen[1].body);
    assert!(seen.iter().all(|seen| seen.http == "POST"));
    assert_eq!(vault.endpoint(), "https://renamed.bitrix24.test/rest/");
}

#[tokio::test]
async fn a_redirect_out_of_the_domain_or_off_tls_is_not_followed() {
    for to in [
        "https://evil.example/rest/",
        "http://renamed.bitrix24.test/rest/",
        "https://bitrix24.test/rest/",
        "https://127.0.0.1/rest/",
    ] {
        let script = Script::new(move |_, _| Ok(redirect(to)));
        let stage = Stage::webhook(script);
        let error = stage
            .portal
            .deals
            .glance(&stage.call(), &[DealId(1)])
            .await
            .unwrap_err();
        assert_eq!(error.verdict, Verdict::Reauthorize, "{to}");
        assert_eq!(stage.script.seen().len(), 1, "{to}");
    }
}

#[test]
fn only_the_vendors_token_server_gets_the_application_secret() {
    let vault = Memory::holding("a", "b");
    for (address, fits) in [
        ("https://oauth.bitrix24.tech/", true),
        ("https://oauth.bitrix.info/", true),
        ("http://oauth.bitrix.info/", false),
        ("https://oauth.bitrix.info:8443/", false),
        ("https://oauth.bitrix.info.evil.example/", false),
        ("https://portal.bitrix24.test/", false),
    ] {
        let mut app = app(vault.clone());
        app.oauth = address.parse().unwrap();
        let connected = Bitrix24::new(Connection::App(app), renewing(), settings(Offline::Absent));
        assert_eq!(connected.is_ok(), fits, "{address}");
    }
}

#[test]
fn a_webhook_address_without_its_parts_is_refused() {
    for address in [
        "",
        "portal.bitrix24.test/rest/1/x/",
        "https://portal.bitrix24.test/",
        "https://portal.bitrix24.test/rest/1/",
        "https://portal.bitrix24.test/rest/1/x/?a=1",
    ] {
        let connection = Connection::Webhook {
            url: address.to_owned().into(),
        };
        let refused = Bitrix24::new(connection, renewing(), settings(Offline::Absent)).err();
        assert_eq!(refused, Some(ConfigError::Webhook), "{address}");
    }
}
