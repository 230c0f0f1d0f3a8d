//! How a remote calls others: one plain HTTP request, one connection for it.

use std::io;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// What is sent, and how the sender names itself.
#[derive(Clone, Copy, Debug)]
pub struct Posted<'a> {
    pub user_agent: &'a str,
    pub content_type: &'a str,
    pub body: &'a str,
}

/// POSTs to a plain HTTP address; the status of the answer, or why there was none.
pub async fn post(url: &str, posted: Posted<'_>) -> io::Result<u16> {
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
        .header(http::header::USER_AGENT, posted.user_agent)
        .header(http::header::CONTENT_TYPE, posted.content_type)
        .body(Full::new(Bytes::from(posted.body.to_owned())))
        .map_err(io::Error::other)?;
    let response = sender
        .send_request(request)
        .await
        .map_err(io::Error::other)?;
    Ok(response.status().as_u16())
}
