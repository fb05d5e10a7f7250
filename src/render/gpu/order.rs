//! The depth texture that keeps the last stroke of each pixel's outlines, in whatever order they are drawn.
//!
//! The casing and the core of a segment are one rectangle, so a scene's outlines need half the triangles.
//! Their order, that of the CPU renderer, becomes the depth: masks from first to last, the hovered and the
//! selected one above them, and of each the casing below the core.

use crate::geometry::Size;
use crate::gpu::Device;

/// Maximum number of overlays in a scene; each has two orders, of its casing and of its core.
pub(super) const MAX_OVERLAYS: u64 = 1 << 21;
/// Number of orders: integers that 32-bit floats hold exactly.
#[cfg(test)]
pub(super) const ORDERS: u64 = 1 << 24;
/// Index of no overlay, where none is hovered or selected.
pub(super) const NONE: u32 = u32::MAX;

const FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Depth32Float;

/// The depth texture, of the size of the last frame.
#[derive(Default)]
pub(super) struct OrderTexture {
    texture: Option<wgpu::Texture>,
}

impl OrderTexture {
    /// Returns a view of the texture for a frame of `size`, whose sides are within the device's limit.
    pub(super) fn view(&mut self, device: &Device, size: Size) -> wgpu::TextureView {
        let same = |texture: &wgpu::Texture| (texture.width(), texture.height()) == (size.width, size.height);
        let texture = self.texture.take().filter(same).unwrap_or_else(|| create(device, size));
        self.texture.insert(texture).create_view(&wgpu::TextureViewDescriptor {
            label: Some("OrderTexture::view"),
            ..wgpu::TextureViewDescriptor::default()
        })
    }

    /// Returns the bytes of the texture.
    pub(super) fn bytes(&self) -> u64 {
        let size = |texture: &wgpu::Texture| Size::new(texture.width(), texture.height());
        self.texture.as_ref().map_or(0, |texture| 4 * size(texture).pixels())
    }
}

/// Returns the depth test of a pipeline: outlines pass where nothing of a higher order is, the rest always.
pub(super) fn depth_test(ordered: bool) -> wgpu::DepthStencilState {
    let compare = if ordered { wgpu::CompareFunction::GreaterEqual } else { wgpu::CompareFunction::Always };
    wgpu::DepthStencilState {
        format: FORMAT,
        depth_write_enabled: Some(ordered),
        depth_compare: Some(compare),
        stencil: wgpu::StencilState::default(),
        bias: wgpu::DepthBiasState::default(),
    }
}

fn create(device: &Device, size: Size) -> wgpu::Texture {
    device.handle.create_texture(&wgpu::TextureDescriptor {
        label: Some("OrderTexture::texture"),
        size: wgpu::Extent3d { width: size.width, height: size.height, depth_or_array_layers: 1 },
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: FORMAT,
        usage: wgpu::TextureUsages::RENDER_ATTACHMENT,
        view_formats: &[],
    })
}
