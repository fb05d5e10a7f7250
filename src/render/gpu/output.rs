//! The textures that frames are drawn to: those of a canvas's surface, or one that can be read back.

use crate::geometry::Size;
use crate::gpu::{Device, Signal};
use crate::render::{Error, Frame};

/// The target on an open device.
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
    pub(super) fn new(surface: Option<wgpu::Surface<'static>>, device: &Device) -> Result<Self, Error> {
        let Some(surface) = surface else { return Ok(Self::Texture { drawn: None }) };
        // Values are written as they are encoded, so that blending matches a 2D canvas.
        let formats = surface.get_capabilities(&device.adapter).formats;
        let format = formats.into_iter().find(|format| !format.is_srgb()).ok_or(Error::SurfaceFormat)?;
        Ok(Self::Surface { surface, format, configured: None })
    }

    pub(super) fn format(&self) -> wgpu::TextureFormat {
        match self {
            Self::Texture { .. } => wgpu::TextureFormat::Rgba8Unorm,
            Self::Surface { format, .. } => *format,
        }
    }

    /// Returns the texture for the next frame of `size`; `None` where the canvas accepts no frame now.
    pub(super) fn acquire(&mut self, device: &Device, size: Size) -> Result<Option<Acquired>, Error> {
        let (limit, actual) = (u64::from(device.max_texture_side()), u64::from(size.longest_side()));
        if actual > limit {
            return Err(Error::Limit { what: "pixels of the canvas's side", limit, actual });
        }
        match self {
            Self::Texture { drawn } => {
                let texture = drawn.take().filter(|texture| size_of(texture) == size);
                let texture = drawn.insert(texture.unwrap_or_else(|| offscreen(device, size)));
                Ok(Some(Acquired {
                    view: texture.create_view(&labelled("Output::texture_view")),
                    present: None,
                }))
            }
            Self::Surface { surface, format, configured } => {
                if *configured != Some(size) {
                    surface.configure(&device.handle, &configuration(*format, size));
                    *configured = Some(size);
                }
                let texture = next(surface).or_else(|| {
                    surface.configure(&device.handle, &configuration(*format, size));
                    next(surface)
                });
                Ok(texture.map(|texture| Acquired {
                    view: texture.texture.create_view(&labelled("Output::surface_view")),
                    present: Some(texture),
                }))
            }
        }
    }

    /// Returns the bytes of the texture; 0 for a canvas, whose memory the browser owns.
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Self::Texture { drawn } => drawn.as_ref().map_or(0, |texture| 4 * size_of(texture).pixels()),
            Self::Surface { .. } => 0,
        }
    }

    /// Reads the frame last drawn to a texture.
    pub(super) async fn read_back(&self, device: &Device) -> Result<Frame, Error> {
        let Self::Texture { drawn: Some(texture) } = self else { return Err(Error::NotOffscreen) };
        let size = size_of(texture);
        let stride = (4 * size.width).next_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT);
        let bytes = u64::from(stride) * u64::from(size.height);
        let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
        let buffer = device.buffer("Output::read_back", bytes, usage);
        let descriptor = wgpu::CommandEncoderDescriptor { label: Some("Output::read_back_encoder") };
        let mut encoder = device.handle.create_command_encoder(&descriptor);
        let layout =
            wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(stride), rows_per_image: None };
        let destination = wgpu::TexelCopyBufferInfo { buffer: &buffer, layout };
        encoder.copy_texture_to_buffer(texture.as_image_copy(), destination, texture.size());
        device.queue.submit([encoder.finish()]);
        let mapped = Signal::new();
        let setter = mapped.clone();
        buffer.map_async(wgpu::MapMode::Read, .., move |result| setter.set(result.is_ok()));
        device.poll(wgpu::PollType::wait_indefinitely());
        if !mapped.await {
            return Err(device.check().err().map_or(Error::ReadBack, Error::Gpu));
        }
        let rows = buffer.get_mapped_range(..).map_err(|_| Error::ReadBack)?;
        Ok(Frame::from_padded_rows(size, &rows, stride as usize))
    }
}

impl Acquired {
    /// Presents the frame where the target is a canvas; its commands must have been submitted.
    pub(super) fn present(self, device: &Device) {
        if let Some(texture) = self.present {
            device.queue.present(texture);
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

fn offscreen(device: &Device, size: Size) -> wgpu::Texture {
    device.handle.create_texture(&wgpu::TextureDescriptor {
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
