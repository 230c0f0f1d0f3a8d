//! Finding counterparties by INN and creating them once.

use capability::accounting::Found;
use domain::{ContractorId, Counterparty, Inn, Verdict};
use serde_json::{Value, json};

use crate::stage::{Stage, body, example, fixture, json, organisation, unclear};

const EXISTING: &str = "b79d3808-beef-4ce8-b27a-1192e7366d4e";

fn buyer() -> Counterparty {
    Counterparty {
        key: "7707083893/770701001".parse().unwrap(),
        name: "ООО «Ромашка»".to_owned(),
        full_name: None,
        ogrn: None,
        address: None,
    }
}

async fn create(stage: &Stage) -> Result<String, Verdict> {
    let counterparties = &stage.accounting.counterparties;
    let created = counterparties
        .create(&stage.call(), &organisation(), &buyer(), "7f3a/x")
        .await;
    created
        .map(|id| id.to_string())
        .map_err(|error| error.verdict)
}

async fn find(stage: &Stage, inns: &[&str]) -> Result<Vec<String>, Verdict> {
    let inns: Vec<Inn> = inns.iter().map(|inn| inn.parse().unwrap()).collect();
    let counterparties = &stage.accounting.counterparties;
    let found = counterparties
        .find(&stage.call(), &organisation(), &inns)
        .await;
    let found = found.and_then(Found::whole);
    let found = found.map_err(|error| error.verdict)?;
    Ok(found
        .into_iter()
        .map(|known| known.counterparty.key.to_string())
        .collect())
}

fn contractors(count: usize, first: usize) -> Value {
    let contractors: Vec<Value> = (first..first + count)
        .map(|number| {
            let mut contractor = fixture("contractor");
            contractor["id"] = json!(format!("{number:08}"));
            contractor["kpp"] = json!(format!("7707{:05}", number + 1_000));
            contractor
        })
        .collect();
    json!({ "contractors": contractors })
}

#[tokio::test]
async fn each_inn_is_asked_for_once_whatever_its_kpp() {
    let stage = Stage::plays([
        example(200, "contractors_found"),
        example(200, "contractors_nothing"),
    ]);
    let found = find(&stage, &["7707083893", "7736050003", "7707083893"]).await;
    assert_eq!(found, Ok(vec!["7707083893/770701001".to_owned()]));
    let seen = stage.seen();
    assert_eq!(body(&seen[0])["filter"], json!({"inn": "7707083893"}));
    assert_eq!(body(&seen[1])["filter"], json!({"inn": "7736050003"}));
    stage.ends();
}

#[tokio::test]
async fn a_search_is_read_to_its_last_page() {
    let stage = Stage::plays([
        json(200, &contractors(100, 0)),
        json(200, &contractors(3, 100)),
    ]);
    assert_eq!(find(&stage, &["7707083893"]).await.unwrap().len(), 103);
    assert_eq!(body(&stage.seen()[1])["offset"], 100);
    stage.ends();
}

#[tokio::test]
async fn strangers_that_the_filter_let_through_are_left_out() {
    let stage = Stage::plays([example(200, "contractors_found")]);
    assert_eq!(find(&stage, &["7736050003"]).await, Ok(vec![]));
}

#[tokio::test]
async fn a_contractor_that_cannot_be_read_is_in_the_way_of_its_own_inn_alone() {
    let mut broken = fixture("contractors_found");
    broken["contractors"][0]["name"] = json!({"short": "Ромашка"});
    let stranger = json!({"contractors": [{"inn": "7736050003"}, {"inn": 7}]});
    for (answer, unread) in [
        (broken.clone(), true),
        (json!({"contractors": [{"inn": "7736050003"}]}), false),
        (stranger, true),
        (json!({"contractors": [7]}), true),
    ] {
        let stage = Stage::plays([json(200, &answer), example(200, "contractors_nothing")]);
        let inns: [Inn; 2] = ["7707083893", "7736050003"].map(|inn| inn.parse().unwrap());
        let (counterparties, call) = (&stage.accounting.counterparties, stage.call());
        let found = counterparties.find(&call, &organisation(), &inns).await;
        let found = found.unwrap();
        assert!(found.known.is_empty());
        let told: Vec<(&Inn, Verdict)> = found
            .unread
            .iter()
            .map(|(inn, error)| (inn, error.verdict))
            .collect();
        let again = Verdict::Retry { after: None };
        let expected = unread.then_some((&inns[0], again));
        assert_eq!(told, Vec::from_iter(expected), "{answer}");
        stage.ends();
    }
    // It exists, and is not guessed.
    let mut refusal = fixture("error_contractor_exists");
    refusal["error"]["context"] = Value::Null;
    let stage = Stage::plays([json(409, &refusal), json(200, &broken)]);
    assert_eq!(create(&stage).await, Err(Verdict::Reject));
}

#[tokio::test]
async fn a_search_without_an_answer_is_asked_again() {
    for answer in unclear() {
        let told = format!("{answer:?}");
        let verdict = find(&Stage::plays([answer]), &["7707083893"])
            .await
            .unwrap_err();
        assert!(matches!(verdict, Verdict::Retry { .. }), "{told}");
    }
}

