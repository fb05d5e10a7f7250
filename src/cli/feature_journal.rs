//! The features of masks in a file while an index is built, so that a build that was ended goes on where it
//! was.
//!
//! The file begins with [`MAGIC`], the SHA-256 of the encoder's manifest, and the numbers a feature (32
//! bits); then each mask has its key, its feature as 32-bit floats, and the CRC-32 of both, all
//! little-endian. The first record that is cut off or damaged ends it.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use sha2::{Digest as _, Sha256};

use super::file_lock;
use crate::rle::Mask;

const MAGIC: &[u8; 8] = b"mlfeat01";
/// Bytes of the magic, the encoder's hash and the numbers a feature.
const HEAD_BYTES: usize = MAGIC.len() + 32 + 4;
/// Maximum numbers a feature; a file that says more is damaged.
const MAX_DIMENSIONS: usize = 1 << 16;

/// Identifies a mask on an image: the SHA-256 of both.
pub(super) type Key = [u8; 32];

/// Features by their masks, in a file that grows by one record for each.
pub(super) struct FeatureJournal {
    path: PathBuf,
    file: File,
    /// Place of each record in the file.
    known: HashMap<Key, u64>,
    encoder: [u8; 32],
    /// Numbers a feature; `None` until there is one.
    dimensions: Option<usize>,
    end: u64,
}

impl FeatureJournal {
    /// Opens the journal of an encoder, or begins it; that of another encoder is begun anew. Fails while
    /// another process has it open.
    pub(super) fn open(path: &Path, encoder: [u8; 32]) -> anyhow::Result<Self> {
        let described = || path.display().to_string();
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).open(path);
        let file = file.with_context(described)?;
        file_lock::hold(&file, path, "another process builds this index; wait until it has ended")?;
        let (path, known) = (path.to_owned(), HashMap::new());
        let mut journal = Self { path, file, known, encoder, dimensions: None, end: 0 };
        journal.read_known().with_context(described)?;
        journal.file.set_len(journal.end).with_context(described)?;
        Ok(journal)
    }

    /// Returns the number of masks whose features are there.
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    /// Returns the feature of a mask that is in the file.
    pub(super) fn feature(&mut self, key: &Key) -> anyhow::Result<Option<Vec<f32>>> {
        let (Some(&at), Some(dimensions)) = (self.known.get(key), self.dimensions) else { return Ok(None) };
        let mut record = vec![0; record_bytes(dimensions)];
        let read = self.file.seek(SeekFrom::Start(at)).and_then(|_| self.file.read_exact(&mut record));
        read.with_context(|| self.path.display().to_string())?;
        Ok(Some(floats(&record[key.len()..record.len() - 4])))
    }

    /// Adds the feature of a mask.
    pub(super) fn add(&mut self, key: Key, feature: &[f32]) -> anyhow::Result<()> {
        let actual = feature.len();
        ensure!(
            (1..=MAX_DIMENSIONS).contains(&actual),
            "a feature has {actual} numbers, not 1 to {MAX_DIMENSIONS}"
        );
        let mut bytes = Vec::new();
        match self.dimensions {
            None => {
                bytes.extend_from_slice(MAGIC);
                bytes.extend_from_slice(&self.encoder);
                bytes.extend_from_slice(&u32::try_from(feature.len())?.to_le_bytes());
            }
            Some(expected) => {
                ensure!(expected == actual, "a feature has {actual} numbers, those before {expected}");
            }
        }
        let start = bytes.len();
        bytes.extend_from_slice(&key);
        bytes.extend(feature.iter().flat_map(|number| number.to_le_bytes()));
        let sum = crc32fast::hash(&bytes[start..]);
        bytes.extend_from_slice(&sum.to_le_bytes());
        // One write, so that an end in the middle leaves at most this record cut off.
        let written = self.file.seek(SeekFrom::Start(self.end)).and_then(|_| self.file.write_all(&bytes));
        written.with_context(|| self.path.display().to_string())?;
        self.dimensions = Some(feature.len());
        self.known.insert(key, self.end + start as u64);
        self.end += bytes.len() as u64;
        Ok(())
    }

    /// Removes the file, once the index is written.
    pub(super) fn remove(self) -> anyhow::Result<()> {
        std::fs::remove_file(&self.path).with_context(|| self.path.display().to_string())
    }

    /// Reads the places of the whole records of this encoder.
    fn read_known(&mut self) -> io::Result<()> {
        let mut reader = BufReader::new(&self.file);
        let mut head = [0; HEAD_BYTES];
        if !is_read(&mut reader, &mut head)?
            || &head[..MAGIC.len()] != MAGIC
            || head[MAGIC.len()..HEAD_BYTES - 4] != self.encoder
        {
            return Ok(());
        }
        let dimensions = u32::from_le_bytes([head[40], head[41], head[42], head[43]]) as usize;
        if !(1..=MAX_DIMENSIONS).contains(&dimensions) {
            return Ok(());
        }
        (self.dimensions, self.end) = (Some(dimensions), HEAD_BYTES as u64);
        let mut record = vec![0; record_bytes(dimensions)];
        while is_read(&mut reader, &mut record)? {
            let (content, sum) = record.split_at(record.len() - 4);
            if crc32fast::hash(content).to_le_bytes() != sum {
                break;
            }
            let mut key = Key::default();
            key.copy_from_slice(&content[..size_of::<Key>()]);
            self.known.insert(key, self.end);
            self.end += record.len() as u64;
        }
        if self.known.is_empty() {
            // The number of dimensions may be what is damaged: the file is begun anew.
            (self.dimensions, self.end) = (None, 0);
        }
        Ok(())
    }
}

