//! Reading bills by id, and their print forms.

use std::time::Duration;

use capability::accounting::FOREIGN;
use domain::{InvoiceId, Verdict};
use transport::TransportError;

use crate::stage::{
    BILL, ORGANISATION, Played, Stage, example, fixture, json, organisation, parameters, raw,
    unclear,
};

async fn read(stage: &Stage, ids: &[&str]) -> Vec<Result<Option<String>, Verdict>> {
    let ids: Vec<InvoiceId> = ids.iter().map(|&id| InvoiceId::new(id)).collect();
    let read = &stage.accounting.read;
    let answers = read.read(&stage.call(), &organisation(), &ids).await;
    answers
        .into_iter()
        .map(|answer| {
            let told = answer.map_err(|error| error.verdict)?;
            Ok(told.map(|invoice| invoice.number))
        })
        .collect()
}

async fn print(answer: Played) -> Result<Vec<u8>, Verdict> {
    let stage = Stage::plays([answer]);
    let print = stage.accounting.print.clone().unwrap();
    let bytes = print
        .print(&stage.call(), &organisation(), &InvoiceId::new(BILL))
        .await;
    let request = stage.seen().remove(0);
    assert!(request.url.path().ends_with("/print-form"));
    assert_eq!(request.headers["accept"], "application/pdf");
    stage.ends();
    bytes.map_err(|error| error.verdict)
}

#[tokio::test]
async fn bills_are_told_in_the_order_they_were_asked_for() {
    let stage = Stage::plays([
        example(200, "bill_on_top"),
        example(404, "error_not_found"),
        example(200, "bill_deleted"),
        example(200, "bill"),
    ]);
    let told = read(&stage, &["a", "b", "c", BILL]).await;
    let number = |text: &str| Ok(Some(text.to_owned()));
    assert_eq!(told, [number("К-77"), Ok(None), Ok(None), number("1")]);
    let path = format!("/kontur/v1/organizations/{ORGANISATION}/bills/{BILL}");
    assert_eq!(stage.seen()[3].url.path(), path);
    stage.ends();
}

#[tokio::test]
async fn an_id_cannot_leave_its_place_in_the_path() {
    let stage = Stage::plays([example(404, "error_not_found")]);
    read(&stage, &["../../x?y#z"]).await;
    let url = stage.seen().remove(0).url;
    assert!(url.path().ends_with("/bills/..%2F..%2Fx%3Fy%23z"), "{url}");
    assert_eq!((url.query(), url.fragment()), (None, None));
}

#[tokio::test]
async fn only_the_contracts_own_word_means_that_a_bill_is_gone() {
    let page = raw(404, &[], "<html>nginx: Not Found</html>");
    let other = raw(
        404,
        &[],
        r#"{"statusCode":404,"error":{"code":"noSuchPath"}}"#,
    );
    let stage = Stage::plays([page, other]);
    let told = read(&stage, &["a", "b"]).await;
    assert_eq!(told, [Err(Verdict::Defect), Err(Verdict::Reject)]);
}

#[tokio::test]
async fn one_bill_that_fails_does_not_hide_the_others() {
    for answer in unclear() {
        let told = format!("{answer:?}");
        let stage = Stage::plays([answer, example(200, "bill")]);
        let answers = read(&stage, &["a", BILL]).await;
        assert!(matches!(answers[0], Err(Verdict::Retry { .. })), "{told}");
        assert_eq!(answers[1], Ok(Some("1".to_owned())));
    }
}

#[tokio::test]
async fn a_bill_that_cannot_be_read_is_foreign_where_that_is_sure() {
    for (change, code) in [
        (serde_json::json!({"createdBy": "person"}), FOREIGN),
        (serde_json::json!({"comment": null}), FOREIGN),
        (serde_json::json!({"comment": "Оплатить в срок"}), FOREIGN),
        (serde_json::json!({}), "not-understood"),
        (serde_json::json!({"comment": 7}), "not-understood"),
        (
            serde_json::json!({"comment": null, "id": "another"}),
            "not-understood",
        ),
    ] {
        let mut bill = fixture("bill");
        bill["sum"] = "много".into();
        for (name, value) in change.as_object().unwrap() {
            bill[name.as_str()] = value.clone();
        }
        let stage = Stage::plays([json(200, &bill)]);
        let read = &stage.accounting.read;
        let (call, ours) = (stage.call(), organisation());
        let answers = read.read(&call, &ours, &[InvoiceId::new(BILL)]).await;
        let error = answers[0].as_ref().unwrap_err();
        assert_eq!(error.code, code, "{change}");
        assert!(matches!(error.verdict, Verdict::Retry { .. }), "{change}");
    }
}

#[tokio::test]
async fn a_deleted_bill_is_gone_also_where_the_rest_of_it_cannot_be_read() {
    let mut bill = fixture("bill_deleted");
    bill["sum"] = "много".into();
    let stage = Stage::plays([json(200, &bill)]);
    assert_eq!(read(&stage, &[BILL]).await, [Ok(None)]);
}

