//! A mask as it crosses into JSON: COCO's compressed RLE, or the run boundaries themselves.

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

/// A mask to show: as COCO's RLE, or where it was decoded already, as its run boundaries.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum RunsJson {
    /// COCO's compressed RLE.
    Compressed(MaskJson),
    /// `{"size": [height, width], "boundaries": […]}`, column-major as [`Mask::boundaries`] gives them.
    Boundaries {
        /// Height, then width.
        size: [u32; 2],
        /// The indices at which the mask's value changes.
        boundaries: Vec<u32>,
    },
}

impl RunsJson {
    /// Height, then width.
    pub fn size(&self) -> [u32; 2] {
        match self {
            Self::Compressed(mask) => mask.size,
            Self::Boundaries { size, .. } => *size,
        }
    }
}

impl From<MaskJson> for RunsJson {
    fn from(mask: MaskJson) -> Self {
        Self::Compressed(mask)
    }
}

impl TryFrom<&RunsJson> for Mask {
    type Error = Error;

    fn try_from(runs: &RunsJson) -> Result<Self, Error> {
        match runs {
            RunsJson::Compressed(mask) => mask.try_into(),
            RunsJson::Boundaries { size: [height, width], boundaries } => {
                Self::from_boundaries(Size::new(*width, *height), boundaries.clone())
            }
        }
    }
}
