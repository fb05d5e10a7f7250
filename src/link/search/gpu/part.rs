//! One part of the vectors on the GPU, as large as a buffer may be, and the pipelines that read it.

use std::ops::Range;

use bytemuck::{Pod, Zeroable};
use half::f16;
use half::slice::HalfFloatSliceExt as _;

use crate::gpu::{Device, Error};
use crate::link::index::vectors::Vectors;

/// Rows of a block, as in the shader.
pub(super) const BLOCK: usize = 256;
/// Queries of a pass.
pub(super) const QUERIES: usize = 4;
/// Maximum number of rows of a part: a row's number in its buffer fits 32 bits.
pub(super) const MAX_ROWS: u32 = 1 << 24;
/// Maximum number of workgroups in a line of a dispatch.
const MAX_WIDTH: u32 = 32_768;
/// Bytes that are uploaded together.
const UPLOAD_BYTES: usize = 32 << 20;

/// The best row of a block for each query, as in the shader.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Best {
    pub(super) products: [f32; QUERIES],
    pub(super) rows: [u32; QUERIES],
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Params {
    rows: u32,
    groups: u32,
    width: u32,
    first: u32,
    floors: [f32; QUERIES],
}

/// The two passes.
pub(super) struct Pipelines {
    layout: wgpu::BindGroupLayout,
    pub(super) multiply: wgpu::ComputePipeline,
    pub(super) list: wgpu::ComputePipeline,
}

/// Some rows in a buffer of their own.
pub(super) struct Part {
    params: Params,
    uniform: wgpu::Buffer,
    group: wgpu::BindGroup,
    blocks: u32,
    /// Best row of each block.
    pub(super) best: wgpu::Buffer,
}

impl Pipelines {
    pub(super) fn new(device: &Device) -> Self {
        let handle = &device.handle;
        let storage = |read_only| wgpu::BufferBindingType::Storage { read_only };
        let kinds = [wgpu::BufferBindingType::Uniform, storage(true), storage(true)];
        let kinds = kinds.into_iter().chain([storage(false), storage(false), storage(false)]);
        let entries: Vec<_> = (0..)
            .zip(kinds)
            .map(|(binding, ty)| wgpu::BindGroupLayoutEntry {
                binding,
                visibility: wgpu::ShaderStages::COMPUTE,
                ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None },
                count: None,
            })
            .collect();
        let label = Some("GpuSearch");
        let layout =
            handle.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label, entries: &entries });
        let of_pipelines = handle.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label,
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        });
        let source = wgpu::ShaderSource::Wgsl(include_str!("nearest.wgsl").into());
        let module = handle.create_shader_module(wgpu::ShaderModuleDescriptor { label, source });
        let pipeline = |entry_point| {
            handle.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: Some(entry_point),
                layout: Some(&of_pipelines),
                module: &module,
                entry_point: Some(entry_point),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                cache: None,
            })
        };
        Self { multiply: pipeline("multiply"), list: pipeline("list"), layout }
    }
}

impl Part {
    /// Copies rows to the GPU.
    pub(super) async fn upload(
        device: &Device,
        pipelines: &Pipelines,
        (queries, listed): (&wgpu::Buffer, &wgpu::Buffer),
        vectors: &Vectors,
        rows: Range<usize>,
    ) -> Result<Self, Error> {
        let stride = vectors.dimensions().next_multiple_of(8);
        let buffer = |label, bytes: usize, usage| device.buffer(label, bytes as u64, usage);
        let destination = wgpu::BufferUsages::COPY_DST;
        let storage = wgpu::BufferUsages::STORAGE;
        let of_vectors = buffer("Part::vectors", rows.len() * stride * 2, storage | destination);
        let products = buffer("Part::products", rows.len() * 4 * QUERIES, storage);
        let blocks = rows.len().div_ceil(BLOCK);
        let best = buffer("Part::best", blocks * size_of::<Best>(), storage | wgpu::BufferUsages::COPY_SRC);
        let uniform = buffer("Part::params", size_of::<Params>(), wgpu::BufferUsages::UNIFORM | destination);
        device.check()?;
        let step = (UPLOAD_BYTES / (stride * 2)).max(1);
        for start in rows.clone().step_by(step) {
            let some = padded(vectors, start..(start + step).min(rows.end), stride);
            let offset = (start - rows.start) * stride * 2;
            device.queue.write_buffer(&of_vectors, offset as u64, bytemuck::cast_slice(&some));
            device.queue.submit([]);
            // Otherwise all vectors would wait in memory a second time.
            device.finish().await?;
        }
        let buffers = [&uniform, &of_vectors, queries, &products, &best, listed];
        let entries: Vec<_> = (0..)
            .zip(buffers)
            .map(|(binding, buffer)| wgpu::BindGroupEntry { binding, resource: buffer.as_entire_binding() })
            .collect();
        let group = device.handle.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("Part::group"),
            layout: &pipelines.layout,
            entries: &entries,
        });
        let params = Params {
            rows: rows.len() as u32,
            groups: (stride / 8) as u32,
            width: (blocks as u32).min(MAX_WIDTH),
            first: rows.start as u32,
            floors: [0.0; QUERIES],
        };
        Ok(Self { params, uniform, group, blocks: blocks as u32, best })
    }

    /// Adds one pass over the rows.
    pub(super) fn run(
        &self,
        device: &Device,
        commands: &mut wgpu::CommandEncoder,
        pipeline: &wgpu::ComputePipeline,
        floors: [f32; QUERIES],
    ) {
        let params = Params { floors, ..self.params };
        device.queue.write_buffer(&self.uniform, 0, bytemuck::bytes_of(&params));
        let mut pass = commands.begin_compute_pass(&wgpu::ComputePassDescriptor {
            label: Some("Part::run"),
            timestamp_writes: None,
        });
        pass.set_pipeline(pipeline);
        pass.set_bind_group(0, &self.group, &[]);
        pass.dispatch_workgroups(params.width, self.blocks.div_ceil(params.width), 1);
    }
}

/// Returns some rows as 16-bit floats, each padded with zeros.
fn padded(vectors: &Vectors, rows: Range<usize>, stride: usize) -> Vec<f16> {
    let mut scratch = Vec::new();
    let wide = vectors.read(rows.clone(), &mut scratch);
    let mut narrow = vec![f16::ZERO; rows.len() * stride];
    for (from, to) in wide.chunks_exact(vectors.dimensions()).zip(narrow.chunks_exact_mut(stride)) {
        to[..from.len()].convert_from_f32_slice(from);
    }
    narrow
}
