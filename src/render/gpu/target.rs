//! Destination of a renderer's frames: a canvas of the page, or a texture in GPU memory.

use crate::render::Error;

/// Destination of a renderer's frames.
#[derive(Clone, Debug)]
pub enum Target {
    /// A texture in GPU memory, read by [`super::GpuRenderer::read_back`].
    Offscreen,
    /// A canvas of the page. Its width and height follow the view's canvas size.
    #[cfg(target_arch = "wasm32")]
    Canvas(web_sys::HtmlCanvasElement),
}

impl Target {
    /// Creates the surface of a canvas; `None` for a texture.
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
