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
    pub(super) fn push(&mut self, id: &str, input: u16, json: &[u8]) -> anyhow::Result<()> {
        if self.table.len() == self.table.capacity() {
            self.table.reserve_exact(self.table.len() / 4 + 4096);
        }
        self.table.push((hash64_of(id), self.at << 24 | json.len() as u64));
        self.at += json.len() as u64 + 2;
        let written = self.out.write_all(&input.to_le_bytes()).and_then(|()| self.out.write_all(json));
        written.with_context(|| self.path.display().to_string())
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
    /// Returns the number of images with different ids.
    pub(super) fn count(&self) -> usize {
        self.table.chunk_by(|a, b| a.0 == b.0).count()
    }

    /// Returns the first image with an id, one of the given input file before others; `None` if there is
    /// none.
    pub(super) fn find(
        &self,
        id: &str,
        input: u16,
        limits: &ReadLimits,
    ) -> anyhow::Result<Option<ImageRecord>> {
        let hash = hash64_of(id);
        let first = self.table.partition_point(|&(other, _)| other < hash);
        let mut found = None;
        for &(_, place) in self.table[first..].iter().take_while(|&&(other, _)| other == hash) {
            let (of, json) = self.read(place)?;
            let image = parse_image(&json, 0, limits)?;
            if image.id == id && of == input {
                return Ok(Some(image));
            }
            if image.id == id {
                found.get_or_insert(image);
            }
        }
        Ok(found)
    }

    /// Reads the input file's index and the JSON of an image.
    fn read(&self, place: u64) -> anyhow::Result<(u16, Vec<u8>)> {
        let mut record = vec![0; (place & 0xff_ffff) as usize + 2];
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(place >> 24)).and_then(|_| file.read_exact(&mut record))?;
        drop(file);
        let json = record.split_off(2);
        Ok((u16::from_le_bytes([record[0], record[1]]), json))
    }
}
