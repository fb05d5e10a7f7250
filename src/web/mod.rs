//! The boundary to JavaScript: thin classes over the crate, their documentation written for the
//! reader of JavaScript.
//!
//! Every failure becomes a JavaScript `Error` with a stable `code`. A
//! page loads two modules of this: the small one that draws (feature `viewer`), and in its workers
//! the one that reads and computes (`workers`).

#[cfg(feature = "workbench")]
mod bench;
#[cfg(feature = "workers")]
mod dataset;
#[cfg(any(feature = "viewer", feature = "workers", feature = "workbench"))]
mod error;
#[cfg(any(feature = "viewer", feature = "workers"))]
pub mod hash;
#[cfg(feature = "workers")]
mod host;
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

/// Makes a panic's message and place readable in the console; a module calls it when it is loaded.
pub fn start() {
    console_error_panic_hook::set_once();
}
