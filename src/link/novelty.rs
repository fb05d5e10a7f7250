//! Whether the index holds a thing at all: a boundary fitted on questions whose answer is known.
//!
//! Each counts twice: as it is, a thing the index holds seen anew, and without its whole entity, a
//! thing it does not hold; one about an entity that the index lacks counts as the latter only. Two
//! numbers tell them apart: the nearest entity's cosine, and its lead over the second, which is
//! small where a strange thing lies between known ones.

use serde::{Deserialize, Serialize};

use super::calibrate::Query;
use super::logistic::{newton, sigmoid};
use super::protocol::InIndex;

/// The part of known things that may pass as unknown.
pub const FALSE_ALARMS: f64 = 0.05;
/// Fewer views of either kind say too little.
const MIN_OF_A_KIND: usize = 20;

/// Between things of the index and others.
///
/// In 32 bits, which JSON gives back as they were written.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Boundary {
    /// Bias, weight of the nearest cosine, weight of its lead over the second.
    pub weights: [f32; 3],
    /// The least probability that counts as known.
    pub least: f32,
    /// Part of the views asked for without their entity that were called unknown.
    pub unknown_found: f32,
}

impl Boundary {
    /// On which side a thing with these cosines lies, which must be the nearest ones in falling order.
    pub fn side_of(&self, cosines: &[f32]) -> InIndex {
        let probability = self.probability(cosines);
        InIndex { known: probability >= self.least, probability }
    }

    /// Why a boundary read from outside cannot be used.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        let [bias, of_cosine, of_lead] = self.weights;
        if !bias.is_finite() || [of_cosine, of_lead].iter().any(|weight| !weight.is_finite() || *weight < 0.0)
        {
            return Err("a weight of the boundary is negative or not finite");
        }
        if !(0.0..=1.0).contains(&self.least) {
            return Err("the boundary's least probability is not 0 to 1");
        }
        Ok(())
    }

    fn probability(&self, cosines: &[f32]) -> f32 {
        sigmoid((0..3).map(|at| f64::from(self.weights[at]) * features(cosines)[at]).sum()) as f32
    }
}

/// The boundary that the index's own views give; `None` where there are too few of them.
pub(super) fn fit(queries: &[Query]) -> Option<Boundary> {
    let known: Vec<_> =
        queries.iter().filter(|query| query.held).map(|query| query.cosines.clone()).collect();
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
    // As if half of what is asked about were in the index.
    let prior = (unknown.len() as f64 / known.len() as f64).ln();
    let fitted = tries.into_iter().map(|used| newton(&samples, used));
    let weights = fitted.map(|[bias, cosine, lead]| [bias + prior, cosine, lead].map(|weight| weight as f32));
    let boundary = |weights| Boundary { weights, least: 0.0, unknown_found: 0.0 };
    let mut boundary = weights.map(boundary).find(|boundary| boundary.check().is_ok())?;
    let mut probabilities: Vec<_> = known.iter().map(|cosines| boundary.probability(cosines)).collect();
    probabilities.sort_by(f32::total_cmp);
    boundary.least = probabilities[(FALSE_ALARMS * probabilities.len() as f64) as usize];
    let found = unknown.iter().filter(|cosines| !boundary.side_of(cosines).known).count();
    boundary.unknown_found = (found as f64 / unknown.len() as f64) as f32;
    Some(boundary)
}

/// What is left of a query's cosines without the right candidate: as if its entity were not in the index.
fn without_the_right(query: &Query) -> Vec<f32> {
    let others = query.cosines.iter().enumerate().filter(|(at, _)| query.right != Some(*at));
    others.map(|(_, &cosine)| cosine).collect()
}

