//! Candidates for a mask: the entities nearest to it, by exemplars and by classes on one scale, and the
//! broader entities that these belong to.

use std::collections::{BTreeMap, HashMap};

use super::calibration::{Calibration, PrototypeScale};
use super::index::{Index, QueryError};
use super::protocol::InIndex;
use super::search::{Hit, Query, Search};

/// Number of the nearest entities that share in the softmax.
pub const CANDIDATES: usize = 128;
/// A broader entity is listed where each of its members has less than this part of its share: otherwise
/// that member alone says more.
const MAX_MEMBER_PART: f64 = 0.75;

/// The nearest entities of a mask, before calibration: at most [`CANDIDATES`] of each kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Nearest {
    /// Entities by their nearest exemplar, the nearest first.
    pub exemplars: Vec<Hit>,
    /// Entities by the logit of their class, in place of a cosine, the largest first.
    pub classes: Vec<Hit>,
}

/// One entity that a mask may show.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// Position of the entity in the index.
    pub entity: u32,
    /// Cosine, or what the scale of the classes makes of a logit; of a broader entity the soft maximum of
    /// its members'.
    pub similarity: f64,
    /// Logarithm of its share in the softmax; a broader entity's share is the sum of its members'.
    pub log_share: f64,
    /// Whether it stands for others.
    pub broader: bool,
    /// Whether it belongs in the list that people see.
    pub listed: bool,
}

/// A mask's candidates as people see them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ranked {
    /// By falling score, equal ones by rising QID.
    pub entities: Vec<Scored>,
    /// Estimate of whether the thing is in the index; `None` where the calibration cannot tell.
    pub in_index: Option<InIndex>,
}

/// A candidate with its score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scored {
    /// Position of the entity in the index.
    pub entity: u32,
    /// Probability that it is right, 0 to 1.
    pub score: f32,
    /// Whether it stands for others.
    pub broader: bool,
}

impl Nearest {
    /// Searches for a mask's feature, as the encoder gives it. Exemplars of the image with the number
    /// `except_image` do not count.
    pub fn of_feature(index: &Index, feature: &[f32], except_image: Option<u32>) -> Result<Self, QueryError> {
        let vector = index.query(feature)?;
        let query = Query { vector: &vector, except_image };
        Ok(Self::with_exemplars(index, feature, index.nearest(&[query], CANDIDATES).swap_remove(0)))
    }

    /// Adds the classes nearest to a mask's feature to the exemplars that a search found for it.
    pub fn with_exemplars(index: &Index, feature: &[f32], exemplars: Vec<Hit>) -> Self {
        let logits = index.prototypes().logits(feature).into_iter();
        let mut classes: Vec<_> = logits.map(|(entity, similarity)| Hit { entity, similarity }).collect();
        if classes.len() > CANDIDATES {
            classes.select_nth_unstable_by(CANDIDATES - 1, |&a, &b| order(a, b));
            classes.truncate(CANDIDATES);
        }
        sort(&mut classes);
        Self { exemplars, classes }
    }

    /// Searches for exemplars of the index as if their own images were not in it; classes do not count.
    pub fn of_exemplars(index: &Index, queries: &[Query<'_>]) -> Vec<Self> {
        let found = index.nearest(queries, CANDIDATES).into_iter();
        found.map(|exemplars| Self { exemplars, classes: Vec::new() }).collect()
    }

    /// Returns whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.exemplars.is_empty() && self.classes.is_empty()
    }

    /// Returns the nearest entities with one similarity each, the nearest first.
    pub fn on_one_scale(&self, scale: PrototypeScale) -> Vec<Hit> {
        let mut hits = self.exemplars.clone();
        hits.extend(
            self.classes.iter().map(|hit| Hit { similarity: scale.similarity(hit.similarity), ..*hit }),
        );
        sort(&mut hits);
        let mut seen = std::collections::HashSet::new();
        hits.retain(|hit| seen.insert(hit.entity));
        hits.truncate(CANDIDATES);
        hits
    }
}

