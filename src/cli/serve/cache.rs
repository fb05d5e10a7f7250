//! A cache of computed values in a memory budget.

use std::borrow::Borrow;
use std::hash::Hash;
use std::sync::Arc;

use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use super::error::ApiError;

/// Values by key; the least recently used ones are evicted.
pub(super) struct ByteCache<K, V> {
    cache: Cache<K, V>,
    bytes_of: fn(&V) -> usize,
}

impl<K, V> ByteCache<K, V>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Creates a cache of at most `max_bytes`, of which a value takes `bytes_of`.
    pub(super) fn new(max_bytes: usize, bytes_of: fn(&V) -> usize) -> Self {
        // A value larger than the budget counts as all of it: it evicts the others and stays until the next
        // one comes, or each request would compute it again.
        let weigh = move |_: &K, value: &V| u32::try_from(bytes_of(value).min(max_bytes)).unwrap_or(u32::MAX);
        let cache = Cache::builder()
            .max_capacity(max_bytes as u64)
            .weigher(weigh)
            .eviction_policy(EvictionPolicy::lru())
            .build();
        Self { cache, bytes_of }
    }

    /// Returns the value of a key.
    pub(super) fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.cache.get(key)
    }

    /// Returns the value of a key; where there is none, inserts what `compute` returns, which runs once for
    /// callers that come at the same time.
    pub(super) fn get_or_insert<Q: Eq + Hash + ToOwned<Owned = K> + ?Sized>(
        &self,
        key: &Q,
        compute: impl FnOnce() -> Result<V, ApiError>,
    ) -> Result<V, ApiError>
    where
        K: Borrow<Q>,
    {
        let value = self.cache.try_get_with_by_ref(key, compute);
        // Evicts at once, and not some time after a burst of new values.
        self.cache.run_pending_tasks();
        value.map_err(Arc::unwrap_or_clone)
    }

    /// Returns the number of values, and their bytes.
    pub(super) fn usage(&self) -> (usize, usize) {
        let add = |(values, sum), value: &V| (values + 1, sum + (self.bytes_of)(value));
        self.cache.iter().fold((0, 0), |sums, (_, value)| add(sums, &value))
    }
}
