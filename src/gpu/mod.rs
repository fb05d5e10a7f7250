//! The GPU device: opening it, its limits, the errors it reports and its loss.
//!
//! A device belongs to whoever opens it. The renderer opens one that can present to its canvas;
//! a computation that draws nothing opens one without a surface.

mod device;
mod signal;

pub(crate) use device::{Device, new_instance};
pub use device::{Error, LostReason};
pub(crate) use signal::Signal;
