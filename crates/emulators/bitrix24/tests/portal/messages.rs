//! Messages that their author edits.

use emulator_bitrix24::WebhookSeed;
use serde_json::json;

use crate::hand::Portal;

#[tokio::test(start_paused = true)]
async fn a_message_is_edited_by_its_author_for_three_days() {
    let portal = Portal::sample();
    let text = |at: usize| portal.emulator.messages()[at].1.clone();
    let post = json!({"DIALOG_ID": "1", "MESSAGE": "Стоит"});
    let id = portal.result("im.message.add", post).await;
    let edit = |message: &str| json!({"MESSAGE_ID": id, "MESSAGE": message});
    assert_eq!(
        portal.result("im.message.update", edit("Лежит")).await,
        true
    );
    assert_eq!(text(0), "Лежит");
    // Without a text only the rest of it is changed.
    let rest = json!({"MESSAGE_ID": id, "URL_PREVIEW": "N"});
    assert_eq!(portal.result("im.message.update", rest).await, true);
    assert_eq!(text(0), "Лежит");
    let (_, card) = portal.get("/page/api/deal/1").await;
    assert_eq!(card["messages"][0]["edited"], true);
    portal.wait(3 * 86_400_000).await;
    assert_eq!(
        portal.result("im.message.update", edit("Летит")).await,
        true
    );
    portal.wait(1_000).await;
    assert_eq!(
        portal.refusal("im.message.update", edit("Поздно")).await,
        (403, "CANT_EDIT_MESSAGE".to_owned())
    );
    assert_eq!(text(0), "Летит");
    // Nor is another's.
    let own = json!({"DIALOG_ID": "6", "MESSAGE": "Моё"});
    let own = portal.result("im.message.add", own).await;
    portal.emulator.add_webhook(WebhookSeed {
        user: 1,
        secret: "another".to_owned(),
        scopes: vec!["im".to_owned()],
    });
    let foreign = json!({"MESSAGE_ID": own, "MESSAGE": "Чужое"});
    let (status, _) = portal
        .post("/rest/1/another/im.message.update", foreign)
        .await;
    assert_eq!(status, 403);
    // An empty text deletes it.
    let empty = json!({"MESSAGE_ID": own, "MESSAGE": ""});
    assert_eq!(portal.result("im.message.update", empty).await, true);
    assert_eq!(portal.emulator.messages().len(), 1);
}
