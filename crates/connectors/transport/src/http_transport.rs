//! The real transport: one reqwest client, rustls with ring, no redirects, no proxy from the environment.

use std::error::Error as StdError;
use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;

use crate::{
    Allowed, Answer, Deadlines, MOST_BYTES, Request, TimeSource, Transport, TransportError,
    milliseconds, time_left,
};

/// The client could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A root certificate given in the configuration cannot be read.
    #[error("root certificate {number} cannot be read")]
    RootCertificate {
        /// Its place in the list, from one.
        number: usize,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// TLS could not be set up.
    #[error("the HTTP client cannot be built")]
    Client(#[source] reqwest::Error),
}

/// Sends over the network.
pub struct HttpTransport {
    client: reqwest::Client,
    allowed: Allowed,
    now: TimeSource,
}

impl HttpTransport {
    /// `extra_roots`: certificate authorities in PEM that are trusted beside the system's.
    ///
    /// # Errors
    /// When a certificate cannot be read or TLS cannot be set up.
    pub fn new(
        allowed: Allowed,
        extra_roots: &[Vec<u8>],
        now: TimeSource,
    ) -> Result<Self, BuildError> {
        // A second installation is refused and changes nothing: it is the same provider.
        drop(rustls::crypto::ring::default_provider().install_default());
        let mut roots = Vec::new();
        for (index, pem) in extra_roots.iter().enumerate() {
            let bundle = reqwest::Certificate::from_pem_bundle(pem).map_err(|source| {
                BuildError::RootCertificate {
                    number: index.saturating_add(1),
                    source,
                }
            })?;
            roots.extend(bundle);
        }
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("provodka/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(std::time::Duration::from_secs(10))
            .pool_idle_timeout(std::time::Duration::from_secs(30))
            .dns_resolver(Arc::new(Inward {
                allowed: allowed.clone(),
            }));
        if !roots.is_empty() {
            builder = builder.tls_certs_merge(roots);
        }
        Ok(Self {
            client: builder.build().map_err(BuildError::Client)?,
            allowed,
            now,
        })
    }
}

#[async_trait]
impl Transport for HttpTransport {
    async fn send(&self, request: Request) -> Result<Answer, TransportError> {
        self.allowed
            .judge(&request.url)
            .map_err(|refused| TransportError::NotSent(refused.to_string()))?;
        let sent_at = (self.now)();
        let total = time_left(&request, sent_at)?;
        let Deadlines { idle, .. } = request.deadlines;
        let call = self
            .client
            .request(request.method, request.url)
            .headers(request.headers)
            .body(request.body)
            .send();
        let whole = async {
            let response = call.await.map_err(no_answer)?;
            let (status, headers) = (response.status(), response.headers().clone());
            let body = read(response, idle).await?;
            Ok((status, headers, body))
        };
        let (status, headers, body) = tokio::time::timeout(total, whole)
            .await
            .map_err(|_elapsed| TransportError::TimedOut(total))??;
        Ok(Answer {
            status,
            headers,
            body,
            sent_at,
            duration_ms: milliseconds(sent_at, (self.now)()),
        })
    }
}

async fn read(
    response: reqwest::Response,
    idle: std::time::Duration,
) -> Result<Bytes, TransportError> {
    let mut stream = response.bytes_stream();
    let mut body = BytesMut::new();
    loop {
        let piece = tokio::time::timeout(idle, stream.next())
            .await
            .map_err(|_elapsed| TransportError::TimedOut(idle))?;
        match piece {
            None => return Ok(body.freeze()),
            Some(Err(error)) => return Err(TransportError::Cut(cause(&error))),
            Some(Ok(piece)) => {
                if body.len().saturating_add(piece.len()) > MOST_BYTES {
                    return Err(TransportError::TooLarge);
                }
                body.extend_from_slice(&piece);
            }
        }
    }
}

fn no_answer(error: reqwest::Error) -> TransportError {
    if error.is_connect() || error.is_builder() {
        TransportError::NotSent(cause(&error))
    } else {
        TransportError::Cut(cause(&error))
    }
}

/// The innermost cause: outer ones print the address, which may hold a secret.
fn cause(error: &reqwest::Error) -> String {
    let mut inner: &dyn StdError = error;
    while let Some(next) = inner.source() {
        inner = next;
    }
    if std::ptr::addr_eq(inner, error) {
        return "no cause given".to_owned();
    }
    inner.to_string()
}

/// Resolves names and drops inward addresses at the moment of connecting.
struct Inward {
    allowed: Allowed,
}

impl Resolve for Inward {
    fn resolve(&self, name: Name) -> Resolving {
        let allowed = self.allowed.clone();
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            let fit = allowed.public(&host, found)?;
            Ok(Box::new(fit.into_iter()) as Addrs)
        })
    }
}
