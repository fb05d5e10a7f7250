//! What can be wrong with a scene or with the machine that draws it, by whose fault.

use crate::geometry::Size;

/// Why something could not be put into a scene or drawn.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A mask is not of the image's size; give the record's finding to the person and leave it out.
    #[error("mask {at} is {actual}, its image is {expected}")]
    MaskSize {
        /// Which mask of the overlay.
        at: usize,
        /// The scene's size.
        expected: Size,
        /// The mask's size.
        actual: Size,
    },
    /// A box has a corner that is not a finite number.
    #[error("box {at} has a corner that is no finite number")]
    Box {
        /// Which box of the overlay.
        at: usize,
    },
    /// An image's bytes are not `4 * width * height`.
    #[error("an RGBA image of {size} needs {expected} bytes, not {actual}", expected = 4 * size.pixels())]
    ImageLength {
        /// The size given.
        size: Size,
        /// The bytes given.
        actual: usize,
    },
    /// A view's scale, position or pixel ratio is not finite, or not positive where it must be.
    #[error("the view's scale, position and pixel ratio must be finite, scale and ratio above zero")]
    View,
    /// A stated limit would be passed; nothing was allocated.
    #[error("{what}: {actual} is over the limit of {limit}")]
    Limit {
        /// What is limited.
        what: &'static str,
        /// The most that is taken.
        limit: u64,
        /// What was asked for.
        actual: u64,
    },
    /// There is no GPU device, or it was lost or refused its work.
    #[cfg(feature = "gpu")]
    #[error(transparent)]
    Gpu(#[from] crate::gpu::Error),
    /// The canvas takes no WebGPU context, most often because it has a context of another kind already.
    #[cfg(feature = "gpu")]
    #[error("the canvas takes no WebGPU surface: {0}")]
    Surface(#[from] wgpu::CreateSurfaceError),
    /// The adapter cannot present to this canvas.
    #[cfg(feature = "gpu")]
    #[error("the adapter offers no format for this canvas")]
    SurfaceFormat,
    /// An image could not be scaled down to the GPU's limit on a 2D canvas.
    #[error("the image could not be scaled from {from} to {to}")]
    ImageScaling {
        /// The image's own size.
        from: Size,
        /// The size asked for.
        to: Size,
    },
    /// The GPU did not hand back what it drew.
    #[cfg(feature = "gpu")]
    #[error("the drawn frame could not be read back")]
    ReadBack,
    /// Only an offscreen target can be read back.
    #[cfg(feature = "gpu")]
    #[error("a canvas cannot be read back; draw to an offscreen target")]
    NotOffscreen,
}
