//! The GPU device: opening it, its limits, the errors it reports and its loss.
//!
//! Each user opens its own device: the renderer one that can present to its canvas, a computation that
//! draws nothing one without a surface.

mod device;
mod signal;

pub use device::{Adapters, Error, LostReason};
pub(crate) use device::{Device, new_instance};
pub(crate) use signal::Signal;
