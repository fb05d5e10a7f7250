//! Puts exemplars into cells: k-means in two levels, so that 2 million vectors take minutes.
//!
//! The first level finds regions in a sample, the second the cells of each region; each exemplar is compared
//! with the cells of the regions nearest to it. Cells with many exemplars are split. Cells are ordered so
//! that neighbors in the files are near, since one range then holds several.

use ndarray::Axis;

use super::material::Exemplars;
use crate::cli::kmeans::{Cells, normalise, similarities};
use crate::cli::progress::Progress;
use crate::link::cells::block;

/// Exemplars of the sample for each cell.
const SAMPLE_OF_CELL: usize = 40;
/// Regions whose cells an exemplar is compared with.
const REGIONS: usize = 4;
/// Exemplars that are compared at once by a thread.
const BLOCK_ROWS: usize = 2048;
/// A cell is split where it has more than this many times the mean number of exemplars.
const MAX_OF_MEAN: f64 = 1.8;

/// The cells of an index.
pub(super) struct Layout {
    /// The rows of each cell, rising.
    pub(super) cells: Vec<Vec<u32>>,
    /// For each cell its centroid, of length 1.
    pub(super) centroids: Vec<f32>,
    /// All vectors in the form of a cell's rows.
    pub(super) rows: Vec<u8>,
    dimensions: usize,
}

/// The two levels of centroids.
struct Levels {
    regions: Cells,
    /// The cells of each region; `None` where no vector of the sample is in it.
    cells: Vec<Option<Cells>>,
    /// The number of the first cell of each region, and behind it the number of all.
    starts: Vec<u32>,
}

impl Layout {
    /// Lays exemplars out in about `count` cells.
    pub(super) fn of(exemplars: &impl Exemplars, count: usize) -> Self {
        let dimensions = exemplars.dimensions();
        if exemplars.rows() == 0 {
            return Self { cells: Vec::new(), centroids: Vec::new(), rows: Vec::new(), dimensions };
        }
        let levels = Levels::train(&sample(exemplars, count * SAMPLE_OF_CELL), dimensions, count);
        let (assigned, rows) = assign(exemplars, &levels);
        let mut cells = vec![Vec::new(); levels.len()];
        for (row, &cell) in (0..).zip(&assigned) {
            cells[cell as usize].push(row);
        }
        let mut layout = Self { cells: Vec::new(), centroids: Vec::new(), rows, dimensions };
        let mean = exemplars.rows() as f64 / count as f64;
        for region in levels.starts.windows(2) {
            let of_region = cells[region[0] as usize..region[1] as usize].iter_mut();
            let of_region: Vec<_> = of_region.map(std::mem::take).filter(|rows| !rows.is_empty()).collect();
            let pieces = of_region.into_iter().flat_map(|rows| layout.split(rows, mean)).collect();
            layout.push_ordered(pieces);
        }
        layout
    }

    /// Splits a cell with too many exemplars.
    fn split(&self, rows: Vec<u32>, mean: f64) -> Vec<Vec<u32>> {
        let parts = rows.len() as f64 / mean;
        if parts <= MAX_OF_MEAN {
            return vec![rows];
        }
        let vectors = self.vectors(&rows);
        let parts = parts.round() as usize;
        let nearest = Cells::train(&vectors, self.dimensions, parts).nearest(&vectors);
        let mut pieces = vec![Vec::new(); parts];
        for (row, &piece) in rows.iter().zip(&nearest) {
            pieces[piece as usize].push(*row);
        }
        pieces.retain(|piece| !piece.is_empty());
        pieces
    }

    /// Adds cells, each followed by the nearest of those that are left.
    fn push_ordered(&mut self, mut cells: Vec<Vec<u32>>) {
        let mut centroids: Vec<Vec<f32>> = cells.iter().map(|rows| self.centroid(rows)).collect();
        let mut next = 0;
        while !cells.is_empty() {
            let last = centroids.swap_remove(next);
            self.cells.push(cells.swap_remove(next));
            let likeness = |other: &Vec<f32>| last.iter().zip(other).map(|(a, b)| a * b).sum::<f32>();
            let best = (0..centroids.len())
                .max_by(|&a, &b| likeness(&centroids[a]).total_cmp(&likeness(&centroids[b])));
            next = best.unwrap_or(0);
            self.centroids.extend(last);
        }
    }

    fn centroid(&self, rows: &[u32]) -> Vec<f32> {
        let mut sum = vec![0.0; self.dimensions];
        for vector in self.vectors(rows).chunks_exact(self.dimensions) {
            sum.iter_mut().zip(vector).for_each(|(sum, value)| *sum += value);
        }
        normalise(&mut sum);
        sum
    }

    fn vectors(&self, rows: &[u32]) -> Vec<f32> {
        rows.iter().flat_map(|&row| block::vectors(self.row(row), self.dimensions)).collect()
    }

