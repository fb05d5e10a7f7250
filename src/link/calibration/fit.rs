//! Fitting a calibration to held-out masks: masks whose entity is known.
//!
//! They are masks that are not in the index, or else the index's own exemplars, each searched for
//! as if its image were not in the index. An encoder finds exemplars it was trained on too easily:
//! where it was trained on the index, hold masks out. A logistic function is fitted to whether each
//! candidate was right; so a mask of a thing the index has no other exemplar of teaches low scores.

use std::collections::HashMap;

use super::logistic::newton;
use super::query::HeldOutQuery;
use super::{CANDIDATES, Calibration, HeldOut, features, log_shares, open_set};
use crate::link::index::{Index, QueryError};
use crate::link::search::{Hit, Query, Search as _};

/// Maximum number of held-out masks to search for; more change the three weights little.
const MAX_QUERIES: usize = 2_000;
/// Minimum number of answerable masks; with fewer, scores are plain softmax shares.
const MIN_ANSWERABLE: usize = 20;

/// Fits the calibration of an index to its own exemplars, each searched for without its image.
pub fn to_exemplars(index: &Index) -> Calibration {
    let (queries, answerable) = exemplar_queries(index);
    fit_queries(&queries, answerable)
}

/// Fits the calibration of an index to masks that are not in it: the feature and the QID of each.
/// Of very many some are searched for, evenly spread.
pub fn to_masks(index: &Index, masks: &[(Vec<f32>, String)]) -> Result<Calibration, QueryError> {
    let positions: HashMap<&str, u32> =
        (0_u32..).zip(index.entities()).map(|(at, entity)| (entity.qid.as_str(), at)).collect();
    let taken: Vec<_> = masks.iter().step_by(step(masks.len())).collect();
    let vectors = taken.iter().map(|(feature, _)| index.query(feature)).collect::<Result<Vec<_>, _>>()?;
    let queries: Vec<Query<'_>> = vectors.iter().map(|vector| vector.as_slice().into()).collect();
    let found = taken.iter().zip(index.nearest(&queries, CANDIDATES)).map(|((_, qid), hits)| {
        let entity = positions.get(qid.as_str()).copied();
        held_out_query(&hits, entity, entity.is_some())
    });
    let held_out: Vec<_> = found.collect();
    let answerable = held_out.iter().filter(|query| query.in_index).count();
    Ok(fit_queries(&held_out, answerable))
}

/// Returns the step between masks that keeps their number within [`MAX_QUERIES`].
fn step(masks: usize) -> usize {
    masks.div_ceil(MAX_QUERIES).max(1)
}

/// Fits a calibration; too few answerable queries give plain softmax shares.
fn fit_queries(queries: &[HeldOutQuery], answerable: usize) -> Calibration {
    if answerable < MIN_ANSWERABLE {
        return Calibration::default();
    }
    let temperature = best_temperature(queries);
    let calibration = fitted(queries, temperature);
    let held_out = measure(&calibration, queries, answerable);
    Calibration { held_out: Some(held_out), known_threshold: open_set::fit(queries), ..calibration }
}

/// Returns the exemplars searched for, and how many had another of their entity in another image.
fn exemplar_queries(index: &Index) -> (Vec<HeldOutQuery>, usize) {
    let exemplars = index.exemplars().len();
    let taken: Vec<_> = (0..exemplars).step_by(step(exemplars)).collect();
    let mut scratch = Vec::new();
    let vectors = taken.iter().map(|&at| index.vectors().read(at..at + 1, &mut scratch).to_vec());
    let vectors: Vec<Vec<f32>> = vectors.collect();
    let queries = taken.iter().zip(&vectors);
    let queries: Vec<_> =
        queries.map(|(&at, vector)| Query { vector, except_image: Some(index.image_of(at)) }).collect();
    let mut answerable = 0;
    let mut held_out = Vec::new();
    for (&at, hits) in taken.iter().zip(index.nearest(&queries, CANDIDATES)) {
        let (entity, image) = (index.exemplars()[at].entity, index.image_of(at));
        let in_index = index.exemplars_of(entity).any(|other| index.image_of(other) != image);
        answerable += usize::from(in_index);
        if !hits.is_empty() {
            held_out.push(held_out_query(&hits, Some(entity), in_index));
        }
    }
    (held_out, answerable)
}

fn held_out_query(hits: &[Hit], entity: Option<u32>, in_index: bool) -> HeldOutQuery {
    let right = hits.iter().position(|hit| Some(hit.entity) == entity);
    HeldOutQuery { cosines: hits.iter().map(|hit| hit.similarity).collect(), right, in_index }
}

/// Returns the temperature of the least mean surprise at the right candidate, by golden-section search on
/// its logarithm.
fn best_temperature(queries: &[HeldOutQuery]) -> f64 {
    let surprise = |log_temperature: f64| -> f64 {
        let temperature = log_temperature.exp();
        let of =
            |query: &HeldOutQuery| query.right.map(|right| -log_shares(&query.cosines, temperature)[right]);
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

fn fitted(queries: &[HeldOutQuery], temperature: f64) -> Calibration {
    let weights = fit_weights(queries, temperature).map(|weight| weight as f32);
    Calibration { temperature: temperature as f32, weights, ..Calibration::default() }
}

/// Fits the weights of "this candidate is right" by logistic regression; a weight that turns negative
/// is left out.
fn fit_weights(queries: &[HeldOutQuery], temperature: f64) -> [f64; 3] {
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

fn measure(calibration: &Calibration, queries: &[HeldOutQuery], answerable: usize) -> HeldOut {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns queries whose first candidate is right with the probability `chance(gap)`, where `gap` is its
    /// lead.
    fn queries(chance: impl Fn(f64) -> f64) -> Vec<HeldOutQuery> {
        let mut state = 1_u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 53) as f64
        };
        let one = |_| {
            let gap = random() * 0.3;
            let right = if random() < chance(gap) { Some(0) } else { (random() < 0.5).then_some(1) };
            HeldOutQuery { cosines: vec![0.6, (0.6 - gap) as f32, 0.1], right, in_index: right.is_some() }
        };
        (0..4000).map(one).collect()
    }

    #[test]
    fn scores_match_the_frequency_of_right_candidates() {
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
    fn scores_keep_the_order_of_the_cosines_and_stay_within_0_and_1() {
        let queries = queries(|_| 0.5);
        for calibration in [fitted(&queries, 0.05), Calibration::default()] {
            for cosines in [&[0.9, 0.9, 0.3, -1.0][..], &[1.0], &[1.0, -1.0, -1.0], &[0.0; 32], &[]] {
                let scores = calibration.scores(cosines);
                assert!(scores.windows(2).all(|pair| pair[0] >= pair[1]), "{scores:?}");
                assert!(scores.iter().all(|score| (0.0..=1.0).contains(score)), "{scores:?}");
            }
        }
    }
}
