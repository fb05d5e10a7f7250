//! The boundary to JavaScript: classes over the crate, documented for those who call them from JavaScript.
//!
//! Every failure becomes a JavaScript `Error` with a stable `code`. A page loads two modules: a small one
//! that draws (feature `viewer`), and in its workers one that reads files and runs models (`workers`);
//! the explorer's worker has one of its own (`explorer`).
//! `worker`, `host` and `ort` implement [`Host`](crate::model::Host) over ONNX Runtime Web.

#[cfg(feature = "workbench")]
mod bench;
#[cfg(feature = "workers")]
mod cell_files;
#[cfg(feature = "workers")]
mod dataset;
#[cfg(any(feature = "viewer", feature = "workers", feature = "explorer", feature = "workbench"))]
mod error;
#[cfg(feature = "viewer")]
pub mod exif;
#[cfg(feature = "explorer")]
mod explorer;
#[cfg(any(feature = "viewer", feature = "workers"))]
pub mod hash;
#[cfg(feature = "workers")]
mod host;
#[cfg(feature = "viewer")]
mod image_files;
#[cfg(feature = "workers")]
mod local_index;
#[cfg(feature = "workers")]
mod object;
#[cfg(feature = "workers")]
mod ort;
#[cfg(feature = "workbench")]
mod render_test;
#[cfg(feature = "workers")]
mod rle;
#[cfg(feature = "viewer")]
mod surface;
#[cfg(feature = "viewer")]
pub mod viewer;
#[cfg(feature = "workers")]
mod worker;
#[cfg(any(feature = "workers", feature = "explorer"))]
mod worker_fetch;

/// Makes a panic's message and place readable in the console; a module calls it when it is loaded.
pub fn start() {
    console_error_panic_hook::set_once();
}
