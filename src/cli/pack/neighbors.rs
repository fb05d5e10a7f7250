//! Finds for each annotation with a vector those of other images whose vectors are nearest.

use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context;
use half::f16;
use half::slice::HalfFloatSliceExt as _;

use super::vectors::VectorFile;
use crate::cli::kmeans::{Cells, normalise, similarities};
use crate::cli::progress::Progress;
use crate::dataset::catalog::{NEIGHBORS, NO_ROW, hash64_of};

/// Maximum bytes of the vectors that the cells are found with.
const MAX_SAMPLE_BYTES: usize = 96 << 20;
/// Number of cells that are searched for each vector.
const SEARCHED_CELLS: usize = 8;
/// Vectors that are assigned to cells at once.
const ASSIGNED_ROWS: usize = 8192;

/// The rows of a catalog.
pub(super) struct CatalogRows<'a> {
    /// The hash of each row's annotation id.
    pub(super) ids: &'a [u64],
    /// The hash of each row's image id.
    pub(super) images: &'a [u32],
}

/// A vector that belongs to a row.
#[derive(Clone, Copy)]
struct Member {
    /// Position among the vectors that are used.
    at: u32,
    row: u32,
    cell: u32,
}

/// Returns [`NEIGHBORS`] rows for each row, nearest first, [`NO_ROW`] where there are fewer. Vectors of
/// unknown annotations and those without a direction are left out; `work` is a folder for the vectors.
pub(super) fn find(vectors: &VectorFile, rows: &CatalogRows<'_>, work: &Path) -> anyhow::Result<Vec<u32>> {
    let used = rows_of_vectors(vectors, rows);
    let known = used.iter().filter(|row| row.is_some()).count();
    eprintln!("vectors of {known} annotations; {} of others are left out", used.len() - known);
    let path = work.join("vectors");
    let (members, cells) = assign(vectors, &used, &path)?;
    search(&members, &cells, rows, vectors.dimensions(), &path)
}

/// Returns the row of each vector; the first annotation with an id counts.
fn rows_of_vectors(vectors: &VectorFile, rows: &CatalogRows<'_>) -> Vec<Option<u32>> {
    let mut by_id: Vec<(u64, u32)> = rows.ids.iter().copied().zip(0..).collect();
    by_id.sort_unstable();
    let find = |id: &str| {
        let hash = hash64_of(id);
        let at = by_id.partition_point(|&(other, _)| other < hash);
        by_id.get(at).filter(|&&(other, _)| other == hash).map(|&(_, row)| row)
    };
    vectors.ids().map(find).collect()
}

/// Finds cells, and writes the vectors to a file as 16-bit floats, sorted by cell. Returns the members of the
/// cells in the order of the file.
fn assign(vectors: &VectorFile, used: &[Option<u32>], path: &Path) -> anyhow::Result<(Vec<Member>, Cells)> {
    let dimensions = vectors.dimensions();
    let known = used.iter().flatten().count();
    let cells = {
        // Every n-th vector, as many as fit.
        let step = (known * dimensions * 4).div_ceil(MAX_SAMPLE_BYTES).max(1);
        let mut sample = Vec::new();
        each_used(vectors, used, |at, _, vector| {
            if at.is_multiple_of(step) {
                sample.extend_from_slice(vector);
            }
            Ok(())
        })?;
        // Comparing with all centroids then takes as long as searching the cells.
        let count = ((known * SEARCHED_CELLS) as f64).sqrt() as usize;
        Cells::train(&sample, dimensions, count)
    };
    let mut members = Vec::with_capacity(known);
    let mut block = Vec::new();
    let bar = Progress::of_items(known as u64, "vectors assigned");
    let end_block = |block: &mut Vec<f32>, members: &mut Vec<Member>| {
        let nearest = cells.nearest(block);
        let start = members.len() - nearest.len();
        members[start..].iter_mut().zip(nearest).for_each(|(member, cell)| member.cell = cell);
        bar.set(members.len() as u64, String::new);
        block.clear();
    };
    each_used(vectors, used, |_, row, vector| {
        members.push(Member { at: members.len() as u32, row, cell: 0 });
        block.extend_from_slice(vector);
        if block.len() == ASSIGNED_ROWS * dimensions {
            end_block(&mut block, &mut members);
        }
        Ok(())
    })?;
    end_block(&mut block, &mut members);
    bar.finish();
    // The place of each vector in the file.
    members.sort_unstable_by_key(|member| (member.cell, member.at));
    let mut places = vec![0_u32; members.len()];
    members.iter().zip(0..).for_each(|(member, place)| places[member.at as usize] = place);
    let context = || path.display().to_string();
    let mut file = BufWriter::new(File::create(path).with_context(context)?);
    let mut half = vec![f16::ZERO; dimensions];
    let mut next = 0;
    let mut written = 0;
    each_used(vectors, used, |_, _, vector| {
        half.convert_from_f32_slice(vector);
        let place = places[next];
        next += 1;
        if place != written {
            file.seek(SeekFrom::Start(u64::from(place) * dimensions as u64 * 2)).with_context(context)?;
        }
        written = place + 1;
        file.write_all(bytemuck::cast_slice(&half)).with_context(context)
    })?;
    file.flush().with_context(context)?;
    Ok((members, cells))
}

