//! Joins parts of an index to an index that is searched as a whole.

use std::collections::HashSet;

use super::build::{Material, Sorted, sort};
use super::error::ContentError;
use super::vectors::{Element, Vectors};
use super::{Content, Index};
use crate::link::encoder::manifest::EncoderManifest;

impl Index {
    /// Joins exemplars and classes to an index, without sources and calibration. The vectors are centred by
    /// `mean` already. Broader entities keep only the members that are here.
    pub(in crate::link) fn gathered(
        encoder: EncoderManifest,
        mean: Vec<f32>,
        mut material: Material,
    ) -> Result<Self, ContentError> {
        let of_exemplars = material.exemplars.iter().map(|(exemplar, _)| exemplar.entity);
        let shown: HashSet<u32> =
            of_exemplars.chain(material.classes.iter().map(|(row, _)| row.entity)).collect();
        let numbered = (0..).zip(&material.entities);
        let here: HashSet<String> =
            numbered.filter(|(at, _)| shown.contains(at)).map(|(_, entity)| entity.qid.clone()).collect();
        for entity in &mut material.entities {
            entity.members.retain(|member| here.contains(member));
        }
        let Material { entities, exemplars, classes } = material;
        let Sorted { entities, exemplars, classes } = sort(entities, exemplars, classes)?;
        let (exemplars, rows): (Vec<_>, Vec<_>) = exemplars.into_iter().unzip();
        let (prototypes, weights): (Vec<_>, Vec<_>) = classes.into_iter().unzip();
        let vectors = Vectors::new(mean.len(), Element::F32, &rows.concat());
        let weights = Vectors::new(mean.len(), Element::F32, &weights.concat());
        Self::checked(encoder, Content { mean, vectors, entities, exemplars, weights, prototypes })
    }
}
