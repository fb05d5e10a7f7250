//! The boundary to JavaScript: thin classes over the crate, their documentation written for the reader of JavaScript.
//!
//! Nothing is computed here. Every failure becomes a JavaScript `Error` with a stable `code`.

mod bench;
mod dataset;
mod error;
mod link;
mod link_in_page;
#[cfg(feature = "browser-tests")]
mod render_test;
mod rle;
pub mod segment;
mod surface;
mod viewer;

use wasm_bindgen::prelude::wasm_bindgen;

use crate::app::Address;

/// Makes a panic's message and place readable in the console; the module calls it when it is loaded.
#[wasm_bindgen(start)]
pub fn start() {
    console_error_panic_hook::set_once();
}

/// Reads the part of an address after `#` into JSON: `{"picture", "view": {"x", "y", "scale"}, "mask"}`, each may be null.
#[wasm_bindgen(js_name = parseAddress)]
pub fn parse_address(hash: &str) -> Result<String, wasm_bindgen::JsValue> {
    error::to_json(&Address::parse(hash))
}

/// Writes what `parseAddress` reads, without `#`.
#[wasm_bindgen(js_name = formatAddress)]
pub fn format_address(json: &str) -> Result<String, wasm_bindgen::JsValue> {
    error::from_json::<Address>(json).map(|address| address.to_hash())
}
