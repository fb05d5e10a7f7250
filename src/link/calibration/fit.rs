//! Fitting a calibration to held-out masks: masks whose entity is known.
//!
//! They are masks that are not in the index, or else the index's own exemplars, each searched for
//! as if its image were not in the index. An encoder finds exemplars it was trained on too easily:
//! where it was trained on the index, hold masks out. A logistic function is fitted to whether each
//! candidate was right; so a mask of a thing the index has no other exemplar of teaches low scores.

use std::collections::HashMap;

use super::logistic::newton;
use super::open_set::KnownThreshold;
use super::query::{HeldOutQuery, Similarity};
use super::{Calibration, HeldOut, PrototypeScale, features, open_set};
use crate::link::candidates::{Nearest, Scored, candidates, nearness, ranked};
use crate::link::index::{Index, QueryError};
use crate::link::search::Query;

/// Maximum number of held-out masks to search for; more change the few numbers fitted little.
const MAX_QUERIES: usize = 2_000;
/// Minimum number of answerable masks; with fewer, scores are plain softmax shares.
const MIN_ANSWERABLE: usize = 20;
/// Logarithm of the share that an entity outside the candidates counts with.
const LOG_SHARE_OF_MISSED: f64 = -12.0;

/// Fits the calibration of an index to its own exemplars, each searched for without its image. Its classes
/// do not count.
pub fn to_exemplars(index: &Index) -> Calibration {
    fit_queries(index, &exemplar_queries(index))
}

/// A mask whose entity is known.
#[derive(Clone, Debug, PartialEq)]
pub struct HeldOutMask {
    /// Its feature, as the encoder gives it.
    pub feature: Vec<f32>,
    /// QID of its entity.
    pub qid: String,
    /// Number of its [image](Index::image_of), whose exemplars do not count; `None` where it has none.
    pub image: Option<u32>,
}

/// Fits the calibration of an index to masks that are not in it, each searched for without its image, as
/// [linking](crate::link::LocalLinker::search) does. Of very many some are searched for, evenly spread.
pub fn to_masks(index: &Index, masks: &[HeldOutMask]) -> Result<Calibration, QueryError> {
    let positions: HashMap<&str, u32> =
        (0_u32..).zip(index.entities()).map(|(at, entity)| (entity.qid.as_str(), at)).collect();
    let query = |HeldOutMask { feature, qid, image }: &HeldOutMask| {
        let entity = positions.get(qid.as_str()).copied();
        let nearest = Nearest::of_feature(index, feature, *image)?;
        let in_index = entity.is_some_and(|entity| index.is_known_without(entity, *image));
        Ok(HeldOutQuery { nearest, entity, in_index })
    };
    let queries = masks.iter().step_by(step(masks.len())).map(query).collect::<Result<Vec<_>, _>>()?;
    Ok(fit_queries(index, &queries))
}

/// Returns the step between masks that keeps their number within [`MAX_QUERIES`].
fn step(masks: usize) -> usize {
    masks.div_ceil(MAX_QUERIES).max(1)
}

/// Fits a calibration; too few answerable queries give plain softmax shares.
fn fit_queries(index: &Index, queries: &[HeldOutQuery]) -> Calibration {
    let answerable = queries.iter().filter(|query| query.in_index).count();
    if answerable < MIN_ANSWERABLE {
        return Calibration::default();
    }
    let (prototype_scale, temperature) = best_scale(index, queries);
    let calibration =
        Calibration { prototype_scale, temperature: temperature as f32, ..Calibration::default() };
    let calibration = Calibration { weights: fit_weights(index, queries, &calibration), ..calibration };
    let held_out = Some(measure(index, &calibration, queries, answerable));
    let known_threshold = known_threshold(index, queries, prototype_scale);
    Calibration { held_out, known_threshold, ..calibration }
}

