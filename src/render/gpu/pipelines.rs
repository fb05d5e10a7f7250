//! The five render pipelines with their bind group layouts, built once per device.

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
}

impl Pipelines {
    pub(super) fn new(device: &Device, format: wgpu::TextureFormat) -> Self {
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
            image: of_image.build("Pipelines::image", "vs_image", "fs_image"),
            fill: of_masks.build("Pipelines::fill", "vs_fill", "fs_fill"),
            patterned_fill: of_masks.build("Pipelines::patterned_fill", "vs_fill", "fs_patterned_fill"),
            outline: of_masks.build("Pipelines::outline", "vs_outline", "fs_line"),
            boxes: of_masks.build("Pipelines::boxes", "vs_box", "fs_line"),
            sampler: device.create_sampler(&wgpu::SamplerDescriptor {
                label: Some("Pipelines::sampler"),
                mag_filter: wgpu::FilterMode::Linear,
                min_filter: wgpu::FilterMode::Linear,
                ..wgpu::SamplerDescriptor::default()
            }),
            image_layout,
            masks_layout,
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

struct Builder<'a> {
    device: &'a wgpu::Device,
    format: wgpu::TextureFormat,
    layout: &'a wgpu::BindGroupLayout,
    shader: &'a wgpu::ShaderModule,
}

impl Builder<'_> {
    fn build(&self, label: &str, vertex: &str, fragment: &str) -> wgpu::RenderPipeline {
        let layout = self.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some(label),
            bind_group_layouts: &[Some(self.layout)],
            immediate_size: 0,
        });
        let target = wgpu::ColorTargetState {
            format: self.format,
            blend: Some(wgpu::BlendState::PREMULTIPLIED_ALPHA_BLENDING),
            write_mask: wgpu::ColorWrites::ALL,
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
            primitive: wgpu::PrimitiveState {
                topology: wgpu::PrimitiveTopology::TriangleStrip,
                ..wgpu::PrimitiveState::default()
            },
            depth_stencil: None,
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