/// 1, the nearest cosine, and its lead over the second.
fn features(cosines: &[f32]) -> [f64; 3] {
    let at = |place: usize| cosines.get(place).map_or(-1.0, |&cosine| f64::from(cosine));
    [1.0, at(0), at(0) - at(1)]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Known things at 0.9 and less, their neighbours at 0.5 and less.
    fn queries(count: usize) -> Vec<Query> {
        let query = |at: usize| {
            let spread = (at * 7 % 20) as f32 / 100.0;
            Query { cosines: vec![0.9 - spread, 0.5 - spread / 2.0, 0.3], right: Some(0), held: true }
        };
        (0..count).map(query).collect()
    }

    #[test]
    fn near_things_are_known_and_far_ones_are_not() {
        let boundary = fit(&queries(100)).unwrap();
        assert!(boundary.check().is_ok() && boundary.unknown_found > 0.99, "{boundary:?}");
        let near = boundary.side_of(&[0.88, 0.5]);
        let far = boundary.side_of(&[0.45, 0.4]);
        assert!(near.known && !far.known && near.probability > far.probability, "{near:?} {far:?}");
        assert!(!boundary.side_of(&[]).known, "where nothing is found, nothing is known");
    }

    #[test]
    fn one_in_twenty_known_things_is_missed() {
        let queries = queries(200);
        let boundary = fit(&queries).unwrap();
        let missed = queries.iter().filter(|query| !boundary.side_of(&query.cosines).known).count();
        assert!((missed as f64) <= FALSE_ALARMS * 200.0, "{missed}");
        let stricter = Boundary { least: boundary.least.next_up(), ..boundary };
        let missed = queries.iter().filter(|query| !stricter.side_of(&query.cosines).known).count();
        assert!((missed as f64) > FALSE_ALARMS * 200.0, "{missed}: the limit is no lower than it must be");
    }

    #[test]
    fn a_thing_that_is_held_but_far_down_is_missed_like_any_other() {
        // Of a quarter the right entity is not even among the candidates, and nothing near.
        let far = |at: usize| Query {
            cosines: vec![0.3 + (at % 10) as f32 / 100.0, 0.28],
            right: None,
            held: true,
        };
        let queries: Vec<_> = queries(150).into_iter().chain((0..50).map(far)).collect();
        let boundary = fit(&queries).unwrap();
        let missed = queries.iter().filter(|query| !boundary.side_of(&query.cosines).known).count();
        assert!((missed as f64) <= FALSE_ALARMS * 200.0, "{missed}");
    }

    #[test]
    fn a_probability_does_not_depend_on_how_many_strange_things_were_asked_for() {
        let strange = |at: usize| Query {
            cosines: vec![0.4 + (at * 11 % 50) as f32 / 100.0, 0.3],
            right: None,
            held: false,
        };
        let near = |at: usize| Query {
            cosines: vec![0.5 + (at * 7 % 45) as f32 / 100.0, 0.35, 0.3],
            right: Some(0),
            held: true,
        };
        let fitted = |times: usize| {
            let known = (0..90).map(near);
            fit(&known.chain((0..90 * times).map(strange)).collect::<Vec<_>>()).unwrap()
        };
        let [few, many] = [fitted(1), fitted(8)].map(|boundary| boundary.side_of(&[0.65, 0.33]).probability);
        assert!((few - many).abs() < 0.1, "{few} {many}");
    }

    #[test]
    fn few_views_give_no_boundary() {
        assert_eq!(fit(&queries(MIN_OF_A_KIND - 1)), None);
    }

    #[test]
    fn a_boundary_from_outside_is_checked() {
        let wrong = |weights, least| Boundary { weights, least, unknown_found: 0.0 }.check().is_err();
        assert!(wrong([f32::NAN, 1.0, 1.0], 0.5) && wrong([0.0, -1.0, 1.0], 0.5));
        assert!(
            wrong([0.0, 1.0, 1.0], f32::NAN) && wrong([0.0, 1.0, 1.0], 1.5) && !wrong([0.0, 1.0, 1.0], 0.5)
        );
    }
}
