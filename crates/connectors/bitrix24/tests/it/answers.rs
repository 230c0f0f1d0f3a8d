//! What the client makes of answers: limits, pages instead of JSON, missing keys, long batches.

use capability::exchange::{LimitHit, MethodRest};
use capability::portal::PortalWrite;
use domain::{DealId, StageId, UserId, Verdict};
use proptest::prelude::*;
use serde_json::{Value, json};
use transport::{Answer, TransportError};

use crate::script::{Reply, Script, Stage, answer_of, ok, portal, raw, status};

fn bells(count: u64) -> Vec<PortalWrite> {
    let bell = |user| PortalWrite::Notify {
        user: UserId(user),
        tag: format!("deal-{user}"),
        text: "Счёт выставлен".to_owned(),
    };
    (1..=count).map(bell).collect()
}

/// The verdict of a read and of a write after the same answer, and the limit that was booked.
async fn after(
    answer: impl Fn() -> Result<Answer, TransportError> + Send + Sync + Clone + 'static,
) -> (Verdict, Verdict, Option<LimitHit>) {
    let reading = answer.clone();
    let stage = Stage::webhook(Script::new(move |_, _| reading()));
    let read = stage
        .portal
        .deals
        .glance(&stage.call(), &[DealId(1)])
        .await
        .unwrap_err();
    let stage = Stage::webhook(Script::new(move |_, _| answer()));
    let written = stage
        .portal
        .write
        .write(&stage.call(), &bells(1))
        .await
        .pop()
        .unwrap();
    let limit = stage.gate.exchanges().pop().unwrap().limit;
    (read.verdict, written.unwrap_err().verdict, limit)
}

#[tokio::test]
async fn what_proves_nothing_is_repeated_on_a_read_and_looked_up_on_a_write() {
    let again = Verdict::Retry { after: None };
    let page = || Ok(raw(200, "text/html", "<html>Вход</html>".to_owned()));
    let cut = || {
        Ok(raw(
            200,
            "application/json",
            r#"{"result":{"result":{"c0":1"#.to_owned(),
        ))
    };
    let gateway = || Ok(raw(502, "text/html", "<html>Bad gateway</html>".to_owned()));
    let timed_out = || Err(TransportError::TimedOut(std::time::Duration::from_secs(75)));
    let broken = || Err(TransportError::Cut("closed".to_owned()));
    let large = || Err(TransportError::TooLarge);
    let error = || {
        Ok(status(
            500,
            json!({"error": "INTERNAL_SERVER_ERROR", "error_description": "x"}),
        ))
    };
    for (read, write, _) in [
        after(page).await,
        after(cut).await,
        after(gateway).await,
        after(timed_out).await,
        after(broken).await,
        after(large).await,
        after(error).await,
    ] {
        assert_eq!((read, write), (again, Verdict::Verify));
    }
}

#[tokio::test]
async fn what_was_not_sent_may_be_sent_again() {
    let (read, write, _) = after(|| Err(TransportError::NotSent("refused".to_owned()))).await;
    let again = Verdict::Retry { after: None };
    assert_eq!((read, write), (again, again));
    let (read, write, limit) = after(|| Err(TransportError::Late)).await;
    assert_eq!((read, write, limit), (again, again, None));
}

#[tokio::test]
async fn limits_are_told_to_the_gate_and_took_no_effect() {
    let (_, write, limit) = after(|| {
        Ok(status(
            503,
            json!({"error": "QUERY_LIMIT_EXCEEDED", "error_description": "Too many requests"}),
        ))
    })
    .await;
    assert!(matches!(write, Verdict::Retry { after: Some(wait) } if wait.as_secs() == 1));
    assert_eq!(limit, Some(LimitHit::Rate { retry_at: None }));

    let (_, write, limit) = after(|| Ok(status(503, json!({"error": "OVERLOAD_LIMIT"})))).await;
    assert!(matches!(write, Verdict::Retry { after: Some(wait) } if wait.as_secs() == 900));
    assert_eq!(limit, Some(LimitHit::Blocked));
}

