//! Limits the requests of each client address with token buckets.
//!
//! Own code and not `governor`, because an IPv6 network counts as one client and a full table is emptied
//! instead of searched.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::cli::serve::client::{Client, network};
use crate::cli::serve::error::ApiError;
use crate::link::protocol::problem::Kind;

/// Seconds' worth of requests that a client may make at once.
const BURST_SECS: f64 = 10.0;
/// Maximum number of buckets. Beyond it full buckets are dropped, which changes nothing for their
/// clients, and where that is not enough all are, so that many addresses cost neither memory nor a search
/// for each request.
const MAX_CLIENTS: usize = 10_000;

/// The token buckets of all clients.
pub(crate) struct Rate {
    per_second: f64,
    buckets: Mutex<HashMap<IpAddr, Bucket>>,
}

#[derive(Clone, Copy)]
struct Bucket {
    tokens: f64,
    filled: Instant,
}

/// Parses a rate in requests a second: 0 or more.
pub(crate) fn per_second(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate >= 0.0 && rate.is_finite() => Ok(rate),
        _ => Err("not a rate: give requests a second, or 0 for no limit".to_owned()),
    }
}

/// Refuses a request whose client's bucket is empty. A reverse proxy that is not trusted counts as one
/// client.
pub(crate) async fn check(State(rate): State<Arc<Rate>>, request: Request, next: Next) -> Response {
    let client = request.extensions().get::<Client>().map(|client| client.0);
    match client.map_or(Ok(()), |client| rate.take(client, Instant::now())) {
        Ok(()) => next.run(request).await,
        Err(seconds) => {
            let detail = format!("Too many requests from your address. Try again in {seconds} s.");
            ApiError::retry_after(Kind::RateLimited, detail, seconds).into_response()
        }
    }
}

impl Rate {
    /// Creates buckets that fill by `per_second` requests; 0 sets no limit.
    pub(crate) fn new(per_second: f64) -> Self {
        Self { per_second, buckets: Mutex::new(HashMap::new()) }
    }

    /// Takes one request from a client's bucket, or returns the seconds until it has one.
    fn take(&self, client: IpAddr, now: Instant) -> Result<(), u64> {
        if self.per_second <= 0.0 {
            return Ok(());
        }
        let capacity = (self.per_second * BURST_SECS).max(1.0);
        let filled_to = |bucket: &Bucket| {
            let elapsed = now.saturating_duration_since(bucket.filled).as_secs_f64();
            elapsed.mul_add(self.per_second, bucket.tokens).min(capacity)
        };
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MAX_CLIENTS {
            buckets.retain(|_, bucket| filled_to(bucket) < capacity);
            if buckets.len() >= MAX_CLIENTS / 2 {
                buckets.clear();
            }
        }
        let bucket = buckets.entry(network(client)).or_insert(Bucket { tokens: capacity, filled: now });
        *bucket = Bucket { tokens: filled_to(bucket), filled: now };
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            Ok(())
        } else {
            Err((((1.0 - bucket.tokens) / self.per_second).ceil() as u64).max(1))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn an_empty_bucket_refuses_until_it_fills() {
        let rate = Rate::new(0.5);
        let client: IpAddr = "192.0.2.1".parse().unwrap();
        let start = Instant::now();
        let taken = (0..10).take_while(|_| rate.take(client, start).is_ok()).count();
        assert_eq!(taken, 5, "half a request a second for ten seconds");
        assert_eq!(rate.take(client, start), Err(2));
        assert_eq!(rate.take("192.0.2.2".parse().unwrap(), start), Ok(()), "another client has its own");
        assert_eq!(rate.take(client, start + Duration::from_secs(2)), Ok(()));
        assert_eq!(rate.take(client, start + Duration::from_secs(3)), Err(1));
        assert_eq!(Rate::new(0.0).take(client, start), Ok(()));
    }

    #[test]
    fn rates_are_numbers_from_0() {
        assert_eq!(["0", "0.5", "20"].map(|text| per_second(text).ok()), [Some(0.0), Some(0.5), Some(20.0)]);
        for text in ["-1", "nan", "inf", "", "many"] {
            assert!(per_second(text).is_err(), "{text}");
        }
    }

    #[test]
    fn many_addresses_do_not_exceed_the_maximum_of_buckets() {
        let rate = Rate::new(0.01);
        let start = Instant::now();
        for index in 0..=2 * MAX_CLIENTS as u32 {
            assert_eq!(rate.take(IpAddr::V4(index.into()), start), Ok(()));
            assert!(rate.buckets.lock().unwrap().len() <= MAX_CLIENTS);
        }
    }
}