/// Ranks the nearest entities of a mask, with the broader ones that say more than their members.
pub fn ranked(index: &Index, calibration: &Calibration, nearest: &Nearest) -> Ranked {
    let hits = nearest.on_one_scale(calibration.prototype_scale);
    let candidates = candidates(index, &hits, calibration.temperature.into());
    let score = |candidate: &Candidate| calibration.score(candidate.similarity, candidate.log_share);
    let mut scores: Vec<_> = candidates.iter().map(score).collect();
    agree(index, &candidates, &mut scores);
    let listed = candidates.into_iter().zip(scores).filter(|(candidate, _)| candidate.listed);
    let scored = |(Candidate { entity, broader, .. }, score)| Scored { entity, score, broader };
    let mut entities: Vec<_> = listed.map(scored).collect();
    entities.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.entity.cmp(&b.entity)));
    let threshold = calibration.known_threshold.as_ref();
    let in_index = threshold.map(|threshold| threshold.apply(nearness(index, &hits)));
    Ranked { entities, in_index }
}

/// Lowers scores that contradict each other as probabilities, since each was calibrated for itself: a thing
/// is one entity of those that are not broader, and a broader entity is at least as probable as its members
/// together.
fn agree(index: &Index, candidates: &[Candidate], scores: &mut [f32]) {
    let first_broader = candidates.partition_point(|candidate| !candidate.broader);
    let (own, broader) = scores.split_at_mut(first_broader);
    let position: HashMap<u32, usize> =
        candidates[..first_broader].iter().enumerate().map(|(at, one)| (one.entity, at)).collect();
    let mut factors = vec![1.0_f32; own.len()];
    for (group, &score) in candidates[first_broader..].iter().zip(&*broader) {
        let members = index.members_of(group.entity).unwrap_or_default();
        let members = members.iter().filter_map(|member| position.get(member).copied());
        let sum: f32 = members.clone().map(|at| own[at]).sum();
        if sum > score {
            members.for_each(|at| factors[at] = factors[at].min(score / sum));
        }
    }
    own.iter_mut().zip(factors).for_each(|(score, factor)| *score *= factor);
    let sum: f32 = own.iter().sum();
    if sum > 1.0 {
        for score in own {
            *score /= sum;
        }
    }
}

/// Returns what tells known things from unknown ones, of hits in falling order: 1, the nearest entity's
/// similarity, and its lead over the nearest that shares no broader entity with it.
pub fn nearness(index: &Index, hits: &[Hit]) -> [f64; 3] {
    let Some(top) = hits.first() else { return [1.0, -1.0, 0.0] };
    let relatives: Vec<_> = index.broader_of(top.entity).map(|broader| broader.members.as_slice()).collect();
    let is_related = |hit: &&Hit| relatives.iter().any(|members| members.binary_search(&hit.entity).is_ok());
    let second = hits[1..].iter().find(|hit| !is_related(hit)).map_or(-1.0, |hit| hit.similarity);
    let top = f64::from(top.similarity);
    [1.0, top, top - f64::from(second)]
}

/// Returns the candidates of hits in falling order: the hits themselves, then their broader entities.
pub fn candidates(index: &Index, hits: &[Hit], temperature: f64) -> Vec<Candidate> {
    let log_shares = log_shares(hits, temperature);
    let Some(largest) = hits.first().zip(log_shares.first()) else { return Vec::new() };
    let (top, top_share) = (f64::from(largest.0.similarity), *largest.1);
    let mut found: Vec<_> = hits
        .iter()
        .zip(&log_shares)
        .map(|(hit, &log_share)| Candidate {
            entity: hit.entity,
            similarity: f64::from(hit.similarity),
            log_share,
            broader: false,
            listed: true,
        })
        .collect();
    // The shares of each broader entity's members among the hits.
    let mut members: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
    for (hit, &log_share) in hits.iter().zip(&log_shares) {
        for broader in index.broader_of(hit.entity) {
            members.entry(broader.entity).or_default().push(log_share);
        }
    }
    for (entity, shares) in members {
        let largest = shares.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let log_share = largest + shares.iter().map(|share| (share - largest).exp()).sum::<f64>().ln();
        let listed = (largest - log_share).exp() < MAX_MEMBER_PART;
        if let Some(own) = found[..hits.len()].iter_mut().find(|one| one.entity == entity) {
            own.listed = !listed;
        }
        let similarity = top + temperature * (log_share - top_share);
        found.push(Candidate { entity, similarity, log_share, broader: true, listed });
    }
    found
}

