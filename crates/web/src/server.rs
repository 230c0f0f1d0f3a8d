//! The listener: HTTP/1.1 with bounded headers, bounded time and a bounded number of connections.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::{IntoResponse as _, Response};
use http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, REFERRER_POLICY, TRANSFER_ENCODING,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderName, HeaderValue, Request, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

use crate::admin::{Pages, pages_router};
use crate::{App, TlsError, TlsFiles, router};

/// Largest head of a request, in bytes.
const MOST_HEAD: usize = 16 << 10;
/// For the head, and again for the whole request with its answer.
const DEADLINE: Duration = Duration::from_secs(10);
/// Rest after a connection could not be accepted.
const ACCEPT_REST: Duration = Duration::from_millis(100);
/// Connections at one time; more wait in the system's queue.
const MOST_CONNECTIONS: usize = 2_000;

/// For the whole of a request for a page: a statement is uploaded over a slow line.
const DEADLINE_OF_PAGES: Duration = Duration::from_secs(600);

/// What every answer says to a browser.
const SAID_WITH_EACH: [(HeaderName, HeaderValue); 5] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    ),
];
/// What it says with a page in place of that: a page has a sheet of style and forms, never a script. Its forms tell where
/// they were sent from.
static SAID_WITH_PAGES: [(HeaderName, HeaderValue); 4] = [
    (REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; \
             frame-ancestors 'none'",
        ),
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
];

/// A running server.
#[derive(Debug)]
pub struct Running {
    addr: SocketAddr,
    stop: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

impl Running {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Takes no more connections and waits for requests under way, at most their deadline.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        if let Err(error) = self.accepting.await {
            tracing::error!(%error, "the server ended badly");
        }
    }
}

/// Serves all routes until stopped. A request has ten seconds for its head, and ten for the whole with its
/// answer.
///
/// # Errors
/// When the TLS files cannot be used, or the listener has no address.
pub fn serve(
    listener: TcpListener,
    tls: Option<&TlsFiles>,
    app: App,
) -> Result<Running, ServeError> {
    serve_within(listener, tls, app, DEADLINE)
}

/// The same with another deadline than ten seconds.
///
/// # Errors
/// As [`serve`].
pub fn serve_within(
    listener: TcpListener,
    tls: Option<&TlsFiles>,
    app: App,
    deadline: Duration,
) -> Result<Running, ServeError> {
    let rules = Rules {
        router: router(app),
        deadline,
        said: &[],
    };
    begin(listener, tls, rules)
}

/// Serves the pages for people until stopped. A head has ten seconds, a whole request ten minutes.
///
/// # Errors
/// As [`serve`].
pub fn serve_pages(
    listener: TcpListener,
    tls: Option<&TlsFiles>,
    pages: Pages,
) -> Result<Running, ServeError> {
    let rules = Rules {
        router: pages_router(pages),
        deadline: DEADLINE_OF_PAGES,
        said: &SAID_WITH_PAGES,
    };
    begin(listener, tls, rules)
}

fn begin(
    listener: TcpListener,
    tls: Option<&TlsFiles>,
    rules: Rules,
) -> Result<Running, ServeError> {
    let acceptor = tls.map(TlsFiles::acceptor).transpose()?;
    let addr = listener.local_addr().map_err(ServeError::Listener)?;
    let (stop, stopped) = watch::channel(false);
    let accepting = tokio::spawn(accept(listener, acceptor, rules, stopped));
    Ok(Running {
        addr,
        stop,
        accepting,
    })
}

/// What every connection is served by.
#[derive(Clone)]
struct Rules {
    router: Router,
    deadline: Duration,
    /// Beside, and in place of, what every answer says.
    said: &'static [(HeaderName, HeaderValue)],
}

/// The server cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The listener.
    #[error("the listener cannot be used")]
    Listener(#[source] std::io::Error),
}

async fn accept(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    rules: Rules,
    mut stopped: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let place = tokio::select! {
            () = told(&mut stopped) => break,
            Ok(place) = Arc::clone(&places).acquire_owned() => place,
        };
        let stream = tokio::select! {
            () = told(&mut stopped) => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => (stream, peer),
                // Out of file handles, or the caller went away: others still wait.
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    // Handles come back as connections end; asking without a rest would only burn time and log.
                    drop(tokio::time::timeout(ACCEPT_REST, told(&mut stopped)).await);
                    continue;
                }
            },
        };
        let (tls, rules, stopped) = (tls.clone(), rules.clone(), stopped.clone());
        connections.spawn(async move {
            let (stream, peer) = stream;
            converse(stream, peer, tls, rules, stopped).await;
            drop(place);
        });
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Returns once the server is told to stop, or nobody is left to tell it.
async fn told(stopped: &mut watch::Receiver<bool>) {
    drop(stopped.wait_for(|stop| *stop).await);
}

async fn converse(
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<TlsAcceptor>,
    rules: Rules,
    stopped: watch::Receiver<bool>,
) {
    // A failure to set it costs latency and nothing else.
    drop(stream.set_nodelay(true));
    match tls {
        None => http(stream, peer, rules, stopped).await,
        Some(tls) => {
            match tokio::time::timeout(DEADLINE.min(rules.deadline), tls.accept(stream)).await {
                Ok(Ok(stream)) => http(stream, peer, rules, stopped).await,
                Ok(Err(error)) => tracing::debug!(%peer, %error, "no TLS"),
                Err(_) => tracing::debug!(%peer, "TLS took too long"),
            }
        }
    }
}

async fn http<S>(stream: S, peer: SocketAddr, rules: Rules, mut stopped: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let of_head = rules.deadline.min(DEADLINE);
    let service =
        service_fn(move |request: Request<Incoming>| answer(rules.clone(), peer, request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(of_head)
        .max_buf_size(MOST_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = told(&mut stopped) => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "a connection broke");
    }
}

async fn answer(
    rules: Rules,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Result<Response, Infallible> {
    let said = rules.said;
    let mut response = if request.headers().contains_key(TRANSFER_ENCODING) {
        // Who speaks to us states a length. Of two lengths a proxy could have believed the other one.
        (StatusCode::LENGTH_REQUIRED, [(CONNECTION, "close")]).into_response()
    } else {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        match tokio::time::timeout(rules.deadline, rules.router.oneshot(request)).await {
            Ok(response) => response.unwrap_or_else(|never| match never {}),
            Err(_) => StatusCode::REQUEST_TIMEOUT.into_response(),
        }
    };
    let headers = response.headers_mut();
    headers.reserve(SAID_WITH_EACH.len());
    for (name, value) in SAID_WITH_EACH {
        headers.insert(name, value);
    }
    for (name, value) in said {
        headers.insert(name, value.clone());
    }
    Ok(response)
}
