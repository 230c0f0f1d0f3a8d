//! What is written and how it is looked up.

use capability::portal::{FieldValue, PortalWrite, Written};
use connector_bitrix24::Offline;
use domain::observed::OurField;
use domain::{DealId, Money, StageId, UserId, Verdict};
use jiff::civil::date;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::script::{Memory, Reply, Stage, portal};

fn entry(deal: u64, mark: &str) -> PortalWrite {
    PortalWrite::AddTimelineEntry {
        deal: DealId(deal),
        text: "Счёт № 17 & копия".to_owned(),
        mark: mark.to_owned(),
    }
}

fn file() -> PortalWrite {
    PortalWrite::AttachFile {
        deal: DealId(7),
        entry: "999".to_owned(),
        text: "Счёт № 17 [p-1]".to_owned(),
        name: "Счёт 17.pdf".to_owned(),
        bytes: b"%PDF".to_vec(),
    }
}

fn fields(deal: u64) -> PortalWrite {
    PortalWrite::SetFields {
        deal: DealId(deal),
        fields: vec![
            (OurField::Number, FieldValue::Text("СЧ-17".to_owned())),
            (OurField::Date, FieldValue::Date(date(2026, 3, 12))),
            (
                OurField::Sum,
                FieldValue::Money(Money::from_kopecks(15_000_050)),
            ),
            (OurField::Status, FieldValue::Empty),
        ],
        compared: None,
    }
}

#[tokio::test]
async fn writes_across_deals_share_a_batch_and_a_file_goes_alone() {
    let stage = Stage::webhook(portal(|method, params| match method {
        "crm.item.update" => {
            assert_eq!(params["fields[UF_CRM_PROVODKA_NUMBER]"], "СЧ-17");
            assert_eq!(params["fields[UF_CRM_PROVODKA_DATE]"], "2026-03-12");
            assert_eq!(params["fields[UF_CRM_PROVODKA_SUM]"], "150000.50|RUB");
            assert_eq!(params["fields[UF_CRM_PROVODKA_STATUS]"], "");
            assert_eq!(
                (
                    params["entityTypeId"].as_str(),
                    params["useOriginalUfNames"].as_str()
                ),
                ("2", "Y")
            );
            Reply::Result(
                json!({"item": {"id": params["id"].parse::<u64>().unwrap(), "title": "x"}}),
            )
        }
        "crm.timeline.comment.add" => {
            assert_eq!(params["fields[COMMENT]"], "Счёт № 17 & копия\n[p-1]");
            assert_eq!(
                (
                    params["fields[ENTITY_ID]"].as_str(),
                    params["fields[ENTITY_TYPE]"].as_str()
                ),
                ("7", "deal")
            );
            Reply::Result(json!(999))
        }
        "crm.timeline.comment.update" => {
            assert_eq!(
                (
                    params["id"].as_str(),
                    params["ownerTypeId"].as_str(),
                    params["ownerId"].as_str()
                ),
                ("999", "2", "7")
            );
            assert_eq!(
                (
                    params["fields[FILES][0][0]"].as_str(),
                    params["fields[FILES][0][1]"].as_str()
                ),
                ("Счёт 17.pdf", "JVBERg==")
            );
            Reply::Result(json!(999))
        }
        "im.notify.system.add" => {
            assert_eq!(
                (params["TAG"].as_str(), params["CLIENT_ID"].as_str()),
                ("deal-7", "provodka")
            );
            Reply::Result(json!(5))
        }
        "im.message.add" => {
            assert_eq!(params["DIALOG_ID"], "chat12");
            Reply::Result(json!(34239))
        }
        "im.message.update" => {
            assert_eq!(
                (params["MESSAGE_ID"].as_str(), params["MESSAGE"].as_str()),
                ("34239", "Стоит и лежит")
            );
            Reply::Result(json!(true))
        }
        other => panic!("{other}"),
    }));
    let bell = PortalWrite::Notify {
        user: UserId(6),
        tag: "deal-7".to_owned(),
        text: "Счёт".to_owned(),
    };
    let post = PortalWrite::PostToChat {
        dialog: "chat12".to_owned(),
        text: "Стоит".to_owned(),
        mark: "[p-2]".to_owned(),
    };
    let edit = PortalWrite::EditInChat {
        dialog: "chat12".to_owned(),
        message: "34239".to_owned(),
        text: "Стоит и лежит".to_owned(),
    };
    let writes = [
        fields(7),
        file(),
        entry(7, "[p-1]"),
        bell,
        post,
        edit,
        fields(8),
    ];
    let ids: Vec<Option<String>> = stage
        .portal
        .write
        .write(&stage.call(), &writes)
        .await
        .into_iter()
        .map(|result| result.unwrap().id)
        .collect();
    let id = |id: &str| Some(id.to_owned());
    assert_eq!(
        ids,
        [
            None,
            id("999"),
            id("999"),
            id("5"),
            id("34239"),
            id("34239"),
            None
        ]
    );
    let methods: Vec<String> = stage
        .script
        .seen()
        .into_iter()
        .map(|seen| seen.method)
        .collect();
    assert_eq!(methods, ["batch", "crm.timeline.comment.update"]);
}

