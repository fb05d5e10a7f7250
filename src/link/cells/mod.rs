//! An index laid out in cells: a page with static files alone fetches only the cells nearest to a mask.
//!
//! A [`header`] names the parts that are read at once (mean, centroids, table of cells, and the entities and
//! weights of classes) and the data files. A data file holds [cells](block): the vectors of near
//! exemplars, 8 bits a number, and their records. A question [chooses](choose) cells by their centroids,
//! reads them by ranges, and joins them to a small [`Index`], which then is searched like a whole one.

pub mod block;
mod cache;
pub mod choose;
pub mod entry;
pub mod error;
#[cfg(not(target_arch = "wasm32"))]
pub mod folder;
pub mod header;
pub mod link;
pub mod table;

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::ops::Range;
use std::rc::Rc;

use futures_util::future::try_join_all;

use super::index::build::Material;
use super::index::header::Part;
use super::index::prototypes::Prototype;
use super::index::vectors::{Vectors, floats};
use super::index::{Entity, Index, QueryError, ReadError, centred, lines};
use super::protocol::{ModelInfo, sha256_hex};
use block::Block;
use cache::Cache;
use choose::{Budget, Choice};
pub use error::CellError;
use header::Header;
use table::Table;

/// Reads ranges of the data files that a header lists.
#[expect(async_fn_in_trait, reason = "the crate's own files are used by generics alone, on one thread")]
pub trait Files {
    /// Reads a range of a file, all of it. The error is a sentence for people.
    async fn read(&self, file: &str, range: Range<u64>) -> Result<Vec<u8>, String>;
}

/// An index of which only the centroids, the classes and some cells are in memory.
#[derive(Debug)]
pub struct CellIndex {
    header: Header,
    model: ModelInfo,
    mean: Vec<f32>,
    /// A row for each cell.
    centroids: Vec<f32>,
    table: Table,
    /// Entities of classes, and those that stand for others.
    entities: Vec<Entity>,
    classes: Vec<(Prototype, Vec<f32>)>,
    cache: RefCell<Cache>,
}

/// The part of an index near a question.
#[derive(Debug)]
pub struct Gathered {
    /// The classes, and the exemplars of the chosen cells.
    pub index: Index,
    /// Number of cells.
    pub cells: usize,
    /// Number of ranges read.
    pub requests: usize,
    /// Bytes of these ranges.
    pub bytes: u64,
}

impl CellIndex {
    /// Reads the parts that stay in memory. Calls `read` for a part once the length that the header states
    /// is within the limits.
    pub fn from_files(
        header: &[u8],
        mut read: impl FnMut(&Part) -> io::Result<Vec<u8>>,
    ) -> Result<Self, ReadError> {
        let sha256 = sha256_hex(header);
        let header = Header::read(header)?;
        let mut part = |part: &Part| {
            let bytes = read(part).map_err(|reason| ReadError::Part { file: part.file.clone(), reason })?;
            part.check(&bytes)?;
            Ok::<_, ReadError>(bytes)
        };
        let (parts, dimensions) = (&header.parts, header.dimensions as usize);
        let mean = floats(&part(&parts.mean)?);
        if let Some(at) = mean.iter().position(|value| !value.is_finite()) {
            return Err(ReadError::Mean { at });
        }
        let centroids = block::vectors(&part(&parts.centroids)?, dimensions);
        let table = Table::read(&header, &part(&parts.cells)?)?;
        let entities = lines(&parts.entities, &part(&parts.entities)?, header.resident)?;
        let mut classes = Vec::new();
        if let (Some(weights), Some(rows)) = (&parts.weights, &parts.prototypes) {
            let weights = Vectors::from_bytes(dimensions, header.element, part(weights)?.into());
            let rows: Vec<Prototype> = lines(rows, &part(rows)?, header.prototypes)?;
            let mut scratch = Vec::new();
            let row = |(at, row)| (row, weights.read(at..at + 1, &mut scratch).to_vec());
            classes = rows.into_iter().enumerate().map(row).collect();
        }
        let model = ModelInfo {
            encoder: header.encoder.id.clone(),
            encoder_sha256: header.encoder.sha256.clone(),
            index_sha256: sha256,
            entities: header.entities,
            exemplars: header.exemplars,
            prototypes: header.prototypes,
        };
        Ok(Self { header, model, mean, centroids, table, entities, classes, cache: RefCell::default() })
    }

