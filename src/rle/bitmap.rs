//! Masks from bitmaps and bitmaps from masks, where a model or an export needs one.

use super::mask::checked_pixels;
use super::{Error, Mask};
use crate::geometry::Size;

/// The most pixels a bitmap is made for: 2²⁸, a picture of 16,384 × 16,384.
pub const MOST_BITMAP_PIXELS: u64 = 1 << 28;

impl Mask {
    /// The mask of a row-major bitmap: `height * width` bytes, anything but 0 is set.
    pub fn from_row_major(size: Size, bitmap: &[u8]) -> Result<Self, Error> {
        check_length(size, bitmap)?;
        let (width, height) = (size.width as usize, size.height as usize);
        Self::from_values(size, (0..width).flat_map(|x| (0..height).map(move |y| bitmap[y * width + x] != 0)))
    }

    /// The mask of a column-major bitmap: `height * width` bytes, anything but 0 is set (maskApi `rleEncode`).
    pub fn from_column_major(size: Size, bitmap: &[u8]) -> Result<Self, Error> {
        check_length(size, bitmap)?;
        Self::from_values(size, bitmap.iter().map(|&value| value != 0))
    }

    /// The column-major bitmap: `height * width` bytes, 0 or 1 (maskApi `rleDecode`).
    pub fn to_column_major(&self) -> Result<Vec<u8>, Error> {
        let mut bitmap = vec![0; bitmap_length(self.size())?];
        for run in self.runs() {
            bitmap[run.start as usize..run.end as usize].fill(1);
        }
        Ok(bitmap)
    }

    /// The row-major bitmap: `height * width` bytes, 0 or 1.
    pub fn to_row_major(&self) -> Result<Vec<u8>, Error> {
        let (width, height) = (self.size().width as usize, self.size().height as usize);
        let mut bitmap = vec![0; bitmap_length(self.size())?];
        for run in self.runs() {
            for index in run.start as usize..run.end as usize {
                bitmap[index % height * width + index / height] = 1;
            }
        }
        Ok(bitmap)
    }

    fn from_values(size: Size, column_major: impl Iterator<Item = bool>) -> Result<Self, Error> {
        let mut boundaries = Vec::new();
        let mut last = false;
        for (index, value) in column_major.enumerate() {
            if value != last {
                boundaries.push(index as u32);
                last = value;
            }
        }
        if last {
            boundaries.push(checked_pixels(size)?);
        }
        Self::from_boundaries(size, boundaries)
    }
}

fn check_length(size: Size, bitmap: &[u8]) -> Result<(), Error> {
    checked_pixels(size)?;
    if bitmap.len() as u64 == size.pixels() { Ok(()) } else { Err(Error::BitmapLength { size, actual: bitmap.len() }) }
}

fn bitmap_length(size: Size) -> Result<usize, Error> {
    let actual = size.pixels();
    if actual > MOST_BITMAP_PIXELS {
        return Err(Error::Limit { what: "pixels of a bitmap", limit: MOST_BITMAP_PIXELS, actual });
    }
    Ok(actual as usize)
}
