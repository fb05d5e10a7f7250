//! Prototypes: the rows of a linear classifier over features, each the class of one entity, without an image.

use serde::{Deserialize, Serialize};

use super::error::ContentError;
use super::vectors::{Element, Vectors};

/// Classes known by a classifier's weights.
///
/// The classifier is linear in a mask's feature of length 1: the logit of a class is the scalar product of
/// its weights and the feature, plus its bias.
#[derive(Clone, Debug, PartialEq)]
pub struct Prototypes {
    weights: Vectors,
    rows: Vec<Prototype>,
}

/// One class.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prototype {
    /// Position of its entity in the list of entities.
    pub entity: u32,
    /// Logit of a feature of zeros.
    pub bias: f32,
}

impl Prototypes {
    /// Returns no prototypes, for features of `dimensions` numbers.
    pub fn none(dimensions: usize) -> Self {
        Self { weights: Vectors::new(dimensions, Element::F16, &[]), rows: Vec::new() }
    }

    /// Joins classes with their weights, one row a class.
    pub(super) fn checked(
        weights: Vectors,
        rows: Vec<Prototype>,
        entities: usize,
    ) -> Result<Self, ContentError> {
        let mut scratch = Vec::new();
        for (row, prototype) in rows.iter().enumerate() {
            let is_finite = weights.read(row..row + 1, &mut scratch).iter().all(|weight| weight.is_finite());
            if !is_finite || !prototype.bias.is_finite() {
                return Err(ContentError::Weights { row });
            }
            let before = row.checked_sub(1).map_or(0, |before| rows[before].entity);
            if prototype.entity as usize >= entities || prototype.entity < before {
                return Err(ContentError::Order { entity: prototype.entity });
            }
        }
        Ok(Self { weights, rows })
    }

    /// Returns the classes, by entity.
    pub fn rows(&self) -> &[Prototype] {
        &self.rows
    }

    /// Returns the weights, in the order of the rows.
    pub fn weights(&self) -> &Vectors {
        &self.weights
    }

    /// Returns the largest logit of each entity for a feature of length 1, by rising entity.
    pub fn logits(&self, feature: &[f32]) -> Vec<(u32, f32)> {
        let mut scratch = Vec::new();
        let weights = self.weights.read(0..self.rows.len(), &mut scratch);
        let mut logits: Vec<(u32, f32)> = Vec::new();
        for (Prototype { entity, bias }, row) in self.rows.iter().zip(weights.chunks_exact(feature.len())) {
            let logit = bias + row.iter().zip(feature).map(|(weight, value)| weight * value).sum::<f32>();
            match logits.last_mut() {
                Some((last, largest)) if last == entity => *largest = largest.max(logit),
                _ => logits.push((*entity, logit)),
            }
        }
        logits
    }
}
