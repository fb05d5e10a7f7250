//! Reads what a refused request still sends, so that its client gets to read the response.
//!
//! Many clients send the whole body before they read anything. A connection that is closed meanwhile is
//! reset, and the reset takes the response away (nginx calls the remedy `lingering_close`).

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{Request, header};
use http_body_util::BodyExt as _;
use hyper::body::{Frame, SizeHint};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// Maximum bytes that are read and thrown away.
const MAX_BYTES: usize = 256 << 20;
/// Maximum time for that.
const MAX_TIME: Duration = Duration::from_secs(10);
/// A client that sends nothing for as long waits for the response.
const PAUSE: Duration = Duration::from_millis(500);

/// The part of a request's body that a handler has not read: it comes back once the handler has dropped the
/// body.
pub(super) struct UnreadBody(Option<oneshot::Receiver<Body>>);

/// A body that hands back what was not read of it.
struct ReturnedBody {
    body: Option<Body>,
    back: Option<oneshot::Sender<Body>>,
    /// Whether the client sends it: one that expects `100 Continue` does once the server begins to read.
    is_sent: bool,
}

/// Returns a request for its handler, and what that will not have read of it.
pub(super) fn lend(request: Request<Body>) -> (Request<Body>, UnreadBody) {
    if request.body().is_end_stream() {
        return (request, UnreadBody(None));
    }
    let is_sent = !request.headers().contains_key(header::EXPECT);
    let (back, unread) = oneshot::channel();
    let lent = |body| Body::new(ReturnedBody { body: Some(body), back: Some(back), is_sent });
    (request.map(lent), UnreadBody(Some(unread)))
}

impl UnreadBody {
    /// Reads it and throws it away, within bounds of time and length.
    pub(super) async fn discard(self) {
        let Some(unread) = self.0 else { return };
        let Ok(mut body) = unread.await else { return };
        let all = async {
            let mut left = MAX_BYTES;
            while let Ok(Some(Ok(frame))) = timeout(PAUSE, body.frame()).await {
                let Some(fewer) = left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) else { return };
                left = fewer;
            }
        };
        // All bytes sent after that are lost with the connection.
        timeout(MAX_TIME, all).await.unwrap_or_default();
    }
}

impl HttpBody for ReturnedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.is_sent = true;
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(SizeHint::default, HttpBody::size_hint)
    }
}

impl Drop for ReturnedBody {
    fn drop(&mut self) {
        let unread = self.body.take().filter(|body| self.is_sent && !body.is_end_stream());
        if let (Some(body), Some(back)) = (unread, self.back.take()) {
            // Nobody waits where the connection has ended.
            drop(back.send(body));
        }
    }
}
