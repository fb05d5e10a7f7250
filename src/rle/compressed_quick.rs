//! Reads the strings that encoders write, eight characters at a time; gives up on all others.
//!
//! First characters become differences, with no branch on how many characters a number has, which
//! is as good as random; then differences become run ends. What is odd in any way (a foreign
//! character, a run of no pixel, an over-long number, an end too early or too late) is left to the
//! reader that goes number by number and knows the reason.

use super::Mask;
use super::builder::Builder;
use super::compressed_number::{MAX_GROUPS, read_number};

/// A byte of this value in each of eight.
const fn each(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// How many numbers a string holds: a character without the bit for more ends one.
pub(super) fn count_numbers(bytes: &[u8]) -> usize {
    let (blocks, rest) = bytes.as_chunks();
    let more = |block: u64| (block.wrapping_sub(each(48)) >> 5) & each(1);
    // The product adds the eight bytes up in its highest.
    let going_on: u64 =
        blocks.iter().map(|&block| more(u64::from_le_bytes(block)).wrapping_mul(each(1)) >> 56).sum();
    let going_on_in_rest = rest.iter().filter(|&&byte| byte.wrapping_sub(48) & 0x20 != 0).count();
    bytes.len() - going_on as usize - going_on_in_rest
}

/// The mask of a string without oddities.
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
    // Filled up with numbers that are dropped again.
    let mut block = [b'0'; 8];
    block[..rest.len()].copy_from_slice(rest);
    reader.read_block(block)?;
    reader.waiting -= block.len() - rest.len();
    reader.add_up()?;
    reader.finish()
}

/// Seven groups are the most of a number: the last is shifted by this.
const MAX_SHIFT: u32 = 5 * (MAX_GROUPS as u32 - 1);

/// Differences that may wait to be added up.
const CAPACITY: usize = 64;

struct Reader {
    differences: [i64; CAPACITY],
    waiting: usize,
    /// The groups of a number in which the last block ended, and how many bits they are.
    partial: u64,
    shift: u32,
    /// Lengths of the last two runs; what waits begins with an odd one.
    odd: i64,
    even: i64,
    builder: Builder,
}

impl Reader {
    /// Reads eight characters; there must be room for eight differences.
    #[inline]
    fn read_block(&mut self, block: [u8; 8]) -> Option<()> {
        let groups = u64::from_le_bytes(block).wrapping_sub(each(48));
        // A borrow comes from a byte under 48 alone, which shows itself by these bits the same way.
        if groups & each(0xc0) != 0 {
            return None;
        }
        let room = self.differences.get_mut(self.waiting..)?.first_chunk_mut::<8>()?;
        let more = groups & each(0x20);
        if more == 0 && self.shift == 0 {
            // Flips the sign bit, so that subtracting 16 extends the sign.
            for (difference, bits) in room.iter_mut().zip((groups ^ each(0x10)).to_le_bytes()) {
                *difference = i64::from(bits) - 16;
            }
            self.waiting += 8;
            return Some(());
        }
        // So no shift passes 40 below, and no number seven characters.
        let going_on = more & (more >> 8) & (more >> 16) & (more >> 24) & (more >> 32);
        let leading = (more ^ each(0x20)).trailing_zeros() / 8;
        if going_on != 0 || self.shift + 5 * leading > MAX_SHIFT {
            return None;
        }
        let (mut partial, mut shift, mut read) = (self.partial, self.shift, 0);
        for bits in groups.to_le_bytes() {
            partial |= u64::from(bits & 0x1f) << shift;
            // Written always, and counted when the number ends here.
            let unused = 59 - shift;
            room[read & 7] = (partial << unused) as i64 >> unused;
            let goes_on = u32::from(bits >> 5);
            read += 1 - goes_on as usize;
            partial &= 0_u64.wrapping_sub(u64::from(goes_on));
            shift = (shift + 5) & 0_u32.wrapping_sub(goes_on);
        }
        (self.partial, self.shift) = (partial, shift);
        self.waiting += read;
        Some(())
    }

    /// Turns what waits, but for an odd one left over, into run ends.
    #[inline]
    fn add_up(&mut self) -> Option<()> {
        let Self { differences, odd, even, builder, .. } = self;
        let pairs = self.waiting / 2;
        builder.push_ends(2 * pairs, |mut position, ends| {
            // Negative once a length is, or is 0.
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
