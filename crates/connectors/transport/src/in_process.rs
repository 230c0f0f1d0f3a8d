//! The transport's twin without a network: requests go to peers in the same process.
//!
//! Deadlines wait on tokio's clock, so that a simulation on a paused clock sees time-outs exactly.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use crate::{
    Answer, MOST_BYTES, Request, TimeSource, Transport, TransportError, milliseconds, time_left,
};

/// A remote in this process.
#[async_trait]
pub trait Peer: Send + Sync {
    /// Answers a request. The future may be dropped at a deadline, as a connection would be closed;
    /// what the peer had begun goes on if the peer runs it in a task of its own.
    async fn call(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, PeerFailure>;
}

/// How a peer fails to answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeerFailure {
    /// No connection.
    Refused,
    /// The connection was closed before a whole answer.
    Cut,
}

/// Sends to peers by the authority (`host` or `host:port`) of the address.
pub struct InProcess {
    peers: HashMap<String, Arc<dyn Peer>>,
    now: TimeSource,
}

impl InProcess {
    /// A network of these peers.
    pub fn new(peers: HashMap<String, Arc<dyn Peer>>, now: TimeSource) -> Self {
        Self { peers, now }
    }
}

#[async_trait]
impl Transport for InProcess {
    async fn send(&self, request: Request) -> Result<Answer, TransportError> {
        let sent_at = (self.now)();
        let total = time_left(&request, sent_at)?;
        let Some(peer) = self.peers.get(request.url.authority()) else {
            return Err(TransportError::NotSent("no such peer".to_owned()));
        };
        let mut builder = http::Request::builder()
            .method(request.method)
            .uri(request.url.as_str());
        if let Some(headers) = builder.headers_mut() {
            *headers = request.headers;
        }
        let call = builder
            .body(request.body)
            .map_err(|error| TransportError::NotSent(error.to_string()))?;
        let answer = tokio::time::timeout(total, peer.call(call))
            .await
            .map_err(|_elapsed| TransportError::TimedOut(total))?;
        let response = match answer {
            Ok(response) => response,
            Err(PeerFailure::Refused) => {
                return Err(TransportError::NotSent("refused".to_owned()));
            }
            Err(PeerFailure::Cut) => {
                return Err(TransportError::Cut("closed by the peer".to_owned()));
            }
        };
        let (head, body) = response.into_parts();
        if body.len() > MOST_BYTES {
            return Err(TransportError::TooLarge);
        }
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body,
            sent_at,
            duration_ms: milliseconds(sent_at, (self.now)()),
        })
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::*;
    use crate::Deadlines;

    #[tokio::test]
    async fn what_comes_late_never_reaches_the_peer() {
        let now = Timestamp::UNIX_EPOCH;
        let network = InProcess::new(HashMap::new(), Arc::new(move || now));
        let ask = |not_after| Request {
            method: http::Method::POST,
            url: "http://peer/".parse().unwrap(),
            headers: http::HeaderMap::new(),
            body: Bytes::new(),
            deadlines: Deadlines::WRITE,
            not_after: Some(not_after),
        };
        let late = network.send(ask(now)).await.unwrap_err();
        assert_eq!(late, TransportError::Late);
        assert!(late.surely_not_sent() && !late.blames_remote());
        let in_time = network.send(ask(now + SignedDuration::from_secs(1))).await;
        assert_eq!(
            in_time.unwrap_err(),
            TransportError::NotSent("no such peer".to_owned())
        );
    }
}
