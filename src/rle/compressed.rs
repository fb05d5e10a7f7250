//! COCO's compressed strings (maskApi `rleFrString`, `rleToString`): run lengths as differences in 5-bit groups.

use super::Error;
use super::mask::{Builder, Mask};
use crate::geometry::Size;

impl Mask {
    /// Reads COCO's compressed counts. The size is not part of the string.
    pub fn from_compressed(size: Size, counts: &str) -> Result<Self, Error> {
        let bytes = counts.as_bytes();
        let mut builder = Builder::new(size)?;
        let (mut at, mut run) = (0, 0);
        // The lengths of the last two runs: a number is written as the difference to the one two before.
        let mut before = [0_i64; 2];
        while at < bytes.len() {
            let (difference, next) = number(bytes, at)?;
            let length = if run > 2 { difference + before[run % 2] } else { difference };
            let checked = u32::try_from(length).map_err(|_| Error::RunLength { at: run, length })?;
            builder.push_run(checked)?;
            before[run % 2] = length;
            (at, run) = (next, run + 1);
        }
        builder.finish()
    }

    /// COCO's compressed counts of this mask, as pycocotools' `encode` writes them.
    pub fn to_compressed(&self) -> String {
        let counts = self.counts();
        let mut text = String::with_capacity(counts.len() * 2);
        for (run, &length) in counts.iter().enumerate() {
            let before = if run > 2 { i64::from(counts[run - 2]) } else { 0 };
            let mut rest = i64::from(length) - before;
            loop {
                let group = (rest & 0x1f) as u8;
                rest >>= 5;
                let more = if group & 0x10 != 0 { rest != -1 } else { rest != 0 };
                text.push(char::from(group + 48 + if more { 0x20 } else { 0 }));
                if !more {
                    break;
                }
            }
        }
        text
    }
}

/// One signed number from `bytes[start..]`, and where the next begins.
fn number(bytes: &[u8], start: usize) -> Result<(i64, usize), Error> {
    // Seven groups hold 35 bits: every difference of two 32-bit lengths.
    const MOST_GROUPS: usize = 7;
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
    Err(Error::Limit { what: "characters of one number", limit: MOST_GROUPS as u64, actual: MOST_GROUPS as u64 + 1 })
}
