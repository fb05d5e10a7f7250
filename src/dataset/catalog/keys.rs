//! A table from the hashes of ids to rows, of which one short range is read for each look-up.
//!
//! The rows are in buckets by the highest bits of their hash. The directory has the number of the first
//! entry of each bucket and of the end, as little-endian u32. An entry has six bytes: the lowest 16 bits of
//! the hash, and the row as u32. Entries of other ids may match; the caller compares the records' ids.

use std::ops::Range;

/// Bytes of an entry.
const ENTRY_BYTES: usize = 6;
/// Mean number of entries in a bucket: 6 KiB, which one small request reads.
const BUCKET_ENTRIES: usize = 1024;

/// Returns the hash of an id: 64-bit FNV-1a, then the finalizer of `MurmurHash3`, of which the upper half.
pub fn hash_of(id: &str) -> u32 {
    (hash64_of(id) >> 32) as u32
}

/// Returns the 64-bit hash of an id, of which [`hash_of`] is the upper half.
pub fn hash64_of(id: &str) -> u64 {
    let fnv = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let mut hash = id.bytes().fold(0xcbf2_9ce4_8422_2325, fnv);
    hash = (hash ^ hash >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ hash >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ hash >> 33
}

/// Builds the table: the directory and the entries. `hash_of_row` is called several times for each row.
pub(super) fn build(rows: u32, hash_of_row: impl Fn(u32) -> u32) -> (Vec<u8>, Vec<u8>) {
    let buckets = (rows as usize).div_ceil(BUCKET_ENTRIES).max(1);
    let mut next = vec![0_u32; buckets + 1];
    for row in 0..rows {
        next[bucket_of(hash_of_row(row), buckets) + 1] += 1;
    }
    for bucket in 0..buckets {
        next[bucket + 1] += next[bucket];
    }
    let directory = next.iter().flat_map(|first| first.to_le_bytes()).collect();
    let mut entries = vec![0; rows as usize * ENTRY_BYTES];
    for row in 0..rows {
        let hash = hash_of_row(row);
        let at = &mut next[bucket_of(hash, buckets)];
        let entry = &mut entries[*at as usize * ENTRY_BYTES..][..ENTRY_BYTES];
        entry[..2].copy_from_slice(&(hash as u16).to_le_bytes());
        entry[2..].copy_from_slice(&row.to_le_bytes());
        *at += 1;
    }
    (directory, entries)
}

/// Returns the range of bytes in the entries that has the rows of a hash, by the directory.
pub(super) fn bucket(directory: &[u8], hash: u32) -> Option<Range<u64>> {
    let buckets = (directory.len() / 4).checked_sub(1)?;
    let at = bucket_of(hash, buckets.max(1)) * 4;
    let first = |at: usize| Some(u32::from_le_bytes(directory.get(at..at + 4)?.try_into().ok()?));
    let (start, end) = (u64::from(first(at)?), u64::from(first(at + 4)?));
    (start <= end).then_some(start * ENTRY_BYTES as u64..end * ENTRY_BYTES as u64)
}

/// Returns the rows in a bucket that may have the hash, in increasing order.
pub(super) fn rows(bucket: &[u8], hash: u32) -> Vec<u32> {
    let mut rows: Vec<u32> = bucket
        .chunks_exact(ENTRY_BYTES)
        .filter(|entry| entry[..2] == (hash as u16).to_le_bytes())
        .map(|entry| u32::from_le_bytes([entry[2], entry[3], entry[4], entry[5]]))
        .collect();
    rows.sort_unstable();
    rows
}

fn bucket_of(hash: u32, buckets: usize) -> usize {
    ((u64::from(hash) * buckets as u64) >> 32) as usize
}

#[cfg(test)]
mod tests {
    use super::{bucket, build, hash_of, rows};

    #[test]
    fn every_id_is_found_in_its_bucket() {
        let ids: Vec<String> = (0..5_000).map(|n| format!("oven_entity_train_{n:08}")).collect();
        let (directory, entries) = build(ids.len() as u32, |row| hash_of(&ids[row as usize]));
        let mut false_matches = 0;
        for (row, id) in ids.iter().enumerate() {
            let hash = hash_of(id);
            let range = bucket(&directory, hash).unwrap();
            let found = rows(&entries[range.start as usize..range.end as usize], hash);
            assert!(found.contains(&(row as u32)), "{id}");
            false_matches += found.len() - 1;
        }
        assert!(false_matches < 200, "{false_matches} false matches among 5,000 look-ups");
    }

    #[test]
    fn directory_that_is_too_short_finds_nothing() {
        for bytes in [0, 4, 7] {
            assert_eq!(bucket(&vec![0; bytes], 1 << 31).filter(|range| !range.is_empty()), None);
        }
    }
}
