//! A mask stored as its COCO string, which takes less memory than its boundaries, and decoded on demand.

use crate::geometry::Size;
use crate::rle::{self, Mask};

/// A mask in COCO's compressed form that was decoded successfully once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedMask {
    size: Size,
    counts: Box<str>,
}

impl EncodedMask {
    /// Stores a published string unchanged, and returns it with the mask it decodes to.
    pub fn from_compressed(size: Size, counts: impl Into<Box<str>>) -> Result<(Self, Mask), rle::Error> {
        let counts = counts.into();
        let mask = Mask::from_compressed(size, &counts)?;
        Ok((Self { size, counts }, mask))
    }

    /// Encodes a mask in canonical form.
    pub fn from_mask(mask: &Mask) -> Self {
        Self { size: mask.size(), counts: mask.to_compressed().into() }
    }

    /// Returns width and height.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Returns COCO's compressed counts.
    pub fn counts(&self) -> &str {
        &self.counts
    }

    /// Decodes the mask. The string was decoded once before, so an error here is a bug of this crate.
    pub fn decode(&self) -> Result<Mask, rle::Error> {
        Mask::from_compressed(self.size, &self.counts)
    }
}
