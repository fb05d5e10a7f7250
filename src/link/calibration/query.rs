//! One held-out mask that a calibration is fitted to.

use std::collections::BTreeMap;

use crate::link::candidates::{Candidate, Nearest, Scored};
use crate::link::index::Index;

/// The search results of a mask whose entity is known.
#[derive(Clone, Debug)]
pub(super) struct HeldOutQuery {
    pub(super) nearest: Nearest,
    /// Its entity; `None` where the index does not know it.
    pub(super) entity: Option<u32>,
    /// Whether the index can find it: whether its entity has another exemplar, a class or members.
    pub(super) in_index: bool,
}

impl HeldOutQuery {
    /// Returns whether a candidate is right; `None` where the mask's entity does not tell: its members, and
    /// broader entities that share members with it.
    pub(super) fn is_right(&self, index: &Index, candidate: &Candidate) -> Option<bool> {
        let Some(entity) = self.entity else { return Some(false) };
        if let Some(members) = index.members_of(entity) {
            if candidate.entity == entity {
                return Some(true);
            }
            let of_candidate = [candidate.entity];
            let others = index.members_of(candidate.entity).filter(|_| candidate.broader);
            let shares = others.unwrap_or(&of_candidate).iter().any(|one| members.binary_search(one).is_ok());
            return if shares { None } else { Some(false) };
        }
        let stands_for = |members: &[u32]| members.binary_search(&entity).is_ok();
        let broader = candidate.broader && index.members_of(candidate.entity).is_some_and(stands_for);
        Some(broader || candidate.entity == entity)
    }

    /// Returns whether a scored entity is the mask's, one of its members or stands for it.
    pub(super) fn is_found(&self, index: &Index, scored: &Scored) -> bool {
        self.entity.is_some_and(|entity| {
            is_or_stands_for(index, entity, scored.entity)
                || (scored.broader && is_or_stands_for(index, scored.entity, entity))
        })
    }

    /// Returns the results as if the mask's entity and its members were not in the index.
    pub(super) fn without_its_entity(&self, index: &Index) -> Nearest {
        let Some(entity) = self.entity else { return self.nearest.clone() };
        let mut nearest = self.nearest.clone();
        for hits in [&mut nearest.exemplars, &mut nearest.classes] {
            hits.retain(|hit| !is_or_stands_for(index, entity, hit.entity));
        }
        nearest
    }

    /// Returns each entity's cosine and logit, and whether it is the mask's or one of its members.
    pub(super) fn similarities(&self, index: &Index) -> Vec<Similarity> {
        let mut found: BTreeMap<u32, [Option<f32>; 2]> = BTreeMap::new();
        for (kind, hits) in [&self.nearest.exemplars, &self.nearest.classes].into_iter().enumerate() {
            for hit in hits {
                found.entry(hit.entity).or_default()[kind] = Some(hit.similarity);
            }
        }
        let is_right = |other| self.entity.is_some_and(|entity| is_or_stands_for(index, entity, other));
        let found = found.into_iter();
        found.map(|(entity, [cosine, logit])| Similarity { cosine, logit, right: is_right(entity) }).collect()
    }
}

/// Similarity of one entity to a mask.
#[derive(Clone, Copy, Debug)]
pub(super) struct Similarity {
    pub(super) cosine: Option<f32>,
    pub(super) logit: Option<f32>,
    /// Whether it is the mask's entity or one of its members.
    pub(super) right: bool,
}

fn is_or_stands_for(index: &Index, entity: u32, other: u32) -> bool {
    entity == other || index.members_of(entity).is_some_and(|members| members.binary_search(&other).is_ok())
}