/// Fits the threshold between masks as they are and masks without their entity.
fn known_threshold(index: &Index, queries: &[HeldOutQuery], scale: PrototypeScale) -> Option<KnownThreshold> {
    let features = |nearest: &Nearest| nearness(index, &nearest.on_one_scale(scale));
    let known = queries.iter().filter(|query| query.in_index).map(|query| features(&query.nearest));
    let unknown = queries.iter().map(|query| query.without_its_entity(index));
    let unknown = unknown.filter(|nearest| !nearest.is_empty()).map(|nearest| features(&nearest));
    open_set::fit(&known.collect::<Vec<_>>(), &unknown.collect::<Vec<_>>())
}

/// Returns the exemplars searched for as if their images were not in the index.
fn exemplar_queries(index: &Index) -> Vec<HeldOutQuery> {
    let exemplars = index.exemplars().len();
    let taken: Vec<_> = (0..exemplars).step_by(step(exemplars)).collect();
    let mut scratch = Vec::new();
    let vectors = taken.iter().map(|&at| index.vectors().read(at..at + 1, &mut scratch).to_vec());
    let vectors: Vec<Vec<f32>> = vectors.collect();
    let queries = taken.iter().zip(&vectors);
    let queries: Vec<_> =
        queries.map(|(&at, vector)| Query { vector, except_image: Some(index.image_of(at)) }).collect();
    let found = taken.into_iter().zip(Nearest::of_exemplars(index, &queries));
    let found = found.map(|(at, nearest)| {
        let (entity, image) = (index.exemplars()[at].entity, index.image_of(at));
        let in_index = index.exemplars_of(entity).any(|other| index.image_of(other) != image);
        HeldOutQuery { nearest, entity: Some(entity), in_index }
    });
    found.filter(|query| !query.nearest.exemplars.is_empty()).collect()
}

/// Returns the scale of the classes and the temperature of the least mean surprise at the right entity, one
/// number after the other by golden-section search.
fn best_scale(index: &Index, queries: &[HeldOutQuery]) -> (PrototypeScale, f64) {
    let answerable = queries.iter().filter(|query| query.in_index);
    let found: Vec<_> = answerable.map(|query| query.similarities(index)).collect();
    let has = |of: fn(&Similarity) -> Option<f32>| found.iter().flatten().any(|one| of(one).is_some());
    let has_both = has(|one| one.cosine) && has(|one| one.logit);
    let default = PrototypeScale::default();
    // Offset, logarithm of the factor, logarithm of the temperature.
    let mut best = [0.0, f64::from(default.factor).ln(), f64::from(Calibration::default().temperature).ln()];
    let ranges = [(-1.0, 1.0), (0.001_f64.ln(), 0.5_f64.ln()), (0.005_f64.ln(), 1_f64.ln())];
    let scale = |[offset, log_factor, _]: [f64; 3]| PrototypeScale {
        offset: offset as f32,
        factor: log_factor.exp() as f32,
    };
    let surprise = |at: [f64; 3]| found.iter().map(|one| surprise(one, scale(at), at[2].exp())).sum::<f64>();
    for _ in 0..if has_both { ROUNDS } else { 1 } {
        // If only one kind is found, its temperature says all.
        for number in if has_both { 0..3 } else { 2..3 } {
            let along = |value| {
                let mut at = best;
                at[number] = value;
                surprise(at)
            };
            best[number] = golden_section(along, ranges[number]);
        }
    }
    (scale(best), best[2].exp())
}

/// Number of times that each number of the scale is searched for, given the others.
const ROUNDS: usize = 6;

/// Returns minus the logarithm of the softmax share of the right entities.
fn surprise(found: &[Similarity], scale: PrototypeScale, temperature: f64) -> f64 {
    let similarity = |one: &Similarity| {
        let of_class = one.logit.map(|logit| scale.similarity(logit));
        f64::from(one.cosine.into_iter().chain(of_class).fold(f32::NEG_INFINITY, f32::max))
    };
    let largest = found.iter().map(similarity).fold(f64::NEG_INFINITY, f64::max);
    let (mut all, mut right) = (0.0, 0.0);
    for one in found {
        let share = ((similarity(one) - largest) / temperature).exp();
        all += share;
        right += if one.right { share } else { 0.0 };
    }
    if all > 0.0 { -(right / all).ln().max(LOG_SHARE_OF_MISSED) } else { 0.0 }
}

