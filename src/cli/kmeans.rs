//! Cells of many vectors, found by k-means on the sphere: near vectors are searched for in few of them.

use ndarray::{ArrayView2, Axis};

/// Number of rounds of k-means; further ones move few vectors.
const ROUNDS: usize = 6;
/// Vectors that are compared with all centroids at once.
const BLOCK_ROWS: usize = 512;

/// The centroids of cells, each of length 1.
pub(super) struct Cells {
    dimensions: usize,
    centroids: Vec<f32>,
}

impl Cells {
    /// Finds at most `count` cells of a sample of unit vectors, row-major. The result is the same for the
    /// same sample.
    pub(super) fn train(sample: &[f32], dimensions: usize, count: usize) -> Self {
        let rows = sample.len() / dimensions;
        let count = count.clamp(1, rows.max(1)).min(rows);
        let row = |at: usize| &sample[at * dimensions..(at + 1) * dimensions];
        let centroids = (0..count).flat_map(|cell| row(cell * rows / count)).copied().collect();
        let mut cells = Self { dimensions, centroids };
        for _ in 0..ROUNDS {
            let assigned = cells.nearest(sample);
            let mut sums = vec![0.0; cells.centroids.len()];
            for (at, &cell) in assigned.iter().enumerate() {
                let sum = &mut sums[cell as usize * dimensions..][..dimensions];
                sum.iter_mut().zip(row(at)).for_each(|(sum, value)| *sum += value);
            }
            for (centroid, sum) in
                cells.centroids.chunks_exact_mut(dimensions).zip(sums.chunks_exact_mut(dimensions))
            {
                // A cell without vectors stays where it is.
                if normalise(sum) {
                    centroid.copy_from_slice(sum);
                }
            }
        }
        cells
    }

    /// Returns the centroids, row-major.
    pub(super) fn centroids(&self) -> &[f32] {
        &self.centroids
    }

    /// Returns the number of cells.
    pub(super) fn len(&self) -> usize {
        self.centroids.len() / self.dimensions
    }

    /// Returns the nearest cell of each vector; vectors are row-major. Uses all cores.
    pub(super) fn nearest(&self, vectors: &[f32]) -> Vec<u32> {
        let rows = vectors.len() / self.dimensions;
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let share = rows.div_ceil(threads).max(1);
        std::thread::scope(|scope| {
            let shares = vectors.chunks(share * self.dimensions);
            let started: Vec<_> = shares.map(|share| scope.spawn(|| self.nearest_here(share))).collect();
            // A panic of a share is passed on.
            started
                .into_iter()
                .flat_map(|share| share.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        })
    }

    fn nearest_here(&self, vectors: &[f32]) -> Vec<u32> {
        let mut nearest = Vec::with_capacity(vectors.len() / self.dimensions);
        for block in vectors.chunks(BLOCK_ROWS * self.dimensions) {
            for scores in similarities(block, &self.centroids, self.dimensions).axis_iter(Axis(0)) {
                let best = scores.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
                nearest.push(best.map_or(0, |(cell, _)| cell as u32));
            }
        }
        nearest
    }

    /// Returns the `count` cells nearest to a cell, itself first.
    pub(super) fn around(&self, cell: u32, count: usize) -> Vec<u32> {
        let own = &self.centroids[cell as usize * self.dimensions..][..self.dimensions];
        let scores = similarities(own, &self.centroids, self.dimensions);
        let mut cells: Vec<u32> = (0..self.len() as u32).filter(|&other| other != cell).collect();
        cells.sort_by(|&a, &b| scores[[0, b as usize]].total_cmp(&scores[[0, a as usize]]));
        cells.truncate(count.saturating_sub(1));
        cells.insert(0, cell);
        cells
    }
}

/// Returns the products of all pairs of rows of two row-major matrices: a row for each of `left`.
pub(super) fn similarities(left: &[f32], right: &[f32], dimensions: usize) -> ndarray::Array2<f32> {
    match (rows_of(left, dimensions), rows_of(right, dimensions)) {
        (Some(left), Some(right)) => left.dot(&right.t()),
        _ => ndarray::Array2::zeros((0, 0)),
    }
}

/// Views row-major values as a matrix; `None` if they are not whole rows.
fn rows_of(values: &[f32], dimensions: usize) -> Option<ArrayView2<'_, f32>> {
    ArrayView2::from_shape((values.len() / dimensions, dimensions), values).ok()
}

/// Scales a vector to length 1; returns `false` for one without direction, which stays as it is.
pub(super) fn normalise(vector: &mut [f32]) -> bool {
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    let has_direction = length.is_normal();
    if has_direction {
        for value in vector.iter_mut() {
            *value /= length;
        }
    }
    has_direction
}