#[tokio::test]
async fn a_created_contractor_has_an_id() {
    let stage = Stage::plays([example(201, "contractor")]);
    assert_eq!(create(&stage).await.as_deref(), Ok(EXISTING));
    let sent = body(&stage.seen()[0]);
    assert_eq!(sent["name"], "ООО «Ромашка»");
    assert_eq!(sent["kpp"], "770701001");
    assert_eq!(stage.booked()[0].method, "createContractor");
    stage.ends();
}

#[tokio::test]
async fn a_contractor_that_exists_is_the_one_wanted() {
    let stage = Stage::plays([example(409, "error_contractor_exists")]);
    assert_eq!(create(&stage).await.as_deref(), Ok(EXISTING));
    stage.ends();
}

#[tokio::test]
async fn where_the_answer_does_not_name_the_existing_one_it_is_searched() {
    let mut refusal = fixture("error_contractor_exists");
    refusal["error"]["context"] = Value::Null;
    let stage = Stage::plays([json(409, &refusal), example(200, "contractors_found")]);
    assert_eq!(create(&stage).await.as_deref(), Ok(EXISTING));

    // The search shows only another KPP: it is not guessed.
    let stage = Stage::plays([json(409, &refusal), json(200, &contractors(1, 0))]);
    assert_eq!(create(&stage).await, Err(Verdict::Reject));
    stage.ends();
}

#[tokio::test]
async fn an_unclear_answer_to_a_create_is_looked_up() {
    for answer in unclear() {
        let told = format!("{answer:?}");
        assert_eq!(
            create(&Stage::plays([answer])).await,
            Err(Verdict::Verify),
            "{told}"
        );
    }
}

fn foreigner() -> Counterparty {
    Counterparty {
        key: "contact-9".parse().unwrap(),
        name: "Иванов Иван".to_owned(),
        ..buyer()
    }
}

#[tokio::test]
async fn who_has_no_inn_is_created_with_our_mark_and_found_by_it_and_never_by_a_name() {
    let stage = Stage::plays([example(201, "contractor")]);
    let (counterparties, call) = (&stage.accounting.counterparties, stage.call());
    let (us, foreigner) = (organisation(), foreigner());
    let created = counterparties.create(&call, &us, &foreigner, "7f3a/x");
    created.await.unwrap();
    let sent = body(&stage.seen()[0]);
    assert_eq!(sent["comment"], "[provodka:buyer/contact-9]");
    assert_eq!((&sent["inn"], &sent["kpp"]), (&Value::Null, &Value::Null));

    let named = |id: &str, comment: Value| {
        let mut contractor = fixture("contractor");
        contractor["id"] = json!(id);
        contractor["inn"] = Value::Null;
        contractor["comment"] = comment;
        contractor
    };
    let found = json!({"contractors": [
        named("1", Value::Null),
        named("2", json!("Постоянный [provodka:buyer/contact-9]")),
        named("3", json!("[provodka:buyer/contact-99]")),
        {"id": "4", "comment": "[provodka:buyer/contact-99]"},
    ]});
    let stage = Stage::plays([json(200, &found)]);
    let (counterparties, call) = (&stage.accounting.counterparties, stage.call());
    let ours = [foreigner.clone()];
    let found = counterparties.find_ours(&call, &us, &ours).await.unwrap();
    let ids: Vec<&str> = found.iter().map(|known| known.id.as_str()).collect();
    assert_eq!(ids, ["2"]);
    assert_eq!(found[0].counterparty.key, foreigner.key);
    let asked = body(&stage.seen()[0]);
    assert_eq!(asked["filter"], json!({"name": "Иванов Иван"}));
    stage.ends();
}

#[tokio::test]
async fn one_without_an_inn_is_ours_while_it_is_active_and_bears_our_mark() {
    let of = |status: &str, comment: &str| {
        let mut contractor = fixture("contractor");
        contractor["inn"] = Value::Null;
        contractor["status"] = json!(status);
        contractor["comment"] = json!(comment);
        json(200, &contractor)
    };
    let mark = "Постоянный [provodka:buyer/contact-9]";
    for (answer, is_ours) in [
        (of("active", mark), true),
        (of("deleted", mark), false),
        (of("active", "[provodka:buyer/contact-99]"), false),
        (of("active", "ИП Кузнецова"), false),
        (example(404, "error_not_found"), false),
    ] {
        let told = format!("{answer:?}");
        let stage = Stage::plays([answer]);
        let (counterparties, call) = (&stage.accounting.counterparties, stage.call());
        let (us, foreigner, id) = (organisation(), foreigner(), ContractorId::new(EXISTING));
        let asked = counterparties.is_still_ours(&call, &us, &foreigner, &id);
        assert_eq!(asked.await.ok(), Some(is_ours), "{told}");
        assert_eq!(stage.booked()[0].method, "getContractor");
        stage.ends();
    }
    for answer in unclear() {
        let told = format!("{answer:?}");
        let stage = Stage::plays([answer]);
        let (counterparties, call) = (&stage.accounting.counterparties, stage.call());
        let (us, foreigner, id) = (organisation(), foreigner(), ContractorId::new(EXISTING));
        let asked = counterparties.is_still_ours(&call, &us, &foreigner, &id);
        assert!(asked.await.is_err(), "{told}");
    }
}
