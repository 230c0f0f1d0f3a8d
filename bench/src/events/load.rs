//! The other end: events at a fixed rate, or from callers that wait for one another's answers.
//!
//! The plainest client there is, so that on a machine of two cores it takes little from what is measured.
#![allow(
    clippy::disallowed_methods,
    reason = "it measures by the machine's clock"
)]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::{MEMBER, TOKEN};

/// What the events were answered, and how long each waited.
#[derive(Debug, Default)]
pub struct Heard {
    /// Of those that were answered with 200, from the moment when they should have come.
    pub waits: Vec<Duration>,
    /// Anything but a 200.
    pub failed: usize,
    /// From the first to the last.
    pub took: Duration,
}

impl Heard {
    fn take(&mut self, answered: bool, wait: Duration) {
        if answered {
            self.waits.push(wait);
        } else {
            self.failed += 1;
        }
    }

    fn of(parts: Vec<Heard>, took: Duration) -> Self {
        let mut heard = Self {
            took,
            ..Self::default()
        };
        for mut part in parts {
            heard.waits.append(&mut part.waits);
            heard.failed += part.failed;
        }
        heard.waits.sort_unstable();
        heard
    }

    /// Events a second.
    pub fn rate(&self) -> f64 {
        self.waits.len() as f64 / self.took.as_secs_f64().max(0.001)
    }
}

/// `rate` events a second, `count` of them, on connections that are kept open. An event for which no connection is
/// free waits for one, and the waiting counts.
pub async fn open_loop(addr: SocketAddr, rate: u64, count: u64, connections: u64) -> Heard {
    let start = Instant::now() + Duration::from_millis(200);
    let mut callers = JoinSet::new();
    let (due, events) = async_channel(count);
    for _connection in 0..connections {
        let events = events.clone();
        callers.spawn(async move {
            let mut heard = Heard::default();
            let mut connection = None;
            while let Some(number) = events.next().await {
                let wanted = start + Duration::from_micros(number * 1_000_000 / rate);
                let answered = send(&mut connection, addr, number).await;
                heard.take(answered, wanted.elapsed());
            }
            heard
        });
    }
    drop(events);
    let mut pace = tokio::time::interval(Duration::from_millis(1));
    let mut sent = 0;
    while sent < count {
        pace.tick().await;
        let micros = u64::try_from(Instant::now().duration_since(start).as_micros());
        let owed = (micros.unwrap_or(0) * rate / 1_000_000).min(count);
        while sent < owed {
            due.give(sent);
            sent += 1;
        }
    }
    drop(due);
    let parts = callers.join_all().await;
    Heard::of(parts, start.elapsed())
}

/// `callers`, each of which sends its next event once the former is answered.
pub async fn closed_loop(addr: SocketAddr, callers: u64, lasts: Duration) -> Heard {
    let start = Instant::now();
    let mut running = JoinSet::new();
    for caller in 0..callers {
        running.spawn(async move {
            let mut heard = Heard::default();
            let mut connection = None;
            let mut number = caller;
            while start.elapsed() < lasts {
                let began = Instant::now();
                let answered = send(&mut connection, addr, number).await;
                heard.take(answered, began.elapsed());
                number += callers;
            }
            heard
        });
    }
    let parts = running.join_all().await;
    Heard::of(parts, start.elapsed())
}

/// Sends one event on the connection, or on a new one; whether it was answered with 200.
async fn send(connection: &mut Option<TcpStream>, addr: SocketAddr, number: u64) -> bool {
    if connection.is_none() {
        let Ok(made) = TcpStream::connect(addr).await else {
            return false;
        };
        drop(made.set_nodelay(true));
        *connection = Some(made);
    }
    let Some(stream) = connection.as_mut() else {
        return false;
    };
    let answered = exchange(stream, &request(number)).await;
    if answered.is_none() {
        *connection = None;
    }
    answered == Some(true)
}

/// Whether it was 200; none: the connection is of no use any more.
async fn exchange(stream: &mut TcpStream, request: &[u8]) -> Option<bool> {
    stream.write_all(request).await.ok()?;
    let mut head = [0_u8; 1_024];
    let mut length = 0;
    loop {
        let rest = head.get_mut(length..)?;
        let read = stream.read(rest).await.ok()?;
        if read == 0 {
            return None;
        }
        length += read;
        let seen = head.get(..length)?;
        // Neither side answers with a body.
        if seen.ends_with(b"\r\n\r\n") {
            return Some(seen.starts_with(b"HTTP/1.1 200"));
        }
    }
}

/// An event as a portal sends it: with tokens of the user, which nobody uses.
fn request(number: u64) -> Vec<u8> {
    let deal = number % 5_000 + 1;
    let body = format!(
        "event=ONCRMDEALUPDATE&event_handler_id=201&data%5BFIELDS%5D%5BID%5D={deal}&ts=1773306000\
         &auth%5Baccess_token%5D=0a1b2c6800705a4f0000000100000001c0ffee11d4c6a3b2&auth%5Bexpires_in%5D=3600\
         &auth%5Bscope%5D=crm%2Ctask%2Cuser_brief&auth%5Bdomain%5D=portal.bitrix24.ru\
         &auth%5Bserver_endpoint%5D=https%3A%2F%2Foauth.bitrix24.tech%2Frest%2F&auth%5Bstatus%5D=L\
         &auth%5Bclient_endpoint%5D=https%3A%2F%2Fportal.bitrix24.ru%2Frest%2F\
         &auth%5Bmember_id%5D={MEMBER}&auth%5Buser_id%5D=7&auth%5Bapplication_token%5D={TOKEN}"
    );
    let length = body.len();
    let path = web::BITRIX24_EVENTS;
    format!(
        "POST {path} HTTP/1.1\r\nhost: provodka.example\r\nuser-agent: Bitrix24 Webhook Engine\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Numbers that are handed out one by one to whoever asks next.
fn async_channel(most: u64) -> (Giver, Taker) {
    let (give, take) = tokio::sync::mpsc::channel(usize::try_from(most).unwrap_or(1).max(1));
    let take = std::sync::Arc::new(tokio::sync::Mutex::new(take));
    (Giver(give), Taker(take))
}

struct Giver(tokio::sync::mpsc::Sender<u64>);

impl Giver {
    fn give(&self, number: u64) {
        // There is room for all of them.
        let _given = self.0.try_send(number).is_ok();
    }
}

#[derive(Clone)]
struct Taker(std::sync::Arc<tokio::sync::Mutex<tokio::sync::mpsc::Receiver<u64>>>);

impl Taker {
    async fn next(&self) -> Option<u64> {
        self.0.lock().await.recv().await
    }
}
