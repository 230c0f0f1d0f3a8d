//! What a client on the other end of a real connection sees.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may"
)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::Response;
use axum::routing::{get, post};
use emulator_harness::{FaultKind, FaultRule, Faults, Served, Tls, cut_body, play, serve};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

async fn served(router: Router, tls: Option<Tls>) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    serve(listener, router, tls).await
}

fn client() -> reqwest::ClientBuilder {
    // Another test of this process may have been first.
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder().no_proxy()
}

/// Everything the server sends on one connection until it closes it.
async fn raw(addr: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    // A reset after the bytes is an end like any other here.
    drop(stream.read_to_end(&mut bytes).await);
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn handlers_see_the_peer() {
    let echo = |ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.ip().to_string() };
    let server = served(Router::new().route("/", get(echo)), None).await;
    let url = format!("http://{}/", server.addr());
    let answer = client().build().unwrap().get(url).send().await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "127.0.0.1");
    server.shutdown().await;
}

#[tokio::test]
async fn lost_answer_closes_the_connection_without_a_byte_though_the_effect_is_done() {
    let faults = Faults::new(1);
    faults.add(FaultRule::once(FaultKind::AnswerLost, "/write"));
    let effects = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&effects);
    let write = move || {
        let fault = faults.draw("/write");
        let counted = Arc::clone(&counted);
        play(fault, Response::default, async move {
            counted.fetch_add(1, Ordering::SeqCst);
            Response::new(Body::from("done"))
        })
    };
    let server = served(Router::new().route("/write", post(write)), None).await;
    let request =
        "POST /write HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    assert_eq!(raw(server.addr(), request).await, "");
    assert_eq!(effects.load(Ordering::SeqCst), 1);
    assert!(raw(server.addr(), request).await.ends_with("\r\n\r\ndone"));

    let url = format!("http://{}/write", server.addr());
    let answer = client().build().unwrap().post(url).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    server.shutdown().await;
}

#[tokio::test]
async fn cut_body_sends_its_bytes_and_then_breaks() {
    let cut = || async { cut_body(Response::new(Body::from("0123456789")), 4) };
    let server = served(Router::new().route("/", get(cut)), None).await;
    let bytes = raw(server.addr(), "GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(bytes.starts_with("HTTP/1.1 200 OK\r\n"), "{bytes}");
    assert!(bytes.contains("content-length: 10\r\n"), "{bytes}");
    assert!(bytes.ends_with("\r\n\r\n0123"), "{bytes}");

    let url = format!("http://{}/", server.addr());
    let answer = client().build().unwrap().get(url).send().await.unwrap();
    assert!(answer.bytes().await.is_err());
}

#[tokio::test]
async fn tls_is_trusted_through_its_authority_alone() {
    let (tls, authority) = Tls::self_made(&["emulator.test"]);
    let router = Router::new().route("/", get(|| async { "secret" }));
    let server = served(router, Some(tls)).await;
    let url = format!("https://localhost:{}/", server.addr().port());

    let authority = reqwest::Certificate::from_pem(authority.as_bytes()).unwrap();
    let trusting = client().tls_certs_only([authority]).build().unwrap();
    let answer = trusting.get(&url).send().await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "secret");

    let stranger = Tls::self_made(&[]).1;
    let stranger = reqwest::Certificate::from_pem(stranger.as_bytes()).unwrap();
    let wary = client().tls_certs_only([stranger]).build().unwrap();
    assert!(wary.get(&url).send().await.is_err());
}

#[tokio::test]
async fn shutdown_and_drop_stop_listening() {
    for by_drop in [false, true] {
        let server = served(Router::new(), None).await;
        let addr = server.addr();
        TcpStream::connect(addr).await.unwrap();
        if by_drop {
            drop(server);
            // The aborted task lets its listener go when the runtime next runs it.
            while TcpStream::connect(addr).await.is_ok() {
                tokio::task::yield_now().await;
            }
        } else {
            server.shutdown().await;
            assert!(TcpStream::connect(addr).await.is_err());
        }
    }
}
