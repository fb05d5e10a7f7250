//! COCO's compressed strings (maskApi `rleFrString`, `rleToString`): run lengths as differences in
//! 5-bit groups.
//!
//! A character holds `'0' +` six bits: five of the number, lowest group first, and in bit 5 whether
//! more follow. From the fourth run on a number is the difference to the run two before.

use super::builder::Builder;
use super::{Error, Mask, compressed_quick};
use crate::geometry::Size;

/// Seven groups hold 35 bits: every difference of two 32-bit lengths.
pub(super) const MAX_GROUPS: usize = 7;

impl Mask {
    /// Reads COCO's compressed counts. The size is not part of the string.
    ///
    /// ```
    /// use masklink::{geometry::Size, rle::{Error, Mask}};
    ///
    /// let mask = Mask::from_compressed(Size::new(3, 3), "414")?;
    /// assert_eq!(mask.boundaries(), [4, 5]);
    /// assert_eq!(Mask::from_compressed(Size::new(3, 3), "4!3"), Err(Error::Character { at: 1, found: b'!' }));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn from_compressed(size: Size, counts: &str) -> Result<Self, Error> {
        let bytes = counts.as_bytes();
        let runs = compressed_quick::count_numbers(bytes);
        if let Some(mask) = compressed_quick::read(Builder::new(size, runs)?, bytes) {
            return Ok(mask);
        }
        let mut builder = Builder::new(size, runs)?;
        // The lengths of the last two runs, that of the even one first.
        let mut before = [0_i64; 2];
        let mut at = 0;
        while at < bytes.len() {
            let (difference, next) = number(bytes, at)?;
            let run = builder.runs();
            let length = if run > 2 { difference + before[run % 2] } else { difference };
            let checked = u32::try_from(length).map_err(|_| Error::RunLength { at: run, length })?;
            builder.push_run(checked)?;
            before[run % 2] = length;
            at = next;
        }
        builder.finish()
    }

    /// COCO's compressed counts of this mask, as pycocotools' `encode` writes them.
    ///
    /// ```
    /// use masklink::{geometry::Size, rle::Mask};
    ///
    /// let mask = Mask::from_counts(Size::new(3, 3), [4, 1, 4])?;
    /// assert_eq!(mask.to_compressed(), "414");
    /// # Ok::<(), masklink::rle::Error>(())
    /// ```
    pub fn to_compressed(&self) -> String {
        let counts = self.counts();
        let mut text = String::with_capacity(counts.len() * 2);
        for (run, &length) in counts.iter().enumerate() {
            let before = if run > 2 { i64::from(counts[run - 2]) } else { 0 };
            push_number(&mut text, i64::from(length) - before);
        }
        text
    }
}

/// One signed number from `bytes[start..]`, and where the next begins.
pub(super) fn number(bytes: &[u8], start: usize) -> Result<(i64, usize), Error> {
    let mut value = 0_i64;
    for group in 0..MAX_GROUPS {
        let at = start + group;
        let &found = bytes.get(at).ok_or(Error::Truncated { at: start })?;
        let bits = found.wrapping_sub(48);
        if bits >= 64 {
            return Err(Error::Character { at, found });
        }
        value |= i64::from(bits & 0x1f) << (5 * group);
        if bits & 0x20 == 0 {
            if bits & 0x10 != 0 {
                value |= -1 << (5 * (group + 1));
            }
            return Ok((value, at + 1));
        }
    }
    Err(Error::LongNumber { at: start })
}

/// Writes one signed number in as few characters as hold it.
fn push_number(text: &mut String, mut rest: i64) {
    loop {
        let group = (rest & 0x1f) as u8;
        rest >>= 5;
        let more = if group & 0x10 != 0 { rest != -1 } else { rest != 0 };
        text.push(char::from(group + 48 + if more { 0x20 } else { 0 }));
        if !more {
            return;
        }
    }
}
