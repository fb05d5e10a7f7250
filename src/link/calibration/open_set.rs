//! Whether a thing is in the index at all: a threshold fitted to held-out masks.
//!
//! Each held-out mask gives two samples: a known one as it is, and an unknown one with its own
//! entity left out; a mask of an entity that the index lacks gives the unknown one alone. Two
//! numbers tell them apart: the nearest entity's cosine, and its lead over the second, which is
//! small where an unknown thing lies between known ones.

use serde::{Deserialize, Serialize};

use super::logistic::{newton, sigmoid};
use super::query::HeldOutQuery;
use crate::link::protocol::InIndex;

/// Part of the known things that may be called unknown.
pub const FALSE_ALARMS: f64 = 0.05;
/// Minimum number of samples of either kind.
const MIN_OF_A_KIND: usize = 20;

/// Separates things of the index from others.
///
/// In 32 bits, which JSON gives back as they were written.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct KnownThreshold {
    /// Bias, weight of the nearest cosine, weight of its lead over the second.
    pub weights: [f32; 3],
    /// Minimum probability that counts as known.
    pub min_probability: f32,
    /// Part of the unknown samples that were called unknown.
    pub unknown_recall: f32,
}

impl KnownThreshold {
    /// Returns whether a thing with these cosines is in the index; they must be the nearest ones in
    /// falling order.
    pub fn apply(&self, cosines: &[f32]) -> InIndex {
        let probability = self.probability(cosines);
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

    fn probability(&self, cosines: &[f32]) -> f32 {
        sigmoid((0..3).map(|at| f64::from(self.weights[at]) * features(cosines)[at]).sum()) as f32
    }
}

/// Fits a threshold; `None` where there are too few samples of either kind.
pub(super) fn fit(queries: &[HeldOutQuery]) -> Option<KnownThreshold> {
    let known: Vec<_> =
        queries.iter().filter(|query| query.in_index).map(|query| query.cosines.clone()).collect();
    let unknown: Vec<_> =
        queries.iter().map(without_the_right).filter(|cosines| !cosines.is_empty()).collect();
    if known.len() < MIN_OF_A_KIND || unknown.len() < MIN_OF_A_KIND {
        return None;
    }
    let samples: Vec<_> = [(&known, true), (&unknown, false)]
        .into_iter()
        .flat_map(|(list, known)| list.iter().map(move |cosines| (features(cosines), known)))
        .collect();
    // A weight that turns negative is left out.
    let tries = [[true, true, true], [true, true, false], [true, false, true]];
    // As if half of what is searched for were in the index.
    let prior = (unknown.len() as f64 / known.len() as f64).ln();
    let fitted = tries.into_iter().map(|used| newton(&samples, used));
    let weights = fitted.map(|[bias, cosine, lead]| [bias + prior, cosine, lead].map(|weight| weight as f32));
    let threshold = |weights| KnownThreshold { weights, min_probability: 0.0, unknown_recall: 0.0 };
    let mut threshold = weights.map(threshold).find(|threshold| threshold.check().is_ok())?;
    let mut probabilities: Vec<_> = known.iter().map(|cosines| threshold.probability(cosines)).collect();
    probabilities.sort_by(f32::total_cmp);
    threshold.min_probability = probabilities[(FALSE_ALARMS * probabilities.len() as f64) as usize];
    let found = unknown.iter().filter(|cosines| !threshold.apply(cosines).known).count();
    threshold.unknown_recall = (found as f64 / unknown.len() as f64) as f32;
    Some(threshold)
}

/// Returns a query's cosines without the right candidate, as if its entity were not in the index.
fn without_the_right(query: &HeldOutQuery) -> Vec<f32> {
    let others = query.cosines.iter().enumerate().filter(|(at, _)| query.right != Some(*at));
    others.map(|(_, &cosine)| cosine).collect()
}

/// Returns 1, the nearest cosine, and its lead over the second.
fn features(cosines: &[f32]) -> [f64; 3] {
    let at = |place: usize| cosines.get(place).map_or(-1.0, |&cosine| f64::from(cosine));
    [1.0, at(0), at(0) - at(1)]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Known things at 0.9 and less, their neighbours at 0.5 and less.
    fn queries(count: usize) -> Vec<HeldOutQuery> {
        let query = |at: usize| {
            let spread = (at * 7 % 20) as f32 / 100.0;
            HeldOutQuery {
                cosines: vec![0.9 - spread, 0.5 - spread / 2.0, 0.3],
                right: Some(0),
                in_index: true,
            }
        };
        (0..count).map(query).collect()
    }

    #[test]
    fn near_things_are_known_and_far_ones_are_not() {
        let threshold = fit(&queries(100)).unwrap();
        assert!(threshold.check().is_ok() && threshold.unknown_recall > 0.99, "{threshold:?}");
        let near = threshold.apply(&[0.88, 0.5]);
        let far = threshold.apply(&[0.45, 0.4]);
        assert!(near.known && !far.known && near.probability > far.probability, "{near:?} {far:?}");
        assert!(!threshold.apply(&[]).known, "where nothing is found, nothing is known");
    }

    #[test]
    fn one_in_twenty_known_things_is_missed() {
        let queries = queries(200);
        let threshold = fit(&queries).unwrap();
        let missed = queries.iter().filter(|query| !threshold.apply(&query.cosines).known).count();
        assert!((missed as f64) <= FALSE_ALARMS * 200.0, "{missed}");
        let stricter = KnownThreshold { min_probability: threshold.min_probability.next_up(), ..threshold };
        let missed = queries.iter().filter(|query| !stricter.apply(&query.cosines).known).count();
        assert!((missed as f64) > FALSE_ALARMS * 200.0, "{missed}: the limit is no lower than it must be");
    }

    #[test]
    fn a_known_thing_outside_the_candidates_counts_as_missed() {
        // Of a quarter the right entity is not even among the candidates, and nothing near.
        let far = |at: usize| HeldOutQuery {
            cosines: vec![0.3 + (at % 10) as f32 / 100.0, 0.28],
            right: None,
            in_index: true,
        };
        let queries: Vec<_> = queries(150).into_iter().chain((0..50).map(far)).collect();
        let threshold = fit(&queries).unwrap();
        let missed = queries.iter().filter(|query| !threshold.apply(&query.cosines).known).count();
        assert!((missed as f64) <= FALSE_ALARMS * 200.0, "{missed}");
    }

    #[test]
    fn the_probability_does_not_depend_on_the_number_of_unknown_samples() {
        let unknown = |at: usize| HeldOutQuery {
            cosines: vec![0.4 + (at * 11 % 50) as f32 / 100.0, 0.3],
            right: None,
            in_index: false,
        };
        let near = |at: usize| HeldOutQuery {
            cosines: vec![0.5 + (at * 7 % 45) as f32 / 100.0, 0.35, 0.3],
            right: Some(0),
            in_index: true,
        };
        let fitted = |times: usize| {
            let known = (0..90).map(near);
            fit(&known.chain((0..90 * times).map(unknown)).collect::<Vec<_>>()).unwrap()
        };
        let [few, many] = [fitted(1), fitted(8)].map(|threshold| threshold.apply(&[0.65, 0.33]).probability);
        assert!((few - many).abs() < 0.1, "{few} {many}");
    }

    #[test]
    fn too_few_samples_give_no_threshold() {
        assert_eq!(fit(&queries(MIN_OF_A_KIND - 1)), None);
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
