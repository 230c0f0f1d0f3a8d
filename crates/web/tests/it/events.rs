//! Events over real HTTP: what is kept, what is refused, and who cannot hold up whom.

use std::time::Duration;

use store::Fault;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use web::{SourceList, Sources};

use crate::support::office::{Office, PASSWORD, sign_in};
use crate::support::{self, Door, TOKEN, event, request, status};

#[tokio::test]
async fn a_good_event_is_answered_once_it_is_on_disk_and_its_deal_is_due() {
    let door = Door::open().await;
    assert_eq!(door.post(&event(TOKEN)).await, 200);
    assert_eq!(door.inbox().await, 1);
    assert_eq!(door.due().await, ["deal/4711"]);
}

#[tokio::test]
async fn a_thousand_receipts_of_one_event_are_one_look() {
    let door = Door::open().await;
    let mut connection = door.connect().await;
    for _receipt in 0..1_000 {
        connection.write_all(&request(&event(TOKEN))).await.unwrap();
        assert_eq!(status(&support::answer(&mut connection).await), 200);
    }
    assert_eq!(door.inbox().await, 1_000);
    assert_eq!(door.due().await, ["deal/4711"]);
}

#[tokio::test]
async fn a_stranger_and_a_wrong_token_get_the_answer_that_everybody_gets_and_leave_nothing() {
    let door = Door::open().await;
    let good = door.answer_to(&request(&event(TOKEN))).await;
    let wrong = door.answer_to(&request(&event("wrong"))).await;
    let stranger = event(TOKEN).replace("portal-a", "portal-x");
    let stranger = door.answer_to(&request(&stranger)).await;
    let timeless = |answer: &str| {
        let lines = answer.lines().filter(|line| !line.starts_with("date:"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(timeless(&wrong), timeless(&good));
    assert_eq!(timeless(&stranger), timeless(&good));
    assert_eq!(door.inbox().await, 1);
}

/// Everything is served by one thread here: hashed on it, passwords would let no event through meanwhile. A busy machine may
/// hold up an event for as long, but not every time.
#[tokio::test]
async fn a_password_that_is_hashed_holds_up_no_event() {
    let office = Office::open().await;
    office.enrolled("Анна").await;
    let door = Door::open().await;
    let mut told = Vec::new();
    for _time in 0..5 {
        let started = tokio::time::Instant::now();
        let signing_in = [(); 2].map(|()| {
            let mut anna = office.browser();
            tokio::spawn(async move { sign_in(&mut anna, "Анна", PASSWORD).await.status })
        });
        let mut longest = Duration::ZERO;
        while !signing_in.iter().all(|one| one.is_finished()) {
            let sent = tokio::time::Instant::now();
            assert_eq!(door.post(&event(TOKEN)).await, 200);
            longest = longest.max(sent.elapsed());
        }
        let took = started.elapsed();
        for one in signing_in {
            assert_eq!(one.await.unwrap(), 303);
        }
        if longest * 3 < took {
            return;
        }
        told.push((longest, took));
    }
    panic!("an event waited for so much of the time that two passwords took: {told:?}");
}

#[tokio::test]
async fn events_that_concern_no_record_of_ours_are_answered_and_not_kept() {
    let door = Door::open().await;
    let foreign = event(TOKEN).replace("ONCRMDEALUPDATE", "ONTASKADD");
    assert_eq!(door.post(&foreign).await, 200);
    let no_id = event(TOKEN).replace("4711", "0");
    assert_eq!(door.post(&no_id).await, 200);
    assert_eq!(door.inbox().await, 0);
}

#[tokio::test]
async fn the_vendors_doorbell_asks_for_a_look_at_its_queue() {
    let door = Door::open().await;
    let doorbell = event(TOKEN).replace("ONCRMDEALUPDATE", "OnOfflineEvent");
    assert_eq!(door.post(&doorbell).await, 200);
    assert_eq!(door.due().await, ["portal/offline"]);
}

#[tokio::test]
async fn what_is_too_large_too_deep_or_ambiguous_is_refused() {
    let door = Door::open().await;
    let good = event(TOKEN);
    let many: String = (0..200).map(|n| format!("&more[{n}]=x")).collect();
    for (body, expected) in [
        (format!("{good}&more={}", "x".repeat(300 << 10)), 413),
        (format!("{good}{many}"), 400),
        (format!("{good}&a[b][c][d][e][f][g][h][i][j]=x"), 400),
        (format!("{good}&auth[application_token]={TOKEN}"), 400),
        (format!("{good}&auth[member_id]=portal-b"), 400),
        (format!("{good}&auth=x"), 400),
        (format!("{good}&open[bracket=x"), 400),
        (format!("{good}&bytes=%FF%FE"), 400),
        (good.replace("event=", "no_event="), 400),
        (good.replace("portal-a", "../portal"), 400),
        (String::new(), 400),
    ] {
        let head: String = body.chars().take(300).collect();
        assert_eq!(door.post(&body).await, expected, "{head}");
    }
    assert_eq!(door.inbox().await, 0);
    assert_eq!(door.post(&good).await, 200);
}

#[tokio::test]
async fn only_forms_are_read_and_only_by_post() {
    let door = Door::open().await;
    let json = "POST /webhooks/bitrix24 HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
    assert_eq!(status(&door.answer_to(json.as_bytes()).await), 415);
    let untyped = "POST /webhooks/bitrix24 HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\na=";
    assert_eq!(status(&door.answer_to(untyped.as_bytes()).await), 415);
    let get = "GET /webhooks/bitrix24 HTTP/1.1\r\nhost: x\r\n\r\n";
    assert_eq!(status(&door.answer_to(get.as_bytes()).await), 405);
    let elsewhere = "GET /admin HTTP/1.1\r\nhost: x\r\n\r\n";
    assert_eq!(status(&door.answer_to(elsewhere.as_bytes()).await), 404);
}

#[tokio::test]
async fn a_request_of_two_lengths_or_of_none_is_not_read() {
    let door = Door::open().await;
    let body = event(TOKEN);
    let length = body.len();
    for framing in [
        format!("content-length: {length}\r\ntransfer-encoding: chunked"),
        format!("transfer-encoding: chunked\r\ncontent-length: {length}"),
        format!("content-length: {length}\r\ncontent-length: 5"),
        "transfer-encoding: chunked".to_owned(),
        "transfer-encoding: gzip, chunked".to_owned(),
        "content-length: -1".to_owned(),
    ] {
        let head = format!(
            "POST /webhooks/bitrix24 HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\n{framing}\r\n\r\n"
        );
        let chunked = format!("{head}{length:x}\r\n{body}\r\n0\r\n\r\n");
        // To its end: whoever mixes lengths is not heard on this connection again.
        let mut connection = door.connect().await;
        connection.write_all(chunked.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _closed = connection.read_to_end(&mut answer).await;
        let answer = String::from_utf8_lossy(&answer);
        assert!(matches!(status(&answer), 400 | 411), "{framing}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{framing}: {answer}");
    }
    assert_eq!(door.inbox().await, 0);
}

#[tokio::test]
async fn a_head_beyond_all_measure_is_refused() {
    let door = Door::open().await;
    let mut head = "POST /webhooks/bitrix24 HTTP/1.1\r\nhost: x\r\n".to_owned();
    for n in 0..20 {
        head.push_str(&format!("x-{n}: {}\r\n", "x".repeat(1_000)));
    }
    let answer = door.answer_to(head.as_bytes()).await;
    assert_eq!(status(&answer), 431, "{answer}");
}

#[tokio::test]
async fn who_sends_byte_by_byte_is_closed_at_the_deadline_and_holds_up_nobody() {
    let deadline = Duration::from_millis(1_500);
    let door = Door::with(|it| it.deadline = deadline).await;
    let good = request(&event(TOKEN));
    let body_starts = good.len() - event(TOKEN).len();
    let mut slow = Vec::new();
    // In the midst of the head, and in the midst of the body.
    for sent in [20, body_starts + 20] {
        let mut connection = door.connect().await;
        connection.write_all(&good[..sent]).await.unwrap();
        slow.push((connection, sent));
    }
    let started = tokio::time::Instant::now();
    assert_eq!(door.post(&event(TOKEN)).await, 200);
    assert!(started.elapsed() < deadline, "a good event had to wait");
    for (connection, sent) in slow {
        let (mut reading, mut writing) = connection.into_split();
        let rest = good[sent..good.len() - 1].to_vec();
        let dripping = tokio::spawn(async move {
            let mut pace = tokio::time::interval(Duration::from_millis(100));
            for byte in rest {
                pace.tick().await;
                if writing.write_all(&[byte]).await.is_err() {
                    break;
                }
            }
        });
        let mut answer = Vec::new();
        let closed = reading.read_to_end(&mut answer);
        let closed = tokio::time::timeout(deadline * 10, closed).await;
        assert!(
            closed.is_ok(),
            "still open after {sent} bytes and ten deadlines"
        );
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.is_empty() || status(&answer) == 408, "{answer}");
        dripping.abort();
    }
    assert_eq!(door.inbox().await, 1);
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed() {
    let door = Door::with(|it| it.deadline = Duration::from_millis(200)).await;
    let mut connection = door.connect().await;
    let mut nothing = Vec::new();
    let closed = connection.read_to_end(&mut nothing);
    tokio::time::timeout(Duration::from_secs(10), closed)
        .await
        .expect("closed")
        .unwrap();
}

#[tokio::test]
async fn no_call_ever_goes_to_an_address_of_the_event() {
    let door = Door::open().await;
    let trap = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = trap.local_addr().unwrap();
    let body = format!(
        "{}&auth[client_endpoint]=http%3A%2F%2F{address}%2Frest%2F&auth[server_endpoint]=http%3A%2F%2F{address}%2F&auth[domain]={address}",
        event(TOKEN)
    );
    assert_eq!(door.post(&body).await, 200);
    let install = body.replace("ONCRMDEALUPDATE", "ONAPPINSTALL");
    assert_eq!(
        door.post(&format!("{install}&auth[refresh_token]=r")).await,
        200
    );
    assert_eq!(door.portals.installs(), ["portal-a"]);
    // A call would have been made before the answer, or be on its way by now.
    for _turn in 0..50 {
        tokio::task::yield_now().await;
    }
    let called = tokio::time::timeout(Duration::from_millis(100), trap.accept()).await;
    assert!(called.is_err(), "somebody called {address}");
}

#[tokio::test]
async fn an_install_that_does_not_prove_itself_is_answered_like_one_that_does() {
    let door = Door::open().await;
    let install = format!("{}&auth[refresh_token]=r", event(TOKEN))
        .replace("ONCRMDEALUPDATE", "ONAPPINSTALL");
    let proved = door.post(&install).await;
    let forged = door.post(&install.replace("portal-a", "forged")).await;
    assert_eq!((proved, forged), (200, 200));
    assert_eq!(door.portals.installs(), ["portal-a"]);
}

#[tokio::test]
async fn an_uninstall_counts_only_with_the_right_token() {
    let door = Door::open().await;
    let uninstall = |token| event(token).replace("ONCRMDEALUPDATE", "ONAPPUNINSTALL");
    assert_eq!(door.post(&uninstall("wrong")).await, 200);
    assert!(door.portals.uninstalled().is_empty());
    assert_eq!(door.post(&uninstall(TOKEN)).await, 200);
    assert_eq!(door.portals.uninstalled(), ["portal-a"]);
}

#[tokio::test]
async fn an_uninstall_that_cannot_be_kept_is_not_answered_with_200() {
    let door = Door::open().await;
    let uninstall = event(TOKEN).replace("ONCRMDEALUPDATE", "ONAPPUNINSTALL");
    door.portals.set_unwritable(true);
    assert_eq!(door.post(&uninstall).await, 503);
    door.portals.set_unwritable(false);
    assert_eq!(door.post(&uninstall).await, 200);
    assert_eq!(door.portals.uninstalled(), ["portal-a"]);
}

#[tokio::test]
async fn an_old_uninstall_told_again_and_again_changes_nothing_and_is_asked_about_seldom() {
    let door = Door::open().await;
    let uninstall = event(TOKEN).replace("ONCRMDEALUPDATE", "ONAPPUNINSTALL");
    door.portals.set_installed(true);
    assert_eq!(door.post(&uninstall).await, 200);
    for _time in 0..20 {
        assert_eq!(door.post(&uninstall).await, 503);
    }
    assert_eq!(door.portals.removals_told(), 1);
    // A true one after it counts.
    door.clock.pass(5);
    door.portals.set_installed(false);
    assert_eq!(door.post(&uninstall).await, 200);
    assert_eq!(door.portals.uninstalled(), ["portal-a"]);
}

#[tokio::test]
async fn an_event_that_cannot_be_kept_is_not_answered_with_200() {
    let door = Door::open().await;
    for fault in [Fault::DiskFull, Fault::DiskFullAtCommit] {
        door.store.faults().fail_nth(1, fault);
        assert_eq!(door.post(&event(TOKEN)).await, 503, "{fault:?}");
        assert_eq!(door.inbox().await, 0);
    }
    assert_eq!(door.post(&event(TOKEN)).await, 200);
    door.store.faults().fail_nth(1, Fault::Io);
    assert_eq!(door.post(&event(TOKEN)).await, 503);
    // From now on the store is broken for good, and readiness says so.
    let ready = b"GET /health/ready HTTP/1.1\r\nhost: x\r\n\r\n";
    assert_eq!(status(&door.answer_to(ready).await), 503);
    let live = b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n";
    assert_eq!(status(&door.answer_to(live).await), 200);
}

#[tokio::test]
async fn an_event_whose_token_cannot_be_compared_is_not_answered_with_200_and_counts_as_nobodys() {
    let door = Door::open().await;
    door.portals.set_unreadable(true);
    for _try in 0..100 {
        assert_eq!(door.post(&event(TOKEN)).await, 503);
    }
    door.portals.set_unreadable(false);
    assert_eq!(door.inbox().await, 0);
    assert_eq!(door.post(&event(TOKEN)).await, 200);
    assert_eq!(door.inbox().await, 1);
}

#[tokio::test]
async fn readiness_is_red_while_nothing_can_be_kept_and_costs_a_write_a_second_at_most() {
    let door = Door::open().await;
    let ready = async || {
        let ask = b"GET /health/ready HTTP/1.1\r\nhost: x\r\n\r\n";
        status(&door.answer_to(ask).await)
    };
    assert_eq!(ready().await, 200);
    let faults = door.store.faults();
    faults.fail_nth(1, Fault::DiskFullAtCommit);
    assert_eq!(ready().await, 200, "asked again within the second");
    door.clock.pass(1);
    assert_eq!(ready().await, 503);
    assert!(!faults.cancel(), "the failure has happened");
    assert_eq!(ready().await, 503, "asked again within the second");
    door.clock.pass(1);
    assert_eq!(ready().await, 200);
}

#[tokio::test]
async fn an_address_that_tries_sixty_wrong_tokens_is_blocked_for_a_minute_but_not_its_good_events()
{
    let door = Door::open().await;
    for _try in 0..60 {
        assert_eq!(door.post(&event("wrong")).await, 200);
    }
    assert_eq!(door.post(&event("wrong")).await, 429);
    assert_eq!(door.post("nonsense").await, 429);
    let install = format!("{}&auth[refresh_token]=r", event("wrong"))
        .replace("ONCRMDEALUPDATE", "ONAPPINSTALL");
    assert_eq!(door.post(&install).await, 429);
    assert!(door.portals.installs().is_empty());
    // The vendor's addresses are shared: another portal's nonsense must not shut this one out.
    assert_eq!(door.post(&event(TOKEN)).await, 200);
    door.clock.pass(61);
    assert_eq!(door.post(&event("wrong")).await, 200);
}

#[tokio::test]
async fn an_enforced_list_counts_the_address_behind_our_proxy() {
    let door = Door::with(|it| {
        it.guard.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
        it.guard.bitrix24 = SourceList {
            networks: vec!["203.0.113.0/24".parse().unwrap()],
            sources: Sources::Enforce,
        };
    })
    .await;
    let via = |forwarded: &str| {
        let body = event(TOKEN);
        let head = format!(
            "POST /webhooks/bitrix24 HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n{forwarded}\r\n{body}",
            body.len()
        );
        head.into_bytes()
    };
    for (forwarded, expected) in [
        ("x-forwarded-for: 203.0.113.7\r\n", 200),
        ("x-forwarded-for: 198.51.100.1\r\n", 403),
        // What the caller wrote stands to the left of what our proxy saw.
        ("x-forwarded-for: 203.0.113.7, 198.51.100.1\r\n", 403),
        (
            "x-forwarded-for: 203.0.113.7\r\nx-forwarded-for: 198.51.100.1\r\n",
            403,
        ),
        (
            "x-forwarded-for: 198.51.100.1, 203.0.113.7, 127.0.0.9\r\n",
            200,
        ),
        ("", 403),
    ] {
        let answer = door.answer_to(&via(forwarded)).await;
        assert_eq!(status(&answer), expected, "{forwarded}");
    }
    assert_eq!(door.inbox().await, 2);
}

#[tokio::test]
async fn a_list_that_only_observes_lets_everybody_in() {
    let door = Door::with(|it| {
        it.guard.bitrix24 = SourceList {
            networks: vec!["203.0.113.0/24".parse().unwrap()],
            sources: Sources::Observe,
        };
    })
    .await;
    assert_eq!(door.post(&event(TOKEN)).await, 200);
}

#[tokio::test]
async fn answers_carry_nothing_that_a_browser_could_use() {
    let door = Door::open().await;
    let answer = door.answer_to(&request(&event(TOKEN))).await;
    for header in [
        "x-content-type-options: nosniff",
        "cache-control: no-store",
        "content-security-policy: default-src 'none'; frame-ancestors 'none'",
    ] {
        assert!(answer.contains(header), "{answer}");
    }
    assert!(answer.ends_with("\r\n\r\n"), "a body: {answer}");
}

#[tokio::test]
async fn a_stop_lets_the_request_under_way_come_to_its_end() {
    let door = Door::open().await;
    let good = request(&event(TOKEN));
    let mut connection = door.connect().await;
    let (first, rest) = good.split_at(good.len() - 10);
    connection.write_all(first).await.unwrap();
    // The head is read once the server asks for more than has come.
    let running = door.running;
    let address = running.addr();
    let mut other = TcpStream::connect(address).await.unwrap();
    other.write_all(&good).await.unwrap();
    assert_eq!(status(&support::answer(&mut other).await), 200);
    let stopping = tokio::spawn(running.stop());
    connection.write_all(rest).await.unwrap();
    assert_eq!(status(&support::answer(&mut connection).await), 200);
    drop((connection, other));
    stopping.await.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}
