//! The renderer by WebGPU: fills from run boundaries, no bitmap, one pass a frame.

#[cfg(target_arch = "wasm32")]
mod bitmap;
#[cfg(test)]
mod layout_test;
mod output;
mod pack;
mod pipelines;
mod target;
mod upload;

use std::sync::Arc;

pub use target::Target;
pub use upload::ImageFit;

use output::Output;
use pack::INSTANCES_A_BOX;
use pipelines::Pipelines;
use upload::{FrameUniforms, ImageSource, ImageTexture, SceneBuffers, frame_buffer};

use super::style::Look;
use super::{Error, Frame, Scene, SourceImage, Style, View};
use crate::gpu::{Device, LostReason, new_instance};

/// Draws a scene by WebGPU, to a canvas or to a texture.
///
/// Scene and image are kept, so that [`Self::rebuild`] can make everything anew when the device is lost.
pub struct GpuRenderer {
    target: Target,
    scene: Arc<Scene>,
    image: Option<ImageSource>,
    live: Live,
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drawn {
    /// It was drawn.
    Shown {
        /// Bytes sent to the GPU for it: at most the frame's uniforms and 16 bytes an overlay.
        uploaded_bytes: u64,
    },
    /// The canvas has no pixels or takes no frame now, as when its tab is covered; draw again when it shows.
    Skipped,
}

/// Bytes of GPU memory by what they hold, as allocated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GpuMemory {
    /// Runs, outlines, boxes, looks and uniforms.
    pub overlays: u64,
    /// The image's texture.
    pub image: u64,
    /// The offscreen target; 0 for a canvas, whose memory is the browser's.
    pub target: u64,
}

impl GpuRenderer {
    /// Opens a GPU device and prepares the scene, as yet without its image.
    ///
    /// [`Error::Adapter`], [`Error::Device`] and [`Error::Surface`] mean that the CPU renderer must do.
    pub async fn new(target: Target, scene: Arc<Scene>) -> Result<Self, Error> {
        let live = Live::open(&target, &scene, None).await?;
        Ok(Self { target, scene, image: None, live })
    }

    /// Puts another scene in place and takes the image away.
    pub fn set_scene(&mut self, scene: Arc<Scene>) -> Result<(), Error> {
        self.update_scene(scene)?;
        self.image = None;
        self.live.image = None;
        Ok(())
    }

    /// Puts a scene of the same image in place, as after an overlay is added; the image stays in GPU memory.
    pub fn update_scene(&mut self, scene: Arc<Scene>) -> Result<(), Error> {
        self.live.set_scene(&scene)?;
        self.scene = scene;
        Ok(())
    }

    /// Sets or takes away the image under the masks; without one the frames show an outline of its size.
    pub fn set_image(&mut self, image: Option<Arc<SourceImage>>) -> Result<ImageFit, Error> {
        self.set_image_source(image.map(ImageSource::Pixels))
    }

    /// Sets the image from a browser's decoded image, which is kept until the next image or scene.
    #[cfg(target_arch = "wasm32")]
    pub fn set_image_bitmap(&mut self, bitmap: web_sys::ImageBitmap) -> Result<ImageFit, Error> {
        self.set_image_source(Some(ImageSource::Bitmap(bitmap)))
    }

    /// Draws one frame; asks for no next one.
    pub fn draw(&mut self, view: &View, style: &Style) -> Result<Drawn, Error> {
        self.live.draw(&self.scene, view, style)
    }

    /// Waits until the GPU has done all it was given.
    pub async fn finish(&self) -> Result<(), Error> {
        self.live.device.finish().await?;
        Ok(())
    }

    /// The frame last drawn to [`Target::Offscreen`].
    pub async fn read_back(&self) -> Result<Frame, Error> {
        self.live.device.check()?;
        self.live.output.read_back(&self.live.device).await
    }

    /// Completes when the device is lost, be it at once; then call [`Self::rebuild`] and draw again.
    pub fn lost(&self) -> impl Future<Output = LostReason> + use<> {
        self.live.device.lost.clone()
    }

    /// Opens a new device and makes everything anew from the scene and image kept.
    pub async fn rebuild(&mut self) -> Result<(), Error> {
        self.live = Live::open(&self.target, &self.scene, self.image.as_ref()).await?;
        Ok(())
    }

    /// Gives the GPU's memory back at once; every later call answers [`Error::Lost`] until [`Self::rebuild`].
    pub fn destroy(&self) {
        self.live.device.handle.destroy();
    }

    /// GPU memory in use, as allocated.
    pub fn memory(&self) -> GpuMemory {
        GpuMemory {
            overlays: self.live.buffers.bytes,
            image: self.live.image.as_ref().map_or(0, |image| image.bytes),
            target: self.live.output.bytes(),
        }
    }

