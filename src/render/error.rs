//! Errors of scenes and renderers, sorted by fault.

use crate::geometry::Size;

/// A scene that cannot be built, or a frame that cannot be drawn.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A mask does not have the image's size; leave the overlay out and report it.
    #[error("mask {at} has the size {actual}, but its image has {expected}")]
    MaskSize {
        /// Index of the mask in the overlay.
        at: usize,
        /// Size of the scene.
        expected: Size,
        /// Size of the mask.
        actual: Size,
    },
    /// A box has a corner that is not a finite number; leave the box out.
    #[error("box {at} has a corner that is not a finite number")]
    Box {
        /// Index of the box in the overlay.
        at: usize,
    },
    /// The caller's bytes of an image are not `4 * width * height`.
    #[error("an RGBA image of {size} needs {expected} bytes, not {actual}", expected = 4 * size.pixels())]
    ImageLength {
        /// Size of the image.
        size: Size,
        /// Number of bytes given.
        actual: usize,
    },
    /// The caller's view has a scale, position or pixel ratio that is not finite, or a scale or ratio that
    /// is not positive.
    #[error("the view's scale, position and pixel ratio must be finite, scale and ratio above zero")]
    View,
    /// A size is over a stated limit; nothing was allocated.
    #[error("{what}: {actual} is over the limit of {limit}")]
    Limit {
        /// Name of the limited quantity.
        what: &'static str,
        /// Maximum allowed.
        limit: u64,
        /// Value requested.
        actual: u64,
    },
    /// There is no GPU device, or it was lost or refused its work; see the variants.
    #[cfg(feature = "gpu")]
    #[error(transparent)]
    Gpu(#[from] crate::gpu::Error),
    /// The canvas gives no WebGPU context, most often because it has a context of another kind: draw to
    /// another canvas.
    #[cfg(feature = "gpu")]
    #[error("the canvas gives no WebGPU surface: {0}")]
    Surface(#[from] wgpu::CreateSurfaceError),
    /// The adapter cannot present to this canvas: draw with the CPU renderer.
    #[cfg(feature = "gpu")]
    #[error("the GPU adapter supports no pixel format of this canvas")]
    SurfaceFormat,
    /// The browser could not scale an image down to the GPU's limit on a 2D canvas.
    #[error("the image could not be scaled from {from} to {to}")]
    ImageScaling {
        /// Size of the image.
        from: Size,
        /// Size requested.
        to: Size,
    },
    /// The GPU did not return the pixels that it drew: draw with the CPU renderer.
    #[cfg(feature = "gpu")]
    #[error("the drawn frame could not be read back")]
    ReadBack,
    /// The caller reads back from a canvas; only an offscreen target can be read.
    #[cfg(feature = "gpu")]
    #[error("a canvas cannot be read back; draw to an offscreen target")]
    NotOffscreen,
}
