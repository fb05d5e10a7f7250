//! Masks for JavaScript: decodes COCO's strings and polygons, measures, merges and encodes.

use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::error::js_error;
use crate::geometry::Size;
use crate::rle::{Error, Mask};

/// A list of masks, stored as runs.
///
/// ```js
/// const masks = new Masks();
/// masks.push(4, 6, "5220;");
/// masks.area(0); // 4
/// masks.free();
/// ```
#[wasm_bindgen]
#[derive(Default)]
pub struct Masks(Vec<Mask>);

#[wasm_bindgen]
impl Masks {
    /// Creates an empty list.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the number of masks.
    #[wasm_bindgen(getter)]
    pub fn length(&self) -> usize {
        self.0.len()
    }

    /// Appends the mask of COCO's compressed counts.
    pub fn push(&mut self, height: u32, width: u32, counts: &str) -> Result<(), JsValue> {
        self.0.push(Mask::from_compressed(Size::new(width, height), counts).map_err(of_rle)?);
        Ok(())
    }

    /// Appends many masks in one call: `sizes` has the height and width of each, `lines` the compressed
    /// counts of each as a line of UTF-8.
    #[wasm_bindgen(js_name = pushLines)]
    pub fn push_lines(&mut self, sizes: &[u32], lines: &[u8]) -> Result<(), JsValue> {
        let lines = std::str::from_utf8(lines).map_err(|error| js_error("character", error))?;
        let sizes = sizes.as_chunks().0.iter().map(|&[height, width]| Size::new(width, height));
        let masks = sizes.zip(lines.split('\n')).map(|(size, counts)| Mask::from_compressed(size, counts));
        self.0.extend(masks.collect::<Result<Vec<_>, _>>().map_err(of_rle)?);
        Ok(())
    }

    /// Appends the mask of one polygon, filled as COCO does; `polygon` alternates x and y of its points.
    #[wasm_bindgen(js_name = pushPolygon)]
    pub fn push_polygon(&mut self, height: u32, width: u32, polygon: &[f64]) -> Result<(), JsValue> {
        self.0.push(Mask::from_polygon(Size::new(width, height), polygon).map_err(of_rle)?);
        Ok(())
    }

    /// Returns the compressed counts of a mask; `undefined` if there is no such mask.
    pub fn counts(&self, index: usize) -> Option<String> {
        self.0.get(index).map(Mask::to_compressed)
    }

    /// Returns the number of pixels of a mask; `undefined` if there is no such mask.
    pub fn area(&self, index: usize) -> Option<f64> {
        self.0.get(index).map(|mask| mask.area() as f64)
    }

    /// Returns the bitmap of a mask, row by row, with one byte of 0 or 1 for each pixel.
    #[wasm_bindgen(js_name = toRowMajor)]
    pub fn to_row_major(&self, index: usize) -> Result<Option<Vec<u8>>, JsValue> {
        self.0.get(index).map(Mask::to_row_major).transpose().map_err(of_rle)
    }

    /// Returns the area of the union of each mask and the next in the list; 0 if their sizes differ.
    #[wasm_bindgen(js_name = unionAreas)]
    pub fn union_areas(&self) -> Vec<f64> {
        self.0
            .windows(2)
            .map(|pair| pair[0].union(&pair[1]).map_or(0.0, |union| union.area() as f64))
            .collect()
    }

    /// Removes all masks.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

pub(super) fn of_rle(error: Error) -> JsValue {
    js_error(error.code(), error)
}
