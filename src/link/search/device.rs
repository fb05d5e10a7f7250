//! The choice of the device that searches.

use std::str::FromStr;

/// The device that searches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Device {
    /// A graphics card if there is one and the index is large, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The GPU whose name contains this text, or the default one, even one that the CPU emulates.
    Gpu(Option<String>),
}

/// Errors of preparing a device for the search.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// The program was built without the feature `gpu`.
    #[error("this program was built without GPU search; use --device cpu, or build it with the feature gpu")]
    NotBuilt,
    /// There is no such GPU.
    #[cfg(all(feature = "gpu", not(target_arch = "wasm32")))]
    #[error(transparent)]
    Gpu(#[from] crate::gpu::Error),
}

impl FromStr for Device {
    type Err = String;

    /// Reads `auto`, `cpu`, `gpu` or `gpu:NAME`.
    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "auto" => Ok(Self::Auto),
            None if text == "cpu" => Ok(Self::Cpu),
            None if text == "gpu" => Ok(Self::Gpu(None)),
            Some(("gpu", name)) if !name.is_empty() => Ok(Self::Gpu(Some(name.to_owned()))),
            _ => Err("expected auto, cpu, gpu or gpu:NAME".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_read_by_their_names() {
        for (text, expected) in [
            ("auto", Some(Device::Auto)),
            ("cpu", Some(Device::Cpu)),
            ("gpu", Some(Device::Gpu(None))),
            ("gpu:llvmpipe (LLVM: 15)", Some(Device::Gpu(Some("llvmpipe (LLVM: 15)".to_owned())))),
            ("gpu:", None),
            ("cpu:0", None),
            ("", None),
        ] {
            assert_eq!(text.parse::<Device>().ok(), expected, "{text}");
        }
    }
}
