//! One GPU device with its queue, the first error it reported and why it was lost.

use std::sync::Arc;

use super::signal::Signal;

/// Errors of requesting a device and of its work.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No usable GPU: compute on the CPU.
    #[error("no WebGPU adapter: {0}")]
    Adapter(#[from] wgpu::RequestAdapterError),
    /// The only adapter emulates a GPU on the CPU, and [`Adapters::Hardware`] was asked for.
    #[error("the only WebGPU adapter is software{name}", name = in_parentheses(.name))]
    Software {
        /// Name of the adapter; empty where a browser hides it.
        name: String,
    },
    /// No adapter has the wanted name.
    #[error("no GPU has a name with {name:?}; there are: {found}")]
    Name {
        /// Part of the name that was asked for.
        name: String,
        /// Names of the adapters there are, with commas between them.
        found: String,
    },
    /// The GPU's adapter gave no device: compute on the CPU.
    #[error("no WebGPU device: {0}")]
    Device(#[from] wgpu::RequestDeviceError),
    /// The device was lost: open another and upload everything again.
    #[error("the GPU device was lost: {0}")]
    Lost(LostReason),
    /// The GPU refused its work, most often because memory ran out: compute on the CPU.
    #[error("the GPU reported: {message}")]
    Refused {
        /// The driver's or browser's own message.
        message: String,
    },
}

/// The adapters on which a device may be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adapters {
    /// Any adapter, also one that emulates a GPU on the CPU.
    Any,
    /// Only a graphics card; [`Error::Software`] where there is none.
    Hardware,
}

/// Reason for the loss of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LostReason {
    /// This program or the page destroyed it.
    Destroyed,
    /// The driver, the browser or the system took it away.
    Unknown {
        /// The driver's or browser's own message; may be empty.
        message: String,
    },
}

impl std::fmt::Display for LostReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Destroyed => f.write_str("it was destroyed"),
            Self::Unknown { message } if message.is_empty() => f.write_str("no reason was given"),
            Self::Unknown { message } => f.write_str(message),
        }
    }
}

/// An open device and its queue.
pub(crate) struct Device {
    pub(crate) handle: wgpu::Device,
    pub(crate) queue: wgpu::Queue,
    pub(crate) adapter: wgpu::Adapter,
    /// Set once, when the device is lost.
    pub(crate) lost: Signal<LostReason>,
    /// The first error that no call returned.
    uncaptured: Signal<String>,
}

/// Returns the entry point to the platform's graphics libraries, or to the browser's WebGPU.
pub(crate) fn new_instance() -> wgpu::Instance {
    let backends =
        if cfg!(target_arch = "wasm32") { wgpu::Backends::BROWSER_WEBGPU } else { wgpu::Backends::PRIMARY };
    wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends,
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    })
}

impl Device {
    /// Opens a device on one of these adapters; with a surface, one that can present to it.
    pub(crate) async fn open(
        instance: &wgpu::Instance,
        adapters: Adapters,
        compatible_surface: Option<&wgpu::Surface<'static>>,
    ) -> Result<Self, Error> {
        let options =
            wgpu::RequestAdapterOptions { compatible_surface, ..wgpu::RequestAdapterOptions::default() };
        let adapter = instance.request_adapter(&options).await?;
        if adapters == Adapters::Hardware && is_software(&adapter) {
            return Err(Error::Software { name: adapter.get_info().name });
        }
        Self::of_adapter(adapter).await
    }