#[tokio::test]
async fn a_deal_moves_to_its_stage_in_the_batch_of_the_others_and_a_refusal_names_the_field() {
    let stage = Stage::webhook(portal(|method, params| {
        assert_eq!(method, "crm.item.update");
        let id: u64 = params["id"].parse().unwrap();
        match (id, params.get("fields[stageId]").map(String::as_str)) {
            (7, Some("C1:PAID")) | (9, None) => Reply::Result(json!({"item": {"id": id}})),
            // The portal's words name the field that the stage wants.
            (8, Some("C1:PAID")) => Reply::Error("CRM_FIELD_ERROR_REQUIRED"),
            other => panic!("{other:?}"),
        }
    }));
    let to_paid = |deal| PortalWrite::MoveStage {
        deal: DealId(deal),
        stage: StageId::new("C1:PAID"),
    };
    let writes = [to_paid(7), to_paid(8), fields(9)];
    let written = stage.portal.write.write(&stage.call(), &writes).await;
    assert_eq!(stage.script.seen().len(), 1);
    assert!(written[0].is_ok() && written[2].is_ok(), "{written:?}");
    let refused = written[1].as_ref().unwrap_err();
    assert_eq!(refused.verdict, Verdict::Reject);
    assert!(refused.to_string().contains("Words"), "{refused}");
}

#[tokio::test]
async fn a_trigger_is_fired_for_its_deal_in_the_batch_of_the_others() {
    let stage = Stage::webhook(portal(|method, params| match method {
        "crm.automation.trigger.execute" => {
            assert_eq!(params["CODE"], "provodka_paid");
            assert_eq!(params["OWNER_TYPE_ID"], "2");
            match params["OWNER_ID"].as_str() {
                "7" => Reply::Result(json!(true)),
                _ => Reply::Error("ERROR_CORE"),
            }
        }
        _ => Reply::Result(json!({"item": {"id": 9}})),
    }));
    let fire = |deal| PortalWrite::FirePaidTrigger { deal: DealId(deal) };
    let writes = [fire(7), fire(8), fields(9)];
    let written = stage.portal.write.write(&stage.call(), &writes).await;
    assert_eq!(stage.script.seen().len(), 1);
    assert_eq!(written[0], Ok(Written::default()));
    assert!(written[1].is_err() && written[2].is_ok(), "{written:?}");
}

#[tokio::test]
async fn the_time_of_our_change_is_told_only_where_nobody_was_quicker() {
    let stage = Stage::webhook(portal(|method, params| match method {
        "crm.item.list" => {
            assert_eq!(
                (
                    params["filter[@id][0]"].as_str(),
                    params["filter[@id][1]"].as_str()
                ),
                ("7", "8")
            );
            let deal = |id: u64, changed: &str| json!({"id": id, "updatedTime": changed});
            Reply::Result(json!({"items": [
                deal(7, "2026-03-12T12:00:00+03:00"),
                deal(8, "2026-03-12T12:00:05+03:00"),
            ]}))
        }
        "crm.item.update" => {
            let id: u64 = params["id"].parse().unwrap();
            Reply::Result(json!({"item": {"id": id, "updatedTime": "2026-03-12T12:00:09+03:00"}}))
        }
        other => panic!("{other}"),
    }));
    let noon: Timestamp = "2026-03-12T09:00:00Z".parse().unwrap();
    let writes = [(7, Some(noon)), (8, Some(noon)), (9, None)].map(|(deal, compared)| {
        PortalWrite::SetFields {
            deal: DealId(deal),
            fields: vec![(OurField::Status, FieldValue::Empty)],
            compared,
        }
    });
    let changed: Vec<Option<Timestamp>> = stage
        .portal
        .write
        .write(&stage.call(), &writes)
        .await
        .into_iter()
        .map(|result| result.unwrap().changed)
        .collect();
    let ours = noon + SignedDuration::from_secs(9);
    assert_eq!(changed, [Some(ours), None, None]);
    assert_eq!(stage.script.seen().len(), 1);
}

