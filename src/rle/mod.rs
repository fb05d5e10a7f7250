//! Binary masks as run boundaries: COCO's codecs, set operations and measurements, without a bitmap.
//!
//! Pixels are numbered down the columns, as in COCO: pixel `(x, y)` of a mask of height `h` has the
//! index `x * h + y`. A [`Mask`] holds the indices at which the value changes, so the time of set
//! operations, measurements and outlines grows with the number of runs and not with that of pixels; only
//! a bitmap and the interior-most pixel visit every pixel.

mod bitmap;
mod builder;
mod coco_rle;
mod component;
mod compressed;
mod compressed_number;
mod compressed_quick;
mod counts;
mod error;
mod flat;
mod interior;
mod limits;
mod mask;
mod outline;
mod pieces;
mod polygon;
mod set;
mod simplify;
mod stroke;
mod turn;

pub use coco_rle::CocoRle;
pub use error::Error;
pub use flat::FlatMasks;
pub use interior::InteriorPixel;
pub use limits::{MAX_BITMAP_PIXELS, MAX_COORDINATE, MAX_PIXELS, MAX_POLYGON_CROSSINGS, MAX_RUNS};
pub use mask::Mask;
pub use outline::Outline;
pub use pieces::Connectivity;
pub(crate) use polygon::invalid_coordinate;
