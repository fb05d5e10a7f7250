//! Chooses the cells to read for a query: the nearest ones, within a budget of requests and bytes.

use std::collections::BTreeSet;
use std::ops::Range;

use super::table::Table;
use crate::link::index::vectors::dot;

/// Maximum amounts for one question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Maximum number of ranges.
    pub requests: usize,
    /// Maximum bytes of all ranges.
    pub bytes: u64,
    /// Maximum number of cells, those in the cache included.
    pub cells: usize,
}

impl Default for Budget {
    /// Returns 10 ranges of 3 MB together, and 128 cells.
    fn default() -> Self {
        Self { requests: 10, bytes: 3_000_000, cells: 128 }
    }
}

/// The cells of a question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// All cells, the nearest first.
    pub cells: Vec<usize>,
    /// Cells to read; those of a span follow each other in one file.
    pub spans: Vec<Range<usize>>,
}

/// Chooses cells by the cosines of their centroids. Those for which `is_kept` is true cost nothing.
pub fn cells(
    table: &Table,
    centroids: &[f32],
    query: &[f32],
    budget: Budget,
    is_kept: impl Fn(usize) -> bool,
) -> Choice {
    let similarities: Vec<f32> = centroids.chunks_exact(query.len()).map(|row| dot(row, query)).collect();
    let mut order: Vec<usize> = (0..table.len()).filter(|&cell| table.entry(cell).rows > 0).collect();
    order.sort_by(|&a, &b| similarities[b].total_cmp(&similarities[a]).then(a.cmp(&b)));
    let (mut cells, mut read, mut requests, mut bytes) = (Vec::new(), BTreeSet::new(), 0, 0);
    for cell in order.into_iter().take(budget.cells) {
        if is_kept(cell) {
            cells.push(cell);
            continue;
        }
        let before = cell.checked_sub(1).filter(|&before| table.is_followed(before));
        let joins_before = before.is_some_and(|before| read.contains(&before));
        let joins_behind = table.is_followed(cell) && read.contains(&(cell + 1));
        let more = requests + 1 - usize::from(joins_before) - usize::from(joins_behind);
        let total = bytes + table.bytes_of(cell);
        let is_first = cells.is_empty();
        if !is_first && (more > budget.requests || total > budget.bytes) {
            continue;
        }
        (requests, bytes) = (more, total);
        read.insert(cell);
        cells.push(cell);
    }
    Choice { cells, spans: spans(table, &read) }
}

/// Joins cells that follow each other.
fn spans(table: &Table, cells: &BTreeSet<usize>) -> Vec<Range<usize>> {
    let mut spans: Vec<Range<usize>> = Vec::new();
    for &cell in cells {
        match spans.last_mut() {
            Some(last) if last.end == cell && table.is_followed(cell - 1) => last.end = cell + 1,
            _ => spans.push(cell..cell + 1),
        }
    }
    spans
}