#[tokio::test]
async fn each_batch_asks_right_before_it_writes() {
    let sent = std::sync::Mutex::new((0, Vec::new()));
    let stage = Stage::webhook(portal(move |method, params| {
        let mut sent = sent.lock().unwrap();
        let (batches, asked) = &mut *sent;
        match method {
            "crm.item.list" => {
                *batches += 1;
                let ids: Vec<u64> = (0..50)
                    .map_while(|at| params.get(&format!("filter[@id][{at}]")))
                    .map(|id| id.parse().unwrap())
                    .collect();
                // Before the second batch somebody edits its deals.
                let changed = format!("2026-03-12T12:00:0{batches}+03:00");
                let items: Vec<Value> = ids
                    .iter()
                    .map(|id| json!({"id": id, "updatedTime": changed}))
                    .collect();
                asked.extend(ids);
                Reply::Result(json!({"items": items}))
            }
            "crm.item.update" => {
                let id: u64 = params["id"].parse().unwrap();
                assert!(
                    asked.contains(&id),
                    "deal {id} is written before its batch asked"
                );
                Reply::Result(
                    json!({"item": {"id": id, "updatedTime": "2026-03-12T12:00:09+03:00"}}),
                )
            }
            other => panic!("{other}"),
        }
    }));
    let first: Timestamp = "2026-03-12T09:00:01Z".parse().unwrap();
    let writes: Vec<PortalWrite> = (1..=98)
        .map(|deal| PortalWrite::SetFields {
            deal: DealId(deal),
            fields: vec![(OurField::Status, FieldValue::Empty)],
            compared: Some(first),
        })
        .collect();
    let told: Vec<bool> = stage
        .portal
        .write
        .write(&stage.call(), &writes)
        .await
        .into_iter()
        .map(|result| result.unwrap().changed.is_some())
        .collect();
    assert_eq!(stage.script.seen().len(), 2);
    assert_eq!(told, [vec![true; 49], vec![false; 49]].concat());
}

