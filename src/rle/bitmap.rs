//! Converts bitmaps to masks and masks to bitmaps, for models and exports.

use super::builder::close;
use super::limits::{MAX_BITMAP_PIXELS, checked_pixels, within};
use super::{Error, Mask};
use crate::geometry::Size;

impl Mask {
    /// Reads a row-major bitmap: `height * width` bytes, every byte but 0 is set.
    pub fn from_row_major(size: Size, bitmap: &[u8]) -> Result<Self, Error> {
        /// Number of columns transposed at once: a cache line of each row.
        const STRIP: usize = 64;
        let mut changes = Changes::new(size, bitmap)?;
        let (width, height) = (size.width as usize, size.height as usize);
        if bitmap.is_empty() {
            return Ok(changes.finish(size));
        }
        let mut strip = vec![0; height * STRIP.min(width)];
        for left in (0..width).step_by(STRIP) {
            let columns = STRIP.min(width - left);
            for (y, row) in bitmap.chunks_exact(width).enumerate() {
                for (x, &value) in row[left..left + columns].iter().enumerate() {
                    strip[x * height + y] = value;
                }
            }
            changes.read(&strip[..height * columns]);
        }
        Ok(changes.finish(size))
    }

    /// Reads a column-major bitmap: `height * width` bytes, every byte but 0 is set (maskApi `rleEncode`).
    pub fn from_column_major(size: Size, bitmap: &[u8]) -> Result<Self, Error> {
        let mut changes = Changes::new(size, bitmap)?;
        changes.read(bitmap);
        Ok(changes.finish(size))
    }

    /// Returns the column-major bitmap: `height * width` bytes, 0 or 1 (maskApi `rleDecode`).
    pub fn to_column_major(&self) -> Result<Vec<u8>, Error> {
        let mut bitmap = vec![0; bitmap_length(self.size())?];
        for run in self.runs() {
            bitmap[run.start as usize..run.end as usize].fill(1);
        }
        Ok(bitmap)
    }

    /// Returns the row-major bitmap: `height * width` bytes, 0 or 1.
    ///
    /// ```
    /// use masklink::{geometry::Size, rle::Mask};
    ///
    /// let mask = Mask::from_counts(Size::new(3, 2), [1, 2, 3])?;
    /// assert_eq!(mask.to_row_major()?, [0, 1, 0, 1, 0, 0]);
    /// # Ok::<(), masklink::rle::Error>(())
    /// ```
    pub fn to_row_major(&self) -> Result<Vec<u8>, Error> {
        let mut bitmap = vec![0_u8; bitmap_length(self.size())?];
        if self.is_empty() {
            return Ok(bitmap);
        }
        let (width, height) = (self.size().width as usize, self.size().height as usize);
        // The run ends first mark each pixel that differs from the one above it; then each row is
        // added to the next, in the order of the bytes and eight at a time.
        for run in self.runs() {
            let (start, end) = (run.start as usize, run.end as usize);
            let (first, last) = (start / height, end / height);
            bitmap[start % height * width + first] ^= 1;
            for value in &mut bitmap[first + 1..(last + 1).min(width)] {
                *value ^= 1;
            }
            if last < width {
                bitmap[end % height * width + last] ^= 1;
            }
        }
        for y in 1..height {
            let (above, below) = bitmap[(y - 1) * width..(y + 1) * width].split_at_mut(width);
            let ((blocks, rest), (blocks_above, rest_above)) = (below.as_chunks_mut(), above.as_chunks());
            for (block, &over) in blocks.iter_mut().zip(blocks_above) {
                *block = (u64::from_ne_bytes(*block) ^ u64::from_ne_bytes(over)).to_ne_bytes();
            }
            for (value, over) in rest.iter_mut().zip(rest_above) {
                *value ^= over;
            }
        }
        Ok(bitmap)
    }
}

/// Collects the positions at which a column-major stream of values changes.
struct Changes {
    boundaries: Vec<u32>,
    set: bool,
    position: u32,
}

impl Changes {
    fn new(size: Size, bitmap: &[u8]) -> Result<Self, Error> {
        checked_pixels(size)?;
        if bitmap.len() as u64 != size.pixels() {
            return Err(Error::BitmapLength { size, actual: bitmap.len() });
        }
        Ok(Self { boundaries: Vec::new(), set: false, position: 0 })
    }

    fn read(&mut self, values: &[u8]) {
        const AT_ONCE: usize = 16;
        for chunk in values.chunks(AT_ONCE) {
            let set = chunk.iter().fold(0, |set, &value| set + usize::from(value != 0));
            // Most pixels lie within a run, so most chunks have no change.
            if set != if self.set { chunk.len() } else { 0 } {
                for (index, &value) in (self.position..).zip(chunk) {
                    if (value != 0) != self.set {
                        self.boundaries.push(index);
                        self.set = value != 0;
                    }
                }
            }
            self.position += chunk.len() as u32;
        }
    }

    fn finish(mut self, size: Size) -> Mask {
        close(&mut self.boundaries, self.position);
        Mask::from_sorted(size, self.boundaries)
    }
}

fn bitmap_length(size: Size) -> Result<usize, Error> {
    within("pixels of a bitmap", MAX_BITMAP_PIXELS, size.pixels())?;
    Ok(size.pixels() as usize)
}
