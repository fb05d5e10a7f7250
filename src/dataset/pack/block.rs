//! Blocks of a pack's records: everything of some rows but the strings of their masks.
//!
//! A block begins with the CRC-32 of the rest of it and the CRC-32 of the page of Parquet that has the
//! strings, both little-endian; the rest is zstd-compressed JSON, one line a row.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::page::{PageError, decompress, strings};

/// Maximum bytes of a decompressed block.
pub const MAX_BLOCK_BYTES: u64 = 256 << 20;
/// Bytes of the two checksums.
pub const BLOCK_HEAD_BYTES: usize = 8;

/// A line of a block.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct PackedRecord {
    /// The annotation as published, but that the objects of `segmentation` have no `counts`.
    pub annotation: Map<String, Value>,
    /// The image as published; `None` if the input does not list it.
    pub image: Option<Map<String, Value>>,
    /// The name of the entity.
    pub title: String,
    /// The path of the thumbnail in the pack, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thumbnail: Option<String>,
}

/// Says why a block could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BlockError {
    /// A checksum differs.
    #[error("the checksum of {what} differs: the file was damaged, or the host changed it")]
    Checksum {
        /// The part of the pack.
        what: &'static str,
    },
    /// The block or the page cannot be decoded.
    #[error(transparent)]
    Page(#[from] PageError),
    /// A line is not a record.
    #[error("line {line} of the block is not a record: {reason}")]
    Line {
        /// Number of the line, from 1.
        line: usize,
        /// The parser's message.
        reason: String,
    },
    /// The page does not have as many strings as the records have masks.
    #[error("the page has {actual} masks where the records have {expected}")]
    Masks {
        /// Number of masks by the records.
        expected: usize,
        /// Number of strings in the page.
        actual: usize,
    },
}

/// Decodes a block, and puts the strings of its page where they belong.
pub fn records(block: &[u8], page: &[u8]) -> Result<Vec<PackedRecord>, BlockError> {
    let checksum = |at: usize| Some(u32::from_le_bytes(block.get(at..at + 4)?.try_into().ok()?));
    let body = block.get(BLOCK_HEAD_BYTES..).unwrap_or_default();
    if checksum(0) != Some(crc32fast::hash(body)) {
        return Err(BlockError::Checksum { what: "a block of records" });
    }
    if checksum(4) != Some(crc32fast::hash(page)) {
        return Err(BlockError::Checksum { what: "a page of masks" });
    }
    let text = decompress(body, MAX_BLOCK_BYTES)?;
    let lines = text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).zip(1..);
    let records = lines.map(|(line, number)| {
        serde_json::from_slice(line)
            .map_err(|error| BlockError::Line { line: number, reason: error.to_string() })
    });
    let mut records: Vec<PackedRecord> = records.collect::<Result<_, _>>()?;
    let expected = records.iter_mut().map(|record| parts_of(record).count()).sum();
    let counts = strings(page, expected)?;
    if counts.len() != expected {
        return Err(BlockError::Masks { expected, actual: counts.len() });
    }
    let mut counts = counts.into_iter();
    for part in records.iter_mut().flat_map(parts_of) {
        part.extend(counts.next().map(|counts| ("counts".to_owned(), Value::String(counts))));
    }
    Ok(records)
}

fn parts_of(record: &mut PackedRecord) -> impl Iterator<Item = &mut Map<String, Value>> {
    let parts = record.annotation.get_mut("segmentation").and_then(Value::as_array_mut);
    parts.into_iter().flatten().filter_map(Value::as_object_mut)
}