#[tokio::test]
async fn after_a_limit_or_a_dead_key_nothing_more_is_asked() {
    let limit = raw(429, &[("retry-after", "Thu, 12 Mar 2026 09:00:40 GMT")], "");
    let after = Some(Duration::from_secs(40));
    // The first is asked alone, then two at one time: only what came after them is left.
    let stage = Stage::plays([example(200, "bill"), limit, example(200, "bill")]);
    let told = read(&stage, &[BILL, "b", BILL, "d", "e"]).await;
    assert_eq!(told[1], Err(Verdict::Retry { after }));
    assert!(told[2].is_ok(), "it was under way already");
    assert_eq!((&told[3], &told[4]), (&told[1], &told[1]));
    stage.ends();

    let stage = Stage::plays([example(401, "error_unauthorized")]);
    let told = read(&stage, &[BILL, "b"]).await;
    assert_eq!(told, [Err(Verdict::Reauthorize), Err(Verdict::Reauthorize)]);
    stage.ends();
}

#[tokio::test]
async fn a_whole_pdf_is_given_and_nothing_else() {
    let whole = b"%PDF-1.7\n1 0 obj\n%%EOF\n".to_vec();
    assert_eq!(print(raw(200, &[], whole.clone())).await, Ok(whole));
    let again = Err(Verdict::Retry { after: None });
    for body in ["", "<html>%%EOF</html>", "%PDF-1.7\n1 0 obj\n", "%PDF"] {
        assert_eq!(print(raw(200, &[], body)).await, again, "{body}");
    }
    let mut long = b"%PDF-1.7\n".to_vec();
    long.resize(11 << 20, b' ');
    long.extend_from_slice(b"%%EOF");
    assert_eq!(print(raw(200, &[], long)).await, Err(Verdict::Reject));
}

#[tokio::test]
async fn a_print_form_that_is_being_made_is_asked_for_later() {
    let after = Some(Duration::from_secs(5));
    let answer = raw(204, &[("retry-after", "5")], "");
    assert_eq!(print(answer).await, Err(Verdict::Retry { after }));
}

#[tokio::test]
async fn a_refused_print_form_stops_only_itself() {
    for (status, name) in [
        (402, "error_payment_required"),
        (403, "error_forbidden"),
        (404, "error_not_found"),
        (409, "error_print_form"),
    ] {
        assert_eq!(
            print(example(status, name)).await,
            Err(Verdict::Reject),
            "{name}"
        );
    }
    assert_eq!(
        print(example(401, "error_unauthorized")).await,
        Err(Verdict::Reauthorize)
    );
    let timed_out = TransportError::TimedOut(Duration::from_secs(30));
    assert_eq!(
        print(Err(timed_out)).await,
        Err(Verdict::Retry { after: None })
    );
}

#[tokio::test]
async fn bills_are_found_by_their_number_whoever_made_them() {
    let mut page = fixture("bills_page");
    let number = page["bills"][0]["number"].as_str().unwrap().to_owned();
    page["bills"].as_array_mut().unwrap().truncate(1);
    page["bills"][0]["createdBy"] = "person".into();
    page["next"] = serde_json::Value::Null;
    let stage = Stage::plays([json(200, &page)]);
    let read = &stage.accounting.read;
    let (call, ours) = (stage.call(), organisation());
    let found = read.with_number(&call, &ours, &number).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(
        (&found[0].number, &found[0].seller),
        (&number, &organisation())
    );
    let asked = parameters(&stage.seen()[0]);
    assert!(asked.contains(&("number".to_owned(), number)), "{asked:?}");
}

#[tokio::test]
async fn a_number_is_taken_by_a_bill_of_its_year_that_was_not_deleted() {
    for (day, status, taken) in [
        ("2026-12-31", "notPaid", true),
        ("2026-12-31", "cancelled", true),
        ("2026-12-31", "deleted", false),
        ("2027-01-01", "notPaid", false),
    ] {
        let mut page = fixture("bills_page");
        let number = page["bills"][0]["number"].as_str().unwrap().to_owned();
        page["bills"].as_array_mut().unwrap().truncate(1);
        page["bills"][0]["date"] = "2026-03-12".into();
        page["bills"][0]["status"] = status.into();
        page["next"] = serde_json::Value::Null;
        let stage = Stage::plays([json(200, &page)]);
        let (read, call, ours) = (&stage.accounting.read, stage.call(), organisation());
        let told = read.is_number_taken(&call, &ours, &number, day.parse().unwrap());
        assert_eq!(told.await, Ok(taken), "{day} {status}");
    }
}

#[tokio::test]
async fn a_list_that_passes_the_number_over_is_not_believed() {
    for spoil in ["number", "next"] {
        let mut page = fixture("bills_page");
        let number = page["bills"][0]["number"].as_str().unwrap().to_owned();
        page["bills"].as_array_mut().unwrap().truncate(1);
        page["next"] = serde_json::Value::Null;
        let asked = match spoil {
            "number" => format!("{number}0"),
            _ => {
                page["next"] = serde_json::json!({"changedSince": "2026-03-12T09:00:00.000Z", "afterId": BILL});
                number
            }
        };
        let stage = Stage::plays([json(200, &page)]);
        let read = &stage.accounting.read;
        let told = read
            .with_number(&stage.call(), &organisation(), &asked)
            .await;
        let error = told.unwrap_err();
        assert_eq!(
            (error.verdict, error.code.as_str()),
            (Verdict::Defect, "not-by-number")
        );
    }
}
