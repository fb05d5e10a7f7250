//! The last step of a search that reads a rough copy: exact comparison of the rows that it leaves open.

use super::kernel::{Kernel, Packed};
use super::top::Top;
use super::{Hit, Query, Rows};

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
