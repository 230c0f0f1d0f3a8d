//! How an event leaves the portal: a small trait, and plain HTTP to loopback behind it.

use std::future::Future;
use std::io;
use std::pin::Pin;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// The status that a handler answered with, or why there was none.
pub type Delivered = Result<u16, String>;

/// Carries an event to its handler. Tests and the simulator bring their own.
pub trait Deliver: Send + Sync + 'static {
    /// POSTs `form` (`application/x-www-form-urlencoded`) to `url`.
    fn post(&self, url: String, form: String) -> Pin<Box<dyn Future<Output = Delivered> + Send>>;
}

/// Plain HTTP, one connection an event.
#[derive(Debug, Clone, Copy, Default)]
pub struct HttpDeliver;

impl Deliver for HttpDeliver {
    fn post(&self, url: String, form: String) -> Pin<Box<dyn Future<Output = Delivered> + Send>> {
        Box::pin(async move { post(&url, form).await.map_err(|cause| cause.to_string()) })
    }
}

async fn post(url: &str, form: String) -> io::Result<u16> {
    let uri: http::Uri = url.parse().map_err(io::Error::other)?;
    if uri.scheme_str() != Some("http") {
        return Err(io::Error::other("only plain HTTP handlers can be called"));
    }
    let host = uri.host().unwrap_or("127.0.0.1");
    let stream = TcpStream::connect((host, uri.port_u16().unwrap_or(80))).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(io::Error::other)?;
    // Ends by itself with the request; its error shows in the answer.
    drop(tokio::spawn(connection));
    let path = uri
        .path_and_query()
        .map_or("/", http::uri::PathAndQuery::as_str);
    let request = http::Request::post(path)
        .header(
            http::header::HOST,
            uri.authority().map_or(host, http::uri::Authority::as_str),
        )
        .header(http::header::USER_AGENT, "Bitrix24 Webhook Engine")
        .header(
            http::header::CONTENT_TYPE,
            "application/x-www-form-urlencoded",
        )
        .body(Full::new(Bytes::from(form)))
        .map_err(io::Error::other)?;
    let response = sender
        .send_request(request)
        .await
        .map_err(io::Error::other)?;
    Ok(response.status().as_u16())
}

/// Nobody listens: every event is dropped.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoDelivery;

impl Deliver for NoDelivery {
    fn post(&self, _url: String, _form: String) -> Pin<Box<dyn Future<Output = Delivered> + Send>> {
        Box::pin(async { Err("nobody listens".to_owned()) })
    }
}
