//! What a session answers: candidate masks, and which of them counts.

use super::Tensor;
use crate::rle::Mask;

/// What the prompts point out.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The masks the model offers, cleaned of specks, at the image's size.
    pub candidates: Vec<Candidate>,
    /// Which of them the model thinks best.
    pub best: usize,
}

/// One mask a model offers.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The mask at the image's size.
    pub mask: Mask,
    /// The model's own estimate of the mask's IoU with the object meant, within 0..=1.
    pub predicted_iou: f32,
}

impl Answer {
    /// The mask the model thinks best.
    pub fn mask(&self) -> &Mask {
        &self.best_candidate().mask
    }

    /// The candidate the model thinks best.
    pub(super) fn best_candidate(&self) -> &Candidate {
        &self.candidates[self.best]
    }
}

/// The candidate of the highest predicted IoU.
///
/// Of segment-anything's four, the first is the one for several prompts and the others are for a
/// single one (`select_masks` of its ONNX export): with more than two points, padding included,
/// only the first counts, and with fewer only the others do.
pub(super) fn best_candidate(ious: &[f32], labels: &Tensor) -> usize {
    let points = labels.shape()[1];
    let eligible = match (ious.len(), points) {
        (4, 3..) => 0..1,
        (4, _) => 1..4,
        (count, _) => 0..count,
    };
    eligible.max_by(|&a, &b| ious[a].total_cmp(&ious[b])).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_four_candidates_the_first_is_for_several_points() {
        let labels = |count| Tensor::from_f32s(vec![1.0; count]).reshaped([1, count]);
        assert_eq!(best_candidate(&[0.9, 0.1, 0.5, 0.3], &labels(2)), 2);
        assert_eq!(best_candidate(&[0.1, 0.9, 0.5, 0.3], &labels(3)), 0);
        assert_eq!(best_candidate(&[0.9, 0.1, 0.5], &labels(2)), 0);
    }
}