/// Returns the logarithm of each hit's softmax share.
fn log_shares(hits: &[Hit], temperature: f64) -> Vec<f64> {
    let largest = hits.iter().map(|hit| hit.similarity).fold(f32::NEG_INFINITY, f32::max);
    let scaled = hits.iter().map(|hit| f64::from(hit.similarity - largest) / temperature);
    let total = scaled.clone().map(f64::exp).sum::<f64>().ln();
    scaled.map(|value| value - total).collect()
}

/// Sorts by falling similarity, equal ones by rising QID.
fn sort(hits: &mut [Hit]) {
    hits.sort_by(|&a, &b| order(a, b));
}

fn order(a: Hit, b: Hit) -> std::cmp::Ordering {
    b.similarity.total_cmp(&a.similarity).then(a.entity.cmp(&b.entity))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::link::encoder::manifest::EncoderManifest;
    use crate::link::index::build::Material;
    use crate::link::index::vectors::Element;
    use crate::link::index::{Entity, Exemplar};

    /// An index of six entities along axes of their own; Q10 stands for the first three, Q11 for Q2 and Q3,
    /// and Q4 for itself and Q5.
    fn index() -> Index {
        let entity = |n: u32, members: &[u32]| Entity {
            qid: format!("Q{n}"),
            members: members.iter().map(|member| format!("Q{member}")).collect(),
            ..Entity::default()
        };
        let mut entities: Vec<_> = (0..6).map(|n| entity(n, if n == 4 { &[4, 5] } else { &[] })).collect();
        entities.extend([entity(10, &[0, 1, 2]), entity(11, &[2, 3])]);
        let exemplar = |n: u32| {
            let exemplar = Exemplar { entity: n, annotation: n.to_string(), ..Exemplar::default() };
            (exemplar, (0..6).map(|axis| f32::from(u8::from(axis == n))).collect())
        };
        let exemplars = (0..6).map(exemplar).collect();
        let material = Material { entities, exemplars, ..Material::default() };
        Index::build(EncoderManifest::default(), Element::F32, material).unwrap()
    }

    proptest! {
        #[test]
        fn scores_are_probabilities_that_agree(
            similarities in [0.0_f32..1.0, 0.0..1.0, 0.0..1.0, 0.0..1.0, 0.0..1.0, 0.0..1.0],
            temperature in 0.02_f32..1.0,
            weights in [-4.0_f32..4.0, 0.0..8.0, 0.0..2.0],
        ) {
            let index = index();
            let hits = (0..).zip(similarities).map(|(entity, similarity)| Hit { entity, similarity });
            let mut exemplars: Vec<_> = hits.collect();
            sort(&mut exemplars);
            let calibration = Calibration { temperature, weights, ..Calibration::default() };
            let found = candidates(&index, &exemplars, temperature.into());
            let score = |one: &Candidate| calibration.score(one.similarity, one.log_share);
            let mut scores: Vec<_> = found.iter().map(score).collect();
            let before = scores.clone();
            agree(&index, &found, &mut scores);
            let of = |entity: u32, broader: bool| {
                let at = found.iter().position(|one| (one.entity, one.broader) == (entity, broader));
                at.map(|at| scores[at]).unwrap()
            };
            prop_assert!((0..6).map(|entity| of(entity, false)).sum::<f32>() <= 1.0 + 1e-5);
            for broader in index.broader() {
                let members = broader.members.iter().map(|&member| of(member, false)).sum::<f32>();
                prop_assert!(members <= of(broader.entity, true) + 1e-5);
            }
            prop_assert!(scores.iter().zip(&before).all(|(after, before)| after <= before));
        }
    }
}