    /// What draws, for a status line: the adapter's name, or `WebGPU` where a browser hides it.
    pub fn adapter_name(&self) -> String {
        self.live.device.adapter_name()
    }

    fn set_image_source(&mut self, source: Option<ImageSource>) -> Result<ImageFit, Error> {
        self.live.set_image(source.as_ref())?;
        self.image = source;
        Ok(self.live.image.as_ref().map_or(ImageFit::Whole, |image| image.fit))
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

/// All that goes with the device when it is lost.
struct Live {
    pipelines: Pipelines,
    frame: wgpu::Buffer,
    buffers: SceneBuffers,
    image: Option<ImageTexture>,
    /// The looks in GPU memory, so that only changed ones are sent.
    looks: Vec<Look>,
    output: Output,
    device: Device,
}

impl Live {
    async fn open(target: &Target, scene: &Scene, image: Option<&ImageSource>) -> Result<Self, Error> {
        let instance = new_instance();
        let surface = target.surface(&instance)?;
        let device = Device::open(&instance, surface.as_ref()).await?;
        let output = Output::new(surface, &device)?;
        let pipelines = Pipelines::new(&device, output.format());
        let frame = frame_buffer(&device);
        let buffers = SceneBuffers::new(&device, &pipelines, &frame, scene)?;
        let mut live = Self { pipelines, frame, buffers, image: None, looks: Vec::new(), output, device };
        live.set_image(image)?;
        live.device.check()?;
        Ok(live)
    }

    fn set_scene(&mut self, scene: &Scene) -> Result<(), Error> {
        self.buffers = SceneBuffers::new(&self.device, &self.pipelines, &self.frame, scene)?;
        self.looks.clear();
        Ok(())
    }

    fn set_image(&mut self, source: Option<&ImageSource>) -> Result<(), Error> {
        // A browser refuses to copy a bitmap to a lost device by an exception that wgpu does not expect.
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
        let descriptor = wgpu::CommandEncoderDescriptor { label: Some("Live::encoder") };
        let mut encoder = self.device.handle.create_command_encoder(&descriptor);
        self.encode(&mut encoder, &acquired.view, scene, style);
        self.device.queue.submit([encoder.finish()]);
        acquired.present(&self.device);
        Ok(Drawn::Shown { uploaded_bytes })
    }

    /// Sends the uniforms, and the looks if they changed; answers how many bytes.
    fn upload(&mut self, scene: &Scene, view: &View, style: &Style) -> u64 {
        let uniforms = FrameUniforms::of(view, scene.size());
        self.device.queue.write_buffer(&self.frame, 0, bytemuck::bytes_of(&uniforms));
        let looks = style.looks(scene, view, self.image.is_some());
        let mut uploaded = size_of::<FrameUniforms>();
        if looks != self.looks {
            self.device.queue.write_buffer(&self.buffers.looks, 0, bytemuck::cast_slice(&looks));
            uploaded += size_of_val(looks.as_slice());
            self.looks = looks;
        }
        uploaded as u64
    }

    fn encode(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        view: &wgpu::TextureView,
        scene: &Scene,
        style: &Style,
    ) {
        let load = wgpu::LoadOp::Clear(wgpu::Color::TRANSPARENT);
        let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            label: Some("Live::pass"),
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view,
                depth_slice: None,
                resolve_target: None,
                ops: wgpu::Operations { load, store: wgpu::StoreOp::Store },
            })],
            ..wgpu::RenderPassDescriptor::default()
        });
        if let Some(image) = &self.image {
            pass.set_pipeline(&self.pipelines.image);
            pass.set_bind_group(0, &image.bindings, &[]);
            pass.draw(0..3, 0..1);
        }
        pass.set_bind_group(0, &self.buffers.bindings, &[]);
        let mut draw = |pipeline, instances: std::ops::Range<u32>| {
            if !instances.is_empty() {
                pass.set_pipeline(pipeline);
                pass.draw(0..4, instances);
            }
        };
        draw(&self.pipelines.boxes, 0..INSTANCES_A_BOX);
        let fill = if style.patterns { &self.pipelines.patterned_fill } else { &self.pipelines.fill };
        draw(fill, 0..scene.len() as u32);
        draw(&self.pipelines.outline, self.buffers.outlines.clone());
        if style.boxes {
            draw(&self.pipelines.boxes, self.buffers.boxes.clone());
        }
        for ranges in style.raised(scene).map(|index| &self.buffers.ranges[index]) {
            draw(&self.pipelines.outline, ranges.outline.clone());
            if style.boxes {
                draw(&self.pipelines.boxes, ranges.boxes.clone());
            }
        }
    }
}
