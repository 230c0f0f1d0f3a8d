//! Hints of the accounting side over real HTTP: who may, what becomes due, and that nothing of a body is believed.

use engine::Clock as _;
use secrecy::ExposeSecret as _;
use store::{FEED_TASK, FOLLOWED_TASK, Fault};
use testkit::builders::portal;
use testkit::time::at;
use web::Address;

use crate::support::{Door, status};

async fn token(door: &Door, seed: u64) -> String {
    let rng = testkit::seed::shared(seed);
    let token = Address::Hints.new_token(&door.store, &portal(), &rng).await;
    token.unwrap().expose_secret().to_owned()
}

async fn call(door: &Door, address: &str, body: &str) -> u16 {
    let length = body.len();
    let request = format!(
        "POST /hints/accounting/{address} HTTP/1.1\r\nhost: provodka.test\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    status(&door.answer_to(request.as_bytes()).await)
}

async fn hinted_for(door: &Door) -> Option<jiff::Timestamp> {
    let hinted = door.store.accounting_hinted_for(&portal()).await;
    hinted.unwrap()
}

#[tokio::test]
async fn a_hint_has_the_feeds_read_now_whatever_it_says() {
    for body in [
        "",
        "{\"organizationId\": \"972252c5-6551-4ec4-90ad-cb5b296490cb\"}",
        "{\"deal\": 4711, \"paid\": true}",
        "no JSON",
    ] {
        let door = Door::open().await;
        let token = token(&door, 1).await;
        assert_eq!(hinted_for(&door).await, None);
        let address = format!("portal-a?token={token}");
        assert_eq!(call(&door, &address, body).await, 200, "{body}");
        let mut due = door.due().await;
        due.sort();
        let tasks = [FEED_TASK, FOLLOWED_TASK].map(|task| format!("portal/{task}"));
        assert_eq!(due, tasks, "{body}");
        assert_eq!(door.inbox().await, 0);
    }
}

#[tokio::test]
async fn a_flood_of_hints_is_one_reading_more() {
    let door = Door::open().await;
    let token = token(&door, 1).await;
    let address = format!("portal-a?token={token}");
    for _ in 0..50 {
        assert_eq!(call(&door, &address, "{}").await, 200);
    }
    assert_eq!(hinted_for(&door).await, Some(at(5)));
    door.clock.pass(60);
    assert_eq!(call(&door, &address, "{}").await, 200);
    assert_eq!(hinted_for(&door).await, Some(door.clock.now()));
}

#[tokio::test]
async fn without_the_token_nothing_becomes_due() {
    let door = Door::open().await;
    // Nobody made an address yet.
    assert_eq!(call(&door, "portal-a?token=", "{}").await, 401);
    let first = token(&door, 1).await;
    // An order's token is no hint's.
    let rng = testkit::seed::shared(2);
    let order = Address::Orders
        .new_token(&door.store, &portal(), &rng)
        .await;
    let order = order.unwrap().expose_secret().to_owned();
    let zeros = "0".repeat(64);
    for address in [
        "portal-a".to_owned(),
        format!("portal-a?token={zeros}"),
        format!("portal-a?token={first}x"),
        format!("portal-x?token={first}"),
        format!("portal-a?token={first}&token={first}"),
        format!("portal-a?token={order}"),
    ] {
        assert_eq!(call(&door, &address, "{}").await, 401, "{address}");
    }
    assert_eq!(hinted_for(&door).await, None);
    // A new address takes the place of the former, and none is left after it was withdrawn.
    let next = token(&door, 3).await;
    let with = |token: &str| format!("portal-a?token={token}");
    assert_eq!(call(&door, &with(&first), "{}").await, 401);
    assert_eq!(call(&door, &with(&next), "{}").await, 200);
    let withdrawn = Address::Hints.forget_token(&door.store, &portal()).await;
    assert!(withdrawn.unwrap());
    assert_eq!(call(&door, &with(&next), "{}").await, 401);
}

#[tokio::test]
async fn a_hint_that_is_too_large_or_cannot_be_kept_is_not_answered_with_200() {
    let door = Door::open().await;
    let token = token(&door, 1).await;
    let address = format!("portal-a?token={token}");
    assert_eq!(call(&door, &address, &"x".repeat(70 << 10)).await, 413);
    let get = format!("GET /hints/accounting/{address} HTTP/1.1\r\nhost: x\r\n\r\n");
    assert_eq!(status(&door.answer_to(get.as_bytes()).await), 405);
    for fault in [Fault::DiskFull, Fault::DiskFullAtCommit] {
        door.store.faults().fail_nth(1, fault);
        assert_eq!(call(&door, &address, "{}").await, 503, "{fault:?}");
    }
    assert_eq!(hinted_for(&door).await, None);
}

#[tokio::test]
async fn who_tries_sixty_tokens_is_blocked_for_a_minute_but_not_the_right_one() {
    let door = Door::open().await;
    let token = token(&door, 1).await;
    for _try in 0..60 {
        assert_eq!(call(&door, "portal-a?token=wrong", "{}").await, 401);
    }
    assert_eq!(call(&door, "portal-a?token=wrong", "{}").await, 429);
    let right = format!("portal-a?token={token}");
    assert_eq!(call(&door, &right, "{}").await, 200);
    door.clock.pass(61);
    assert_eq!(call(&door, "portal-a?token=wrong", "{}").await, 401);
}
