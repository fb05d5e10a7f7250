//! Copies a scene and its image to GPU memory.

use std::ops::Range;
use std::sync::Arc;

use bytemuck::{NoUninit, Pod, Zeroable};

use super::order::{MAX_OVERLAYS, NONE};
use super::pack::{INSTANCES_PER_BOX, Ranges, SceneData};
use super::pipelines::Pipelines;
use crate::geometry::Size;
use crate::gpu::Device;
use crate::render::source_image::scaled_size;
use crate::render::style::{Paint, PatternGrid};
use crate::render::{Error, Scene, SourceImage, Style, View};

/// Uniforms of one frame, declared as `Frame` in both WGSL files.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
pub(super) struct FrameUniforms {
    pub(super) canvas: [u32; 2],
    pub(super) anchor_in_image: [i32; 2],
    pub(super) anchor_in_canvas: [f32; 2],
    pub(super) image: [f32; 2],
    pub(super) pattern_shift: [u32; 2],
    pub(super) pattern_period: u32,
    pub(super) scale: f32,
    pub(super) raised: [u32; 2],
}

impl FrameUniforms {
    pub(super) fn new(view: &View, style: &Style, image: Size) -> Self {
        let (anchor, grid) = (view.anchor(), PatternGrid::new(view));
        Self {
            canvas: [view.canvas.width, view.canvas.height],
            anchor_in_image: anchor.in_image,
            anchor_in_canvas: anchor.in_canvas,
            image: [image.width as f32, image.height as f32],
            pattern_shift: grid.shift,
            pattern_period: grid.period,
            scale: anchor.scale,
            raised: [style.hovered, style.selected].map(|index| index.map_or(NONE, |index| index as u32)),
        }
    }
}

/// The buffers of one scene.
pub(super) struct SceneBuffers {
    pub(super) paints: wgpu::Buffer,
    pub(super) bindings: wgpu::BindGroup,
    pub(super) ranges: Vec<Ranges>,
    pub(super) outlines: Range<u32>,
    pub(super) boxes: Range<u32>,
    pub(super) bytes: u64,
}

impl SceneBuffers {
    pub(super) fn new(
        device: &Device,
        pipelines: &Pipelines,
        frame: &wgpu::Buffer,
        scene: &Scene,
    ) -> Result<Self, Error> {
        let overlays = scene.len() as u64;
        if overlays > MAX_OVERLAYS {
            return Err(Error::Limit { what: "overlays", limit: MAX_OVERLAYS, actual: overlays });
        }
        let data = SceneData::new(scene);
        let paints = vec![Paint::zeroed(); scene.len() + 1];
        let mut factory = BufferFactory { device, bytes: 0 };
        let paints = factory.storage("SceneBuffers::paints", &paints)?;
        let masks = factory.storage("SceneBuffers::masks", &data.masks)?;
        let runs = factory.storage("SceneBuffers::runs", &data.runs)?;
        let segments = factory.storage("SceneBuffers::segments", &data.segments)?;
        let chunks = factory.storage("SceneBuffers::chunks", &data.chunks)?;
        let boxes = factory.storage("SceneBuffers::boxes", &data.boxes)?;
        let bound = [frame, &paints, &masks, &runs, &segments, &chunks, &boxes];
        let entries: Vec<_> =
            (0..).zip(bound).map(|(binding, buffer)| entry(binding, buffer.as_entire_binding())).collect();
        let bindings = device.handle.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("SceneBuffers::bindings"),
            layout: &pipelines.masks_layout,
            entries: &entries,
        });
        Ok(Self {
            paints,
            bindings,
            outlines: 0..data.chunks.len() as u32,
            // The first box is the frame of a missing image.
            boxes: INSTANCES_PER_BOX..data.boxes.len() as u32 * INSTANCES_PER_BOX,
            ranges: data.ranges,
            bytes: factory.bytes,
        })
    }
}

/// Creates the buffer of the uniforms, which outlives scenes and images.
pub(super) fn frame_buffer(device: &Device) -> wgpu::Buffer {
    buffer(device, "DeviceResources::frame", size_of::<FrameUniforms>() as u64, wgpu::BufferUsages::UNIFORM)
}

fn buffer(device: &Device, label: &str, size: u64, usage: wgpu::BufferUsages) -> wgpu::Buffer {
    device.buffer(label, size, usage | wgpu::BufferUsages::COPY_DST)
}

/// Creates buffers within the device's limit and counts their bytes.
struct BufferFactory<'a> {
    device: &'a Device,
    bytes: u64,
}

impl BufferFactory<'_> {
    fn storage<T: NoUninit>(&mut self, label: &'static str, contents: &[T]) -> Result<wgpu::Buffer, Error> {
        // A binding must hold at least one element.
        let size = (size_of_val(contents).max(size_of::<T>()) as u64).next_multiple_of(4);
        let limit = self.device.max_buffer_bytes();
        if size > limit {
            return Err(Error::Limit { what: label, limit, actual: size });
        }
        let buffer = buffer(self.device, label, size, wgpu::BufferUsages::STORAGE);
        self.device.queue.write_buffer(&buffer, 0, bytemuck::cast_slice(contents));
        self.bytes += size;
        Ok(buffer)
    }
}

