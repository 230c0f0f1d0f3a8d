//! Orders that are called over real HTTP: who may, what is kept, and what a stranger learns.

use std::time::Duration;

use domain::{DealId, Order};
use engine::Clock as _;
use secrecy::ExposeSecret as _;
use store::{Fault, Lane, Subject};
use testkit::builders::portal;
use web::{Address, SourceList, Sources};

use crate::support::{Door, status};

const BODY: &str = "document_id%5B0%5D=crm&document_id%5B1%5D=CCrmDocumentDeal&document_id%5B2%5D=DEAL_4711\
                    &auth%5Bmember_id%5D=portal-a";

/// The token of the portal's address.
async fn token(door: &Door) -> String {
    let rng = testkit::seed::shared(1);
    let token = Address::Orders
        .new_token(&door.store, &portal(), &rng)
        .await;
    token.unwrap().expose_secret().to_owned()
}

fn request(address: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST /orders/bitrix24/{address} HTTP/1.1\r\nhost: provodka.test\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

async fn call(door: &Door, address: &str, body: &str) -> u16 {
    status(&door.answer_to(&request(address, body)).await)
}

/// What waits for a deal.
async fn waiting(door: &Door, id: u64) -> Vec<Order> {
    let (portal, deal) = (portal(), [Subject::deal(DealId(id))]);
    let known = door.store.known(&portal, &deal).await.unwrap();
    let orders = known.orders.into_iter();
    orders.map(|order| order.order).collect()
}

#[tokio::test]
async fn a_robots_order_is_answered_once_it_is_on_disk_and_its_deal_is_due() {
    let door = Door::open().await;
    let token = token(&door).await;
    let address = format!("portal-a?token={token}&order=issue");
    assert_eq!(call(&door, &address, BODY).await, 200);
    assert_eq!(waiting(&door, 4711).await, [Order::Issue]);
    assert_eq!(door.due().await, ["deal/4711"]);
    // Another program names the deal itself, in Russian if it likes, and sends no body.
    let address = format!(
        "portal-a?token={token}&order=%D0%BE%D1%82%D0%BC%D0%B5%D0%BD%D0%B8%D1%82%D1%8C&deal=17"
    );
    let bare =
        format!("POST /orders/bitrix24/{address} HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n");
    assert_eq!(status(&door.answer_to(bare.as_bytes()).await), 200);
    assert_eq!(waiting(&door, 17).await, [Order::Cancel]);
}

#[tokio::test]
async fn without_the_token_nobody_orders_and_nobody_learns_anything() {
    let door = Door::open().await;
    // Nobody made an address yet.
    assert_eq!(call(&door, "portal-a?token=&order=issue", BODY).await, 401);
    let token = token(&door).await;
    let zeros = "0".repeat(64);
    for address in [
        "portal-a?order=issue".to_owned(),
        "portal-a".to_owned(),
        format!("portal-a?token={zeros}&order=issue"),
        format!("portal-x?token={token}&order=issue"),
        format!("portal-a?token={token}x&order=sing&deal=none"),
        format!("portal-a?token=x&token={token}&order=issue"),
        format!("portal-a?token%5B%5D={token}&order=issue"),
    ] {
        for body in [BODY, "nonsense", ""] {
            assert_eq!(call(&door, &address, body).await, 401, "{address}");
        }
    }
    assert!(waiting(&door, 4711).await.is_empty());
    // A new address takes the place of the former, and none is left after it was withdrawn.
    let rng = testkit::seed::shared(2);
    let next = Address::Orders
        .new_token(&door.store, &portal(), &rng)
        .await;
    let next = next.unwrap().expose_secret().to_owned();
    let with = |token: &str| format!("portal-a?token={token}&order=issue");
    assert_eq!(call(&door, &with(&token), BODY).await, 401);
    assert_eq!(call(&door, &with(&next), BODY).await, 200);
    assert!(
        Address::Orders
            .forget_token(&door.store, &portal())
            .await
            .unwrap()
    );
    assert!(
        !Address::Orders
            .forget_token(&door.store, &portal())
            .await
            .unwrap()
    );
    assert_eq!(call(&door, &with(&next), BODY).await, 401);
}

#[tokio::test]
async fn what_is_no_order_is_refused_and_leaves_nothing() {
    let door = Door::open().await;
    let token = token(&door).await;
    let address = format!("portal-a?token={token}&order=issue");
    for (address, body, expected) in [
        (address.replace("issue", "sing"), BODY, 400),
        (address.clone(), "", 400),
        (address.clone(), "document_id[2]=LEAD_5", 400),
        (
            address.clone(),
            "document_id[2]=DEAL_5&auth[member_id]=portal-b",
            400,
        ),
        (format!("{address}&deal=5"), BODY, 400),
        (address.clone(), &"x".repeat(70 << 10), 413),
    ] {
        assert_eq!(call(&door, &address, body).await, expected, "{address}");
    }
    let json = format!(
        "POST /orders/bitrix24/{address} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{{}}"
    );
    assert_eq!(status(&door.answer_to(json.as_bytes()).await), 415);
    let get = format!("GET /orders/bitrix24/{address}&deal=5 HTTP/1.1\r\nhost: x\r\n\r\n");
    assert_eq!(status(&door.answer_to(get.as_bytes()).await), 405);
    for id in [5, 4711] {
        assert!(waiting(&door, id).await.is_empty());
    }
}

#[tokio::test]
async fn an_order_that_cannot_be_kept_is_not_answered_with_200() {
    let door = Door::open().await;
    let token = token(&door).await;
    let address = format!("portal-a?token={token}&order=issue");
    for fault in [Fault::DiskFull, Fault::DiskFullAtCommit] {
        door.store.faults().fail_nth(1, fault);
        assert_eq!(call(&door, &address, BODY).await, 503, "{fault:?}");
    }
    assert!(waiting(&door, 4711).await.is_empty());
    assert_eq!(call(&door, &address, BODY).await, 200);
}

#[tokio::test]
async fn who_tries_sixty_tokens_is_blocked_for_a_minute_but_not_the_right_one() {
    let door = Door::open().await;
    let token = token(&door).await;
    let wrong = "portal-a?token=wrong&order=issue";
    for _try in 0..60 {
        assert_eq!(call(&door, wrong, BODY).await, 401);
    }
    assert_eq!(call(&door, wrong, BODY).await, 429);
    let right = format!("portal-a?token={token}&order=issue");
    assert_eq!(call(&door, &right, BODY).await, 200);
    door.clock.pass(61);
    assert_eq!(call(&door, wrong, BODY).await, 401);
}

#[tokio::test]
async fn a_flood_of_orders_keeps_the_lane_of_people_free() {
    let door = Door::open().await;
    let token = token(&door).await;
    for id in 1..=30 {
        let address = format!("portal-a?token={token}&order=issue&deal={id}");
        assert_eq!(call(&door, &address, "").await, 200);
    }
    let (now, hour) = (door.clock.now(), Duration::from_secs(3_600));
    let lease = door.store.lease_acquire("test", hour, now).await.unwrap();
    let lease = lease.expect("something due");
    let clicks = door.store.work_take(&lease, Lane::Click, 100, &[], now);
    assert_eq!(clicks.await.unwrap().len(), 20);
}

#[tokio::test]
async fn an_enforced_list_of_addresses_holds_for_orders_too() {
    let door = Door::with(|it| {
        it.guard.bitrix24 = SourceList {
            networks: vec!["203.0.113.0/24".parse().unwrap()],
            sources: Sources::Enforce,
        };
    })
    .await;
    let token = token(&door).await;
    let address = format!("portal-a?token={token}&order=issue");
    assert_eq!(call(&door, &address, BODY).await, 403);
}
