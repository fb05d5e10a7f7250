//! A mask kept as its COCO string, which takes less memory than its boundaries, and decoded on demand.

use crate::geometry::Size;
use crate::rle::{self, Mask};

/// A mask in COCO's compressed form that is known to decode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedMask {
    size: Size,
    counts: Box<str>,
}

impl EncodedMask {
    /// Keeps a published string as it is, and hands back the mask it decodes to.
    pub fn from_compressed(size: Size, counts: impl Into<Box<str>>) -> Result<(Self, Mask), rle::Error> {
        let counts = counts.into();
        let mask = Mask::from_compressed(size, &counts)?;
        Ok((Self { size, counts }, mask))
    }

    /// Encodes a mask canonically.
    pub fn from_mask(mask: &Mask) -> Self {
        Self { size: mask.size(), counts: mask.to_compressed().into() }
    }

    /// Width and height.
    pub fn size(&self) -> Size {
        self.size
    }

    /// COCO's compressed counts.
    pub fn counts(&self) -> &str {
        &self.counts
    }

    /// The mask. The string was decoded once before, so an error here means a fault of ours.
    pub fn decode(&self) -> Result<Mask, rle::Error> {
        Mask::from_compressed(self.size, &self.counts)
    }
}
