//! A list that grows block by block, so that it neither moves what it holds nor takes more memory than that.

use std::fmt;
use std::ops::Index;

/// Elements of a block. A power of two, so that an index splits into two shifts.
const BLOCK: usize = 1024;

/// A list of any length in blocks of equal length.
///
/// A `Vec` that grows holds its elements twice for a while, and room for as many again: three times
/// the memory that they take, of which a page has little.
#[derive(Clone)]
pub struct ChunkedVec<T> {
    /// All full but the last.
    blocks: Vec<Vec<T>>,
}

impl<T> ChunkedVec<T> {
    /// Adds an element at the end.
    pub(super) fn push(&mut self, element: T) {
        match self.blocks.last_mut() {
            Some(block) if block.len() < BLOCK => block.push(element),
            _ => self.blocks.push(vec![element]),
        }
    }

    /// How many elements there are.
    pub fn len(&self) -> usize {
        let full = self.blocks.len().saturating_sub(1) * BLOCK;
        full + self.blocks.last().map_or(0, Vec::len)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// The elements in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.blocks.iter().flatten()
    }

    /// The elements in order, to be changed.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.blocks.iter_mut().flatten()
    }
}

impl<T> Default for ChunkedVec<T> {
    fn default() -> Self {
        Self { blocks: Vec::new() }
    }
}

impl<T> Index<usize> for ChunkedVec<T> {
    type Output = T;

    fn index(&self, index: usize) -> &T {
        &self.blocks[index / BLOCK][index % BLOCK]
    }
}

impl<'b, T> IntoIterator for &'b ChunkedVec<T> {
    type Item = &'b T;
    type IntoIter = std::iter::Flatten<std::slice::Iter<'b, Vec<T>>>;

    fn into_iter(self) -> Self::IntoIter {
        self.blocks.iter().flatten()
    }
}

/// Gives each block back once its elements are taken.
impl<T> IntoIterator for ChunkedVec<T> {
    type Item = T;
    type IntoIter = std::iter::Flatten<std::vec::IntoIter<Vec<T>>>;

    fn into_iter(self) -> Self::IntoIter {
        self.blocks.into_iter().flatten()
    }
}

impl<T: fmt::Debug> fmt::Debug for ChunkedVec<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_keep_their_places() {
        for count in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK] {
            let mut blocks = ChunkedVec::default();
            (0..count).for_each(|element| blocks.push(element));
            assert_eq!((blocks.len(), blocks.is_empty()), (count, count == 0));
            assert!((0..count).all(|at| blocks[at] == at));
            assert!(blocks.iter().copied().eq(0..count) && blocks.into_iter().eq(0..count));
        }
    }
}
