//! Scores from cosines: how likely each candidate is right, fitted on questions whose answer is known.
//!
//! These are masks kept out of the index, or else the index's own views, each asked for as if its
//! image were not in the index. An encoder finds views it was trained on too easily: where it was
//! trained on the index, keep some out. Two numbers of a candidate decide its score: its cosine,
//! and its share in a softmax over the nearest candidates, which tells a clear winner from a crowd.
//! A logistic function of the two is fitted to whether the candidate was right; so a mask of a
//! thing the index has no other view of teaches low scores. Weights are never negative, so that
//! scores keep the order of the cosines.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::index::{self, Index};
use super::logistic::{newton, sigmoid};
use super::novelty::{self, Boundary};
use super::protocol::InIndex;
use super::search;

/// How many of the nearest candidates share in the softmax.
pub const CANDIDATES: usize = 32;
/// How many held-out masks are asked for at most; more change the three weights little.
const MAX_QUERIES: usize = 2_000;
/// Fewer views than this whose entity has another image say too little; scores are then plain softmax shares.
const MIN_ANSWERABLE: usize = 20;

/// How cosines become scores, and how well the held-out views bear it out.
///
/// In 32 bits, which JSON gives back as they were written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Divides the cosines before the softmax.
    pub temperature: f32,
    /// Bias, weight of the cosine, weight of the logit of the share.
    pub weights: [f32; 3],
    /// What was measured on the views it was fitted to; `None` where there were too few to fit.
    pub held_out: Option<HeldOut>,
    /// Between things of the index and others; `None` where there were too few views to fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boundary: Option<Boundary>,
}

/// Measured by asking for masks that are kept out, or for each view without its own image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeldOut {
    /// Masks asked for.
    pub queries: u64,
    /// Those whose entity has a view in another image, so that they could be answered.
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
    /// Plain softmax shares.
    fn default() -> Self {
        Self { temperature: 0.07, weights: [0.0, 0.0, 1.0], held_out: None, boundary: None }
    }
}

impl Calibration {
    /// The scores of candidates with these cosines, which must be the nearest ones in falling order.
    pub fn scores(&self, cosines: &[f32]) -> Vec<f32> {
        let [bias, of_cosine, of_share] = self.weights.map(f64::from);
        let features = features(cosines, f64::from(self.temperature));
        features.map(|[cosine, share]| sigmoid(bias + of_cosine * cosine + of_share * share) as f32).collect()
    }

    /// Whether the index holds what has these cosines, which must be the nearest ones in falling order.
    pub fn in_index(&self, cosines: &[f32]) -> Option<InIndex> {
        self.boundary.as_ref().map(|boundary| boundary.side_of(cosines))
    }

    /// Why weights read from outside cannot be used.
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
        self.boundary.as_ref().map_or(Ok(()), Boundary::check)
    }
}

/// One held-out view: the cosines of its candidates and which of them is right.
pub(super) struct Query {
    /// In falling order.
    pub(super) cosines: Vec<f32>,
    /// `None` where the right one is not among the candidates.
    pub(super) right: Option<usize>,
    /// Whether the index holds it, among the candidates or not.
    pub(super) held: bool,
}

/// Fits the calibration of an index to its own views, each asked for without its image.
pub fn fit(index: &Index) -> Calibration {
    let (queries, answerable) = held_out(index);
    fit_queries(&queries, answerable)
}

/// Fits the calibration of an index to masks that are not in it: the feature of each and the QID of
/// what it shows. Of very many some are asked for, evenly spread.
pub fn fit_to(index: &Index, questions: &[(Vec<f32>, String)]) -> Result<Calibration, index::Error> {
    let positions: HashMap<&str, usize> =
        index.entities().iter().enumerate().map(|(at, entity)| (entity.qid.as_str(), at)).collect();
    let mut answerable = 0;
    let mut queries = Vec::new();
    for (feature, qid) in questions.iter().step_by(step(questions.len())) {
        let entity = positions.get(qid.as_str()).copied();
        answerable += usize::from(entity.is_some());
        let hits = search::nearest(index, &index.query(feature)?, CANDIDATES, None);
        let right = hits.iter().position(|hit| Some(hit.entity as usize) == entity);
        let cosines = hits.iter().map(|hit| hit.similarity).collect();
        queries.push(Query { cosines, right, held: entity.is_some() });
    }
    Ok(fit_queries(&queries, answerable))
}

