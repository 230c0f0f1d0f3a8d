//! What the real client makes of remotes that are silent, slow, giant, elsewhere or not there.
//!
//! The remote is a bare listener that says exactly the bytes of the test; what a simulated day plays on the client's twin
//! is here met by the client itself.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests may"
)]

use std::io::{ErrorKind, Write as _};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderMap, Method};
use jiff::{SignedDuration, Timestamp};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use transport::{
    Allowed, Answer, Deadlines, HttpTransport, MOST_BYTES, Request, Transport as _, TransportError,
};
use url::Url;

/// No test waits as long as this.
const LONG: Duration = Duration::from_secs(60);
/// Long enough for a remote that speaks, short enough to wait for.
const SHORT: Duration = Duration::from_millis(300);
const PATIENT: Deadlines = Deadlines {
    total: LONG,
    idle: LONG,
};

async fn listening() -> (TcpListener, Url) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    (listener, url.parse().unwrap())
}

/// The connection of a client whose request has come.
async fn asked(listener: TcpListener) -> TcpStream {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut head: Vec<u8> = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        assert_ne!(stream.read_buf(&mut head).await.unwrap(), 0);
    }
    stream
}

/// Waits until the client has closed the connection.
async fn closed(mut stream: TcpStream) {
    let end = tokio::time::timeout(LONG, stream.read(&mut [0])).await;
    assert!(
        matches!(end, Ok(Ok(0) | Err(_))),
        "the connection stays open"
    );
}

fn request(url: Url, deadlines: Deadlines) -> Request {
    Request {
        method: Method::GET,
        url,
        headers: HeaderMap::new(),
        body: Bytes::new(),
        deadlines,
        not_after: None,
    }
}

fn client() -> HttpTransport {
    let in_development = Allowed::new([], true);
    HttpTransport::new(in_development, &[], Arc::new(|| Timestamp::UNIX_EPOCH)).unwrap()
}

/// What the client makes of a remote that says these bytes and closes.
async fn answer_of(bytes: Vec<u8>) -> Result<Answer, TransportError> {
    let (listener, url) = listening().await;
    let remote = tokio::spawn(async move {
        let mut stream = asked(listener).await;
        // The client may go before it has heard everything.
        drop(stream.write_all(&bytes).await);
    });
    let answer = client().send(request(url, PATIENT)).await;
    remote.await.unwrap();
    answer
}

fn whole(headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

#[tokio::test]
async fn silence_after_the_headers_ends_at_the_idle_deadline() {
    let (listener, url) = listening().await;
    let remote = tokio::spawn(async move {
        let mut stream = asked(listener).await;
        let begun = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n123";
        stream.write_all(begun).await.unwrap();
        closed(stream).await;
    });
    let deadlines = Deadlines {
        total: LONG,
        idle: SHORT,
    };
    let client = client();
    let error = client.send(request(url, deadlines)).await.unwrap_err();
    assert_eq!(error, TransportError::TimedOut(SHORT));
    assert!(!error.surely_not_sent() && error.blames_remote());
    remote.await.unwrap();
}

#[tokio::test]
async fn a_byte_now_and_then_ends_at_the_total_deadline() {
    let (listener, url) = listening().await;
    let remote = tokio::spawn(async move {
        let mut stream = asked(listener).await;
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n";
        stream.write_all(head).await.unwrap();
        let mut now_and_then = tokio::time::interval(Duration::from_millis(10));
        let mut said = 0;
        while stream.write_all(b" ").await.is_ok() {
            said += 1;
            now_and_then.tick().await;
        }
        said
    });
    let deadlines = Deadlines {
        total: SHORT,
        idle: LONG,
    };
    let client = client();
    let error = client.send(request(url, deadlines)).await.unwrap_err();
    assert_eq!(error, TransportError::TimedOut(SHORT));
    // It spoke all the while, and noticed that nobody listens any more.
    assert!(remote.await.unwrap() > 1);
}

#[tokio::test]
async fn no_answer_at_all_ends_at_the_total_deadline_or_when_nothing_may_be_sent_any_more() {
    let until = Timestamp::UNIX_EPOCH + SignedDuration::from_millis(300);
    for (total, not_after) in [(SHORT, None), (LONG, Some(until))] {
        let (listener, url) = listening().await;
        let remote = tokio::spawn(async move { closed(asked(listener).await).await });
        let request = Request {
            not_after,
            ..request(url, Deadlines { total, idle: LONG })
        };
        let client = client();
        let error = client.send(request).await.unwrap_err();
        assert_eq!(error, TransportError::TimedOut(SHORT));
        remote.await.unwrap();
    }
}

#[tokio::test]
async fn an_answer_is_read_up_to_its_limit_and_not_a_byte_beyond() {
    let largest = answer_of(whole("", &vec![b' '; MOST_BYTES])).await;
    assert_eq!(largest.unwrap().body.len(), MOST_BYTES);
    let larger = answer_of(whole("", &vec![b' '; MOST_BYTES + 1])).await;
    assert_eq!(larger.unwrap_err(), TransportError::TooLarge);
}

#[tokio::test]
async fn what_is_packed_small_counts_as_large_as_it_opens() {
    let packed = |size: usize| {
        let mut packer = GzEncoder::new(Vec::new(), Compression::best());
        packer.write_all(&vec![0; size]).unwrap();
        let packed = packer.finish().unwrap();
        assert!(packed.len() < size / 500, "{} bytes", packed.len());
        whole("Content-Encoding: gzip\r\n", &packed)
    };
    let opened = answer_of(packed(1 << 20)).await.unwrap();
    assert_eq!(opened.body.len(), 1 << 20);
    let error = answer_of(packed(20 << 20)).await.unwrap_err();
    assert_eq!(error, TransportError::TooLarge);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_no_answer() {
    for begun in [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
    ] {
        let error = answer_of(begun.into()).await.unwrap_err();
        assert!(matches!(error, TransportError::Cut(_)), "{error}");
        assert!(!error.surely_not_sent());
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_not_followed() {
    let elsewhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let to = format!("http://{}/", elsewhere.local_addr().unwrap());
    let redirect = format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
    let answer = answer_of(redirect.into()).await.unwrap();
    assert_eq!(answer.status, 302);
    assert_eq!(answer.headers.get("location").unwrap(), &to);
    let nobody = elsewhere.accept().unwrap_err();
    assert_eq!(nobody.kind(), ErrorKind::WouldBlock);
}

#[tokio::test]
async fn where_nobody_listens_nothing_was_sent() {
    let (listener, url) = listening().await;
    drop(listener);
    let error = client().send(request(url, PATIENT)).await.unwrap_err();
    assert!(matches!(error, TransportError::NotSent(_)), "{error}");
    assert!(error.surely_not_sent() && error.blames_remote());
}
