//! Limits of masks; each is checked before memory is allocated.

use super::Error;
use crate::geometry::Size;

/// Maximum number of pixels of a mask, so that a boundary fits 32 bits: 2³² - 1.
pub const MAX_PIXELS: u64 = u32::MAX as u64;

/// Maximum number of runs, zeros and ones together, that a mask is read from: 2²⁶, 256 MiB of boundaries.
pub const MAX_RUNS: u64 = 1 << 26;

/// Maximum number of pixels of a bitmap: 2²⁸, an image of 16,384 × 16,384.
pub const MAX_BITMAP_PIXELS: u64 = 1 << 28;

/// Maximum number of pixel columns that the edges of all polygons of one mask may cross together: 2²²,
/// or 40 outlines each around an image of 50,000 columns.
///
/// Columns outside the mask cost nothing and are not counted.
pub const MAX_POLYGON_CROSSINGS: u64 = 1 << 22;

/// Maximum absolute value of a polygon's coordinate in pixels: 2²⁸.
pub const MAX_COORDINATE: f64 = (1_u32 << 28) as f64;

/// Returns `size.pixels()`; fails where it does not fit the 32 bits of a boundary.
pub(super) fn checked_pixels(size: Size) -> Result<u32, Error> {
    within("pixels of a mask", MAX_PIXELS, size.pixels())?;
    Ok(size.pixels() as u32)
}

/// Fails where `actual` is over `limit`.
pub(super) fn within(what: &'static str, limit: u64, actual: u64) -> Result<(), Error> {
    if actual > limit { Err(Error::Limit { what, limit, actual }) } else { Ok(()) }
}