/// One in how many masks is asked for.
fn step(masks: usize) -> usize {
    masks.div_ceil(MAX_QUERIES).max(1)
}

/// Plain softmax shares where too few questions have an answer.
fn fit_queries(queries: &[Query], answerable: usize) -> Calibration {
    if answerable < MIN_ANSWERABLE {
        return Calibration::default();
    }
    let temperature = best_temperature(queries);
    let calibration = fitted(queries, temperature);
    let held_out = measure(&calibration, queries, answerable);
    Calibration { held_out: Some(held_out), boundary: novelty::fit(queries), ..calibration }
}

/// The views asked for, and how many of them had a view of their entity in another image.
fn held_out(index: &Index) -> (Vec<Query>, usize) {
    let entries = index.entries().len();
    let mut scratch = Vec::new();
    let mut answerable = 0;
    let mut ask = |entry: usize| {
        let image = index.image_of(entry);
        let entity = index.entries()[entry].entity;
        let held = index.entries_of(entity).any(|other| index.image_of(other) != image);
        answerable += usize::from(held);
        let query = index.vectors().read(entry..entry + 1, &mut scratch);
        let hits = search::nearest(index, query, CANDIDATES, Some(image));
        let right = hits.iter().position(|hit| hit.entity == entity);
        Query { cosines: hits.iter().map(|hit| hit.similarity).collect(), right, held }
    };
    let queries =
        (0..entries).step_by(step(entries)).map(&mut ask).filter(|query| !query.cosines.is_empty()).collect();
    (queries, answerable)
}

/// The temperature of the least mean surprise at the right candidate, by golden-section search on
/// its logarithm.
fn best_temperature(queries: &[Query]) -> f64 {
    let surprise = |log_temperature: f64| -> f64 {
        let temperature = log_temperature.exp();
        let of = |query: &Query| query.right.map(|right| -log_shares(&query.cosines, temperature)[right]);
        queries.iter().filter_map(of).sum()
    };
    let golden = (5_f64.sqrt() - 1.0) / 2.0;
    let (mut low, mut high) = (0.005_f64.ln(), 1_f64.ln());
    for _ in 0..40 {
        let (left, right) = (high - golden * (high - low), low + golden * (high - low));
        if surprise(left) < surprise(right) {
            high = right;
        } else {
            low = left;
        }
    }
    f64::midpoint(low, high).exp()
}

fn fitted(queries: &[Query], temperature: f64) -> Calibration {
    let weights = fit_weights(queries, temperature).map(|weight| weight as f32);
    Calibration { temperature: temperature as f32, weights, ..Calibration::default() }
}

/// Logistic regression of "this candidate is right" by Newton's method; a weight that turns
/// negative is left out.
fn fit_weights(queries: &[Query], temperature: f64) -> [f64; 3] {
    let samples: Vec<_> = queries
        .iter()
        .flat_map(|query| {
            let features = features(&query.cosines, temperature).enumerate();
            features
                .map(|(at, [cosine, share])| ([1.0, cosine, share], query.right == Some(at)))
                .collect::<Vec<_>>()
        })
        .collect();
    for used in [[true, true, true], [true, false, true], [true, true, false]] {
        let weights = newton(&samples, used);
        if weights[1] >= 0.0 && weights[2] >= 0.0 && weights.iter().all(|weight| weight.is_finite()) {
            return weights;
        }
    }
    Calibration::default().weights.map(f64::from)
}

