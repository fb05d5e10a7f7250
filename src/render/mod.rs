//! Draws masks over an image: on the GPU from run boundaries, and the same on the CPU.
//!
//! A [`Scene`] holds the overlays, a [`View`] the position of the image, a [`Style`] the appearance.
//! [`CpuRenderer`] is the specification, the fallback without a graphics card and the oracle of the
//! tests; [`GpuRenderer`] (feature `gpu`) draws the same pixels within the tolerance stated at its
//! test. Both blend in order, premultiplied, in sRGB-encoded values as a 2D canvas does: the image,
//! then the fill of each mask, then the outline and the boxes of each mask, then the outlines of the
//! hovered and of the selected mask once more, so that they are never covered.
//!
//! ```
//! use masklink::geometry::{Point, Size};
//! use masklink::render::{CpuRenderer, Overlay, Scene, Style, View};
//! use masklink::rle::Mask;
//!
//! let size = Size::new(4, 3);
//! let mask = Mask::from_counts(size, [4, 1, 2, 2, 3])?;
//! let mut scene = Scene::new(size)?;
//! scene.push(Overlay { masks: vec![mask], ..Overlay::default() })?;
//! let view = View::fit(Size::new(400, 300), 1.0, size);
//! let style = Style::default();
//! let frame = CpuRenderer::new(scene.into()).draw(&view, &style)?;
//! assert_eq!(frame.size(), Size::new(400, 300));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod columns;
mod cpu;
mod error;
mod frame;
#[cfg(feature = "gpu")]
mod gpu;
mod line;
mod outline;
mod palette;
mod scene;
mod source_image;
mod style;
mod view;

pub use cpu::CpuRenderer;
pub use error::Error;
pub use frame::Frame;
#[cfg(feature = "gpu")]
pub use gpu::{Drawn, GpuMemory, GpuRenderer, ImageFit, Target};
pub use palette::{Color, PALETTE};
pub use scene::{MAX_SIDE, Overlay, Scene};
pub use source_image::SourceImage;
pub use style::{ColorBy, Style};
pub use view::View;
