//! Puts masks on images that their EXIF data turns: on the frame as stored or as displayed.

use serde::Serialize;

use super::dataset::Dataset;
use crate::dataset::record::Annotation;
use crate::geometry::{Orientation, Size};
use crate::rle::{self, Mask};

/// The size and orientation of an image file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageFrame {
    /// Size as displayed.
    pub displayed: Size,
    /// Orientation that turns the stored pixels for display.
    pub orientation: Orientation,
}

/// The frame of an image on which its masks lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum MaskFrame {
    /// The image as displayed.
    Displayed,
    /// The pixels as stored.
    Stored,
    /// It cannot be told.
    Unknown,
}

/// Errors of the mask of an annotation on an image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The image is turned, and whether its masks are cannot be told.
    #[error("the image is turned for display by its EXIF data, and its masks may not be")]
    Unknown,
    /// No part of the mask has the image's size.
    #[error("its mask is of {mask}, the image of {image}")]
    Size {
        /// The mask's size.
        mask: Size,
        /// The size of the image on the masks' frame.
        image: Size,
    },
    /// The mask cannot be decoded or turned.
    #[error(transparent)]
    Mask(#[from] rle::Error),
}

impl ImageFrame {
    /// Returns the size as stored.
    pub fn stored(self) -> Size {
        self.orientation.of_size(self.displayed)
    }

    /// Tells the frame of an image's masks, by the image's index: from the sizes of the masks, from masks and
    /// boxes that only one frame holds, and from the listed size. Returns `otherwise` where they do not tell.
    pub fn of_masks(self, dataset: &Dataset, image: u32, otherwise: MaskFrame) -> MaskFrame {
        if self.orientation == Orientation::Stored {
            return MaskFrame::Displayed;
        }
        let annotations = dataset.annotations_of_image(image).iter();
        let frames = annotations.map(|&at| self.of_mask(&dataset.annotations()[at as usize]));
        let found: Vec<_> = frames.filter(|&frame| frame != MaskFrame::Unknown).collect();
        let listed = dataset.images().get(image as usize).and_then(|image| image.size);
        let is_listed_displayed = listed == Some(self.displayed) && self.displayed != self.stored();
        match found.split_first() {
            Some((first, others)) if others.iter().all(|other| other == first) => *first,
            None if is_listed_displayed => MaskFrame::Displayed,
            _ => otherwise,
        }
    }

    /// Returns the frame of one mask, where the image's masks lie on `of_masks`: the size of a mask tells
    /// more than its neighbours.
    pub fn of_mask_among(self, annotation: &Annotation, of_masks: MaskFrame) -> MaskFrame {
        match self.of_mask(annotation) {
            MaskFrame::Unknown => of_masks,
            own => own,
        }
    }

    /// Tells the frame of a mask from its size.
    pub fn of_mask_size(self, mask: Size) -> MaskFrame {
        self.where_held(|size| mask == size)
    }

    /// Tells the frame of one mask from its size, or from what it covers.
    fn of_mask(self, annotation: &Annotation) -> MaskFrame {
        if !annotation.is_drawn {
            return self.of_mask_size(annotation.mask_size);
        }
        self.where_held(|size| {
            annotation.mask_bounds.is_none_or(|bounds| {
                bounds.x + bounds.width <= size.width && bounds.y + bounds.height <= size.height
            })
        })
    }

    /// Returns the only frame whose size holds a mask.
    fn where_held(self, holds: impl Fn(Size) -> bool) -> MaskFrame {
        match (holds(self.displayed), holds(self.stored())) {
            (true, false) => MaskFrame::Displayed,
            (false, true) => MaskFrame::Stored,
            _ => MaskFrame::Unknown,
        }
    }

    /// Returns the mask of an annotation on the image as displayed.
    pub fn mask_of(self, annotation: &Annotation, of_masks: MaskFrame) -> Result<Mask, FrameError> {
        let (image, orientation) = match self.of_mask_among(annotation, of_masks) {
            MaskFrame::Displayed => (self.displayed, Orientation::Stored),
            MaskFrame::Stored => (self.stored(), self.orientation),
            MaskFrame::Unknown => return Err(FrameError::Unknown),
        };
        let mask = annotation.mask_in(image)?;
        let mask = mask.ok_or(FrameError::Size { mask: annotation.mask_size, image })?;
        Ok(mask.oriented(orientation)?)
    }
}
