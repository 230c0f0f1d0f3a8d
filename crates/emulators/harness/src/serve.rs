//! The HTTP server of an emulator: HTTP/1.1 on a given listener, with or without TLS, able
//! to close a connection instead of answering.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::response::Response;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tower::ServiceExt as _;

use crate::answer::is_lost;
use crate::clock::wait;
use crate::tls::Tls;

/// How long `shutdown` waits for requests under way before it breaks them off.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(2);

/// How long accepting pauses after the system refused it (no file handles left).
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// A running server. Dropping it stops the server at once.
#[derive(Debug)]
pub struct Served {
    addr: SocketAddr,
    stop: watch::Sender<bool>,
    accepting: Option<JoinHandle<()>>,
}

/// Serves `router` on `listener` until the returned value is shut down or dropped.
///
/// Handlers find the peer's address as `ConnectInfo<SocketAddr>`. An answer marked as
/// [`crate::ConnectionLost`] closes the connection before any byte of it.
pub async fn serve(listener: TcpListener, router: Router, tls: Option<Tls>) -> Served {
    let unknown = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let addr = listener.local_addr().unwrap_or(unknown);
    let (stop, stopped) = watch::channel(false);
    let accepting = tokio::spawn(accept(listener, router, tls, stopped));
    Served {
        addr,
        stop,
        accepting: Some(accepting),
    }
}

impl Served {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Takes no new connection, lets requests under way end for two seconds, then stops.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        if let Some(mut accepting) = self.accepting.take()
            && tokio::time::timeout(SHUTDOWN_GRACE, &mut accepting)
                .await
                .is_err()
        {
            accepting.abort();
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(accepting) = &self.accepting {
            accepting.abort();
        }
    }
}

async fn accept(
    listener: TcpListener,
    router: Router,
    tls: Option<Tls>,
    mut stopped: watch::Receiver<bool>,
) {
    let stop = stopped.clone();
    // Connections live in this set, so that aborting this task ends them as well.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let router = router.clone();
                    connections.spawn(connect(stream, peer, router, tls.clone(), stop.clone()));
                }
                Err(_) => wait(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
            () = told_to_stop(&mut stopped) => break,
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn connect(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    tls: Option<Tls>,
    stopped: watch::Receiver<bool>,
) {
    // A refused option only costs latency.
    drop(stream.set_nodelay(true));
    match tls {
        None => converse(stream, peer, router, stopped).await,
        Some(tls) => {
            // A client that does not trust the certificate goes away; nothing to serve then.
            if let Ok(stream) = tls.acceptor.accept(stream).await {
                converse(stream, peer, router, stopped).await;
            }
        }
    }
}

async fn converse<S>(
    stream: S,
    peer: SocketAddr,
    router: Router,
    mut stopped: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request| answer(router.clone(), peer, request));
    // Half-open: a client that goes away does not undo what it asked for.
    let connection = http1::Builder::new()
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    // An error here is the client's going away or an answer lost on purpose.
    tokio::select! {
        _ = connection.as_mut() => return,
        () = told_to_stop(&mut stopped) => connection.as_mut().graceful_shutdown(),
    }
    drop(connection.await);
}

async fn answer(
    router: Router,
    peer: SocketAddr,
    mut request: Request<Incoming>,
) -> Result<Response, io::Error> {
    request.extensions_mut().insert(ConnectInfo(peer));
    let response = match router.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never as Infallible {},
    };
    if is_lost(&response) {
        return Err(io::Error::other("answer lost on purpose"));
    }
    Ok(response)
}

/// Ends when the server shuts down, or is gone.
async fn told_to_stop(stopped: &mut watch::Receiver<bool>) {
    drop(stopped.wait_for(|stopped| *stopped).await);
}