/// The image as it was set, kept to upload it again after the device is lost.
#[derive(Clone, Debug)]
pub(super) enum ImageSource {
    Pixels(Arc<SourceImage>),
    #[cfg(target_arch = "wasm32")]
    Bitmap(web_sys::ImageBitmap),
}

/// Resolution at which an image was copied to GPU memory; tell the person where it was scaled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageFit {
    /// The image has its full resolution.
    Whole,
    /// The sides were divided because the GPU allows no texture that large; masks keep their full
    /// resolution.
    Scaled {
        /// Size of the image before scaling.
        from: Size,
        /// Size of the texture.
        to: Size,
        /// Maximum side of a texture on this GPU.
        max_side: u32,
    },
}

impl std::fmt::Display for ImageFit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Whole => f.write_str("The image is shown in full resolution."),
            Self::Scaled { from, to, max_side } => write!(
                f,
                "The image of {from} pixels is scaled to {to}: this GPU allows at most {max_side} pixels \
                 per side. Masks keep their full resolution."
            ),
        }
    }
}

/// The image's texture in its bind group.
pub(super) struct ImageTexture {
    pub(super) bindings: wgpu::BindGroup,
    pub(super) bytes: u64,
    pub(super) fit: ImageFit,
}

impl ImageTexture {
    /// Uploads an image; returns `None` for one without pixels.
    pub(super) fn new(
        device: &Device,
        pipelines: &Pipelines,
        frame: &wgpu::Buffer,
        source: &ImageSource,
    ) -> Result<Option<Self>, Error> {
        let from = source.size();
        if from.pixels() == 0 {
            return Ok(None);
        }
        let max_side = device.max_texture_side();
        let factor = from.longest_side().div_ceil(max_side);
        let to = scaled_size(from, factor);
        let fit = if factor == 1 { ImageFit::Whole } else { ImageFit::Scaled { from, to, max_side } };
        let texture = texture(device, to);
        source.upload(device, &texture, factor)?;
        let view = texture.create_view(&wgpu::TextureViewDescriptor {
            label: Some("ImageTexture::view"),
            ..wgpu::TextureViewDescriptor::default()
        });
        let bindings = device.handle.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("ImageTexture::bindings"),
            layout: &pipelines.image_layout,
            entries: &[
                entry(0, frame.as_entire_binding()),
                entry(1, wgpu::BindingResource::TextureView(&view)),
                entry(2, wgpu::BindingResource::Sampler(&pipelines.sampler)),
            ],
        });
        Ok(Some(Self { bindings, bytes: 4 * to.pixels(), fit }))
    }
}

impl ImageSource {
    fn size(&self) -> Size {
        match self {
            Self::Pixels(image) => image.size(),
            #[cfg(target_arch = "wasm32")]
            Self::Bitmap(bitmap) => Size::new(bitmap.width(), bitmap.height()),
        }
    }

    #[cfg_attr(
        not(target_arch = "wasm32"),
        expect(clippy::unnecessary_wraps, reason = "only scaling an ImageBitmap may fail")
    )]
    fn upload(&self, device: &Device, texture: &wgpu::Texture, factor: u32) -> Result<(), Error> {
        match self {
            Self::Pixels(image) if factor == 1 => write(device, texture, image),
            Self::Pixels(image) => write(device, texture, &image.scaled_down(factor)),
            #[cfg(target_arch = "wasm32")]
            Self::Bitmap(bitmap) => super::bitmap::upload(device, texture, bitmap, factor)?,
        }
        Ok(())
    }
}

fn write(device: &Device, texture: &wgpu::Texture, image: &SourceImage) {
    let bytes_per_row = Some(4 * image.size().width);
    let layout = wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row, rows_per_image: None };
    device.queue.write_texture(texture.as_image_copy(), image.rgba(), layout, texture.size());
}

fn texture(device: &Device, size: Size) -> wgpu::Texture {
    // A browser copies an ImageBitmap by drawing it, hence the attachment.
    let usage = wgpu::TextureUsages::TEXTURE_BINDING
        | wgpu::TextureUsages::COPY_DST
        | wgpu::TextureUsages::RENDER_ATTACHMENT;
    device.handle.create_texture(&wgpu::TextureDescriptor {
        label: Some("ImageTexture::texture"),
        size: wgpu::Extent3d { width: size.width, height: size.height, depth_or_array_layers: 1 },
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: wgpu::TextureFormat::Rgba8Unorm,
        usage,
        view_formats: &[],
    })
}

fn entry(binding: u32, resource: wgpu::BindingResource<'_>) -> wgpu::BindGroupEntry<'_> {
    wgpu::BindGroupEntry { binding, resource }
}
