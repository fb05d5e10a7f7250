//! A mask as it crosses into JSON: COCO's compressed RLE.

use serde::{Deserialize, Serialize};

use crate::geometry::Size;
use crate::rle::{Error, Mask};

/// `{"size": [height, width], "counts": "…"}`, as pycocotools writes it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct MaskJson {
    /// Height, then width.
    pub size: [u32; 2],
    /// The compressed counts.
    pub counts: String,
}

impl From<&Mask> for MaskJson {
    fn from(mask: &Mask) -> Self {
        let Size { width, height } = mask.size();
        Self { size: [height, width], counts: mask.to_compressed() }
    }
}

impl TryFrom<&MaskJson> for Mask {
    type Error = Error;

    fn try_from(MaskJson { size: [height, width], counts }: &MaskJson) -> Result<Self, Error> {
        Self::from_compressed(Size::new(*width, *height), counts)
    }
}
