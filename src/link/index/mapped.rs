//! A part of an index as bytes: in memory, or a file that is mapped into it.

#[cfg(not(target_arch = "wasm32"))]
use std::{fs::File, io, path::Path, sync::Arc};

/// The bytes of a part.
#[derive(Clone, Debug)]
pub enum PartBytes {
    /// Bytes in memory.
    Owned(Vec<u8>),
    /// A file whose pages the system reads when they are used, and drops when memory is short.
    #[cfg(not(target_arch = "wasm32"))]
    Mapped(Arc<memmap2::Mmap>),
}

impl PartBytes {
    /// Maps a file, which must not be changed in place while it is mapped.
    ///
    /// Parts of an index never are: they are written under another name, renamed, and removed as a whole,
    /// and their names hold their hashes. A removed file stays readable until it is unmapped.
    #[cfg(not(target_arch = "wasm32"))]
    #[expect(unsafe_code, reason = "the compiler cannot know that no program changes the file")]
    pub fn map(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        // SAFETY: the file is read only, and by the rule above no program truncates or overwrites it. One
        // that did so would be a fault of the user's other programs, as it would be with any library.
        let map = unsafe { memmap2::Mmap::map(&file) }?;
        Ok(Self::Mapped(Arc::new(map)))
    }

    /// Returns the bytes.
    pub fn as_slice(&self) -> &[u8] {
        match self {
            Self::Owned(bytes) => bytes,
            #[cfg(not(target_arch = "wasm32"))]
            Self::Mapped(map) => map,
        }
    }
}

impl From<Vec<u8>> for PartBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Owned(bytes)
    }
}
