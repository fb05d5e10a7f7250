//! The GPU device, what it says when something goes wrong, and its loss.

use super::Target;
use super::output::Output;
use super::signal::Signal;
use crate::render::Error;

/// Why a device was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LostReason {
    /// [`super::GpuRenderer::destroy`] or the page destroyed it.
    Destroyed,
    /// The driver, the browser or the system took it away; the text is theirs.
    Unknown {
        /// What the driver or browser said.
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

/// A device, its queue and what they report.
pub(super) struct Context {
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    pub(super) adapter: wgpu::AdapterInfo,
    pub(super) lost: Signal<LostReason>,
    /// The first error that no call answered for.
    fault: Signal<String>,
}

impl Context {
    /// Opens a device that can draw to the target, and the target's output.
    pub(super) async fn open(target: &Target) -> Result<(Self, Output), Error> {
        let backends = if cfg!(target_arch = "wasm32") {
            wgpu::Backends::BROWSER_WEBGPU
        } else {
            wgpu::Backends::PRIMARY
        };
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
            backends,
            ..wgpu::InstanceDescriptor::new_without_display_handle()
        });
        let surface = target.surface(&instance)?;
        let adapter = instance
            .request_adapter(&wgpu::RequestAdapterOptions {
                compatible_surface: surface.as_ref(),
                ..wgpu::RequestAdapterOptions::default()
            })
            .await?;
        let (device, queue) = adapter.request_device(&descriptor(&adapter.limits())).await?;
        let output = Output::new(surface, &adapter)?;
        let opened =
            Self { device, queue, adapter: adapter.get_info(), lost: Signal::new(), fault: Signal::new() };
        opened.listen();
        Ok((opened, output))
    }

    /// An error where the device is lost or reported a fault since it was opened.
    pub(super) fn check(&self) -> Result<(), Error> {
        self.poll(wgpu::PollType::Poll);
        if let Some(reason) = self.lost.get() {
            return Err(Error::Lost(reason));
        }
        self.fault.get().map_or(Ok(()), |message| Err(Error::Gpu { message }))
    }

    /// Waits until all submitted work is done.
    pub(super) async fn finish(&self) -> Result<(), Error> {
        let done = Signal::new();
        let setter = done.clone();
        self.queue.on_submitted_work_done(move || setter.set(()));
        self.poll(wgpu::PollType::wait_indefinitely());
        self.check()?;
        done.await;
        Ok(())
    }

    /// Lets callbacks run; a browser runs them by itself.
    pub(super) fn poll(&self, how: wgpu::PollType) {
        if let Err(error) = self.device.poll(how) {
            self.fault.set(error.to_string());
        }
    }

    /// The most bytes of one storage buffer.
    pub(super) fn max_buffer_bytes(&self) -> u64 {
        let limits = self.device.limits();
        limits.max_storage_buffer_binding_size.min(limits.max_buffer_size)
    }

    /// The longest side of a texture.
    pub(super) fn max_side(&self) -> u32 {
        self.device.limits().max_texture_dimension_2d
    }

    fn listen(&self) {
        let lost = self.lost.clone();
        self.device.set_device_lost_callback(move |reason, message| {
            lost.set(match reason {
                wgpu::DeviceLostReason::Destroyed => LostReason::Destroyed,
                wgpu::DeviceLostReason::Unknown => LostReason::Unknown { message },
            });
        });
        let fault = self.fault.clone();
        self.device
            .on_uncaptured_error(std::sync::Arc::new(move |error: wgpu::Error| fault.set(error.to_string())));
    }
}

fn descriptor(adapter: &wgpu::Limits) -> wgpu::DeviceDescriptor<'static> {
    let required_limits = wgpu::Limits {
        max_texture_dimension_2d: adapter.max_texture_dimension_2d,
        max_storage_buffer_binding_size: adapter.max_storage_buffer_binding_size,
        max_buffer_size: adapter.max_buffer_size,
        ..wgpu::Limits::default()
    };
    wgpu::DeviceDescriptor { label: Some("Device"), required_limits, ..wgpu::DeviceDescriptor::default() }
}
