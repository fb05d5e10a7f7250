//! The contents of an index in cells, and the amounts that were written.

use std::ops::Range;

use crate::link::calibration::Calibration;
use crate::link::encoder::EncoderManifest;
use crate::link::index::header::Source;
use crate::link::index::prototypes::Prototype;
use crate::link::index::vectors::Element;
use crate::link::index::{Entity, Exemplar, Index};

/// The exemplars to lay out; each read gives the same.
pub trait Exemplars: Sync {
    /// Returns the number of exemplars.
    fn rows(&self) -> usize;

    /// Returns the numbers a vector.
    fn dimensions(&self) -> usize;

    /// Adds the vectors of some rows to `vectors`, row-major, each of length 1.
    fn read(&self, rows: Range<usize>, vectors: &mut Vec<f32>);

    /// Returns the record of a row, and its entity.
    fn record(&self, row: usize) -> (Exemplar, Entity);
}

/// All of an index but its exemplars.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Manifest of the encoder.
    pub encoder: EncoderManifest,
    /// ONNX file of the encoder.
    pub model: Vec<u8>,
    /// The mean that was subtracted.
    pub mean: Vec<f32>,
    /// Number of all entities.
    pub entities: u64,
    /// Datasets that the entities come from.
    pub sources: Vec<Source>,
    /// Turns similarities and logits into scores.
    pub calibration: Calibration,
    /// Entities of classes and broader entities.
    pub resident: Vec<Entity>,
    /// For each class the position of its entity in `resident`, its bias and its weights.
    pub classes: Vec<(u32, f32, Vec<f32>)>,
    /// Type of the weights' numbers.
    pub element: Element,
}

/// Amounts of an index in cells that was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Number of cells.
    pub cells: usize,
    /// Exemplars of the largest cell.
    pub largest: usize,
    /// Bytes that a page reads at once.
    pub start_bytes: u64,
    /// Bytes of the data files.
    pub data_bytes: u64,
}

impl Frame {
    /// Takes the frame of an index.
    pub fn of_index(index: &Index, model: Vec<u8>) -> Self {
        let is_resident =
            |at: u32| index.prototypes().has(at) || !index.entities()[at as usize].members.is_empty();
        let positions: Vec<u32> =
            (0..index.entities().len() as u32).filter(|&entity| is_resident(entity)).collect();
        let weights = index.prototypes().weights();
        let mut scratch = Vec::new();
        let class = |(at, row): (usize, &Prototype)| {
            let entity = positions.partition_point(|&entity| entity < row.entity) as u32;
            (entity, row.bias, weights.read(at..at + 1, &mut scratch).to_vec())
        };
        let classes = index.prototypes().rows().iter().enumerate().map(class).collect();
        let resident = positions.iter().map(|&entity| index.entities()[entity as usize].clone()).collect();
        Self {
            encoder: index.encoder().clone(),
            model,
            mean: index.mean().to_vec(),
            entities: index.entities().len() as u64,
            sources: index.sources().to_vec(),
            calibration: index.calibration().clone(),
            resident,
            classes,
            element: weights.element(),
        }
    }
}
