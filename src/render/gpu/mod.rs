//! The WebGPU renderer: draws fills from run boundaries, without a bitmap, in one pass per frame.
//!
//! A frame is recorded in the order of the CPU renderer: the image, the fill of each mask, outlines,
//! boxes, and once more the outlines of the hovered and the selected overlay; `order.rs` says how outlines
//! get their order. `pack.rs` lays a scene
//! out as the arrays that `masks.wgsl` reads, `upload.rs` copies them to GPU memory once per scene,
//! and a frame uploads its uniforms and, where the style changed, 16 bytes per overlay.

#[cfg(target_arch = "wasm32")]
mod bitmap;
#[cfg(test)]
mod layout_test;
mod order;
mod output;
mod pack;
mod pipelines;
mod target;
mod upload;

use std::ops::Range;
use std::sync::Arc;

pub use target::Target;
pub use upload::ImageFit;

use order::OrderTexture;
use output::Output;
use pack::{INDICES_PER_CHUNK, INSTANCES_PER_BOX};
use pipelines::Pipelines;
use upload::{FrameUniforms, ImageSource, ImageTexture, SceneBuffers, frame_buffer};

use super::style::Paint;
use super::{Error, Frame, Scene, SourceImage, Style, View};
use crate::gpu::{Adapters, Device, LostReason, new_instance};

/// Draws a scene by WebGPU to a canvas or to a texture.
///
/// Keeps scene and image, so that [`Self::rebuild`] can upload them again after the device is lost.
pub struct GpuRenderer {
    target: Target,
    adapters: Adapters,
    scene: Arc<Scene>,
    image: Option<ImageSource>,
    resources: DeviceResources,
}

/// Outcome of [`GpuRenderer::draw`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drawn {
    /// The frame was drawn.
    Shown {
        /// Bytes uploaded for the frame: its uniforms, and 16 bytes per overlay where the style changed.
        uploaded_bytes: u64,
    },
    /// The canvas has no pixels or accepts no frame now, for example in a hidden tab; draw again when it
    /// is visible.
    Skipped,
}

/// Allocated GPU memory in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GpuMemory {
    /// Bytes of the buffers: runs, outlines, boxes, paints and uniforms.
    pub overlays: u64,
    /// Bytes of the image's texture.
    pub image: u64,
    /// Bytes of the depth texture and of the offscreen target; a canvas's own memory is the browser's.
    pub target: u64,
}

impl GpuRenderer {
    /// Opens a GPU device and uploads the scene; the image is set afterwards.
    ///
    /// After any error but [`Error::Limit`] use the CPU renderer, which is also faster than an adapter that
    /// emulates a GPU.
    pub async fn new(target: Target, adapters: Adapters, scene: Arc<Scene>) -> Result<Self, Error> {
        let resources = DeviceResources::open(&target, adapters, &scene, None).await?;
        Ok(Self { target, adapters, scene, image: None, resources })
    }

    /// Replaces the scene and removes the image.
    pub fn set_scene(&mut self, scene: Arc<Scene>) -> Result<(), Error> {
        self.update_scene(scene)?;
        self.image = None;
        self.resources.image = None;
        Ok(())
    }

    /// Replaces the scene by another one of the same image; the image stays in GPU memory.
    pub fn update_scene(&mut self, scene: Arc<Scene>) -> Result<(), Error> {
        self.resources.set_scene(&scene)?;
        self.scene = scene;
        Ok(())
    }

    /// Sets or removes the image under the masks; without one, frames show an outline of its size.
    pub fn set_image(&mut self, image: Option<Arc<SourceImage>>) -> Result<ImageFit, Error> {
        self.set_image_source(image.map(ImageSource::Pixels))
    }

    /// Sets the image from a browser's decoded image and keeps it until the next image or scene.
    #[cfg(target_arch = "wasm32")]
    pub fn set_image_bitmap(&mut self, bitmap: web_sys::ImageBitmap) -> Result<ImageFit, Error> {
        self.set_image_source(Some(ImageSource::Bitmap(bitmap)))
    }