#[tokio::test]
async fn a_reused_field_gets_its_value_in_its_own_type() {
    let stage = Stage::webhook(portal(|method, params| match method {
        "crm.item.fields" => Reply::Result(json!({"fields": {
            "UF_CRM_PROVODKA_SUM": {"type": "double", "upperName": "UF_CRM_PROVODKA_SUM"},
            "UF_CRM_PROVODKA_DATE": {"type": "string", "upperName": "UF_CRM_PROVODKA_DATE"},
            "UF_CRM_PROVODKA_COMMAND": {"type": "enumeration", "upperName": "UF_CRM_PROVODKA_COMMAND", "items": [{"ID": "44", "VALUE": "Выставить счёт"}]},
        }})),
        "crm.item.list" => Reply::Result(json!({"items": [{
            "id": 7, "categoryId": 0, "stageId": "NEW", "createdTime": "2026-01-01T00:00:00+03:00", "updatedTime": "2026-01-01T00:00:00+03:00",
            "UF_CRM_PROVODKA_SUM": 150000.5, "UF_CRM_PROVODKA_DATE": "12.03.2026", "UF_CRM_PROVODKA_COMMAND": 44,
        }]})),
        _ => {
            assert_eq!(params["fields[UF_CRM_PROVODKA_SUM]"], "150000.50");
            assert_eq!(params["fields[UF_CRM_PROVODKA_DATE]"], "12.03.2026");
            Reply::Result(json!({"item": {"id": 7}}))
        }
    }));
    let glances = stage
        .portal
        .deals
        .glance(&stage.call(), &[DealId(7)])
        .await
        .unwrap();
    let seen = &glances[0].fields;
    assert_eq!(seen.sum, Some(Money::from_kopecks(15_000_050)));
    assert_eq!(seen.date, Some(date(2026, 3, 12)));
    assert_eq!(seen.command.as_deref(), Some("Выставить счёт"));
    stage
        .portal
        .write
        .write(&stage.call(), &[fields(7)])
        .await
        .pop()
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn an_answer_about_another_record_is_not_our_success() {
    let stage = Stage::webhook(portal(|_, _| Reply::Result(json!({"item": {"id": 1}}))));
    let error = stage
        .portal
        .write
        .write(&stage.call(), &[fields(7)])
        .await
        .pop()
        .unwrap()
        .unwrap_err();
    assert_eq!(error.verdict, Verdict::Verify);
}

#[tokio::test]
async fn our_changes_are_named_where_the_queue_leaves_them_out() {
    let vault = Memory::holding("token", "r1");
    let script = portal(|_, params| {
        assert_eq!(params["auth_connector"], "provodka");
        assert!(!params.contains_key("CLIENT_ID"));
        Reply::Result(json!(5))
    });
    let stage = Stage::app(script, vault, Offline::KeptWithoutOurs);
    let bell = PortalWrite::Notify {
        user: UserId(6),
        tag: "t".to_owned(),
        text: "Счёт".to_owned(),
    };
    stage
        .portal
        .write
        .write(&stage.call(), &[bell])
        .await
        .pop()
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn an_entry_is_found_by_its_mark_also_on_the_second_page() {
    let stage = Stage::webhook(portal(|method, params| {
        assert_eq!(method, "crm.timeline.comment.list");
        let deal = params["filter[ENTITY_ID]"].as_str();
        let comment = |id: u64, text: &str| json!({"ID": id.to_string(), "COMMENT": text});
        let noise = |from: u64| {
            (from..from + 50)
                .rev()
                .map(|id| comment(id, "Позвонить p-12"))
                .collect::<Vec<Value>>()
        };
        Reply::Result(match (deal, params["start"].as_str()) {
            ("1", _) => json!([comment(70, "Счёт p-1 выставлен")]),
            ("2", "0") => noise(100).into(),
            ("2", "50") => json!([comment(51, "Счёт\np-1")]),
            ("3", _) => json!([comment(5, "Счёт p-12"), comment(4, "Счёт xp-1")]),
            other => panic!("{other:?}"),
        })
    }));
    let writes = [
        entry(1, "p-1"),
        fields(1),
        entry(2, "p-1"),
        entry(3, "p-1"),
        file(),
    ];
    let found: Vec<Option<Written>> = stage
        .portal
        .write
        .look_up(&stage.call(), &writes)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let id = |id: &str| {
        Some(Written {
            id: Some(id.to_owned()),
            ..Written::default()
        })
    };
    assert_eq!(found, [id("70"), None, id("51"), None, None]);
    assert_eq!(stage.script.seen().len(), 2);
}

#[tokio::test]
async fn a_chat_message_is_found_by_its_mark_going_back() {
    let stage = Stage::webhook(portal(|method, params| {
        assert_eq!(
            (method, params["DIALOG_ID"].as_str()),
            ("im.dialog.messages.get", "chat12")
        );
        let messages: Vec<Value> = match params.get("LAST_ID").map(String::as_str) {
            None => (101..=150)
                .rev()
                .map(|id| json!({"id": id, "text": "шум"}))
                .collect(),
            Some("101") => vec![json!({"id": 100, "text": "Стоит [p-2]"})],
            other => panic!("{other:?}"),
        };
        Reply::Result(json!({"chat_id": 12, "messages": messages}))
    }));
    let post = PortalWrite::PostToChat {
        dialog: "chat12".to_owned(),
        text: "Стоит".to_owned(),
        mark: "[p-2]".to_owned(),
    };
    let found = stage
        .portal
        .write
        .look_up(&stage.call(), &[post])
        .await
        .pop()
        .unwrap()
        .unwrap();
    assert_eq!(
        found,
        Some(Written {
            id: Some("100".to_owned()),
            ..Written::default()
        })
    );
}
