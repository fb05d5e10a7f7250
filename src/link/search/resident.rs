//! The GPU of an engine: which one is opened, and what happens when it fails.

use std::sync::atomic::{AtomicBool, Ordering};

use super::device::{Device, DeviceError};
use super::gpu::GpuSearch;
use super::{Hit, Query, Rows};
use crate::gpu::{Adapters, Error};
use crate::link::index::Index;

/// Vectors on a GPU, until it fails.
#[derive(Debug)]
pub(super) struct Resident {
    search: GpuSearch,
    failed: AtomicBool,
    report: fn(&str),
}

impl Resident {
    /// Copies the vectors of an index to the wanted GPU; `None` where the CPU searches.
    pub(super) async fn open(
        index: &Index,
        is_large: bool,
        device: &Device,
        report: fn(&str),
    ) -> Result<Option<Self>, DeviceError> {
        let vectors = index.vectors();
        let opened = match device {
            Device::Cpu => return Ok(None),
            Device::Auto if !is_large => return Ok(None),
            Device::Auto => GpuSearch::open(vectors, Adapters::Hardware, None).await,
            Device::Gpu(name) => GpuSearch::open(vectors, Adapters::Any, name.as_deref()).await,
        };
        match opened {
            Ok(search) => {
                if search.is_software() {
                    let name = search.name();
                    report(&format!(
                        "{name} emulates a GPU on the CPU; the search of the CPU itself is faster"
                    ));
                }
                Ok(Some(Self { search, failed: AtomicBool::new(false), report }))
            }
            // It holds less than the index, or no GPU was asked for.
            Err(error)
                if *device == Device::Auto || matches!(error, Error::Refused { .. } | Error::Lost(_)) =>
            {
                report(&format!("the CPU searches: {error}"));
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    #[cfg(test)]
    pub(super) fn lose(&self) {
        self.search.lose();
    }

    /// Returns the name of the adapter.
    pub(super) fn name(&self) -> String {
        self.search.name()
    }

    /// Searches as [`GpuSearch::nearest`]; `None` from the first failure on.
    pub(super) fn nearest(
        &self,
        rows: Rows<'_>,
        queries: &[Query<'_>],
        k: usize,
    ) -> Option<Vec<Option<Vec<Hit>>>> {
        if self.failed.load(Ordering::Relaxed) {
            return None;
        }
        match self.search.nearest(rows, queries, k) {
            Ok(lists) => Some(lists),
            Err(error) => {
                if !self.failed.swap(true, Ordering::Relaxed) {
                    (self.report)(&format!("the CPU searches from now on: {error}"));
                }
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;
    use crate::link::encoder::manifest::EncoderManifest;
    use crate::link::index::build::Material;
    use crate::link::index::vectors::Element;
    use crate::link::index::{Entity, Exemplar};
    use crate::link::search::Search as _;
    use crate::link::search::engine::Engine;

    static REPORTS: AtomicUsize = AtomicUsize::new(0);

    fn index() -> Index {
        let entities = (0..30).map(|n| Entity { qid: format!("Q{n}"), ..Entity::default() }).collect();
        let exemplars = (0..90_u32).map(|n| {
            let exemplar = Exemplar { entity: n / 3, annotation: format!("{n:03}"), ..Exemplar::default() };
            (exemplar, (0..24).map(|at| ((n * 7 + at * 5) % 11) as f32).collect())
        });
        let material = Material { entities, exemplars: exemplars.collect(), ..Material::default() };
        Index::build(EncoderManifest::default(), Element::F16, material).unwrap()
    }

    #[test]
    fn lost_gpu_is_reported_once_and_replaced_by_the_cpu() {
        let index = index();
        let query = index.query(&(0..24).map(|at| (at * at % 7) as f32).collect::<Vec<_>>()).unwrap();
        let queries = [query.as_slice().into()];
        let report = |_: &str| {
            REPORTS.fetch_add(1, Ordering::Relaxed);
        };
        let device = Device::Gpu(None);
        let Ok(engine) = pollster::block_on(Engine::open(&index, None, &device, report)) else {
            println!("there is no adapter: not tested");
            return;
        };
        let search = engine.searcher(&index);
        let expected = index.nearest(&queries, 10);
        assert_eq!(search.nearest(&queries, 10), expected);
        assert!(engine.describe().starts_with("GPU"), "{}", engine.describe());
        let at_open = REPORTS.load(Ordering::Relaxed);
        // Mesa's emulation.
        assert!(at_open == 1 || !engine.describe().contains("llvmpipe"), "no report of the emulation");
        engine.lose_gpu();
        for _ in 0..2 {
            assert_eq!(search.nearest(&queries, 10), expected);
        }
        assert_eq!(REPORTS.load(Ordering::Relaxed), at_open + 1);
        let missing = Device::Gpu(Some("no such adapter".to_owned()));
        let error = pollster::block_on(Engine::open(&index, None, &missing, report)).unwrap_err();
        assert!(error.to_string().contains("no GPU has a name with"), "{error}");
    }
}
