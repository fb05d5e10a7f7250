//! The hash that names pictures and models, for pages whose browser computes none.

use sha2::{Digest, Sha256};
use wasm_bindgen::prelude::wasm_bindgen;

/// The SHA-256 of bytes in lower-case hexadecimal, for pages that are no secure context and so lack `crypto.subtle`.
#[wasm_bindgen(js_name = sha256Hex)]
pub fn sha256_hex(bytes: &[u8]) -> String {
    let digits = Sha256::digest(bytes).into_iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}
