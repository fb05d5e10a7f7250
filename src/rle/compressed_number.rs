//! Signed numbers in COCO's compressed strings: 5-bit groups, lowest first.
//!
//! A character holds `'0' +` six bits: five bits of the number, and in bit 5 whether more follow.

use super::Error;

/// Maximum number of groups in one number: seven hold 35 bits, enough for any difference of two 32-bit
/// lengths.
pub(super) const MAX_GROUPS: usize = 7;

/// Reads one signed number from `bytes[start..]`; returns it and the position of the next one.
pub(super) fn read_number(bytes: &[u8], start: usize) -> Result<(i64, usize), Error> {
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

/// Appends one signed number in as few characters as possible.
pub(super) fn push_number(text: &mut String, mut rest: i64) {
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
