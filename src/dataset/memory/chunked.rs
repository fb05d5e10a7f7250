//! A list that grows chunk by chunk, without moving its elements or reserving as much again.

use std::fmt;
use std::ops::Index;

/// Elements of a chunk: a power of two, so that an index is split by shifts.
const CHUNK: usize = 1024;

/// A list in chunks of equal length.
///
/// A growing `Vec` holds its elements twice while it copies them to a new allocation of twice the
/// length: three times their memory, too much for a web page.
#[derive(Clone)]
pub struct ChunkedVec<T> {
    /// All of them full except the last.
    chunks: Vec<Vec<T>>,
}

impl<T> ChunkedVec<T> {
    /// Appends an element.
    pub(in crate::dataset) fn push(&mut self, element: T) {
        match self.chunks.last_mut() {
            Some(chunk) if chunk.len() < CHUNK => chunk.push(element),
            _ => self.chunks.push(vec![element]),
        }
    }

    /// Returns the number of elements.
    pub fn len(&self) -> usize {
        let full = self.chunks.len().saturating_sub(1) * CHUNK;
        full + self.chunks.last().map_or(0, Vec::len)
    }

    /// Returns whether the list has no elements.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Iterates over the elements in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.chunks.iter().flatten()
    }

    /// Iterates over mutable references to the elements in order.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.chunks.iter_mut().flatten()
    }
}

impl<T> Default for ChunkedVec<T> {
    fn default() -> Self {
        Self { chunks: Vec::new() }
    }
}

impl<T> Index<usize> for ChunkedVec<T> {
    type Output = T;

    fn index(&self, index: usize) -> &T {
        &self.chunks[index / CHUNK][index % CHUNK]
    }
}

impl<'c, T> IntoIterator for &'c ChunkedVec<T> {
    type Item = &'c T;
    type IntoIter = std::iter::Flatten<std::slice::Iter<'c, Vec<T>>>;

    fn into_iter(self) -> Self::IntoIter {
        self.chunks.iter().flatten()
    }
}

/// Frees each chunk once its elements are consumed.
impl<T> IntoIterator for ChunkedVec<T> {
    type Item = T;
    type IntoIter = std::iter::Flatten<std::vec::IntoIter<Vec<T>>>;

    fn into_iter(self) -> Self::IntoIter {
        self.chunks.into_iter().flatten()
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
    fn elements_keep_their_indices() {
        for count in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK] {
            let mut chunks = ChunkedVec::default();
            (0..count).for_each(|element| chunks.push(element));
            assert_eq!((chunks.len(), chunks.is_empty()), (count, count == 0));
            assert!((0..count).all(|at| chunks[at] == at));
            assert!(chunks.iter().copied().eq(0..count) && chunks.into_iter().eq(0..count));
        }
    }
}
