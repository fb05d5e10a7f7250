//! The way in which an index is searched, and the memory that it needs besides the index.

use super::cpu::CpuSearch;
use super::int8::{Int8Search, RoughVectors};
use super::{Hit, Query, Rows, Search};
use crate::link::index::Index;

/// Numbers of an index from which on the rough pass saves more time than its memory costs.
const MIN_ROUGH_NUMBERS: usize = 1 << 27;

/// A way to search. All ways find the same entities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Each stored vector is read.
    Exact,
    /// A copy of 8 bits a number is read first, then the stored vectors that it leaves open.
    Int8,
}

/// A way to search one index, with what it prepared.
#[derive(Clone, Debug, Default)]
pub struct Engine {
    rough: Option<RoughVectors>,
}

/// An index and the way to search it.
#[derive(Clone, Copy, Debug)]
pub struct Searcher<'a> {
    rows: Rows<'a>,
    engine: &'a Engine,
}

impl Method {
    /// Returns the faster method for an index: the rough pass for a large one.
    pub fn for_index(index: &Index) -> Self {
        let numbers = index.vectors().rows() * index.vectors().dimensions();
        if numbers >= MIN_ROUGH_NUMBERS { Self::Int8 } else { Self::Exact }
    }
}

impl Engine {
    /// Prepares an index for a method, on all cores.
    pub fn new(index: &Index, method: Method) -> Self {
        Self { rough: (method == Method::Int8).then(|| RoughVectors::new(index.vectors())) }
    }

    /// Returns the method.
    pub fn method(&self) -> Method {
        if self.rough.is_some() { Method::Int8 } else { Method::Exact }
    }

    /// Returns the bytes of memory that were prepared.
    pub fn bytes(&self) -> usize {
        self.rough.as_ref().map_or(0, RoughVectors::bytes)
    }

    /// Returns the search of the index that this was prepared for.
    pub fn searcher<'a>(&'a self, index: &'a Index) -> Searcher<'a> {
        Searcher { rows: index.into(), engine: self }
    }
}

impl Search for Searcher<'_> {
    fn nearest(&self, queries: &[Query<'_>], k: usize) -> Vec<Vec<Hit>> {
        match &self.engine.rough {
            Some(rough) => Int8Search::new(self.rows, rough).nearest(queries, k),
            None => CpuSearch::new(self.rows).nearest(queries, k),
        }
    }
}
