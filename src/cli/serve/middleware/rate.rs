//! Limits the requests of each client address with token buckets.
//!
//! Own code and not `governor`, because an IPv6 network counts as one client and a full table is emptied
//! instead of searched.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

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

/// Refuses a request whose client's bucket is empty. A reverse proxy counts as one client.
pub(crate) async fn check(State(rate): State<Arc<Rate>>, request: Request, next: Next) -> Response {
    let client = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
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

/// Returns the address that stands for a client: a home's IPv6 network has 2⁶⁴ addresses.
fn network(client: IpAddr) -> IpAddr {
    match client {
        IpAddr::V4(_) => client,
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(address) => IpAddr::V4(address),
            None => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        },
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
    fn many_addresses_do_not_exceed_the_maximum_of_buckets() {
        let rate = Rate::new(0.01);
        let start = Instant::now();
        for index in 0..=2 * MAX_CLIENTS as u32 {
            assert_eq!(rate.take(IpAddr::V4(index.into()), start), Ok(()));
            assert!(rate.buckets.lock().unwrap().len() <= MAX_CLIENTS);
        }
    }

    #[test]
    fn one_ipv6_network_is_one_client() {
        let [a, b, c] =
            ["2001:db8::1", "2001:db8::ffff:2", "2001:db8:0:1::1"].map(|text| network(text.parse().unwrap()));
        assert!(a == b && a != c);
        assert_eq!(network("::ffff:192.0.2.1".parse().unwrap()), "192.0.2.1".parse::<IpAddr>().unwrap());
    }
}