/// Returns the key of a mask on an image of this SHA-256.
pub(super) fn key(image_sha256: &str, mask: &Mask) -> Key {
    let mut hash = Sha256::new();
    hash.update(image_sha256.as_bytes());
    for number in [mask.size().width, mask.size().height].iter().chain(mask.boundaries()) {
        hash.update(number.to_le_bytes());
    }
    hash.finalize().into()
}

fn record_bytes(dimensions: usize) -> usize {
    size_of::<Key>() + dimensions * 4 + 4
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(4).map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])).collect()
}

/// Fills a buffer; returns false where the file ends before.
fn is_read(reader: &mut impl io::Read, buffer: &mut [u8]) -> io::Result<bool> {
    match reader.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;

    const ENCODER: [u8; 32] = [7; 32];

    fn keys() -> [Key; 3] {
        let mask = |end| Mask::from_boundaries(Size::new(4, 4), vec![1, end]).unwrap();
        [key("a", &mask(3)), key("a", &mask(4)), key("b", &mask(3))]
    }

    #[test]
    fn features_are_there_after_an_end_in_the_middle_of_a_record() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let [first, second, third] = keys();
        let mut journal = FeatureJournal::open(&path, ENCODER).unwrap();
        journal.add(first, &[1.0, 2.0]).unwrap();
        journal.add(second, &[3.0, 4.0]).unwrap();
        assert!(FeatureJournal::open(&path, ENCODER).err().unwrap().to_string().contains("another process"));
        drop(journal);
        let whole = std::fs::read(&path).unwrap();
        for cut in HEAD_BYTES + record_bytes(2)..whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let mut journal = FeatureJournal::open(&path, ENCODER).unwrap();
            assert_eq!(journal.feature(&first).unwrap(), Some(vec![1.0, 2.0]), "{cut}");
            assert_eq!((journal.feature(&second).unwrap(), journal.len()), (None, 1));
            journal.add(third, &[5.0, 6.0]).unwrap();
            drop(journal);
            let mut journal = FeatureJournal::open(&path, ENCODER).unwrap();
            assert_eq!(journal.feature(&third).unwrap(), Some(vec![5.0, 6.0]));
            assert_eq!(journal.len(), 2);
        }
    }

    #[test]
    fn damaged_records_and_those_of_another_encoder_are_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let [first, second, third] = keys();
        let mut journal = FeatureJournal::open(&path, ENCODER).unwrap();
        journal.add(first, &[1.0, 2.0]).unwrap();
        journal.add(second, &[3.0, 4.0]).unwrap();
        assert!(journal.add(second, &[3.0]).is_err(), "another length");
        drop(journal);
        let whole = std::fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            std::fs::write(&path, &damaged).unwrap();
            let mut journal = FeatureJournal::open(&path, ENCODER).unwrap();
            for (key, expected) in [(first, vec![1.0, 2.0]), (second, vec![3.0, 4.0])] {
                assert!(
                    journal.feature(&key).unwrap().is_none_or(|feature| feature == expected),
                    "byte {at}"
                );
            }
            assert!(journal.len() < 2, "byte {at}");
            journal.add(third, &[5.0, 6.0]).unwrap();
            drop(journal);
            let mut journal = FeatureJournal::open(&path, ENCODER).unwrap();
            assert_eq!(journal.feature(&third).unwrap(), Some(vec![5.0, 6.0]), "byte {at}");
        }
        std::fs::write(&path, &whole).unwrap();
        assert_eq!(FeatureJournal::open(&path, [8; 32]).unwrap().len(), 0);
        assert_eq!(FeatureJournal::open(&path, ENCODER).unwrap().len(), 0, "it was begun anew");
    }
}
