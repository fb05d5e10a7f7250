//! The table of cells: an entry for each, checked against the header.

use std::ops::Range;

use super::block::row_bytes;
use super::entry::{ENTRY_BYTES, Entry};
use super::header::{Header, MAX_CELL_BYTES};
use crate::link::index::ReadError;
use crate::link::index::header::{check_limits, invalid};

/// The entries of all cells, in the order of the data files.
#[derive(Clone, Debug)]
pub struct Table {
    entries: Vec<Entry>,
    row_bytes: u64,
}

impl Table {
    /// Reads a table whose length the header states, and checks it against the header.
    pub fn read(header: &Header, bytes: &[u8]) -> Result<Self, ReadError> {
        let entries: Vec<_> = bytes.chunks_exact(ENTRY_BYTES).map(Entry::from_bytes).collect();
        let table = Self { entries, row_bytes: row_bytes(header.dimensions as usize) as u64 };
        let rows: u64 = table.entries.iter().map(|entry| u64::from(entry.rows)).sum();
        if rows != header.exemplars {
            let expected = header.exemplars;
            return Err(invalid(format!("the cells hold {rows} exemplars where {expected} are expected")));
        }
        for (cell, entry) in table.entries.iter().enumerate() {
            check_limits([("bytes of a cell of the index", MAX_CELL_BYTES, table.bytes_of(cell))])?;
            let end = u64::from(entry.offset) + table.bytes_of(cell);
            if header.data.get(entry.file as usize).is_none_or(|file| end > file.bytes) {
                return Err(invalid(format!("cell {cell} is not within its data file")));
            }
        }
        Ok(table)
    }

    /// Returns the number of cells.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether there are no cells.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the entry of a cell.
    pub fn entry(&self, cell: usize) -> Entry {
        self.entries[cell]
    }

    /// Returns the length of a cell in bytes.
    pub fn bytes_of(&self, cell: usize) -> u64 {
        let Entry { rows, record_bytes, .. } = self.entries[cell];
        u64::from(rows) * self.row_bytes + u64::from(record_bytes)
    }

    /// Returns whether the next cell begins where this one ends, so that one range holds both.
    pub fn is_followed(&self, cell: usize) -> bool {
        let (own, next) = (self.entries[cell], self.entries.get(cell + 1));
        let end = u64::from(own.offset) + self.bytes_of(cell);
        next.is_some_and(|next| next.file == own.file && u64::from(next.offset) == end)
    }

    /// Returns the file and the range of cells that follow each other; there is at least one.
    pub fn range_of(&self, cells: Range<usize>) -> (usize, Range<u64>) {
        let first = self.entries[cells.start];
        let start = u64::from(first.offset);
        let bytes: u64 = cells.map(|cell| self.bytes_of(cell)).sum();
        (first.file as usize, start..start + bytes)
    }
}
