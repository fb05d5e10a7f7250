//! The turn of an opened image for display, as its file states it, and of its masks with it.

use std::io::Cursor;

use wasm_bindgen::prelude::wasm_bindgen;

use crate::dataset::{ImageFrame, MaskFrame};
use crate::geometry::{Orientation, Size};
use crate::pixels::exif;
use crate::rle::Mask;

/// The number of the EXIF orientation that the beginning of a JPEG, PNG or WebP file states, 1 to 8; 1 where
/// it states none.
#[wasm_bindgen(js_name = exifOrientation)]
pub fn exif_orientation(bytes: &[u8]) -> u8 {
    exif::orientation(Cursor::new(bytes)).to_exif()
}

/// Returns the run boundaries of a mask on an image as displayed, where its size says that it lies on the
/// image as stored; `undefined` where it does not, or where the mask cannot be turned. `width` and `height`
/// are those of the image as displayed, `orientation` is its EXIF orientation, 1 to 8.
#[wasm_bindgen(js_name = turnedMask)]
pub fn turned_mask(
    mask_height: u32,
    mask_width: u32,
    boundaries: Vec<u32>,
    width: u32,
    height: u32,
    orientation: u8,
) -> Option<Vec<u32>> {
    let (mask, orientation) = (Size::new(mask_width, mask_height), Orientation::from_exif(orientation));
    let frame = ImageFrame { displayed: Size::new(width, height), orientation };
    if frame.of_mask_size(mask) != MaskFrame::Stored {
        return None;
    }
    let turned = Mask::from_boundaries(mask, boundaries).ok()?.oriented(orientation).ok()?;
    Some(turned.boundaries().to_vec())
}
