//! COCO's compressed strings (maskApi `rleFrString`, `rleToString`): run lengths as differences in 5-bit groups.
//!
//! A character holds `'0' +` six bits: five of the number, lowest group first, and in bit 5 whether more follow. From
//! the fourth run on a number is the difference to the run two before.

use super::builder::Builder;
use super::{Error, Mask};
use crate::geometry::Size;

/// Seven groups hold 35 bits: every difference of two 32-bit lengths.
const MOST_GROUPS: usize = 7;

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
        // A character without the bit for more ends a number.
        let numbers = bytes.iter().map(|byte| usize::from(byte.wrapping_sub(48) & 0x20 == 0)).sum();
        let mut reader = Reader { bytes, at: 0, before: [0; 2], builder: Builder::new(size, numbers)? };
        while reader.at < bytes.len() {
            if !reader.read_block() {
                reader.read_number()?;
            }
        }
        reader.builder.finish()
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

/// Where the string is being read.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The lengths of the last two runs, that of the even one first.
    before: [i64; 2],
    builder: Builder,
}

impl Reader<'_> {
    /// Reads eight numbers of one character each; false, with nothing read, where the next eight are not such.
    #[inline]
    fn read_block(&mut self) -> bool {
        const EACH: u64 = 0x0101_0101_0101_0101;
        // The first three runs are not differences.
        if self.builder.runs() < 3 {
            return false;
        }
        let Some(block) = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk) else { return false };
        let groups = u64::from_le_bytes(*block).wrapping_sub(EACH * 48);
        // Bits 6 and 7 are set in a foreign character, bit 5 where a number goes on. A borrow comes from a byte under
        // 48 alone, which shows itself the same way.
        if groups & (EACH * 0xe0) != 0 {
            return false;
        }
        // Flips the sign bit, so that subtracting 16 extends the sign.
        let biased = (groups ^ (EACH * 0x10)).to_le_bytes();
        let parity = self.builder.runs() % 2;
        let (mut same, mut other) = (self.before[parity], self.before[1 - parity]);
        let mut lengths = [0; 8];
        for (pair, bits) in lengths.chunks_exact_mut(2).zip(biased.chunks_exact(2)) {
            same += i64::from(bits[0]) - 16;
            other += i64::from(bits[1]) - 16;
            pair.copy_from_slice(&[same, other]);
        }
        if !self.builder.push_runs(lengths) {
            return false;
        }
        (self.before[parity], self.before[1 - parity]) = (same, other);
        self.at += 8;
        true
    }

    /// Reads one number.
    #[inline]
    fn read_number(&mut self) -> Result<(), Error> {
        let (difference, next) = number(self.bytes, self.at)?;
        let run = self.builder.runs();
        let length = if run > 2 { difference + self.before[run % 2] } else { difference };
        let checked = u32::try_from(length).map_err(|_| Error::RunLength { at: run, length })?;
        self.builder.push_run(checked)?;
        self.before[run % 2] = length;
        self.at = next;
        Ok(())
    }
}

/// One signed number from `bytes[start..]`, and where the next begins.
#[inline]
fn number(bytes: &[u8], start: usize) -> Result<(i64, usize), Error> {
    let mut value = 0_i64;
    for group in 0..MOST_GROUPS {
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
