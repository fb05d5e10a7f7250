//! Simulates clicks on annotated objects by the protocol of interactive segmentation.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::decoded_image::DecodedImage;
use super::image_frame;
use super::onnx::RuntimeArgs;
use super::segmenter::{ModelChoice, Segmenter};
use crate::dataset::ImageFrame;
use crate::geometry::Point;
use crate::rle::{Connectivity, Mask};
use crate::segment::{Prompt, Prompts};

/// Maximum number of pixels of an image.
pub(super) const MAX_PIXELS: u64 = 1 << 28;

/// Segments each object by one click, as a user does before asking for its entity.
pub(super) struct Clicker {
    segmenter: Segmenter,
    opened: Option<(PathBuf, ImageFrame)>,
}

impl Clicker {
    pub(super) fn load(model: &ModelChoice, runtime: &RuntimeArgs) -> Result<Self> {
        Ok(Self { segmenter: Segmenter::load(model, runtime)?, opened: None })
    }

    /// Returns the mask of the protocol's first click on an object, whose mask `object` returns for the frame
    /// of the image. The image file is read by `read`, unless it is the one of the call before. Fails where
    /// the mask is empty.
    pub(super) fn mask_of<B: AsRef<[u8]>>(
        &mut self,
        image: &Path,
        read: impl FnOnce() -> Result<B>,
        object: impl FnOnce(ImageFrame) -> Result<Mask>,
    ) -> Result<Mask> {
        let opened = self.opened.take().filter(|(path, _)| path == image);
        let frame = if let Some((_, frame)) = opened {
            frame
        } else {
            let bytes = read()?;
            let bytes = bytes.as_ref();
            self.segmenter.encode(
                DecodedImage::decode(bytes, MAX_PIXELS).with_context(|| image.display().to_string())?,
            )?;
            image_frame::read_frame(bytes)?
        };
        self.opened = Some((image.to_owned(), frame));
        self.segmenter.restart();
        let object = &object(frame)?;
        let (point, positive) =
            next_click(object, &Mask::empty(object.size())?)?.context("the object is empty")?;
        let mut prompts = Prompts::new();
        prompts.push(Prompt::Click { point, positive })?;
        let mask = self.segmenter.click(&prompts)?.mask().clone();
        ensure!(!mask.is_empty(), "the mask of a click at {:.1}, {:.1} is empty", point.x, point.y);
        ensure!(
            mask.size() == object.size(),
            "the image is of {}, the annotation of {}",
            mask.size(),
            object.size()
        );
        Ok(mask)
    }
}

/// Returns the centre of the interior-most pixel of the largest 8-connected wrong region, and whether pixels
/// are missing there (segment-anything, section 7.1); `None` where the mask is exact.
pub(super) fn next_click(truth: &Mask, mask: &Mask) -> Result<Option<(Point, bool)>> {
    let missed = truth.difference(mask)?.largest_component(Connectivity::Eight);
    let excess = mask.difference(truth)?.largest_component(Connectivity::Eight);
    let positive = missed.area() >= excess.area();
    let region = if positive { missed } else { excess };
    Ok(region.interior_most()?.map(|pixel| (pixel.center(), positive)))
}
