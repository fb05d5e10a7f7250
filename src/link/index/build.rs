//! Building an index from entities and the features of their exemplars.

use super::error::ContentError;
use super::vectors::{Element, Vectors};
use super::{Entity, Exemplar, Index, centre};
use crate::link::calibration::Calibration;
use crate::link::encoder::manifest::EncoderManifest;
use crate::link::encoder::pool::PoolError;

/// Why an index cannot be built; each is a fault of the features or entities given.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The entities and exemplars do not form an index.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// A feature is shorter or longer than the first.
    #[error("exemplar {row} has {actual} numbers, but the others have {expected}")]
    Dimensions {
        /// Position of the exemplar in the sorted list, from 0.
        row: usize,
        /// Numbers of the first feature.
        expected: usize,
        /// Numbers of this one.
        actual: usize,
    },
    /// A feature equals the mean of all, so it has no direction.
    #[error("exemplar {row} of the index: {source}")]
    Feature {
        /// Position of the exemplar in the sorted list, from 0.
        row: usize,
        /// Fault of the centred feature.
        source: PoolError,
    },
}

/// Exemplars with their pooled features.
type Features = Vec<(Exemplar, Vec<f32>)>;

impl Index {
    /// Builds an index without calibration from exemplars with their pooled features, each
    /// exemplar's `entity` a position in `entities`.
    ///
    /// Entities without an exemplar are left out. The result does not depend on the order of `features`.
    pub fn build(
        mut encoder: EncoderManifest,
        element: Element,
        entities: Vec<Entity>,
        features: Features,
    ) -> Result<Self, BuildError> {
        // In the index's folder the encoder has a name like the other parts.
        encoder.file = format!("encoder-{}.onnx", &encoder.sha256[..encoder.sha256.len().min(16)]);
        let (entities, features) = sort(entities, features)?;
        let (exemplars, mut features): (Vec<_>, Vec<_>) = features.into_iter().unzip();
        let mean = mean(&features)?;
        for (row, feature) in features.iter_mut().enumerate() {
            centre(feature, &mean).map_err(|source| BuildError::Feature { row, source })?;
        }
        let vectors = Vectors::new(mean.len(), element, &features.concat());
        Ok(Self::checked(encoder, mean, vectors, entities, exemplars, Calibration::default())?)
    }
}

/// Sorts entities by QID, without those that have no exemplar, and exemplars by entity and annotation.
fn sort(mut entities: Vec<Entity>, mut features: Features) -> Result<(Vec<Entity>, Features), ContentError> {
    let count = entities.len() as u32;
    if let Some((exemplar, _)) = features.iter().find(|(exemplar, _)| exemplar.entity >= count) {
        return Err(ContentError::Order { entity: exemplar.entity });
    }
    let mut has_exemplar = vec![false; entities.len()];
    for (exemplar, _) in &features {
        has_exemplar[exemplar.entity as usize] = true;
    }
    let mut order: Vec<_> = (0..entities.len()).filter(|&at| has_exemplar[at]).collect();
    order.sort_by(|&a, &b| qid_order(&entities[a].qid).cmp(&qid_order(&entities[b].qid)));
    let mut position = vec![0; entities.len()];
    for (new, &old) in order.iter().enumerate() {
        position[old] = new as u32;
    }
    for (exemplar, _) in &mut features {
        exemplar.entity = position[exemplar.entity as usize];
    }
    features.sort_by(|(a, _), (b, _)| {
        (a.entity, &a.annotation, &a.image).cmp(&(b.entity, &b.annotation, &b.image))
    });
    let entities = order.into_iter().map(|old| std::mem::take(&mut entities[old])).collect();
    Ok((entities, features))
}

/// Orders QIDs as numbers: shorter ones first, then by their characters.
fn qid_order(qid: &str) -> (usize, &str) {
    (qid.len(), qid)
}

/// Returns the mean of features of one length; zero for a single one, which centring would
/// otherwise leave without direction.
fn mean(features: &[Vec<f32>]) -> Result<Vec<f32>, BuildError> {
    let expected = features.first().ok_or(ContentError::Empty)?.len();
    if let Some(row) = features.iter().position(|feature| feature.len() != expected) {
        return Err(BuildError::Dimensions { row, expected, actual: features[row].len() });
    }
    if features.len() == 1 {
        return Ok(vec![0.0; expected]);
    }
    let sum = |at| features.iter().map(|feature| f64::from(feature[at])).sum::<f64>();
    Ok((0..expected).map(|at| (sum(at) / features.len() as f64) as f32).collect())
}
