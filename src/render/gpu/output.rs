//! Where frames go: a canvas of the page, or a texture that can be read back.

use super::context::Context;
use super::signal::Signal;
use crate::geometry::Size;
use crate::render::{Error, Frame};

/// What a renderer draws to.
#[derive(Clone, Debug)]
pub enum Target {
    /// A texture in GPU memory, read by [`super::GpuRenderer::read_back`].
    Offscreen,
    /// A canvas of the page. Its width and height follow the view's canvas size.
    #[cfg(target_arch = "wasm32")]
    Canvas(web_sys::HtmlCanvasElement),
}

impl Target {
    #[cfg_attr(
        not(target_arch = "wasm32"),
        expect(
            clippy::unnecessary_wraps,
            unused_variables,
            reason = "only a canvas has a surface that may fail"
        )
    )]
    pub(super) fn surface(&self, instance: &wgpu::Instance) -> Result<Option<wgpu::Surface<'static>>, Error> {
        match self {
            Self::Offscreen => Ok(None),
            #[cfg(target_arch = "wasm32")]
            Self::Canvas(canvas) => {
                Ok(Some(instance.create_surface(wgpu::SurfaceTarget::Canvas(canvas.clone()))?))
            }
        }
    }
}

/// The target as the device sees it.
pub(super) enum Output {
    Texture { drawn: Option<wgpu::Texture> },
    Surface { surface: wgpu::Surface<'static>, format: wgpu::TextureFormat, configured: Option<Size> },
}

/// A texture to draw one frame to.
pub(super) struct Acquired {
    pub(super) view: wgpu::TextureView,
    present: Option<wgpu::SurfaceTexture>,
}

impl Output {
    pub(super) fn new(
        surface: Option<wgpu::Surface<'static>>,
        adapter: &wgpu::Adapter,
    ) -> Result<Self, Error> {
        let Some(surface) = surface else { return Ok(Self::Texture { drawn: None }) };
        // Values are written as they are encoded, so that blending matches a 2D canvas.
        let formats = surface.get_capabilities(adapter).formats;
        let format = formats.into_iter().find(|format| !format.is_srgb()).ok_or(Error::SurfaceFormat)?;
        Ok(Self::Surface { surface, format, configured: None })
    }

    pub(super) fn format(&self) -> wgpu::TextureFormat {
        match self {
            Self::Texture { .. } => wgpu::TextureFormat::Rgba8Unorm,
            Self::Surface { format, .. } => *format,
        }
    }

    /// The texture for the next frame of `size`; `None` where the canvas takes no frame now.
    pub(super) fn acquire(&mut self, context: &Context, size: Size) -> Result<Option<Acquired>, Error> {
        let (limit, actual) = (u64::from(context.max_side()), u64::from(size.longest_side()));
        if actual > limit {
            return Err(Error::Limit { what: "pixels of the canvas's side", limit, actual });
        }
        match self {
            Self::Texture { drawn } => {
                let texture = drawn.take().filter(|texture| size_of(texture) == size);
                let texture = drawn.insert(texture.unwrap_or_else(|| offscreen(context, size)));
                Ok(Some(Acquired {
                    view: texture.create_view(&labelled("Output::texture_view")),
                    present: None,
                }))
            }
            Self::Surface { surface, format, configured } => {
                if *configured != Some(size) {
                    surface.configure(&context.device, &configuration(*format, size));
                    *configured = Some(size);
                }
                let texture = next(surface).or_else(|| {
                    surface.configure(&context.device, &configuration(*format, size));
                    next(surface)
                });
                Ok(texture.map(|texture| Acquired {
                    view: texture.texture.create_view(&labelled("Output::surface_view")),
                    present: Some(texture),
                }))
            }
        }
    }

    /// Bytes of GPU memory of the texture; what a canvas takes is the browser's.
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Self::Texture { drawn } => drawn.as_ref().map_or(0, |texture| 4 * size_of(texture).pixels()),
            Self::Surface { .. } => 0,
        }
    }

    /// The frame last drawn to a texture.
    pub(super) async fn read_back(&self, context: &Context) -> Result<Frame, Error> {
        let Self::Texture { drawn: Some(texture) } = self else { return Err(Error::NotOffscreen) };
        let size = size_of(texture);
        let stride = (4 * size.width).next_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT);
        let buffer = context.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("Output::read_back"),
            size: u64::from(stride) * u64::from(size.height),
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let descriptor = wgpu::CommandEncoderDescriptor { label: Some("Output::read_back_encoder") };
        let mut encoder = context.device.create_command_encoder(&descriptor);
        let layout =
            wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(stride), rows_per_image: None };
        let destination = wgpu::TexelCopyBufferInfo { buffer: &buffer, layout };
        encoder.copy_texture_to_buffer(texture.as_image_copy(), destination, texture.size());
        context.queue.submit([encoder.finish()]);
        let mapped = Signal::new();
        let setter = mapped.clone();
        buffer.map_async(wgpu::MapMode::Read, .., move |result| setter.set(result.is_ok()));
        context.poll(wgpu::PollType::wait_indefinitely());
        if !mapped.await {
            return Err(context.check().err().unwrap_or(Error::ReadBack));
        }
        let rows = buffer.get_mapped_range(..).map_err(|_| Error::ReadBack)?;
        Ok(Frame::from_padded_rows(size, &rows, stride as usize))
    }
}

impl Acquired {
    /// Shows the frame where the target is a canvas; its commands must have been submitted.
    pub(super) fn present(self, context: &Context) {
        if let Some(texture) = self.present {
            context.queue.present(texture);
        }
    }
}

fn next(surface: &wgpu::Surface<'static>) -> Option<wgpu::SurfaceTexture> {
    match surface.get_current_texture() {
        wgpu::CurrentSurfaceTexture::Success(texture) | wgpu::CurrentSurfaceTexture::Suboptimal(texture) => {
            Some(texture)
        }
        _ => None,
    }
}

fn offscreen(context: &Context, size: Size) -> wgpu::Texture {
    context.device.create_texture(&wgpu::TextureDescriptor {
        label: Some("Output::texture"),
        size: wgpu::Extent3d { width: size.width, height: size.height, depth_or_array_layers: 1 },
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: wgpu::TextureFormat::Rgba8Unorm,
        usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC,
        view_formats: &[],
    })
}

fn configuration(format: wgpu::TextureFormat, size: Size) -> wgpu::SurfaceConfiguration {
    wgpu::SurfaceConfiguration {
        usage: wgpu::TextureUsages::RENDER_ATTACHMENT,
        format,
        color_space: wgpu::SurfaceColorSpace::Auto,
        width: size.width,
        height: size.height,
        present_mode: wgpu::PresentMode::Fifo,
        desired_maximum_frame_latency: 2,
        // The page's background shows where the image is not.
        alpha_mode: wgpu::CompositeAlphaMode::PreMultiplied,
        view_formats: Vec::new(),
    }
}

fn size_of(texture: &wgpu::Texture) -> Size {
    Size::new(texture.width(), texture.height())
}

fn labelled(label: &'static str) -> wgpu::TextureViewDescriptor<'static> {
    wgpu::TextureViewDescriptor { label: Some(label), ..wgpu::TextureViewDescriptor::default() }
}
