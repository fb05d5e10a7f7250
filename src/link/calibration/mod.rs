//! Scores from cosines: the probability that each candidate is right, and that the index holds it.
//!
//! A candidate's score depends on its cosine, and on its share in a softmax over the nearest
//! candidates, which tells a clear winner from a crowd. The score is a logistic function of the
//! two. Weights are never negative, so that scores keep the order of the cosines. [`fit`] finds the
//! weights.

pub mod fit;
mod logistic;
pub mod open_set;
mod query;

use serde::{Deserialize, Serialize};

use super::protocol::InIndex;
use logistic::sigmoid;
use open_set::KnownThreshold;

/// Number of the nearest candidates that share in the softmax.
pub const CANDIDATES: usize = 32;

/// Turns cosines into scores, and states how well that fits held-out masks.
///
/// In 32 bits, which JSON gives back as they were written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Divides the cosines before the softmax.
    pub temperature: f32,
    /// Bias, weight of the cosine, weight of the logit of the share.
    pub weights: [f32; 3],
    /// Measured on the masks it was fitted to; `None` where there were too few to fit.
    pub held_out: Option<HeldOut>,
    /// Separates things of the index from others; `None` where there were too few masks to fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_threshold: Option<KnownThreshold>,
}

/// Accuracy on held-out masks: masks that are not in the index, or each exemplar without its own image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeldOut {
    /// Number of masks searched for.
    pub queries: u64,
    /// Number of those whose entity has an exemplar in another image.
    pub answerable: u64,
    /// Part of the answerable whose first candidate was right.
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
        Self { temperature: 0.07, weights: [0.0, 0.0, 1.0], held_out: None, known_threshold: None }
    }
}

impl Calibration {
    /// Returns the scores of candidates with these cosines, which must be the nearest ones in falling order.
    pub fn scores(&self, cosines: &[f32]) -> Vec<f32> {
        let [bias, of_cosine, of_share] = self.weights.map(f64::from);
        let features = features(cosines, f64::from(self.temperature));
        features.map(|[cosine, share]| sigmoid(bias + of_cosine * cosine + of_share * share) as f32).collect()
    }

    /// Returns whether a thing with these cosines is in the index; they must be the nearest ones in
    /// falling order. `None` where the calibration cannot tell.
    pub fn in_index(&self, cosines: &[f32]) -> Option<InIndex> {
        self.known_threshold.as_ref().map(|threshold| threshold.apply(cosines))
    }

    /// Returns why weights read from outside cannot be used.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        let [bias, of_cosine, of_share] = self.weights;
        if !(self.temperature.is_finite() && self.temperature > 0.0) {
            return Err("the calibration's temperature is not positive");
        }
        if !bias.is_finite()
            || [of_cosine, of_share].iter().any(|weight| !weight.is_finite() || *weight < 0.0)
        {
            return Err("a weight of the calibration is negative or not finite");
        }
        self.known_threshold.as_ref().map_or(Ok(()), KnownThreshold::check)
    }
}

/// Returns cosine and logit of the softmax share of each candidate.
fn features(cosines: &[f32], temperature: f64) -> impl Iterator<Item = [f64; 2]> {
    let shares = log_shares(cosines, temperature).into_iter();
    // Shares within 6e-6 of 0 or 1 say no more than those at that distance.
    let logit =
        |log_share: f64| (log_share - (-log_share.exp_m1()).max(f64::MIN_POSITIVE).ln()).clamp(-12.0, 12.0);
    cosines.iter().zip(shares).map(move |(&cosine, share)| [f64::from(cosine), logit(share)])
}

/// Returns the logarithm of each candidate's softmax share.
fn log_shares(cosines: &[f32], temperature: f64) -> Vec<f64> {
    let largest = cosines.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let scaled = cosines.iter().map(|&cosine| f64::from(cosine - largest) / temperature);
    let total = scaled.clone().map(f64::exp).sum::<f64>().ln();
    scaled.map(|value| value - total).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_weights_are_refused() {
        let wrong = |temperature, weights| {
            Calibration { temperature, weights, ..Calibration::default() }.check().is_err()
        };
        assert!(wrong(0.0, [0.0; 3]) && wrong(f32::NAN, [0.0; 3]) && wrong(1.0, [0.0, -1.0, 0.0]));
        assert!(wrong(1.0, [f32::INFINITY, 0.0, 0.0]) && Calibration::default().check().is_ok());
    }
}