#[tokio::test]
async fn a_method_that_used_up_its_time_waits_until_the_reset_told_before() {
    let script = Script::new(|seen, number| {
        Ok(answer_of(seen, &|_: &str, _: &_| {
            if number == 0 {
                Reply::Result(json!(7))
            } else {
                Reply::Error("OPERATION_TIME_LIMIT")
            }
        }))
    });
    let stage = Stage::webhook(script);
    stage
        .portal
        .write
        .write(&stage.call(), &bells(1))
        .await
        .pop()
        .unwrap()
        .unwrap();
    let error = stage
        .portal
        .write
        .write(&stage.call(), &bells(1))
        .await
        .pop()
        .unwrap()
        .unwrap_err();
    assert!(error.limit);
    // 1772359800 is ten minutes after the script's clock.
    assert!(matches!(error.verdict, Verdict::Retry { after: Some(wait) } if wait.as_secs() == 600));
    let exchanges = stage.gate.exchanges();
    assert_eq!(exchanges[0].times[0].operating_ms, 1_000);
    let until = "2026-03-01T10:10:00Z".parse().unwrap();
    let rest = MethodRest {
        method: "im.notify.system.add".to_owned(),
        until: Some(until),
    };
    let hit = LimitHit::Methods { rests: vec![rest] };
    assert_eq!(exchanges[1].limit, Some(hit));
}

#[tokio::test]
async fn every_method_that_a_batch_met_at_its_limit_is_told_once() {
    let stage = Stage::webhook(portal(|method, _| match method {
        "im.message.add" => Reply::Result(json!(7)),
        _ => Reply::Error("OPERATION_TIME_LIMIT"),
    }));
    let mut writes = bells(2);
    writes.push(PortalWrite::MoveStage {
        deal: DealId(7),
        stage: StageId::new("C1:PAID"),
    });
    writes.push(PortalWrite::PostToChat {
        dialog: "chat5".to_owned(),
        text: "Счёт выставлен".to_owned(),
        mark: "pv-1".to_owned(),
    });
    stage.portal.write.write(&stage.call(), &writes).await;
    let limit = stage.gate.exchanges().pop().unwrap().limit;
    let Some(LimitHit::Methods { rests }) = &limit else {
        panic!("no method rests: {limit:?}");
    };
    let methods: Vec<&str> = rests.iter().map(|rest| rest.method.as_str()).collect();
    assert_eq!(methods, ["im.notify.system.add", "crm.item.update"]);
}

#[tokio::test]
async fn a_missing_key_is_never_success_and_never_anothers_failure() {
    let script = portal(|_, params| match params["USER_ID"].as_str() {
        "2" => Reply::Missing,
        "3" => Reply::Error("USER_ID_EMPTY"),
        "4" => Reply::Result(json!(false)),
        "5" => Reply::Result(json!({"unexpected": 1})),
        _ => Reply::Result(json!(12345)),
    });
    let stage = Stage::webhook(script);
    let results = stage.portal.write.write(&stage.call(), &bells(6)).await;
    let verdicts: Vec<Option<Verdict>> = results
        .iter()
        .map(|result| result.as_ref().err().map(|error| error.verdict))
        .collect();
    assert_eq!(
        verdicts,
        [
            None,
            Some(Verdict::Verify),
            Some(Verdict::Reject),
            Some(Verdict::Reject),
            Some(Verdict::Verify),
            None
        ]
    );
    assert_eq!(results[5].as_ref().unwrap().id.as_deref(), Some("12345"));
}

#[tokio::test]
async fn a_batch_that_lost_its_keys_settles_nothing() {
    // A list hides which command is which.
    let script = Script::new(|_, _| {
        Ok(ok(
            json!({"result": {"result": [1, 2], "result_error": []}}),
        ))
    });
    let stage = Stage::webhook(script);
    for result in stage.portal.write.write(&stage.call(), &bells(2)).await {
        assert_eq!(result.unwrap_err().verdict, Verdict::Verify);
    }
}

