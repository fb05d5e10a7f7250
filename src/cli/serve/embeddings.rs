//! The outputs of a click model's encoder, in a memory budget.

use std::sync::Arc;

use axum::body::Bytes;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use super::error::ApiError;

/// SHA-256 of an image, and the region of it that was encoded.
type Key = (String, [u32; 4]);

/// Embeddings by image and region; the least recently used ones are evicted.
pub(super) struct Embeddings {
    cache: Cache<Key, Bytes>,
}

impl Embeddings {
    /// Creates a cache of at most `max_bytes`.
    pub(super) fn new(max_bytes: usize) -> Self {
        // One larger than the budget counts as all of it, or each request would compute it again.
        let weigh = move |_: &Key, embedding: &Bytes| {
            u32::try_from(embedding.len().min(max_bytes)).unwrap_or(u32::MAX)
        };
        let cache = Cache::builder()
            .max_capacity(max_bytes as u64)
            .weigher(weigh)
            .eviction_policy(EvictionPolicy::lru())
            .build();
        Self { cache }
    }

    /// Returns an embedding; where there is none, inserts what `encode` returns, which runs once for callers
    /// that come at the same time.
    pub(super) fn get_or_insert(
        &self,
        key: Key,
        encode: impl FnOnce() -> Result<Bytes, ApiError>,
    ) -> Result<Bytes, ApiError> {
        let embedding = self.cache.try_get_with(key, encode);
        self.cache.run_pending_tasks();
        embedding.map_err(Arc::unwrap_or_clone)
    }
}
