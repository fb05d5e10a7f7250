//! Reads request bodies within a memory budget.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use http_body_util::BodyExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::error::ApiError;
use super::settings::Limits;
use crate::link::protocol::problem::Kind;

/// Bytes of a body that one permit stands for.
const UNIT: usize = 1 << 10;

/// The memory that all bodies, or all decoding, may take together.
pub(super) struct MemoryBudget {
    permits: Arc<Semaphore>,
    /// Time after which the client's rate counts, and the least rate in bytes a second.
    grace: Duration,
    rate: u64,
}

/// A body in memory; its part of the budget is free again when it is dropped.
pub(super) struct Received {
    pub(super) bytes: Bytes,
    _reserved: OwnedSemaphorePermit,
}

impl Received {
    pub(super) fn new(bytes: Vec<u8>, reserved: OwnedSemaphorePermit) -> Self {
        Self { bytes: bytes.into(), _reserved: reserved }
    }
}

impl MemoryBudget {
    pub(super) fn new(bytes: usize, limits: &Limits) -> Self {
        let permits = Arc::new(Semaphore::new(bytes / UNIT));
        Self { permits, grace: limits.body_grace, rate: limits.client_rate.max(1) }
    }

    /// Reserves memory, or returns the problem that there is too little left.
    pub(super) fn reserve(&self, bytes: usize) -> Result<OwnedSemaphorePermit, ApiError> {
        let full = || {
            let detail = "All of the server's --memory for such requests is in use. Try again in a second.";
            ApiError::retry_after(Kind::Unavailable, detail, 1)
        };
        let permits = u32::try_from(bytes.div_ceil(UNIT)).map_err(|_| full())?;
        self.permits.clone().try_acquire_many_owned(permits).map_err(|_| full())
    }

    /// Reads a body of at most `limit` bytes, which must arrive at the least rate.
    pub(super) async fn receive(
        &self,
        headers: &HeaderMap,
        mut body: Body,
        limit: usize,
    ) -> Result<Received, ApiError> {
        let too_large = || {
            let detail = format!("The body has more than {limit} bytes, the maximum here.");
            ApiError::new(Kind::TooLarge, detail)
        };
        let length =
            headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        let max_bytes = length
            .map_or(Ok(limit), usize::try_from)
            .ok()
            .filter(|&bytes| bytes <= limit)
            .ok_or_else(too_large)?;
        let (mut bytes, mut reserved) = (Vec::new(), self.reserve(0)?);
        let started = Instant::now();
        let too_slow = |_| ApiError::new(Kind::Timeout, "The body arrives too slowly.");
        loop {
            let due = self.grace
                + Duration::from_secs(bytes.len() as u64) / u32::try_from(self.rate).unwrap_or(u32::MAX);
            let Some(frame) = timeout_at(started + due, body.frame()).await.map_err(too_slow)? else { break };
            let broken = |_| ApiError::new(Kind::BadRequest, "The body ended before its last byte.");
            let Ok(chunk) = frame.map_err(broken)?.into_data() else { continue };
            if chunk.len() > max_bytes - bytes.len() {
                return Err(too_large());
            }
            // Memory is reserved as bytes arrive, not by Content-Length, so that a silent client holds none.
            let needed = (bytes.len() + chunk.len()).div_ceil(UNIT) - reserved.num_permits();
            reserved.merge(self.reserve(needed * UNIT)?);
            bytes.extend_from_slice(&chunk);
        }
        Ok(Received::new(bytes, reserved))
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use axum::body::HttpBody;
    use hyper::body::Frame;

    use super::*;

    /// A body of which no byte arrives.
    struct Silent;

    impl HttpBody for Silent {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Pending
        }
    }

    #[tokio::test]
    async fn memory_is_reserved_for_bytes_that_have_arrived() {
        let budget = MemoryBudget::new(64 << 10, &Limits::default());
        let length = |bytes: usize| HeaderMap::from_iter([(header::CONTENT_LENGTH, bytes.into())]);
        let receive =
            async |bytes: usize, limit| budget.receive(&length(bytes), vec![7; bytes].into(), limit).await;
        let (promised, none) = (length(64 << 10), HeaderMap::new());
        let mut silent = std::pin::pin!(budget.receive(&promised, Body::new(Silent), 64 << 10));
        let mut without_length = std::pin::pin!(budget.receive(&none, Body::new(Silent), 64 << 10));
        // Each begins to wait.
        assert!(tokio::time::timeout(Duration::ZERO, &mut silent).await.is_err());
        assert!(tokio::time::timeout(Duration::ZERO, &mut without_length).await.is_err());
        let first = receive(40 << 10, 64 << 10).await.unwrap();
        assert_eq!(first.bytes, vec![7; 40 << 10]);
        assert_eq!(receive(24 << 10 | 1, 64 << 10).await.map(drop).unwrap_err().kind(), Kind::Unavailable);
        let second = receive(24 << 10, 64 << 10).await.unwrap();
        drop((first, second));
        assert!(receive(64 << 10, 64 << 10).await.is_ok(), "the budget is free again");
    }

    #[tokio::test]
    async fn a_body_that_arrives_too_slowly_is_refused() {
        let limits = Limits { body_grace: Duration::from_millis(50), client_rate: 1000, ..Limits::default() };
        let budget = MemoryBudget::new(64 << 10, &limits);
        let headers = HeaderMap::new();
        let refused = budget.receive(&headers, Body::new(Silent), 10);
        let refused = tokio::time::timeout(Duration::from_secs(10), refused).await.expect("no limit");
        assert_eq!(refused.map(drop).unwrap_err().kind(), Kind::Timeout);
        // Each chunk of 100 bytes allows a tenth of a second more.
        let chunks = futures_util::stream::unfold(0, async |at| {
            tokio::time::sleep(Duration::from_millis(if at == 0 { 0 } else { 30 })).await;
            (at < 10).then(|| (Ok::<_, Infallible>(Bytes::from(vec![7; 100])), at + 1))
        });
        let whole = budget.receive(&headers, Body::from_stream(chunks), 1000).await;
        assert_eq!(whole.unwrap().bytes.len(), 1000);
    }

    #[tokio::test]
    async fn a_body_above_the_limit_is_refused() {
        let budget = MemoryBudget::new(64 << 10, &Limits::default());
        for headers in [HeaderMap::from_iter([(header::CONTENT_LENGTH, 11.into())]), HeaderMap::new()] {
            let refused = budget.receive(&headers, vec![7; 11].into(), 10).await;
            assert_eq!(refused.map(drop).unwrap_err().kind(), Kind::TooLarge);
        }
    }
}
