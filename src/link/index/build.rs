//! Building an index from entities, the features of their exemplars, and the classes of a classifier.

use super::error::ContentError;
use super::prototypes::Prototype;
use super::vectors::{Element, Vectors, VectorsBuilder};
use super::{Content, Entity, Exemplar, Index, centre};
use crate::link::encoder::manifest::EncoderManifest;
use crate::link::encoder::pool::PoolError;

/// Entities, exemplars and classes that an index is built of.
///
/// Each exemplar's and class's `entity` is a position in `entities`.
#[derive(Clone, Debug, Default)]
pub struct Material {
    /// The entities; those without exemplars, classes and members are left out.
    pub entities: Vec<Entity>,
    /// Exemplars with their pooled features.
    pub exemplars: Vec<(Exemplar, Vec<f32>)>,
    /// Classes of a linear classifier over features, with their weights.
    pub classes: Vec<(Prototype, Vec<f32>)>,
}

/// Errors of building an index; each is a fault of the material.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The entities, exemplars and classes do not form an index.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// A feature or a class's weights are shorter or longer than the first.
    #[error("{what} {row} has {actual} numbers, but the index has {expected}")]
    Dimensions {
        /// `exemplar` or `class`.
        what: &'static str,
        /// Position in the sorted list, from 0.
        row: usize,
        /// Numbers of the first feature.
        expected: usize,
        /// Numbers of this one.
        actual: usize,
    },
    /// A feature equals the mean of all, so it has no direction.
    #[error("exemplar {row} of the index: {reason}")]
    Feature {
        /// Position of the exemplar in the sorted list, from 0.
        row: usize,
        /// Fault of the centred feature.
        reason: PoolError,
    },
}

impl Index {
    /// Builds an index without sources and calibration.
    ///
    /// The result does not depend on the order of the exemplars and classes.
    pub fn build(
        mut encoder: EncoderManifest,
        element: Element,
        material: Material,
    ) -> Result<Self, BuildError> {
        name_in_folder(&mut encoder);
        let Material { entities, exemplars, classes } = material;
        let Sorted { entities, exemplars, classes } = sort(entities, exemplars, classes)?;
        let (exemplars, mut features): (Vec<_>, Vec<_>) = exemplars.into_iter().unzip();
        let (prototypes, weights): (Vec<_>, Vec<_>) = classes.into_iter().unzip();
        let dimensions = features.first().or(weights.first()).map_or(0, Vec::len);
        if dimensions == 0 {
            return Err(ContentError::Empty.into());
        }
        for (what, rows) in [("exemplar", &features), ("class", &weights)] {
            if let Some(row) = rows.iter().position(|row| row.len() != dimensions) {
                let actual = rows[row].len();
                return Err(BuildError::Dimensions { what, row, expected: dimensions, actual });
            }
        }
        let mean = mean(&features, dimensions);
        for (row, feature) in features.iter_mut().enumerate() {
            centre(feature, &mean).map_err(|reason| BuildError::Feature { row, reason })?;
        }
        let vectors = Vectors::new(dimensions, element, &features.concat());
        let weights = Vectors::new(dimensions, element, &weights.concat());
        Ok(Self::checked(encoder, Content { mean, vectors, entities, exemplars, weights, prototypes })?)
    }

