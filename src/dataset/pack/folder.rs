//! Packs and sidecars on the local disk.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::manifest::{MANIFEST, Manifest, ManifestError};
use crate::dataset::catalog::{Catalog, CatalogError, ORIGINAL, Storage, StorageError};

/// A folder whose files a catalog reads.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
    /// The annotation file of a sidecar.
    original: Option<PathBuf>,
}

/// Says why a pack could not be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The manifest could not be read.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The manifest is not one of a pack.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The catalog cannot be opened.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// A file is missing, or has another length than the manifest says.
    #[error("{file} has {actual} bytes where the manifest says {expected}: copy the pack again, all of it")]
    File {
        /// Path in the pack.
        file: String,
        /// The length by the manifest.
        expected: u64,
        /// The length found; 0 for a missing file.
        actual: u64,
    },
}

/// Opens the pack in a folder, and checks that all its files are there.
pub fn open(path: &Path) -> Result<(Manifest, Catalog<Folder>), OpenError> {
    let folder = Folder { path: path.to_owned(), original: None };
    let bytes = folder.length(MANIFEST)?;
    let manifest = Manifest::parse(&folder.read_range(MANIFEST, 0..bytes)?)?;
    for file in &manifest.files {
        let actual = folder.length(&file.file).unwrap_or(0);
        if actual != file.bytes {
            return Err(OpenError::File { file: file.file.clone(), expected: file.bytes, actual });
        }
    }
    let catalog = Catalog::new(manifest.catalog.clone(), folder)?;
    Ok((manifest, catalog))
}

/// Opens a sidecar beside its annotation file.
pub async fn open_sidecar(sidecar: &Path, original: &Path) -> Result<Catalog<Folder>, CatalogError> {
    let name = sidecar.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let path = sidecar.parent().unwrap_or(Path::new("")).to_owned();
    Catalog::open(&name, Folder { path, original: Some(original.to_owned()) }).await
}

impl Folder {
    fn path_of(&self, file: &str) -> PathBuf {
        match &self.original {
            Some(original) if file == ORIGINAL => original.clone(),
            _ => self.path.join(file),
        }
    }

    fn length(&self, file: &str) -> Result<u64, StorageError> {
        let path = self.path_of(file);
        path.metadata().map(|file| file.len()).map_err(|error| unreadable(&path, &error))
    }

    fn read_range(&self, file: &str, range: Range<u64>) -> Result<Vec<u8>, StorageError> {
        let path = self.path_of(file);
        let actual = self.length(file)?;
        if range.end > actual || range.start > range.end {
            let file = path.display().to_string();
            return Err(StorageError::TooShort { file, expected: range.end, actual });
        }
        let mut bytes = vec![0; usize::try_from(range.end - range.start).unwrap_or(usize::MAX)];
        let read = File::open(&path).and_then(|mut opened| {
            opened.seek(SeekFrom::Start(range.start))?;
            opened.read_exact(&mut bytes)
        });
        match read {
            Ok(()) => Ok(bytes),
            Err(error) => Err(unreadable(&path, &error)),
        }
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> StorageError {
    StorageError::Unreadable { file: path.display().to_string(), reason: error.to_string() }
}

impl Storage for Folder {
    async fn read(&self, file: &str, range: Range<u64>) -> Result<Vec<u8>, StorageError> {
        self.read_range(file, range)
    }
}
