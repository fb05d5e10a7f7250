//! The images of the input: their records on disk, and a table of 16 bytes an image in memory.

use std::fs::File;
use std::io::{BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::Context;

use crate::dataset::catalog::hash64_of;
use crate::dataset::{ImageRecord, ReadLimits, parse_image};

/// Collects the records of images.
pub(super) struct ImageSpill {
    path: PathBuf,
    out: BufWriter<File>,
    at: u64,
    /// Hash of the id, then position and length in 40 and 24 bits.
    table: Vec<(u64, u64)>,
}

impl ImageSpill {
    /// Creates the file that the records are written to.
    pub(super) fn create(path: &Path) -> anyhow::Result<Self> {
        let file = File::create(path).with_context(|| path.display().to_string())?;
        let out = BufWriter::with_capacity(1 << 20, file);
        Ok(Self { path: path.to_owned(), out, at: 0, table: Vec::new() })
    }

    /// Adds an image by its id and its JSON.
    pub(super) fn push(&mut self, id: &str, json: &[u8]) -> anyhow::Result<()> {
        if self.table.len() == self.table.capacity() {
            self.table.reserve_exact(self.table.len() / 4 + 4096);
        }
        self.table.push((hash64_of(id), self.at << 24 | json.len() as u64));
        self.at += json.len() as u64;
        self.out.write_all(json).with_context(|| self.path.display().to_string())
    }

    /// Ends the input, and returns the images for look-ups.
    pub(super) fn finish(self) -> anyhow::Result<Images> {
        let context = || self.path.display().to_string();
        self.out.into_inner().map_err(std::io::IntoInnerError::into_error).with_context(context)?;
        let file = File::open(&self.path).with_context(context)?;
        let mut table = self.table;
        // By position too, so that an id refers to its first image.
        table.sort_unstable();
        Ok(Images { file: Mutex::new(file), table })
    }
}

/// The images of the input, read one by one.
pub(super) struct Images {
    file: Mutex<File>,
    table: Vec<(u64, u64)>,
}

impl Images {
    /// Returns the number of images.
    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// Returns the first image with an id; `None` if the input lists none.
    pub(super) fn find(&self, id: &str, limits: &ReadLimits) -> anyhow::Result<Option<ImageRecord>> {
        let hash = hash64_of(id);
        let first = self.table.partition_point(|&(other, _)| other < hash);
        for &(other, place) in &self.table[first..] {
            if other != hash {
                break;
            }
            let image = parse_image(&self.read(place)?, 0, limits)?;
            if image.id == id {
                return Ok(Some(image));
            }
        }
        Ok(None)
    }

    fn read(&self, place: u64) -> anyhow::Result<Vec<u8>> {
        let mut json = vec![0; (place & 0xff_ffff) as usize];
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(place >> 24)).and_then(|_| file.read_exact(&mut json))?;
        Ok(json)
    }
}
