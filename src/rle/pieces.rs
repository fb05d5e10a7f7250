//! Cuts a mask into rectangles column by column and finds the connected ones.

use std::ops::Range;

use super::Mask;

/// Neighbours of a pixel that are connected to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Connectivity {
    /// The four that share a side.
    #[default]
    Four,
    /// Also the four that share a corner.
    Eight,
}

/// A part of a run: within one column, or a block of whole columns.
///
/// A run has at most three of them, a block of columns between two parts of columns, so their number is
/// bounded by that of the runs, however wide the mask is.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) columns: Range<u32>,
    pub(super) rows: Range<u32>,
}

/// The pieces of a mask, sorted by column and row, which is the order of the runs.
pub(super) struct Pieces(pub(super) Vec<Piece>);

impl Pieces {
    pub(super) fn new(mask: &Mask) -> Self {
        let height = mask.size().height;
        let mut pieces = Vec::with_capacity(mask.runs().len());
        for run in mask.runs() {
            let (mut x, mut y) = (run.start / height, run.start % height);
            let (last_x, last_y) = (run.end / height, run.end % height);
            if y > 0 && x < last_x {
                pieces.push(Piece { columns: x..x + 1, rows: y..height });
                (x, y) = (x + 1, 0);
            }
            if x < last_x {
                pieces.push(Piece { columns: x..last_x, rows: 0..height });
            }
            if last_y > 0 {
                pieces.push(Piece { columns: last_x..last_x + 1, rows: y..last_y });
            }
        }
        Self(pieces)
    }

    /// Returns groups of pieces that begin, and therefore end, in the same column, as ranges of indices.
    pub(super) fn groups(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        let mut start = 0;
        self.0.chunk_by(|a, b| a.columns.start == b.columns.start).map(move |group| {
            let range = start..start + group.len();
            start = range.end;
            range
        })
    }

    /// Returns the component of each piece and the number of components, which are in the order of their
    /// first pixels.
    pub(super) fn labels(&self, connectivity: Connectivity) -> (Vec<u32>, usize) {
        let mut forest = Forest((0..self.0.len() as u32).collect());
        let mut left = 0..0;
        for right in self.groups() {
            if self.touches(&left, &right) {
                self.join_columns(left, right.clone(), connectivity, &mut forest);
            }
            left = right;
        }
        forest.into_labels()
    }

    /// Returns `true` if the group `left` ends where the group `right` begins.
    pub(super) fn touches(&self, left: &Range<usize>, right: &Range<usize>) -> bool {
        !left.is_empty() && self.0[left.start].columns.end == self.0[right.start].columns.start
    }

    /// Joins the pieces of two neighbouring columns that share a side, or also a corner.
    fn join_columns(
        &self,
        mut left: Range<usize>,
        mut right: Range<usize>,
        connectivity: Connectivity,
        forest: &mut Forest,
    ) {
        let reach = u64::from(connectivity == Connectivity::Eight);
        while !left.is_empty() && !right.is_empty() {
            let (a, b) = (&self.0[left.start].rows, &self.0[right.start].rows);
            if u64::from(a.start) < u64::from(b.end) + reach && u64::from(b.start) < u64::from(a.end) + reach
            {
                forest.join(left.start as u32, right.start as u32);
            }
            // The one that ends first touches no further one: the next is at least a pixel away.
            if a.end < b.end {
                left.start += 1;
            } else {
                right.start += 1;
            }
        }
    }
}

/// Disjoint sets of pieces, each with its lowest index as root.
struct Forest(Vec<u32>);

impl Forest {
    fn root(&mut self, mut node: u32) -> u32 {
        while self.0[node as usize] != node {
            // Halves the path on the way.
            let above = self.0[self.0[node as usize] as usize];
            self.0[node as usize] = above;
            node = above;
        }
        node
    }

    fn join(&mut self, a: u32, b: u32) {
        let (a, b) = (self.root(a), self.root(b));
        self.0[a.max(b) as usize] = a.min(b);
    }

    /// Numbers the sets in the order of their roots; returns the number of each node's set and of all sets.
    fn into_labels(mut self) -> (Vec<u32>, usize) {
        let mut labels = Vec::with_capacity(self.0.len());
        let mut number = 0;
        for node in 0..self.0.len() {
            let root = self.root(node as u32) as usize;
            if root == node {
                labels.push(number);
                number += 1;
            } else {
                labels.push(labels[root]);
            }
        }
        (labels, number as usize)
    }
}
