//! The way in which an index is searched, and the memory that it needs besides the index.

use super::cpu::CpuSearch;
use super::device::{Device, DeviceError};
use super::int8::{Int8Search, RoughVectors};
#[cfg(all(feature = "gpu", not(target_arch = "wasm32")))]
use super::resident::Resident;
use super::{Hit, Query, Rows, Search};
use crate::link::index::Index;

/// Numbers of an index from which on the rough pass saves more time than its memory costs.
const MIN_ROUGH_NUMBERS: usize = 1 << 27;

/// A way to search on the CPU. All ways find the same entities.
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
    #[cfg(all(feature = "gpu", not(target_arch = "wasm32")))]
    gpu: Option<std::sync::Arc<Resident>>,
}

/// An index and the way to search it.
#[derive(Clone, Copy, Debug)]
pub struct Searcher<'a> {
    rows: Rows<'a>,
    engine: &'a Engine,
}

impl Engine {
    /// Prepares an index for a device and, where the CPU searches, for a method; without one for that which
    /// suits the index's size.
    ///
    /// A GPU that cannot hold the vectors or is lost later is replaced by the CPU; `report` gets the reason.
    #[cfg_attr(
        not(all(feature = "gpu", not(target_arch = "wasm32"))),
        expect(clippy::unused_async, reason = "only a GPU has to be waited for")
    )]
    pub async fn open(
        index: &Index,
        method: Option<Method>,
        device: &Device,
        report: fn(&str),
    ) -> Result<Self, DeviceError> {
        #[cfg(all(feature = "gpu", not(target_arch = "wasm32")))]
        if let Some(gpu) = Resident::open(index, is_large(index), device, report).await? {
            let gpu = Some(std::sync::Arc::new(gpu));
            return Ok(Self { gpu, rough: rough(index, method.unwrap_or(Method::Exact)) });
        }
        #[cfg(not(all(feature = "gpu", not(target_arch = "wasm32"))))]
        if let (Device::Gpu(_), _) = (device, report) {
            return Err(DeviceError::NotBuilt);
        }
        let suited = if is_large(index) { Method::Int8 } else { Method::Exact };
        Ok(Self {
            rough: rough(index, method.unwrap_or(suited)),
            #[cfg(all(feature = "gpu", not(target_arch = "wasm32")))]
            gpu: None,
        })
    }

    /// Describes the way, for a line of a log.
    pub fn describe(&self) -> String {
        #[cfg(all(feature = "gpu", not(target_arch = "wasm32")))]
        if let Some(gpu) = &self.gpu {
            return format!("GPU, {}", gpu.name());
        }
        match &self.rough {
            Some(rough) => format!("CPU, int8, {} MiB besides the vectors", rough.bytes() >> 20),
            None => "CPU, exact".to_owned(),
        }
    }

    #[cfg(all(test, feature = "gpu", not(target_arch = "wasm32")))]
    pub(super) fn lose_gpu(&self) {
        self.gpu.iter().for_each(|gpu| gpu.lose());
    }

    /// Returns the search of the index that this was prepared for.
    pub fn searcher<'a>(&'a self, index: &'a Index) -> Searcher<'a> {
        Searcher { rows: index.into(), engine: self }
    }
}

fn is_large(index: &Index) -> bool {
    index.vectors().rows() * index.vectors().dimensions() >= MIN_ROUGH_NUMBERS
}

fn rough(index: &Index, method: Method) -> Option<RoughVectors> {
    (method == Method::Int8).then(|| RoughVectors::new(index.vectors()))
}

impl Searcher<'_> {
    fn nearest_on_cpu(&self, queries: &[Query<'_>], k: usize) -> Vec<Vec<Hit>> {
        match &self.engine.rough {
            Some(rough) => Int8Search::new(self.rows, rough).nearest(queries, k),
            None => CpuSearch::new(self.rows).nearest(queries, k),
        }
    }
}

impl Search for Searcher<'_> {
    fn nearest(&self, queries: &[Query<'_>], k: usize) -> Vec<Vec<Hit>> {
        #[cfg(all(feature = "gpu", not(target_arch = "wasm32")))]
        if let Some(lists) = self.engine.gpu.as_ref().and_then(|gpu| gpu.nearest(self.rows, queries, k)) {
            let lists = queries.iter().zip(lists).map(|(query, list)| {
                list.unwrap_or_else(|| self.nearest_on_cpu(&[*query], k).swap_remove(0))
            });
            return lists.collect();
        }
        self.nearest_on_cpu(queries, k)
    }
}
