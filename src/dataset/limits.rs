//! Bounds on how much of a file is read and kept in memory, each checked before allocation.

/// Bounds on an annotation file. When one is exceeded, a finding reports it, and reading goes on or
/// stops as documented for each bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadLimits {
    /// Maximum bytes of the whole file; reading stops there. Default 64 GiB.
    pub file_bytes: u64,
    /// Maximum records of all sections together; reading stops there. Default 2²⁵, three times
    /// Mask-OVEN-Wiki.
    pub records: u64,
    /// Maximum bytes of one record; a longer one is skipped without being stored. Default 8 MiB.
    pub record_bytes: usize,
    /// Maximum bytes of one string except RLE strings, which [`record_bytes`](Self::record_bytes)
    /// bounds; a longer one is truncated. Default 16 KiB.
    pub text_bytes: usize,
    /// Maximum masks, boxes or labels of one annotation; further ones are left out, and the annotation is
    /// marked as cut. Default 1,024.
    pub parts: usize,
    /// Maximum polygons of one annotation, likewise. Default 65,536, which real files do not reach.
    pub polygons: usize,
    /// Maximum findings of one record; further ones are left out. Default 32.
    pub findings: usize,
    /// Maximum bytes of memory, estimated, that a [`Dataset`](super::Dataset) takes; further records
    /// are left out. Default 16 GiB, and 2 GiB on wasm32, whose memory ends at 4 GiB.
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
            polygons: 1 << 16,
            findings: 32,
            memory_bytes: if cfg!(target_arch = "wasm32") { 2 << 30 } else { 16 << 30 },
        }
    }
}
