//! Copies a browser's `ImageBitmap` into a texture without passing through wasm memory.

use wasm_bindgen::JsCast;

use crate::geometry::Size;
use crate::gpu::Device;
use crate::render::Error;

/// Copies the bitmap; where `factor` is not 1, divides its sides by it on a 2D canvas first.
pub(super) fn upload(
    device: &Device,
    texture: &wgpu::Texture,
    bitmap: &web_sys::ImageBitmap,
    factor: u32,
) -> Result<(), Error> {
    let source = if factor == 1 {
        wgpu::ExternalImageSource::ImageBitmap(bitmap.clone())
    } else {
        let from = Size::new(bitmap.width(), bitmap.height());
        let to = Size::new(texture.width(), texture.height());
        let canvas = scaled(bitmap, to).ok_or(Error::ImageScaling { from, to })?;
        wgpu::ExternalImageSource::OffscreenCanvas(canvas)
    };
    let source = wgpu::CopyExternalImageSourceInfo { source, origin: wgpu::Origin2d::ZERO, flip_y: false };
    let destination = wgpu::CopyExternalImageDestInfo {
        texture,
        mip_level: 0,
        origin: wgpu::Origin3d::ZERO,
        aspect: wgpu::TextureAspect::All,
        color_space: wgpu::PredefinedColorSpace::Srgb,
        premultiplied_alpha: true,
    };
    device.queue.copy_external_image_to_texture(&source, destination, texture.size());
    Ok(())
}

fn scaled(bitmap: &web_sys::ImageBitmap, to: Size) -> Option<web_sys::OffscreenCanvas> {
    let canvas = web_sys::OffscreenCanvas::new(to.width, to.height).ok()?;
    let context =
        canvas.get_context("2d").ok()??.dyn_into::<web_sys::OffscreenCanvasRenderingContext2d>().ok()?;
    let (width, height) = (f64::from(to.width), f64::from(to.height));
    context.draw_image_with_image_bitmap_and_dw_and_dh(bitmap, 0.0, 0.0, width, height).ok()?;
    Some(canvas)
}
