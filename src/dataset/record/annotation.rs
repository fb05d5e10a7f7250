//! One annotated region: its masks and boxes, the entity it shows, and the words it was found by.

use super::encoded::EncodedMask;
use super::label::Label;
use super::split::Split;
use crate::dataset::audit::Finding;
use crate::geometry::{PixelRect, Rect, Size};
use crate::rle::{self, Mask};

/// A region of an image that shows an entity or a COCO category.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Annotation {
    /// Its id as text; `#17` for the 17th record (from 0) where it has none.
    pub id: String,
    /// The id of its image.
    pub image: String,
    /// The id of its category: a QID, or a number as text; empty where the record has none.
    pub category: String,
    /// The readable masks of `segmentation`, in order; polygons make one mask together.
    pub parts: Vec<EncodedMask>,
    /// The size of [`mask`](Self::mask): the image's if a part has it, else the first part's, else
    /// the image's.
    pub mask_size: Size,
    /// The number of pixels of [`mask`](Self::mask).
    pub mask_area: u64,
    /// The smallest rectangle around [`mask`](Self::mask); `None` where it is empty.
    pub mask_bounds: Option<PixelRect>,
    /// The boxes in image space, whichever way they were published.
    pub boxes: Vec<Rect>,
    /// The phrases it was found by, with their scores.
    pub labels: Vec<Label>,
    /// What the segmenter was asked for.
    pub text_prompt: Option<String>,
    /// The question of OVEN that this image belongs to.
    pub question: Option<String>,
    /// The split, where the record names one.
    pub split: Option<Split>,
    /// COCO's `iscrowd`: a region of many things.
    pub is_crowd: bool,
    /// The published `area`, which for polygons is not the number of pixels.
    pub area: Option<f64>,
    /// What is wrong with the record.
    pub findings: Vec<Finding>,
}

impl Annotation {
    /// The union of the parts that have [`mask_size`](Self::mask_size); empty where there is none.
    ///
    /// Every part was decoded once when it was read, so an error here means a fault of ours.
    pub fn mask(&self) -> Result<Mask, rle::Error> {
        let fitting = self.parts.iter().filter(|part| part.size() == self.mask_size);
        let masks = fitting.map(EncodedMask::decode).collect::<Result<Vec<_>, _>>()?;
        Mask::union_of(self.mask_size, &masks)
    }

    /// The mask of each part.
    pub fn part_masks(&self) -> Result<Vec<Mask>, rle::Error> {
        self.parts.iter().map(EncodedMask::decode).collect()
    }

    /// The split as published, `""` where the record names none.
    pub fn split_name(&self) -> &str {
        self.split.as_ref().map_or("", |split| split.raw.as_str())
    }

    /// Gives back the room that its lists do not use.
    pub(crate) fn shrink_to_fit(&mut self) {
        self.parts.shrink_to_fit();
        self.boxes.shrink_to_fit();
        self.labels.shrink_to_fit();
        self.findings.shrink_to_fit();
    }

    /// About how many bytes of memory it takes, shrunk.
    pub(crate) fn memory_bytes(&self) -> u64 {
        let parts: usize = self.parts.iter().map(|part| part.counts().len() + size_of::<EncodedMask>()).sum();
        (size_of::<Self>() + parts + self.record_bytes()) as u64
    }

    /// About how many bytes its texts and lists take, masks left out.
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