    /// Draws one frame.
    pub fn draw(&mut self, view: &View, style: &Style) -> Result<Drawn, Error> {
        self.resources.draw(&self.scene, view, style)
    }

    /// Waits until all submitted work is done.
    pub async fn finish(&self) -> Result<(), Error> {
        self.resources.device.finish().await?;
        Ok(())
    }

    /// Returns the frame last drawn to [`Target::Offscreen`].
    pub async fn read_back(&self) -> Result<Frame, Error> {
        self.resources.device.check()?;
        self.resources.output.read_back(&self.resources.device).await
    }

    /// Completes when the device is lost, or at once where it is already; then call [`Self::rebuild`] and
    /// draw again.
    pub fn lost(&self) -> impl Future<Output = LostReason> + use<> {
        self.resources.device.lost.clone()
    }

    /// Opens a new device and uploads scene and image again.
    pub async fn rebuild(&mut self) -> Result<(), Error> {
        let image = self.image.as_ref();
        self.resources = DeviceResources::open(&self.target, self.adapters, &self.scene, image).await?;
        Ok(())
    }

    /// Frees the GPU memory at once; later calls fail with [`crate::gpu::Error::Lost`] until
    /// [`Self::rebuild`].
    pub fn destroy(&self) {
        self.resources.device.handle.destroy();
    }

    /// Returns the GPU memory allocated now.
    pub fn memory(&self) -> GpuMemory {
        GpuMemory {
            overlays: self.resources.buffers.bytes,
            image: self.resources.image.as_ref().map_or(0, |image| image.bytes),
            target: self.resources.output.bytes() + self.resources.order.bytes(),
        }
    }

    /// Returns the adapters on which this renderer may be opened.
    pub fn adapters(&self) -> Adapters {
        self.adapters
    }

    /// Returns the adapter's name for a status line, or `WebGPU` where a browser hides it.
    pub fn adapter_name(&self) -> String {
        self.resources.device.adapter_name()
    }

    fn set_image_source(&mut self, source: Option<ImageSource>) -> Result<ImageFit, Error> {
        self.resources.set_image(source.as_ref())?;
        self.image = source;
        Ok(self.resources.image.as_ref().map_or(ImageFit::Whole, |image| image.fit))
    }
}

impl std::fmt::Debug for GpuRenderer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GpuRenderer")
            .field("target", &self.target)
            .field("memory", &self.memory())
            .finish_non_exhaustive()
    }
}

/// The device and all that is lost with it.
struct DeviceResources {
    pipelines: Pipelines,
    frame: wgpu::Buffer,
    buffers: SceneBuffers,
    image: Option<ImageTexture>,
    /// Copy of the paints in GPU memory, to upload them only after a change.
    paints: Vec<Paint>,
    output: Output,
    order: OrderTexture,
    device: Device,
}

impl DeviceResources {
    async fn open(
        target: &Target,
        adapters: Adapters,
        scene: &Scene,
        image: Option<&ImageSource>,
    ) -> Result<Self, Error> {
        let instance = new_instance();
        let surface = target.surface(&instance)?;
        let device = Device::open(&instance, adapters, surface.as_ref()).await?;
        let output = Output::new(surface, &device)?;
        let pipelines = Pipelines::new(&device, output.format());
        let frame = frame_buffer(&device);
        let buffers = SceneBuffers::new(&device, &pipelines, &frame, scene)?;
        let (paints, order) = (Vec::new(), OrderTexture::default());
        let mut opened = Self { pipelines, frame, buffers, image: None, paints, output, order, device };
        opened.set_image(image)?;
        opened.device.check()?;
        Ok(opened)
    }

    fn set_scene(&mut self, scene: &Scene) -> Result<(), Error> {
        self.buffers = SceneBuffers::new(&self.device, &self.pipelines, &self.frame, scene)?;
        self.paints.clear();
        Ok(())
    }

    fn set_image(&mut self, source: Option<&ImageSource>) -> Result<(), Error> {
        // A browser refuses to copy a bitmap to a lost device by throwing, which wgpu does not expect.
        self.device.check()?;
        self.image = match source {
            Some(source) => ImageTexture::new(&self.device, &self.pipelines, &self.frame, source)?,
            None => None,
        };
        Ok(())
    }