    /// Builds an index of vectors that are too many to hold as they come.
    ///
    /// `exemplars` has one for each vector, in the order in which `read` gives the vectors to the function
    /// that it is called with. `mean` is their mean.
    pub fn build_streamed<E: From<BuildError>>(
        mut encoder: EncoderManifest,
        element: Element,
        mean: Vec<f32>,
        (entities, exemplars): (Vec<Entity>, Vec<Exemplar>),
        read: impl FnOnce(&mut dyn FnMut(&[f32]) -> Result<(), BuildError>) -> Result<(), E>,
    ) -> Result<Self, E> {
        name_in_folder(&mut encoder);
        let exemplars = exemplars.into_iter().zip(0_u32..).collect();
        let sorted = sort(entities, exemplars, Vec::<(_, ())>::new()).map_err(BuildError::from)?;
        let Sorted { entities, exemplars, .. } = sorted;
        let (exemplars, order): (Vec<_>, Vec<u32>) = exemplars.into_iter().unzip();
        let mut position = vec![0; order.len()];
        for (new, &old) in (0_u32..).zip(&order) {
            position[old as usize] = new;
        }
        let dimensions = mean.len();
        let mut vectors = VectorsBuilder::new(dimensions, element, position.len());
        let mut rows = position.into_iter().enumerate();
        let mut feature = Vec::new();
        read(&mut |vector| {
            let (row, at) = rows.next().ok_or(ContentError::Empty)?;
            if vector.len() != dimensions {
                let (what, actual) = ("exemplar", vector.len());
                return Err(BuildError::Dimensions { what, row, expected: dimensions, actual });
            }
            feature.clear();
            feature.extend_from_slice(vector);
            centre(&mut feature, &mean).map_err(|reason| BuildError::Feature { row, reason })?;
            vectors.set(at as usize, &feature);
            Ok(())
        })?;
        let vectors = vectors.build();
        let (weights, prototypes) = (Vectors::new(dimensions, element, &[]), Vec::new());
        let content = Content { mean, vectors, entities, exemplars, weights, prototypes };
        Ok(Self::checked(encoder, content).map_err(BuildError::from)?)
    }
}

/// Gives the encoder a name like the other parts of the index's folder have.
fn name_in_folder(encoder: &mut EncoderManifest) {
    encoder.file = format!("encoder-{}.onnx", &encoder.sha256[..encoder.sha256.len().min(16)]);
}

/// Entities in the order of an index, and exemplars and classes with what came with each.
pub(super) struct Sorted<E, C> {
    pub(super) entities: Vec<Entity>,
    pub(super) exemplars: Vec<(Exemplar, E)>,
    pub(super) classes: Vec<(Prototype, C)>,
}

/// Sorts entities by QID, without those that nothing shows, and exemplars and classes by entity.
pub(super) fn sort<E, C>(
    mut entities: Vec<Entity>,
    mut exemplars: Vec<(Exemplar, E)>,
    mut classes: Vec<(Prototype, C)>,
) -> Result<Sorted<E, C>, ContentError> {
    let mut is_shown: Vec<_> = entities.iter().map(|entity| !entity.members.is_empty()).collect();
    let of_exemplars = exemplars.iter().map(|(exemplar, _)| exemplar.entity);
    for entity in of_exemplars.chain(classes.iter().map(|(prototype, _)| prototype.entity)) {
        *is_shown.get_mut(entity as usize).ok_or(ContentError::Order { entity })? = true;
    }
    let mut order: Vec<_> = (0..entities.len()).filter(|&at| is_shown[at]).collect();
    order.sort_by(|&a, &b| qid_order(&entities[a].qid).cmp(&qid_order(&entities[b].qid)));
    let mut position = vec![0; entities.len()];
    for (new, &old) in order.iter().enumerate() {
        position[old] = new as u32;
    }
    for (exemplar, _) in &mut exemplars {
        exemplar.entity = position[exemplar.entity as usize];
    }
    for (prototype, _) in &mut classes {
        prototype.entity = position[prototype.entity as usize];
    }
    exemplars.sort_by(|(a, _), (b, _)| {
        (a.entity, &a.annotation, &a.image).cmp(&(b.entity, &b.annotation, &b.image))
    });
    classes.sort_by(|(a, _), (b, _)| a.entity.cmp(&b.entity).then(a.bias.total_cmp(&b.bias)));
    let entities = order.into_iter().map(|old| std::mem::take(&mut entities[old])).collect();
    Ok(Sorted { entities, exemplars, classes })
}

/// Orders QIDs as numbers: shorter ones first, then by their characters.
fn qid_order(qid: &str) -> (usize, &str) {
    (qid.len(), qid)
}

/// Returns the mean of features of `dimensions` numbers; zero for a single one, which centring would
/// otherwise leave without direction.
fn mean(features: &[Vec<f32>], dimensions: usize) -> Vec<f32> {
    if features.len() < 2 {
        return vec![0.0; dimensions];
    }
    let sum = |at| features.iter().map(|feature| f64::from(feature[at])).sum::<f64>();
    (0..dimensions).map(|at| (sum(at) / features.len() as f64) as f32).collect()
}
