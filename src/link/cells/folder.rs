//! An index in cells on disk.

use std::cell::Cell;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::{CellIndex, Files};
use crate::link::index::folder::{FolderError, HEADER, MAX_HEADER_BYTES, read_at_most};

/// The data files of a folder.
#[derive(Debug, Default)]
pub struct CellFolder {
    folder: PathBuf,
    requests: Cell<usize>,
}

impl CellFolder {
    /// Returns the number of ranges read.
    pub fn requests(&self) -> usize {
        self.requests.get()
    }
}

/// Opens an index in cells.
pub fn open(folder: &Path) -> Result<(CellIndex, CellFolder), FolderError> {
    let path = folder.join(HEADER);
    let header = read_at_most(&path, MAX_HEADER_BYTES).map_err(|source| FolderError::Io { path, source })?;
    let read = |part: &crate::link::index::header::Part| read_at_most(&folder.join(&part.file), part.bytes);
    let of_index = |source| FolderError::Index { folder: folder.to_path_buf(), source };
    let index = CellIndex::from_files(&header, read).map_err(of_index)?;
    Ok((index, CellFolder { folder: folder.to_path_buf(), requests: Cell::new(0) }))
}

impl Files for CellFolder {
    async fn read(&self, file: &str, range: Range<u64>) -> Result<Vec<u8>, String> {
        self.requests.set(self.requests.get() + 1);
        let read = || {
            let mut opened = File::open(self.folder.join(file))?;
            opened.seek(SeekFrom::Start(range.start))?;
            let mut bytes = Vec::new();
            opened.take(range.end - range.start).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        read().map_err(|error: std::io::Error| error.to_string())
    }
}
