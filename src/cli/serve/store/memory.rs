//! Decoded images with their features, in a memory budget.

use std::sync::Arc;

use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use crate::cli::decoded_image::DecodedImage;
use crate::cli::serve::error::ApiError;
use crate::link::encoder::pool::FeatureMap;

/// Bytes that an image takes besides its pixels and features, at most: small images would fill memory
/// uncounted.
const OVERHEAD: usize = 1 << 10;

/// Images by their SHA-256; the least recently used ones are evicted.
pub(super) struct Images {
    cache: Cache<String, Arc<DecodedImage>>,
}

impl Images {
    /// Creates a cache of at most `max_bytes`.
    pub(super) fn new(max_bytes: usize) -> Self {
        // An image larger than the budget counts as all of it: it evicts the others and stays until the
        // next one comes, or nothing larger could be linked.
        let weigh = move |_: &String, image: &Arc<DecodedImage>| {
            u32::try_from(bytes(image).min(max_bytes)).unwrap_or(u32::MAX)
        };
        let cache = Cache::builder()
            .max_capacity(max_bytes as u64)
            .weigher(weigh)
            .eviction_policy(EvictionPolicy::lru())
            .build();
        Self { cache }
    }

    pub(super) fn get(&self, sha256: &str) -> Option<Arc<DecodedImage>> {
        self.cache.get(sha256)
    }

    /// Returns the image of a SHA-256; where there is none, inserts what `decode` returns, which runs
    /// once for callers that come at the same time.
    pub(super) fn get_or_insert(
        &self,
        sha256: &str,
        decode: impl FnOnce() -> Result<DecodedImage, ApiError>,
    ) -> Result<Arc<DecodedImage>, ApiError> {
        let image = self.cache.try_get_with_by_ref(sha256, || decode().map(Arc::new));
        // Evicts at once, and not some time after a burst of new images.
        self.cache.run_pending_tasks();
        image.map_err(Arc::unwrap_or_clone)
    }

    /// Returns the number of images, and their bytes.
    pub(super) fn usage(&self) -> (usize, usize) {
        self.cache.iter().fold((0, 0), |(images, sum), (_, image)| (images + 1, sum + bytes(&image)))
    }
}

fn bytes(image: &DecodedImage) -> usize {
    OVERHEAD + image.pixel_bytes() + image.map().get().map_or(0, FeatureMap::bytes)
}

#[cfg(test)]
mod tests {
    use image::RgbImage;

    use super::*;
    use crate::link::protocol::problem::Kind;

    #[test]
    fn the_least_recently_used_image_is_evicted() {
        // Each image takes 300 bytes and its overhead; three fit.
        let images = Images::new(4000);
        let insert = |name: &str, width| {
            images.get_or_insert(name, || Ok(RgbImage::new(width, 10).into())).unwrap();
        };
        for name in ["a", "b", "c"] {
            insert(name, 10);
        }
        assert!(images.get("a").is_some());
        insert("d", 10);
        let present = ["a", "b", "c", "d"].map(|name| images.get(name).is_some());
        assert_eq!((present, images.usage()), ([true, false, true, true], (3, 3 * (300 + OVERHEAD))));
        insert("huge", 1000);
        assert_eq!(images.usage(), (1, 30_000 + OVERHEAD), "an image above the budget evicts all others");
        assert!(images.get("huge").is_some());
        insert("e", 10);
        assert_eq!(images.usage(), (1, 300 + OVERHEAD));
    }

    #[test]
    fn a_failure_is_not_kept() {
        let images = Images::new(4000);
        let failed = images.get_or_insert("a", || Err(ApiError::new(Kind::TooLarge, "")));
        assert_eq!(failed.map(drop).unwrap_err().kind(), Kind::TooLarge);
        assert!(images.get_or_insert("a", || Ok(RgbImage::new(1, 1).into())).is_ok());
    }
}
