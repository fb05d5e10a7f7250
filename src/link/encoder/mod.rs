//! Image encoders: their manifest, the input for a mask, and features pooled over the mask.

pub(super) mod input;
pub mod manifest;
pub mod pool;
pub mod run;

pub use input::EncodeError;
pub use manifest::{EncoderManifest, EncoderView, ManifestError};
pub use pool::{FeatureMap, PoolError};
