//! Classes: entities known by a row of a linear classifier over features, their prototype, without an image.

use serde::{Deserialize, Serialize};

use super::error::ContentError;
use super::vectors::{Vectors, dot};

/// Maximum sum of the absolute weights and bias of a class, so that no logit is infinite.
const MAX_SIZE: f32 = 1e6;

/// Classes known by a classifier's weights.
///
/// The classifier is linear in a mask's feature: the logit of a class is the scalar product of
/// its weights and the feature, plus its bias.
#[derive(Clone, Debug, PartialEq)]
pub struct Prototypes {
    weights: Vectors,
    rows: Vec<Prototype>,
}

/// The entity and bias of one class; its weights are a row of [`Prototypes`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prototype {
    /// Position of its entity in the list of entities.
    pub entity: u32,
    /// Logit of a feature of zeros.
    pub bias: f32,
}

impl Prototypes {
    /// Joins classes with their weights, one row a class.
    pub(super) fn checked(
        weights: Vectors,
        rows: Vec<Prototype>,
        entities: usize,
    ) -> Result<Self, ContentError> {
        let mut scratch = Vec::new();
        for (row, prototype) in rows.iter().enumerate() {
            let weights = weights.read(row..row + 1, &mut scratch).iter();
            let size = prototype.bias.abs() + weights.map(|weight| weight.abs()).sum::<f32>();
            if !(0.0..=MAX_SIZE).contains(&size) {
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

    /// Returns whether an entity has a class.
    pub fn has(&self, entity: u32) -> bool {
        self.rows.binary_search_by_key(&entity, |row| row.entity).is_ok()
    }

    /// Returns the weights, in the order of the rows.
    pub fn weights(&self) -> &Vectors {
        &self.weights
    }

    /// Returns the largest logit of each entity for a feature as the encoder gives it, by rising entity.
    pub fn logits(&self, feature: &[f32]) -> Vec<(u32, f32)> {
        // Converted in blocks that stay in the nearest cache.
        let block = (16_384 / self.weights.dimensions()).max(1);
        let mut scratch = Vec::new();
        let mut logits: Vec<(u32, f32)> = Vec::new();
        for start in (0..self.rows.len()).step_by(block) {
            let end = (start + block).min(self.rows.len());
            let weights = self.weights.read(start..end, &mut scratch);
            let weights = weights.chunks_exact(self.weights.dimensions());
            for (Prototype { entity, bias }, row) in self.rows[start..end].iter().zip(weights) {
                let logit = bias + dot(row, feature);
                match logits.last_mut() {
                    Some((last, largest)) if last == entity => *largest = largest.max(logit),
                    _ => logits.push((*entity, logit)),
                }
            }
        }
        logits
    }
}
