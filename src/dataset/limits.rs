//! How much of a file is read and kept: every bound stated in one place and checked before allocation.

/// Bounds on what is read; beyond one, a finding says so and reading goes on or stops as the field tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadLimits {
    /// Bytes of the whole file; reading stops there. Default 64 GiB.
    pub file_bytes: u64,
    /// Records of all sections together; reading stops there. Default 2²⁵, three times Mask-OVEN-Wiki.
    pub records: u64,
    /// Bytes of one record; a longer one is skipped without being stored. Default 8 MiB.
    pub record_bytes: usize,
    /// Bytes of one text but RLE strings, which [`record_bytes`](Self::record_bytes) bounds; a
    /// longer one is cut. Default 16 KiB.
    pub text_bytes: usize,
    /// Masks, boxes or labels of one annotation; further ones are left out. Default 1,024.
    pub parts: usize,
    /// Findings kept on one record; further ones are left out. Default 32.
    pub findings: usize,
    /// Estimated bytes of memory that a [`Dataset`](super::Dataset) keeps; further records are left
    /// out. Default 16 GiB, and 2 GiB on wasm32, whose memory ends at 4 GiB.
    pub memory_bytes: u64,
}

impl Default for ReadLimits {
    fn default() -> Self {
        Self {
            file_bytes: 64 << 30,
            records: 1 << 25,
            record_bytes: 8 << 20,
            text_bytes: 16 << 10,
            parts: 1024,
            findings: 32,
            memory_bytes: if cfg!(target_arch = "wasm32") { 2 << 30 } else { 16 << 30 },
        }
    }
}
