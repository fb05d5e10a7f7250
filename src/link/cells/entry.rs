//! The entry of a cell: its place in the data files, its size, and its checksum.

/// Bytes of an entry.
pub const ENTRY_BYTES: usize = 20;

/// The entry of a cell: five little-endian numbers of 32 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Number of the data file.
    pub file: u32,
    /// First byte in the file.
    pub offset: u32,
    /// Number of exemplars.
    pub rows: u32,
    /// Bytes of the compressed records, which follow the vectors.
    pub record_bytes: u32,
    /// CRC-32 of the cell's bytes.
    pub crc32: u32,
}

impl Entry {
    /// Returns the form in the file.
    pub fn to_bytes(self) -> [u8; ENTRY_BYTES] {
        let mut bytes = [0; ENTRY_BYTES];
        let numbers = [self.file, self.offset, self.rows, self.record_bytes, self.crc32];
        for (four, number) in bytes.chunks_exact_mut(4).zip(numbers) {
            four.copy_from_slice(&number.to_le_bytes());
        }
        bytes
    }

    /// Reads the form in the file, [`ENTRY_BYTES`] long.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let at = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        Self { file: at(0), offset: at(4), rows: at(8), record_bytes: at(12), crc32: at(16) }
    }
}