    /// Returns a row as cells hold it.
    pub(super) fn row(&self, row: u32) -> &[u8] {
        let length = block::row_bytes(self.dimensions);
        &self.rows[row as usize * length..][..length]
    }
}

impl Levels {
    fn train(sample: &[f32], dimensions: usize, count: usize) -> Self {
        let regions = Cells::train(sample, dimensions, (count as f64).sqrt().round() as usize);
        let mut of_region = vec![Vec::new(); regions.len()];
        for (vector, &region) in sample.chunks_exact(dimensions).zip(&regions.nearest(sample)) {
            of_region[region as usize].extend_from_slice(vector);
        }
        let rows = sample.len() / dimensions;
        let progress = Progress::of_items(rows as u64, "vectors of the sample");
        let train = |sample: &Vec<f32>| {
            let own = sample.len() / dimensions;
            progress.advance(own as u64);
            let cells = (own as f64 / rows as f64 * count as f64).round() as usize;
            (own > 0).then(|| Cells::train(sample, dimensions, cells.max(1)))
        };
        let cells: Vec<_> = of_region.iter().map(train).collect();
        progress.finish();
        let mut starts = vec![0];
        for cells in &cells {
            let last = starts.last().copied().unwrap_or_default();
            starts.push(last + cells.as_ref().map_or(0, Cells::len) as u32);
        }
        Self { regions, cells, starts }
    }

    fn len(&self) -> usize {
        self.starts.last().copied().unwrap_or_default() as usize
    }

    /// Returns the nearest cell of each vector among those of its nearest regions.
    fn nearest(&self, vectors: &[f32], dimensions: usize) -> Vec<u32> {
        let mut best = vec![(0, f32::NEG_INFINITY); vectors.len() / dimensions];
        let mut rows_of = vec![Vec::new(); self.cells.len()];
        let scores = similarities(vectors, self.regions.centroids(), dimensions);
        for (row, scores) in scores.axis_iter(Axis(0)).enumerate() {
            let mut near: Vec<usize> = (0..scores.len()).filter(|&at| self.cells[at].is_some()).collect();
            near.sort_unstable_by(|&a, &b| scores[b].total_cmp(&scores[a]));
            near.iter().take(REGIONS).for_each(|&region| rows_of[region].push(row));
        }
        for (region, rows) in rows_of.iter().enumerate() {
            let Some(cells) = self.cells[region].as_ref().filter(|_| !rows.is_empty()) else { continue };
            let near: Vec<f32> =
                rows.iter().flat_map(|row| &vectors[row * dimensions..][..dimensions]).copied().collect();
            let scores = similarities(&near, cells.centroids(), dimensions);
            for (&row, scores) in rows.iter().zip(scores.axis_iter(Axis(0))) {
                for (cell, &score) in (self.starts[region]..).zip(scores) {
                    if score > best[row].1 {
                        best[row] = (cell, score);
                    }
                }
            }
        }
        best.into_iter().map(|(cell, _)| cell).collect()
    }
}

/// Reads about `count` vectors, spread evenly.
fn sample(exemplars: &impl Exemplars, count: usize) -> Vec<f32> {
    let (rows, mut vectors) = (exemplars.rows(), Vec::new());
    let count = count.min(rows);
    for at in 0..count {
        let row = at * rows / count;
        exemplars.read(row..row + 1, &mut vectors);
    }
    vectors
}

/// Returns the cell of each exemplar, and all vectors in the form of a cell's rows. Uses all cores.
fn assign(exemplars: &impl Exemplars, levels: &Levels) -> (Vec<u32>, Vec<u8>) {
    let (rows, dimensions) = (exemplars.rows(), exemplars.dimensions());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let progress = Progress::of_items(rows as u64, "masks");
    let (mut assigned, mut stored) = (Vec::with_capacity(rows), Vec::new());
    stored.reserve_exact(rows * block::row_bytes(dimensions));
    let here = |start: usize| {
        let (end, mut vectors, mut stored) = ((start + BLOCK_ROWS).min(rows), Vec::new(), Vec::new());
        exemplars.read(start..end, &mut vectors);
        vectors.chunks_exact(dimensions).for_each(|vector| block::push_row(vector, &mut stored));
        (levels.nearest(&vectors, dimensions), stored)
    };
    for start in (0..rows).step_by(BLOCK_ROWS * threads) {
        let starts = (start..rows.min(start + BLOCK_ROWS * threads)).step_by(BLOCK_ROWS);
        let done: Vec<_> = std::thread::scope(|scope| {
            let started: Vec<_> = starts.map(|start| scope.spawn(move || here(start))).collect();
            // A panic of a block is passed on.
            let joined = started.into_iter();
            joined
                .map(|block| block.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        });
        for (cells, bytes) in done {
            progress.advance(cells.len() as u64);
            assigned.extend(cells);
            stored.extend(bytes);
        }
    }
    progress.finish();
    (assigned, stored)
}
