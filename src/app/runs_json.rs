//! A mask to show as it crosses into JSON: COCO's compressed RLE, or the run boundaries themselves.

use serde::{Deserialize, Serialize};

use crate::geometry::Size;
use crate::rle::{CocoRle, Error, Mask};

/// A mask to show: as COCO's RLE, or where it was decoded already, as its run boundaries.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum RunsJson {
    /// COCO's compressed RLE.
    Compressed(CocoRle),
    /// `{"size": [height, width], "boundaries": […]}`, column-major as [`Mask::boundaries`] gives them.
    Boundaries {
        /// Height, then width.
        size: [u32; 2],
        /// The indices at which the mask's value changes.
        boundaries: Vec<u32>,
    },
}

impl RunsJson {
    /// The size it states.
    pub fn size(&self) -> Size {
        match self {
            Self::Compressed(rle) => rle.mask_size(),
            Self::Boundaries { size: [height, width], .. } => Size::new(*width, *height),
        }
    }
}

impl From<CocoRle> for RunsJson {
    fn from(rle: CocoRle) -> Self {
        Self::Compressed(rle)
    }
}

impl TryFrom<&RunsJson> for Mask {
    type Error = Error;

    fn try_from(runs: &RunsJson) -> Result<Self, Error> {
        match runs {
            RunsJson::Compressed(rle) => rle.try_into(),
            RunsJson::Boundaries { boundaries, .. } => Self::from_boundaries(runs.size(), boundaries.clone()),
        }
    }
}
