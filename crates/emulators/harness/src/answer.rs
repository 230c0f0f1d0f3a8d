//! Answers that never arrive, or arrive in part.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::HeaderValue;
use http::header::CONTENT_LENGTH;
use http_body::{Body as _, Frame, SizeHint};

/// Marks an answer that the client never gets. The server closes the connection before any
/// byte of it; an in-process client finds this in the answer's extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLost;

/// The error with which a cut body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyCut;

impl fmt::Display for BodyCut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection broke in the middle of the body")
    }
}

impl std::error::Error for BodyCut {}

/// An answer that gets lost on its way.
pub fn lost_answer() -> Response {
    let mut response = Response::new(Body::empty());
    response.extensions_mut().insert(ConnectionLost);
    response
}

/// Whether the client is to see a closed connection instead of this answer.
pub fn is_lost<B>(response: &http::Response<B>) -> bool {
    response.extensions().get::<ConnectionLost>().is_some()
}

/// The same answer, whose body breaks off after `keep_bytes` bytes.
///
/// The headers still promise the whole length. Of a body of known length at least the last
/// byte is missing, however large `keep_bytes` is.
pub fn cut_body(response: Response, keep_bytes: usize) -> Response {
    let (mut parts, body) = response.into_parts();
    let mut keep = u64::try_from(keep_bytes).unwrap_or(u64::MAX);
    if let Some(length) = body.size_hint().exact() {
        keep = keep.min(length.saturating_sub(1));
        parts
            .headers
            .entry(CONTENT_LENGTH)
            .or_insert_with(|| HeaderValue::from(length));
    }
    let cut = CutBody {
        inner: body,
        left: keep,
        stage: Stage::Passing,
    };
    Response::from_parts(parts, Body::new(cut))
}

struct CutBody {
    inner: Body,
    left: u64,
    stage: Stage,
}

enum Stage {
    Passing,
    /// What was let through must leave the server's buffer before the error closes it.
    Flushing(u8),
    Broken,
}

/// How often the server may flush between the last byte let through and the error.
const FLUSHES: u8 = 3;

impl http_body::Body for CutBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        loop {
            match self.stage {
                Stage::Broken => return Poll::Ready(None),
                Stage::Flushing(0) => {
                    self.stage = Stage::Broken;
                    return Poll::Ready(Some(Err(axum::Error::new(BodyCut))));
                }
                Stage::Flushing(left) => {
                    self.stage = Stage::Flushing(left - 1);
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Stage::Passing if self.left == 0 => self.stage = Stage::Flushing(FLUSHES),
                Stage::Passing => {
                    let frame = match Pin::new(&mut self.inner).poll_frame(cx) {
                        Poll::Pending => return Poll::Pending,
                        Poll::Ready(Some(Ok(frame))) => frame,
                        Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
                        Poll::Ready(None) => {
                            self.stage = Stage::Flushing(FLUSHES);
                            continue;
                        }
                    };
                    let Ok(mut data) = frame.into_data() else {
                        continue;
                    };
                    data.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
                    self.left = self
                        .left
                        .saturating_sub(u64::try_from(data.len()).unwrap_or(u64::MAX));
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    async fn read(response: Response) -> (Vec<u8>, bool) {
        let mut body = response.into_body();
        let mut bytes = Vec::new();
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(frame) => bytes.extend_from_slice(frame.data_ref().unwrap()),
                Err(_) => return (bytes, true),
            }
        }
        (bytes, false)
    }

    #[tokio::test]
    async fn body_breaks_off_after_the_given_bytes() {
        for (keep, expected) in [(0, ""), (4, "0123"), (100, "012345678")] {
            let cut = cut_body(Response::new(Body::from("0123456789")), keep);
            assert_eq!(cut.headers()[CONTENT_LENGTH], "10");
            let (bytes, broken) = read(cut).await;
            assert_eq!(String::from_utf8(bytes).unwrap(), expected);
            assert!(broken);
        }
    }

    #[test]
    fn lost_answer_is_recognised() {
        assert!(is_lost(&lost_answer()));
        assert!(!is_lost(&Response::new(Body::empty())));
    }
}