#[tokio::test]
async fn many_commands_travel_in_batches_of_at_most_fifty() {
    let stage = Stage::webhook(portal(|_, _| Reply::Result(json!(1))));
    let results = stage.portal.write.write(&stage.call(), &bells(120)).await;
    assert!(results.iter().all(Result::is_ok));
    let sizes: Vec<usize> = stage
        .script
        .seen()
        .iter()
        .map(|seen| seen.body["cmd"].as_object().unwrap().len())
        .collect();
    assert_eq!(sizes, [50, 50, 20]);
    assert!(
        stage
            .script
            .seen()
            .iter()
            .all(|seen| seen.body["halt"] == json!(0))
    );
    assert_eq!(stage.gate.asked.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn commands_beyond_a_portals_own_limit_go_in_smaller_batches() {
    let script = Script::new(|seen, _| {
        let count = std::sync::atomic::AtomicUsize::new(0);
        Ok(answer_of(seen, &|_: &str, _: &_| {
            if count.fetch_add(1, std::sync::atomic::Ordering::Relaxed) < 20 {
                Reply::Result(json!(1))
            } else {
                Reply::Error("ERROR_BATCH_LENGTH_EXCEEDED")
            }
        }))
    });
    let stage = Stage::webhook(script);
    let results = stage.portal.write.write(&stage.call(), &bells(50)).await;
    assert!(results.iter().all(Result::is_ok));
    let sent: usize = stage
        .script
        .seen()
        .iter()
        .map(|seen| seen.body["cmd"].as_object().unwrap().len())
        .sum();
    assert!(sent < 120, "{sent} commands sent for 50");
}

#[tokio::test]
async fn after_a_batch_without_an_answer_the_rest_is_not_sent() {
    let script =
        Script::new(|_, _| Err(TransportError::TimedOut(std::time::Duration::from_secs(75))));
    let stage = Stage::webhook(script);
    let results = stage.portal.write.write(&stage.call(), &bells(70)).await;
    let verdict = |index: usize| results[index].as_ref().unwrap_err().verdict;
    assert_eq!(verdict(0), Verdict::Verify);
    assert_eq!(verdict(49), Verdict::Verify);
    assert_eq!(verdict(69), Verdict::Retry { after: None });
    assert_eq!(stage.script.seen().len(), 1);
}

#[tokio::test]
async fn the_journal_sees_no_secret_and_no_text() {
    let stage = Stage::webhook(portal(|_, _| Reply::Result(json!(1))));
    stage.portal.write.write(&stage.call(), &bells(2)).await;
    let exchange = stage.gate.exchanges().pop().unwrap();
    let shown = format!("{exchange:?}");
    for secret in ["s3cr3t", "Счёт выставлен", "/rest/1/"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert_eq!(exchange.account, "portal.bitrix24.test");
    assert_eq!(exchange.method, "batch");
    assert_eq!(exchange.request["cmd"]["c0"]["params"]["USER_ID"], json!(1));
}

/// Bodies made of the words that an answer has, put together in any way.
fn bodies() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-zA-Z0-9_]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        let key = prop_oneof![
            "result",
            "result_error",
            "result_time",
            "error",
            "error_description",
            "time",
            "c0",
            "item",
            "id"
        ];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::hash_map(key, inner, 0..5)
                .prop_map(|fields| fields.into_iter().collect()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_answer_makes_it_panic_and_only_an_id_is_success(body in bodies(), code in prop_oneof![Just(200_u16), 200..600_u16]) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let told = body["result"]["result"]["c0"].clone();
        let answer = body.clone();
        let stage = Stage::webhook(Script::new(move |_, _| Ok(status(code, answer.clone()))));
        let written = runtime.block_on(stage.portal.write.write(&stage.call(), &bells(1))).pop().unwrap();
        if written.is_ok() {
            prop_assert!((200..300).contains(&code) && body["result"]["result_error"]["c0"].is_null());
            prop_assert!(told.as_u64().is_some() || told.as_str().is_some_and(|text| text.parse::<u64>().is_ok()), "{}", told);
        }
        let read = runtime.block_on(stage.portal.deals.glance(&stage.call(), &[DealId(1)]));
        prop_assert!(read.is_err() || told.is_object() || told.is_null());
    }
}
