//! The places that connections take: a maximum for all, a share for each client, and some in reserve, so that
//! health checks pass while all others are taken.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::client::network;
use super::error::ApiError;
use super::settings::Limits;
use crate::link::protocol::problem::Kind;

/// Places in reserve, besides those of the settings.
const RESERVE: usize = 64;
/// Maximum number of one client's connections in reserve. A browser opens six.
const RESERVE_SHARE: usize = 6;
/// Paths whose requests need no place of their own.
const HEALTH: [&str; 2] = ["/healthz", "/readyz"];

/// All places of a server.
pub(super) struct Places {
    all: Arc<Semaphore>,
    reserve: Arc<Semaphore>,
    /// Connections of each client, in places and in reserve.
    clients: Mutex<HashMap<IpAddr, Taken>>,
    share: usize,
    /// Addresses without a share: those of trusted proxies, whose clients are many.
    unlimited: Vec<IpAddr>,
    wait: Duration,
}

#[derive(Clone, Copy, Default)]
struct Taken {
    places: usize,
    reserve: usize,
}

/// The place of one connection, free again when it is dropped.
pub(super) struct Place {
    places: Arc<Places>,
    client: IpAddr,
    /// The client is a trusted proxy, whose connections are those of many.
    is_unlimited: bool,
    held: Mutex<Held>,
}

enum Held {
    Place { _permit: OwnedSemaphorePermit },
    Reserve { _permit: OwnedSemaphorePermit },
}

impl Places {
    pub(super) fn new(limits: &Limits, proxies: &[IpAddr]) -> Self {
        Self {
            all: Arc::new(Semaphore::new(limits.connections)),
            reserve: Arc::new(Semaphore::new(RESERVE)),
            clients: Mutex::default(),
            share: limits.client_connections,
            unlimited: proxies.to_vec(),
            wait: limits.queue_time,
        }
    }

    /// Takes a place for a client's connection, or one in reserve; `None` where the client has its share of
    /// both, or none is left.
    pub(super) fn take(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let client = network(address);
        let is_unlimited = self.unlimited.contains(&address.to_canonical());
        let mut clients = self.clients();
        let taken = clients.get(&client).copied().unwrap_or_default();
        let place =
            self.has_share(is_unlimited, taken).then(|| self.all.clone().try_acquire_owned().ok()).flatten();
        let held = if let Some(permit) = place {
            clients.entry(client).or_default().places += 1;
            Held::Place { _permit: permit }
        } else if taken.reserve < RESERVE_SHARE {
            let permit = self.reserve.clone().try_acquire_owned().ok()?;
            clients.entry(client).or_default().reserve += 1;
            Held::Reserve { _permit: permit }
        } else {
            return None;
        };
        Some(Place { places: Arc::clone(self), client, is_unlimited, held: Mutex::new(held) })
    }

    fn has_share(&self, is_unlimited: bool, taken: Taken) -> bool {
        taken.places < self.share || is_unlimited
    }

    fn clients(&self) -> MutexGuard<'_, HashMap<IpAddr, Taken>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Admits a request of this connection. One in reserve passes for health checks alone; for another
    /// request it first waits for a place.
    pub(super) async fn admit(&self, path: &str) -> Result<(), ApiError> {
        if HEALTH.contains(&path) || matches!(*self.held(), Held::Place { .. }) {
            return Ok(());
        }
        let taken = self.places.clients().get(&self.client).copied().unwrap_or_default();
        if !self.places.has_share(self.is_unlimited, taken) {
            let detail = "Your address has too many connections open. Close some, then try again.";
            return Err(ApiError::retry_after(Kind::Unavailable, detail, 1));
        }
        let free = tokio::time::timeout(self.places.wait, self.places.all.clone().acquire_owned());
        let Ok(Ok(permit)) = free.await else {
            let detail = "All connections of the server are in use. Try again in a second.";
            return Err(ApiError::retry_after(Kind::Unavailable, detail, 1));
        };
        let mut clients = self.places.clients();
        let taken = clients.entry(self.client).or_default();
        (taken.places, taken.reserve) = (taken.places + 1, taken.reserve.saturating_sub(1));
        *self.held() = Held::Place { _permit: permit };
        Ok(())
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut clients = self.places.clients();
        let Some(taken) = clients.get_mut(&self.client) else { return };
        match *self.held() {
            Held::Place { .. } => taken.places = taken.places.saturating_sub(1),
            Held::Reserve { .. } => taken.reserve = taken.reserve.saturating_sub(1),
        }
        // The table holds the clients that are connected, and no others.
        if taken.places == 0 && taken.reserve == 0 {
            clients.remove(&self.client);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(connections: usize, client_connections: usize) -> Arc<Places> {
        let queue_time = Duration::from_millis(20);
        let limits = Limits { queue_time, connections, client_connections, ..Limits::default() };
        Arc::new(Places::new(&limits, &["10.0.0.1".parse().unwrap(), "::1".parse().unwrap()]))
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn one_client_takes_its_share_and_others_still_connect() {
        let places = places(10, 4);
        let greedy: Vec<Place> =
            std::iter::repeat_with(|| places.take(address("192.0.2.1"))).map_while(|place| place).collect();
        assert_eq!(greedy.len(), 4 + RESERVE_SHARE);
        assert!(greedy[3].admit("/").await.is_ok());
        assert!(greedy[4].admit("/").await.is_err(), "beyond the share");
        assert!(greedy[4].admit("/healthz").await.is_ok());
        let other = places.take(address("192.0.2.2")).unwrap();
        assert!(other.admit("/").await.is_ok());
        drop(greedy);
        assert_eq!(places.clients().len(), 1, "clients that left are forgotten");
        assert_eq!(places.all.available_permits(), 9);
    }

    #[tokio::test]
    async fn a_connection_in_reserve_gets_a_place_when_one_is_free() {
        let places = places(1, 4);
        let first = places.take(address("192.0.2.1")).unwrap();
        let second = places.take(address("192.0.2.2")).unwrap();
        assert!(second.admit("/readyz").await.is_ok());
        assert!(second.admit("/").await.is_err());
        drop(first);
        assert!(second.admit("/").await.is_ok());
        assert_eq!(places.reserve.available_permits(), RESERVE);
    }

    #[test]
    fn a_trusted_proxy_has_no_share() {
        for proxy in ["::ffff:10.0.0.1", "::1"] {
            let places = places(10, 2);
            let taken: Vec<Place> =
                std::iter::repeat_with(|| places.take(address(proxy))).take(10).flatten().collect();
            assert_eq!(taken.iter().filter(|place| matches!(*place.held(), Held::Place { .. })).count(), 10);
        }
    }
}
