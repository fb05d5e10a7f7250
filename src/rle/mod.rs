//! Binary masks as run boundaries: COCO's codecs, set operations and measures, without a bitmap.
//!
//! Pixels are counted down the columns, as COCO counts them: pixel `(x, y)` of a mask of height `h` has the index
//! `x * h + y`. A [`Mask`] holds the indices at which the value changes, so every operation costs time by the number
//! of runs and not by the number of pixels.

mod bitmap;
mod compressed;
mod error;
mod mask;
mod set;

pub use bitmap::MOST_BITMAP_PIXELS;
pub use error::Error;
pub use mask::Mask;