/// Returns where a function of one minimum in a range is least.
fn golden_section(of: impl Fn(f64) -> f64, (mut low, mut high): (f64, f64)) -> f64 {
    let golden = (5_f64.sqrt() - 1.0) / 2.0;
    let inner = |low: f64, high: f64| [high - golden * (high - low), low + golden * (high - low)];
    let [mut left, mut right] = inner(low, high);
    let (mut at_left, mut at_right) = (of(left), of(right));
    for _ in 0..24 {
        if at_left < at_right {
            (high, right, at_right) = (right, left, at_left);
            left = inner(low, high)[0];
            at_left = of(left);
        } else {
            (low, left, at_left) = (left, right, at_right);
            right = inner(low, high)[1];
            at_right = of(right);
        }
    }
    f64::midpoint(low, high)
}

/// Fits the weights of "this candidate is right" by logistic regression; a weight that turns negative
/// is left out.
fn fit_weights(index: &Index, queries: &[HeldOutQuery], calibration: &Calibration) -> [f32; 3] {
    let mut samples = Vec::new();
    for query in queries {
        let hits = query.nearest.on_one_scale(calibration.prototype_scale);
        for candidate in candidates(index, &hits, calibration.temperature.into()) {
            let right = query.is_right(index, &candidate);
            let features = features(candidate.similarity, candidate.log_share);
            samples.extend(right.map(|right| (features, right)));
        }
    }
    for used in [[true, true, true], [true, false, true], [true, true, false]] {
        let weights = newton(&samples, used);
        if weights[1] >= 0.0 && weights[2] >= 0.0 && weights.iter().all(|weight| weight.is_finite()) {
            return weights.map(|weight| weight as f32);
        }
    }
    Calibration::default().weights
}

