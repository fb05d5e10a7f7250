//! The threshold that separates known things from unknown ones, fitted to held-out masks.
//!
//! Each held-out mask gives two samples: a known one as it is, and an unknown one with its own
//! entity left out; a mask of an entity that the index lacks gives the unknown one alone. Two
//! numbers tell them apart: the nearest entity's similarity, and its lead over the second, which is
//! small where an unknown thing lies between known ones. Entities that share a broader entity with the
//! nearest do not count as second: an unsure breed is still a dog.

use serde::{Deserialize, Serialize};

use super::logistic::{newton, sigmoid};
use crate::link::protocol::InIndex;

/// Part of the known things that may be called unknown.
pub const FALSE_ALARMS: f64 = 0.05;
/// Minimum number of samples of either kind.
const MIN_OF_A_KIND: usize = 20;

/// Separates things of the index from others.
///
/// Numbers are `f32`, so that JSON reproduces them exactly.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct KnownThreshold {
    /// Bias, weight of the nearest similarity, weight of its lead over the second.
    pub weights: [f32; 3],
    /// Minimum probability that counts as known, 0 to 1.
    pub min_probability: f32,
    /// Part of the unknown samples that were called unknown, 0 to 1.
    pub unknown_recall: f32,
}

impl KnownThreshold {
    /// Returns whether a thing is in the index, by 1, the similarity of its nearest entity, and the lead of
    /// that entity over unrelated ones.
    pub fn apply(&self, features: [f64; 3]) -> InIndex {
        let weights = self.weights.map(f64::from);
        let sum = features.into_iter().zip(weights).map(|(feature, weight)| feature * weight).sum();
        let probability = sigmoid(sum) as f32;
        InIndex { known: probability >= self.min_probability, probability }
    }

    /// Returns why a threshold read from outside cannot be used.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        let [bias, of_cosine, of_lead] = self.weights;
        if !bias.is_finite() || [of_cosine, of_lead].iter().any(|weight| !weight.is_finite() || *weight < 0.0)
        {
            return Err("a weight of the known threshold is negative or not finite");
        }
        if !(0.0..=1.0).contains(&self.min_probability) {
            return Err("the known threshold's minimum probability is not 0 to 1");
        }
        Ok(())
    }
}

/// Fits a threshold to the features of known and of unknown things; `None` where there are too few of either.
pub(super) fn fit(known: &[[f64; 3]], unknown: &[[f64; 3]]) -> Option<KnownThreshold> {
    if known.len() < MIN_OF_A_KIND || unknown.len() < MIN_OF_A_KIND {
        return None;
    }
    let samples: Vec<_> = [(known, true), (unknown, false)]
        .into_iter()
        .flat_map(|(list, known)| list.iter().map(move |features| (*features, known)))
        .collect();
    // A weight that turns negative is left out.
    let tries = [[true, true, true], [true, true, false], [true, false, true]];
    // As if half of what is searched for were in the index.
    let prior = (unknown.len() as f64 / known.len() as f64).ln();
    let fitted = tries.into_iter().map(|used| newton(&samples, used));
    let weights =
        fitted.map(|[bias, similarity, lead]| [bias + prior, similarity, lead].map(|weight| weight as f32));
    let threshold = |weights| KnownThreshold { weights, min_probability: 0.0, unknown_recall: 0.0 };
    let mut threshold = weights.map(threshold).find(|threshold| threshold.check().is_ok())?;
    let mut probabilities: Vec<_> =
        known.iter().map(|features| threshold.apply(*features).probability).collect();
    probabilities.sort_by(f32::total_cmp);
    threshold.min_probability = probabilities[(FALSE_ALARMS * probabilities.len() as f64) as usize];
    let found = unknown.iter().filter(|features| !threshold.apply(**features).known).count();
    threshold.unknown_recall = (found as f64 / unknown.len() as f64) as f32;
    Some(threshold)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Known things at 0.9 and less, their neighbours at 0.5 and less; without them the neighbours lead.
    fn samples(count: usize) -> (Vec<[f64; 3]>, Vec<[f64; 3]>) {
        let spread = |at: usize| (at * 7 % 20) as f64 / 100.0;
        let known = |at: usize| [1.0, 0.9 - spread(at), 0.4 - spread(at) / 2.0];
        let unknown = |at: usize| [1.0, 0.5 - spread(at) / 2.0, 0.2 - spread(at) / 2.0];
        ((0..count).map(known).collect(), (0..count).map(unknown).collect())
    }

    #[test]
    fn near_things_are_known_and_far_ones_are_not() {
        let (known, unknown) = samples(100);
        let threshold = fit(&known, &unknown).unwrap();
        assert!(threshold.check().is_ok() && threshold.unknown_recall > 0.99, "{threshold:?}");
        let near = threshold.apply([1.0, 0.88, 0.38]);
        let far = threshold.apply([1.0, 0.45, 0.05]);
        assert!(near.known && !far.known && near.probability > far.probability, "{near:?} {far:?}");
        assert!(!threshold.apply([1.0, -1.0, 0.0]).known, "where nothing is found, nothing is known");
    }

    #[test]
    fn one_in_twenty_known_things_is_missed() {
        let (known, unknown) = samples(200);
        let threshold = fit(&known, &unknown).unwrap();
        let missed = |threshold: &KnownThreshold| {
            known.iter().filter(|features| !threshold.apply(**features).known).count() as f64
        };
        assert!(missed(&threshold) <= FALSE_ALARMS * 200.0);
        let stricter = KnownThreshold { min_probability: threshold.min_probability.next_up(), ..threshold };
        assert!(missed(&stricter) > FALSE_ALARMS * 200.0, "the limit is no lower than it must be");
    }

    #[test]
    fn the_probability_does_not_depend_on_the_number_of_unknown_samples() {
        let unknown =
            |at: usize| [1.0, 0.4 + (at * 11 % 50) as f64 / 100.0, 0.1 + (at * 11 % 50) as f64 / 100.0];
        let near = |at: usize| [1.0, 0.5 + (at * 7 % 45) as f64 / 100.0, 0.15 + (at * 7 % 45) as f64 / 100.0];
        let known: Vec<_> = (0..90).map(near).collect();
        let fitted = |times: usize| fit(&known, &(0..90 * times).map(unknown).collect::<Vec<_>>()).unwrap();
        let [few, many] =
            [fitted(1), fitted(8)].map(|threshold| threshold.apply([1.0, 0.65, 0.32]).probability);
        assert!((few - many).abs() < 0.1, "{few} {many}");
    }

    #[test]
    fn too_few_samples_give_no_threshold() {
        let (known, unknown) = samples(MIN_OF_A_KIND);
        assert!(fit(&known, &unknown).is_some());
        assert_eq!(fit(&known[1..], &unknown), None);
        assert_eq!(fit(&known, &unknown[1..]), None);
    }

    #[test]
    fn an_invalid_threshold_is_refused() {
        let wrong = |weights, min_probability| {
            KnownThreshold { weights, min_probability, unknown_recall: 0.0 }.check().is_err()
        };
        assert!(wrong([f32::NAN, 1.0, 1.0], 0.5) && wrong([0.0, -1.0, 1.0], 0.5));
        assert!(
            wrong([0.0, 1.0, 1.0], f32::NAN) && wrong([0.0, 1.0, 1.0], 1.5) && !wrong([0.0, 1.0, 1.0], 0.5)
        );
    }
}
