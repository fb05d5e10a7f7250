//! Reads well-formed strings eight characters at a time; returns `None` for all others.
//!
//! First characters become differences, without a branch on the number of characters of a number, which
//! is unpredictable; then differences become run ends. Anything irregular (an invalid character, an
//! empty run, a number that is too long, runs that end too early or too late) is left to the reader of
//! `compressed.rs`, which goes number by number and returns the error.

use super::Mask;
use super::builder::Builder;
use super::compressed_number::{MAX_GROUPS, read_number};

/// Returns a word of eight equal bytes.
const fn each(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// Counts the numbers of a string: a character without the continuation bit ends one.
pub(super) fn count_numbers(bytes: &[u8]) -> usize {
    let (blocks, rest) = bytes.as_chunks();
    let more = |block: u64| (block.wrapping_sub(each(48)) >> 5) & each(1);
    // The product holds the sum of the eight bytes in its highest byte.
    let going_on: u64 =
        blocks.iter().map(|&block| more(u64::from_le_bytes(block)).wrapping_mul(each(1)) >> 56).sum();
    let going_on_in_rest = rest.iter().filter(|&&byte| byte.wrapping_sub(48) & 0x20 != 0).count();
    bytes.len() - going_on as usize - going_on_in_rest
}

/// Reads a regular string; `None` for an irregular one.
pub(super) fn read(mut builder: Builder, bytes: &[u8]) -> Option<Mask> {
    // The first three numbers are lengths themselves, and the first may be 0.
    let mut lengths = [0; 3];
    let mut at = 0;
    for length in &mut lengths {
        (*length, at) = read_number(bytes, at).ok()?;
        builder.push_run(u32::try_from(*length).ok()?).ok()?;
    }
    let [_, odd, even] = lengths;
    let ends_within_number = bytes.last()?.wrapping_sub(48) & 0x20 != 0;
    if odd == 0 || even == 0 || ends_within_number {
        return None;
    }
    let mut reader =
        Reader { differences: [0; CAPACITY], waiting: 0, partial: 0, shift: 0, odd, even, builder };
    let (blocks, rest) = bytes[at..].as_chunks();
    for &block in blocks {
        reader.read_block(block)?;
        if reader.waiting > CAPACITY - 8 {
            reader.add_up()?;
        }
    }
    // Padded with numbers that are dropped again.
    let mut block = [b'0'; 8];
    block[..rest.len()].copy_from_slice(rest);
    reader.read_block(block)?;
    reader.waiting -= block.len() - rest.len();
    reader.add_up()?;
    reader.finish()
}

/// Shift of the last group of the longest number.
const MAX_SHIFT: u32 = 5 * (MAX_GROUPS as u32 - 1);

/// Maximum number of differences that wait to be added up.
const CAPACITY: usize = 64;

struct Reader {
    differences: [i64; CAPACITY],
    waiting: usize,
    /// Groups of a number that the last block ended within, and their number of bits.
    partial: u64,
    shift: u32,
    /// Lengths of the last two runs; the waiting differences begin with an odd one.
    odd: i64,
    even: i64,
    builder: Builder,
}

impl Reader {
    /// Reads eight characters; at least eight entries of `differences` must be free.
    #[inline]
    fn read_block(&mut self, block: [u8; 8]) -> Option<()> {
        let groups = u64::from_le_bytes(block).wrapping_sub(each(48));
        // Only a byte under 48 borrows, and that byte itself has one of these bits set.
        if groups & each(0xc0) != 0 {
            return None;
        }
        let free = self.differences.get_mut(self.waiting..)?.first_chunk_mut::<8>()?;
        let more = groups & each(0x20);
        if more == 0 && self.shift == 0 {
            // Flips the sign bit, so that subtracting 16 extends the sign.
            for (difference, bits) in free.iter_mut().zip((groups ^ each(0x10)).to_le_bytes()) {
                *difference = i64::from(bits) - 16;
            }
            self.waiting += 8;
            return Some(());
        }
        // So no shift exceeds 40 below, and no number seven characters.
        let going_on = more & (more >> 8) & (more >> 16) & (more >> 24) & (more >> 32);
        let leading = (more ^ each(0x20)).trailing_zeros() / 8;
        if going_on != 0 || self.shift + 5 * leading > MAX_SHIFT {
            return None;
        }
        let (mut partial, mut shift, mut read) = (self.partial, self.shift, 0);
        for bits in groups.to_le_bytes() {
            partial |= u64::from(bits & 0x1f) << shift;
            // Always written, and counted only when the number ends here.
            let unused = 59 - shift;
            free[read & 7] = (partial << unused) as i64 >> unused;
            let goes_on = u32::from(bits >> 5);
            read += 1 - goes_on as usize;
            partial &= 0_u64.wrapping_sub(u64::from(goes_on));
            shift = (shift + 5) & 0_u32.wrapping_sub(goes_on);
        }
        (self.partial, self.shift) = (partial, shift);
        self.waiting += read;
        Some(())
    }

    /// Converts the waiting differences to run ends; an odd last one stays.
    #[inline]
    fn add_up(&mut self) -> Option<()> {
        let Self { differences, odd, even, builder, .. } = self;
        let pairs = self.waiting / 2;
        builder.push_ends(2 * pairs, |mut position, ends| {
            // Negative as soon as one length is 0 or negative.
            let mut sign = 0;
            for (end, difference) in ends.as_chunks_mut().0.iter_mut().zip(differences.as_chunks::<2>().0) {
                *odd += difference[0];
                *even += difference[1];
                sign |= (*odd - 1) | (*even - 1);
                *end = [(position + *odd) as u32, (position + *odd + *even) as u32];
                position += *odd + *even;
            }
            (sign >= 0).then_some(position)
        })?;
        if !self.waiting.is_multiple_of(2) {
            self.differences[0] = self.differences[2 * pairs];
        }
        self.waiting %= 2;
        Some(())
    }

    fn finish(mut self) -> Option<Mask> {
        if self.waiting == 1 {
            self.builder.push_run(u32::try_from(self.odd + self.differences[0]).ok()?).ok()?;
        }
        self.builder.finish().ok()
    }
}