/// Passes the unit vectors that have a row and a direction, with their position among them.
fn each_used(
    vectors: &VectorFile,
    used: &[Option<u32>],
    mut each: impl FnMut(usize, u32, &[f32]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let (mut at, mut number) = (0, 0);
    let mut unit = Vec::new();
    vectors.read(|vector| {
        let row = used.get(number).copied().flatten();
        number += 1;
        unit.clear();
        unit.extend_from_slice(vector);
        if let Some(row) = row
            && normalise(&mut unit)
        {
            each(at, row, &unit)?;
            at += 1;
        }
        Ok(())
    })
}

/// Searches the cells around each vector's own, on all cores.
fn search(
    members: &[Member],
    cells: &Cells,
    rows: &CatalogRows<'_>,
    dimensions: usize,
    path: &Path,
) -> anyhow::Result<Vec<u32>> {
    let starts: Vec<usize> =
        (0..=cells.len() as u32).map(|cell| members.partition_point(|member| member.cell < cell)).collect();
    let bar = Progress::of_items(members.len() as u64, "annotations compared");
    let mut neighbors = vec![NO_ROW; rows.ids.len() * NEIGHBORS];
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let (to_main, found) = crossbeam_channel::bounded(threads);
        for _ in 0..threads {
            let (to_main, starts, next) = (to_main.clone(), &starts, &next);
            scope.spawn(move || {
                let searcher = Searcher { members, cells, starts, images: rows.images, dimensions, path };
                loop {
                    let cell = next.fetch_add(1, Ordering::Relaxed);
                    if cell >= cells.len() || to_main.send(searcher.cell(cell as u32)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(to_main);
        for found in found {
            for (row, nearest) in found? {
                bar.advance(1);
                let to = &mut neighbors[row as usize * NEIGHBORS..][..NEIGHBORS];
                to.iter_mut().zip(nearest).for_each(|(to, row)| *to = row);
            }
        }
        bar.finish();
        Ok(neighbors)
    })
}

struct Searcher<'a> {
    members: &'a [Member],
    cells: &'a Cells,
    /// The first member of each cell, and the number of members.
    starts: &'a [usize],
    images: &'a [u32],
    dimensions: usize,
    path: &'a Path,
}

impl Searcher<'_> {
    /// Returns the nearest rows of each row of a cell.
    fn cell(&self, cell: u32) -> anyhow::Result<Vec<(u32, Vec<u32>)>> {
        let own = self.range(cell);
        if own.is_empty() {
            return Ok(Vec::new());
        }
        let mut file = File::open(self.path).with_context(|| self.path.display().to_string())?;
        let left = self.read(&mut file, own.clone())?;
        let mut best: Vec<Nearest> = own.clone().map(|_| Nearest::default()).collect();
        for other in self.cells.around(cell, SEARCHED_CELLS) {
            let range = self.range(other);
            let right = self.read(&mut file, range.clone())?;
            let scores = similarities(&left, &right, self.dimensions);
            for ((best, from), scores) in
                best.iter_mut().zip(&self.members[own.clone()]).zip(scores.outer_iter())
            {
                let image = self.images[from.row as usize];
                for (to, &similarity) in self.members[range.clone()].iter().zip(scores) {
                    // Masks of the same image share most of what a vector tells.
                    if self.images[to.row as usize] != image {
                        best.push(similarity, to.row);
                    }
                }
            }
        }
        Ok(self.members[own]
            .iter()
            .map(|member| member.row)
            .zip(best.into_iter().map(Nearest::rows))
            .collect())
    }

    fn range(&self, cell: u32) -> std::ops::Range<usize> {
        self.starts[cell as usize]..self.starts[cell as usize + 1]
    }

    fn read(&self, file: &mut File, range: std::ops::Range<usize>) -> anyhow::Result<Vec<f32>> {
        let context = || self.path.display().to_string();
        let mut half = vec![f16::ZERO; range.len() * self.dimensions];
        file.seek(SeekFrom::Start((range.start * self.dimensions * 2) as u64)).with_context(context)?;
        file.read_exact(bytemuck::cast_slice_mut(&mut half)).with_context(context)?;
        let mut values = vec![0.0; half.len()];
        half.convert_to_f32_slice(&mut values);
        Ok(values)
    }
}

/// The nearest rows so far, the farthest of them on top.
#[derive(Default)]
struct Nearest(BinaryHeap<Found>);

/// Ordered by falling similarity, then by rising row.
#[derive(PartialEq)]
struct Found {
    similarity: f32,
    row: u32,
}

impl Eq for Found {}

impl PartialOrd for Found {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Found {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.similarity.total_cmp(&self.similarity).then(self.row.cmp(&other.row))
    }
}

impl Nearest {
    fn push(&mut self, similarity: f32, row: u32) {
        let found = Found { similarity, row };
        if self.0.len() < NEIGHBORS {
            self.0.push(found);
        } else if let Some(mut farthest) = self.0.peek_mut()
            && found < *farthest
        {
            *farthest = found;
        }
    }

    fn rows(self) -> Vec<u32> {
        self.0.into_sorted_vec().into_iter().map(|found| found.row).collect()
    }
}
