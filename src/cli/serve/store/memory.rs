//! Decoded images with their features, in a memory budget.

use std::sync::Arc;

use crate::cli::decoded_image::DecodedImage;
use crate::cli::serve::cache::ByteCache;
use crate::link::encoder::pool::FeatureMap;

/// Bytes that an image takes besides its pixels and features, at most: small images would fill memory
/// uncounted.
const OVERHEAD: usize = 1 << 10;

/// Images by their SHA-256.
pub(super) type Images = ByteCache<String, Arc<DecodedImage>>;

/// Creates a cache of at most `max_bytes`.
pub(super) fn images(max_bytes: usize) -> Images {
    Images::new(max_bytes, |image| bytes(image))
}

fn bytes(image: &DecodedImage) -> usize {
    OVERHEAD + image.pixel_bytes() + image.map().get().map_or(0, FeatureMap::bytes)
}

#[cfg(test)]
mod tests {
    use image::RgbImage;

    use super::*;
    use crate::cli::serve::error::ApiError;
    use crate::link::protocol::problem::Kind;

    #[test]
    fn the_least_recently_used_image_is_evicted() {
        // Each image takes 300 bytes and its overhead; three fit.
        let images = images(4000);
        let insert = |name: &str, width| {
            images.get_or_insert(name, || Ok(Arc::new(RgbImage::new(width, 10).into()))).unwrap();
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
        let images = images(4000);
        let failed = images.get_or_insert("a", || Err(ApiError::new(Kind::TooLarge, "")));
        assert_eq!(failed.map(drop).unwrap_err().kind(), Kind::TooLarge);
        assert!(images.get_or_insert("a", || Ok(Arc::new(RgbImage::new(1, 1).into()))).is_ok());
    }
}
