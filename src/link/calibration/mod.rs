//! Scores from similarities: the probability that each candidate is right, and that the index holds it.
//!
//! A candidate's score depends on its similarity, and on its share in a softmax over the nearest
//! candidates, which tells a clear winner from a crowd. The score is a logistic function of the
//! two. Weights are never negative, so that scores keep the order of the similarities. A class's logit
//! is brought to the scale of the exemplars' cosines by a line. [`fit`] finds line and weights.

pub mod fit;
mod logistic;
pub mod open_set;
mod query;

use serde::{Deserialize, Serialize};

use logistic::sigmoid;
use open_set::KnownThreshold;

/// Maximum offset and factor of a scale of classes.
const MAX_SCALE: f32 = 1e6;

/// Turns similarities into scores, and states how well that fits held-out masks.
///
/// Numbers are `f32`, so that JSON reproduces them exactly.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Divides the similarities before the softmax.
    pub temperature: f32,
    /// Bias, weight of the similarity, weight of the logit of the share.
    pub weights: [f32; 3],
    /// Brings the logits of classes to the scale of cosines.
    #[serde(default)]
    pub prototype_scale: PrototypeScale,
    /// Measured on the masks it was fitted to; `None` where there were too few to fit.
    pub held_out: Option<HeldOut>,
    /// Separates things of the index from others; `None` where there were too few masks to fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_threshold: Option<KnownThreshold>,
}

/// The line from the logit of a class to a similarity on the scale of cosines.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PrototypeScale {
    /// Similarity of a logit of 0.
    pub offset: f32,
    /// Similarity that each unit of the logit adds.
    pub factor: f32,
}

/// Accuracy on held-out masks: masks that are not in the index, or each exemplar without its own image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeldOut {
    /// Number of masks searched for.
    pub queries: u64,
    /// Number of those whose entity the index can find.
    pub answerable: u64,
    /// Part of the answerable whose first candidate was right, a member of it or a broader entity of it.
    pub top1: f32,
    /// Part of the answerable with the right one among the first five.
    pub top5: f32,
    /// Mean difference between the first candidate's score and how often it was right, over ten
    /// bins of the score, weighted by their number of queries (expected calibration error).
    pub calibration_error: f32,
}

impl Default for Calibration {
    /// Returns plain softmax shares.
    fn default() -> Self {
        Self {
            temperature: 0.07,
            weights: [0.0, 0.0, 1.0],
            prototype_scale: PrototypeScale::default(),
            held_out: None,
            known_threshold: None,
        }
    }
}

impl Default for PrototypeScale {
    /// Returns the line that leaves the softmax of a classifier as it is at the default temperature.
    fn default() -> Self {
        Self { offset: 0.0, factor: 0.07 }
    }
}

impl PrototypeScale {
    /// Returns the similarity of a logit.
    pub fn similarity(self, logit: f32) -> f32 {
        self.offset + self.factor * logit
    }
}

impl Calibration {
    /// Returns the probability that a candidate of this similarity and this logarithm of the softmax share
    /// is right.
    pub fn score(&self, similarity: f64, log_share: f64) -> f32 {
        let weights = self.weights.map(f64::from);
        let features = features(similarity, log_share).into_iter();
        sigmoid(features.zip(weights).map(|(feature, weight)| feature * weight).sum()) as f32
    }

    /// Returns why numbers read from outside cannot be used.
    pub fn check(&self) -> Result<(), &'static str> {
        let [bias, of_similarity, of_share] = self.weights;
        if !(self.temperature.is_finite() && self.temperature > 0.0) {
            return Err("the calibration's temperature is not positive");
        }
        if !bias.is_finite()
            || [of_similarity, of_share].iter().any(|weight| !weight.is_finite() || *weight < 0.0)
        {
            return Err("a weight of the calibration is negative or not finite");
        }
        let PrototypeScale { offset, factor } = self.prototype_scale;
        if offset.is_nan() || offset.abs() > MAX_SCALE || !(0.0..=MAX_SCALE).contains(&factor) {
            return Err("the calibration's scale of classes is negative, not finite or too large");
        }
        self.known_threshold.as_ref().map_or(Ok(()), KnownThreshold::check)
    }
}

/// Returns 1, similarity, and logit of the softmax share of a candidate.
fn features(similarity: f64, log_share: f64) -> [f64; 3] {
    // Shares within 6e-6 of 0 or 1 say no more than those at that distance.
    let logit = (log_share - (-log_share.exp_m1()).max(f64::MIN_POSITIVE).ln()).clamp(-12.0, 12.0);
    [1.0, similarity, logit]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_numbers_are_refused() {
        let check = |calibration: Calibration| calibration.check().is_err();
        let wrong =
            |temperature, weights| check(Calibration { temperature, weights, ..Calibration::default() });
        assert!(wrong(0.0, [0.0; 3]) && wrong(f32::NAN, [0.0; 3]) && wrong(1.0, [0.0, -1.0, 0.0]));
        assert!(wrong(1.0, [f32::INFINITY, 0.0, 0.0]) && Calibration::default().check().is_ok());
        for (offset, factor) in [(f32::NAN, 1.0), (0.0, -1.0), (0.0, f32::INFINITY)] {
            let prototype_scale = PrototypeScale { offset, factor };
            assert!(check(Calibration { prototype_scale, ..Calibration::default() }));
        }
    }
}