fn measure(index: &Index, calibration: &Calibration, queries: &[HeldOutQuery], answerable: usize) -> HeldOut {
    const BINS: usize = 10;
    let mut bins = [(0.0, 0.0); BINS];
    let (mut first, mut among_five) = (0, 0);
    for query in queries {
        let entities = ranked(index, calibration, &query.nearest).entities;
        let is_found = |scored: &Scored| query.is_found(index, scored);
        let place = entities.iter().position(is_found);
        let answered = place.filter(|_| query.in_index);
        first += usize::from(answered == Some(0));
        among_five += usize::from(answered.is_some_and(|place| place < 5));
        let Some(top) = entities.first() else { continue };
        let bin = &mut bins[((f64::from(top.score) * BINS as f64) as usize).min(BINS - 1)];
        bin.0 += f64::from(top.score);
        bin.1 += f64::from(u8::from(place == Some(0)));
    }
    HeldOut {
        queries: queries.len() as u64,
        answerable: answerable as u64,
        top1: (first as f64 / answerable as f64) as f32,
        top5: (among_five as f64 / answerable as f64) as f32,
        // Each bin's mean score less its part of right ones, weighted by its size: the sizes cancel.
        calibration_error: (bins.iter().map(|(scores, right)| (scores - right).abs()).sum::<f64>()
            / queries.len() as f64) as f32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::encoder::manifest::EncoderManifest;
    use crate::link::index::build::Material;
    use crate::link::index::vectors::Element;
    use crate::link::index::{Entity, Exemplar};
    use crate::link::search::Hit;

    /// An index of three entities, each along an axis of its own.
    fn index() -> Index {
        let entities = (0..3).map(|n| Entity { qid: format!("Q{n}"), ..Entity::default() }).collect();
        let exemplar = |entity: u32| {
            let exemplar = Exemplar { entity, annotation: entity.to_string(), ..Exemplar::default() };
            (exemplar, (0..3).map(|axis| f32::from(u8::from(axis == entity))).collect())
        };
        let material =
            Material { entities, exemplars: (0..3).map(exemplar).collect(), ..Material::default() };
        Index::build(EncoderManifest::default(), Element::F32, material).unwrap()
    }

    fn hits(similarities: &[f32]) -> Vec<Hit> {
        (0..).zip(similarities).map(|(entity, &similarity)| Hit { entity, similarity }).collect()
    }

    fn nearest(cosines: &[f32]) -> Nearest {
        Nearest { exemplars: hits(cosines), classes: Vec::new() }
    }

    /// Numbers from 0 to 1, the same each time.
    fn random() -> impl FnMut() -> f64 {
        let mut state = 1_u64;
        move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 53) as f64
        }
    }

    /// Returns queries whose first candidate is right with the probability `chance(gap)`, where `gap` is its
    /// lead.
    fn queries(chance: impl Fn(f64) -> f64) -> Vec<HeldOutQuery> {
        let mut random = random();
        let one = |_| {
            let gap = random() * 0.3;
            let entity = if random() < chance(gap) { Some(0) } else { (random() < 0.5).then_some(1) };
            let nearest = nearest(&[0.6, (0.6 - gap) as f32, 0.1]);
            HeldOutQuery { nearest, entity, in_index: entity.is_some() }
        };
        (0..4000).map(one).collect()
    }

    #[test]
    fn scores_match_the_frequency_of_right_candidates() {
        let (index, queries) = (index(), queries(|gap| 0.3 + 2.0 * gap));
        let calibration = fit_queries(&index, &queries);
        // 4,000 coin tosses in ten bins err by about 0.02 on their own.
        let error = calibration.held_out.as_ref().unwrap().calibration_error;
        assert!(error < 0.04, "{calibration:?}");
        let first =
            |gap: f32| ranked(&index, &calibration, &nearest(&[0.6, 0.6 - gap, 0.1])).entities[0].score;
        assert!(first(0.01) < 0.4 && first(0.29) > 0.8, "{} {}", first(0.01), first(0.29));
    }

    #[test]
    fn scores_keep_the_order_of_the_similarities_and_stay_within_0_and_1() {
        let (index, queries) = (index(), queries(|_| 0.5));
        for calibration in [fit_queries(&index, &queries), Calibration::default()] {
            for cosines in [&[0.9, 0.9, 0.3][..], &[1.0], &[1.0, -1.0, -1.0], &[0.0; 3], &[]] {
                let entities = ranked(&index, &calibration, &nearest(cosines)).entities;
                let places: Vec<_> = entities.iter().map(|scored| scored.entity).collect();
                assert_eq!(places, (0..cosines.len() as u32).collect::<Vec<_>>(), "{entities:?}");
                assert!(entities.windows(2).all(|pair| pair[0].score >= pair[1].score), "{entities:?}");
                assert!(entities.iter().all(|one| (0.0..=1.0).contains(&one.score)), "{entities:?}");
            }
        }
    }

    #[test]
    fn logits_are_brought_to_the_scale_of_cosines() {
        // Right entities have a cosine of 0.8 or a logit of 12, the wrong ones 0.4 or 4.
        let query = |at: usize| {
            let entity = (at % 2) as u32;
            let noise = (at * 7 % 20) as f32 / 200.0;
            let of = |own, other, which| if which == entity { own } else { other };
            let exemplars = vec![Hit { entity: 0, similarity: of(0.8, 0.4, 0) + noise }];
            let classes = vec![Hit { entity: 1, similarity: of(12.0, 4.0, 1) - 10.0 * noise }];
            let nearest = Nearest { exemplars, classes };
            HeldOutQuery { nearest, entity: Some(entity), in_index: true }
        };
        let queries: Vec<_> = (0..200).map(query).collect();
        let calibration = fit_queries(&index(), &queries);
        assert!(calibration.held_out.as_ref().unwrap().top1 > 0.99, "{calibration:?}");
        let scale = calibration.prototype_scale;
        assert!(scale.similarity(4.0) < 0.8 && scale.similarity(11.0) > 0.5, "{scale:?}");
    }
}
