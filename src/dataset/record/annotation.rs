//! An annotated region: masks, boxes, the entity or category it shows, and the phrases it was found by.

use super::encoded::EncodedMask;
use super::label::Label;
use super::split::Split;
use crate::dataset::audit::Finding;
use crate::geometry::{PixelRect, Rect, Size};
use crate::rle::{self, Mask};

/// Message of a mask of which a part is left out.
pub(crate) const CUT_MESSAGE: &str = "the mask is not whole: a part of it is left out";

/// A region of an image that shows a Wikipedia entity or a COCO category.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Annotation {
    /// The id as a string; `#17` for record 17 (counted from 0) when the record has none.
    pub id: String,
    /// The id of the [image](super::ImageRecord).
    pub image: String,
    /// The id of the [category](super::Category): a QID, or a number as a string; empty when the record
    /// has none.
    pub category: String,
    /// The valid masks of `segmentation`, in order; polygons become one mask.
    pub parts: Vec<EncodedMask>,
    /// The size of [`mask`](Self::mask): the image's if a part has it, else the first part's, else
    /// the image's.
    pub mask_size: Size,
    /// The number of pixels of [`mask`](Self::mask).
    pub mask_area: u64,
    /// The smallest rectangle around [`mask`](Self::mask); `None` when it is empty.
    pub mask_bounds: Option<PixelRect>,
    /// Whether the last part is drawn from polygons: then it fits an image of any size, see
    /// [`mask_in`](Self::mask_in).
    pub is_drawn: bool,
    /// Whether a part of the mask is left out, because it could not be read or is over a limit.
    pub is_cut: bool,
    /// The boxes in image space, from either published form.
    pub boxes: Vec<Rect>,
    /// The phrases that the region was detected by, with their scores.
    pub labels: Vec<Label>,
    /// The prompt that the segmenter received.
    pub text_prompt: Option<String>,
    /// The OVEN question about the image.
    pub question: Option<String>,
    /// The parsed `data_split`.
    pub split: Option<Split>,
    /// COCO's `iscrowd`: the region covers a group of objects.
    pub is_crowd: bool,
    /// The published `area`, which for polygons is the area of the shape and not the number of pixels.
    pub area: Option<f64>,
    /// Problems of the record, at most [`ReadLimits::findings`](super::super::ReadLimits::findings).
    pub findings: Vec<Finding>,
}

impl Annotation {
    /// Returns the union of the parts that have [`mask_size`](Self::mask_size); empty when none has.
    ///
    /// Every part was decoded when it was read, so an error here is a bug of this crate.
    pub fn mask(&self) -> Result<Mask, rle::Error> {
        let fitting = self.parts.iter().filter(|part| part.size() == self.mask_size);
        let masks = fitting.map(EncodedMask::decode).collect::<Result<Vec<_>, _>>()?;
        Mask::union_of(self.mask_size, &masks)
    }

    /// Returns the mask on an image of this size: the union of the parts that have the size, and of the part
    /// that is drawn from polygons; `None` if there is none.
    pub fn mask_in(&self, size: Size) -> Result<Option<Mask>, rle::Error> {
        let last = self.parts.len().wrapping_sub(1);
        let is_drawn = |at: usize| self.is_drawn && at == last;
        let parts = self.parts.iter().enumerate();
        let fitting = parts.filter(|&(at, part)| part.size() == size || is_drawn(at));
        let masks = fitting.map(|(_, part)| part.decode().and_then(|mask| mask.in_frame(size)));
        let masks = masks.collect::<Result<Vec<_>, _>>()?;
        if masks.is_empty() { Ok(None) } else { Mask::union_of(size, &masks).map(Some) }
    }

    /// Returns whether the mask's size is that of the frame of its polygons, and not published.
    pub(crate) fn is_unframed(&self) -> bool {
        self.is_drawn && self.parts.iter().rev().skip(1).all(|part| part.size() != self.mask_size)
    }

    /// Decodes each part.
    pub fn part_masks(&self) -> Result<Vec<Mask>, rle::Error> {
        self.parts.iter().map(EncodedMask::decode).collect()
    }

    /// Returns the split as published, `""` when the record has none.
    pub fn split_name(&self) -> &str {
        self.split.as_ref().map_or("", |split| split.raw.as_str())
    }

    /// Removes the finding that the record has no category, for a file of which none has one, as those of
    /// SA-1B.
    pub(crate) fn forget_missing_category(&mut self) {
        self.findings.retain(|found| !found.is_missing_category());
    }

    /// Frees unused capacity.
    pub(crate) fn shrink_to_fit(&mut self) {
        self.parts.shrink_to_fit();
        self.boxes.shrink_to_fit();
        self.labels.shrink_to_fit();
        self.findings.shrink_to_fit();
    }

    /// Estimates the bytes of memory it takes after [`shrink_to_fit`](Self::shrink_to_fit).
    pub(crate) fn memory_bytes(&self) -> u64 {
        let parts: usize = self.parts.iter().map(|part| part.counts().len() + size_of::<EncodedMask>()).sum();
        (size_of::<Self>() + parts + self.record_bytes()) as u64
    }

    /// Estimates the bytes that its strings and lists take, masks excluded.
    pub(crate) fn record_bytes(&self) -> usize {
        let texts = self.id.len() + self.image.len() + self.category.len() + self.split_name().len();
        let optional: usize =
            [&self.text_prompt, &self.question].into_iter().flatten().map(String::len).sum();
        let labels: usize = self.labels.iter().map(|label| label.text.len() + size_of::<Label>()).sum();
        texts
            + optional
            + labels
            + Finding::memory_bytes(&self.findings)
            + self.boxes.len() * size_of::<Rect>()
    }
}
