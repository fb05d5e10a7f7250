//! How an opened image is turned for display, as its file states it.

use std::io::Cursor;

use wasm_bindgen::prelude::wasm_bindgen;

use crate::pixels::exif;

/// The number of the EXIF orientation that the beginning of a JPEG, PNG or WebP file states, 1 to 8; 1 where
/// it states none.
#[wasm_bindgen(js_name = exifOrientation)]
pub fn exif_orientation(bytes: &[u8]) -> u8 {
    exif::orientation(Cursor::new(bytes)).to_exif()
}
