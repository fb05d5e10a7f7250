//! The five render pipelines with their bind group layouts, built once per device.

use super::order::depth_test;
use super::pack::CHUNK;
use crate::gpu::Device;

/// The pipelines in the order they draw, and the objects they share.
pub(super) struct Pipelines {
    pub(super) image: wgpu::RenderPipeline,
    pub(super) fill: wgpu::RenderPipeline,
    pub(super) patterned_fill: wgpu::RenderPipeline,
    pub(super) outline: wgpu::RenderPipeline,
    pub(super) boxes: wgpu::RenderPipeline,
    pub(super) image_layout: wgpu::BindGroupLayout,
    pub(super) masks_layout: wgpu::BindGroupLayout,
    pub(super) sampler: wgpu::Sampler,
    /// Indices of the quads of one chunk of an outline, two triangles each.
    pub(super) quads: wgpu::Buffer,
}

impl Pipelines {
    pub(super) fn new(device: &Device, format: wgpu::TextureFormat) -> Self {
        let quads = quad_indices(device);
        let device = &device.handle;
        let image_layout = layout(device, "Pipelines::image_layout", &[UNIFORM, TEXTURE, SAMPLER]);
        let masks = [UNIFORM, STORAGE, STORAGE, STORAGE, STORAGE, STORAGE, STORAGE];
        let masks_layout = layout(device, "Pipelines::masks_layout", &masks);
        let shader = |label, source: &'static str| {
            let source = wgpu::ShaderSource::Wgsl(source.into());
            device.create_shader_module(wgpu::ShaderModuleDescriptor { label: Some(label), source })
        };
        let image = shader("Pipelines::image_shader", include_str!("source_image.wgsl"));
        let masks = shader("Pipelines::masks_shader", include_str!("masks.wgsl"));
        let builder = |layout, shader| Builder { device, format, layout, shader };
        let (of_image, of_masks) = (builder(&image_layout, &image), builder(&masks_layout, &masks));
        Self {
            image: of_image.build("Pipelines::image", "vs_image", "fs_image", Drawing::Blended),
            fill: of_masks.build("Pipelines::fill", "vs_fill", "fs_fill", Drawing::Blended),
            patterned_fill: of_masks.build(
                "Pipelines::patterned_fill",
                "vs_fill",
                "fs_patterned_fill",
                Drawing::Blended,
            ),
            outline: of_masks.build("Pipelines::outline", "vs_outline", "fs_outline", Drawing::Ordered),
            boxes: of_masks.build("Pipelines::boxes", "vs_box", "fs_line", Drawing::Opaque),
            sampler: device.create_sampler(&wgpu::SamplerDescriptor {
                label: Some("Pipelines::sampler"),
                mag_filter: wgpu::FilterMode::Linear,
                min_filter: wgpu::FilterMode::Linear,
                ..wgpu::SamplerDescriptor::default()
            }),
            image_layout,
            masks_layout,
            quads,
        }
    }
}

const UNIFORM: wgpu::BindingType = wgpu::BindingType::Buffer {
    ty: wgpu::BufferBindingType::Uniform,
    has_dynamic_offset: false,
    min_binding_size: None,
};
const STORAGE: wgpu::BindingType = wgpu::BindingType::Buffer {
    ty: wgpu::BufferBindingType::Storage { read_only: true },
    has_dynamic_offset: false,
    min_binding_size: None,
};
const TEXTURE: wgpu::BindingType = wgpu::BindingType::Texture {
    sample_type: wgpu::TextureSampleType::Float { filterable: true },
    view_dimension: wgpu::TextureViewDimension::D2,
    multisampled: false,
};
const SAMPLER: wgpu::BindingType = wgpu::BindingType::Sampler(wgpu::SamplerBindingType::Filtering);

fn layout(device: &wgpu::Device, label: &str, bindings: &[wgpu::BindingType]) -> wgpu::BindGroupLayout {
    let entries: Vec<_> = (0..)
        .zip(bindings)
        .map(|(binding, &ty)| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::VERTEX_FRAGMENT,
            ty,
            count: None,
        })
        .collect();
    device
        .create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: Some(label), entries: &entries })
}

/// Returns the indices of `CHUNK` quads, whose corners are four consecutive vertices each.
fn quad_indices(device: &Device) -> wgpu::Buffer {
    let indices: Vec<u16> =
        (0..CHUNK as u16).flat_map(|quad| [0, 1, 2, 2, 1, 3].map(|corner| 4 * quad + corner)).collect();
    let usage = wgpu::BufferUsages::INDEX | wgpu::BufferUsages::COPY_DST;
    let buffer = device.buffer("Pipelines::quads", size_of_val(indices.as_slice()) as u64, usage);
    device.queue.write_buffer(&buffer, 0, bytemuck::cast_slice(&indices));
    buffer
}

/// Blending and order of the triangles of a pipeline.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Drawing {
    /// Blends a strip of triangles over what is there.
    Blended,
    /// Draws an opaque strip of triangles.
    Opaque,
    /// Draws opaque triangles, the highest order on top.
    Ordered,
}

struct Builder<'a> {
    device: &'a wgpu::Device,
    format: wgpu::TextureFormat,
    layout: &'a wgpu::BindGroupLayout,
    shader: &'a wgpu::ShaderModule,
}

impl Builder<'_> {
    fn build(&self, label: &str, vertex: &str, fragment: &str, drawing: Drawing) -> wgpu::RenderPipeline {
        let layout = self.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some(label),
            bind_group_layouts: &[Some(self.layout)],
            immediate_size: 0,
        });
        let target = wgpu::ColorTargetState {
            format: self.format,
            blend: (drawing == Drawing::Blended).then_some(wgpu::BlendState::PREMULTIPLIED_ALPHA_BLENDING),
            write_mask: wgpu::ColorWrites::ALL,
        };
        let is_ordered = drawing == Drawing::Ordered;
        let topology = if is_ordered {
            wgpu::PrimitiveTopology::TriangleList
        } else {
            wgpu::PrimitiveTopology::TriangleStrip
        };
        let options = wgpu::PipelineCompilationOptions::default;
        self.device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
            label: Some(label),
            layout: Some(&layout),
            vertex: wgpu::VertexState {
                module: self.shader,
                entry_point: Some(vertex),
                compilation_options: options(),
                buffers: &[],
            },
            primitive: wgpu::PrimitiveState { topology, ..wgpu::PrimitiveState::default() },
            depth_stencil: Some(depth_test(is_ordered)),
            multisample: wgpu::MultisampleState::default(),
            fragment: Some(wgpu::FragmentState {
                module: self.shader,
                entry_point: Some(fragment),
                compilation_options: options(),
                targets: &[Some(target)],
            }),
            multiview_mask: None,
            cache: None,
        })
    }
}