fn measure(calibration: &Calibration, queries: &[Query], answerable: usize) -> HeldOut {
    const BINS: usize = 10;
    let mut bins = [(0.0, 0.0); BINS];
    for query in queries {
        let score = f64::from(calibration.scores(&query.cosines)[0]);
        let bin = &mut bins[((score * BINS as f64) as usize).min(BINS - 1)];
        bin.0 += score;
        bin.1 += f64::from(u8::from(query.right == Some(0)));
    }
    let within =
        |k: usize| queries.iter().filter(|query| query.right.is_some_and(|right| right < k)).count() as f64;
    HeldOut {
        queries: queries.len() as u64,
        answerable: answerable as u64,
        top1: (within(1) / answerable as f64) as f32,
        top5: (within(5) / answerable as f64) as f32,
        // Each bin's mean score less its part of right ones, weighted by its size: the sizes cancel.
        calibration_error: (bins.iter().map(|(scores, right)| (scores - right).abs()).sum::<f64>()
            / queries.len() as f64) as f32,
    }
}

/// Cosine and logit of the softmax share of each candidate.
fn features(cosines: &[f32], temperature: f64) -> impl Iterator<Item = [f64; 2]> {
    let shares = log_shares(cosines, temperature).into_iter();
    // Shares within 6e-6 of 0 or 1 say no more than those at that distance.
    let logit =
        |log_share: f64| (log_share - (-log_share.exp_m1()).max(f64::MIN_POSITIVE).ln()).clamp(-12.0, 12.0);
    cosines.iter().zip(shares).map(move |(&cosine, share)| [f64::from(cosine), logit(share)])
}

fn log_shares(cosines: &[f32], temperature: f64) -> Vec<f64> {
    let largest = cosines.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let scaled = cosines.iter().map(|&cosine| f64::from(cosine - largest) / temperature);
    let total = scaled.clone().map(f64::exp).sum::<f64>().ln();
    scaled.map(|value| value - total).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Queries whose right candidate is the first as often as `chance` says at the gap between the first two.
    fn queries(chance: impl Fn(f64) -> f64) -> Vec<Query> {
        let mut state = 1_u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 53) as f64
        };
        let one = |_| {
            let gap = random() * 0.3;
            let right = if random() < chance(gap) { Some(0) } else { (random() < 0.5).then_some(1) };
            Query { cosines: vec![0.6, (0.6 - gap) as f32, 0.1], right, held: right.is_some() }
        };
        (0..4000).map(one).collect()
    }

    #[test]
    fn scores_are_as_often_right_as_they_say() {
        let queries = queries(|gap| 0.3 + 2.0 * gap);
        let temperature = best_temperature(&queries);
        let calibration = fitted(&queries, temperature);
        let measured = measure(&calibration, &queries, queries.len());
        // 4,000 coin tosses in ten bins err by about 0.02 on their own.
        assert!(measured.calibration_error < 0.04, "{measured:?} {calibration:?}");
        let [close, clear] = [0.01, 0.29].map(|gap| calibration.scores(&[0.6, 0.6 - gap, 0.1])[0]);
        assert!(close < 0.4 && clear > 0.8, "{close} {clear}");
    }

    #[test]
    fn scores_keep_the_order_and_stay_within_0_and_1() {
        let queries = queries(|_| 0.5);
        for calibration in [fitted(&queries, 0.05), Calibration::default()] {
            for cosines in [&[0.9, 0.9, 0.3, -1.0][..], &[1.0], &[1.0, -1.0, -1.0], &[0.0; 32], &[]] {
                let scores = calibration.scores(cosines);
                assert!(scores.windows(2).all(|pair| pair[0] >= pair[1]), "{scores:?}");
                assert!(scores.iter().all(|score| (0.0..=1.0).contains(score)), "{scores:?}");
            }
        }
    }

    #[test]
    fn weights_from_outside_are_checked() {
        let wrong = |temperature, weights| {
            Calibration { temperature, weights, ..Calibration::default() }.check().is_err()
        };
        assert!(wrong(0.0, [0.0; 3]) && wrong(f32::NAN, [0.0; 3]) && wrong(1.0, [0.0, -1.0, 0.0]));
        assert!(wrong(1.0, [f32::INFINITY, 0.0, 0.0]) && Calibration::default().check().is_ok());
    }
}
