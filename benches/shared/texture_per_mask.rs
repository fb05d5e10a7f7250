//! The baseline of the frame benchmark: one R8 texture per mask, filled on the CPU.
//!
//! The including module must import `Mask` and `Size`.

use super::{Mask, Size};

const OPACITY: f32 = 0.4;

/// All masks of an image as textures of its size, drawn at scale 1.
pub(super) struct TexturePerMask {
    device: wgpu::Device,
    queue: wgpu::Queue,
    pipeline: wgpu::RenderPipeline,
    bindings: Vec<wgpu::BindGroup>,
    target: wgpu::TextureView,
    /// Total bytes of the mask textures.
    pub(super) bytes: u64,
}

impl TexturePerMask {
    pub(super) fn new(size: Size, masks: &[Mask]) -> Self {
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
        let adapter = pollster::block_on(instance.request_adapter(&wgpu::RequestAdapterOptions::default()));
        let adapter = adapter.expect("an adapter, as the other way found one");
        let device = pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor::default()));
        let (device, queue) = device.expect("a device");
        let pipeline = pipeline(&device);
        let layout = pipeline.get_bind_group_layout(0);
        let target =
            texture(&device, size, wgpu::TextureFormat::Rgba8Unorm, wgpu::TextureUsages::RENDER_ATTACHMENT);
        let bindings = (0..=u8::MAX)
            .cycle()
            .zip(masks)
            .map(|(shade, mask)| binding(&device, &queue, &layout, mask, shade));
        let mut drawn = Self {
            bindings: Vec::new(),
            target: target.create_view(&wgpu::TextureViewDescriptor::default()),
            bytes: size.pixels() * masks.len() as u64,
            pipeline,
            device: device.clone(),
            queue: queue.clone(),
        };
        drawn.bindings = bindings.collect();
        drawn
    }

    /// Draws one frame and waits until it is done.
    pub(super) fn frame(&self) {
        let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let load = wgpu::LoadOp::Clear(wgpu::Color::TRANSPARENT);
        let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view: &self.target,
                depth_slice: None,
                resolve_target: None,
                ops: wgpu::Operations { load, store: wgpu::StoreOp::Store },
            })],
            ..wgpu::RenderPassDescriptor::default()
        });
        pass.set_pipeline(&self.pipeline);
        for binding in &self.bindings {
            pass.set_bind_group(0, binding, &[]);
            pass.draw(0..4, 0..1);
        }
        drop(pass);
        self.queue.submit([encoder.finish()]);
        self.device.poll(wgpu::PollType::wait_indefinitely()).expect("the frame is done");
    }
}

fn binding(
    device: &wgpu::Device,
    queue: &wgpu::Queue,
    layout: &wgpu::BindGroupLayout,
    mask: &Mask,
    shade: u8,
) -> wgpu::BindGroup {
    let usage = wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST;
    let texture = texture(device, mask.size(), wgpu::TextureFormat::R8Unorm, usage);
    let bitmap: Vec<u8> = mask.to_row_major().expect("a small image").iter().map(|&set| set * 255).collect();
    let layout_of_rows = wgpu::TexelCopyBufferLayout {
        offset: 0,
        bytes_per_row: Some(mask.size().width),
        rows_per_image: None,
    };
    queue.write_texture(texture.as_image_copy(), &bitmap, layout_of_rows, texture.size());
    // Written data waits in memory of the CPU until it is submitted.
    queue.submit([]);
    device.poll(wgpu::PollType::wait_indefinitely()).expect("the texture is written");
    let color = device.create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: 16,
        usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    let shade = f32::from(shade) / 255.0;
    let components: Vec<u8> =
        [shade, 1.0 - shade, 0.5, OPACITY].iter().flat_map(|value| value.to_le_bytes()).collect();
    queue.write_buffer(&color, 0, &components);
    let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
    device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: None,
        layout,
        entries: &[
            wgpu::BindGroupEntry { binding: 0, resource: wgpu::BindingResource::TextureView(&view) },
            wgpu::BindGroupEntry { binding: 1, resource: color.as_entire_binding() },
        ],
    })
}

fn texture(
    device: &wgpu::Device,
    size: Size,
    format: wgpu::TextureFormat,
    usage: wgpu::TextureUsages,
) -> wgpu::Texture {
    device.create_texture(&wgpu::TextureDescriptor {
        label: None,
        size: wgpu::Extent3d { width: size.width, height: size.height, depth_or_array_layers: 1 },
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format,
        usage,
        view_formats: &[],
    })
}

fn pipeline(device: &wgpu::Device) -> wgpu::RenderPipeline {
    let source = wgpu::ShaderSource::Wgsl(include_str!("../../www/bench-textures.wgsl").into());
    let module = &device.create_shader_module(wgpu::ShaderModuleDescriptor { label: None, source });
    let target = wgpu::ColorTargetState {
        format: wgpu::TextureFormat::Rgba8Unorm,
        blend: Some(wgpu::BlendState::PREMULTIPLIED_ALPHA_BLENDING),
        write_mask: wgpu::ColorWrites::ALL,
    };
    let options = wgpu::PipelineCompilationOptions::default;
    device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
        label: None,
        layout: None,
        vertex: wgpu::VertexState { module, entry_point: None, compilation_options: options(), buffers: &[] },
        primitive: wgpu::PrimitiveState {
            topology: wgpu::PrimitiveTopology::TriangleStrip,
            ..wgpu::PrimitiveState::default()
        },
        depth_stencil: None,
        multisample: wgpu::MultisampleState::default(),
        fragment: Some(wgpu::FragmentState {
            module,
            entry_point: None,
            compilation_options: options(),
            targets: &[Some(target)],
        }),
        multiview_mask: None,
        cache: None,
    })
}
