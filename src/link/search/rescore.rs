//! The last step of a search that reads a rough copy: exact comparison of the rows that it leaves open.

use super::kernel::{Kernel, Packed};
use super::top::Top;
use super::{Hit, Query, Rows};
use crate::link::index::Index;

/// Returns the `k` entities nearest to a query by some exemplars of the index, the nearest first, equal ones
/// by rising QID. The exemplars must rise; those of the image that the query excepts do not count.
pub fn nearest_among(index: &Index, query: Query<'_>, exemplars: &[u32], k: usize) -> Vec<Hit> {
    let rows = Rows::from(index);
    let counts = |row: &u32| query.except_image != Some(rows.images[*row as usize]);
    let compared = exemplars.iter().copied().filter(counts);
    exact_of(rows, Kernel::detect(), &query, compared, k)
}

/// Compares some rows exactly with a query. Returns the `k` nearest entities among them.
///
/// Rows must rise, and have no image that the query excepts.
pub(super) fn exact_of(
    rows: Rows<'_>,
    kernel: Kernel,
    query: &Query<'_>,
    compared: impl IntoIterator<Item = u32>,
    k: usize,
) -> Vec<Hit> {
    let packed = Packed::new(rows.vectors.dimensions(), [query.vector]);
    let (mut top, mut scratch, mut product) = (Top::new(k), Vec::new(), [0.0]);
    for row in compared {
        let row = row as usize;
        kernel.products(rows.vectors.slice(row..row + 1), &packed, &mut scratch, &mut product);
        top.push(Hit { entity: rows.entities[row], similarity: product[0].clamp(-1.0, 1.0) });
    }
    top.finish()
}
