//! Search on the GPU, which keeps a copy of the vectors; the CPU compares the few rows that may be nearest.
//!
//! A first pass computes all products of up to four queries, and the best row of each block of 256. The
//! best rows of `k` entities give a floor below which no row can be among the `k` nearest; a second pass
//! lists the rows above it. Those are compared again with the stored vectors, so that the result is that of
//! the exact search on the CPU, bit by bit.

mod part;

use std::sync::{Mutex, PoisonError};

use super::kernel::Kernel;
use super::rescore::exact_of;
use super::{Hit, Query, Rows};
use crate::gpu::{Adapters, Device, Error, Signal, new_instance};
use crate::link::index::vectors::{Element, Vectors};
use part::{BLOCK, Best, Part, Pipelines, QUERIES};

/// Maximum number of rows that the GPU lists of one query, as in the shader.
const CAPACITY: usize = 4_096;

/// Vectors on a GPU.
pub struct GpuSearch {
    device: Device,
    pipelines: Pipelines,
    parts: Vec<Part>,
    shared: Mutex<Shared>,
    /// Numbers of a padded row.
    stride: usize,
    /// Maximum amount by which a product differs from the exact one.
    error: f32,
}

/// Buffers that one search at a time uses.
struct Shared {
    queries: wgpu::Buffer,
    listed: wgpu::Buffer,
    read_back: wgpu::Buffer,
}

impl std::fmt::Debug for GpuSearch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GpuSearch")
            .field("adapter", &self.name())
            .field("parts", &self.parts.len())
            .finish_non_exhaustive()
    }
}

impl GpuSearch {
    /// Copies vectors to a GPU: to the one whose name contains `name`, or to the default one.
    ///
    /// Without a name, [`Adapters::Any`] also accepts one that emulates a GPU on the CPU.
    pub async fn open(vectors: &Vectors, adapters: Adapters, name: Option<&str>) -> Result<Self, Error> {
        let instance = new_instance();
        let device = match name {
            Some(name) => Device::open_named(&instance, name).await?,
            None => Device::open(&instance, adapters, None).await?,
        };
        let part_bytes = device.max_buffer_bytes();
        Self::with_parts_of(device, vectors, part_bytes).await
    }

    /// Copies vectors in parts of at most `part_bytes`.
    async fn with_parts_of(device: Device, vectors: &Vectors, part_bytes: u64) -> Result<Self, Error> {
        let stride = vectors.dimensions().next_multiple_of(8);
        // Products take 16 bytes a row, as at least do its numbers.
        let rows_of_part = (part_bytes / (stride as u64 * 2)).min(u64::from(part::MAX_ROWS)) as usize;
        let rows_of_part = (rows_of_part / BLOCK * BLOCK).max(BLOCK);
        let pipelines = Pipelines::new(&device);
        let shared = Shared::new(&device, stride, vectors.rows());
        let mut parts = Vec::new();
        for first in (0..vectors.rows()).step_by(rows_of_part) {
            let rows = first..(first + rows_of_part).min(vectors.rows());
            parts.push(
                Part::upload(&device, &pipelines, (&shared.queries, &shared.listed), vectors, rows).await?,
            );
        }
        device.finish().await?;
        let dimensions = vectors.dimensions() as f32;
        // Sums of 32-bit floats, and tiny numbers that a GPU may take for zeros.
        let mut error = (dimensions + 16.0) * f32::EPSILON + 6.2e-5 * dimensions.sqrt();
        if vectors.element() == Element::F32 {
            error += 5e-4;
        }
        Ok(Self { device, pipelines, parts, shared: Mutex::new(shared), stride, error })
    }

    #[cfg(test)]
    pub(super) fn lose(&self) {
        self.device.handle.destroy();
    }

    /// Returns whether the adapter emulates a GPU on the CPU.
    pub fn is_software(&self) -> bool {
        self.device.is_software()
    }

    /// Returns the name of the adapter.
    pub fn name(&self) -> String {
        self.device.adapter_name()
    }

