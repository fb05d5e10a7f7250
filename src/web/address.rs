//! The part of the page's address after `#`, read and written.

use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::error::{from_json, to_json};
use crate::app::Address;

/// Reads the part of an address after `#` into JSON: `{"image", "view": {"x", "y", "scale"},
/// "mask"}`, each may be null.
#[wasm_bindgen(js_name = parseAddress)]
pub fn parse_address(hash: &str) -> Result<String, JsValue> {
    to_json(&Address::parse(hash))
}

/// Writes what `parseAddress` reads, without `#`.
#[wasm_bindgen(js_name = formatAddress)]
pub fn format_address(json: &str) -> Result<String, JsValue> {
    from_json::<Address>(json).map(|address| address.to_hash())
}