    /// Opens a device on the first adapter whose name contains `name`, whatever its case.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) async fn open_named(instance: &wgpu::Instance, name: &str) -> Result<Self, Error> {
        let adapters = instance.enumerate_adapters(wgpu::Backends::PRIMARY).await;
        let names: Vec<_> = adapters.iter().map(|adapter| adapter.get_info().name).collect();
        let has_name = |found: &String| found.to_lowercase().contains(&name.to_lowercase());
        match names.iter().position(has_name).and_then(|at| adapters.into_iter().nth(at)) {
            Some(adapter) => Self::of_adapter(adapter).await,
            None => Err(Error::Name { name: name.to_owned(), found: names.join(", ") }),
        }
    }

    async fn of_adapter(adapter: wgpu::Adapter) -> Result<Self, Error> {
        let (handle, queue) = adapter.request_device(&descriptor(&adapter.limits())).await?;
        let opened = Self { handle, queue, adapter, lost: Signal::new(), uncaptured: Signal::new() };
        opened.listen();
        Ok(opened)
    }

    /// Fails where the device is lost or has reported an error since it was opened.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.poll(wgpu::PollType::Poll);
        if let Some(reason) = self.lost.get() {
            return Err(Error::Lost(reason));
        }
        self.uncaptured.get().map_or(Ok(()), |message| Err(Error::Refused { message }))
    }

    /// Waits until all submitted work is done.
    pub(crate) async fn finish(&self) -> Result<(), Error> {
        let done = Signal::new();
        let setter = done.clone();
        self.queue.on_submitted_work_done(move || setter.set(()));
        self.poll(wgpu::PollType::wait_indefinitely());
        self.check()?;
        done.await;
        Ok(())
    }

    /// Runs the callbacks that are due; a browser runs them by itself.
    pub(crate) fn poll(&self, how: wgpu::PollType) {
        if let Err(error) = self.handle.poll(how) {
            self.uncaptured.set(error.to_string());
        }
    }

    /// Creates a buffer of `bytes` bytes that the GPU alone writes, or that copies write.
    pub(crate) fn buffer(&self, label: &str, bytes: u64, usage: wgpu::BufferUsages) -> wgpu::Buffer {
        self.handle.create_buffer(&wgpu::BufferDescriptor {
            label: Some(label),
            size: bytes,
            usage,
            mapped_at_creation: false,
        })
    }

    /// Returns the largest size of one storage buffer in bytes.
    pub(crate) fn max_buffer_bytes(&self) -> u64 {
        let limits = self.handle.limits();
        limits.max_storage_buffer_binding_size.min(limits.max_buffer_size)
    }

    /// Returns the largest width and height of a texture in pixels.
    pub(crate) fn max_texture_side(&self) -> u32 {
        self.handle.limits().max_texture_dimension_2d
    }

    /// Returns whether the adapter emulates a GPU on the CPU.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn is_software(&self) -> bool {
        is_software(&self.adapter)
    }

    /// Returns the adapter's name for a status line, or `WebGPU` where a browser hides it.
    pub(crate) fn adapter_name(&self) -> String {
        let name = self.adapter.get_info().name;
        if name.is_empty() { "WebGPU".to_owned() } else { name }
    }

    fn listen(&self) {
        let lost = self.lost.clone();
        self.handle.set_device_lost_callback(move |reason, message| {
            lost.set(match reason {
                wgpu::DeviceLostReason::Destroyed => LostReason::Destroyed,
                wgpu::DeviceLostReason::Unknown => LostReason::Unknown { message },
            });
        });
        let uncaptured = self.uncaptured.clone();
        let on_error = move |error: wgpu::Error| uncaptured.set(error.to_string());
        self.handle.on_uncaptured_error(Arc::new(on_error));
    }
}

/// Returns whether an adapter emulates a GPU on the CPU, as a browser's fallback adapter does too.
fn is_software(adapter: &wgpu::Adapter) -> bool {
    adapter.get_info().device_type == wgpu::DeviceType::Cpu
}

fn in_parentheses(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!(" ({name})") }
}

/// Requests the adapter's limits where images and masks need more than the defaults.
fn descriptor(adapter: &wgpu::Limits) -> wgpu::DeviceDescriptor<'static> {
    let required_limits = wgpu::Limits {
        max_texture_dimension_2d: adapter.max_texture_dimension_2d,
        max_storage_buffer_binding_size: adapter.max_storage_buffer_binding_size,
        max_buffer_size: adapter.max_buffer_size,
        ..wgpu::Limits::default()
    };
    wgpu::DeviceDescriptor { label: Some("Device"), required_limits, ..wgpu::DeviceDescriptor::default() }
}