    /// Searches the rows whose vectors were copied. The result is as that of
    /// [`Search::nearest`](super::Search::nearest); `None` for queries that the CPU must search.
    pub fn nearest(
        &self,
        rows: Rows<'_>,
        queries: &[Query<'_>],
        k: usize,
    ) -> Result<Vec<Option<Vec<Hit>>>, Error> {
        let mut lists = Vec::with_capacity(queries.len());
        for queries in queries.chunks(QUERIES) {
            // All that a panic could leave is written anew.
            let shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
            let is_known = queries.iter().all(|query| query.except_image.is_none());
            if k == 0 || !is_known || self.parts.is_empty() {
                lists.extend(queries.iter().map(|_| None));
                continue;
            }
            let best = self.multiply(&shared, queries)?;
            let floors: Vec<_> = (0..queries.len()).map(|query| self.floor(rows, &best, query, k)).collect();
            let listed = self.list(&shared, &floors)?;
            lists.extend(queries.iter().zip(listed).map(|(query, listed)| {
                listed.map(|listed| exact_of(rows, Kernel::detect(), query, listed, k))
            }));
        }
        Ok(lists)
    }

    /// Computes all products. Returns the best row of each block.
    fn multiply(&self, shared: &Shared, queries: &[Query<'_>]) -> Result<Vec<Best>, Error> {
        let mut packed = vec![[0.0_f32; QUERIES]; self.stride];
        for (at, query) in queries.iter().enumerate() {
            packed.iter_mut().zip(query.vector).for_each(|(packed, value)| packed[at] = *value);
        }
        self.device.queue.write_buffer(&shared.queries, 0, bytemuck::cast_slice(&packed));
        let mut commands = self.commands();
        let mut copied = 0;
        for part in &self.parts {
            part.run(&self.device, &mut commands, &self.pipelines.multiply, [f32::INFINITY; QUERIES]);
            let bytes = part.best.size();
            commands.copy_buffer_to_buffer(&part.best, 0, &shared.read_back, copied, bytes);
            copied += bytes;
        }
        self.device.queue.submit([commands.finish()]);
        self.read(&shared.read_back, copied, |bytes| bytemuck::cast_slice(bytes).to_vec())
    }

    /// Returns the product below which no row is among the `k` nearest of a query.
    fn floor(&self, rows: Rows<'_>, best: &[Best], query: usize, k: usize) -> f32 {
        let mut found: Vec<_> =
            best.iter().map(|best| (best.products[query], best.rows[query] as usize)).collect();
        found.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
        let mut entities = std::collections::HashSet::new();
        let is_kth = |(_, row): &&(f32, usize)| {
            rows.entities.get(*row).is_some_and(|entity| entities.insert(*entity) && entities.len() == k)
        };
        // Both this product and that of a listed row may be off; cosines beyond 1 count as 1.
        found.iter().find(is_kth).map_or(f32::NEG_INFINITY, |(floor, _)| floor.min(1.0) - 2.0 * self.error)
    }

    /// Returns the rows above each floor, rising; `None` where there are too many.
    fn list(&self, shared: &Shared, floors: &[f32]) -> Result<Vec<Option<Vec<u32>>>, Error> {
        let mut all = [f32::INFINITY; QUERIES];
        all[..floors.len()].copy_from_slice(floors);
        let mut commands = self.commands();
        commands.clear_buffer(&shared.listed, 0, None);
        for part in &self.parts {
            part.run(&self.device, &mut commands, &self.pipelines.list, all);
        }
        let bytes = shared.listed.size();
        commands.copy_buffer_to_buffer(&shared.listed, 0, &shared.read_back, 0, bytes);
        self.device.queue.submit([commands.finish()]);
        self.read(&shared.read_back, bytes, |bytes| {
            let (counts, rows) = bytemuck::cast_slice::<_, u32>(bytes).split_at(QUERIES);
            let lists = counts.iter().zip(rows.chunks_exact(CAPACITY)).take(floors.len());
            let list = |(count, rows): (&u32, &[u32])| {
                let mut rows = rows.get(..*count as usize)?.to_vec();
                rows.sort_unstable();
                Some(rows)
            };
            lists.map(list).collect()
        })
    }

    fn commands(&self) -> wgpu::CommandEncoder {
        let descriptor = wgpu::CommandEncoderDescriptor { label: Some("GpuSearch::commands") };
        self.device.handle.create_command_encoder(&descriptor)
    }

    /// Waits for the work, and reads the first bytes of a buffer.
    fn read<T>(&self, buffer: &wgpu::Buffer, bytes: u64, with: impl FnOnce(&[u8]) -> T) -> Result<T, Error> {
        let mapped = Signal::new();
        let setter = mapped.clone();
        buffer.map_async(wgpu::MapMode::Read, ..bytes, move |result| setter.set(result.is_ok()));
        self.device.poll(wgpu::PollType::wait_indefinitely());
        self.device.check()?;
        let unreadable = || Error::Refused { message: "a buffer cannot be read back".to_owned() };
        if mapped.get() != Some(true) {
            return Err(unreadable());
        }
        let result = with(&buffer.get_mapped_range(..bytes).map_err(|_| unreadable())?);
        buffer.unmap();
        Ok(result)
    }
}

impl Shared {
    fn new(device: &Device, stride: usize, rows: usize) -> Self {
        let buffer = |label, bytes: usize, usage| device.buffer(label, bytes as u64, usage);
        let storage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST;
        let listed = 4 * QUERIES * (1 + CAPACITY);
        let best = rows.div_ceil(BLOCK) * size_of::<Best>();
        let read = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
        Self {
            queries: buffer("GpuSearch::queries", 4 * QUERIES * stride, storage),
            listed: buffer("GpuSearch::listed", listed, storage | wgpu::BufferUsages::COPY_SRC),
            read_back: buffer("GpuSearch::read_back", best.max(listed), read),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::search::Search as _;
    use crate::link::search::cpu::CpuSearch;

    /// Returns made-up unit vectors, many of them equal.
    fn vectors(dimensions: usize, rows: u32, element: Element) -> Vectors {
        let mut numbers = Vec::new();
        for row in 0..rows {
            let mut state = row % 701 + 1;
            let mut next = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                f32::from((state >> 16) as i16) / 32_768.0
            };
            let mut vector: Vec<f32> = (0..dimensions).map(|_| next()).collect();
            crate::link::encoder::pool::normalise(&mut vector).unwrap();
            numbers.extend(vector);
        }
        Vectors::new(dimensions, element, &numbers)
    }

    #[test]
    fn gpu_finds_the_same_as_the_cpu() {
        for (dimensions, count, element, part_bytes) in [
            (64, 5_000, Element::F16, 1 << 30),
            // Several parts, and rows that are padded.
            (50, 3_333, Element::F16, 60_000),
            (16, 700, Element::F32, 1 << 20),
        ] {
            let device = pollster::block_on(Device::open(&new_instance(), Adapters::Any, None));
            let device = match device {
                Ok(device) => device,
                Err(Error::Adapter(_)) => {
                    println!("there is no adapter: not tested");
                    return;
                }
                Err(error) => panic!("{error}"),
            };
            let vectors = vectors(dimensions, count, element);
            let entities: Vec<u32> = (0..count).map(|row| row / 3).collect();
            let rows = Rows { vectors: &vectors, entities: &entities, images: &entities };
            let search = pollster::block_on(GpuSearch::with_parts_of(device, &vectors, part_bytes)).unwrap();
            let mut scratch = Vec::new();
            let queries: Vec<Vec<f32>> =
                (0..6).map(|at| vectors.read(at * 100..at * 100 + 1, &mut scratch).to_vec()).collect();
            let queries: Vec<Query<'_>> = queries.iter().map(|query| query.as_slice().into()).collect();
            for k in [1, 10, 128] {
                let found = search.nearest(rows, &queries, k).unwrap();
                let expected = CpuSearch::new(rows).nearest(&queries, k);
                for (found, expected) in found.into_iter().zip(expected) {
                    // Of few blocks and many entities the CPU searches, where not all rows can be listed.
                    if k <= 10 || (count as usize) <= CAPACITY {
                        assert_eq!(found.as_ref(), Some(&expected), "{dimensions} {element:?} {k}");
                    }
                }
            }
            // The lost device is reported, so that the CPU goes on.
            search.lose();
            assert!(search.nearest(rows, &queries, 1).is_err());
        }
    }
}