    /// Returns the header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Returns the ids and hashes that responses state, and the size of the whole index.
    pub fn model(&self) -> &ModelInfo {
        &self.model
    }

    /// Returns the vector to search with for a mask's pooled feature: centred, of length 1.
    pub fn query(&self, feature: &[f32]) -> Result<Vec<f32>, QueryError> {
        centred(feature, &self.mean)
    }

    /// Reads the cells nearest to a query within the budget, and joins them to an index.
    pub async fn gather(
        &self,
        files: &impl Files,
        query: &[f32],
        budget: Budget,
    ) -> Result<Gathered, CellError> {
        let is_kept = |cell| self.cache.borrow().holds(cell);
        let choice = choose::cells(&self.table, &self.centroids, query, budget, is_kept);
        let Choice { cells, spans } = choice;
        let kept: HashMap<usize, Rc<Block>> = {
            let mut cache = self.cache.borrow_mut();
            cells.iter().filter_map(|&cell| Some((cell, cache.get(cell)?))).collect()
        };
        let read = try_join_all(spans.iter().map(|span| self.read_span(files, span.clone()))).await?;
        let bytes = spans.iter().flat_map(Clone::clone).map(|cell| self.table.bytes_of(cell)).sum();
        let read: HashMap<usize, Rc<Block>> = read.into_iter().flatten().collect();
        let blocks: Vec<_> =
            cells.iter().filter_map(|cell| read.get(cell).or_else(|| kept.get(cell))).collect();
        let index = self.join(&blocks)?;
        let mut cache = self.cache.borrow_mut();
        for (&cell, block) in &read {
            cache.keep(cell, Rc::clone(block));
        }
        Ok(Gathered { index, cells: blocks.len(), requests: spans.len(), bytes })
    }

    /// Reads cells that lie side by side in one file, by one range.
    async fn read_span(
        &self,
        files: &impl Files,
        span: Range<usize>,
    ) -> Result<Vec<(usize, Rc<Block>)>, CellError> {
        let (file, range) = self.table.range_of(span.clone());
        let file = self.header.data[file].file.as_str();
        let of_file = |reason| CellError::Unreadable { file: file.to_owned(), reason };
        let (expected, bytes) = (range.end - range.start, files.read(file, range).await.map_err(of_file)?);
        if bytes.len() as u64 != expected {
            return Err(of_file(format!("{} bytes were read where {expected} are needed", bytes.len())));
        }
        let mut rest = bytes.as_slice();
        let mut blocks = Vec::with_capacity(span.len());
        for cell in span {
            let (own, behind) = rest.split_at(self.table.bytes_of(cell) as usize);
            let block = Block::read(own, self.table.entry(cell), self.header.dimensions as usize);
            let damaged = |fault| CellError::Damaged { file: file.to_owned(), cell, fault };
            blocks.push((cell, Rc::new(block.map_err(damaged)?)));
            rest = behind;
        }
        Ok(blocks)
    }

    /// Joins the classes and the exemplars of some cells to an index.
    fn join(&self, blocks: &[&Rc<Block>]) -> Result<Index, CellError> {
        let mut entities = self.entities.clone();
        let mut positions: HashMap<String, u32> = HashMap::new();
        for (at, entity) in (0..).zip(&entities) {
            positions.insert(entity.qid.clone(), at);
        }
        let mut exemplars =
            Vec::with_capacity(blocks.iter().map(|block| block.records.exemplars.len()).sum());
        let dimensions = self.header.dimensions as usize;
        for block in blocks {
            let here: Vec<u32> = block
                .records
                .entities
                .iter()
                .map(|entity| {
                    *positions.entry(entity.qid.clone()).or_insert_with(|| {
                        entities.push(entity.clone());
                        entities.len() as u32 - 1
                    })
                })
                .collect();
            let rows = block.vectors.chunks_exact(block::row_bytes(dimensions));
            for (exemplar, row) in block.records.exemplars.iter().zip(rows) {
                let mut exemplar = exemplar.clone();
                exemplar.entity = here[exemplar.entity as usize];
                exemplars.push((exemplar, block::vectors(row, dimensions)));
            }
        }
        let material = Material { entities, exemplars, classes: self.classes.clone() };
        let (encoder, mean) = (self.header.encoder.clone(), self.mean.clone());
        let index = Index::gathered(encoder, mean, material)?;
        Ok(index.with_calibration(self.header.calibration.clone()))
    }
}
