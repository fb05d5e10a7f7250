//! The hash that names images and models, for pages whose browser computes none.

use wasm_bindgen::prelude::wasm_bindgen;

use crate::link::protocol;

/// The SHA-256 of bytes in lower-case hexadecimal, for pages that are no secure context and so lack
/// `crypto.subtle`.
#[wasm_bindgen(js_name = sha256Hex)]
pub fn sha256_hex(bytes: &[u8]) -> String {
    protocol::sha256_hex(bytes)
}
