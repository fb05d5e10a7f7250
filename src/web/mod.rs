//! The boundary to JavaScript: what the page and its workers may call.

mod segment;

pub use segment::{Segmenter, sha256_hex};

use wasm_bindgen::prelude::wasm_bindgen;

/// The version of this module, as in `Cargo.toml`.
#[wasm_bindgen(js_name = version)]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}
