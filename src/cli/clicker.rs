//! Simulated clicks on annotated objects, by the protocol of interactive segmentation, and the mask
//! that one click gives.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::decoded_image::DecodedImage;
use super::onnx::RuntimeArgs;
use super::segmenter::{ModelChoice, Segmenter};
use crate::geometry::Point;
use crate::rle::{Connectivity, Mask};
use crate::segment::{Prompt, Prompts};

/// The most pixels of an image.
pub(super) const MAX_PIXELS: u64 = 1 << 28;

/// A segmentation model that is clicked once on each object, as someone does who asks what it is.
pub(super) struct Clicker {
    segmenter: Segmenter,
    looks_at: Option<PathBuf>,
}

impl Clicker {
    pub(super) fn load(model: &ModelChoice, runtime: &RuntimeArgs) -> Result<Self> {
        Ok(Self { segmenter: Segmenter::load(model, runtime)?, looks_at: None })
    }

    /// The mask that the first click of the protocol on an object gives, not empty.
    pub(super) fn mask_of(&mut self, image: &Path, object: &Mask) -> Result<Mask> {
        if self.looks_at.as_deref() != Some(image) {
            self.looks_at = None;
            let bytes = std::fs::read(image).with_context(|| image.display().to_string())?;
            self.segmenter.encode(
                DecodedImage::decode(&bytes, MAX_PIXELS).with_context(|| image.display().to_string())?,
            )?;
            self.looks_at = Some(image.to_owned());
        }
        self.segmenter.restart();
        let (point, positive) =
            next_click(object, &Mask::empty(object.size())?)?.context("the object is empty")?;
        let mut prompts = Prompts::new();
        prompts.push(Prompt::Click { point, positive })?;
        let mask = self.segmenter.click(&prompts)?.mask().clone();
        ensure!(!mask.is_empty(), "a click at {:.1}, {:.1} gave no mask", point.x, point.y);
        ensure!(
            mask.size() == object.size(),
            "the image is of {}, the annotation of {}",
            mask.size(),
            object.size()
        );
        Ok(mask)
    }
}

/// The centre of the interior-most pixel of the largest 8-connected region that is wrong, and
/// whether pixels are missing there (segment-anything, section 7.1); `None` where nothing is wrong.
pub(super) fn next_click(truth: &Mask, answer: &Mask) -> Result<Option<(Point, bool)>> {
    let missed = truth.difference(answer)?.largest_component(Connectivity::Eight);
    let excess = answer.difference(truth)?.largest_component(Connectivity::Eight);
    let positive = missed.area() >= excess.area();
    let region = if positive { missed } else { excess };
    Ok(region.interior_most()?.map(|pixel| (pixel.center(), positive)))
}