    fn draw(&mut self, scene: &Scene, view: &View, style: &Style) -> Result<Drawn, Error> {
        view.check()?;
        self.device.check()?;
        if view.canvas.pixels() == 0 {
            return Ok(Drawn::Skipped);
        }
        let Some(acquired) = self.output.acquire(&self.device, view.canvas)? else {
            return Ok(Drawn::Skipped);
        };
        let uploaded_bytes = self.upload(scene, view, style);
        let descriptor = wgpu::CommandEncoderDescriptor { label: Some("DeviceResources::encoder") };
        let mut encoder = self.device.handle.create_command_encoder(&descriptor);
        let order = self.order.view(&self.device, view.canvas);
        self.encode(&mut encoder, [&acquired.view, &order], scene, style);
        self.device.queue.submit([encoder.finish()]);
        acquired.present(&self.device);
        Ok(Drawn::Shown { uploaded_bytes })
    }

    /// Uploads the uniforms, and the paints if they changed; returns the number of bytes.
    fn upload(&mut self, scene: &Scene, view: &View, style: &Style) -> u64 {
        let uniforms = FrameUniforms::new(view, style, scene.size());
        self.device.queue.write_buffer(&self.frame, 0, bytemuck::bytes_of(&uniforms));
        let paints = style.paints(scene, view, self.image.is_some());
        let mut uploaded = size_of::<FrameUniforms>();
        if paints != self.paints {
            self.device.queue.write_buffer(&self.buffers.paints, 0, bytemuck::cast_slice(&paints));
            uploaded += size_of_val(paints.as_slice());
            self.paints = paints;
        }
        uploaded as u64
    }

    fn encode(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        [color, order]: [&wgpu::TextureView; 2],
        scene: &Scene,
        style: &Style,
    ) {
        let load = wgpu::LoadOp::Clear(wgpu::Color::TRANSPARENT);
        let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            label: Some("DeviceResources::pass"),
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view: color,
                depth_slice: None,
                resolve_target: None,
                ops: wgpu::Operations { load, store: wgpu::StoreOp::Store },
            })],
            depth_stencil_attachment: Some(wgpu::RenderPassDepthStencilAttachment {
                view: order,
                depth_ops: Some(wgpu::Operations {
                    load: wgpu::LoadOp::Clear(0.0),
                    store: wgpu::StoreOp::Discard,
                }),
                stencil_ops: None,
            }),
            ..wgpu::RenderPassDescriptor::default()
        });
        if let Some(image) = &self.image {
            pass.set_pipeline(&self.pipelines.image);
            pass.set_bind_group(0, &image.bindings, &[]);
            pass.draw(0..3, 0..1);
        }
        pass.set_bind_group(0, &self.buffers.bindings, &[]);
        pass.set_index_buffer(self.pipelines.quads.slice(..), wgpu::IndexFormat::Uint16);
        self.draw_boxes(&mut pass, 0..INSTANCES_PER_BOX);
        pass.set_pipeline(if style.patterns { &self.pipelines.patterned_fill } else { &self.pipelines.fill });
        pass.draw(0..4, 0..scene.len() as u32);
        self.draw_outlines(&mut pass, self.buffers.outlines.clone());
        if style.boxes {
            self.draw_boxes(&mut pass, self.buffers.boxes.clone());
            // The outlines of these are above all others already, but below the boxes.
            for ranges in style.raised(scene).map(|index| &self.buffers.ranges[index]) {
                self.draw_outlines(&mut pass, ranges.outline.clone());
                self.draw_boxes(&mut pass, ranges.boxes.clone());
            }
        }
    }

    fn draw_outlines(&self, pass: &mut wgpu::RenderPass<'_>, chunks: Range<u32>) {
        pass.set_pipeline(&self.pipelines.outline);
        pass.draw_indexed(0..INDICES_PER_CHUNK, 0, chunks);
    }

    fn draw_boxes(&self, pass: &mut wgpu::RenderPass<'_>, instances: Range<u32>) {
        pass.set_pipeline(&self.pipelines.boxes);
        pass.draw(0..4, instances);
    }
}
