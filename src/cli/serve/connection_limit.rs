//! The limit of open connections: a maximum for all, a maximum for each client, and some in reserve, so that
//! health checks pass while all others are in use.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::client::{AddressRange, network};
use super::error::ApiError;
use super::settings::Limits;
use crate::link::protocol::problem::Kind;

/// Connections in reserve, besides those of the settings.
const RESERVE: usize = 64;
/// Maximum number of one client's connections in reserve. A browser opens six.
const MAX_CLIENT_RESERVE: usize = 6;
/// Paths whose requests a connection in reserve serves.
pub(super) const HEALTH: [&str; 2] = ["/healthz", "/readyz"];

/// The permits of a server's connections.
pub(super) struct ConnectionLimit {
    regular: Arc<Semaphore>,
    reserve: Arc<Semaphore>,
    /// Open connections of each client.
    clients: Mutex<HashMap<IpAddr, Counts>>,
    /// Maximum number of one client's regular connections.
    max_of_client: usize,
    /// Addresses without a maximum of their own: those of trusted proxies, whose clients are many.
    unlimited: Vec<AddressRange>,
    wait: Duration,
}

#[derive(Clone, Copy, Default)]
struct Counts {
    regular: usize,
    reserve: usize,
}

/// The permit of one connection, returned when it is dropped.
pub(super) struct ConnectionPermit {
    limit: Arc<ConnectionLimit>,
    client: IpAddr,
    /// The client is a trusted proxy, whose connections are those of many.
    is_unlimited: bool,
    held: Mutex<Held>,
}

enum Held {
    Regular { _permit: OwnedSemaphorePermit },
    Reserve { _permit: OwnedSemaphorePermit },
}

impl ConnectionLimit {
    pub(super) fn new(limits: &Limits, proxies: &[AddressRange]) -> Self {
        Self {
            regular: Arc::new(Semaphore::new(limits.connections)),
            reserve: Arc::new(Semaphore::new(RESERVE)),
            clients: Mutex::default(),
            max_of_client: limits.client_connections,
            unlimited: proxies.to_vec(),
            wait: limits.queue_time,
        }
    }

    /// Acquires a permit for a client's connection, or one in reserve; `None` where the client has its
    /// maximum of both, or none is left.
    pub(super) fn acquire(self: &Arc<Self>, address: IpAddr) -> Option<ConnectionPermit> {
        let client = network(address);
        let is_unlimited = self.unlimited.iter().any(|range| range.contains(address));
        let mut clients = self.clients();
        let counts = clients.get(&client).copied().unwrap_or_default();
        let is_allowed = self.allows(is_unlimited, counts);
        let regular = is_allowed.then(|| self.regular.clone().try_acquire_owned().ok()).flatten();
        let held = if let Some(permit) = regular {
            clients.entry(client).or_default().regular += 1;
            Held::Regular { _permit: permit }
        } else if counts.reserve < MAX_CLIENT_RESERVE {
            let permit = self.reserve.clone().try_acquire_owned().ok()?;
            clients.entry(client).or_default().reserve += 1;
            Held::Reserve { _permit: permit }
        } else {
            return None;
        };
        Some(ConnectionPermit { limit: Arc::clone(self), client, is_unlimited, held: Mutex::new(held) })
    }

    /// Returns whether a client may open another regular connection.
    fn allows(&self, is_unlimited: bool, counts: Counts) -> bool {
        counts.regular < self.max_of_client || is_unlimited
    }

    fn clients(&self) -> MutexGuard<'_, HashMap<IpAddr, Counts>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ConnectionPermit {
    /// Admits a request of this connection. A permit in reserve admits health checks alone; for another
    /// request it first waits for a regular one.
    pub(super) async fn admit(&self, path: &str) -> Result<(), ApiError> {
        if HEALTH.contains(&path) || matches!(*self.held(), Held::Regular { .. }) {
            return Ok(());
        }
        let counts = self.limit.clients().get(&self.client).copied().unwrap_or_default();
        if !self.limit.allows(self.is_unlimited, counts) {
            let detail = "Your address has too many connections open. Close some, then try again.";
            return Err(ApiError::retry_after(Kind::Unavailable, detail, 1));
        }
        let free = tokio::time::timeout(self.limit.wait, self.limit.regular.clone().acquire_owned());
        let Ok(Ok(permit)) = free.await else {
            let detail = "All connections of the server are in use. Try again in a second.";
            return Err(ApiError::retry_after(Kind::Unavailable, detail, 1));
        };
        let mut clients = self.limit.clients();
        let counts = clients.entry(self.client).or_default();
        (counts.regular, counts.reserve) = (counts.regular + 1, counts.reserve.saturating_sub(1));
        *self.held() = Held::Regular { _permit: permit };
        Ok(())
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut clients = self.limit.clients();
        let Some(counts) = clients.get_mut(&self.client) else { return };
        match *self.held() {
            Held::Regular { .. } => counts.regular = counts.regular.saturating_sub(1),
            Held::Reserve { .. } => counts.reserve = counts.reserve.saturating_sub(1),
        }
        // The table holds the clients that are connected, and no others.
        if counts.regular == 0 && counts.reserve == 0 {
            clients.remove(&self.client);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(connections: usize, client_connections: usize) -> Arc<ConnectionLimit> {
        let queue_time = Duration::from_millis(20);
        let limits = Limits { queue_time, connections, client_connections, ..Limits::default() };
        Arc::new(ConnectionLimit::new(&limits, &["10.0.0.1".parse().unwrap(), "::1".parse().unwrap()]))
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn one_client_has_a_maximum_and_others_still_connect() {
        let limit = limit(10, 4);
        let greedy: Vec<ConnectionPermit> = std::iter::repeat_with(|| limit.acquire(address("192.0.2.1")))
            .map_while(|permit| permit)
            .collect();
        assert_eq!(greedy.len(), 4 + MAX_CLIENT_RESERVE);
        assert!(greedy[3].admit("/").await.is_ok());
        assert!(greedy[4].admit("/").await.is_err(), "beyond the maximum");
        assert!(greedy[4].admit("/healthz").await.is_ok());
        let other = limit.acquire(address("192.0.2.2")).unwrap();
        assert!(other.admit("/").await.is_ok());
        drop(greedy);
        assert_eq!(limit.clients().len(), 1, "clients that left are forgotten");
        assert_eq!(limit.regular.available_permits(), 9);
    }

    #[tokio::test]
    async fn a_connection_in_reserve_becomes_regular_when_another_ends() {
        let limit = limit(1, 4);
        let first = limit.acquire(address("192.0.2.1")).unwrap();
        let second = limit.acquire(address("192.0.2.2")).unwrap();
        assert!(second.admit("/readyz").await.is_ok());
        assert!(second.admit("/").await.is_err());
        drop(first);
        assert!(second.admit("/").await.is_ok());
        assert_eq!(limit.reserve.available_permits(), RESERVE);
    }

    #[test]
    fn a_trusted_proxy_has_no_maximum() {
        for proxy in ["::ffff:10.0.0.1", "::1"] {
            let limit = limit(10, 2);
            let permits: Vec<ConnectionPermit> =
                std::iter::repeat_with(|| limit.acquire(address(proxy))).take(10).flatten().collect();
            assert_eq!(
                permits.iter().filter(|permit| matches!(*permit.held(), Held::Regular { .. })).count(),
                10
            );
        }
    }
}
