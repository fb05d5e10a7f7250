//! The result of a click: candidate masks, and which of them the model expects most of.

use crate::rle::Mask;

/// The masks that a model offers for some prompts.
#[derive(Clone, Debug, PartialEq)]
pub struct Segmentation {
    /// In the model's order, without specks, each as large as the image.
    pub candidates: Vec<Candidate>,
    /// Index of the candidate with the highest predicted IoU.
    pub best: usize,
}

/// One of the masks that a model offers.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// As large as the image.
    pub mask: Mask,
    /// The model's own estimate of the mask's IoU with the object meant, within 0..=1.
    pub predicted_iou: f32,
}

impl Segmentation {
    /// Returns the mask of the best candidate.
    pub fn mask(&self) -> &Mask {
        &self.best_candidate().mask
    }

    /// Returns the candidate with the highest predicted IoU.
    pub fn best_candidate(&self) -> &Candidate {
        &self.candidates[self.best]
    }
}
